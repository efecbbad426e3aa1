"""A sync by hand: all enabled flows now, in order, in this process, until nothing is due."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Min, Q
from django.db.models.query import QuerySet

from connectors.clock import Clock, SystemClock
from connectors.errors import ConfigurationError, ConnectorError
from integrations.models import Connection, Delivery, Flow, Integration, Run, State

from .claim import Claim, claim_waiting
from .context import RELATED, ConnectorPool, flows_in_use
from .run import COUNTS, FlowRun, Progress, bump, describe

PATIENCE = 360.0  # seconds to wait for a run of the same flow; a dead one's claim is free after 30
LONGEST_WAIT = 150.0  # seconds in all for windows of unclear answers and locked records
PASSES = 50

ATTENTION = (State.HELD, State.UNCERTAIN, State.PENDING, State.SENDING)


@dataclass(slots=True)
class Trouble:
    """A connection that did not serve us."""

    connection: str
    step: str
    message: str


@dataclass(slots=True)
class FlowResult:
    flow: str
    counts: dict[str, int]
    requests: dict[str, int]
    seconds: float

    def as_json(self) -> dict[str, Any]:
        counts = {name: self.counts.get(name, 0) for name in COUNTS}
        return {"flow": self.flow, **counts, "requests": self.requests, "seconds": round(self.seconds, 2)}


@dataclass(slots=True)
class SyncResult:
    tenant: str
    integration: str
    flows: list[FlowResult] = field(default_factory=list)
    held: list[dict[str, Any]] = field(default_factory=list)
    failed: list[dict[str, Any]] = field(default_factory=list)
    trouble: Trouble | None = None

    @property
    def ok(self) -> bool:
        return not (self.held or self.failed or self.trouble)

    @property
    def exit_code(self) -> int:
        return 3 if self.trouble else 0 if self.ok else 1

    def as_json(self) -> dict[str, Any]:
        data: dict[str, Any] = {
            "tenant": self.tenant,
            "integration": self.integration,
            "ok": self.ok,
            "flows": [each.as_json() for each in self.flows],
            "held": self.held,
            "failed": self.failed,
        }
        if self.trouble:
            trouble = self.trouble
            data["error"] = {"connection": trouble.connection, "step": trouble.step, "message": trouble.message}
        return data


class Busy(Exception):
    """Another worker runs the flow and goes on doing so."""


def sync(
    integration: Integration,
    *,
    flows: Sequence[str] = (),
    full: bool = False,
    read: bool = True,
    actor: str = "system",
    trigger: str = Run.Trigger.MANUAL,
    clock: Clock | None = None,
    progress: Progress = lambda flow, what, count: None,
) -> SyncResult:
    """Run the flows (all enabled ones, or those named). With `read` off only what is staged is delivered.

    Raises Busy when another worker holds a flow for longer than `PATIENCE`.
    """
    session = _Session(integration, clock or SystemClock(), progress)
    chosen = integration.flows.filter(name__in=flows) if flows else integration.flows.filter(enabled=True)
    _make_due(integration, chosen)
    try:
        for flow in flows_in_use(chosen.select_related(*RELATED)):
            session.open(flow, trigger=trigger, actor=actor, full=full)
        if read:
            session.each(FlowRun.read)
            session.read_again()
        session.deliver()
    except BaseException as error:
        session.close(error)
        raise
    session.close()
    return session.result()


def _make_due(integration: Integration, flows: QuerySet[Flow]) -> None:
    """By hand, parked, uncertain and waiting records are due, and refused credentials are tried again."""
    bump(integration)
    waiting = Delivery.objects.filter(flow__in=flows, state__in=(State.PENDING, State.HELD, State.UNCERTAIN))
    waiting.filter(not_before__isnull=False).update(not_before=None)
    Connection.objects.filter(pk__in=(integration.source_id, integration.target_id)).update(refused_at=None)


class _Session:
    def __init__(self, integration: Integration, clock: Clock, progress: Progress) -> None:
        self.integration = integration
        self.clock = clock
        self.progress = progress
        self.pool = ConnectorPool(clock)
        self.books: dict[Any, Any] = {}
        self.runs: list[FlowRun] = []
        self.claims: list[Claim] = []
        self.errors: dict[str, ConnectorError] = {}
        self.trouble: Trouble | None = None
        self.waited = 0.0

    def open(self, flow: Flow, **options: Any) -> None:
        held = claim_waiting(flow, self.clock, patience=PATIENCE)
        if held is None:
            raise Busy(f"{flow} is being run by {flow.claimed_by or 'another worker'}; try again later.")
        self.claims.append(held)
        self.runs.append(FlowRun(flow, held, self.pool, books=self.books, progress=self.progress, **options))

    def each(self, step: Any) -> bool:
        """Do one step of every flow that still works; True when any had something to do."""
        busy = False
        for run in self.runs:
            if run.flow.name in self.errors:
                continue
            try:
                busy = bool(step(run)) or busy
            except ConnectorError as error:
                self._note(run, error)
        return busy

    def read_again(self) -> None:
        """Flows whose records others asked for, and that had not read them yet."""
        asked = {name for run in self.runs for name in run.asked}
        self.each(lambda run: run.flow.name in asked and run.read())

    def deliver(self) -> None:
        for _ in range(PASSES):
            busy = self.each(FlowRun.deliver)
            busy = self.each(FlowRun.read_hinted) or busy
            if not busy and not self._wait():
                return

    def _wait(self) -> bool:
        """Wait for answers that may still come and for locks to be let go; False when there is nothing to wait for."""
        flows = [run.flow for run in self.runs if run.flow.name not in self.errors]
        soon = Delivery.objects.filter(Q(state=State.UNCERTAIN) | Q(state=State.PENDING), flow__in=flows)
        at: datetime | None = soon.aggregate(at=Min("not_before"))["at"]
        if at is None:
            return False
        wait = max((at - self.clock.now()).total_seconds(), 0.05)
        if self.waited + wait > LONGEST_WAIT:
            return False
        self.progress("", f"waiting {wait:.0f} s for open answers and locks", 0)
        self.waited += wait
        self.clock.sleep(wait)
        return True

    def _note(self, run: FlowRun, error: ConnectorError) -> None:
        self.errors[run.flow.name] = error
        if self.trouble is None:
            name = self.pool.last.name if self.pool.last else ""
            step = (error.step if isinstance(error, ConfigurationError) else "") or run.flow.name
            self.trouble = Trouble(connection=name, step=step, message=describe(error))

    def close(self, crash: BaseException | None = None) -> None:
        for run in self.runs:
            run.finish(crash or self.errors.get(run.flow.name))
        for held in self.claims:
            held.release()
        self.pool.close()
        if self.trouble is None and crash is None and self.runs:
            ids = (self.integration.source_id, self.integration.target_id)
            Connection.objects.filter(pk__in=ids).update(last_ok_at=self.clock.now(), last_error="")

    def result(self) -> SyncResult:
        result = SyncResult(self.integration.tenant.slug, self.integration.name, trouble=self.trouble)
        for run in self.runs:
            result.flows.append(FlowResult(run.flow.name, run.run.counts, dict(run.requests), run.seconds))
        result.held, result.failed = attention(self.integration)
        return result


def attention(integration: Integration) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """All open records of the integration: those that wait for somebody or something, and those refused."""
    rows = Delivery.objects.filter(flow__integration=integration)
    columns = ("flow__name", "key", "document", "state", "reason", "message", "amount_minor", "currency", "not_before")
    held: list[dict[str, Any]] = []
    failed: list[dict[str, Any]] = []
    for values in rows.filter(state__in=(*ATTENTION, State.FAILED)).order_by("id").values_list(*columns).iterator():
        flow, key, document, state, reason, message, minor, currency, not_before = values
        entry = {"flow": flow, "key": key, "document": document, "reason": reason, "message": message, "state": state}
        if minor is not None:
            entry |= {"amount": f"{minor / 100:.2f}", "currency": currency}
        if state in (State.PENDING, State.SENDING) and not reason:
            entry["reason"] = "unreachable"
            entry["message"] = message or "Not sent yet."
        if not_before:
            entry["next_try"] = not_before.isoformat()
        (failed if state == State.FAILED else held).append(entry)
    return held, failed
