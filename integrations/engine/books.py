"""What a run looks up again and again: reference data, mappings, links. Loaded in bulk, kept for the run.

In a preview the books take additions in memory only, so that later flows of the preview see what earlier ones
would have done.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from connectors.domain import Account, Vendor, VendorStatus
from integrations.models import Connection, Flow, Integration, Link, Mapping, Reference, ReferenceKind

from .codec import encode

CHUNK = 500
KEY_LENGTH = 200  # what our tables hold of a key; no system's contract comes near it


def match_name(name: str) -> str:
    """A vendor name as it is compared: case, accents' encoding, punctuation and spacing set aside."""
    text = unicodedata.normalize("NFKC", name).casefold().replace("&", " and ")
    text = re.sub(r"[.,'’`\"()]", "", text)
    return " ".join(re.sub(r"[^\w]+", " ", text).split())[:250]


@dataclass(slots=True)
class Row:
    """One reference row as the flows see it."""

    key: str
    number: str
    name: str
    active: bool
    payload: str = ""

    @property
    def label(self) -> str:
        return f"{self.number} {self.name}".strip() or self.key


class ReferenceBook:
    """One connection's reference data."""

    def __init__(self, connection: Connection, *, preview: bool = False) -> None:
        self.connection = connection
        self.preview = preview
        self._added: dict[ReferenceKind, dict[str, Row]] = defaultdict(dict)
        self._all: dict[ReferenceKind, dict[str, Row]] = {}

    def all(self, kind: ReferenceKind) -> dict[str, Row]:
        """Every row of a kind by key (accounts, banks: a few thousand at most)."""
        if kind not in self._all:
            rows = Reference.objects.filter(connection=self.connection, kind=kind)
            self._all[kind] = {row.key: _row(row) for row in rows.iterator()} | self._added[kind]
        return self._all[kind]

    def get(self, kind: ReferenceKind, keys: Iterable[str]) -> dict[str, Row]:
        keys = set(keys)
        found = {key: row for key, row in self._added[kind].items() if key in keys}
        for chunk in _chunks(sorted(keys - found.keys())):
            rows = Reference.objects.filter(connection=self.connection, kind=kind, key__in=chunk)
            found.update((row.key, _row(row)) for row in rows)
        return found

    def by_name(self, kind: ReferenceKind, names: Iterable[str]) -> dict[str, list[Row]]:
        """Rows by normalised name."""
        names = set(names)
        found: dict[str, dict[str, Row]] = defaultdict(dict)
        for chunk in _chunks(sorted(names)):
            rows = Reference.objects.filter(connection=self.connection, kind=kind, match_name__in=chunk)
            for reference in rows.order_by("key"):
                found[reference.match_name][reference.key] = _row(reference)
        for row in self._added[kind].values():
            name = match_name(row.name)
            if name in names:
                found[name][row.key] = row
        return {name: list(same.values()) for name, same in found.items()}

    def absorb(self, kind: ReferenceKind, records: Sequence[Account | Vendor], *, now: datetime) -> int:
        """Store a page of records; the number of rows that are new or changed."""
        fitting = (record for record in records if len(record.key) <= KEY_LENGTH)
        fresh = {record.key: _reference(self.connection, kind, record, now) for record in fitting}
        if self.preview:
            self._remember(kind, fresh.values())
            return len(fresh)
        changed = []
        for chunk in _chunks(sorted(fresh)):
            known = {
                row.key: row for row in Reference.objects.filter(connection=self.connection, kind=kind, key__in=chunk)
            }
            changed += [fresh[key] for key in chunk if _differs(known.get(key), fresh[key])]
        Reference.objects.bulk_create(
            changed,
            batch_size=CHUNK,
            update_conflicts=True,
            unique_fields=["connection", "kind", "key"],
            update_fields=["number", "name", "match_name", "active", "payload", "seen_at"],
        )
        self._remember(kind, changed)
        return len(changed)

    def keep_only(self, kind: ReferenceKind, keys: Iterable[str]) -> int:
        """After everything was read: rows that are no longer told of count as inactive; how many did."""
        told = set(keys)
        gone = [key for key, row in self.all(kind).items() if row.active and key not in told]
        for chunk in () if self.preview else _chunks(gone):
            Reference.objects.filter(connection=self.connection, kind=kind, key__in=chunk).update(active=False)
        for key in gone:
            self._all[kind][key].active = False
        return len(gone)

    def _remember(self, kind: ReferenceKind, rows: Iterable[Reference]) -> None:
        for row in rows:
            if self.preview:
                self._added[kind][row.key] = _row(row)
            if kind in self._all:
                self._all[kind][row.key] = _row(row)


class MappingBook:
    """The mapping tables of an integration, resolved."""

    def __init__(self, integration: Integration) -> None:
        self._rows = list(Mapping.objects.filter(integration=integration))
        self.rekey()

    def target(self, table: str, source_key: str) -> str:
        """The target's id, "" when unmapped or not yet resolved."""
        row = self._tables[table].get(source_key)
        return row.target_id if row else ""

    def has(self, table: str, source_key: str) -> bool:
        """Whether there is a row, resolved or not."""
        return source_key in self._tables[table]

    def owners(self, table: str) -> dict[str, str]:
        """Source keys by what people wrote or were found to mean as target: whom each target is promised to."""
        rows = self._tables[table].items()
        return {row.target_id or row.target: key for key, row in rows}

    def rule(self, table: str, source_key: str, department: str, location: str) -> Mapping | None:
        """The most specific row that serves a line: with its department and location, with its department, with its
        location, with the source alone. A row whose condition is not resolved may serve every line that has such a
        thing, so that it is found, too, and shows its problem."""
        fitting = [
            row
            for row in self._rules[table, source_key]
            if _asks(row.department, row.department_key, department) and _asks(row.location, row.location_key, location)
        ]
        return max(fitting, key=lambda row: (bool(row.department), bool(row.location)), default=None)

    def problem(self, table: str, source_key: str) -> str:
        """Why a row that is there does not resolve, "" otherwise."""
        row = self._tables[table].get(source_key)
        return row.problem if row and not row.target_id else ""

    def rows(self) -> list[Mapping]:
        return self._rows

    def rekey(self) -> None:
        """After rows were resolved in memory (preview): index them by what they now mean."""
        self._tables: dict[str, dict[str, Mapping]] = defaultdict(dict)
        self._rules: dict[tuple[str, str], list[Mapping]] = defaultdict(list)
        for row in self._rows:
            key = row.source_key or row.source
            self._rules[row.table, key].append(row)
            if not (row.department or row.location):
                self._tables[row.table][key] = row


class LinkBook:
    """Links of one flow; in a preview also those that would be made."""

    def __init__(self, flow: Flow) -> None:
        self.flow = flow
        self._added: dict[str, Link] = {}

    def get(self, keys: Iterable[str]) -> dict[str, Link]:
        keys = set(keys)
        found = {key: link for key, link in self._added.items() if key in keys}
        for chunk in _chunks(sorted(keys - found.keys())):
            found.update((link.source_key, link) for link in Link.objects.filter(flow=self.flow, source_key__in=chunk))
        return found

    def by_target(self, ids: Iterable[str]) -> dict[str, Link]:
        ids = set(ids)
        found = {link.target_id: link for link in self._added.values() if link.target_id in ids}
        for chunk in _chunks(sorted(ids)):
            found.update((link.target_id, link) for link in Link.objects.filter(flow=self.flow, target_id__in=chunk))
        return found

    def add(self, link: Link) -> None:
        """Pretend, for a preview."""
        self._added[link.source_key] = link


def _asks(condition: str, key: str, value: str) -> bool:
    """Whether a row's condition lets a line with this value through."""
    if not condition:
        return True
    return key == value if key else bool(value)


def _row(row: Reference) -> Row:
    return Row(row.key, row.number, row.name, row.active, row.payload)


def _reference(connection: Connection, kind: ReferenceKind, record: Account | Vendor, now: datetime) -> Reference:
    is_vendor = isinstance(record, Vendor)
    asleep = (VendorStatus.INACTIVE, VendorStatus.FROZEN)
    active = record.status not in asleep if isinstance(record, Vendor) else record.active
    return Reference(
        connection=connection,
        kind=kind,
        key=record.key,
        number=record.number[:200],  # labels: what is sent comes from the payload
        name=record.name[:250],
        match_name=match_name(record.name) if is_vendor else "",
        active=active,
        payload=encode(record) if is_vendor else "",
        seen_at=now,
    )


def _differs(old: Reference | None, new: Reference) -> bool:
    return old is None or any(
        getattr(old, name) != getattr(new, name) for name in ("number", "name", "active", "payload")
    )


def _chunks(keys: Sequence[str]) -> Iterable[Sequence[str]]:
    return (keys[start : start + CHUNK] for start in range(0, len(keys), CHUNK))
