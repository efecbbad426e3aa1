"""A place in the file: its value, its path for messages, and the list that all errors are collected in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from integrations.display import parse_duration
from integrations.wording import unknown

from .reading import fill

_BOOLEANS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
LONGEST = 31 * 86400  # seconds between two runs


@dataclass(slots=True)
class Reading:
    """What one reading of a file shares: the environment, the folder that file names start at, what was found wrong.

    An error forbids to use the file; a remark is only told.
    """

    environ: Mapping[str, str]
    folder: Path
    errors: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Node:
    """Asks for what should be there. What is not adds an error and answers with something harmless."""

    value: Any
    path: str
    reading: Reading

    def error(self, message: str) -> None:
        line = f"{self.path}: {message}" if self.path else message
        if line not in self.reading.errors:  # several readers of one place say it once
            self.reading.errors.append(line)

    def remark(self, message: str) -> None:
        self.reading.remarks.append(f"{self.path}: {message}")

    def __contains__(self, name: str) -> bool:
        return isinstance(self.value, dict) and self.value.get(name) is not None

    def child(self, name: str) -> Node:
        value = self.value.get(name) if isinstance(self.value, dict) else None
        return Node(value, f"{self.path}.{name}" if self.path else name, self.reading)

    # --- several ---------------------------------------------------------------------------------

    def items(self) -> Iterator[tuple[str, Node]]:
        """Name and value of each member; an error unless this is a mapping (or nothing)."""
        if self.value is not None and not isinstance(self.value, dict):
            self.error("must be `name: value` lines")
        elif self.value:
            for name in self.value:
                yield name, self.child(name)

    def elements(self) -> Iterator[Node]:
        if self.value is not None and not isinstance(self.value, list):
            self.error("must be a list")
        elif self.value:
            for number, value in enumerate(self.value):
                yield Node(value, f"{self.path}[{number}]", self.reading)

    def only(self, known: Iterable[str], what: str = "entry") -> Node:
        """Complain about members that mean nothing here."""
        known = list(known)
        for name, child in self.items():
            if name not in known:
                child.error(unknown(what, name, known))
        return self

    # --- one -------------------------------------------------------------------------------------

    def text(self, *, required: bool = False, pattern: str = "", longest: int = 200, lines: bool = False) -> str:
        """The text with ${NAME} filled in, "" when there is none. `pattern` must match all of it."""
        if isinstance(self.value, dict | list):
            self.error("must be a single value")
            return ""
        filled, missing = fill(self.value or "", self.reading.environ)
        for name in missing:
            self.error(f"the environment variable {name} is not set")
        problem = ""
        if not filled:
            problem = "missing" if required and not missing else ""
        elif not lines and not filled.isprintable():
            problem = "holds a line break or a control character"
        elif "\x00" in filled or len(filled) > longest:
            problem = f"longer than {longest} characters"
        elif pattern and not re.fullmatch(pattern, filled) and not missing:
            problem = f"does not have the form {pattern}"
        if problem:
            self.error(problem)
            return ""
        return filled

    def choice(self, known: Iterable[str], what: str) -> str:
        text = self.text(required=True)
        known = list(known)
        if text and text not in known:
            self.error(unknown(what, text, known))
            return ""
        return text

    def boolean(self) -> bool | None:
        text = self.text()
        if text and text.lower() not in _BOOLEANS:
            self.error(f"must be true or false, not '{text}'")
        return _BOOLEANS.get(text.lower())

    def number(self, between: tuple[int, int] | None = None) -> int | float | None:
        text = self.text()
        if text and not re.fullmatch(r"\d{1,9}(\.\d{1,6})?", text):
            self.error(f"must be a number, not '{text}'")
            return None
        number = None if not text else float(text) if "." in text else int(text)
        if number is not None and between is not None and not between[0] <= number <= between[1]:
            self.error(f"must be between {between[0]} and {between[1]}, not {text}")
            return None
        return number

    def duration(self) -> int | None:
        """Seconds: `15m`, `1h 30m`, `daily`, `hourly`, or a plain number of seconds."""
        text = self.text()
        if not text:
            return None
        try:
            seconds = parse_duration(text)
        except ValueError:
            seconds = 0
        if not 0 < seconds <= LONGEST:
            self.error(f"must be an interval such as 15m, 1h or daily, not '{text}'")
            return None
        return seconds

    def day(self) -> date | None:
        text = self.text()
        if not text:
            return None
        try:
            if len(text) == 10:
                return date.fromisoformat(text)
        except ValueError:
            pass
        self.error(f"must be a date such as 2026-10-01, not '{text}'")
        return None

    def pem(self) -> str:
        """PEM text, or the text of a file that is named relative to this one."""
        text = self.text(longest=200_000, lines=True)
        if not text or "-----BEGIN" in text:
            return text
        try:
            content = (self.reading.folder / text.strip()).read_text("ascii")
        except (OSError, ValueError):
            self.error(f"there is no readable PEM file '{text.strip()}' beside this file")
            return ""
        if "-----BEGIN" not in content:
            self.error(f"'{text.strip()}' is not a PEM file")
            return ""
        return content
