"""Vendors of BILL become vendors of Sage 300."""

from __future__ import annotations

import pytest

from integrations.flows.ledger_vendors import LedgerVendorsFlow
from integrations.models import Mapping
from tests.sage300_world import ADDRESS


def link(sage, vendor):
    return sage.link(vendor, "vendors").target_id


def held(sage, name):
    return sage.held(name, "vendors")


def by_number(sage):
    return {number: row["VendorName"] for number, row in sage.vendors().items()}


def test_active_vendors_go_and_archived_ones_do_not(sage):
    sage.add_vendor("Northwind Paper Supply")
    sage.bill.do_archive(sage.add_vendor("Oldfield Printing"))
    result = sage.sync()
    assert result.ok
    assert by_number(sage) == {"BILL000001": "Northwind Paper Supply"}
    sage.quiet()


def test_a_vendor_is_adopted_by_number_then_by_name_and_adopting_only_links(sage):
    sage.sage.do_add_vendor("1200", "Granite Supply Company")
    sage.sage.do_add_vendor("1210", "Summit  Electric, Inc.")
    before = sage.vendors()
    numbered = sage.add_vendor("Granite Quarry Ltd", shortName="1200")
    named = sage.add_vendor("SUMMIT ELECTRIC INC")
    assert sage.sync().ok
    assert (link(sage, numbered), link(sage, named)) == ("1200", "1210")
    assert sage.vendors() == before
    sage.quiet()


def test_a_mapping_says_which(sage):
    sage.sage.do_add_vendor("1200", "Granite Supply Company")
    vendor = sage.add_vendor("Quarry")
    Mapping.objects.create(integration=sage.integration, table="vendors", source=vendor, target="1200")
    assert sage.sync().ok
    assert link(sage, vendor) == "1200"


def test_namesakes_in_sage_are_for_a_person_unless_the_postcode_tells(sage):
    sage.sage.do_add_vendor("1210", "Summit Electric", ZipPostalCode="83702")
    sage.sage.do_add_vendor("1220", "Summit Electric", ZipPostalCode="98402")
    sage.add_vendor("Summit Electric")
    sage.sync()
    assert held(sage, "Summit Electric")[0] == "vendor_ambiguous"
    assert len(sage.vendors()) == 2


def test_two_bill_vendors_do_not_share_one(sage):
    sage.sage.do_add_vendor("1210", "Summit Electric")
    for _ in range(2):
        sage.add_vendor("Summit Electric")
    result = sage.sync()
    assert [row["reason"] for row in result.held] == ["vendor_ambiguous"] * 2


def test_an_inactive_namesake_is_activated_by_a_person_and_never_doubled(sage):
    sage.sage.do_add_vendor("OLDCO", "Oldfield Printing", Status="Inactive")
    vendor = sage.add_vendor("Oldfield Printing")
    sage.sync()
    assert held(sage, "Oldfield Printing")[0] == "vendor_inactive"
    sage.sage.do_set_vendor("OLDCO", Status="Active")
    assert sage.sync().ok
    assert link(sage, vendor) == "OLDCO"


def test_bills_of_a_vendor_that_is_inactive_in_sage_are_held(sage):
    vendor = sage.add_vendor()
    sage.sync()
    sage.sage.do_set_vendor("BILL000001", Status="Inactive")
    sage.add_bill("INV-1", vendor=vendor)
    sage.sync()
    assert sage.held("INV-1")[0] == "vendor_inactive"


def test_a_taken_number_means_the_next_one(sage):
    sage.add_vendor("First Vendor")
    sage.sync(flows=["vendors"])
    sage.sage.do_add_vendor("BILL000002", "Somebody Else")
    sage.add_vendor("Second Vendor")
    assert sage.sync(flows=["vendors"]).ok
    assert by_number(sage) == {
        "BILL000001": "First Vendor",
        "BILL000002": "Somebody Else",
        "BILL000003": "Second Vendor",
    }


def test_a_number_taken_a_moment_ago_means_the_next_one(sage):
    sage.add_vendor("First Vendor")
    sage.sync(flows=["vendors"], read=True)
    sage.add_vendor("Second Vendor")
    plan = LedgerVendorsFlow.plan

    def late(flow, items):
        decided = list(plan(flow, items))
        if "BILL000002" not in sage.vendors():
            sage.sage.do_add_vendor("BILL000002", "Somebody Else")
        return decided

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LedgerVendorsFlow, "plan", late)
        assert sage.sync(flows=["vendors"]).ok
    assert by_number(sage)["BILL000002"] == "Somebody Else"
    assert by_number(sage)["BILL000003"] == "Second Vendor"


def test_numbers_follow_the_rule(sage):
    sage.set(vendor_number_rule="V-{seq:03d}")
    sage.add_vendor()
    assert sage.sync().ok
    assert list(sage.vendors()) == ["V-001"]


def test_a_rule_that_gives_too_long_numbers_is_held(sage):
    sage.set(vendor_number_rule="SUPPLIER-{seq:06d}")
    sage.add_vendor()
    sage.sync()
    reason, message = held(sage, "Northwind Paper Supply")
    assert reason == "vendor_incomplete"
    assert "12 characters" in message


def test_a_group_per_currency(sage):
    sage.set(vendor_group={"USD": "SERV", "CAD": "CADGRP"})
    sage.add_vendor("Northwind")
    sage.add_vendor("Maple", billCurrency="CAD")
    sage.add_vendor("Rhein", billCurrency="EUR")
    sage.sync()
    groups = {row["VendorName"]: (row["GroupCode"], row["CurrencyCode"]) for row in sage.vendors().values()}
    assert groups == {"Northwind": ("SERV", "USD"), "Maple": ("CADGRP", "CAD")}
    assert held(sage, "Rhein")[0] == "currency_unsupported"


def test_bills_go_in_the_vendors_currency(sage):
    sage.set(vendor_group={"USD": "TRADE", "CAD": "CADGRP"})
    maple = sage.add_vendor("Maple", billCurrency="CAD")
    sage.add_bill("INV-1", ("6300-100", 10), vendor=maple)
    assert sage.sync().ok
    assert sage.entries()["INV-1"]["CurrencyCode"] == "CAD"


def test_the_default_account_comes_from_its_table(sage):
    vendor = sage.add_vendor()
    Mapping.objects.create(
        integration=sage.integration, table="vendor_accounts", source="Northwind Paper Supply", target="6200-100"
    )
    assert sage.sync().ok
    assert sage.vendors()[link(sage, vendor)]["GLAccount"] == "6200100"


def test_later_changes_are_patched_field_by_field(sage):
    vendor = sage.add_vendor()
    sage.sync()
    sage.sage.do_set_vendor("BILL000001", Terms="N60", PhoneNumber="5185550142")
    sage.bill.do_edit_vendor(vendor, {"email": "new@northwind.example", "name": "Northwind Paper & Co"})
    assert sage.sync().ok
    row = sage.vendors()["BILL000001"]
    assert (row["Email"], row["VendorName"]) == ("new@northwind.example", "Northwind Paper & Co")
    assert (row["Terms"], row["PhoneNumber"]) == ("N60", "5185550142")
    sage.quiet()


def test_a_long_name_is_cut_and_its_vendor_still_recognised(sage):
    name = "The Very Long Established Northwind Paper and Packaging Supply Company of Albany"
    vendor = sage.add_vendor(name)
    assert sage.sync().ok
    assert sage.vendors()["BILL000001"]["VendorName"] == name[:60].rstrip()
    sage.integration.flows.get(name="vendors").links.all().delete()
    sage.integration.flows.get(name="vendors").deliveries.all().delete()
    assert sage.sync(full=True).ok
    assert link(sage, vendor) == "BILL000001"


def test_a_vendor_no_url_can_carry_is_shown_and_its_bills_flow(sage):
    sage.sage.do_add_vendor("AC/DC", "AC/DC Lighting")
    vendor = sage.add_vendor("AC/DC Lighting")
    sage.sync()
    sage.bill.do_edit_vendor(vendor, {"email": "new@acdc.example"})
    sage.add_bill("INV-1", vendor=vendor)
    assert sage.sync().ok
    assert "by hand: email" in sage.latest("AC/DC Lighting", "vendors").message
    assert sage.entries()["INV-1"]["VendorNumber"] == "AC/DC"


def test_a_vendor_without_what_sage_wants_waits_with_its_bills(sage):
    sage.set(vendor_group="NOGRP")
    vendor = sage.add_vendor()
    sage.add_bill("INV-1", vendor=vendor)
    result = sage.sync()
    assert [row["document"] for row in result.failed] == ["Northwind Paper Supply"]
    assert sage.held("INV-1")[0] == "vendor_missing"
    sage.set(vendor_group="TRADE")
    sage.replay("Northwind Paper Supply")
    assert sage.sync().ok
    assert list(sage.entries()) == ["INV-1"]


def test_an_address_of_bill_is_one_of_sage(sage):
    sage.add_vendor(address={**ADDRESS, "line2": "Suite 4"})
    assert sage.sync().ok
    row = sage.vendors()["BILL000001"]
    assert (row["AddressLine1"], row["AddressLine2"], row["ZipPostalCode"]) == ("40 Mill Road", "Suite 4", "12205")
