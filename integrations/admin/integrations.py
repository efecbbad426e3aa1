"""Integrations with their flows: schedule, freshness, settings of the recipe, and "Sync now"."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.views.decorators.http import require_POST

from integrations.access import SYNC, name_of
from integrations.display import clock_time
from integrations.engine import actions, schedule
from integrations.engine.context import flows_in_use
from integrations.engine.run import bump
from integrations.engine.trail import note_change
from integrations.models import Connection, Flow, Integration
from integrations.recipes import RECIPES
from integrations.recipes.base import Recipe

from .integration_form import SETTING, FlowForm, IntegrationForm, form_for
from .overview import flow_state, latest_runs, runs
from .scope import TenantScoped, choices_for


class FlowInline(admin.TabularInline):
    model = Flow
    form = FlowForm
    extra = 0
    can_delete = False
    fields = ("name", "enabled", "every", "state", "as_of_", "last_run", "next_run", "sync")
    readonly_fields = ("name", "state", "as_of_", "last_run", "next_run", "sync")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Flow]:
        flows = super().get_queryset(request).select_related("integration__tenant").order_by("position")
        if request.method == "GET":  # what is posted must be found again, even where the setting changes with it
            flows = flows.filter(pk__in=self.in_use)
        return latest_runs(flows)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        self.may_sync = request.user.has_perm(SYNC)
        self.planned = schedule.next_runs()
        self.in_use = [flow.pk for flow in flows_in_use(obj.flows.all())] if obj else []
        return super().get_formset(request, obj, **kwargs)

    @admin.display(description="state")
    def state(self, flow: Flow) -> str:
        return flow_state(flow, timezone.now()).words

    @admin.display(description="as of")
    def as_of_(self, flow: Flow) -> str:
        return _when(flow, flow.as_of) or "never read"

    @admin.display(description="last run")
    def last_run(self, flow: Flow) -> str:
        return _when(flow, flow.run_started) or "never"  # type: ignore[attr-defined]

    @admin.display(description="next run")
    def next_run(self, flow: Flow) -> str:
        if not runs(flow):
            return "off"
        return _when(flow, self.planned.get(flow.pk)) or "soon"

    @admin.display(description="")
    def sync(self, flow: Flow) -> str:
        if not (self.may_sync and runs(flow)):
            return ""
        url = reverse("admin:integrations_integration_sync", args=[flow.integration_id])
        return format_html(
            '<button class="button" formaction="{}" formnovalidate name="flow" value="{}">Sync now</button>',
            url,
            flow.name,
        )


def _when(flow: Flow, at: Any) -> str:
    return clock_time(at, flow.integration.tenant.time_zone, timezone.now())


@admin.register(Integration)
class IntegrationAdmin(TenantScoped):
    list_display = ("name", "tenant", "recipe_label", "source", "target", "start_date", "enabled")
    list_select_related = ("tenant", "source__tenant", "target__tenant")
    search_fields = ("name",)
    inlines = (FlowInline,)
    change_form_template = "admin/integrations/integration/form.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Integration]:
        return super().get_queryset(request).defer("source__credentials", "target__credentials")

    def get_form(
        self, request: HttpRequest, obj: Integration | None = None, change: bool = False, **kwargs: Any
    ) -> Any:
        kwargs["form"] = form_for(self._recipe(request, obj))
        kwargs["fields"] = IntegrationForm.Meta.fields
        return super().get_form(request, obj, change=change, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Integration | None = None) -> Any:
        own = ("tenant", "name", "source", "target", "start_date", "enabled")
        if obj is not None and not self.has_change_permission(request, obj):
            return [(None, {"fields": (*own, "shown_settings")})]
        settings = tuple(SETTING + spec.name for spec in self._recipe(request, obj).settings)
        return [(None, {"fields": own}), ("Settings", {"fields": settings})]

    def get_readonly_fields(self, request: HttpRequest, obj: Integration | None = None) -> tuple[str, ...]:
        # Another source or target would leave the links pointing into the wrong books.
        return ("tenant", "name", "source", "target", "shown_settings") if obj else ()

    def get_inlines(self, request: HttpRequest, obj: Integration | None) -> Any:
        return self.inlines if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # its links are what keeps documents from being sent twice: it is switched off instead

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        if request.GET.get("recipe") not in RECIPES:
            context = {
                **self.admin_site.each_context(request),
                "title": "Which recipe?",
                "recipes": RECIPES.values(),
                "opts": self.opts,
            }
            return TemplateResponse(request, "admin/integrations/integration/choose.html", context)
        return super().add_view(request, form_url, extra_context)

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_foreignkey(db_field, request, **kwargs)
        if field is not None and db_field.related_model is Connection:
            field.widget.can_change_related = field.widget.can_add_related = False
        return field

    def save_model(self, request: HttpRequest, obj: Integration, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if not change:
            obj.flows.bulk_create(
                Flow(integration=obj, name=spec.name, position=position, every=spec.every)
                for position, spec in enumerate(RECIPES[obj.recipe].flows)
            )
        if form.changed_data:
            _note(request, obj, form, document=obj.name)
        if change and form.changed_data:
            bump(obj)  # a setting may release what is held
        if change and "start_date" in form.changed_data and obj.start_date < form.initial["start_date"]:
            obj.flows.update(cursors={}, last_full_at=None)  # older documents are behind the cursors
        if change:
            scopes = RECIPES[obj.recipe].rereads(name.removeprefix(SETTING) for name in form.changed_data)
            obj.flows.filter(name__in=scopes).update(cursors={}, last_full_at=None)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        super().save_formset(request, form, formset, change)
        for flow_form in formset.forms:
            if flow_form.changed_data:
                _note(request, form.instance, flow_form, document=flow_form.instance.name)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        schedule.refresh_schedules()

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        context = {"may_sync": request.user.has_perm(SYNC), **(extra_context or {})}
        return super().change_view(request, object_id, form_url, context)

    @admin.display(description="recipe")
    def recipe_label(self, integration: Integration) -> str:
        return RECIPES[integration.recipe].label if integration.recipe in RECIPES else integration.recipe

    @admin.display(description="settings")
    def shown_settings(self, integration: Integration) -> str:
        return ", ".join(f"{name}: {value}" for name, value in integration.settings.items()) or "the defaults"

    def _recipe(self, request: HttpRequest, obj: Integration | None) -> Recipe:
        name = obj.recipe if obj else request.GET.get("recipe", "")
        if name not in RECIPES:
            raise Http404(f"unknown recipe {name!r}")
        return RECIPES[name]

    # --- sync now --------------------------------------------------------------------------------

    def get_urls(self) -> list[Any]:
        sync = self.admin_site.admin_view(require_POST(self.sync_view))
        return [path("<int:pk>/sync/", sync, name="integrations_integration_sync"), *super().get_urls()]

    def sync_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ring one flow (`flow` names it) or all enabled ones."""
        integration = choices_for(request, Integration).filter(pk=pk).first()
        if integration is None:
            raise Http404
        if not request.user.has_perm(SYNC):
            raise PermissionDenied
        flows = integration.flows.filter(enabled=True).select_related("integration__tenant")
        if request.POST.get("flow"):
            flows = flows.filter(name=request.POST["flow"])
        wanted = [flow for flow in flows if runs(flow)]
        for flow in wanted:
            actions.sync_now(flow, actor=name_of(request.user))
        if wanted:
            messages.success(request, f"{integration}: {', '.join(flow.name for flow in wanted)} will run now.")
        else:
            messages.warning(request, f"{integration}: nothing to run, it is switched off.")
        if request.POST.get("next") == "overview":
            return HttpResponseRedirect(reverse("admin:index"))
        return HttpResponseRedirect(reverse("admin:integrations_integration_change", args=[pk]))


def _note(request: HttpRequest, integration: Integration, form: Any, *, document: str) -> None:
    def plain(values: dict[str, Any]) -> dict[str, Any]:
        return {name.removeprefix(SETTING): values.get(name) for name in form.changed_data}

    note_change(
        integration.tenant.slug,
        name_of(request.user),
        "settings_changed",
        integration=integration.name,
        record_type="integration",
        document=document,
        before=plain(form.initial),
        after=plain(form.cleaned_data),
    )
