"""`manage.py ping TENANT[/CONNECTION] [--json]`: sign in and read something harmless, step by step."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import CommandParser

from connectors.clock import SystemClock
from connectors.ports import PingStep
from integrations.engine.ping import ping
from integrations.management.cli import ScriptableCommand, find_connections, print_json
from integrations.models import Connection


class Command(ScriptableCommand):
    help = "Log in and read something harmless on each connection; says which step failed and what to do."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", metavar="TENANT[/CONNECTION]")
        parser.add_argument("--json", action="store_true", help="one JSON object on standard output, nothing else")

    def handle(self, *args: Any, name: str, json: bool, **options: Any) -> None:
        tenant, connections = find_connections(name)
        results = []
        for connection in connections:
            steps = []
            for step in ping(connection, SystemClock()):
                steps.append(step)
                if not json:
                    self._print(connection, step)
            results.append((connection, steps))
        ok = all(step.ok for _, steps in results for step in steps)
        if json:
            print_json(
                self.stdout, {"tenant": tenant.slug, "ok": ok, "connections": [_shape(*each) for each in results]}
            )
        if not ok:
            sys.exit(3)

    def _print(self, connection: Connection, step: PingStep) -> None:
        sign = self.style.SUCCESS("ok    ") if step.ok else self.style.ERROR("failed")
        self.stdout.write(f"{sign} {connection.name} {step.name}: {step.message}")
        if step.fix:
            self.stdout.write(f"       -> {step.fix}")


def _shape(connection: Connection, steps: list[PingStep]) -> dict[str, Any]:
    return {
        "connection": connection.name,
        "system": connection.system,
        "ok": all(step.ok for step in steps),
        "steps": [{"step": each.name, "ok": each.ok, "message": each.message, "fix": each.fix} for each in steps],
    }
