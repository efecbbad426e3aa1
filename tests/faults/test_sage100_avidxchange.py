"""Whatever happens to a request, on whichever call: no duplicate, nothing lost, the same end state."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from audit.verify import verify
from tests.avid_world import PROFILES, AvidWorld, avid_world
from tests.faults.avid_story import AvidStory
from tests.faults.kinds import ANY, Calls, Faults

AVID_CALLS: Calls = {
    "import codes": ("POST", "/import$"),
    "create vendor": ("POST", "/(vendors|suppliers)$"),
    "update vendor": ("P(UT|ATCH)", "/(vendors|suppliers)/"),
    "create invoice": ("POST", "/invoices$"),
    "send scan": ("POST", "/(image|documents)$"),
    "AvidXchange reads": ("GET", ""),
}
SAGE_CALLS: Calls = {
    "enter payment": ("POST", "/payments$"),
    "delete payment": ("DELETE", "/payments/"),
    "fetch scan": ("GET", "/content$"),
    "Sage reads": ("GET", ""),
}
AVID_ONLY: Faults = {
    "throttled": {"kind": "throttle", "seconds": 3, "times": 2},
    "conflict": {"kind": "conflict"},
}


@pytest.fixture(params=PROFILES)
def avid(transactional_db: None, request: pytest.FixtureRequest) -> Iterator[AvidWorld]:
    with avid_world(profile=request.param, connection_settings={"request_timeout": 0.4}) as made:
        yield made


@pytest.mark.slow
@pytest.mark.parametrize(
    ("side", "fault"), [("avid", name) for name in (*ANY, *AVID_ONLY)] + [("sage", name) for name in ANY]
)
def test_a_fault_on_each_call_in_turn_changes_nothing_in_the_end(avid: AvidWorld, side: str, fault: str) -> None:
    details = {**ANY, **AVID_ONLY}[fault]
    calls = AVID_CALLS if side == "avid" else SAGE_CALLS
    story = AvidStory(avid)
    for _ in range(2):
        story.play()
        assert avid.sync().ok
    for call, (method, path) in calls.items():
        story.play()
        method = {"avidsuite-v1": "PUT", "plain-rest": "PATCH"}[avid.avid.shape.name] if "(" in method else method
        avid.fault(side, **{**details, "method": method, "path": path, "times": details.get("times", 1)})
        runs = [avid.sync()]
        while not runs[-1].ok and len(runs) < 3:
            runs.append(avid.sync())
        sandbox = getattr(avid, side)
        assert sandbox.counts[f"fault {details['kind']}"], call
        avid.no_faults()
        assert runs[-1].ok, (call, runs[-1].as_json())
        story.check()
    assert verify("acme").ok


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_many_faults_at_once_change_nothing_in_the_end(avid: AvidWorld, seed: int) -> None:
    rng = random.Random(seed)
    story = AvidStory(avid)
    for _ in range(4):
        story.play()
        for side, calls, own in (("avid", AVID_CALLS, AVID_ONLY), ("sage", SAGE_CALLS, {})):
            for _ in range(4):
                method, path = rng.choice([each for each in calls.values() if "(" not in each[0]])
                details = rng.choice([*ANY.values(), *own.values()])
                avid.fault(side, **{**details, "method": method, "path": path, "skip": rng.randrange(3)})
        avid.sync()
        avid.no_faults()
        runs = [avid.sync(), avid.sync(full=rng.random() < 0.5)]
        assert runs[-1].ok, runs[-1].as_json()
        story.check()
    assert verify("acme").ok
