"""Webhook subscriptions: one per connection on the cloud's side, shared by the integrations that listen there.

The security key is shown once, so whatever creates or rotates it stores it at once. The idempotency key of the next
write is stored before that write and replaced after it: repeated after a lost answer, it answers the same again.
"""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from connectors.clock import Clock
from connectors.errors import ConfigurationError, ConnectorError, NotFound
from connectors.transport import require_safe_scheme
from integrations.models import Connection, Integration, WebhookEvent, WebhookSubscription

from .context import open_connector, recipe_of
from .trail import Trail

log = logging.getLogger(__name__)

OLD_KEY_LIFE = timedelta(hours=24)
_FACTS = ("subscription_id", "url", "events", "enabled")


@dataclass(frozen=True, slots=True)
class Status:
    """What the cloud says of the subscription, and when it last reached us. `reason`: why it is disabled."""

    registered: bool
    enabled: bool = False
    subscription_id: str = ""
    url: str = ""
    events: tuple[str, ...] = ()
    reason: str = ""
    last_event_at: datetime | None = None
    old_key_until: datetime | None = None


def listens_at(integration: Integration) -> Connection | None:
    """The connection whose webhooks the integration's recipe wants, None when it wants none."""
    flow = next((each for each in recipe_of(integration).flows if each.webhooks), None)
    if flow is None:
        return None
    return integration.source if flow.reads == "source" else integration.target


def callback_url(connection: Connection) -> str:
    """Where the cloud shall post to. Raises ConfigurationError unless PUBLIC_URL is https (or this machine)."""
    try:
        require_safe_scheme(settings.PUBLIC_URL)
        usable = bool(urlsplit(settings.PUBLIC_URL).hostname)
    except (ConfigurationError, ValueError):
        usable = False
    if not usable:
        raise ConfigurationError(
            f"PUBLIC_URL is {settings.PUBLIC_URL}: webhooks are only sent to https addresses.",
            step="settings",
            fix="Set PUBLIC_URL to the https address under which this application is reached.",
        )
    return f"{settings.PUBLIC_URL}/webhooks/{connection.system}/{connection.uuid}/"


class Subscriptions:
    """The webhooks of one integration. `actor` is who asks, for the audit trail.

    Every method reads or writes over the network and raises ConnectorError; nothing here runs in a transaction
    with it. Raises ConfigurationError when the recipe has no webhooks.
    """

    def __init__(self, integration: Integration, *, clock: Clock, actor: str = "system") -> None:
        connection = listens_at(integration)
        if connection is None:
            raise ConfigurationError(f"{integration.recipe} has no webhooks: its flows poll.", step="settings")
        self.integration = integration
        self.connection = connection
        self.clock = clock
        self.trail = Trail(tenant=integration.tenant.slug, clock=clock, integration=integration.name, actor=actor)

    def register(self) -> Status:
        """One enabled subscription for this address and these events, whatever there is already."""
        before = self._facts()
        row = self._intend(callback_url(self.connection))
        with self._connector() as connector:
            subscription_id, enabled, key = connector.ensure_subscription(
                row.url, row.events, str(row.idempotency_key), row.subscription_id
            )
            self._store(subscription_id=subscription_id, enabled=enabled)
            if key is None and not row.key:
                key = connector.rotate_key(subscription_id, str(row.idempotency_key))
            if key is not None:
                self._store_key(row, key)
        if self._facts() != before or key is not None:
            self._note("Webhooks registered", before, self._facts())
        return self.status()

    def rotate(self) -> Status:
        """A new security key. The old one is accepted for 24 hours: what is under way was signed with it."""
        row = self._registered()
        with self._connector() as connector:
            self._store_key(row, connector.rotate_key(row.subscription_id, str(row.idempotency_key)))
        self._note("The webhooks' security key was rotated", {}, {"subscription": row.subscription_id})
        return self.status()

    def status(self) -> Status:
        row = self._rows().exclude(subscription_id="").first()
        if row is None:
            return Status(registered=False)
        try:
            with self._connector() as connector:
                found = connector.subscription_status(row.subscription_id)
        except NotFound:
            self._store(enabled=False)
            return Status(registered=False, subscription_id=row.subscription_id, reason="it no longer exists there")
        self._store(enabled=found.enabled)
        return Status(
            registered=True,
            enabled=found.enabled,
            subscription_id=row.subscription_id,
            url=found.url,
            events=tuple(found.events),
            reason="" if found.enabled else found.reason,
            last_event_at=self._last_event_at(),
            old_key_until=row.previous_until if row.previous_key else None,
        )

    def revive(self) -> bool:
        """Enable the subscription again if the cloud gave up delivering; True when it had."""
        status = self.status()
        if status.registered and not status.enabled:
            with self._connector() as connector:
                connector.enable(status.subscription_id)
            self._store(enabled=True)
            reason = status.reason or "no reason given"
            self._note(
                f"Webhooks had been disabled ({reason}) and were enabled again", {"enabled": False}, {"enabled": True}
            )
            return True
        return False

    # --- rows ------------------------------------------------------------------------------------

    def _rows(self) -> QuerySet[WebhookSubscription]:
        """Of all integrations that listen at the connection: they share one subscription there."""
        return WebhookSubscription.objects.filter(connection=self.connection).order_by("pk")

    def _registered(self) -> WebhookSubscription:
        row = self._rows().exclude(subscription_id="").first()
        if row is None:
            raise ConfigurationError(
                f"{self.integration} has no webhook subscription yet.", step="settings", fix="Register it first."
            )
        return row

    def _facts(self) -> dict[str, Any]:
        """What the audit trail says of the subscription."""
        row = self._rows().exclude(subscription_id="").first()
        return {} if row is None else {name: getattr(row, name) for name in _FACTS}

    def _intend(self, url: str) -> WebhookSubscription:
        """This integration's row, with what is about to be asked for written down."""
        with transaction.atomic():
            row, _ = WebhookSubscription.objects.get_or_create(
                integration=self.integration, defaults={"connection": self.connection}
            )
            if row.connection_id != self.connection.pk:  # the integration was moved to another connection
                row.delete()
                row = WebhookSubscription(integration=self.integration, connection=self.connection)
            shared = self._rows().exclude(subscription_id="").first()
            if not row.subscription_id and shared is not None:
                row.subscription_id, row.key, row.enabled = shared.subscription_id, shared.key, shared.enabled
                row.url, row.events, row.idempotency_key = shared.url, shared.events, shared.idempotency_key
            row.save()
            events = self._events()
            if (row.url, row.events) != (url, events):
                row.url, row.events, row.idempotency_key = url, events, uuid.uuid4()
                self._rows().update(url=url, events=events, idempotency_key=row.idempotency_key)
        return row

    def _events(self) -> list[str]:
        listening = [row.integration for row in self._rows().select_related("integration")]
        return sorted({event for each in listening for event in recipe_of(each).webhooks()})

    def _store(self, **values: Any) -> None:
        self._rows().update(checked_at=self.clock.now(), **values)

    def _store_key(self, row: WebhookSubscription, key: str) -> None:
        self._store(
            key=key,
            previous_key=row.key,
            previous_until=self.clock.now() + OLD_KEY_LIFE if row.key else None,
            idempotency_key=uuid.uuid4(),
        )

    def _last_event_at(self) -> datetime | None:
        events = WebhookEvent.objects.filter(connection=self.connection)
        return events.order_by("-received_at").values_list("received_at", flat=True).first()

    @contextmanager
    def _connector(self) -> Iterator[Any]:
        connector = open_connector(self.connection, clock=self.clock)
        try:
            yield connector
        finally:
            connector.close()

    def _note(self, message: str, before: dict[str, Any], after: dict[str, Any]) -> None:
        with self.trail.transaction():
            entry = self.trail.entry(
                "settings_changed",
                record_type="webhook",
                document=self.connection.name,
                outcome="changed",
                message=message,
                request=json.dumps(before),
                response=json.dumps(after),
            )
            self.trail.write([entry])


def check_subscriptions(clock: Clock) -> int:
    """Enable what a cloud disabled because our address did not answer; how many that were. Run it daily."""
    revived = 0
    rows = WebhookSubscription.objects.exclude(subscription_id="").filter(
        integration__enabled=True, connection__refused_at=None
    )
    seen: set[int] = set()
    for row in rows.select_related("integration__tenant"):
        if row.connection_id in seen:
            continue
        seen.add(row.connection_id)
        try:
            revived += Subscriptions(row.integration, clock=clock).revive()
        except ConnectorError as error:
            log.warning("webhooks of %s could not be checked: %s", row.integration, error)
    return revived
