"""Nobody sees or touches another tenant, on any screen; nobody does more than his role allows."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from integrations.access import tenants_of
from integrations.models import Delivery, Flow, Mapping
from tests.integrations.world import SECRETS, World, make_user

MODELS = [model for model in admin.site._registry if model._meta.app_label in ("integrations", "audit")]
CLIENTS = ("administrator", "finance", "auditor")


def url_of(model: Any, what: str = "changelist", *args: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{what}", args=args)


@pytest.fixture
def client_of(request: pytest.FixtureRequest) -> Any:
    return lambda name: request.getfixturevalue(name)


def test_every_screen_of_ours_is_covered_below() -> None:
    names = {model._meta.model_name for model in MODELS}
    rows = "tenant connection integration delivery mapping run link webhookevent reference"
    assert names == {*rows.split(), "auditevent"}


@pytest.mark.parametrize("who", CLIENTS)
@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.model_name)
def test_lists_show_own_rows_and_no_others(acme: World, rival: World, client_of: Any, who: str, model: Any) -> None:
    page = client_of(who).get(url_of(model))
    assert page.status_code == 200
    text = page.content.decode()
    assert acme.mark in text or "acme" in text
    assert rival.mark not in text
    assert "rival" not in text


@pytest.mark.parametrize("who", CLIENTS)
def test_details_of_others_do_not_exist(acme: World, rival: World, client_of: Any, who: str) -> None:
    client = client_of(who)
    for own, other in zip(acme.rows(), rival.rows(), strict=True):
        assert client.get(url_of(own, "change", own.pk)).status_code == 200, own
        for what in ("change", "history", "delete"):
            answer = client.get(url_of(other, what, other.pk))
            assert answer.status_code in (302, 403, 404), (what, other)
            assert rival.mark not in answer.content.decode()


@pytest.mark.parametrize("who", CLIENTS)
def test_filters_and_searches_reach_no_further(acme: World, rival: World, client_of: Any, who: str) -> None:
    client = client_of(who)
    for query in (
        f"flow={rival.flows['bills'].pk}",
        f"flow__integration={rival.integration.pk}",
        f"q={rival.held.document}",
        f"key={rival.held.key}",
    ):
        text = client.get(f"{url_of(Delivery)}?{query}").content.decode()
        assert rival.held.message not in text


def test_choices_hold_only_own_rows(acme: World, rival: World, administrator: Client, finance: Client) -> None:
    for client, path in (
        (administrator, reverse("admin:integrations_integration_add") + "?recipe=sage100_bill"),
        (administrator, reverse("admin:integrations_connection_add") + "?system=bill"),
        (finance, reverse("admin:integrations_mapping_add")),
        (administrator, reverse("admin:auth_user_add")),
    ):
        page = client.get(path)
        assert page.status_code == 200, path
        assert "acme" in page.content.decode().lower()
        assert "rival" not in page.content.decode().lower()


def test_deeds_reach_no_further(acme: World, rival: World, finance: Client) -> None:
    answer = finance.post(reverse("admin:integrations_integration_sync", args=[rival.integration.pk]))
    assert answer.status_code == 404
    finance.post(url_of(Delivery), {"action": "replay", "_selected_action": [rival.held.pk], "confirmed": "1"})
    rival.held.refresh_from_db()
    assert rival.held.state == "held"
    finance.post(
        reverse("admin:integrations_mapping_add"),
        {"integration": rival.integration.pk, "table": "accounts", "source": "1", "target": "2"},
    )
    assert not Mapping.objects.filter(source="1").exists()


def test_suggestions_of_others_are_empty(acme: World, rival: World, finance: Client) -> None:
    query = {"table": "accounts", "column": "target", "q": ""}
    path = reverse("admin:integrations_mapping_suggest")
    own = finance.get(path, {**query, "integration": acme.integration.pk}).json()["results"]
    assert [each["value"] for each in own] == ["6000", "6100"]
    assert finance.get(path, {**query, "integration": rival.integration.pk}).json() == {"results": []}


@pytest.mark.parametrize("who", CLIENTS)
def test_connection_tests_are_for_administrators_of_the_tenant(
    acme: World, rival: World, client_of: Any, who: str
) -> None:
    client = client_of(who)
    path = reverse("admin:integrations_connection_test", args=[rival.pay.pk])
    assert client.post(path).status_code == 404
    path = reverse("admin:integrations_connection_test", args=[acme.pay.pk])
    assert client.get(path).status_code == 405
    if who != "administrator":
        assert client.post(path).status_code == 403


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.model_name)
def test_an_auditor_changes_nothing(acme: World, auditor: Client, model: Any) -> None:
    rows = {type(row): row for row in acme.rows()}
    assert auditor.post(url_of(model, "add"), {}).status_code == 403
    if model in rows:
        pk = rows[model].pk
        assert auditor.post(url_of(model, "change", pk), {"target": "x"}).status_code == 403
        assert auditor.post(url_of(model, "delete", pk), {"post": "yes"}).status_code == 403
    assert b"_save" not in auditor.get(url_of(model)).content


def test_an_auditor_neither_syncs_nor_replays(acme: World, auditor: Client) -> None:
    assert auditor.post(reverse("admin:integrations_integration_sync", args=[acme.integration.pk])).status_code == 403
    auditor.post(url_of(Delivery), {"action": "replay", "_selected_action": [acme.held.pk], "confirmed": "1"})
    acme.held.refresh_from_db()
    assert acme.held.state == "held"
    page = auditor.get(url_of(Delivery, "change", acme.held.pk)).content
    assert b"Replay" not in page


def test_an_auditor_exports_the_trail(acme: World, rival: World, auditor: Client) -> None:
    text = b"".join(auditor.get(reverse("admin:audit_auditevent_export")).streaming_content).decode()
    assert acme.held.document in text
    assert rival.held.document not in text


def test_a_finance_manager_edits_mappings_and_no_settings(acme: World, finance: Client) -> None:
    flow = acme.flows["bills"]
    for row in (acme.tenant, acme.erp, acme.integration):
        assert finance.post(url_of(row, "change", row.pk), {"name": "x", "flows-0-every": "1d"}).status_code == 403
    flow.refresh_from_db()
    assert flow.every == Flow.objects.get(pk=flow.pk).every == 900
    assert finance.get(url_of(Mapping, "change", acme.mapping.pk)).status_code == 200
    assert finance.get(reverse("admin:auth_user_changelist")).status_code == 403


@pytest.mark.parametrize("who", ["administrator", "finance", "auditor", "root"])
def test_deliveries_are_never_edited_by_hand(acme: World, client_of: Any, who: str) -> None:
    client = client_of(who)
    path = url_of(Delivery, "change", acme.held.pk)
    assert client.post(path, {"state": "delivered"}).status_code == 403
    acme.held.refresh_from_db()
    assert acme.held.state == "held"


def test_the_queue_and_tokens_are_not_on_screen(root: Client) -> None:
    page = root.get(reverse("admin:index")).content.decode()
    assert "django_q" not in page
    assert "authtoken" not in page
    assert root.get("/admin/django_q/schedule/").status_code == 404


@pytest.mark.parametrize("who", [*CLIENTS, "root"])
def test_no_page_holds_a_secret(acme: World, client_of: Any, who: str) -> None:
    client = client_of(who)
    pages = [reverse("admin:index"), *(url_of(model) for model in MODELS)]
    pages += [url_of(row, "change", row.pk) for row in (*acme.rows(), acme.pay)]
    for page in pages:
        text = client.get(page).content.decode()
        assert not [secret for secret in SECRETS if secret in text], page


def test_tenants_of_a_user(acme: World, rival: World) -> None:
    both = make_user("both", "auditor", acme.tenant, rival.tenant)
    assert tenants_of(both) == {"acme", "rival"}
    assert tenants_of(make_user("nobody", "auditor")) == set()
    assert tenants_of(User(username="boss", is_superuser=True)) is None
    assert tenants_of(User(username="gone", is_superuser=True, is_active=False)) == set()
