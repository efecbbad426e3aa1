"""One execution of one flow: read and stage, then deliver, under a claim, within a time box."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, F

from connectors.errors import ConfigurationError, ConnectorError, CredentialsRefused
from connectors.ports import BadRecord, Page, nameless_key
from integrations.models import Connection, Delivery, Flow, Hint, Integration, Run, State

from . import stage
from .books import KEY_LENGTH
from .claim import Claim
from .context import ConnectorPool, FlowContext
from .trail import Trail
from .vocabulary import FlowPolicy, Stream

TOO_LONG = f"The record's number is longer than the {KEY_LENGTH} characters that any system's contract allows."
FULL_EVERY = timedelta(hours=24)
COUNTS = ("read", "created", "updated", "unchanged", "adopted", "held", "failed")

Progress = Callable[[str, str, int], None]  # flow, what, how many


class FlowRun:
    """A claimed flow at work. `read()` and `deliver()` may be called in turns until nothing is due."""

    def __init__(
        self,
        flow: Flow,
        claim: Claim,
        pool: ConnectorPool,
        *,
        trigger: str,
        actor: str = "system",
        slot: datetime | None = None,
        full: bool = False,
        books: dict[Any, Any] | None = None,
        progress: Progress = lambda flow, what, count: None,
        deadline: float | None = None,
    ) -> None:
        self.flow = flow
        self.claim = claim
        self.pool = pool
        self.clock = pool.clock
        self.deadline = deadline
        self.progress = progress
        self.counts: Counter[str] = Counter()
        self.requests: Counter[str] = Counter()
        self.seconds = 0.0
        self.asked: set[str] = set()  # flows that must read again: records of theirs are needed and not known
        self.full = full or self._full_is_due()
        self.context = FlowContext(flow, pool, full=self.full, whole=full, books=books)
        self.policy: FlowPolicy = self.context.spec.policy(self.context)
        self.run = Run.objects.create(
            flow=flow, slot=slot, trigger=trigger, actor=actor, started_at=self.clock.now(), state=Run.State.RUNNING
        )
        self.trail = Trail(
            tenant=flow.integration.tenant.slug,
            clock=self.clock,
            integration=flow.integration.name,
            flow=flow.name,
            run=self.run.pk,
            actor=actor,
        )
        if claim.died_before or self.full:
            self._stop_older_runs()

    def _full_is_due(self) -> bool:
        last = self.flow.last_full_at
        return last is None or self.clock.now() - last >= FULL_EVERY

    def _stop_older_runs(self) -> None:
        """We hold the claim, so any other run of this flow that says `running` is dead."""
        dead = Run.objects.filter(flow=self.flow, state=Run.State.RUNNING).exclude(pk=self.run.pk)
        dead.update(state=Run.State.STOPPED, finished_at=self.clock.now(), error="The worker died or lost its claim.")

    @property
    def out_of_time(self) -> bool:
        return self.deadline is not None and self.clock.monotonic() > self.deadline

    # --- reading ---------------------------------------------------------------------------------

    def read(self) -> None:
        """Read every stream of the flow, staging page by page, while there is time. Raises ConnectorError."""
        with self._measured():
            started = self.clock.now()
            self._unreadable = set(stage.unreadable(self.flow).values_list("key", flat=True))
            self._bad_seen: set[str] = set()
            for stream in self.policy.streams():
                if not self._read_stream(stream):
                    return  # the next run goes on where the cursor stands
            fields: dict[str, Any] = {"as_of": started}
            if self.full:
                fields["last_full_at"] = started
                self._forget_unreadable()
            Flow.objects.filter(pk=self.flow.pk).update(**fields)
            self.full = self.context.full = False  # once is enough, should this run read again

    def read_hinted(self) -> bool:
        """Read again when another flow pointed at something this one has passed already; True when it did."""
        if not Hint.objects.filter(flow=self.flow).exists():
            return False
        self.read()
        return True

    def _read_stream(self, stream: Stream) -> bool:
        """False when time was up before its end."""
        cursor = None if stream.once else self.flow.cursors.get(stream.name)
        if self.full and not stream.once and self._complete(cursor):
            cursor = None
        for page in stream.read(cursor):
            with self.trail.transaction():
                self._fence(stream, page)
                self._absorb(stream, page)
            if stream.counts:
                self.counts["read"] += len(page.records)
                self.progress(self.flow.name, "read", self.counts["read"])
            if self.out_of_time:
                return False
        if stream.after or self.context.reports:
            with self.trail.transaction():
                self.claim.fence()
                self._stage(stream.after() if stream.after else ())
                self._report()
        return True

    def _forget_unreadable(self) -> None:
        if self._unreadable - self._bad_seen:
            with self.trail.transaction():
                self.claim.fence()
                self._save(stage.not_seen_again(self.flow, self._bad_seen, now=self.clock.now()))

    def _complete(self, cursor: dict[str, Any] | None) -> bool:
        """A chain of pages that was interrupted goes on where it was, even in a full read."""
        return not (cursor and cursor.get("next"))

    def _fence(self, stream: Stream, page: Page[Any]) -> None:
        if page.cursor is None or stream.once:
            self.claim.fence()
            return
        self.flow.cursors[stream.name] = page.cursor
        self.claim.fence(cursors=self.flow.cursors)

    def _absorb(self, stream: Stream, page: Page[Any]) -> None:
        if page.records:
            self._stage(stream.absorb(page.records))
        if self._unreadable and page.records:
            self._save(stage.readable_again(self.flow, page.records, now=self.clock.now()))
        if page.bad:
            self._unreadable |= {each.key for each in page.bad}
            self._bad_seen |= {each.key for each in page.bad}
            self._save(stage.bad_records(self.flow, page.bad, now=self.clock.now(), run=self.run))
        self._report()
        self.settle_demands()
        if self.context.reference_changes:
            self.context.reference_changes = 0
            bump(self.flow.integration)

    def _report(self) -> None:
        reports, self.context.reports = self.context.reports, []
        self.trail.write([self.trail.entry(event, **fields) for event, fields in reports])

    def _stage(self, staged: Any) -> None:
        staged = list(staged)
        too_long = [BadRecord(nameless_key(each.key), "", TOO_LONG) for each in staged if len(each.key) > KEY_LENGTH]
        if too_long:
            self._save(stage.bad_records(self.flow, too_long, now=self.clock.now(), run=self.run))
            staged = [each for each in staged if len(each.key) <= KEY_LENGTH]
        change = stage.changes(self.flow, staged, now=self.clock.now(), run=self.run)
        self.counts["unchanged"] += change.unchanged
        self._save(change)

    def _save(self, change: stage.Change) -> None:
        rows = stage.save(change)
        record_type = self.policy.record_type
        events = {State.SUPERSEDED: "superseded", State.FAILED: "unreadable"}
        self.trail.write([self.trail.of(row, events.get(State(row.state), "staged"), record_type) for row in rows])

    def settle_demands(self) -> None:
        """Stage what this flow needs of other flows, and ring their bells."""
        demands, self.context.demands = self.context.demands, {}
        for name, keys in demands.items():
            sibling = self.context.sibling(name)
            context = FlowContext(sibling, self.pool, books=self.context._books)
            wanted = context.spec.policy(context).wanted(keys)
            change = stage.changes(sibling, wanted, now=self.clock.now(), run=None)
            known = set(Delivery.objects.filter(flow=sibling, key__in=keys).values_list("key", flat=True))
            fresh = [row for row in change.fresh if row.key not in known]
            if fresh:  # its own worker may be staging the same vendors at this moment: the first one counts
                Delivery.objects.bulk_create(fresh, ignore_conflicts=True)
                record_type = context.spec.policy.record_type
                self.trail.write([self.trail.of(row, "staged", record_type, flow=name, run=None) for row in fresh])
            if len(known) + len(fresh) < len(keys):
                self.asked.add(name)
            if fresh or len(known) < len(keys):
                Flow.objects.filter(pk=sibling.pk).update(rung_at=self.clock.now())

    # --- delivering ------------------------------------------------------------------------------

    def deliver(self) -> bool:
        """Deliver what is due; True when anything was. Raises ConnectorError when a system does not serve us."""
        from .deliver import Deliverer

        with self._measured():
            busy = Deliverer(self).work()
            if self.context.reports:
                with self.trail.transaction():
                    self.claim.fence()
                    self._report()
            return busy

    # --- ending ----------------------------------------------------------------------------------

    def finish(self, error: BaseException | None = None) -> None:
        self.run.state = Run.State.FAILED if error else Run.State.DONE
        self.run.finished_at = self.clock.now()
        self.run.error = describe(error) if error else ""
        standing = Delivery.objects.filter(flow=self.flow, state__in=(State.HELD, State.FAILED)).order_by()
        counted = dict(standing.values_list("state").annotate(Count("id")))
        for name in (State.HELD, State.FAILED):  # as it stands now, not how often judged
            self.counts[name.value] = counted.get(name, 0)
        self.run.counts = {name: self.counts.get(name, 0) for name in COUNTS} | {
            name: count for name, count in self.counts.items() if name not in COUNTS and count
        }
        self.run.requests = dict(self.requests)
        self.run.save(update_fields=["state", "finished_at", "error", "counts", "requests"])
        if error is not None:
            note_trouble(self.pool.last, error, self.trail)

    def _measured(self) -> _Measured:
        return _Measured(self)


class _Measured:
    """Attributes requests and seconds to the flow at work."""

    def __init__(self, run: FlowRun) -> None:
        self.run = run

    def __enter__(self) -> None:
        self.before = self.run.pool.requests.copy()
        self.started = self.run.clock.monotonic()

    def __exit__(self, *exc: object) -> None:
        self.run.requests += self.run.pool.requests - self.before
        self.run.seconds += self.run.clock.monotonic() - self.started


def bump(integration: Integration) -> None:
    """Something that could release a hold has happened: every held record is due again."""
    Integration.objects.filter(pk=integration.pk).update(generation=F("generation") + 1)


def describe(error: BaseException) -> str:
    if isinstance(error, ConfigurationError) and error.fix:
        return f"{error.message} {error.fix}"
    return str(error) if isinstance(error, ConnectorError) else f"{type(error).__name__}: {error}"


def note_trouble(connection: Connection | None, error: BaseException, trail: Trail) -> None:
    """Remember on the connection that it did not serve us; refused credentials stop unattended runs."""
    if connection is None or not isinstance(error, ConnectorError):
        return
    fields: dict[str, Any] = {"last_error": describe(error)[:2000]}
    refused = isinstance(error, CredentialsRefused)
    if refused:
        fields["refused_at"] = trail.clock.now()
    Connection.objects.filter(pk=connection.pk).update(**fields)
    with trail.transaction():
        entry = trail.entry(
            "credentials_refused" if refused else "connection_failed",
            record_type="connection",
            document=connection.name,
            outcome="failed",
            reason=error.reason,
            message=describe(error)[:2000],
            response=error.raw[:2000],
        )
        trail.write([entry])
