"""Both sandboxes over real HTTP: what a comparison finds, and what it must not take for a difference."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import requests

from audit.models import AuditEvent
from connectors.sage100.sandbox import FULL_KEY
from integrations.engine.actions import mark_done_outside
from integrations.models import Connection, Delivery, Link, Mapping
from integrations.reconcile import Kind, reconcile

VENDOR = {"division": "01", "vendor": "ACME01"}


def compare(world):
    world.integration.refresh_from_db()
    return reconcile(world.integration, clock=world.clock)


def only(result, kind):
    assert [each.kind for each in result.differences] == [kind], result.differences
    return result.differences[0]


def kinds(result):
    return sorted(each.kind for each in result.differences)


def amounts(difference):
    return difference.source, difference.target, difference.difference


def bill_id(world, number):
    return world.bills()[number]["id"]


def set_amount(world, number, amount):
    """A person edits the bill in BILL."""
    line = {"amount": amount, "classifications": {"chartOfAccountId": next(iter(world.accounts.values()))}}
    row = world.bills()[number]
    changes = {
        "vendorId": row["vendorId"],
        "dueDate": row["dueDate"],
        "invoice": row["invoice"],
        "billLineItems": [line],
    }
    world.bill.do_edit_bill(row["id"], changes, replace=True)


# --- equal ---------------------------------------------------------------------------------------


def test_equal_sides_have_no_differences_and_nothing_is_written(world):
    before = world.writes()
    deliveries, links = Delivery.objects.count(), Link.objects.count()
    result = compare(world)
    assert result.ok
    assert result.exit_code == 0
    assert result.compared["bills"] == 2
    assert result.compared["vendors"] == 1
    assert result.source_total == result.target_total == Decimal("350.50")
    assert world.writes() == before
    assert (Delivery.objects.count(), Link.objects.count()) == (deliveries, links)
    event = AuditEvent.objects.order_by("sequence").last()
    assert (event.event, event.outcome, event.integration) == ("reconciled", "ok", "ap")
    assert "350.50" in event.message


def test_a_hundred_bills_cost_few_requests(world):
    for number in range(120):
        world.add_invoice(f"M-{number}", "1.01")
    assert world.sync().ok
    result = compare(world)
    assert result.ok
    assert result.compared["bills"] == 122
    assert sum(result.requests.values()) <= 20


def test_a_paid_bill_is_equal_before_and_after_posting(world):
    world.pay("INV-1")
    assert world.sync().ok
    result = compare(world)
    assert result.ok, result.differences
    assert result.in_transit == Decimal("100.00")
    assert result.source_total == result.target_total == Decimal("250.50")
    assert result.compared["payments"] == result.compared["payments_in_transit"] == 1
    world.sage.do_post_all()
    result = compare(world)  # before any sync has heard of the posting
    assert result.ok, result.differences
    assert result.in_transit == 0
    assert result.source_total == result.target_total == Decimal("250.50")


def test_part_payments_are_equal_before_and_after_posting(world):
    world.bill.do_pay([{"billId": bill_id(world, "INV-2"), "amount": "50.25"}], checkNumber=9)
    assert world.sync().ok
    assert compare(world).ok
    world.sage.do_post_all()
    result = compare(world)
    assert result.ok, result.differences
    assert result.target_total == Decimal("300.25")


def test_older_invoices_credits_and_entries_are_out_of_scope(world):
    world.integration.start_date = datetime.now(UTC).date() - timedelta(days=30)
    world.integration.save()
    world.add_invoice("OLD", "10.00", invoice_date="-31")
    world.add_invoice("CREDIT", "-10.00")
    world.add_invoice("DRAFT", "10.00", state="entry")
    assert compare(world).ok


# --- bills ---------------------------------------------------------------------------------------


def test_an_invoice_that_was_not_sent_yet(world):
    world.add_invoice("INV-3", "12.34")
    difference = only(compare(world), Kind.MISSING_IN_TARGET)
    assert amounts(difference) == ("12.34", "0.00", "12.34")
    assert difference.document == "INV-3"
    assert "next sync" in difference.message


def test_a_held_invoice_says_why(world):
    Mapping.objects.filter(source="5020-01-00").delete()
    world.add_invoice("INV-3", "12.34", account="5020-01-00")
    world.sync()
    difference = only(compare(world), Kind.MISSING_IN_TARGET)
    assert "account_unmapped" in difference.message
    assert "5020-01-00" in difference.message


@pytest.mark.parametrize("vanish", [False, True])
def test_a_bill_whose_invoice_was_paid_in_the_ledger(world, vanish):
    world.sage.do_pay_in_sage("01", "ACME01", "INV-1", vanish=vanish)
    result = compare(world)
    difference = only(result, Kind.MISSING_IN_SOURCE)
    assert amounts(difference) == ("0.00", "100.00", "-100.00")
    assert (difference.document, difference.key) == ("INV-1", world.latest("INV-1").key)
    assert result.source_total - result.target_total == Decimal("-100.00")


def test_an_invoice_part_paid_in_the_ledger(world):
    world.sage.do_pay_in_sage("01", "ACME01", "INV-1", amount="0.01")
    difference = only(compare(world), Kind.AMOUNT)
    assert amounts(difference) == ("99.99", "100.00", "-0.01")


def test_a_bill_edited_in_the_cloud(world):
    set_amount(world, "INV-1", 120.5)
    difference = only(compare(world), Kind.AMOUNT)
    assert amounts(difference) == ("100.00", "120.50", "-20.50")


@pytest.mark.parametrize("hold", ["invoice", "vendor", "selection"])
def test_an_invoice_held_in_the_ledger(world, hold):
    if hold == "invoice":
        world.sage.do_hold_invoice(**VENDOR, invoice="INV-1")
    elif hold == "selection":
        world.sage.do_select_for_payment(**VENDOR, invoice="INV-1")
    else:
        world.sage.do_hold_vendor(**VENDOR)
    result = compare(world)
    wanted = [Kind.ON_HOLD] * (2 if hold == "vendor" else 1)
    assert kinds(result) == wanted
    assert amounts(result.differences[0]) == ("0.00", "100.00", "-100.00")
    world.sync(full=True)  # archives the unpaid bills
    result = compare(world)
    assert result.ok, result.differences


def test_a_bill_archived_in_the_cloud(world):
    world.bill.do_archive(bill_id(world, "INV-1"))
    difference = only(compare(world), Kind.ARCHIVED)
    assert amounts(difference) == ("100.00", "0.00", "100.00")
    assert "by a person" in difference.message


def test_a_bill_that_is_gone_from_the_cloud(world):
    world.bill.bills.remove(bill_id(world, "INV-1"))
    difference = only(compare(world), Kind.MISSING_IN_TARGET)
    assert amounts(difference) == ("100.00", "0.00", "100.00")
    assert "no longer has the bill" in difference.message


def make_bill(world, number, amount, vendor_id=None, dated="2027-01-01"):
    classification = {"chartOfAccountId": next(iter(world.accounts.values()))}
    return world.bill.do_create_bill(
        vendorId=vendor_id or world.vendors()[0]["id"],
        dueDate="2027-01-31",
        invoice={"invoiceNumber": number, "invoiceDate": dated},
        billLineItems=[{"amount": amount, "classifications": classification}],
    )["id"]


def test_an_unpaid_bill_that_only_the_cloud_has(world):
    other = make_bill(world, "OTHER", 5)
    result = compare(world)
    difference = only(result, Kind.MISSING_IN_SOURCE)
    assert amounts(difference) == ("0.00", "5.00", "-5.00")
    assert (difference.document, difference.key) == ("OTHER", other)
    assert "only in BILL" in difference.message
    assert "5.00" in difference.message
    assert result.source_total - result.target_total == Decimal("-5.00")
    assert result.compared["unmatched_target_bills"] == 0


@pytest.mark.parametrize("case", ["archived", "paid", "other vendor", "before the start"])
def test_the_clouds_own_affairs_are_no_difference(world, case):
    start = datetime.now(UTC).date() - timedelta(days=30)
    world.integration.start_date = start
    world.integration.save()
    vendor = None
    if case == "other vendor":
        vendor = world.bill.do_create_vendor(name="Only There", accountType="BUSINESS")["id"]
    dated = start - timedelta(days=1) if case == "before the start" else start
    other = make_bill(world, "OTHER", 5, vendor, dated.isoformat())
    if case == "archived":
        world.bill.do_archive(other)
    if case == "paid":
        world.bill.do_record_outside([{"billId": other}])
    result = compare(world)
    assert result.ok, result.differences
    assert result.source_total == result.target_total == Decimal("350.50")
    assert result.compared["unmatched_target_bills"] == (case in ("paid", "before the start"))


@pytest.mark.parametrize("ours", [True, False])
def test_a_bill_that_cannot_be_read_is_a_difference_without_amounts(world, ours):
    broken = bill_id(world, "INV-1") if ours else make_bill(world, "OTHER", 5)
    table = world.bill.bills
    world.bill.change(table, world.bill.row(table, broken), amount="a lot")
    result = compare(world)
    difference = only(result, Kind.UNREADABLE)
    assert difference.document == ("INV-1" if ours else "OTHER")
    assert broken in difference.message
    assert amounts(difference) == ("", "", "")
    assert result.source_total == result.target_total == Decimal("250.50" if ours else "350.50")


def test_a_second_bill_with_the_number_of_ours(world):
    world.bill.duplicates_allowed = True
    twin = make_bill(world, "INV-1", 100)
    result = compare(world)
    difference = only(result, Kind.DUPLICATE)
    assert twin in difference.message
    assert difference.difference == "-100.00"
    assert result.source_total - result.target_total == Decimal("-100.00")


def test_a_bill_of_somebody_else_under_the_number_of_an_invoice_in_scope(world):
    make_bill(world, "INV-9", 90)
    world.add_invoice("INV-9", "99.00")
    world.sync()
    difference = only(compare(world), Kind.UNLINKED)
    assert amounts(difference) == ("99.00", "90.00", "9.00")
    assert "duplicate_document" in difference.message


def test_all_differences_of_bills_add_up_to_the_difference_of_the_totals(world):
    for number in range(3, 9):
        world.add_invoice(f"INV-{number}", f"{number}0.0{number}")
    assert world.sync().ok
    world.bill.do_archive(bill_id(world, "INV-5"))
    world.bill.duplicates_allowed = True
    make_bill(world, "INV-1", 7)
    make_bill(world, "OTHER", 5)
    world.sage.do_hold_invoice(**VENDOR, invoice="INV-2")
    world.sage.do_pay_in_sage("01", "ACME01", "INV-3")
    world.sage.do_pay_in_sage("01", "ACME01", "INV-4", amount="1.11")
    world.add_invoice("INV-10", "33.33")
    result = compare(world)
    assert kinds(result) == [
        Kind.AMOUNT,
        Kind.ARCHIVED,
        Kind.DUPLICATE,
        Kind.MISSING_IN_SOURCE,
        Kind.MISSING_IN_SOURCE,
        Kind.MISSING_IN_TARGET,
        Kind.ON_HOLD,
    ]
    total = sum(Decimal(each.difference) for each in result.differences)
    assert total == result.source_total - result.target_total


def test_an_open_item_that_cannot_be_read_is_one_difference(world):
    agent = {"X-API-Key": FULL_KEY, "X-Company-Code": "ABC"}
    answer = requests.get(f"{world.sage_url}/v1/ap-open-invoices", headers=agent, timeout=10).json()
    broken = next(row for row in answer["data"] if row["invoiceNo"] == "INV-1")
    broken["balance"] = "a lot"
    world.fault("sage", "status", path="ap-open-invoices", status=200, body=json.dumps(answer))
    result = compare(world)
    assert only(result, Kind.UNREADABLE).document == "INV-1"
    assert result.source_total == result.target_total == Decimal("250.50")


# --- payments ------------------------------------------------------------------------------------


def test_a_payment_that_the_ledger_does_not_know_yet(world):
    payment = world.pay("INV-1")
    result = compare(world)
    assert kinds(result) == [Kind.AMOUNT, Kind.PAYMENT_MISSING]
    missing = next(each for each in result.differences if each.kind == Kind.PAYMENT_MISSING)
    assert (missing.key, missing.document) == (payment, "INV-1")
    assert amounts(missing) == ("0.00", "100.00", "-100.00")
    amount = next(each for each in result.differences if each.kind == Kind.AMOUNT)
    assert payment in amount.message


def test_a_scheduled_payment_is_no_difference(world):
    world.bill.do_schedule([{"billId": bill_id(world, "INV-1")}])
    result = compare(world)
    assert result.ok, result.differences


def test_an_entry_that_a_person_deleted(world):
    payment = world.pay("INV-1")
    world.sync()
    world.sage.do_delete_entry(client_reference=f"bill:{payment}")
    result = compare(world)
    assert kinds(result) == [Kind.AMOUNT, Kind.PAYMENT_MISSING]


def test_a_payment_voided_before_posting(world):
    payment = world.pay("INV-1")
    world.sync()
    world.bill.do_void_payment(payment)
    difference = only(compare(world), Kind.PAYMENT_VOIDED)
    assert amounts(difference) == ("100.00", "0.00", "100.00")
    world.sync()
    assert compare(world).ok


def test_a_payment_voided_after_posting_until_a_person_says_it_is_settled(world):
    payment = world.pay("INV-1")
    world.sync()
    world.sage.do_post_all()
    world.sync()
    world.bill.do_void_payment(payment)
    result = compare(world)
    assert kinds(result) == [Kind.MISSING_IN_SOURCE, Kind.VOIDED_AFTER_POSTING]
    world.sync()
    mark_done_outside(world.deliveries("payments")[-1], reason="Reversed in Sage", actor="fiona")
    assert kinds(compare(world)) == [Kind.MISSING_IN_SOURCE]  # until the reversal is posted in the ledger, too


def test_a_payment_recorded_outside_is_no_payment_difference(world):
    world.bill.do_record_outside([{"billId": bill_id(world, "INV-1")}])
    result = compare(world)
    difference = only(result, Kind.AMOUNT)
    assert "outside" in difference.message
    world.integration.settings = {"record_outside_payments": True}
    world.integration.save()
    assert kinds(compare(world)) == [Kind.AMOUNT, Kind.PAYMENT_MISSING]


def test_a_payment_whose_amounts_differ_by_invoice(world):
    payment = world.pay("INV-1", "INV-2")
    world.sync()
    entry = next(each for each in world.sage.companies["ABC"].payments if each.client_reference == f"bill:{payment}")
    first, second = entry.applications
    entry.applications[:] = [
        replace(first, paid=first.paid - Decimal("0.01")),
        replace(second, paid=second.paid + Decimal("0.01")),
    ]
    result = compare(world)
    difference = next(each for each in result.differences if each.kind == Kind.PAYMENT_AMOUNT)
    assert "INV-1 99.99 in Sage 100, 100.00 in BILL" in difference.message
    assert "INV-2 250.51 in Sage 100, 250.50 in BILL" in difference.message


# --- vendors and accounts ------------------------------------------------------------------------


def test_a_renamed_vendor(world):
    world.bill.do_edit_vendor(world.vendors()[0]["id"], {"name": "Somebody Else"})
    difference = only(compare(world), Kind.VENDOR_NAME)
    assert (difference.source, difference.target) == ("Acme Building Supply", "Somebody Else")


def test_a_name_in_other_spelling_is_the_same(world):
    world.bill.do_edit_vendor(world.vendors()[0]["id"], {"name": "ACME  Building Supply."})
    assert compare(world).ok


def test_a_pair_that_people_mapped_may_have_two_names(world):
    world.bill.do_edit_vendor(world.vendors()[0]["id"], {"name": "Somebody Else"})
    row = world.map("vendors", "01-ACME01", world.vendors()[0]["id"])
    row.source_key, row.target_id = "01-ACME01", world.vendors()[0]["id"]
    row.save()
    assert compare(world).ok


def test_a_vendor_inactive_on_one_side(world):
    world.sage.do_change_vendor(**VENDOR, vendorStatus="I")
    difference = only(compare(world), Kind.VENDOR_INACTIVE)
    assert "Sage 100" in difference.message


def test_vendors_that_only_the_cloud_has_are_listed(world):
    row = world.bill.do_create_vendor(name="Only There", accountType="BUSINESS")
    result = compare(world)
    assert result.ok
    assert result.as_json()["unmatched"] == [{"kind": "vendor", "key": row["id"], "name": "Only There"}]
    assert result.compared["unmatched_target_vendors"] == 1


def test_a_linked_vendor_that_is_gone(world):
    Link.objects.filter(flow__name="vendors").update(target_id="00901UNKNOWNVENDOR00")
    result = compare(world)
    assert only(result, Kind.VENDOR_MISSING).key == "01-ACME01"
    assert result.compared["bills"] == 2  # found by their ids


def test_a_mapped_account_that_is_inactive_in_the_cloud(world):
    world.bill.do_archive_account(world.accounts["5020-01-00"])
    difference = only(compare(world), Kind.ACCOUNT_INACTIVE)
    assert difference.document == "5020-01-00"


def test_an_account_that_the_ledger_retired_is_no_difference(world):
    world.sage.do_set_account_status("5020-01-00", "inactive")
    assert compare(world).differences == []


def test_a_mapping_row_that_means_nothing(world):
    world.map("accounts", "9999-99-99", "none such")
    world.sync()
    difference = only(compare(world), Kind.MAPPING_UNRESOLVED)
    assert "9999-99-99" in difference.message


# --- trouble -------------------------------------------------------------------------------------


def test_an_unreachable_system_is_the_results_trouble(world):
    Connection.objects.filter(name="books").update(base_url="http://127.0.0.1:9")
    result = compare(world)
    assert result.exit_code == 3
    assert not result.ok
    assert result.trouble.connection == "books"
    assert result.as_json()["error"]["message"]


def test_refused_credentials_stop_unattended_runs(world):
    Connection.objects.filter(name="books").update(credentials={"api_key": "x" * 40})
    result = compare(world)
    assert (result.exit_code, result.trouble.connection) == (3, "books")
    assert Connection.objects.get(name="books").refused_at is not None
