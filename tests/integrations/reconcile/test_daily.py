from __future__ import annotations

import pytest
from django.utils import timezone

from audit.models import AuditEvent
from integrations import tasks
from integrations.models import Connection, Integration


@pytest.fixture
def rung(monkeypatch):
    """What was put on the queue."""
    found = []
    monkeypatch.setattr(tasks, "async_task", lambda *arguments: found.append(arguments))
    return found


def test_every_day_enabled_integrations_are_compared_in_tasks_of_their_own(world, rung):
    tasks.daily()
    assert rung == [("integrations.tasks.compare", world.integration.pk)]
    before = AuditEvent.objects.filter(event="reconciled").count()
    assert tasks.compare(world.integration.pk).startswith("Both sides are equal")
    assert AuditEvent.objects.filter(event="reconciled").count() == before + 1


def test_refused_credentials_and_disabled_integrations_are_left_alone(world, rung):
    Connection.objects.filter(name="pay").update(refused_at=timezone.now())
    tasks.daily()
    Connection.objects.filter(name="pay").update(refused_at=None)
    Integration.objects.update(enabled=False)
    tasks.daily()
    assert rung == []


def test_an_unreachable_system_is_logged_and_not_raised(world):
    Connection.objects.filter(name="pay").update(base_url="http://127.0.0.1:9/connect")
    assert tasks.compare(world.integration.pk).startswith("Not compared: connection pay")
    event = AuditEvent.objects.filter(event="reconciled").order_by("sequence").last()
    assert event.outcome == "failed"
