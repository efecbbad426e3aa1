"""Which of the ledger's invoices a cloud's payment settles, by what its remittance says: all of them, or none.

In this order, and never by a number or an amount alone: by our own reference; by the cloud's id of a bill that we sent;
by the vendor and the number of a bill that we sent; by the vendor and the number of an open item of the ledger,
exactly, else by the one that differs in case only.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from connectors.domain import Application, OpenBill, Payment
from integrations.engine.context import FlowContext
from integrations.engine.vocabulary import Hold, Reason
from integrations.models import Link, ReferenceKind

from .bill_changes import LOOK_AGAIN
from .payments import Match, Matched

SHOWN = 20  # open invoices offered as candidates


class Remittances:
    """For one chunk of payments; asks the ledger once a vendor."""

    def __init__(self, context: FlowContext, payments: Sequence[Payment]) -> None:
        self.context = context
        self.books = context.writer.capabilities.books
        self.bills = context.links("bills").by_target(
            each.bill for payment in payments for each in payment.applications if each.bill
        )
        self.vendors = context.links("vendors").by_target(payment.vendor_id.strip() for payment in payments)
        self._open: dict[str, list[OpenBill]] = {}
        self._owners: dict[str, str] = {}

    def concerns(self, payment: Payment) -> bool:
        """Payments of other companies' books pass by, told apart by the references that their invoices carry."""
        references = [each.reference for each in payment.applications if each.reference]
        return not references or any(not self._foreign(each) for each in references)

    def _foreign(self, reference: str) -> bool:
        system = self.books.partition("|")[0]
        return reference.startswith(f"{system}|") and not reference.startswith(f"{self.books}|")

    def vendor_key(self, payment: Payment) -> str:
        """The ledger's vendor that the payee's code means, "" for none (docs: avidxchange 9.5)."""
        code = payment.vendor_id.strip()
        if code not in self._owners:
            self._owners[code] = self._owner(code) if code else ""
        return self._owners[code]

    def _owner(self, code: str) -> str:
        """Exactly, else the one that differs in case only."""
        link = self.vendors.get(code) or self._alike(code)
        if link is not None:
            return link.source_key
        vendors = self.context.references(self.context.writes)
        if code in vendors.get(ReferenceKind.VENDOR, [code]):
            return code
        alike = [key for key in vendors.all(ReferenceKind.VENDOR) if _folded(key) == _folded(code)]
        return alike[0] if len(alike) == 1 else ""

    def _alike(self, code: str) -> Link | None:
        links = Link.objects.filter(flow=self.context.sibling("vendors"), target_id__iexact=code)[:2]
        return links[0] if len(links) == 1 else None

    def match(self, payment: Payment) -> Match:
        vendor = self.vendor_key(payment)
        found: dict[str, tuple[str, Application]] = {}  # vendor and part by invoice key
        unknown: list[Application] = []
        for each in payment.applications:
            invoice = self._invoice(vendor, each)
            if invoice is None:
                unknown.append(each)
            else:
                _add(found, invoice, each)
        if unknown or not found:
            return self._not_found(payment, vendor, unknown)
        if len({owner for owner, _ in found.values()}) > 1:
            return Hold(Reason.INVOICE_NOT_FOUND, "The payment's invoices are of several vendors.")
        total = sum((each.amount for each in payment.applications), Decimal(0))
        if total != payment.amount:
            return Hold(
                Reason.AMOUNT_MISMATCH,
                f"The remittance adds up to {total}, but {payment.amount} was paid (payment {payment.key}).",
            )
        (owner, _), *_ = found.values()
        return Matched(owner, tuple(part for _, part in found.values()))

    def _invoice(self, vendor: str, each: Application) -> tuple[str, str, str] | None:
        """Vendor key, invoice key and number in the ledger."""
        ours = each.reference.removeprefix(f"{self.books}|")
        if self.books and ours != each.reference:
            owner, _, number = ours.partition("|")
            return owner, ours, number
        link = self.bills.get(each.bill) or self._sent(vendor, each.number)
        if link is not None:
            return link.group, link.source_key, link.document
        items = self._items(vendor) if vendor and each.number else []
        same = [item for item in items if item.number == each.number]
        same = same or [item for item in items if _folded(item.number) == _folded(each.number)]
        return (vendor, same[0].key, same[0].number) if len(same) == 1 else None

    def _sent(self, vendor: str, number: str) -> Link | None:
        if not (vendor and number):
            return None
        flow = self.context.sibling("bills")
        return Link.objects.filter(flow=flow, group=vendor, document=number).first()

    def _items(self, vendor: str) -> list[OpenBill]:
        if vendor not in self._open:
            self._open[vendor] = self.context.writer.find_open_bills(vendor)
        return self._open[vendor]

    def _not_found(self, payment: Payment, vendor: str, unknown: Sequence[Application]) -> Hold:
        here, there = self.context.label(self.context.writes), self.context.label(self.context.reads)
        if not payment.applications:
            text = f"{there} names no invoice that payment {payment.key} settles."
            return Hold(Reason.INVOICE_NOT_FOUND, text, retry_after=LOOK_AGAIN)
        numbers = ", ".join(each.number or each.reference or each.bill for each in unknown)
        unmatched = f"vendor {payment.vendor_id or 'without a code'}, whom none of its own is linked to"
        whose = f"vendor {vendor}" if vendor else unmatched
        items = [item for item in self._items(vendor) if item.balance] if vendor else []
        wanted = {_folded(each.number) for each in unknown}
        items.sort(key=lambda item: (_folded(item.number) not in wanted, item.number))
        return Hold(
            Reason.INVOICE_NOT_FOUND,
            f"{here} has no open invoice {numbers}, or several, of {whose}: nothing of payment {payment.key} over "
            f"{payment.amount} is entered.",
            candidates=[{"id": each.key, "name": each.number, "place": str(each.balance)} for each in items[:SHOWN]],
            retry_after=LOOK_AGAIN,
        )


def _add(found: dict[str, tuple[str, Application]], invoice: tuple[str, str, str], each: Application) -> None:
    owner, key, number = invoice
    amount, discount = each.amount, each.discount
    if key in found:
        amount, discount = amount + found[key][1].amount, discount + found[key][1].discount
    found[key] = owner, Application(number, amount, discount, key)


def _folded(number: str) -> str:
    return number.strip().casefold()
