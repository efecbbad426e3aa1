"""Batches, their entries and posted documents as Sage 300 tells them. Pure.

An entry is named `<batch>/<entry>`, where it stands now: posting moves one with errors into a batch of its own. A
posted document has the same name, of the batch that it was posted from; one that tells none, or never was in a
batch of invoices (a prepayment, say), is `posted:<vendor>/<number>`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from urllib.parse import quote, unquote

from ..domain import BillDraft, EntryState, LedgerBill
from .fields import Record, amount, day, number, required, rows, text
from .mapper import document_number, document_type

HEADER = ("BatchNumber", "Description", "BatchStatus", "PostingSequenceNumber", "NumberOfErrors")
BATCH = (*HEADER, "Invoices")

OPEN, READY, POSTING, POSTED, DELETED = "Open", "ReadyToPost", "PostInProgress", "Posted", "Deleted"
_STATES = {
    OPEN: EntryState.OPEN,
    READY: EntryState.READY,
    POSTING: EntryState.POSTING,
    POSTED: EntryState.POSTED,
}
_INVOICES = ("Invoice", "Interest")  # they raise what is owed; other types lower it
_FROM_BATCHES = (*_INVOICES, "DebitNote", "CreditNote")

Place = tuple[int, int]  # batch, entry
Document = tuple[str, str]  # vendor, number, both as Sage compares them


def document(vendor: str, number: str) -> Document:
    """What is unique in a company, posted or not (docs: sage300 7.5)."""
    return vendor.strip().upper(), document_number(number)


@dataclass(frozen=True, slots=True)
class Entry:
    """`total` is signed; of an entry out of balance it is what its lines come to. `origin`: where posting threw it
    out. `author` is the user who entered it, where Sage tells."""

    place: Place
    vendor: str
    number: str
    kind: str
    total: Decimal
    undistributed: Decimal
    tax: Decimal
    currency: str
    dated: date | None
    due: date | None
    origin: Place | None
    author: str
    lines: tuple[int, ...]

    @property
    def document(self) -> Document:
        return document(self.vendor, self.number)


@dataclass(frozen=True, slots=True)
class Batch:
    """`sequence` numbers its posting, `errors` counts what that threw out."""

    number: int
    marker: str
    status: str
    sequence: int
    errors: int
    entries: tuple[Entry, ...]

    def entry(self, number: int) -> Entry | None:
        return next((each for each in self.entries if each.place[1] == number), None)

    @property
    def editable(self) -> bool:
        return self.status in (OPEN, READY)


# --- from Sage 300 -------------------------------------------------------------------------------


def batch(row: Record) -> Batch:
    status, own = required(row, "BatchStatus"), number(row, "BatchNumber")
    if status not in (*_STATES, DELETED):
        raise ValueError(f"BatchStatus: {status!r} is unknown")
    return Batch(
        number=own,
        marker=text(row, "Description"),
        status=status,
        sequence=number(row, "PostingSequenceNumber"),
        errors=number(row, "NumberOfErrors"),
        entries=tuple(_entry(own, each) for each in rows(row, "Invoices")),
    )


def _entry(batch: int, row: Record) -> Entry:
    kind, undistributed = required(row, "DocumentType"), amount(row, "UndistributedAmount")
    came_from = (number(row, "ErrorBatch"), number(row, "ErrorEntry"))
    return Entry(
        place=(batch, number(row, "EntryNumber")),
        vendor=text(row, "VendorNumber"),
        number=text(row, "DocumentNumber"),
        kind=kind,
        total=_signed(kind, amount(row, "DocumentTotalIncludingTax") - undistributed),
        undistributed=undistributed,
        tax=amount(row, "TaxTotal"),
        currency=text(row, "CurrencyCode"),
        dated=day(row, "DocumentDate"),
        due=day(row, "DueDate"),
        origin=came_from if came_from[0] else None,
        author=text(row, "EnteredBy"),
        lines=tuple(number(each, "LineNumber") for each in rows(row, "InvoiceDetails")),
    )


def _signed(kind: str, value: Decimal) -> Decimal:
    return abs(value) if kind in _INVOICES else -abs(value)


def ledger_bill(batch: Batch, entry: Entry, message: str = "") -> LedgerBill:
    """`message` is why posting threw it out."""
    if entry.undistributed and not message:
        message = f"The entry is out of balance by {entry.undistributed}."
    return LedgerBill(
        id=entry_id(entry.place),
        vendor_key=entry.vendor,
        number=entry.number,
        total=entry.total,
        state=state(batch, entry),
        batch=str(batch.number),
        marker=batch.marker,
        currency=entry.currency,
        invoice_date=entry.dated,
        message=message,
    )


def state(batch: Batch, entry: Entry) -> EntryState:
    """An entry that posting threw out stays refused until its new batch is made ready."""
    return EntryState.REFUSED if entry.origin and batch.status == OPEN else _STATES[batch.status]


def posted_document(row: Record) -> LedgerBill:
    """Of AP/APPostedDocuments, whose property names nobody has published (docs: sage300 7.5, 15b) [assumed]."""
    vendor, document, kind = required(row, "VendorNumber"), required(row, "DocumentNumber"), text(row, "DocumentType")
    place = (number(row, "BatchNumber"), number(row, "EntryNumber"))
    if row.get("VendorCurrencyInvoiceAmount") is None:
        raise ValueError("VendorCurrencyInvoiceAmount: missing")
    return LedgerBill(
        id=entry_id(place) if all(place) and kind in _FROM_BATCHES else posted_id(vendor, document),
        vendor_key=vendor,
        number=document,
        total=_signed(kind, amount(row, "VendorCurrencyInvoiceAmount")),
        state=EntryState.POSTED,
        batch=str(place[0] or ""),
        currency=text(row, "CurrencyCode"),
        invoice_date=day(row, "DocumentDate"),
    )


# --- names ---------------------------------------------------------------------------------------


def entry_id(place: Place) -> str:
    return f"{place[0]}/{place[1]}"


def entry_place(name: str) -> Place | None:
    """None for a name of another kind."""
    batch, _, entry = name.partition("/")
    return (int(batch), int(entry)) if batch.isdecimal() and entry.isdecimal() else None


def posted_id(vendor: str, number: str) -> str:
    return f"posted:{quote(vendor, safe='')}/{quote(number, safe='')}"


def posted_key(name: str) -> Document | None:
    """Vendor and number, None for a name of another kind."""
    head, _, rest = name.partition(":")
    vendor, slash, number = rest.partition("/")
    return (unquote(vendor), unquote(number)) if head == "posted" and slash else None


# --- what was stored against what was sent ---------------------------------------------------------


def fault(draft: BillDraft, entry: Entry | None) -> tuple[str, str]:
    """What is wrong with the entry that was to hold the draft: a reason code and words, "" twice for nothing."""
    if entry is None:
        return "rejected_by_target", "Sage 300 stored the document under another vendor or number"
    if draft.currency and entry.currency and entry.currency != draft.currency:
        return "currency_unsupported", f"The vendor is kept in {entry.currency}, the document in {draft.currency}"
    if entry.tax:
        return "amount_mismatch", f"Sage 300 added {entry.tax} of tax to a document that holds its tax already"
    if entry.undistributed or entry.total != draft.total or entry.kind != document_type(draft):
        return (
            "amount_mismatch",
            f"Sage 300 stored {entry.total} {entry.currency}, {entry.undistributed} of it not distributed,"
            f" instead of {draft.total}",
        )
    if len(entry.lines) != len(draft.lines):
        return "amount_mismatch", f"Sage 300 stored {len(entry.lines)} lines instead of {len(draft.lines)}"
    return "", ""


def faults(drafts: Sequence[BillDraft], batch: Batch) -> list[tuple[BillDraft, str, str]]:
    """The drafts that the batch does not hold as they are, with reason code and words."""
    held = {each.document: each for each in batch.entries}
    judged = ((draft, *fault(draft, held.get(document(draft.vendor_id, draft.number)))) for draft in drafts)
    return [each for each in judged if each[1]]
