"""A client of the Sage 300 sandbox that knows nothing but HTTP, and the bodies it sends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import requests

from connectors.sage300.sandbox import EXAMPLE, Sage300Sandbox
from connectors.sandboxing import Running

THIS_YEAR = datetime.now(UTC).year  # the fiscal calendar lies around it
USER = (EXAMPLE.credentials["username"], EXAMPLE.credentials["password"])


class Caller:
    def __init__(self, url: str, sandbox: Sage300Sandbox) -> None:
        self.root = url
        self.sandbox = sandbox
        self.http = requests.Session()
        self.http.auth = USER
        self.http.headers["Content-Type"] = "application/json"

    def url(self, path: str, company: str = "SAMLTD") -> str:
        return f"{self.root}/Sage300WebApi/v1.0/-/{company}/{path}"

    def call(self, method: str, path: str, body: Any = None, **more: Any) -> requests.Response:
        company = more.pop("company", "SAMLTD")
        return self.http.request(method, self.url(path, company), json=body, timeout=10, **more)

    def get(self, path: str, **options: Any) -> requests.Response:
        """Options without their `$`."""
        asked = "&".join(f"${name}={quote(str(value), safe='')}" for name, value in options.items())
        return self.call("GET", f"{path}?{asked}" if asked else path)

    def rows(self, path: str, **options: Any) -> list[dict[str, Any]]:
        answer = self.get(path, **options)
        assert answer.status_code == 200, answer.text
        return answer.json()["value"]

    def post(self, path: str, body: Any) -> requests.Response:
        return self.call("POST", path, body)

    def patch(self, path: str, body: Any) -> requests.Response:
        return self.call("PATCH", path, body)

    def act(self, name: str, /, **parameters: Any) -> Any:
        answer = requests.post(f"{self.root}/_sandbox/actions/{name}", json=parameters, timeout=20)
        assert answer.ok, answer.text
        return answer.json()

    def control(self, name: str, body: Any = None) -> Any:
        method = "GET" if body is None else "POST"
        return requests.request(method, f"{self.root}/_sandbox/{name}", json=body, timeout=10).json()

    def fault(self, kind: str, **details: Any) -> None:
        self.control("faults", [{"kind": kind, **details}])

    # --- what most tests start from ----------------------------------------------------------------

    def vendor(self, number: str = "V1", group: str = "TRADE", **more: Any) -> str:
        body = {"VendorNumber": number, "GroupCode": group, "VendorName": f"Vendor {number}", **more}
        answer = self.post("AP/APVendors", body)
        assert answer.status_code == 201, answer.text
        return answer.json()["VendorNumber"]

    def batch(self, *invoices: dict[str, Any], **more: Any) -> int:
        answer = self.post("AP/APInvoiceBatches", {**more, "Invoices": list(invoices)})
        assert answer.status_code == 201, answer.text
        return answer.json()["BatchNumber"]

    def read(self, number: int) -> dict[str, Any]:
        return self.get(f"AP/APInvoiceBatches({number})").json()

    def ready(self, number: int) -> None:
        answer = self.patch(f"AP/APInvoiceBatches({number})", {"BatchStatus": "ReadyToPost"})
        assert answer.status_code == 204, answer.text

    def process(self, first: int, last: int | None = None, **changes: Any) -> requests.Response:
        body = {"ProcessAllBatches": "Donotpostallbatches", "FromBatch": first, "ToBatch": last or first}
        return self.post("AP/APPostInvoices('$process')", {**body, **changes})


def invoice(number: str = "INV-1", vendor: str = "V1", amount: Any = 100, **more: Any) -> dict[str, Any]:
    """Tax entered as none, one line; `more` is placed before the total."""
    return {
        "VendorNumber": vendor,
        "DocumentType": "Invoice",
        "DocumentNumber": number,
        "TaxAmountControl": "Enter",
        "DocumentTotalIncludingTax": amount,
        "InvoiceDetails": [{"GLAccount": "6200100", "DistributedAmount": amount}],
        **more,
    }


def refusal(answer: requests.Response) -> tuple[int, str]:
    """(status, code) of the one envelope that refusals have."""
    error = answer.json()["error"]
    assert error.keys() == {"code", "message"}
    assert error["message"].keys() == {"lang", "value"}
    return answer.status_code, error["code"]


@contextmanager
def serving(**options: Any) -> Iterator[Caller]:
    with Running(Sage300Sandbox(**options)) as running:
        yield Caller(running.url, running.sandbox)  # type: ignore[arg-type]
