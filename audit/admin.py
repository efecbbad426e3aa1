"""The trail on screen: read-only, and quick at millions of rows.

No list asks for distinct values, no page counts everything, and searching is by exact key.
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.functional import cached_property

from .export import Export
from .models import AuditChain, AuditEvent
from .scope import allowed_tenants, visible_to
from .vocabulary import Event, Outcome

#: Nobody pages further than this: a longer list is narrowed by its filters. Counting on would cost seconds.
COUNT_LIMIT = 10_000


class CappedPaginator(Paginator):
    """Counts to one more than COUNT_LIMIT and no further."""

    object_list: QuerySet[AuditEvent]

    @cached_property
    def count(self) -> int:
        return self.object_list.order_by()[: COUNT_LIMIT + 1].count()


class _ChoiceFilter(admin.SimpleListFilter):
    """A fixed list of words: the stock filter would ask the whole table for its distinct values."""

    parameter_name: str
    choices_offered: list[tuple[str, str]] = []

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return self.choices_offered

    def queryset(self, request: HttpRequest, queryset: QuerySet[AuditEvent]) -> QuerySet[AuditEvent]:
        value = self.value()
        return queryset.filter(**{self.parameter_name: value}) if value else queryset


class TenantFilter(_ChoiceFilter):
    title = parameter_name = "tenant"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        chains = AuditChain.objects.order_by("tenant")
        allowed = allowed_tenants(request.user)
        if allowed is not None:
            chains = chains.filter(tenant__in=sorted(allowed))
        return [(slug, slug) for slug in chains.values_list("tenant", flat=True)]


class OutcomeFilter(_ChoiceFilter):
    title = parameter_name = "outcome"
    choices_offered = Outcome.choices


class EventFilter(_ChoiceFilter):
    title = parameter_name = "event"
    choices_offered = Event.choices


@admin.register(AuditEvent)
class AuditEventAdmin(admin.ModelAdmin):
    list_display = (
        "at",
        "tenant",
        "integration",
        "flow",
        "event",
        "document",
        "amount",
        "currency",
        "outcome",
        "message",
        "actor",
    )
    list_display_links = ("at",)
    list_filter = (
        TenantFilter,
        ("at", admin.DateFieldListFilter),
        OutcomeFilter,
        EventFilter,
    )
    list_per_page = 50
    list_max_show_all = 50
    paginator = CappedPaginator
    show_full_result_count = False
    sortable_by = ()  # newest first, along an index; another order would sort the whole table
    search_fields = ("document", "source_key", "target_id")
    search_help_text = "The exact document number, source key or target id."
    actions = None
    change_list_template = "admin/audit/auditevent/change_list.html"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: AuditEvent | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: AuditEvent | None = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[AuditEvent]:
        return visible_to(request.user, super().get_queryset(request))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[AuditEvent], search_term: str
    ) -> tuple[QuerySet[AuditEvent], bool]:
        """The whole term, exactly: document numbers contain blanks, and only an exact match can use an index."""
        term = search_term.strip()
        if term:
            # A subquery, so that SQLite starts from the few events found and not from another filter's index.
            found = AuditEvent.objects.filter(Q(document=term) | Q(source_key=term) | Q(target_id=term))
            queryset = queryset.filter(pk__in=found.values("pk"))
        return queryset, False

    def get_urls(self) -> list[URLPattern]:
        export = path("export/", self.admin_site.admin_view(self.export), name="audit_auditevent_export")
        return [export, *super().get_urls()]

    def export(self, request: HttpRequest) -> HttpResponseBase:
        """The list as it is filtered, as a streamed CSV file."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        changelist = self.get_changelist_instance(request)
        filters = {name: str(value) for name, value in request.GET.items() if value}
        allowed = allowed_tenants(request.user)
        if allowed is not None:
            filters["visible_tenants"] = ",".join(sorted(allowed))
        export = Export(changelist.get_queryset(request), actor=request.user.get_username(), filters=filters)
        response = StreamingHttpResponse(iter(export), content_type="text/csv; charset=utf-8")
        name = f"audit-{timezone.now():%Y%m%dT%H%M%SZ}.csv"
        response["Content-Disposition"] = f'attachment; filename="{name}"'
        response["X-Accel-Buffering"] = "no"  # a proxy that buffered it would hold the whole trail
        response["Cache-Control"] = "no-store"
        return response
