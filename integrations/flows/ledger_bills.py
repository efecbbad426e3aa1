"""Approved bills of the cloud become invoices in a ledger's batches, and follow what happens to them on both sides."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

from connectors.domain import BatchOrder, Bill, BillDraft, EntryState, LedgerBill, PostMode, Written
from connectors.errors import OutcomeUnknown, Rejected
from connectors.ports import Cursor, Page
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
    Staged,
    State,
    Stream,
    Withdraw,
)
from integrations.models import Delivery, Link

from . import entry_drafts
from .base import Policy, mapped, reason_of
from .bill_vendors import Vendors
from .entry_coding import Coding
from .entry_drafts import Entry, Standing
from .entry_following import MOST_TRIES, Following
from .entry_lookup import LookUp, details_of

MARKER_LENGTH = 60  # of a batch's description (docs: sage300 7.1)
LOOK_AGAIN = 900.0  # seconds; a duplicate that somebody removes from the ledger is no change that any feed tells of


class LedgerBillsFlow(Policy):
    record_type: ClassVar[str] = "bill"
    record: ClassVar[type] = Bill

    def __init__(self, context: FlowContext) -> None:
        super().__init__(context)
        self._size = max(1, int(context.settings["batch_size"]))
        self._coding = Coding(self)

    # --- reading ---------------------------------------------------------------------------------

    def streams(self) -> Iterable[Stream]:
        following = Following(self)
        yield Stream("unposted", following.read, following.absorb, counts=False, once=True)
        yield Stream("bills", self._read, self._absorb)

    def _read(self, cursor: Cursor | None) -> Iterator[Page[Bill]]:
        pages: Iterator[Page[Bill]] = self.context.reader.read_bills(cursor, self.context.integration.start_date)
        return pages

    def _absorb(self, bills: Sequence[Bill]) -> Iterable[Staged]:
        """In scope is what is approved, and whatever was sent before. Asks for the vendors of new ones."""
        linked = self.context.links().get(bill.key for bill in bills)
        wanted = {bill.vendor_key for bill in bills if self.approved(bill) and bill.key not in linked}
        missing = wanted - self.context.links("vendors").get(wanted).keys()
        if missing:
            self.context.demand("vendors", missing)
        return [self._stage(bill) for bill in bills]

    def _stage(self, bill: Bill) -> Staged:
        return Staged(
            key=bill.key,
            document=bill.number,
            record=dataclasses.replace(bill, balance=bill.total),  # what the cloud pays is nothing to this ledger
            group=bill.vendor_key,
            amount=bill.total,
            currency=bill.currency or self.context.integration.tenant.currency,
            due_date=bill.due_date,
            gone=not self.approved(bill),
        )

    def approved(self, bill: Bill) -> bool:
        return bill.approval in self.context.settings["approved_statuses"] and not entry_drafts.archived(bill)

    # --- deciding --------------------------------------------------------------------------------

    def plan(self, items: Sequence[Item]) -> Iterable[tuple[Item, Decision]]:
        vendors = Vendors(self, [item.record.vendor_key for item in items])
        fresh = [item for item in items if item.link is None or self._enters_anew(item, item.link)]
        drafted: list[tuple[Item, BillDraft]] = []
        for item in fresh:
            if not self.approved(item.record):  # staged because an earlier version might have arrived; it has not
                yield item, Withdraw("It is no longer approved.")
                continue
            draft = self.draft(item.record, vendors)
            if isinstance(draft, Hold):
                yield item, draft
            else:
                drafted.append((item, draft))
        yield from self._create_or_adopt(drafted)
        yield from Following(self).plan([item for item in items if item not in fresh], vendors)

    def _enters_anew(self, item: Item, link: Link) -> bool:
        """Taken back by us and approved again, or deleted there by a person and replayed by one."""
        if link.state == Link.State.MISSING:
            return item.delivery.approved == Reason.CHANGED_AFTER_DELIVERY
        return link.state == Link.State.VOIDED and self.approved(item.record)

    def draft(self, bill: Bill, vendors: Vendors) -> BillDraft | Hold:
        """The invoice as it should stand there, or what keeps it from going."""
        return self._coding.draft(bill, vendors)

    def order(self, marker: str = "") -> BatchOrder:
        settings = self.context.settings
        own = mapped(settings["optional_fields"])
        return BatchOrder(marker, PostMode(settings["post_mode"]), settings["tax"], optional_fields=own)

    def _create_or_adopt(self, drafted: Sequence[tuple[Item, BillDraft]]) -> Iterator[tuple[Item, Decision]]:
        """Look for the document before entering it: posted ones and those of unposted batches."""
        existing = self._existing([draft for _, draft in drafted])
        ours = self.context.links().by_target(row.id for rows in existing.values() for row in rows)
        going: dict[tuple[str, str], BillDraft] = {}
        for item, draft in drafted:
            document = (draft.vendor_id, draft.number)
            decision = self._against(item, draft, existing.get(document, ()), ours)
            twin = going.setdefault(document, draft)
            if isinstance(decision, Send) and twin is not draft:
                decision = self._twin(twin, draft)
            yield item, decision

    def _existing(self, drafts: Sequence[BillDraft]) -> Mapping[tuple[str, str], Sequence[LedgerBill]]:
        documents = {(draft.vendor_id, draft.number) for draft in drafts}
        documents = {each for each in documents if not each[0].startswith("(")}  # "(new)" in a preview
        found: dict[tuple[str, str], list[LedgerBill]] = {}
        return self.context.writer.find_ledger_bills(sorted(documents)) if documents else found

    def _against(
        self, item: Item, draft: BillDraft, existing: Sequence[LedgerBill], ours: Mapping[str, Link]
    ) -> Send | Adopt | Hold:
        free = [row for row in existing if row.id not in ours or ours[row.id].source_key == item.key]
        equal = [row for row in free if same_document(row, draft)]
        if len(equal) == 1:
            note = f"{self.there} already has this invoice: linked, not sent again."
            return Adopt(equal[0].id, Entry(draft, self.order()), note, details=details_of(equal[0]))
        return self.duplicate(existing[0], draft) if existing else Send("create", Entry(draft, self.order()))

    def _twin(self, other: BillDraft, draft: BillDraft) -> Hold:
        return Hold(
            Reason.DUPLICATE_DOCUMENT,
            f"{self.here} has two bills {draft.number} of this vendor, over {other.total} and {draft.total}: "
            f"only the first goes to {self.there}.",
            retry_after=LOOK_AGAIN,
        )

    def duplicate(self, row: LedgerBill, draft: BillDraft) -> Hold:
        return Hold(
            Reason.DUPLICATE_DOCUMENT,
            f"{self.there} already has invoice {row.number} over {row.total} of this vendor; "
            f"this bill is over {draft.total}.",
            candidates=[{"id": row.id, "name": row.number, "place": str(row.total)}],
            retry_after=LOOK_AGAIN,
        )

    # --- sending ---------------------------------------------------------------------------------

    def batch_size(self, action: str) -> int:
        if action not in ("create", "advance"):
            return 1
        return min(self._size, int(self.context.writer.capabilities.batch.get(self.record_type, self._size)))

    def seal(self, action: str, batch: Sequence[tuple[Item, Send]]) -> Sequence[tuple[Item, Send]]:
        """Every attempt has a marker of its own, by which its batch is found again."""
        if action != "create":
            return batch
        now = self.context.now()
        rows = [f"{item.delivery.pk}.{item.delivery.attempts}" for item, _ in batch]
        what = f"{self.context.connection('source').uuid} {self.context.flow.pk} {now.isoformat()} {' '.join(rows)}"
        mark = hashlib.sha256(what.encode()).hexdigest()[:12]
        order = self.order(f"{self.here} {now.date()} ml-{mark}"[-MARKER_LENGTH:])
        return [(item, dataclasses.replace(send, draft=Entry(send.draft.bill, order))) for item, send in batch]

    def send(self, action: str, batch: Sequence[tuple[Item, Send]]) -> list[Written]:
        return [_judged(written) for written in self._send(action, batch)]

    def _send(self, action: str, batch: Sequence[tuple[Item, Send]]) -> list[Written]:
        writer = self.context.writer
        if action == "create":
            try:
                return list(writer.enter_bills([send.draft.bill for _, send in batch], batch[0][1].draft.order))
            except OutcomeUnknown:  # too much for the ledger at once, perhaps
                self._size = max(1, len(batch) // 2)
                raise
        if action == "advance":
            return self._advance([send for _, send in batch])
        return [self._change(action, send) for _, send in batch]

    def _advance(self, sends: Sequence[Send]) -> list[Written]:
        """Batch by batch of ours, which the ledger knows by their markers."""
        reached: dict[str, Written] = {}
        orders = {send.draft.order.marker: send.draft.order for send in sends}
        for marker, order in orders.items():
            ids = [send.target_id for send in sends if send.draft.order.marker == marker]
            reached |= self.context.writer.advance(ids, order)
        return [reached.get(send.target_id) or Written(send.target_id) for send in sends]

    def _change(self, action: str, send: Send) -> Written:
        if action == "delete":
            self.context.writer.remove_bill(send.target_id)
            return Written(send.target_id)
        written: Written = self.context.writer.change_bill(send.target_id, send.draft.bill, send.draft.order)
        return written

    def refused(self, item: Item, send: Send, error: Rejected) -> Hold | Withdraw | Found | None:
        if error.code == "bill_posted":
            text = (
                f"The bill changed in {self.here}, but its invoice is posted in {self.there} already: correct it there."
            )
            return Hold(Reason.CHANGED_AFTER_DELIVERY, text)
        if send.action != "create":  # it stands there, as it was
            return Hold(reason_of(error), error.message)
        return super().refused(item, send, error)

    def look_up(self, items: Sequence[Item]) -> dict[str, Found]:
        return LookUp(self).run(items)

    def draft_type(self, action: str) -> type:
        return Entry

    def gl_accounts(self, item: Item) -> Iterable[str]:
        draft = item.delivery.draft
        return [line.account for line in decode(Entry, draft).bill.lines] if draft else []

    # --- remembering -----------------------------------------------------------------------------

    def keep(self, link: Link, item: Item, decision: Decision, written: Any) -> None:
        action = item.delivery.action
        standing = dataclasses.replace(Standing.parse(link.basis), content=entry_drafts.content(item.record))
        if action == "delete":
            link.state, link.closed = Link.State.VOIDED, True
        elif action:
            details = decision.details if isinstance(decision, Adopt) else written.details if written else {}
            link.adopted = link.adopted or bool(details.get("adopted"))
            standing = self._reached(link, standing, details)
        link.basis = standing.text()

    def _reached(self, link: Link, standing: Standing, details: Mapping[str, str]) -> Standing:
        state = details.get("state", "")
        refused = "" if link.adopted else details.get("refused", "")  # what others entered is theirs to post
        posted = state == EntryState.POSTED
        link.state = Link.State.POSTED if posted else Link.State.REFUSED if refused else Link.State.ENTERED
        link.closed = posted
        reason = entry_drafts.refusal(details.get("reason", "")) if refused else ""
        message = refused or (standing.message if state == EntryState.REFUSED else "")
        return dataclasses.replace(standing, reached=state, reason=reason, message=message)

    def settled(self, done: Sequence[tuple[Item, Decision, Any]]) -> None:
        """What stands there, but was not taken as far as it should be, goes on at once."""
        unfinished = [item.delivery.pk for item, decision, written in done if self._unfinished(item, decision, written)]
        if unfinished:
            Delivery.objects.filter(pk__in=unfinished).update(state=State.PENDING)

    def _unfinished(self, item: Item, decision: Decision, written: Written | None) -> bool:
        """A batch that was entered no further, or an entry corrected where posting had thrown it."""
        if not isinstance(decision, Send) or written is None or item.delivery.state != State.DELIVERED:
            return False
        state = written.details.get("state", "")
        ours = item.delivery.action == "create" and not written.details.get("adopted")
        corrected = item.delivery.action == "update" and state == EntryState.REFUSED
        tried = item.delivery.attempts >= MOST_TRIES
        return not tried and (ours or corrected) and Standing(reached=state).behind(decision.draft.order)


def _judged(written: Written) -> Written:
    """What posting refused has one of two reasons, whatever the ledger's words sound like."""
    if "refused" not in written.details:
        return written
    reason = entry_drafts.refusal(written.details.get("reason", ""))
    return dataclasses.replace(written, details={**written.details, "reason": reason})


def same_document(row: LedgerBill, draft: BillDraft) -> bool:
    currencies = {row.currency, draft.currency} - {""}
    return row.total == draft.total and len(currencies) <= 1
