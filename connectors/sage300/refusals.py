"""What Sage 300's refusals mean: an answer of 300 or more in, one of `connectors.errors` out. Pure.

The code is looked at before the status, the text only where the code says too little (docs: sage300 9).

Of a write it counts who refused it. 429 is the API's own word that it did not begin, and 503 is IIS's while the
application pool is stopped or changes: the request never reached a worker. Both may be sent again. 500, 502 and
504 come from a server that was at work, or from a proxy that had passed the request on: nobody knows.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..errors import (
    ConfigurationError,
    ConnectorError,
    CredentialsRefused,
    Duplicate,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    RecordLocked,
    Rejected,
    Unreachable,
    sentence,
)
from ..transport import Reply

UNAUTHORIZED = "Unauthorized"
FORBIDDEN = "Forbidden"
TOO_MANY = "TooManyRequests"
NO_RESOURCE = "ResourceNotFound"
NO_MODULE = "DBLinkError"
NO_SESSION = "SessionError"
NO_RECORD = "RecordNotFound"
NO_VERB = "MethodNotAllowed"
BAD_OPTIONS = "InvalidParameters"
DUPLICATE = "RecordDuplicate"
FIELD = "FieldInvalid"  # observed, in no list of Sage's
_BUSINESS = frozenset({DUPLICATE, FIELD, "RecordInvalid", "General"})
_CALLERS = frozenset({BAD_OPTIONS, NO_VERB, "InvalidEntityKey", "InvalidPayload", "InvalidAction"})

MODULES = {
    "AP": "Accounts Payable",
    "GL": "General Ledger",
    "CS": "Common Services",
    "TX": "Tax Services",
    "BK": "Bank Services",
}

# Texts are in the language of the Sage user; those that are not English are plain refusals.
_EXISTS = re.compile(r"already exists", re.IGNORECASE)
_PERIOD = re.compile(r"fiscal (period|year|calendar)|period\b.*\b(closed|locked|not open)", re.IGNORECASE)
_LOCKED = re.compile(
    r"locked by another|because it is locked|in use by another|modified by another program", re.IGNORECASE
)
_LONGEST_MESSAGE = 2000


@dataclass(frozen=True, slots=True)
class Told:
    """What an error body says: `code` and `text` may be "", `lang` is that of the text where known."""

    code: str = ""
    text: str = ""
    lang: str = ""
    html: bool = False


def told(body: bytes) -> Told:
    """Reads every shape that was seen: Sage's own error, its message as plain text, ASP.NET's, a page, nothing."""
    text = body.decode("utf-8-sig", "replace").strip()
    if text.startswith("<"):
        return Told(html=True)
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return Told(text=_one_line(text))
    if isinstance(data, str):
        return Told(text=_one_line(data))
    if not isinstance(data, dict):
        return Told()
    error = data.get("error") or data.get("odata.error")
    if isinstance(error, dict):
        return _sages(error)
    return Told(text=_one_line(error or data.get("Message") or data.get("message")))


def _sages(error: dict[str, Any]) -> Told:
    code, message = error.get("code"), error.get("message")
    lang: Any = ""
    if isinstance(message, dict):
        lang, message = message.get("lang"), message.get("value")
    return Told(code if isinstance(code, str) else "", _one_line(message), lang if isinstance(lang, str) else "")


def _one_line(text: Any) -> str:
    """Sage joins several messages by line ends; all of them count."""
    lines = (line.strip() for line in text.splitlines()) if isinstance(text, str) else ()
    return " ".join(sentence(line) for line in lines if line)[:_LONGEST_MESSAGE]


def reason(text: str) -> str:
    """The reason code of a refusal that came as text alone, as those of posting do."""
    return "period_closed" if _PERIOD.search(text) else "rejected_by_target"


def refusal(
    reply: Reply, *, module: str, writes: bool, addressed: bool = False, clean: Callable[[str], str] = str
) -> ConnectorError:
    """The error that this answer means.

    `module` is the one asked (AP). `addressed`: the URL named one record, whose absence is then NotFound.
    `clean` masks secrets in Sage's text. `code` of the error is Sage's own, None where it told none.
    """
    said, status = told(reply.body), reply.status
    text = clean(said.text) or f"HTTP {status}."
    known: dict[str, Any] = {"status": status, "code": said.code or None, "raw": reply.excerpt()}
    if said.code in _BUSINESS:
        return _business(said.code, text, known)
    if status == 401 or said.code == UNAUTHORIZED:
        return _not_signed_in(reply, said, text, known)
    if status == 403 or said.code == FORBIDDEN:
        return _forbidden(module, text, known)
    if status == 429 or said.code == TOO_MANY:
        return RateLimited("Sage 300 refuses so many requests at once.", **known)
    if said.code in (NO_MODULE, NO_SESSION, NO_RESOURCE):
        return ConfigurationError(
            f"Sage 300 does not serve {_name(module)} of this company: {text}",
            step="company",
            fix="Check the setting company, and that the module is activated in that company.",
            reason="unreachable",
            **known,
        )
    if said.code == NO_RECORD and addressed:
        return NotFound(f"Sage 300: {text}", **known)
    if said.code in _CALLERS or said.code == NO_RECORD:
        return Rejected(f"Sage 300: {text}", **known)
    if status == 503:
        return Unreachable("Sage 300's web server is starting or stopped (HTTP 503).", **known)
    if status >= 500 or status == 408:
        kind = OutcomeUnknown if writes else Unreachable
        detail = f": {text}" if said.text else f" (HTTP {status})."
        return kind(f"Sage 300's web server failed{detail}", **known)
    if status < 400 or (not addressed and (status == 404 or (status == 400 and said.html))):
        return ConfigurationError(
            f"The base URL does not lead to Sage 300's Web API (HTTP {status}).",
            step="reach",
            fix="Enter https://<host>/Sage300WebApi, or the path under which your site publishes it.",
            reason="unreachable",
            **known,
        )
    if status == 409:
        return _business("", text, known)
    return Rejected(f"Sage 300: {text}", **known)


def _business(code: str, text: str, known: dict[str, Any]) -> ConnectorError:
    message = f"Sage 300: {text}"
    if code == DUPLICATE or _EXISTS.search(text):
        return Duplicate(message, **known)
    if _PERIOD.search(text):
        return Rejected(message, reason="period_closed", **known)
    if _LOCKED.search(text):
        return RecordLocked(message, **known)
    return Rejected(message, **known)


def _not_signed_in(reply: Reply, said: Told, text: str, known: dict[str, Any]) -> ConfigurationError:
    """IIS or Sage: what IIS answers itself is a page, or offers Windows sign-in (docs: sage300 2.2)."""
    offered = reply.headers.get("WWW-Authenticate", "").lower()
    if said.html or "negotiate" in offered or "ntlm" in offered:
        return ConfigurationError(
            "The web server refused the sign-in before Sage 300 saw it: check the IIS authentication settings.",
            step="iis",
            fix="In IIS, switch Anonymous Authentication on and Windows Authentication off for Sage300WebApi.",
            reason="auth_failed",
            **known,
        )
    return CredentialsRefused(
        f"Sage 300 refused the user name or password: {text}",
        step="login",
        fix="Check user and password (small and capital letters differ). Repeated refusals may lock the user.",
        **known,
    )


def _forbidden(module: str, text: str, known: dict[str, Any]) -> ConfigurationError:
    return ConfigurationError(
        f"The Sage 300 user may not use {_name(module)} through the Web API: {text}",
        step="permission",
        fix=(
            f"In Administrative Services > Security Groups, tick Sage 300 Web API in a group of {_name(module)}, and"
            " assign the group to the user in this company. ADMIN has no such right by default: use another user."
        ),
        reason="auth_failed",
        **known,
    )


def _name(module: str) -> str:
    return f"{MODULES[module]} ({module})" if module in MODULES else module
