"""Query options of lists and single records, paging and next links (docs: sage300 5, 15.7-15.9)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from werkzeug.datastructures import MultiDict

from .filters import Test, bad, compile_filter
from .schema import Row, Shape

KNOWN = ("$filter", "$select", "$orderby", "$top", "$skip", "$count")


@dataclass(frozen=True)
class Query:
    given: dict[str, str]
    select: frozenset[str] | None = None
    test: Test | None = None
    order: tuple[str, bool] | None = None  # property, descending
    top: int | None = None
    skip: int = 0
    count: bool = False


@dataclass(frozen=True)
class Page:
    rows: list[Row]
    total: int
    following: str  # the query string of the next page, "" on the last one


def read(args: MultiDict[str, str], shape: Shape) -> Query:
    """Raises Refusal InvalidParameters for an unknown, repeated or malformed option."""
    given = {}
    for name, values in args.lists():
        if not name.startswith("$"):
            continue
        if name not in KNOWN:
            raise bad(f"{name} is not supported")
        if len(values) > 1:
            raise bad(f"{name} is given twice")
        given[name] = values[0]
    count = given.get("$count", "false")
    if count not in ("true", "false"):
        raise bad("$count is true or false")
    return Query(
        given,
        select=_select(given["$select"], shape) if "$select" in given else None,
        test=compile_filter(given["$filter"], shape) if "$filter" in given else None,
        order=_order(given["$orderby"], shape) if "$orderby" in given else None,
        top=_natural("$top", given),
        skip=_natural("$skip", given) or 0,
        count=count == "true",
    )


def page(rows: Iterable[Row], query: Query, shape: Shape, size: int) -> Page:
    """At most `size` rows, whatever `$top` says; `rows` come in the order of their key."""
    found = [row for row in rows if query.test(row)] if query.test else list(rows)
    if query.order:
        name, descending = query.order
        blank = shape.blank[name]
        found.sort(key=lambda row: _sortable(row.get(name, blank)), reverse=descending)
    end = len(found) if query.top is None else min(len(found), query.skip + query.top)
    shown = found[query.skip : min(end, query.skip + size)]
    after = query.skip + len(shown)
    return Page(shown, len(found), _following(query, after) if shown and after < end else "")


def _following(query: Query, skip: int) -> str:
    changes = {"$skip": str(skip)}
    if query.top is not None:
        changes["$top"] = str(query.top - (skip - query.skip))
    return "&".join(f"{name}={quote(value, safe='')}" for name, value in {**query.given, **changes}.items())


def _sortable(value: Any) -> tuple[bool, Any]:
    return (value is not None, value)


def _select(text: str, shape: Shape) -> frozenset[str]:
    names = frozenset(name.strip() for name in text.split(","))
    unknown = names - shape.fields.keys() - shape.detail_names.keys()
    if unknown:
        raise bad(f"$select: {', '.join(sorted(unknown))}")
    return names


def _order(text: str, shape: Shape) -> tuple[str, bool]:
    """One property: more have not been seen to work (docs: sage300 5)."""
    name, _, direction = text.strip().partition(" ")
    if name not in shape.fields or direction.strip() not in ("", "asc", "desc"):
        raise bad(f"$orderby: {text}")
    return name, direction.strip() == "desc"


def _natural(name: str, given: dict[str, str]) -> int | None:
    """`$top=0` and `$skip=0` are accepted (docs: sage300 15b)."""
    if name not in given:
        return None
    text = given[name].strip()
    if not (text.isascii() and text.isdigit()):
        raise bad(f"{name} must be a positive integer")
    return int(text)


def entry(query: Query) -> Query:
    """A single record takes `$select` alone."""
    if query.given.keys() - {"$select"}:
        raise bad("a single record takes $select only")
    return replace(query, given={})
