"""Tenant scoping of every list, detail page, choice, autocomplete and action: one mixin for all screens."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import ForeignKey, Model, QuerySet
from django.forms import ModelChoiceField
from django.http import HttpRequest
from django.utils.text import capfirst

from audit.admin import CappedPaginator
from integrations.access import scoped
from integrations.models import Connection, Flow, Integration, Tenant

#: How each model that people choose from leads to its tenant.
PATHS: dict[type[Model], str] = {
    Tenant: "",
    Connection: "tenant",
    Integration: "tenant",
    Flow: "integration__tenant",
}


class TenantScoped(admin.ModelAdmin):
    """Shows rows of the user's tenants only. `tenant_path` leads from the model to its tenant."""

    tenant_path = "tenant"
    list_per_page = 50
    list_max_show_all = 200
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER  # a count for every choice of every filter
    paginator = CappedPaginator

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return scoped(super().get_queryset(request), request.user, self.tenant_path)

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        changelist = super().get_changelist_instance(request)
        changelist.title = capfirst(str(self.opts.verbose_name_plural))
        return changelist

    def formfield_for_foreignkey(
        self, db_field: ForeignKey, request: HttpRequest, **kwargs: Any
    ) -> ModelChoiceField | None:
        if db_field.related_model in PATHS:
            kwargs["queryset"] = choices_for(request, db_field.related_model)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)


class ReadOnly(TenantScoped):
    """Rows that the engine writes: looked at, never edited by hand."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def choices_for(request: HttpRequest, model: type[Model]) -> QuerySet[Any]:
    """The rows of a model that the user may choose from. Secrets stay in the database."""
    rows = model._default_manager.all()
    if model is Connection:
        rows = rows.defer("credentials").select_related("tenant")
    elif model is Integration:
        rows = rows.select_related("tenant")
    elif model is Flow:
        rows = rows.select_related("integration__tenant")
    return scoped(rows, request.user, PATHS[model])


class RelatedFilter(admin.SimpleListFilter):
    """A filter by a related row that offers the user's own rows only."""

    model: type[Model]

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(row.pk), str(row)) for row in choices_for(request, self.model)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        if value is None:
            return queryset
        return queryset.filter(**{self.parameter_name or "": int(value)}) if value.isdigit() else queryset.none()


def related_filter(model: type[Model], parameter: str, title_: str = "") -> type[RelatedFilter]:
    """A filter class: `parameter` is both the query parameter and the lookup."""
    name = str(model._meta.verbose_name)
    attributes = {"model": model, "parameter_name": parameter, "title": title_ or name}
    return type(f"{name.title()}Filter", (RelatedFilter,), attributes)
