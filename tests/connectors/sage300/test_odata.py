"""How values, keys and filters are written."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from connectors.sage300 import odata


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("Open", "'Open'"),
        ("O'HARA", "'O''HARA'"),
        (58, "58"),
        (True, "true"),
        (Decimal("1000.00"), "1000.00"),
        (Decimal("1E+3"), "1000"),
        (date(2026, 11, 20), "2026-11-20T00:00:00Z"),
    ],
)
def test_literals(value, written):
    assert odata.literal(value) == written


@pytest.mark.parametrize(
    ("value", "error"), [(Decimal("NaN"), ValueError), (datetime(2026, 11, 20, tzinfo=UTC), TypeError)]
)
def test_what_is_no_literal(value, error):
    with pytest.raises(error):
        odata.literal(value)


@pytest.mark.parametrize(
    ("key", "written"),
    [
        ({"VendorNumber": "NW-PAPER"}, "X('NW-PAPER')"),
        ({"BatchNumber": 58}, "X(58)"),
        ({"VendorNumber": "O'HARA"}, "X('O''HARA')"),
        ({"VendorNumber": "A B#1+É"}, "X('A%20B%231%2B%C3%89')"),
        ({"BatchRecordType": "CA", "BatchNumber": 65}, "X(BatchRecordType='CA',BatchNumber=65)"),
    ],
)
def test_keys(key, written):
    assert odata.address("X", key) == written
    assert odata.addressable(key)


@pytest.mark.parametrize("character", [*"<>*%&:\\?/\n\t"])
def test_keys_that_cannot_stand_in_a_url(character):
    assert not odata.addressable({"VendorNumber": f"A{character}C"})
    assert not odata.addressable({"BatchNumber": 1, "VendorNumber": character})


def test_an_empty_key_addresses_nothing():
    assert not odata.addressable({"VendorNumber": ""})


def test_a_key_as_a_filter():
    key = {"VendorNumber": "AC/DC", "DocumentNumber": "O'1"}
    assert odata.key_filter(key) == "VendorNumber eq 'AC/DC' and DocumentNumber eq 'O''1'"


def test_filters_combine():
    recent = odata.where("DateLastMaintained", "ge", date(2026, 1, 2))
    states = odata.either(odata.where("BatchStatus", "eq", "Open"), odata.where("BatchStatus", "eq", "ReadyToPost"))
    assert odata.both(recent, "", states) == (
        "DateLastMaintained ge 2026-01-02T00:00:00Z and (BatchStatus eq 'Open' or BatchStatus eq 'ReadyToPost')"
    )
    assert odata.starts_with("Description", "ML 'x") == "startswith(Description,'ML ''x')"


def test_many_values_make_several_short_filters():
    values = [f"V{number:02}" for number in range(31)]
    filters = list(odata.any_of("VendorNumber", [*values, "V00"]))
    assert [each.count(" eq ") for each in filters] == [15, 15, 1]
    assert filters[2] == "VendorNumber eq 'V30'"
    assert all(sum(f"'{value}'" in each for each in filters) == 1 for value in values)
    assert [each.count(" eq ") for each in odata.any_of("VendorNumber", values, beside=4)] == [11, 11, 9]
    assert list(odata.any_of("VendorNumber", [])) == []


def test_options_keep_their_names_and_have_blanks_as_such():
    options = [("$filter", "Name eq 'A&B + C=#1'"), ("$top", "1")]
    assert odata.query(options) == "?$filter=Name%20eq%20'A%26B%20%2B%20C%3D%231'&$top=1"
    assert odata.query([]) == ""
