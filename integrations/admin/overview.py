"""The first page: per integration what is fresh, what runs next and what is stuck with how much money."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.db.models import Count, OuterRef, QuerySet, Subquery, Sum
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from integrations.access import SYNC, scoped
from integrations.display import clock_time, format_duration, format_money
from integrations.engine.context import in_use
from integrations.engine.schedule import last_heartbeat, next_runs
from integrations.models import Delivery, Flow, Integration, Mapping, Run, State

#: States that somebody must look at, in the order of the columns.
STUCK = (State.HELD, State.FAILED, State.UNCERTAIN)
CLUSTER_SILENT = timedelta(seconds=120)


@dataclass(frozen=True, slots=True)
class Tone:
    """A state in words and how it looks: `good`, `quiet`, `warn`, `bad`."""

    words: str
    tone: str


@dataclass(slots=True)
class Stuck:
    """Records of one state: how many, how much money, and where the list is."""

    state: str
    count: int
    money: str
    url: str


@dataclass(slots=True)
class FlowRow:
    name: str
    state: Tone
    as_of: str
    every: str
    next_run: str
    error: str
    stuck: list[Stuck] = field(default_factory=list)


@dataclass(slots=True)
class Block:
    integration: Integration
    url: str
    sync_url: str
    trouble: list[str]
    zone: str
    flows: list[FlowRow] = field(default_factory=list)
    unmapped: int = 0
    unmapped_url: str = ""


def latest_runs(flows: QuerySet[Flow]) -> QuerySet[Flow]:
    """Flows with `run_state`, `run_started` and `run_error` of their latest run."""
    latest = Run.objects.filter(flow=OuterRef("pk")).order_by("-id")
    return flows.annotate(
        run_state=Subquery(latest.values("state")[:1]),
        run_started=Subquery(latest.values("started_at")[:1]),
        run_error=Subquery(latest.values("error")[:1]),
    )


def runs(flow: Flow) -> bool:
    """Whether the flow is switched on: itself, its integration, and the setting it depends on."""
    return flow.enabled and flow.integration.enabled and in_use(flow)


def flow_state(flow: Any, now: datetime) -> Tone:
    """The state of a flow (from `latest_runs`) in words."""
    if not runs(flow):
        return Tone("switched off", "quiet")
    if flow.claim_token and flow.lease_until and flow.lease_until > now:
        return Tone("running", "good")
    if flow.run_state is None:
        return Tone("not run yet", "quiet")
    if flow.run_state in (Run.State.FAILED, Run.State.STOPPED):
        return Tone("last run failed" if flow.run_state == Run.State.FAILED else "last run was cut off", "bad")
    if flow.as_of is None or now - flow.as_of > 2 * timedelta(seconds=flow.every) + CLUSTER_SILENT:
        return Tone("late", "warn")
    return Tone("on time", "good")


def overview(request: HttpRequest) -> dict[str, Any]:
    """Everything the first page shows, in seven queries whatever the number of integrations."""
    now = timezone.now()
    integrations = scoped(
        Integration.objects.select_related("tenant", "source", "target").defer(
            "source__credentials", "target__credentials"
        ),
        request.user,
        "tenant",
    )
    blocks = {each.pk: _block(each) for each in integrations}
    stuck = _stuck(blocks)
    planned = next_runs()
    for flow in latest_runs(Flow.objects.filter(integration__in=blocks).order_by("position")):
        block = blocks[flow.integration_id]
        flow.integration = block.integration
        if in_use(flow) or stuck[flow.pk]:  # what is stuck is shown even where it will not run
            block.flows.append(_row(flow, now, planned.get(flow.pk), stuck[flow.pk]))
    unresolved = Mapping.objects.filter(integration__in=blocks).exclude(problem="")
    for pk, count in unresolved.order_by().values_list("integration").annotate(Count("id")):
        blocks[pk].unmapped = count
    beat = last_heartbeat()
    return {
        "blocks": list(blocks.values()),
        "silent": beat is None or now - beat > CLUSTER_SILENT,
        "may_sync": request.user.has_perm(SYNC),
    }


def _block(integration: Integration) -> Block:
    trouble = []
    for connection in (integration.source, integration.target):
        if connection.refused_at:
            trouble.append(f"{connection.name}: credentials refused, runs wait. {connection.last_error}")
        elif connection.last_error:
            trouble.append(f"{connection.name}: {connection.last_error}")
        if not connection.tls.get("verify", True):
            trouble.append(f"{connection.name}: the server's certificate is not checked")
    mappings = reverse("admin:integrations_mapping_changelist")
    return Block(
        integration=integration,
        url=reverse("admin:integrations_integration_change", args=[integration.pk]),
        sync_url=reverse("admin:integrations_integration_sync", args=[integration.pk]),
        trouble=trouble,
        zone=integration.tenant.time_zone,
        unmapped_url=f"{mappings}?{urlencode({'integration': integration.pk, 'problem': 'yes'})}",
    )


def _row(flow: Any, now: datetime, planned: datetime | None, stuck: list[Stuck]) -> FlowRow:
    zone = flow.integration.tenant.time_zone
    active = runs(flow)
    failed = flow.run_state == Run.State.FAILED
    return FlowRow(
        name=flow.name.replace("_", " "),
        state=flow_state(flow, now),
        as_of=clock_time(flow.as_of, zone, now),
        every=format_duration(flow.every),
        next_run=(clock_time(planned, zone, now) or "soon") if active else "",
        error=flow.run_error if failed and active else "",
        stuck=stuck,
    )


def _stuck(integrations: Iterable[int]) -> dict[int, list[Stuck]]:
    """By flow, in the order of `STUCK`."""
    counts: dict[tuple[int, str], int] = defaultdict(int)
    money: dict[tuple[int, str], list[str]] = defaultdict(list)
    rows = (
        Delivery.objects.filter(flow__integration__in=integrations, state__in=STUCK)
        .order_by("currency")
        .values_list("flow", "state", "currency")
        .annotate(count=Count("id"), minor=Sum("amount_minor"))
    )
    for flow, state, currency, count, minor in rows:
        counts[flow, state] += count
        if minor:
            money[flow, state].append(format_money(minor, currency))
    found: dict[int, list[Stuck]] = defaultdict(list)
    deliveries = reverse("admin:integrations_delivery_changelist")
    for flow, state in sorted(counts, key=lambda each: STUCK.index(State(each[1]))):
        url = f"{deliveries}?{urlencode({'flow': flow, 'state__exact': state})}"
        found[flow].append(Stuck(str(State(state).label), counts[flow, state], ", ".join(money[flow, state]), url))
    return found
