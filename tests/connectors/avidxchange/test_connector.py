"""The connector against the stand-in over real HTTP: the same tests for either profile."""

from __future__ import annotations

import base64
import hashlib
import io
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from connectors.domain import Address, BillDraft, CodeDraft, DraftLine, VendorDraft, VendorStatus
from connectors.errors import (
    ConfigurationError,
    CredentialsRefused,
    Duplicate,
    NotFound,
    OutcomeUnknown,
    Rejected,
)
from connectors.ports import Download

from .caller import PDF

GL = "Accounting Codes"
MILL = Address("12 Mill Rd", "", "", "Charlotte", "NC", "28202", "US")
BOX = Address("PO Box 4410", "", "", "Atlanta", "GA", "30301", "US")
TODAY = datetime.now(UTC).date()


def vendor_draft(code="01-ABC001", name="Abrasive Supply Co", **more):
    return VendorDraft(**{"name": name, "reference": code, "address": MILL, "remit_to": BOX, **more})


def bill_draft(number="INV-1", lines=(("6000", "1500.00"), ("6410", "360.00")), vendor="01-ABC001", **more):
    drafts = tuple(DraftLine(f"{GL}|{code}", Decimal(amount)) for code, amount in lines)
    reference = more.pop("reference", f"S100|ABC|{vendor}|{number}")
    return BillDraft(vendor, number, date(2026, 10, 28), date(2026, 11, 27), drafts, reference=reference, **more)


def scan(content=PDF):
    return Download(io.BytesIO(content), len(content), hashlib.sha256(content).hexdigest())


def records(pages):
    return [record for page in pages for record in page.records]


# --- connection ------------------------------------------------------------------------------------


def test_ping_signs_in_finds_the_accounting_system_and_reads(connect):
    steps = list(connect().ping())
    assert [(step.name, step.ok) for step in steps] == [("login", True), ("company", True), ("read", True)]


def test_ping_names_the_accounting_systems_there_are(connect):
    *_, last = connect(accounting_system="Sage 100 QRS").ping()
    assert not last.ok
    assert "Sage 100 ABC, Sage 100 XYZ" in last.message


def test_the_accounting_system_is_found_whatever_its_capitals_and_once_for_all(connect, avid):
    for _ in range(2):
        connect(accounting_system=" sage 100 abc ").begin_run()
    assert avid.stats()["resources"]["accounting_systems"] == {"GET": 1}


@pytest.mark.parametrize("token", ["company_token", "user_token"])
def test_a_revoked_token_is_asked_with_once(connect, avid, token):
    connector = connect()
    connector.begin_run()
    avid.act("revoke_token", which=token)
    for _ in range(3):
        with pytest.raises(CredentialsRefused):
            list(connector.read_vendors(None))
    assert sum(avid.stats()["unauthorized"].values()) == 1


def test_ping_tries_refused_tokens_again(connect, avid):
    connector = connect()
    avid.act("revoke_token")
    assert not next(connector.ping()).ok
    avid.act("restore_token")
    assert all(step.ok for step in connector.ping())


def test_a_missing_right_is_told_as_one(connect, avid):
    avid.act("disable", resource="vendors", status=403)
    with pytest.raises(ConfigurationError) as refused:
        list(connect().read_vendors(None))
    assert (refused.value.step, refused.value.status) == ("permission", 403)


# --- codes -----------------------------------------------------------------------------------------


def test_imported_codes_stand_in_the_read_view(connect):
    connector = connect()
    drafts = [CodeDraft("6000", "6000 : Purchases"), CodeDraft("6999", "6999 : Suspense", active=False)]
    written = connector.import_codes(connector.ledger_group, drafts)
    assert [each.id for each in written] == [f"{GL}|6000", f"{GL}|6999"]
    connector.import_codes("Location", [CodeDraft("01", "East")])
    found = {each.key: each for each in records(connector.read_accounts(None))}
    assert found[f"{GL}|6000"].name == "6000 : Purchases"
    assert (found[f"{GL}|6999"].active, found[f"{GL}|6999"].kind) == (False, GL)
    assert found["Location|01"].number == "01"


def test_a_description_is_never_too_long_for_an_import(connect):
    connector = connect()
    connector.import_codes(GL, [CodeDraft("6000", "x" * 51)])
    assert records(connector.read_accounts(None))[0].name == "x" * 50


def test_a_whole_chart_is_read_over_all_pages(connect, avid):
    for number in range(60):
        avid.act("add_code", value=f"{number:04}", description="Account")
    assert len(records(connect().read_accounts(None))) == 60


@pytest.mark.parametrize("status", [403, 404, 405, 501])
def test_an_import_that_is_not_enabled_is_told_apart(connect, avid, status):
    avid.act("disable", resource="code_import", status=status)
    with pytest.raises(ConfigurationError) as refused:
        connect().import_codes(GL, [CodeDraft("6000", "Purchases")])
    assert refused.value.code == "import_disabled"


def test_a_refused_code_is_told_by_its_row_or_with_all(connect, profile):
    drafts = [CodeDraft("6000", "Purchases"), CodeDraft("", "Nameless")]
    if profile == "plain-rest":
        with pytest.raises(Rejected):
            connect().import_codes(GL, drafts)
    else:
        good, bad = connect().import_codes(GL, drafts)
        assert "refused" not in good.details
        assert bad.details["refused"]


# --- vendors ---------------------------------------------------------------------------------------


def test_a_vendor_is_created_under_our_code_and_read_back(connect):
    connector = connect()
    (written,) = connector.create_vendors([vendor_draft(phone="704-555-0142", email="ar@abrasive.example")])
    assert written.id == "01-ABC001"
    vendor = connector.get_vendor("01-ABC001")
    assert (vendor.key, vendor.name, vendor.reference) == ("01-ABC001", "Abrasive Supply Co", "01-ABC001")
    assert (vendor.address, vendor.remit_to_address) == (MILL, BOX)
    assert (vendor.phone, vendor.status) == ("704-555-0142", VendorStatus.ACTIVE)


def test_one_address_serves_for_both(connect):
    connector = connect()
    connector.create_vendors([vendor_draft(remit_to=None)])
    assert connector.get_vendor("01-ABC001").remit_to_address == MILL


def test_a_vendor_that_exists_is_a_duplicate(connect):
    connector = connect()
    connector.create_vendors([vendor_draft()])
    with pytest.raises(Duplicate):
        connector.create_vendors([vendor_draft(name="Another")])


def test_only_what_changed_is_sent_and_nothing_is_erased(connect, avid):
    connector = connect()
    vendor = avid.act("add_vendor", code="AV-7", name="Old", tax_id="12-3456789", email="old@example.com")["id"]
    connector.update_vendor("AV-7", vendor_draft(name="New", email=""), frozenset({"name", "email"}))
    (row,) = [each for each in avid.state("vendors") if each["id"] == vendor]
    assert (row["name"], row["email"], row["tax_id"]) == ("New", "old@example.com", "12-3456789")
    connector.update_vendor("AV-7", vendor_draft(), frozenset())
    assert avid.stats()["vendor_puts"] == {"AV-7": 1}


def test_a_vendor_is_switched_off(connect):
    connector = connect()
    connector.create_vendors([vendor_draft()])
    connector.update_vendor("01-ABC001", vendor_draft(active=False), frozenset({"active"}))
    assert connector.get_vendor("01-ABC001").status is VendorStatus.INACTIVE


def test_an_update_that_met_a_conflict_is_sent_once_more(connect, avid):
    connector = connect()
    connector.create_vendors([vendor_draft()])
    avid.fault("conflict", method="PATCH" if avid.plain else "PUT")
    connector.update_vendor("01-ABC001", vendor_draft(name="New"), frozenset({"name"}))
    assert connector.get_vendor("01-ABC001").name == "New"


def test_all_vendors_are_read_then_those_that_changed(connect, avid):
    for number in range(30):
        avid.act("add_vendor", code=f"V-{number}", name=f"Vendor {number}")
    connector = connect()
    pages = list(connector.read_vendors(None))
    assert len(records(pages)) == 30
    assert pages[-1].cursor == {"through": TODAY.isoformat()}
    assert len(records(connector.read_vendors(pages[-1].cursor))) == 30  # all of them changed today
    ahead = {"through": (TODAY + timedelta(days=5)).isoformat()}  # our clock was set back
    assert len(records(connector.read_vendors(ahead))) == 30


def test_vendors_are_found_by_name(connect, avid):
    avid.act("add_vendor", code="A", name="Summit  Electric")
    avid.act("add_vendor", code="B", name="Other")
    (found,) = connect().find_vendors(["summit electric"], datetime.now(UTC) - timedelta(days=1))
    assert found.key == "A"


def test_an_unknown_vendor_is_not_found(connect):
    with pytest.raises(NotFound):
        connect().get_vendor("01-NONE")


# --- invoices --------------------------------------------------------------------------------------


def test_an_invoice_is_sent_to_the_cent_and_found_again(connect, avid):
    avid.ready()
    connector = connect()
    draft = bill_draft(purchase_order="0012345", description="Grinding wheels", posting_date=date(2026, 10, 31))
    (written,) = connector.create_bills([draft])
    (bill,) = connector.find_bills(["01-ABC001"])
    assert (bill.id, bill.number, bill.total, bill.vendor_id) == (written.id, "INV-1", Decimal("1860.00"), "01-ABC001")
    assert (bill.status, bill.outcome, bill.has_image) == ("Pending Approval", "", False)
    assert bill.reference == "S100|ABC|01-ABC001|INV-1"
    assert bill.invoice_date == date(2026, 10, 28)
    (row,) = avid.state("invoices")
    assert (row["external_scheme"], row["external_owner"]) == ("Sage100", "Buyer")
    assert row["posting_date"].startswith("2026-10-31")


def test_a_segment_goes_as_a_code_of_its_own(connect, avid):
    avid.ready()
    avid.act("add_code", value="01", group="Location")
    line = DraftLine(f"{GL}|6000", Decimal("10.00"), codes=("Location|01",))
    connect().create_bills([BillDraft("01-ABC001", "S-1", TODAY, TODAY, (line,), reference="r")])
    (row,) = avid.state("invoices")
    assert row["lines"][0]["codes"] == [{"value": "6000", "group": GL}, {"value": "01", "group": "Location"}]


def test_a_duplicate_names_the_invoice_that_is_there(connect, avid):
    avid.ready()
    connector = connect()
    (first,) = connector.create_bills([bill_draft()])
    with pytest.raises(Duplicate) as refused:
        connector.create_bills([bill_draft(number="inv-1", reference="another")])
    assert refused.value.ref == first.id


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"vendor": "01-NONE"}, "vendor_missing"),
        ({"lines": (("6001", "1.00"),)}, "account_unmapped"),
    ],
)
def test_a_refusal_says_what_is_missing(connect, avid, change, reason):
    avid.ready()
    with pytest.raises(Rejected) as refused:
        connect().create_bills([bill_draft(**change)])
    assert refused.value.reason == reason


def test_one_look_up_finds_by_number_or_by_reference(connect, avid):
    avid.ready()
    connector = connect()
    (written,) = connector.create_bills([bill_draft()])
    assert [bill.id for bill in connector.find_bill(bill_draft())] == [written.id]
    renamed = bill_draft(number="OTHER", reference="S100|ABC|01-ABC001|INV-1")
    assert [bill.id for bill in connector.find_bill(renamed)] == [written.id]
    assert connector.find_bill(bill_draft(number="NONE")) == []


def test_dead_invoices_are_not_live_but_can_be_read(connect, avid):
    avid.ready()
    connector = connect()
    (rejected,) = connector.create_bills([bill_draft("INV-1")])
    (approved,) = connector.create_bills([bill_draft("INV-2")])
    avid.act("reject", invoice=int(rejected.id))
    avid.act("approve", invoice=int(approved.id))
    assert [bill.number for bill in connector.find_bills(["01-ABC001"])] == ["INV-2"]
    found = connector.get_bills([rejected.id, approved.id, "999999"])
    assert {key: bill.outcome for key, bill in found.items()} == {rejected.id: "rejected", approved.id: "approved"}


def test_changes_of_invoices_are_read_by_the_day(connect, avid):
    avid.ready()
    connector = connect()
    (written,) = connector.create_bills([bill_draft()])
    pages = list(connector.read_target_bills(None, TODAY - timedelta(days=40)))
    assert [bill.id for bill in records(pages)] == [written.id]
    avid.act("reject", invoice=int(written.id))
    (bill,) = records(connector.read_target_bills(pages[-1].cursor, TODAY))
    assert bill.outcome == "rejected"


def test_a_lost_answer_is_an_unknown_outcome_and_the_invoice_is_there(connect, avid):
    avid.ready()
    connector = connect()
    connector.begin_run()
    avid.fault("reset_after", method="POST", path="/invoices")
    with pytest.raises(OutcomeUnknown):
        connector.create_bills([bill_draft()])
    assert len(connector.find_bill(bill_draft())) == 1
    assert avid.stats()["resources"]["invoices"]["POST"] == 1


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_failing_gateway_leaves_a_write_open(connect, avid, status):
    avid.ready()
    connector = connect()
    avid.fault("status", method="POST", path="/invoices", status=status, body="<html>Bad Gateway</html>")
    with pytest.raises(OutcomeUnknown):
        connector.create_bills([bill_draft()])
    assert avid.stats()["requests"].get("fault status") == 1


# --- images ----------------------------------------------------------------------------------------


@pytest.fixture
def invoice(connect, avid):
    avid.ready()
    (written,) = connect().create_bills([bill_draft()])
    return written.id


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (PDF, "application/pdf"),
        (b"II*\0" + b"t" * 100001, "image/tiff"),
        (b"MM\0*" + b"t" * 70000, "image/tiff"),
        (b"\x89PNG\r\n\x1a\n" + b"p" * 65536, "image/png"),
        (b"\xff\xd8\xff\xe0" + b"j" * 49152, "image/jpeg"),
    ],
)
def test_a_scan_arrives_whole_with_the_type_of_its_content(connect, avid, invoice, content, kind):
    written = connect().attach_image(invoice, scan(content), 'Scan "7" März.bin')
    assert (written.id, written.number) == (invoice, kind)
    (upload,) = avid.state("images")[invoice]
    assert (upload["content_type"], upload["size"]) == (kind, len(content))
    assert upload["sha256"] == hashlib.sha256(content).hexdigest()
    assert connect().get_bills([invoice])[invoice].has_image


@pytest.mark.parametrize("content", [b"", b"GIF89a....", b"%PDF-" + b"x" * 10485760])
def test_a_scan_that_cannot_be_taken_is_never_sent(connect, avid, invoice, content):
    connector = connect()
    assert connector.judge_image(scan(content))
    with pytest.raises(Rejected):
        connector.attach_image(invoice, scan(content), "scan.pdf")
    assert "images" not in avid.stats()["resources"]


def test_the_largest_scan_is_taken(connect, invoice):
    content = b"%PDF-" + b"x" * (10485760 - 5)
    connector = connect()
    assert connector.judge_image(scan(content)) == ""
    connector.attach_image(invoice, scan(content), "scan.pdf")


def test_a_lost_answer_to_a_scan_is_told_by_the_invoice(connect, avid, invoice):
    connector = connect()
    avid.fault("reset_after", method="POST", path=f"/invoices/{invoice}/")
    with pytest.raises(OutcomeUnknown):
        connector.attach_image(invoice, scan(), "scan.pdf")
    assert connector.get_bills([invoice])[invoice].has_image


def test_a_scan_is_not_shown(connect, seen, invoice):
    connect().attach_image(invoice, scan(PDF + b"secret-content"), "scan.pdf")
    shown = "".join(each.request + each.response for each in seen)
    assert "secret-content" not in shown
    assert base64.b64encode(b"secret-content").decode()[:12] not in shown
