"""A flow run by the task cluster: one flow, time-boxed, continued by the next doorbell."""

from __future__ import annotations

import logging
from datetime import datetime

from django.db import IntegrityError, transaction

from connectors.clock import Clock
from connectors.errors import ConnectorError
from integrations.models import Connection, Flow, Run

from .claim import ClaimLost, claim
from .context import ConnectorPool
from .run import FlowRun
from .schedule import has_due_work, ring

log = logging.getLogger(__name__)

TIME_BOX = 240.0  # seconds, below the queue's hard time-out of 300


def run_flow(flow_id: int, *, slot: datetime | None, trigger: str, clock: Clock) -> str:
    """Claim and run one flow. Answers `ran`, `failed`, or why it did not run."""
    flows = Flow.objects.select_related("integration__tenant", "integration__source", "integration__target")
    flow = flows.filter(pk=flow_id, enabled=True, integration__enabled=True).first()
    if flow is None:
        return "disabled"
    if flow.integration.source.refused_at or flow.integration.target.refused_at:
        return "credentials refused"
    if slot is not None and Run.objects.filter(flow=flow, slot=slot).exists():
        return "slot done"
    held = claim(flow, clock)
    if held is None:
        return "busy"
    pool = ConnectorPool(clock)
    try:
        Flow.objects.filter(pk=flow.pk).update(rung_at=None)
        deadline = clock.monotonic() + TIME_BOX
        try:
            with transaction.atomic():
                run = FlowRun(flow, held, pool, trigger=trigger, slot=slot, deadline=deadline)
        except IntegrityError:  # the same slot was begun by somebody else a moment ago
            return "slot done"
        return _work(run)
    except ClaimLost as lost:
        log.warning("%s", lost)
        return "taken over"
    finally:
        pool.close()
        held.release()
        _ring_siblings(flow, clock)


def _work(run: FlowRun) -> str:
    error: ConnectorError | None = None
    try:
        run.read()
        run.deliver()
    except ConnectorError as trouble:
        error = trouble
        log.warning("%s: %s", run.flow, trouble)
    finally:
        run.finish(error)
    if error is None:
        ids = (run.flow.integration.source_id, run.flow.integration.target_id)
        Connection.objects.filter(pk__in=ids).update(last_ok_at=run.clock.now(), last_error="")
    return "failed" if error else "ran"


def _ring_siblings(flow: Flow, clock: Clock) -> None:
    """Flows that this one asked for something, or whose held records it may have released, run now."""
    siblings = Flow.objects.filter(integration=flow.integration, enabled=True).select_related("integration")
    now = clock.now()
    for sibling in siblings:
        if sibling.pk != flow.pk and (sibling.rung_at is not None or has_due_work(sibling, now)):
            Flow.objects.filter(pk=sibling.pk).update(rung_at=None)
            ring(sibling, trigger=Run.Trigger.SWEEP)
