"""`manage.py replay TENANT/INTEGRATION`: put held or failed records back and deliver them."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser
from django.db.models import Q

from integrations.engine.actions import REPLAYABLE, replay
from integrations.engine.claim import ClaimLost
from integrations.engine.sync import Busy, sync
from integrations.management.cli import (
    ScriptableCommand,
    UsageError,
    actor,
    fail,
    find_flows,
    find_integration,
    print_json,
)
from integrations.management.report import SyncProgress, show_result
from integrations.models import Delivery, Run, State


class Command(ScriptableCommand):
    help = "Put held or failed records back and deliver them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("integration", metavar="TENANT/INTEGRATION")
        parser.add_argument("--flow", action="append", default=[], metavar="NAME", help="only this flow (repeatable)")
        parser.add_argument("--document", metavar="TEXT", help="document number or source key, exactly")
        parser.add_argument("--all-held", action="store_true")
        parser.add_argument("--all-failed", action="store_true")
        parser.add_argument("--json", action="store_true", help="one JSON object on standard output, nothing else")

    def handle(self, *args: Any, **options: Any) -> None:
        integration = find_integration(options["integration"])
        flows = find_flows(integration, options["flow"])
        rows = Delivery.objects.filter(flow__integration=integration, state__in=self._states(options))
        if flows:
            rows = rows.filter(flow__name__in=flows)
        if options["document"]:
            rows = rows.filter(Q(document=options["document"]) | Q(key=options["document"]))
            if not rows.exists():
                raise UsageError(f"nothing held or failed has the document number or key {options['document']!r}.")
        count = replay(rows, actor=actor(), approve=bool(options["document"]), doorbell=False)
        try:
            with SyncProgress(silent=options["json"]) as progress:
                result = sync(
                    integration, read=False, actor=actor(), trigger=Run.Trigger.REPLAY, progress=progress, flows=flows
                )
        except (Busy, ClaimLost) as busy:
            fail(str(busy), 2, step="claim")
        if options["json"]:
            print_json(self.stdout, {**result.as_json(), "replayed": count})
        else:
            self.stdout.write(f"{count} records put back.")
            show_result(self.stdout, result)
        if result.exit_code:
            raise SystemExit(result.exit_code)

    def _states(self, options: dict[str, Any]) -> list[State]:
        asked = {State.HELD: options["all_held"], State.FAILED: options["all_failed"]}
        states = [state for state, wanted in asked.items() if wanted]
        if not states and not options["document"]:
            raise UsageError("say what to replay: --document TEXT, --all-held or --all-failed.")
        return states or list(REPLAYABLE)
