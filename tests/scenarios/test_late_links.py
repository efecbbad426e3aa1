"""A bill that was paid in the cloud before we knew it was ours: its payment still reaches the ledger, at once."""

from __future__ import annotations

import pytest

from tests.builders import World

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_payment_of_an_adopted_bill_arrives_in_the_same_sync(world: World) -> None:
    world.add_vendor("ACME01")
    world.add_invoice("INV-0", "10.00")
    assert world.sync().ok
    vendor_id = world.link("01-ACME01", "vendors").target_id
    bill = world.bill.do_create_bill(
        vendorId=vendor_id,
        dueDate="2026-12-31",
        invoice={"invoiceNumber": "INV-1", "invoiceDate": "2026-11-18"},
        billLineItems=[{"amount": 40}],
    )
    world.bill.do_pay(bills=[{"billId": bill["id"]}], disbursementType="ACH")
    world.sync()  # the payment passes by: nobody knows the bill
    world.add_invoice("INV-1", "40.00")
    result = world.sync()
    assert result.ok
    assert [each["amount"] for each in world.payments()] == ["40.00"]
