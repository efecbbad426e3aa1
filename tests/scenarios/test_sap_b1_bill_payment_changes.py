"""Payments that people touch on either side: paid, closed or cancelled in SAP Business One, voided in BILL."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from integrations.engine.actions import replay
from integrations.engine.preview import preview
from integrations.models import Delivery, Mapping, State
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
