"""Vendors of the ledger, handed to a cloud under the ledger's own codes, with both their addresses."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from connectors.domain import Address, Vendor, VendorDraft
from connectors.errors import NotFound
from integrations.engine.books import Row
from integrations.engine.vocabulary import Adopt, Decision, Found, Hold, Item, Reason, Send
from integrations.models import Link, ReferenceKind

from .vendor_matching import ASLEEP, label, payer
from .vendors import REQUIRED, VendorsFlow


class PushedVendorsFlow(VendorsFlow):
    """A vendor's code is its id there, and never changes: what has our code is ours, whatever its name."""

    def draft(self, vendor: Vendor) -> VendorDraft:
        """A remit-to address alone serves as both: the cloud wants one to pay to."""
        draft = super().draft(vendor)
        remit = vendor.remit_to_address if vendor.remit_to_address and vendor.remit_to_address.line1 else None
        own = vendor.address if complete(vendor.address) or remit is None else remit
        return dataclasses.replace(draft, address=own, remit_to=remit, active=vendor.status not in ASLEEP)

    def candidates(self, items: Sequence[Item]) -> dict[str, list[Row]]:
        rows = self.context.references(self.context.writes).get(ReferenceKind.VENDOR, [item.key for item in items])
        coded = self.free({key: [row] for key, row in rows.items()})
        return super().candidates(items) | {key: found for key, found in coded.items() if found}

    def adopt(self, item: Item, row: Row, draft: VendorDraft) -> Decision:
        if row.key != item.key:
            return super().adopt(item, row, draft)
        if not row.active:
            return Hold(
                Reason.VENDOR_INACTIVE,
                f"{self.there} has vendor {label(item.record)} already, but inactive: make it active there.",
            )
        note = f"{self.there} already has vendor {row.key}: linked by its code. {payer(item.record)}".strip()
        return Adopt(row.key, draft, note)

    def create(self, item: Item, draft: VendorDraft) -> Decision:
        if draft.remit_to is not None and not complete(draft.remit_to):
            what = f"The remit-to address of vendor {label(item.record)} is not complete in {self.here}"
            return Hold(Reason.VENDOR_INCOMPLETE, f"{what}; {self.there} needs it.")
        return super().create(item, draft)

    def change(self, item: Item, link: Link, draft: VendorDraft, changed: frozenset[str]) -> Decision:
        """One that sleeps there because it slept here may be woken."""
        if "active" in changed:
            return self._too_long(draft) or Send("update", draft, target_id=link.target_id, changed=changed)
        return super().change(item, link, draft, changed)

    def look_up(self, items: Sequence[Item]) -> dict[str, Found]:
        """By code."""
        return {item.key: self._look_up(item) for item in items}

    def _look_up(self, item: Item) -> Found:
        if item.delivery.action != "create":
            return Found("", "An update may be sent again.")
        try:
            found = self.context.writer.get_vendor(item.key)
        except NotFound:
            return Found("", f"{self.there} has no vendor {item.key}.")
        return Found(found.key, f"Found in {self.there} as {found.key}.")


def complete(address: Address) -> bool:
    return all(getattr(address, name) for name, _ in REQUIRED)
