"""Wire to domain and back: reference data, vendors, invoices to the cent, payments. Pure."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from connectors.domain import (
    Account,
    Address,
    Application,
    Blocked,
    Charge,
    ChargeKind,
    Instalment,
    OpenBill,
    PaymentDraft,
    PaymentMethod,
    VendorStatus,
)
from connectors.sap_b1 import documents, mapper, settlements
from connectors.sap_b1.documents import Paid
from connectors.sap_b1.mapper import Currencies
from connectors.sap_b1.settlements import Due, Rate, Unpayable
from tests.connectors.sap_b1.fake import account, instalment, invoice, line, part, payment, vendor

MONEY = Currencies("$", {"$": "USD", "EUR": "", "CN$": "CAD"})
TODAY = date(2026, 4, 15)
NUMBERS = {"_SYS00000000123": "400001000101"}


def bill(**changes):
    return documents.bill(invoice(4711, **changes), MONEY, NUMBERS)


def both(**changes):
    """The invoice as a whole, and as the list of open items tells it: they must agree."""
    row = invoice(4711, **changes)
    whole, item = documents.bill(row, MONEY, NUMBERS), documents.open_bill(row, MONEY)
    for name in ("key", "vendor_key", "number", "ledger_number", "total", "balance", "blocked", "instalments"):
        assert getattr(whole, name) == getattr(item, name)
    return whole


def kinds(found):
    return {charge.kind: charge.amount for charge in found.charges}


def adds_up(found):
    amounts = [one.amount for one in found.lines] + [one.amount for one in found.charges]
    return sum(amounts, Decimal(0)) == found.total


# --- reference data --------------------------------------------------------------------------------------


def test_an_account_is_known_by_its_key_and_shown_by_its_format_code():
    found = mapper.account(account("_SYS00000000123", "400001000101"), TODAY)
    assert found == Account("_SYS00000000123", "400001000101", "Consulting", True, "Expenses")
    assert mapper.account(account("6100"), TODAY).number == "6100"


@pytest.mark.parametrize(
    ("changes", "active"),
    [
        ({"ActiveAccount": "tNO"}, False),
        ({"FrozenFor": "tYES"}, False),
        ({"FrozenFor": "tYES", "FrozenFrom": "2026-05-01T00:00:00Z"}, True),
        ({"ValidFor": "tYES", "ValidTo": "2026-04-14"}, False),
        ({"ValidFor": "tYES", "ValidFrom": "2026-04-15"}, True),
    ],
)
def test_title_accounts_and_accounts_out_of_their_time_are_inactive(changes, active):
    assert mapper.account(account("6100", **changes), TODAY).active is active


def test_a_rule_over_several_cost_centres_says_so():
    row = {"FactorCode": "MIX", "FactorDescription": "Shared", "InWhichDimension": 2, "Active": "tYES", "Direct": "N"}
    found = mapper.department(row)
    assert found == Account("MIX", "MIX", "Shared (splits over several cost centres)", True, "2")
    assert mapper.department({**row, "Direct": "Y", "Active": "tNO"}).active is False


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, VendorStatus.ACTIVE),
        ({"Frozen": "tYES"}, VendorStatus.FROZEN),
        ({"Frozen": "tYES", "FrozenFrom": "2026-04-01", "FrozenTo": "2026-04-14"}, VendorStatus.ACTIVE),
        ({"Frozen": "tYES", "FrozenFrom": "2026-04-15"}, VendorStatus.FROZEN),
        ({"Valid": "tYES"}, VendorStatus.ACTIVE),
        ({"Valid": "tYES", "ValidFrom": "2026-04-16"}, VendorStatus.FROZEN),
    ],
)
def test_a_vendor_is_frozen_by_its_switches_and_their_dates(changes, status):
    assert mapper.vendor(vendor("V10000", **changes), MONEY, TODAY).status is status


def test_a_vendor_has_its_default_bill_to_address_and_an_international_currency():
    found = mapper.vendor(vendor("V10'A", PaymentBlock="tYES", FatherCard="V1"), MONEY, TODAY)
    assert (found.key, found.name, found.currency, found.on_hold, found.payer) == (
        "V10'A",
        "Acme Associates",
        "USD",
        True,
        "V1",
    )
    assert found.address == Address("Quarry Rd 12", "Bldg 4", "", "Spokane", "WA", "99201", "US")
    assert (found.email, found.phone) == ("ar@acme.example", "555-0100")


def test_a_vendor_without_a_default_address_has_its_first_bill_to_and_one_of_all_currencies_the_local_one():
    row = vendor("V1", BilltoDefault=None, Currency="##", FatherCard="V9", FatherType="cDelivery_sum")
    found = mapper.vendor(row, MONEY, TODAY)
    assert (found.address.city, found.currency, found.payer) == ("Spokane", "USD", "")
    assert mapper.vendor(vendor("V1", BPAddresses=[]), MONEY, TODAY).address == Address()


def test_a_member_of_the_wrong_type_is_named():
    with pytest.raises(ValueError, match="CardName: missing"):
        mapper.vendor(vendor("V1", CardName=None), MONEY, TODAY)
    with pytest.raises(ValueError, match="ValidFrom: a date"):
        mapper.vendor(vendor("V1", Valid="tYES", ValidFrom="soon"), MONEY, TODAY)
    with pytest.raises(ValueError, match="Frozen: tYES or tNO"):
        mapper.vendor(vendor("V1", Frozen="maybe"), MONEY, TODAY)


# --- invoices --------------------------------------------------------------------------------------------


def test_an_invoice_as_it_is():
    found = both()
    assert (found.key, found.number, found.ledger_number, found.vendor_key) == ("4711", "AA-4711", "20264711", "V10000")
    assert (found.invoice_date, found.due_date) == (date(2026, 3, 27), date(2026, 4, 30))
    assert (found.currency, found.total, found.balance, found.payable) == (
        "USD",
        Decimal("1190.00"),
        Decimal("1190.00"),
        True,
    )
    (only,) = found.lines
    assert (only.account_key, only.account_number) == ("_SYS00000000123", "400001000101")
    assert only.amount == Decimal("1190.00")  # tax goes with its line
    assert only.departments == ("ADMIN", "", "", "", "")
    assert found.charges == ()


def test_the_vendors_number_may_be_missing_and_the_document_date_stands_in():
    found = both(NumAtCard="  ", TaxDate=None)
    assert (found.number, found.invoice_date) == ("", date(2026, 3, 31))


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"CancelStatus": "csYes", "DocumentStatus": "bost_Close"}, (Blocked.CANCELLED, Blocked.CLOSED)),
        ({"CancelStatus": "csCancellation"}, (Blocked.CANCELLED,)),
        ({"DocumentStatus": "bost_Close"}, (Blocked.CLOSED,)),
        ({"AuthorizationStatus": "dasPending"}, (Blocked.NOT_POSTED,)),
        ({"AuthorizationStatus": "dasGenerated"}, ()),
        ({"AuthorizationStatus": None}, ()),
        ({"PaymentBlock": "tYES"}, (Blocked.PAYMENT_BLOCK,)),
    ],
)
def test_what_blocks_an_invoice(changes, why):
    found = both(**changes)
    assert found.blocked == why
    settled = {Blocked.CLOSED, Blocked.CANCELLED} & set(why)
    assert found.balance == (Decimal(0) if settled else Decimal("1190.00"))


def test_what_is_unclear_is_not_paid():
    with pytest.raises(ValueError, match="CancelStatus: 'csMaybe'"):
        bill(CancelStatus="csMaybe")
    with pytest.raises(ValueError, match="DocumentStatus: missing"):
        bill(DocumentStatus=None)


def test_what_is_paid_comes_off_the_balance():
    assert both(PaidToDate=Decimal("190.0")).balance == Decimal("1000.00")


def test_a_foreign_invoice_counts_in_its_own_currency():
    found = both(
        DocCurrency="CN$",
        DocTotalFc=Decimal("595.0"),
        VatSumFc=Decimal("95.0"),
        PaidToDateFC=Decimal("100.0"),
        PaidToDate=Decimal("200.0"),
        DocumentLines=[line(RowTotalFC=Decimal("500.0"), NetTaxAmountFC=Decimal("95.0"))],
    )
    assert (found.currency, found.total, found.balance) == ("CAD", Decimal("595.00"), Decimal("495.00"))
    assert [one.amount for one in found.lines] == [Decimal("595.00")]
    assert found.charges == ()


def test_a_foreign_line_without_its_tax_gets_its_share():
    found = both(
        DocCurrency="EUR",
        DocTotalFc=Decimal("110.01"),
        VatSumFc=Decimal("10.01"),
        DocumentLines=[
            line(RowTotalFC=Decimal("50.0"), TaxTotal=Decimal("10.0")),
            line(RowTotalFC=Decimal("25.0"), TaxTotal=Decimal("10.0")),
            line(RowTotalFC=Decimal("25.0"), TaxTotal=Decimal("0.0")),
        ],
    )
    assert found.currency == "EUR"  # without an international code the own one stands
    assert [one.amount for one in found.lines] == [Decimal("55.01"), Decimal("30.00"), Decimal("25.00")]
    assert adds_up(found)


def test_freight_discount_rounding_withholding_and_down_payment_stand_outside_the_lines():
    found = both(
        DocTotal=Decimal("1110.15"),
        VatSum=Decimal("199.5"),
        DocumentAdditionalExpenses=[{"LineTotal": Decimal("50.0"), "TaxSum": Decimal("9.5")}],
        TotalDiscount=Decimal("20.0"),
        RoundingDiffAmount=Decimal("0.65"),
        WTAmount=Decimal("70.0"),
        DownPaymentAmount=Decimal("50.0"),
    )
    assert kinds(found) == {
        ChargeKind.FREIGHT: Decimal("59.50"),
        ChargeKind.ROUNDING: Decimal("0.65"),
        ChargeKind.DISCOUNT: Decimal("-20.00"),
        ChargeKind.WITHHOLDING: Decimal("-70.00"),
        ChargeKind.DOWN_PAYMENT: Decimal("-50.00"),
    }
    assert adds_up(found)


@pytest.mark.parametrize("column", ["WTAmount", "DownPaymentAmount", "TotalDiscount"])
def test_a_charge_that_the_total_does_not_hold_is_left_out(column):
    found = both(**{column: Decimal("100.0")})
    assert found.charges == ()
    assert adds_up(found)


def test_cents_that_the_lines_taxes_miss_are_rounding():
    lines = [line(LineTotal=Decimal("500.0"), TaxTotal=Decimal("95.01")) for _ in range(2)]
    found = both(DocumentLines=lines)
    assert found.charges == (Charge(ChargeKind.ROUNDING, Decimal("-0.02")),)
    assert adds_up(found)


def test_tax_that_the_total_does_not_hold_is_taken_out_again():
    """Acquisition tax stands on the lines and is paid to nobody."""
    found = both(DocTotal=Decimal("1000.0"), VatSum=Decimal("0.0"), DocumentInstallments=[])
    assert found.charges == (Charge(ChargeKind.TAX, Decimal("-190.00")),)
    assert adds_up(found)


def test_lines_that_tell_no_tax_share_the_documents():
    lines = [line(LineTotal=Decimal(n), TaxTotal=None) for n in (600, 400)]
    assert [one.amount for one in both(DocumentLines=lines).lines] == [Decimal("714.00"), Decimal("476.00")]


def test_what_does_not_add_up_keeps_all_its_charges():
    found = both(DocTotal=Decimal("999.0"), WTAmount=Decimal("7.0"), DocumentInstallments=[])
    assert kinds(found) == {ChargeKind.WITHHOLDING: Decimal("-7.00")}
    assert not adds_up(found)


def test_a_total_that_is_no_whole_number_of_cents_is_refused():
    with pytest.raises(ValueError, match=r"DocTotal: 1190\.005"):
        bill(DocTotal=Decimal("1190.005"))
    assert bill(DocTotal=Decimal("1190.000000001")).total == Decimal("1190.00")


THREE = [
    instalment(1, "2026-04-30", "400.00"),
    instalment(2, "2026-05-31", "400.00"),
    instalment(3, "2026-06-30", "390.00"),
]


def test_instalments_add_up_to_the_invoice():
    paid = [instalment(1, "2026-04-30", "400.00"), instalment(2, "2026-05-31", "400.00", "150.00"), THREE[2]]
    found = both(DocumentInstallments=paid, PaidToDate=Decimal("150.0"))
    assert found.instalments == (
        Instalment(1, date(2026, 4, 30), Decimal("400.00"), Decimal("400.00")),
        Instalment(2, date(2026, 5, 31), Decimal("400.00"), Decimal("250.00")),
        Instalment(3, date(2026, 6, 30), Decimal("390.00"), Decimal("390.00")),
    )
    assert sum(one.balance for one in found.instalments) == found.balance


def test_without_a_word_on_each_instalment_the_oldest_is_paid_first():
    told = [{key: value for key, value in one.items() if "Paid" not in key} for one in THREE]
    found = both(DocumentInstallments=told, PaidToDate=Decimal("450.0"))
    assert [one.balance for one in found.instalments] == [Decimal(0), Decimal("350.00"), Decimal("390.00")]


def test_nothing_is_owed_on_the_instalments_of_a_closed_invoice():
    found = both(DocumentInstallments=THREE, DocumentStatus="bost_Close")
    assert [one.balance for one in found.instalments] == [0, 0, 0]


def test_instalments_that_do_not_add_up_are_a_problem():
    found = both(DocumentInstallments=THREE[:2])
    assert found.instalments == ()
    assert "instalments do not add up" in found.problem


def test_what_the_payments_tell_stands_in_for_an_older_schema():
    row = {key: value for key, value in invoice(4711, DocumentInstallments=THREE).items() if "Paid" not in key}
    paid = Paid(Decimal("100.00"), {2: Decimal("100.00")})
    found = documents.bill(row, MONEY, {}, paid)
    assert found.balance == Decimal("1090.00")
    assert [one.balance for one in found.instalments] == [Decimal("400.00"), Decimal("300.00"), Decimal("390.00")]
    doubtful = documents.bill(row, MONEY, {}, Paid(problem="what is still owed cannot be told: no right."))
    assert (doubtful.problem, doubtful.balance) == (
        "what is still owed cannot be told: no right.",
        Decimal("1190.00"),
    )


# --- payments --------------------------------------------------------------------------------------------


def draft(*applications: Application, **changes) -> PaymentDraft:
    values = {
        "reference": "bill:stp01ABCDEFGHIJKLMNO",
        "vendor_key": "V10000",
        "bank": "_SYS00000000042",
        "method": PaymentMethod.ACH,
        "check_number": "",
        "trace": "",
        "paid_on": date(2026, 4, 28),
        "amount": sum((each.amount for each in applications), Decimal(0)),
        "comment": "BILL P26042800001",
        "applications": applications,
        **changes,
    }
    return PaymentDraft(**values)


def due(key="4711", balance="1190.00", instalments=(), *, currency="$", branch=None, **changes) -> Due:
    item = OpenBill(
        key=key,
        vendor_key="V10000",
        number=f"AA-{key}",
        ledger_number=f"2026{key}",
        dated=date(2026, 3, 31),
        total=Decimal("1190.00"),
        balance=Decimal(balance),
        instalments=instalments,
        **changes,
    )
    return Due(item, currency, MONEY.foreign(currency), branch)


def applied(amount="1190.00", key="4711") -> Application:
    return Application(bill="AA-4711", amount=Decimal(amount), key=key)


def sent(order, *invoices, version=1, rate=None, branches=False):
    parts = settlements.allocate(order, {int(each.bill.key): each for each in invoices})
    return settlements.body(order, parts, version=version, rate=rate, branches=branches)


def test_the_body_of_a_payment():
    assert sent(draft(applied()), due()) == {
        "DocType": "rSupplier",
        "CardCode": "V10000",
        "DocDate": "2026-04-28",
        "TaxDate": "2026-04-28",
        "DocCurrency": "$",
        "TransferAccount": "_SYS00000000042",
        "TransferSum": Decimal("1190.00"),
        "TransferDate": "2026-04-28",
        "TransferReference": "bill:stp01ABCDEFGHIJKLMNO",
        "CounterReference": "ACH",
        "Remarks": "BILL P26042800001 (bill:stp01ABCDEFGHIJKLMNO)",
        "JournalRemarks": "BILL P26042800001",
        "PaymentInvoices": [
            {
                "DocEntry": 4711,
                "InvoiceType": "it_PurchaseInvoice",
                "InstallmentId": 1,
                "SumApplied": Decimal("1190.00"),
            }
        ],
    }


def test_a_foreign_payment_tells_both_amounts_and_the_rate():
    body = sent(draft(applied("100.10")), due(currency="EUR"), version=2, rate=Rate(Decimal("1.085"), multiplies=True))
    assert (body["DocCurrency"], body["DocRate"], body["TransferSum"]) == ("EUR", Decimal("1.085"), Decimal("100.10"))
    (row,) = body["PaymentInvoices"]
    assert (row["SumApplied"], row["AppliedFC"]) == (Decimal("108.61"), Decimal("100.10"))
    assert body["DocDate"] == "2026-04-28T00:00:00Z"
    assert Rate(Decimal("1.085"), multiplies=False).local(Decimal("108.50")) == Decimal("100.00")


def test_everything_stays_within_saps_lengths():
    long = draft(applied(), reference="bill:" + "x" * 40, comment="c" * 300, check_number="1234567890", method="CHECK")
    body = sent(long, due())
    assert (len(body["TransferReference"]), len(body["Remarks"]), len(body["JournalRemarks"])) == (27, 254, 50)
    assert body["TransferReference"] == "x" * 27
    assert body["CounterReference"] == "34567890"
    assert len(sent(draft(applied(), method=PaymentMethod.VIRTUAL_CARD), due())["CounterReference"]) <= 8


def test_a_reference_that_was_cut_is_read_back_in_full():
    long = draft(applied(), reference="bill:" + "x" * 40)
    body = sent(long, due())
    row = payment(45, body["TransferReference"], [part(4711, "1190.00")], Remarks=body["Remarks"])
    assert settlements.payment(row).reference == long.reference


PARTS = (
    Instalment(1, date(2026, 4, 30), Decimal("400.00"), Decimal("100.00")),
    Instalment(2, date(2026, 6, 30), Decimal("400.00"), Decimal("400.00")),
    Instalment(3, date(2026, 5, 31), Decimal("390.00"), Decimal("390.00")),
)


@pytest.mark.parametrize(
    ("key", "amount", "expected"),
    [
        ("4711", "50.00", [(1, "50.00")]),
        ("4711", "500.00", [(1, "100.00"), (3, "390.00"), (2, "10.00")]),
        ("4711-2", "400.00", [(2, "400.00")]),
        ("4711-2", "450.00", [(2, "400.00"), (1, "50.00")]),
    ],
)
def test_instalments_are_paid_as_named_and_then_the_oldest_first(key, amount, expected):
    body = sent(draft(applied(amount, key)), due(balance="890.00", instalments=PARTS))
    rows = [(row["InstallmentId"], str(row["SumApplied"])) for row in body["PaymentInvoices"]]
    assert rows == expected


def test_two_instalments_of_one_invoice_in_one_payment():
    order = draft(applied("100.00", "4711-1"), applied("390.00", "4711-3"), applied("10.00", "4711-3"))
    body = sent(order, due(balance="890.00", instalments=PARTS))
    rows = [(row["InstallmentId"], str(row["SumApplied"])) for row in body["PaymentInvoices"]]
    assert rows == [(1, "100.00"), (3, "390.00"), (2, "10.00")]
    assert body["TransferSum"] == order.amount


@pytest.mark.parametrize(
    ("application", "invoices", "code", "words"),
    [
        (applied(key="4712"), [due()], "invoice_not_found", "AA-4711"),
        (applied(key="AA-4711"), [due()], "invoice_not_found", "AA-4711"),
        (applied("1190.01"), [due()], "amount_exceeds_balance", "balance of 1190.00"),
        (applied("500.00"), [due(balance="400.00", instalments=PARTS[:1])], "amount_exceeds_balance", "400.00"),
        (applied(), [due(balance="0", blocked=(Blocked.CLOSED,))], "invoice_closed", "closed"),
        (applied(), [due(blocked=(Blocked.CANCELLED,))], "invoice_closed", "cancelled"),
    ],
)
def test_an_invoice_that_cannot_take_the_payment(application, invoices, code, words):
    with pytest.raises(Unpayable, match=words) as found:
        sent(draft(application), *invoices)
    assert found.value.code == code


def test_another_vendors_invoice_is_not_paid():
    with pytest.raises(Unpayable, match="V20000 has no invoice"):
        settlements.allocate(draft(applied(), vendor_key="V20000"), {4711: due()})


def test_invoices_of_several_branches_or_currencies_are_not_paid_together():
    order = draft(applied("10.00"), applied("10.00", "4712"))
    with pytest.raises(Unpayable, match="branches"):
        sent(order, due(branch=1), due("4712", branch=2))
    with pytest.raises(Unpayable, match="currencies"):
        sent(order, due(), due("4712", currency="EUR"))
    assert sent(order, due(branch=3), due("4712", branch=3), branches=True)["BPLID"] == 3
    assert "BPLID" not in sent(order, due(branch=3), due("4712", branch=3))


def test_a_payment_of_the_ledger():
    row = payment(
        45, "bill:stp01", [part(4711, "10.00"), part(4711, "5.00", 2), part(9, "1", InvoiceType="it_Invoice")]
    )
    found = settlements.payment(row)
    assert (found.id, found.reference, found.vendor_key, found.posted) == ("45", "bill:stp01", "V10000", True)
    assert found.applications == (Application(bill="4711", amount=Decimal("15.00"), key="4711"),)
    assert (found.amount, found.paid_on, found.check_number) == (Decimal("16.00"), date(2026, 4, 28), "")
    assert settlements.payment({**row, "CounterReference": "10023"}).check_number == "10023"


@pytest.mark.parametrize(
    ("own", "requests", "expected"),
    [
        ("pasPending", [], "pending"),
        ("pasWithout", [], "pending"),
        ("pasRejected", [], "rejected"),
        ("pasGenerated", [], "done"),
        ("pasPending", [("arsNotApproved", "46", 2), ("arsPending", "46", 1)], "rejected"),
        ("pasPending", [("arsApproved", "46", 1)], "pending"),
        ("pasPending", [("arsGenerated", "46", 1)], "done"),
        ("pasPending", [("arsGenerated", "18", 1)], "pending"),  # an invoice's draft may have the same number
    ],
)
def test_what_became_of_a_draft(own, requests, expected):
    rows = [{"Status": status, "ObjectType": kind, "Code": code} for status, kind, code in requests]
    assert settlements.approval({"AuthorizationStatus": own}, rows) == expected
