"""Notifications from the clouds: verified over the raw bytes, stored, answered; the reading is left to the flows."""

from __future__ import annotations

import logging
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.http import Http404, HttpRequest
from django.utils import timezone
from rest_framework.response import Response
from rest_framework.views import APIView

from integrations.engine.context import recipe_of, webhook_functions
from integrations.engine.schedule import ring
from integrations.models import Connection, Flow, WebhookEvent, WebhookSubscription

log = logging.getLogger(__name__)

LARGEST_BODY = 1024 * 1024


class WebhookView(APIView):
    """`POST /webhooks/<system>/<connection uuid>/`. The signature is the only credential.

    BILL knows one good answer, 200 (docs: bill 10.2): a duplicate gets it too, and so does a signed event that is
    not meant for this connection or cannot be read, which is logged and dropped: BILL switches a subscription off
    that keeps answering anything else, and polling finds what was missed.
    """

    http_method_names = ["post"]
    authentication_classes: list[Any] = []
    permission_classes: list[Any] = []
    parser_classes: list[Any] = []

    def post(self, request: HttpRequest, system: str, connection: UUID) -> Response:
        if _announced_length(request) > LARGEST_BODY:
            return Response({"detail": "The body is larger than 1 MiB."}, status=413)
        functions, found = _addressee(system, connection)
        subscriptions = list(WebhookSubscription.objects.filter(connection=found))
        # The bytes as they came: DRF's own parsing would consume them.
        body = request._request.body  # type: ignore[attr-defined]
        if not functions.verify(body, request.headers.get(functions.SIGNATURE_HEADER, ""), _keys(subscriptions)):
            return Response({"detail": "The signature is missing or wrong."}, status=401)
        try:
            event = functions.parse(body)
        except ValueError as error:
            log.warning("webhook for %s is signed, but unreadable: %s; dropped", found, error)
            return Response({})
        if not _meant_for(event, found, subscriptions):
            log.warning("webhook %s for %s names another subscription or organization: dropped", event.event_id, found)
        elif _store(found, event):
            log.info("webhook %s (%s) stored for %s", event.event_id, event.type, found)
        return Response({})


def _announced_length(request: HttpRequest) -> int:
    announced = request.META.get("CONTENT_LENGTH") or "0"
    return int(announced) if announced.isdigit() else 0


def _addressee(system: str, uuid: UUID) -> tuple[Any, Connection]:
    """The system's webhook functions and the connection. Raises Http404."""
    try:
        functions = webhook_functions(system)
        connection = Connection.objects.defer("credentials").select_related("tenant").get(uuid=uuid, system=system)
    except (KeyError, Connection.DoesNotExist):
        raise Http404("no such connection") from None
    return functions, connection


def _keys(subscriptions: list[WebhookSubscription]) -> list[str]:
    """Every key that may have signed: after a rotation the old one too, for its time."""
    now = timezone.now()
    keys = [each.key for each in subscriptions]
    keys += [each.previous_key for each in subscriptions if each.previous_until and each.previous_until > now]
    return [key for key in keys if key]


def _meant_for(event: Any, connection: Connection, subscriptions: list[WebhookSubscription]) -> bool:
    organization = str(connection.settings.get("organization_id", ""))
    return event.organization_id in ("", organization) and event.subscription_id in {
        each.subscription_id for each in subscriptions
    }


def _store(connection: Connection, event: Any) -> bool:
    """Keep the event and ring the flows that listen to it, in one short transaction. False for a duplicate."""
    try:
        with transaction.atomic():
            WebhookEvent.objects.create(
                connection=connection,
                subscription_id=event.subscription_id[:100],
                event_id=event.event_id[:100],
                type=event.type[:50],
                entity_id=event.entity_id[:100],
                received_at=timezone.now(),
            )
            for flow in _listeners(connection, event.type):
                ring(flow)
    except IntegrityError:
        return False
    return True


def _listeners(connection: Connection, event_type: str) -> list[Flow]:
    flows = Flow.objects.filter(
        Q(integration__source=connection) | Q(integration__target=connection), enabled=True, integration__enabled=True
    ).select_related("integration")
    return [flow for flow in flows if event_type in recipe_of(flow.integration).flow(flow.name).webhooks]
