"""A flow's claim: who runs it now, proved by a conditional UPDATE, kept alive by a heartbeat, fenced by a token."""

from __future__ import annotations

import os
import socket
import threading
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connections
from django.db.models import Q

from connectors.clock import Clock
from integrations.models import Flow

LEASE = timedelta(seconds=getattr(settings, "ENGINE_LEASE_SECONDS", 30))
#: What moves with runs.
STATE = ("claim_token", "claimed_by", "lease_until", "rung_at", "cursors", "place", "as_of", "last_full_at")
BEAT = LEASE.total_seconds() / 6  # a lease outlives five missed beats


class ClaimLost(Exception):
    """Another worker took the flow over: stop at once, write nothing more."""


class Claim:
    """Held while a flow runs. `died_before` is set when it was taken from a worker that stopped beating: the
    instant before which that worker must have died, so that its last request was sent no later."""

    def __init__(
        self, flow: Flow, token: str, clock: Clock, died_before: datetime | None, alive: Callable[[], None] | None
    ) -> None:
        self.flow = flow
        self.token = token
        self.clock = clock
        self.died_before = died_before
        self._alive = alive
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True, name=f"claim-{flow.pk}")
        self._thread.start()

    def fence(self, **fields: Any) -> None:
        """First statement of every transaction: renews the lease, raises ClaimLost when it is no longer ours.

        `fields` of the flow are written with it.
        """
        held = Flow.objects.filter(pk=self.flow.pk, claim_token=self.token)
        if not held.update(lease_until=self.clock.now() + LEASE, **fields):
            raise ClaimLost(f"{self.flow} was taken over by another worker")

    def release(self) -> None:
        self._stop.set()
        self._thread.join(timeout=BEAT)
        Flow.objects.filter(pk=self.flow.pk, claim_token=self.token).update(
            claim_token="", claimed_by="", lease_until=None
        )

    def _beat(self) -> None:
        try:
            while not self._stop.wait(BEAT):
                Flow.objects.filter(pk=self.flow.pk, claim_token=self.token).update(
                    lease_until=self.clock.now() + LEASE
                )
                if self._alive:
                    self._alive()
        finally:
            connections.close_all()


def claim(flow: Flow, clock: Clock, *, alive: Callable[[], None] | None = None) -> Claim | None:
    """The claim of a flow, or None while another live worker holds it. It answers the bell.

    `alive` is called with every beat.
    """
    now = clock.now()
    token = uuid.uuid4().hex
    worker = f"{socket.gethostname()}:{os.getpid()}"[:100]
    free = Q(claim_token="") | Q(lease_until__lt=now)
    for _ in range(2):  # the second time it may have been read too long ago
        old_token, lease_until = flow.claim_token, flow.lease_until
        unchanged = Flow.objects.filter(free, pk=flow.pk, claim_token=old_token, lease_until=lease_until)
        taken = unchanged.update(claim_token=token, claimed_by=worker, lease_until=now + LEASE, rung_at=None)
        flow.refresh_from_db(fields=STATE)
        if taken:
            return Claim(flow, token, clock, lease_until if old_token else None, alive)
    return None


def claim_waiting(flow: Flow, clock: Clock, *, patience: float) -> Claim | None:
    """Like `claim`, but waits up to `patience` seconds for a running or dying worker."""
    deadline = clock.monotonic() + patience
    while True:
        held = claim(flow, clock)
        if held or clock.monotonic() > deadline:
            return held
        clock.sleep(0.5)
