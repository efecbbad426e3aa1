"""Bills: every invoice that may be paid has exactly one live bill, over what is still owed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from typing import TypeVar

from connectors.domain import BillDraft, OpenBill, TargetBill, Vendor
from integrations.engine.codec import decode
from integrations.engine.context import FlowContext
from integrations.flows.bill_changes import STOPS
from integrations.flows.documents import in_form
from integrations.models import Link, ReferenceKind

from .payments import Paid
from .reasons import latest, why
from .result import ZERO, Kind, Result, money

AT_ONCE = 100  # vendors or bills asked for in one look-up
T = TypeVar("T")


@dataclass(slots=True)
class Invoice:
    """An open item that concerns us. `in_transit`: what we entered as paid and the ledger has not posted yet."""

    key: str
    number: str
    vendor_key: str
    balance: Decimal
    payable: bool
    stop: str  # in a word, why it must not be paid now
    in_transit: Decimal
    currency: str = ""
    target_id: str = ""
    found: bool = False

    @property
    def owed(self) -> Decimal:
        """What the cloud should still want to pay."""
        return self.balance - self.in_transit if self.payable else ZERO


def compare_bills(context: FlowContext, result: Result, paid: Paid) -> None:
    """Holds the ledger's open items in memory; the cloud's bills pass by, a hundred vendors at a time."""
    BillComparison(context, result, paid).run()


class BillComparison:
    def __init__(self, context: FlowContext, result: Result, paid: Paid) -> None:
        self.context = context
        self.result = result
        self.paid = paid
        self.here, self.there = context.label("source"), context.label("target")
        self.open: dict[str, Invoice] = {}
        self.by_number: dict[tuple[str, str], Invoice] = {}
        self.live: set[str] = set()  # source keys of our live bills
        self.currencies: dict[str, str] = {}  # by the cloud's vendor id
        self.unreadable: set[str] = set()  # open items reported as such: nothing else is known of them

    def run(self) -> None:
        self._read_open()
        rows = Link.objects.filter(flow__integration=self.context.integration, flow__name="vendors")
        vendors = dict(rows.values_list("target_id", "source_key").iterator())
        for chunk in _chunks(sorted(vendors), AT_ONCE):
            self._learn_currencies(chunk)
            bills = self.find(chunk)
            self._compare_vendors(bills, vendors)
            self.result.read("bills", len(self.live))
        self._not_live()
        self._never_sent()

    def find(self, vendor_ids: Sequence[str]) -> list[TargetBill]:
        """Their live bills."""
        return list(self.context.side("target").find_bills(vendor_ids))

    def get(self, bill_ids: Sequence[str]) -> dict[str, TargetBill]:
        found: dict[str, TargetBill] = self.context.side("target").get_bills(bill_ids)
        return found

    # --- the ledger ------------------------------------------------------------------------------

    def _read_open(self) -> None:
        start = self.context.integration.start_date
        for page in self.context.side("source").read_open_bills():
            self.result.unreadable(page.bad, self.here)
            self.unreadable.update(each.key for each in page.bad)
            items: Sequence[OpenBill] = in_form(self.context, page.records)
            links = self.context.links("bills").get(item.key for item in items)
            for item in items:
                in_scope = item.dated is not None and item.dated >= start and item.balance > 0
                if item.key in links or in_scope:
                    self._remember(item, links.get(item.key))
        for invoice in self.open.values():
            self.by_number[invoice.vendor_key, invoice.number] = invoice
            totals = self.result.total(invoice.currency)
            totals.source += invoice.owed
            totals.in_transit += invoice.in_transit if invoice.payable else ZERO

    def _remember(self, item: OpenBill, link: Link | None) -> None:
        self.open[item.key] = Invoice(
            key=item.key,
            number=item.number or item.ledger_number,
            vendor_key=item.vendor_key,
            balance=item.balance,
            payable=item.payable,
            stop=next((stop.word for reason, stop in STOPS.items() if reason in item.blocked), ""),
            in_transit=self.paid.in_transit.get((item.vendor_key, item.number), ZERO),
            currency=item.currency,
            target_id=link.target_id if link else "",
        )

    def _learn_currencies(self, vendor_ids: Iterable[str]) -> None:
        """The cloud keeps the currency at the vendor."""
        unknown = [each for each in vendor_ids if each not in self.currencies]
        rows = self.context.references("target").get(ReferenceKind.VENDOR, unknown)
        for vendor_id in unknown:
            row = rows.get(vendor_id)
            self.currencies[vendor_id] = decode(Vendor, row.payload).currency if row and row.payload else ""

    # --- the cloud's live bills ------------------------------------------------------------------

    def _compare_vendors(self, bills: Sequence[TargetBill], vendors: dict[str, str]) -> None:
        """All live bills of some vendors: ours first, then those that only share a number with an invoice."""
        links = self.context.links("bills").by_target(bill.id for bill in bills)
        first: dict[tuple[str, str], TargetBill] = {}
        for bill in sorted(bills, key=lambda bill: bill.id not in links):
            link = links.get(bill.id)
            number = (bill.vendor_id, bill.number)
            invoice = self.by_number.get((vendors[bill.vendor_id], bill.number))
            if link is not None:
                self._ours(bill, link)
            if bill.unreadable:
                if link is None:
                    self._unreadable(bill, bill.id, bill.number, invoice)
                continue
            if link is not None:
                if number in first:
                    self._duplicate(bill, link.source_key, first[number], ours=True)
            elif number in first:
                self._duplicate(bill, invoice.key if invoice else "", first[number], ours=False)
            elif invoice is not None and not invoice.found:
                self._unlinked(bill, invoice)
            else:
                self._alone(bill)
                continue
            first.setdefault(number, bill)

    def _ours(self, bill: TargetBill, link: Link) -> None:
        """One live bill of ours against its invoice."""
        self.live.add(link.source_key)
        self.result.compared["bills"] += 1
        invoice = self.open.get(link.source_key)
        if bill.unreadable:
            self._unreadable(bill, link.source_key, link.document, invoice)
            return
        if invoice is not None:
            invoice.found = True
        elif link.source_key in self.unreadable:
            return
        unpaid = bill.total - bill.paid
        self.result.total(self._currency(bill)).target += unpaid
        self._amounts(bill, link, invoice, unpaid)
        if invoice is not None and bill.number != invoice.number:
            sent = decode(BillDraft, link.draft).number
            if self.renumbered(bill.number, sent):
                message = f"The bill of invoice {invoice.number} was renumbered in {self.there}."
                self.result.add(Kind.NUMBER, invoice.number, invoice.key, sent, bill.number, message)

    def renumbered(self, number: str, sent: str) -> bool:
        return number != sent

    def _amounts(self, bill: TargetBill, link: Link, invoice: Invoice | None, unpaid: Decimal) -> None:
        notes = " ".join(self.paid.notes.get((link.group, link.document), ()))
        under_way = f" {money(bill.scheduled)} of it is scheduled for payment." if bill.scheduled else ""
        if invoice is None or invoice.balance <= 0:
            if unpaid > 0:
                message = (
                    f"Nothing is owed on the invoice in {self.here}, but {self.there} may still pay it.{under_way}"
                )
                self._difference(Kind.MISSING_IN_SOURCE, link, ZERO, unpaid, self._currency(bill), message, notes)
        elif invoice.stop and unpaid > 0:
            message = f"The invoice is {invoice.stop} in {self.here}, but {self.there} may still pay it.{under_way}"
            self._difference(Kind.ON_HOLD, link, ZERO, unpaid, self._currency(bill), message, notes)
        elif not invoice.stop and unpaid != invoice.owed:
            posting = f" less {money(invoice.in_transit)} awaiting posting" if invoice.in_transit else ""
            message = (
                f"{self.here} owes {money(invoice.balance)}{posting}; {self.there} has {money(bill.total)}, "
                f"paid {money(bill.paid)}."
            )
            self._difference(Kind.AMOUNT, link, invoice.owed, unpaid, self._currency(bill), message, notes)

    def _difference(
        self, kind: Kind, link: Link, source: Decimal, target: Decimal, currency: str, message: str, notes: str
    ) -> None:
        self.result.add(kind, link.document, link.source_key, source, target, f"{message} {notes}".strip(), currency)

    def _currency(self, bill: TargetBill) -> str:
        return self.currencies.get(bill.vendor_id, "")

    def _unreadable(self, bill: TargetBill, key: str, document: str, invoice: Invoice | None) -> None:
        """A live bill of which nothing but its ids is known: its invoice is taken out of the totals."""
        if invoice is not None and not invoice.found:
            invoice.found = True
            totals = self.result.total(invoice.currency)
            totals.source -= invoice.owed
            totals.in_transit -= invoice.in_transit if invoice.payable else ZERO
        message = f"{self.there}: bill {bill.id} cannot be compared: {bill.unreadable}"
        self.result.add(Kind.UNREADABLE, document or bill.id, key, "", "", message)

    def _alone(self, bill: TargetBill) -> None:
        """A live bill that no invoice in scope explains; what is dated before the start is the cloud's own affair."""
        unpaid = bill.total - bill.paid
        start = self.context.integration.start_date
        if unpaid <= 0 or bill.invoice_date is None or bill.invoice_date < start:
            self.result.compared["unmatched_target_bills"] += 1
            return
        self.result.compared["bills"] += 1
        self.result.total(self._currency(bill)).target += unpaid
        message = f"The bill exists only in {self.there}, which may still pay {money(unpaid)} of {money(bill.total)}."
        self.result.add(Kind.MISSING_IN_SOURCE, bill.number, bill.id, ZERO, unpaid, message, self._currency(bill))

    def _unlinked(self, bill: TargetBill, invoice: Invoice) -> None:
        """A bill that somebody else entered under the number of an invoice in scope."""
        invoice.found = True
        unpaid = bill.total - bill.paid
        self.result.compared["bills"] += 1
        self.result.total(self._currency(bill)).target += unpaid
        problem = why(latest(self.context.integration, "bills", [invoice.key]).get(invoice.key))
        message = f"{self.there} has bill {bill.id} of this number, which was not sent from {self.here}. {problem}"
        self.result.add(Kind.UNLINKED, invoice.number, invoice.key, invoice.owed, unpaid, message, self._currency(bill))

    def _duplicate(self, bill: TargetBill, key: str, other: TargetBill, *, ours: bool) -> None:
        unpaid = bill.total - bill.paid
        message = (
            f"{self.there} has two live bills {bill.number} at one vendor: {other.id} over {money(other.total)} and "
            f"{bill.id} over {money(bill.total)}."
        )
        if ours:  # its amount has been compared with its own invoice
            self.result.add(Kind.DUPLICATE, bill.number, key, "", money(unpaid), message)
        else:
            self.result.total(self._currency(bill)).target += unpaid
            self.result.add(Kind.DUPLICATE, bill.number, key or bill.id, ZERO, unpaid, message, self._currency(bill))

    # --- what was not among the live bills -------------------------------------------------------

    def _not_live(self) -> None:
        """Bills of ours that no linked vendor has live: archived, gone, or at another vendor now."""
        for chunk in _chunks(self._missing_links(), AT_ONCE):
            targets = self.get([link.target_id for link in chunk])
            self._learn_currencies({bill.vendor_id for bill in targets.values()})
            for link in chunk:
                bill = targets.get(link.target_id)
                if bill is not None and not bill.archived:
                    self._ours(bill, link)
                elif link.source_key in self.open:
                    self._dead(link, self.open[link.source_key], bill)

    def _missing_links(self) -> Iterator[Link]:
        """Of invoices that are still open, and of those that we did not settle ourselves."""
        asked = {invoice.key for invoice in self.open.values() if invoice.target_id and not invoice.found}
        yield from self.context.links("bills").get(asked).values()
        rows = Link.objects.filter(flow__integration=self.context.integration, flow__name="bills", closed=False)
        for link in rows.exclude(state=Link.State.ARCHIVED).iterator():
            if link.source_key not in self.live and link.source_key not in asked:
                yield link

    def _dead(self, link: Link, invoice: Invoice, bill: TargetBill | None) -> None:
        invoice.found = True
        if not invoice.owed:
            return
        self.result.compared["bills"] += 1
        notes = " ".join(self.paid.notes.get((link.group, link.document), ()))
        if bill is None:
            message = f"{self.there} no longer has the bill {link.target_id} of this invoice."
            self._difference(Kind.MISSING_IN_TARGET, link, invoice.owed, ZERO, invoice.currency, message, notes)
        else:
            who = "by us" if link.state == Link.State.ARCHIVED else "by a person"
            message = f"{self.here} owes {money(invoice.owed)}, but the bill was archived in {self.there} {who}."
            self._difference(Kind.ARCHIVED, link, invoice.owed, ZERO, invoice.currency, message, notes)

    def _never_sent(self) -> None:
        missing = [invoice for invoice in self.open.values() if invoice.owed and not invoice.found]
        deliveries = latest(self.context.integration, "bills", [invoice.key for invoice in missing])
        for invoice in missing:
            self.result.compared["bills"] += 1
            message = f"The invoice is payable, but {self.there} has no bill. {why(deliveries.get(invoice.key))}"
            self.result.add(
                Kind.MISSING_IN_TARGET, invoice.number, invoice.key, invoice.owed, ZERO, message, invoice.currency
            )


def _chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    left = iter(items)
    while chunk := list(islice(left, size)):
        yield chunk
