"""Sage 300's observed properties and Sage's own sample bodies against ours.

`CONTRACTS_DATA` names the directory that holds them under `sage300/`; they are not part of the product.
"""

from __future__ import annotations

import json
import os
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connectors.domain import Address, BatchOrder, BillDraft, DraftLine, NewVendorDraft, PostMode, VendorDraft
from connectors.sage300 import client, documents, mapper, posting
from connectors.transport import dump_json

SAMPLES = "vendor_sdk_samples"
ORDER = BatchOrder("TEST WEBAPI", PostMode.OPEN)
VENDOR = NewVendorDraft(
    VendorDraft(
        name="1401 Name",
        reference="00901",
        address=Address("12 Quarry Rd", "Ste 4", "Gate 2", "Spokane", "WA", "99201", "US"),
        phone="5095550100",
        email="ar@granite.example",
        currency="USD",
    ),
    division="",
    number="1401",
    terms="N30",
    group="INV",
    account="6200100",
)


def draft(number: str, amount: str = "80") -> BillDraft:
    """The document of Sage's samples: without its tax, which ours never has."""
    return BillDraft(
        vendor_id="1200",
        number=number,
        invoice_date=date(2020, 1, 21),
        due_date=date(2020, 2, 25),
        lines=(DraftLine("1300", Decimal(amount), "Inventory"),),
        purchase_order="PO-1",
        description="INVOICE DESCRIPTION1",
        posting_date=date(2020, 1, 21),
    )


def load(name: str) -> Any:
    folder = os.environ.get("CONTRACTS_DATA")
    if not folder:
        pytest.skip("CONTRACTS_DATA is not set")
    path = Path(folder) / "sage300" / name
    if not path.is_file():
        pytest.skip(f"{path} is missing")
    return json.loads(path.read_text(), parse_float=Decimal)


@pytest.fixture(scope="module")
def batch_fields() -> dict[str, frozenset[str]]:
    """Property names by path; the collections, which are not listed among them, are added."""
    observed = load("ap_invoice_batch.observed_fields.json")
    found = {path: set(names) for path, names in observed.items() if isinstance(names, dict)}
    for path in found:
        parent, dot, name = path.removesuffix("[]").rpartition(".")
        if path != "APInvoiceBatches":
            found[parent if dot else "APInvoiceBatches"].add(name)
    return {path: frozenset(names) for path, names in found.items()}


def assert_known(body: dict[str, Any], fields: dict[str, frozenset[str]], path: str = "APInvoiceBatches") -> None:
    assert body.keys() <= fields[path], path
    for name, value in body.items():
        if isinstance(value, list):
            inner = f"{name}[]" if path == "APInvoiceBatches" else f"{path}.{name}[]"
            for each in value:
                assert_known(each, fields, inner)


def sent(value: Any) -> Any:
    """As it travels: through our serialiser and back, order kept."""
    return json.loads(dump_json(value), parse_float=Decimal)


# --- every name is one that was observed ---------------------------------------------------------------


@pytest.mark.parametrize("tax", ["enter", "exempt"])
def test_every_property_of_a_batch_that_we_send_was_observed(batch_fields, tax):
    body = mapper.batch_body([draft("A"), draft("B", "-80")], BatchOrder("m", PostMode.OPEN, tax))
    assert_known(sent(body), batch_fields)


def test_every_property_of_a_change_that_we_send_was_observed(batch_fields):
    change = mapper.invoice_changes(draft("A"), "exempt", 1, (20, 40))
    assert_known({"BatchStatus": documents.READY, "Invoices": [sent(change)]}, batch_fields)


def test_every_property_of_a_batch_that_we_select_or_read_was_observed(batch_fields):
    assert set(documents.BATCH) <= batch_fields["APInvoiceBatches"]
    read = {
        *("EntryNumber", "VendorNumber", "DocumentNumber", "DocumentType", "DocumentTotalIncludingTax"),
        *("UndistributedAmount", "TaxTotal", "CurrencyCode", "DocumentDate", "DueDate", "ErrorBatch", "ErrorEntry"),
        *("EnteredBy", "InvoiceDetails"),
    }
    assert read <= batch_fields["Invoices[]"]
    row = Watched(BatchNumber=1, BatchStatus="Open", Invoices=[entry := Watched(DocumentType="Invoice")])
    documents.batch(row)
    assert row.asked <= batch_fields["APInvoiceBatches"]
    assert entry.asked == read


class Watched(dict[str, Any]):
    """A row that remembers which of its members were asked for."""

    def __init__(self, **members: Any) -> None:
        super().__init__(members)
        self.asked: set[str] = set()

    def get(self, name: str, default: Any = None) -> Any:
        self.asked.add(name)
        return super().get(name, default)


def test_every_property_of_a_vendor_that_we_send_or_select_was_observed():
    observed = load("ap_vendor.observed_fields.json")["APVendors"].keys()
    assert sent(mapper.vendor_body(VENDOR)).keys() <= observed
    changes = mapper.vendor_changes(VENDOR.vendor, {"name", "address", "phone", "email", "currency"})
    assert changes.keys() <= observed
    assert set(mapper.VENDOR) <= observed


def test_every_property_of_an_account_that_we_select_was_observed():
    observed = load("gl_account.observed_fields.json")
    assert set(mapper.ACCOUNT) <= {*observed["GLAccounts"], *observed["detail_collections"]}


def test_lengths_are_those_of_the_application_object_model():
    lengths = load("field_lengths.json")
    vendor = lengths["APVendors"]
    pairs = {
        "vendor.number": vendor["VendorNumber"],
        "vendor.name": vendor["VendorName"],
        "vendor.address": vendor["AddressLine1..4"],
        "vendor.city": vendor["City"],
        "vendor.state": vendor["StateProvince"],
        "vendor.postcode": vendor["ZipPostalCode"],
        "vendor.country": vendor["Country"],
        "vendor.phone": vendor["PhoneNumber"],
        "vendor.email": vendor["Email"],
        "bill.number": text_length(lengths["Invoices"]["DocumentNumber"]),
        "bill.purchase_order": text_length(lengths["Invoices"]["PONumber"]),
        "bill.description": text_length(lengths["Invoices"]["InvoiceDescription"]),
        "line.description": text_length(lengths["InvoiceDetails"]["DistributionDescription"]),
        "batch.marker": text_length(lengths["APInvoiceBatches"]["Description"]),
    }
    assert pairs == mapper.LIMITS


def text_length(kind: str) -> int:
    """`String*22 %-22C` -> 22"""
    return int(kind.removeprefix("String*").split()[0])


# --- Sage's own samples ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "number", "amount"), [("Invoice", "APINV109-01C", "80"), ("CreditNote", "APCN109-01C", "-80")]
)
def test_a_batch_holds_the_fields_of_sages_sample_in_its_order(name, number, amount):
    theirs = load(f"{SAMPLES}/AP_APInvoiceBatches_{name}.json")
    ours = sent(mapper.batch_body([draft(number, amount)], ORDER))
    assert ours["Description"] == theirs["Description"]
    (invoice,), (sample,) = ours["Invoices"], theirs["Invoices"]
    (line,), (sample_line,) = invoice["InvoiceDetails"], sample["InvoiceDetails"]
    # numbers that Sage gives, and the date that it sets, are not ours to say
    generated = {"BatchNumber", "EntryNumber", "LineNumber", "BatchDate", "BatchStatus"}
    assert theirs.keys() - generated == ours.keys()
    assert sample.keys() - generated <= invoice.keys()
    same = ("VendorNumber", "DocumentNumber", "DocumentType")
    assert {each: invoice[each] for each in same} == {each: sample[each] for each in same}
    for each in ("DocumentDate", "DueDate"):
        assert invoice[each][:10] == sample[each]
    assert line["DistributedAmount"] == sample_line["DistributedAmount"]
    assert line.keys() & sample_line.keys() == {"DistributedAmount"}  # ours name the account, theirs a code for it
    # theirs is 80 and the tax that Sage computes; ours is gross and says that nothing is to be computed
    assert (invoice["DocumentTotalIncludingTax"], invoice["TaxAmountControl"]) == (80, "Enter")
    # the vendor before what it brings, the document's date before the due date, the lines at the end
    assert next(iter(invoice)) == next(iter(set(sample) & {"VendorNumber"}))
    order = [each for each in invoice if each in ("VendorNumber", "DocumentDate", "DueDate", "InvoiceDetails")]
    assert order == [each for each in sample if each in order]


def test_a_vendor_holds_the_fields_of_sages_sample():
    theirs = load(f"{SAMPLES}/AP_APVendors.json")
    ours = sent(mapper.vendor_body(VENDOR))
    assert theirs.keys() - {"OnHold"} <= ours.keys()  # a new vendor is not on hold
    same = ("VendorNumber", "GroupCode", "VendorName")
    assert {each: ours[each] for each in same} == {each: theirs[each] for each in same}


def test_accounts_of_sages_samples_can_be_read():
    found = mapper.account(load(f"{SAMPLES}/GL_GLAccounts_Multicurrency.json"))
    assert (found.key, found.active) == ("9991", True)


# --- resources and verbs -----------------------------------------------------------------------------------


def test_every_resource_exists_and_takes_the_verbs_that_are_used():
    listed = {row["resource"]: row["verbs"] for row in rows_of(load("endpoints.json"))}
    used = {
        client.VENDORS: ("GET", "POST", "PATCH"),
        client.VENDOR_GROUPS: ("GET",),
        client.INVOICE_BATCHES: ("GET", "POST", "PATCH"),
        client.POST_INVOICES: ("POST",),
        client.POSTED_DOCUMENTS: ("GET",),
        client.POSTING_ERRORS: ("GET",),
        client.ACCOUNTS: ("GET",),
        client.FISCAL_CALENDARS: ("GET",),
    }
    for resource, verbs in used.items():
        assert set(verbs) <= set(listed[resource.partition("/")[2]]), resource
    assert posting.ONE_BATCH == "Donotpostallbatches"


def rows_of(data: Any) -> list[Any]:
    return data if isinstance(data, list) else next(each for each in data.values() if isinstance(each, list))
