"""From a ledger's invoice to the bill the cloud gets: pure, right to the cent, or a reason why not."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal

from connectors.domain import CENT, Bill, BillDraft, BillLine, Charge, ChargeKind, DraftLine
from integrations.engine.vocabulary import Hold, Reason

from .documents import suffix

#: What finds an account: (mapping table, source key, how people call it) -> target id or a Hold. "" for an amount
#: outside the lines that nobody mapped and that may go where the largest line goes.
FindAccount = Callable[[str, str, str], "str | Hold"]
#: What finds the department of a line: target id, "" for none, or a Hold.
FindDepartment = Callable[[BillLine], "str | Hold"]
#: What finds the codes that a line has besides its account.
FindCodes = Callable[[BillLine], "tuple[str, ...]"]

WORDS = {
    ChargeKind.FREIGHT: "Freight",
    ChargeKind.TAX: "Sales tax",
    ChargeKind.ROUNDING: "Rounding",
    ChargeKind.DISCOUNT: "Discount",
    ChargeKind.WITHHOLDING: "Withholding tax",
    ChargeKind.DOWN_PAYMENT: "Down payment",
    ChargeKind.PAID: "Paid already",
}


@dataclass(frozen=True, slots=True)
class Rules:
    """What the target and the settings ask of a bill; `number_limit` 0 is none."""

    find: FindAccount
    department: FindDepartment
    number_limit: int
    long_numbers: str  # "hold" or "shorten"
    target: str
    codes: FindCodes = lambda line: ()
    prorate: bool = False  # spread what does not add up over the lines


def build(bill: Bill, *, vendor_id: str, owed: Decimal, rules: Rules) -> BillDraft | Hold:
    """The draft whose total is `owed`, or what keeps the invoice from going.

    `owed` is what the cloud is asked to pay: the open balance, plus what it paid itself already.
    """
    if bill.problem:
        return Hold(Reason.AMOUNT_MISMATCH, f"Invoice {bill.number or bill.ledger_number}: {bill.problem}")
    number = fitting_number(bill, rules)
    if isinstance(number, Hold):
        return number
    if bill.invoice_date is None:
        return Hold(Reason.AMOUNT_MISMATCH, f"Invoice {bill.number} has no invoice date.")
    coded, charges = bill, outside_lines(bill)
    if isinstance(charges, Hold):
        if not rules.prorate or not sum((line.amount for line in bill.lines), Decimal(0)):
            return charges
        coded, charges = prorated(bill)
    paid = bill.total - owed
    if paid < 0:
        return Hold(
            Reason.AMOUNT_MISMATCH,
            f"Invoice {bill.number} is over {bill.total}, but {owed} is owed: more than the document.",
        )
    if paid:
        charges = (*charges, Charge(ChargeKind.PAID, -paid))
    lines = code_lines(coded, charges, rules)
    if isinstance(lines, Hold):
        return lines
    draft = BillDraft(
        vendor_id=vendor_id,
        number=number,
        invoice_date=bill.invoice_date,
        due_date=bill.due_date or bill.invoice_date,
        lines=lines,
        purchase_order=bill.purchase_order,
        description=bill.description,
    )
    if draft.total != owed:
        return Hold(
            Reason.AMOUNT_MISMATCH, f"The lines add up to {draft.total}, but {owed} is owed on invoice {bill.number}."
        )
    return draft


def fitting_number(bill: Bill, rules: Rules) -> str | Hold:
    """The document number as the target can hold it: shortened the same way every time, or held."""
    if not bill.number:
        return Hold(
            Reason.REJECTED_BY_TARGET,
            f"Invoice {bill.ledger_number} has no invoice number of its vendor; {rules.target} needs one.",
        )
    limit = rules.number_limit
    if not limit or len(bill.number) <= limit:
        return bill.number
    if rules.long_numbers == "shorten":
        mark = hashlib.sha256(bill.number.encode()).hexdigest()[:6]
        end = f"~{mark}{suffix(bill.part)}"
        return f"{bill.number[: limit - len(end)]}{end}"
    return Hold(
        Reason.DOCUMENT_NUMBER_TOO_LONG,
        f"Invoice number {bill.number} has {len(bill.number)} characters; {rules.target} takes {limit}.",
    )


def outside_lines(bill: Bill) -> tuple[Charge, ...] | Hold:
    """What makes the lines add up to the document: all charges, and freight and tax where they are needed."""
    inside = sum((line.amount for line in bill.lines), Decimal(0))
    missing = bill.total - inside - sum((charge.amount for charge in bill.charges), Decimal(0))
    freight, tax = Charge(ChargeKind.FREIGHT, bill.freight), Charge(ChargeKind.TAX, bill.tax)
    choices: tuple[tuple[Charge, ...], ...] = ((), (freight, tax), (freight,), (tax,))
    for choice in choices:
        if sum((charge.amount for charge in choice), Decimal(0)) == missing:
            return tuple(charge for charge in (*choice, *bill.charges) if charge.amount)
    known = [charge for charge in (freight, tax, *bill.charges) if charge.amount]
    others = ", ".join(f"{WORDS[charge.kind].lower()} {charge.amount}" for charge in known) or "nothing"
    return Hold(
        Reason.AMOUNT_MISMATCH,
        f"The lines of invoice {bill.number} add up to {inside}, outside them there is {others}, but the document's "
        f"total is {bill.total}.",
    )


def prorated(bill: Bill) -> tuple[Bill, tuple[Charge, ...]]:
    """The lines in proportion, so that they and everything outside them add up; rounding goes to the largest line."""
    outside = (Charge(ChargeKind.FREIGHT, bill.freight), Charge(ChargeKind.TAX, bill.tax), *bill.charges)
    charges = tuple(charge for charge in outside if charge.amount)
    wanted = bill.total - sum((charge.amount for charge in charges), Decimal(0))
    inside = sum((line.amount for line in bill.lines), Decimal(0))
    shares = [(line.amount * wanted / inside).quantize(CENT, ROUND_HALF_EVEN) for line in bill.lines]
    largest = max(range(len(shares)), key=lambda index: abs(shares[index]))
    shares[largest] += wanted - sum(shares, Decimal(0))
    lines = (dataclasses.replace(line, amount=share) for line, share in zip(bill.lines, shares, strict=True))
    return dataclasses.replace(bill, lines=tuple(lines)), charges


@dataclass(frozen=True, slots=True)
class _Part:
    """One amount on its way to an account."""

    table: str
    key: str
    shown: str
    amount: Decimal
    text: str
    line: BillLine | None = None


def code_lines(bill: Bill, charges: tuple[Charge, ...], rules: Rules) -> tuple[DraftLine, ...] | Hold:
    """Every amount on its mapped account and department; all that is missing is told at once."""
    parts = [
        _Part(
            "accounts", line.account_key, line.account_number, line.amount, line.description or bill.description, line
        )
        for line in bill.lines
        if line.amount
    ]
    for charge in charges:
        text = (
            f"{WORDS[charge.kind]} on invoice {bill.number}" if charge.kind is ChargeKind.PAID else WORDS[charge.kind]
        )
        parts.append(_Part("amounts", charge.kind, charge.kind, charge.amount, text))
    lines: list[DraftLine] = []
    problems: list[Hold] = []
    for part in parts:
        account = rules.find(part.table, part.key, part.shown)
        department = rules.department(part.line) if part.line else ""
        problems += [found for found in (account, department) if isinstance(found, Hold)]
        if not isinstance(account, Hold) and not isinstance(department, Hold):
            codes = rules.codes(part.line) if part.line else ()
            lines.append(DraftLine(account, part.amount, part.text, department, codes))
    if problems:
        messages = sorted({problem.message for problem in problems})
        return Hold(problems[0].reason, " ".join(messages))
    return _on_largest(lines, bill)


def _on_largest(lines: list[DraftLine], bill: Bill) -> tuple[DraftLine, ...] | Hold:
    """Amounts without an account of their own go where the largest line goes."""
    coded = [line for line in lines if line.account]
    if len(coded) == len(lines):
        return tuple(lines)
    if not coded:
        return Hold(Reason.ACCOUNT_UNMAPPED, f"Invoice {bill.number} has no line whose account its amounts could take.")
    largest = max(coded, key=lambda line: abs(line.amount))
    return tuple(
        line if line.account else dataclasses.replace(largest, amount=line.amount, description=line.description)
        for line in lines
    )
