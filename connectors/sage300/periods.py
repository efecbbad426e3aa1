"""The fiscal calendar: on which day an invoice can be posted. docs: sage300 7.1, 14 (trap 14)"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from ..ports import Host
from .client import FISCAL_CALENDARS, Client
from .feed import Row
from .fields import day, text

LIFE = timedelta(minutes=5)  # people open and lock periods while runs go on
MOST_PERIODS = 13
# No document names the calendar's properties; where they are others, every day is taken for open. [assumed]
START, END, STATUS = "FiscalPeriod{}StartDate", "FiscalPeriod{}EndDate", "FiscalPeriod{}Status"
OPEN = "Open"


@dataclass(frozen=True, slots=True)
class Period:
    start: date
    end: date
    open: bool


class Periods:
    def __init__(self, client: Client, host: Host) -> None:
        self._client = client
        self._host = host

    def first_open_day(self, on: date) -> date:
        """`on` where nothing better is known: Sage then says what it thinks of it."""
        return first_open_day(self._periods(), on)

    def _periods(self) -> list[Period]:
        key = f"sage300:{self._client.config.identity}:periods"
        stored = self._host.store.get(key)
        if stored and self._host.clock.now() - stored[1] < LIFE:
            told = json.loads(stored[0])
            return [Period(date.fromisoformat(start), date.fromisoformat(end), free) for start, end, free in told]
        found = sorted(periods(self._client.rows(FISCAL_CALENDARS, key="FiscalYear")), key=lambda each: each.start)
        self._host.store.put(
            key, json.dumps([[each.start.isoformat(), each.end.isoformat(), each.open] for each in found])
        )
        return found


def first_open_day(periods: Sequence[Period], on: date) -> date:
    """`periods` by their start."""
    if any(each.open and each.start <= on <= each.end for each in periods):
        return on
    return next((each.start for each in periods if each.open and each.start > on), on)


def periods(calendars: Iterable[Row]) -> Iterator[Period]:
    """Those that are told completely."""
    for row in calendars:
        for number in range(1, MOST_PERIODS + 1):
            try:
                start, end = day(row, START.format(number)), day(row, END.format(number))
                status = text(row, STATUS.format(number))
            except ValueError:
                continue
            if start and end and status:
                yield Period(start, end, status == OPEN)
