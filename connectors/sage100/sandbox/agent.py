"""The agent's front: who may call, how often, for which company; behind it one BOI worker (docs: sage100 8.1, 8.10)."""

from __future__ import annotations

import hashlib
import hmac
import re
import ssl
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from werkzeug.wrappers import Request, Response

from connectors.sage100.sandbox.lists import Parser, parse_query
from connectors.sage100.sandbox.model import Company
from connectors.sage100.sandbox.wire import AGENT_VERSION, Refused, instant, request_id
from connectors.sandboxing import Fault, Sandbox

# Fault kinds of our own, and the answer they give.
FAULTS = {
    "locked": "record_locked",
    "batch_locked": "batch_locked",
    "company_locked": "company_locked",
    "queue_full": "queue_full",
    "rate_limited": "rate_limited",
    "boi_unavailable": "boi_unavailable",
    "logon_failed": "sage_logon_failed",
    "license_unavailable": "license_unavailable",
    "permission_denied": "sage_permission_denied",
    "agent_error": "agent_error",
    "timeout_before": "boi_timeout",
}
MESSAGES = {
    "record_locked": "The record is in use in Sage 100.",
    "rate_limited": "Too many requests for this key.",
    "queue_full": "Too many requests are waiting for Sage 100.",
    "boi_timeout": "Sage 100 did not answer in time; the outcome is unknown.",
}


@dataclass
class Client:
    """One key (kept hashed) or client certificate, with what it may do.

    `certificate` is the common name that maps to this client, "*" any that the TLS context trusts, "" none.
    """

    name: str
    key: str = field(repr=False)
    scopes: tuple[str, ...] = ("read",)
    companies: tuple[str, ...] = ("ABC",)
    certificate: str = ""

    def __post_init__(self) -> None:
        self.key = hashlib.sha256(self.key.encode()).hexdigest()


@dataclass
class Call:
    """A request that passed every check before its body."""

    request: Request
    client: Client
    company: Company
    query: dict[str, Any]


class Agent(Sandbox):
    system = "sage100"

    def __init__(
        self,
        *,
        keys: Iterable[Client],
        companies: Iterable[Company],
        auth_mode: str = "api_key",
        queue_limit: int = 32,
        rate_per_second: int = 10,
        allow_posting: bool = False,
    ) -> None:
        super().__init__()
        if auth_mode not in ("api_key", "mtls", "both", "either"):
            raise ValueError(f"unknown auth_mode {auth_mode!r}")
        self.clients = list(keys)
        self.companies = {company.code: company for company in companies}
        self.auth_mode, self.queue_limit, self.rate_per_second = auth_mode, queue_limit, rate_per_second
        self.allow_posting = allow_posting
        self.connected, self.boi_seconds = True, 0.0
        self.writes = self.duplicates = 0
        self._recent: dict[str, deque[float]] = {}
        self._pending = threading.local()  # the fault that waits for its step of this request

    # --- every request -----------------------------------------------------------------------------

    def before(self, request: Request) -> Response | None:
        if (request.method, request.path) == ("GET", "/v1/health"):
            return None
        try:
            client = self._client(request)
            request.environ["agent.client"] = client
            self._limit(client)
        except Refused as refusal:
            return self._signed(request, refusal.response(request_id(request)))
        return None

    def dispatch(self, request: Request) -> Response:
        try:
            response = super().dispatch(request)
        except Refused as refusal:
            response = refusal.response(request_id(request))
        except Exception as error:  # a bug of the sandbox still answers in the documented form
            response = Refused("agent_error", f"Unexpected {type(error).__name__}.").response(request_id(request))
        return self._signed(request, response)

    def no_route(self, request: Request, allowed: list[str]) -> Response:
        if allowed:
            headers = {"Allow": ", ".join(sorted(set(allowed)))}
            raise Refused("method_not_allowed", "The method is not allowed here.", headers=headers)
        raise Refused("route_not_found", "No such route.")

    def after(self, request: Request) -> None:
        self._pending.code = self._pending.seconds = None

    def _signed(self, request: Request, response: Response) -> Response:
        response.headers["X-Agent-Version"] = AGENT_VERSION
        response.headers["X-Request-Id"] = request_id(request)
        return response

    # --- who -------------------------------------------------------------------------------------

    def _client(self, request: Request) -> Client:
        if self.auth_mode == "api_key":
            return self._by_key(request)
        by_certificate = self._by_certificate(request)
        if self.auth_mode == "either" and by_certificate is None:
            return self._by_key(request)
        if by_certificate is None:
            raise Refused("client_certificate_required", "A client certificate is required.")
        return self._by_key(request) if self.auth_mode == "both" else by_certificate

    def _by_key(self, request: Request) -> Client:
        sent = request.headers.get("X-API-Key", "")
        if not sent:
            raise Refused("api_key_missing", "X-API-Key is missing.")
        digest = hashlib.sha256(sent.encode()).hexdigest()
        found = [client for client in self.clients if hmac.compare_digest(client.key, digest)]
        if not found or not re.fullmatch(r"[A-Za-z0-9_\-]{32,128}", sent):
            raise Refused("api_key_invalid", "X-API-Key is not accepted.")
        return found[0]

    def _by_certificate(self, request: Request) -> Client | None:
        connection = request.environ.get("werkzeug.socket")
        certificate = connection.getpeercert() if isinstance(connection, ssl.SSLSocket) else None
        if not certificate:
            return None
        subject: Any = certificate.get("subject", ())
        names = {value for part in subject for name, value in part if name == "commonName"}
        for client in self.clients:
            if client.certificate == "*" or client.certificate in names:
                return client
        return None

    def _limit(self, client: Client) -> None:
        with self.lock:
            recent, now = self._recent.setdefault(client.name, deque()), time.monotonic()
            while recent and recent[0] <= now - 1:
                recent.popleft()
            over = self.rate_per_second and len(recent) >= self.rate_per_second
            if over or getattr(self._pending, "code", None) == "rate_limited":
                raise Refused("rate_limited", MESSAGES["rate_limited"], retry_after=self._retry_after())
            recent.append(now)

    # --- what for ----------------------------------------------------------------------------------

    def enter(self, request: Request, scope: str, parsers: dict[str, Parser] | None = None) -> Call:
        """Company header, scope, query: in the order of the contract sheet."""
        client: Client = request.environ["agent.client"]
        code = request.headers.get("X-Company-Code")
        if code is None:
            raise Refused("company_code_missing", "X-Company-Code is missing.")
        if not re.fullmatch(r"[A-Z0-9]{3}", code):
            raise Refused("company_code_invalid", "X-Company-Code must be three characters A-Z, 0-9.")
        company = self.companies.get(code)
        if company is None:
            raise Refused("company_not_found", "No such company.")
        if code not in client.companies or not company.external_access:
            raise Refused("company_access_denied", "The company is not open to this caller.")
        if scope not in client.scopes:
            raise Refused("scope_missing", f"The scope {scope} is missing.")
        return Call(request, client, company, parse_query(request, parsers or {}))

    def agent_time(self, company: Company) -> str:
        return instant(self.now().astimezone(company.zone))

    # --- Sage --------------------------------------------------------------------------------------

    @contextmanager
    def boi(self, company: Company, *, writes: bool = False) -> Iterator[None]:
        """One caller at a time per company; the rest queues."""
        with self.lock:
            if company.queued > self.queue_limit:
                raise Refused("queue_full", MESSAGES["queue_full"])
            company.queued += 1
        try:
            with company.worker:
                time.sleep(self.boi_seconds)
                with self.lock:
                    self.check_boi(writes)
                    if company.locked:
                        raise Refused("company_locked", f"Company {company.code} is locked in Sage 100.")
                    yield
        finally:
            with self.lock:
                company.queued -= 1

    def check_boi(self, writes: bool = False) -> None:
        if not self.connected:
            raise Refused("boi_unavailable", "Sage 100 cannot be reached.")
        code = getattr(self._pending, "code", None)
        if code and not (writes and code == "boi_timeout"):
            self._fail(code)

    def writing(self) -> None:
        """Called right before a write; where `timeout_before` strikes."""
        if getattr(self._pending, "code", None) == "boi_timeout":
            self._fail("boi_timeout")
        self.writes += 1

    def _fail(self, code: str) -> None:
        message = MESSAGES.get(code, f"Sage 100: {code.replace('_', ' ')}.")
        raise Refused(code, message, retry_after=self._retry_after())

    def _retry_after(self) -> int | None:
        seconds: int | None = getattr(self._pending, "seconds", None)
        return seconds

    # --- faults ------------------------------------------------------------------------------------

    def own_fault(self, fault: Fault) -> Response | None:
        """Ours strike where they do in the agent: after authentication, at the rate check or at Sage."""
        if fault.kind in FAULTS:
            self._pending.code = FAULTS[fault.kind]
            self._pending.seconds = int(fault.seconds) or None
        return None

    def _fault_after(self, fault: Fault | None, response: Response) -> Response:
        if fault is not None and fault.kind == "timeout_after" and response.status_code < 400:
            late = Refused("boi_timeout", MESSAGES["boi_timeout"]).response(response.headers["X-Request-Id"])
            late.headers.extend({name: response.headers[name] for name in ("X-Agent-Version", "X-Request-Id")})
            return late
        return super()._fault_after(fault, response)
