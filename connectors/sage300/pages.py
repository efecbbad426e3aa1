"""Rows gathered into the pages that flows store one by one, and what of them cannot be understood. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

from ..ports import BadRecord
from ..redact import Redactor
from .feed import Row

T = TypeVar("T")


def chunks(rows: Iterable[Row], size: int) -> Iterator[tuple[list[Row], bool]]:
    """At most `size` rows at a time, and whether they are the last. There is always a last chunk, even if empty."""
    waiting = iter(rows)
    chunk = list(islice(waiting, size))
    while following := list(islice(waiting, size)):
        yield chunk, False
        chunk = following
    yield chunk, True


def sorted_out(rows: Sequence[Row], convert: Callable[[Row], T], key: str) -> tuple[list[T], list[BadRecord]]:
    """What could be understood, and the rest, which stops nobody else. Every row has its key."""
    records: list[T] = []
    bad: list[BadRecord] = []
    for row in rows:
        try:
            records.append(convert(row))
        except ValueError as error:
            name = str(row[key]).strip()
            bad.append(BadRecord(name, name, str(error), _raw(row)))
    return records, bad


def _raw(row: Row) -> str:
    return Redactor().text(json.dumps(row, default=str, ensure_ascii=False))
