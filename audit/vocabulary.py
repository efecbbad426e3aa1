"""The words of the audit trail that its filters offer.

Static on purpose: a filter that asks the table for its distinct values costs half a second at a million
rows. An event may carry any other word; it is stored, exported and searchable, only not offered as a filter.
"""

from __future__ import annotations

from django.db.models import TextChoices


class Event(TextChoices):
    """What happened. First a delivery's life, then the installation's."""

    STAGED = "staged", "Staged"
    SENDING = "sending", "Sending"
    DELIVERED = "delivered", "Delivered"
    HELD = "held", "Held"
    FAILED = "failed", "Failed"
    UNCERTAIN = "uncertain", "Uncertain"
    SUPERSEDED = "superseded", "Superseded"
    DONE_OUTSIDE = "done_outside", "Done outside"
    WITHDRAWN = "withdrawn", "Withdrawn"
    POSTED = "posted", "Posted in the ledger"
    LOOKED_UP = "looked_up", "Looked up"
    ABSENCE_PROVED = "absence_proved", "Absence proved"
    PUT_BACK = "put_back", "Put back"
    PARKED = "parked", "Parked by a limit"
    LOCKED = "locked", "Record locked"
    REPLAYED = "replayed", "Replayed"
    UNREADABLE = "unreadable", "Unreadable record"
    CONNECTION_FAILED = "connection_failed", "Connection failed"
    CREDENTIALS_REFUSED = "credentials_refused", "Credentials refused"
    RECONCILED = "reconciled", "Reconciled"
    SYNC_REQUESTED = "sync_requested", "Sync requested"
    RUN_STARTED = "run_started", "Run started"
    RUN_FINISHED = "run_finished", "Run finished"
    WEBHOOK_RECEIVED = "webhook_received", "Webhook received"
    MAPPING_CHANGED = "mapping_changed", "Mapping changed"
    CREDENTIALS_CHANGED = "credentials_changed", "Credentials changed"
    SETTINGS_CHANGED = "settings_changed", "Settings changed"
    USER_CHANGED = "user_changed", "User changed"
    EXPORTED = "exported", "Audit trail exported"
    RETAINED = "retained", "Old audit events removed"


class Outcome(TextChoices):
    OK = "ok", "OK"
    HELD = "held", "Held"
    FAILED = "failed", "Failed"
    UNCERTAIN = "uncertain", "Uncertain"
    SKIPPED = "skipped", "Skipped"
