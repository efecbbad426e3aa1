"""From an A/P invoice of SAP Business One to a bill: scope, amounts, currencies, numbers, accounts, departments."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from integrations.engine.actions import mapping_changed
from integrations.engine.preview import preview
from integrations.models import Mapping, State
from tests.builders import money, today
from tests.sap_world import CHARGES, SapWorld

SUPPLIES, WEST, FEES = "601001", "601002", "602001"
MAPPED = pytest.mark.parametrize("sap", [{"charges": CHARGES}], indirect=True)


def amount(sap: SapWorld, number: str) -> Decimal:
    return money(sap.bills()[number]["amount"])


def total(sap: SapWorld, entry: int) -> Decimal:
    """What SAP asks for, in the document's own currency."""
    row = sap.invoice(entry)
    foreign = row["DocTotalFc"] != 0
    return money(row["DocTotalFc"] - row["PaidToDateFC"] if foreign else row["DocTotal"] - row["PaidToDate"])


# --- what goes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("sap", [{"version": 1}, {"version": 2}], indirect=True)
def test_carries_number_dates_texts_accounts_and_departments(sap: SapWorld) -> None:
    sap.add_vendor()
    coded = [
        {"amount": "980.00", "account": "5010-01", "rule": "OPS", "description": "Lumber"},
        {"amount": "270.00", "account": "6010-02", "description": "Saw rental"},
    ]
    sap.add_invoice("INV 7/#1'A", lines=coded, date=-3, document_date=-9, due=21, Comments="Site 14", items=True)
    assert sap.sync().ok
    bill = sap.bills()["INV 7/#1'A"]
    days = sap.sap.ledger.today()
    assert bill["invoice"]["invoiceDate"] == str(days - timedelta(days=9)), "the vendor's date, not the posting date"
    assert bill["dueDate"] == str(days + timedelta(days=21))
    assert [line["description"] for line in bill["billLineItems"]] == ["Lumber", "Saw rental"]
    assert sap.coded("INV 7/#1'A") == [("501001", "OPS", money(980)), ("601002", "", money(270))]


@pytest.mark.parametrize("sap", [{"start_date": today() - timedelta(days=10)}], indirect=True)
def test_open_unblocked_invoices_posted_since_the_start_date(sap: SapWorld) -> None:
    sap.add_vendor()
    start = sap.integration.start_date
    day_before = start - timedelta(days=1)
    sap.add_invoice("GOOD", date=start, document_date=start - timedelta(days=40))
    sap.add_invoice("TOO-OLD", date=day_before, document_date=start)
    sap.add_invoice("BLOCKED", blocked=True)
    sap.add_invoice("PENDING", AuthorizationStatus="dasPending")
    sap.add_invoice("GENERATED", AuthorizationStatus="dasGenerated")
    sap.sap.do_cancel_invoice(sap.add_invoice("CANCELLED"))
    sap.sap.do_credit_invoice(sap.add_invoice("CREDITED"))
    sap.sap.do_reconcile_invoice(sap.add_invoice("RECONCILED"))
    sap.sap.do_pay_invoice(sap.add_invoice("PAID"))
    sap.sap.do_add_draft("V100", "DRAFT", "10.00")
    assert sap.sync().ok
    assert set(sap.bills()) == {"GOOD", "GENERATED"}
    assert sap.sync(full=True).ok
    assert set(sap.bills()) == {"GOOD", "GENERATED"}


def test_a_draft_goes_once_it_is_approved(sap: SapWorld) -> None:
    sap.add_vendor()
    draft = sap.sap.do_add_draft("V100", "INV-1", "10.00")["DocEntry"]
    assert sap.sync().ok
    assert not sap.bills()
    sap.sap.do_approve_draft(draft)
    assert sap.sync().ok
    assert set(sap.bills()) == {"INV-1"}


# --- amounts beside the lines ------------------------------------------------------------------------


def test_tax_goes_with_its_line(sap: SapWorld) -> None:
    sap.add_vendor()
    coded = [
        {"amount": "100.00", "account": "6010-01", "tax_rate": "8.25"},
        {"amount": "33.33", "account": "6020-01", "tax_rate": "19"},
        {"amount": "10.00", "account": "6030-01"},
    ]
    entry = sap.add_invoice("INV-1", lines=coded)
    assert sap.sync().ok
    assert sap.coded("INV-1") == [
        (SUPPLIES, "", Decimal("108.25")),
        (FEES, "", Decimal("39.66")),
        ("603001", "", Decimal("10.00")),
    ]
    assert amount(sap, "INV-1") == total(sap, entry)


BESIDE: list[tuple[str, dict[str, Any], str]] = [
    ("freight", {"freight": "85.00"}, "85.00"),
    ("freight", {"freight": "100.00", "freight_tax_rate": "8.25"}, "108.25"),
    ("rounding", {"rounding": "-0.02"}, "-0.02"),
    ("discount", {"discount": "2.5"}, "-31.25"),
    ("withholding", {"withholding": "125.00"}, "-125.00"),
    ("down_payment", {"down_payment": "400.00"}, "-400.00"),
]
LINES = [
    {"amount": "270.00", "account": "6010-02", "rule": "SALES"},
    {"amount": "980.00", "account": "6010-01", "rule": "OPS"},
]


@MAPPED
@pytest.mark.parametrize(("charge", "facts", "expected"), BESIDE)
def test_what_stands_beside_the_lines_goes_to_its_account(
    sap: SapWorld, charge: str, facts: dict[str, Any], expected: str
) -> None:
    sap.add_vendor()
    entry = sap.add_invoice("INV-1", lines=LINES, **facts)
    assert sap.sync().ok
    assert sap.coded("INV-1") == [
        (WEST, "SALES", money(270)),
        (SUPPLIES, "OPS", money(980)),
        (charge, "", money(expected)),
    ]
    assert amount(sap, "INV-1") == total(sap, entry) == money(1250) + money(expected)


@pytest.mark.parametrize(("charge", "facts", "expected"), BESIDE)
def test_unmapped_it_goes_where_the_largest_line_goes(
    sap: SapWorld, charge: str, facts: dict[str, Any], expected: str
) -> None:
    sap.add_vendor()
    entry = sap.add_invoice("INV-1", lines=LINES, **facts)
    assert sap.sync().ok
    assert sap.coded("INV-1")[2:] == [(SUPPLIES, "OPS", money(expected))]
    assert amount(sap, "INV-1") == total(sap, entry)


@pytest.mark.parametrize("sap", [{"settings": {"unmapped_amounts": "hold"}}], indirect=True)
def test_unmapped_it_is_held_where_the_setting_says_so_and_released_by_a_mapping(sap: SapWorld) -> None:
    sap.add_vendor()
    sap.add_invoice("INV-1", lines=LINES, freight="85.00", rounding="0.01")
    sap.sync()
    reason, message = sap.held("INV-1")
    assert reason == "account_unmapped"
    assert "freight" in message
    assert "rounding" in message
    for name in ("freight", "rounding"):
        sap.map("amounts", name, "503001")
    mapping_changed(sap.integration, actor="kim")
    sap.work()
    assert sap.coded("INV-1")[2:] == [("503001", "", money(85)), ("503001", "", money("0.01"))]


@MAPPED
def test_everything_at_once_still_adds_up(sap: SapWorld) -> None:
    sap.add_vendor(currency="EUR")
    sap.sap.do_set_rate("EUR", "1.0937", date=-5, until=0)
    coded = [{"amount": "33.33", "tax_rate": "8.25"}, {"amount": "66.67", "tax_rate": "19", "account": "6020-01"}]
    facts = {"discount": "3", "freight": "12.34", "freight_tax_rate": "19", "rounding": "0.03"}
    entry = sap.add_invoice("INV-1", lines=coded, withholding="5.55", down_payment="10.01", date=-5, **facts)
    assert sap.sync().ok
    assert amount(sap, "INV-1") == total(sap, entry)
    names = [name for name, _, _ in sap.coded("INV-1")]
    assert names[:2] == [SUPPLIES, FEES]
    assert set(names[2:]) == {"freight", "discount", "rounding", "withholding", "down_payment"}


def test_a_document_that_does_not_add_up_is_held(sap: SapWorld) -> None:
    sap.add_vendor()
    entry = sap.add_invoice("INV-1", lines=LINES)
    sap.invoice(entry)["DocTotal"] = Decimal("1249.99")
    sap.invoice(entry)["DocumentInstallments"][0]["Total"] = Decimal("1249.99")
    sap.sync()
    reason, message = sap.held("INV-1")
    assert reason == "amount_mismatch"
    assert "1249.99" in message
    assert not sap.bills()


def test_withholding_that_is_taken_off_when_paying_is_not_paid_to_the_vendor(sap: SapWorld) -> None:
    """DocTotal still holds it, the instalment does not: the vendor's own share cannot be told from the document."""
    sap.add_vendor()
    sap.add_invoice("INV-1", "1000.00", withholding="100.00", withholding_category="P")
    sap.sync()
    reason, message = sap.held("INV-1")
    assert reason == "amount_mismatch"
    assert "900.00" in message


# --- what is paid already ----------------------------------------------------------------------------

SCHEMAS = pytest.mark.parametrize(
    "sap", [{"charges": ("paid",), "sap_options": {"schema": schema}} for schema in ("9.3", "10.0")], indirect=True
)


@SCHEMAS
def test_part_paid_asks_for_the_rest(sap: SapWorld) -> None:
    sap.add_vendor()
    entry = sap.add_invoice("INV-1", "940.50")
    sap.sap.do_pay_invoice(entry, "300.00")
    sap.sap.do_pay_invoice(entry, "200.00")
    assert sap.sync().ok
    assert sap.coded("INV-1") == [(SUPPLIES, "", money("940.50")), ("paid", "", money("-500.00"))]
    assert money(sap.bills()["INV-1"]["dueAmount"]) == money("440.50")


@SCHEMAS
def test_a_cancelled_payment_paid_nothing(sap: SapWorld) -> None:
    sap.add_vendor()
    payment = sap.sap.do_pay_invoice(sap.add_invoice("INV-1", "940.50"), "300.00")
    sap.sap.do_cancel_payment(payment["DocEntry"])
    assert sap.sync().ok
    assert sap.coded("INV-1") == [(SUPPLIES, "", money("940.50"))]


def test_part_credited_asks_for_the_rest(sap: SapWorld) -> None:
    sap.add_vendor()
    sap.sap.do_credit_invoice(sap.add_invoice("INV-1", "100.00"), "30.00")
    assert sap.sync().ok
    assert amount(sap, "INV-1") == money(70)


@pytest.mark.parametrize("sap", [{"sap_options": {"schema": "9.3"}}], indirect=True)
def test_without_paid_to_date_and_with_payments_above_the_total_it_is_held(sap: SapWorld) -> None:
    sap.add_vendor()
    entry = sap.add_invoice("INV-1", "100.00")
    sap.sap.do_pay_invoice(entry, "60.00")
    (payment,) = sap.payments()
    payment["PaymentInvoices"][0]["SumApplied"] = Decimal("160.00")
    sap.sync()
    reason, message = sap.held("INV-1")
    assert reason == "amount_mismatch"
    assert "160.00" in message


# --- currencies --------------------------------------------------------------------------------------


def test_a_foreign_invoice_goes_in_its_vendors_currency(sap: SapWorld) -> None:
    sap.sap.do_set_rate("EUR", "1.0925", date=-5, until=0)
    sap.add_vendor(currency="EUR")
    entry = sap.add_invoice("INV-1", lines=[{"amount": "6400.00", "tax_rate": "22", "account": "5010-01"}], date=-5)
    assert sap.sync().ok
    assert amount(sap, "INV-1") == total(sap, entry) == money(7808)
    assert sap.coded("INV-1") == [("501001", "", money(7808))]
    assert [row["billCurrency"] for row in sap.vendors().values()] == ["EUR"]


@MAPPED
def test_what_is_paid_of_a_foreign_invoice_counts_in_its_currency(sap: SapWorld) -> None:
    sap.sap.do_set_rate("EUR", "1.0925", date=-5, until=0)
    sap.add_vendor(currency="EUR")
    entry = sap.add_invoice("INV-1", "1000.00", date=-5)
    sap.sap.do_pay_invoice(entry, "333.33")
    assert sap.sync().ok
    assert sap.coded("INV-1") == [(SUPPLIES, "", money(1000)), ("paid", "", money("-333.33"))]
    assert amount(sap, "INV-1") == total(sap, entry) == money("666.67")


def test_a_code_of_saps_own_becomes_the_international_one(sap: SapWorld) -> None:
    sap.sap.do_set_rate("C$", "0.74", date=-1, until=0)
    sap.add_vendor("CAN", "Maple Freight", currency="C$")
    sap.add_vendor("USA", "Mill Freight", currency="$")
    sap.add_vendor("ANY", "Global Freight", currency="##")
    for number, vendor in (("C-1", "CAN"), ("U-1", "USA"), ("A-1", "ANY")):
        sap.add_invoice(number, vendor=vendor)
    assert sap.sync().ok
    assert {name: row["billCurrency"] for name, row in sap.vendors().items()} == {
        "Maple Freight": "CAD",
        "Mill Freight": "USD",
        "Global Freight": "USD",
    }
    assert set(sap.bills()) == {"C-1", "U-1", "A-1"}


@pytest.mark.parametrize(("kept", "invoiced"), [("##", "EUR"), ("EUR", "$")])
def test_an_invoice_in_another_currency_than_its_vendor_is_held(sap: SapWorld, kept: str, invoiced: str) -> None:
    sap.sap.do_set_rate("EUR", "1.0925")
    sap.add_vendor(currency=kept)
    sap.add_invoice("GOOD", "10.00", currency={"##": "$", "EUR": "EUR"}[kept])
    sap.add_invoice("OTHER", "10.00", currency=invoiced)
    _, would = preview(sap.integration, clock=sap.clock)
    assert {row["document"]: row["action"] for row in would if row["flow"] == "bills"} == {
        "GOOD": "create",
        "OTHER": "hold",
    }
    result = sap.sync()
    assert set(sap.bills()) == {"GOOD"}
    assert [(each["document"], each["reason"]) for each in result.held] == [("OTHER", "currency_unsupported")]
    message = sap.held("OTHER")[1]
    assert "EUR" in message
    assert "USD" in message


# --- numbers -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", ["", "   "])
def test_without_the_vendors_number_it_goes_under_saps(sap: SapWorld, number: str) -> None:
    sap.add_vendor()
    entry = sap.add_invoice(number)
    assert sap.sync().ok
    assert set(sap.bills()) == {str(sap.invoice(entry)["DocNum"])}
    sap.sap.do_edit_invoice(entry, NumAtCard="AA-7731")
    assert sap.sync().ok
    assert set(sap.bills()) == {"AA-7731"}
    sap.quiet()


@pytest.mark.parametrize("sap", [{"settings": {"missing_invoice_number": "hold"}}], indirect=True)
def test_without_the_vendors_number_it_waits_for_one_where_the_setting_says_so(sap: SapWorld) -> None:
    sap.add_vendor()
    entry = sap.add_invoice("")
    result = sap.sync()
    assert [each["document"] for each in result.held] == [str(sap.invoice(entry)["DocNum"])]
    assert not sap.bills()
    sap.sap.do_edit_invoice(entry, NumAtCard="AA-7731")
    assert sap.sync().ok
    assert set(sap.bills()) == {"AA-7731"}


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("second", ["745.00", "720.00"])
def test_the_same_number_twice_goes_once(sap: SapWorld, together: bool, second: str) -> None:
    sap.add_vendor()
    sap.add_vendor("V200", "Somebody Else Inc")
    sap.add_invoice("SE-5531", "720.00")
    sap.add_invoice("SE-5531", "99.00", vendor="V200")
    if not together:
        assert sap.sync().ok
    twin = sap.add_invoice("SE-5531", second)

    result = sap.sync()

    assert [(each["key"], each["reason"]) for each in result.held] == [(str(twin), "duplicate_document")]
    rows = sap.bill.bills.rows.values()
    assert sorted(money(row["amount"]) for row in rows) == [money(99), money(720)]
    sap.sap.do_cancel_invoice(twin)
    assert sap.sync().ok
    assert len(sap.bill.bills.rows) == 2


def test_the_twin_goes_once_it_has_a_number_of_its_own(sap: SapWorld) -> None:
    sap.add_vendor()
    sap.add_invoice("SE-5531", "720.00")
    twin = sap.add_invoice("SE-5531", "745.00")
    assert not sap.sync().ok
    sap.sap.do_edit_invoice(twin, NumAtCard="SE-5532")
    assert sap.sync().ok
    assert {number: money(row["amount"]) for number, row in sap.bills().items()} == {
        "SE-5531": money(720),
        "SE-5532": money(745),
    }


def test_a_number_of_21_characters_goes_and_one_more_is_held(sap: SapWorld) -> None:
    sap.add_vendor()
    sap.add_invoice("I" * 21)
    sap.add_invoice("J" * 22)
    sap.sync()
    assert set(sap.bills()) == {"I" * 21}
    reason, message = sap.held("J" * 22)
    assert reason == "document_number_too_long"
    assert "22" in message
    assert "21" in message


@pytest.mark.parametrize("sap", [{"settings": {"long_invoice_numbers": "shorten"}}], indirect=True)
def test_long_numbers_are_shortened_alike_every_time_and_stay_apart(sap: SapWorld) -> None:
    sap.add_vendor()
    for last in ("417", "418"):
        sap.add_invoice(f"LARKSPUR-RENEWAL-2026-000{last}")
    sap.add_invoice("SHORT")
    assert sap.sync().ok
    numbers = set(sap.bills())
    assert len(numbers) == 3
    assert "SHORT" in numbers
    assert all(len(number) <= 21 for number in numbers)
    assert all(number == "SHORT" or number.startswith("LARKSPUR") for number in numbers)
    sap.quiet()


def make_bill(sap: SapWorld, number: str, amount: str) -> str:
    vendor = sap.bill.do_create_vendor(name="Acme Building Supply")["id"]
    body: dict[str, Any] = {
        "vendorId": vendor,
        "dueDate": today().isoformat(),
        "invoice": {"invoiceNumber": number, "invoiceDate": today().isoformat()},
        "billLineItems": [
            {"amount": money(amount), "classifications": {"chartOfAccountId": sap.account("6010-01")}},
        ],
    }
    made: str = sap.bill.do_create_bill(**body)["id"]
    return made


def test_an_equal_bill_is_adopted(sap: SapWorld) -> None:
    there = make_bill(sap, "INV-1", "100.00")
    sap.add_vendor()
    entry = sap.add_invoice("INV-1")
    assert sap.sync().ok
    assert list(sap.bill.bills.rows) == [there]
    link = sap.link(str(entry))
    assert (link.target_id, link.adopted) == (there, True)


def test_a_bill_of_another_total_is_a_duplicate(sap: SapWorld) -> None:
    there = make_bill(sap, "INV-1", "99.99")
    sap.add_vendor()
    sap.add_invoice("INV-1")
    sap.sync()
    assert sap.held("INV-1")[0] == "duplicate_document"
    assert sap.latest("INV-1").candidates[0]["id"] == there
    sap.bill.do_archive(there)
    assert sap.sync().ok
    assert amount(sap, "INV-1") == money(100)


# --- accounts ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("sap", [{"unmapped": ["6020-01"]}], indirect=True)
@pytest.mark.parametrize("by", ["Code", "FormatCode"])
def test_an_unmapped_account_is_held_and_goes_by_itself_once_mapped(sap: SapWorld, by: str) -> None:
    sap.add_vendor()
    sap.add_invoice("INV-1", account="6020-01")
    sap.add_invoice("INV-2")
    result = sap.sync()
    assert set(sap.bills()) == {"INV-2"}
    assert [(each["document"], each["reason"]) for each in result.held] == [("INV-1", "account_unmapped")]
    assert FEES in sap.held("INV-1")[1], "people know the format code"
    assert "_SYS" not in sap.held("INV-1")[1]
    code = sap.sap.ledger.account("6020-01")
    sap.map("accounts", sap.sap.ledger.sets()["ChartOfAccounts"].rows[code][by], FEES)
    mapping_changed(sap.integration, actor="kim")
    sap.work()
    assert sap.coded("INV-1") == [(FEES, "", money(100))]


@pytest.mark.parametrize("sap", [{"unmapped": ["6020-01"]}], indirect=True)
def test_all_that_is_missing_is_told_at_once(sap: SapWorld) -> None:
    sap.add_vendor()
    sap.add_invoice("INV-1", account="6020-01", rule="SPLIT")
    sap.sync()
    reason, message = sap.held("INV-1")
    assert reason in ("account_unmapped", "dimension_unmapped")
    assert FEES in message
    assert "SPLIT" in message


def test_an_account_inactive_in_bill_is_held_until_it_is_active(sap: SapWorld) -> None:
    sap.add_vendor()
    sap.add_invoice("INV-1")
    assert sap.sync().ok
    sap.bill.do_archive(sap.account("6010-01"))
    sap.add_invoice("INV-2")
    sap.sync()
    assert sap.held("INV-2")[0] == "account_inactive"
    sap.bill.do_restore(sap.account("6010-01"))
    assert sap.sync().ok
    assert set(sap.bills()) == {"INV-1", "INV-2"}


# --- departments -------------------------------------------------------------------------------------


def test_an_unmapped_department_is_held_and_goes_by_itself_once_mapped(sap: SapWorld) -> None:
    sap.add_vendor()
    Mapping.objects.filter(table="departments", source="SALES").delete()
    sap.add_invoice("INV-1", rule="SALES")
    sap.add_invoice("INV-2", rule="OPS")
    sap.add_invoice("INV-3")
    result = sap.sync()
    assert {number: sap.coded(number)[0][1] for number in sap.bills()} == {"INV-2": "OPS", "INV-3": ""}
    assert [(each["document"], each["reason"]) for each in result.held] == [("INV-1", "dimension_unmapped")]
    assert "SALES" in sap.held("INV-1")[1]
    sap.map("departments", "SALES", "Department SALES")
    mapping_changed(sap.integration, actor="kim")
    sap.work()
    assert sap.coded("INV-1") == [(SUPPLIES, "SALES", money(100))]


def test_a_rule_over_several_cost_centres_needs_a_department_of_its_own(sap: SapWorld) -> None:
    sap.add_vendor()
    sap.add_invoice("INV-1", rule="SPLIT")
    sap.sync()
    reason, message = sap.held("INV-1")
    assert reason == "dimension_unmapped"
    assert "several cost centres" in message
    sap.map("departments", "SPLIT", "Department ADMIN")
    assert sap.sync().ok
    assert sap.coded("INV-1") == [(SUPPLIES, "ADMIN", money(100))]


def test_a_department_inactive_in_bill_is_held(sap: SapWorld) -> None:
    sap.add_vendor()
    sap.add_invoice("INV-1", rule="OPS")
    sap.bill.do_archive(sap.departments["OPS"])
    sap.sync()
    assert sap.held("INV-1")[0] == "dimension_unmapped"
    sap.bill.do_restore(sap.departments["OPS"])
    assert sap.sync().ok
    assert sap.coded("INV-1") == [(SUPPLIES, "OPS", money(100))]


def test_a_rule_that_is_no_longer_in_use_goes_where_it_is_mapped(sap: SapWorld) -> None:
    """Old invoices still name it."""
    sap.add_vendor()
    sap.add_invoice("INV-1", rule="OLD")
    sap.sync()
    assert sap.held("INV-1")[0] == "dimension_unmapped"
    sap.map("departments", "OLD", "Department OPS")
    assert sap.sync().ok
    assert sap.coded("INV-1") == [(SUPPLIES, "OPS", money(100))]


@pytest.mark.parametrize("sap", [{"settings": {"dimension": "2"}}], indirect=True)
def test_the_setting_chooses_the_dimension(sap: SapWorld) -> None:
    sap.add_vendor()
    Mapping.objects.filter(table="departments").delete()
    sap.map("departments", "WEST", "Department SALES")
    coded = [
        {"amount": "60.00", "rules": {1: "ADMIN", 2: "WEST"}},
        {"amount": "40.00", "rule": "ADMIN"},
    ]
    sap.add_invoice("INV-1", lines=coded)
    assert sap.sync().ok
    assert sap.coded("INV-1") == [(SUPPLIES, "SALES", money(60)), (SUPPLIES, "", money(40))]
    sap.add_invoice("INV-2", lines=[{"amount": "1.00", "rules": {2: "EAST"}}])
    sap.sync()
    reason, message = sap.held("INV-2")
    assert reason == "dimension_unmapped"
    assert "EAST" in message


def test_a_changed_dimension_offers_its_own_cost_objects(sap: SapWorld) -> None:
    sap.add_vendor()
    assert sap.sync().ok
    sap.set(dimension="2")
    sap.map("departments", "WEST", "Department SALES")
    sap.add_invoice("INV-1", lines=[{"amount": "60.00", "rules": {1: "ADMIN", 2: "WEST"}}])
    assert sap.sync().ok
    assert sap.coded("INV-1") == [(SUPPLIES, "SALES", money(60))]


# --- before it went ----------------------------------------------------------------------------------


def test_an_invoice_blocked_before_it_went_is_forgotten_until_it_is_released(sap: SapWorld) -> None:
    sap.add_vendor(street="")
    entry = sap.add_invoice("INV-1")
    sap.sync()
    assert sap.held("INV-1")[0] == "vendor_missing"
    sap.sap.do_block_invoice(entry)
    sap.sync()
    assert sap.latest("INV-1").state == State.SUPERSEDED
    add_address(sap)
    assert sap.sync().ok
    assert not sap.bills()
    sap.sap.do_unblock_invoice(entry)
    assert sap.sync().ok
    assert set(sap.bills()) == {"INV-1"}


def test_an_invoice_paid_without_a_stamp_before_it_went_is_seen_by_full(sap: SapWorld) -> None:
    sap.add_vendor(street="")
    entry = sap.add_invoice("INV-1", created=-10)
    sap.sync()
    sap.sap.do_pay_invoice(entry)
    sap.sync(full=True)
    assert sap.latest("INV-1").state == State.SUPERSEDED
    add_address(sap)
    assert sap.sync().ok
    assert not sap.bills()


def add_address(sap: SapWorld) -> None:
    place = {"Street": "12 Mill Rd", "City": "Dayton", "State": "OH", "ZipCode": "45402", "Country": "US"}
    named = {"AddressName": "Pay to", "AddressType": "bo_BillTo"}
    sap.sap.do_edit_vendor("V100", BPAddresses=[{**named, **place}], BilltoDefault="Pay to")
