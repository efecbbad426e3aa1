"""Durations, instants and amounts as people write and read them."""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

_UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
_WORDS = {"hourly": 3600, "daily": 86400}


def parse_duration(text: str) -> int:
    """Seconds in `15m`, `1h 30m`, `hourly`, `daily`, `90` (seconds). Raises ValueError."""
    compact = text.replace(" ", "").lower()
    if compact in _WORDS:
        return _WORDS[compact]
    if re.fullmatch(r"[0-9]{1,9}", compact):
        return int(compact)
    if not re.fullmatch(r"([0-9]{1,9}[dhms])+", compact):
        raise ValueError(f"{text!r} is not a duration; write 15m, 1h or daily")
    return sum(int(number) * _UNITS[unit] for number, unit in re.findall(r"(\d+)([dhms])", compact))


def format_duration(seconds: int) -> str:
    """`15m`, `1h 30m`, `1d`: what `parse_duration` reads back to the same seconds."""
    parts = []
    for unit, size in _UNITS.items():
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count}{unit}")
    return " ".join(parts) or "0s"


def format_money(amount_minor: int | None, currency: str) -> str:
    """To the cent, with separators: `1,234.50 USD`. "" when there is no amount."""
    if amount_minor is None:
        return ""
    return f"{Decimal(amount_minor).scaleb(-2):,.2f} {currency}".rstrip()


def clock_time(at: datetime | None, zone: str, now: datetime) -> str:
    """`14:15`, on another day `Nov 19, 14:15`, in the tenant's time zone. "" when there is no instant."""
    if at is None:
        return ""
    local, today = at.astimezone(ZoneInfo(zone)), now.astimezone(ZoneInfo(zone)).date()
    time = f"{local:%H:%M}"
    if local.date() == today:
        return time
    day = f"{local:%b} {local.day}" + (f", {local.year}" if local.year != today.year else "")
    return f"{day}, {time}"
