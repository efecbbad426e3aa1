"""What the target's people make of the bills that were sent: shown, and told when somebody must act."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from connectors.domain import TargetBill
from connectors.ports import Cursor, Page
from integrations.engine.vocabulary import Reason, Staged, State, Stream
from integrations.models import Delivery, Link

from .bill_conflicts import DEAD

if TYPE_CHECKING:
    from .pushed_bills import PushedBillsFlow

#: Nothing is on its way: the record can be judged again.
AT_REST = (State.PENDING, State.DELIVERED, State.HELD, State.FAILED)


class Outcomes:
    """For one run: bills that changed in the target since the last one."""

    def __init__(self, flow: PushedBillsFlow) -> None:
        self.flow = flow
        self.context = flow.context

    def stream(self) -> Stream:
        return Stream("outcomes", self._read, self.absorb, counts=False)

    def _read(self, cursor: Cursor | None) -> Iterator[Page[TargetBill]]:
        start = self.context.integration.start_date
        pages: Iterator[Page[TargetBill]] = self.context.writer.read_target_bills(cursor, start)
        for page in pages:  # an unreadable one is told of where it stands in the way
            yield Page(page.records, page.cursor, page.as_of)

    def absorb(self, bills: Sequence[TargetBill]) -> Iterable[Staged]:
        if self.context.preview:
            return ()
        links = self.context.links().by_target(bill.id for bill in bills)
        for bill in bills:
            link = links.get(bill.id)
            if link is not None and not bill.unreadable and link.status != bill.status[:200]:
                self._follow(link, bill)
        return ()

    def _follow(self, link: Link, bill: TargetBill) -> None:
        link.status = bill.status[:200]
        was_dead, dead = link.state == Link.State.REFUSED, bill.outcome in DEAD
        if was_dead != dead:
            link.state = Link.State.REFUSED if dead else Link.State.ACTIVE
            self._judge_again(link)
        link.save(update_fields=["status", "state"])
        self.context.report(
            "status",
            record_type=self.flow.record_type,
            document=link.document,
            source_key=link.source_key,
            target_id=link.target_id,
            amount=bill.total,
            outcome=bill.outcome or "open",
            reason=Reason.REJECTED_BY_TARGET if dead else "",
            message=f"{self.flow.there}: {bill.status or 'no status'}.",
        )

    def _judge_again(self, link: Link) -> None:
        """Only the newest version says what becomes of the invoice."""
        newest = Delivery.objects.filter(flow=self.context.flow, key=link.source_key).order_by("version").last()
        if newest is not None and newest.state in AT_REST:
            Delivery.objects.filter(pk=newest.pk, state=newest.state).update(
                state=State.PENDING, reason="", not_before=None, updated_at=self.context.now()
            )
