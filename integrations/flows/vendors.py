"""Vendors of the ledger become vendors of the cloud: adopted by name, created when needed, updated by field."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from connectors.domain import Vendor, VendorDraft
from integrations.engine.books import match_name
from integrations.engine.vocabulary import Decision, Found, Hold, Item, Reason, Send
from integrations.models import Link

from .vendor_matching import VendorMatching, label, payer

REQUIRED = (("line1", "street"), ("city", "city"), ("postcode", "postcode"), ("country", "country"))
CLOCK_SKEW = timedelta(minutes=10)


class VendorsFlow(VendorMatching):
    """Only vendors that a bill asks for: a ledger holds many that nothing is owed to."""

    def wants(self, vendor: Vendor) -> bool:
        return False

    # --- deciding --------------------------------------------------------------------------------

    def create(self, item: Item, draft: VendorDraft) -> Decision:
        missing = _missing(draft)
        if missing:
            return Hold(
                Reason.VENDOR_INCOMPLETE,
                f"Vendor {label(item.record)} has no complete address in {self.here} "
                f"(missing: {', '.join(missing)}); {self.there} needs one.",
            )
        return self._too_long(draft) or Send("create", draft, note=payer(item.record))

    def change(self, item: Item, link: Link, draft: VendorDraft, changed: frozenset[str]) -> Decision:
        row = self.target_of(link)
        if row is not None and not row.active:
            return Hold(Reason.VENDOR_INACTIVE, f"{row.label} is archived in {self.there}; restore it there.")
        if "address" in changed and _missing(draft):
            return Hold(Reason.VENDOR_INCOMPLETE, f"Vendor {item.record.name} lost its address in {self.here}.")
        return self._too_long(draft) or Send("update", draft, target_id=link.target_id, changed=changed)

    def _too_long(self, draft: VendorDraft) -> Hold | None:
        limits = self.context.writer.capabilities.limits
        for name, text in (("name", draft.name), ("reference", draft.reference)):
            limit = limits.get(f"vendor.{name}")
            if limit and len(text) > limit:
                return Hold(
                    Reason.VENDOR_INCOMPLETE,
                    f"The vendor's {name} has {len(text)} characters; {self.there} takes {limit}.",
                )
        return None

    # --- sending ---------------------------------------------------------------------------------

    def send(self, action: str, batch: Sequence[tuple[Item, Send]]) -> list[Any]:
        writer = self.context.writer
        if action == "create":
            return list(writer.create_vendors([send.draft for _, send in batch]))
        return [writer.update_vendor(send.target_id, send.draft, send.changed) for _, send in batch]

    def look_up(self, items: Sequence[Item]) -> dict[str, Found]:
        """A created vendor carries our key as its reference; an update is repeated (it is the same again)."""
        creates = [item for item in items if item.delivery.action == "create"]
        found = {
            item.key: Found("", "An update may be sent again.") for item in items if item.delivery.action != "create"
        }
        if creates:
            since = min(item.delivery.created_at for item in creates) - CLOCK_SKEW
            vendors = self.context.writer.find_vendors([item.record.name for item in creates], since)
            mine = {(match_name(each.name), each.reference): each for each in vendors}
            for item in creates:
                each = mine.get((match_name(item.record.name), item.key))
                if each:
                    found[item.key] = Found(each.key, f"Found in {self.there} as {each.key}.")
        return found


def _missing(draft: VendorDraft) -> list[str]:
    return [word for name, word in REQUIRED if not getattr(draft.address, name)]
