"""Invoices: every approved bill of the cloud stands in the ledger exactly once, over the same total."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from connectors.domain import Bill, EntryState, LedgerBill, Vendor
from integrations.engine.codec import decode
from integrations.engine.context import FlowContext
from integrations.flows.entry_drafts import Entry, ledger_number
from integrations.flows.ledger_bills import LedgerBillsFlow
from integrations.models import Link, ReferenceKind

from .reasons import latest, why, why_different
from .result import ZERO, Kind, Result, money

AT_ONCE = 500  # documents asked for in one look-up
GONE = (Link.State.VOIDED, Link.State.MISSING)

Document = tuple[str, str]  # vendor and number in the ledger


@dataclass(frozen=True, slots=True)
class Expected:
    """A bill that should stand in the ledger, or should not any more."""

    bill: Bill
    link: Link | None
    document: Document | None
    wanted: bool
    currency: str


def compare_entries(context: FlowContext, result: Result) -> None:
    """Holds the cloud's approved bills in memory; the ledger's documents are asked for by number."""
    result.words = ("Approved in", "entered in")
    _Comparison(context, result).run()


class _Comparison:
    def __init__(self, context: FlowContext, result: Result) -> None:
        self.context = context
        self.result = result
        self.policy = LedgerBillsFlow(context)
        self.here, self.there = context.label("source"), context.label("target")

    def run(self) -> None:
        expected: list[Expected] = []
        for page in self.context.side("source").read_bills(None, self.context.integration.start_date):
            self.result.unreadable(page.bad, self.here)
            expected += self._expected(page.records)
            self.result.read("bills", len(expected))
        self.result.compared["bills"] = sum(each.wanted for each in expected)
        for start in range(0, len(expected), AT_ONCE):
            self._compare(expected[start : start + AT_ONCE])

    def _expected(self, bills: Sequence[Bill]) -> Iterable[Expected]:
        """What is approved, and what was entered before and is not approved any more."""
        links = self.context.links("bills").get(bill.key for bill in bills)
        keys = {bill.vendor_key for bill in bills}
        vendors = self.context.links("vendors").get(keys)
        sources = self.context.references("source").get(ReferenceKind.VENDOR, keys)
        for bill in bills:
            link, vendor = links.get(bill.key), vendors.get(bill.vendor_key)
            wanted = self.policy.approved(bill)
            document = (vendor.target_id, ledger_number(bill.number)) if vendor else None
            if link is not None:
                sent = decode(Entry, link.draft).bill
                document = (sent.vendor_id, sent.number)
            source = sources.get(bill.vendor_key)
            currency = decode(Vendor, source.payload).currency if source is not None and source.payload else ""
            if wanted or (link is not None and link.state not in GONE):
                yield Expected(bill, link, document, wanted, currency)

    def _compare(self, expected: Sequence[Expected]) -> None:
        documents = sorted({each.document for each in expected if each.document})
        standing = self.context.side("target").find_ledger_bills(documents) if documents else {}
        ours = self.context.links("bills").by_target(row.id for rows in standing.values() for row in rows)
        deliveries = latest(self.context.integration, "bills", [each.bill.key for each in expected])
        for each in expected:
            rows = standing.get(each.document, []) if each.document else []
            rows = [row for row in rows if row.id not in ours or ours[row.id].source_key == each.bill.key]
            if not each.wanted:
                self._unwanted(each, rows)
            elif not rows:
                self._missing(each, why(deliveries.get(each.bill.key)))
            else:
                self._standing(each, rows, why_different(deliveries.get(each.bill.key)))

    def _unwanted(self, each: Expected, rows: Sequence[LedgerBill]) -> None:
        if rows:
            self.result.compared["bills"] += 1
            word = f"({each.bill.approval or 'archived'})"
            message = f"The bill is no longer approved in {self.here} {word}, but its invoice stands in {self.there}."
            self._add(Kind.MISSING_IN_SOURCE, each, ZERO, rows[0].total, message)

    def _missing(self, each: Expected, reason: str) -> None:
        """What is paid may leave the ledger's history; a posted invoice cannot be deleted in any other way."""
        if each.link is not None and each.link.state == Link.State.POSTED:
            self._count(each, each.bill.total)
            return
        message = f"The bill is approved, but {self.there} has no invoice. {reason}"
        self._add(Kind.MISSING_IN_TARGET, each, each.bill.total, ZERO, message)

    def _standing(self, each: Expected, rows: Sequence[LedgerBill], reason: str) -> None:
        row = next((row for row in rows if each.link and row.id == each.link.target_id), rows[0])
        total = each.bill.total
        if each.link is None:
            message = f"{self.there} has invoice {row.number}, which is not linked to this bill. {reason}"
            self._add(Kind.UNLINKED, each, total, row.total, message)
        elif row.state is EntryState.REFUSED:
            message = f"{self.there} refused to post the invoice. {reason}"
            self._add(Kind.REFUSED, each, total, ZERO, message)
        elif row.total != total:
            message = f"The bill is over {money(total)}, its invoice in {self.there} over {money(row.total)}. {reason}"
            self._add(Kind.AMOUNT, each, total, row.total, message)
        else:
            self._count(each, row.total)
        if len(rows) > 1:
            message = f"{self.there} has {len(rows)} invoices {row.number} of this vendor."
            self.result.add(Kind.DUPLICATE, each.bill.number, each.bill.key, "", money(rows[-1].total), message)

    def _add(self, kind: Kind, each: Expected, source: Decimal, target: Decimal, message: str) -> None:
        totals = self.result.total(each.currency)
        totals.source += source
        totals.target += target
        self.result.add(kind, each.bill.number, each.bill.key, source, target, message.strip(), each.currency)

    def _count(self, each: Expected, target: Decimal) -> None:
        totals = self.result.total(each.currency)
        totals.source += each.bill.total
        totals.target += target
