"""Request bodies against a declared shape: known fields are checked, unknown ones dropped in silence.

BILL ignores properties it does not know (docs: bill 1), so `clean` returns only what the shape names.
Numbers are JSON numbers, dates strict `yyyy-MM-dd` (docs: bill 13).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from .refusals import Problem, Refusal

Problems = list[Problem]


@dataclass(frozen=True)
class Field:
    required: bool = False
    blank = "must not be null"

    def check(self, value: Any, path: str, problems: Problems, partial: bool) -> Any:
        return value


@dataclass(frozen=True)
class Text(Field):
    limit: int = 4000
    pattern: str = ""
    coded: bool = False  # too long answers BDC_1143 with the entity's text instead of field validation
    blank = "must not be blank"

    def check(self, value: Any, path: str, problems: Problems, partial: bool) -> Any:
        if not isinstance(value, str):
            problems.append(Problem(f"{path}: must be a string"))
        elif self.required and not value.strip():
            problems.append(Problem(f"{path}: {self.blank}"))
        elif len(value) > self.limit and self.coded:
            name = path.rsplit(".", 1)[-1]
            text = f"Invalid entity data. {name}: Maximum length cannot be greater than {self.limit} characters."
            problems.append(Problem(text, "BDC_1143"))
        elif len(value) > self.limit:
            problems.append(Problem(f"{path}: size must be between 0 and {self.limit}"))
        elif self.pattern and value and not re.fullmatch(self.pattern, value):
            problems.append(Problem(f"{path}: must be a well-formed value"))
        return value


@dataclass(frozen=True)
class Choice(Field):
    members: Collection[str] = ()
    blank = "must not be blank"

    def check(self, value: Any, path: str, problems: Problems, partial: bool) -> Any:
        if value not in self.members:
            problems.append(Problem(f"{path}: invalid value"))
        return value


@dataclass(frozen=True)
class Flag(Field):
    def check(self, value: Any, path: str, problems: Problems, partial: bool) -> Any:
        if not isinstance(value, bool):
            problems.append(Problem(f"{path}: must be true or false"))
        return value


@dataclass(frozen=True)
class Number(Field):
    positive: bool = False

    def check(self, value: Any, path: str, problems: Problems, partial: bool) -> Any:
        if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
            problems.append(Problem(f"{path}: must be a number"))
            return value
        if self.positive and value <= 0:
            problems.append(Problem(f"{path}: must be greater than 0"))
        return Decimal(str(value))


@dataclass(frozen=True)
class Day(Field):
    def check(self, value: Any, path: str, problems: Problems, partial: bool) -> Any:
        if not is_day(value):
            problems.append(Problem(f"{path}: must be a date of the form yyyy-MM-dd"))
        return value


@dataclass(frozen=True)
class Part(Field):
    """A nested object."""

    shape: Mapping[str, Field] = field(default_factory=dict)

    def check(self, value: Any, path: str, problems: Problems, partial: bool) -> Any:
        if not isinstance(value, dict):
            problems.append(Problem(f"{path}: must be an object"))
            return {}
        return _walk(value, self.shape, f"{path}.", problems, partial)


@dataclass(frozen=True)
class Many(Field):
    """A list of nested objects, at least one when required."""

    shape: Mapping[str, Field] = field(default_factory=dict)

    def check(self, value: Any, path: str, problems: Problems, partial: bool) -> Any:
        if not isinstance(value, list):
            problems.append(Problem(f"{path}: must be an array"))
            return []
        if self.required and not value:
            problems.append(Problem(f"{path}: must not be empty"))
        item = Part(shape=self.shape)
        return [item.check(each, f"{path}[{i}]", problems, partial) for i, each in enumerate(value)]


def is_day(value: Any) -> bool:
    if not isinstance(value, str) or not re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
        return False
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return True


def _walk(
    body: Mapping[str, Any], shape: Mapping[str, Field], prefix: str, problems: Problems, partial: bool
) -> dict[str, Any]:
    clean_body: dict[str, Any] = {}
    for name, rule in shape.items():
        value = body.get(name)
        if value is not None:
            clean_body[name] = rule.check(value, prefix + name, problems, partial)
        elif partial and name in body:
            clean_body[name] = None  # an explicit null empties the field
        elif rule.required and not partial:
            problems.append(Problem(f"{prefix}{name}: {rule.blank}"))
    return clean_body


def clean(body: Any, shape: Mapping[str, Field], *, partial: bool = False) -> dict[str, Any]:
    """The known fields of `body`. Raises Refusal 400 with every problem at once; `partial` (PATCH) asks for none."""
    if not isinstance(body, dict):
        raise Refusal(400, [Problem("JSON parse error: an object was expected.", "BDC_1122")])
    problems: Problems = []
    result = _walk(body, shape, "", problems, partial)
    if problems:
        raise Refusal(400, problems)
    return result


def merge(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """PATCH: nested objects merge, lists replace, null removes."""
    merged = dict(old)
    for name, value in new.items():
        if value is None:
            merged.pop(name, None)
        elif isinstance(value, dict) and isinstance(merged.get(name), dict):
            merged[name] = merge(merged[name], value)
        else:
            merged[name] = value
    return merged
