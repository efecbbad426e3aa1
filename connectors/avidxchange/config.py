"""What an AvidXchange connection is made of: host, profile, accounting system, credentials, budgets.

docs: avidxchange 3 (host), 4 (authentication), 5.5 (throttle), 11 (profiles)
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from ..budget import Limit, Rate, Slots
from ..errors import ConfigurationError
from ..ports import ConnectionSpec
from . import profile as profiles
from .profile import Profile
from .schema import AUTH_MODES, placeholders

# All assumed (docs: avidxchange 5.5).
CONNECT_TIMEOUT = 10.0  # seconds
READ_TIMEOUT = 60.0  # seconds; the setting `request_timeout` overrides it
REQUESTS_PER_MINUTE = 60
IN_FLIGHT = 2

_SECRETS = ("company_token", "user_token", "username", "password", "client_id", "client_secret")
_LONGEST_SECRET = 4096
_UNTYPED = frozenset({"access_token", "tenant"})  # obtained, and optional


@dataclass(frozen=True, slots=True)
class Auth:
    """How to sign a request. `authorize` is the request that gets an access token, None where tokens are given.
    `values` fill the templates of both."""

    mode: str
    headers: Mapping[str, str]
    authorize: Mapping[str, Any] | None
    values: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Config:
    """`origin` is scheme and host, `base` the root of the API; neither ends in a slash. `identity` names host and
    credentials unreadably."""

    profile: Profile
    origin: str
    base: str
    accounting_system: str
    auth: Auth
    identity: str
    limits: tuple[Limit, ...]
    read_timeout: float


def parse(spec: ConnectionSpec) -> Config:
    """Raises ConfigurationError naming the setting and what to do about it."""
    settings = spec.settings
    profile = profiles.load(_text(settings, "profile") or profiles.DEFAULT, settings.get("profile_overrides"))
    accounting_system = _text(settings, "accounting_system")
    if not accounting_system:
        raise _wrong("The accounting system is not set.", "Enter its name as AvidXchange shows it, e.g. Sage 100 ABC.")
    origin = _origin(spec.base_url, profile.base_path)
    auth = _auth(spec, profile)
    identity = hashlib.sha256("\0".join((origin, auth.mode, *auth.values.values())).encode()).hexdigest()[:24]
    read_timeout = float(settings.get("request_timeout") or READ_TIMEOUT)
    # A dead process's place among those in flight is free as soon as its request must have ended.
    life = CONNECT_TIMEOUT + read_timeout + 5
    limits: tuple[Limit, ...] = (
        Slots(f"avidxchange:{identity}", _whole(settings, "max_in_flight", IN_FLIGHT, 100), life),
        Rate(
            f"avidxchange:{identity}", _whole(settings, "requests_per_minute", REQUESTS_PER_MINUTE, 1000000), "minute"
        ),
    )
    return Config(
        profile=profile,
        origin=origin,
        base=origin + profile.base_path,
        accounting_system=accounting_system,
        auth=auth,
        identity=identity,
        limits=limits,
        read_timeout=read_timeout,
    )


def _origin(base_url: str, base_path: str) -> str:
    """Scheme and host; the profile's own path behind them is forgiven."""
    parts = urlsplit(base_url.strip())
    path = parts.path.rstrip("/").removesuffix(base_path)
    if not parts.hostname or path or parts.query or parts.fragment or "@" in parts.netloc:
        raise _wrong(
            "The base URL is not just https:// and a host.",
            "Enter the API host of the onboarding e-mail, e.g. https://api.example.com; the profile adds the path.",
        )
    return f"{parts.scheme}://{parts.netloc}"


def _auth(spec: ConnectionSpec, profile: Profile) -> Auth:
    mode = _text(spec.settings, "auth_mode") or profile.auth["mode"]
    if mode not in AUTH_MODES:
        raise _wrong(f"{mode!r} is no auth mode.", f"Choose one of {', '.join(AUTH_MODES)}.")
    shape = profile.auth if mode == profile.auth["mode"] else profile.auth.get("modes", {}).get(mode)
    authorize = shape and shape.get("authorize")
    if shape is None or bool(authorize) == (mode == "static_tokens"):
        raise _wrong(
            f"The profile {profile.name} does not say how to sign in with {mode}.", "Choose another auth mode."
        )
    values = {name: str(spec.credentials.get(name) or "").strip("\r\n") for name in _SECRETS}
    values |= {name: _text(spec.settings, name) for name in ("token_url", "tenant")}
    needed = set[str]().union(*map(placeholders, _templates(shape["headers"], authorize))) - _UNTYPED
    missing = sorted(name for name in needed if not values.get(name))
    if missing:
        raise _wrong(f"{mode} needs {', '.join(missing)}.", "Enter what is missing, or choose another auth mode.")
    if any(len(value) > _LONGEST_SECRET for value in values.values()):
        raise _wrong(f"A token is longer than {_LONGEST_SECRET} characters.", "Copy it again.")
    return Auth(mode, shape["headers"], authorize, values)


def _templates(headers: Mapping[str, str], authorize: Mapping[str, Any] | None) -> list[str]:
    found = list(headers.values())
    if authorize:
        found += [authorize["url"], *authorize.get("headers", {}).values(), *authorize["form"].values()]
    return found


def _text(settings: Mapping[str, Any], name: str) -> str:
    return str(settings.get(name) or "").strip()


def _whole(settings: Mapping[str, Any], name: str, default: int, most: int) -> int:
    given = settings.get(name)
    try:
        found = default if given in (None, "") else int(str(given))
    except ValueError:
        found = 0
    if not 1 <= found <= most:
        raise _wrong(f"{name} must be a whole number from 1 to {most}.", "Correct it, or leave it empty.")
    return found


def _wrong(message: str, fix: str) -> ConfigurationError:
    return ConfigurationError(message, step="settings", fix=fix)
