from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

from hypothesis import assume, given
from hypothesis import strategies as st

from connectors.domain import Bill
from integrations.flows.bill_changes import Basis, Recorded, explained_by_us

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
