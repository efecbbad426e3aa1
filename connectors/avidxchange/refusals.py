"""What answers mean: faults out of any shape of body, errors as recovery strategies. Pure. docs: avidxchange 5"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from ..errors import (
    ConfigurationError,
    ConnectorError,
    CredentialsRefused,
    Duplicate,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    Rejected,
    Unreachable,
    sentence,
)
from . import paths
from .profile import Profile

# Codes of business errors; assumed, as all codes are (docs: avidxchange 5.3, 7.1). A message alone is enough.
_REASONS = {
    "VENDOR_NOT_FOUND": "vendor_missing",
    "VENDOR_INACTIVE": "vendor_inactive",
    "CODE_NOT_FOUND": "account_unmapped",
    "CODE_GROUP_NOT_FOUND": "account_unmapped",
    "CODE_INACTIVE": "account_inactive",
    "AMOUNT_MISMATCH": "amount_mismatch",
    "AMOUNT_PRECISION": "amount_mismatch",
}
_DUPLICATE = "DUPLICATE_"
_NO_SYSTEM = "ACCOUNTING_SYSTEM_NOT_FOUND"
_LONGEST_MESSAGE = 600
_LONGEST_WAIT = 86400.0


@dataclass(frozen=True, slots=True)
class Fault:
    message: str
    code: str = ""
    field: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One row of a write's answer. `ok` is None where the row does not say."""

    ok: bool | None
    item: Any
    faults: tuple[Fault, ...]

    @property
    def refused(self) -> bool:
        return self.ok is False or (self.ok is None and bool(self.faults))


def outcomes(profile: Profile, body: Any) -> list[Outcome]:
    """The rows of a write's answer: lists, lone objects, or the body itself, as the profile has it."""
    shape = profile.result
    rows = paths.listed(paths.first(body, shape["results"])) if shape["results"] else [body]
    return [
        Outcome(
            _truth(paths.get(row, shape["successful"])) if "successful" in shape else None,
            paths.get(row, shape["item"]),
            _row_faults(profile, row),
        )
        for row in rows
    ]


def faults(profile: Profile, body: Any) -> list[Fault]:
    """What a refusal says, in the first of its known shapes."""
    found = [fault for outcome in outcomes(profile, body) for fault in outcome.faults]
    for shape in profile.error_bodies:
        message = paths.get(body, shape["message"])
        code = paths.get(body, shape["code"]) if "code" in shape else None
        if not found and (message or code):
            found.append(Fault(str(message or ""), str(code or "")))
    return found


def _row_faults(profile: Profile, row: Any) -> tuple[Fault, ...]:
    shape = profile.result

    def read(error: Any, name: str) -> str:
        return str(paths.get(error, shape[name]) or "") if name in shape else ""

    return tuple(
        Fault(read(error, "error_message"), read(error, "error_code"), read(error, "error_field"))
        if isinstance(error, dict)
        else Fault(str(error))
        for error in paths.listed(paths.get(row, shape["errors"]))
    )


def _truth(value: Any) -> bool | None:
    """`"false"` is a text that is true; gateways send it (docs: avidxchange 13.1)."""
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.strip().lower())
    return value if isinstance(value, bool) else None


def business(found: Sequence[Fault], *, ref: str = "", status: int | None = None, raw: str = "") -> ConnectorError:
    """The error that refused rows mean; `ref` is the id of an existing record that the answer names."""
    code = next((fault.code for fault in found if fault.code), "")
    told: dict[str, Any] = {"status": status, "code": code or None, "raw": raw}
    message = _message(found)
    field = next((fault.field for fault in found if fault.field), "")
    if code == _NO_SYSTEM:
        return ConfigurationError(message, step="company", fix="Check the setting accounting_system.", **told)
    if code.startswith(_DUPLICATE) or (not code and _tells_duplicate(message)):
        return Duplicate(message, ref=ref, field=field, **told)
    return Rejected(message, field=field, reason=_REASONS.get(code, ""), **told)


def refusal(
    status: int, found: Sequence[Fault], *, writes: bool, addressed: bool, wait: float | None, ref: str, raw: str
) -> ConnectorError:
    """The error behind an answer that is no 2xx. `addressed`: the path names one record. `wait` in seconds, as the
    answer asks for it."""
    code = next((fault.code for fault in found if fault.code), "")
    told: dict[str, Any] = {"status": status, "code": code or None, "raw": raw}
    message = _message(found) if found else f"AvidXchange answered with HTTP {status}."
    if status == 401:
        fix = "Enter the tokens of System Setup > Account Information > Connections > API again, then test."
        return CredentialsRefused(message, step="login", fix=fix, **told)
    if status == 403:
        fix = "Give the connection's user the right to this in AvidXchange, or have the feature enabled."
        return ConfigurationError(message, step="permission", fix=fix, reason="auth_failed", **told)
    if status == 429:
        return RateLimited(message, retry_after=wait, **told)
    if code.startswith(_DUPLICATE):
        return business(found, ref=ref, status=status, raw=raw)
    if status == 404 and addressed and found:
        return NotFound(message, **told)
    if status < 400 or status in (404, 405, 501):
        fix = "Check the base URL and the profile; the resource may not be enabled for this customer."
        return ConfigurationError(message, step="reach", fix=fix, reason="unreachable", **told)
    if status == 409 and writes:  # changed meanwhile, or the same request is still at work
        return OutcomeUnknown(message, **told)
    if status >= 500 or status in (408, 409):
        return OutcomeUnknown(message, **told) if writes else Unreachable(message, retry_after=wait, **told)
    return business(found or [Fault(f"HTTP {status}")], ref=ref, status=status, raw=raw)


def retry_after(header: str, now: datetime) -> float | None:
    """Seconds, from a number of them or an HTTP date."""
    try:
        seconds = float(header)
    except ValueError:
        try:
            moment = parsedate_to_datetime(header)
        except ValueError:
            return None
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        seconds = (moment - now).total_seconds()
    return min(max(seconds, 0.0), _LONGEST_WAIT) if seconds == seconds else None  # not for NaN


def _message(found: Sequence[Fault]) -> str:
    texts = dict.fromkeys((fault.message or fault.code).strip() for fault in found)
    text = "; ".join(filter(None, texts)) or "refused without a reason"
    return sentence(f"AvidXchange: {text}"[:_LONGEST_MESSAGE])


def _tells_duplicate(message: str) -> bool:
    return "duplicate" in message.lower() or "already exist" in message.lower()
