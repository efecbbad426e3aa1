"""What of each invoice the cloud has paid by our doing, as far as that is known."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

from django.db.models import Q

from connectors.domain import PaymentDraft
from integrations.engine.codec import decode
from integrations.engine.vocabulary import Item
from integrations.models import Application, Delivery, Integration, State

from .bill_changes import Recorded

UNCLEAR = (State.SENDING, State.UNCERTAIN)
_NOT_YET = datetime.max.replace(tzinfo=UTC)  # when a payment on its way will have arrived


@dataclass(frozen=True, slots=True)
class Payments:
    """`recorded` by invoice; `unclear`: invoices with a payment that is on its way into the ledger or out of it."""

    recorded: dict[str, list[Recorded]] = field(default_factory=lambda: defaultdict(list))
    unclear: set[str] = field(default_factory=set)


def payments_of(integration: Integration, items: Sequence[Item]) -> Payments:
    """What is on its way, and what arrived after an invoice was read, the invoice's balance shows or not."""
    found = Payments()
    read = {item.key: item.delivery.created_at for item in items}
    rows = list(Application.objects.filter(integration=integration, bill_key__in=read))
    arrived, entering = _moving(integration, {row.payment_key for row in rows}, min(read.values(), default=_NOT_YET))
    for draft in entering.values():
        for each in draft.applications:
            if each.key in read:
                found.recorded[each.key].append(Recorded(each.amount + each.discount, posted=False))
                found.unclear.add(each.key)
    for row in rows:
        arrival = arrived.get(row.payment_key)
        unsure = arrival is not None and arrival >= read[row.bill_key]
        if row.payment_key in entering or (row.state == Application.State.VOIDED and not unsure):
            continue
        posted = row.state == Application.State.POSTED and not unsure
        found.recorded[row.bill_key].append(Recorded(Decimal(row.amount_minor).scaleb(-2), posted))
        if arrival == _NOT_YET:
            found.unclear.add(row.bill_key)
    return found


def _moving(
    integration: Integration, known: set[str], since: datetime
) -> tuple[dict[str, datetime], dict[str, PaymentDraft]]:
    """When payments arrived that did so `since` then or have not yet, and what is being entered, by key."""
    rows = Delivery.objects.filter(flow__integration=integration, flow__name="payments")
    rows = rows.filter(Q(state__in=UNCLEAR) | Q(key__in=known, updated_at__gte=since))
    arrived: dict[str, datetime] = {}
    entering: dict[str, PaymentDraft] = {}
    for key, state, action, draft, changed in rows.values_list("key", "state", "action", "draft", "updated_at"):
        arrived[key] = max(arrived.get(key, changed), _NOT_YET if state in UNCLEAR else changed)
        if state in UNCLEAR and action == "create":
            entering[key] = decode(PaymentDraft, draft)
    return arrived, entering
