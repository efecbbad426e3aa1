"""The ports, over a company in memory."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from connectors.budget import MemoryStore
from connectors.domain import Application, Blocked, PaymentDraft, PaymentMethod
from connectors.errors import (
    BadAnswer,
    ConfigurationError,
    Duplicate,
    NotFound,
    OutcomeUnknown,
    RecordLocked,
    Rejected,
    Unreachable,
)
from connectors.ports import Host, Tls
from connectors.sap_b1 import connector as module
from connectors.sap_b1.client import Created
from connectors.sap_b1.connector import SapB1
from tests.connectors.sap_b1.fake import FakeClient, account, instalment, invoice, line, part, payment, vendor
from tests.connectors.sap_b1.standin import SPEC, VirtualClock

START = date(2026, 1, 1)
NOW = datetime(2026, 11, 20, 15, 20, tzinfo=UTC)


@pytest.fixture
def sap():
    fake = FakeClient()
    fake.on_create = posts
    return fake


@pytest.fixture
def clock():
    return VirtualClock()


@pytest.fixture
def host(clock):
    return Host(clock, MemoryStore(clock))


@pytest.fixture
def connector(sap, host, monkeypatch):
    monkeypatch.setattr(module, "Client", lambda spec, host: sap)
    return SapB1(SPEC, host)


def posts(sap, body):
    """SAP enters a payment in the ledger."""
    row = payment(45, body["TransferReference"], body["PaymentInvoices"], Remarks=body["Remarks"])
    parts = [{"AppliedFC": Decimal(0), **each} for each in body["PaymentInvoices"]]
    row |= {"CardCode": body["CardCode"], "TransferSum": body["TransferSum"], "PaymentInvoices": parts}
    sap.add("VendorPayments", row)
    return Created(row, "https://b1.acme.example:50000/b1s/v1/VendorPayments(45)")


def keeps(sap, body, status="pasPending"):
    """SAP keeps a payment back for approval."""
    row = payment(17, body["TransferReference"], body["PaymentInvoices"], AuthorizationStatus=status)
    sap.add("PaymentDrafts", {**row, "TransferSum": body["TransferSum"]})
    return Created({"DocEntry": 17}, "https://b1.acme.example:50000/b1s/v1/PaymentDrafts(17)")


def draft(*applications, **changes):
    applications = applications or (Application("AA-4711", Decimal("1190.00"), key="4711"),)
    values = {
        "reference": "bill:stp01ABCDEFGHIJKLMNO",
        "vendor_key": "V10000",
        "bank": "_SYS00000000042",
        "method": PaymentMethod.ACH,
        "check_number": "",
        "trace": "",
        "paid_on": date(2026, 4, 28),
        "amount": sum((each.amount for each in applications), Decimal(0)),
        "comment": "BILL P26042800001",
        "applications": applications,
    }
    return PaymentDraft(**{**values, **changes})


# --- reading chains --------------------------------------------------------------------------------------


def test_the_first_read_takes_every_vendor_and_moves_the_watermark_a_day_behind_the_newest(sap, connector):
    sap.page = 2
    sap.add("BusinessPartners", vendor("V1"), vendor("V2", UpdateDate="2026-04-02"), vendor("V3"))
    sap.add("BusinessPartners", vendor("C1", CardType="cCustomer"))
    pages = list(connector.read_vendors(None))
    assert [one.key for page in pages for one in page.records] == ["V1", "V2", "V3"]
    assert pages[0].cursor == {"since": None, "next": "V2", "seen": "2026-04-02", "began": NOW.isoformat()}
    assert pages[1].cursor == {"since": "2026-04-01", "next": None}
    assert (pages[0].as_of, pages[1].as_of) == (None, NOW - timedelta(minutes=10))
    assert sap.queries("BusinessPartners")[0].filter == "CardType eq 'cSupplier'"


def test_the_next_read_asks_for_changed_and_for_new_vendors(sap, connector):
    sap.add("BusinessPartners", vendor("V1"), vendor("V2", UpdateDate=None, CreateDate="2026-04-03"))
    (page,) = connector.read_vendors({"since": "2026-04-01", "next": None})
    assert [one.key for one in page.records] == ["V2"]
    assert page.cursor == {"since": "2026-04-02", "next": None}
    (page,) = connector.read_vendors({"since": "2026-05-01", "next": None})
    assert (list(page.records), page.cursor) == ([], {"since": "2026-05-01", "next": None})


def test_an_interrupted_chain_goes_on_after_its_last_page(sap, connector, clock):
    sap.page = 1
    sap.add("PurchaseInvoices", *(invoice(n, UpdateDate=f"2026-04-0{n}") for n in (1, 2, 3)))
    first = next(iter(connector.read_bills(None, START)))
    clock.sleep(3 * 86400)
    rest = list(connector.read_bills(first.cursor, START))
    assert [one.key for page in rest for one in page.records] == ["2", "3"]
    assert rest[-1].cursor == {"since": "2026-04-02", "next": None}
    assert rest[-1].as_of == NOW - timedelta(minutes=10)


def test_a_stamp_of_the_future_or_of_the_chains_later_days_moves_the_watermark_no_further_than_its_first_day(
    sap, connector
):
    sap.add("PurchaseInvoices", invoice(1, UpdateDate="2030-01-01"))
    (page,) = connector.read_bills(None, START)
    assert page.cursor == {"since": "2026-11-19", "next": None}


def test_bills_of_every_status_are_read_from_the_start_date_on_but_no_cancellations(sap, connector):
    sap.add("ChartOfAccounts", account("_SYS00000000123", "400001000101"))
    sap.add(
        "PurchaseInvoices",
        invoice(1, DocDate="2025-12-31"),
        invoice(2, DocumentStatus="bost_Close"),
        invoice(3, CancelStatus="csYes", DocumentStatus="bost_Close"),
        invoice(4, CancelStatus="csCancellation"),
        invoice(5, UpdateDate="2026-04-09T00:00:00Z"),
    )
    (page,) = connector.read_bills(None, START)
    assert [one.key for one in page.records] == ["2", "3", "5"]
    assert page.records[1].blocked == (Blocked.CANCELLED, Blocked.CLOSED)
    assert page.records[2].lines[0].account_number == "400001000101"
    assert page.cursor == {"since": "2026-04-08", "next": None}


def test_a_bad_row_stops_no_page(sap, connector):
    sap.add("PurchaseInvoices", invoice(1), invoice(2, DocTotal="much"), invoice(3, NumAtCard=None, DocTotal=True))
    (page,) = connector.read_bills(None, START)
    assert [one.key for one in page.records] == ["1"]
    assert [(one.key, one.document, one.message) for one in page.bad] == [
        ("2", "AA-2", "DocTotal: a number expected"),
        ("3", "20260003", "DocTotal: a number expected"),
    ]
    assert '"DocTotal": "much"' in page.bad[0].raw


def test_the_open_items_say_what_the_invoices_say(sap, connector):
    parts = [instalment(1, "2026-04-30", "1000.00", "1000"), instalment(2, "2026-05-30", "190.00")]
    sap.add("PurchaseInvoices", invoice(1, PaymentBlock="tYES"), invoice(2, DocumentStatus="bost_Close"))
    sap.add("PurchaseInvoices", invoice(3, DocumentInstallments=parts, PaidToDate=Decimal("1000.0")))
    (page,) = connector.read_open_bills()
    assert [one.key for one in page.records] == ["1", "3"]
    assert page.records[0].dated == date(2026, 3, 31)
    for one in page.records:
        whole = connector.get_bill(one.key)
        same = ("total", "balance", "blocked", "instalments", "number", "ledger_number", "vendor_key")
        assert [getattr(one, name) for name in same] == [getattr(whole, name) for name in same]
    assert (page.cursor, page.as_of) == (None, NOW - timedelta(minutes=10))


def test_one_bill(sap, connector):
    sap.add("PurchaseInvoices", invoice(4711), invoice(4712, CardCode=None))
    assert connector.get_bill("4711").number == "AA-4711"
    for unknown in ("4713", "AA-4711"):
        with pytest.raises(NotFound):
            connector.get_bill(unknown)
    with pytest.raises(BadAnswer, match="CardCode"):
        connector.get_bill("4712")


def test_one_vendor(sap, connector):
    sap.add("BusinessPartners", vendor("V10'A"), vendor("V2", CardName=""))
    assert connector.get_vendor("V10'A").name == "Acme Associates"
    with pytest.raises(NotFound):
        connector.get_vendor("V3")
    with pytest.raises(BadAnswer, match="CardName"):
        connector.get_vendor("V2")


# --- an older schema -------------------------------------------------------------------------------------


def old(row):
    return {key: value for key, value in row.items() if not key.startswith("PaidToDate")}


@pytest.fixture
def older(sap, connector):
    sap.modern = False
    sap.add("PurchaseInvoices", old(invoice(1)), old(invoice(2, DocumentStatus="bost_Close")))
    return connector


def test_without_paid_to_date_the_payments_tell_the_balance(sap, older):
    sap.page = 1
    sap.add(
        "VendorPayments",
        payment(1, "", [part(1, "100.00"), part(2, "50.00")]),
        payment(2, "", [part(1, "40.50")]),
        payment(3, "", [part(1, "500.00")], Cancelled="tYES"),
        payment(4, "", [part(1, "600.00", InvoiceType="it_PurchaseCreditNote")]),
    )
    assert older.get_bill("1").balance == Decimal("1049.50")
    assert older.get_bill("2").balance == 0
    assert [one.balance for page in older.read_open_bills() for one in page.records] == [Decimal("1049.50")]
    assert not any("PaidToDate" in name for asked in sap.asked for name in asked.select)


def test_foreign_invoices_are_paid_in_their_own_currency(sap, older):
    lines = [line(RowTotalFC=Decimal("500"), NetTaxAmountFC=Decimal("95"))]
    row = invoice(3, DocCurrency="EUR", DocTotalFc=Decimal("595"), VatSumFc=Decimal("95"), DocumentLines=lines)
    sap.add("PurchaseInvoices", old(row))
    sap.add("VendorPayments", payment(1, "", [part(3, "110.00", foreign="100.00")]))
    assert older.get_bill("3").balance == Decimal("495.00")


def test_a_balance_that_cannot_be_told_says_so(sap, older):
    sap.add("VendorPayments", payment(1, "", [part(1, "1190.01")]))
    assert "1190.01, more than it asks" in older.get_bill("1").problem
    sap.refused.add("VendorPayments")
    found = older.get_bill("1")
    assert "what is still owed cannot be told" in found.problem
    assert found.balance == found.total
    assert older.get_bill("2").problem == ""  # nothing is owed on a closed one


# --- reference data --------------------------------------------------------------------------------------


def test_all_accounts_come_each_time(sap, connector):
    sap.page = 1
    sap.add("ChartOfAccounts", account("6100"), account("6200", ActiveAccount="tNO"), account("", ""))
    pages = list(connector.read_accounts({"next": None}))
    assert [(one.key, one.active) for page in pages for one in page.records] == [("6100", True), ("6200", False)]
    assert [page.cursor for page in pages] == [{"next": ""}, {"next": "6100"}, {"next": None}]
    assert [one.message for page in pages for one in page.bad] == ["Code: missing"]
    rest = list(connector.read_accounts({"next": "6100"}))
    assert [one.key for page in rest for one in page.records] == ["6200"]


def test_departments_are_distribution_rules(sap, connector):
    row = {"FactorCode": "ADMIN", "FactorDescription": "Office", "InWhichDimension": 1, "Active": "tYES", "Direct": "Y"}
    sap.add("DistributionRules", row)
    (page,) = connector.read_departments(None)
    assert [(one.key, one.name, one.kind) for one in page.records] == [("ADMIN", "Office", "1")]


def test_banks_are_accounts_each_once(sap, connector):
    sap.add("ChartOfAccounts", account("_SYS42", "161000", CashAccount="tYES", Name="House bank"))
    sap.add("ChartOfAccounts", account("_SYS43", "161100", CashAccount="tYES", Name="Petty cash"), account("_SYS1"))
    for n, code in enumerate(["_SYS42", "_SYS42", None]):
        sap.add("HouseBankAccounts", {"AbsoluteEntry": n, "BankCode": "BOA", "AccNo": str(n), "GLAccount": code})
    found = [(one.key, one.number, one.name, one.kind) for one in connector.read_banks()]
    assert found == [("_SYS42", "161000", "BOA 0", "bank"), ("_SYS43", "161100", "Petty cash", "bank")]


def test_what_is_true_of_the_company_is_asked_once_an_hour(sap, connector, clock):
    for _ in range(3):
        connector.begin_run()
    assert len(sap.queries("CompanyService_GetAdminInfo")) == 1
    clock.sleep(3600)
    connector.begin_run()
    assert len(sap.queries("CompanyService_GetAdminInfo")) == 2


def test_a_company_without_a_currency_is_not_understood(sap, connector):
    sap.admin = {}
    with pytest.raises(BadAnswer, match="LocalCurrency"):
        list(connector.read_vendors(None))


# --- ping ------------------------------------------------------------------------------------------------


def test_ping_tells_each_step(sap, connector):
    sap.admin["EnableApprovalProcedureInDI"] = "tYES"
    steps = list(connector.ping())
    assert [(step.name, step.ok) for step in steps] == [
        ("login", True),
        ("company", True),
        ("read", True),
        ("payments", True),
    ]
    assert "Acme Ltd, local currency $, without branches; payments may be kept for approval" in steps[1].message
    assert sap.logins == 1


def test_ping_stops_at_the_first_step_that_fails(sap, connector, monkeypatch):
    sap.refused.add("PurchaseInvoices")
    *_, last = connector.ping()
    assert (last.name, last.ok) == ("read", False)
    assert "A/P invoices" in last.fix

    def wrong() -> str:
        raise ConfigurationError("No such company", step="company", fix="Check company_db.")

    monkeypatch.setattr(sap, "sign_in", wrong)
    (only,) = connector.ping()
    assert (only.name, only.message, only.fix) == ("company", "No such company.", "Check company_db.")


def test_ping_warns_of_a_certificate_that_nobody_checks(sap, host, monkeypatch):
    monkeypatch.setattr(module, "Client", lambda spec, host: sap)
    first = next(SapB1(replace(SPEC, tls=Tls(verify=False)), host).ping())
    assert (first.name, first.ok) == ("tls", True)


# --- recording a payment ---------------------------------------------------------------------------------


def test_a_payment_is_entered_and_verified(sap, connector):
    sap.add("PurchaseInvoices", invoice(4711))
    written = connector.record_payment(draft())
    assert (written.id, written.number, written.duplicate) == ("45", "545", False)
    assert (written.total, written.details) == (Decimal("1190.00"), {"state": "posted"})
    (sent,) = [each.body for each in sap.asked if each.kind == "create"]
    assert sent["TransferReference"] == "bill:stp01ABCDEFGHIJKLMNO"
    assert sap.asked[-1].path == "VendorPayments(45)"


def test_a_payment_that_stands_there_is_not_entered_again(sap, connector):
    sap.add("PurchaseInvoices", invoice(4711))
    connector.record_payment(draft())
    again = connector.record_payment(draft())
    assert (again.id, again.duplicate, again.details) == ("45", True, {"state": "posted"})
    assert len([each for each in sap.asked if each.kind == "create"]) == 1


def test_another_payment_under_our_reference_is_a_duplicate(sap, connector):
    sap.add("VendorPayments", payment(44, draft().reference, [part(4711, "5.00")]))
    with pytest.raises(Duplicate, match=r"5\.00") as found:
        connector.record_payment(draft())
    assert found.value.ref == "44"


def test_a_cancelled_payment_or_one_under_a_reference_of_other_case_is_none(sap, connector):
    sap.add("VendorPayments", payment(44, draft().reference, [part(4711, "1190.00")], Cancelled="tYES"))
    assert connector.find_payment(draft().reference) is None
    sap.add("VendorPayments", payment(43, draft().reference, [part(4711, "1190.00")]))
    assert connector.find_payment(draft().reference.upper()) is None


def refusals():
    closed = invoice(4711, DocumentStatus="bost_Close")
    return [
        ([], "invoice_not_found", "no invoice AA-4711"),
        ([closed], "invoice_closed", "closed"),
        ([invoice(4711, CancelStatus="csYes")], "invoice_closed", "cancelled"),
        ([invoice(4711, PaidToDate=Decimal("1000.0"))], "amount_exceeds_balance", "balance of 190.00"),
        ([invoice(4711, CardCode="V2")], "invoice_not_found", "V10000"),
    ]


@pytest.mark.parametrize(("invoices", "code", "words"), refusals())
def test_what_cannot_be_paid_is_refused_before_anything_is_sent(sap, connector, invoices, code, words):
    sap.add("PurchaseInvoices", *invoices)
    with pytest.raises(Rejected, match=words) as found:
        connector.record_payment(draft())
    assert (found.value.code, found.value.reason) == (code, "rejected_by_target")
    assert not [each for each in sap.asked if each.kind == "create"]


def foreign(entry):
    lines = [line(RowTotalFC=Decimal("500"), NetTaxAmountFC=Decimal("95"))]
    return invoice(entry, DocCurrency="EUR", DocTotalFc=Decimal("595"), VatSumFc=Decimal("95"), DocumentLines=lines)


@pytest.mark.parametrize("spelling", ["20260428", "2026-04-28"])
def test_a_foreign_invoice_is_paid_at_saps_rate_of_the_day(sap, connector, spelling):
    sap.add("PurchaseInvoices", foreign(4711))
    sap.rates["EUR", spelling] = Decimal("1.1")
    connector.record_payment(draft(Application("AA-4711", Decimal("595.00"), key="4711"), currency="EUR"))
    (sent,) = [each.body for each in sap.asked if each.kind == "create"]
    assert (sent["DocRate"], sent["TransferSum"]) == (Decimal("1.1"), Decimal("595.00"))
    assert sent["PaymentInvoices"][0]["SumApplied"] == Decimal("654.50")


def test_without_a_rate_or_in_another_currency_nothing_is_paid(sap, connector):
    sap.add("PurchaseInvoices", foreign(4711))
    order = draft(Application("AA-4711", Decimal("595.00"), key="4711"))
    for one, words in (
        (order, "no rate of EUR for 2026-04-28"),
        (replace(order, currency="USD"), "invoices are in EUR"),
    ):
        with pytest.raises(Rejected, match=words) as found:
            connector.record_payment(one)
        assert found.value.reason == "currency_unsupported"


def test_the_branch_goes_along_where_the_company_has_branches(sap, connector):
    sap.admin["EnableBranches"] = "tYES"
    sap.add("PurchaseInvoices", invoice(4711, BPL_IDAssignedToInvoice=3))
    connector.record_payment(draft())
    (sent,) = [each.body for each in sap.asked if each.kind == "create"]
    assert sent["BPLID"] == 3


def test_a_refusal_names_the_balances(sap, connector):
    sap.add("PurchaseInvoices", invoice(4711))

    def somebody_paid(sap, body):
        sap.tables["PurchaseInvoices"][4711]["PaidToDate"] = Decimal("1190.0")
        text = "SAP Business One: Invoice is already closed or blocked [VPM2.DocEntry][line: 1]"
        raise Rejected(text, status=400, code="-5002", field="VPM2.DocEntry")

    sap.on_create = somebody_paid
    with pytest.raises(Rejected, match=r"closed or blocked.*Balance in SAP: AA-4711: 0\.00") as found:
        connector.record_payment(draft())
    assert (found.value.code, found.value.field) == ("-5002", "VPM2.DocEntry")


@pytest.mark.parametrize("text", ["Date deviates from permissible range", "Posting period locked; specify another"])
def test_a_closed_period_is_told_apart(sap, connector, text):
    sap.add("PurchaseInvoices", invoice(4711))

    def refuse(sap, body):
        raise Rejected(f"SAP Business One: {text}", status=400, code="-10")

    sap.on_create = refuse
    with pytest.raises(Rejected, match="once 2026-04-28 is in an open posting period") as found:
        connector.record_payment(draft())
    assert found.value.reason == "period_closed"


def test_a_lost_answer_stays_a_lost_answer(sap, connector):
    sap.add("PurchaseInvoices", invoice(4711))

    def lost(sap, body):
        posts(sap, body)
        raise OutcomeUnknown("No answer.")

    sap.on_create = lost
    with pytest.raises(OutcomeUnknown):
        connector.record_payment(draft())
    assert connector.find_payment(draft().reference).id == "45"


def test_two_payments_of_a_vendor_never_cross(sap, connector, host):
    sap.add("PurchaseInvoices", invoice(4711))
    seen = []

    def meanwhile(sap, body):
        with pytest.raises(RecordLocked):
            SapB1(SPEC, host).record_payment(draft(reference="bill:other"))
        seen.append(body)
        return posts(sap, body)

    sap.on_create = meanwhile
    connector.record_payment(draft())
    assert len(seen) == 1
    assert connector.record_payment(draft()).duplicate  # the lock is free again


# --- approval --------------------------------------------------------------------------------------------


def test_a_payment_that_sap_keeps_for_approval_waits(sap, connector):
    sap.add("PurchaseInvoices", invoice(4711))
    sap.on_create = keeps
    written = connector.record_payment(draft())
    assert (written.id, written.duplicate) == ("draft:17", False)
    assert written.details == {"awaiting": "SAP keeps the payment as draft 17 until it is approved there."}
    found = connector.find_payment(draft().reference)
    assert (found.id, found.posted, found.approval) == ("draft:17", False, "pending")
    again = connector.record_payment(draft())
    assert (again.id, again.duplicate) == ("draft:17", True)


def test_an_answer_that_looks_posted_but_is_not_there_is_followed_to_the_draft(sap, connector):
    sap.add("PurchaseInvoices", invoice(4711))
    sap.add("VendorPayments", payment(17, "somebody else's", [part(1, "1190.00")]))

    def says_nothing(sap, body):
        keeps(sap, body)
        return Created({"DocEntry": 17}, "")

    sap.on_create = says_nothing
    assert connector.record_payment(draft()).id == "draft:17"


def test_what_cannot_be_verified_is_unknown(sap, connector, monkeypatch):
    sap.add("PurchaseInvoices", invoice(4711))
    sap.on_create = lambda sap, body: Created({"DocEntry": 99}, "")
    with pytest.raises(OutcomeUnknown, match="neither the payment nor a draft"):
        connector.record_payment(draft())

    def gone(path, *, select=()):
        raise Unreachable("No answer.")

    sap.on_create = posts
    monkeypatch.setattr(sap, "get", gone)
    with pytest.raises(OutcomeUnknown, match="could not be verified: No answer"):
        connector.record_payment(draft())


def test_a_draft_that_was_approved_is_found_as_the_payment(sap, connector):
    sap.add(
        "PaymentDrafts", payment(17, draft().reference, [part(4711, "1190.00")], AuthorizationStatus="pasGenerated")
    )
    assert connector.find_payment(draft().reference) is None
    sap.add("VendorPayments", payment(46, draft().reference, [part(4711, "1190.00")]))
    found = connector.find_payment(draft().reference)
    assert (found.id, found.posted) == ("46", True)
    assert found.applications == (Application("4711", Decimal("1190.00"), key="4711"),)


def test_a_refused_draft_is_found_and_does_not_stop_a_new_attempt(sap, connector):
    sap.add("PurchaseInvoices", invoice(4711))
    sap.add("PaymentDrafts", payment(17, draft().reference, [part(4711, "1190.00")]))
    sap.add("ApprovalRequests", {"Code": 3, "DraftEntry": 17, "ObjectType": "46", "Status": "arsNotApproved"})
    assert connector.find_payment(draft().reference).approval == "rejected"
    assert connector.record_payment(draft()).id == "45"
    assert connector.find_payment(draft().reference).id == "45"


def test_without_a_right_to_approval_requests_the_drafts_own_status_counts(sap, connector):
    row = payment(17, draft().reference, [part(4711, "1190.00")], AuthorizationStatus="pasRejected")
    sap.add("PaymentDrafts", row, {**row, "DocEntry": 16, "DocObjectCode": "bopot_IncomingPayments"})
    sap.refused.add("ApprovalRequests")
    assert connector.find_payment(draft().reference).approval == "rejected"


# --- following and taking back ---------------------------------------------------------------------------


def test_payments_of_an_invoice(sap, connector):
    sap.add("PurchaseInvoices", invoice(4711))
    sap.add(
        "VendorPayments", payment(1, "a", [part(4711, "10.00"), part(9, "1.00")]), payment(2, "b", [part(9, "1.00")])
    )
    sap.add("VendorPayments", payment(3, "c", [part(4711, "10.00")], Cancelled="tYES"))
    (found,) = connector.find_bill_payments("4711")
    assert (found.id, found.applications[0]) == ("1", Application("4711", Decimal("10.00"), key="4711"))
    assert connector.find_bill_payments("4711-2") == [found]
    assert connector.find_bill_payments("4712") == []


def test_new_payments_of_the_ledger_are_read_by_their_number(sap, connector):
    sap.page = 2
    sap.add("VendorPayments", *(payment(n, f"bill:{n}", [part(4711, "1.00")]) for n in (1, 2, 4)))
    sap.add("VendorPayments", payment(3, "", [], Cancelled="tYES"), payment(5, "x", [], TransferSum="?"))
    pages = list(connector.read_ledger_payments(None))
    assert [one.reference for page in pages for one in page.records] == ["bill:1", "bill:2", "bill:4"]
    assert [page.cursor for page in pages] == [{"after": 2}, {"after": 4}, {"after": 5}]
    assert [(one.key, one.document) for one in pages[2].bad] == [("5", "x")]
    (page,) = connector.read_ledger_payments({"after": 5})
    assert (list(page.records), page.cursor) == ([], {"after": 5})


def test_a_posted_payment_is_cancelled_once(sap, connector):
    sap.add("VendorPayments", payment(45, "r", [part(4711, "1.00")]))
    connector.delete_payment("45")
    connector.delete_payment("45")
    assert len(sap.queries("VendorPayments(45)/Cancel")) == 1
    assert connector.find_payment("r") is None
    for unknown in ("46", "draft:46", "x"):
        with pytest.raises(NotFound):
            connector.delete_payment(unknown)


def test_a_payment_that_sap_does_not_cancel_is_posted(sap, connector):
    sap.add("VendorPayments", payment(45, "r", [part(4711, "1.00")]))

    def refuse(sap, row):
        raise Rejected("SAP Business One: Posting period locked", status=400, code="-10")

    sap.on_cancel = refuse
    with pytest.raises(Rejected, match="Posting period locked") as found:
        connector.delete_payment("45")
    assert found.value.code == "payment_posted"


def test_a_draft_is_taken_back_while_it_is_one(sap, connector):
    sap.add("PaymentDrafts", payment(17, "r", []), payment(18, "s", [], AuthorizationStatus="pasGenerated"))
    connector.delete_payment("draft:17")
    assert list(sap.tables["PaymentDrafts"]) == [18]
    with pytest.raises(NotFound, match="became a payment"):
        connector.delete_payment("draft:18")


def test_what_it_can_do_is_told_as_data(connector):
    told = connector.capabilities
    assert (told.in_flight, told.answer_window, told.reverses) == (2, 105.0, {"payment"})
    assert told.limits == {"payment.reference": 27, "payment.comment": 254}
    assert connector.payment_batches() is False
