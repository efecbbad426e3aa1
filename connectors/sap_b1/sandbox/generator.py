"""Many documents, the same for the same seed, with the oddities of real books mixed in."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Any

from .books import money
from .ledger import Ledger

EXPENSES = ("5010-01", "5020-01", "5030-01", "6010-01", "6010-02", "6020-01", "6030-01", "6040-01", "6050-01")
RULES = ("ADMIN", "SALES", "OPS", "SPLIT", "")
CITIES = (("Spokane", "WA", "99201"), ("Boise", "ID", "83702"), ("Portland", "OR", "97204"), ("Reno", "NV", "89501"))
EURO_RATE = "1.0925"
HISTORY = 90  # days


def generate(ledger: Ledger, invoices: int = 300, vendors: int = 40, seed: int = 1) -> None:
    """Add vendors "G0001"... and their invoices of the last 90 days; all of it shows in `Ledger.state`.

    Every 9th vendor may be invoiced in every currency, every 13th is frozen in the end. Of the invoices some are
    taxed, discounted, foreign, in instalments, with freight or rounding, blocked, part-paid, paid, credited,
    cancelled, or without the vendor's number.
    """
    dice = random.Random(seed)
    ledger.set_rate("EUR", EURO_RATE, date=-HISTORY, until=0)
    codes = [_vendor(ledger, dice, index) for index in range(1, vendors + 1)]
    for index in range(1, invoices + 1):
        _invoice(ledger, dice, dice.choice(codes), index)
    for code in codes[12::13]:
        ledger.freeze_vendor(code)


def _vendor(ledger: Ledger, dice: random.Random, index: int) -> str:
    city, state, zip_code = dice.choice(CITIES)
    code = f"G{index:04d}" if index % 11 else f"G'{index:04d}"
    ledger.add_vendor(
        code,
        f"Generated Vendor {index:04d}",
        street=f"{dice.randint(1, 999)} Main St",
        city=city,
        state=state,
        zip_code=zip_code,
        currency="##" if index % 9 == 0 else "",
        EmailAddress=f"vendor{index:04d}@example.com",
        Phone1=f"509-555-{index % 10000:04d}",
    )
    return code


def _invoice(ledger: Ledger, dice: random.Random, vendor: str, index: int) -> None:
    age = dice.randint(1, HISTORY)
    open_to_all = ledger.require("BusinessPartners", vendor, "OCRD.CardCode")["Currency"] == "##"
    facts: dict[str, Any] = {
        "lines": [_line(dice) for _ in range(dice.choice((1, 1, 2, 3, 5)))],
        "date": -age,
        "document_date": -min(age + dice.randint(0, 5), HISTORY + 5),
        "created": -age,
        "items": dice.random() < 0.3,
        "currency": "EUR" if open_to_all and dice.random() < 0.5 else ledger.local_currency,
    }
    oddity = dice.randrange(24)
    if oddity == 0:
        facts["freight"] = money(Decimal(dice.randint(500, 9000)) / 100)
    elif oddity == 1:
        facts["discount"] = dice.choice(("2", "2.5", "10"))
    elif oddity == 2:
        facts["rounding"] = dice.choice(("0.01", "-0.02"))
    elif oddity == 3:
        facts["parts"] = 3
    elif oddity == 4:
        facts["blocked"] = True
    number = "" if oddity == 5 else f"INV-{index:05d}" if oddity != 6 else f"GENERATED-INVOICE-NUMBER-{index:06d}"
    entry = ledger.add_invoice(vendor, number, **facts)["DocEntry"]
    if oddity == 7:
        ledger.cancel_invoice(entry)
    elif oddity == 8:
        ledger.credit_invoice(entry)
    elif oddity == 9:
        ledger.pay_invoice(entry, date=_paid_on(dice, age))
    elif oddity == 10:
        ledger.pay_invoice(entry, "1.00", date=_paid_on(dice, age))


def _paid_on(dice: random.Random, age: int) -> int:
    return -dice.randint(0, age)


def _line(dice: random.Random) -> dict[str, Any]:
    return {
        "amount": money(Decimal(dice.randint(2_000, 900_000)) / 100),
        "account": dice.choice(EXPENSES),
        "rule": dice.choice(RULES),
        "tax_rate": dice.choice(("0", "0", "8.25", "19")),
        "quantity": dice.randint(1, 12),
        "description": dice.choice(("Supplies", "Consulting", "Repair of line 2", "Monthly fee", "Materials")),
    }
