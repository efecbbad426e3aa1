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
    existing = {row.source: row for row in integration.mappings.filter(table=table)}
    wanted = {row.source: row.target for row in rows}

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

    gone = [row for source, row in existing.items() if source not in wanted]
    changed = [row for source, row in existing.items() if source in wanted and row.target != wanted[source]]
    fresh = [
        Mapping(integration=integration, table=table, source=source, target=target)
        for source, target in wanted.items()
        if source not in existing
    ]
    for row in gone:
        note(REMOVED, row.source, row.target, "")
    for row in changed:
        note(CHANGED, row.source, row.target, wanted[row.source])
        row.target, row.target_id, row.target_label = wanted[row.source], "", ""
    for row in fresh:
        note(ADDED, row.source, "", row.target)
    Mapping.objects.filter(pk__in=[row.pk for row in gone]).delete()
    fields = ["target", "target_id", "target_label"]
    bulk_update_with_history(changed, Mapping, fields, batch_size=BATCH, default_change_reason=REASON)
    bulk_create_with_history(fresh, Mapping, batch_size=BATCH, default_change_reason=REASON)


def _side(target: str) -> dict[str, Any]:
    return {"target": target} if target else {}
