"""What a Sage 300 connection is made of: address, company, credentials and what all processes share.

docs: sage300 1 (address), 2 and 2.1 (credentials), 10 (parallel requests, patience)
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from ..budget import Limit, Slots
from ..errors import ConfigurationError
from ..ports import ConnectionSpec

APPLICATION = "/Sage300WebApi"  # where IIS serves the Web API unless the site chose another path

CONNECT_TIMEOUT = 10.0  # seconds
READ_TIMEOUT = 120.0  # seconds: a stopped application pool starts first; the setting `request_timeout` overrides it

# No number is published; the server refuses floods, and writers of one company lock each other out. [assumed]
IN_FLIGHT = 3
WRITERS = 1

_VERSION = re.compile(r"/(?:v1\.0|-)(?:/|$)", re.IGNORECASE)
_COMPANY_IN_URL = re.compile(r"/-/([^/]+)")
_COMPANY = re.compile(r"[A-Z0-9_]{1,12}")  # an organization id; six characters at every site seen [assumed]


@dataclass(frozen=True, slots=True)
class Config:
    """Settings and credentials of one connection, checked and normalised.

    `root` is the application's address without `/v1.0` and without a slash. `username` is in capitals, as
    Sage 300 keeps user ids; `password` is what is sent.
    """

    root: str
    company: str
    username: str
    password: str = field(repr=False)
    read_timeout: float = READ_TIMEOUT

    @classmethod
    def from_spec(cls, spec: ConnectionSpec) -> Config:
        """Raises ConfigurationError naming the setting and what to do about it."""
        root, pasted = _address(spec)
        username = str(spec.credentials.get("username") or "").strip().upper()
        if not username or ":" in username:
            raise ConfigurationError(
                f"{spec.name}: username is missing or holds a colon.",
                step="settings",
                fix="Enter the Sage 300 user that has the Web API right; not ADMIN, which has none by default.",
            )
        # An empty password is right where the system database runs without security.
        password = str(spec.credentials.get("password") or "")
        if _switched_on(spec.settings.get("uppercase_password")):
            password = password.upper()
        return cls(
            root=root,
            company=_company(spec, pasted),
            username=username,
            password=password,
            read_timeout=_read_timeout(spec),
        )

    @property
    def base(self) -> str:
        """The company's address; `/<module>/<resource>` follows."""
        return f"{self.root}/v1.0/-/{self.company}"

    @property
    def authorization(self) -> str:
        return _basic(self.username, self.password)

    @property
    def authorization_in_capitals(self) -> str:
        """The same as `authorization` where the password has no small letters."""
        return _basic(self.username, self.password.upper())

    @property
    def read_limits(self) -> tuple[Limit, ...]:
        return (Slots(f"sage300:{self.identity}", IN_FLIGHT, self._longest),)

    @property
    def write_limits(self) -> tuple[Limit, ...]:
        """The writer's turn comes first: whoever waits for it must not hold a place among the readers."""
        return (Slots(f"sage300:{self.identity}:writer", WRITERS, self._longest), *self.read_limits)

    @property
    def identity(self) -> str:
        """Names the company at its address."""
        return _digest(self.root.lower(), self.company)

    @property
    def credentials_key(self) -> str:
        """Names what was found out about these credentials; not secret itself."""
        return f"sage300:login:{_digest(self.root.lower(), self.username, self.password)}"

    @property
    def _longest(self) -> float:
        return CONNECT_TIMEOUT + self.read_timeout + 5


def _address(spec: ConnectionSpec) -> tuple[str, str]:
    """The application's address in whatever form it was pasted, and the company that it names, "" if none.

    A bare host means the usual application; a site that publishes the API at the host itself is told by the
    `/v1.0` that follows the host.
    """
    text = spec.base_url.strip()
    try:
        parts = urlsplit(text if "://" in text else f"https://{text}")
    except ValueError:
        parts = urlsplit("")
    if not parts.hostname or "@" in parts.netloc:
        raise ConfigurationError(
            f"{spec.name}: the base URL names no host, or holds a user name.",
            step="settings",
            fix=f"Enter https://<host>{APPLICATION}; user name and password have fields of their own.",
        )
    path = re.sub("/{2,}", "/", parts.path)
    version = _VERSION.search(path)
    named = _COMPANY_IN_URL.search(path)
    application = path[: version.start()] if version else path.rstrip("/") or APPLICATION
    return f"{parts.scheme}://{parts.netloc}{application}", unquote(named[1]).strip().upper() if named else ""


def _company(spec: ConnectionSpec, pasted: str) -> str:
    company = str(spec.settings.get("company") or "").strip().upper()
    if company and pasted and company != pasted:
        raise ConfigurationError(
            f"{spec.name}: the base URL names the company {pasted}, the setting company says {company}.",
            step="company",
            fix="Correct one of them, or shorten the base URL to the application's address.",
        )
    if not _COMPANY.fullmatch(company or pasted):
        raise ConfigurationError(
            f"{spec.name}: the setting company is missing or no organization id.",
            step="company",
            fix="Enter the company's database id as the Sage 300 sign-on shows it, e.g. SAMINC.",
        )
    return company or pasted


def _read_timeout(spec: ConnectionSpec) -> float:
    try:
        return float(spec.settings.get("request_timeout") or READ_TIMEOUT)
    except (TypeError, ValueError):
        raise ConfigurationError(f"{spec.name}: request_timeout is not a number of seconds.", step="settings") from None


def _switched_on(value: object) -> bool:
    return value is True or str(value).strip().lower() in ("true", "yes", "on", "1")


def _basic(username: str, password: str) -> str:
    return f"Basic {base64.b64encode(f'{username}:{password}'.encode()).decode()}"


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
