"""What a sync would do, without writing anything anywhere: not in our tables, not in either system."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db.models import Q

from connectors.clock import Clock, SystemClock
from connectors.errors import ConfigurationError, ConnectorError
from integrations.mapping.resolve import judge
from integrations.models import Delivery, Flow, Integration, Link, State

from . import stage
from .codec import encode
from .context import RELATED, ConnectorPool, FlowContext, flows_in_use
from .run import COUNTS, describe
from .sync import FlowResult, SyncResult, Trouble, attention
from .vocabulary import Adopt, Decision, FlowPolicy, Hold, Item, Send, Settle

NEW = "(new)"
CREATES = "create"  # every other action changes what is there


def preview(
    integration: Integration, *, flows: Iterable[str] = (), full: bool = False, clock: Clock | None = None
) -> tuple[SyncResult, list[dict[str, Any]]]:
    """The result a sync would start from, and one row per record: flow, action, document, key, and why."""
    clock = clock or SystemClock()
    pool = ConnectorPool(clock)
    result = SyncResult(integration.tenant.slug, integration.name)
    would: list[dict[str, Any]] = []
    names = list(flows)
    chosen = integration.flows.filter(name__in=names) if names else integration.flows.filter(enabled=True)
    books: dict[Any, Any] = {}
    plans = [_Plan(flow, pool, books, full) for flow in flows_in_use(chosen.select_related(*RELATED))]
    try:
        for plan in plans:
            with plan.measured():
                plan.read()
        _resolve(integration, plans)
        for plan in plans:
            with plan.measured():
                plan.settle_demands(plans)
        for plan in plans:
            with plan.measured():
                would += plan.decide()
    except ConnectorError as error:
        step = error.step if isinstance(error, ConfigurationError) else "preview"
        name = pool.last.name if pool.last else ""
        result.trouble = Trouble(connection=name, step=step or "preview", message=describe(error))
    finally:
        pool.close()
    result.flows = [FlowResult(plan.flow.name, plan.counts, dict(plan.requests), plan.seconds) for plan in plans]
    result.held, result.failed = attention(integration)
    return result, would


def _resolve(integration: Integration, plans: list[_Plan]) -> None:
    """Give the mapping rows their meaning from what was just read, in memory."""
    if not plans:
        return
    context = plans[0].context
    rows = context.mapping.rows()

    def entries(side: str, kind: Any) -> Iterable[Any]:
        return context.references(side).all(kind).values()

    judge(integration, rows, entries)
    context.mapping.rekey()


class _Plan:
    """One flow of a preview."""

    def __init__(self, flow: Flow, pool: ConnectorPool, books: dict[Any, Any], full: bool) -> None:
        self.flow = flow
        full = full or flow.last_full_at is None
        self.context = FlowContext(flow, pool, full=full, preview=True, books=books)
        self.policy: FlowPolicy = self.context.spec.policy(self.context)
        self.fresh: dict[str, Delivery] = {}
        self.aside: set[int] = set()
        self.counts = dict.fromkeys(COUNTS, 0)
        self.requests: Counter[str] = Counter()
        self.seconds = 0.0

    @contextmanager
    def measured(self) -> Iterator[None]:
        """Attributes requests and seconds to this flow; what one flow asks another for is the asker's."""
        pool = self.context.pool
        before, started = pool.requests.copy(), pool.clock.monotonic()
        try:
            yield
        finally:
            self.requests += pool.requests - before
            self.seconds += pool.clock.monotonic() - started

    def read(self) -> None:
        for stream in self.policy.streams():
            whole = stream.once or self.context.full
            for page in stream.read(None if whole else self.flow.cursors.get(stream.name)):
                self._stage(stream.absorb(page.records))
                if stream.counts:
                    self.counts["read"] += len(page.records)
            if stream.after:
                self._stage(stream.after())

    def _stage(self, staged: Iterable[Any]) -> None:
        change = stage.changes(self.flow, list(staged), now=self.context.now(), run=None)
        self.counts["unchanged"] += change.unchanged
        self.aside |= {row.pk for row in change.aside}
        for row in change.fresh:
            self.fresh[row.key] = row

    def settle_demands(self, plans: list[_Plan]) -> None:
        for name, keys in self.context.demands.items():
            for plan in plans:
                if plan.flow.name == name:
                    plan._stage(each for each in plan.policy.wanted(keys) if each.key not in plan.fresh)

    def decide(self) -> list[dict[str, Any]]:
        waiting = Delivery.objects.filter(Q(state=State.PENDING) | Q(state=State.HELD), flow=self.flow)
        rows = [row for row in waiting.exclude(pk__in=self.aside) if row.key not in self.fresh]
        rows += list(self.fresh.values())
        links = self.context.links().get(row.key for row in rows)
        items = []
        for row in rows:
            row.flow = self.flow
            items.append(Item(row, self.policy.decode(row.payload), links.get(row.key)))
        return [self._row(item, decision) for item, decision in self.policy.plan(items)]

    def _row(self, item: Item, decision: Decision) -> dict[str, Any]:
        row: dict[str, Any] = {"flow": self.flow.name, "key": item.key, "document": item.delivery.document}
        if item.delivery.amount is not None:
            row |= {"amount": f"{item.delivery.amount:.2f}", "currency": item.delivery.currency}
        if isinstance(decision, Hold):
            self.counts["held"] += 1
            return row | {"action": "hold", "reason": str(decision.reason), "message": decision.message}
        if isinstance(decision, Adopt):
            self._pretend(item, decision, decision.target_id)
            self.counts["adopted"] += 1
            return row | {"action": "adopt", "target": decision.target_id, "message": decision.note}
        if isinstance(decision, Send):
            self._pretend(item, decision, decision.target_id or f"{NEW} {item.key}")
            action = CREATES if decision.action == CREATES else "update"
            self.counts["created" if action == "create" else "updated"] += 1
            return row | {"action": action, "message": decision.note or decision.action}
        note = decision.note
        self.counts["unchanged"] += isinstance(decision, Settle)
        return row | {"action": "skip", "message": note}

    def _pretend(self, item: Item, decision: Send | Adopt, target_id: str) -> None:
        """Later flows of the preview see the record as linked."""
        if item.link is None:
            draft = "" if decision.draft is None else encode(decision.draft)
            document = item.delivery.document
            link = Link(flow=self.flow, source_key=item.key, target_id=target_id, document=document, draft=draft)
            self.policy.keep(link, item, decision, None)
            self.context.links().add(link)
