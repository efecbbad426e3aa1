from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from connectors.budget import MemoryStore
from connectors.ports import ConnectionSpec, Exchange, Host

KEY = "k" * 40


class VirtualClock:
    """Sleeping only moves its hands."""

    def __init__(self) -> None:
        self.elapsed = 0.0
        self.naps: list[float] = []

    def now(self) -> datetime:
        return datetime(2025, 11, 4, 20, 0, tzinfo=UTC) + timedelta(seconds=self.elapsed)

    def monotonic(self) -> float:
        return self.elapsed

    def sleep(self, seconds: float) -> None:
        if seconds > 0:
            self.naps.append(seconds)
            self.elapsed += seconds


@pytest.fixture
def clock():
    return VirtualClock()


@pytest.fixture
def seen() -> list[Exchange]:
    return []


@pytest.fixture
def host(clock, seen):
    return Host(clock=clock, store=MemoryStore(clock), on_exchange=seen.append)


@pytest.fixture
def spec():
    def make(base_url="https://erp.example:8443", **kwargs):
        settings = {"company_code": "ABC", **kwargs.pop("settings", {})}
        credentials = kwargs.pop("credentials", {"api_key": KEY})
        return ConnectionSpec("c1", "Books", "sage100", base_url, settings, credentials, **kwargs)

    return make


@pytest.fixture
def vendor_json():
    """The contract's own example of a vendor (docs: sage100 8.5)."""
    return {
        "id": "WyJ2ZW5kb3IiLCIwMSIsIkFDTUUwMSJd",
        "apDivisionNo": "01",
        "vendorNo": "ACME01",
        "vendorName": "Acme Building Supply",
        "vendorStatus": "A",
        "holdPayment": False,
        "addressLine1": "12 Mill Rd",
        "addressLine2": None,
        "addressLine3": None,
        "city": "Dayton",
        "state": "OH",
        "zipCode": "45402",
        "countryCode": "USA",
        "telephoneNo": "(937) 555-0144",
        "telephoneExt": None,
        "emailAddress": "ar@acme.example",
        "reference": None,
        "remitTo": {
            "name": "Acme Receivables",
            "addressLine1": "PO Box 9",
            "city": "Dayton",
            "state": "OH",
            "zipCode": "45401",
            "countryCode": "USA",
        },
        "createdAt": "2019-02-11T09:05:00-05:00",
        "updatedAt": "2025-11-04T14:30:00-05:00",
        "dateUpdated": "20251104",
        "timeUpdated": "14.50000",
        "udf": {},
    }


@pytest.fixture
def invoice_json():
    """The contract's own example of an invoice (docs: sage100 8.6)."""
    return {
        "id": "WyJhcC1pbnZvaWNlIiwi",
        "state": "posted",
        "apDivisionNo": "01",
        "vendorNo": "ACME01",
        "vendorName": "Acme Building Supply",
        "invoiceNo": "INV-20541",
        "invoiceDate": "2025-10-28",
        "dueDate": "2025-11-27",
        "discountDate": None,
        "postedDate": "2025-10-29",
        "comment": "Site 14 lumber",
        "purchaseOrderNo": "0010223",
        "invoiceType": "I",
        "currencyCode": "USD",
        "invoiceAmt": "1250.00",
        "discountAmt": "0.00",
        "balance": "1250.00",
        "open": True,
        "holdPayment": False,
        "payable": True,
        "notPayableReasons": [],
        "lines": [
            {
                "headerSeqNo": "000001",
                "detailSeqNo": "000001",
                "accountKey": "00000010A",
                "account": "5010-01-00",
                "accountDesc": "Materials",
                "amount": "1250.00",
                "description": "Lumber",
            }
        ],
        "createdAt": "2025-10-28T10:12:30-04:00",
        "updatedAt": "2025-11-04T14:30:00-05:00",
    }


@pytest.fixture
def payment_json():
    """The contract's own example of an entered payment (docs: sage100 8.8)."""
    return {
        "id": "WyJwYXltZW50IiwiQiIsIlcwMDAxNyIsIiJd",
        "state": "entered",
        "duplicate": False,
        "clientReference": "bill:stp01ABCD1234",
        "apDivisionNo": "01",
        "vendorNo": "ACME01",
        "bankCode": "B",
        "method": "ACH",
        "checkNo": "W00017",
        "checkSeqNo": None,
        "reference": "P25110301-8842731",
        "paymentDate": "2025-11-03",
        "postedDate": None,
        "amount": "1250.00",
        "comment": "BILL P25110301 #ddf38924",
        "batchNo": "00042",
        "batchDescription": "BILL 2025-11-04",
        "applications": [
            {"invoiceNo": "INV-20541", "amountPaid": "1250.00", "discountTaken": "0.00", "balanceBefore": "1250.00"}
        ],
        "createdAt": "2025-11-04T14:31:10-05:00",
        "updatedAt": "2025-11-04T14:31:10-05:00",
        "warnings": [],
    }


@pytest.fixture
def company_json():
    return {
        "companyCode": "ABC",
        "companyName": "ABC Distribution and Service Corp.",
        "valid": True,
        "currencyCode": "USD",
        "timeZone": "America/New_York",
        "modules": {"A/P": True, "G/L": True},
        "apOptions": {"divisionsEnabled": True, "manualCheckBatchEnabled": True, "wireTransfersEnabled": True},
        "banks": [{"bankCode": "B", "description": "BILL clearing", "cashAccountKey": "00000005C"}],
        "scopes": ["read", "payments:write"],
        "postingAllowed": False,
    }
