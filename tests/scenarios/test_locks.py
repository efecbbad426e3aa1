"""A payment that Sage's agent refuses because somebody works in the batch."""

from __future__ import annotations

from integrations.models import Delivery, Reason
from tests.builders import World


def paid(world: World) -> World:
    world.add_vendor()
    world.add_invoice("INV-1")
    assert world.sync().ok
    world.pay("INV-1")
    return world


def test_a_short_lock_is_waited_out_as_the_agent_asks(world: World) -> None:
    paid(world).fault("sage", "batch_locked", method="POST", path="/payments$", seconds=6, times=4)
    assert world.sync().ok
    waits = [nap for nap in world.clock.naps if nap > 2]  # the shorter ones keep to the agent's rate
    assert len(waits) == 4
    assert max(waits) <= 6
    assert len(world.payments()) == 1


def test_a_long_lock_holds_nothing_up_and_is_no_attempt(world: World) -> None:
    paid(world).fault("sage", "batch_locked", method="POST", path="/payments$", seconds=400)
    world.sync()
    row = Delivery.objects.get(flow__name="payments")
    assert row.not_before is not None
    assert round((row.not_before - row.updated_at).total_seconds()) == 400
    assert (row.reason, row.attempts) == (Reason.RECORD_LOCKED, 0)
    world.clock.turn(401)
    assert world.sync().ok
    assert len(world.payments()) == 1
