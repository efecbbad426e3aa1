"""Where a chain of pages over changed records stands. Pure. docs: sap_b1 7

SAP's stamps are days of the server's own calendar: a change is asked for again until a day has gone by, and the
engine tells by content what it has seen already.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from ..ports import Cursor
from . import odata
from .fields import Record, day

UPDATED = "UpdateDate"
OVERLAP = timedelta(days=1)
SKEW = timedelta(minutes=10)  # between our clock and the server's


@dataclass(frozen=True, slots=True)
class Chain:
    """As a cursor: `since`, the day from which changes are asked for (None: everything); in the middle of a chain
    also `next`, the key after which it goes on, `seen`, its newest stamp, and `began`, when its first page was read.
    """

    since: date | None
    next: Any
    seen: date | None
    began: datetime

    @classmethod
    def resume(cls, cursor: Mapping[str, Any] | None, now: datetime) -> Chain:
        state = cursor or {}
        began = state.get("began")
        return cls(
            since=odata.parse_day(state.get("since")),
            next=state.get("next"),
            seen=odata.parse_day(state.get("seen")),
            began=datetime.fromisoformat(began) if began else now,
        )

    def changes(self, created: str) -> str:
        """The filter; the arm of `created` guards rows whose change stamp is empty or late."""
        if self.since is None:
            return ""
        return f"({UPDATED} ge {odata.day(self.since)} or {created} ge {odata.day(self.since)})"

    def past(self, rows: Sequence[Record], key: str, created: str) -> Chain:
        """After a page."""
        stamps = [self.seen, *(_stamp(row, name) for row in rows for name in (UPDATED, created))]
        newest = max((stamp for stamp in stamps if stamp), default=None)
        return replace(self, next=rows[-1][key] if rows else self.next, seen=newest)

    def cursor(self) -> Cursor:
        return {
            "since": _iso(self.since),
            "next": self.next,
            "seen": _iso(self.seen),
            "began": self.began.isoformat(),
        }

    def end(self) -> Cursor:
        """What changed behind the reader, while the chain went on, is dated its first day or later."""
        since = self.since
        if self.seen:
            reached = min(self.seen, self.began.date()) - OVERLAP
            since = max(since, reached) if since else reached
        return {"since": _iso(since), "next": None}

    @property
    def as_of(self) -> datetime:
        return self.began - SKEW


def ending(pages: Iterable[list[Any]]) -> Iterator[tuple[list[Any], bool]]:
    """Each page, and whether it is the last; one empty page when there is none."""
    before: list[Any] | None = None
    for page in pages:
        if before is not None:
            yield before, False
        before = page
    yield before or [], True


def _stamp(row: Record, name: str) -> date | None:
    try:
        return day(row, name)
    except ValueError:
        return None


def _iso(value: date | None) -> str | None:
    return value.isoformat() if value else None
