"""What the caller did, for tests to judge: counts, and what a good caller never does (docs: monday 18, Journal)."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any


class Journal:
    """`mapped`: the columns that a test says are the caller's, by board id, "*" for every board."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.requests = 0
        self.mutations: Counter[str] = Counter()
        self.mapped: dict[str, set[str]] = {}
        self.unmapped: Counter[str] = Counter()
        self.unchanged: Counter[str] = Counter()
        self.in_flight: Counter[str] = Counter()
        self.most_in_flight: dict[str, int] = {}
        self.other_bodies: list[str] = []
        self.replays = 0
        self.early = 0
        self.wait_until: datetime | None = None

    def request(self, now: datetime) -> None:
        self.requests += 1
        if self.wait_until is not None and now < self.wait_until:
            self.early += 1

    def announce(self, until: datetime) -> None:
        self.wait_until = max(until, self.wait_until or until)

    @contextmanager
    def writing(self, boards: Iterable[str]) -> Iterator[None]:
        """Around everything that a mutation takes; the sandbox's lock is not held."""
        held = sorted(set(boards))
        with self._lock:
            self.in_flight.update(held)
            for board in held:
                self.most_in_flight[board] = max(self.most_in_flight.get(board, 0), self.in_flight[board])
        try:
            yield
        finally:
            with self._lock:
                self.in_flight.subtract(held)

    def wrote(self, board: int, item: int, columns: Iterable[str], *, unchanged: bool) -> None:
        mapped = self.mapped.get(str(board), self.mapped.get("*"))
        if mapped is not None:
            self.unmapped.update(f"{board}/{each}" for each in columns if each not in mapped)
        if unchanged:
            self.unchanged[str(item)] += 1

    def stats(self) -> dict[str, Any]:
        """`most_in_flight_by_board` is in mutations; `early_requests` came during an announced wait."""
        return {
            "graphql_requests": self.requests,
            "mutations": dict(self.mutations),
            "unmapped_writes": dict(self.unmapped),
            "unchanged_rewrites": dict(self.unchanged),
            "most_in_flight_by_board": self.most_in_flight,
            "same_key_other_body": self.other_bodies,
            "replays": self.replays,
            "early_requests": self.early,
        }
