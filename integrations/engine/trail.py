"""What the engine and the people do, as audit entries of one tenant's chain."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import transaction

from audit.chain import Entry, append
from connectors.clock import Clock, SystemClock
from integrations.models import Delivery

CUT = 2000
MESSAGE_CUT = 500  # of the sentence about a change; its values stand beside it, cut at CUT
#: A delivery's state in the audit trail's word for how it came out.
OUTCOMES = {"delivered": "ok", "voided": "ok", "done_outside": "ok", "superseded": "skipped"} | {
    state: state for state in ("pending", "sending", "held", "failed", "uncertain")
}
_clock: Clock = SystemClock()


class Trail:
    """Writes entries that share tenant, integration, flow, run and actor."""

    def __init__(
        self,
        *,
        tenant: str,
        clock: Clock,
        integration: str = "",
        flow: str = "",
        run: int | None = None,
        actor: str = "system",
    ) -> None:
        self.tenant = tenant
        self.clock = clock
        self.common: dict[str, Any] = {"integration": integration, "flow": flow, "run": run, "actor": actor}
        self._pending: list[Entry] | None = None

    def entry(self, event: str, **fields: Any) -> Entry:
        return Entry(event=event, **{**self.common, **fields})

    def of(self, delivery: Delivery, event: str, record_type: str, **fields: Any) -> Entry:
        """An entry about a delivery; its own state is the outcome."""
        values: dict[str, Any] = {
            "record_type": record_type,
            "document": delivery.document,
            "source_key": delivery.key,
            "target_id": delivery.target_id,
            "amount": delivery.amount,
            "currency": delivery.currency,
            "outcome": OUTCOMES.get(delivery.state, ""),
            "reason": delivery.reason,
            "attempt": delivery.attempts,
            "message": delivery.message[:CUT],
        }
        return Entry(event=event, **{**self.common, **values, **fields})

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """A transaction whose entries are appended at its very end.

        Other writers of the tenant wait from the append to the commit: taken last, and by everybody last, the
        chain's lock cannot take part in a deadlock.
        """
        self._pending = []
        try:
            with transaction.atomic():
                yield
                if self._pending:
                    append(self.tenant, self._pending, at=self.clock.now())
        finally:
            self._pending = None

    def write(self, entries: Sequence[Entry]) -> None:
        """Note entries of what the surrounding `transaction()` does. Raises RuntimeError outside of one."""
        if self._pending is None:
            raise RuntimeError("audit entries belong into the transaction of what they report")
        self._pending += entries


def note(tenant: str, entries: Sequence[Entry]) -> None:
    """Append entries of people's doings, in a transaction of their own if there is none."""
    with transaction.atomic():
        append(tenant, entries, at=_clock.now())


def told_change(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """`name: old -> new` for each member that differs, at most MESSAGE_CUT characters."""
    changes = (
        f"{name}: {_shown(before.get(name))} -> {_shown(after.get(name))}"
        for name in {**before, **after}
        if before.get(name) != after.get(name)
    )
    return (", ".join(changes) or "nothing changed")[:MESSAGE_CUT]


def _shown(value: Any) -> str:
    return "(none)" if value in (None, "", {}, []) else str(value)


def note_change(
    tenant: str,
    actor: str,
    event: str,
    *,
    integration: str = "",
    record_type: str = "",
    document: str = "",
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    """A person changed a setting or a mapping. Never pass secrets."""
    entry = Entry(
        event=event,
        actor=actor,
        integration=integration,
        record_type=record_type,
        document=document,
        outcome="changed",
        request=json.dumps(before or {}, ensure_ascii=False, default=str, sort_keys=True)[:CUT],
        response=json.dumps(after or {}, ensure_ascii=False, default=str, sort_keys=True)[:CUT],
        message=told_change(before or {}, after or {}),
    )
    note(tenant, [entry])
