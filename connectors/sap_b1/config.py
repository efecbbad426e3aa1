"""What a Service Layer connection is made of: address, company, credentials, budgets, names of what is shared.

docs: sap_b1 1 (address), 2.1 (login, time-outs), 9.1 (parallel requests)
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field

from ..budget import Limit, Slots
from ..errors import ConfigurationError
from ..ports import ConnectionSpec

# Seconds; the setting `request_timeout` overrides all but the first.
CONNECT_TIMEOUT = 10.0
LOGIN_TIMEOUT = 60.0  # 3 to 8 s are normal
READ_TIMEOUT = 60.0
WRITE_TIMEOUT = 100.0  # payments

LOOK_UPS = 10.0  # what a payment's look-ups usually take in all, before its POST

LOGIN_TRIES = 4  # where another login came in between, or no node was free
IN_FLIGHT = 2  # requests at once per company: a Service Layer node works on one at a time
LANGUAGE = "3"  # English (US): refusals are told apart by their English texts

_BASE = re.compile(r"(https?://[^?#]+)/b1s/v([12])")
_BASE_FIX = (
    "Enter the whole address of the Service Layer with its version, in lower case: "
    "https://<server>:50000/b1s/v1 or https://<server>:50000/b1s/v2."
)
_REQUIRED = (
    ("settings", "company_db", "the name of the company database"),
    ("credentials", "username", "the SAP Business One user"),
    ("credentials", "password", "the user's password"),
)


def _digest(*parts: str) -> str:
    """Short name for secret material: keys of the shared store are not secret themselves."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:24]


@dataclass(frozen=True, slots=True)
class Config:
    """Settings and credentials of one connection, checked and normalised.

    `base` ends in /b1s/v1 or /b1s/v2, without a slash. `identity` names server, company, user and password
    unreadably, whatever the version: a session is good for both. `company` names server and company.
    `login_lease`: seconds after which a process that signs in is taken for dead: one login has ended by then.
    `payment_lease`: the same of a process that enters a payment. It ends before the engine may send again what a dead
    process was sending, so that nobody waits for the dead one's lock.
    """

    base: str
    version: int
    company_db: str
    username: str = field(repr=False)
    password: str = field(repr=False)
    language: str
    identity: str
    company: str
    limits: tuple[Limit, ...]
    login_lease: float
    payment_lease: float

    @classmethod
    def from_spec(cls, spec: ConnectionSpec) -> Config:
        """Raises ConfigurationError naming the setting and what to do about it."""
        found = _BASE.fullmatch(spec.base_url.strip().rstrip("/"))
        if not found:
            raise ConfigurationError(
                f"{spec.name}: the base URL does not end in /b1s/v1 or /b1s/v2.", step="settings", fix=_BASE_FIX
            )
        values, missing = {}, []
        for where, name, what in _REQUIRED:
            values[name] = str(getattr(spec, where).get(name) or "").strip(" \r\n" if name != "password" else "\r\n")
            if not values[name]:
                missing.append(f"{name} ({what})")
        if missing:
            raise ConfigurationError(
                f"{spec.name}: not set: {'; '.join(missing)}.", step="settings", fix="Fill in the missing values."
            )
        language = str(spec.settings.get("language") or LANGUAGE).strip()
        if not language.isdecimal():
            raise ConfigurationError(
                f"{spec.name}: language is not the number of a SAP Business One language.",
                step="settings",
                fix="Leave language empty, or enter 3 for English.",
            )
        company = _digest(found[1], values["company_db"])
        own = _seconds(spec)
        ttl = CONNECT_TIMEOUT + max(WRITE_TIMEOUT, own) + 5
        return cls(
            base=found[0],
            version=int(found[2]),
            language=language,
            identity=_digest(found[1], *values.values()),
            company=company,
            limits=(Slots(f"sap_b1:{company}", IN_FLIGHT, ttl),),
            login_lease=CONNECT_TIMEOUT + (own or LOGIN_TIMEOUT) + 5,
            payment_lease=ttl + LOOK_UPS,
            **values,
        )

    @property
    def session_key(self) -> str:
        return f"sap_b1:session:{self.identity}"

    @property
    def schema_key(self) -> str:
        """Names what was read from this company's $metadata."""
        return f"sap_b1:schema:{self.company}:v{self.version}"


def _seconds(spec: ConnectionSpec) -> float:
    """The setting `request_timeout`, 0 when it is not set."""
    try:
        return float(spec.settings.get("request_timeout") or 0)
    except (TypeError, ValueError):
        raise ConfigurationError(f"{spec.name}: request_timeout is not a number of seconds.", step="settings") from None
