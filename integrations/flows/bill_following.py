"""What becomes of a bill that was sent, when its invoice changes in the ledger."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from connectors.domain import Bill, BillDraft, Blocked, TargetBill
from integrations.engine.codec import decode
from integrations.engine.vocabulary import Decision, Hold, Item, Reason, Send, Settle
from integrations.models import Link

from . import bill_changes, documents
from .bill_recorded import payments_of
from .bill_vendors import Vendors

if TYPE_CHECKING:
    from .bills import BillsFlow

LOOK_SOON = 60.0  # seconds; the payment is looked up on a schedule of its own


class Following:
    """Decides for linked invoices; reads the bills it must know of, writes nothing."""

    def __init__(self, flow: BillsFlow) -> None:
        self.flow = flow

    def plan(self, items: Sequence[Item], vendors: Vendors) -> Iterator[tuple[Item, Decision]]:
        payments = payments_of(self.flow.context.integration, items)
        unclear = self.flow.unclear([item.key for item in items], BillDraft)
        judged = []
        for item in items:
            bill, link = item.record, item.link
            assert link is not None
            basis = bill_changes.Basis.parse(link.basis)
            recorded = payments.recorded[item.key]
            shown = bill_changes.shown(bill, basis, recorded)
            ours = shown is not None
            if not ours and item.key in payments.unclear:
                yield item, self._too_early(bill)
                continue
            item.posted = sum((each.amount for each in recorded if each.posted), Decimal(0)) if shown is None else shown
            same = ours and bill_changes.content(bill) == basis.content
            certain = link.state == Link.State.ACTIVE and not unclear[item.key]
            if same and certain and not bill_changes.stopping(bill, ours=ours):
                yield item, Settle("Nothing to change.", closed=bill.balance <= 0)
                continue
            paid_outside = not ours and bill.total == basis.total
            draft = decode(BillDraft, link.draft) if same else self._draft(item, basis, ours, vendors)
            judged.append((item, ours, paid_outside, draft))
        targets = self.flow.context.writer.get_bills([item.link.target_id for item, *_ in judged if item.link])
        for item, ours, paid_outside, draft in judged:
            yield item, self._judge(item, ours, paid_outside, draft, targets, unclear[item.key])

    def _draft(self, item: Item, basis: bill_changes.Basis, ours: bool, vendors: Vendors) -> BillDraft | Hold | None:
        """What the bill should say now; None where nothing is owed."""
        bill: Bill = item.record
        owed = basis.balance + basis.posted if ours else bill.balance + item.posted
        if not ours and item.posted and owed > bill.total:
            return Hold(
                Reason.CHANGED_AFTER_DELIVERY,
                f"Invoice {bill.number} is open again in {self.flow.here} (owed there: {bill.balance}), although "
                f"{item.posted} was paid in {self.flow.there} and entered: a payment was taken back there.",
                retry_after=bill_changes.LOOK_AGAIN,
            )
        return self.flow.draft(bill, owed, vendors) if owed > 0 else None

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
        target = targets.get(link.target_id)
        if target is not None and target.unreadable:
            return dataclasses.replace(self.flow.unreadable(target), reason=Reason.CHANGED_AFTER_DELIVERY)
        if target is None:
            return Hold(Reason.INVOICE_NOT_FOUND, f"The bill of invoice {bill.number} is gone from {self.flow.there}.")
        by_us = link.state == Link.State.ARCHIVED or any(action == "archive" for action, _ in unclear)
        why = bill_changes.stopping(bill, ours=ours, credited=self._credited(item, ours, target))
        stop = bill_changes.withdrawal(bill, target, why, here=self.flow.here, there=self.flow.there)
        if isinstance(stop, Hold):
            return stop
        if stop == "archive":
            if target.archived:
                link.state = Link.State.ARCHIVED if by_us else link.state
                return Settle("Archived already; it stays so while the ledger does not want it paid.")
            return Send("archive", decode(BillDraft, link.draft), target_id=link.target_id)
        if target.paid >= target.total > 0 and bill.balance <= 0:
            return Settle("Paid.", closed=True)
        if draft is None or isinstance(draft, Hold):
            return draft or Settle("Nothing is owed.", closed=True)
        sent = decode(BillDraft, link.draft)
        drafts = [sent, *(each for _, each in unclear)]
        edited = bill_changes.edited_by_others(target, drafts, self.flow.there, archived_by_us=by_us)
        if edited and item.delivery.approved != Reason.CHANGED_AFTER_DELIVERY:
            return edited
        if draft == sent and not by_us and not unclear:
            return Settle("Nothing to change.")
        if not target.unpaid:
            return Hold(
                Reason.PAID_IN_ERP if paid_outside else Reason.CHANGED_AFTER_DELIVERY,
                f"Invoice {bill.number} changed in {self.flow.here} (owed there: {bill.balance}), but a payment in "
                f"{self.flow.there} is made or under way (bill {target.total}, paid {target.paid}).",
                retry_after=bill_changes.LOOK_AGAIN,
            )
        return Send("restore" if by_us and target.archived else "update", draft, target_id=link.target_id)

    def _credited(self, item: Item, ours: bool, target: TargetBill) -> bool:
        """Whether an invoice that the ledger calls closed was not paid. Asked only where it makes a difference."""
        bill: Bill = item.record
        if ours or Blocked.CLOSED not in bill.blocked or target.unpaid or target.archived:
            return False
        assert item.link is not None
        basis = bill_changes.Basis.parse(item.link.basis)
        context = self.flow.context
        whole = documents.whole_key(context, bill.key)
        payments = context.reader.find_bill_payments(whole)
        applied = (each for payment in payments for each in payment.applications if (each.key or each.bill) == whole)
        return sum((each.amount for each in applied), Decimal(0)) < basis.balance + basis.posted

    def _too_early(self, bill: Bill) -> Hold:
        return Hold(
            Reason.OUTCOME_UNKNOWN,
            f"Whether a payment of invoice {bill.number} reached {self.flow.here} is not known yet: what is owed is "
            "judged after that.",
            retry_after=LOOK_SOON,
        )
