"""How a wrong name is answered: with the right ones."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

SHOWN = 12  # names listed before "and n more"


def unknown(what: str, name: str, known: Iterable[str]) -> str:
    """ "unknown tenant 'acmee', did you mean 'acme'? Known: acme, beta" for any kind of thing."""
    names = sorted(known)
    if not names:
        return f"unknown {what} '{name}'; there is none yet"
    folded = {each.casefold(): each for each in names}
    close = get_close_matches(name.casefold(), folded, n=1, cutoff=0.5)
    hint = f", did you mean '{folded[close[0]]}'?" if close else "."
    return f"unknown {what} '{name}'{hint} Known: {listed(names)}"


def listed(names: Iterable[str], limit: int = SHOWN) -> str:
    """The names with commas, at most `limit` of them."""
    names = list(names)
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more
