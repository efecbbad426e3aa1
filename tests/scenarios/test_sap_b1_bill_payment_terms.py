"""What SAP Business One asks of a payment: branch, rate, account, period; what is missing holds it till it is there."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from integrations.engine.actions import mapping_changed
from integrations.models import Mapping
from tests.builders import money, today
from tests.sap_world import SapWorld, sap_world

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def world(transactional_db: None, request: pytest.FixtureRequest) -> Iterator[SapWorld]:
    """An empty company in SAP, an empty organization in BILL; parameters are options of `sap_world`."""
    with sap_world(**getattr(request, "param", {})) as made:
        yield made


@pytest.fixture
def sent(world: SapWorld) -> SapWorld:
    """INV-1 over 100.00 and INV-2 over 250.50 are unpaid bills in BILL."""
    world.add_vendor()
    world.add_invoice("INV-1", "100.00")
    world.add_invoice("INV-2", "250.50")
    assert world.sync().ok
    return world


def entry(world: SapWorld) -> dict[str, Any]:
    (only,) = world.payments()
    return only


def applied(payment: dict[str, Any]) -> dict[int, Decimal]:
    return {each["DocEntry"]: each["SumApplied"] for each in payment["PaymentInvoices"]}


def by_number(world: SapWorld, payment: dict[str, Any]) -> dict[str, Decimal]:
    return {world.invoice(key)["NumAtCard"]: amount for key, amount in applied(payment).items()}


def invoice(world: SapWorld, number: str) -> dict[str, Any]:
    rows = world.sap.ledger.sets()["PurchaseInvoices"].rows.values()
    (only,) = [row for row in rows if row["NumAtCard"] == number and row["CancelStatus"] == "csNo"]
    return dict(only)


def pay(world: SapWorld, amounts: dict[str, str], **details: Any) -> str:
    rows = world.bills()
    parts = [{"billId": rows[number]["id"], "amount": money(amount)} for number, amount in amounts.items()]
    paid: str = world.bill.do_pay(parts, **{"disbursementType": "ACH", **details})["id"]
    return paid


def held(result: Any) -> list[tuple[str, str]]:
    return [(each["flow"], each["reason"]) for each in result.held]


# --- branches ----------------------------------------------------------------------------------------


BRANCHES = pytest.mark.parametrize("world", [{"sap_options": {"branches": True}}], indirect=True)


@BRANCHES
def test_a_payment_belongs_to_its_invoices_branch(world: SapWorld) -> None:
    world.add_vendor()
    world.add_invoice("WEST", "10.00", branch=2)
    world.add_invoice("MAIN", "20.00", branch=1)
    assert world.sync().ok
    world.pay("WEST")
    world.pay("MAIN")
    assert world.sync().ok
    assert {row["TransferSum"]: row["BPLID"] for row in world.payments()} == {Decimal(10): 2, Decimal(20): 1}


@BRANCHES
def test_invoices_of_two_branches_do_not_go_into_one_payment(world: SapWorld) -> None:
    world.add_vendor()
    world.add_invoice("WEST", "10.00", branch=2)
    world.add_invoice("MAIN", "20.00", branch=1)
    assert world.sync().ok
    world.pay("WEST", "MAIN")
    (failed,) = world.sync().failed
    assert (failed["flow"], failed["reason"]) == ("payments", "rejected_by_target")
    assert "branches" in failed["message"]
    assert not world.payments()


# --- foreign currency --------------------------------------------------------------------------------


@pytest.fixture
def euros(world: SapWorld) -> SapWorld:
    """EUR-1 over 200.00 EUR, entered at 1.10, is an unpaid bill in BILL; SAP has no rate for any other day."""
    days_ago = today() - timedelta(days=5)
    world.sap.do_set_rate("EUR", "1.10", days_ago)
    world.add_vendor("VEUR", "Rocca Utensili", currency="EUR")
    world.add_invoice("EUR-1", "200.00", "VEUR", date=days_ago)
    assert world.sync().ok
    return world


@pytest.mark.parametrize(
    "world",
    [{"version": 1}, {"version": 2}, {"sap_options": {"schema": "9.3"}}],
    indirect=True,
    ids=["v1", "v2", "9.3"],
)
def test_a_foreign_payment_takes_the_rate_of_its_date(euros: SapWorld) -> None:
    day = today() - timedelta(days=2)
    euros.sap.do_set_rate("EUR", "1.25", day)
    pay(euros, {"EUR-1": "120.00"}, processDate=day.isoformat())
    assert euros.sync().ok
    made = entry(euros)
    assert (made["DocCurrency"], made["DocRate"], made["TransferSum"]) == ("EUR", Decimal("1.25"), Decimal(120))
    (part,) = made["PaymentInvoices"]
    assert (part["AppliedFC"], part["SumApplied"]) == (Decimal(120), Decimal(150))
    assert invoice(euros, "EUR-1")["PaidToDateFC"] == Decimal(120)
    pay(euros, {"EUR-1": "80.00"}, processDate=day.isoformat())
    assert euros.sync().ok
    assert invoice(euros, "EUR-1")["DocumentStatus"] == "bost_Close"
    assert euros.sync(full=True).ok


def test_without_a_rate_the_payment_waits_and_goes_by_itself(euros: SapWorld) -> None:
    day = today() - timedelta(days=2)
    euros.pay("EUR-1", processDate=day.isoformat())
    result = euros.sync()
    assert held(result) == [("payments", "currency_unsupported")]
    assert (result.exit_code, result.failed) == (1, [])
    assert "EUR" in result.held[0]["message"]
    assert day.isoformat() in result.held[0]["message"]
    assert not euros.payments()
    assert euros.sap.counts["POST VendorPayments"] == 0
    euros.sap.do_set_rate("EUR", "1.25", day)
    euros.clock.turn(3700)
    euros.work()
    assert entry(euros)["DocRate"] == Decimal("1.25")
    assert euros.sync().ok


# --- the account that the money leaves ---------------------------------------------------------------


@pytest.mark.parametrize("named", ["code", "format_code"])
def test_the_funding_account_decides_the_transfer_account(sent: SapWorld, named: str) -> None:
    code = sent.sap.ledger.account("1020-01")
    number = sent.sap.ledger.sets()["ChartOfAccounts"].rows[code]["FormatCode"]
    second = sent.bill.do_create_bank("Inland Credit Union")["id"]
    sent.map("bank_accounts", second, code if named == "code" else number)
    sent.pay("INV-1", fundingAccountId=second)
    sent.pay("INV-2", fundingAccountId=sent.bank)
    assert sent.sync(full=True).ok
    accounts = {tuple(by_number(sent, row)): row["TransferAccount"] for row in sent.payments()}
    assert accounts == {("INV-1",): code, ("INV-2",): sent.sap.ledger.account("1010-01")}


def test_a_company_without_segments_has_plain_codes(transactional_db: None) -> None:
    with sap_world(sap_options={"segmentation": False}) as world:
        world.add_vendor()
        world.add_invoice("INV-1", "100.00")
        assert world.sync().ok
        world.pay("INV-1")
        assert world.sync().ok
        assert entry(world)["TransferAccount"] == "101001"


def test_an_unmapped_funding_account_holds_the_payment(sent: SapWorld) -> None:
    Mapping.objects.filter(table="bank_accounts").delete()
    sent.pay("INV-1")
    result = sent.sync()
    assert held(result) == [("payments", "account_unmapped")]
    assert result.exit_code == 1
    assert "First Cascade Bank" in result.held[0]["message"]
    assert not sent.payments()
    sent.map("bank_accounts", sent.bank, sent.sap.ledger.account("1020-01"))
    mapping_changed(sent.integration, actor="kim")
    sent.work()
    assert entry(sent)["TransferAccount"] == sent.sap.ledger.account("1020-01")


# --- posting periods ---------------------------------------------------------------------------------


def test_a_closed_period_holds_and_lets_go_by_itself(sent: SapWorld) -> None:
    day = today().replace(day=1) - timedelta(days=1)
    sent.sap.do_close_period(f"{day:%Y-%m}")
    sent.pay("INV-1", processDate=day.isoformat())
    result = sent.sync()
    assert held(result) == [("payments", "period_closed")]
    assert (result.exit_code, result.failed) == (1, [])
    assert day.isoformat() in result.held[0]["message"]
    sent.sap.do_open_period(f"{day:%Y-%m}")
    sent.clock.turn(3700)
    sent.work()
    assert entry(sent)["DocDate"] == day.isoformat()
    assert sent.sync().ok


def test_a_date_in_the_future_waits_for_its_day(sent: SapWorld) -> None:
    day = sent.sap.now().date() + timedelta(days=2)
    sent.pay("INV-1", processDate=day.isoformat())
    assert held(sent.sync()) == [("payments", "period_closed")]
    assert not sent.payments()
    sent.clock.turn(2 * 24 * 3600 + 10)
    sent.work()
    assert entry(sent)["DocDate"] == day.isoformat()
