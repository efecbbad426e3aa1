"""Connections: one form per system, and a test that says which step failed and what to do."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from connectors.clock import SystemClock
from integrations.access import name_of
from integrations.engine.context import SYSTEMS
from integrations.engine.ping import ping
from integrations.engine.trail import note_change
from integrations.fields import KeyMissing
from integrations.models import Connection

from .connection_form import CREDENTIAL, SETTING, fieldsets_for, form_for
from .scope import TenantScoped


@admin.register(Connection)
@method_decorator(sensitive_post_parameters(), name="changeform_view")
class ConnectionAdmin(TenantScoped):
    list_display = ("name", "tenant", "system_label", "base_url", "health")
    list_filter = ()
    search_fields = ("name",)
    list_select_related = ("tenant",)
    change_form_template = "admin/integrations/connection/form.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Connection]:
        # One secret that no key opens must not take the whole list down.
        return super().get_queryset(request).defer("credentials")

    # --- the form --------------------------------------------------------------------------------

    def get_form(self, request: HttpRequest, obj: Connection | None = None, change: bool = False, **kwargs: Any) -> Any:
        kwargs["form"] = form_for(SYSTEMS[self._system(request, obj)])
        kwargs["fields"] = ("tenant", "name", "base_url")
        return super().get_form(request, obj, change=change, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Connection | None = None) -> Any:
        if obj is not None and not self.has_change_permission(request, obj):
            return [
                (None, {"fields": ("tenant", "name", "system_label", "base_url")}),
                ("Details", {"fields": ("shown_settings", "shown_credentials", "health")}),
            ]
        system = SYSTEMS[self._system(request, obj)]
        form = form_for(system)(instance=obj)
        return fieldsets_for(system, forget=bool(form.forgettable()))

    def get_readonly_fields(self, request: HttpRequest, obj: Connection | None = None) -> tuple[str, ...]:
        if obj is not None and not self.has_change_permission(request, obj):
            return ("system_label", "shown_settings", "shown_credentials", "health")
        return ("tenant", "name") if obj else ()  # the audit trail and provision files know it by them

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        if request.GET.get("system") not in SYSTEMS:
            context = {
                **self.admin_site.each_context(request),
                "title": "Which system?",
                "systems": SYSTEMS.values(),
                "opts": self.opts,
            }
            return TemplateResponse(request, "admin/integrations/connection/choose.html", context)
        return super().add_view(request, form_url, extra_context)

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        form = context["adminform"].form
        if getattr(form, "keys_missing", False):
            messages.error(request, "No key in FERNET_KEYS opens the stored credentials: enter all of them again.")
        return super().render_change_form(request, context, *args, **kwargs)

    def _system(self, request: HttpRequest, obj: Connection | None) -> str:
        name = obj.system if obj else request.GET.get("system", "")
        if name not in SYSTEMS:
            raise Http404(f"unknown system {name!r}")
        return name

    def save_model(self, request: HttpRequest, obj: Connection, form: Any, change: bool) -> None:
        if any(name.startswith(CREDENTIAL) or name == "forget" for name in form.changed_data):
            obj.refused_at = None  # unattended runs try again
        super().save_model(request, obj, form, change)
        self._note(request, obj, form)

    def _note(self, request: HttpRequest, connection: Connection, form: Any) -> None:
        credentials = [each for each in form.changed_data if each.startswith(CREDENTIAL) or each == "forget"]
        settings = [each for each in form.changed_data if each not in credentials]
        common: dict[str, Any] = {"record_type": "connection", "document": connection.name}
        actor, slug = name_of(request.user), connection.tenant.slug
        if settings:
            before = {_plain(each): form.initial.get(each) for each in settings}
            after = {_plain(each): form.cleaned_data.get(each) for each in settings}
            note_change(slug, actor, "settings_changed", before=before, after=after, **common)
        if credentials:  # names only
            stored = form.credentials()
            before = dict.fromkeys(sorted(form.stored), "stored")
            after = {name: "changed" if CREDENTIAL + name in credentials else "stored" for name in sorted(stored)}
            note_change(slug, actor, "credentials_changed", before=before, after=after, **common)

    # --- columns ---------------------------------------------------------------------------------

    @admin.display(description="system", ordering="system")
    def system_label(self, connection: Connection) -> str:
        return SYSTEMS[connection.system].label if connection.system in SYSTEMS else connection.system

    @admin.display(description="state")
    def health(self, connection: Connection) -> str:
        if connection.refused_at:
            return f"credentials refused: {connection.last_error}"
        if not connection.tls.get("verify", True):
            return "certificate is not checked"
        if connection.last_error:
            return connection.last_error
        return f"answered {connection.last_ok_at:%Y-%m-%d %H:%M} UTC" if connection.last_ok_at else "not tried yet"

    @admin.display(description="settings")
    def shown_settings(self, connection: Connection) -> str:
        return ", ".join(f"{name}: {value}" for name, value in connection.settings.items()) or "none"

    @admin.display(description="credentials")
    def shown_credentials(self, connection: Connection) -> str:
        try:
            stored: dict[str, Any] = dict(connection.credentials or {})
        except KeyMissing:
            return "cannot be opened: no key in FERNET_KEYS fits"
        return ", ".join(f"{name}: stored" for name, value in stored.items() if value) or "none"

    # --- testing ---------------------------------------------------------------------------------

    def get_urls(self) -> list[Any]:
        test = self.admin_site.admin_view(require_POST(self.test_view))
        return [
            path("<int:pk>/test/", test, name="integrations_connection_test"),
            *super().get_urls(),
        ]

    def test_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        connection = self.get_object(request, str(pk))
        if connection is None:
            raise Http404
        if not self.has_change_permission(request, connection):
            raise PermissionDenied
        steps = list(ping(connection, SystemClock()))
        context = {
            **self.admin_site.each_context(request),
            "title": f"Test of {connection}",
            "steps": steps,
            "ok": all(step.ok for step in steps),
            "connection": connection,
            "opts": self.opts,
        }
        return TemplateResponse(request, "admin/integrations/connection/test.html", context)


def _plain(name: str) -> str:
    return name.removeprefix(SETTING)
