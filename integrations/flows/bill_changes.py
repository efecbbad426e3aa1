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


@dataclass(frozen=True, slots=True)
class Stop:
    """Why the cloud must not pay an invoice now. `final`: not even a payment that is made already makes it right."""

    word: str
    reason: Reason
    final: bool = False


PAID = Stop("paid", Reason.PAID_IN_ERP)
STOPS = {  # the gravest first
    Blocked.CANCELLED: Stop("cancelled", Reason.CHANGED_AFTER_DELIVERY, final=True),
    Blocked.CLOSED: Stop("closed by a credit note or a reconciliation", Reason.CHANGED_AFTER_DELIVERY, final=True),
    Blocked.NOT_POSTED: Stop("not approved", Reason.CHANGED_AFTER_DELIVERY, final=True),
    Blocked.PAYMENT_BLOCK: Stop("blocked for payment", Reason.CHANGED_AFTER_DELIVERY, final=True),
    Blocked.ON_HOLD: Stop("on hold", Reason.ON_HOLD_IN_ERP),
    Blocked.VENDOR_ON_HOLD: Stop("on hold (its vendor is)", Reason.ON_HOLD_IN_ERP),
    Blocked.SELECTED_FOR_PAYMENT: Stop("selected for payment", Reason.PAID_IN_ERP),
}


@dataclass(frozen=True, slots=True)
class Recorded:
    """One application of a cloud payment that we wrote into the ledger. The balance may show it before `posted`."""

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


def shown(bill: Bill, basis: Basis, recorded: Sequence[Recorded]) -> Decimal | None:
    """How much of our payments the balance shows, whichever of the entered ones are posted by now; None where they do
    not explain it."""
    if bill.total != basis.total:
        return None
    posted = sum((each.amount for each in recorded if each.posted), Decimal(0))
    expected = basis.balance + basis.posted - posted
    entered = [each.amount for each in recorded if not each.posted]
    sizes = range(len(entered) + 1) if len(entered) <= 10 else (0, len(entered))
    sums = (sum(some, Decimal(0)) for n in sizes for some in combinations(entered, n))
    return next((posted + each for each in sums if expected - each == bill.balance), None)


def explained_by_us(bill: Bill, basis: Basis, recorded: Sequence[Recorded]) -> bool:
    """Whether the balance is what it was less our payments."""
    return shown(bill, basis, recorded) is not None


def stopping(bill: Bill, *, ours: bool, credited: bool = False) -> Stop | None:
    """What in the ledger says that the cloud must not pay this now. `ours`: its balance is what our payments left.

    A ledger that only says `closed` leaves open whether it was `credited` or paid.
    """
    blocked = set(bill.blocked)
    if ours:
        blocked.discard(Blocked.CLOSED)
    elif bill.balance <= 0 and not (credited or blocked & {Blocked.CANCELLED}):
        return PAID
    return next((stop for reason, stop in STOPS.items() if reason in blocked), None)


def withdrawal(bill: Bill, target: TargetBill, stop: Stop | None, *, here: str, there: str) -> str | Hold:
    """Whether the bill must not be paid now: "" no, "archive" yes, a Hold when it is too late for that."""
    if stop is None:
        return ""
    if target.archived or target.unpaid:
        return "archive"
    settled = target.paid >= target.total
    if settled and stop is PAID:
        text = f"Paid twice? Invoice {bill.number} was paid in {here} as well as in {there} ({target.paid})."
        return Hold(Reason.PAID_IN_ERP, text)
    if settled and not stop.final:  # the money has left: a hold protects nothing any more
        return ""
    return Hold(
        stop.reason,
        f"Invoice {bill.number} is {stop.word} in {here}, but its payment in {there} is made or under way "
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
