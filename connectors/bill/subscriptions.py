"""BILL's webhook subscriptions, on the connect-events host (docs: bill 10.1). Every success is HTTP 200."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..errors import BadAnswer, NotFound
from . import filters
from .client import PAGE, Client, Row
from .webhooks import Event, parse

VERSION = "1"  # of every event type that we subscribe to
NAME = "ml-connector"


@dataclass(frozen=True, slots=True)
class Subscription:
    """`enabled` False with `actor` SYSTEM: BILL gave up delivering, and only a PATCH starts it again."""

    id: str
    enabled: bool
    url: str
    events: tuple[str, ...]
    reason: str = ""
    actor: str = ""


class Subscriptions:
    """The calls that manage an organization's subscriptions. Keys are answered once and never again."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._root = f"{client.config.events}/v3"

    def list(self) -> Iterator[Subscription]:
        yield from map(_subscription, self._client.rows(f"{self._root}/subscriptions"))

    def get(self, subscription_id: str) -> Subscription:
        """Raises NotFound."""
        return _subscription(_object(self._client.request("GET", self._path(subscription_id), addressed=True)))

    def create(self, url: str, events: Sequence[str], idempotency_key: str) -> tuple[Subscription, str]:
        """The new subscription and its security key. `idempotency_key` is a UUID 4; repeating it answers
        what the first call answered."""
        body = {
            "name": NAME,
            "status": {"enabled": True},
            "events": _events(events),
            "notificationUrl": url,
        }
        answer = _object(
            self._client.request(
                "POST",
                f"{self._root}/subscriptions",
                body=body,
                headers={"X-Idempotent-Key": idempotency_key},
                repeatable=True,
            )
        )
        return _subscription(answer), _security_key(answer)

    def update(self, subscription_id: str, url: str, events: Sequence[str]) -> Subscription:
        """Point it at this address and these events, and enable it."""
        body = {"status": {"enabled": True}, "events": _events(events), "notificationUrl": url}
        return self._patch(subscription_id, body)

    def enable(self, subscription_id: str) -> Subscription:
        return self._patch(subscription_id, {"status": {"enabled": True}})

    def delete(self, subscription_id: str) -> None:
        """Raises NotFound."""
        self._client.request("DELETE", self._path(subscription_id), addressed=True, repeatable=True)

    def rotate_key(self, subscription_id: str, idempotency_key: str) -> str:
        """A new security key; BILL stops using the old one (docs: bill 10.1)."""
        answer = self._client.request(
            "POST",
            f"{self._path(subscription_id)}/security_key",
            headers={"X-Idempotent-Key": idempotency_key},
            addressed=True,
            repeatable=True,
        )
        return _security_key(_object(answer))

    def send_test(self, subscription_id: str, event: str) -> None:
        """Have BILL post a made-up event to the subscription's address."""
        body = {"eventType": event, "version": VERSION}
        self._client.request("POST", f"{self._path(subscription_id)}/test", body=body, addressed=True)

    def delivery_log(self, subscription_id: str, since: datetime) -> Iterator[Event]:
        """The events that BILL sent or tried to send since then, kept 180 days (docs: bill 10.2)."""
        path = f"{self._root}/events/subscription/{_segment(subscription_id)}"
        token = ""
        while True:
            params = [("createdTimeFrom", filters.instant(since)), ("max", str(PAGE))]
            if token:
                params.append(("page", token))
            answer = _object(self._client.request("GET", path, params=params, addressed=True))
            for entry in answer.get("results") or ():
                if isinstance(entry, dict) and isinstance(entry.get("payload"), str):
                    yield _logged(entry)
            following = answer.get("nextPage")
            if not isinstance(following, str) or following in ("", token):
                return
            token = following

    def ensure(
        self, url: str, events: Sequence[str], idempotency_key: str, existing_id: str = ""
    ) -> tuple[Subscription, str | None]:
        """Exactly one enabled subscription for this address and these events.

        The key is None when the known subscription goes on, whose key the caller has. A subscription for
        the address that the caller does not know (a lost answer) is taken over with a new key.
        """
        if existing_id:
            try:
                found = self.get(existing_id)
            except NotFound:
                pass
            else:
                return self._fit(found, url, events), None
        known = next((each for each in self.list() if each.url == url), None)
        if known is None:
            return self.create(url, events, idempotency_key)
        return self._fit(known, url, events), self.rotate_key(known.id, _another_key(idempotency_key))

    def _fit(self, found: Subscription, url: str, events: Sequence[str]) -> Subscription:
        if found.url == url and set(found.events) == set(events):
            return found if found.enabled else self.enable(found.id)
        return self.update(found.id, url, events)

    def _patch(self, subscription_id: str, body: Row) -> Subscription:
        path = self._path(subscription_id)
        return _subscription(_object(self._client.request("PATCH", path, body=body, addressed=True, repeatable=True)))

    def _path(self, subscription_id: str) -> str:
        return f"{self._root}/subscriptions/{_segment(subscription_id)}"


def _segment(subscription_id: str) -> str:
    if not subscription_id.replace("-", "").isalnum():
        raise NotFound("This cannot be the id of a BILL subscription.")
    return subscription_id


def _events(types: Sequence[str]) -> list[dict[str, str]]:
    return [{"type": each, "version": VERSION} for each in types]


def _subscription(row: Row) -> Subscription:
    state = row.get("status")
    state = state if isinstance(state, dict) else {}
    events = row.get("events")
    return Subscription(
        id=str(row.get("id") or ""),
        enabled=state.get("enabled") is True,
        url=str(row.get("notificationUrl") or ""),
        events=tuple(str(each.get("type")) for each in events or () if isinstance(each, dict)),
        reason=str(state.get("reason") or ""),
        actor=str(state.get("actor") or ""),
    )


def _logged(entry: Row) -> Event:
    try:
        return parse(entry["payload"])
    except ValueError:
        raise BadAnswer("BILL's delivery log holds an event that cannot be read.") from None


def _security_key(answer: Row) -> str:
    key = answer.get("securityKey")
    if not isinstance(key, str) or not key:
        raise BadAnswer("BILL did not answer the securityKey of the subscription.")
    return key


def _object(answer: Any) -> Row:
    if not isinstance(answer, dict):
        raise BadAnswer("BILL answered with another shape than documented.")
    return answer


def _another_key(idempotency_key: str) -> str:
    """A second UUID 4 that follows from the first, so that a repetition repeats both calls."""
    return str(uuid.UUID(bytes=hashlib.sha256(idempotency_key.encode()).digest()[:16], version=4))
