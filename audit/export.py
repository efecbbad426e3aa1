"""The trail as CSV: streamed, safe to open in a spreadsheet, and provably complete.

UTF-8, lines end with LF, quoting as in RFC 4180. The first line names the columns; the last one is
`# end rows=N sha256=HEX`: the number of events and the hash of every byte before that line, so that a cut file
shows. The manifest names the hash of the whole file and the ends of each tenant's chain inside of it.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import closing
from datetime import datetime
from hashlib import sha256
from itertools import islice
from types import SimpleNamespace
from typing import Any

from django.db import connections, transaction
from django.db.models import Count, Expression, F, Func, Max, Min, QuerySet, TextField
from django.utils import timezone

from .chain import Entry, append
from .models import AuditEvent
from .snapshot import snapshot
from .vocabulary import Event, Outcome

_CHUNK = 2_000


class _Time(Func):
    """`2026-11-30T23:59:59.000000Z`, rendered by the database."""

    arity = 1
    output_field = TextField()

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, template="replace(%(expressions)s, ' ', 'T') || 'Z'", **context)

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        template = """to_char(%(expressions)s AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""
        return self.as_sql(compiler, connection, template=template, **context)


class _Cell(Func):
    """Text that no spreadsheet takes for a formula: a leading = + - @ TAB or CR gets an apostrophe in front."""

    arity = 1
    output_field = TextField()
    condition = "%(code)s(%(expressions)s) IN (61, 43, 45, 64, 9, 13)"  # the code points of = + - @ TAB CR

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self._guarded(compiler, connection, code="unicode", **context)

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self._guarded(compiler, connection, code="ascii", **context)

    def _guarded(self, compiler: Any, connection: Any, **context: Any) -> Any:
        template = f"CASE WHEN {self.condition} THEN '''' || %(expressions)s ELSE %(expressions)s END"
        return self.as_sql(compiler, connection, template=template, **context)


class _Amount(_Cell):
    """As `_Cell`, but a plain number such as -12.50 stays one."""

    condition = f"{_Cell.condition} AND ltrim(%(expressions)s, '-.0123456789') <> ''"


_EXPRESSIONS: dict[str, Expression | F] = {
    "time": _Time("at"),
    "tenant": _Cell("tenant"),
    "sequence": F("sequence"),
    **{name: _Cell(name) for name in ("integration", "flow", "run", "event", "record_type")},
    **{name: _Cell(name) for name in ("document", "source_key", "target_id")},
    "amount": _Amount("amount"),
    **{name: _Cell(name) for name in ("currency", "gl_accounts", "outcome", "reason", "actor")},
    "attempt": F("attempt"),
    **{name: _Cell(name) for name in ("message", "request", "response")},
    "previous_hash": F("previous_hash"),
    "hash": F("hash"),
}
COLUMNS = tuple(_EXPRESSIONS)


class Export:
    """One export of `events`, in the order of tenant and sequence. Iterate it once for the bytes of the file.

    `manifest` is there when the iteration has ended. Every tenant in the file gets an audit event of its own that
    names the exporter, the filters and the outcome; it is written when the stream ends, broken off or not.
    """

    def __init__(
        self,
        events: QuerySet[AuditEvent],
        *,
        actor: str,
        filters: Mapping[str, str],
        now: Callable[[], datetime] = timezone.now,
    ) -> None:
        self._events = events.order_by("tenant", "sequence")
        self._using = events.db
        self._actor, self._filters, self._now = actor, dict(filters), now
        self._tenants: dict[str, Any] = {}
        self._rows = 0
        self.manifest: dict[str, Any] = {}

    def __iter__(self) -> Generator[bytes, None, None]:
        try:
            yield from self._file()
        finally:
            self._record()

    def _file(self) -> Iterator[bytes]:
        hashed = sha256()
        with snapshot(self._using), closing(self._blocks()) as blocks:
            self._tenants = _ends(self._events)
            for block in blocks:
                hashed.update(block)
                yield block
        last = f"# end rows={self._rows} sha256={hashed.hexdigest()}\n".encode()
        hashed.update(last)
        self.manifest = {
            "format": 1,
            "rows": self._rows,
            "sha256": hashed.hexdigest(),
            "filters": self._filters,
            "tenants": self._tenants,
            "made_at": self._now().isoformat(),
            "made_by": self._actor,
        }
        yield last

    def _blocks(self) -> Generator[bytes, None, None]:
        yield (",".join(COLUMNS) + "\n").encode()
        if not self._tenants:
            return
        # Not the model's names: an annotation must not hide a field that the filters use.
        cells = {f"cell_{name}": expression for name, expression in _EXPRESSIONS.items()}
        query = self._events.annotate(**cells).values_list(*cells).query
        sql, parameters = query.get_compiler(self._using).as_sql()
        connection = connections[self._using]
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                with cursor.copy(f"COPY ({sql}) TO STDOUT (FORMAT CSV, NULL '\\N')", parameters) as copy:
                    lines = iter(copy)
                    while block := b"".join(islice(lines, _CHUNK)):
                        yield block
                self._rows = cursor.rowcount
            else:
                cursor.execute(sql, parameters)
                while rows := cursor.fetchmany(_CHUNK):
                    self._rows += len(rows)
                    yield _csv(rows)

    def _record(self) -> None:
        complete = bool(self.manifest)
        entry = Entry(
            event=Event.EXPORTED,
            outcome=Outcome.OK if complete else Outcome.FAILED,
            actor=self._actor,
            message=f"{self._rows} rows, sha256 {self.manifest['sha256']}" if complete else "broken off before its end",
            request=json.dumps(self._filters, sort_keys=True),
        )
        with transaction.atomic(using=self._using):
            for tenant in sorted(self._tenants):
                append(tenant, [entry], at=self._now(), using=self._using)


def _csv(rows: Iterable[tuple[Any, ...]]) -> bytes:
    lines: list[str] = []
    # With CR in its line end the writer quotes cells that contain one; the file's own line end is LF as with COPY.
    csv.writer(SimpleNamespace(write=lines.append), lineterminator="\r\n").writerows(rows)
    return "".join([line[:-2] + "\n" for line in lines]).encode()


def _ends(events: QuerySet[AuditEvent]) -> dict[str, Any]:
    """Per tenant the number of events and the first and last one's place and hash, for the manifest."""
    ends: dict[str, Any] = {}
    spans = events.order_by("tenant").values_list("tenant").annotate(Count("id"), Min("sequence"), Max("sequence"))
    for tenant, rows, first, last in spans:
        chosen = AuditEvent.objects.using(events.db).filter(tenant=tenant, sequence__in=(first, last))
        hashes = dict(chosen.values_list("sequence", "hash"))
        ends[tenant] = {
            "rows": rows,
            "first": {"sequence": first, "hash": hashes[first]},
            "last": {"sequence": last, "hash": hashes[last]},
        }
    return ends
