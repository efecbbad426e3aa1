"""Removing the oldest events so that the rest of the chain can still be verified."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.models import Min
from django.utils import timezone

from .chain import Entry, append
from .models import AuditEvent
from .verify import tenants, verify
from .vocabulary import Event, Outcome

BATCH = 20_000


class RetentionRefused(RuntimeError):
    """The chain is broken: removing its beginning could remove the evidence."""


def retain(
    since: datetime,
    *,
    tenant: str | None = None,
    actor: str,
    now: Callable[[], datetime] = timezone.now,
    batch: int = BATCH,
    using: str = DEFAULT_DB_ALIAS,
) -> int:
    """Remove each tenant's (or one tenant's) oldest events up to the first one at or after `since`; how many.

    Every batch is a transaction that deletes, moves the chain's checkpoint and appends an event: the first event
    kept as its source key, the hash of the last one removed as its target id. `verify` demands that event.
    Raises ValueError for a future `since`, and RetentionRefused where a chain does not verify: nothing of that
    tenant is removed then.
    """
    if since > now():
        raise ValueError("retention cannot remove what has not happened yet")
    removed = 0
    for name in tenants(using) if tenant is None else [tenant]:
        result = verify(name, using=using)
        if result.first_bad is not None:
            raise RetentionRefused(f"{name}: event {result.first_bad.sequence}: {result.first_bad.why}")
        while count := _remove_batch(name, since, batch, actor, now, using):
            removed += count
    return removed


def _remove_batch(tenant: str, since: datetime, batch: int, actor: str, now: Callable[[], datetime], using: str) -> int:
    events = AuditEvent.objects.using(using).filter(tenant=tenant)
    with transaction.atomic(using=using), connections[using].cursor() as cursor:
        first = _lock(cursor, tenant)
        if first is None:
            return 0
        kept = events.filter(at__gte=since).aggregate(first=Min("sequence"))["first"]
        old = events.filter(sequence__lt=first + batch)
        if kept is not None:
            old = old.filter(sequence__lt=kept)
        newest = old.order_by("-sequence").values_list("sequence", "hash").first()
        if newest is None:
            return 0
        last, last_hash = newest
        with_permit = _delete_postgresql if connections[using].vendor == "postgresql" else _delete_sqlite
        with_permit(cursor, tenant, last)
        cursor.execute(
            "UPDATE audit_auditchain SET first_sequence = %s, first_previous_hash = %s WHERE tenant = %s",
            (last + 1, last_hash, tenant),
        )
        entry = Entry(
            event=Event.RETAINED,
            outcome=Outcome.OK,
            actor=actor,
            source_key=str(last + 1),
            target_id=last_hash,
            message=f"events {first} to {last}, older than {since.isoformat()}, were removed",
        )
        append(tenant, [entry], at=now(), using=using)
        return last - first + 1


def _lock(cursor: Any, tenant: str) -> int | None:
    """Take the chain's row lock; the first sequence still kept."""
    cursor.execute(
        "UPDATE audit_auditchain SET first_sequence = first_sequence WHERE tenant = %s RETURNING first_sequence",
        (tenant,),
    )
    found = cursor.fetchall()
    return found[0][0] if found else None


_DELETE = "DELETE FROM audit_auditevent WHERE tenant = %s AND sequence <= %s"


def _delete_postgresql(cursor: Any, tenant: str, last: int) -> None:
    cursor.execute("SET LOCAL audit.retention = 'on'")
    cursor.execute(_DELETE, (tenant, last))
    cursor.execute("SET LOCAL audit.retention = 'off'")


def _delete_sqlite(cursor: Any, tenant: str, last: int) -> None:
    cursor.execute("INSERT INTO audit_retention_permit (id) VALUES (1)")
    cursor.execute(_DELETE, (tenant, last))
    cursor.execute("DELETE FROM audit_retention_permit WHERE id = 1")
