"""What scripts read and write. Amounts are decimal text, instants UTC."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from audit.models import AuditEvent
from integrations.models import Delivery, Run


class RunSerializer(serializers.ModelSerializer):
    tenant = serializers.CharField(source="flow.integration.tenant.slug")
    integration = serializers.CharField(source="flow.integration.name")
    flow = serializers.CharField(source="flow.name")
    counts = serializers.DictField(child=serializers.IntegerField())
    requests = serializers.DictField(child=serializers.IntegerField())

    class Meta:
        model = Run
        fields = (
            "id",
            "tenant",
            "integration",
            "flow",
            "trigger",
            "state",
            "actor",
            "slot",
            "started_at",
            "finished_at",
            "counts",
            "requests",
            "error",
        )
        read_only_fields = fields


class AttentionSerializer(serializers.ModelSerializer):
    tenant = serializers.CharField(source="flow.integration.tenant.slug")
    integration = serializers.CharField(source="flow.integration.name")
    flow = serializers.CharField(source="flow.name")
    amount = serializers.DecimalField(max_digits=20, decimal_places=2, allow_null=True)

    class Meta:
        model = Delivery
        fields = (
            "id",
            "tenant",
            "integration",
            "flow",
            "key",
            "version",
            "document",
            "state",
            "reason",
            "message",
            "amount",
            "currency",
            "due_date",
            "target_id",
            "attempts",
            "not_before",
            "created_at",
            "updated_at",
        )
        read_only_fields = fields


class AuditSerializer(serializers.ModelSerializer):
    class Meta:
        model = AuditEvent
        fields = (
            "id",
            "tenant",
            "sequence",
            "at",
            "actor",
            "integration",
            "flow",
            "run",
            "event",
            "record_type",
            "document",
            "source_key",
            "target_id",
            "amount",
            "currency",
            "gl_accounts",
            "outcome",
            "reason",
            "attempt",
            "message",
            "request",
            "response",
            "previous_hash",
            "hash",
        )
        read_only_fields = fields


class SyncSerializer(serializers.Serializer):
    flows = serializers.ListField(
        child=serializers.CharField(), required=False, default=list, help_text="Names of flows; none given: all."
    )


class ReplaySerializer(SyncSerializer):
    document = serializers.CharField(required=False, default="", help_text="One document by number or key.")
    all_held = serializers.BooleanField(required=False, default=False)
    all_failed = serializers.BooleanField(required=False, default=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not (attrs["document"] or attrs["all_held"] or attrs["all_failed"]):
            raise serializers.ValidationError("Say what to replay: document, all_held or all_failed.")
        return attrs


class RungSerializer(serializers.Serializer):
    flows = serializers.ListField(child=serializers.CharField(), help_text="The flows that run now.")


class ReplayedSerializer(serializers.Serializer):
    replayed = serializers.IntegerField(help_text="Records put back to be delivered.")
