"""Boards: every record of the ledger in scope has exactly one item, which says what the ledger says."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

from connectors.domain import BoardItem
from connectors.errors import NotFound
from integrations.engine.context import FlowContext, flows_in_use
from integrations.flows.board_items import BoardItemsFlow
from integrations.flows.board_layout import last_found
from integrations.flows.board_records import HASH, KEY, ItemRecord
from integrations.models import Flow, Link

from .reasons import latest, why
from .result import Kind, Result

Texts = tuple[str, str]  # a record's source key and document


def compare_items(context: FlowContext, result: Result) -> None:
    """Holds one record type at a time in memory. Columns that are not ours are not looked at."""
    flows = context.integration.flows.filter(enabled=True).select_related("integration__target")
    for flow in flows_in_use(flows):
        _Comparison(FlowContext(flow, context.pool), result).run()


class _Comparison:
    def __init__(self, context: FlowContext, result: Result) -> None:
        self.context = context
        self.flow: Flow = context.flow
        self.result = result
        policy = context.spec.policy(context)
        assert isinstance(policy, BoardItemsFlow)
        self.policy = policy
        self.here, self.there = context.label("source"), context.label("target")
        self.records: dict[str, ItemRecord] = {}
        self.named: dict[str, Texts] = {}

    def run(self) -> None:
        self._read_ledger()
        columns = self._columns()
        items = self._read_board(columns)
        for key in sorted(self.records.keys() & items.keys()):
            self._compare(self.records[key], items[key], columns)
        missing = [key for key in self.records if key not in items]
        deliveries = latest(self.context.integration, self.flow.name, [self.named[key][0] for key in missing])
        for key in missing:
            source_key, document = self.named[key]
            message = f"{self.there} has no item of it. {why(deliveries.get(source_key))}"
            self.result.add(Kind.MISSING_IN_TARGET, document, key, self.records[key].name, "", message)
        if self.policy.table.complete:
            self._only_there({key: same for key, same in items.items() if key not in self.records})
        self.result.compared[self.flow.name] = len(self.records)

    def _read_ledger(self) -> None:
        table, start = self.policy.table, self.context.integration.start_date
        for page in table.read(self.context, None):
            self.result.unreadable(page.bad, self.here)
            for source in page.records:
                record = self.policy.item_record(source)
                if table.in_scope(record, start):
                    self.records[record.key] = record
                    self.named[record.key] = (source.key, table.document(source))
            self.result.read(self.flow.name, len(self.records))

    def _columns(self) -> Mapping[str, tuple[str, str]]:
        """Id and type by field, as the last sync found them."""
        found = last_found(self.flow)
        return {name: (column_id, kind) for name, (column_id, kind) in found.columns.items()} if found else {}

    def _read_board(self, columns: Mapping[str, tuple[str, str]]) -> dict[str, list[BoardItem]]:
        """Items with a key of ours, by key; nothing while no sync has found the board."""
        items: dict[str, dict[str, BoardItem]] = defaultdict(dict)
        if not (columns and self.flow.place):
            return {}
        kinds = {column_id: kind for name, (column_id, kind) in columns.items() if name not in (KEY, HASH)}
        pages = self.context.side("target").read_items(self.flow.place, columns[KEY][0], columns[HASH][0], kinds)
        try:
            for page in pages:
                for item in page:
                    if item.key:
                        items[item.key][item.id] = item
        except NotFound as error:
            self.result.add(Kind.MISSING_IN_TARGET, self.flow.name, self.flow.place, "", "", error.message)
        return {key: list(same.values()) for key, same in items.items()}

    def _compare(self, record: ItemRecord, items: list[BoardItem], columns: Mapping[str, tuple[str, str]]) -> None:
        document = self.named[record.key][1]
        item = items[0]
        if len(items) > 1:
            links = self.context.links().by_target(each.id for each in items)
            item = next((each for each in items if each.id in links), item)
            ids = ", ".join(each.id for each in items)
            message = f"{self.there} has {len(items)} items of it: {ids}. Ours is {item.id}."
            self.result.add(Kind.DUPLICATE, document, record.key, record.name, ids, message)
        for name, (column_id, kind) in columns.items():
            wanted = record.values.get(name)
            shown = item.values.get(column_id, "")
            if wanted is not None and not _equal(wanted, shown, kind):
                what = Kind.AMOUNT if kind == "numbers" else Kind.CONTENT
                message = f"{name} of item {item.id} says '{shown}', {self.here} says '{wanted}'."
                self.result.add(what, document, record.key, wanted, shown, message)

    def _only_there(self, items: dict[str, list[BoardItem]]) -> None:
        """Items with a key of ours whose record is gone; those that were marked as such are no difference."""
        links = self.context.links().by_target(item.id for same in items.values() for item in same)
        for key, same in sorted(items.items()):
            link = links.get(same[0].id)
            if link is None or not (link.closed or link.state == Link.State.ARCHIVED):
                document = link.document if link else key
                message = f"{self.here} has no record of item {same[0].id}; the next full sync marks it."
                self.result.add(Kind.MISSING_IN_SOURCE, document, key, "", same[0].name, message)


def _equal(wanted: str, shown: str, kind: str) -> bool:
    """Boards keep no trailing zeros and no blanks around a text."""
    if kind == "numbers":
        try:
            return Decimal(wanted or 0) == Decimal(shown or 0)
        except InvalidOperation:
            return False
    return wanted.split() == shown.split()
