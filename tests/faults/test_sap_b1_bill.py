"""Whatever happens to a request to SAP Business One or BILL: no payment twice, nothing lost, the same end state."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from werkzeug.wrappers import Request, Response

from audit.verify import verify
from tests.faults.killing import Trap
from tests.faults.kinds import ANY, BILL_CALLS, BILL_ONLY, Calls, Faults
from tests.faults.sap_story import SapStory
from tests.sap_world import SapWorld

OVER = 2 * 3600.0  # seconds: sessions of SAP and BILL have ended by then, and what is known of the company is old
MOST_RUNS = 3

pytestmark = pytest.mark.slow

POSTING: Calls = {
    "enter payment": ("POST", r"/VendorPayments$"),
    "verify payment": ("GET", r"/VendorPayments\("),
    "look for payment": ("GET", r"/VendorPayments$"),
    "cancel payment": ("POST", r"/Cancel$"),
    "SAP reads": ("GET", ""),
}
PARKING: Calls = {
    "enter payment": ("POST", r"/VendorPayments$"),
    "look for draft": ("GET", r"/PaymentDrafts$"),
    "see approval": ("GET", r"/ApprovalRequests$"),
    "see draft": ("GET", r"/PaymentDrafts\("),
    "delete draft": ("DELETE", r"/PaymentDrafts\("),
    "cancel payment": ("POST", r"/Cancel$"),
}
SIGNING_IN: Calls = {"login": ("POST", "/Login$"), "company": ("POST", "/CompanyService_")}
SAP_ONLY: Faults = {
    "company not switched": {"kind": "switch_company"},
    "company busy": {"kind": "switch_company", "times": 3},
    "broken node": {"kind": "broken_node"},
    "session expired": {"kind": "expire"},
    "session expired as the product text says": {"kind": "expire_5002"},
    "503": {"kind": "status", "status": 503, "body": "<html>Service Unavailable</html>"},
    "503 after the write": {"kind": "status_after", "status": 503, "body": "<html>Service Unavailable</html>"},
    "504": {"kind": "status", "status": 504, "body": ""},
    "504 after the write": {"kind": "status_after", "status": 504, "body": ""},
}
LOGIN_ONLY: Faults = {
    "logins collide": {"kind": "saml", "times": 2},
    "slow": {"kind": "slow_login", "seconds": 0.2},
    "company busy": {"kind": "switch_company", "times": 2},
}
IN_BILL = ("reset before", "reset after", "500 after the write", "truncated", "session expired")  # the rest: sage100
ENDS_SESSION = {"switch_company", "broken_node", "expire", "expire_5002"}  # or may, when it lasts


def begun(world: SapWorld) -> SapStory:
    """The first rounds, undisturbed; from now on every round causes every kind of call."""
    story = SapStory(world)
    for _ in range(3):
        story.play()
        assert story.done(world.sync())
    return story


def strike(world: SapWorld, side: str, calls: Iterable[tuple[str, str]], details: dict[str, Any]) -> None:
    for method, path in calls:
        world.fault(side, **{**details, "method": method, "path": path})


def sync_until_done(world: SapWorld, story: SapStory) -> None:
    runs = [world.sync()]
    while not story.done(runs[-1]) and len(runs) < MOST_RUNS:
        runs.append(world.sync())
    assert story.done(runs[-1]), runs[-1].as_json()


@contextmanager
def each(faults: Faults) -> Iterator[Iterator[dict[str, Any]]]:
    """The faults' details one after the other; a failure tells in which it happened."""
    names = iter(faults)
    at = ""

    def details() -> Iterator[dict[str, Any]]:
        nonlocal at
        for at in names:
            yield faults[at]

    try:
        yield details()
    except AssertionError as error:
        error.add_note(f"while there was: {at}")
        raise


def assert_struck(world: SapWorld, side: str) -> None:
    left = [fault for fault in getattr(world, side).faults if fault.times]
    assert not left, "a fault did not strike"
    world.no_faults()


@pytest.mark.parametrize("faults", [ANY, SAP_ONLY], ids=["any", "sap"])
@pytest.mark.parametrize(
    ("sap", "calls"), [({}, POSTING), ({"approval": True}, PARKING)], indirect=["sap"], ids=["posted", "approval"]
)
def test_a_fault_on_each_call_changes_nothing_in_the_end(sap: SapWorld, calls: Calls, faults: Faults) -> None:
    story = begun(sap)
    with each(faults) as kinds:
        for details in kinds:
            story.play()
            logins = sap.logins()
            strike(sap, "sap", calls.values(), details)
            sync_until_done(sap, story)
            assert_struck(sap, "sap")
            story.check()
            assert (sap.logins() > logins) == (
                details["kind"] in ENDS_SESSION and details != {"kind": "switch_company"}
            )
            assert sap.sap.stats()["login_attempts"] == sap.logins()
    assert verify("acme").ok


def test_a_run_that_begins_with_a_difficult_login_changes_nothing_in_the_end(sap: SapWorld) -> None:
    """Between two runs every session ends."""
    story = begun(sap)
    with each({**ANY, **LOGIN_ONLY}) as kinds:
        for details in kinds:
            sap.clock.turn(OVER)
            story.play()
            login_only = details["kind"] in ("saml", "slow_login")
            strike(sap, "sap", list(SIGNING_IN.values())[: 1 if login_only else 2], details)
            sync_until_done(sap, story)
            assert_struck(sap, "sap")
            story.check()
            assert sap.sap.stats()["open_sessions"] <= 2, "one in use, and one whose answer was lost"
    sap.clock.turn(OVER)
    story.play()
    sync_until_done(sap, story)
    story.check()
    assert sap.sap.stats()["open_sessions"] == 1


def test_a_fault_on_each_call_to_bill_changes_nothing_in_the_end(sap: SapWorld) -> None:
    story = begun(sap)
    with each({name: {**ANY, **BILL_ONLY}[name] for name in IN_BILL}) as kinds:
        for details in kinds:
            story.play()
            strike(sap, "bill", BILL_CALLS.values(), details)
            sync_until_done(sap, story)
            assert_struck(sap, "bill")
            story.check()
    assert verify("acme").ok


@pytest.mark.parametrize("seed", range(3))
def test_many_faults_at_once_change_nothing_in_the_end(sap: SapWorld, seed: int) -> None:
    """SAP keeps payments for approval now and then, and now and then hours pass between two runs."""
    rng = random.Random(seed)
    story = SapStory(sap)
    sap_calls = [*POSTING.values(), *PARKING.values(), *SIGNING_IN.values()]
    for _ in range(5):
        sap.sap.do_set_option(approval=rng.random() < 0.4)
        story.play()
        for side, calls, own in (("sap", sap_calls, SAP_ONLY), ("bill", [*BILL_CALLS.values()], BILL_ONLY)):
            for _ in range(4):
                details = rng.choice([*ANY.values(), *own.values()])
                strike(sap, side, [rng.choice(calls)], {**details, "skip": rng.randrange(3)})
        sap.clock.turn(rng.choice((0, 0, 1900, OVER)))
        sap.sync()
        if rng.random() < 0.5:
            sap.clock.turn(rng.choice((60, OVER)))
            sap.sync()
        sap.no_faults()
        runs = [sap.sync(), sap.sync(full=rng.random() < 0.5)]
        assert story.done(runs[-1]), runs[-1].as_json()
        story.check()
    assert verify("acme").ok


@pytest.mark.parametrize(
    ("sap", "path"),
    [({}, r"/VendorPayments\("), ({"approval": True}, r"/(VendorPayments|PaymentDrafts)$")],
    indirect=["sap"],
    ids=["posted", "approval"],
)
@pytest.mark.parametrize("kind", ["reset_before", "status"])
def test_sap_is_gone_right_after_a_payment_was_entered(sap: SapWorld, path: str, kind: str) -> None:
    """The POST is answered, nothing can be read any more: what was entered is found later, not entered again."""
    story = begun(sap)
    story.play()
    dispatch = sap.sap.dispatch

    def watched(request: Request) -> Response:
        answer = dispatch(request)
        if request.method == "POST" and request.path.endswith("/VendorPayments") and not sap.sap.faults:
            sap.fault("sap", kind, method="GET", path=path, times=9, status=503)
        return answer

    sap.sap.dispatch = watched  # type: ignore[method-assign]
    before = sap.sap.counts["POST VendorPayments"]
    sap.sync()
    assert sap.sap.counts[f"fault {kind}"] >= 4, "every try of a read was struck"
    sap.sap.dispatch = dispatch  # type: ignore[method-assign]
    sap.no_faults()
    sync_until_done(sap, story)
    story.check()
    assert sap.sap.counts["POST VendorPayments"] - before == 4, "one for each payment of the round"


def test_a_payment_that_lands_after_we_gave_up_is_not_entered_again(sap: SapWorld) -> None:
    """SAP enters it a minute after our time-out: a look-up in between shows nothing, and proves nothing."""
    story = begun(sap)
    story.play()
    trap = Trap(sap.sap)
    trap.arm(0, "late", delay=60, method="POST", path="/VendorPayments$")
    before = sap.sap.counts["POST VendorPayments"]
    sync_until_done(sap, story)
    assert trap.landed.is_set()
    story.check()
    assert sap.sap.counts["POST VendorPayments"] - before == 4, "one for each payment of the round"
