"""`manage.py audit export|verify`: hand out the trail, or check that nobody touched it."""

from __future__ import annotations

import getpass
import json
import sys
from argparse import ArgumentParser
from contextlib import closing
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any, BinaryIO

from django.core.management.base import BaseCommand, CommandError

from audit.export import Export
from audit.models import AuditEvent
from audit.verify import tenants, verify


class Command(BaseCommand):
    help = "Export the audit trail as CSV, or verify its tamper-evident chain."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        export = actions.add_parser("export", help="the trail as CSV, streamed, with a manifest")
        export.add_argument("--tenant", help="the slug of one tenant (default: all)")
        export.add_argument("--from", dest="since", metavar="DATE", help="first UTC day, or ISO instant")
        export.add_argument("--to", dest="until", metavar="DATE", help="last UTC day, or ISO instant; both inclusive")
        export.add_argument("--out", metavar="FILE", help="default: standard output, manifest on standard error")
        check = actions.add_parser("verify", help="exit 0 when the chain is intact, 1 when it is broken")
        check.add_argument("--tenant", help="the slug of one tenant (default: all)")

    def handle(self, *args: Any, action: str, tenant: str | None, **options: Any) -> None:
        if tenant is not None and tenant not in (known := tenants()):
            names = ", ".join(known) or "none yet"
            raise CommandError(f"no audit events for tenant {tenant!r}; tenants with events: {names}", returncode=2)
        if action == "verify":
            self._verify(tenant)
        else:
            self._export(tenant, options["since"], options["until"], options["out"])

    def _verify(self, tenant: str | None) -> None:
        result = verify(tenant)
        if bad := result.first_bad:
            raise CommandError(f"BROKEN at tenant {bad.tenant}, event {bad.sequence}: {bad.why}", returncode=1)
        self.stdout.write(f"OK: {result.events} events, the chain is intact")

    def _export(self, tenant: str | None, since: str | None, until: str | None, out: str | None) -> None:
        events = AuditEvent.objects.all()
        start = _instant("--from", since) if since else None
        end = _end("--to", until) if until else None
        if start and end and start >= end:
            raise CommandError(f"--from {since} is after --to {until}", returncode=2)
        if tenant:
            events = events.filter(tenant=tenant)
        if start:
            events = events.filter(at__gte=start)
        if end:
            events = events.filter(at__lt=end)
        given = {"tenant": tenant, "from": since, "to": until}
        export = Export(
            events, actor=f"command:{getpass.getuser()}", filters={key: value for key, value in given.items() if value}
        )
        try:
            if out is None:
                _copy(export, sys.stdout.buffer)
                self.stderr.write(_pretty(export))
                return
            _write(export, Path(out))
        except OSError as error:
            raise CommandError(f"cannot write {out or 'to standard output'}: {error.strerror}", returncode=2) from error
        self.stdout.write(f"{export.manifest['rows']} events written to {out}")


def _copy(export: Export, file: BinaryIO) -> None:
    with closing(iter(export)) as blocks:  # what breaks off is recorded at once
        for block in blocks:
            file.write(block)
    file.flush()


def _write(export: Export, path: Path) -> None:
    """The file appears under its name only when it is complete."""
    partial = path.with_name(f"{path.name}.partial")
    try:
        with partial.open("wb") as file:
            _copy(export, file)
        path.with_name(f"{path.name}.manifest.json").write_text(_pretty(export) + "\n", encoding="utf-8")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _pretty(export: Export) -> str:
    return json.dumps(export.manifest, indent=2)


def _instant(option: str, text: str) -> datetime:
    """The start of a UTC day, or an instant: without an offset it is UTC too."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise CommandError(
            f"{option} {text!r} is not a date; write 2026-11-30, or 2026-11-30T18:00 for an instant (UTC)", returncode=2
        ) from None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _end(option: str, text: str) -> datetime:
    """The first instant after what `text` includes: its whole UTC day, or the instant itself."""
    moment = _instant(option, text)
    try:
        date.fromisoformat(text)
    except ValueError:
        return moment + timedelta(microseconds=1)
    return datetime.combine(moment.date() + timedelta(days=1), time(), UTC)
