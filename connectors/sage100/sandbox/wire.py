"""What travels: error bodies, opaque ids, money, dates (docs: sage100 8.2, 8.9)."""

from __future__ import annotations

import base64
import binascii
import json
import re
import uuid
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from werkzeug.wrappers import Request, Response

from connectors.sandboxing import json_response

AGENT_VERSION = "1.0.0"
RETRY_AFTER = {423: 5, 429: 1, 503: 10}
RETRYABLE = {423, 429, 500, 503, 504}
STATUS = {
    code: status
    for status, codes in {
        400: "company_code_missing company_code_invalid unknown_parameter parameter_invalid cursor_invalid "
        "cursor_mismatch json_invalid",
        401: "api_key_missing api_key_invalid client_certificate_required",
        403: "scope_missing company_access_denied sage_permission_denied posting_disabled",
        404: "route_not_found company_not_found vendor_not_found invoice_not_found purchase_order_not_found "
        "gl_account_not_found payment_not_found batch_not_found attachment_not_found",
        405: "method_not_allowed",
        409: "vendor_exists payment_conflict check_number_used invoice_not_open invoice_already_paid "
        "invoice_selected_for_payment payment_posted batch_closed",
        410: "attachment_missing",
        413: "body_too_large attachment_too_large",
        415: "unsupported_media_type",
        422: "validation_failed out_of_balance amount_exceeds_balance period_closed immutable_field "
        "unknown_reference wire_transfers_disabled",
        423: "record_locked batch_locked company_locked",
        429: "rate_limited queue_full",
        500: "agent_error",
        503: "boi_unavailable sage_logon_failed license_unavailable shutting_down",
        504: "boi_timeout",
    }.items()
    for code in codes.split()
}


class Refused(Exception):
    """The agent says no: becomes the error body of the contract sheet, 8.9."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        details: Sequence[dict[str, str]] = (),
        sage: dict[str, Any] | None = None,
        existing: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message)
        self.code, self.message, self.details, self.sage = code, message, list(details), sage
        self.existing, self.headers, self.status = existing, dict(headers or {}), STATUS[code]
        self.retry_after = retry_after if retry_after is not None else RETRY_AFTER.get(self.status)

    def response(self, request_id: str) -> Response:
        error: dict[str, Any] = {
            "code": self.code,
            "message": self.message,
            "requestId": request_id,
            "retryable": self.status in RETRYABLE and self.code != "sage_logon_failed",
            "retryAfterSeconds": self.retry_after,
            "details": self.details,
            "sage": self.sage,
        }
        if self.existing is not None:
            error["existing"] = self.existing
        if self.retry_after is not None:
            self.headers["Retry-After"] = str(self.retry_after)
        if self.status == 401:
            self.headers["WWW-Authenticate"] = "ApiKey"
        return json_response({"error": error}, self.status, self.headers)


def detail(field: str, code: str, message: str) -> dict[str, str]:
    return {"field": field, "code": code, "message": message}


def sage_error(bus: str, method: str, message: str) -> dict[str, Any]:
    return {"object": bus, "method": method, "returnCode": 0, "lastErrorNum": None, "lastErrorMsg": message}


def request_id(request: Request) -> str:
    """The caller's id when it is sound, else one of ours, the same for the whole request."""
    known = request.environ.get("agent.request_id")
    if known is None:
        sent = request.headers.get("X-Request-Id", "")
        known = sent if re.fullmatch(r"[\x21-\x7e]{1,64}", sent) else uuid.uuid4().hex
        request.environ["agent.request_id"] = known
    return str(known)


def encode_id(*parts: str) -> str:
    text = json.dumps(parts, separators=(",", ":"), ensure_ascii=False)
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def decode_id(text: str) -> tuple[str, ...]:
    """The parts, or () when the text is no id of ours."""
    try:
        parts = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, binascii.Error):
        return ()
    if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts) or encode_id(*parts) != text:
        return ()
    return tuple(parts)


def money(value: Any) -> Decimal:
    return Decimal(str(value)).quantize(Decimal("0.01"), ROUND_HALF_UP)


def show(amount: Decimal | None) -> str | None:
    return None if amount is None else f"{amount:.2f}"


def show_date(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def to_date(value: date | str | None, today: date) -> date | None:
    """A date of an action: a date, "2026-10-01", or days from today as "-12"."""
    if not isinstance(value, str):
        return value
    if re.fullmatch(r"[+-]?\d{1,5}", value):
        return today + timedelta(days=int(value))
    return date.fromisoformat(value)


def instant(moment: datetime) -> str:
    return moment.replace(microsecond=0).isoformat()
