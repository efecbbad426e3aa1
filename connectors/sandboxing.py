"""The ground every vendor sandbox stands on: real HTTP on loopback, faults on demand, a clock to turn.

A sandbox subclasses `Sandbox`, declares routes with `@route`, and keeps its data in plain Python behind
`self.lock`. Tests and the demo steer it over HTTP under `/_sandbox/`, so that it may run in a process of
its own:

    GET  /_sandbox/stats             requests by route, most in flight, whatever the sandbox counts
    GET  /_sandbox/state             its data, for assertions
    POST /_sandbox/faults            a list of faults (see `Fault`); an empty list clears them
    POST /_sandbox/clock             {"advance": seconds}
    POST /_sandbox/actions/<name>    what a person does in the vendor's own screens
"""

from __future__ import annotations

import json
import re
import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

from werkzeug.exceptions import HTTPException
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

Handler = Callable[..., Response]
F = TypeVar("F", bound=Callable[..., Any])


def route(method: str, path: str) -> Callable[[F], F]:
    """Declare a handler. `<name>` matches one path segment (percent-decoded)."""

    def mark(function: F) -> F:
        declared = getattr(function, "routes", [])
        pattern = re.compile("^" + re.sub(r"<(\w+)>", r"(?P<\1>[^/]+)", path) + "$")
        function.routes = [*declared, (method, path, pattern)]  # type: ignore[attr-defined]
        return function

    return mark


@dataclass
class Fault:
    """What goes wrong, how often, and for which requests.

    kind: `reset_before` (connection dropped before the vendor acts), `reset_after` (it acted, no answer),
    `hang_before` / `hang_after` (`seconds` long, then dropped), `slow` (answers after `seconds`), `status`
    (answers `status` with `body` and `headers` before acting), `status_after` (acts, then answers that),
    `html` (a 502 page of a proxy, before acting), `truncate` (acts, the body stops half-way).
    A sandbox may know more kinds of its own.
    """

    kind: str
    method: str = ""  # "" = any
    path: str = ""  # regular expression searched in the path, "" = any
    times: int = 1  # how many matching requests; -1 = always
    skip: int = 0  # let so many matching requests pass first
    seconds: float = 0.0
    status: int = 500
    body: str = ""
    headers: dict[str, str] | None = None

    def __post_init__(self) -> None:
        self.seconds = float(self.seconds)  # the control surface reads numbers as Decimal, which cannot be slept

    def matches(self, request: Request) -> bool:
        return (not self.method or self.method == request.method) and bool(re.search(self.path, request.path))


@dataclass(frozen=True)
class Example:
    """What a connection to a fresh sandbox needs. `path` follows the sandbox's root in the base URL."""

    path: str
    settings: dict[str, Any]
    credentials: dict[str, str]


class Dropped(Exception):
    """Close the connection without an answer."""


def dumps(data: Any) -> str:
    """JSON with Decimal as number, minified."""
    return json.dumps(data, separators=(",", ":"), ensure_ascii=False, default=_number)


def _number(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value) if value != value.to_integral_value() else int(value)
    if isinstance(value, set | frozenset | tuple):
        return list(value)
    raise TypeError(f"not JSON: {type(value).__name__}")


def json_response(data: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(dumps(data), status=status, headers=headers, content_type="application/json; charset=utf-8")


class Sandbox:
    """A vendor on loopback. Thread-safe: `self.lock` guards all data."""

    system = ""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.faults: list[Fault] = []
        self.counts: Counter[str] = Counter()
        self.in_flight = 0
        self.most_in_flight = 0
        self.offset = timedelta()
        self.latency = 0.0
        self._routes = [
            (*declared, getattr(self, name))
            for name in dir(type(self))
            for declared in getattr(getattr(type(self), name), "routes", [])
        ]

    # --- to override -----------------------------------------------------------------------------

    def before(self, request: Request) -> Response | None:
        """Authentication and limits, before routing. A Response ends the request."""
        return None

    def after(self, request: Request) -> None:
        """Called once for every request that `before` saw, whatever became of it."""

    def no_route(self, request: Request, allowed: list[str]) -> Response:
        return json_response({"error": "no such route"}, 405 if allowed else 404)

    def state(self) -> dict[str, Any]:
        return {}

    def stats(self) -> dict[str, Any]:
        return {}

    # --- time ------------------------------------------------------------------------------------

    def now(self) -> datetime:
        return datetime.now(UTC) + self.offset

    # --- WSGI ------------------------------------------------------------------------------------

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        request = Request(environ)
        try:
            response = self._control(request) if request.path.startswith("/_sandbox/") else self._serve(request)
        except Dropped:
            _drop(environ)
            return []
        except HTTPException as error:
            response = error.get_response(environ)  # type: ignore[assignment]
        return response(environ, start_response)

    def _serve(self, request: Request) -> Response:
        with self.lock:
            self.in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self.in_flight)
            fault = self._take_fault(request)
        try:
            if self.latency:
                time.sleep(self.latency)
            early = self._fault_before(fault)
            if early is not None:
                return early
            response = self.before(request) or self.dispatch(request)
            return self._fault_after(fault, response)
        finally:
            self.after(request)
            with self.lock:
                self.in_flight -= 1

    def dispatch(self, request: Request) -> Response:
        allowed = []
        for method, path, pattern, handler in self._routes:
            found = pattern.match(request.path)
            if found and method == request.method:
                with self.lock:
                    self.counts[f"{method} {path}"] += 1
                answer: Response = handler(request, **found.groupdict())
                return answer
            if found:
                allowed.append(method)
        with self.lock:
            self.counts[f"{request.method} (no route)"] += 1
        return self.no_route(request, allowed)

    # --- faults ----------------------------------------------------------------------------------

    def _take_fault(self, request: Request) -> Fault | None:
        for fault in self.faults:
            if fault.times == 0 or not fault.matches(request):
                continue
            if fault.skip > 0:
                fault.skip -= 1
                continue
            fault.times -= 1 if fault.times > 0 else 0
            self.counts[f"fault {fault.kind}"] += 1
            return fault
        return None

    def _fault_before(self, fault: Fault | None) -> Response | None:
        if fault is None:
            return None
        if fault.kind == "slow":
            time.sleep(fault.seconds)
        elif fault.kind == "hang_before":
            time.sleep(fault.seconds)
            raise Dropped
        elif fault.kind == "reset_before":
            raise Dropped
        elif fault.kind == "status":
            return self._canned(fault)
        elif fault.kind == "html":
            page = "<html><head><title>502 Bad Gateway</title></head><body>Bad Gateway</body></html>"
            return Response(page, status=502, content_type="text/html")
        else:
            return self.own_fault(fault)
        return None

    def own_fault(self, fault: Fault) -> Response | None:
        """A fault kind that only this vendor has; a Response ends the request before it acts."""
        return None

    def _fault_after(self, fault: Fault | None, response: Response) -> Response:
        if fault is None:
            return response
        if fault.kind == "reset_after":
            raise Dropped
        if fault.kind == "hang_after":
            time.sleep(fault.seconds)
            raise Dropped
        if fault.kind == "status_after":
            return self._canned(fault)
        if fault.kind == "truncate":
            body = response.get_data()
            return Response(body[: len(body) // 2], status=response.status_code, content_type=response.content_type)
        return response

    def _canned(self, fault: Fault) -> Response:
        kind = "application/json" if fault.body.lstrip()[:1] in ("{", "[") else "text/html"
        return Response(fault.body, status=fault.status, headers=fault.headers, content_type=kind)

    # --- control surface -------------------------------------------------------------------------

    def _control(self, request: Request) -> Response:
        verb = request.path.removeprefix("/_sandbox/")
        body = json.loads(request.get_data() or b"null", parse_float=Decimal)
        if verb == "stats":
            with self.lock:
                basic = {
                    "requests": dict(self.counts),
                    "in_flight": self.in_flight,
                    "most_in_flight": self.most_in_flight,
                }
                return json_response({**basic, **self.stats()})
        if verb == "state":
            with self.lock:
                return json_response(self.state())
        if verb == "faults" and request.method == "POST":
            known = {f.name for f in fields(Fault)}
            with self.lock:
                self.faults = [Fault(**{k: v for k, v in each.items() if k in known}) for each in body or []]
            return json_response({"faults": len(self.faults)})
        if verb == "clock" and request.method == "POST":
            with self.lock:
                self.offset += timedelta(seconds=float(body["advance"]))
            return json_response({"now": self.now().isoformat()})
        if verb == "latency" and request.method == "POST":
            self.latency = float(body["seconds"])
            return json_response({"latency": self.latency})
        if verb.startswith("actions/") and request.method == "POST":
            action = getattr(self, "do_" + verb.removeprefix("actions/"), None)
            if action is None:
                return json_response({"error": f"no action {verb!r}"}, 404)
            return json_response(action(**(body or {})) or {})
        return json_response({"error": "unknown control path"}, 404)


def _drop(environ: dict[str, Any]) -> None:
    connection: socket.socket = environ["werkzeug.socket"]
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()


class _QuietHandler(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"  # keep-alive, as the vendors do

    def log(self, type: str, message: str, *args: Any) -> None:
        pass

    def run_wsgi(self) -> None:
        try:
            super().run_wsgi()
        except OSError:  # the client or a fault closed the connection
            self.close_connection = True


class Running:
    """A sandbox being served in a thread. `url` is its root; `stop()` ends it."""

    def __init__(
        self, sandbox: Sandbox, host: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None
    ) -> None:
        self.sandbox = sandbox
        self.server: BaseWSGIServer = make_server(
            host, port, sandbox, threaded=True, request_handler=_QuietHandler, ssl_context=tls
        )
        self.server.daemon_threads = True  # type: ignore[attr-defined]
        self.url = f"{'https' if tls else 'http'}://{host}:{self.server.server_port}"
        self.thread = threading.Thread(
            target=self.server.serve_forever, args=(0.05,), daemon=True, name=f"sandbox-{sandbox.system}"
        )  # polls often, so that `stop` is quick
        self.thread.start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def __enter__(self) -> Running:
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()
