"""Who may call, and how often: login, sessions, hourly quotas, the cap on requests in flight (docs: bill 2, 4)."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from werkzeug.wrappers import Request, Response

from connectors.sandboxing import Fault, json_response, route

from .checks import Field, Text, clean
from .core import API, EVENTS, USER_ID, Core, endpoint
from .refusals import Refusal, bdc, invalid

TOKEN_IDLE = timedelta(hours=48)  # an AP & AR sync token's session (docs: bill 2.2)
OPEN_PATHS = {f"{API}/login", f"{API}/health", f"{EVENTS}/health"}
LOGIN: dict[str, Field] = {
    "username": Text(required=True),
    "password": Text(required=True),
    "organizationId": Text(required=True),
    "devKey": Text(required=True),
    "rememberMeId": Text(),
    "device": Text(limit=40),
}


@dataclass
class Session:
    dev_key: str
    by_token: bool
    trusted: bool
    touched: datetime


class Access(Core):
    """Sessions slide with every call; a session belongs to the developer key that opened it."""

    def __init__(
        self,
        *,
        username: str,
        password: str,
        dev_key: str,
        organization_id: str,
        in_flight_limit: int,
        rate_limit_status: int,
        session_idle: float,
        hourly_limit: int,
        login_limit: int,
        token_logins: Mapping[str, str],
        remembered_devices: Mapping[str, str],
    ) -> None:
        super().__init__(organization_id=organization_id, rate_limit_status=rate_limit_status)
        self.passwords = {username: password, **token_logins}
        self.token_names = set(token_logins)
        self.remembered_devices = dict(remembered_devices)
        self.dev_key = dev_key
        self.in_flight_limit = in_flight_limit
        self.session_idle = timedelta(seconds=session_idle)
        self.hourly_limit = hourly_limit
        self.login_limit = login_limit
        self.sessions: dict[str, Session] = {}
        self.logins = 0
        self.busy: Counter[str] = Counter()  # requests in flight by developer key and organization
        self.most_busy: Counter[str] = Counter()
        self.calls_by_hour: Counter[tuple[str, str]] = Counter()
        self.logins_by_hour: Counter[tuple[str, str]] = Counter()

    # --- limits ----------------------------------------------------------------------------------

    def _serve(self, request: Request) -> Response:
        with self._place(request):
            return super()._serve(request)

    @contextmanager
    def _place(self, request: Request) -> Iterator[None]:
        """Hold one of the places in flight, latency included; without a free one `before` refuses the request."""
        dev_key = request.headers.get("devKey", "")
        key = f"{dev_key}/{self.organization_id}"
        with self.lock:
            counted = request.path not in OPEN_PATHS and self._session(request) is not None
            taken = counted and self.busy[key] < self.in_flight_limit
            request.environ["bill.crowded"] = counted and not taken
            self.busy[key] += taken
            if counted:
                self.most_busy[key] = max(self.most_busy[key], self.busy[key] + (not taken))
        try:
            yield
        finally:
            with self.lock:
                self.busy[key] -= taken

    def _hour(self, dev_key: str) -> tuple[str, str]:
        return dev_key, self.now().strftime("%Y-%m-%dT%H")

    def before(self, request: Request) -> Response | None:
        if request.path in OPEN_PATHS:
            return None
        try:
            with self.lock:
                self._admit(request)
        except Refusal as refusal:
            return self.refuse(refusal)
        return None

    def _admit(self, request: Request) -> None:
        missing = [name for name in ("sessionId", "devKey") if not request.headers.get(name)]
        if missing and request.path.startswith(EVENTS):
            raise invalid(*(f"{name}: header is required" for name in missing))
        session = self._session(request)
        if session is None:
            raise bdc("BDC_1109")
        hour = self._hour(session.dev_key)
        if self.calls_by_hour[hour] >= self.hourly_limit:
            raise bdc("BDC_1144", f"Max number of allowed requests per hour reached: {self.hourly_limit}.")
        self.calls_by_hour[hour] += 1
        if request.environ["bill.crowded"]:
            raise bdc("BDC_1322")
        session.touched = self.now()

    def _session(self, request: Request) -> Session | None:
        session = self.sessions.get(request.headers.get("sessionId", ""))
        if session is None or session.dev_key != request.headers.get("devKey"):
            return None
        idle = TOKEN_IDLE if session.by_token else self.session_idle
        return session if self.now() - session.touched <= idle else None

    def need_trust(self, request: Request) -> None:
        """403 BDC_1361 for operations that ask for an MFA-trusted session (docs: bill 2.4)."""
        if not self.sessions[request.headers["sessionId"]].trusted:
            raise bdc("BDC_1361")

    def need_person(self, request: Request) -> None:
        """A sync token may not cancel or void payments (docs: bill 13.1)."""
        if self.sessions[request.headers["sessionId"]].by_token:
            raise bdc("BDC_1145")

    def own_fault(self, fault: Fault) -> Response | None:
        if fault.kind == "expire_session":
            with self.lock:
                self.sessions.clear()
        return super().own_fault(fault)

    # --- routes ----------------------------------------------------------------------------------

    @endpoint("POST", f"{API}/login")
    def login(self, request: Request) -> Response:
        given = clean(self.body(request), LOGIN)
        hour = self._hour(given["devKey"])
        if self.logins_by_hour[hour] >= self.login_limit:
            raise bdc("BDC_1144", f"Max number of allowed requests per hour reached: {self.login_limit}.")
        self.logins_by_hour[hour] += 1
        if given["devKey"] != self.dev_key:
            raise bdc("BDC_1102")
        if self.passwords.get(given["username"]) != given["password"]:
            raise bdc("BDC_1101")
        if given["organizationId"] != self.organization_id:
            raise bdc("BDC_1123")
        by_token = given["username"] in self.token_names
        device = self.remembered_devices.get(given.get("rememberMeId", ""))
        trusted = device is not None and device == given.get("device") and not by_token
        session_id = secrets.token_urlsafe(32)
        self.sessions[session_id] = Session(given["devKey"], by_token, trusted, self.now())
        self.logins += 1
        answer = {"sessionId": session_id, "trusted": trusted, "userId": USER_ID}
        return json_response({"organizationId": self.organization_id, **answer})

    @endpoint("GET", f"{API}/login/session")
    def session_info(self, request: Request) -> Response:
        answer = {"userId": USER_ID, "mfaStatus": "DISABLED", "mfaBypass": False}
        return json_response({"organizationId": self.organization_id, **answer})

    @endpoint("POST", f"{API}/logout")
    def logout(self, request: Request) -> Response:
        self.sessions.pop(request.headers["sessionId"], None)
        return Response(status=200)

    @route("GET", f"{API}/health")
    @route("GET", f"{EVENTS}/health")
    def health(self, request: Request) -> Response:
        return json_response({"appId": "connect", "appEnv": "sandbox", "appVersion": "3", "bdcRegion": "us-west-2"})

    def access_stats(self) -> dict[str, Any]:
        """Counts by organization; developer keys are not shown."""
        return {
            "logins": self.logins,
            "most_in_flight_by_org": {key.split("/")[1]: most for key, most in self.most_busy.items()},
            "hourly_usage": {hour: count for (_, hour), count in self.calls_by_hour.items()},
            "hourly_logins": {hour: count for (_, hour), count in self.logins_by_hour.items()},
            "refused": dict(self.refused),
        }
