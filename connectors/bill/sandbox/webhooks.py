"""`/connect-events/v3`: subscriptions, the delivery log, and telling subscribers (docs: bill 10)."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from werkzeug.wrappers import Request, Response

from connectors.sandboxing import dumps, json_response, route

from .checks import Field, Flag, Many, Part, Text, clean, merge
from .core import EVENTS, endpoint
from .delivery import Courier, Event, post, sign
from .lists import INSTANT
from .payloads import entity
from .payments import Payments
from .refusals import bdc, invalid, invalid_entity
from .tables import Row, stamp

MOST_SUBSCRIPTIONS = 10
KEPT = timedelta(days=180)
CATALOG = (
    *(f"{name}.{verb}" for name in ("vendor", "bill") for verb in ("created", "updated", "archived", "restored")),
    *("payment.updated", "payment.failed", "autopay.failed", "bank-account.created", "bank-account.updated"),
    *("card-account.created", "card-account.updated"),
)
STATUS = Part(required=True, shape={"enabled": Flag(), "reason": Text()})
SUBSCRIPTION: dict[str, Field] = {
    "name": Text(required=True),
    "status": STATUS,
    "events": Many(required=True, shape={"type": Text(required=True), "version": Text(required=True)}),
    "notificationUrl": Text(required=True),
}
TEST_BODY: dict[str, Field] = {"eventType": Text(), "version": Text()}


class Webhooks(Payments):
    webhook_retry_delays: Sequence[float] = ()
    allow_http_webhooks = True

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.courier = Courier()
        self.subscriptions: dict[str, Row] = {}
        self.security_keys: dict[str, str] = {}
        self.events: dict[str, Event] = {}
        self.answered: dict[str, tuple[str, str, Row]] = {}  # idempotency key -> path, body, first answer
        self.mood: Row = {}  # how a person told the sandbox to misbehave, see `do_webhooks`
        self.held: list[Event] = []

    # --- subscriptions -----------------------------------------------------------------------------

    @endpoint("GET", f"{EVENTS}/events/catalog")
    def catalog(self, request: Request) -> Response:
        return json_response([{"type": name, "versions": ["1"]} for name in CATALOG])

    @endpoint("GET", f"{EVENTS}/subscriptions")
    def list_subscriptions(self, request: Request) -> Response:
        return json_response(self.lists.cut("subscriptions", lambda: list(self.subscriptions.values()), request.args))

    @endpoint("POST", f"{EVENTS}/subscriptions")
    def post_subscription(self, request: Request) -> Response:
        replay = self._replay(request)
        if replay is not None:
            return json_response(replay)
        given = clean(self.body(request), SUBSCRIPTION)
        self._check_subscription(given, None)
        if len(self.subscriptions) >= MOST_SUBSCRIPTIONS:
            raise invalid_entity(f"an organization has at most {MOST_SUBSCRIPTIONS} subscriptions.")
        now = stamp(self.now())
        row = {
            "id": str(uuid.uuid4()),
            "name": given["name"],
            "organizationId": self.organization_id,
            "status": {"enabled": given["status"].get("enabled", True), "reason": None, "actor": "CLIENT"},
            "events": given["events"],
            "notificationUrl": given["notificationUrl"],
            "createdTime": now,
            "updatedTime": now,
        }
        self.subscriptions[row["id"]] = row
        self.security_keys[row["id"]] = secrets.token_urlsafe(32)
        return self._first_answer(request, {**row, "securityKey": self.security_keys[row["id"]]})

    @endpoint("GET", f"{EVENTS}/subscriptions/<subscription_id>")
    def get_subscription(self, request: Request, subscription_id: str) -> Response:
        return json_response(self._subscription(subscription_id))

    @endpoint("PUT", f"{EVENTS}/subscriptions/<subscription_id>")
    def put_subscription(self, request: Request, subscription_id: str) -> Response:
        row = self._subscription(subscription_id)
        return self._change_subscription(row, clean(self.body(request), SUBSCRIPTION))

    @endpoint("PATCH", f"{EVENTS}/subscriptions/<subscription_id>")
    def patch_subscription(self, request: Request, subscription_id: str) -> Response:
        row = self._subscription(subscription_id)
        return self._change_subscription(row, clean(self.body(request), SUBSCRIPTION, partial=True))

    @endpoint("DELETE", f"{EVENTS}/subscriptions/<subscription_id>")
    def delete_subscription(self, request: Request, subscription_id: str) -> Response:
        self._subscription(subscription_id)
        del self.subscriptions[subscription_id], self.security_keys[subscription_id]
        return Response(status=200)

    @endpoint("POST", f"{EVENTS}/subscriptions/<subscription_id>/security_key")
    def rotate_key(self, request: Request, subscription_id: str) -> Response:
        self._subscription(subscription_id)
        replay = self._replay(request)
        if replay is not None:
            return json_response(replay)
        self.security_keys[subscription_id] = secrets.token_urlsafe(32)
        return self._first_answer(request, {"securityKey": self.security_keys[subscription_id]})

    # --- events: these two wait for the receiver, so they must not hold the lock ---------------------

    @route("POST", f"{EVENTS}/subscriptions/<subscription_id>/test")
    def test_subscription(self, request: Request, subscription_id: str) -> Response:
        with self.lock:
            row = self._subscription(subscription_id)
            given = self.body(request) if request.get_data() else {}
            chosen = clean(given, TEST_BODY)
            kind = chosen.get("eventType", row["events"][0]["type"])
            if kind not in CATALOG or chosen.get("version", "1") != "1":
                raise invalid(f"eventType: {kind} version {chosen.get('version', '1')} is not in the catalog")
            name = kind.split(".")[0]
            event = self._event(row, kind, given.get(name) or {"id": "test"})
        self._attempt(event)
        return json_response(_event_view(event))

    @route("POST", f"{EVENTS}/events/subscription/<subscription_id>/event/<event_id>")
    def resend(self, request: Request, subscription_id: str, event_id: str) -> Response:
        with self.lock:
            self._subscription(subscription_id)
            event = self.events.get(event_id)
            if event is None or event.subscription_id != subscription_id:
                raise bdc("BDC_1205", f"{event_id} : Event not found.")
        self._attempt(event)
        return json_response(_event_view(event))

    @endpoint("GET", f"{EVENTS}/events/subscription/<subscription_id>")
    def list_events(self, request: Request, subscription_id: str) -> Response:
        self._subscription(subscription_id)
        query = request.args
        since, until = _instant(query, "createdTimeFrom"), _instant(query, "createdTimeTo")
        oldest = self.now() - KEPT

        def rows() -> list[Row]:
            found = [
                event
                for event in self.events.values()
                if event.subscription_id == subscription_id
                and query.get("entityId") in (None, event.entity_id)
                and max(since or oldest, oldest) <= datetime.fromisoformat(event.created)
                and (until is None or datetime.fromisoformat(event.created) <= until)
            ]
            if since:  # sorted only then (docs: bill 10.1)
                found.sort(key=lambda event: event.created, reverse=query.get("ascending") != "true")
            return [_logged(event) for event in found]

        same = "|".join(f"{name}={query.get(name)}" for name in sorted(query) if name not in ("page", "max"))
        return json_response(self.lists.cut(f"events {subscription_id}", rows, query, same))

    # --- telling subscribers -------------------------------------------------------------------------

    def emit(self, event: str, row: Row) -> None:
        for subscription in list(self.subscriptions.values()):
            wanted = {each["type"] for each in subscription["events"]}
            if subscription["status"]["enabled"] and event in wanted:
                self._send(self._event(subscription, event, entity(self, event, row)))

    def _event(self, subscription: Row, kind: str, content: Row) -> Event:
        event_id = str(uuid.uuid4())
        metadata = {
            "eventId": event_id,
            "subscriptionId": subscription["id"],
            "organizationId": self.organization_id,
            "eventType": kind,
            "version": "1",
        }
        payload = dumps({"metadata": metadata, kind.split(".")[0]: content})
        entity_id = str(content.get("id", ""))
        event = Event(event_id, subscription["id"], kind, entity_id, payload, stamp(self.now()))
        self.events[event_id] = event
        return event

    def _send(self, event: Event) -> None:
        if self.mood.get("drop", 0):
            self.mood["drop"] -= 1 if self.mood["drop"] > 0 else 0
        elif self.mood.get("hold"):
            self.held.append(event)
        else:
            for _ in range(2 if self.mood.get("duplicate") else 1):
                self.deliver(event, delay=self.mood.get("delay", 0.0))

    def deliver(self, event: Event, *, tries: int = 0, delay: float = 0.0, **oddities: bool) -> None:
        """Queue an attempt; unless it gets a 200 the next one follows, and after the last the subscription ends."""
        self.courier.submit(lambda: self._deliver_now(event, tries, oddities), delay)

    def _deliver_now(self, event: Event, tries: int, oddities: dict[str, bool]) -> None:
        with self.lock:
            subscription = self.subscriptions.get(event.subscription_id)
            if subscription is None or not subscription["status"]["enabled"]:
                return
        if self._attempt(event, **oddities) == 200:
            return
        if tries < len(self.webhook_retry_delays):
            self.deliver(event, tries=tries + 1, delay=self.webhook_retry_delays[tries], **oddities)
        else:
            self.disable(event.subscription_id)

    def _attempt(self, event: Event, forge: bool = False, double_encode: bool = False) -> int:
        with self.lock:
            subscription = self.subscriptions.get(event.subscription_id)
            if subscription is None:
                return 0
            key = self.security_keys[event.subscription_id]
            double = double_encode or self.mood.get("double_encode", False)
            key = "not the key" if forge or self.mood.get("forge") else key
            url = subscription["notificationUrl"]
        body = (dumps(event.payload) if double else event.payload).encode()
        status = post(url, body, sign(key, body))
        with self.lock:
            number = len(event.attempts) + 1
            event.attempts.append({"attemptNumber": number, "createdTime": stamp(self.now()), "statusCode": status})
        return status

    def disable(self, subscription_id: str, reason: str = "Notifications could not be delivered.") -> None:
        with self.lock:
            row = self.subscriptions.get(subscription_id)
            if row is not None:
                status = {"enabled": False, "reason": reason, "actor": "SYSTEM"}
                self.subscriptions[subscription_id] = {**row, "status": status, "updatedTime": stamp(self.now())}

    # --- helpers -------------------------------------------------------------------------------------

    def _subscription(self, subscription_id: str) -> Row:
        if subscription_id not in self.subscriptions:
            raise bdc("BDC_1205", f"{subscription_id} : Subscription not found.")
        return self.subscriptions[subscription_id]

    def _change_subscription(self, row: Row, given: Row) -> Response:
        enabled = (given.pop("status", None) or {}).get("enabled", row["status"]["enabled"])
        changed = merge(row, given)
        clean(changed, SUBSCRIPTION)
        self._check_subscription(changed, row["id"])
        if enabled != row["status"]["enabled"]:
            changed["status"] = {"enabled": enabled, "reason": None, "actor": "CLIENT"}
        changed["updatedTime"] = stamp(self.now())
        self.subscriptions[row["id"]] = changed
        return json_response(changed)

    def _check_subscription(self, given: Row, own_id: str | None) -> None:
        url: str = given["notificationUrl"]
        if not url.startswith("https://") and not (self.allow_http_webhooks and url.startswith("http://")):
            raise invalid("notificationUrl: must be an HTTPS URL")
        for each in given["events"]:
            if each["type"] not in CATALOG or each["version"] != "1":
                raise invalid(f"events: {each['type']} version {each['version']} is not in the catalog")
        wanted = _event_set(given["events"])
        for row in self.subscriptions.values():
            if row["id"] != own_id and row["notificationUrl"] == url and _event_set(row["events"]) == wanted:
                raise invalid_entity("a subscription with these events and this URL exists already.")

    def _replay(self, request: Request) -> Row | None:
        """Check X-Idempotent-Key; the first answer when this request was answered before."""
        key = request.headers.get("X-Idempotent-Key", "")
        try:
            proper = uuid.UUID(key).version == 4 and str(uuid.UUID(key)) == key.lower()
        except ValueError:
            proper = False
        if not proper:
            raise invalid("X-Idempotent-Key: a UUID of version 4 is required")
        seen = self.answered.get(key)
        if seen is None:
            return None
        if seen[:2] != (request.path, request.get_data(as_text=True)):
            raise invalid("X-Idempotent-Key: was used for another request")
        return seen[2]

    def _first_answer(self, request: Request, answer: Row) -> Response:
        key = request.headers["X-Idempotent-Key"]
        self.answered[key] = (request.path, request.get_data(as_text=True), answer)
        return json_response(answer)


def _event_set(events: Iterable[Row]) -> frozenset[tuple[str, str]]:
    return frozenset((each["type"], each["version"]) for each in events)


def _event_view(event: Event) -> Row:
    """EventDto: `payload` is a string."""
    view: Row = {"id": event.id, "type": event.type, "version": "1", "subscriptionId": event.subscription_id}
    view |= {"payload": event.payload, "createdTime": event.created}
    return {**view, "statusCode": event.attempts[-1]["statusCode"]} if event.attempts else view


def _logged(event: Event) -> Row:
    return {**_event_view(event), "retries": [dict(each) for each in event.attempts[1:]]}


def _instant(query: Any, name: str) -> datetime | None:
    text = query.get(name)
    if text is None:
        return None
    if not INSTANT.fullmatch(text):
        raise invalid(f"{name}: must be a date-time")
    return datetime.fromisoformat(text)
