from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest

from connectors.budget import MemoryStore, Rate, Slots, acquire
from connectors.clock import SystemClock
from connectors.errors import RateLimited
from connectors.ports import Host


class VirtualClock:
    def __init__(self, start: datetime = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)) -> None:
        self.start, self.elapsed, self.naps = start, 0.0, []

    def now(self) -> datetime:
        return self.start + timedelta(seconds=self.elapsed)

    def monotonic(self) -> float:
        return self.elapsed

    def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.elapsed += seconds


@pytest.fixture
def clock():
    return VirtualClock()


@pytest.fixture
def host(clock):
    return Host(clock=clock, store=MemoryStore(clock))


def test_slots_are_returned_even_when_the_block_fails(host):
    slots = Slots("k", 1, 60)
    with pytest.raises(ZeroDivisionError), acquire([slots], host, 10):
        raise ZeroDivisionError
    with acquire([slots], host, 10):
        assert host.store.acquire_slot("k", 1, 60) is None
    assert host.store.acquire_slot("k", 1, 60) is not None


def test_a_taken_slot_is_waited_for_with_growing_naps_until_the_deadline(host, clock):
    host.store.acquire_slot("k", 1, 600)
    with pytest.raises(RateLimited), acquire([Slots("k", 1, 600)], host, deadline=5):
        pytest.fail("the slot was not free")
    assert clock.elapsed <= 5
    assert clock.naps == sorted(clock.naps)
    assert clock.naps[0] < clock.naps[-1] <= 0.1


def test_the_slot_of_a_dead_holder_returns(host, clock):
    host.store.acquire_slot("k", 1, ttl=3)
    with acquire([Slots("k", 1, 3)], host, deadline=10):
        assert clock.elapsed == pytest.approx(3, abs=0.2)


def test_a_short_window_is_slept_through(host, clock):
    rate = Rate("k", 2, "second")
    for _ in range(5):
        with acquire([rate], host, deadline=60):
            pass
    assert clock.now().second == 2  # two in each of the seconds 0, 1 and one in 2


def test_a_long_window_parks_the_work_and_says_for_how_long(host, clock):
    clock.elapsed = 600.0
    rate = Rate("k", 1, "hour")
    with acquire([rate], host, deadline=9999):
        pass
    with pytest.raises(RateLimited) as error, acquire([rate], host, deadline=9999):
        pytest.fail("nothing was left")
    assert error.value.retry_after == pytest.approx(3000)
    assert clock.naps == []


def test_a_slot_is_given_back_when_the_rate_refuses(host):
    host.store.take("r", 1, "hour")
    with pytest.raises(RateLimited), acquire([Slots("s", 1, 60), Rate("r", 1, "hour")], host, 10):
        pytest.fail("nothing was left")
    assert host.store.acquire_slot("s", 1, 60) is not None


def test_never_more_in_flight_than_allowed_over_many_threads():
    host = Host(clock=SystemClock(), store=MemoryStore())
    lock, running, most = threading.Lock(), 0, 0

    def work() -> None:
        nonlocal running, most
        for _ in range(5):
            with acquire([Slots("k", 3, 60)], host, host.clock.monotonic() + 60):
                with lock:
                    running += 1
                    most = max(most, running)
                host.clock.sleep(0.002)
                with lock:
                    running -= 1

    threads = [threading.Thread(target=work) for _ in range(10)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert most == 3


def test_stored_values(host, clock):
    store = host.store
    store.put("a", "one")
    clock.sleep(5)
    assert store.get("a") == ("one", clock.start)
    store.touch("a")
    assert store.get("a") == ("one", clock.now())
    store.delete("a", "another")
    assert store.get("a") is not None
    store.delete("a", "one")
    assert store.get("a") is None
    store.touch("a")
    store.delete("a")
    assert store.get("a") is None
