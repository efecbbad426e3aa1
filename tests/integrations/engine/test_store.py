"""Budgets over the database: never above the limit, whoever asks, and back when a holder died."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connections

from connectors.clock import SystemClock
from integrations.engine.store import DatabaseStore
from integrations.models import RateWindow


class Hands:
    """A clock that is set."""

    def __init__(self, *at: int) -> None:
        self.at = datetime(*at, tzinfo=UTC)  # type: ignore[misc]

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.at.timestamp()

    def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@pytest.mark.django_db(transaction=True)
def test_slots_are_never_above_the_limit() -> None:
    limit, inside, most, taken = 3, 0, 0, 0
    lock = threading.Lock()

    def work() -> None:
        nonlocal inside, most, taken
        store = DatabaseStore(SystemClock())  # as another process has it
        try:
            while taken < 60:
                token = store.acquire_slot("bill:key", limit, 60)
                if token is None:
                    time.sleep(0.001)
                    continue
                with lock:
                    inside += 1
                    taken += 1
                    most = max(most, inside)
                time.sleep(0.001)
                with lock:
                    inside -= 1
                store.release_slot(token)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert taken >= 60
    assert 1 < most <= limit


@pytest.mark.django_db
def test_a_dead_holders_slot_returns_after_its_time() -> None:
    clock = Hands(2026, 11, 20, 15, 0)
    store = DatabaseStore(clock)
    token = store.acquire_slot("k", 1, 30)
    assert token
    clock.sleep(29)
    assert store.acquire_slot("k", 1, 30) is None
    clock.sleep(2)
    second = store.acquire_slot("k", 1, 30)
    assert second
    store.release_slot(token)  # the dead one was only slow
    assert store.acquire_slot("k", 1, 30) is None
    store.release_slot(second)
    assert store.acquire_slot("k", 1, 30)


@pytest.mark.django_db
def test_keys_have_slots_of_their_own() -> None:
    store = DatabaseStore(SystemClock())
    assert store.acquire_slot("a", 1, 30)
    assert store.acquire_slot("b", 1, 30)
    assert store.acquire_slot("a", 1, 30) is None


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("window", "start", "wait"),
    [
        ("second", (2026, 11, 20, 15, 59, 59), 1.0),
        ("minute", (2026, 11, 20, 15, 59, 59), 1.0),
        ("hour", (2026, 11, 20, 15, 20, 0), 2400.0),
        ("day", (2026, 11, 20, 15, 0, 0), 9 * 3600.0),
    ],
)
def test_windows_are_those_of_the_calendar(window: str, start: tuple[int, ...], wait: float) -> None:
    clock = Hands(*start)
    store = DatabaseStore(clock)
    assert [store.take("k", 2, window) for _ in range(3)] == [0.0, 0.0, wait]
    clock.sleep(wait)
    assert store.take("k", 2, window) == 0.0
    assert RateWindow.objects.get(key="k").count == 1


@pytest.mark.django_db
def test_a_clock_that_is_behind_does_not_reopen_a_window() -> None:
    clock = Hands(2026, 11, 20, 15, 0, 1)
    ahead, behind = DatabaseStore(clock), DatabaseStore(Hands(2026, 11, 20, 14, 59, 59))
    assert ahead.take("k", 1, "minute") == 0.0
    assert behind.take("k", 1, "minute") > 0
    assert ahead.take("k", 1, "minute") > 0


@pytest.mark.django_db
def test_a_value_is_deleted_only_while_it_is_the_one_that_failed() -> None:
    store = DatabaseStore(SystemClock())
    store.put("session", "old")
    store.put("session", "new")
    store.delete("session", "old")
    found = store.get("session")
    assert found is not None
    assert found[0] == "new"
    store.delete("session", "new")
    assert store.get("session") is None
