"""Request bodies, member by member. Nothing is cut or guessed: what does not fit is refused with its field."""

from __future__ import annotations

import json
import re
from datetime import date
from decimal import Decimal
from typing import Any

from werkzeug.wrappers import Request

from connectors.sage100.sandbox.wire import Refused, detail, sage_error

MAX_BODY = 1024 * 1024


def json_body(request: Request) -> dict[str, Any]:
    if request.mimetype != "application/json":
        raise Refused("unsupported_media_type", "The body must be application/json.")
    raw = request.get_data()
    if len(raw) > MAX_BODY:
        raise Refused("body_too_large", "The body exceeds 1 MiB.")
    try:
        body = json.loads(raw.decode("utf-8"), parse_constant=_no_constant)
    except ValueError as error:
        raise Refused("json_invalid", "The body is not JSON in UTF-8.") from error
    if not isinstance(body, dict):
        raise Refused("json_invalid", "The body must be an object.")
    return body


def _no_constant(name: str) -> None:
    raise ValueError(name)


class Form:
    """Takes members one by one and collects what is wrong; `check` refuses everything at once (422)."""

    def __init__(self, data: dict[str, Any], bus: str, prefix: str = "", problems: list[dict[str, str]] | None = None):
        self.data, self.bus, self.prefix = data, bus, prefix
        self.problems = problems if problems is not None else []
        self.taken: set[str] = set()

    def within(self, data: dict[str, Any], prefix: str) -> Form:
        return Form(data, self.bus, prefix, self.problems)

    def problem(self, name: str, code: str, message: str) -> None:
        self.problems.append(detail(self.prefix + name, code, message))

    def take(self, name: str, required: bool = False) -> Any:
        self.taken.add(name)
        value = self.data.get(name)
        if required and (value is None or value == ""):
            self.problem(name, "required", f"{name} is required.")
        return value

    def text(self, name: str, limit: int, *, required: bool = False, pattern: str = "") -> str | None:
        """Right-trimmed; blank is None."""
        value = self.take(name, required)
        if value is None:
            return None
        if not isinstance(value, str):
            self.problem(name, "invalid", f"{name} must be text.")
            return None
        value = value.rstrip()
        if len(value) > limit:
            self.problem(name, "too_long", f"The {name} is greater than {limit} character(s)")
        elif value and pattern and not re.fullmatch(pattern, value):
            self.problem(name, "invalid", f"The {name} failed validation.")
        elif not value and required and self.data.get(name):
            self.problem(name, "required", f"{name} is required.")
        return value or None

    def choice(self, name: str, *values: str, required: bool = False) -> str | None:
        value = self.take(name, required)
        if value is not None and value not in values:
            self.problem(name, "invalid", f"The {name} failed validation on {','.join(values)}")
            return None
        return value  # type: ignore[no-any-return]

    def flag(self, name: str) -> bool | None:
        value = self.take(name)
        if value is not None and not isinstance(value, bool):
            self.problem(name, "invalid", f"{name} must be true or false.")
            return None
        return value

    def money(self, name: str, default: str | None = None) -> Decimal:
        """A decimal string with two places; JSON numbers are refused."""
        value = self.take(name, required=default is None)
        if value is None:
            value = default or "0.00"
        if not isinstance(value, str) or not re.fullmatch(r"-?\d{1,11}\.\d\d", value):
            self.problem(name, "invalid", f'{name} must be a decimal string such as "1250.00".')
            return Decimal("0.00")
        return Decimal(value)

    def day(self, name: str) -> date:
        value = self.take(name, required=True)
        try:
            if not isinstance(value, str) or not re.fullmatch(r"\d{4}-\d\d-\d\d", value):
                raise ValueError
            return date.fromisoformat(value)
        except ValueError:
            if value:
                self.problem(name, "invalid", f"{name} must be a date YYYY-MM-DD.")
            return date.min

    def unknown(self) -> None:
        for name in self.data.keys() - self.taken:
            self.problem(name[:40], "unknown", "Unknown member.")

    def check(self) -> None:
        self.unknown()
        if self.problems:
            first = self.problems[0]["message"]
            raise Refused(
                "validation_failed",
                "Sage 100 refused a value.",
                details=self.problems,
                sage=sage_error(self.bus, "nSetValue", first),
            )
