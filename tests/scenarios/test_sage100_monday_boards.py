"""Boards as accounts have them: named by people, limited in calls and items, with subitems where that is wished."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connectors.sage100.sandbox.soap import PATH
from integrations.models import Mapping
from tests.monday_world import MondayWorld

LINES = [
    {"account": "5010-01-00", "amount": "60.00", "description": "Belts"},
    {"account": "5020-01-00", "amount": "40.00", "description": "Discs"},
]


def subitems(world: MondayWorld) -> list[tuple[str, str, float]]:
    """Name, GL code and amount of all lines on the hidden boards."""
    found = []
    for board in world.monday.state()["boards"].values():
        for item in board["items"]:
            if item["parent"] is not None and item["state"] == "active":
                values = item["values"]
                found.append((item["name"], values.get("gl_code", ""), float(values.get("amount") or 0)))
    return sorted(found)


def test_lines_as_subitems(monday: MondayWorld) -> None:
    monday.set(line_detail="subitems")
    monday.add_vendor()
    monday.add_invoice("INV-1", lines=LINES)
    assert monday.sync().ok
    assert subitems(monday) == [("1 Belts", "5010-01-00", 60.0), ("2 Discs", "5020-01-00", 40.0)]
    monday.sage.do_change_invoice("01", "ACME01", "INV-1", lines=[{**LINES[0], "amount": "70.00"}])
    assert monday.sync().ok
    assert subitems(monday) == [("1 Belts", "5010-01-00", 70.0), ("2 (removed)", "", 0.0)]
    before = monday.requests()
    assert monday.sync().ok
    assert monday.requests() == before
    monday.good_manners()


def test_a_first_subitem_whose_answer_got_lost_is_not_made_twice(monday: MondayWorld) -> None:
    monday.set(line_detail="subitems")
    monday.add_vendor()
    monday.add_invoice("INV-1", lines=LINES)
    monday.fault("monday", kind="reset_after", method="POST", path="create_subitem", times=4)
    for _ in range(3):
        result = monday.sync()
        monday.no_faults()
        if result.ok:
            break
        monday.clock.turn(600)
    assert result.ok
    assert subitems(monday) == [("1 Belts", "5010-01-00", 60.0), ("2 Discs", "5020-01-00", 40.0)]


def test_a_board_and_columns_that_people_made(monday: MondayWorld) -> None:
    board = monday.monday.do_add_board("Payables 2026")["id"]
    monday.monday.do_add_column(board, "Betrag", "numbers", "numbers_1")
    monday.monday.do_add_column(board, "Due date", "date", "date4")
    monday.integration.target.settings |= {"boards": {"bills": board}}
    monday.integration.target.save()
    Mapping.objects.create(integration=monday.integration, table="columns", source="bills.amount", target="numbers_1")
    monday.add_vendor()
    monday.add_invoice("INV-1", "55.10")
    assert monday.sync().ok
    assert monday.board() == board
    item = monday.items()["INV-1"]["values"]
    assert float(item["numbers_1"]) == 55.1
    assert item["date4"]
    row = Mapping.objects.get(source="bills.amount")
    assert (row.target_id, row.target_label, row.problem) == ("numbers_1", "Betrag", "")


FEW_CALLS = {"plan": "standard", "limits": {"daily": 60}, "connection": {"daily_calls": 30}}


@pytest.mark.parametrize("monday", [FEW_CALLS], indirect=True)
def test_what_the_day_does_not_cover_goes_the_next_day(monday: MondayWorld) -> None:
    monday.integration.flows.exclude(name="bills").update(enabled=False)
    monday.add_vendor()
    for number in range(400):
        monday.add_invoice(f"D-{number:03d}", "10.00")
    result = monday.sync()
    assert result.trouble is None
    assert {row["state"] for row in result.held} == {"pending"}
    first = len(monday.items())
    assert 0 < first < 400
    assert monday.requests() <= 30
    before = monday.requests()
    assert monday.sync().trouble is None
    assert monday.requests() == before, "nobody asks before midnight"
    monday.clock.turn(timedelta(hours=25).total_seconds())
    assert monday.sync().ok
    assert len(monday.items()) == 400
    monday.good_manners()


@pytest.mark.parametrize("monday", [{"items_limit": 103}], indirect=True)
def test_a_full_board_says_so_and_changes_still_go(monday: MondayWorld) -> None:
    monday.add_vendor()
    monday.add_invoice("F-0", "10.00")
    assert monday.sync(flows=["bills"]).ok
    monday.clock.turn(timedelta(hours=25).total_seconds())
    for number in range(1, 5):
        monday.add_invoice(f"F-{number}", "10.00")
    result = monday.sync(flows=["bills"])
    assert {row["reason"] for row in result.held} == {"board_full"}
    assert len(monday.items()) == 3
    kept = next(iter(monday.items()))
    monday.sage.do_change_invoice("01", "ACME01", kept, amount="12.00")
    monday.sync(flows=["bills"])
    assert float(monday.value(kept, "amount")) == 12.0


def test_customers_by_key_and_of_sales_orders(monday: MondayWorld) -> None:
    books = monday.integration.source
    books.settings |= {"soap_url": f"{books.base_url}{PATH}?wsdl"}
    user, password = next(iter(monday.sage.soap_users.items()))
    books.credentials = {**books.credentials, "soap_username": user, "soap_password": password}
    books.save()
    monday.sage.do_add_customer("ABF", "American Business Futures")
    monday.sage.do_add_customer("SHEPARD", "Shepard Motorworks")
    monday.sage.do_add_sales_order("0000155", "SHEPARD", [])
    assert monday.sync().ok
    assert monday.flow("customers").place == ""
    monday.set(customers=True, customer_keys=["01-ABF"], customer_orders=["0000155"])
    result = monday.sync()
    assert (result.trouble, result.held, result.failed) == (None, [], [])
    assert set(monday.items("customers")) == {"01-ABF", "01-SHEPARD"}
    assert monday.value("01-ABF", "customer_name", "customers") == "American Business Futures"
    before = monday.requests()
    assert monday.sync().ok
    assert monday.requests() == before
