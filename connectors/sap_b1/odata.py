"""The spelling of keys, literals, dates and links in both OData dialects of the Service Layer. Pure.

docs: sap_b1 4.1, 4.2 (literals, dates), 4.3 (links), 5 (keys)
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from typing import Any
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from ..errors import BadAnswer

_SERVICE_ROOT = re.compile(r"^.*?/b1s/v[12]/")
_UNQUOTED = "'(),:$"  # characters that a query may show as they are


def text(value: str) -> str:
    """A string literal: V10'A -> 'V10''A'."""
    return "'" + value.replace("'", "''") + "'"


def day(value: date) -> str:
    """A date literal for $filter, valid in both versions: '2026-03-31'."""
    return f"'{value:%Y-%m-%d}'"


def literal(value: Any) -> str:
    """A number, text or date as $filter wants it; integers bare."""
    if isinstance(value, str):
        return text(value)
    return day(value) if isinstance(value, date) else str(value)


def key(entity: str, value: int | str) -> str:
    """The path of one entity: PurchaseInvoices(91), BusinessPartners('V10%27%27A')."""
    if isinstance(value, int):
        return f"{entity}({value})"
    return f"{entity}('{quote(text(value)[1:-1], safe='')}')"


def body_date(value: date, version: int) -> str:
    """A date in a JSON body: 2026-03-31 in v1, 2026-03-31T00:00:00Z in v2."""
    return f"{value:%Y-%m-%d}" if version == 1 else f"{value:%Y-%m-%d}T00:00:00Z"


def parse_day(value: Any) -> date | None:
    """The date that the first ten characters name, no zone being shifted; None for null. Raises ValueError."""
    return date.fromisoformat(str(value)[:10]) if value else None


def query(options: Sequence[tuple[str, str]]) -> str:
    """The query string of those options that are not empty, spaces as %20: a + is not a space everywhere."""
    return "&".join(f"{name}={quote(value, safe=_UNQUOTED)}" for name, value in options if value)


def next_link(answer: dict[str, Any]) -> str:
    """The link to the next page as the server spelt it, "" on the last page."""
    link = answer.get("odata.nextLink") or answer.get("@odata.nextLink")
    return link if isinstance(link, str) else ""


def resolve(base: str, link: str) -> str:
    """The absolute address of a link that is relative to the service root `base`, to its host, or absolute.

    A server behind a hosting partner's path does not know that path: what follows its own `/b1s/v1/` goes
    below our base. Raises BadAnswer for an address elsewhere: the session's cookies go with the request.
    """
    home = urlsplit(base)
    try:
        there = urlsplit(urljoin(f"{base}/", link.replace("#", "%23")))  # '##' is a currency, never a fragment
        elsewhere = _origin(there) != _origin(home)
    except ValueError:
        raise BadAnswer("SAP Business One answered a list with a link that is no address.") from None
    path = there.path
    if not path.startswith(f"{home.path}/"):
        path = _SERVICE_ROOT.sub(f"{home.path}/", path)
    if elsewhere or not path.startswith(f"{home.path}/"):
        raise BadAnswer("SAP Business One answered a list with a link that leads away from the base URL.")
    return home._replace(path=path, query=there.query).geturl()


def _origin(url: SplitResult) -> tuple[str, str | None, int]:
    return url.scheme, url.hostname, url.port or (443 if url.scheme == "https" else 80)
