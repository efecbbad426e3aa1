from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from audit.models import AuditEvent
from connectors.errors import ConfigurationError
from connectors.ports import PingStep
from integrations.models import Connection
from tests.integrations.world import ORGANIZATION, SECRETS, World


def change(connection: Connection) -> str:
    return reverse("admin:integrations_connection_change", args=[connection.pk])


def filled(connection: Connection, **fields: Any) -> dict[str, Any]:
    values = {
        "base_url": connection.base_url,
        "setting_organization_id": ORGANIZATION,
        "credential_username": "ap@acme.example",
        "credential_password": "",
        "credential_dev_key": "",
        "tls_verify": "on",
    }
    return {name: value for name, value in (values | fields).items() if value is not None}


def errors(page: Any) -> str:
    form = page.context["adminform"].form
    return str(form.errors.as_text())


def test_the_form_shows_settings_and_hides_secrets(acme: World, administrator: Client) -> None:
    text = administrator.get(change(acme.pay)).content.decode()
    assert ORGANIZATION in text
    assert "ap@acme.example" in text
    assert text.count("Stored. Leave empty to keep it.") == 2
    assert not [secret for secret in SECRETS if secret in text]


def test_empty_secrets_are_kept(acme: World, administrator: Client) -> None:
    answer = administrator.post(change(acme.pay), filled(acme.pay, credential_username="new@acme.example"))
    assert answer.status_code == 302
    acme.pay.refresh_from_db()
    assert acme.pay.credentials == {"username": "new@acme.example", "password": SECRETS[1], "dev_key": SECRETS[2]}


def test_a_new_secret_replaces_the_old_one_and_ends_a_refusal(acme: World, administrator: Client) -> None:
    Connection.objects.filter(pk=acme.pay.pk).update(refused_at=timezone.now())
    administrator.post(change(acme.pay), filled(acme.pay, credential_password="brand-new-password"))
    acme.pay.refresh_from_db()
    assert acme.pay.credentials["password"] == "brand-new-password"
    assert acme.pay.refused_at is None
    event = AuditEvent.objects.get(event="credentials_changed")
    assert event.actor == "adam"
    assert event.response == '{"dev_key": "stored", "password": "changed", "username": "stored"}'
    everything = "".join(str(vars(each)) for each in AuditEvent.objects.all())
    assert not [secret for secret in (*SECRETS, "brand-new-password") if secret in everything]


def test_changed_settings_are_on_record(acme: World, administrator: Client) -> None:
    administrator.post(change(acme.pay), filled(acme.pay, setting_request_timeout="45"))
    acme.pay.refresh_from_db()
    assert acme.pay.settings == {"organization_id": ORGANIZATION, "request_timeout": 45}
    event = AuditEvent.objects.get(event="settings_changed")
    assert (event.request, event.response) == ('{"request_timeout": null}', '{"request_timeout": 45}')


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"base_url": "http://gateway.example"}, "https"),
        ({"base_url": "https://me:pass@gateway.example"}, "belong under credentials"),
        ({"setting_organization_id": "123"}, "organization id"),
        ({"credential_username": ""}, "required"),
        ({"tls_pin_sha256": "abc"}, "pin"),
        ({"tls_ca_bundle": "no certificate"}, "certificate"),
    ],
)
def test_what_cannot_work_is_refused(acme: World, administrator: Client, fields: dict[str, Any], problem: str) -> None:
    page = administrator.post(change(acme.pay), filled(acme.pay, **fields))
    assert page.status_code == 200
    assert problem in errors(page).lower()


def test_a_refused_form_does_not_repeat_the_secret(acme: World, administrator: Client) -> None:
    page = administrator.post(
        change(acme.pay), filled(acme.pay, base_url="http://x.example", credential_password="typed-just-now")
    )
    assert "typed-just-now" not in page.content.decode()


def test_a_connection_is_added_for_a_chosen_system(acme: World, administrator: Client) -> None:
    add = reverse("admin:integrations_connection_add")
    assert "Sage 100" in administrator.get(add).content.decode()
    fields = {
        "tenant": acme.tenant.pk,
        "name": "erp2",
        "base_url": "https://erp2.example",
        "setting_company_code": "XYZ",
        "tls_verify": "on",
    }
    page = administrator.post(f"{add}?system=sage100", fields)
    assert "give api_key or client_certificate and client_key" in errors(page)
    answer = administrator.post(f"{add}?system=sage100", {**fields, "credential_api_key": "k" * 40})
    assert answer.status_code == 302
    made = Connection.objects.get(name="erp2")
    assert (made.system, made.settings, made.credentials) == ("sage100", {"company_code": "XYZ"}, {"api_key": "k" * 40})


def test_an_optional_secret_can_be_forgotten(acme: World, administrator: Client) -> None:
    acme.erp.credentials = {"api_key": SECRETS[0], "soap_username": "u", "soap_password": SECRETS[1]}
    acme.erp.save()
    fields = {
        "base_url": acme.erp.base_url,
        "setting_company_code": "ABC",
        "tls_verify": "on",
        "forget": ["soap_password"],
    }
    assert administrator.post(change(acme.erp), fields).status_code == 302
    acme.erp.refresh_from_db()
    assert acme.erp.credentials == {"api_key": SECRETS[0]}


def test_credentials_that_no_key_opens_can_be_entered_again(acme: World, administrator: Client, settings: Any) -> None:
    settings.FERNET_KEYS = ["another-key-another-key-another-key-another"]
    listing = administrator.get(reverse("admin:integrations_connection_changelist"))
    assert acme.pay.name in listing.content.decode()
    page = administrator.get(change(acme.pay))
    assert "enter all of them again" in page.content.decode()
    answer = administrator.post(change(acme.pay), filled(acme.pay, credential_password="p", credential_dev_key="d"))
    assert answer.status_code == 302
    acme.pay.refresh_from_db()
    assert acme.pay.credentials == {"username": "ap@acme.example", "password": "p", "dev_key": "d"}


class Answering:
    """A connector whose ping answers these steps."""

    def __init__(self, *steps: PingStep) -> None:
        self.steps = steps

    def ping(self) -> Iterator[PingStep]:
        yield from self.steps

    def close(self) -> None: ...


def test_the_connection_is_tested_step_by_step(
    acme: World, administrator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = (PingStep("reach", True, "answers"), PingStep("login", False, "password refused", "Enter it again"))
    monkeypatch.setattr("integrations.engine.ping.open_connector", lambda *_, **__: Answering(*steps))
    page = administrator.post(reverse("admin:integrations_connection_test", args=[acme.pay.pk])).content.decode()
    assert "The connection does not work." in page
    assert "password refused" in page
    assert "Enter it again" in page
    acme.pay.refresh_from_db()
    assert acme.pay.last_error.startswith("login: password refused")


def test_a_connection_that_cannot_be_built_says_why(
    acme: World, administrator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise ConfigurationError("The company code is wrong.", step="company", fix="Correct it.")

    monkeypatch.setattr("integrations.engine.ping.open_connector", refuse)
    page = administrator.post(reverse("admin:integrations_connection_test", args=[acme.pay.pk])).content.decode()
    assert "The company code is wrong." in page


def test_boards_are_entered_flow_by_flow(acme: World, administrator: Client) -> None:
    work = Connection.objects.create(
        tenant=acme.pay.tenant,
        name="work",
        system="monday",
        base_url="https://api.monday.com/v2",
        credentials={"api_token": "token-1234"},
    )
    values = {
        "base_url": work.base_url,
        "setting_api_version": "2026-10",
        "setting_plan": "pro",
        "setting_boards": "bills: 18423875018, vendors: 18423875020",
        "credential_api_token": "",
        "tls_verify": "on",
    }
    assert administrator.post(change(work), values).status_code == 302
    work.refresh_from_db()
    assert work.settings["boards"] == {"bills": "18423875018", "vendors": "18423875020"}
    assert "bills: 18423875018" in administrator.get(change(work)).content.decode()
    assert "does not have the form" in errors(administrator.post(change(work), values | {"setting_boards": "bills: x"}))
