"""What the demo shows at its end: plain tables that a stranger can read in 100 columns."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any

from rich import box
from rich.console import Console, JustifyMethod
from rich.table import Table

from integrations.models import Reason
from integrations.reconcile import Kind, Result

from .chapter import Chapter, differing_bills

WIDTH = 100
NARROW = 18  # a column that leaves the room to the last one
#: The reasons in the order in which a person would take them up.
ORDER = (
    "account_unmapped",
    "dimension_unmapped",
    "account_inactive",
    "vendor_ambiguous",
    "vendor_incomplete",
    "vendor_inactive",
)
#: What differs, in the words of an integration's own two systems.
DIFFERS = {
    Kind.MISSING_IN_TARGET: "not in {there}",
    Kind.MISSING_IN_SOURCE: "in {there} only",
    Kind.ARCHIVED: "not live in {there}, although payable",
    Kind.REFUSED: "{there} refused to post it",
    Kind.UNLINKED: "{there} has another one of this number",
}


def console() -> Console:
    return Console(file=sys.stdout, width=WIDTH, highlight=False, emoji=False, markup=False)


def begin(out: Console, chapter: Chapter) -> None:
    """Which integration the next steps are about, and where its sandboxes are."""
    out.print(f"\n{chapter.title}", style="bold")
    out.print(", ".join(f"{stand.label} at {stand.base_url}" for stand in chapter.stands.values()), soft_wrap=True)


def end(out: Console, chapter: Chapter) -> None:
    """What came back, what needs attention and what both sides say."""
    for table in _tables(chapter):
        out.print()
        out.print(table)


def moved(out: Console, chapters: Sequence[Chapter]) -> None:
    """What it all comes to, a table each."""
    for chapter in chapters:
        out.print()
        out.print(_moved(chapter))
    out.print()


def _tables(chapter: Chapter) -> Iterator[Table]:
    if chapter.payments:
        yield _payments(chapter)
    if entries := chapter.waiting():
        yield _attention(entries)
    if chapter.compared:
        for currency in chapter.compared.totals:
            yield _open_items(chapter.compared, currency)


def _table(title: str, *columns: str, right: Iterable[str] = (), narrow: Iterable[str] = ()) -> Table:
    table = Table(
        title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, show_edge=False, width=WIDTH
    )
    for column in columns:
        justify: JustifyMethod = "right" if column in right else "left"
        table.add_column(column, justify=justify, overflow="fold", max_width=NARROW if column in narrow else None)
    return table


def _moved(chapter: Chapter) -> Table:
    columns = ("record", "from -> to", "count", "amount", "remark")
    table = _table(f"What moved in {chapter.integration}", *columns, right=("count", "amount"))
    for row in chapter.moved():
        count = str(row.count) if row.way else "of these"
        table.add_row(row.record, row.way, count, _money(row.amount), row.remark)
    return table


def _payments(chapter: Chapter) -> Table:
    cloud, ledger = chapter.target.label, f"in {chapter.source.label}"
    table = _table(f"Payments made in {cloud}", "payment", "for", "amount", "seen by", ledger, right=("amount",))
    for paid in chapter.payments:
        table.add_row(paid.method, ", ".join(paid.documents), _money(paid.amount), paid.way, chapter.state_of(paid))
    return table


def _attention(entries: list[dict[str, Any]]) -> Table:
    columns = ("reason", "document", "amount", "what to do")
    table = _table("Needs attention", *columns, right=("amount",), narrow=("reason", "document"))
    labels = dict(Reason.choices)
    alike: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for entry in sorted(entries, key=_rank):
        alike.setdefault((entry["reason"], _told(entry)), []).append(entry)
    for (reason, told), rows in alike.items():
        amounts = [Decimal(row["amount"]) for row in rows if "amount" in row]
        documents = ", ".join(row["document"] for row in rows)
        table.add_row(str(labels.get(reason, reason)), documents, _money(sum(amounts) if amounts else None), told)
    return table


def _rank(entry: dict[str, Any]) -> int:
    return ORDER.index(entry["reason"]) if entry["reason"] in ORDER else len(ORDER)


def _told(entry: dict[str, Any]) -> str:
    """A bill that waits for its vendor repeats what the vendor's own row says."""
    message = str(entry["message"])
    return message.partition(" yet.")[0] + " yet: see the vendor." if entry["reason"] == "vendor_missing" else message


def _open_items(result: Result, currency: str) -> Table:
    here, there = result.labels
    columns = ("", here, there, "difference")
    table = _table(f"Both sides compared, in {currency}", *columns, right=columns[1:])
    differing = [each for each in differing_bills(result) if each.currency == currency]
    apart = [sum(Decimal(getattr(each, side)) for each in differing) for side in ("source", "target")]
    totals = (result.total(currency).source, result.total(currency).target)
    _amounts(table, "the same on both sides", *(total - part for total, part in zip(totals, apart, strict=True)))
    for kind in dict.fromkeys(each.kind for each in differing):
        rows = [each for each in differing if each.kind == kind]
        documents = ", ".join(each.document for each in rows)
        sums = (sum((Decimal(getattr(each, side)) for each in rows), Decimal(0)) for side in ("source", "target"))
        text = DIFFERS.get(kind, kind.label).format(here=here, there=there)
        _amounts(table, f"{text}: {documents}", *sums)
    table.add_section()
    words = [f"{word[:1].lower()}{word[1:]} {name}" for word, name in zip(result.words, result.labels, strict=True)]
    _amounts(table, f"total: {', '.join(words)}", *totals)
    return table


def _amounts(table: Table, text: str, source: Decimal, target: Decimal) -> None:
    table.add_row(text, *(_money(amount) for amount in (source, target, source - target)))


def _money(amount: Decimal | int | None) -> str:
    return "" if amount is None else f"{amount:,.2f}"
