"""From a cloud's bill to the invoice that a ledger's batch gets: pure, right to the cent, or a reason why not."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from connectors.domain import BatchOrder, Bill, BillDraft, BillLine, Blocked, DraftLine, EntryState, PostMode
from integrations.engine.codec import fingerprint
from integrations.engine.vocabulary import Hold, Reason

#: What finds a line's account in the ledger, or says why there is none.
FindAccount = Callable[[BillLine], "str | Hold"]

_FAR = {EntryState.READY: 1, EntryState.POSTING: 2, EntryState.POSTED: 2}
_ASKED = {PostMode.OPEN: 0, PostMode.READY: 1, PostMode.POST: 2}


@dataclass(frozen=True, slots=True)
class Entry:
    """An invoice on its way into a batch. The order's marker is the batch's, and finds it whatever the answer was."""

    bill: BillDraft
    order: BatchOrder

    @property
    def total(self) -> Decimal:
        return self.bill.total


@dataclass(frozen=True, slots=True)
class Standing:
    """What is kept of an entered invoice: the bill it was made from, how far we took it, and why it was refused."""

    content: str = ""
    reached: str = ""
    reason: str = ""
    message: str = ""

    def text(self) -> str:
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def parse(cls, text: str) -> Standing:
        return cls(**json.loads(text)) if text else cls()

    def behind(self, order: BatchOrder) -> bool:
        """Whether the ledger was asked to take the batch further than it did."""
        reached = _FAR.get(EntryState(self.reached), 0) if self.reached else _ASKED[PostMode.POST]
        return reached < _ASKED[order.post]


@dataclass(frozen=True, slots=True)
class Rules:
    """What the ledger and the settings ask of an invoice; `number_limit` 0 is none."""

    account: FindAccount
    posting_date: Callable[[date], date | None]
    number_limit: int
    target: str


def refusal(code: str) -> Reason:
    """Posting was refused: for the period's sake, or for any other."""
    return Reason.PERIOD_CLOSED if code == Reason.PERIOD_CLOSED else Reason.REJECTED_BY_TARGET


def content(bill: Bill) -> str:
    """A fingerprint of the document itself, without what is approved and paid of it."""
    return fingerprint(dataclasses.replace(bill, balance=Decimal(0), blocked=(), approval="", vendor_name=""))


def archived(bill: Bill) -> bool:
    return Blocked.ARCHIVED in bill.blocked


def build(bill: Bill, *, vendor_id: str, rules: Rules) -> BillDraft | Hold:
    """The invoice over exactly the bill's total, or what keeps the bill from going."""
    number = ledger_number(bill.number)
    if not number or bill.invoice_date is None:
        missing = "date" if number else "number"
        return Hold(Reason.REJECTED_BY_TARGET, f"Bill {bill.number or bill.key} has no invoice {missing}.")
    if rules.number_limit and len(number) > rules.number_limit:
        return Hold(
            Reason.DOCUMENT_NUMBER_TOO_LONG,
            f"Invoice number {number} has {len(number)} characters; {rules.target} takes {rules.number_limit}.",
        )
    lines = _lines(bill, rules)
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
        posting_date=rules.posting_date(bill.invoice_date),
        currency=bill.currency,
    )
    if draft.total != bill.total:
        return Hold(
            Reason.AMOUNT_MISMATCH, f"The lines add up to {draft.total}, but bill {number} is over {bill.total}."
        )
    return draft


def _lines(bill: Bill, rules: Rules) -> tuple[DraftLine, ...] | Hold:
    """Every amount on its account; all that is missing is told at once."""
    lines: list[DraftLine] = []
    problems: list[Hold] = []
    for line in [each for each in bill.lines if each.amount] or bill.lines:
        account = rules.account(line)
        if isinstance(account, Hold):
            problems.append(account)
        else:
            lines.append(DraftLine(account, line.amount, line.description or bill.description))
    if problems:
        return Hold(problems[0].reason, " ".join(sorted({problem.message for problem in problems})))
    return tuple(lines)


def ledger_number(number: str) -> str:
    """As the ledger writes it: trimmed and in capitals (docs: sage300 7.1, 14)."""
    return number.strip().upper()


def differing(old: BillDraft, new: BillDraft) -> str:
    """In words, which parts of two drafts differ; amounts are told."""
    if old.total != new.total:
        return f"total {old.total} -> {new.total}"
    names = [each.name for each in dataclasses.fields(BillDraft) if getattr(old, each.name) != getattr(new, each.name)]
    return ", ".join(name.replace("_", " ") for name in names)
