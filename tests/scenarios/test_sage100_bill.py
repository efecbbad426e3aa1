"""Sage 100 -> BILL and back from an empty database: everything payable arrives, to the cent, once."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from audit.models import AuditEvent
from audit.verify import verify
from connectors.sage100.sandbox import load_odd
from integrations.engine.actions import replay
from integrations.engine.preview import preview
from integrations.models import Delivery, Flow, Link, Mapping, Reference, Run, State
from tests.builders import World, bill_facts, expected_facts, money, open_states, payable, today

START = today() - timedelta(days=45)


@pytest.mark.parametrize("world", [{"start_date": START}], indirect=True)
def test_300_odd_invoices_of_40_vendors(world: World) -> None:
    load_odd(world.sage)
    for number in range(0, 300, 7):  # purchase orders are not among the oddities
        row = world.sage.state()["invoices"][number]
        facts = (row["apDivisionNo"], row["vendorNo"], row["invoiceNo"], row["state"])
        world.sage.do_change_invoice(*facts, purchase_order_no=f"{number:07d}")
    wanted = payable(world, START)
    assert len(wanted) > 120

    result = world.sync()

    assert result.trouble is None
    assert bill_facts(world) == sorted(map(expected_facts, wanted.values()), key=repr)
    assert {row["shortName"] for row in world.vendors()} == {vendor for vendor, _ in wanted}
    _open_items_are_unpaid_bills(world, wanted)
    reasons = Counter((each["flow"], each["reason"]) for each in result.held)
    assert set(reasons) == {
        ("vendors", "vendor_inactive"),
        ("vendors", "vendor_incomplete"),
        ("bills", "vendor_inactive"),
        ("bills", "vendor_missing"),
    }
    assert not result.failed
    assert result.exit_code == 1
    _audit_tells_every_story(world, wanted)

    again, sage_writes, bill_writes = world.counted()

    assert (sage_writes, bill_writes) == (0, 0)
    assert all(sum(flow.requests.values()) <= 2 for flow in again.flows), [flow.requests for flow in again.flows]
    assert sum(flow.counts["created"] + flow.counts["updated"] for flow in again.flows) == 0


def _open_items_are_unpaid_bills(world: World, wanted: dict[tuple[str, str], dict[str, Any]]) -> None:
    vendors = {row["id"]: row["shortName"] for row in world.vendors()}
    unpaid = {
        (vendors[row["vendorId"]], row["invoice"]["invoiceNumber"]): money(row["dueAmount"])
        for row in world.bill.bills.rows.values()
        if row["paymentStatus"] == "UNPAID"
    }
    assert unpaid == {key: money(row["balance"]) for key, row in wanted.items()}


def _audit_tells_every_story(world: World, wanted: dict[tuple[str, str], dict[str, Any]]) -> None:
    assert verify("acme").ok
    stories: dict[str, list[str]] = {}
    targets: dict[str, str] = {}
    for event in AuditEvent.objects.filter(record_type="bill").order_by("sequence"):
        stories.setdefault(event.source_key, []).append(event.event)
        targets[event.source_key] = event.target_id or targets.get(event.source_key, "")
    for vendor, number in wanted:
        key = f"{vendor}|{number}"
        assert [each for each in stories[key] if each != "held"] == ["staged", "sending", "delivered"], key
        assert targets[key] in world.bill.bills.rows
    amounts = {
        event.source_key: Decimal(event.amount)
        for event in AuditEvent.objects.filter(event="delivered", record_type="bill")
    }
    assert amounts == {f"{vendor}|{number}": money(row["balance"]) for (vendor, number), row in wanted.items()}


# --- preview ---------------------------------------------------------------------------------------


def tables() -> dict[str, Any]:
    return {
        "deliveries": list(Delivery.objects.order_by("pk").values()),
        "links": list(Link.objects.order_by("pk").values()),
        "references": Reference.objects.count(),
        "runs": Run.objects.count(),
        "flows": list(Flow.objects.order_by("pk").values("cursors", "last_full_at", "claim_token", "as_of")),
        "audit": AuditEvent.objects.count(),
    }


def test_preview_writes_nothing_and_says_what_sync_does(world: World) -> None:
    world.add_vendor()
    world.add_vendor("NOADDR", "No Address Inc", addressLine1=None)
    world.add_invoice("INV-1", "10.00")
    world.add_invoice("INV-2", "20.00", vendor="NOADDR")
    before, writes = tables(), world.writes()

    result, would = preview(world.integration, clock=world.clock)

    assert (tables(), world.writes()) == (before, writes)
    assert result.trouble is None
    shown = {(row["flow"], row["key"]): row["action"] for row in would}
    assert shown == {
        ("vendors", "01-ACME01"): "create",
        ("vendors", "01-NOADDR"): "hold",
        ("bills", "01-ACME01|INV-1"): "create",
        ("bills", "01-NOADDR|INV-2"): "hold",
    }
    world.sync()
    assert {(row.flow.name, row.key): row.state for row in Delivery.objects.all()} == {
        ("vendors", "01-ACME01"): State.DELIVERED,
        ("vendors", "01-NOADDR"): State.HELD,
        ("bills", "01-ACME01|INV-1"): State.DELIVERED,
        ("bills", "01-NOADDR|INV-2"): State.HELD,
    }


def test_preview_after_a_sync_shows_changes_and_leaves_them_to_the_sync(world: World) -> None:
    world.add_vendor()
    world.add_invoice("INV-1", "10.00")
    world.sync()
    world.pay("INV-1")
    world.add_invoice("INV-2", "20.00")
    before, writes = tables(), world.writes()

    _, would = preview(world.integration, clock=world.clock)

    assert (tables(), world.writes()) == (before, writes)
    assert {(row["flow"], row["document"], row["action"]) for row in would} == {
        ("bills", "INV-2", "create"),
        ("payments", "INV-1", "create"),
    }
    world.sync()
    assert "INV-2" in world.bills()
    assert len(world.payments()) == 1


def test_preview_attributes_requests_to_the_flow_that_made_them(world: World) -> None:
    world.add_vendor()
    world.add_invoice("INV-1", "10.00")

    result, _ = preview(world.integration, clock=world.clock)

    requests = {flow.flow: flow.requests for flow in result.flows}
    assert set(requests) == {"accounts", "vendors", "bills", "payments"}
    assert all(requests["accounts"].get(system) for system in ("sage100", "bill"))
    assert requests["vendors"].get("sage100")
    assert requests["bills"].get("sage100")


# --- what does not serve us --------------------------------------------------------------------------


def change(world: World, name: str, **values: Any) -> None:
    connection = world.integration.tenant.connections.get(name=name)
    connection.settings |= values.pop("settings", {})
    connection.credentials = {**connection.credentials, **values}
    connection.save()


@pytest.mark.parametrize(
    ("name", "changes", "step"),
    [
        ("books", {"settings": {"company_code": "QQQ"}}, "company"),
        ("books", {"api_key": "x" * 40}, "login"),
        ("pay", {"password": "wrong"}, "login"),
        ("pay", {"dev_key": "wrong"}, "login"),
    ],
)
def test_refused_connection_ends_the_sync_with_connection_and_step(
    world: World, name: str, changes: dict[str, Any], step: str
) -> None:
    world.add_vendor()
    world.add_invoice("INV-1")
    change(world, name, **changes)

    result = world.sync()

    assert result.exit_code == 3
    assert result.trouble is not None
    assert (result.trouble.connection, result.trouble.step) == (name, step)
    assert not world.bill.bills.rows
    assert world.bill.refused["BDC_1101"] + world.bill.refused["BDC_1102"] <= 1  # a refused login is never repeated
    change(
        world,
        name,
        settings={"company_code": "ABC"} if name == "books" else {},
        **({"password": "sandbox-password", "dev_key": world.bill.dev_key} if name == "pay" else {}),
    )
    if name == "books":
        from connectors.sage100.sandbox import FULL_KEY

        change(world, name, api_key=FULL_KEY)
    assert world.sync().ok
    assert "INV-1" in world.bills()


def test_unreachable_system_is_named(world: World) -> None:
    world.add_vendor()
    world.add_invoice("INV-1")
    pay = world.integration.target
    pay.base_url = "http://127.0.0.1:9/connect"
    pay.save()
    result = world.sync()
    assert result.exit_code == 3
    assert result.trouble is not None
    assert result.trouble.connection == "pay"


def test_a_malformed_vendor_fails_alone(world: World) -> None:
    world.add_vendor()
    world.add_vendor("BROKEN", "Broken Record Co")
    world.add_invoice("INV-1")
    world.add_invoice("INV-2", vendor="BROKEN")
    world.sage.do_change_vendor("01", "BROKEN", zipCode=45402)  # a number where text belongs

    result = world.sync()

    assert set(world.bills()) == {"INV-1"}
    assert [(each["flow"], each["key"]) for each in result.failed] == [("vendors", "01-BROKEN")]
    assert "zipCode" in result.failed[0]["message"]
    assert [(each["document"], each["reason"]) for each in result.held] == [("INV-2", "vendor_missing")]

    world.sage.do_change_vendor("01", "BROKEN", zipCode="45402")
    assert world.sync().ok
    assert set(world.bills()) == {"INV-1", "INV-2"}


def test_replay_sends_what_was_refused(world: World) -> None:
    world.add_vendor()
    world.add_invoice("INV-1")
    body = '[{"message":"Refused for a test.","code":"BDC_9999"}]'
    world.fault("bill", "status", method="POST", path="/bills", status=400, body=body, times=-1)

    result = world.sync()

    assert [(each["document"], each["reason"]) for each in result.failed] == [("INV-1", "rejected_by_target")]
    world.no_faults()
    assert world.sync().failed, "a failure is repeated by nobody but a person"
    assert replay(Delivery.objects.filter(flow__integration=world.integration), actor="kim", doorbell=False) == 1
    assert world.sync().ok
    assert set(world.bills()) == {"INV-1"}
    assert AuditEvent.objects.filter(event="replayed", actor="kim", source_key="01-ACME01|INV-1").count() == 1
    assert not open_states()


def test_a_sweeping_replay_approves_nothing(world: World) -> None:
    """What a person decides for one reason must not wave the record through for another."""
    world.add_vendor()
    world.add_invoice("INV-0")
    assert world.sync().ok
    vendor_id = world.link("01-ACME01", "vendors").target_id
    world.bill.do_create_bill(
        vendorId=vendor_id,
        dueDate="2026-12-31",
        invoice={"invoiceNumber": "0007", "invoiceDate": "2026-11-18"},
        billLineItems=[{"amount": 100}],
    )
    world.add_invoice("7", account="5990-01-00")
    Mapping.objects.filter(source="5990-01-00").delete()
    world.sync()
    replay(Delivery.objects.filter(flow__name="bills"), actor="kim", approve=False, doorbell=False)
    world.map("accounts", "5990-01-00", world.accounts["5010-01-00"])
    world.sync()
    assert world.latest("7").reason == "duplicate_document"
    replay(Delivery.objects.filter(document="7"), actor="kim", doorbell=False)
    assert world.sync().ok  # now a person said that it is another document
    assert world.latest("7").state == "delivered"
