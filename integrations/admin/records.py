"""What the engine keeps, to look at: runs, links, reference data, webhook events."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest
from django.utils.html import format_html

from integrations.models import Connection, Flow, Integration, Link, Reference, Run, WebhookEvent

from .scope import ReadOnly, related_filter


class ExactSearch(ReadOnly):
    """Searches whole values only: what an index answers at any size."""

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        term = search_term.strip()
        if term:
            found = Q()
            for name in self.get_search_fields(request):
                found |= Q(**{name: term})
            queryset = queryset.filter(found)
        return queryset, False


@admin.register(Run)
class RunAdmin(ReadOnly):
    tenant_path = "flow__integration__tenant"
    list_display = ("started_at", "flow", "trigger", "state_", "outcome", "calls", "seconds", "actor")
    list_filter = ("state", "trigger", related_filter(Integration, "flow__integration"), related_filter(Flow, "flow"))
    list_select_related = ("flow__integration__tenant",)
    sortable_by = ()
    fields = ("flow", "trigger", "state", "actor", "slot", "started_at", "finished_at", "outcome", "calls", "error")

    @admin.display(description="state")
    def state_(self, run: Run) -> str:
        tone = {Run.State.DONE: "good", Run.State.FAILED: "bad", Run.State.STOPPED: "warn"}.get(
            Run.State(run.state), ""
        )
        return format_html('<span class="{}">{}</span> {}', tone, Run.State(run.state).label, run.error[:120])

    @admin.display(description="outcome")
    def outcome(self, run: Run) -> str:
        return _counts(run.counts) or "nothing new"

    @admin.display(description="calls")
    def calls(self, run: Run) -> str:
        return _counts(run.requests, number_first=False) or "none"

    @admin.display(description="seconds")
    def seconds(self, run: Run) -> str:
        return f"{(run.finished_at - run.started_at).total_seconds():.1f}" if run.finished_at else ""


def _counts(counts: dict[str, int], *, number_first: bool = True) -> str:
    """ "12 read, 10 created"; what is zero is not worth a word."""
    words = ((f"{count} {name}" if number_first else f"{name} {count}") for name, count in counts.items() if count)
    return ", ".join(words)


@admin.register(Link)
class LinkAdmin(ExactSearch):
    tenant_path = "flow__integration__tenant"
    list_display = ("source_key", "document", "target_id", "flow", "state", "status", "adopted", "delivered_at")
    list_filter = ("state", "adopted", related_filter(Integration, "flow__integration"), related_filter(Flow, "flow"))
    list_select_related = ("flow__integration__tenant",)
    search_fields = ("source_key", "target_id")
    search_help_text = "Whole source key or target id"
    ordering = ("-id",)
    sortable_by = ()
    fields = (
        "flow",
        "source_key",
        "target_id",
        "document",
        "group",
        "state",
        "status",
        "attachment",
        "adopted",
        "closed",
        "created_at",
        "delivered_at",
        "seen_at",
    )


@admin.register(Reference)
class ReferenceAdmin(ExactSearch):
    tenant_path = "connection__tenant"
    list_display = ("number", "name", "key", "kind", "connection", "active", "seen_at")
    list_display_links = ("number", "name", "key")
    list_filter = ("kind", "active", related_filter(Connection, "connection"))
    list_select_related = ("connection__tenant",)
    search_fields = ("number", "name", "key")
    search_help_text = "Whole number, name or key"
    ordering = ("connection", "kind", "number", "id")
    sortable_by = ()
    fields = ("connection", "kind", "key", "number", "name", "active", "seen_at")

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).defer("connection__credentials", "payload")


@admin.register(WebhookEvent)
class WebhookEventAdmin(ExactSearch):
    tenant_path = "connection__tenant"
    list_display = ("received_at", "type", "entity_id", "connection", "event_id")
    list_filter = (("received_at", admin.DateFieldListFilter), related_filter(Connection, "connection"))
    list_select_related = ("connection__tenant",)
    search_fields = ("entity_id", "event_id")
    search_help_text = "Whole entity id or event id"
    sortable_by = ()

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).defer("connection__credentials")
