"""`kill -9` at any moment of a sync with AvidXchange: no invoice, scan or payment twice, and none lost."""

from __future__ import annotations

import random
import signal
from collections.abc import Iterator

import pytest

from audit.verify import verify
from tests.avid_world import PROFILES, AvidWorld, avid_world
from tests.faults.avid_story import AvidStory
from tests.faults.killing import LATE, MOMENTS, Trap, run

KILLS = 6
LATER = 180  # seconds until the next process starts: what the dead one held is free
WRITES = {
    "invoice": ("POST", "/invoices$"),
    "scan": ("POST", "/(image|documents)$"),
    "payment": ("POST", "/v1/payments$"),
}


@pytest.fixture(params=PROFILES)
def avid(transactional_db: None, request: pytest.FixtureRequest) -> Iterator[AvidWorld]:
    with avid_world(profile=request.param, connection_settings={"request_timeout": 0.4}) as made:
        yield made


@pytest.mark.slow
def test_killed_at_random_moments(avid: AvidWorld) -> None:
    rng = random.Random(5)
    trap = Trap(avid.sage, avid.avid)
    story = AvidStory(avid)
    story.play()
    kills = 0
    while kills < KILLS:
        trap.arm(rng.randint(8, 36), rng.choice(MOMENTS), delay=rng.random() * 0.03)
        code, said = run(trap, turning=avid)
        if code == -signal.SIGKILL:
            kills += 1
            avid.clock.turn(LATER)
            continue
        assert code == 0, said
        story.check()
        story.play()
    trap.arm(0, "")
    code, said = run(turning=avid)
    assert code == 0, said
    story.check()
    assert verify("acme").ok


@pytest.mark.slow
@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("moment", ["after", "late"])
def test_killed_at_each_write(avid: AvidWorld, write: str, moment: str) -> None:
    """After the other side acted, or before it does: then the dead process's request lands after the first look."""
    method, path = WRITES[write]
    trap = Trap(avid.sage, avid.avid)
    story = AvidStory(avid)
    story.play()
    assert avid.sync().ok
    story.play()
    trap.arm(0, moment, delay=LATE if moment == "late" else 0, method=method, path=path)  # type: ignore[arg-type]
    code, said = run(trap, turning=avid)
    assert code == -signal.SIGKILL, said
    code, said = run(turning=avid)
    assert code == 0, said
    if moment == "late":
        assert trap.landed.wait(2 * LATE)
    story.check()
