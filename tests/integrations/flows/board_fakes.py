"""A ledger and a board in memory, for the flows that put records onto boards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

from connectors.domain import (
    Account,
    Bill,
    BillLine,
    Blocked,
    Board,
    BoardColumn,
    BoardGroup,
    BoardItem,
    Customer,
    ItemChange,
    PurchaseOrder,
    Vendor,
    Written,
)
from connectors.errors import ConnectorError, NotFound, Rejected
from connectors.ports import Capabilities, Cursor, Page

CAPABILITIES = Capabilities(batch={"item": 20, "item_keys": 100}, limits={"item.name": 255})


class TurnedClock:
    """Stands still but for sleeping."""

    def __init__(self) -> None:
        self.time = datetime(2026, 11, 2, 12, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return self.time.timestamp()

    def sleep(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


def bill(number: str, amount: str = "100.00", **facts: Any) -> Bill:
    total = Decimal(amount)
    values: dict[str, Any] = {
        "key": f"01-ACME01|{number}",
        "vendor_key": "01-ACME01",
        "vendor_name": "Acme Supply",
        "number": number,
        "invoice_date": date(2026, 10, 20),
        "due_date": date(2026, 11, 20),
        "currency": "USD",
        "total": total,
        "balance": total,
        "lines": (BillLine("k1", "4000-01-00", total, "Goods"),),
    }
    return Bill(**{**values, **facts})


@dataclass
class FakeLedger:
    """Tells every record that was put into it since the cursor; with no cursor all that are there."""

    capabilities: Capabilities = field(default_factory=lambda: Capabilities(books="S100|ABC"))
    bills: dict[str, Bill] = field(default_factory=dict)
    vendors: dict[str, Vendor] = field(default_factory=dict)
    accounts: dict[str, Account] = field(default_factory=dict)
    orders: dict[str, PurchaseOrder] = field(default_factory=dict)
    customers: dict[str, Customer] = field(default_factory=dict)
    stamps: dict[tuple[str, str], int] = field(default_factory=dict)
    ticks: Iterator[int] = field(default_factory=lambda: count(1))

    def put(self, kind: str, *records: Any) -> None:
        for record in records:
            getattr(self, kind)[record.key] = record
            self.stamps[kind, record.key] = next(self.ticks)

    def pay(self, number: str) -> None:
        self.put("bills", replace(self.bills[f"01-ACME01|{number}"], balance=Decimal("0.00"), blocked=(Blocked.PAID,)))

    def _page(self, kind: str, cursor: Cursor | None) -> Iterator[Page[Any]]:
        since = (cursor or {"tick": 0})["tick"]
        records = [each for key, each in getattr(self, kind).items() if self.stamps[kind, key] > since]
        yield Page(records, cursor={"tick": max(self.stamps.values(), default=0)})

    def begin_run(self) -> None: ...

    def close(self) -> None: ...

    def read_all_bills(self, cursor: Cursor | None, start_date: date) -> Iterator[Page[Any]]:
        return self._page("bills", cursor)

    def read_vendors(self, cursor: Cursor | None) -> Iterator[Page[Any]]:
        return self._page("vendors", cursor)

    def read_accounts(self, cursor: Cursor | None) -> Iterator[Page[Any]]:
        return self._page("accounts", cursor)

    def read_purchase_orders(self, cursor: Cursor | None) -> Iterator[Page[Any]]:
        return self._page("orders", cursor)

    def read_customers(self, keys: Sequence[str]) -> Iterator[Page[Any]]:
        yield Page([self.customers[key] for key in keys])

    def read_order_customers(self, orders: Sequence[str]) -> dict[str, str]:
        return {order: f"01-{order}" for order in orders}


@dataclass
class FakeItem:
    id: str
    board: str
    name: str
    values: dict[str, str]
    group: str
    state: str = "active"
    parent: str = ""


@dataclass
class FakeBoards:
    """`refuse` steps in per change: it returns an error, or None; `before` and `after` per call: they may raise."""

    capabilities: Capabilities = field(default_factory=lambda: CAPABILITIES)
    boards: dict[str, Board] = field(default_factory=dict)
    items: dict[str, FakeItem] = field(default_factory=dict)
    calls: Counter[str] = field(default_factory=Counter)
    keys: list[str] = field(default_factory=list)
    refuse: Callable[[ItemChange], ConnectorError | None] = lambda change: None
    before: Callable[[str], None] = lambda call: None
    after: Callable[[str], None] = lambda call: None
    limit: int = 10000
    ids: Iterator[int] = field(default_factory=lambda: count(9100000001))

    def begin_run(self) -> None: ...

    def close(self) -> None: ...

    # --- what people do ----------------------------------------------------------------------------

    def by_key(self, board_id: str = "") -> dict[str, FakeItem]:
        """Live items by our key."""
        found = {}
        for item in self.items.values():
            if item.state == "active" and not item.parent and (not board_id or item.board == board_id):
                key = item.values.get("sage100_key", "")
                assert key not in found, f"{key} is there twice"
                found[key] = item
        return found

    def board(self, title: str) -> Board:
        return next(board for board in self.boards.values() if title in board.name)

    def change_column(self, board_id: str, column_id: str, **changes: Any) -> None:
        board = self.boards[board_id]
        columns = tuple(replace(each, **changes) if each.id == column_id else each for each in board.columns)
        self.boards[board_id] = replace(board, columns=columns)

    def drop_column(self, board_id: str, column_id: str) -> None:
        board = self.boards[board_id]
        self.boards[board_id] = replace(board, columns=tuple(each for each in board.columns if each.id != column_id))

    # --- the port ----------------------------------------------------------------------------------

    def _called(self, name: str) -> None:
        self.calls[name] += 1
        self.before(name)

    def get_board(self, board_id: str) -> Board | None:
        self._called("get_board")
        board = self.boards.get(board_id)
        there = sum(item.board == board_id and item.state == "active" for item in self.items.values())
        return replace(board, items=there, items_limit=self.limit) if board else None

    def find_board(self, name: str, workspace: str = "") -> list[Board]:
        self._called("find_board")
        return [board for board in self.boards.values() if board.name == name]

    def create_board(self, name: str, workspace: str = "") -> Board:
        self._called("create_board")
        board_id = str(next(self.ids))
        name_column = BoardColumn("name", "Name", "name")
        made = Board(board_id, name, (name_column,), (BoardGroup("topics", "Items"),), items_limit=self.limit)
        self.boards[board_id] = made
        self.after("create_board")
        return made

    def create_column(self, board_id: str, column_id: str, title: str, kind: str) -> BoardColumn:
        self._called("create_column")
        board = self.boards[board_id]
        if any(each.id == column_id for each in board.columns):
            raise Rejected(f"Column id {column_id} is taken.")
        made = BoardColumn(column_id, title, kind)
        self.boards[board_id] = replace(board, columns=(*board.columns, made))
        return made

    def create_group(self, board_id: str, title: str) -> BoardGroup:
        self._called("create_group")
        made = BoardGroup("closed", title)
        board = self.boards[board_id]
        self.boards[board_id] = replace(board, groups=(*board.groups, made))
        return made

    def find_items(self, board_id: str, key_column: str, hash_column: str, keys: Sequence[str]) -> list[BoardItem]:
        self._called("find_items")
        assert len(keys) <= 100
        shown = [self._shown(item, key_column, hash_column) for item in self.items.values() if item.board == board_id]
        return [each for each in shown if each.state == "active" and each.key in keys]

    def get_items(self, item_ids: Sequence[str], key_column: str, hash_column: str) -> dict[str, BoardItem]:
        self._called("get_items")
        found = [self.items[each] for each in item_ids if each in self.items]
        return {item.id: self._shown(item, key_column, hash_column) for item in found if item.state != "deleted"}

    def read_items(
        self, board_id: str, key_column: str, hash_column: str, kinds: Mapping[str, str]
    ) -> Iterator[list[BoardItem]]:
        self._called("read_items")
        live = [item for item in self.items.values() if item.board == board_id and item.state == "active"]
        yield [replace(self._shown(item, key_column, hash_column), values=dict(item.values)) for item in live]

    def write_items(self, board_id: str, changes: Sequence[ItemChange], key: str = "") -> list[Any]:
        self._called("write_items")
        assert key not in self.keys, "a key of idempotency was used twice"
        assert len(changes) <= self.capabilities.batch["item"]
        self.keys.append(key)
        answers = [self._write(board_id, change) for change in changes]
        self.after("write_items")
        return answers

    def mark_items(self, board_id: str, item_ids: Sequence[str], group_id: str, key: str = "") -> list[Any]:
        self._called("mark_items")
        for each in item_ids:
            self.items[each].group = group_id
        self.after("mark_items")
        return [Written(each) for each in item_ids]

    def _write(self, board_id: str, change: ItemChange) -> Written | ConnectorError:
        if refusal := self.refuse(change):
            return refusal
        draft = change.draft
        live = {each.id: each for each in self.boards[board_id].columns if not each.archived}
        for column_id, (kind, _) in draft.values.items():
            if column_id not in live or live[column_id].kind != kind:
                return Rejected(f"Column {column_id} cannot take this.", code="InvalidColumnIdException")
        values = {column_id: text for column_id, (_, text) in draft.values.items()}
        if change.parent:
            return self._subitem(board_id, change)
        if not change.item_id:
            item = FakeItem(str(next(self.ids)), board_id, draft.name, values, draft.group or "topics")
            self.items[item.id] = item
            return Written(item.id)
        there = self.items.get(change.item_id)
        if there is None or there.state != "active" or there.board != board_id:
            return NotFound(f"Item {change.item_id} not found.")
        there.values |= values
        there.name = draft.name or there.name
        return Written(there.id)

    def _subitem(self, board_id: str, change: ItemChange) -> Written:
        """On the hidden board of the parent's board, which the first one makes."""
        parents = self.boards[self.items[change.parent].board]
        hidden = parents.subitems or str(next(self.ids))
        if not parents.subitems:
            self.boards[parents.id] = replace(parents, subitems=hidden)
            self.boards[hidden] = Board(hidden, f"Subitems of {parents.name}", (BoardColumn("name", "Name", "name"),))
        values = {column_id: text for column_id, (_, text) in change.draft.values.items()}
        item = FakeItem(str(next(self.ids)), hidden, change.draft.name, values, "", parent=change.parent)
        self.items[item.id] = item
        return Written(item.id, details={"board": hidden})

    def _shown(self, item: FakeItem, key_column: str, hash_column: str) -> BoardItem:
        key, hash_ = item.values.get(key_column, ""), item.values.get(hash_column, "")
        return BoardItem(item.id, key, hash_, item.name, item.state, item.group, item.board)
