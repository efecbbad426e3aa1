"""Outgoing payments: what is sent, how it settles invoices, and what SAP holds. Pure. docs: sap_b1 6.5"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from ..domain import Application, Blocked, LedgerPayment, OpenBill, PaymentDraft, PaymentMethod
from . import odata
from .fields import Record, amount, day, exact_amount, flag, number, rows, text, to_cents

PAYMENT = (
    "DocEntry",
    "DocNum",
    "CardCode",
    "DocDate",
    "DocCurrency",
    "DocObjectCode",
    "TransferSum",
    "TransferReference",
    "CounterReference",
    "Remarks",
    "Cancelled",
    "AuthorizationStatus",
    "PaymentInvoices",
)
APPLIED = ("DocEntry", "InvoiceType", "InstallmentId", "SumApplied", "AppliedFC")
APPROVAL = ("Code", "Status", "ObjectType", "DraftEntry")

REFERENCE_LENGTH = 27
COUNTER_LENGTH = 8
REMARKS_LENGTH = 254
JOURNAL_LENGTH = 50

DRAFT = "draft:"  # begins the id of what SAP keeps back for approval
PENDING, REJECTED, DONE = "pending", "rejected", "done"
PURCHASE_INVOICE = "it_PurchaseInvoice"
OUTGOING = "bopot_OutgoingPayments"

_APPROVALS = {
    "pasGenerated": DONE,
    "pasGeneratedbyAuthorizer": DONE,
    "pasRejected": REJECTED,
    "pasCancelled": REJECTED,
    "arsGenerated": DONE,
    "arsGeneratedByAuthorizer": DONE,
    "arsNotApproved": REJECTED,
    "arsCancelled": REJECTED,
}
_PAYMENT_TYPES = ("46", "140")  # of an approval request: an outgoing payment, a payment's draft [assumed]
_METHODS = {method: method.value for method in PaymentMethod} | {PaymentMethod.VIRTUAL_CARD: "VCARD"}
_KEY = re.compile(r"([0-9]{1,10})(?:-([0-9]{1,5}))?")
_IN_REMARKS = re.compile(r"\((\S+)\)$")


class Unpayable(ValueError):
    """Why invoices cannot take a payment. `code` is ours."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Due:
    """An invoice as a payment meets it: its own currency code, its branch, whether its balance is `unsure`."""

    bill: OpenBill
    currency: str
    foreign: bool
    branch: int | None
    unsure: bool = False


@dataclass(frozen=True, slots=True)
class Applied:
    """A payment's part of one instalment, in local and in the document's currency."""

    entry: int
    instalment: int
    local: Decimal
    foreign: Decimal


@dataclass(frozen=True, slots=True)
class Rate:
    """Of a foreign currency: local amounts are foreign ones times it, or divided by it."""

    value: Decimal
    multiplies: bool

    def local(self, foreign: Decimal) -> Decimal:
        return to_cents(foreign * self.value if self.multiplies else foreign / self.value)


# --- keys ----------------------------------------------------------------------------------------


def invoice_key(key: str) -> tuple[int, int]:
    """`4711` or `4711-2` -> (DocEntry, instalment or 0). Raises ValueError."""
    found = _KEY.fullmatch(key)
    if not found:
        raise ValueError(f"{key!r} is no invoice of SAP Business One")
    return int(found[1]), int(found[2] or 0)


def transfer_reference(reference: str) -> str:
    """What fits TransferReference: the end, which is the unique part."""
    return reference[-REFERENCE_LENGTH:]


# --- from SAP ------------------------------------------------------------------------------------


def applied(row: Record) -> list[Applied]:
    """The payment's rows that settle A/P invoices; its `DocEntry` column is the invoice's key."""
    return [
        Applied(
            entry=number(each, "DocEntry"),
            instalment=1 if each.get("InstallmentId") is None else number(each, "InstallmentId"),
            local=amount(each, "SumApplied"),
            foreign=amount(each, "AppliedFC"),
        )
        for each in rows(row, "PaymentInvoices")
        if text(each, "InvoiceType") == PURCHASE_INVOICE
    ]


def payment(row: Record, *, approval: str = "") -> LedgerPayment:
    """A posted payment, or with `approval` one that SAP keeps as a draft. Amounts are in the payment's currency."""
    sums: dict[int, Decimal] = {}
    for each in applied(row):
        sums[each.entry] = sums.get(each.entry, Decimal(0)) + (each.foreign or each.local)
    entry, counter = number(row, "DocEntry"), text(row, "CounterReference")
    return LedgerPayment(
        id=f"{DRAFT}{entry}" if approval else str(entry),
        reference=_reference(row),
        vendor_key=text(row, "CardCode"),
        posted=not approval,
        amount=amount(row, "TransferSum"),
        check_number="" if counter in _METHODS.values() else counter,
        paid_on=day(row, "DocDate"),
        applications=tuple(Application(bill=str(key), amount=total, key=str(key)) for key, total in sums.items()),
        approval=approval,
    )


def _reference(row: Record) -> str:
    """Ours in full: where it was cut, the remarks end with it."""
    kept = text(row, "TransferReference")
    named = _IN_REMARKS.search(text(row, "Remarks"))
    return named[1] if named and len(kept) == REFERENCE_LENGTH and named[1].endswith(kept) else kept


def cancelled(row: Record) -> bool:
    return flag(row, "Cancelled")


def approval(draft: Record, requests: Sequence[Record]) -> str:
    """What became of a draft: its newest approval request says it, else its own status. DONE: it was posted."""
    ours = [each for each in requests if text(each, "ObjectType") in _PAYMENT_TYPES]
    newest = max(ours, key=lambda each: number(each, "Code"), default=None)
    status = text(newest, "Status") if newest else text(draft, "AuthorizationStatus")
    return _APPROVALS.get(status, PENDING)


def is_outgoing(draft: Record) -> bool:
    return text(draft, "DocObjectCode") in ("", OUTGOING)


def awaiting(draft_id: str) -> str:
    return f"SAP keeps the payment as draft {draft_id.removeprefix(DRAFT)} until it is approved there."


def confirms(row: Record, body: Mapping[str, Any]) -> bool:
    """Whether a payment read from the ledger is the one that was sent, and stands there."""
    return (
        text(row, "CardCode") == body["CardCode"]
        and text(row, "TransferReference") == body["TransferReference"]
        and exact_amount(row, "TransferSum") == body["TransferSum"]
        and text(row, "AuthorizationStatus") != "pasPending"
    )


# --- to SAP --------------------------------------------------------------------------------------


def allocate(draft: PaymentDraft, due: Mapping[int, Due]) -> list[tuple[Due, int, Decimal]]:
    """What settles which instalment: the one that an application names first, then the oldest.

    Raises Unpayable for invoices that are not there, not open or smaller than their part.
    """
    left = {(entry, n): owed for entry, one in due.items() for n, owed in _owed(one)}
    found: list[tuple[Due, int, Decimal]] = []
    for each in draft.applications:
        entry, named = _named(each)
        one = due.get(entry)
        if one is None or one.bill.vendor_key != draft.vendor_key:
            raise Unpayable(
                "invoice_not_found", f"Vendor {draft.vendor_key} has no invoice {each.bill or each.key} (key {entry})."
            )
        found += _settle(one, entry, named, each.amount, left)
    return _joined(found)


def _named(application: Application) -> tuple[int, int]:
    try:
        return invoice_key(application.key or application.bill)
    except ValueError as error:
        raise Unpayable("invoice_not_found", f"{error}.") from None


def _settle(
    one: Due, entry: int, named: int, wanted: Decimal, left: dict[tuple[int, int], Decimal]
) -> list[tuple[Due, int, Decimal]]:
    bill = one.bill
    shown = f"Invoice {bill.number or bill.ledger_number} (document {bill.ledger_number})"
    if {Blocked.CANCELLED, Blocked.CLOSED} & set(bill.blocked):
        raise Unpayable(
            "invoice_closed",
            f"{shown} is {bill.blocked[0]} in SAP: its balance is {to_cents(bill.balance)}, not the {wanted} paid.",
        )
    if wanted <= 0 or (wanted > bill.balance and not one.unsure):
        raise Unpayable(
            "amount_exceeds_balance", f"{shown} has a balance of {bill.balance} in SAP, less than the {wanted} paid."
        )
    found = []
    for n in sorted((n for key, n in left if key == entry), key=lambda n: n != named):
        part = min(wanted, left[entry, n])
        if part > 0:
            found.append((one, n, part))
            left[entry, n] -= part
            wanted -= part
    if wanted:
        raise Unpayable(
            "amount_exceeds_balance", f"{shown} has a balance of {bill.balance} in SAP, {wanted} less than is paid."
        )
    return found


def _owed(one: Due) -> list[tuple[int, Decimal]]:
    """Instalments, the oldest first, and what each still takes; the whole total where that is not known."""
    if not one.bill.instalments:
        return [(1, one.bill.total if one.unsure else one.bill.balance)]
    dated = sorted(one.bill.instalments, key=lambda part: (part.due_date or date.min, part.number))
    return [(part.number, part.total if one.unsure else part.balance) for part in dated]


def _joined(parts: Sequence[tuple[Due, int, Decimal]]) -> list[tuple[Due, int, Decimal]]:
    """One row per instalment."""
    sums: dict[tuple[str, int], tuple[Due, int, Decimal]] = {}
    for one, n, part in parts:
        before = sums.get((one.bill.key, n))
        sums[one.bill.key, n] = (one, n, part + (before[2] if before else 0))
    return list(sums.values())


def agreed(due: Sequence[Due]) -> Due:
    """Any of the invoices, once they are of one currency and one branch. Raises Unpayable."""
    first = due[0]
    if any(each.currency != first.currency for each in due):
        raise Unpayable("currency_unsupported", "The payment's invoices are in several currencies.")
    if any(each.branch != first.branch for each in due):
        raise Unpayable("branches_differ", "The payment's invoices belong to several branches of SAP.")
    return first


def body(
    draft: PaymentDraft, parts: Sequence[tuple[Due, int, Decimal]], *, version: int, rate: Rate | None, branches: bool
) -> dict[str, Any]:
    """`rate`: of foreign invoices, None for local ones. The same draft and invoices always give the same body.

    Raises Unpayable where the invoices do not go together.
    """
    common = agreed([one for one, _, _ in parts])
    paid_on = odata.body_date(draft.paid_on, version)
    named = f"({draft.reference})"
    found: dict[str, Any] = {
        "DocType": "rSupplier",
        "CardCode": draft.vendor_key,
        "DocDate": paid_on,
        "TaxDate": paid_on,
        "DocCurrency": common.currency,
        "TransferAccount": draft.bank,
        "TransferSum": sum((part for _, _, part in parts), Decimal(0)),
        "TransferDate": paid_on,
        "TransferReference": transfer_reference(draft.reference),
        "CounterReference": draft.check_number[-COUNTER_LENGTH:] or _METHODS[draft.method],
        "Remarks": f"{draft.comment[: REMARKS_LENGTH - len(named) - 1]} {named}".strip(),
        "JournalRemarks": draft.comment[:JOURNAL_LENGTH],
        "PaymentInvoices": [_applied_row(one, n, part, rate) for one, n, part in parts],
    }
    if rate:
        found["DocRate"] = rate.value
    if branches and common.branch is not None:
        found["BPLID"] = common.branch
    return found


def _applied_row(one: Due, instalment: int, part: Decimal, rate: Rate | None) -> dict[str, Any]:
    """InvoiceType is always told: SAP's default is an invoice to a customer."""
    row: dict[str, Any] = {
        "DocEntry": int(one.bill.key),
        "InvoiceType": PURCHASE_INVOICE,
        "InstallmentId": instalment,
        "SumApplied": rate.local(part) if rate else part,
    }
    if rate:
        row["AppliedFC"] = part
    return row
