"""Both vendors in a process of their own: `python -m tests.benchmarks.sandboxes` prints their URLs.

It ends with its input. Steered over HTTP like every sandbox. `grow` adds vendors and invoices of theirs to the ledger.
"""

from __future__ import annotations

import json
import random
import sys
from decimal import Decimal
from typing import Any

from connectors.bill.sandbox import BillSandbox
from connectors.sage100.sandbox import Sage100Sandbox
from connectors.sandboxing import Running

ACCOUNTS = ("5010-01-00", "5010-02-00", "5020-01-00", "5030-01-10", "6100-01-10")
PLACE = {"addressLine1": "1 Market St", "city": "Columbus", "state": "OH", "zipCode": "43004", "countryCode": "USA"}


class Ledger(Sage100Sandbox):
    grown = 0
    numbered = 0

    def do_grow(self, vendors: int, invoices: int, lines: int = 2) -> dict[str, int]:
        """New vendors, then new invoices spread over all vendors."""
        rng = random.Random(self.numbered)
        fresh = range(self.grown, self.grown + vendors)
        self.load(vendors=[{"vendor": f"B{n:05d}", "name": f"Bench Supplier {n}", **PLACE} for n in fresh])
        self.grown += vendors
        made: list[dict[str, Any]] = []
        for n in range(self.numbered, self.numbered + invoices):
            parts = [
                {"account": rng.choice(ACCOUNTS), "amount": str(Decimal(rng.randint(100, 99_999)).scaleb(-2))}
                for _ in range(lines)
            ]
            made.append({"vendor": f"B{n % self.grown:05d}", "invoice": f"BEN-{n:07d}", "lines": parts})
        self.load(invoices=made)
        self.numbered += invoices
        return {"vendors": self.grown, "invoices": self.numbered}

    def do_push_out(self, invoices: int) -> None:
        """Other due dates for the first invoices: each means one request to the cloud."""
        for n in range(invoices):
            self.do_change_invoice("01", f"B{n % self.grown:05d}", f"BEN-{n:07d}", due_date="45")


def main() -> None:
    ledger = Ledger(rate_per_second=0)
    bill = BillSandbox(hourly_limit=10**9)
    accounts = {number: bill.do_create_account(f"Account {number}", number)["id"] for number in ACCOUNTS}
    bill.do_create_bank("First Cascade Bank", payables=True)
    with Running(ledger) as sage_on, Running(bill) as bill_on:
        print(json.dumps({"sage": sage_on.url, "bill": bill_on.url, "accounts": accounts}), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
