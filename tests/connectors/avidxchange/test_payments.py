"""Payments against the stand-in: windows of days, details, numbers, and what settles. The same for either profile."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from urllib.parse import parse_qsl, urlsplit

import pytest

from connectors.avidxchange import windows
from connectors.domain import Application, PaymentMethod, PaymentStatus

TODAY = datetime.now(UTC).date()


def records(pages):
    return [record for page in pages for record in page.records]


def days_ago(days):
    return f"{TODAY - timedelta(days=days)}T12:00:00"


def line(number="INV-1", gross="100.00", **more):
    return {"number": number, "gross": gross, **more}


@pytest.fixture
def pay(avid):
    def make(*lines, **more):
        return avid.act("pay", invoices=list(lines) or [line()], vendor="01-ABC001", **more)

    return make


# --- windows ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("days", "count"), [(0, 1), (29, 1), (30, 2), (59, 2), (60, 3)])
def test_pieces_cover_every_day_once(days, count):
    first, last = date(2026, 1, 15), date(2026, 1, 15) + timedelta(days=days)
    found = list(windows.pieces(first, last, 30))
    covered = [start + timedelta(days=n) for start, end in found for n in range((end - start).days + 1)]
    assert covered == [first + timedelta(days=n) for n in range(days + 1)]
    assert len(found) == count


def test_a_long_time_is_read_in_pieces_oldest_first(connect, avid, pay, seen):
    keys = [str(pay(at=days_ago(age), state="settled")["id"]) for age in (75, 45, 44, 15, 14, 0)]
    pages = list(connect().read_payments(None, TODAY - timedelta(days=75)))
    assert [each.key for each in records(pages)] == keys
    asked = [dict(parse_qsl(urlsplit(each.url).query)) for each in seen]
    spans = [
        (date.fromisoformat(first), date.fromisoformat(last))
        for first, last in (
            sorted(re.findall(r"\d{4}-\d\d-\d\d", " ".join(each.values()))) for each in asked if len(each) > 3
        )
    ]
    assert spans == sorted(spans)
    assert all((last - first).days < 30 for first, last in spans)
    assert spans[-1][1] == TODAY


def test_the_cursor_moves_with_the_last_page_alone(connect, pay):
    pay(state="settled")
    *middle, last = connect().read_payments(None, TODAY - timedelta(days=40))
    assert all(page.cursor is None for page in middle)
    assert last.cursor["through"] == TODAY.isoformat()
    assert last.as_of is not None


def test_an_unchanged_payment_costs_one_request_and_no_record(connect, avid, pay):
    for _ in range(3):
        pay(state="settled")
    connector = connect()
    *_, last = connector.read_payments(None, TODAY)
    before = avid.stats()["resources"]["payments"]["GET"]
    assert records(connector.read_payments(last.cursor, TODAY)) == []
    assert avid.stats()["resources"]["payments"]["GET"] == before + 1


def test_a_change_within_the_overlap_is_seen(connect, avid, pay):
    payment = pay(state="issued", at=days_ago(1))["id"]
    connector = connect()
    *_, last = connector.read_payments(None, TODAY - timedelta(days=3))
    avid.act("clear", payment=payment, at=days_ago(1))
    (record,) = records(connector.read_payments(last.cursor, TODAY))
    assert record.status is PaymentStatus.PAID


def test_a_payment_that_appears_late_is_seen(connect, pay):
    connector = connect()
    *_, last = connector.read_payments(None, TODAY - timedelta(days=3))
    late = pay(state="settled", at=days_ago(1))["id"]
    assert [each.key for each in records(connector.read_payments(last.cursor, TODAY))] == [str(late)]


def test_a_reading_that_broke_off_begins_again(connect, avid, pay):
    pay(state="settled", at=days_ago(40))
    pay(state="settled")
    connector = connect()
    reading = connector.read_payments(None, TODAY - timedelta(days=45))
    assert next(reading).cursor is None
    reading.close()
    assert len(records(connector.read_payments(None, TODAY - timedelta(days=45)))) == 2


def test_more_payments_than_a_page_come_once_in_the_order_of_their_ids(connect, pay):
    keys = [str(pay(state="settled")["id"]) for _ in range(60)]
    assert [each.key for each in records(connect().read_payments(None, TODAY))] == keys


# --- what a payment says ---------------------------------------------------------------------------


def test_a_check_has_avidpays_number_its_remittances_and_the_day_it_cleared(connect, avid, pay):
    lines = line("INV-1", "1860.00", discount="16.45", external_id="S100|ABC|01-ABC001|INV-1"), line("CM-2", "-100.00")
    told = pay(*lines, method="check", state="settled", bank="10200")
    (payment,) = records(connect().read_payments(None, TODAY))
    assert (payment.method, payment.status) == (PaymentMethod.CHECK, PaymentStatus.PAID)
    assert payment.check_number == payment.reference == told["check_number"] != told["erp_check_number"]
    assert (payment.amount, payment.vendor_id, payment.funding_account) == (Decimal("1743.55"), "01-ABC001", "10200")
    assert payment.paid_on == TODAY
    assert payment.applications == (
        Application("", Decimal("1843.55"), Decimal("16.45"), number="INV-1", reference="S100|ABC|01-ABC001|INV-1"),
        Application("", Decimal("-100.00"), number="CM-2"),
    )
    assert payment.warning == ""


def test_an_ach_payment_is_known_by_its_trace(connect, pay):
    told = pay(method="ach", state="settled")
    (payment,) = records(connect().read_payments(None, TODAY))
    assert (payment.method, payment.reference, payment.check_number) == (PaymentMethod.ACH, told["ach_trace"], "")


@pytest.mark.parametrize("numbers", [True, False])
def test_a_card_is_known_by_its_last_digits_and_the_payment(connect, pay, numbers):
    told = pay(method="card", state="settled", numbers=numbers)
    (payment,) = records(connect().read_payments(None, TODAY))
    assert payment.method is PaymentMethod.VIRTUAL_CARD
    assert payment.reference == f"VC{told['card_last4'] or ''}{told['id']}"


def test_a_check_without_avidpays_number_has_the_other_or_none(connect, pay):
    pay(method="check", state="settled", numbers=False)
    (payment,) = records(connect().read_payments(None, TODAY))
    assert (payment.check_number, payment.reference) == ("", "")


@pytest.mark.parametrize("state", ["in_progress", "issued"])
def test_money_that_has_not_left_is_open(connect, pay, state):
    pay(state=state)
    (payment,) = records(connect().read_payments(None, TODAY))
    assert (payment.status, payment.warning) == (PaymentStatus.OPEN, "")


def test_a_status_nobody_knows_settles_nothing_and_is_told(connect, avid, pay):
    payment = pay(state="settled")["id"]
    avid.act("set_status", text="Reconciled", payment=payment)
    (record,) = records(connect().read_payments(None, TODAY))
    assert (record.status, record.raw_status) == (PaymentStatus.OPEN, "Reconciled")
    assert "'Reconciled'" in record.warning


def test_a_settled_status_without_its_day_settles_nothing(connect, avid, pay):
    settled = {"avidsuite-v1": "Cleared", "plain-rest": "SETTLED"}[avid.profile]
    avid.act("set_status", text=settled, payment=pay()["id"])
    (record,) = records(connect().read_payments(None, TODAY))
    assert record.status is PaymentStatus.OPEN


def test_a_failed_payment_says_why(connect, avid, pay):
    avid.act("fail", payment=pay()["id"])
    (record,) = records(connect().read_payments(None, TODAY))
    assert record.status is PaymentStatus.OPEN
    assert "Missing bank account" in record.warning


def test_a_void_after_settling_is_a_void(connect, avid, pay):
    payment = pay(state="settled")["id"]
    connector = connect()
    *_, last = connector.read_payments(None, TODAY)
    avid.act("void_payment", payment=payment)
    (record,) = records(connector.read_payments(last.cursor, TODAY))
    assert record.status is PaymentStatus.VOIDED


def test_payments_are_read_again_by_id(connect, avid, pay):
    keys = [str(pay(state="settled", at=days_ago(300))["id"]) for _ in range(60)]
    found = connect().get_payments([*keys, "999999"])
    assert sorted(found) == sorted(keys)
    assert all(each.applications for each in found.values())


def test_no_payment_is_ever_written_to(connect, avid, pay, seen):
    pay(state="settled")
    connector = connect()
    list(connector.read_payments(None, TODAY - timedelta(days=70)))
    connector.get_payments(["1"])
    assert avid.stats()["forbidden_writes"] == 0
    assert {each.method for each in seen} == {"GET"}
