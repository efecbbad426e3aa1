"""The Service Layer's calls, and the rules of repeating a request (docs: sap_b1 2.3, 3, 4.3, 5, 9).

A request is repeated where it certainly had no effect: an expired session and a broken node (one new session),
a company that is busy, nothing sent, or a read. Everything else is for the engine to look up.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import pairwise
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
from . import metadata, odata
from .config import CONNECT_TIMEOUT, LOGIN_TIMEOUT, READ_TIMEOUT, WRITE_TIMEOUT, Config
from .refusals import BrokenNode, CompanyBusy, LoginsCollided, fault, login_refusal, refusal
from .session import Session, Sessions

PAGE = 100  # rows asked for at once; a server may give fewer
SCHEMA_LIFE = timedelta(days=1)

TRIES = 4  # of a read that gets no answer, and of a login that meets another
FIRST_PAUSE = 0.5  # seconds, doubled each time
BUSY_PAUSES = (0.3, 0.7)  # seconds, on the same session, before a new one is tried

_LOGIN_LEASE = TRIES * (CONNECT_TIMEOUT + LOGIN_TIMEOUT) + 30  # seconds, in which every login has ended

Row = dict[str, Any]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Created:
    """`row` is the entity as answered ({} for 204), `location` the Location header ("" when there was none)."""

    row: Row
    location: str


class Client:
    """For any number of threads. `jitter` returns numbers in [0, 1)."""

    def __init__(self, spec: ConnectionSpec, host: Host, *, jitter: Callable[[], float] = random.random) -> None:
        self.config = Config.from_spec(spec)
        self._host = host
        self._jitter = jitter
        self._transport = Transport(spec, host, timeout=(CONNECT_TIMEOUT, READ_TIMEOUT))
        self._sessions = Sessions(self.config.session_key, host, self._login, _LOGIN_LEASE)
        self._schema: metadata.Schema | None = None

    def close(self) -> None:
        """Close the sockets. The session stays: other processes use it."""
        self._transport.close()

    # --- the session -----------------------------------------------------------------------------

    def sign_in(self) -> str:
        """One login, whatever session there is; returns the server's version, e.g. "1000190"."""
        return self._sessions.sign_in().version

    def logout(self) -> None:
        """End the shared session: for credentials that nobody else uses yet. A session that ended is left alone."""
        session = self._sessions.forget()
        if session:
            reply = self._send(session, "POST", self._url("Logout"), {})
            if reply.status != 401:
                self._checked(reply)

    def _login(self) -> Session:
        """Raises CredentialsRefused, which is never tried again."""
        config = self.config
        body = {
            "CompanyDB": config.company_db,
            "UserName": config.username,
            "Password": config.password,
            "Language": config.language,
        }
        pauses = iter(BUSY_PAUSES)
        collided = 0
        while True:
            # Without a cookie: an old ROUTEID would lead back to the node that the session is fled from.
            reply = self._transport.send(
                "POST", f"{config.base}/Login", json=body, timeout=LOGIN_TIMEOUT, limits=config.limits
            )
            try:
                self._checked(reply, judge=login_refusal)
                session = Session.from_login(reply.json(), reply.headers.get("Set-Cookie", ""))
            except CompanyBusy:
                pause = next(pauses, None)
                if pause is None:
                    raise
                self._host.clock.sleep(pause)
            except (LoginsCollided, Unreachable):
                collided += 1
                if collided == TRIES:
                    raise
                self._pause(collided)
            else:
                self._transport.hide(session.id, session.route)
                return session

    # --- reading ---------------------------------------------------------------------------------

    def get(self, path: str, *, select: Sequence[str] = ()) -> Row:
        """One entity. Raises NotFound."""
        return self._read(self._url(path, [("$select", ",".join(select))]), addressed=True)

    def rows(
        self, entity: str, *, key: str, select: Sequence[str] = (), filter: str = "", after: Any = None
    ) -> Iterator[list[Row]]:
        """All rows with `key` beyond `after` in the order of `key`, one list that is not empty a request.

        Every page begins after the last key of the one before, so that what is added or removed in between
        moves no row past the reader. Ends with a page that is short and has no link to more.
        """
        if select and key not in select:
            select = [*select, key]
        while True:
            clauses = [f"({filter})" if filter else "", "" if after is None else f"{key} gt {odata.literal(after)}"]
            options = [
                ("$select", ",".join(select)),
                ("$filter", " and ".join(each for each in clauses if each)),
                ("$orderby", f"{key} asc"),
            ]
            found, link = self._page(self._url(entity, options))
            if not found:
                return
            _require_order(entity, [after, *(row.get(key) for row in found)])
            after = found[-1][key]
            yield found
            if len(found) < PAGE and not link:
                return

    def find(
        self, entity: str, *, filter: str, select: Sequence[str] = (), top: int = 20, orderby: str = ""
    ) -> list[Row]:
        """The first `top` rows that match."""
        found: list[Row] = []
        for page in self._chain(entity, select, filter, orderby, top):
            found += page
            if len(found) >= top:
                break
        return found[:top]

    def linked(
        self, entity: str, *, select: Sequence[str] = (), filter: str = "", orderby: str = ""
    ) -> Iterator[list[Row]]:
        """All rows by the server's own links, one list that is not empty a request: for sets without an ordered key."""
        return self._chain(entity, select, filter, orderby)

    def _chain(
        self, entity: str, select: Sequence[str], filter: str, orderby: str, top: int | None = None
    ) -> Iterator[list[Row]]:
        options = [
            ("$select", ",".join(select)),
            ("$filter", filter),
            ("$orderby", orderby),
            ("$top", "" if top is None else str(top)),
        ]
        url, seen = self._url(entity, options), set[str]()
        while url not in seen:
            seen.add(url)
            found, link = self._page(url)
            if found:
                yield found
            if not found or not link:
                return
            url = odata.resolve(self.config.base, link)
        raise BadAnswer(f"SAP Business One's list {entity} leads back to a page that was read already.")

    def _page(self, url: str) -> tuple[list[Row], str]:
        """The rows of a page, and the link to the next one as the server spelt it."""
        answer = self._read(url, headers={"Prefer": f"odata.maxpagesize={PAGE}"})
        found = answer.get("value")
        if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
            raise BadAnswer("SAP Business One answered a list without its rows.")
        return found, odata.next_link(answer)

    # --- writing and calling ---------------------------------------------------------------------

    def create(self, entity: str, body: Row) -> Created:
        """POST. Raises OutcomeUnknown where the answer does not say what was created."""

        def created(reply: Reply) -> Created:
            location = reply.headers.get("Location", "")
            row = {} if reply.status == 204 else reply.json()
            if not isinstance(row, dict) or not (row or reply.status == 204):
                raise BadAnswer("SAP Business One accepted the record but did not say what it wrote.")
            return Created(row, location)

        return self._request("POST", self._url(entity), created, body=body, writes=True)

    def call(self, path: str, body: Row | None = None, *, writes: bool) -> Any:
        """POST of a function (repeated like a read) or of an action (`writes`): its JSON, None when it has none."""

        def answered(reply: Reply) -> Any:
            if reply.status == 204 or (writes and not reply.body.strip()):
                return None
            return reply.json()

        return self._request("POST", self._url(path), answered, body=body, writes=writes, addressed="(" in path)

    def delete(self, path: str) -> None:
        self._request("DELETE", self._url(path), lambda reply: None, writes=True, addressed=True)

    # --- what the company's version has ----------------------------------------------------------

    def has_property(self, type_name: str, name: str) -> bool:
        """Whether a type, one of `metadata.TYPES`, has the property here. Raises ValueError for other types."""
        return self._metadata().has_property(type_name, name)

    def has_entity_set(self, name: str) -> bool:
        return name in self._metadata().sets

    def _metadata(self) -> metadata.Schema:
        """Read once a day for all processes, and once for this client."""
        if self._schema is None:
            store, clock = self._host.store, self._host.clock
            stored = store.get(self.config.schema_key)
            if stored and clock.now() - stored[1] < SCHEMA_LIFE:
                self._schema = metadata.Schema.from_text(stored[0])
            else:
                accept = {"Accept": "application/xml"}
                self._schema = self._request(
                    "GET", self._url("$metadata"), lambda reply: metadata.parse(reply.body), headers=accept
                )
                store.put(self.config.schema_key, self._schema.to_text())
        return self._schema

    # --- one request -----------------------------------------------------------------------------

    def _url(self, path: str, options: Sequence[tuple[str, str]] = ()) -> str:
        query = odata.query(options)
        return f"{self.config.base}/{path}" + (f"?{query}" if query else "")

    def _read(self, url: str, *, headers: dict[str, str] | None = None, addressed: bool = False) -> Row:
        def an_object(reply: Reply) -> Row:
            answer = reply.json()
            if not isinstance(answer, dict):
                raise BadAnswer("SAP Business One answered with another shape than documented.")
            return answer

        return self._request("GET", url, an_object, headers=headers, addressed=addressed)

    def _request(
        self,
        method: str,
        url: str,
        understand: Callable[[Reply], T],
        *,
        headers: dict[str, str] | None = None,
        body: Any = None,
        writes: bool = False,
        addressed: bool = False,
    ) -> T:
        """What `understand` makes of the successful answer; it raises BadAnswer where it cannot.

        Raises the errors of `refusals`, OutcomeUnknown (writes) and Unreachable or BadAnswer (reads).
        """
        session = self._sessions.current()
        pauses = iter(BUSY_PAUSES)
        lost, renewed = 0, False
        while True:
            try:
                reply = self._send(session, method, url, headers or {}, body=body, writes=writes)
                self._checked(reply, writes=writes, addressed=addressed)
                return self._understood(reply, understand, writes)
            except CompanyBusy:
                pause = next(pauses, None)
                if pause is not None:
                    self._host.clock.sleep(pause)
                    continue
                if renewed:
                    raise
            except BrokenNode:
                if renewed:
                    raise
            except AuthExpired as error:
                if renewed:
                    raise _not_kept(error) from None
            except (Unreachable, BadAnswer):
                lost += 1
                if lost == TRIES:
                    raise
                self._pause(lost)
                continue
            session, renewed = self._sessions.renew(session), True

    def _send(
        self,
        session: Session,
        method: str,
        url: str,
        headers: dict[str, str],
        *,
        body: Any = None,
        writes: bool = False,
    ) -> Reply:
        self._transport.hide(session.id, session.route)
        return self._transport.send(
            method,
            url,
            headers={**headers, "Cookie": session.cookie},
            json=body,
            timeout=WRITE_TIMEOUT if writes else READ_TIMEOUT,
            writes=writes,
            limits=self.config.limits,
        )

    def _checked(
        self,
        reply: Reply,
        *,
        writes: bool = False,
        addressed: bool = False,
        judge: Callable[..., ConnectorError | None] = refusal,
    ) -> None:
        """Raises the error that an answer means."""
        status = reply.status
        if 200 <= status < 300:
            return
        raw = reply.excerpt()
        found = fault(reply.body.decode("utf-8", "replace"))
        if found:
            found = replace(found, message=reply.redactor.literals(found.message))
        error = judge(status, found, raw, addressed=addressed)
        if error is None:
            kind = OutcomeUnknown if writes else Unreachable
            text = found.message if found else ""
            message = f"SAP Business One answered with an error of its own (HTTP {status}). {text}".strip()
            error = kind(message, status=status, code=(found.code if found else "") or None, raw=raw)
        wait = reply.headers.get("Retry-After", "")
        if isinstance(error, RateLimited) and wait.isdecimal():
            error.retry_after = float(wait)
        raise error

    @staticmethod
    def _understood(reply: Reply, understand: Callable[[Reply], T], writes: bool) -> T:
        try:
            return understand(reply)
        except BadAnswer as error:
            if not writes:
                raise
            failure = OutcomeUnknown(error.message, status=reply.status, raw=reply.excerpt())
        raise failure

    def _pause(self, tries: int) -> None:
        pause = FIRST_PAUSE * 2 ** (tries - 1)
        self._host.clock.sleep(pause * (1 + self._jitter()))


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


def _require_order(entity: str, keys: Sequence[Any]) -> None:
    """Raises BadAnswer when rows came in another order than asked for: the next page would skip some.

    Texts are ordered by the database's own rules; of them only standing still is told.
    """
    for before, now in pairwise(keys):
        if now is None or now == before or (isinstance(now, int) and isinstance(before, int) and now < before):
            raise BadAnswer(f"SAP Business One answered the list {entity} out of order.")
