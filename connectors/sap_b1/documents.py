"""A/P invoices as canonical bills, right to the cent. Pure. docs: sap_b1 6.1, 6.2

The document's own currency counts: the `Fc`/`FC` columns of a foreign invoice, the others of a local one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from itertools import combinations

from ..domain import CENT, Bill, BillLine, Blocked, Charge, ChargeKind, Instalment, OpenBill
from .fields import Record, amount, day, exact_amount, flag, number, required, rows, text
from .mapper import Currencies

OPEN = (
    "DocEntry",
    "DocNum",
    "CardCode",
    "NumAtCard",
    "DocDate",
    "DocCurrency",
    "DocTotal",
    "DocTotalFc",
    "DocumentStatus",
    "CancelStatus",
    "AuthorizationStatus",
    "PaymentBlock",
    "BPL_IDAssignedToInvoice",
    "DocumentInstallments",
)
PAID = ("PaidToDate", "PaidToDateFC")  # of newer schemas only (docs: sap_b1 trap 11)
WHOLE = (
    *OPEN,
    "CardName",
    "DocDueDate",
    "TaxDate",
    "Comments",
    "VatSum",
    "VatSumFc",
    "TotalDiscount",
    "TotalDiscountFC",
    "RoundingDiffAmount",
    "RoundingDiffAmountFC",
    "WTAmount",
    "WTAmountFC",
    "DownPaymentAmount",
    "DownPaymentAmountFC",
    "UpdateDate",
    "CreationDate",
    "DocumentLines",
    "DocumentAdditionalExpenses",
)
LINE = (
    "AccountCode",
    "ItemDescription",
    "LineTotal",
    "RowTotalFC",
    "TaxTotal",
    "NetTaxAmountFC",
    "CostingCode",
    "CostingCode2",
    "CostingCode3",
    "CostingCode4",
    "CostingCode5",
)
EXPENSE = ("LineTotal", "LineTotalFC", "TaxSum", "TaxSumFC")
INSTALMENT = ("InstallmentId", "DueDate", "Total", "TotalFC")
INSTALMENT_PAID = ("PaidToDate", "PaidToDateFC")

_UNAPPROVED = ("dasPending", "dasRejected", "dasCancelled")
_NOTHING = Decimal(0)
#: The charges that not every localisation takes off the document's total, the most doubtful first.
_DOUBTFUL = (
    ChargeKind.WITHHOLDING,
    ChargeKind.DOWN_PAYMENT,
    ChargeKind.DISCOUNT,
    ChargeKind.TAX,
    ChargeKind.ROUNDING,
    ChargeKind.FREIGHT,
)


@dataclass(frozen=True, slots=True)
class Paid:
    """What is paid of an invoice in its own currency, as far as its payments tell; `problem` says why they do not."""

    amount: Decimal = _NOTHING
    instalments: Mapping[int, Decimal] = field(default_factory=dict)
    problem: str = ""


@dataclass(frozen=True, slots=True)
class _Head:
    """What the list of open items and the whole document must agree on."""

    foreign: bool
    total: Decimal
    balance: Decimal
    blocked: tuple[Blocked, ...]
    instalments: tuple[Instalment, ...]
    problem: str


def is_cancellation(row: Record) -> bool:
    """The second document that cancelling an invoice adds to the same set (docs: sap_b1 trap 12)."""
    return row.get("CancelStatus") == "csCancellation"


def bill(row: Record, money: Currencies, accounts: Mapping[str, str], paid: Paid | None = None) -> Bill:
    """`accounts`: format codes by account key. `paid` stands in where the row itself cannot say it."""
    head = _head(row, money, paid)
    lines, charges = _amounts(row, head, accounts)
    return Bill(
        key=str(number(row, "DocEntry")),
        vendor_key=required(row, "CardCode"),
        vendor_name=text(row, "CardName"),
        number=text(row, "NumAtCard").strip(),
        ledger_number=str(number(row, "DocNum")),
        invoice_date=day(row, "TaxDate") or day(row, "DocDate"),
        due_date=day(row, "DocDueDate"),
        currency=money.iso(text(row, "DocCurrency")),
        total=head.total,
        balance=head.balance,
        lines=lines,
        charges=charges,
        instalments=head.instalments,
        blocked=head.blocked,
        problem=head.problem,
        description=text(row, "Comments"),
    )


def open_bill(row: Record, money: Currencies, paid: Paid | None = None) -> OpenBill:
    head = _head(row, money, paid)
    return OpenBill(
        key=str(number(row, "DocEntry")),
        vendor_key=required(row, "CardCode"),
        number=text(row, "NumAtCard").strip(),
        ledger_number=str(number(row, "DocNum")),
        dated=day(row, "DocDate"),
        currency=money.iso(text(row, "DocCurrency")),
        total=head.total,
        balance=head.balance,
        blocked=head.blocked,
        instalments=head.instalments,
    )


def blocked(row: Record) -> tuple[Blocked, ...]:
    """Why the invoice must not be paid now. What is unclear must not be paid either: it raises ValueError."""
    status, cancelled = required(row, "DocumentStatus"), required(row, "CancelStatus")
    if cancelled not in ("csNo", "csYes", "csCancellation"):
        raise ValueError(f"CancelStatus: {cancelled!r} is unknown")
    if not status.startswith("bost_"):
        raise ValueError(f"DocumentStatus: {status!r} is unknown")
    reasons = (
        (Blocked.CANCELLED, cancelled != "csNo"),
        (Blocked.CLOSED, status != "bost_Open"),
        (Blocked.NOT_POSTED, text(row, "AuthorizationStatus") in _UNAPPROVED),
        (Blocked.PAYMENT_BLOCK, flag(row, "PaymentBlock")),
    )
    return tuple(reason for reason, holds in reasons if holds)


# --- total and balance ---------------------------------------------------------------------------


def _head(row: Record, money: Currencies, paid: Paid | None) -> _Head:
    foreign = money.foreign(text(row, "DocCurrency"))
    total = exact_amount(row, "DocTotalFc" if foreign else "DocTotal")
    reasons = blocked(row)
    settled = Blocked.CANCELLED in reasons or Blocked.CLOSED in reasons
    if paid is None:
        paid = Paid(exact_amount(row, "PaidToDateFC" if foreign else "PaidToDate"), _paid_parts(row, foreign))
    problem = "" if settled else paid.problem
    taken = total if settled else paid.amount
    parts = _instalments(row, foreign, taken, _NO_PARTS if settled else paid.instalments)
    asked = _sum(rows(row, "DocumentInstallments"), "TotalFC" if foreign else "Total")
    if (asked or parts) and asked != total:  # less: tax that is withheld when paying (docs: sap_b1 trap 15)
        parts, problem = (), problem or f"its instalments do not add up to {total}, but to {asked}."
    return _Head(foreign, total, total - taken, reasons, parts, problem)


_NO_PARTS: Mapping[int, Decimal] = {}


def _paid_parts(row: Record, foreign: bool) -> Mapping[int, Decimal]:
    column = "PaidToDateFC" if foreign else "PaidToDate"
    return {number(part, "InstallmentId"): amount(part, column) for part in rows(row, "DocumentInstallments")}


def _instalments(row: Record, foreign: bool, paid: Decimal, parts: Mapping[int, Decimal]) -> tuple[Instalment, ...]:
    """Only where there are several. What is paid comes off the one it was paid for, else off the oldest."""
    told = rows(row, "DocumentInstallments")
    if len(told) < 2:
        return ()
    owed = sorted(
        (
            (number(part, "InstallmentId"), day(part, "DueDate"), amount(part, "TotalFC" if foreign else "Total"))
            for part in told
        ),
        key=lambda part: part[0],
    )
    known = sum(parts.values(), _NOTHING) == paid
    taken = parts if known else _oldest_first({n: total for n, _, total in owed}, {n: due for n, due, _ in owed}, paid)
    return tuple(Instalment(n, due, total, total - taken.get(n, _NOTHING)) for n, due, total in owed)


def _oldest_first(
    totals: Mapping[int, Decimal], due: Mapping[int, date | None], paid: Decimal
) -> Mapping[int, Decimal]:
    taken: dict[int, Decimal] = {}
    for n in sorted(totals, key=lambda n: (due[n] or date.min, n)):
        taken[n] = min(totals[n], paid)
        paid -= taken[n]
    return taken


# --- lines and what stands outside them ----------------------------------------------------------


def _amounts(row: Record, head: _Head, accounts: Mapping[str, str]) -> tuple[tuple[BillLine, ...], tuple[Charge, ...]]:
    """Tax goes with its line, a freight's tax with the freight. Lines and charges add up to the total, if they can."""
    foreign = head.foreign
    told, expenses = rows(row, "DocumentLines"), rows(row, "DocumentAdditionalExpenses")
    freight_tax = _sum(expenses, "TaxSumFC" if foreign else "TaxSum")
    freight = _sum(expenses, "LineTotalFC" if foreign else "LineTotal") + freight_tax
    tax = amount(row, "VatSumFc" if foreign else "VatSum") - freight_tax
    nets = [amount(line, "RowTotalFC" if foreign else "LineTotal") for line in told]
    taxes = _taxes(told, nets, tax, foreign)
    lines = tuple(_line(line, net + its_tax, accounts) for line, net, its_tax in zip(told, nets, taxes, strict=True))
    missed = tax - sum(taxes, _NOTHING)
    candidates = [
        Charge(ChargeKind.FREIGHT, freight),
        Charge(ChargeKind.ROUNDING if abs(missed) <= _slack(told) else ChargeKind.TAX, missed),
        Charge(ChargeKind.ROUNDING, amount(row, "RoundingDiffAmountFC" if foreign else "RoundingDiffAmount")),
        Charge(ChargeKind.DISCOUNT, -amount(row, "TotalDiscountFC" if foreign else "TotalDiscount")),
        Charge(ChargeKind.WITHHOLDING, -amount(row, "WTAmountFC" if foreign else "WTAmount")),
        Charge(ChargeKind.DOWN_PAYMENT, -amount(row, "DownPaymentAmountFC" if foreign else "DownPaymentAmount")),
    ]
    missing = head.total - sum((line.amount for line in lines), _NOTHING)
    return lines, _merged(_balancing([charge for charge in candidates if charge.amount], missing))


def _line(line: Record, total: Decimal, accounts: Mapping[str, str]) -> BillLine:
    code = text(line, "AccountCode")
    return BillLine(
        account_key=code,
        account_number=accounts.get(code, code),
        amount=total,
        description=text(line, "ItemDescription"),
        departments=tuple(text(line, name) for name in LINE if name.startswith("CostingCode")),
    )


def _taxes(told: Sequence[Record], nets: Sequence[Decimal], tax: Decimal, foreign: bool) -> list[Decimal]:
    """Each line's tax. A foreign line does not always tell its own: then the document's is shared out by the local
    taxes of the lines, and where no line tells any by their net amounts [assumed]."""
    local = [amount(line, "TaxTotal") for line in told]
    own = [amount(line, "NetTaxAmountFC") for line in told] if foreign else local
    if any(own) and (not foreign or abs(sum(own, _NOTHING) - tax) <= _slack(told)):
        return own
    return _shared(tax, local if any(local) else list(nets))


def _slack(told: Sequence[Record]) -> Decimal:
    """How far rounding line by line can lead away from the document's tax."""
    return CENT * len(told)


def _shared(total: Decimal, weights: Sequence[Decimal]) -> list[Decimal]:
    """To the cent by weight; what rounding leaves goes to the heaviest."""
    whole = sum(weights, _NOTHING)
    if not total or not whole:
        return [_NOTHING] * len(weights)
    shares = [(total * weight / whole).quantize(CENT, ROUND_HALF_EVEN) for weight in weights]
    heaviest = max(range(len(weights)), key=lambda index: abs(weights[index]))
    shares[heaviest] += total - sum(shares, _NOTHING)
    return shares


def _balancing(charges: Sequence[Charge], missing: Decimal) -> Sequence[Charge]:
    """As many of the charges as make up what the lines miss, all if none do: localisations differ in what they take
    off the total. The flow holds a document that does not add up."""
    doubtful = sorted(charges, key=lambda charge: _DOUBTFUL.index(charge.kind))
    for count in range(len(doubtful) + 1):
        for left_out in combinations(doubtful, count):
            kept = [charge for charge in charges if not any(charge is each for each in left_out)]
            if sum((charge.amount for charge in kept), _NOTHING) == missing:
                return kept
    return charges


def _merged(charges: Sequence[Charge]) -> tuple[Charge, ...]:
    sums: dict[ChargeKind, Decimal] = {}
    for charge in charges:
        sums[charge.kind] = sums.get(charge.kind, _NOTHING) + charge.amount
    return tuple(Charge(kind, total) for kind, total in sums.items() if total)


def _sum(told: Sequence[Record], column: str) -> Decimal:
    return sum((amount(each, column) for each in told), _NOTHING)
