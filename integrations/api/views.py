"""The small REST API: what ran, what needs a person, what is on record; and a push to go on."""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet
from django.http import Http404
from rest_framework.exceptions import ValidationError
from rest_framework.generics import GenericAPIView, ListAPIView, RetrieveAPIView
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from audit.models import AuditEvent
from integrations.access import REPLAY, SYNC, name_of, scoped, tenants_of
from integrations.engine.actions import REPLAYABLE, replay, sync_now
from integrations.engine.context import flows_in_use
from integrations.models import Delivery, Flow, Integration, Run, State

from .schema import Described, ExactFilters, NewestFirst
from .serializers import (
    AttentionSerializer,
    AuditSerializer,
    ReplayedSerializer,
    ReplaySerializer,
    RungSerializer,
    RunSerializer,
    SyncSerializer,
)

ATTENTION = (State.HELD, State.FAILED, State.UNCERTAIN)


class MayDo(BasePermission):
    """The view's own `permission`, by role."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return bool(request.user and request.user.is_authenticated and request.user.has_perm(view.permission))


class Listing(ListAPIView):
    permission_classes = [MayDo]
    permission = ""
    schema = Described()
    pagination_class = NewestFirst
    filter_backends = [ExactFilters]
    filters: dict[str, str] = {}


_OF_FLOW = {"tenant": "flow__integration__tenant__slug", "integration": "flow__integration__name", "flow": "flow__name"}


class RunList(Listing):
    """Runs, newest first."""

    permission = "integrations.view_run"
    serializer_class = RunSerializer
    filters = {**_OF_FLOW, "state": "state", "trigger": "trigger", "since": "started_at__gte"}

    def get_queryset(self) -> QuerySet[Run]:
        return _runs(self.request)


class RunDetail(RetrieveAPIView):
    """One run with its counts."""

    permission_classes = [MayDo]
    permission = "integrations.view_run"
    schema = Described()
    serializer_class = RunSerializer

    def get_queryset(self) -> QuerySet[Run]:
        return _runs(self.request)


def _runs(request: Request) -> QuerySet[Run]:
    return scoped(Run.objects.select_related("flow__integration__tenant"), request.user, "flow__integration__tenant")


class AttentionList(Listing):
    """Records that a person or another record must help on: held, failed, outcome uncertain."""

    permission = "integrations.view_delivery"
    serializer_class = AttentionSerializer
    schema = Described(operation_id_base="Attention")
    filters = {**_OF_FLOW, "state": "state", "reason": "reason", "document": "document", "key": "key"}

    def get_queryset(self) -> QuerySet[Delivery]:
        rows = Delivery.objects.filter(state__in=ATTENTION).select_related("flow__integration__tenant")
        return scoped(rows, self.request.user, "flow__integration__tenant")


class AuditList(Listing):
    """The audit trail, newest first."""

    permission = "audit.view_auditevent"
    serializer_class = AuditSerializer
    schema = Described(operation_id_base="AuditEvent")
    filters = {
        "tenant": "tenant",
        "integration": "integration",
        "event": "event",
        "document": "document",
        "source_key": "source_key",
        "target_id": "target_id",
        "since": "at__gte",
        "until": "at__lt",
    }

    def get_queryset(self) -> QuerySet[AuditEvent]:
        slugs = tenants_of(self.request.user)
        return AuditEvent.objects.all() if slugs is None else AuditEvent.objects.filter(tenant__in=slugs)


class Deed(GenericAPIView):
    """A POST on one integration."""

    permission_classes = [MayDo]
    permission = ""
    queryset = Integration.objects.select_related("tenant", "source", "target").defer(
        "source__credentials", "target__credentials"
    )

    def begin(self, request: Request, tenant: str, name: str) -> tuple[list[Flow], dict[str, Any]]:
        """The flows that were asked for, and the rest of the request."""
        integrations = scoped(self.get_queryset(), request.user, "tenant")
        integration = integrations.filter(tenant__slug=tenant, name=name).first()
        if integration is None:
            raise Http404
        asked = self.get_serializer(data=request.data)
        asked.is_valid(raise_exception=True)
        flows = {flow.name: flow for flow in flows_in_use(integration.flows.all())}
        unknown = [each for each in asked.validated_data["flows"] if each not in flows]
        if unknown:
            raise ValidationError({"flows": f"unknown: {', '.join(unknown)}; there are: {', '.join(flows)}"})
        wanted = asked.validated_data["flows"] or list(flows)
        return [flows[each] for each in wanted], asked.validated_data


class SyncView(Deed):
    """Run flows now instead of at their next time. Answers at once; see the runs for the outcome."""

    permission = SYNC
    serializer_class = SyncSerializer
    answer = RungSerializer
    schema = Described(operation_id_base="Sync")

    def post(self, request: Request, tenant: str, name: str) -> Response:
        flows, _ = self.begin(request, tenant, name)
        enabled = [flow for flow in flows if flow.enabled and flow.integration.enabled]
        for flow in enabled:
            sync_now(flow, actor=name_of(request.user))
        return Response({"flows": [flow.name for flow in enabled]}, status=202)


class ReplayView(Deed):
    """Put held or failed records back to be delivered."""

    permission = REPLAY
    serializer_class = ReplaySerializer
    answer = ReplayedSerializer
    schema = Described(operation_id_base="Replay")

    def post(self, request: Request, tenant: str, name: str) -> Response:
        flows, asked = self.begin(request, tenant, name)
        if asked["document"]:
            which = Q(document=asked["document"]) | Q(key=asked["document"])
            which &= Q(state__in=REPLAYABLE)
        else:
            states = [State.HELD] * asked["all_held"] + [State.FAILED] * asked["all_failed"]
            which = Q(state__in=states)
        chosen = Delivery.objects.filter(which, flow__in=flows)
        replayed = replay(chosen, actor=name_of(request.user), approve=bool(asked["document"]))
        return Response({"replayed": replayed}, status=202)
