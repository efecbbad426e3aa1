"""Ways to sign in, and that nothing of them is ever shown."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest

from connectors.avidxchange.sandbox.server import CREDENTIALS
from connectors.errors import ConfigurationError, CredentialsRefused, Unreachable


@pytest.fixture(params=["password_grant", "client_credentials"])
def mode(request):
    return request.param


@pytest.fixture
def options(mode):
    tenant = {"tenant": "T-77"} if mode == "client_credentials" else {}
    return {"auth_mode": mode, "credentials": tenant, "token_lifetime": 3600}


@pytest.fixture
def sign_in(connect, avid, mode):
    def make(**changes):
        names = {
            "password_grant": ("company_token", "username", "password"),
            "client_credentials": ("client_id", "client_secret"),
        }
        credentials = {name: CREDENTIALS[name] for name in names[mode]} | changes
        settings = {"token_url": f"{avid.url}/oauth/token", "tenant": "T-77"} if mode == "client_credentials" else {}
        return connect(credentials, auth_mode=mode, **settings)

    return make


def test_one_token_serves_all_processes(sign_in, avid):
    for _ in range(3):
        list(sign_in().read_vendors(None))
    assert avid.stats()["authorizations"] == 1


def test_a_token_is_renewed_before_its_end(sign_in, avid, clock):
    sign_in().begin_run()
    now = clock.now()
    clock.now = lambda: now + timedelta(seconds=3550)
    sign_in().begin_run()
    list(sign_in().read_vendors(None))
    assert avid.stats()["authorizations"] == 2


def test_a_token_that_ended_is_renewed_once_and_the_call_repeated(sign_in, avid):
    connector = sign_in()
    connector.begin_run()
    avid.act("revoke_token", which="access_token")
    list(connector.read_vendors(None))
    assert avid.stats()["authorizations"] == 2


def test_a_fresh_token_that_is_refused_ends_it(sign_in, avid):
    connector = sign_in()
    connector.begin_run()
    avid.fault("revoke", body="access_token", path="vendors|suppliers", times=-1)
    for _ in range(3):
        with pytest.raises(CredentialsRefused):
            list(connector.read_vendors(None))
    assert avid.stats()["authorizations"] == 2


def test_refused_credentials_are_sent_once(sign_in, avid, mode):
    wrong = {"password_grant": "password", "client_credentials": "client_secret"}[mode]
    connector = sign_in(**{wrong: "wrong-one"})
    for _ in range(3):
        with pytest.raises(CredentialsRefused) as refused:
            connector.begin_run()
    assert "user name or password is incorrect" in refused.value.message
    assert sum(avid.stats()["unauthorized"].values()) == 1


def test_an_answer_that_echoes_the_password_is_shown_nowhere(sign_in, avid, seen, caplog):
    caplog.set_level(logging.DEBUG)
    avid.fault("echo_credentials", times=-1)
    with pytest.raises(Unreachable) as refused:
        sign_in().begin_run()
    shown = [f"{each.url} {each.request} {each.response} {each.error}" for each in seen]
    shown += [str(refused.value), refused.value.raw, caplog.text]
    for name in ("password", "client_secret", "username", "client_id"):
        assert CREDENTIALS[name] not in "".join(shown)


def test_no_token_is_shown_or_kept_readably(sign_in, avid, seen, host):
    connector = sign_in()
    list(connector.read_vendors(None))
    (stored,) = [value for key, (value, _) in host.store._values.items() if ":token:" in key]
    token = stored.split('"')[1]
    assert len(token) > 40
    assert token not in "".join(each.request + each.response for each in seen)
    assert token not in repr(connector._client.config) + repr(connector._client.access.token())


def test_what_is_missing_is_named(connect, avid, mode):
    with pytest.raises(ConfigurationError) as refused:
        connect({"company_token": "x" * 20}, auth_mode=mode)
    assert {"password_grant": "password, username", "client_credentials": "client_id, client_secret, token_url"}[
        mode
    ] in refused.value.message
