"""Boards, columns, groups and items of one account, and who may touch them (docs: monday 7, 8)."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from .refusals import Refused, invalid, not_found, unauthorized

ACTIVE, ARCHIVED, DELETED = "active", "archived", "deleted"
# What the tokens' user may do on a board, each with all before it.
ACCESS = ("none", "view", "content", "edit")
STATUS_LABELS = {0: "Working on it", 1: "Done", 2: "Stuck"}
BLANK_LABEL = 5  # the id of the empty label: never given to another
SUBITEMS = "sub_items_board"
_COLUMN_ID = re.compile(r"[a-z0-9_]{1,20}")  # [assumed], docs: monday 4.4


@dataclass
class Column:
    id: str
    title: str
    kind: str
    description: str = ""
    archived: bool = False
    managed: bool = False  # by the account: labels cannot be created on the fly
    labels: dict[int, str] = field(default_factory=dict)  # in the order of the settings
    boards: list[int] = field(default_factory=list)  # connected, or the board of the subitems
    revision: int = 1


@dataclass
class Group:
    id: str
    title: str
    archived: bool = False
    deleted: bool = False


@dataclass
class Board:
    id: int
    name: str
    kind: str
    workspace: int | None
    created: datetime
    items_limit: int
    description: str = ""
    type: str = "board"
    state: str = ACTIVE
    access: str = "edit"
    columns: dict[str, Column] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    items: dict[int, Item] = field(default_factory=dict, repr=False)  # in the order of their ids, which is stable

    def active(self) -> list[Item]:
        return [each for each in self.items.values() if each.state == ACTIVE]

    def full(self) -> bool:
        return len(self.items) >= self.items_limit <= len(self.active())

    def allows(self, access: str) -> bool:
        return ACCESS.index(self.access) >= ACCESS.index(access)

    def column(self, id: str) -> Column:
        found = self.columns.get(id)
        if found is None or found.archived:
            raise Refused(
                "InvalidColumnIdException", "This column ID doesn't exist for the board", data={"column_id": id}
            )
        return found

    def group(self, id: str | None) -> Group:
        """The active group of that id, the top one for None."""
        found = [each for each in self.groups.values() if not (each.archived or each.deleted) and id in (None, each.id)]
        if not found:
            raise not_found("Group", id)
        return found[0]


@dataclass
class Item:
    id: int
    board: Board
    name: str
    group: str
    created: datetime
    updated: datetime
    values: dict[str, Any] = field(default_factory=dict)  # column id -> what its kind keeps; absent = empty
    state: str = ACTIVE
    parent: int | None = None


@dataclass(frozen=True)
class User:
    id: int
    name: str
    email: str
    kind: str = "member"


class Store:
    """The account's data. Ids are beyond 2^31 and rise."""

    def __init__(self, clock: Callable[[], datetime], items_limit: int) -> None:
        self.now, self.items_limit = clock, items_limit
        self.boards: dict[int, Board] = {}
        self.items: dict[int, Item] = {}
        self.updates: list[tuple[int, str]] = []
        self.users = {each.id: each for each in (User(4100001, "ML Connector", "connector@acme.example"),)}
        self.workspaces = {5100001: "Finance"}
        self._numbers = itertools.count(1)
        self._suffixes = itertools.count(1)

    # --- finding ---------------------------------------------------------------------------------

    def visible(self, id: Any) -> Board | None:
        """The active board that the user may see. A dead or hidden one is simply not there."""
        found = self.boards.get(as_id(id))
        return found if found is not None and found.state == ACTIVE and found.allows("view") else None

    def board(self, id: Any, access: str = "view") -> Board:
        found = self.visible(id)
        if found is None:
            raise Refused("InvalidBoardIdException", "This board ID doesn't exist", data={"board_id": str(id)})
        if not found.allows(access):
            raise unauthorized()
        return found

    def item(self, id: Any, board: Board | None = None) -> Item:
        """An item that may be written: active and, where a board is named, on it."""
        found = self.items.get(as_id(id))
        if found is None or found.state == DELETED or found.board.state != ACTIVE:
            raise not_found("Item", id)
        if found.state == ARCHIVED:
            raise invalid("The item is archived", item_id=str(id))
        if board is not None and found.board is not board:
            raise invalid("The item is not on the board", item_id=str(id), board_id=str(board.id))
        return found

    def children(self, item: Item) -> list[Item]:
        return [each for each in self.items.values() if each.parent == item.id]

    # --- making ----------------------------------------------------------------------------------

    def add_board(
        self, name: str, kind: str = "private", workspace: int | None = None, type: str = "board", description: str = ""
    ) -> Board:
        if workspace is not None and workspace not in self.workspaces:
            raise Refused("CreateBoardException", "Workspace not found", data={"workspace_id": str(workspace)})
        number = 18_423_875_000 + next(self._numbers)
        board = Board(number, name, kind, workspace, self.now(), self.items_limit, description, type)
        board.columns["name"] = Column("name", "Name", "name")
        board.groups["topics"] = Group("topics", "Group Title")
        self.boards[board.id] = board
        return board

    def add_column(self, board: Board, title: str, kind: str, id: str = "", **facts: Any) -> Column:
        if id and not _COLUMN_ID.fullmatch(id):
            raise invalid("The column id must be 1-20 characters of a-z, 0-9 and _", column_id=id)
        if id in board.columns:
            raise invalid("A column with this id already exists", column_id=id)
        if kind == "status":
            facts.setdefault("labels", dict(STATUS_LABELS))
        column = Column(id or self.suffixed(kind), title, kind, **facts)
        board.columns[column.id] = column
        return column

    def add_group(self, board: Board, title: str) -> Group:
        group = Group(self.suffixed("group"), title)
        board.groups[group.id] = group
        return group

    def add_item(self, board: Board, name: str, group: str | None = None, parent: int | None = None) -> Item:
        check_name(name)
        if board.full():
            raise Refused(
                "ItemsLimitationException", "Items limitation reached for the board", data={"board_id": str(board.id)}
            )
        now = self.now()
        place = board.group(group).id
        item = Item(9_100_000_000 + next(self._numbers), board, name.strip(), place, now, now, parent=parent)
        self.items[item.id] = board.items[item.id] = item
        return item

    def bury(self, item: Item, state: str) -> None:
        """Archive or delete; subitems go with their parent (docs: monday 19b)."""
        for each in [item, *self.children(item)]:
            each.state, each.updated = state, self.now()

    def suffixed(self, stem: str) -> str:
        return f"{stem}_mk{next(self._suffixes):06d}"


def as_id(value: Any) -> int:
    """An ID argument as number. Raises Refused for text that is none."""
    text = str(value)
    if not text.isascii() or not text.isdigit():
        raise invalid(f"{text!r} is not an id")
    return int(text)


def as_ids(values: Iterable[Any]) -> list[int]:
    return [as_id(each) for each in values]


def check_name(name: str) -> None:
    if len(name) > 255:
        raise Refused(
            "ItemNameTooLongException", "Item name must be at most 255 characters", data={"length": len(name)}
        )
    if not name.strip():
        raise invalid("Item name must not be empty")
