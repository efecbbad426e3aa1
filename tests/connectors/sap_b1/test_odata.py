"""Keys, literals, dates and links as the Service Layer spells them."""

from __future__ import annotations

from datetime import date

import pytest

from connectors.errors import BadAnswer
from connectors.sap_b1 import odata

BASE = "https://b1.acme.example:50000/b1s/v1"
DAY = date(2026, 3, 31)


def test_quotes_in_texts_are_doubled_and_keys_percent_encoded():
    assert odata.text("V10'A") == "'V10''A'"
    assert odata.key("PurchaseInvoices", 91) == "PurchaseInvoices(91)"
    assert odata.key("BusinessPartners", "V10'A") == "BusinessPartners('V10%27%27A')"
    assert odata.key("BusinessPartners", "A/B ü?#") == "BusinessPartners('A%2FB%20%C3%BC%3F%23')"


@pytest.mark.parametrize(("value", "spelt"), [(7, "7"), ("O'x", "'O''x'"), (DAY, "'2026-03-31'")])
def test_literals_by_type(value, spelt):
    assert odata.literal(value) == spelt


def test_dates_in_filters_and_bodies():
    assert odata.day(DAY) == "'2026-03-31'"
    assert odata.body_date(DAY, 1) == "2026-03-31"
    assert odata.body_date(DAY, 2) == "2026-03-31T00:00:00Z"


@pytest.mark.parametrize("value", ["2026-03-31", "2026-03-31T00:00:00Z", "2026-03-31T23:30:00-08:00"])
def test_a_date_is_its_first_ten_characters_in_whatever_zone(value):
    assert odata.parse_day(value) == DAY


def test_no_date_and_what_is_none():
    assert odata.parse_day(None) is odata.parse_day("") is None
    with pytest.raises(ValueError):
        odata.parse_day("yesterday")


def test_a_query_leaves_out_what_is_empty_and_writes_no_plus_for_a_space():
    options = [("$select", ""), ("$filter", "CardName eq 'A+B & C'"), ("$orderby", "DocEntry asc")]
    assert odata.query(options) == "$filter=CardName%20eq%20'A%2BB%20%26%20C'&$orderby=DocEntry%20asc"


@pytest.mark.parametrize(
    "link",
    [
        "Orders?$select=DocEntry&$skip=100",
        "/b1s/v1/Orders?$select=DocEntry&$skip=100",
        f"{BASE}/Orders?$select=DocEntry&$skip=100",
        "https://B1.acme.example:50000/b1s/v1/Orders?$select=DocEntry&$skip=100",
    ],
)
def test_links_are_relative_to_the_service_to_the_host_or_absolute(link):
    assert odata.resolve(BASE, link) == f"{BASE}/Orders?$select=DocEntry&$skip=100"


def test_a_link_of_a_server_that_does_not_know_its_partners_path():
    base = "https://cloud.example/tenant7/b1s/v2"
    assert odata.resolve(base, "/b1s/v2/Orders?$skip=20") == f"{base}/Orders?$skip=20"


def test_a_port_need_not_be_spelt_out():
    base = "https://cloud.example/b1s/v2"
    assert odata.resolve(base, "https://cloud.example:443/b1s/v2/Orders?$skip=20") == f"{base}/Orders?$skip=20"


def test_the_currency_of_all_currencies_is_no_fragment():
    link = odata.resolve(BASE, "BusinessPartners?$filter=Currency eq '##'&$skip=20")
    assert link == f"{BASE}/BusinessPartners?$filter=Currency eq '%23%23'&$skip=20"


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/b1s/v1/Orders?$skip=20",
        "//evil.example/b1s/v1/Orders",
        "http://b1.acme.example:50000/b1s/v1/Orders",
        "https://b1.acme.example:50001/b1s/v1/Orders",
        "https://b1.acme.example:50000@evil.example/b1s/v1/Orders",
        "../../elsewhere",
        "https://[broken/b1s/v1/Orders",
    ],
)
def test_links_elsewhere_are_refused(link):
    with pytest.raises(BadAnswer):
        odata.resolve(BASE, link)
