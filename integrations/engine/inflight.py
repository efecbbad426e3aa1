"""A few worker threads that talk HTTP while the caller keeps the database to itself."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Any

from django.db import connections


class InFlight:
    """Runs calls on `limit` threads; `next()` gives (tag, value, error) of whichever ends first.

    With a limit of one it runs in the caller's thread: no thread, no second database connection.
    """

    def __init__(self, limit: int) -> None:
        self.limit = max(1, limit)
        self.pending = 0
        self._jobs: queue.SimpleQueue[tuple[Any, Callable[[], Any]] | None] = queue.SimpleQueue()
        self._done: queue.SimpleQueue[tuple[Any, Any, BaseException | None]] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []

    @property
    def full(self) -> bool:
        """One job more than threads may wait, so that no thread idles while the caller is at the database."""
        return self.pending > self.limit if self.limit > 1 else self.pending >= 1

    def submit(self, tag: Any, call: Callable[[], Any]) -> None:
        self.pending += 1
        if self.limit == 1:
            self._done.put((tag, *_outcome(call)))
            return
        if len(self._threads) < self.limit:
            thread = threading.Thread(target=self._work, daemon=True, name=f"in-flight-{len(self._threads)}")
            self._threads.append(thread)
            thread.start()
        self._jobs.put((tag, call))

    def next(self) -> tuple[Any, Any, BaseException | None]:
        result = self._done.get()
        self.pending -= 1
        return result

    def close(self) -> None:
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join()
        self._threads.clear()

    def _work(self) -> None:
        try:
            while job := self._jobs.get():
                tag, call = job
                self._done.put((tag, *_outcome(call)))
        finally:
            connections.close_all()


def _outcome(call: Callable[[], Any]) -> tuple[Any, BaseException | None]:
    try:
        return call(), None
    except Exception as error:
        return None, error
