from __future__ import annotations

from django.db import models
from simple_history.models import HistoricalRecords

from .connection import Connection
from .integration import Integration


class MappingTable(models.TextChoices):
    ACCOUNTS = "accounts", "accounts"
    DEPARTMENTS = "departments", "departments"
    VENDORS = "vendors", "vendors"
    BANK_ACCOUNTS = "bank_accounts", "bank accounts"
    CATEGORIES = "categories", "categories"
    VENDOR_ACCOUNTS = "vendor_accounts", "default accounts of vendors"
    COLUMNS = "columns", "columns"
    AMOUNTS = "amounts", "amounts outside the lines"


class Mapping(models.Model):
    """One row of the tables finance edits.

    `source` and `target` are what a person wrote (a key, a number or an exact name); `source_key` and `target_id`
    are what they were found to mean, "" while unresolved, with `problem` saying why. `department` and `location`
    narrow a rule down, in tables that have them: it then serves only lines with these; "" asks for nothing.
    """

    integration = models.ForeignKey(Integration, on_delete=models.CASCADE, related_name="mappings")
    table = models.CharField(max_length=20, choices=MappingTable.choices)
    source = models.CharField(max_length=200)
    department = models.CharField(max_length=200, blank=True, default="")
    location = models.CharField(max_length=200, blank=True, default="")
    target = models.CharField(max_length=200)
    source_key = models.CharField(max_length=200, blank=True, default="", editable=False)
    source_label = models.CharField(max_length=250, blank=True, default="", editable=False)
    department_key = models.CharField(max_length=200, blank=True, default="", editable=False)
    location_key = models.CharField(max_length=200, blank=True, default="", editable=False)
    target_id = models.CharField(max_length=200, blank=True, default="", editable=False)
    target_label = models.CharField(max_length=250, blank=True, default="", editable=False)
    problem = models.CharField(max_length=300, blank=True, default="", editable=False)
    history = HistoricalRecords()

    class Meta:
        ordering = ["integration", "table", "source_label", "source", "department", "location"]
        constraints = [
            models.UniqueConstraint(
                fields=["integration", "table", "source", "department", "location"], name="mapping_rule_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.source_label or self.rule} -> {self.target_label or self.target}"

    @property
    def rule(self) -> str:
        """What the row is about, as it was written."""
        return " · ".join(filter(None, (self.source, self.department, self.location)))


class ReferenceKind(models.TextChoices):
    ACCOUNT = "account", "account"
    DEPARTMENT = "department", "department"
    LOCATION = "location", "location"
    BANK = "bank", "bank account"
    VENDOR = "vendor", "vendor"
    COLUMN = "column", "column"


class Reference(models.Model):
    """A copy of one side's reference data, for look-ups, autocomplete and matching.

    `match_name` is the normalised name that vendors are matched by; `payload` the canonical record as JSON where
    more than the label is needed (vendors). The key of a column is `"<board>|<column id>"`, its payload the type.
    """

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="references")
    kind = models.CharField(max_length=12, choices=ReferenceKind.choices)
    key = models.CharField(max_length=200)
    number = models.CharField(max_length=200, blank=True, default="")
    name = models.CharField(max_length=250, blank=True, default="")
    match_name = models.CharField(max_length=250, blank=True, default="")
    active = models.BooleanField(default=True)
    payload = models.TextField(blank=True, default="")
    seen_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["connection", "kind", "key"], name="reference_once")]
        indexes = [
            models.Index(fields=["connection", "kind", "match_name"], name="reference_match"),
            models.Index(fields=["connection", "kind", "number"], name="reference_number"),
        ]

    def __str__(self) -> str:
        return self.label

    @property
    def label(self) -> str:
        return f"{self.number} {self.name}".strip() or self.key
