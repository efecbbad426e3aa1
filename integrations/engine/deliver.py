"""From due deliveries to settled outcomes: decide, write down the intent, send in the target's best batches.

Refused batches are bisected, so that one bad record never stops the others; an unclear batch is judged record by
record by looking it up (`doubt`). HTTP happens outside any transaction, everything else inside one.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from django.db.models import F, Q

from connectors.errors import (
    AuthExpired,
    ConfigurationError,
    ConnectorError,
    OutcomeUnknown,
    RateLimited,
    RecordLocked,
    Rejected,
    Transient,
)
from integrations.models import Delivery, State

from .doubt import Doubt
from .inflight import InFlight
from .settle import Settler
from .vocabulary import Decision, Found, Item, Send

if TYPE_CHECKING:
    from .run import FlowRun

log = logging.getLogger(__name__)

CHUNK = 500
UNCLEAR = (State.SENDING, State.UNCERTAIN)
PAUSE = 5.0  # seconds, after a rate limit that did not say how long
Batch = list[tuple[Item, Send]]


class Deliverer:
    def __init__(self, run: FlowRun) -> None:
        self.run = run
        self.context = run.context
        self.policy = run.policy
        self.flow = run.flow
        self.settle = Settler(run)
        self.doubt = Doubt(run, self.settle)
        self.stop: ConnectorError | None = None

    def work(self) -> bool:
        """Deliver until nothing is due or a budget is used up; True when more may be due now.

        Raises the error of a system that stopped serving us."""
        busy = False
        if Delivery.objects.filter(flow=self.flow, state__in=UNCLEAR).exists():
            busy = self.doubt.recover()
            busy = self.doubt.resolve() or busy
        while not self.run.out_of_time and (rows := self._due()):
            busy = True
            try:
                self._chunk(rows)
            except RateLimited as error:  # while deciding: nothing of the chunk was begun
                self.settle.park(rows, error)
                return False
            if isinstance(self.stop, RateLimited):  # no failure: it goes on by itself, but not before it was said to
                return False
            if self.stop is not None:
                raise self.stop
        return busy

    # --- selecting -------------------------------------------------------------------------------

    def _due(self) -> list[Delivery]:
        """Oldest version first per key; nothing of a key whose earlier outcome is unclear."""
        now = self.run.clock.now()
        generation = F("flow__integration__generation")
        ripe = Q(not_before__isnull=True) | Q(not_before__lte=now)
        due = (Q(state=State.PENDING) & ripe) | (
            Q(state=State.HELD) & (Q(generation__lt=generation) | Q(not_before__lte=now))
        )
        unclear = Delivery.objects.filter(flow=self.flow, state__in=UNCLEAR).values("key")
        found = Delivery.objects.filter(due, flow=self.flow).exclude(key__in=unclear).annotate(current=generation)
        rows: list[Any] = list(found.order_by("group", "id")[:CHUNK])
        if rows:
            self.generation = self.flow.integration.generation = rows[0].current
        return rows

    def _items(self, rows: Sequence[Delivery]) -> list[Item]:
        links = self.context.links().get(row.key for row in rows)
        items = []
        for row in rows:
            row.flow = self.flow
            try:
                record = self.policy.decode(row.payload)
            except (KeyError, TypeError, ValueError) as error:
                why = row.message or f"The stored record cannot be read: {error}"
                self.settle.failed([(Item(row, None), None)], Rejected(why))
                continue
            items.append(Item(row, record, links.get(row.key)))
        return items

    # --- one chunk -------------------------------------------------------------------------------

    def _chunk(self, rows: Sequence[Delivery]) -> None:
        for row in rows:
            row.generation = self.generation
        sends: dict[str, Batch] = defaultdict(list)
        decided: list[tuple[Item, Decision]] = []
        for item, decision in self._plan(self._items(rows)):
            if isinstance(decision, Send):
                sends[decision.action].append((item, decision))
            else:
                decided.append((item, decision))
        self.settle.decided(decided)
        for action, batch in sends.items():
            self._send_all(action, batch)
            if self.stop is not None:
                return

    def _plan(self, items: Sequence[Item]) -> Iterator[tuple[Item, Decision]]:
        try:
            yield from list(self.policy.plan(items))
        except (ConnectorError, OSError):
            raise
        except Exception as error:  # a defect of ours must not stop the records that are not affected
            if len(items) == 1:
                log.exception("planning %s failed", items[0].key)
                self.settle.failed([(items[0], None)], Rejected(f"Internal error: {type(error).__name__}: {error}"))
                return
            for item in items:
                yield from self._plan([item])

    # --- sending ---------------------------------------------------------------------------------

    def _send_all(self, action: str, batch: Batch) -> None:
        waiting = [batch]
        calls = InFlight(self.context.writer.capabilities.in_flight)
        try:
            while (waiting and self.stop is None) or calls.pending:
                while waiting and self.stop is None and not calls.full:
                    part, size = waiting.pop(0), max(1, self.policy.batch_size(action))
                    if len(part) > size:
                        part, rest = part[:size], part[size:]
                        waiting.insert(0, rest)
                    part = list(self.policy.seal(action, part))
                    self.settle.intend(action, part)
                    calls.submit(part, partial(self.policy.send, action, part))
                part, written, error = calls.next()
                waiting[:0] = self._outcome(part, written, error)
        finally:
            calls.close()

    def _outcome(self, part: Batch, written: Any, error: BaseException | None) -> list[Batch]:
        """Settle one call; the halves to send next when the whole was refused."""
        if error is None:
            self._each(part, written)
            return []
        if isinstance(error, Rejected):
            if len(part) > 1:
                self.settle.put_back(part, attempted=True)
                middle = len(part) // 2
                return [part[:middle], part[middle:]]
            self._refused(part[0], error)
            return []
        if isinstance(error, RecordLocked):
            self.settle.locked(part, error)
            return []
        if isinstance(error, ConfigurationError | Transient | AuthExpired):  # nothing was done
            wait = (error.retry_after or PAUSE) if isinstance(error, RateLimited) else None
            self.settle.put_back(part, attempted=False, wait=wait, message=error.message)
            self.stop = error
            return []
        if not isinstance(error, ConnectorError):
            log.error("sending failed unexpectedly", exc_info=error)
        self.settle.uncertain(part, error)
        self.doubt.judge([item for item, _ in part])
        return []

    def _each(self, part: Batch, written: Sequence[Any]) -> None:
        """Settle an answer element by element: ids first, then what some of them met with."""
        answers = list(zip(part, written, strict=True))
        done = [(item, send, answer) for (item, send), answer in answers if not isinstance(answer, ConnectorError)]
        if done:
            self.settle.delivered(done)
            self.run.progress(self.flow.name, "delivered", len(done))
        unclear: Batch = []
        for one, answer in answers:
            if isinstance(answer, OutcomeUnknown):
                self.settle.uncertain([one], answer)
                unclear.append(one)
            elif isinstance(answer, Transient) and not isinstance(answer, RecordLocked):  # the others were served
                wait = answer.retry_after or PAUSE
                self.settle.put_back([one], attempted=False, wait=wait, message=answer.message)
            elif isinstance(answer, ConnectorError):
                self._outcome([one], None, answer)
        if unclear:
            self.doubt.judge([item for item, _ in unclear])

    def _refused(self, one: tuple[Item, Send], error: Rejected) -> None:
        """The target said no to one record: it may have it already, or go later, or a person must act."""
        item, send = one
        meaning = self.policy.refused(item, send, error)
        if isinstance(meaning, Found):
            self.settle.proved(item, send, meaning)
        elif meaning is not None:
            self.settle.decided([(item, meaning)])
        else:
            self.settle.failed([one], error)
