"""BILL's payments in SAP Business One: entered once, on the right invoices."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from integrations.models import Delivery, Link
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


def pay(world: SapWorld, amounts: dict[str, str], **details: Any) -> str:
    rows = world.bills()
    parts = [{"billId": rows[number]["id"], "amount": money(amount)} for number, amount in amounts.items()]
    paid: str = world.bill.do_pay(parts, **{"disbursementType": "ACH", **details})["id"]
    return paid


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
