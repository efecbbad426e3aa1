"""BILL's v3 REST API: one function an endpoint, and the rules of repeating a request (docs: bill 3, 4, 5).

A request is repeated where it certainly had no effect: too many at once, an expired session (once), nothing
sent, or a read. Everything else is for the engine to look up.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

from ..errors import AuthExpired, BadAnswer, ConnectorError, OutcomeUnknown, RateLimited, Unreachable
from ..ports import ConnectionSpec, Host
from ..transport import Reply, Transport
from .config import CONNECT_TIMEOUT, Config
from .refusals import TOO_MANY_AT_ONCE, login_refusal, refusal
from .session import Sessions

PAGE = 100  # the most that a list returns a page; more is refused, not clamped

BUSY_TRIES = 6
LOST_TRIES = 3
FIRST_PAUSE = 0.5  # seconds, doubled each time

VENDORS = "/v3/vendors"
BILLS = "/v3/bills"
PAYMENTS = "/v3/payments"
ACCOUNTS = "/v3/classifications/chart-of-accounts"
DEPARTMENTS = "/v3/classifications/departments"
LOCATIONS = "/v3/classifications/locations"
BANKS = "/v3/funding-accounts/banks"

Row = dict[str, Any]
T = TypeVar("T")


class Client:
    """For any number of threads. `jitter` returns numbers in [0, 1)."""

    def __init__(self, spec: ConnectionSpec, host: Host, *, jitter: Callable[[], float] = random.random) -> None:
        self.config = Config.from_spec(spec)
        self.told_at: datetime | None = None  # BILL's own clock, as its last answer told it
        self._host = host
        self._jitter = jitter
        self._transport = Transport(spec, host, timeout=(CONNECT_TIMEOUT, self.config.read_timeout))
        self.sessions = Sessions(self.config.session_key, host, self._login)

    def close(self) -> None:
        """Close the sockets. The BILL session stays: other processes use it."""
        self._transport.close()

    # --- authentication --------------------------------------------------------------------------

    def health(self) -> Any:
        """GET /v3/health: the only call that needs no session."""
        return self._persist(lambda: self._answer(self._send("GET", self.config.base + "/v3/health")), repeatable=True)

    def session_info(self) -> Row:
        """GET /v3/login/session: `organizationId`, `userId`, `mfaStatus`."""
        return self._row(self.request("GET", "/v3/login/session"))

    def _login(self) -> str:
        """POST /v3/login; everything is in the body (docs: bill 2.1). Raises CredentialsRefused."""
        config = self.config
        body = {
            "username": config.username,
            "password": config.password,
            "organizationId": config.organization_id,
            "devKey": config.dev_key,
        }

        def sign_in() -> Any:
            url = config.base + "/v3/login"
            reply = self._transport.send("POST", url, json=body, limits=config.login_limits)
            return self._answer(reply, judge=login_refusal)

        session = self._row(self._persist(sign_in, repeatable=True)).get("sessionId")
        if not isinstance(session, str) or not session:
            raise BadAnswer("BILL answered the sign-in without a sessionId.")
        return session

    # --- lists -----------------------------------------------------------------------------------

    def page(
        self, path: str, *, filters: str = "", sort: str = "", page: str = "", size: int = PAGE
    ) -> tuple[list[Any], str]:
        """One page of a list, which may hold what is no row, and the token of the next, "" on the last page."""
        wanted = (("max", str(size)), ("sort", sort), ("filters", filters), ("page", page))
        data = self._row(self.request("GET", path, params=[pair for pair in wanted if pair[1]]))
        rows, following = data.get("results"), data.get("nextPage")
        if not isinstance(rows, list):
            raise BadAnswer(f"BILL answered the list {path} without a list of results.")
        return rows, following if isinstance(following, str) else ""

    def rows(self, path: str, *, filters: str = "") -> Iterator[Row]:
        """All rows of a list. The end is a missing `nextPage`, not an empty page.

        Raises BadAnswer for an element that is no row: to skip it would prove an absence that is none.
        """
        token, seen = "", set[str]()
        while True:
            rows, token = self.page(path, filters=filters, page=token)
            if not all(isinstance(row, dict) for row in rows):
                raise BadAnswer(f"BILL answered the list {path} with something that is no record.")
            yield from rows
            if not token:
                return
            if token in seen:
                raise BadAnswer(f"BILL's list {path} leads back to a page that was read already.")
            seen.add(token)

    def one(self, path: str, row_id: str) -> Row:
        """One row of a list by its id. Raises NotFound."""
        return self._row(self.request("GET", f"{path}/{row_id}", addressed=True))

    # --- vendors and bills -----------------------------------------------------------------------

    def create_vendor(self, body: Row) -> Row:
        return self._written(self.request("POST", VENDORS, body=body))

    def create_vendors(self, bodies: Sequence[Row]) -> list[Row]:
        """All or nothing, at most 20."""
        answer = self._written(self.request("POST", f"{VENDORS}/bulk", body=list(bodies)))
        return self._written_rows(answer.get("vendors"))

    def update_vendor(self, vendor_id: str, body: Row) -> Row:
        return self._written(self.request("PATCH", f"{VENDORS}/{vendor_id}", body=body, addressed=True))

    def create_bill(self, body: Row) -> Row:
        return self._written(self.request("POST", BILLS, body=body))

    def create_bills(self, bodies: Sequence[Row]) -> list[Row]:
        """All or nothing, at most 100; unlike vendors, the answer is a bare array."""
        return self._written_rows(self.request("POST", f"{BILLS}/bulk", body=list(bodies)))

    def replace_bill(self, bill_id: str, body: Row) -> Row:
        return self._written(self.request("PUT", f"{BILLS}/{bill_id}", body=body))

    def archive_bill(self, bill_id: str) -> None:
        self.request("POST", f"{BILLS}/{bill_id}/archive", addressed=True, repeatable=True)

    def restore_bill(self, bill_id: str) -> None:
        self.request("POST", f"{BILLS}/{bill_id}/restore", addressed=True, repeatable=True)

    # --- one request -----------------------------------------------------------------------------

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Sequence[tuple[str, str]] = (),
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        addressed: bool = False,
        repeatable: bool = False,
    ) -> Any:
        """The JSON of a successful answer, None where a write's is empty.

        `path` is below the base URL, or absolute. `addressed`: it names one object, whose absence is then
        NotFound. `repeatable`: sending the write twice does no harm; reads always are.
        Raises the errors of `refusals`, OutcomeUnknown (writes) and Unreachable or BadAnswer (reads).
        """
        url = path if "://" in path else self.config.base + path
        writes = method != "GET"

        def attempt(session: str) -> Any:
            self._transport.hide(session)
            credentials = {"devKey": self.config.dev_key, "sessionId": session}
            sent = {**credentials, **(headers or {})}
            reply = self._send(method, url, headers=sent, params=params, body=body)
            return self._answer(reply, writes=writes, addressed=addressed)

        session = self.sessions.current()
        try:
            return self._persist(lambda: attempt(session), repeatable or not writes)
        except AuthExpired:
            renewed = self.sessions.renew(session)
        return self._persist(lambda: attempt(renewed), repeatable or not writes)

    def _send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Sequence[tuple[str, str]] = (),
        body: Any = None,
    ) -> Reply:
        reply = self._transport.send(
            method,
            url,
            headers=headers,
            params=params,
            json=body,
            writes=method != "GET",
            limits=self.config.limits,
        )
        self.told_at = _date(reply.headers.get("Date", ""))
        return reply

    def _answer(
        self,
        reply: Reply,
        *,
        writes: bool = False,
        addressed: bool = False,
        judge: Callable[..., ConnectorError | None] = refusal,
    ) -> Any:
        """The JSON of an answer, or the error that it means; a write may be answered with nothing."""
        status = reply.status
        if 200 <= status < 300:
            try:
                return None if writes and not reply.body.strip() else reply.json()
            except BadAnswer:
                if not writes:
                    raise
                raise OutcomeUnknown(
                    "BILL's answer to a write could not be read.", status=status, raw=reply.excerpt()
                ) from None
        raw, now = reply.excerpt(), self._host.clock.now()
        body = reply.redactor.literals(reply.body.decode("utf-8", "replace"))  # BILL quotes what it refuses
        error = judge(status, body, raw, now, addressed=addressed)
        if error is None:
            kind = OutcomeUnknown if writes else Unreachable
            raise kind(f"BILL answered with an error of its own (HTTP {status}).", status=status, raw=raw)
        wait = reply.headers.get("Retry-After", "")
        if isinstance(error, RateLimited) and wait.isdigit():
            error.retry_after = float(wait)
        raise error

    def _persist(self, send: Callable[[], T], repeatable: bool) -> T:
        """Repeat what had no effect: with pauses, a few times."""
        busy = lost = 0
        while True:
            try:
                return send()
            except RateLimited as error:
                busy += 1
                if busy == BUSY_TRIES or not _momentary(error):
                    raise
                self._pause(busy)
            except (Unreachable, OutcomeUnknown, BadAnswer) as error:
                lost += 1
                if lost == LOST_TRIES or not (repeatable or isinstance(error, Unreachable)):
                    raise
                self._pause(lost)

    def _pause(self, tries: int) -> None:
        pause = FIRST_PAUSE * 2 ** (tries - 1)
        self._host.clock.sleep(pause * (1 + self._jitter() / 4))

    # --- shapes ----------------------------------------------------------------------------------

    @staticmethod
    def _row(data: Any) -> Row:
        if not isinstance(data, dict):
            raise BadAnswer("BILL answered with another shape than documented.")
        return data

    @staticmethod
    def _written(data: Any) -> Row:
        if not isinstance(data, dict):
            raise OutcomeUnknown("BILL accepted the write but did not say what it wrote.")
        return data

    @staticmethod
    def _written_rows(data: Any) -> list[Row]:
        if not isinstance(data, list) or not all(isinstance(row, dict) for row in data):
            raise OutcomeUnknown("BILL accepted the batch but did not say what it wrote.")
        return data


def _date(header: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(header)
        return moment.astimezone(UTC) if moment.tzinfo else None
    except (ValueError, OverflowError):
        return None


def _momentary(error: RateLimited) -> bool:
    """Refused for requests in flight, or by a gateway that names no code: worth a short wait."""
    return error.code == TOO_MANY_AT_ONCE or (error.status == 429 and not error.code)
