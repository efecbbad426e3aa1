"""What BILL posts to us: the signature over the raw bytes, and who the event is about.

An event is only a hint: its body has no lines and another vocabulary than the REST API (docs: bill 10.3).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..signing import signed_by_any

SIGNATURE_HEADER = "x-bill-sha-signature"

_DEEPEST = 4  # encodings within encodings that are unpacked


@dataclass(frozen=True, slots=True)
class Event:
    """`type` as in `payment.updated`; `entity_id` is "" where the event names none (payment.failed may not)."""

    event_id: str
    subscription_id: str
    organization_id: str
    type: str
    entity_id: str


def verify(body: bytes, signature: str, keys: Sequence[str]) -> bool:
    """Whether one of the subscription's keys signed exactly these bytes (docs: bill 10.2).

    During a rotation the old key may be among `keys`.
    """
    return bool(signature) and signed_by_any(keys, body, signature.strip())


def parse(body: bytes | str) -> Event:
    """The event in a delivery or in an entry of the delivery log.

    Accepts the object itself, the object as a JSON text, and an envelope with a text `payload`
    (docs: bill 10.2). Raises ValueError when it is none of these.
    """
    envelope: dict[str, Any] = {}
    data: Any = body
    for _ in range(_DEEPEST):
        if isinstance(data, bytes | str):
            data = _load(data)
        elif isinstance(data, dict) and isinstance(data.get("payload"), str):
            envelope, data = data, data["payload"]
        else:
            break
    if not isinstance(data, dict):
        raise ValueError("the event is not a JSON object")
    metadata = data.get("metadata")
    if not isinstance(metadata, dict):
        metadata = {}
    kind = _text(metadata.get("eventType")) or _text(envelope.get("type"))
    event_id = _text(metadata.get("eventId")) or _text(envelope.get("id"))
    if not kind or not event_id:
        raise ValueError("the event has no eventType or no eventId")
    entity = data.get(kind.partition(".")[0])
    return Event(
        event_id=event_id,
        subscription_id=_text(metadata.get("subscriptionId")) or _text(envelope.get("subscriptionId")),
        organization_id=_text(metadata.get("organizationId")),
        type=kind,
        entity_id=_text(entity.get("id")) if isinstance(entity, dict) else "",
    )


def _load(text: bytes | str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError("the event is not JSON") from None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
