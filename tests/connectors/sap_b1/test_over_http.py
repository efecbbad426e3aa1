"""The connector against the stand-in of the Service Layer, over real HTTP, in both dialects and both schemas."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from connectors.budget import MemoryStore
from connectors.clock import SystemClock
from connectors.domain import Application, Bill, Blocked, ChargeKind, PaymentDraft, PaymentMethod, Written
from connectors.errors import CredentialsRefused, OutcomeUnknown, Rejected
from connectors.ports import ConnectionSpec, Exchange, Host
from connectors.sandboxing import Fault, Running
from connectors.sap_b1.connector import SapB1
from connectors.sap_b1.sandbox import EXAMPLE, SapB1Sandbox, load_demo

START = datetime.now(UTC).date() - timedelta(days=100)


class HastyClock(SystemClock):
    def sleep(self, seconds: float) -> None:
        super().sleep(min(seconds, 0.01))


@dataclass
class World:
    sandbox: SapB1Sandbox
    connector: SapB1
    made: dict[str, int]
    bank: str
    spec: ConnectionSpec
    exchanges: list[Exchange]

    def bill(self, name: str) -> Bill:
        return self.connector.get_bill(str(self.made[name]))

    def pay(self, name: str, amount: str, reference: str, part: str = "", on: date | None = None) -> Written:
        bill = self.bill(name)
        paid = Application(bill.number, Decimal(amount), key=f"{bill.key}{part}")
        return self.connector.record_payment(
            PaymentDraft(
                reference=reference,
                vendor_key=bill.vendor_key,
                bank=self.bank,
                method=PaymentMethod.ACH,
                check_number="",
                trace="",
                paid_on=on or self.sandbox.now().date(),
                amount=paid.amount,
                comment="BILL P1",
                applications=(paid,),
            )
        )

    def payments(self) -> int:
        return len(self.sandbox.ledger.state()["VendorPayments"])


@pytest.fixture(params=[(1, "10.0"), (2, "10.0"), (1, "9.3")], ids=["v1", "v2", "9.3"])
def world(request) -> Iterator[World]:
    version, schema = request.param
    sandbox = SapB1Sandbox(schema=schema)
    made = load_demo(sandbox)
    with Running(sandbox) as running:
        url = f"{running.url}/b1s/v{version}"
        spec = ConnectionSpec("acme/sap", "sap", "sap_b1", url, EXAMPLE.settings, EXAMPLE.credentials)
        clock, exchanges = HastyClock(), list[Exchange]()
        connector = SapB1(spec, Host(clock, MemoryStore(clock), exchanges.append))
        yield World(sandbox, connector, made, connector.read_banks()[0].key, spec, exchanges)
        connector.close()


def test_every_invoice_of_the_demo_adds_up_and_agrees_with_the_open_items(world):
    bills = {one.key: one for page in world.connector.read_bills(None, START) for one in page.records}
    for bill in bills.values():
        amounts = [each.amount for each in (*bill.lines, *bill.charges)]
        assert sum(amounts, Decimal(0)) == bill.total
        if bill.instalments:
            assert sum((each.total for each in bill.instalments), Decimal(0)) == bill.total
    items = [one for page in world.connector.read_open_bills() for one in page.records]
    assert items
    for item in items:
        bill = bills[item.key]
        told = (item.total, item.balance, item.blocked, item.instalments, item.ledger_number)
        assert told == (bill.total, bill.balance, bill.blocked, bill.instalments, bill.ledger_number)


def test_shapes_and_fates(world):
    assert {each.kind for each in world.bill("items_and_freight").charges} == {ChargeKind.FREIGHT}
    assert {each.kind for each in world.bill("withholding").charges} == {ChargeKind.WITHHOLDING}
    assert {each.kind for each in world.bill("down_payment").charges} == {ChargeKind.DOWN_PAYMENT}
    assert {each.kind for each in world.bill("foreign_discount").charges} == {ChargeKind.DISCOUNT}
    assert world.bill("foreign").currency == "EUR"
    assert world.bill("no_number").number == ""
    assert Blocked.CANCELLED in world.bill("cancelled").blocked
    assert world.bill("credited").blocked == (Blocked.CLOSED,)
    assert world.bill("blocked").blocked == (Blocked.PAYMENT_BLOCK,)
    assert world.bill("part_paid").balance == Decimal("1600.00")


def test_what_changed_is_read_again_and_nothing_else(world):
    *_, last = world.connector.read_bills(None, START)
    assert last.cursor is not None
    before = len(world.exchanges)
    (page,) = world.connector.read_bills(last.cursor, START)
    assert len(world.exchanges) <= before + 2  # an older schema asks for the payments besides
    assert page.cursor == last.cursor


def test_reference_data(world):
    accounts = {one.key: one for page in world.connector.read_accounts(None) for one in page.records}
    assert accounts[world.bank].active
    assert any(not one.active for one in accounts.values())
    rules = {one.key: one for page in world.connector.read_departments(None) for one in page.records}
    assert "splits over several" in rules["SPLIT"].name
    vendors = {one.key: one for page in world.connector.read_vendors(None) for one in page.records}
    assert vendors["V10'A"] == world.connector.get_vendor("V10'A")


def test_an_instalment_is_paid_once_and_taken_back(world):
    written = world.pay("instalments", "4000.00", "bill:a", "-2")
    assert written.details == {"state": "posted"}
    assert world.pay("instalments", "4000.00", "bill:a", "-2").duplicate
    assert [each.balance for each in world.bill("instalments").instalments] == [
        Decimal("2666.66"),
        Decimal("0.00"),
        Decimal("3333.34"),
    ]
    assert [each.id for each in world.connector.find_bill_payments(str(world.made["instalments"]))] == [written.id]
    world.connector.delete_payment(written.id)
    world.connector.delete_payment(written.id)
    assert world.connector.find_payment("bill:a") is None
    assert world.bill("instalments").balance == Decimal("10000.00")


def test_a_foreign_invoice_is_paid_in_its_currency(world):
    owed = world.bill("foreign").balance
    world.pay("foreign", str(owed), "bill:b")
    assert world.bill("foreign").blocked == (Blocked.CLOSED,)
    found = world.connector.find_payment("bill:b")
    assert found is not None
    assert (found.amount, found.applications[0].amount) == (owed, owed)
    with pytest.raises(Rejected, match="no rate of EUR"):
        world.pay("foreign_discount", "1.00", "bill:c", on=START - timedelta(days=30))


def test_a_date_that_sap_does_not_take_yet(world):
    with pytest.raises(Rejected) as found:
        world.pay("part_paid", "1.00", "bill:d", on=world.sandbox.now().date() + timedelta(days=3))
    assert found.value.reason == "period_closed"


def test_a_lost_answer_is_found_and_not_paid_twice(world):
    before = world.payments()
    world.sandbox.faults.append(Fault("reset_after", path="VendorPayments$", method="POST"))
    with pytest.raises(OutcomeUnknown):
        world.pay("part_paid", "100.00", "bill:e")
    found = world.connector.find_payment("bill:e")
    assert found is not None
    assert found.posted
    assert world.pay("part_paid", "100.00", "bill:e").duplicate
    assert world.payments() == before + 1


def test_approval(world):
    world.sandbox.ledger.set_option(approval=True)
    written = world.pay("discount", "10.00", "bill:f")
    assert written.id.startswith("draft:")
    assert written.details["awaiting"]
    world.sandbox.ledger.approve_payment(int(written.id.removeprefix("draft:")))
    found = world.connector.find_payment("bill:f")
    assert found is not None
    assert (found.posted, found.approval) == (True, "")
    refused = world.pay("discount", "11.00", "bill:g")
    world.sandbox.ledger.reject_payment(int(refused.id.removeprefix("draft:")))
    found = world.connector.find_payment("bill:g")
    assert found is not None
    assert found.approval == "rejected"
    world.connector.delete_payment(refused.id)
    assert world.connector.find_payment("bill:g") is None


def test_ping(world):
    assert [(step.name, step.ok) for step in world.connector.ping()] == [
        ("login", True),
        ("company", True),
        ("read", True),
        ("payments", True),
    ]
    clock = HastyClock()
    wrong = ConnectionSpec(
        "acme/sap", "sap", "sap_b1", world.spec.base_url, EXAMPLE.settings, {**EXAMPLE.credentials, "password": "no"}
    )
    other = SapB1(wrong, Host(clock, MemoryStore(clock)))
    (only,) = other.ping()
    assert (only.name, only.ok) == ("login", False)
    with pytest.raises(CredentialsRefused):
        other.begin_run()
    other.close()
