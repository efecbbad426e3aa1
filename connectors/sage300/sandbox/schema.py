"""The properties of every record: names, kinds, lengths, masks, enumerations; how bodies are checked and rows shown.

A row holds what differs from the blank record, in the wire's own form: dates as `2026-11-20T00:00:00Z` or None,
enumerations by name, amounts as Decimal, detail collections as lists of rows. `shapes.json` says where its names
come from.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from .refusals import field as field_refused
from .refusals import payload

Row = dict[str, Any]
KIND = re.compile(r"(?P<letter>[tCN])(?P<length>\d*)$|(?P<plain>[indb])$")
MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2}))?$")
PLAIN = {"i": "int", "n": "number", "d": "date", "b": "flag"}
BLANKS: dict[str, Any] = {"int": 0, "number": 0, "date": None, "flag": False, "text": ""}
ALPHANUMERIC = re.compile(r"[A-Z0-9]*$")
INTEGER_LIMIT = 2**31
# Amounts are BCD*10.3: 19 digits, 3 of them decimals; rates and percentages have more (docs: sage300 data).
AMOUNT_DIGITS, RATE_DIGITS = 3, 7


@dataclass(frozen=True)
class Field:
    name: str
    kind: str  # text, int, number, date, flag, enum
    length: int = 0  # of text, 0 = unlimited
    mask: str = "t"  # t any, C upper case, N upper-case letters and digits
    enum: str = ""
    members: Mapping[str, int] | None = None
    default: Any = None


@dataclass(frozen=True)
class Shape:
    name: str
    keys: tuple[str, ...]
    verbs: frozenset[str]
    fields: Mapping[str, Field]
    detail_names: Mapping[str, str]
    blank: Row
    computed: frozenset[str]  # filled in by the books; a client's value is ignored

    @property
    def details(self) -> Mapping[str, Shape]:
        return {name: SHAPES[shape] for name, shape in self.detail_names.items()}


def _field(text: str, enums: Mapping[str, Mapping[str, int]]) -> Field:
    name, _, kind = text.partition(":")
    found = KIND.match(kind)
    if found and found["plain"]:
        return Field(name, PLAIN[found["plain"]], default=BLANKS[PLAIN[found["plain"]]])
    if found:
        return Field(name, "text", int(found["length"] or 0), found["letter"], default="")
    enum, _, default = kind.partition("=")
    return Field(name, "enum", enum=enum, members=enums[enum], default=default or next(iter(enums[enum])))


def _load() -> tuple[dict[str, dict[str, int]], dict[str, Shape]]:
    data = json.loads(Path(__file__).with_name("shapes.json").read_text(encoding="utf-8"))
    enums = {
        name: members if isinstance(members, dict) else {each: number for number, each in enumerate(members)}
        for name, members in data["enums"].items()
    }
    shapes = {}
    for name, each in data["shapes"].items():
        fields = [_field(text, enums) for line in each["fields"] for text in line.split()]
        shapes[name] = Shape(
            name,
            tuple(each.get("keys", ())),
            frozenset(each.get("verbs", "").split()),
            {one.name: one for one in fields},
            each.get("details", {}),
            {one.name: one.default for one in fields},
            frozenset(name for line in each.get("computed", ()) for name in line.split()),
        )
    return enums, shapes


ENUMS, SHAPES = _load()


# --- bodies ----------------------------------------------------------------------------------------


def check(shape: Shape, body: Any, truncate: bool = False) -> Row:
    """The body in row form, its order kept (docs: sage300 3).

    Raises Refusal InvalidPayload for what the resource does not know at any level, then FieldInvalid for what does
    not fit (over-long text is cut instead if `truncate`).
    """
    return _fit(shape, _known(shape, body, shape.name), truncate)


def _known(shape: Shape, body: Any, path: str) -> Row:
    if not isinstance(body, dict):
        raise payload(f"{path} must be an object")
    row: Row = {}
    for name, value in body.items():
        where = f"{path}.{name}"
        if name in shape.details:
            if not isinstance(value, list):
                raise payload(f"{where} must be a list")
            row[name] = [_known(shape.details[name], each, f"{where}[{i}]") for i, each in enumerate(value)]
        elif name in shape.fields:
            row[name] = _value(shape.fields[name], value, where)
        else:
            raise payload(f"{where} is not a property")
    return row


def _value(field: Field, value: Any, where: str) -> Any:
    right: bool
    if field.kind == "text":
        value = "" if value is None else value
        right = isinstance(value, str)
    elif field.kind == "enum":
        right = isinstance(value, str) and value in (field.members or {})
    elif field.kind == "flag":
        right = isinstance(value, bool)
    elif field.kind == "date":
        right = value is None or (isinstance(value, str) and bool(MOMENT.match(value)))
        return _day(value, where) if right and value is not None else _need(right, where, value)
    elif field.kind == "int":
        right = isinstance(value, int) and not isinstance(value, bool) and abs(value) < INTEGER_LIMIT
    else:
        right = isinstance(value, int | Decimal) and not isinstance(value, bool)
        value = Decimal(value) if right else value
    return _need(right, where, value)


def _need(right: bool, where: str, value: Any) -> Any:
    if not right:
        raise payload(f"{where} has the wrong type or an unknown value")
    return value


def _day(text: str, where: str) -> str:
    """A local offset may move the day: the server thinks in UTC (docs: sage300 3)."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise payload(f"{where} is no date") from None
    return wire(moment.astimezone(UTC).date() if moment.tzinfo else moment.date())


def _fit(shape: Shape, row: Row, truncate: bool) -> Row:
    return {
        name: [_fit(shape.details[name], each, truncate) for each in value]
        if name in shape.details
        else _fitting(shape.fields[name], value, truncate)
        for name, value in row.items()
    }


def _fitting(field: Field, value: Any, truncate: bool) -> Any:
    if field.kind == "number":
        digits = RATE_DIGITS if any(word in field.name for word in ("Rate", "Percent")) else AMOUNT_DIGITS
        if abs(value) >= Decimal(10) ** 16 or value != round(value, digits):
            raise field_refused("digits", field=field.name)
        return value
    if field.kind != "text":
        return value
    text: str = value.rstrip()
    if field.mask != "t":
        text = text.strip().upper()
    if field.length and len(text) > field.length:
        if not truncate:
            raise field_refused("too_long", field=field.name, length=field.length)
        text = text[: field.length].rstrip()
    if field.mask == "N" and not ALPHANUMERIC.match(text):
        raise field_refused("characters", field=field.name)
    return text


# --- rows ------------------------------------------------------------------------------------------


def show(shape: Shape, row: Row, only: frozenset[str] | None = None, lean: bool = False, padded: bool = False) -> Row:
    """The record as sent: every property and detail (or `only` those), blanks filled in unless `lean`.

    padded: texts are filled with blanks to their length, optional-field values from the left (docs: sage300 13).
    """
    full: Row = dict(row) if lean else {**shape.blank, **row}
    if only is not None:
        full = {
            name: full.get(name, shape.blank.get(name)) for name in [*shape.blank, *shape.detail_names] if name in only
        }
    for name, detail in shape.details.items():
        if only is None or name in only:
            full[name] = [show(detail, each, None, lean, padded) for each in row.get(name, ())]
    if padded:
        for name in full.keys() & shape.fields.keys():
            field = shape.fields[name]
            if field.kind == "text" and field.length and full[name]:
                full[name] = full[name].rjust(60) if name == "Value" else full[name].ljust(field.length)
    return full


def wire(day: date) -> str:
    return f"{day.isoformat()}T00:00:00Z"


def day(text: str) -> date:
    """The date of a wire value."""
    return date.fromisoformat(text[:10])
