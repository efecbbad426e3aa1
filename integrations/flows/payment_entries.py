"""Entries of ours in the ledger: followed until it posts them, missed when a person deletes or cancels them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from connectors.domain import LedgerPayment
from connectors.ports import Cursor, Page
from integrations.engine.vocabulary import Reason, Staged, State
from integrations.models import Application, Delivery, Link

if TYPE_CHECKING:
    from .payments import PaymentsFlow

#: States of an entry that the ledger may still post.
UNPOSTED = (Link.State.ENTERED, Link.State.AWAITING, Link.State.MISSING)


class Entries:
    """For one run of the payments flow."""

    def __init__(self, flow: PaymentsFlow) -> None:
        self.flow = flow
        self._began = flow.context.now()

    def absorb(self, entries: Sequence[LedgerPayment]) -> Iterable[Staged]:
        """Follow our entries until the register update posts them."""
        if self.flow.context.preview:
            return ()
        prefix = self.flow.prefix
        mine = {entry.reference.removeprefix(prefix): entry for entry in entries if entry.reference.startswith(prefix)}
        links = self.flow.context.links().get(mine)
        for key, link in links.items():
            self._follow(link, mine[key])
        return ()

    def _follow(self, link: Link, entry: LedgerPayment) -> None:
        link.seen_at = self.flow.context.now()
        fields = ["seen_at"]
        if entry.posted and link.state in UNPOSTED:
            if link.state == Link.State.AWAITING:
                self._release(link)
            link.state, link.target_id, link.closed = Link.State.POSTED, entry.id, True
            fields += ["state", "target_id", "closed"]
            applications = Application.objects.filter(
                integration=self.flow.context.integration, payment_key=link.source_key
            )
            applications.update(state=Application.State.POSTED)
            self.flow.context.report(
                "posted",
                record_type=self.flow.record_type,
                document=link.document,
                source_key=link.source_key,
                target_id=entry.id,
                amount=entry.amount,
                outcome="posted",
                message=f"Posted in {self.flow.there} as {entry.check_number or entry.id}.",
            )
        link.save(update_fields=fields)

    def _release(self, link: Link) -> None:
        """Approved: the payment that was held for it is settled in this run."""
        held = Delivery.objects.filter(flow=self.flow.context.flow, key=link.source_key, state=State.HELD)
        held.filter(reason=Reason.AWAITING_APPROVAL).update(state=State.PENDING, not_before=None)

    def read_missing(self, cursor: Cursor | None) -> Iterator[Page[str]]:
        """Entries that the ledger did not tell of just now, where it could: are they still there?"""
        standing = [Link.State.ENTERED, *([Link.State.POSTED] if self.flow.reverses else [])]
        entered = Link.objects.filter(flow=self.flow.context.flow, state__in=standing, seen_at__lt=self._began)
        gone = [
            key
            for key in entered.values_list("source_key", flat=True)
            if self.flow.context.writer.find_payment(self.flow.prefix + key) is None
        ]
        return iter([Page(gone)])

    def absorb_missing(self, keys: Sequence[str]) -> Iterable[Staged]:
        """A person deleted or cancelled the entry in the ledger: hold the payment until somebody decides."""
        if self.flow.context.preview or not keys:
            return ()
        what = "cancelled" if self.flow.reverses else "deleted"
        message = f"The payment's entry was {what} in {self.flow.there}. Replay to enter it again."
        Link.objects.filter(flow=self.flow.context.flow, source_key__in=keys).update(state=Link.State.MISSING)
        Application.objects.filter(integration=self.flow.context.integration, payment_key__in=keys).update(
            state=Application.State.VOIDED
        )
        delivered = Delivery.objects.filter(flow=self.flow.context.flow, key__in=keys, state=State.DELIVERED)
        for row in {row.key: row for row in delivered.order_by("version")}.values():  # the newest of each
            row.state, row.reason, row.message = State.HELD, Reason.CHANGED_AFTER_DELIVERY, message
            row.generation = self.flow.context.integration.generation
            row.save(update_fields=["state", "reason", "message", "generation"])
            self.flow.context.report(
                "held", record_type=self.flow.record_type, document=row.document, source_key=row.key, message=message
            )
        return ()
