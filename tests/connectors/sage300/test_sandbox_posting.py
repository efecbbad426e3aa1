"""Posting (docs: sage300 15.23, 7.6), over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.connectors.sage300.caller import THIS_YEAR, Caller, invoice, refusal, serving

NEXT_YEAR = THIS_YEAR + 1


@pytest.fixture
def sage() -> Iterator[Caller]:
    with serving() as caller:
        caller.vendor()
        yield caller


def status(sage: Caller, number: int) -> tuple[str, int]:
    row = sage.get(f"AP/APInvoiceBatches({number})", select="BatchStatus,NumberOfErrors").json()
    return row["BatchStatus"], row["NumberOfErrors"]


def test_23_a_ready_batch_becomes_posted_documents(sage: Caller) -> None:
    number = sage.batch(invoice("A", PONumber="PO-1"), invoice("B"), BatchStatus="ReadyToPost")
    answer = sage.process(number)
    assert (answer.status_code, answer.content) == (204, b"")
    assert status(sage, number) == ("Posted", 0)
    document = sage.get("AP/APPostedDocuments(VendorNumber='V1',DocumentNumber='A')").json()
    facts = {"BatchNumber": number, "EntryNumber": 1, "DocumentType": "Invoice", "FullyPaid": "No", "PONumber": "PO-1"}
    assert {name: document[name] for name in facts} == facts
    assert (document["VendorCurrencyInvoiceAmount"], document["VendorCurrencyAmountDue"]) == (100, 100)
    assert sage.get("AP/APVendors('V1')").json()["BalanceDueInVendorCurrency"] == 200
    assert sage.rows("AP/APPostingErrorMessages") == []


def test_23_batches_that_are_not_ready_are_skipped_without_a_word(sage: Caller) -> None:
    first, second = sage.batch(invoice("A")), sage.batch(invoice("B"), BatchStatus="ReadyToPost")
    third = sage.batch(invoice("C"), BatchStatus="ReadyToPost")
    sage.act("lock_batch", batch=third)
    assert sage.process(first, third).status_code == 204
    assert [status(sage, each)[0] for each in (first, second, third)] == ["Open", "Posted", "ReadyToPost"]
    assert sage.process(77).status_code == 204


@pytest.mark.parametrize("missing", ["ProcessAllBatches", "FromBatch", "ToBatch"])
def test_23_the_range_and_the_switch_are_needed(sage: Caller, missing: str) -> None:
    body = {"ProcessAllBatches": "Donotpostallbatches", "FromBatch": 1, "ToBatch": 1}
    del body[missing]
    assert refusal(sage.post("AP/APPostInvoices('$process')", body)) == (409, "FieldInvalid")


def test_23_the_template_can_be_sent_back(sage: Caller) -> None:
    number = sage.batch(invoice(), BatchStatus="ReadyToPost")
    template = sage.post("AP/APPostInvoices('$template')", {}).json()
    body = {name: value for name, value in template.items() if not name.startswith("@")}
    assert sage.post("AP/APPostInvoices('$process')", {**body, "FromBatch": number, "ToBatch": number}).ok
    assert status(sage, number) == ("Posted", 0)


def test_23_posting_everything_shows_in_the_statistics(sage: Caller) -> None:
    sage.act("add_invoice", vendor="V1", document="HAND", lines=[["6200100", 5]], status="ReadyToPost")
    own = sage.batch(invoice(), BatchStatus="ReadyToPost")
    sage.process(own)
    stats = sage.control("stats")
    assert (stats["post_all"], stats["posted_foreign"], stats["posted"]) == (0, 0, 1)
    sage.process(own, ProcessAllBatches="Postallbatches")
    stats = sage.control("stats")
    assert (stats["post_all"], stats["posted_foreign"], stats["posted"]) == (1, 1, 2)


@pytest.mark.parametrize("key", ["('$post')", "(1)", "", "('x')"])
def test_23_other_actions_are_invalid(sage: Caller, key: str) -> None:
    assert refusal(sage.post(f"AP/APPostInvoices{key}", {})) == (400, "InvalidAction")
    assert refusal(sage.post("AP/APVendors('V9')", {})) == (400, "InvalidAction")


def test_23_unknown_properties_of_a_process_are_refused(sage: Caller) -> None:
    assert refusal(sage.process(1, PostBatchFrom=1)) == (400, "InvalidPayload")
    assert refusal(sage.process(1, ProcessAllBatches="No")) == (400, "InvalidPayload")


def spoil(sage: Caller, how: str) -> dict[str, Any]:
    """An entry that was accepted and cannot be posted any more."""
    if how == "unbalanced":
        return invoice("BAD", DocumentTotalIncludingTax=99)
    if how == "period":
        return invoice("BAD", PostingDate=f"{NEXT_YEAR}-02-10")
    if how == "account":
        return invoice("BAD", InvoiceDetails=[{"GLAccount": "6600100", "DistributedAmount": 100}])
    if how == "lines":
        return invoice("BAD", amount=0, InvoiceDetails=[])
    sage.vendor("V2")
    return invoice("BAD", vendor="V2")


@pytest.mark.parametrize("how", ["unbalanced", "period", "account", "vendor", "lines"])
def test_23_entries_with_errors_move_to_a_new_open_batch(sage: Caller, how: str) -> None:
    number = sage.batch(invoice("A"), spoil(sage, how), invoice("C"), Description="ML 7f3c")
    sage.ready(number)
    if how == "period":
        sage.act("close_period", year=NEXT_YEAR, period=2)
    elif how == "account":
        sage.act("set_account", account="6600100", Status="Inactive")
    elif how == "vendor":
        sage.act("set_vendor", vendor="V2", Status="Inactive")
    assert sage.process(number).ok
    batch = sage.read(number)
    assert (batch["BatchStatus"], batch["NumberOfErrors"], batch["NumberOfEntries"]) == ("Posted", 1, 2)
    errors = sage.rows("AP/APPostingErrorMessages", filter=f"PostingSequenceNumber eq {batch['PostingSequenceNumber']}")
    assert [(each["BatchNumber"], each["EntryNumber"], each["DocumentNumber"]) for each in errors] == [
        (number, 2, "BAD")
    ]
    assert errors[0]["Message"]
    moved = sage.read(number + 1)
    assert (moved["BatchStatus"], moved["Description"]) == ("Open", "ML 7f3c")
    entry = moved["Invoices"][0]
    assert (entry["ErrorBatch"], entry["ErrorEntry"], entry["EntryNumber"]) == (number, 2, 1)
    assert (entry["BatchNumber"], entry["InvoicePaymentSchedules"][0]["BatchNumber"]) == (number + 1, number + 1)
    assert {each["DocumentNumber"] for each in sage.rows("AP/APPostedDocuments")} == {"A", "C"}
    assert refusal(sage.post("AP/APInvoiceBatches", {"Invoices": [entry_again(entry)]})) == (409, "FieldInvalid")


def entry_again(entry: dict[str, Any]) -> dict[str, Any]:
    return invoice(entry["DocumentNumber"], vendor="V1" if entry["VendorNumber"] == "V2" else entry["VendorNumber"]) | {
        "VendorNumber": entry["VendorNumber"]
    }


@pytest.mark.parametrize("how", ["unbalanced", "period", "account", "vendor"])
def test_a_person_repairs_the_error_batch_and_posts_it(sage: Caller, how: str) -> None:
    number = sage.batch(spoil(sage, how))
    sage.act("close_period", year=NEXT_YEAR, period=2)
    sage.act("set_account", account="6600100", PostToAccount="Prohibited")
    if how == "vendor":
        sage.act("set_vendor", vendor="V2", Status="Inactive")
    assert sage.act("post_batch", batch=number)["errors"] == 1
    sage.act("fix_errors", batch=number + 1)
    assert sage.act("post_batch", batch=number + 1)["errors"] == 0
    assert sage.rows("AP/APPostedDocuments")[0]["DocumentNumber"] == "BAD"


def test_a_site_that_forces_listing_does_not_post_what_is_not_printed() -> None:
    with serving(force_listing=True) as sage:
        sage.vendor()
        number = sage.batch(invoice(), BatchStatus="ReadyToPost")
        assert refusal(sage.process(number)) == (409, "General")
        assert status(sage, number) == ("ReadyToPost", 0)
        sage.act("print_batch", batch=number)
        assert sage.process(number).ok
        assert status(sage, number) == ("Posted", 0)


def test_posting_may_take_its_time() -> None:
    with serving(posting_seconds=90) as sage:
        sage.vendor()
        number = sage.batch(invoice(), BatchStatus="ReadyToPost")
        assert sage.process(number).ok
        assert status(sage, number) == ("PostInProgress", 0)
        assert refusal(sage.patch(f"AP/APInvoiceBatches({number})", {"Description": "x"})) == (409, "General")
        sage.control("clock", {"advance": 91})
        assert status(sage, number) == ("Posted", 0)
        assert len(sage.rows("AP/APPostedDocuments")) == 1


def test_cleared_history_forgets_paid_documents_and_posted_batches(sage: Caller) -> None:
    number = sage.batch(invoice("A"), invoice("B"))
    sage.act("post_batch", batch=number)
    sage.act("pay", vendor="V1", document="A")
    assert sage.get("AP/APPostedDocuments('V1','A')").json()["FullyPaid"] == "Yes"
    assert sage.act("clear_history")["documents"] == 1
    assert [each["DocumentNumber"] for each in sage.rows("AP/APPostedDocuments")] == ["B"]
    assert refusal(sage.get(f"AP/APInvoiceBatches({number})")) == (404, "RecordNotFound")
    assert sage.batch(invoice("A")) == number + 1


def test_processes_without_work_say_so(sage: Caller) -> None:
    assert refusal(sage.post("AP/APCreateGLBatch('$process')", {})) == (409, "General")
    assert refusal(sage.post("GL/GLPostJournal('$process')", {})) == (409, "General")
