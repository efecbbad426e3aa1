"""Answers that the sandbox never gives and a site may: the connector against canned ones."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from connectors.budget import MemoryStore
from connectors.clock import SystemClock
from connectors.domain import BatchOrder, BillDraft, DraftLine, EntryState, PostMode
from connectors.errors import BadAnswer, Duplicate, OutcomeUnknown, Rejected
from connectors.ports import ConnectionSpec, Host
from connectors.sage300.connector import Sage300
from tests.connectors.sage300.server import Answer, Asked, Server, error, page

DAY = date(2026, 11, 20)
DRAFT = BillDraft("V1", "INV-1", DAY, DAY, (DraftLine("6200100", Decimal("100.00")),), posting_date=DAY)
ENTRY = {
    "EntryNumber": 1,
    "VendorNumber": "V1",
    "DocumentNumber": "INV-1",
    "DocumentType": "Invoice",
    "DocumentTotalIncludingTax": 100,
    "UndistributedAmount": 0,
    "TaxTotal": 0,
    "CurrencyCode": "USD",
    "InvoiceDetails": [{"LineNumber": 20}],
}
BATCH = {"BatchNumber": 412, "Description": "m", "BatchStatus": "Open", "Invoices": [ENTRY]}
REFUSED = {"PostingSequenceNumber": 7, "ErrorSequenceNumber": 1, "BatchNumber": 412, "EntryNumber": 1}


def listed(*rows: dict[str, Any]) -> Answer:
    return page(*rows, count=len(rows))


class Site:
    """Batches by number, and canned answers by what the request is about."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.batches: dict[int, dict[str, Any]] = {412: BATCH}
        self.answers: dict[str, Answer] = {}
        self.posted: dict[int, dict[str, Any]] = {}  # what the posting process makes of the batches
        self.patched: list[Any] = []
        self.obeys = True
        server.reply = self.reply
        host = Host(SystemClock(), MemoryStore())
        spec = ConnectionSpec(
            key="k",
            name="sage",
            system="sage300",
            base_url=f"{server.url}/Sage300WebApi",
            settings={"company": "SAMINC"},
            credentials={"username": "MLCONN", "password": "Mixed-Case1"},
        )
        self.sage = Sage300(spec, host)

    def reply(self, asked: Asked) -> Answer:
        resource = asked.path.rpartition("/")[2]
        canned = self.answers.get(f"{asked.method} {resource}")
        if canned:
            return canned
        if asked.method == "PATCH":
            self.patched.append(json.loads(asked.body))
            if self.obeys:
                self.batches[412] = {**self.batches[412], **self.patched[-1]}
            return Answer(204)
        if "$process" in resource:
            self.batches |= self.posted
        if resource.startswith("APInvoiceBatches("):
            found = self.batches.get(int(resource[17:-1]))
            return Answer(200, found) if found else error(404, "RecordNotFound")
        if resource == "APInvoiceBatches":
            return listed(*self._matching(asked.options["$filter"]))
        return listed() if asked.method == "GET" else Answer(204)

    def _matching(self, filter: str) -> list[dict[str, Any]]:
        if filter.startswith("Description"):
            return [each for each in self.batches.values() if f"'{each['Description']}'" in filter]
        return [each for each in self.batches.values() if f"'{each['BatchStatus']}'" in filter]

    def stores(self, **batch: Any) -> None:
        self.answers["POST APInvoiceBatches"] = Answer(201, {**BATCH, **batch})

    def enter(self, post: PostMode = PostMode.OPEN) -> Any:
        (written,) = self.sage.enter_bills([DRAFT], BatchOrder("m", post))
        return written


@pytest.fixture
def site() -> Iterator[Site]:
    server = Server()
    found = Site(server)
    yield found
    found.sage.close()
    server.close()


def test_an_answer_without_entries_is_completed_by_reading(site):
    site.stores(Invoices=[])
    assert site.enter().id == "412/1"


@pytest.mark.parametrize("change", [{"BatchNumber": None}, {"BatchStatus": "Frozen"}, {"Invoices": "none"}])
def test_an_answer_that_does_not_say_what_was_stored_leaves_it_unknown(site, change):
    site.stores(**change)
    with pytest.raises(OutcomeUnknown):
        site.enter()


def test_a_number_that_was_cut_in_silence_is_taken_back(site):
    site.stores(Invoices=[{**ENTRY, "DocumentNumber": "INV"}])
    with pytest.raises(Rejected, match="another vendor or number"):
        site.enter()
    assert site.patched == [{"Invoices": [{"EntryNumber": 1, "UpdateOperation": "Delete"}]}]


def test_tax_that_sage_adds_is_taken_back(site):
    site.stores(Invoices=[{**ENTRY, "TaxTotal": 8.25, "UndistributedAmount": -8.25}])
    with pytest.raises(Rejected, match="added 8") as caught:
        site.enter(PostMode.POST)
    assert caught.value.reason == "amount_mismatch"
    assert not any("BatchStatus" in each for each in site.patched)


def test_a_duplicate_whose_document_cannot_be_found_stays_one(site):
    site.batches = {}
    site.answers["POST APInvoiceBatches"] = error(409, "FieldInvalid", "Document number 'INV-1' already exists.")
    with pytest.raises(Duplicate) as caught:
        site.enter()
    assert caught.value.ref == ""


def posts(site: Site, **batch: Any) -> None:
    """The site enters the batch, posts it, and holds it like this afterwards."""
    site.stores()
    site.posted[412] = {**BATCH, "BatchStatus": "Posted", "PostingSequenceNumber": 7, **batch}


def test_a_site_that_ignores_the_status_is_believed_when_read(site):
    site.stores()
    site.obeys = False
    details = site.enter(PostMode.POST).details
    assert (details["state"], details["warnings"]) == ("open", "Sage 300 took the order but left batch 412 open.")


def test_the_template_is_echoed_where_it_tells_more(site):
    posts(site)
    site.answers["POST APPostInvoices('$template')"] = Answer(200, {"ActionSelector": 0, "Other": "x"})
    assert site.enter(PostMode.POST).details["state"] == "posted"
    (sent,) = [json.loads(each.body) for each in site.server.asked if "$process" in each.path]
    assert sent == {"ProcessAllBatches": "Donotpostallbatches", "FromBatch": 412, "ToBatch": 412, "ActionSelector": 0}


def test_a_site_without_a_template_is_posted_to_all_the_same(site):
    posts(site)
    site.answers["POST APPostInvoices('$template')"] = error(405, "MethodNotAllowed")
    assert site.enter(PostMode.POST).details["state"] == "posted"


@pytest.mark.parametrize("left", [True, False])
def test_what_was_thrown_out_is_known_by_its_document_where_nothing_points_back(site, left):
    """Another description, no ErrorBatch, and the origin lists its entries still, or none any more."""
    posts(site, NumberOfErrors=1, Invoices=[ENTRY] if left else [])
    site.batches[413] = {**BATCH, "BatchNumber": 413, "Description": "Errors"}
    site.answers["GET APPostingErrorMessages"] = listed({**REFUSED, "Message": "Fiscal period 11 is closed "})
    written = site.enter(PostMode.POST)
    assert (written.id, written.details["state"]) == ("413/1", "refused")
    assert written.details["refused"] == "Fiscal period 11 is closed."
    assert written.details["reason"] == "period_closed"


@pytest.mark.parametrize("answer", [error(400, "InvalidParameters"), listed({"Sequence": 1}), Answer(502, "<html>")])
def test_reasons_that_cannot_be_read_do_not_hide_the_refusal(site, answer, monkeypatch):
    monkeypatch.setattr("connectors.sage300.client.TRIES", 1)
    posts(site, NumberOfErrors=1)
    site.batches[413] = {**BATCH, "BatchNumber": 413, "Invoices": [{**ENTRY, "ErrorBatch": 412, "ErrorEntry": 1}]}
    site.answers["GET APPostingErrorMessages"] = answer
    written = site.enter(PostMode.POST)
    assert (written.details["state"], written.details["reason"]) == ("refused", "rejected_by_target")
    assert "error report" in written.details["refused"]


def test_an_entry_is_followed_through_two_batches_of_errors(site):
    site.batches[412] = {**BATCH, "BatchStatus": "Posted", "NumberOfErrors": 1, "Invoices": []}
    middle = {**ENTRY, "ErrorBatch": 412, "ErrorEntry": 1}
    last = {**ENTRY, "ErrorBatch": 413, "ErrorEntry": 1}
    site.batches[413] = {
        **BATCH,
        "BatchNumber": 413,
        "BatchStatus": "Posted",
        "NumberOfErrors": 1,
        "Invoices": [middle],
    }
    site.batches[414] = {**BATCH, "BatchNumber": 414, "Invoices": [last]}
    (found,) = site.sage.get_ledger_bills(["412/1"]).values()
    assert (found.id, found.state) == ("414/1", EntryState.REFUSED)


def test_a_posted_document_that_tells_no_amount_is_no_answer(site):
    site.answers["GET APPostedDocuments"] = listed({"VendorNumber": "V1", "DocumentNumber": "INV-1"})
    with pytest.raises(BadAnswer, match="VendorCurrencyInvoiceAmount"):
        site.sage.find_ledger_bills([("V1", "INV-1")])


def test_a_posted_document_of_no_batch_is_followed_by_its_own_name(site):
    row = {"VendorNumber": "V1", "DocumentNumber": "INV/1", "VendorCurrencyInvoiceAmount": 5, "DocumentType": "Invoice"}
    site.answers["GET APPostedDocuments"] = listed(row)
    ((found,),) = site.sage.find_ledger_bills([("V1", "INV/1")]).values()
    assert found.id == "posted:V1/INV%2F1"
    assert site.sage.get_ledger_bills([found.id])[found.id].total == 5
    order = BatchOrder("m", PostMode.POST)
    assert site.sage.advance([found.id], order)[found.id].details["state"] == "posted"
    with pytest.raises(Rejected) as caught:
        site.sage.remove_bill(found.id)
    assert caught.value.code == "bill_posted"


def test_a_vendor_or_account_that_cannot_be_understood_stops_nobody_else(site):
    vendors = listed(
        {"VendorNumber": "V1", "Status": "?", "VendorName": "X"}, {"VendorNumber": "V2", "Status": "Active"}
    )
    site.answers["GET APVendors"] = vendors
    (found,) = site.sage.read_vendors(None)
    assert [each.key for each in found.bad] == ["V1", "V2"]
    with pytest.raises(BadAnswer, match="V1"):
        site.sage.find_vendors([], datetime.now(UTC))
    site.answers["GET GLAccounts"] = listed({"UnformattedAccount": "1", "Status": 5}, {"UnformattedAccount": "2"})
    (accounts,) = site.sage.read_accounts(None)
    assert ([each.key for each in accounts.records], [each.key for each in accounts.bad]) == (["2"], ["1"])


def test_a_calendar_with_other_names_closes_no_day(site):
    site.answers["GET CSFiscalCalendars"] = listed({"FiscalYear": "2026", "Period1": "Open"})
    assert site.sage.first_open_day(DAY) == DAY
