"""Uncertain outcomes: proved by look-up, on a schedule, with the evidence kept.

There is no way from "no answer" to "send again" but a look-up that proves absence, and absence only counts once
the request can no longer take effect.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db.models import Q

from connectors.errors import ConnectorError
from integrations.models import Delivery, Reason, State

from .codec import decode
from .settle import DOUBT_SCHEDULE, Settler
from .vocabulary import Found, Item, Send

if TYPE_CHECKING:
    from .run import FlowRun

CHUNK = 100


class Doubt:
    def __init__(self, run: FlowRun, settle: Settler) -> None:
        self.run = run
        self.settle = settle

    def recover(self) -> bool:
        """What a dead worker was sending is uncertain now; its last request left before its lease ran out."""
        rows = list(Delivery.objects.filter(flow=self.run.flow, state=State.SENDING))
        if not rows:
            return False
        items = self._items(rows)
        for item in items:
            row = item.delivery
            row.state, row.reason, row.not_before = State.UNCERTAIN, Reason.OUTCOME_UNKNOWN, None
            row.message = "The worker stopped while sending; looking up what the target holds."
            row.sent_at = max(row.sent_at or self.run.clock.now(), self.run.claim.died_before or self.run.clock.now())
        self.settle._save(items, "uncertain")
        return True

    def resolve(self) -> bool:
        """Judge every uncertain delivery whose next look-up is due; True when there were any."""
        now = self.run.clock.now()
        ripe = Q(not_before__isnull=True) | Q(not_before__lte=now)
        rows = list(Delivery.objects.filter(ripe, flow=self.run.flow, state=State.UNCERTAIN).order_by("id"))
        for start in range(0, len(rows), CHUNK):
            self.judge(self._items(rows[start : start + CHUNK]))
        return bool(rows)

    def judge(self, items: Sequence[Item]) -> None:
        try:
            found = self.run.policy.look_up(items)
        except ConnectorError as error:
            for item in items:
                self.settle.still_unclear(item, f"The look-up failed: {error}", wait=self._next_look(item))
            return
        for item in items:
            self._one(item, found.get(item.key) or Found("", "The look-up shows nothing of it."))

    def _next_look(self, item: Item) -> float:
        return DOUBT_SCHEDULE[min(len(item.delivery.evidence), len(DOUBT_SCHEDULE) - 1)]

    def _one(self, item: Item, found: Found) -> None:
        if found.hold is not None:
            self.settle.decided([(item, found.hold)])
            return
        if found.target_id:
            self.settle.proved(item, self._sent(item), found)
            return
        if found.unclear:
            self.settle.still_unclear(item, found.note, wait=self._next_look(item))
            return
        open_until = self._open_until(item)
        left = (open_until - self.run.clock.now()).total_seconds()
        if left <= 0:
            self.settle.absent(item, found.note)
        else:
            note = f"{found.note} The request could still take effect until {open_until:%H:%M:%S} UTC."
            self.settle.still_unclear(item, note, wait=left)

    def _open_until(self, item: Item) -> datetime:
        """The instant after which the request that got no answer can no longer take effect."""
        writer = self.run.context.writer.capabilities
        if self.run.policy.record_type in writer.repeatable or item.delivery.sent_at is None:
            return self.run.clock.now()
        return item.delivery.sent_at + timedelta(seconds=writer.answer_window)

    def _sent(self, item: Item) -> Send:
        row = item.delivery
        draft = decode(self.run.policy.draft_type(row.action), row.draft) if row.draft else None
        return Send(row.action, draft, target_id=row.target_id)

    def _items(self, rows: Sequence[Delivery]) -> list[Item]:
        links = self.run.context.links().get(row.key for row in rows)
        for row in rows:
            row.flow = self.run.flow
        return [Item(row, self.run.policy.decode(row.payload), links.get(row.key)) for row in rows]
