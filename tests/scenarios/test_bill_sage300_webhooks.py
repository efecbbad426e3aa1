"""BILL's notifications: verified, collected for a moment, read back, and one batch for all of them."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django_q.models import OrmQ

from integrations.engine import unattended
from integrations.models import Flow, Run, State, WebhookEvent


@pytest.fixture
def subscribed(sage: Any, live_server: Any, settings: Any) -> Any:
    settings.PUBLIC_URL = live_server.url
    assert sage.sync().ok
    call_command("webhooks", "acme/ap", "register", stdout=StringIO())
    Flow.objects.update(rung_at=None)
    OrmQ.objects.all().delete()
    return sage


def drain(sage: Any) -> list[str]:
    """Work off the queue as a cluster would, then what its runs rang for."""
    words = []
    for _ in range(20):
        row = OrmQ.objects.order_by("id").first()
        if row is None:
            return words
        task = row.task
        row.delete()
        options = {"slot": None, "clock": sage.clock, "trigger": task["kwargs"]["trigger"]}
        words.append(unattended.run_flow(*task["args"], **options))
    raise AssertionError("the bells never stop")


def test_the_recipes_events_are_subscribed_to(subscribed):
    (subscription,) = subscribed.bill.subscriptions.values()
    assert {event["type"] for event in subscription["events"]} == {
        "vendor.created",
        "vendor.updated",
        "bill.created",
        "bill.updated",
    }


def test_bills_that_come_together_go_in_one_batch(subscribed):
    vendor = subscribed.add_vendor()
    for number in range(5):
        subscribed.add_bill(f"INV-{number}", vendor=vendor)
    assert subscribed.bill.do_flush_events() == {"pending": 0}
    assert WebhookEvent.objects.filter(type="bill.created").count() == 5
    assert OrmQ.objects.count() == 2  # a bell for each flow, however many events

    drain(subscribed)

    (batch,) = subscribed.batches()
    assert len(batch["Invoices"]) == 5
    waits = [nap for nap in subscribed.clock.naps if 3 < nap <= 5]
    assert waits


def test_an_event_is_only_a_hint(subscribed):
    """What the notification says is not believed: BILL is asked."""
    bill = subscribed.add_bill("INV-1", status="ASSIGNED")
    subscribed.bill.do_send_event("bill.updated", bill, copies=3)
    subscribed.bill.do_flush_events()
    drain(subscribed)
    assert not subscribed.batches()
    assert not [row for row in subscribed.deliveries() if row.state != State.SUPERSEDED]


def test_only_notifications_are_waited_for(subscribed):
    subscribed.add_bill("INV-1")
    subscribed.bill.do_flush_events()
    flow = subscribed.flow("bills")
    assert unattended.run_flow(flow.pk, slot=None, trigger=Run.Trigger.SWEEP, clock=subscribed.clock) == "ran"
    assert not [nap for nap in subscribed.clock.naps if 3 < nap <= 5]


def test_without_a_window_nothing_is_waited_for(subscribed):
    subscribed.set(webhook_window=0)
    subscribed.add_bill("INV-1")
    subscribed.bill.do_flush_events()
    drain(subscribed)
    assert list(subscribed.entries()) == ["INV-1"]
    assert not [nap for nap in subscribed.clock.naps if 3 < nap <= 5]
