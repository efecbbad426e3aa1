"""What a BILL connection is made of: addresses, credentials, budgets and the names of what is shared."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from ..budget import Limit, Rate, Slots
from ..errors import ConfigurationError
from ..ports import ConnectionSpec

CONNECT_TIMEOUT = 10.0  # seconds
READ_TIMEOUT = 30.0  # seconds (docs: bill 11); the setting `request_timeout` overrides it

IN_FLIGHT = 3  # per developer key and organization (docs: bill 4)
REQUESTS_AN_HOUR = 20_000  # per developer key
LOGINS_AN_HOUR = 200  # per developer key, counted apart from the requests (docs: bill 13.1)

_REQUIRED = (
    ("settings", "organization_id", "the id of the BILL organization, 008..."),
    ("credentials", "username", "the user's e-mail address or the name of an AP & AR sync token"),
    ("credentials", "password", "the password or the sync token's value"),
    ("credentials", "dev_key", "the developer key of the same environment (sandbox or production)"),
)


def _digest(*parts: str) -> str:
    """Short name for secret material: keys of the shared store are not secret themselves."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Config:
    """Settings and credentials of one connection, checked and normalised.

    `base` and `events` end in `/connect` and `/connect-events`: without `/v3`, without a slash.
    """

    base: str
    events: str
    organization_id: str
    username: str = field(repr=False)
    password: str = field(repr=False)
    dev_key: str = field(repr=False)
    read_timeout: float = READ_TIMEOUT

    @classmethod
    def from_spec(cls, spec: ConnectionSpec) -> Config:
        """Raises ConfigurationError naming everything that is missing."""
        values: dict[str, str] = {}
        missing = []
        for where, name, what in _REQUIRED:
            value = str(getattr(spec, where).get(name) or "").strip()
            values[name] = value
            if not value:
                missing.append(f"{name} ({what})")
        base = _without_version(spec.base_url)
        if not base:
            missing.insert(0, "base_url (https://gateway.stage.bill.com/connect or the production one)")
        if missing:
            raise ConfigurationError(
                f"{spec.name}: not set: {'; '.join(missing)}.", step="settings", fix="Fill in the missing values."
            )
        events = _without_version(str(spec.settings.get("events_url") or "")) or _events_of(base)
        try:
            read_timeout = float(spec.settings.get("request_timeout") or READ_TIMEOUT)
        except (TypeError, ValueError):
            raise ConfigurationError(
                f"{spec.name}: request_timeout is not a number of seconds.", step="settings"
            ) from None
        return cls(base=base, events=events, read_timeout=read_timeout, **values)

    @property
    def limits(self) -> tuple[Limit, ...]:
        """What every call but the login counts against."""
        key = _digest(self.dev_key)
        ttl = CONNECT_TIMEOUT + self.read_timeout + 5
        return (
            Slots(f"bill:{key}:{self.organization_id}", IN_FLIGHT, ttl),
            Rate(f"bill:{key}:requests", REQUESTS_AN_HOUR, "hour"),
        )

    @property
    def login_limits(self) -> tuple[Limit, ...]:
        return (Rate(f"bill:{_digest(self.dev_key)}:logins", LOGINS_AN_HOUR, "hour"),)

    @property
    def session_key(self) -> str:
        """Names the shared session; other credentials have another one (a session belongs to its developer key)."""
        parts = (self.base, self.organization_id, self.username, self.password, self.dev_key)
        return f"bill:session:{_digest(*parts)}"

    @property
    def dialect_key(self) -> str:
        """Names what was found out about this organization's API."""
        return f"bill:in:{_digest(self.base, self.organization_id)}"


def _without_version(url: str) -> str:
    return url.strip().rstrip("/").removesuffix("/v3").rstrip("/")


def _events_of(base: str) -> str:
    """The webhook API stands beside the main one (docs: bill 1)."""
    return base.removesuffix("/connect") + "/connect-events"
