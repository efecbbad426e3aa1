"""Both sides compared: vendors, accounts, and every approved bill against its invoice."""

from __future__ import annotations

import json
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import call_command

from audit.models import AuditEvent
from integrations import tasks
from integrations.models import Mapping
from integrations.reconcile import Kind, reconcile


@pytest.fixture
def synced(sage):
    """Two bills over 100.00 and 7.00 in a ready batch, every mapped account active: both sides are equal."""
    Mapping.objects.filter(target="6950-100").delete()
    sage.add_bill("INV-1", ("6200-100", 100))
    sage.add_bill("INV-2", ("6200-100", 7))
    assert sage.sync().ok
    return sage


def compared(sage):
    sage.integration.refresh_from_db()
    return reconcile(sage.integration, clock=sage.clock)


def the_difference(sage, kind, document="INV-1"):
    result = compared(sage)
    assert [(each.kind, each.document) for each in result.differences] == [(kind, document)], result.as_json()
    total = result.source_total - result.target_total
    assert total == Decimal(result.differences[0].difference or 0)
    return result.differences[0]


@pytest.mark.parametrize("posted", [False, True])
def test_equal_sides(synced, posted):
    if posted:
        synced.sage.do_post_batch(synced.batches()[0]["BatchNumber"])
    out = StringIO()
    call_command("reconcile", "acme/ap", "--json", stdout=out)
    data = json.loads(out.getvalue())
    assert data["ok"]
    assert data["totals"] == {
        "currency": "USD",
        "source": "107.00",
        "target": "107.00",
        "difference": "0.00",
        "in_transit": "0.00",
    }
    assert (data["compared"]["bills"], data["compared"]["vendors"], data["compared"]["accounts"]) == (2, 1, 4)


def test_a_bill_that_is_not_there_yet(synced):
    synced.add_bill("INV-3", ("6200-100", 5))
    difference = the_difference(synced, Kind.MISSING_IN_TARGET, "INV-3")
    assert "next sync" in difference.message


def test_an_entry_that_was_deleted(synced):
    synced.sage.do_open_batch(1)
    synced.sage.do_delete_entry(1, synced.entries()["INV-1"]["EntryNumber"])
    the_difference(synced, Kind.MISSING_IN_TARGET)


def test_an_entry_that_was_edited(synced):
    synced.sage.do_open_batch(1)
    line = {"LineNumber": 20, "DistributedAmount": 90}
    changes = {"DocumentTotalIncludingTax": 90, "InvoiceDetails": [line]}
    synced.sage.do_edit_entry(1, synced.entries()["INV-1"]["EntryNumber"], changes)
    difference = the_difference(synced, Kind.AMOUNT)
    assert (difference.source, difference.target, difference.difference) == ("100.00", "90.00", "10.00")
    assert "changed afterwards" in difference.message


def test_a_bill_that_was_denied_after_posting(synced):
    synced.sage.do_post_batch(1)
    bill = next(row["id"] for row in synced.bill.bills.rows.values() if row["invoice"]["invoiceNumber"] == "INV-1")
    synced.bill.do_approve_bill(bill, status="DENIED")
    synced.sync()
    the_difference(synced, Kind.MISSING_IN_SOURCE)


def test_an_entry_that_posting_refused(synced):
    synced.add_bill("INV-BAD", ("6300-100", 40))
    synced.sync()
    synced.sage.do_set_account("6300100", Status="Inactive")
    synced.sage.do_post_batch(2)
    synced.sync()
    synced.sage.do_set_account("6300100", Status="Active")
    the_difference(synced, Kind.REFUSED, "INV-BAD")


def test_an_invoice_that_nobody_linked(synced):
    synced.sage.do_add_invoice("BILL000001", "INV-3", [("6200100", "4.00")])
    synced.add_bill("INV-3", ("6200-100", 5))
    synced.sync()
    assert the_difference(synced, Kind.UNLINKED, "INV-3").difference == "1.00"


def test_paid_documents_that_left_the_history_are_no_difference(synced):
    synced.sage.do_post_batch(1)
    synced.sync()
    for number in ("INV-1", "INV-2"):
        synced.sage.do_pay("BILL000001", number)
    synced.sage.do_clear_history()
    assert compared(synced).ok
    synced.quiet()


def test_a_vendor_that_is_not_there_yet_and_one_that_was_renamed(synced):
    synced.add_vendor("Summit Electric")
    synced.sage.do_set_vendor("BILL000001", VendorName="Southwind")
    kinds = {each.kind: each for each in compared(synced).differences}
    assert kinds.keys() == {Kind.VENDOR_MISSING, Kind.VENDOR_NAME}
    assert kinds[Kind.VENDOR_MISSING].document == "Summit Electric"


def test_an_account_that_takes_no_postings_any_more(synced):
    synced.sage.do_set_account("6200200", Status="Inactive")
    assert [each.kind for each in compared(synced).differences] == [Kind.ACCOUNT_INACTIVE]


def test_a_rule_that_means_nothing(synced):
    category = synced.accounts["6200-100"]
    Mapping.objects.create(
        integration=synced.integration, table="categories", source=category, department="Salez", target="6200-100"
    )
    assert compared(synced).differences[0].kind == Kind.MAPPING_UNRESOLVED


def test_it_runs_daily_and_its_result_is_in_the_trail(synced, monkeypatch):
    rung = []
    monkeypatch.setattr(tasks, "async_task", lambda *arguments: rung.append(arguments))
    tasks.daily()
    assert rung == [("integrations.tasks.compare", synced.integration.pk)]
    answer = tasks.compare(synced.integration.pk)
    assert answer == (
        "Both sides are equal. Approved in BILL: 107.00 USD; entered in Sage 300: 107.00 USD; difference: 0.00 USD."
    )
    assert AuditEvent.objects.filter(event="reconciled", outcome="ok").exists()
