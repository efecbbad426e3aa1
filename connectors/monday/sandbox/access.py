"""Tokens, their scopes and the versions of the API (docs: monday 2, 3)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from .refusals import Refused

CURRENT, MAINTENANCE, CANDIDATE = "2026-10", "2026-07", "2027-01"
KINDS = {CURRENT: "current", MAINTENANCE: "maintenance", CANDIDATE: "release_candidate"}
_QUARTER = re.compile(r"20\d\d-(01|04|07|10)")
SCOPES = {  # root field -> the scope it takes; any other mutation takes boards:write
    "me": "me:read",
    "account": "account:read",
    "boards": "boards:read",
    "items": "boards:read",
    "items_page_by_column_values": "boards:read",
    "next_items_page": "boards:read",
    "workspaces": "workspaces:read",
    "create_update": "updates:write",
}
FREE = {"complexity", "version", "versions", "platform_api", "__schema", "__type", "__typename"}
OURS = ("me:read", "account:read", "boards:read", "boards:write", "workspaces:read")
TOKEN = "eyJhbGciOiJIUzI1NiJ9.sandbox-personal.token"  # noqa: S105 - opens this stand-in only
READ_TOKEN = "eyJhbGciOiJIUzI1NiJ9.sandbox-read.token"  # noqa: S105 - opens this stand-in only
VIEWER_TOKEN = "eyJhbGciOiJIUzI1NiJ9.sandbox-viewer.token"  # noqa: S105 - opens this stand-in only
APP_TOKEN = "eyJhbGciOiJIUzI1NiJ9.sandbox-app.token"  # noqa: S105 - opens this stand-in only


@dataclass(frozen=True)
class Token:
    scopes: tuple[str, ...] = OURS
    view_only: bool = False
    app: bool = False  # an app's: reads and writes have a budget each


TOKENS = {
    TOKEN: Token(),
    READ_TOKEN: Token(scopes=tuple(each for each in OURS if each != "boards:write")),
    VIEWER_TOKEN: Token(view_only=True),
    APP_TOKEN: Token((*OURS, "updates:write"), app=True),
}


class Unauthenticated(Exception):
    """The token is unknown."""


def authenticate(header: str) -> tuple[str, Token]:
    """The raw token, with or without `Bearer`. Raises Unauthenticated, or Refused for a viewer's."""
    name = header.removeprefix("Bearer ")
    token = TOKENS.get(name)
    if token is None:
        raise Unauthenticated
    if token.view_only:
        raise Refused("USER_ACCESS_DENIED", "User is view-only", status=403)
    return name, token


def check_scopes(token: Token, kind: str, names: Iterable[str]) -> None:
    for name in names:
        scope = "" if name in FREE else SCOPES.get(name, "boards:write" if kind == "mutation" else "")
        if scope and scope not in token.scopes:
            raise Refused(
                "missingRequiredPermissions",
                f"The token misses the permission {scope}",
                data={"required_scopes": [scope]},
            )


def version(header: str | None) -> str:
    """Absent and never-existing versions are the current one, past ones the maintenance one, silently."""
    if header is None or header in KINDS:
        return header or CURRENT
    if not re.fullmatch(r"\d{4}-\d\d", header):
        raise Refused("InvalidVersionException", f"The version {header!r} is not valid")
    return MAINTENANCE if _QUARTER.fullmatch(header) and header < MAINTENANCE else CURRENT
