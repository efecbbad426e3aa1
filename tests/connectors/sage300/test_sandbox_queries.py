"""Lists, filters, paging and single records (docs: sage300 15.7-15.9), over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.connectors.sage300.caller import THIS_YEAR, Caller, invoice, refusal, serving


@pytest.fixture(scope="module")
def sage() -> Iterator[Caller]:
    """250 generated vendors, one with a quote in its number, a posted and an open batch."""
    with serving() as caller:
        caller.act("generate", vendors=250, invoices=0)
        caller.act("add_vendor", vendor="O'HARA", name="O'Hara & Sons", group="SERV", City="Reno")
        caller.act("add_invoice", vendor="O'HARA", document="OH-1", lines=[["6200100", 20]], status="Posted")
        caller.act(
            "add_invoice", vendor="O'HARA", document="OH-2", lines=[["6200100", "30.5"]], day=f"{THIS_YEAR}-11-02"
        )
        yield caller


# --- 7: paging ----------------------------------------------------------------------------------------


def test_7_pages_hold_100_rows_whatever_top_says(sage: Caller) -> None:
    page = sage.get("AP/APVendors", top=1000, select="VendorNumber").json()
    assert len(page["value"]) == 100
    assert "%24skip=100" in page["@odata.nextLink"] or "$skip=100" in page["@odata.nextLink"]


def test_7_the_next_links_lead_through_everything_once(sage: Caller) -> None:
    seen, link = [], sage.url("AP/APVendors?$select=VendorNumber&$filter=startswith(VendorNumber,'GEN')")
    while link:
        page = sage.http.get(link, timeout=10).json()
        seen += [row["VendorNumber"] for row in page["value"]]
        link = page.get("@odata.nextLink")
    assert len(seen) == 250
    assert seen == sorted(set(seen))


def test_7_a_top_within_the_page_has_no_next_link(sage: Caller) -> None:
    page = sage.get("AP/APVendors", top=7, skip=3).json()
    assert [row["VendorNumber"] for row in page["value"]] == [f"GEN{each:06d}" for each in range(3, 10)]
    assert "@odata.nextLink" not in page


def test_7_counts_come_on_request_and_as_numbers(sage: Caller) -> None:
    assert sage.get("AP/APVendors", top=1, count="true").json()["@odata.count"] == 251
    assert sage.get("AP/APVendors", top=0, count="true").json()["value"] == []
    assert "@odata.count" not in sage.get("AP/APVendors", top=1).json()


def test_7_the_next_link_may_show_an_internal_host() -> None:
    with serving(internal_host_links=True, page_size=3) as sage:
        link = sage.get("GL/GLAccounts", select="UnformattedAccount").json()["@odata.nextLink"]
        assert link.startswith("http://SAGE-APP01.corp.local/Sage300WebApi/v1.0/-/SAMLTD/GL/GLAccounts?")
        assert "$skip=3" in link


# --- 8: filters ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("VendorNumber eq 'GEN000007'", 1),
        ("VendorNumber eq 'O''HARA'", 1),
        ("VendorNumber ge 'GEN000248'", 3),
        ("VendorNumber gt 'GEN000248' and VendorNumber lt 'O'", 1),
        ("VendorNumber le 'GEN000000' or City eq 'Reno'", 2),
        ("(City eq 'Reno' or City eq 'Rome') and GroupCode ne 'TRADE'", 1),
        ("startswith(VendorName,'O''')", 1),
        ("endswith(VendorName,'Sons') eq true", 1),
        ("contains(VendorName,'Supplier 00024')", 10),
        ("substringof('Supplier 00024',VendorName)", 10),
        ("length(VendorNumber) lt 9", 1),
        ("Status eq 'Inactive'", 0),
        ("OnHold eq '0'", 251),
        ("BalanceDueInVendorCurrency gt 19.99m", 1),
        ("DateLastMaintained ge 2026-01-01T00:00:00Z", 251),
        ("DateLastMaintained lt 2026-01-01", 0),
        ("InactiveDate eq null", 251),
        ("NumberOfOpenInvoices eq 1", 1),
    ],
)
def test_8_the_filter_grammar(sage: Caller, text: str, count: int) -> None:
    assert sage.get("AP/APVendors", filter=text, count="true", top=0).json()["@odata.count"] == count


@pytest.mark.parametrize(
    "text",
    [
        "Nonsense eq 'x'",
        "VendorNumber eq",
        "VendorNumber eq 'x",
        "VendorNumber = 'x'",
        "VendorNumber eq 5",
        "NumberOfOpenInvoices eq '5'",
        "Status eq Active",
        "Status eq 'Nonsense'",
        "Status gt 'Active'",
        "not startswith(VendorNumber,'x')",
        "DateLastMaintained ge datetime'2015-12-31T12:00'",
        "VendorOptionalFieldValues/any(o: o/Value eq 'x')",
        "VendorOptionalFieldValues eq 'x'",
        "VendorNumber eq 'x' and",
        "(VendorNumber eq 'x'",
        "tolower(VendorNumber) eq 'x'",
        "",
        " or ".join(["VendorNumber eq 'x'"] * 30),
    ],
)
def test_8_anything_else_is_400(sage: Caller, text: str) -> None:
    assert refusal(sage.get("AP/APVendors", filter=text)) == (400, "InvalidParameters")


def test_8_enumerations_are_compared_by_quoted_name_or_number(sage: Caller) -> None:
    for text in ("BatchStatus eq 'Open'", "BatchStatus eq '1'"):
        assert [row["Description"] for row in sage.rows("AP/APInvoiceBatches", filter=text)] == ["Entered by hand"]
    assert len(sage.rows("AP/APPostedDocuments", filter="DocumentType eq '1'")) == 1


@pytest.mark.parametrize(
    "options",
    [
        "$top=-1",
        "$top=x",
        "$skip=1.5",
        "$count=yes",
        "$select=Nope",
        "$orderby=Nope",
        "$orderby=VendorNumber,City",
        "$expand=VendorOptionalFieldValues",
        "$top=1&$top=2",
    ],
)
def test_8_malformed_options_are_400(sage: Caller, options: str) -> None:
    assert refusal(sage.call("GET", f"AP/APVendors?{options}")) == (400, "InvalidParameters")


def test_8_order_by_one_property(sage: Caller) -> None:
    rows = sage.rows("AP/APVendors", orderby="VendorNumber desc", top=2, select="VendorNumber")
    assert [row["VendorNumber"] for row in rows] == ["O'HARA", "GEN000249"]


# --- 9: select, single records ------------------------------------------------------------------------


def test_9_select_is_honoured_and_details_come_unless_deselected(sage: Caller) -> None:
    assert sage.rows("AP/APInvoiceBatches", select="BatchNumber,Description")[0].keys() == {
        "BatchNumber",
        "Description",
    }
    chosen = sage.rows("AP/APInvoiceBatches", select="BatchNumber,Invoices")[1]
    assert chosen["Invoices"][0]["InvoiceDetails"][0]["DistributedAmount"] == 30.5
    assert sage.rows("AP/APInvoiceBatches")[0]["Invoices"][0]["InvoicePaymentSchedules"][0]["AmountDue"] == 20


def test_9_a_key_gives_the_bare_record(sage: Caller) -> None:
    record = sage.get("AP/APVendors('o''hara')").json()
    assert record["VendorNumber"] == "O'HARA"
    assert record["@odata.context"].endswith("AP/$metadata#APVendors/$entity")
    assert "value" not in record
    assert sage.get("AP/APVendors(GEN000001)", select="City").json().keys() == {"@odata.context", "City"}


def test_9_composite_keys_by_name_or_in_order(sage: Caller) -> None:
    for key in ("VendorNumber='O''HARA',DocumentNumber='OH-1'", "DocumentNumber='OH-1',VendorNumber='O''HARA'"):
        assert sage.get(f"AP/APPostedDocuments({key})").json()["VendorCurrencyInvoiceAmount"] == 20
    assert sage.get("AP/APPostedDocuments('O''HARA','OH-1')").status_code == 200
    assert refusal(sage.get("AP/APPostedDocuments('O''HARA')")) == (400, "InvalidEntityKey")


def test_9_a_missing_record_is_404(sage: Caller) -> None:
    answer = sage.get("AP/APVendors('NONE')")
    assert refusal(answer) == (404, "RecordNotFound")
    assert answer.json()["error"]["message"]["value"] == "A Record cannot be found for the specified entity key"
    assert refusal(sage.get("AP/APInvoiceBatches(99)")) == (404, "RecordNotFound")


# --- 27: how values look ------------------------------------------------------------------------------


def test_27_dates_are_midnights_and_may_be_null(sage: Caller) -> None:
    entry = sage.read(2)["Invoices"][0]
    assert entry["DocumentDate"] == f"{THIS_YEAR}-11-02T00:00:00Z"
    assert entry["DiscountDate"] is None


def test_27_values_may_be_padded_with_blanks() -> None:
    with serving(padded=True) as sage:
        sage.act("define_optional_field", name="RUSH", type="YesNo")
        sage.vendor("V1")
        number = sage.batch(invoice(InvoiceOptionalFields=[{"OptionalField": "RUSH", "Value": "0"}]))
        entry = sage.read(number)["Invoices"][0]
        assert entry["InvoiceOptionalFields"][0]["Value"] == "0".rjust(60)
        assert entry["VendorNumber"] == "V1".ljust(12)
        assert entry["UpdateOperation"] == "Unspecified"
