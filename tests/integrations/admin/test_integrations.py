from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_q.models import Schedule

from audit.models import AuditEvent
from integrations.admin.integration_form import ListField
from integrations.display import format_duration
from integrations.models import Connection, Flow, Heartbeat, Integration, Mapping, Run
from tests.integrations.world import World, make_delivery


def change(world: World) -> str:
    return reverse("admin:integrations_integration_change", args=[world.integration.pk])


def filled(world: World, **fields: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "start_date": "2026-10-01",
        "enabled": "on",
        "setting_long_invoice_numbers": "hold",
        "setting_erp_vendor_number_rule": "B{seq:06d}",
        "flows-TOTAL_FORMS": len(world.flows),
        "flows-INITIAL_FORMS": len(world.flows),
    }
    for number, flow in enumerate(world.flows.values()):
        every = format_duration(flow.every)
        values |= {f"flows-{number}-id": flow.pk, f"flows-{number}-integration": world.integration.pk}
        values |= {f"flows-{number}-enabled": "on", f"flows-{number}-every": every}
    return {name: value for name, value in (values | fields).items() if value is not None}


def field_of(world: World, flow: str, name: str) -> str:
    return f"flows-{list(world.flows).index(flow)}-{name}"


def test_the_form_reads_back_unchanged(acme: World, administrator: Client) -> None:
    page = administrator.get(change(acme)).content.decode()
    assert 'value="15m"' in page
    assert 'value="1d"' in page
    assert administrator.post(change(acme), filled(acme)).status_code == 302
    assert not AuditEvent.objects.filter(event="settings_changed").exists()


def test_an_interval_takes_effect_at_once(acme: World, administrator: Client) -> None:
    assert (
        administrator.post(change(acme), filled(acme, **{field_of(acme, "bills", "every"): "1h 30m"})).status_code
        == 302
    )
    bills = Flow.objects.get(name="bills")
    assert bills.every == 5400
    assert Schedule.objects.get(name=f"flow:{bills.pk}").minutes == 90
    event = AuditEvent.objects.get(event="settings_changed")
    assert (event.document, json.loads(event.response)) == ("bills", {"every": 5400})


def test_a_flow_that_is_switched_off_loses_its_schedule(acme: World, administrator: Client) -> None:
    administrator.post(change(acme), filled(acme, **{field_of(acme, "bills", "enabled"): None}))
    bills = Flow.objects.get(name="bills")
    assert not bills.enabled
    assert not Schedule.objects.filter(name=f"flow:{bills.pk}").exists()


@pytest.mark.parametrize("text", ["", "soon", "5s", "10x", "-1m", "9999999d"])
def test_a_silly_interval_is_refused(acme: World, administrator: Client, text: str) -> None:
    assert administrator.post(change(acme), filled(acme, **{field_of(acme, "bills", "every"): text})).status_code == 200
    assert Flow.objects.get(name="bills").every == 900


def test_an_earlier_start_reads_again(acme: World, administrator: Client) -> None:
    Flow.objects.update(cursors={"bills": {"at": "x"}}, last_full_at=timezone.now())
    administrator.post(change(acme), filled(acme, start_date="2026-12-01"))
    assert Flow.objects.filter(last_full_at=None).count() == 0
    administrator.post(change(acme), filled(acme, start_date="2026-09-01"))
    assert {json.dumps(flow.cursors) for flow in Flow.objects.all()} == {"{}"}
    assert Flow.objects.filter(last_full_at=None).count() == len(acme.flows)


def test_an_integration_is_added_with_its_flows(acme: World, administrator: Client) -> None:
    path = reverse("admin:integrations_integration_add") + "?recipe=sage100_bill"
    fields = {
        "tenant": acme.tenant.pk,
        "name": "second",
        "source": acme.erp.pk,
        "target": acme.pay.pk,
        "start_date": "2026-11-01",
        "enabled": "on",
        "setting_long_invoice_numbers": "shorten",
    }
    assert administrator.post(path, {**fields, "target": acme.erp.pk}).status_code == 200  # another system
    twin = administrator.post(path, fields)
    assert "acme/ACME-ap handles the documents of these two connections already" in twin.content.decode()
    fields["target"] = Connection.objects.create(tenant=acme.tenant, name="west", system="bill", base_url="x").pk
    assert administrator.post(path, fields).status_code == 302
    made = Integration.objects.get(name="second")
    assert made.start_date == date(2026, 11, 1)
    assert made.settings["long_invoice_numbers"] == "shorten"
    assert [flow.name for flow in made.flows.all()] == list(acme.flows)
    assert Schedule.objects.filter(name__startswith="flow:").count() == 2 * (len(acme.flows) - 1)


def test_connections_of_two_tenants_are_never_paired(acme: World, rival: World, root: Client) -> None:
    path = reverse("admin:integrations_integration_add") + "?recipe=sage100_bill"
    fields = {
        "tenant": acme.tenant.pk,
        "name": "mixed",
        "source": acme.erp.pk,
        "target": rival.pay.pk,
        "start_date": "2026-11-01",
        "setting_long_invoice_numbers": "hold",
    }
    assert "belongs to another tenant" in root.post(path, fields).content.decode()


def test_sync_now_rings_all_flows_or_one(acme: World, finance: Client) -> None:
    path = reverse("admin:integrations_integration_sync", args=[acme.integration.pk])
    assert finance.get(path).status_code == 405
    finance.post(path, {"flow": "bills"})
    assert [flow.name for flow in Flow.objects.filter(rung_at__isnull=False)] == ["bills"]
    answer = finance.post(path, {"next": "overview"})
    assert answer.url == reverse("admin:index")
    rung = set(Flow.objects.filter(rung_at__isnull=False).values_list("name", flat=True))
    assert rung == set(acme.flows) - {"new_vendors"}  # which no setting calls for


def test_sync_now_gives_refused_credentials_another_try(acme: World, finance: Client) -> None:
    Connection.objects.filter(pk=acme.pay.pk).update(refused_at=timezone.now())
    finance.post(reverse("admin:integrations_integration_sync", args=[acme.integration.pk]))
    assert Connection.objects.get(pk=acme.pay.pk).refused_at is None


# --- a flow that a setting switches on -----------------------------------------------------------


def test_a_flow_without_its_setting_shows_nowhere(acme: World, administrator: Client) -> None:
    assert "new vendors" not in overview(administrator)
    assert ">new_vendors<" not in administrator.get(change(acme)).content.decode()
    asked = {"setting_create_vendors_in_erp": "on"}
    assert administrator.post(change(acme), filled(acme, **asked)).status_code == 302
    flow = acme.flows["new_vendors"]
    assert Schedule.objects.filter(name=f"flow:{flow.pk}").exists()
    assert "new vendors" in overview(administrator)
    assert "new_vendors" in administrator.get(change(acme)).content.decode()
    assert administrator.post(change(acme), filled(acme)).status_code == 302  # and off again
    assert not Schedule.objects.filter(name=f"flow:{flow.pk}").exists()


def test_what_is_stuck_shows_even_where_it_will_not_run(acme: World, finance: Client) -> None:
    make_delivery(acme.flows["new_vendors"], "Nobody Inc", "held")
    page = overview(finance)
    assert "new vendors" in page
    assert "switched off" in page


# --- the overview --------------------------------------------------------------------------------


def overview(client: Client) -> str:
    return client.get(reverse("admin:index")).content.decode()


def test_the_overview_tells_freshness_and_money_at_risk(acme: World, rival: World, finance: Client) -> None:
    Heartbeat.objects.create(name="host", at=timezone.now())
    Mapping.objects.update(problem="account 6000 not found")
    make_delivery(acme.flows["bills"], "INV-8", "held", amount_minor=100_000_000, currency="CAD")
    page = overview(finance)
    assert "2 held" in page
    assert "1,000,000.00 CAD, 1,234.50 USD" in page
    assert "1 failed" in page
    assert "1 mapping could not be resolved" in page
    assert "as of" in page
    assert "RIVAL" not in page
    assert "No task cluster" not in page


def test_the_overview_says_what_is_broken(acme: World, finance: Client) -> None:
    Connection.objects.filter(pk=acme.pay.pk).update(
        refused_at=timezone.now(), last_error="BILL refused the password", tls={"verify": False}
    )
    Run.objects.create(
        flow=acme.flows["bills"], trigger="manual", state="failed", started_at=timezone.now(), error="BILL is down"
    )
    Flow.objects.filter(name="vendors").update(as_of=timezone.now() - timedelta(days=1))
    Run.objects.create(flow=acme.flows["vendors"], trigger="manual", state="done", started_at=timezone.now())
    page = overview(finance)
    for words in (
        "No task cluster",
        "credentials refused",
        "certificate is not checked",
        "last run failed",
        "BILL is down",
        "late",
        "not run yet",
    ):
        assert words in page, words


def test_the_overview_takes_few_queries(
    acme: World, rival: World, root: Client, django_assert_max_num_queries: Any
) -> None:
    with django_assert_max_num_queries(12):
        overview(root)


@pytest.mark.parametrize(
    ("written", "kept"), [("Issued to Supplier, Sent,", ["Issued to Supplier", "Sent"]), ("", []), (" , ", [])]
)
def test_a_list_of_texts_is_written_with_commas(written: str, kept: list[str]) -> None:
    field = ListField(required=False)
    assert field.clean(written) == kept
    assert field.prepare_value(kept) == ", ".join(kept)
    assert not field.has_changed(kept, written)
