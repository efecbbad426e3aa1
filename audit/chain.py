"""Appending to the tamper-evident chain.

Every tenant has its own chain. The hash of an event is the hexadecimal SHA-256 over the previous event's hash
followed by the canonical JSON of the event: an array of strings, no spaces, nothing escaped but what JSON
demands, UTF-8, in the order of `FIELDS` with `FORMAT` in front. The first event follows the empty hash.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.transaction import TransactionManagementError

from .models import KEY_LENGTH

#: Version of the canonical form: raise it when `FIELDS` changes and teach `verify` both.
FORMAT = "1"

FIELDS = (
    "tenant",
    "sequence",
    "at",
    "actor",
    "integration",
    "flow",
    "run",
    "event",
    "record_type",
    "document",
    "source_key",
    "target_id",
    "amount",
    "currency",
    "gl_accounts",
    "outcome",
    "reason",
    "attempt",
    "message",
    "request",
    "response",
)

_COLUMNS = ", ".join((*FIELDS, "previous_hash", "hash"))
_INSERT = f"INSERT INTO audit_auditevent ({_COLUMNS}) VALUES ({', '.join(['%s'] * (len(FIELDS) + 2))})"  # noqa: S608
_COPY = f"COPY audit_auditevent ({_COLUMNS}) FROM STDIN"

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class Entry:
    """What there is to say about one event. `request` and `response` arrive redacted and cut."""

    event: str
    outcome: str = ""
    actor: str = ""
    integration: str = ""
    flow: str = ""
    run: int | None = None
    record_type: str = ""
    document: str = ""
    source_key: str = ""
    target_id: str = ""
    amount: Decimal | None = None
    currency: str = ""
    gl_accounts: str = ""
    reason: str = ""
    attempt: int = 0
    message: str = ""
    request: str = ""
    response: str = ""


def append(tenant: str, entries: Sequence[Entry], *, at: datetime, using: str = DEFAULT_DB_ALIAS) -> None:
    """Number, chain and store `entries` as events of `tenant` that happened `at` (aware).

    Belongs into the transaction of what the events report and raises TransactionManagementError outside of one.
    From here to the end of that transaction other writers of the same tenant wait: append last. A transaction
    that appends for several tenants does so in the order of their names, or two of them could wait for each other.
    """
    connection = connections[using]
    if not connection.in_atomic_block:
        raise TransactionManagementError("audit events belong into the transaction of what they report")
    if not tenant:
        raise ValueError("an audit event needs a tenant")
    if not entries:
        return
    with connection.cursor() as cursor:
        last, previous = _lock(cursor, tenant, len(entries))
        rows = _rows(tenant, entries, canonical_time(at), last - len(entries), previous)
        if connection.vendor == "postgresql":
            with cursor.copy(_COPY) as copy:
                for tenant_, sequence, time, *rest in rows:
                    copy.write_row((tenant_, sequence, f"{time}+00", *rest))
        else:
            cursor.executemany(_INSERT, rows)
        cursor.execute("UPDATE audit_auditchain SET last_hash = %s WHERE tenant = %s", (rows[-1][-1], tenant))


def canonical_time(at: datetime) -> str:
    """UTC with six decimals, always: `2026-11-30 23:59:59.000000`. SQLite stores exactly this text."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")


def digest(previous_hash: str, values: Iterable[str]) -> str:
    """The hash of an event from its canonical texts in the order of `FIELDS`."""
    return sha256((previous_hash + _encode((FORMAT, *values))).encode()).hexdigest()


def _lock(cursor: Any, tenant: str, count: int) -> tuple[int, str]:
    """Take the chain's row lock and `count` numbers; the last number taken and the hash to follow."""
    take = (
        "UPDATE audit_auditchain SET last_sequence = last_sequence + %s WHERE tenant = %s"
        " RETURNING last_sequence, last_hash"
    )
    cursor.execute(take, (count, tenant))
    found = cursor.fetchall()
    if not found:  # the tenant's first event; a concurrent first one is waited for by either statement
        cursor.execute(
            "INSERT INTO audit_auditchain (tenant, last_sequence, last_hash, first_sequence, first_previous_hash)"
            " VALUES (%s, 0, '', 1, '') ON CONFLICT (tenant) DO NOTHING",
            (tenant,),
        )
        cursor.execute(take, (count, tenant))
        found = cursor.fetchall()
    last, previous = found[0]
    return last, previous


def _rows(tenant: str, entries: Sequence[Entry], at: str, sequence: int, previous: str) -> list[tuple[str, ...]]:
    rows = []
    for sequence, entry in enumerate(entries, sequence + 1):  # noqa: B020
        values = _values(tenant, sequence, at, entry)
        try:
            body = _encode((FORMAT, *values))
            if "\\u0000" in body:
                raise ValueError
            hashed = sha256((previous + body).encode()).hexdigest()
        except ValueError:  # a NUL or half a surrogate pair: no database takes them, and no event may be lost to one
            values = tuple(_storable(value) for value in values)
            hashed = digest(previous, values)
        rows.append((*values, previous, hashed))
        previous = hashed
    return rows


def _values(tenant: str, sequence: int, at: str, entry: Entry) -> tuple[str, ...]:
    """The canonical texts of an event, which are also what is stored."""
    return (
        tenant,
        str(sequence),
        at,
        entry.actor,
        entry.integration,
        entry.flow,
        "" if entry.run is None else str(entry.run),
        entry.event,
        entry.record_type,
        entry.document[:KEY_LENGTH],
        entry.source_key[:KEY_LENGTH],
        entry.target_id[:KEY_LENGTH],
        "" if entry.amount is None else format(entry.amount, "f"),
        entry.currency,
        entry.gl_accounts,
        entry.outcome,
        entry.reason,
        str(entry.attempt),
        entry.message,
        entry.request,
        entry.response,
    )


def _storable(value: str) -> str:
    return value.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()
