"""What the gateway does one way today and another way tomorrow, the same for the same seed (docs: avidxchange 14)."""

from __future__ import annotations

import random
import zlib
from typing import Any


class Whims:
    """`rate`: how often a quirk shows, 0 never, 1 always. The caller holds the sandbox's lock."""

    def __init__(self, seed: int, rate: float) -> None:
        self._seed = seed
        self._random = random.Random(seed)
        self._rate = rate

    def strikes(self) -> bool:
        return self._random.random() < self._rate

    def many(self, values: list[Any]) -> Any:
        """A list, or the one element alone as an XML gateway's converter leaves it (docs: avidxchange 13.2)."""
        return values[0] if len(values) == 1 and self.strikes() else values

    def flag(self, value: bool) -> bool | str:
        return str(value).lower() if self.strikes() else value

    def stamp(self, text: str | None) -> str | None:
        """A naive "YYYY-MM-DDTHH:MM:SS" in one of its spellings (docs: avidxchange 5.1)."""
        if text is None:
            return None
        spelled = text.replace("T", " ") if self.strikes() else text
        return f"{spelled}.{self._random.randrange(1000):03d}" if self.strikes() else spelled

    def day(self, text: str | None) -> str | None:
        """A "YYYY-MM-DD", bare or with midnight."""
        return self.stamp(f"{text}T00:00:00") if text is not None and self.strikes() else text

    def place(self, key: object) -> int:
        """Where a row stands in a list: shuffled, but every page of the list agrees."""
        return zlib.crc32(f"{self._seed}/{key}".encode())
