"""Payments: windows, filters, shapes, and what people do with them (docs: avidxchange 9), under both profiles."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.connectors.avidxchange.caller import PROFILES, Caller, denied, serving

# The same facts in the words of the two profiles.
STATUSES = {
    "avidsuite-v1": {"settled": "Cleared", "issued": "Issued to Supplier", "in_progress": "Processing", "void": "Void"},
    "plain-rest": {"settled": "SETTLED", "issued": "SENT", "in_progress": "PENDING", "void": "VOIDED"},
}
PLAIN = {
    "PaymentId": "id",
    "Status.Description": "status",
    "Amount": "amount",
    "ClearedDate": "settledOn",
    "AvidPayChecknumber": "checkNumber",
    "AchTraceNumber": "achTrace",
    "VirtualCard.Last4": "card.last4",
    "Payee.ExternalId.Value": "supplier.externalId",
    "Remittances": "invoices",
    "Number": "invoiceNumber",
    "Net": "paidAmount",
    "Discount": "discountTaken",
    "Gross": "invoiceAmount",
}


@pytest.fixture(params=PROFILES)
def avid(request: pytest.FixtureRequest) -> Iterator[Caller]:
    with serving(request.param) as caller:
        yield caller


def field(avid: Caller, row: dict[str, Any], path: str) -> Any:
    """The value at a path of the default profile; nothing there is None."""
    value: Any = row
    for part in (PLAIN.get(path, path) if avid.plain else path).split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def read(avid: Caller, payment: int) -> dict[str, Any]:
    return avid.get(f"/payments/{payment}").json()


def state(avid: Caller, payment: int) -> tuple[str, bool]:
    """(neutral status, whether it has a settled date)"""
    row = read(avid, payment)
    names = {text: name for name, text in STATUSES[avid.profile].items()}
    text = field(avid, row, "Status.Description")
    return names.get(text, text), field(avid, row, "ClearedDate") is not None


def lines(avid: Caller, payment: int) -> list[tuple[str, Decimal, Decimal, Decimal]]:
    """(number, gross, discount, net) of each remittance."""
    rows = field(avid, read(avid, payment), "Remittances")
    names = ("Gross", "Discount", "Net")
    return [
        (field(avid, row, "Number"), *(Decimal(str(field(avid, row, name))) for name in names))  # type: ignore[misc]
        for row in rows
    ]


def found(avid: Caller, **params: Any) -> list[int]:
    return sorted(field(avid, row, "PaymentId") for row in avid.rows(avid.payments, **params))


# --- filters ------------------------------------------------------------------------------------------


def test_a_filter_is_required_where_the_profile_says_so() -> None:
    with serving() as avid:
        assert denied(avid.get("/payments")) == (400, "FILTER_REQUIRED")
        assert denied(avid.get("/payments", pageNumber=1)) == (400, "FILTER_REQUIRED")
    with serving("plain-rest") as avid:
        number = avid.paid()
        assert found(avid) == [number]


def test_a_window_takes_thirty_one_days(avid: Caller) -> None:
    def ask(first: str, last: str) -> Any:
        return avid.get(avid.payments, lastModifiedFrom=first, lastModifiedTo=last)

    assert ask("2026-10-01", "2026-10-31").status_code == 200
    assert denied(ask("2026-10-01", "2026-11-01")) == (400, "WINDOW_TOO_LONG")
    assert denied(ask("2026-10-02", "2026-10-01"))[0] == 400
    assert denied(ask("2026-10-01T00:00:00", "2026-10-02"))[0] == 400
    assert denied(avid.get(avid.payments, lastModifiedFrom="2020-01-01")) == (400, "WINDOW_TOO_LONG")
    assert denied(avid.get(avid.payments, lastModifiedTo="2026-10-01")) == (400, "FILTER_REQUIRED")


def test_days_are_utc_and_inclusive_at_both_ends(avid: Caller) -> None:
    times = ("2026-10-04T23:59:59", "2026-10-05T00:00:00", "2026-10-06T23:59:59", "2026-10-06T20:00:00-05:00")
    made = [avid.paid(at=at) for at in times]
    assert found(avid, lastModifiedFrom="2026-10-05", lastModifiedTo="2026-10-06") == made[1:3]
    assert found(avid, lastModifiedFrom="2026-10-07", lastModifiedTo="2026-10-07") == made[3:]


def test_a_payment_moves_to_the_day_it_was_modified(avid: Caller) -> None:
    number = avid.paid(at="2026-10-05T10:00:00")
    avid.act("clear", payment=number, at="2026-10-09T10:00:00")
    assert found(avid, lastModifiedFrom="2026-10-05", lastModifiedTo="2026-10-08") == []
    assert found(avid, lastModifiedFrom="2026-10-09", lastModifiedTo="2026-10-09") == [number]


def test_payments_are_found_by_id_external_id_and_batch(avid: Caller) -> None:
    one, two = avid.paid(at="2026-10-05"), avid.paid(at="2026-10-06")
    assert found(avid, paymentIds=f"{one},{two},9") == [one, two]
    assert found(avid, externalPaymentIds=f"AP-{two}") == [two]
    assert found(avid, batchId="AC-20261005-1") == [one]
    many = ",".join(str(number) for number in range(51))
    assert denied(avid.get(avid.payments, paymentIds=many)) == (400, "FIELD_INVALID")


def test_the_list_is_shuffled_and_pages_agree(avid: Caller) -> None:
    made = [avid.paid() for _ in range(40)]
    first = (datetime.now(UTC) - timedelta(days=1)).date().isoformat()
    rows = [field(avid, row, "PaymentId") for row in avid.rows(avid.payments, lastModifiedFrom=first)]
    assert rows != made
    assert sorted(rows) == made


def test_the_list_leaves_out_what_the_detail_tells(avid: Caller) -> None:
    number = avid.paid(method="card")
    [row] = avid.rows(avid.payments, paymentIds=number)
    assert field(avid, row, "Remittances") is None
    assert field(avid, row, "VirtualCard.Last4") is None
    assert field(avid, row, "Amount") == 100
    assert len(field(avid, read(avid, number), "VirtualCard.Last4")) == 4
    assert len(lines(avid, number)) == 1


def test_unknown_payments_are_404(avid: Caller) -> None:
    assert denied(avid.get("/payments/77")) == (404, "NotFound")
    assert denied(avid.get("/payments/77/paymenthistory")) == (404, "NotFound")
    assert denied(avid.get("/payments/batches")) == (404, "NotFound")


def test_the_second_profile_lists_what_is_not_settled_too() -> None:
    with serving("plain-rest") as avid:
        number = avid.paid()
        assert found(avid) == [number]
        assert state(avid, number) == ("in_progress", False)
        assert avid.get("/payments").status_code == 404


# --- numbers ------------------------------------------------------------------------------------------


def test_each_method_has_its_own_numbers(avid: Caller) -> None:
    names = ("CheckNumber", "AvidPayChecknumber", "AchTraceNumber", "VirtualCard.Last4")
    told = {}
    for method in ("check", "ach", "card"):
        row = read(avid, avid.paid(method=method))
        told[row["PaymentMethod"]["Description"]] = [len(field(avid, row, name) or "") for name in names]
    assert told == {
        "AvidPay Check": [5, 10, 0, 0],
        "AvidPay Direct": [0, 0, 15, 0],
        "Virtual Credit Card": [0, 0, 0, 4],
    }


def test_a_card_payment_may_have_no_number_at_all(avid: Caller) -> None:
    row = read(avid, avid.paid(method="card", numbers=False))
    assert all(field(avid, row, name) is None for name in ("AvidPayChecknumber", "VirtualCard.Last4"))


def test_payee_and_bank_are_told(avid: Caller) -> None:
    row = read(avid, avid.paid(bank="10300"))
    assert field(avid, row, "Payee.ExternalId.Value") == "V"
    assert row["BankAccount"] == {"ClientIds": ["10300"]}
    assert row["ExternalPaymentIds"] == [{"Value": f"AP-{field(avid, row, 'PaymentId')}"}]


# --- what is paid -------------------------------------------------------------------------------------


def test_one_payment_pays_several_invoices_with_discount_and_credit(avid: Caller) -> None:
    avid.ready()
    one = avid.invoice("INV-1", gross=1860, DiscountAmount=16.45)
    two = avid.invoice("INV-2", gross=50.1)
    credit = avid.invoice("CM-1", gross=-20.05)
    number = avid.act("pay", invoices=[one, two, credit])["id"]
    assert lines(avid, number) == [
        ("INV-1", Decimal(1860), Decimal("16.45"), Decimal("1843.55")),
        ("INV-2", Decimal("50.1"), Decimal(0), Decimal("50.1")),
        ("CM-1", Decimal("-20.05"), Decimal(0), Decimal("-20.05")),
    ]
    row = read(avid, number)
    assert Decimal(str(field(avid, row, "Amount"))) == Decimal("1873.60")
    assert field(avid, row, "Payee.ExternalId.Value") == "01-ABC001"
    assert field(avid, row, "Remittances")[0]["ExternalId"]["Value"] == "S100|ABC|01-ABC001|INV-1"


def test_an_invoice_is_paid_in_parts_and_follows_its_payments(avid: Caller) -> None:
    avid.ready()
    invoice = avid.invoice(gross=100)
    avid.act("approve", invoice=invoice)

    def status() -> str:
        return str(avid.read(invoice)["Status"]["Description"])

    first = avid.act("pay", invoices=[{"id": invoice, "amount": "40.00"}])["id"]
    assert status() == "Payment Scheduled"
    rest = avid.act("pay", invoices=[invoice])["id"]
    assert lines(avid, rest) == [("INV-1", Decimal(60), Decimal(0), Decimal(60))]
    avid.act("clear", payment=first)
    assert status() == "Payment Scheduled"
    avid.act("clear", payment=rest)
    assert status() == "Paid"
    avid.act("void_payment", payment=rest)
    assert status() == "Payment Scheduled"
    avid.act("void_payment", payment=first)
    assert status() == "Approved"


# --- states -------------------------------------------------------------------------------------------


def test_a_payment_is_issued_cleared_and_then_void(avid: Caller) -> None:
    number = avid.paid()
    told = [state(avid, number)]
    for action in ("issue", "clear", "void_payment"):
        avid.act(action, payment=number)
        told.append(state(avid, number))
    assert told == [("in_progress", False), ("issued", False), ("settled", True), ("void", True)]


def test_a_voided_payment_is_issued_again_under_a_new_id(avid: Caller) -> None:
    old = avid.paid()
    new = avid.act("reissue", payment=old)["id"]
    assert new != old
    assert (state(avid, old)[0], state(avid, new)[0]) == ("void", "in_progress")
    assert lines(avid, new) == lines(avid, old)
    numbers = [field(avid, read(avid, each), "AvidPayChecknumber") for each in (old, new)]
    assert numbers[0] != numbers[1]


def test_any_status_text_may_appear(avid: Caller) -> None:
    number = avid.paid()
    avid.act("set_status", payment=number, text="Awaiting Lockbox")
    assert state(avid, number) == ("Awaiting Lockbox", False)


def test_a_failed_payment_tells_why(avid: Caller) -> None:
    number = avid.paid()
    avid.act("fail", payment=number)
    assert read(avid, number)["Exceptions"] == [{"ReasonCode": {"Id": 4, "Description": "Missing bank account"}}]


def test_an_ach_payment_is_issued_in_its_own_words() -> None:
    with serving() as avid:
        number = avid.paid(method="ach")
        avid.act("issue", payment=number)
        assert read(avid, number)["Status"]["Description"] == "ACH Credit Issued"


def test_days_have_a_blank_a_t_or_nothing_and_never_an_offset(avid: Caller) -> None:
    number = avid.paid()
    avid.act("clear", payment=number, date="2026-11-19")
    dates = {str(field(avid, read(avid, number), "ClearedDate"))[:19] for _ in range(60)}
    assert dates == {"2026-11-19", "2026-11-19T00:00:00", "2026-11-19 00:00:00"}


def test_the_history_is_a_bare_list(avid: Caller) -> None:
    number = avid.paid()
    avid.act("clear", payment=number)
    history = avid.get(f"/payments/{number}/paymenthistory").json()
    assert [(each["Id"], each["PaymentID"]) for each in history] == [(1, number), (2, number)]
    assert history[1]["PaymentProcessName"] == STATUSES[avid.profile]["settled"]


def test_a_cleared_check_has_an_image(avid: Caller) -> None:
    check, ach = avid.paid(), avid.paid(method="ach")
    assert avid.get(f"/payments/{check}/getclearedcheckimage").status_code == 404
    for number in (check, ach):
        avid.act("clear", payment=number)
    assert avid.get(f"/payments/{check}/getclearedcheckimage").content.startswith(b"%PDF-")
    assert avid.get(f"/payments/{ach}/getclearedcheckimage").status_code == 404
