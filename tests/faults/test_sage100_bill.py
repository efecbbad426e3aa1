"""Whatever happens to a request, on whichever call: no duplicate, nothing lost, the same end state."""

from __future__ import annotations

import random

import pytest

from audit.verify import verify
from connectors.clock import SystemClock
from integrations.models import Delivery, State
from tests.builders import World, bill_facts, money
from tests.faults.kinds import ANY, BILL_CALLS, BILL_ONLY, Calls, Faults
from tests.faults.story import Story

SAGE_CALLS: Calls = {
    "enter payment": ("POST", "/payments$"),
    "delete payment": ("DELETE", "/payments/"),
    "Sage reads": ("GET", ""),
}
SAGE_ONLY: Faults = {
    "locked": {"kind": "locked", "times": 3},
    "batch locked": {"kind": "batch_locked", "times": 2},
    "company locked": {"kind": "company_locked", "times": 2},
    "rate limited": {"kind": "rate_limited", "seconds": 2},
    "queue full": {"kind": "queue_full", "seconds": 5},
    "Sage is away": {"kind": "boi_unavailable", "times": 2},
    "504 before": {"kind": "timeout_before"},
    "504 after the write": {"kind": "timeout_after"},
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("side", "fault"),
    [("bill", name) for name in (*ANY, *BILL_ONLY)] + [("sage", name) for name in (*ANY, *SAGE_ONLY)],
)
def test_a_fault_on_each_call_in_turn_changes_nothing_in_the_end(world: World, side: str, fault: str) -> None:
    details = {**ANY, **BILL_ONLY, **SAGE_ONLY}[fault]
    calls = BILL_CALLS if side == "bill" else SAGE_CALLS
    story = Story(world)
    for _ in range(2):
        story.play()
        assert world.sync().ok
    for call, (method, path) in calls.items():
        story.play()
        times = details.get("times", 1) * (2 if call == "replace bill" else 1)  # a restored bill is replaced too
        world.fault(side, **{**details, "method": method, "path": path, "times": times})
        runs = [world.sync()]
        while not runs[-1].ok and len(runs) < 3:
            runs.append(world.sync())
        sandbox = getattr(world, side)
        assert sandbox.counts[f"fault {details['kind']}"], call
        assert not any(each.times for each in sandbox.faults), f"{call}: the fault did not strike"
        world.no_faults()
        assert runs[-1].ok, (call, runs[-1].as_json())
        story.check()
    assert verify("acme").ok


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_many_faults_at_once_change_nothing_in_the_end(world: World, seed: int) -> None:
    rng = random.Random(seed)
    story = Story(world)
    for _ in range(5):
        story.play()
        for side, calls, own in (("bill", BILL_CALLS, BILL_ONLY), ("sage", SAGE_CALLS, SAGE_ONLY)):
            for _ in range(4):
                method, path = rng.choice(list(calls.values()))
                details = rng.choice([*ANY.values(), *own.values()])
                world.fault(side, **{**details, "method": method, "path": path, "skip": rng.randrange(3)})
        world.sync()
        world.no_faults()
        runs = [world.sync(), world.sync(full=rng.random() < 0.5)]
        assert runs[-1].ok, runs[-1].as_json()
        story.check()


@pytest.mark.parametrize("kind", ["reset_after", "reset_before"])
def test_an_archiving_of_unknown_outcome_and_a_release_meanwhile(world: World, kind: str) -> None:
    world.add_vendor()
    world.add_invoice("INV-1")
    assert world.sync().ok
    before = bill_facts(world)
    world.sage.do_hold_invoice("01", "ACME01", "INV-1")
    world.fault("bill", kind, method="POST", path="/archive$", times=-1)
    world.sync()
    world.no_faults()
    world.sage.do_hold_invoice("01", "ACME01", "INV-1", hold=False)
    assert world.sync().ok
    assert bill_facts(world) == before


def test_a_change_of_unknown_outcome_and_another_one_meanwhile(world: World) -> None:
    world.add_vendor()
    world.add_invoice("INV-1")
    assert world.sync().ok
    world.sage.do_change_invoice("01", "ACME01", "INV-1", amount="120.00")
    world.fault("bill", "reset_after", method="PUT", path="/bills/", times=-1)
    assert not world.sync().ok
    world.no_faults()
    world.sage.do_change_invoice("01", "ACME01", "INV-1", amount="140.00")
    assert world.sync().ok
    assert money(world.bills()["INV-1"]["amount"]) == money(140)


def test_a_change_of_unknown_outcome_that_is_taken_back(world: World) -> None:
    world.add_vendor()
    world.add_invoice("INV-1")
    assert world.sync().ok
    before = bill_facts(world), world.vendors()[0]["address"]["line1"]
    world.sage.do_change_invoice("01", "ACME01", "INV-1", amount="120.00")
    world.sage.do_change_vendor("01", "ACME01", addressLine1="99 Wrong Rd")
    world.fault("bill", "reset_after", method="PUT", path="/bills/", times=-1)
    world.fault("bill", "reset_after", method="PATCH", path="/vendors/", times=-1)
    assert not world.sync().ok
    assert (bill_facts(world), world.vendors()[0]["address"]["line1"]) != before
    world.no_faults()
    world.sage.do_change_invoice("01", "ACME01", "INV-1", amount="100.00")
    world.sage.do_change_vendor("01", "ACME01", addressLine1="12 Mill Rd")
    assert world.sync().ok
    assert (bill_facts(world), world.vendors()[0]["address"]["line1"]) == before


def test_on_hold_while_the_outcome_of_its_creation_is_unknown(world: World) -> None:
    """Neither created after all, nor left payable when it turns out to be there."""
    world.add_vendor()
    world.add_invoice("INV-1", "10.00")
    world.add_invoice("INV-2", "20.00")
    world.fault("bill", "reset_after", method="POST", path="/bills/bulk$")
    world.fault("bill", "reset_before", method="GET", path="/bills$", times=-1, skip=1)
    assert not world.sync().ok
    assert {row.state for row in Delivery.objects.filter(flow__name="bills")} == {State.UNCERTAIN}
    world.no_faults()
    world.sage.do_hold_invoice("01", "ACME01", "INV-1")
    assert world.sync().ok
    assert {row["invoice"]["invoiceNumber"]: row["archived"] for row in world.bill.bills.rows.values()} == {
        "INV-1": True,
        "INV-2": False,
    }


def test_on_hold_while_the_failure_of_its_creation_is_unproved(world: World) -> None:
    world.add_vendor()
    world.add_invoice("INV-1", "10.00")
    world.add_invoice("INV-2", "20.00")
    world.fault("bill", "reset_before", method="POST", path="/bills/bulk$")
    world.fault("bill", "reset_before", method="GET", path="/bills$", times=-1, skip=1)
    assert not world.sync().ok
    world.no_faults()
    world.sage.do_hold_invoice("01", "ACME01", "INV-1")
    assert world.sync().ok
    assert set(world.bills()) == {"INV-2"}
    assert not world.bills(archived=True)


def test_a_request_that_acts_after_we_gave_up_is_not_sent_again(world: World) -> None:
    """The vendor writes half a second after the time-out: a look-up in between shows nothing, and proves nothing."""
    story = Story(world)
    story.play()
    world.fault("bill", "slow", method="POST", path="/bills/bulk$", seconds=0.9)
    pay = world.integration.target
    pay.settings |= {"request_timeout": 0.3}
    pay.save()
    assert world.sync(clock=SystemClock()).ok
    story.check()
    assert Delivery.objects.filter(flow__name="bills", attempts__gt=1).count() == 0
