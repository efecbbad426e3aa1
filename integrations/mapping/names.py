"""What a person wrote, found among a system's reference data. Pure: no database."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

SHOWN = 5  # candidates named in a message


class Named(Protocol):
    """A row of reference data."""

    @property
    def key(self) -> str: ...

    @property
    def number(self) -> str: ...

    @property
    def name(self) -> str: ...

    @property
    def active(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Entry:
    key: str
    number: str = ""
    name: str = ""
    active: bool = True

    @property
    def label(self) -> str:
        return label(self)


@dataclass(frozen=True, slots=True)
class Match:
    """Either the entry that is meant, or the problem in plain words."""

    entry: Named | None = None
    problem: str = ""


def label(entry: Named) -> str:
    """Number and name, the key where there is neither."""
    return f"{entry.number} {entry.name}".strip() or entry.key


class Directory:
    """One kind of reference data of one system, ready for look-ups.

    `system` and `kind` are for messages: "BILL", "account".
    """

    def __init__(self, system: str, kind: str, entries: Iterable[Named]) -> None:
        self.system = system
        self.kind = kind
        self.by_key: dict[str, list[Named]] = defaultdict(list)
        self.by_number: dict[str, list[Named]] = defaultdict(list)
        self.by_name: dict[str, list[Named]] = defaultdict(list)
        self.by_folded: dict[str, list[Named]] = defaultdict(list)
        for entry in entries:
            self.by_key[entry.key].append(entry)
            if entry.number:
                self.by_number[entry.number].append(entry)
            if entry.name:
                self.by_name[entry.name].append(entry)
                self.by_folded[entry.name.casefold()].append(entry)

    def __bool__(self) -> bool:
        return bool(self.by_key)

    def find(self, text: str) -> Match:
        """By key, then number, then exact name, then name whatever its case, then as a key whose separators are left
        out; the inactive only where nothing active is meant."""
        text = text.strip()
        if not self:
            return Match(problem=f"{self.system} has not shown its {self.kind}s yet; tried again in the next sync")
        steps = (
            ("with the id", self.by_key.get(text)),
            ("numbered", self.by_number.get(text)),
            ("named", self.by_name.get(text)),
            ("named", self.by_folded.get(text.casefold())),
            ("with the id", self.by_key.get("".join(filter(str.isalnum, text)))),
        )
        for active in (True, False):
            for how, found in steps:
                candidates = [entry for entry in found or () if entry.active is active or how == "with the id"]
                if len(candidates) == 1:
                    return Match(candidates[0])
                if candidates:
                    return Match(problem=self._ambiguous(how, text, candidates))
        return Match(problem=f"{self.system} has no {self.kind} with the id, number or name '{text}'")

    def _ambiguous(self, how: str, text: str, candidates: Sequence[Named]) -> str:
        numbers = [entry.number for entry in candidates]
        distinct = len(set(numbers)) == len(numbers) and all(numbers)
        shown = [entry.number if distinct else f"{label(entry)} ({entry.key})" for entry in candidates[:SHOWN]]
        more = f" and {len(candidates) - SHOWN} more" if len(candidates) > SHOWN else ""
        return f"{self.system} has {len(candidates)} {self.kind}s {how} '{text}': {', '.join(shown)}{more}"
