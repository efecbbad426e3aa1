"""Invoices in batches: entered, found, followed, changed and taken back. docs: sage300 7"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial

from ..domain import BatchOrder, BillDraft, LedgerBill, PostMode, Written
from ..errors import (
    BadAnswer,
    ConnectorError,
    Duplicate,
    NotFound,
    OutcomeUnknown,
    RecordLocked,
    Rejected,
    sentence,
)
from ..ports import Host
from ..transport import dump_json
from . import documents, mapper, refusals
from .batches import Batches, Search, parsed
from .client import INVOICE_BATCHES, POSTED_DOCUMENTS, Client
from .documents import OPEN, READY, Batch, Document, Entry
from .feed import Row
from .odata import any_of
from .posting import Posting, Progress
from .refusals import FIELD

BATCH_SIZE = 50
LARGEST_BODY = 1_000_000  # bytes; what more the web server takes is the site's choice (docs: sage300 10)
BILL_POSTED = "bill_posted"

_DOCUMENT_KEY = ("VendorNumber", "DocumentNumber")


class Bills:
    """The port `WritesLedgerBills`; ids are those of `documents`."""

    def __init__(self, client: Client, host: Host) -> None:
        self._client = client
        self._batches = Batches(client)
        self._posting = Posting(client, host, self._batches)

    # --- entering ------------------------------------------------------------------------------------

    def enter(self, drafts: Sequence[BillDraft], order: BatchOrder) -> list[Written]:
        """One batch, entered open, compared with the drafts, and only then taken as far as the order says."""
        body = _body(drafts, order)
        try:
            row = self._client.create(INVOICE_BATCHES, body)
        except (Rejected, RecordLocked) as error:
            self._clear(order.marker)
            raise self._explained(error, drafts) from None
        batch = self._entered(row)
        wrong = documents.faults(drafts, batch)
        if wrong:
            raise self._taken_back(batch, *wrong[0])
        progress = self._posting.advance(batch, order.post)
        entries = {each.document: each for each in batch.entries}
        mine = [entries[documents.document(draft.vendor_id, draft.number)] for draft in drafts]
        return self._written(mine, progress)

    def _entered(self, row: Row) -> Batch:
        """What the answer says was stored. Whatever is not understood of it, the batch is there."""
        try:
            batch = parsed(row)
            if not batch.number:
                raise BadAnswer("Sage 300 did not say which number it gave the batch.")
            return batch if batch.entries else self._batches.one(batch.number) or batch
        except ConnectorError as error:
            raise OutcomeUnknown(error.message, raw=str(row)[:2000]) from None

    def _clear(self, marker: str) -> None:
        """A refused batch may have left some of its entries in an open one (docs: sage300 7.2)."""
        try:
            for batch in self._batches.marked(marker):
                if batch.entries:
                    self._batches.remove(batch.number, batch.entries)
        except ConnectorError as error:
            raise OutcomeUnknown(
                f"Sage 300 refused the batch {marker} but may have kept a part of it. {sentence(error.message)}"
            ) from None

    def _explained(self, error: ConnectorError, drafts: Sequence[BillDraft]) -> ConnectorError:
        """A refusal of one document may mean that its number is taken, in whatever language it is said."""
        taken = isinstance(error, Duplicate) or getattr(error, "code", None) == FIELD
        if len(drafts) > 1 or not taken:
            return error
        asked = (drafts[0].vendor_id, drafts[0].number)
        try:
            found = self.find([asked])[asked]
        except ConnectorError:
            return error
        if not found:
            return error
        return Duplicate(error.message, ref=found[0].id, status=error.status, code=error.code, raw=error.raw)

    def _taken_back(self, batch: Batch, draft: BillDraft, reason: str, words: str) -> ConnectorError:
        """The error for a batch that was stored otherwise than sent, once nothing is left of it."""
        message = f"{words} (document {draft.number} of vendor {draft.vendor_id})."
        try:
            self._batches.remove(batch.number, batch.entries)
        except ConnectorError as error:
            return OutcomeUnknown(
                f"{message} Batch {batch.number} stays open and must be corrected in Sage 300."
                f" {sentence(error.message)}"
            )
        return Rejected(message, reason=reason)

    # --- how far ---------------------------------------------------------------------------------------

    def advance(self, ids: Sequence[str], order: BatchOrder) -> dict[str, Written]:
        search = Search(self._batches)
        found = {name: entry for name in ids if (entry := self._place(name, search))}
        written: dict[str, Written] = {}
        for number in dict.fromkeys(batch.number for batch, _ in found.values()):
            names = [name for name, (batch, _) in found.items() if batch.number == number]
            batch, entries = found[names[0]][0], [found[name][1] for name in names]
            progress = self._further(batch, entries, order)
            results = self._written(entries, progress)
            written |= dict(zip(names, results, strict=True))
        for name in ids:
            if (key := documents.posted_key(name)) and (bill := self._posted_one(key)):
                written[name] = Written(bill.id, bill.number, bill.total, details={"state": bill.state.value})
        return written

    def _further(self, batch: Batch, asked: Sequence[Entry], order: BatchOrder) -> Progress:
        """Only batches of our own: those of other users are theirs to post (docs: sage300 15b). Ours have the
        marker, or hold nothing that another user entered, or are what posting threw out together with the asked."""
        user, thrown = self._client.config.username, {each.origin[0] for each in asked if each.origin}
        others = [each for each in batch.entries if not each.origin or each.origin[0] not in thrown]
        strangers = sorted({each.author or "somebody" for each in others if each.author.upper() != user})
        if batch.editable and order.post is not PostMode.OPEN and strangers and batch.marker != order.marker:
            return Progress(
                batch, refused=f"Batch {batch.number} holds entries of {', '.join(strangers)}: post it in Sage 300."
            )
        return self._posting.advance(batch, order.post)

    def _written(self, entries: Sequence[Entry], progress: Progress) -> list[Written]:
        """What became of entries of one batch, which posting may have moved."""
        search = Search(self._batches, [progress.batch])
        warning = progress.warning
        try:
            now = [search.entry(entry.place, entry) or (progress.batch, entry) for entry in entries]
        except ConnectorError as error:  # the batch is as far as it is; where its entries are can be read later
            warning = warning or sentence(error.message)
            now = [(progress.batch, entry) for entry in entries]
        reasons = self._posting.reasons(now, search)
        return [
            self._one_written(batch, entry, reasons.get(entry.place, ""), progress, warning) for batch, entry in now
        ]

    def _one_written(self, batch: Batch, entry: Entry, reason: str, progress: Progress, warning: str) -> Written:
        details = {"state": documents.state(batch, entry).value, "batch": str(batch.number)}
        if reason:
            details |= {"refused": reason, "reason": refusals.reason(reason)}
        elif progress.refused:
            details |= {"refused": progress.refused, "reason": progress.reason or "rejected_by_target"}
        if warning:
            details["warnings"] = warning
        return Written(documents.entry_id(entry.place), entry.number, entry.total, details=details)

    # --- finding ---------------------------------------------------------------------------------------

    def find(self, asked: Sequence[Document]) -> dict[Document, list[LedgerBill]]:
        """By vendor and number as asked, an empty list for what is not there. Posted ones, then unposted ones."""
        found: dict[Document, list[LedgerBill]] = {documents.document(*each): [] for each in asked}
        if not found:
            return {}
        for filter in any_of("DocumentNumber", (number for _, number in found)):
            for row in self._client.rows(POSTED_DOCUMENTS, key=_DOCUMENT_KEY, filter=filter):
                bill = _posted(row)
                if (key := documents.document(bill.vendor_key, bill.number)) in found:
                    found[key].append(bill)
        for batch in self._batches.unposted():
            for entry in batch.entries:
                if entry.document in found:
                    found[entry.document].append(documents.ledger_bill(batch, entry))
        return {each: found[documents.document(*each)] for each in asked}

    def find_batch(self, marker: str) -> list[LedgerBill] | None:
        batches = self._batches.marked(marker)
        if not batches:
            return None
        search = Search(self._batches, batches)
        now = [search.entry(each.place) for batch in batches for each in batch.entries]
        return self._told({entry.document: (batch, entry) for batch, entry in filter(None, now)}.values(), search)

    def unposted(self) -> list[LedgerBill]:
        """Without the reasons of what posting threw out: those cost requests."""
        return [documents.ledger_bill(batch, entry) for batch in self._batches.unposted() for entry in batch.entries]

    def get(self, ids: Sequence[str]) -> dict[str, LedgerBill]:
        search = Search(self._batches)
        found = {name: entry for name in dict.fromkeys(ids) if (entry := self._place(name, search))}
        bills = dict(zip(found, self._told(found.values(), search), strict=True))
        for name in dict.fromkeys(ids):
            if (key := documents.posted_key(name)) and (bill := self._posted_one(key)):
                bills[name] = bill
        return bills

    def _told(self, found: Iterable[tuple[Batch, Entry]], search: Search) -> list[LedgerBill]:
        entries = list(found)
        reasons = self._posting.reasons(entries, search)
        bills = [documents.ledger_bill(batch, entry, reasons.get(entry.place, "")) for batch, entry in entries]
        return [replace(bill, reason=refusals.reason(bill.message)) if bill.message else bill for bill in bills]

    @staticmethod
    def _place(name: str, search: Search) -> tuple[Batch, Entry] | None:
        place = documents.entry_place(name)
        return search.entry(place) if place else None

    def _posted_one(self, key: Document) -> LedgerBill | None:
        try:
            return _posted(self._client.get(POSTED_DOCUMENTS, dict(zip(_DOCUMENT_KEY, key, strict=True))))
        except NotFound:
            return None

    # --- changing --------------------------------------------------------------------------------------

    def change(self, name: str, draft: BillDraft, order: BatchOrder) -> Written:
        """A batch that was ready is opened for it and made ready again, unless the entry came out wrong."""
        found = self._editable(name)
        if found is None:
            raise NotFound(f"Entry {name} is not in Sage 300 any more.")
        batch, entry = found
        changes = _sendable(partial(mapper.invoice_changes, draft, order.tax, entry.place[1], entry.lines))
        self._edit(batch, [changes])
        after = self._batches.one(batch.number)
        changed = after.entry(entry.place[1]) if after else None
        reason, words = documents.fault(draft, changed)
        if after is None or changed is None or reason:
            raise Rejected(
                f"{words or 'The entry is gone'} (entry {name}). The batch is left open: correct it in Sage 300.",
                reason=reason,
            )
        progress = self._posting.advance(after, PostMode.READY) if batch.status == READY else Progress(after)
        return self._one_written(progress.batch, changed, "", progress, progress.warning)

    def remove(self, name: str) -> None:
        """A batch that was ready is opened for it and made ready again, unless nothing is left in it."""
        found = self._editable(name)
        if found is None:
            return
        batch, entry = found
        self._edit(batch, [{"EntryNumber": entry.place[1], "UpdateOperation": "Delete"}])
        if len(batch.entries) > 1:
            self._ready_again(batch)

    def _editable(self, name: str) -> tuple[Batch, Entry] | None:
        found = self._place(name, Search(self._batches))
        posted = documents.posted_key(name) or (found and found[0].status == documents.POSTED)
        if posted:
            raise Rejected(f"{name} is posted in Sage 300 and cannot be changed any more.", code=BILL_POSTED)
        if found and not found[0].editable:
            raise RecordLocked(f"Sage 300 is posting batch {found[0].number}.")
        return found

    def _edit(self, batch: Batch, entries: Sequence[Row]) -> None:
        if batch.status == READY:
            self._batches.set_status(batch.number, OPEN)
        try:
            self._batches.edit(batch.number, entries)
        except (Rejected, RecordLocked):
            self._ready_again(batch)
            raise

    def _ready_again(self, batch: Batch) -> None:
        """What fails here leaves the batch open, where people find it."""
        if batch.status == READY:
            self._posting.advance(replace(batch, status=OPEN), PostMode.READY)


def _body(drafts: Sequence[BillDraft], order: BatchOrder) -> Row:
    """Raises Rejected for what Sage cannot hold, so that nothing is sent."""
    body = _sendable(partial(mapper.batch_body, drafts, order))
    if len(drafts) > 1 and len(dump_json(body)) > LARGEST_BODY:
        raise Rejected("The batch is larger than Sage 300's web server may take; send fewer documents at once.")
    return body


def _sendable(make: Callable[[], Row]) -> Row:
    try:
        return make()
    except ValueError as error:
        raise Rejected(f"{error}.", field=str(error).partition(":")[0]) from None


def _posted(row: Row) -> LedgerBill:
    try:
        return documents.posted_document(row)
    except ValueError as error:
        raise BadAnswer(
            f"Posted document {row.get('DocumentNumber')} of Sage 300 could not be understood: {error}."
        ) from None
