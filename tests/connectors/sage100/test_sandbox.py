"""The strict rules of the agent's contract, over real HTTP (docs: sage100 8, 11)."""

from __future__ import annotations

import base64
import hashlib
import json
import ssl
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from connectors.sage100.sandbox import FULL_KEY, POSTING_KEY, READ_KEY, Sage100Sandbox, load_demo, load_odd
from connectors.sandboxing import Running
from tests.builders import today


class Caller:
    """A bare client: one method, so that every header and byte is the test's own."""

    def __init__(self, running: Running, key: str = FULL_KEY, company: str = "ABC") -> None:
        self.url, self.sandbox = running.url, running.sandbox
        self.headers = {"X-API-Key": key, "X-Company-Code": company}

    def __call__(self, method: str, path: str, **more: Any) -> requests.Response:
        headers = {**self.headers, **more.pop("headers", {})}
        return requests.request(method, self.url + path, headers=headers, timeout=10, **more)

    def get(self, path: str, **params: Any) -> Any:
        return self("GET", path, params=params).json()

    def act(self, name: str, **facts: Any) -> Any:
        answer = requests.post(f"{self.url}/_sandbox/actions/{name}", json=facts, timeout=10)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def fault(self, kind: str, **more: Any) -> None:
        requests.post(f"{self.url}/_sandbox/faults", json=[{"kind": kind, **more}], timeout=10)

    def stats(self) -> Any:
        return requests.get(f"{self.url}/_sandbox/stats", timeout=10).json()


@pytest.fixture
def agent() -> Iterator[Caller]:
    sandbox = Sage100Sandbox(rate_per_second=0)
    sandbox.load(
        vendors=[{"vendor": "ACME01", "name": "Acme Building Supply"}],
        invoices=[
            {"vendor": "ACME01", "invoice": "INV-1", "amount": "1250.00"},
            {"vendor": "ACME01", "invoice": "INV-2", "amount": "300.00"},
            {"vendor": "ACME01", "invoice": "CM-1", "amount": "-100.00"},
        ],
    )
    with Running(sandbox) as running:
        yield Caller(running)


@pytest.fixture(scope="module")
def demo() -> Iterator[Caller]:
    sandbox = Sage100Sandbox(rate_per_second=0)
    load_demo(sandbox)
    with Running(sandbox) as running:
        yield Caller(running)


def refused(response: requests.Response) -> tuple[int, str]:
    return response.status_code, response.json()["error"]["code"]


def payment(**changes: Any) -> dict[str, Any]:
    return {
        "clientReference": "bill:stp01",
        "apDivisionNo": "01",
        "vendorNo": "ACME01",
        "bankCode": "B",
        "method": "ACH",
        "checkNo": None,
        "reference": "P25110301-8842731",
        "paymentDate": today().isoformat(),
        "amount": "1250.00",
        "comment": "BILL P25110301",
        "batch": {"description": "BILL today"},
        "applications": [{"invoiceNo": "INV-1", "amountPaid": "1250.00", "discountTaken": "0.00"}],
        **changes,
    }


def check(**changes: Any) -> dict[str, Any]:
    return payment(method="CHECK", checkNo="104512", **changes)


def paying(invoice: str, amount: str, **changes: Any) -> dict[str, Any]:
    return payment(amount=amount, applications=[{"invoiceNo": invoice, "amountPaid": amount}], **changes)


def pay(agent: Caller, body: dict[str, Any]) -> requests.Response:
    return agent("POST", "/v1/payments", json=body)


# --- who may call ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("key", "code"), [("", "api_key_missing"), ("x" * 40, "api_key_invalid")])
def test_a_key_is_needed_everywhere_but_on_health(agent: Caller, key: str, code: str) -> None:
    for path in ("/v1/vendors", "/v1/health/ready", "/v1/companies", "/v1/nowhere"):
        answer = agent("GET", path, headers={"X-API-Key": key})
        assert refused(answer) == (401, code)
        assert answer.headers["WWW-Authenticate"] == "ApiKey"
        assert FULL_KEY not in answer.text
    assert agent("GET", "/v1/health", headers={"X-API-Key": key}).json()["status"] == "ok"


@pytest.mark.parametrize(
    ("company", "status", "code"),
    [
        (None, 400, "company_code_missing"),
        ("abc", 400, "company_code_invalid"),
        ("QQQ", 404, "company_not_found"),
        ("XYZ", 403, "company_access_denied"),
    ],
)
def test_the_company_header_is_checked(agent: Caller, company: str | None, status: int, code: str) -> None:
    assert refused(agent("GET", "/v1/vendors", headers={"X-Company-Code": company})) == (status, code)


def test_the_order_of_the_checks(agent: Caller) -> None:
    reader = {"X-API-Key": READ_KEY}
    assert refused(agent("GET", "/v1/nowhere", headers={"X-Company-Code": None}))[1] == "route_not_found"
    wrong = agent("DELETE", "/v1/vendors", headers={"X-Company-Code": None})
    assert refused(wrong) == (405, "method_not_allowed")
    assert wrong.headers["Allow"] == "GET, POST"
    assert refused(agent("POST", "/v1/payments?a=b", headers={**reader, "X-Company-Code": "abc"}))[0] == 400
    assert refused(agent("POST", "/v1/payments?a=b", headers=reader)) == (403, "scope_missing")
    assert refused(agent("POST", "/v1/payments?a=b")) == (400, "unknown_parameter")


def test_the_request_id_is_echoed_and_else_generated(agent: Caller) -> None:
    answer = agent("GET", "/v1/nowhere", headers={"X-Request-Id": "run-7"})
    assert answer.headers["X-Request-Id"] == answer.json()["error"]["requestId"] == "run-7"
    answer = agent("GET", "/v1/nowhere", headers={"X-Request-Id": "x" * 65})
    assert len(answer.headers["X-Request-Id"]) <= 64
    assert answer.headers["X-Agent-Version"]


def test_ten_requests_a_second() -> None:
    with Running(Sage100Sandbox(rate_per_second=2)) as running:
        caller = Caller(running)
        answers = [caller("GET", "/v1/companies") for _ in range(3)]
    assert [each.status_code for each in answers] == [200, 200, 429]
    assert refused(answers[2]) == (429, "rate_limited")
    assert answers[2].headers["Retry-After"]


def test_a_queue_that_is_full() -> None:
    sandbox = Sage100Sandbox(rate_per_second=0, queue_limit=1)
    company, codes = sandbox.companies["ABC"], []
    with Running(sandbox) as running:
        caller = Caller(running)
        calls = [
            threading.Thread(target=lambda: codes.append(caller("GET", "/v1/gl-segments").status_code))
            for _ in range(2)
        ]
        with company.worker:  # Sage is busy: one call at its turn, one waiting
            for each in calls:
                each.start()
            while company.queued < 2:
                time.sleep(0.01)
            assert refused(caller("GET", "/v1/gl-segments")) == (429, "queue_full")
        for each in calls:
            each.join()
    assert codes == [200, 200]


def _certificate(name: str) -> tuple[bytes, bytes]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return made.public_bytes(pem), private


@pytest.mark.parametrize(
    ("mode", "certificate", "key", "expected"),
    [
        ("mtls", True, False, 200),
        ("mtls", False, True, "client_certificate_required"),
        ("both", True, True, 200),
        ("both", True, False, "api_key_missing"),
        ("both", False, True, "client_certificate_required"),
        ("either", True, False, 200),
        ("either", False, True, 200),
        ("either", False, False, "api_key_missing"),
    ],
)
@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
def test_client_certificates(tmp_path: Any, mode: str, certificate: bool, key: bool, expected: Any) -> None:
    for name in ("server", "client"):
        public, private = _certificate(name)
        (tmp_path / f"{name}.pem").write_bytes(public)
        (tmp_path / f"{name}.key").write_bytes(private)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem", tmp_path / "server.key")
    context.load_verify_locations(tmp_path / "client.pem")
    context.verify_mode = ssl.CERT_OPTIONAL
    with Running(Sage100Sandbox(auth_mode=mode), tls=context) as running:
        answer = requests.get(
            running.url + "/v1/vendors",
            headers={"X-Company-Code": "ABC", **({"X-API-Key": FULL_KEY} if key else {})},
            cert=(str(tmp_path / "client.pem"), str(tmp_path / "client.key")) if certificate else None,
            verify=False,
            timeout=10,
        )
    assert expected == (200 if answer.ok else answer.json()["error"]["code"])


# --- lists -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("limit=0", "parameter_invalid"),
        ("limit=501", "parameter_invalid"),
        ("limit=abc", "parameter_invalid"),
        ("nope=1", "unknown_parameter"),
        ("limit=5&limit=5", "unknown_parameter"),
        ("vendor_no=ACME01", "parameter_invalid"),
        ("ap_division_no=01&invoice_no=INV-1", "parameter_invalid"),
        ("payable=yes", "parameter_invalid"),
        ("state=open", "parameter_invalid"),
        ("include=lines,none", "parameter_invalid"),
        ("updated_since=2026-01-01T00:00:00", "parameter_invalid"),
        ("updated_since=2026-01-01T00:00:00+01:00", "parameter_invalid"),  # a bare plus is a space
        ("invoice_date_from=01/02/2026", "parameter_invalid"),
        ("cursor=garbage", "cursor_invalid"),
    ],
)
def test_bad_queries(agent: Caller, query: str, code: str) -> None:
    assert refused(agent("GET", "/v1/ap-invoices?" + query)) == (400, code)


def test_pages_by_natural_key_with_one_watermark(demo: Caller) -> None:
    seen, marks, cursor = [], set(), {}
    while True:
        page = demo.get("/v1/ap-invoices", limit=7, state="all", **cursor)
        seen += [(each["apDivisionNo"], each["vendorNo"], each["invoiceNo"], each["state"]) for each in page["data"]]
        marks.add(page["watermark"])
        assert page["page"]["returned"] == len(page["data"]) <= page["page"]["limit"] == 7
        if not page["page"]["hasMore"]:
            break
        requests.post(demo.url + "/_sandbox/clock", json={"advance": 1}, timeout=10)
        cursor = {"cursor": page["page"]["nextCursor"]}
    assert page["page"]["nextCursor"] is None
    assert seen == sorted(set(seen))
    assert len(seen) == 31
    assert len(marks) == 1


def test_a_cursor_belongs_to_its_filters(agent: Caller) -> None:
    cursor = agent.get("/v1/ap-invoices", limit=1, payable="true")["page"]["nextCursor"]
    again = agent.get("/v1/ap-invoices", limit=2, payable="true", cursor=cursor)
    assert [each["invoiceNo"] for each in again["data"]] == ["INV-2"]
    for path, params in (("/v1/ap-invoices", {}), ("/v1/ap-open-invoices", {"limit": 1})):
        assert refused(agent("GET", path, params={**params, "cursor": cursor})) == (400, "cursor_mismatch")


def test_updated_since_is_inclusive_and_in_order_of_change(demo: Caller) -> None:
    every = demo.get("/v1/ap-invoices", updated_since="2020-01-01T00:00:00Z")["data"]
    changed = [datetime.fromisoformat(each["updatedAt"] or each["createdAt"]) for each in every]
    assert changed == sorted(changed)
    newest = every[-1]
    since = demo.get("/v1/ap-invoices", updated_since=newest["updatedAt"])["data"]
    assert newest["id"] in [each["id"] for each in since]
    later = (changed[-1] + timedelta(seconds=1)).isoformat()
    assert demo.get("/v1/ap-invoices", updated_since=later)["data"] == []


def test_what_has_no_stamp_appears_only_without_updated_since(demo: Caller) -> None:
    filters = {"ap_division_no": "02", "vendor_no": "0000042", "invoice_no": "RS-0001"}
    (found,) = demo.get("/v1/ap-invoices", **filters)["data"]
    assert found["updatedAt"] is None
    assert demo.get("/v1/ap-invoices", **filters, updated_since="2000-01-01T00:00:00Z")["data"] == []


def test_a_record_changed_while_paging_comes_again(agent: Caller) -> None:
    since = "2020-01-01T00:00:00Z"
    first = agent.get("/v1/ap-invoices", limit=1, updated_since=since)
    number = first["data"][0]["invoiceNo"]
    agent.act("change_invoice", division="01", vendor="ACME01", invoice=number, comment="touched")
    rest = agent.get("/v1/ap-invoices", updated_since=since, cursor=first["page"]["nextCursor"])
    assert len(rest["data"]) == 3
    assert rest["data"][-1]["invoiceNo"] == number
    assert rest["data"][-1]["updatedAt"] > first["data"][0]["updatedAt"]


def test_every_change_moves_the_stamp_by_a_second(agent: Caller) -> None:
    stamps = [
        agent.act("change_invoice", division="01", vendor="ACME01", invoice="INV-1", comment=str(n))["updatedAt"]
        for n in range(3)
    ]
    assert len(set(stamps)) == 3
    assert stamps == sorted(stamps)


@pytest.mark.parametrize(
    ("hours", "clock"), [("14.5", "14:30:00"), ("9.50000", "09:30:00"), ("08.49238", "08:29:33"), ("", "00:00:00")]
)
def test_decimal_hours_are_local_time(agent: Caller, hours: str, clock: str) -> None:
    vendors = agent.sandbox.companies["ABC"].vendors
    vendor = vendors.get("01", "ACME01")
    vendor.stamp.updated = ("20251104", hours)
    shown = agent.get("/v1/vendors")["data"][0]
    assert shown["updatedAt"] == f"2025-11-04T{clock}-05:00"
    assert shown["timeUpdated"] == (hours or None)


# --- vendors ---------------------------------------------------------------------------------------

NEW = {"apDivisionNo": "01", "vendorNo": "42", "vendorName": "New Co", "termsCode": "3", "city": "Dayton"}


def test_a_vendor_is_created_once(agent: Caller) -> None:
    made = agent("POST", "/v1/vendors", json=NEW)
    assert (made.status_code, made.json()["duplicate"]) == (201, False)
    assert (made.json()["vendorNo"], made.json()["termsCode"]) == ("0000042", "03")
    assert made.headers["Location"] == "/v1/vendors/" + made.json()["id"]
    again = agent("POST", "/v1/vendors", json={**NEW, "vendorNo": "0000042"})
    assert (again.status_code, again.json()["duplicate"]) == (200, True)
    other = agent("POST", "/v1/vendors", json={**NEW, "city": "Akron"})
    assert refused(other) == (409, "vendor_exists")
    assert other.json()["error"]["existing"]["city"] == "Dayton"
    assert agent.stats()["writes"] == 1


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"vendorName": "x" * 51}, "validation_failed", "vendorName"),
        ({"vendorName": None}, "validation_failed", "vendorName"),
        ({"vendorNo": "TOOLONG8"}, "validation_failed", "vendorNo"),
        ({"vendorNo": "acme"}, "validation_failed", "vendorNo"),
        ({"zipCode": 45402}, "validation_failed", "zipCode"),
        ({"taxId": "1"}, "validation_failed", "taxId"),
        ({"udf": {"UDF_NOPE": "1"}}, "validation_failed", "udf"),
        ({"termsCode": "99"}, "unknown_reference", "termsCode"),
        ({"apDivisionNo": "77"}, "unknown_reference", "apDivisionNo"),
        ({"accountKey": "00000099Z"}, "unknown_reference", "accountKey"),
    ],
)
def test_a_vendor_that_does_not_fit_is_refused(agent: Caller, change: Any, code: str, field: str) -> None:
    answer = agent("POST", "/v1/vendors", json={**NEW, **change})
    assert refused(answer) == (422, code)
    assert answer.json()["error"]["details"][0]["field"] == field
    assert answer.json()["error"]["sage"]["lastErrorMsg"]


def test_a_patch_changes_columns_but_no_key(agent: Caller) -> None:
    vendor = agent.get("/v1/vendors")["data"][0]
    path = "/v1/vendors/" + vendor["id"]
    changed = agent("PATCH", path, json={"vendorStatus": "I", "city": "Lima", "reference": None})
    assert (changed.status_code, changed.json()["vendorStatus"], changed.json()["city"]) == (200, "I", "Lima")
    assert changed.json()["updatedAt"] > vendor["updatedAt"]
    assert refused(agent("PATCH", path, json={"vendorNo": "ACME01"})) == (422, "immutable_field")
    assert refused(agent("PATCH", "/v1/vendors/nonsense", json={"city": "Lima"})) == (404, "vendor_not_found")


def test_bodies(agent: Caller) -> None:
    def post(data: bytes, kind: str = "application/json") -> tuple[int, str]:
        return refused(agent("POST", "/v1/vendors", data=data, headers={"Content-Type": kind}))

    assert post(b"{}", "text/plain") == (415, "unsupported_media_type")
    assert post(b"{") == (400, "json_invalid")
    assert post(b"[]") == (400, "json_invalid")
    assert post(b" " * (1024 * 1024 + 1)) == (413, "body_too_large")


def test_vendor_numbers_are_unique_within_a_division_only(demo: Caller) -> None:
    names = {
        each["apDivisionNo"]: each["vendorName"]
        for each in demo.get("/v1/vendors")["data"]
        if each["vendorNo"] == "HARBOR"
    }
    assert set(names) == {"01", "02"}
    assert len(demo.get("/v1/vendors", ap_division_no="02", vendor_no="HARBOR")["data"]) == 1
    assert demo.get("/v1/vendors", status="T")["data"][0]["vendorStatus"] == "T"


# --- invoices --------------------------------------------------------------------------------------


def _demo_invoice(demo: Caller, number: str, **query: Any) -> Any:
    found = demo.get("/v1/ap-invoices", state="all", limit=500, **query)["data"]
    return next(each for each in found if each["invoiceNo"] == number)


@pytest.mark.parametrize(
    ("number", "reasons"),
    [
        ("INV-20541", []),
        ("INV-20600", ["not_posted"]),
        ("INV-20480", ["zero_balance"]),
        ("INV-20410", ["zero_balance"]),
        ("CM-20541", ["credit"]),
        ("000790", ["invoice_on_hold"]),
        ("POL-5501", ["vendor_on_hold"]),
        ("SE/2240", ["selected_for_payment"]),
    ],
)
def test_payable_is_computed(demo: Caller, number: str, reasons: list[str]) -> None:
    found = _demo_invoice(demo, number)
    assert (found["payable"], found["notPayableReasons"]) == (not reasons, reasons)
    listed = demo.get("/v1/ap-invoices", state="all", payable=str(not reasons).lower(), limit=500)["data"]
    assert number in [each["invoiceNo"] for each in listed]


def test_holds_and_selections_that_move_no_stamp(agent: Caller) -> None:
    before = agent.get("/v1/ap-invoices")["data"][1]
    agent.act("hold_vendor", division="01", vendor="ACME01")
    agent.act("select_for_payment", division="01", vendor="ACME01", invoice="INV-1")
    after = agent.get("/v1/ap-invoices")["data"][1]
    assert after["notPayableReasons"] == ["vendor_on_hold", "selected_for_payment"]
    assert after["updatedAt"] == before["updatedAt"]
    assert agent.act("hold_invoice", division="01", vendor="ACME01", invoice="INV-1")["updatedAt"] > after["updatedAt"]


def test_entry_and_posted_are_two_records(demo: Caller) -> None:
    query = {"ap_division_no": "01", "vendor_no": "HARBOR", "invoice_no": "10060"}
    (posted,) = demo.get("/v1/ap-invoices", **query)["data"]
    (entry,) = demo.get("/v1/ap-invoices", state="entry", **query)["data"]
    assert posted["id"] != entry["id"]
    assert (entry["postedDate"], entry["open"], entry["balance"], entry["lines"][0]["lineKey"]) == (
        None,
        False,
        "0.00",
        "000001",
    )
    assert entry["batchNo"]
    assert entry["lines"][0]["headerSeqNo"] is None
    assert demo.get("/v1/ap-invoices/" + entry["id"])["state"] == "entry"


def test_ids_are_opaque_and_carry_any_number(demo: Caller) -> None:
    for number in ("#88 17", "R 104/B#2", "SE/2210", "NWP-2026-00000012345"):
        found = _demo_invoice(demo, number)
        assert demo.get("/v1/ap-invoices/" + found["id"])["invoiceNo"] == number
    padded = base64.urlsafe_b64encode(json.dumps(["ap-invoice", "01", "ACME01", "INV-20541"]).encode()).decode()
    assert refused(demo("GET", "/v1/ap-invoices/" + padded.rstrip("=")))[1] == "invoice_not_found"  # not compact


def test_include(demo: Caller) -> None:
    assert "attachments" not in _demo_invoice(demo, "INV-20541")
    bare = _demo_invoice(demo, "INV-20541", include="none")
    assert not {"lines", "attachments"} & bare.keys()
    assert "lines" not in _demo_invoice(demo, "INV-20541", include="attachments")
    assert {"lines", "attachments"} <= demo.get("/v1/ap-invoices/" + bare["id"]).keys()


def test_amounts_outside_the_lines(demo: Caller) -> None:
    found = _demo_invoice(demo, "INV-20571")
    assert (found["invoiceAmt"], found["freightAmt"], found["salesTaxAmt"]) == ("1681.25", "85.00", "96.25")
    assert [line["amount"] for line in found["lines"]] == ["1375.00", "125.00"]
    assert "freightAmt" not in _demo_invoice(demo, "INV-20541")


def test_an_adjustment_is_merged(agent: Caller) -> None:
    adjusted = agent.act("adjust_invoice", division="01", vendor="ACME01", invoice="INV-1", amount="-50.00")
    assert (adjusted["invoiceAmt"], adjusted["balance"]) == ("1200.00", "1200.00")
    assert [(line["headerSeqNo"], line["detailSeqNo"]) for line in adjusted["lines"]] == [
        ("000001", "000001"),
        ("000002", "000001"),
    ]


def test_open_invoices_leave_out_history_and_by_default_what_is_paid(demo: Caller) -> None:
    shown = {each["invoiceNo"] for each in demo.get("/v1/ap-open-invoices", limit=500)["data"]}
    every = {
        each["invoiceNo"] for each in demo.get("/v1/ap-open-invoices", limit=500, include_zero_balance="true")["data"]
    }
    assert every - shown == {"INV-20480"}
    assert "INV-20410" not in every
    assert "INV-20600" not in every
    assert _demo_invoice(demo, "INV-20410")["balance"] == "0.00"


def test_attachments(demo: Caller) -> None:
    invoice = "/v1/ap-invoices/" + _demo_invoice(demo, "INV-20541")["id"]
    (file,) = demo.get(invoice + "/attachments")["data"]
    content = f"{invoice}/attachments/{file['attachmentId']}/content"
    answer = demo("GET", content)
    assert answer.content.startswith(b"%PDF")
    assert int(answer.headers["Content-Length"]) == file["size"] == len(answer.content)
    assert answer.headers["Content-Type"] == "application/pdf"
    assert "INV-20541.pdf" in answer.headers["Content-Disposition"]
    assert answer.headers["ETag"] == f'"sha256-{hashlib.sha256(answer.content).hexdigest()}"'
    known = demo("GET", content, headers={"If-None-Match": answer.headers["ETag"]})
    assert (known.status_code, known.content) == (304, b"")
    assert refused(demo("GET", invoice + "/attachments/m-999999/content")) == (404, "attachment_not_found")


def test_attachments_that_cannot_be_served(demo: Caller) -> None:
    invoice = "/v1/ap-invoices/" + _demo_invoice(demo, "INV-20560")["id"]
    missing, large = demo.get(invoice + "/attachments")["data"]
    assert missing["size"] is None
    for file, expected in ((missing, (410, "attachment_missing")), (large, (413, "attachment_too_large"))):
        assert refused(demo("GET", f"{invoice}/attachments/{file['attachmentId']}/content")) == expected


def test_a_path_outside_the_root_is_never_shown(demo: Caller) -> None:
    record = _demo_invoice(demo, "NWP-44102", include="attachments")
    assert [each["fileName"] for each in record["attachments"]] == ["NWP-44102.pdf"]
    hidden = int(record["attachments"][0]["attachmentId"][2:]) - 1
    path = f"/v1/ap-invoices/{record['id']}/attachments/m-{hidden:06d}/content"
    assert refused(demo("GET", path)) == (404, "attachment_not_found")


# --- accounts, orders, reference -------------------------------------------------------------------


def test_line_accounts_exist_and_one_is_inactive(demo: Caller) -> None:
    accounts = {each["accountKey"]: each for each in demo.get("/v1/gl-accounts", limit=500)["data"]}
    for invoice in demo.get("/v1/ap-invoices", state="all", limit=500)["data"]:
        for line in invoice["lines"]:
            assert accounts[line["accountKey"]]["account"] == line["account"]
    (inactive,) = demo.get("/v1/gl-accounts", status="I")["data"]
    assert inactive["account"] == "5990-01-00"
    (found,) = demo.get("/v1/gl-accounts", account="5010-01-00")["data"]
    assert [each["code"] for each in found["segments"]] == ["5010", "01", "00"]
    assert demo.get("/v1/gl-accounts/" + found["id"])["rawAccount"] == "50100100"


def test_codes_may_hold_dashes(agent: Caller) -> None:
    agent.headers.update({"X-API-Key": POSTING_KEY, "X-Company-Code": "XYZ"})
    account = agent.get("/v1/gl-accounts")["data"][0]
    assert account["account"] == "1000-A-1"
    assert [each["code"] for each in account["segments"]] == ["1000", "A-1"]


def test_reference_lists_and_company(demo: Caller) -> None:
    company = demo.get("/v1/companies/validate")
    assert company["banks"] == demo.get("/v1/reference/banks")["data"]
    assert [each["length"] for each in company["accountSegments"]] == [4, 2, 2]
    assert company["scopes"] == ["read", "vendors:write", "payments:write"]
    assert [each["companyCode"] for each in demo.get("/v1/companies")["data"]] == ["ABC"]
    assert {each["termsCode"] for each in demo.get("/v1/reference/terms-codes")["data"]} == {"00", "02", "03"}
    assert refused(demo("GET", "/v1/reference/banks?limit=5")) == (400, "unknown_parameter")


def test_purchase_orders(demo: Caller) -> None:
    (order,) = demo.get("/v1/purchase-orders", purchase_order_no="0010223")["data"]
    assert (order["orderTotal"], len(order["lines"])) == ("1290.00", 2)
    assert "lines" not in demo.get("/v1/purchase-orders", include="none")["data"][0]
    assert demo.get("/v1/purchase-orders/" + order["id"])["purchaseOrderNo"] == "0010223"
    assert [each["purchaseOrderNo"] for each in demo.get("/v1/purchase-orders", order_status="N")["data"]] == [
        "0010230"
    ]


# --- payments --------------------------------------------------------------------------------------


def test_a_payment_is_entered_once(agent: Caller) -> None:
    made = pay(agent, payment())
    record = made.json()
    assert (made.status_code, record["state"], record["duplicate"]) == (201, "entered", False)
    assert made.headers["Location"] == "/v1/payments/" + record["id"]
    assert (record["checkNo"], record["checkSeqNo"], record["checkType"]) == ("W00001", None, "N")
    mark = hashlib.sha256(b"bill:stp01").hexdigest()[:8]
    assert record["comment"] == f"BILL P25110301 #{mark}"
    assert record["applications"][0]["balanceBefore"] == "1250.00"
    again = pay(agent, payment())
    assert (again.status_code, again.json()["duplicate"], again.json()["id"]) == (200, True, record["id"])
    assert refused(pay(agent, payment(comment="other"))) == (409, "payment_conflict")
    assert len(agent.get("/v1/payments")["data"]) == 1
    assert (agent.stats()["writes"], agent.stats()["duplicates"]) == (1, 1)


def test_the_balance_falls_when_the_register_is_updated(agent: Caller) -> None:
    entered = pay(agent, payment()).json()
    assert agent.get("/v1/ap-invoices", payable="true")["data"][0]["balance"] == "1250.00"
    agent.act("post_batch", batch_no=entered["batchNo"])
    posted = agent.get("/v1/payments/" + entered["id"])
    assert (posted["state"], posted["checkSeqNo"], posted["id"] != entered["id"]) == ("posted", "000001", True)
    assert agent.get("/v1/payments/" + posted["id"])["postedDate"]
    assert "balanceBefore" not in posted["applications"][0]
    invoice = agent.get("/v1/ap-invoices", ap_division_no="01", vendor_no="ACME01", invoice_no="INV-1")["data"][0]
    assert (invoice["balance"], invoice["notPayableReasons"]) == ("0.00", ["zero_balance"])
    changed = agent.get("/v1/payments", updated_since=posted["updatedAt"], state="posted")
    assert [each["id"] for each in changed["data"]] == [posted["id"]]
    assert pay(agent, payment()).json()["id"] == posted["id"]
    assert refused(agent("DELETE", "/v1/payments/" + entered["id"])) == (409, "payment_posted")


def test_deleting_an_entry_frees_its_reference(agent: Caller) -> None:
    entered = pay(agent, payment()).json()
    assert agent("DELETE", "/v1/payments/" + entered["id"]).status_code == 204
    assert refused(agent("GET", "/v1/payments/" + entered["id"])) == (404, "payment_not_found")
    assert pay(agent, payment(comment="another body")).status_code == 201


def test_an_entry_that_a_person_deleted_is_written_anew(agent: Caller) -> None:
    first = pay(agent, payment()).json()
    agent.act("delete_entry", client_reference="bill:stp01")
    assert refused(pay(agent, payment(comment="other"))) == (409, "payment_conflict")
    second = pay(agent, payment())
    assert (second.status_code, second.json()["checkNo"] != first["checkNo"]) == (201, True)


def test_an_interrupted_write_is_found_by_its_mark(agent: Caller) -> None:
    first = pay(agent, payment()).json()
    agent.act("interrupt_journal", client_reference="bill:stp01")
    assert refused(pay(agent, payment(comment="other"))) == (409, "payment_conflict")
    again = pay(agent, payment())
    assert (again.status_code, again.json()["id"], again.json()["duplicate"]) == (200, first["id"], True)


def test_a_check_in_sage_is_adopted_when_it_is_the_same(agent: Caller) -> None:
    agent.act("pay_in_sage", division="01", vendor="ACME01", invoice="INV-1", bank="B", check_no="0000104512")
    adopted = pay(agent, check())
    assert (adopted.status_code, adopted.json()["duplicate"], adopted.json()["state"]) == (200, True, "posted")
    assert adopted.json()["clientReference"] == "bill:stp01"
    other = check(clientReference="bill:2", amount="300.00")
    other["applications"] = [{"invoiceNo": "INV-2", "amountPaid": "300.00"}]
    assert refused(pay(agent, other)) == (409, "check_number_used")
    other["bankCode"] = "X"
    assert pay(agent, other).status_code == 201


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (paying("NOPE", "10.00"), 409, "invoice_not_open"),
        (paying("inv-1", "10.00"), 409, "invoice_not_open"),
        (paying("ENTRY", "10.00"), 409, "invoice_not_open"),
        (paying("PAID", "10.00"), 409, "invoice_already_paid"),
        (paying("GONE", "10.00"), 409, "invoice_already_paid"),
        (paying("CHOSEN", "10.00"), 409, "invoice_selected_for_payment"),
        (paying("INV-1", "1250.01"), 422, "amount_exceeds_balance"),
        (paying("CM-1", "10.00"), 422, "amount_exceeds_balance"),
        (payment(amount="0.00"), 422, "out_of_balance"),
        (payment(amount="1249.99"), 422, "out_of_balance"),
        (payment(vendorNo="NOBODY"), 422, "unknown_reference"),
        (payment(bankCode="Q"), 422, "unknown_reference"),
        (payment(paymentDate="2020-01-31"), 422, "period_closed"),
        (payment(paymentDate=(datetime.now(UTC) + timedelta(days=3)).date().isoformat()), 422, "validation_failed"),
        (payment(amount=1250.0), 422, "validation_failed"),
        (payment(amount="1250"), 422, "validation_failed"),
        (payment(method="CASH"), 422, "validation_failed"),
        (payment(checkNo="17"), 422, "validation_failed"),
        (payment(method="CHECK"), 422, "validation_failed"),
        (payment(comment="x" * 30), 422, "validation_failed"),
        (payment(reference="x" * 41), 422, "validation_failed"),
        (payment(clientReference="a b"), 422, "validation_failed"),
        (payment(batch=None), 422, "validation_failed"),
        (payment(batch={"description": "x" * 31}), 422, "validation_failed"),
        (payment(applications=[]), 422, "validation_failed"),
        (payment(batch={"batchNo": "00099"}), 404, "batch_not_found"),
    ],
)
def test_payments_that_are_refused(agent: Caller, body: dict[str, Any], status: int, code: str) -> None:
    facts = {"division": "01", "vendor": "ACME01", "amount": "50.00"}
    agent.act("add_invoice", **facts, invoice="ENTRY", state="entry")
    agent.act("add_invoice", **facts, invoice="PAID", balance="0")
    agent.act("add_invoice", **facts, invoice="GONE", balance="0", in_open=False)
    agent.act("add_invoice", **facts, invoice="CHOSEN", selected=True)
    agent.act("close_period", year=2020, month=1)
    assert refused(pay(agent, body)) == (status, code)
    assert agent.get("/v1/payments")["data"] == []
    assert agent.stats()["writes"] == 0


def test_an_invoice_twice_in_one_payment(agent: Caller) -> None:
    half = {"invoiceNo": "INV-1", "amountPaid": "625.00"}
    answer = pay(agent, payment(applications=[half, half]))
    assert answer.json()["error"]["details"][0]["field"] == "applications[1].invoiceNo"


def test_unposted_entries_count_against_the_balance(agent: Caller) -> None:
    assert pay(agent, paying("INV-1", "1000.00")).status_code == 201
    second = pay(agent, paying("INV-1", "250.01", clientReference="bill:2"))
    assert refused(second) == (422, "amount_exceeds_balance")
    assert second.json()["error"]["details"][0]["field"] == "applications[0].amountPaid"
    third = pay(agent, paying("INV-1", "250.00", clientReference="bill:2"))
    assert third.json()["applications"][0]["balanceBefore"] == "250.00"


def test_discounts_and_credits(agent: Caller) -> None:
    parts = [
        {"invoiceNo": "INV-1", "amountPaid": "1240.00", "discountTaken": "10.00"},
        {"invoiceNo": "CM-1", "amountPaid": "-40.00"},
    ]
    entered = pay(agent, payment(amount="1200.00", applications=parts))
    assert entered.status_code == 201
    agent.act("post_all")
    balances = {each["invoiceNo"]: each["balance"] for each in agent.get("/v1/ap-invoices")["data"]}
    assert (balances["INV-1"], balances["CM-1"]) == ("0.00", "-60.00")
    parts = [{"invoiceNo": "INV-2", "amountPaid": "300.00"}, {"invoiceNo": "CM-1", "amountPaid": "-150.00"}]
    too_much = pay(agent, payment(clientReference="bill:2", amount="150.00", applications=parts))
    assert refused(too_much) == (422, "amount_exceeds_balance")


def test_holds_do_not_stop_a_payment_that_was_made(agent: Caller) -> None:
    agent.act("hold_vendor", division="01", vendor="ACME01")
    agent.act("hold_invoice", division="01", vendor="ACME01", invoice="INV-1")
    assert pay(agent, payment()).status_code == 201


def test_batches(agent: Caller) -> None:
    first, second = pay(agent, payment()).json(), pay(agent, paying("INV-2", "300.00", clientReference="b:2")).json()
    assert first["batchNo"] == second["batchNo"]
    (batch,) = agent.get("/v1/payment-batches")["data"]
    assert (batch["description"], batch["entryCount"], batch["total"]) == ("BILL today", 2, "1550.00")
    agent.act("post_batch", batch_no=batch["batchNo"])
    assert agent.get("/v1/payment-batches")["data"] == []
    assert agent.get("/v1/payment-batches", state="all")["data"][0]["state"] == "posted"
    agent.act("add_invoice", division="01", vendor="ACME01", invoice="INV-3", amount="5.00")
    late = paying("INV-3", "5.00", clientReference="b:3", batch={"batchNo": batch["batchNo"]})
    assert refused(pay(agent, late)) == (409, "batch_closed")
    anew = pay(agent, paying("INV-3", "5.00", clientReference="b:3")).json()
    assert anew["batchNo"] != batch["batchNo"]


def test_a_person_s_batch_is_used_by_number_only(agent: Caller) -> None:
    theirs = agent.act("add_batch", description="BILL today")["batchNo"]
    assert pay(agent, payment()).json()["batchNo"] != theirs
    by_number = paying("INV-2", "300.00", clientReference="b:2", batch={"batchNo": theirs})
    assert pay(agent, by_number).json()["batchNo"] == theirs


def test_a_company_without_batches_and_wires() -> None:
    sandbox = Sage100Sandbox(rate_per_second=0)
    sandbox.load(
        vendors=[{"division": "00", "vendor": "V1", "name": "V"}],
        invoices=[{"division": "00", "vendor": "V1", "invoice": "1", "amount": "1250.00", "account": "5010-A-1"}],
        company="XYZ",
    )
    parts = [{"invoiceNo": "1", "amountPaid": "1250.00"}]
    body = {**check(), "apDivisionNo": "00", "vendorNo": "V1", "applications": parts}
    with Running(sandbox) as running:
        caller = Caller(running, POSTING_KEY, "XYZ")
        assert refused(pay(caller, body)) == (422, "validation_failed")
        wire = {**body, "batch": None, "method": "WIRE", "checkNo": None}
        assert refused(pay(caller, wire)) == (422, "wire_transfers_disabled")
        assert pay(caller, {**body, "batch": None}).json()["checkNo"] == "0000104512"


def test_posting_needs_scope_and_switch() -> None:
    sandbox = Sage100Sandbox(rate_per_second=0)
    sandbox.load(
        vendors=[{"vendor": "ACME01", "name": "Acme"}],
        invoices=[{"vendor": "ACME01", "invoice": "INV-1", "amount": "1250.00"}],
    )
    with Running(sandbox) as running:
        caller, poster = Caller(running), Caller(running, POSTING_KEY)
        batch = "/v1/payment-batches/" + pay(caller, payment()).json()["batchNo"]
        assert refused(caller("POST", batch + "/post")) == (403, "scope_missing")
        assert refused(poster("POST", batch + "/post")) == (403, "posting_disabled")
        caller.act("set_options", allow_posting=True)
        started = poster("POST", batch + "/post")
        assert (started.status_code, started.json()["state"]) == (202, "posting")
        assert [poster.get(batch)["state"] for _ in range(2)] == ["posting", "posted"]
        assert refused(poster("POST", batch + "/post")) == (409, "batch_closed")
        assert refused(poster("POST", "/v1/payment-batches/00099/post")) == (404, "batch_not_found")
        assert caller.get("/v1/payments")["data"][0]["state"] == "posted"


@pytest.mark.parametrize("vanish", [False, True])
def test_payments_made_in_sage_show_without_reference(agent: Caller, vanish: bool) -> None:
    agent.act("pay_in_sage", division="01", vendor="ACME01", invoice="INV-1", vanish=vanish)
    (found,) = agent.get("/v1/payments")["data"]
    assert (found["clientReference"], found["method"], found["state"]) == (None, "CHECK", "posted")
    open_ones = agent.get("/v1/ap-open-invoices", include_zero_balance="true")["data"]
    assert ("INV-1" in [each["invoiceNo"] for each in open_ones]) is not vanish
    history = agent.get("/v1/ap-invoices", ap_division_no="01", vendor_no="ACME01", invoice_no="INV-1")["data"]
    assert history[0]["balance"] == "0.00"


def test_payment_filters(agent: Caller) -> None:
    pay(agent, payment())
    agent.act("pay_in_sage", division="01", vendor="ACME01", invoice="INV-2")

    def found(**query: str) -> list[str | None]:
        return [each["clientReference"] for each in agent.get("/v1/payments", **query)["data"]]

    assert found(client_reference="bill:stp01") == found(state="entered") == found(bank_code="B") == ["bill:stp01"]
    assert found(state="posted") == found(ap_division_no="01", vendor_no="ACME01", invoice_no="INV-2") == [None]
    assert found(check_no="W00001") == ["bill:stp01"]
    assert refused(agent("GET", "/v1/payments?invoice_no=INV-1")) == (400, "parameter_invalid")


# --- faults ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        ("locked", 423, "record_locked"),
        ("company_locked", 423, "company_locked"),
        ("queue_full", 429, "queue_full"),
        ("rate_limited", 429, "rate_limited"),
        ("boi_unavailable", 503, "boi_unavailable"),
        ("license_unavailable", 503, "license_unavailable"),
    ],
)
def test_faults_strike_so_many_times(agent: Caller, kind: str, status: int, code: str) -> None:
    agent.fault(kind, path="/v1/payments", method="POST", times=2, seconds=3)
    for _ in range(2):
        answer = agent("POST", "/v1/payments", json=payment(), headers={"X-Request-Id": "r-1"})
        assert refused(answer) == (status, code)
        error = answer.json()["error"]
        assert (error["retryable"], error["retryAfterSeconds"], error["requestId"]) == (True, 3, "r-1")
        assert answer.headers["Retry-After"] == "3"
    assert pay(agent, payment()).status_code == 201


def test_faults_wait_for_authentication(agent: Caller) -> None:
    agent.fault("locked")
    assert agent("GET", "/v1/vendors", headers={"X-API-Key": "x" * 40}).status_code == 401


@pytest.mark.parametrize(("kind", "outcome"), [("timeout_before", 201), ("timeout_after", 200)])
def test_a_timeout_leaves_the_outcome_open(agent: Caller, kind: str, outcome: int) -> None:
    agent.fault(kind, method="POST", path="payments")
    lost = pay(agent, payment())
    assert refused(lost) == (504, "boi_timeout")
    assert lost.headers["X-Request-Id"] == lost.json()["error"]["requestId"]
    assert refused(pay(agent, payment(comment="other"))) == (409, "payment_conflict")
    assert pay(agent, payment()).status_code == outcome
    assert len(agent.get("/v1/payments")["data"]) == 1


def test_a_connection_dropped_after_the_write(agent: Caller) -> None:
    agent.fault("reset_after", method="POST", path="payments")
    with pytest.raises(requests.ConnectionError):
        pay(agent, payment())
    assert pay(agent, payment()).json()["duplicate"] is True


def test_a_locked_company_and_a_lost_sage(agent: Caller) -> None:
    agent.act("lock_company")
    assert refused(agent("GET", "/v1/vendors")) == (423, "company_locked")
    agent.act("lock_company", locked=False)
    agent.act("set_boi", connected=False)
    assert refused(agent("GET", "/v1/health/ready")) == (503, "boi_unavailable")
    assert refused(agent("GET", "/v1/vendors")) == (503, "boi_unavailable")
    agent.act("set_boi")
    assert agent.get("/v1/health/ready")["boi"] == "connected"


# --- sample data -----------------------------------------------------------------------------------


def test_the_odd_month_is_complete_and_the_same_for_a_seed() -> None:
    first, second = Sage100Sandbox(), Sage100Sandbox()
    load_odd(first)
    load_odd(second)
    odd = first.state()
    same = [(each["id"], each["invoiceAmt"], each["balance"]) for each in odd["invoices"]]
    assert same == [(each["id"], each["invoiceAmt"], each["balance"]) for each in second.state()["invoices"]]
    assert (len(odd["invoices"]), len(odd["vendors"])) == (300, 40)
    reasons = {reason for each in odd["invoices"] for reason in each["notPayableReasons"]}
    assert len(reasons) == 6
    numbers = [each["invoiceNo"] for each in odd["invoices"]]
    assert any(len(number) == 20 for number in numbers)
    assert numbers.count("SAME-1") == 4
    assert {each["apDivisionNo"] for each in odd["vendors"] if each["vendorNo"] == "SHARED"} == {"01", "02"}
    assert any("freightAmt" in each for each in odd["invoices"])
    assert any(line["account"] == "5990-01-00" for each in odd["invoices"] for line in each["lines"])


def test_generated_invoices_are_payable(agent: Caller) -> None:
    agent.act("generate", vendors=3, invoices=40, seed=7)
    found = agent.get("/v1/ap-invoices", payable="true", limit=500)["data"]
    generated = [each for each in found if each["invoiceNo"].startswith("GEN-")]
    assert len(generated) == 40
    assert len({len(each["lines"]) for each in generated}) > 1
