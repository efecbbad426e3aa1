"""What the commands show on a terminal: progress while working, tables at the end. Plain text when piped."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import IO, Any, cast

from django.core.management.base import OutputWrapper
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from integrations.engine.sync import SyncResult
from integrations.models import Reason

SHOWN = 40  # rows of a list before it says how many more there are
COLUMNS = ("read", "created", "updated", "adopted", "unchanged", "held", "failed")


class SyncProgress:
    """One line per flow on standard error, only on a terminal."""

    def __init__(self, *, silent: bool = False) -> None:
        self.console = Console(stderr=True)
        self.active = not silent and sys.stderr.isatty()
        self.tasks: dict[str, Any] = {}
        self.counts: dict[str, dict[str, int]] = {}

    def __enter__(self) -> SyncProgress:
        if self.active:
            self.bar = Progress(
                SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=self.console
            )
            self.bar.start()
        return self

    def __exit__(self, *exc: object) -> None:
        if self.active:
            self.bar.stop()

    def __call__(self, flow: str, what: str, count: int) -> None:
        if not self.active:
            return
        if flow not in self.tasks:
            self.tasks[flow] = self.bar.add_task(flow, total=None)
            self.counts[flow] = {}
        counts = self.counts[flow]
        counts[what] = counts.get(what, 0) + count if what == "delivered" else count
        text = ", ".join(f"{number} {name}" if number else name for name, number in counts.items())
        self.bar.update(self.tasks[flow], description=f"{flow or 'sync':<10} {text}")


def show_result(stdout: OutputWrapper, result: SyncResult) -> None:
    """The table of what moved, then what needs attention."""
    table = Table("flow", *COLUMNS, "requests", "seconds", title=f"{result.tenant}/{result.integration}")
    for column in table.columns[1:]:
        column.justify = "right"
    for flow in result.flows:
        requests = ", ".join(f"{system} {count}" for system, count in sorted(flow.requests.items()))
        counts = (str(flow.counts.get(name, 0) or "") for name in COLUMNS)
        table.add_row(flow.flow, *counts, requests, f"{flow.seconds:.1f}")
    print_tables(stdout, table)
    for title, entries in (("Needs attention", result.held), ("Failed", result.failed)):
        if entries:
            print_tables(stdout, _attention(title, entries))
    if result.trouble:
        trouble = result.trouble
        stdout.write(f"Connection {trouble.connection} does not serve us ({trouble.step}): {trouble.message}")
    elif result.ok:
        stdout.write("Everything is delivered; nothing needs attention.")


def show_would(stdout: OutputWrapper, would: Sequence[dict[str, Any]]) -> None:
    """What a sync would send, the interesting actions first."""
    order = ("create", "update", "adopt", "hold", "skip")
    table = Table("action", "flow", "document", "amount", "why", title="What a sync would do (nothing was written)")
    rows = sorted(would, key=lambda row: order.index(row["action"]))
    for row in rows[: SHOWN * 5]:
        why = ": ".join(filter(None, (row.get("reason"), row.get("message"))))
        table.add_row(row["action"], row["flow"], row["document"], row.get("amount", ""), why)
    print_tables(stdout, table)
    _more(stdout, len(rows) - SHOWN * 5)


def _attention(title: str, entries: Sequence[dict[str, Any]]) -> Table:
    table = Table("flow", "document", "amount", "reason", "what to do", title=title)
    table.columns[2].justify = "right"
    labels = dict(Reason.choices)
    for entry in entries[:SHOWN]:
        amount = f"{entry['amount']} {entry['currency']}" if "amount" in entry else ""
        reason = labels.get(entry["reason"], entry["reason"])
        table.add_row(entry["flow"], entry["document"], amount, str(reason), entry["message"])
    if len(entries) > SHOWN:
        table.caption = f"and {len(entries) - SHOWN} more: see the admin, or --json"
    return table


def _more(stdout: OutputWrapper, count: int) -> None:
    if count > 0:
        stdout.write(f"and {count} more: --json lists all of them.")


def print_tables(stdout: OutputWrapper, *renderables: Any) -> None:
    """As wide as the terminal; 160 columns when piped."""
    console = Console(file=cast(IO[str], stdout), width=None if stdout.isatty() else 160, highlight=False)
    for each in renderables:
        console.print(each)
