"""The ports, over canned answers."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal

import pytest
import requests
import responses

from connectors.domain import Address, Application, NewVendorDraft, PaymentDraft, PaymentMethod, VendorDraft
from connectors.errors import BadAnswer, ConfigurationError, NotFound, OutcomeUnknown, Rejected
from connectors.ports import Tls
from connectors.sage100.connector import Sage100

URL = "https://erp.example:8443/v1"
WATERMARK = "2025-11-04T14:32:07-05:00"
LATER = "2025-11-04T15:00:00-05:00"


@pytest.fixture
def agent(company_json):
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        mock.get(f"{URL}/companies/validate", json=company_json)
        yield mock


@pytest.fixture
def sage(spec, host):
    return Sage100(spec(), host)


def page(data, following=None, watermark=WATERMARK):
    return {"data": data, "page": {"hasMore": following is not None, "nextCursor": following}, "watermark": watermark}


def error(code, **more):
    return {"error": {"code": code, "message": f"About {code}.", **more}}


def queries(agent, path):
    return [dict(call.request.params) for call in agent.calls if call.request.path_url.split("?")[0] == "/v1" + path]


# --- reading ---------------------------------------------------------------------------------------------


def test_the_first_read_takes_everything_and_keeps_the_first_watermark(agent, sage, vendor_json):
    agent.get(f"{URL}/vendors", json=page([vendor_json], "c1"))
    agent.get(f"{URL}/vendors", json=page([{**vendor_json, "vendorNo": "B"}], watermark=LATER))
    pages = list(sage.read_vendors(None))
    assert [one.key for each in pages for one in each.records] == ["01-ACME01", "01-B"]
    assert pages[0].cursor == {"since": None, "next": "c1", "watermark": WATERMARK}
    assert pages[1].cursor == {"since": WATERMARK, "next": None, "watermark": None}
    assert (pages[0].as_of, pages[1].as_of) == (None, datetime.fromisoformat(WATERMARK))
    assert queries(agent, "/vendors") == [{"limit": "500"}, {"limit": "500", "cursor": "c1"}]


def test_the_next_chain_overlaps(agent, sage):
    agent.get(f"{URL}/vendors", json=page([], watermark=LATER))
    (only,) = sage.read_vendors({"since": WATERMARK, "next": None, "watermark": None})
    assert queries(agent, "/vendors") == [{"limit": "500", "updated_since": "2025-11-04T14:22:07-05:00"}]
    assert only.cursor["since"] == LATER


def test_a_chain_is_resumed_with_the_same_filters(agent, sage):
    agent.get(f"{URL}/vendors", json=page([], watermark=LATER))
    (only,) = sage.read_vendors({"since": WATERMARK, "next": "c7", "watermark": "2025-11-04T14:50:00-05:00"})
    asked = {"limit": "500", "updated_since": "2025-11-04T14:22:07-05:00", "cursor": "c7"}
    assert queries(agent, "/vendors") == [asked]
    assert only.cursor == {"since": "2025-11-04T14:50:00-05:00", "next": None, "watermark": None}


@pytest.mark.parametrize("code", ["cursor_invalid", "cursor_mismatch"])
def test_a_chain_that_is_lost_begins_again(agent, sage, code):
    agent.get(f"{URL}/vendors", status=400, json=error(code))
    agent.get(f"{URL}/vendors", json=page([], watermark=LATER))
    (only,) = sage.read_vendors({"since": WATERMARK, "next": "c7", "watermark": "2025-11-04T14:50:00-05:00"})
    assert "cursor" not in queries(agent, "/vendors")[1]
    assert only.cursor["since"] == LATER


def test_other_refusals_of_a_list_are_raised(agent, sage):
    agent.get(f"{URL}/vendors", status=400, json=error("unknown_parameter"))
    with pytest.raises(Rejected):
        list(sage.read_vendors(None))


def test_one_bad_record_does_not_stop_the_others(agent, sage, vendor_json):
    bad = {**vendor_json, "vendorNo": "BAD", "holdPayment": "maybe"}
    agent.get(f"{URL}/vendors", json=page([bad, vendor_json, "nonsense"]))
    (only,) = sage.read_vendors(None)
    assert [one.key for one in only.records] == ["01-ACME01"]
    assert [one.document for one in only.bad] == ["BAD", ""]
    assert only.bad[0].key == "01-BAD"
    assert "holdPayment" in only.bad[0].message
    assert "maybe" in only.bad[0].raw


def keys_of_bad(agent, path, read, data):
    agent.get(f"{URL}/{path}", json=page(data))
    (only,) = read()
    return [one.key for one in only.bad]


def test_an_unreadable_record_has_a_key_of_its_own(agent, sage, invoice_json, payment_json):
    broken = [
        {**invoice_json, "balance": None},
        {**invoice_json, "id": "x1", "invoiceNo": None},
        {**invoice_json, "id": "x2", "invoiceNo": ""},
    ]
    nameless = [{**invoice_json, "id": None, "invoiceNo": None, "comment": text} for text in ("one", "two")]
    keys = keys_of_bad(agent, "ap-invoices", lambda: sage.read_bills(None, date(2025, 10, 1)), broken + nameless)
    assert keys[:3] == ["01-ACME01|INV-20541", "x1", "x2"]
    assert len(set(keys)) == 5
    payments = [{**payment_json, "amount": None}, {**payment_json, "clientReference": None, "amount": None}]
    keys = keys_of_bad(agent, "payments", lambda: sage.read_ledger_payments(None), payments)
    assert keys == [payment_json["clientReference"], payment_json["id"]]


def test_what_is_no_record_at_all_has_a_key_that_stays(agent, sage, vendor_json):
    rows = [1, None, "x", {}, [], vendor_json, {"b": 1, "a": {}}]
    keys = keys_of_bad(agent, "vendors", lambda: sage.read_vendors(None), rows)
    assert len(set(keys)) == 6
    assert all(key.startswith("unreadable:") and len(key) == 27 for key in keys)
    agent.replace("GET", f"{URL}/vendors", json=page([{"a": {}, "b": 1}, None, None]))
    (again,) = sage.read_vendors(None)
    assert [one.key for one in again.bad] == [keys[5], keys[1]]


def test_what_is_no_record_proves_no_absence(agent, sage, invoice_json):
    agent.get(f"{URL}/ap-invoices", json=page([None]))
    agent.get(f"{URL}/ap-invoices", json=page([{**invoice_json, "vendorNo": 7}]))
    agent.get(f"{URL}/vendors", json=page(["x"]))
    for _ in range(2):
        with pytest.raises(BadAnswer):
            sage.get_bill("01-ACME01|INV-20541")
    with pytest.raises(BadAnswer):
        sage.get_vendor("01-ACME01")


def test_bills_are_posted_ones_from_the_start_date_whatever_their_holds(agent, sage, invoice_json):
    agent.get(f"{URL}/ap-invoices", json=page([invoice_json]))
    (only,) = sage.read_bills(None, date(2025, 10, 1))
    assert only.records[0].key == "01-ACME01|INV-20541"
    assert queries(agent, "/ap-invoices") == [
        {"state": "posted", "invoice_date_from": "2025-10-01", "include": "lines", "limit": "500"}
    ]


def test_open_bills_are_all_of_them(agent, sage, invoice_json):
    agent.get(f"{URL}/ap-open-invoices", json=page([invoice_json], "c1"))
    agent.get(f"{URL}/ap-open-invoices", json=page([]))
    first, last = sage.read_open_bills()
    assert (first.cursor, first.as_of, last.as_of) == (None, None, datetime.fromisoformat(WATERMARK))
    assert first.records[0].payable
    assert queries(agent, "/ap-open-invoices")[0] == {"limit": "500"}


def test_a_bill_by_its_key(agent, sage, invoice_json):
    odd = {**invoice_json, "vendorNo": "A&B/CO", "invoiceNo": "R 104/B#2"}
    agent.get(f"{URL}/ap-invoices", json=page([odd]))
    assert sage.get_bill("01-A&B/CO|R 104/B#2").number == "R 104/B#2"
    asked = queries(agent, "/ap-invoices")[0]
    assert (asked["ap_division_no"], asked["vendor_no"], asked["invoice_no"]) == ("01", "A&B/CO", "R 104/B#2")
    for missing in ("01-A&B/CO|r 104/b#2", "nonsense"):
        with pytest.raises(NotFound):
            sage.get_bill(missing)


def test_banks_come_with_the_company(agent, sage):
    assert [(one.key, one.name) for one in sage.read_banks()] == [("B", "BILL clearing")]
    assert sage.payment_batches() is True


# --- the company -------------------------------------------------------------------------------------------


def test_the_company_is_checked_once_in_five_minutes_by_all(agent, spec, host, clock):
    for _ in range(3):
        Sage100(spec(), host).begin_run()
    assert len(queries(agent, "/companies/validate")) == 1
    clock.elapsed += 301
    Sage100(spec(), host).begin_run()
    assert len(queries(agent, "/companies/validate")) == 2
    Sage100(spec(credentials={"api_key": "n" * 40}), host).begin_run()
    assert len(queries(agent, "/companies/validate")) == 3


@pytest.mark.parametrize("wrong", [{"valid": False}, {"companyCode": "XYZ"}, {"modules": {"A/P": False}}])
def test_a_wrong_company_stops_the_run(sage, company_json, wrong):
    with responses.RequestsMock() as agent:
        agent.get(f"{URL}/companies/validate", json={**company_json, **wrong})
        with pytest.raises(ConfigurationError) as caught:
            sage.begin_run()
    assert caught.value.step == "company"


def test_ping_step_by_step(agent, sage, vendor_json):
    agent.get(f"{URL}/health", json={"status": "ok", "agentVersion": "1.0.0"})
    agent.get(f"{URL}/health/ready", json={"status": "ready", "sageVersion": "7.30.2.0"})
    agent.get(f"{URL}/vendors", json=page([vendor_json]))
    steps = list(sage.ping())
    assert [(step.name, step.ok) for step in steps] == [
        ("reach", True),
        ("login", True),
        ("company", True),
        ("read", True),
    ]
    assert "payments:write" in steps[2].message


def test_ping_stops_at_the_step_that_fails(agent, sage):
    agent.get(f"{URL}/health", json={"status": "ok"})
    agent.get(f"{URL}/health/ready", status=401, json=error("api_key_invalid"))
    steps = list(sage.ping())
    assert [(step.name, step.ok) for step in steps] == [("reach", True), ("login", False)]
    assert steps[-1].fix


@pytest.mark.parametrize(
    ("kwargs", "failure", "hinted"),
    [
        ({}, ConnectionResetError(), True),
        ({"credentials": {"client_certificate": "pem", "client_key": "pem"}}, ConnectionResetError(), False),
        ({"base_url": "http://127.0.0.1:8443"}, ConnectionResetError(), False),
        ({}, TimeoutError(), False),
    ],
)
def test_a_first_answer_that_breaks_off_may_miss_a_client_certificate(
    agent, spec, host, monkeypatch, kwargs, failure, hinted
):
    monkeypatch.setattr("connectors.tls.pool_options", lambda spec: {})
    connection = spec(**kwargs)
    agent.get(f"{connection.base_url}/v1/health", body=requests.ConnectionError(failure))
    (only,) = Sage100(connection, host).ping()
    assert (only.name, only.ok) == ("reach", False)
    assert only.fix.startswith("Check the base URL")
    assert ("may demand a client certificate" in only.fix) is hinted


def test_what_failed_and_what_to_do_are_two_sentences(agent, sage):
    agent.get(f"{URL}/health", json={"status": "ok"})
    body = {"error": {"code": "company_not_found", "message": "company_not_found"}}
    agent.get(f"{URL}/health/ready", status=404, json=body)
    failed = list(sage.ping())[-1]
    assert failed.message == "Sage 100: company_not_found."
    assert failed.fix[0].isupper()


def test_ping_does_not_keep_a_person_waiting(agent, sage, clock):
    agent.get(f"{URL}/health", json={"status": "ok"})
    agent.get(f"{URL}/health/ready", status=503, json=error("boi_unavailable"))
    assert not list(sage.ping())[-1].ok
    assert clock.elapsed <= 10


@pytest.mark.parametrize(("setting", "window"), [(None, 130), (5, 130), ("300", 305)])
def test_a_write_without_an_answer_may_take_effect_as_long_as_the_agent_works(spec, host, setting, window):
    settings = {} if setting is None else {"request_timeout": setting}
    assert Sage100(spec(settings=settings), host).capabilities.answer_window == window


def test_ping_is_not_fooled_by_another_service(agent, sage):
    agent.get(f"{URL}/health", body="<html>Welcome</html>")
    (only,) = sage.ping()
    assert (only.name, only.ok) == ("reach", False)
    assert only.fix


def test_ping_warns_when_verification_is_off(agent, spec, host):
    agent.get(f"{URL}/health", json={"status": "down"})
    steps = list(Sage100(spec(tls=Tls(verify=False)), host).ping())
    assert [(step.name, step.ok) for step in steps] == [("tls", True), ("reach", False)]
    assert "not verified" in steps[0].message


# --- payments ------------------------------------------------------------------------------------------------

DRAFT = PaymentDraft(
    reference="bill:stp01ABCD1234",
    vendor_key="01-ACME01",
    bank="B",
    method=PaymentMethod.ACH,
    check_number="",
    trace="P25110301-8842731",
    paid_on=date(2025, 11, 3),
    amount=Decimal(1250),
    comment="BILL P25110301",
    applications=(Application("INV-20541", Decimal(1250)),),
    batch="BILL 2025-11-04",
)


def test_a_payment_is_recorded(agent, sage, payment_json):
    agent.post(f"{URL}/payments", status=201, json=payment_json)
    written = sage.record_payment(DRAFT)
    assert (written.id, written.number, written.total) == (payment_json["id"], "W00017", Decimal(1250))
    assert not written.duplicate
    assert written.details == {"state": "entered", "check_number": "W00017", "batch": "00042"}
    body = json.loads(agent.calls[-1].request.body)
    assert (body["amount"], body["checkNo"], body["batch"]) == ("1250.00", None, {"description": "BILL 2025-11-04"})


def test_a_repetition_is_recognised(agent, sage, payment_json):
    agent.post(f"{URL}/payments", status=200, json={**payment_json, "duplicate": True})
    assert sage.record_payment(DRAFT).duplicate


@pytest.mark.parametrize("code", ["amount_exceeds_balance", "invoice_already_paid"])
def test_a_payment_that_does_not_fit_shows_the_balance(agent, sage, invoice_json, code):
    body = error(code, details=[{"field": "applications[0].invoiceNo", "code": "x", "message": "Too much"}])
    agent.post(f"{URL}/payments", status=422, json=body)
    agent.get(f"{URL}/ap-open-invoices", json=page([{**invoice_json, "balance": "40.00"}]))
    with pytest.raises(Rejected) as caught:
        sage.record_payment(DRAFT)
    assert "INV-20541: 40.00" in str(caught.value)
    assert caught.value.message == str(caught.value)
    assert (caught.value.code, caught.value.reason) == (code, "rejected_by_target")
    assert queries(agent, "/ap-open-invoices")[0]["include_zero_balance"] == "true"


def test_the_refusal_stands_when_the_balance_cannot_be_read(agent, sage):
    agent.post(f"{URL}/payments", status=409, json=error("invoice_already_paid"))
    agent.get(f"{URL}/ap-open-invoices", status=503, json=error("boi_unavailable"))
    with pytest.raises(Rejected, match="invoice_already_paid"):
        sage.record_payment(DRAFT)


def test_an_answer_that_cannot_be_understood_is_an_unknown_outcome(agent, sage, payment_json):
    agent.post(f"{URL}/payments", status=201, json={**payment_json, "amount": 1250})
    with pytest.raises(OutcomeUnknown):
        sage.record_payment(DRAFT)


@pytest.mark.parametrize(
    ("status", "code", "asked"),
    [(422, "wire_transfers_disabled", 2), (422, "validation_failed", 2), (409, "invoice_selected_for_payment", 1)],
)
def test_a_refusal_that_changed_options_may_explain_has_the_company_asked_again(
    agent, sage, spec, host, company_json, status, code, asked
):
    other = Sage100(spec(), host)
    assert sage.payment_batches()
    assert other.payment_batches()
    agent.post(f"{URL}/payments", status=status, json=error(code))
    company_json["apOptions"]["manualCheckBatchEnabled"] = False
    agent.replace("GET", f"{URL}/companies/validate", json=company_json)
    with pytest.raises(Rejected):
        sage.record_payment(DRAFT)
    expected = asked == 1
    assert sage.payment_batches() is expected
    assert other.payment_batches() is expected
    assert len(queries(agent, "/companies/validate")) == asked


def test_a_draft_that_cannot_be_written_never_leaves(agent, sage):
    with pytest.raises(Rejected):
        sage.record_payment(replace(DRAFT, amount=Decimal("0.001")))
    assert len(agent.calls) == 0


def test_payments_are_found_by_reference_and_by_invoice(agent, sage, payment_json):
    agent.get(f"{URL}/payments", json=page([payment_json]))
    assert sage.find_payment("bill:stp01ABCD1234").check_number == "W00017"
    assert sage.find_payment("bill:another") is None
    assert len(sage.find_bill_payments("01-ACME01|INV-20541")) == 1
    assert queries(agent, "/payments")[0] == {"client_reference": "bill:stp01ABCD1234", "limit": "500"}
    assert queries(agent, "/payments")[2]["invoice_no"] == "INV-20541"


def test_a_look_up_does_not_skip_what_it_cannot_read(agent, sage, payment_json):
    agent.get(f"{URL}/payments", json=page([{**payment_json, "amount": None}]))
    with pytest.raises(BadAnswer):
        sage.find_payment("bill:stp01ABCD1234")


def test_ledger_payments_are_followed(agent, sage, payment_json):
    agent.get(f"{URL}/payments", json=page([{**payment_json, "state": "posted"}], watermark=LATER))
    (only,) = sage.read_ledger_payments({"since": WATERMARK, "next": None, "watermark": None})
    assert only.records[0].posted
    assert queries(agent, "/payments")[0]["updated_since"] == "2025-11-04T14:22:07-05:00"


def test_a_payment_by_id_and_its_deletion(agent, sage, payment_json):
    agent.get(f"{URL}/payments/abc", json=payment_json)
    agent.delete(f"{URL}/payments/abc", status=204)
    agent.delete(f"{URL}/payments/abc", status=409, json=error("payment_posted"))
    assert sage.get_payment("abc").reference == "bill:stp01ABCD1234"
    sage.delete_payment("abc")
    with pytest.raises(Rejected) as caught:
        sage.delete_payment("abc")
    assert caught.value.code == "payment_posted"


def test_a_vendor_is_created(agent, sage, vendor_json):
    agent.post(f"{URL}/vendors", status=201, json={**vendor_json, "duplicate": False})
    draft = VendorDraft("Acme Building Supply", "", Address(line1="12 Mill Rd", country="US"))
    written = sage.create_vendor(NewVendorDraft(draft, division="01", number="ACME01", terms="03"))
    assert (written.id, written.duplicate) == ("01-ACME01", False)
