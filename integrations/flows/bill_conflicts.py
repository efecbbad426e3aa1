"""An invoice changed in the ledger after it was sent to a target that changes nothing: a person must stop one of
the two."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from connectors.domain import Bill, BillDraft, TargetBill
from integrations.engine.codec import decode
from integrations.engine.vocabulary import Decision, Hold, Item, Reason, Settle
from integrations.models import Link

from . import bill_changes
from .bill_following import Following
from .bill_vendors import Vendors

DEAD = ("rejected", "void")  # outcomes of a bill that nobody will pay
PAID = "paid"


class Conflicts(Following):
    """Never overwrites: holds, and lets go when both sides agree again or nothing can be paid any more."""

    def plan(self, items: Sequence[Item], vendors: Vendors) -> Iterator[tuple[Item, Decision]]:
        alive = []
        for item in items:
            if item.link is not None and item.link.state == Link.State.REFUSED:
                yield item, self._dead(item, item.link)
            else:
                alive.append(item)
        yield from super().plan(alive, vendors)

    def _dead(self, item: Item, link: Link) -> Decision:
        bill: Bill = item.record
        if not bill.payable:
            return Settle(f"{link.status} in {self.flow.there}, and not to be paid any more.", closed=bill.balance <= 0)
        return Hold(
            Reason.REJECTED_BY_TARGET,
            f"{self.flow.there} has invoice {bill.number} as {link.status} (id {link.target_id}), so it is not paid. "
            "Correct what is wrong, then replay this record to send it again.",
        )

    def _judge(
        self,
        item: Item,
        ours: bool,
        paid_outside: bool,
        draft: BillDraft | Hold | None,
        targets: dict[str, TargetBill],
        unclear: Sequence[tuple[str, BillDraft]],
    ) -> Decision:
        bill: Bill = item.record
        link = item.link
        assert link is not None
        there = self.flow.there
        target = targets.get(link.target_id)
        if target is None:
            return Hold(Reason.INVOICE_NOT_FOUND, f"Invoice {bill.number} is gone from {there} (id {link.target_id}).")
        if target.unreadable:
            return self.flow.unreadable(target)
        if target.outcome in DEAD:
            link.status = target.status
            return self._dead(item, link)
        paid = target.outcome == PAID
        stop = bill_changes.stopping(bill, ours=ours)
        if stop is not None and paid and stop is bill_changes.PAID:
            return Hold(stop.reason, f"Paid twice? Invoice {bill.number} was paid in {self.flow.here} and in {there}.")
        if stop is not None and (stop.final or not paid):
            return self._hold(stop.reason, bill, target, f"is {stop.word} in {self.flow.here}")
        sent = decode(BillDraft, link.draft)
        if paid or draft is None or draft == sent:
            return Settle("Nothing to change.", closed=bill.balance <= 0)
        reason = Reason.PAID_IN_ERP if paid_outside else Reason.CHANGED_AFTER_DELIVERY
        what = f"changed in {self.flow.here} after it was sent ({sent.total} sent, {bill.balance} owed now)"
        return self._hold(reason, bill, target, what)

    def _hold(self, reason: Reason, bill: Bill, target: TargetBill, what: str) -> Hold:
        there = self.flow.there
        return Hold(
            reason,
            f"Invoice {bill.number} {what}, but stands in {there} over {target.total} ({target.status}) and may be "
            f"paid there. {there} changes no invoices: reject it there, or mark this as done outside.",
            retry_after=bill_changes.LOOK_AGAIN,
        )
