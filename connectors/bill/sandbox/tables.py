"""Rows in memory: one dictionary per object type, indexed, replaced as a whole when they change."""

from __future__ import annotations

import random
import string
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

Row = dict[str, Any]
Keys = Callable[[Row], Iterable[Any]]


def stamp(moment: datetime) -> str:
    """`2026-11-20T15:04:05.006+00:00`; fixed width, so that text order is time order."""
    return moment.isoformat(timespec="milliseconds")


class Table:
    """Rows by id in the order they came. A changed row is a new dictionary; the old one is never altered."""

    def __init__(self, name: str, prefix: str, /, **indexes: Keys) -> None:
        self.name = name
        self.prefix = prefix
        self.rows: dict[str, Row] = {}
        self.indexes = indexes
        self.version = 0
        self._index: dict[str, dict[Any, dict[str, None]]] = {name: {} for name in indexes}

    def put(self, row: Row) -> Row:
        self._forget(row["id"])
        self.rows[row["id"]] = row
        for name, keys in self.indexes.items():
            for key in keys(row):
                self._index[name].setdefault(key, {})[row["id"]] = None
        self.version += 1
        return row

    def remove(self, row_id: str) -> None:
        self._forget(row_id)
        del self.rows[row_id]
        self.version += 1

    def keys(self, index: str, value: Any) -> list[str]:
        """The ids of the rows that `index` files under `value`."""
        return list(self._index[index].get(value, ()))

    def _forget(self, row_id: str) -> None:
        old = self.rows.get(row_id)
        if old is None:
            return
        for name, keys in self.indexes.items():
            for key in keys(old):
                self._index[name].get(key, {}).pop(row_id, None)


class Ids:
    """Ids as BILL makes them: a prefix and 17 alphanumerics, case-sensitive (docs: bill 1)."""

    def __init__(self) -> None:
        self._random = random.Random(20261120)
        self._given: set[str] = set()

    def new(self, prefix: str) -> str:
        while True:
            made = prefix + "01" + "".join(self._random.choices(string.ascii_letters + string.digits, k=15))
            if made not in self._given:
                self._given.add(made)
                return made

    def letters(self, count: int) -> str:
        return "".join(self._random.choices(string.ascii_uppercase, k=count))

    def digits(self, count: int) -> str:
        return "".join(self._random.choices(string.digits, k=count))
