"""What people do to records and flows, each with its audit event."""

from __future__ import annotations

from django.db.models.query import QuerySet

from connectors.clock import Clock, SystemClock
from integrations.mapping.resolve import resolve
from integrations.models import Connection, Delivery, Flow, Integration, Run, State
from integrations.models.delivery import UNREADABLE

from .context import recipe_of
from .run import bump
from .schedule import ring
from .trail import Trail

REPLAYABLE = (State.HELD, State.FAILED)


def replay(
    deliveries: QuerySet[Delivery],
    *,
    actor: str,
    approve: bool = True,
    clock: Clock | None = None,
    doorbell: bool = True,
) -> int:
    """Put held and failed records back to pending; returns how many.

    With `approve` a person chose these very records, having read why they are held: a rule that asks for a person
    is satisfied for that reason. A sweeping replay of everything approves nothing.
    """
    clock = clock or SystemClock()
    rows = deliveries.filter(state__in=REPLAYABLE).exclude(action=UNREADABLE)  # those wait to be read, not sent
    rows = rows.select_related("flow__integration__tenant")
    flows: dict[int, Flow] = {}
    count = 0
    for row in rows.iterator(chunk_size=500):
        trail = _trail(row.flow, actor, clock)
        with trail.transaction():
            put_back = Delivery.objects.filter(pk=row.pk, state__in=REPLAYABLE).update(
                state=State.PENDING,
                reason="",
                not_before=None,
                locks=0,
                approved=row.reason if approve and row.state == State.HELD else "",
                updated_at=clock.now(),
            )
            if not put_back:
                continue
            row.state, row.reason = State.PENDING, ""
            trail.write([trail.of(row, "replayed", _record_type(row))])
        count += 1
        flows[row.flow_id] = row.flow
    for flow in flows.values() if doorbell else ():
        ring(flow, trigger=Run.Trigger.REPLAY)
    return count


def mark_done_outside(delivery: Delivery, *, reason: str, actor: str, clock: Clock | None = None) -> None:
    """A person settled it in the systems themselves. Raises ValueError without a reason or in another state."""
    clock = clock or SystemClock()
    reason = reason.strip()
    if not reason:
        raise ValueError("Say how it was settled.")
    allowed = (*REPLAYABLE, State.UNCERTAIN)
    trail = _trail(delivery.flow, actor, clock)
    with trail.transaction():
        done = Delivery.objects.filter(pk=delivery.pk, state__in=allowed).update(
            state=State.DONE_OUTSIDE, message=reason, not_before=None, updated_at=clock.now()
        )
        if not done:
            raise ValueError(f"The record is {delivery.get_state_display()}; only open ones can be marked.")
        delivery.refresh_from_db()
        trail.write([trail.of(delivery, "done_outside", _record_type(delivery))])


def sync_now(flow: Flow, *, actor: str, clock: Clock | None = None) -> None:
    """Ring the doorbell of a flow. A person asks, so credentials that were refused get another try."""
    clock = clock or SystemClock()
    trail = _trail(flow, actor, clock)
    with trail.transaction():
        trail.write([trail.entry("sync_requested", outcome="requested")])
        sides = (flow.integration.source_id, flow.integration.target_id)
        Connection.objects.filter(pk__in=sides).update(refused_at=None)
    Flow.objects.filter(pk=flow.pk).update(rung_at=None)
    ring(flow, trigger=Run.Trigger.MANUAL)


def mapping_changed(integration: Integration, *, actor: str) -> None:
    """Find what the changed rows mean and let held records be judged again, now."""
    resolve(integration)
    bump(integration)
    for flow in integration.flows.filter(enabled=True):
        if Delivery.objects.filter(flow=flow, state=State.HELD).exists():
            ring(flow, trigger=Run.Trigger.SWEEP)


def _record_type(delivery: Delivery) -> str:
    return str(recipe_of(delivery.flow.integration).flow(delivery.flow.name).policy.record_type)


def _trail(flow: Flow, actor: str, clock: Clock) -> Trail:
    integration = flow.integration
    return Trail(tenant=integration.tenant.slug, clock=clock, integration=integration.name, flow=flow.name, actor=actor)
