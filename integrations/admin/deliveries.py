"""Deliveries: what moved, what is stuck and why, and the two things a person can do about it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin import helpers
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.utils.html import format_html

from audit.models import AuditEvent
from integrations.access import REPLAY, name_of
from integrations.display import format_money
from integrations.engine import actions
from integrations.models import Delivery, Flow, Integration, State
from integrations.models.delivery import OPEN

from .fixes import fix_for
from .scope import ReadOnly, related_filter

TIMELINE = 200  # events shown


@admin.register(Delivery)
class DeliveryAdmin(ReadOnly):
    tenant_path = "flow__integration__tenant"
    list_display = ("document_", "state_and_message", "amount_", "flow_", "due_date", "updated_at")
    list_display_links = ("document_",)
    list_filter = (
        related_filter(Integration, "flow__integration"),
        related_filter(Flow, "flow"),
        "state",
        "reason",
    )
    list_select_related = ("flow__integration__tenant",)
    search_fields = ("document", "key", "target_id")
    search_help_text = "Whole document number, source key or target id"
    sortable_by = ()
    actions = ("replay", "mark_done_outside")
    change_form_template = "admin/integrations/delivery/detail.html"
    fieldsets = (
        (None, {"fields": ("state_", "fix", "message", ("amount_", "due_date"), "candidates_")}),
        (
            "Identity",
            {"fields": ("flow_", ("key", "version"), ("target_id", "action"), ("created_at", "updated_at"))},
        ),
        ("Attempts", {"fields": (("attempts", "sent_at", "not_before"), "evidence_")}),
        ("Record as read", {"fields": ("record",)}),
        ("As sent", {"fields": ("sent",)}),
        ("Audit trail", {"fields": ("timeline",)}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Delivery]:
        rows = super().get_queryset(request)
        in_list = request.resolver_match and request.resolver_match.url_name == "integrations_delivery_changelist"
        return rows.defer("payload", "draft", "candidates", "evidence") if in_list else rows

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        """Exact: the only search that an index answers."""
        term = search_term.strip()
        if term:
            queryset = queryset.filter(Q(document=term) | Q(key=term) | Q(target_id=term))
        return queryset, False

    def lookup_allowed(self, lookup: str, value: Any, request: Any = None) -> bool:
        return lookup in ("flow__name", "key") or super().lookup_allowed(lookup, value, request)

    # --- columns -------------------------------------------------------------------------------------

    @admin.display(description="document", ordering="document")
    def document_(self, delivery: Delivery) -> str:
        return delivery.document or delivery.key

    @admin.display(description="flow")
    def flow_(self, delivery: Delivery) -> str:
        return f"{delivery.flow.integration} / {delivery.flow.name}"

    @admin.display(description="state")
    def state_(self, delivery: Delivery) -> str:
        tone = TONES.get(State(delivery.state), "quiet")
        reason = f": {delivery.get_reason_display()}" if delivery.reason else ""  # type: ignore[attr-defined]
        return format_html('<span class="{}">{}</span>{}', tone, State(delivery.state).label, reason)

    @admin.display(description="amount")
    def amount_(self, delivery: Delivery) -> str:
        return format_html('<span class="money">{}</span>', format_money(delivery.amount_minor, delivery.currency))

    @admin.display(description="state")
    def state_and_message(self, delivery: Delivery) -> str:
        fix = fix_for(delivery) if delivery.state in OPEN else None
        link = format_html('<a href="{}">{}</a>', fix.url, fix.text) if fix and fix.url else ""
        return format_html("{}<div>{} {}</div>", self.state_(delivery), delivery.message, link)

    # --- detail --------------------------------------------------------------------------------------

    @admin.display(description="what to do")
    def fix(self, delivery: Delivery) -> str:
        fix = fix_for(delivery) if delivery.state in OPEN else None
        if fix is None:
            return "nothing"
        return format_html('<a href="{}">{}</a>', fix.url, fix.text) if fix.url else fix.text

    @admin.display(description="candidates")
    def candidates_(self, delivery: Delivery) -> str:
        return _table(delivery.candidates) or "none"

    @admin.display(description="evidence")
    def evidence_(self, delivery: Delivery) -> str:
        return _table(delivery.evidence) or "none"

    @admin.display(description="record")
    def record(self, delivery: Delivery) -> str:
        return _table(_loads(delivery.payload)) or "none"

    @admin.display(description="sent")
    def sent(self, delivery: Delivery) -> str:
        return _table(_loads(delivery.draft)) or "nothing was sent"

    @admin.display(description="trail")
    def timeline(self, delivery: Delivery) -> str:
        integration = delivery.flow.integration
        events = AuditEvent.objects.filter(
            source_key=delivery.key,
            tenant=integration.tenant.slug,
            integration=integration.name,
            flow=delivery.flow.name,
        ).order_by("-sequence")[:TIMELINE]
        return render_to_string("admin/integrations/delivery/timeline.html", {"events": events})

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        context = {"may_replay": self.has_replay_permission(request), "action_name": helpers.ACTION_CHECKBOX_NAME}
        return super().change_view(request, object_id, form_url, {**context, **(extra_context or {})})

    # --- what a person can do ------------------------------------------------------------------------

    def has_replay_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(REPLAY)

    @admin.action(description="Replay: put back and deliver", permissions=["replay"])
    def replay(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> HttpResponse | None:
        chosen = queryset.filter(state__in=actions.REPLAYABLE)
        return self._confirmed(
            request,
            chosen,
            title="Replay these records?",
            text="They are put back and delivered again with the current mappings. What the target has already is "
            "found there and not sent twice.",
            deed=lambda reason: actions.replay(chosen, actor=name_of(request.user)),
            done="{} put back; delivery begins now.",
        )

    @admin.action(description="Mark as done outside…", permissions=["replay"])
    def mark_done_outside(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> HttpResponse | None:
        chosen = queryset.filter(state__in=(*actions.REPLAYABLE, State.UNCERTAIN))

        def deed(reason: str) -> int:
            done = 0
            for delivery in chosen.select_related("flow__integration__tenant"):
                try:
                    actions.mark_done_outside(delivery, reason=reason, actor=name_of(request.user))
                    done += 1
                except ValueError as error:  # delivered in the meantime
                    messages.warning(request, f"{delivery}: {error}")
            return done

        return self._confirmed(
            request,
            chosen,
            title="Mark these records as done outside?",
            text="Nothing is sent any more for these versions. The reason goes on record with your name.",
            deed=deed,
            done="{} marked as done outside.",
            reason_needed=True,
        )

    def _confirmed(
        self,
        request: HttpRequest,
        chosen: QuerySet[Delivery],
        *,
        title: str,
        text: str,
        deed: Callable[[str], int],
        done: str,
        reason_needed: bool = False,
    ) -> HttpResponse | None:
        """Ask on a page of its own; act on its answer."""
        reason = request.POST.get("reason", "").strip()
        if request.POST.get("confirmed") and (reason or not reason_needed):
            messages.success(request, done.format(deed(reason)))
            return None
        count = chosen.count()
        if not count:
            messages.warning(request, "None of the chosen records is held or failed.")
            return None
        context = {
            **self.admin_site.each_context(request),
            "title": title,
            "text": text,
            "count": count,
            "shown": chosen.select_related("flow__integration__tenant")[:25],
            "action": request.POST["action"],
            "action_name": helpers.ACTION_CHECKBOX_NAME,
            "chosen": request.POST.getlist(helpers.ACTION_CHECKBOX_NAME),
            "select_across": request.POST.get("select_across", "0"),
            "query": request.GET.urlencode(),
            "reason_needed": reason_needed,
            "reason_missing": bool(request.POST.get("confirmed")),
            "opts": self.opts,
        }
        return TemplateResponse(request, "admin/integrations/delivery/confirm.html", context)


TONES = {
    State.DELIVERED: "good",
    State.HELD: "warn",
    State.FAILED: "bad",
    State.UNCERTAIN: "bad",
}


def _loads(text: str) -> Any:
    try:
        return json.loads(text) if text else None
    except ValueError:
        return text


def _table(value: Any) -> str:
    """JSON as nested tables. "" for nothing."""
    if value in (None, "", [], {}):
        return ""
    return render_to_string("admin/integrations/json.html", {"value": _shape(value)})


def _shape(value: Any) -> dict[str, Any]:
    """What the template can walk: a list of objects is a grid, an object is pairs, the rest is text."""
    if isinstance(value, dict):
        pairs = [
            (name.replace("_", " "), _shape(each)) for name, each in value.items() if each not in (None, "", [], {})
        ]
        return {"pairs": pairs}
    if isinstance(value, list) and value and all(isinstance(each, dict) for each in value):
        columns = list(
            dict.fromkeys(name for each in value for name, cell in each.items() if cell not in (None, "", [], {}))
        )
        rows = [[_shape(each.get(name, "")) for name in columns] for each in value]
        return {"columns": [name.replace("_", " ") for name in columns], "rows": rows}
    if isinstance(value, list):
        return {"text": ", ".join(str(each) for each in value)}
    return {"text": {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value)}
