"""Column types that need nothing but the value: texts, numbers, dates, addresses (docs: monday 12)."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from .kinds import Bad, Kind, Write, members, string
from .model import Column

ACCOUNT_ZONE = ZoneInfo("America/New_York")  # a date written with a time is read back in this zone
LONG_TEXT_LIMIT = 2_000  # [assumed]


class Text(Kind):
    typename = "TextValue"
    clears = ("",)

    def read(self, raw: Any, column: Column, write: Write) -> str | None:
        if not isinstance(raw, str):
            raise Bad("a text must be a string")
        return " ".join(raw.split()) or None


class LongText(Kind):
    typename = "LongTextValue"
    clears = ({"text": ""}, "")

    def read(self, raw: Any, column: Column, write: Write) -> str:
        text = members(raw, {"text"}).get("text") if isinstance(raw, dict) else raw
        if not isinstance(text, str):
            raise Bad("a long text must be a string")
        if len(text) > LONG_TEXT_LIMIT:
            raise Bad(f"a long text has at most {LONG_TEXT_LIMIT} characters")
        return text

    def more(self, kept: Any, column: Column) -> dict[str, Any]:
        return {"updated_at": None}


class Numbers(Kind):
    typename = "NumbersValue"
    clears = ("",)

    def read(self, raw: Any, column: Column, write: Write) -> str:
        if not isinstance(raw, str) or not re.fullmatch(r"-?\d+(\.\d+)?", raw):
            raise Bad("a number must be a string of digits with a dot")
        return format(Decimal(raw).normalize(), "f")

    def more(self, kept: Any, column: Column) -> dict[str, Any]:
        return {"number": None if kept is None else float(kept), "symbol": "", "direction": None}


class Day(Kind):
    typename = "DateValue"
    clears = ({}, None, "")

    def read(self, raw: Any, column: Column, write: Write) -> dict[str, str]:
        given = {"date": raw} if isinstance(raw, str) else members(raw, {"date", "time"})
        try:
            day = date.fromisoformat(string(given, "date", r"\d{4}-\d\d-\d\d"))
            if given.get("time") is None:
                return {"date": day.isoformat()}
            at = datetime.combine(day, time.fromisoformat(string(given, "time", r"\d\d:\d\d:\d\d")), UTC)
        except ValueError:
            raise Bad("a date must be YYYY-MM-DD, a time HH:MM:SS") from None
        local = at.astimezone(ACCOUNT_ZONE)
        return {"date": local.date().isoformat(), "time": f"{local:%H:%M}"}

    def text(self, kept: Any, column: Column) -> str:
        return " ".join((kept or {}).values())

    def more(self, kept: Any, column: Column) -> dict[str, Any]:
        kept = kept or {"date": "", "time": ""}
        return {"date": kept["date"], "time": kept.get("time", ""), "icon": None, "updated_at": None}


class Email(Kind):
    typename = "EmailValue"
    clears = ({"email": "", "text": ""}, None, "")

    def read(self, raw: Any, column: Column, write: Write) -> dict[str, str]:
        given = members({"email": raw, "text": raw} if isinstance(raw, str) else raw, {"email", "text"})
        email = string(given, "email", r"[^@\s]+@[^@\s]+\.[^@\s]+")
        return {"email": email, "text": string(given, "text") or email}

    def text(self, kept: Any, column: Column) -> str:
        return kept["text"] if kept else ""

    def more(self, kept: Any, column: Column) -> dict[str, Any]:
        kept = kept or {"email": None, "text": None}
        return {"email": kept["email"], "label": kept["text"], "updated_at": None}


class Phone(Kind):
    typename = "PhoneValue"
    clears = ({"phone": "", "countryShortName": ""}, None, "")

    def read(self, raw: Any, column: Column, write: Write) -> dict[str, str]:
        if isinstance(raw, str):
            number, _, country = raw.rpartition(" ")
            raw = {"phone": number, "countryShortName": country}
        given = members(raw, {"phone", "countryShortName"})
        return {
            "phone": string(given, "phone", r"\+?[\d ().-]{3,30}"),
            "country": string(given, "countryShortName", r"[A-Z]{2}"),
        }

    def text(self, kept: Any, column: Column) -> str:
        return kept["phone"] if kept else ""

    def more(self, kept: Any, column: Column) -> dict[str, Any]:
        kept = kept or {"phone": None, "country": None}
        return {"phone": kept["phone"], "country_short_name": kept["country"], "updated_at": None}


class Link(Kind):
    typename = "LinkValue"

    def read(self, raw: Any, column: Column, write: Write) -> dict[str, str]:
        if isinstance(raw, str):
            url, _, text = raw.partition(" ")
            raw = {"url": url, "text": text}
        given = members(raw, {"url", "text"})
        url = string(given, "url", r"https?://\S+")
        return {"url": url, "text": string(given, "text") or url}

    def text(self, kept: Any, column: Column) -> str:
        return f"{kept['text']} - {kept['url']}" if kept else ""

    def more(self, kept: Any, column: Column) -> dict[str, Any]:
        kept = kept or {"url": None, "text": None}
        return {"url": kept["url"], "url_text": kept["text"], "updated_at": None}


class Checkbox(Kind):
    typename = "CheckboxValue"
    clears = (None, "")

    def read(self, raw: Any, column: Column, write: Write) -> bool | None:
        checked = raw if isinstance(raw, str) else members(raw, {"checked"}).get("checked")
        if checked not in ("true", "false"):
            raise Bad('a checkbox takes {"checked":"true"}')
        kept: bool | None = True if checked == "true" else write.current  # "false" does not uncheck
        return kept

    def text(self, kept: Any, column: Column) -> str:
        return "v" if kept else ""

    def more(self, kept: Any, column: Column) -> dict[str, Any]:
        return {"checked": bool(kept), "updated_at": None}
