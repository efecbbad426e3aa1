"""What a Sage 100 connection needs, checked once and typed.

docs: sage100 8.1 (address, key, company), 8.3 (paging), 8.10 (limits)
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from datetime import timedelta

from ..budget import Limit, Rate
from ..errors import ConfigurationError
from ..ports import ConnectionSpec

PAGE_SIZE = 500
LIST_TIMEOUT = 65.0  # seconds; the agent answers lists within 60
WRITE_TIMEOUT = 125.0  # seconds; the agent answers writes within 120, then 504
OVERLAP = timedelta(minutes=10)  # asked again on every poll: clocks of workstations differ, and DST folds
VALIDATION_LIFE = timedelta(minutes=5)  # how long the company check holds
REQUESTS_PER_SECOND = 10  # per key

_COMPANY = re.compile(r"[A-Z0-9]{3}")
_KEY = re.compile(r"[A-Za-z0-9_\-]{32,128}")


@dataclass(frozen=True, slots=True)
class Config:
    """`root` is the agent's address without `/v1`; `identity` names this address, key and company, unreadably."""

    root: str
    company_code: str
    api_key: str = field(repr=False)
    identity: str
    limits: tuple[Limit, ...]


def parse(spec: ConnectionSpec) -> Config:
    """Raises ConfigurationError naming the setting and what to do about it."""
    root = re.sub(r"/v1$", "", spec.base_url.strip().rstrip("/")).rstrip("/")
    company = str(spec.settings.get("company_code") or "").strip().upper()
    if not _COMPANY.fullmatch(company):
        raise ConfigurationError(
            "The company code must be three letters or digits.",
            step="company",
            fix="Enter the company code as Sage 100 shows it, e.g. ABC.",
        )
    key = str(spec.credentials.get("api_key") or "").strip()
    if key and not _KEY.fullmatch(key):
        raise ConfigurationError(
            "The API key is not one that the agent issues (32 to 128 letters, digits, - and _).",
            step="login",
            fix="Copy the key again from the agent's settings.",
        )
    certificate = spec.credentials.get("client_certificate"), spec.credentials.get("client_key")
    if any(certificate) and not all(certificate):
        raise ConfigurationError(
            "A client certificate needs its key, and the key its certificate.",
            step="login",
            fix="Enter client_certificate and client_key.",
        )
    if not key and not all(certificate):
        raise ConfigurationError(
            "Neither an API key nor a client certificate is set.",
            step="login",
            fix="Enter api_key, or client_certificate and client_key.",
        )
    holder = hashlib.sha256(f"{root}\n{key or certificate[0]}".encode()).hexdigest()[:24]
    return Config(
        root=root,
        company_code=company,
        api_key=key,
        identity=f"{holder}:{company}",
        limits=(Rate(f"sage100:{holder}", REQUESTS_PER_SECOND, "second"),),
    )
