"""`manage.py sandbox [SYSTEM]... [--port-base N]`: the vendors' sandboxes on loopback, until Ctrl-C."""

from __future__ import annotations

import json
import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from integrations.demo.sandboxes import PortTaken, Stand, start
from integrations.engine.context import SYSTEMS
from integrations.management.cli import UsageError
from integrations.wording import unknown

PORT_BASE = 9400


class Command(BaseCommand):
    help = "Run the vendors' sandboxes on loopback and print how to connect to them."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("systems", nargs="*", metavar="SYSTEM", help=f"of {', '.join(SYSTEMS)}; default: all")
        parser.add_argument(
            "--port-base",
            type=int,
            default=PORT_BASE,
            metavar="N",
            help=f"the first system's port, the others follow (default {PORT_BASE})",
        )

    def handle(self, *args: Any, systems: list[str], port_base: int, **options: Any) -> None:
        for name in systems:
            if name not in SYSTEMS:
                raise UsageError(unknown("system", name, SYSTEMS))
        ports = {name: port_base + position for position, name in enumerate(SYSTEMS)}  # the same for any selection
        stands: list[Stand] = []
        try:
            stands.extend(start(name, ports[name]) for name in dict.fromkeys(systems or SYSTEMS))
            self._print(stands)
            _wait_for_ctrl_c()
        except PortTaken as taken:
            raise UsageError(f"{taken}; choose others with --port-base N") from None
        finally:
            for stand in stands:
                stand.running.stop()

    def _print(self, stands: list[Stand]) -> None:
        """As the `connections` of a provision file: what is printed may be pasted there."""
        lines = ["# The vendors' sandboxes are running; Ctrl-C ends them. In a provision file:", "connections:"]
        for stand in stands:
            lines += [
                f"  {stand.system}:",
                f"    system: {stand.system}",
                f"    base_url: {json.dumps(stand.base_url)}",
                f"    settings: {_flow(stand.example.settings)}",
                f"    credentials: {_flow(stand.example.credentials)}",
            ]
        lines.append("# What people do in the vendors' own screens: POST <root>/_sandbox/actions/<name> with JSON.")
        self.stdout.write("\n".join(lines))
        self.stdout.flush()


def _flow(values: dict[str, Any]) -> str:
    """A YAML flow mapping, every value quoted: `008...` is a text."""
    return "{" + ", ".join(f"{name}: {json.dumps(value)}" for name, value in values.items()) + "}"


def _wait_for_ctrl_c() -> None:
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    ended.wait()
