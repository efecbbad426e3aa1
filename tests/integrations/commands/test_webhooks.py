from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from audit.models import AuditEvent
from connectors.clock import SystemClock
from integrations.engine.subscriptions import check_subscriptions
from integrations.models import Connection, Integration, WebhookEvent, WebhookSubscription

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def public_url(settings):
    settings.PUBLIC_URL = "https://mlc.example"


@pytest.fixture
def registered(provisioned, run):
    assert run("webhooks", "acme/ap", "register")[0] == 0
    return WebhookSubscription.objects.get()


def there(bill):
    """What BILL holds: the one subscription."""
    (row,) = bill.sandbox.subscriptions.values()
    return row


def test_register_is_idempotent(provisioned, bill, run):
    code, out, _ = run("webhooks", "acme/ap", "register", "--json")
    answer = json.loads(out)
    assert (code, answer["registered"], answer["enabled"]) == (0, True, True)
    assert answer["events"] == ["payment.updated"]
    assert answer["url"] == f"https://mlc.example/webhooks/bill/{Connection.objects.get(name='pay').uuid}/"
    row = WebhookSubscription.objects.get()
    assert row.key == bill.sandbox.security_keys[row.subscription_id]
    events = AuditEvent.objects.count()
    assert run("webhooks", "acme/ap", "register")[0] == 0
    assert there(bill)["id"] == row.subscription_id
    assert WebhookSubscription.objects.get().key == row.key
    assert AuditEvent.objects.count() == events


def test_a_subscription_nobody_knows_the_key_of_is_taken_over(registered, bill, run):
    registered.delete()
    assert run("webhooks", "acme/ap", "register")[0] == 0
    row = WebhookSubscription.objects.get()
    assert row.subscription_id == there(bill)["id"]
    assert row.key == bill.sandbox.security_keys[row.subscription_id]


def test_register_enables_again_and_follows_a_new_address(registered, bill, run, settings):
    bill.sandbox.do_disable_subscription(registered.subscription_id)
    assert run("webhooks", "acme/ap", "status")[1].startswith("DISABLED (Notifications could not be delivered.)")
    settings.PUBLIC_URL = "https://other.example"
    assert run("webhooks", "acme/ap", "register")[0] == 0
    assert there(bill)["status"]["enabled"]
    assert there(bill)["notificationUrl"].startswith("https://other.example/")


def test_register_after_somebody_deleted_it_there(registered, bill, run):
    bill.sandbox.subscriptions.clear()
    assert "not registered: it no longer exists there" in run("webhooks", "acme/ap", "status")[1]
    assert run("webhooks", "acme/ap", "register")[0] == 0
    row = WebhookSubscription.objects.get()
    assert row.subscription_id == there(bill)["id"] != registered.subscription_id
    assert row.key == bill.sandbox.security_keys[row.subscription_id]


def test_rotate_keeps_the_old_key_for_a_day(registered, bill, run):
    before = datetime.now(UTC)
    assert run("webhooks", "acme/ap", "rotate")[0] == 0
    row = WebhookSubscription.objects.get()
    assert row.key == bill.sandbox.security_keys[row.subscription_id] != registered.key
    assert row.previous_key == registered.key
    assert timedelta(hours=24) <= row.previous_until - before < timedelta(hours=24, minutes=5)
    shown = "".join(f"{event.message}{event.request}{event.response}" for event in AuditEvent.objects.all())
    assert row.key not in shown
    assert registered.key not in shown


def test_status_shows_the_last_event(registered, run):
    assert "last event received: never" in run("webhooks", "acme/ap", "status")[1]
    WebhookEvent.objects.create(
        connection=registered.connection,
        subscription_id=registered.subscription_id,
        event_id="1",
        type="payment.updated",
        received_at=datetime(2026, 11, 2, 12, 30, tzinfo=UTC),
    )
    assert "last event received: 2026-11-02 12:30 UTC" in run("webhooks", "acme/ap", "status")[1]


def test_status_before_anything(provisioned, run):
    code, out, _ = run("webhooks", "acme/ap", "status", "--json")
    assert (code, json.loads(out)["registered"]) == (0, False)
    assert run("webhooks", "acme/ap", "rotate")[0] == 2


@pytest.mark.parametrize(
    ("url", "code"), [("http://mlc.example", 2), ("http://127.0.0.1:8000", 0), ("https://mlc.example", 0), ("", 2)]
)
def test_the_address_must_be_https_unless_loopback(provisioned, run, settings, url, code):
    settings.PUBLIC_URL = url
    assert run("webhooks", "acme/ap", "register")[0] == code


def test_a_cloud_that_does_not_answer(provisioned, bill, run):
    bill.stop()
    code, out, message = run("webhooks", "acme/ap", "register")
    assert (code, out) == (3, "")
    assert message.startswith("pay: ")


def test_an_unknown_integration(provisioned, run):
    message = "unknown integration of acme 'pa', did you mean 'ap'? Known: ap"
    assert run("webhooks", "acme/pa", "status") == (2, "", message)
    assert run("webhooks", "acme", "status") == (2, "", "say which integration: TENANT/INTEGRATION. Known: acme/ap")


def test_the_daily_check_enables_what_the_cloud_gave_up(registered, bill):
    assert check_subscriptions(SystemClock()) == 0
    bill.sandbox.do_disable_subscription(registered.subscription_id)
    assert check_subscriptions(SystemClock()) == 1
    assert there(bill)["status"]["enabled"]
    event = AuditEvent.objects.order_by("-sequence").first()
    assert event.message == "Webhooks had been disabled (Notifications could not be delivered.) and were enabled again"


def test_the_daily_check_survives_a_cloud_that_does_not_answer(registered, bill):
    bill.stop()
    assert check_subscriptions(SystemClock()) == 0


def test_two_integrations_of_one_connection_share_its_subscription(registered, bill, run):
    first = registered.integration
    Integration.objects.create(
        tenant=first.tenant,
        name="west",
        recipe=first.recipe,
        source=first.source,
        target=first.target,
        start_date=first.start_date,
    )
    assert run("webhooks", "acme/west", "register")[0] == 0
    assert run("webhooks", "acme/west", "rotate")[0] == 0
    key = bill.sandbox.security_keys[there(bill)["id"]]
    assert [row.key for row in WebhookSubscription.objects.all()] == [key, key]
    assert [row.previous_key for row in WebhookSubscription.objects.all()] == [registered.key] * 2
