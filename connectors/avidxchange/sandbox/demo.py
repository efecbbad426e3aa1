"""A small tenant to look at: a chart of accounts half kept, vendors people know, an invoice of theirs, payments."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from connectors.sandboxing import Example

from .actions import Actions
from .server import ACCOUNTING_SYSTEMS, CREDENTIALS

EXAMPLE = Example(
    path="",
    settings={"profile": "avidsuite-v1", "accounting_system": ACCOUNTING_SYSTEMS[3]},
    credentials={name: CREDENTIALS[name] for name in ("company_token", "user_token")},
)
# Kept by hand before the ledger sent its own: one text differs, one account is gone from the ledger.
ACCOUNTS = (
    ("6100-01-10", "Office supplies"),
    ("6200-01-10", "6200-01-10 : Utilities, East, Administration"),
    ("6900-00-00", "Old miscellaneous"),
)
# code, name, line1, city, state, postal code; the first two are in the ledger's demo too
VENDORS = (
    ("01-ACME01", "Acme Building Supply", "PO Box 9", "Dayton", "OH", "45401"),
    ("01-SUMMIT", "Summit Electric Inc.", "77 Ridge Way", "Boulder", "CO", "80301"),
    ("AV-1001", "Buckeye Waste Services", "2150 Transfer Rd", "Dayton", "OH", "45404"),
    ("AV-1002", "Miami Valley Legal", "600 Main St", "Dayton", "OH", "45402"),
)
PEOPLES_VENDOR = "AV-1001"


def load_demo(sandbox: Actions) -> dict[str, Any]:
    """Fill an empty sandbox; its ids: vendors by code, invoices and payments."""
    for value, description in ACCOUNTS:
        sandbox.do_add_code(value, description)
    vendors = {}
    for code, name, line1, city, state, postal_code in VENDORS:
        address = {"line1": line1, "city": city, "state": state, "postal_code": postal_code, "country": "US"}
        vendors[code] = sandbox.do_add_vendor(code, name, address=address, remit_to=address)["id"]
    entered = [
        sandbox.do_add_invoice(PEOPLES_VENDOR, number, gross, "6200-01-10")["id"]
        for number, gross in (("BWS-0926", "312.50"), ("BWS-1026", "318.75"))
    ]
    sandbox.do_approve(entered[0])
    ago = (sandbox.now() - timedelta(days=2)).isoformat()
    payment = sandbox.do_pay([entered[0]], method="ach", at=ago, state="settled")
    return {"vendors": vendors, "invoices": entered, "payments": [payment["id"]]}
