"""Lines as subitems: one each, changed with the document, never deleted."""

from __future__ import annotations

from decimal import Decimal

import pytest

from connectors.domain import BillLine
from connectors.errors import OutcomeUnknown

from .board_fakes import bill
from .conftest import BoardWorld


@pytest.fixture
def lines(world: BoardWorld) -> BoardWorld:
    world.set(line_detail="subitems")
    return world


def two(first: str = "60.00", second: str = "40.00") -> tuple[BillLine, ...]:
    rows = (("4000-01-00", first), ("6000-01-00", second))
    return tuple(BillLine("k", account, Decimal(amount), f"Goods {account}") for account, amount in rows)


def subitems(world: BoardWorld) -> dict[str, tuple[str, str]]:
    """GL code and amount by name; those of other invoices have other names."""
    found = {}
    for item in world.boards.items.values():
        if item.parent:
            assert item.name not in found
            found[item.name] = (item.values.get("gl_code", ""), item.values.get("amount", ""))
    return found


BOTH = {
    "1 Goods 4000-01-00": ("4000-01-00", "60.00"),
    "2 Goods 6000-01-00": ("6000-01-00", "40.00"),
}


def test_each_line_is_a_subitem(lines: BoardWorld) -> None:
    lines.ledger.put("bills", bill("INV-1", lines=two()))
    assert lines.sync().ok
    assert subitems(lines) == BOTH
    assert "lines" not in {column.id for column in lines.boards.board("AP invoices").columns}
    lines.forget_calls()
    assert lines.sync().ok
    assert lines.boards.calls == {}


def test_changed_and_removed_lines(lines: BoardWorld) -> None:
    lines.ledger.put("bills", bill("INV-1", lines=two()))
    assert lines.sync().ok
    lines.ledger.put("bills", bill("INV-1", "70.00", lines=two("70.00")[:1]))
    assert lines.sync().ok
    assert subitems(lines) == {"1 Goods 4000-01-00": ("4000-01-00", "70.00"), "2 (removed)": ("", "")}


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("call", range(1, 5))
def test_a_lost_answer_makes_no_second_subitem(lines: BoardWorld, moment: str, call: int) -> None:
    """The second invoice's: the hidden board is there by then."""
    lines.ledger.put("bills", bill("INV-0", "1.00", lines=()))
    lines.ledger.put("bills", bill("INV-9", "1.00", lines=(BillLine("k", "7000-01-00", Decimal(1), "Other"),)))
    assert lines.sync().ok
    left = [call]

    def lose(name: str) -> None:
        if name == "write_items":
            left[0] -= 1
            if left[0] == 0:
                raise OutcomeUnknown("no answer")

    setattr(lines.boards, moment, lose)
    lines.ledger.put("bills", bill("INV-1", lines=two()))
    assert lines.sync().ok
    assert {name: values for name, values in subitems(lines).items() if "Goods" in name} == BOTH


def test_closed_records_get_their_lines_and_their_place(lines: BoardWorld) -> None:
    lines.set(closed_items="group")
    lines.ledger.put("bills", bill("INV-1", lines=two()))
    assert lines.sync().ok
    lines.ledger.put("bills", bill("INV-1", "70.00", lines=two("70.00")[:1], balance=Decimal(0)))
    assert lines.sync().ok
    (item,) = lines.boards.by_key().values()
    assert item.group == "closed"
    assert subitems(lines)["1 Goods 4000-01-00"] == ("4000-01-00", "70.00")


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("call", range(2, 5))
def test_a_lost_answer_while_the_hidden_board_is_made(lines: BoardWorld, moment: str, call: int) -> None:
    """The first call creates the item, the second one its first subitem."""
    left = [call]

    def lose(name: str) -> None:
        if name == "write_items":
            left[0] -= 1
            if left[0] == 0:
                raise OutcomeUnknown("no answer")

    setattr(lines.boards, moment, lose)
    lines.ledger.put("bills", bill("INV-1", lines=two()))
    assert lines.sync().ok
    assert subitems(lines) == BOTH
    assert len([item for item in lines.boards.items.values() if item.parent]) == 2
