"""Payments: what the cloud paid on our bills stands in the ledger, to the cent and invoice by invoice."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from connectors.domain import Application, LedgerPayment, Payment, PaymentStatus
from integrations.engine.context import FlowContext
from integrations.flows.documents import whole_key
from integrations.models import Delivery, Link, State

from .reasons import latest, why
from .result import ZERO, Kind, Result, money

Bill = tuple[str, str]  # vendor key and number in the ledger


@dataclass(slots=True)
class Paid:
    """What the payments say about bills: amounts entered and not yet posted, all that was entered, posted or not, and
    what explains a difference."""

    in_transit: defaultdict[Bill, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    entered: defaultdict[Bill, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    notes: defaultdict[Bill, list[str]] = field(default_factory=lambda: defaultdict(list))


def compare_payments(context: FlowContext, result: Result) -> Paid:
    """Reads every payment of ours in the ledger and every payment of the cloud since the start date."""
    return PaymentComparison(context, result).run()


class PaymentComparison:
    def __init__(self, context: FlowContext, result: Result) -> None:
        self.context = context
        self.result = result
        self.here, self.there = context.label("source"), context.label("target")
        self.outside_counts = bool(context.settings.get("record_outside_payments"))
        self.paid = Paid()
        self.entries: dict[str, LedgerPayment] = {}
        self.seen: set[str] = set()

    def run(self) -> Paid:
        self._read_ledger()
        for page in self.context.side("target").read_payments(None, self.context.integration.start_date):
            self.result.unreadable(page.bad, self.there)
            self._compare(page.records)
            self.result.read("payments", len(self.seen))
        self._left_over()
        return self.paid

    def _read_ledger(self) -> None:
        """Our entries and postings, by the cloud's payment id: the ledger carries it as `<mark>:<id>`."""
        prefix = self.context.payment_mark
        for page in self.context.side("source").read_ledger_payments(None):
            self.result.unreadable(page.bad, self.here)
            for entry in page.records:
                if entry.reference.startswith(prefix):
                    self.entries[entry.reference.removeprefix(prefix)] = entry
                    for each in entry.applications:
                        self.paid.entered[entry.vendor_key, each.bill] += each.amount + each.discount

    def _compare(self, payments: Sequence[Payment]) -> None:
        fresh = {payment.key: payment for payment in payments if payment.key not in self.seen}
        self.seen |= fresh.keys()
        doubtful = []
        for payment, ours in self.parts(list(fresh.values())):
            if ours and not self._agrees(payment, ours):
                doubtful.append((payment, ours))
        deliveries = latest(self.context.integration, "payments", [payment.key for payment, _ in doubtful])
        for payment, ours in doubtful:
            self._explain(payment, ours, deliveries.get(payment.key))

    def parts(self, payments: Sequence[Payment]) -> Iterable[tuple[Payment, list[tuple[Link, Decimal]]]]:
        """What each payment pays on which of our bills."""
        bills = self.context.links("bills").by_target(each.bill for one in payments for each in one.applications)
        for payment in payments:
            yield payment, [(bills[each.bill], each.amount) for each in payment.applications if each.bill in bills]

    def _agrees(self, payment: Payment, ours: Sequence[tuple[Link, Decimal]]) -> bool:
        """Whether the ledger holds exactly what it should; remembers what awaits posting."""
        entry = self.entries.get(payment.key)
        wanted = self._wanted(payment)
        self.result.compared["payments"] += wanted or entry is not None
        if not wanted:
            if entry is None and payment.outside and payment.status is PaymentStatus.PAID:
                self._outside(payment, ours)
            return entry is None
        if entry is None or self._parts(ours, entry) != _applied(entry.applications) or entry.amount != _sum(ours):
            return False
        self._await_posting(entry)
        del self.entries[payment.key]
        return True

    def _wanted(self, payment: Payment) -> bool:
        return payment.status is PaymentStatus.PAID and (self.outside_counts or not payment.outside)

    def _explain(self, payment: Payment, ours: Sequence[tuple[Link, Decimal]], delivery: Delivery | None) -> None:
        entry = self.entries.pop(payment.key, None)
        document = ", ".join(dict.fromkeys(link.document for link, _ in ours))
        amount = _sum(ours)
        if delivery is not None and delivery.state == State.DONE_OUTSIDE:
            self.result.compared["payments_done_outside"] += 1
            self._note(ours, f"Payment {payment.key} was marked as done outside: {delivery.message}")
            return
        if entry is None:
            message = f"Payment {payment.key} over {money(amount)} is not entered in {self.here}. {why(delivery)}"
            self.result.add(Kind.PAYMENT_MISSING, document, payment.key, ZERO, amount, message)
        elif payment.status is PaymentStatus.VOIDED:
            kind = Kind.VOIDED_AFTER_POSTING if entry.posted else Kind.PAYMENT_VOIDED
            state = "posted" if entry.posted else "entered"
            message = (
                f"Payment {payment.key} was voided in {self.there}, but is {state} in {self.here} as {_name(entry)}."
            )
            self.result.add(kind, document, payment.key, entry.amount, ZERO, message)
        elif not self._wanted(payment):
            word = "recorded as paid outside" if payment.outside else f"not paid ({payment.raw_status})"
            message = f"Payment {payment.key} is {word} in {self.there}, but entered in {self.here} as {_name(entry)}."
            self.result.add(Kind.PAYMENT_NOT_PAID, document, payment.key, entry.amount, ZERO, message)
        else:
            self._await_posting(entry)
            message = f"Payment {payment.key}: {self._split(ours, entry)}."
            self.result.add(Kind.PAYMENT_AMOUNT, document, payment.key, entry.amount, amount, message)
        self._note(ours, message)

    def _split(self, ours: Sequence[tuple[Link, Decimal]], entry: LedgerPayment) -> str:
        wanted, entered = self._parts(ours, entry), _applied(entry.applications)
        numbers = [number for number in {**wanted, **entered} if wanted.get(number) != entered.get(number)]
        pairs = [(number, money(entered.get(number, ZERO)), money(wanted.get(number, ZERO))) for number in numbers]
        parts = [f"{number} {mine} in {self.here}, {their} in {self.there}" for number, mine, their in pairs]
        return (
            "; ".join(parts)
            or f"the amounts are {money(entry.amount)} in {self.here}, {money(_sum(ours))} in {self.there}"
        )

    def _left_over(self) -> None:
        """Entries under our reference of which the cloud tells nothing; those of others' bills are not ours."""
        links = self.context.links("payments").get(self.entries)
        for key, link in sorted(links.items()):
            entry = self.entries[key]
            message = f"{self.here} holds payment {_name(entry)}, but {self.there} no longer tells of {key}."
            self.result.add(Kind.PAYMENT_UNKNOWN, link.document, key, entry.amount, ZERO, message)
            for each in entry.applications:
                self.paid.notes[entry.vendor_key, each.bill].append(message)

    def _await_posting(self, entry: LedgerPayment) -> None:
        if entry.posted:
            return
        self.result.compared["payments_in_transit"] += 1
        for each in entry.applications:
            self.paid.in_transit[entry.vendor_key, each.bill] += each.amount + each.discount

    def _outside(self, payment: Payment, ours: Sequence[tuple[Link, Decimal]]) -> None:
        self.result.compared["payments_outside"] += 1
        for link, amount in ours:
            note = f"{money(amount)} was recorded in {self.there} as paid outside; {self.here} is not told of that."
            self.paid.notes[link.group, link.document].append(note)

    def _note(self, ours: Sequence[tuple[Link, Decimal]], message: str) -> None:
        for link, _ in ours:
            self.paid.notes[link.group, link.document].append(message)

    def _parts(self, ours: Sequence[tuple[Link, Decimal]], entry: LedgerPayment) -> dict[str, Decimal]:
        """Amounts by invoice, named as the entry names them: by the ledger's key where it tells it, else by number."""
        if any(each.key for each in entry.applications):
            return _totals((whole_key(self.context, link.source_key), amount) for link, amount in ours)
        return _totals((link.document, amount) for link, amount in ours)


def _name(entry: LedgerPayment) -> str:
    return entry.check_number or entry.id


def _applied(applications: Iterable[Application]) -> dict[str, Decimal]:
    return _totals((each.key or each.bill, each.amount) for each in applications)


def _totals(parts: Iterable[tuple[str, Decimal]]) -> dict[str, Decimal]:
    found: dict[str, Decimal] = defaultdict(Decimal)
    for number, amount in parts:
        found[number] += amount
    return dict(found)


def _sum(ours: Sequence[tuple[Link, Decimal]]) -> Decimal:
    return sum((amount for _, amount in ours), ZERO)
