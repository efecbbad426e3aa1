from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal

import pytest

from connectors.domain import Address, Application, Blocked, PaymentDraft, PaymentMethod, VendorDraft, VendorStatus
from connectors.sage100 import mapper
from connectors.sage100.countries import country


def test_a_vendor(vendor_json):
    vendor = mapper.vendor(vendor_json, "USD")
    assert vendor.key == "01-ACME01"
    assert vendor.status is VendorStatus.ACTIVE
    assert vendor.address == Address("12 Mill Rd", "", "", "Dayton", "OH", "45402", "US")
    assert vendor.remit_to_name == "Acme Receivables"
    assert vendor.remit_to_address == Address("PO Box 9", city="Dayton", state="OH", postcode="45401", country="US")
    assert vendor.currency == "USD"
    assert vendor.changed_at == datetime.fromisoformat("2025-11-04T14:30:00-05:00")


def test_a_vendor_without_remit_to_and_without_stamps(vendor_json):
    vendor_json |= {"remitTo": None, "createdAt": None, "updatedAt": None, "vendorStatus": "I", "holdPayment": True}
    vendor = mapper.vendor(vendor_json, "USD")
    assert (vendor.remit_to_address, vendor.remit_to_name, vendor.changed_at) == (None, "", None)
    assert (vendor.status, vendor.on_hold) == (VendorStatus.INACTIVE, True)


def test_the_later_stamp_counts(vendor_json):
    vendor_json |= {"createdAt": "2025-11-04T14:30:00-05:00", "updatedAt": "2025-11-04T19:00:00Z"}
    assert mapper.vendor(vendor_json, "").changed_at == datetime.fromisoformat("2025-11-04T14:30:00-05:00")


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("vendorName", 5),
        ("vendorName", None),
        ("vendorNo", " "),
        ("apDivisionNo", "1"),
        ("holdPayment", "N"),
        ("vendorStatus", "X"),
        ("remitTo", "x"),
        ("updatedAt", "2025-11-04T14:30:00"),
        ("updatedAt", 5),
        ("zipCode", 45402),
    ],
)
def test_a_wrong_member_of_a_vendor_is_named(vendor_json, member, value):
    with pytest.raises(ValueError, match=member):
        mapper.vendor({**vendor_json, member: value}, "USD")


def test_a_bill(invoice_json):
    invoice_json |= {"freightAmt": "85.00", "salesTaxAmt": None}
    bill = mapper.bill(invoice_json, "USD")
    assert bill.key == "01-ACME01|INV-20541"
    assert (bill.vendor_key, bill.number) == ("01-ACME01", "INV-20541")
    assert (bill.invoice_date, bill.due_date) == (date(2025, 10, 28), date(2025, 11, 27))
    assert (bill.total, bill.balance, bill.freight, bill.tax) == (1250, 1250, Decimal("85.00"), 0)
    assert (bill.purchase_order, bill.description, bill.currency) == ("0010223", "Site 14 lumber", "USD")
    line = bill.lines[0]
    assert (line.account_key, line.account_number, line.description) == ("00000010A", "5010-01-00", "Lumber")
    assert bill.payable


@pytest.mark.parametrize(
    ("reason", "blocked"),
    [
        ("not_posted", Blocked.NOT_POSTED),
        ("zero_balance", Blocked.PAID),
        ("credit", Blocked.CREDIT),
        ("invoice_on_hold", Blocked.ON_HOLD),
        ("vendor_on_hold", Blocked.VENDOR_ON_HOLD),
        ("selected_for_payment", Blocked.SELECTED_FOR_PAYMENT),
    ],
)
def test_why_an_invoice_is_not_payable(invoice_json, reason, blocked):
    invoice_json |= {"payable": False, "notPayableReasons": [reason]}
    assert mapper.bill(invoice_json, "").blocked == (blocked,)
    assert not mapper.open_bill(invoice_json).payable


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("invoiceAmt", 1250),
        ("invoiceAmt", Decimal("1250.00")),
        ("invoiceAmt", "1,250.00"),
        ("invoiceAmt", "1.005"),
        ("invoiceAmt", "1e3"),
        ("invoiceAmt", "١٢"),
        ("balance", None),
        ("invoiceDate", "28.10.2025"),
        ("lines", None),
        ("lines", [5]),
        ("lines", [{"accountKey": "1", "account": "2", "amount": 5}]),
        ("notPayableReasons", None),
        ("notPayableReasons", ["something_new"]),
        ("payable", False),
        ("invoiceNo", None),
        ("state", "entry"),
    ],
)
def test_a_wrong_member_of_a_bill_is_named(invoice_json, member, value):
    with pytest.raises(ValueError, match=member):
        mapper.bill({**invoice_json, member: value}, "USD")


def test_the_blank_date_of_premium(invoice_json):
    assert mapper.bill({**invoice_json, "dueDate": "1753-01-01"}, "").due_date is None


@pytest.mark.parametrize("invoice", ["A|B", "R 104/B#2", "0781", "-|-"])
def test_keys_come_apart_as_they_were_put_together(invoice_json, invoice):
    invoice_json |= {"vendorNo": "A-B/CO", "invoiceNo": invoice}
    assert mapper.split_bill_key(mapper.bill_key(invoice_json)) == ("01", "A-B/CO", invoice)


@pytest.mark.parametrize("key", ["", "ACME01", "01-", "1-ACME|X", "01-ACME01|", "01-ACME01"])
def test_what_is_no_key(key):
    with pytest.raises(ValueError):
        mapper.split_bill_key(key)


def test_a_payment(payment_json):
    payment = mapper.payment(payment_json)
    assert (payment.id, payment.reference) == (payment_json["id"], "bill:stp01ABCD1234")
    assert (payment.posted, payment.amount, payment.check_number, payment.batch) == (False, 1250, "W00017", "00042")
    assert payment.applications == (Application("INV-20541", Decimal("1250.00"), Decimal("0.00")),)
    assert mapper.payment({**payment_json, "state": "posted", "clientReference": None}).posted
    with pytest.raises(ValueError, match="state"):
        mapper.payment({**payment_json, "state": "gone"})


DRAFT = PaymentDraft(
    reference="bill:stp01",
    vendor_key="01-ACME01",
    bank="B",
    method=PaymentMethod.ACH,
    check_number="777",
    trace="P251-88",
    paid_on=date(2025, 11, 3),
    amount=Decimal("99.5"),
    comment="BILL P251",
    applications=(Application("INV-1", Decimal(100)), Application("CM-1", Decimal("-0.5"), Decimal("0.25"))),
)


def test_the_body_of_a_payment():
    assert mapper.payment_body(DRAFT) == {
        "clientReference": "bill:stp01",
        "apDivisionNo": "01",
        "vendorNo": "ACME01",
        "bankCode": "B",
        "method": "ACH",
        "checkNo": None,
        "reference": "P251-88",
        "paymentDate": "2025-11-03",
        "amount": "99.50",
        "comment": "BILL P251",
        "applications": [
            {"invoiceNo": "INV-1", "amountPaid": "100.00", "discountTaken": "0.00"},
            {"invoiceNo": "CM-1", "amountPaid": "-0.50", "discountTaken": "0.25"},
        ],
    }


def test_a_check_has_its_number_and_a_batch_its_description():
    body = mapper.payment_body(replace(DRAFT, method=PaymentMethod.CHECK, batch="BILL 2025-11-04"))
    assert body["checkNo"] == "777"
    assert body["batch"] == {"description": "BILL 2025-11-04"}
    with pytest.raises(ValueError, match="cents"):
        mapper.payment_body(replace(DRAFT, amount=Decimal("99.505")))


def test_the_body_of_a_vendor():
    draft = VendorDraft("Acme", "009", Address("1 Mill Rd", city="Dayton", state="OH", postcode="45402", country="US"))
    assert mapper.vendor_body(draft, "01", "ACME01", "03") == {
        "apDivisionNo": "01",
        "vendorNo": "ACME01",
        "vendorName": "Acme",
        "termsCode": "03",
        "addressLine1": "1 Mill Rd",
        "city": "Dayton",
        "state": "OH",
        "zipCode": "45402",
        "countryCode": "USA",
        "reference": "009",
    }


@pytest.mark.parametrize(
    ("code", "state", "postcode", "expected"),
    [
        ("USA", "", "", "US"),
        ("deu", "", "", "DE"),
        ("CA", "", "", "CA"),
        ("XXX", "OH", "45402", ""),
        ("", "OH", "45402", "US"),
        ("", "OH", "45402-1234", "US"),
        ("", "on", "k1a 0b1", "CA"),
        ("", "ON", "45402", ""),
        ("", "OH", "", ""),
        ("", "", "45402", ""),
        ("", "PR", "00901", ""),
    ],
)
def test_countries(code, state, postcode, expected):
    assert country(code, state, postcode) == expected


def test_an_account_and_a_bank():
    record = {"accountKey": "00000010A", "account": "5010-01-00", "accountDesc": "Materials", "status": "I"}
    account = mapper.account({**record, "accountType": "12"})
    assert (account.key, account.number, account.name, account.active, account.kind) == (
        "00000010A",
        "5010-01-00",
        "Materials",
        False,
        "12",
    )
    assert mapper.bank({"bankCode": "B", "description": "BILL clearing"}).kind == "bank"
