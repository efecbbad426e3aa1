"""Members of a Web API record, typed. Pure; a member of another type raises ValueError naming it.

Texts may come padded with blanks, empty dates as null, times without a day as 1899 (docs: sage300 3, 13).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from ..domain import CENT

Record = Mapping[str, Any]

_FIRST_YEAR = 1900
_LARGEST = Decimal(10) ** 15


def text(row: Record, name: str) -> str:
    """Without the blanks around it; "" where there is none."""
    value = row.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ValueError(f"{name}: text expected")
    return value.strip()


def required(row: Record, name: str) -> str:
    value = text(row, name)
    if not value:
        raise ValueError(f"{name}: missing")
    return value


def number(row: Record, name: str) -> int:
    """A whole number; 0 where there is none."""
    value = row.get(name)
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, int | Decimal) or value != int(value):
        raise ValueError(f"{name}: a whole number expected")
    return int(value)


def amount(row: Record, name: str) -> Decimal:
    """An amount, with its cents where it has no more than those (JSON drops zeros); 0 where there is none."""
    value = row.get(name)
    if value is None:
        return Decimal(0)
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise ValueError(f"{name}: an amount expected")
    found = Decimal(value)
    in_cents = abs(found) < _LARGEST and found == found.quantize(CENT)
    return found.quantize(CENT) if in_cents else found


def day(row: Record, name: str) -> date | None:
    """A calendar date; what stands behind it is always midnight UTC."""
    value = text(row, name)
    if not value:
        return None
    try:
        found = date.fromisoformat(value[:10])
    except ValueError:
        raise ValueError(f"{name}: a date expected") from None
    return found if found.year >= _FIRST_YEAR else None


def rows(row: Record, name: str) -> list[Record]:
    """A collection of details; none where it is not told."""
    value = row.get(name)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise ValueError(f"{name}: a list of records expected")
    return value
