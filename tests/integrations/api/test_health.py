from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from integrations.engine.schedule import refresh_schedules
from integrations.models import Connection, Flow, Heartbeat
from tests.integrations.world import World, make_world


@pytest.fixture
def acme(db: None) -> World:
    return make_world("acme")


def beat(seconds_ago: float) -> None:
    Heartbeat.objects.update_or_create(name="host", defaults={"at": timezone.now() - timedelta(seconds=seconds_ago)})


def ready() -> tuple[int, dict[str, str]]:
    answer = Client().get("/readyz")
    return answer.status_code, answer.json()["checks"]


def test_healthz_needs_no_database() -> None:
    assert Client().get("/healthz").json() == {"ok": True}


def test_ready_when_all_is_well(acme: World) -> None:
    beat(5)
    assert ready() == (200, {"database": "ok", "migrations": "ok", "heartbeat": "ok", "flows": "ok"})


def test_not_ready_without_a_task_cluster(acme: World) -> None:
    status, checks = ready()
    assert status == 503
    assert "qcluster" in checks["heartbeat"]
    beat(121)
    assert ready()[0] == 503
    beat(100)
    assert ready()[0] == 200


def test_not_ready_when_a_rung_flow_waits_too_long(acme: World) -> None:
    beat(1)
    flow = Flow.objects.filter(name="bills")
    flow.update(rung_at=timezone.now() - timedelta(seconds=290))
    assert ready()[0] == 200
    flow.update(rung_at=timezone.now() - timedelta(seconds=310))
    status, checks = ready()
    assert status == 503
    assert "310 s" in checks["flows"] or "311 s" in checks["flows"]
    assert "acme" not in checks["flows"]


@pytest.mark.parametrize(
    "excuse",
    [
        {"claim_token": "t", "lease_until": timezone.now() + timedelta(hours=1)},
        {"enabled": False},
    ],
)
def test_a_running_or_disabled_flow_is_not_late(acme: World, excuse: dict[str, Any]) -> None:
    beat(1)
    Flow.objects.filter(name="bills").update(rung_at=timezone.now() - timedelta(hours=1), **excuse)
    assert ready()[0] == 200


def test_flows_that_wait_for_credentials_are_not_late(acme: World) -> None:
    beat(1)
    Flow.objects.filter(name="bills").update(rung_at=timezone.now() - timedelta(hours=1))
    Connection.objects.filter(pk=acme.pay.pk).update(refused_at=timezone.now())
    assert ready()[0] == 200


def test_not_ready_when_the_schedule_stands_still(acme: World) -> None:
    from django_q.models import Schedule

    beat(1)
    refresh_schedules()
    assert ready()[0] == 200
    Schedule.objects.update(next_run=timezone.now() - timedelta(seconds=400))
    assert ready()[0] == 503


def test_metrics_are_opt_in(acme: World, settings: Any) -> None:
    assert Client().get("/metrics").status_code == 404
    settings.METRICS = True
    beat(30)
    text = Client().get("/metrics").content.decode()
    assert 'ml_open_deliveries{tenant="acme",integration="ACME-ap",flow="bills",state="held"} 1\n' in text
    assert "# TYPE ml_heartbeat_age_seconds gauge\n" in text
