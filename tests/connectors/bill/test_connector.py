"""The ports over real HTTP, on the sandbox."""

from __future__ import annotations

import threading
import uuid
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from connectors.bill import lists
from connectors.bill.connector import Bill
from connectors.budget import MemoryStore
from connectors.clock import SystemClock
from connectors.domain import (
    Address,
    BillDraft,
    DraftLine,
    PaymentMethod,
    PaymentStatus,
    VendorDraft,
    VendorStatus,
    Written,
)
from connectors.errors import ConfigurationError, CredentialsRefused, Duplicate, NotFound, OutcomeUnknown, Rejected
from connectors.ports import Cursor, Host

ADDRESS = Address("12 Quarry Rd", "Ste 4", "", "Spokane", "WA", "99201", "US")
URL = "http://127.0.0.1:9/hooks/bill/7f3c"


def vendor_draft(number: int, **details: Any) -> VendorDraft:
    return VendorDraft(f"Vendor {number}", f"01-{number:07}", ADDRESS, currency="USD", **details)


def draft(vendor_id: str, number: str, *amounts: str) -> BillDraft:
    lines = tuple(DraftLine("", Decimal(amount)) for amount in amounts or ("15.15",))
    return BillDraft(vendor_id, number, date(2026, 11, 18), date(2026, 12, 31), lines)


def make_vendors(bill: Bill, count: int) -> list[Written]:
    return bill.create_vendors([vendor_draft(n) for n in range(count)])


def read_all(pages: Any) -> tuple[list[Any], Cursor | None]:
    records, cursor = [], None
    for page in pages:
        assert not page.bad
        records += page.records
        cursor = page.cursor
    return records, cursor


def test_ping_names_every_step(bill):
    steps = list(bill.ping())
    assert [(step.name, step.ok) for step in steps] == [
        ("reach", True),
        ("login", True),
        ("organization", True),
        ("read", True),
    ]


@pytest.mark.parametrize("wrong", ["password", "dev_key"])
def test_ping_stops_at_refused_credentials(stage, wrong):
    steps = list(stage.connect(**{wrong: "wrong"}).ping())
    assert (steps[-1].name, steps[-1].ok, len(steps)) == ("login", False, 2)
    assert steps[-1].fix
    assert "wrong" not in "".join(map(str, stage.ground.exchanges))


def test_begin_run_refuses_wrong_credentials(stage):
    with pytest.raises(CredentialsRefused):
        stage.connect(password="wrong").begin_run()


# --- vendors -------------------------------------------------------------------------------------


def test_vendors_are_created_in_one_call_and_read_back(bill, stage):
    written = make_vendors(bill, 20)
    assert [each.number for each in written] == [f"01-{n:07}" for n in range(20)]
    vendors, _ = read_all(bill.read_vendors(None))
    assert {vendor.key: vendor.reference for vendor in vendors} == {each.id: each.number for each in written}
    assert vendors[0].address == ADDRESS
    assert len(stage.ground.calls("POST", "/vendors/bulk")) == 1


def test_one_vendor_and_its_changes(bill):
    (written,) = bill.create_vendors([vendor_draft(1, email="a@b.example; c@d.example", payee_name="Granite Remit")])
    moved = vendor_draft(1, email="ar@granite.example")
    moved = replace(moved, address=Address("1 Am Rhein", city="Bonn", postcode="53111", country="DE"))
    bill.update_vendor(written.id, moved, frozenset({"address", "email"}))
    (vendor,) = bill.find_vendors(["  vendor   1 "], None)
    assert vendor.address == moved.address
    assert (vendor.email, vendor.remit_to_name) == ("ar@granite.example", "Granite Remit")


def test_nothing_changed_costs_no_request(bill, stage):
    assert bill.update_vendor("00901QWERTYUIOPASDFG", vendor_draft(1), frozenset()).id == "00901QWERTYUIOPASDFG"
    assert not stage.ground.exchanges


def test_a_refused_vendor_names_the_field(bill):
    no_address = replace(vendor_draft(1), address=Address(line1="1 A St", city="X", postcode="1", country="USA"))
    with pytest.raises(Rejected) as caught:
        bill.create_vendors([no_address])
    assert caught.value.field == "address.country"


def test_find_vendors_by_name_and_time(bill, stage):
    make_vendors(bill, 3)
    now = stage.ground.clock.now()
    assert [each.name for each in bill.find_vendors(["VENDOR 2", "Other"], now)] == ["Vendor 2"]
    assert len(bill.find_vendors([], None)) == 3
    assert bill.find_vendors(["Vendor 2"], now + timedelta(hours=1)) == []


# --- changes -------------------------------------------------------------------------------------


def test_only_changes_are_read_again(bill, stage, monkeypatch):
    monkeypatch.setattr(lists, "OVERLAP", timedelta(0))
    make_vendors(bill, 5)
    _, cursor = read_all(bill.read_vendors(None))
    stage.post("clock", {"advance": 10})
    (late,) = bill.create_vendors([vendor_draft(9)])
    records, moved = read_all(bill.read_vendors(cursor))
    assert late.id in {each.key for each in records}
    assert len(records) <= 6
    assert moved["since"] > cursor["since"]
    before = len(stage.ground.exchanges)
    again, same = read_all(bill.read_vendors(moved))
    assert ([each.key for each in again], same) == ([late.id], moved)
    assert len(stage.ground.exchanges) - before == 1


def test_a_row_that_changes_between_two_pages_pushes_no_other_out_of_sight(bill, stage):
    expected = set()
    for start in range(0, 260, 20):
        expected |= {each.id for each in bill.create_vendors([vendor_draft(n) for n in range(start, start + 20)])}
        stage.post("clock", {"advance": 1})
    pages = bill.read_vendors(None)
    first = next(pages)
    assert first.as_of is None
    for vendor in first.records[:30]:  # they move to the end of the list
        bill.update_vendor(vendor.key, replace(vendor_draft(1), phone="5095550100"), frozenset({"phone"}))
    seen = [vendor.key for vendor in first.records]
    for page in pages:
        seen += [vendor.key for vendor in page.records]
        last = page
    assert set(seen) == expected
    assert last.as_of is not None


def test_archived_vendors_are_inactive(bill, stage):
    written = make_vendors(bill, 2)
    bill._client.request("POST", f"/v3/vendors/{written[0].id}/archive")
    vendors, _ = read_all(bill.read_vendors(None))
    assert {each.key: each.status for each in vendors} == {
        written[0].id: VendorStatus.INACTIVE,
        written[1].id: VendorStatus.ACTIVE,
    }


# --- bills ---------------------------------------------------------------------------------------


def test_bills_in_bulk_and_by_vendor_and_by_id(bill, stage):
    vendors = make_vendors(bill, 3)
    drafts = [draft(vendors[n % 3].id, f"INV-{n}", "10.10", f"{n}.05") for n in range(100)]
    written = bill.create_bills(drafts)
    assert [(each.number, each.total) for each in written] == [(each.number, each.total) for each in drafts]
    found = list(bill.find_bills([each.id for each in vendors[:2]]))
    assert {each.number for each in found} == {f"INV-{n}" for n in range(100) if n % 3 < 2}
    bill.archive_bill(written[0].id)
    assert written[0].id not in {each.id for each in bill.find_bills([vendors[0].id])}
    got = bill.get_bills([*(each.id for each in written), "00n01ZXCVBNMASDFGHJK", "no id"])
    assert len(got) == 100
    assert got[written[0].id].archived
    bill.restore_bill(written[0].id)
    assert not bill.get_bills([written[0].id])[written[0].id].archived
    assert len(stage.ground.calls("POST", "/bills/bulk")) == 1


def test_a_replaced_bill_has_only_the_new_lines(bill):
    vendor = make_vendors(bill, 1)[0]
    (written,) = bill.create_bills([draft(vendor.id, "INV-1", "1.00", "2.00")])
    assert bill.replace_bill(written.id, draft(vendor.id, "INV-1", "5.55")).total == Decimal("5.55")


def test_the_same_number_twice_is_a_duplicate_and_a_refused_batch_writes_nothing(bill):
    vendor = make_vendors(bill, 1)[0]
    bill.create_bills([draft(vendor.id, "INV-1")])
    with pytest.raises(Duplicate):
        bill.create_bills([draft(vendor.id, "INV-1")])
    with pytest.raises(Rejected):
        bill.create_bills([draft(vendor.id, "INV-2"), draft(vendor.id, "X" * 22)])
    assert [each.number for each in bill.find_bills([vendor.id])] == ["INV-1"]


@pytest.mark.parametrize("kind", ["reset_after", "truncate", "status_after"])
def test_a_lost_answer_leaves_the_outcome_unknown_and_the_bill_findable(bill, stage, kind):
    vendor = make_vendors(bill, 1)[0]
    stage.fault(kind, method="POST", path="/v3/bills", status=502, body="<html></html>")
    with pytest.raises(OutcomeUnknown):
        bill.create_bills([draft(vendor.id, "INV-1")])
    assert [each.number for each in bill.find_bills([vendor.id])] == ["INV-1"]


def test_a_session_lost_between_two_calls(bill, stage):
    vendor = make_vendors(bill, 1)[0]
    stage.post("clock", {"advance": 36 * 60})
    assert bill.create_bills([draft(vendor.id, "INV-1")])
    assert stage.get("stats")["logins"] == 2


def test_a_paid_bill_is_not_unpaid(bill, stage):
    stage.act("create_bank", bankName="First")
    vendor = make_vendors(bill, 1)[0]
    written = bill.create_bills([draft(vendor.id, f"INV-{n}", "100.00") for n in range(3)])
    stage.act("pay", bills=[{"billId": written[0].id, "amount": 40}])
    stage.act("schedule", bills=[{"billId": written[1].id}])
    bills = bill.get_bills([each.id for each in written])
    assert [bills[each.id].unpaid for each in written] == [False, False, True]
    assert bills[written[0].id].paid == Decimal("40.00")


# --- BILL as a source ----------------------------------------------------------------------------


def bill_body(vendor_id: str, number: str, **facts: Any) -> dict[str, Any]:
    invoice = {"invoiceNumber": number, "invoiceDate": facts.pop("invoiceDate", "2026-11-18")}
    lines = facts.pop("lines", [{"amount": 15.15}])
    return {"vendorId": vendor_id, "dueDate": "2026-12-31", "invoice": invoice, "billLineItems": lines, **facts}


def test_bills_as_a_source_since_a_day_and_since_a_cursor(bill, stage):
    (vendor,) = make_vendors(bill, 1)
    department = stage.act("create_department", name="Sales")["id"]
    coding = {"departmentId": department}
    lines = [{"amount": 10.05, "classifications": coding}, {"amount": 5}]
    first = stage.act("create_bill", approvalStatus="APPROVED", **bill_body(vendor.id, "INV-1", lines=lines))["id"]
    stage.act("create_bill", **bill_body(vendor.id, "OLD", invoiceDate="2026-09-30"))
    archived = stage.act("create_bill", **bill_body(vendor.id, "INV-2"))["id"]
    stage.act("archive", id=archived)

    found, cursor = read_all(bill.read_bills(None, date(2026, 10, 1)))

    assert {each.key for each in found} == {first, archived}
    ours = next(each for each in found if each.key == first)
    assert (ours.approval, ours.total, ours.lines[0].departments) == ("APPROVED", Decimal("15.05"), (department, ""))
    assert ours.vendor_name == "Vendor 0"
    stage.act("approve_bill", billId=archived, status="DENIED")
    again, _ = read_all(bill.read_bills(cursor, date(2026, 10, 1)))
    assert archived in {each.key for each in again}


def test_one_bill_and_one_vendor_by_id(bill, stage):
    (vendor,) = make_vendors(bill, 1)
    made = stage.act("create_bill", **bill_body(vendor.id, "INV-1"))["id"]
    assert bill.get_bill(made).number == "INV-1"
    assert bill.get_vendor(vendor.id).name == "Vendor 0"
    with pytest.raises(NotFound):
        bill.get_bill("00n01" + "0" * 15)
    with pytest.raises(NotFound):
        bill.get_vendor("00901" + "0" * 15)


def test_locations(bill, stage):
    made = stage.act("create_location", name="Dayton", shortName="DAY")["id"]
    (location,), _ = read_all(bill.read_locations(None))
    assert (location.key, location.number, location.name, location.kind) == (made, "DAY", "Dayton", "LOCATION")


# --- payments ------------------------------------------------------------------------------------


def test_payments_with_their_split(bill, stage):
    bank = stage.act("create_bank", bankName="First")["id"]
    vendor = make_vendors(bill, 1)[0]
    written = bill.create_bills([draft(vendor.id, f"INV-{n}", "100.00") for n in range(2)])
    parts = [{"billId": written[0].id, "amount": 100}, {"billId": written[1].id, "amount": 50.5}]
    paid = stage.act("pay", bills=parts, disbursementType="CHECK", checkNumber=50123, fundingAccountId=bank)
    (payment,), _ = read_all(bill.read_payments(None, date(2026, 10, 1)))
    assert (payment.key, payment.status, payment.method) == (paid["id"], PaymentStatus.PAID, PaymentMethod.CHECK)
    assert {each.bill: each.amount for each in payment.applications} == {
        written[0].id: Decimal("100.00"),
        written[1].id: Decimal("50.50"),
    }
    assert (payment.check_number, payment.amount) == ("50123", Decimal("150.50"))
    assert payment.funding_account == bank
    assert [each.key for each in bill.read_banks()] == [bank]
    assert bill.read_vendor_payments(vendor.id) == [payment]


# --- together ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("fault", "logins"), [(None, 1), ("expire_session", 2)])
def test_many_workers_keep_to_three_requests_and_one_login(stage, fault, logins):
    """Real time here: threads of several connectors on one store; the session may die under them."""
    clock = SystemClock()
    host = Host(clock, MemoryStore(clock))
    failures: list[BaseException] = []

    def work() -> None:
        try:
            connector = Bill(stage.spec, host)
            for _ in range(3):
                list(connector.read_vendors(None))
        except BaseException as error:
            failures.append(error)

    stage.post("latency", {"seconds": 0.01})
    if fault:
        stage.fault(fault, path="/v3/vendors", skip=10)
    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stats = stage.get("stats")
    assert not failures
    assert stats["logins"] == logins
    assert set(stats["refused"]) <= {"BDC_1109"}
    assert max(stats["most_in_flight_by_org"].values()) <= 3


# --- subscriptions -------------------------------------------------------------------------------


def test_subscription_is_made_once_and_kept_in_shape(bill, stage):
    key = str(uuid.uuid4())
    events = ["bill.created", "payment.updated"]
    first, enabled, secret = bill.ensure_subscription(URL, events, key)
    assert enabled
    assert secret
    assert bill.ensure_subscription(URL, events, key, first) == (first, True, None)
    stage.act("disable_subscription", id=first)
    status = bill.subscription_status(first)
    assert (status.enabled, status.actor) == (False, "SYSTEM")
    assert bill.ensure_subscription(URL, ["payment.updated"], key, first) == (first, True, None)
    status = bill.subscription_status(first)
    assert (status.enabled, status.events, status.url) == (True, ("payment.updated",), URL)
    assert len(list(bill.subscriptions.list())) == 1


def test_a_subscription_whose_key_was_lost_is_taken_over(bill):
    first, _, secret = bill.ensure_subscription(URL, ["payment.updated"], str(uuid.uuid4()))
    second, enabled, newer = bill.ensure_subscription(URL, ["payment.updated"], str(uuid.uuid4()))
    assert (second, enabled) == (first, True)
    assert newer not in (None, secret)


def test_a_deleted_subscription_is_made_anew(bill):
    first, _, _ = bill.ensure_subscription(URL, ["payment.updated"], str(uuid.uuid4()))
    bill.subscriptions.delete(first)
    with pytest.raises(NotFound):
        bill.subscription_status(first)
    second, _, secret = bill.ensure_subscription(URL, ["payment.updated"], str(uuid.uuid4()), first)
    assert second != first
    assert secret


def test_rotation_needs_a_uuid4_and_answers_a_new_key(bill):
    first, _, secret = bill.ensure_subscription(URL, ["payment.updated"], str(uuid.uuid4()))
    assert bill.rotate_key(first, str(uuid.uuid4())) != secret
    with pytest.raises(Rejected):
        bill.rotate_key(first, "not a uuid")
    assert bill.enable(first).enabled


def test_the_log_holds_what_was_sent(bill, stage):
    first, _, _ = bill.ensure_subscription(URL, ["vendor.created"], str(uuid.uuid4()))
    written = make_vendors(bill, 2)
    events = list(bill.subscriptions.delivery_log(first, stage.ground.clock.now() - timedelta(hours=1)))
    assert {event.entity_id for event in events} == {each.id for each in written}
    assert {(event.type, event.subscription_id) for event in events} == {("vendor.created", first)}
    bill.subscriptions.send_test(first, "vendor.created")
    assert len(list(bill.subscriptions.delivery_log(first, stage.ground.clock.now() - timedelta(hours=1)))) == 3


def test_a_right_that_is_missing_is_a_matter_of_configuration(bill, stage):
    stage.fault("bdc", path="/v3/payments", body="BDC_1145", status=403)
    with pytest.raises(ConfigurationError):
        list(bill.read_payments(None, date(2026, 10, 1)))
