"""What an unmapped source most likely means on the other side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

from integrations.engine.books import match_name
from integrations.engine.context import recipe_of
from integrations.models import Integration, MappingTable, Reference

from .names import Entry
from .resolve import linked_vendors, stored

if TYPE_CHECKING:  # recipes import the flows, which resolve mappings
    from integrations.recipes.base import Side

MOST = 5
LOOKS_ALIKE = 0.6  # difflib's ratio from which two names are worth showing together


@dataclass(frozen=True, slots=True)
class Suggestion:
    target_id: str
    label: str
    why: str


def suggest(integration: Integration, table: str, source_key: str) -> list[Suggestion]:
    """At most five active targets for a source, the likeliest first: same number, same name, similar name."""
    spec = recipe_of(integration).table(table)
    if spec is None or spec.target.kind is None:
        return []
    source = _source(integration, spec.source, source_key)
    taken = linked_vendors(integration) if table == MappingTable.VENDORS else {}
    candidates = [
        entry
        for entry in stored(integration, spec.target.side, spec.target.kind)
        if entry.active and taken.get(entry.key, source_key) == source_key
    ]
    found: dict[str, Suggestion] = {}
    for entry, why in _ranked(source, candidates):
        found.setdefault(entry.key, Suggestion(entry.key, entry.label, why))
        if len(found) == MOST:
            break
    return list(found.values())


def _source(integration: Integration, side: Side, key: str) -> Entry:
    """The source as its system knows it; a fixed word, or what nobody has read yet, is its own name."""
    if side.kind is not None:
        connection_id = integration.source_id if side.side == "source" else integration.target_id
        row = Reference.objects.filter(connection_id=connection_id, kind=side.kind, key=key).first()
        if row is not None:
            return Entry(row.key, row.number, row.name)
    return Entry(key, name=key)


def _ranked(source: Entry, candidates: Sequence[Entry]) -> Iterator[tuple[Entry, str]]:
    if source.number:
        yield from ((entry, "same number") for entry in candidates if entry.number == source.number)
    wanted = match_name(source.name)
    if not wanted:
        return
    by_name: dict[str, list[Entry]] = {}
    for entry in candidates:
        by_name.setdefault(match_name(entry.name), []).append(entry)
    yield from ((entry, "same name") for entry in by_name.pop(wanted, ()))
    for name in get_close_matches(wanted, [name for name in by_name if name], n=MOST, cutoff=LOOKS_ALIKE):
        yield from ((entry, "similar name") for entry in by_name[name])
