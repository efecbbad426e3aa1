"""What monday.com's answers mean, whichever of its formats an error comes in. Pure. docs: monday 5

Errors come inside HTTP 200 too, as objects with `extensions`, as plain texts or in the older body with
`error_code`; a batch may have succeeded in part.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from ..errors import (
    BadAnswer,
    ConfigurationError,
    ConnectorError,
    CredentialsRefused,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    RecordLocked,
    Rejected,
    Transient,
    sentence,
)
from ..transport import Reply

LIMIT_SECONDS = 60.0  # where a limit says nothing of its own: windows are a minute long
BUSY_SECONDS = 2.0  # the same for requests at once
LOCK_SECONDS = 5.0
BLOCKED_SECONDS = 300.0  # API_TEMPORARILY_BLOCKED lasts minutes
_LONGEST_MESSAGE = 600

_DAILY = ("daily_limit_exceeded",)
_BUSY = ("maxconcurrencyexceeded", "field_limit_exceeded")
_LIMITS = (
    "complexity_budget_exhausted",
    "complexityexception",
    "rate limit exceeded",
    "rate_limit_exceeded",
    "ip_rate_limit_exceeded",
    "field_minute_rate_limit_exceeded",
)
_PERMISSION = ("userunauthorizedexception", "user_unauthorized", "user_access_denied")
_SCOPES = ("missingrequiredpermissions", "unauthorized_field_or_type")
_INTERNAL = ("internal server error", "internal_server_error")
_TOO_COMPLEX = "request_max_complexity_exceeded"

_LIMIT_TEXT = re.compile(
    r"rate limit exceeded|minute limit|call limit exceeded for|complexity budget exhausted|concurrency limit exceeded",
    re.IGNORECASE,
)
_DAILY_TEXT = re.compile(r"daily limit", re.IGNORECASE)
_LOCK_TEXT = re.compile(r"currently locked", re.IGNORECASE)
_RESET_TEXT = re.compile(r"reset in (\d+) seconds", re.IGNORECASE)
_NO_LOGIN_TEXT = re.compile(r"not authenticated", re.IGNORECASE)


class InProgress(Transient):
    """The same request is being executed right now, under the same Idempotency-Key. docs: monday 6"""


@dataclass(frozen=True, slots=True)
class Fault:
    """One error of an answer. `alias` is the mutation that it is about ("" for all), `status` the HTTP status that it
    stands for, 0 where none is told; `wait` in seconds."""

    message: str
    code: str = ""
    status: int = 0
    alias: str = ""
    field: str = ""
    wait: float | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a reply tells: `data` by alias or field, and what went wrong."""

    reply: Reply
    data: Mapping[str, Any] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()
    replayed: bool = False

    def fault_of(self, alias: str) -> Fault | None:
        """What is said of this mutation by name, or of none by name."""
        named = [fault for fault in self.faults if fault.alias in (alias, "")]
        return min(named, key=lambda fault: not fault.alias, default=None)


def parse(reply: Reply) -> Answer:
    """Raises BadAnswer for what is no answer of monday.com's (docs: monday 1: a gateway's 504 is plain text)."""
    body = reply.json()
    if not isinstance(body, dict):
        raise BadAnswer("monday.com's answer is not what the contract says.", status=reply.status, raw=reply.excerpt())
    data = body.get("data")
    faults = tuple(_faults(body))
    if not isinstance(data, dict) and not faults and reply.status == 200:
        raise BadAnswer("monday.com answered without data.", status=reply.status, raw=reply.excerpt())
    replayed = reply.headers.get("Idempotency-Replayed", "").lower() == "true"
    return Answer(reply, data if isinstance(data, dict) else {}, faults, replayed)


def _faults(body: Mapping[str, Any]) -> list[Fault]:
    errors = body.get("errors")
    if isinstance(errors, dict | str):
        errors = [errors]
    found = [_fault(each) for each in errors] if isinstance(errors, list) else []
    if body.get("error_code") or body.get("error_message"):  # before 2025-01; its `errors` only repeat the message
        code, message = str(body.get("error_code") or ""), str(body.get("error_message") or "")
        data = body.get("error_data")
        field_name = _field(data) if isinstance(data, dict) else ""
        return [Fault(message or code, code, _int(body.get("status_code")), field=field_name)]
    return found


def _fault(error: Any) -> Fault:
    if not isinstance(error, dict):
        return Fault(str(error))
    extensions = error.get("extensions")
    told: dict[str, Any] = extensions if isinstance(extensions, dict) else {}
    path, data = error.get("path"), told.get("error_data")
    code = str(told.get("code") or error.get("code") or "")
    return Fault(
        message=str(error.get("message") or code),
        code=code,
        status=_int(told.get("status_code")),
        alias=str(path[0]) if isinstance(path, list) and path else "",
        field=_field(data) if isinstance(data, dict) else "",
        wait=_seconds(told.get("retry_in_seconds")),
    )


def judge(fault: Fault, reply: Reply, *, writes: bool, now: datetime, clean: Callable[[str], str]) -> ConnectorError:
    """The error that a fault means. `clean` masks secrets in the server's text; `now` is aware."""
    code, text = fault.code.lower(), fault.message
    status = fault.status if fault.status not in (0, 200) else reply.status
    message = sentence(clean(f"monday.com: {text or f'HTTP {status}'}")[:_LONGEST_MESSAGE])
    known: dict[str, Any] = {"status": status, "code": fault.code or None, "raw": reply.excerpt()}
    if code in _DAILY or _DAILY_TEXT.search(text):
        return RateLimited(message, retry_after=max(_wait(fault, reply, 0.0), _to_midnight(now)), **known)
    if code in _BUSY:
        return RateLimited(message, retry_after=_wait(fault, reply, BUSY_SECONDS), **known)
    if code != _TOO_COMPLEX and (code in _LIMITS or status == 429 or _LIMIT_TEXT.search(text)):
        return RateLimited(message, retry_after=_wait(fault, reply, LIMIT_SECONDS), **known)
    if code == "api_temporarily_blocked":
        return RateLimited(message, retry_after=_wait(fault, reply, BLOCKED_SECONDS), **known)
    if code == "idempotency_conflict" or (status == 409 and not code):
        return InProgress(message, retry_after=_wait(fault, reply, BUSY_SECONDS), **known)
    if status == 423 or _LOCK_TEXT.search(text):
        return RecordLocked(message, retry_after=_wait(fault, reply, LOCK_SECONDS), **known)
    if code in _INTERNAL or text.lower().startswith(_INTERNAL) or status >= 500 or status == 408:
        return OutcomeUnknown(message, **known) if writes else Transient(message, **known)
    return _access(code, text, status, message, known) or _permanent(code, status, message, known, fault.field)


def _access(code: str, text: str, status: int, message: str, known: dict[str, Any]) -> ConnectorError | None:
    """What a person must put right, in monday.com or in the connection."""
    if "ip is restricted" in text.lower():
        fix = "Allow this server's address in monday.com: Administration > Security > IP address restrictions."
        return ConfigurationError(message, step="login", fix=fix, reason="auth_failed", **known)
    if status == 401 or _NO_LOGIN_TEXT.search(text):
        fix = "Copy the token again from Developers > My access tokens; a token dies with its user."
        return CredentialsRefused(message, step="login", fix=fix, **known)
    if code in _SCOPES:
        fix = "Grant the token me:read, account:read, boards:read, boards:write and workspaces:read."
        return ConfigurationError(message, step="permission", fix=fix, reason="auth_failed", **known)
    if code in _PERMISSION or status == 403:
        fix = "Let the token's user edit the board, as a member who is active, confirmed and not a viewer."
        return ConfigurationError(message, step="permission", fix=fix, reason="auth_failed", **known)
    if code == "invalidversionexception":
        return ConfigurationError(message, step="version", fix="Choose another API version.", **known)
    if not code and (300 <= status < 400 or status in (404, 405)):
        fix = "Check the base URL: https://api.monday.com/v2."
        return ConfigurationError(message, step="reach", fix=fix, reason="unreachable", **known)
    return None


def _permanent(code: str, status: int, message: str, known: dict[str, Any], field_name: str) -> ConnectorError:
    if code == "resourcenotfoundexception" or status == 404:
        return NotFound(message, field=field_name, **known)
    return Rejected(message, field=field_name, **known)


def foreign(reply: Reply, error: BadAnswer, *, writes: bool, now: datetime) -> ConnectorError:
    """What an answer without monday.com's body means: a gateway, a proxy or a wrong address gave it."""
    status = reply.status
    if status == 200:
        return OutcomeUnknown(error.message, status=status, raw=error.raw) if writes else error
    return judge(Fault(""), reply, writes=writes, now=now, clean=str)


def _wait(fault: Fault, reply: Reply, default: float) -> float:
    """The longest that was asked for anywhere; seconds."""
    reset = _RESET_TEXT.search(fault.message)
    told = [fault.wait, retry_after(reply.headers), float(reset[1]) if reset else None]
    return max((each for each in told if each is not None), default=default)


def retry_after(headers: Mapping[str, str]) -> float | None:
    value = headers.get("Retry-After")
    seconds = _seconds(value)
    if seconds is not None or not value:
        return seconds
    try:
        at = parsedate_to_datetime(value)
        sent = parsedate_to_datetime(headers.get("Date", ""))
    except (TypeError, ValueError):
        return None
    return max((at - sent).total_seconds(), 0.0)


def _to_midnight(now: datetime) -> float:
    """Seconds until the calls of the next day count (docs: monday 4.1), and a little more for clocks that differ."""
    utc = now.astimezone(UTC)
    midnight = utc.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    return (midnight - utc).total_seconds() + 5


def _field(data: Mapping[str, Any]) -> str:
    return next((str(data[name]) for name in ("column_id", "column_name", "field") if data.get(name)), "")


def _int(value: Any) -> int:
    try:
        return int(value or 0)
    except (TypeError, ValueError):
        return 0


def _seconds(value: Any) -> float | None:
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        return None
    return seconds if 0 <= seconds < 2 * 86400 else None
