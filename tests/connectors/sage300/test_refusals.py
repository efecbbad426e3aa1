"""What each refusal means, in every shape that a body was seen in."""

from __future__ import annotations

import json

import pytest
from requests.structures import CaseInsensitiveDict

from connectors.errors import (
    ConfigurationError,
    CredentialsRefused,
    Duplicate,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    RecordLocked,
    Rejected,
    Unreachable,
)
from connectors.sage300.refusals import refusal, told
from connectors.transport import Reply
from tests.connectors.sage300.server import HTML

EXISTS = (
    "Document number 'NW-88213' for vendor BILL000417 already exists.\n\n"
    "If you want to add this invoice, add characters to the document number to make it unique."
)


def meant(status, body=b"", headers=None, *, module="AP", writes=False, addressed=False, clean=str):
    if not isinstance(body, bytes):
        body = (body if isinstance(body, str) else json.dumps(body)).encode()
    reply = Reply(status, CaseInsensitiveDict(headers or {}), body)
    return refusal(reply, module=module, writes=writes, addressed=addressed, clean=clean)


def sages(code, text="No.", lang="en-US"):
    return {"error": {"code": code, "message": {"lang": lang, "value": text}}}


# --- bodies --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "code", "text"),
    [
        (json.dumps(sages("General", "One.\r\n\r\n  Two\nThree.")), "General", "One. Two. Three."),
        ("\ufeff" + json.dumps(sages("General", "Déjà")), "General", "Déjà."),
        ('{"error":{"code":"General","message":"Plain."}}', "General", "Plain."),
        ('{"odata.error":{"code":"General","message":{"value":"Old."}}}', "General", "Old."),
        ('{"error":{"code":"General"}}', "General", ""),
        ('{"error":{"code":7,"message":["x"]}}', "", ""),
        ('{"error":"Text."}', "", "Text."),
        ('{"Message":"An error has occurred."}', "", "An error has occurred."),
        ('"Just text."', "", "Just text."),
        ("Just text.", "", "Just text."),
        ("[1]", "", ""),
        ("", "", ""),
        (HTML, "", ""),
    ],
)
def test_every_shape_of_a_body_is_read(body, code, text):
    found = told(body.encode())
    assert (found.code, found.text, found.html) == (code, text, body == HTML)


def test_the_language_of_a_message_is_told():
    assert told(json.dumps(sages("General", "Non.", "fr-FR")).encode()).lang == "fr-FR"


# --- sign-in and rights --------------------------------------------------------------------------


@pytest.mark.parametrize("body", [b"", sages("Unauthorized"), {"Message": "Authorization has been denied."}])
@pytest.mark.parametrize("headers", [{}, {"WWW-Authenticate": 'Basic realm="Sage 300"'}])
def test_refused_credentials(body, headers):
    error = meant(401, body, headers)
    assert isinstance(error, CredentialsRefused)
    assert (error.step, error.status) == ("login", 401)


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (HTML, {}),
        (HTML, {"WWW-Authenticate": "Basic"}),
        (b"", {"WWW-Authenticate": "Negotiate, NTLM"}),
        (b"", {"www-authenticate": "ntlm"}),
        (sages("Unauthorized"), {"WWW-Authenticate": "Negotiate"}),
    ],
)
def test_a_sign_in_that_the_web_server_refused_is_told_from_a_wrong_password(body, headers):
    error = meant(401, body, headers)
    assert type(error) is ConfigurationError
    assert error.step == "iis"
    assert "IIS authentication settings" in error.message
    assert "Anonymous" in error.fix
    assert "Windows" in error.fix


@pytest.mark.parametrize("body", [b"", sages("Forbidden"), HTML])
@pytest.mark.parametrize(("module", "name"), [("GL", "General Ledger (GL)"), ("XX", "XX")])
def test_a_missing_right_names_the_module(body, module, name):
    error = meant(403, body, module=module)
    assert type(error) is ConfigurationError
    assert error.step == "permission"
    assert name in error.message
    assert "Security Groups" in error.fix


# --- company and address -------------------------------------------------------------------------


@pytest.mark.parametrize(("status", "code"), [(404, "ResourceNotFound"), (500, "DBLinkError"), (500, "SessionError")])
@pytest.mark.parametrize("writes", [False, True])
def test_a_company_or_module_that_is_not_served(status, code, writes):
    error = meant(status, sages(code), writes=writes, addressed=True)
    assert type(error) is ConfigurationError
    assert (error.step, error.code) == ("company", code)


@pytest.mark.parametrize(
    ("status", "body"), [(404, HTML), (404, b""), (404, {"Message": "No."}), (302, b""), (400, HTML)]
)
def test_an_address_that_leads_elsewhere(status, body):
    error = meant(status, body)
    assert type(error) is ConfigurationError
    assert error.step == "reach"


def test_only_sages_own_word_proves_absence():
    assert type(meant(404, sages("RecordNotFound"), addressed=True)) is NotFound
    assert type(meant(404, HTML, addressed=True)) is Rejected
    assert type(meant(404, sages("RecordNotFound"), writes=True)) is Rejected


# --- busy and broken -----------------------------------------------------------------------------


@pytest.mark.parametrize("writes", [False, True])
def test_what_was_not_begun_may_be_sent_again(writes):
    for body in (b"", HTML, sages("TooManyRequests")):
        assert isinstance(meant(429, body, writes=writes), RateLimited)
    assert isinstance(meant(503, sages("TooManyRequests"), writes=writes), RateLimited)
    for body in (b"", HTML):
        assert isinstance(meant(503, body, writes=writes), Unreachable)


@pytest.mark.parametrize("status", [408, 500, 502, 504])
@pytest.mark.parametrize("body", [HTML, b"", sages("InternalServerError"), {"Message": "An error has occurred."}])
def test_a_failure_at_work_leaves_a_write_unknown(status, body):
    assert isinstance(meant(status, body), Unreachable)
    assert isinstance(meant(status, body, writes=True), OutcomeUnknown)


# --- business ------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", [sages("RecordDuplicate", "Existe déjà."), sages("FieldInvalid", EXISTS)])
def test_what_exists_already(body):
    error = meant(409, body, writes=True)
    assert isinstance(error, Duplicate)
    assert error.code == body["error"]["code"]


def test_a_message_is_whole():
    error = meant(409, sages("FieldInvalid", EXISTS), writes=True)
    assert error.message == "Sage 300: " + EXISTS.replace("\n\n", " ")


def test_a_duplicate_in_another_language_keeps_its_code():
    error = meant(409, sages("FieldInvalid", "Le numéro de document existe déjà.", "fr-FR"), writes=True)
    assert type(error) is Rejected
    assert error.code == "FieldInvalid"


@pytest.mark.parametrize(
    "text",
    [
        "Batch 412 cannot be edited because it is locked by another user.",
        "Batch 412 cannot be set to Ready to Post because it is locked by another user.",
        "Record has been modified by another program.",
    ],
)
def test_locks_pass(text):
    error = meant(409, sages("General", text), writes=True)
    assert isinstance(error, RecordLocked)
    assert text in error.message


@pytest.mark.parametrize(
    "text",
    ["Cannot determine the fiscal period for 2031-01-01.", "Fiscal period 2026-11 is locked.", "The period is closed."],
)
def test_a_closed_period_has_its_reason(text):
    error = meant(409, sages("FieldInvalid", text), writes=True)
    assert type(error) is Rejected
    assert error.reason == "period_closed"


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (409, "FieldInvalid"),
        (409, "General"),
        (409, "RecordInvalid"),
        (409, "SomethingNew"),
        (422, "SomethingNew"),
        (400, "InvalidPayload"),
        (400, "InvalidParameters"),
        (400, "InvalidEntityKey"),
        (400, "InvalidAction"),
        (405, "MethodNotAllowed"),
        (500, "General"),
    ],
)
def test_other_refusals_are_the_records(status, code):
    error = meant(status, sages(code, "G/L account 6999 is not defined in General Ledger."), writes=True)
    assert type(error) is Rejected
    assert (error.status, error.code, error.reason) == (status, code, "rejected_by_target")
    assert "G/L account 6999" in error.message


@pytest.mark.parametrize(("status", "body"), [(400, b""), (409, HTML), (405, HTML), (413, HTML)])
def test_a_refusal_without_words_tells_its_status(status, body):
    error = meant(status, body, writes=True, addressed=True)
    assert type(error) is Rejected
    assert str(status) in error.message
    assert error.code is None


def test_secrets_in_sages_text_are_masked():
    error = meant(409, sages("General", "User hunter2 is wrong."), clean=lambda text: text.replace("hunter2", "***"))
    assert "hunter2" not in error.message
