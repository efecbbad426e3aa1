"""Tenants, who belongs to them, and what their people may do."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import UserCreationForm
from django.contrib.auth.models import Group, User
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.html import format_html, format_html_join
from django.views.decorators.debug import sensitive_post_parameters

from integrations.access import ROLES, name_of, scoped
from integrations.engine.trail import note_change
from integrations.models import Membership, Tenant

from .scope import TenantScoped, choices_for


@admin.register(Tenant)
class TenantAdmin(TenantScoped):
    tenant_path = ""
    list_display = ("name", "slug", "time_zone", "currency")
    search_fields = ("name", "slug")
    readonly_fields = ("people",)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("slug", "people") if obj else ("people",)  # the audit trail knows tenants by their slug

    @admin.display(description="people")
    def people(self, tenant: Tenant) -> str:
        if not tenant.pk:
            return "add people once the tenant is saved"
        users = tenant.users.order_by("username").prefetch_related("groups")
        return format_html_join(
            "",
            '<div><a href="{}">{}</a> <span class="quiet">{}</span></div>',
            ((reverse("admin:auth_user_change", args=[user.pk]), user, role_of(user)) for user in users),
        ) or format_html('<a href="{}">nobody yet: add a person</a>', reverse("admin:auth_user_add"))

    def save_model(self, request: HttpRequest, obj: Tenant, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if form.changed_data:
            note_change(
                obj.slug,
                name_of(request.user),
                "settings_changed",
                record_type="tenant",
                document=obj.slug,
                before={name: form.initial.get(name) for name in form.changed_data} if change else {},
                after={name: form.cleaned_data[name] for name in form.changed_data},
            )


def role_of(user: Any) -> str:
    if user.is_superuser:
        return "superuser"
    return ", ".join(sorted(group.name for group in user.groups.all() if group.name in ROLES)) or "none"


def visible_users(request: HttpRequest) -> QuerySet[User]:
    """A superuser sees everybody; an administrator the people who belong to his tenants and to no others."""
    if request.user.is_superuser:
        return User.objects.all()
    mine = Membership.objects.filter(user=request.user.pk).values("tenant")
    member = Membership.objects.filter(user=OuterRef("pk"))
    return User.objects.filter(
        Exists(member.filter(tenant__in=mine)), ~Exists(member.exclude(tenant__in=mine)), is_superuser=False
    )


class PersonForm(forms.ModelForm):
    """Role and tenants beside the stock fields, so that one page makes a person able to work."""

    role = forms.ChoiceField(
        choices=[("", "none: cannot sign in"), *((name, name.replace("_", " ")) for name in ROLES)], required=False
    )
    tenants = forms.ModelMultipleChoiceField(Tenant.objects.none(), required=False, widget=forms.CheckboxSelectMultiple)
    request: HttpRequest  # set by the admin: choices depend on who looks

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "tenants" in self.fields:
            self.fields["tenants"].queryset = choices_for(self.request, Tenant)  # type: ignore[attr-defined]
            self.fields["tenants"].required = not self.request.user.is_superuser
        if self.instance.pk:
            self.initial.setdefault("role", next((name for name in _roles(self.instance)), ""))
            self.initial.setdefault("tenants", list(self.instance.tenants.values_list("pk", flat=True)))

    def save(self, commit: bool = True) -> Any:
        user = self.instance
        if not user.is_superuser:
            user.is_staff = bool(self.cleaned_data.get("role"))
        return super().save(commit)


def _roles(user: Any) -> list[str]:
    return [group.name for group in user.groups.all() if group.name in ROLES]


@method_decorator(sensitive_post_parameters(), name="changeform_view")
class PersonAdmin(UserAdmin):
    """People of the tenants. Roles instead of single permissions; nobody grants himself more."""

    list_display = ("username", "email", "role", "companies", "is_active", "last_login")
    list_filter = ("is_active",)
    search_fields = ("username", "email")
    filter_horizontal = ()
    list_per_page = 50
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    readonly_fields = ("last_login",)
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        ("Person", {"fields": ("first_name", "last_name", "email")}),
        ("Access", {"fields": ("is_active", "role", "tenants", "last_login")}),
    )
    add_form = UserCreationForm
    add_fieldsets = (
        (None, {"fields": ("username", "password1", "password2")}),
        ("Access", {"fields": ("role", "tenants")}),
    )

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        stock = self.add_form if obj is None else self.form
        form = type(stock.__name__, (PersonForm, stock), {"request": request})
        return super().get_form(request, obj, change=change, **{**kwargs, "form": form})

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        fieldsets = super().get_fieldsets(request, obj)
        if obj is not None and request.user.is_superuser:
            return [*fieldsets, ("Everything", {"fields": ("is_superuser",)})]
        return fieldsets

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        rows = super().get_queryset(request) & visible_users(request)
        return rows.prefetch_related("groups", "tenants")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # the trail names people: they are deactivated

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:
        response: HttpResponse = super().user_change_password(request, id, form_url)
        if request.method == "POST" and response.status_code == 302:
            user = self.get_object(request, id)
            for tenant in user.tenants.order_by("slug") if user else ():  # type: ignore[attr-defined]
                _note(request, tenant, user, {}, {"password": "changed"})
        return response

    @admin.display(description="role")
    def role(self, user: User) -> str:
        return role_of(user)

    @admin.display(description="tenants")
    def companies(self, user: User) -> str:
        return ", ".join(tenant.slug for tenant in user.tenants.all())  # type: ignore[attr-defined]

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        user, wanted = form.instance, form.cleaned_data
        before = {"role": role_of(user), "active": form.initial.get("is_active")}
        had = set(scoped(Tenant.objects.filter(membership__user=user), request.user, ""))
        tenants = set(wanted.get("tenants") or ())
        if "role" in wanted:
            user.groups.remove(*Group.objects.filter(name__in=ROLES))
            user.groups.add(*Group.objects.filter(name=wanted["role"]))
        Membership.objects.filter(user=user, tenant__in=had - tenants).delete()
        Membership.objects.bulk_create(Membership(user=user, tenant=tenant) for tenant in tenants - had)
        user._prefetched_objects_cache = {}
        after = {"role": role_of(user), "active": user.is_active}
        for tenant in sorted(had | tenants, key=lambda each: each.slug):  # in order of names: see audit.chain.append
            was, now = before | {"member": tenant in had}, after | {"member": tenant in tenants}
            if was != now:
                _note(request, tenant, user, was, now)


def _note(request: HttpRequest, tenant: Tenant, user: Any, before: dict[str, Any], after: dict[str, Any]) -> None:
    note_change(
        tenant.slug,
        name_of(request.user),
        "user_changed",
        record_type="user",
        document=user.get_username(),
        before=before,
        after=after,
    )


admin.site.unregister(User)
admin.site.unregister(Group)
admin.site.register(User, PersonAdmin)
