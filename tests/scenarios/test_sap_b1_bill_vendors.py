"""Which vendor a supplier of SAP Business One becomes in BILL, and who waits for whom."""

from __future__ import annotations

from typing import Any

import pytest

from audit.models import AuditEvent
from integrations.engine.actions import mapping_changed
from integrations.engine.preview import preview
from tests.sap_world import SapWorld

NAME = "Acme Building Supply"
ELSEWHERE = {
    "line1": "9 Far Rd",
    "city": "Spokane",
    "stateOrProvince": "WA",
    "zipOrPostalCode": "99201",
    "country": "US",
}
HERE = {
    "line1": "12 Mill Road",
    "city": "Dayton",
    "stateOrProvince": "OH",
    "zipOrPostalCode": "45402-1234",
    "country": "US",
}


def there(sap: SapWorld) -> list[dict[str, Any]]:
    return list(sap.bill.vendors.rows.values())


# --- made ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sap", [{"version": 1}, {"version": 2}], indirect=True)
def test_creates_with_address_contact_currency_and_our_code(sap: SapWorld) -> None:
    sap.add_vendor("V10'A", NAME, Phone1="(937) 555-0144", EmailAddress="ar@acme.example")
    sap.add_invoice("INV-1", vendor="V10'A")
    assert sap.sync().ok
    (made,) = there(sap)
    assert (made["name"], made["shortName"], made["billCurrency"]) == (NAME, "V10'A", "USD")
    assert (made["phone"], made["email"]) == ("(937) 555-0144", "ar@acme.example")
    assert {name: text for name, text in made["address"].items() if name != "countryName" and text} == {
        "line1": "12 Mill Rd",
        "city": "Dayton",
        "stateOrProvince": "OH",
        "zipOrPostalCode": "45402",
        "country": "US",
    }
    assert sap.bills()["INV-1"]["vendorId"] == made["id"]


def test_of_several_addresses_the_default_pay_to_counts(sap: SapWorld) -> None:
    rows = [
        {
            "AddressName": name,
            "AddressType": kind,
            "Street": street,
            "City": "Lima",
            "ZipCode": "45801",
            "Country": "US",
        }
        for name, kind, street in (
            ("Dock", "bo_ShipTo", "1 Dock St"),
            ("Old", "bo_BillTo", "2 Old St"),
            ("Lockbox", "bo_BillTo", "PO Box 9"),
        )
    ]
    sap.sap.do_add_vendor("V100", NAME, BPAddresses=rows, BilltoDefault="Lockbox")
    sap.add_invoice("INV-1")
    assert sap.sync().ok
    assert [row["address"]["line1"] for row in there(sap)] == ["PO Box 9"]


def test_customers_and_vendors_without_invoices_in_scope_are_not_created(sap: SapWorld) -> None:
    sap.add_vendor()
    sap.add_vendor("QUIET", "Quiet Office Cleaning")
    sap.add_vendor("BLOCKED", "Blocked Co")
    sap.add_vendor("C20000", "A Customer", type="cCustomer")
    sap.add_invoice("INV-1")
    sap.add_invoice("INV-2", vendor="BLOCKED", blocked=True)
    assert sap.sync().ok
    assert [row["shortName"] for row in there(sap)] == ["V100"]


@pytest.mark.parametrize("sap", [{"sap_options": {"case_sensitive": True}}], indirect=True)
def test_codes_that_differ_in_case_are_two_vendors(sap: SapWorld) -> None:
    sap.add_vendor("v100", "Small Letters Inc")
    sap.add_vendor("V100", "Capital Letters Inc")
    sap.add_invoice("S-1", vendor="v100")
    sap.add_invoice("C-1", vendor="V100")
    assert sap.sync().ok
    names = {row["id"]: row["name"] for row in there(sap)}
    assert {number: names[row["vendorId"]] for number, row in sap.bills().items()} == {
        "S-1": "Small Letters Inc",
        "C-1": "Capital Letters Inc",
    }


# --- adopted ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [NAME, "ACME  BUILDING SUPPLY", "Acme Building Supply."])
def test_adopts_the_one_vendor_of_that_name_and_writes_nothing_to_it(sap: SapWorld, name: str) -> None:
    ours = sap.bill.do_create_vendor(name=name, address=ELSEWHERE)["id"]
    before = dict(sap.bill.vendors.rows[ours])
    sap.add_vendor()
    sap.add_invoice("INV-1")
    assert sap.sync().ok
    assert there(sap) == [before]
    assert sap.link("V100", "vendors").target_id == ours
    assert sap.bills()["INV-1"]["vendorId"] == ours
    sap.sap.do_edit_vendor("V100", Phone1="(937) 555-9999")
    assert sap.sync().ok
    (after,) = there(sap)
    assert after["phone"] == "(937) 555-9999"
    assert after["address"] == before["address"], "later updates send changed fields only"


def test_a_postcode_breaks_the_tie_between_equal_names(sap: SapWorld) -> None:
    sap.bill.do_create_vendor(name=NAME, address=ELSEWHERE)
    near = sap.bill.do_create_vendor(name=NAME, address=HERE)["id"]
    sap.add_vendor()
    sap.add_invoice("INV-1")
    assert sap.sync().ok
    assert sap.bills()["INV-1"]["vendorId"] == near


def test_several_equal_names_wait_for_a_mapping_row_and_go_on_by_themselves(sap: SapWorld) -> None:
    ids = [sap.bill.do_create_vendor(name=NAME, address=ELSEWHERE)["id"] for _ in range(2)]
    sap.add_vendor()
    sap.add_invoice("INV-1")

    result = sap.sync()

    assert {(each["flow"], each["reason"]) for each in result.held} == {
        ("vendors", "vendor_ambiguous"),
        ("bills", "vendor_missing"),
    }
    held = sap.latest(NAME, "vendors")
    assert sorted(each["id"] for each in held.candidates) == sorted(ids)
    sap.map("vendors", "V100", ids[1])
    mapping_changed(sap.integration, actor="kim")
    sap.work()
    assert sap.bills()["INV-1"]["vendorId"] == ids[1]
    assert len(there(sap)) == 2


def test_one_vendor_there_serves_one_card_code(sap: SapWorld) -> None:
    sap.bill.do_create_vendor(name=NAME, address=HERE)
    sap.add_vendor()
    sap.add_vendor("V200")
    sap.add_invoice("INV-1")
    sap.add_invoice("INV-2", vendor="V200")

    result = sap.sync()

    held = sorted((each["key"], each["reason"]) for each in result.held if each["flow"] == "vendors")
    assert held == [("V100", "vendor_ambiguous"), ("V200", "vendor_ambiguous")]
    assert not sap.bills()


def test_a_second_card_code_of_a_linked_name_gets_a_vendor_of_its_own(sap: SapWorld) -> None:
    sap.add_vendor()
    sap.add_invoice("SAME-1", "10.00")
    assert sap.sync().ok
    sap.add_vendor("V200", zip_code="45403")
    sap.add_invoice("SAME-1", "20.00", vendor="V200")
    assert sap.sync().ok
    assert sorted(row["shortName"] for row in there(sap)) == ["V100", "V200"]
    assert len({row["vendorId"] for row in sap.bill.bills.rows.values()}) == 2


def test_an_adopted_vendor_of_another_currency_holds_its_bills(sap: SapWorld) -> None:
    sap.bill.do_create_vendor(name=NAME, address=HERE, billCurrency="EUR")
    sap.add_vendor()
    sap.add_invoice("INV-1")
    result = sap.sync()
    assert [(each["document"], each["reason"]) for each in result.held] == [("INV-1", "currency_unsupported")]
    assert not sap.bills()


# --- waiting ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "word"),
    [({"street": ""}, "street"), ({"city": ""}, "city"), ({"zip_code": ""}, "postcode"), ({"country": ""}, "country")],
)
def test_an_incomplete_vendor_waits_and_says_what_is_missing(sap: SapWorld, facts: dict[str, Any], word: str) -> None:
    sap.add_vendor(**facts)
    sap.add_invoice("INV-1")
    result = sap.sync()
    assert {(each["flow"], each["reason"]) for each in result.held} == {
        ("vendors", "vendor_incomplete"),
        ("bills", "vendor_missing"),
    }
    assert word in sap.latest(NAME, "vendors").message
    assert word in sap.held("INV-1")[1], "the bill says what its vendor waits for"
    whole = {"Street": "12 Mill Rd", "City": "Dayton", "State": "OH", "ZipCode": "45402", "Country": "US"}
    rows = sap.sap.ledger.sets()["BusinessPartners"].rows["V100"]["BPAddresses"]
    key = {"RowNum": rows[0]["RowNum"]} if rows else {"AddressName": "Pay to", "AddressType": "bo_BillTo"}
    sap.sap.do_edit_vendor("V100", BPAddresses=[{**key, **whole}])
    assert sap.sync().ok
    assert set(sap.bills()) == {"INV-1"}


def test_a_frozen_vendor_is_not_created_until_it_is_thawed(sap: SapWorld) -> None:
    sap.add_vendor()
    sap.add_invoice("INV-1")
    sap.sap.do_freeze_vendor("V100")
    result = sap.sync()
    assert {(each["flow"], each["reason"]) for each in result.held} == {
        ("vendors", "vendor_inactive"),
        ("bills", "vendor_inactive"),
    }
    assert not there(sap)
    sap.sap.do_freeze_vendor("V100", frozen=False)
    assert sap.sync().ok
    assert set(sap.bills()) == {"INV-1"}


@pytest.mark.parametrize(
    ("facts", "goes"),
    [
        ({"Frozen": "tYES", "FrozenFrom": "2020-01-01", "FrozenTo": "2020-12-31"}, True),
        ({"Frozen": "tYES", "FrozenFrom": "2020-01-01"}, False),
        ({"Frozen": "tYES", "FrozenFrom": "2099-01-01"}, True),
        ({"Valid": "tYES"}, True),
        ({"Valid": "tYES", "ValidFrom": "2020-01-01", "ValidTo": "2099-12-31"}, True),
        ({"Valid": "tYES", "ValidTo": "2020-12-31"}, False),
        ({"Valid": "tNO", "Frozen": "tNO"}, True),
    ],
)
def test_a_vendor_is_frozen_only_within_its_dates(sap: SapWorld, facts: dict[str, Any], goes: bool) -> None:
    sap.add_vendor()
    sap.add_invoice("INV-1")
    sap.sap.do_edit_vendor("V100", **facts)
    result = sap.sync()
    assert result.ok == goes
    assert set(sap.bills()) == ({"INV-1"} if goes else set())
    assert {each["reason"] for each in result.held} == (set() if goes else {"vendor_inactive"})


def test_a_vendor_archived_in_bill_holds_its_new_invoices(sap: SapWorld) -> None:
    sap.add_vendor()
    sap.add_invoice("INV-1")
    assert sap.sync().ok
    vendor = sap.link("V100", "vendors").target_id
    sap.bill.do_archive(vendor)
    sap.add_invoice("INV-2")
    result = sap.sync()
    assert [(each["document"], each["reason"]) for each in result.held] == [("INV-2", "vendor_inactive")]
    sap.bill.do_restore(vendor)
    assert sap.sync().ok
    assert set(sap.bills()) == {"INV-1", "INV-2"}


# --- later -----------------------------------------------------------------------------------------------


def test_a_changed_vendor_is_updated_by_field(sap: SapWorld) -> None:
    sap.add_vendor(EmailAddress="ar@acme.example")
    sap.add_invoice("INV-1")
    assert sap.sync().ok
    (made,) = there(sap)
    sap.bill.do_edit_vendor(made["id"], {"phone": "(800) 555-0000"})  # BILL's people keep their own
    (address,) = sap.sap.ledger.sets()["BusinessPartners"].rows["V100"]["BPAddresses"]
    sap.sap.do_edit_vendor("V100", BPAddresses=[{"RowNum": address["RowNum"], "Street": "14 Mill Rd"}])
    assert sap.sync().ok
    (after,) = there(sap)
    assert after["address"]["line1"] == "14 Mill Rd"
    assert (after["phone"], after["email"]) == ("(800) 555-0000", "ar@acme.example")
    sap.quiet()


def test_a_vendor_frozen_after_it_was_linked_is_left_as_it_is(sap: SapWorld) -> None:
    sap.add_vendor()
    sap.add_invoice("INV-1")
    assert sap.sync().ok
    before = there(sap)
    sap.sap.do_freeze_vendor("V100")
    assert sap.sync().ok
    assert there(sap) == before
    sap.quiet()


# --- payers ----------------------------------------------------------------------------------------------


def test_the_payer_of_a_vendor_is_shown(sap: SapWorld) -> None:
    sap.add_vendor("HQ", "Acme Headquarters")
    sap.add_vendor(FatherCard="HQ", FatherType="cPayments_sum")
    sap.add_vendor("V200", "Delivered Together", FatherCard="HQ", FatherType="cDelivery_sum")
    sap.add_invoice("INV-1")
    sap.add_invoice("INV-2", vendor="V200")
    _, would = preview(sap.integration, clock=sap.clock)
    shown = {row["key"]: row["message"] for row in would if row["flow"] == "vendors"}
    assert "HQ" in shown["V100"]
    assert "HQ" not in shown["V200"]
    assert sap.sync().ok
    (event,) = AuditEvent.objects.filter(record_type="vendor", event="delivered", source_key="V100")
    assert "HQ" in event.message
    assert sorted(row["shortName"] for row in there(sap)) == ["V100", "V200"], "the payer itself has no invoice"
