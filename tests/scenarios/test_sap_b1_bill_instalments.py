"""Invoices that are due in parts: one bill, or one a part, and never both."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from integrations.models import Mapping
from tests.builders import money
from tests.sap_world import CHARGES, SapWorld

SPLIT = pytest.mark.parametrize("sap", [{"settings": {"split_instalments": True}}], indirect=True)
PAID_ON = {"settings": {"split_instalments": True}, "charges": ("paid",)}
HALVES = [{"due": 30, "percent": 50}, {"due": 60, "percent": 50}]


def parts(sap: SapWorld, entry: int) -> list[tuple[str, Decimal]]:
    """Due date and amount of SAP's own instalments."""
    return [(each["DueDate"], money(each["Total"])) for each in sap.invoice(entry)["DocumentInstallments"]]


def bills(sap: SapWorld) -> dict[str, tuple[str, Decimal]]:
    return {number: (row["dueDate"], money(row["amount"])) for number, row in sap.bills().items()}


def amounts(sap: SapWorld) -> dict[str, Decimal]:
    return {number: each for number, (_, each) in bills(sap).items()}


def test_by_itself_an_invoice_is_one_bill_due_on_its_own_date(sap: SapWorld) -> None:
    sap.add_vendor()
    entry = sap.add_invoice("INV-1", "1000.00", parts=3)
    assert sap.sync().ok
    assert bills(sap) == {"INV-1": (sap.invoice(entry)["DocDueDate"], money(1000))}


@pytest.mark.parametrize(
    "sap",
    [
        {"version": version, "charges": CHARGES, "settings": {"split_instalments": True}, "sap_options": {"schema": s}}
        for version, s in ((1, "10.0"), (2, "10.0"), (1, "9.3"))
    ],
    indirect=True,
)
def test_split_it_is_one_bill_an_instalment_to_the_cent(sap: SapWorld) -> None:
    sap.add_vendor()
    coded = [{"amount": "333.33", "tax_rate": "8.25", "rule": "OPS"}, {"amount": "66.67", "account": "6020-01"}]
    entry = sap.add_invoice("INV-1", lines=coded, freight="19.99", discount="2", rounding="0.01", parts=3)
    single = sap.add_invoice("INV-2", "50.00")
    assert sap.sync().ok
    expected = parts(sap, entry)
    assert bills(sap) == {
        "INV-1-1": expected[0],
        "INV-1-2": expected[1],
        "INV-1-3": expected[2],
        "INV-2": (sap.invoice(single)["DocDueDate"], money(50)),
    }
    whole: dict[tuple[str, str], Decimal] = {}
    for number in ("INV-1-1", "INV-1-2", "INV-1-3"):
        for name, rule, each in sap.coded(number):
            whole[name, rule] = whole.get((name, rule), Decimal(0)) + each
    asked = {("601001", "OPS"): "360.28", ("602001", ""): "66.67", ("freight", ""): "19.99", ("discount", ""): "-8.00"}
    for key, each in asked.items():
        assert abs(whole[key] - money(each)) <= Decimal("0.05"), "every part bears its share"
    assert sum(whole.values()) == money(sap.invoice(entry)["DocTotal"])
    sap.quiet()


@SPLIT
def test_a_foreign_invoice_is_split_in_its_own_currency(sap: SapWorld) -> None:
    sap.sap.do_set_rate("EUR", "1.0925", date=-5, until=0)
    sap.add_vendor(currency="EUR")
    entry = sap.add_invoice("INV-1", "1000.00", date=-5, parts=3)
    assert sap.sync().ok
    expected = [money(each["TotalFC"]) for each in sap.invoice(entry)["DocumentInstallments"]]
    assert list(amounts(sap).values()) == expected
    assert sum(expected) == money(1000)


# --- what is paid already ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sap", [{**PAID_ON, "sap_options": {"schema": schema}} for schema in ("9.3", "10.0")], indirect=True
)
def test_paid_parts_do_not_go_and_the_others_keep_their_numbers(sap: SapWorld) -> None:
    sap.add_vendor()
    entry = sap.add_invoice("INV-1", "900.00", parts=3)
    sap.sap.do_pay_invoice(entry, "400.00")
    assert sap.sync().ok
    assert amounts(sap) == {"INV-1-2": money(200), "INV-1-3": money(300)}
    assert sap.coded("INV-1-2") == [("601001", "", money(300)), ("paid", "", money(-100))]


@SPLIT
def test_a_part_paid_in_sap_is_archived_alone(sap: SapWorld) -> None:
    sap.add_vendor()
    entry = sap.add_invoice("INV-1", "900.00", parts=3)
    assert sap.sync().ok
    sap.sap.do_pay_invoice(entry, "450.00")
    assert sap.sync().ok
    assert amounts(sap) == {"INV-1-2": money(150), "INV-1-3": money(300)}
    sap.quiet()


@SPLIT
def test_a_part_paid_in_bill_settles_its_instalment_and_leaves_the_others(sap: SapWorld) -> None:
    sap.add_vendor()
    entry = sap.add_invoice("INV-1", "900.00", parts=3)
    assert sap.sync().ok
    sap.pay("INV-1-2")
    assert sap.sync().ok
    (payment,) = sap.payments()
    assert [(each["InstallmentId"], each["SumApplied"]) for each in payment["PaymentInvoices"]] == [(2, money(300))]
    assert [money(each["PaidToDate"]) for each in sap.invoice(entry)["DocumentInstallments"]] == [0, 300, 0]
    sap.quiet()
    assert amounts(sap) == {"INV-1-1": money(300), "INV-1-2": money(300), "INV-1-3": money(300)}
    sap.pay("INV-1-1")
    sap.pay("INV-1-3")
    assert sap.sync().ok
    assert sap.invoice(entry)["DocumentStatus"] == "bost_Close"
    sap.quiet()


def test_one_bill_of_several_instalments_pays_the_oldest_first(sap: SapWorld) -> None:
    sap.add_vendor()
    entry = sap.add_invoice("INV-1", "900.00", parts=3)
    assert sap.sync().ok
    sap.bill.do_pay([{"billId": sap.bills()["INV-1"]["id"], "amount": money(400)}], disbursementType="ACH")
    assert sap.sync().ok
    assert [money(each["PaidToDate"]) for each in sap.invoice(entry)["DocumentInstallments"]] == [300, 100, 0]
    sap.quiet()


# --- changes ---------------------------------------------------------------------------------------------


@SPLIT
def test_blocked_all_parts_are_archived_and_come_back(sap: SapWorld) -> None:
    sap.add_vendor()
    entry = sap.add_invoice("INV-1", "900.00", parts=3)
    assert sap.sync().ok
    before = bills(sap)
    sap.sap.do_block_invoice(entry)
    assert sap.sync().ok
    assert not sap.bills()
    sap.quiet()
    sap.sap.do_unblock_invoice(entry)
    assert sap.sync().ok
    assert bills(sap) == before
    sap.quiet()


@SPLIT
def test_cancelled_after_a_part_was_paid_by_bill_that_part_is_a_conflict(sap: SapWorld) -> None:
    sap.add_vendor()
    entry = sap.add_invoice("INV-1", "900.00", parts=3)
    assert sap.sync().ok
    sap.bill.do_schedule([{"billId": sap.bills()["INV-1-1"]["id"]}], disbursementType="ACH")
    sap.sap.do_cancel_invoice(entry)
    result = sap.sync()
    assert set(sap.bills()) == {"INV-1-1"}
    assert [(each["document"], each["reason"]) for each in result.held] == [("INV-1-1", "changed_after_delivery")]


# --- the setting -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("before", [True, False])
def test_switched_what_was_sent_stays_as_it_is(sap: SapWorld, before: bool) -> None:
    whole, split = {"OLD": money(900)}, {f"OLD-{n}": money(300) for n in (1, 2, 3)}
    sap.set(split_instalments=before)
    sap.add_vendor()
    entry = sap.add_invoice("OLD", "900.00", parts=3)
    assert sap.sync().ok
    sap.set(split_instalments=not before)
    sap.sap.do_edit_invoice(entry, Comments="Touched")
    sap.add_invoice("NEW", "20.00", parts=HALVES)
    for full in (False, True):
        assert sap.sync(full=full).ok
        new = {"NEW": money(20)} if before else {"NEW-1": money(10), "NEW-2": money(10)}
        assert amounts(sap) == {**(split if before else whole), **new}
    sap.quiet()


@pytest.mark.parametrize("before", [True, False])
def test_switched_while_it_waits_it_goes_in_its_new_form(sap: SapWorld, before: bool) -> None:
    sap.set(split_instalments=before)
    sap.add_vendor()
    Mapping.objects.filter(table="accounts", source=sap.sap.ledger.account("6010-01")).delete()
    sap.add_invoice("INV-1", "20.00", parts=HALVES)
    assert {each["reason"] for each in sap.sync().held} == {"account_unmapped"}
    sap.set(split_instalments=not before)
    sap.map("accounts", "601001", "601001")
    assert sap.sync(full=True).ok
    assert amounts(sap) == ({"INV-1": money(20)} if before else {"INV-1-1": money(10), "INV-1-2": money(10)})


# --- numbers ---------------------------------------------------------------------------------------------


@SPLIT
def test_a_parts_number_stays_within_21_characters(sap: SapWorld) -> None:
    sap.add_vendor()
    sap.add_invoice("I" * 19, "20.00", parts=HALVES)
    sap.add_invoice("J" * 20, "20.00", parts=HALVES)
    result = sap.sync()
    assert set(sap.bills()) == {"I" * 19 + "-1", "I" * 19 + "-2"}
    assert {each["reason"] for each in result.held} == {"document_number_too_long"}
    sap.set(long_invoice_numbers="shorten")
    assert sap.sync().ok
    short = sorted(number for number in sap.bills() if number.startswith("J"))
    assert len(short) == 2
    assert all(len(number) <= 21 for number in short)
    assert [number[-2:] for number in short] == ["-1", "-2"]


@SPLIT
def test_parts_of_an_invoice_without_a_number_go_under_saps(sap: SapWorld) -> None:
    sap.add_vendor()
    entry = sap.add_invoice("", "20.00", parts=HALVES)
    assert sap.sync().ok
    own = sap.invoice(entry)["DocNum"]
    assert amounts(sap) == {f"{own}-1": money(10), f"{own}-2": money(10)}


@SPLIT
def test_a_part_and_an_invoice_of_the_same_number_do_not_both_go(sap: SapWorld) -> None:
    sap.add_vendor()
    sap.add_invoice("INV-1", "20.00", parts=HALVES)
    sap.add_invoice("INV-1-2", "30.00")
    result = sap.sync()
    assert amounts(sap) == {"INV-1-1": money(10), "INV-1-2": money(10)}
    assert [(each["document"], each["reason"]) for each in result.held] == [("INV-1-2", "duplicate_document")]


@SPLIT
def test_instalments_that_do_not_add_up_are_held_as_one(sap: SapWorld) -> None:
    sap.add_vendor()
    entry = sap.add_invoice("INV-1", "20.00", parts=HALVES)
    sap.invoice(entry)["DocumentInstallments"][0]["Total"] = Decimal("9.99")
    result = sap.sync()
    assert [(each["document"], each["reason"]) for each in result.held] == [("INV-1", "amount_mismatch")]
    assert not sap.bills()
    rows: list[dict[str, Any]] = sap.invoice(entry)["DocumentInstallments"]
    rows[0]["Total"] = Decimal("10.00")
    sap.sap.do_edit_invoice(entry, Comments="Mended")
    assert sap.sync().ok
    assert amounts(sap) == {"INV-1-1": money(10), "INV-1-2": money(10)}
