"""The `$filter` grammar: comparisons, four text functions, `and`, `or`, `not`, parentheses (docs: sap_b1 4.2).

Everything else is 400/201. Comparisons with nulls are neither true nor false, as in SQL; a time counts to the minute.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from .errors import Refused, bad_query
from .schema import Property, Schema
from .tables import Row

Test = Callable[[Row], bool | None]
Getter = Callable[[Row], Any]
COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
}
SEARCH: dict[str, Callable[[str, str], bool]] = {
    "startswith": str.startswith,
    "endswith": str.endswith,
    "contains": str.__contains__,
    "substringof": str.__contains__,
}
_TOKEN = re.compile(
    r"(?P<date>datetime'[^']*')|(?P<string>'(?:[^']|'')*')|(?P<number>-?\d+(?:\.\d+)?)(?!\w)"
    r"|(?P<name>[A-Za-z_]\w*)|(?P<mark>[(),])"
)
_DATE = re.compile(r"(\d{4})-?(\d\d)-?(\d\d)(?:[T ].*)?")
_TIME = re.compile(r"(\d\d):?(\d\d)(?::?\d\d)?")


def read_filter(schema: Schema, type_name: str, text: str, fold: bool) -> Test:
    """Compile a `$filter`; raises Refused 400/201."""
    return _Parser(schema, type_name, text, fold).parse()


@dataclass(frozen=True)
class _Literal:
    kind: str  # string, number, date, null
    value: Any = None


class _Parser:
    """Recursive descent: or < and < not < comparison."""

    def __init__(self, schema: Schema, type_name: str, text: str, fold: bool) -> None:
        self.schema = schema
        self.type_name = type_name
        self.fold = fold
        self.tokens = _tokens(text)
        self.at = 0

    def parse(self) -> Test:
        test = self._either()
        if self.at != len(self.tokens):
            raise _wrong()
        return test

    def _peek(self) -> tuple[str, str]:
        return self.tokens[self.at] if self.at < len(self.tokens) else ("", "")

    def _take(self, text: str = "") -> tuple[str, str]:
        token = self._peek()
        if not token[0] or (text and token[1] != text):
            raise _wrong()
        self.at += 1
        return token

    def _follows(self, text: str) -> bool:
        if self._peek()[1] != text:
            return False
        self.at += 1
        return True

    def _either(self) -> Test:
        test = self._both()
        while self._follows("or"):
            test = _or(test, self._both())
        return test

    def _both(self) -> Test:
        test = self._one()
        while self._follows("and"):
            test = _and(test, self._one())
        return test

    def _one(self) -> Test:
        if self._follows("not"):
            if self._peek()[1] != "(" and self._peek()[1] not in SEARCH:
                raise _wrong()
            return _not(self._one())
        if self._follows("("):
            test = self._either()
            self._take(")")
            return test
        if self._peek()[0] == "name" and self.tokens[self.at + 1 : self.at + 2] == [("mark", "(")]:
            return self._search()
        return self._comparison()

    def _search(self) -> Test:
        name = self._take()[1]
        if name not in SEARCH:
            raise bad_query(f"Query string error - Invalid function '{name}'")
        self._take("(")
        first = self._operand()
        self._take(",")
        second = self._operand()
        self._take(")")
        whole, part = (second, first) if name == "substringof" else (first, second)
        if not isinstance(whole, Property) or whole.kind != "text":
            raise _wrong()
        if not isinstance(part, _Literal) or part.kind != "string":
            raise _wrong()
        get, wanted, found = getter(whole, self.fold), _folded(part.value, self.fold), SEARCH[name]

        def test(row: Row) -> bool | None:
            value = get(row)
            return None if value is None else found(value, wanted)

        return test

    def _comparison(self) -> Test:
        left = self._operand()
        compare = COMPARE.get(name := self._take()[1])
        right = self._operand()
        if compare is None:
            raise _wrong()
        subject = left if isinstance(left, Property) else right
        if not isinstance(subject, Property):
            raise _wrong()
        if _Literal("null") in (left, right):
            return _null_test(getter(subject, False), name)
        if subject.kind == "enum" and name not in ("eq", "ne"):
            raise _wrong()
        first, second = self._side(left, subject), self._side(right, subject)

        def test(row: Row) -> bool | None:
            a, b = first(row), second(row)
            return None if a is None or b is None else compare(a, b)

        return test

    def _side(self, side: Property | _Literal, subject: Property) -> Getter:
        if isinstance(side, Property):
            if side.kind != subject.kind or (side.kind == "enum" and side.type != subject.type):
                raise _wrong()
            return getter(side, self.fold)
        value = self._constant(side, subject)
        return lambda _row: value

    def _constant(self, literal: _Literal, subject: Property) -> Any:
        if subject.kind == "number":
            if literal.kind == "number" and (subject.type != "Edm.Int32" or literal.value == int(literal.value)):
                return literal.value
        elif subject.kind == "date" and literal.kind in ("string", "date"):
            if found := _DATE.fullmatch(literal.value):
                return "-".join(found.groups())
        elif literal.kind == "string":
            if subject.kind == "text":
                return _folded(literal.value, self.fold)
            if subject.kind == "enum":
                if (member := self.schema.member(subject.type, literal.value)) is not None:
                    return member
            elif found := _TIME.fullmatch(literal.value):
                return ":".join(found.groups())
        raise _wrong()

    def _operand(self) -> Property | _Literal:
        kind, text = self._take()
        if kind == "string":
            return _Literal("string", text[1:-1].replace("''", "'"))
        if kind == "number":
            return _Literal("number", Decimal(text))
        if kind == "date":
            return _Literal("date", text.removeprefix("datetime")[1:-1])
        if kind != "name":
            raise _wrong()
        if text == "null":
            return _Literal("null")
        found = self.schema.property(self.type_name, text)
        if not found.kind:
            raise _wrong()
        return found


def _tokens(text: str) -> list[tuple[str, str]]:
    tokens, at = [], 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        found = _TOKEN.match(text, at)
        if found is None or found.lastgroup is None:
            raise _wrong()
        tokens.append((found.lastgroup, found.group()))
        at = found.end()
    return tokens


def getter(each: Property, fold: bool) -> Getter:
    """The comparable value of a property in a canonical row."""
    name, blank = each.name, each.blank
    if each.kind == "number":
        return lambda row: None if (value := row.get(name)) is None else _decimal(value)
    if each.kind == "time":
        return lambda row: None if (value := row.get(name)) is None else value[:5]
    if each.kind == "text" and fold:
        return lambda row: None if (value := row.get(name)) is None else value.casefold()
    return lambda row: row.get(name, blank)


def _decimal(value: Any) -> Any:
    return Decimal(str(value)) if isinstance(value, float) else value


def _folded(text: str, fold: bool) -> str:
    return text.casefold() if fold else text


def _null_test(get: Getter, name: str) -> Test:
    if name == "eq":
        return lambda row: get(row) is None
    if name == "ne":
        return lambda row: get(row) is not None
    raise _wrong()


def _or(first: Test, second: Test) -> Test:
    def test(row: Row) -> bool | None:
        a = first(row)
        if a:
            return True
        b = second(row)
        return True if b else (None if a is None or b is None else False)

    return test


def _and(first: Test, second: Test) -> Test:
    def test(row: Row) -> bool | None:
        a = first(row)
        if a is False:
            return False
        b = second(row)
        return False if b is False else (None if a is None or b is None else True)

    return test


def _not(inner: Test) -> Test:
    def test(row: Row) -> bool | None:
        value = inner(row)
        return None if value is None else not value

    return test


def _wrong() -> Refused:
    return bad_query("Query string error - Invalid filter condition")
