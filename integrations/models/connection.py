from __future__ import annotations

import uuid

from django.db import models

from integrations.fields import EncryptedJSONField, EncryptedTextField

from .tenant import Tenant


class Connection(models.Model):
    """One tenant's URL, settings and encrypted credentials for one system.

    `tls` holds `verify`, `ca_bundle` (PEM text) and `pin_sha256`. `refused_at` is set when the system
    refused the credentials: unattended runs then stop until `provision`, `ping` or a manual sync tries again.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="connections")
    name = models.SlugField(max_length=50)
    system = models.CharField(max_length=30)
    base_url = models.URLField(max_length=500)
    settings = models.JSONField(default=dict, blank=True)
    credentials = EncryptedJSONField(default=dict, blank=True)
    tls = models.JSONField(default=dict, blank=True)
    last_ok_at = models.DateTimeField(null=True, blank=True, editable=False)
    refused_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_error = models.TextField(blank=True, default="", editable=False)

    class Meta:
        ordering = ["tenant", "name"]
        constraints = [models.UniqueConstraint(fields=["tenant", "name"], name="connection_name_once")]

    def __str__(self) -> str:
        return f"{self.tenant.slug}/{self.name}"


class SharedValue(models.Model):
    """A secret shared by all processes (a session id, say), or a short-lived fact about a connection."""

    key = models.CharField(max_length=200, unique=True)
    value = EncryptedTextField(default="")
    touched_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.key
