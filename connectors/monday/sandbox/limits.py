"""What one account may ask: plans, the minute, the day, concurrency and complexity (docs: monday 4.1, 4.3)."""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from .refusals import Refused, too_many

MINUTE = timedelta(seconds=60)
REQUEST_CAP = 5_000_000  # points of one request
CALL, CHEAP = 10, 1  # a call and one that only hit a limit or asked for its complexity, in tenths of a call
FIELD_QUOTAS = {  # root field -> (name in the message, calls in 60 s)
    "create_board": ("CreateBoard", 40),
    "duplicate_board": ("DuplicateBoard", 40),
    "duplicate_group": ("DuplicateGroup", 40),
}


@dataclass(frozen=True)
class Plan:
    daily: int
    minute: int
    concurrency: int
    complexity: int = 10_000_000  # of a personal token, reads and writes together
    app_complexity: int = 5_000_000  # of an app's token, for reads and for writes


PLANS = {
    "free": Plan(1_000, 1_000, 40, 1_000_000),
    "trial": Plan(1_000, 1_000, 40, 1_000_000),
    "basic": Plan(1_000, 1_000, 40),
    "standard": Plan(1_000, 1_000, 40),
    "pro": Plan(10_000, 2_500, 100),
    "enterprise": Plan(25_000, 5_000, 250),
}


def plan_of(name: str, limits: dict[str, int]) -> Plan:
    """The plan with single numbers of it replaced. Raises KeyError for an unknown plan."""
    return replace(PLANS[name], **limits)


class Window:
    """Complexity: opened by the first call, full again 60 s later."""

    def __init__(self, limit: int) -> None:
        self.limit, self.left = limit, limit
        self.until: datetime | None = None

    def settle(self, now: datetime) -> None:
        if self.until is not None and now >= self.until:
            self.left, self.until = self.limit, None

    def reset_in(self, now: datetime) -> int:
        return 60 if self.until is None else math.ceil((self.until - now).total_seconds())

    def spend(self, cost: int, now: datetime) -> dict[str, int]:
        """What the `complexity` field shows. Raises Refused when the rest of the window does not cover `cost`."""
        self.settle(now)
        if cost > REQUEST_CAP:
            raise Refused(
                "REQUEST_MAX_COMPLEXITY_EXCEEDED",
                f"Query has complexity of {cost}, which exceeds max complexity of {REQUEST_CAP}",
                more={"complexity": cost, "max_complexity": REQUEST_CAP},
            )
        if cost > self.left:
            raise too_many(
                "COMPLEXITY_BUDGET_EXHAUSTED",
                "Complexity budget exhausted",
                self.reset_in(now),
                complexity=cost,
                complexity_budget_left=self.left,
                complexity_budget_limit=self.limit,
            )
        self.until = self.until or now + MINUTE
        before, self.left = self.left, self.left - cost
        return {"before": before, "query": cost, "after": self.left, "reset_in_x_seconds": self.reset_in(now)}


class Limits:
    """The counters of the account. `spent` is all complexity so far."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.recent: deque[datetime] = deque()
        self.day = ""
        self.tenths = 0  # of calls of this day
        self.windows = {
            "personal": Window(plan.complexity),
            "app_query": Window(plan.app_complexity),
            "app_mutation": Window(plan.app_complexity),
        }
        self.fields: dict[str, deque[datetime]] = {name: deque() for name in FIELD_QUOTAS}
        self.spent = 0

    # --- requests --------------------------------------------------------------------------------

    def enter(self, now: datetime, in_flight: int) -> None:
        """Count a request. Raises Refused, at a tenth of its price, when it is one too many."""
        self._settle(now)
        try:
            if in_flight > self.plan.concurrency:
                raise too_many("maxConcurrencyExceeded", "Concurrency limit exceeded", 1, announces=False)
            if self.tenths + CALL > self.plan.daily * CALL:
                raise too_many("DAILY_LIMIT_EXCEEDED", "Daily limit exceeded", _until_midnight(now))
            if len(self.recent) >= self.plan.minute:
                raise too_many("Rate Limit Exceeded", "Minute limit rate exceeded", _wait(self.recent[0], now))
        except Refused:
            self.tenths += CHEAP
            raise
        self.recent.append(now)
        self.tenths += CALL

    def refund(self) -> None:
        """The request entered hit a limit later, or asked for nothing but its complexity."""
        self.tenths -= CALL - CHEAP

    def use_up_day(self, now: datetime) -> None:
        self._settle(now)
        self.tenths = self.plan.daily * CALL

    def _settle(self, now: datetime) -> None:
        while self.recent and self.recent[0] + MINUTE <= now:
            self.recent.popleft()
        if self.day != now.date().isoformat():
            self.day, self.tenths = now.date().isoformat(), 0

    # --- what it does ----------------------------------------------------------------------------

    def check_fields(self, names: Iterable[str], now: datetime) -> None:
        """40 in 60 s, for boards and copies only (docs: monday 4.1)."""
        for name, count in Counter(names).items():
            if name not in FIELD_QUOTAS:
                continue
            used, (label, most) = self.fields[name], FIELD_QUOTAS[name]
            while used and used[0] + MINUTE <= now:
                used.popleft()
            if len(used) + count > most:
                wait = _wait(used[0], now) if used else 60
                raise too_many("RATE_LIMIT_EXCEEDED", f"Call limit exceeded for {label}", wait)
            used.extend([now] * count)

    def spend(self, app: bool, kind: str, cost: int, now: datetime) -> dict[str, int]:
        shown = self.window(app, kind).spend(cost, now)
        self.spent += cost
        return shown

    def window(self, app: bool, kind: str) -> Window:
        return self.windows[f"app_{kind}" if app else "personal"]

    # --- headers ---------------------------------------------------------------------------------

    def headers(self, now: datetime, in_flight: int, app: bool, kind: str) -> dict[str, str]:
        self._settle(now)
        window = self.window(app, kind)
        window.settle(now)
        left = self.plan.minute - len(self.recent)
        reset = f";t={_wait(self.recent[0], now)}" if left <= 0 else ""
        free = max(self.plan.concurrency - in_flight, 0)
        return {
            "RateLimit-Policy": f'"minuteRate";q={self.plan.minute};w=60, '
            f'"concurrency";q={self.plan.concurrency};qu="concurrent-requests", '
            f'"complexityMinute";q={window.limit};w=60;qu="content-bytes"',
            "RateLimit": f'"minuteRate";r={max(left, 0)}{reset}, "concurrency";r={free}, '
            f'"complexityMinute";r={window.left};t={window.reset_in(now)}',
        }

    def daily(self) -> dict[str, Any]:
        return {"base": self.plan.daily, "total": self.plan.daily, "addon": None}


def _wait(first: datetime, now: datetime) -> int:
    return max(math.ceil((first + MINUTE - now).total_seconds()), 1)


def _until_midnight(now: datetime) -> int:
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    return max(math.ceil((midnight - now).total_seconds()), 1)
