"""A Service Layer of canned answers over real HTTP, and the virtual time of whoever calls it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from connectors.budget import MemoryStore
from connectors.ports import ConnectionSpec, Exchange, Host
from connectors.sap_b1.client import Client

SPEC = ConnectionSpec(
    key="acme/sap",
    name="sap",
    system="sap_b1",
    base_url="https://b1.acme.example:50000/b1s/v1",
    settings={"company_db": "ACME_PROD"},
    credentials={"username": "mlconn", "password": "b1-password"},
)
HTML = "<html><body><h1>Service Unavailable</h1></body></html>"


def v1(code: int, message: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": {"lang": "en-us", "value": message}}}


def v2(code: int, message: str) -> dict[str, Any]:
    return {"error": {"code": str(code), "details": [{"code": "", "message": ""}], "message": message}}


EXPIRED = v1(301, "Invalid session or session already timeout.")
BUSY = v1(305, "Switch company error: -1102")
BROKEN_NODE = v1(407, "Table definition not found for '@X'.")


@dataclass
class Answer:
    """A dict is sent as JSON. `cut` closes the connection instead of answering; `takes` is in virtual seconds."""

    status: int
    body: Any = ""
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False
    takes: float = 0


@dataclass
class Seen:
    method: str
    path: str  # below the host, decoded, without the query
    raw: str  # as it came
    query: dict[str, str]
    headers: dict[str, str]
    body: Any


class VirtualClock:
    """Stands still but for sleeping."""

    def __init__(self) -> None:
        self.passed = 0.0
        self.naps: list[float] = []

    def now(self) -> datetime:
        return datetime(2026, 11, 20, 15, 20, tzinfo=UTC) + timedelta(seconds=self.passed)

    def monotonic(self) -> float:
        return self.passed

    def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.passed += seconds


class StandIn:
    """Answers by method and path, in order; the last answer is repeated. Every login makes another session."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self.logins: list[Answer] = []  # instead of a session, while they last
        self.timeout: Any = 30
        self.session_cookies = True
        self._answers: dict[tuple[str, str], list[Answer]] = {}
        self._made = 0
        self._lock = threading.Lock()
        self.url = ""
        self.clock = VirtualClock()
        self.store = MemoryStore(self.clock)
        self.exchanges: list[Exchange] = []

    @property
    def host(self) -> Host:
        return Host(self.clock, self.store, self.exchanges.append)

    def client(self, version: int = 1, **credentials: str) -> Client:
        spec = replace(SPEC, base_url=f"{self.url}/b1s/v{version}", credentials={**SPEC.credentials, **credentials})
        return Client(spec, self.host, jitter=lambda: 0.0)

    def answer(self, method: str, path: str, *answers: tuple[Any, ...] | Answer) -> None:
        found = [each if isinstance(each, Answer) else Answer(*each) for each in answers]
        self._answers[method, path] = found

    def calls(self, path: str) -> list[Seen]:
        return [each for each in self.seen if each.path == path]

    @property
    def sessions(self) -> int:
        return len(self.calls("/b1s/v1/Login")) + len(self.calls("/b1s/v2/Login"))

    def reply(self, request: Seen) -> tuple[Answer, list[tuple[str, str]]]:
        with self._lock:
            self.seen.append(request)
            if request.path.endswith("/Login"):
                return self._login()
            waiting = self._answers.get((request.method, request.path))
            if not waiting:
                return Answer(404, HTML), []
            return waiting.pop(0) if len(waiting) > 1 else waiting[0], []

    def _login(self) -> tuple[Answer, list[tuple[str, str]]]:
        if self.logins:
            return self.logins.pop(0), []
        self._made += 1
        session = f"5e1fd0aa-{self._made}"
        cookies = [
            ("Set-Cookie", f"B1SESSION={session};HttpOnly;"),
            ("Set-Cookie", f"ROUTEID=.node{self._made}; path=/b1s"),
        ]
        body = {"SessionId": session, "Version": "1000190", "SessionTimeout": self.timeout}
        return Answer(200, body), cookies if self.session_cookies else []


def _handler(stand_in: StandIn) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 65536  # an answer in one piece, or each waits for an acknowledgement

        def handle_one_request(self) -> None:
            self.raw_requestline = self.rfile.readline(65537)
            if not self.raw_requestline or not self.parse_request():
                self.close_connection = True
                return
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            parts = urlsplit(self.path)
            request = Seen(
                self.command,
                unquote(parts.path),
                self.path,
                dict(parse_qsl(parts.query)),
                dict(self.headers.items()),
                json.loads(body) if body else None,
            )
            answer, cookies = stand_in.reply(request)
            stand_in.clock.passed += answer.takes
            if answer.cut:
                self.close_connection = True
                return
            content = answer.body if isinstance(answer.body, str) else json.dumps(answer.body)
            self.send_response(answer.status)
            for name, value in [*answer.headers.items(), *cookies]:
                self.send_header(name, value)
            if answer.status != 204:
                self.send_header("Content-Length", str(len(content.encode())))
            self.end_headers()
            if answer.status != 204:
                self.wfile.write(content.encode())
            self.wfile.flush()

        def log_message(self, *_: Any) -> None:
            pass

    return Handler


@contextmanager
def running() -> Iterator[StandIn]:
    stand_in = StandIn()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(stand_in))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    stand_in.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield stand_in
    finally:
        server.shutdown()
        server.server_close()
