"""What the task cluster calls: ids only, safe to run twice, late or never."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from connectors.clock import SystemClock
from integrations.engine import schedule, unattended
from integrations.engine.subscriptions import check_subscriptions


def run_flow(flow_id: int, *, slot: str | None = None, trigger: str = "schedule", **ignored: Any) -> str:
    """Run one flow, time-boxed. Answers in a word what came of it. `slot`: the planned instant, as ISO text."""
    planned = datetime.fromisoformat(slot) if slot else None
    return unattended.run_flow(flow_id, slot=planned, trigger=trigger, clock=SystemClock())


def sweep() -> int:
    """Every minute: heartbeat, and a bell for all due work that nobody is at."""
    return schedule.sweep(SystemClock())


def daily() -> None:
    """Every day: webhook subscriptions that the cloud switched off are switched on again."""
    check_subscriptions(SystemClock())
