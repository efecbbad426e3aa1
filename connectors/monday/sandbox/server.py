"""The endpoint: who asks, whether they may, what it costs, and then the execution (docs: monday 18)."""

from __future__ import annotations

import hashlib
import json
import threading
import time
import uuid
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from graphql import ExecutionResult, GraphQLError, GraphQLResolveInfo, execute
from werkzeug.wrappers import Request, Response

from connectors.sandboxing import Fault, dumps, json_response, route

from . import access, faults
from .access import Token, Unauthenticated
from .actions import Actions
from .idempotency import Keys
from .journal import Journal
from .limits import Limits, plan_of
from .model import Store
from .mutations import Mutations
from .queries import ACCOUNT_ID, Queries
from .refusals import Refused
from .schema import Invalid, Prepared, load, prepare, sdl_path
from .search import Search


class MondaySandbox(Actions):
    """One account behind `<url>/v2`.

    plan: "free", "trial", "basic", "standard", "pro", "enterprise"; `limits` replaces single numbers of it (daily,
    minute, concurrency, complexity, app_complexity). items_limit: of every board made from now on. index_delay:
    seconds in which searches do not find a new item. strict_json: JSON arguments must be strings.
    relations_on_create: keep what monday drops. quota_status: 429, or 200 to tell of quotas inside HTTP 200.
    mutation_seconds: how long a mutation takes. sdl: the folder of the vendor's SDL files (default: `monday` in
    CONTRACTS_DATA, where that is set; else a schema with what this sandbox plays).

    Fault kinds of its own: `locked` (423), `complexity`, `complexity_legacy` (the old body), `rate_limit`,
    `rate_limit_bare` (no body), `ip_limit` (429), `field_limit`, `blocked`, `internal_error` (inside 200),
    `string_errors` (200, errors as strings), `daily_limit` (the rest of the day is used up). A fault's `path` may
    also name the operation: it is searched in "/v2 mutation create_item create_item".
    """

    system = "monday"

    def __init__(
        self,
        *,
        plan: str = "pro",
        limits: dict[str, int] | None = None,
        items_limit: int = 10_000,
        index_delay: float = 0.0,
        strict_json: bool = True,
        relations_on_create: bool = False,
        quota_status: int = 429,
        mutation_seconds: float = 0.0,
        sdl: Path | None = None,
    ) -> None:
        super().__init__()
        self.plan, self.quota_status, self.mutation_seconds, self.sdl = plan, quota_status, mutation_seconds, sdl
        self.strict_json, self.relations_on_create = strict_json, relations_on_create
        self.store = Store(self.now, items_limit)
        self.search = Search(self.now, index_delay)
        self.limits = Limits(plan_of(plan, limits or {}))
        self.journal = Journal()
        self.keys = Keys()
        self._headers = threading.local()  # of this thread's request: whose limits its answer shows

    def stats(self) -> dict[str, Any]:
        return {
            **self.journal.stats(),
            "complexity_spent": self.limits.spent,
            "daily_calls": self.limits.tenths / 10,
        }

    # --- a request -------------------------------------------------------------------------------

    @route("POST", "/v2")
    def graphql(self, request: Request) -> Response:
        self._headers.app, self._headers.kind = False, "query"
        try:
            name, token, prepared, version = self._admitted(request)
            self._headers.app, self._headers.kind = token.app, prepared.asked.kind
            if prepared.asked.kind == "mutation":
                return self._mutation(request, name, token, prepared, version)
            with self.lock:
                spent = self._priced(token, prepared)
                answer = self._execute(prepared, version, spent)
            return self._respond(answer)
        except Invalid as invalid:
            return self._respond(self._envelope({"errors": invalid.errors}))
        except Refused as refused:
            return self._refusal(refused)
        except Unauthenticated:  # the body is no GraphQL [assumed]
            return json_response({"errors": ["Not Authenticated"]}, 401)

    def _admitted(self, request: Request) -> tuple[str, Token, Prepared, str]:
        """Raises Unauthenticated, Refused, Invalid."""
        with self.lock:
            self.journal.request(self.now())
            name, token = access.authenticate(request.headers.get("Authorization", ""))
            self.limits.enter(self.now(), self.in_flight)
        version = access.version(request.headers.get("API-Version"))
        query, variables, operation = _body(request)
        prepared = prepare(load(sdl_path(self.sdl, version)), query, variables, operation)
        access.check_scopes(token, prepared.asked.kind, prepared.asked.names)
        return name, token, prepared, version

    def _priced(self, token: Token, prepared: Prepared) -> dict[str, int]:
        """The request's complexity, paid. A limit that it hits leaves it at a tenth of a call."""
        now, wanted = self.now(), prepared.asked
        try:
            self.limits.check_fields(wanted.names, now)
            spent = self.limits.spend(token.app, wanted.kind, wanted.cost, now)
        except Refused:
            self.limits.refund()
            raise
        if wanted.only_complexity:
            self.limits.refund()
        return spent

    def _mutation(self, request: Request, name: str, token: Token, prepared: Prepared, version: str) -> Response:
        key, body = request.headers.get("Idempotency-Key", ""), hashlib.sha256(request.get_data()).digest()
        with self.lock:
            kept = self.keys.begin(name, key, body, self.now()) if key else None
            if kept is not None and kept.answer is not None:
                self.journal.replays += 1
                if kept.body != body:
                    self.journal.other_bodies.append(key)
                return self._respond(kept.answer, {"Idempotency-Replayed": "true"})
        answer = None
        try:
            with self.journal.writing(self._boards(prepared)):
                if self.mutation_seconds:
                    time.sleep(self.mutation_seconds)
                with self.lock:
                    answer = self._execute(prepared, version, self._priced(token, prepared))
        finally:
            with self.lock:
                if key and answer is not None:
                    self.keys.finish(name, key, answer)
                elif key:
                    self.keys.abandon(name, key)
        return self._respond(answer)

    def _boards(self, prepared: Prepared) -> Iterable[str]:
        for field in prepared.asked.fields:
            item = str(field.arguments.get("item_id") or field.arguments.get("parent_item_id") or "")
            if "board_id" in field.arguments:
                yield str(field.arguments["board_id"])
            elif item.isdigit() and int(item) in self.store.items:
                yield str(self.store.items[int(item)].board.id)

    # --- execution -------------------------------------------------------------------------------

    def _execute(self, prepared: Prepared, version: str, spent: dict[str, int]) -> bytes:
        queries = Queries(self.store, self.search, self.limits, self.plan, version, spent)
        if prepared.asked.kind == "mutation":
            root = Mutations(
                self.store,
                queries.views,
                self.journal,
                spent,
                strict_json=self.strict_json,
                relations_on_create=self.relations_on_create,
            ).fields()
        else:
            root = queries.fields()
        result = execute(
            prepared.schema,
            prepared.document,
            root,
            variable_values=prepared.variables,
            operation_name=prepared.name,
            field_resolver=_resolve,
            type_resolver=lambda value, info, abstract: value["__typename"],
        )
        assert isinstance(result, ExecutionResult)  # no resolver is asynchronous
        body: dict[str, Any] = {"data": result.data}
        if result.errors:
            body["errors"] = [_shown(each) for each in result.errors]
        return self._envelope(body)

    # --- answers ---------------------------------------------------------------------------------

    def _envelope(self, body: dict[str, Any]) -> bytes:
        extensions = {"request_id": str(uuid.uuid4())}
        return dumps({**body, "account_id": ACCOUNT_ID, "extensions": extensions}).encode()

    def _respond(self, body: bytes, headers: dict[str, str] | None = None, status: int = 200) -> Response:
        with self.lock:
            app, kind = getattr(self._headers, "app", False), getattr(self._headers, "kind", "query")
            limits = self.limits.headers(self.now(), self.in_flight, app, kind)
        return Response(
            body, status=status, headers={**limits, **(headers or {})}, content_type="application/json; charset=utf-8"
        )

    def _refusal(self, refused: Refused) -> Response:
        if refused.announces and refused.retry_in is not None:
            with self.lock:
                self.journal.announce(self.now() + timedelta(seconds=refused.retry_in))
        status = self.quota_status if refused.status == 429 else refused.status
        return self._respond(self._envelope(refused.body()), refused.headers, status)

    # --- faults ----------------------------------------------------------------------------------

    def _take_fault(self, request: Request) -> Fault | None:
        named = SimpleNamespace(method=request.method, path=f"{request.path} {self._operation(request)}".strip())
        return super()._take_fault(named)  # type: ignore[arg-type]

    def _operation(self, request: Request) -> str:
        """Kind and root fields of the request, "" where they cannot be told."""
        try:
            query, variables, operation = _body(request)
            wanted = prepare(load(sdl_path(self.sdl, access.CURRENT)), query, variables, operation).asked
        except (Refused, Invalid):
            return ""
        return " ".join([wanted.kind, *wanted.names])

    def own_fault(self, fault: Fault) -> Response | None:
        seconds = max(int(fault.seconds), 1)
        refused = faults.refusal(fault)
        if refused is not None:
            with self.lock:
                self.journal.request(self.now())
            return self._refusal(refused)
        if fault.kind == "daily_limit":
            with self.lock:
                self.limits.use_up_day(self.now())
        if fault.kind not in ("complexity_legacy", "rate_limit_bare", "string_errors"):
            return None
        with self.lock:
            self.journal.request(self.now())
            if fault.kind != "string_errors":
                self.journal.announce(self.now() + timedelta(seconds=seconds))
        if fault.kind == "rate_limit_bare":
            return Response("", status=429, headers={"Retry-After": str(seconds)}, content_type="text/plain")
        if fault.kind == "string_errors":
            return json_response({"errors": [fault.body or "Internal server error"]})
        message = faults.LEGACY_COMPLEXITY.format(seconds=seconds)
        legacy = {
            "error_code": "ComplexityException",
            "status_code": 429,
            "error_message": message,
            "error_data": {},
            "errors": [message],
            "account_id": ACCOUNT_ID,
        }
        return json_response(legacy, self.quota_status)


def _body(request: Request) -> tuple[str, dict[str, Any], str | None]:
    """query, variables and operationName. Raises Refused."""
    try:
        body = json.loads(request.get_data())
    except ValueError:
        raise Refused("JsonParseException", "The body is not JSON", status=400) from None
    query = body.get("query") if isinstance(body, dict) else None
    if not isinstance(query, str) or not query.strip():
        raise Refused("", "No query string was present", status=400)
    variables = body.get("variables")
    if not isinstance(variables, dict | None):
        raise Refused("", "Variables must be a JSON object", status=400)
    return query, variables or {}, body.get("operationName")


def _resolve(source: Any, info: GraphQLResolveInfo, **arguments: Any) -> Any:
    """A view's field. One that this sandbox does not play is an error, never a quiet null."""
    if info.field_name not in source:
        raise Refused("", f"The sandbox does not play {info.parent_type.name}.{info.field_name}", status_code=501)
    found = source[info.field_name]
    return found(**arguments) if callable(found) else found


def _shown(error: GraphQLError) -> dict[str, Any]:
    shown: dict[str, Any] = dict(error.formatted)
    shown.setdefault("extensions", {"code": "INTERNAL_SERVER_ERROR", "status_code": 500})
    return shown
