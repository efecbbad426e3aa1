"""Budgets and shared secrets in our own tables: the same for every process and host of the installation.

Every decision is one conditional UPDATE whose row count is checked, so that it holds on SQLite and PostgreSQL.
"""

from __future__ import annotations

import random
import threading
import uuid
from datetime import datetime, timedelta

from django.db import IntegrityError
from django.db.models import Case, F, Q, When

from connectors.clock import Clock
from integrations.fields import KeyMissing
from integrations.models import RateWindow, SharedValue, Slot

WINDOWS = {
    "second": timedelta(seconds=1),
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
}
TOUCH_EVERY = timedelta(seconds=30)


class DatabaseStore:
    """`connectors.ports.SharedStore` over the database."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self._touched: dict[str, datetime] = {}
        self._lock = threading.Lock()

    def acquire_slot(self, key: str, limit: int, ttl: float) -> str | None:
        """Look first: whoever waits must not take the database's write lock each time."""
        now = self.clock.now()
        rows = Slot.objects.filter(key=key, number__lt=limit)
        known = list(rows.values_list("pk", "holder", "expires_at"))
        if len(known) < limit:
            Slot.objects.bulk_create([Slot(key=key, number=n) for n in range(limit)], ignore_conflicts=True)
            known = list(rows.values_list("pk", "holder", "expires_at"))
        free = [pk for pk, holder, expires_at in known if not holder or (expires_at and expires_at < now)]
        random.shuffle(free)  # processes that look at the same time go for different ones
        token = uuid.uuid4().hex
        for pk in free:
            still_free = Slot.objects.filter(Q(holder="") | Q(expires_at__lt=now), pk=pk)
            if still_free.update(holder=token, expires_at=now + timedelta(seconds=ttl)):
                return token
        return None

    def release_slot(self, token: str) -> None:
        Slot.objects.filter(holder=token).update(holder="")

    def take(self, key: str, limit: int, window: str) -> float:
        now = self.clock.now()
        starts_at = _floor(now, window)
        rows = RateWindow.objects.filter(key=key)
        while True:
            older = Q(starts_at__lt=starts_at)
            counted = Case(When(older, then=1), default=F("count") + 1)
            if rows.filter(older | Q(starts_at=starts_at, count__lt=limit)).update(count=counted, starts_at=starts_at):
                return 0.0
            if rows.exists():
                return max((starts_at + WINDOWS[window] - now).total_seconds(), 0.001)
            RateWindow.objects.bulk_create([RateWindow(key=key, starts_at=starts_at)], ignore_conflicts=True)

    def get(self, key: str) -> tuple[str, datetime] | None:
        try:
            row = SharedValue.objects.filter(key=key).first()
        except KeyMissing:  # sealed with a key that is gone: it can be had again, unlike credentials
            SharedValue.objects.filter(key=key).delete()
            row = None
        return (row.value, row.touched_at) if row else None

    def put(self, key: str, value: str) -> None:
        now = self.clock.now()
        try:
            SharedValue.objects.update_or_create(key=key, defaults={"value": value, "touched_at": now})
        except IntegrityError:  # another process made the row between our look and our insert
            SharedValue.objects.update_or_create(key=key, defaults={"value": value, "touched_at": now})
        with self._lock:
            self._touched[key] = now

    def touch(self, key: str) -> None:
        now = self.clock.now()
        with self._lock:
            last = self._touched.get(key)
            if last and now - last < TOUCH_EVERY:
                return
            self._touched[key] = now
        SharedValue.objects.filter(key=key).update(touched_at=now)

    def delete(self, key: str, value: str | None = None) -> None:
        row = SharedValue.objects.filter(key=key).first()
        if row and (value is None or row.value == value):
            SharedValue.objects.filter(pk=row.pk, touched_at=row.touched_at).delete()


def _floor(moment: datetime, window: str) -> datetime:
    moment = moment.replace(microsecond=0)
    if window == "second":
        return moment
    moment = moment.replace(second=0)
    if window == "minute":
        return moment
    moment = moment.replace(minute=0)
    return moment if window == "hour" else moment.replace(hour=0)
