from __future__ import annotations

import copy
from datetime import date

import pytest

from integrations.provision.node import Reading
from integrations.provision.plan import Known
from integrations.provision.reading import read
from integrations.provision.schema import parse

GOOD = """
version: 1
tenant: {slug: acme, name: Acme Supply, time_zone: America/Chicago, currency: USD}
users:
  - {username: fiona, role: finance_manager, password: ${FIONA_PASSWORD}}
connections:
  erp: {system: sage100, base_url: "https://erp.acme.example:8443", settings: {company_code: ABC},
        credentials: {api_key: "${SAGE_API_KEY}"}}
  pay:
    system: bill
    base_url: https://gateway.stage.bill.com/connect/
    settings: {organization_id: 00801ABCDEFGHIJKLMNO}
    credentials: {username: ap@acme.example, password: "${BILL_PASSWORD}", dev_key: "${BILL_DEV_KEY}"}
integrations:
  ap:
    recipe: sage100_bill
    source: erp
    target: pay
    start_date: 2026-10-01
    settings: {long_invoice_numbers: hold, record_outside_payments: yes}
    flows: {bills: {every: 15m}, vendors: {every: 1h 30m}, payments: {every: 90, enabled: false}}
mappings:
  ap:
    accounts: [{source: "4000-01-00", target: "6000"}]
    amounts: {freight: "6400", tax: "2300"}
    bank_accounts: [{source: "*", target: B}]
"""
ENVIRON = {"FIONA_PASSWORD": "correct horse", "SAGE_API_KEY": "k" * 40, "BILL_PASSWORD": "p$w", "BILL_DEV_KEY": "01DEV"}


@pytest.fixture
def check(tmp_path):
    """Parses a tree; answers the plan and the errors."""

    def run(tree, known=None, environ=ENVIRON):
        reading = Reading(environ, tmp_path)
        plan = parse(tree, reading, lambda slug: known or Known())
        return plan, reading.errors

    return run


@pytest.fixture
def tree():
    return copy.deepcopy(read(GOOD.encode()))


def test_a_good_file(check, tree):
    plan, errors = check(tree)
    assert errors == []
    assert plan.users[0].password == "correct horse"
    erp, pay = plan.connections
    assert erp.credentials == {"api_key": "k" * 40}
    assert pay.base_url == "https://gateway.stage.bill.com/connect"
    assert pay.credentials["password"] == "p$w"
    (ap,) = plan.integrations
    assert ap.start_date == date(2026, 10, 1)
    assert ap.settings == {"long_invoice_numbers": "hold", "record_outside_payments": True}
    assert {name: (flow.every, flow.enabled) for name, flow in ap.flows.items()} == {
        "bills": (900, None),
        "vendors": (5400, None),
        "payments": (90, False),
    }
    rows = plan.mappings["ap"]["amounts"]
    assert [(row.source, row.target) for row in rows] == [("freight", "6400"), ("tax", "2300")]


def test_secrets_do_not_show_in_the_plan(check, tree):
    plan, _ = check(tree)
    for secret in ENVIRON.values():
        assert secret not in repr(plan)


def test_all_errors_are_listed_at_once_with_their_paths(check, tree):
    del tree["connections"]["pay"]["credentials"]["dev_key"]
    tree["connections"]["erp"]["settings"]["company_cod"] = "ABC"
    tree["integrations"]["ap"]["flows"]["bill"] = {"every": "15m"}
    tree["integrations"]["ap"]["settings"]["long_invoice_numbers"] = "cut"
    tree["tenant"]["time_zone"] = "Chicago"
    tree["mapping"] = {}
    _, errors = check(tree)
    assert "connections.pay.credentials.dev_key: missing" in errors
    assert any(error.startswith("connections.erp.settings.company_cod: unknown setting") for error in errors)
    assert any("did you mean 'company_code'?" in error for error in errors)
    assert any(
        error.startswith("integrations.ap.flows.bill: unknown flow 'bill', did you mean 'bills'?") for error in errors
    )
    assert any(error.startswith("integrations.ap.settings.long_invoice_numbers: unknown choice") for error in errors)
    assert any(error.startswith("tenant.time_zone: 'Chicago'") for error in errors)
    assert any(error.startswith("mapping: unknown entry 'mapping', did you mean 'mappings'?") for error in errors)
    assert len(errors) == 6


def test_an_unset_variable_is_named_with_its_path(check, tree):
    _, errors = check(tree, environ={name: value for name, value in ENVIRON.items() if name != "BILL_DEV_KEY"})
    assert errors == ["connections.pay.credentials.dev_key: the environment variable BILL_DEV_KEY is not set"]


@pytest.mark.parametrize(
    ("url", "good"),
    [
        ("http://localhost:8080/x", True),
        ("http://127.9.9.9:1", True),
        ("http://[::1]:8080", True),
        ("https://erp.acme.example", True),
        ("http://erp.acme.example", False),
        ("http://10.0.0.1", False),
        ("http://localhost.evil.example", False),
        ("http://127.0.0.1@evil.example/", False),
        ("https://user:secret@erp.acme.example", False),
        ("https://erp.acme.example/?a=1", False),
        ("https://", False),
        ("https://erp:port", False),
        ("http://[::1", False),
        ("ftp://localhost", False),
    ],
)
def test_plain_http_is_for_loopback_only(check, tree, url, good):
    tree["connections"]["erp"]["base_url"] = url
    _, errors = check(tree)
    assert (errors == []) is good
    assert all(error.startswith("connections.erp.base_url: ") and "secret" not in error for error in errors)


def test_a_connection_of_the_wrong_system_is_refused(check, tree):
    tree["integrations"]["ap"]["source"] = "pay"
    _, errors = check(tree)
    assert errors == ["integrations.ap.source: 'pay' is bill, sage100_bill needs sage100 here; use erp"]


def test_credentials_may_be_left_out_only_where_they_are_stored(check, tree):
    del tree["connections"]["erp"]["credentials"]
    del tree["users"][0]["password"]
    _, errors = check(tree)
    assert sorted(errors) == [
        "connections.erp.credentials: give api_key or client_certificate and client_key",
        "users[0].password: missing",
    ]
    known = Known(users=frozenset({"fiona"}), connections={"erp": "sage100"})
    plan, errors = check(tree, known)
    assert errors == []
    assert plan.connections[0].credentials is None


def test_a_system_or_recipe_cannot_change_under_a_name(check, tree):
    _, errors = check(tree, Known(connections={"erp": "bill"}))
    assert errors == ["connections.erp.system: is bill and cannot become sage100: use another name"]


def test_two_integrations_over_the_same_connections_are_refused(check, tree):
    tree["integrations"]["west"] = dict(tree["integrations"]["ap"])
    _, errors = check(tree)
    assert errors == [
        "integrations.west: 'ap' handles the documents from erp to pay already (sage100_bill): "
        "change that one, or use other connections"
    ]
    del tree["integrations"]["west"]
    known = {"old": ("sage100_bill", "erp", "pay"), "ap": ("sage100_bill", "erp", "pay")}
    assert [error.partition(":")[0] for error in check(tree, Known(integrations=known))[1]] == ["integrations.ap"]
    del known["old"]  # itself, again
    assert check(tree, Known(integrations=known))[1] == []


def test_integrations_may_use_connections_that_are_there_already(check, tree):
    del tree["connections"], tree["mappings"]
    _, errors = check(tree, Known(connections={"erp": "sage100", "pay": "bill"}))
    assert errors == []


@pytest.mark.parametrize("every", ["", "0", "-5", "15 minutes", "1h30", "32d", "[1]"])
def test_what_is_no_interval(check, tree, every):
    tree["integrations"]["ap"]["flows"] = {"bills": {"every": every}}
    plan, errors = check(tree)
    if every:
        assert errors[0].startswith("integrations.ap.flows.bills.every: ")
    else:
        assert (errors, plan.integrations[0].flows["bills"].every) == ([], None)


def test_tls_material_is_read_beside_the_file_and_tried(check, tree, tmp_path):
    tls = tree["connections"]["erp"]["tls"] = {"ca_bundle": "acme-ca.pem", "verify": "true"}
    assert check(tree)[1] == [
        "connections.erp.tls.ca_bundle: there is no readable PEM file 'acme-ca.pem' beside this file"
    ]
    (tmp_path / "acme-ca.pem").write_text("-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n")
    assert check(tree)[1][0].startswith("connections.erp.tls: The CA bundle is not a PEM certificate.")
    tls.clear()
    tls["pin_sha256"] = "abc"
    assert check(tree)[1][0].startswith("connections.erp.tls: The TLS pin is not a SHA-256.")


@pytest.mark.parametrize(
    ("mappings", "error"),
    [
        ({"ap": {"colours": {}}}, "mappings.ap.colours: unknown mapping table 'colours'"),
        ({"ap": {"acounts": []}}, "mappings.ap.acounts: unknown mapping table 'acounts', did you mean 'accounts'?"),
        ({"pa": {}}, "mappings.pa: unknown integration 'pa'"),
        ({"ap": {"accounts": [{"source": "1", "target": ""}]}}, "mappings.ap.accounts[0].target: missing"),
        (
            {"ap": {"accounts": [{"source": "1", "target": "2"}, {"source": "1", "target": "3"}]}},
            "mappings.ap.accounts[1]: the source '1' is given twice",
        ),
        ({"ap": {"amounts": {"frieght": "1"}}}, "mappings.ap.amounts.frieght: unknown amount 'frieght', did you mean"),
        ({"ap": "accounts"}, "mappings.ap: must be `name: value` lines"),
    ],
)
def test_mapping_errors(check, tree, mappings, error):
    tree["mappings"] = mappings
    _, errors = check(tree)
    assert len(errors) == 1
    assert errors[0].startswith(error)


@pytest.mark.parametrize("tree", [None, "text", [], {}, {"version": "1", "tenant": []}, {"tenant": {"slug": {}}}])
def test_nonsense_is_answered_with_errors_not_with_a_crash(check, tree):
    _, errors = check(tree)
    assert errors


def test_short_passwords_are_refused_without_being_shown(check, tree):
    _, errors = check(tree, environ={**ENVIRON, "FIONA_PASSWORD": "tiny"})
    assert errors == ["users[0].password: must have at least 8 characters"]


def test_boards_are_named_flow_by_flow(check, tree):
    settings = {"plan": "pro", "boards": {"bills": "18423875018", "vendors": "18423875020"}}
    tree["connections"]["work"] = {
        "system": "monday",
        "base_url": "https://api.monday.com/v2",
        "settings": settings,
        "credentials": {"api_token": "token-1234"},
    }
    plan, errors = check(tree)
    assert not errors
    assert next(each for each in plan.connections if each.name == "work").settings == settings
    settings["boards"]["bills"] = "Invoices"
    assert any(error.startswith("connections.work.settings.boards.bills") for error in check(tree)[1])
    settings["boards"] = "18423875018"
    assert any(error.startswith("connections.work.settings.boards") for error in check(tree)[1])


BOARDS = """
version: 1
tenant: {slug: acme, name: Acme Supply, time_zone: America/Chicago, currency: USD}
connections:
  erp: {system: sage100, base_url: "https://erp.acme.example:8443", settings: {company_code: ABC},
        credentials: {api_key: "${SAGE_API_KEY}"}}
  board: {system: monday, base_url: "https://api.monday.com/v2", settings: {plan: pro, boards: {bills: "18423875018"}},
          credentials: {api_token: "${SAGE_API_KEY}"}}
integrations:
  boards:
    recipe: sage100_monday
    source: erp
    target: board
    start_date: 2026-10-01
    settings: {manage_columns: no, line_detail: subitems, customers: yes, customer_keys: [01-ABF, 01-SHEPARD]}
mappings:
  boards:
    columns: {bills: {amount: numbers_1, lines: "-"}, vendors: {vendor_name: Supplier}}
"""


def test_columns_by_flow_and_field(check):
    plan, errors = check(read(BOARDS.encode()))
    assert errors == []
    rows = {row.source: row.target for row in plan.mappings["boards"]["columns"]}
    assert rows == {"bills.amount": "numbers_1", "bills.lines": "-", "vendors.vendor_name": "Supplier"}
    assert plan.integrations[0].settings["customer_keys"] == ["01-ABF", "01-SHEPARD"]


def test_a_field_that_no_board_has(check):
    tree = read(BOARDS.encode())
    tree["mappings"]["boards"]["columns"] = {"bills": {"amuont": "numbers_1"}}
    _, errors = check(tree)
    (error,) = errors
    assert "amuont" in str(error)
    assert "bills.amount" in str(error)


@pytest.mark.parametrize(("query", "good"), [("", True), ("?wsdl", True), ("?singleWsdl", True), ("?key=1", False)])
def test_a_web_service_may_be_named_by_its_wsdl(check, tree, query, good):
    url = f"https://erp.acme.example/eBusinessWebServices/MasBasicService.svc{query}"
    tree["connections"]["erp"]["settings"]["soap_url"] = url
    _, errors = check(tree)
    assert errors == ([] if good else ["connections.erp.settings.soap_url: must end with the path"])
