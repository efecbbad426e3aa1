"""Payments that SAP Business One keeps back for approval: held until they count, and never sent twice."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from audit.models import AuditEvent
from integrations.engine.actions import mark_done_outside, replay
from integrations.models import Application, Delivery, Link, State
from tests.builders import manage_json, own_database_url
from tests.sap_world import SapWorld, sap_world

pytestmark = pytest.mark.django_db(transaction=True)

AWAITING = [("payments", "awaiting_approval")]


@pytest.fixture(params=[(1, "10.0"), (2, "10.0"), (1, "9.3")], ids=["v1", "v2", "9.3"])
def parked(transactional_db: None, request: pytest.FixtureRequest) -> Iterator[SapWorld]:
    """INV-1 over 100.00 is paid in BILL, and SAP keeps its payment as a draft."""
    version, schema = request.param
    with sap_world(version=version, sap_options={"approval": True, "schema": schema}) as world:
        world.add_vendor()
        world.add_invoice("INV-1", "100.00")
        assert world.sync().ok
        world.pay("INV-1")
        assert held(world.sync()) == AWAITING
        yield world


def held(result: Any) -> list[tuple[str, str]]:
    return [(each["flow"], each["reason"]) for each in result.held]


def payment(world: SapWorld) -> Delivery:
    row = Delivery.objects.filter(flow__name="payments").order_by("version").last()
    assert row is not None
    return row


def link(world: SapWorld) -> Link:
    return Link.objects.get(flow__name="payments")


def draft(world: SapWorld) -> int:
    (only,) = world.drafts()
    return int(only["DocEntry"])


def posts(world: SapWorld) -> int:
    return int(world.sap.counts["POST VendorPayments"])


def replay_all(*, approve: bool = True) -> None:
    replay(Delivery.objects.filter(flow__name="payments"), actor="kim", approve=approve, doorbell=False)


def paid(world: SapWorld) -> bool:
    (row,) = world.sap.ledger.sets()["PurchaseInvoices"].rows.values()
    return bool(row["DocumentStatus"] == "bost_Close")


# --- waiting -----------------------------------------------------------------------------------------


def test_a_draft_is_held_and_nothing_is_posted(parked: SapWorld) -> None:
    result = parked.sync()
    (row,) = result.held
    assert (result.exit_code, result.failed, row["reason"]) == (1, [], "awaiting_approval")
    assert f"draft:{draft(parked)}" in row["message"] or f"draft {draft(parked)}" in row["message"]
    assert not parked.payments()
    assert not paid(parked)
    assert (link(parked).state, link(parked).target_id) == (Link.State.AWAITING, f"draft:{draft(parked)}")


def test_the_command_ends_with_1(parked: SapWorld) -> None:
    code, result = manage_json(own_database_url(), "sync", "acme/ap")
    assert (code, result["ok"]) == (1, False)
    assert [each["reason"] for each in result["held"]] == ["awaiting_approval"]


def test_nobody_sends_it_again_while_it_waits(parked: SapWorld) -> None:
    for options in ({}, {"full": True}, {"flows": ["payments"]}):
        assert held(parked.sync(**options)) == AWAITING
    replay_all()
    assert held(parked.sync()) == AWAITING
    replay_all(approve=False)
    assert held(parked.sync(full=True)) == AWAITING
    parked.clock.turn(2 * 24 * 3600)
    parked.work()
    assert held(parked.sync()) == AWAITING
    assert (posts(parked), len(parked.drafts())) == (1, 1)


def test_nobody_sends_it_again_after_everything_was_forgotten(parked: SapWorld) -> None:
    """The draft in SAP under our reference is our payment, whatever became of our own notes."""
    Delivery.objects.filter(flow__name="payments").delete()
    Link.objects.filter(flow__name="payments").delete()
    assert held(parked.sync(full=True)) == AWAITING
    assert (posts(parked), len(parked.drafts())) == (1, 1)


def test_a_lost_answer_is_found_as_a_draft(transactional_db: None) -> None:
    with sap_world(sap_options={"approval": True}) as world:
        world.add_vendor()
        world.add_invoice("INV-1", "100.00")
        assert world.sync().ok
        world.pay("INV-1")
        world.fault("sap", "reset_after", method="POST", path="/VendorPayments$")
        world.sync()
        world.clock.turn(3600)
        assert held(world.sync()) == AWAITING
        assert (posts(world), len(world.drafts())) == (1, 1)
        world.sap.do_approve_payment(draft(world))
        assert world.sync().ok
        assert len(world.payments()) == 1


# --- approved ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("full", [False, True])
def test_approved_it_counts_and_the_hold_is_gone(parked: SapWorld, full: bool) -> None:
    parked.sap.do_approve_payment(draft(parked))
    assert parked.sync(full=full).ok
    (made,) = parked.payments()
    assert made["TransferSum"] == Decimal("100.00")
    assert paid(parked)
    assert (link(parked).state, link(parked).closed) == (Link.State.POSTED, True)
    assert link(parked).target_id == str(made["DocEntry"])
    assert payment(parked).state == State.DELIVERED
    assert Application.objects.get().state == Application.State.POSTED
    assert AuditEvent.objects.filter(event="posted", record_type="payment").count() == 1
    assert parked.sync(full=True).ok
    assert posts(parked) == 1


def test_approved_it_is_noticed_without_a_person(parked: SapWorld) -> None:
    parked.sap.do_approve_payment(draft(parked))
    parked.clock.turn(1000)
    parked.work()
    assert link(parked).state == Link.State.POSTED
    assert payment(parked).state == State.DELIVERED
    assert parked.sync().ok


def test_approved_but_not_yet_added_it_still_waits(parked: SapWorld) -> None:
    parked.sap.do_approve_payment(draft(parked), generate=False)
    assert held(parked.sync()) == AWAITING
    assert not parked.payments()
    parked.sap.do_approve_payment(draft(parked))
    assert parked.sync().ok
    assert (posts(parked), len(parked.payments())) == (1, 1)


def test_part_payments_wait_side_by_side(transactional_db: None) -> None:
    with sap_world(sap_options={"approval": True}) as world:
        world.add_vendor()
        world.add_invoice("INV-1", "100.00")
        assert world.sync().ok
        bill = world.bills()["INV-1"]["id"]
        for amount in ("40.00", "60.00"):
            world.bill.do_pay([{"billId": bill, "amount": amount}], disbursementType="ACH")
        assert held(world.sync()) == AWAITING * 2
        first, second = (row["DocEntry"] for row in world.drafts())
        world.sap.do_approve_payment(first)
        assert held(world.sync()) == AWAITING
        world.sap.do_approve_payment(second)
        assert world.sync(full=True).ok
        assert paid(world)
        assert posts(world) == 2


def test_a_checks_number_that_comes_while_it_waits_changes_nothing(transactional_db: None) -> None:
    with sap_world(sap_options={"approval": True}) as world:
        world.add_vendor()
        world.add_invoice("INV-1", "100.00")
        assert world.sync().ok
        key = world.pay("INV-1", disbursementType="CHECK")
        assert held(world.sync()) == AWAITING
        world.bill.do_set_check_number(key, 20018)
        assert held(world.sync()) == AWAITING
        world.sap.do_approve_payment(draft(world))
        assert world.sync().ok
        assert (posts(world), len(world.payments())) == (1, 1)


# --- rejected and removed ----------------------------------------------------------------------------


def test_rejected_it_is_held_and_never_sent_again_unasked(parked: SapWorld) -> None:
    parked.sap.do_reject_payment(draft(parked), "Not this month")
    for options in ({}, {"full": True}, {}):
        result = parked.sync(**options)
        assert held(result) == [("payments", "rejected_by_target")]
        assert (result.exit_code, result.failed) == (1, [])
        assert "rejected" in result.held[0]["message"]
    parked.clock.turn(2 * 24 * 3600)
    parked.work()
    replay_all(approve=False)
    assert held(parked.sync()) == [("payments", "rejected_by_target")]
    assert (posts(parked), len(parked.drafts())) == (1, 1)
    assert not parked.payments()


def test_replayed_by_a_person_a_rejected_payment_is_sent_once(parked: SapWorld) -> None:
    parked.sap.do_reject_payment(draft(parked))
    assert held(parked.sync()) == [("payments", "rejected_by_target")]
    replay_all()
    assert held(parked.sync()) == AWAITING
    assert (posts(parked), len(parked.drafts())) == (2, 2)
    replay_all()
    assert held(parked.sync(full=True)) == AWAITING
    assert posts(parked) == 2
    parked.sap.do_approve_payment(max(row["DocEntry"] for row in parked.drafts()))
    assert parked.sync().ok
    assert len(parked.payments()) == 1
    assert link(parked).state == Link.State.POSTED


def test_a_rejected_payment_settled_by_hand_stays_settled(parked: SapWorld) -> None:
    parked.sap.do_reject_payment(draft(parked))
    parked.sync()
    mark_done_outside(payment(parked), reason="Paid from petty cash", actor="fiona")
    assert parked.sync(full=True).ok
    assert posts(parked) == 1


def test_a_draft_that_a_person_removed_is_told(parked: SapWorld) -> None:
    parked.sap.do_remove_draft(draft(parked))
    for options in ({}, {"full": True}):
        result = parked.sync(**options)
        assert held(result) == [("payments", "changed_after_delivery")]
    assert posts(parked) == 1
    replay_all()
    assert held(parked.sync()) == AWAITING
    assert (posts(parked), len(parked.drafts())) == (2, 1)


# --- voided ------------------------------------------------------------------------------------------


def test_voided_while_it_waits_the_draft_is_removed(parked: SapWorld) -> None:
    parked.bill.do_void_payment(payment(parked).key)
    assert parked.sync().ok
    assert not parked.drafts()
    assert not parked.payments()
    assert (payment(parked).state, link(parked).state) == (State.VOIDED, Link.State.VOIDED)
    assert parked.sync(full=True).ok
    assert posts(parked) == 1


def test_a_draft_that_sap_does_not_remove_is_told_until_it_is_rejected(parked: SapWorld) -> None:
    body = '{"error":{"code":-5006,"message":"The requested action is not supported for this object."}}'
    parked.fault("sap", "status", method="DELETE", path="/PaymentDrafts", status=400, body=body, times=-1)
    parked.bill.do_void_payment(payment(parked).key)
    (failed,) = parked.sync().failed
    assert failed["reason"] == "rejected_by_target"
    assert f"Have draft {draft(parked)} rejected or removed" in failed["message"]
    parked.sap.do_reject_payment(draft(parked))
    replay_all()
    assert parked.sync().ok
    assert payment(parked).state == State.VOIDED
    assert not parked.payments()


def test_voided_when_it_was_approved_meanwhile_the_payment_is_cancelled(parked: SapWorld) -> None:
    parked.sap.do_approve_payment(draft(parked))
    parked.bill.do_void_payment(payment(parked).key)
    parked.sync()
    assert parked.sync().ok
    assert not parked.payments()
    assert len(parked.payments(cancelled=True)) == 1
    assert not paid(parked)
    assert payment(parked).state == State.VOIDED
    assert posts(parked) == 1


def test_voided_after_its_approver_refused_it(parked: SapWorld) -> None:
    parked.sap.do_reject_payment(draft(parked))
    assert held(parked.sync()) == [("payments", "rejected_by_target")]
    parked.bill.do_void_payment(payment(parked).key)
    assert parked.sync().ok
    assert not parked.payments()
    assert posts(parked) == 1


def test_voided_after_a_person_removed_the_draft(parked: SapWorld) -> None:
    parked.sap.do_remove_draft(draft(parked))
    parked.bill.do_void_payment(payment(parked).key)
    assert parked.sync().ok
    assert payment(parked).state == State.VOIDED
    assert posts(parked) == 1


def test_paid_again_after_the_void_of_a_draft(parked: SapWorld) -> None:
    parked.bill.do_void_payment(payment(parked).key)
    assert parked.sync().ok
    parked.pay("INV-1")
    assert held(parked.sync()) == AWAITING
    parked.sap.do_approve_payment(draft(parked))
    assert parked.sync(full=True).ok
    assert paid(parked)
