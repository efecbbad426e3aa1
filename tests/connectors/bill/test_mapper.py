from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from connectors.bill import mapper
from connectors.domain import (
    Address,
    Application,
    BillDraft,
    Blocked,
    DraftLine,
    PaymentMethod,
    PaymentStatus,
    VendorDraft,
    VendorStatus,
)

PAYMENT: dict[str, Any] = {
    "id": "stp01ZZQWERTYUIOPASD",
    "vendorId": "00901QWERTYUIOPASDFG",
    "amount": Decimal("228.98"),
    "processDate": "2026-12-15",
    "fundingAccount": {"type": "BANK_ACCOUNT", "id": "bac01"},
    "transactionNumber": "EPKZLNTSTYSEUWVALISV",
    "confirmationNumber": "P26121501 - 0411839",
    "status": "PAID",
    "singleStatus": "CLEARED",
    "onlinePayment": True,
    "disbursementType": "CHECK",
    "disbursementInfo": {"checkDisbursement": {"checkNumber": 50123}},
    "billPayments": [
        {"id": "blp1", "billId": "00nA", "amount": 200},
        {"id": "blp2", "billId": "00nB", "amount": Decimal("28.98")},
    ],
    "updatedTime": "2026-12-16T00:00:00Z",
}


def test_payment_is_read_with_its_split():
    payment = mapper.payment(PAYMENT)
    assert payment.applications == (
        Application("00nA", Decimal("200.00")),
        Application("00nB", Decimal("28.98")),
    )
    assert (payment.method, payment.check_number, payment.reference) == (PaymentMethod.CHECK, "50123", "50123")
    assert payment.paid_on == date(2026, 12, 15)
    assert payment.confirmation == "P26121501 - 0411839"
    assert payment.funding_account == "bac01"
    assert payment.changed_at == datetime(2026, 12, 16, tzinfo=UTC)
    assert not payment.outside


def test_payment_of_one_bill_may_name_it_at_the_top():
    row = {**PAYMENT, "billPayments": [], "billId": "00nA"}
    assert mapper.payment(row).applications == (Application("00nA", Decimal("228.98")),)


def test_payment_recorded_by_a_person_is_outside():
    row = {**PAYMENT, "onlinePayment": False, "disbursementType": "OFFLINE", "syncReference": "CHK 10233"}
    payment = mapper.payment(row)
    assert payment.outside
    assert payment.method is PaymentMethod.OTHER
    assert payment.reference == "CHK 10233"


@pytest.mark.parametrize(
    ("status", "single", "meaning"),
    [
        ("PAID", "CLEARED", PaymentStatus.PAID),
        ("PAID", "FUNDING_STARTED", PaymentStatus.PAID),
        ("PAID", "", PaymentStatus.PAID),
        ("PAID", "VOID_PENDING", PaymentStatus.PAID),
        ("PAID", "SOMETHING_NEW", PaymentStatus.PAID),
        ("PAID", "DISBURSEMENT_FAILED_ACTION_NEEDED", PaymentStatus.PAID),
        ("PAID", "FUNDING_FAILED_ACTION_NEEDED", PaymentStatus.OPEN),
        ("PAID", "FUNDING_FAILED_VOIDED", PaymentStatus.VOIDED),
        ("PAID", "VOIDED", PaymentStatus.VOIDED),
        ("VOID", "", PaymentStatus.VOIDED),
        ("CANCELLED", "CANCELED", PaymentStatus.VOIDED),
        ("SCHEDULED", "CANCELED", PaymentStatus.VOIDED),
        ("SCHEDULED", "SCHEDULED", PaymentStatus.OPEN),
        ("APPROVING", "", PaymentStatus.OPEN),
        ("SOMETHING_NEW", "", PaymentStatus.OPEN),
        ("", "", PaymentStatus.OPEN),
    ],
)
def test_payment_status(status, single, meaning):
    assert mapper.payment({**PAYMENT, "status": status, "singleStatus": single}).status is meaning


@pytest.mark.parametrize(
    ("change", "method", "reference"),
    [
        ({"disbursementType": "ACH", "disbursementInfo": None}, PaymentMethod.ACH, "P26121501 - 0411839"),
        (
            {"disbursementType": "ACH", "disbursementInfo": {}, "confirmationNumber": None},
            PaymentMethod.ACH,
            "EPKZLNTSTYSEUWVALISV",
        ),
        (
            {"disbursementType": "RPPS", "disbursementInfo": {"rppsDisbursement": {"traceNumber": 7813}}},
            PaymentMethod.ACH,
            "7813",
        ),
        (
            {
                "disbursementType": "VIRTUAL_CARD",
                "disbursementInfo": {"vcardDisbursement": {"last4CardNumber": "4242"}},
            },
            PaymentMethod.VIRTUAL_CARD,
            "VCARD 4242 P26121501 - 0411839",
        ),
        ({"disbursementType": "AMEX", "disbursementInfo": {}}, PaymentMethod.VIRTUAL_CARD, "VCARD P26121501 - 0411839"),
        ({"disbursementType": "INTERNATIONAL", "disbursementInfo": {}}, PaymentMethod.WIRE, "P26121501 - 0411839"),
        ({"disbursementType": "CHECK", "disbursementInfo": {}}, PaymentMethod.CHECK, "P26121501 - 0411839"),
        ({"disbursementType": "PIGEON", "disbursementInfo": {}}, PaymentMethod.OTHER, "P26121501 - 0411839"),
    ],
)
def test_method_and_reference(change, method, reference):
    payment = mapper.payment({**PAYMENT, **change})
    assert (payment.method, payment.reference) == (method, reference)


def test_virtual_card_reference_fits_the_ledger():
    row = {**PAYMENT, "disbursementType": "VIRTUAL_CARD", "confirmationNumber": "X" * 60}
    assert len(mapper.payment(row).reference) == 40


@pytest.mark.parametrize(
    ("change", "member"),
    [
        ({"amount": "228.98"}, "amount"),
        ({"amount": True}, "amount"),
        ({"amount": None}, "amount"),
        ({"amount": Decimal("1.234")}, "amount"),
        ({"amount": Decimal("1E+40")}, "amount"),
        ({"id": None}, "id"),
        ({"processDate": "15.12.2026"}, "processDate"),
        ({"updatedTime": "yesterday"}, "updatedTime"),
        ({"billPayments": {"billId": "x"}}, "billPayments"),
        ({"billPayments": [{"amount": 1}]}, "billId"),
        ({"fundingAccount": "bac01"}, "fundingAccount"),
    ],
)
def test_wrong_types_name_the_member(change, member):
    with pytest.raises(ValueError, match=member):
        mapper.payment({**PAYMENT, **change})


def test_binary_noise_is_no_fraction_of_a_cent():
    assert mapper.payment({**PAYMENT, "amount": Decimal("300.00000000000006")}).amount == Decimal("300.00")


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-20T15:04:05.006+00:00",
        "2026-11-20T15:04:05.006Z",
        "2026-11-20T16:04:05.006+01:00",
        "2026-11-20T15:04:05.006",
    ],
)
def test_instants(text):
    assert mapper.instant({"t": text}, "t") == datetime(2026, 11, 20, 15, 4, 5, 6000, tzinfo=UTC)


BILL = {
    "id": "00n01",
    "vendorId": "00901",
    "amount": Decimal("228.98"),
    "invoice": {"invoiceNumber": "INV-88412", "invoiceDate": "2026-11-18"},
    "paymentStatus": "UNPAID",
}


@pytest.mark.parametrize(
    ("change", "unpaid"),
    [
        ({}, True),
        ({"paidAmount": 0, "scheduledAmount": 0}, True),
        ({"paymentStatus": "UNDEFINED"}, True),
        ({"paymentStatus": None}, True),
        ({"paidAmount": 1}, False),
        ({"scheduledAmount": Decimal("0.01")}, False),
        ({"paymentStatus": "PARTIAL"}, False),
        ({"paymentStatus": "SCHEDULED"}, False),
        ({"paymentStatus": "IN_PROCESS"}, False),
    ],
)
def test_unpaid_bill(change, unpaid):
    assert mapper.target_bill({**BILL, **change}).unpaid is unpaid


def test_vendor_tolerates_absent_null_and_new_members():
    vendor = mapper.vendor({"id": "00901", "name": "Granite", "address": None, "phone": 5095550100, "moon": []})
    assert (vendor.phone, vendor.address, vendor.status) == ("5095550100", Address(), VendorStatus.ACTIVE)


def test_archived_vendor_is_inactive_and_shows_our_number():
    vendor = mapper.vendor({"id": "00901", "name": "Granite", "archived": True, "shortName": "01-0001234"})
    assert (vendor.status, vendor.reference) == (VendorStatus.INACTIVE, "01-0001234")


def test_account():
    row = {"id": "0ca", "name": "Office", "archived": False, "account": {"type": "EXPENSE", "number": "6400-01-00"}}
    account = mapper.account(row)
    assert (account.key, account.number, account.kind, account.active) == ("0ca", "6400-01-00", "EXPENSE", True)


def test_bill_body_has_the_documented_shape():
    draft = BillDraft(
        vendor_id="00901",
        number="INV-1",
        invoice_date=date(2026, 11, 18),
        due_date=date(2026, 12, 31),
        lines=(DraftLine("0ca", Decimal("149.00"), "Rebar", "0de"), DraftLine("0ca", Decimal("-9.10"))),
        purchase_order="PO-1",
    )
    assert mapper.bill_body(draft) == {
        "vendorId": "00901",
        "dueDate": "2026-12-31",
        "invoice": {"invoiceNumber": "INV-1", "invoiceDate": "2026-11-18"},
        "purchaseOrderNumber": "PO-1",
        "billLineItems": [
            {
                "amount": Decimal("149.00"),
                "description": "Rebar",
                "classifications": {"chartOfAccountId": "0ca", "departmentId": "0de"},
            },
            {"amount": Decimal("-9.10"), "classifications": {"chartOfAccountId": "0ca"}},
        ],
        "allowDuplicateInvoiceNumber": False,
    }


def test_a_line_of_nothing_keeps_its_amount():
    draft = BillDraft("v", "n", date(2026, 1, 1), date(2026, 1, 1), (DraftLine("a", Decimal("0.00")),))
    assert mapper.bill_body(draft)["billLineItems"][0]["amount"] == 0


ADDRESS = Address("12 Quarry Rd", "Ste 4", "Dock B", "Spokane", "WA", "99201", "US")


def test_vendor_body_omits_what_is_empty_and_joins_the_third_line():
    body = mapper.vendor_body(VendorDraft("Granite", "01-0001234", ADDRESS, email="a@b.example; c@d.example"))
    assert body == {
        "name": "Granite",
        "shortName": "01-0001234",
        "accountType": "BUSINESS",
        "address": {
            "line1": "12 Quarry Rd",
            "line2": "Ste 4, Dock B",
            "city": "Spokane",
            "stateOrProvince": "WA",
            "zipOrPostalCode": "99201",
            "country": "US",
        },
        "paymentInformation": {"payeeName": "Granite"},
    }


@pytest.mark.parametrize(
    ("state", "country", "sent"),
    [("wa", "US", "WA"), ("On", "CA", "ON"), ("Wash", "US", "Wash"), ("vd", "CH", "vd"), ("wa", "", "wa")],
)
def test_states_of_north_america_are_capitals(state, country, sent):
    address = replace(ADDRESS, state=state, country=country)
    draft = VendorDraft("Granite", "01-1", address)
    assert mapper.vendor_body(draft)["address"]["stateOrProvince"] == sent
    assert mapper.vendor_changes(draft, frozenset({"address"}))["address"]["stateOrProvince"] == sent


def test_vendor_changes_are_only_what_changed():
    draft = VendorDraft(
        "Granite", "01-1", Address("1 A St", city="Bonn", postcode="53111", country="DE"), email="a@b.de"
    )
    assert mapper.vendor_changes(draft, frozenset({"email"})) == {"email": "a@b.de"}
    address = mapper.vendor_changes(draft, frozenset({"address"}))["address"]
    assert (address["line2"], address["stateOrProvince"]) == ("", "")
    assert mapper.vendor_changes(VendorDraft("G", "r", ADDRESS, email=""), frozenset({"email"})) == {}


SOURCE = {
    **BILL,
    "vendorName": "Granite Supply Co",
    "archived": False,
    "paidAmount": Decimal("28.98"),
    "dueAmount": Decimal("200.00"),
    "dueDate": "2026-12-31",
    "description": "Rebar",
    "purchaseOrderNumber": "PO-1",
    "approvalStatus": "APPROVED",
    "updatedTime": "2026-11-20T15:04:05.006+00:00",
    "billLineItems": [
        {
            "id": "bli01",
            "amount": 149,
            "description": "Rebar #4",
            "classifications": {"chartOfAccountId": "0ca01", "departmentId": "0de01", "locationId": "loc01"},
        },
        {"id": "bli02", "quantity": 3, "price": Decimal("26.66")},
    ],
}


def test_a_bill_as_a_source():
    bill = mapper.bill(SOURCE)
    assert (bill.key, bill.vendor_key, bill.vendor_name, bill.number) == (
        "00n01",
        "00901",
        "Granite Supply Co",
        "INV-88412",
    )
    assert (bill.invoice_date, bill.due_date) == (date(2026, 11, 18), date(2026, 12, 31))
    assert (bill.total, bill.balance) == (Decimal("228.98"), Decimal("200.00"))
    assert (bill.purchase_order, bill.description, bill.approval) == ("PO-1", "Rebar", "APPROVED")
    assert bill.blocked == ()
    coded, bare = bill.lines
    assert (coded.account_key, coded.departments, coded.amount) == ("0ca01", ("0de01", "loc01"), Decimal("149.00"))
    assert (bare.account_key, bare.departments, bare.amount) == ("", ("", ""), Decimal("79.98"))


def test_an_archived_source_bill_says_so_and_its_balance_needs_no_due_amount():
    bill = mapper.bill({**SOURCE, "archived": True, "dueAmount": None})
    assert bill.blocked == (Blocked.ARCHIVED,)
    assert bill.balance == Decimal("200.00")


@pytest.mark.parametrize(
    ("change", "member"),
    [
        ({"vendorId": ""}, "vendorId"),
        ({"billLineItems": [{"description": "no amount"}]}, "amount"),
        ({"invoice": {"invoiceNumber": "1", "invoiceDate": "18/11/2026"}}, "invoiceDate"),
    ],
)
def test_a_source_bill_that_cannot_be_read_names_the_member(change, member):
    with pytest.raises(ValueError, match=member):
        mapper.bill({**SOURCE, **change})
