"""`kill -9` while SAP Business One's payments are entered and taken back: each is there once in the end."""

from __future__ import annotations

import random
import signal
from decimal import Decimal

import pytest

from audit.models import AuditEvent
from audit.verify import verify
from integrations.models import Delivery, State
from tests.builders import money
from tests.faults.killing import MOMENTS, Moment, Trap, run
from tests.faults.sap_story import SapStory
from tests.sap_world import SapWorld

KILLS = 5
REQUESTS = 60  # a run makes about so many
LATER = (180, 700, 2 * 3600)  # seconds until the next process starts: slots and locks are free, sessions ended
WRITES = (("POST", r"/VendorPayments$"), ("POST", r"/Cancel$"), ("DELETE", r"/PaymentDrafts\("))

pytestmark = pytest.mark.slow

without_and_with_approval = pytest.mark.parametrize(
    "sap", [{}, {"approval": True}], indirect=True, ids=["posted", "approval"]
)


def run_until_done(world: SapWorld, trap: Trap | None = None) -> int:
    """The exit code: of a killed process, or of one that has left nothing but what waits for SAP's approver. What a
    dead one held may have to run out first."""
    for _ in range(3):
        code, said = run(trap, turning=world)
        if code in (0, -signal.SIGKILL) or _only_waiting():
            return code
        world.clock.turn(LATER[0])
    raise AssertionError(said)


def _only_waiting() -> bool:
    over = (State.DELIVERED, State.SUPERSEDED, State.VOIDED, State.DONE_OUTSIDE)
    return not Delivery.objects.exclude(state__in=over).exclude(state=State.HELD, reason="awaiting_approval")


@without_and_with_approval
def test_killed_at_random_moments(sap: SapWorld) -> None:
    """Half of the time at the very calls that write in SAP."""
    rng = random.Random(9)
    trap = Trap(sap.sap, sap.bill)
    story = SapStory(sap)
    for _ in range(3):
        story.play()
        assert story.done(sap.sync())
    story.play()
    kills = 0
    moments = set()
    while kills < KILLS or moments != set(MOMENTS):
        moment = rng.choice(MOMENTS)
        method, path = rng.choice(WRITES) if rng.random() < 0.5 else ("", "")
        trap.arm(0 if path else rng.randint(1, REQUESTS), moment, delay=rng.random() * 0.03, method=method, path=path)
        if run_until_done(sap, trap) == -signal.SIGKILL:
            kills += 1
            moments.add(moment)
            sap.clock.turn(rng.choice(LATER))
            continue
        story.check()
        story.play()
    trap.arm(0, "")
    assert run_until_done(sap) != -signal.SIGKILL
    story.check()
    assert AuditEvent.objects.filter(event="uncertain").exists(), "some struck between intent and outcome"
    assert verify("acme").ok


# --- one write, one death ----------------------------------------------------------------------------

IN_A_MINUTE = 60.0  # seconds; SAP may still act on a request for longer than that


@pytest.fixture
def sent(sap: SapWorld) -> SapWorld:
    """INV-1 over 100.00 is an unpaid bill in BILL."""
    sap.add_vendor()
    sap.add_invoice("INV-1", "100.00")
    assert sap.sync().ok
    return sap


def pay(world: SapWorld, number: str, amount: str) -> str:
    """BILL pays a part; its key."""
    bill = world.bills()[number]
    paid = world.bill.do_pay([{"billId": bill["id"], "amount": money(amount)}], disbursementType="ACH")
    return str(paid["id"])


def killed(world: SapWorld, moment: Moment, method: str, path: str) -> Trap:
    """A process has died at this request."""
    trap = Trap(world.sap)
    trap.arm(0, moment, delay=IN_A_MINUTE, method=method, path=path)
    code, said = run(trap, turning=world)
    assert code == -signal.SIGKILL, said
    return trap


def entered(world: SapWorld) -> dict[str, Decimal]:
    """Payments and drafts that stand in SAP: sums by vendor."""
    rows = [*world.payments(), *world.drafts()]
    assert len({row["CardCode"] for row in rows}) == len(rows)
    return {row["CardCode"]: row["TransferSum"] for row in rows}


@without_and_with_approval
def test_a_dead_ones_payment_lands_after_the_next_one_looked_for_it(sent: SapWorld) -> None:
    key = pay(sent, "INV-1", "40.00")
    trap = killed(sent, "late", "POST", r"/VendorPayments$")
    run(turning=sent)
    assert trap.landed.is_set()
    assert _only_waiting()
    assert entered(sent) == {"V100": money("40.00")}
    assert sent.sap.counts["POST VendorPayments"] == 1
    assert Delivery.objects.get(key=key).attempts == 1


def test_a_dead_ones_cancellation_lands_after_the_next_one_looked(sent: SapWorld) -> None:
    key = pay(sent, "INV-1", "40.00")
    assert sent.sync().ok
    sent.bill.do_void_payment(key)
    trap = killed(sent, "late", "POST", r"/Cancel$")
    code, said = run(turning=sent)
    assert (code, trap.landed.is_set()) == (0, True), said
    assert entered(sent) == {}
    assert len(sent.payments(cancelled=True)) == 1


@pytest.mark.parametrize("sap", [{"approval": True}], indirect=True)
def test_a_dead_ones_removal_of_a_draft_lands_after_the_next_one_looked(sent: SapWorld) -> None:
    key = pay(sent, "INV-1", "40.00")
    sent.sync()
    sent.bill.do_void_payment(key)
    trap = killed(sent, "late", "DELETE", r"/PaymentDrafts\(")
    code, said = run(turning=sent)
    assert (code, trap.landed.is_set()) == (0, True), said
    assert entered(sent) == {}


def test_a_payment_that_only_sap_knows_of_is_no_payment_of_somebody_else(sent: SapWorld) -> None:
    pay(sent, "INV-1", "40.00")
    killed(sent, "after", "POST", r"/VendorPayments$")
    writes = sent.bill.writes.total()
    code, said = run(turning=sent)
    assert code == 0, said
    assert sent.bill.writes.total() == writes
    assert entered(sent) == {"V100": money("40.00")}


def test_a_cancellation_that_only_sap_knows_of_changes_no_bill(sent: SapWorld) -> None:
    """50.00 were paid by a person, so that 20.00 more would not even look wrong."""
    sent.sap.do_pay_invoice(1, "50.00")
    assert sent.sync().ok
    key = pay(sent, "INV-1", "20.00")
    assert sent.sync().ok
    sent.bill.do_void_payment(key)
    killed(sent, "after", "POST", r"/Cancel$")
    writes = sent.bill.writes.total()
    code, said = run(turning=sent)
    assert code == 0, said
    assert sent.bill.writes.total() == writes
    assert money(sent.bills()["INV-1"]["amount"]) == money("50.00")


def test_what_a_person_pays_meanwhile_is_judged_once_our_payment_is_found(sent: SapWorld) -> None:
    pay(sent, "INV-1", "40.00")
    killed(sent, "after", "POST", r"/VendorPayments$")
    sent.sap.do_pay_invoice(1, "25.00")
    code, said = run(turning=sent)
    assert code == 1
    assert "is not known yet" in said
    assert [row.reason for row in Delivery.objects.filter(state=State.HELD)] == ["outcome_unknown"]
    code, said = run(turning=sent)
    assert [row.reason for row in Delivery.objects.filter(state=State.HELD)] == ["paid_in_erp"], said


def test_a_dead_ones_lock_outlives_neither_its_payment_nor_the_next_sync(sent: SapWorld) -> None:
    """The other invoice of its vendor waits for it, another vendor's does not."""
    sent.add_invoice("INV-9", "50.00")
    sent.add_vendor("V200", "Borealis Tools")
    sent.add_invoice("B-1", "70.00", "V200")
    assert sent.sync().ok
    pay(sent, "INV-1", "40.00")
    killed(sent, "before", "POST", r"/VendorPayments$")
    sent.sap.do_cancel_payment(1)  # what landed all the same never was
    pay(sent, "INV-9", "20.00")
    pay(sent, "B-1", "30.00")
    code, said = run(turning=sent)
    assert code == 0, said
    paid = [(row["CardCode"], row["TransferSum"]) for row in sent.payments()]
    assert paid[0] == ("V200", money("30.00"))
    assert sorted(paid[1:]) == [("V100", money("20.00")), ("V100", money("40.00"))]
