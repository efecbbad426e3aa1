"""Whatever goes wrong: with --json one object on standard output, without it one line; the exit code says what."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest
from django.conf import settings
from django.core.management import load_command_class
from django.db import OperationalError

from connectors.clock import SystemClock
from integrations.engine.store import DatabaseStore
from integrations.models import Connection, Flow, Integration

pytestmark = pytest.mark.django_db

SECRET = "sekret-api-key-9876543210"
COMMANDS = {
    "sync": ["acme/ap"],
    "replay": ["acme/ap", "--all-held"],
    "reconcile": ["acme/ap"],
    "webhooks": ["acme/ap", "status"],
    "ping": ["acme"],
}


@pytest.fixture
def shell(capsys, monkeypatch):
    """Runs a command the way manage.py does; answers exit code, standard output, standard error."""
    monkeypatch.setattr("django.core.management.base.connections.close_all", lambda: None)  # the test's transaction

    def run(command, *arguments):
        code = 0
        try:
            load_command_class("integrations", command).run_from_argv(["manage.py", command, *arguments])
        except SystemExit as left:
            code = left.code
        answer = capsys.readouterr()
        return code, answer.out, answer.err

    return run


def error_in(out):
    """The error of the one object that standard output is."""
    answer = json.loads(out)
    assert answer["ok"] is False
    assert set(answer["error"]) == {"connection", "step", "message"}
    return answer["error"]


def break_look_ups(monkeypatch, error):
    def broken(text):
        raise error

    for command in COMMANDS:
        name = "find_connections" if command == "ping" else "find_integration"
        monkeypatch.setattr(f"integrations.management.commands.{command}.{name}", broken)


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("arguments", "message"),
    [([], "the following arguments are required"), (["acme/ap", "status", "--bogus"], "unrecognized arguments")],
)
def test_wrong_usage(shell, command, arguments, message):
    code, out, err = shell(command, *arguments, "--json")
    error = error_in(out)
    assert (code, error["step"]) == (2, "usage")
    assert message in error["message"]
    code, out, err = shell(command, *arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1


def test_an_unknown_name(shell, provisioned):
    code, out, _ = shell("sync", "acme/pa", "--json")
    assert (code, error_in(out)["message"]) == (2, "unknown integration of acme 'pa', did you mean 'ap'? Known: ap")


def test_options_are_not_guessed(shell, provisioned):
    assert shell("sync", "acme/ap", "--prev")[0] == 2


@pytest.mark.parametrize("command", [name for name in COMMANDS if name != "ping"])
def test_a_lost_key_names_the_connections(shell, provisioned, settings, command):
    settings.FERNET_KEYS = ["another-key-0123456789-abcdefghijklmnopqrstuvwxyz"]
    code, out, _ = shell(command, *COMMANDS[command], "--json")
    error = error_in(out)
    assert (code, error["connection"], error["step"]) == (2, "erp", "credentials")
    assert "erp and pay cannot be opened: FERNET_KEYS lacks the key they were encrypted with" in error["message"]
    code, out, err = shell(command, *COMMANDS[command])
    assert (code, out, err.count("\n")) == (2, "", 1)


def test_the_one_connection_whose_key_is_lost_is_named(shell, provisioned, settings):
    old = list(settings.FERNET_KEYS)
    settings.FERNET_KEYS = ["another-key-0123456789-abcdefghijklmnopqrstuvwxyz", *old]
    pay = Connection.objects.get(name="pay")
    pay.save()
    settings.FERNET_KEYS = old
    code, out, _ = shell("sync", "acme/ap", "--json")
    assert (code, error_in(out)["connection"]) == (2, "pay")


@pytest.mark.parametrize("command", COMMANDS)
def test_a_database_that_does_not_serve_us(shell, monkeypatch, command):
    break_look_ups(monkeypatch, OperationalError("database is locked"))
    code, out, _ = shell(command, *COMMANDS[command], "--json")
    assert (code, error_in(out)["step"]) == (2, "database")
    assert error_in(out)["message"] == "the database does not serve us: database is locked"
    code, out, err = shell(command, *COMMANDS[command])
    assert (code, out) == (2, "")
    assert err == "Failed: the database does not serve us: database is locked\n"


@pytest.mark.parametrize("command", COMMANDS)
def test_what_nobody_expected_repeats_no_secret(shell, monkeypatch, caplog, command):
    break_look_ups(monkeypatch, ValueError(f"bad header api_key={SECRET}"))
    code, out, err = shell(command, *COMMANDS[command], "--json")
    assert (code, error_in(out)["step"]) == (2, "unexpected")
    assert "ValueError" in out
    assert SECRET not in out + err
    assert caplog.records[-1].exc_info  # for whoever has to find out
    caplog.clear()
    code, out, err = shell(command, *COMMANDS[command])
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert not caplog.records
    assert shell(command, *COMMANDS[command], "--traceback")[0] == 2
    assert caplog.records[-1].exc_info


def test_ctrl_c(shell, monkeypatch):
    break_look_ups(monkeypatch, KeyboardInterrupt())
    code, out, _ = shell("sync", "acme/ap", "--json")
    assert (code, error_in(out)["step"]) == (130, "interrupted")


@pytest.mark.parametrize("command", ["sync", "replay", "reconcile"])
def test_sigterm_ends_a_command_as_cleanly_as_ctrl_c(shell, monkeypatch, command):
    ended = []

    def look_up(text):
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            raise AssertionError("the signal was not noticed")
        finally:
            os.kill(os.getpid(), signal.SIGTERM)  # a second one does not cut off the clean end
            ended.append(text)

    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(f"integrations.management.commands.{command}.find_integration", look_up)
    code, out, _ = shell(command, *COMMANDS[command], "--json")
    assert (code, error_in(out)["step"], error_in(out)["message"]) == (143, "interrupted", "terminated")
    assert ended == ["acme/ap"]
    assert signal.getsignal(signal.SIGTERM) == before


def test_sigterm_in_a_sync_releases_the_claim(shell, monkeypatch, provisioned):
    claimed = []

    def terminate(*args, **kwargs):
        claimed.extend(Flow.objects.exclude(claim_token="").values_list("name", flat=True))
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr("integrations.management.report.SyncProgress.__call__", terminate)
    code, out, _ = shell("sync", "acme/ap", "--json")
    assert (code, error_in(out)["step"]) == (143, "interrupted")
    assert claimed
    assert not Flow.objects.exclude(claim_token="").exists()


def test_a_cloud_that_does_not_answer_the_status(shell, provisioned, bill, settings):
    settings.PUBLIC_URL = "https://mlc.example"
    assert shell("webhooks", "acme/ap", "register")[0] == 0
    bill.stop()
    code, out, _ = shell("webhooks", "acme/ap", "status", "--json")
    error = error_in(out)
    assert (code, error["connection"], error["step"]) == (3, "pay", "status")
    assert "could not be reached" in error["message"]


def test_a_session_sealed_with_a_lost_key_is_only_a_lost_session(settings):
    store = DatabaseStore(SystemClock())
    store.put("session", "abc")
    settings.FERNET_KEYS = ["another-key-0123456789-abcdefghijklmnopqrstuvwxyz"]
    assert store.get("session") is None
    store.put("session", "def")
    assert store.get("session")[0] == "def"


def test_settings_that_cannot_be_loaded():
    environment = {**os.environ, "ENV_FILE": os.devnull, "SECRET_KEY": "", "DJANGO_SETTINGS_MODULE": "config.settings"}
    command = [sys.executable, "manage.py", "sync", "acme/ap", "--json"]
    done = subprocess.run(command, cwd=settings.BASE_DIR, env=environment, capture_output=True, text=True, timeout=60)
    assert (done.returncode, error_in(done.stdout)["step"]) == (2, "settings")
    assert "SECRET_KEY" in done.stderr


def test_a_flow_without_its_setting_is_not_known(shell, provisioned):
    code, out, _ = shell("sync", "acme/ap", "--flow", "new_vendors", "--json")
    known = "Known: accounts, bills, payments, vendors"
    assert (code, error_in(out)["message"].rpartition("? ")[2]) == (2, known)
    Integration.objects.update(settings={"create_vendors_in_erp": True})
    code, out, _ = shell("sync", "acme/ap", "--flow", "new_vendors", "--preview", "--json")
    assert [flow["flow"] for flow in json.loads(out)["flows"]] == ["new_vendors"]
