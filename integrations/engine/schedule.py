"""The only writer of django-q2's schedules, the doorbell, the sweep and the heartbeat.

The queue is a doorbell: it may ring twice, late or never. What is due stands in our tables; a minute's sweep finds
what no doorbell rang for.
"""

from __future__ import annotations

import logging
import socket
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.db.models.query import QuerySet
from django_q.models import Schedule
from django_q.tasks import async_task

from connectors.clock import Clock, SystemClock
from integrations.models import Delivery, Flow, Heartbeat, Run, State

from .context import flows_in_use

log = logging.getLogger(__name__)

RUN_FLOW = "integrations.tasks.run_flow"
SWEEP = "integrations.tasks.sweep"
DAILY = "integrations.tasks.daily"
PREFIX = "flow:"

BELL_LIFE = timedelta(minutes=2)  # a bell nobody answered for so long is taken for lost
FIRST_PATIENCE = 60.0  # seconds before work of a failed run is tried again by the sweep, doubled each time
LONGEST_PATIENCE = 900.0


# --- schedules ------------------------------------------------------------------------------------


def refresh_schedules(clock: Clock | None = None) -> None:
    """Make django-q2's schedules say what the flows say. Takes effect without a restart.

    Every other row goes: one that cannot be read stops all schedules (django-q2 1.11.1), and nobody else may write.
    """
    now = (clock or SystemClock()).now()
    with transaction.atomic():
        wanted = _wanted()
        known: dict[str, Schedule] = {}
        stray = []
        for row in Schedule.objects.order_by("id"):
            if row.name in wanted and row.name not in known:
                known[row.name] = row
            else:
                stray.append(row.pk)
        if stray:
            Schedule.objects.filter(pk__in=stray).delete()
        for name, fields in wanted.items():
            _schedule(name, fields, known.get(name), now)


def _wanted() -> dict[str, dict[str, Any]]:
    """Schedule fields by name. Any other field of a row stays empty."""
    wanted = {"sweep": _fields(SWEEP, 60), "daily": _fields(DAILY, 86400)}
    flows = Flow.objects.filter(enabled=True, integration__enabled=True).select_related("integration").order_by("id")
    for flow in flows_in_use(flows):
        # `args` is a literal; `slot` tells the task which planned instant it runs for
        fields = {"args": f"({flow.pk},)", "intended_date_kwarg": "slot"}
        wanted[f"{PREFIX}{flow.pk}"] = _fields(RUN_FLOW, flow.every) | fields
    return wanted


def _fields(function: str, every: int) -> dict[str, Any]:
    """django-q2 counts in minutes."""
    return {
        "func": function,
        "args": None,
        "kwargs": None,
        "hook": None,
        "cron": None,
        "cluster": None,
        "schedule_type": Schedule.MINUTES,
        "minutes": max(1, round(every / 60)),
        "repeats": -1,
        "intended_date_kwarg": None,
    }


def _schedule(name: str, fields: dict[str, Any], known: Schedule | None, now: datetime) -> None:
    if known is None:
        Schedule.objects.create(name=name, next_run=now, **fields)
        return
    changed = {field: value for field, value in fields.items() if getattr(known, field) != value}
    if "minutes" in changed:
        changed["next_run"] = min(known.next_run, now + timedelta(minutes=fields["minutes"]))
    if changed:  # and nothing else: the scheduler moves `next_run` at the same time
        Schedule.objects.filter(pk=known.pk).update(**changed)


def next_runs() -> dict[int, datetime]:
    """When the queue will ring for each scheduled flow, by flow id."""
    rows = Schedule.objects.filter(name__startswith=PREFIX).values_list("name", "next_run")
    return {int(name.removeprefix(PREFIX)): at for name, at in rows}


# --- the doorbell ---------------------------------------------------------------------------------


def ring(flow: Flow, *, trigger: str = Run.Trigger.WEBHOOK) -> None:
    """Run the flow soon. Many rings before it runs are one."""
    with transaction.atomic():  # in one with the caller's own change, where he has one
        if Flow.objects.filter(pk=flow.pk, rung_at__isnull=True).update(rung_at=SystemClock().now()):
            async_task(RUN_FLOW, flow.pk, trigger=str(trigger))


def ring_again(flows: QuerySet[Flow], now: datetime, *, trigger: str = Run.Trigger.SWEEP) -> int:
    """Ring for these flows whether or not a bell rang before."""
    count = 0
    for pk in flows.values_list("pk", flat=True):
        with transaction.atomic():
            if Flow.objects.filter(pk=pk).update(rung_at=now):
                async_task(RUN_FLOW, pk, trigger=str(trigger))
                count += 1
    return count


def runnable() -> QuerySet[Flow]:
    """Flows that may run unattended."""
    return Flow.objects.filter(
        enabled=True,
        integration__enabled=True,
        integration__source__refused_at=None,
        integration__target__refused_at=None,
    )


def unclaimed(now: datetime) -> Q:
    return Q(claim_token="") | Q(lease_until__lt=now)


def has_due_work(flow: Flow, now: datetime) -> bool:
    return Flow.objects.filter(due_work(now), pk=flow.pk).exists()


def due_work(now: datetime) -> Q:
    """Flows with deliveries that a run would do something about."""
    ripe = Q(not_before__isnull=True) | Q(not_before__lte=now)
    due = (
        Q(state__in=(State.PENDING, State.UNCERTAIN)) & ripe
        | Q(state=State.SENDING)
        | Q(state=State.HELD) & (Q(generation__lt=OuterRef("integration__generation")) | Q(not_before__lte=now))
    )
    return Q(Exists(Delivery.objects.filter(due, flow=OuterRef("pk"))))


# --- the sweep ------------------------------------------------------------------------------------


def sweep(clock: Clock) -> int:
    """Ring for every flow that has due work nobody is at, or whose bell was lost; the number of bells rung.

    Also the heartbeat, and the schedules: an interval changed by whatever hand holds within a minute.
    """
    now = clock.now()
    beat(clock)
    refresh_schedules(clock)
    free = runnable().filter(unclaimed(now))
    lost = set(free.filter(rung_at__lt=now - BELL_LIFE).values_list("pk", flat=True))
    due = free.filter(due_work(now), rung_at__isnull=True).values_list("pk", flat=True)
    ready = lost | {pk for pk in due if not _patient(pk, now)}
    return ring_again(Flow.objects.filter(pk__in=ready).order_by("integration", "position"), now)


def _patient(flow_id: int, now: datetime) -> bool:
    """After failed runs (a system is down) the sweep waits 1, 2, 4, 8, 15 minutes; the schedule asks anyhow."""
    latest = Run.objects.filter(flow=flow_id).order_by("-id").values_list("state", "finished_at")[:5]
    ended: datetime | None = None
    wait = 0.0
    for state, finished_at in latest:
        if state != Run.State.FAILED or finished_at is None:
            break
        ended = ended or finished_at
        wait = min(wait * 2 or FIRST_PATIENCE, LONGEST_PATIENCE)
    return ended is not None and now < ended + timedelta(seconds=wait)


# --- the heartbeat --------------------------------------------------------------------------------


def beat(clock: Clock) -> None:
    """A task of this host's cluster is at work."""
    Heartbeat.objects.update_or_create(name=socket.gethostname()[:100], defaults={"at": clock.now()})


def last_heartbeat() -> datetime | None:
    """When any task cluster last proved that it works."""
    row = Heartbeat.objects.order_by("-at").first()
    return row.at if row else None
