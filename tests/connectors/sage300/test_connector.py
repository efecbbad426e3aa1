"""The ports over the sandbox: what comes out of Sage 300, and what becomes of what goes in."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from connectors.budget import MemoryStore
from connectors.domain import (
    Address,
    BatchOrder,
    BillDraft,
    DraftLine,
    EntryState,
    NewVendorDraft,
    PostMode,
    VendorDraft,
    VendorStatus,
)
from connectors.errors import (
    ConfigurationError,
    Duplicate,
    NotFound,
    OutcomeUnknown,
    RecordLocked,
    Rejected,
)
from connectors.ports import ConnectionSpec, Exchange, Host, Tls
from connectors.registry import SYSTEMS, build
from connectors.sage300.connector import Sage300
from connectors.sage300.sandbox import EXAMPLE, Sage300Sandbox, User
from connectors.sandboxing import Fault, Running

DAY = date(datetime.now(UTC).year, 6, 15)
DUE = DAY + timedelta(days=20)
BATCHES = "AP/APInvoiceBatches"


class Turning:
    """The system's time; waiting turns the hands, and the sandbox's with them."""

    def __init__(self, sandbox: Sage300Sandbox) -> None:
        self.sandbox = sandbox
        self.ahead = 0.0

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.ahead)

    def monotonic(self) -> float:
        return time.monotonic() + self.ahead

    def sleep(self, seconds: float) -> None:
        self.ahead += seconds
        self.sandbox.offset += timedelta(seconds=seconds)


class World:
    """A site, a connector that speaks to it, and what both exchanged."""

    def __init__(self, **options: Any) -> None:
        self.sandbox = Sage300Sandbox(**options)
        self.running = Running(self.sandbox)
        self.clock = Turning(self.sandbox)
        self.store = MemoryStore(self.clock)
        self.seen: list[Exchange] = []
        self.sage = self.connector()
        self.sandbox.do_add_vendor("V1", "Granite Supply Co")
        self.sandbox.do_add_vendor("V2", "Maple Tools", "CADGRP")

    def connector(self, **changes: Any) -> Sage300:
        spec = ConnectionSpec(
            key="acme/sage",
            name="sage",
            system="sage300",
            base_url=f"{self.running.url}{EXAMPLE.path}",
            settings=EXAMPLE.settings,
            credentials=EXAMPLE.credentials,
        )
        built = build(replace(spec, **changes), Host(self.clock, self.store, self.seen.append))
        assert isinstance(built, Sage300)
        return built

    def fault(self, kind: str, **details: Any) -> None:
        self.sandbox.faults.append(Fault(kind, **details))

    def asked(self, method: str, resource: str) -> list[Exchange]:
        return [each for each in self.seen if each.method == method and f"/{resource}" in each.url]

    def batch(self, number: int) -> dict[str, Any]:
        return next(each for each in self.sandbox.state()["batches"] if each["BatchNumber"] == number)

    def batches(self) -> list[dict[str, Any]]:
        return [each for each in self.sandbox.state()["batches"] if each["BatchStatus"] != "Deleted"]


@pytest.fixture
def worlds() -> Iterator[Any]:
    made: list[World] = []

    def make(**options: Any) -> World:
        made.append(World(**options))
        return made[-1]

    yield make
    for world in made:
        world.sage.close()
        world.running.stop()


@pytest.fixture
def world(worlds: Any) -> World:
    return worlds()


def bill(number: str = "INV-1", *amounts: str, vendor: str = "V1", **more: Any) -> BillDraft:
    lines = tuple(DraftLine("6200100", Decimal(amount), f"Line of {number}") for amount in amounts or ("100.00",))
    return BillDraft(vendor, number, DAY, DUE, lines, posting_date=DAY, **more)


def order(post: PostMode = PostMode.OPEN, marker: str = "ML BILL 7f3c2a91", tax: str = "enter") -> BatchOrder:
    return BatchOrder(marker, post, tax)


# --- the connection ---------------------------------------------------------------------------------


def test_a_connection_is_tested_module_by_module(world):
    steps = list(world.sage.ping())
    assert [(step.name, step.ok) for step in steps] == [
        ("login", True),
        ("payables", True),
        ("ledger", True),
        ("calendar", True),
        ("batches", True),
    ]
    assert world.batches() == []


@pytest.mark.parametrize(
    ("change", "step", "words"),
    [
        ({"credentials": {"username": "APONLY", "password": "Web-Api-2026"}}, "permission", "General Ledger (GL)"),
        ({"credentials": {"username": "ADMIN", "password": "ADMIN"}}, "permission", "Accounts Payable (AP)"),
        ({"credentials": {"username": "MLCONN", "password": "wrong"}}, "login", "user name or password"),
        ({"credentials": {"username": "LEGACY", "password": "legacy-password"}}, "login", "capital letters"),
        ({"settings": {"company": "NOSUCH"}}, "company", "this company"),
        ({"settings": {"company": "SAMINC"}}, "company", "General Ledger (GL)"),
    ],
)
def test_what_is_wrong_with_a_connection_is_named(world, change, step, words):
    *_, last = world.connector(**change).ping()
    assert (last.name, last.ok) == (step, False)
    assert words in last.message
    assert last.fix


def test_windows_authentication_is_not_a_wrong_password(worlds):
    *_, last = worlds(iis_html_401=True).sage.ping()
    assert (last.name, last.ok) == ("iis", False)


def test_a_site_that_cannot_change_batches_is_told(worlds):
    *_, last = worlds(patch=False).sage.ping()
    assert (last.name, last.ok) == ("batches", True)
    assert "older than 2021" in last.message
    assert "post_mode open" in last.fix


def test_the_fiscal_calendar_is_no_reason_to_fail(world):
    world.sandbox.users["NOCS"] = User("NOCS", "x", frozenset({"AP", "GL"}))
    steps = {step.name: step for step in world.connector(credentials={"username": "NOCS", "password": "x"}).ping()}
    assert all(step.ok for step in steps.values())
    assert "Common Services" in steps["calendar"].message
    assert "first_open" in steps["calendar"].message


def test_a_certificate_that_is_not_verified_is_warned_of(world):
    first, *_ = world.connector(tls=Tls(verify=False)).ping()
    assert (first.name, first.ok) == ("tls", True)
    assert first.message.startswith("Warning")


def test_rights_are_checked_once_in_a_few_minutes(world):
    world.sage.begin_run()
    count = len(world.seen)
    world.connector().begin_run()
    assert len(world.seen) == count
    world.clock.sleep(301)
    world.sage.begin_run()
    assert len(world.seen) > count


def test_a_run_does_not_begin_without_the_right_to_the_ledger(world):
    with pytest.raises(ConfigurationError, match="General Ledger"):
        world.connector(credentials={"username": "APONLY", "password": "Web-Api-2026"}).begin_run()


def test_what_a_person_enters_is_in_the_registry():
    system = SYSTEMS["sage300"]
    assert [field.name for field in system.settings] == ["company", "uppercase_password", "request_timeout"]
    assert {field.name: field.required for field in system.credentials} == {"username": True, "password": False}


def test_capabilities_tell_lengths_and_the_wait_for_a_lost_answer(world):
    assert world.sage.capabilities.batch == {"bill": 50}
    assert world.sage.capabilities.limits["bill.number"] == 22
    assert world.sage.capabilities.answer_window == 125
    patient = world.connector(settings={**EXAMPLE.settings, "request_timeout": 300})
    assert patient.capabilities.answer_window == 305


# --- accounts and vendors -----------------------------------------------------------------------------


def test_accounts_are_active_where_an_invoice_may_post_to_them(world):
    (page,) = world.sage.read_accounts(None)
    found = {each.key: each for each in page.records}
    assert (found["6200100"].number, found["6200100"].name) == ("6200-100", "Office supplies, sales")
    closed = {key for key, each in found.items() if not each.active}
    assert closed == {"1310", "6000", "6950100", "6960100"}
    assert found["2015"].active  # a control account of payables
    assert page.as_of is not None
    assert world.sage.read_banks() == []


def test_accounts_are_read_in_pages_and_resumed(world):
    for number in range(150):
        world.sandbox.do_set_account(f"7{number:03d}", "Another")
    first, second = world.sage.read_accounts(None)
    assert (len(first.records), first.as_of) == (100, None)
    (rest,) = world.sage.read_accounts(first.cursor)
    assert rest.records == second.records
    assert rest.cursor == {"after": None}


def test_vendors_are_read_once_and_then_by_the_day_of_their_change(world):
    world.sandbox.do_set_vendor("V1", Status="Inactive", OnHold="OnHold", Country="usa", City="Spokane")
    (page,) = world.sage.read_vendors(None)
    first, second = page.records
    assert (first.key, first.number, first.name) == ("V1", "V1", "Granite Supply Co")
    assert (first.status, first.on_hold) == (VendorStatus.INACTIVE, True)
    assert first.address == Address(city="Spokane", country="US")
    assert (second.currency, second.status, second.on_hold) == ("CAD", VendorStatus.ACTIVE, False)
    world.clock.sleep(3 * 86400)
    (later,) = world.sage.read_vendors(page.cursor)
    assert [each.key for each in later.records] == ["V1", "V2"]  # a day's overlap with the first read
    (latest,) = world.sage.read_vendors(later.cursor)
    assert latest.records == []
    world.sandbox.do_set_vendor("V2", City="Halifax")
    (latest,) = world.sage.read_vendors(latest.cursor)
    assert [each.key for each in latest.records] == ["V2"]


def test_a_broken_off_read_of_vendors_goes_on_where_it_stood(world):
    for number in range(120):
        world.sandbox.do_add_vendor(f"W{number:04d}", f"Vendor {number}")
    pages = list(world.sage.read_vendors(None))
    assert [len(each.records) for each in pages] == [100, 22]
    assert pages[0].as_of is None
    assert pages[1].as_of is not None
    (rest,) = world.sage.read_vendors(pages[0].cursor)
    assert rest.records == pages[1].records
    assert rest.cursor == pages[1].cursor


def test_a_vendor_is_got_by_its_number_even_where_no_url_can_hold_it(world):
    world.sandbox.do_add_vendor("AC/DC", "AC/DC Lighting")
    assert world.sage.get_vendor("AC/DC").name == "AC/DC Lighting"
    assert (world.sage.fits("AC/DC"), world.sage.fits("V1")) == (False, True)
    with pytest.raises(NotFound):
        world.sage.get_vendor("NOBODY")
    with pytest.raises(Rejected, match="AC/DC"):
        world.sage.update_vendor("AC/DC", VendorDraft("X", "", Address()), frozenset({"name"}))


def test_padded_texts_are_read_without_their_blanks(worlds):
    world = worlds(padded=True)
    assert world.sage.get_vendor("V1").name == "Granite Supply Co"
    (written,) = world.sage.enter_bills([bill()], order())
    assert world.sage.get_ledger_bills([written.id])[written.id].number == "INV-1"


def new_vendor(number: str = "BILL000417", name: str = "Northwind Paper", **more: Any) -> NewVendorDraft:
    details = VendorDraft(name, "00901", Address("40 Mill Road", "", "", "Albany", "NY", "12205", "US"), currency="USD")
    return NewVendorDraft(details, "", number, **{"terms": "", "group": "TRADE", **more})


def test_a_vendor_is_created_with_what_its_group_brings(world):
    written = world.sage.create_vendor(new_vendor(terms="N60", account="6400100"))
    assert (written.id, written.duplicate) == ("BILL000417", False)
    row = next(each for each in world.sandbox.state()["vendors"] if each["VendorNumber"] == "BILL000417")
    assert (row["AccountSet"], row["TaxGroup"], row["Terms"]) == ("USA", "USDTAX", "N60")
    assert (row["DistributionType"], row["GLAccount"], row["Country"]) == ("GLAccount", "6400100", "USA")


def test_creating_a_vendor_again_finds_it_and_never_takes_anothers_number(world):
    world.sage.create_vendor(new_vendor())
    again = world.sage.create_vendor(new_vendor(name="NORTHWIND  paper"))
    assert (again.id, again.duplicate) == ("BILL000417", True)
    with pytest.raises(Duplicate, match="belongs to Northwind Paper") as caught:
        world.sage.create_vendor(new_vendor(name="Somebody else"))
    assert caught.value.ref == "BILL000417"


@pytest.mark.parametrize(
    ("draft", "words"),
    [
        (new_vendor("BILL000417000"), "12"),
        (new_vendor(group=""), "GroupCode"),
        (new_vendor(group="CADGRP"), "CAD"),  # of another currency
        (new_vendor(group="OLD"), "inactive"),
    ],
)
def test_a_vendor_that_sage_cannot_hold_is_refused(world, draft, words):
    with pytest.raises(Rejected, match=words):
        world.sage.create_vendor(draft)
    assert len(world.sandbox.state()["vendors"]) == 2


def test_changes_of_a_vendor_send_what_changed(world):
    world.sandbox.do_set_vendor("V1", Email="old@granite.example", AddressLine4="Left over", ShortName="GRAN")
    draft = VendorDraft("Granite Ltd", "", Address("12 Quarry Rd", city="Spokane"), phone="509", email="")
    world.sage.update_vendor("V1", draft, frozenset({"name", "address", "reference"}))
    (row,) = [each for each in world.sandbox.state()["vendors"] if each["VendorNumber"] == "V1"]
    assert (row["VendorName"], row["AddressLine1"], row["AddressLine4"]) == ("Granite Ltd", "12 Quarry Rd", "")
    assert (row["Email"], row["ShortName"], row.get("PhoneNumber", "")) == ("old@granite.example", "GRAN", "")
    count = len(world.asked("PATCH", "AP/APVendors"))
    world.sage.update_vendor("V1", draft, frozenset({"reference", "currency"}))
    assert len(world.asked("PATCH", "AP/APVendors")) == count


def test_vendors_are_found_by_name(world):
    (found,) = world.sage.find_vendors(["granite  SUPPLY co"], None)
    assert found.key == "V1"
    assert len(world.sage.find_vendors([], world.clock.now())) == 2


def test_the_first_open_day_is_the_day_itself_or_the_next_period_that_is_open(world):
    assert world.sage.first_open_day(DAY) == DAY
    world.clock.sleep(301)
    world.sandbox.do_close_period(DAY.year, 6)
    world.sandbox.do_close_period(DAY.year, 7)
    assert world.sage.first_open_day(DAY) == date(DAY.year, 8, 1)
    assert world.sage.first_open_day(date(DAY.year + 50, 1, 1)) == date(DAY.year + 50, 1, 1)
    assert len(world.asked("GET", "CS/CSFiscalCalendars")) == 2


# --- entering -----------------------------------------------------------------------------------------


def test_invoices_are_entered_as_one_open_batch(world):
    drafts = [bill("INV-1", "60.00", "-10.50", purchase_order="PO-1", description="Paper"), bill("inv-2 ")]
    first, second = world.sage.enter_bills(drafts, order())
    (batch,) = world.batches()
    assert (first.id, second.id) == (f"{batch['BatchNumber']}/1", f"{batch['BatchNumber']}/2")
    assert (first.total, first.details["state"]) == (Decimal("49.50"), "open")
    assert (batch["Description"], batch["BatchStatus"]) == ("ML BILL 7f3c2a91", "Open")
    entry = batch["Invoices"][0]
    assert (entry["DueDate"][:10], entry["PostingDate"][:10]) == (DUE.isoformat(), DAY.isoformat())
    assert (entry["PONumber"], entry["InvoiceDescription"], entry["TaxTotal"]) == ("PO-1", "Paper", 0)
    assert [line["DistributedAmount"] for line in entry["InvoiceDetails"]] == [Decimal("60.00"), Decimal("-10.50")]
    assert batch["Invoices"][1]["DocumentNumber"] == "INV-2"
    assert len(world.asked("POST", BATCHES)) == 1


def test_a_credit_becomes_a_credit_note_of_positive_amounts(world):
    (written,) = world.sage.enter_bills([bill("CM-1", "-80.00", "30.00")], order())
    (entry,) = world.batches()[0]["Invoices"]
    assert (entry["DocumentType"], entry["DocumentTotalIncludingTax"]) == ("CreditNote", Decimal("50.00"))
    assert [line["DistributedAmount"] for line in entry["InvoiceDetails"]] == [Decimal("80.00"), Decimal("-30.00")]
    assert written.total == Decimal("-50.00")
    assert world.sage.get_ledger_bills([written.id])[written.id].total == Decimal("-50.00")


def test_exempt_classes_keep_the_total_too(world):
    world.sage.enter_bills([bill()], order(tax="exempt"))
    (entry,) = world.batches()[0]["Invoices"]
    assert (entry["TaxClass1"], entry["InvoiceDetails"][0]["TaxClass1"], entry["UndistributedAmount"]) == (2, 2, 0)


def test_a_batch_is_made_ready_after_it_was_compared(world):
    (written,) = world.sage.enter_bills([bill()], order(PostMode.READY))
    assert written.details["state"] == "ready"
    assert world.batches()[0]["BatchStatus"] == "ReadyToPost"
    assert world.sandbox.tally["posted"] == 0


def test_an_older_site_keeps_the_batch_open_and_says_so(worlds):
    world = worlds(patch=False)
    (written,) = world.sage.enter_bills([bill()], order(PostMode.POST))
    assert written.details["state"] == "open"
    assert "older than 2021" in written.details["warnings"]
    assert "refused" not in written.details


def test_posting_posts_our_batch_alone(world):
    theirs = world.sandbox.do_add_invoice("V1", "THEIRS", [("6200100", "5.00")], status="ReadyToPost")
    (written,) = world.sage.enter_bills([bill()], order(PostMode.POST))
    assert written.details["state"] == "posted"
    assert world.batch(theirs["batch"])["BatchStatus"] == "ReadyToPost"
    assert (world.sandbox.tally["post_all"], world.sandbox.tally["posted_foreign"]) == (0, 0)
    (sent,) = world.asked("POST", "AP/APPostInvoices('$process')")
    assert f'"FromBatch":{written.id.split("/")[0]}' in sent.request
    assert "Donotpostallbatches" in sent.request


def test_fifty_invoices_are_entered_and_posted_in_a_handful_of_requests(world):
    world.sage.begin_run()
    world.sage.enter_bills([bill("FIRST")], order(PostMode.POST, "first"))
    world.seen.clear()
    world.sage.enter_bills([bill(f"INV-{number}") for number in range(50)], order(PostMode.POST))
    asked = [(each.method, each.url.partition("SAMLTD/")[2].partition("?")[0]) for each in world.seen]
    number = world.batches()[-1]["BatchNumber"]
    assert asked == [
        ("POST", BATCHES),
        ("PATCH", f"{BATCHES}({number})"),
        ("GET", f"{BATCHES}({number})"),
        ("POST", "AP/APPostInvoices('$process')"),
        ("GET", f"{BATCHES}({number})"),
    ]


def test_the_template_of_posting_is_read_once(world):
    for number in ("A", "B"):
        world.sage.enter_bills([bill(number)], order(PostMode.POST, number))
    assert len(world.asked("POST", "AP/APPostInvoices('$template')")) == 1


def test_an_entry_that_posting_throws_out_is_told_with_sages_words(world):
    world.sandbox.do_close_period(DAY.year, 1)
    early = replace(bill("INV-2"), posting_date=DAY.replace(month=1))
    good, bad = world.sage.enter_bills([bill(), early], order(PostMode.POST))
    assert (good.details["state"], bad.details["state"]) == ("posted", "refused")
    assert bad.details["reason"] == "period_closed"
    assert "is locked" in bad.details["refused"]
    origin, errors = world.batches()
    assert bad.id == f"{errors['BatchNumber']}/1"
    found = world.sage.find_batch("ML BILL 7f3c2a91")
    assert {each.number: each.state for each in found} == {"INV-1": EntryState.POSTED, "INV-2": EntryState.REFUSED}
    # what is known under its old place is found in its new one
    old = world.sage.get_ledger_bills([f"{origin['BatchNumber']}/2"])
    (moved,) = old.values()
    assert (moved.id, moved.state) == (bad.id, EntryState.REFUSED)
    assert "is locked" in moved.message
    assert moved.reason == "period_closed"


def test_our_batch_of_errors_is_posted_once_its_cause_is_gone(world):
    world.sandbox.do_close_period(DAY.year, DAY.month)
    (bad,) = world.sage.enter_bills([bill()], order(PostMode.POST))
    still = world.sage.advance([bad.id], order(PostMode.POST))[bad.id]
    assert still.details["state"] == "refused"
    assert still.id != bad.id
    world.sandbox.do_open_period(DAY.year, DAY.month)
    done = world.sage.advance([still.id], order(PostMode.POST))[still.id]
    assert (done.id, done.details["state"]) == (still.id, "posted")
    assert world.sage.advance([bad.id], order(PostMode.POST))[bad.id].id == done.id


def test_our_batch_of_errors_is_ours_whatever_it_is_called_and_whoever_posted_it(world):
    """Only its entries tell where they come from: its description is in no document, nor is who entered them."""
    world.sandbox.do_close_period(DAY.year, DAY.month)
    bad, other = world.sage.enter_bills([bill(), bill("INV-2")], order(PostMode.POST))
    errors = world.sandbox.company("").batch(world.batches()[-1]["BatchNumber"])
    errors["Description"] = "Batch of errors"
    for entry in errors["Invoices"]:
        entry["EnteredBy"] = "SYSTEM"
    world.sandbox.do_open_period(DAY.year, DAY.month)
    done = world.sage.advance([bad.id], order(PostMode.POST))[bad.id]
    assert (done.id, done.details["state"]) == (bad.id, "posted")
    assert world.sage.get_ledger_bills([other.id])[other.id].state is EntryState.POSTED


def test_a_batch_that_an_accountant_entered_is_never_taken_further(world):
    theirs = world.sandbox.do_add_invoice("V1", "THEIRS", [("6200100", "5.00")])
    name = f"{theirs['batch']}/1"
    refused = world.sage.advance([name], order(PostMode.POST))[name]
    assert refused.details["state"] == "open"
    assert "JSMITH" in refused.details["refused"]
    assert world.batch(theirs["batch"])["BatchStatus"] == "Open"


def test_a_batch_in_posting_is_waited_for_a_little(worlds):
    world = worlds(posting_seconds=10)
    (written,) = world.sage.enter_bills([bill()], order(PostMode.POST))
    assert written.details["state"] == "posted"
    world.sandbox.do_set_option(posting_seconds=3600)
    (written,) = world.sage.enter_bills([bill("INV-2")], order(PostMode.POST, "second"))
    assert written.details["state"] == "posting"
    with pytest.raises(RecordLocked):
        world.sage.remove_bill(written.id)


def test_a_site_that_wants_batches_printed_first_refuses_the_posting(worlds):
    world = worlds(force_listing=True)
    (written,) = world.sage.enter_bills([bill()], order(PostMode.POST))
    assert (written.details["state"], written.details["reason"]) == ("ready", "rejected_by_target")
    assert "printed" in written.details["refused"]


def test_an_answer_lost_while_posting_is_looked_up(world):
    world.fault("reset_after", method="POST", path="process")
    (written,) = world.sage.enter_bills([bill()], order(PostMode.POST))
    assert written.details == {"state": "posted", "batch": written.id.split("/")[0]}


def test_what_is_entered_is_told_even_if_it_cannot_be_made_ready(world):
    world.fault("html", method="PATCH", path="APInvoiceBatches", times=1)
    (written,) = world.sage.enter_bills([bill()], order(PostMode.READY))
    assert written.details["state"] == "open"
    assert written.details["warnings"]
    done = world.sage.advance([written.id], order(PostMode.READY))[written.id]
    assert done.details["state"] == "ready"
    assert "warnings" not in done.details


# --- what cannot be entered ------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["en-US", "fr-FR"])
def test_a_number_that_is_taken_is_a_duplicate_in_every_language(worlds, language):
    world = worlds(language=language)
    theirs = world.sandbox.do_add_invoice("V1", "INV-1", [("6200100", "5.00")])
    with pytest.raises(Duplicate) as caught:
        world.sage.enter_bills([bill("inv-1")], order())
    assert caught.value.ref == f"{theirs['batch']}/1"
    assert len(world.batches()) == 1


def test_one_document_that_cannot_be_entered_takes_the_whole_batch_with_it(world):
    lines = (DraftLine("6960100", Decimal("1.00")),)
    with pytest.raises(Rejected, match="prohibited"):
        world.sage.enter_bills([bill(), replace(bill("INV-2"), lines=lines)], order(PostMode.POST))
    assert world.batches() == []


@pytest.mark.parametrize(
    ("draft", "words"),
    [
        (bill("N" * 23), "22"),
        (bill(purchase_order="P" * 23), "22"),
        (bill("X", "1.0001"), "decimals"),
        (bill(" "), "missing"),
    ],
)
def test_what_sage_cannot_hold_is_not_sent(world, draft, words):
    with pytest.raises(Rejected, match=words):
        world.sage.enter_bills([draft], order())
    assert world.seen == []


def test_a_batch_too_large_for_the_web_server_is_not_sent(world):
    many = tuple(DraftLine("6200100", Decimal("1.00"), "x" * 60) for _ in range(5000))
    drafts = [replace(bill(number), lines=many) for number in ("A", "B")]
    with pytest.raises(Rejected, match="fewer documents"):
        world.sage.enter_bills(drafts, order())
    assert world.seen == []


def test_a_currency_that_is_not_the_vendors_is_taken_back(world):
    draft = replace(bill(vendor="V2", currency="USD"), lines=(DraftLine("6300100", Decimal("5.00")),))
    with pytest.raises(Rejected) as caught:
        world.sage.enter_bills([draft], order(PostMode.READY))
    assert caught.value.reason == "currency_unsupported"
    (batch,) = world.batches()
    assert (batch["NumberOfEntries"], batch["BatchStatus"]) == (0, "Open")


def test_an_amount_that_sage_rounds_is_taken_back(world):
    world.sandbox.do_add_vendor("V3", "Tokyo Parts", "JPYGRP")
    lines = (DraftLine("6300100", Decimal("100.50")),)
    with pytest.raises(Rejected) as caught:
        world.sage.enter_bills([replace(bill(vendor="V3", currency="JPY"), lines=lines)], order())
    assert caught.value.reason == "amount_mismatch"
    assert world.batches()[0]["NumberOfEntries"] == 0


def test_a_wrong_entry_that_cannot_be_taken_back_is_an_unknown_outcome(worlds):
    world = worlds(patch=False)
    draft = replace(bill(vendor="V2", currency="USD"), lines=(DraftLine("6300100", Decimal("5.00")),))
    with pytest.raises(OutcomeUnknown, match="corrected in Sage 300"):
        world.sage.enter_bills([draft], order())


REFUSAL = '{"error":{"code":"General","message":{"lang":"en-US","value":"No."}}}'
LOCK = REFUSAL.replace("No.", "Record has been modified by another program.")


@pytest.mark.parametrize(("answer", "kind"), [(REFUSAL, Rejected), (LOCK, RecordLocked)])
def test_what_a_refused_batch_left_behind_is_removed(world, answer, kind):
    world.fault("status_after", method="POST", path="APInvoiceBatches$", status=409, body=answer)
    with pytest.raises(kind):
        world.sage.enter_bills([bill()], order())
    assert world.batches()[0]["NumberOfEntries"] == 0
    assert world.sage.find_batch("ML BILL 7f3c2a91") == []
    world.sage.enter_bills([bill()], order(marker="another"))


def test_what_cannot_be_removed_is_an_unknown_outcome(worlds):
    world = worlds(patch=False)
    world.fault("status_after", method="POST", path="APInvoiceBatches$", status=409, body=REFUSAL)
    with pytest.raises(OutcomeUnknown, match="kept a part"):
        world.sage.enter_bills([bill()], order())
    (entry,) = world.sage.find_batch("ML BILL 7f3c2a91")
    assert entry.total == Decimal("100.00")


def test_a_batch_is_found_by_its_marker_after_a_lost_answer(world):
    assert world.sage.find_batch("ML BILL 7f3c2a91") is None
    world.fault("reset_after", method="POST", path="APInvoiceBatches$")
    with pytest.raises(OutcomeUnknown):
        world.sage.enter_bills([bill(), bill("INV-2")], order())
    found = world.sage.find_batch("ML BILL 7f3c2a91")
    assert [(each.number, each.state) for each in found] == [("INV-1", EntryState.OPEN), ("INV-2", EntryState.OPEN)]
    assert len(world.batches()) == 1


def test_a_part_of_a_batch_is_found_as_such(world):
    world.fault("partial_batch", method="POST", path="APInvoiceBatches$", body="1")
    with pytest.raises(OutcomeUnknown):
        world.sage.enter_bills([bill(), bill("INV-2")], order())
    assert [each.number for each in world.sage.find_batch("ML BILL 7f3c2a91")] == ["INV-1"]


# --- finding and following ----------------------------------------------------------------------------------


def test_documents_are_found_posted_or_not(world):
    world.sandbox.do_add_invoice("V1", "POSTED", [("6200100", "5.00")], status="Posted")
    world.sandbox.do_add_invoice("V1", "CREDIT", [("6200100", "7.00")], status="Posted", document_type="CreditNote")
    world.sandbox.do_add_invoice("V1", "READY", [("6200100", "9.00")], status="ReadyToPost")
    world.sandbox.do_add_invoice("V2", "POSTED", [("6300100", "5.00")], status="Posted")
    asked = [("V1", "posted "), ("V1", "CREDIT"), ("V1", "READY"), ("V1", "NOWHERE")]
    found = world.sage.find_ledger_bills(asked)
    assert [[(each.total, each.state) for each in found[key]] for key in asked] == [
        [(Decimal("5.00"), EntryState.POSTED)],
        [(Decimal("-7.00"), EntryState.POSTED)],
        [(Decimal("9.00"), EntryState.READY)],
        [],
    ]
    assert world.sage.find_ledger_bills([]) == {}


def test_many_documents_are_looked_for_in_few_requests(world):
    world.seen.clear()
    asked = [("V1", f"INV-{number}") for number in range(50)]
    world.sage.find_ledger_bills(asked)
    assert len(world.asked("GET", "AP/APPostedDocuments")) == 4
    assert len(world.asked("GET", BATCHES)) == 1
    assert world.sandbox.tally["unselected_batch_lists"] == 0


def test_an_entry_keeps_its_name_when_it_is_posted(world):
    (written,) = world.sage.enter_bills([bill()], order(PostMode.READY))
    assert [each.id for each in world.sage.read_unposted()] == [written.id]
    world.sandbox.do_post_batch(int(written.id.split("/")[0]))
    assert world.sage.read_unposted() == []
    (found,) = world.sage.find_ledger_bills([("V1", "INV-1")])[("V1", "INV-1")]
    assert found.id == written.id
    assert world.sage.get_ledger_bills([written.id])[written.id].state is EntryState.POSTED


def test_entries_that_are_gone_are_left_out(world):
    first, second = world.sage.enter_bills([bill(), bill("INV-2")], order())
    number = int(first.id.split("/")[0])
    world.sandbox.do_delete_entry(number, 1)
    assert list(world.sage.get_ledger_bills([first.id, second.id, "999/1", "nonsense"])) == [second.id]
    world.sandbox.do_delete_batch(number)
    assert world.sage.get_ledger_bills([second.id]) == {}
    assert world.sage.advance([second.id], order(PostMode.POST)) == {}


def test_an_entry_that_somebody_put_out_of_balance_does_not_look_right(world):
    (written,) = world.sage.enter_bills([bill()], order())
    world.sandbox.do_edit_entry(int(written.id.split("/")[0]), 1, {"DocumentTotalIncludingTax": Decimal("90.00")})
    (found,) = world.sage.read_unposted()
    assert found.total == Decimal("100.00")
    assert "out of balance by -10" in found.message


# --- changing ---------------------------------------------------------------------------------------------


def test_an_entry_is_changed_where_it_stands(world):
    (written,) = world.sage.enter_bills([bill("INV-1", "10.00", "20.00", "30.00")], order(PostMode.READY))
    changed = world.sage.change_bill(written.id, bill("INV-1A", "15.00"), order(PostMode.READY))
    (batch,) = world.batches()
    (entry,) = batch["Invoices"]
    assert (changed.id, changed.total, changed.details["state"]) == (written.id, Decimal("15.00"), "ready")
    assert (entry["DocumentNumber"], len(entry["InvoiceDetails"])) == ("INV-1A", 1)
    assert batch["BatchStatus"] == "ReadyToPost"
    world.sage.change_bill(written.id, bill("INV-1A", "1.00", "2.00", "3.00", "4.00"), order())
    (entry,) = world.batches()[0]["Invoices"]
    assert [line["DistributedAmount"] for line in entry["InvoiceDetails"]] == [1, 2, 3, 4]


def test_an_entry_is_removed_and_its_batch_made_ready_again(world):
    first, second = world.sage.enter_bills([bill(), bill("INV-2")], order(PostMode.READY))
    world.sage.remove_bill(first.id)
    (batch,) = world.batches()
    assert ([each["DocumentNumber"] for each in batch["Invoices"]], batch["BatchStatus"]) == (["INV-2"], "ReadyToPost")
    world.sage.remove_bill(first.id)
    world.sage.remove_bill(second.id)
    assert (world.batches()[0]["NumberOfEntries"], world.batches()[0]["BatchStatus"]) == (0, "Open")


def test_what_is_posted_is_neither_changed_nor_removed(world):
    (written,) = world.sage.enter_bills([bill()], order(PostMode.POST))
    for act in (
        lambda: world.sage.change_bill(written.id, bill(), order()),
        lambda: world.sage.remove_bill(written.id),
    ):
        with pytest.raises(Rejected) as caught:
            act()
        assert caught.value.code == "bill_posted"
    with pytest.raises(NotFound):
        world.sage.change_bill("999/1", bill(), order())


def test_a_batch_that_somebody_works_in_is_a_lock(world):
    (written,) = world.sage.enter_bills([bill()], order())
    world.sandbox.do_lock_batch(int(written.id.split("/")[0]))
    with pytest.raises(RecordLocked):
        world.sage.change_bill(written.id, bill("INV-1", "5.00"), order())
    with pytest.raises(RecordLocked):
        world.sage.remove_bill(written.id)


def test_a_refused_change_leaves_the_batch_as_it_was(world):
    (written,) = world.sage.enter_bills([bill()], order(PostMode.READY))
    lines = (DraftLine("6960100", Decimal("1.00")),)
    with pytest.raises(Rejected, match="prohibited"):
        world.sage.change_bill(written.id, replace(bill(), lines=lines), order())
    (batch,) = world.batches()
    assert (batch["BatchStatus"], batch["Invoices"][0]["DocumentTotalIncludingTax"]) == (
        "ReadyToPost",
        Decimal("100.00"),
    )


def test_a_change_that_sage_makes_something_else_of_leaves_the_batch_open(world):
    world.sandbox.do_add_vendor("V3", "Tokyo Parts", "JPYGRP")
    draft = replace(bill(vendor="V3"), lines=(DraftLine("6300100", Decimal("100")),))
    (written,) = world.sage.enter_bills([draft], order(PostMode.READY))
    with pytest.raises(Rejected) as caught:
        world.sage.change_bill(written.id, replace(draft, lines=(DraftLine("6300100", Decimal("9.50")),)), order())
    assert caught.value.reason == "amount_mismatch"
    assert world.batches()[0]["BatchStatus"] == "Open"
