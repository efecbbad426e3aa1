"""The text of a list's `filters`: clauses `field:op:value`, joined by commas that mean AND (docs: bill 5).

No escape syntax is known for commas, colons and quotes in values. Only ids, flags and times are filtered
on; free text such as names and invoice numbers is compared here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime

_ID = re.compile(r"[A-Za-z0-9]+")

#: The two ways in which members of `in` may have to be quoted: the vendor's page shows the second.
EACH, TOGETHER = "each", "together"


def equal(field: str, value: str | bool) -> str:
    """`archived:eq:false`, `id:eq:009...`: plain values stand unquoted."""
    return f"{field}:eq:{_id(value) if isinstance(value, str) else str(value).lower()}"


def since(field: str, moment: datetime) -> str:
    """`updatedTime:gte:"2026-11-20T15:04:05.006+00:00"`."""
    return f'{field}:gte:"{instant(moment)}"'


def instant(moment: datetime) -> str:
    """`2026-11-20T15:04:05.006+00:00`: milliseconds, an offset, rounded down (docs: bill 13.1)."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")


def one_of(field: str, ids: Sequence[str], quoting: str) -> str:
    members = [_id(each) for each in ids]
    if quoting == EACH:
        return f"{field}:in:" + ",".join(f'"{each}"' for each in members)
    return f'{field}:in:"{",".join(members)}"'


def every(*clauses: str) -> str:
    return ",".join(filter(None, clauses))


def is_id(text: str) -> bool:
    """Whether the text can be an id of BILL's, and so stand in a filter or a path."""
    return bool(_ID.fullmatch(text))


def _id(text: str) -> str:
    if not is_id(text):
        raise ValueError(f"not an id of BILL's: {text!r}")
    return text
