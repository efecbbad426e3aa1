"""What the protocol serves and the ledger fills: entity sets of canonical rows.

A canonical row holds enum member names, dates as "YYYY-MM-DD", times as "HH:MM:SS", numbers as int or Decimal,
and collections as lists of such rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Row = dict[str, Any]
Key = int | str


@dataclass
class EntitySet:
    """One set, e.g. `EntitySet("PurchaseInvoices", "Document", "DocEntry", rows)`.

    rows: by key; insertion order is the server's own order. What a set cannot do (create, patch, delete, a bound
    action) is refused with -5006. The functions get bodies of known, writable properties in canonical form and may
    raise `errors.Refused`; `create` answers the new row, or a `Diverted` one. etag: `If-Match` counts.
    """

    name: str
    type: str
    key: str
    rows: dict[Any, Row]
    create: Callable[[Row], Row | Diverted] | None = None
    patch: Callable[[Any, Row], None] | None = None
    delete: Callable[[Any], None] | None = None
    bound: dict[str, Callable[[Any], None]] = field(default_factory=dict)
    etag: bool = False


@dataclass
class Diverted:
    """A POST whose document became a draft elsewhere: `location` is that draft's path, e.g. "Drafts(7)"."""

    row: Row
    entity_set: str
    location: str
