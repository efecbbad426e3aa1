"""How a collection is cut: page 20, `Prefer: odata.maxpagesize`, `nextLink` by `$skip` (docs: sap_b1 4.3)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote

from werkzeug.datastructures import Headers

from .errors import bad_query
from .query import Query
from .tables import Row

PAGE_SIZE = 20
SAFE = "'(),:$"  # what a link leaves unescaped in a value
_PREFERENCE = re.compile(r"odata\.maxpagesize\s*=\s*(-?\d+)")


def page_size(headers: Headers, largest: int) -> tuple[int, str]:
    """(rows per page, value of `Preference-Applied`); 0 rows for no paging. largest: clamps a preference, 0 never."""
    asked = _PREFERENCE.search(headers.get("Prefer", ""))
    if asked is None:
        return _configured(headers.get("B1S-PageSize", "")), ""
    size = int(asked[1])
    if size < 0:
        raise bad_query("Query string error - Invalid value for odata.maxpagesize")
    if largest and not 0 < size <= largest:
        size = largest
    return size, f"odata.maxpagesize={size}"


def cut(rows: list[Row], query: Query, size: int) -> tuple[list[Row], dict[str, str] | None]:
    """One page and the options the next link changes, None for no link. A full last page has a link all the same."""
    rest = rows[query.skip :]
    if query.top is not None and (not size or query.top <= size):
        return rest[: query.top], None
    if not size:
        return rest, None
    page = rest[:size]
    if len(page) < size:
        return page, None
    changed = {"$skip": str(query.skip + size)}
    return page, changed if query.top is None else {"$top": str(query.top - size), **changed}


def next_link(entity_set: str, options: Mapping[str, str], changed: Mapping[str, str]) -> str:
    """Relative to the service root: every option of the request with `$skip` last."""
    kept = {name: value for name, value in options.items() if name != "$skip"}
    merged = {**kept, **changed}
    return f"{entity_set}?" + "&".join(f"{name}={quote(value, safe=SAFE)}" for name, value in merged.items())


def _configured(header: str) -> int:
    return int(header) if header.isdigit() else PAGE_SIZE
