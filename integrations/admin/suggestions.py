"""What a person may mean while typing into a mapping table: rows of one side's reference data."""

from __future__ import annotations

from collections import Counter

from django.db.models import Q, QuerySet

from integrations.engine.context import recipe_of
from integrations.models import Integration, MappingTable, Reference, ReferenceKind

MOST = 20


def suggestions(integration: Integration, table: MappingTable, column: str, typed: str) -> list[dict[str, str]]:
    """`value` to write into the column (unambiguous), `label` to read. Empty when the recipe has no such table."""
    spec = recipe_of(integration).table(table)
    if spec is None:
        return []
    side = spec.ends().get(column)
    if side is None:
        return []
    words = [{"value": word, "label": ""} for word in side.words if typed.casefold() in word.casefold()]
    if side.kind is None:
        return words
    if side.kind == ReferenceKind.COLUMN:
        return words + _columns(integration, typed)
    connection = integration.source_id if side.side == "source" else integration.target_id
    rows = Reference.objects.filter(connection=connection, kind=side.kind)
    found = rows.filter(Q(number__istartswith=typed) | Q(name__icontains=typed) | Q(key=typed)) if typed else rows
    return words + _unambiguous(rows, list(found.order_by("-active", "number", "name")[:MOST]))


def _columns(integration: Integration, typed: str) -> list[dict[str, str]]:
    """The columns of the integration's boards as they were last seen, told apart by flow."""
    found = []
    for flow in integration.flows.exclude(place=""):
        rows = Reference.objects.filter(
            connection=integration.target_id, kind=ReferenceKind.COLUMN, key__startswith=f"{flow.place}|"
        )
        rows = rows.filter(Q(name__icontains=typed) | Q(key__iendswith=f"|{typed}")) if typed else rows
        for row in rows.order_by("-active", "name")[:MOST]:
            archived = "" if row.active else ", archived"
            label = f"{flow.name}: {row.name} ({row.payload}{archived})"
            found.append({"value": row.key.removeprefix(f"{flow.place}|"), "label": label})
    return found


def _unambiguous(rows: QuerySet[Reference], found: list[Reference]) -> list[dict[str, str]]:
    """The number if only one row has it, else the name if only one has it, else the key."""
    numbers = Counter(rows.filter(number__in={row.number for row in found}).values_list("number", flat=True))
    names = Counter(rows.filter(name__in={row.name for row in found}).values_list("name", flat=True))
    result = []
    for row in found:
        if row.number and numbers[row.number] == 1:
            value = row.number
        elif row.name and names[row.name] == 1:
            value = row.name
        else:
            value = row.key
        result.append({"value": value, "label": row.label + ("" if row.active else " (inactive)")})
    return result
