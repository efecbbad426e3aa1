"""Approved bills of BILL become invoices in batches of Sage 300."""

from __future__ import annotations

from decimal import Decimal

import pytest

from integrations.models import Link, State
from tests.builders import money, today


def test_an_approved_bill_and_its_vendor_reach_a_ready_batch(sage):
    sage.add_vendor("Northwind Paper Supply", email="ar@northwind.example")
    sage.add_bill("nw-88213 ", ("6200-100", "1180.40"), ("6260-100", 70), purchaseOrderNumber="PO-4471")

    result = sage.sync()

    assert result.ok, result.as_json()
    (vendor,) = sage.vendors().values()
    assert (vendor["VendorNumber"], vendor["VendorName"]) == ("BILL000001", "Northwind Paper Supply")
    assert (vendor["GroupCode"], vendor["City"], vendor["Email"]) == ("TRADE", "Albany", "ar@northwind.example")
    (batch,) = sage.batches()
    assert batch["BatchStatus"] == "ReadyToPost"
    (entry,) = batch["Invoices"]
    assert (entry["VendorNumber"], entry["DocumentNumber"]) == ("BILL000001", "NW-88213")
    assert (entry["PONumber"], entry["DocumentTotalIncludingTax"]) == ("PO-4471", Decimal("1250.40"))
    assert entry["DocumentDate"][:10] == entry["PostingDate"][:10] == today().isoformat()
    assert [(line["GLAccount"], money(line["DistributedAmount"])) for line in entry["InvoiceDetails"]] == [
        ("6200100", Decimal("1180.40")),
        ("6260100", Decimal("70.00")),
    ]
    assert (entry["UndistributedAmount"], entry["TaxTotal"]) == (0, 0)
    sage.quiet()


def test_many_bills_share_batches(sage):
    sage.set(batch_size=4)
    for number in range(10):
        sage.add_bill(f"INV-{number}")
    assert sage.sync().ok
    assert [len(batch["Invoices"]) for batch in sage.batches()] == [4, 4, 2]
    assert len({batch["Description"] for batch in sage.batches()}) == 3
    assert all(len(batch["Description"]) <= 60 for batch in sage.batches())


@pytest.mark.parametrize(
    ("mode", "status", "state"),
    [
        ("open", "Open", Link.State.ENTERED),
        ("ready", "ReadyToPost", Link.State.ENTERED),
        ("post", "Posted", Link.State.POSTED),
    ],
)
def test_batches_are_taken_as_far_as_the_setting_says(sage, mode, status, state):
    sage.set(post_mode=mode)
    bill = sage.add_bill("INV-1")
    assert sage.sync().ok
    assert [batch["BatchStatus"] for batch in sage.batches()] == [status]
    assert sage.link(bill).state == state
    sage.quiet()


def test_unapproved_bills_are_neither_sent_nor_held_and_paid_ones_go(sage):
    for status in ("UNASSIGNED", "ASSIGNED", "APPROVING", "DENIED"):
        sage.add_bill(f"INV-{status}", status=status)
    archived = sage.add_bill("INV-ARCHIVED")
    sage.bill.do_archive(archived)
    paid = sage.add_bill("INV-PAID")
    sage.bill.do_create_bank("First Cascade Bank", payables=True)
    sage.bill.do_pay([{"billId": paid}], disbursementType="ACH")

    result = sage.sync()

    assert result.ok
    assert not result.held
    assert list(sage.entries()) == ["INV-PAID"]


def test_a_bill_goes_once_it_is_approved(sage):
    bill = sage.add_bill("INV-1", status="ASSIGNED")
    sage.sync()
    sage.bill.do_approve_bill(bill)
    assert sage.sync().ok
    assert list(sage.entries()) == ["INV-1"]


def test_posting_is_followed_and_what_the_accountant_posted_is_left_alone(sage):
    bill = sage.add_bill("INV-1")
    sage.sync()
    sage.sage.do_post_batch(sage.batches()[0]["BatchNumber"])

    assert sage.sync().ok

    assert sage.link(bill).state == Link.State.POSTED
    sage.quiet()


def test_a_refused_entry_is_held_with_sages_words_and_the_rest_is_posted(sage):
    sage.set(post_mode="post")
    good, bad = sage.add_vendor("Good"), sage.add_vendor("Bad")
    sage.set(batch_size=50)
    sage.sync()
    first = sage.add_bill("INV-GOOD", vendor=good)
    second = sage.add_bill("INV-BAD", ("6300-100", 40), vendor=bad)
    sage.sync(flows=["accounts", "vendors"])
    sage.set(post_mode="open")
    sage.sync()
    sage.sage.do_set_account("6300100", Status="Inactive")
    sage.sage.do_post_batch(sage.batches()[0]["BatchNumber"])

    result = sage.sync()

    assert [row["document"] for row in result.held] == ["INV-BAD"]
    reason, message = sage.held("INV-BAD")
    assert reason == "rejected_by_target"
    assert "6300100" in message
    assert sage.link(first).state == Link.State.POSTED
    assert sage.link(second).state == Link.State.REFUSED
    assert list(sage.posted()) == ["INV-GOOD"]


def test_a_hold_ends_when_the_accountant_posts_the_error_batch(sage):
    second = refused(sage)
    batch = sage.entries()["INV-BAD"]["BatchNumber"]
    sage.sage.do_fix_errors(batch)
    sage.sage.do_post_batch(batch)
    assert sage.sync().ok
    assert sage.link(second).state == Link.State.POSTED
    sage.quiet()


def test_a_replay_posts_our_error_batch_and_enters_nothing_again(sage):
    second = refused(sage)
    sage.sage.do_fix_errors(sage.entries()["INV-BAD"]["BatchNumber"])
    numbers = [batch["BatchNumber"] for batch in sage.batches()]
    sage.set(post_mode="post")
    sage.replay("INV-BAD")

    assert sage.sync(read=False).ok

    assert [batch["BatchNumber"] for batch in sage.batches()] == numbers
    assert set(sage.posted()) == {"INV-BAD"}
    assert sage.link(second).state == Link.State.POSTED


def test_a_replay_that_changes_nothing_holds_again(sage):
    refused(sage)
    sage.set(post_mode="post")
    sage.replay("INV-BAD")
    assert not sage.sync(read=False).ok
    assert sage.held("INV-BAD")[0] == "rejected_by_target"
    assert len(sage.posted()) == 0


def refused(sage) -> str:
    """A bill whose entry posting threw out."""
    sage.set(post_mode="open")
    bill = sage.add_bill("INV-BAD", ("6300-100", 40))
    sage.sync()
    sage.sage.do_set_account("6300100", Status="Inactive")
    sage.sage.do_post_batch(sage.batches()[0]["BatchNumber"])
    sage.sync()
    assert sage.latest("INV-BAD").state == State.HELD
    return bill
