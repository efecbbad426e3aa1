"""Boards and their columns: found, proposed, created, checked; and one clear reason where they are not usable."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from audit.models import AuditEvent
from connectors.domain import Board, BoardColumn, Vendor
from connectors.errors import OutcomeUnknown
from integrations.admin.suggestions import suggestions
from integrations.engine.preview import preview
from integrations.engine.schedule import has_due_work
from integrations.flows.board_columns import free_id
from integrations.models import Delivery, Flow, Link, Mapping, MappingTable, State

from .board_fakes import bill
from .conftest import BoardWorld

DAY = 25 * 3600.0
HOUR = 3601.0


@pytest.fixture
def sent(world: BoardWorld) -> BoardWorld:
    """INV-1 is on the board of invoices."""
    world.ledger.put("bills", bill("INV-1"))
    assert world.sync().ok
    world.forget_calls()
    return world


def amount(world: BoardWorld) -> str:
    (item,) = world.boards.by_key().values()
    return item.values[world.column("bills.amount").target]


def held(world: BoardWorld) -> str:
    """The one reason why the flow's records wait."""
    result = world.sync()
    assert result.trouble is None
    assert {row["reason"] for row in result.held} == {"board_unusable"}
    messages = {row["message"] for row in result.held}
    assert len(messages) == 1
    return messages.pop()


def existing(world: BoardWorld, *columns: BoardColumn, name: str = "Sage 100 ABC AP invoices") -> str:
    board_id = str(next(world.boards.ids))
    world.boards.boards[board_id] = Board(board_id, name, (BoardColumn("name", "Name", "name"), *columns))
    return board_id


# --- finding and making --------------------------------------------------------------------------------


def test_columns_are_created_with_ids_of_ours_and_written_into_the_table(sent: BoardWorld) -> None:
    board = sent.boards.board("AP invoices")
    kinds = {column.id: column.kind for column in board.columns}
    assert (kinds["amount"], kinds["due_date"], kinds["gl_codes"], kinds["lines"]) == (
        "numbers",
        "date",
        "text",
        "long_text",
    )
    assert kinds["sage100_key"] == kinds["sage100_hash"] == "text"
    row = sent.column("bills.amount")
    assert (row.target, row.target_id, row.target_label, row.problem) == ("amount", "amount", "Amount", "")


def test_a_board_is_found_by_its_name_and_columns_by_title_and_type(world: BoardWorld) -> None:
    board_id = existing(
        world,
        BoardColumn("numeric_mk1", "amount", "numbers"),
        BoardColumn("status_9", "Due date", "status"),
        BoardColumn("text_old", "Vendor", "text", archived=True),
    )
    world.ledger.put("bills", bill("INV-1"))
    assert world.sync().ok
    assert world.boards.calls["create_board"] == 0
    assert world.flow().place == board_id
    assert world.column("bills.amount").target == "numeric_mk1"
    assert world.column("bills.due_date").target == "due_date"
    assert world.column("bills.vendor").target == "vendor"


def test_the_connections_settings_name_a_board(world: BoardWorld) -> None:
    board_id = existing(world, name="Accounts payable")
    world.connection(boards={"bills": board_id})
    world.ledger.put("bills", bill("INV-1"))
    assert world.sync().ok
    assert world.boards.calls["find_board"] == 0
    assert set(world.boards.by_key(board_id)) == {"ABC|INV|01-ACME01|INV-1"}


def test_another_board_gets_every_record_that_changes(sent: BoardWorld) -> None:
    board_id = existing(sent, name="New year")
    sent.connection(boards={"bills": board_id})
    sent.ledger.put("bills", bill("INV-1", "120.00"))
    assert sent.sync().ok
    assert len(sent.boards.by_key(board_id)) == 1


def test_two_boards_of_one_name_ask_for_a_person(world: BoardWorld) -> None:
    existing(world), existing(world)
    world.ledger.put("bills", bill("INV-1"), bill("INV-2"))
    assert "several boards named 'Sage 100 ABC AP invoices'" in held(world)
    assert world.boards.items == {}


def test_a_board_serves_one_flow(world: BoardWorld) -> None:
    board_id = existing(world, name="Everything")
    world.connection(boards={"bills": board_id})
    world.ledger.put("bills", bill("INV-1"))
    assert world.sync().ok
    world.connection(boards={"bills": board_id, "vendors": board_id})
    world.ledger.put("vendors", Vendor("01-ACME01", "01-ACME01", "Acme Supply"))
    assert "holds the records of acme/ap/bills already" in held(world)


def test_without_manage_columns_people_are_told_what_to_add(world: BoardWorld) -> None:
    world.set(manage_columns=False)
    world.ledger.put("bills", bill("INV-1"))
    assert "name one for the flow bills under boards" in held(world)
    existing(world, BoardColumn("numeric_mk1", "Amount", "numbers"))
    message = held(world)
    assert "titled 'Due date' of type date" in message
    assert "'Amount'" not in message
    assert world.boards.calls["create_column"] == 0


def test_a_lost_answer_makes_no_second_board(world: BoardWorld) -> None:
    losses = [OutcomeUnknown("no answer")]

    def lose(call: str) -> None:
        if call == "create_board" and losses:
            raise losses.pop()

    world.boards.after = lose
    world.ledger.put("bills", bill("INV-1"))
    assert world.sync().ok
    assert len(world.boards.boards) == 1


def test_a_creation_that_may_still_land_is_waited_for(world: BoardWorld) -> None:
    losses = [OutcomeUnknown("no answer")]

    def lose(call: str) -> None:
        if call == "create_board" and losses:
            raise losses.pop()

    world.boards.before = lose
    world.ledger.put("bills", bill("INV-1"))
    started = world.clock.now()
    assert world.sync().ok
    assert len(world.boards.boards) == 1
    assert (world.clock.now() - started).total_seconds() >= world.boards.capabilities.answer_window


# --- what people choose --------------------------------------------------------------------------------


def test_a_person_chooses_another_column(sent: BoardWorld) -> None:
    board = sent.boards.board("AP invoices")
    columns = (*board.columns, BoardColumn("total_1", "Total", "text"))
    sent.boards.boards[board.id] = replace(board, columns=columns)
    Mapping.objects.filter(source="bills.amount").update(target="Total")
    sent.ledger.put("bills", bill("INV-1", "120.00"))
    assert sent.sync().ok
    (item,) = sent.boards.by_key().values()
    assert (item.values["total_1"], item.values["amount"]) == ("120.00", "100.00")


def test_another_column_is_filled_for_every_item(sent: BoardWorld) -> None:
    sent.ledger.put("bills", *(bill(f"B-{number}") for number in range(30)))
    assert sent.sync().ok
    Mapping.objects.filter(source="bills.amount").delete()
    sent.boards.drop_column(sent.flow().place, "amount")
    sent.ledger.put("bills", bill("INV-1", "120.00"))
    board = sent.boards.boards[sent.flow().place]
    columns = (*board.columns, BoardColumn("total_1", "Total", "numbers"))
    sent.boards.boards[board.id] = replace(board, columns=columns)
    Mapping.objects.create(integration=sent.integration, table="columns", source="bills.amount", target="total_1")
    sent.forget_calls()
    assert sent.sync().ok
    assert {item.values["total_1"] for item in sent.boards.by_key().values()} == {"100.00", "120.00"}
    assert sent.boards.calls["find_items"] == 0
    sent.forget_calls()
    assert sent.sync().ok
    assert sent.boards.calls == {}


def test_the_daily_check_tells_what_is_wrong_before_a_record_needs_it(sent: BoardWorld) -> None:
    sent.boards.drop_column(sent.flow().place, "amount")
    sent.clock.sleep(DAY)
    assert sent.sync().ok
    assert "choose another one" in AuditEvent.objects.get(event="board_unusable").message


def test_a_preview_finds_the_items_of_a_board_of_that_name(sent: BoardWorld) -> None:
    Link.objects.all().delete()
    Delivery.objects.all().delete()
    Flow.objects.update(cursors={}, last_full_at=None, place="")
    _, would = preview(sent.integration, clock=sent.clock)
    assert [row["action"] for row in would] == ["adopt"]
    assert sent.flow().place == ""


def test_a_field_can_be_left_out(world: BoardWorld) -> None:
    Mapping.objects.create(integration=world.integration, table="columns", source="bills.lines", target="-")
    world.ledger.put("bills", bill("INV-1"))
    assert world.sync().ok
    assert "lines" not in {column.id for column in world.boards.board("AP invoices").columns}


def test_live_columns_are_there_to_choose_from(sent: BoardWorld) -> None:
    found = suggestions(sent.integration, MappingTable.COLUMNS, "target", "amou")
    assert found == [{"value": "amount", "label": "bills: Amount (numbers)"}]


def test_two_fields_in_one_column_are_refused(sent: BoardWorld) -> None:
    Mapping.objects.filter(source="bills.amount").update(target="balance")
    sent.ledger.put("bills", bill("INV-1", "120.00"))
    assert "cannot hold Amount and Open balance" in held(sent)


# --- what people do to the board -----------------------------------------------------------------------


def test_a_renamed_column_is_fine(sent: BoardWorld) -> None:
    sent.boards.change_column(sent.flow().place, "amount", title="Betrag")
    sent.clock.sleep(DAY)
    sent.ledger.put("bills", bill("INV-1", "120.00"))
    assert sent.sync().ok
    assert amount(sent) == "120.00"
    assert sent.column("bills.amount").target_label == "Betrag"


BREAKS: dict[str, tuple[Any, Any, str]] = {
    "archived": ({"archived": True}, {"archived": False}, "is archived: restore it on the board"),
    "retyped": ({"kind": "status"}, {"kind": "numbers"}, "has the type status now, but numbers or text is needed"),
}


@pytest.mark.parametrize("broken", BREAKS)
@pytest.mark.parametrize("noticed", ["by the daily check", "by a refusal"])
def test_a_column_that_is_gone_holds_the_flow_until_it_is_back(sent: BoardWorld, broken: str, noticed: str) -> None:
    change, back, words = BREAKS[broken]
    sent.boards.change_column(sent.flow().place, "amount", **change)
    if noticed == "by the daily check":
        sent.clock.sleep(DAY)
    sent.ledger.put("bills", bill("INV-1", "120.00"), *(bill(f"B-{number}") for number in range(60)))
    assert words in held(sent)
    assert sent.boards.calls["write_items"] <= 4
    sent.forget_calls()
    assert words in held(sent)
    assert sent.boards.calls == {"get_board": 1}
    sent.boards.change_column(sent.flow().place, "amount", **back)
    assert sent.sync().ok
    assert len(sent.boards.by_key()) == 61


def test_a_deleted_column_holds_the_flow_until_another_one_is_chosen(sent: BoardWorld) -> None:
    sent.boards.drop_column(sent.flow().place, "amount")
    sent.ledger.put("bills", bill("INV-1", "120.00"))
    assert "The column 'amount' for Amount is no longer there; choose another one" in held(sent)
    sent.column("bills.amount").delete()
    assert sent.sync().ok
    assert amount(sent) == "120.00"


def test_a_deleted_board_holds_the_flow(sent: BoardWorld) -> None:
    board = sent.boards.boards.pop(sent.flow().place)
    sent.clock.sleep(DAY)
    sent.ledger.put("bills", bill("INV-1", "120.00"))
    assert "is gone from" in held(sent)
    assert sent.boards.calls["create_board"] == 0
    sent.boards.boards[board.id] = board
    assert sent.sync().ok


def test_nobody_asks_a_held_board_more_than_once_an_hour(sent: BoardWorld) -> None:
    sent.boards.boards.clear()
    sent.clock.sleep(DAY)
    sent.ledger.put("bills", bill("INV-1", "120.00"))
    held(sent)
    assert not has_due_work(sent.flow(), sent.clock.now())
    sent.clock.sleep(HOUR)
    assert has_due_work(sent.flow(), sent.clock.now())
    assert sent.latest("INV-1").state == State.HELD


def test_a_free_id_is_found_beside_archived_columns() -> None:
    taken = [BoardColumn("amount", "Amount", "numbers", archived=True), BoardColumn("amount_2", "A", "text")]
    assert free_id("amount", taken) == "amount_3"
    assert free_id("a" * 30, []) == "a" * 20
    assert free_id("a" * 30, [BoardColumn("a" * 20, "A", "text")]) == "a" * 18 + "_2"
