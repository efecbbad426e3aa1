"""What a column's type decides: which values it takes, what is kept of them, what is read back (docs: monday 12)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from .model import Column, Store
from .refusals import Refused

# Types whose name in errors is another.
_ERROR_NAMES = {"status": "color", "board_relation": "board-relation", "numbers": "numeric", "long_text": "long-text"}


@dataclass
class Write:
    """One mutation's circumstances. New labels wait in `labels` until every value of the mutation has passed."""

    store: Store
    create_labels: bool = False
    current: Any = None
    labels: dict[str, dict[int, str]] = field(default_factory=dict)

    def labels_of(self, column: Column) -> dict[int, str]:
        return self.labels.setdefault(column.id, dict(column.labels))


class Bad(Exception):
    """The value is not one of this column. Becomes a ColumnValueException."""


class Kind:
    """`parse` turns the wire's value into what an item keeps (None: empty); `text` and `more` show that.

    Only the forms of the contract's table are taken, and the plain strings of 19b.
    """

    typename = "UnsupportedValue"
    searchable = True
    readable = True  # False: `text` and `value` are null on the wire
    clears: tuple[Any, ...] = (None,)

    def parse(self, raw: Any, column: Column, write: Write) -> Any:
        """Raises Refused."""
        if raw in self.clears:
            return None
        try:
            return self.read(raw, column, write)
        except Bad as bad:
            raise Refused(
                "ColumnValueException",
                f"invalid value - {bad}",
                data={
                    "column_id": column.id,
                    "column_name": column.title,
                    "column_type": _ERROR_NAMES.get(column.kind, column.kind),
                    "column_value": raw,
                },
            ) from None

    def read(self, raw: Any, column: Column, write: Write) -> Any:
        raise Refused(
            "InvalidColumnTypeException",
            f"Columns of the type {column.kind} cannot be written",
            data={"column_id": column.id, "column_type": column.kind},
        )

    def text(self, kept: Any, column: Column) -> str:
        return "" if kept is None else str(kept)

    def more(self, kept: Any, column: Column) -> dict[str, Any]:
        """The fields that only this type has."""
        return {}


# --- the shapes of raw values ----------------------------------------------------------------------


def members(raw: Any, known: set[str]) -> dict[str, Any]:
    if not isinstance(raw, dict) or not set(raw) <= known:
        raise Bad(f"expected an object of {', '.join(sorted(known))}")
    return raw


def string(given: dict[str, Any], name: str, pattern: str = r".*") -> str:
    value = given.get(name)
    if not isinstance(value, str) or not re.fullmatch(pattern, value, re.DOTALL):
        raise Bad(f"{name} is not valid")
    return value


def strings(value: Any) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise Bad("labels are strings")
    return value
