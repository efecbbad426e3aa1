"""One worker a flow: taken by conditional UPDATE, taken over when its holder stopped beating, fenced ever after."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connections

from integrations.engine.claim import BEAT, LEASE, Claim, ClaimLost, claim, claim_waiting
from integrations.models import Flow
from tests.builders import provision, today


class Hands:
    def __init__(self) -> None:
        self.at = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.at.timestamp()

    def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@pytest.fixture
def flow(transactional_db: None) -> Flow:
    return provision("http://127.0.0.1:1", "http://127.0.0.1:2", today()).flows.get(name="bills")


@pytest.fixture
def take(flow: Flow) -> Iterator[Callable[[Hands], Claim | None]]:
    held: list[Claim] = []

    def taken(clock: Hands) -> Claim | None:
        one = claim(Flow.objects.get(pk=flow.pk), clock)
        if one is not None:
            held.append(one)
        return one

    yield taken
    for one in held:
        one.release()


def test_a_live_claim_is_nobody_elses(take: Callable[[Hands], Claim | None]) -> None:
    clock = Hands()
    first = take(clock)
    assert first is not None
    assert first.died_before is None
    clock.sleep(LEASE.total_seconds() - 1)
    assert take(clock) is None
    first.release()
    assert take(clock) is not None


def test_a_dead_ones_claim_is_taken_over_and_its_holder_fenced_off(take: Callable[[Hands], Claim | None]) -> None:
    clock = Hands()
    dead = take(clock)
    assert dead is not None
    until = clock.now() + LEASE
    clock.sleep(LEASE.total_seconds() + 1)
    heir = take(clock)
    assert heir is not None
    assert heir.died_before == until
    with pytest.raises(ClaimLost):
        dead.fence()
    heir.fence()
    dead.release()
    assert take(clock) is None, "the dead one's release must not end the heir's claim"


def test_fencing_renews_the_lease(take: Callable[[Hands], Claim | None]) -> None:
    clock = Hands()
    first = take(clock)
    assert first is not None
    for _ in range(3):
        clock.sleep(LEASE.total_seconds() - 1)
        first.fence()
    assert take(clock) is None


def test_of_many_at_once_one_gets_it(flow: Flow) -> None:
    clock, won, start = Hands(), [], threading.Barrier(5)

    def try_it() -> None:
        start.wait()
        try:
            won.append(claim(Flow.objects.get(pk=flow.pk), clock))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=try_it) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    holders = [one for one in won if one is not None]
    assert len(won) == 5
    assert len(holders) == 1
    holders[0].release()


def test_waiting_outlasts_a_dead_worker_and_gives_up_on_a_live_one(flow: Flow) -> None:
    clock = Hands()
    Flow.objects.filter(pk=flow.pk).update(claim_token="dead", lease_until=clock.now() + LEASE)
    held = claim_waiting(flow, clock, patience=60)
    assert held is not None
    held.release()
    Flow.objects.filter(pk=flow.pk).update(claim_token="alive", lease_until=clock.now() + timedelta(hours=1))
    assert claim_waiting(flow, clock, patience=60) is None


def test_a_lease_outlives_several_missed_beats() -> None:
    assert LEASE.total_seconds() >= 5 * BEAT
