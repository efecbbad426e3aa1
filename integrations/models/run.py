from __future__ import annotations

from django.db import models

from .integration import Flow


class Run(models.Model):
    """One execution of a flow, with counts. `slot` is the planned instant of a scheduled run: one run a slot."""

    class State(models.TextChoices):
        RUNNING = "running", "running"
        DONE = "done", "done"
        FAILED = "failed", "failed"
        STOPPED = "stopped", "taken over"

    class Trigger(models.TextChoices):
        SCHEDULE = "schedule", "schedule"
        MANUAL = "manual", "by hand"
        WEBHOOK = "webhook", "webhook"
        REPLAY = "replay", "replay"
        SWEEP = "sweep", "sweep"

    flow = models.ForeignKey(Flow, on_delete=models.CASCADE, related_name="runs")
    slot = models.DateTimeField(null=True, blank=True)
    trigger = models.CharField(max_length=10, choices=Trigger.choices)
    state = models.CharField(max_length=10, choices=State.choices, default=State.RUNNING)
    actor = models.CharField(max_length=150, blank=True, default="")
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    counts = models.JSONField(default=dict, blank=True)
    requests = models.JSONField(default=dict, blank=True)
    error = models.TextField(blank=True, default="")

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["flow", "slot"], name="run_slot_once")]
        indexes = [models.Index(fields=["flow", "-id"], name="run_latest")]

    def __str__(self) -> str:
        return f"{self.flow} {self.started_at:%Y-%m-%d %H:%M}: {self.state}"


class Heartbeat(models.Model):
    """Proof that a task cluster is alive: written every minute by a scheduled task."""

    name = models.CharField(max_length=100, unique=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name} at {self.at:%H:%M:%S}"
