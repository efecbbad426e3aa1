"""Every column type by its name."""

from __future__ import annotations

from typing import Any

from .choices import Dropdown, People, Relation, Status
from .kinds import Bad, Kind, Write
from .model import Column, Item
from .plain import Checkbox, Day, Email, Link, LongText, Numbers, Phone, Text


class Files(Kind):
    typename = "FileValue"
    searchable = False
    clears = ({"clear_all": True},)

    def read(self, raw: Any, column: Column, write: Write) -> Any:
        raise Bad("files are not written through column_values")

    def more(self, kept: Any, column: Column) -> dict[str, Any]:
        return {"files": []}


class ItemId(Kind):
    typename = "ItemIdValue"
    searchable = False

    def more(self, kept: Any, column: Column) -> dict[str, Any]:
        return {"item_id": str(kept)}


class Subtasks(Kind):
    typename = "SubtasksValue"
    searchable = False


class Unsupported(Kind):
    searchable = False


KINDS: dict[str, Kind] = {
    "text": Text(),
    "long_text": LongText(),
    "numbers": Numbers(),
    "date": Day(),
    "status": Status(),
    "dropdown": Dropdown(),
    "email": Email(),
    "phone": Phone(),
    "link": Link(),
    "checkbox": Checkbox(),
    "people": People(),
    "board_relation": Relation(),
    "file": Files(),
    "item_id": ItemId(),
    "subtasks": Subtasks(),
}


def kind_of(column: Column) -> Kind:
    return KINDS.get(column.kind, Unsupported())


def kept(item: Item, column: Column) -> Any:
    return item.id if column.kind == "item_id" else item.values.get(column.id)


def shown(item: Item, column: Column) -> str:
    """The value as text, also where the API shows none."""
    return kind_of(column).text(kept(item, column), column)
