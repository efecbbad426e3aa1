"""A client of the AvidXchange sandbox that knows nothing but HTTP, in the words of either profile."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import requests

from connectors.avidxchange.sandbox import EXAMPLE, AvidSandbox
from connectors.sandboxing import Running

PROFILES = ("avidsuite-v1", "plain-rest")
COMPANY, USER = EXAMPLE.credentials["company_token"], EXAMPLE.credentials["user_token"]
HEADERS = {
    "avidsuite-v1": {"Authorization": f"Bearer {COMPANY}", "AvidAuthorization": f"Bearer {USER}"},
    "plain-rest": {"X-Company-Token": COMPANY, "X-User-Token": USER},
}
ROOTS = {"avidsuite-v1": "/v1", "plain-rest": "/avidconnect/api/v2"}
# What the second profile calls otherwise; everything else is called as in the first.
PLAIN = {
    "/vendors": "/suppliers",
    "pageNumber": "page",
    "pageSize": "limit",
    "lastModifiedFrom": "updatedSince",
    "lastModifiedTo": "updatedUntil",
    "vendor.Id": "id",
    "vendor.ExternalVendorCode": "externalId",
    "vendor.Name": "name",
    "vendor.Active": "isActive",
}
REMIT = {"Line1": "PO Box 4410", "City": "Atlanta", "State": "GA", "PostalCode": "30301", "Country": "US"}
PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\n%%EOF\n"
GL = "Accounting Codes"


class Caller:
    def __init__(self, url: str, profile: str, sandbox: AvidSandbox) -> None:
        self.url = url
        self.sandbox = sandbox
        self.profile = profile
        self.plain = profile == "plain-rest"
        self.root = ROOTS[profile]
        self.http = requests.Session()
        self.http.headers.update({"Accept": "application/json", **HEADERS[profile]})

    def word(self, name: str, kind: str = "") -> str:
        return PLAIN.get(f"{kind}.{name}" if kind else name, name) if self.plain else name

    # --- calls -----------------------------------------------------------------------------------

    def call(self, method: str, path: str, body: Any = None, **more: Any) -> requests.Response:
        return self.http.request(method, self.url + self.root + path, json=body, timeout=10, **more)

    def get(self, path: str, **params: Any) -> requests.Response:
        return self.call("GET", path, params={self.word(name): value for name, value in params.items()})

    def rows(self, path: str, **params: Any) -> list[dict[str, Any]]:
        """All rows of a list, over all of its pages."""
        found: list[dict[str, Any]] = []
        number, pages = 1, 1
        while number <= pages:
            answer = self.get(path, **params, pageNumber=number)
            assert answer.status_code == 200, answer.text
            items, pages = self.opened(answer.json())
            found += items
            number += 1
        return found

    def opened(self, body: dict[str, Any]) -> tuple[list[dict[str, Any]], int]:
        """The rows of one page, and how many pages there are."""
        items = body["data" if self.plain else "Items"]
        paging = body.get("meta" if self.plain else "Paging", {})
        pages = paging.get("totalPages") or paging.get("PageCount") or paging.get("Pages") or 1
        return items if isinstance(items, list) else [items], pages

    def act(self, name: str, /, **parameters: Any) -> Any:
        answer = requests.post(f"{self.url}/_sandbox/actions/{name}", json=parameters, timeout=10)
        assert answer.ok, answer.text
        return answer.json()

    def control(self, name: str, body: Any = None) -> Any:
        method = "GET" if body is None else "POST"
        return requests.request(method, f"{self.url}/_sandbox/{name}", json=body, timeout=10).json()

    def fault(self, kind: str, **details: Any) -> None:
        self.control("faults", [{"kind": kind, **details}])

    def stats(self) -> Any:
        return self.control("stats")

    def state(self, name: str) -> Any:
        return self.control("state")[name]

    # --- vendors ---------------------------------------------------------------------------------

    @property
    def vendors(self) -> str:
        return self.word("/vendors")

    def vendor_body(self, **fields: Any) -> dict[str, Any]:
        return {self.word(name, "vendor"): value for name, value in fields.items()}

    def create_vendor(self, code: str = "01-ABC001", **fields: Any) -> requests.Response:
        """A vendor with all that is required; None is sent as null."""
        whole = {"AccountingSystemId": 3, "ExternalVendorCode": code, "Name": f"Vendor {code}", "RemitToAddress": REMIT}
        return self.call("POST", self.vendors, self.vendor_body(**{**whole, **fields}))

    def vendor(self, code: str = "01-ABC001", **fields: Any) -> int:
        item = done(self.create_vendor(code, **fields))
        return int(item[self.word("Id", "vendor")])

    def update_vendor(self, vendor: int, **fields: Any) -> requests.Response:
        return self.call("PATCH" if self.plain else "PUT", f"{self.vendors}/{vendor}", self.vendor_body(**fields))

    def read_vendor(self, vendor: int) -> dict[str, Any]:
        return self.get(f"{self.vendors}/{vendor}").json()

    # --- codes -----------------------------------------------------------------------------------

    def import_codes(self, *rows: dict[str, Any], group: str = GL, mode: str = "delta", **more: Any) -> Any:
        body = {"GroupName": group, "Mode": mode, "TotalRows": len(rows), "Codes": list(rows), **more}
        return self.call("POST", "/accountingSystems/3/enterpriseCodes/import", body)

    # --- invoices --------------------------------------------------------------------------------

    def ready(self) -> None:
        """A vendor and two accounts to submit invoices for."""
        self.vendor()
        self.act("add_code", value="6000", description="Purchases")
        self.act("add_code", value="6410", description="Freight")

    def submit(self, **fields: Any) -> requests.Response:
        return self.call("POST", "/invoices", invoice(**fields))

    def invoice(self, number: str = "INV-1", **fields: Any) -> int:
        return int(done(self.submit(number=number, **fields))["Id"])

    def read(self, invoice_id: int) -> dict[str, Any]:
        return self.get(f"/invoices/{invoice_id}").json()

    def image(
        self, invoice_id: int, content: bytes = PDF, content_type: str = "application/pdf", name: str = "scan.pdf"
    ) -> requests.Response:
        if self.plain:
            body = {"FileName": name, "ContentType": content_type, "Content": base64.b64encode(content).decode()}
            return self.call("POST", f"/invoices/{invoice_id}/documents", body)
        return self.call("POST", f"/invoices/{invoice_id}/image", files={"file": (name, content, content_type)})

    # --- payments --------------------------------------------------------------------------------

    @property
    def payments(self) -> str:
        return "/payments/settled" if self.plain else "/payments"

    def paid(self, *, method: str = "check", **more: Any) -> int:
        """A payment of an invoice that Avid does not hold."""
        line = {"number": "X-1", "gross": "100.00"}
        return int(self.act("pay", invoices=[line], vendor="V", method=method, **more)["id"])


def invoice(number: str = "INV-1", gross: Any = 100, vendor: str = "01-ABC001", **more: Any) -> dict[str, Any]:
    """One line on account 6000; `more` replaces whole fields, None removes one."""
    whole = {
        "AccountingSystemId": 3,
        "ExternalId": {"Value": f"S100|ABC|{vendor}|{number}", "Scheme": "Sage100", "SchemeOwner": "Buyer"},
        "Number": number,
        "BuyerVendor": {"VendorExternalSystemID": vendor},
        "InvoiceDate": "2026-10-28",
        "GrossAmount": gross,
        "Distributions": [line(gross)],
        **more,
    }
    return {name: value for name, value in whole.items() if value is not None}


def line(amount: Any, *codes: tuple[str, str]) -> dict[str, Any]:
    """A distribution over codes of (group, value)."""
    return {
        "LineNumber": 1,
        "Amount": amount,
        "EnterpriseCodes": [
            {"EnterpriseCodeValue": value, "EnterpriseCodeGroups": [{"CodeGroupName": group}]}
            for group, value in codes or [(GL, "6000")]
        ],
    }


def listed(value: Any) -> list[Any]:
    """What a gateway may have turned from a list of one into the one."""
    return value if isinstance(value, list) else [value]


def outcomes(answer: requests.Response) -> list[tuple[bool, dict[str, Any], list[tuple[str, str]]]]:
    """(successful, item, [(code, field)]) of each row, of either profile."""
    body = answer.json()
    if "Results" in body:
        assert answer.status_code == 200
        return [
            (row["Successful"] in (True, "true"), row.get("Item", {}), _errors(row["Errors"], "Code", "Field"))
            for row in listed(body["Results"])
        ]
    if answer.status_code == 200:
        return [(True, item, []) for item in listed(body["data"])]
    assert answer.status_code == 400
    return [(False, body.get("data", {}), _errors(body["errors"], "code", "field"))]


def _errors(errors: Any, code: str, field: str) -> list[tuple[str, str]]:
    return [(each[code], each[field]) for each in listed(errors)]


def done(answer: requests.Response) -> dict[str, Any]:
    """The item of a write that succeeded."""
    [(successful, item, errors)] = outcomes(answer)
    assert successful, errors
    return item


def refused(answer: requests.Response) -> list[str]:
    """The error codes of one row that was refused with HTTP 200, or 400 in the other profile."""
    [(successful, _, errors)] = outcomes(answer)
    assert not successful
    return [code for code, _ in errors]


def denied(answer: requests.Response) -> tuple[int, str]:
    """(status, code) of a request that was refused as a whole."""
    body = answer.json()
    if "exception" in body:
        return answer.status_code, body["exception"]["reason"]
    return answer.status_code, body["error"] if "error" in body else body["Errors"][0]["Code"]


@contextmanager
def serving(profile: str = "avidsuite-v1", **options: Any) -> Iterator[Caller]:
    sandbox = AvidSandbox(profile, **options)
    with Running(sandbox) as running:
        yield Caller(running.url, profile, sandbox)
