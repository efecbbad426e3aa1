"""Request bodies against declared rules; every problem of a row is found in one pass (docs: avidxchange 6.2, 7.1)."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from .refusals import Problem
from .shapes import Shape
from .wire import Row, unpack

_DAY = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d)?")
Report = Callable[[str, str], None]  # code, message


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Any value."""

    required: bool = False

    def check(self, value: Any, report: Report) -> Any:
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Text(Rule):
    least: int = 0
    most: int = 0  # 0 = any length
    forbidden: str = ""
    choices: Collection[str] = ()

    def check(self, value: Any, report: Report) -> Any:
        if not isinstance(value, str):
            report("FIELD_INVALID", "must be a string")
        elif self.required and not value.strip():
            report("FIELD_REQUIRED", "is required")
        elif len(value.strip()) < self.least:
            report("FIELD_INVALID", f"must have at least {self.least} characters")
        elif self.most and len(value) > self.most:
            report("FIELD_TOO_LONG", f"must have at most {self.most} characters")
        elif self.choices and value not in self.choices:
            report("FIELD_INVALID", f"must be one of {', '.join(self.choices)}")
        elif any(each in value for each in self.forbidden):
            report("FIELD_INVALID", f"must not contain {self.forbidden}")
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole(Rule):
    def check(self, value: Any, report: Report) -> Any:
        if not isinstance(value, int) or isinstance(value, bool):
            report("FIELD_INVALID", "must be a whole number")
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag(Rule):
    def check(self, value: Any, report: Report) -> Any:
        if not isinstance(value, bool):
            report("FIELD_INVALID", "must be true or false")
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Money(Rule):
    zero: bool = True

    def check(self, value: Any, report: Report) -> Any:
        if not isinstance(value, int | Decimal) or isinstance(value, bool):
            report("FIELD_INVALID", "must be a number")
            return Decimal(0)
        amount = Decimal(value)
        if int(amount.normalize().as_tuple().exponent) < -2:
            report("AMOUNT_PRECISION", "must have at most 2 decimals")
        elif not amount and not self.zero:
            report("FIELD_INVALID", "must not be zero")
        return amount


@dataclass(frozen=True, slots=True, kw_only=True)
class Day(Rule):
    """`YYYY-MM-DD`, with a time at most; kept as the date."""

    def check(self, value: Any, report: Report) -> Any:
        try:
            if isinstance(value, str) and _DAY.fullmatch(value):
                return datetime.fromisoformat(value).date().isoformat()
        except ValueError:
            pass
        report("FIELD_INVALID", "must be a date YYYY-MM-DD")
        return date.min.isoformat()


@dataclass(frozen=True, slots=True, kw_only=True)
class Record(Rule):
    """An object of its own, or a list of them with `many`. `kind` names its paths in the shape."""

    kind: str
    rules: Mapping[str, Rule]
    many: bool = False
    most: int = 0  # 0 = any number


def read(
    shape: Shape,
    kind: str,
    rules: Mapping[str, Rule],
    body: Any,
    problems: list[Problem],
    at: str = "",
    partial: bool = False,
) -> Row:
    """The row of a body. `partial`: nothing at the top is required; records inside are whole always."""
    if not isinstance(body, dict):
        problems.append(Problem("FIELD_INVALID", at.rstrip("."), "must be an object"))
        return {}
    paths = shape.paths[kind]
    given, unknown = unpack(body, paths)
    problems += [Problem("UNKNOWN_FIELD", at + path, "is not known") for path in unknown]
    row: Row = {}
    for name, value in given.items():
        rule, path = rules.get(name), at + paths[name]
        if rule is None:
            problems.append(Problem("READ_ONLY_FIELD", path, "is read-only"))
        elif isinstance(rule, Record):
            row[name] = _records(shape, rule, value, problems, path)
        else:
            row[name] = rule.check(value, _reporter(problems, path))
    for name, rule in rules.items():
        if rule.required and not partial and name not in given:
            problems.append(Problem("FIELD_REQUIRED", at + paths[name], "is required"))
    return row


def _reporter(problems: list[Problem], path: str) -> Report:
    return lambda code, message: problems.append(Problem(code, path, message))


def _records(shape: Shape, rule: Record, value: Any, problems: list[Problem], path: str) -> Any:
    if not rule.many:
        return read(shape, rule.kind, rule.rules, value, problems, f"{path}.")
    if not isinstance(value, list):
        problems.append(Problem("FIELD_INVALID", path, "must be a list"))
        return []
    if rule.required and not value:
        problems.append(Problem("FIELD_REQUIRED", path, "must not be empty"))
    if rule.most and len(value) > rule.most:
        problems.append(Problem("FIELD_INVALID", path, f"must have at most {rule.most} elements"))
    return [
        read(shape, rule.kind, rule.rules, each, problems, f"{path}.{position}.") for position, each in enumerate(value)
    ]
