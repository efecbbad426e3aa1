"""Bills that change in BILL, and invoices that change in Sage 300, after they were entered."""

from __future__ import annotations

from decimal import Decimal

import pytest

from integrations.models import Link


@pytest.fixture
def entered(sage):
    """A bill in a ready batch, and another beside it."""
    bill = sage.add_bill("INV-1", ("6200-100", 100))
    sage.add_bill("INV-2", ("6200-100", 7))
    assert sage.sync().ok
    return bill


def total(sage, number):
    return sage.entries()[number]["DocumentTotalIncludingTax"]


@pytest.mark.parametrize("mode", ["open", "ready"])
def test_an_edited_bill_is_edited_in_its_batch(sage, mode):
    sage.set(post_mode=mode)
    bill = sage.add_bill("INV-1", ("6200-100", 100))
    sage.sync()
    sage.edit_bill(bill, ("6200-100", 60), ("6260-100", "12.34"))

    assert sage.sync().ok

    (batch,) = sage.batches()
    assert batch["BatchStatus"] == {"open": "Open", "ready": "ReadyToPost"}[mode]
    assert total(sage, "INV-1") == Decimal("72.34")
    assert len(batch["Invoices"][0]["InvoiceDetails"]) == 2
    sage.quiet()


@pytest.mark.parametrize("how", ["denied", "archived", "sent back"])
def test_a_bill_no_longer_wanted_is_taken_out_of_its_batch(sage, entered, how):
    if how == "archived":
        sage.bill.do_archive(entered)
    else:
        sage.bill.do_approve_bill(entered, status={"denied": "DENIED", "sent back": "ASSIGNED"}[how])

    assert sage.sync().ok

    assert list(sage.entries()) == ["INV-2"]
    assert sage.link(entered).state == Link.State.VOIDED
    sage.quiet()


def test_a_bill_that_was_taken_out_and_approved_again_is_entered_again(sage, entered):
    sage.bill.do_approve_bill(entered, status="DENIED")
    sage.sync()
    sage.bill.do_approve_bill(entered)
    assert sage.sync().ok
    assert set(sage.entries()) == {"INV-1", "INV-2"}
    assert sage.link(entered).state == Link.State.ENTERED
    sage.quiet()


@pytest.mark.parametrize("change", ["edited", "denied", "archived"])
def test_a_posted_one_is_held(sage, entered, change):
    sage.sage.do_post_batch(sage.batches()[0]["BatchNumber"])
    if change == "edited":
        sage.edit_bill(entered, ("6200-100", 60))
    elif change == "denied":
        sage.bill.do_approve_bill(entered, status="DENIED")
    else:
        sage.bill.do_archive(entered)

    result = sage.sync()

    assert [(row["document"], row["reason"]) for row in result.held] == [("INV-1", "changed_after_delivery")]
    assert "posted in Sage 300" in sage.held("INV-1")[1]
    sage.quiet()


def test_a_posted_one_is_held_as_changed_even_if_the_change_could_not_be_coded(sage, entered):
    sage.sage.do_post_batch(sage.batches()[0]["BatchNumber"])
    nobody = sage.bill.do_create_account("Unmapped")["id"]
    line = {"amount": 60, "classifications": {"chartOfAccountId": nobody}}
    sage.edit_bill(entered, billLineItems=[line])

    result = sage.sync()

    assert [(row["document"], row["reason"]) for row in result.held] == [("INV-1", "changed_after_delivery")]


def test_a_change_that_is_taken_back_ends_the_hold(sage, entered):
    sage.sage.do_post_batch(sage.batches()[0]["BatchNumber"])
    sage.bill.do_approve_bill(entered, status="DENIED")
    sage.sync()
    sage.bill.do_approve_bill(entered)
    assert sage.sync().ok


def test_what_is_paid_in_bill_is_nothing_to_sage(sage, entered):
    sage.bill.do_create_bank("First Cascade Bank", payables=True)
    sage.bill.do_pay([{"billId": entered}], disbursementType="ACH")
    before = len(sage.deliveries())
    assert sage.sync().ok
    assert len(sage.deliveries()) == before


def test_an_entry_edited_on_both_sides_waits_for_a_person(sage, entered):
    batch = sage.batches()[0]["BatchNumber"]
    sage.sage.do_open_batch(batch)
    line = {"LineNumber": 20, "DistributedAmount": 90}
    changes = {"DocumentTotalIncludingTax": 90, "InvoiceDetails": [line]}
    sage.sage.do_edit_entry(batch, sage.entries()["INV-1"]["EntryNumber"], changes)
    sage.edit_bill(entered, ("6200-100", 60))
    sage.sync()
    assert sage.held("INV-1")[0] == "changed_after_delivery"
    assert total(sage, "INV-1") == 90

    sage.replay("INV-1")

    assert sage.sync(read=False).ok
    assert total(sage, "INV-1") == 60


def test_a_deleted_entry_is_held_and_a_replay_enters_it_again(sage, entered):
    batch = sage.batches()[0]["BatchNumber"]
    sage.sage.do_open_batch(batch)
    sage.sage.do_delete_entry(batch, sage.entries()["INV-1"]["EntryNumber"])
    sage.sync()
    assert sage.held("INV-1")[0] == "changed_after_delivery"
    assert sage.link(entered).state == Link.State.MISSING
    sage.sync(full=True)
    assert list(sage.entries()) == ["INV-2"]

    sage.replay("INV-1")

    assert sage.sync(read=False).ok
    assert set(sage.entries()) == {"INV-1", "INV-2"}


def test_a_refused_entry_that_is_edited_in_bill_is_corrected_in_its_error_batch(sage):
    sage.set(post_mode="open")
    bill = sage.add_bill("INV-1", ("6300-100", 40))
    sage.sync()
    sage.sage.do_set_account("6300100", Status="Inactive")
    sage.sage.do_post_batch(sage.batches()[0]["BatchNumber"])
    sage.sync()
    sage.set(post_mode="ready")
    sage.edit_bill(bill, ("6200-100", 40))

    assert sage.sync().ok

    entry = sage.entries()["INV-1"]
    assert [line["GLAccount"] for line in entry["InvoiceDetails"]] == ["6200100"]
    assert entry["status"] == "ReadyToPost"
    sage.sage.do_post_batch(entry["BatchNumber"])
    assert sage.sync().ok
    assert sage.link(bill).state == Link.State.POSTED


def test_a_lock_on_the_batch_is_waited_for(sage, entered):
    batch = sage.batches()[0]["BatchNumber"]
    sage.edit_bill(entered, ("6200-100", 60))
    sage.sage.do_lock_batch(batch)
    sage.sync()
    assert total(sage, "INV-1") == 100
    sage.sage.do_unlock_batch(batch)
    assert sage.sync().ok
    assert total(sage, "INV-1") == 60
