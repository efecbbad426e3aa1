"""Paths, logins, rights, verbs and the shape of refusals (docs: sage300 15.1-15.6), over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from tests.connectors.sage300.caller import USER, Caller, invoice, refusal, serving


@pytest.fixture
def sage() -> Iterator[Caller]:
    with serving() as caller:
        yield caller


# --- 1: paths -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("v1.0/-/SAMLTD/AP/APVendors", 200),
        ("V1.0/-/SAMLTD/AP/APVendors", 200),
        ("v2.0/-/SAMLTD/AP/APVendors", 404),
        ("v1.0/tenant/SAMLTD/AP/APVendors", 404),
        ("-/SAMLTD/AP/APVendors", 404),
        ("v1.0/-/SAMLTD/AP/Vendors", 404),
        ("v1.0/-/SAMLTD/GL/APVendors", 404),
        ("v1.0/-/SAMLTD/AP/APInvoices", 404),
        ("v1.0/-/SAMLTD/XX/XXThings", 404),
        ("v1.0/-/SAMLTD/AP/APInvoiceBatches(1)/Invoices(1)", 404),
    ],
)
def test_1_only_the_versioned_prefixed_path_is_served(sage: Caller, path: str, expected: int) -> None:
    assert sage.http.get(f"{sage.root}/Sage300WebApi/{path}", timeout=10).status_code == expected


@pytest.mark.parametrize("company", ["NOSUCH", "samltd"])
def test_1_an_unknown_company_opens_no_session(sage: Caller, company: str) -> None:
    assert refusal(sage.call("GET", "AP/APVendors", company=company)) == (500, "SessionError")


def test_1_a_module_that_is_not_activated_fails_alone(sage: Caller) -> None:
    assert refusal(sage.call("GET", "GL/GLAccounts", company="SAMINC")) == (500, "DBLinkError")
    assert sage.call("GET", "AP/APVendors", company="SAMINC").json()["value"] == []


def test_1_keys_that_a_path_cannot_carry_are_refused_by_iis_or_missed(sage: Caller) -> None:
    sage.act("add_vendor", vendor="A&B", name="A and B")
    sage.act("add_vendor", vendor="A/B", name="A or B")
    answer = sage.get("AP/APVendors('A%26B')")
    assert (answer.status_code, answer.headers["Content-Type"]) == (400, "text/html; charset=utf-8")
    assert refusal(sage.get("AP/APVendors('A%2FB')")) == (404, "ResourceNotFound")
    assert len(sage.rows("AP/APVendors", filter="VendorNumber eq 'A&B' or VendorNumber eq 'A/B'")) == 2


# --- 2: logins ----------------------------------------------------------------------------------------


def test_2_no_login_is_challenged_with_basic(sage: Caller) -> None:
    answer = requests.get(sage.url("AP/APVendors"), timeout=10)
    assert refusal(answer) == (401, "Unauthorized")
    assert answer.headers["WWW-Authenticate"].startswith("Basic")


@pytest.mark.parametrize(
    ("user", "password", "expected"),
    [
        (*USER, 200),
        (USER[0].lower(), USER[1], 401),
        (USER[0], USER[1].upper(), 401),
        (USER[0], USER[1].lower(), 401),
        ("LEGACY", "LEGACY-PASSWORD", 200),
        ("LEGACY", "legacy-password", 401),
        ("NOBODY", "x", 401),
    ],
)
def test_2_users_are_upper_case_and_passwords_exact(sage: Caller, user: str, password: str, expected: int) -> None:
    answer = requests.get(sage.url("AP/APVendors"), auth=(user, password), timeout=10)
    assert answer.status_code == expected
    assert sage.control("stats")["wrong_logins"] == (expected == 401)


def test_2_a_401_may_be_empty() -> None:
    with serving(empty_401=True) as sage:
        answer = requests.get(sage.url("AP/APVendors"), auth=("X", "Y"), timeout=10)
        assert (answer.status_code, answer.content) == (401, b"")


def test_2_iis_may_stand_in_front_with_windows_authentication() -> None:
    with serving(iis_html_401=True) as sage:
        answer = sage.get("AP/APVendors")
        assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Negotiate, NTLM")
        assert "html" in answer.headers["Content-Type"]


# --- 3: rights ----------------------------------------------------------------------------------------


def test_3_admin_has_no_right_and_others_have_it_by_module(sage: Caller) -> None:
    admin = requests.get(sage.url("AP/APVendors"), auth=("ADMIN", "ADMIN"), timeout=10)
    assert refusal(admin) == (403, "Forbidden")
    sage.http.auth = ("APONLY", USER[1])
    assert sage.get("AP/APVendors").status_code == 200
    assert refusal(sage.get("GL/GLAccounts")) == (403, "Forbidden")
    assert refusal(sage.get("GL/$metadata")) == (403, "Forbidden")


# --- 4: content type ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["", "text/plain", "application/x-www-form-urlencoded"])
def test_4_writing_without_json_content_type_fails_altogether(sage: Caller, kind: str) -> None:
    url, body = sage.url("AP/APVendors"), '{"VendorNumber":"V1","GroupCode":"TRADE","VendorName":"X"}'
    headers = {"Content-Type": kind} if kind else {}
    answer = requests.post(url, data=body, headers=headers, auth=USER, timeout=10)
    assert refusal(answer) == (500, "InternalServerError")
    assert sage.rows("AP/APVendors") == []


def test_4_reading_works_without_it(sage: Caller) -> None:
    assert requests.get(sage.url("AP/APVendors"), auth=USER, timeout=10).status_code == 200


# --- 5: verbs -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "AP/APInvoiceBatches(1)"),
        ("DELETE", "AP/APInvoiceBatches(1)"),
        ("DELETE", "GL/GLJournalBatches('000001')"),
        ("POST", "AP/APPostedDocuments"),
        ("POST", "TX/TXTaxGroups"),
        ("PATCH", "CS/CSFiscalCalendars('2026')"),
        ("POST", "CS/CSCompanyProfile"),
        ("GET", "AP/APPostInvoices"),
        ("GET", "AP/APPostInvoices('$process')"),
        ("PATCH", "AP/APPostInvoices('$process')"),
        ("DELETE", "AP/APPostingErrorMessages(PostingSequenceNumber=1,ErrorSequenceNumber=1)"),
    ],
)
def test_5_verbs_that_a_resource_does_not_know(sage: Caller, method: str, path: str) -> None:
    assert refusal(sage.call(method, path, {})) == (405, "MethodNotAllowed")


def test_5_a_2020_site_does_not_patch_batches() -> None:
    with serving(patch=False) as sage:
        sage.vendor()
        number = sage.batch(invoice())
        answer = sage.patch(f"AP/APInvoiceBatches({number})", {"Description": "x"})
        assert refusal(answer) == (405, "MethodNotAllowed")
        assert sage.patch("AP/APVendors('V1')", {"City": "Reno"}).status_code == 204


# --- 6: refusals --------------------------------------------------------------------------------------


def test_6_every_refusal_has_the_envelope_and_business_errors_are_409(sage: Caller) -> None:
    sage.vendor()
    assert refusal(sage.post("AP/APVendors", {"VendorNumber": "V2", "GroupCode": "NONE", "VendorName": "x"})) == (
        409,
        "FieldInvalid",
    )
    assert refusal(sage.post("AP/APVendors", {"VendorNumber": "V1", "GroupCode": "TRADE", "VendorName": "x"})) == (
        409,
        "RecordDuplicate",
    )
    assert refusal(sage.call("DELETE", "AP/APVendors")) == (400, "InvalidEntityKey")
    assert refusal(sage.get("AP/APInvoiceBatches('x')")) == (400, "InvalidEntityKey")


@pytest.mark.parametrize("body", ["", "{", "[1]", "null", '{"DocumentTotal": NaN}'])
def test_6_a_body_that_is_no_json_object_is_an_invalid_payload(sage: Caller, body: str) -> None:
    answer = sage.http.post(sage.url("AP/APInvoiceBatches"), data=body, timeout=10)
    assert refusal(answer) == (400, "InvalidPayload")


# --- what a client finds out about a site -------------------------------------------------------------


def test_metadata_tells_the_properties_of_a_module(sage: Caller) -> None:
    answer = sage.get("AP/$metadata")
    assert answer.headers["Content-Type"].startswith("application/xml")
    for text in ('Name="APInvoiceBatches"', 'Name="VendorOptionalFieldValues"', 'Name="ReadyToPost"', 'Version="4.0"'):
        assert text in answer.text
    assert 'Name="DocumentNumber" Type="Edm.String" MaxLength="22"' in answer.text
    assert "GLAccounts" not in answer.text
    assert 'Name="UnformattedAccount"' in sage.get("GL/$metadata").text


def test_requests_are_counted_by_resource(sage: Caller) -> None:
    sage.get("AP/APVendors('NONE')")
    sage.get("AP/APInvoiceBatches")
    stats = sage.control("stats")
    assert stats["requests"] == {"GET AP/APVendors": 1, "GET AP/APInvoiceBatches": 1}
    assert stats["refused"] == {"RecordNotFound": 1}
    assert stats["unselected_batch_lists"] == 1
