"""Where a bill's amounts go in a ledger: vendor, accounts by the rules people wrote, and the posting date."""

from __future__ import annotations

import dataclasses
from datetime import date
from zoneinfo import ZoneInfo

from connectors.domain import Bill, BillDraft, BillLine, Vendor
from integrations.engine.codec import decode
from integrations.engine.vocabulary import Hold, Reason
from integrations.models import MappingTable, ReferenceKind

from . import entry_drafts
from .base import Policy
from .bill_vendors import Vendors

NO_CATEGORY = "*"


class Coding:
    """For one run of a flow."""

    def __init__(self, flow: Policy) -> None:
        self.context = flow.context
        self.there = flow.there
        self._open_days: dict[date, date] = {}

    def draft(self, bill: Bill, vendors: Vendors) -> BillDraft | Hold:
        """The invoice as it should stand there, or what keeps it from going."""
        source = vendors.sources.get(bill.vendor_key)
        currency = decode(Vendor, source.payload).currency if source is not None and source.payload else ""
        bill = dataclasses.replace(bill, currency=bill.currency or currency)
        vendor = vendors.target(bill)
        if isinstance(vendor, Hold):
            return vendor
        rules = entry_drafts.Rules(
            account=self._account,
            posting_date=self._posting_date,
            number_limit=self.context.writer.capabilities.limits.get("bill.number", 0),
            target=self.there,
        )
        return entry_drafts.build(bill, vendor_id=vendor, rules=rules)

    def _account(self, line: BillLine) -> str | Hold:
        """The account of the most specific rule for the line's category, checked to be there and active."""
        department, location = (*line.departments, "", "")[:2]
        row = self.context.mapping.rule(MappingTable.CATEGORIES, line.account_key or NO_CATEGORY, department, location)
        what = self._category(line, department, location)
        if row is None or row.problem or not row.target_id:
            problem = row.problem if row else ""
            return Hold(Reason.ACCOUNT_UNMAPPED, f"{what} is not mapped to an account. {problem}".strip())
        account = self.context.references(self.context.writes).all(ReferenceKind.ACCOUNT).get(row.target_id)
        if account is not None and not account.active:
            text = f"{what} is mapped to {account.label}, which takes no postings in {self.there}."
            return Hold(Reason.ACCOUNT_INACTIVE, text)
        return row.target_id

    def _category(self, line: BillLine, department: str, location: str) -> str:
        if not line.account_key:
            return "A line without a category"
        kinds = (ReferenceKind.ACCOUNT, ReferenceKind.DEPARTMENT, ReferenceKind.LOCATION)
        book = self.context.references(self.context.reads)
        keys = [pair for pair in zip(kinds, (line.account_key, department, location), strict=True) if pair[1]]
        rows = [(book.all(kind).get(key), key) for kind, key in keys]
        return f"Category {' · '.join(row.label if row else key for row, key in rows)}"

    def _posting_date(self, invoice_date: date) -> date | None:
        how = self.context.settings["posting_date"]
        if how == "today":
            return self.context.now().astimezone(ZoneInfo(self.context.integration.tenant.time_zone)).date()
        if how == "first_open":
            if invoice_date not in self._open_days:
                self._open_days[invoice_date] = self.context.writer.first_open_day(invoice_date)
            return self._open_days[invoice_date]
        return invoice_date
