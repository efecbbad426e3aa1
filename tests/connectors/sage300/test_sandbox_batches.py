"""Invoice batches up to ready (docs: sage300 15.13-15.22, 7), over real HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.connectors.sage300.caller import THIS_YEAR, Caller, invoice, refusal, serving

BATCHES = "AP/APInvoiceBatches"
NEXT_YEAR = THIS_YEAR + 1
BEYOND = f"{NEXT_YEAR + 5}-01-15"


@pytest.fixture
def sage() -> Iterator[Caller]:
    with serving() as caller:
        caller.vendor()
        yield caller


def refused(sage: Caller, *invoices: dict[str, Any], **header: Any) -> tuple[int, str]:
    return refusal(sage.post(BATCHES, {**header, "Invoices": list(invoices)}))


def entry(sage: Caller, number: int, position: int = 0) -> dict[str, Any]:
    return sage.read(number)["Invoices"][position]


def line(**values: Any) -> dict[str, Any]:
    return {"GLAccount": "6200100", "DistributedAmount": 100, **values}


# --- 13: numbers --------------------------------------------------------------------------------------


def test_13_numbers_sent_are_placeholders_and_the_echo_is_full(sage: Caller) -> None:
    sent = invoice(BatchNumber=109, EntryNumber=7, InvoiceDetails=[line(LineNumber=5), line(LineNumber=5)], amount=200)
    first = sage.post(BATCHES, {"BatchNumber": 109, "Description": "ML", "Invoices": [sent, invoice("INV-2")]})
    assert first.status_code == 201
    made = first.json()
    assert (made["BatchNumber"], made["NumberOfEntries"], made["LastEntryNumber"]) == (1, 2, 2)
    assert (made["BatchStatus"], made["BatchType"], made["BatchTotal"]) == ("Open", "Entered", 300)
    assert [each["EntryNumber"] for each in made["Invoices"]] == [1, 2]
    assert [each["LineNumber"] for each in made["Invoices"][0]["InvoiceDetails"]] == [20, 40]
    assert made["Invoices"][0]["InvoiceOptionalFields"] == []
    assert len(made["Invoices"][0]) > 200
    assert sage.read(1)["Invoices"] == made["Invoices"]
    assert sage.batch(invoice("INV-3")) == 2


def test_13_a_repeated_post_makes_another_batch(sage: Caller) -> None:
    assert [sage.batch(Description="same"), sage.batch(Description="same")] == [1, 2]


# --- 14: what is unknown ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        {"ReadyToPost": "Yes"},
        {"Invoices": [{**invoice(), "OptionalFields": []}]},
        {"Invoices": [invoice(InvoiceDetails=[line(Description="x")])]},
        {"Invoices": [invoice(InvoiceDetails=[line(TaxBase1=1)])]},
        {"Invoices": [{**invoice(), "DocumentTotalBeforeTax": 100}]},
        {"Invoices": [invoice(DocumentType="Bill")]},
        {"Invoices": [invoice(TaxAmountControl="enter")]},
        {"BatchStatus": "readytopost"},
        {"Invoices": [invoice(DocumentTotalIncludingTax="100.00")]},
        {"Invoices": [invoice(DocumentDate="18.11.2026")]},
        {"Invoices": [invoice(DocumentDate="2026-02-30")]},
        {"Invoices": [invoice(OnHold=True)]},
        {"Invoices": {}},
        {"ETag": "x"},
    ],
)
def test_14_unknown_properties_types_and_enumerations(sage: Caller, body: dict[str, Any]) -> None:
    assert refusal(sage.post(BATCHES, body)) == (400, "InvalidPayload")
    assert sage.rows(BATCHES) == []


# --- 15: references -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "account", ["6999", "6200-100", "6950100", "6960100", "6000", "1310", ""], ids=lambda each: each or "none"
)
def test_15_lines_need_an_account_that_can_be_posted_to(sage: Caller, account: str) -> None:
    assert refused(sage, invoice(InvoiceDetails=[line(GLAccount=account)])) == (409, "FieldInvalid")
    assert sage.rows(BATCHES) == []


def test_15_consolidated_accounts_and_control_accounts_of_payables_do(sage: Caller) -> None:
    sage.batch(invoice("A", InvoiceDetails=[line(GLAccount="6700100")]))
    sage.batch(invoice("B", InvoiceDetails=[line(GLAccount="2015")]))


def test_15_the_unknown_account_is_named(sage: Caller) -> None:
    answer = sage.post(BATCHES, {"Invoices": [invoice(InvoiceDetails=[line(GLAccount="6999")])]})
    message = answer.json()["error"]["message"]["value"]
    assert message == "G/L account 6999 is not defined in General Ledger."


def test_15_vendors_must_exist_and_be_active(sage: Caller) -> None:
    sage.act("set_vendor", vendor="V1", Status="Inactive")
    assert refused(sage, invoice()) == (409, "FieldInvalid")
    assert refused(sage, invoice(vendor="NONE")) == (409, "FieldInvalid")
    assert refused(sage, {"DocumentNumber": "X"}) == (409, "FieldInvalid")
    assert refused(sage, invoice("")) == (409, "FieldInvalid")


def test_15_a_vendor_on_hold_can_be_invoiced(sage: Caller) -> None:
    sage.act("set_vendor", vendor="V1", OnHold="OnHold")
    assert sage.batch(invoice())


def test_15_the_posting_date_lies_in_the_calendar_and_gives_the_period(sage: Caller) -> None:
    answer = sage.post(BATCHES, {"Invoices": [invoice(PostingDate=BEYOND)]})
    assert refusal(answer) == (409, "FieldInvalid")
    assert "Cannot determine the fiscal period" in answer.json()["error"]["message"]["value"]
    made = entry(sage, sage.batch(invoice(PostingDate=f"{NEXT_YEAR}-03-31T00:00:00Z", DocumentDate=BEYOND)))
    assert (made["FiscalYear"], made["FiscalPeriod"]) == (str(NEXT_YEAR), "03")


def test_15_a_locked_period_is_no_obstacle_yet(sage: Caller) -> None:
    sage.act("close_period", year=NEXT_YEAR, period=3)
    assert sage.batch(invoice(PostingDate=f"{NEXT_YEAR}-03-31"))


def test_dates_with_an_offset_move_to_the_day_in_utc(sage: Caller) -> None:
    made = entry(sage, sage.batch(invoice(DocumentDate="2026-11-18T00:00:00+02:00")))
    assert made["DocumentDate"] == "2026-11-17T00:00:00Z"


def test_the_currency_is_the_vendors_and_the_account_allows_it(sage: Caller) -> None:
    sage.vendor("MAPLE", group="CADGRP")
    assert refused(sage, invoice(CurrencyCode="CAD")) == (409, "FieldInvalid")
    assert refused(sage, invoice(vendor="MAPLE")) == (409, "FieldInvalid")
    made = entry(sage, sage.batch(invoice(vendor="MAPLE", InvoiceDetails=[line(GLAccount="6500100")])))
    assert (made["CurrencyCode"], made["ExchangeRate"]) == ("CAD", 0.74)


def test_required_optional_fields_refuse_invoices(sage: Caller) -> None:
    sage.act("define_optional_field", name="BILLID", required=True)
    assert refused(sage, invoice()) == (409, "FieldInvalid")
    assert refused(sage, invoice(InvoiceOptionalFields=[{"OptionalField": "OTHER", "Value": "1"}])) == (
        409,
        "FieldInvalid",
    )
    sage.batch(invoice(InvoiceOptionalFields=[{"OptionalField": "BILLID", "Value": "00n01"}]))


# --- 16: document numbers -----------------------------------------------------------------------------


def test_16_a_number_is_used_once_per_vendor_posted_or_not(sage: Caller) -> None:
    sage.vendor("V2")
    first = sage.batch(invoice("inv-7a"), invoice("INV-7A", vendor="V2"))
    assert entry(sage, first)["DocumentNumber"] == "INV-7A"
    answer = sage.post(BATCHES, {"Invoices": [invoice("INV-7A")]})
    assert refusal(answer) == (409, "FieldInvalid")
    assert answer.json()["error"]["message"]["value"] == (
        "Document number 'INV-7A' for vendor V1 already exists.\n\n"
        "If you want to add this invoice, add characters to the document number to make it unique."
    )
    sage.act("post_batch", batch=first)
    assert refused(sage, invoice("INV-7A", DocumentType="CreditNote")) == (409, "FieldInvalid")


def test_16_the_numbers_of_deleted_entries_and_batches_are_free_again(sage: Caller) -> None:
    first = sage.batch(invoice("A"), invoice("B"))
    sage.act("delete_entry", batch=first, entry=1)
    second = sage.batch(invoice("A"))
    sage.act("delete_batch", batch=first)
    assert sage.batch(invoice("B")) == 3
    assert refused(sage, invoice("A")) == (409, "FieldInvalid")
    assert sage.read(first)["BatchStatus"] == "Deleted"
    assert sage.read(second)["NumberOfEntries"] == 1


def test_16_one_batch_cannot_hold_a_number_twice(sage: Caller) -> None:
    assert refused(sage, invoice("A"), invoice("a")) == (409, "FieldInvalid")
    assert sage.rows(BATCHES) == []


def test_16_22_characters_fit(sage: Caller) -> None:
    assert refused(sage, invoice("X" * 23)) == (409, "FieldInvalid")
    assert entry(sage, sage.batch(invoice("X" * 22)))["DocumentNumber"] == "X" * 22


def test_16_a_site_may_cut_silently() -> None:
    with serving(truncate=True) as sage:
        sage.vendor()
        made = entry(sage, sage.batch(invoice("0123456789012345678901234", InvoiceDescription="D" * 70)))
        assert (made["DocumentNumber"], made["InvoiceDescription"]) == ("0123456789012345678901", "D" * 60)


@pytest.mark.parametrize(
    "more",
    [
        {"InvoiceDescription": "x" * 61},
        {"PONumber": "x" * 23},
        {"InvoiceDetails": [line(DistributionDescription="x" * 61)]},
        {"InvoiceDetails": [line(Comment="x" * 251)]},
        {"InvoiceDetails": [line(DistributedAmount=0.0001)]},
        {"Terms": "TOOLONG"},
    ],
)
def test_16_other_lengths_are_kept_too(sage: Caller, more: dict[str, Any]) -> None:
    assert refused(sage, invoice(**more)) == (409, "FieldInvalid")


def test_a_vendor_may_refuse_a_second_document_of_the_same_amount(sage: Caller) -> None:
    sage.act("set_vendor", vendor="V1", DuplicateAmountCode="Error")
    sage.batch(invoice("A", amount=70))
    assert refused(sage, invoice("B", amount=70)) == (409, "FieldInvalid")
    sage.act("set_vendor", vendor="V1", DuplicateAmountCode="Warning")
    sage.batch(invoice("B", amount=70))


# --- 17: the order of properties ----------------------------------------------------------------------


def test_17_a_late_vendor_resets_what_was_set_before_it(sage: Caller) -> None:
    settings = {"Terms": "N60", "TaxGroup": "EXEMPT", "DueDate": "2026-12-31"}
    common = {"DocumentNumber": "A", "DocumentDate": "2026-11-01", "InvoiceDetails": [line()]}
    late = entry(sage, sage.batch({**common, **settings, "VendorNumber": "V1"}))
    assert (late["Terms"], late["TaxGroup"], late["DueDate"]) == ("N30", "USDTAX", "2026-12-01T00:00:00Z")
    early = entry(sage, sage.batch({"VendorNumber": "V1", **common, "DocumentNumber": "B", **settings}))
    assert (early["Terms"], early["TaxGroup"], early["DueDate"]) == ("N60", "EXEMPT", "2026-12-31T00:00:00Z")


def test_17_sorted_keys_lose_the_terms(sage: Caller) -> None:
    body = {"Invoices": [invoice(Terms="N60", DueDate="2026-12-31")]}
    made = sage.http.post(sage.url(BATCHES), data=json.dumps(body, sort_keys=True), timeout=10).json()
    assert made["Invoices"][0]["Terms"] == "N30"


def test_17_terms_and_document_date_recompute_the_due_date_not_the_posting_date(sage: Caller) -> None:
    sent = invoice(DueDate="2026-12-31", PostingDate=f"{THIS_YEAR}-11-20", DocumentDate="2026-11-02", Terms="2N30")
    made = entry(sage, sage.batch(sent))
    assert (made["DueDate"], made["PostingDate"]) == ("2026-12-02T00:00:00Z", f"{THIS_YEAR}-11-20T00:00:00Z")
    assert (made["DiscountDate"], made["DiscountPercentage"]) == ("2026-11-12T00:00:00Z", 2)
    assert made["DiscountAmountAvailable"] == 2


def test_17_the_later_of_code_and_account_wins(sage: Caller) -> None:
    lines = [
        {"DistributionCode": "INV", "GLAccount": "6260100", "DistributedAmount": 1},
        {"GLAccount": "6260100", "DistributionCode": "INV", "DistributedAmount": 1},
        {"DistributionCode": "", "GLAccount": "6260100", "DistributedAmount": 1},
    ]
    made = entry(sage, sage.batch(invoice(amount=3, InvoiceDetails=lines)))["InvoiceDetails"]
    assert [each["GLAccount"] for each in made] == ["6260100", "1300", "6260100"]


def test_the_posting_date_defaults_to_the_batch_date(sage: Caller) -> None:
    number = sage.batch(invoice(DocumentDate="2026-09-09"), BatchDate=f"{THIS_YEAR}-10-10")
    assert entry(sage, number)["PostingDate"] == f"{THIS_YEAR}-10-10T00:00:00Z"


# --- 18: tax and totals -------------------------------------------------------------------------------


def test_18_calculate_adds_the_groups_rates(sage: Caller) -> None:
    """The vendor's own sample: 80.00 at 6.25 % and 2 % is 86.60."""
    sent = invoice(amount=86.6, TaxAmountControl="Calculate", InvoiceDetails=[line(DistributedAmount=80)])
    made = entry(sage, sage.batch(sent))
    assert (made["TaxAmount1"], made["TaxAmount2"], made["TaxTotal"]) == (5, 1.6, 6.6)
    assert (made["DocumentTotalBeforeTaxes"], made["UndistributedAmount"]) == (80, 0)
    assert made["DistributedTotalIncludingTax"] == 86.6


def test_18_calculating_on_gross_lines_unbalances_the_invoice(sage: Caller) -> None:
    made = entry(sage, sage.batch(invoice(TaxAmountControl="Calculate")))
    assert (made["TaxTotal"], made["UndistributedAmount"]) == (8.25, -8.25)


def test_18_enter_takes_what_is_sent(sage: Caller) -> None:
    zero = entry(sage, sage.batch(invoice("A")))
    assert (zero["TaxTotal"], zero["UndistributedAmount"]) == (0, 0)
    taxed = [line(TaxAmount1=7)]
    made = entry(sage, sage.batch(invoice("B", amount=107, TaxAmount1=7, InvoiceDetails=taxed)))
    assert (made["TaxTotal"], made["DocumentTotalBeforeTaxes"], made["UndistributedAmount"]) == (7, 100, 0)


def test_18_exempt_classes_calculate_nothing(sage: Caller) -> None:
    exempt = {"TaxClass1": 2, "TaxClass2": 2}
    sent = invoice(TaxAmountControl="Calculate", **exempt, InvoiceDetails=[line(**exempt)])
    assert entry(sage, sage.batch(sent))["TaxTotal"] == 0


def test_18_included_tax_comes_off_the_line(sage: Caller) -> None:
    inclusive = line(DistributedAmount=108.25, TaxInclusive1="Yes", TaxInclusive2="Yes")
    made = entry(sage, sage.batch(invoice(amount=108.25, TaxAmountControl="Calculate", InvoiceDetails=[inclusive])))
    assert made["InvoiceDetails"][0]["DistributedAmountBeforeTaxes"] == 100
    assert (made["TaxTotal"], made["UndistributedAmount"]) == (8.25, 0)


def test_18_amounts_are_rounded_to_the_currency(sage: Caller) -> None:
    sage.vendor("TOKYO", group="JPYGRP")
    sent = invoice(vendor="TOKYO", amount=100.4, InvoiceDetails=[line(GLAccount="6300100", DistributedAmount=100.4)])
    assert entry(sage, sage.batch(sent))["DocumentTotalIncludingTax"] == 100


def test_18_credit_notes_are_positive(sage: Caller) -> None:
    number = sage.batch(invoice("C", DocumentType="CreditNote"), invoice("I"))
    assert entry(sage, number)["TransactionType"] == "CreditNoteSummaryEntered"
    assert sage.read(number)["BatchTotal"] == 200
    assert refused(sage, invoice("N", amount=-5)) == (409, "FieldInvalid")


def test_schedules_follow_the_terms(sage: Caller) -> None:
    made = entry(sage, sage.batch(invoice(amount=100.01, DocumentDate="2026-11-01", Terms="HALF")))
    assert [(each["DueDate"][:10], each["AmountDue"]) for each in made["InvoicePaymentSchedules"]] == [
        ("2026-12-01", 50.01),
        ("2026-12-31", 50),
    ]


def test_a_schedule_row_may_carry_the_due_date_alone_but_must_add_up(sage: Caller) -> None:
    made = entry(sage, sage.batch(invoice("A", InvoicePaymentSchedules=[{"DueDate": "2026-12-24"}])))
    assert (made["DueDate"], made["InvoicePaymentSchedules"][0]["AmountDue"]) == ("2026-12-24T00:00:00Z", 100)
    assert refused(sage, invoice("B", InvoicePaymentSchedules=[{"AmountDue": 99}])) == (409, "RecordInvalid")


# --- 19: unbalanced invoices --------------------------------------------------------------------------


def test_19_without_its_total_an_invoice_is_stored_out_of_balance(sage: Caller) -> None:
    sent = {"VendorNumber": "V1", "DocumentNumber": "A", "TaxAmountControl": "Enter", "InvoiceDetails": [line()]}
    made = entry(sage, sage.batch(sent))
    assert (made["DocumentTotalIncludingTax"], made["UndistributedAmount"]) == (0, -100)


def test_19_a_site_may_refuse_it() -> None:
    with serving(refuse_unbalanced=True) as sage:
        sage.vendor()
        assert refused(sage, invoice(DocumentTotalIncludingTax=99)) == (409, "RecordInvalid")


# --- 20, 21: status and locks -------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["Posted", "Deleted", "PostInProgress"])
def test_20_clients_say_open_or_ready_only(sage: Caller, status: str) -> None:
    assert refused(sage, invoice(), BatchStatus=status) == (409, "FieldInvalid")
    number = sage.batch(invoice())
    assert refusal(sage.patch(f"{BATCHES}({number})", {"BatchStatus": status})) == (409, "FieldInvalid")


def test_20_ready_on_post_works_today_and_is_ignored_in_2020(sage: Caller) -> None:
    assert sage.read(sage.batch(invoice(), BatchStatus="ReadyToPost"))["BatchStatus"] == "ReadyToPost"
    with serving(patch=False) as old:
        old.vendor()
        assert old.read(old.batch(invoice(), BatchStatus="ReadyToPost"))["BatchStatus"] == "Open"


def test_20_an_empty_batch_is_never_ready(sage: Caller) -> None:
    number = sage.batch(Description="empty")
    assert refusal(sage.patch(f"{BATCHES}({number})", {"BatchStatus": "ReadyToPost"})) == (409, "General")
    assert refused(sage, BatchStatus="ReadyToPost") == (409, "General")
    assert [each["BatchStatus"] for each in sage.rows(BATCHES)] == ["Open", "Open"]


def test_21_a_ready_batch_only_goes_back_to_open(sage: Caller) -> None:
    number = sage.batch(invoice(), BatchStatus="ReadyToPost")
    path = f"{BATCHES}({number})"
    for body in ({"Description": "x"}, {"BatchStatus": "ReadyToPost"}, {"BatchStatus": "Open", "Description": "x"}):
        assert refusal(sage.patch(path, body)) == (409, "General")
    assert sage.patch(path, {"BatchStatus": "Open"}).content == b""
    assert sage.patch(path, {"Description": "x"}).status_code == 204
    assert sage.read(number)["Description"] == "x"


def test_21_a_posted_batch_never_changes(sage: Caller) -> None:
    number = sage.batch(invoice())
    sage.act("post_batch", batch=number)
    for body in ({"Description": "x"}, {"BatchStatus": "Open"}, {"BatchStatus": "ReadyToPost"}):
        assert refusal(sage.patch(f"{BATCHES}({number})", body)) == (409, "General")


def test_21_a_locked_batch_says_so(sage: Caller) -> None:
    number = sage.batch(invoice())
    sage.act("lock_batch", batch=number)
    edit = sage.patch(f"{BATCHES}({number})", {"Description": "x"})
    ready = sage.patch(f"{BATCHES}({number})", {"BatchStatus": "ReadyToPost"})
    assert refusal(edit) == refusal(ready) == (409, "General")
    assert edit.json()["error"]["message"]["value"] == (
        f"Batch {number} cannot be edited because it is locked by another user."
    )
    assert "Ready to Post because it is locked" in ready.json()["error"]["message"]["value"]
    sage.act("unlock_batch", batch=number)
    sage.ready(number)


# --- 22: PATCH of details -----------------------------------------------------------------------------


def test_22_entries_obey_their_operation(sage: Caller) -> None:
    number = sage.batch(invoice("A"), invoice("B"))
    path = f"{BATCHES}({number})"
    changes = [
        {"EntryNumber": 1, "InvoiceDescription": "changed"},
        {"EntryNumber": 2, "UpdateOperation": "Delete"},
        {**invoice("C"), "UpdateOperation": "Insert"},
        invoice("D"),
    ]
    assert sage.patch(path, {"Invoices": changes}).status_code == 204
    batch = sage.read(number)
    assert [(each["EntryNumber"], each["DocumentNumber"]) for each in batch["Invoices"]] == [
        (1, "A"),
        (3, "C"),
        (4, "D"),
    ]
    assert batch["Invoices"][0]["InvoiceDescription"] == "changed"
    assert (batch["NumberOfEntries"], batch["LastEntryNumber"], batch["BatchTotal"]) == (3, 4, 300)


@pytest.mark.parametrize("operation", ["Update", "Delete"])
def test_22_changing_a_row_that_is_not_there_is_refused(sage: Caller, operation: str) -> None:
    path = f"{BATCHES}({sage.batch(invoice())})"
    missing = {"EntryNumber": 9, "UpdateOperation": operation}
    assert refusal(sage.patch(path, {"Invoices": [missing]})) == (409, "RecordInvalid")
    detail = {"LineNumber": 60, "UpdateOperation": operation, "DistributedAmount": 1}
    inside = {"EntryNumber": 1, "InvoiceDetails": [detail]}
    assert refusal(sage.patch(path, {"Invoices": [inside]})) == (409, "RecordInvalid")


def test_22_lines_are_updated_inserted_and_deleted(sage: Caller) -> None:
    number = sage.batch(invoice(amount=30, InvoiceDetails=[line(DistributedAmount=10), line(DistributedAmount=20)]))
    details = [
        {"LineNumber": 20, "UpdateOperation": "Delete"},
        {"LineNumber": 40, "DistributedAmount": 25, "UpdateOperation": "Update"},
        {**line(DistributedAmount=5), "UpdateOperation": "Insert"},
    ]
    body = {"Invoices": [{"EntryNumber": 1, "UpdateOperation": "Update", "InvoiceDetails": details}]}
    assert sage.patch(f"{BATCHES}({number})", body).status_code == 204
    made = entry(sage, number)
    assert [(each["LineNumber"], each["DistributedAmount"]) for each in made["InvoiceDetails"]] == [(40, 25), (60, 5)]
    assert made["UndistributedAmount"] == 0


def test_22_a_refused_patch_changes_nothing(sage: Caller) -> None:
    number = sage.batch(invoice("A"))
    before = sage.read(number)
    body = {"Description": "x", "Invoices": [invoice("B"), invoice("A")]}
    assert refusal(sage.patch(f"{BATCHES}({number})", body)) == (409, "FieldInvalid")
    assert sage.read(number) == before


# --- 24: templates ------------------------------------------------------------------------------------


def test_24_templates_come_by_post_only(sage: Caller) -> None:
    answer = sage.post("AP/APPostInvoices('$template')", {})
    assert answer.status_code == 200
    assert answer.json()["ProcessAllBatches"] == "Donotpostallbatches"
    assert refusal(sage.get("AP/APPostInvoices('$template')")) == (405, "MethodNotAllowed")
    assert sage.post("AP/APVendors('$template')", {}).json()["Status"] == "Active"
    assert refusal(sage.get("AP/APVendors('$template')")) == (405, "MethodNotAllowed")


def test_a_person_edits_an_open_entry(sage: Caller) -> None:
    number = sage.batch(invoice())
    sage.act("edit_entry", batch=number, entry=1, changes={"InvoiceDescription": "by hand", "OnHold": "Yes"})
    assert (entry(sage, number)["InvoiceDescription"], entry(sage, number)["OnHold"]) == ("by hand", "Yes")
    sage.act("add_invoice", batch=number, vendor="V1", document="HAND-1", lines=[["6200100", "9.99"]])
    assert entry(sage, number, 1)["DocumentTotalIncludingTax"] == 9.99
