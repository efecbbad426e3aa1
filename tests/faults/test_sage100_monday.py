"""Whatever happens to a request or a process: one item a record, nothing lost, and no manners forgotten."""

from __future__ import annotations

import random
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from audit.models import AuditEvent
from audit.verify import verify
from integrations.models import Delivery, State
from tests.faults.killing import MOMENTS, Trap, run
from tests.faults.kinds import ANY, Calls, Faults
from tests.monday_world import MondayWorld, monday_world

pytestmark = pytest.mark.slow

KILLS = 10
REQUESTS = 30  # a run makes about so many
CALLS: Calls = {
    "look-up": ("POST", "items_page_by_column_values"),
    "create": ("POST", "create_item"),
    "change": ("POST", "change_multiple_column_values"),
    "move": ("POST", "move_item_to_group"),
}
MONDAY_ONLY: Faults = {
    "locked": {"kind": "locked", "times": 2},
    "complexity": {"kind": "complexity"},
    "complexity, the old body": {"kind": "complexity_legacy"},
    "429": {"kind": "rate_limit"},
    "429 without a body": {"kind": "rate_limit_bare"},
    "blocked": {"kind": "blocked"},
    "internal error in 200": {"kind": "internal_error"},
    "errors as strings": {"kind": "string_errors"},
}


@pytest.fixture
def world(transactional_db: None) -> Iterator[MondayWorld]:
    with monday_world(settings={"closed_items": "group"}, connection={"request_timeout": 0.4}) as made:
        yield made


class Story:
    """Invoices come, change and are paid; each sync leaves the boards as the ledger is."""

    def __init__(self, world: MondayWorld) -> None:
        self.world = world
        self.count = 0
        world.add_vendor()

    def play(self) -> None:
        self.count += 1
        for number in range(25):
            self.world.add_invoice(f"S{self.count}-{number:02d}", f"{number + 1}.10")
        if self.count > 1:
            earlier = f"S{self.count - 1}"
            self.world.sage.do_change_invoice("01", "ACME01", f"{earlier}-00", amount="77.70")
            self.world.sage.do_pay_in_sage("01", "ACME01", f"{earlier}-01")

    def check(self) -> None:
        items = self.world.items()
        invoices = {row["invoiceNo"]: row for row in self.world.sage.state()["invoices"]}
        assert items.keys() == invoices.keys()
        groups = self.world.monday.state()["boards"][self.world.board()]["groups"]
        for number, row in invoices.items():
            item, paid = items[number], float(row["balance"]) == 0
            assert float(item["values"]["amount"]) == float(row["invoiceAmt"]), number
            assert (groups[item["group"]] == "Closed in Sage 100") == paid, number
        over = {State.DELIVERED, State.SUPERSEDED}
        assert set(Delivery.objects.values_list("state", flat=True)) <= over
        stats = self.world.monday.stats()
        assert not stats["unmapped_writes"]
        assert not stats["same_key_other_body"]


def settle(world: MondayWorld) -> None:
    runs = [world.sync()]
    while not runs[-1].ok and len(runs) < 4:
        world.clock.turn(120)
        runs.append(world.sync())
    assert runs[-1].ok, runs[-1].as_json()


@pytest.mark.parametrize("fault", [*ANY, *MONDAY_ONLY])
def test_a_fault_on_each_call_in_turn_changes_nothing_in_the_end(world: MondayWorld, fault: str) -> None:
    details: dict[str, Any] = {**ANY, **MONDAY_ONLY}[fault]
    story = Story(world)
    for _ in range(2):
        story.play()
        assert world.sync().ok
    for call, (method, path) in CALLS.items():
        story.play()
        world.fault("monday", **{**details, "method": method, "path": path})
        settle(world)
        assert not any(each.times for each in world.monday.faults), f"{call}: the fault did not strike"
        world.no_faults()
        story.check()
    assert verify("acme").ok


def test_killed_at_random_moments(world: MondayWorld) -> None:
    rng = random.Random(9)
    trap = Trap(world.sage, world.monday)
    story = Story(world)
    story.play()
    assert world.sync().ok
    story.play()
    kills, moments = 0, set()
    while kills < KILLS:
        moment = rng.choice(MOMENTS)
        trap.arm(rng.randint(1, REQUESTS), moment, delay=rng.random() * 0.03)
        code, said = run(trap, turning=world)
        if code == -signal.SIGKILL:
            kills += 1
            moments.add(moment)
            world.clock.turn(rng.choice((90, 180)))  # the dead one's slots lapse: waiting takes real time
            continue
        if code != 0:
            world.clock.turn(180)
            code, said = run(turning=world)
        assert code == 0, said
        story.check()
        story.play()
    trap.arm(0, "")
    world.clock.turn(180)
    settle(world)
    story.check()
    assert len(moments) > 1
    assert AuditEvent.objects.filter(event="uncertain").exists(), "some struck between intent and outcome"
    assert verify("acme").ok
