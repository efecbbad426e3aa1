"""What the SAP Business One connector asks for and sends, against SAP's own schemas of a 9.3 and a 10.0 system.

`CONTRACTS_DATA` names the directory that holds them under `sap_b1/`; they are not part of the product.
"""

from __future__ import annotations

import json
import os
import re
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connectors.budget import MemoryStore
from connectors.clock import SystemClock
from connectors.domain import Application, PaymentDraft, PaymentMethod
from connectors.ports import Host
from connectors.sap_b1 import chains, company, documents, mapper, settlements
from connectors.sap_b1 import connector as module
from connectors.sap_b1.client import Created
from connectors.sap_b1.connector import SapB1
from tests.connectors.sap_b1.fake import TYPES, FakeClient, account, invoice, line, part, payment, vendor
from tests.connectors.sap_b1.standin import SPEC

VERSIONS = ("in93", "in100")
SOURCES = Path(module.__file__).parent

#: The connector's own lists of properties, by the type that must have them.
READ = {
    "ChartOfAccount": {*mapper.ACCOUNT, *company.NUMBER},
    "DistributionRule": set(mapper.DEPARTMENT),
    "HouseBankAccount": set(mapper.BANK),
    "Currency": set(mapper.CURRENCY),
    "BusinessPartner": {*mapper.VENDOR, chains.UPDATED},
    "BPAddress": set(mapper.ADDRESS),
    "Document": {*documents.OPEN, *documents.WHOLE, chains.UPDATED},
    "DocumentLine": set(documents.LINE),
    "DocumentInstallment": set(documents.INSTALMENT),
    "Payment": set(settlements.PAYMENT),
    "PaymentInvoice": set(settlements.APPLIED),
    "ApprovalRequest": set(settlements.APPROVAL),
    "CompanyInfo": set(company.COMPANY),
    "AdminInfo": set(company.ADMIN),
}
#: Properties that only newer schemas have: not asked for where the company's $metadata does not know them.
NEWER = {"Document": set(documents.PAID), "DocumentInstallment": set(documents.INSTALMENT_PAID)}

ENUM_MEMBER = re.compile(r'["\'](t(?:YES|NO)|(?:bost_|bopot_|bo_|it_|cs|das|pas|ars|r|c)[A-Z]\w+)["\']')
COMPARISON = re.compile(r"(\w+) (?:eq|ne|ge|gt) ('(?:[^']|'')*'|\d+)")


def load(name: str) -> str:
    folder = os.environ.get("CONTRACTS_DATA")
    if not folder:
        pytest.skip("CONTRACTS_DATA is not set")
    path = Path(folder) / "sap_b1" / name
    if not path.is_file():
        pytest.skip(f"{path} is missing")
    return path.read_text()


@pytest.fixture(scope="module")
def schema() -> Any:
    return json.loads(load("entities_93_vs_100.json"))


@pytest.fixture(scope="module")
def metadata() -> str:
    return load("metadata_v1_93_excerpt.xml")


def properties(schema: Any, type_name: str, version: str) -> dict[str, str]:
    """Name -> type, of one version."""
    return {each["name"]: each["type"] for each in schema["types"][type_name]["properties"] if each[version]}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("type_name", READ)
def test_what_is_read_exists(schema, type_name, version):
    assert READ[type_name] <= properties(schema, type_name, version).keys()


@pytest.mark.parametrize("type_name", NEWER)
def test_what_only_newer_schemas_have_is_known_to_be_so(schema, type_name):
    assert not NEWER[type_name] & properties(schema, type_name, "in93").keys()
    assert NEWER[type_name] <= properties(schema, type_name, "in100").keys()


def test_the_columns_of_additional_expenses_exist(metadata):
    (found,) = re.findall(r'<ComplexType Name="DocumentAdditionalExpense">(.*?)</ComplexType>', metadata, re.DOTALL)
    assert set(documents.EXPENSE) <= set(re.findall(r' Name="(\w+)"', found))


def test_every_enum_member_in_the_code_exists(schema):
    known = {member for members in schema["enums"].values() for member in members}
    known |= {"csNo", "csYes", "csCancellation"}
    used = {each for path in SOURCES.glob("*.py") for each in ENUM_MEMBER.findall(path.read_text())}
    assert {"tYES", "bost_Open", "csNo", "cSupplier", "bo_BillTo", "it_PurchaseInvoice", "pasPending"} <= used
    assert used - known == set()


# --- what really goes out --------------------------------------------------------------------------------


def enters(sap: FakeClient, body: dict[str, Any]) -> Created:
    row = payment(45, body["TransferReference"], body["PaymentInvoices"])
    sap.add("VendorPayments", row)
    return Created(row, "VendorPayments(45)")


def everything(sap: FakeClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every port once."""
    monkeypatch.setattr(module, "Client", lambda spec, host: sap)
    clock = SystemClock()
    connector = SapB1(SPEC, Host(clock, MemoryStore(clock)))
    foreign = {"DocCurrency": "EUR", "DocTotalFc": Decimal(1190), "BPL_IDAssignedToInvoice": 1}
    sap.on_create, sap.rates["EUR", "20260428"] = enters, Decimal("1.1")
    sap.admin["EnableBranches"] = "tYES"
    sap.add("PurchaseInvoices", invoice(4711, **foreign, DocumentLines=[line(RowTotalFC=Decimal(1190))]))
    sap.add("BusinessPartners", vendor("V10000"))
    sap.add("ChartOfAccounts", account("6100", CashAccount="tYES"))
    sap.add("PaymentDrafts", payment(17, "kept", [part(4711, "1.00")]))
    order = PaymentDraft(
        reference="bill:stp01",
        vendor_key="V10000",
        bank="6100",
        method=PaymentMethod.ACH,
        check_number="",
        trace="",
        paid_on=date(2026, 4, 28),
        amount=Decimal(100),
        comment="BILL",
        applications=(Application("AA-4711", Decimal(100), key="4711"),),
    )
    assert all(step.ok for step in connector.ping())
    changed = {"since": "2026-01-01", "next": None}
    for pages in (
        connector.read_accounts(None),
        connector.read_departments(None),
        connector.read_vendors(changed),
        connector.read_bills(changed, date(2026, 1, 1)),
        connector.read_open_bills(),
        connector.read_ledger_payments(None),
    ):
        assert not any(page.bad for page in pages)
    connector.read_banks()
    connector.get_vendor("V10000")
    connector.record_payment(order)
    assert connector.find_payment("kept")
    assert connector.find_bill_payments("4711")
    connector.delete_payment("45")
    connector.delete_payment("draft:17")


@pytest.mark.parametrize(("version", "modern"), [("in93", False), ("in100", True)])
def test_everything_that_goes_out_is_in_the_schema(schema, version, modern, monkeypatch):
    sap = FakeClient(modern=modern)
    everything(sap, monkeypatch)
    enums = schema["enums"]
    seen = set()
    for asked in sap.asked:
        entity = asked.path.partition("(")[0]
        if entity not in TYPES:
            continue
        seen.add(entity)
        known = properties(schema, TYPES[entity], version)
        compared = COMPARISON.findall(asked.filter)
        names = {*asked.select, *(name for name, _ in compared), *asked.orderby.split(" ")[:1]} - {""}
        assert names <= known.keys(), asked
        check(schema, version, TYPES[entity], asked.body or {})
        for name, literal in compared:
            if known[name] in enums:
                assert literal.strip("'") in enums[known[name]], asked
    assert seen == set(TYPES)


def check(schema: Any, version: str, type_name: str, body: dict[str, Any]) -> None:
    """A body has only properties of its type that may be written, and enums' own members."""
    known = properties(schema, type_name, version)
    fixed = {each["name"] for each in schema["types"][type_name]["properties"] if each.get("ro")}
    assert body.keys() <= known.keys() - fixed
    for name, value in body.items():
        if isinstance(value, list):
            for row in value:
                check(schema, version, known[name].removeprefix("Collection(").rstrip(")"), row)
        elif known[name] in schema["enums"]:
            assert value in schema["enums"][known[name]]


def test_the_sets_and_functions_that_are_called_exist(metadata, monkeypatch):
    sap = FakeClient()
    everything(sap, monkeypatch)
    sets = set(re.findall(r'<EntitySet(?: [^>]*)? Name="(\w+)"', metadata))
    functions = set(re.findall(r'<FunctionImport(?: [^>]*)? Name="(\w+)"', metadata))
    called = [asked.path for asked in sap.asked]
    assert {path.partition("(")[0] for path in called} <= sets | functions
    assert {path.rpartition("/")[2] for path in called if "/" in path} == {"Cancel"} <= functions
