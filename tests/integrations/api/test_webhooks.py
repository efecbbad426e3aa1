from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from django_q.models import OrmQ

from integrations.models import Flow, WebhookEvent
from tests.integrations.world import ORGANIZATION, SECRETS, World, make_world

KEY = SECRETS[3]


@pytest.fixture
def acme(db: None) -> World:
    return make_world("acme")


@pytest.fixture
def knock(acme: World) -> Iterator[Any]:
    """POST a signed event as BILL does."""

    def post(
        event: Any = None, *, key: str = KEY, uuid: Any = acme.pay.uuid, system: str = "bill", **extra: Any
    ) -> Any:
        body = event if isinstance(event, bytes) else json.dumps(event or make_event()).encode()
        signature = base64.b64encode(hmac.new(key.encode(), body, hashlib.sha256).digest()).decode()
        headers = {"x-bill-sha-signature": signature, **extra.pop("headers", {})}
        client = Client(enforce_csrf_checks=True)
        return client.post(f"/webhooks/{system}/{uuid}/", body, "application/json", headers=headers, **extra)

    return post


def make_event(event_id: str = "e-1", **metadata: str) -> dict[str, Any]:
    facts = {"eventId": event_id, "subscriptionId": "sub-acme", "organizationId": ORGANIZATION}
    return {
        "metadata": {**facts, "eventType": "payment.updated", "version": "1", **metadata},
        "payment": {"id": "stp01", "status": "PAID"},
    }


def stored() -> list[tuple[str, str, str]]:
    rows = WebhookEvent.objects.filter(event_id__startswith="e-")
    return list(rows.values_list("event_id", "type", "entity_id"))


def test_a_signed_event_is_stored_and_rings_the_flows_that_listen(acme: World, knock: Any) -> None:
    assert knock().status_code == 200
    assert stored() == [("e-1", "payment.updated", "stp01")]
    rung = Flow.objects.filter(rung_at__isnull=False)
    assert [flow.name for flow in rung] == ["payments"]
    assert OrmQ.objects.count() == 1


def test_a_duplicate_answers_200_and_does_nothing(acme: World, knock: Any) -> None:
    knock()
    Flow.objects.update(rung_at=None)
    assert knock().status_code == 200
    assert len(stored()) == 1
    assert not Flow.objects.filter(rung_at__isnull=False).exists()


def test_an_event_nobody_listens_to_is_stored_only(acme: World, knock: Any) -> None:
    assert knock(make_event(eventType="card-account.created")).status_code == 200
    assert len(stored()) == 1
    assert not Flow.objects.filter(rung_at__isnull=False).exists()


def test_a_flow_that_is_switched_off_is_not_rung(acme: World, knock: Any) -> None:
    Flow.objects.filter(name="payments").update(enabled=False)
    assert knock().status_code == 200
    assert not Flow.objects.filter(rung_at__isnull=False).exists()


@pytest.mark.parametrize("signature", ["", "bm9wZQ==", "not base64 é"])
def test_a_missing_or_wrong_signature_is_401(acme: World, knock: Any, signature: str) -> None:
    assert knock(headers={"x-bill-sha-signature": signature}).status_code == 401
    assert not stored()


def test_a_changed_byte_is_401(acme: World, knock: Any) -> None:
    signed = json.dumps(make_event()).encode()
    signature = base64.b64encode(hmac.new(KEY.encode(), signed, hashlib.sha256).digest()).decode()
    assert knock(signed + b" ", headers={"x-bill-sha-signature": signature}).status_code == 401


def test_without_a_key_everything_is_401(acme: World, knock: Any) -> None:
    acme.subscription.key = ""
    acme.subscription.save()
    assert knock(key="").status_code == 401
    acme.subscription.delete()
    assert knock().status_code == 401


def test_the_old_key_is_accepted_until_its_time_is_over(acme: World, knock: Any) -> None:
    acme.subscription.key, acme.subscription.previous_key = "new-key", KEY
    acme.subscription.previous_until = timezone.now() + timedelta(hours=1)
    acme.subscription.save()
    assert knock(make_event("e-1")).status_code == 200
    assert knock(make_event("e-2"), key="new-key").status_code == 200
    acme.subscription.previous_until = timezone.now() - timedelta(seconds=1)
    acme.subscription.save()
    assert knock(make_event("e-3")).status_code == 401


def test_unknown_connections_and_other_systems_are_404(acme: World, knock: Any) -> None:
    assert knock(uuid="00000000-0000-4000-8000-000000000000").status_code == 404
    assert knock(uuid=acme.erp.uuid).status_code == 404
    assert knock(uuid="not-a-uuid").status_code == 404
    assert knock(system="sage100", uuid=acme.erp.uuid).status_code == 404
    assert knock(system="nobody").status_code == 404


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete", "head", "options"])
def test_other_methods_are_405(acme: World, method: str) -> None:
    assert getattr(Client(), method)(f"/webhooks/bill/{acme.pay.uuid}/").status_code == 405


def test_a_body_over_1_mib_is_413_and_not_read(acme: World) -> None:
    class Unread:
        def read(self, *args: Any) -> bytes:
            raise AssertionError("the body was read")

        readline = read

    environ = {"wsgi.input": Unread(), "CONTENT_LENGTH": str(1024 * 1024 + 1)}
    assert Client().post(f"/webhooks/bill/{acme.pay.uuid}/", **environ).status_code == 413


def test_a_body_of_exactly_1_mib_is_judged(acme: World, knock: Any) -> None:
    event = make_event()
    event["padding"] = ""
    event["padding"] = "x" * (1024 * 1024 - len(json.dumps(event)))
    assert knock(event).status_code == 200


@pytest.mark.parametrize("body", [b"{", b"[]", b'"text"', b"{}", b"\xff\xfe", b""])
def test_signed_nonsense_is_logged_and_answered_200(
    acme: World, knock: Any, body: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    assert knock(body if body else b" ").status_code == 200
    assert not stored()
    assert "signed, but unreadable" in caplog.text
    assert knock(body if body else b" ", key="another").status_code == 401


@pytest.mark.parametrize("metadata", [{"subscriptionId": "sub-other"}, {"organizationId": "008OTHER"}])
def test_a_signed_event_meant_for_others_is_dropped_with_200(
    acme: World, knock: Any, metadata: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    assert knock(make_event(**metadata)).status_code == 200
    assert not stored()
    assert "another subscription or organization" in caplog.text


def test_it_takes_few_queries(acme: World, knock: Any, django_assert_max_num_queries: Any) -> None:
    with django_assert_max_num_queries(10):  # six, and the savepoints of a test
        assert knock().status_code == 200


def test_no_secret_is_answered(acme: World, knock: Any) -> None:
    for answer in (knock(), knock(key="wrong"), knock(b"{")):
        assert not [secret for secret in SECRETS if secret in answer.content.decode()]
