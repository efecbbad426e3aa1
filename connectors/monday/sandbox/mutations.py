"""The root fields of mutations. Each raises Refused and then has done nothing (docs: monday 7, 8, 12, 13)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from .journal import Journal
from .kinds import Write
from .model import ARCHIVED, DELETED, SUBITEMS, Board, Column, Item, Store, check_name
from .refusals import Refused, invalid, unauthorized
from .values import KINDS, kind_of
from .views import View, Views, column_view, group_view

NEVER_CREATED = ("subtasks", "name", "unsupported")


class Mutations:
    """`strict_json`: column values must be strings of JSON, objects are refused. `relations_on_create`: a relation in
    `create_item` is kept, which monday does not do."""

    def __init__(
        self,
        store: Store,
        views: Views,
        journal: Journal,
        spent: dict[str, int],
        *,
        strict_json: bool,
        relations_on_create: bool,
    ) -> None:
        self.store, self.views, self.journal, self.spent = store, views, journal, spent
        self.strict_json, self.relations_on_create = strict_json, relations_on_create

    def fields(self) -> dict[str, Callable[..., Any] | Any]:
        named = (
            self.create_board,
            self.create_column,
            self.create_group,
            self.create_item,
            self.create_subitem,
            self.change_multiple_column_values,
            self.change_column_value,
            self.change_simple_column_value,
            self.move_item_to_group,
            self.archive_item,
            self.delete_item,
            self.create_update,
        )
        return {"complexity": self.spent, **{each.__name__: self._counted(each) for each in named}}

    def _counted(self, function: Callable[..., View]) -> Callable[..., View]:
        def counted(**arguments: Any) -> View:
            self.journal.mutations[function.__name__] += 1
            return function(**arguments)

        return counted

    # --- structure -------------------------------------------------------------------------------

    def create_board(
        self,
        board_name: str,
        board_kind: str,
        empty: bool | None = None,
        workspace_id: str | None = None,
        description: str | None = None,
    ) -> View:
        """Names need not be unique. Without `empty` monday adds sample content."""
        if not board_name.strip():
            raise Refused("CreateBoardException", "The board needs a name")
        workspace = None if workspace_id is None else int(workspace_id)
        board = self.store.add_board(board_name, board_kind, workspace, description=description or "")
        if not empty:
            for title, kind in (("Person", "people"), ("Status", "status"), ("Date", "date")):
                self.store.add_column(board, title, kind, kind)
            for number in (1, 2, 3):
                self.store.add_item(board, f"Item {number}")
        return self.views.board(board)

    def create_column(
        self,
        board_id: str,
        title: str,
        column_type: str,
        id: str | None = None,
        description: str | None = None,
        defaults: Any = None,
    ) -> View:
        board = self.store.board(board_id, "edit")
        if column_type in NEVER_CREATED or column_type not in KINDS:
            raise Refused("InvalidColumnTypeException", f"A {column_type} column cannot be created")
        if not title.strip():
            raise invalid("The column needs a title")
        facts = defaults_of(column_type, self._json(defaults, strict=False)) if defaults is not None else {}
        column = self.store.add_column(board, title, column_type, id or "", description=description or "", **facts)
        return column_view(column)

    def create_group(self, board_id: str, group_name: str) -> View:
        board = self.store.board(board_id, "edit")
        if not group_name.strip():
            raise invalid("The group needs a name")
        return group_view(self.store.add_group(board, group_name))

    # --- items -----------------------------------------------------------------------------------

    def create_item(
        self,
        board_id: str,
        item_name: str,
        group_id: str | None = None,
        create_labels_if_missing: bool | None = None,
        **values: Any,
    ) -> View:
        board = self.store.board(board_id, "content")
        if board.type == SUBITEMS:
            raise invalid("Items of a subitems board are created with create_subitem", board_id=board_id)
        return self._create(board, item_name, group_id, bool(create_labels_if_missing), values)

    def create_subitem(
        self,
        parent_item_id: str,
        item_name: str,
        create_labels_if_missing: bool | None = None,
        **values: Any,
    ) -> View:
        """The first one of a board makes the hidden board and the column that names it."""
        parent = self.store.item(parent_item_id)
        if not parent.board.allows("content"):
            raise unauthorized()
        check_name(item_name)
        board = self._subitems_board(parent.board)
        return self._create(board, item_name, None, bool(create_labels_if_missing), values, parent.id)

    def _subitems_board(self, parent: Board) -> Board:
        for column in parent.columns.values():
            if column.kind == "subtasks":
                return self.store.boards[column.boards[0]]
        board = self.store.add_board(f"Subitems of {parent.name}", parent.kind, parent.workspace, SUBITEMS)
        self.store.add_column(parent, "Subitems", "subtasks", boards=[board.id])
        return board

    def _create(
        self,
        board: Board,
        name: str,
        group: str | None,
        labels: bool,
        values: dict[str, Any],
        parent: int | None = None,
    ) -> View:
        given = self._values(values["column_values"]) if "column_values" in values else {}
        if "name" in given:
            raise invalid("The name is set through item_name", column_id="name")
        if not self.relations_on_create:  # dropped without an error
            given = {id: raw for id, raw in given.items() if board.column(id).kind != "board_relation"}
        write = self._write(board, labels)
        parsed = {id: self._parse(board.column(id), raw, write) for id, raw in given.items()}
        item = self.store.add_item(board, name, group, parent)
        self._apply(item, parsed, write)
        self.journal.wrote(board.id, item.id, parsed, unchanged=False)
        return self.views.item(item)

    def change_multiple_column_values(
        self,
        board_id: str,
        column_values: Any,
        item_id: str | None = None,
        create_labels_if_missing: bool | None = None,
    ) -> View:
        return self._change(board_id, item_id, self._values(column_values), bool(create_labels_if_missing))

    def change_column_value(
        self,
        board_id: str,
        column_id: str,
        value: Any,
        item_id: str | None = None,
        create_labels_if_missing: bool | None = None,
    ) -> View:
        raw = self._json(value, strict=self.strict_json)
        return self._change_one(board_id, item_id, column_id, raw, bool(create_labels_if_missing))

    def change_simple_column_value(
        self,
        board_id: str,
        column_id: str,
        item_id: str | None = None,
        value: str | None = None,
        create_labels_if_missing: bool | None = None,
    ) -> View:
        return self._change_one(board_id, item_id, column_id, value or "", bool(create_labels_if_missing))

    def _change_one(self, board_id: str, item_id: str | None, column_id: str, raw: Any, labels: bool) -> View:
        column = self.store.board(board_id).column(column_id)
        if column.kind == "board_relation":
            raise Refused("ColumnValueException", "Use change_multiple_column_values to connect items")
        return self._change(board_id, item_id, {column_id: raw}, labels)

    def _change(self, board_id: str, item_id: str | None, given: dict[str, Any], labels: bool) -> View:
        board = self.store.board(board_id, "content")
        item = self.store.item(item_id, board)
        write = self._write(board, labels)
        name = given.pop("name", item.name)
        if not isinstance(name, str):
            raise invalid("The name must be a string", column_id="name")
        check_name(name)
        parsed = {}
        for id, raw in given.items():
            write.current = item.values.get(id)
            parsed[id] = self._parse(board.column(id), raw, write)
        same = name.strip() == item.name and all(item.values.get(id) == value for id, value in parsed.items())
        self._apply(item, parsed, write)
        item.name = name.strip()
        self.journal.wrote(board.id, item.id, parsed, unchanged=same)
        return self.views.item(item)

    def move_item_to_group(self, group_id: str, item_id: str | None = None) -> View:
        item = self._writable(item_id)
        group = item.board.group(group_id).id
        self.journal.wrote(item.board.id, item.id, (), unchanged=item.group == group)
        item.group, item.updated = group, self.store.now()
        return self.views.item(item)

    def archive_item(self, item_id: str | None = None) -> View:
        item = self._writable(item_id)
        self.store.bury(item, ARCHIVED)
        return self.views.item(item)

    def delete_item(self, item_id: str | None = None) -> View:
        item = self._writable(item_id)
        self.store.bury(item, DELETED)
        return self.views.item(item)

    def create_update(self, body: str, item_id: str | None = None) -> View:
        item = self._writable(item_id)
        self.store.updates.append((item.id, body))
        return {"id": str(len(self.store.updates)), "body": body, "item_id": str(item.id)}

    def _writable(self, item_id: str | None) -> Item:
        item = self.store.item(item_id)
        if not item.board.allows("content"):
            raise unauthorized()
        return item

    # --- values ----------------------------------------------------------------------------------

    def _write(self, board: Board, labels: bool) -> Write:
        return Write(self.store, create_labels=labels and board.allows("edit"))

    def _parse(self, column: Column, raw: Any, write: Write) -> Any:
        return kind_of(column).parse(raw, column, write)

    def _apply(self, item: Item, parsed: dict[str, Any], write: Write) -> None:
        for id, labels in write.labels.items():
            item.board.columns[id].labels = labels
        item.values.update(parsed)
        item.values = {id: value for id, value in item.values.items() if value is not None}
        item.updated = self.store.now()

    def _values(self, sent: Any) -> dict[str, Any]:
        """`column_values`: a string that holds a JSON object."""
        given = self._json(sent, strict=self.strict_json)
        if not isinstance(given, dict):
            raise _not_json("column_values must be a JSON object")
        return given

    def _json(self, sent: Any, *, strict: bool) -> Any:
        if not isinstance(sent, str):
            if strict:
                raise _not_json("a JSON value must be sent as a string")
            return sent
        try:
            return json.loads(sent)
        except ValueError:
            raise _not_json("the string is not JSON") from None


def _not_json(why: str) -> Refused:
    return Refused("JsonParseException", f"JSON parse exception: {why}", status_code=400)


def defaults_of(kind: str, given: Any) -> dict[str, Any]:
    """A column's facts from `defaults`: labels as {id: text} or [{"label": text}], boards as boardIds."""
    if not isinstance(given, dict):
        raise _not_json("defaults must be a JSON object")
    facts: dict[str, Any] = {}
    labels = given.get("labels")
    if kind in ("status", "dropdown") and isinstance(labels, dict):
        facts["labels"] = {int(id): str(text) for id, text in labels.items()}
    elif kind in ("status", "dropdown") and isinstance(labels, list):
        texts = [str(each["label"] if isinstance(each, dict) else each) for each in labels]
        facts["labels"] = dict(enumerate(texts, start=0 if kind == "status" else 1))
    if kind == "board_relation":
        facts["boards"] = [int(each) for each in given.get("boardIds", ())]
    return facts
