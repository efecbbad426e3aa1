"""The agent's error table, turned into what can be done about it. docs: sage100 8.9"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..errors import (
    BadAnswer,
    ConfigurationError,
    ConnectorError,
    CredentialsRefused,
    Duplicate,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    RecordLocked,
    Rejected,
    Transient,
    Unreachable,
    sentence,
)
from ..transport import Reply

# code -> (step, fix): a person must change a setting, here or in the agent
_SETTINGS = {
    "company_code_missing": ("company", "Enter the company code in the connection's settings."),
    "company_code_invalid": ("company", "Enter the three-character company code as Sage 100 shows it."),
    "company_not_found": ("company", "Check the company code; the agent does not know this company."),
    "company_access_denied": (
        "company",
        "Give the agent's key this company, and allow external access and the agent's role for it in Sage 100.",
    ),
    "scope_missing": ("permission", "Give the agent's key the scope that the message names."),
    "sage_permission_denied": ("permission", "Give the agent's Sage 100 user a role with rights on this task."),
    "posting_disabled": ("permission", "Allow posting in the agent's settings, or post the batch in Sage 100."),
    "sage_logon_failed": ("sage_logon", "Check the Sage 100 user and password in the agent's settings."),
    "route_not_found": ("reach", "Check the base URL, and that the agent is up to date."),
    "method_not_allowed": ("reach", "Check the base URL, and that the agent is up to date."),
}
_REASONS = {
    "period_closed": "period_closed",
    "invoice_not_open": "invoice_not_found",
    "invoice_selected_for_payment": "paid_in_erp",
    "payment_conflict": "duplicate_document",
    "check_number_used": "duplicate_document",
}
_LONGEST_MESSAGE = 600


def refusal(reply: Reply, *, writes: bool, clean: Callable[[str], str]) -> ConnectorError:
    """The error that this answer (no 2xx) means. `clean` masks secrets in the agent's text."""
    error = _error_object(reply)
    if error is None:
        return _foreign_answer(reply, writes)
    code = str(error.get("code") or "")
    message = sentence(clean(f"Sage 100: {_message(error) or code}")[:_LONGEST_MESSAGE])
    known: dict[str, Any] = {"status": reply.status, "code": code, "raw": reply.excerpt()}
    wait = _retry_after(reply, error)
    status = reply.status
    if code in _SETTINGS:
        step, fix = _SETTINGS[code]
        reason = "auth_failed" if status == 403 or step == "sage_logon" else "unreachable"
        return ConfigurationError(message, step=step, fix=fix, reason=reason, **known)
    if status == 401:
        fix = "Check the API key; if the agent asks for a client certificate, enter it with its key."
        return CredentialsRefused(message, step="login", fix=fix, **known)
    if status == 403:
        fix = "Check the key's scopes and companies in the agent's settings."
        return ConfigurationError(message, step="permission", fix=fix, reason="auth_failed", **known)
    if status == 423:
        return RecordLocked(message, retry_after=wait, **known)
    if status == 429:
        return RateLimited(message, retry_after=wait, **known)
    if status == 503:
        return Unreachable(message, retry_after=wait, **known)
    if status >= 500:
        # 504: Sage was still at work when the agent gave up; 500: nobody knows how far it came.
        return OutcomeUnknown(message, **known) if writes else Transient(message, retry_after=wait, **known)
    known |= {"field": _field(error), "reason": _REASONS.get(code, "")}
    if status == 404:
        return NotFound(message, **known)
    if code == "vendor_exists":
        existing = error.get("existing")
        known |= {"reason": "", "ref": str(existing.get("id") or "") if isinstance(existing, dict) else ""}
        return Duplicate(message, **known)
    return Rejected(message, **known)


def _error_object(reply: Reply) -> dict[str, Any] | None:
    """The agent's own error, None when somebody else answered."""
    try:
        body = reply.json()
    except BadAnswer:
        return None
    error = body.get("error") if isinstance(body, dict) else None
    return error if isinstance(error, dict) and error.get("code") else None


def _foreign_answer(reply: Reply, writes: bool) -> ConnectorError:
    """A proxy, a web server or another product answered in the agent's place."""
    known: dict[str, Any] = {"status": reply.status, "raw": reply.excerpt()}
    message = f"The agent did not answer; something else did, with HTTP {reply.status}."
    if reply.status == 429:
        return RateLimited(message, retry_after=_retry_after(reply, {}), **known)
    if reply.status >= 500:
        # A gateway may have passed a write on before it gave up.
        return OutcomeUnknown(message, **known) if writes else Unreachable(message, **known)
    fix = "Check that the base URL leads to the Sage 100 agent, without a redirect or a sign-in page before it."
    return ConfigurationError(message, step="reach", fix=fix, reason="unreachable", **known)


def _message(error: dict[str, Any]) -> str:
    """The agent's message, with Sage's own text and the fields where they say more."""
    details = error.get("details")
    told = [detail for detail in details if isinstance(detail, dict)] if isinstance(details, list) else []
    parts = [str(error.get("message") or "")]
    parts += [f"{one.get('field') or ''}: {one['message']}".lstrip(": ") for one in told if one.get("message")]
    sage = error.get("sage")
    if isinstance(sage, dict) and sage.get("lastErrorMsg"):
        parts.append(str(sage["lastErrorMsg"]))
    said: list[str] = []
    for part in parts:
        if part and not any(part in earlier for earlier in said):
            said.append(part)
    return " ".join(map(sentence, said))


def _field(error: dict[str, Any]) -> str:
    details = error.get("details")
    first = details[0] if isinstance(details, list) and details else None
    return str(first.get("field") or "") if isinstance(first, dict) else ""


def _retry_after(reply: Reply, error: dict[str, Any]) -> float | None:
    """Seconds, from the header or the body; None when neither says so."""
    for value in (reply.headers.get("Retry-After"), error.get("retryAfterSeconds")):
        try:
            seconds = float(value)  # type: ignore[arg-type]
        except (TypeError, ValueError):
            continue
        if 0 <= seconds < 86400:
            return seconds
    return None
