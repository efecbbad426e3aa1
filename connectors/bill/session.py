"""The one BILL session that all processes share, renewed by one of them at a time.

A session lasts 35 minutes of inactivity, every call resets the timer, and logins are the scarcest
budget (docs: bill 2.1, 4). The session id lives in the host's shared store, which encrypts it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from ..errors import CredentialsRefused, RateLimited
from ..ports import Host

IDLE = timedelta(minutes=28)  # renewed before BILL forgets it
TOUCH_EVERY = timedelta(minutes=1)  # how exactly the other processes know when the session was last used

# How long a process that died while signing in blocks the others; one that takes longer costs a second login.
_LOGIN_SECONDS = 45.0
_PATIENCE = 60.0  # seconds to wait for another process's login before the work is parked
_POLL = 0.2


@dataclass
class _Known:
    """The session this process uses, when it last did, and when it last said so to the others."""

    session: str
    used: datetime
    told: datetime


class Sessions:
    """`login` signs in and returns a session id; `key` names the session in the store."""

    def __init__(self, key: str, host: Host, login: Callable[[], str]) -> None:
        self._key = key
        self._host = host
        self._login = login
        self._known: _Known | None = None
        self._refused: CredentialsRefused | None = None

    def current(self) -> str:
        """A session that should be alive; signs in when there is none. Raises what `renew` raises."""
        now, known = self._host.clock.now(), self._known
        if known is None or now - known.used >= IDLE:
            stored = self._host.store.get(self._key)
            if stored is None or now - stored[1] >= IDLE:
                return self.renew(stored[0] if stored else "")
            known = self._known = _Known(stored[0], now, stored[1])
        known.used = now
        if now - known.told >= TOUCH_EVERY:
            known.told = now
            self._host.store.touch(self._key)
        return known.session

    def renew(self, failed: str) -> str:
        """Another session than the one that failed: another process's if it was quicker, else a new login.

        Raises CredentialsRefused, at once and for good after one refused login: repeating it would lock
        the user out. Raises RateLimited when another process's login takes too long.
        """
        return self._sign_in(failed)

    def sign_in(self) -> str:
        """A new login whatever is known: for testing credentials."""
        self._refused = None
        return self._sign_in(None)

    def _sign_in(self, failed: str | None) -> str:
        store, clock = self._host.store, self._host.clock
        deadline = clock.monotonic() + _PATIENCE
        while (lease := store.acquire_slot(f"{self._key}:login", 1, _LOGIN_SECONDS)) is None:
            if failed is not None and (newer := self._newer_than(failed)):
                return newer
            if clock.monotonic() > deadline:
                raise RateLimited("Another process is signing in to BILL and does not finish.", retry_after=_PATIENCE)
            clock.sleep(_POLL)
        try:
            if failed is not None and (newer := self._newer_than(failed)):
                return newer
            if self._refused:
                raise self._refused
            session = self._login()
            store.put(self._key, session)
        except CredentialsRefused as error:
            self._refused = error
            raise
        finally:
            store.release_slot(lease)
        return self._adopt(session)

    def _newer_than(self, failed: str) -> str | None:
        stored = self._host.store.get(self._key)
        if stored and stored[0] != failed and self._host.clock.now() - stored[1] < IDLE:
            return self._adopt(stored[0])
        return None

    def _adopt(self, session: str) -> str:
        now = self._host.clock.now()
        self._known = _Known(session, now, now)
        return session
