"""What a ledger holds of writes whose answer was lost: by the batch's marker first, then by the document itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from connectors.domain import BillDraft, EntryState, LedgerBill
from integrations.engine.codec import decode
from integrations.engine.vocabulary import Found, Hold, Item, Reason

from .entry_drafts import Entry, refusal

if TYPE_CHECKING:
    from .ledger_bills import LedgerBillsFlow


class LookUp:
    def __init__(self, flow: LedgerBillsFlow) -> None:
        self.flow = flow
        self.there = flow.there

    def run(self, items: Sequence[Item]) -> dict[str, Found]:
        found: dict[str, Found] = {}
        creates = {item.key: decode(Entry, item.delivery.draft) for item in items if item.delivery.action == "create"}
        lost = self._by_marker(creates, found)
        self._by_document([item for item in items if item.key in lost], lost, found)
        self._entered([item for item in items if item.delivery.action in ("advance", "delete")], found)
        for item in items:
            text = f"An {item.delivery.action} may be sent again: it has the same effect once or twice."
            found.setdefault(item.key, Found("", text))
        return found

    def _by_marker(self, creates: dict[str, Entry], found: dict[str, Found]) -> dict[str, Entry]:
        """Fills `found`; what the batches do not hold."""
        writer = self.flow.context.writer
        markers = {entry.order.marker for entry in creates.values()} - {""}
        batches = {marker: writer.find_batch(marker) or () for marker in sorted(markers)}
        lost = {}
        for key, entry in creates.items():
            rows = batches.get(entry.order.marker, ())
            mine = [row for row in rows if (row.vendor_key, row.number) == (entry.bill.vendor_id, entry.bill.number)]
            if mine:
                found[key] = self._found(mine[0])
            else:
                lost[key] = entry
        return lost

    def _by_document(self, items: Sequence[Item], entries: dict[str, Entry], found: dict[str, Found]) -> None:
        existing = self._documents([entry.bill for entry in entries.values()])
        ours = self.flow.context.links().by_target(row.id for rows in existing.values() for row in rows)
        for item in items:
            draft = entries[item.key].bill
            rows = existing.get((draft.vendor_id, draft.number), [])
            free = [row for row in rows if row.id not in ours or ours[row.id].source_key == item.key]
            equal = [row for row in free if row.total == draft.total]
            if equal:
                found[item.key] = self._found(equal[0], adopted=equal[0].state is not EntryState.POSTED)
            elif rows:
                hold = self.flow.duplicate(rows[0], draft)
                found[item.key] = Found("", hold.message, hold=hold)
            else:
                found[item.key] = Found("", f"{self.there} has neither the batch nor invoice {draft.number}.")

    def _entered(self, items: Sequence[Item], found: dict[str, Found]) -> None:
        """Changes of what stood there: taken further, or taken back."""
        if not items:
            return
        held = self.flow.context.writer.get_ledger_bills([item.delivery.target_id for item in items])
        drafts = {item.key: decode(Entry, item.delivery.draft).bill for item in items}
        moved = [drafts[item.key] for item in items if item.delivery.target_id not in held]
        existing = self._documents(moved)
        for item in items:
            draft = drafts[item.key]
            rows = existing.get((draft.vendor_id, draft.number), [])
            row = held.get(item.delivery.target_id) or next(iter(rows), None)
            found[item.key] = (
                self._taken_back(item, row) if item.delivery.action == "delete" else self._further(item, row)
            )

    def _taken_back(self, item: Item, row: LedgerBill | None) -> Found:
        if row is None:
            return Found(item.delivery.target_id, f"The invoice is gone from {self.there}.")
        if row.state is EntryState.POSTED:
            text = f"The bill is no longer wanted in {self.flow.here}, but was posted in {self.there} meanwhile."
            return Found("", text, hold=Hold(Reason.CHANGED_AFTER_DELIVERY, text))
        return Found("", f"The invoice still stands in {self.there}.")

    def _further(self, item: Item, row: LedgerBill | None) -> Found:
        if row is not None and row.state in (EntryState.POSTED, EntryState.POSTING):
            return self._found(row)
        return Found("", f"{self.there} may be asked again: what is posted is not posted twice.")

    def _documents(self, drafts: Sequence[BillDraft]) -> dict[tuple[str, str], list[LedgerBill]]:
        documents = sorted({(draft.vendor_id, draft.number) for draft in drafts})
        found: dict[tuple[str, str], list[LedgerBill]] = {}
        return self.flow.context.writer.find_ledger_bills(documents) if documents else found

    def _found(self, row: LedgerBill, *, adopted: bool = False) -> Found:
        details = details_of(row) | ({"adopted": "yes"} if adopted else {})
        return Found(row.id, f"Found in {self.there} as {row.id}.", number=row.number, details=details)


def details_of(row: LedgerBill) -> dict[str, str]:
    """As a write's answer would tell it."""
    details = {"state": row.state.value}
    if row.state is EntryState.REFUSED:
        details["refused"] = row.message or "The ledger refused to post it."
        details["reason"] = refusal(row.reason)
    return details
