from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import reverse

from audit.models import AuditEvent
from integrations.access import ROLES, ensure_roles
from integrations.models import Membership, Tenant
from tests.integrations.world import World, make_user

ADD = "admin:auth_user_add"


def change(user: User) -> str:
    return reverse("admin:auth_user_change", args=[user.pk])


def filled(user: User, *tenants: Tenant, **fields: Any) -> dict[str, Any]:
    values = {"username": user.username, "is_active": "on", "role": "auditor", "tenants": [each.pk for each in tenants]}
    return {name: value for name, value in (values | fields).items() if value is not None}


def new(tenants: list[int], **fields: Any) -> dict[str, Any]:
    password = {"password1": "correct-horse-7", "password2": "correct-horse-7"}
    return {"username": "newcomer", **password, "role": "finance_manager", "tenants": tenants, **fields}


def test_an_administrator_adds_a_person_who_can_work(acme: World, administrator: Client) -> None:
    assert administrator.post(reverse(ADD), new([acme.tenant.pk])).status_code == 302
    user = User.objects.get(username="newcomer")
    assert user.is_staff
    assert [group.name for group in user.groups.all()] == ["finance_manager"]
    assert [tenant.slug for tenant in user.tenants.all()] == ["acme"]
    client = Client()
    assert client.post(
        reverse("admin:login"), {"username": "newcomer", "password": "correct-horse-7"}, REMOTE_ADDR="127.0.0.1"
    ).url == reverse("admin:index")
    event = AuditEvent.objects.get(event="user_changed")
    assert (event.actor, event.document) == ("adam", "newcomer")
    assert json.loads(event.response) == {"active": True, "member": True, "role": "finance_manager"}


def test_a_person_without_a_tenant_or_with_a_foreign_one_is_refused(
    acme: World, rival: World, administrator: Client
) -> None:
    assert administrator.post(reverse(ADD), new([])).status_code == 200
    assert administrator.post(reverse(ADD), new([rival.tenant.pk])).status_code == 200
    assert not User.objects.filter(username="newcomer").exists()


def test_nobody_makes_himself_more(acme: World, administrator: Client) -> None:
    adam = User.objects.get(username="adam")
    fields = filled(adam, acme.tenant, role="administrator", is_superuser="on", user_permissions=[1], groups=[1])
    assert administrator.post(change(adam), fields).status_code == 302
    adam.refresh_from_db()
    assert not adam.is_superuser
    assert not adam.user_permissions.exists()
    assert [group.name for group in adam.groups.all()] == ["administrator"]


@pytest.mark.parametrize("what", ["change", "password_change"])
def test_superusers_and_strangers_are_out_of_reach(
    acme: World, rival: World, administrator: Client, root: Client, what: str
) -> None:
    stranger = make_user("stranger", "auditor", rival.tenant)
    shared = make_user("shared", "auditor", acme.tenant, rival.tenant)
    boss = User.objects.get(username="root")
    Membership.objects.create(user=boss, tenant=acme.tenant)
    for user in (stranger, shared, boss):
        name = "admin:auth_user_password_change" if what == "password_change" else "admin:auth_user_change"
        path = reverse(name, args=[user.pk])
        password = {"password1": "taken-over-123", "password2": "taken-over-123"}
        assert administrator.post(path, {**filled(user, acme.tenant), **password}).status_code in (302, 404)
        user.refresh_from_db()
        assert user.check_password("a-long-password")
        assert user.is_superuser == (user == boss)
    listed = administrator.get(reverse("admin:auth_user_changelist")).content.decode()
    assert "stranger" not in listed
    assert "shared" not in listed
    assert "root" not in listed


def test_a_changed_role_is_on_record_and_takes_effect(acme: World, administrator: Client) -> None:
    otto = make_user("otto", "auditor", acme.tenant)
    administrator.post(change(otto), filled(otto, acme.tenant, role="finance_manager"))
    event = AuditEvent.objects.get(event="user_changed")
    assert json.loads(event.request)["role"] == "auditor"
    assert json.loads(event.response)["role"] == "finance_manager"
    assert User.objects.get(pk=otto.pk).has_perm("integrations.change_mapping")


def test_a_deactivated_person_is_out(acme: World, administrator: Client) -> None:
    otto = make_user("otto", "auditor", acme.tenant)
    client = Client()
    client.force_login(otto)
    administrator.post(change(otto), filled(otto, acme.tenant, is_active=None))
    assert client.get(reverse("admin:index")).status_code == 302


def test_a_new_password_is_on_record_without_the_password(acme: World, administrator: Client) -> None:
    otto = make_user("otto", "auditor", acme.tenant)
    path = reverse("admin:auth_user_password_change", args=[otto.pk])
    fields = {"password1": "brand-new-pass-1", "password2": "brand-new-pass-1", "usable_password": "true"}
    assert administrator.post(path, fields).status_code == 302
    otto.refresh_from_db()
    assert otto.check_password("brand-new-pass-1")
    event = AuditEvent.objects.get(event="user_changed")
    assert json.loads(event.response) == {"password": "changed"}


def test_memberships_elsewhere_stay(acme: World, rival: World, root: Client, administrator: Client) -> None:
    shared = make_user("shared", "auditor", acme.tenant, rival.tenant)
    root.post(change(shared), filled(shared, rival.tenant))
    assert [tenant.slug for tenant in shared.tenants.all()] == ["rival"]


def test_a_tenant_shows_its_people_and_its_changes_are_on_record(acme: World, administrator: Client) -> None:
    path = reverse("admin:integrations_tenant_change", args=[acme.tenant.pk])
    assert "adam" in administrator.get(path).content.decode()
    fields = {"name": "ACME Ltd", "time_zone": "Europe/Berlin", "currency": "USD", "slug": "changed"}
    assert administrator.post(path, fields).status_code == 302
    acme.tenant.refresh_from_db()
    assert (acme.tenant.slug, acme.tenant.time_zone) == ("acme", "Europe/Berlin")
    event = AuditEvent.objects.get(event="settings_changed")
    assert json.loads(event.response) == {"name": "ACME Ltd", "time_zone": "Europe/Berlin"}
    assert administrator.post(path, {**fields, "time_zone": "Mars/Olympus"}).status_code == 200


def test_roles_mend_themselves_at_migrate(db: None) -> None:
    group = Group.objects.get(name="auditor")
    group.permissions.clear()
    Group.objects.filter(name="finance_manager").delete()
    ensure_roles()
    for name, permissions in ROLES.items():
        held = Group.objects.get(name=name).permissions.select_related("content_type")
        assert {f"{each.content_type.app_label}.{each.codename}" for each in held} == permissions
