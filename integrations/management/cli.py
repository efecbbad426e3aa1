"""What the commands share: finding what a person named, and leaving with the right exit code.

Exit codes: 0 done, 1 something is held, failed or different, 2 usage or configuration, 3 a system is
unreachable or refuses the credentials.
"""

from __future__ import annotations

import getpass
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from django.core.management.base import CommandError, OutputWrapper

from integrations.models import Connection, Integration, Tenant
from integrations.wording import listed, unknown


class UsageError(CommandError):
    """Asked for something that does not exist or cannot work as configured: exit 2."""

    def __init__(self, message: str) -> None:
        super().__init__(message, returncode=2)


def fail(message: str, code: int) -> NoReturn:
    """Leave with `message` on standard error."""
    raise CommandError(message, returncode=code)


def actor() -> str:
    """Who is at the command line, for the audit trail."""
    try:
        return f"{getpass.getuser()} (command line)"
    except (KeyError, OSError):  # a container's user without a name
        return "command line"


def print_json(stdout: OutputWrapper, data: Any) -> None:
    """One object on standard output, for scripts."""
    stdout.write(json.dumps(data, ensure_ascii=False, default=str))


@contextmanager
def explained(stdout: OutputWrapper, *, as_json: bool) -> Iterator[None]:
    """With `--json`, usage errors too are one object on standard output."""
    try:
        yield
    except CommandError as error:
        if as_json:
            print_json(stdout, {"ok": False, "error": {"connection": "", "step": "usage", "message": str(error)}})
        raise


def find_tenant(text: str) -> Tenant:
    """The tenant with this slug. Raises UsageError naming the known ones."""
    tenant = Tenant.objects.filter(slug=text).first()
    if tenant is None:
        raise UsageError(unknown("tenant", text, Tenant.objects.values_list("slug", flat=True)))
    return tenant


def find_integration(text: str) -> Integration:
    """The integration TENANT/INTEGRATION, its tenant loaded. Raises UsageError naming the known ones."""
    slug, slash, name = text.partition("/")
    tenant = find_tenant(slug)
    names = list(tenant.integrations.values_list("name", flat=True))
    if not slash or not name:
        known = f" Known: {listed(f'{slug}/{each}' for each in names)}" if names else ""
        raise UsageError(f"say which integration: TENANT/INTEGRATION.{known}")
    if name not in names:
        raise UsageError(unknown(f"integration of {slug}", name, names))
    return tenant.integrations.select_related("tenant").get(name=name)


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
    """The flow names as given. Raises UsageError naming the known ones."""
    known = list(integration.flows.values_list("name", flat=True))
    for name in names:
        if name not in known:
            raise UsageError(unknown(f"flow of {integration}", name, known))
    return names
