"""How the API lists, filters and describes itself (OpenAPI at /api/schema/)."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError as ModelValidationError
from django.db.models import QuerySet
from rest_framework.exceptions import ValidationError
from rest_framework.filters import BaseFilterBackend
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.schemas.openapi import AutoSchema


class NewestFirst(CursorPagination):
    ordering = "-id"
    page_size = 100
    page_size_query_param = "page_size"
    max_page_size = 1000


class ExactFilters(BaseFilterBackend):
    """Query parameters that a view allows: `filters` maps each to a lookup."""

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: Any) -> QuerySet[Any]:
        asked = {lookup: request.query_params.get(name) for name, lookup in view.filters.items()}
        given = {lookup: value for lookup, value in asked.items() if value}
        try:
            return queryset.filter(**given)
        except (ValueError, ModelValidationError):
            raise ValidationError("A filter has a value that it cannot have.") from None

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        return [
            {"name": name, "in": "query", "required": False, "schema": {"type": "string"}, "description": lookup}
            for name, lookup in view.filters.items()
        ]


class Described(AutoSchema):
    """DRF's description plus the refusals that every path can answer with, and 202 for what is only begun."""

    ERRORS = {"400": "Not understood.", "401": "No valid token.", "403": "Not allowed to this role.", "404": "Unknown."}

    def get_responses(self, path: str, method: str) -> dict[str, Any]:
        responses: dict[str, Any] = super().get_responses(path, method)
        if method == "POST":
            responses["202"] = {**responses.pop("201"), "description": "Begun."}
        return responses | {code: {"description": text} for code, text in self.ERRORS.items()}

    def get_response_serializer(self, path: str, method: str) -> Any:
        answer = getattr(self.view, "answer", None)
        return answer() if answer else super().get_response_serializer(path, method)

    def get_components(self, path: str, method: str) -> dict[str, Any]:
        components: dict[str, Any] = super().get_components(path, method)
        answer = self.get_response_serializer(path, method)
        components.setdefault(self.get_component_name(answer), self.map_serializer(answer))
        return components
