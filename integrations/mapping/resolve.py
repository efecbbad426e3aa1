"""From what people wrote in the mapping tables to keys of both systems."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from django.db.models import F

from integrations.engine.context import SYSTEMS, recipe_of
from integrations.engine.rows import update_rows
from integrations.models import Flow, Integration, Link, Mapping, MappingTable, Reference, ReferenceKind

from .names import Directory, Entry, Named, label

if TYPE_CHECKING:  # recipes import the flows, which resolve mappings
    from integrations.recipes.base import Side, TableSpec

#: Reads one side's reference data of a kind: `("source", ReferenceKind.ACCOUNT)`.
Entries = Callable[[str, ReferenceKind], Iterable[Named]]

FIELDS = ("source_key", "source_label", "department_key", "location_key", "target_id", "target_label", "problem")


def resolve(integration: Integration) -> list[str]:
    """Look every mapping row up in the stored reference data; store what changed and return all problems.

    A few queries whatever the number of rows. Writes no history: nobody edited anything. When something
    changed, held records of the integration become due again.
    """
    rows = list(Mapping.objects.filter(integration=integration).order_by("pk"))
    changed = judge(integration, rows, lambda side, kind: stored(integration, side, kind))
    if changed:
        update_rows(changed, FIELDS)
        Integration.objects.filter(pk=integration.pk).update(generation=F("generation") + 1)
    return problems(rows)


def problems(rows: Iterable[Mapping]) -> list[str]:
    return [f"{row.table}: {row.rule} -> {row.target}: {row.problem}" for row in rows if row.problem]


def judge(integration: Integration, rows: Sequence[Mapping], entries: Entries) -> list[Mapping]:
    """Resolve `rows` in memory against `entries`; the rows whose meaning changed. Reads links, writes nothing."""
    recipe = recipe_of(integration)
    before = {id(row): _meaning(row) for row in rows}
    directories: dict[tuple[str, ReferenceKind, str], Directory] = {}
    boards = dict(Flow.objects.filter(integration=integration).values_list("name", "place"))

    def directory(side: Side, row: Mapping) -> Directory:
        assert side.kind is not None
        board = boards.get(row.source.partition(".")[0], "") if side.kind == ReferenceKind.COLUMN else ""
        key = (side.side, side.kind, board)
        if key not in directories:
            found = entries(side.side, side.kind)
            found = on_board(found, board) if side.kind == ReferenceKind.COLUMN else found
            directories[key] = Directory(_system(integration, side), side.kind.label, found)
        return directories[key]

    for row in rows:
        spec = recipe.table(row.table)
        if spec is not None:
            _look_up(row, spec, partial(directory, row=row))
    _refuse_conflicts(rows)
    _refuse_shared_vendors(integration, rows)
    return [row for row in rows if _meaning(row) != before[id(row)]]


def stored(integration: Integration, side: str, kind: ReferenceKind) -> list[Entry]:
    """The reference data that syncs have stored of one side."""
    connection_id = integration.source_id if side == "source" else integration.target_id
    rows = Reference.objects.filter(connection_id=connection_id, kind=kind).order_by("key")
    return [Entry(*values) for values in rows.values_list("key", "number", "name", "active").iterator()]


def on_board(columns: Iterable[Named], board: str) -> list[Entry]:
    """The columns of one board by their ids there; archived ones mean nothing to anybody but a board's check."""
    prefix = f"{board}|"
    ours = (each for each in columns if board and each.key.startswith(prefix))
    return [Entry(each.key.removeprefix(prefix), "", each.name, each.active) for each in ours]


def _meaning(row: Mapping) -> tuple[str, ...]:
    return tuple(getattr(row, name) for name in FIELDS)


def _system(integration: Integration, side: Side) -> str:
    connection = integration.source if side.side == "source" else integration.target
    return SYSTEMS[connection.system].label


def _look_up(row: Mapping, spec: TableSpec, directory: Callable[[Side], Directory]) -> None:
    row.source_key, label, *problems = _one(row.source, spec.source, directory)
    labels = [label]
    for name, side in (("department", spec.department), ("location", spec.location)):
        text = getattr(row, name)
        if not text:
            key = ""
        elif side is None:
            key = ""
            problems.append(f"this table knows no {name}s")
        else:
            key, label, problem = _one(text, side, directory)
            labels.append(label)
            problems.append(problem)
        setattr(row, f"{name}_key", key)
    row.source_label = " · ".join(labels)[:250] if all(labels) else ""
    row.target_id, row.target_label, problem = _one(row.target, spec.target, directory)
    row.problem = "; ".join(filter(None, (*problems, problem)))[:300]


def _one(text: str, side: Side, directory: Callable[[Side], Directory]) -> tuple[str, str, str]:
    """Key, label and problem."""
    if text in side.words or side.kind is None:
        return text, text, ""
    match = directory(side).find(text)
    if match.entry is None:
        return "", "", match.problem
    return match.entry.key, label(match.entry)[:250], ""


def _refuse_conflicts(rows: Iterable[Mapping]) -> None:
    """Two rows that name the same source in different words must not disagree."""
    groups: dict[tuple[str, ...], list[Mapping]] = defaultdict(list)
    for row in rows:
        if row.source_key and row.target_id and not row.problem:
            groups[row.table, row.source_key, row.department_key, row.location_key].append(row)
    for same in groups.values():
        if len({row.target_id for row in same}) > 1:
            written = ", ".join(f"'{row.rule}'" for row in same)
            for row in same:
                _refuse(row, f"{written} are the same and have different targets")


def _refuse_shared_vendors(integration: Integration, rows: Iterable[Mapping]) -> None:
    """One target vendor serves one source vendor."""
    wanted = [row for row in rows if row.table == MappingTable.VENDORS and row.source_key and row.target_id]
    if not wanted:
        return
    by_target: dict[str, list[Mapping]] = defaultdict(list)
    for row in wanted:
        by_target[row.target_id].append(row)
    linked = linked_vendors(integration)
    for target_id, same in by_target.items():
        if len({row.source_key for row in same}) > 1:
            for row in same:
                others = ", ".join(other.source for other in same if other is not row)
                _refuse(row, f"{row.target_label} is mapped to {others} too; a vendor there serves one vendor here")
        elif linked.get(target_id, same[0].source_key) != same[0].source_key:
            _refuse(same[0], f"{same[0].target_label} is linked to {linked[target_id]} already")


def linked_vendors(integration: Integration) -> dict[str, str]:
    """Source keys by target id."""
    links = Link.objects.filter(flow__integration=integration, flow__name="vendors")
    return dict(links.values_list("target_id", "source_key").iterator())


def _refuse(row: Mapping, problem: str) -> None:
    row.target_id, row.problem = "", problem[:300]
