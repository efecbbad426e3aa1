from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.db import DatabaseError, connection, transaction

from audit.models import AuditChain, AuditEvent
from audit.retention import RetentionRefused, retain
from audit.verify import verify

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 12, 31, tzinfo=UTC)
FOURTH = datetime(2026, 11, 4, tzinfo=UTC)


def run(since: datetime = FOURTH, **options: object) -> int:
    return retain(since, actor="system", now=lambda: NOW, **options)


@pytest.mark.parametrize("batch", [1, 2, 100])
def test_the_oldest_events_go_and_the_rest_still_verifies(batch: int, write: Callable[..., None]) -> None:
    write("acme", 6)
    assert run(batch=batch) == 3

    kept = AuditEvent.objects.filter(event="delivered")
    assert sorted(kept.values_list("sequence", flat=True)) == [4, 5, 6]
    assert verify().ok
    event = AuditEvent.objects.filter(event="retained").latest("sequence")
    assert (event.source_key, event.actor, event.at) == ("4", "system", NOW)
    assert event.target_id == AuditEvent.objects.get(sequence=4).previous_hash
    assert run(batch=batch) == 0
    write("acme", 2, start=NOW)
    assert verify().ok


def test_a_late_event_keeps_what_follows_it(write: Callable[..., None]) -> None:
    write("acme", 2)
    write("acme", 1, start=FOURTH + timedelta(days=1))
    write("acme", 2)
    assert run() == 2
    assert AuditEvent.objects.filter(event="delivered").count() == 3


def test_everything_may_be_old(write: Callable[..., None]) -> None:
    write("acme", 3)
    assert run(NOW, batch=2) == 3
    assert list(AuditEvent.objects.values_list("event", flat=True)) == ["retained", "retained"]
    assert verify().ok


def test_one_tenant_or_all(write: Callable[..., None]) -> None:
    write("acme", 4)
    write("bolt", 5)
    assert run(tenant="bolt") == 3
    assert run() == 3
    assert run(tenant="nobody") == 0
    assert verify().ok


def test_a_broken_chain_keeps_its_evidence(write: Callable[..., None], tamper: Callable[..., None]) -> None:
    write("acme", 6)
    tamper("UPDATE audit_auditevent SET amount = '0.01' WHERE sequence = 2")
    with pytest.raises(RetentionRefused, match="acme: event 2"):
        run()
    assert AuditEvent.objects.count() == 6


def test_the_future_is_refused(write: Callable[..., None]) -> None:
    with pytest.raises(ValueError, match="not happened"):
        run(NOW + timedelta(seconds=1))


def test_removing_more_than_was_recorded_shows(write: Callable[..., None], tamper: Callable[..., None]) -> None:
    write("acme", 6)
    run()
    tamper("DELETE FROM audit_auditevent WHERE sequence = 4")
    AuditChain.objects.update(first_sequence=5, first_previous_hash=AuditEvent.objects.get(sequence=5).previous_hash)
    bad = verify().first_bad
    assert bad is not None
    assert "did not record" in bad.why


def test_afterwards_the_database_refuses_again(write: Callable[..., None]) -> None:
    write("acme", 6)
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("DELETE FROM audit_retention_permit")  # the one that lets tests empty the tables
        run()
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            cursor.execute("DELETE FROM audit_auditevent")
