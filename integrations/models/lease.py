from __future__ import annotations

from django.db import models


class Slot(models.Model):
    """One of the N places in a queue that a vendor allows at a time, shared by all processes and hosts."""

    key = models.CharField(max_length=200)
    number = models.PositiveSmallIntegerField()
    holder = models.CharField(max_length=32, blank=True, default="")
    expires_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["key", "number"], name="slot_once")]

    def __str__(self) -> str:
        return f"{self.key} #{self.number}"


class RateWindow(models.Model):
    """Calls counted against a budget in the calendar window that began at `starts_at`."""

    key = models.CharField(max_length=200, unique=True)
    starts_at = models.DateTimeField()
    count = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.key} {self.starts_at:%H:%M}: {self.count}"
