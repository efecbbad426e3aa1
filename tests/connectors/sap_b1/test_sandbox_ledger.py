"""The books behind the SAP Business One sandbox: every rule of section 12 of the contract, without HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from connectors.sandboxing import dumps
from connectors.sap_b1.sandbox.demo import EXAMPLE, load_demo
from connectors.sap_b1.sandbox.errors import Refused
from connectors.sap_b1.sandbox.generator import generate
from connectors.sap_b1.sandbox.ledger import Ledger
from connectors.sap_b1.sandbox.schema import Schema
from connectors.sap_b1.sandbox.tables import Diverted

Row = dict[str, Any]


class Clock:
    def __init__(self) -> None:
        self.moment = datetime(2026, 4, 28, 16, 40, 31, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.moment

    def pass_days(self, days: int) -> None:
        self.moment += timedelta(days=days)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def company(clock: Clock) -> Callable[..., Ledger]:
    def make(**options: Any) -> Ledger:
        ledger = Ledger(clock, **options)
        ledger.add_vendor("V10000", "Acme Associates")
        return ledger

    return make


@pytest.fixture
def ledger(company: Callable[..., Ledger]) -> Ledger:
    return company()


def pay(ledger: Ledger, invoice: Row, amount: Any, *, part: Row | None = None, **changes: Any) -> Any:
    """POST VendorPayments as the contract's example has it. `part` changes the PaymentInvoices row; None drops."""
    applied = {
        "DocEntry": invoice["DocEntry"],
        "InvoiceType": "it_PurchaseInvoice",
        "SumApplied": Decimal(amount),
        "InstallmentId": 1,
        **(part or {}),
    }
    body = {
        "DocType": "rSupplier",
        "CardCode": invoice["CardCode"],
        "DocDate": "2026-04-28",
        "TransferAccount": ledger.account("1010-01"),
        "TransferSum": Decimal(amount),
        "TransferDate": "2026-04-28",
        "TransferReference": "BILL stp01ABC",
        "PaymentInvoices": [{name: value for name, value in applied.items() if value is not None}],
        **changes,
    }
    return post(ledger, {name: value for name, value in body.items() if value is not None})


def post(ledger: Ledger, body: Row) -> Any:
    create = ledger.sets()["VendorPayments"].create
    assert create is not None
    return create(body)


def refused(code: int, text: str = "") -> Any:
    return pytest.raises(Refused, match=rf"^{code} .*{text}")


# --- documents -----------------------------------------------------------------------------------


def expected_total(row: Row, line: str, tax: str, freight: str, suffix: str) -> Decimal:
    total = sum((each[line] for each in row["DocumentLines"]), Decimal(0))
    total += sum((each[freight] for each in row["DocumentAdditionalExpenses"]), Decimal(0))
    held = sum(each[f"WTAmount{suffix}"] for each in row["WithholdingTaxDataCollection"] if each["Category"] == "I")
    total += row[tax] + row[f"RoundingDiffAmount{suffix}"] - row[f"TotalDiscount{suffix}"]
    return total - held - row[f"DownPaymentAmount{suffix}"]


@pytest.mark.parametrize(
    ("facts", "total"),
    [
        ({"amount": "1000", "tax_rate": 19}, "1190.00"),
        ({"amount": "1000", "tax_rate": 19, "discount": "2.5"}, "1160.25"),
        ({"amount": "1000", "freight": "50", "freight_tax_rate": 10}, "1055.00"),
        ({"amount": "999.98", "rounding": "0.02"}, "1000.00"),
        ({"amount": "1000", "withholding": "100"}, "900.00"),
        ({"amount": "1000", "withholding": "100", "withholding_category": "P"}, "1000.00"),
        ({"amount": "1000", "down_payment": "300"}, "700.00"),
        ({"lines": [{"amount": "10.01"}, {"amount": "-3.00"}, {"amount": "0.99"}]}, "8.00"),
    ],
)
def test_amounts_of_an_invoice_add_up(ledger: Ledger, facts: Row, total: str) -> None:
    row = ledger.add_invoice("V10000", "A-1", **facts)
    assert row["DocTotal"] == Decimal(total)
    assert row["DocTotalFc"] == 0
    assert row["DocTotal"] == expected_total(row, "LineTotal", "VatSum", "LineTotal", "")


def test_foreign_invoice_adds_up_in_both_currencies(ledger: Ledger) -> None:
    ledger.add_vendor("V2", currency="EUR")
    ledger.set_rate("EUR", "1.0925")
    lines = [{"amount": "333.33", "tax_rate": 19}, {"amount": "17.77", "tax_rate": 7}]
    row = ledger.add_invoice("V2", "E-1", lines=lines, discount=3, freight="12.34")
    assert row["DocCurrency"] == "EUR"
    assert row["DocTotalFc"] == expected_total(row, "RowTotalFC", "VatSumFc", "LineTotalFC", "FC")
    assert row["DocTotal"] == expected_total(row, "LineTotal", "VatSum", "LineTotal", "")
    assert abs(row["DocTotal"] - row["DocTotalFc"] * Decimal("1.0925")) < Decimal("0.05")


def test_instalments_add_up_to_what_is_payable(ledger: Ledger) -> None:
    row = ledger.add_invoice("V10000", "A-1", "100.00", parts=3, withholding="10", withholding_category="P")
    assert [part["InstallmentId"] for part in row["DocumentInstallments"]] == [1, 2, 3]
    assert [part["Total"] for part in row["DocumentInstallments"]] == [Decimal("30.00")] * 3
    assert row["DocTotal"] == Decimal("100.00")
    assert len({part["DueDate"] for part in row["DocumentInstallments"]}) == 3
    assert sum(part["Percentage"] for part in row["DocumentInstallments"]) == 100


def test_lines_carry_the_code_of_the_account_not_its_format_code(ledger: Ledger) -> None:
    row = ledger.add_invoice("V10000", "A-1", "5.00", account="6010-02", rule="SPLIT")
    account = ledger.sets()["ChartOfAccounts"].rows[row["DocumentLines"][0]["AccountCode"]]
    assert account["Code"].startswith("_SYS")
    assert len(account["Code"]) == 15
    assert account["FormatCode"] == "601002"
    assert row["DocumentLines"][0]["CostingCode"] == "SPLIT"
    assert ledger.sets()["DistributionRules"].rows["SPLIT"]["Direct"] == "N"


def test_without_segmentation_the_code_is_what_people_read(company: Callable[..., Ledger]) -> None:
    ledger = company(segmentation=False)
    row = ledger.add_invoice("V10000", "A-1", "5.00", account="6010-02")
    assert row["DocumentLines"][0]["AccountCode"] == "601002"
    assert ledger.function("CompanyService_GetCompanyInfo", {})["EnableAccountSegmentation"] == "tNO"


def test_invoice_needs_a_known_rule_account_and_vendor(ledger: Ledger) -> None:
    with refused(-2028, "OcrCode"):
        ledger.add_invoice("V10000", "A-1", "5.00", rule="NOPE")
    with refused(-2028, "AcctCode"):
        ledger.add_invoice("V10000", "A-1", "5.00", account="9999-99")
    with refused(-2028, "CardCode"):
        ledger.add_invoice("V404", "A-1", "5.00")


def test_foreign_invoice_needs_a_rate(ledger: Ledger) -> None:
    ledger.add_vendor("V2", currency="EUR")
    with refused(-10, "exchange rate"):
        ledger.add_invoice("V2", "E-1", "10.00")


def test_cancelling_adds_a_second_document(ledger: Ledger, clock: Clock) -> None:
    row = ledger.add_invoice("V10000", "A-1", "100.00")
    clock.pass_days(2)
    bound = ledger.sets()["PurchaseInvoices"].bound
    bound["Cancel"](row["DocEntry"])
    original, reversal = ledger.state()["PurchaseInvoices"]
    assert (original["CancelStatus"], original["Cancelled"]) == ("csYes", "tYES")
    assert (reversal["CancelStatus"], reversal["Cancelled"]) == ("csCancellation", "tNO")
    assert reversal["DocEntry"] != original["DocEntry"]
    assert reversal["NumAtCard"] == "A-1"
    assert {original["DocumentStatus"], reversal["DocumentStatus"]} == {"bost_Close"}
    assert original["UpdateDate"] == "2026-04-30"
    assert ledger.find("BusinessPartners", "V10000")["CurrentAccountBalance"] == 0  # type: ignore[index]
    with refused(-10):
        bound["Cancel"](row["DocEntry"])
    with refused(-10):
        bound["Cancel"](reversal["DocEntry"])


def test_paid_invoice_is_not_cancelled(ledger: Ledger) -> None:
    row = ledger.add_invoice("V10000", "A-1", "100.00")
    ledger.pay_invoice(row["DocEntry"], "1.00")
    with refused(-10):
        ledger.cancel_invoice(row["DocEntry"])


def test_credit_note_closes_an_invoice_without_a_payment(ledger: Ledger) -> None:
    row = ledger.add_invoice("V10000", "A-1", "100.00")
    ledger.credit_invoice(row["DocEntry"], "40.00")
    assert (row["DocumentStatus"], row["PaidToDate"]) == ("bost_Open", Decimal("40.00"))
    note = ledger.credit_invoice(row["DocEntry"])
    assert (row["DocumentStatus"], row["PaidToDate"]) == ("bost_Close", Decimal("100.00"))
    assert note["DocTotal"] == Decimal("60.00")
    assert (note["DocumentLines"][0]["BaseType"], note["DocumentLines"][0]["BaseEntry"]) == (18, row["DocEntry"])
    assert ledger.state()["VendorPayments"] == []
    with refused(-10):
        ledger.credit_invoice(row["DocEntry"])


def test_reconciliation_closes_an_invoice_with_nothing_to_show_for_it(ledger: Ledger) -> None:
    row = ledger.add_invoice("V10000", "A-1", "100.00")
    ledger.reconcile_invoice(row["DocEntry"])
    assert row["DocumentStatus"] == "bost_Close"
    assert ledger.state()["VendorPayments"] == ledger.state()["PurchaseCreditNotes"] == []


def test_only_texts_of_a_posted_invoice_change(ledger: Ledger, clock: Clock) -> None:
    row = ledger.add_invoice("V10000", "A-1", "100.00")
    version = row["DataVersion"]
    clock.pass_days(1)
    patch = ledger.sets()["PurchaseInvoices"].patch
    assert patch is not None
    patch(row["DocEntry"], {"Comments": "checked", "U_BILL_ID": "00n1"})
    assert (row["Comments"], row["U_BILL_ID"], row["UpdateDate"]) == ("checked", "00n1", "2026-04-29")
    assert row["DataVersion"] == version + 1
    with refused(-5002, "DocTotal"):
        patch(row["DocEntry"], {"DocTotal": Decimal("1.00")})
    with refused(-2028):
        patch(404, {"Comments": "x"})


def test_draft_waits_outside_the_invoices_until_it_is_added(ledger: Ledger) -> None:
    draft = ledger.add_draft("V10000", "D-1", "70.00")
    state = ledger.state()
    assert state["PurchaseInvoices"] == []
    assert (draft["DocObjectCode"], draft["AuthorizationStatus"]) == ("oPurchaseInvoices", "dasPending")
    (request,) = state["ApprovalRequests"]
    assert (request["Status"], request["IsDraft"], request["DraftEntry"]) == ("arsPending", "Y", draft["DocEntry"])
    ledger.approve_draft(draft["DocEntry"], generate=False)
    assert (request["Status"], ledger.state()["PurchaseInvoices"]) == ("arsApproved", [])
    invoice = ledger.approve_draft(draft["DocEntry"])
    assert (draft["DocumentStatus"], invoice["DocumentStatus"]) == ("bost_Close", "bost_Open")
    assert (invoice["DraftKey"], invoice["AuthorizationStatus"]) == (draft["DocEntry"], "dasGenerated")
    assert (request["Status"], request["ObjectEntry"]) == ("arsGenerated", invoice["DocEntry"])
    with refused(-10):
        ledger.approve_draft(draft["DocEntry"])


# --- vendors -------------------------------------------------------------------------------------


def test_vendor_is_created_as_a_customer_unless_told_otherwise(ledger: Ledger) -> None:
    row = ledger.create_partner({"CardCode": "C1", "CardName": "Nobody said supplier"})
    assert row["CardType"] == "cCustomer"
    with refused(-5002, "not a vendor"):
        ledger.add_invoice("C1", "A-1", "1.00")


def test_duplicate_card_code_is_refused(ledger: Ledger, company: Callable[..., Ledger]) -> None:
    with refused(-10, "1320000140"):
        ledger.add_vendor("V10000")
    ledger.add_vendor("v10000")
    with refused(-10, "1320000140"):
        company(case_sensitive=False).add_vendor("v10000")


def test_card_code_is_needed_unless_a_series_gives_it(ledger: Ledger) -> None:
    with refused(-5002, "Code undefined"):
        ledger.create_partner({"CardName": "Nameless", "CardType": "cSupplier"})
    numbered = ledger.create_partner({"CardName": "Numbered", "CardType": "cSupplier", "Series": 71})
    assert ledger.sets()["BusinessPartners"].rows[numbered["CardCode"]] is numbered
    with refused(-5002, "Field size"):
        ledger.create_partner({"CardCode": "V" * 16})


def test_address_without_row_number_is_added_and_its_repetition_refused(ledger: Ledger) -> None:
    row = ledger.add_vendor("V2", street="1 Main St", city="Reno")
    (address,) = row["BPAddresses"]
    ledger.edit_vendor("V2", BPAddresses=[{"RowNum": address["RowNum"], "City": "Boise"}])
    assert [each["City"] for each in row["BPAddresses"]] == ["Boise"]
    ledger.edit_vendor("V2", BPAddresses=[{"AddressName": "Branch", "City": "Butte"}])
    assert len(row["BPAddresses"]) == 2
    with refused(-2035):
        ledger.edit_vendor("V2", BPAddresses=[{"AddressName": "Pay to", "AddressType": "bo_BillTo"}])
    assert len(row["BPAddresses"]) == 2


def test_card_code_is_never_patched(ledger: Ledger) -> None:
    row = ledger.edit_vendor("V10000", CardCode="OTHER", CardName="Renamed")
    assert (row["CardCode"], row["CardName"]) == ("V10000", "Renamed")


def test_frozen_vendor_takes_neither_invoices_nor_payments(ledger: Ledger) -> None:
    invoice = ledger.add_invoice("V10000", "A-1", "100.00")
    ledger.freeze_vendor("V10000", until=10)
    with refused(-10, "inactive"):
        ledger.add_invoice("V10000", "A-2", "1.00")
    with refused(-10, "inactive"):
        pay(ledger, invoice, "100.00")
    ledger.freeze_vendor("V10000", since=5, until=10)
    pay(ledger, invoice, "100.00")


def test_vendor_valid_at_another_time_is_inactive(ledger: Ledger) -> None:
    ledger.edit_vendor("V10000", Valid="tYES", ValidFrom="2026-05-01", ValidTo=None)
    with refused(-10, "inactive"):
        ledger.add_invoice("V10000", "A-1", "1.00")


def test_vendor_with_documents_stays(ledger: Ledger) -> None:
    ledger.add_vendor("V2")
    ledger.add_invoice("V2", "A-1", "1.00")
    with refused(-10, "transactions"):
        ledger.remove_vendor("V2")
    ledger.remove_vendor("V10000")
    assert [row["CardCode"] for row in ledger.state()["BusinessPartners"]] == ["V2"]


# --- payments ------------------------------------------------------------------------------------


def test_payment_closes_the_invoice_and_leaves_its_update_date(ledger: Ledger, clock: Clock) -> None:
    invoice = ledger.add_invoice("V10000", "A-1", "1190.00", date=-20, created=-20)
    payment = pay(ledger, invoice, "1190.00")
    assert (invoice["DocumentStatus"], invoice["PaidToDate"]) == ("bost_Close", Decimal("1190.00"))
    assert invoice["DocumentInstallments"][0]["PaidToDate"] == Decimal("1190.00")
    assert {line["LineStatus"] for line in invoice["DocumentLines"]} == {"bost_Close"}
    assert invoice["UpdateDate"] == "2026-04-08"
    assert ledger.sets()["VendorPayments"].rows[payment["DocEntry"]] is payment
    assert payment["PaymentInvoices"][0]["DocEntry"] == invoice["DocEntry"]
    assert (payment["Cancelled"], payment["AuthorizationStatus"]) == ("tNO", "pasWithout")
    assert payment["Payments_ApprovalRequests"] == []
    assert not {"UpdateDate", "UpdateTime", "CreationDate"} & payment.keys()


def test_payment_touches_the_invoice_where_that_is_switched_on(company: Callable[..., Ledger]) -> None:
    ledger = company(bump=True)
    invoice = ledger.add_invoice("V10000", "A-1", "10.00", date=-20, created=-20)
    pay(ledger, invoice, "10.00")
    assert invoice["UpdateDate"] == "2026-04-28"


def test_repeating_a_payment_pays_again_while_a_balance_remains(ledger: Ledger) -> None:
    invoice = ledger.add_invoice("V10000", "A-1", "100.00")
    first, second = pay(ledger, invoice, "50.00"), pay(ledger, invoice, "50.00")
    assert first["DocEntry"] != second["DocEntry"]
    assert first["DocNum"] != second["DocNum"]
    assert invoice["DocumentStatus"] == "bost_Close"
    with refused(-10, "already closed"):
        pay(ledger, invoice, "50.00")
    assert len(ledger.state()["VendorPayments"]) == 2


def test_missing_invoice_type_looks_among_receivables(ledger: Ledger) -> None:
    invoice = ledger.add_invoice("V10000", "A-1", "100.00")
    with refused(-2028, r"VPM2.DocEntry\]\[line: 1\]") as caught:
        pay(ledger, invoice, "100.00", part={"InvoiceType": None})
    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("part", "code"),
    [
        ({"DocEntry": 404}, -2028),
        ({"InstallmentId": 2}, -2028),
        ({"SumApplied": Decimal("100.01")}, -5002),
        ({"SumApplied": Decimal(0)}, -5002),
        ({"SumApplied": Decimal(-1)}, -5002),
        ({"SumApplied": None}, -5002),
        ({"DiscountPercent": Decimal(2)}, -5002),
        ({"InvoiceType": "it_JournalEntry"}, -2028),
    ],
)
def test_wrong_application_is_refused(ledger: Ledger, part: Row, code: int) -> None:
    invoice = ledger.add_invoice("V10000", "A-1", "100.00")
    with refused(code) as caught:
        pay(ledger, invoice, "200.00", part=part)
    assert caught.value.status == 400
    assert ledger.state()["VendorPayments"] == []
    assert invoice["PaidToDate"] == 0


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"CardCode": "V404"}, -2028),
        ({"CardCode": None}, -2028),
        ({"CardCode": "V2"}, -5002),  # not the invoice's
        ({"DocType": None}, -5002),
        ({"DocType": "rCustomer"}, -5002),
        ({"TransferAccount": "101001"}, -2028),  # a FormatCode
        ({"TransferAccount": "10000000"}, -10),  # a title account
        ({"TransferAccount": None}, -5002),
        ({"TransferSum": None}, -5002),
        ({"TransferSum": Decimal("99.99")}, -5002),  # less than applied
        ({"TransferDate": "2026-03-31"}, -10),
        ({"TransferReference": "x" * 28}, -5002),
        ({"CounterReference": "x" * 9}, -5002),
        ({"Reference1": "x" * 12}, -5002),
        ({"JournalRemarks": "x" * 51}, -5002),
        ({"Remarks": "x" * 255}, -5002),
        ({"DocDate": "2026-04-29"}, -10),  # tomorrow
        ({"DocDate": "2026-03-31", "TransferDate": "2026-03-31"}, -10),  # a closed period
        ({"DocCurrency": "USD"}, -2028),  # the international code is none of SAP's
        ({"DocCurrency": "EUR", "DocRate": Decimal(1)}, -10),  # not the vendor's
    ],
)
def test_wrong_payment_is_refused(ledger: Ledger, changes: Row, code: int) -> None:
    ledger.add_vendor("V2")
    ledger.close_period("2026-03")
    invoice = ledger.add_invoice("V10000", "A-1", "100.00")
    with refused(code) as caught:
        pay(ledger, invoice, "100.00", **changes)
    assert caught.value.status == 400
    assert ledger.state()["VendorPayments"] == []
    assert invoice["PaidToDate"] == 0


def test_longest_reference_and_todays_defaults_are_taken(ledger: Ledger) -> None:
    invoice = ledger.add_invoice("V10000", "A-1", "100.00")
    payment = pay(ledger, invoice, "100.00", TransferReference="x" * 27, DocDate=None, TransferDate=None)
    assert (payment["DocDate"], payment["TransferDate"]) == ("2026-04-28", "2026-04-28")
    assert payment["DocCurrency"] == "$"


def test_future_dates_and_reopened_periods_are_the_customers_choice(ledger: Ledger) -> None:
    invoice = ledger.add_invoice("V10000", "A-1", "100.00")
    ledger.set_option(future_dates=True)
    pay(ledger, invoice, "1.00", DocDate="2026-04-29")
    ledger.close_period("2026-03")
    ledger.open_period("2026-03")
    pay(ledger, invoice, "1.00", DocDate="2026-03-30", TransferDate="2026-03-31")
    assert invoice["PaidToDate"] == Decimal("2.00")


def test_closed_cancelled_and_blocked_invoices_take_no_payment(ledger: Ledger) -> None:
    credited, cancelled, blocked = (ledger.add_invoice("V10000", f"A-{n}", "100.00") for n in range(3))
    ledger.credit_invoice(credited["DocEntry"])
    reversal = ledger.cancel_invoice(cancelled["DocEntry"])
    ledger.block_invoice(blocked["DocEntry"])
    for invoice in (credited, cancelled, reversal, blocked):
        with refused(-10, "Invoice is already closed or blocked"):
            pay(ledger, invoice, "100.00")
    ledger.unblock_invoice(blocked["DocEntry"])
    pay(ledger, blocked, "100.00")


def test_every_instalment_has_its_own_balance(ledger: Ledger) -> None:
    invoice = ledger.add_invoice("V10000", "A-1", "100.00", parts=3)
    with refused(-5002, "open balance"):
        pay(ledger, invoice, "50.00", part={"InstallmentId": 1})
    pay(ledger, invoice, "33.33", part={"InstallmentId": 2})
    assert [part["PaidToDate"] for part in invoice["DocumentInstallments"]] == [0, Decimal("33.33"), 0]
    rest = [
        {"DocEntry": invoice["DocEntry"], "InvoiceType": "it_PurchaseInvoice", "InstallmentId": n, "SumApplied": s}
        for n, s in ((1, Decimal("33.33")), (3, Decimal("33.34")))
    ]
    with refused(-5002, r"line: 3"):
        pay(ledger, invoice, "100.00", PaymentInvoices=[*rest, rest[0]])
    pay(ledger, invoice, "66.67", PaymentInvoices=rest)
    assert invoice["DocumentStatus"] == "bost_Close"


def test_more_money_than_applied_stays_on_account(ledger: Ledger) -> None:
    invoice = ledger.add_invoice("V10000", "A-1", "100.00")
    pay(ledger, invoice, "100.00", TransferSum=Decimal("130.00"))
    assert ledger.sets()["BusinessPartners"].rows["V10000"]["CurrentAccountBalance"] == Decimal("30.00")


def test_credit_notes_are_netted(ledger: Ledger) -> None:
    invoice = ledger.add_invoice("V10000", "A-1", "100.00")
    note = ledger.add_invoice("V10000", "CN-1", "30.00", into="PurchaseCreditNotes")
    parts = [
        {"DocEntry": invoice["DocEntry"], "InvoiceType": "it_PurchaseInvoice", "SumApplied": Decimal(100)},
        {"DocEntry": note["DocEntry"], "InvoiceType": "it_PurchaseCreditNote", "SumApplied": Decimal(30)},
    ]
    pay(ledger, invoice, "70.00", PaymentInvoices=parts)
    assert {invoice["DocumentStatus"], note["DocumentStatus"]} == {"bost_Close"}


def test_payer_of_a_vendor_may_pay(ledger: Ledger) -> None:
    ledger.add_vendor("HQ")
    ledger.add_vendor("V2", FatherCard="HQ")
    invoice = ledger.add_invoice("V2", "A-1", "10.00")
    pay(ledger, invoice, "10.00", CardCode="HQ")
    assert invoice["DocumentStatus"] == "bost_Close"


def test_payments_may_cover_so_many_documents(company: Callable[..., Ledger]) -> None:
    ledger = company(max_documents=1)
    invoice = ledger.add_invoice("V10000", "A-1", "100.00", parts=2)
    part = {"DocEntry": invoice["DocEntry"], "InvoiceType": "it_PurchaseInvoice", "SumApplied": Decimal(1)}
    with refused(-10, "at most 1"):
        pay(ledger, invoice, "2.00", PaymentInvoices=[part, {**part, "InstallmentId": 2}])
    assert ledger.function("CompanyService_GetCompanyInfo", {})["MaxNumberOfDocumentsInPmt"] == 1


def test_cash_and_checks_are_means_too(ledger: Ledger) -> None:
    invoice = ledger.add_invoice("V10000", "A-1", "100.00")
    checks = [{"CheckSum": Decimal("60.00"), "CheckNumber": 7, "BankCode": "FCB", "DueDate": "2026-04-28"}]
    cash = {"CashSum": Decimal("40.00"), "CashAccount": ledger.account("1010-01")}
    pay(ledger, invoice, "100.00", TransferSum=None, TransferAccount=None, PaymentChecks=checks, **cash)
    assert invoice["DocumentStatus"] == "bost_Close"


# --- foreign currency ----------------------------------------------------------------------------


@pytest.fixture
def euros(ledger: Ledger) -> Row:
    ledger.add_vendor("V2", currency="EUR")
    ledger.set_rate("EUR", "1.10", date=-30)
    return ledger.add_invoice("V2", "E-1", "200.00", date=-30)


def test_foreign_payment_names_rate_and_both_amounts(ledger: Ledger, euros: Row) -> None:
    part = {"SumApplied": Decimal("125.00"), "AppliedFC": Decimal("100.00")}
    payment = pay(ledger, euros, "100.00", part=part, DocRate=Decimal("1.25"))
    assert (payment["DocCurrency"], payment["DocRate"]) == ("EUR", Decimal("1.25"))
    assert (euros["PaidToDateFC"], euros["PaidToDate"]) == (Decimal("100.00"), Decimal("110.00"))
    part = {"SumApplied": Decimal("110.00"), "AppliedFC": Decimal("100.00")}
    pay(ledger, euros, "100.00", part=part, DocRate=Decimal("1.25"))
    assert (euros["DocumentStatus"], euros["PaidToDate"]) == ("bost_Close", euros["DocTotal"])


@pytest.mark.parametrize(
    ("part", "changes", "code"),
    [
        ({"SumApplied": Decimal("110.00"), "AppliedFC": Decimal("100.00")}, {"DocRate": None}, -10),
        ({"SumApplied": Decimal("110.00")}, {}, -5002),
        ({"SumApplied": None, "AppliedFC": Decimal("100.00")}, {}, -5002),
        ({"SumApplied": Decimal("100.00"), "AppliedFC": Decimal("100.00")}, {}, -5002),
        ({"SumApplied": Decimal("275.00"), "AppliedFC": Decimal("250.00")}, {"TransferSum": Decimal(250)}, -5002),
    ],
)
def test_wrong_foreign_payment_is_refused(ledger: Ledger, euros: Row, part: Row, changes: Row, code: int) -> None:
    with refused(code):
        pay(ledger, euros, "100.00", part=part, **{"DocRate": Decimal("1.10"), **changes})
    assert euros["PaidToDateFC"] == 0


def test_local_money_pays_a_foreign_invoice_at_the_rate_of_the_day(ledger: Ledger, euros: Row) -> None:
    part = {"SumApplied": Decimal("230.00"), "AppliedFC": Decimal("200.00")}
    with refused(-10, "exchange rate"):
        pay(ledger, euros, "230.00", part=part, DocCurrency="$")
    ledger.set_rate("EUR", "1.15")
    pay(ledger, euros, "230.00", part=part, DocCurrency="$")
    assert euros["DocumentStatus"] == "bost_Close"


def test_omitted_currency_is_the_local_one_for_a_vendor_with_all(ledger: Ledger) -> None:
    ledger.add_vendor("V2", currency="##")
    invoice = ledger.add_invoice("V2", "A-1", "10.00")
    assert invoice["DocCurrency"] == pay(ledger, invoice, "10.00")["DocCurrency"] == "$"


# --- branches ------------------------------------------------------------------------------------


def test_branch_is_required_and_must_be_the_invoices(company: Callable[..., Ledger]) -> None:
    ledger = company(branches=True)
    invoice = ledger.add_invoice("V10000", "A-1", "10.00", branch=2)
    assert (invoice["BPL_IDAssignedToInvoice"], invoice["BPLName"]) == (2, "West")
    for branch, code in ((None, -5002), (1, -5002), (9, -2028)):
        with refused(code, "BPLId"):
            pay(ledger, invoice, "10.00", BPLID=branch)
    payment = pay(ledger, invoice, "10.00", BPLID=2)
    assert (payment["BPLID"], payment["BPLName"]) == (2, "West")
    assert ledger.function("CompanyService_GetAdminInfo", {})["EnableBranches"] == "tYES"


# --- cancelling and changing payments ------------------------------------------------------------


def test_cancelled_payment_opens_its_invoice_again(ledger: Ledger) -> None:
    invoice = ledger.add_invoice("V10000", "A-1", "100.00")
    payment = pay(ledger, invoice, "100.00")
    entities = ledger.sets()["VendorPayments"]
    entities.bound["Cancel"](payment["DocEntry"])
    assert (payment["Cancelled"], payment["CancelStatus"]) == ("tYES", "csYes")
    assert (invoice["DocumentStatus"], invoice["PaidToDate"]) == ("bost_Open", 0)
    assert ledger.sets()["BusinessPartners"].rows["V10000"]["CurrentAccountBalance"] == Decimal("-100.00")
    with refused(-10, "already cancelled"):
        entities.bound["Cancel"](payment["DocEntry"])
    with refused(-2028) as caught:
        entities.bound["Cancel"](404)
    assert caught.value.status == 404
    assert entities.delete is None


def test_payment_of_a_closed_period_is_cancelled_only_by_todays_date(ledger: Ledger, clock: Clock) -> None:
    invoice = ledger.add_invoice("V10000", "A-1", "100.00")
    payment = pay(ledger, invoice, "100.00")
    clock.pass_days(10)
    ledger.close_period("2026-04")
    bound = ledger.sets()["VendorPayments"].bound
    with refused(-10, "period"):
        bound["Cancel"](payment["DocEntry"])
    bound["CancelbyCurrentSystemDate"](payment["DocEntry"])
    assert invoice["DocumentStatus"] == "bost_Open"


def test_only_texts_of_a_posted_payment_change(ledger: Ledger) -> None:
    payment = pay(ledger, ledger.add_invoice("V10000", "A-1", "10.00"), "10.00")
    patch = ledger.sets()["VendorPayments"].patch
    assert patch is not None
    patch(payment["DocEntry"], {"Remarks": "corrected", "U_BILL_PAYMENT_ID": "stp1"})
    assert (payment["Remarks"], payment["U_BILL_PAYMENT_ID"]) == ("corrected", "stp1")
    with refused(-5002, "TransferSum"):
        patch(payment["DocEntry"], {"TransferSum": Decimal(1)})


# --- approval ------------------------------------------------------------------------------------


@pytest.fixture
def watched(company: Callable[..., Ledger]) -> Ledger:
    return company(approval=True)


def test_payment_under_approval_becomes_a_draft(watched: Ledger) -> None:
    invoice = watched.add_invoice("V10000", "A-1", "100.00")
    diverted = pay(watched, invoice, "100.00")
    assert isinstance(diverted, Diverted)
    draft = diverted.row
    assert diverted.location == f"PaymentDrafts({draft['DocEntry']})"
    state = watched.state()
    assert (state["VendorPayments"], state["PaymentDrafts"]) == ([], [draft])
    assert (draft["DocObjectCode"], draft["AuthorizationStatus"]) == ("bopot_OutgoingPayments", "pasPending")
    assert draft["Payments_ApprovalRequests"]
    (request,) = state["ApprovalRequests"]
    assert (request["ObjectType"], request["DraftEntry"], request["Status"]) == ("46", draft["DocEntry"], "arsPending")
    assert (invoice["DocumentStatus"], invoice["PaidToDate"]) == ("bost_Open", 0)
    assert watched.function("CompanyService_GetAdminInfo", {})["EnableApprovalProcedureInDI"] == "tYES"


def test_approved_draft_is_posted_and_stays(watched: Ledger) -> None:
    invoice = watched.add_invoice("V10000", "A-1", "100.00")
    draft = pay(watched, invoice, "100.00").row
    watched.approve_payment(draft["DocEntry"], generate=False)
    assert (draft["AuthorizationStatus"], watched.state()["VendorPayments"]) == ("pasApproved", [])
    payment = watched.approve_payment(draft["DocEntry"])
    assert (payment["AuthorizationStatus"], payment["Payments_ApprovalRequests"]) == ("pasGenerated", [])
    assert payment["TransferReference"] == "BILL stp01ABC"
    assert invoice["DocumentStatus"] == "bost_Close"
    state = watched.state()
    assert state["PaymentDrafts"][0]["AuthorizationStatus"] == "pasGenerated"
    (request,) = state["ApprovalRequests"]
    assert (request["Status"], request["ObjectEntry"], request["IsDraft"]) == ("arsGenerated", payment["DocEntry"], "N")
    with refused(-10):
        watched.approve_payment(draft["DocEntry"])


def test_rejected_draft_is_never_posted(watched: Ledger) -> None:
    draft = pay(watched, watched.add_invoice("V10000", "A-1", "100.00"), "100.00").row
    watched.reject_payment(draft["DocEntry"], "wrong bank")
    (request,) = watched.state()["ApprovalRequests"]
    assert (draft["AuthorizationStatus"], request["Status"]) == ("pasRejected", "arsNotApproved")
    assert request["ApprovalRequestLines"][0]["Remarks"] == "wrong bank"
    with refused(-10):
        watched.sets()["PaymentDrafts"].bound["SaveDraftToDocument"](draft["DocEntry"])
    assert watched.state()["VendorPayments"] == []


def test_draft_meets_the_rules_again_when_it_is_posted(watched: Ledger) -> None:
    invoice = watched.add_invoice("V10000", "A-1", "100.00")
    first, second = (pay(watched, invoice, "100.00").row for _ in range(2))
    watched.approve_payment(first["DocEntry"])
    with refused(-10, "already closed"):
        watched.approve_payment(second["DocEntry"])
    assert second["AuthorizationStatus"] == "pasApproved"
    watched.remove_draft(second["DocEntry"])
    assert [request["Status"] for request in watched.state()["ApprovalRequests"]] == ["arsGenerated", "arsCancelled"]


def test_decisions_arrive_by_api_too(watched: Ledger) -> None:
    draft = pay(watched, watched.add_invoice("V10000", "A-1", "100.00"), "100.00").row
    patch = watched.sets()["ApprovalRequests"].patch
    assert patch is not None
    patch(1, {"ApprovalRequestDecisions": [{"Status": "ardApproved", "Remarks": "fine"}]})
    assert draft["AuthorizationStatus"] == "pasApproved"
    with refused(-10, "not pending"):
        patch(1, {"ApprovalRequestDecisions": [{"Status": "ardNotApproved"}]})


def test_people_pay_without_approval(watched: Ledger) -> None:
    invoice = watched.add_invoice("V10000", "A-1", "100.00", parts=2)
    payment = watched.pay_invoice(invoice["DocEntry"], "60.00", reference="CHK 1")
    assert [part["SumApplied"] for part in payment["PaymentInvoices"]] == [Decimal("50.00"), Decimal("10.00")]
    watched.pay_invoice(invoice["DocEntry"])
    assert invoice["DocumentStatus"] == "bost_Close"
    with refused(-5002):
        watched.pay_invoice(invoice["DocEntry"], "1.00")


# --- company functions and actions ---------------------------------------------------------------


def test_currency_rate_is_asked_by_day(ledger: Ledger) -> None:
    ledger.set_rate("EUR", "1.0925", date="2026-04-27")
    ask = {"Currency": "EUR", "Date": "20260427"}
    assert ledger.function("SBOBobService_GetCurrencyRate", ask) == Decimal("1.0925")
    with refused(-10) as caught:
        ledger.function("SBOBobService_GetCurrencyRate", {**ask, "Date": "2026-04-28"})
    assert caught.value.status == 400
    with refused(-2028):
        ledger.function("SBOBobService_GetCurrencyRate", {**ask, "Currency": "XXX"})
    with refused(-1000):
        ledger.function("SBOBobService_GetCurrencyRate", {**ask, "Date": "yesterday"})
    assert ledger.function("SBOBobService_GetLocalCurrency", {}) == "$"
    with pytest.raises(KeyError):
        ledger.function("CompanyService_Nothing", {})


def test_local_currency_is_a_code_of_its_own(ledger: Ledger, clock: Clock) -> None:
    assert ledger.sets()["Currencies"].rows["$"]["DocumentsCode"] == "USD"
    euro = Ledger(clock, local_currency="EUR")
    assert euro.sets()["Currencies"].rows["EUR"]["DocumentsCode"] == "EUR"


@pytest.mark.parametrize(("schema", "version"), [("9.3", 930230), ("10.0", 1000190)])
def test_company_tells_its_release(company: Callable[..., Ledger], schema: str, version: int) -> None:
    assert company(schema=schema).function("CompanyService_GetCompanyInfo", {})["Version"] == version


def test_options_change_while_running(ledger: Ledger) -> None:
    assert ledger.set_option(approval=True)["approval"] is True
    with pytest.raises(ValueError, match="local_currency"):
        ledger.set_option(local_currency="EUR")


def test_every_action_takes_and_answers_json(ledger: Ledger) -> None:
    actions = ledger.actions()
    body = json.loads('{"vendor": "V10000", "number": "J-1", "lines": [{"amount": 12.34, "rules": {"2": "WEST"}}]}')
    invoice = json.loads(dumps(actions["add_invoice"](**body)))
    assert invoice["DocTotal"] == 12.34
    assert invoice["DocumentLines"][0]["CostingCode2"] == "WEST"
    assert json.loads(dumps(actions["pay_invoice"](invoice=invoice["DocEntry"], amount=2)))["TransferSum"] == 2
    assert json.loads(dumps(actions["unblock_invoice"](invoice=invoice["DocEntry"])))["PaymentBlock"] == "tNO"
    assert json.loads(dumps(actions["add_user_field"](table="OVPM", name="BILL_PAYMENT_ID")))["FieldID"] == 0


# --- sample data ---------------------------------------------------------------------------------


def unknown_properties(ledger: Ledger) -> set[str]:
    """Names and enumeration members in the rows that the real schema does not have."""
    schema = Schema("10.0")
    found: set[str] = set()

    def walk(type_name: str, row: Row) -> None:
        for name, value in row.items():
            known = schema.types[type_name].get(name)
            if known is None:
                found.add(f"{type_name}.{name}")
            elif known.many and schema.types[known.type]:
                for each in value:
                    walk(known.type, each)
            elif known.type in schema.enums and value is not None and value not in schema.enums[known.type]:
                found.add(f"{type_name}.{name}={value}")

    for entities in ledger.sets().values():
        for row in entities.rows.values():
            walk(entities.type, row)
    return found


def test_demo_shows_every_oddity(clock: Clock) -> None:
    ledger = Ledger(clock)
    made = load_demo(SimpleNamespace(ledger=ledger))
    state = ledger.state()
    invoices = ledger.sets()["PurchaseInvoices"].rows
    assert len(state["BusinessPartners"]) == 12
    assert 35 <= len(invoices) <= 50
    assert {row["CancelStatus"] for row in invoices.values()} == {"csNo", "csYes", "csCancellation"}
    assert {row["DocType"] for row in invoices.values()} == {"dDocument_Items", "dDocument_Service"}
    assert sum(row["NumAtCard"] == "SE-5531" for row in invoices.values()) == 2
    assert invoices[made["no_number"]]["NumAtCard"] is None
    assert len(invoices[made["long_number"]]["NumAtCard"]) > 21
    assert len(invoices[made["instalments"]]["DocumentInstallments"]) == 3
    assert invoices[made["foreign"]]["DocTotalFc"] > 0
    assert invoices[made["part_paid"]]["DocumentStatus"] == "bost_Open"
    assert invoices[made["credited"]]["DocumentStatus"] == "bost_Close"
    assert invoices[made["blocked"]]["PaymentBlock"] == "tYES"
    for name, column in (
        ("withholding", "WTAmount"),
        ("down_payment", "DownPaymentAmount"),
        ("discount", "TotalDiscount"),
        ("rounding", "RoundingDiffAmount"),
        ("items_and_freight", "DocumentAdditionalExpenses"),
    ):
        assert invoices[made[name]][column], name
    assert ledger.sets()["Drafts"].rows[made["draft"]]["DocumentStatus"] == "bost_Open"
    assert any("'" in row["CardCode"] for row in state["BusinessPartners"])
    assert any(row["Frozen"] == "tYES" for row in state["BusinessPartners"])
    assert any(row["ActiveAccount"] == "tNO" for row in state["ChartOfAccounts"])
    assert ledger.users[EXAMPLE.credentials["username"]] == EXAMPLE.credentials["password"]
    assert EXAMPLE.settings["company_db"] == ledger.company_db
    assert unknown_properties(ledger) == set()


def test_generated_books_are_the_same_for_the_same_seed(clock: Clock) -> None:
    def books(seed: int) -> Ledger:
        ledger = Ledger(clock)
        generate(ledger, invoices=200, vendors=30, seed=seed)
        return ledger

    ledger = books(1)
    assert dumps(ledger.state()) == dumps(books(1).state())
    assert dumps(ledger.state()) != dumps(books(2).state())
    assert unknown_properties(ledger) == set()
    rows = ledger.state()["PurchaseInvoices"]
    assert sum(row["CancelStatus"] != "csCancellation" for row in rows) == 200
    for row in rows:
        assert row["DocTotal"] == expected_total(row, "LineTotal", "VatSum", "LineTotal", "")
        assert row["DocTotalFc"] == (
            expected_total(row, "RowTotalFC", "VatSumFc", "LineTotalFC", "FC") if row["DocCurrency"] == "EUR" else 0
        )
        assert sum(part["Total"] for part in row["DocumentInstallments"]) == row["DocTotal"]
        paid = row["PaidToDate"] == row["DocTotal"]
        assert row["DocumentStatus"] == ("bost_Close" if paid else "bost_Open")
    assert {row["DocCurrency"] for row in rows} == {"$", "EUR"}
