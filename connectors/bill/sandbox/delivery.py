"""Sends webhooks from a thread of its own: in order, signed, tried again, logged (docs: bill 10.2)."""

from __future__ import annotations

import base64
import hashlib
import heapq
import hmac
import itertools
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import requests

SIGNATURE = "x-bill-sha-signature"
TIMEOUT = 5.0  # seconds for the receiver to answer [assumed]


@dataclass
class Event:
    """One notification of one subscription; `attempts` is the delivery log's raw material."""

    id: str
    subscription_id: str
    type: str
    entity_id: str
    payload: str
    created: str
    attempts: list[dict[str, Any]] = field(default_factory=list)


def sign(key: str, body: bytes) -> str:
    """base64(HMAC-SHA256(key as UTF-8 text, the exact bytes sent))."""
    return base64.b64encode(hmac.new(key.encode(), body, hashlib.sha256).digest()).decode()


def post(url: str, body: bytes, signature: str) -> int:
    """The receiver's status, 0 when none came."""
    headers = {"Content-Type": "application/json", SIGNATURE: signature}
    try:
        return requests.post(url, data=body, headers=headers, timeout=TIMEOUT, allow_redirects=False).status_code
    except (requests.RequestException, ValueError):
        return 0


class Courier:
    """Runs jobs when they are due, one at a time; its thread lives only while there is work."""

    def __init__(self) -> None:
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._wake = threading.Condition()
        self._running = False
        self._working = False

    def submit(self, job: Callable[[], None], delay: float = 0.0) -> None:
        with self._wake:
            heapq.heappush(self._due, (time.monotonic() + delay, next(self._order), job))
            if not self._running:
                self._running = True
                threading.Thread(target=self._work, daemon=True, name="bill-webhooks").start()
            self._wake.notify_all()

    def flush(self, timeout: float) -> int:
        """Wait until nothing is left to send; returns how many jobs still are."""
        with self._wake:
            self._wake.wait_for(lambda: not self._due and not self._working, timeout)
            return len(self._due) + self._working

    def _work(self) -> None:
        while True:
            with self._wake:
                self._working = False
                self._wake.notify_all()
                while self._due and self._due[0][0] > time.monotonic():
                    self._wake.wait(self._due[0][0] - time.monotonic())
                if not self._due:
                    self._running = False
                    return
                job = heapq.heappop(self._due)[2]
                self._working = True
            job()
