"""Which tenants' events a person may see. Who belongs to which tenant is known to the host, not here."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.utils.module_loading import import_string

from .models import AuditEvent


def allowed_tenants(user: Any) -> set[str] | None:
    """The slugs the user may see; None is all. Asks the callable that setting AUDIT_TENANT_SCOPE names, if any."""
    path = getattr(settings, "AUDIT_TENANT_SCOPE", None)
    return import_string(path)(user) if path else None


def visible_to(user: Any, events: QuerySet[AuditEvent]) -> QuerySet[AuditEvent]:
    allowed = allowed_tenants(user)
    return events if allowed is None else events.filter(tenant__in=sorted(allowed))
