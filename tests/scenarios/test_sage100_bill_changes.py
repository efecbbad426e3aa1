"""What happens to an invoice in Sage after its bill was sent, before BILL can pay it again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from integrations.engine.actions import replay
from integrations.models import Delivery, State
from tests.builders import World, bill_facts, money

ACCOUNT = "5010-01-00"
OURS = ("01", "ACME01", "INV-1")


@pytest.fixture
def sent(world: World) -> World:
    """INV-1 over 100.00 is an unpaid bill in BILL."""
    world.add_vendor()
    world.add_invoice("INV-1", created="-10")  # outside of what every poll reads again
    assert world.sync().ok
    return world


def lines(world: World) -> dict[str, Any]:
    (facts,) = bill_facts(world)
    return dict(facts[-1])


def bill(world: World) -> dict[str, Any]:
    (row,) = world.bill.bills.rows.values()
    return row


def held(world: World) -> str:
    row = world.latest("INV-1")
    assert row.state == State.HELD, (row.state, row.message)
    return row.reason


def quiet(world: World) -> None:
    """Nothing more is written, whatever is read again."""
    for full in (False, True):
        result, sage_writes, bill_writes = world.counted(full=full)
        assert (sage_writes, bill_writes) == (0, 0), full
        assert result.trouble is None


def test_changed_amount_and_due_date_update_the_bill(sent: World) -> None:
    sent.sage.do_change_invoice(*OURS, amount="150.00", due_date="40")
    assert sent.sync().ok
    assert lines(sent) == {ACCOUNT: money(150)}
    assert bill(sent)["dueDate"] == sent.invoice("INV-1")["dueDate"]
    quiet(sent)


def test_held_is_archived_and_released_is_restored(sent: World) -> None:
    before = bill_facts(sent)
    sent.sage.do_hold_invoice(*OURS)
    assert sent.sync().ok
    assert bill(sent)["archived"]
    quiet(sent)
    sent.sage.do_hold_invoice(*OURS, hold=False)
    assert sent.sync().ok
    assert bill_facts(sent) == before
    quiet(sent)


def test_changed_while_held_is_restored_with_the_change(sent: World) -> None:
    sent.sage.do_hold_invoice(*OURS)
    sent.sync()
    sent.sage.do_change_invoice(*OURS, amount="80.00")
    sent.sync()
    assert bill(sent)["archived"]
    sent.sage.do_hold_invoice(*OURS, hold=False)
    assert sent.sync().ok
    assert lines(sent) == {ACCOUNT: money(80)}
    assert not bill(sent)["archived"]
    quiet(sent)


@pytest.mark.parametrize("vanish", [False, True])
def test_paid_in_sage_is_archived(sent: World, vanish: bool) -> None:
    sent.sage.do_pay_in_sage(*OURS, vanish=vanish)
    assert sent.sync().ok
    assert bill(sent)["archived"]
    quiet(sent)


@pytest.mark.parametrize("vanish", [False, True])
def test_paid_in_sage_without_a_stamp_is_found_by_the_full_read(sent: World, vanish: bool) -> None:
    sent.sage.do_pay_in_sage(*OURS, touch=False, vanish=vanish)
    sent.sync()
    assert not bill(sent)["archived"]
    assert sent.sync(full=True).ok
    assert bill(sent)["archived"]
    quiet(sent)


def test_the_daily_run_reads_in_full_by_itself(sent: World) -> None:
    sent.sage.do_select_for_payment(*OURS)
    sent.clock.turn(25 * 3600)
    assert sent.sync().ok
    assert bill(sent)["archived"]


def test_part_paid_in_sage_is_owed_less(sent: World) -> None:
    sent.sage.do_pay_in_sage(*OURS, amount="30.00")
    assert sent.sync().ok
    assert lines(sent) == {ACCOUNT: money(100), "paid": money(-30)}
    quiet(sent)


def test_adjusted_in_sage_updates_the_bill(sent: World) -> None:
    sent.sage.do_adjust_invoice(*OURS, amount="-12.34", account="5020-01-00")
    assert sent.sync().ok
    assert lines(sent) == {ACCOUNT: money(100), "5020-01-00": money("-12.34")}
    assert money(bill(sent)["amount"]) == money("87.66")
    quiet(sent)


def test_adjusted_to_nothing_is_archived(sent: World) -> None:
    sent.sage.do_adjust_invoice(*OURS, amount="-100.00")
    assert sent.sync().ok
    assert bill(sent)["archived"]
    quiet(sent)


def test_check_selection_moves_no_stamp_and_is_seen_by_full(sent: World) -> None:
    before = bill_facts(sent)
    sent.sage.do_select_for_payment(*OURS)
    assert sent.sync().ok
    assert not bill(sent)["archived"]
    assert sent.sync(full=True).ok
    assert bill(sent)["archived"]
    quiet(sent)
    sent.sage.do_select_for_payment(*OURS, selected=False)
    assert sent.sync(full=True).ok
    assert bill_facts(sent) == before
    quiet(sent)


def test_vendor_hold_moves_no_invoice_stamp_and_is_seen_by_full(sent: World) -> None:
    sent.sage.do_hold_vendor("01", "ACME01")
    sent.sync(full=True)
    assert bill(sent)["archived"]
    sent.sage.do_hold_vendor("01", "ACME01", hold=False)
    assert sent.sync(full=True).ok
    assert not bill(sent)["archived"]
    quiet(sent)


def schedule(world: World) -> str:
    paid: str = world.bill.do_schedule([{"billId": bill(world)["id"]}])["id"]
    return paid


def pay(world: World) -> str:
    return world.pay("INV-1")


CONFLICTS: list[tuple[str, Callable[[World], Any], str]] = [
    ("held", lambda world: world.sage.do_hold_invoice(*OURS), "on_hold_in_erp"),
    ("paid", lambda world: world.sage.do_pay_in_sage(*OURS), "paid_in_erp"),
    ("part paid", lambda world: world.sage.do_pay_in_sage(*OURS, amount="30.00"), "paid_in_erp"),
    ("changed", lambda world: world.sage.do_change_invoice(*OURS, amount="150.00"), "changed_after_delivery"),
    ("selected", lambda world: world.sage.do_select_for_payment(*OURS), "paid_in_erp"),
]


@pytest.mark.parametrize(("what", "act", "reason"), CONFLICTS, ids=[each[0] for each in CONFLICTS])
def test_while_a_payment_is_scheduled_a_change_is_a_conflict(
    sent: World, what: str, act: Callable[[World], Any], reason: str
) -> None:
    schedule(sent)
    before = bill(sent)
    act(sent)
    sent.sync(full=True)
    assert (held(sent), bill(sent)) == (reason, before)


def test_when_the_scheduled_payment_is_cancelled_the_hold_is_carried_out_by_itself(sent: World) -> None:
    payment = schedule(sent)
    sent.sage.do_hold_invoice(*OURS)
    sent.sync()
    assert held(sent) == "on_hold_in_erp"
    sent.bill.do_cancel_payment(payment)
    sent.clock.turn(3600)
    sent.work()
    assert bill(sent)["archived"]


def test_when_the_hold_ends_in_sage_so_does_the_conflict(sent: World) -> None:
    schedule(sent)
    sent.sage.do_hold_invoice(*OURS)
    sent.sync()
    sent.sage.do_hold_invoice(*OURS, hold=False)
    assert sent.sync().ok


@pytest.mark.parametrize("touch", [True, False])
def test_paid_on_both_sides_is_told(sent: World, touch: bool) -> None:
    pay(sent)
    sent.sage.do_pay_in_sage(*OURS, touch=touch)
    result = sent.sync(full=True)
    assert held(sent) == "paid_in_erp"
    (failed,) = result.failed
    assert (failed["flow"], failed["reason"]) == ("payments", "rejected_by_target")


def test_changed_after_it_was_paid_is_told(sent: World) -> None:
    pay(sent)
    assert sent.sync().ok
    sent.sage.do_change_invoice(*OURS, amount="150.00")
    sent.sync()
    assert held(sent) == "changed_after_delivery"


def test_held_after_the_money_left_protects_nothing_and_is_let_be(sent: World) -> None:
    pay(sent)
    sent.sage.do_hold_invoice(*OURS)
    result = sent.sync()
    assert [each for each in result.held if each["flow"] == "bills"] == []
    assert not bill(sent)["archived"]


def test_our_own_payment_posted_is_no_change(sent: World) -> None:
    pay(sent)
    assert sent.sync().ok
    sent.sage.do_post_all()
    assert money(sent.invoice("INV-1")["balance"]) == 0
    result, sage_writes, bill_writes = sent.counted()
    assert result.ok
    assert (sage_writes, bill_writes) == (0, 0)
    quiet(sent)


def test_our_own_part_payment_posted_is_no_change(sent: World) -> None:
    sent.bill.do_pay([{"billId": bill(sent)["id"], "amount": money(40)}], checkNumber=1)
    assert sent.sync().ok
    sent.sage.do_post_all()
    assert sent.sync().ok
    quiet(sent)
    assert money(bill(sent)["dueAmount"]) == money(sent.invoice("INV-1")["balance"]) == money(60)


def test_our_part_payment_and_then_one_in_sage_is_a_conflict(sent: World) -> None:
    sent.bill.do_pay([{"billId": bill(sent)["id"], "amount": money(40)}], checkNumber=1)
    assert sent.sync().ok
    sent.sage.do_post_all()
    assert sent.sync().ok
    sent.sage.do_pay_in_sage(*OURS, amount="10.00")
    sent.sync()
    assert held(sent) == "paid_in_erp"


def test_edited_in_bill_is_not_overwritten_until_a_person_says_so(sent: World) -> None:
    coded = [{"amount": money(77), "classifications": {"chartOfAccountId": sent.accounts[ACCOUNT]}}]
    sent.bill.do_edit_bill(
        bill(sent)["id"],
        {
            "vendorId": bill(sent)["vendorId"],
            "dueDate": bill(sent)["dueDate"],
            "invoice": bill(sent)["invoice"],
            "billLineItems": coded,
        },
        replace=True,
    )
    assert money(bill(sent)["amount"]) == money(77)
    sent.sage.do_change_invoice(*OURS, amount="150.00")
    sent.sync()
    assert held(sent) == "changed_after_delivery"
    assert money(bill(sent)["amount"]) == money(77)
    replay(Delivery.objects.filter(document="INV-1"), actor="kim", doorbell=False)
    assert sent.sync().ok
    assert lines(sent) == {ACCOUNT: money(150)}


def test_archived_in_bill_is_not_restored_behind_peoples_backs(sent: World) -> None:
    sent.bill.do_archive(bill(sent)["id"])
    assert sent.sync().ok
    sent.sage.do_change_invoice(*OURS, amount="150.00")
    sent.sync()
    assert held(sent) == "changed_after_delivery"
    assert bill(sent)["archived"]


@pytest.mark.parametrize("world", [{"unmapped": ["5020-01-00"]}], indirect=True)
def test_a_change_that_cannot_be_coded_waits_and_goes_later(sent: World) -> None:
    sent.sage.do_adjust_invoice(*OURS, amount="5.00", account="5020-01-00")
    sent.sync()
    assert held(sent) == "account_unmapped"
    sent.map("accounts", "5020-01-00", "5020-01-00")
    assert sent.sync().ok
    assert lines(sent) == {ACCOUNT: money(100), "5020-01-00": money(5)}


def test_only_the_last_of_several_changes_between_syncs_counts(sent: World) -> None:
    for amount in ("110.00", "120.00", "130.00"):
        sent.sage.do_change_invoice(*OURS, amount=amount)
    result, _, bill_writes = sent.counted()
    assert result.ok
    assert bill_writes == 1
    assert lines(sent) == {ACCOUNT: money(130)}


def test_held_and_changed_in_one_go_is_restored_with_the_change(sent: World) -> None:
    sent.sage.do_change_invoice(*OURS, amount="80.00")
    sent.sage.do_hold_invoice(*OURS)
    sent.sync()
    assert bill(sent)["archived"]
    sent.sage.do_hold_invoice(*OURS, hold=False)
    assert sent.sync().ok
    assert lines(sent) == {ACCOUNT: money(80)}


def test_paid_in_sage_and_reopened_is_restored(sent: World) -> None:
    sent.sage.do_pay_in_sage(*OURS)
    sent.sync()
    sent.sage.do_change_invoice(*OURS, balance="100.00")  # the check was reversed
    assert sent.sync().ok
    assert not bill(sent)["archived"]
    assert lines(sent) == {ACCOUNT: money(100)}
    sent.sage.do_change_invoice(*OURS, balance="60.00")
    assert sent.sync().ok
    assert lines(sent) == {ACCOUNT: money(100), "paid": money(-40)}
