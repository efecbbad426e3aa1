"""Sage 100 -> monday.com over both sandboxes: the everyday way of every record type."""

from __future__ import annotations

from integrations.engine.schedule import ring
from integrations.models import Delivery, State
from tests.monday_world import MondayWorld


def test_everything_arrives_once_and_nothing_is_asked_again(monday: MondayWorld) -> None:
    monday.add_vendor()
    monday.add_invoice("INV-1", "1860.00", purchase_order_no="0010223")
    monday.add_invoice("INV-2", "55.10", state="entry")
    line = {"account": "5010-01-00", "amount": "12.50", "description": "Belts"}
    monday.sage.do_add_purchase_order(vendor="ACME01", number="0010223", lines=[line])
    result = monday.sync()
    assert (result.exit_code, result.held, result.failed) == (0, [], [])
    assert monday.value("INV-1", "amount") in ("1860.00", "1860")
    assert monday.value("INV-1", "gl_codes") != ""
    assert monday.value("INV-2", "ledger_status") == "Entered"
    assert set(monday.items("purchase_orders")) == {"0010223"}
    assert set(monday.items("vendors")) == {"01-ACME01"}
    accounts = {row["accountKey"] for row in monday.sage.state()["accounts"] if row["companyCode"] == "ABC"}
    assert set(monday.items("accounts")) == accounts
    before = monday.requests()
    assert monday.sync().ok
    assert monday.requests() == before, "a poll that finds nothing asks nothing"
    monday.good_manners()
    assert set(Delivery.objects.values_list("state", flat=True)) == {State.DELIVERED}


def test_approval_by_hand_survives_every_sync(monday: MondayWorld) -> None:
    monday.add_vendor()
    monday.add_invoice("INV-1", "100.00")
    assert monday.sync().ok
    board = monday.board()
    monday.monday.do_add_column(board, "Approval", "status", "approval")
    item = monday.items()["INV-1"]["id"]
    monday.monday.do_edit_item(item, "approval", {"label": "Approved"})
    monday.sage.do_change_invoice("01", "ACME01", "INV-1", comment="Second delivery")
    assert monday.sync().ok
    monday.sage.do_pay_in_sage("01", "ACME01", "INV-1")
    assert monday.sync(full=True).ok
    assert monday.items()["INV-1"]["values"]["approval"] == "Approved"
    assert monday.value("INV-1", "ledger_status") == "Paid"
    monday.good_manners()


def test_posting_an_entered_invoice_changes_its_item(monday: MondayWorld) -> None:
    monday.add_vendor()
    monday.add_invoice("INV-1", "100.00", state="entry")
    assert monday.sync().ok
    first = monday.items()["INV-1"]["id"]
    monday.sage.do_post_invoice("01", "ACME01", "INV-1")
    assert monday.sync().ok
    assert monday.items()["INV-1"]["id"] == first
    assert monday.value("INV-1", "ledger_status") == "Open"


def test_an_item_that_a_person_deleted_is_created_again_once(monday: MondayWorld) -> None:
    monday.add_vendor()
    monday.add_invoice("INV-1", "100.00")
    assert monday.sync().ok
    for expected in (0, 1):
        monday.monday.do_delete_item(monday.items()["INV-1"]["id"])
        monday.sage.do_change_invoice("01", "ACME01", "INV-1", comment=f"Change {expected}")
        assert monday.sync().exit_code == expected
    assert monday.items() == {}
    assert monday.latest("INV-1").reason == "changed_after_delivery"


def test_a_retyped_column_holds_the_flow_with_the_fix(monday: MondayWorld) -> None:
    monday.add_vendor()
    monday.add_invoice("INV-1", "100.00")
    assert monday.sync().ok
    monday.monday.do_archive_column(monday.board(), "amount")
    monday.add_invoice("INV-2", "100.00")
    monday.add_invoice("INV-3", "100.00")
    result = monday.sync()
    assert {row["reason"] for row in result.held} == {"board_unusable"}
    assert {"is archived: restore it on the board" in row["message"] for row in result.held} == {True}
    monday.monday.do_archive_column(monday.board(), "amount", archived=False)
    assert monday.sync().ok
    assert set(monday.items()) == {"INV-1", "INV-2", "INV-3"}


def test_a_search_on_a_board_that_is_not_what_it_was_holds_the_flow_with_the_fix(monday: MondayWorld) -> None:
    monday.add_vendor()
    monday.add_invoice("INV-1", "100.00")
    assert monday.sync().ok
    monday.monday.do_archive_column(monday.board(), "sage100_key")
    monday.add_invoice("INV-2", "100.00")
    result = monday.sync()
    assert result.trouble is None
    assert [row["reason"] for row in result.held] == ["board_unusable"]
    assert "is archived: restore it on the board" in result.held[0]["message"]
    monday.monday.do_archive_column(monday.board(), "sage100_key", archived=False)
    assert monday.sync().ok
    monday.monday.do_delete_board(monday.board())
    monday.add_invoice("INV-3", "100.00")
    result = monday.sync()
    assert result.trouble is None
    assert [row["reason"] for row in result.held] == ["board_unusable"]
    assert "name another board for bills" in result.held[0]["message"]


def test_an_item_that_a_person_archived_waits_for_a_person(monday: MondayWorld) -> None:
    monday.add_vendor()
    monday.add_invoice("INV-1", "100.00")
    assert monday.sync().ok
    monday.monday.do_archive_item(monday.items()["INV-1"]["id"])
    monday.sage.do_change_invoice("01", "ACME01", "INV-1", comment="Changed")
    result = monday.sync()
    assert [row["reason"] for row in result.held] == ["changed_after_delivery"]
    assert "restore it there and replay" in result.held[0]["message"]


def test_what_the_ledger_deleted_is_marked(monday: MondayWorld) -> None:
    monday.set(closed_items="group")
    monday.add_vendor()
    monday.add_invoice("INV-1", "100.00", state="entry")
    assert monday.sync().ok
    monday.drop_invoice("INV-1")
    monday.clock.turn(2)
    assert monday.sync(full=True).ok
    item = monday.items()["INV-1"]
    groups = monday.monday.state()["boards"][monday.board()]["groups"]
    assert (item["values"]["ledger_status"], groups[item["group"]]) == ("Deleted", "Closed in Sage 100")


def test_unattended_runs_do_the_same_and_come_to_rest(monday: MondayWorld) -> None:
    monday.add_vendor()
    for number in range(45):
        monday.add_invoice(f"INV-{number}", "10.00")
    flows = monday.integration.flows.exclude(name="customers")
    for flow in flows:
        ring(flow, trigger="webhook")
    monday.work()
    assert len(monday.items()) == 45
    before = monday.requests()
    flows.update(rung_at=monday.clock.now())
    monday.work()
    assert monday.requests() == before
    monday.good_manners()
