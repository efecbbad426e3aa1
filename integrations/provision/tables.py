"""Mapping tables: what the file has replaces what is there, people's own additions included."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from simple_history.utils import bulk_create_with_history, bulk_update_with_history

from integrations.models import Integration, Mapping

from .changes import ADDED, CHANGED, REMOVED, Changes
from .plan import Row

REASON = "provisioned"
BATCH = 500


def replace_table(integration: Integration, table: str, rows: Sequence[Row], changes: Changes) -> None:
    """Create, change and remove rows; unchanged ones keep what they were found to mean."""
    existing = {(row.source, row.department, row.location): row for row in integration.mappings.filter(table=table)}
    wanted = {row.rule: row.target for row in rows}

    def note(sign: str, source: str, before: str, after: str) -> None:
        meaning = f"{before} -> {after}" if before and after else f"-> {before or after}"
        changes.add(
            f"{sign} mapping {integration.name}/{table}: {source} {meaning}",
            "mapping_changed",
            "mapping",
            f"{table}: {source}",
            integration=integration.name,
            before=_side(before),
            after=_side(after),
        )

    gone = [row for rule, row in existing.items() if rule not in wanted]
    changed = [(row, wanted[rule]) for rule, row in existing.items() if wanted.get(rule, row.target) != row.target]
    fresh = [
        Mapping(
            integration=integration,
            table=table,
            source=row.source,
            department=row.department,
            location=row.location,
            target=row.target,
        )
        for row in rows
        if row.rule not in existing
    ]
    for row in gone:
        note(REMOVED, row.rule, row.target, "")
    for row, target in changed:
        note(CHANGED, row.rule, row.target, target)
        row.target, row.target_id, row.target_label = target, "", ""
    for row in fresh:
        note(ADDED, row.rule, "", row.target)
    Mapping.objects.filter(pk__in=[row.pk for row in gone]).delete()
    fields = ["target", "target_id", "target_label"]
    bulk_update_with_history(
        [row for row, _ in changed], Mapping, fields, batch_size=BATCH, default_change_reason=REASON
    )
    bulk_create_with_history(fresh, Mapping, batch_size=BATCH, default_change_reason=REASON)


def _side(target: str) -> dict[str, Any]:
    return {"target": target} if target else {}
