"""From a ledger's invoice to the bill the cloud gets: pure, right to the cent, or a reason why not."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from decimal import Decimal

from connectors.domain import Bill, BillDraft, BillLine, DraftLine
from integrations.engine.vocabulary import Hold, Reason

#: What finds an account: (mapping table, source key) -> target id, or a Hold.
FindAccount = Callable[[str, str, str], "str | Hold"]

WORDS = {"freight": "Freight", "tax": "Sales tax", "paid": "Paid already"}


def build(
    bill: Bill,
    *,
    vendor_id: str,
    owed: Decimal,
    find: FindAccount,
    number_limit: int,
    long_numbers: str,
    target: str,
) -> BillDraft | Hold:
    """The draft whose total is `owed`, or what keeps the invoice from going.

    `owed` is what the cloud is asked to pay: the open balance, plus what it paid itself already.
    """
    number = fitting_number(bill.number, number_limit, long_numbers, target)
    if isinstance(number, Hold):
        return number
    if bill.invoice_date is None:
        return Hold(Reason.AMOUNT_MISMATCH, f"Invoice {bill.number} has no invoice date.")
    charges = outside_lines(bill)
    if isinstance(charges, Hold):
        return charges
    lines = code_lines(bill, charges, bill.total - owed, find)
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


def fitting_number(number: str, limit: int, long_numbers: str, target: str) -> str | Hold:
    """The document number as the target can hold it: shortened the same way every time, or held."""
    if not limit or len(number) <= limit:
        return number
    if long_numbers == "shorten":
        mark = hashlib.sha256(number.encode()).hexdigest()[:6]
        return f"{number[: limit - 7]}~{mark}"
    return Hold(
        Reason.DOCUMENT_NUMBER_TOO_LONG,
        f"Invoice number {number} has {len(number)} characters; {target} takes {limit}.",
    )


def outside_lines(bill: Bill) -> dict[str, Decimal] | Hold:
    """Which of freight and tax stand outside the lines: those that make the lines add up to the document."""
    missing = bill.total - sum((line.amount for line in bill.lines), Decimal(0))
    choices: tuple[dict[str, Decimal], ...] = (
        {},
        {"freight": bill.freight, "tax": bill.tax},
        {"freight": bill.freight},
        {"tax": bill.tax},
    )
    for choice in choices:
        if sum(choice.values(), Decimal(0)) == missing:
            return {name: amount for name, amount in choice.items() if amount}
    return Hold(
        Reason.AMOUNT_MISMATCH,
        f"The lines of invoice {bill.number} add up to {bill.total - missing}, freight is {bill.freight} and tax "
        f"{bill.tax}, but the document's total is {bill.total}.",
    )


def code_lines(
    bill: Bill, charges: dict[str, Decimal], paid: Decimal, find: FindAccount
) -> tuple[DraftLine, ...] | Hold:
    """Every amount on its mapped account. What is paid already is one negative line."""
    if paid < 0:
        return Hold(
            Reason.AMOUNT_MISMATCH,
            f"Invoice {bill.number} is over {bill.total}, but {bill.total - paid} is owed: more than the document.",
        )
    wanted: list[tuple[str, str, str, Decimal, str]] = [
        ("accounts", line.account_key, line.account_number, line.amount, _text(line, bill))
        for line in bill.lines
        if line.amount
    ]
    wanted += [("amounts", name, name, amount, WORDS[name]) for name, amount in charges.items()]
    if paid:
        wanted.append(("amounts", "paid", "paid", -paid, f"{WORDS['paid']} on invoice {bill.number}"))
    lines: list[DraftLine] = []
    problems: list[Hold] = []
    for table, key, shown, amount, text in wanted:
        account = find(table, key, shown)
        if isinstance(account, Hold):
            problems.append(account)
        else:
            lines.append(DraftLine(account=account, amount=amount, description=text))
    if problems:
        messages = sorted({problem.message for problem in problems})
        return Hold(problems[0].reason, " ".join(messages))
    return tuple(lines)


def _text(line: BillLine, bill: Bill) -> str:
    return line.description or bill.description
