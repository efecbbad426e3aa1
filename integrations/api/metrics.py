"""A few gauges in Prometheus' text format, when the setting METRICS is on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from django.conf import settings
from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from integrations.engine.schedule import last_heartbeat
from integrations.models import Delivery, Flow
from integrations.models.delivery import OPEN

from .health import oldest_due

Sample = tuple[dict[str, str], float]


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    if not settings.METRICS:
        raise Http404
    return HttpResponse("".join(_text()), content_type="text/plain; version=0.0.4; charset=utf-8")


def _text() -> Iterator[str]:
    now = timezone.now()
    beat = last_heartbeat()
    yield from _gauge("ml_open_deliveries", "Deliveries by flow and open state.", _open_deliveries())
    yield from _gauge(
        "ml_flow_age_seconds",
        "Seconds since the instant up to which a flow's source is known to be read.",
        (
            (_labels(flow), (now - flow.as_of).total_seconds())
            for flow in Flow.objects.filter(enabled=True).select_related("integration__tenant")
            if flow.as_of
        ),
    )
    yield from _gauge(
        "ml_oldest_due_seconds", "How long the most overdue flow waits.", [({}, oldest_due().total_seconds())]
    )
    if beat:
        yield from _gauge(
            "ml_heartbeat_age_seconds",
            "Seconds since a task cluster last reported.",
            [({}, (now - beat).total_seconds())],
        )


def _open_deliveries() -> Iterator[Sample]:
    path = ("flow__integration__tenant__slug", "flow__integration__name", "flow__name")
    rows = Delivery.objects.filter(state__in=OPEN).order_by().values_list(*path, "state").annotate(count=Count("id"))
    for tenant, integration, flow, state, count in rows:
        yield {"tenant": tenant, "integration": integration, "flow": flow, "state": state}, count


def _labels(flow: Flow) -> dict[str, str]:
    return {"tenant": flow.integration.tenant.slug, "integration": flow.integration.name, "flow": flow.name}


def _gauge(name: str, text: str, samples: Iterable[Sample]) -> Iterator[str]:
    yield f"# HELP {name} {text}\n# TYPE {name} gauge\n"
    for labels, value in samples:
        inner = ",".join(f'{key}="{value}"' for key, value in labels.items())  # names and slugs: nothing to escape
        yield f"{name}{{{inner}}} {value:g}\n" if inner else f"{name} {value:g}\n"
