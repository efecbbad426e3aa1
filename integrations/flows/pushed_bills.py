"""Payable invoices of the ledger, handed to a cloud that approves and pays them and changes none of them.

Coded with the ledger's own accounts, which the cloud must show in its coding lists; followed by their scanned
documents; and followed there until they are paid, rejected or void.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any, ClassVar

from connectors.domain import Account, Bill, BillDraft, BillLine, TargetBill, Written
from integrations.engine.codec import decode
from integrations.engine.context import FlowContext
from integrations.engine.vocabulary import (
    Adopt,
    Decision,
    Found,
    Hold,
    Item,
    Reason,
    Send,
    Settle,
    State,
    Stream,
    Wait,
)
from integrations.models import Delivery, Link

from .bill_conflicts import Conflicts
from .bill_images import NEXT, WANTED, attach_first
from .bill_outcomes import Outcomes
from .bill_vendors import Vendors
from .bills import NEW, BillsFlow
from .code_view import CodeView

WAIT = 15.0  # seconds until a code that was handed over is looked for again
IMAGE = "image"
SEND_SEGMENTS = "send_segments"


class PushedBillsFlow(BillsFlow):
    record_type: ClassVar[str] = "bill"

    def __init__(self, context: FlowContext) -> None:
        super().__init__(context)
        self.view = CodeView(self)

    # --- reading ---------------------------------------------------------------------------------

    def streams(self) -> Iterable[Stream]:
        if self.view.awaited() or self._lacks_codes():
            yield self.view.stream()
        yield from super().streams()
        yield Outcomes(self).stream()

    def _lacks_codes(self) -> bool:
        """Whether an invoice waits for a code that people may have added there."""
        held = Delivery.objects.filter(flow=self.context.flow, state=State.HELD, reason=Reason.ACCOUNT_UNMAPPED)
        return bool(held.exists()) or not self.view.rows()

    # --- deciding --------------------------------------------------------------------------------

    def plan(self, items: Sequence[Item]) -> Iterable[tuple[Item, Decision]]:
        """A scan that is due goes at once; everything else is judged first."""
        rest = []
        for item in items:
            if self._half_done(item):
                yield item, self._scan(item)
            else:
                rest.append(item)
        if self.view.awaited() and any(self.starts_anew(item) for item in rest) and not self.context.preview:
            self.view.refresh()
        for item, decision in super().plan(rest):
            if isinstance(decision, Hold) and decision.reason == Reason.ACCOUNT_UNMAPPED and self._coming(item.record):
                yield item, Wait(decision.message, WAIT)
            elif isinstance(decision, Settle) and self._lacks_scan(item):
                yield item, self._scan(item)
            else:
                yield item, decision

    def _half_done(self, item: Item) -> bool:
        """This very version was created or adopted just now."""
        link = item.link
        same = link is not None and link.fingerprint == item.delivery.fingerprint
        return same and bool(item.delivery.action) and self._lacks_scan(item)

    def _lacks_scan(self, item: Item) -> bool:
        return item.link is not None and item.link.attachment == WANTED and item.link.state == Link.State.ACTIVE

    def _scan(self, item: Item) -> Send:
        assert item.link is not None
        return Send(IMAGE, decode(BillDraft, item.link.draft), target_id=item.link.target_id)

    def starts_anew(self, item: Item) -> bool:
        """Also what was rejected there, once a person said so."""
        if item.link is None:
            return True
        approved = item.delivery.approved == Reason.REJECTED_BY_TARGET
        return approved and item.link.state == Link.State.REFUSED

    def following(self) -> Conflicts:
        return Conflicts(self)

    def draft(self, bill: Bill, owed: Any, vendors: Vendors) -> BillDraft | Hold:
        draft = super().draft(bill, owed, vendors)
        if isinstance(draft, Hold):
            return draft
        for code in (code for line in draft.lines for code in line.codes):
            if isinstance(missing := self._shown(code), Hold):
                return missing
        return dataclasses.replace(draft, reference=f"{self.context.reader.capabilities.books}|{bill.key}")

    # --- codes -----------------------------------------------------------------------------------

    def _account(self, table: str, key: str, shown: str) -> str | Hold:
        """The ledger's account as it is displayed; amounts outside the lines by their table."""
        if table != "accounts":
            found = super()._account(table, key, shown)
            return found if isinstance(found, Hold) else self._shown(self._meant(found))
        return self._shown(self._code(shown))

    def _code(self, number: str) -> str:
        return f"{self.context.writer.ledger_group}|{number}"

    def _meant(self, text: str) -> str:
        """The code that a person wrote: by its key, its value among the accounts, or its exact description."""
        rows = self.view.rows()
        if text in rows or self._code(text) in rows:
            return text if text in rows else self._code(text)
        named = [row.key for row in rows.values() if row.name == text]
        return named[0] if len(named) == 1 else self._code(text)

    def _shown(self, code: str) -> str | Hold:
        """What the cloud shows decides, not what was handed over."""
        if self.view.shows(code) or self.view.promised(code):
            return code
        why = ": it is inactive there" if self.view.row(code) else ""
        return Hold(Reason.ACCOUNT_UNMAPPED, f"Code {code.partition('|')[2]} is not in {self.there}{why}.")

    def codes(self, line: BillLine) -> tuple[str, ...]:
        """The line's segments, where the setting asks for them."""
        return tuple(self._segments.get(line.account_key, ())) if self.context.settings.get(SEND_SEGMENTS) else ()

    @cached_property
    def _segments(self) -> dict[str, list[str]]:
        """Codes of the segments by account key."""
        values: dict[str, Account] = {each.key: each for each in self.context.reader.read_segments()}
        found = {}
        for page in self.context.reader.read_accounts(None):
            for account in page.records:
                parts = [values[key] for key in account.segments if key in values]
                found[account.key] = [f"{each.kind}|{each.number}" for each in parts]
        return found

    def _coming(self, bill: Bill) -> bool:
        """Whether all that it lacks was handed over just now."""
        lines = [line for line in bill.lines if line.amount]
        codes = {code for line in lines for code in (self._code(line.account_number), *self.codes(line))}
        return self.view.coming(code for code in codes if not self.view.shows(code))

    # --- what is there already -------------------------------------------------------------------

    def existing(self, drafts: Sequence[BillDraft]) -> dict[tuple[str, str], list[TargetBill]]:
        """One narrow look-up each: by vendor and number, else by our reference."""
        return {
            (draft.vendor_id, draft.number): self.context.writer.find_bill(draft)
            for draft in drafts
            if not draft.vendor_id.startswith(NEW)
        }

    def same(self, bill: TargetBill, draft: BillDraft) -> bool:
        """Numbers as the cloud compares them. What carries our reference is in the way even under another number."""
        carries = bool(bill.reference) and bill.reference == draft.reference
        return carries or _folded(bill.number) == _folded(draft.number)

    def _against(
        self, item: Item, draft: BillDraft, existing: Sequence[TargetBill], ours: dict[str, Link]
    ) -> Send | Adopt | Hold:
        for bill in existing:
            strange = bill.vendor_id != draft.vendor_id or _folded(bill.number) != _folded(draft.number)
            if self.same(bill, draft) and strange:
                return self._duplicate(bill, draft, f"our invoice as {bill.number} of vendor {bill.vendor_id}")
        decision = super()._against(item, draft, existing, ours)
        if isinstance(decision, Send) and item.link is not None:
            note = f"Sent again: {item.link.target_id} was {item.link.status or 'rejected'} in {self.there}."
            return dataclasses.replace(decision, note=note)
        return decision

    def adopt(self, bill: TargetBill, draft: BillDraft) -> Adopt:
        details = {} if bill.has_image or not self._takes_scans else {"unfinished": NEXT}
        return dataclasses.replace(super().adopt(bill, draft), paid=False, details=details)

    def details(self, bill: TargetBill) -> dict[str, str]:
        return {} if bill.has_image or not self._takes_scans else {"unfinished": NEXT}

    # --- sending ---------------------------------------------------------------------------------

    @property
    def _takes_scans(self) -> bool:
        return "image.bytes" in self.context.writer.capabilities.limits

    def send(self, action: str, batch: Sequence[tuple[Item, Send]]) -> list[Written]:
        if action == IMAGE:
            reader, writer = self.context.reader, self.context.writer
            return [attach_first(reader, writer, item.key, send.target_id) for item, send in batch]
        written = super().send(action, batch)
        if not self._takes_scans:
            return written
        return [dataclasses.replace(each, details={**each.details, "unfinished": NEXT}) for each in written]

    def look_up(self, items: Sequence[Item]) -> dict[str, Found]:
        scans = [item for item in items if item.delivery.action == IMAGE]
        found = super().look_up([item for item in items if item.delivery.action != IMAGE])
        there = self.context.writer.get_bills([item.delivery.target_id for item in scans]) if scans else {}
        for item in scans:
            bill = there.get(item.delivery.target_id)
            arrived = bill is not None and bill.has_image
            note = f"{self.there} has the scan." if arrived else f"{self.there} has no scan of this invoice."
            details = {"image": "arrived"} if arrived else {}
            found[item.key] = Found(item.delivery.target_id if arrived else "", note, details=details)
        return found

    def keep(self, link: Link, item: Item, decision: Decision, written: Any) -> None:
        super().keep(link, item, decision, written)
        action = item.delivery.action
        details = written.details if written is not None else getattr(decision, "details", {})
        if action in ("create", "adopt"):
            link.status = details.get("status", "")[:200]
            link.attachment = WANTED if details.get("unfinished") else ""
        elif action == IMAGE:
            self._keep_scan(link, item, details)

    def _keep_scan(self, link: Link, item: Item, details: dict[str, str]) -> None:
        """The invoice goes without one where none is acceptable, and says so."""
        link.attachment = details.get("image", "")[:300]
        refused = details.get("without", "")
        if link.attachment:
            item.delivery.message = f"Its scan went after it ({link.attachment})."
        elif refused:
            item.delivery.message = f"It went without a scan: {refused}"
        else:
            item.delivery.message = f"{self.here} has no scan of it."

    def settled(self, done: Sequence[tuple[Item, Decision, Any]]) -> None:
        """Payments name their invoices themselves, whenever those were linked."""


def _folded(number: str) -> str:
    return number.strip().casefold()
