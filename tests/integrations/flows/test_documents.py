"""An invoice split by its instalments: pure, to the cent."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

from hypothesis import assume, given
from hypothesis import strategies as st

from connectors.domain import Bill, BillLine, Charge, ChargeKind, Instalment, OpenBill
from integrations.flows.documents import other_form, part_key, split, splittable

START = date(2026, 1, 5)
cents = st.integers(1, 1_000_000).map(lambda value: Decimal(value).scaleb(-2))
signed = st.integers(-10_000, 10_000).map(lambda value: Decimal(value).scaleb(-2))
shares = st.lists(st.integers(1, 100), min_size=2, max_size=6)


def instalments(total: Decimal, weights: list[int], paid: Decimal = Decimal(0)) -> tuple[Instalment, ...]:
    """Parts of `total` by weight, the last takes what rounding leaves; `paid` comes off the oldest."""
    found: list[Instalment] = []
    for number, weight in enumerate(weights, start=1):
        rest = total - sum((each.total for each in found), Decimal(0))
        part = rest if number == len(weights) else (total * weight / sum(weights)).quantize(Decimal("0.01"))
        taken = min(part, paid)
        paid -= taken
        found.append(Instalment(number, START + timedelta(days=30 * number), part, part - taken))
    return tuple(found)


def bill(lines: list[Decimal], beside: list[Decimal], weights: list[int]) -> Bill:
    total = sum((*lines, *beside), Decimal(0))
    return Bill(
        key="4711",
        vendor_key="V100",
        vendor_name="Acme",
        number="INV-1",
        invoice_date=START,
        due_date=START,
        currency="USD",
        total=total,
        balance=total,
        lines=tuple(
            BillLine(f"{index}", f"50{index}", amount, f"Line {index}", ("OPS",)) for index, amount in enumerate(lines)
        ),
        charges=tuple(Charge(kind, amount) for kind, amount in zip(ChargeKind, beside, strict=False)),
        instalments=instalments(total, weights),
        ledger_number="10042",
    )


@given(st.lists(cents, min_size=1, max_size=6), st.lists(signed, max_size=4), shares)
def test_every_part_adds_up_to_its_instalment_and_all_parts_to_the_invoice(
    lines: list[Decimal], beside: list[Decimal], weights: list[int]
) -> None:
    whole = bill(lines, beside, weights)
    assume(whole.total > 0)
    parts = split(whole)
    assert [part.total for part in parts] == [each.total for each in whole.instalments]
    assert sum((part.total for part in parts), Decimal(0)) == whole.total
    for part in parts:
        amounts = [each.amount for each in (*part.lines, *part.charges)]
        assert sum(amounts, Decimal(0)) == part.total
        assert all(each == each.quantize(Decimal("0.01")) for each in amounts)


@given(st.lists(cents, min_size=1, max_size=6), st.lists(signed, max_size=4), shares)
def test_every_line_keeps_its_account_text_and_department_and_bears_its_share(
    lines: list[Decimal], beside: list[Decimal], weights: list[int]
) -> None:
    whole = bill(lines, beside, weights)
    assume(whole.total > 0)
    amounts = len(lines) + len(beside)
    for part in split(whole):
        coding = [(line.account_key, line.description, line.departments) for line in part.lines]
        assert coding == [(line.account_key, line.description, line.departments) for line in whole.lines]
        for mine, line in zip(part.lines, whole.lines, strict=True):
            exact = line.amount * part.total / whole.total
            assert abs(mine.amount - exact) <= Decimal("0.01") * amounts


def test_a_part_is_known_by_its_own_key_number_due_date_and_balance() -> None:
    whole = bill([Decimal(90)], [], [1, 1, 1])
    whole = replace(whole, balance=Decimal(50), instalments=instalments(whole.total, [1, 1, 1], paid=Decimal(40)))
    told = [(part.key, part.number, part.part, part.due_date, part.total, part.balance) for part in split(whole)]
    thirty = Decimal(30)
    assert told == [
        ("4711-1", "INV-1-1", 1, date(2026, 2, 4), thirty, Decimal(0)),
        ("4711-2", "INV-1-2", 2, date(2026, 3, 6), thirty, Decimal(20)),
        ("4711-3", "INV-1-3", 3, date(2026, 4, 5), thirty, thirty),
    ]
    assert [part.key for part in split(whole)] == [part_key("4711", number) for number in (1, 2, 3)]
    assert not any(splittable(part) for part in split(whole)), "a part is not split again"


def test_an_instalment_without_a_date_is_due_with_the_invoice_and_no_number_stays_none() -> None:
    whole = replace(bill([Decimal(10)], [], [1, 1]), number="")
    whole = replace(whole, instalments=tuple(replace(each, due_date=None) for each in whole.instalments))
    assert [(part.number, part.due_date) for part in split(whole)] == [("", START), ("", START)]


def test_an_open_item_is_split_alike() -> None:
    parts = instalments(Decimal(100), [1, 3], paid=Decimal(30))
    whole = OpenBill("4711", "V100", "INV-1", START, Decimal(100), Decimal(70), (), parts, "10042")
    assert [(part.key, part.number, part.total, part.balance) for part in split(whole)] == [
        ("4711-1", "INV-1-1", Decimal(25), Decimal(0)),
        ("4711-2", "INV-1-2", Decimal(75), Decimal(70)),
    ]


def test_amounts_that_do_not_add_up_are_left_for_the_flow_to_hold() -> None:
    whole = bill([Decimal(60), Decimal(40)], [], [1, 1])
    off = replace(whole, lines=whole.lines[:1])
    assert [part.lines for part in split(off)] == [off.lines, off.lines]


def test_one_instalment_makes_no_parts() -> None:
    whole = bill([Decimal(10)], [], [1, 1])
    assert splittable(whole)
    assert not splittable(replace(whole, instalments=whole.instalments[:1]))
    assert not splittable(replace(whole, instalments=()))


def test_the_form_that_was_not_chosen_is_told_so_that_it_can_be_withdrawn() -> None:
    whole, single = bill([Decimal(10)], [], [1, 1]), replace(bill([Decimal(5)], [], [1, 1]), key="4712", instalments=())
    parts = split(whole)
    assert other_form([whole, single], [whole, single]) == parts
    assert other_form([whole, single], [*parts, single]) == [whole]
