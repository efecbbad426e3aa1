"""What the server knows about its types: names, EDM types, enumerations, read-only flags, by schema mode.

`Schema("9.3")` lacks what later releases added (`PaidToDate`, `DraftKey`, ...); `Schema("10.0")` has it. User-defined
fields (`U_*`) are learnt from the rows of `UserFieldsMD`. The data is `schema.json` (see README.md).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from .errors import Refused, bad_query
from .tables import Row

MODES = ("9.3", "10.0")
USER_FIELD_TYPES = {"db_Numeric": "Edm.Int32", "db_Float": "Edm.Double", "db_Date": "Edm.DateTime"}
_V1_DATE = re.compile(r"\d{4}-\d\d-\d\d(T[\d:.]+Z?)?")
_V2_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_TIME = re.compile(r"\d\d:\d\d(:\d\d)?")


@dataclass(frozen=True)
class Property:
    """type: "Edm.Int32", an enumeration or a complex type. many: a collection of it."""

    name: str
    type: str
    many: bool = False
    read_only: bool = False
    nullable: bool = True
    default: str | None = None

    @cached_property
    def kind(self) -> str:
        """How a filter compares it: number, date, time, text, enum, or "" when it cannot."""
        if self.many or self.type in _data()["types"]:
            return ""
        kinds = {"Edm.Int32": "number", "Edm.Double": "number", "Edm.DateTime": "date", "Edm.Time": "time"}
        return "enum" if self.type in _data()["enums"] else kinds.get(self.type, "text")

    @cached_property
    def blank(self) -> Any:
        """What a row that says nothing holds: the default member of an enumeration, no items, or null."""
        if self.many:
            return []
        members = _data()["enums"].get(self.type)
        if members is None or self.default is None:
            return None
        return next((name for name, value in members.items() if value == self.default), None)


@dataclass(frozen=True)
class SetInfo:
    type: str
    table: str


class Schema:
    """One mode of the schema. Not thread-safe: the sandbox holds its lock."""

    def __init__(self, mode: str = "10.0") -> None:
        if mode not in MODES:
            raise ValueError(f"schema must be one of {', '.join(MODES)}")
        self.mode = mode
        data = _data()
        absent = "n" if mode == "9.3" else "o"
        self.enums: dict[str, dict[str, str | None]] = data["enums"]
        self.types: dict[str, dict[str, Property]] = {}
        self.keys: dict[str, list[str]] = {}
        for name, entry in data["types"].items():
            known = [each for each in entry["properties"] if absent not in "".join(each[2:3])]
            if known or not entry["properties"]:
                self.types[name] = {each[0]: _property(*each) for each in known}
                self.keys[name] = entry["key"]
        self.sets = {
            name: SetInfo(entry[0], entry[1]) for name, entry in data["sets"].items() if absent not in entry[2:]
        }
        self.functions: dict[str, list[Any]] = data["functions"]
        self.bound: list[list[Any]] = data["bound"]
        self._user_fields: tuple[tuple[str, str, str], ...] = ()

    def learn(self, fields: Iterable[Row]) -> None:
        """Take up the user-defined fields of these `UserFieldsMD` rows, forget the ones that are gone."""
        current = tuple((row["TableName"], "U_" + row["Name"], row.get("Type", "db_Alpha")) for row in fields)
        if current == self._user_fields:
            return
        for properties in self.types.values():
            for name in [name for name in properties if name.startswith("U_")]:
                del properties[name]
        owners = {info.table: info.type for info in self.sets.values()}
        for table, name, kind in current:
            if table in owners:
                self.types[owners[table]][name] = Property(name, USER_FIELD_TYPES.get(kind, "Edm.String"))
        self._user_fields = current

    def property(self, type_name: str, name: str) -> Property:
        """For a query option; an unknown name is 400/201."""
        found = self.types[type_name].get(name)
        if found is None:
            raise bad_query(f"Property '{name}' is invalid")
        return found

    def member(self, enum: str, value: Any) -> str | None:
        """The member's name for a name or a database value, None when it is neither."""
        members = self.enums[enum]
        if value in members:
            return str(value)
        return next((name for name, stored in members.items() if stored is not None and stored == value), None)

    # --- bodies ----------------------------------------------------------------------------------

    def accept(self, type_name: str, body: Mapping[str, Any], version: int) -> Row:
        """A body in canonical form: unknown properties are -1000, read-only ones are dropped, bad enum values -1004."""
        properties = self.types[type_name]
        accepted = {}
        for name, value in body.items():
            if name.startswith(("odata.", "@odata.")):
                continue
            if name not in properties:
                raise _invalid(name, type_name)
            if not properties[name].read_only:
                accepted[name] = self._value(properties[name], value, type_name, version)
        return accepted

    def _value(self, each: Property, value: Any, owner: str, version: int) -> Any:
        if each.many:
            if not isinstance(value, list):
                raise _invalid(each.name, owner)
            return [self._item(each, item, owner, version) for item in value]
        return None if value is None else self._item(each, value, owner, version)

    def _item(self, each: Property, value: Any, owner: str, version: int) -> Any:
        if each.type in self.types:
            if not isinstance(value, dict):
                raise _invalid(each.name, owner)
            return self.accept(each.type, value, version) if self.types[each.type] else value
        if each.type in self.enums:
            return self._named(each, value)
        read = _READERS[each.type](value, version)
        if read is None:
            raise _invalid(each.name, owner)
        return read

    def _named(self, each: Property, value: Any) -> str:
        name = self.member(each.type, value)
        if name is None:
            valid = ", ".join(f"'{value}' - '{name}'" for name, value in self.enums[each.type].items())
            text = f"'{value}' is not a valid value for property '{each.name}'. The valid values are: {valid}"
            raise Refused(400, -1004, text)
        return name


def _property(name: str, type_name: str, flags: str = "", default: str | None = None) -> Property:
    inner = type_name.removeprefix("Collection(").removesuffix(")")
    return Property(name, inner, inner != type_name, "r" in flags, "k" not in flags, default)


def _invalid(name: str, owner: str) -> Refused:
    return Refused(400, -1000, f"Property '{name}' of '{owner}' is invalid")


def _integer(value: Any, _version: int) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _number(value: Any, _version: int) -> int | Decimal | None:
    return value if isinstance(value, int | Decimal) and not isinstance(value, bool) else None


def _text(value: Any, _version: int) -> str | None:
    return value if isinstance(value, str) else None


def _date(value: Any, version: int) -> str | None:
    """v1 takes a date with or without time, v2 a date-time with its offset; the day counts as written."""
    form = _V1_DATE if version == 1 else _V2_DATE
    return value[:10] if isinstance(value, str) and form.fullmatch(value) else None


def _time(value: Any, _version: int) -> str | None:
    return (value + ":00")[:8] if isinstance(value, str) and _TIME.fullmatch(value) else None


_READERS = {
    "Edm.Int32": _integer,
    "Edm.Double": _number,
    "Edm.String": _text,
    "Edm.DateTime": _date,
    "Edm.Time": _time,
}


@cache
def _data() -> dict[str, Any]:
    data: dict[str, Any] = json.loads(Path(__file__).with_name("schema.json").read_text(encoding="utf-8"))
    return data
