"""Numbers for new vendors of a ledger: by a rule with a sequence, each given once, never one that is taken."""

from __future__ import annotations

from collections.abc import Iterable


class Numbers:
    """`rule` holds `{seq}`, in any of the formats of a whole number. `limit`: the longest number, 0 for any."""

    def __init__(self, rule: str, taken: Iterable[str], *, limit: int = 0) -> None:
        self._rule = rule
        self._taken = {number.upper() for number in taken}
        self._limit = limit
        self._sequence = 0

    def next(self) -> str:
        """Raises ValueError when the rule gives no more numbers."""
        while True:
            self._sequence += 1
            number = self._rule.format(seq=self._sequence)
            if self._sequence > 1 and number == self._rule.format(seq=1):
                raise ValueError(f"The rule {self._rule!r} gives one number only: it needs {{seq}}.")
            if self._limit and len(number) > self._limit:
                raise ValueError(f"The rule {self._rule!r} gives {number}, longer than {self._limit} characters.")
            if number.upper() not in self._taken:
                self._taken.add(number.upper())
                return number
