"""Entity sets, entities, bound actions and functions: what a signed-in request may do (docs: sap_b1 4, 5)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from werkzeug.datastructures import Headers
from werkzeug.wrappers import Response

from . import wire
from .errors import Refused, bad_query, not_found, unrecognized
from .metadata import metadata
from .paging import cut, next_link, page_size
from .query import read_query
from .schema import Schema
from .tables import Diverted, EntitySet, Key, Row

_PATH = re.compile(r"(?P<name>\$?\w+)(?:\((?P<key>(?:'(?:[^']|'')*'|[^'()])*)\))?(?:/(?P<tail>\$?\w+))?")
_KEY_PART = re.compile(r"(?:(\w+)=)?('(?:[^']|'')*'|-?\d+)")


@dataclass(frozen=True)
class Call:
    """One request below the service root. root: "http://host/b1s/v1/"; path: without it, decoded."""

    version: int
    root: str
    method: str
    path: str
    options: Mapping[str, str]
    headers: Headers
    body: Any


class Resources:
    """The data behind the session. The caller holds the sandbox's lock.

    sets: the ledger's, asked anew for every call. function: the ledger's, KeyError when unknown. case_sensitive: text
    compares as on HANA. largest_page: what a page preference is clamped to, 0 for never.
    """

    def __init__(
        self,
        schema: Schema,
        sets: Callable[[], dict[str, EntitySet]],
        function: Callable[[str, dict[str, Any]], Any],
        *,
        case_sensitive: bool,
        largest_page: int,
    ) -> None:
        self.schema = schema
        self.sets = sets
        self.function = function
        self.case_sensitive = case_sensitive
        self.largest_page = largest_page

    def answer(self, call: Call) -> Response:
        """Raises Refused."""
        fields = self.sets().get("UserFieldsMD")
        self.schema.learn(fields.rows.values() if fields else ())
        if call.path == "$batch":
            raise Refused(400, -1000, "This server takes no $batch; send single requests.")
        if call.method == "GET" and call.path == "$metadata":
            headers = wire.HEADERS[call.version]
            return Response(metadata(self.schema, call.version), headers=headers, content_type="application/xml")
        if call.method == "GET" and call.path == "":
            return self._service_document(call)
        found = _PATH.fullmatch(call.path)
        if found is None:
            raise unrecognized(call.path)
        entities = self._set(found["name"])
        if entities is None:
            if call.method != "POST" or found["key"] is not None or found["tail"] is not None:
                raise unrecognized(call.path)
            return self._function(call, found["name"])
        if found["key"] is None:
            return self._collection(call, entities, found["tail"])
        return self._entity(call, entities, found["key"], found["tail"])

    def _set(self, name: str) -> EntitySet | None:
        """The ledger's set; one that only the schema knows is empty."""
        found = self.sets().get(name)
        if found is None and name in self.schema.sets:
            type_name = self.schema.sets[name].type
            return EntitySet(name, type_name, self.schema.keys[type_name][0], {})
        return found

    def _service_document(self, call: Call) -> Response:
        value = [{"name": name, "kind": "EntitySet", "url": name} for name in self.schema.sets]
        return wire.respond(call.version, {wire.CONTEXT[call.version]: f"{call.root}$metadata", "value": value})

    # --- collections -----------------------------------------------------------------------------

    def _collection(self, call: Call, entities: EntitySet, tail: str | None) -> Response:
        if call.method == "GET" and tail is None:
            return self._list(call, entities)
        if call.method == "GET" and tail == "$count":
            matching = self._query(call, entities).rows(list(entities.rows.values()))
            return Response(str(len(matching)), headers=wire.HEADERS[call.version], content_type="text/plain")
        if call.method == "POST" and tail is None:
            return self._create(call, entities)
        raise unrecognized(call.path)

    def _query(self, call: Call, entities: EntitySet) -> Any:
        fold = not self.case_sensitive or call.headers.get("B1S-CaseInsensitive", "").lower() == "true"
        return read_query(self.schema, entities.type, call.options, fold=fold)

    def _list(self, call: Call, entities: EntitySet) -> Response:
        query = self._query(call, entities)
        size, applied = page_size(call.headers, self.largest_page)
        rows = query.rows(list(entities.rows.values()))
        page, changed = cut(rows, query, size)
        version = call.version
        body: Row = {wire.CONTEXT[version]: f"{call.root}$metadata#{entities.name}"}
        if query.count:
            body[wire.COUNT[version]] = str(len(rows)) if version == 1 else len(rows)
        body["value"] = [self._shown(entities, row, version, query.select) for row in page]
        if changed is not None:
            body[wire.NEXT_LINK[version]] = next_link(entities.name, call.options, changed)
        return wire.respond(version, body, headers={"Preference-Applied": applied} if applied else None)

    def _create(self, call: Call, entities: EntitySet) -> Response:
        if entities.create is None:
            raise _unsupported()
        made = entities.create(self.schema.accept(entities.type, _object(call.body), call.version))
        if isinstance(made, Diverted):
            entities, row, place = self.sets()[made.entity_set], made.row, made.location
        else:
            row, place = made, _address(entities, made[entities.key])
        headers = {"Location": call.root + place, **self._etag_header(entities, row)}
        if "return-no-content" in call.headers.get("Prefer", ""):
            return wire.nothing(call.version, {**headers, "Preference-Applied": "return-no-content"})
        return self._one(call, entities, row, 201, headers)

    # --- entities --------------------------------------------------------------------------------

    def _entity(self, call: Call, entities: EntitySet, key_text: str, tail: str | None) -> Response:
        key = self._key(entities, key_text)
        if key not in entities.rows:
            raise not_found() if call.method == "GET" else not_found(f"Entity with value({key_text}) does not exist")
        if call.method == "GET" and tail is None:
            row = entities.rows[key]
            select = self._query(call, entities).select
            return self._one(call, entities, row, 200, self._etag_header(entities, row), select)
        self._check_match(call, entities, key)
        if call.method == "PATCH" and tail is None and entities.patch is not None:
            body = self.schema.accept(entities.type, _object(call.body), call.version)
            entities.patch(key, {name: value for name, value in body.items() if name != entities.key})
        elif call.method == "DELETE" and tail is None and entities.delete is not None:
            entities.delete(key)
        elif call.method == "POST" and tail in entities.bound:
            entities.bound[tail](key)
        elif tail is None and call.method in ("PATCH", "PUT", "DELETE"):
            raise _unsupported()
        else:
            raise unrecognized(call.path)
        return wire.nothing(call.version)

    def _key(self, entities: EntitySet, text: str) -> Any:
        """The row key that `91`, `'V1'`, `DocEntry=91` or `TableName='OVPM',FieldID=3` names; None for no such row."""
        parts = _KEY_PART.findall(text)
        if not parts or ",".join(f"{name}={value}" if name else value for name, value in parts) != text:
            raise bad_query(f"Invalid key '{text}'")
        names = [name or entities.key for name, _ in parts]
        if sorted(names) != sorted(self.schema.keys[entities.type]):
            raise bad_query(f"Invalid key '{text}'")
        wanted = {
            name: self._key_value(entities.type, name, value) for name, (_, value) in zip(names, parts, strict=True)
        }
        if names == [entities.key]:
            return wanted[entities.key]
        matching = (key for key, row in entities.rows.items() if all(row.get(n) == v for n, v in wanted.items()))
        return next(matching, None)

    def _key_value(self, type_name: str, name: str, text: str) -> Key:
        """Text in quotes, a number bare: the other way round is refused."""
        if (self.schema.property(type_name, name).type == "Edm.Int32") == text.startswith("'"):
            raise bad_query(f"Invalid key value {text} for property '{name}'")
        return text[1:-1].replace("''", "'") if text.startswith("'") else int(text)

    def _check_match(self, call: Call, entities: EntitySet, key: Any) -> None:
        """`If-Match` where the set has ETags; without it, or without them, the last writer wins (docs: sap_b1 5)."""
        wanted = call.headers.get("If-Match", "")
        if not wanted or wanted == "*" or not self._has_etag(entities):
            return
        if wanted != wire.etag_of(entities.rows[key]):
            text = "Another user or another operation modified data; to continue, open the window again (ODBC -2039)"
            raise Refused(412, -2039, text)

    # --- functions -------------------------------------------------------------------------------

    def _function(self, call: Call, name: str) -> Response:
        try:
            result = self.function(name, {} if call.body is None else _object(call.body))
        except KeyError:
            raise unrecognized(call.path) from None
        if result is None:
            return wire.nothing(call.version)
        declared = self.schema.functions.get(name, [""])[0]
        kind = declared.removeprefix("Collection(").removesuffix(")")
        body = {wire.CONTEXT[call.version]: f"{call.root}$metadata#{_qualified(kind)}"}
        if self.schema.types.get(kind) and isinstance(result, dict):
            return wire.respond(call.version, {**body, **wire.entity(self.schema, kind, result, call.version)})
        if self.schema.types.get(kind):
            result = [wire.entity(self.schema, kind, row, call.version) for row in result]
        return wire.respond(call.version, {**body, **result} if isinstance(result, dict) else {**body, "value": result})

    # --- entities on the wire --------------------------------------------------------------------

    def _one(
        self,
        call: Call,
        entities: EntitySet,
        row: Row,
        status: int,
        headers: dict[str, str],
        select: list[str] | None = None,
    ) -> Response:
        element = "@Element" if call.version == 1 else "$entity"
        context = {wire.CONTEXT[call.version]: f"{call.root}$metadata#{entities.name}/{element}"}
        shown = self._shown(entities, row, call.version, select)
        return wire.respond(call.version, {**context, **shown}, status, headers)

    def _shown(self, entities: EntitySet, row: Row, version: int, select: list[str] | None) -> Row:
        etag = {wire.ETAG[version]: wire.etag_of(row)} if self._has_etag(entities) else {}
        return {**etag, **wire.entity(self.schema, entities.type, row, version, select)}

    def _etag_header(self, entities: EntitySet, row: Row) -> dict[str, str]:
        return {"ETag": wire.etag_of(row)} if self._has_etag(entities) else {}

    def _has_etag(self, entities: EntitySet) -> bool:
        return entities.etag and self.schema.mode != "9.3"  # from 10.0 FP 2102


def _object(body: Any) -> Row:
    if not isinstance(body, dict):
        raise Refused(400, -1000, "The request body must be a JSON object.")
    return body


def _address(entities: EntitySet, key: Key) -> str:
    """PurchaseInvoices(91), BusinessPartners('V10%27%27A')."""
    if isinstance(key, int):
        return f"{entities.name}({key})"
    doubled = key.replace("'", "''")
    return f"{entities.name}('{quote(doubled, safe='')}')"


def _qualified(kind: str) -> str:
    return kind if not kind or kind.startswith("Edm.") else f"SAPB1.{kind}"


def _unsupported() -> Refused:
    return Refused(400, -5006, "The requested action is not supported for this object.")
