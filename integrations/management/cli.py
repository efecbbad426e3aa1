"""What the commands share: finding what a person named, and leaving with the right exit code.

Exit codes: 0 done, 1 something is held, failed or different, 2 usage, configuration or a fault of our own,
3 a system is unreachable or refuses the credentials, 130 and 143 ended by Ctrl-C and by SIGTERM.
"""

from __future__ import annotations

import getpass
import json
import logging
import signal
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser, OutputWrapper
from django.db import DatabaseError, InterfaceError

from integrations.engine.context import flows_in_use
from integrations.fields import KeyMissing
from integrations.models import Connection, Integration, Tenant
from integrations.wording import listed, unknown

log = logging.getLogger(__name__)

INTERRUPTED = 130  # what shells call the exit code of Ctrl-C


TERMINATED = 143  # and of SIGTERM


class Terminated(KeyboardInterrupt):
    """SIGTERM, which ends us as cleanly as Ctrl-C does."""


class Failed(CommandError):
    """Not done. `connection` and `step` say where, as far as that is known."""

    def __init__(self, message: str, code: int, *, connection: str = "", step: str = "") -> None:
        super().__init__(message, returncode=code)
        self.connection = connection
        self.step = step

    def as_json(self) -> dict[str, Any]:
        return {"ok": False, "error": {"connection": self.connection, "step": self.step, "message": str(self)}}


class UsageError(Failed):
    """Asked for something that does not exist or cannot work as configured: exit 2."""

    def __init__(self, message: str) -> None:
        super().__init__(message, 2, step="usage")


class ScriptableCommand(BaseCommand):
    """A command that ends in a way scripts can rely on, whatever happens.

    With `--json` every failure is one object on standard output, wrong usage too. Without it a line on standard
    error, and a traceback only with `--traceback`.
    """

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        parser = super().create_parser(prog_name, subcommand, allow_abbrev=False, **kwargs)
        parser.called_from_command_line = False  # wrong usage is raised, not printed
        return parser

    def run_from_argv(self, argv: list[str]) -> None:
        try:
            super().run_from_argv(argv)
        except CommandError as error:
            failure = error
            if not isinstance(error, Failed):  # the parser's; any other comes from `execute`, with --traceback
                failure = UsageError(f"{str(error).removeprefix('Error: ')}; see {argv[1]} --help")
                if "--json" in argv:
                    print_json(self.stdout, failure.as_json())
            self.stderr.write(f"{type(failure).__name__}: {failure}")
            raise SystemExit(failure.returncode) from None

    def execute(self, *args: Any, **options: Any) -> str | None:
        try:
            with terminable():
                return super().execute(*args, **options)
        except (Exception, KeyboardInterrupt) as error:
            failure = _told(error)
            if options.get("json"):
                print_json(self.stdout, failure.as_json())
            if failure is not error and (options.get("json") or options.get("traceback")):
                log.error("%s", failure, exc_info=error)
            raise failure from error


@contextmanager
def terminable() -> Iterator[None]:
    """SIGTERM raises Terminated, once: a second one must not cut off what the first set going."""

    def terminate(*_: object) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise Terminated

    if threading.current_thread() is not threading.main_thread():  # only that one may handle signals
        yield
        return
    before = signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _told(error: BaseException) -> Failed:
    """Any exception for people. The text of one that nobody expected may hold anything, so it is not repeated."""
    if isinstance(error, Failed):
        return error
    text = " ".join(str(error).split())
    if isinstance(error, KeyMissing):
        return Failed(f"a stored secret cannot be opened: {text}", 2, step="credentials")
    if isinstance(error, DatabaseError | InterfaceError):
        return Failed(f"the database does not serve us: {text}", 2, step="database")
    if isinstance(error, CommandError | ImproperlyConfigured):
        return Failed(text, 2, step="settings")
    if isinstance(error, Terminated):
        return Failed("terminated", TERMINATED, step="interrupted")
    if isinstance(error, KeyboardInterrupt):
        return Failed("interrupted", INTERRUPTED, step="interrupted")
    return Failed(f"unexpected {type(error).__name__}; --traceback logs where", 2, step="unexpected")


def fail(message: str, code: int, *, connection: str = "", step: str = "") -> NoReturn:
    """Leave with `message` on standard error."""
    raise Failed(message, code, connection=connection, step=step)


def actor() -> str:
    """Who is at the command line, for the audit trail."""
    try:
        return f"{getpass.getuser()} (command line)"
    except (KeyError, OSError):  # a container's user without a name
        return "command line"


def print_json(stdout: OutputWrapper, data: Any) -> None:
    """One object on standard output, for scripts; plain ASCII, which no terminal's encoding can refuse."""
    stdout.write(json.dumps(data, default=str))


def find_tenant(text: str) -> Tenant:
    """The tenant with this slug. Raises UsageError naming the known ones."""
    tenant = Tenant.objects.filter(slug=text).first()
    if tenant is None:
        raise UsageError(unknown("tenant", text, Tenant.objects.values_list("slug", flat=True)))
    return tenant


def find_integration(text: str) -> Integration:
    """The integration TENANT/INTEGRATION, its tenant loaded.

    Raises UsageError naming the known ones, and Failed when its connections' credentials cannot be opened.
    """
    slug, slash, name = text.partition("/")
    tenant = find_tenant(slug)
    names = list(tenant.integrations.values_list("name", flat=True))
    if not slash or not name:
        known = f" Known: {listed(f'{slug}/{each}' for each in names)}" if names else ""
        raise UsageError(f"say which integration: TENANT/INTEGRATION.{known}")
    if name not in names:
        raise UsageError(unknown(f"integration of {slug}", name, names))
    integration = tenant.integrations.select_related("tenant").get(name=name)
    _require_keys((integration.source_id, integration.target_id))
    return integration


def _require_keys(connections: Iterable[int]) -> None:
    locked = []
    for pk in connections:
        try:
            Connection.objects.only("credentials").get(pk=pk)
        except KeyMissing:
            locked.append(Connection.objects.values_list("name", flat=True).get(pk=pk))
    if locked:
        fail(
            f"the credentials of {' and '.join(locked)} cannot be opened: FERNET_KEYS lacks the key they were "
            "encrypted with. Put it back, or provision the credentials again.",
            2,
            connection=locked[0],
            step="credentials",
        )


def find_connections(text: str) -> tuple[Tenant, list[Connection]]:
    """The connections of TENANT, or the one of TENANT/CONNECTION, credentials not loaded. Raises UsageError."""
    slug, slash, name = text.partition("/")
    tenant = find_tenant(slug)
    connections = list(tenant.connections.defer("credentials"))
    names = [each.name for each in connections]
    if slash and name not in names:
        raise UsageError(unknown(f"connection of {slug}", name, names))
    if not connections:
        raise UsageError(f"{slug} has no connection yet: describe one in a provision file")
    return tenant, [each for each in connections if not slash or each.name == name]


def find_flows(integration: Integration, names: list[str]) -> list[str]:
    """The flow names as given. Raises UsageError naming those that the integration's settings call for."""
    known = [flow.name for flow in flows_in_use(integration.flows.all())]
    for name in names:
        if name not in known:
            raise UsageError(unknown(f"flow of {integration}", name, known))
    return names
