"""What the task cluster calls: ids only, safe to run twice, late or never."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django_q.tasks import async_task

from connectors.clock import SystemClock
from integrations.engine import schedule, unattended
from integrations.engine.subscriptions import check_subscriptions
from integrations.models import Integration
from integrations.reconcile import reconcile


def run_flow(flow_id: int, *, slot: str | None = None, trigger: str = "schedule", **ignored: Any) -> str:
    """Run one flow, time-boxed. Answers in a word what came of it. `slot`: the planned instant, as ISO text."""
    planned = datetime.fromisoformat(slot) if slot else None
    return unattended.run_flow(flow_id, slot=planned, trigger=trigger, clock=SystemClock())


def sweep() -> int:
    """Every minute: heartbeat, and a bell for all due work that nobody is at."""
    return schedule.sweep(SystemClock())


def daily() -> None:
    """Every day: webhook subscriptions that the cloud switched off are switched on again, both sides are compared."""
    check_subscriptions(SystemClock())
    able = Integration.objects.filter(enabled=True, flows__name="bills", flows__enabled=True)
    for pk in able.filter(source__refused_at=None, target__refused_at=None).values_list("pk", flat=True):
        async_task("integrations.tasks.compare", pk)


def compare(integration_id: int) -> str:
    """Compare both sides of an integration; the audit trail keeps the summary that this answers, too."""
    return reconcile(Integration.objects.select_related("tenant").get(pk=integration_id)).summary()
