"""Members of a Service Layer row, typed. Pure; what is not what the schema says raises ValueError naming the member."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from ..domain import CENT
from .odata import parse_day

Record = Mapping[str, Any]

_NOISE = Decimal("0.00001")  # amounts travel as JSON doubles (docs: sap_b1 9.5)
_LARGEST = Decimal(10) ** 15


def text(row: Record, name: str) -> str:
    value = row.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ValueError(f"{name}: text expected")
    return value


def required(row: Record, name: str) -> str:
    value = text(row, name)
    if not value.strip():
        raise ValueError(f"{name}: missing")
    return value


def number(row: Record, name: str) -> int:
    value = row.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"{name}: a whole number expected")
    return value


def optional_number(row: Record, name: str) -> int | None:
    return None if row.get(name) is None else number(row, name)


def flag(row: Record, name: str) -> bool:
    """BoYesNoEnum; what is not told is no."""
    value = row.get(name)
    if value not in ("tYES", "tNO", None):
        raise ValueError(f"{name}: tYES or tNO expected")
    return value == "tYES"


def decimal(row: Record, name: str) -> Decimal:
    """A number as it is; 0 where there is none."""
    value = row.get(name)
    if value is None:
        return Decimal(0)
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise ValueError(f"{name}: a number expected")
    exact = Decimal(str(value))
    if not exact.is_finite() or abs(exact) >= _LARGEST:
        raise ValueError(f"{name}: a number of at most 15 digits expected")
    return exact


def amount(row: Record, name: str) -> Decimal:
    """To the cent, half a cent upwards."""
    return to_cents(decimal(row, name))


def exact_amount(row: Record, name: str) -> Decimal:
    """Whole cents: what must not be rounded silently."""
    exact = decimal(row, name)
    cents = to_cents(exact)
    if abs(exact - cents) > _NOISE:
        raise ValueError(f"{name}: {exact} is no whole number of cents")
    return cents


def to_cents(value: Decimal) -> Decimal:
    return value.quantize(CENT, ROUND_HALF_UP)


def day(row: Record, name: str) -> date | None:
    try:
        return parse_day(row.get(name))
    except ValueError:
        raise ValueError(f"{name}: a date expected") from None


def rows(row: Record, name: str) -> list[Record]:
    """An inline collection; none where it is not told."""
    value = row.get(name)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise ValueError(f"{name}: a list of objects expected")
    return value
