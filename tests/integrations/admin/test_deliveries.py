from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from audit.models import AuditEvent
from integrations.admin.fixes import fix_for
from integrations.models import Delivery, Reason
from tests.integrations.world import World, make_delivery

LIST = "admin:integrations_delivery_changelist"


def act(client: Client, action: str, *rows: Delivery, **fields: Any) -> Any:
    return client.post(reverse(LIST), {"action": action, "_selected_action": [row.pk for row in rows], **fields})


def test_the_list_tells_state_amount_and_the_way_out(acme: World, finance: Client) -> None:
    page = finance.get(reverse(LIST)).content.decode()
    assert "1,234.50 USD" in page
    assert "0.05 USD" in page
    assert "account not mapped" in page
    assert f"/mapping/?integration={acme.integration.pk}&amp;table__exact=accounts" in page


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("state__exact=held", ["INV-2"]),
        ("reason__exact=rejected_by_target", ["INV-3"]),
        ("q=ACME-INV-1", ["INV-1"]),
        ("q=ACME-INV", []),
        ("q=00n1", ["INV-1"]),
        ("q=01-ACME01-ACME-INV-3", ["INV-3"]),
    ],
)
def test_filters_and_exact_search(acme: World, finance: Client, query: str, shown: list[str]) -> None:
    rows = finance.get(f"{reverse(LIST)}?{query}").context["cl"].result_list
    assert [row.document.removeprefix("ACME-") for row in rows] == shown


def test_the_list_takes_few_queries(acme: World, finance: Client, django_assert_max_num_queries: Any) -> None:
    for number in range(60):
        make_delivery(acme.flows["bills"], f"INV-9{number}", "held", reason="account_unmapped")
    with django_assert_max_num_queries(12):
        finance.get(reverse(LIST))


def test_the_detail_page_shows_record_and_trail(acme: World, auditor: Client) -> None:
    path = reverse("admin:integrations_delivery_change", args=[acme.held.pk])
    page = auditor.get(path).content.decode()
    assert "nothing was sent" in page
    assert "1234.50" in page
    assert AuditEvent.objects.get(source_key=acme.held.key).message in page


def test_replay_asks_first_and_then_puts_back(acme: World, finance: Client) -> None:
    page = act(finance, "replay", acme.held, acme.failed, acme.delivered).content.decode()
    assert "2 records" in page
    acme.held.refresh_from_db()
    assert acme.held.state == "held"
    answer = act(finance, "replay", acme.held, acme.failed, acme.delivered, confirmed="1")
    assert answer.status_code == 302
    states = Delivery.objects.order_by("pk").values_list("state", flat=True)
    assert list(states) == ["pending", "pending", "delivered"]
    assert {event.actor for event in AuditEvent.objects.filter(event="replayed")} == {"fiona"}


def test_replaying_all_that_a_filter_shows(acme: World, finance: Client) -> None:
    path = f"{reverse(LIST)}?state__exact=held"
    fields = {"action": "replay", "_selected_action": [acme.held.pk], "select_across": "1"}
    page = finance.post(path, fields).content.decode()
    assert "?state__exact=held" in page
    assert 'name="select_across" value="1"' in page
    finance.post(path, {**fields, "confirmed": "1"})
    acme.held.refresh_from_db()
    acme.failed.refresh_from_db()
    assert (acme.held.state, acme.failed.state) == ("pending", "failed")


def test_done_outside_needs_a_reason(acme: World, finance: Client) -> None:
    assert "Please give a reason" in act(finance, "mark_done_outside", acme.held, confirmed="1").content.decode()
    act(finance, "mark_done_outside", acme.held, confirmed="1", reason="paid by cheque 77")
    acme.held.refresh_from_db()
    assert (acme.held.state, acme.held.message) == ("done_outside", "paid by cheque 77")
    event = AuditEvent.objects.get(event="done_outside")
    assert event.actor == "fiona"


def test_nothing_to_replay_says_so(acme: World, finance: Client) -> None:
    answer = act(finance, "replay", acme.delivered)
    page = finance.get(answer.url).content.decode()
    assert "None of the chosen records is held or failed" in page


@pytest.mark.parametrize("reason", Reason.values)
def test_every_reason_has_a_way_out(acme: World, reason: str) -> None:
    acme.held.reason = reason
    fix = fix_for(acme.held)
    assert fix is not None
    assert fix.text


def test_markup_in_a_message_stays_text(acme: World, finance: Client) -> None:
    Delivery.objects.update(message="<script>alert(1)</script>", document="<b>x</b>")
    for path in (reverse(LIST), reverse("admin:integrations_delivery_change", args=[acme.held.pk])):
        page = finance.get(path).content.decode()
        assert "<script>alert" not in page
        assert "<b>x</b>" not in page
