from __future__ import annotations

from django.db import models

from .integration import Flow, Integration


class Link(models.Model):
    """The cross-reference: source key <-> target id, and what was last delivered.

    `group` is the record's owner (a bill's vendor key). `draft` is the JSON of what the target was last told,
    `basis` the source's figures it was decided on, `seen` what the source's list of open items said then; all
    are read back to see what changed. `status` is the target's own word for how far it is, `attachment` the checksum
    and the name of the file that went with it.
    """

    class State(models.TextChoices):
        ACTIVE = "active", "active"
        ARCHIVED = "archived", "archived by us"
        ENTERED = "entered", "entered, awaiting posting"
        AWAITING = "awaiting", "awaiting approval in the target"
        POSTED = "posted", "posted"
        REFUSED = "refused", "refused by the target"
        MISSING = "missing", "gone from the target"
        VOIDED = "voided", "voided"

    flow = models.ForeignKey(Flow, on_delete=models.CASCADE, related_name="links")
    source_key = models.CharField(max_length=200)
    target_id = models.CharField(max_length=200)
    group = models.CharField(max_length=200, blank=True, default="")
    document = models.CharField(max_length=200, blank=True, default="")
    fingerprint = models.CharField(max_length=64, blank=True, default="")
    state = models.CharField(max_length=10, choices=State.choices, default=State.ACTIVE)
    adopted = models.BooleanField(default=False)
    closed = models.BooleanField(default=False)
    draft = models.TextField(blank=True, default="")
    basis = models.TextField(blank=True, default="")
    seen = models.CharField(max_length=200, blank=True, default="")
    status = models.CharField(max_length=200, blank=True, default="")
    attachment = models.CharField(max_length=300, blank=True, default="")
    seen_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()
    delivered_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["flow", "source_key"], name="link_source_once"),
            models.UniqueConstraint(fields=["flow", "target_id"], name="link_target_once"),
        ]
        indexes = [models.Index(fields=["flow", "closed", "seen_at"], name="link_unseen")]

    def __str__(self) -> str:
        return f"{self.source_key} <-> {self.target_id}"


class Application(models.Model):
    """The part of a cloud payment that we recorded in the ledger against one invoice.

    Kept apart from links because the bills flow and the payments flow both need it and run at the same time:
    a balance that fell by exactly these amounts was paid by us, anything else was paid outside.
    """

    class State(models.TextChoices):
        ENTERED = "entered", "entered"
        POSTED = "posted", "posted"
        VOIDED = "voided", "voided"

    integration = models.ForeignKey(Integration, on_delete=models.CASCADE, related_name="applications")
    bill_key = models.CharField(max_length=200)
    payment_key = models.CharField(max_length=200)
    amount_minor = models.BigIntegerField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.ENTERED)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["integration", "bill_key", "payment_key"], name="application_once"),
        ]
        indexes = [models.Index(fields=["integration", "payment_key"], name="application_payment")]

    def __str__(self) -> str:
        return f"{self.payment_key} on {self.bill_key}"
