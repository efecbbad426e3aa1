"""The product's face: Django's admin, one module a screen family, every row scoped to the user's tenants."""

from __future__ import annotations

from django.contrib import admin
from django_q.models import Failure, OrmQ, Schedule, Success
from rest_framework.authtoken.models import TokenProxy

from . import connections, deliveries, integrations, mappings, people, records

__all__ = ["connections", "deliveries", "integrations", "mappings", "people", "records"]

admin.site.site_header = admin.site.site_title = "ml-connector"
admin.site.index_title = "Overview"
admin.site.site_url = None

# A schedule's function is any dotted path, `os.system` too: nobody writes or reruns the queue from here.
# Tokens are passwords in clear text: they are made with `manage.py drf_create_token`.
for model in (Schedule, OrmQ, Success, Failure, TokenProxy):
    if admin.site.is_registered(model):
        admin.site.unregister(model)
