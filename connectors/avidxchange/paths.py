"""Dotted paths into JSON: `EnterpriseCodeGroups.0.CodeGroupName`; digits index lists. docs: avidxchange 11"""

from __future__ import annotations

from itertools import pairwise
from typing import Any


def get(record: Any, path: str) -> Any:
    """What stands there, None where nothing does. A lone object passes for the list that it should be in: gateways
    that speak XML inside deliver lists of one so."""
    for name in path.split(".") if path else ():
        if name.isdecimal():
            elements = listed(record)
            record = elements[int(name)] if int(name) < len(elements) else None
        else:
            record = record.get(name) if isinstance(record, dict) else None
    return record


def first(record: Any, candidates: list[str]) -> Any:
    """The first of several paths that hits something."""
    return next((found for path in candidates if (found := get(record, path)) is not None), None)


def put(record: dict[str, Any], path: str, value: Any) -> None:
    """Write there, making objects and lists of one on the way."""
    names = path.split(".")
    place: Any = record
    for name, following in pairwise(names):
        fresh: Any = [{}] if following.isdecimal() else {}
        place = place[int(name)] if name.isdecimal() else place.setdefault(name, fresh)
    place[int(names[-1]) if names[-1].isdecimal() else names[-1]] = value


def listed(value: Any) -> list[Any]:
    """A list, also of one element that came without its list, and of nothing."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
