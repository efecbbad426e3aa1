"""What the demo shows at its end: plain tables that a stranger can read in 100 columns."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from integrations.engine.sync import attention
from integrations.models import Application, Delivery, Link, Reason, State
from integrations.reconcile import Result

from .story import FREIGHT_AND_TAX, PART_PAID, Story, differing_bills

WIDTH = 100
#: The reasons in the order in which a person would take them up.
ORDER = ("account_unmapped", "account_inactive", "vendor_ambiguous", "vendor_incomplete", "vendor_inactive")


def console() -> Console:
    return Console(file=sys.stdout, width=WIDTH, highlight=False, emoji=False, markup=False)


def show(out: Console, story: Story, result: Result) -> None:
    for table in (_moved(story), _payments(story), _attention(story), _open_items(story, result)):
        out.print()
        out.print(table)
    out.print()


def _table(title: str, *columns: str, right: Iterable[str] = ()) -> Table:
    table = Table(
        title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, show_edge=False, width=WIDTH
    )
    for column in columns:
        table.add_column(column, justify="right" if column in right else "left", overflow="fold")
    return table


def _moved(story: Story) -> Table:
    table = _table("What moved", "record", "from -> to", "count", "amount", "remark", right=("count", "amount"))
    out, back = "Sage 100 -> BILL", "BILL -> Sage 100"
    vendors, bills = story.counts["vendors"], story.counts["bills"]
    made = f"{vendors['created']} created, {vendors['adopted']} found in BILL by name and linked"
    table.add_row("vendors", out, str(vendors["created"] + vendors["adopted"]), "", made)
    table.add_row("bills", out, str(bills["created"]), _money(_delivered("bills")), "open balances, right to the cent")
    for document, remark in (
        (FREIGHT_AND_TAX, "freight 85.00 and tax 96.25 became lines"),
        (PART_PAID, "940.50, of which 500.00 was paid in Sage 100"),
    ):
        table.add_row(
            "", "", "of these", f"{Decimal(str(story.bill_of(document)['amount'])):,.2f}", f"{document}: {remark}"
        )
    entered = Link.objects.filter(flow__name="payments").count()
    table.add_row("payments", back, str(entered), _money(_delivered("payments")), "entered, then posted in Sage 100")
    return table


def _payments(story: Story) -> Table:
    table = _table("Payments made in BILL", "payment", "for", "amount", "seen by", "in Sage 100", right=("amount",))
    for paid in story.payments:
        table.add_row(paid.method, ", ".join(paid.documents), f"{paid.amount:,.2f}", paid.way, story.state_of(paid))
    return table


def _attention(story: Story) -> Table:
    table = _table("Needs attention", "reason", "document", "amount", "what to do", right=("amount",))
    held, failed = attention(story.integration)
    labels = dict(Reason.choices)
    for entry in sorted([*failed, *held], key=_rank):
        amount = entry.get("amount", "")
        label = str(labels.get(entry["reason"], entry["reason"]))
        table.add_row(label, entry["document"], amount and f"{Decimal(amount):,.2f}", _told(entry))
    return table


def _rank(entry: dict[str, Any]) -> int:
    return ORDER.index(entry["reason"]) if entry["reason"] in ORDER else len(ORDER)


def _told(entry: dict[str, Any]) -> str:
    """A bill that waits for its vendor repeats what the vendor's own row says."""
    message = str(entry["message"])
    return message.partition(" yet.")[0] + " yet: see the vendor." if entry["reason"] == "vendor_missing" else message


def _open_items(story: Story, result: Result) -> Table:
    here, there = result.labels
    table = _table("Open items on both sides", "", here, there, "difference", right=(here, there, "difference"))
    differing = differing_bills(result)
    apart = [sum(Decimal(getattr(each, side)) for each in differing) for side in ("source", "target")]
    totals = (result.source_total, result.target_total)
    _amounts(table, "the same on both sides", *(total - part for total, part in zip(totals, apart, strict=True)))
    for kind in dict.fromkeys(each.kind for each in differing):
        rows = [each for each in differing if each.kind == kind]
        documents = ", ".join(each.document for each in rows)
        sums = (sum((Decimal(getattr(each, side)) for each in rows), Decimal(0)) for side in ("source", "target"))
        _amounts(table, f"{kind.label}: {documents}", *sums)
    table.add_section()
    _amounts(table, "total: payable in Sage 100, unpaid in BILL", *totals)
    return table


def _amounts(table: Table, text: str, source: Decimal, target: Decimal) -> None:
    table.add_row(text, *(f"{amount:,.2f}" for amount in (source, target, source - target)))


def _delivered(flow: str) -> int:
    if flow == "payments":
        return sum(Application.objects.values_list("amount_minor", flat=True))
    rows = Delivery.objects.filter(flow__name=flow, state=State.DELIVERED, action="create")
    return sum(amount or 0 for amount in rows.values_list("amount_minor", flat=True))


def _money(minor: int) -> str:
    return f"{Decimal(minor).scaleb(-2):,.2f}"
