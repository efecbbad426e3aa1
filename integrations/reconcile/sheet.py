"""Differences as a table for a spreadsheet."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable

from .result import Difference

COLUMNS = ("kind", "document", "key", "source", "target", "difference", "message")
AMOUNTS = ("source", "target", "difference")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")


def as_csv(differences: Iterable[Difference]) -> str:
    """RFC 4180 with a header; cells that a spreadsheet would take for a formula get an apostrophe in front."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for each in differences:
        cells = each.as_json()
        writer.writerow([_cell(cells[name], amount=name in AMOUNTS) for name in COLUMNS])
    return text.getvalue()


def _cell(text: str, *, amount: bool) -> str:
    """An amount such as -12.50 stays a number."""
    harmless = not text.startswith(("=", "+", "-", "@", "\t", "\r")) or (amount and _NUMBER.fullmatch(text))
    return text if harmless else f"'{text}"
