from __future__ import annotations

from django.db import models

from .connection import Connection
from .tenant import Tenant


class Integration(models.Model):
    """One tenant's recipe over two of its connections.

    `generation` counts everything that could release a hold (a mapping saved, a vendor delivered, reference
    data changed): a held delivery that was judged under an older generation is due again.
    """

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="integrations")
    name = models.SlugField(max_length=50)
    recipe = models.CharField(max_length=50)
    source = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="+")
    target = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="+")
    start_date = models.DateField(help_text="Documents dated earlier are left alone.")
    settings = models.JSONField(default=dict, blank=True)
    enabled = models.BooleanField(default=True)
    generation = models.PositiveIntegerField(default=1, editable=False)

    class Meta:
        ordering = ["tenant", "name"]
        constraints = [models.UniqueConstraint(fields=["tenant", "name"], name="integration_name_once")]

    def __str__(self) -> str:
        return f"{self.tenant.slug}/{self.name}"


class Flow(models.Model):
    """One record type in one direction inside an integration: cursor, interval and claim.

    `cursors` holds one opaque cursor per stream that the flow reads. The claim (`claim_token`, `lease_until`)
    keeps a flow from running twice at once, on any number of hosts. `place` is the id of what holds the flow's records
    in the target, where that has many such places (the board).
    """

    integration = models.ForeignKey(Integration, on_delete=models.CASCADE, related_name="flows")
    name = models.CharField(max_length=30)
    position = models.PositiveSmallIntegerField(default=0, editable=False)
    enabled = models.BooleanField(default=True)
    every = models.PositiveIntegerField("interval in seconds", default=900)
    cursors = models.JSONField(default=dict, blank=True, editable=False)
    place = models.CharField(max_length=100, blank=True, default="", editable=False)
    as_of = models.DateTimeField(null=True, blank=True, editable=False)
    last_full_at = models.DateTimeField(null=True, blank=True, editable=False)
    rung_at = models.DateTimeField(null=True, blank=True, editable=False)
    claim_token = models.CharField(max_length=32, blank=True, default="", editable=False)
    claimed_by = models.CharField(max_length=100, blank=True, default="", editable=False)
    lease_until = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["integration", "position"]
        constraints = [models.UniqueConstraint(fields=["integration", "name"], name="flow_once")]

    def __str__(self) -> str:
        return f"{self.integration}/{self.name}"
