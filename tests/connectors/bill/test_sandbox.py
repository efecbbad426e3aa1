"""The BILL sandbox refuses what the contract says BILL refuses; everything here goes over real HTTP."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.server
import json
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests

from connectors.bill.sandbox import BillSandbox, load_demo
from connectors.sandboxing import Running

LOGIN = {
    "username": "ap-sync@example.com",
    "password": "sandbox-password",
    "organizationId": "00801SANDBOXORGANIZA",
    "devKey": "01SANDBOXDEVELOPERKEY",
}
ADDRESS = {"line1": "12 Quarry Rd", "city": "Spokane", "zipOrPostalCode": "99201", "country": "US"}


class Bill:
    """A client with one session and the control surface."""

    def __init__(self, url: str, sandbox: BillSandbox) -> None:
        self.root = url
        self.sandbox = sandbox
        self.http = requests.Session()
        self.login()

    def login(self, **changes: Any) -> requests.Response:
        answer = requests.post(f"{self.root}/connect/v3/login", json={**LOGIN, **changes}, timeout=10)
        if answer.ok:
            self.http.headers.update({"devKey": LOGIN["devKey"], "sessionId": answer.json()["sessionId"]})
        return answer

    def call(self, method: str, path: str, body: Any = None, **query: Any) -> requests.Response:
        return self.http.request(method, f"{self.root}/connect/v3/{path}", json=body, params=query, timeout=10)

    def get(self, path: str, **query: Any) -> requests.Response:
        return self.call("GET", path, **query)

    def post(self, path: str, body: Any = None, **query: Any) -> requests.Response:
        return self.call("POST", path, body, **query)

    def events(self, method: str, path: str, body: Any = None, key: str | None = "", **query: Any) -> requests.Response:
        headers = {"X-Idempotent-Key": str(uuid.uuid4()) if key == "" else key} if key is not None else {}
        url = f"{self.root}/connect-events/v3/{path}"
        return self.http.request(method, url, json=body, headers=headers, params=query, timeout=10)

    def act(self, name: str, /, **parameters: Any) -> Any:
        answer = requests.post(f"{self.root}/_sandbox/actions/{name}", json=parameters, timeout=20)
        assert answer.ok, answer.text
        return answer.json()

    def control(self, name: str, body: Any = None) -> Any:
        method = "GET" if body is None else "POST"
        return requests.request(method, f"{self.root}/_sandbox/{name}", json=body, timeout=10).json()

    def vendor(self, **fields: Any) -> str:
        return self.act("create_vendor", **{"name": "Granite Supply Co", **fields})["id"]

    def bill(self, vendor_id: str, number: str = "INV-1", amount: float = 100.0) -> str:
        return self.act("create_bill", **bill_body(vendor_id, number, amount))["id"]


def bill_body(vendor_id: str, number: str = "INV-1", amount: Any = 100.0, **more: Any) -> dict[str, Any]:
    return {
        "vendorId": vendor_id,
        "dueDate": "2026-12-31",
        "invoice": {"invoiceNumber": number, "invoiceDate": "2026-11-18"},
        "billLineItems": [{"amount": amount, "description": "Rebar"}],
        **more,
    }


def code(answer: requests.Response) -> tuple[int, str]:
    body = answer.json()
    assert isinstance(body, list)
    assert {"timestamp", "severity", "category", "message"} <= body[0].keys()
    return answer.status_code, body[0].get("code", "")


@pytest.fixture
def make() -> Iterator[Callable[..., Bill]]:
    running = []

    def start(**settings: Any) -> Bill:
        running.append(Running(BillSandbox(**settings)))
        return Bill(running[-1].url, running[-1].sandbox)  # type: ignore[arg-type]

    yield start
    for each in running:
        each.stop()


@pytest.fixture
def bill(make: Callable[..., Bill]) -> Bill:
    return make()


# --- transport and access -----------------------------------------------------------------------------


def test_unknown_paths_and_methods_are_1121(bill: Bill) -> None:
    assert code(bill.get("session")) == (404, "BDC_1121")
    assert code(bill.call("DELETE", f"bills/{bill.bill(bill.vendor())}")) == (404, "BDC_1121")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"password": "wrong"}, (401, "BDC_1101")),
        ({"devKey": "wrong"}, (401, "BDC_1102")),
        ({"organizationId": "00801OTHERORGANIZATN"}, (401, "BDC_1123")),
        ({"devKey": ""}, (400, "")),
    ],
)
def test_login_says_what_is_wrong(bill: Bill, change: dict[str, str], expected: tuple[int, str]) -> None:
    assert code(bill.login(**change)) == expected


def test_missing_login_fields_are_all_named(bill: Bill) -> None:
    answer = requests.post(f"{bill.root}/connect/v3/login", json={"userName": "x"}, timeout=10)
    assert [each["message"] for each in answer.json()] == [
        f"{name}: must not be blank" for name in ("username", "password", "organizationId", "devKey")
    ]


def test_logins_have_a_budget_of_their_own(make: Callable[..., Bill]) -> None:
    bill = make(login_limit=2, hourly_limit=1)
    assert bill.login().status_code == 200
    assert code(bill.login()) == (422, "BDC_1144")
    assert bill.get("vendors").status_code == 200
    assert code(bill.get("vendors")) == (422, "BDC_1144")


def test_the_hourly_quota_ends_with_the_clock_hour(make: Callable[..., Bill]) -> None:
    bill = make(hourly_limit=1, session_idle=7200)
    bill.get("vendors")
    assert code(bill.get("vendors")) == (422, "BDC_1144")
    bill.control("clock", {"advance": 3600})
    assert bill.get("vendors").status_code == 200


def test_a_session_needs_its_own_developer_key(bill: Bill) -> None:
    bill.http.headers["devKey"] = "another"
    assert code(bill.get("vendors")) == (401, "BDC_1109")


def test_sessions_slide_and_end(bill: Bill) -> None:
    for _ in range(2):
        bill.control("clock", {"advance": 34 * 60})
        assert bill.get("login/session").json()["organizationId"] == LOGIN["organizationId"]
    bill.control("clock", {"advance": 35 * 60 + 1})
    assert code(bill.get("vendors")) == (401, "BDC_1109")


def test_a_sync_token_lives_48_hours_and_may_not_void(make: Callable[..., Bill]) -> None:
    bill = make(token_logins={"sync": "token"})
    assert bill.login(username="sync", password="token").json()["trusted"] is False
    bank = bill.act("create_bank", bankName="First")["id"]
    paid = bill.act("pay", bills=[{"billId": bill.bill(bill.vendor())}], fundingAccountId=bank)
    bill.control("clock", {"advance": 47 * 3600})
    assert bill.get(f"payments/{paid['id']}").status_code == 200
    assert code(bill.post(f"payments/{paid['id']}/void", {"type": "VOID_ONLY"})) == (403, "BDC_1145")


def test_logout_ends_the_session_with_an_empty_answer(bill: Bill) -> None:
    answer = bill.post("logout")
    assert (answer.status_code, answer.content) == (200, b"")
    assert code(bill.get("vendors")) == (401, "BDC_1109")


def test_health_needs_no_session(bill: Bill) -> None:
    assert "appVersion" in requests.get(f"{bill.root}/connect/v3/health", timeout=10).json()


@pytest.mark.parametrize("status", [422, 429])
def test_the_fourth_request_in_flight_is_refused_without_acting(make: Callable[..., Bill], status: int) -> None:
    bill = make(rate_limit_status=status)
    bill.control("latency", {"seconds": 0.3})
    vendor = {"name": "A", "address": ADDRESS}
    with ThreadPoolExecutor(4) as pool:
        answers = list(
            pool.map(
                lambda _: requests.post(
                    f"{bill.root}/connect/v3/vendors", json=vendor, headers=dict(bill.http.headers), timeout=10
                ),
                range(4),
            )
        )
    bill.control("latency", {"seconds": 0})
    assert sorted(each.status_code for each in answers) == [201, 201, 201, status]
    assert "Retry-After" not in next(each for each in answers if each.status_code == status).headers
    assert len(bill.control("state")["vendors"]) == 3
    stats = bill.control("stats")
    assert stats["most_in_flight_by_org"] == {LOGIN["organizationId"]: 4}
    assert stats["refused"]["BDC_1322"] == 1


def test_payments_need_a_trusted_session(make: Callable[..., Bill]) -> None:
    bill = make(remembered_devices={"remember": "laptop"})
    assert code(bill.post("payments", {})) == (403, "BDC_1361")
    assert bill.login(rememberMeId="remember", device="laptop").json()["trusted"] is True
    assert bill.login(rememberMeId="remember", device="other").json()["trusted"] is False


def test_faults_of_its_own(bill: Bill) -> None:
    bill.control("faults", [{"kind": "expire_session"}])
    assert code(bill.get("vendors")) == (401, "BDC_1109")
    bill.login()
    bill.control("faults", [{"kind": "bdc", "body": "BDC_1107"}, {"kind": "bdc", "body": "BDC_1322", "status": 429}])
    assert code(bill.get("vendors")) == (423, "BDC_1107")
    assert code(bill.get("vendors")) == (429, "BDC_1322")
    assert bill.get("vendors").status_code == 200


# --- lists ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", ["0", "101", "x", "-1"])
def test_max_outside_1_to_100_is_refused(bill: Bill, size: str) -> None:
    assert code(bill.get("bills", max=size)) == (400, "")


def test_paging_ends_where_next_page_is_absent(bill: Bill) -> None:
    for i in range(5):
        bill.vendor(name=f"V{i}")
    names, query = [], {"max": 2, "sort": "name:desc", "filters": "archived:eq:false"}
    page = bill.get("vendors", **query).json()
    while True:
        names += [each["name"] for each in page["results"]]
        if "nextPage" not in page:
            break
        page = bill.get("vendors", page=page["nextPage"], **query).json()
    assert names == ["V4", "V3", "V2", "V1", "V0"]
    assert "prevPage" in page


def test_page_tokens_cannot_be_altered_or_moved_to_another_list(bill: Bill) -> None:
    for i in range(3):
        bill.vendor(name=f"V{i}")
    token = bill.get("vendors", max=1).json()["nextPage"]
    assert bill.get("vendors", max=1, page=token).status_code == 200
    assert code(bill.get("vendors", max=1, page=token[:-4] + "AAA=")) == (400, "")
    assert code(bill.get("vendors", max=1, page=token, filters="archived:eq:false")) == (400, "")


def test_twenty_rows_are_the_default_and_archived_ones_are_among_them(bill: Bill) -> None:
    for i in range(21):
        bill.vendor(name=f"V{i}")
    first = bill.get("vendors").json()["results"]
    bill.post(f"vendors/{first[0]['id']}/archive")
    assert len(bill.get("vendors").json()["results"]) == 20
    assert bill.get("vendors", filters="archived:eq:true").json()["results"][0]["id"] == first[0]["id"]


@pytest.mark.parametrize(
    ("path", "filters", "expected"),
    [
        ("payments", "billId:eq:00n01AAAAAAAAAAAAAAA", "BDC_1130"),
        ("payments", "archived:eq:false", "BDC_1130"),
        ("bills", "vendorId:like:x", "BDC_1131"),
        ("bills", 'archived:sw:"x"', "BDC_1131"),
        ("bills", "updatedTime:gte:2026-11-20T15:04:05.006Z", ""),
        ("bills", 'updatedTime:gte:"2026-11-20T15:04:05.006123Z"', "BDC_1129"),
        ("bills", 'updatedTime:gte:"2026-11-20T15:04:05.006"', "BDC_1129"),
        ("bills", 'updatedTime:gte:"2026-11-20T15:04:05.006 00:00"', "BDC_1129"),
        ("bills", "vendorId:in:A,B", ""),
        ("bills", "archived:eq:no", "BDC_1129"),
        ("bills", "archived", ""),
        ("vendors", "name:sw:Hap", ""),
        ("vendors", 'name:eq:"Hap', ""),
    ],
)
def test_bad_filters_are_400(bill: Bill, path: str, filters: str, expected: str) -> None:
    assert code(bill.get(path, filters=filters)) == (400, expected)


@pytest.mark.parametrize("sort", ["updatedTime", "updatedTime:up", "vendorId:asc"])
def test_a_bad_sort_is_400(bill: Bill, sort: str) -> None:
    assert code(bill.get("bills", sort=sort)) == (400, "")


def test_the_operators_filter(bill: Bill) -> None:
    a, b = bill.vendor(name="Alder"), bill.vendor(name="Birch")
    for vendor_id, number, amount in ((a, "1", 10), (a, "2", 20), (b, "3", 30)):
        bill.bill(vendor_id, number, amount)

    def numbers(filters: str) -> list[str]:
        rows = bill.get("bills", filters=filters).json()["results"]
        return [row["invoice"]["invoiceNumber"] for row in rows]

    assert numbers(f"vendorId:eq:{a},amount:gt:10") == ["2"]
    assert numbers(f'vendorId:in:"{a},{b}"') == numbers(f'vendorId:in:"{a}","{b}"') == ["1", "2", "3"]
    assert numbers(f'vendorId:nin:"{a}"') == numbers(f"vendorId:ne:{a}") == ["3"]
    assert numbers("amount:gte:20,amount:lt:30") == ["2"]
    assert numbers("amount:lte:10") == ["1"]
    assert numbers('createdTime:gte:"2020-01-01T00:00:00.000+00:00"') == ["1", "2", "3"]
    assert [v["name"] for v in bill.get("vendors", filters='name:sw:"Bi"').json()["results"]] == ["Birch"]


def test_ids_malformed_400_unknown_404(bill: Bill) -> None:
    assert code(bill.get("bills/00n01short")) == (400, "")
    assert code(bill.get("bills/00n01AAAAAAAAAAAAAAA")) == (404, "BDC_1205")


# --- vendors --------------------------------------------------------------------------------------------


def test_a_vendor_is_created_without_nulls(bill: Bill) -> None:
    answer = bill.post("vendors", {"name": "Granite", "address": ADDRESS, "unknown": 1, "shortName": None})
    row = answer.json()
    assert answer.status_code == 201
    assert row["id"].startswith("009")
    assert len(row["id"]) == 20
    assert row["address"]["countryName"] == "United States"
    assert not {"shortName", "unknown"} & row.keys()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"address": None}, "address: must not be null"),
        ({"name": ""}, "name: must not be blank"),
        ({"name": "x" * 101}, "name: size must be between 0 and 100"),
        ({"shortName": "x" * 41}, "shortName: size must be between 0 and 40"),
        ({"accountType": "COMPANY"}, "accountType: invalid value"),
        ({"address": {**ADDRESS, "country": "USA"}}, "address.country: invalid value"),
        (
            {"address": {**ADDRESS, "stateOrProvince": "Washington"}},
            "address.stateOrProvince: must be a two-letter US state",
        ),
        ({"address": {"line1": "1", "city": "X", "country": "US"}}, "address.zipOrPostalCode: must not be blank"),
    ],
)
def test_vendor_rules(bill: Bill, change: dict[str, Any], message: str) -> None:
    answer = bill.post("vendors", {"name": "Granite", "address": ADDRESS, **change})
    assert code(answer) == (400, "")
    assert answer.json()[0]["message"] == message


def test_vendor_patch_merges_and_ignores_bank_data(bill: Bill) -> None:
    vendor_id = bill.vendor(address=ADDRESS)
    before = bill.get(f"vendors/{vendor_id}").json()
    bank = {"nameOnAccount": "G", "accountNumber": "111222333"}
    change = {"address": {"city": "Boise"}, "paymentInformation": {"payeeName": "G", "bankAccount": bank}}
    after = bill.call("PATCH", f"vendors/{vendor_id}", change).json()
    assert after["address"] == {**before["address"], "city": "Boise"}
    assert after["paymentInformation"]["payeeName"] == "G"
    assert "bankAccount" not in after["paymentInformation"]
    assert after["updatedTime"] > before["updatedTime"]
    assert code(bill.call("PUT", f"vendors/{vendor_id}", change)) == (404, "BDC_1121")


def test_bulk_vendors_are_all_or_nothing_and_at_most_20(bill: Bill) -> None:
    good, bad = {"name": "A", "address": ADDRESS}, {"name": "B"}
    answer = bill.post("vendors/bulk", [good, bad, good])
    assert [each.get("code") for each in answer.json()] == [None, "BDC_1246", "BDC_1246"]
    assert code(bill.post("vendors/bulk", [good] * 21)) == (400, "")
    assert bill.control("state")["vendors"] == []
    assert len(bill.post("vendors/bulk", [good] * 20).json()["vendors"]) == 20


def test_archive_is_idempotent(bill: Bill) -> None:
    vendor_id = bill.vendor()
    first = bill.post(f"vendors/{vendor_id}/archive").json()
    assert first["archived"] is True
    assert bill.post(f"vendors/{vendor_id}/archive").json() == first
    assert bill.post(f"vendors/{vendor_id}/restore").json()["archived"] is False


# --- bills ----------------------------------------------------------------------------------------------


def test_a_bill_is_the_sum_of_its_lines(bill: Bill) -> None:
    lines = [{"amount": 149.00}, {"quantity": 3, "price": 26.66}, {"amount": 1.5, "quantity": 9, "price": 9}]
    answer = bill.post("bills", bill_body(bill.vendor(), billLineItems=lines, description=None))
    row = answer.json()
    assert answer.status_code == 201
    assert (row["amount"], row["dueAmount"], row["paidAmount"]) == (230.48, 230.48, 0)
    assert (row["paymentStatus"], row["approvalStatus"]) == ("UNPAID", "UNASSIGNED")
    assert all(line["id"].startswith("bli") for line in row["billLineItems"])
    assert not {"vendorName", "description", "approvers"} & row.keys()
    assert bill.get(f"bills/{row['id']}").json()["vendorName"] == "Granite Supply Co"


def test_invoice_numbers_end_at_21_characters(bill: Bill) -> None:
    answer = bill.post("bills", bill_body(bill.vendor(), "x" * 22))
    assert code(answer) == (400, "BDC_1143")
    text = "Invalid entity data. invoiceNumber: Maximum length cannot be greater than 21 characters."
    assert answer.json()[0]["message"] == text


@pytest.mark.parametrize(
    "change",
    [
        {"billLineItems": []},
        {"billLineItems": [{"description": "no amount"}]},
        {"billLineItems": [{"amount": "10.00"}]},
        {"billLineItems": [{"quantity": 2}]},
        {"billLineItems": [{"amount": -1}]},
        {"billLineItems": [{"amount": 1, "description": "x" * 4001}]},
        {"description": "x" * 4001},
        {"dueDate": "12/31/2026"},
        {"dueDate": "2026-02-30"},
        {"dueDate": "2026-12-31T00:00:00Z"},
        {"invoice": {"invoiceNumber": "1"}},
        {"invoice": None},
        {"vendorId": None},
    ],
)
def test_bill_rules(bill: Bill, change: dict[str, Any]) -> None:
    assert bill.post("bills", {**bill_body(bill.vendor()), **change}).status_code == 400


def test_unknown_references_are_1205_and_archived_ones_refused(bill: Bill) -> None:
    vendor_id, account = bill.vendor(), bill.act("create_account", name="Materials", number="6000")["id"]
    assert code(bill.post("bills", bill_body("00901AAAAAAAAAAAAAAA")))[1] == "BDC_1205"
    line = {"amount": 1, "classifications": {"departmentId": account}}
    assert code(bill.post("bills", bill_body(vendor_id, billLineItems=[line])))[1] == "BDC_1205"
    line = {"amount": 1, "classifications": {"chartOfAccountId": account}}
    assert bill.post("bills", bill_body(vendor_id, billLineItems=[line])).status_code == 201
    bill.act("archive_account", id=account)
    assert bill.post("bills", bill_body(vendor_id, "2", billLineItems=[line])).status_code == 400


def test_duplicate_numbers(bill: Bill, make: Callable[..., Bill]) -> None:
    vendor_id = bill.vendor()
    first = bill.bill(vendor_id)
    assert code(bill.post("bills", bill_body(vendor_id))) == (422, "BDC_1171")
    assert bill.post("bills", bill_body(bill.vendor(name="Other"))).status_code == 201
    assert bill.post("bills", bill_body(vendor_id, allowDuplicateInvoiceNumber=True)).status_code == 201
    for row in bill.control("state")["bills"]:
        bill.post(f"bills/{row['id']}/archive")
    assert bill.post("bills", bill_body(vendor_id)).status_code == 201
    assert bill.get(f"bills/{first}").json()["archived"] is True
    relaxed = make(duplicates_allowed=True)
    vendor_id = relaxed.vendor()
    assert [relaxed.post("bills", bill_body(vendor_id)).status_code for _ in range(2)] == [201, 201]


def test_bulk_bills(bill: Bill) -> None:
    vendor_id = bill.vendor()
    answer = bill.post("bills/bulk", [bill_body(vendor_id, "1"), bill_body(vendor_id, "2"), bill_body(vendor_id, "1")])
    assert (answer.status_code, [each["code"] for each in answer.json()]) == (422, ["BDC_1171", "BDC_1246", "BDC_1246"])
    assert bill.control("state")["bills"] == []
    assert code(bill.post("bills/bulk", [bill_body(vendor_id, str(i)) for i in range(101)])) == (400, "")
    made = bill.post("bills/bulk", [bill_body(vendor_id, str(i)) for i in range(100)])
    assert (made.status_code, len(made.json())) == (201, 100)


def test_put_replaces_lines_by_id(bill: Bill) -> None:
    vendor_id = bill.vendor()
    made = bill.post("bills", bill_body(vendor_id, billLineItems=[{"amount": 1}, {"amount": 2}])).json()
    keep = made["billLineItems"][0]["id"]
    body = bill_body(vendor_id, billLineItems=[{"id": keep, "amount": 5}, {"amount": 7}])
    row = bill.call("PUT", f"bills/{made['id']}", body).json()
    assert row["billLineItems"][0]["id"] == keep
    assert [line["amount"] for line in row["billLineItems"]] == [5, 7]
    assert (row["amount"], row["dueAmount"]) == (12, 12)
    body["billLineItems"] = [{"id": "bli01AAAAAAAAAAAAAAA", "amount": 1}]
    assert code(bill.call("PUT", f"bills/{made['id']}", body))[1] == "BDC_1205"


def test_patch_addresses_lines_by_id_and_leaves_the_rest(bill: Bill) -> None:
    made = bill.post("bills", bill_body(bill.vendor(), billLineItems=[{"amount": 1}, {"amount": 2}])).json()
    line = made["billLineItems"][1]["id"]
    row = bill.call("PATCH", f"bills/{made['id']}", {"billLineItems": [{"id": line, "amount": 9}]}).json()
    assert [each["amount"] for each in row["billLineItems"]] == [1, 9]
    assert row["updatedTime"] > made["updatedTime"]
    assert code(bill.call("PATCH", f"bills/{made['id']}", {"billLineItems": [{"amount": 9}]})) == (400, "")


def test_approvals_show_when_asked_for(bill: Bill) -> None:
    bill.act("set_approval_policy", minimum=50)
    row = bill.post("bills", bill_body(bill.vendor(), billApprovals=True)).json()
    assert (row["approvalStatus"], row["approvers"][0]["status"]) == ("ASSIGNED", "WAITING")
    bill.act("approve_bill", billId=row["id"])
    after = bill.get(f"bills/{row['id']}").json()
    assert (after["approvalStatus"], after["approvers"][0]["status"]) == ("APPROVED", "APPROVED")
    assert after["updatedTime"] > row["updatedTime"]


# --- classifications and banks ------------------------------------------------------------------------------


def test_accounts_and_departments(bill: Bill) -> None:
    body = {"name": "Materials", "account": {"type": "EXPENSE", "number": "6000"}}
    made = bill.post("classifications/chart-of-accounts", body)
    assert (made.status_code, made.json()["account"]) == (201, body["account"])
    assert code(bill.post("classifications/chart-of-accounts", {**body, "name": "Else"})) == (400, "BDC_1143")
    assert code(bill.post("classifications/departments", {"shortName": "S"})) == (400, "")
    wrong = {"name": "X", "account": {"type": "COST", "number": "1"}}
    assert code(bill.post("classifications/chart-of-accounts", wrong)) == (400, "")
    bulk = bill.post("classifications/departments/bulk", [{"name": "Sales"}, {"name": "Ops"}]).json()
    assert [each["name"] for each in bulk["departments"]] == ["Sales", "Ops"]
    assert code(bill.post("classifications/departments/bulk", [{"name": "x"}] * 51)) == (400, "")
    assert code(bill.get("classifications/nothing")) == (404, "BDC_1121")


def test_banks_filter_by_bank_account_id(bill: Bill) -> None:
    bank = bill.act("create_bank", bankName="First", accountNumber="000123456789")["id"]
    rows = bill.get("funding-accounts/banks", filters=f"bankAccountId:eq:{bank}").json()["results"]
    assert [(row["id"], row["accountNumber"]) for row in rows] == [(bank, "*****6789")]
    assert code(bill.get("funding-accounts/banks", filters=f"id:eq:{bank}")) == (400, "BDC_1130")


# --- payments -----------------------------------------------------------------------------------------------


def test_bills_follow_their_payment(bill: Bill) -> None:
    bill.act("create_bank", bankName="First")
    vendor_id = bill.vendor()
    one, two = bill.bill(vendor_id, "1", 100), bill.bill(vendor_id, "2", 50)
    paid = bill.act("pay", bills=[{"billId": one, "amount": 40}, {"billId": two}], processDate="2026-12-15")
    row = bill.get(f"payments/{paid['id']}").json()
    assert "billId" not in row
    assert [(part["billId"], part["amount"]) for part in row["billPayments"]] == [(one, 40), (two, 50)]
    assert (row["status"], row["singleStatus"], row["amount"]) == ("PAID", "CLEARED", 90)
    assert "checkNumber" not in row["disbursementInfo"]["checkDisbursement"]
    partial, full = (bill.get(f"bills/{each}").json() for each in (one, two))
    assert (partial["paymentStatus"], partial["dueAmount"]) == ("PARTIALLY_PAID", 60)
    assert (full["paymentStatus"], full["dueAmount"]) == ("PAID", 0)
    bill.act("set_check_number", paymentId=paid["id"], checkNumber=50123)
    assert bill.get(f"payments/{paid['id']}").json()["disbursementInfo"]["checkDisbursement"]["checkNumber"] == 50123
    bill.act("void_payment", paymentId=paid["id"])
    assert bill.get(f"payments/{paid['id']}").json()["status"] == "VOID"
    assert bill.get(f"bills/{two}").json()["paymentStatus"] == "UNPAID"


def test_the_life_of_a_scheduled_payment(bill: Bill) -> None:
    bill.act("create_bank", bankName="First")
    bill_id = bill.bill(bill.vendor())
    payment = bill.act("schedule", bills=[{"billId": bill_id}], disbursementType="ACH")["id"]
    row = bill.get(f"bills/{bill_id}").json()
    assert (row["paymentStatus"], row["scheduledAmount"], row["dueAmount"]) == ("SCHEDULED", 100, 100)
    steps = [bill.act("advance_payment", paymentId=payment) for _ in range(3)]
    assert [(step["singleStatus"], step["status"]) for step in steps] == [
        ("READY_TO_FUND", "SCHEDULED"),
        ("FUNDING_STARTED", "PAID"),
        ("CLEARED", "PAID"),
    ]
    assert code(bill.post(f"payments/{payment}/cancel")) == (400, "BDC_1143")
    voided = bill.post(f"payments/{payment}/void", {"type": "VOID_ONLY", "reason": "lost"}).json()
    assert (voided["status"], voided["singleStatus"]) == ("PAID", "VOID_PENDING")
    assert voided["voidInfo"][0]["status"] == "TO_BE_PROCESSED"


def test_only_a_scheduled_payment_is_cancelled(bill: Bill) -> None:
    bill.act("create_bank", bankName="First")
    bill_id = bill.bill(bill.vendor())
    payment = bill.act("schedule", bills=[{"billId": bill_id}])["id"]
    row = bill.post(f"payments/{payment}/cancel").json()
    assert (row["status"], row["singleStatus"]) == ("CANCELLED", "CANCELED")
    assert bill.get(f"bills/{bill_id}").json()["paymentStatus"] == "UNPAID"
    assert code(bill.post(f"payments/{payment}/void", {"type": "VOID_ALL"})) == (400, "")


def test_record_payment(bill: Bill) -> None:
    vendor_id = bill.vendor()
    bill_id = bill.bill(vendor_id)
    part = {"billId": bill_id, "amount": 70}
    body = {"vendorId": vendor_id, "processDate": "2026-12-20", "toPrintCheck": False, "payments": [part]}
    assert code(bill.post("bills/record-payment", {**body, "toPrintCheck": None})) == (400, "")
    assert code(bill.post("bills/record-payment", {**body, "payments": []})) == (400, "")
    over = {**body, "payments": [part, part]}
    assert code(bill.post("bills/record-payment", over)) == (422, "BDC_1159")
    assert code(bill.post("bills/record-payment", {**body, "vendorId": bill.vendor(name="B")})) == (400, "BDC_1143")
    made = bill.post("bills/record-payment", {**body, "syncReference": "CHK 1"})
    assert (made.status_code, made.json()["syncReference"]) == (200, "CHK 1")
    listed = bill.get("payments", filters="onlinePayment:eq:false").json()["results"]
    assert [(row["id"], row["billId"], row["status"]) for row in listed] == [(made.json()["id"], bill_id, "PAID")]
    assert bill.get(f"bills/{bill_id}").json()["dueAmount"] == 30


# --- webhooks -------------------------------------------------------------------------------------------------


@dataclass
class Receiver:
    url: str
    statuses: list[int] = field(default_factory=list)  # answers to give first; 200 afterwards
    got: list[tuple[bytes, str]] = field(default_factory=list)

    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(body) for body, _ in self.got]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            made.got.append((body, self.headers["x-bill-sha-signature"]))
            self.send_response(made.statuses.pop(0) if made.statuses else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made = Receiver(f"http://127.0.0.1:{server.server_port}/hooks")
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield made
    server.shutdown()
    server.server_close()


def subscription(url: str, *types: str) -> dict[str, Any]:
    events = [{"type": each, "version": "1"} for each in types or ("vendor.created", "bill.created", "payment.updated")]
    return {"name": "ml", "status": {"enabled": True}, "events": events, "notificationUrl": url}


def signature(key: str, body: bytes) -> str:
    return base64.b64encode(hmac.new(key.encode(), body, hashlib.sha256).digest()).decode()


def test_subscription_rules(make: Callable[..., Bill]) -> None:
    bill = make(allow_http_webhooks=False)
    body = subscription("https://mlc.example/hook")
    for key in (None, "no-uuid", str(uuid.uuid1())):
        assert code(bill.events("POST", "subscriptions", body, key=key))[0] == 400
    assert code(bill.events("POST", "subscriptions", subscription("http://mlc.example/hook")))[0] == 400
    assert code(bill.events("POST", "subscriptions", subscription("https://x.example", "bill.approved")))[0] == 400
    key = str(uuid.uuid4())
    made = bill.events("POST", "subscriptions", body, key=key)
    assert made.status_code == 200
    assert bill.events("POST", "subscriptions", body, key=key).json() == made.json()
    assert code(bill.events("POST", "subscriptions", body))[0] == 400
    shown = bill.events("GET", f"subscriptions/{made.json()['id']}").json()
    assert "securityKey" not in shown
    assert shown["status"] == {"enabled": True, "reason": None, "actor": "CLIENT"}
    for i in range(9):
        bill.events("POST", "subscriptions", subscription(f"https://mlc.example/{i}"))
    assert code(bill.events("POST", "subscriptions", subscription("https://mlc.example/10")))[0] == 400
    assert bill.events("DELETE", f"subscriptions/{shown['id']}").content == b""
    assert code(bill.events("GET", f"subscriptions/{shown['id']}")) == (404, "BDC_1205")


def test_event_calls_without_headers_are_400(bill: Bill) -> None:
    assert code(requests.get(f"{bill.root}/connect-events/v3/subscriptions", timeout=10))[0] == 400


def test_deliveries_are_signed_over_the_exact_bytes(bill: Bill, receiver: Receiver) -> None:
    made = bill.events("POST", "subscriptions", subscription(receiver.url)).json()
    bill.bill(bill.vendor())
    assert bill.act("flush_events") == {"pending": 0}
    assert [each["metadata"]["eventType"] for each in receiver.bodies()] == ["vendor.created", "bill.created"]
    assert all(signature(made["securityKey"], body) == signed for body, signed in receiver.got)
    content = receiver.bodies()[1]["bill"]
    assert not {"billLineItems", "approvalStatus", "dueAmount"} & content.keys()
    assert content["invoice"]["invoiceDate"] == "2026-11-18T00:00:00.000Z"


def test_payment_events_speak_the_single_status(bill: Bill, receiver: Receiver) -> None:
    bill.events("POST", "subscriptions", subscription(receiver.url, "payment.updated"))
    bill.act("create_bank", bankName="First")
    bill_id = bill.bill(bill.vendor())
    bill.act("pay", bills=[{"billId": bill_id}])
    bill.act("flush_events")
    payment = receiver.bodies()[0]["payment"]
    assert (payment["status"], payment["billIds"]) == ("CLEARED", [bill_id])
    assert not {"billPayments", "disbursementInfo"} & payment.keys()


def test_a_rotated_key_signs_the_next_event(bill: Bill, receiver: Receiver) -> None:
    made = bill.events("POST", "subscriptions", subscription(receiver.url)).json()
    assert code(bill.events("POST", f"subscriptions/{made['id']}/security_key", key=None))[0] == 400
    fresh = bill.events("POST", f"subscriptions/{made['id']}/security_key").json()["securityKey"]
    assert fresh != made["securityKey"]
    bill.vendor()
    bill.act("flush_events")
    body, signed = receiver.got[0]
    assert signature(fresh, body) == signed


def test_anything_but_200_is_retried_and_logged(make: Callable[..., Bill], receiver: Receiver) -> None:
    bill = make(webhook_retry_delays=(0.01, 0.01))
    made = bill.events("POST", "subscriptions", subscription(receiver.url)).json()
    receiver.statuses = [500, 202]
    vendor_id = bill.vendor()
    bill.act("flush_events")
    log = bill.events("GET", f"events/subscription/{made['id']}", entityId=vendor_id).json()["results"]
    assert [(each["attemptNumber"], each["statusCode"]) for each in log[0]["retries"]] == [(2, 202), (3, 200)]
    assert json.loads(log[0]["payload"]) == receiver.bodies()[2]
    assert bill.events("GET", f"subscriptions/{made['id']}").json()["status"]["enabled"] is True


def test_the_last_failure_disables_until_a_patch(make: Callable[..., Bill], receiver: Receiver) -> None:
    bill = make(webhook_retry_delays=(0.01,))
    made = bill.events("POST", "subscriptions", subscription(receiver.url)).json()
    receiver.statuses = [500, 500]
    bill.vendor()
    bill.act("flush_events")
    status = bill.events("GET", f"subscriptions/{made['id']}").json()["status"]
    assert (status["enabled"], status["actor"]) == (False, "SYSTEM")
    bill.vendor()
    bill.act("flush_events")
    assert len(receiver.got) == 2
    patched = bill.events("PATCH", f"subscriptions/{made['id']}", {"status": {"enabled": True}}).json()
    assert patched["status"] == {"enabled": True, "reason": None, "actor": "CLIENT"}
    bill.vendor()
    bill.act("flush_events")
    assert len(receiver.got) == 3


def test_the_test_call_and_resend_really_post(bill: Bill, receiver: Receiver) -> None:
    made = bill.events("POST", "subscriptions", subscription(receiver.url)).json()
    sent = bill.events("POST", f"subscriptions/{made['id']}/test", {"eventType": "bill.created", "version": "1"}).json()
    assert (sent["statusCode"], json.loads(sent["payload"])) == (200, receiver.bodies()[0])
    bill.events("POST", f"events/subscription/{made['id']}/event/{sent['id']}")
    assert receiver.bodies()[1] == receiver.bodies()[0]


def test_deliveries_misbehave_on_request(bill: Bill, receiver: Receiver) -> None:
    made = bill.events("POST", "subscriptions", subscription(receiver.url)).json()
    vendor_id = bill.vendor()
    bill.act("flush_events")
    receiver.got.clear()
    bill.act("send_event", type="vendor.created", id=vendor_id, copies=2)
    bill.act("send_event", type="vendor.created", id=vendor_id, forge=True)
    bill.act("send_event", type="vendor.created", id=vendor_id, double_encode=True)
    bill.act("send_event", type="vendor.created", id=vendor_id, drop=True)
    bill.act("flush_events")
    bodies = [body for body, _ in receiver.got]
    honest = [signature(made["securityKey"], body) == signed for body, signed in receiver.got]
    assert honest == [True, True, False, True]
    assert bodies[0] == bodies[1]
    assert isinstance(json.loads(json.loads(bodies[3])), dict)


def test_held_events_can_arrive_in_reverse(bill: Bill, receiver: Receiver) -> None:
    bill.events("POST", "subscriptions", subscription(receiver.url))
    bill.act("webhooks", hold=True)
    bill.bill(bill.vendor())
    bill.act("release_events", reverse=True)
    bill.act("flush_events")
    assert [each["metadata"]["eventType"] for each in receiver.bodies()] == ["bill.created", "vendor.created"]


def test_the_log_sorts_only_with_a_start(bill: Bill, receiver: Receiver) -> None:
    made = bill.events("POST", "subscriptions", subscription(receiver.url)).json()
    ids = [bill.vendor(name=f"V{i}") for i in range(3)]
    path = f"events/subscription/{made['id']}"
    assert code(bill.events("GET", path, max=101))[0] == 400
    since = {"createdTimeFrom": "2020-01-01T00:00:00.000Z", "ascending": "true"}
    page = bill.events("GET", path, max=2, **since).json()
    rest = bill.events("GET", path, max=2, page=page["nextPage"], **since).json()
    rows = page["results"] + rest["results"]
    assert [json.loads(row["payload"])["vendor"]["id"] for row in rows] == ids
    assert not {"nextPage", "prevPage"} & rest.keys()


# --- the whole ------------------------------------------------------------------------------------------------


def test_the_demo_has_one_name_to_adopt_and_one_to_doubt(bill: Bill) -> None:
    made = load_demo(bill.sandbox)
    state = bill.control("state")
    names = [row["name"] for row in state["vendors"]]
    assert (names.count("Granite Supply Co"), names.count("Summit Electric")) == (1, 2)
    assert [row["account"]["number"] for row in state["accounts"] if row["archived"]] == ["6950"]
    assert len(made["banks"]) == 2
    assert {"6000", "6400", "2300", "2990", "6990"} <= made["accounts"].keys()


def test_a_filtered_page_of_many_bills_is_exact(bill: Bill) -> None:
    vendor_id, other = bill.vendor(name="A"), bill.vendor(name="B")
    for start in range(0, 2000, 100):
        owner = other if start == 1900 else vendor_id
        bill.post("bills/bulk", [bill_body(owner, f"N{start + i}") for i in range(100)])
    page = bill.get("bills", max=100, filters=f"vendorId:eq:{other},archived:eq:false").json()
    assert {row["vendorId"] for row in page["results"]} == {other}
    assert len(page["results"]) == 100
    assert "nextPage" not in page


def test_every_kind_of_object_is_archived_and_restored_by_its_id(bill: Bill) -> None:
    made = load_demo(bill.sandbox)
    for row_id in (
        made["banks"][0],
        made["bills"][0],
        made["departments"]["Sales"],
        made["vendors"]["Summit Electric"][0],
    ):
        assert bill.act("archive", id=row_id)["archived"] is True
        assert bill.act("restore", id=row_id)["archived"] is False


def test_edits_of_a_person_change_what_the_api_shows(bill: Bill) -> None:
    bill.act("create_bank", bankName="First")
    bill_id = bill.bill(bill.vendor())
    bill.act("record_outside", bills=[{"billId": bill_id, "amount": 10}], syncReference="CHK 2")
    line = bill.get(f"bills/{bill_id}").json()["billLineItems"][0]["id"]
    change = {"billLineItems": [{"id": line, "amount": 80}]}
    assert code(bill.call("PATCH", f"bills/{bill_id}", change)) == (400, "BDC_1143")
    bill.act("edit_bill", billId=bill_id, changes=change)
    after = bill.get(f"bills/{bill_id}").json()
    assert (after["amount"], after["paidAmount"], after["dueAmount"]) == (80, 10, 70)


def test_an_invented_page_token_is_400(bill: Bill) -> None:
    assert code(bill.get("bills", page=base64.b64encode(b"123").decode())) == (400, "")
