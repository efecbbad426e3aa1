"""Where machines knock: webhooks, health, metrics and the REST API."""

from __future__ import annotations

from django.urls import path
from rest_framework.renderers import JSONOpenAPIRenderer
from rest_framework.schemas import get_schema_view

from . import health, metrics, views, webhooks

_rest = [
    path("api/runs/", views.RunList.as_view(), name="api-runs"),
    path("api/runs/<int:pk>/", views.RunDetail.as_view(), name="api-run"),
    path("api/attention/", views.AttentionList.as_view(), name="api-attention"),
    path("api/audit/", views.AuditList.as_view(), name="api-audit"),
    path("api/integrations/<slug:tenant>/<slug:name>/sync/", views.SyncView.as_view(), name="api-sync"),
    path("api/integrations/<slug:tenant>/<slug:name>/replay/", views.ReplayView.as_view(), name="api-replay"),
]

_schema = get_schema_view(
    title="ml-connector",
    description="Sign in with `Authorization: Token ...` (manage.py drf_create_token USER).",
    version="1",
    patterns=_rest,
    public=True,  # the whole API, to everybody signed in, whatever the role
    renderer_classes=[JSONOpenAPIRenderer],
)

urlpatterns = [
    path("webhooks/<slug:system>/<uuid:connection>/", webhooks.WebhookView.as_view(), name="webhook"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", metrics.metrics, name="metrics"),
    *_rest,
    path("api/schema/", _schema, name="api-schema"),
]
