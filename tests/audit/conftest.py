from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection, transaction

from audit.chain import Entry, append

START = datetime(2026, 11, 1, 12, tzinfo=UTC)


@pytest.fixture
def start() -> Callable[[int], datetime]:
    """Noon of a day of November 2026, UTC."""
    return lambda day: START + timedelta(days=day - 1)


@pytest.fixture
def write() -> Callable[..., None]:
    """Append `count` events to a tenant's chain, one a day from 1 November 2026."""

    def write(tenant: str = "acme", count: int = 5, *, start: datetime = START, **fields: object) -> None:
        for day in range(count):
            entry = Entry(
                **{
                    "event": "delivered",
                    "outcome": "ok",
                    "actor": "system",
                    "integration": "ap",
                    "flow": "bills",
                    "document": f"INV-{day}",
                    "source_key": f"01-ACME|{day}",
                    "target_id": f"00n{day}",
                    "amount": Decimal("12.50"),
                    **fields,
                }
            )
            with transaction.atomic():
                append(tenant, [entry], at=start + timedelta(days=day))

    return write


@pytest.fixture
def tamper() -> Callable[..., None]:
    """Run SQL as somebody who has got past the database's guard."""

    def tamper(sql: str, *parameters: object) -> None:
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute("ALTER TABLE audit_auditevent DISABLE TRIGGER audit_auditevent_guard")
                cursor.execute(sql, parameters)
                cursor.execute("ALTER TABLE audit_auditevent ENABLE TRIGGER audit_auditevent_guard")
                return
            cursor.execute(
                "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'audit_auditevent'"
            )
            triggers = cursor.fetchall()
            for name, _ in triggers:
                cursor.execute(f"DROP TRIGGER {name}")
            cursor.execute(sql, parameters)
            for _, create in triggers:
                cursor.execute(create)

    return tamper
