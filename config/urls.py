"""Who answers where: the admin for people; webhooks, API and health under their own paths."""

from __future__ import annotations

from importlib.util import find_spec

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView

urlpatterns: list[URLPattern | URLResolver] = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/", admin.site.urls),
]
if find_spec("integrations.api.urls"):
    urlpatterns.append(path("", include("integrations.api.urls")))
