"""Which vendor a Sage vendor becomes in BILL, and who waits for whom."""

from __future__ import annotations

import pytest

from integrations.engine.actions import mapping_changed, replay
from integrations.models import Delivery, State
from tests.builders import World, money

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
ACME = "01-ACME01"


def test_creates_with_address_contact_and_our_number(world: World) -> None:
    world.add_vendor(telephoneNo="(937) 555-0144", emailAddress="ar@acme.example", addressLine2="Dock 4")
    world.add_invoice("INV-1")
    assert world.sync().ok
    (made,) = world.vendors()
    assert made["name"] == "Acme Building Supply"
    assert made["shortName"] == ACME
    assert (made["phone"], made["email"]) == ("(937) 555-0144", "ar@acme.example")
    assert {name: text for name, text in made["address"].items() if name != "countryName"} == {
        "line1": "12 Mill Rd",
        "line2": "Dock 4",
        "city": "Dayton",
        "stateOrProvince": "OH",
        "zipOrPostalCode": "45402",
        "country": "US",
    }
    assert made["paymentInformation"]["payeeName"] == "Acme Building Supply"


def test_remit_to_becomes_payee_and_address(world: World) -> None:
    remit = {
        "name": "Acme Receivables",
        "addressLine1": "PO Box 9",
        "city": "Lima",
        "state": "OH",
        "zipCode": "45801",
        "countryCode": "USA",
    }
    world.add_vendor(remit_to=remit)
    world.add_invoice("INV-1")
    assert world.sync().ok
    (made,) = world.vendors()
    assert made["name"] == "Acme Building Supply"
    assert made["paymentInformation"]["payeeName"] == "Acme Receivables"
    assert (made["address"]["line1"], made["address"]["zipOrPostalCode"]) == ("PO Box 9", "45801")


def test_vendors_without_invoices_in_scope_are_not_created(world: World) -> None:
    world.add_vendor()
    world.add_vendor("QUIET", "Quiet Office Cleaning")
    world.add_vendor("HELDCO", "Held Co")
    world.add_invoice("INV-1")
    world.add_invoice("INV-2", vendor="HELDCO", hold=True)
    assert world.sync().ok
    assert [row["shortName"] for row in world.vendors()] == [ACME]


@pytest.mark.parametrize("name", ["Acme Building Supply", "ACME  BUILDING SUPPLY", "Acme Building Supply."])
def test_adopts_the_one_vendor_of_that_name_and_writes_nothing_to_it(world: World, name: str) -> None:
    there = world.bill.do_create_vendor(name=name, address=ELSEWHERE)["id"]
    before = dict(world.bill.vendors.rows[there])
    world.add_vendor()
    world.add_invoice("INV-1")
    assert world.sync().ok
    assert world.vendors() == [before]
    assert world.link(ACME, "vendors").target_id == there
    assert world.bills()["INV-1"]["vendorId"] == there
    world.sage.do_change_vendor("01", "ACME01", telephoneNo="(937) 555-9999")
    assert world.sync().ok
    (after,) = world.vendors()
    assert after["phone"] == "(937) 555-9999"
    assert after["address"] == before["address"], "later updates send changed fields only"


def test_a_postcode_breaks_the_tie_between_equal_names(world: World) -> None:
    world.bill.do_create_vendor(name="Acme Building Supply", address=ELSEWHERE)
    near = world.bill.do_create_vendor(name="Acme Building Supply", address=HERE)["id"]
    world.add_vendor()
    world.add_invoice("INV-1")
    assert world.sync().ok
    assert world.bills()["INV-1"]["vendorId"] == near


def test_several_equal_names_wait_for_a_mapping_row_and_go_on_by_themselves(world: World) -> None:
    ids = [world.bill.do_create_vendor(name="Acme Building Supply", address=ELSEWHERE)["id"] for _ in range(2)]
    world.add_vendor()
    world.add_invoice("INV-1")

    result = world.sync()

    assert {(each["flow"], each["reason"]) for each in result.held} == {
        ("vendors", "vendor_ambiguous"),
        ("bills", "vendor_missing"),
    }
    held = world.latest("Acme Building Supply", "vendors")
    assert sorted(each["id"] for each in held.candidates) == sorted(ids)
    assert "99201" in held.candidates[0]["place"]
    world.map("vendors", ACME, ids[1])
    mapping_changed(world.integration, actor="kim")
    world.work()
    assert world.bills()["INV-1"]["vendorId"] == ids[1]
    assert len(world.vendors()) == 2


def test_one_vendor_there_serves_one_vendor_here(world: World) -> None:
    world.bill.do_create_vendor(name="Acme Building Supply", address=HERE)
    world.add_vendor()
    world.add_vendor("ACME02")
    world.add_invoice("INV-1")
    world.add_invoice("INV-2", vendor="ACME02")

    result = world.sync()

    held = [(each["key"], each["reason"]) for each in result.held if each["flow"] == "vendors"]
    assert held == [(ACME, "vendor_ambiguous"), ("01-ACME02", "vendor_ambiguous")]
    assert not world.bills()


def test_a_second_vendor_of_a_linked_name_is_created(world: World) -> None:
    world.add_vendor()
    world.add_invoice("INV-1")
    assert world.sync().ok
    world.add_vendor("ACME02", zipCode="45403")
    world.add_invoice("INV-2", vendor="ACME02")
    assert world.sync().ok
    assert sorted(row["shortName"] for row in world.vendors()) == [ACME, "01-ACME02"]
    bills = world.bills()
    assert bills["INV-1"]["vendorId"] != bills["INV-2"]["vendorId"]


def test_divisions_keep_vendors_of_one_number_apart(world: World) -> None:
    world.add_vendor("SHARED", "Shared Trade")
    world.add_vendor("SHARED", "Shared Services", division="02")
    world.add_invoice("SAME-1", "10.00", vendor="SHARED")
    world.add_invoice("SAME-1", "20.00", vendor="SHARED", division="02")
    assert world.sync().ok
    names = {row["id"]: row["name"] for row in world.vendors()}
    amounts = {names[row["vendorId"]]: money(row["amount"]) for row in world.bill.bills.rows.values()}
    assert amounts == {"Shared Trade": money("10"), "Shared Services": money("20")}


def test_an_incomplete_vendor_waits_until_the_address_is_there(world: World) -> None:
    world.add_vendor(city=None)
    world.add_invoice("INV-1")
    result = world.sync()
    assert {(each["flow"], each["reason"]) for each in result.held} == {
        ("vendors", "vendor_incomplete"),
        ("bills", "vendor_missing"),
    }
    assert "city" in world.latest("Acme Building Supply", "vendors").message
    world.sage.do_change_vendor("01", "ACME01", city="Dayton")
    assert world.sync().ok
    assert set(world.bills()) == {"INV-1"}


def test_an_inactive_vendor_is_not_created(world: World) -> None:
    world.add_vendor(vendorStatus="I")
    world.add_invoice("INV-1")
    result = world.sync()
    assert {each["reason"] for each in result.held} == {"vendor_inactive"}
    assert not world.vendors()
    world.sage.do_change_vendor("01", "ACME01", vendorStatus="A")
    assert world.sync().ok


def test_a_temporary_vendor_waits_for_a_person(world: World) -> None:
    world.add_vendor(vendorStatus="T")
    world.add_invoice("INV-1")
    result = world.sync()
    assert {(each["flow"], each["reason"]) for each in result.held} == {
        ("vendors", "vendor_incomplete"),
        ("bills", "vendor_missing"),
    }
    assert world.sync().held
    replay(Delivery.objects.filter(flow__name="vendors"), actor="kim", doorbell=False)
    assert world.sync().ok
    assert set(world.bills()) == {"INV-1"}


def test_a_changed_vendor_is_updated_by_field(world: World) -> None:
    world.add_vendor(emailAddress="ar@acme.example")
    world.add_invoice("INV-1")
    assert world.sync().ok
    (made,) = world.vendors()
    world.bill.do_edit_vendor(made["id"], {"phone": "(800) 555-0000"})  # BILL's people keep their own
    world.sage.do_change_vendor("01", "ACME01", addressLine1="14 Mill Rd")
    assert world.sync().ok
    (after,) = world.vendors()
    assert after["address"]["line1"] == "14 Mill Rd"
    assert (after["phone"], after["email"]) == ("(800) 555-0000", "ar@acme.example")


def test_a_vendor_archived_in_bill_holds_its_new_invoices(world: World) -> None:
    world.add_vendor()
    world.add_invoice("INV-1")
    assert world.sync().ok
    vendor = world.link(ACME, "vendors").target_id
    world.bill.do_archive(vendor)
    world.add_invoice("INV-2")
    result = world.sync()
    assert [(each["document"], each["reason"]) for each in result.held] == [("INV-2", "vendor_inactive")]
    world.bill.do_restore(vendor)
    assert world.sync().ok
    assert set(world.bills()) == {"INV-1", "INV-2"}


def test_a_bill_waits_with_its_vendor_and_says_why(world: World) -> None:
    world.add_vendor(addressLine1=None)
    world.add_invoice("INV-1")
    world.sync()
    row = world.latest("INV-1")
    assert (row.state, row.reason) == (State.HELD, "vendor_missing")
    assert "no complete address" in row.message
