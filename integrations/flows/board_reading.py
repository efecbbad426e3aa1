"""What a ledger tells, as it is to stand on a board; and after a full read, what it no longer tells."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, ClassVar

from connectors.errors import RateLimited
from connectors.ports import Cursor, Page
from integrations.engine.context import FlowContext
from integrations.engine.vocabulary import Hold, Staged, Stream
from integrations.models import Delivery, Link

from .base import Policy
from .board_layout import BoardSetup
from .board_records import LINES, STATUS, BoardTable, ItemRecord

FULL_SINCE = "full since"  # among the flow's cursors: when the full read began that is under way or was the last
AT_ONCE = 500


class BoardReading(Policy):
    """The reading half of a flow that writes items."""

    record: ClassVar[type] = ItemRecord
    table: ClassVar[BoardTable]

    def __init__(self, context: FlowContext) -> None:
        super().__init__(context)
        self.fields = [each for each in self.table.fields if each.name != LINES or not self.subitems]
        self.board = BoardSetup(context, self.table, self.fields)

    @property
    def subitems(self) -> bool:
        return bool(self.context.settings["line_detail"] == "subitems")

    def streams(self) -> Iterable[Stream]:
        yield Stream(self.context.flow.name, self._read, self._absorb, after=self._gone, once=not self.table.complete)
        if self.context.full and self.board.known and not self.context.preview:
            yield Stream("board", self._daily_check, lambda records: (), counts=False, once=True)

    def _read(self, cursor: Cursor | None) -> Iterator[Page[Any]]:
        if cursor is None and not self.context.preview:
            self.context.flow.cursors[FULL_SINCE] = self.context.now().isoformat()
        for page in self.table.read(self.context, cursor):
            self._saw([each.key for each in (*page.records, *page.bad)])
            yield page

    def _saw(self, keys: Sequence[str]) -> None:
        if self.context.full and not self.context.preview:
            links = Link.objects.filter(flow=self.context.flow)
            for start in range(0, len(keys), AT_ONCE):
                links.filter(source_key__in=keys[start : start + AT_ONCE]).update(seen_at=self.context.now())

    def _absorb(self, records: Sequence[Any]) -> Iterable[Staged]:
        for source in records:
            record = self.item_record(source)
            if self.table.in_scope(record, self.context.integration.start_date):
                yield Staged(
                    key=source.key,
                    document=self.table.document(source),
                    record=record,
                    amount=self.table.total(source),
                    currency=getattr(source, "currency", ""),
                    due_date=getattr(source, "due_date", None),
                )

    def item_record(self, source: Any) -> ItemRecord:
        """What the board is to say of a record of the ledger, under the integration's settings."""
        record = self.table.record(source, self.company)
        names = {each.name for each in self.fields}
        values = {name: value for name, value in record.values.items() if name in names}
        return dataclasses.replace(record, values=values, parts=record.parts if self.subitems else ())

    @property
    def company(self) -> str:
        """What names the ledger's company: the last part of what names its books."""
        return str(self.context.reader.capabilities.books.rpartition("|")[2])

    def _gone(self) -> Iterable[Staged]:
        """After a full read: open records that the ledger no longer tells of are marked on the board."""
        since = self.context.flow.cursors.get(FULL_SINCE)
        if not (self.context.full and self.table.complete and since) or self.context.preview:
            return
        missing = Link.objects.filter(flow=self.context.flow, closed=False, seen_at__lt=since)
        keys = list(missing.values_list("source_key", flat=True))
        for start in range(0, len(keys), AT_ONCE):
            rows = Delivery.objects.filter(flow=self.context.flow, key__in=keys[start : start + AT_ONCE])
            for row in {row.key: row for row in rows.order_by("version")}.values():
                record = self.decode(row.payload)
                if self.table.in_scope(record, self.context.integration.start_date):
                    values = {**record.values, STATUS: "Deleted"}
                    gone = dataclasses.replace(record, values=values, gone=True)
                    yield Staged(row.key, row.document, gone, row.group, row.amount, row.currency, row.due_date)

    def _daily_check(self, cursor: Cursor | None) -> Iterator[Page[Any]]:
        """Renamed columns are fine; archived, retyped and deleted ones show before the next record needs them."""
        try:
            found = self.board.look_again()
        except RateLimited:  # the next record that is due looks again
            return
        if isinstance(found, Hold):
            record = {"record_type": "board", "outcome": "held", "reason": found.reason, "message": found.message}
            self.context.report("board_unusable", **record)
        yield Page(())
