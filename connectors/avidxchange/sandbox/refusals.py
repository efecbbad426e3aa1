"""How Avid says no: to a request with an HTTP status, to a row with errors (docs: avidxchange 5.3, 5.4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Problem:
    """One error of a row. `field` is the wire path, lists by position ("Distributions.0.Amount")."""

    code: str
    field: str
    message: str


class Refused(Exception):
    """Ends a request with `status`; nothing was done."""

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})
        super().__init__(f"{status} {code}: {message}")


class RowRefused(Exception):
    """A business error. `item`: what the answer tells of an existing record, as a wire object."""

    def __init__(self, problems: Sequence[Problem], item: dict[str, Any] | None = None) -> None:
        self.problems = list(problems)
        self.item = item
        super().__init__("; ".join(f"{each.code} {each.field}" for each in self.problems))


def row_refused(code: str, field: str, message: str, item: dict[str, Any] | None = None) -> RowRefused:
    return RowRefused([Problem(code, field, message)], item)


def bad_request(code: str, message: str) -> Refused:
    return Refused(400, code, message)


def not_found(what: str) -> Refused:
    return Refused(404, "NotFound", f"{what} does not exist.")
