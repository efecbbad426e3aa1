"""What a connection may look like, and what is made of it."""

from __future__ import annotations

import base64

import pytest

from connectors.errors import ConfigurationError
from connectors.ports import ConnectionSpec
from connectors.sage300.config import Config

SECRET = "Ab1:é password "


def config(base_url="https://erp.example/Sage300WebApi", company="SAMINC", username="webapi", password=SECRET, **more):
    settings = {**more, **({"company": company} if company is not None else {})}
    credentials = {"username": username, "password": password}
    return Config.from_spec(ConnectionSpec("c1", "Books", "sage300", base_url, settings, credentials))


def sent(authorization: str) -> str:
    scheme, _, token = authorization.partition(" ")
    assert scheme == "Basic"
    return base64.b64decode(token).decode()


@pytest.mark.parametrize(
    ("pasted", "base"),
    [
        ("erp.example", "https://erp.example/Sage300WebApi"),
        ("https://erp.example/", "https://erp.example/Sage300WebApi"),
        ("https://erp.example:8443", "https://erp.example:8443/Sage300WebApi"),
        ("https://erp.example/Sage300WebApi", "https://erp.example/Sage300WebApi"),
        (" https://erp.example/Sage300WebApi// ", "https://erp.example/Sage300WebApi"),
        ("https://erp.example/Sage300WebApi/v1.0", "https://erp.example/Sage300WebApi"),
        ("https://erp.example/Sage300WebApi/v1.0/-/", "https://erp.example/Sage300WebApi"),
        ("https://erp.example/Sage300WebApi/v1.0/-/SAMINC", "https://erp.example/Sage300WebApi"),
        ("https://erp.example/Sage300WebApi/V1.0/-/saminc/", "https://erp.example/Sage300WebApi"),
        ("https://erp.example/Sage300WebApi/v1.0/-/SAMINC/AP/APVendors?$top=1", "https://erp.example/Sage300WebApi"),
        ("https://erp.example/Sage300WebApi/-/SAMINC", "https://erp.example/Sage300WebApi"),
        ("erp.example/Finance/Api300/", "https://erp.example/Finance/Api300"),
        ("https://api.example/v1.0/-/SAMINC", "https://api.example"),
        ("http://127.0.0.1:8300", "http://127.0.0.1:8300/Sage300WebApi"),
    ],
)
def test_the_address_may_be_pasted_in_any_form(pasted, base):
    assert config(pasted).base == f"{base}/v1.0/-/SAMINC"


@pytest.mark.parametrize("pasted", ["", "https://", "https://[x", "https://me:secret@erp.example/Sage300WebApi"])
def test_an_address_without_host_or_with_credentials_is_refused(pasted):
    with pytest.raises(ConfigurationError) as caught:
        config(pasted)
    assert caught.value.step == "settings"
    assert "secret" not in str(caught.value)


def test_the_company_may_come_from_the_address():
    assert config("https://erp.example/Sage300WebApi/v1.0/-/samltd", company=None).company == "SAMLTD"
    assert config(company=" samltd ").company == "SAMLTD"


@pytest.mark.parametrize(
    ("pasted", "company"),
    [("erp.example/Sage300WebApi/v1.0/-/SAMLTD", "SAMINC"), ("erp.example", None), ("erp.example", "A/B")],
)
def test_a_company_that_contradicts_or_is_none_is_refused(pasted, company):
    with pytest.raises(ConfigurationError) as caught:
        config(pasted, company)
    assert caught.value.step == "company"
    assert caught.value.fix


def test_the_user_is_sent_in_capitals_and_the_password_as_it_is():
    assert sent(config().authorization) == f"WEBAPI:{SECRET}"
    assert sent(config().authorization_in_capitals) == f"WEBAPI:{SECRET.upper()}"


@pytest.mark.parametrize(
    ("value", "capitals"), [(True, True), ("true", True), (False, False), ("false", False), ("", False)]
)
def test_a_legacy_site_may_have_its_password_in_capitals(value, capitals):
    assert sent(config(uppercase_password=value).authorization) == f"WEBAPI:{SECRET.upper() if capitals else SECRET}"


def test_an_empty_password_is_one():
    assert sent(config(password="").authorization) == "WEBAPI:"


@pytest.mark.parametrize("username", ["", "  ", "a:b"])
def test_a_user_is_needed(username):
    with pytest.raises(ConfigurationError, match="username"):
        config(username=username)


def test_no_secret_is_shown():
    assert SECRET not in repr(config())
    assert SECRET.strip() not in config().credentials_key


def test_limits_belong_to_the_company_whoever_signs_in():
    one, other = config(), config("ERP.example", username="other", password="x")
    assert one.write_limits == other.write_limits
    assert one.read_limits != config(company="SAMLTD").read_limits
    assert [limit.limit for limit in one.read_limits] == [3]
    assert [limit.limit for limit in one.write_limits] == [1, 3]


def test_a_slot_outlives_the_slowest_request():
    assert all(limit.ttl > 10 + 120 for limit in config().write_limits)
    assert all(limit.ttl > 10 + 600 for limit in config(request_timeout=600).write_limits)


def test_a_time_out_must_be_a_number():
    with pytest.raises(ConfigurationError, match="request_timeout"):
        config(request_timeout="soon")
