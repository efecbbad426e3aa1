"""What BILL's refusals mean: an array of errors in, one of `connectors.errors` out. Pure.

Codes are looked at before the status (docs: bill 3).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ..errors import (
    AuthExpired,
    ConfigurationError,
    ConnectorError,
    CredentialsRefused,
    Duplicate,
    NotFound,
    RateLimited,
    Rejected,
)

SESSION_INVALID = "BDC_1109"
UNTRUSTED = "BDC_1361"
TOO_MANY_AT_ONCE = "BDC_1322"
HOUR_USED_UP = "BDC_1144"
LOCKED_OUT = "BDC_1107"
NO_PERMISSION = "BDC_1145"
NO_SUCH_API = "BDC_1121"
NO_SUCH_OBJECT = "BDC_1205"
DUPLICATE = "BDC_1171"
ROLLED_BACK = "BDC_1246"  # an innocent companion in a refused bulk request
BAD_FILTERS = frozenset({"BDC_1129", "BDC_1130", "BDC_1131"})  # value, field, operator

LOCK_OUT_SECONDS = 900.0  # an organization is locked out for 5 to 15 minutes (docs: bill 3)
BUSY_SECONDS = 30.0

_ENTITY_PREFIX = re.compile(r"^[0-9a-z]{3}[A-Za-z0-9]{17}\s*:\s*")
_PLACEHOLDER = re.compile(r"\s*\$\{\w*\}")
_FIELD = re.compile(r"^(?:Invalid entity data\.\s*)?([A-Za-z_][\w.\[\]]*)\s*:\s*(\S.*)$", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Fault:
    """One element of an error array; `code` may be "", `field` is what the message names, if any."""

    code: str
    message: str
    field: str = ""


def faults(body: str) -> list[Fault] | None:
    """The errors in a body, repetitions removed; None when the body is no error of BILL's (HTML, text).

    Also reads the single object of the v2 API and of gateways.
    """
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if isinstance(data, dict):
        data = data.get("errors") or data.get("response_data") or data
    found: dict[tuple[str, str], Fault] = {}
    for each in data if isinstance(data, list) else [data]:
        if isinstance(each, dict):
            fault = _fault(each)
            if fault.code or fault.message:
                found.setdefault((fault.code, fault.message), fault)
    return list(found.values()) or None


def _fault(element: dict[str, Any]) -> Fault:
    code = element.get("code") or element.get("error_code")
    message = element.get("message") or element.get("error_message")
    text = message.strip() if isinstance(message, str) else ""
    text = " ".join(_PLACEHOLDER.sub("", _ENTITY_PREFIX.sub("", text)).split())
    named = _FIELD.match(text)
    return Fault(code if isinstance(code, str) else "", text, named[1] if named else "")


def refusal(status: int, body: str, raw: str, now: datetime, *, addressed: bool = False) -> ConnectorError | None:
    """The error behind an answer of 300 or more; None when it is not known what became of the request (5xx).

    `addressed`: the path names one object, so that "no such object" means that one. `raw` is the
    redacted body for the audit trail.
    """
    found = faults(body)
    every = found or []
    codes = {fault.code for fault in every} - {""}
    shown = [fault for fault in every if fault.code != ROLLED_BACK] or every
    text = "; ".join(dict.fromkeys(fault.message for fault in shown if fault.message)) or f"HTTP {status}"
    code = next((fault.code for fault in shown if fault.code), "")
    told: dict[str, Any] = {"status": status, "code": code or None, "raw": raw}

    if SESSION_INVALID in codes and status < 500:
        return AuthExpired("BILL no longer knows the session.", **told)
    if UNTRUSTED in codes:
        if "expired" in text.lower():
            return AuthExpired("BILL says that the session has expired.", **told)
        return ConfigurationError(
            f"BILL wants a session confirmed by a second factor for this: {text}",
            step="permission",
            fix="Use a user or sync token that may do this without a second factor.",
            **told,
        )
    if HOUR_USED_UP in codes:
        return RateLimited(f"BILL: {text}", retry_after=_to_next_hour(now), **told)
    if TOO_MANY_AT_ONCE in codes:
        return RateLimited(f"BILL: {text}", retry_after=BUSY_SECONDS, **told)
    if LOCKED_OUT in codes or status == 423:
        return RateLimited(
            f"BILL has locked the organization out for some minutes: {text}", retry_after=LOCK_OUT_SECONDS, **told
        )
    if status >= 500 or status == 408:
        return None
    if status == 401:
        return AuthExpired(f"BILL refused the session: {text}", **told)
    if status == 429:
        return RateLimited(f"BILL: {text}", retry_after=_to_next_hour(now), **told)
    if NO_PERMISSION in codes or (status == 403 and not codes):
        return ConfigurationError(
            f"The BILL user may not do this, or the feature is switched off in BILL: {text}",
            step="permission",
            fix="Give the user or sync token the right in BILL, or switch the feature on there.",
            **told,
        )
    if NO_SUCH_API in codes or status < 400 or status == 405 or (status == 404 and found is None):
        return ConfigurationError(
            f"The base URL does not lead to BILL's v3 API: {text}",
            step="reach",
            fix="Use https://gateway.prod.bill.com/connect (sandbox: https://gateway.stage.bill.com/connect).",
            **told,
        )
    if NO_SUCH_OBJECT in codes or status == 404:
        if addressed:
            return NotFound(f"BILL: {text}", **told)
        return Rejected(f"BILL: {text}", field=_field(shown), **told)
    if DUPLICATE in codes or "duplicate" in text.lower() or "already exist" in text.lower():
        return Duplicate(f"BILL: {text}", field=_field(shown), **told)
    return Rejected(f"BILL: {text}", field=_field(shown), **told)


def login_refusal(status: int, body: str, raw: str, now: datetime, *, addressed: bool = False) -> ConnectorError | None:
    """The same for a login, where a 401 means the credentials and nothing may be tried again unasked."""
    error = refusal(status, body, raw, now, addressed=addressed)
    if error is None or isinstance(error, RateLimited):
        return error
    if isinstance(error, ConfigurationError) and error.step == "reach":
        return error
    found = faults(body) or []
    text = "; ".join(dict.fromkeys(fault.message for fault in found if fault.message)) or f"HTTP {status}"
    return CredentialsRefused(
        f"BILL refused the sign-in: {text}",
        step="login",
        fix=_fix({fault.code for fault in found}),
        status=status,
        code=error.code,
        raw=raw,
    )


def _fix(codes: set[str]) -> str:
    if codes & {"BDC_1102", "BDC_1103"}:
        return "Check the developer key: it must be active and of the same environment (sandbox or production)."
    if "BDC_1123" in codes:
        return "Check organization_id (008...): the user must belong to that organization."
    if codes & {"BDC_1110", "BDC_1111"}:
        return "The user is locked or not active: an administrator must unlock it in BILL."
    return "Check user name, password, organization and developer key, then test the connection."


def _field(found: list[Fault]) -> str:
    return next((fault.field for fault in found if fault.field), "")


def _to_next_hour(now: datetime) -> float:
    """Seconds until the quota's calendar hour ends, and a little more so that no clock is ahead of BILL's."""
    end = now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    return (end - now).total_seconds() + 5
