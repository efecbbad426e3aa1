"""What a monday.com connection is made of: address, token, pinned version, and the plan that sets its budgets.

docs: monday 1 (transport), 2 (authentication), 3 (versions), 4 (limits)
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from ..errors import ConfigurationError
from ..ports import ConnectionSpec
from .budgets import DEFAULT_PLAN, PLANS, Plan

PATH = "/v2"
API_VERSIONS = ("2026-10", "2026-07")  # our documents use nothing that differs between the two

CONNECT_TIMEOUT = 10.0  # seconds
READ_TIMEOUT = 65.0  # seconds; monday.com gives up after 60 (docs: monday 1)

ITEMS_A_WRITE = 20  # mutations of one document (docs: monday 11)
KEYS_A_LOOK_UP = 100  # docs: monday 9

_ID = re.compile(r"[0-9]{1,20}")
_TOKEN = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True, slots=True)
class Config:
    """Settings and credentials of one connection, checked and normalised.

    `site` names the address and `identity` address and token, both unreadably: keys of what processes share.
    `item_writes` is the operator's own cap of item mutations a minute, 0 is none.
    """

    url: str
    api_version: str
    plan: Plan
    authorization: str = field(repr=False)
    site: str
    identity: str
    boards: Mapping[str, str]
    workspace: str
    daily_calls: int
    item_writes: int
    read_timeout: float

    @property
    def items_a_write(self) -> int:
        return min(ITEMS_A_WRITE, self.item_writes or ITEMS_A_WRITE)


def parse(spec: ConnectionSpec) -> Config:
    """Raises ConfigurationError naming the setting and what to do about it."""
    settings = spec.settings
    url = _url(spec.base_url)
    token = str(spec.credentials.get("api_token") or "").strip()
    prefix = str(settings.get("token_prefix") or "").strip()
    if token.lower().startswith("bearer "):  # pasted with it
        prefix, token = "Bearer", token[7:].strip()
    if not _TOKEN.fullmatch(token):
        raise _unusable("api_token", "is missing or holds blanks", "Copy the token from Developers > My access tokens.")
    version = str(settings.get("api_version") or API_VERSIONS[0])
    if version not in API_VERSIONS:
        raise _unusable("api_version", f"{version} is not one that was tried", f"Choose {' or '.join(API_VERSIONS)}.")
    name = str(settings.get("plan") or DEFAULT_PLAN)
    if name not in PLANS:
        raise _unusable("plan", f"{name} is unknown", f"Choose {', '.join(PLANS)}.")
    plan = PLANS[name]
    return Config(
        url=url,
        api_version=version,
        plan=plan,
        authorization=f"{prefix} {token}".strip(),
        site=_digest(url),
        identity=_digest(url, token),
        boards=_boards(settings.get("boards")),
        workspace=_id("workspace_id", settings.get("workspace_id")),
        daily_calls=_number("daily_calls", settings.get("daily_calls")) or plan.daily_share,
        item_writes=_number("item_writes_per_minute", settings.get("item_writes_per_minute")),
        read_timeout=READ_TIMEOUT,
    )


def _url(base_url: str) -> str:
    """With the path that the API has, where the address has none."""
    url = base_url.strip().rstrip("/")
    return url if urlsplit(url).path else f"{url}{PATH}"


def _boards(value: Any) -> dict[str, str]:
    if not value:
        return {}
    if not isinstance(value, Mapping):
        raise _unusable("boards", "must be a table", "Give the board's id for each flow.")
    return {str(flow): _id(f"boards.{flow}", board) for flow, board in value.items() if board}


def _id(name: str, value: Any) -> str:
    text = str(value or "").strip()
    if text and not _ID.fullmatch(text):
        raise _unusable(name, f"{text} is no id", "Enter the number that the address of the board or workspace shows.")
    return text


def _number(name: str, value: Any) -> int:
    try:
        number = int(value or 0)
    except (TypeError, ValueError):
        number = -1
    if number < 0:
        raise _unusable(name, "is no number", "Enter a whole number, or leave it empty.")
    return number


def _unusable(name: str, what: str, fix: str) -> ConfigurationError:
    return ConfigurationError(f"monday.com: {name} {what}.", step="settings", fix=fix)


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
