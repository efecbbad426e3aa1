"""The cloud vendors that invoices belong to, or why there is none to use."""

from __future__ import annotations

from collections.abc import Iterable

from connectors.domain import Bill, Vendor, VendorDraft, VendorStatus
from integrations.engine.books import Row
from integrations.engine.codec import decode
from integrations.engine.vocabulary import Hold, Reason
from integrations.models import Delivery, Link, ReferenceKind
from integrations.models.delivery import UNSENT

from .base import Policy


class Vendors:
    """Looked up once for a chunk of invoices."""

    def __init__(self, flow: Policy, keys: Iterable[str]) -> None:
        context = flow.context
        self.here, self.there = flow.here, flow.there
        wanted = set(keys)
        self.links = context.links("vendors").get(wanted)
        ids = [link.target_id for link in self.links.values()]
        self.targets = context.references(context.writes).get(ReferenceKind.VENDOR, ids)
        self.sources = context.references(context.reads).get(ReferenceKind.VENDOR, wanted)
        held = Delivery.objects.filter(flow__integration=context.integration, flow__name="vendors")
        self.problems = dict(
            held.filter(key__in=wanted - self.links.keys(), state__in=UNSENT).values_list("key", "message")
        )

    def target(self, bill: Bill) -> str | Hold:
        """The vendor's id there, or why it cannot be used."""
        link = self.links.get(bill.vendor_key)
        who = f"{bill.vendor_key} {bill.vendor_name}".strip()
        source = self.sources.get(bill.vendor_key)
        if source is not None and not source.active and _frozen(source):
            return Hold(Reason.VENDOR_INACTIVE, f"Vendor {who} is frozen in {self.here}: nothing can be booked for it.")
        if link is None:
            if source is not None and not source.active:
                return Hold(Reason.VENDOR_INACTIVE, f"Vendor {who} is inactive in {self.here}.")
            why = self.problems.get(bill.vendor_key) or "It is delivered first."
            return Hold(Reason.VENDOR_MISSING, f"Vendor {who} is not in {self.there} yet. {why}")
        row = self.targets.get(link.target_id)
        if row is not None and not row.active:
            return Hold(Reason.VENDOR_INACTIVE, f"{row.label} ({who}) is archived in {self.there}; restore it there.")
        return self._currency(bill, row, link)

    def _currency(self, bill: Bill, row: Row | None, link: Link) -> str | Hold:
        """One that was created just now has not been read yet: it has the currency that it was given."""
        currency = decode(Vendor, row.payload).currency if row is not None and row.payload else ""
        if not currency and link.draft:
            currency = decode(VendorDraft, link.draft).currency
        if currency and bill.currency and currency != bill.currency:
            return Hold(
                Reason.CURRENCY_UNSUPPORTED,
                f"Invoice {bill.number} is in {bill.currency}, but the vendor is kept in {currency} in {self.there}.",
            )
        return link.target_id


def _frozen(row: Row) -> bool:
    return bool(row.payload) and decode(Vendor, row.payload).status is VendorStatus.FROZEN
