"""`manage.py reconcile TENANT/INTEGRATION`: compare both sides and list every difference, to the cent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser
from rich.markup import escape
from rich.table import Table

from integrations.management.cli import ScriptableCommand, UsageError, actor, find_integration, print_json
from integrations.management.report import SHOWN, SyncProgress, print_tables
from integrations.reconcile import Result, reconcile
from integrations.reconcile.sheet import as_csv

UNMATCHED_SHOWN = 10


class Command(ScriptableCommand):
    help = "Compare both systems and list every difference. Changes nothing. Exit code 0 equal, 1 different."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("integration", metavar="TENANT/INTEGRATION")
        parser.add_argument("--csv", metavar="FILE", help="write the differences to this file too")
        parser.add_argument("--json", action="store_true", help="one JSON object on standard output, nothing else")

    def handle(self, *args: Any, **options: Any) -> None:
        result = self._run(options)
        if options["json"]:
            print_json(self.stdout, result.as_json())
        else:
            self._show(result)
        if result.exit_code:
            raise SystemExit(result.exit_code)

    def _run(self, options: dict[str, Any]) -> Result:
        integration = find_integration(options["integration"])
        file = Path(options["csv"]) if options["csv"] else None
        if file and not file.parent.is_dir():
            raise UsageError(f"cannot write {file}: there is no folder {file.parent}")
        with SyncProgress(silent=options["json"]) as progress:
            result = reconcile(integration, actor=actor(), progress=progress)
        if file and not result.trouble:
            try:
                file.write_text(as_csv(result.differences), encoding="utf-8", newline="")
            except OSError as error:
                raise UsageError(f"cannot write {file}: {error.strerror}") from None
        return result

    def _show(self, result: Result) -> None:
        counts = Table("compared", "count", title=f"{result.tenant}/{result.integration}")
        counts.columns[1].justify = "right"
        for name, count in sorted(result.compared.items()):
            counts.add_row(name.replace("_", " "), f"{count:,}")
        here, there = result.labels
        table = Table("what", "document", here, there, "difference", "why", title="Differences")
        for column in table.columns[2:5]:
            column.justify = "right"
        for each in result.differences[:SHOWN]:
            texts = (each.document, each.source, each.target, each.difference, each.message)
            table.add_row(each.kind.value, *map(escape, texts))
        more = len(result.differences) - SHOWN
        table.caption = f"and {more} more: see --json or --csv" if more > 0 else None
        print_tables(self.stdout, counts, *([table] if result.differences else []))
        if result.unmatched:
            names = ", ".join(f"{each['name']} ({each['key']})" for each in result.unmatched[:UNMATCHED_SHOWN])
            more = len(result.unmatched) - UNMATCHED_SHOWN
            rest = f" and {more} more (--json lists all)" if more > 0 else ""
            self.stdout.write(f"Vendors only in {there}: {names}{rest}.")
        self.stdout.write(result.summary())
