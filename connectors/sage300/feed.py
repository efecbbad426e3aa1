"""Lists that come in pages whose size the site decides. Pure but for the pages that are asked for.

docs: sage300 3 (markers), 5 (paging)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from ..errors import BadAnswer

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Listing:
    """One page. `total` counts all matches (when asked for), `following` is the next link's offset, if there is one."""

    rows: list[Row]
    total: int | None
    following: int | None


def listing(data: Row, resource: str, skip: int) -> Listing:
    """The page in an answer that was asked for from `skip` on. Raises BadAnswer."""
    rows = data.get("value")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise BadAnswer(f"Sage 300 answered the list {resource} without a list of records.")
    link = _marked(data, "nextLink")
    return Listing(rows, _number(_marked(data, "count")), _offset(link, skip + len(rows)) if link else None)


def walk(page: Callable[[int], Listing], key: Sequence[str], resource: str) -> Iterator[Row]:
    """All rows from the first page on, each once: pages shift while others work.

    The end is where no next link follows. At a site that sends none it is where as many were read as were
    counted, or, if nothing was counted, a page shorter than the first. Raises BadAnswer.
    """
    skip, seen = 0, set[tuple[str, ...]]()
    here = page(0)
    total, full, linked = here.total, len(here.rows), False
    while True:
        known = len(seen)
        for row in here.rows:
            identity = _identity(row, key, resource)
            if identity not in seen:
                seen.add(identity)
                yield row
        end = skip + len(here.rows)
        linked = linked or here.following is not None
        if here.following is not None:
            following = here.following
        elif linked or not here.rows or (len(here.rows) < full if total is None else end >= total):
            return
        else:
            following = end
        if following <= skip or (not linked and len(seen) == known):
            raise BadAnswer(f"Sage 300's list {resource} leads back to a page that was read already.")
        skip = following
        here = page(skip)


def _identity(row: Row, key: Sequence[str], resource: str) -> tuple[str, ...]:
    if any(row.get(name) is None for name in key):
        raise BadAnswer(f"Sage 300 answered the list {resource} with a record without its key.")
    return tuple(str(row[name]) for name in key)


def _marked(data: Row, name: str) -> Any:
    """The feed's own markers: `@odata.count` on the wire, `odata.count` in the manual."""
    return data.get(f"@odata.{name}", data.get(f"odata.{name}"))


def _number(value: Any) -> int | None:
    try:
        return int(value)
    except (TypeError, ValueError):
        return None


def _offset(link: Any, otherwise: int) -> int:
    """All that counts of a next link, which may name a host that only the server's network knows."""
    skip = parse_qs(urlsplit(str(link)).query).get("$skip", [""])[0]
    return int(skip) if skip.isdecimal() else otherwise
