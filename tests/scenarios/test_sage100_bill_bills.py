"""From an invoice to a bill: accounts, amounts outside the lines, numbers, what BILL has already."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from integrations.engine.actions import mapping_changed
from integrations.models import State
from tests.builders import World, bill_facts, money, today

ACCOUNT = "5010-01-00"


def lines(world: World, number: str) -> dict[str, Any]:
    (facts,) = [each for each in bill_facts(world) if each[1] == number]
    return dict(facts[-1])


def held(world: World, number: str) -> tuple[str, str]:
    row = world.latest(number)
    assert row.state == State.HELD, (row.state, row.message)
    return row.reason, row.message


def test_carries_number_dates_po_and_line_texts(world: World) -> None:
    world.add_vendor()
    coded = [
        {"account": ACCOUNT, "amount": "980.00", "description": "Lumber"},
        {"account": "5030-01-10", "amount": "270.00", "description": "Saw rental"},
    ]
    world.add_invoice("INV 7/#1", lines=coded, purchase_order_no="0010223", comment="Site 14", due_date="17")
    assert world.sync().ok
    bill = world.bills()["INV 7/#1"]
    assert bill["purchaseOrderNumber"] == "0010223"
    assert bill["invoice"]["invoiceDate"] == world.invoice("INV 7/#1")["invoiceDate"]
    assert bill["dueDate"] == world.invoice("INV 7/#1")["dueDate"]
    assert [line["description"] for line in bill["billLineItems"]] == ["Lumber", "Saw rental"]
    assert lines(world, "INV 7/#1") == {ACCOUNT: money(980), "5030-01-10": money(270)}


def test_freight_and_tax_outside_the_lines_become_lines(world: World) -> None:
    world.add_vendor()
    coded = [{"account": ACCOUNT, "amount": "1375.00"}]
    world.add_invoice("INV-1", lines=coded, freight="85.00", tax="96.25")
    assert world.sync().ok
    assert lines(world, "INV-1") == {ACCOUNT: money(1375), "freight": money(85), "tax": money("96.25")}
    assert money(world.bills()["INV-1"]["amount"]) == money("1556.25")


@pytest.mark.parametrize("world", [{"unmapped": ["freight", "tax"]}], indirect=True)
def test_unmapped_freight_and_tax_are_held_together(world: World) -> None:
    world.add_vendor()
    world.add_invoice("INV-1", lines=[{"account": ACCOUNT, "amount": "10.00"}], freight="1.00", tax="2.00")
    world.sync()
    reason, message = held(world, "INV-1")
    assert reason == "account_unmapped"
    assert "freight" in message
    assert "tax" in message


def test_part_paid_goes_with_one_negative_line(world: World) -> None:
    world.add_vendor()
    world.add_invoice("INV-1", "940.50", balance="440.50")
    assert world.sync().ok
    assert lines(world, "INV-1") == {ACCOUNT: money("940.50"), "paid": money("-500.00")}
    assert money(world.bills()["INV-1"]["dueAmount"]) == money("440.50")


@pytest.mark.parametrize("world", [{"unmapped": ["paid"]}], indirect=True)
def test_part_paid_never_goes_in_full(world: World) -> None:
    world.add_vendor()
    world.add_invoice("INV-1", "940.50", balance="440.50")
    world.sync()
    assert held(world, "INV-1")[0] == "account_unmapped"
    assert not world.bills()


@pytest.mark.parametrize("world", [{"unmapped": [ACCOUNT]}], indirect=True)
def test_unmapped_account_is_held_and_goes_by_itself_once_mapped(world: World) -> None:
    world.add_vendor()
    world.add_invoice("INV-1")
    world.add_invoice("INV-2", account="5020-01-00")
    result = world.sync()
    assert set(world.bills()) == {"INV-2"}
    assert [(each["document"], each["reason"]) for each in result.held] == [("INV-1", "account_unmapped")]
    assert ACCOUNT in held(world, "INV-1")[1]
    world.map("accounts", ACCOUNT, ACCOUNT)
    mapping_changed(world.integration, actor="kim")
    world.work()
    assert set(world.bills()) == {"INV-1", "INV-2"}
    assert lines(world, "INV-1") == {ACCOUNT: money(100)}


def test_inactive_target_account_is_held_until_it_is_active(world: World) -> None:
    world.bill.do_archive(world.accounts[ACCOUNT])
    world.add_vendor()
    world.add_invoice("INV-1")
    world.sync()
    assert held(world, "INV-1")[0] == "account_inactive"
    world.bill.do_restore(world.accounts[ACCOUNT])
    assert world.sync().ok
    assert set(world.bills()) == {"INV-1"}


def test_an_account_archived_later_holds_the_next_invoice(world: World) -> None:
    world.add_vendor()
    world.add_invoice("INV-1")
    assert world.sync().ok
    world.bill.do_archive(world.accounts[ACCOUNT])
    world.add_invoice("INV-2")
    world.sync()
    assert held(world, "INV-2")[0] == "account_inactive"


@pytest.mark.parametrize("world", [{"start_date": today() - timedelta(days=10)}], indirect=True)
def test_only_payable_posted_invoices_since_the_start_date(world: World) -> None:
    world.add_vendor()
    world.add_vendor("HOLDCO", "Hold Co", holdPayment=True)
    world.add_invoice("GOOD", invoice_date="-10")
    world.add_invoice("TOO-OLD", invoice_date="-11")
    world.add_invoice("ENTRY", state="entry")
    world.add_invoice("HELD", hold=True)
    world.add_invoice("SELECTED", selected=True)
    world.add_invoice("CREDIT", "-50.00")
    world.add_invoice("PAID", balance="0")
    world.add_invoice("PAID-HISTORY", balance="0", in_open=False)
    world.add_invoice("VENDOR-HOLD", vendor="HOLDCO")
    assert world.sync().ok
    assert set(world.bills()) == {"GOOD"}
    assert world.sync(full=True).ok
    assert set(world.bills()) == {"GOOD"}


def make_bill(world: World, number: str, amount: str) -> str:
    vendor = world.bill.do_create_vendor(name="Acme Building Supply")["id"]
    body: dict[str, Any] = {
        "vendorId": vendor,
        "dueDate": today().isoformat(),
        "invoice": {"invoiceNumber": number, "invoiceDate": today().isoformat()},
        "billLineItems": [{"amount": money(amount), "classifications": {"chartOfAccountId": world.accounts[ACCOUNT]}}],
    }
    made: str = world.bill.do_create_bill(**body)["id"]
    return made


def test_an_equal_bill_is_adopted(world: World) -> None:
    there = make_bill(world, "INV-1", "100.00")
    world.add_vendor()
    world.add_invoice("INV-1")
    assert world.sync().ok
    assert [row["id"] for row in world.bill.bills.rows.values()] == [there]
    link = world.link("01-ACME01|INV-1")
    assert (link.target_id, link.adopted) == (there, True)


def test_a_bill_of_another_total_is_a_duplicate(world: World) -> None:
    there = make_bill(world, "INV-1", "99.99")
    world.add_vendor()
    world.add_invoice("INV-1")
    world.sync()
    reason, message = held(world, "INV-1")
    assert reason == "duplicate_document"
    assert "99.99" in message
    assert world.latest("INV-1").candidates[0]["id"] == there
    assert len(world.bills()) == 1
    world.bill.do_archive(there)
    assert world.sync().ok
    assert money(world.bills()["INV-1"]["amount"]) == money(100)


def test_a_number_that_differs_in_case_only_is_shown_to_a_person(world: World) -> None:
    make_bill(world, "inv-1", "100.00")
    world.add_vendor()
    world.add_invoice("INV-1")
    world.sync()
    assert held(world, "INV-1")[0] == "duplicate_document"


def test_two_invoices_whose_numbers_differ_in_case_both_go(world: World) -> None:
    world.add_vendor()
    world.add_invoice("f-1", "10.00")
    world.add_invoice("F-1", "20.00")
    assert world.sync().ok
    assert {number: money(row["amount"]) for number, row in world.bills().items()} == {
        "f-1": money(10),
        "F-1": money(20),
    }
    world.add_invoice("F-2", "10.00")
    assert world.sync().ok
    world.add_invoice("f-2", "20.00")
    assert world.sync().ok


def test_an_invoice_withdrawn_before_it_went_is_forgotten(world: World) -> None:
    world.add_vendor(addressLine1=None)
    world.add_invoice("INV-1")
    world.sync()
    world.sage.do_hold_invoice("01", "ACME01", "INV-1")
    world.sync()
    assert world.latest("INV-1").state == State.SUPERSEDED
    world.sage.do_change_vendor("01", "ACME01", addressLine1="12 Mill Rd")
    assert world.sync().ok
    assert not world.bills()
    world.sage.do_hold_invoice("01", "ACME01", "INV-1", hold=False)
    assert world.sync().ok
    assert set(world.bills()) == {"INV-1"}


def test_an_unstamped_hold_before_it_went_is_seen_by_full(world: World) -> None:
    world.add_vendor(addressLine1=None)
    world.add_invoice("INV-1")
    world.sync()
    world.sage.do_select_for_payment("01", "ACME01", "INV-1")
    world.sync(full=True)
    assert world.latest("INV-1").state == State.SUPERSEDED
    world.sage.do_change_vendor("01", "ACME01", addressLine1="12 Mill Rd")
    world.sync()
    assert not world.bills()
    world.sage.do_select_for_payment("01", "ACME01", "INV-1", selected=False)
    world.sync(full=True)
    assert set(world.bills()) == {"INV-1"}
