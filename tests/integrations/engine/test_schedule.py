"""Schedules follow the flows, bells ring once, the sweep finds what no bell rang for."""

from __future__ import annotations

import ast
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.signing import BadSignature
from django.db import transaction
from django.utils import timezone
from django_q import scheduler as q2
from django_q.models import OrmQ, Schedule

from connectors.clock import SystemClock
from integrations.engine.schedule import (
    BELL_LIFE,
    RUN_FLOW,
    has_due_work,
    last_heartbeat,
    next_runs,
    refresh_schedules,
    ring,
    sweep,
)
from integrations.models import Connection, Delivery, Flow, Integration, Run, State
from tests.integrations.world import World, make_delivery, make_world

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> World:
    made = make_world()
    Delivery.objects.all().delete()
    Run.objects.all().delete()
    made.flows.pop("new_vendors").delete()  # a flow that a setting switches on
    return made


@pytest.fixture
def scheduler(monkeypatch: pytest.MonkeyPatch) -> Any:
    """One pass of django-q2's scheduler; it closes connections, which here would end the test's transaction."""
    monkeypatch.setattr(q2, "close_old_django_connections", lambda: None)
    return q2.scheduler


class LaterClock(SystemClock):
    """The system's clock, some time ahead."""

    def __init__(self, ahead: timedelta) -> None:
        self.ahead = ahead

    def now(self) -> datetime:
        return super().now() + self.ahead


def bells() -> list[tuple[str, int, str]]:
    """What stands in the queue: function, flow, trigger."""
    tasks = [row.task for row in OrmQ.objects.order_by("id")]
    assert all(not isinstance(task, BadSignature) for task in tasks)
    return [(task["func"], task["args"][0] if task["args"] else 0, task["kwargs"].get("trigger", "")) for task in tasks]


def row(flow: Flow) -> Schedule:
    return Schedule.objects.get(name=f"flow:{flow.pk}")


# --- schedules ------------------------------------------------------------------------------------


def test_every_enabled_flow_is_planned_at_once_beside_the_sweep_and_the_daily_check(world: World) -> None:
    refresh_schedules()
    assert {each.name for each in Schedule.objects.all()} == {
        "sweep",
        "daily",
        *(f"flow:{flow.pk}" for flow in world.flows.values()),
    }
    bills = row(world.flows["bills"])
    assert (bills.func, bills.minutes, bills.repeats) == (RUN_FLOW, 15, -1)
    assert ast.literal_eval(bills.args) == (world.flows["bills"].pk,)
    assert next_runs()[world.flows["bills"].pk] <= timezone.now()


def test_the_scheduler_hands_each_flow_its_id_and_the_planned_instant(world: World, scheduler: Any) -> None:
    refresh_schedules()
    planned = row(world.flows["bills"]).next_run
    scheduler()
    tasks = [each.task for each in OrmQ.objects.all()]
    assert len(tasks) == len(world.flows) + 2
    (bills,) = (each for each in tasks if each["args"] == (world.flows["bills"].pk,))
    assert bills["func"] == RUN_FLOW
    assert datetime.fromisoformat(bills["kwargs"]["slot"]) == planned
    assert row(world.flows["bills"]).next_run == planned + timedelta(minutes=15)


def test_refreshing_again_changes_nothing(world: World) -> None:
    refresh_schedules()
    before = list(Schedule.objects.order_by("id").values())
    refresh_schedules(LaterClock(timedelta(hours=1)))
    assert list(Schedule.objects.order_by("id").values()) == before


def test_a_shorter_interval_brings_the_next_run_forward_and_a_longer_one_leaves_it(world: World) -> None:
    refresh_schedules()
    soon, late = timezone.now() + timedelta(minutes=5), timezone.now() + timedelta(hours=20)
    Schedule.objects.filter(name=f"flow:{world.flows['accounts'].pk}").update(next_run=late)
    Schedule.objects.filter(name=f"flow:{world.flows['bills'].pk}").update(next_run=soon)
    Flow.objects.filter(pk=world.flows["accounts"].pk).update(every=600)
    Flow.objects.filter(pk=world.flows["bills"].pk).update(every=7200)
    refresh_schedules()
    accounts, bills = row(world.flows["accounts"]), row(world.flows["bills"])
    assert (accounts.minutes, bills.minutes) == (10, 120)
    assert accounts.next_run <= timezone.now() + timedelta(minutes=10)
    assert bills.next_run == soon


@pytest.mark.parametrize(("every", "minutes"), [(1, 1), (60, 1), (900, 15), (86400, 1440)])
def test_intervals_are_whole_minutes(world: World, every: int, minutes: int) -> None:
    Flow.objects.update(every=every)
    refresh_schedules()
    assert row(world.flows["bills"]).minutes == minutes


def test_disabled_flows_and_integrations_have_no_schedule(world: World) -> None:
    refresh_schedules()
    Flow.objects.filter(pk=world.flows["payments"].pk).update(enabled=False)
    refresh_schedules()
    assert world.flows["payments"].pk not in next_runs()
    assert world.flows["bills"].pk in next_runs()
    Integration.objects.update(enabled=False)
    refresh_schedules()
    assert next_runs() == {}


@pytest.mark.parametrize(
    "bad",
    [
        {"name": "somebody's", "func": "os.system", "args": "tenant-1"},
        {"name": "bad cron", "func": RUN_FLOW, "schedule_type": Schedule.CRON, "cron": "not a cron"},
    ],
)
def test_a_row_that_stops_all_schedules_is_removed(world: World, scheduler: Any, bad: dict[str, Any]) -> None:
    refresh_schedules()
    Schedule.objects.bulk_create([Schedule(next_run=timezone.now() - timedelta(days=1), **bad)])
    scheduler()
    assert not OrmQ.objects.exists(), "the trap is gone from django-q2"
    refresh_schedules()
    scheduler()
    assert OrmQ.objects.count() == len(world.flows) + 2


def test_damaged_and_doubled_rows_are_put_right(world: World) -> None:
    refresh_schedules()
    flow = world.flows["bills"]
    Schedule.objects.filter(name=f"flow:{flow.pk}").update(args="oops", kwargs="x=", hook="os.system", repeats=0)
    Schedule.objects.create(name=f"flow:{flow.pk}", func=RUN_FLOW, args=f"({flow.pk},)")
    refresh_schedules()
    assert (row(flow).args, row(flow).kwargs, row(flow).hook, row(flow).repeats) == (f"({flow.pk},)", None, None, -1)


# --- bells ----------------------------------------------------------------------------------------


def test_many_rings_before_a_run_are_one(world: World) -> None:
    for _ in range(3):
        ring(world.flows["payments"])
    assert bells() == [(RUN_FLOW, world.flows["payments"].pk, "webhook")]


def test_a_bell_rung_in_a_transaction_that_fails_did_not_ring(world: World) -> None:
    with transaction.atomic():
        ring(world.flows["payments"])
        transaction.set_rollback(True)
    assert bells() == []
    assert Flow.objects.get(pk=world.flows["payments"].pk).rung_at is None


# --- the sweep ------------------------------------------------------------------------------------

NOW = timezone.now()


@pytest.mark.parametrize(
    ("state", "fields", "due"),
    [
        (State.PENDING, {}, True),
        (State.PENDING, {"not_before": NOW - timedelta(seconds=1)}, True),
        (State.PENDING, {"not_before": NOW + timedelta(hours=1)}, False),
        (State.UNCERTAIN, {"not_before": NOW - timedelta(seconds=1)}, True),
        (State.UNCERTAIN, {"not_before": NOW + timedelta(hours=1)}, False),
        (State.SENDING, {}, True),
        (State.HELD, {"generation": 1}, False),
        (State.HELD, {"generation": 0}, True),
        (State.HELD, {"generation": 1, "not_before": NOW - timedelta(seconds=1)}, True),
        (State.FAILED, {}, False),
        (State.DELIVERED, {}, False),
        (State.SUPERSEDED, {}, False),
        (State.DONE_OUTSIDE, {}, False),
        (State.VOIDED, {}, False),
    ],
)
def test_the_sweep_rings_for_due_work_and_for_nothing_else(
    world: World, state: str, fields: dict[str, Any], due: bool
) -> None:
    make_delivery(world.flows["bills"], "INV-9", state, **fields)
    assert sweep(SystemClock()) == int(due)
    assert bells() == ([(RUN_FLOW, world.flows["bills"].pk, "sweep")] if due else [])
    assert has_due_work(world.flows["bills"], timezone.now()) is due


def test_the_sweep_proves_the_cluster_alive_and_puts_schedules_right(world: World) -> None:
    Flow.objects.filter(pk=world.flows["bills"].pk).update(every=1800)
    sweep(SystemClock())
    beat = last_heartbeat()
    assert beat is not None
    assert timezone.now() - beat < timedelta(minutes=1)
    assert row(world.flows["bills"]).minutes == 30


def test_the_sweep_leaves_alone_what_is_being_run_or_may_not_run(world: World) -> None:
    flow = world.flows["bills"]
    make_delivery(flow, "INV-9", State.PENDING)
    Flow.objects.filter(pk=flow.pk).update(claim_token="x", lease_until=timezone.now() + timedelta(seconds=20))
    assert sweep(SystemClock()) == 0
    assert sweep(LaterClock(timedelta(seconds=30))) == 1, "a dead worker's flow is taken over"
    Flow.objects.filter(pk=flow.pk).update(claim_token="", rung_at=None)
    Connection.objects.filter(pk=world.pay.pk).update(refused_at=timezone.now())
    assert sweep(SystemClock()) == 0
    Connection.objects.update(refused_at=None)
    Flow.objects.filter(pk=flow.pk).update(enabled=False)
    assert sweep(SystemClock()) == 0


def test_a_bell_is_rung_again_only_once_it_must_be_lost(world: World) -> None:
    ring(world.flows["bills"])
    make_delivery(world.flows["bills"], "INV-9", State.PENDING)
    assert sweep(SystemClock()) == 0
    assert sweep(LaterClock(BELL_LIFE + timedelta(seconds=1))) == 1


def test_after_failed_runs_the_sweep_waits_longer_each_time(world: World) -> None:
    flow = world.flows["bills"]
    make_delivery(flow, "INV-9", State.PENDING)
    waits = []
    now = timezone.now()
    for _ in range(6):
        Run.objects.create(flow=flow, trigger="sweep", state="failed", started_at=now, finished_at=now)
        wait = next(n for n in range(20) if _rings(flow, timedelta(minutes=n, seconds=10)))
        waits.append(wait)
    assert waits == [1, 2, 4, 8, 15, 15]
    Run.objects.create(flow=flow, trigger="schedule", state="done", started_at=now, finished_at=now)
    assert sweep(SystemClock()) == 1


def _rings(flow: Flow, ahead: timedelta) -> bool:
    rung = sweep(LaterClock(ahead)) == 1
    Flow.objects.filter(pk=flow.pk).update(rung_at=None)
    return rung
