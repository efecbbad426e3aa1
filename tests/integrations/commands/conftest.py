from __future__ import annotations

import io

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from connectors.bill.sandbox import BillSandbox
from connectors.bill.sandbox import load_demo as load_bill
from connectors.sage100.sandbox import FULL_KEY, Sage100Sandbox
from connectors.sandboxing import Running

FILE = """
version: 1
tenant: {{slug: acme, name: Acme Supply, time_zone: America/Chicago}}
users:
  - {{username: fiona, role: finance_manager, password: ${{FIONA_PASSWORD}}}}
connections:
  erp: {{system: sage100, base_url: "{sage}", settings: {{company_code: ABC}},
        credentials: {{api_key: ${{SAGE_API_KEY}}}}}}
  pay:
    system: bill
    base_url: {bill}/connect
    settings: {{organization_id: 00801SANDBOXORGANIZA}}
    credentials: {{username: ap-sync@example.com, password: "${{BILL_PASSWORD}}", dev_key: "${{BILL_DEV_KEY}}"}}
integrations:
  ap:
    recipe: sage100_bill
    source: erp
    target: pay
    start_date: 2026-10-01
    flows: {{bills: {{every: 5m}}}}
mappings:
  ap:
    accounts:
      - {{source: "5010-01-00", target: "6000"}}
      - {{source: "6100-01-10", target: Office Supplies}}
    bank_accounts: [{{source: "*", target: B}}]
"""
SECRETS = {
    "FIONA_PASSWORD": "correct horse",
    "SAGE_API_KEY": FULL_KEY,
    "BILL_PASSWORD": "sandbox-password",
    "BILL_DEV_KEY": "01SANDBOXDEVELOPERKEY",
}


@pytest.fixture(autouse=True)
def no_naps(monkeypatch):
    """The pauses between two tries of a silent system are not what is tested here."""
    monkeypatch.setattr("connectors.clock.SystemClock.sleep", lambda self, seconds: None)


@pytest.fixture
def run():
    """Runs a command; answers (exit code, standard output, message on standard error)."""

    def command(*arguments):
        out, error = io.StringIO(), io.StringIO()
        try:
            call_command(*map(str, arguments), stdout=out, stderr=error, no_color=True)
        except CommandError as failure:
            return failure.returncode, out.getvalue(), str(failure)
        except SystemExit as left:
            return left.code, out.getvalue(), error.getvalue()
        return 0, out.getvalue(), error.getvalue()

    return command


@pytest.fixture
def sage():
    with Running(Sage100Sandbox()) as running:
        yield running


@pytest.fixture
def bill():
    sandbox = BillSandbox()
    load_bill(sandbox)
    with Running(sandbox) as running:
        yield running


@pytest.fixture
def file(tmp_path, sage, bill, monkeypatch):
    """A provision file for both sandboxes; call it with replacements to write another version of it."""
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)

    def write(*replacements):
        text = FILE.format(sage=sage.url, bill=bill.url)
        for old, new in replacements:
            assert old in text
            text = text.replace(old, new)
        path = tmp_path / "acme.yaml"
        path.write_text(text)
        return path

    return write


@pytest.fixture
def provisioned(db, file, run):
    assert run("provision", file())[0] == 0
    return file
