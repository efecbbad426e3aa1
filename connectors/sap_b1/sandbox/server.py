"""The Service Layer's front: paths, sessions and faults before the data (docs: sap_b1 1, 2, 12)."""

from __future__ import annotations

import functools
import json
import re
import threading
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypeVar
from urllib.parse import parse_qsl

from werkzeug.wrappers import Request, Response

from connectors.sandboxing import Fault, Sandbox, json_response

from . import wire
from .errors import INVALID_SESSION, Refused, bad_query, envelope, no_session
from .ledger import Ledger
from .resources import Call, Resources
from .schema import Schema
from .sessions import Session, Sessions, saml_failed

VERSIONS = {"9.3": "930230", "10.0": "1000190"}
_SERVICE = re.compile(r"/b1s/v([12])(?:/(.*))?")
_PING = re.compile(r"/ping/(load-balancer|node/\d+)?")
F = TypeVar("F", bound=Callable[..., Any])


class SapB1Sandbox(Sandbox):
    """One company behind one Service Layer, at `<url>/b1s/v1` and `<url>/b1s/v2`.

    schema: "9.3" or "10.0". ledger: makes the books from a clock and `ledger_options`. session_minutes: idle time a
    session survives. nodes: behind the balancer. strict_route: a request without its session's ROUTEID is 401/301.
    case_sensitive: filters compare text as HANA does. largest_page: clamps `odata.maxpagesize`, 0 never.
    login_seconds: how long every login takes.

    Fault kinds of its own: `switch_company` (500/305; `body` replaces "-1102"), `broken_node` (the session's node
    answers 500/407 from now on), `saml` (500/299, at Login only), `expire` (the session dies: 401/301), `expire_5002`
    (the same, told as -5002), `slow_login` (a Login takes `seconds`).
    """

    system = "sap_b1"

    def __init__(
        self,
        *,
        schema: str = "10.0",
        ledger: Callable[..., Any] = Ledger,
        session_minutes: int = 30,
        nodes: int = 2,
        strict_route: bool = True,
        case_sensitive: bool = True,
        largest_page: int = 0,
        login_seconds: float = 0.0,
        **ledger_options: Any,
    ) -> None:
        super().__init__()
        self.session_minutes = session_minutes
        self.login_seconds = login_seconds
        self.schema = Schema(schema)
        self.ledger = ledger(self.now, **ledger_options)
        self.sessions = Sessions(self.now, idle_minutes=session_minutes, nodes=nodes, strict_route=strict_route)
        self.resources = Resources(
            self.schema,
            self.ledger.sets,
            self.ledger.function,
            case_sensitive=case_sensitive,
            largest_page=largest_page,
        )
        for name, action in self.ledger.actions().items():
            setattr(self, f"do_{name}", self._locked(action))
        self._met = threading.local()  # the fault that this thread's request has met

    def _locked(self, function: F) -> F:
        @functools.wraps(function)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            with self.lock:
                return function(*args, **kwargs)

        return guarded  # type: ignore[return-value]

    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = self.ledger.state()
        return found

    def stats(self) -> dict[str, Any]:
        return {
            "logins": self.sessions.logins,
            "login_attempts": self.sessions.attempts,
            "open_sessions": self.sessions.count(),
            "most_sessions": self.sessions.most,
        }

    # --- requests --------------------------------------------------------------------------------

    def dispatch(self, request: Request) -> Response:
        found = _SERVICE.fullmatch(request.path)
        if found is None:
            return self._outside(request)
        if request.method == "POST" and "Expect" in request.headers:
            return Response(status=500)  # the balancer's answer to `Expect: 100-continue`
        version, path = int(found[1]), found[2] or ""
        method = request.method
        if method == "POST":
            method = request.headers.get("X-HTTP-Method-Override", "POST").upper()
        method = "PATCH" if method == "MERGE" else method
        with self.lock:
            self.counts[f"{method} {re.sub(r'[(].*[)]', '(key)', path)}"] += 1
        try:
            if (request.method, path) == ("POST", "Login"):
                return self._login(version, request)
            with self.lock:
                return self._answer(version, method, path, request)
        except Refused as refused:
            return wire.refusal(version, refused)

    def _answer(self, version: int, method: str, path: str, request: Request) -> Response:
        session = self._session(request, path)
        if (method, path) == ("POST", "Logout"):
            self.sessions.drop(session.id)
            return wire.nothing(version)
        options = parse_qsl(request.query_string.decode(), keep_blank_values=True)
        if len(dict(options)) != len(options):
            raise bad_query("Query string error - Duplicate query option")
        root = f"{request.host_url}b1s/v{version}/"
        body = _body(request) if method in ("POST", "PATCH") else None
        return self.resources.answer(Call(version, root, method, path, dict(options), request.headers, body))

    def _session(self, request: Request, path: str) -> Session:
        """The request's session, after the faults that strike before execution."""
        session = self.sessions.use(request.cookies.get("B1SESSION", ""), request.cookies.get("ROUTEID", ""))
        fault = self._fault()
        if fault in ("expire", "expire_5002"):
            self.sessions.drop(session.id)
            raise no_session() if fault == "expire" else Refused(401, -5002, INVALID_SESSION)
        if fault == "broken_node":
            self.sessions.broken = session.node
        if session.node == self.sessions.broken and path != "Logout":
            raise Refused(500, 407, "Table definition not found for '@BROKEN'.")
        self._switch_company()
        return session

    def _outside(self, request: Request) -> Response:
        if request.method == "GET" and _PING.fullmatch(request.path):
            return json_response({"message": "pong", "sender": "load balancer", "timestamp": self.now().timestamp()})
        return Response("<html><body><h1>Not Found</h1></body></html>", status=404, content_type="text/html")

    # --- login -----------------------------------------------------------------------------------

    def _login(self, version: int, request: Request) -> Response:
        with self.lock:
            self.sessions.begin_login()
        try:
            time.sleep(self._login_time())
            with self.lock:
                self._check_login(_body(request))
                session = self.sessions.open(request.cookies.get("ROUTEID", ""))
        finally:
            with self.lock:
                self.sessions.end_login()
        element = "@Element" if version == 1 else "$entity"
        body = {
            wire.CONTEXT[version]: f"{request.host_url}b1s/v{version}/$metadata#B1Sessions/{element}",
            "SessionId": session.id,
            "Version": VERSIONS[self.schema.mode],
            "SessionTimeout": self.session_minutes,
        }
        response = wire.respond(version, body)
        response.headers.add("Set-Cookie", f"B1SESSION={session.id};HttpOnly;")
        response.headers.add("Set-Cookie", f"ROUTEID={session.node}; path=/b1s")
        return response

    def _login_time(self) -> float:
        fault: Fault | None = getattr(self._met, "fault", None)
        return fault.seconds if fault is not None and fault.kind == "slow_login" else self.login_seconds

    def _check_login(self, body: Any) -> None:
        """Company first, then user and password (docs: sap_b1 2.4)."""
        if self._fault() == "saml":
            raise saml_failed()
        self._switch_company()
        given = body if isinstance(body, dict) else {}
        for name in ("CompanyDB", "UserName", "Password"):
            if not isinstance(given.get(name), str):
                raise Refused(400, -1000, f"Property '{name}' of 'Login' is missing")
        unknown = sorted(set(given) - {"CompanyDB", "UserName", "Password", "Language"})
        if unknown:
            raise Refused(400, -1000, f"Property '{unknown[0]}' of 'Login' is invalid")
        if given["CompanyDB"] != self.ledger.company_db:
            raise Refused(401, -306, "Fail to NONE-SSO login from SLD.")
        if self.ledger.users.get(given["UserName"]) != given["Password"]:
            raise Refused(401, -304, "Fail to NONE-SSO login from SLD.")

    # --- faults ----------------------------------------------------------------------------------

    def own_fault(self, fault: Fault) -> Response | None:
        self._met.fault = fault
        return None

    def after(self, request: Request) -> None:
        self._met.fault = None

    def _fault(self) -> str:
        fault: Fault | None = getattr(self._met, "fault", None)
        return fault.kind if fault is not None else ""

    def _switch_company(self) -> None:
        if self._fault() == "switch_company":
            raise Refused(500, 305, f"Switch company error: {self._met.fault.body or '-1102'}")

    def _control(self, request: Request) -> Response:
        try:
            return super()._control(request)
        except Refused as refused:  # an action the books do not allow
            return json_response(envelope(1, refused.code, refused.text), 400)


def _body(request: Request) -> Any:
    """The JSON body with Decimal numbers, None when there is none."""
    data = request.get_data()
    if not data:
        return None
    if request.mimetype != "application/json":
        raise Refused(400, -1000, "Content-Type must be application/json")
    try:
        return json.loads(data, parse_float=Decimal, parse_constant=_no_constant)
    except ValueError:
        raise Refused(400, -1000, "Invalid JSON in the request body") from None


def _no_constant(name: str) -> Any:
    raise ValueError(name)
