"""Records as the API shows them: dicts by field name, callables for fields with arguments (docs: monday 7, 8, 12)."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from .choices import STATUS_LIMIT
from .kinds import Kind
from .model import ACTIVE, Board, Column, Group, Item, Store
from .refusals import invalid
from .search import Search
from .values import kept, kind_of

View = dict[str, Any]
SITE = "https://acme.monday.example"


class Views:
    def __init__(self, store: Store, search: Search) -> None:
        self.store, self.search = store, search

    def board(self, board: Board) -> View:
        return {
            "id": str(board.id),
            "name": board.name,
            "description": board.description or None,
            "state": board.state,
            "type": board.type,
            "board_kind": board.kind,
            "permissions": "everyone",
            "access_level": "edit" if board.allows("content") else "view",
            "items_count": lambda: len(board.active()),
            "items_limit": board.items_limit,
            "url": f"{SITE}/boards/{board.id}",
            "workspace_id": None if board.workspace is None else str(board.workspace),
            "created_at": instant(board.created),
            "columns": lambda ids=None, types=None: [
                column_view(each)
                for each in board.columns.values()
                if (ids is None or each.id in ids) and (types is None or each.kind in types)
            ],
            "groups": lambda ids=None: [
                group_view(each) for each in board.groups.values() if ids is None or each.id in ids
            ],
            "items_page": lambda limit, cursor=None, query_params=None: self.page(board, limit, cursor, query_params),
        }

    def page(self, board: Board, limit: int, cursor: str | None, query: dict[str, Any] | None) -> View:
        if cursor is not None and query is not None:
            raise invalid("query_params and cursor cannot be used together")
        if cursor is not None:
            return self.items(self.search.following(cursor, limit))
        return self.items(self.search.first(board, limit, self.search.by_query(board, query)))

    def items(self, page: dict[str, Any]) -> View:
        return {"cursor": page["cursor"], "items": [self.item(each) for each in page["items"]]}

    def item(self, item: Item) -> View:
        board = item.board
        return {
            "id": str(item.id),
            "name": item.name,
            "state": item.state,
            "created_at": instant(item.created),
            "updated_at": instant(item.updated),
            "url": f"{SITE}/boards/{board.id}/pulses/{item.id}",
            "board": lambda: self.board(board),
            "group": lambda: group_view(board.groups[item.group]),
            "parent_item": lambda: None if item.parent is None else self.item(self.store.items[item.parent]),
            "subitems": lambda: [self.item(each) for each in self.store.children(item) if each.state == ACTIVE],
            "column_values": lambda ids=None, types=None: [
                value_view(item, each)
                for each in board.columns.values()
                if each.kind != "name"
                and not each.archived
                and (ids is None or each.id in ids)
                and (types is None or each.kind in types)
            ],
        }


def column_view(column: Column) -> View:
    settings = settings_of(column)
    return {
        "id": column.id,
        "title": column.title,
        "description": column.description or None,
        "type": column.kind,
        "archived": column.archived,
        "revision": str(column.revision),
        "settings": settings,
        "settings_str": json.dumps(settings),
        "width": None,
    }


def settings_of(column: Column) -> View:
    """A label's `index` here is its position, its `id` what values carry as index (docs: monday 17, trap 9)."""
    if column.kind == "status":
        labels = [
            {"id": id, "index": position, "label": text, "is_done": text == "Done"}
            for position, (id, text) in enumerate(column.labels.items())
        ]
        return {"type": "managed" if column.managed else "regular", "labels": labels[:STATUS_LIMIT]}
    if column.kind == "dropdown":
        return {"labels": [{"id": id, "label": text} for id, text in column.labels.items()]}
    if column.kind in ("board_relation", "subtasks"):
        return {"boardIds": column.boards}
    return {}


def group_view(group: Group) -> View:
    return {"id": group.id, "title": group.title, "archived": group.archived, "deleted": group.deleted}


def value_view(item: Item, column: Column) -> View:
    kind: Kind = kind_of(column)
    value = kept(item, column)
    return {
        "__typename": kind.typename,
        "id": column.id,
        "column": lambda: column_view(column),
        "type": column.kind,
        "text": kind.text(value, column) if kind.readable else None,
        "value": json.dumps(value) if kind.readable and value is not None else None,
        "is_leaf": True,
        **kind.more(value, column),
    }


def instant(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
