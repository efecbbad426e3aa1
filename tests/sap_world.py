"""A tenant over SAP Business One's sandbox and BILL's, ready to sync."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from connectors.bill.sandbox import BillSandbox
from connectors.sandboxing import Running
from connectors.sap_b1.sandbox import EXAMPLE, SapB1Sandbox
from integrations.models import Integration, Mapping, State
from tests.builders import FastClock, Side, Tenancy, bill_side, money, provision_tenant, today

CHARGES = ("freight", "tax", "rounding", "discount", "withholding", "down_payment", "paid")
DEPARTMENTS = ("ADMIN", "SALES", "OPS")


@dataclass
class SapWorld(Tenancy):
    """`accounts`: BILL's account ids by SAP's account Code, and by the names of `CHARGES` that are mapped."""

    sap: SapB1Sandbox
    bill: BillSandbox
    clock: FastClock
    accounts: dict[str, str]
    departments: dict[str, str]
    bank: str
    integration: Integration
    sides: tuple[str, ...] = ("sap", "bill")

    def counted(self, **options: Any) -> tuple[Any, int, int]:
        """A sync and how many writes SAP and BILL saw in it."""
        before = self.writes()
        result = self.sync(**options)
        after = self.writes()
        return result, after[0] - before[0], after[1] - before[1]

    def writes(self) -> tuple[int, int]:
        counts = self.sap.counts
        asked = sum(count for name, count in counts.items() if name.startswith(("POST", "PATCH", "DELETE")))
        return asked, sum(self.bill.writes.values())

    # --- what people do --------------------------------------------------------------------------

    def add_vendor(self, code: str = "V100", name: str = "Acme Building Supply", **facts: Any) -> dict[str, Any]:
        place = {"street": "12 Mill Rd", "city": "Dayton", "state": "OH", "zip_code": "45402"}
        row: dict[str, Any] = self.sap.do_add_vendor(code, name, **{**place, **facts})
        return row

    def add_invoice(self, number: str, amount: str = "100.00", vendor: str = "V100", **facts: Any) -> int:
        """Its DocEntry."""
        given = {"amount": amount} if "lines" not in facts else {}
        row = self.sap.do_add_invoice(vendor, number, **given, **facts)
        return int(row["DocEntry"])

    def pay(self, *numbers: str, **details: Any) -> str:
        """A payment of BILL's over the bills with these numbers, by ACH unless said; its id."""
        rows = self.bills()
        details.setdefault("disbursementType", "ACH")
        paid: str = self.bill.do_pay([{"billId": rows[number]["id"]} for number in numbers], **details)["id"]
        return paid

    def account(self, number: str) -> str:
        """BILL's account id by SAP's number ("6010-01")."""
        return self.accounts[self.sap.ledger.account(number)]

    # --- the sides -------------------------------------------------------------------------------

    def bills(self, *, archived: bool = False) -> dict[str, dict[str, Any]]:
        """BILL's bills by number; numbers are unique in tests that use this."""
        rows = [row for row in self.bill.bills.rows.values() if row["archived"] == archived]
        found = {row["invoice"]["invoiceNumber"]: row for row in rows}
        assert len(found) == len(rows), "BILL holds a number twice"
        return found

    def coded(self, number: str) -> list[tuple[str, str, Decimal]]:
        return self.lines_of(self.bills()[number])

    def lines_of(self, bill: dict[str, Any]) -> list[tuple[str, str, Decimal]]:
        """Each line: SAP's account number ("601001") or the name of the charge, the department's code, the amount."""
        rows = self.sap.ledger.sets()["ChartOfAccounts"].rows
        names = {
            ours: rows[code]["FormatCode"] or code if code in rows else code for code, ours in self.accounts.items()
        }
        codes = {ours: code for code, ours in self.departments.items()}
        return [
            (
                names[line["classifications"]["chartOfAccountId"]],
                codes.get(line["classifications"].get("departmentId"), ""),
                money(line["amount"]),
            )
            for line in bill["billLineItems"]
        ]

    def held(self, number: str) -> tuple[str, str]:
        """Why the invoice is held: reason and message."""
        row = self.latest(number)
        assert row.state == State.HELD, (row.state, row.message)
        return row.reason, row.message

    def quiet(self) -> None:
        """Nothing more is written, whatever is read again."""
        for full in (False, True):
            result, sap_writes, bill_writes = self.counted(full=full)
            assert (sap_writes, bill_writes) == (0, 0), full
            assert result.trouble is None

    def amounts(self, number: str) -> list[tuple[str, Decimal]]:
        """The lines of a bill: account id and amount."""
        lines = self.bills()[number]["billLineItems"]
        return [(line["classifications"]["chartOfAccountId"], money(line["amount"])) for line in lines]

    def vendors(self) -> dict[str, dict[str, Any]]:
        """BILL's vendors by name."""
        return {row["name"]: row for row in self.bill.vendors.rows.values()}

    def invoice(self, entry: int) -> dict[str, Any]:
        row: dict[str, Any] = self.sap.ledger.sets()["PurchaseInvoices"].rows[entry]
        return row

    def payments(self, *, cancelled: bool = False) -> list[dict[str, Any]]:
        rows = self.sap.ledger.sets()["VendorPayments"].rows.values()
        return [row for row in rows if (row["Cancelled"] == "tYES") == cancelled]

    def drafts(self) -> list[dict[str, Any]]:
        return list(self.sap.ledger.sets()["PaymentDrafts"].rows.values())

    def logins(self) -> int:
        return int(self.sap.stats()["logins"])

    def set(self, **settings: Any) -> None:
        """Settings of the integration."""
        self.integration.settings |= settings
        self.integration.save(update_fields=["settings"])


@contextmanager
def sap_world(
    *,
    version: int = 1,
    unmapped: Iterable[str] = (),
    charges: Iterable[str] = (),
    start_date: date | None = None,
    settings: dict[str, Any] | None = None,
    connection_settings: dict[str, Any] | None = None,
    sap_options: dict[str, Any] | None = None,
    **bill_options: Any,
) -> Iterator[SapWorld]:
    """Every postable account is mapped but those `unmapped` (by number), of the charges only those in `charges`."""
    sap = SapB1Sandbox(**(sap_options or {}))
    bill = BillSandbox(**{"webhook_retry_delays": (0.01, 0.02, 0.03), **bill_options})
    with Running(sap) as sap_on, Running(bill) as bill_on:
        ledger = sap.ledger
        left_out = {ledger.account(number) for number in unmapped}
        rows = ledger.sets()["ChartOfAccounts"].rows.values()
        numbers = {row["Code"]: row["FormatCode"] or row["Code"] for row in rows if row["ActiveAccount"] == "tYES"}
        accounts = {code: bill.do_create_account(number, number)["id"] for code, number in numbers.items()}
        departments = {name: bill.do_create_department(f"Department {name}", name)["id"] for name in DEPARTMENTS}
        bank = bill.do_create_bank("First Cascade Bank", payables=True)["id"]
        common = connection_settings or {}
        source = Side(
            "books",
            "sap_b1",
            f"{sap_on.url}/b1s/v{version}",
            {**EXAMPLE.settings, **common},
            dict(EXAMPLE.credentials),
        )
        start = start_date or today() - timedelta(days=365)
        target = bill_side(f"{bill_on.url}/connect", common)
        integration = provision_tenant("sap_b1_bill", source, target, start, **(settings or {}))

        def to(table: str, source_text: str, target_text: str) -> None:
            Mapping.objects.create(integration=integration, table=table, source=source_text, target=target_text)

        for code in numbers.keys() - left_out:
            to("accounts", code, numbers[code])
        for name in charges:
            accounts[name] = bill.do_create_account(name.title(), name)["id"]
            to("amounts", name, name)
        for name in DEPARTMENTS:
            to("departments", name, f"Department {name}")
        to("bank_accounts", "*", ledger.account("1010-01"))
        yield SapWorld(sap, bill, FastClock((sap, bill)), accounts, departments, bank, integration)
