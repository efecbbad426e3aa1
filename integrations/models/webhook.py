from __future__ import annotations

import uuid

from django.db import models

from integrations.fields import EncryptedTextField

from .connection import Connection
from .integration import Flow, Integration


class WebhookSubscription(models.Model):
    """The cloud's subscription of one integration. After a rotation the old key is accepted until `previous_until`."""

    integration = models.OneToOneField(Integration, on_delete=models.CASCADE, related_name="subscription")
    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="subscriptions")
    idempotency_key = models.UUIDField(default=uuid.uuid4, editable=False)
    subscription_id = models.CharField(max_length=100, blank=True, default="", editable=False)
    url = models.URLField(max_length=500, blank=True, default="")
    events = models.JSONField(default=list, blank=True)
    enabled = models.BooleanField(default=False, editable=False)
    key = EncryptedTextField(default="", editable=False)
    previous_key = EncryptedTextField(default="", editable=False)
    previous_until = models.DateTimeField(null=True, blank=True, editable=False)
    checked_at = models.DateTimeField(null=True, blank=True, editable=False)

    def __str__(self) -> str:
        return f"{self.integration} at {self.url}"


class WebhookEvent(models.Model):
    """A verified notification. It is only a hint: the current state is read through the polling path."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="webhook_events")
    subscription_id = models.CharField(max_length=100)
    event_id = models.CharField(max_length=100)
    type = models.CharField(max_length=50)
    entity_id = models.CharField(max_length=100, blank=True, default="")
    received_at = models.DateTimeField(db_index=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["connection", "subscription_id", "event_id"], name="webhook_event_once"),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.entity_id}"


class Hint(models.Model):
    """Something a flow must look at in its next run, beyond its cursor: a vendor whose payments were read too early."""

    flow = models.ForeignKey(Flow, on_delete=models.CASCADE, related_name="hints")
    key = models.CharField(max_length=200)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["flow", "key"], name="hint_once")]

    def __str__(self) -> str:
        return self.key
