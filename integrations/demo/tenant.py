"""The demo's tenant: one provision file with the connections, integrations and mappings of every chapter."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from django.core.management import call_command
from django.utils import timezone

from audit.verify import verify
from integrations.models import Connection, Flow, Integration, Mapping, Tenant

from .chapter import Chapter
from .ground import expect

FILE = Path(__file__).with_name("demo.yaml")
DAYS_BACK = 90


def provision(chapters: Sequence[Chapter], passwords: dict[str, str]) -> str:
    """Create the tenant, as an operator would, with these passwords by user. Raises Unexpected."""
    os.environ.update(environment(chapters, passwords))
    call_command("provision", FILE, stdout=io.StringIO())
    rows = Mapping.objects.exclude(target_id="").count()
    expect(rows == Mapping.objects.count() > 0, "not every mapping row was found among the systems' accounts")
    counts = {
        "users": len(passwords),
        "connections": Connection.objects.count(),
        "integrations": Integration.objects.count(),
        "flows": Flow.objects.count(),
        "mapping rows": rows,
    }
    return f"{Tenant.objects.get().slug}: {', '.join(f'{count} {what}' for what, count in counts.items())}"


def environment(chapters: Sequence[Chapter], passwords: dict[str, str]) -> dict[str, str]:
    """What the provision file asks for: DEMO_PAY_URL is where the connection `pay` leads to, and so on."""
    values = {"DEMO_START_DATE": (timezone.localdate() - timedelta(days=DAYS_BACK)).isoformat()}
    for chapter in chapters:
        for connection, stand in chapter.stands.items():
            facts = {"url": stand.base_url, **stand.example.settings, **stand.example.credentials}
            values |= {_variable(connection, name): str(value) for name, value in facts.items()}
    return values | {_variable(user, "password"): password for user, password in passwords.items()}


def prove() -> str:
    """Walk the audit trail's chain. Raises Unexpected when it is broken."""
    walk = verify(Tenant.objects.get().slug)
    expect(walk.first_bad is None and walk.events, "the audit trail does not verify")
    return f"{walk.events} events, chain intact"


def _variable(owner: str, name: str) -> str:
    return f"DEMO_{owner}_{name}".upper().replace("-", "_")
