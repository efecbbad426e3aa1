"""Many rows at once by the database driver's executemany: no CASE per row and field, no SQL expression per value."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.db import connection, models

#: Fields whose Python values the drivers take as they are.
PLAIN = {
    models.CharField,
    models.TextField,
    models.BooleanField,
    models.PositiveIntegerField,
    models.BigIntegerField,
    models.ForeignKey,
}


def update_rows(rows: Sequence[models.Model], fields: Sequence[str]) -> None:
    """Write `fields` of `rows` (all of one model, saved before)."""
    if not rows:
        return
    meta: Any = rows[0]._meta
    columns = [meta.get_field(name) for name in fields]
    quote = connection.ops.quote_name
    pairs = ", ".join(f"{quote(column.column)} = %s" for column in columns)
    sql = f"UPDATE {quote(meta.db_table)} SET {pairs} WHERE {quote(meta.pk.column)} = %s"  # noqa: S608
    _executemany(sql, rows, [*columns, meta.pk])


def insert_rows(rows: Sequence[models.Model]) -> None:
    """Insert `rows` (all of one model). They do not learn their primary keys."""
    if not rows:
        return
    meta: Any = rows[0]._meta
    columns = [column for column in meta.concrete_fields if column is not meta.pk]
    quote = connection.ops.quote_name
    names = ", ".join(quote(column.column) for column in columns)
    marks = ", ".join(["%s"] * len(columns))
    _executemany(f"INSERT INTO {quote(meta.db_table)} ({names}) VALUES ({marks})", rows, columns)  # noqa: S608


def _executemany(sql: str, rows: Sequence[models.Model], columns: Sequence[Any]) -> None:
    getters = [(column.attname, _converter(column)) for column in columns]
    values = [
        [getattr(row, name) if convert is None else convert(getattr(row, name)) for name, convert in getters]
        for row in rows
    ]
    with connection.cursor() as cursor:
        cursor.executemany(sql, values)


def _converter(column: Any) -> Callable[[Any], Any] | None:
    """What makes a value ready for the driver; None: nothing. The same value again costs nothing."""
    if type(column) in PLAIN or column.primary_key:
        return None
    last: list[Any] = [None, column.get_db_prep_save(None, connection)] if column.null else []

    def convert(value: Any) -> Any:
        nonlocal last
        if not last or (last[0] is not value and last[0] != value):
            last = [value, column.get_db_prep_save(value, connection)]
        return last[1]

    return convert
