"""What the Service Layer's refusals mean: an error object in, one of `connectors.errors` out. Pure.

docs: sap_b1 2.3 (expiry), 2.4 (login), 3 (codes and shapes)
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from ..errors import (
    AuthExpired,
    ConfigurationError,
    ConnectorError,
    CredentialsRefused,
    Duplicate,
    NotFound,
    RateLimited,
    RecordLocked,
    Rejected,
    Unreachable,
)

NO_SESSION = frozenset({"301", "-301"})
BUSINESS = "-5002"  # the product text calls it expiry; the real one is the DI API's refusal of a record
LOGINS_COLLIDED = "299"
SWITCH_COMPANY = "305"
BROKEN_NODE = "407"
NO_SUCH_RECORD = "-2028"
EXISTS = "-2035"
CHANGED_MEANWHILE = "-2039"
VALIDATION = "-10"
CARD_CODE_TAKEN = "1320000140"  # inside the text of a -10

WRONG_USER = frozenset({"-304", "100000027", "-4008"})  # -4008 [assumed]
WRONG_COMPANY = "-306"
COMPANY_FORBIDDEN = "-5027"  # inside the text of a 305

_SESSION_WORDS = re.compile(r"invalid session|session.*(time\s?-?out|timed out|expired)", re.IGNORECASE | re.DOTALL)
_EXPIRY_WORDS = re.compile(r"\bsession\b|time\s?-?out|timed out", re.IGNORECASE)
_COLUMN = re.compile(r"\[(@?\w+\.\w+)\]")
_PROPERTY = re.compile(r"\bproperty '(\w+)'", re.IGNORECASE)


class CompanyBusy(RecordLocked):
    """The server could not switch to the company right now; nothing was done and the session lives."""


class BrokenNode(Unreachable):
    """The session is stuck on a node without tables; nothing was done, and a new session may meet another node."""


class LoginsCollided(Unreachable):
    """Somebody else signed in at the same moment."""


@dataclass(frozen=True, slots=True)
class Fault:
    """An error of the Service Layer. `code` is "" when none was told; `message` is its full text."""

    code: str
    message: str

    @property
    def field(self) -> str:
        """The database column or the property that the text names, "" for none."""
        found = _COLUMN.search(self.message) or _PROPERTY.search(self.message)
        return found[1] if found else ""


def fault(body: str) -> Fault | None:
    """The error in a body, in the shape of v1, of v2 or a mixture; None when it is none (HTML, empty)."""
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(data, dict):
        return None
    error = data.get("error") or data.get("odata.error") or data
    if not isinstance(error, dict):
        error = {"message": error}
    details = error.get("details")
    parts = [error, *(details if isinstance(details, list) else [])]
    texts = [_text(each.get("message")) for each in parts if isinstance(each, dict)]
    found = Fault(_code(error.get("code")), "; ".join(dict.fromkeys(filter(None, texts))))
    return found if found.code or found.message else None


def _text(message: Any) -> str:
    if isinstance(message, dict):
        message = message.get("value")
    return message.strip() if isinstance(message, str) else ""


def _code(code: Any) -> str:
    """Alike for the number of v1 and the text of v2."""
    return "" if code is None or isinstance(code, bool) else str(code).strip()


def refusal(status: int, found: Fault | None, raw: str, *, addressed: bool = False) -> ConnectorError | None:
    """The error behind an answer of 300 or more; None when it is not known what became of the request (5xx).

    `addressed`: the path names one entity, so that "no such record" means that one. `raw` is the redacted
    body for the audit trail.
    """
    code, message = (found.code, found.message) if found else ("", "")
    text = f"SAP Business One: {message or f'HTTP {status}'}"
    told: dict[str, Any] = {"status": status, "code": code or None, "raw": raw}

    if code == SWITCH_COMPANY:
        return _not_switched(message, told)
    if code == BROKEN_NODE:
        return BrokenNode(text, **told)
    if status == 401 or code in NO_SESSION or (found and status < 500 and _expired(found)):
        return AuthExpired(f"SAP Business One no longer knows the session: {message or f'HTTP {status}'}", **told)
    if status >= 500 or status == 408:
        return None
    if status == 429:
        return RateLimited(text, **told)
    if status == 412 or code == CHANGED_MEANWHILE:
        return RecordLocked(text, **told)
    if status < 400 or (status in (404, 405) and found is None):
        return _not_the_service_layer(status, told)
    if status == 403:
        return ConfigurationError(
            f"The SAP Business One user may not do this: {message or 'HTTP 403'}",
            step="permission",
            fix="Give the user the authorization in SAP Business One.",
            **told,
        )
    column = found.field if found else ""
    if addressed and (status == 404 or code == NO_SUCH_RECORD):
        return NotFound(text, field=column, **told)
    if code == EXISTS or (code == VALIDATION and CARD_CODE_TAKEN in message):
        return Duplicate(text, field=column, **told)
    return Rejected(text, field=column, **told)


def login_refusal(status: int, found: Fault | None, raw: str, *, addressed: bool = False) -> ConnectorError | None:
    """The same for a login: a 401 means the credentials, and nothing may be tried again unasked."""
    code, message = (found.code, found.message) if found else ("", "")
    text = message or f"HTTP {status}"
    told: dict[str, Any] = {"status": status, "code": code or None, "raw": raw}
    if code in NO_SESSION:  # the path was not recognised as the login: paths are case-sensitive
        return _not_the_service_layer(status, told)
    if code == LOGINS_COLLIDED:
        return LoginsCollided(f"SAP Business One could not sign in just now: {text}", **told)
    if status != 401 and code not in WRONG_USER | {WRONG_COMPANY}:
        error = refusal(status, found, raw)
        if error is None or isinstance(error, ConfigurationError | RateLimited | CompanyBusy | BrokenNode):
            return error
    if code == WRONG_COMPANY:
        fix = "Check company_db: the name of the company database, exactly as SAP Business One's sign-in shows it."
    else:
        fix = "Check the user name, the password and company_db; the user may be locked or lack a licence."
    return CredentialsRefused(f"SAP Business One refused the sign-in: {text}", step="login", fix=fix, **told)


def _expired(found: Fault) -> bool:
    """Whether the words mean the session. A -5002 that names a column is about the record, whatever it says."""
    if found.code != BUSINESS:
        return bool(_SESSION_WORDS.search(found.message))
    return not found.message or (not found.field and bool(_EXPIRY_WORDS.search(found.message)))


def _not_switched(message: str, told: dict[str, Any]) -> ConnectorError:
    if COMPANY_FORBIDDEN not in message:
        return CompanyBusy(f"SAP Business One is busy with other companies: {message}", **told)
    return ConfigurationError(
        f"SAP Business One cannot open the company: {message}",
        step="company",
        fix="Check company_db and that the user may work in that company.",
        **told,
    )


def _not_the_service_layer(status: int, told: dict[str, Any]) -> ConfigurationError:
    return ConfigurationError(
        f"The base URL does not lead to SAP Business One's Service Layer (HTTP {status}).",
        step="reach",
        fix="Enter the address as SAP spells it, upper and lower case included: https://<server>:50000/b1s/v1.",
        **told,
    )
