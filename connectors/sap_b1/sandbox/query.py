"""The query options of a collection: `$filter`, `$orderby`, `$select`, `$top`, `$skip`, `$inlinecount`, `$count`.

Nothing beyond the documented options is understood (docs: sap_b1 4.2); everything else is 400/201.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .errors import bad_query
from .filters import Getter, Test, getter, read_filter
from .schema import Property, Schema
from .tables import Row

OPTIONS = frozenset({"$filter", "$orderby", "$select", "$top", "$skip", "$inlinecount", "$count", "$expand"})


@dataclass
class Query:
    """A request's options, checked. select: None for everything."""

    filter: Test | None
    orderby: list[tuple[Property, bool]]
    select: list[str] | None
    top: int | None
    skip: int
    count: bool

    def rows(self, rows: list[Row]) -> list[Row]:
        """The matching rows in the asked order; nulls come first when ascending."""
        found = rows if self.filter is None else [row for row in rows if self.filter(row)]
        for each, descending in reversed(self.orderby):
            found = sorted(found, key=_sort_key(getter(each, False)), reverse=descending)
        return found


def read_query(schema: Schema, type_name: str, options: Mapping[str, str], *, fold: bool) -> Query:
    """fold: compare text without regard to case."""
    for name in options:
        if name.startswith("$") and name not in OPTIONS:
            raise bad_query(f"Query string error - Invalid query option '{name}'")
    if options.get("$expand"):
        raise bad_query(
            f"Cannot expand invalid navigation property '{options['$expand']}' for entity type '{type_name}'"
        )
    select = [schema.property(type_name, name.strip()).name for name in options.get("$select", "").split(",") if name]
    return Query(
        filter=read_filter(schema, type_name, options["$filter"], fold) if "$filter" in options else None,
        orderby=[_order(schema, type_name, part) for part in options.get("$orderby", "").split(",") if part],
        select=select or None,
        top=_count(options, "$top"),
        skip=_count(options, "$skip") or 0,
        count=_wants_count(options),
    )


def _order(schema: Schema, type_name: str, part: str) -> tuple[Property, bool]:
    words = part.split()
    if not words or words[1:] not in ([], ["asc"], ["desc"]):
        raise bad_query("Query string error - Invalid orderby condition")
    found = schema.property(type_name, words[0])
    if not found.kind:
        raise bad_query("Query string error - Invalid orderby condition")
    return found, words[1:] == ["desc"]


def _sort_key(get: Getter) -> Callable[[Row], tuple[bool, Any]]:
    return lambda row: (False, 0) if (value := get(row)) is None else (True, value)


def _count(options: Mapping[str, str], name: str) -> int | None:
    if name not in options:
        return None
    if not re.fullmatch(r"\d{1,9}", options[name]):
        raise bad_query(f"Query string error - Invalid value for {name}")
    return int(options[name])


def _wants_count(options: Mapping[str, str]) -> bool:
    inline, count = options.get("$inlinecount", "none"), options.get("$count", "false")
    if inline not in ("allpages", "none") or count not in ("true", "false"):
        raise bad_query("Query string error - Invalid value for $inlinecount or $count")
    return inline == "allpages" or count == "true"
