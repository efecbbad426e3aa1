"""A checked plan into the database: all of it or nothing, every change an audit event."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import F

from audit.chain import append
from integrations.access import ROLES
from integrations.engine.books import ReferenceBook
from integrations.fields import KeyMissing
from integrations.mapping.resolve import resolve
from integrations.models import Connection, Flow, Integration, Membership, Tenant
from integrations.recipes import RECIPES

from .changes import ADDED, CHANGED, Changes, differing
from .plan import ConnectionPlan, IntegrationPlan, Plan, TenantPlan, UserPlan
from .tables import replace_table
from .targets import Shown


def apply(plan: Plan, *, actor: str, now: datetime, shown: Shown, check: bool = False) -> list[str]:
    """Write the plan and answer what changed, one line each. With `check` everything is undone again.

    `shown` is the reference data that the systems showed; it is stored, so that mappings resolve at once.
    """
    with transaction.atomic():
        changes = Changes(actor)
        tenant = _tenant(plan.tenant, changes)
        for user in plan.users:
            _user(user, tenant, changes)
        for connection in plan.connections:
            _connection(connection, tenant, changes)
        for integration in plan.integrations:
            _integration(integration, tenant, changes)
        for (name, kind), records in shown.items():
            ReferenceBook(tenant.connections.get(name=name)).absorb(kind, records, now=now)
        for name, tables in plan.mappings.items():
            row = tenant.integrations.get(name=name)
            for table, rows in tables.items():
                replace_table(row, table, rows, changes)
            for problem in resolve(row):
                changes.say(f"! {name}: {problem}")
        append(tenant.slug, changes.entries, at=now)
        if check:
            transaction.set_rollback(True)
    return changes.lines


def _tenant(plan: TenantPlan, changes: Changes) -> Tenant:
    tenant = Tenant.objects.filter(slug=plan.slug).first()
    values = {"name": plan.name, "time_zone": plan.time_zone, "currency": plan.currency}
    given = {name: value for name, value in values.items() if value is not None}
    if tenant is None:
        tenant = Tenant.objects.create(**{"slug": plan.slug, "name": plan.slug, **given})
        changes.add(f"{ADDED} tenant {plan.slug}", "settings_changed", "tenant", plan.slug, after=given)
        return tenant
    before, after = _set(tenant, given)
    if after:
        tenant.save()
        line = f"{CHANGED} tenant {plan.slug}: {differing(before, after)}"
        changes.add(line, "settings_changed", "tenant", plan.slug, before=before, after=after)
    return tenant


def _set(row: Any, values: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Assign; the values that changed, before and after."""
    changed = {name: value for name, value in values.items() if getattr(row, name) != value}
    before = {name: getattr(row, name) for name in changed}
    for name, value in changed.items():
        setattr(row, name, value)
    return before, changed


# --- people --------------------------------------------------------------------------------------


def _user(plan: UserPlan, tenant: Tenant, changes: Changes) -> None:
    model = get_user_model()
    user = model.objects.filter(username=plan.username).first()
    created = user is None
    if user is None:
        user = model(username=plan.username)
    roles = [] if created else sorted(user.groups.filter(name__in=ROLES).values_list("name", flat=True))
    facts: dict[str, Any] = {"role": ", ".join(roles), "password": "", "active": user.is_active, "tenant": ""}
    user.is_staff = user.is_active = True  # staff: may enter the admin, which is the product's face
    wanted = {**facts, "role": plan.role, "active": True, "tenant": tenant.slug}
    if not created and Membership.objects.filter(user=user, tenant=tenant).exists():
        facts["tenant"] = tenant.slug
    if plan.password and (created or not user.check_password(plan.password)):
        user.set_password(plan.password)
        wanted["password"] = "changed"  # noqa: S105
    if wanted == facts:
        return
    user.save()
    user.groups.remove(*Group.objects.filter(name__in=ROLES).exclude(name=plan.role))
    user.groups.add(Group.objects.get_or_create(name=plan.role)[0])
    Membership.objects.get_or_create(user=user, tenant=tenant)
    line = (
        f"{ADDED} user {plan.username} ({plan.role})"
        if created
        else f"{CHANGED} user {plan.username}: {differing(facts, wanted)}"
    )
    before = {} if created else facts
    changes.add(line, "user_changed", "user", plan.username, before=before, after=wanted)


# --- connections ---------------------------------------------------------------------------------


def _connection(plan: ConnectionPlan, tenant: Tenant, changes: Changes) -> None:
    connection = tenant.connections.filter(name=plan.name).defer("credentials").first()
    created = connection is None
    if connection is None:
        connection = Connection(tenant=tenant, name=plan.name, system=plan.system)
    given = {"base_url": plan.base_url, "settings": plan.settings, "tls": plan.tls}
    before, after = _set(connection, {name: value for name, value in given.items() if value is not None})
    changed_secrets = _set_credentials(connection, plan.credentials, created)
    connection.refused_at, connection.last_error = None, ""
    connection.save()
    if created:
        line = f"{ADDED} connection {plan.name} ({plan.system} at {plan.base_url})"
    else:
        line = f"{CHANGED} connection {plan.name}: {differing(before, after)}"
    if after:
        changes.add(line, "settings_changed", "connection", plan.name, before=before, after=after)
    if changed_secrets:
        line = f"{CHANGED} connection {plan.name}: credentials ({', '.join(changed_secrets)})"
        after = {"changed": changed_secrets}
        changes.add(line, "credentials_changed", "connection", plan.name, after=after)


def _set_credentials(connection: Connection, wanted: dict[str, str] | None, created: bool) -> list[str]:
    """The names of those that changed."""
    if wanted is None:
        return []
    try:
        stored: dict[str, str] = {} if created else connection.credentials or {}
    except KeyMissing:  # the key is lost; entering the credentials again is the way out
        stored = {}
    connection.credentials = wanted  # type: ignore[assignment]
    return sorted(name for name in {*stored, *wanted} if stored.get(name) != wanted.get(name))


# --- integrations --------------------------------------------------------------------------------


def _integration(plan: IntegrationPlan, tenant: Tenant, changes: Changes) -> None:
    source = tenant.connections.defer("credentials").get(name=plan.source)
    target = tenant.connections.defer("credentials").get(name=plan.target)
    integration = tenant.integrations.filter(name=plan.name).first()
    if integration is None:
        assert plan.start_date is not None
        integration = Integration.objects.create(
            tenant=tenant,
            name=plan.name,
            recipe=plan.recipe,
            source=source,
            target=target,
            start_date=plan.start_date,
            settings=plan.settings or {},
        )
        line = (
            f"{ADDED} integration {plan.name} ({plan.recipe}: {source.name} -> {target.name}, from {plan.start_date})"
        )
        after = {"recipe": plan.recipe, "source": source.name, "target": target.name, "start_date": plan.start_date}
        after |= {"settings": integration.settings}
        changes.add(line, "settings_changed", "integration", plan.name, integration=plan.name, after=after)
    else:
        _change_integration(plan, integration, source, target, changes)
    _flows(plan, integration, changes)


def _change_integration(
    plan: IntegrationPlan, integration: Integration, source: Connection, target: Connection, changes: Changes
) -> None:
    earlier = plan.start_date is not None and plan.start_date < integration.start_date
    moved = {integration.source_id, integration.target_id} != {source.pk, target.pk}
    given = {"source": source, "target": target, "start_date": plan.start_date, "settings": plan.settings}
    before, after = _set(integration, {name: value for name, value in given.items() if value is not None})
    if not after:
        return
    integration.save()
    Integration.objects.filter(pk=integration.pk).update(generation=F("generation") + 1)
    line = f"{CHANGED} integration {plan.name}: {differing(before, after)}"
    changes.add(line, "settings_changed", "integration", plan.name, integration=plan.name, before=before, after=after)
    flows = integration.flows.all()
    if not (earlier or moved):
        flows = flows.filter(name__in=_rereading(plan, before, after))
    if flows.update(cursors={}, last_full_at=None):
        changes.say(f"! {plan.name}: everything since {integration.start_date} is read again in the next sync")


def _rereading(plan: IntegrationPlan, before: dict[str, Any], after: dict[str, Any]) -> set[str]:
    """The flows whose scope a changed setting moved."""
    recipe = RECIPES[plan.recipe]
    old, new = (recipe.defaults() | (each.get("settings") or {}) for each in (before, after))
    return recipe.rereads(name for name in new if old.get(name) != new[name])


def _flows(plan: IntegrationPlan, integration: Integration, changes: Changes) -> None:
    existing = {flow.name: flow for flow in integration.flows.all()}
    for position, spec in enumerate(RECIPES[plan.recipe].flows):
        asked = plan.flows.get(spec.name)
        every, enabled = (asked.every, asked.enabled) if asked else (None, None)
        flow = existing.get(spec.name)
        if flow is None:
            flow = Flow(integration=integration, name=spec.name, position=position)
            flow.every = every or spec.every
            flow.enabled = enabled is not False
            flow.save()
            continue
        given = {"every": every, "enabled": enabled, "position": position}
        before, after = _set(flow, {name: value for name, value in given.items() if value is not None})
        if after:
            flow.save(update_fields=list(after))
            document = f"{plan.name}/{spec.name}"
            line = f"{CHANGED} flow {document}: {differing(before, after)}"
            changes.add(line, "settings_changed", "flow", document, integration=plan.name, before=before, after=after)
