"""A chapter of the demo: one integration between two sandboxes of its own, told in steps, each of them checked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any, ClassVar

from django.db.models import Count, Sum

from connectors.clock import SystemClock
from integrations.engine.context import recipe_of
from integrations.engine.subscriptions import Subscriptions
from integrations.engine.sync import SyncResult, attention, sync
from integrations.models import Delivery, Flow, Integration, Link, Reason, State
from integrations.reconcile import Difference, Kind, Result, reconcile

from .ground import Child, expect
from .sandboxes import Stand

ACTOR = "demo"
OF_BILLS = {
    *(Kind.AMOUNT, Kind.ARCHIVED, Kind.MISSING_IN_SOURCE, Kind.MISSING_IN_TARGET),
    *(Kind.ON_HOLD, Kind.REFUSED, Kind.UNLINKED),
}

#: A step's name and what it does; it answers a line for the person who watches.
Steps = Iterator[tuple[str, Callable[[], str]]]


@dataclass(frozen=True, slots=True)
class Moved:
    """A row of the table of what moved. Without `way` it singles out one of the records above."""

    record: str
    way: str
    count: int
    amount: Decimal | None
    remark: str

    @classmethod
    def of_these(cls, amount: Decimal, remark: str) -> Moved:
        return cls("", "", 1, amount, remark)


@dataclass(slots=True)
class Paid:
    """A payment made in the cloud. `way` is how we learnt of it."""

    key: str
    method: str
    documents: tuple[str, ...]
    amount: Decimal
    way: str = ""


class Chapter:
    """What every integration shows: all goes over once, nothing goes over twice, and both sides agree.

    `name` is the integration's in demo.yaml, `connections` are its connections there with their systems, the source
    first. `singled` are the bills that the table of what moved shows one by one, with a remark; `amounts` says of what
    the others are. Every step raises Unexpected.
    """

    name: ClassVar[str]
    connections: ClassVar[dict[str, str]]
    needing: ClassVar[frozenset[Reason]] = frozenset()  # why records need a person after the first sync, at least
    singled: ClassVar[dict[str, str]] = {}
    amounts: ClassVar[str] = "open balances, to the cent"

    def __init__(self, start: Callable[[str], Stand]) -> None:
        """`start` begins a sandbox of the named system."""
        self.stands = {connection: start(system) for connection, system in self.connections.items()}
        self.source, self.target = self.stands.values()
        self.payments: list[Paid] = []
        self.compared: Result | None = None

    # --- to override -------------------------------------------------------------------------------

    def business(self, cluster: Child) -> Steps:
        """What happens between the first syncs and the comparison."""
        yield from ()

    def check_delivered(self) -> None:
        """Look into the target after the first sync."""

    def asked(self, document: str) -> Decimal:
        """What the bill of an invoice asks for in the target; its lines add up to it."""
        raise NotImplementedError

    def in_target(self) -> dict[str, int]:
        """How many records of each kind the target holds."""
        return {name: len(rows) for name, rows in self.target.state().items()}

    def state_of(self, paid: Paid) -> str:
        """What became of a payment, in a word or two."""
        raise NotImplementedError

    def moved(self) -> list[Moved]:
        """Rows of the table of what moved."""
        out = f"{self.source.label} -> {self.target.label}"
        vendors = self.links("vendors")
        adopted = vendors.filter(adopted=True).count()
        known = f"{vendors.count() - adopted} created, {adopted} found by name"
        bills = [Moved(record, out, count, amount, self.amounts) for record, count, amount in self.sent("bills")]
        singled = [
            Moved.of_these(self.asked(document), f"{document}: {remark}") for document, remark in self.singled.items()
        ]
        return [Moved("vendors", out, vendors.count(), None, known), *bills[:1], *singled, *bills[1:]]

    def invitation(self) -> list[str]:
        """Lines that tell what else to try while everything runs."""
        return []

    # --- one step each -----------------------------------------------------------------------------

    def steps(self, cluster: Child) -> Steps:
        yield "First sync", self.full_sync
        yield "Second sync", self.quiet_sync
        yield from self.business(cluster)
        yield "Reconciled", self.compare

    def full_sync(self) -> str:
        result = self.sync(full=True)
        missing = ", ".join(sorted(self.needing - {entry["reason"] for entry in result.held}))
        expect(not missing, f"nothing needs attention because of: {missing}")
        self.check_delivered()
        sent = ", ".join(f"{row.count} {row.record}" for row in self.moved() if row.way and row.count)
        waiting = f"; {len(result.held)} records wait, see below" if result.held else ""
        return f"{sent} delivered{waiting}"

    def quiet_sync(self) -> str:
        """The same again: nothing may be sent twice."""
        before = self.in_target()
        result = self.sync()
        expect(before == self.in_target(), f"a second sync created something in {self.target.label} again")
        requests = sum(sum(flow.requests.values()) for flow in result.flows)
        return f"nothing sent twice, {requests} requests"

    def register(self) -> str:
        """The cloud tells our web server what happens there from now on."""
        status = Subscriptions(self.integration, clock=SystemClock(), actor=ACTOR).register()
        expect(status.enabled, f"the webhook was not enabled: {status.reason}")
        return f"{', '.join(status.events)} -> {status.url}"

    def compare(self) -> str:
        result = self.compared = reconcile(self.integration, actor=ACTOR)
        expect(not result.trouble, result.summary())
        bills = differing_bills(result)
        expect(bills, "nothing differs, although some bills wait")
        for currency, totals in result.totals.items():
            apart = totals.source - totals.target
            explained = sum(Decimal(each.difference) for each in bills if each.currency == currency)
            expect(apart == explained, f"both sides are {apart} {currency} apart, {explained} of it explained")
        return f"{len(bills)} documents differ, every cent explained"

    # --- looking things up -------------------------------------------------------------------------

    @cached_property
    def integration(self) -> Integration:
        return Integration.objects.select_related("tenant").get(name=self.name)

    @property
    def title(self) -> str:
        return f"{self.integration}: {recipe_of(self.integration).label}"

    def flow(self, name: str) -> Flow:
        return self.integration.flows.get(name=name)

    def links(self, flow: str) -> Any:
        """The links (a QuerySet) of what a flow has delivered."""
        return Link.objects.filter(flow=self.flow(flow))

    def sent(self, flow: str) -> list[tuple[str, int, Decimal]]:
        """What a flow has created: its name, how many and their sum, for each currency, the tenant's own first."""
        own = self.integration.tenant.currency
        made = ("create", "image")  # a scan follows its bill within the same delivery
        rows = Delivery.objects.filter(flow=self.flow(flow), state=State.DELIVERED, action__in=made)
        sums = rows.order_by().values_list("currency").annotate(Count("id"), Sum("amount_minor"))
        in_order = sorted(sums, key=lambda row: (row[0] != own, row[0]))
        return [(flow if code == own else f"{flow} in {code}", count, money(minor)) for code, count, minor in in_order]

    def waiting(self) -> list[dict[str, Any]]:
        """The records that need a person or wait for another record, those the target refused first."""
        held, failed = attention(self.integration)
        return [*failed, *held]

    # --- helpers -----------------------------------------------------------------------------------

    def sync(self, **options: Any) -> SyncResult:
        """A sync by hand that no system refuses anything in."""
        result = sync(self.integration, actor=ACTOR, **options)
        if result.trouble:
            expect(False, f"connection {result.trouble.connection} does not serve us: {result.trouble.message}")
        refused = "; ".join(f"{entry['document']}: {entry['message']}" for entry in result.failed)
        expect(not refused, f"refused: {refused}")
        return result


def differing_bills(result: Result) -> list[Difference]:
    """Those differences that make up what both sides' totals are apart."""
    return [each for each in result.differences if each.kind in OF_BILLS and each.difference]


def money(minor: int) -> Decimal:
    return Decimal(minor).scaleb(-2)
