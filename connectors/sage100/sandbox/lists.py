"""Lists: sorted tables, filters, keyset paging (docs: sage100 8.3)."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Generic, Protocol, TypeVar

from werkzeug.wrappers import Request

from connectors.sage100.sandbox.stamps import Stamp
from connectors.sage100.sandbox.wire import Refused, detail

Key = tuple[str, ...]
Parser = Callable[[str], Any]


class Stamped(Protocol):
    @property
    def key(self) -> Key: ...

    @property
    def stamp(self) -> Stamp: ...


R = TypeVar("R", bound=Stamped)


class Table(Generic[R]):
    """Records by natural key, with both orders of the lists kept sorted."""

    def __init__(self) -> None:
        self.records: dict[Key, R] = {}
        self._keys: list[Key] = []
        self._stamps: list[tuple[int, Key]] = []
        self._placed: dict[Key, int | None] = {}

    def __iter__(self) -> Iterator[R]:
        return iter([self.records[key] for key in self._keys])

    def __len__(self) -> int:
        return len(self.records)

    def get(self, *key: str) -> R | None:
        return self.records.get(key)

    def put(self, record: R) -> R:
        """Add a record, or place one anew whose stamp moved."""
        key, changed = record.key, record.stamp.changed
        if key in self._placed:
            self._unstamp(key)
        else:
            insort(self._keys, key)
        if changed is not None:
            insort(self._stamps, (changed, key))
        self.records[key], self._placed[key] = record, changed
        return record

    def put_all(self, records: Iterable[R]) -> None:
        for record in records:
            self.records[record.key], self._placed[record.key] = record, record.stamp.changed
        self._keys = sorted(self.records)
        self._stamps = sorted((changed, key) for key, changed in self._placed.items() if changed is not None)

    def remove(self, key: Key) -> R:
        self._unstamp(key)
        del self._keys[bisect_left(self._keys, key)]
        del self._placed[key]
        return self.records.pop(key)

    def _unstamp(self, key: Key) -> None:
        changed = self._placed[key]
        if changed is not None:
            del self._stamps[bisect_left(self._stamps, (changed, key))]

    def scan(self, since: int | None, after: list[Any] | None, prefix: Key) -> Iterator[R]:
        """From the position on: by natural key, or by (changedAt, key) when `since` is given."""
        if since is None:
            start = bisect_right(self._keys, tuple(after)) if after else bisect_left(self._keys, prefix)
            for index in range(start, len(self._keys)):
                key = self._keys[index]
                if key[: len(prefix)] != prefix:
                    return
                yield self.records[key]
            return
        position: tuple[int, Key] = (after[0], tuple(after[1:])) if after else (since, ())
        for index in range(bisect_right(self._stamps, position), len(self._stamps)):
            key = self._stamps[index][1]
            if key[: len(prefix)] == prefix:
                yield self.records[key]


# --- filters ---------------------------------------------------------------------------------------


def text(limit: int, pattern: str = "") -> Parser:
    def parse(value: str) -> str:
        if not 0 < len(value) <= limit or (pattern and not re.fullmatch(pattern, value)):
            raise ValueError(f"1 to {limit} characters" + (" of the documented form" if pattern else ""))
        return value

    return parse


def one_of(*values: str) -> Parser:
    def parse(value: str) -> str:
        if value not in values:
            raise ValueError("one of " + ", ".join(values))
        return value

    return parse


def flag(value: str) -> bool:
    return bool(one_of("true", "false")(value) == "true")


def day(value: str) -> date:
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", value):
        raise ValueError("a date YYYY-MM-DD")
    return date.fromisoformat(value)


def _since(value: str) -> int:
    if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", value):
        raise ValueError("RFC 3339 with an offset (a plus sign must be percent-encoded)")
    return math.ceil(datetime.fromisoformat(re.sub(r"(\.\d{1,6})\d*", r"\1", value)).timestamp())


def _limit(value: str) -> int:
    if not re.fullmatch(r"\d{1,3}", value) or not 1 <= int(value) <= 500:
        raise ValueError("1 to 500")
    return int(value)


def includes(*members: str) -> Parser:
    """Comma-separated members, or `none` alone."""

    def parse(value: str) -> frozenset[str]:
        chosen = value.split(",")
        if chosen == ["none"]:
            return frozenset()
        if not set(chosen) <= set(members) or len(set(chosen)) != len(chosen):
            raise ValueError("of " + ",".join(members) + " or none")
        return frozenset(chosen)

    return parse


PAGING: dict[str, Parser] = {"limit": _limit, "cursor": text(2000), "updated_since": _since}
TRIPLE: dict[str, Parser] = {
    "ap_division_no": text(2, r"\S{2}"),
    "vendor_no": text(7),
    "invoice_no": text(20),
}
NEEDS = {"vendor_no": "ap_division_no", "invoice_no": "vendor_no"}


def parse_query(request: Request, parsers: dict[str, Parser]) -> dict[str, Any]:
    """The query's values; 400 for what is unknown, repeated, malformed or lacks its prerequisite."""
    found: dict[str, Any] = {}
    for name, values in request.args.lists():
        if name not in parsers or len(values) > 1:
            why = "repeated" if name in parsers else "unknown"
            raise Refused("unknown_parameter", f"Query parameter {why}.", details=[detail(name[:40], why, why)])
        try:
            found[name] = parsers[name](values[0])
        except ValueError as error:
            raise Refused(
                "parameter_invalid", f"{name}: {error}", details=[detail(name, "invalid", str(error))]
            ) from error
    for name, needed in NEEDS.items():
        if name in found and needed not in found:
            message = f"{name} needs {needed}"
            raise Refused("parameter_invalid", message, details=[detail(name, "prerequisite_missing", message)])
    return found


@dataclass
class Page:
    """One list call: where it starts and what ties its cursor to its filters."""

    values: dict[str, Any]
    limit: int
    since: int | None
    after: list[Any] | None
    watermark: str
    tie: str

    @classmethod
    def of(cls, request: Request, company: str, values: dict[str, Any], now: str) -> Page:
        filters = sorted((name, value) for name, value in request.args.items() if name not in ("limit", "cursor"))
        tie = hashlib.sha256(json.dumps([request.path, company, filters]).encode()).hexdigest()[:16]
        since, limit = values.get("updated_since"), values.get("limit", 100)
        if "cursor" not in values:
            return cls(values, limit, since, None, now, tie)
        cursor = _decode_cursor(values["cursor"])
        if cursor["f"] != tie:
            raise Refused("cursor_mismatch", "The cursor belongs to other filters.")
        return cls(values, limit, since, cursor["p"], cursor["w"], tie)

    def prefix(self, *names: str) -> Key:
        """The leading key parts that the filters fix."""
        given: list[str] = []
        for name in names:
            if name not in self.values:
                break
            given.append(self.values[name])
        return tuple(given)

    def read(
        self, table: Table[R], prefix: Key, match: Callable[[R], bool], render: Callable[[R], dict[str, Any]]
    ) -> dict[str, Any]:
        chosen: list[R] = []
        more = False
        for record in table.scan(self.since, self.after, prefix):
            if not match(record):
                continue
            if len(chosen) == self.limit:
                more = True
                break
            chosen.append(record)
        page: dict[str, Any] = {"limit": self.limit, "returned": len(chosen), "hasMore": more, "nextCursor": None}
        if more:
            last = chosen[-1]
            position = [*last.key] if self.since is None else [last.stamp.changed, *last.key]
            page["nextCursor"] = _encode_cursor({"v": 1, "p": position, "f": self.tie, "w": self.watermark})
        return {"data": [render(record) for record in chosen], "page": page, "watermark": self.watermark}


def _encode_cursor(cursor: dict[str, Any]) -> str:
    body = json.dumps(cursor, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(hashlib.sha256(body).digest()[:6] + body).rstrip(b"=").decode()


def _decode_cursor(value: str) -> dict[str, Any]:
    try:
        raw = base64.b64decode(value + "=" * (-len(value) % 4), altchars=b"-_", validate=True)
        if hashlib.sha256(raw[6:]).digest()[:6] != raw[:6]:
            raise ValueError("damaged")
        cursor: dict[str, Any] = json.loads(raw[6:])
    except ValueError as error:
        raise Refused("cursor_invalid", "The cursor is not one of ours.") from error
    return cursor
