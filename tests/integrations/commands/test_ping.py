from __future__ import annotations

import json

import pytest
from django.utils import timezone

from integrations.models import Connection

pytestmark = pytest.mark.django_db


def test_every_step_of_every_connection(provisioned, run):
    Connection.objects.update(refused_at=timezone.now(), last_error="refused")
    code, out, _ = run("ping", "acme")
    assert code == 0
    assert "ok     erp company: Company ABC is ABC Distribution" in out
    assert "ok     pay login: Signed in." in out
    for connection in Connection.objects.all():
        assert (connection.refused_at, connection.last_error) == (None, "")
        assert connection.last_ok_at is not None


def test_a_failed_step_has_a_fix_and_does_not_stop_the_others(provisioned, run, sage):
    refused = timezone.now()
    Connection.objects.filter(name="erp").update(refused_at=refused)
    sage.stop()
    code, out, _ = run("ping", "acme", "--json")
    assert code == 3
    answer = json.loads(out)
    assert (answer["tenant"], answer["ok"]) == ("acme", False)
    erp, pay = answer["connections"]
    assert (erp["connection"], erp["system"], erp["ok"]) == ("erp", "sage100", False)
    assert (erp["steps"][-1]["step"], erp["steps"][-1]["ok"]) == ("reach", False)
    assert erp["steps"][-1]["fix"]
    assert pay["ok"]
    row = Connection.objects.get(name="erp")
    assert row.refused_at == refused  # only success lifts it
    assert row.last_error.startswith("reach: ")


def test_one_connection_with_wrong_credentials(provisioned, run):
    pay = Connection.objects.get(name="pay")
    pay.credentials = {**pay.credentials, "password": "wrong-password"}
    pay.save()
    code, out, _ = run("ping", "acme/pay", "--json")
    (found,) = json.loads(out)["connections"]
    assert (code, found["steps"][-1]["step"]) == (3, "login")
    assert "wrong-password" not in out


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("acmee", "unknown tenant 'acmee', did you mean 'acme'? Known: acme"),
        ("acme/pya", "unknown connection of acme 'pya', did you mean 'pay'? Known: erp, pay"),
    ],
)
def test_unknown_names(provisioned, run, name, message):
    assert run("ping", name) == (2, "", message)


def test_lost_keys_are_a_failed_step(provisioned, run, settings):
    settings.FERNET_KEYS = ["another-key-0123456789-abcdefghijklmnopqrstuvwxyz"]
    code, out, _ = run("ping", "acme/pay")
    assert code == 3
    assert "The stored credentials cannot be opened." in out
