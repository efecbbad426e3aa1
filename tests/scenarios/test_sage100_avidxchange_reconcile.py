"""Sage 100 and AvidXchange compared, under both profiles."""

from __future__ import annotations

import pytest

from integrations.reconcile import Kind, Result, reconcile
from tests.avid_world import AvidWorld
from tests.builders import money


@pytest.fixture
def sent(avid: AvidWorld) -> AvidWorld:
    avid.add_vendor()
    avid.add_invoice("INV-1", "100.00")
    avid.add_invoice("INV-2", "250.50")
    assert avid.sync().ok
    return avid


def compare(world: AvidWorld) -> Result:
    result = reconcile(world.integration, clock=world.clock)
    assert result.trouble is None
    return result


def kinds(result: Result) -> list[tuple[Kind, str]]:
    return [(each.kind, each.document) for each in result.differences]


def test_equal_sides_are_equal_through_payments(sent: AvidWorld) -> None:
    assert kinds(compare(sent)) == []
    invoice = sent.invoices()["INV-2"]["id"]
    sent.pay("INV-1", {"id": invoice, "amount": "100.00", "discount": "10.50"})
    assert sent.sync().ok
    result = compare(sent)
    assert (kinds(result), result.compared["payments"], result.source_total) == ([], 1, money("140.00"))
    sent.sage.do_post_all()
    result = compare(sent)
    assert (kinds(result), result.source_total, result.target_total) == ([], money("140.00"), money("140.00"))


def test_a_payment_that_was_not_entered(sent: AvidWorld) -> None:
    sent.pay("INV-1")
    assert (Kind.PAYMENT_MISSING, "INV-1") in kinds(compare(sent))


def test_a_void_that_was_not_taken_back(sent: AvidWorld) -> None:
    key = sent.pay("INV-1")
    assert sent.sync().ok
    sent.avid.do_void_payment(int(key))
    assert (Kind.PAYMENT_VOIDED, "INV-1") in kinds(compare(sent))


def test_what_was_rejected_or_never_sent(sent: AvidWorld) -> None:
    sent.avid.do_reject(sent.invoices()["INV-1"]["id"])
    sent.add_invoice("INV-3", "7.00")
    assert set(kinds(compare(sent))) == {(Kind.ARCHIVED, "INV-1"), (Kind.MISSING_IN_TARGET, "INV-3")}


def test_what_moved_in_sage(sent: AvidWorld) -> None:
    sent.sage.do_hold_invoice("01", "ACME01", "INV-1")
    sent.sage.do_pay_in_sage("01", "ACME01", "INV-2", amount="50.00")
    assert set(kinds(compare(sent))) == {(Kind.ON_HOLD, "INV-1"), (Kind.AMOUNT, "INV-2")}


def test_a_code_that_is_gone_there(sent: AvidWorld) -> None:
    sent.avid.do_add_code("5010-01-00", "Materials", active=False)
    assert kinds(compare(sent)) == [(Kind.ACCOUNT_INACTIVE, "5010-01-00")]
