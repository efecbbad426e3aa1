"""What every part of the sandbox stands on: clock, wire shape, whims, numbers, and the accounting systems."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any

from .refusals import bad_request
from .shapes import Shape
from .whims import Whims
from .wire import Row, pack

Params = Mapping[str, str]
FIRST = {"vendor": 5001, "invoice": 918273, "payment": 4765360, "purchase_order": 301}
MOST_KEYS = 50  # of a filter that takes a list (docs: avidxchange 6.2, 7.1)


class Ground:
    """The caller holds the sandbox's lock for everything."""

    def __init__(
        self, clock: Callable[[], datetime], shape: Shape, whims: Whims, accounting_systems: Mapping[int, str]
    ) -> None:
        self.clock = clock
        self.shape = shape
        self.whims = whims
        self.accounting_systems = dict(accounting_systems)
        self._given: Counter[str] = Counter()

    def next(self, kind: str) -> int:
        self._given[kind] += 1
        return FIRST[kind] + self._given[kind] - 1

    def today(self) -> date:
        return self.clock().astimezone(UTC).date()

    def stamp(self, at: str | None = None) -> str:
        """Now, or `at` (an ISO time in UTC, or a date), as naive UTC to the second."""
        moment = datetime.fromisoformat(at) if at else self.clock()
        if moment.tzinfo is not None:
            moment = moment.astimezone(UTC).replace(tzinfo=None)
        return moment.isoformat(timespec="seconds")

    def pack(self, kind: str, row: Row) -> dict[str, Any]:
        return pack(row, self.shape.paths[kind])

    def shuffled(self, rows: list[Row]) -> list[Row]:
        """The order of a list, which nobody promised (docs: avidxchange 5.2)."""
        return sorted(rows, key=lambda row: self.whims.place(row["id"]))

    # --- filters ---------------------------------------------------------------------------------

    def keys(self, params: Params, name: str) -> set[str] | None:
        """The values of a comma-separated filter, None without it."""
        if name not in params:
            return None
        values = {each.strip() for each in params[name].split(",") if each.strip()}
        if not values or len(values) > MOST_KEYS:
            raise bad_request("FIELD_INVALID", f"{name} takes 1 to {MOST_KEYS} values.")
        return values

    def whole(self, params: Params, name: str) -> int | None:
        if name not in params:
            return None
        if not params[name].isdecimal():
            raise bad_request("FIELD_INVALID", f"{name} must be a whole number.")
        return int(params[name])

    def flag(self, params: Params, name: str) -> bool | None:
        if name not in params:
            return None
        if params[name] not in ("true", "false"):
            raise bad_request("FIELD_INVALID", f"{name} must be true or false.")
        return params[name] == "true"

    def window(self, params: Params) -> tuple[date | None, date | None]:
        """First and last UTC day of modification, both inclusive (docs: avidxchange 9.1)."""
        first = _day(params, self.shape.modified_from)
        last = _day(params, self.shape.modified_to)
        if first and last and last < first:
            raise bad_request("FIELD_INVALID", "The window ends before it begins.")
        return first, last

    def modified(self, rows: list[Row], window: tuple[date | None, date | None]) -> list[Row]:
        first, last = window[0] or date.min, window[1] or date.max
        return [row for row in rows if first.isoformat() <= row["last_modified"][:10] <= last.isoformat()]


def _day(params: Params, name: str) -> date | None:
    if name not in params:
        return None
    try:
        day = date.fromisoformat(params[name])
    except ValueError:
        day = None
    if day is None or day.isoformat() != params[name]:
        raise bad_request("FIELD_INVALID", f"{name} must be a date YYYY-MM-DD.")
    return day
