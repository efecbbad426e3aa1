"""The agent's contract over canned answers: what is sent, and what each refusal means."""

from __future__ import annotations

import json
import socket

import pytest
import requests
import responses

from connectors.errors import (
    BadAnswer,
    ConfigurationError,
    CredentialsRefused,
    Duplicate,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    RecordLocked,
    Rejected,
    Transient,
    Unreachable,
)
from connectors.sage100 import config
from connectors.sage100.client import Client

URL = "https://erp.example:8443/v1"
PEM = {"client_certificate": "-----BEGIN CERTIFICATE-----", "client_key": "-----BEGIN PRIVATE KEY-----"}


@pytest.fixture
def agent():
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


@pytest.fixture
def client(spec, host):
    return Client(spec(), host, jitter=lambda: 0)


def page(data, following=None, watermark="2025-11-04T14:32:07-05:00"):
    return {"data": data, "page": {"hasMore": following is not None, "nextCursor": following}, "watermark": watermark}


def error(code, **more):
    return {"error": {"code": code, "message": f"About {code}.", "requestId": "r", **more}}


# --- settings -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "base", ["https://erp.example:8443", "https://erp.example:8443/v1", "https://erp.example:8443/v1/"]
)
def test_the_base_url_may_name_the_version(agent, spec, host, base):
    agent.get(f"{URL}/health", json={"status": "ok"})
    assert Client(spec(base), host).health() == {"status": "ok"}


@pytest.mark.parametrize(
    ("kwargs", "step"),
    [
        ({"settings": {"company_code": "AB"}}, "company"),
        ({"settings": {"company_code": ""}}, "company"),
        ({"settings": {"company_code": "A-C"}}, "company"),
        ({"credentials": {}}, "login"),
        ({"credentials": {"api_key": "short"}}, "login"),
        ({"credentials": {"client_certificate": "x"}}, "login"),
    ],
)
def test_settings_that_cannot_work_are_named(spec, kwargs, step):
    with pytest.raises(ConfigurationError) as caught:
        config.parse(spec(**kwargs))
    assert caught.value.step == step
    assert caught.value.fix


def test_settings_that_work(spec):
    assert config.parse(spec(settings={"company_code": " abc "})).company_code == "ABC"
    assert config.parse(spec(credentials=PEM)).api_key == ""
    assert "kkkk" not in repr(config.parse(spec()))


# --- what is sent -----------------------------------------------------------------------------------------


def test_the_headers(agent, client):
    for path in ("/health", "/health/ready", "/companies/validate"):
        agent.get(URL + path, json={})
    client.health()
    client.ready()
    client.validate()
    sent = [(call.request.headers.get("X-API-Key"), call.request.headers.get("X-Company-Code")) for call in agent.calls]
    assert sent == [(None, None), ("k" * 40, None), ("k" * 40, "ABC")]
    ids = [call.request.headers["X-Request-Id"] for call in agent.calls]
    assert len(set(ids)) == 3
    assert max(map(len, ids)) <= 64


def test_no_more_than_ten_requests_in_any_second(agent, client, clock):
    agent.get(f"{URL}/health", json={})
    times = []
    for _ in range(35):
        client.health()
        times.append(clock.monotonic())
        clock.elapsed += 0.01
    assert all(later - earlier > 1 for earlier, later in zip(times, times[10:], strict=False))


# --- refusals -----------------------------------------------------------------------------------------------

READ, WRITE = "read", "write"


def refused(agent, client, kind, status, body, headers=None):
    agent.get(f"{URL}/vendors", status=status, json=body, headers=headers)
    agent.post(f"{URL}/payments", status=status, json=body, headers=headers)
    with pytest.raises(Exception) as caught:
        client.vendors([]) if kind == READ else client.create_payment({})
    return caught.value


@pytest.mark.parametrize(
    ("status", "code", "kind", "expected", "step"),
    [
        (400, "company_code_invalid", READ, ConfigurationError, "company"),
        (400, "unknown_parameter", READ, Rejected, None),
        (401, "api_key_invalid", READ, CredentialsRefused, "login"),
        (401, "client_certificate_required", WRITE, CredentialsRefused, "login"),
        (403, "scope_missing", WRITE, ConfigurationError, "permission"),
        (403, "company_access_denied", READ, ConfigurationError, "company"),
        (403, "sage_permission_denied", WRITE, ConfigurationError, "permission"),
        (404, "company_not_found", READ, ConfigurationError, "company"),
        (404, "route_not_found", READ, ConfigurationError, "reach"),
        (404, "batch_not_found", WRITE, NotFound, None),
        (409, "vendor_exists", WRITE, Duplicate, None),
        (409, "payment_conflict", WRITE, Rejected, None),
        (409, "invoice_already_paid", WRITE, Rejected, None),
        (413, "body_too_large", WRITE, Rejected, None),
        (422, "validation_failed", WRITE, Rejected, None),
        (423, "record_locked", WRITE, RecordLocked, None),
        (423, "company_locked", READ, RecordLocked, None),
        (429, "queue_full", WRITE, RateLimited, None),
        (500, "agent_error", READ, Transient, None),
        (500, "agent_error", WRITE, OutcomeUnknown, None),
        (503, "boi_unavailable", WRITE, Unreachable, None),
        (503, "sage_logon_failed", READ, ConfigurationError, "sage_logon"),
        (504, "boi_timeout", READ, Transient, None),
        (504, "boi_timeout", WRITE, OutcomeUnknown, None),
    ],
)
def test_the_error_table(agent, client, status, code, kind, expected, step):
    raised = refused(agent, client, kind, status, error(code))
    assert type(raised) is expected
    assert (raised.status, raised.code) == (status, code)
    assert f"About {code}." in raised.message
    assert code in raised.raw
    if step:
        assert raised.step == step
        assert raised.fix


def test_an_error_says_what_sage_said_and_which_field(agent, client):
    body = error(
        "validation_failed",
        details=[{"field": "termsCode", "code": "unknown", "message": "No such terms"}],
        sage={"lastErrorMsg": "The Terms Code is not on file"},
    )
    raised = refused(agent, client, WRITE, 422, body)
    assert raised.field == "termsCode"
    assert "termsCode: No such terms" in raised.message
    assert "not on file" in raised.message


@pytest.mark.parametrize(
    ("status", "code", "reason"),
    [
        (422, "period_closed", "period_closed"),
        (409, "invoice_selected_for_payment", "paid_in_erp"),
        (422, "wire_transfers_disabled", "rejected_by_target"),
    ],
)
def test_reasons(agent, client, status, code, reason):
    raised = refused(agent, client, WRITE, status, error(code))
    assert (raised.code, raised.reason) == (code, reason)


def test_the_existing_vendor_is_named(agent, client):
    agent.post(f"{URL}/vendors", status=409, json=error("vendor_exists", existing={"id": "WyJ2"}))
    with pytest.raises(Duplicate) as caught:
        client.create_vendor({})
    assert caught.value.ref == "WyJ2"


def test_retry_after_from_header_and_body(agent, client):
    assert refused(agent, client, WRITE, 423, error("record_locked"), {"Retry-After": "7"}).retry_after == 7
    agent.reset()
    assert refused(agent, client, WRITE, 423, error("record_locked", retryAfterSeconds=9)).retry_after == 9


@pytest.mark.parametrize(
    ("status", "kind", "expected"),
    [
        (502, READ, Unreachable),
        (502, WRITE, OutcomeUnknown),
        (404, READ, ConfigurationError),
        (302, READ, ConfigurationError),
        (200, READ, BadAnswer),
        (201, WRITE, OutcomeUnknown),
        (429, READ, RateLimited),
    ],
)
def test_a_web_page_in_the_agents_place(agent, client, status, kind, expected):
    agent.get(f"{URL}/vendors", status=status, body="<html>Hello</html>")
    agent.post(f"{URL}/payments", status=status, body="<html>Hello</html>")
    with pytest.raises(expected):
        client.vendors([]) if kind == READ else client.create_payment({})


@pytest.mark.parametrize(
    "body",
    [
        [],
        {},
        {"data": []},
        {"data": {}, "page": {}, "watermark": "w"},
        {"data": [], "page": {"hasMore": True, "nextCursor": None}, "watermark": "w"},
        {"data": [], "page": {"hasMore": False}},
    ],
)
def test_a_list_that_is_none_is_a_bad_answer(agent, client, body):
    agent.get(f"{URL}/vendors", json=body)
    with pytest.raises(BadAnswer):
        client.vendors([])


def test_a_cursor_that_does_not_move_is_a_bad_answer(agent, client):
    agent.get(f"{URL}/vendors", json=page([], "same"))
    with pytest.raises(BadAnswer):
        client.vendors([("cursor", "same")])


# --- trying again ---------------------------------------------------------------------------------------------


HICCUPS = [(423, "record_locked"), (423, "company_locked"), (429, "queue_full"), (503, "boi_unavailable")]


@pytest.mark.parametrize(("status", "code"), HICCUPS)
def test_a_read_waits_as_told_and_tries_eight_times(agent, client, clock, status, code):
    for _ in range(7):
        agent.get(f"{URL}/vendors", status=status, json=error(code), headers={"Retry-After": "5"})
    agent.get(f"{URL}/vendors", json=page([{"a": 1}]))
    assert client.vendors([]).data == [{"a": 1}]
    assert clock.naps == [5] * 7


def test_the_ninth_try_is_never_made(agent, client, clock):
    agent.get(f"{URL}/vendors", status=423, json=error("record_locked"), headers={"Retry-After": "1"})
    with pytest.raises(RecordLocked):
        client.vendors([])
    assert len(agent.calls) == 8
    assert clock.naps == [1] * 7


def test_a_read_that_is_told_nothing_doubles_its_waits_within_two_minutes(agent, client, clock):
    agent.get(f"{URL}/vendors", status=503, json=error("license_unavailable"))
    with pytest.raises(Unreachable):
        client.vendors([])
    assert clock.naps == [2, 4, 8, 16, 32]


def test_waits_are_spread(agent, spec, host, clock):
    agent.get(f"{URL}/vendors", status=503, json=error("license_unavailable"))
    agent.get(f"{URL}/vendors", json=page([]))
    Client(spec(), host, jitter=lambda: 0.5).vendors([])
    assert clock.naps == [2.25]


def test_an_agent_error_is_repeated_three_times(agent, client, clock):
    agent.get(f"{URL}/vendors", status=500, json=error("agent_error"))
    with pytest.raises(Transient):
        client.vendors([])
    assert clock.naps == [2, 4, 8]


def test_a_wait_beyond_the_patience_is_the_callers(agent, client, clock):
    agent.get(f"{URL}/vendors", status=503, json=error("shutting_down"), headers={"Retry-After": "300"})
    with pytest.raises(Unreachable) as caught:
        client.vendors([])
    assert caught.value.retry_after == 300
    assert clock.naps == []


def test_an_agent_that_is_restarting(agent, client, clock):
    agent.get(f"{URL}/vendors", status=503, json=error("shutting_down"), headers={"Retry-After": "20"})
    for _ in range(2):  # the transport itself knocks again at once
        agent.get(f"{URL}/vendors", body=requests.ConnectionError("gone"))
    agent.get(f"{URL}/vendors", status=503, json=error("boi_unavailable"))
    agent.get(f"{URL}/vendors", json=page([]))
    assert client.vendors([]).data == []
    assert clock.naps == [20, 1, 4]


def test_nobody_at_the_address_is_told_within_seconds(clock, spec, host):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    nowhere = Client(spec(f"https://127.0.0.1:{port}"), host, jitter=lambda: 0)
    for call in (lambda: nowhere.vendors([]), lambda: nowhere.create_payment({})):
        clock.naps.clear()
        with pytest.raises(Unreachable):
            call()
        assert clock.naps == [1, 2]


def test_long_silence_is_not_asked_for_twice(agent, client, clock):
    def silence(request):
        clock.elapsed += 65
        raise requests.ReadTimeout

    agent.add_callback("GET", f"{URL}/vendors", silence)
    with pytest.raises(Unreachable):
        client.vendors([])
    assert len(agent.calls) == 1


def test_a_read_cut_off_on_its_way_is_repeated_once(agent, client):
    agent.get(f"{URL}/vendors", body='{"data": [')
    with pytest.raises(BadAnswer):
        client.vendors([])
    assert len(agent.calls) == 2


@pytest.mark.parametrize(("status", "code"), [each for each in HICCUPS if each[0] != 423])
def test_a_write_that_was_not_begun_is_repeated(agent, client, clock, status, code):
    for _ in range(3):
        agent.post(f"{URL}/payments", status=status, json=error(code), headers={"Retry-After": "7"})
        agent.delete(f"{URL}/payments/abc", status=status, json=error(code), headers={"Retry-After": "7"})
    agent.post(f"{URL}/payments", status=201, json={"id": "x"})
    agent.delete(f"{URL}/payments/abc", status=204)
    assert client.create_payment({}) == {"id": "x"}
    client.delete_payment("abc")
    assert clock.naps == [7] * 6


@pytest.mark.parametrize("last", [{"status": 504}, {"status": 500}, {"body": requests.ConnectionError("gone")}])
def test_a_repeated_write_stops_where_its_outcome_is_unknown(agent, client, last):
    agent.post(f"{URL}/payments", status=503, json=error("boi_unavailable"))
    agent.post(f"{URL}/payments", **last, json=None if "body" in last else error("x"))
    agent.post(f"{URL}/payments", status=201, json={"id": "x"})
    with pytest.raises(OutcomeUnknown):
        client.create_payment({})
    assert len(agent.calls) == 2


def test_a_logon_that_sage_refuses_is_repeated_for_nobody(agent, client, clock):
    agent.post(f"{URL}/payments", status=503, json=error("sage_logon_failed"), headers={"Retry-After": "1"})
    with pytest.raises(ConfigurationError):
        client.create_payment({})
    assert len(agent.calls) == 1


def test_a_gateway_without_an_agent_may_have_passed_a_write_on(agent, client):
    agent.post(f"{URL}/payments", status=503, body="<html>Service Unavailable</html>")
    with pytest.raises(OutcomeUnknown):
        client.create_payment({})
    assert len(agent.calls) == 1


@pytest.mark.parametrize(
    "answer", [{"status": 423}, {"status": 500}, {"status": 504}, {"body": requests.ConnectionError("gone")}]
)
def test_a_write_is_sent_once(agent, client, answer):
    agent.post(f"{URL}/payments", json=None if "body" in answer else error("x"), **answer)
    agent.delete(f"{URL}/payments/abc", json=None if "body" in answer else error("x"), **answer)
    with pytest.raises((RecordLocked, OutcomeUnknown)):
        client.create_payment({})
    assert len(agent.calls) == 1
    with pytest.raises((RecordLocked, OutcomeUnknown)):
        client.delete_payment("abc")
    assert len(agent.calls) == 2


def test_the_key_is_never_shown(agent, client, seen):
    echo = {"error": {"code": "api_key_invalid", "message": f"Key {'k' * 40} is unknown"}}
    raised = refused(agent, client, READ, 401, echo)
    shown = json.dumps([raised.message, raised.raw, repr(seen), repr(client.config)])
    assert "kkkk" not in shown
