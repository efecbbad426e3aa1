"""What happens to an invoice in SAP Business One after its bill was sent, before BILL can pay it again."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from integrations.engine.actions import replay
from integrations.models import Delivery
from tests.builders import money
from tests.sap_world import SapWorld

SUPPLIES, FEES = "601001", "602001"
Act = Callable[[SapWorld], Any]


@pytest.fixture
def sent(sap: SapWorld) -> SapWorld:
    """INV-1 over 100.00 is an unpaid bill in BILL; SAP holds it under DocEntry 1."""
    sap.add_vendor()
    assert sap.add_invoice("INV-1", created=-10) == 1  # outside of what every poll reads again
    assert sap.sync().ok
    return sap


def bill(sap: SapWorld) -> dict[str, Any]:
    (row,) = sap.bill.bills.rows.values()
    return row


def edit(**properties: Any) -> Act:
    return lambda sap: sap.sap.do_edit_invoice(1, **properties)


def block(sap: SapWorld) -> None:
    sap.sap.do_block_invoice(1)


def cancel(sap: SapWorld) -> None:
    sap.sap.do_cancel_invoice(1)


def credit(sap: SapWorld) -> None:
    sap.sap.do_credit_invoice(1)


def credit_a_part(sap: SapWorld) -> None:
    sap.sap.do_credit_invoice(1, "30.00")


def reconcile(sap: SapWorld) -> None:
    sap.sap.do_reconcile_invoice(1)


def pay(sap: SapWorld) -> None:
    sap.sap.do_pay_invoice(1)


def pay_a_part(sap: SapWorld) -> None:
    sap.sap.do_pay_invoice(1, "30.00")


ENDS = pytest.mark.parametrize("act", [block, cancel, credit, reconcile, pay])
VERSIONS = pytest.mark.parametrize("sap", [{"version": 1}, {"version": 2}], indirect=True)
OLD_SCHEMA = pytest.mark.parametrize("sap", [{"sap_options": {"schema": "9.3"}}], indirect=True)


# --- of an unpaid bill -----------------------------------------------------------------------------------


@VERSIONS
@ENDS
def test_what_must_not_be_paid_any_more_is_archived(sent: SapWorld, act: Act) -> None:
    act(sent)
    assert sent.sync().ok
    assert bill(sent)["archived"]
    sent.quiet()


@OLD_SCHEMA
@ENDS
def test_so_it_is_where_the_schema_does_not_tell_what_is_paid(sent: SapWorld, act: Act) -> None:
    act(sent)
    assert sent.sync().ok
    assert bill(sent)["archived"]
    sent.quiet()


@pytest.mark.parametrize("sap", [{"sap_options": {"bump": bump}} for bump in (True, False)], indirect=True)
def test_paid_in_sap_is_seen_whether_or_not_it_moves_a_stamp(sent: SapWorld) -> None:
    pay(sent)
    assert sent.sync().ok
    assert bill(sent)["archived"]


def test_the_reversal_of_a_cancelled_invoice_is_no_invoice(sent: SapWorld) -> None:
    cancel(sent)
    assert len(sent.sap.state()["PurchaseInvoices"]) == 2
    assert sent.sync().ok
    assert len(sent.bill.bills.rows) == 1
    assert len(sent.deliveries(document="INV-1")) == 2, "the invoice and its withdrawal, nothing of the reversal"


def test_cancelled_and_entered_anew_under_the_same_number(sent: SapWorld) -> None:
    cancel(sent)
    sent.add_invoice("INV-1", "120.00")
    assert sent.sync().ok, "the new one goes once the old one is out of the way"
    assert {number: money(row["amount"]) for number, row in sent.bills().items()} == {"INV-1": money(120)}
    sent.quiet()


def test_unblocked_the_bill_comes_back(sent: SapWorld) -> None:
    before = sent.coded("INV-1")
    block(sent)
    assert sent.sync().ok
    sent.sap.do_unblock_invoice(1)
    assert sent.sync().ok
    assert sent.coded("INV-1") == before
    sent.quiet()


def test_changed_while_blocked_it_comes_back_with_the_change(sent: SapWorld) -> None:
    block(sent)
    assert sent.sync().ok
    edit(NumAtCard="INV-1A")(sent)
    assert sent.sync().ok
    assert bill(sent)["archived"]
    sent.sap.do_unblock_invoice(1)
    assert sent.sync().ok
    assert set(sent.bills()) == {"INV-1A"}
    sent.quiet()


def test_a_payment_taken_back_in_sap_brings_the_bill_back(sent: SapWorld) -> None:
    pay(sent)
    assert sent.sync().ok
    (payment,) = sent.payments()
    sent.sap.do_cancel_payment(payment["DocEntry"])
    assert sent.sync(full=True).ok
    assert money(sent.bills()["INV-1"]["dueAmount"]) == money(100)
    sent.quiet()


@pytest.mark.parametrize(
    "sap",
    [{"charges": ("paid",), "sap_options": {"schema": schema}} for schema in ("9.3", "10.0")],
    indirect=True,
)
def test_part_paid_in_sap_is_owed_less(sent: SapWorld) -> None:
    pay_a_part(sent)
    assert sent.sync().ok
    assert sent.coded("INV-1") == [(SUPPLIES, "", money(100)), ("paid", "", money(-30))]
    sent.quiet()


def test_part_credited_in_sap_is_owed_less(sent: SapWorld) -> None:
    credit_a_part(sent)
    assert sent.sync().ok
    assert money(bill(sent)["amount"]) == money(70)
    sent.quiet()


def test_number_due_date_and_comment_are_updated(sent: SapWorld) -> None:
    due = sent.sap.ledger.day(45).isoformat()
    edit(NumAtCard="INV-1A", DocDueDate=due, Comments="Site 14")(sent)
    result, sap_writes, bill_writes = sent.counted()
    assert result.ok
    assert (sap_writes, bill_writes) == (0, 1)
    row = sent.bills()["INV-1A"]
    assert row["dueDate"] == due
    assert row["billLineItems"][0]["description"] == "Site 14"
    assert sent.coded("INV-1A") == [(SUPPLIES, "", money(100))]
    sent.quiet()


def test_a_change_that_bill_does_not_hold_writes_nothing(sent: SapWorld) -> None:
    edit(JournalMemo="Checked by Kim", Reference2="K")(sent)
    sent.quiet()


def test_a_number_that_does_not_fit_any_more_is_held_and_the_bill_stays(sent: SapWorld) -> None:
    edit(NumAtCard="I" * 22)(sent)
    sent.sync()
    assert sent.held("I" * 22)[0] == "document_number_too_long"
    assert set(sent.bills()) == {"INV-1"}
    edit(NumAtCard="INV-1")(sent)
    assert sent.sync().ok


def test_several_changes_between_syncs_cost_one_write(sent: SapWorld) -> None:
    pay_a_part(sent)
    edit(NumAtCard="INV-1A")(sent)
    edit(Comments="Twice")(sent)
    result, _, bill_writes = sent.counted()
    assert result.ok
    assert bill_writes == 1
    assert money(sent.bills()["INV-1A"]["amount"]) == money(70)


def test_part_paid_and_blocked_in_one_go_comes_back_as_it_is_owed(sent: SapWorld) -> None:
    pay_a_part(sent)
    block(sent)
    assert sent.sync().ok
    assert bill(sent)["archived"]
    sent.sap.do_unblock_invoice(1)
    assert sent.sync().ok
    assert money(sent.bills()["INV-1"]["amount"]) == money(70)
    sent.quiet()


def test_a_frozen_vendor_holds_what_is_new_and_what_changed(sent: SapWorld) -> None:
    sent.add_invoice("INV-2", "20.00")
    sent.add_invoice("INV-3", "30.00")
    assert sent.sync().ok
    fresh = sent.add_invoice("INV-4", "40.00")
    sent.sap.do_edit_invoice(2, DocDueDate=sent.sap.ledger.day(45).isoformat())
    sent.sap.do_freeze_vendor("V100")
    result = sent.sync()
    reasons = {(each["flow"], each["document"]): each["reason"] for each in result.held}
    assert {document: why for (flow, document), why in reasons.items() if flow == "bills"} == {
        "INV-2": "vendor_inactive",
        "INV-4": "vendor_inactive",
    }
    sent.sap.do_freeze_vendor("V100", frozen=False)
    assert sent.sync().ok
    assert str(fresh) in {each.source_key for each in [sent.link(str(fresh))]}
    assert sent.bills()["INV-2"]["dueDate"] == sent.invoice(2)["DocDueDate"]


def test_blocked_at_a_frozen_vendor_is_archived_all_the_same(sent: SapWorld) -> None:
    block(sent)
    sent.sap.do_freeze_vendor("V100")
    sent.sync()
    assert bill(sent)["archived"]


# --- while a payment is under way ------------------------------------------------------------------------

CONFLICTS: list[tuple[Act, str]] = [
    (block, "changed_after_delivery"),
    (cancel, "changed_after_delivery"),
    (credit, "changed_after_delivery"),
    (reconcile, "changed_after_delivery"),
    (pay, "paid_in_erp"),
    (pay_a_part, "paid_in_erp"),
    (credit_a_part, "paid_in_erp"),
    (edit(NumAtCard="INV-1A"), "changed_after_delivery"),
    (edit(DocDueDate="2030-01-31"), "changed_after_delivery"),
]
NAMES = ["block", "cancel", "credit", "reconcile", "pay", "pay part", "credit part", "number", "due date"]


def schedule(sap: SapWorld) -> str:
    payment: str = sap.bill.do_schedule([{"billId": bill(sap)["id"]}], disbursementType="ACH")["id"]
    return payment


def conflict(sap: SapWorld) -> str:
    (row,) = [row for row in sap.sync(full=True).held if row["flow"] == "bills"]
    reason: str = row["reason"]
    return reason


@pytest.mark.parametrize(("act", "reason"), CONFLICTS, ids=NAMES)
def test_a_change_while_a_payment_is_scheduled_is_a_conflict(sent: SapWorld, act: Act, reason: str) -> None:
    schedule(sent)
    before = dict(bill(sent))
    act(sent)
    assert (conflict(sent), bill(sent)) == (reason, before)


@OLD_SCHEMA
@pytest.mark.parametrize(
    ("act", "reason"),
    [(credit, "changed_after_delivery"), (reconcile, "changed_after_delivery"), (pay, "paid_in_erp")],
)
def test_paid_is_told_from_credited_where_the_schema_does_not_tell(sent: SapWorld, act: Act, reason: str) -> None:
    schedule(sent)
    act(sent)
    assert conflict(sent) == reason


@ENDS
def test_when_the_scheduled_payment_is_cancelled_it_is_archived_by_itself(sent: SapWorld, act: Act) -> None:
    payment = schedule(sent)
    act(sent)
    assert conflict(sent)
    sent.bill.do_cancel_payment(payment)
    sent.clock.turn(3600)
    sent.work()
    assert bill(sent)["archived"]


def test_unblocked_in_sap_the_conflict_ends(sent: SapWorld) -> None:
    schedule(sent)
    block(sent)
    assert conflict(sent) == "changed_after_delivery"
    sent.sap.do_unblock_invoice(1)
    assert sent.sync().ok


# --- of a paid bill --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("act", "reason"),
    [
        (block, "changed_after_delivery"),
        (cancel, "changed_after_delivery"),
        (credit, "changed_after_delivery"),
        (reconcile, "changed_after_delivery"),
        (pay, "paid_in_erp"),
    ],
)
def test_a_change_after_the_money_left_is_told(sent: SapWorld, act: Act, reason: str) -> None:
    sent.pay("INV-1")
    act(sent)
    assert conflict(sent) == reason
    assert not bill(sent)["archived"]


def test_our_own_payment_is_no_change(sent: SapWorld) -> None:
    sent.pay("INV-1")
    assert sent.sync().ok
    assert sent.invoice(1)["DocumentStatus"] == "bost_Close"
    sent.quiet()
    assert not bill(sent)["archived"]


@pytest.mark.parametrize("sap", [{"sap_options": {"schema": schema}} for schema in ("9.3", "10.0")], indirect=True)
def test_our_own_part_payment_is_no_change(sent: SapWorld) -> None:
    sent.bill.do_pay([{"billId": bill(sent)["id"], "amount": money(40)}], disbursementType="ACH")
    assert sent.sync().ok
    assert money(sent.invoice(1)["PaidToDate"]) == money(40)
    sent.quiet()
    assert money(bill(sent)["dueAmount"]) == money(60)


@pytest.mark.parametrize("act", [pay_a_part, pay])
def test_our_part_payment_and_then_one_in_sap_is_a_conflict(sent: SapWorld, act: Act) -> None:
    sent.bill.do_pay([{"billId": bill(sent)["id"], "amount": money(40)}], disbursementType="ACH")
    assert sent.sync().ok
    act(sent)
    assert conflict(sent) == "paid_in_erp"


def test_a_comment_after_our_payment_disturbs_nobody(sent: SapWorld) -> None:
    sent.pay("INV-1")
    assert sent.sync().ok
    edit(Comments="Filed", NumAtCard="INV-1A", DocDueDate="2030-01-31")(sent)
    assert sent.sync().ok
    sent.quiet()
    assert not bill(sent)["archived"]


def test_a_payment_of_ours_that_people_cancel_in_sap_is_told(sent: SapWorld) -> None:
    sent.pay("INV-1")
    assert sent.sync().ok
    (payment,) = sent.payments()
    sent.sap.do_cancel_payment(payment["DocEntry"])
    before = dict(bill(sent))
    for _ in range(2):
        result = sent.sync(full=True)
        assert [(each["flow"], each["reason"]) for each in result.held] == [("payments", "changed_after_delivery")]
        assert bill(sent) == before, "BILL paid it: it is not asked for again"


# --- changed in BILL -------------------------------------------------------------------------------------


def test_edited_in_bill_is_not_overwritten_until_a_person_says_so(sent: SapWorld) -> None:
    coded = [{"amount": money(77), "classifications": {"chartOfAccountId": sent.account("6010-01")}}]
    kept = {name: bill(sent)[name] for name in ("vendorId", "dueDate", "invoice")}
    sent.bill.do_edit_bill(bill(sent)["id"], {**kept, "billLineItems": coded}, replace=True)
    pay_a_part(sent)
    sent.sync()
    assert sent.held("INV-1")[0] == "changed_after_delivery"
    assert money(bill(sent)["amount"]) == money(77)
    replay(Delivery.objects.filter(document="INV-1"), actor="kim", doorbell=False)
    assert sent.sync().ok
    assert money(bill(sent)["amount"]) == money(70)


def test_archived_in_bill_is_not_restored_behind_peoples_backs(sent: SapWorld) -> None:
    sent.bill.do_archive(bill(sent)["id"])
    assert sent.sync().ok
    pay_a_part(sent)
    sent.sync()
    assert sent.held("INV-1")[0] == "changed_after_delivery"
    assert bill(sent)["archived"]


def test_a_foreign_bill_follows_in_its_own_currency(sap: SapWorld) -> None:
    sap.sap.do_set_rate("EUR", "1.0925", date=-30, until=0)
    sap.add_vendor(currency="EUR")
    entry = sap.add_invoice("INV-1", "1000.00", date=-10, created=-10)
    assert sap.sync().ok
    sap.sap.do_pay_invoice(entry, "333.33")
    assert sap.sync().ok
    assert money(sap.bills()["INV-1"]["amount"]) == Decimal("666.67")
    sap.quiet()
    sap.sap.do_pay_invoice(entry)
    assert sap.sync().ok
    assert not sap.bills()
