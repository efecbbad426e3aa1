"""Call budgets shared by all processes: requests in flight, and requests a calendar window.

The counting is done by the host's `SharedStore`; here is only the waiting. `MemoryStore` is the store of
one process: for tests, and for using a connector on its own.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime

from .clock import Clock, SystemClock
from .errors import RateLimited
from .ports import Host

WINDOWS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}

LONGEST_NAP = 5.0  # seconds; whoever has to wait longer for a window parks the work instead
_FIRST_POLL, _SLOWEST_POLL, _GROWTH = 0.005, 0.03, 1.5


@dataclass(frozen=True, slots=True)
class Slots:
    """At most `limit` requests in flight under `key`. `ttl`: seconds after which a dead holder's slot returns;
    it must be longer than the slowest request."""

    key: str
    limit: int
    ttl: float


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `limit` requests a calendar `window` ('second', 'minute', 'hour', 'day') under `key`."""

    key: str
    limit: int
    window: str


Limit = Slots | Rate


@contextmanager
def acquire(limits: Sequence[Limit], host: Host, deadline: float) -> Iterator[None]:
    """Hold one unit of every limit while the block runs.

    Slots are taken first, so that a window's unit is counted at the moment of the call. `deadline` is an
    instant of `host.clock.monotonic()`. Raises RateLimited when it passes, or when a window is used up
    for longer than `LONGEST_NAP`; nothing is then held.
    """
    with ExitStack() as held:
        for limit in limits:
            if isinstance(limit, Slots):
                held.callback(host.store.release_slot, _take_slot(limit, host, deadline))
        for limit in limits:
            if isinstance(limit, Rate):
                _take_unit(limit, host, deadline)
        yield


def _take_slot(slots: Slots, host: Host, deadline: float) -> str:
    delay = _FIRST_POLL
    while (token := host.store.acquire_slot(slots.key, slots.limit, slots.ttl)) is None:
        if host.clock.monotonic() + delay > deadline:
            raise RateLimited("All parallel requests that the other system allows are in use.", retry_after=1.0)
        host.clock.sleep(delay)
        delay = min(delay * _GROWTH, _SLOWEST_POLL)
    return token


def _take_unit(rate: Rate, host: Host, deadline: float) -> None:
    while (wait := host.store.take(rate.key, rate.limit, rate.window)) > 0:
        if wait > LONGEST_NAP or host.clock.monotonic() + wait > deadline:
            raise RateLimited(f"The {rate.limit} requests allowed per {rate.window} are used up.", retry_after=wait)
        host.clock.sleep(wait)


class MemoryStore:
    """A `SharedStore` in this process's memory, thread-safe."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._lock = threading.Lock()
        self._slots: dict[str, dict[str, float]] = {}  # key -> token -> expiry
        self._counts: dict[tuple[str, str], tuple[int, int]] = {}  # (key, window) -> (window number, count)
        self._values: dict[str, tuple[str, datetime]] = {}

    def acquire_slot(self, key: str, limit: int, ttl: float) -> str | None:
        now = self._clock.now().timestamp()
        with self._lock:
            live = {token: expiry for token, expiry in self._slots.get(key, {}).items() if expiry > now}
            self._slots[key] = live
            if len(live) >= limit:
                return None
            token = f"{key}#{uuid.uuid4().hex}"
            live[token] = now + ttl
            return token

    def release_slot(self, token: str) -> None:
        with self._lock:
            self._slots.get(token.rpartition("#")[0], {}).pop(token, None)

    def take(self, key: str, limit: int, window: str) -> float:
        now = self._clock.now().timestamp()
        length = WINDOWS[window]
        number = int(now // length)
        with self._lock:
            counted_in, count = self._counts.get((key, window), (number, 0))
            if counted_in != number:
                count = 0
            if count >= limit:
                return max((number + 1) * length - now, 0.001)
            self._counts[key, window] = (number, count + 1)
            return 0.0

    def get(self, key: str) -> tuple[str, datetime] | None:
        with self._lock:
            return self._values.get(key)

    def put(self, key: str, value: str) -> None:
        with self._lock:
            self._values[key] = (value, self._clock.now())

    def touch(self, key: str) -> None:
        with self._lock:
            if key in self._values:
                self._values[key] = (self._values[key][0], self._clock.now())

    def delete(self, key: str, value: str | None = None) -> None:
        with self._lock:
            if key in self._values and (value is None or self._values[key][0] == value):
                del self._values[key]
