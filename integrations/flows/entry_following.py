"""What becomes of invoices that were entered: posted, refused or deleted in the ledger, changed in the cloud."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from connectors.domain import Bill, BillDraft, EntryState, LedgerBill
from connectors.ports import Cursor, Page
from integrations.engine.codec import decode
from integrations.engine.vocabulary import Decision, Hold, Item, Reason, Send, Settle, Staged, State
from integrations.models import Delivery, Link

from . import entry_drafts
from .bill_vendors import Vendors
from .entry_drafts import Entry, Standing

if TYPE_CHECKING:
    from .ledger_bills import LedgerBillsFlow

#: States of an entry that the ledger may still post.
UNPOSTED = (Link.State.ENTERED, Link.State.REFUSED)
REFUSALS = (Reason.REJECTED_BY_TARGET, Reason.PERIOD_CLOSED)
LOOK_AGAIN = 900.0  # seconds
MOST_TRIES = 8  # to take a batch as far as it was asked for, one a run
REFUSED = "The ledger refused to post it."

Followed = tuple[Link, LedgerBill | None]


class Following:
    """For one run of the bills flow."""

    def __init__(self, flow: LedgerBillsFlow) -> None:
        self.flow = flow
        self.context = flow.context
        self.here, self.there = flow.here, flow.there

    # --- the ledger's side -----------------------------------------------------------------------

    def read(self, cursor: Cursor | None) -> Iterator[Page[Followed]]:
        """Every entry that is not posted as far as we know, and where it stands: one list call finds most of them."""
        links = list(Link.objects.filter(flow=self.context.flow, state__in=UNPOSTED))
        if links:
            standing = {entry.id: entry for entry in self.context.writer.read_unposted()}
            standing |= self._moved([link for link in links if link.target_id not in standing])
            yield Page([(link, standing.get(link.target_id)) for link in links])

    def _moved(self, links: Sequence[Link]) -> dict[str, LedgerBill]:
        """Posted, thrown out by posting, or moved by somebody; by the id under which we know them."""
        if not links:
            return {}
        writer = self.context.writer
        found: dict[str, LedgerBill] = writer.get_ledger_bills([link.target_id for link in links])
        documents = {link.target_id: _document(link) for link in links if link.target_id not in found}
        if documents:
            existing = writer.find_ledger_bills(sorted(set(documents.values())))
            for name, document in documents.items():
                rows = sorted(existing.get(document, ()), key=lambda row: row.state is not EntryState.POSTED)
                found |= {name: rows[0]} if rows else {}
        return found

    def absorb(self, followed: Sequence[Followed]) -> Iterable[Staged]:
        if not self.context.preview:
            for link, entry in followed:
                if entry is None:
                    self._gone(link)
                else:
                    self._follow(link, entry)
        return ()

    def _follow(self, link: Link, entry: LedgerBill) -> None:
        standing = Standing.parse(link.basis)
        before = (link.state, link.target_id)
        link.target_id = entry.id
        if entry.state is EntryState.POSTED:
            link.state, link.closed = Link.State.POSTED, True
            self._wake(link, state=State.HELD, reason__in=REFUSALS)  # the refusal is over
            self._report("posted", link, f"Posted in {self.there} as {entry.id}.", outcome="posted")
        elif entry.state is EntryState.REFUSED and not link.adopted:
            link.state = Link.State.REFUSED
            if before[0] != Link.State.REFUSED:
                reason, message = entry_drafts.refusal(entry.reason), entry.message or standing.message or REFUSED
                link.basis = dataclasses.replace(standing, reason=reason, message=message).text()
                self._hold(link, reason, message)
        elif entry.state is EntryState.OPEN and standing.behind(decode(Entry, link.draft).order) and not link.adopted:
            self._wake(link, state=State.DELIVERED, attempts__lt=MOST_TRIES)
        if before != (link.state, link.target_id):
            link.save(update_fields=["state", "target_id", "closed", "basis"])

    def _wake(self, link: Link, **condition: object) -> None:
        """Let the newest version be judged again in this run, if it is in this condition."""
        row = self._newest(link)
        if row is not None:
            Delivery.objects.filter(pk=row.pk, **condition).update(state=State.PENDING, not_before=None)

    def _gone(self, link: Link) -> None:
        """Deleted in the ledger: a person decides."""
        link.state = Link.State.MISSING
        link.save(update_fields=["state"])
        message = (
            f"The invoice is no longer in {self.there}: it was deleted there before it was posted. "
            "Replay to enter it again."
        )
        self._hold(link, Reason.CHANGED_AFTER_DELIVERY, message)

    def _hold(self, link: Link, reason: Reason, message: str) -> None:
        row = self._newest(link)
        if row is None or row.state not in (State.DELIVERED, State.HELD):
            return  # a newer version is on its way and meets the same facts
        row.state, row.reason, row.message, row.not_before = State.HELD, reason, message, None
        row.generation = self.context.integration.generation
        row.save(update_fields=["state", "reason", "message", "not_before", "generation"])
        self._report("held", link, message, outcome="held", reason=reason)

    def _newest(self, link: Link) -> Delivery | None:
        return Delivery.objects.filter(flow=self.context.flow, key=link.source_key).order_by("-version").first()

    def _report(self, event: str, link: Link, message: str, **fields: object) -> None:
        self.context.report(
            event,
            record_type=self.flow.record_type,
            document=link.document,
            source_key=link.source_key,
            target_id=link.target_id,
            amount=decode(Entry, link.draft).total,
            message=message,
            **fields,
        )

    # --- the cloud's side ------------------------------------------------------------------------

    def plan(self, items: Sequence[Item], vendors: Vendors) -> Iterator[tuple[Item, Decision]]:
        unclear = self.flow.unclear([item.key for item in items], Entry)
        changed: list[tuple[Item, Link, list[Entry]]] = []
        for item in items:
            bill, link = item.record, item.link
            assert link is not None
            approved = self.flow.approved(bill)
            sent = decode(Entry, link.draft)
            maybe = _after(sent, [entry for _, entry in unclear[item.key]])
            if link.state == Link.State.VOIDED:
                yield item, Settle(f"It was taken back from {self.there} before.")
            elif link.state == Link.State.MISSING:
                yield item, self._missing(item, approved)
            elif approved and not maybe and entry_drafts.content(bill) == Standing.parse(link.basis).content:
                yield item, self._as_it_stands(item, link)
            else:
                changed.append((item, link, [sent, *maybe]))
        unposted = [link.target_id for _, link, _ in changed if link.state in UNPOSTED]
        entries = self.context.writer.get_ledger_bills(unposted) if unposted else {}
        for item, link, told in changed:
            yield item, self._changed(item, link, told, entries, vendors)

    def _missing(self, item: Item, approved: bool) -> Decision:
        if not approved:
            return Settle(f"It is in {self.there} no longer, and no longer wanted there.")
        return Hold(
            Reason.CHANGED_AFTER_DELIVERY,
            item.delivery.message or f"The invoice was deleted in {self.there}. Replay to enter it again.",
        )

    def _as_it_stands(self, item: Item, link: Link) -> Decision:
        """The bill is what was entered. Only what posting refused, or what was not taken far enough, needs anything."""
        standing, sent = Standing.parse(link.basis), decode(Entry, link.draft)
        again = Send("advance", Entry(sent.bill, self.flow.order(sent.order.marker)), target_id=link.target_id)
        if link.state == Link.State.REFUSED:
            replayed = item.delivery.state == State.PENDING and item.delivery.message  # new versions have none
            reason = entry_drafts.refusal(standing.reason)
            return again if replayed else Hold(reason, standing.message or REFUSED)
        if link.state == Link.State.ENTERED and not link.adopted and standing.behind(sent.order):
            return again
        return Settle(f"Posted in {self.there}." if link.closed else "Nothing to change.")

    def _changed(
        self, item: Item, link: Link, sent: Sequence[Entry], entries: Mapping[str, LedgerBill], vendors: Vendors
    ) -> Decision:
        bill: Bill = item.record
        entry = entries.get(link.target_id)
        posted = link.state == Link.State.POSTED or (entry is not None and entry.state is EntryState.POSTED)
        if not self.flow.approved(bill):
            return self._unwanted(bill, link, sent[0], posted)
        draft = self.flow.draft(bill, vendors)
        if isinstance(draft, Hold):
            return self._too_late(f"The bill changed in {self.here}", "correct it there") if posted else draft
        draft = self._dated_as(sent[0].bill, draft)
        if draft == sent[0].bill and len(sent) == 1:
            return self._as_it_stands(item, link)
        what = entry_drafts.differing(sent[0].bill, draft) or "a change whose answer was lost"
        if posted:
            return self._too_late(f"The bill changed in {self.here} ({what})", "correct it there")
        if link.adopted:
            return self._foreign(f"The bill changed in {self.here} ({what})", "change it there")
        if entry is None:
            text = f"The bill changed in {self.here} ({what}), but its invoice is not where it was in {self.there}."
            return Hold(Reason.CHANGED_AFTER_DELIVERY, text, retry_after=LOOK_AGAIN)
        edited = all(entry.total != each.total for each in sent)
        if edited and item.delivery.approved != Reason.CHANGED_AFTER_DELIVERY:
            return Hold(
                Reason.CHANGED_AFTER_DELIVERY,
                f"The invoice was edited in {self.there} ({entry.total} there, {sent[0].total} sent), the bill in "
                f"{self.here}. Settle it there, or replay this record to write the bill's version over it.",
            )
        return Send("update", Entry(draft, self.flow.order(sent[0].order.marker)), target_id=entry.id)

    def _unwanted(self, bill: Bill, link: Link, sent: Entry, posted: bool) -> Decision:
        """Denied, sent back for approval, or archived."""
        word = (
            "was archived" if entry_drafts.archived(bill) else f"is no longer approved ({bill.approval or 'nothing'})"
        )
        if posted:
            return self._too_late(f"The bill {word} in {self.here}", "reverse it there")
        if link.adopted:
            return self._foreign(f"The bill {word} in {self.here}", "take it out there")
        return Send("delete", sent, target_id=link.target_id, final=State.VOIDED, note=f"It {word} in {self.here}.")

    def _too_late(self, what: str, cure: str) -> Hold:
        text = f"{what}, but its invoice is posted in {self.there}: {cure}, then mark this as done outside."
        return Hold(Reason.CHANGED_AFTER_DELIVERY, text)

    def _foreign(self, what: str, cure: str) -> Hold:
        text = (
            f"{what}, but somebody entered its invoice in {self.there} by hand: {cure}, then mark this as done outside."
        )
        return Hold(Reason.CHANGED_AFTER_DELIVERY, text)

    def _dated_as(self, sent: BillDraft, draft: BillDraft) -> BillDraft:
        """Another day on which the bill is looked at is no change of it."""
        follows = self.context.settings["posting_date"] != "document"
        return dataclasses.replace(draft, posting_date=sent.posting_date) if follows else draft


def _after(arrived: Entry, sent: Sequence[Entry]) -> list[Entry]:
    """Of what was sent in turn that which came after the draft that certainly arrived."""
    places = [place for place, entry in enumerate(sent, 1) if entry.bill == arrived.bill]
    return list(sent[places[-1] if places else 0 :])


def _document(link: Link) -> tuple[str, str]:
    bill = decode(Entry, link.draft).bill
    return bill.vendor_id, bill.number
