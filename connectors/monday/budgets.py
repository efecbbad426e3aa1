"""monday.com's limits, kept over all processes by the host's shared store. docs: monday 4

Calls a minute, calls a day and requests at once are counted before they are sent. Complexity points are not: what
is left of them is believed as the last answer told it. Whatever the server says about waiting holds for everybody
who uses the same token.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace

from ..budget import LONGEST_NAP, Limit, Rate, Slots, acquire
from ..errors import RateLimited
from ..ports import Host

MINUTE = 60.0
DAILY_SHARE = 0.5  # of the plan's calls a day: the account's other integrations need some too
CREATIONS_A_MINUTE = 40  # create_board, duplicate_board and duplicate_group; nothing else (docs: monday 4.1)
ITEM_WRITE_POINTS = 10_000  # complexity of one item mutation as monday.com prices it (docs: monday 4.3)
READ_POINTS = 5_000  # of a read, until one was measured [assumed]
_LEARNING = 0.3  # how much the newest measurement counts
_LOCK_SECONDS = 10.0  # after which a dead holder's lock of a rolling window returns


@dataclass(frozen=True, slots=True)
class Plan:
    """What an account may use: requests a minute, complexity points a minute, requests at once, calls a day."""

    minute: int
    complexity: int
    concurrency: int
    daily: int

    @property
    def daily_share(self) -> int:
        return int(self.daily * DAILY_SHARE)


DEFAULT_PLAN = "standard"
PLANS = {
    "free": Plan(1_000, 1_000_000, 40, 1_000),
    "trial": Plan(1_000, 1_000_000, 40, 1_000),
    "basic": Plan(1_000, 10_000_000, 40, 1_000),
    "standard": Plan(1_000, 10_000_000, 40, 1_000),
    "pro": Plan(2_500, 10_000_000, 100, 10_000),
    "enterprise": Plan(5_000, 10_000_000, 250, 25_000),
}


@dataclass(frozen=True, slots=True)
class State:
    """Instants in seconds since 1970. Nothing is sent before `until`; until `resets` there are `points` left;
    `refused` is when a limit refused a request last."""

    until: float = 0.0
    points: int = 0
    resets: float = 0.0
    refused: float = 0.0


class Budgets:
    """One token's budgets. Thread-safe as far as the store is."""

    def __init__(self, identity: str, site: str, plan: Plan, daily_calls: int, patience: float, host: Host) -> None:
        """`patience`: the longest that a request takes, in seconds."""
        self._key = f"monday:{identity}"
        self._site = site
        self._plan = plan
        self._daily_calls = daily_calls
        self._ttl = patience + 5
        self._host = host
        self._prices: dict[str, float] = {}

    def limits(self, board: str = "") -> tuple[Limit, ...]:
        """What a request counts against. `board`: written to by one request at a time, whoever's token it is.

        Half of the minute's calls in each calendar minute: then no sliding minute can hold more than all of them.
        """
        writer = (Slots(f"monday:{self._site}:board:{board}", 1, self._ttl),) if board else ()
        return (
            *writer,
            Slots(f"{self._key}:requests", self._plan.concurrency, self._ttl),
            Rate(f"{self._key}:minute", self._plan.minute // 2, "minute"),
            Rate(f"{self._key}:day", self._daily_calls, "day"),
        )

    # --- before a request ----------------------------------------------------------------------------

    def admit(self, operation: str, units: int, default: int) -> None:
        """Wait, for a moment at most, until the server wants a request of so many `units` again.

        `default`: points a unit, until one was measured. Raises RateLimited where it takes longer.
        """
        while True:
            state, now = self.state(), self._now()
            price = self._prices.get(operation, default) * units
            short = state.resets > now and state.points < min(price, self._plan.complexity)
            wait = max(state.until, state.resets if short else 0.0) - now
            if wait <= 0:
                return
            self._nap(wait, "monday.com asked to wait" if state.until > now else "The complexity budget is used up")

    def count(self, name: str, units: int, limit: int) -> None:
        """Count `units` of what may happen `limit` times in any sixty seconds. Raises RateLimited."""
        key = f"{self._key}:{name}"
        while True:
            deadline = self._host.clock.monotonic() + _LOCK_SECONDS
            with acquire((Slots(f"{key}:lock", 1, _LOCK_SECONDS),), self._host, deadline):
                now, stored = self._now(), self._host.store.get(key)
                stamps: list[float] = json.loads(stored[0]) if stored else []
                recent = [stamp for stamp in stamps if stamp > now - MINUTE]
                excess = len(recent) + units - limit
                if excess <= 0 or not recent:
                    self._host.store.put(key, json.dumps([*recent, *[now] * units]))
                    return
            wait = recent[min(excess, len(recent)) - 1] + MINUTE - now
            self._nap(wait, f"{limit} a minute are allowed")

    def _nap(self, wait: float, why: str) -> None:
        if wait > LONGEST_NAP:
            raise RateLimited(f"{why}; {wait:.0f} s are left.", retry_after=wait)
        self._host.clock.sleep(wait)

    # --- after an answer -----------------------------------------------------------------------------

    def learn(self, operation: str, units: int, complexity: object, headers: Mapping[str, str]) -> None:
        """What an answer tells: the price of what was asked, what is left, and whether it is time to stop."""
        now = self._now()
        left, resets = None, 0.0
        pause = 0.0
        for name, told in rate_limits(headers.get("RateLimit", "")).items():
            if name == "complexityMinute":
                left, resets = told.get("r"), told.get("t", MINUTE)
            elif name != "concurrency" and told.get("r", 1) < 1:
                pause = max(pause, told.get("t", MINUTE))
        if isinstance(complexity, Mapping):
            self._measure(operation, units, complexity.get("query"))
            if isinstance(after := complexity.get("after"), int):
                left, resets = after, float(complexity.get("reset_in_x_seconds") or 0)
        state = self.state()
        changed = state
        if pause:
            changed = replace(changed, until=max(state.until, now + pause))
        if left is not None and (left < self._plan.complexity // 2 or state.resets > now):
            changed = replace(changed, points=int(left), resets=now + resets)
        self._keep(state, changed)

    def _measure(self, operation: str, units: int, points: object) -> None:
        if isinstance(points, int) and points > 0 and units > 0:
            price = points / units
            known = self._prices.get(operation, price)
            self._prices[operation] = known + _LEARNING * (price - known)

    def hold(self, seconds: float) -> None:
        """Nobody who uses this token sends anything for so long: the server refused a request."""
        state, now = self.state(), self._now()
        self._keep(state, replace(state, until=max(state.until, now + seconds), refused=now))

    def state(self) -> State:
        stored = self._host.store.get(f"{self._key}:state")
        return State(**json.loads(stored[0])) if stored else State()

    def _keep(self, before: State, after: State) -> None:
        if after != before:
            self._host.store.put(f"{self._key}:state", json.dumps(asdict(after)))

    def _now(self) -> float:
        return self._host.clock.now().timestamp()


_LIMIT = re.compile(r'"([^"]+)"((?:\s*;\s*[a-z]+="?[^",;]*"?)*)')
_PARAMETER = re.compile(r'([a-z]+)="?(-?[0-9]+(?:\.[0-9]+)?)"?')


def rate_limits(header: str) -> dict[str, dict[str, float]]:
    """The header `RateLimit`: name -> {"r": what is left, "t": seconds until it is reset, where told}."""
    return {
        name: {key: float(value) for key, value in _PARAMETER.findall(parameters)}
        for name, parameters in _LIMIT.findall(header)
    }
