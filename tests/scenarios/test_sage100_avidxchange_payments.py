"""AvidXchange's settled payments in Sage 100, under both profiles."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from audit.models import AuditEvent
from integrations.engine.actions import replay
from integrations.models import Delivery, Link, State
from tests.avid_world import AvidWorld, applied
from tests.builders import money


@pytest.fixture
def sent(avid: AvidWorld) -> AvidWorld:
    """INV-1 over 100.00 and INV-2 over 250.50 stand in AvidXchange."""
    avid.add_vendor()
    avid.add_invoice("INV-1", "100.00")
    avid.add_invoice("INV-2", "250.50")
    assert avid.sync().ok
    return avid


def whole(amount: str, discount: str = "0") -> tuple[Decimal, Decimal]:
    return money(amount), money(discount)


def reasons(result: Any) -> list[tuple[str, str]]:
    return [(each["flow"], each["reason"]) for each in result.held]


@pytest.mark.parametrize(("method", "in_sage"), [("check", "CHECK"), ("ach", "ACH"), ("card", "VIRTUAL_CARD")])
def test_each_method_carries_what_the_bank_will_show(sent: AvidWorld, method: str, in_sage: str) -> None:
    key = sent.pay("INV-1", method=method)
    row = sent.avid.payments.rows[int(key)]
    assert sent.sync().ok
    made = sent.entry()
    assert (made["method"], made["clientReference"]) == (in_sage, f"avid:{key}")
    assert made["paymentDate"] == str(row["settled_date"])[:10]
    if method == "check":
        assert made["checkNo"] == row["check_number"]  # AvidPay's own, not the ledger's
    elif method == "ach":
        assert made["reference"] == row["ach_trace"]
    else:
        assert row["card_last4"] in made["reference"]
        assert key in made["reference"]
    assert applied(made) == {"INV-1": whole("100.00")}
    sent.quiet()


def test_several_invoices_with_a_discount_are_one_payment(sent: AvidWorld) -> None:
    rows = sent.invoices()
    sent.pay("INV-1", {"id": rows["INV-2"]["id"], "discount": "10.50"})
    assert sent.sync().ok
    assert applied(sent.entry()) == {"INV-1": whole("100.00"), "INV-2": whole("240.00", "10.50")}
    assert money(sent.entry()["amount"]) == money("340.00")
    sent.sage.do_post_all()
    assert sent.sync(full=True).ok  # what we paid, discount and all, is no conflict
    assert money(sent.open_invoice("INV-2")["balance"]) == 0


def test_several_payments_of_one_invoice_add_up(sent: AvidWorld) -> None:
    invoice = sent.invoices()["INV-2"]["id"]
    for amount in ("100.00", "150.50"):
        sent.pay({"id": invoice, "amount": amount})
        assert sent.sync().ok
    assert sorted(money(each["amount"]) for each in sent.payments()) == [money("100.00"), money("150.50")]
    sent.sage.do_post_all()
    assert sent.sync(full=True).ok


def test_a_credit_memo_is_a_negative_line(sent: AvidWorld) -> None:
    sent.add_invoice("CM-9", "-40.00")
    sent.pay("INV-1", {"number": "CM-9", "gross": "-40.00"}, vendor="01-ACME01")
    assert sent.sync().ok
    assert applied(sent.entry()) == {"INV-1": whole("100.00"), "CM-9": whole("-40.00")}
    assert money(sent.entry()["amount"]) == money("60.00")


def test_an_invoice_that_people_entered_there_is_found_by_vendor_and_number(sent: AvidWorld) -> None:
    sent.sage.do_hold_vendor("01", "ACME01", hold=False)
    sent.pay({"number": "inv-1", "gross": "100.00"}, vendor="01-ACME01")
    assert sent.sync().ok
    assert applied(sent.entry()) == {"INV-1": whole("100.00")}


def test_a_number_that_two_invoices_share_but_for_case_is_not_guessed(sent: AvidWorld) -> None:
    sent.add_invoice("Ab-7", "10.00", hold=True)
    sent.add_invoice("AB-7", "10.00", hold=True)
    key = sent.pay({"number": "ab-7", "gross": "10.00"}, vendor="01-ACME01")
    assert reasons(sent.sync()) == [("payments", "invoice_not_found")]
    assert {each["name"] for each in sent.payment(key).candidates[:2]} == {"Ab-7", "AB-7"}
    assert not sent.payments()


def test_all_lines_or_none(sent: AvidWorld) -> None:
    key = sent.pay("INV-1", {"number": "INV-404", "gross": "5.00"}, vendor="01-ACME01")
    assert reasons(sent.sync()) == [("payments", "invoice_not_found")]
    assert "INV-404" in sent.payment(key).message
    assert not sent.payments()
    sent.add_invoice("INV-404", "5.00", hold=True)
    assert sent.sync().ok  # by itself, once the invoice is there
    assert applied(sent.entry()) == {"INV-1": whole("100.00"), "INV-404": whole("5.00")}


def test_payments_of_another_company_pass_by(sent: AvidWorld) -> None:
    part = {"number": "INV-1", "gross": "100.00", "external_id": "S100|XYZ|01-ACME01|INV-1"}
    sent.pay(part, vendor="01-ACME01")
    assert sent.sync().ok
    if sent.avid.shape.name == "avidsuite-v1":  # the other shape tells no ids of invoices
        assert not sent.payments()


def test_nothing_is_entered_before_it_settles(sent: AvidWorld) -> None:
    key = int(sent.pay("INV-1", state="in_progress"))
    assert sent.sync().ok
    sent.avid.do_issue(key)
    assert sent.sync().ok
    assert not sent.payments()
    sent.avid.do_clear(key)
    assert sent.sync().ok
    assert len(sent.payments()) == 1


def test_statuses_that_the_setting_counts_as_settled(sent: AvidWorld) -> None:
    sent.set(settled_statuses=["issued to supplier", "sent"])
    key = int(sent.pay("INV-1", method="check", state="in_progress", date="2026-11-12"))
    sent.avid.do_issue(key)
    assert sent.sync().ok
    assert len(sent.payments()) == 1
    sent.avid.do_clear(key)
    sent.quiet()


def test_an_unknown_status_settles_nothing_and_is_told_once(sent: AvidWorld) -> None:
    for number in ("INV-1", "INV-2"):
        key = int(sent.pay(number))
        sent.avid.do_set_status("Cleared (pending audit)", payment=key)
    for _ in range(3):
        assert sent.sync().ok
    assert not sent.payments()
    told = AuditEvent.objects.filter(event="warning", message__contains="Cleared (pending audit)")
    assert told.count() == 1
    sent.avid.do_clear(key)
    assert sent.sync().ok
    assert len(sent.payments()) == 1


def test_the_bank_account_decides_the_bank(sent: AvidWorld) -> None:
    sent.map("bank_accounts", "20200", "A")
    sent.pay("INV-1", bank="20200")
    sent.pay("INV-2", bank="10100")
    assert sent.sync().ok
    assert {tuple(applied(each)): each["bankCode"] for each in sent.payments()} == {("INV-1",): "A", ("INV-2",): "B"}


def test_a_check_waits_for_its_number(sent: AvidWorld) -> None:
    key = sent.pay("INV-1", method="check", numbers=False)
    assert reasons(sent.sync()) == [("payments", "awaiting_check_number")]
    row = sent.avid.payments.rows[int(key)]
    row["check_number"], row["last_modified"] = "8800000001", sent.avid.ground.stamp(None)
    assert sent.sync().ok
    assert sent.entry()["checkNo"] == "8800000001"


def test_a_check_number_is_never_cut(sent: AvidWorld) -> None:
    key = sent.pay("INV-1", method="check", state="in_progress")
    sent.avid.payments.rows[int(key)]["check_number"] = "88001234567"
    sent.avid.do_clear(int(key))
    assert reasons(sent.sync()) == [("payments", "document_number_too_long")]
    assert "88001234567" in sent.payment(key).message


def test_voided_before_posting_the_entry_is_deleted_and_the_new_one_entered(sent: AvidWorld) -> None:
    key = sent.pay("INV-1")
    assert sent.sync().ok
    again = sent.avid.do_reissue(int(key))["id"]
    sent.avid.do_clear(again)
    assert sent.sync().ok
    assert [each["clientReference"] for each in sent.payments()] == [f"avid:{again}"]
    assert sent.payment(key).state == State.VOIDED


def test_voided_after_posting_a_person_hears_of_it(sent: AvidWorld) -> None:
    key = sent.pay("INV-1")
    assert sent.sync().ok
    sent.sage.do_post_all()
    sent.avid.do_void_payment(int(key))
    assert ("payments", "voided_after_posting") in reasons(sent.sync())
    assert sent.entry()["state"] == "posted"


def test_voided_before_it_was_seen_nothing_is_entered(sent: AvidWorld) -> None:
    sent.avid.do_void_payment(int(sent.pay("INV-1")))
    assert sent.sync().ok
    assert not sent.payments()


def test_a_payment_that_fails_after_it_was_entered_is_told(sent: AvidWorld) -> None:
    key = sent.pay("INV-1")
    assert sent.sync().ok
    sent.avid.do_fail(int(key))
    assert reasons(sent.sync()) == [("payments", "changed_after_delivery")]
    assert len(sent.payments()) == 1
    sent.avid.do_clear(int(key))
    assert sent.sync().ok


def test_paid_in_sage_already_fails_with_the_balance_seen(sent: AvidWorld) -> None:
    sent.pay("INV-1")
    sent.sage.do_pay_in_sage("01", "ACME01", "INV-1", amount="60.00")
    result = sent.sync()
    (failed,) = result.failed
    assert (failed["reason"], "40.00" in failed["message"]) == ("rejected_by_target", True)


def test_no_payment_is_ever_written_there(sent: AvidWorld) -> None:
    key = sent.pay("INV-1")
    assert sent.sync().ok
    sent.avid.do_void_payment(int(key))
    assert sent.sync().ok
    assert sent.avid.stats()["forbidden_writes"] == 0


# --- time --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("days", [0, 29, 30, 31, 32, 59])
def test_no_day_is_lost_where_windows_meet(avid: AvidWorld, days: int) -> None:
    avid.add_vendor()
    avid.add_invoice("INV-1")
    assert avid.sync(flows=["accounts", "vendors", "bills"]).ok
    at = (avid.avid.now() - timedelta(days=days)).replace(hour=0, minute=0, second=1, microsecond=0)
    key = avid.pay("INV-1", at=at.isoformat())
    assert avid.sync().ok
    assert [each["clientReference"] for each in avid.payments()] == [f"avid:{key}"]


def test_a_payment_of_yesterday_that_appears_late_is_found(sent: AvidWorld) -> None:
    assert sent.sync().ok
    sent.clock.turn(86400)
    assert sent.sync().ok
    key = sent.pay("INV-1", at=(sent.avid.now() - timedelta(days=1)).isoformat())
    assert sent.sync().ok
    assert [each["clientReference"] for each in sent.payments()] == [f"avid:{key}"]


def test_the_end_of_a_known_payment_is_found_though_no_list_tells_of_it(sent: AvidWorld) -> None:
    key = int(sent.pay("INV-1", state="in_progress"))
    assert sent.sync().ok
    sent.clock.turn(5 * 86400)
    assert sent.sync().ok
    row = sent.avid.payments.rows[key]
    before = row["last_modified"]
    sent.avid.do_clear(key)
    row["last_modified"] = before
    sent.work()
    sent.clock.turn(86400)
    assert sent.sync().ok
    assert len(sent.payments()) == 1


def test_the_accounting_date_is_the_day_that_avidxchange_tells(sent: AvidWorld) -> None:
    """Late in the evening of Sage's zone it is the next day in UTC: the date is taken as it is told."""
    day = (datetime.now(UTC) - timedelta(days=3)).date()
    key = int(sent.pay("INV-1", state="in_progress"))
    sent.avid.do_clear(key, date=day.isoformat())
    assert sent.sync().ok
    assert sent.entry()["paymentDate"] == day.isoformat()


# --- volume ------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_run_of_400_payments_lands_to_the_cent_and_replays_to_nothing(avid: AvidWorld) -> None:
    rng = random.Random(7)
    avid.sage.do_generate(vendors=25, invoices=620, seed=3)
    assert avid.sync().ok
    by_vendor: dict[str, list[dict[str, Any]]] = {}
    for row in avid.invoices().values():
        by_vendor.setdefault(row["vendor_code"], []).append(row)
    open_rows = list(by_vendor.items())
    paid: dict[str, tuple[str, Decimal]] = {}
    while len(paid) < 400:
        vendor, rows = rng.choice([each for each in open_rows if each[1]])
        parts = [rows.pop() for _ in range(min(len(rows), rng.choice((1, 1, 1, 2))))]
        method = ("check", "ach", "card")[len(paid) % 3]
        answer = avid.avid.do_pay([each["id"] for each in parts], method=method, state="settled")
        paid[f"avid:{answer['id']}"] = vendor, money(answer["amount"])
    assert avid.sync().ok
    entered = {each["clientReference"]: each for each in avid.payments()}
    found = {
        key: (f"{each['apDivisionNo']}-{each['vendorNo']}", money(each["amount"])) for key, each in entered.items()
    }
    assert found == paid
    assert {each["method"] for each in entered.values()} == {"CHECK", "ACH", "VIRTUAL_CARD"}
    avid.sage.do_post_all()
    assert avid.sync().ok
    assert not Link.objects.filter(flow__name="payments").exclude(state=Link.State.POSTED)
    replay(Delivery.objects.filter(flow__name="payments"), actor="kim", doorbell=False)
    avid.quiet()
