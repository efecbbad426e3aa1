"""Who may see and do what: tenants by membership, deeds by role (a group's permissions).

Two permissions stand for deeds, not for editing by hand, which nobody may: `change_delivery` is to replay a
delivery or settle it outside, `add_run` is to sync now.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth.management import create_permissions
from django.contrib.auth.models import Group, Permission
from django.db.models import QuerySet

from .models import Membership, Tenant

ADMINISTRATOR = "administrator"
FINANCE_MANAGER = "finance_manager"
AUDITOR = "auditor"

REPLAY = "integrations.change_delivery"
SYNC = "integrations.add_run"

_SHOWN = ("connection", "delivery", "flow", "integration", "link", "mapping", "reference", "run")
_VIEW = frozenset(
    {f"integrations.view_{name}" for name in (*_SHOWN, "tenant", "webhookevent")} | {"audit.view_auditevent"}
)
_FINANCE = {REPLAY, SYNC, *(f"integrations.{verb}_mapping" for verb in ("add", "change", "delete"))}
_ADMINISTRATION = {
    "integrations.change_tenant",
    "integrations.change_flow",
    *(f"integrations.{verb}_{name}" for verb in ("add", "change") for name in ("connection", "integration")),
    "integrations.delete_connection",
    *(f"auth.{verb}_user" for verb in ("view", "add", "change")),
}

#: Role (group) -> permissions. The roles are the product's own: every `migrate` sets them to exactly these.
ROLES: dict[str, frozenset[str]] = {
    ADMINISTRATOR: _VIEW | _FINANCE | _ADMINISTRATION,
    FINANCE_MANAGER: _VIEW | _FINANCE,
    AUDITOR: _VIEW,
}

User = Any  # a user of the admin or of the API, signed in or not


def tenants_of(user: User) -> set[str] | None:
    """Slugs of the tenants a user sees; None means all of them."""
    if not user.is_active:
        return set()
    if user.is_superuser:
        return None
    return set(Tenant.objects.filter(membership__user=user).values_list("slug", flat=True))


def scoped(queryset: QuerySet[Any], user: User, path: str) -> QuerySet[Any]:
    """The rows of the user's tenants. `path` leads to the tenant, "" on tenants themselves."""
    if user.is_active and user.is_superuser:
        return queryset
    if not user.is_active:
        return queryset.none()
    lookup = f"{path}__in" if path else "pk__in"
    return queryset.filter(**{lookup: Membership.objects.filter(user=user).values("tenant")})


def name_of(user: User) -> str:
    """The actor in the audit trail."""
    return str(user.get_username())


def ensure_roles(sender: Any = None, **kwargs: Any) -> None:
    """Create the roles with their permissions. Runs after `migrate`, also on an empty database."""
    from django.apps import apps

    for label in {permission.partition(".")[0] for permissions in ROLES.values() for permission in permissions}:
        create_permissions(apps.get_app_config(label), verbosity=0)
    known = {
        f"{each.content_type.app_label}.{each.codename}": each
        for each in Permission.objects.select_related("content_type")
    }
    for role, permissions in ROLES.items():
        group, _ = Group.objects.get_or_create(name=role)
        group.permissions.set([known[name] for name in sorted(permissions)])
