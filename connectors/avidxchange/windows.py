"""Days to ask for: what changed is told by the day, and a few weeks at a time. docs: avidxchange 9.1, 9.4, 13.5"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

_DAY = timedelta(days=1)


def pieces(first: date, last: date, longest: int) -> Iterator[tuple[date, date]]:
    """From `first` to `last`, both inclusive, oldest first, none longer than `longest` days. At least one: a day to
    come is asked for alone."""
    first = min(first, last)
    while first <= last:
        end = min(first + (longest - 1) * _DAY, last)
        yield first, end
        first = end + _DAY
