"""`kill -9` at any moment: the next process takes over, and the end state is that of an undisturbed run."""

from __future__ import annotations

import random
import signal

import pytest

from audit.models import AuditEvent
from audit.verify import verify
from connectors.clock import SystemClock
from tests.builders import World
from tests.faults.killing import LATE, MOMENTS, Trap, run
from tests.faults.story import Story

KILLS = 20


@pytest.mark.slow
def test_killed_at_twenty_random_moments(world: World) -> None:
    rng = random.Random(9)
    trap = Trap(world.sage, world.bill)
    story = Story(world, extra=100)
    story.play()
    assert world.sync(clock=SystemClock(), flows=["accounts"]).ok
    kills, moments = 0, []
    while kills < KILLS:
        moment = rng.choice(MOMENTS)
        trap.arm(rng.randint(1, 24), moment, delay=rng.random() * 0.03)
        code, said = run(trap)
        if code == -signal.SIGKILL:
            kills += 1
            moments.append(moment)
            continue
        assert code == 0, said
        story.check()
        story.play()
    trap.arm(0, "")
    code, said = run()
    assert code == 0, said
    story.check()
    assert set(moments) == set(MOMENTS)
    assert AuditEvent.objects.filter(event="uncertain").exists(), "some struck between intent and outcome"
    assert verify("acme").ok


@pytest.mark.slow
@pytest.mark.parametrize("path", ["/vendors/bulk", "/bills/bulk"])
def test_killed_while_a_creation_is_still_on_its_way(world: World, path: str) -> None:
    """The dead process's request takes effect after the next process has looked for it in vain."""
    trap = Trap(world.sage, world.bill)
    story = Story(world)
    story.play()
    trap.arm(0, "late", delay=LATE, path=f"{path}$")
    code, said = run(trap)
    assert code == -signal.SIGKILL, said
    code, said = run()
    assert code == 0, said
    assert trap.landed.wait(2 * LATE)
    story.check()
