from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.contrib.auth import authenticate, get_user_model
from django.utils import timezone

from audit.models import AuditEvent
from connectors.sandboxing import Fault
from integrations.models import Connection, Flow, Integration, Mapping, Membership, Reference, Tenant
from integrations.recipes import RECIPES

from .conftest import SECRETS

pytestmark = pytest.mark.django_db


def everything():
    return {
        "tenants": list(Tenant.objects.values()),
        "connections": list(Connection.objects.values()),
        "integrations": list(Integration.objects.values()),
        "flows": list(Flow.objects.values()),
        "mappings": list(Mapping.objects.order_by("pk").values()),
        "history": Mapping.history.count(),
        "users": list(get_user_model().objects.values()),
        "references": Reference.objects.count(),
        "events": AuditEvent.objects.count(),
    }


def test_a_file_becomes_a_tenant(file, run):
    code, out, _ = run("provision", file())
    assert code == 0
    assert "+ connection pay (bill at http://127.0.0.1:" in out
    assert "Next: manage.py ping acme" in out
    integration = Integration.objects.get(name="ap")
    assert (integration.tenant.slug, integration.start_date) == ("acme", date(2026, 10, 1))
    recipe = RECIPES["sage100_bill"]
    asked = {**{flow.name: flow.every for flow in recipe.flows}, "bills": 300}
    assert list(integration.flows.values_list("name", "every")) == list(asked.items())
    assert Connection.objects.get(name="pay").credentials["dev_key"] == SECRETS["BILL_DEV_KEY"]
    fiona = authenticate(username="fiona", password="correct horse")
    assert fiona.is_staff
    assert not fiona.is_superuser
    assert [group.name for group in fiona.groups.all()] == ["finance_manager"]
    assert Membership.objects.filter(user=fiona, tenant=integration.tenant).exists()


def test_mappings_are_resolved_at_once_where_the_systems_answer(provisioned):
    rows = {row.source: row for row in Mapping.objects.all()}
    assert all(row.target_id and row.source_key and not row.problem for row in rows.values())
    assert rows["5010-01-00"].target_label == "6000 Materials"
    assert rows["*"].target_id == "B"


def test_no_secret_is_printed_or_audited(file, run):
    printed = "".join(map(str, run("provision", file())))
    audited = "".join(f"{event.message}{event.request}{event.response}" for event in AuditEvent.objects.all())
    for secret in SECRETS.values():
        assert secret not in printed
        assert secret not in audited


def test_the_same_file_again_changes_nothing(provisioned, run):
    before = everything()
    code, out, _ = run("provision", provisioned())
    assert (code, out.splitlines()[0]) == (0, "acme: nothing to change.")
    assert everything() == before


def test_check_lists_what_would_go_and_writes_nothing(provisioned, run):
    integration = Integration.objects.get()
    Mapping.objects.create(integration=integration, table="accounts", source="6200-01-10", target="6500")
    before = everything()
    changed = provisioned(('target: "6000"', 'target: "6100"'), ("every: 5m", "every: 10m"))
    code, out, _ = run("provision", changed, "--check")
    assert code == 0
    assert "nothing was written" in out
    assert "- mapping ap/accounts: 6200-01-10 -> 6500" in out
    assert "~ mapping ap/accounts: 5010-01-00 6000 -> 6100" in out
    assert "~ flow ap/bills: every 300 -> 600" in out
    assert everything() == before
    assert run("provision", changed)[0] == 0
    assert set(Mapping.objects.filter(table="accounts").values_list("source", "target")) == {
        ("5010-01-00", "6100"),
        ("6100-01-10", "Office Supplies"),
    }


def test_check_of_a_new_tenant_writes_nothing(file, run):
    before = everything()
    assert run("provision", file(), "--check")[0] == 0
    assert everything() == before


def test_an_absent_table_is_left_alone(provisioned, run):
    code, _, _ = run("provision", provisioned(('    bank_accounts: [{source: "*", target: B}]\n', "")))
    assert code == 0
    assert Mapping.objects.filter(table="bank_accounts").count() == 1


def test_an_error_anywhere_writes_nothing_at_all(file, run):
    before = everything()
    code, out, message = run("provision", file(("every: 5m", "every: often"), ("recipe: sage100_bill", "recipe: sage")))
    assert (code, out) == (2, "")
    assert "integrations.ap.recipe: unknown recipe 'sage', did you mean 'sage100_bill'?" in message
    assert everything() == before


def test_unknown_and_ambiguous_targets_are_errors_when_the_system_answers(file, bill, run):
    bill.sandbox.unique_classifications = False
    bill.sandbox.do_create_account("Materials", "6001", "EXPENSE")
    before = everything()
    code, _, message = run("provision", file(('target: "6000"', "target: Materials"), ("target: B}", "target: Q}")))
    assert code == 2
    assert "mappings.ap.accounts[0].target: BILL has 2 accounts named 'Materials': 6000, 6001" in message
    assert (
        "mappings.ap.bank_accounts[0].target: Sage 100 has no bank account with the id, number or name 'Q'" in message
    )
    assert everything() == before


def test_a_silent_system_is_no_error(file, sage, run):
    sage.stop()
    code, out, _ = run("provision", file())
    assert code == 0
    assert "! erp: " in out
    assert "could not be reached" in out
    assert "Its mapping rows are resolved in the first sync." in out
    row = Mapping.objects.get(source="5010-01-00")
    assert (row.source_key, row.target_label) == ("", "6000 Materials")


def test_missing_credentials_are_kept_and_new_ones_replace_all(provisioned, run):
    credentials = ",\n        credentials: {api_key: ${SAGE_API_KEY}}"
    assert run("provision", provisioned((credentials, "")))[0] == 0
    assert Connection.objects.get(name="erp").credentials == {"api_key": SECRETS["SAGE_API_KEY"]}
    code, out, _ = run("provision", provisioned(("${BILL_PASSWORD}", "another one")))
    assert code == 0
    assert "~ connection pay: credentials (password)" in out
    assert Connection.objects.get(name="pay").credentials["password"] == "another one"
    assert AuditEvent.objects.filter(event="credentials_changed", document="pay").count() == 2


def test_provisioning_lifts_a_refusal(provisioned, run):
    Connection.objects.update(refused_at=timezone.now(), last_error="refused")
    run("provision", provisioned())
    assert set(Connection.objects.values_list("refused_at", "last_error")) == {(None, "")}


def test_an_earlier_start_reads_everything_again(provisioned, run):
    Flow.objects.update(cursors={"bills": {"since": "x"}})
    code, out, _ = run("provision", provisioned(("2026-10-01", "2026-09-01")))
    assert code == 0
    assert "start_date 2026-10-01 -> 2026-09-01" in out
    assert "everything since 2026-09-01 is read again" in out
    assert all(flow.cursors == {} for flow in Flow.objects.all())


def test_a_role_replaces_the_earlier_one(provisioned, run):
    assert run("provision", provisioned(("role: finance_manager", "role: auditor")))[0] == 0
    fiona = get_user_model().objects.get()
    assert [group.name for group in fiona.groups.all()] == ["auditor"]
    event = AuditEvent.objects.filter(event="user_changed").order_by("-sequence").first()
    assert '"role": "finance_manager"' in event.request
    assert '"role": "auditor"' in event.response


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "No such file"), ("a: [", "line 2"), ("", "must begin with")],
)
def test_what_cannot_be_read(tmp_path, run, content, message):
    path = tmp_path / "x.yaml"
    if content is not None:
        path.write_text(content)
    code, _, error = run("provision", path)
    assert code == 2
    assert message in error


def test_a_long_table_is_not_printed_row_by_row(provisioned, bill, run):
    rows = "".join(f'      - {{source: "{n}", target: "6000"}}\n' for n in range(50))
    code, out, _ = run("provision", provisioned(("    bank_accounts", f"{rows}    bank_accounts")))
    assert code == 0
    assert "+ 30 more mapping rows" in out
    assert "Sage 100 has no account with the id, number or name '0'" in out
    assert "! and 40 more" in out


# --- what is told and not refused ------------------------------------------------------------------


EXAMPLE = """
version: 1
tenant: {slug: acme, name: Acme Supply, time_zone: America/Chicago, currency: USD}
users:
  - {username: fiona, role: finance_manager, password: ${FIONA_PASSWORD}}     # roles: administrator, finance_manager, auditor
connections:
  erp:  {system: sage100, base_url: "SAGE", settings: {company_code: ABC}, credentials: {api_key: "${SAGE_API_KEY}"}, tls: {verify: true, ca_bundle: "acme-ca.pem"}}
  pay:  {system: bill, base_url: "BILL/connect", settings: {organization_id: 00801SANDBOXORGANIZA}, credentials: {username: ap-sync@example.com, password: "${BILL_PASSWORD}", dev_key: "${BILL_DEV_KEY}"}}
integrations:
  ap:
    recipe: sage100_bill
    source: erp
    target: pay
    start_date: 2026-10-01
    settings: {long_invoice_numbers: hold}
    flows: {bills: {every: 15m}, payments: {every: 15m, enabled: true}}
mappings:
  ap:
    accounts: [{source: "5010-01-00", target: "6000"}]         # target: the target system's id, number or exact name
    departments: [{source: "SALES", target: "Sales"}]
    bank_accounts: [{source: "bac01000000000000001", target: "B"}]          # BILL funding account -> Sage bank code / SAP GL account; source "*" is the default
    vendors: [{source: "01-ACME01", target: "VENDOR"}]
    categories: [{source: "0ca01000000000000001", target: "6000-100"}]      # bill_sage300: BILL account -> Sage 300 GL account
    columns: {bills: {amount: numbers_1}}                       # sage100_monday: field -> column id
    amounts: {freight: "6000", tax: "6000", rounding: "6000", paid: "6000"}    # amounts outside the lines -> target account
"""  # noqa: E501


def test_the_documented_example_is_accepted(file, run, tmp_path, sage, bill):
    file()  # the environment
    vendor = next(iter(bill.sandbox.vendors.rows))
    text = EXAMPLE.replace('SAGE"', f'{sage.url}"').replace("BILL/", f"{bill.url}/").replace("VENDOR", vendor)
    path = tmp_path / "example.yaml"
    path.write_text(text)
    (tmp_path / "acme-ca.pem").write_text(certificate())
    code, out, message = run("provision", path)
    assert (code, message) == (0, "")
    for table in ("departments", "categories", "columns"):
        assert f"! mappings.ap.{table}: sage100_bill has no such table, ignored" in out
    assert set(Mapping.objects.values_list("table", flat=True)) == {"accounts", "bank_accounts", "vendors", "amounts"}
    amounts = Mapping.objects.filter(table="amounts").values_list("source", flat=True)
    assert set(amounts) == {"freight", "tax", "rounding", "paid"}


def certificate():
    """A certificate authority of our own, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Acme CA")])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(1))
    return made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


@pytest.mark.parametrize(
    "fault",
    [
        Fault("bdc", body="BDC_1145", status=403, path="banks", times=-1),
        Fault("status", status=404, path="banks", times=-1),
    ],
)
def test_a_kind_that_may_not_be_read_leaves_the_others(file, run, bill, fault):
    bill.sandbox.faults = [fault]
    rows = '[{source: "bac01000000000000001", target: B}, {source: "*", target: B}]'
    written = file(('[{source: "*", target: B}]', rows))
    code, out, _ = run("provision", written)
    assert code == 0
    assert "! pay: bank accounts cannot be read. " in out
    assert "Their mapping rows are resolved in the first sync." in out
    assert Mapping.objects.get(source="5010-01-00").target_label == "6000 Materials"
    assert Mapping.objects.get(source="*").target_id == "B"
    code, _, message = run("provision", file(('target: "6000"', 'target: "6000x"')))
    assert code == 2  # what can be read is still checked
    assert "mappings.ap.accounts[0].target: BILL has no account" in message


def test_a_second_integration_over_the_same_connections(provisioned, run):
    twin = "  west: {recipe: sage100_bill, source: erp, target: pay, start_date: 2026-10-01}\nmappings:"
    code, out, message = run("provision", provisioned(("mappings:", twin)))
    assert (code, out) == (2, "")
    assert "integrations.west: 'ap' handles the documents from erp to pay already" in message
    alone = provisioned(("\n  ap:\n    recipe", "\n  west:\n    recipe"), ("mappings:\n  ap:", "mappings:\n  west:"))
    assert run("provision", alone)[0] == 2
    assert list(Integration.objects.values_list("name", flat=True)) == ["ap"]
