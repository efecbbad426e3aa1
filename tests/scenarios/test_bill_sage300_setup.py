"""The recipe set up by a file and in the admin: rules, lists, maps, and what a changed scope reads again."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from audit.models import AuditEvent
from integrations.models import Flow, Mapping, Membership

FILE = """
version: 1
tenant: {{slug: acme}}
integrations:
  ap:
    recipe: bill_sage300
    source: pay
    target: erp
    start_date: {start}
    settings: {settings}
mappings:
  ap:
    categories: {categories}
    vendor_accounts: [{{source: "Northwind Paper Supply", target: "6200-100"}}]
"""


@pytest.fixture
def provision(sage, tmp_path):
    """Writes the file and provisions it; exit code, output and errors."""

    def run(settings: str = "{}", categories: str = "[]", *options: str) -> tuple[int, str]:
        path = tmp_path / "acme.yaml"
        start = sage.integration.start_date.isoformat()
        path.write_text(FILE.format(start=start, settings=settings, categories=categories))
        out, error = StringIO(), StringIO()
        try:
            call_command("provision", str(path), *options, stdout=out, stderr=error)
            code = 0
        except CommandError as refused:
            return refused.returncode, str(refused)
        return code, out.getvalue() + error.getvalue()

    sage.add_vendor()
    return run


def test_rules_lists_and_maps_come_from_the_file(sage, provision):
    sage.bill.do_create_department("Sales", "S")
    sage.bill.do_create_location("Dayton", "DAY")
    office = sage.accounts["6200-100"]
    rules = (
        f'[{{source: "{office}", target: "6200-100"}}, {{source: "6200-100", department: Sales, target: 6200200}},'
        f' {{source: "{office}", department: S, location: DAY, target: "6260-100"}},'
        ' {source: "*", target: "6300100"}]'
    )
    settings = (
        "{vendor_group: {USD: TRADE, CAD: CADGRP}, approved_statuses: [APPROVED, UNASSIGNED], batch_size: 20,"
        ' webhook_window: 2, post_mode: open, vendor_number_rule: "V-{seq:05d}", tax: exempt, posting_date: today}'
    )

    code, out = provision(settings, rules)

    assert code == 0, out
    sage.integration.refresh_from_db()
    assert sage.integration.settings == {
        "vendor_group": {"USD": "TRADE", "CAD": "CADGRP"},
        "approved_statuses": ["APPROVED", "UNASSIGNED"],
        "batch_size": 20,
        "webhook_window": 2,
        "post_mode": "open",
        "vendor_number_rule": "V-{seq:05d}",
        "tax": "exempt",
        "posting_date": "today",
    }
    rows = Mapping.objects.filter(table="categories")
    meant = {
        (row.source_key == office, bool(row.department_key), bool(row.location_key), row.target_id) for row in rows
    }
    assert meant == {
        (True, False, False, "6200100"),
        (True, True, False, "6200200"),
        (True, True, True, "6260100"),
        (False, False, False, "6300100"),
    }
    assert not [row.problem for row in Mapping.objects.all() if row.problem]
    assert "mapping" not in provision(settings, rules)[1]  # nothing is left to change


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ("{approved_statuses: [DENIED]}", "settings.approved_statuses[0]"),
        ("{batch_size: 0}", "must be between 1 and 500"),
        ("{vendor_group: {USD: trade}}", "settings.vendor_group.USD"),
        ('{vendor_number_rule: "no sequence"}', "settings.vendor_number_rule"),
        ("{post_mode: now}", "settings.post_mode"),
    ],
)
def test_what_is_wrong_in_the_settings_is_told_with_its_path(provision, settings, complaint):
    code, out = provision(settings)
    assert code == 2
    assert complaint in out


@pytest.mark.parametrize(
    ("rules", "complaint"),
    [
        ('[{source: "*", target: "6200-100"}, {source: "*", target: "6260-100"}]', "is given twice"),
        ('[{source: "*", target: "9999-999"}]', "categories[0].target"),
        ('[{source: "*", target: "6200-100", branch: X}]', "branch"),
    ],
)
def test_what_is_wrong_in_the_rules_is_told_with_its_path(provision, rules, complaint):
    code, out = provision("{}", rules)
    assert code == 2
    assert complaint in out


def test_conditions_tell_rules_of_one_source_apart(sage, provision):
    sage.bill.do_create_department("Sales")
    rules = '[{source: "*", target: "6200-100"}, {source: "*", department: Sales, target: "6260-100"}]'
    assert provision("{}", rules)[0] == 0
    code, out = provision("{}", rules.replace("6260-100", "6300-100"), "--check")
    assert code == 0
    assert "* · Sales 6260-100 -> 6300-100" in out


def test_a_wider_scope_reads_bills_again(sage, provision):
    sage.add_bill("INV-1", status="UNASSIGNED")
    assert provision("{}", '[{source: "6200-100", target: "6200-100"}]')[0] == 0
    assert sage.sync().ok
    assert not sage.batches()
    vendors = sage.flow("vendors").cursors

    _, out = provision("{approved_statuses: [UNASSIGNED]}", '[{source: "6200-100", target: "6200-100"}]')

    assert "is read again in the next sync" in out
    assert sage.flow("bills").cursors == {}
    assert sage.flow("vendors").cursors == vendors
    assert sage.sync().ok
    assert list(sage.entries()) == ["INV-1"]


# --- the admin -----------------------------------------------------------------------------------------


@pytest.fixture
def person(sage) -> Client:
    user = User.objects.create_user("ada", password="a-long-password", is_staff=True)
    user.groups.add(Group.objects.get_or_create(name="administrator")[0])
    Membership.objects.create(user=user, tenant=sage.integration.tenant)
    client = Client()
    client.force_login(user)
    return client


def posted(sage, **fields: Any) -> dict[str, Any]:
    flows = list(sage.integration.flows.order_by("position"))
    values: dict[str, Any] = {
        "start_date": sage.integration.start_date.isoformat(),
        "enabled": "on",
        "setting_vendor_group": "TRADE",
        "setting_vendor_number_rule": "BILL{seq:06d}",
        "setting_approved_statuses": ["APPROVED"],
        "setting_post_mode": "ready",
        "setting_batch_size": 50,
        "setting_posting_date": "document",
        "setting_tax": "enter",
        "setting_webhook_window": 5,
        "flows-TOTAL_FORMS": len(flows),
        "flows-INITIAL_FORMS": len(flows),
    }
    for number, flow in enumerate(flows):
        values |= {f"flows-{number}-id": flow.pk, f"flows-{number}-integration": sage.integration.pk}
        values |= {f"flows-{number}-enabled": "on", f"flows-{number}-every": f"{flow.every}s"}
    return values | fields


def test_the_form_keeps_what_it_shows_and_reads_again_what_changes_scope(sage, person):
    url = reverse("admin:integrations_integration_change", args=[sage.integration.pk])
    Flow.objects.filter(integration=sage.integration).update(cursors={"bills": {"since": "x"}})
    answer = person.post(url, posted(sage))
    assert answer.status_code == 302, answer.context["errors"]
    assert not AuditEvent.objects.filter(event="settings_changed").exists()

    changes = {
        "setting_vendor_group": "USD: TRADE, CAD: CADGRP",
        "setting_approved_statuses": ["APPROVED", "UNASSIGNED"],
    }
    assert person.post(url, posted(sage, **changes)).status_code == 302

    sage.integration.refresh_from_db()
    assert sage.integration.settings["vendor_group"] == {"USD": "TRADE", "CAD": "CADGRP"}
    assert sage.integration.settings["approved_statuses"] == ["APPROVED", "UNASSIGNED"]
    assert sage.flow("bills").cursors == {}
    assert sage.flow("vendors").cursors != {}
    assert "USD: TRADE, CAD: CADGRP" in person.get(url).content.decode()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("setting_vendor_group", "USD: trade"),
        ("setting_vendor_number_rule", "BILL"),
        ("setting_approved_statuses", []),
        ("setting_batch_size", 0),
    ],
)
def test_the_form_refuses_what_the_file_would(sage, person, field, value):
    url = reverse("admin:integrations_integration_change", args=[sage.integration.pk])
    assert person.post(url, posted(sage, **{field: value})).status_code == 200
    sage.integration.refresh_from_db()
    assert sage.integration.settings == {}


def test_a_rule_is_written_in_the_mapping_form(sage, person):
    sage.bill.do_create_department("Sales")
    sage.sync()
    url = reverse("admin:integrations_mapping_add")
    fields = {"integration": sage.integration.pk, "table": "categories", "source": "*", "target": "6200-100"}
    assert person.post(url, {**fields, "department": "Sales", "location": ""}).status_code == 302
    assert person.post(url, {**fields, "department": "", "location": ""}).status_code == 302
    assert person.post(url, {**fields, "department": "Sales", "location": ""}).status_code == 200  # there is one
    row = Mapping.objects.get(source="*", department="Sales")
    assert (row.source_label, row.target_id, row.problem) == ("* · Sales", "6200100", "")
    vendor = {**fields, "table": "vendor_accounts", "source": "x", "department": "Sales"}
    answer = person.post(url, vendor)
    assert b"does not tell departments apart" in answer.content
