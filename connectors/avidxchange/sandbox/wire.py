"""Rows with neutral names to wire objects and back, along the dotted paths of a shape."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Row = dict[str, Any]


def pack(row: Mapping[str, Any], paths: Mapping[str, str]) -> dict[str, Any]:
    """The wire object of a row. None at the end of a longer path makes its root null unless it holds something."""
    made: dict[str, Any] = {}
    for name, path in paths.items():
        if name not in row:
            continue
        parts = path.split(".")
        if row[name] is None:
            made.setdefault(parts[0], None)
        else:
            _put(made, parts, row[name])
    return made


def _put(made: dict[str, Any], parts: list[str], value: Any) -> None:
    here = made
    for position, part in enumerate(parts[:-1]):
        if parts[position + 1].isdigit():  # a list of one object
            element: dict[str, Any] = {}
            here[part] = [element]
            here = element
        elif not part.isdigit():
            here[part] = here.get(part) or {}
            here = here[part]
    here[parts[-1]] = value


def unpack(body: Mapping[str, Any], paths: Mapping[str, str]) -> tuple[Row, list[str]]:
    """The row of a wire object, and the wire paths that the shape does not know. Null is absent."""
    names = {path: name for name, path in paths.items()}
    row: Row = {}
    unknown: list[str] = []

    def walk(value: Any, path: str) -> None:
        if path in names:
            row[names[path]] = value
        elif not any(known.startswith(f"{path}.") for known in names) or not isinstance(value, dict | list):
            unknown.append(path)
        else:
            steps = value.items() if isinstance(value, dict) else enumerate(value)
            for step, each in steps:
                step_in(each, str(step), f"{path}.{step}")

    def step_in(value: Any, key: str, path: str) -> None:
        if "." in key:  # a path that was never taken apart
            unknown.append(path)
        elif value is not None:
            walk(value, path)

    for key, each in body.items():
        step_in(each, key, key)
    return row, unknown
