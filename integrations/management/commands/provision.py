"""`manage.py provision FILE [--check]`: create or update a tenant from YAML, all or nothing."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import CommandParser

from connectors.clock import SystemClock
from integrations.engine.schedule import refresh_schedules
from integrations.management.cli import ScriptableCommand, UsageError, actor
from integrations.models import Connection, Integration
from integrations.provision.apply import apply
from integrations.provision.node import Reading
from integrations.provision.plan import Known, Plan
from integrations.provision.reading import LARGEST, Unreadable, read
from integrations.provision.schema import parse
from integrations.provision.targets import look, verify

MOST_ADDED = 20  # added mapping rows that are listed one by one
MOST_REMARKS = 10


class Command(ScriptableCommand):
    help = "Create or update a tenant with its users, connections, integrations and mappings from a YAML file."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", metavar="FILE", type=Path)
        parser.add_argument("--check", action="store_true", help="say what would change and write nothing")

    def handle(self, *args: Any, file: Path, check: bool, **options: Any) -> None:
        plan, remarks = _checked(file)
        clock = SystemClock()
        shown, unseen = look(plan, clock)
        _refuse(file, verify(plan, shown))
        lines = apply(plan, actor=actor(), now=clock.now(), shown=shown, check=check)
        if not check:
            refresh_schedules()
        self._report(plan, lines, [f"! {remark}" for remark in (*remarks, *unseen)], check)

    def _report(self, plan: Plan, lines: list[str], remarks: list[str], check: bool) -> None:
        slug = plan.tenant.slug
        changed = [line for line in lines if not line.startswith("!")]
        unresolved = [line for line in lines if line.startswith("!")]
        if len(unresolved) > MOST_REMARKS:
            unresolved[MOST_REMARKS:] = [f"! and {len(unresolved) - MOST_REMARKS} more"]
        if not changed:
            self.stdout.write(f"{slug}: nothing to change.")
        else:
            self.stdout.write(f"{slug} would change, nothing was written:" if check else f"{slug} is provisioned:")
        for line in _shortened(changed):
            self.stdout.write(f"  {line}")
        for remark in (*unresolved, *remarks):
            self.stdout.write(self.style.WARNING(f"  {remark}"))
        if not check:
            self.stdout.write(f"Next: manage.py ping {slug}")
            for integration in plan.integrations:
                self.stdout.write(f"      manage.py sync {slug}/{integration.name} --preview")


def _checked(file: Path) -> tuple[Plan, list[str]]:
    """What the file asks for, and what is worth telling about it. Raises UsageError with all errors."""
    try:
        with file.open("rb") as stream:
            tree = read(stream.read(LARGEST + 1))
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror or 'cannot be read'}") from None
    except Unreadable as error:
        raise UsageError(f"{file}: {error}") from None
    reading = Reading(os.environ, file.resolve().parent)
    plan = parse(tree, reading, _known)
    _refuse(file, reading.errors)
    return plan, reading.remarks


def _known(slug: str) -> Known:
    return Known(
        users=frozenset(get_user_model().objects.values_list("username", flat=True)),
        connections=dict(Connection.objects.filter(tenant__slug=slug).values_list("name", "system")),
        integrations={
            name: (recipe, source, target)
            for name, recipe, source, target in Integration.objects.filter(tenant__slug=slug).values_list(
                "name", "recipe", "source__name", "target__name"
            )
        },
    )


def _refuse(file: Path, errors: list[str]) -> None:
    if errors:
        count = "1 error" if len(errors) == 1 else f"{len(errors)} errors"
        raise UsageError(f"{file}: {count}, nothing was written\n" + "\n".join(f"  {error}" for error in errors))


def _shortened(lines: list[str]) -> list[str]:
    """Every removal and change, but not thousands of added mapping rows."""
    added = [line for line in lines if line.startswith("+ mapping")]
    hidden = set(added[MOST_ADDED:])
    shown = [line for line in lines if line not in hidden]
    return [*shown, f"+ {len(hidden)} more mapping rows"] if hidden else shown
