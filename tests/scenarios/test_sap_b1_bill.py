"""SAP Business One -> BILL from an empty database: everything payable arrives, to the cent, once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from audit.models import AuditEvent
from audit.verify import verify
from connectors.sap_b1.sandbox import load_demo
from connectors.sap_b1.sandbox.generator import generate
from integrations.engine.actions import replay
from integrations.engine.preview import preview
from integrations.models import Delivery, Flow, Link, Reference, Run, State
from tests.builders import money, open_states, today
from tests.sap_world import CHARGES, SapWorld

START = today() - timedelta(days=60)
BOOKS = {"start_date": START, "charges": CHARGES}
EDITIONS = [
    {**BOOKS, "version": 1},
    {**BOOKS, "version": 2},
    {**BOOKS, "version": 1, "sap_options": {"schema": "9.3"}},
]
SPLIT_BETWEEN = "ADMIN"  # where the people of this company book what several cost centres bear


@dataclass(frozen=True)
class Wanted:
    """What SAP's own rows ask of BILL: `lines` are (account number or charge, department, amount)."""

    vendor: str
    number: str
    total: Decimal
    lines: tuple[tuple[str, str, Decimal], ...]
    dates: tuple[str, str]


@pytest.mark.parametrize("sap", EDITIONS, indirect=True, ids=["v1", "v2", "9.3"])
def test_300_odd_invoices_of_40_vendors(sap: SapWorld) -> None:
    load_demo(sap.sap)
    generate(sap.sap.ledger, invoices=300, vendors=40)
    sap.map("departments", "SPLIT", f"Department {SPLIT_BETWEEN}")
    wanted = dict(payable(sap))
    refused = {entry: problem for entry, each in wanted.items() if (problem := obstacle(sap, entry, wanted))}
    arriving = {entry: each for entry, each in wanted.items() if entry not in refused}
    assert len(arriving) > 120

    result = sap.sync()

    assert result.trouble is None
    assert not result.failed
    assert in_bill(sap) == sorted(arriving.values(), key=repr)
    held = {int(each["key"]): each["reason"] for each in result.held if each["flow"] == "bills"}
    assert held == refused
    assert set(refused.values()) == {
        "vendor_inactive",
        "currency_unsupported",
        "document_number_too_long",
        "duplicate_document",
        "dimension_unmapped",
    }
    frozen = {each.vendor for entry, each in wanted.items() if refused.get(entry) == "vendor_inactive"}
    assert {row["shortName"] for row in sap.vendors().values()} == {each.vendor for each in wanted.values()} - frozen
    _open_items_are_unpaid_bills(sap, arriving)
    _audit_tells_every_story(sap, arriving)
    assert sap.logins() == 1

    again, sap_writes, bill_writes = sap.counted()

    assert (sap_writes, bill_writes) == (0, 0)
    assert sap.logins() == 1
    assert sum(flow.counts["created"] + flow.counts["updated"] for flow in again.flows) == 0
    assert not open_states()


def payable(sap: SapWorld) -> Iterator[tuple[int, Wanted]]:
    """From SAP's own rows: open, neither cancelled nor blocked, posted since the start date."""
    state = sap.sap.state()
    numbers = {row["Code"]: row["FormatCode"] for row in state["ChartOfAccounts"]}
    for row in state["PurchaseInvoices"]:
        open_ones = row["DocumentStatus"] == "bost_Open" and row["CancelStatus"] == "csNo"
        if open_ones and row["PaymentBlock"] == "tNO" and row["DocDate"] >= START.isoformat():
            yield row["DocEntry"], _wanted(row, numbers)


def _wanted(row: dict[str, Any], numbers: dict[str, str]) -> Wanted:
    foreign = row["DocCurrency"] != "$"
    total, paid = ("DocTotalFc", "PaidToDateFC") if foreign else ("DocTotal", "PaidToDate")
    net, tax = ("RowTotalFC", "NetTaxAmountFC") if foreign else ("LineTotal", "TaxTotal")
    suffix = "FC" if foreign else ""
    lines = [
        (
            numbers[line["AccountCode"]],
            {"SPLIT": SPLIT_BETWEEN}.get(line["CostingCode"] or "", line["CostingCode"] or ""),
            line[net] + line[tax],
        )
        for line in row["DocumentLines"]
    ]
    freight = sum(each[f"LineTotal{suffix}"] + each[f"TaxSum{suffix}"] for each in row["DocumentAdditionalExpenses"])
    beside = {
        "freight": freight,
        "rounding": row[f"RoundingDiffAmount{suffix}"],
        "discount": -row[f"TotalDiscount{suffix}"],
        "withholding": -row[f"WTAmount{suffix}"],
        "down_payment": -row[f"DownPaymentAmount{suffix}"],
        "paid": -row[paid],
    }
    lines += [(name, "", money(amount)) for name, amount in beside.items() if amount]
    return Wanted(
        vendor=row["CardCode"],
        number=row["NumAtCard"] or str(row["DocNum"]),
        total=money(row[total] - row[paid]),
        lines=tuple(sorted((account, rule, money(amount)) for account, rule, amount in lines)),
        dates=(row["TaxDate"], row["DocDueDate"]),
    )


def obstacle(sap: SapWorld, entry: int, wanted: dict[int, Wanted]) -> str:
    """Why the recipe lets this one wait, "" when it goes."""
    each = wanted[entry]
    partner = sap.sap.ledger.sets()["BusinessPartners"].rows[each.vendor]
    if sap.sap.ledger.inactive(partner):
        return "vendor_inactive"
    if sap.invoice(entry)["DocCurrency"] != {"##": "$"}.get(partner["Currency"], partner["Currency"]):
        return "currency_unsupported"
    if len(each.number) > 21:
        return "document_number_too_long"
    if any(rule == "OLD" for _, rule, _ in each.lines):
        return "dimension_unmapped"
    first = next(other for other in wanted.values() if (other.vendor, other.number) == (each.vendor, each.number))
    return "" if first is each else "duplicate_document"


def in_bill(sap: SapWorld) -> list[Wanted]:
    """What BILL holds, in the same words."""
    vendors = {row["id"]: row["shortName"] for row in sap.bill.vendors.rows.values()}
    found = [
        Wanted(
            vendor=vendors[row["vendorId"]],
            number=row["invoice"]["invoiceNumber"],
            total=money(row["amount"]),
            lines=tuple(sorted(sap.lines_of(row))),
            dates=(row["invoice"]["invoiceDate"], row["dueDate"]),
        )
        for row in sap.bill.bills.rows.values()
    ]
    return sorted(found, key=repr)


def _open_items_are_unpaid_bills(sap: SapWorld, arriving: dict[int, Wanted]) -> None:
    vendors = {row["id"]: row["shortName"] for row in sap.bill.vendors.rows.values()}
    unpaid = {
        (vendors[row["vendorId"]], row["invoice"]["invoiceNumber"]): money(row["dueAmount"])
        for row in sap.bill.bills.rows.values()
        if row["paymentStatus"] == "UNPAID"
    }
    assert unpaid == {(each.vendor, each.number): each.total for each in arriving.values()}


def _audit_tells_every_story(sap: SapWorld, arriving: dict[int, Wanted]) -> None:
    assert verify("acme").ok
    stories: dict[str, list[str]] = {}
    targets: dict[str, str] = {}
    amounts: dict[str, Decimal] = {}
    for event in AuditEvent.objects.filter(record_type="bill").order_by("sequence"):
        stories.setdefault(event.source_key, []).append(event.event)
        targets[event.source_key] = event.target_id or targets.get(event.source_key, "")
        if event.event == "delivered":
            amounts[event.source_key] = Decimal(event.amount)
    for entry in arriving:
        story = [each for each in stories[str(entry)] if each != "held"]
        assert story == ["staged", "sending", "delivered"], entry
        assert targets[str(entry)] in sap.bill.bills.rows
    assert amounts == {str(entry): each.total for entry, each in arriving.items()}


# --- what nothing costs ------------------------------------------------------------------------------


@pytest.mark.parametrize("sap", [{"version": 1}, {"version": 2}], indirect=True)
def test_a_sync_that_finds_nothing_asks_little(sap: SapWorld) -> None:
    for index in range(150):
        vendor = f"V{index % 12}"
        if index < 12:
            sap.add_vendor(vendor, f"Vendor {index}")
        sap.add_invoice(f"INV-{index}", vendor=vendor, created=index // 10 - 20)
    assert sap.sync().ok
    assert len(sap.bills()) == 150

    again, sap_writes, bill_writes = sap.counted()

    assert again.ok
    assert (sap_writes, bill_writes) == (0, 0)
    assert all(sum(flow.requests.values()) <= 2 for flow in again.flows), [flow.requests for flow in again.flows]
    assert sap.logins() == 1


def test_an_idle_session_is_renewed_before_it_ends(sap: SapWorld) -> None:
    sap.add_vendor()
    sap.add_invoice("INV-1")
    assert sap.sync().ok
    sap.clock.turn(20 * 60)
    assert sap.sync().ok
    assert sap.logins() == 1, "a session lives for 30 minutes of inactivity"
    sap.clock.turn(29 * 60 + 30)
    assert sap.sync().ok
    assert sap.logins() == 2


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


def test_preview_writes_nothing_and_says_what_sync_does(sap: SapWorld) -> None:
    sap.add_vendor()
    sap.add_vendor("NOADDR", "No Address Inc", street="")
    first, second = sap.add_invoice("INV-1", "10.00"), sap.add_invoice("INV-2", "20.00", vendor="NOADDR")
    before, writes = tables(), sap.bill.writes.copy()

    result, would = preview(sap.integration, clock=sap.clock)

    assert (tables(), sap.bill.writes) == (before, writes)
    assert result.trouble is None
    assert {(row["flow"], row["key"]): row["action"] for row in would} == {
        ("vendors", "V100"): "create",
        ("vendors", "NOADDR"): "hold",
        ("bills", str(first)): "create",
        ("bills", str(second)): "hold",
    }
    sap.sync()
    assert {(row.flow.name, row.key): row.state for row in Delivery.objects.all()} == {
        ("vendors", "V100"): State.DELIVERED,
        ("vendors", "NOADDR"): State.HELD,
        ("bills", str(first)): State.DELIVERED,
        ("bills", str(second)): State.HELD,
    }


def test_preview_after_a_sync_shows_changes_and_leaves_them_to_the_sync(sap: SapWorld) -> None:
    sap.add_vendor()
    sap.add_invoice("INV-1", "10.00")
    blocked = sap.add_invoice("INV-2", "20.00")
    assert sap.sync().ok
    sap.pay("INV-1")
    sap.add_invoice("INV-3", "30.00")
    sap.sap.do_block_invoice(blocked)
    before, writes = tables(), sap.writes()

    _, would = preview(sap.integration, clock=sap.clock)

    assert (tables(), sap.writes()) == (before, writes)
    assert {(row["flow"], row["document"], row["action"]) for row in would} == {
        ("bills", "INV-2", "update"),
        ("bills", "INV-3", "create"),
        ("payments", "INV-1", "create"),
    }
    assert sap.sync().ok
    assert set(sap.bills()) == {"INV-1", "INV-3"}
    assert len(sap.payments()) == 1


# --- what does not serve us --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "credentials"),
    [({"company_db": "NOBODY"}, {}), ({}, {"password": "wrong"}), ({}, {"username": "nobody"})],
)
def test_a_refused_login_is_named_and_never_repeated(
    sap: SapWorld, settings: dict[str, Any], credentials: dict[str, str]
) -> None:
    sap.add_vendor()
    sap.add_invoice("INV-1")
    books = sap.integration.source
    right = (dict(books.settings), dict(books.credentials))
    books.settings, books.credentials = {**books.settings, **settings}, {**books.credentials, **credentials}
    books.save()

    result = sap.sync()

    assert result.exit_code == 3
    assert result.trouble is not None
    assert (result.trouble.connection, result.trouble.step) == ("books", "login")
    assert sap.sap.stats()["login_attempts"] == 1
    assert not sap.bill.bills.rows
    books.settings, books.credentials = right
    books.save()
    assert sap.sync().ok
    assert set(sap.bills()) == {"INV-1"}


def test_a_malformed_vendor_or_invoice_fails_alone(sap: SapWorld) -> None:
    sap.add_vendor()
    sap.add_vendor("BROKEN", "Broken Record Co")
    sap.add_invoice("INV-1")
    sap.add_invoice("INV-2", vendor="BROKEN")
    odd = sap.add_invoice("INV-3")
    sap.sap.ledger.sets()["BusinessPartners"].rows["BROKEN"]["CardName"] = None
    sap.invoice(odd)["DocTotal"] = Decimal("100.005")

    result = sap.sync()

    assert set(sap.bills()) == {"INV-1"}
    assert {(each["flow"], each["key"]) for each in result.failed} == {("vendors", "BROKEN"), ("bills", str(odd))}
    assert any("CardName" in each["message"] for each in result.failed)
    assert any("DocTotal" in each["message"] for each in result.failed)
    assert [(each["document"], each["reason"]) for each in result.held] == [("INV-2", "vendor_missing")]

    sap.sap.do_edit_vendor("BROKEN", CardName="Mended Record Co")
    sap.invoice(odd)["DocTotal"] = Decimal("100.00")
    assert sap.sync().ok
    assert set(sap.bills()) == {"INV-1", "INV-2", "INV-3"}


def test_replay_sends_what_was_refused(sap: SapWorld) -> None:
    sap.add_vendor()
    sap.add_invoice("INV-1")
    body = '[{"message":"Refused for a test.","code":"BDC_9999"}]'
    sap.fault("bill", "status", method="POST", path="/bills", status=400, body=body, times=-1)

    result = sap.sync()

    assert [(each["document"], each["reason"]) for each in result.failed] == [("INV-1", "rejected_by_target")]
    sap.no_faults()
    assert sap.sync().failed, "a failure is repeated by nobody but a person"
    assert replay(Delivery.objects.filter(flow__integration=sap.integration), actor="kim", doorbell=False) == 1
    assert sap.sync().ok
    assert set(sap.bills()) == {"INV-1"}


def test_reasons_are_counted_once_a_run(sap: SapWorld) -> None:
    """What waits is told every time, but staged and audited as held only when something about it changed."""
    sap.add_vendor()
    sap.add_invoice("INVOICE-NUMBER-TOO-LONG-1")
    for _ in range(3):
        assert [each["reason"] for each in sap.sync().held] == ["document_number_too_long"]
    told = Counter(AuditEvent.objects.filter(record_type="bill").values_list("event", flat=True))
    assert told["held"] == 1
