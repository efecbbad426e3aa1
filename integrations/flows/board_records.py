"""Records as a board shows them: one item each, a text for each field. What the fields are is data, by record type."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from connectors.domain import ItemValue
from connectors.ports import Cursor, Page
from integrations.engine.context import FlowContext

#: The types of column that can hold a field, by the type that is created for it.
ACCEPTED: dict[str, frozenset[str]] = {
    "text": frozenset({"text", "long_text"}),
    "long_text": frozenset({"long_text", "text"}),
    "numbers": frozenset({"numbers", "text"}),
    "date": frozenset({"date", "text"}),
    "status": frozenset({"status", "text", "dropdown"}),
    "email": frozenset({"email", "text"}),
}
KEY, HASH = "key", "hash"  # of every record type, beside its own fields
LINES = "lines"
STATUS = "ledger_status"
LONG_TEXT = 2000  # [assumed] characters of a long text (docs: monday 4.4)


@dataclass(frozen=True, slots=True)
class BoardField:
    """A field of a record type: `name` is the row's in the table of columns, `title` and `kind` are of the column that
    is proposed for it, and `column` is its id where that is not the name."""

    name: str
    title: str
    kind: str
    value: Callable[[Any], ItemValue] = field(default=lambda record: None)
    column: str = ""

    @property
    def id(self) -> str:
        return self.column or self.name

    @property
    def accepts(self) -> frozenset[str]:
        return ACCEPTED[self.kind]


@dataclass(frozen=True, slots=True)
class Part:
    """A line of a document: `account` exactly as the ledger writes it."""

    account: str
    amount: Decimal
    text: str = ""


@dataclass(frozen=True, slots=True)
class ItemRecord:
    """What is to stand on the board of one record. `values` by the field's name, canonical text whatever the column.

    `closed`: nothing more is expected of it in the ledger; `gone`: the ledger no longer has it.
    """

    key: str
    name: str
    values: Mapping[str, str]
    accounts: tuple[str, ...] = ()
    parts: tuple[Part, ...] = ()
    closed: bool = False
    gone: bool = False


@dataclass(frozen=True, slots=True)
class BoardTable:
    """How a record type comes onto a board.

    `key` is what follows the company in the item's key; `document` is the human number. The last of `fields` of a
    document is the detail of its lines, `LINES`.
    """

    title: str
    fields: tuple[BoardField, ...]
    read: Callable[[FlowContext, Cursor | None], Iterator[Page[Any]]]
    key: Callable[[Any], str]
    document: Callable[[Any], str]
    name: Callable[[Any], str]
    closed: Callable[[Any], bool]
    parts: Callable[[Any], Iterable[Part]] = field(default=lambda record: ())
    total: Callable[[Any], Decimal | None] = field(default=lambda record: None)
    dated: str = ""  # the field that a start date compares
    complete: bool = True  # a full read tells every record that is not closed, so that one that is missing is gone

    def record(self, source: Any, company: str) -> ItemRecord:
        parts = tuple(self.parts(source))
        accounts = dict.fromkeys(part.account for part in parts if part.account)
        return ItemRecord(
            key=f"{company}|{self.key(source)}",
            name=" ".join(self.name(source).split()),
            values={each.name: text(each.value(source)) for each in self.fields},
            accounts=tuple(accounts),
            parts=parts,
            closed=self.closed(source),
        )

    def in_scope(self, record: ItemRecord, start: date) -> bool:
        """Documents dated earlier are left alone."""
        dated = record.values.get(self.dated, "")
        return not dated or dated >= start.isoformat()


def text(value: ItemValue) -> str:
    """Exact: an amount keeps its digits, a date is ISO 8601."""
    if isinstance(value, Decimal):
        return format(value, "f")
    return value.isoformat() if isinstance(value, date) else (value or "")


def codes(parts: Iterable[Part]) -> str:
    """The GL codes of the lines, each once."""
    return ", ".join(dict.fromkeys(part.account for part in parts if part.account))


def detail(parts: Iterable[Part], limit: int = LONG_TEXT) -> str:
    """A row a line, cut at whole rows: the last one then says how many more there are."""
    rows = [" | ".join(filter(None, (part.account, text(part.amount), part.text))) for part in parts]
    shown = "\n".join(rows)
    kept = len(rows)
    while len(shown) > limit and kept:
        kept -= 1
        shown = "\n".join([*rows[:kept], f"... {len(rows) - kept} more"])
    return shown
