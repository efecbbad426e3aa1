"""`manage.py webhooks TENANT/INTEGRATION register|status|rotate [--json]`: the cloud's subscription."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from connectors.clock import SystemClock
from connectors.errors import ConfigurationError, ConnectorError
from integrations.engine.run import describe
from integrations.engine.subscriptions import Status, Subscriptions, callback_url
from integrations.management.cli import ScriptableCommand, UsageError, actor, fail, find_integration, print_json


class Command(ScriptableCommand):
    help = "Register, show or re-key the webhook subscription of an integration."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", metavar="TENANT/INTEGRATION")
        parser.add_argument("action", choices=("register", "status", "rotate"))
        parser.add_argument("--json", action="store_true", help="one JSON object on standard output, nothing else")

    def handle(self, *args: Any, name: str, action: str, json: bool, **options: Any) -> None:
        integration = find_integration(name)
        try:
            subscriptions = Subscriptions(integration, clock=SystemClock(), actor=actor())
            if action == "register":
                callback_url(subscriptions.connection)
        except ConfigurationError as error:
            raise UsageError(f"{error.message} {error.fix}".strip()) from None
        status = self._do(subscriptions, action)
        if json:
            print_json(
                self.stdout, {"tenant": integration.tenant.slug, "integration": integration.name} | _shape(status)
            )
        else:
            self._print(status)

    def _do(self, subscriptions: Subscriptions, action: str) -> Status:
        connection = subscriptions.connection.name
        try:
            status: Status = getattr(subscriptions, action)()
        except ConnectorError as error:
            step = error.step if isinstance(error, ConfigurationError) else ""
            code = 2 if step == "settings" else 3
            fail(f"{connection}: {describe(error)}", code, connection=connection, step=step or action)
        return status

    def _print(self, status: Status) -> None:
        if not status.registered:
            why = f": {status.reason}" if status.reason else ""
            self.stdout.write(f"not registered{why}; use `webhooks ... register`")
            return
        state = "enabled" if status.enabled else f"DISABLED ({status.reason or 'no reason given'})"
        last = f"{status.last_event_at:%Y-%m-%d %H:%M} UTC" if status.last_event_at else "never"
        self.stdout.write(f"{state}: {status.url}")
        self.stdout.write(f"events: {', '.join(status.events)}")
        self.stdout.write(f"last event received: {last}")
        if status.old_key_until:
            self.stdout.write(f"the old key is accepted until {status.old_key_until:%Y-%m-%d %H:%M} UTC")


def _shape(status: Status) -> dict[str, Any]:
    return {
        "registered": status.registered,
        "enabled": status.enabled,
        "subscription_id": status.subscription_id,
        "url": status.url,
        "events": list(status.events),
        "reason": status.reason,
        "last_event_at": status.last_event_at and status.last_event_at.isoformat(),
        "old_key_until": status.old_key_until and status.old_key_until.isoformat(),
    }
