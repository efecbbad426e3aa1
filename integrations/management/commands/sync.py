"""`manage.py sync TENANT/INTEGRATION`: run the flows now, in this process, until nothing is due."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from integrations.engine.claim import ClaimLost
from integrations.engine.preview import preview
from integrations.engine.sync import Busy, SyncResult, sync
from integrations.management.cli import ScriptableCommand, actor, fail, find_flows, find_integration, print_json
from integrations.management.report import SyncProgress, show_result, show_would


class Command(ScriptableCommand):
    help = "Run an integration's flows now, in order, until nothing is due."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("integration", metavar="TENANT/INTEGRATION")
        parser.add_argument("--flow", action="append", default=[], metavar="NAME", help="only this flow (repeatable)")
        parser.add_argument("--preview", action="store_true", help="write nothing anywhere, show what would be sent")
        parser.add_argument("--full", action="store_true", help="ignore the cursors and read everything")
        parser.add_argument("--json", action="store_true", help="one JSON object on standard output, nothing else")

    def handle(self, *args: Any, **options: Any) -> None:
        integration = find_integration(options["integration"])
        flows = find_flows(integration, options["flow"])
        if options["preview"]:
            self._preview(integration, flows, options)
            return
        try:
            with SyncProgress(silent=options["json"]) as progress:
                result = sync(integration, flows=flows, full=options["full"], actor=actor(), progress=progress)
        except (Busy, ClaimLost) as busy:
            fail(str(busy), 2, step="claim")
        self._end(result, options, {})

    def _preview(self, integration: Any, flows: list[str], options: dict[str, Any]) -> None:
        result, would = preview(integration, flows=flows, full=options["full"])
        if not options["json"]:
            show_would(self.stdout, would)
        self._end(result, options, {"preview": True, "would": would})

    def _end(self, result: SyncResult, options: dict[str, Any], extra: dict[str, Any]) -> None:
        if options["json"]:
            print_json(self.stdout, {**result.as_json(), **extra})
        else:
            show_result(self.stdout, result)
        if result.exit_code:
            raise SystemExit(result.exit_code)
