"""One real cluster on SQLite: what is provisioned runs by itself, and what is edited holds without a restart."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django_q.models import Schedule
from django_q.tasks import async_task

from connectors.bill.sandbox import BillSandbox
from connectors.sage100.sandbox import Sage100Sandbox
from connectors.sandboxing import Running
from integrations.engine.schedule import SWEEP, last_heartbeat, refresh_schedules
from integrations.models import Flow, Integration, Mapping, Run
from tests.builders import provision

from .conftest import Clusters, eventually

pytestmark = pytest.mark.slow

PLACE = {"addressLine1": "12 Mill Rd", "city": "Dayton", "state": "OH", "zipCode": "45402", "countryCode": "USA"}


@pytest.fixture
def bill(sqlite_clusters: Clusters) -> Iterator[BillSandbox]:
    sage, bill = Sage100Sandbox(rate_per_second=0), BillSandbox()
    with Running(sage) as sage_on, Running(bill) as bill_on:
        bill.do_create_account("Materials", "5010-01-00")
        sage.do_add_vendor(vendor="ACME01", name="Acme Building Supply", **PLACE)
        for number in range(3):
            sage.do_add_invoice(vendor="ACME01", invoice=f"INV-{number}", amount="100.00")
        since = datetime.now(UTC).date() - timedelta(days=90)
        integration = provision(sage_on.url, f"{bill_on.url}/connect", since)
        Mapping.objects.create(integration=integration, table="accounts", source="5010-01-00", target="5010-01-00")
        yield bill


def test_a_scheduled_flow_runs_by_itself_and_an_edited_interval_holds(
    bill: BillSandbox, sqlite_clusters: Clusters
) -> None:
    refresh_schedules()
    cluster = sqlite_clusters.start()  # its scheduler looks for the first time after 30 seconds
    eventually(lambda: len(bill.bills.rows) == 3, within=90, what="three bills in BILL")
    integration = Integration.objects.get()
    names = {"accounts", "vendors", "bills", "payments"}
    done = Run.objects.filter(state="done")
    eventually(lambda: set(done.values_list("flow__name", flat=True)) >= names, within=30, what="a run of every flow")
    assert done.filter(trigger=Run.Trigger.SCHEDULE, slot__isnull=False).exists()
    eventually(lambda: last_heartbeat() is not None, within=30, what="a heartbeat")

    flow = integration.flows.get(name="accounts")
    planned = Schedule.objects.get(name=f"flow:{flow.pk}").next_run
    Flow.objects.filter(pk=flow.pk).update(every=300)
    Flow.objects.filter(integration=integration, name="payments").update(enabled=False)
    async_task(SWEEP)  # the cluster's own comes within a minute
    eventually(
        lambda: Schedule.objects.get(name=f"flow:{flow.pk}").minutes == 5, within=30, what="the new interval planned"
    )
    assert Schedule.objects.get(name=f"flow:{flow.pk}").next_run < planned
    payments = integration.flows.get(name="payments")
    assert not Schedule.objects.filter(name=f"flow:{payments.pk}").exists()
    assert cluster.poll() is None
