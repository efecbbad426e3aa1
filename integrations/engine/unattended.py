"""A flow run by the task cluster: one flow, time-boxed, continued by the next doorbell."""

from __future__ import annotations

import logging
from datetime import datetime
from functools import partial

from django.db import IntegrityError, transaction
from django.db.models import Q

from connectors.clock import Clock
from connectors.errors import ConnectorError
from integrations.models import Connection, Flow, Run

from .claim import Claim, ClaimLost, claim
from .context import RELATED, ConnectorPool, in_use, recipe_of
from .run import FlowRun
from .schedule import beat, due_work, has_due_work, ring_again, runnable, unclaimed

log = logging.getLogger(__name__)

TIME_BOX = 240.0  # seconds, below the queue's hard time-out of 300
LONGEST_WINDOW = 50.0  # seconds: with the time box still below the time-out, and far below the life of a bell


def run_flow(flow_id: int, *, slot: datetime | None, trigger: str, clock: Clock) -> str:
    """Claim and run one flow. Answers `ran`, `failed`, or why it did not run."""
    flow = _enabled(flow_id)
    if flow is not None and trigger == Run.Trigger.WEBHOOK and _collect(flow, clock):
        flow = _enabled(flow_id)
    if flow is None:
        return "disabled"
    if not in_use(flow):
        Flow.objects.filter(pk=flow_id).update(rung_at=None)  # nobody will answer this bell
        return "disabled"
    if trigger == Run.Trigger.MANUAL:
        _try_refused_again(flow)
    elif flow.integration.source.refused_at or flow.integration.target.refused_at:
        return "credentials refused"
    if slot is not None and Run.objects.filter(flow=flow, slot=slot).exists():
        return "slot done"
    if slot is None and flow.rung_at is None and not has_due_work(flow, clock.now()):
        return "answered"  # a doubled bell: somebody ran since it rang
    held = claim(flow, clock, alive=partial(beat, clock))
    if held is None:
        return "busy"  # whoever is at it sees the bell when he ends
    word = "taken over"
    try:
        word = _run(flow, held, slot, trigger, clock)
    except ClaimLost as lost:
        log.warning("%s", lost)
    finally:
        held.release()
    if word in ("ran", "unfinished"):
        _ring_on(flow, clock, again=word == "unfinished")
    return "ran" if word == "unfinished" else word


def _enabled(flow_id: int) -> Flow | None:
    return Flow.objects.select_related(*RELATED).filter(pk=flow_id, enabled=True, integration__enabled=True).first()


def _collect(flow: Flow, clock: Clock) -> bool:
    """Wait until the window that began with the first notification is over, so that one run serves them all: more
    of them find the bell rung. The queue has no finer timer than half a minute. True when there was a wait."""
    settings = {**recipe_of(flow.integration).defaults(), **(flow.integration.settings or {})}
    window = min(float(settings.get("webhook_window") or 0), LONGEST_WINDOW)
    if not window or flow.rung_at is None:
        return False
    left = window - (clock.now() - flow.rung_at).total_seconds()
    if left > 0:
        clock.sleep(min(left, window))
    return left > 0


def _try_refused_again(flow: Flow) -> None:
    """A person asked for it."""
    ids = (flow.integration.source_id, flow.integration.target_id)
    Connection.objects.filter(pk__in=ids).update(refused_at=None)


def _run(flow: Flow, held: Claim, slot: datetime | None, trigger: str, clock: Clock) -> str:
    pool = ConnectorPool(clock)
    deadline = clock.monotonic() + TIME_BOX
    try:
        with transaction.atomic():
            run = FlowRun(flow, held, pool, trigger=trigger, slot=slot, deadline=deadline)
    except IntegrityError:  # the same slot was begun by somebody else a moment ago
        return "slot done"
    try:
        run.read()
        run.deliver()
    except ClaimLost:  # the next owner has closed this run
        raise
    except ConnectorError as trouble:
        log.warning("%s: %s", flow, trouble)
        run.finish(trouble)
        return "failed"
    except BaseException as crash:  # the queue's time-out too, which is no Exception
        run.finish(crash)
        raise
    finally:
        pool.close()
    run.finish()
    ids = (flow.integration.source_id, flow.integration.target_id)
    Connection.objects.filter(pk__in=ids).update(last_ok_at=clock.now(), last_error="")
    return "unfinished" if run.out_of_time else "ran"


def _ring_on(flow: Flow, clock: Clock, *, again: bool) -> None:
    """Flows that this one asked for something, or whose held records it may have released, run now; itself too,
    when its time was up or a bell rang meanwhile. Those that are running look for themselves when they end."""
    now = clock.now()
    free = runnable().filter(unclaimed(now), integration=flow.integration)
    wanted = Q(rung_at__isnull=False) | due_work(now) & ~Q(pk=flow.pk)
    ring_again(free.filter(wanted | Q(pk=flow.pk) if again else wanted), now)
