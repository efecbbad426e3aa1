"""The tables of the audit trail. Rows are written by `audit.chain.append` only."""

from __future__ import annotations

from typing import Any, ClassVar, NoReturn

from django.db import models

#: Indexed keys are cut to this many characters: a longer one would not fit an index of PostgreSQL.
KEY_LENGTH = 255


class AppendOnlyError(RuntimeError):
    """Somebody tried to write, change or remove an audit event past `audit.chain` and `audit.retention`."""


def _refuse(*_: Any, **__: Any) -> NoReturn:
    raise AppendOnlyError("audit events are append-only: they are written by audit.chain.append and never changed")


class AppendOnlyQuerySet(models.QuerySet["AuditEvent"]):
    """Reads like any queryset and refuses every write. The database's triggers refuse what gets past it."""

    create = get_or_create = update_or_create = bulk_create = _refuse
    update = bulk_update = delete = _refuse


class AuditEvent(models.Model):
    """One line of the trail: what happened, to which record, by whom, with what outcome."""

    tenant = models.CharField(max_length=100, help_text="the tenant's slug")
    sequence = models.BigIntegerField(help_text="position in the tenant's chain, from 1, without gaps")
    at = models.DateTimeField("time")
    actor = models.TextField()
    integration = models.TextField()
    flow = models.TextField()
    run = models.TextField(help_text="id of the run, empty outside of runs")
    event = models.TextField()
    record_type = models.TextField()
    document = models.CharField(max_length=KEY_LENGTH, help_text="the number people know the record by")
    source_key = models.CharField(max_length=KEY_LENGTH)
    target_id = models.CharField(max_length=KEY_LENGTH)
    amount = models.TextField(help_text="exact decimal as text: SQLite would round a number")
    currency = models.TextField()
    gl_accounts = models.TextField("GL accounts", help_text="comma separated")
    outcome = models.TextField()
    reason = models.TextField()
    attempt = models.PositiveIntegerField()
    message = models.TextField()
    request = models.TextField(help_text="redacted and cut")
    response = models.TextField(help_text="redacted and cut")
    previous_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)

    objects: ClassVar[models.Manager[AuditEvent]] = AppendOnlyQuerySet.as_manager()

    class Meta:
        verbose_name = "audit event"
        default_permissions = ("view",)
        ordering = ("-at", "-id")
        constraints = [models.UniqueConstraint(fields=("tenant", "sequence"), name="audit_event_position")]
        # Ascending: both databases read them backwards, and appending to the end of an index is the cheap case.
        # Each filter's index carries the other filters' columns, so that combining them reads no rows in vain.
        indexes = [
            models.Index(fields=("at",), name="audit_event_at"),
            models.Index(fields=("tenant", "at", "outcome", "event"), name="audit_event_tenant_at"),
            models.Index(fields=("outcome", "at", "event", "tenant"), name="audit_event_outcome_at"),
            models.Index(fields=("event", "at", "outcome", "tenant"), name="audit_event_event_at"),
            models.Index(fields=("document",), name="audit_event_document"),
            models.Index(fields=("source_key",), name="audit_event_source_key"),
            models.Index(fields=("target_id",), name="audit_event_target_id"),
        ]

    def __str__(self) -> str:
        return f"{self.tenant} #{self.sequence} {self.event} {self.document}".rstrip()

    save = delete = _refuse


class AuditChain(models.Model):
    """The two ends of a tenant's chain. Its row is the lock that numbers the tenant's events.

    `first_sequence` and `first_previous_hash` are the checkpoint that retention leaves behind: the first event
    still kept and the hash of the last one removed.
    """

    tenant = models.CharField(max_length=100, primary_key=True)
    last_sequence = models.BigIntegerField(default=0)
    last_hash = models.CharField(max_length=64, default="")
    first_sequence = models.BigIntegerField(default=1)
    first_previous_hash = models.CharField(max_length=64, default="")

    class Meta:
        verbose_name = "audit chain"
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.tenant}: {self.first_sequence} to {self.last_sequence}"
