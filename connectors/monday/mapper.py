"""Items, columns and boards: monday.com's JSON and the canonical records, one into the other. Pure. docs: monday 7, 12

Texts are canonical whatever the column's type (see `ItemDraft`). Raises ValueError for what a column cannot take.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from ..domain import Board, BoardColumn, BoardGroup, BoardItem, ItemDraft

LONGEST_NAME = 255  # characters (docs: monday 4.4)
LONGEST = {"long_text": 2000, "status": 30}  # characters; that of long_text is [assumed]
_PHONE_COUNTRY = "US"  # of a number that names none [assumed]

_WITH_COUNTRY = re.compile(r"(.*?)\s+([A-Z]{2})")


# --- to monday.com -------------------------------------------------------------------------------


def _text(text: str) -> Any:
    return text


def _numbers(text: str) -> Any:
    try:
        finite = not text or Decimal(text).is_finite()
    except InvalidOperation:
        finite = False
    if not finite:
        raise ValueError(f"{text!r} is no number")
    return text


def _date(text: str) -> Any:
    """Never with a time, which would be converted between time zones (trap 18)."""
    if not text:
        return {}
    try:
        return {"date": date.fromisoformat(text).isoformat()}
    except ValueError:
        raise ValueError(f"{text!r} is no date") from None


def _status(text: str) -> Any:
    return {"label": text}


def _dropdown(text: str) -> Any:
    labels = [label.strip() for label in text.splitlines() if label.strip()]
    return {"labels": labels} if labels else {}


def _email(text: str) -> Any:
    return {"email": text, "text": text}


def _phone(text: str) -> Any:
    named = _WITH_COUNTRY.fullmatch(text)
    number, country = (named[1], named[2]) if named else (text, _PHONE_COUNTRY if text else "")
    return {"phone": re.sub(r"[^0-9+]", "", number), "countryShortName": country}


def _link(text: str) -> Any:
    if not text:
        return None
    if not text.startswith(("http://", "https://")):
        raise ValueError("a link begins with http:// or https://")
    return {"url": text, "text": text}


def _long_text(text: str) -> Any:
    return {"text": text}


def _checkbox(text: str) -> Any:
    """Only null unchecks it."""
    return {"checked": "true"} if text else None


_ENCODERS: dict[str, Callable[[str], Any]] = {
    "text": _text,
    "numbers": _numbers,
    "date": _date,
    "status": _status,
    "dropdown": _dropdown,
    "email": _email,
    "phone": _phone,
    "link": _link,
    "long_text": _long_text,
    "checkbox": _checkbox,
}
#: Types of columns that can be written.
KINDS = frozenset(_ENCODERS)
#: Types whose labels are created when they are missing.
LABELLED = frozenset({"status", "dropdown"})


def column_values(draft: ItemDraft, *, rename: bool) -> str:
    """The JSON text of `column_values`. `rename`: the name is set with them [assumed], at creation it is not."""
    values = {column: _value(column, kind, text) for column, (kind, text) in draft.values.items()}
    if rename and draft.name:
        values["name"] = item_name(draft)
    return json.dumps(values, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def _value(column: str, kind: str, text: str) -> Any:
    if kind not in _ENCODERS:
        raise ValueError(f"column {column}: columns of type {kind} cannot be written")
    if len(text) > LONGEST.get(kind, len(text)):
        raise ValueError(f"column {column}: {len(text)} characters, a {kind} column takes {LONGEST[kind]}")
    try:
        return _ENCODERS[kind](text)
    except ValueError as error:
        raise ValueError(f"column {column}: {error}") from None


def item_name(draft: ItemDraft) -> str:
    """One line, cut to what a name may hold: what identifies the record is its key column (trap 19)."""
    name = " ".join(draft.name.split())[:LONGEST_NAME]
    if not name:
        raise ValueError("the item has no name")
    return name


def wants_labels(drafts: Sequence[ItemDraft]) -> bool:
    """Whether labels may have to be created, which needs permission to change the board (docs: monday 12)."""
    return any(kind in LABELLED and text for draft in drafts for kind, text in draft.values.values())


# --- from monday.com -----------------------------------------------------------------------------


def board(row: Mapping[str, Any]) -> Board:
    columns = [each for each in _rows(row, "columns") if each.get("id")]
    state = str(row.get("state") or "active")
    return Board(
        id=_id(row),
        name=str(row.get("name") or ""),
        columns=tuple(map(column, columns)),
        groups=tuple(map(group, (each for each in _rows(row, "groups") if not each.get("deleted")))),
        items=_count(row.get("items_count")),
        items_limit=_count(row.get("items_limit")),
        url=str(row.get("url") or ""),
        subitems=next(filter(None, map(_subitems, columns)), ""),
        problem="" if state == "active" else f"the board is {state}",
    )


def _subitems(row: Mapping[str, Any]) -> str:
    """The hidden board that a column of subitems names (docs: monday 13)."""
    settings = row.get("settings")
    if isinstance(settings, str):
        try:
            settings = json.loads(settings)
        except ValueError:
            return ""
    boards = settings.get("boardIds") if isinstance(settings, dict) and row.get("type") == "subtasks" else None
    return str(boards[0]) if isinstance(boards, list) and boards else ""


def column(row: Mapping[str, Any]) -> BoardColumn:
    return BoardColumn(_id(row), str(row.get("title") or ""), str(row.get("type") or ""), row.get("archived") is True)


def group(row: Mapping[str, Any]) -> BoardGroup:
    return BoardGroup(_id(row), str(row.get("title") or ""), row.get("archived") is True)


def item(
    row: Mapping[str, Any], key_column: str, hash_column: str, kinds: Mapping[str, str] | None = None
) -> BoardItem:
    """`kinds`: of the columns whose texts are wanted, by id."""
    texts = {str(each.get("id")): str(each.get("text") or "") for each in _rows(row, "column_values")}
    return BoardItem(
        id=_id(row),
        key=texts.get(key_column, ""),
        hash=texts.get(hash_column, ""),
        name=str(row.get("name") or ""),
        state=str(row.get("state") or "active"),
        group=_nested_id(row.get("group")),
        board=_nested_id(row.get("board")),
        values={column: column_text(kind, texts.get(column, "")) for column, kind in (kinds or {}).items()},
    )


def column_text(kind: str, text: str) -> str:
    """What a column holds, as canonical text: monday.com tells 1860 for 1860.00 (trap 17)."""
    if kind != "numbers" or not text:
        return text
    try:
        number = Decimal(text)
    except InvalidOperation:
        return text
    return f"{number.normalize():f}"


def _rows(row: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    rows = row.get(name)
    return [each for each in rows if isinstance(each, dict)] if isinstance(rows, list) else []


def _id(row: Mapping[str, Any]) -> str:
    """Ids are beyond 32 bits and text in answers (docs: monday 1). Raises ValueError."""
    found = row.get("id")
    if not isinstance(found, str | int) or not str(found):
        raise ValueError("id: missing")
    return str(found)


def _nested_id(row: Any) -> str:
    return str(row.get("id") or "") if isinstance(row, dict) else ""


def _count(value: Any) -> int:
    return value if isinstance(value, int) else 0
