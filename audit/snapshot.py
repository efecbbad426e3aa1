"""One consistent view of the database over several statements, without holding up writers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connections
from django.db.transaction import atomic


@contextmanager
def snapshot(using: str) -> Iterator[None]:
    """Read as of the first statement inside; write nothing. Inside of a transaction that one is kept as it is.

    SQLite gets its own deferred transaction, for `atomic` would take the write lock (IMMEDIATE).
    """
    connection = connections[using]
    if connection.vendor == "postgresql":
        nested = connection.in_atomic_block
        with atomic(using=using):
            if not nested:
                with connection.cursor() as cursor:
                    cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            yield
    elif connection.in_atomic_block:
        yield
    else:
        with connection.cursor() as cursor:
            cursor.execute("BEGIN DEFERRED")
        try:
            yield
        finally:
            with connection.cursor() as cursor:
                cursor.execute("ROLLBACK")
