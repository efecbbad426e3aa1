"""Bodies in the order that Sage applies, lengths, and records out of rows."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from connectors.domain import Address, BillDraft, DraftLine, EntryState, NewVendorDraft, VendorDraft, VendorStatus
from connectors.sage300 import documents, mapper

DRAFT = BillDraft(
    vendor_id="BILL000417",
    number=" nw-88213",
    invoice_date=date(2026, 11, 18),
    due_date=date(2026, 12, 18),
    lines=(
        DraftLine("6200100", Decimal("1180.40"), "Copy paper"),
        DraftLine("6260100", Decimal("70.00"), "Freight"),
    ),
    purchase_order="PO-4471",
    description="Copy paper,\nNovember",
    posting_date=date(2026, 11, 20),
    currency="USD",
)
ROW = {
    "UnformattedAccount": "6200100",
    "AccountNumber": "6200-100  ",
    "Description": "Office supplies",
    "AccountType": "IncomeStatement",
    "Status": "Active",
    "PostToAccount": "Detail",
    "ControlAccount": "No",
    "RollupSwitch": "No",
    "ControlAccountSubledgers": [],
}
VENDOR = {
    "VendorNumber": "1200      ",
    "Status": "Active",
    "OnHold": "NotOnHold",
    "VendorName": "Granite Supply Co",
    "AddressLine1": "12 Quarry Rd",
    "City": "Spokane",
    "Country": "Canada",
    "PhoneNumber": None,
    "CurrencyCode": "CAD",
    "DateLastMaintained": "2026-11-20T00:00:00Z",
}


# --- invoices ---------------------------------------------------------------------------------------


def test_an_entry_says_things_in_the_order_in_which_they_take_effect():
    body = mapper.invoice_body(DRAFT, "enter")
    assert list(body.items()) == [
        ("VendorNumber", "BILL000417"),
        ("DocumentType", "Invoice"),
        ("DocumentNumber", "NW-88213"),
        ("DocumentDate", "2026-11-18T00:00:00Z"),
        ("PostingDate", "2026-11-20T00:00:00Z"),
        ("DueDate", "2026-12-18T00:00:00Z"),
        ("PONumber", "PO-4471"),
        ("InvoiceDescription", "Copy paper, November"),
        ("TaxAmountControl", "Enter"),
        ("DocumentTotalIncludingTax", Decimal("1250.40")),
        ("InvoiceDetails", body["InvoiceDetails"]),
    ]
    assert [list(line.items()) for line in body["InvoiceDetails"]] == [
        [
            ("GLAccount", "6200100"),
            ("DistributionDescription", "Copy paper"),
            ("DistributedAmount", Decimal("1180.40")),
        ],
        [("GLAccount", "6260100"), ("DistributionDescription", "Freight"), ("DistributedAmount", Decimal("70.00"))],
    ]


def test_what_the_bill_does_not_say_is_left_to_sage():
    body = mapper.invoice_body(replace(DRAFT, posting_date=None, purchase_order=" "), "enter")
    assert not {"PostingDate", "PONumber", "TaxGroup", "Terms", "CurrencyCode"} & body.keys()


def test_a_negative_total_is_a_credit_note():
    credit = replace(DRAFT, lines=(DraftLine("1", Decimal("-80.00")), DraftLine("2", Decimal("30.00"))))
    body = mapper.invoice_body(credit, "enter")
    assert (body["DocumentType"], body["DocumentTotalIncludingTax"]) == ("CreditNote", Decimal("50.00"))
    assert [line["DistributedAmount"] for line in body["InvoiceDetails"]] == [Decimal("80.00"), Decimal("-30.00")]


def test_exempt_classes_stand_in_header_and_lines():
    body = mapper.invoice_body(DRAFT, "exempt")
    assert (body["TaxClass1"], body["TaxAmountControl"]) == (mapper.EXEMPT_CLASS, "Enter")
    assert {(line["TaxClass1"], line["TaxAmount1"]) for line in body["InvoiceDetails"]} == {(mapper.EXEMPT_CLASS, 0)}


def test_descriptions_are_cut_and_numbers_are_not():
    long = replace(DRAFT, description="d" * 61, lines=(DraftLine("1", Decimal("1.00"), "l" * 61),))
    body = mapper.invoice_body(long, "enter")
    assert (body["InvoiceDescription"], body["InvoiceDetails"][0]["DistributionDescription"]) == ("d" * 60, "l" * 60)
    for name, change in [
        ("DocumentNumber", {"number": "N" * 23}),
        ("PONumber", {"purchase_order": "P" * 23}),
        ("VendorNumber", {"vendor_id": "V" * 13}),
        ("GLAccount", {"lines": (DraftLine("", Decimal("1.00")),)}),
    ]:
        with pytest.raises(ValueError, match=name):
            mapper.invoice_body(replace(DRAFT, **change), "enter")
    with pytest.raises(ValueError, match="three decimals"):
        mapper.invoice_body(replace(DRAFT, lines=(DraftLine("1", Decimal("1.0005")),)), "enter")


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ((20, 40), [(20, "Update"), (40, "Update")]),
        ((20,), [(20, "Update"), (None, "Insert")]),
        ((20, 40, 60), [(20, "Update"), (40, "Update"), (60, "Delete")]),
        ((), [(None, "Insert"), (None, "Insert")]),
    ],
)
def test_a_change_says_what_becomes_of_every_line(lines, expected):
    body = mapper.invoice_changes(DRAFT, "enter", 3, lines)
    assert (body["EntryNumber"], body["UpdateOperation"]) == (3, "Update")
    assert [(line.get("LineNumber"), line["UpdateOperation"]) for line in body["InvoiceDetails"]] == expected


# --- vendors ----------------------------------------------------------------------------------------


def test_a_new_vendor_names_its_group_before_what_the_group_would_replace():
    details = VendorDraft("Northwind Paper", "00901", Address("40 Mill Road", city="Albany", country="US"))
    body = mapper.vendor_body(NewVendorDraft(details, "", "bill000417", "N30", "TRADE", "6400100"))
    assert list(body)[:2] == ["VendorNumber", "GroupCode"]
    assert list(body).index("Terms") > list(body).index("GroupCode")
    assert list(body)[-2:] == ["DistributionType", "GLAccount"]
    assert (body["VendorNumber"], body["ShortName"], body["Country"]) == ("BILL000417", "NORTHWIND", "USA")
    assert "Email" not in body
    with pytest.raises(ValueError, match="VendorNumber"):
        mapper.vendor_body(NewVendorDraft(details, "", "X" * 13, "", "TRADE"))


def test_names_and_addresses_are_cut_but_no_half_email_is_written():
    draft = VendorDraft(
        "n" * 70, "", Address("a" * 70, city="c" * 40, postcode="1" * 21), email=f"{'e' * 50}@x.example"
    )
    body = mapper.vendor_body(NewVendorDraft(draft, "", "V1", "", "TRADE"))
    assert (len(body["VendorName"]), len(body["AddressLine1"]), len(body["City"])) == (60, 60, 30)
    assert not {"Email", "ZipPostalCode"} & body.keys()


def test_changes_hold_what_changed_and_empty_what_is_empty():
    draft = VendorDraft("New name", "ref", Address("Line 1"), phone="", email="a@b.example", currency="EUR")
    assert mapper.vendor_changes(draft, {"name", "reference", "currency"}) == {"VendorName": "New name"}
    assert mapper.vendor_changes(draft, {"phone", "email"}) == {"Email": "a@b.example", "PhoneNumber": ""}
    address = mapper.vendor_changes(draft, {"address"})
    assert (address["AddressLine1"], address["AddressLine2"], address["City"]) == ("Line 1", "", "")


def test_a_vendor_is_read_without_its_padding():
    found = mapper.vendor(VENDOR)
    assert (found.key, found.status, found.on_hold, found.phone) == ("1200", VendorStatus.ACTIVE, False, "")
    assert (found.address.country, found.currency) == ("CA", "CAD")
    assert found.changed_at == datetime(2026, 11, 20, tzinfo=UTC)
    assert mapper.vendor({**VENDOR, "DateLastMaintained": "1899-12-30T00:00:00Z"}).changed_at is None
    assert mapper.vendor({**VENDOR, "Country": "Middle Earth"}).address.country == ""


@pytest.mark.parametrize(
    "change",
    [{"VendorNumber": " "}, {"Status": "Perhaps"}, {"VendorName": 1}, {"DateLastMaintained": "yesterday"}],
)
def test_a_vendor_that_cannot_be_understood_names_the_member(change):
    with pytest.raises(ValueError, match=next(iter(change))):
        mapper.vendor({**VENDOR, **change})


# --- accounts ---------------------------------------------------------------------------------------


def test_an_account_has_its_key_and_its_formatted_number():
    found = mapper.account(ROW)
    assert (found.key, found.number, found.kind, found.active) == ("6200100", "6200-100", "IncomeStatement", True)
    assert mapper.account({**ROW, "AccountNumber": ""}).number == "6200100"


@pytest.mark.parametrize(
    ("change", "active"),
    [
        ({"PostToAccount": "Consolidated"}, True),
        ({"Status": "Inactive"}, False),
        ({"PostToAccount": "Prohibited"}, False),
        ({"RollupSwitch": "Yes"}, False),
        ({"ControlAccount": "Yes"}, False),
        ({"ControlAccount": "Yes", "ControlAccountSubledgers": [{"Subledger": "IC"}]}, False),
        ({"ControlAccount": "Yes", "ControlAccountSubledgers": [{"Subledger": "AP"}]}, True),
    ],
)
def test_an_account_is_active_where_payables_may_post_to_it(change, active):
    assert mapper.account({**ROW, **change}).active is active


# --- batches and documents ----------------------------------------------------------------------------

ENTRY = {
    "BatchNumber": 412,
    "EntryNumber": 1,
    "VendorNumber": "BILL000417",
    "DocumentNumber": "NW-88213",
    "DocumentType": "Invoice",
    "DocumentDate": "2026-11-18T00:00:00Z",
    "DueDate": None,
    "CurrencyCode": "USD",
    "TaxTotal": 0,
    "DocumentTotalIncludingTax": Decimal("1250.4"),
    "UndistributedAmount": 0,
    "ErrorBatch": 0,
    "ErrorEntry": 0,
    "InvoiceDetails": [{"LineNumber": 20}, {"LineNumber": 40}],
}
BATCH = {"BatchNumber": 412, "Description": "ML BILL", "BatchStatus": "Open", "Invoices": [ENTRY]}


def parsed(batch=None, **entry):
    found = documents.batch({**BATCH, **(batch or {}), "Invoices": [{**ENTRY, **entry}]})
    return found, found.entries[0]


@pytest.mark.parametrize(
    ("status", "origin", "expected"),
    [
        ("Open", 0, EntryState.OPEN),
        ("ReadyToPost", 0, EntryState.READY),
        ("PostInProgress", 0, EntryState.POSTING),
        ("Posted", 0, EntryState.POSTED),
        ("Open", 400, EntryState.REFUSED),
        ("ReadyToPost", 400, EntryState.READY),
        ("Posted", 400, EntryState.POSTED),
    ],
)
def test_how_far_an_entry_is(status, origin, expected):
    found = documents.ledger_bill(*parsed({"BatchStatus": status}, ErrorBatch=origin, ErrorEntry=2))
    assert (found.id, found.state, found.marker, found.batch) == ("412/1", expected, "ML BILL", "412")
    assert (found.total, found.invoice_date) == (Decimal("1250.4"), date(2026, 11, 18))


def test_an_unknown_status_is_not_guessed_at():
    with pytest.raises(ValueError, match="BatchStatus"):
        documents.batch({**BATCH, "BatchStatus": "Frozen"})


def test_what_lowers_the_debt_is_negative():
    assert documents.ledger_bill(*parsed(DocumentType="CreditNote")).total == Decimal("-1250.4")
    assert documents.ledger_bill(*parsed(DocumentType="Interest")).total == Decimal("1250.4")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({}, ""),
        ({"TaxTotal": Decimal("8.25"), "UndistributedAmount": Decimal("-8.25")}, "amount_mismatch"),
        ({"UndistributedAmount": Decimal("1250.4")}, "amount_mismatch"),
        ({"DocumentTotalIncludingTax": Decimal("1250")}, "amount_mismatch"),
        ({"DocumentType": "DebitNote"}, "amount_mismatch"),
        ({"CurrencyCode": "CAD"}, "currency_unsupported"),
        ({"InvoiceDetails": [{"LineNumber": 20}]}, "amount_mismatch"),
        ({"DocumentNumber": "NW-8821"}, "rejected_by_target"),
        ({"VendorNumber": "OTHER"}, "rejected_by_target"),
    ],
)
def test_what_was_stored_is_compared_with_what_was_sent(change, reason):
    found, _ = parsed(None, **change)
    assert [each[1] for each in documents.faults([DRAFT], found)] == ([reason] if reason else [])


POSTED = {
    "VendorNumber": "BILL000417",
    "DocumentNumber": "NW-88213",
    "DocumentType": "Invoice",
    "BatchNumber": 412,
    "EntryNumber": 1,
    "VendorCurrencyInvoiceAmount": Decimal("1250.4"),
}


def test_a_posted_document_keeps_the_name_of_its_entry():
    assert documents.posted_document(POSTED).id == "412/1"
    assert documents.posted_document({**POSTED, "DocumentType": "CreditNote"}).total == Decimal("-1250.4")


def test_a_document_from_no_batch_of_invoices_has_a_name_of_its_own():
    for change in ({"BatchNumber": None}, {"DocumentType": "Prepayment"}):
        name = documents.posted_document({**POSTED, **change, "DocumentNumber": "A/B:1"}).id
        assert (documents.posted_key(name), documents.entry_place(name)) == (("BILL000417", "A/B:1"), None)
    with pytest.raises(ValueError, match="VendorCurrencyInvoiceAmount"):
        documents.posted_document({**POSTED, "VendorCurrencyInvoiceAmount": None})
