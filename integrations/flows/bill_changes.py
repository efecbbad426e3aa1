"""An invoice changed in the ledger after its bill was sent: what follows for the bill. Pure.

The ledger's balance falls for two reasons: our own recorded payments were posted, or somebody else paid. Only the
second one changes what the cloud may still pay.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import combinations

from connectors.domain import Bill, BillDraft, Blocked, OpenBill, TargetBill
from integrations.engine.codec import fingerprint
from integrations.engine.vocabulary import Hold, Reason

LOOK_AGAIN = 900.0  # seconds; a payment that was stopped in the cloud is no change that any feed tells of

HOLDS = {Blocked.ON_HOLD: "on hold", Blocked.VENDOR_ON_HOLD: "on hold (its vendor is)"}


@dataclass(frozen=True, slots=True)
class Recorded:
    """One application of a cloud payment that we wrote into the ledger."""

    amount: Decimal
    posted: bool


@dataclass(frozen=True, slots=True)
class Basis:
    """The invoice as it was when the bill was last sent or judged; `content` fingerprints the document itself."""

    total: Decimal
    balance: Decimal
    posted: Decimal  # our posted applications at that moment
    content: str

    def text(self) -> str:
        return json.dumps([str(self.total), str(self.balance), str(self.posted), self.content])

    @classmethod
    def parse(cls, text: str) -> Basis:
        total, balance, posted, content = json.loads(text)
        return cls(Decimal(total), Decimal(balance), Decimal(posted), content)


def explained_by_us(bill: Bill, basis: Basis, recorded: Sequence[Recorded]) -> bool:
    """Whether the balance is what it was less our payments, whichever of the entered ones are posted by now."""
    if bill.total != basis.total:
        return False
    posted = sum((each.amount for each in recorded if each.posted), Decimal(0))
    expected = basis.balance + basis.posted - posted
    entered = [each.amount for each in recorded if not each.posted]
    sizes = range(len(entered) + 1) if len(entered) <= 10 else (0, len(entered))
    return any(expected - sum(some, Decimal(0)) == bill.balance for n in sizes for some in combinations(entered, n))


def stopping(bill: Bill, *, ours: bool) -> str:
    """In a word, what in the ledger says that the cloud must not pay this now; "" for nothing."""
    if not ours and bill.balance <= 0:
        return "paid"
    held = next((word for reason, word in HOLDS.items() if reason in bill.blocked), "")
    return held or ("selected for payment" if Blocked.SELECTED_FOR_PAYMENT in bill.blocked else "")


def withdrawal(bill: Bill, target: TargetBill, *, ours: bool, here: str, there: str) -> str | Hold:
    """Whether the bill must not be paid now: "" no, "archive" yes, a Hold when it is too late for that."""
    word = stopping(bill, ours=ours)
    if not word:
        return ""
    if target.archived or target.unpaid:
        return "archive"
    settled = target.paid >= target.total
    if settled and word == "paid":
        text = f"Paid twice? Invoice {bill.number} was paid in {here} as well as in {there} ({target.paid})."
        return Hold(Reason.PAID_IN_ERP, text)
    if settled:  # the money has left: a hold protects nothing any more
        return ""
    reason = Reason.ON_HOLD_IN_ERP if word in HOLDS.values() else Reason.PAID_IN_ERP
    return Hold(
        reason,
        f"Invoice {bill.number} is {word} in {here}, but its payment in {there} is made or under way "
        f"(paid {target.paid} of {target.total}): stop one of them.",
        retry_after=LOOK_AGAIN,
    )


def edited_by_others(target: TargetBill, sent: Sequence[BillDraft], there: str, *, archived_by_us: bool) -> Hold | None:
    """A bill that people changed in the cloud is not overwritten.

    `sent`: what it may hold by our doing; first what certainly arrived, then changes whose answer was lost.
    """
    total, number = sent[0].total, sent[0].number
    if any((target.total, target.number) == (each.total, each.number) for each in sent):
        total, number = target.total, target.number
    if target.archived and not archived_by_us:
        what = f"was archived in {there}"
    elif target.total != total:
        what = f"was edited in {there}: {target.total} there, {total} sent"
    elif target.number != number:
        what = f"was renumbered in {there} to {target.number}"
    else:
        return None
    return Hold(
        Reason.CHANGED_AFTER_DELIVERY,
        f"The bill {what}. Settle it there, or replay this record to write the ledger's version over it.",
    )


def seen_of(bill: Bill | OpenBill) -> str:
    """What the list of open items tells of an invoice, comparable between the two reads."""
    return f"{bill.total:f} {bill.balance:f} {','.join(sorted(bill.blocked))}"


def alike(one: str, other: str) -> bool:
    """Whether people may mean one document by two numbers: case, spaces and leading zeros set aside."""
    return _folded(one) == _folded(other)


def _folded(number: str) -> str:
    return "".join(number.split()).casefold().lstrip("0")


def content(bill: Bill) -> str:
    """A fingerprint of the document itself, without what is paid and held."""
    return fingerprint(dataclasses.replace(bill, balance=Decimal(0), blocked=()))
