"""The tables that finance edits: what is written, what it was found to mean, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.template.response import TemplateResponse
from django.urls import path, reverse_lazy
from django.utils.html import format_html
from django.views.decorators.http import require_GET

from integrations.access import name_of
from integrations.engine import actions
from integrations.engine.context import recipe_of
from integrations.engine.trail import note_change
from integrations.models import Integration, Mapping, MappingTable

from .scope import TenantScoped, choices_for, related_filter
from .suggestions import suggestions


class SuggestInput(forms.TextInput):
    """A text input that proposes rows of one side's reference data (static/ml/suggest.js)."""

    def __init__(self, column: str) -> None:
        super().__init__(
            {
                "data-suggest": reverse_lazy("admin:integrations_mapping_suggest"),
                "data-column": column,
                "autocomplete": "off",
                "size": 28,
            }
        )


COLUMNS = ("source", "department", "location", "target")


class MappingForm(forms.ModelForm):
    class Meta:
        model = Mapping
        fields = ("integration", "table", "source", "department", "location", "target")
        widgets = {name: SuggestInput(name) for name in COLUMNS}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in COLUMNS:
            if name in self.fields and self.instance.pk:  # in the list there are no inputs to read these from
                attrs = self.fields[name].widget.attrs
                attrs["data-integration"] = self.instance.integration_id
                attrs["data-table"] = self.instance.table
        if "table" in self.fields:
            self.fields["table"].widget.choices = [("", "---------"), *self._tables()]  # `clean` names the others

    def _tables(self) -> list[tuple[str, str]]:
        """The tables of the recipes in question: of the integration given, or of all that may be chosen."""
        chosen = str(self.data.get("integration") or self.initial.get("integration") or "")
        field: Any = self.fields["integration"]
        rows: QuerySet[Integration] = field.queryset
        rows = rows.filter(pk=chosen) if chosen.isdigit() else rows
        known = {spec.table for integration in rows for spec in recipe_of(integration).tables}
        return [choice for choice in MappingTable.choices if choice[0] in known]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        integration, table = cleaned.get("integration"), cleaned.get("table")
        if not (integration and table):
            return cleaned
        spec = recipe_of(integration).table(table)
        if spec is None:
            self.add_error("table", f"{recipe_of(integration).label} has no such table.")
        for name in ("department", "location") if spec else ():
            if cleaned.get(name) and name not in spec.ends():
                self.add_error(name, f"The table {MappingTable(table).label} does not tell {name}s apart.")
        return cleaned


def _told(row: dict[str, Any]) -> dict[str, Any]:
    """What the audit trail says of a row: its two ends always, conditions where there are any."""
    return {name: row.get(name) for name in COLUMNS if row.get(name) or name in ("source", "target")}


class ProblemFilter(admin.SimpleListFilter):
    title = "problem"
    parameter_name = "problem"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "not resolved"), ("no", "resolved")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Mapping]) -> QuerySet[Mapping]:
        if self.value() == "yes":
            return queryset.exclude(problem="")
        return queryset.filter(problem="") if self.value() == "no" else queryset


@admin.register(Mapping)
class MappingAdmin(TenantScoped):
    tenant_path = "integration__tenant"
    form = MappingForm
    list_display = ("source_", "target", "meaning", "table", "integration")
    list_display_links = ("source_",)
    list_editable = ("target",)
    list_filter = (related_filter(Integration, "integration"), "table", ProblemFilter)
    list_select_related = ("integration__tenant",)
    list_per_page = 100
    sortable_by = ()
    search_fields = (*COLUMNS, "source_key", "source_label", "target_id", "target_label")
    readonly_fields = ("meaning",)
    fields = ("integration", "table", *COLUMNS, "meaning")

    class Media:
        js = ("ml/suggest.js",)

    def get_readonly_fields(self, request: HttpRequest, obj: Mapping | None = None) -> tuple[str, ...]:
        return ("integration", "table", "meaning") if obj else ("meaning",)

    def get_changelist_form(self, request: HttpRequest, **kwargs: Any) -> Any:
        return super().get_changelist_form(request, **{**kwargs, "form": MappingForm})

    @admin.display(description="source", ordering="source")
    def source_(self, mapping: Mapping) -> str:
        return mapping.source_label or mapping.rule

    @admin.display(description="found to be")
    def meaning(self, mapping: Mapping) -> str:
        if mapping.problem:
            return format_html('<span class="bad">{}</span>', mapping.problem)
        return mapping.target_label or mapping.target_id or "looked up at the next sync"

    # --- saving: audited, resolved, holds released ---------------------------------------------------

    def save_model(self, request: HttpRequest, obj: Mapping, form: Any, change: bool) -> None:
        before = _told(form.initial) if change else {}
        super().save_model(request, obj, form, change)
        self._changed(request, obj, before=before, after=_told(vars(obj)))

    def delete_model(self, request: HttpRequest, obj: Mapping) -> None:
        self._changed(request, obj, before=_told(vars(obj)), after={})
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Mapping]) -> None:
        for mapping in queryset.select_related("integration__tenant").order_by("integration__tenant__slug", "pk"):
            self.delete_model(request, mapping)

    def _changed(self, request: HttpRequest, mapping: Mapping, *, before: Any, after: Any) -> None:
        changed: dict[int, Integration] = request.__dict__.setdefault("_remapped", {})
        changed[mapping.integration_id] = mapping.integration
        note_change(
            mapping.integration.tenant.slug,
            name_of(request.user),
            "mapping_changed",
            integration=mapping.integration.name,
            record_type=mapping.table,
            document=mapping.source,
            before=before,
            after=after,
        )

    def _then_resolve(self, request: HttpRequest, view: Callable[[], HttpResponse]) -> HttpResponse:
        """Run a view, then resolve once per integration what it changed, in one transaction."""
        if request.method != "POST":
            return view()
        with transaction.atomic():
            response = view()
            for integration in request.__dict__.get("_remapped", {}).values():
                actions.mapping_changed(integration, actor=name_of(request.user))
        return response

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        return self._then_resolve(request, lambda: super(MappingAdmin, self).changelist_view(request, extra_context))

    def changeform_view(
        self, request: HttpRequest, object_id: Any = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        view = super().changeform_view
        return self._then_resolve(request, lambda: view(request, object_id, form_url, extra_context))

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        view = super().delete_view
        return self._then_resolve(request, lambda: view(request, object_id, extra_context))

    # --- history -------------------------------------------------------------------------------------

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """Who wrote what when. Read-only: django-simple-history's own page lets viewers revert."""
        mapping = self.get_object(request, object_id)
        if mapping is None:
            raise Http404
        if not self.has_view_permission(request, mapping):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "title": f"History of {mapping}",
            "versions": mapping.history.select_related("history_user").order_by("-history_id")[:200],
            "object": mapping,
            "opts": self.opts,
        }
        return TemplateResponse(request, "admin/integrations/mapping/history.html", context)

    # --- suggestions ---------------------------------------------------------------------------------

    def get_urls(self) -> list[Any]:
        suggest = self.admin_site.admin_view(require_GET(self.suggest_view))
        return [path("suggest/", suggest, name="integrations_mapping_suggest"), *super().get_urls()]

    def suggest_view(self, request: HttpRequest) -> HttpResponse:
        """`integration`, `table`, `column` (source, target) and the text typed so far."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        pk, table = request.GET.get("integration", ""), request.GET.get("table", "")
        integration = choices_for(request, Integration).filter(pk=pk).first() if pk.isdigit() else None
        if integration is None or table not in MappingTable.values:
            return JsonResponse({"results": []})
        asked = request.GET.get("column", "")
        column = asked if asked in COLUMNS else "target"
        found = suggestions(integration, MappingTable(table), column, request.GET.get("q", "").strip())
        return JsonResponse({"results": found})
