"""The gateway: who may pass, which route a request takes, what goes wrong on demand (docs: avidxchange 4, 5, 14)."""

from __future__ import annotations

import functools
import json
import re
import threading
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from email.utils import format_datetime
from typing import Any, TypeVar

from werkzeug.wrappers import Request, Response

from connectors.sandboxing import Fault, Sandbox, json_response

from .access import TOKEN_PATH, Access
from .answers import Answers, Call
from .refusals import Refused, RowRefused, bad_request, not_found

READ_ONLY = re.compile(r"/(enterpriseCodes|payments|purchaseOrders|invoices/[^/]+)(/.*)?")
JOURNAL = 20_000  # requests that are remembered
F = TypeVar("F", bound=Callable[..., Any])


def locked(function: F) -> F:
    """Run a method while it holds the sandbox's lock."""

    @functools.wraps(function)
    def guarded(self: Any, *args: Any, **kwargs: Any) -> Any:
        with self.lock:
            return function(self, *args, **kwargs)

    return guarded  # type: ignore[return-value]


@dataclass(frozen=True)
class Route:
    resource: str
    method: str
    template: str
    handler: Callable[[Call], Response]
    params: frozenset[str] = frozenset()
    body: Callable[[Request], Any] | None = None  # reads it, outside the lock
    accept: str = "application/json"

    @functools.cached_property
    def pattern(self) -> re.Pattern[str]:
        return re.compile(self.template.replace("<id>", "([^/]+)"))


class Gateway(Sandbox):
    """What stands before the tenant's data. `root` is the API's path, `routes` what it serves below."""

    system = "avidxchange"

    def __init__(self, root: str) -> None:
        super().__init__()
        self.root = root
        self.routes: list[Route] = []
        self.access: Access
        self.answers: Answers
        self.disabled: dict[str, int] = {}
        self.forbidden_writes = 0
        self.by_resource: Counter[tuple[str, str]] = Counter()
        self.refused: Counter[str] = Counter()
        self.journal: deque[str] = deque(maxlen=JOURNAL)
        self._met = threading.local()  # the fault that this thread's request has met

    # --- the way in ------------------------------------------------------------------------------

    def before(self, request: Request) -> Response | None:
        with self.lock:
            query = request.query_string.decode(errors="replace")
            self.journal.append(f"{request.method} {request.path}" + (f"?{query}" if query else ""))
            if request.path.startswith(f"{self.root}/payments") and request.method not in ("GET", "HEAD"):
                self.forbidden_writes += 1
            try:
                if not self._gives_tokens(request):
                    self.access.check(request.headers)
            except Refused as refused:
                return self._refuse(refused)
        return None

    def dispatch(self, request: Request) -> Response:
        try:
            if self._gives_tokens(request):
                return self._token(request)
            return self._route(request)
        except (Refused, RowRefused) as refused:
            return self._refuse(refused)  # type: ignore[no-any-return]

    @locked
    def _refuse(self, refused: Refused | RowRefused) -> Response:
        if isinstance(refused, Refused):
            self.refused[refused.code] += 1
            return self.answers.refused(refused)
        self.refused.update(problem.code for problem in refused.problems)
        return self.answers.refused_row(refused)

    def _route(self, request: Request) -> Response:
        path = request.path.removeprefix(self.root) if request.path.startswith(self.root + "/") else ""
        method = request.method
        found = [(each, match) for each in self.routes if (match := each.pattern.fullmatch(path))]
        chosen = next(((each, match) for each, match in found if each.method == method), None)
        if chosen is None:
            allowed = {each.method for each, _ in found} or ({"GET"} if READ_ONLY.fullmatch(path) else set())
            if allowed and not (method == "GET" and not found):
                raise Refused(405, "MethodNotAllowed", "", {"Allow": ", ".join(sorted(allowed))})
            raise not_found(request.path)
        route, match = chosen
        with self.lock:
            self.counts[f"{method} {route.template}"] += 1
            self.by_resource[(route.resource, method)] += 1
            self._check_enabled(route)
        if route.accept not in request.headers.get("Accept", ""):
            raise Refused(406, "NOT_ACCEPTABLE", f"Accept must name {route.accept}.")
        params = _params(request, route.params)
        if not all(each.isdecimal() for each in match.groups()):
            raise not_found(request.path)
        body = route.body(request) if route.body else None  # a slow upload must not stop the others
        call = Call(request.host_url.rstrip("/"), request.path, [int(each) for each in match.groups()], params, body)
        with self.lock:
            return route.handler(call)

    def _check_enabled(self, route: Route) -> None:
        status = self.disabled.get(route.resource)
        if status is not None:
            headers = {"Allow": "GET"} if status == 405 else {}
            raise Refused(status, "Forbidden" if status == 403 else "NotEnabled", f"{route.resource} is off.", headers)

    # --- tokens ----------------------------------------------------------------------------------

    def _gives_tokens(self, request: Request) -> bool:
        paths = {"password_grant": f"{self.root}/authorizations", "client_credentials": TOKEN_PATH}
        return request.method == "POST" and request.path == paths.get(self.access.mode)

    def _token(self, request: Request) -> Response:
        if self._fault() == "echo_credentials":
            echoed = request.get_data(as_text=True)
            return Response(f"Service unavailable while processing: {echoed}", 503, content_type="text/plain")
        form = request.form.to_dict()
        with self.lock:
            self.counts[f"POST {request.path}"] += 1
            if self.access.mode == "password_grant":
                return self.access.authorize(request, form)
            return self.access.exchange(request, form)

    # --- faults ----------------------------------------------------------------------------------

    def own_fault(self, fault: Fault) -> Response | None:
        """throttle: 429 to wait `seconds`, as an HTTP date with body "date". conflict: 409. revoke: the credential in
        `body` (default user_token) ends now. echo_credentials: a token request answers 503 with what it was sent."""
        self._met.kind = fault.kind
        if fault.kind == "throttle":
            until = self.now() + timedelta(seconds=fault.seconds)
            wait = format_datetime(until, usegmt=True) if fault.body == "date" else str(int(fault.seconds))
            return json_response({"message": "Too many requests."}, 429, {"Retry-After": wait})
        if fault.kind == "conflict":
            return self._refuse(Refused(409, "CONFLICT", "The row was changed meanwhile."))  # type: ignore[no-any-return]
        if fault.kind == "revoke":
            with self.lock:
                self.access.revoke(fault.body or "user_token")
        return None

    def after(self, request: Request) -> None:
        self._met.kind = ""

    def _fault(self) -> str:
        return getattr(self._met, "kind", "")

    def _control(self, request: Request) -> Response:
        try:
            return super()._control(request)
        except (Refused, RowRefused) as refused:  # an action the data does not allow
            return json_response({"error": str(refused)}, 400)


def _params(request: Request, known: frozenset[str]) -> dict[str, str]:
    unknown = sorted(set(request.args) - known)
    if unknown:
        raise bad_request("UNKNOWN_PARAMETER", f"{unknown[0]} is not known.")
    if len(list(request.args.items(multi=True))) != len(request.args):
        raise bad_request("FIELD_INVALID", "A parameter is given twice.")
    return request.args.to_dict()


def read_json(request: Request) -> Any:
    """The JSON body with Decimal numbers; 415 without its Content-Type (docs: avidxchange 14.1)."""
    if request.mimetype != "application/json":
        raise Refused(415, "CONTENT_TYPE", "Content-Type must be application/json.")
    try:
        return json.loads(request.get_data(), parse_float=Decimal, parse_constant=_no_constant)
    except ValueError:
        raise bad_request("INVALID_JSON", "The body is no JSON.") from None


def _no_constant(name: str) -> Any:
    raise ValueError(name)
