"""Column types whose values name something else: labels, people, items of other boards (docs: monday 12)."""

from __future__ import annotations

import re
from typing import Any

from .kinds import Bad, Kind, Write, members, strings
from .model import ACTIVE, BLANK_LABEL, Column, as_id
from .refusals import Refused

STATUS_LIMIT, STATUS_LENGTH = 40, 30


class Status(Kind):
    typename = "StatusValue"
    clears = ({"label": ""}, None, "")

    def read(self, raw: Any, column: Column, write: Write) -> int:
        given = {"label": raw} if isinstance(raw, str) else members(raw, {"label", "index"})
        labels = write.labels_of(column)
        if set(given) == {"index"}:
            if not isinstance(given["index"], int) or given["index"] not in labels:
                raise Bad("this status index does not exist in column")
            return given["index"]
        if set(given) != {"label"} or not isinstance(given["label"], str):
            raise Bad("a status takes a label or an index")
        return self._label(given["label"], labels, column, write)

    def _label(self, label: str, labels: dict[int, str], column: Column, write: Write) -> int:
        for id, text in labels.items():
            if text == label:
                return id
        if not write.create_labels or column.managed:
            raise Bad(f"label does not exist in column, possible labels are: {labels}")
        if len(label) > STATUS_LENGTH:
            raise Bad(f"a label has at most {STATUS_LENGTH} characters")
        if len(labels) >= STATUS_LIMIT:
            raise Bad(f"a status column has at most {STATUS_LIMIT} labels")
        id = min(set(range(STATUS_LIMIT + 2)) - set(labels) - {BLANK_LABEL})
        labels[id] = label
        return id

    def text(self, kept: Any, column: Column) -> str:
        return "" if kept is None else column.labels.get(kept, "")

    def more(self, kept: Any, column: Column) -> dict[str, Any]:
        label = None if kept is None else column.labels.get(kept)
        return {
            "index": kept,
            "label": label,
            "is_done": label == "Done",
            "label_style": None,
            "update_id": None,
            "updated_at": None,
        }


class Dropdown(Kind):
    typename = "DropdownValue"
    clears = ({}, None, "")

    def read(self, raw: Any, column: Column, write: Write) -> list[int]:
        given = {"labels": [each.strip() for each in raw.split(",")]} if isinstance(raw, str) else raw
        given = members(given, {"labels", "ids"})
        labels = write.labels_of(column)
        if set(given) == {"ids"}:
            ids = given["ids"]
            if not isinstance(ids, list) or not all(isinstance(each, int) and each in labels for each in ids):
                raise Bad("a dropdown id does not exist in column")
            return ids
        if set(given) != {"labels"}:
            raise Bad("a dropdown takes labels or ids, not both")
        return [self._label(each, labels, column, write) for each in strings(given["labels"])]

    def _label(self, label: str, labels: dict[int, str], column: Column, write: Write) -> int:
        for id, text in labels.items():
            if text == label:
                return id
        if not write.create_labels or column.managed or not label:
            raise Bad(f"label does not exist in column, possible labels are: {labels}")
        id = max(labels, default=0) + 1
        labels[id] = label
        return id

    def text(self, kept: Any, column: Column) -> str:
        return ", ".join(column.labels.get(each, "") for each in kept or ())

    def more(self, kept: Any, column: Column) -> dict[str, Any]:
        return {"values": [{"id": str(each), "label": column.labels.get(each, "")} for each in kept or ()]}


class People(Kind):
    typename = "PeopleValue"

    def read(self, raw: Any, column: Column, write: Write) -> list[dict[str, Any]]:
        given = members(raw, {"personsAndTeams"}).get("personsAndTeams")
        if not isinstance(given, list):
            raise Bad("people take personsAndTeams")
        for each in given:
            if set(members(each, {"id", "kind"})) != {"id", "kind"} or each["kind"] not in ("person", "team"):
                raise Bad("a person has an id and a kind")
            if each["kind"] == "person" and as_id(each["id"]) not in write.store.users:
                raise Refused("InvalidUserIdException", "User not found", data={"user_id": each["id"]})
        return given or None  # type: ignore[return-value]

    def text(self, kept: Any, column: Column) -> str:
        return ", ".join(str(each["id"]) for each in kept or ())

    def more(self, kept: Any, column: Column) -> dict[str, Any]:
        people = [{"id": str(each["id"]), "kind": each["kind"]} for each in kept or ()]
        return {"persons_and_teams": people, "updated_at": None}


class Relation(Kind):
    """A write replaces the full set; `text` and `value` are null on the wire."""

    typename = "BoardRelationValue"
    searchable = readable = False
    clears = ({"item_ids": []}, None)

    def read(self, raw: Any, column: Column, write: Write) -> list[int]:
        given = members(raw, {"item_ids"}).get("item_ids")
        if not isinstance(given, list) or not all(re.fullmatch(r"\d+", str(each)) for each in given):
            raise Bad("a relation takes item_ids")
        for each in given:
            item = write.store.items.get(int(each))
            if item is None or item.state != ACTIVE or item.board.id not in column.boards:
                raise Bad(f"the item {each} is on no connected board")
        return [int(each) for each in given]

    def text(self, kept: Any, column: Column) -> str:
        return ", ".join(str(each) for each in kept or ())

    def more(self, kept: Any, column: Column) -> dict[str, Any]:
        return {"linked_item_ids": [str(each) for each in kept or ()], "updated_at": None}
