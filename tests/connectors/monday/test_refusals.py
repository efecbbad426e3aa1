"""Every format of an error, without a server."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from connectors.errors import (
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
)
from connectors.monday.refusals import InProgress, foreign, judge, parse, retry_after
from connectors.transport import Reply

NOW = datetime(2026, 11, 20, 22, 0, tzinfo=UTC)


def reply(body: Any = None, status: int = 200, headers: dict[str, str] | None = None) -> Reply:
    return Reply(status, headers or {}, body if isinstance(body, bytes) else json.dumps(body).encode())


def error(
    body: Any, status: int = 200, headers: dict[str, str] | None = None, *, writes: bool = True
) -> ConnectorError:
    answer = parse(reply(body, status, headers))
    return judge(answer.faults[0], answer.reply, writes=writes, now=NOW, clean=str)


def coded(code: str, message: str = "no", **extensions: Any) -> dict[str, Any]:
    return {"errors": [{"message": message, "extensions": {"code": code, **extensions}}]}


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        (coded("COMPLEXITY_BUDGET_EXHAUSTED", status_code=429), 200, RateLimited),
        (coded("ComplexityException"), 200, RateLimited),
        (coded("Rate Limit Exceeded"), 429, RateLimited),
        (coded("", "Minute limit rate exceeded"), 200, RateLimited),
        (coded("maxConcurrencyExceeded", status_code=429), 200, RateLimited),
        (coded("FIELD_LIMIT_EXCEEDED"), 200, RateLimited),
        (coded("", "Call limit exceeded for CreateBoard"), 200, RateLimited),
        (coded("API_TEMPORARILY_BLOCKED"), 200, RateLimited),
        (coded("SOMETHING_NEW", status_code=429), 200, RateLimited),
        (coded("IDEMPOTENCY_CONFLICT"), 409, InProgress),
        (coded("", "Resource is currently locked, please try again later"), 423, RecordLocked),
        (coded("SOMETHING_NEW", status_code=423), 200, RecordLocked),
        (coded("INTERNAL_SERVER_ERROR"), 200, OutcomeUnknown),
        (coded("SOMETHING_NEW", status_code=503), 200, OutcomeUnknown),
        ({"errors": ["Internal server error"]}, 200, OutcomeUnknown),
        (coded("ColumnValueException", status_code=200), 200, Rejected),
        (coded("SOMETHING_NEW"), 200, Rejected),
        (coded("ItemsLimitationException"), 200, Rejected),
        (coded("DeleteLastGroupException", status_code=409), 200, Rejected),
        (coded("JsonParseException", status_code=400), 200, Rejected),
        (coded("REQUEST_MAX_COMPLEXITY_EXCEEDED", status_code=429), 200, Rejected),
        (coded("ResourceNotFoundException", status_code=404), 200, NotFound),
        (coded("ResourceNotFoundException"), 404, NotFound),
        (coded("UserUnauthorizedException", status_code=403), 200, ConfigurationError),
        (coded("missingRequiredPermissions"), 200, ConfigurationError),
        (coded("InvalidVersionException"), 200, ConfigurationError),
        ({"errors": ["Not Authenticated"]}, 401, CredentialsRefused),
        ({"errors": [{"message": "Not Authenticated"}]}, 401, CredentialsRefused),
        ({"error_code": "", "error_message": "Not Authenticated", "status_code": 401}, 401, CredentialsRefused),
    ],
    ids=lambda value: str(value)[:60],
)
def test_what_errors_mean(body, status, kind):
    assert type(error(body, status)) is kind


def test_a_restricted_address_is_not_about_the_token():
    found = error({"errors": [{"message": "Your ip is restricted"}]}, 401)
    assert type(found) is ConfigurationError
    assert "IP" in found.fix


def test_a_read_that_failed_inside_may_be_repeated():
    assert type(error(coded("INTERNAL_SERVER_ERROR"), writes=False)) is Transient


@pytest.mark.parametrize(
    ("body", "headers", "seconds"),
    [
        (coded("ComplexityException", retry_in_seconds=37), {}, 37),
        (coded("ComplexityException", retry_in_seconds=37), {"Retry-After": "50"}, 50),
        (coded("ComplexityException", "exhausted, reset in 12 seconds"), {"Retry-After": "3"}, 12),
        (coded("ComplexityException"), {}, 60),
        (coded("DAILY_LIMIT_EXCEEDED"), {"Retry-After": "10"}, 7205),
    ],
)
def test_the_longest_wait_that_is_asked_for_counts(body, headers, seconds):
    assert error(body, 429, headers).retry_after == seconds


def test_the_body_of_before_2025():
    body = {
        "error_code": "ComplexityException",
        "status_code": 429,
        "error_message": "Complexity budget exhausted, query cost 30001 budget remaining 19986 reset in 3 seconds",
        "error_data": {},
        "errors": ["Complexity budget exhausted"],
        "account_id": 123456,
    }
    found = error(body)
    assert (type(found), found.retry_after, found.code) == (RateLimited, 3, "ComplexityException")


def test_partial_success_is_told_by_alias():
    body = {
        "data": {"m0": {"id": "1"}, "m1": None, "m2": None},
        "errors": [
            {"message": "general"},
            {
                "message": "bad label",
                "path": ["m1"],
                "extensions": {"code": "ColumnValueException", "error_data": {"column_id": "state"}},
            },
        ],
    }
    answer = parse(reply(body))
    assert answer.fault_of("m1").message == "bad label"
    assert (answer.fault_of("m1").field, answer.fault_of("m2").message) == ("state", "general")


@pytest.mark.parametrize("body", [b"<html>Bad Gateway</html>", b"", [], "text", {"data": []}])
def test_what_is_no_answer(body):
    with pytest.raises(BadAnswer):
        parse(reply(body))


@pytest.mark.parametrize(
    ("status", "writes", "kind"),
    [
        (200, True, OutcomeUnknown),
        (200, False, BadAnswer),
        (504, True, OutcomeUnknown),
        (504, False, Transient),
        (429, True, RateLimited),
        (404, True, ConfigurationError),
        (302, False, ConfigurationError),
        (401, False, CredentialsRefused),
    ],
)
def test_what_others_answer_in_its_place(status, writes, kind):
    page = reply(b"<html>no</html>", status)
    with pytest.raises(BadAnswer) as caught:
        parse(page)
    assert type(foreign(page, caught.value, writes=writes, now=NOW)) is kind


def test_a_wait_may_be_an_instant():
    headers = {"Date": "Fri, 20 Nov 2026 22:00:00 GMT", "Retry-After": "Fri, 20 Nov 2026 22:01:30 GMT"}
    assert (retry_after(headers), retry_after({"Retry-After": "soon"}), retry_after({})) == (90, None, None)
