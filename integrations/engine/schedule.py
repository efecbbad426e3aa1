"""The only writer of django-q2's schedules, the doorbell, the sweep and the heartbeat.

The queue is a doorbell: it may ring twice, late or never. What is due stands in our tables; a minute's sweep finds
what no doorbell rang for.
"""

from __future__ import annotations

import logging
import socket
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django_q.models import Schedule
from django_q.tasks import async_task

from connectors.clock import Clock, SystemClock
from integrations.models import Delivery, Flow, Heartbeat, Run, State

log = logging.getLogger(__name__)

RUN_FLOW = "integrations.tasks.run_flow"
SWEEP = "integrations.tasks.sweep"
DAILY = "integrations.tasks.daily"
PREFIX = "flow:"


def refresh_schedules() -> None:
    """Make django-q2's schedules say what the flows say. Takes effect without a restart."""
    with transaction.atomic():
        wanted = {}
        for flow in Flow.objects.filter(enabled=True, integration__enabled=True):
            wanted[f"{PREFIX}{flow.pk}"] = flow
        known = {row.name: row for row in Schedule.objects.filter(name__startswith=PREFIX)}
        Schedule.objects.filter(name__in=known.keys() - wanted.keys()).delete()
        for name, flow in wanted.items():
            _schedule(name, RUN_FLOW, flow.every, args=str(flow.pk), known=known.get(name))
        own = {row.name: row for row in Schedule.objects.filter(name__in=("sweep", "daily"))}
        _schedule("sweep", SWEEP, 60, args="", known=own.get("sweep"))
        _schedule("daily", DAILY, 86400, args="", known=own.get("daily"))


def _schedule(name: str, function: str, every: int, *, args: str, known: Schedule | None) -> None:
    """django-q2 counts in minutes; `args` is a literal tuple, or one bad row would stop all schedules."""
    minutes = max(1, round(every / 60))
    row = known or Schedule(name=name, next_run=SystemClock().now())
    fields = {
        "func": function,
        "args": f"({args},)" if args else "()",
        "schedule_type": Schedule.MINUTES,
        "minutes": minutes,
        "repeats": -1,
        "intended_date_kwarg": "slot" if function == RUN_FLOW else None,
    }
    if known and all(getattr(known, field) == value for field, value in fields.items()):
        return
    if known and known.minutes != minutes:
        row.next_run = min(row.next_run, SystemClock().now() + timedelta(minutes=minutes))
    for field, value in fields.items():
        setattr(row, field, value)
    row.save()


def ring(flow: Flow, *, trigger: str = Run.Trigger.WEBHOOK) -> None:
    """Run the flow soon. Many rings before it runs are one."""
    rung = Flow.objects.filter(pk=flow.pk, rung_at__isnull=True).update(rung_at=SystemClock().now())
    if rung:
        async_task(RUN_FLOW, flow.pk, trigger=str(trigger))


def sweep(clock: Clock) -> int:
    """Ring for every enabled flow that has due work nobody is at; the number of bells rung."""
    now = clock.now()
    beat(clock)
    free = Q(claim_token="") | Q(lease_until__lt=now)
    flows = Flow.objects.filter(free, enabled=True, integration__enabled=True)
    flows = flows.filter(integration__source__refused_at=None, integration__target__refused_at=None)
    count = 0
    for flow in flows.select_related("integration"):
        rung = flow.rung_at is not None and flow.rung_at < now - timedelta(seconds=30)
        if rung or has_due_work(flow, now):
            Flow.objects.filter(pk=flow.pk).update(rung_at=now)
            async_task(RUN_FLOW, flow.pk, trigger=str(Run.Trigger.SWEEP))
            count += 1
    return count


def has_due_work(flow: Flow, now: datetime) -> bool:
    ripe = Q(not_before__isnull=True) | Q(not_before__lte=now)
    due = (
        Q(state__in=(State.PENDING, State.UNCERTAIN)) & ripe
        | Q(state=State.SENDING)
        | Q(state=State.HELD) & (Q(generation__lt=flow.integration.generation) | Q(not_before__lte=now))
    )
    return Delivery.objects.filter(due, flow=flow).exists()


def beat(clock: Clock) -> None:
    Heartbeat.objects.update_or_create(name=socket.gethostname()[:100], defaults={"at": clock.now()})


def last_heartbeat() -> datetime | None:
    """When any task cluster last proved that it works."""
    row = Heartbeat.objects.order_by("-at").first()
    return row.at if row else None


def next_runs() -> dict[int, datetime]:
    """When the queue will ring for each scheduled flow, by flow id."""
    rows = Schedule.objects.filter(name__startswith=PREFIX).values_list("name", "next_run")
    return {int(name.removeprefix(PREFIX)): at for name, at in rows}
