"""What keeps a bill from going, what finds its accounts, and what is in Sage 300 already."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest

from integrations.engine.preview import preview
from integrations.models import Link, Mapping
from tests.builders import today


def rule(sage, source, target, **conditions):
    return Mapping.objects.create(
        integration=sage.integration, table="categories", source=source, target=target, **conditions
    )


def accounts(sage, number):
    return [line["GLAccount"] for line in sage.entries()[number]["InvoiceDetails"]]


# --- accounts ------------------------------------------------------------------------------------


def test_the_most_specific_rule_wins(sage):
    sales = sage.bill.do_create_department("Sales", "S")["id"]
    other = sage.bill.do_create_department("Operations")["id"]
    dayton = sage.bill.do_create_location("Dayton", "DAY")["id"]
    category = sage.accounts["6200-100"]
    rule(sage, category, "6200-200", department="Sales")
    rule(sage, category, "6260-100", location="DAY")
    rule(sage, category, "6300100", department=sales, location="Dayton")
    rule(sage, "*", "6260 100")
    rule(sage, "*", "6300-100", department="Operations")
    lines = [
        sage.line("6200-100", 1),
        sage.line("6200-100", 2, departmentId=other),
        sage.line("6200-100", 3, departmentId=sales),
        sage.line("6200-100", 4, locationId=dayton),
        sage.line("6200-100", 5, departmentId=sales, locationId=dayton),
        sage.line("6200-100", 6, departmentId=other, locationId=dayton),
        sage.line("", 7),
        sage.line("", 8, departmentId=other),
    ]
    sage.add_bill("INV-1", billLineItems=lines)

    assert sage.sync().ok

    assert accounts(sage, "INV-1") == [
        "6200100",
        "6200100",
        "6200200",
        "6260100",
        "6300100",
        "6260100",
        "6260100",
        "6300100",
    ]


def test_an_unmapped_category_is_held_and_released_by_the_mapping(sage):
    new = sage.bill.do_create_account("Insurance", "6600")["id"]
    rule(sage, "*", "6260-100")  # serves lines without a category only
    line = {"amount": 10, "classifications": {"chartOfAccountId": new}}
    sage.add_bill("INV-1", billLineItems=[line])
    sage.sync()
    reason, message = sage.held("INV-1")
    assert reason == "account_unmapped"
    assert "6600 Insurance" in message

    rule(sage, "Insurance", "6600-100")

    assert sage.sync().ok
    assert accounts(sage, "INV-1") == ["6600100"]


def test_a_rule_whose_department_nobody_knows_serves_no_line_silently(sage):
    sales = sage.bill.do_create_department("Sales")["id"]
    rule(sage, sage.accounts["6200-100"], "6200-200", department="Salez")
    sage.add_bill("INV-1", billLineItems=[sage.line("6200-100", 1, departmentId=sales)])
    sage.add_bill("INV-2", ("6200-100", 1))
    sage.sync()
    assert sage.held("INV-1")[0] == "account_unmapped"
    assert "Salez" in sage.held("INV-1")[1]
    assert accounts(sage, "INV-2") == ["6200100"]


def test_a_line_without_a_category_needs_its_rule(sage):
    sage.add_bill("INV-1", ("", 10))
    sage.sync()
    assert sage.held("INV-1") == ("account_unmapped", "A line without a category is not mapped to an account.")


def test_an_inactive_account_is_refused_early(sage):
    sage.add_bill("INV-1", ("6950-100", 10))
    sage.sync()
    assert sage.held("INV-1")[0] == "account_inactive"
    assert not sage.batches()


# --- documents that are there already --------------------------------------------------------------


@pytest.mark.parametrize("status", ["Open", "ReadyToPost", "Posted"])
def test_an_equal_document_is_adopted(sage, status):
    vendor = sage.add_vendor()
    sage.sync()
    sage.sage.do_add_invoice("BILL000001", "INV-1", [("6200100", "100.00")], status=status)
    bill = sage.add_bill("inv-1", vendor=vendor)

    result = sage.sync()

    assert result.ok
    assert len(sage.batches()) == 1
    link = sage.link(bill)
    assert link.adopted
    assert link.state == (Link.State.POSTED if status == "Posted" else Link.State.ENTERED)
    sage.quiet()


@pytest.mark.parametrize("status", ["Open", "Posted"])
def test_one_with_another_total_is_a_duplicate(sage, status):
    vendor = sage.add_vendor()
    sage.sync()
    sage.sage.do_add_invoice("BILL000001", "INV-1", [("6200100", "99.99")], status=status)
    sage.add_bill("INV-1", vendor=vendor)
    sage.sync()
    reason, message = sage.held("INV-1")
    assert reason == "duplicate_document"
    assert "99.99" in message
    assert len(sage.batches()) == 1


def test_an_adopted_entry_that_changes_in_bill_is_for_its_author_to_change(sage):
    vendor = sage.add_vendor()
    sage.sync()
    sage.sage.do_add_invoice("BILL000001", "INV-1", [("6200100", "100.00")])
    bill = sage.add_bill("INV-1", vendor=vendor)
    sage.sync()
    sage.edit_bill(bill, ("6200-100", 60))
    sage.sync()
    assert sage.held("INV-1")[0] == "changed_after_delivery"
    assert sage.entries()["INV-1"]["DocumentTotalIncludingTax"] == 100


@pytest.mark.parametrize("sage", [{"duplicates_allowed": True}], indirect=True)
def test_two_bills_that_are_one_number_in_sage_are_a_visible_error(sage):
    sage.add_bill("inv-7a")
    sage.add_bill("INV-7A", ("6200-100", 5))
    result = sage.sync()
    assert [row["reason"] for row in result.held] == ["duplicate_document"]
    assert list(sage.entries()) == ["INV-7A"]
    sage.add_bill("Inv-7a", ("6200-100", 6))
    assert len(sage.sync().held) == 2


# --- scope, dates, totals ----------------------------------------------------------------------------


def test_bills_before_the_start_are_left_alone(sage):
    start = sage.integration.start_date
    sage.add_bill("OLD", dated=start - timedelta(days=1))
    sage.add_bill("NEW", dated=start)
    assert sage.sync().ok
    assert list(sage.entries()) == ["NEW"]


def test_approved_statuses_can_be_widened(sage):
    sage.add_bill("INV-1", status="UNASSIGNED")
    sage.set(approved_statuses=["APPROVED", "UNASSIGNED"])
    assert sage.sync().ok
    assert list(sage.entries()) == ["INV-1"]


@pytest.mark.parametrize("how", ["document", "today"])
def test_posting_date(sage, how):
    sage.set(posting_date=how)
    dated = today() - timedelta(days=40)
    sage.add_bill("INV-1", dated=dated)
    assert sage.sync().ok
    entry = sage.entries()["INV-1"]
    assert entry["DocumentDate"][:10] == dated.isoformat()
    assert date.fromisoformat(entry["PostingDate"][:10]) == {"document": dated, "today": today()}[how]


def test_the_first_open_day_takes_what_a_closed_period_does_not(sage):
    sage.set(posting_date="first_open", post_mode="post")
    dated = today().replace(day=1) - timedelta(days=1)
    sage.sage.do_close_period(dated.year, dated.month)
    sage.add_bill("INV-1", dated=dated)
    assert sage.sync().ok
    assert sage.posted()["INV-1"]["PostingDate"][:10] == today().replace(day=1).isoformat()
    sage.quiet()


def test_negative_lines_are_kept(sage):
    sage.add_bill("INV-1", ("6200-100", "100.10"), ("6260-100", "-0.35"))
    assert sage.sync().ok
    assert sage.entries()["INV-1"]["DocumentTotalIncludingTax"] == Decimal("99.75")


def test_an_exempt_site_gets_exempt_classes(sage):
    sage.set(tax="exempt")
    sage.add_bill("INV-1")
    assert sage.sync().ok
    assert sage.entries()["INV-1"]["TaxTotal"] == 0


# --- preview -----------------------------------------------------------------------------------------


def test_a_preview_shows_all_and_writes_nothing(sage):
    sage.add_bill("INV-1")
    sage.add_bill("INV-2", ("6950-100", 1))
    before = sage.sage.state()

    result, would = preview(sage.integration, clock=sage.clock)

    assert result.trouble is None
    assert {(row["flow"], row["document"], row["action"]) for row in would} == {
        ("vendors", "Northwind Paper Supply", "create"),
        ("bills", "INV-1", "create"),
        ("bills", "INV-2", "hold"),
    }
    assert sage.sage.state() == before
    assert not sage.deliveries()


def test_the_sites_own_fields_get_what_the_settings_say(sage):
    sage.sage.do_define_optional_field("SOURCE", "invoice", required=True)
    sage.sage.do_define_optional_field("CLASS", "vendor", required=True)
    sage.set(optional_fields={"SOURCE": "BILL"}, vendor_optional_fields={"CLASS": "AP"})
    sage.add_bill("INV-1")
    assert sage.sync().ok
    (vendor,) = [row for row in sage.vendors().values() if row["VendorNumber"].startswith("BILL")]
    assert [(row["OptionalField"], row["Value"]) for row in vendor["VendorOptionalFieldValues"]] == [("CLASS", "AP")]
    fields = sage.entries()["INV-1"]["InvoiceOptionalFields"]
    assert [(row["OptionalField"], row["Value"]) for row in fields] == [("SOURCE", "BILL")]
    sage.quiet()
