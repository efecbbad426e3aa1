"""How BILL says no: a bare JSON array of errors (docs: bill 3)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

# code -> (status, message); the two rate limits take the sandbox's `rate_limit_status` instead (docs: bill 4).
CODES: dict[str, tuple[int, str]] = {
    "BDC_1101": (401, "Invalid username or password."),
    "BDC_1102": (401, "Developer key is invalid."),
    "BDC_1107": (423, "Organization is locked out."),
    "BDC_1109": (401, "Session is invalid.  Please log in."),
    "BDC_1121": (404, "API not supported."),
    "BDC_1122": (400, "JSON parse error."),
    "BDC_1123": (401, "Organization id is invalid."),
    "BDC_1130": (400, "Invalid list filter field."),
    "BDC_1131": (400, "Invalid list filter operator."),
    "BDC_1143": (400, "Invalid entity data."),
    "BDC_1144": (422, "Max number of allowed requests per hour reached: 20000."),
    "BDC_1145": (403, "You do not have permission to perform this operation."),
    "BDC_1159": (422, "Payment amount cannot be greater than the amount due on the bill."),
    "BDC_1171": (422, "Duplicate invoice number."),
    "BDC_1205": (404, "Object not found."),
    "BDC_1246": (400, "Rolled back because another element of the request failed."),
    "BDC_1322": (422, "Max number of concurrent requests per organization reached."),
    "BDC_1361": (403, "Untrusted session."),
}
RATE_LIMITS = frozenset({"BDC_1144", "BDC_1322"})


@dataclass(frozen=True)
class Problem:
    """One element of the error array. Field validation carries no code (docs: bill 13.1)."""

    message: str
    code: str = ""

    def element(self, timestamp: str) -> dict[str, Any]:
        category = "DOWNSTREAM" if self.code in {"BDC_1109", "BDC_1205"} else "REQUEST"
        return {
            "timestamp": timestamp,
            **({"code": self.code} if self.code else {}),
            "severity": "ERROR",
            "category": category,
            "message": self.message,
            "params": [],
            "detail": "",
            "help": "",
        }


class Refusal(Exception):
    """Ends a request with `status` and an array of problems; nothing was done."""

    def __init__(self, status: int, problems: Iterable[Problem]) -> None:
        self.status = status
        self.problems = list(problems)
        super().__init__("; ".join(problem.message for problem in self.problems))

    @property
    def codes(self) -> list[str]:
        return [problem.code for problem in self.problems if problem.code]


def bdc(code: str, message: str = "", status: int | None = None) -> Refusal:
    """The refusal `code` stands for."""
    known_status, known_message = CODES.get(code, (400, code))
    return Refusal(status or known_status, [Problem(message or known_message, code)])


def invalid(*messages: str) -> Refusal:
    """400 of field validation: one element per `field: text`."""
    return Refusal(400, [Problem(message) for message in messages])


def invalid_entity(text: str) -> Refusal:
    """400 BDC_1143."""
    return bdc("BDC_1143", f"Invalid entity data. {text}")
