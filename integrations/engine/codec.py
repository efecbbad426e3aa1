"""Canonical records to JSON text and back, and their fingerprints.

Decimals travel as text, dates as ISO text, so that what is stored is exact on every database.
"""

from __future__ import annotations

import hashlib
import json
import types
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

R = TypeVar("R")

#: Moves with every touch of a record without meaning anything to the other side.
VOLATILE = frozenset({"changed_at", "raw_status"})


def _default(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {name: getattr(value, name) for name in _names(type(value))}
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, date):  # datetime too
        return value.isoformat()
    if isinstance(value, frozenset | set):
        return sorted(value)
    raise TypeError(f"no JSON form for {type(value).__name__}")


_encoder = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, default=_default)


def encode(record: Any) -> str:
    """Canonical JSON text of a record: same record, same text."""
    return _encoder.encode(record)


def fingerprint(record: Any) -> str:
    """SHA-256 over everything of a record that matters to the other side."""
    cls: Any = type(record)
    content = {name: getattr(record, name) for name in _names(cls) if name not in VOLATILE}
    return hashlib.sha256(encode(content).encode()).hexdigest()


def decode(cls: type[R], text: str) -> R:
    """The record that `encode` wrote. Members that a newer version added take their defaults."""
    kind: Any = cls
    result: R = _converter(kind)(json.loads(text))
    return result


@cache
def _names(cls: type) -> tuple[str, ...]:
    return tuple(each.name for each in fields(cls))


@cache
def _converter(kind: Any) -> Callable[[Any], Any]:
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        inner = [_converter(each) for each in get_args(kind) if each is not type(None)]
        return lambda value: None if value is None else inner[0](value)
    if origin is tuple:
        element = _converter(get_args(kind)[0])
        return lambda value: tuple([element(each) for each in value])
    if origin is not None or kind in (str, int, bool, float, Any, object):
        return lambda value: value
    if kind is Decimal:
        return Decimal
    if kind is datetime:
        return datetime.fromisoformat
    if kind is date:
        return date.fromisoformat
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind
    if is_dataclass(kind):
        return _dataclass_converter(kind)
    return lambda value: value


def _dataclass_converter(cls: Any) -> Callable[[Any], Any]:
    hints = get_type_hints(cls)
    plain: list[str] = []
    converted: dict[str, Callable[[Any], Any]] = {}
    for name in _names(cls):
        if hints[name] in (str, int, bool):
            plain.append(name)
        else:
            converted[name] = _converter(hints[name])

    def convert(value: dict[str, Any]) -> Any:
        arguments = {name: value[name] for name in plain if name in value}
        for name, function in converted.items():
            if name in value:
                arguments[name] = function(value[name])
        return cls(**arguments)

    return convert
