"""`manage.py ping TENANT[/CONNECTION] [--json]`: sign in and read something harmless, step by step."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from connectors.clock import Clock, SystemClock
from connectors.errors import ConfigurationError, ConnectorError
from connectors.ports import PingStep
from integrations.engine.context import open_connector
from integrations.fields import KeyMissing
from integrations.management.cli import find_connections, print_json
from integrations.models import Connection


class Command(BaseCommand):
    help = "Log in and read something harmless on each connection; says which step failed and what to do."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", metavar="TENANT[/CONNECTION]")
        parser.add_argument("--json", action="store_true", dest="as_json", help="print one JSON object")

    def handle(self, *args: Any, name: str, as_json: bool, **options: Any) -> None:
        tenant, connections = find_connections(name)
        results = []
        for connection in connections:
            steps = []
            for step in ping(connection, SystemClock()):
                steps.append(step)
                if not as_json:
                    self._print(connection, step)
            results.append((connection, steps))
        ok = all(step.ok for _, steps in results for step in steps)
        if as_json:
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


def ping(connection: Connection, clock: Clock) -> Iterator[PingStep]:
    """The connector's steps, the failed one last; the outcome is stored on the connection.

    Success lifts a refusal of the credentials. Failure leaves it as it was: only a sync tells a refusal from
    a bad day.
    """
    failed = None
    for step in _steps(connection, clock):
        yield step
        failed = None if step.ok else step
    row = Connection.objects.filter(pk=connection.pk)
    if failed is None:
        row.update(last_ok_at=clock.now(), refused_at=None, last_error="")
    else:
        row.update(last_error=f"{failed.name}: {failed.message} {failed.fix}".strip())


def _steps(connection: Connection, clock: Clock) -> Iterator[PingStep]:
    try:
        connector = open_connector(connection, clock=clock)
    except KeyMissing:
        fix = "Put the key that they were stored with into FERNET_KEYS, or provision the credentials again."
        yield PingStep("settings", False, "The stored credentials cannot be opened.", fix)
        return
    except ConfigurationError as error:
        yield PingStep(error.step or "settings", False, error.message, error.fix)
        return
    try:
        yield from connector.ping()
    except ConnectorError as error:
        fix = error.fix if isinstance(error, ConfigurationError) else ""
        step = error.step if isinstance(error, ConfigurationError) else ""
        yield PingStep(step or "ping", False, error.message, fix)
    finally:
        connector.close()


def _shape(connection: Connection, steps: list[PingStep]) -> dict[str, Any]:
    return {
        "connection": connection.name,
        "system": connection.system,
        "ok": all(step.ok for step in steps),
        "steps": [{"step": each.name, "ok": each.ok, "message": each.message, "fix": each.fix} for each in steps],
    }
