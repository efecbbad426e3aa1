from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from connectors.domain import Bill, BillDraft, BillLine
from integrations.engine.vocabulary import Hold, Reason
from integrations.flows import bill_lines

money = st.integers(-10_000_000, 10_000_000).map(lambda cents: Decimal(cents).scaleb(-2))
owing = st.integers(1, 10_000_000).map(lambda cents: Decimal(cents).scaleb(-2))


def account(table: str, key: str, shown: str) -> str | Hold:
    return f"{table}:{key}"


def bill(lines: list[Decimal], total: Decimal, freight: Decimal, tax: Decimal, number: str = "INV-1") -> Bill:
    return Bill(
        key="01-ACME|INV-1",
        vendor_key="01-ACME",
        vendor_name="Acme",
        number=number,
        invoice_date=date(2026, 1, 5),
        due_date=None,
        currency="USD",
        total=total,
        balance=total,
        lines=tuple(BillLine(f"{index}", f"50{index}", amount) for index, amount in enumerate(lines)),
        freight=freight,
        tax=tax,
    )


def built(one: Bill, owed: Decimal, find: bill_lines.FindAccount = account) -> BillDraft | Hold:
    return bill_lines.build(
        one, vendor_id="v", owed=owed, find=find, number_limit=21, long_numbers="hold", target="BILL"
    )


@given(st.lists(money, max_size=6), money, money, money, owing)
def test_the_lines_always_add_up_to_what_is_owed_or_the_invoice_is_held(
    lines: list[Decimal], total: Decimal, freight: Decimal, tax: Decimal, owed: Decimal
) -> None:
    result = built(bill(lines, total, freight, tax), owed)
    if isinstance(result, Hold):
        assert result.reason == Reason.AMOUNT_MISMATCH
    else:
        assert sum(line.amount for line in result.lines) == result.total == owed


@given(
    st.lists(owing, min_size=1, max_size=6), owing, owing, st.sampled_from(["", "freight", "tax", "both"]), st.data()
)
def test_every_document_that_balances_goes_with_what_is_paid_as_one_negative_line(
    lines: list[Decimal], freight: Decimal, tax: Decimal, outside: str, data: st.DataObject
) -> None:
    extra = {"": Decimal(0), "freight": freight, "tax": tax, "both": freight + tax}[outside]
    total = sum(lines, Decimal(0)) + extra
    owed = data.draw(st.integers(1, int(total * 100))) * Decimal("0.01")
    result = built(bill(lines, total, freight, tax), owed)
    assert isinstance(result, BillDraft)
    assert result.total == owed
    paid = [line.amount for line in result.lines if line.account == "amounts:paid"]
    assert paid == ([owed - total] if owed != total else [])
    coded = [line.amount for line in result.lines if line.account.startswith("accounts:")]
    assert coded == lines


@given(owing, owing)
def test_owing_more_than_the_document_is_held(total: Decimal, more: Decimal) -> None:
    result = built(bill([total], total, Decimal(0), Decimal(0)), total + more)
    assert isinstance(result, Hold)


def test_all_unmapped_accounts_are_named_at_once() -> None:
    one = bill([Decimal(1), Decimal(2)], Decimal(6), Decimal(3), Decimal(0))
    result = built(one, Decimal(6), lambda table, key, shown: Hold(Reason.ACCOUNT_UNMAPPED, f"{shown} is not mapped."))
    assert isinstance(result, Hold)
    assert all(name in result.message for name in ("500", "501", "freight"))


@given(st.text(min_size=1, max_size=60))
def test_a_number_is_kept_or_held_or_shortened_the_same_way_every_time(number: str) -> None:
    held = bill_lines.fitting_number(number, 21, "hold", "BILL")
    assert (held == number) == (len(number) <= 21)
    if len(number) > 21:
        assert isinstance(held, Hold)
        assert "21" in held.message
    short = bill_lines.fitting_number(number, 21, "shorten", "BILL")
    assert isinstance(short, str)
    assert len(short) <= 21
    assert short == bill_lines.fitting_number(number, 21, "shorten", "BILL")


@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_two_long_numbers_never_become_one(first: int, second: int) -> None:
    short = [
        bill_lines.fitting_number(f"INVOICE-OF-THE-YEAR-2026-{each}", 21, "shorten", "B") for each in (first, second)
    ]
    assert (short[0] == short[1]) == (first == second)


def test_without_a_date_it_is_held() -> None:
    one = replace(bill([Decimal(1)], Decimal(1), Decimal(0), Decimal(0)), invoice_date=None)
    assert isinstance(built(one, Decimal(1)), Hold)
