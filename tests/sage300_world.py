"""A tenant over BILL's sandbox and Sage 300's, ready to sync."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from connectors.bill.sandbox import BillSandbox
from connectors.sage300.sandbox import EXAMPLE, Sage300Sandbox
from connectors.sandboxing import Running
from integrations.engine.actions import replay
from integrations.models import Delivery, Integration, Mapping, State
from tests.builders import FastClock, Side, Tenancy, bill_side, provision_tenant, today

ACCOUNTS = ("6200-100", "6200-200", "6260-100", "6300-100", "6950-100")
ADDRESS = {
    "line1": "40 Mill Road",
    "city": "Albany",
    "stateOrProvince": "NY",
    "zipOrPostalCode": "12205",
    "country": "US",
}


@dataclass
class SageWorld(Tenancy):
    """`accounts`: BILL's account ids by the number of Sage's account that they are mapped to."""

    bill: BillSandbox
    sage: Sage300Sandbox
    bill_url: str
    clock: FastClock
    accounts: dict[str, str]
    integration: Integration
    sides: tuple[str, ...] = ("bill", "sage")

    # --- what people do --------------------------------------------------------------------------

    def add_vendor(self, name: str = "Northwind Paper Supply", **facts: Any) -> str:
        made: str = self.bill.do_create_vendor(**{"name": name, "address": ADDRESS, **facts})["id"]
        return made

    def add_bill(
        self,
        number: str,
        *lines: tuple[str, Any],
        vendor: str = "",
        status: str | None = "APPROVED",
        dated: date | None = None,
        **facts: Any,
    ) -> str:
        """Lines are (Sage's account number, amount); one of 100.00 by default. The vendor is made if need be."""
        vendor = vendor or next(iter(self.bill.vendors.rows), "") or self.add_vendor()
        coded = [self.line(account, amount) for account, amount in lines or [("6200-100", 100)]]
        day = (dated or today()).isoformat()
        body = {"vendorId": vendor, "dueDate": day, "invoice": {"invoiceNumber": number, "invoiceDate": day}}
        made: str = self.bill.do_create_bill(status, **{**body, "billLineItems": coded, **facts})["id"]
        return made

    def line(self, account: str, amount: Any, **coding: str) -> dict[str, Any]:
        """A line of a bill; without an account it has no category."""
        codes = {**({"chartOfAccountId": self.accounts[account]} if account else {}), **coding}
        return {"amount": Decimal(str(amount)), "description": f"Goods {account}", "classifications": codes}

    def edit_bill(self, bill_id: str, *lines: tuple[str, Any], **changes: Any) -> None:
        row = self.bill.bills.rows[bill_id]
        body = {name: row[name] for name in ("vendorId", "dueDate", "invoice")}
        coded = [self.line(account, amount) for account, amount in lines]
        kept = [{k: v for k, v in line.items() if k != "id"} for line in row["billLineItems"]]
        self.bill.do_edit_bill(bill_id, {**body, "billLineItems": coded or kept, **changes}, replace=True)

    def set(self, **settings: Any) -> None:
        """Settings of the integration."""
        self.integration.settings |= settings
        self.integration.save(update_fields=["settings"])

    def replay(self, number: str) -> None:
        rows = Delivery.objects.filter(document=number, flow__integration=self.integration)
        assert replay(rows, actor="fiona", clock=self.clock, doorbell=False)

    # --- the sides -------------------------------------------------------------------------------

    def batches(self) -> list[dict[str, Any]]:
        """Sage's batches that were not deleted, the oldest first."""
        return [row for row in self.sage.state()["batches"] if row["BatchStatus"] != "Deleted"]

    def entries(self) -> dict[str, dict[str, Any]]:
        """Entries of unposted batches by number, each with its batch's status."""
        found: dict[str, dict[str, Any]] = {}
        for batch in self.batches():
            for entry in batch["Invoices"] if batch["BatchStatus"] != "Posted" else ():
                assert entry["DocumentNumber"] not in found, "an invoice was entered twice"
                found[entry["DocumentNumber"]] = {**entry, "status": batch["BatchStatus"]}
        return found

    def posted(self) -> dict[str, dict[str, Any]]:
        return {row["DocumentNumber"]: row for row in self.sage.state()["posted"]}

    def vendors(self) -> dict[str, dict[str, Any]]:
        """Sage's vendors by number."""
        return {row["VendorNumber"]: row for row in self.sage.state()["vendors"]}

    def held(self, number: str, flow: str = "bills") -> tuple[str, str]:
        """Why the record is held: reason and message."""
        row = self.latest(number, flow)
        assert row.state == State.HELD, (row.state, row.message)
        return row.reason, row.message

    def quiet(self) -> None:
        """Nothing more is written, whatever is read again."""
        for full in (False, True):
            before = self.sage.state()
            assert self.sync(full=full).trouble is None
            assert self.sage.state() == before, full


@contextmanager
def sage300_world(
    *,
    start_date: date | None = None,
    settings: dict[str, Any] | None = None,
    sage_options: dict[str, Any] | None = None,
    **bill_options: Any,
) -> Iterator[SageWorld]:
    """BILL has an account for each of `ACCOUNTS`, mapped to it; 6950-100 takes no postings in Sage."""
    bill = BillSandbox(**{"webhook_retry_delays": (0.01, 0.02, 0.03), **bill_options})
    sage = Sage300Sandbox(**(sage_options or {}))
    with Running(bill) as bill_on, Running(sage) as sage_on:
        accounts = {number: bill.do_create_account(f"Account {number}", number)["id"] for number in ACCOUNTS}
        source = bill_side(f"{bill_on.url}/connect", {})
        example = {"settings": dict(EXAMPLE.settings), "credentials": dict(EXAMPLE.credentials)}
        target = Side("erp", "sage300", f"{sage_on.url}{EXAMPLE.path}", **example)
        start = start_date or today() - timedelta(days=365)
        integration = provision_tenant("bill_sage300", source, target, start, **(settings or {}))
        for number, account_id in accounts.items():
            Mapping.objects.create(integration=integration, table="categories", source=account_id, target=number)
        yield SageWorld(bill, sage, bill_on.url, FastClock((bill, sage)), accounts, integration)
