"""A connection tried out: sign in and read something harmless, step by step."""

from __future__ import annotations

from collections.abc import Iterator

from connectors.clock import Clock
from connectors.errors import ConfigurationError, ConnectorError
from connectors.ports import PingStep
from integrations.fields import KeyMissing
from integrations.models import Connection

from .context import open_connector


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
