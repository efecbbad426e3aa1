"""One request to the Service Layer: its session, its refusal, and whether it may be repeated.

A request is repeated where it certainly had no effect: an expired session and a broken node (one new session),
a company that is busy, nothing sent, or a read. Everything else is for the engine to look up
(docs: sap_b1 2.3, 3, 9).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, TypeVar

from ..errors import (
    AuthExpired,
    BadAnswer,
    ConnectorError,
    CredentialsRefused,
    OutcomeUnknown,
    RateLimited,
    Unreachable,
)
from ..ports import ConnectionSpec, Host
from ..transport import Reply, Transport
from .config import CONNECT_TIMEOUT, LOGIN_TIMEOUT, LOGIN_TRIES, READ_TIMEOUT, WRITE_TIMEOUT, Config
from .refusals import BrokenNode, CompanyBusy, LoginsCollided, fault, login_refusal, refusal
from .session import Session, Sessions

READ_TRIES = 4  # of a read that gets no answer, and of any request that could not be sent
PATIENCE = 120.0  # seconds after which a request is not repeated; for longer the caller's schedule is better
FIRST_PAUSE = 0.5  # seconds, doubled each time, and up to as much again by chance
BUSY_PAUSES = (0.3, 0.7)  # seconds, on the same session, before a new one is tried
NO_WORKER = frozenset({502, 503, 504})  # the web server's own answers, before a node saw the request

T = TypeVar("T")


class Service:
    """For any number of threads. `jitter` returns numbers in [0, 1)."""

    def __init__(
        self, spec: ConnectionSpec, config: Config, host: Host, jitter: Callable[[], float] = random.random
    ) -> None:
        self._config = config
        self._host = host
        self._jitter = jitter
        self._transport = Transport(spec, host, timeout=(CONNECT_TIMEOUT, READ_TIMEOUT))
        self.sessions = Sessions(config.session_key, host, self._login, config.login_lease)

    def close(self) -> None:
        """Close the sockets. The session stays: other processes use it."""
        self._transport.close()

    def request(
        self,
        method: str,
        url: str,
        understand: Callable[[Reply], T],
        *,
        headers: Mapping[str, str] | None = None,
        body: Any = None,
        writes: bool = False,
        addressed: bool = False,
        timeout: float | None = None,
    ) -> T:
        """What `understand` makes of the successful answer; it raises BadAnswer where it cannot.

        `addressed`: the URL names one entity, whose absence is then NotFound. `timeout` in seconds, where the
        usual one does not suit. Raises the errors of `refusals`, OutcomeUnknown (writes), Unreachable and
        BadAnswer (reads), and CredentialsRefused for a session that is refused right after its login.
        """
        timeout = timeout or (WRITE_TIMEOUT if writes else READ_TIMEOUT)
        session = self.sessions.current()
        deadline = self._host.clock.monotonic() + PATIENCE
        pauses = iter(BUSY_PAUSES)
        lost, renewed = 0, False
        while True:
            try:
                reply = self._send(session, method, url, headers or {}, body, writes, timeout)
                self._check(reply, refusal, writes=writes, addressed=addressed)
                return _understood(reply, understand, writes)
            except CompanyBusy:
                if self._paused(pauses):
                    continue
                if renewed:
                    raise
            except BrokenNode:
                if renewed:
                    raise
            except AuthExpired as error:
                if renewed:
                    raise self.sessions.give_up(_not_kept(error)) from None
            except (Unreachable, BadAnswer):
                lost += 1
                if lost == READ_TRIES or self._host.clock.monotonic() > deadline:
                    raise
                self._back_off(lost)
                continue
            session, renewed = self.sessions.renew(session), True

    def logout(self) -> None:
        """End the shared session. Whatever comes of it: a session that is not ended ends by itself."""
        session = self.sessions.forget()
        if session:
            with suppress(ConnectorError):
                self._send(session, "POST", f"{self._config.base}/Logout", {}, None, False, READ_TIMEOUT)

    def _login(self) -> Session:
        """Raises CredentialsRefused, which is never tried again."""
        pauses = iter(BUSY_PAUSES)
        failed = 0
        while True:
            try:
                return self._sign_in()
            except CompanyBusy:
                if not self._paused(pauses):
                    raise
            except Unreachable as error:
                failed += 1
                harmless = isinstance(error, LoginsCollided | BrokenNode) or error.status in NO_WORKER
                if not harmless or failed == LOGIN_TRIES:
                    raise
                self._back_off(failed)

    def _sign_in(self) -> Session:
        """One login. No cookie goes with it: an old ROUTEID would lead back to the node that is left."""
        config = self._config
        reply = self._transport.send(
            "POST",
            f"{config.base}/Login",
            json={
                "CompanyDB": config.company_db,
                "UserName": config.username,
                "Password": config.password,
                "Language": config.language,
            },
            timeout=LOGIN_TIMEOUT,
            limits=config.limits,
        )
        self._check(reply, login_refusal)
        return Session.from_login(reply.json(), reply.headers.get("Set-Cookie", ""))

    def _send(
        self,
        session: Session,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: Any,
        writes: bool,
        timeout: float,
    ) -> Reply:
        self._transport.hide(session.id, session.route)
        return self._transport.send(
            method,
            url,
            headers={**headers, "Cookie": session.cookie},
            json=body,
            timeout=timeout,
            writes=writes,
            limits=self._config.limits,
        )

    def _check(
        self,
        reply: Reply,
        judge: Callable[..., ConnectorError | None],
        *,
        writes: bool = False,
        addressed: bool = False,
    ) -> None:
        """Raises the error that an answer means."""
        if 200 <= reply.status < 300:
            return
        found = fault(reply.body.decode("utf-8-sig", "replace"))
        if found:
            found = replace(found, message=reply.redactor.literals(found.message))
        error = judge(reply.status, found, reply.excerpt(), addressed=addressed)
        if error is None:
            kind = OutcomeUnknown if writes else Unreachable
            text = (found and found.message) or f"HTTP {reply.status}"
            error = kind(
                f"SAP Business One answered with an error of its own: {text}",
                status=reply.status,
                code=found.code if found else None,
                raw=reply.excerpt(),
            )
        wait = reply.headers.get("Retry-After", "")
        if isinstance(error, RateLimited) and wait.isdecimal():
            error.retry_after = float(wait)
        raise error

    def _paused(self, pauses: Iterator[float]) -> bool:
        """Sleep through the next of these pauses; False when there is none left."""
        pause = next(pauses, None)
        if pause is not None:
            self._host.clock.sleep(pause)
        return pause is not None

    def _back_off(self, failed: int) -> None:
        self._host.clock.sleep(FIRST_PAUSE * 2 ** (failed - 1) * (1 + self._jitter()))


def _understood(reply: Reply, understand: Callable[[Reply], T], writes: bool) -> T:
    try:
        return understand(reply)
    except BadAnswer as error:
        if not writes:
            raise
        message = error.message
    raise OutcomeUnknown(message, status=reply.status, raw=reply.excerpt())


def _not_kept(error: AuthExpired) -> CredentialsRefused:
    """A session that is refused right after its login is no matter of time."""
    return CredentialsRefused(
        f"SAP Business One refused a session right after the sign-in: {error.message}",
        step="login",
        fix="Check that the base URL leads to one Service Layer, and that the user may use it.",
        status=error.status,
        code=error.code,
        raw=error.raw,
    )
