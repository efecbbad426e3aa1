"""Sample data: the default keys and companies, a demo month, and the odd month (docs: sage100 11, point 3)."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from connectors.sage100.sandbox.actions import Actions
from connectors.sage100.sandbox.agent import Client
from connectors.sage100.sandbox.build import Builder
from connectors.sage100.sandbox.model import Company, Segment
from connectors.sandboxing import Example

FULL_KEY = "sandbox-sage100-full-0123456789abcdef"
READ_KEY = "sandbox-sage100-read-0123456789abcdef"
POSTING_KEY = "sandbox-sage100-posting-0123456789abcdef"
EXAMPLE = Example(path="", settings={"company_code": "ABC"}, credentials={"api_key": FULL_KEY})
WRITES = ("read", "vendors:write", "payments:write")

# codes of the three segments, what it is, account type, status
ABC_ACCOUNTS = [
    (("1000", "00", "00"), "Cash, Operating", "01", "A"),
    (("1010", "00", "00"), "Cash, BILL Clearing", "01", "A"),
    (("1020", "00", "00"), "Cash, Card Clearing", "01", "A"),
    (("2000", "00", "00"), "Accounts Payable", "07", "A"),
    (("2300", "00", "00"), "Sales Tax Paid", "07", "A"),
    (("4000", "01", "00"), "Sales", "11", "A"),
    (("5000", "01", "00"), "Cost of Goods", "12", "A"),
    (("5000", "02", "00"), "Cost of Goods", "12", "A"),
    (("5010", "02", "00"), "Materials", "12", "A"),
    (("5010", "01", "00"), "Materials", "12", "A"),
    (("5020", "01", "00"), "Subcontractors", "12", "A"),
    (("5030", "01", "10"), "Equipment Rental", "12", "A"),
    (("5099", "01", "00"), "Suspense", "12", "A"),
    (("5990", "01", "00"), "Discontinued Costs", "12", "I"),
    (("6100", "01", "10"), "Office Supplies", "13", "A"),
    (("6200", "01", "10"), "Utilities", "13", "A"),
    (("6300", "02", "10"), "Insurance", "13", "A"),
    (("6400", "01", "00"), "Freight In", "13", "A"),
    (("6500", "01", "20"), "Software", "13", "A"),
]
# The dash belongs to the code of the second segment.
XYZ_ACCOUNTS = [
    (("1000", "A-1"), "Cash", "01", "A"),
    (("5010", "A-1"), "Materials", "12", "A"),
    (("5010", "B-1"), "Materials", "12", "A"),
    (("6100", "A-1"), "Office Supplies", "13", "A"),
]


def default_clients() -> list[Client]:
    return [
        Client("ml-connector", FULL_KEY, WRITES, ("ABC",), certificate="*"),
        Client("reader", READ_KEY, ("read",), ("ABC",)),
        Client("poster", POSTING_KEY, (*WRITES, "batches:post"), ("ABC", "XYZ")),
    ]


def default_companies() -> list[Company]:
    abc = Company(
        "ABC",
        "ABC Distribution and Service Corp.",
        [
            Segment("01", "Main", 4, {}),
            Segment("02", "Location", 2, {"00": "Corporate", "01": "East", "02": "West"}),
            Segment("03", "Department", 2, {"00": "General", "10": "Administration", "20": "Technology"}),
        ],
        divisions={"01": "Trade", "02": "Services"},
        banks={
            "A": ("Operating", "00000001A"),
            "B": ("BILL clearing", "00000002A"),
            "X": ("Card clearing", "00000003A"),
        },
        udfs=("UDF_REGION",),
        attachment_root=r"D:\Scans\ABC",
    )
    xyz = Company(
        "XYZ",
        "XYZ Manufacturing",
        [Segment("01", "Natural", 4, {}), Segment("02", "Plant", 3, {"A-1": "Plant A", "B-1": "Plant B"})],
        zone=ZoneInfo("America/Los_Angeles"),
        divisions_enabled=False,
        batches_enabled=False,
        wires_enabled=False,
        banks={"B": ("BILL clearing", "00000001A")},
        attachment_root=r"D:\Scans\XYZ",
    )
    now = datetime.now(UTC)
    for company, accounts in ((abc, ABC_ACCOUNTS), (xyz, XYZ_ACCOUNTS)):
        build = Builder(company, now)
        company.accounts.put_all(
            build.account(codes=codes, description=name, type=kind, status=status)
            for codes, name, kind, status in accounts
        )
    return [abc, xyz]


def _at(line1: str, city: str, state: str, zip_code: str) -> dict[str, Any]:
    return {"addressLine1": line1, "city": city, "state": state, "zipCode": zip_code, "countryCode": "USA"}


REMIT = {"name": "Acme Receivables", **_at("PO Box 9", "Dayton", "OH", "45401")}
DEMO_VENDORS: list[dict[str, Any]] = [
    {"vendor": "ACME01", "name": "Acme Building Supply", **_at("12 Mill Rd", "Dayton", "OH", "45402"),
     "telephoneNo": "(937) 555-0144", "emailAddress": "ar@acme.example", "remit_to": REMIT, "stamp": "unpadded"},
    {"vendor": "0000123", "name": "Granite Supply Co", **_at("801 E Sprague Ave", "Spokane", "WA", "99201"),
     "stamp": "padded"},
    {"vendor": "SUMMIT", "name": "Summit Electric", **_at("77 Ridge Way", "Boulder", "CO", "80301"), "terms": "02"},
    {"vendor": "HARBOR", "name": "Harbor Point Freight", **_at("5 Pier St", "Baltimore", "MD", "21202"),
     "stamp": "created"},
    {"division": "02", "vendor": "HARBOR", "name": "Harbor Marine Services",
     **_at("9 Dock Ln", "Norfolk", "VA", "23510")},
    {"vendor": "A&B/CO", "name": "A & B Tool Rental", **_at("44 Forge St", "Akron", "OH", "44308"), "stamp": "no_time"},
    {"vendor": "NW PAPR", "name": "Northwest Paper", **_at("310 Cedar Ave", "Portland", "OR", "97204")},
    {"vendor": "CITYUTL", "name": "City Utilities"},
    {"vendor": "LAKE01", "name": "Lakeside Insurance", **_at("1 Bay Plaza", "Erie", "PA", "16501"),
     "holdPayment": True},
    {"vendor": "TEMP01", "name": "One-Time Movers", **_at("8 Van Ct", "Toledo", "OH", "43604"), "vendorStatus": "T"},
    {"vendor": "OLDCO", "name": "Old Mill Hardware", **_at("2 Weir Rd", "Lima", "OH", "45801"), "vendorStatus": "I"},
    {"vendor": "QUIET1", "name": "Quiet Office Cleaning", **_at("60 Elm St", "Dayton", "OH", "45403")},
    {"division": "02", "vendor": "0000042", "name": "Ridgeline Software", **_at("15 Data Dr", "Austin", "TX", "78701"),
     "terms": "02", "stamp": "blank"},
]  # fmt: skip


def _line(account: str, amount: str, description: str) -> dict[str, str]:
    return {"account": account, "amount": amount, "description": description}


LUMBER = [_line("5010-01-00", "980.00", "Lumber"), _line("5030-01-10", "270.00", "Saw rental")]
DEMO_INVOICES: list[dict[str, Any]] = [
    {"vendor": "ACME01", "invoice": "INV-20541", "lines": LUMBER, "invoice_date": "-12", "comment": "Site 14 lumber",
     "purchase_order_no": "0010223", "source_module": "P/O", "attachments": ["INV-20541.pdf"], "stamp": "unpadded"},
    {"vendor": "ACME01", "invoice": "INV-20560", "amount": "312.40", "invoice_date": "-8",
     "attachments": ["missing:INV-20560.pdf", "large:INV-20560.tif"]},
    {"vendor": "ACME01", "invoice": "INV-20571", "invoice_date": "-5", "freight": "85.00", "tax": "96.25",
     "lines": [_line("5010-01-00", "1375.00", "Cement"), _line("5010-02-00", "125.00", "Pallets")]},
    {"vendor": "ACME01", "invoice": "CM-20541", "amount": "-120.00", "invoice_date": "-4",
     "comment": "Returned boards"},
    {"vendor": "ACME01", "invoice": "INV-20600", "amount": "450.00", "state": "entry", "invoice_date": "-1",
     "comment": "Not posted yet"},
    {"vendor": "ACME01", "invoice": "INV-20480", "amount": "2400.00", "balance": "0", "invoice_date": "-50"},
    {"vendor": "ACME01", "invoice": "INV-20410", "amount": "610.75", "balance": "0", "in_open": False,
     "invoice_date": "-58"},
    {"vendor": "0000123", "invoice": "000778", "amount": "1890.00", "invoice_date": "-15", "stamp": "padded"},
    {"vendor": "0000123", "invoice": "000779", "amount": "940.50", "invoice_date": "-9", "balance": "440.50",
     "comment": "Part paid"},
    {"vendor": "0000123", "invoice": "0781", "amount": "75.25", "invoice_date": "-3", "account": "5020-01-00"},
    {"vendor": "SUMMIT", "invoice": "SE/2210", "amount": "3650.00", "account": "5020-01-00", "invoice_date": "-20"},
    {"vendor": "SUMMIT", "invoice": "SE/2231", "amount": "1280.00", "account": "5020-01-00", "invoice_date": "-6"},
    {"vendor": "HARBOR", "invoice": "10045", "amount": "530.00", "account": "6400-01-00", "invoice_date": "-14",
     "stamp": "created"},
    {"vendor": "HARBOR", "invoice": "10052", "amount": "545.10", "account": "6400-01-00", "invoice_date": "-7",
     "stamp": "no_time"},
    {"division": "02", "vendor": "HARBOR", "invoice": "10045", "amount": "1750.00", "account": "5020-01-00",
     "invoice_date": "-11"},
    {"vendor": "A&B/CO", "invoice": "#88 17", "amount": "215.00", "account": "5030-01-10", "invoice_date": "-18"},
    {"vendor": "A&B/CO", "invoice": "R 104/B#2", "amount": "140.00", "account": "5030-01-10", "invoice_date": "-2"},
    {"vendor": "NW PAPR", "invoice": "NWP-2026-00000012345", "amount": "388.90", "account": "6100-01-10",
     "invoice_date": "-10"},
    {"vendor": "NW PAPR", "invoice": "NWP-44102", "amount": "102.15", "account": "6100-01-10", "invoice_date": "-4",
     "attachments": ["..\\..\\payroll.pdf", "NWP-44102.pdf"]},
    {"vendor": "NW PAPR", "invoice": "NWP-44090", "amount": "64.00", "account": "5099-01-00", "invoice_date": "-13",
     "comment": "Coding to be decided"},
    {"vendor": "CITYUTL", "invoice": "0092-11", "amount": "818.33", "account": "6200-01-10", "invoice_date": "-16"},
    {"vendor": "LAKE01", "invoice": "POL-5501", "amount": "2200.00", "account": "6300-02-10", "invoice_date": "-21"},
    {"vendor": "TEMP01", "invoice": "7", "amount": "650.00", "account": "5020-01-00", "invoice_date": "-25"},
    {"vendor": "OLDCO", "invoice": "OM-1", "amount": "43.10", "invoice_date": "-55"},
    {"vendor": "0000123", "invoice": "000790", "amount": "1120.00", "invoice_date": "-6", "hold": True,
     "comment": "Short delivery, on hold"},
    {"vendor": "SUMMIT", "invoice": "SE/2240", "amount": "905.00", "account": "5020-01-00", "invoice_date": "-3",
     "selected": True},
    {"vendor": "NW PAPR", "invoice": "NWP-43800", "amount": "77.70", "account": "5990-01-00", "invoice_date": "-30",
     "comment": "Account made inactive since"},
    {"division": "02", "vendor": "0000042", "invoice": "RS-0001", "amount": "1499.00", "account": "6500-01-20",
     "invoice_date": "-9", "stamp": "blank"},
    {"division": "02", "vendor": "0000042", "invoice": "RS-0002", "amount": "1499.00", "account": "6500-01-20",
     "invoice_date": "-1", "discount": "29.98", "discount_date": "9"},
    {"vendor": "HARBOR", "invoice": "10060", "amount": "0.01", "account": "6400-01-00", "invoice_date": "-1"},
    {"vendor": "HARBOR", "invoice": "10060", "amount": "0.02", "account": "6400-01-00", "invoice_date": "-1",
     "state": "entry"},
]  # fmt: skip
DEMO_ORDERS: list[dict[str, Any]] = [
    {"number": "0010223", "vendor": "ACME01", "lines": LUMBER, "freight": "40.00"},
    {"number": "0010230", "vendor": "0000123", "orderStatus": "N", "date": "-6",
     "lines": [{**_line("5010-02-00", "1980.00", "Granite slabs"), "quantity": 12}]},
    {"number": "0010231", "division": "02", "vendor": "0000042", "orderStatus": "X", "date": "-35",
     "lines": [_line("6500-01-20", "1499.00", "Licences")]},
]  # fmt: skip


def load_demo(sandbox: Actions) -> None:
    """Company ABC as of today: 13 vendors, 31 invoices of the last 60 days, 3 purchase orders."""
    vendors = [{"created": "-120", **each} for each in DEMO_VENDORS]
    invoices = [{"created": each["invoice_date"], **each} for each in DEMO_INVOICES]
    sandbox.load(vendors=vendors, invoices=invoices)
    for order in DEMO_ORDERS:
        sandbox.do_add_purchase_order(**order)


ODD_NUMBERS = ("A/{n}", "B#{n}", "C {n} X", "000{n}", "{n:020d}", "D&{n}", "E?{n}=%", "f-{n}", "F-{n}", "INV {n}/#1")
COST_ACCOUNTS = ("5000-01-00", "5000-02-00", "5010-01-00", "5010-02-00", "5020-01-00", "5030-01-10", "6100-01-10")
TWIST_EVERY = 15


def load_odd(sandbox: Actions, seed: int = 100, vendors: int = 40, invoices: int = 300) -> None:
    """Company ABC with every oddity of the contract sheet mixed in, the same for the same seed.

    Every fifteenth run of invoices brings each twist once (see `_twist`), the others are plain payable ones over one
    to six lines with numbers of all shapes. Vendors 0 and 1 share their number in two divisions, 2 is on hold, 3
    inactive, 4 temporary, 5 without address; the last has no invoice.
    """
    rng = random.Random(seed)
    odd_vendors = [_odd_vendor(index, vendors) for index in range(vendors)]
    made = [_odd_invoice(rng, index, odd_vendors[:-1]) for index in range(invoices)]
    made += _twins(odd_vendors, made[0]["invoice_date"])
    sandbox.load(vendors=odd_vendors, invoices=made[-invoices:])


def _odd_vendor(index: int, vendors: int) -> dict[str, Any]:
    numbers = {0: "SHARED", 1: "SHARED", 6: "0000007", 7: "7-ELEVN", 8: "A/B & C", 9: "N. CO 9"}
    styles = ("", "unpadded", "padded", "created", "no_time", "blank")
    facts: dict[str, Any] = {
        "division": "02" if index % 7 == 1 else "01",
        "vendor": numbers.get(index, f"ODD{index:03d}"),
        "name": f"Odd Supplier {index:02d} of {vendors}",
        "stamp": styles[index % len(styles)],
        "created": str(-100 - index),
    }
    if index != 5:
        facts.update(_at(f"{index + 1} Odd St", "Dayton", "OH", f"{45400 + index:05d}"))
    if index % 9 == 8:
        facts["remit_to"] = {"name": f"Odd Receivables {index:02d}", **_at("PO Box 1", "Lima", "OH", "45801")}
    facts["holdPayment"] = index == 2
    facts["vendorStatus"] = {3: "I", 4: "T"}.get(index, "A")
    return facts


def _odd_invoice(rng: random.Random, index: int, vendors: list[dict[str, Any]]) -> dict[str, Any]:
    vendor = vendors[index % len(vendors)]
    age = -rng.randint(1, 55)
    lines = [
        {"account": rng.choice(COST_ACCOUNTS), "amount": str(Decimal(rng.randint(101, 999_999)).scaleb(-2)),
         "description": f"Line {position}"}
        for position in range(1, rng.randint(1, 6) + 1)
    ]  # fmt: skip
    facts: dict[str, Any] = {
        "division": vendor["division"],
        "vendor": vendor["vendor"],
        "invoice": ODD_NUMBERS[index % len(ODD_NUMBERS)].format(n=1000 + index // 2),
        "lines": lines,
        "invoice_date": str(age),
        "created": str(age),
        "stamp": rng.choice(("", "", "unpadded", "padded", "created", "no_time")),
    }
    _twist(facts, index % TWIST_EVERY)
    return facts


def _twist(facts: dict[str, Any], twist: int) -> None:
    """Which of fifteen: 1 credit, 2 on hold, 3 entry only, 4 paid at balance 0, 5 paid in history only, 6 part paid,
    7 freight and tax outside the lines, 8 inactive account, 9 selected for payment, 10 no stamp; the rest plain."""
    total = sum((Decimal(line["amount"]) for line in facts["lines"]), Decimal(0))
    if twist == 1:
        facts["lines"] = [{**line, "amount": "-" + line["amount"]} for line in facts["lines"]]
    elif twist == 8:
        facts["lines"][0]["account"] = "5990-01-00"
    else:
        changes: dict[int, dict[str, Any]] = {
            2: {"hold": True},
            3: {"state": "entry"},
            4: {"balance": "0"},
            5: {"balance": "0", "in_open": False},
            6: {"balance": str((total / 3).quantize(Decimal("0.01")))},
            7: {"freight": "18.75", "tax": "41.07"},
            9: {"selected": True},
            10: {"stamp": "blank"},
        }
        facts.update(changes.get(twist, {}))


def _twins(vendors: list[dict[str, Any]], day: str) -> list[dict[str, Any]]:
    """Two vendors sharing an invoice number, the shared vendor number among them, and one triple both posted and
    in entry."""
    shared = {"invoice": "SAME-1", "invoice_date": day, "created": day}
    first, second, third = vendors[0], vendors[1], vendors[10]
    return [
        {**shared, "division": first["division"], "vendor": first["vendor"], "amount": "100.01"},
        {**shared, "division": second["division"], "vendor": second["vendor"], "amount": "200.02"},
        {**shared, "division": third["division"], "vendor": third["vendor"], "amount": "300.03"},
        {**shared, "division": third["division"], "vendor": third["vendor"], "amount": "300.03", "state": "entry"},
    ]
