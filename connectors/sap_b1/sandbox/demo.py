"""A believable company to look at: a dozen vendors and some forty invoices of the last 90 days, oddities included."""

from __future__ import annotations

from typing import Any, Protocol

from connectors.sandboxing import Example

from .ledger import COMPANY_DB, PASSWORD, USER, Ledger

EXAMPLE = Example(
    path="/b1s/v1",
    settings={"company_db": COMPANY_DB},
    credentials={"username": USER, "password": PASSWORD},
)
HISTORY = 90  # days
EURO_RATE = "1.0925"
DUPLICATED = "SE-5531"
# code, name, street, city, state, zip, properties
VENDORS: tuple[tuple[str, str, str, str, str, str, dict[str, Any]], ...] = (
    ("V10000", "Granite Supply Co", "12 Quarry Rd", "Spokane", "WA", "99201", {"EmailAddress": "ar@granite.example"}),
    ("V10001", "Summit Electric", "400 Ridge Ave", "Boise", "ID", "83702", {"Phone1": "208-555-0143"}),
    ("V10002", "Evergreen Waste Services", "2150 Transfer Rd", "Spokane", "WA", "99202", {}),
    ("V10003", "Inland Power Cooperative", "1 Substation Ln", "Airway Heights", "WA", "99001", {}),
    ("V10004", "Mercer Legal Group", "600 University St", "Seattle", "WA", "98101", {"FormCode1099": 14}),
    (
        "V10005",
        "Blue Heron Logistics",
        "88 Dock St",
        "Tacoma",
        "WA",
        "98402",
        {"EmailAddress": "billing@heron.example"},
    ),
    ("V10006", "Larkspur Software", "301 Mission St", "San Francisco", "CA", "94105", {"PayTermsGrpCode": 2}),
    ("V10007", "Rocca Utensili S.p.A.", "Via Torino 14", "Milano", "", "20123", {"currency": "EUR", "country": "IT"}),
    ("V10'A", "O'Neill & Daughters", "7 Harbor Way", "Everett", "WA", "98201", {"Phone1": "425-555-0190"}),
    ("V10009", "Northgate Properties LLC", "1 Northgate Plaza", "Seattle", "WA", "98125", {}),
    ("V10010", "Tamarack Contracting", "55 Mill Rd", "Missoula", "MT", "59801", {"SubjectToWithholdingTax": "tYES"}),
    ("V10011", "Halvorsen Machine Works", "940 Foundry Ave", "Portland", "OR", "97209", {"currency": "##"}),
)
FROZEN = "V10002"
# vendor, number, days ago, amount, account, distribution rule, tax rate in percent
PLAIN = (
    ("V10000", "GS-20881", 88, "1840.00", "5010-01", "OPS", "8.25"),
    ("V10000", "GS-20934", 74, "2215.75", "5010-01", "OPS", "8.25"),
    ("V10000", "GS-21002", 52, "960.40", "5010-01", "OPS", "8.25"),
    ("V10000", "GS-21077", 19, "3120.00", "5010-01", "OPS", "8.25"),
    ("V10001", "SE-5498", 66, "4875.00", "6050-01", "OPS", "0"),
    ("V10001", DUPLICATED, 33, "720.00", "6050-01", "OPS", "0"),
    ("V10001", DUPLICATED, 5, "745.00", "6050-01", "OPS", "0"),
    ("V10002", "EWS-0926", 58, "312.50", "6030-01", "OPS", "0"),
    ("V10003", "778120-08", 80, "1488.12", "6030-01", "ADMIN", "0"),
    ("V10003", "778120-09", 49, "1532.77", "6030-01", "ADMIN", "0"),
    ("V10003", "778120-10", 18, "1610.04", "6030-01", "ADMIN", "0"),
    ("V10004", "MLG-2211", 61, "5400.00", "6020-01", "ADMIN", "0"),
    ("V10004", "MLG-2257", 24, "2750.00", "6020-01", "SALES", "0"),
    ("V10005", "BHL-90114", 70, "640.00", "5030-01", "OPS", "0"),
    ("V10005", "BHL-90240", 41, "815.30", "5030-01", "OPS", "0"),
    ("V10005", "BHL-90377", 11, "702.95", "5030-01", "OPS", "0"),
    ("V10006", "LS-44018", 60, "1290.00", "6070-01", "SALES", "0"),
    ("V10006", "LS-44391", 30, "1290.00", "6070-01", "SALES", "0"),
    ("V10'A", "1187", 46, "389.00", "6010-01", "ADMIN", "8.25"),
    ("V10'A", "1203", 9, "412.60", "6010-02", "SALES", "8.25"),
    ("V10009", "RENT-SEP", 81, "8200.00", "6040-01", "SPLIT", "0"),
    ("V10009", "RENT-OCT", 51, "8200.00", "6040-01", "SPLIT", "0"),
    ("V10009", "RENT-NOV", 20, "8200.00", "6040-01", "SPLIT", "0"),
    ("V10011", "HMW-6120", 37, "2980.00", "5010-01", "OPS", "0"),
)


class HasLedger(Protocol):
    ledger: Ledger


def load_demo(sandbox: HasLedger) -> dict[str, int]:
    """Fill a new company; the DocEntry of each oddity by its name (a draft's for `draft`)."""
    ledger = sandbox.ledger
    ledger.set_rate("EUR", EURO_RATE, date=-HISTORY, until=0)
    for code, name, street, city, state, zip_code, more in VENDORS:
        ledger.add_vendor(code, name, street=street, city=city, state=state, zip_code=zip_code, **more)
    for vendor, number, age, amount, account, rule, tax in PLAIN:
        ledger.add_invoice(
            vendor, number, amount, account=account, rule=rule, tax_rate=tax, date=-age, created=-age, due=30 - age
        )
    found = {**_of_every_shape(ledger), **_of_every_fate(ledger)}
    ledger.freeze_vendor(FROZEN)
    return found


def _of_every_shape(ledger: Ledger) -> dict[str, int]:
    """Amounts beside the lines, instalments, a foreign currency, numbers that do not fit."""
    goods: list[dict[str, Any]] = [
        {
            "amount": "1450.00",
            "account": "5010-01",
            "rule": "OPS",
            "quantity": 10,
            "item": "A00001",
            "tax_rate": "8.25",
        },
        {"amount": "275.50", "account": "5010-01", "rule": "OPS", "quantity": 5, "item": "A00004", "tax_rate": "8.25"},
        {"amount": "88.00", "account": "6010-01", "rules": {1: "SALES", 2: "WEST"}, "item": "A00009", "line_num": 3},
    ]
    tools = [{"amount": "6400.00", "account": "5010-01", "rule": "OPS", "tax_rate": "22"}]
    down = ledger.add_down_payment("V10010", "1000.00", date=-45, created=-45)
    ledger.close_with(down)
    made = {
        "items_and_freight": ledger.add_invoice(
            "V10000", "GS-21130", lines=goods, items=True, freight="120.00", date=-8, created=-8
        ),
        "discount": ledger.add_invoice("V10011", "HMW-6155", "1999.99", discount="2.5", date=-16, created=-16),
        "rounding": ledger.add_invoice("V10'A", "1210", "249.98", rounding="0.02", date=-6, created=-6),
        "withholding": ledger.add_invoice(
            "V10010", "TC-118", "5200.00", account="5020-01", withholding="520.00", date=-27, created=-27
        ),
        "down_payment": ledger.add_invoice(
            "V10010", "TC-124", "4300.00", account="5020-01", down_payment="1000.00", date=-12, created=-12
        ),
        "foreign": ledger.add_invoice("V10007", "2026/0418", lines=tools, date=-22, created=-22),
        "foreign_discount": ledger.add_invoice(
            "V10007", "2026/0433", "1333.33", account="5010-01", discount="3", date=-4, created=-4
        ),
        "instalments": ledger.add_invoice(
            "V10011", "HMW-6171", "10000.00", account="6050-01", parts=3, date=-14, created=-14
        ),
        "no_number": ledger.add_invoice("V10005", "", "455.00", account="5030-01", date=-3, created=-3),
        "long_number": ledger.add_invoice(
            "V10006", "LARKSPUR-RENEWAL-2026-000417", "3480.00", account="6070-01", date=-7, created=-7
        ),
        "inactive_rule": ledger.add_invoice("V10004", "MLG-2290", "1800.00", account="6020-01", rule="OLD", date=-2),
    }
    return {name: row["DocEntry"] for name, row in made.items()}


def _of_every_fate(ledger: Ledger) -> dict[str, int]:
    """What became of invoices: paid by people, credited, reversed, blocked, waiting for approval."""

    def invoice(vendor: str, number: str, amount: str, age: int, **more: Any) -> int:
        return int(ledger.add_invoice(vendor, number, amount, date=-age, created=-age, **more)["DocEntry"])

    made = {
        "credited": invoice("V10000", "GS-20990", "515.00", 55, account="5010-01"),
        "cancelled": invoice("V10005", "BHL-90201", "930.00", 43, account="5030-01"),
        "blocked": invoice("V10010", "TC-121", "7600.00", 21, account="5020-01"),
        "part_paid": invoice("V10001", "SE-5519", "2600.00", 40, account="6050-01"),
        "paid": invoice("V10003", "778120-07", "1402.36", 89, account="6030-01"),
        "reconciled": invoice("V10009", "DEPOSIT-2", "400.00", 35, account="6040-01"),
    }
    ledger.credit_invoice(made["credited"])
    ledger.cancel_invoice(made["cancelled"])
    ledger.block_invoice(made["blocked"])
    ledger.pay_invoice(made["part_paid"], "1000.00", date=-10, reference="CHK 20117")
    ledger.pay_invoice(made["paid"], date=-60, reference="CHK 20055")
    ledger.reconcile_invoice(made["reconciled"])
    draft = ledger.add_draft("V10004", "MLG-2301", "950.00", account="6020-01", date=-1)
    return {**made, "draft": draft["DocEntry"]}
