from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

from hypothesis import assume, given
from hypothesis import strategies as st

from connectors.domain import Bill, BillDraft, BillLine, Charge, ChargeKind
from integrations.engine.vocabulary import Hold, Reason
from integrations.flows import bill_lines

money = st.integers(-10_000_000, 10_000_000).map(lambda cents: Decimal(cents).scaleb(-2))
owing = st.integers(1, 10_000_000).map(lambda cents: Decimal(cents).scaleb(-2))


def account(table: str, key: str, shown: str) -> str | Hold:
    return f"{table}:{key}"


def follows(table: str, key: str, shown: str) -> str | Hold:
    """Nobody mapped an amount outside the lines, and the setting sends it with the largest line."""
    return "" if table == "amounts" else account(table, key, shown)


def department(line: BillLine) -> str | Hold:
    return line.departments[0] if line.departments else ""


def rules(
    find: bill_lines.FindAccount = account,
    find_department: bill_lines.FindDepartment = department,
    long_numbers: str = "hold",
) -> bill_lines.Rules:
    return bill_lines.Rules(find, find_department, number_limit=21, long_numbers=long_numbers, target="BILL")


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


def charged(lines: list[BillLine], charges: list[Charge]) -> Bill:
    total = sum((each.amount for each in (*lines, *charges)), Decimal(0))
    return replace(
        bill([], total, Decimal(0), Decimal(0)), lines=tuple(lines), charges=tuple(charges), ledger_number="10042"
    )


def built(one: Bill, owed: Decimal, find: bill_lines.FindAccount = account) -> BillDraft | Hold:
    return bill_lines.build(one, vendor_id="v", owed=owed, rules=rules(find))


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


def fitted(number: str, long_numbers: str, part: int = 0) -> str | Hold:
    one = replace(bill([], Decimal(1), Decimal(0), Decimal(0), number), part=part)
    return bill_lines.fitting_number(one, rules(long_numbers=long_numbers))


@given(st.text(min_size=1, max_size=60))
def test_a_number_is_kept_or_held_or_shortened_the_same_way_every_time(number: str) -> None:
    held = fitted(number, "hold")
    assert (held == number) == (len(number) <= 21)
    if len(number) > 21:
        assert isinstance(held, Hold)
        assert "21" in held.message
    short = fitted(number, "shorten")
    assert isinstance(short, str)
    assert len(short) <= 21
    assert short == fitted(number, "shorten")


@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_two_long_numbers_never_become_one(first: int, second: int) -> None:
    short = [fitted(f"INVOICE-OF-THE-YEAR-2026-{each}", "shorten") for each in (first, second)]
    assert (short[0] == short[1]) == (first == second)


@given(st.integers(1, 99), st.integers(1, 99))
def test_a_shortened_part_still_tells_which_part_it_is(first: int, second: int) -> None:
    short = [fitted(f"INVOICE-OF-THE-YEAR-2026-{part}", "shorten", part) for part in (first, second)]
    assert all(isinstance(each, str) and len(each) <= 21 for each in short)
    assert [str(each).rpartition("-")[2] for each in short] == [str(first), str(second)]


def test_without_a_number_it_is_held_under_the_ledgers_own() -> None:
    one = replace(bill([Decimal(1)], Decimal(1), Decimal(0), Decimal(0), ""), ledger_number="10042")
    result = built(one, Decimal(1))
    assert isinstance(result, Hold)
    assert "10042" in result.message


def test_what_cannot_be_relied_on_is_held_with_its_problem() -> None:
    one = replace(bill([Decimal(1)], Decimal(1), Decimal(0), Decimal(0)), problem="what is owed cannot be told.")
    result = built(one, Decimal(1))
    assert isinstance(result, Hold)
    assert result.reason == Reason.AMOUNT_MISMATCH
    assert "what is owed cannot be told" in result.message


def test_without_a_date_it_is_held() -> None:
    one = replace(bill([Decimal(1)], Decimal(1), Decimal(0), Decimal(0)), invoice_date=None)
    assert isinstance(built(one, Decimal(1)), Hold)


# --- amounts beside the lines, departments -----------------------------------------------------------

kinds = st.sampled_from([kind for kind in ChargeKind if kind is not ChargeKind.PAID])
coded = st.builds(
    lambda index, amount, department: BillLine(f"{index}", f"50{index}", amount, departments=(department,)),
    st.integers(0, 9),
    owing,
    st.sampled_from(["", "OPS", "SALES"]),
)
charges = st.builds(Charge, kinds, money.filter(bool))


@given(st.lists(coded, min_size=1, max_size=5), st.lists(charges, max_size=4), st.data())
def test_charges_go_to_their_accounts_and_all_adds_up(
    lines: list[BillLine], beside: list[Charge], data: st.DataObject
) -> None:
    one = charged(lines, beside)
    assume(one.total > 0)
    owed = data.draw(st.integers(1, int(one.total * 100))) * Decimal("0.01")
    result = built(one, owed)
    assert isinstance(result, BillDraft)
    assert result.total == owed
    told = [(line.account, line.amount, line.department) for line in result.lines]
    paid = [("amounts:paid", owed - one.total, "")] if owed != one.total else []
    assert told == [
        *((f"accounts:{line.account_key}", line.amount, line.departments[0]) for line in lines),
        *((f"amounts:{charge.kind}", charge.amount, "") for charge in beside),
        *paid,
    ]


@given(st.lists(coded, min_size=1, max_size=5), st.lists(charges, min_size=1, max_size=4))
def test_charges_that_nobody_mapped_go_where_the_largest_line_goes(lines: list[BillLine], beside: list[Charge]) -> None:
    one = charged(lines, beside)
    assume(one.total > 0)
    result = built(one, one.total, follows)
    assert isinstance(result, BillDraft)
    assert result.total == one.total
    largest = max(line.amount for line in lines)
    homes = {(f"accounts:{line.account_key}", line.departments[0]) for line in lines if line.amount == largest}
    for line, charge in zip(result.lines[len(lines) :], beside, strict=True):
        assert (line.account, line.department) in homes
        assert line.amount == charge.amount


def test_a_charge_without_any_line_has_nowhere_to_follow() -> None:
    result = built(charged([], [Charge(ChargeKind.FREIGHT, Decimal(5))]), Decimal(5), follows)
    assert isinstance(result, Hold)
    assert result.reason == Reason.ACCOUNT_UNMAPPED


def test_a_mapped_charge_keeps_its_account_where_others_follow_the_largest_line() -> None:
    def some(table: str, key: str, shown: str) -> str | Hold:
        return "amounts:freight" if key == "freight" else follows(table, key, shown)

    lines = [BillLine("small", "1", Decimal(3)), BillLine("large", "2", Decimal(-7)), BillLine("mid", "3", Decimal(6))]
    beside = [Charge(ChargeKind.FREIGHT, Decimal(5)), Charge(ChargeKind.ROUNDING, Decimal("0.01"))]
    result = built(charged(lines, beside), Decimal("7.01"), some)
    assert isinstance(result, BillDraft)
    assert [line.account for line in result.lines[3:]] == ["amounts:freight", "accounts:large"]


def test_missing_accounts_and_departments_are_told_together() -> None:
    def nowhere(line: BillLine) -> str | Hold:
        return Hold(Reason.DIMENSION_UNMAPPED, f"Cost object {line.departments[0]} is not mapped.")

    def no_account(table: str, key: str, shown: str) -> str | Hold:
        return Hold(Reason.ACCOUNT_UNMAPPED, f"Account {shown} is not mapped.")

    one = charged([BillLine("1", "5010", Decimal(3), departments=("OPS",))], [])
    both = bill_lines.build(one, vendor_id="v", owed=Decimal(3), rules=rules(no_account, nowhere))
    assert isinstance(both, Hold)
    assert "5010" in both.message
    assert "OPS" in both.message
    one_only = bill_lines.build(one, vendor_id="v", owed=Decimal(3), rules=rules(account, nowhere))
    assert isinstance(one_only, Hold)
    assert one_only.reason == Reason.DIMENSION_UNMAPPED


@given(st.lists(coded, min_size=1, max_size=3), st.lists(charges, max_size=3), money.filter(bool))
def test_charges_that_do_not_make_up_the_total_hold_the_invoice(
    lines: list[BillLine], beside: list[Charge], off: Decimal
) -> None:
    one = charged(lines, beside)
    one = replace(one, total=one.total + off)
    assume(one.total > 0)
    result = built(one, one.total)
    assert isinstance(result, Hold)
    assert result.reason == Reason.AMOUNT_MISMATCH


@given(st.lists(owing, min_size=1, max_size=6), owing, owing, owing)
def test_what_does_not_add_up_may_be_spread_over_the_lines(
    lines: list[Decimal], total: Decimal, freight: Decimal, tax: Decimal
) -> None:
    one = bill(lines, total, freight, tax)
    assume(isinstance(bill_lines.outside_lines(one), Hold))
    assert isinstance(built(one, total), Hold)
    spread = bill_lines.build(one, vendor_id="v", owed=total, rules=replace(rules(), prorate=True))
    assert isinstance(spread, BillDraft)
    assert spread.total == total
    assert [line.amount for line in spread.lines if line.account.startswith("amounts:")] == [freight, tax]
    coded = [line.amount for line in spread.lines if line.account.startswith("accounts:")]
    wanted, inside = total - freight - tax, sum(lines, Decimal(0))
    cents = Decimal("0.01") * (len(lines) + 1)
    due = [line * wanted / inside for line in lines]
    assert sum(abs(got) for got in coded) >= abs(wanted)
    if len(coded) == len(lines):  # a share of nothing is no line
        assert all(abs(got - share) <= cents for got, share in zip(coded, due, strict=True))


def test_what_adds_up_is_left_alone_though_it_might_be_spread() -> None:
    one = bill([Decimal("1.10"), Decimal("2.20")], Decimal("3.30"), Decimal(0), Decimal(0))
    spread = bill_lines.build(one, vendor_id="v", owed=one.total, rules=replace(rules(), prorate=True))
    assert spread == built(one, one.total)
