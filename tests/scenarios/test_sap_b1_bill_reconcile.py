"""SAP Business One against BILL: equal after everything, every drift to the cent, and how people and BILL push on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from rest_framework.authtoken.models import Token
from rest_framework.test import APIClient

from integrations.models import Connection, Delivery, Flow, Mapping, Membership, State, WebhookEvent
from integrations.reconcile import Kind, reconcile
from tests.builders import manage_json, money, own_database_url, today
from tests.sap_world import SapWorld, sap_world

pytestmark = pytest.mark.django_db(transaction=True)

EVERY_COMPANY = pytest.mark.parametrize(
    "world",
    [
        {"version": 1},
        {"version": 2},
        {"version": 1, "sap_options": {"schema": "9.3"}},
        {"version": 2, "sap_options": {"bump": True}},
    ],
    indirect=True,
    ids=["v1", "v2", "9.3", "bump"],
)


@pytest.fixture
def world(transactional_db: None, request: pytest.FixtureRequest) -> Iterator[SapWorld]:
    """One vendor with two invoices over 100.00 and 250.50, synced: both sides are equal."""
    with sap_world(**getattr(request, "param", {})) as made:
        made.add_vendor()
        made.add_invoice("INV-1", "100.00")
        made.add_invoice("INV-2", "250.50")
        assert made.sync().ok
        yield made


def compare(world: SapWorld) -> Any:
    world.integration.refresh_from_db()
    return reconcile(world.integration, clock=world.clock)


def equal(world: SapWorld, owed: str) -> None:
    """Both sides want to pay exactly so much."""
    before = world.writes()
    result = compare(world)
    assert result.ok, result.differences
    assert result.source_total == result.target_total == Decimal(owed)
    assert world.writes()[1] == before[1]


def only(result: Any, kind: Kind) -> Any:
    assert kinds(result) == [kind], result.differences
    return result.differences[0]


def kinds(result: Any) -> list[str]:
    return sorted(each.kind for each in result.differences)


def amounts(difference: Any) -> tuple[str, str, str]:
    return difference.source, difference.target, difference.difference


def adds_up(result: Any) -> None:
    """What the bills differ by is what the totals differ by."""
    payments = {each for each in Kind if "payment" in each.value} | {Kind.VOIDED_AFTER_POSTING}
    apart = [each.difference for each in result.differences if each.kind not in payments]
    assert sum(map(Decimal, filter(None, apart)), Decimal(0)) == result.source_total - result.target_total


def key_of(world: SapWorld, number: str) -> int:
    rows = world.sap.ledger.sets()["PurchaseInvoices"].rows.values()
    (key,) = [row["DocEntry"] for row in rows if row["NumAtCard"] == number and row["CancelStatus"] == "csNo"]
    return int(key)


def pay(world: SapWorld, number: str, amount: str) -> str:
    part = {"billId": world.bills()[number]["id"], "amount": amount}
    return str(world.bill.do_pay([part], disbursementType="ACH")["id"])


def our_payment(world: SapWorld) -> int:
    (only_one,) = world.payments()
    return int(only_one["DocEntry"])


# --- equal -------------------------------------------------------------------------------------------


@EVERY_COMPANY
def test_equal_after_payments_of_every_kind(world: SapWorld) -> None:
    equal(world, "350.50")
    pay(world, "INV-2", "100.25")
    assert world.sync().ok
    equal(world, "250.25")
    both = world.pay("INV-1", "INV-2")
    assert world.sync().ok
    equal(world, "0.00")
    world.bill.do_void_payment(both)
    assert world.sync(full=True).ok
    equal(world, "250.25")
    world.pay("INV-1", "INV-2")
    assert world.sync(full=True).ok
    equal(world, "0.00")
    assert compare(world).compared["payments"] == 2


@EVERY_COMPANY
def test_equal_after_what_people_did_in_sap(world: SapWorld) -> None:
    world.sap.do_pay_invoice(key_of(world, "INV-2"), "50.25")
    assert world.sync(full=True).ok
    equal(world, "300.25")
    world.sap.do_block_invoice(key_of(world, "INV-1"))
    assert world.sync(full=True).ok
    equal(world, "200.25")
    world.sap.do_credit_invoice(key_of(world, "INV-2"))
    assert world.sync(full=True).ok
    equal(world, "0.00")


@pytest.mark.parametrize("split", [False, True])
@pytest.mark.parametrize("schema", ["9.3", "10.0"])
def test_equal_with_instalments(transactional_db: None, schema: str, split: bool) -> None:
    with sap_world(sap_options={"schema": schema}, settings={"split_instalments": split}) as world:
        world.add_vendor()
        world.add_invoice("PARTS", "100.00", parts=3)
        assert world.sync().ok
        equal(world, "100.00")
        pay(world, "PARTS-1" if split else "PARTS", "33.00")
        assert world.sync(full=True).ok
        equal(world, "67.00")
        world.pay(*(["PARTS-2", "PARTS-3"] if split else ["PARTS"]))
        assert world.sync(full=True).ok
        equal(world, "0.33" if split else "0.00")


def test_equal_in_a_foreign_currency(transactional_db: None) -> None:
    with sap_world() as world:
        day = today() - timedelta(days=3)
        world.sap.do_set_rate("EUR", "1.1234", day, today())
        world.add_vendor("VEUR", "Rocca Utensili", currency="EUR")
        key = world.add_invoice("EUR-1", "200.01", "VEUR", date=day)
        assert world.sync().ok
        assert compare(world).ok
        world.sap.do_set_rate("EUR", "1.3", today() - timedelta(days=1), today() + timedelta(days=1))
        pay(world, "EUR-1", "66.67")
        assert world.sync(full=True).ok
        assert compare(world).ok
        world.sap.do_pay_invoice(key, "0.03")
        assert amounts(only(compare(world), Kind.AMOUNT)) == ("133.31", "133.34", "-0.03")


def test_a_scheduled_payment_is_no_difference(world: SapWorld) -> None:
    world.bill.do_schedule([{"billId": world.bills()["INV-1"]["id"]}], disbursementType="ACH")
    equal(world, "350.50")


# --- bills that drifted --------------------------------------------------------------------------------


@EVERY_COMPANY
def test_part_paid_in_sap(world: SapWorld) -> None:
    world.sap.do_pay_invoice(key_of(world, "INV-1"), "0.01")
    difference = only(compare(world), Kind.AMOUNT)
    assert amounts(difference) == ("99.99", "100.00", "-0.01")
    assert (difference.document, difference.key) == ("INV-1", str(key_of(world, "INV-1")))


@pytest.mark.parametrize("deed", ["pay_invoice", "credit_invoice", "reconcile_invoice", "cancel_invoice"])
def test_nothing_owed_in_sap_any_more(world: SapWorld, deed: str) -> None:
    getattr(world.sap, f"do_{deed}")(key_of(world, "INV-1"))
    result = compare(world)
    assert amounts(only(result, Kind.MISSING_IN_SOURCE)) == ("0.00", "100.00", "-100.00")
    adds_up(result)
    assert world.sync(full=True).ok
    equal(world, "250.50")


def test_blocked_in_sap(world: SapWorld) -> None:
    world.sap.do_block_invoice(key_of(world, "INV-1"))
    difference = only(compare(world), Kind.ON_HOLD)
    assert amounts(difference) == ("0.00", "100.00", "-100.00")
    assert "blocked for payment" in difference.message


def test_part_credited_in_sap(world: SapWorld) -> None:
    world.sap.do_credit_invoice(key_of(world, "INV-1"), "25.50")
    assert amounts(only(compare(world), Kind.AMOUNT)) == ("74.50", "100.00", "-25.50")


def test_edited_and_archived_in_bill(world: SapWorld) -> None:
    row = world.bills()["INV-1"]
    world.bill.do_edit_bill(row["id"], {"billLineItems": [{"id": row["billLineItems"][0]["id"], "amount": 120.5}]})
    world.bill.do_archive(world.bills()["INV-2"]["id"])
    result = compare(world)
    assert kinds(result) == [Kind.AMOUNT, Kind.ARCHIVED]
    adds_up(result)


def test_not_sent_yet_and_held(world: SapWorld) -> None:
    world.add_invoice("NEW", "12.34")
    difference = only(compare(world), Kind.MISSING_IN_TARGET)
    assert amounts(difference) == ("12.34", "0.00", "12.34")
    assert "next sync" in difference.message
    Mapping.objects.filter(table="accounts", source=world.sap.ledger.account("6010-01")).delete()
    world.sync()
    difference = only(compare(world), Kind.MISSING_IN_TARGET)
    assert "account_unmapped" in difference.message


# --- payments that drifted -----------------------------------------------------------------------------


@EVERY_COMPANY
def test_a_payment_that_sap_does_not_know_yet(world: SapWorld) -> None:
    payment = pay(world, "INV-1", "30.30")
    result = compare(world)
    assert kinds(result) == [Kind.AMOUNT, Kind.PAYMENT_MISSING]
    missing = next(each for each in result.differences if each.kind == Kind.PAYMENT_MISSING)
    assert (missing.key, missing.document) == (payment, "INV-1")
    assert amounts(missing) == ("0.00", "30.30", "-30.30")
    amount = next(each for each in result.differences if each.kind == Kind.AMOUNT)
    assert amounts(amount) == ("100.00", "69.70", "30.30")
    assert payment in amount.message
    adds_up(result)


def test_a_payment_that_awaits_approval(world: SapWorld) -> None:
    world.sap.do_set_option(approval=True)
    world.pay("INV-1")
    world.sync()
    result = compare(world)
    assert kinds(result) == [Kind.AMOUNT, Kind.PAYMENT_MISSING]
    missing = next(each for each in result.differences if each.kind == Kind.PAYMENT_MISSING)
    assert "awaiting_approval" in missing.message
    adds_up(result)
    (draft,) = world.drafts()
    world.sap.do_approve_payment(draft["DocEntry"])
    equal(world, "250.50")


def test_a_payment_that_a_person_cancelled_in_sap(world: SapWorld) -> None:
    payment = world.pay("INV-1")
    assert world.sync().ok
    world.sap.do_cancel_payment(our_payment(world))
    result = compare(world)
    assert kinds(result) == [Kind.AMOUNT, Kind.PAYMENT_MISSING]
    missing = next(each for each in result.differences if each.kind == Kind.PAYMENT_MISSING)
    assert missing.key == payment
    assert "no longer there" in missing.message
    adds_up(result)


def test_a_payment_voided_in_bill_until_it_is_cancelled(world: SapWorld) -> None:
    payment = world.pay("INV-1")
    assert world.sync().ok
    entry = our_payment(world)
    world.bill.do_void_payment(payment)
    result = compare(world)
    assert kinds(result) == [Kind.MISSING_IN_SOURCE, Kind.VOIDED_AFTER_POSTING]
    voided = next(each for each in result.differences if each.kind == Kind.VOIDED_AFTER_POSTING)
    assert amounts(voided) == ("100.00", "0.00", "100.00")
    assert f"posted in SAP Business One as {entry}" in voided.message
    adds_up(result)
    assert world.sync().ok
    equal(world, "350.50")


def test_a_payment_recorded_outside_explains_the_difference(world: SapWorld) -> None:
    world.bill.do_record_outside([{"billId": world.bills()["INV-1"]["id"]}])
    difference = only(compare(world), Kind.AMOUNT)
    assert "outside" in difference.message
    world.set(record_outside_payments=True)
    assert kinds(compare(world)) == [Kind.AMOUNT, Kind.PAYMENT_MISSING]
    assert world.sync(full=True).ok
    equal(world, "250.50")


def test_a_payment_whose_amounts_differ_by_invoice(world: SapWorld) -> None:
    world.pay("INV-1", "INV-2")
    assert world.sync().ok
    first, second = world.payments()[0]["PaymentInvoices"]
    first["SumApplied"] -= Decimal("0.01")
    second["SumApplied"] += Decimal("0.01")
    difference = only(compare(world), Kind.PAYMENT_AMOUNT)
    assert "99.99 in SAP Business One, 100.00 in BILL" in difference.message
    assert "250.51 in SAP Business One, 250.50 in BILL" in difference.message


# --- the command ---------------------------------------------------------------------------------------


def run(command: str, *arguments: str) -> tuple[int, str]:
    out = StringIO()
    try:
        call_command(command, *arguments, stdout=out)
    except SystemExit as done:
        return int(done.code or 0), out.getvalue()
    return 0, out.getvalue()


def test_the_command_tells_equal_sides(world: SapWorld) -> None:
    code, result = manage_json(own_database_url(), "reconcile", "acme/ap")
    assert (code, result["ok"], result["differences"]) == (0, True, [])
    assert result["totals"] == {
        "currency": "USD",
        "source": "350.50",
        "target": "350.50",
        "difference": "0.00",
        "in_transit": "0.00",
    }
    assert (result["compared"]["bills"], result["compared"]["vendors"]) == (2, 1)


def test_the_command_tells_every_drift_to_the_cent(world: SapWorld) -> None:
    paid = world.pay("INV-1")
    world.sap.do_pay_invoice(key_of(world, "INV-2"), "0.49")
    code, text = run("reconcile", "acme/ap", "--json")
    data = json.loads(text)
    assert (code, data["ok"]) == (1, False)
    shown = {(each["kind"], each["document"], each["difference"]) for each in data["differences"]}
    assert shown == {
        ("payment_missing", "INV-1", "-100.00"),
        ("amount", "INV-1", "100.00"),
        ("amount", "INV-2", "-0.49"),
    }
    assert data["totals"]["difference"] == "99.51"
    assert {each["key"] for each in data["differences"] if each["kind"] == "payment_missing"} == {paid}
    fields = {"kind", "document", "key", "source", "target", "difference", "message"}
    assert all(fields <= set(each) for each in data["differences"])
    assert set(data["requests"]) == {"sap_b1", "bill"}


def test_an_unreachable_system_is_exit_3(world: SapWorld) -> None:
    Connection.objects.filter(name="books").update(base_url="http://127.0.0.1:9/b1s/v1")
    code, text = run("reconcile", "acme/ap", "--json")
    assert code == 3
    assert json.loads(text)["error"]["connection"] == "books"


# --- replay ----------------------------------------------------------------------------------------------


@pytest.fixture
def rejected(world: SapWorld) -> SapWorld:
    """INV-1's payment was refused by its approver in SAP."""
    world.sap.do_set_option(approval=True)
    world.pay("INV-1")
    world.sync()
    (draft,) = world.drafts()
    world.sap.do_reject_payment(draft["DocEntry"])
    assert [each["reason"] for each in world.sync().held] == ["rejected_by_target"]
    return world


def test_a_sweeping_replay_sends_no_rejected_payment(rejected: SapWorld) -> None:
    code, text = run("replay", "acme/ap", "--all-held", "--json")
    assert (code, json.loads(text)["replayed"]) == (1, 1)
    assert rejected.sap.counts["POST VendorPayments"] == 1


def test_a_replay_of_the_record_sends_it_once(rejected: SapWorld) -> None:
    key = rejected.deliveries("payments")[0].key
    code, text = run("replay", "acme/ap", "--document", key, "--json")
    assert (code, json.loads(text)["replayed"]) == (1, 1)
    assert [each["reason"] for each in json.loads(text)["held"]] == ["awaiting_approval"]
    run("replay", "acme/ap", "--document", key, "--json")
    assert rejected.sap.counts["POST VendorPayments"] == 2
    rejected.sap.do_approve_payment(max(row["DocEntry"] for row in rejected.drafts()))
    assert rejected.sync().ok
    equal(rejected, "250.50")


def test_a_failed_payment_is_replayed(world: SapWorld) -> None:
    theirs = world.sap.do_pay_invoice(key_of(world, "INV-1"), "60.00")["DocEntry"]
    world.pay("INV-1")
    assert world.sync().failed
    world.sap.do_cancel_payment(theirs)
    text = run("replay", "acme/ap", "--all-failed", "--json")[1]
    assert (json.loads(text)["replayed"], json.loads(text)["failed"]) == (1, [])
    assert money(world.payments()[0]["TransferSum"]) == Decimal("100.00")
    assert world.sync(full=True).ok  # reads that the invoice is no longer paid by somebody else
    equal(world, "250.50")


# --- the API -----------------------------------------------------------------------------------------------


@pytest.fixture
def api(world: SapWorld) -> APIClient:
    user = User.objects.create_user("fiona", password="a-long-password")
    user.groups.add(Group.objects.get(name="finance_manager"))
    Membership.objects.create(user=user, tenant=world.integration.tenant)
    return APIClient(HTTP_AUTHORIZATION=f"Token {Token.objects.create(user=user)}")


def test_the_api_shows_a_held_payment_and_replays_it(api: APIClient, rejected: SapWorld) -> None:
    (row,) = api.get("/api/attention/").json()["results"]
    assert (row["flow"], row["document"], row["amount"], row["reason"]) == (
        "payments",
        "INV-1",
        "100.00",
        "rejected_by_target",
    )
    answer = api.post("/api/integrations/acme/ap/replay/", {"document": "INV-1"})
    assert (answer.status_code, answer.json()) == (202, {"replayed": 1})
    rejected.work()
    assert rejected.sap.counts["POST VendorPayments"] == 2
    (row,) = api.get("/api/attention/").json()["results"]
    assert row["reason"] == "awaiting_approval"


def test_the_api_starts_a_sync(api: APIClient, world: SapWorld) -> None:
    world.pay("INV-1")
    answer = api.post("/api/integrations/acme/ap/sync/", {})
    assert answer.json() == {"flows": ["accounts", "departments", "vendors", "bills", "payments"]}
    world.work()
    assert our_payment(world)
    runs = api.get("/api/runs/", {"flow": "payments"}).json()["results"]
    assert runs[0]["counts"]["created"] == 1


# --- webhooks ------------------------------------------------------------------------------------------------


def test_a_webhook_drives_the_payment(world: SapWorld, live_server: Any, settings: Any) -> None:
    settings.PUBLIC_URL = live_server.url
    code, text = run("webhooks", "acme/ap", "register", "--json")
    assert (code, json.loads(text)["events"]) == (0, ["payment.updated"])
    Flow.objects.update(rung_at=None)
    key = world.bill.do_schedule([{"billId": world.bills()["INV-1"]["id"]}], disbursementType="ACH")["id"]
    for _ in range(3):
        world.bill.do_advance_payment(key)
    assert world.bill.do_flush_events() == {"pending": 0}
    assert set(WebhookEvent.objects.filter(entity_id=key).values_list("type", flat=True)) == {"payment.updated"}
    assert [flow.name for flow in Flow.objects.filter(rung_at__isnull=False)] == ["payments"]

    world.work()

    assert world.sap.counts["POST VendorPayments"] == 1
    assert Delivery.objects.get(flow__name="payments").state == State.DELIVERED
    world.bill.do_void_payment(key)
    assert world.bill.do_flush_events() == {"pending": 0}
    world.work()
    assert not world.payments()
    assert world.sync(full=True).ok
    equal(world, "350.50")


def test_an_events_copies_and_forgeries_pay_nothing_twice(world: SapWorld, live_server: Any, settings: Any) -> None:
    settings.PUBLIC_URL = live_server.url
    assert run("webhooks", "acme/ap", "register")[0] == 0
    world.bill.do_webhooks(duplicate=True)
    key = world.pay("INV-1")
    world.bill.do_send_event("payment.updated", key, copies=3)
    world.bill.do_send_event("payment.updated", key, forge=True)
    world.bill.do_flush_events()
    world.work()
    assert world.sap.counts["POST VendorPayments"] == 1
    assert money(world.payments()[0]["TransferSum"]) == Decimal("100.00")
