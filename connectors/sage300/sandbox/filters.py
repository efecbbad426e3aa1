"""The `$filter` grammar (docs: sage300 5, 15.8): text in, a test of rows out.

Comparisons `eq ne gt ge lt le` of a stored header property with a literal, `startswith`, `endswith`, `contains` and
`substringof`, `length(...)`, joined by `and` and `or`, parentheses. No `not`, no lambda, no detail property.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from .refusals import Refusal
from .schema import Field, Row, Shape, wire

Test = Callable[[Row], bool]
TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')"
    r"|(?P<date>\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:\d{2}))?)(?![\w.])"
    r"|(?P<number>-?\d+(?:\.\d+)?)[mM]?(?![\w.:-])"
    r"|(?P<word>[A-Za-z_]\w*)|(?P<mark>[(),]))"
)
COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
}
TESTS: dict[str, Callable[[str, str], bool]] = {
    "startswith": str.startswith,
    "endswith": str.endswith,
    "contains": operator.contains,
    "substringof": operator.contains,
}
NODE_LIMIT = 100  # of ASP.NET OData by default (docs: sage300 5) [assumed]


def bad(what: str) -> Refusal:
    return Refusal("InvalidParameters", "query", what=what)


def compile_filter(text: str, shape: Shape) -> Test:
    """Raises Refusal InvalidParameters."""
    return _Parser(text, shape).whole()


class _Parser:
    def __init__(self, text: str, shape: Shape) -> None:
        self.shape = shape
        self.tokens = _tokens(text)
        self.at = 0
        self.nodes = 0

    def whole(self) -> Test:
        test = self.either()
        if self.at < len(self.tokens):
            raise bad(f"unexpected {self.tokens[self.at][1]}")
        if self.nodes > NODE_LIMIT:
            raise bad(f"the node count limit of {NODE_LIMIT} is exceeded")
        return test

    def either(self) -> Test:
        tests = [self.both()]
        while self.skip("word", "or"):
            tests.append(self.both())
        self.nodes += len(tests) - 1
        return tests[0] if len(tests) == 1 else lambda row: any(test(row) for test in tests)

    def both(self) -> Test:
        tests = [self.single()]
        while self.skip("word", "and"):
            tests.append(self.single())
        self.nodes += len(tests) - 1
        return tests[0] if len(tests) == 1 else lambda row: all(test(row) for test in tests)

    def single(self) -> Test:
        if self.skip("mark", "("):
            test = self.either()
            self.need("mark", ")")
            return test
        name = self.need("word")
        if name in TESTS:
            test = self.text_test(name)
            if self.skip("word", "eq"):
                wanted = self.need("word")
                if wanted not in ("true", "false"):
                    raise bad(f"{name} is true or false")
                return test if wanted == "true" else lambda row: not test(row)
            return test
        if name == "length":
            self.need("mark", "(")
            field = self.property("text")
            self.need("mark", ")")
            compare, value = self.operator(), self.number()
            return lambda row: compare(len(row.get(field.name, "")), value)
        return self.comparison(self.known(name))

    def comparison(self, field: Field) -> Test:
        self.nodes += 3
        word = self.tokens[self.at][1] if self.at < len(self.tokens) else ""
        compare = self.operator()
        value = self.literal(field)
        name, blank = field.name, field.default
        if value is None or field.kind == "date":
            ordered = word not in ("eq", "ne")
            return lambda row: not (ordered and row.get(name) is None) and compare(row.get(name), value)
        if field.kind == "enum" and word not in ("eq", "ne"):
            raise bad(f"{name} can only be compared with eq and ne")
        return lambda row: compare(row.get(name, blank), value)

    def text_test(self, function: str) -> Test:
        """`substringof('x', Field)` has its operands the other way round."""
        self.nodes += 3
        self.need("mark", "(")
        if function == "substringof":
            value = self.string()
            self.need("mark", ",")
            field = self.property("text")
        else:
            field = self.property("text")
            self.need("mark", ",")
            value = self.string()
        self.need("mark", ")")
        test = TESTS[function]
        return lambda row: test(row.get(field.name, ""), value)

    # --- terminals ---------------------------------------------------------------------------------

    def known(self, name: str) -> Field:
        if name not in self.shape.fields:
            raise bad(f"{name} is no property that can be filtered by")
        return self.shape.fields[name]

    def property(self, kind: str) -> Field:
        field = self.known(self.need("word"))
        if field.kind != kind:
            raise bad(f"{field.name} is not of the kind {kind}")
        return field

    def operator(self) -> Callable[[Any, Any], bool]:
        word = self.need("word")
        if word not in COMPARE:
            raise bad(f"{word} is no operator")
        return COMPARE[word]

    def string(self) -> str:
        return self.need("text")[1:-1].replace("''", "'")

    def number(self) -> Decimal:
        return Decimal(self.need("number"))

    def literal(self, field: Field) -> Any:
        if self.skip("word", "null"):
            return None
        if field.kind == "text":
            return self.string()
        if field.kind == "enum":
            return self.member(field)
        if field.kind == "date":
            return self.date()
        if field.kind == "flag":
            word = self.need("word")
            if word not in ("true", "false"):
                raise bad(f"{field.name} is true or false")
            return word == "true"
        return self.number()

    def member(self, field: Field) -> str:
        """An enumeration's name in quotes, or its number in quotes (docs: sage300 5)."""
        text, members = self.string(), field.members or {}
        names = [name for name, number in members.items() if text in (name, str(number))]
        if not names:
            raise bad(f"{text} is no {field.enum}")
        return names[0]

    def date(self) -> str:
        text = self.need("date")
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            raise bad(f"{text} is no date") from None
        if moment.tzinfo is None:
            return wire(moment.date())
        return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def skip(self, kind: str, value: str) -> bool:
        if self.at < len(self.tokens) and self.tokens[self.at] == (kind, value):
            self.at += 1
            return True
        return False

    def need(self, kind: str, value: str = "") -> str:
        if self.at >= len(self.tokens):
            raise bad("it ends too early")
        found, text = self.tokens[self.at]
        if found != kind or (value and text != value):
            raise bad(f"unexpected {text}")
        self.at += 1
        return text


def _tokens(text: str) -> list[tuple[str, str]]:
    found, at = [], 0
    text = text.rstrip()
    while at < len(text):
        match = TOKEN.match(text, at)
        if match is None:
            raise bad(f"syntax error at {text[at : at + 20]}")
        kind = match.lastgroup or ""
        found.append((kind, match[kind]))
        at = match.end()
    if not found:
        raise bad("empty filter")
    return found
