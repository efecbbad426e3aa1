"""Records on boards: created once, changed when they change, marked when they end, and nothing else touched."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from audit.models import AuditEvent
from connectors.domain import (
    Account,
    Address,
    BillLine,
    Blocked,
    Customer,
    PurchaseOrder,
    PurchaseOrderLine,
    Vendor,
)
from connectors.errors import ConnectorError, OutcomeUnknown, RateLimited, Rejected, Transient
from integrations.engine.actions import replay
from integrations.models import Delivery, Flow, Link, State

from .board_fakes import FakeItem, bill
from .conftest import BoardWorld

KEY = "ABC|INV|01-ACME01|INV-1"


def value(world: BoardWorld, item: FakeItem, field: str, flow: str = "bills") -> str:
    return item.values[world.column(f"{flow}.{field}").target]


def states() -> set[str]:
    return set(Delivery.objects.values_list("state", flat=True))


@pytest.fixture
def sent(world: BoardWorld) -> BoardWorld:
    """INV-1 over 100.00 is on the board."""
    world.ledger.put("bills", bill("INV-1"))
    assert world.sync().ok
    world.forget_calls()
    return world


def test_an_invoice_becomes_an_item_exactly_as_the_ledger_writes_it(world: BoardWorld) -> None:
    lines = (
        BillLine("k1", "4000-01-00", Decimal("1000.10"), "Abrasives"),
        BillLine("k2", "6000-01-00", Decimal("859.90"), "Freight in"),
    )
    world.ledger.put("bills", bill("INV-1", "1860.00", lines=lines, purchase_order="0010223"))
    assert world.sync().ok
    item = world.boards.by_key()[KEY]
    assert item.name == "INV-1 Acme Supply"
    assert value(world, item, "amount") == "1860.00"
    assert value(world, item, "due_date") == "2026-11-20"
    assert value(world, item, "purchase_order") == "0010223"
    assert value(world, item, "gl_codes") == "4000-01-00, 6000-01-00"
    assert value(world, item, "lines") == "4000-01-00 | 1000.10 | Abrasives\n6000-01-00 | 859.90 | Freight in"
    assert value(world, item, "hash") == world.link("01-ACME01|INV-1").fingerprint
    assert value(world, item, "ledger_status") == "Open"


def test_every_record_type_has_a_board_of_its_own(world: BoardWorld) -> None:
    world.ledger.put("bills", bill("INV-1"))
    world.ledger.put(
        "vendors", Vendor("01-ACME01", "01-ACME01", "Acme Supply", address=Address("1 Mill Rd", city="Troy"))
    )
    world.ledger.put("accounts", Account("k1", "4000-01-00", "Sales"))
    line = PurchaseOrderLine("k1", "4000-01-00", "A-1", "Abrasive", Decimal(2), Decimal("5.00"), Decimal("10.00"))
    order = PurchaseOrder(
        "0010223",
        "0010223",
        "01-ACME01",
        "Acme Supply",
        date(2026, 10, 5),
        None,
        "Open",
        Decimal("10.00"),
        "USD",
        (line,),
    )
    world.ledger.put("orders", order)
    assert world.sync().ok
    names = {board.name for board in world.boards.boards.values()}
    assert names == {f"Sage 100 ABC {title}" for title in ("AP invoices", "Purchase orders", "Vendors", "GL accounts")}
    assert set(world.boards.by_key()) == {
        KEY,
        "ABC|VEN|01-ACME01",
        "ABC|GL|k1",
        "ABC|PO|0010223",
    }
    assert world.boards.by_key()["ABC|GL|k1"].name == "4000-01-00 Sales"


def test_customers_are_off_until_somebody_asks_for_them(world: BoardWorld) -> None:
    world.ledger.put(
        "customers", Customer("01-ABF", "01-ABF", "American Business Futures"), Customer("01-7", "01-7", "Order's")
    )
    assert world.sync().ok
    assert world.boards.items == {}
    world.set(customers=True, customer_keys=["01-ABF"], customer_orders=["7"])
    assert world.sync().ok
    assert set(world.boards.by_key()) == {"ABC|CUS|01-ABF", "ABC|CUS|01-7"}


def test_nothing_changed_makes_no_call(sent: BoardWorld) -> None:
    sent.ledger.put("bills", sent.ledger.bills["01-ACME01|INV-1"])  # touched, not changed
    assert sent.sync().ok
    assert sent.boards.calls == {}


def test_a_change_costs_one_call_and_touches_our_columns_only(sent: BoardWorld) -> None:
    item = sent.boards.by_key()[KEY]
    item.values["approval"] = "Approved by Fiona"
    sent.ledger.put("bills", bill("INV-1", "120.00"))
    assert sent.sync().ok
    assert sent.boards.calls == {"write_items": 1}
    assert value(sent, item, "amount") == "120.00"
    assert item.values["approval"] == "Approved by Fiona"
    assert sent.latest("INV-1").action == "update"


def test_documents_before_the_start_are_left_alone(world: BoardWorld) -> None:
    world.ledger.put("bills", bill("OLD", invoice_date=date(2026, 9, 30)), bill("INV-1"))
    assert world.sync().ok
    assert set(world.boards.by_key()) == {KEY}


def test_many_records_go_in_batches_after_batched_look_ups(world: BoardWorld) -> None:
    world.ledger.put("bills", *(bill(f"B-{number}") for number in range(250)))
    assert world.sync().ok
    assert world.boards.calls["find_items"] == 3
    assert world.boards.calls["write_items"] == 13
    assert len(world.boards.by_key()) == 250


# --- items that are there already --------------------------------------------------------------------


def test_an_item_that_is_there_is_adopted_without_a_write(sent: BoardWorld) -> None:
    Link.objects.all().delete()
    Delivery.objects.all().delete()
    Flow.objects.update(cursors={}, last_full_at=None)
    assert sent.sync().ok
    assert sent.boards.calls["write_items"] == 0
    assert sent.link("01-ACME01|INV-1").adopted
    assert len(sent.boards.items) == 1


def test_an_older_state_of_it_is_brought_up_to_date(sent: BoardWorld) -> None:
    Link.objects.all().delete()
    Delivery.objects.all().delete()
    Flow.objects.update(cursors={}, last_full_at=None)
    sent.ledger.put("bills", bill("INV-1", "120.00"))
    assert sent.sync().ok
    assert value(sent, sent.boards.by_key()[KEY], "amount") == "120.00"


def test_of_two_items_with_one_key_the_first_is_kept_and_both_are_reported(sent: BoardWorld) -> None:
    first = sent.boards.by_key()[KEY]
    copy = FakeItem("9100009999", first.board, first.name, dict(first.values), first.group)
    sent.boards.items[copy.id] = copy
    Link.objects.all().delete()
    Delivery.objects.all().delete()
    Flow.objects.update(cursors={}, last_full_at=None)
    assert sent.sync().ok
    assert sent.link("01-ACME01|INV-1").target_id == first.id
    event = AuditEvent.objects.get(event="duplicate_items")
    assert "9100009999" in event.message


def test_an_item_whose_key_a_person_changed_to_anothers_is_not_taken_from_its_record(sent: BoardWorld) -> None:
    item = sent.boards.by_key()[KEY]
    item.values["sage100_key"] = "ABC|INV|01-ACME01|INV-2"
    sent.ledger.put("bills", bill("INV-2"))
    assert sent.sync().ok
    assert sent.link("01-ACME01|INV-2").target_id != item.id


def test_a_deleted_item_is_created_again_once(sent: BoardWorld) -> None:
    sent.boards.by_key()[KEY].state = "deleted"
    sent.ledger.put("bills", bill("INV-1", "120.00"))
    assert sent.sync().ok
    again = sent.boards.by_key()[KEY]
    again.state = "deleted"
    sent.ledger.put("bills", bill("INV-1", "130.00"))
    result = sent.sync()
    assert [row["reason"] for row in result.held] == ["changed_after_delivery"]
    assert sent.boards.by_key() == {}
    replay(Delivery.objects.filter(document="INV-1"), actor="fiona", clock=sent.clock, doorbell=False)
    assert sent.sync().ok
    assert value(sent, sent.boards.by_key()[KEY], "amount") == "130.00"


def test_an_archived_item_is_left_to_the_person_who_archived_it(sent: BoardWorld) -> None:
    item = sent.boards.by_key()[KEY]
    item.state = "archived"
    sent.ledger.put("bills", bill("INV-1", "120.00"))
    assert [row["reason"] for row in sent.sync().held] == ["changed_after_delivery"]
    assert len(sent.boards.items) == 1
    item.state = "active"
    assert sent.sync().ok
    assert value(sent, item, "amount") == "120.00"


# --- ends --------------------------------------------------------------------------------------------


def test_what_is_paid_says_so_and_stays(sent: BoardWorld) -> None:
    sent.ledger.pay("INV-1")
    assert sent.sync().ok
    item = sent.boards.by_key()[KEY]
    assert (value(sent, item, "ledger_status"), item.group) == ("Paid", "topics")


def test_what_is_paid_moves_to_a_group_where_people_want_that(sent: BoardWorld) -> None:
    sent.set(closed_items="group")
    sent.ledger.pay("INV-1")
    assert sent.sync().ok
    item = sent.boards.by_key()[KEY]
    assert item.group == "closed"
    assert sent.boards.boards[item.board].groups[-1].title == "Closed in Sage 100"
    sent.ledger.put("bills", bill("INV-1"))
    assert sent.sync().ok
    assert item.group == "topics"
    sent.forget_calls()
    assert sent.sync().ok
    assert sent.boards.calls == {}


def test_what_is_paid_already_is_created_in_that_group(world: BoardWorld) -> None:
    world.set(closed_items="group")
    world.ledger.put("bills", bill("INV-1", balance=Decimal(0), blocked=(Blocked.PAID,)))
    assert world.sync().ok
    assert world.boards.by_key()[KEY].group == "closed"
    assert world.boards.calls["mark_items"] == 0


def test_what_the_ledger_lost_is_marked_after_a_full_read(sent: BoardWorld) -> None:
    del sent.ledger.bills["01-ACME01|INV-1"]
    assert sent.sync().ok
    assert value(sent, sent.boards.by_key()[KEY], "ledger_status") == "Open"
    sent.clock.sleep(1)
    assert sent.sync(full=True).ok
    assert value(sent, sent.boards.by_key()[KEY], "ledger_status") == "Deleted"
    sent.forget_calls()
    sent.clock.sleep(1)
    assert sent.sync(full=True).ok
    assert "write_items" not in sent.boards.calls


def test_what_comes_back_is_open_again(sent: BoardWorld) -> None:
    del sent.ledger.bills["01-ACME01|INV-1"]
    sent.clock.sleep(1)
    assert sent.sync(full=True).ok
    sent.ledger.put("bills", bill("INV-1"))
    assert sent.sync().ok
    assert value(sent, sent.boards.by_key()[KEY], "ledger_status") == "Open"


# --- what goes wrong ---------------------------------------------------------------------------------


def test_one_refused_record_stops_no_other(world: BoardWorld) -> None:
    def refuse(change: Any) -> ConnectorError | None:
        return Rejected("invalid value") if "INV-2" in change.draft.key else None

    world.boards.refuse = refuse
    world.ledger.put("bills", *(bill(f"INV-{number}") for number in (1, 2, 3)))
    result = world.sync()
    assert [row["document"] for row in result.failed] == ["INV-2"]
    assert len(world.boards.by_key()) == 2
    assert world.boards.calls["write_items"] == 1


def test_one_that_is_not_ready_goes_later(world: BoardWorld) -> None:
    refusals = [Transient("not now", retry_after=30.0)]
    world.boards.refuse = lambda change: refusals.pop() if refusals else None
    world.ledger.put("bills", bill("INV-1"), bill("INV-2"))
    assert world.sync().ok
    assert len(world.boards.by_key()) == 2


def test_one_unclear_element_is_looked_up_before_it_is_sent_again(world: BoardWorld) -> None:
    unclear = [OutcomeUnknown("no answer")]
    world.boards.refuse = lambda change: unclear.pop() if unclear else None
    world.ledger.put("bills", bill("INV-1"), bill("INV-2"))
    assert world.sync().ok
    assert len(world.boards.by_key()) == 2
    assert AuditEvent.objects.filter(event="absence_proved").count() == 1


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("first", ["create", "update"])
def test_an_answer_that_got_lost_makes_no_second_item(world: BoardWorld, moment: str, first: str) -> None:
    world.ledger.put("bills", bill("INV-1"))
    if first == "update":
        assert world.sync().ok
        world.ledger.put("bills", bill("INV-1", "120.00"))
    losses = [OutcomeUnknown("no answer")]

    def lose(call: str) -> None:
        if call == "write_items" and losses:
            raise losses.pop()

    setattr(world.boards, moment, lose)
    assert world.sync().ok
    assert value(world, world.boards.by_key()[KEY], "amount") == ("120.00" if first == "update" else "100.00")
    assert states() <= {State.DELIVERED, State.SUPERSEDED}


def test_what_the_daily_budget_does_not_cover_waits_for_the_next_day(world: BoardWorld) -> None:
    world.ledger.put("bills", *(bill(f"B-{number}") for number in range(60)))
    budget = [2]

    def spend(call: str) -> None:
        if call == "write_items":
            if not budget[0]:
                raise RateLimited("The day's calls are used up.", retry_after=12 * 3600.0)
            budget[0] -= 1

    world.boards.before = spend
    result = world.sync()
    assert len(world.boards.by_key()) == 40
    assert {row["state"] for row in result.held} == {"pending"}
    assert result.trouble is None
    budget[0] = 100
    world.clock.sleep(12 * 3600 + 1)
    assert world.sync().ok
    assert len(world.boards.by_key()) == 60


def test_a_budget_that_ends_while_looking_parks_what_was_not_begun(world: BoardWorld) -> None:
    def spend(call: str) -> None:
        if call == "find_items":
            raise RateLimited("The minute's complexity is used up.", retry_after=3600.0)

    world.boards.before = spend
    world.ledger.put("bills", bill("INV-1"))
    result = world.sync()
    assert [row["state"] for row in result.held] == ["pending"]
    assert AuditEvent.objects.filter(event="parked").count() == 1
    world.boards.before = lambda call: None
    assert world.sync().ok


def test_a_full_board_takes_changes_but_no_new_items(sent: BoardWorld) -> None:
    sent.boards.limit = 101
    sent.clock.sleep(25 * 3600)
    sent.ledger.put("bills", bill("INV-1", "120.00"), bill("INV-2"))
    result = sent.sync()
    assert [(row["document"], row["reason"]) for row in result.held] == [("INV-2", "board_full")]
    assert value(sent, sent.boards.by_key()[KEY], "amount") == "120.00"
    sent.boards.limit = 10000
    assert sent.sync().ok
    assert len(sent.boards.by_key()) == 2


def test_a_preview_writes_nothing_anywhere(world: BoardWorld) -> None:
    from integrations.engine.preview import preview

    world.ledger.put("bills", bill("INV-1"))
    result, would = preview(world.integration, clock=world.clock)
    assert result.trouble is None
    assert [(row["flow"], row["action"]) for row in would] == [("bills", "create")]
    assert (world.boards.boards, world.boards.items) == ({}, {})
    assert not Delivery.objects.exists()
    assert world.flow().place == ""


def test_lines_beyond_a_long_text_are_counted(world: BoardWorld) -> None:
    lines = tuple(BillLine("k1", "4000-01-00", Decimal("1.00"), "x" * 80) for _ in range(40))
    world.ledger.put("bills", bill("INV-1", "40.00", lines=lines))
    assert world.sync().ok
    text = value(world, world.boards.by_key()[KEY], "lines")
    rows = text.split("\n")
    assert len(text) <= 2000
    assert rows[-1] == f"... {40 - (len(rows) - 1)} more"


def test_a_long_name_is_cut_to_what_the_board_takes(world: BoardWorld) -> None:
    world.ledger.put("bills", replace(bill("INV-1"), vendor_name="Ä" * 300))
    assert world.sync().ok
    assert len(world.boards.by_key()[KEY].name) == 255


def test_the_board_is_checked_once_a_day(sent: BoardWorld) -> None:
    sent.clock.sleep(timedelta(hours=25).total_seconds())
    assert sent.sync().ok
    assert sent.boards.calls == {"get_board": 1}
