"""Two clusters on one PostgreSQL share SAP Business One's session, and each payment of BILL's is entered once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest
from django.db.models import Q

from integrations.engine.schedule import ring
from integrations.models import Delivery, Flow, State
from tests.builders import manage_json, money
from tests.sap_world import SapWorld, sap_world

from .conftest import Clusters, eventually

pytestmark = [pytest.mark.postgres, pytest.mark.slow]

VENDORS, INVOICES = 6, 24
OPEN = (State.PENDING, State.SENDING, State.UNCERTAIN, State.HELD, State.FAILED)


@pytest.fixture
def world(postgres_clusters: Clusters) -> Iterator[SapWorld]:
    """Every invoice is a bill in BILL, of which a part was paid there; SAP has forgotten its session."""
    with sap_world(sap_options={"login_seconds": 0.5}, duplicates_allowed=True) as made:
        for n in range(VENDORS):
            made.add_vendor(f"V{n}", f"Supplier {n}")
        for n in range(INVOICES):
            made.add_invoice(f"INV-{n}", "100.00", f"V{n % VENDORS}")
        code, said = manage_json(postgres_clusters.url, "sync", "acme/ap")
        assert code == 0, said
        for row in made.bills().values():
            made.bill.do_pay([{"billId": row["id"], "amount": money("40.00")}], disbursementType="ACH")
        for session in list(made.sap.sessions._open):
            made.sap.sessions.drop(session)
        made.sap.latency = made.bill.latency = 0.02
        yield made


def test_each_payment_is_entered_once_over_one_session(world: SapWorld, postgres_clusters: Clusters) -> None:
    for flow in Flow.objects.order_by("position"):
        ring(flow)
    postgres_clusters.start()
    postgres_clusters.start()
    at_work: set[str] = set()

    def done() -> bool:
        at_work.update(Flow.objects.exclude(claimed_by="").values_list("claimed_by", flat=True))
        busy = Flow.objects.filter(~Q(claim_token="") | Q(rung_at__isnull=False)).exists()
        return len(world.payments()) >= INVOICES and not busy and not Delivery.objects.filter(state__in=OPEN).exists()

    eventually(done, within=120, what="all payments entered", every=0.05)
    entered = Counter(row["TransferReference"] for row in world.payments())
    assert entered == {f"bill:{key}": 1 for key in world.bill.payments.rows}
    assert {money(row["PaidToDate"]) for row in world.sap.ledger.sets()["PurchaseInvoices"].rows.values()} == {
        money("40.00")
    }
    stats = world.sap.stats()
    assert (stats["logins"], stats["login_attempts"]) == (2, 2), "one by the sync before, one for all workers of both"
    assert stats["open_sessions"] == 1
    assert len(at_work) > 1, "only one worker ever worked"
