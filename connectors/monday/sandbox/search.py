"""Which items a page shows: search by column values, filters, cursors (docs: monday 9, 10)."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from .kinds import Kind
from .model import Board, Column, Item, as_ids
from .refusals import Refused, invalid
from .values import kept, kind_of

Test = Callable[[Item], bool]
CURSOR_LIFE = timedelta(minutes=60)  # from the first page
LARGEST_PAGE = 500
MOST_IDS = 100
PARTS = ("dropdown", "phone")  # match parts of the value, and take one value only
SINGLE = (*PARTS, "date")


@dataclass
class _Cursor:
    board: Board
    test: Test
    opened: datetime
    last: int  # the id of the last item shown


class Search:
    """`index_delay`: seconds in which searches do not find a new item."""

    def __init__(self, clock: Callable[[], datetime], index_delay: float) -> None:
        self.now, self.index_delay = clock, timedelta(seconds=index_delay)
        self.cursors: dict[str, _Cursor] = {}

    # --- pages -----------------------------------------------------------------------------------

    def first(self, board: Board, limit: int, test: Test) -> dict[str, Any]:
        return self._page(_Cursor(board, test, self.now(), 0), limit)

    def following(self, cursor: str, limit: int) -> dict[str, Any]:
        found = self.cursors.get(cursor)
        if found is None:
            raise invalid("The cursor is not valid")
        if self.now() >= found.opened + CURSOR_LIFE:
            raise Refused("CursorExpiredError", "CursorExpiredError: the cursor has expired, start from page one")
        return self._page(found, limit)

    def _page(self, cursor: _Cursor, limit: int) -> dict[str, Any]:
        if not 1 <= limit <= LARGEST_PAGE:
            raise invalid(f"The limit must be from 1 to {LARGEST_PAGE}", limit=limit)
        found = [each for each in cursor.board.active() if each.id > cursor.last and cursor.test(each)]
        if len(found) <= limit:
            return {"cursor": None, "items": found}
        token = uuid.uuid4().hex
        self.cursors[token] = _Cursor(cursor.board, cursor.test, cursor.opened, found[limit - 1].id)
        return {"cursor": token, "items": found[:limit]}

    def _indexed(self, item: Item) -> bool:
        return item.created + self.index_delay <= self.now()

    # --- items_page_by_column_values ---------------------------------------------------------------

    def by_columns(self, board: Board, columns: list[dict[str, Any]]) -> Test:
        """Any of one column's values, in all the columns; whole values, without regard to case."""
        tests = [self._column(board.column(each["column_id"]), each["column_values"]) for each in columns]
        return lambda item: self._indexed(item) and all(test(item) for test in tests)

    def _column(self, column: Column, values: list[str | None]) -> Test:
        kind = _name_kind if column.kind == "name" else kind_of(column)
        if not kind.searchable:
            raise Refused(
                "InvalidColumnTypeException",
                f"Columns of the type {column.kind} cannot be searched",
                data={"column_id": column.id, "column_type": column.kind},
            )
        if column.kind in SINGLE and len(values) > 1:
            raise invalid(f"Columns of the type {column.kind} take one value", column_id=column.id)
        wanted = {(each or "").casefold() for each in values}

        def test(item: Item) -> bool:
            text = (item.name if column.kind == "name" else kind.text(kept(item, column), column)).casefold()
            if column.kind in PARTS:
                return any(each in text if each else not text for each in wanted)
            return text in wanted

        return test

    # --- items_page(query_params) ------------------------------------------------------------------

    def by_query(self, board: Board, query: dict[str, Any] | None) -> Test:
        """What is malformed finds nothing, without an error (docs: monday 9)."""
        if not query:
            return lambda item: True
        ids = as_ids(query["ids"]) if query.get("ids") is not None else None
        if ids is not None and len(ids) > MOST_IDS:
            raise invalid(f"At most {MOST_IDS} ids", ids=len(ids))
        tests = [self._rule(board, each) for each in query.get("rules") or ()]
        every = any if query.get("operator") == "or" and tests else all
        return lambda item: (
            self._indexed(item) and (ids is None or item.id in ids) and every(test(item) for test in tests)
        )

    def _rule(self, board: Board, rule: dict[str, Any]) -> Test:
        values, operator = rule["compare_value"], rule["operator"]
        if rule["column_id"] == "__last_updated__":
            return _updated_since(values, operator)
        column = board.columns.get(rule["column_id"])
        if column is None or column.archived:
            return _nothing
        if operator in ("is_empty", "is_not_empty"):
            return lambda item: (kept(item, column) is None) == (operator == "is_empty")
        if operator != "any_of" or not isinstance(values, list):
            return _nothing
        if column.kind == "board_relation":
            numbers = {each for each in values if isinstance(each, int)}  # ids as strings find nothing
            return lambda item: bool(numbers & set(kept(item, column) or ()))
        return self._column(column, values) if all(isinstance(each, str) for each in values) else _nothing


def _nothing(item: Item) -> bool:
    return False


def _updated_since(values: Any, operator: str) -> Test:
    """The official client's form: ["EXACT", "2026-11-19"], greater_than_or_equals."""
    if operator != "greater_than_or_equals" or not isinstance(values, list) or values[:1] != ["EXACT"]:
        return _nothing
    return lambda item: item.updated.date().isoformat() >= str(values[-1])


_name_kind = Kind()
