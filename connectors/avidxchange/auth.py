"""Who is calling: headers from the profile's templates, and tokens that are got for them. docs: avidxchange 4

A token that was got is shared by all processes; one of them at a time gets the next. What was refused is never tried
again unasked. Bodies of the sign-in may hold the password, in errors too, and are shown nowhere (4.2).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from ..errors import BadAnswer, ConfigurationError, ConnectorError, CredentialsRefused, RateLimited, Unreachable
from ..ports import Host
from ..transport import Reply, Transport
from . import paths, refusals
from .config import CONNECT_TIMEOUT, Config
from .schema import placeholders

MARGIN = timedelta(seconds=60)  # before its end, when a token is no longer used

_PATIENCE = 90.0  # seconds to wait for another process that signs in
_POLL = 0.2
_FIX = "Check the credentials of the connection, then test it."


@dataclass(frozen=True, slots=True)
class Token:
    """`ends` is None where the server did not tell."""

    value: str = field(repr=False)
    ends: datetime | None = None

    @classmethod
    def from_text(cls, text: str) -> Token | None:
        try:
            value, ends = json.loads(text)
            return cls(value, datetime.fromisoformat(ends) if ends else None)
        except (ValueError, TypeError):
            return None

    def to_text(self) -> str:
        return json.dumps([self.value, self.ends.isoformat() if self.ends else ""])


class Access:
    """`limits` of the connection hold for the sign-in too."""

    def __init__(self, config: Config, host: Host, transport: Transport) -> None:
        self._config = config
        self._auth = config.auth
        self._host = host
        self._transport = transport
        self._key = f"avidxchange:token:{config.identity}"
        self._refused: CredentialsRefused | None = None

    @property
    def renewable(self) -> bool:
        return self._auth.authorize is not None

    def refuse(self, error: CredentialsRefused) -> CredentialsRefused:
        """From now on nothing is sent any more; `forgive` ends that."""
        self._refused = error
        return error

    def forgive(self) -> None:
        """Somebody asks for a test: what was refused and what was got before is forgotten."""
        self._refused = None
        self._host.store.delete(self._key)

    def token(self, failed: Token | None = None) -> Token:
        """One that should be alive and is not the one that failed. Raises CredentialsRefused, RateLimited."""
        if self._refused:
            raise self._refused
        if not self.renewable:
            return Token("")
        return self._stored(failed) or self._sign_in(failed)

    def headers(self, token: Token) -> dict[str, str]:
        return filled(self._auth.headers, {**self._auth.values, "access_token": token.value})

    def _stored(self, failed: Token | None) -> Token | None:
        found = self._host.store.get(self._key)
        token = Token.from_text(found[0]) if found else None
        if token is None or (failed and token.value == failed.value):
            return None
        if token.ends and self._host.clock.now() >= token.ends - MARGIN:
            return None
        self._transport.hide(token.value)
        return token

    def _sign_in(self, failed: Token | None) -> Token:
        store, clock = self._host.store, self._host.clock
        deadline = clock.monotonic() + _PATIENCE
        lease = f"{self._key}:sign_in"
        while (slot := store.acquire_slot(lease, 1, CONNECT_TIMEOUT + self._config.read_timeout + 5)) is None:
            if newer := self._stored(failed):
                return newer
            if clock.monotonic() > deadline:
                raise RateLimited("Another process is signing in to AvidXchange and does not finish.", retry_after=5.0)
            clock.sleep(_POLL)
        try:
            if newer := self._stored(failed):
                return newer
            token = self._authorize()
            self._transport.hide(token.value)
            store.put(self._key, token.to_text())
            return token
        finally:
            store.release_slot(slot)

    def _authorize(self) -> Token:
        shape: Mapping[str, Any] = self._auth.authorize or {}
        url = fill(shape["url"], self._auth.values)
        reply = self._transport.send(
            "POST",
            url if "://" in url else self._config.base + url,
            headers={
                **filled(shape.get("headers", {}), self._auth.values),
                "Content-Type": "application/x-www-form-urlencoded",
            },
            data=urlencode(filled(shape["form"], self._auth.values)).encode(),
            limits=self._config.limits,
            private=True,
        )
        if not 200 <= reply.status < 300:
            raise self._refusal(reply)
        body = self._body(reply)
        value = paths.get(body, shape["access_token"])
        if not isinstance(value, str) or not value:
            raise BadAnswer("AvidXchange answered the sign-in without a token.", status=reply.status)
        return Token(value, self._end(paths.get(body, shape["expires_in"]) if "expires_in" in shape else None))

    def _end(self, seconds: Any) -> datetime | None:
        try:
            return self._host.clock.now() + timedelta(seconds=float(seconds))
        except (TypeError, ValueError, OverflowError):
            return None

    @staticmethod
    def _body(reply: Reply) -> Any:
        try:
            return reply.json()
        except BadAnswer:  # whose excerpt may show what was sent
            pass
        raise BadAnswer("AvidXchange answered the sign-in with something that is not JSON.", status=reply.status)

    def _refusal(self, reply: Reply) -> ConnectorError:
        status = reply.status
        wait = refusals.retry_after(reply.headers.get("Retry-After", ""), self._host.clock.now())
        if status == 429:
            return RateLimited("AvidXchange is asked to sign in too often.", retry_after=wait, status=status)
        if status >= 500 or status == 408:
            return Unreachable(f"AvidXchange could not sign in (HTTP {status}).", retry_after=wait, status=status)
        if status not in (400, 401, 403):
            return ConfigurationError(
                f"The sign-in is not at this address (HTTP {status}).",
                step="login",
                fix="Check the base URL, the token URL and the profile.",
                status=status,
            )
        return self.refuse(
            CredentialsRefused(
                f"AvidXchange refused the sign-in. {self._said(reply)}", step="login", fix=_FIX, status=status
            )
        )

    def _said(self, reply: Reply) -> str:
        """In the server's words, of which only a message is shown, without what we sent."""
        try:
            found = refusals.faults(self._config.profile, self._body(reply))
        except BadAnswer:
            return ""
        return self._transport.redactor.literals(" ".join(fault.message for fault in found))[:200]


def fill(template: str, values: Mapping[str, str]) -> str:
    for name in placeholders(template):
        template = template.replace(f"{{{name}}}", values.get(name, ""))
    return template


def filled(templates: Mapping[str, str], values: Mapping[str, str]) -> dict[str, str]:
    """Those that have all that they ask for: a tenant may have no number."""
    return {
        name: fill(template, values)
        for name, template in templates.items()
        if all(values.get(each) for each in placeholders(template))
    }
