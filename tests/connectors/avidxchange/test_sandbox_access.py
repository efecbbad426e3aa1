"""Headers, tokens, grants, rights and faults of the AvidXchange sandbox (docs: avidxchange 4, 5.4, 14)."""

from __future__ import annotations

from collections.abc import Iterator
from email.utils import parsedate_to_datetime

import pytest
import requests

from tests.connectors.avidxchange.caller import (
    COMPANY,
    HEADERS,
    PROFILES,
    USER,
    Caller,
    denied,
    done,
    serving,
)


@pytest.fixture(params=PROFILES)
def avid(request: pytest.FixtureRequest) -> Iterator[Caller]:
    with serving(request.param) as caller:
        yield caller


def systems(avid: Caller) -> requests.Response:
    return avid.get("/accountingSystems")


# --- static tokens ------------------------------------------------------------------------------------


def test_both_headers_open_the_door(avid: Caller) -> None:
    items, _ = avid.opened(systems(avid).json())
    assert items == [{"ID": 3, "Name": "Sage 100 ABC"}, {"ID": 4, "Name": "Sage 100 XYZ"}]


@pytest.mark.parametrize(("position", "reason"), [(0, "InvalidCompanyToken"), (1, "InvalidUserToken")])
@pytest.mark.parametrize("value", [None, "wrong"])
def test_each_token_has_its_own_reason(avid: Caller, position: int, reason: str, value: str | None) -> None:
    name = list(HEADERS[avid.profile])[position]
    avid.http.headers[name] = value  # type: ignore[assignment]
    answer = systems(avid)
    assert denied(answer) == (401, reason)
    assert answer.json()["exception"]["detail"]
    assert avid.stats()["unauthorized"] == {reason: 1}


def test_the_headers_of_the_other_profile_open_nothing(avid: Caller) -> None:
    other = next(each for each in PROFILES if each != avid.profile)
    answer = requests.get(f"{avid.url}{avid.root}/accountingSystems", headers=HEADERS[other], timeout=10)
    assert denied(answer) == (401, "InvalidCompanyToken")


def test_the_scheme_belongs_to_the_template() -> None:
    with serving() as avid:
        avid.http.headers["AvidAuthorization"] = USER
        assert denied(systems(avid)) == (401, "InvalidUserToken")


def test_the_names_of_the_headers_are_data() -> None:
    with serving(headers={"X-One": "Key {company_token}", "X-Two": "{user_token}"}) as avid:
        assert systems(avid).status_code == 401
        avid.http.headers.update({"X-One": f"Key {COMPANY}", "X-Two": USER})
        assert systems(avid).status_code == 200


def test_a_token_is_revoked_in_mid_run(avid: Caller) -> None:
    avid.act("revoke_token")
    assert denied(systems(avid)) == (401, "InvalidUserToken")
    avid.act("revoke_token", which="company_token")
    assert denied(systems(avid)) == (401, "InvalidCompanyToken")
    avid.act("restore_token", which="company_token")
    avid.act("restore_token")
    assert systems(avid).status_code == 200


def test_a_fault_revokes_after_some_requests(avid: Caller) -> None:
    avid.fault("revoke", skip=2)
    assert [systems(avid).status_code for _ in range(4)] == [200, 200, 401, 401]


# --- rights and routes --------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [403, 404, 501])
def test_one_resource_is_switched_off_alone(avid: Caller, status: int) -> None:
    avid.act("disable", resource="vendors", status=status)
    answer = avid.get(avid.vendors)
    assert answer.status_code == status
    assert answer.json()["exception"].keys() == {"reason", "detail"}
    assert systems(avid).status_code == 200
    avid.act("disable", resource="vendors", status=0)
    assert avid.get(avid.vendors).status_code == 200


def test_an_unknown_path_is_404_in_the_shape_of_exceptions(avid: Caller) -> None:
    assert avid.get("/nothing").json()["exception"]["reason"] == "NotFound"
    assert avid.http.get(f"{avid.url}/accountingSystems", timeout=10).status_code == 404


def test_each_profile_has_its_own_paths(avid: Caller) -> None:
    others = "/vendors" if avid.plain else "/suppliers"
    assert avid.get(others).status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("POST", "/enterpriseCodes", "GET"),
        ("PUT", "/enterpriseCodes/groups", "GET"),
        ("PATCH", "/enterpriseCodes/6000", "GET"),
        ("DELETE", "/enterpriseCodes/Accounting%20Codes/6000", "GET"),
        ("PUT", "/invoices/1", "GET"),
        ("DELETE", "/invoices/1", "GET"),
        ("POST", "/invoices/1/approve", "GET"),
        ("POST", "/accountingSystems", "GET"),
        ("GET", "/accountingSystems/3/enterpriseCodes/import", "POST"),
    ],
)
def test_a_write_on_what_is_read_only_is_405(avid: Caller, method: str, path: str, allow: str) -> None:
    answer = avid.call(method, path, {} if method != "GET" else None)
    assert (answer.status_code, answer.headers["Allow"]) == (405, allow)


@pytest.mark.parametrize(
    ("method", "path"),
    [("DELETE", "/payments?externalPaymentIds=AP-1"), ("POST", "/payments/batches"), ("PUT", "/payments/1")],
)
def test_any_write_to_payments_is_a_failure_that_is_counted(avid: Caller, method: str, path: str) -> None:
    assert avid.call(method, path).status_code == 405
    assert avid.stats()["forbidden_writes"] == 1


@pytest.mark.parametrize(
    ("path", "params"),
    [
        ("/accountingSystems", {"name": "x"}),
        ("vendors", {"code": "x"}),
        ("/enterpriseCodes", {"group": "x"}),
        ("/invoices", {"vendorCode": "x"}),
        ("payments", {"acctgSysId": 3}),
        ("/invoices/1", {"acctgSysId": 3}),
    ],
)
def test_an_unknown_parameter_is_400(avid: Caller, path: str, params: dict[str, object]) -> None:
    path = {"vendors": avid.vendors, "payments": avid.payments}.get(path, path)
    assert denied(avid.get(path, **params)) == (400, "UNKNOWN_PARAMETER")


def test_the_other_profile_s_parameters_are_unknown(avid: Caller) -> None:
    other = "pageNumber" if avid.plain else "page"
    answer = avid.call("GET", avid.vendors, params={other: 1})
    assert denied(answer) == (400, "UNKNOWN_PARAMETER")


def test_a_refused_request_has_one_of_two_bodies(avid: Caller) -> None:
    bodies = [tuple(sorted(avid.get("/invoices", nonsense=1).json())) for _ in range(40)]
    assert set(bodies) == {("error", "error_description"), ("Errors",)}


# --- content types ------------------------------------------------------------------------------------


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/x-www-form-urlencoded"])
def test_a_write_needs_its_content_type(avid: Caller, content_type: str) -> None:
    headers = {"Content-Type": content_type} if content_type else {}
    answer = avid.http.post(f"{avid.url}{avid.root}/invoices", data=b"{}", headers=headers, timeout=10)
    assert denied(answer)[0] == 415
    assert avid.call("POST", "/invoices", {}).status_code != 415


def test_json_must_be_asked_for(avid: Caller) -> None:
    avid.http.headers["Accept"] = "*/*"
    assert systems(avid).status_code == 406


@pytest.mark.parametrize("body", ["", "{", '{"GrossAmount": NaN}'])
def test_a_body_that_is_no_json_is_400(avid: Caller, body: str) -> None:
    headers = {"Content-Type": "application/json"}
    answer = avid.http.post(f"{avid.url}{avid.root}/invoices", data=body, headers=headers, timeout=10)
    assert denied(answer) == (400, "INVALID_JSON")


# --- password grant -----------------------------------------------------------------------------------


PASSWORD = {"grant_type": "password", "username": "ap.bot@acme.example", "password": "sandbox-password"}


@pytest.fixture(params=PROFILES)
def granting(request: pytest.FixtureRequest) -> Iterator[Caller]:
    with serving(request.param, auth_mode="password_grant") as caller:
        del caller.http.headers[list(HEADERS[request.param])[1]]
        yield caller


def authorize(avid: Caller, **form: str) -> requests.Response:
    return avid.http.post(f"{avid.url}{avid.root}/authorizations", data={**PASSWORD, **form}, timeout=10)


def sign_in(avid: Caller) -> None:
    answer = authorize(avid)
    assert answer.json().keys() == {"access_token", "token_type", "expires_in"}
    name, value = list(HEADERS[avid.profile].items())[1]
    avid.http.headers[name] = value.replace(USER, answer.json()["access_token"])


def test_a_password_buys_a_token_that_ends(granting: Caller) -> None:
    assert denied(systems(granting)) == (401, "InvalidUserToken")
    sign_in(granting)
    assert systems(granting).status_code == 200
    granting.control("clock", {"advance": 3601})
    assert denied(systems(granting)) == (401, "InvalidUserToken")
    sign_in(granting)
    assert systems(granting).status_code == 200
    assert granting.stats()["authorizations"] == 2


def test_issued_tokens_may_be_revoked_and_bought_again(granting: Caller) -> None:
    sign_in(granting)
    granting.act("revoke_token", which="access_token")
    assert systems(granting).status_code == 401
    sign_in(granting)
    assert systems(granting).status_code == 200
    granting.act("revoke_token", which="password")
    assert authorize(granting).status_code == 400


def test_a_wrong_password_is_an_invalid_grant(granting: Caller) -> None:
    answer = authorize(granting, password="guess")
    assert denied(answer) == (400, "invalid_grant")
    assert answer.json()["error_description"]
    assert authorize(granting, grant_type="client_credentials").json()["error"] == "unsupported_grant_type"


def test_the_gateway_key_stands_before_the_grant(granting: Caller) -> None:
    name = next(iter(HEADERS[granting.profile]))
    granting.http.headers[name] = "wrong"
    assert denied(authorize(granting)) == (401, "InvalidCompanyToken")


def test_the_grant_is_a_form(granting: Caller) -> None:
    assert granting.call("POST", "/authorizations", PASSWORD).status_code == 415


def test_a_503_of_the_grant_echoes_the_password(granting: Caller) -> None:
    granting.fault("echo_credentials")
    answer = authorize(granting)
    assert answer.status_code == 503
    assert "sandbox-password" in answer.text
    assert authorize(granting).status_code == 200


def test_without_the_mode_there_is_no_grant(avid: Caller) -> None:
    assert authorize(avid).status_code == 404


# --- client credentials -------------------------------------------------------------------------------


def test_client_credentials_buy_a_bearer_and_the_tenant_has_its_header() -> None:
    client = {"client_id": "sandbox-client", "client_secret": "sandbox-client-secret"}
    with serving(auth_mode="client_credentials", credentials={"tenant": "acme"}) as avid:
        avid.http.headers.clear()
        avid.http.headers["Accept"] = "application/json"
        form = {"grant_type": "client_credentials", **client}
        wrong = avid.http.post(f"{avid.url}/oauth/token", data={**form, "client_secret": "x"}, timeout=10)
        assert denied(wrong) == (401, "invalid_client")
        token = avid.http.post(f"{avid.url}/oauth/token", data=form, timeout=10).json()["access_token"]
        avid.http.headers["Authorization"] = f"Bearer {token}"
        assert denied(systems(avid)) == (401, "InvalidTenant")
        avid.http.headers["X-Tenant-Id"] = "acme"
        assert systems(avid).status_code == 200


# --- faults -------------------------------------------------------------------------------------------


def test_throttling_names_seconds_or_a_date(avid: Caller) -> None:
    avid.fault("throttle", seconds=7)
    answer = systems(avid)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "7")
    avid.fault("throttle", seconds=90, body="date")
    answer = systems(avid)
    until = parsedate_to_datetime(answer.headers["Retry-After"])
    assert until > parsedate_to_datetime(answer.headers["Date"])
    assert systems(avid).status_code == 200


@pytest.mark.parametrize("status", [500, 502, 503])
def test_the_gateway_answers_html(avid: Caller, status: int) -> None:
    avid.fault("status", status=status, body="<html><body>Gateway</body></html>")
    answer = systems(avid)
    assert (answer.status_code, answer.headers["Content-Type"].split(";")[0]) == (status, "text/html")


def test_a_conflict_is_told(avid: Caller) -> None:
    vendor = avid.vendor()
    avid.fault("conflict", path="/(vendors|suppliers)/")
    assert denied(avid.update_vendor(vendor, Name="Other")) == (409, "CONFLICT")
    assert done(avid.update_vendor(vendor, Name="Other"))


def test_the_connection_is_cut_after_the_invoice_was_created(avid: Caller) -> None:
    avid.ready()
    avid.fault("reset_after", method="POST", path="/invoices$")
    with pytest.raises(requests.ConnectionError):
        avid.submit()
    assert [row["number"] for row in avid.state("invoices")] == ["INV-1"]


def test_requests_are_journaled_and_counted_by_resource(avid: Caller) -> None:
    vendor = avid.vendor()
    avid.get(avid.vendors, acctgSysId=3)
    systems(avid)
    avid.update_vendor(vendor, Name="Other")
    update = "PATCH" if avid.plain else "PUT"
    resources = avid.stats()["resources"]
    assert resources == {"vendors": {"POST": 1, "GET": 1, update: 1}, "accounting_systems": {"GET": 1}}
    assert avid.state("journal")[1] == f"GET {avid.root}{avid.vendors}?acctgSysId=3"
