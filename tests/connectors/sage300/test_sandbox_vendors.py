"""Vendors (docs: sage300 15.10-15.12, 6.1), over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.connectors.sage300.caller import Caller, invoice, refusal, serving

MINIMAL = {"VendorNumber": "V1", "GroupCode": "TRADE", "VendorName": "Northwind Paper"}


@pytest.fixture
def sage() -> Iterator[Caller]:
    with serving() as caller:
        yield caller


def read(sage: Caller, number: str = "V1") -> dict[str, Any]:
    return sage.get(f"AP/APVendors('{number}')").json()


# --- 10: what is needed and what fits -----------------------------------------------------------------


@pytest.mark.parametrize("missing", list(MINIMAL))
def test_10_number_group_and_name_are_required(sage: Caller, missing: str) -> None:
    body = {name: value for name, value in MINIMAL.items() if name != missing}
    assert refusal(sage.post("AP/APVendors", body)) == (409, "FieldInvalid")
    assert refusal(sage.post("AP/APVendors", {**MINIMAL, missing: " "})) == (409, "FieldInvalid")


@pytest.mark.parametrize(
    ("name", "length"),
    [
        ("VendorNumber", 12),
        ("ShortName", 10),
        ("VendorName", 60),
        ("AddressLine4", 60),
        ("City", 30),
        ("ZipPostalCode", 20),
        ("Email", 50),
        ("WebSite", 100),
    ],
)
def test_10_lengths_are_kept(sage: Caller, name: str, length: int) -> None:
    assert refusal(sage.post("AP/APVendors", {**MINIMAL, name: "X" * (length + 1)})) == (409, "FieldInvalid")
    assert sage.post("AP/APVendors", {**MINIMAL, name: "X" * length}).status_code == 201


@pytest.mark.parametrize(
    "wrong",
    [
        {"GroupCode": "NONE"},
        {"GroupCode": "OLD"},
        {"Terms": "NONE"},
        {"TaxGroup": "NONE"},
        {"AccountSet": "NONE"},
        {"AccountSet": "CAN"},
        {"CurrencyCode": "CAD"},
        {"BankCode": "NONE"},
        {"PaymentCode": "NONE"},
        {"GLAccount": "6999"},
        {"GLAccount": "6950100"},
        {"GLAccount": "6200-100"},
    ],
)
def test_10_references_must_exist_be_active_and_match_the_currency(sage: Caller, wrong: dict[str, Any]) -> None:
    assert refusal(sage.post("AP/APVendors", {**MINIMAL, **wrong})) == (409, "FieldInvalid")
    assert sage.rows("AP/APVendors") == []


@pytest.mark.parametrize("wrong", [{"TermsCode": "N30"}, {"Status": "active"}, {"VendorName": 7}, {"FATCA": "Yes"}])
def test_14_unknown_properties_and_values_are_an_invalid_payload(sage: Caller, wrong: dict[str, Any]) -> None:
    assert refusal(sage.post("AP/APVendors", {**MINIMAL, **wrong})) == (400, "InvalidPayload")


# --- 11: the group's defaults -------------------------------------------------------------------------


def test_11_the_group_supplies_what_is_left_out(sage: Caller) -> None:
    made = sage.post("AP/APVendors", MINIMAL).json()
    expected = {"AccountSet": "USA", "CurrencyCode": "USD", "Terms": "N30", "TaxGroup": "USDTAX", "BankCode": "SEATAC"}
    assert {name: made[name] for name in expected} == expected
    assert (made["Status"], made["OnHold"], made["VendorOptionalFieldValues"]) == ("Active", "NotOnHold", [])


def test_11_terms_before_the_group_are_overwritten_after_it_they_survive(sage: Caller) -> None:
    early = {"VendorNumber": "V1", "Terms": "N60", "GroupCode": "TRADE", "VendorName": "X"}
    late = {"VendorNumber": "V2", "GroupCode": "TRADE", "Terms": "N60", "VendorName": "X"}
    assert sage.post("AP/APVendors", early).json()["Terms"] == "N30"
    assert sage.post("AP/APVendors", late).json()["Terms"] == "N60"


def test_11_another_group_brings_its_defaults_the_same_one_does_not(sage: Caller) -> None:
    sage.vendor(Terms="N60")
    sage.patch("AP/APVendors('V1')", {"GroupCode": "TRADE"})
    assert read(sage)["Terms"] == "N60"
    sage.patch("AP/APVendors('V1')", {"GroupCode": "SERV"})
    assert (read(sage)["Terms"], read(sage)["TaxGroup"], read(sage)["GLAccount"]) == ("N30", "EXEMPT", "6300100")


# --- 12: keys and changes -----------------------------------------------------------------------------


def test_12_a_number_is_used_once_in_upper_case(sage: Caller) -> None:
    assert sage.vendor("nw-paper") == "NW-PAPER"
    answer = sage.post("AP/APVendors", {**MINIMAL, "VendorNumber": "NW-Paper"})
    assert refusal(answer) == (409, "RecordDuplicate")


def test_12_patch_merges_and_answers_nothing(sage: Caller) -> None:
    sage.vendor(City="Albany", StateProvince="NY")
    answer = sage.patch("AP/APVendors('V1')", {"City": "Troy"})
    assert (answer.status_code, answer.content) == (204, b"")
    assert (read(sage)["City"], read(sage)["StateProvince"]) == ("Troy", "NY")
    assert refusal(sage.patch("AP/APVendors('NONE')", {"City": "Troy"})) == (404, "RecordNotFound")


def test_12_put_purges_the_optional_fields_that_it_leaves_out(sage: Caller) -> None:
    sage.act("define_optional_field", name="BILLID", where="vendor")
    optional = [{"OptionalField": "BILLID", "Value": "009x"}]
    sage.vendor(City="Albany", VendorOptionalFieldValues=optional)
    sage.patch("AP/APVendors('V1')", {"City": "Troy"})
    assert read(sage)["VendorOptionalFieldValues"][0]["Value"] == "009x"
    assert sage.call("PUT", "AP/APVendors('V1')", MINIMAL).status_code == 204
    assert (read(sage)["VendorOptionalFieldValues"], read(sage)["City"]) == ([], "")


@pytest.mark.parametrize("change", [{"VendorNumber": "V2"}, {"CurrencyCode": "CAD"}, {"GroupCode": "CADGRP"}])
def test_12_number_and_currency_never_change(sage: Caller, change: dict[str, Any]) -> None:
    sage.vendor()
    assert refusal(sage.patch("AP/APVendors('V1')", change)) == (409, "FieldInvalid")
    assert refusal(sage.call("PUT", "AP/APVendors('V1')", {**MINIMAL, **change})) == (409, "FieldInvalid")
    assert (read(sage)["CurrencyCode"], read(sage)["GroupCode"]) == ("USD", "TRADE")


def test_optional_field_rows_obey_their_operation(sage: Caller) -> None:
    sage.act("define_optional_field", name="BILLID", where="vendor")
    sage.vendor()

    def change(**row: str) -> Any:
        body = {"VendorOptionalFieldValues": [{"OptionalField": "BILLID", **row}]}
        return sage.patch("AP/APVendors('V1')", body)

    assert refusal(change(UpdateOperation="Update", Value="1")) == (409, "RecordInvalid")
    assert change(Value="1").status_code == 204
    assert refusal(change(UpdateOperation="Insert", Value="2")) == (409, "RecordInvalid")
    assert change(UpdateOperation="Delete").status_code == 204
    assert read(sage)["VendorOptionalFieldValues"] == []


def test_required_optional_fields_refuse_the_insert(sage: Caller) -> None:
    sage.act("define_optional_field", name="REGION", where="vendor", required=True)
    assert refusal(sage.post("AP/APVendors", MINIMAL)) == (409, "FieldInvalid")
    sage.vendor(VendorOptionalFieldValues=[{"OptionalField": "REGION", "Value": "W"}])


def test_a_vendor_with_documents_stays_and_one_with_a_balance_stays_active(sage: Caller) -> None:
    sage.vendor()
    sage.act("add_invoice", vendor="V1", document="A-1", lines=[["6200100", 50]], status="Posted")
    assert refusal(sage.call("DELETE", "AP/APVendors('V1')")) == (409, "General")
    assert refusal(sage.patch("AP/APVendors('V1')", {"Status": "Inactive"})) == (409, "General")
    sage.act("pay", vendor="V1", document="A-1")
    assert sage.patch("AP/APVendors('V1')", {"Status": "Inactive"}).status_code == 204
    assert read(sage)["InactiveDate"] is not None
    assert refusal(sage.post("AP/APInvoiceBatches", {"Invoices": [invoice()]})) == (409, "FieldInvalid")


def test_a_vendor_without_documents_can_be_deleted(sage: Caller) -> None:
    sage.vendor()
    assert sage.call("DELETE", "AP/APVendors('V1')").status_code == 204
    assert refusal(sage.get("AP/APVendors('V1')")) == (404, "RecordNotFound")


def test_what_the_lookups_tell(sage: Caller) -> None:
    assert sage.get("AP/APVendorGroups('TRADE')").json()["GeneralLedgerAccountNumber"] == ""
    assert sage.get("AP/APAccountSets('CAN')").json()["CurrencyCodeForAccount"] == "CAD"
    assert sage.get("AP/APTerms('2N30')").json()["TermsPaymentSchedule"][0]["DiscountPercent"] == 2
    assert sage.get("CS/CSCurrencyCodes('JPY')").json()["DecimalPlaces"] == "Num0"
    assert sage.get("TX/TXTaxGroups('USDTAX','Purchases')").json()["TaxAuthority2"] == "LOCAL"
    active = sage.rows("GL/GLAccounts", filter="Status eq 'Active' and UnformattedAccount eq '6200100'")
    assert active[0]["AccountNumber"] == "6200-100"


def test_accounts_are_written_like_other_masters(sage: Caller) -> None:
    assert sage.post("GL/GLAccounts", {"UnformattedAccount": "6210300", "Description": "Toner"}).status_code == 201
    assert sage.get("GL/GLAccounts('6210300')").json()["AccountNumber"] == "6210-300"
    assert sage.patch("GL/GLAccounts('6210300')", {"Status": "Inactive"}).status_code == 204
    assert sage.call("DELETE", "GL/GLAccounts('6210300')").status_code == 204
