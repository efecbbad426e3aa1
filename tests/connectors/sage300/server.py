"""A web server on loopback that answers what a test says, in order, and keeps what it was asked."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit


@dataclass
class Asked:
    method: str
    target: str  # path and query as they came
    headers: dict[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return unquote(urlsplit(self.target).path)

    @property
    def options(self) -> dict[str, str]:
        found = parse_qs(urlsplit(self.target).query, keep_blank_values=True)
        assert all(len(values) == 1 for values in found.values()), "each option once"
        return {name: values[0] for name, values in found.items()}


@dataclass
class Answer:
    """`body` is sent as JSON unless it is text or bytes. `hang`: seconds of silence, then the connection ends."""

    status: int = 200
    body: Any = b""
    headers: dict[str, str] = field(default_factory=dict)
    hang: float | None = None


def error(status: int, code: str, text: str = "No.", lang: str = "en-US") -> Answer:
    return Answer(status, {"error": {"code": code, "message": {"lang": lang, "value": text}}})


def page(*rows: dict[str, Any], **markers: Any) -> Answer:
    return Answer(
        200,
        {"@odata.context": "x", **{f"@odata.{name}": value for name, value in markers.items()}} | {"value": list(rows)},
    )


HTML = "<!DOCTYPE html><html><body><h2>Service Unavailable</h2></body></html>"
RESET = Answer(hang=0)


class Server:
    """Answers come from `answers` (the last is repeated), or from `reply` when a test sets that.

    What warms the server up is answered at once and kept apart, in `warmed`, unless `cold` is set.
    """

    def __init__(self) -> None:
        self.answers: list[Answer] = [page()]
        self.reply: Callable[[Asked], Answer] | None = None
        self.asked: list[Asked] = []
        self.warmed: list[Asked] = []
        self.cold = False
        self.in_flight = self.most_in_flight = 0
        self._lock = threading.Lock()
        handler = type("Handler", (_Handler,), {"server_of_test": self})
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()

    def answer(self, *answers: Answer) -> None:
        self.answers = list(answers)

    def next(self, asked: Asked) -> Answer:
        with self._lock:
            if not self.cold and asked.target.endswith("/AP/APVendors?$select=VendorNumber&$top=1"):
                self.warmed.append(asked)
                return page()
            self.asked.append(asked)
            if self.reply is None:
                return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return self.reply(asked)

    def count(self, step: int) -> None:
        with self._lock:
            self.in_flight += step
            self.most_in_flight = max(self.most_in_flight, self.in_flight)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_of_test: Server

    def _any(self) -> None:
        server = self.server_of_test
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        server.count(1)
        try:
            answer = server.next(Asked(self.command, self.path, dict(self.headers.items()), body))
        finally:
            server.count(-1)
        if answer.hang is not None:
            time.sleep(answer.hang)
            self.close_connection = True
            return
        data = answer.body
        if not isinstance(data, str | bytes):
            data = json.dumps(data)
        data = data.encode() if isinstance(data, str) else data
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.status != 204:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _any

    def log_message(self, *args: Any) -> None:
        pass
