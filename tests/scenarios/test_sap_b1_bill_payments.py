"""BILL's payments in SAP Business One: entered once, on the right invoices, taken back when voided."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from integrations.engine.actions import mapping_changed, replay
from integrations.engine.preview import preview
from integrations.models import Delivery, Link, Mapping, State
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


both_versions = pytest.mark.parametrize("world", [{"version": 1}, {"version": 2}], indirect=True, ids=["v1", "v2"])
older = pytest.mark.parametrize(
    "world", [{"sap_options": {"schema": schema}} for schema in ("9.3", "10.0")], indirect=True
)


def entry(world: SapWorld) -> dict[str, Any]:
    (only,) = world.payments()
    return only


def applied(payment: dict[str, Any]) -> dict[int, Decimal]:
    return {each["DocEntry"]: each["SumApplied"] for each in payment["PaymentInvoices"]}


def by_number(world: SapWorld, payment: dict[str, Any]) -> dict[str, Decimal]:
    return {world.invoice(key)["NumAtCard"]: amount for key, amount in applied(payment).items()}


def by_instalment(payment: dict[str, Any]) -> dict[int, Decimal]:
    return {each["InstallmentId"]: each["SumApplied"] for each in payment["PaymentInvoices"]}


def invoice(world: SapWorld, number: str) -> dict[str, Any]:
    rows = world.sap.ledger.sets()["PurchaseInvoices"].rows.values()
    (only,) = [row for row in rows if row["NumAtCard"] == number and row["CancelStatus"] == "csNo"]
    return dict(only)


def status(world: SapWorld, number: str) -> tuple[str, Decimal]:
    row = invoice(world, number)
    return row["DocumentStatus"], money(row["PaidToDate"])


def delivery(world: SapWorld, key: str) -> Delivery:
    row = Delivery.objects.filter(flow__name="payments", key=key).order_by("version").last()
    assert row is not None
    return row


def pay(world: SapWorld, amounts: dict[str, str], **details: Any) -> str:
    rows = world.bills()
    parts = [{"billId": rows[number]["id"], "amount": money(amount)} for number, amount in amounts.items()]
    paid: str = world.bill.do_pay(parts, **{"disbursementType": "ACH", **details})["id"]
    return paid


def held(result: Any) -> list[tuple[str, str]]:
    return [(each["flow"], each["reason"]) for each in result.held]


# --- what is entered -------------------------------------------------------------------------------


@both_versions
def test_a_payment_arrives_as_a_bank_transfer_on_its_date(sent: SapWorld) -> None:
    paid_on = (today() - timedelta(days=3)).isoformat()
    key = sent.pay("INV-1", processDate=paid_on)
    assert sent.sync().ok
    made = entry(sent)
    assert (made["CardCode"], made["DocType"]) == ("V100", "rSupplier")
    assert made["TransferAccount"] == sent.sap.ledger.account("1010-01")
    assert made["TransferSum"] == Decimal("100.00")
    assert {made[name] for name in ("DocDate", "TaxDate", "TransferDate")} == {paid_on}
    assert made["TransferReference"] == f"bill:{key}"
    (part,) = made["PaymentInvoices"]
    assert (part["DocEntry"], part["InvoiceType"], part["InstallmentId"]) == (
        invoice(sent, "INV-1")["DocEntry"],
        "it_PurchaseInvoice",
        1,
    )
    assert status(sent, "INV-1") == ("bost_Close", Decimal("100.00"))
    link = sent.link(key, "payments")
    assert (link.state, link.closed, link.target_id) == (Link.State.POSTED, True, str(made["DocEntry"]))


@both_versions
def test_a_second_sync_writes_nothing(sent: SapWorld) -> None:
    sent.pay("INV-1")
    assert sent.sync().ok
    for options in ({}, {"full": True}):
        result, _, bill_writes = sent.counted(**options)
        assert result.ok
        assert bill_writes == 0
        assert len(sent.payments()) == 1
    assert sent.sap.counts["POST VendorPayments"] == 1


def test_one_payment_of_several_bills_is_one_payment(sent: SapWorld) -> None:
    sent.pay("INV-1", "INV-2")
    assert sent.sync().ok
    assert by_number(sent, entry(sent)) == {"INV-1": Decimal("100.00"), "INV-2": Decimal("250.50")}
    assert entry(sent)["TransferSum"] == Decimal("350.50")


def test_two_vendors_are_two_payments(sent: SapWorld) -> None:
    sent.add_vendor("V200", "Borealis Tools")
    sent.add_invoice("B-1", "70.00", "V200")
    assert sent.sync().ok
    sent.pay("INV-1")
    sent.pay("B-1")
    assert sent.sync().ok
    assert {row["CardCode"]: row["TransferSum"] for row in sent.payments()} == {
        "V100": Decimal("100.00"),
        "V200": Decimal("70.00"),
    }


@older
def test_part_payments_add_up_until_the_invoice_is_closed(sent: SapWorld) -> None:
    pay(sent, {"INV-2": "100.00"})
    assert sent.sync().ok
    assert status(sent, "INV-2") == ("bost_Open", Decimal("100.00"))
    pay(sent, {"INV-2": "50.25"})
    assert sent.sync().ok
    pay(sent, {"INV-2": "100.25"})
    assert sent.sync().ok
    assert status(sent, "INV-2") == ("bost_Close", Decimal("250.50"))
    assert sorted(row["TransferSum"] for row in sent.payments()) == [
        Decimal("50.25"),
        Decimal("100.00"),
        Decimal("100.25"),
    ]
    assert sent.sync(full=True).ok


def test_two_part_payments_in_one_sync(sent: SapWorld) -> None:
    pay(sent, {"INV-2": "100.00"})
    pay(sent, {"INV-2": "150.50"})
    assert sent.sync().ok
    assert len(sent.payments()) == 2
    assert status(sent, "INV-2") == ("bost_Close", Decimal("250.50"))


def test_nothing_is_entered_before_money_moves(sent: SapWorld) -> None:
    key = sent.bill.do_schedule([{"billId": sent.bills()["INV-1"]["id"]}], disbursementType="ACH")["id"]
    assert sent.sync().ok
    assert not sent.payments()
    for _ in range(3):
        sent.bill.do_advance_payment(key)
    assert sent.sync().ok
    assert by_number(sent, entry(sent)) == {"INV-1": Decimal("100.00")}


@pytest.mark.parametrize(
    ("kind", "shown"), [("ACH", "ACH"), ("VIRTUAL_CARD", "VCARD"), ("RPPS", "ACH"), ("CHECK", "CHECK")]
)
def test_the_method_is_told(sent: SapWorld, kind: str, shown: str) -> None:
    sent.pay("INV-1", disbursementType=kind)
    assert sent.sync().ok
    assert entry(sent)["CounterReference"] == shown


def test_a_check_without_its_number_goes_all_the_same(sent: SapWorld) -> None:
    key = sent.pay("INV-1", disbursementType="CHECK")
    assert sent.sync().ok
    assert by_number(sent, entry(sent)) == {"INV-1": Decimal("100.00")}
    sent.bill.do_set_check_number(key, 20018)
    assert sent.sync().ok
    assert len(sent.payments()) == 1


def test_a_checks_number_is_carried(sent: SapWorld) -> None:
    sent.pay("INV-1", disbursementType="CHECK", checkNumber=20018)
    assert sent.sync().ok
    assert entry(sent)["CounterReference"] == "20018"


# --- instalments -----------------------------------------------------------------------------------


@older
def test_of_an_unsplit_invoice_the_oldest_instalment_is_paid_first(world: SapWorld) -> None:
    world.add_vendor()
    key = world.add_invoice("PARTS", "300.00", parts=3)
    assert world.sync().ok
    pay(world, {"PARTS": "150.00"})
    assert world.sync().ok
    assert by_instalment(entry(world)) == {1: Decimal("100.00"), 2: Decimal("50.00")}
    pay(world, {"PARTS": "150.00"})
    assert world.sync().ok
    assert by_instalment(world.payments()[1]) == {2: Decimal("50.00"), 3: Decimal("100.00")}
    assert world.invoice(key)["DocumentStatus"] == "bost_Close"
    assert world.sync(full=True).ok


@pytest.mark.parametrize(
    "world",
    [{"settings": {"split_instalments": True}, "sap_options": {"schema": schema}} for schema in ("9.3", "10.0")],
    indirect=True,
)
def test_of_a_split_invoice_the_named_instalment_is_paid(world: SapWorld) -> None:
    world.add_vendor()
    key = world.add_invoice("PARTS", "300.00", parts=3)
    assert world.sync().ok
    assert set(world.bills()) == {"PARTS-1", "PARTS-2", "PARTS-3"}
    world.pay("PARTS-2")
    assert world.sync().ok
    assert by_instalment(entry(world)) == {2: Decimal("100.00")}
    world.pay("PARTS-1", "PARTS-3")
    assert world.sync().ok
    assert by_instalment(world.payments()[1]) == {1: Decimal("100.00"), 3: Decimal("100.00")}
    assert world.invoice(key)["DocumentStatus"] == "bost_Close"
    assert world.sync(full=True).ok


# --- what others do meanwhile ------------------------------------------------------------------------


@older
def test_part_paid_in_sap_meanwhile_fails_with_the_balance_seen(sent: SapWorld) -> None:
    sent.sap.do_pay_invoice(invoice(sent, "INV-1")["DocEntry"], "60.00")
    key = sent.pay("INV-1")
    result = sent.sync()
    (failed,) = result.failed
    assert (failed["flow"], failed["reason"]) == ("payments", "rejected_by_target")
    assert "40.00" in failed["message"]
    assert delivery(sent, key).state == State.FAILED
    assert [row["TransferReference"] for row in sent.payments()] == [None]
    assert sent.sync().failed, "a failure is repeated by nobody but a person"
    assert sent.sap.counts["POST VendorPayments"] == 0


def test_a_failed_payment_goes_on_replay_once_the_invoice_takes_it(sent: SapWorld) -> None:
    theirs = sent.sap.do_pay_invoice(invoice(sent, "INV-1")["DocEntry"], "60.00")["DocEntry"]
    key = sent.pay("INV-1")
    assert sent.sync().failed
    sent.sap.do_cancel_payment(theirs)
    replay(Delivery.objects.filter(flow__name="payments"), actor="kim", doorbell=False)
    sent.sync()
    assert entry(sent)["TransferReference"] == f"bill:{key}"
    assert sent.sync(full=True).ok


def close_by_payment(world: SapWorld, key: int) -> None:
    world.sap.do_pay_invoice(key)


def close_by_credit(world: SapWorld, key: int) -> None:
    world.sap.do_credit_invoice(key)


def close_by_reconciliation(world: SapWorld, key: int) -> None:
    world.sap.do_reconcile_invoice(key)


def cancel(world: SapWorld, key: int) -> None:
    world.sap.do_cancel_invoice(key)


@pytest.mark.parametrize("close", [close_by_payment, close_by_credit, close_by_reconciliation, cancel])
def test_an_invoice_closed_in_sap_meanwhile_fails_with_the_balance_seen(sent: SapWorld, close: Any) -> None:
    close(sent, invoice(sent, "INV-1")["DocEntry"])
    theirs = len(sent.payments())
    key = sent.pay("INV-1")
    result = sent.sync()
    (failed,) = result.failed
    assert (failed["flow"], failed["key"], failed["reason"]) == ("payments", key, "rejected_by_target")
    assert "its balance is 0.00, not the 100.00 paid" in failed["message"]
    assert len(sent.payments()) == theirs
    assert {each["reason"] for each in result.held if each["flow"] == "bills"} <= {
        "changed_after_delivery",
        "paid_in_erp",
    }


def test_closed_between_our_look_and_our_payment(sent: SapWorld) -> None:
    """SAP itself refuses: its text and the balance that it holds now."""
    sent.pay("INV-1")
    text = "Invoice is already closed or blocked [VPM2.DocEntry][line: 1]"
    body = f'{{"error":{{"code":-10,"message":{{"lang":"en-us","value":"{text}"}}}}}}'
    sent.fault("sap", "status", method="POST", path="/VendorPayments$", status=400, body=body)
    (failed,) = sent.sync().failed
    assert failed["reason"] == "rejected_by_target"
    assert "already closed or blocked" in failed["message"]
    assert "INV-1: 100.00" in failed["message"]


@pytest.mark.parametrize("world", [{"sap_options": {"bump": bump}} for bump in (False, True)], indirect=True)
def test_a_person_cancels_our_payment_in_sap(sent: SapWorld) -> None:
    """Its invoice tells of it when it is read again; the payment itself is asked for in full reads."""
    key = sent.pay("INV-1")
    assert sent.sync().ok
    assert sent.sync().ok
    sent.sap.do_cancel_payment(entry(sent)["DocEntry"])
    assert held(sent.sync()) == [("bills", "changed_after_delivery")]
    result = sent.sync(full=True)
    assert ("payments", "changed_after_delivery") in held(result)
    assert result.exit_code == 1
    assert len([each for each in result.held if each["flow"] == "payments"]) == 1
    assert sent.sap.counts["POST VendorPayments"] == 1, "it is never entered again unasked"
    assert ("payments", "changed_after_delivery") in held(sent.sync())
    replay(Delivery.objects.filter(flow__name="payments"), actor="kim", doorbell=False)
    assert sent.sync().ok
    assert entry(sent)["TransferReference"] == f"bill:{key}"
    assert status(sent, "INV-1") == ("bost_Close", Decimal("100.00"))
    assert sent.sync(full=True).ok


def test_the_daily_full_read_notices_a_cancelled_payment(sent: SapWorld) -> None:
    sent.pay("INV-1")
    assert sent.sync().ok
    sent.sap.do_cancel_payment(entry(sent)["DocEntry"])
    sent.clock.turn(25 * 3600)
    sent.integration.flows.filter(name="payments").update(rung_at=sent.clock.now())
    sent.work()
    (row,) = sent.deliveries("payments")
    assert (row.state, row.reason) == (State.HELD, "changed_after_delivery")


def block(world: SapWorld) -> None:
    world.sap.do_block_invoice(invoice(world, "INV-1")["DocEntry"])


def freeze(world: SapWorld) -> None:
    world.sap.do_freeze_vendor("V100")


@pytest.mark.parametrize("deed", [block, freeze])
def test_what_sap_refuses_to_pay_fails_in_its_words(sent: SapWorld, deed: Any) -> None:
    key = sent.pay("INV-1")
    deed(sent)
    result = sent.sync()
    (failed,) = [each for each in result.failed if each["flow"] == "payments"]
    assert (failed["key"], failed["reason"]) == (key, "rejected_by_target")
    assert "INV-1: 100.00" in failed["message"]
    assert not sent.payments()


def test_preview_says_what_would_be_entered(sent: SapWorld) -> None:
    key = sent.pay("INV-1")
    before = sent.writes()
    result, would = preview(sent.integration, clock=sent.clock)
    assert result.trouble is None
    assert [(row["flow"], row["key"], row["action"]) for row in would] == [("payments", key, "create")]
    assert sent.writes()[1] == before[1]
    assert not sent.payments()


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


# --- the reference -----------------------------------------------------------------------------------


def test_the_reference_fits_and_finds_the_payment_again(sent: SapWorld) -> None:
    """The answer is lost after SAP posted the payment: the reference alone says that it is there."""
    key = sent.pay("INV-1")
    sent.fault("sap", "reset_after", method="POST", path="/VendorPayments$")
    sent.sync()
    sent.clock.turn(3600)
    assert sent.sync().ok
    made = entry(sent)
    assert made["TransferReference"].endswith(key)
    assert len(made["TransferReference"]) <= 27
    assert sent.sap.counts["POST VendorPayments"] == 1
    assert sent.link(key, "payments").target_id == str(made["DocEntry"])


def test_a_payment_that_stands_in_sap_already_is_recognised(sent: SapWorld) -> None:
    """Whatever we forgot: our reference in SAP is our payment."""
    key = sent.pay("INV-1")
    assert sent.sync().ok
    Delivery.objects.filter(flow__name="payments").delete()
    Link.objects.filter(flow__name="payments").delete()
    assert sent.sync(full=True).ok
    assert len(sent.payments()) == 1
    assert sent.link(key, "payments").target_id == str(entry(sent)["DocEntry"])


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


# --- voids -------------------------------------------------------------------------------------------


@both_versions
def test_voided_after_posting_the_payment_is_cancelled_and_the_invoice_opens_again(sent: SapWorld) -> None:
    key = sent.pay("INV-1")
    assert sent.sync().ok
    sent.bill.do_void_payment(key)
    assert sent.sync().ok
    assert not sent.payments()
    (cancelled,) = sent.payments(cancelled=True)
    assert cancelled["TransferReference"] == f"bill:{key}"
    assert status(sent, "INV-1") == ("bost_Open", Decimal(0))
    assert delivery(sent, key).state == State.VOIDED
    second = sent.pay("INV-1")
    assert sent.sync().ok
    assert entry(sent)["TransferReference"] == f"bill:{second}"
    assert sent.sync(full=True).ok


def test_a_void_of_one_part_leaves_the_other_payment(sent: SapWorld) -> None:
    first = pay(sent, {"INV-2": "100.00"})
    pay(sent, {"INV-2": "50.50"})
    assert sent.sync().ok
    sent.bill.do_void_payment(first)
    assert sent.sync().ok
    assert status(sent, "INV-2") == ("bost_Open", Decimal("50.50"))
    assert sent.sync(full=True).ok


def test_voided_after_a_person_cancelled_it_nothing_is_left_to_do(sent: SapWorld) -> None:
    key = sent.pay("INV-1")
    assert sent.sync().ok
    sent.sap.do_cancel_payment(entry(sent)["DocEntry"])
    sent.bill.do_void_payment(key)
    assert sent.sync().ok
    assert delivery(sent, key).state == State.VOIDED
    assert len(sent.payments(cancelled=True)) == 1
    assert sent.sync(full=True).ok


def test_a_refused_cancellation_is_told(sent: SapWorld) -> None:
    day = today().replace(day=1) - timedelta(days=1)
    key = sent.pay("INV-1", processDate=day.isoformat())
    assert sent.sync().ok
    sent.sap.do_close_period(f"{day:%Y-%m}")
    sent.bill.do_void_payment(key)
    result = sent.sync()
    assert ("payments", "voided_after_posting") in held(result)
    assert result.exit_code == 1
    assert len(sent.payments()) == 1
    assert ("payments", "voided_after_posting") in held(sent.sync())
    asked = sent.sap.counts["POST VendorPayments(key)/Cancel"]
    sent.clock.turn(7200)
    sent.work()
    assert sent.sap.counts["POST VendorPayments(key)/Cancel"] == asked, "without a person nobody asks again"
    sent.sap.do_open_period(f"{day:%Y-%m}")
    replay(Delivery.objects.filter(flow__name="payments"), actor="kim", doorbell=False)
    sent.sync()
    assert not sent.payments()
    assert delivery(sent, key).state == State.VOIDED


def test_voided_before_it_was_entered_nothing_is(sent: SapWorld) -> None:
    Mapping.objects.filter(table="bank_accounts").delete()
    key = sent.pay("INV-1")
    sent.sync()
    sent.bill.do_void_payment(key)
    assert sent.sync().ok
    assert not sent.payments()
    assert not sent.payments(cancelled=True)
    assert delivery(sent, key).state == State.VOIDED


# --- what is not ours --------------------------------------------------------------------------------


def bill_of_others(world: SapWorld, vendor: str, number: str = "BILL-ONLY") -> str:
    made: str = world.bill.do_create_bill(
        vendorId=vendor,
        dueDate=today().isoformat(),
        invoice={"invoiceNumber": number, "invoiceDate": today().isoformat()},
        billLineItems=[{"amount": money(70), "classifications": {"chartOfAccountId": world.account("6010-01")}}],
    )["id"]
    return made


def test_of_a_mixed_payment_only_our_part_is_entered(sent: SapWorld) -> None:
    theirs = bill_of_others(sent, sent.bills()["INV-1"]["vendorId"])
    sent.bill.do_pay([{"billId": sent.bills()["INV-1"]["id"]}, {"billId": theirs}], disbursementType="ACH")
    assert sent.sync().ok
    assert by_number(sent, entry(sent)) == {"INV-1": Decimal("100.00")}
    assert entry(sent)["TransferSum"] == Decimal("100.00")


def test_a_payment_of_bills_that_are_not_ours_is_none_of_our_business(sent: SapWorld) -> None:
    theirs = bill_of_others(sent, sent.bill.do_create_vendor(name="BILL Only Co")["id"])
    sent.bill.do_pay([{"billId": theirs}], disbursementType="ACH")
    assert sent.sync().ok
    assert not sent.payments()
    assert not Delivery.objects.filter(flow__name="payments")


def test_a_payment_recorded_as_made_elsewhere_stays_there(sent: SapWorld) -> None:
    sent.bill.do_record_outside([{"billId": sent.bills()["INV-1"]["id"]}])
    assert sent.sync().ok
    assert not sent.payments()


def test_a_payment_recorded_as_made_elsewhere_is_entered_where_asked_for(sent: SapWorld) -> None:
    sent.set(record_outside_payments=True)
    sent.bill.do_record_outside([{"billId": sent.bills()["INV-1"]["id"]}])
    assert sent.sync().ok
    assert by_number(sent, entry(sent)) == {"INV-1": Decimal("100.00")}


def test_the_payment_of_an_adopted_bill_arrives_in_the_same_sync(world: SapWorld) -> None:
    world.add_vendor()
    world.add_invoice("INV-0", "10.00")
    assert world.sync().ok
    bill = world.bill.do_create_bill(
        vendorId=world.link("V100", "vendors").target_id,
        dueDate=today().isoformat(),
        invoice={"invoiceNumber": "INV-1", "invoiceDate": today().isoformat()},
        billLineItems=[{"amount": 40}],
    )
    world.bill.do_pay([{"billId": bill["id"]}], disbursementType="ACH")
    assert world.sync().ok  # the payment passes by: nobody knows the bill
    world.add_invoice("INV-1", "40.00")
    assert world.sync().ok
    assert by_number(world, entry(world)) == {"INV-1": Decimal("40.00")}
    assert status(world, "INV-1") == ("bost_Close", Decimal("40.00"))
