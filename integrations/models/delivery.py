from __future__ import annotations

from decimal import Decimal

from django.db import models

from .integration import Flow
from .run import Run


class State(models.TextChoices):
    PENDING = "pending", "pending"
    SENDING = "sending", "sending"
    DELIVERED = "delivered", "delivered"
    HELD = "held", "held"
    FAILED = "failed", "failed"
    UNCERTAIN = "uncertain", "outcome uncertain"
    SUPERSEDED = "superseded", "superseded by a newer version"
    DONE_OUTSIDE = "done_outside", "done outside"
    VOIDED = "voided", "voided"


#: States in which something is still to be done or decided.
OPEN = (State.PENDING, State.SENDING, State.HELD, State.FAILED, State.UNCERTAIN)
#: The action of a row that stands for a record nobody could read: its payload is no record.
UNREADABLE = "unreadable"
#: Open states in which nothing of this version can have reached the target.
UNSENT = (State.PENDING, State.HELD, State.FAILED)


class Reason(models.TextChoices):
    """Why a record is held or failed, as a code for scripts and in words for people."""

    ACCOUNT_UNMAPPED = "account_unmapped", "account not mapped"
    DIMENSION_UNMAPPED = "dimension_unmapped", "department or cost object not mapped"
    ACCOUNT_INACTIVE = "account_inactive", "mapped account is inactive"
    VENDOR_MISSING = "vendor_missing", "vendor not delivered yet"
    VENDOR_AMBIGUOUS = "vendor_ambiguous", "several vendors match"
    VENDOR_INCOMPLETE = "vendor_incomplete", "vendor record incomplete"
    VENDOR_INACTIVE = "vendor_inactive", "vendor inactive"
    DOCUMENT_NUMBER_TOO_LONG = "document_number_too_long", "document number too long"
    CURRENCY_UNSUPPORTED = "currency_unsupported", "currency not supported"
    AMOUNT_MISMATCH = "amount_mismatch", "amounts do not add up"
    DUPLICATE_DOCUMENT = "duplicate_document", "document exists already"
    CHANGED_AFTER_DELIVERY = "changed_after_delivery", "changed after it was sent"
    INVOICE_NOT_FOUND = "invoice_not_found", "invoice not found"
    ON_HOLD_IN_ERP = "on_hold_in_erp", "on hold in the ledger"
    PAID_IN_ERP = "paid_in_erp", "paid in the ledger"
    VOIDED_AFTER_POSTING = "voided_after_posting", "voided after posting"
    AWAITING_APPROVAL = "awaiting_approval", "awaiting approval"
    AWAITING_CHECK_NUMBER = "awaiting_check_number", "awaiting the check number"
    PERIOD_CLOSED = "period_closed", "fiscal period closed"
    RECORD_LOCKED = "record_locked", "record in use"
    BOARD_UNUSABLE = "board_unusable", "board or column needs attention"
    BOARD_FULL = "board_full", "board is full"
    REJECTED_BY_TARGET = "rejected_by_target", "refused by the target"
    AUTH_FAILED = "auth_failed", "credentials refused"
    UNREACHABLE = "unreachable", "system unreachable"
    OUTCOME_UNKNOWN = "outcome_unknown", "outcome unknown"


class Delivery(models.Model):
    """One version of one record on its way to the target: the outbox row and its state.

    `payload` is the canonical record as JSON, `draft` what is sent of it, written down before it is sent.
    `generation` is the integration's generation under which the record was last judged. `approved` is the
    reason in spite of which a person said to go on: the hold that it answers, and no other, is passed once.
    """

    flow = models.ForeignKey(Flow, on_delete=models.CASCADE, related_name="deliveries")
    key = models.CharField(max_length=200)
    version = models.PositiveIntegerField(default=1)
    document = models.CharField(max_length=200, blank=True, default="")
    group = models.CharField(max_length=200, blank=True, default="")
    fingerprint = models.CharField(max_length=64)
    payload = models.TextField()
    amount_minor = models.BigIntegerField(null=True)
    currency = models.CharField(max_length=3, blank=True, default="")
    due_date = models.DateField(null=True)
    state = models.CharField(max_length=12, choices=State.choices, default=State.PENDING)
    action = models.CharField(max_length=12, blank=True, default="")
    reason = models.CharField(max_length=30, choices=Reason.choices, blank=True, default="")
    message = models.TextField(blank=True, default="")
    candidates = models.JSONField(default=list, blank=True)
    evidence = models.JSONField(default=list, blank=True)
    approved = models.CharField(max_length=30, choices=Reason.choices, blank=True, default="")
    draft = models.TextField(blank=True, default="")
    target_id = models.CharField(max_length=200, blank=True, default="")
    attempts = models.PositiveIntegerField(default=0)
    locks = models.PositiveIntegerField(default=0)
    sent_at = models.DateTimeField(null=True)
    not_before = models.DateTimeField(null=True)
    generation = models.PositiveIntegerField(default=0)
    run = models.ForeignKey(Run, null=True, on_delete=models.SET_NULL, related_name="deliveries")
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "deliveries"
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["flow", "key", "version"], name="delivery_version_once")]
        indexes = [
            models.Index(fields=["flow", "state", "group", "id"], name="delivery_due"),
            models.Index(fields=["state", "reason"], name="delivery_attention"),
            models.Index(fields=["document"], name="delivery_document"),
        ]

    def __str__(self) -> str:
        return f"{self.document or self.key} v{self.version}: {self.state}"

    @property
    def amount(self) -> Decimal | None:
        return None if self.amount_minor is None else Decimal(self.amount_minor).scaleb(-2)
