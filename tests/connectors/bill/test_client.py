"""How odd and unfriendly answers are understood: canned answers, virtual time."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
import responses

from connectors.bill.connector import Bill
from connectors.domain import Address, BillDraft, DraftLine, VendorDraft
from connectors.errors import (
    AuthExpired,
    BadAnswer,
    ConfigurationError,
    CredentialsRefused,
    Duplicate,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    Rejected,
    Unreachable,
)
from tests.connectors.bill.conftest import ORGANIZATION, SPEC, Ground

BASE = SPEC.base_url
VENDOR = "00901QWERTYUIOPASDFG"
BILL = "00n01ZXCVBNMASDFGHJK"
DRAFT = BillDraft(VENDOR, "INV-1", date(2026, 11, 1), date(2026, 12, 1), (DraftLine("0ca01", Decimal("10.10")),))
ROW = {"id": BILL, "vendorId": VENDOR, "amount": 10.1, "invoice": {"invoiceNumber": "INV-1"}}
EMPTY = {"results": []}


def errors(*found: tuple[str, str] | str) -> str:
    elements = [
        {"message": each, "severity": "ERROR"}
        if isinstance(each, str)
        else {
            "timestamp": "2026-11-20T15:04:05.006+00:00",
            "code": each[0],
            "severity": "ERROR",
            "category": "DOWNSTREAM",
            "message": each[1],
            "params": {},
        }
        for each in found
    ]
    return json.dumps(elements)


EXPIRED = errors(("BDC_1109", "Session is invalid.  Please log in."))
BUSY = errors(("BDC_1322", "Max number of concurrent requests per organization reached."))


@pytest.fixture
def vendor_api() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


class Api:
    """Answers by path, in order; the last one is repeated."""

    def __init__(self, mock: responses.RequestsMock) -> None:
        self.mock = mock
        self.sessions = 0
        self.login_answer: tuple[int, Any] | None = None
        mock.add_callback("POST", f"{BASE}/v3/login", self._login)

    def _login(self, request: Any) -> tuple[int, dict[str, str], str]:
        self.sessions += 1
        if self.login_answer:
            return self.login_answer[0], {}, self.login_answer[1]
        answer = {"organizationId": ORGANIZATION, "sessionId": f"session-{self.sessions}", "trusted": False}
        return 200, {}, json.dumps(answer)

    def answer(self, method: str, path: str, *answers: tuple[int, Any] | Exception, **headers: str) -> None:
        for each in answers:
            if isinstance(each, Exception):
                self.mock.add(method, BASE + path, body=each)
            else:
                body = each[1] if isinstance(each[1], str) else json.dumps(each[1])
                self.mock.add(method, BASE + path, status=each[0], body=body, headers=headers)

    def calls(self, path: str) -> list[Any]:
        return [each.request for each in self.mock.calls if str(each.request.url).split("?")[0] == BASE + path]


@pytest.fixture
def api(vendor_api: responses.RequestsMock) -> Api:
    return Api(vendor_api)


@pytest.fixture
def bill(ground: Ground) -> Bill:
    return Bill(SPEC, ground.host)


def read(bill: Bill) -> list[Any]:
    return list(bill.read_vendors(None))


# --- sessions ------------------------------------------------------------------------------------


def test_credentials_are_in_the_login_body_and_the_session_in_the_headers(api, bill):
    api.answer("GET", "/v3/vendors", (200, EMPTY))
    read(bill)
    (login,), (call,) = api.calls("/v3/login"), api.calls("/v3/vendors")
    assert json.loads(login.body) == {
        "username": "ap-sync@example.com",
        "password": "sandbox-password",
        "organizationId": ORGANIZATION,
        "devKey": "01SANDBOXDEVELOPERKEY",
    }
    assert "devKey" not in login.headers
    assert (call.headers["devKey"], call.headers["sessionId"]) == ("01SANDBOXDEVELOPERKEY", "session-1")
    assert "Content-Type" not in call.headers


def test_connectors_of_other_processes_use_the_same_session(api, ground):
    api.answer("GET", "/v3/vendors", (200, EMPTY))
    for _ in range(3):
        read(Bill(SPEC, ground.host))
    assert api.sessions == 1


def test_other_credentials_have_another_session(api, ground):
    api.answer("GET", "/v3/vendors", (200, EMPTY))
    read(Bill(SPEC, ground.host))
    read(Bill(replace(SPEC, credentials={**SPEC.credentials, "password": "changed"}), ground.host))
    assert api.sessions == 2


def test_a_session_left_alone_is_renewed_before_bill_forgets_it(api, bill, ground):
    api.answer("GET", "/v3/vendors", (200, EMPTY))
    for pause, logins in ((0, 1), (27 * 60, 1), (27 * 60, 1), (29 * 60, 2)):
        ground.clock.sleep(pause)
        read(bill)
        assert api.sessions == logins


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (401, EXPIRED),
        (401, "<html>no</html>"),
        (422, EXPIRED),
        (403, errors(("BDC_1361", "Session expired."))),
    ],
)
def test_an_expired_session_is_renewed_once_and_the_call_repeated(api, bill, status, body):
    api.answer("POST", "/v3/bills", (status, body), (201, ROW))
    assert bill.create_bills([DRAFT])[0].id == BILL
    assert api.sessions == 2
    assert [call.headers["sessionId"] for call in api.calls("/v3/bills")] == ["session-1", "session-2"]


def test_a_session_refused_twice_is_not_renewed_again(api, bill):
    api.answer("GET", "/v3/vendors", (401, EXPIRED))
    with pytest.raises(AuthExpired):
        read(bill)
    assert api.sessions == 2


def test_a_session_that_another_process_renewed_is_taken_over(api, ground):
    api.answer(
        "GET", "/v3/vendors", (200, EMPTY), (200, EMPTY), (401, EXPIRED), (200, EMPTY), (401, EXPIRED), (200, EMPTY)
    )
    one, other = Bill(SPEC, ground.host), Bill(SPEC, ground.host)
    for each in (one, other, one, other):
        read(each)
    assert api.sessions == 2
    assert api.calls("/v3/vendors")[-1].headers["sessionId"] == "session-2"


def test_a_second_factor_never_leads_to_a_login(api, bill):
    api.answer("GET", "/v3/vendors", (403, errors(("BDC_1361", "Untrusted session."))))
    with pytest.raises(ConfigurationError):
        read(bill)
    assert api.sessions == 1


@pytest.mark.parametrize("code", ["BDC_1101", "BDC_1102", "BDC_1103", "BDC_1110", "BDC_1111", "BDC_1123"])
@pytest.mark.parametrize("status", [400, 401])
def test_a_refused_login_is_never_repeated(api, bill, code, status):
    api.login_answer = (status, errors((code, "No.")))
    for _ in range(2):
        with pytest.raises(CredentialsRefused) as caught:
            bill.begin_run()
        assert (caught.value.step, caught.value.code) == ("login", code)
        assert caught.value.fix
    assert api.sessions == 1


def test_ping_tries_refused_credentials_again(api, bill):
    api.answer("GET", "/v3/health", (200, {"appId": "x"}))
    api.login_answer = (401, errors(("BDC_1101", "No.")))
    assert [step.ok for step in bill.ping()] == [True, False]
    assert [step.ok for step in bill.ping()] == [True, False]
    assert api.sessions == 2


def test_a_locked_organization_parks_the_work(api, bill):
    api.login_answer = (423, errors(("BDC_1107", "Locked out.")))
    with pytest.raises(RateLimited) as caught:
        bill.begin_run()
    assert caught.value.retry_after >= 300


def test_the_login_budget_is_counted_before_bill_counts_it(api, ground):
    for _ in range(200):
        assert ground.store.take(Bill(SPEC, ground.host)._client.config.login_limits[0].key, 200, "hour") == 0
    with pytest.raises(RateLimited):
        Bill(SPEC, ground.host).begin_run()
    assert api.sessions == 0


# --- limits --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("status", "body"), [(422, BUSY), (429, BUSY), (429, "slow down")])
def test_too_many_at_once_is_retried_with_growing_pauses(api, bill, ground, status, body):
    api.answer("POST", "/v3/bills", *[(status, body)] * 3, (201, ROW))
    assert bill.create_bills([DRAFT])[0].total == Decimal("10.10")
    assert len(ground.clock.naps) == 3
    for nap, least in zip(ground.clock.naps, (0.5, 1, 2), strict=True):
        assert least <= nap <= least * 1.25


def test_after_six_tries_the_work_is_parked(api, bill):
    api.answer("GET", "/v3/vendors", (422, BUSY))
    with pytest.raises(RateLimited):
        read(bill)
    assert len(api.calls("/v3/vendors")) == 6


@pytest.mark.parametrize("status", [422, 429])
def test_a_used_up_hour_is_waited_for_and_not_retried(api, bill, status):
    api.answer("GET", "/v3/vendors", (status, errors(("BDC_1144", "Max number of allowed requests per hour reached."))))
    with pytest.raises(RateLimited) as caught:
        read(bill)
    assert 40 * 60 <= caught.value.retry_after <= 41 * 60  # the clock stands at 15:20
    assert len(api.calls("/v3/vendors")) == 1


# --- refusals ------------------------------------------------------------------------------------

REFUSALS: list[tuple[int, str, type[Exception], str]] = [
    (400, errors("address.country: must be two letters"), Rejected, "address.country"),
    (
        400,
        errors(
            ("BDC_1143", "Invalid entity data. invoiceNumber: Maximum length cannot be greater than 21 characters.")
        ),
        Rejected,
        "invoiceNumber",
    ),
    (404, errors(("BDC_1205", "No such vendor.")), Rejected, ""),
    (400, errors(("BDC_1205", "No such account."), ("BDC_1246", "Rolled back.")), Rejected, ""),
    (422, errors(("BDC_1171", "Invoice number is used.")), Duplicate, ""),
    (400, errors(("BDC_9999", "Duplicate invoice number.")), Duplicate, ""),
    (409, "<html>Conflict</html>", Rejected, ""),
    (
        400,
        json.dumps({"response_status": 1, "response_data": {"error_code": "BDC_1", "error_message": "No"}}),
        Rejected,
        "",
    ),
    (403, errors(("BDC_1145", "No permission.")), ConfigurationError, ""),
    (404, errors(("BDC_1121", "API not supported.")), ConfigurationError, ""),
    (404, "<html>Not found</html>", ConfigurationError, ""),
    (301, "", ConfigurationError, ""),
]


@pytest.mark.parametrize(("status", "body", "kind", "field"), REFUSALS)
def test_refusals_by_code_then_by_status(api, bill, status, body, kind, field):
    api.answer("POST", "/v3/bills", (status, body))
    with pytest.raises(kind) as caught:
        bill.create_bills([DRAFT])
    assert type(caught.value) is kind
    assert getattr(caught.value, "field", "") == field
    assert len(api.calls("/v3/bills")) == 1


def test_a_message_is_cleaned_of_repetitions_and_placeholders(api, bill):
    message = "Invalid Process Date : ${paramName0}."
    api.answer("POST", "/v3/bills", (422, errors(("BDC_1152", message), ("BDC_1152", f"{BILL} : {message}"))))
    with pytest.raises(Rejected) as caught:
        bill.create_bills([DRAFT])
    assert caught.value.message.count("Invalid Process Date") == 1
    assert "$" not in caught.value.message
    assert caught.value.code == "BDC_1152"


def test_an_innocent_companion_does_not_hide_the_cause(api, bill):
    body = errors(("BDC_1246", "Rolled back."), ("BDC_1205", "Account 0ca01 not found."))
    api.answer("POST", "/v3/bills", (400, body))
    with pytest.raises(Rejected) as caught:
        bill.create_bills([DRAFT])
    assert caught.value.code == "BDC_1205"
    assert "Rolled back" not in caught.value.message


def test_a_missing_bill_is_not_found(api, bill):
    api.answer("POST", f"/v3/bills/{BILL}/archive", (404, errors(("BDC_1205", "Not found."))))
    with pytest.raises(NotFound):
        bill.archive_bill(BILL)


def test_what_cannot_be_an_id_never_reaches_a_path(api, bill):
    with pytest.raises(Rejected):
        bill.archive_bill("../vendors")
    assert not api.mock.calls


# --- outcomes ------------------------------------------------------------------------------------

HTML = "<html><h1>Bad Gateway</h1></html>"


@pytest.mark.parametrize(
    "answer", [(500, HTML), (502, HTML), (503, "[]"), (201, HTML), (201, "{}"), (201, ""), (408, "")]
)
def test_a_write_without_a_usable_answer_is_not_repeated(api, bill, answer):
    api.answer("POST", "/v3/bills", answer)
    with pytest.raises(OutcomeUnknown) as caught:
        bill.create_bills([DRAFT])
    assert caught.value.effect == "unknown"
    assert len(api.calls("/v3/bills")) == 1


NO_ANSWERS = [(200, HTML), (201, ""), (200, '{"id": "00n'), (200, "[]"), (200, "{}"), (200, "null")]


@pytest.mark.parametrize("answer", NO_ANSWERS)
def test_no_write_is_believed_without_the_record_in_its_answer(api, bill, answer):
    vendor = VendorDraft("Granite", "01-1", Address())
    calls = {
        ("POST", "/v3/bills/bulk"): lambda: bill.create_bills([DRAFT, replace(DRAFT, number="INV-2")]),
        ("PUT", f"/v3/bills/{BILL}"): lambda: bill.replace_bill(BILL, DRAFT),
        ("POST", "/v3/vendors"): lambda: bill.create_vendors([vendor]),
        ("POST", "/v3/vendors/bulk"): lambda: bill.create_vendors([vendor, replace(vendor, name="Other")]),
        ("PATCH", f"/v3/vendors/{VENDOR}"): lambda: bill.update_vendor(VENDOR, vendor, frozenset({"name"})),
    }
    for (method, path), write in calls.items():
        api.answer(method, path, answer)
        with pytest.raises(OutcomeUnknown):
            write()
        assert len(api.calls(path)) == 1


@pytest.fixture
def cut_off() -> Iterator[tuple[str, list[str]]]:
    """A server whose answers, but for the login, end inside their headers; and the requests that it saw."""
    seen: list[str] = []

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            line = self.rfile.readline().decode()
            length = 0
            while header := self.rfile.readline().strip():
                name, _, value = header.decode().partition(": ")
                length = int(value) if name.lower() == "content-length" else length
            self.rfile.read(length)
            if "/login" in line:
                head = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 17\r\n\r\n"
                self.wfile.write(head + b'{"sessionId":"s"}')
                return
            seen.append(line.split()[0])
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Ty")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/connect", seen
        server.shutdown()


def test_an_answer_that_ends_inside_its_headers(cut_off, ground):
    base, seen = cut_off
    bill = Bill(replace(SPEC, base_url=base), ground.host)
    with pytest.raises(OutcomeUnknown):
        bill.create_bills([DRAFT])
    with pytest.raises(OutcomeUnknown):
        bill.replace_bill(BILL, DRAFT)
    assert seen == ["POST", "PUT"]
    with pytest.raises(BadAnswer):
        bill.read_banks()
    assert seen == ["POST", "PUT", "GET", "GET", "GET"]
    bill.close()


@pytest.mark.parametrize(
    "row", [{**ROW, "vendorId": "other"}, {**ROW, "invoice": {}}, {**ROW, "id": ""}, {**ROW, "amount": "x"}]
)
def test_an_answer_about_something_else_leaves_the_outcome_unknown(api, bill, row):
    api.answer("POST", "/v3/bills", (201, row))
    with pytest.raises(OutcomeUnknown):
        bill.create_bills([DRAFT])


def test_a_bulk_answer_is_recognised_by_content_and_must_be_complete(api, bill):
    drafts = [replace(DRAFT, number=f"INV-{n}") for n in range(3)]
    rows = [{**ROW, "id": f"{BILL[:-1]}{n}", "invoice": {"invoiceNumber": f"INV-{n}"}} for n in range(3)]
    api.answer("POST", "/v3/bills/bulk", (201, [rows[2], rows[0], rows[1]]), (201, rows[:2]), (201, [*rows, rows[0]]))
    assert [written.number for written in bill.create_bills(drafts)] == ["INV-0", "INV-1", "INV-2"]
    for _ in range(2):
        with pytest.raises(OutcomeUnknown):
            bill.create_bills(drafts)


def test_amounts_travel_as_exact_numbers(api, bill):
    api.answer("POST", "/v3/bills", (201, ROW))
    bill.create_bills([DRAFT])
    assert '"amount":10.10' in api.calls("/v3/bills")[0].body.decode()


@pytest.mark.parametrize("answer", [(502, HTML), (200, HTML)])
def test_a_read_is_repeated_a_few_times(api, bill, answer):
    api.answer("GET", "/v3/vendors", answer, answer, (200, EMPTY))
    assert read(bill)[-1].records == []


@pytest.mark.parametrize(
    ("answer", "kind"), [((502, HTML), Unreachable), ((200, HTML), BadAnswer), ((200, "{}"), BadAnswer)]
)
def test_a_read_that_stays_unreadable_ends(api, bill, answer, kind):
    api.answer("GET", "/v3/vendors", answer)
    with pytest.raises(kind):
        read(bill)


def test_archiving_is_repeated_because_it_is_idempotent(api, bill):
    api.answer("POST", f"/v3/bills/{BILL}/archive", (502, HTML), (200, ROW))
    bill.archive_bill(BILL)
    assert len(api.calls(f"/v3/bills/{BILL}/archive")) == 2


# --- lists ---------------------------------------------------------------------------------------


def vendors(*numbers: int, stamp: str = "2026-11-20T15:04:05.006+00:00") -> list[dict[str, Any]]:
    return [{"id": f"009{n:017}", "name": f"V{n}", "updatedTime": stamp} for n in numbers]


def test_pages_are_followed_until_the_token_is_missing_even_over_empty_ones(api, bill):
    api.answer(
        "GET",
        "/v3/funding-accounts/banks",
        (200, {"results": vendors(1), "nextPage": "a+b/c="}),
        (200, {"results": [], "nextPage": "d"}),
        (200, {"results": vendors(2)}),
    )
    assert [bank.key[-1] for bank in bill.read_banks()] == ["1", "2"]
    assert "page=a%2Bb%2Fc%3D" in api.calls("/v3/funding-accounts/banks")[1].url


def test_pages_in_a_circle_end(api, bill):
    api.answer("GET", "/v3/funding-accounts/banks", (200, {"results": [], "nextPage": "a"}))
    with pytest.raises(BadAnswer):
        bill.read_banks()


def test_changes_in_a_circle_end(api, bill):
    api.answer("GET", "/v3/vendors", (200, {"results": vendors(1), "nextPage": "a"}))
    with pytest.raises(BadAnswer):
        read(bill)


def test_one_unreadable_vendor_does_not_stop_the_others(api, bill):
    rows = [*vendors(1), {**vendors(2)[0], "archived": "no"}, *vendors(3)]
    api.answer("GET", "/v3/vendors", (200, {"results": rows}))
    (page,) = read(bill)
    assert [vendor.name for vendor in page.records] == ["V1", "V3"]
    assert (page.bad[0].document, page.bad[0].key) == ("V2", rows[1]["id"])
    assert "archived" in page.bad[0].message


def test_what_is_no_record_does_not_stop_the_others_and_has_a_key_that_stays(api, bill):
    odd = [None, 7, "x", {}, [], {"id": {}, "name": "A"}, {"id": "", "name": "B"}]
    api.answer("GET", "/v3/vendors", (200, {"results": [*odd, *vendors(1), None], "nextPage": "a"}))
    api.answer("GET", "/v3/vendors", (200, {"results": [*vendors(2), {"name": "C"}]}))
    api.answer("GET", "/v3/vendors", (200, {"results": odd}))
    first, last = read(bill)
    assert [vendor.name for page in (first, last) for vendor in page.records] == ["V1", "V2"]
    keys = [each.key for page in (first, last) for each in page.bad]
    assert len(set(keys)) == len(keys) == 8
    assert all(key.startswith("unreadable:") for key in keys)
    (again,) = read(bill)
    assert [each.key for each in again.bad] == keys[:7]


@pytest.mark.parametrize("odd", [None, 7, "x", []])
def test_what_is_no_record_proves_no_absence(api, bill, odd):
    api.answer("GET", "/v3/bills", (200, {"results": [odd]}))
    api.answer("GET", "/v3/vendors", (200, {"results": [odd, *vendors(1)]}))
    for look in (
        lambda: list(bill.find_bills([VENDOR])),
        lambda: bill.get_bills([BILL]),
        lambda: bill.get_bills([BILL, BILL[:-1] + "0"]),
        lambda: bill.find_vendors(["V9"], None),
    ):
        with pytest.raises(BadAnswer):
            look()


def test_a_list_that_refuses_the_filter_is_read_from_end_to_end(api, bill):
    api.answer(
        "GET",
        "/v3/classifications/chart-of-accounts",
        (400, errors(("BDC_1130", "Invalid list filter field."))),
        (200, {"results": vendors(2, stamp="2026-11-20T15:05:00.000Z"), "nextPage": "x"}),
        (200, {"results": vendors(1)}),
    )
    cursor = {"since": "2026-11-20T15:00:00+00:00"}
    pages = list(bill.read_accounts(cursor))
    assert [account.name for page in pages for account in page.records] == ["V2", "V1"]
    assert pages[0].cursor == cursor  # unsorted: nothing is known to be read before the end
    assert pages[0].as_of is None
    assert pages[1].cursor == {"since": "2026-11-20T15:05:00+00:00", "passed": "2026-11-20T15:20:00+00:00"}
    assert "filters" not in api.calls("/v3/classifications/chart-of-accounts")[1].url


def test_nothing_found_leaves_the_cursor_where_it_was(api, bill, ground):
    api.answer("GET", "/v3/payments", (200, EMPTY))
    cursor = {"since": "2026-11-20T15:00:00.123000+00:00"}
    (page,) = bill.read_payments(cursor, date(2026, 10, 1))
    assert page.cursor == {**cursor, "passed": "2026-11-20T15:20:00+00:00"}
    assert page.as_of == ground.clock.now()
    url = api.calls("/v3/payments")[0].url
    assert "filters=updatedTime%3Agte%3A%222026-11-20T14%3A55%3A00.123%2B00%3A00%22" in url
    assert "sort=updatedTime%3Aasc" in url
    assert "max=100" in url


def serve(api: Api, path: str, rows: list[dict[str, Any]], **headers: str) -> None:
    """A list that filters by `updatedTime` and has pages of 100."""

    def answer(request: Any) -> tuple[int, dict[str, str], str]:
        since = request.params.get("filters", "").partition('"')[2].rstrip('"').replace("+00:00", "Z")
        found = sorted((row for row in rows if row["updatedTime"] >= since), key=lambda row: row["updatedTime"])
        start = int(request.params.get("page", 0))
        body: dict[str, Any] = {"results": found[start : start + 100]}
        if start + 100 < len(found):
            body["nextPage"] = str(start + 100)
        return 200, headers, json.dumps(body)

    api.mock.add_callback("GET", f"{BASE}{path}", answer)


def test_more_rows_of_one_instant_than_a_page_holds(api, bill):
    stamps = ["2026-11-20T15:04:05.001Z"] * 30 + ["2026-11-20T15:04:05.006Z"] * 250 + ["2026-11-20T15:04:06.000Z"] * 20
    rows = [vendors(n, stamp=stamp)[0] for n, stamp in enumerate(stamps)]
    serve(api, "/v3/vendors", rows)
    pages = read(bill)
    keys = [vendor.key for page in pages for vendor in page.records]
    assert sorted(set(keys)) == [row["id"] for row in rows]
    assert len(api.calls("/v3/vendors")) <= 5
    assert [page.cursor["since"][11:19] for page in (pages[0], pages[-1])] == ["15:04:05", "15:04:06"]
    assert ["passed" in page.cursor for page in pages] == [False] * (len(pages) - 1) + [True]
    assert [page.as_of is None for page in pages] == [True] * (len(pages) - 1) + [False]


ACCOUNTS = "/v3/classifications/chart-of-accounts"


@pytest.fixture
def imported(api: Api) -> list[dict[str, Any]]:
    """154 accounts of one instant, months ago."""
    return vendors(*range(154), stamp="2026-02-01T08:00:00.000Z")


@pytest.mark.parametrize("old_form", [False, True])
def test_a_bulk_import_long_ago_is_not_read_again_and_again(api, bill, imported, old_form):
    serve(api, ACCOUNTS, imported)
    cursor = list(bill.read_accounts(None))[-1].cursor
    if old_form:
        del cursor["passed"]
        cursor = list(bill.read_accounts(cursor))[-1].cursor
    before = len(api.calls(ACCOUNTS))
    (page,) = bill.read_accounts(cursor)
    assert len(api.calls(ACCOUNTS)) - before == 1
    assert not page.records


@pytest.mark.parametrize("ahead", [0, 50, 60])
def test_a_change_right_after_a_pass_is_found_though_our_clock_is_ahead(api, bill, imported, ahead):
    serve(api, ACCOUNTS, imported)
    cursor = list(bill.read_accounts(None))[-1].cursor
    imported[7]["updatedTime"] = f"2026-11-20T{15 - ahead // 60}:{(20 - ahead) % 60:02}:00.100Z"
    (page,) = bill.read_accounts(cursor)
    assert [each.key for each in page.records] == [imported[7]["id"]]


def test_a_clock_of_ours_that_is_hours_ahead_is_not_believed(api, bill, imported):
    serve(api, ACCOUNTS, imported, Date="Fri, 20 Nov 2026 09:20:00 GMT")
    cursor = list(bill.read_accounts(None))[-1].cursor
    assert cursor["passed"] == "2026-11-20T09:20:00+00:00"
    imported[7]["updatedTime"] = "2026-11-20T09:20:01.000Z"
    (page,) = bill.read_accounts(cursor)
    assert [each.key for each in page.records] == [imported[7]["id"]]


@pytest.mark.parametrize("date", ["Fri, 20 Nov 2026 21:20:00 GMT", "yesterday", ""])
def test_a_date_of_theirs_that_is_later_or_none_changes_nothing(api, bill, imported, date):
    serve(api, ACCOUNTS, imported, Date=date)
    assert list(bill.read_accounts(None))[-1].cursor["passed"] == "2026-11-20T15:20:00+00:00"


def test_a_pass_that_broke_off_does_not_count_as_complete(api, bill, imported, ground):
    serve(api, ACCOUNTS, imported)
    cursor = list(bill.read_accounts(None))[-1].cursor
    ground.clock.passed += 6 * 3600
    for n, row in enumerate(imported):  # all of them change; the reader stops after the first page
        row["updatedTime"] = f"2026-11-20T16:{n // 60:02}:{n % 60:02}.000Z"
    stopped = next(bill.read_accounts(cursor)).cursor
    assert stopped["passed"] == cursor["passed"]
    ground.clock.passed += 6 * 3600
    rest = list(bill.read_accounts(stopped))
    assert {row["id"] for row in imported[100:]} <= {each.key for page in rest for each in page.records}
    assert rest[-1].cursor["passed"] == "2026-11-21T03:20:00+00:00"


def quoting_api(api: Api, accepts: str) -> None:
    known = {row["id"]: row for row in vendors(1, 2)}

    def answer(request: Any) -> tuple[int, dict[str, str], str]:
        clause = request.params.get("filters", "")
        if ":in:" not in clause:
            wanted = [clause.partition("id:eq:")[2]] if clause else list(known)
        else:
            members = clause.partition(":in:")[2]
            if accepts == "each":
                wanted = [each.strip('"') for each in members.split('","')]
            elif accepts == "together":
                if '","' in members:
                    return 400, {}, errors(("BDC_1131", "Invalid list filter operator."))
                wanted = members.strip('"').split(",")
            else:
                wanted = []
        return 200, {}, json.dumps({"results": [known[each] for each in wanted if each in known]})

    api.mock.add_callback("GET", f"{BASE}/v3/vendors", answer)
    bills = [{**ROW, "vendorId": row["id"], "id": f"{BILL[:-1]}{i}"} for i, row in enumerate(known.values())]

    def answer_bills(request: Any) -> tuple[int, dict[str, str], str]:
        clause = request.params["filters"]
        return 200, {}, json.dumps({"results": [row for row in bills if row["vendorId"] in clause]})

    api.mock.add_callback("GET", f"{BASE}/v3/bills", answer_bills)


@pytest.mark.parametrize(("accepts", "requests"), [("each", 1), ("together", 1), ("neither", 2)])
def test_the_quoting_of_in_is_found_out_once_an_installation(api, ground, accepts, requests):
    quoting_api(api, accepts)
    ids = [row["id"] for row in vendors(1, 2)]
    for _ in range(2):
        before = len(api.calls("/v3/bills"))
        found = list(Bill(SPEC, ground.host).find_bills(ids))
        assert sorted(each.vendor_id for each in found) == ids
        assert len(api.calls("/v3/bills")) - before == requests
        probes = len(api.calls("/v3/vendors"))
        if _ == 0:
            first = probes
    assert probes == first <= 3


@pytest.mark.parametrize(
    ("wrong", "named", "number"),
    [
        ({"amount": None}, "amount", "INV-1"),
        ({"invoice": []}, "invoice", ""),
        ({"invoice": {"invoiceNumber": {}}}, "invoiceNumber", ""),
        ({"updatedTime": "yesterday"}, "updatedTime", "INV-1"),
    ],
)
def test_an_unreadable_bill_hides_no_other_and_is_no_proof_of_absence(api, bill, wrong, named, number):
    other = {**ROW, "id": BILL[:-1] + "0"}
    api.answer("GET", "/v3/bills", (200, {"results": [{**ROW, **wrong}, other]}))
    odd, good = bill.find_bills([VENDOR])
    assert named in odd.unreadable
    assert (odd.id, odd.vendor_id, odd.number, odd.total) == (BILL, VENDOR, number, Decimal(0))
    assert (good.number, good.total, good.unreadable) == ("INV-1", Decimal("10.10"), "")
    assert bill.get_bills([BILL])[BILL] == odd


def test_an_unreadable_id_is_left_empty_and_an_archived_bill_left_out(api, bill):
    archived = {**ROW, "amount": None, "archived": True}
    api.answer("GET", "/v3/bills", (200, {"results": [{**ROW, "id": None}, archived]}))
    (found,) = bill.find_bills([VENDOR])
    assert (found.id, "id" in found.unreadable) == ("", True)


@pytest.mark.parametrize("vendor", [None, "", {}])
def test_a_bill_of_nobody_fails_the_list(api, bill, vendor):
    api.answer("GET", "/v3/bills", (200, {"results": [{**ROW, "vendorId": vendor}]}))
    with pytest.raises(BadAnswer):
        list(bill.find_bills([VENDOR]))
    with pytest.raises(BadAnswer):
        bill.get_bills([BILL])


# --- configuration -------------------------------------------------------------------------------


@pytest.mark.parametrize("base", [BASE, BASE + "/", BASE + "/v3", BASE + "/v3/"])
def test_base_url_variants(api, ground, base):
    api.answer("GET", "/v3/vendors", (200, EMPTY))
    read(Bill(replace(SPEC, base_url=base), ground.host))
    assert len(api.calls("/v3/vendors")) == 1


def test_missing_settings_are_all_named(ground):
    with pytest.raises(ConfigurationError) as caught:
        Bill(replace(SPEC, settings={}, credentials={"username": "u"}), ground.host)
    assert all(name in caught.value.message for name in ("organization_id", "password", "dev_key"))


def test_no_secret_reaches_the_audit_trail_or_the_names_of_shared_things(api, bill, ground):
    api.answer("GET", "/v3/vendors", (400, errors("sandbox-password: 01SANDBOXDEVELOPERKEY session-1")))
    with pytest.raises(Rejected) as caught:
        read(bill)
    shown = "".join(map(str, ground.exchanges)) + str(caught.value) + str(caught.value.raw) + repr(bill._client.config)
    for secret in ("sandbox-password", "01SANDBOXDEVELOPERKEY", "session-1"):
        assert secret not in shown
        assert not any(
            secret in str(key) for key in [*ground.store._slots, *ground.store._counts, *ground.store._values]
        )
