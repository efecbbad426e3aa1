"""What a ledger hands to a cloud that tells no amounts paid on invoices: codes, invoices, payments by remittance."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from decimal import Decimal

from connectors.domain import Account, Payment, PaymentStatus, TargetBill
from integrations.engine.context import FlowContext
from integrations.flows.bill_conflicts import DEAD, PAID
from integrations.flows.codes import code_of
from integrations.flows.payments import Matched
from integrations.flows.remittance_matching import Remittances
from integrations.flows.remittances import told
from integrations.models import Link

from .bills import BillComparison
from .payments import PaymentComparison
from .result import Kind, Result


def compare_codes(context: FlowContext, result: Result) -> None:
    """Every active account and segment value of the ledger is an active code there."""
    source, target = context.side("source"), context.side("target")
    there: dict[str, Account] = {}
    for page in target.read_accounts(None):
        result.unreadable(page.bad, context.label("target"))
        there |= {code.key: code for code in page.records}
    wanted = [code_of(target, value.kind, value) for value in source.read_segments()]
    for page in source.read_accounts(None):
        result.unreadable(page.bad, context.label("source"))
        wanted += [code_of(target, target.ledger_group, account) for account in page.records]
    for code in wanted:
        result.compared["accounts"] += 1
        shown = there.get(code.key)
        if code.active and (shown is None or not shown.active):
            kind = Kind.ACCOUNT_INACTIVE if shown else Kind.ACCOUNT_MISSING
            word = "inactive in" if shown else "not in"
            message = f"Code {code.number} ({code.kind}) is {word} {context.label('target')}."
            result.add(kind, code.number, code.key, code.name, shown.name if shown else "", message)


def compare_pushed(context: FlowContext, result: Result) -> None:
    """What was paid on an invoice there is what the ledger was told of it."""
    paid = _Payments(context, result).run()
    _Bills(context, result, paid).run()


class _Payments(PaymentComparison):
    def __init__(self, context: FlowContext, result: Result) -> None:
        super().__init__(context, result)
        self.flow = FlowContext(context.sibling("payments"), context.pool)

    def parts(self, payments: Sequence[Payment]) -> Iterable[tuple[Payment, list[tuple[Link, Decimal]]]]:
        """Those of this ledger's company, matched as they are when they are entered."""
        found = [told(payment, self.flow.settings) for payment in payments]
        remittances = Remittances(self.flow, found)
        for payment in found:
            if remittances.concerns(payment):
                settled = payment.status is PaymentStatus.PAID or payment.key in self.entries
                yield payment, self._lines(remittances, payment) if settled else []

    def _lines(self, remittances: Remittances, payment: Payment) -> list[tuple[Link, Decimal]]:
        match = remittances.match(payment)
        if isinstance(match, Matched):
            return [
                (Link(source_key=each.key, document=each.bill, group=match.vendor_key), each.amount)
                for each in match.applications
            ]
        entry = self.entries.get(payment.key)  # settled invoices may be gone from the open items
        known = {each.bill: each.key for each in entry.applications} if entry else {}
        return [
            (Link(source_key=known.get(each.number, ""), document=each.number or each.reference), each.amount)
            for each in payment.applications
        ]


class _Bills(BillComparison):
    """The cloud does not say what of an invoice is paid: our own entries do. It compares numbers trimmed and whatever
    their case, and what people entered there is adopted by that (docs: avidxchange 7.1)."""

    def renumbered(self, number: str, sent: str) -> bool:
        return number.strip().casefold() != sent.strip().casefold()

    def find(self, vendor_ids: Sequence[str]) -> list[TargetBill]:
        return self._as_paid(super().find(vendor_ids))

    def get(self, bill_ids: Sequence[str]) -> dict[str, TargetBill]:
        return {bill.id: bill for bill in self._as_paid(list(super().get(bill_ids).values()))}

    def _as_paid(self, bills: Sequence[TargetBill]) -> list[TargetBill]:
        links = self.context.links("bills").by_target(bill.id for bill in bills)
        return [
            dataclasses.replace(bill, paid=self._paid(bill, links), archived=bill.outcome in DEAD) for bill in bills
        ]

    def _paid(self, bill: TargetBill, links: dict[str, Link]) -> Decimal:
        link = links.get(bill.id)
        if bill.outcome == PAID or link is None:
            return bill.paid
        return self.paid.entered[link.group, link.document]
