"""No answer never means "send again": absence is proved, and counts only once the request can no longer commit."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from audit.models import AuditEvent
from integrations.engine.settle import DOUBT_SCHEDULE
from integrations.engine.unattended import run_flow
from integrations.models import Delivery, Run, State
from tests.builders import World
from tests.builders import world as make_world

TIMEOUT = 1.0
WINDOW = timedelta(seconds=TIMEOUT + 5)


@pytest.fixture
def world(transactional_db: None) -> Iterator[World]:
    with make_world(connection_settings={"request_timeout": TIMEOUT}, duplicates_allowed=True) as made:
        made.add_vendor()
        made.add_invoice("INV-1")
        made.sync()
        made.add_invoice("INV-2")
        yield made


def bills_run(world: World) -> Delivery:
    now = world.clock.now()
    came = run_flow(world.flow("bills").pk, slot=now, trigger=Run.Trigger.SCHEDULE, clock=world.clock)
    assert came in ("ran", "failed"), came
    return world.latest("INV-2")


def test_absence_counts_only_after_the_window(world: World) -> None:
    world.fault("bill", "reset_before", method="POST", path="/bills$")
    row = bills_run(world)
    assert (row.state, row.attempts, row.reason) == (State.UNCERTAIN, 1, "outcome_unknown")
    assert "could still take effect" in row.evidence[-1]["shows"]
    assert row.not_before is not None
    assert row.sent_at is not None
    assert row.not_before >= row.sent_at + WINDOW - timedelta(seconds=1)
    world.clock.turn(WINDOW.total_seconds() - 2)
    assert bills_run(world).state == State.UNCERTAIN
    assert set(world.bills()) == {"INV-1"}
    world.clock.turn(3)
    row = bills_run(world)
    assert (row.state, row.attempts) == (State.DELIVERED, 2)
    events = {each.event: each.at for each in AuditEvent.objects.filter(source_key=row.key).order_by("sequence")}
    assert events["absence_proved"] - events["uncertain"] >= WINDOW


def test_presence_counts_at_once_and_is_not_sent_again(world: World) -> None:
    world.fault("bill", "reset_after", method="POST", path="/bills$")
    row = bills_run(world)
    assert (row.state, row.attempts) == (State.DELIVERED, 1)
    assert row.target_id == world.bills()["INV-2"]["id"]
    assert "Found in BILL" in row.message


def test_a_look_up_that_fails_is_repeated_more_and_more_rarely(world: World) -> None:
    world.fault("bill", "reset_after", method="POST", path="/bills$")
    world.fault("bill", "status", method="GET", path="/bills$", status=500, times=-1, skip=1)
    row = bills_run(world)
    for seconds in DOUBT_SCHEDULE:
        assert row.state == State.UNCERTAIN
        assert row.not_before is not None
        left = (row.not_before - world.clock.now()).total_seconds()
        assert seconds - 30 < left <= seconds
        assert "look-up failed" in row.evidence[-1]["shows"]
        world.clock.turn(left + 1)
        row = bills_run(world)
    world.no_faults()
    world.clock.turn(DOUBT_SCHEDULE[-1] + 1)
    row = bills_run(world)
    assert (row.state, row.attempts) == (State.DELIVERED, 1)
    assert set(world.bills()) == {"INV-1", "INV-2"}


def test_nothing_newer_of_a_key_goes_while_its_outcome_is_unclear(world: World) -> None:
    world.fault("bill", "reset_before", method="POST", path="/bills$")
    bills_run(world)
    world.sage.do_change_invoice("01", "ACME01", "INV-2", amount="140.00")
    bills_run(world)
    assert [row.state for row in world.deliveries(document="INV-2")] == [State.UNCERTAIN, State.PENDING]
    assert set(world.bills()) == {"INV-1"}
    world.clock.turn(WINDOW.total_seconds() + 1)
    bills_run(world)
    assert [row.state for row in world.deliveries(document="INV-2")] == [State.SUPERSEDED, State.DELIVERED]
    assert world.bills()["INV-2"]["amount"] == 140
