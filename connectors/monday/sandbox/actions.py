"""What people do in monday's own screens, under /_sandbox/actions/<name> and as methods.

Boards and items are named by their ids, columns by theirs. None of this counts as the caller's doing.
"""

from __future__ import annotations

from typing import Any

from connectors.sandboxing import Sandbox

from .journal import Journal
from .kinds import Write
from .model import ACCESS, ARCHIVED, DELETED, Board, Item, Store, check_name
from .values import KINDS, kind_of, shown


class Actions(Sandbox):
    store: Store
    journal: Journal

    # --- items -----------------------------------------------------------------------------------

    def do_add_item(
        self, board: Any, name: str, values: dict[str, Any] | None = None, group: str | None = None
    ) -> dict[str, Any]:
        """`values`: column id -> value as in `do_edit_item`. Answers {"id": ...}."""
        with self.lock:
            item = self.store.add_item(self._board(board), name, group)
            for column, value in (values or {}).items():
                self._edit(item, column, value)
            return {"id": str(item.id)}

    def do_edit_item(self, item: Any, column: str, value: Any) -> None:
        """`value`: the wire's form, or a plain string; "name" renames. Missing labels are made."""
        with self.lock:
            self._edit(self._item(item), column, value)

    def do_move_item(self, item: Any, group: str) -> None:
        with self.lock:
            found = self._item(item)
            found.group, found.updated = found.board.group(group).id, self.now()

    def do_duplicate_item(self, item: Any) -> dict[str, Any]:
        """A copy with all values, the key included. Answers {"id": ...}."""
        with self.lock:
            found = self._item(item)
            copy = self.store.add_item(found.board, f"{found.name} (copy)"[:255], found.group, found.parent)
            copy.values = dict(found.values)
            return {"id": str(copy.id)}

    def do_archive_item(self, item: Any) -> None:
        with self.lock:
            self.store.bury(self._item(item), ARCHIVED)

    def do_delete_item(self, item: Any) -> None:
        with self.lock:
            self.store.bury(self._item(item), DELETED)

    # --- columns ---------------------------------------------------------------------------------

    def do_add_column(self, board: Any, title: str, kind: str, id: str = "", **facts: Any) -> dict[str, Any]:
        """`facts`: description, managed, labels ({id: text}), boards (ids that a relation is connected to)."""
        with self.lock:
            if kind not in KINDS:
                raise ValueError(f"no such column type: {kind!r}")
            if "labels" in facts:
                facts["labels"] = {int(key): text for key, text in facts["labels"].items()}
            if "boards" in facts:
                facts["boards"] = [int(each) for each in facts["boards"]]
            return {"id": self.store.add_column(self._board(board), title, kind, id, **facts).id}

    def do_rename_column(self, board: Any, column: str, title: str) -> None:
        with self.lock:
            found = self._board(board).columns[column]
            found.title, found.revision = title, found.revision + 1

    def do_archive_column(self, board: Any, column: str, archived: bool = True) -> None:
        with self.lock:
            self._board(board).columns[column].archived = archived

    def do_retype_column(self, board: Any, column: str, kind: str) -> None:
        """The same id with another type; its values are gone."""
        with self.lock:
            if kind not in KINDS:
                raise ValueError(f"no such column type: {kind!r}")
            found = self._board(board)
            found.columns[column].kind = kind
            for item in found.items.values():
                item.values.pop(column, None)

    def do_rename_label(self, board: Any, column: str, label: str, to: str) -> None:
        with self.lock:
            labels = self._board(board).columns[column].labels
            labels.update({id: to for id, text in labels.items() if text == label})

    # --- boards ----------------------------------------------------------------------------------

    def do_add_board(self, name: str, kind: str = "private", workspace: Any = None) -> dict[str, Any]:
        with self.lock:
            return {"id": str(self.store.add_board(name, kind, None if workspace is None else int(workspace)).id)}

    def do_rename_board(self, board: Any, name: str) -> None:
        with self.lock:
            self._board(board).name = name

    def do_add_group(self, board: Any, title: str) -> dict[str, Any]:
        with self.lock:
            return {"id": self.store.add_group(self._board(board), title).id}

    def do_archive_group(self, board: Any, group: str) -> None:
        with self.lock:
            self._board(board).groups[group].archived = True

    def do_delete_board(self, board: Any) -> None:
        with self.lock:
            self._board(board).state = DELETED

    def do_set_access(self, board: Any, access: str) -> None:
        """What the token's user may do there: "none" (not even see it), "view", "content", "edit"."""
        with self.lock:
            if access not in ACCESS:
                raise ValueError(f"no such access: {access!r}")
            self._board(board).access = access

    def do_set_items_limit(self, board: Any, limit: Any) -> None:
        with self.lock:
            self._board(board).items_limit = int(limit)

    # --- the test's own knowledge ------------------------------------------------------------------

    def do_map_columns(self, columns: list[str], board: Any = "*") -> None:
        """From now on, writes to other columns of the board ("*": of any) are journalled as unmapped."""
        with self.lock:
            self.journal.mapped[str(board)] = set(columns)

    # ---------------------------------------------------------------------------------------------

    def _board(self, id: Any) -> Board:
        return self.store.boards[int(id)]

    def _item(self, id: Any) -> Item:
        return self.store.items[int(id)]

    def _edit(self, item: Item, column: str, value: Any) -> None:
        if column == "name":
            check_name(value)
            item.name = value.strip()
        else:
            found = item.board.column(column)
            write = Write(self.store, create_labels=True, current=item.values.get(column))
            kept = None if value is None else kind_of(found).parse(value, found, write)
            found.labels = write.labels.get(column, found.labels)
            item.values = {**item.values, column: kept}
            if kept is None:
                del item.values[column]
        item.updated = self.now()

    def state(self) -> dict[str, Any]:
        """boards: id -> name, state, columns, groups and items with their values as text."""
        return {"boards": {str(board.id): _board_state(board) for board in self.store.boards.values()}}


def _board_state(board: Board) -> dict[str, Any]:
    return {
        "name": board.name,
        "state": board.state,
        "type": board.type,
        "workspace": board.workspace,
        "columns": {
            each.id: {"title": each.title, "kind": each.kind, "archived": each.archived}
            for each in board.columns.values()
        },
        "groups": {each.id: each.title for each in board.groups.values()},
        "items": [
            {
                "id": str(item.id),
                "name": item.name,
                "group": item.group,
                "state": item.state,
                "parent": None if item.parent is None else str(item.parent),
                "values": {
                    each.id: text
                    for each in board.columns.values()
                    if each.kind != "name" and (text := shown(item, each))
                },
            }
            for item in board.items.values()
        ],
    }
