"""Audit events cannot be changed: not through the model, not through a queryset, not by SQL."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import DatabaseError, connection, transaction

from audit.models import AppendOnlyError, AuditEvent

pytestmark = pytest.mark.django_db

WRITES: dict[str, Callable[[AuditEvent], object]] = {
    "save": lambda event: event.save(),
    "delete": lambda event: event.delete(),
    "create": lambda event: AuditEvent.objects.create(tenant="acme"),
    "bulk_create": lambda event: AuditEvent.objects.bulk_create([AuditEvent()]),
    "get_or_create": lambda event: AuditEvent.objects.get_or_create(tenant="new"),
    "update_or_create": lambda event: AuditEvent.objects.update_or_create(tenant="acme"),
    "update": lambda event: AuditEvent.objects.update(message=""),
    "filtered update": lambda event: AuditEvent.objects.filter(tenant="acme").update(message=""),
    "bulk_update": lambda event: AuditEvent.objects.bulk_update([event], ["message"]),
    "queryset delete": lambda event: AuditEvent.objects.filter(tenant="acme").delete(),
}


@pytest.mark.parametrize("way", WRITES)
def test_the_model_refuses(way: str, write: Callable[..., None]) -> None:
    write(count=1)
    with pytest.raises(AppendOnlyError):
        WRITES[way](AuditEvent.objects.get())
    assert AuditEvent.objects.get().message == ""


@pytest.mark.parametrize("sql", ["UPDATE audit_auditevent SET message = 'x'", "DELETE FROM audit_auditevent"])
def test_the_database_refuses(sql: str, write: Callable[..., None]) -> None:
    write(count=2)
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM audit_retention_permit")  # the one that lets tests empty the tables
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)
    assert AuditEvent.objects.filter(message="").count() == 2
