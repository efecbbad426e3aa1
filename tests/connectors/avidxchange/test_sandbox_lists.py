"""Pages, links and the gateway's whims (docs: avidxchange 5.1, 5.2, 14), and the two shapes against the profiles."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors import avidxchange
from connectors.avidxchange.sandbox import load_demo
from connectors.avidxchange.sandbox.shapes import SHAPES, Shape
from tests.connectors.avidxchange.caller import PROFILES, Caller, denied, serving

SHIPPED = Path(avidxchange.__file__).parent / "profiles"


@pytest.fixture(params=PROFILES)
def avid(request: pytest.FixtureRequest) -> Iterator[Caller]:
    with serving(request.param, page_size=5) as caller:
        yield caller


def fill(avid: Caller, count: int) -> list[str]:
    codes = [f"V{number:03d}" for number in range(count)]
    for code in codes:
        avid.act("add_vendor", code=code, name=code)
    return codes


# --- pages --------------------------------------------------------------------------------------------


def test_the_server_s_page_is_small_whatever_was_asked(avid: Caller) -> None:
    codes = fill(avid, 12)
    items, pages = avid.opened(avid.get(avid.vendors, pageSize=500).json())
    assert (len(items), pages) == (5, 3)
    assert sorted(row[avid.word("ExternalVendorCode", "vendor")] for row in avid.rows(avid.vendors)) == codes


def test_a_smaller_page_may_be_asked_for(avid: Caller) -> None:
    fill(avid, 3)
    items, pages = avid.opened(avid.get(avid.vendors, pageSize=2).json())
    assert (len(items), pages) == (2, 2)


def test_a_page_past_the_end_is_empty(avid: Caller) -> None:
    fill(avid, 3)
    assert avid.opened(avid.get(avid.vendors, pageNumber=9).json())[0] == []


def test_order_is_not_promised_but_pages_agree(avid: Caller) -> None:
    codes = fill(avid, 12)
    name = avid.word("ExternalVendorCode", "vendor")
    read = [[row[name] for row in avid.rows(avid.vendors)] for _ in range(2)]
    assert read[0] == read[1]
    assert read[0] != codes


@pytest.mark.parametrize("value", ["0", "-1", "x"])
@pytest.mark.parametrize("name", ["pageNumber", "pageSize"])
def test_page_numbers_count_from_one(avid: Caller, name: str, value: str) -> None:
    assert denied(avid.get("/invoices", **{name: value})) == (400, "FIELD_INVALID")


def test_the_default_profile_s_paging_has_several_shapes() -> None:
    with serving(page_size=2) as avid:
        fill(avid, 3)
        for value in ("1", "2", "3"):
            avid.act("add_code", value=value)
        vendors = avid.get("/vendors").json()["Paging"]
        assert vendors.keys() == {"PageNumber", "PageSize", "Pages", "PageItems", "TotalItems", "Links"}
        codes = avid.get("/enterpriseCodes").json()["Paging"]
        links = codes.pop("Links")
        assert codes == {"PageNumber": 1, "PageSize": 2, "PageCount": 2, "PageItems": 2, "TotalItems": 3}
        assert links == [
            {"Rel": "first", "Href": "/v1/enterpriseCodes?pageNumber=1"},
            {"Rel": "next", "Href": "/v1/enterpriseCodes?pageNumber=2"},
        ]
        for path in ("/accountingSystems", "/enterpriseCodes/groups"):
            assert avid.get(path).json().keys() == {"Items"}


def test_the_second_profile_has_its_own_paging() -> None:
    with serving("plain-rest", page_size=2) as avid:
        fill(avid, 3)
        assert avid.get("/suppliers").json()["meta"] == {"page": 1, "totalPages": 2, "total": 3}
        assert avid.get("/accountingSystems").json().keys() == {"data"}


@pytest.mark.parametrize(("links", "start"), [("absolute", "http://127.0.0.1:"), ("foreign", "http://127.0.0.2:9/")])
def test_links_may_be_absolute_or_lead_astray(links: str, start: str) -> None:
    with serving(links=links, page_size=1) as avid:
        fill(avid, 2)
        hrefs = [link["Href"] for link in avid.get("/vendors", acctgSysId=3).json()["Paging"]["Links"]]
        assert all(href.startswith(start) for href in hrefs)
        assert hrefs[1].endswith("/v1/vendors?acctgSysId=3&pageNumber=2")


# --- whims --------------------------------------------------------------------------------------------


def test_a_list_of_one_comes_as_its_element_now_and_then(avid: Caller) -> None:
    fill(avid, 1)
    name = "data" if avid.plain else "Items"
    assert {type(avid.get(avid.vendors).json()[name]) for _ in range(30)} == {list, dict}


@pytest.mark.parametrize(("quirks", "kinds"), [(0.0, {list}), (1.0, {dict})])
@pytest.mark.parametrize("profile", PROFILES)
def test_whims_can_be_silenced_or_constant(profile: str, quirks: float, kinds: set[type]) -> None:
    with serving(profile, quirks=quirks) as avid:
        fill(avid, 1)
        name = "data" if avid.plain else "Items"
        assert {type(avid.get(avid.vendors).json()[name]) for _ in range(3)} == kinds


def test_whims_are_the_same_for_the_same_seed() -> None:
    def told(seed: int) -> list[str]:
        with serving(seed=seed) as avid:
            fill(avid, 1)
            return [type(avid.get("/vendors").json()["Items"]).__name__ for _ in range(20)]

    assert told(1) == told(1)
    assert told(1) != told(2)


def test_results_are_lists_or_objects_with_booleans_or_texts() -> None:
    with serving() as avid:
        answers = [avid.create_vendor("01-A").json() for _ in range(60)]
        results, rows = {type(each["Results"]) for each in answers}, []
        for each in answers[1:]:
            found = each["Results"]
            rows.append(found[0] if isinstance(found, list) else found)
        assert results == {list, dict}
        assert {repr(row["Successful"]) for row in rows} == {"False", "'false'"}
        assert {type(row["Errors"]) for row in rows} == {list, dict}


def test_errors_may_have_a_message_alone() -> None:
    with serving(message_only=True, quirks=0) as avid:
        avid.vendor("01-A")
        [row] = avid.create_vendor("01-A").json()["Results"]
        assert row["Errors"] == [{"Message": "ExternalVendorCode: Vendor 01-A exists already."}]


def test_stamps_and_days_come_in_several_spellings(avid: Caller) -> None:
    avid.ready()
    number = avid.invoice()
    read = [avid.read(number) for _ in range(60)]
    stamps = {re.sub(r"\d", "9", row["LastChangedDate"]) for row in read}
    bare, spaced = "9999-99-99T99:99:99", "9999-99-99 99:99:99"
    assert stamps == {bare, spaced, f"{bare}.999", f"{spaced}.999"}
    days = {row["InvoiceDate"] for row in read}
    assert {"2026-10-28", "2026-10-28T00:00:00", "2026-10-28 00:00:00"} <= days


def test_a_read_invoice_s_vendor_may_carry_an_address(avid: Caller) -> None:
    avid.ready()
    number = avid.invoice()
    read = {avid.read(number)["BuyerVendor"]["VendorExternalSystemID"] for _ in range(40)}
    assert read == {"01-ABC001", "01-ABC001|R1"}


# --- shapes against the profiles ----------------------------------------------------------------------


def profile(name: str) -> dict[str, Any]:
    """A shipped profile, merged over its parent as 14.1 says."""
    found = [json.loads(path.read_text()) for path in SHIPPED.glob("*.json")]
    own = next(each for each in found if each["profile"] == name)
    if "extends" not in own:
        return own
    merged = merge(profile(own["extends"]), own)
    if "headers" in own.get("auth", {}):
        merged["auth"]["headers"] = own["auth"]["headers"]
    return merged


def merge(parent: Any, own: Any) -> Any:
    if not isinstance(parent, dict) or not isinstance(own, dict):
        return own
    merged = {**parent, **{key: merge(parent.get(key), value) for key, value in own.items()}}
    return {key: value for key, value in merged.items() if value is not None or parent.get(key) is None}


KINDS = (
    ("accounting_system", "accounting_systems", "fields"),
    ("vendor", "vendors", "fields"),
    ("address", "vendors", "address_fields"),
    ("code", "codes", "fields"),
    ("invoice", "invoices", "fields"),
    ("line", "invoices", "line_fields"),
    ("line_code", "invoices", "line_code_fields"),
    ("payment", "payments", "fields"),
    ("remittance", "payments", "remittance_fields"),
)
NOT_SHOWN = {("payment", "exception_reason"), ("remittance", "description")}


@pytest.mark.skipif(not SHIPPED.exists(), reason="no profiles are shipped")
@pytest.mark.parametrize("name", PROFILES)
def test_the_shapes_are_those_of_the_profiles(name: str) -> None:
    shape, contract = SHAPES[name], profile(name)
    resources = contract["resources"]
    for kind, resource, fields in KINDS:
        named = {key: path for key, path in resources[resource][fields].items() if (kind, key) not in NOT_SHOWN}
        assert {key: shape.paths[kind].get(key) for key in named} == named, kind
    assert contract["base_url"] == "https://{api_host}" + shape.root
    assert contract["auth"]["headers"] == dict(shape.headers)
    assert contract["query_params"] == query_names(shape)
    assert shape.vendors == resources["vendors"]["list"]["path"] == resources["vendors"]["create"]["path"]
    assert shape.vendor_update == resources["vendors"]["update"]["method"]
    assert shape.payments == resources["payments"]["list"]["path"]
    assert shape.payment_filter_required == resources["payments"]["filter_required"]
    assert shape.image.replace("<id>", "{id}") == resources["images"]["upload"]["path"]
    assert shape.image_mode == resources["images"]["mode"]
    assert shape.default_page_size == contract["paging"]["page_size"]
    for state, text in shape.statuses.items():
        assert text in resources["payments"]["statuses"][state]


def query_names(shape: Shape) -> dict[str, str]:
    return {
        "page_number": shape.page_number,
        "page_size": shape.page_size,
        "modified_from": shape.modified_from,
        "modified_to": shape.modified_to,
    }


# --- demo ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PROFILES)
def test_the_demo_has_vendors_codes_an_open_invoice_and_a_settled_payment(name: str) -> None:
    with serving(name) as avid:
        made = load_demo(avid.sandbox)
        assert len(avid.rows(avid.vendors, acctgSysId=3)) == len(made["vendors"])
        statuses = {row["Status"]["Description"] for row in avid.rows("/invoices")}
        assert statuses == {"Paid", "Pending Approval"}
        today = avid.sandbox.now().date().isoformat()
        assert avid.rows(avid.payments, lastModifiedFrom=today) == []
        assert avid.get(f"/payments/{made['payments'][0]}").status_code == 200
