"""BILL's payments in Sage: entered once, followed until posted, taken back when voided."""

from __future__ import annotations

from typing import Any

import pytest

from audit.models import AuditEvent
from integrations.engine.actions import replay
from integrations.models import Delivery, Link, State
from tests.builders import World, money, today


@pytest.fixture
def sent(world: World) -> World:
    """INV-1 over 100.00 and INV-2 over 250.50 are unpaid bills in BILL."""
    world.add_vendor()
    world.add_invoice("INV-1", "100.00")
    world.add_invoice("INV-2", "250.50")
    assert world.sync().ok
    return world


def entry(world: World) -> dict[str, Any]:
    (only,) = world.payments()
    return only


def applied(payment: dict[str, Any]) -> dict[str, Any]:
    return {each["invoiceNo"]: money(each["amountPaid"]) for each in payment["applications"]}


def delivery(world: World, key: str) -> Delivery:
    row = Delivery.objects.filter(flow__name="payments", key=key).order_by("version").last()
    assert row is not None
    return row


def pay(world: World, amounts: dict[str, str], **details: Any) -> str:
    rows = world.bills()
    parts = [{"billId": rows[number]["id"], "amount": money(amount)} for number, amount in amounts.items()]
    paid: str = world.bill.do_pay(parts, **{"checkNumber": 4711, **details})["id"]
    return paid


def test_a_check_carries_its_number_and_date(sent: World) -> None:
    key = sent.pay("INV-1", processDate="2026-01-05", checkNumber=20018)
    assert sent.sync().ok
    made = entry(sent)
    assert (made["method"], made["checkNo"].lstrip("0"), made["bankCode"]) == ("CHECK", "20018", "B")
    assert (made["paymentDate"], made["clientReference"]) == ("2026-01-05", f"bill:{key}")
    assert applied(made) == {"INV-1": money(100)}
    assert made["state"] == "entered"


@pytest.mark.parametrize(
    ("kind", "method", "reference"),
    [("ACH", "ACH", "P26"), ("VIRTUAL_CARD", "VIRTUAL_CARD", "VCARD "), ("RPPS", "ACH", "")],
)
def test_other_methods_carry_a_reference(sent: World, kind: str, method: str, reference: str) -> None:
    sent.pay("INV-1", disbursementType=kind, processDate="2026-01-05")
    assert sent.sync().ok
    made = entry(sent)
    assert made["method"] == method
    assert made["reference"].startswith(reference)
    assert made["reference"]
    if kind == "RPPS":
        (row,) = sent.bill.payments.rows.values()
        assert made["reference"] == str(row["disbursementInfo"]["rppsDisbursement"]["traceNumber"])


def test_one_payment_of_several_invoices_is_one_payment(sent: World) -> None:
    sent.pay("INV-1", "INV-2")
    assert sent.sync().ok
    assert applied(entry(sent)) == {"INV-1": money(100), "INV-2": money("250.50")}
    assert money(entry(sent)["amount"]) == money("350.50")


def test_partial_payments_add_up(sent: World) -> None:
    pay(sent, {"INV-2": "100.00"}, checkNumber=1)
    assert sent.sync().ok
    pay(sent, {"INV-2": "150.50"}, checkNumber=2)
    assert sent.sync().ok
    assert sorted(money(each["amount"]) for each in sent.payments()) == [money(100), money("150.50")]
    sent.sage.do_post_all()
    assert money(sent.invoice("INV-2")["balance"]) == 0
    assert sent.sync().ok


def test_nothing_is_entered_before_money_moves(sent: World) -> None:
    key = sent.bill.do_schedule([{"billId": sent.bills()["INV-1"]["id"]}], checkNumber=7)["id"]
    assert sent.sync().ok
    assert not sent.payments()
    for _ in range(3):
        sent.bill.do_advance_payment(key)
    assert sent.sync().ok
    assert applied(entry(sent)) == {"INV-1": money(100)}


def test_a_check_waits_for_its_number(sent: World) -> None:
    key = sent.pay("INV-1", checkNumber=None)
    result = sent.sync()
    assert [(each["flow"], each["reason"]) for each in result.held] == [("payments", "awaiting_check_number")]
    sent.bill.do_set_check_number(key, 555)
    assert sent.sync().ok
    assert entry(sent)["checkNo"].lstrip("0") == "555"


def test_of_a_mixed_payment_only_our_part_is_entered(sent: World) -> None:
    vendor = sent.bills()["INV-1"]["vendorId"]
    theirs = sent.bill.do_create_bill(
        vendorId=vendor,
        dueDate=today().isoformat(),
        invoice={"invoiceNumber": "BILL-ONLY", "invoiceDate": today().isoformat()},
        billLineItems=[{"amount": money(70), "classifications": {"chartOfAccountId": sent.accounts["5010-01-00"]}}],
    )["id"]
    sent.bill.do_pay([{"billId": sent.bills()["INV-1"]["id"]}, {"billId": theirs}], checkNumber=9)
    assert sent.sync().ok
    assert applied(entry(sent)) == {"INV-1": money(100)}
    assert money(entry(sent)["amount"]) == money(100)


def test_a_payment_of_bills_that_are_not_ours_is_none_of_our_business(sent: World) -> None:
    vendor = sent.bill.do_create_vendor(name="BILL Only Co")["id"]
    theirs = sent.bill.do_create_bill(
        vendorId=vendor,
        dueDate=today().isoformat(),
        invoice={"invoiceNumber": "X", "invoiceDate": today().isoformat()},
        billLineItems=[{"amount": money(70)}],
    )["id"]
    sent.bill.do_pay([{"billId": theirs}], checkNumber=9)
    assert sent.sync().ok
    assert not sent.payments()
    assert not Delivery.objects.filter(flow__name="payments")


def test_a_payment_recorded_as_made_elsewhere_stays_there(sent: World) -> None:
    sent.bill.do_record_outside([{"billId": sent.bills()["INV-1"]["id"]}])
    assert sent.sync().ok
    assert not sent.payments()


def test_a_payment_recorded_as_made_elsewhere_is_entered_where_asked_for(sent: World) -> None:
    sent.integration.settings = {"record_outside_payments": True}
    sent.integration.save()
    sent.bill.do_record_outside([{"billId": sent.bills()["INV-1"]["id"]}])
    sent.sync()
    assert applied(entry(sent)) == {"INV-1": money(100)}


def test_the_funding_account_decides_the_bank(sent: World) -> None:
    second = sent.bill.do_create_bank("Inland Credit Union")["id"]
    sent.map("bank_accounts", second, "A")
    sent.pay("INV-1", fundingAccountId=second)
    sent.pay("INV-2", fundingAccountId=sent.bank, checkNumber=4712)
    assert sent.sync(full=True).ok
    assert {tuple(applied(each)): each["bankCode"] for each in sent.payments()} == {("INV-1",): "A", ("INV-2",): "B"}


def test_an_entry_is_followed_until_it_is_posted(sent: World) -> None:
    key = sent.pay("INV-1")
    assert sent.sync().ok
    entered = sent.link(key, "payments")
    assert (entered.state, entered.closed) == (Link.State.ENTERED, False)
    sent.sage.do_post_all()
    assert sent.sync().ok
    posted = sent.link(key, "payments")
    assert (posted.state, posted.closed) == (Link.State.POSTED, True)
    assert posted.target_id == entry(sent)["id"]
    assert AuditEvent.objects.filter(event="posted", source_key=key).count() == 1
    _, sage_writes, _ = sent.counted(full=True)
    assert sage_writes == 0


def test_voided_before_posting_the_entry_is_deleted(sent: World) -> None:
    key = sent.pay("INV-1")
    assert sent.sync().ok
    sent.bill.do_void_payment(key)
    assert sent.sync().ok
    assert not sent.payments()
    assert delivery(sent, key).state == State.VOIDED
    sent.pay("INV-1", checkNumber=4800)
    assert sent.sync().ok
    assert entry(sent)["checkNo"].lstrip("0") == "4800"
    sent.sage.do_post_all()
    assert sent.sync(full=True).ok
    assert money(sent.invoice("INV-1")["balance"]) == 0


def test_voided_before_it_was_entered_nothing_is(sent: World) -> None:
    key = sent.pay("INV-1", checkNumber=None)
    sent.sync()
    sent.bill.do_void_payment(key)
    assert sent.sync().ok
    assert not sent.payments()
    assert delivery(sent, key).state == State.VOIDED


def test_voided_after_posting_a_person_hears_of_it(sent: World) -> None:
    key = sent.pay("INV-1")
    assert sent.sync().ok
    sent.sage.do_post_all()
    assert sent.sync().ok
    sent.bill.do_void_payment(key)
    result = sent.sync()
    assert [(each["flow"], each["reason"]) for each in result.held if each["flow"] == "payments"] == [
        ("payments", "voided_after_posting")
    ]
    assert entry(sent)["state"] == "posted"


def test_voided_after_posting_that_we_had_not_seen(sent: World) -> None:
    key = sent.pay("INV-1")
    assert sent.sync().ok
    sent.sage.do_post_all()
    sent.bill.do_void_payment(key)
    result = sent.sync()
    assert ("payments", "voided_after_posting") in {(each["flow"], each["reason"]) for each in result.held}
    assert entry(sent)["state"] == "posted"


def test_an_entry_deleted_in_sage_is_told_and_entered_again_on_replay(sent: World) -> None:
    key = sent.pay("INV-1", disbursementType="ACH")
    assert sent.sync().ok
    sent.sage.do_delete_entry(client_reference=f"bill:{key}")
    result = sent.sync(full=True)
    assert [(each["flow"], each["reason"]) for each in result.held] == [("payments", "changed_after_delivery")]
    assert sent.sync().held
    replay(Delivery.objects.filter(flow__name="payments"), actor="kim", doorbell=False)
    sent.sync()
    assert len(sent.payments()) == 1
    assert sent.sync(full=True).ok


def test_paid_in_sage_already_fails_with_the_balance_seen(sent: World) -> None:
    sent.sage.do_pay_in_sage("01", "ACME01", "INV-1", amount="60.00")
    key = sent.pay("INV-1")
    result = sent.sync()
    (failed,) = result.failed
    assert failed["reason"] == "rejected_by_target"
    assert "40.00" in failed["message"]
    assert delivery(sent, key).state == State.FAILED
    assert [each["comment"] for each in sent.payments()] == ["Paid in Sage"]


def test_a_closed_period_holds_and_lets_go_by_itself(sent: World) -> None:
    sent.sage.do_close_period(2026, 1)
    sent.pay("INV-1", processDate="2026-01-05")
    result = sent.sync()
    assert [(each["flow"], each["reason"]) for each in result.held] == [("payments", "period_closed")]
    sent.sage.do_close_period(2026, 1, closed=False)
    sent.clock.turn(3700)
    sent.work()
    assert entry(sent)["paymentDate"] == "2026-01-05"


def test_a_payment_of_an_adopted_bill_that_was_paid_before_is_entered(world: World) -> None:
    vendor = world.bill.do_create_vendor(name="Acme Building Supply")["id"]
    there = world.bill.do_create_bill(
        vendorId=vendor,
        dueDate=today().isoformat(),
        invoice={"invoiceNumber": "INV-1", "invoiceDate": today().isoformat()},
        billLineItems=[{"amount": money(100)}],
    )["id"]
    world.bill.do_pay([{"billId": there}], checkNumber=77)
    world.add_vendor()
    world.sync()
    world.add_invoice("INV-1", "100.00")
    world.sync()
    world.sync()  # the bill is linked in the first, its payment read in the second
    assert applied(entry(world)) == {"INV-1": money(100)}


def test_payments_are_collected_in_one_batch_a_day(sent: World) -> None:
    sent.pay("INV-1", checkNumber=1)
    sent.pay("INV-2", checkNumber=2)
    assert sent.sync().ok
    assert len({each["batchNo"] for each in sent.payments()}) == 1
