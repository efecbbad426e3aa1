"""The overview on the admin's first page."""

from __future__ import annotations

from typing import Any

from django import template

register = template.Library()


@register.inclusion_tag("admin/overview.html", takes_context=True)
def overview(context: template.Context) -> dict[str, Any]:
    from integrations.admin import overview as page  # the admin's modules need the app registry

    request = context["request"]
    return {
        **page.overview(request),
        "may_add": request.user.has_perm("integrations.add_integration"),
        "csrf_token": context["csrf_token"],
    }
