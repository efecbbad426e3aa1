"""The one Service Layer session that all processes share, renewed by one of them at a time.

A session is a licensed company connection that ends after some minutes of inactivity, every call resets
the timer, a login takes seconds, and concurrent logins fail (docs: sap_b1 2.1, 2.3). It lives in the
host's shared store, which encrypts it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from ..errors import BadAnswer, CredentialsRefused, RateLimited
from ..ports import Host

DEFAULT_MINUTES = 30.0  # of inactivity, where the server does not tell
MARGIN = timedelta(minutes=1)  # how long before its end a session is renewed
TOUCH_EVERY = timedelta(minutes=1)  # how exactly the other processes know when the session was last used

_PATIENCE = 90.0  # seconds to wait for another process's login before the work is parked
_POLL = 0.2

_COOKIE = re.compile(r"(?<![\w-])(B1SESSION|ROUTEID)=([^;,\s]+)")
_COOKIE_VALUE = re.compile(r"[^;,\s]+")


@dataclass(frozen=True, slots=True)
class Session:
    """`route` names the node that knows the session ("" when the server has but one); `minutes` is its idle life."""

    id: str = field(repr=False)
    route: str = field(repr=False)
    minutes: float
    version: str

    @property
    def cookie(self) -> str:
        """The Cookie header: written out, because B1SESSION comes without a path, which jars read differently."""
        return f"B1SESSION={self.id}" + (f"; ROUTEID={self.route}" if self.route else "")

    @property
    def idle(self) -> timedelta:
        """How long it may lie unused before it must be renewed."""
        life = timedelta(minutes=self.minutes)
        return max(life - MARGIN, life / 2)

    @classmethod
    def from_login(cls, answer: Any, set_cookie: str) -> Session:
        """From a login's body and its Set-Cookie headers, joined by commas. Raises BadAnswer."""
        body = answer if isinstance(answer, dict) else {}
        cookies = dict(_COOKIE.findall(set_cookie))
        session = cookies.get("B1SESSION") or str(body.get("SessionId") or "")
        if not _COOKIE_VALUE.fullmatch(session):
            raise BadAnswer("SAP Business One answered the sign-in without a session.")
        minutes = _minutes(body.get("SessionTimeout"))
        return cls(session, cookies.get("ROUTEID", ""), minutes, str(body.get("Version") or ""))

    @classmethod
    def from_text(cls, text: str) -> Session | None:
        try:
            return cls(**json.loads(text))
        except (ValueError, TypeError):
            return None

    def to_text(self) -> str:
        return json.dumps(asdict(self))


def _minutes(value: Any) -> float:
    try:
        minutes = float(value)
    except (TypeError, ValueError):
        return DEFAULT_MINUTES
    return minutes if 0 < minutes <= 24 * 60 else DEFAULT_MINUTES


@dataclass
class _Known:
    """The session this process uses, when it last did, and when it last said so to the others."""

    session: Session
    used: datetime
    told: datetime


class Sessions:
    """`login` signs in, which takes less than `lease` seconds; `key` names the session in the store."""

    def __init__(self, key: str, host: Host, login: Callable[[], Session], lease: float) -> None:
        self._key = key
        self._host = host
        self._login = login
        self._lease = lease
        self._known: _Known | None = None
        self._refused: CredentialsRefused | None = None

    def current(self) -> Session:
        """A session that should be alive; signs in when there is none. Raises what `renew` raises."""
        now, known = self._host.clock.now(), self._known
        if known is None or now - known.used > known.session.idle:
            stored, stamp = self._stored()
            if stored is None or now - stamp > stored.idle:
                return self._sign_in(stored)
            known = self._known = _Known(stored, now, stamp)
        known.used = now
        if now - known.told >= min(TOUCH_EVERY, known.session.idle / 4):
            known.told = now
            self._host.store.touch(self._key)
        return known.session

    def renew(self, failed: Session) -> Session:
        """Another session than the one that failed: another process's if it was quicker, else a new login.

        Raises CredentialsRefused, at once and for good after one refused login: repeating it would lock
        the user out. Raises RateLimited when another process's login takes too long.
        """
        return self._sign_in(failed)

    def give_up(self, error: CredentialsRefused) -> CredentialsRefused:
        """Sessions do not hold: whoever asks for another one here gets this error instead of a login."""
        self._refused = error
        return error

    def sign_in(self) -> Session:
        """A new login whatever is known: for testing credentials."""
        self._refused = None
        return self._sign_in(None, anyway=True)

    def forget(self) -> Session | None:
        """The shared session, which nobody is to use from now on."""
        stored, _ = self._stored()
        self._host.store.delete(self._key)
        self._known = None
        return stored

    def _sign_in(self, failed: Session | None, anyway: bool = False) -> Session:
        store, clock = self._host.store, self._host.clock
        deadline = clock.monotonic() + _PATIENCE
        while (lease := store.acquire_slot(f"{self._key}:login", 1, self._lease)) is None:
            if not anyway and (newer := self._newer_than(failed)):
                return newer
            if clock.monotonic() > deadline:
                raise RateLimited(
                    "Another process is signing in to SAP Business One and does not finish.", retry_after=_PATIENCE
                )
            clock.sleep(_POLL)
        try:
            if not anyway and (newer := self._newer_than(failed)):
                return newer
            if self._refused:
                raise self._refused
            session = self._login()
            store.put(self._key, session.to_text())
        except CredentialsRefused as error:
            self._refused = error
            raise
        finally:
            store.release_slot(lease)
        return self._adopt(session)

    def _newer_than(self, failed: Session | None) -> Session | None:
        stored, stamp = self._stored()
        if stored and stored != failed and self._host.clock.now() - stamp <= stored.idle:
            return self._adopt(stored)
        return None

    def _stored(self) -> tuple[Session | None, datetime]:
        found = self._host.store.get(self._key)
        return (Session.from_text(found[0]), found[1]) if found else (None, self._host.clock.now())

    def _adopt(self, session: Session) -> Session:
        now = self._host.clock.now()
        self._known = _Known(session, now, now)
        return session
