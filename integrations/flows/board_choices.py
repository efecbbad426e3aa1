"""The table of columns as people and we write it, and the live columns to choose from."""

from __future__ import annotations

from collections.abc import Mapping

from django.db.models.query import QuerySet

from connectors.domain import Board, BoardColumn
from integrations.engine.context import FlowContext
from integrations.models import Mapping as Row
from integrations.models import MappingTable, Reference, ReferenceKind

LABEL = 250  # characters that our tables keep of a title


class ColumnChoices:
    """Of one flow: rows are `<flow>.<field>` -> column id, or what a person wrote."""

    def __init__(self, context: FlowContext) -> None:
        self.context = context
        self.prefix = f"{context.flow.name}."

    def rows(self) -> QuerySet[Row]:
        rows = Row.objects.filter(integration=self.context.integration, table=MappingTable.COLUMNS)
        return rows.filter(source__startswith=self.prefix)

    def chosen(self) -> dict[str, str]:
        """What is written, by field."""
        return {
            source.removeprefix(self.prefix): target for source, target in self.rows().values_list("source", "target")
        }

    def publish(self, board: Board, found: Mapping[str, BoardColumn]) -> None:
        """Which column holds what; and the board's columns. Nothing in a preview."""
        if self.context.preview:
            return
        self._refer(board, {column.id: column for column in (*board.columns, *found.values())})
        rows = {row.source: row for row in self.rows()}
        for name, column in found.items():
            source = f"{self.prefix}{name}"
            self._mean(rows.get(source) or self._new(source, column), column)

    def _new(self, source: str, column: BoardColumn) -> Row:
        self.context.report(
            "mapping_changed",
            record_type=MappingTable.COLUMNS.value,
            document=source,
            outcome="changed",
            message=f"{source} -> {column.title} ({column.id})",
        )
        return Row(integration=self.context.integration, table=MappingTable.COLUMNS, source=source, target=column.id)

    def _mean(self, row: Row, column: BoardColumn) -> None:
        meaning = (row.source, row.source, column.id, column.title[:LABEL], "")
        if (
            row.pk is None
            or (row.source_key, row.source_label, row.target_id, row.target_label, row.problem) != meaning
        ):
            row.source_key, row.source_label, row.target_id, row.target_label, row.problem = meaning
            row.save()

    def _refer(self, board: Board, columns: Mapping[str, BoardColumn]) -> None:
        """Columns as reference data; those that are gone are forgotten."""
        connection, kind, now = self.context.connection("target"), ReferenceKind.COLUMN, self.context.now()
        rows = [
            Reference(
                connection=connection,
                kind=kind,
                key=f"{board.id}|{column.id}",
                name=column.title[:LABEL],
                active=not column.archived,
                payload=column.kind,
                seen_at=now,
            )
            for column in columns.values()
        ]
        Reference.objects.bulk_create(
            rows,
            update_conflicts=True,
            unique_fields=["connection", "kind", "key"],
            update_fields=["name", "active", "payload", "seen_at"],
        )
        known = Reference.objects.filter(connection=connection, kind=kind, key__startswith=f"{board.id}|")
        known.exclude(key__in=[row.key for row in rows]).delete()
