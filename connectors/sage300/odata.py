"""How Sage 300's Web API wants to be asked: literals, keys, filters and options of OData 4. Pure.

docs: sage300 1 (keys), 5 (query options)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from urllib.parse import quote

#: The parts of a record's key by property name, in the order of the API's metadata.
Key = Mapping[str, str | int]

CLAUSES = 15  # a filter; the server's parser refuses long ones (docs: sage300 5) [assumed]

_REFUSED_IN_PATHS = frozenset("<>*%&:\\?/")  # by ASP.NET, however they are encoded [assumed]


def literal(value: str | int | Decimal | date) -> str:
    """A value as a filter or a key writes it. Names of enumerations are texts.

    A date is midnight UTC: Sage's dates are calendar dates, and an offset would move them. Raises TypeError
    for an instant, ValueError for a number that is none.
    """
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise ValueError(f"{value} is no amount")
        return f"{value:f}"
    if isinstance(value, datetime):
        raise TypeError("Sage 300 compares calendar dates, not instants")
    return f"{value.isoformat()}T00:00:00Z"


# --- keys ----------------------------------------------------------------------------------------


def addressable(key: Key) -> bool:
    """Whether the key can stand in a URL. One that cannot is looked up by `key_filter`, and cannot be changed."""
    return all(map(_fits_a_path, key.values()))


def _fits_a_path(value: str | int) -> bool:
    if isinstance(value, int):
        return True
    return bool(value) and value.isprintable() and not _REFUSED_IN_PATHS & set(value)


def address(resource: str, key: Key) -> str:
    """`AP/APVendors('NW-PAPER')`, percent-encoded; the parts of a composite key are named."""
    if len(key) == 1:
        inside = "".join(_encoded(value) for value in key.values())
    else:
        inside = ",".join(f"{name}={_encoded(value)}" for name, value in key.items())
    return f"{resource}({inside})"


def _encoded(value: str | int) -> str:
    return quote(literal(value), safe="'")


def key_filter(key: Key) -> str:
    return both(*(where(name, "eq", value) for name, value in key.items()))


# --- filters -------------------------------------------------------------------------------------


def where(name: str, operator: str, value: str | int | Decimal | date) -> str:
    """One comparison; `operator` is eq, ne, gt, ge, lt or le."""
    return f"{name} {operator} {literal(value)}"


def starts_with(name: str, text: str) -> str:
    return f"startswith({name},{literal(text)})"


def both(*filters: str) -> str:
    """All of them; empty ones say nothing."""
    return " and ".join(each for each in filters if each)


def either(*filters: str) -> str:
    """At least one of them, in parentheses so that it can be combined."""
    return filters[0] if len(filters) == 1 else f"({' or '.join(filters)})"


def any_of(name: str, values: Iterable[str | int], *, beside: int = 0) -> Iterator[str]:
    """Filters that together match every one of the values, none of them too long.

    `beside`: how many comparisons the caller adds to each.
    """
    waiting = list(dict.fromkeys(values))
    size = max(1, CLAUSES - beside)
    for start in range(0, len(waiting), size):
        yield either(*(where(name, "eq", value) for value in waiting[start : start + size]))


# --- options -------------------------------------------------------------------------------------


def query(options: Sequence[tuple[str, str]]) -> str:
    """`?$filter=...&$top=1`, "" for none. Blanks become %20: not every parser reads + as one."""
    text = "&".join(f"{name}={quote(value, safe=_SAFE)}" for name, value in options)
    return f"?{text}" if text else ""


_SAFE = "',():/"
