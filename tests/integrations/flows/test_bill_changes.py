from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from connectors.domain import Bill, BillDraft, BillLine, Blocked, DraftLine, TargetBill
from integrations.engine.vocabulary import Hold, Reason
from integrations.flows.bill_changes import (
    Basis,
    Recorded,
    alike,
    content,
    edited_by_others,
    explained_by_us,
    seen_of,
    shown,
    stopping,
    withdrawal,
)

cents = st.integers(1, 100_000).map(lambda value: Decimal(value).scaleb(-2))
total = Decimal("5000.00")


def bill(balance: Decimal) -> Bill:
    return Bill("k", "v", "Acme", "INV-1", date(2026, 1, 5), None, "USD", total, balance, ())


@st.composite
def histories(draw: st.DrawFn) -> tuple[Basis, list[Recorded], list[Recorded]]:
    """What was posted when the bill was judged, and our applications as we knew them and as they really are."""
    before = draw(st.lists(cents, max_size=3))
    since = draw(st.lists(cents, max_size=5))
    told = [Recorded(each, posted=True) for each in before]
    real = list(told)
    for each in since:
        posted = draw(st.booleans())
        told.append(Recorded(each, posted=posted and draw(st.booleans())))  # the ledger is ahead of what we have read
        real.append(Recorded(each, posted=posted))
    paid = sum(before, Decimal(0))
    return Basis(total, total - paid, paid, "content"), told, real


def balance(recorded: list[Recorded]) -> Decimal:
    return total - sum((each.amount for each in recorded if each.posted), Decimal(0))


@given(histories())
def test_our_own_payments_explain_the_balance_however_far_posting_went(
    history: tuple[Basis, list[Recorded], list[Recorded]],
) -> None:
    basis, told, real = history
    assert explained_by_us(bill(balance(real)), basis, told)


@given(histories())
def test_a_balance_shows_as_much_of_our_payments_as_was_posted_by_then(
    history: tuple[Basis, list[Recorded], list[Recorded]],
) -> None:
    basis, told, real = history
    assert shown(bill(balance(real)), basis, told) == total - balance(real)


@given(histories(), cents)
def test_a_payment_of_somebody_else_is_never_taken_for_ours(
    history: tuple[Basis, list[Recorded], list[Recorded]], outside: Decimal
) -> None:
    basis, told, _ = history
    known = balance(told)
    entered = [each.amount for each in told if not each.posted]
    reachable = {known}
    for amount in entered:
        reachable |= {value - amount for value in reachable}
    assume(known - outside not in reachable)
    assert not explained_by_us(bill(known - outside), basis, told)


@given(histories(), cents)
def test_another_total_is_never_explained(history: tuple[Basis, list[Recorded], list[Recorded]], more: Decimal) -> None:
    basis, told, real = history
    assert not explained_by_us(replace(bill(balance(real)), total=total + more), basis, told)


@given(cents, cents, cents, st.text())
def test_a_basis_survives_storage(one: Decimal, two: Decimal, three: Decimal, content: str) -> None:
    basis = Basis(one, two, three, content)
    assert Basis.parse(basis.text()) == basis


# --- what the ledger says against paying -------------------------------------------------------------

FINAL = (Blocked.CANCELLED, Blocked.CLOSED, Blocked.NOT_POSTED, Blocked.PAYMENT_BLOCK)
FOR_NOW = (Blocked.ON_HOLD, Blocked.VENDOR_ON_HOLD, Blocked.SELECTED_FOR_PAYMENT)


def blocked(*reasons: Blocked, owed: str = "100.00") -> Bill:
    return replace(bill(Decimal(owed)), blocked=reasons)


def there(paid: str = "0", scheduled: str = "0", *, archived: bool = False) -> TargetBill:
    amounts = {"paid": Decimal(paid), "scheduled": Decimal(scheduled)}
    unpaid = not any(amounts.values())
    return TargetBill("b", "v", "INV-1", Decimal(100), archived=archived, unpaid=unpaid, **amounts)


def judged(one: Bill, target: TargetBill, *, ours: bool = False, credited: bool = False) -> str | Hold:
    return withdrawal(one, target, stopping(one, ours=ours, credited=credited), here="SAP", there="BILL")


def test_an_open_invoice_is_not_stopped() -> None:
    assert stopping(blocked(), ours=False) is None
    assert judged(blocked(), there()) == ""


@pytest.mark.parametrize("reason", [*FINAL, *FOR_NOW])
def test_whatever_stops_it_archives_an_unpaid_bill(reason: Blocked) -> None:
    assert judged(blocked(reason), there()) == "archive"
    assert judged(blocked(reason), there(archived=True)) == "archive"


@pytest.mark.parametrize("reason", [*FINAL, *FOR_NOW])
def test_whatever_stops_it_is_a_conflict_while_a_payment_is_under_way(reason: Blocked) -> None:
    result = judged(blocked(reason), there(scheduled="100"))
    assert isinstance(result, Hold)
    assert result.retry_after, "a payment that is stopped in the cloud tells nobody"


@pytest.mark.parametrize("reason", FINAL)
def test_what_is_final_stays_a_conflict_when_the_money_has_left(reason: Blocked) -> None:
    result = judged(blocked(reason), there(paid="100"))
    assert isinstance(result, Hold)
    assert result.reason == Reason.CHANGED_AFTER_DELIVERY


@pytest.mark.parametrize("reason", FOR_NOW)
def test_what_only_holds_the_payment_back_protects_nothing_once_it_left(reason: Blocked) -> None:
    assert judged(blocked(reason), there(paid="100")) == ""


def test_paid_in_the_ledger_and_in_the_cloud_may_be_paid_twice() -> None:
    result = judged(blocked(owed="0.00"), there(paid="100"))
    assert isinstance(result, Hold)
    assert result.reason == Reason.PAID_IN_ERP


def test_closed_by_our_own_payment_is_no_stop() -> None:
    assert stopping(blocked(Blocked.CLOSED, owed="0.00"), ours=True) is None


@pytest.mark.parametrize(("credited", "reason"), [(True, Reason.CHANGED_AFTER_DELIVERY), (False, Reason.PAID_IN_ERP)])
def test_closed_means_paid_unless_it_was_credited(credited: bool, reason: Reason) -> None:
    stop = stopping(blocked(Blocked.CLOSED, owed="0.00"), ours=False, credited=credited)
    assert stop is not None
    assert stop.reason == reason


def test_cancelled_is_never_taken_for_paid() -> None:
    stop = stopping(blocked(Blocked.CANCELLED, Blocked.CLOSED, owed="0.00"), ours=False)
    assert stop is not None
    assert (stop.word, stop.reason) == ("cancelled", Reason.CHANGED_AFTER_DELIVERY)


@given(st.permutations([*FINAL, *FOR_NOW]))
def test_the_gravest_reason_counts_whatever_their_order(reasons: list[Blocked]) -> None:
    stop = stopping(blocked(*reasons), ours=False)
    assert stop is not None
    assert stop.word == "cancelled"


# --- what people did in the cloud --------------------------------------------------------------------


def draft(amount: str = "100.00", number: str = "INV-1") -> BillDraft:
    return BillDraft("v", number, date(2026, 1, 5), date(2026, 2, 5), (DraftLine("a", Decimal(amount)),))


def test_a_bill_that_stands_as_it_was_sent_was_edited_by_nobody() -> None:
    assert edited_by_others(there(), [draft()], "BILL", archived_by_us=False) is None
    assert edited_by_others(there(archived=True), [draft()], "BILL", archived_by_us=True) is None


@pytest.mark.parametrize(
    ("target", "word"),
    [
        (there(archived=True), "archived"),
        (replace(there(), total=Decimal(77)), "77"),
        (replace(there(), number="INV-9"), "INV-9"),
    ],
)
def test_a_bill_that_people_changed_is_held(target: TargetBill, word: str) -> None:
    result = edited_by_others(target, [draft()], "BILL", archived_by_us=False)
    assert isinstance(result, Hold)
    assert result.reason == Reason.CHANGED_AFTER_DELIVERY
    assert word in result.message


def test_a_change_whose_answer_was_lost_may_have_arrived() -> None:
    sent = [draft("80.00"), draft("100.00")]
    assert edited_by_others(there(), sent, "BILL", archived_by_us=False) is None
    mixed = replace(there(), number="INV-2")
    assert edited_by_others(mixed, [draft(), draft("50.00", "INV-2")], "BILL", archived_by_us=False)


# --- telling documents and versions apart ------------------------------------------------------------


@pytest.mark.parametrize(("one", "other"), [("INV-1", "inv-1"), ("00042", "42"), ("A 7", "a7"), ("007a", "7A")])
def test_numbers_that_people_take_for_one(one: str, other: str) -> None:
    assert alike(one, other)


@pytest.mark.parametrize(("one", "other"), [("INV-1", "INV-2"), ("42", "420"), ("A-7", "A7")])
def test_numbers_that_nobody_takes_for_one(one: str, other: str) -> None:
    assert not alike(one, other)


def test_payments_and_blocks_are_no_change_of_the_document_but_are_seen() -> None:
    one, other = blocked(), blocked(Blocked.PAYMENT_BLOCK, owed="40.00")
    assert content(one) == content(other)
    assert seen_of(one) != seen_of(other)
    assert content(one) != content(replace(one, lines=(BillLine("1", "5010", Decimal(1)),)))
