"""Two clusters on one PostgreSQL work on integrations that share one BILL organization and developer key."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import requests
from django.db.models import Q

from connectors.bill.sandbox import BillSandbox
from connectors.clock import SystemClock
from connectors.sage100.sandbox import Sage100Sandbox
from connectors.sandboxing import Fault, Running
from integrations.engine.schedule import ring, sweep
from integrations.models import Delivery, Flow, Link, Mapping, Slot, State
from tests.builders import money, provision

from .conftest import Clusters, eventually

pytestmark = [pytest.mark.postgres, pytest.mark.slow]

TENANTS = ("north", "south", "west")
VENDORS, INVOICES = 12, 120
OPEN = (State.PENDING, State.SENDING, State.UNCERTAIN, State.HELD, State.FAILED)
Fact = tuple[str, str, Decimal]


@dataclass
class Shared:
    """Three companies in ledgers of their own, one organization in BILL."""

    bill: BillSandbox
    bill_url: str
    wanted: set[Fact]

    def facts(self) -> list[Fact]:
        with self.bill.lock:
            names = {row["id"]: row["name"] for row in self.bill.vendors.rows.values()}
            return [
                (names[row["vendorId"]], row["invoice"]["invoiceNumber"], money(row["amount"]))
                for row in self.bill.bills.rows.values()
            ]

    def rest(self) -> bool:
        """Everything is there and nobody is at anything."""
        busy = Flow.objects.filter(~Q(claim_token="") | Q(rung_at__isnull=False))
        return (
            len(self.bill.bills.rows) >= len(self.wanted)
            and not Delivery.objects.filter(state__in=OPEN).exists()
            and not busy.exists()
        )

    def check(self) -> None:
        facts = self.facts()
        assert [fact for fact, count in Counter(facts).items() if count > 1] == []
        assert set(facts) == self.wanted
        names = [row["name"] for row in self.bill.vendors.rows.values()]
        assert len(names) == len(set(names)) == len(TENANTS) * VENDORS
        assert Link.objects.filter(flow__name="bills").count() == len(self.wanted)
        (most,) = self.bill.stats()["most_in_flight_by_org"].values()
        assert most == 3, "the cap was used and never passed"
        assert self.bill.refused["BDC_1322"] == 0
        assert not Slot.objects.filter(holder__gt="", number__gte=3).exists()


@pytest.fixture
def shared(postgres_clusters: Clusters) -> Iterator[Shared]:
    bill = BillSandbox()
    with Running(bill) as bill_on:
        accounts = [f"{number}" for number in ("5010-01-00", "5020-01-00")]
        for number in accounts:
            bill.do_create_account(f"Account {number}", number)
        wanted: set[Fact] = set()
        ledgers = []
        for slug in TENANTS:
            ledger = Running(_ledger(slug, accounts, wanted))
            ledgers.append(ledger)
            since = datetime.now(UTC).date() - timedelta(days=90)
            integration = provision(ledger.url, f"{bill_on.url}/connect", since, {"request_timeout": 5}, slug=slug)
            for number in accounts:
                Mapping.objects.create(integration=integration, table="accounts", source=number, target=number)
        requests.post(f"{bill_on.url}/_sandbox/latency", json={"seconds": 0.03}, timeout=5).raise_for_status()
        yield Shared(bill, bill_on.url, wanted)
        for ledger in ledgers:
            ledger.stop()


def _ledger(slug: str, accounts: list[str], wanted: set[Fact]) -> Sage100Sandbox:
    """Invoices of one company: amounts of two lines each, numbers that differ from company to company."""
    sage = Sage100Sandbox(rate_per_second=0)
    place = {"addressLine1": "1 Main St", "city": "Dayton", "state": "OH", "zipCode": "45402", "countryCode": "USA"}
    vendors = [{"vendor": f"V{n:03d}", "name": f"{slug.title()} Supplier {n}", **place} for n in range(VENDORS)]
    invoices = []
    for n in range(INVOICES):
        lines = [{"account": each, "amount": f"{n + 1}.{n % 90 + 10}"} for each in accounts]
        number = f"{slug[:1].upper()}-{n:05d}"
        invoices.append({"vendor": f"V{n % VENDORS:03d}", "invoice": number, "lines": lines, "created": "-3"})
        total = sum((Decimal(line["amount"]) for line in lines), Decimal(0))
        wanted.add((f"{slug.title()} Supplier {n % VENDORS}", number, total))
    sage.load(vendors=vendors, invoices=invoices)
    return sage


def start_all() -> None:
    for flow in Flow.objects.order_by("position", "id"):
        ring(flow)


def test_the_cap_holds_across_clusters_and_no_record_goes_twice(shared: Shared, postgres_clusters: Clusters) -> None:
    # Bulk creates are refused, so that every batch is bisected down to single requests: hundreds of them.
    shared.bill.faults = [Fault("bdc", method="POST", path="/v3/bills/bulk$", times=-1, body="BDC_1143")]
    start_all()
    postgres_clusters.start()
    postgres_clusters.start()
    at_work: set[str] = set()

    def done() -> bool:
        at_work.update(Flow.objects.exclude(claimed_by="").values_list("claimed_by", flat=True))
        return shared.rest()

    eventually(done, within=180, what="all bills delivered")
    shared.check()
    groups = {worker.rpartition(":")[2] for worker in at_work}
    assert len(groups) > 1, "only one worker ever worked"


def test_what_a_killed_cluster_was_doing_is_ended_by_the_other(shared: Shared, postgres_clusters: Clusters) -> None:
    shared.bill.faults = [Fault("bdc", method="POST", path="/v3/bills/bulk$", times=-1, body="BDC_1143")]
    start_all()
    first, second = postgres_clusters.start(), postgres_clusters.start()
    eventually(lambda: len(shared.facts()) > 60, within=120, what="some bills", every=0.05)
    postgres_clusters.kill(first)
    left = len(shared.facts())
    assert left < len(shared.wanted), "killed too late to prove anything"
    swept = time.monotonic()

    def done() -> bool:
        nonlocal swept
        if time.monotonic() - swept > 3:  # the cluster's own sweep would come each minute
            sweep(SystemClock())
            swept = time.monotonic()
        return shared.rest()

    eventually(done, within=240, what="the rest delivered")
    assert second.poll() is None
    shared.check()
