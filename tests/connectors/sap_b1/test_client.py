"""The Service Layer's client over real HTTP, in virtual time: sessions, repetitions, lists and writes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from connectors.budget import MemoryStore
from connectors.clock import SystemClock
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
    Unreachable,
)
from connectors.ports import Host
from connectors.sap_b1.client import PAGE, Client, Created
from tests.connectors.sap_b1.standin import (
    BROKEN_NODE,
    BUSY,
    EXPIRED,
    HTML,
    SPEC,
    Answer,
    Seen,
    StandIn,
    running,
    v1,
    v2,
)
from tests.connectors.sap_b1.test_metadata import V1 as METADATA

ROOT = "/b1s/v1"
INVOICE, INVOICES, PAYMENTS = f"{ROOT}/PurchaseInvoices(91)", f"{ROOT}/PurchaseInvoices", f"{ROOT}/VendorPayments"
ROW = {"DocEntry": 91, "DocTotal": 1190.10}
PAID = {"DocEntry": 45, "DocNum": 7}
BODY = {"CardCode": "V10000", "TransferSum": Decimal("1190.10")}


@pytest.fixture
def sap() -> Iterator[StandIn]:
    with running() as stand_in:
        yield stand_in


@pytest.fixture
def client(sap: StandIn) -> Client:
    return sap.client()


def read(client: Client) -> Any:
    return client.get("PurchaseInvoices(91)")


def pay(client: Client) -> Created:
    return client.create("VendorPayments", BODY)


def cookies(calls: list[Seen]) -> list[str]:
    return [call.headers["Cookie"] for call in calls]


# --- sessions ------------------------------------------------------------------------------------


def test_the_login_and_both_cookies_in_one_header(sap, client):
    sap.answer("GET", INVOICE, (200, ROW))
    assert read(client) == {"DocEntry": 91, "DocTotal": Decimal("1190.1")}
    (login,), (call,) = sap.calls(f"{ROOT}/Login"), sap.calls(INVOICE)
    assert login.body == {
        "CompanyDB": "ACME_PROD",
        "UserName": "mlconn",
        "Password": "b1-password",
        "Language": "3",
    }
    assert "Cookie" not in login.headers
    assert call.headers["Cookie"] == "B1SESSION=5e1fd0aa-1; ROUTEID=.node1"


def test_a_server_without_a_balancer_sets_no_cookies_that_are_needed(sap, client):
    sap.session_cookies = False
    sap.answer("GET", INVOICE, (200, ROW))
    read(client)
    assert cookies(sap.calls(INVOICE)) == ["B1SESSION=5e1fd0aa-1"]


def test_both_versions_and_all_processes_use_one_session(sap):
    for version in (1, 2, 1):
        sap.answer("GET", f"/b1s/v{version}/PurchaseInvoices(91)", (200, ROW))
        read(sap.client(version))
    assert sap.sessions == 1


def test_other_credentials_have_another_session(sap):
    sap.answer("GET", INVOICE, (200, ROW))
    read(sap.client())
    read(sap.client(password="changed"))
    assert sap.sessions == 2


def test_threads_that_begin_together_sign_in_once(sap):
    sap.answer("GET", INVOICE, (200, ROW))
    host = Host(SystemClock(), MemoryStore())
    spec = replace(SPEC, base_url=f"{sap.url}/b1s/v1")
    threads = [threading.Thread(target=lambda: read(Client(spec, host))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sap.sessions == 1
    assert set(cookies(sap.calls(INVOICE))) == {"B1SESSION=5e1fd0aa-1; ROUTEID=.node1"}


@pytest.mark.parametrize(
    ("timeout", "pauses"),
    [
        (30, [(0, 1), (28, 1), (28, 1), (29.5, 2), (28, 2)]),
        ("10", [(0, 1), (8, 1), (9.5, 2)]),
        (1, [(0, 1), (0.4, 1), (0.6, 2)]),
        (None, [(0, 1), (28, 1), (29.5, 2)]),
    ],
)
def test_a_session_left_alone_is_renewed_before_it_ends(sap, timeout, pauses):
    sap.timeout = timeout
    sap.answer("GET", INVOICE, (200, ROW))
    for minutes, logins in pauses:
        sap.clock.sleep(minutes * 60)
        read(sap.client())
        assert sap.sessions == logins


def test_use_by_one_process_keeps_the_session_of_another(sap):
    sap.answer("GET", INVOICE, (200, ROW))
    one, other = sap.client(), sap.client()
    read(one)
    for _ in range(5):
        sap.clock.sleep(20 * 60)
        read(other)
    read(one)
    assert sap.sessions == 1


EXPIRIES = [
    (401, EXPIRED),
    (401, v2(301, "Invalid session or session already timeout.")),
    (401, v1(-301, "x")),
    (401, v1(-5002, "whatever")),
    (400, v1(-5002, "")),
    (401, HTML),
]


@pytest.mark.parametrize("answer", EXPIRIES)
def test_an_expired_session_is_renewed_once_and_the_write_repeated(sap, client, answer):
    sap.answer("POST", PAYMENTS, answer, (201, PAID))
    assert pay(client).row == PAID
    assert cookies(sap.calls(PAYMENTS)) == [f"B1SESSION=5e1fd0aa-{n}; ROUTEID=.node{n}" for n in (1, 2)]
    assert [login.headers.get("Cookie") for login in sap.calls(f"{ROOT}/Login")] == [None, None]


def test_a_session_refused_right_after_its_login_is_not_renewed_again(sap, client):
    sap.answer("POST", PAYMENTS, (401, EXPIRED))
    with pytest.raises(CredentialsRefused):
        pay(client)
    assert (sap.sessions, len(sap.calls(PAYMENTS))) == (2, 2)


def test_a_session_that_another_process_renewed_is_taken_over(sap):
    one, other = sap.client(), sap.client()
    sap.answer("GET", INVOICE, (200, ROW), (200, ROW), (401, EXPIRED), (200, ROW), (401, EXPIRED), (200, ROW))
    for each in (one, other, one, other):
        read(each)
    assert sap.sessions == 2
    assert cookies(sap.calls(INVOICE))[-1] == "B1SESSION=5e1fd0aa-2; ROUTEID=.node2"


@pytest.mark.parametrize("shape", [v1, v2])
def test_a_business_refusal_never_signs_in(sap, client, shape):
    sap.answer("POST", PAYMENTS, (400, shape(-5002, "Enter a valid code [OPCH.CardCode] , 'V999'")))
    with pytest.raises(Rejected) as caught:
        pay(client)
    assert (caught.value.field, caught.value.code) == ("OPCH.CardCode", "-5002")
    assert (sap.sessions, len(sap.calls(PAYMENTS))) == (1, 1)


@pytest.mark.parametrize("code", [-304, -306])
def test_a_refused_login_is_never_repeated(sap, client, code):
    sap.logins = [Answer(401, v1(code, "Fail to NONE-SSO login from SLD."))] * 9
    for _ in range(2):
        with pytest.raises(CredentialsRefused) as caught:
            read(client)
        assert caught.value.step == "login"
    assert (sap.sessions, sap.clock.naps) == (1, [])


def test_testing_credentials_signs_in_whatever_is_known(sap, client):
    sap.logins = [Answer(401, v1(-304, "No."))]
    with pytest.raises(CredentialsRefused):
        client.sign_in()
    assert client.sign_in() == "1000190"
    assert client.sign_in() == "1000190"
    assert sap.sessions == 3


def test_a_path_in_the_wrong_case_is_no_matter_of_credentials(sap, client):
    sap.logins = [Answer(401, EXPIRED)] * 9
    with pytest.raises(ConfigurationError) as caught:
        read(client)
    assert not isinstance(caught.value, CredentialsRefused)
    assert caught.value.step == "reach"
    assert sap.sessions == 1


@pytest.mark.parametrize("answer", [Answer(500, v1(299, "SAML Login Failed")), Answer(503, HTML), Answer(502, "")])
def test_logins_that_collide_are_tried_again_at_different_moments(sap, answer):
    sap.logins = [answer] * 3
    jitter = iter([0.1, 0.5, 0.9])
    client = Client(replace(SPEC, base_url=f"{sap.url}/b1s/v1"), sap.host, jitter=lambda: next(jitter))
    sap.answer("GET", INVOICE, (200, ROW))
    read(client)
    assert sap.sessions == 4
    assert sap.clock.naps == pytest.approx([0.5 * 1.1, 1.0 * 1.5, 2.0 * 1.9])


@pytest.mark.parametrize("answer", [Answer(500, v1(-1, "Something else")), Answer(500, ""), Answer(200, HTML)])
def test_a_login_that_fails_for_unknown_reasons_is_not_repeated(sap, client, answer):
    sap.logins = [answer] * 9
    with pytest.raises((Unreachable, BadAnswer)):
        read(client)
    assert sap.sessions == 1


def test_a_login_waits_for_a_company_that_is_busy(sap, client):
    sap.logins = [Answer(500, BUSY)] * 2
    sap.answer("GET", INVOICE, (200, ROW))
    read(client)
    assert (sap.sessions, sap.clock.naps) == (3, [0.3, 0.7])


def test_the_work_is_parked_while_another_process_does_not_finish_its_login(sap, client):
    assert sap.store.acquire_slot(f"{client.config.session_key}:login", 1, 600)
    with pytest.raises(RateLimited):
        read(client)
    assert sap.sessions == 0


def test_logout_ends_the_shared_session(sap, client):
    sap.answer("GET", INVOICE, (200, ROW))
    sap.answer("POST", f"{ROOT}/Logout", (204,))
    client.logout()
    assert not sap.seen
    read(client)
    client.logout()
    assert cookies(sap.calls(f"{ROOT}/Logout")) == cookies(sap.calls(INVOICE))
    read(client)
    assert sap.sessions == 2


def test_a_logout_that_fails_harms_nobody(sap, client):
    sap.answer("POST", f"{ROOT}/Logout", (503, HTML))
    client.sign_in()
    client.logout()
    assert len(sap.calls(f"{ROOT}/Logout")) == 1


def test_closing_leaves_the_session_to_the_others(sap, client):
    sap.answer("GET", INVOICE, (200, ROW))
    read(client)
    client.close()
    read(sap.client())
    assert sap.sessions == 1


# --- what is repeated, and what never ------------------------------------------------------------


@pytest.mark.parametrize("call", [read, pay])
def test_a_busy_company_is_asked_again_then_with_another_session(sap, client, call):
    for method, path in (("GET", INVOICE), ("POST", PAYMENTS)):
        sap.answer(method, path, (500, BUSY), (500, BUSY), (500, BUSY), (201, PAID))
    call(client)
    path = INVOICE if call is read else PAYMENTS
    assert [cookie[-1] for cookie in cookies(sap.calls(path))] == ["1", "1", "1", "2"]
    assert sap.clock.naps == [0.3, 0.7]


def test_a_company_that_stays_busy_is_left_for_later(sap, client):
    sap.answer("POST", PAYMENTS, (500, BUSY))
    with pytest.raises(RecordLocked) as caught:
        pay(client)
    assert caught.value.effect == "none"
    assert (sap.sessions, len(sap.calls(PAYMENTS))) == (2, 4)


def test_a_forbidden_company_is_for_a_person(sap, client):
    sap.answer("GET", INVOICE, (500, v1(305, "Switch company error: -5027")))
    with pytest.raises(ConfigurationError):
        read(client)
    assert (sap.sessions, len(sap.calls(INVOICE)), sap.clock.naps) == (1, 1, [])


@pytest.mark.parametrize("call", [read, pay])
def test_a_broken_node_is_left_with_a_new_session(sap, client, call):
    for method, path in (("GET", INVOICE), ("POST", PAYMENTS)):
        sap.answer(method, path, (500, BROKEN_NODE), (201, PAID))
    call(client)
    assert [login.headers.get("Cookie") for login in sap.calls(f"{ROOT}/Login")] == [None, None]
    assert sap.seen[-1].headers["Cookie"] == "B1SESSION=5e1fd0aa-2; ROUTEID=.node2"


def test_nodes_that_stay_broken_are_left_for_later(sap, client):
    sap.answer("POST", PAYMENTS, (500, BROKEN_NODE))
    with pytest.raises(Unreachable):
        pay(client)
    assert (sap.sessions, len(sap.calls(PAYMENTS))) == (2, 2)


NO_ANSWERS = [
    Answer(500, v1(-1116, "internal error")),
    Answer(502, HTML),
    Answer(503, ""),
    Answer(504, HTML),
    Answer(200, HTML),
    Answer(200, ""),
    Answer(201, "[]"),
    Answer(200, "", cut=True),
]


@pytest.mark.parametrize("answer", NO_ANSWERS)
def test_a_read_without_an_answer_is_repeated_with_growing_pauses(sap, client, answer):
    sap.answer("GET", INVOICE, answer, answer, answer, (200, ROW))
    if answer.cut:  # the transport repeats the first itself, its kept-alive connection having been closed
        sap.answer("GET", INVOICE, answer, answer, answer, answer, (200, ROW))
    assert read(client)["DocEntry"] == 91
    assert sap.clock.naps == [0.5, 1.0, 2.0]


@pytest.mark.parametrize("answer", NO_ANSWERS)
def test_a_write_without_an_answer_is_never_repeated(sap, client, answer):
    sap.answer("POST", PAYMENTS, answer)
    with pytest.raises(OutcomeUnknown) as caught:
        pay(client)
    assert caught.value.effect == "unknown"
    assert (sap.sessions, len(sap.calls(PAYMENTS)), sap.clock.naps) == (1, 1, [])


def test_a_read_is_given_up_after_four_tries(sap, client):
    sap.answer("GET", INVOICE, (503, HTML))
    with pytest.raises(Unreachable):
        read(client)
    assert len(sap.calls(INVOICE)) == 4


def test_a_server_that_fails_slowly_is_left_for_later(sap, client):
    sap.answer("GET", INVOICE, Answer(504, HTML, takes=70))
    with pytest.raises(Unreachable):
        read(client)
    assert len(sap.calls(INVOICE)) == 2


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, v1(-10, "10001071 - Vendor is inactive"), Rejected),
        (400, v1(-2035, "This entry already exists in the following tables (ODBC -2035)"), Duplicate),
        (412, v1(-2039, "Another user or another operation modified data"), RecordLocked),
    ],
)
def test_a_refusal_is_final(sap, client, status, body, kind):
    sap.answer("POST", PAYMENTS, (status, body))
    with pytest.raises(kind):
        pay(client)
    assert (sap.sessions, len(sap.calls(PAYMENTS))) == (1, 1)


# --- entities, functions and actions -------------------------------------------------------------


def test_an_entity_by_its_key_with_some_properties(sap, client):
    sap.answer("GET", INVOICE, (200, ROW))
    client.get("PurchaseInvoices(91)", select=["DocEntry", "DocTotal"])
    (call,) = sap.calls(INVOICE)
    assert call.query == {"$select": "DocEntry,DocTotal"}


@pytest.mark.parametrize("shape", [v1, v2])
def test_an_absent_entity(sap, client, shape):
    sap.answer("GET", INVOICE, (404, shape(-2028, "No matching records found (ODBC -2028)")))
    with pytest.raises(NotFound):
        read(client)


def test_a_created_entity_and_where_it_is(sap, client):
    place = "https://b1.acme.example:50000/b1s/v1/VendorPayments(45)"
    sap.answer("POST", PAYMENTS, (201, PAID, {"Location": place}), (204, "", {"Location": place}))
    assert pay(client) == Created(PAID, place)
    assert pay(client) == Created({}, place)
    assert sap.calls(PAYMENTS)[0].body == {"CardCode": "V10000", "TransferSum": 1190.1}
    assert '"TransferSum":1190.10' in next(each for each in sap.exchanges if "VendorPayments" in each.url).request


def test_a_function_is_repeated_like_a_read(sap, client):
    path = f"{ROOT}/CompanyService_GetAdminInfo"
    sap.answer("POST", path, (503, HTML), (200, {"LocalCurrency": "$"}))
    assert client.call("CompanyService_GetAdminInfo", writes=False) == {"LocalCurrency": "$"}
    assert len(sap.calls(path)) == 2


def test_an_action_is_not_repeated(sap, client):
    path = f"{PAYMENTS}(45)/Cancel"
    sap.answer("POST", path, (204,), (503, HTML), (404, v1(-2028, "Entity with value('45') does not exist")))
    assert client.call("VendorPayments(45)/Cancel", writes=True) is None
    with pytest.raises(OutcomeUnknown):
        client.call("VendorPayments(45)/Cancel", writes=True)
    with pytest.raises(NotFound):
        client.call("VendorPayments(45)/Cancel", writes=True)
    assert len(sap.calls(path)) == 3


def test_deleting(sap, client):
    path = f"{ROOT}/PaymentDrafts(3)"
    sap.answer("DELETE", path, (204,), (400, v1(-5006, "The requested action is not supported for this object.")))
    client.delete("PaymentDrafts(3)")
    with pytest.raises(Rejected):
        client.delete("PaymentDrafts(3)")


# --- lists ---------------------------------------------------------------------------------------


def page(first: int, last: int, link: str = "", name: str = "odata.nextLink") -> tuple[int, dict[str, Any]]:
    body: dict[str, Any] = {"value": [{"DocEntry": each} for each in range(first, last + 1)]}
    return 200, {**body, name: link} if link else body


def entries(pages: Any) -> list[int]:
    return [row["DocEntry"] for rows in pages for row in rows]


@pytest.mark.parametrize("name", ["odata.nextLink", "@odata.nextLink"])
def test_rows_are_read_from_key_to_key(sap, client, name):
    link = "PurchaseInvoices?$skip=100"
    sap.answer("GET", INVOICES, page(1, PAGE, link, name), page(PAGE + 1, PAGE + 20, link, name), page(121, 125))
    found = client.rows("PurchaseInvoices", key="DocEntry", filter="CardCode eq 'A' or CardCode eq 'B'", after=0)
    assert entries(found) == list(range(1, 126))
    calls = sap.calls(INVOICES)
    assert [call.query["$filter"] for call in calls] == [
        f"(CardCode eq 'A' or CardCode eq 'B') and DocEntry gt {last}" for last in (0, PAGE, PAGE + 20)
    ]
    for call in calls:
        assert call.query["$orderby"] == "DocEntry asc"
        assert "$skip" not in call.query
        assert call.headers["Prefer"] == "odata.maxpagesize=100"


def test_the_key_is_selected_and_texts_are_quoted(sap, client):
    sap.answer("GET", f"{ROOT}/BusinessPartners", (200, {"value": [{"CardCode": "V'1"}]}))
    found = client.rows("BusinessPartners", key="CardCode", select=["CardName"], after="V'0")
    assert list(found) == [[{"CardCode": "V'1"}]]
    (call,) = sap.calls(f"{ROOT}/BusinessPartners")
    assert call.query["$select"] == "CardName,CardCode"
    assert call.query["$filter"] == "CardCode gt 'V''0'"
    assert "+" not in call.raw


def test_a_full_last_page_is_followed_by_an_empty_one(sap, client):
    sap.answer("GET", INVOICES, page(1, PAGE), page(1, 0))
    assert [len(rows) for rows in client.rows("PurchaseInvoices", key="DocEntry")] == [PAGE]
    assert "$filter" not in sap.calls(INVOICES)[0].query


@pytest.mark.parametrize(
    "rows",
    [
        [{"DocEntry": 5}, {"DocEntry": 4}],
        [{"DocEntry": 3}],
        [{"DocEntry": 5}, {"DocEntry": 5}],
        [{"DocNum": 5}],
        ["text"],
        {},
    ],
)
def test_rows_that_would_lead_past_others_are_no_answer(sap, client, rows):
    sap.answer("GET", INVOICES, (200, {"value": rows}))
    with pytest.raises(BadAnswer):
        list(client.rows("PurchaseInvoices", key="DocEntry", after=3))


def test_finding_some_rows_of_a_server_with_small_pages(sap, client):
    link = "VendorPayments?$top=20&$skip=20&$filter=Cancelled eq 'tNO'"
    sap.answer("GET", PAYMENTS, page(1, 20, link), page(21, 45))
    found = client.find("VendorPayments", filter="Cancelled eq 'tNO'", top=30, orderby="DocEntry desc")
    assert entries([found]) == list(range(1, 31))
    first, second = sap.calls(PAYMENTS)
    assert first.query == {"$filter": "Cancelled eq 'tNO'", "$orderby": "DocEntry desc", "$top": "30"}
    assert second.query == {"$filter": "Cancelled eq 'tNO'", "$top": "20", "$skip": "20"}


@pytest.mark.parametrize("prefix", ["", "/b1s/v1/", "{url}/b1s/v1/"])
def test_links_are_followed_and_the_page_size_asked_for_again(sap, client, prefix):
    path = f"{ROOT}/Dimensions"
    link = f"{prefix}Dimensions?$skip=100".format(url=sap.url)
    sap.answer("GET", path, page(1, 100, link), page(101, 102))
    assert entries(client.linked("Dimensions")) == list(range(1, 103))
    assert [call.headers["Prefer"] for call in sap.calls(path)] == ["odata.maxpagesize=100"] * 2


@pytest.mark.parametrize("link", ["https://evil.example/b1s/v1/Dimensions?$skip=1", "Dimensions?$skip=1"])
def test_links_that_lead_away_or_in_circles_are_refused(sap, client, link):
    sap.answer("GET", f"{ROOT}/Dimensions", page(1, 1, link))
    with pytest.raises(BadAnswer):
        list(client.linked("Dimensions"))
    assert len(sap.calls(f"{ROOT}/Dimensions")) <= 2


# --- $metadata -----------------------------------------------------------------------------------


def test_the_schema_is_read_once_a_day_for_all(sap):
    sap.answer("GET", f"{ROOT}/$metadata", (200, METADATA))
    for hours, reads in ((0, 1), (23, 1), (2, 2)):
        sap.clock.sleep(hours * 3600)
        client = sap.client()
        assert client.has_property("Document", "PaidToDate")
        assert not client.has_property("Document", "DraftKey")
        assert client.has_entity_set("VendorPayments")
        assert len(sap.calls(f"{ROOT}/$metadata")) == reads


# --- configuration and secrets -------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["/b1s/v1", "/b1s/v1/", "/tenant/b1s/v2", " /b1s/v2/ "])
def test_the_whole_base_url_is_taken(ending):
    spec = replace(SPEC, base_url=f"https://b1.acme.example{ending.strip()}")
    config = Client(spec, StandIn().host).config
    assert config.base == f"https://b1.acme.example{ending.strip().rstrip('/')}"
    assert config.version == int(ending.strip().rstrip("/")[-1])


@pytest.mark.parametrize("ending", ["", "/b1s", "/b1s/v3", "/B1S/v1", "/b1s/v1/Login", "/b1s/v1?x=1"])
def test_a_base_url_without_the_version_names_the_fix(ending):
    with pytest.raises(ConfigurationError) as caught:
        Client(replace(SPEC, base_url=f"https://b1.acme.example:50000{ending}"), StandIn().host)
    assert "/b1s/v1" in caught.value.fix


def test_missing_settings_are_all_named():
    with pytest.raises(ConfigurationError) as caught:
        Client(replace(SPEC, settings={}, credentials={}), StandIn().host)
    assert all(name in caught.value.message for name in ("company_db", "username", "password"))


@pytest.mark.parametrize("settings", [{"language": "English"}, {"request_timeout": "soon"}])
def test_unusable_settings(settings):
    with pytest.raises(ConfigurationError):
        Client(replace(SPEC, settings={**SPEC.settings, **settings}), StandIn().host)


def test_the_language_is_sent_as_text(sap):
    settings = {**SPEC.settings, "language": 23}
    Client(replace(SPEC, base_url=f"{sap.url}/b1s/v1", settings=settings), sap.host).sign_in()
    assert sap.calls(f"{ROOT}/Login")[0].body["Language"] == "23"


def test_a_slot_outlives_the_slowest_answer():
    slow = Client(replace(SPEC, settings={**SPEC.settings, "request_timeout": 300}), StandIn().host).config
    usual = Client(SPEC, StandIn().host).config
    assert (usual.limits[0].limit, usual.limits[0].ttl > 110, slow.limits[0].ttl > 310) == (2, True, True)
    assert slow.login_lease > 300
    assert (usual.payment_lease > usual.limits[0].ttl, slow.payment_lease > slow.limits[0].ttl) == (True, True)


def test_no_secret_reaches_the_audit_trail_an_error_or_the_names_of_shared_things(sap, client):
    sap.answer("GET", INVOICE, (400, v1(-10, "b1-password 5e1fd0aa-1 .node1")))
    with pytest.raises(Rejected) as caught:
        read(client)
    stored, _ = sap.store.get(client.config.session_key)
    assert "5e1fd0aa-1" in stored
    shown = "".join(map(str, sap.exchanges)) + str(caught.value) + caught.value.raw + repr(client.config)
    names = "".join(map(str, [*sap.store._slots, *sap.store._counts, *sap.store._values]))
    for secret in ("b1-password", "5e1fd0aa-1", ".node1"):
        assert secret not in shown
        assert secret not in names
