"""Invoices and their workflow (docs: avidxchange 7.1, 7.3, 14.1), under both profiles."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.connectors.avidxchange.caller import (
    GL,
    PROFILES,
    Caller,
    denied,
    done,
    invoice,
    line,
    outcomes,
    refused,
    serving,
)


@pytest.fixture(params=PROFILES)
def avid(request: pytest.FixtureRequest) -> Iterator[Caller]:
    with serving(request.param) as caller:
        caller.ready()
        yield caller


def status(avid: Caller, number: int) -> str:
    return str(avid.read(number)["Status"]["Description"])


def test_an_invoice_is_submitted_and_read(avid: Caller) -> None:
    lines = [line(1500.00, (GL, "6000")), line(360.5, (GL, "6410"))]
    item = done(avid.submit(gross=1860.5, Distributions=lines, DiscountAmount=16.45, Memo="Wheels"))
    assert item["Status"] == {"Id": 20, "Description": "Pending Approval"}
    assert item["HasImage"] is False
    read = avid.read(item["Id"])
    assert (read["Number"], read["GrossAmount"], read["DiscountAmount"], read["Memo"]) == (
        "INV-1",
        1860.5,
        16.45,
        "Wheels",
    )
    assert read["ExternalId"] == {"Value": "S100|ABC|01-ABC001|INV-1", "Scheme": "Sage100", "SchemeOwner": "Buyer"}
    assert [each["Amount"] for each in read["Distributions"]] == [1500, 360.5]
    [code] = read["Distributions"][1]["EnterpriseCodes"]
    assert code == {
        "EnterpriseCodeValue": "6410",
        "EnterpriseCodeValueDescription": "Freight",
        "EnterpriseCodeGroups": [{"CodeGroupName": GL}],
    }


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"Number": ""}, "FIELD_REQUIRED"),
        ({"Number": "x" * 51}, "FIELD_TOO_LONG"),
        ({"AccountingSystemId": None}, "FIELD_REQUIRED"),
        ({"BuyerVendor": None}, "FIELD_REQUIRED"),
        ({"BuyerVendor": {"VendorExternalSystemID": "01-ABC001", "VendorName": "x"}}, "READ_ONLY_FIELD"),
        ({"InvoiceDate": None}, "FIELD_REQUIRED"),
        ({"InvoiceDate": "28/10/2026"}, "FIELD_INVALID"),
        ({"InvoiceDate": "2026-02-30"}, "FIELD_INVALID"),
        ({"InvoiceDueDate": "2026-10-28T00:00:00Z"}, "FIELD_INVALID"),
        ({"GrossAmount": "100"}, "FIELD_INVALID"),
        ({"GrossAmount": 100.001}, "AMOUNT_PRECISION"),
        ({"GrossAmount": 0, "Distributions": [line(1), line(-1)]}, "FIELD_INVALID"),
        ({"DiscountAmount": 1.234}, "AMOUNT_PRECISION"),
        ({"Distributions": []}, "FIELD_REQUIRED"),
        ({"Distributions": [{"LineNumber": 1, "Amount": 100}]}, "FIELD_REQUIRED"),
        ({"Distributions": [line(0)] * 501}, "FIELD_INVALID"),
        ({"ExternalId": {"Value": "x" * 101}}, "FIELD_TOO_LONG"),
        ({"ExternalId": {"Value": "x", "Scheme": "s" * 51}}, "FIELD_TOO_LONG"),
        ({"ExternalId": {"Value": "x", "SchemeOwner": "Seller"}}, "FIELD_INVALID"),
        ({"ExternalId": {"Scheme": "Sage100"}}, "FIELD_REQUIRED"),
        ({"Currency": "USD"}, "UNKNOWN_FIELD"),
        ({"BuyerVendor.VendorExternalSystemID": "01-ABC001"}, "UNKNOWN_FIELD"),
        ({"Status": {"Description": "Approved"}}, "READ_ONLY_FIELD"),
        ({"HasImage": True}, "READ_ONLY_FIELD"),
    ],
)
def test_a_field_that_breaks_its_rule_fails_the_row(avid: Caller, fields: dict[str, Any], code: str) -> None:
    assert refused(avid.submit(**fields)) == [code]
    assert avid.state("invoices") == []


@pytest.mark.parametrize("number", ["2026-10-28T00:00:00", "2026-10-28"])
def test_dates_may_have_a_time(avid: Caller, number: str) -> None:
    assert avid.invoice(InvoiceDate=number, InvoiceDueDate="2026-01-01")
    assert avid.state("invoices")[0]["invoice_date"] == "2026-10-28"


# --- what must exist ----------------------------------------------------------------------------------


def test_the_vendor_must_exist_and_be_active(avid: Caller) -> None:
    assert refused(avid.submit(vendor="01-NONE")) == ["VENDOR_NOT_FOUND"]
    assert refused(avid.submit(vendor="01-ABC001|R1")) == ["VENDOR_NOT_FOUND"]
    assert refused(avid.submit(AccountingSystemId=4)) == ["VENDOR_NOT_FOUND"]
    assert refused(avid.submit(AccountingSystemId=9)) == ["ACCOUNTING_SYSTEM_NOT_FOUND"]
    avid.vendor("01-OFF", Active=False)
    assert refused(avid.submit(vendor="01-OFF")) == ["VENDOR_INACTIVE"]


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        ([(GL, "9999")], ["CODE_NOT_FOUND"]),
        ([(GL, "6999")], ["CODE_INACTIVE"]),
        ([(GL, "6000"), ("Location", "01")], ["CODE_GROUP_NOT_FOUND"]),
        ([(GL, "6000"), ("Plant", "9")], ["CODE_NOT_FOUND"]),
        ([("Plant", "1")], ["FIELD_REQUIRED"]),
        ([(GL, "6000"), (GL, "6410")], ["FIELD_INVALID"]),
        ([(GL, "6000"), ("Plant", "1")], []),
    ],
)
def test_each_line_has_one_account_and_known_codes(
    avid: Caller, codes: list[tuple[str, str]], expected: list[str]
) -> None:
    avid.act("add_code", value="6999", active=False)
    avid.act("add_code", value="1", group="Plant")
    [(successful, _, errors)] = outcomes(avid.submit(Distributions=[line(100, *codes)]))
    assert (successful, [code for code, _ in errors]) == (not expected, expected)


@pytest.mark.parametrize("profile", PROFILES)
def test_codes_that_do_not_show_yet_do_not_exist(profile: str) -> None:
    with serving(profile, code_delay=30) as avid:
        avid.vendor()
        avid.import_codes({"CodeValue": "6000"})
        assert refused(avid.submit()) == ["CODE_GROUP_NOT_FOUND"]
        avid.control("clock", {"advance": 31})
        assert avid.invoice()


@pytest.mark.parametrize(("gross", "parts"), [(100, [99.99]), (100, [50, 50.01]), (-100, [100])])
def test_the_lines_sum_to_the_cent(avid: Caller, gross: Any, parts: list[Any]) -> None:
    lines = [line(each) for each in parts]
    assert refused(avid.submit(gross=gross, Distributions=lines)) == ["AMOUNT_MISMATCH"]


def test_a_negative_invoice_is_a_credit_memo(avid: Caller) -> None:
    number = avid.invoice(gross=-20.1, Distributions=[line(-30), line(9.9)])
    assert avid.read(number)["GrossAmount"] == -20.1


def test_a_purchase_order_warns_or_must_be_the_vendor_s(avid: Caller) -> None:
    assert done(avid.submit(PONumber="77"))
    avid.vendor("01-OTHER")
    avid.act("add_purchase_order", number="88", vendor="01-OTHER")
    assert refused(avid.submit(number="INV-2", PONumber="88")) == ["PO_VENDOR_MISMATCH"]
    assert avid.rows("/purchaseOrders", acctgSysId=3)[0]["OrderNumber"] == "88"


def test_an_unknown_purchase_order_is_warned_of() -> None:
    with serving(quirks=0) as avid:
        avid.ready()
        assert avid.submit(PONumber="77").json()["Results"][0]["Warnings"] == ["Purchase order 77 is not known."]


# --- duplicates ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", ["INV-1", "inv-1", " INV-1 "])
def test_a_number_is_unique_trimmed_and_whatever_its_case(avid: Caller, number: str) -> None:
    first = avid.invoice("INV-1")
    items = []
    for _ in range(20):
        [(successful, item, errors)] = outcomes(avid.submit(number=number, ExternalId=None))
        assert (successful, errors, item["Id"]) == (False, [("DUPLICATE_INVOICE", "Number")], first)
        items.append(len(item))
    assert min(items) == 1 < max(items)  # the whole invoice, or its Id alone


def test_another_vendor_or_system_may_use_the_number(avid: Caller) -> None:
    avid.invoice("INV-1")
    avid.vendor("01-OTHER")
    assert avid.invoice("INV-1", vendor="01-OTHER")
    avid.vendor("01-ABC001", AccountingSystemId=4)
    avid.act("add_code", value="6000", system=4)
    assert avid.invoice("INV-1", AccountingSystemId=4)


@pytest.mark.parametrize("end", ["reject", "void_invoice"])
def test_rejected_and_void_invoices_free_number_and_external_id(avid: Caller, end: str) -> None:
    first = avid.invoice("INV-1")
    avid.act("hold", invoice=first)
    assert refused(avid.submit()) == ["DUPLICATE_INVOICE"]
    avid.act(end, invoice=first)
    assert avid.invoice("INV-1") != first


def test_an_external_id_is_unique_while_its_invoice_lives(avid: Caller) -> None:
    first = avid.invoice("INV-1")
    same = invoice("INV-1")["ExternalId"]
    [(_, item, errors)] = outcomes(avid.submit(number="INV-2", ExternalId=same))
    assert (item["Id"], errors) == (first, [("DUPLICATE_EXTERNAL_ID", "ExternalId.Value")])


def test_people_s_invoices_share_the_numbers(avid: Caller) -> None:
    theirs = avid.act("add_invoice", vendor="01-ABC001", number="INV-1", gross="55.00")["id"]
    [(_, item, _)] = outcomes(avid.submit())
    assert item["Id"] == theirs
    assert avid.read(theirs)["GrossAmount"] == 55


# --- reading ------------------------------------------------------------------------------------------


def test_invoices_are_found(avid: Caller) -> None:
    one, two = avid.invoice("INV-1"), avid.invoice("INV-2")
    avid.act("reject", invoice=two)

    def found(**params: Any) -> list[int]:
        return sorted(row["Id"] for row in avid.rows("/invoices", **params))

    assert found() == [one, two]
    assert found(acctgSysId=3, vendorExternalCode="01-ABC001", number="inv-1 ") == [one]
    assert found(externalInvoiceIds="S100|ABC|01-ABC001|INV-2,none") == [two]
    assert found(status="rejected") == [two]
    assert found(acctgSysId=4) == found(vendorExternalCode="01-ABC") == []
    today = avid.state("invoices")[0]["last_modified"][:10]
    assert found(lastModifiedFrom=today, lastModifiedTo=today) == [one, two]
    assert found(lastModifiedTo="2020-01-01") == []
    assert denied(avid.get("/invoices", lastModifiedFrom="2026-1-1")) == (400, "FIELD_INVALID")
    many = ",".join(str(number) for number in range(51))
    assert denied(avid.get("/invoices", externalInvoiceIds=many)) == (400, "FIELD_INVALID")


def test_an_unknown_invoice_is_404(avid: Caller) -> None:
    assert denied(avid.get("/invoices/77")) == (404, "NotFound")
    assert denied(avid.get("/invoices/INV-1")) == (404, "NotFound")


# --- workflow -----------------------------------------------------------------------------------------


def test_people_decide(avid: Caller) -> None:
    number = avid.invoice()
    told = []
    for action in ("hold", "approve", "reject", "void_invoice"):
        avid.act(action, invoice=number)
        told.append(status(avid, number))
    assert told == ["On Hold", "Approved", "Rejected", "Void"]
    avid.act("set_status", invoice=number, text="Under Review (new)")
    assert status(avid, number) == "Under Review (new)"


def test_a_rejection_tells_its_reason(avid: Caller) -> None:
    number = avid.invoice()
    avid.act("reject", invoice=number, reason="Wrong site")
    assert avid.read(number)["Status"]["Reason"] == "Wrong site"
