"""What goes over the wire: canonical rows as v1 (OData v3) or v2 (OData v4) entities (docs: sap_b1 4.1)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

from werkzeug.wrappers import Response

from connectors.sandboxing import dumps

from .errors import Refused, envelope
from .schema import Property, Schema
from .tables import Row

HEADERS = {1: {"DataServiceVersion": "3.0"}, 2: {"OData-Version": "4.0"}}
CONTENT_TYPES = {
    1: "application/json;odata=minimalmetadata;charset=utf-8",
    2: "application/json;odata.metadata=minimal",
}
CONTEXT = {1: "odata.metadata", 2: "@odata.context"}
NEXT_LINK = {1: "odata.nextLink", 2: "@odata.nextLink"}
COUNT = {1: "odata.count", 2: "@odata.count"}
ETAG = {1: "odata.etag", 2: "@odata.etag"}


def respond(version: int, body: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    merged = {**HEADERS[version], **(headers or {})}
    return Response(dumps(body), status=status, headers=merged, content_type=CONTENT_TYPES[version])


def nothing(version: int, headers: dict[str, str] | None = None) -> Response:
    """204 without a body."""
    response = Response(status=204, headers={**HEADERS[version], **(headers or {})})
    response.headers.pop("Content-Type", None)
    return response


def refusal(version: int, refused: Refused) -> Response:
    return respond(version, envelope(version, refused.code, refused.text), refused.status)


def etag_of(row: Row) -> str:
    """Weak, and another one for every change of the row."""
    return f'W/"{hashlib.sha1(dumps(row).encode(), usedforsecurity=False).hexdigest().upper()}"'


def entity(schema: Schema, type_name: str, row: Row, version: int, names: Iterable[str] | None = None) -> Row:
    """The properties the schema knows (or `names` of them), complete: nulls, empty collections, default members."""
    properties = schema.types[type_name]
    chosen = properties.values() if names is None else [properties[name] for name in names]
    return {each.name: _value(schema, each, row.get(each.name, each.blank), version) for each in chosen}


def _value(schema: Schema, each: Property, value: Any, version: int) -> Any:
    if value is None:
        return None
    if each.type == "Edm.DateTime":
        return value if version == 1 else f"{value}T00:00:00Z"
    if schema.types.get(each.type):
        if each.many:
            return [entity(schema, each.type, item, version) for item in value]
        return entity(schema, each.type, value, version)
    return value
