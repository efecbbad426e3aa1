"""The sandbox's Service Layer keeps the protocol's strict rules, whatever the books behind it; over real HTTP."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests

from connectors.sandboxing import Running
from connectors.sap_b1.sandbox.errors import Refused
from connectors.sap_b1.sandbox.server import SapB1Sandbox
from connectors.sap_b1.sandbox.tables import Diverted, EntitySet

LOGIN = {"CompanyDB": "ACME", "UserName": "mlconn", "Password": "secret", "Language": "3"}
EXPIRED = "Invalid session or session already timeout."
Row = dict[str, Any]


def invoice(entry: int, **values: Any) -> Row:
    return {
        "DocEntry": entry,
        "CardCode": "V1",
        "NumAtCard": f"A-{entry}",
        "DocDate": "2026-03-31",
        "DocTotal": Decimal("10.50"),
        "DocumentStatus": "bost_Open",
        "PaidToDate": 0,
        "UpdateDate": "2026-03-31",
        "UpdateTime": "16:40:31",
        "DocumentLines": [{"LineNum": 0, "AccountCode": "_SYS01", "LineTotal": Decimal("10.50")}],
        "DocumentInstallments": [{"InstallmentId": 1, "DueDate": "2026-04-30", "PaidToDate": 0}],
        **values,
    }


class TinyLedger:
    """A handful of rows with the shape of the real books."""

    def __init__(self, clock: Callable[[], datetime], *, invoices: int = 3) -> None:
        self.company_db = "ACME"
        self.users = {"mlconn": "secret"}
        self.invoices = {n: invoice(n) for n in range(1, invoices + 1)}
        self.partners: dict[str, Row] = {
            "V10'A": {"CardCode": "V10'A", "CardName": "O'Neil", "CardType": "cSupplier"},
            "C1": {"CardCode": "C1", "CardName": "Buyer", "CardType": "cCustomer", "Phone1": "555"},
        }
        self.payments: dict[int, Row] = {}
        self.drafts: dict[int, Row] = {}
        self.fields: dict[int, Row] = {}
        self.posted: list[Row] = []
        self.approval = False

    def sets(self) -> dict[str, EntitySet]:
        sets = [
            EntitySet("PurchaseInvoices", "Document", "DocEntry", self.invoices, patch=self.patch_invoice, etag=True),
            EntitySet("BusinessPartners", "BusinessPartner", "CardCode", self.partners, self.create_partner, etag=True),
            EntitySet("VendorPayments", "Payment", "DocEntry", self.payments, self.pay, self.patch_payment),
            EntitySet("PaymentDrafts", "Payment", "DocEntry", self.drafts),
            EntitySet("UserFieldsMD", "UserFieldMD", "FieldID", self.fields),
        ]
        sets[2].bound["Cancel"] = self.cancel
        return {each.name: each for each in sets}

    def patch_invoice(self, key: int, body: Row) -> None:
        self.posted.append(body)
        self.invoices[key].update(body)

    def patch_payment(self, key: int, body: Row) -> None:
        self.payments[key].update(body)

    def create_partner(self, body: Row) -> Row:
        if "CardCode" not in body:
            raise Refused(400, -5002, "Code undefined [OCRD.CardCode]")
        self.partners[body["CardCode"]] = body
        return body

    def pay(self, body: Row) -> Row | Diverted:
        self.posted.append(body)
        place = self.drafts if self.approval else self.payments
        row = place[45] = {"DocEntry": 45, "Cancelled": "tNO", **body}
        return Diverted(row, "PaymentDrafts", "PaymentDrafts(45)") if self.approval else row

    def cancel(self, key: int) -> None:
        self.payments[key]["Cancelled"] = "tYES"

    def function(self, name: str, body: Row) -> Any:
        if name == "DraftsService_SaveDraftToDocument":
            return None
        if name == "SBOBobService_GetLocalCurrency":
            return "$"
        return {"CompanyService_GetAdminInfo": {"LocalCurrency": "$", "EnableWebhook": "tNO"}}[name]

    def actions(self) -> dict[str, Callable[..., Row]]:
        return {"rename": self.rename}

    def rename(self, code: str, name: str) -> Row:
        if code not in self.partners:
            raise Refused(404, -2028, "no such partner")
        self.partners[code]["CardName"] = name
        return self.partners[code]

    def state(self) -> Row:
        return {"invoices": list(self.invoices.values())}


class ServiceLayer:
    """One client with one session."""

    def __init__(self, url: str, sandbox: SapB1Sandbox) -> None:
        self.url = url
        self.sandbox = sandbox
        self.ledger: TinyLedger = sandbox.ledger
        self.cookie = ""

    def send(self, method: str, path: str, body: Any = None, **options: Any) -> requests.Response:
        version = options.pop("version", 1)
        headers = {"Cookie": self.cookie, **options.pop("headers", {})}
        params = {f"${name}": value for name, value in options.items()}
        url = path if path.startswith("http") else f"{self.url}/b1s/v{version}/{path}"
        return requests.request(method, url, json=body, headers=headers, params=params, timeout=20)

    def get(self, path: str, **options: Any) -> requests.Response:
        return self.send("GET", path, **options)

    def post(self, path: str, body: Any = None, **options: Any) -> requests.Response:
        return self.send("POST", path, body, **options)

    def login(self, **changed: Any) -> requests.Response:
        answer = self.post("Login", {**LOGIN, **changed}, headers={"Cookie": ""})
        if answer.status_code == 200:
            session, route = answer.raw.headers.getlist("Set-Cookie")
            self.cookie = f"{session.split(';')[0]}; {route.split(';')[0]}"
        return answer

    def control(self, verb: str, body: Any = None) -> Any:
        answer = requests.request(
            "GET" if body is None else "POST", f"{self.url}/_sandbox/{verb}", json=body, timeout=20
        )
        return answer.json()

    def stats(self) -> Row:
        return self.control("stats")

    def fault(self, kind: str, **values: Any) -> None:
        self.control("faults", [{"kind": kind, **values}])

    def keys(self, entity: str = "PurchaseInvoices", **options: Any) -> list[Any]:
        answer = self.get(entity, **options)
        assert answer.status_code == 200, answer.text
        return [row.get("DocEntry", row.get("CardCode")) for row in answer.json()["value"]]


@contextmanager
def served(signed_in: bool = True, **options: Any) -> Iterator[ServiceLayer]:
    sandbox = SapB1Sandbox(ledger=TinyLedger, **options)
    with Running(sandbox) as running:
        layer = ServiceLayer(running.url, sandbox)
        if signed_in:
            layer.login()
        yield layer


@pytest.fixture
def layer() -> Iterator[ServiceLayer]:
    with served() as layer:
        yield layer


def refused(answer: requests.Response, status: int, code: int, text: str = "") -> None:
    error = answer.json()["error"]
    said = error["message"] if isinstance(error["message"], str) else error["message"]["value"]
    assert (answer.status_code, int(error["code"])) == (status, code), answer.text
    assert text in said


# --- sessions ------------------------------------------------------------------------------------


def test_login_answers_with_exactly_two_cookies_and_minutes(layer: ServiceLayer) -> None:
    answer = layer.login()
    body = answer.json()
    session, route = answer.raw.headers.getlist("Set-Cookie")
    assert session == f"B1SESSION={body['SessionId']};HttpOnly;"
    assert re.fullmatch(r"ROUTEID=\.node\d; path=/b1s", route)
    assert set(body) == {"odata.metadata", "SessionId", "Version", "SessionTimeout"}
    assert body["SessionTimeout"] == 30
    assert body["odata.metadata"] == f"{layer.url}/b1s/v1/$metadata#B1Sessions/@Element"
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-1[0-9a-f]{3}-8000-0050568b11c2", body["SessionId"])


def test_login_in_v2_and_one_session_for_both_versions(layer: ServiceLayer) -> None:
    body = layer.post("Login", LOGIN, version=2).json()
    assert set(body) == {"@odata.context", "SessionId", "Version", "SessionTimeout"}
    assert layer.get("PurchaseInvoices(1)", version=1).status_code == 200
    assert layer.get("PurchaseInvoices(1)", version=2).status_code == 200


@pytest.mark.parametrize(
    ("changed", "status", "code"),
    [
        ({"Password": "wrong"}, 401, -304),
        ({"UserName": "nobody"}, 401, -304),
        ({"CompanyDB": "OTHER"}, 401, -306),
        ({"CompanyDB": None}, 400, -1000),
        ({"Extra": 1}, 400, -1000),
    ],
)
def test_login_refusals(layer: ServiceLayer, changed: Row, status: int, code: int) -> None:
    before = layer.stats()["logins"]
    refused(layer.login(**changed), status, code)
    assert layer.stats()["logins"] == before


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "login"), ("POST", "LOGIN"), ("GET", "Login"), ("GET", "PurchaseInvoices"), ("GET", "$metadata")],
)
def test_all_but_an_exact_login_needs_a_session(method: str, path: str) -> None:
    with served(signed_in=False) as layer:
        first, second = (layer.send(method, path, LOGIN, version=version) for version in (1, 2))
    assert (first.status_code, second.status_code) == (401, 401)
    assert first.json() == {"error": {"code": 301, "message": {"lang": "en-us", "value": EXPIRED}}}
    details = [{"code": "", "message": ""}]
    assert second.json() == {"error": {"code": "301", "details": details, "message": EXPIRED}}


def test_paths_are_case_sensitive(layer: ServiceLayer) -> None:
    refused(layer.get("purchaseinvoices"), 400, -1002)
    assert layer.get(f"{layer.url}/B1S/v1/PurchaseInvoices").status_code == 404
    refused(layer.get("Nonsense"), 400, -1002)


def test_a_session_dies_of_idleness_only(layer: ServiceLayer) -> None:
    for _ in range(5):
        layer.control("clock", {"advance": 600})
        assert layer.get("PurchaseInvoices(1)").status_code == 200
    layer.control("clock", {"advance": 31 * 60})
    refused(layer.get("PurchaseInvoices(1)"), 401, 301)
    assert layer.stats()["open_sessions"] == 0


def test_logout_ends_the_session(layer: ServiceLayer) -> None:
    answer = layer.post("Logout")
    assert (answer.status_code, answer.content) == (204, b"")
    refused(layer.post("Logout"), 401, 301)
    refused(layer.get("PurchaseInvoices"), 401, 301)


def test_sessions_are_counted(layer: ServiceLayer) -> None:
    layer.login()
    layer.post("Logout")
    stats = layer.stats()
    assert (stats["logins"], stats["open_sessions"], stats["most_sessions"]) == (2, 1, 2)
    assert stats["requests"]["POST Login"] == 2


def test_overlapping_logins_fail(layer: ServiceLayer) -> None:
    layer.sandbox.login_seconds = 0.3
    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(lambda _: layer.post("Login", LOGIN), range(3)))
    assert sorted(answer.status_code for answer in answers) == [200, 500, 500]
    refused(next(answer for answer in answers if answer.status_code == 500), 500, 299, "SAML Login Failed")
    assert layer.login().status_code == 200


def test_the_route_must_be_sent_back(layer: ServiceLayer) -> None:
    session, route = layer.cookie.split("; ")
    other = ".node2" if route.endswith("1") else ".node1"
    refused(layer.get("PurchaseInvoices", headers={"Cookie": session}), 401, 301)
    refused(layer.get("PurchaseInvoices", headers={"Cookie": f"{session}; ROUTEID={other}"}), 401, 301)
    assert layer.get("PurchaseInvoices").status_code == 200


def test_the_route_is_optional_when_asked_for() -> None:
    with served(strict_route=False) as layer:
        assert layer.get("PurchaseInvoices", headers={"Cookie": layer.cookie.split("; ")[0]}).status_code == 200


# --- faults --------------------------------------------------------------------------------------


def test_switch_company_fails_before_execution(layer: ServiceLayer) -> None:
    layer.fault("switch_company", path="VendorPayments")
    refused(layer.post("VendorPayments", {"CardCode": "V1"}), 500, 305, "Switch company error: -1102")
    assert layer.ledger.posted == []
    assert layer.post("VendorPayments", {"CardCode": "V1"}).status_code == 201
    layer.fault("switch_company", path="Login")
    refused(layer.login(), 500, 305)


def test_a_broken_node_stays_broken_until_another_login(layer: ServiceLayer) -> None:
    route = layer.cookie.split("; ")[1]
    layer.fault("broken_node", path="PurchaseInvoices")
    for _ in range(2):
        refused(layer.get("PurchaseInvoices"), 500, 407, "Table definition not found")
    again = layer.post("Login", LOGIN, headers={"Cookie": route})  # sticky: the balancer leads back to the same node
    assert f"{route};" in again.headers["Set-Cookie"]
    layer.login()
    assert layer.cookie.split("; ")[1] != route
    assert layer.get("PurchaseInvoices").status_code == 200


def test_saml_fault_hits_the_login(layer: ServiceLayer) -> None:
    layer.fault("saml", path="Login")
    refused(layer.login(), 500, 299)
    assert layer.login().status_code == 200


def test_expire_faults_drop_the_session(layer: ServiceLayer) -> None:
    layer.fault("expire", path="PurchaseInvoices")
    refused(layer.get("PurchaseInvoices"), 401, 301, EXPIRED)
    refused(layer.get("PurchaseInvoices"), 401, 301)
    layer.login()
    layer.fault("expire_5002", path="PurchaseInvoices")
    refused(layer.get("PurchaseInvoices"), 401, -5002, EXPIRED)
    refused(layer.get("PurchaseInvoices"), 401, 301)


def test_slow_login_makes_logins_overlap(layer: ServiceLayer) -> None:
    layer.fault("slow_login", path="Login", seconds=0.4)
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda _: layer.post("Login", LOGIN), range(2)))
    assert sorted(answer.status_code for answer in answers) == [200, 500]


def test_a_business_5002_is_no_expiry(layer: ServiceLayer) -> None:
    refused(layer.post("BusinessPartners", {"CardName": "x"}), 400, -5002, "[OCRD.CardCode]")
    assert layer.get("BusinessPartners").status_code == 200


def test_expect_continue_is_an_empty_500(layer: ServiceLayer) -> None:
    answer = layer.post("VendorPayments", {}, headers={"Expect": "100-continue"})
    assert (answer.status_code, answer.content) == (500, b"")


def test_an_answer_can_be_lost_after_the_act(layer: ServiceLayer) -> None:
    layer.fault("reset_after", path="VendorPayments")
    with pytest.raises(requests.ConnectionError):
        layer.post("VendorPayments", {"CardCode": "V1"})
    assert layer.keys("VendorPayments") == [45]


# --- on the wire ---------------------------------------------------------------------------------


def test_annotations_and_dates_by_version(layer: ServiceLayer) -> None:
    first = layer.get("PurchaseInvoices", select="DocEntry,DocDate,DocumentInstallments", inlinecount="allpages")
    second = layer.get("PurchaseInvoices", version=2, select="DocEntry,DocDate,DocumentInstallments", count="true")
    assert first.headers["Content-Type"] == "application/json;odata=minimalmetadata;charset=utf-8"
    assert first.headers["DataServiceVersion"] == "3.0"
    assert second.headers["Content-Type"] == "application/json;odata.metadata=minimal"
    assert second.headers["OData-Version"] == "4.0"
    one, two = first.json(), second.json()
    assert set(one) == {"odata.metadata", "odata.count", "value"}
    assert (one["odata.count"], two["@odata.count"]) == ("3", 3)
    assert two["@odata.context"] == f"{layer.url}/b1s/v2/$metadata#PurchaseInvoices"
    assert set(one["value"][0]) == {"odata.etag", "DocEntry", "DocDate", "DocumentInstallments"}
    assert "@odata.etag" in two["value"][0]
    assert one["value"][0]["DocDate"] == "2026-03-31"
    assert two["value"][0]["DocDate"] == "2026-03-31T00:00:00Z"
    assert two["value"][0]["DocumentInstallments"][0]["DueDate"] == "2026-04-30T00:00:00Z"


def test_an_entity_is_complete(layer: ServiceLayer) -> None:
    row = layer.get("PurchaseInvoices(1)").json()
    assert row["odata.metadata"] == f"{layer.url}/b1s/v1/$metadata#PurchaseInvoices/@Element"
    assert (row["BPL_IDAssignedToInvoice"], row["DocumentAdditionalExpenses"]) == (None, [])
    assert row["DocumentLines"][0]["CostingCode"] is None
    assert row["DocTotal"] == 10.5


def test_count_is_text(layer: ServiceLayer) -> None:
    answer = layer.get("PurchaseInvoices/$count", filter="DocEntry gt 1", version=2)
    assert (answer.text, answer.headers["Content-Type"].split(";")[0]) == ("2", "text/plain")


def test_keys(layer: ServiceLayer) -> None:
    assert layer.get("BusinessPartners('V10%27%27A')").json()["CardName"] == "O'Neil"
    assert layer.get("BusinessPartners(CardCode='C1')").json()["CardName"] == "Buyer"
    refused(layer.get("PurchaseInvoices(99)"), 404, -2028, "No matching records found (ODBC -2028)")
    refused(layer.send("PATCH", "BusinessPartners('V9')", {}), 404, -2028, "Entity with value('V9') does not exist")
    refused(layer.get("PurchaseInvoices('1')"), 400, 201)
    refused(layer.get("BusinessPartners(C1)"), 400, 201)
    refused(layer.get("PurchaseInvoices(DocNum=1)"), 400, 201)
    layer.ledger.fields[3] = {"TableName": "OVPM", "FieldID": 3, "Name": "BILL_ID", "Type": "db_Alpha"}
    assert layer.get("UserFieldsMD(TableName='OVPM',FieldID=3)").json()["Name"] == "BILL_ID"


def test_etags_where_they_exist(layer: ServiceLayer) -> None:
    answer = layer.get("PurchaseInvoices(1)")
    etag = answer.headers["ETag"]
    assert re.fullmatch(r'W/"[0-9A-F]{40}"', etag)
    assert answer.json()["odata.etag"] == etag
    assert layer.send("PATCH", "PurchaseInvoices(1)", {"Comments": "a"}, headers={"If-Match": etag}).status_code == 204
    stale = layer.send("PATCH", "PurchaseInvoices(1)", {"Comments": "b"}, headers={"If-Match": etag})
    refused(stale, 412, -2039, "(ODBC -2039)")
    assert layer.send("PATCH", "PurchaseInvoices(1)", {"Comments": "c"}).status_code == 204
    assert layer.ledger.invoices[1]["Comments"] == "c"
    layer.post("VendorPayments", {"CardCode": "V1"})
    payment = layer.get("VendorPayments(45)")
    assert "ETag" not in payment.headers
    assert "odata.etag" not in payment.json()
    ignored = layer.send("PATCH", "VendorPayments(45)", {"Remarks": "x"}, headers={"If-Match": etag})
    assert ignored.status_code == 204


def test_no_batch(layer: ServiceLayer) -> None:
    refused(layer.post("$batch"), 400, -1000, "$batch")


def test_only_json(layer: ServiceLayer) -> None:
    url = f"{layer.url}/b1s/v1/BusinessPartners"
    headers = {"Cookie": layer.cookie, "Content-Type": "application/xml"}
    refused(requests.post(url, data=b"<a/>", headers=headers, timeout=20), 400, -1000)
    headers["Content-Type"] = "application/json"
    refused(requests.post(url, data=b"{nope", headers=headers, timeout=20), 400, -1000)


def test_ping_needs_no_session() -> None:
    with served(signed_in=False) as layer:
        assert requests.get(f"{layer.url}/ping/load-balancer", timeout=20).json()["message"] == "pong"


# --- query options -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("DocEntry eq 2", [2]),
        ("DocEntry gt 1 and DocEntry lt 3", [2]),
        ("DocEntry eq 1 or DocEntry eq 3 and CardCode eq 'nobody'", [1]),
        ("not (DocEntry eq 1)", [2, 3]),
        ("2 le DocEntry", [2, 3]),
        ("DocTotal eq 10.5", [1, 2, 3]),
        ("NumAtCard eq 'A-2'", [2]),
        ("startswith(NumAtCard,'A-') and endswith(NumAtCard,'3')", [3]),
        ("contains(NumAtCard, '-1') or substringof('-2', NumAtCard)", [1, 2]),
        ("not contains(NumAtCard,'-1')", [2, 3]),
        ("DocumentStatus eq 'bost_Open'", [1, 2, 3]),
        ("DocumentStatus eq 'O'", [1, 2, 3]),
        ("DocumentStatus ne 'C'", [1, 2, 3]),
        ("DocDate ge '2026-03-31'", [1, 2, 3]),
        ("DocDate eq '20260331'", [1, 2, 3]),
        ("DocDate gt datetime'2026-03-31T23:00:00'", []),
        ("UpdateTime eq '16:40:00'", [1, 2, 3]),
        ("UpdateTime gt '164000'", []),
        ("UpdateTime lt '16:41'", [1, 2, 3]),
        ("PaidToDate lt DocTotal", [1, 2, 3]),
        ("Comments eq null", [1, 2, 3]),
        ("Comments ne null", []),
        ("Comments ne 'x'", []),
        ("not (Comments eq 'x')", []),
        ("CardCode eq 'v1'", []),
    ],
)
def test_filters(layer: ServiceLayer, text: str, found: list[int]) -> None:
    assert layer.keys(filter=text) == found
    assert layer.keys(filter=text, version=2) == found


@pytest.mark.parametrize(
    "text",
    [
        "",
        "DocEntry",
        "DocEntry eq",
        "DocEntry eq '1'",
        "DocEntry eq 1.5",
        "CardCode eq 1",
        "CardCode eq V1",
        "Doctotal eq 1",
        "DocumentStatus eq 'open'",
        "DocumentStatus gt 'bost_Open'",
        "DocDate eq 'yesterday'",
        "DocDate eq 2026-03-31",
        "CardCode gt null",
        "year(DocDate) eq 2026",
        "tolower(CardCode) eq 'v1'",
        "DocTotal add 1 eq 2",
        "DocumentLines/any(x: x/LineNum eq 0)",
        "DocumentLines eq null",
        "1 eq 1",
        "(DocEntry eq 1",
        "DocEntry eq 1)",
        "DocEntry eq 1 AND DocEntry eq 2",
        "DocEntry EQ 1",
        "CardCode eq 'V1",
        "CardCode eq DocEntry",
    ],
)
def test_filters_beyond_the_grammar(layer: ServiceLayer, text: str) -> None:
    refused(layer.get("PurchaseInvoices", filter=text), 400, 201)


def test_a_doubled_quote_in_a_literal(layer: ServiceLayer) -> None:
    assert layer.keys("BusinessPartners", filter="CardCode eq 'V10''A'") == ["V10'A"]


def test_case_of_text(layer: ServiceLayer) -> None:
    assert layer.keys(filter="CardCode eq 'v1'", headers={"B1S-CaseInsensitive": "true"}) == [1, 2, 3]
    with served(case_sensitive=False) as sql_server:
        assert sql_server.keys(filter="contains(NumAtCard,'a-2')") == [2]


def test_order(layer: ServiceLayer) -> None:
    assert layer.keys(orderby="CardCode asc,DocEntry desc") == [3, 2, 1]
    assert layer.keys("BusinessPartners", orderby="Phone1") == ["V10'A", "C1"]
    assert layer.keys("BusinessPartners", orderby="Phone1 desc") == ["C1", "V10'A"]


@pytest.mark.parametrize(
    "options",
    [
        {"select": "DocEntry,Paidtodate"},
        {"select": "DocumentLines/LineNum"},
        {"orderby": "Nothing"},
        {"orderby": "DocEntry up"},
        {"orderby": "DocumentLines"},
        {"top": "-1"},
        {"skip": "x"},
        {"inlinecount": "all"},
        {"expand": "DocumentLines"},
        {"search": "x"},
    ],
)
def test_wrong_options(layer: ServiceLayer, options: dict[str, str]) -> None:
    refused(layer.get("PurchaseInvoices", **options), 400, 201)


# --- pages ---------------------------------------------------------------------------------------


def follow(layer: ServiceLayer, path: str, **options: Any) -> list[list[int]]:
    """The keys of every page."""
    answer = layer.get(path, **options)
    pages = []
    headers = options.get("headers", {})
    while True:
        body = answer.json()
        pages.append([row["DocEntry"] for row in body["value"]])
        if "odata.nextLink" not in body:
            return pages
        answer = layer.get(body["odata.nextLink"], headers=headers)


def test_the_default_page_is_twenty() -> None:
    with served(invoices=45) as layer:
        pages = follow(layer, "PurchaseInvoices", select="DocEntry")
        link = layer.get("PurchaseInvoices", select="DocEntry").json()["odata.nextLink"]
        shorter = layer.get("PurchaseInvoices", select="DocEntry", headers={"B1S-PageSize": "5"}).json()["value"]
    assert [len(page) for page in pages] == [20, 20, 5]
    assert link == "PurchaseInvoices?$select=DocEntry&$skip=20"
    assert len(shorter) == 5


def test_a_preferred_page_is_acknowledged_and_a_full_last_page_has_a_link() -> None:
    headers = {"Prefer": "odata.maxpagesize=10"}
    with served(invoices=30) as layer:
        answer = layer.get("PurchaseInvoices", headers=headers, select="DocEntry", version=2)
        pages = follow(layer, "PurchaseInvoices", headers=headers, select="DocEntry")
        everything = layer.get("PurchaseInvoices", headers={"Prefer": "odata.maxpagesize=0"}, select="DocEntry")
    assert answer.headers["Preference-Applied"] == "odata.maxpagesize=10"
    assert "@odata.nextLink" in answer.json()
    assert [len(page) for page in pages] == [10, 10, 10, 0]
    assert len(everything.json()["value"]) == 30


def test_the_link_repeats_the_query_and_rewrites_top() -> None:
    text = "CardCode eq 'V1' and DocEntry gt 5"
    with served(invoices=60) as layer:
        body = layer.get("PurchaseInvoices", filter=text, select="DocEntry", top="50").json()
        pages = follow(layer, "PurchaseInvoices", filter=text, select="DocEntry", top="50")
        fits = layer.get("PurchaseInvoices", select="DocEntry", top="20").json()
    options = dict(parse_qsl(urlsplit(body["odata.nextLink"]).query))
    assert options == {"$filter": text, "$select": "DocEntry", "$top": "30", "$skip": "20"}
    assert [len(page) for page in pages] == [20, 20, 10]
    assert "odata.nextLink" not in fits


def test_a_server_may_clamp_the_page() -> None:
    with served(invoices=30, largest_page=8) as layer:
        answer = layer.get("PurchaseInvoices", headers={"Prefer": "odata.maxpagesize=100"}, select="DocEntry")
    assert answer.headers["Preference-Applied"] == "odata.maxpagesize=8"
    assert len(answer.json()["value"]) == 8


def test_skip_drifts_when_rows_come_and_go() -> None:
    with served(invoices=40) as layer:
        link = layer.get("PurchaseInvoices", select="DocEntry").json()["odata.nextLink"]
        del layer.ledger.invoices[1]
        assert layer.get(link).json()["value"][0]["DocEntry"] == 22


# --- schema --------------------------------------------------------------------------------------


def test_9_3_lacks_what_10_0_has() -> None:
    with served(schema="9.3") as layer:
        refused(layer.get("PurchaseInvoices", select="PaidToDate"), 400, 201, "Property 'PaidToDate' is invalid")
        refused(layer.get("PurchaseInvoices", filter="DraftKey eq 1"), 400, 201)
        row = layer.get("PurchaseInvoices(1)").json()
        assert "PaidToDate" not in row
        assert "PaidToDate" not in row["DocumentInstallments"][0]
        assert "odata.etag" not in row
    with served(schema="10.0") as layer:
        row = layer.get("PurchaseInvoices(1)", select="PaidToDate,DraftKey,DocumentInstallments").json()
        assert (row["PaidToDate"], row["DraftKey"], row["DocumentInstallments"][0]["PaidToDate"]) == (0, None, 0)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"Cardcode": "V1"}, -1000),
        ({"CardCode": 5}, -1000),
        ({"TransferSum": "10"}, -1000),
        ({"DocDate": "31.03.2026"}, -1000),
        ({"PaymentInvoices": {"DocEntry": 1}}, -1000),
        ({"PaymentInvoices": [{"Docentry": 1}]}, -1000),
        ({"U_Unknown": "x"}, -1000),
        ({"DocType": "rVendor"}, -1004),
        ([], -1000),
    ],
)
def test_bodies_with_anything_unknown_are_refused(layer: ServiceLayer, body: Any, code: int) -> None:
    refused(layer.post("VendorPayments", body), 400, code)
    assert layer.ledger.posted == []


def test_a_body_arrives_in_canonical_form_without_read_only_properties(layer: ServiceLayer) -> None:
    sent = {"CardCode": "V1", "DocType": "S", "TransferSum": 10.25, "DocEntry": 7, "Cancelled": "tYES"}
    lines = [{"DocEntry": 1, "InvoiceType": "18", "LinkDate": "2026-01-01"}]
    layer.post("VendorPayments", {**sent, "DocDate": "2026-04-28", "PaymentInvoices": lines})
    layer.post("VendorPayments", {**sent, "DocDate": "2026-04-28T00:00:00Z", "PaymentInvoices": lines}, version=2)
    expected = {
        "CardCode": "V1",
        "DocType": "rSupplier",
        "TransferSum": Decimal("10.25"),
        "DocDate": "2026-04-28",
        "PaymentInvoices": [{"DocEntry": 1, "InvoiceType": "it_PurchaseInvoice"}],
    }
    assert layer.ledger.posted == [expected, expected]


def test_a_date_has_its_version_s_form(layer: ServiceLayer) -> None:
    refused(layer.post("VendorPayments", {"DocDate": "2026-04-28"}, version=2), 400, -1000)


def test_the_key_in_a_patch_is_ignored(layer: ServiceLayer) -> None:
    layer.send("PATCH", "PurchaseInvoices(1)", {"DocEntry": 9, "Comments": "x"})
    assert layer.ledger.posted == [{"Comments": "x"}]


def test_user_fields_are_known_when_they_are_declared(layer: ServiceLayer) -> None:
    refused(layer.get("VendorPayments", select="U_BILL_ID"), 400, 201)
    layer.ledger.fields[0] = {"TableName": "OVPM", "FieldID": 0, "Name": "BILL_ID", "Type": "db_Alpha"}
    assert layer.post("VendorPayments", {"U_BILL_ID": "stp1"}).json()["U_BILL_ID"] == "stp1"
    assert layer.keys("VendorPayments", filter="U_BILL_ID eq 'stp1'") == [45]
    refused(layer.get("PurchaseInvoices", select="U_BILL_ID"), 400, 201)


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("mode", ["9.3", "10.0"])
def test_metadata(version: int, mode: str) -> None:
    with served(schema=mode) as layer:
        root = ET.fromstring(layer.get("$metadata", version=version).content)
    space = {1: "{http://schemas.microsoft.com/ado/2009/11/edm}", 2: "{http://docs.oasis-open.org/odata/ns/edm}"}[
        version
    ]
    types = {each.get("Name"): each for each in [*root.iter(f"{space}EntityType"), *root.iter(f"{space}ComplexType")]}
    document = {each.get("Name"): each.get("Type") for each in types["Document"].iter(f"{space}Property")}
    assert document["DocDate"] == ("Edm.DateTime" if version == 1 else "Edm.DateTimeOffset")
    assert document["UpdateTime"] == ("Edm.Time" if version == 1 else "Edm.TimeOfDay")
    assert document["DocumentLines"] == "Collection(SAPB1.DocumentLine)"
    assert ("PaidToDate" in document) is (mode == "10.0")
    sets = {each.get("Name"): each.get("EntityType") for each in root.iter(f"{space}EntitySet")}
    assert sets["VendorPayments"] == "SAPB1.Payment"
    assert ("EventSubscriptions" in sets) is (mode == "10.0")
    enums = {each.get("Name") for each in root.iter(f"{space}EnumType")}
    named = {each.get("Type", "") for kind in types.values() for each in kind.iter(f"{space}Property")}
    inner = {name.removeprefix("Collection(").removesuffix(")").removeprefix("SAPB1.") for name in named}
    assert {name for name in inner if not name.startswith("Edm.")} <= set(types) | enums


# --- writing -------------------------------------------------------------------------------------


def test_create_answers_the_entity_and_its_place(layer: ServiceLayer) -> None:
    answer = layer.post("VendorPayments", {"CardCode": "V1"}, version=2)
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"{layer.url}/b1s/v2/VendorPayments(45)"
    assert answer.json()["DocEntry"] == 45
    partner = layer.post("BusinessPartners", {"CardCode": "V'2", "CardType": "cSupplier"})
    assert partner.headers["Location"] == f"{layer.url}/b1s/v1/BusinessPartners('V%27%272')"
    assert partner.headers["ETag"] == partner.json()["odata.etag"]
    assert layer.get(partner.headers["Location"]).json()["CardCode"] == "V'2"


def test_create_without_content(layer: ServiceLayer) -> None:
    answer = layer.post("VendorPayments", {"CardCode": "V1"}, headers={"Prefer": "return-no-content"})
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["Location"].endswith("/b1s/v1/VendorPayments(45)")
    assert answer.headers["Preference-Applied"] == "return-no-content"


def test_a_diverted_create_names_the_draft(layer: ServiceLayer) -> None:
    layer.ledger.approval = True
    answer = layer.post("VendorPayments", {"CardCode": "V1"})
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"{layer.url}/b1s/v1/PaymentDrafts(45)"
    assert answer.json()["odata.metadata"].endswith("#PaymentDrafts/@Element")
    refused(layer.get("VendorPayments(45)"), 404, -2028)


def test_what_a_set_cannot_do(layer: ServiceLayer) -> None:
    refused(layer.send("DELETE", "PurchaseInvoices(1)"), 400, -5006, "not supported for this object")
    refused(layer.send("DELETE", "PurchaseInvoices(9)"), 404, -2028)
    refused(layer.post("PaymentDrafts", {}), 400, -5006)
    refused(layer.send("PUT", "PurchaseInvoices(1)", {}), 400, -5006)


def test_bound_actions(layer: ServiceLayer) -> None:
    layer.post("VendorPayments", {"CardCode": "V1"})
    assert layer.post("VendorPayments(45)/Cancel").status_code == 204
    assert layer.get("VendorPayments(45)").json()["Cancelled"] == "tYES"
    refused(layer.post("VendorPayments(46)/Cancel"), 404, -2028)
    refused(layer.post("VendorPayments(45)/Reopen"), 400, -1002)


def test_method_override(layer: ServiceLayer) -> None:
    headers = {"X-HTTP-Method-Override": "PATCH"}
    assert layer.post("PurchaseInvoices(1)", {"Comments": "x"}, headers=headers).status_code == 204
    assert layer.ledger.invoices[1]["Comments"] == "x"


def test_functions(layer: ServiceLayer) -> None:
    admin = layer.post("CompanyService_GetAdminInfo", {}).json()
    assert (admin["LocalCurrency"], admin["EnableWebhook"]) == ("$", "tNO")
    assert layer.post("SBOBobService_GetLocalCurrency").json()["value"] == "$"
    assert layer.post("DraftsService_SaveDraftToDocument", {"Document": {"DocEntry": 1}}).status_code == 204
    refused(layer.post("CompanyService_Nonsense"), 400, -1002)
    refused(layer.get("CompanyService_GetAdminInfo"), 400, -1002)
    with served(schema="9.3") as old:
        assert "EnableWebhook" not in old.post("CompanyService_GetAdminInfo").json()


# --- control -------------------------------------------------------------------------------------


def test_actions_and_state_of_the_books(layer: ServiceLayer) -> None:
    assert layer.control("actions/rename", {"code": "C1", "name": "New"})["CardName"] == "New"
    assert layer.get("BusinessPartners('C1')").json()["CardName"] == "New"
    assert layer.control("actions/rename", {"code": "C9", "name": "New"})["error"]["code"] == -2028
    assert len(layer.control("state")["invoices"]) == 3
    assert json.dumps(layer.stats())
