"""Why a record is not on the other side: what its last delivery says."""

from __future__ import annotations

from collections.abc import Collection

from integrations.engine.books import CHUNK
from integrations.models import Delivery, Integration, State


def latest(integration: Integration, flow: str, keys: Collection[str]) -> dict[str, Delivery]:
    """The newest version of each record that was ever staged."""
    found: dict[str, Delivery] = {}
    wanted = sorted(keys)
    for start in range(0, len(wanted), CHUNK):
        rows = Delivery.objects.filter(
            flow__integration=integration, flow__name=flow, key__in=wanted[start : start + CHUNK]
        )
        columns = ("key", "document", "state", "reason", "message")
        found.update((row.key, row) for row in rows.order_by("version").only(*columns))
    return found


def why_different(delivery: Delivery | None) -> str:
    """The same for what is there, but otherwise."""
    if delivery is not None and delivery.state == State.DELIVERED:
        return "It was delivered and was changed afterwards."
    return why(delivery)


def why(delivery: Delivery | None) -> str:
    """In a sentence, for a finance manager."""
    if delivery is None:
        return "It has not been read yet: the next sync takes it up."
    message = delivery.message
    if delivery.state == State.DONE_OUTSIDE:
        return f"Marked as done outside: {message}"
    if delivery.state == State.DELIVERED:
        return "It was delivered and is no longer there."
    if delivery.state in (State.SUPERSEDED, State.VOIDED):
        return f"It was withdrawn: {message}" if message else "It was withdrawn."
    reason = f" ({delivery.reason})" if delivery.reason else ""
    return f"It is {State(delivery.state).label}{reason}: {message or 'the next sync takes it up.'}"
