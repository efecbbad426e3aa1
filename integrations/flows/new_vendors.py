"""Vendors that exist only in the cloud are created in the ledger, where the setting asks for it.

Off by default: a vendor in the ledger is a promise to pay. The number follows a rule and is written down before it
is sent; the ledger recognises a repetition by it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from connectors.domain import NewVendorDraft, Vendor, VendorStatus
from integrations.engine.books import match_name
from integrations.engine.codec import decode, encode
from integrations.engine.vocabulary import Decision, Found, Hold, Item, Reason, Send, Settle, Staged, Stream
from integrations.models import Delivery, Link, Reference, ReferenceKind

from .base import Policy
from .vendor_matching import draft_of, label
from .vendor_numbers import Numbers

SETTING = "create_vendors_in_erp"


class NewVendorsFlow(Policy):
    record_type: ClassVar[str] = "new_vendor"
    record: ClassVar[type] = Vendor

    def streams(self) -> Iterable[Stream]:
        if self.context.settings[SETTING]:
            yield Stream("cloud vendors", self.context.reader.read_vendors, self._absorb)

    def _absorb(self, vendors: Sequence[Vendor]) -> Iterable[Staged]:
        """Only those without a namesake in the ledger; namesakes are adopted when a bill needs them."""
        linked = self.context.links("vendors").by_target(vendor.key for vendor in vendors)
        book = self.context.references(self.context.writes)
        known = book.by_name(ReferenceKind.VENDOR, [match_name(vendor.name) for vendor in vendors])
        for vendor in vendors:
            alone = vendor.key not in linked and match_name(vendor.name) not in known
            if alone and vendor.status is VendorStatus.ACTIVE:
                yield Staged(key=vendor.key, document=vendor.name, record=vendor)

    def plan(self, items: Sequence[Item]) -> Iterable[tuple[Item, Decision]]:
        settings = self.context.settings
        division, terms = settings["erp_vendor_division"], settings["erp_vendor_terms"]
        numbers = Numbers(settings["erp_vendor_number_rule"], self._taken())
        for item in items:
            if item.link is not None:
                yield item, Settle("Created before; changes are made in the ledger.")
            elif not (division and terms):
                yield (
                    item,
                    Hold(
                        Reason.VENDOR_INCOMPLETE,
                        "Creating vendors needs the settings erp_vendor_division and erp_vendor_terms.",
                    ),
                )
            elif item.delivery.sent_at and item.delivery.draft:  # the same number again: it may be there already
                yield item, Send("create", decode(NewVendorDraft, item.delivery.draft))
            else:
                draft = draft_of(item.record, reference="")
                yield item, Send("create", NewVendorDraft(draft, division, numbers.next(), terms))

    def _taken(self) -> set[str]:
        """Numbers in the ledger as last read, those we created since, and those that may be on their way."""
        known = Reference.objects.filter(
            connection=self.context.connection(self.context.writes), kind=ReferenceKind.VENDOR
        )
        keys = [*known.values_list("key", flat=True), *self._created()]
        sent = Delivery.objects.filter(flow=self.context.flow, sent_at__isnull=False).exclude(draft="")
        numbers = {decode(NewVendorDraft, draft).number for draft in sent.values_list("draft", flat=True)}
        return numbers | {key.partition("-")[2] for key in keys}

    def _created(self) -> Iterable[str]:
        return Link.objects.filter(flow=self.context.flow).values_list("target_id", flat=True)

    def send(self, action: str, batch: Sequence[tuple[Item, Send]]) -> list[Any]:
        return [self.context.writer.create_vendor(send.draft) for _, send in batch]

    def refused(self, item: Item, send: Send, error: Any) -> Hold | Found | None:
        """Somebody took the number meanwhile: the next one, once the ledger's vendors were read again."""
        if error.reason == Reason.DUPLICATE_DOCUMENT:
            return Hold(Reason.DUPLICATE_DOCUMENT, f"{error.message} The next number is tried.", retry_after=60)
        return None

    def look_up(self, items: Sequence[Item]) -> dict[str, Found]:
        return {item.key: Found("", "The same number may be sent again: the ledger recognises it.") for item in items}

    def draft_type(self, action: str) -> type:
        return NewVendorDraft

    def settled(self, done: Sequence[tuple[Item, Decision, Any]]) -> None:
        """The new vendor is linked like any other, so that its invoices find it."""
        now = self.context.now()
        vendors = self.context.sibling("vendors")
        for item, decision, written in done:
            if isinstance(decision, Send) and written is not None:
                draft = draft_of(item.record, reference=written.id)
                Link.objects.update_or_create(
                    flow=vendors,
                    source_key=written.id,
                    defaults={
                        "target_id": item.key,
                        "document": label(item.record),
                        "draft": encode(draft),
                        "adopted": True,
                        "created_at": now,
                        "delivered_at": now,
                        "seen_at": now,
                    },
                )
