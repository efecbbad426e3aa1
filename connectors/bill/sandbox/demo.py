"""A small organization to look at: accounts, departments, two banks, vendors to adopt and to be unsure of."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from connectors.sandboxing import Example

from .actions import Actions

EXAMPLE = Example(
    path="/connect",
    settings={"organization_id": "00801SANDBOXORGANIZA"},
    credentials={
        "username": "ap-sync@example.com",
        "password": "sandbox-password",
        "dev_key": "01SANDBOXDEVELOPERKEY",
    },
)
ACCOUNTS = (
    ("1000", "Operating Cash", "BANK"),
    ("1010", "Payroll Cash", "BANK"),
    ("2000", "Accounts Payable", "ACCOUNTS_PAYABLE"),
    ("2300", "Sales Tax Payable", "OTHER_CURRENT_LIABILITY"),
    ("2990", "Prepaid and Paid Elsewhere", "OTHER_CURRENT_LIABILITY"),
    ("6000", "Materials", "COST_OF_GOODS_SOLD"),
    ("6100", "Subcontractors", "COST_OF_GOODS_SOLD"),
    ("6200", "Equipment Rental", "EXPENSE"),
    ("6300", "Office Supplies", "EXPENSE"),
    ("6400", "Freight", "EXPENSE"),
    ("6500", "Utilities", "EXPENSE"),
    ("6600", "Repairs and Maintenance", "EXPENSE"),
    ("6700", "Professional Fees", "EXPENSE"),
    ("6800", "Insurance", "EXPENSE"),
    ("6990", "Rounding", "OTHER_EXPENSE"),
)
ARCHIVED_ACCOUNT = ("6950", "Miscellaneous (do not use)", "EXPENSE")
DEPARTMENTS = (("Sales", "SALES"), ("Operations", "OPS"), ("Administration", "ADMIN"))
# name, line1, city, state, zip. One name to adopt, one name twice, the rest known to BILL alone.
VENDORS = (
    ("Granite Supply Co", "12 Quarry Rd", "Spokane", "WA", "99201"),
    ("Summit Electric", "400 Ridge Ave", "Boise", "ID", "83702"),
    ("Summit Electric", "77 Harbor Way", "Tacoma", "WA", "98402"),
    ("Cascade Office Products", "9 Pine St", "Seattle", "WA", "98101"),
    ("Evergreen Waste Services", "2150 Transfer Rd", "Spokane", "WA", "99202"),
    ("Inland Power Cooperative", "1 Substation Ln", "Airway Heights", "WA", "99001"),
    ("Mercer Legal Group", "600 University St", "Seattle", "WA", "98101"),
    ("Palouse Equipment Rental", "83 Grain Elevator Rd", "Pullman", "WA", "99163"),
)
BILL_ONLY_VENDOR = "Cascade Office Products"


def load_demo(sandbox: Actions) -> dict[str, Any]:
    """Fill an empty sandbox; returns its ids: accounts by number, departments by name, banks, vendors by name."""
    accounts = {number: sandbox.do_create_account(name, number, kind)["id"] for number, name, kind in ACCOUNTS}
    number, name, kind = ARCHIVED_ACCOUNT
    accounts[number] = sandbox.do_create_account(name, number, kind, archived=True)["id"]
    departments = {name: sandbox.do_create_department(name, short)["id"] for name, short in DEPARTMENTS}
    banks = [
        sandbox.do_create_bank("First Cascade Bank", "400100200300", accounts["1000"], payables=True)["id"],
        sandbox.do_create_bank("Inland Credit Union", "500600700800", accounts["1010"])["id"],
    ]
    vendors: dict[str, list[str]] = {}
    for name, line1, city, state, zip_code in VENDORS:
        address = {"line1": line1, "city": city, "stateOrProvince": state, "zipOrPostalCode": zip_code, "country": "US"}
        made = sandbox.do_create_vendor(name=name, address=address, accountType="BUSINESS")
        vendors.setdefault(name, []).append(made["id"])
    today = sandbox.now().date()
    bill = sandbox.do_create_bill(
        vendorId=vendors[BILL_ONLY_VENDOR][0],
        dueDate=(today + timedelta(days=30)).isoformat(),
        invoice={"invoiceNumber": "COP-20417", "invoiceDate": today.isoformat()},
        billLineItems=[
            {
                "quantity": 10,
                "price": 18.95,
                "description": "Copy paper",
                "classifications": {"chartOfAccountId": accounts["6300"]},
            }
        ],
    )
    return {"accounts": accounts, "departments": departments, "banks": banks, "vendors": vendors, "bills": [bill["id"]]}
