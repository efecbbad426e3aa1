"""Sage 100's codes, vendors and invoices in AvidXchange, under both profiles."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from audit.models import AuditEvent
from integrations.engine.actions import replay
from integrations.models import Delivery, Link, State
from tests.avid_world import AMOUNTS, GROUP, AvidWorld
from tests.builders import money


@pytest.fixture
def acme(avid: AvidWorld) -> AvidWorld:
    avid.add_vendor()
    return avid


def accept(world: AvidWorld, document: str) -> None:
    """A person read why the record is held and replays it."""
    rows = Delivery.objects.filter(flow__name="bills", document=document, state=State.HELD)
    assert replay(rows, actor="kim", doorbell=False) == 1


def events(event: str) -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(event=event).order_by("sequence"))


# --- codes -------------------------------------------------------------------------------------------


def test_accounts_and_segments_become_codes_once(avid: AvidWorld) -> None:
    assert avid.sync().ok
    accounts = [each for each in avid.sage.state()["accounts"] if each["companyCode"] == "ABC"]
    codes = avid.codes()
    assert codes.keys() == {each["account"] for each in accounts}
    for each in accounts:
        code = codes[each["account"]]
        assert code["active"] == (each["status"] == "A")
        assert code["description"] == f"{each['account']} : {each['accountDesc']}"[:50].rstrip()
    assert {"01", "02"} <= avid.codes("Location").keys()
    avid.quiet()
    assert not Link.objects.filter(flow__name="accounts", state=Link.State.ENTERED)  # all of them were seen there


def test_an_account_that_is_retired_goes_inactive_with_one_row(avid: AvidWorld) -> None:
    assert avid.sync().ok
    avid.add_account("5010-01-00", status="I")
    result, _, writes = avid.counted()
    assert (result.ok, writes) == (True, 1)
    assert avid.codes()["5010-01-00"]["active"] is False
    avid.quiet()


def test_codes_that_are_there_already_are_only_linked(avid: AvidWorld) -> None:
    (account,) = [each for each in avid.sage.state()["accounts"] if each["account"] == "5010-01-00"]
    avid.avid.do_add_code("5010-01-00", f"5010-01-00 : {account['accountDesc']}"[:50].rstrip())
    assert avid.sync().ok
    assert avid.link(f"{GROUP}|5010-01-00", "accounts").adopted


@pytest.mark.avid(code_delay=40.0)
def test_an_invoice_waits_for_its_code_to_show(acme: AvidWorld) -> None:
    acme.add_invoice("INV-1")
    assert acme.sync().ok
    assert acme.lines("INV-1") == [("5010-01-00", money(100))]


@pytest.mark.avid(settings={"codes_write_mode": "verify"})
def test_codes_are_only_verified(acme: AvidWorld) -> None:
    acme.add_invoice("INV-1")
    result = acme.sync()
    assert [(each["document"], each["reason"]) for each in result.held] == [("INV-1", "account_unmapped")]
    assert "5010-01-00 is not in AvidXchange" in result.held[0]["message"]
    assert not acme.codes()
    assert "codes are not in AvidXchange" in events("codes_missing")[0].message
    acme.avid.do_add_code("5010-01-00", "Materials")
    assert acme.sync(flows=["bills"]).ok
    assert acme.invoices().keys() == {"INV-1"}


def test_a_code_that_somebody_switched_off_there_holds(acme: AvidWorld) -> None:
    assert acme.sync().ok
    acme.avid.do_add_code("5010-01-00", "Materials", active=False)
    acme.add_invoice("INV-1")
    acme.sync()
    assert acme.held("INV-1") == ("account_unmapped", "Code 5010-01-00 is not in AvidXchange: it is inactive there.")
    acme.avid.do_add_code("5010-01-00", "Materials")
    assert acme.sync().ok


@pytest.mark.parametrize("status", [403, 404, 405])
@pytest.mark.avid(settings={"codes_write_mode": "auto"})
def test_auto_falls_back_and_asks_no_more_until_a_person_says_so(acme: AvidWorld, status: int) -> None:
    acme.avid.do_disable("code_import", status)
    acme.avid.do_add_code("5010-01-00", "Materials")
    acme.add_invoice("INV-1")
    assert acme.sync().ok
    assert acme.invoices().keys() == {"INV-1"}
    assert "only verified from now on" in events("codes_only_verified")[0].message
    asked = acme.avid.stats()["resources"]["code_import"]["POST"]
    assert asked <= 3
    acme.avid.do_disable("code_import", 0)
    assert acme.sync(full=True).ok
    assert acme.avid.stats()["resources"]["code_import"]["POST"] == asked
    acme.set(codes_write_mode="import")
    assert acme.sync().ok
    assert len(acme.codes()) > 10


def test_import_does_not_fall_back(acme: AvidWorld) -> None:
    acme.avid.do_disable("code_import", 404)
    acme.avid.do_add_code("5010-01-00", "Materials")
    acme.add_invoice("INV-1")
    result = acme.sync()
    assert result.exit_code == 3
    assert result.trouble is not None
    assert result.trouble.step == "codes"
    assert acme.invoices().keys() == {"INV-1"}  # a failed flow stops no other


@pytest.mark.avid(settings={"codes_write_mode": "file"})
def test_codes_are_written_to_a_file(avid: AvidWorld) -> None:
    assert avid.sync().ok
    path = Path(settings.EXPORTS_DIR) / "acme" / "ap" / "codes.csv"
    rows = list(csv.DictReader(io.StringIO(path.read_text())))
    assert list(rows[0]) == ["GroupName", "CodeValue", "Description", "IsActive"]
    accounts = {each["CodeValue"]: each for each in rows if each["GroupName"] == GROUP}
    assert accounts.keys() == {
        each["account"] for each in avid.sage.state()["accounts"] if each["companyCode"] == "ABC"
    }
    assert {each["IsActive"] for each in rows} == {"true", "false"}
    assert str(path) in events("codes_exported")[-1].message
    assert not avid.codes()
    path.unlink()


# --- vendors -----------------------------------------------------------------------------------------


def test_a_vendor_is_created_under_its_code_with_both_addresses(avid: AvidWorld) -> None:
    remit = {"name": "Acme Receivables", "addressLine1": "PO Box 9", "city": "Dayton", "state": "OH"}
    avid.add_vendor(remit_to={**remit, "zipCode": "45401", "countryCode": "USA"})
    avid.add_invoice("INV-1")
    assert avid.sync().ok
    made = avid.vendors()["01-ACME01"]
    assert made["address"]["line1"] == "12 Mill Rd"
    assert (made["remit_to"]["line1"], made["remit_to"]["postal_code"]) == ("PO Box 9", "45401")
    avid.quiet()
    assert not avid.avid.stats()["vendor_puts"]


def test_a_vendor_with_our_code_is_ours_whatever_its_name(acme: AvidWorld) -> None:
    acme.avid.do_add_vendor("01-ACME01", "ACME Bldg.")
    acme.add_invoice("INV-1")
    assert acme.sync().ok
    assert acme.link("01-ACME01", "vendors").adopted
    assert len(acme.vendors()) == 1
    assert not acme.avid.stats()["vendor_puts"]


def test_a_vendor_is_adopted_by_name_and_keeps_its_own_code(acme: AvidWorld) -> None:
    acme.avid.do_add_vendor("AV-77", "ACME building supply")
    acme.add_invoice("INV-1")
    assert acme.sync().ok
    assert acme.vendors().keys() == {"AV-77"}
    assert acme.invoices()["INV-1"]["vendor_code"] == "AV-77"


def test_changed_fields_alone_are_sent(acme: AvidWorld) -> None:
    acme.add_invoice("INV-1")
    assert acme.sync().ok
    acme.avid.do_edit_vendor(acme.vendors()["01-ACME01"]["id"], tax_id="12-3456789", website="acme.example")
    acme.sage.do_change_vendor("01", "ACME01", emailAddress="ar@acme.example")
    assert acme.sync().ok
    made = acme.vendors()["01-ACME01"]
    assert (made["email"], made["tax_id"], made["website"]) == ("ar@acme.example", "12-3456789", "acme.example")
    assert acme.avid.stats()["vendor_puts"] == {"01-ACME01": 1}


def test_a_vendor_that_sleeps_in_sage_sleeps_there_and_wakes_again(acme: AvidWorld) -> None:
    acme.add_invoice("INV-1")
    assert acme.sync().ok
    acme.sage.do_change_vendor("01", "ACME01", vendorStatus="I")
    acme.sync()
    assert acme.vendors()["01-ACME01"]["active"] is False
    acme.sage.do_change_vendor("01", "ACME01", vendorStatus="A")
    acme.sync()
    assert acme.vendors()["01-ACME01"]["active"] is True


# --- invoices ----------------------------------------------------------------------------------------


def test_an_invoice_arrives_to_the_cent_with_our_reference(acme: AvidWorld) -> None:
    lines = [{"account": "5010-01-00", "amount": "80.00"}, {"account": "6200-01-10", "amount": "15.51"}]
    acme.add_invoice("INV-1", lines=lines, freight="4.00", tax="1.49", balance="71.00", purchase_order_no="0010223")
    assert acme.sync().ok
    made = acme.invoices()["INV-1"]
    assert (money(made["gross"]), made["external_id"]) == (money(71), "S100|ABC|01-ACME01|INV-1")
    assert acme.lines("INV-1") == [
        ("5010-01-00", money(80)),
        ("6200-01-10", money("15.51")),
        (AMOUNTS["freight"], money(4)),
        (AMOUNTS["tax"], money("1.49")),
        (AMOUNTS["paid"], money(-30)),
    ]
    acme.quiet()


@pytest.mark.avid(unmapped=["freight"])
def test_freight_without_an_account_holds(acme: AvidWorld) -> None:
    acme.add_invoice("INV-1", lines=[{"account": "5010-01-00", "amount": "80.00"}], freight="4.00")
    acme.sync()
    assert acme.held("INV-1")[0] == "account_unmapped"


@pytest.mark.parametrize("how", ["hold", "prorate"])
def test_lines_that_do_not_add_up(acme: AvidWorld, how: str) -> None:
    acme.set(unbalanced=how)
    lines = [{"account": "5010-01-00", "amount": "66.67"}, {"account": "6200-01-10", "amount": "33.33"}]
    acme.add_invoice("INV-1", lines=lines)
    (found,) = [each for each in acme.sage.companies["ABC"].invoices if each.number == "INV-1"]
    found.amount = found.balance = money("110.01")
    result = acme.sync()
    if how == "hold":
        assert [each["reason"] for each in result.held] == ["amount_mismatch"]
    else:
        assert acme.lines("INV-1") == [("5010-01-00", money("73.34")), ("6200-01-10", money("36.67"))]


@pytest.mark.avid(settings={"send_segments": True})
def test_segments_go_with_each_line_where_asked(acme: AvidWorld) -> None:
    acme.add_invoice("INV-1")
    assert acme.sync().ok
    (line,) = acme.invoices()["INV-1"]["lines"]
    found = {code["group"]: code["value"] for code in line["codes"]}
    assert found == {GROUP: "5010-01-00", "Main": "5010", "Location": "01", "Department": "00"}


def test_an_invoice_that_people_entered_is_adopted_when_it_is_the_same(acme: AvidWorld) -> None:
    assert acme.sync().ok
    acme.avid.do_add_vendor("01-ACME01", "Acme Building Supply")
    there = acme.avid.do_add_invoice("01-ACME01", "inv-1", "100.00")["id"]
    acme.avid.do_add_invoice("01-ACME01", "INV-2", "99.00")
    acme.add_invoice("INV-1", "100.00", attachments=["scan.pdf"])
    acme.add_invoice("INV-2", "100.00")
    acme.sync()
    assert acme.link("01-ACME01|INV-1").target_id == str(there)
    assert len(acme.avid.invoices.uploads[there]) == 1
    assert acme.held("INV-2")[0] == "duplicate_document"
    assert len(acme.invoices()) == 2


# --- scans -------------------------------------------------------------------------------------------


def scan(world: AvidWorld, number: str, *contents: bytes) -> None:
    """Replace what the files of an invoice hold."""
    (found,) = [each for each in world.sage.companies["ABC"].invoices if each.number == number]
    for attachment, content in zip(found.attachments, contents, strict=True):
        attachment.content, attachment.size = content, len(content)


def test_the_first_acceptable_scan_goes_by_its_content(acme: AvidWorld) -> None:
    acme.add_invoice("INV-1", attachments=["missing:a.pdf", "large:b.pdf", "notes.pdf", "scan.doc", "second.pdf"])
    (found,) = [each for each in acme.sage.companies["ABC"].invoices if each.number == "INV-1"]
    found.attachments[2].content, found.attachments[2].size = b"just words", 10
    png = b"\x89PNG\r\n\x1a\n" + b"0" * 100
    found.attachments[3].content, found.attachments[3].size = png, len(png)
    assert acme.sync().ok
    (sent,) = acme.scans("INV-1")
    assert (sent.size, sent.content_type) == (len(png), "image/png")
    assert sent.sha256 in acme.link("01-ACME01|INV-1").attachment


def test_an_invoice_goes_without_a_scan_and_says_so(acme: AvidWorld) -> None:
    acme.add_invoice("INV-1", attachments=["notes.pdf"])
    scan(acme, "INV-1", b"just words")
    assert acme.sync().ok
    assert not acme.scans("INV-1")
    assert "It went without a scan: notes.pdf" in acme.latest("INV-1").message
    acme.quiet()


@pytest.mark.parametrize("kind", ["reset_before", "reset_after"])
def test_a_scan_is_sent_again_alone(acme: AvidWorld, kind: str) -> None:
    acme.add_invoice("INV-1", attachments=["scan.pdf"])
    acme.fault("avid", kind, method="POST", path="/(image|documents)$")
    assert acme.sync().ok
    assert len(acme.scans("INV-1")) == 1
    assert acme.avid.stats()["resources"]["invoices"]["POST"] == 1


@pytest.mark.parametrize("kind", ["reset_before", "reset_after"])
def test_an_invoice_of_unknown_fate_is_not_sent_twice(acme: AvidWorld, kind: str) -> None:
    acme.add_invoice("INV-1", attachments=["scan.pdf"])
    acme.fault("avid", kind, method="POST", path="/invoices$")
    assert acme.sync().ok
    assert len(acme.avid.invoices.rows) == 1
    assert len(acme.scans("INV-1")) == 1


# --- what people make of them ------------------------------------------------------------------------


def outcome(world: AvidWorld, number: str, deed: str, **details: Any) -> None:
    getattr(world.avid, f"do_{deed}")(world.invoices()[number]["id"], **details)


def test_workflow_states_are_shown(acme: AvidWorld) -> None:
    acme.add_invoice("INV-1")
    assert acme.sync().ok
    assert acme.sync().ok
    assert acme.link("01-ACME01|INV-1").status == "Pending Approval"
    outcome(acme, "INV-1", "approve")
    assert acme.sync().ok
    assert acme.link("01-ACME01|INV-1").status == "Approved"
    assert [each.message for each in events("status")] == ["AvidXchange: Pending Approval.", "AvidXchange: Approved."]
    acme.quiet()


@pytest.mark.parametrize("deed", ["reject", "void_invoice"])
def test_a_rejection_holds_until_a_person_sends_it_again(acme: AvidWorld, deed: str) -> None:
    acme.add_invoice("INV-1", attachments=["scan.pdf"])
    assert acme.sync().ok
    old = acme.link("01-ACME01|INV-1").target_id
    outcome(acme, "INV-1", deed, **({"reason": "wrong cost centre"} if deed == "reject" else {}))
    result, sage_writes, avid_writes = acme.counted()
    assert (sage_writes, avid_writes) == (0, 0)
    assert [(each["document"], each["reason"]) for each in result.held] == [("INV-1", "rejected_by_target")]
    if deed == "reject" and acme.avid.shape.name == "avidsuite-v1":
        assert "Rejected" in result.held[0]["message"]
    assert acme.counted(full=True)[2] == 0
    replay(Delivery.objects.filter(document="INV-1"), actor="kim", approve=False, doorbell=False)
    assert acme.counted()[2] == 0  # a sweeping replay is no decision
    accept(acme, "INV-1")
    assert acme.sync().ok
    link = acme.link("01-ACME01|INV-1")
    assert link.target_id != old
    assert link.state == Link.State.ACTIVE
    assert len(acme.scans("INV-1")) == 1
    assert AuditEvent.objects.filter(source_key="01-ACME01|INV-1", message__contains=f"{old} was").exists()
    acme.quiet()


def test_what_was_rejected_and_paid_in_sage_is_over(acme: AvidWorld) -> None:
    acme.add_invoice("INV-1")
    assert acme.sync().ok
    outcome(acme, "INV-1", "reject")
    assert not acme.sync().ok
    acme.sage.do_pay_in_sage("01", "ACME01", "INV-1")
    assert acme.sync().ok


@pytest.mark.parametrize(
    ("deed", "reason"),
    [
        (lambda sage: sage.do_hold_invoice("01", "ACME01", "INV-1"), "on_hold_in_erp"),
        (lambda sage: sage.do_pay_in_sage("01", "ACME01", "INV-1"), "paid_in_erp"),
        (lambda sage: sage.do_pay_in_sage("01", "ACME01", "INV-1", amount="40.00"), "paid_in_erp"),
        (lambda sage: sage.do_change_invoice("01", "ACME01", "INV-1", amount="120.00"), "changed_after_delivery"),
    ],
    ids=["held", "paid", "part-paid", "changed"],
)
def test_a_conflict_stops_and_changes_nothing(acme: AvidWorld, deed: Any, reason: str) -> None:
    acme.add_invoice("INV-1")
    assert acme.sync().ok
    deed(acme.sage)
    result, sage_writes, avid_writes = acme.counted()
    assert (sage_writes, avid_writes) == (0, 0)
    assert [each["reason"] for each in result.held] == [reason]
    assert "reject it there" in result.held[0]["message"]
    outcome(acme, "INV-1", "reject")
    result = acme.sync()
    still_owed = acme.open_invoice("INV-1")["payable"]
    assert [each["reason"] for each in result.held] == (["rejected_by_target"] if still_owed else [])
    if still_owed:
        accept(acme, "INV-1")
        assert acme.sync().ok
        assert money(acme.invoices()["INV-1"]["gross"]) == money(acme.open_invoice("INV-1")["balance"])


def test_a_hold_that_is_lifted_ends_the_conflict(acme: AvidWorld) -> None:
    acme.add_invoice("INV-1")
    assert acme.sync().ok
    acme.sage.do_hold_invoice("01", "ACME01", "INV-1")
    assert not acme.sync().ok
    acme.sage.do_hold_invoice("01", "ACME01", "INV-1", hold=False)
    assert acme.sync().ok


def test_a_refused_token_stops_the_connection_until_somebody_asks(acme: AvidWorld) -> None:
    acme.avid.do_revoke_token("user_token")
    assert acme.sync().exit_code == 3
    acme.integration.target.refresh_from_db()
    assert acme.integration.target.refused_at is not None
    acme.avid.do_restore_token("user_token")
    assert acme.sync().ok


@pytest.mark.avid(settings={"requests_per_minute": 7})
def test_the_budget_may_stand_with_the_integration(acme: AvidWorld) -> None:
    acme.add_invoice("INV-1")
    assert acme.sync().ok
    assert sum(acme.clock.naps) > 60  # more than seven requests were needed


def test_a_preview_writes_nothing_and_tells_what_would_go(acme: AvidWorld) -> None:
    from integrations.engine.preview import preview

    acme.add_invoice("INV-1")
    result, would = preview(acme.integration, clock=acme.clock)
    assert result.trouble is None
    assert [each["action"] for each in would if each["flow"] == "bills"] == ["create"]
    assert acme.writes() == (0, 0)
    assert not Delivery.objects.exists()
