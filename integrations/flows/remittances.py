"""Settled payments of a cloud that tells invoices by remittance lines, entered in the ledger as one payment each."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from connectors.domain import Payment, PaymentDraft, PaymentStatus
from connectors.ports import Cursor, Page
from integrations.engine.context import FlowContext
from integrations.engine.vocabulary import Decision, Hold, Item, Reason, Staged, Stream
from integrations.models import Delivery, Link

from .payments import Match, Matched, PaymentsFlow
from .remittance_matching import Remittances

SETTLED = "settled_statuses"
PAYMENTS = "payments"  # the stream of changed ones
PENDING = "payments under way"  # the stream whose cursor remembers them
AT_ONCE = 50  # payments asked for by id (docs: avidxchange 9.4)


class RemittancesFlow(PaymentsFlow):
    def __init__(self, context: FlowContext) -> None:
        super().__init__(context)
        remembered: Mapping[str, Any] = context.flow.cursors.get(PENDING, {})
        self._under_way: set[str] = set(remembered.get("payments", ()))
        self._warned: list[str] = list(remembered.get("warned", ()))

    # --- reading ---------------------------------------------------------------------------------

    def streams(self) -> Iterable[Stream]:
        yield from super().streams()
        yield Stream(PENDING, self._read_under_way, self._absorb, counts=False)

    def _read(self, cursor: Cursor | None) -> Iterator[Page[Payment]]:
        """Each payment costs a request of its own: a day's full run does not ask for all of them again."""
        since = cursor or (None if self.context.whole else self.context.flow.cursors.get(PAYMENTS))
        return super()._read(since)

    def _read_under_way(self, cursor: Cursor | None) -> Iterator[Page[Payment]]:
        """Once a day, those that were seen before they were final: their end may not show in the list of changes."""
        if self.context.full:
            asked = sorted(self._under_way)
            for start in range(0, len(asked), AT_ONCE):
                yield Page(list(self.context.reader.get_payments(asked[start : start + AT_ONCE]).values()))
        yield Page([], cursor={"payments": sorted(self._under_way), "warned": self._warned})

    def _absorb(self, payments: Sequence[Payment]) -> Iterable[Staged]:
        """Once money moved; a void or a failure only of what we know."""
        payments = [told(payment, self.context.settings) for payment in payments]
        remittances = Remittances(self.context, payments)
        ours = [payment for payment in payments if remittances.concerns(payment)]
        keys = [payment.key for payment in ours]
        known = self.context.links().get(keys).keys() | set(
            Delivery.objects.filter(flow=self.context.flow, key__in=keys).values_list("key", flat=True)
        )
        for payment in ours:
            self._remember(payment)
            if payment.status is PaymentStatus.PAID or payment.key in known:
                yield self._staged(payment, remittances)

    def _remember(self, payment: Payment) -> None:
        if payment.status is PaymentStatus.OPEN:
            self._under_way.add(payment.key)
        else:
            self._under_way.discard(payment.key)
        if payment.warning and payment.warning not in self._warned:
            self._warned.append(payment.warning)
            self.context.report(
                "warning",
                record_type=self.record_type,
                document=payment.key,
                source_key=payment.key,
                outcome="skipped",
                message=payment.warning,
            )

    def _staged(self, payment: Payment, remittances: Remittances) -> Staged:
        numbers = (each.number or each.reference for each in payment.applications)
        return Staged(
            key=payment.key,
            document=", ".join(dict.fromkeys(filter(None, numbers)))[:200] or payment.key,
            record=payment,
            group=remittances.vendor_key(payment),
            amount=payment.amount,
            currency=payment.currency or self.context.integration.tenant.currency,
        )

    # --- deciding --------------------------------------------------------------------------------

    def matches(self, payments: Sequence[Payment]) -> Mapping[str, Match]:
        """Voided and unsettled ones need no invoice."""
        remittances = Remittances(self.context, payments)
        nothing = Hold(Reason.INVOICE_NOT_FOUND, "Not settled.")
        return {
            payment.key: remittances.match(payment) if payment.status is PaymentStatus.PAID else nothing
            for payment in payments
        }

    def _decide(self, item: Item, match: Match) -> Decision:
        payment: Payment = item.record
        standing = item.link is not None and item.link.state in (Link.State.ENTERED, Link.State.POSTED)
        if standing and payment.status is PaymentStatus.OPEN:
            return Hold(
                Reason.CHANGED_AFTER_DELIVERY,
                f"Payment {payment.key} stands in {self.there}, but {self.here} now says {payment.raw_status}: "
                "reverse it there or mark this as done outside.",
            )
        return super()._decide(item, match)

    def divided_otherwise(self, sent: PaymentDraft, payment: Payment, match: Match) -> bool:
        """An invoice that is paid may be gone from the ledger's open items: then the sum decides."""
        if isinstance(match, Matched):
            return super().divided_otherwise(sent, payment, match)
        return sent.amount != payment.amount


def told(payment: Payment, settings: Mapping[str, Any]) -> Payment:
    """With what the settings count as settled besides the cloud's own word for it."""
    chosen = {text.strip().casefold() for text in settings[SETTLED]}
    settled = payment.status is PaymentStatus.OPEN and payment.raw_status.strip().casefold() in chosen
    if settled and payment.paid_on is not None:
        return dataclasses.replace(payment, status=PaymentStatus.PAID, warning="")
    return payment
