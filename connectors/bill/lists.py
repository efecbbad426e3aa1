"""Reading lists: what changed since an instant, and the rows of many ids in few requests."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ..errors import BadAnswer, Rejected
from ..ports import Host, nameless_key
from . import filters, mapper
from .client import VENDORS, Client, Row
from .refusals import BAD_FILTERS

OVERLAP = timedelta(minutes=5)  # longer than a transaction takes (docs: bill 11)
SKEW = timedelta(hours=1)  # more than our clock is ahead of BILL's, whose stamps are compared with it
CHUNK = 100  # ids a request; keeps the URL under 4 KB

_ONE_BY_ONE = "one_by_one"
_ASK_AGAIN = timedelta(days=1)
_MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Chunk:
    """Elements of a list. `since`: everything that changed before it has been read; `last`: the list ends here."""

    rows: list[Any]
    since: datetime | None
    last: bool


def changed(client: Client, path: str, since: datetime | None, passed: datetime | None = None) -> Iterator[Chunk]:
    """Rows changed since then (all, when None), oldest change first, archived ones included.

    `since` is BILL's time of the newest change known, `passed` when the last complete pass began, which spares
    reading again and again what was changed at one old instant: a bulk import can be many pages.
    While the rows come sorted, each request starts at the last change seen instead of at the next page: a
    row that changes meanwhile moves to the end of the list and would push an unread one onto a page that
    was read. Pages are followed where many rows share one instant, and where BILL did not sort. A list
    that refuses the filter or the sort is read from end to end.
    """
    plain = False
    bound = since and max(since, (passed or since) - SKEW) - OVERLAP
    reached, newest = since, since
    token, seen_tokens = "", set[str]()
    before: set[str] = set()
    while True:
        try:
            rows, token = client.page(
                path,
                filters="" if plain or bound is None else filters.since("updatedTime", bound),
                sort="" if plain else "updatedTime:asc",
                page=token,
            )
        except Rejected as error:
            if plain or seen_tokens or error.status not in (400, 422):
                raise
            plain, bound = True, None
            continue
        times = _times(rows)
        newest = _latest(newest, times)
        ordered = not plain and len(times) == len(rows) and times == sorted(times)
        ordered = ordered and (bound is None or not times or times[0] >= bound)
        if ordered or not token:
            reached = newest
        keys = {_version(row) for row in rows}
        yield Chunk([row for row in rows if _version(row) not in before], reached, not token)
        if not token:
            return
        before = keys
        if ordered and times and (bound is None or times[-1] >= bound + _MILLISECOND):
            bound, token, seen_tokens = _floor(times[-1]), "", set()
        elif token in seen_tokens:
            raise BadAnswer(f"BILL's list {path} leads back to a page that was read already.")
        else:
            seen_tokens.add(token)


def row_key(row: Any) -> str:
    """The row's id, or a key made of its content where it has none."""
    name = row.get("id") if isinstance(row, dict) else None
    return name if isinstance(name, str) and name.strip() else nameless_key(row)


def _version(row: Any) -> str:
    return f"{row_key(row)} {row.get('updatedTime') if isinstance(row, dict) else ''}"


def _times(rows: list[Any]) -> list[datetime]:
    """The rows' times of change; those that cannot be read are left to the mapper to report."""
    found = []
    for row in rows:
        try:
            moment = mapper.instant(row, "updatedTime") if isinstance(row, dict) else None
        except ValueError:
            continue
        if moment:
            found.append(moment)
    return found


def _latest(known: datetime | None, times: list[datetime]) -> datetime | None:
    latest = max(times, default=None)
    if latest is None or (known and known >= latest):
        return known
    return _floor(latest)


def _floor(moment: datetime) -> datetime:
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


class ByIds:
    """Rows whose `field` is one of many ids.

    How `in` wants its members quoted is documented in two ways. It is found out once per organization, by
    asking for two vendors that are known to exist, and remembered in the shared store; if neither way
    works, every id costs a request.
    """

    def __init__(self, client: Client, host: Host) -> None:
        self._client = client
        self._host = host
        self._quoting = ""

    def rows(self, path: str, field: str, ids: Sequence[str], *clauses: str) -> Iterator[Row]:
        # What cannot be an id has no rows; BILL would refuse the whole request for it.
        wanted = [each for each in dict.fromkeys(ids) if filters.is_id(each)]
        quoting = self._find_quoting() if len(wanted) > 1 else _ONE_BY_ONE
        for start in range(0, len(wanted), CHUNK):
            chunk = wanted[start : start + CHUNK]
            for row in self._chunk(path, field, chunk, clauses, quoting):
                found = row.get(field)
                if not isinstance(found, str) or not found:
                    raise BadAnswer(f"BILL's record {row.get('id')} cannot be read: {field} is missing.")
                if found in chunk:
                    yield row

    def _chunk(self, path: str, field: str, ids: Sequence[str], clauses: Sequence[str], quoting: str) -> Iterator[Row]:
        if len(ids) > 1 and quoting != _ONE_BY_ONE:
            try:
                yield from self._client.rows(path, filters=filters.every(*clauses, filters.one_of(field, ids, quoting)))
                return
            except Rejected as error:
                if error.code not in BAD_FILTERS:
                    raise
        for each in ids:
            yield from self._client.rows(path, filters=filters.every(*clauses, filters.equal(field, each)))

    def _find_quoting(self) -> str:
        if self._quoting:
            return self._quoting
        key = self._client.config.dialect_key
        stored = self._host.store.get(key)
        if stored and (stored[0] != _ONE_BY_ONE or self._host.clock.now() - stored[1] < _ASK_AGAIN):
            self._quoting = stored[0]
            return self._quoting
        known, _ = self._client.page(VENDORS, size=2)
        ids = [row_key(row) for row in known]
        if len(ids) < 2 or not all(map(filters.is_id, ids)):
            return _ONE_BY_ONE  # nothing to ask with yet
        self._quoting = next((form for form in (filters.EACH, filters.TOGETHER) if self._works(form, ids)), _ONE_BY_ONE)
        self._host.store.put(key, self._quoting)
        return self._quoting

    def _works(self, quoting: str, ids: Sequence[str]) -> bool:
        try:
            rows, _ = self._client.page(VENDORS, filters=filters.one_of("id", ids, quoting))
        except Rejected:
            return False
        return {row_key(row) for row in rows} == set(ids)
