from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from rest_framework.authtoken.models import Token
from rest_framework.test import APIClient

from integrations.models import Flow, Tenant
from tests.integrations.world import SECRETS, World, make_delivery, make_user, make_world

PATHS = ["/api/runs/", "/api/attention/", "/api/audit/"]


@pytest.fixture
def acme(db: None) -> World:
    return make_world("acme")


@pytest.fixture
def rival(db: None) -> World:
    return make_world("rival")


def client_for(role: str, *tenants: Tenant) -> APIClient:
    user = make_user(f"script-{role}", role, *tenants)
    return APIClient(HTTP_AUTHORIZATION=f"Token {Token.objects.create(user=user)}")


@pytest.fixture
def finance(acme: World) -> APIClient:
    return client_for("finance_manager", acme.tenant)


@pytest.fixture
def auditor(acme: World) -> APIClient:
    return client_for("auditor", acme.tenant)


@pytest.mark.parametrize("path", [*PATHS, "/api/schema/"])
def test_nothing_without_a_token(acme: World, path: str) -> None:
    assert Client().get(path).status_code == 401


@pytest.mark.parametrize("path", PATHS)
def test_lists_hold_the_own_tenant_only(acme: World, rival: World, auditor: APIClient, path: str) -> None:
    answer = auditor.get(path)
    assert answer.status_code == 200
    assert {row["tenant"] for row in answer.json()["results"]} == {"acme"}
    assert "RIVAL" not in answer.content.decode()
    assert auditor.get(path, {"tenant": "rival"}).json()["results"] == []
    assert not [secret for secret in SECRETS if secret in answer.content.decode()]


@pytest.mark.parametrize("path", PATHS)
def test_a_user_without_a_role_sees_nothing(acme: World, path: str) -> None:
    client = client_for("auditor", acme.tenant)
    Token.objects.get().user.groups.clear()
    assert client.get(path).status_code == 403


def test_attention_tells_what_is_stuck_to_the_cent(acme: World, auditor: APIClient) -> None:
    make_delivery(acme.flows["bills"], "INV-9", "uncertain")
    rows = auditor.get("/api/attention/").json()["results"]
    assert [row["state"] for row in rows] == ["uncertain", "failed", "held"]
    assert [row["amount"] for row in rows] == ["1234.50", "0.05", "1234.50"]
    held = auditor.get("/api/attention/", {"reason": "account_unmapped"}).json()["results"]
    assert [row["document"] for row in held] == [acme.held.document]


def test_runs_have_counts_and_details(acme: World, rival: World, auditor: APIClient) -> None:
    row = auditor.get("/api/runs/", {"flow": "bills"}).json()["results"][0]
    assert row["counts"] == {"read": 3, "created": 1}
    assert auditor.get(f"/api/runs/{acme.run.pk}/").json() == row
    assert auditor.get(f"/api/runs/{rival.run.pk}/").status_code == 404


def test_a_filter_with_nonsense_is_400(acme: World, auditor: APIClient) -> None:
    assert auditor.get("/api/runs/", {"since": "yesterday"}).status_code == 400


def test_sync_rings_the_named_flows(acme: World, finance: APIClient) -> None:
    path = reverse("api-sync", args=["acme", acme.integration.name])
    answer = finance.post(path, {"flows": ["bills"]})
    assert (answer.status_code, answer.json()) == (202, {"flows": ["bills"]})
    assert [flow.name for flow in Flow.objects.filter(rung_at__isnull=False)] == ["bills"]
    assert finance.post(path, {"flows": ["nonsense"]}).status_code == 400
    assert finance.post(path, {}).json() == {"flows": ["accounts", "vendors", "bills", "payments"]}


def test_replay_puts_back_what_was_asked_for(acme: World, finance: APIClient) -> None:
    path = reverse("api-replay", args=["acme", acme.integration.name])
    assert finance.post(path, {}).status_code == 400
    assert finance.post(path, {"document": acme.delivered.document}).json() == {"replayed": 0}
    assert finance.post(path, {"document": acme.held.document}).json() == {"replayed": 1}
    acme.held.refresh_from_db()
    acme.failed.refresh_from_db()
    assert (acme.held.state, acme.failed.state) == ("pending", "failed")
    assert finance.post(path, {"all_failed": True}).json() == {"replayed": 1}


@pytest.mark.parametrize("what", ["sync", "replay"])
def test_deeds_need_the_role_and_the_tenant(
    acme: World, rival: World, finance: APIClient, auditor: APIClient, what: str
) -> None:
    body: dict[str, Any] = {"all_held": True} if what == "replay" else {}
    own = reverse(f"api-{what}", args=["acme", acme.integration.name])
    other = reverse(f"api-{what}", args=["rival", rival.integration.name])
    assert auditor.post(own, body).status_code == 403
    assert finance.post(other, body).status_code == 404
    assert finance.get(own).status_code == 405
    rival.held.refresh_from_db()
    assert rival.held.state == "held"


def test_the_schema_names_every_path(auditor: APIClient) -> None:
    schema = auditor.get("/api/schema/").json()
    assert schema["openapi"].startswith("3.")
    assert set(schema["paths"]) == {
        "/api/runs/",
        "/api/runs/{id}/",
        "/api/attention/",
        "/api/audit/",
        "/api/integrations/{tenant}/{name}/sync/",
        "/api/integrations/{tenant}/{name}/replay/",
    }
    replay = schema["paths"]["/api/integrations/{tenant}/{name}/replay/"]["post"]
    assert set(replay["responses"]) == {"202", "400", "401", "403", "404"}
    answer = replay["responses"]["202"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
    assert list(schema["components"]["schemas"][answer]["properties"]) == ["replayed"]
    ids = [operation["operationId"] for path in schema["paths"].values() for operation in path.values()]
    assert len(ids) == len(set(ids))


def test_lists_take_few_queries(acme: World, auditor: APIClient, django_assert_max_num_queries: Any) -> None:
    for number in range(20):
        make_delivery(acme.flows["bills"], f"INV-{number}", "held")
    for path in PATHS:
        with django_assert_max_num_queries(7):
            assert auditor.get(path).status_code == 200
