"""What the Service Layer's error objects mean, in every shape that they come in."""

from __future__ import annotations

import json
from typing import Any

import pytest

from connectors.errors import (
    AuthExpired,
    ConfigurationError,
    ConnectorError,
    CredentialsRefused,
    Duplicate,
    NotFound,
    RateLimited,
    RecordLocked,
    Rejected,
)
from connectors.sap_b1.refusals import BrokenNode, CompanyBusy, LoginsCollided, fault, login_refusal, refusal
from tests.connectors.sap_b1.standin import HTML, v1, v2


def judged(status: int, body: Any, addressed: bool = False, judge: Any = refusal) -> ConnectorError | None:
    text = body if isinstance(body, str) else json.dumps(body)
    error: ConnectorError | None = judge(status, fault(text), "raw", addressed=addressed)
    return error


SHAPES = [
    {"error": {"code": -10, "message": {"lang": "en-us", "value": "No."}}},
    {"error": {"code": "-10", "message": "No.", "details": [{"code": "", "message": ""}]}},
    {"error": {"code": -10, "message": "No."}},
    {"error": {"code": "-10", "message": {"value": "No."}, "details": None}},
    {"error": {"code": -10, "message": {"lang": "en-us", "value": "No."}, "innererror": {"context": None}}},
    {"odata.error": {"code": "-10", "message": {"value": "No."}}},
    {"code": -10, "message": "No."},
]


@pytest.mark.parametrize("body", SHAPES)
def test_every_shape_of_an_error_is_read(body):
    found = fault(json.dumps(body))
    assert found
    assert (found.code, found.message) == ("-10", "No.")


@pytest.mark.parametrize("body", ["", HTML, "[]", "{}", "null", '"no"', '{"error": {}}', "[" * 100_000])
def test_what_is_no_error_object(body):
    assert fault(body) is None


def test_details_are_part_of_the_text_once():
    body = {"error": {"code": "-10", "message": "No.", "details": [{"message": "No."}, {"message": "Why."}]}}
    found = fault(json.dumps(body))
    assert found
    assert found.message == "No.; Why."


FIELDS = [
    ("Code undefined [OCRD.CardCode]", "OCRD.CardCode"),
    ("Enter a valid code [OPCH.CardCode] , 'V999'", "OPCH.CardCode"),
    ("Invoice is already closed or blocked  [VPM2.DocEntry][line: 1]", "VPM2.DocEntry"),
    ("Field size deviates from legal range [1..11]", ""),
    ("Property 'DocTota' of 'Document' is invalid", "DocTota"),
    ("'Z' is not a valid value for property 'U_X'. The valid values are: 'A'", "U_X"),
    ("The attachments folder is not defined", ""),
]


@pytest.mark.parametrize(("text", "field"), FIELDS)
@pytest.mark.parametrize("shape", [v1, v2])
def test_the_full_text_is_kept_and_its_field_found(shape, text, field):
    error = judged(400, shape(-5002, text))
    assert type(error) is Rejected
    assert text in error.message
    assert (error.field, error.code, error.status, error.raw) == (field, "-5002", 400, "raw")


EXPIRY = [
    (401, v1(301, "Invalid session or session already timeout.")),
    (401, v2(301, "Invalid session or session already timeout.")),
    (401, v1(-301, "x")),
    (400, v1(-301, "x")),
    (500, v2(301, "x")),
    (401, HTML),
    (401, ""),
    (400, v1(0, "Invalid session.")),
    (403, v2(-1, "Your session has expired")),
    (401, v1(-5002, "anything")),
    (400, v1(-5002, "")),
    (400, v2(-5002, "Session timed out")),
    (400, v2(-5002, "Timeout")),
]


@pytest.mark.parametrize(("status", "body"), EXPIRY)
def test_what_tells_that_the_session_is_gone(status, body):
    assert type(judged(status, body)) is AuthExpired


@pytest.mark.parametrize(
    "text",
    [
        "Code undefined [OCRD.CardCode]",
        "The attachments folder is not defined",
        "Lock request time out period exceeded [OINM.TransNum]",
    ],
)
def test_a_business_error_is_no_expiry(text):
    assert type(judged(400, v1(-5002, text))) is Rejected
    assert type(judged(400, v2(-5002, text))) is Rejected


@pytest.mark.parametrize("status", [500, 502, 503, 504])
@pytest.mark.parametrize("body", [HTML, "", v1(-5002, ""), v1(-1, "Database session timeout"), v1(-1116, "internal")])
def test_an_error_of_the_server_tells_nothing_of_the_request(status, body):
    assert judged(status, body) is None


MEANINGS: list[tuple[int, Any, type[Any]]] = [
    (400, v1(-2035, "This entry already exists in the following tables (ODBC -2035)"), Duplicate),
    (400, v2(-10, "1320000140 - Business partner code 'c1' already assigned to a business partner"), Duplicate),
    (400, v1(-10, "10001071 - Customer 123 is inactive"), Rejected),
    (412, v1(-2039, "Another user or another operation modified data"), RecordLocked),
    (412, "", RecordLocked),
    (400, v2(-2039, "Another user or another operation modified data"), RecordLocked),
    (400, v1(201, "Property 'X' is invalid"), Rejected),
    (400, v1(-1000, "Property 'X' of 'BusinessPartner' is invalid"), Rejected),
    (400, v1(-5006, "The requested action is not supported for this object."), Rejected),
    (400, v1(-2028, "No matching records found (ODBC -2028) [OINV.GroupNum]"), Rejected),
    (400, HTML, Rejected),
    (408, "", type(None)),
    (429, "", RateLimited),
    (403, "", ConfigurationError),
    (404, HTML, ConfigurationError),
    (405, "", ConfigurationError),
    (302, "", ConfigurationError),
    (500, v1(305, "Switch company error: -1102"), CompanyBusy),
    (401, v2(305, "Switch company error: -1102"), CompanyBusy),
    (500, v1(305, "Switch company error: -5027"), ConfigurationError),
    (500, v2(407, "Table definition not found for '@X'."), BrokenNode),
]


@pytest.mark.parametrize(("status", "body", "kind"), MEANINGS)
def test_refusals_by_code_then_by_status(status, body, kind):
    assert type(judged(status, body)) is kind


@pytest.mark.parametrize("status", [404, 400])
def test_absence_is_told_of_an_addressed_entity_only(status):
    body = v1(-2028, "No matching records found (ODBC -2028)")
    assert type(judged(status, body, addressed=True)) is NotFound
    assert type(judged(status, body)) is Rejected


def test_a_web_page_proves_no_absence():
    assert type(judged(404, HTML, addressed=True)) is ConfigurationError


LOGINS: list[tuple[int, Any, type[Exception], str]] = [
    (401, v1(-304, "Fail to NONE-SSO login from SLD."), CredentialsRefused, "user"),
    (401, v2(-306, "Fail to NONE-SSO login from SLD."), CredentialsRefused, "company_db"),
    (500, v1(100000027, "Login failed"), CredentialsRefused, "user"),
    (400, v1(-4008, "error during SBO user authentication"), CredentialsRefused, "user"),
    (401, HTML, CredentialsRefused, "user"),
    (400, v1(-5002, ""), CredentialsRefused, "user"),
    (400, v1(-1000, "Property missing"), CredentialsRefused, "user"),
    (401, v1(301, "Invalid session or session already timeout."), ConfigurationError, "https://"),
    (404, HTML, ConfigurationError, "https://"),
    (500, v1(305, "Switch company error: -5027"), ConfigurationError, "company_db"),
]


@pytest.mark.parametrize(("status", "body", "kind", "named"), LOGINS)
def test_a_refused_login_names_what_to_check(status, body, kind, named):
    error = judged(status, body, judge=login_refusal)
    assert type(error) is kind
    assert isinstance(error, ConfigurationError)
    assert named in error.fix


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (500, v1(299, "SAML Login Failed"), LoginsCollided),
        (500, v1(305, "Switch company error: -1102"), CompanyBusy),
        (500, v1(407, "Table definition not found for '@X'."), BrokenNode),
        (503, HTML, type(None)),
        (429, "", RateLimited),
    ],
)
def test_a_login_that_may_be_tried_again(status, body, kind):
    assert type(judged(status, body, judge=login_refusal)) is kind
