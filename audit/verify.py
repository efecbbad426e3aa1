"""Walking the chain: does every event still say what it said, and is none missing, added or moved?

The database renders each event's canonical form and this module only hashes it, which makes the walk several
times faster than fetching two dozen columns. What the chain cannot show is a rewrite of a whole chain with all
its hashes, or the removal of all traces of a tenant: the manifests of earlier exports hold the hashes to compare.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections

from .chain import FIELDS, FORMAT
from .models import AuditChain
from .snapshot import snapshot
from .vocabulary import Event

_CHUNK = 2_000


@dataclass(frozen=True, slots=True)
class Bad:
    """The first record that breaks a tenant's chain."""

    tenant: str
    sequence: int
    why: str


@dataclass(frozen=True, slots=True)
class Result:
    """What a walk found: the number of sound events, and the first broken record if there is one."""

    events: int
    first_bad: Bad | None = None

    @property
    def ok(self) -> bool:
        return self.first_bad is None


class _Broken(Exception):
    def __init__(self, sequence: int, why: str) -> None:
        self.sequence, self.why = sequence, why


def verify(tenant: str | None = None, *, using: str = DEFAULT_DB_ALIAS) -> Result:
    """Check the chain of one tenant, or of all in the order of their names, up to the first broken record."""
    walk, name = _Walk(connections[using].vendor), ""
    try:
        with snapshot(using), connections[using].cursor() as cursor:
            for name in tenants(using) if tenant is None else [tenant]:
                walk.run(cursor, name, AuditChain.objects.using(using).filter(pk=name).first())
    except _Broken as broken:  # outside of the snapshot: PostgreSQL has to give up the rest of the rows first
        return Result(walk.events, Bad(name, broken.sequence, broken.why))
    return Result(walk.events)


def tenants(using: str = DEFAULT_DB_ALIAS) -> list[str]:
    """Every tenant with a chain or with events. One index step a tenant: no scan of the events."""
    found = set(AuditChain.objects.using(using).values_list("tenant", flat=True))
    with connections[using].cursor() as cursor:
        name = ""
        while name is not None:
            cursor.execute("SELECT min(tenant) FROM audit_auditevent WHERE tenant > %s", (name,))
            (name,) = cursor.fetchone()
            found.add(name)
    return sorted(found - {None})


class _Walk:
    def __init__(self, vendor: str) -> None:
        self.vendor = vendor
        self.events = 0

    def run(self, cursor: Any, tenant: str, chain: AuditChain | None) -> None:
        """Raise _Broken at the first record that is not as it was written."""
        if chain is None:
            cursor.execute("SELECT min(sequence) FROM audit_auditevent WHERE tenant = %s", (tenant,))
            (first,) = cursor.fetchone()
            if first is not None:
                raise _Broken(first, "the tenant's chain row was removed")
            return
        _check_checkpoint(cursor, chain)
        first, previous = chain.first_sequence, chain.first_previous_hash
        expected = first
        try:
            with closing(self._rows(cursor, tenant)) as rows:
                for sequence, before, stored, hashed in rows:
                    if sequence != expected or before != previous or sha256(hashed).hexdigest() != stored:
                        raise _Broken(*_explain(sequence, expected, before != previous))
                    previous = stored
                    expected += 1
        except DatabaseError as error:
            raise _Broken(expected, f"the database cannot read it: {error}") from error
        finally:
            self.events += expected - first
        _check_end(chain, expected - 1, previous)

    def _rows(self, cursor: Any, tenant: str) -> Generator[tuple[int, str, str, bytes], None, None]:
        """(sequence, previous hash, hash, what was hashed) in order, memory flat."""
        select = (
            f"SELECT sequence, previous_hash, hash, {_HASHED[self.vendor]}"  # noqa: S608
            " FROM audit_auditevent WHERE tenant = %s ORDER BY sequence"
        )
        if self.vendor == "postgresql":
            with cursor.copy(f"COPY ({select}) TO STDOUT (FORMAT BINARY)", (tenant,)) as copy:
                copy.set_types(["int8", "text", "text", "bytea"])
                yield from copy.rows()
        else:
            cursor.execute(select, (tenant,))
            while rows := cursor.fetchmany(_CHUNK):
                yield from rows


def _check_checkpoint(cursor: Any, chain: AuditChain) -> None:
    """Where the chain starts late, retention must have said so in the chain itself."""
    if (chain.first_sequence, chain.first_previous_hash) == (1, ""):
        return
    cursor.execute(
        "SELECT count(*) FROM audit_auditevent WHERE target_id = %s AND tenant = %s AND event = %s AND source_key = %s",
        (chain.first_previous_hash, chain.tenant, Event.RETAINED.value, str(chain.first_sequence)),
    )
    if cursor.fetchone() == (0,):
        raise _Broken(1, f"removed: the chain starts at {chain.first_sequence}, which retention did not record")


def _check_end(chain: AuditChain, last: int, last_hash: str) -> None:
    if last < chain.last_sequence:
        raise _Broken(last + 1, f"removed: the chain ends at {last}, {chain.last_sequence} were written")
    if last > chain.last_sequence:
        raise _Broken(chain.last_sequence + 1, f"inserted: only {chain.last_sequence} events were written")
    if last_hash != chain.last_hash:
        raise _Broken(last, "the chain row was edited: its last hash is not the last event's")


def _explain(sequence: int, expected: int, unlinked: bool) -> tuple[int, str]:
    if sequence < expected:
        return sequence, f"inserted: the chain starts at {expected}"
    if sequence > expected:
        return expected, f"removed: the next event is {sequence}"
    if unlinked:
        return sequence, "it does not follow the event before it: one of the two was changed, inserted or moved"
    return sequence, "changed: its content does not match its hash"


def _texts(time: str) -> str:
    """The fields in canonical order as SQL texts."""
    special = {"at": time, "sequence": "CAST(sequence AS TEXT)", "attempt": "CAST(attempt AS TEXT)"}
    return ", ".join([f"'{FORMAT}'", *(special.get(name, name) for name in FIELDS)])


#: What was hashed, as bytes, written by the database. Both databases escape JSON as Python does.
_HASHED = {
    "sqlite": f"CAST(previous_hash || json_array({_texts('at')}) AS BLOB)",
    "postgresql": "convert_to(previous_hash || array_to_json(ARRAY["
    + _texts("to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')")
    + "]::text[])::text, 'UTF8')",
}
