"""Which column of a board holds which field: what people chose, what is proposed, and what is wrong. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from connectors.domain import BoardColumn

from .board_records import HASH, KEY, BoardField

LEFT_OUT = "-"  # a person's word for a field that has no column
ID_LENGTH = 20  # [assumed] of a column id of one's own (docs: monday 4.4)


@dataclass(slots=True)
class Columns:
    """`found` by field; `missing` are fields without a column; `problems` are sentences with the fix in them."""

    found: dict[str, BoardColumn] = field(default_factory=dict)
    missing: list[BoardField] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def match(fields: Sequence[BoardField], chosen: Mapping[str, str], columns: Sequence[BoardColumn]) -> Columns:
    """`chosen`: what the table of columns says by field, an id or an exact title."""
    result = Columns()
    live = [column for column in columns if column.id != "name"]  # the name is no column of its own
    for each in fields:
        wanted = chosen.get(each.name, "")
        if wanted == LEFT_OUT:
            if each.name in (KEY, HASH):
                result.problems.append(f"{each.title} needs a column: choose one for it.")
            continue
        if wanted:
            column, problem = _chosen(each, wanted, live)
            if column is not None:
                result.found[each.name] = column
            else:
                result.problems.append(problem)
    taken = {column.id for column in result.found.values()}
    for each in fields:
        if chosen.get(each.name):
            continue
        proposed = _proposed(each, [column for column in live if column.id not in taken])
        if proposed is None:
            result.missing.append(each)
        else:
            result.found[each.name] = proposed
            taken.add(proposed.id)
    _refuse_shared(fields, result)
    return result


def free_id(wanted: str, columns: Iterable[BoardColumn]) -> str:
    """`wanted`, or with a number where a column of that id is there already (archived ones keep theirs)."""
    taken = {column.id for column in columns}
    name, number = wanted[:ID_LENGTH], 1
    while name in taken:
        number += 1
        suffix = f"_{number}"
        name = wanted[: ID_LENGTH - len(suffix)] + suffix
    return name


def _chosen(each: BoardField, wanted: str, columns: Sequence[BoardColumn]) -> tuple[BoardColumn | None, str]:
    fitting = [column for column in columns if column.id == wanted]
    fitting = fitting or [column for column in columns if column.title == wanted and not column.archived]
    if not fitting:
        return None, f"The column '{wanted}' for {each.title} is no longer there; choose another one for it."
    if len(fitting) > 1:
        ids = ", ".join(column.id for column in fitting)
        return None, f"Several columns are titled '{wanted}' ({ids}): choose one for {each.title} by its id."
    (column,) = fitting
    named = f"The column '{column.title}' ({column.id}) for {each.title}"
    if column.archived:
        return None, f"{named} is archived: restore it on the board, or choose another one for it."
    if column.kind not in each.accepts:
        kinds = " or ".join(sorted(each.accepts))
        return None, f"{named} has the type {column.kind} now, but {kinds} is needed: choose another one for it."
    return column, ""


def _proposed(each: BoardField, columns: Sequence[BoardColumn]) -> BoardColumn | None:
    """By title, or else by the id that we would give it; of a type that can hold the field."""
    usable = [column for column in columns if not column.archived and column.kind in each.accepts]
    titled = [column for column in usable if column.title.casefold() == each.title.casefold()]
    titled.sort(key=lambda column: column.kind != each.kind)
    same_id = [column for column in usable if column.id == each.id]
    return next(iter([*titled, *same_id]), None)


def _refuse_shared(fields: Sequence[BoardField], result: Columns) -> None:
    titles = {each.name: each.title for each in fields}
    owners: dict[str, list[str]] = {}
    for name, column in result.found.items():
        owners.setdefault(column.id, []).append(titles[name])
    for column_id, names in owners.items():
        if len(names) > 1:
            result.problems.append(f"The column {column_id} cannot hold {' and '.join(names)}: choose one for each.")
