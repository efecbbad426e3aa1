"""The read view of codes and the owner's import (docs: avidxchange 6.3, 8, 14.1), under both profiles."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.connectors.avidxchange.caller import GL, PROFILES, Caller, denied, listed, outcomes, serving


@pytest.fixture(params=PROFILES)
def avid(request: pytest.FixtureRequest) -> Iterator[Caller]:
    with serving(request.param) as caller:
        yield caller


def row(value: str, description: str = "Purchases", active: bool = True) -> dict[str, Any]:
    return {"CodeValue": value, "Description": description, "IsActive": active}


def actions(answer: Any) -> list[tuple[str, str]]:
    return [(item["CodeValue"], item["Action"]) for successful, item, _ in outcomes(answer) if successful]


def seen(avid: Caller, **params: Any) -> dict[str, bool]:
    return {each["CodeValue"]: each["IsActive"] for each in avid.rows("/enterpriseCodes", **params)}


def test_a_delta_upserts_what_it_names_and_tells_what_became_of_it(avid: Caller) -> None:
    first = [row("6000"), row("6100"), row("6200")]
    assert actions(avid.import_codes(*first)) == [("6000", "created"), ("6100", "created"), ("6200", "created")]
    again = [row("6000"), row("6100", "Renamed"), row("6200", active=False)]
    assert actions(avid.import_codes(*again)) == [("6000", "unchanged"), ("6100", "updated"), ("6200", "deactivated")]
    assert seen(avid) == {"6000": True, "6100": True, "6200": False}


def test_a_new_group_name_makes_the_group(avid: Caller) -> None:
    avid.import_codes(row("6000"))
    avid.import_codes(row("01", "East"), group="Location")
    groups, _ = avid.opened(avid.get("/enterpriseCodes/groups", acctgSysId=3).json())
    assert [each["GroupName"] for each in groups] == [GL, "Location"]
    assert avid.opened(avid.get("/enterpriseCodes/groups", acctgSysId=4).json())[0] == []


def test_the_read_view_is_filtered(avid: Caller) -> None:
    avid.import_codes(row("6000"), row("6100", active=False))
    avid.import_codes(row("01"), group="Location")
    assert seen(avid, acctgSysId=3, groupName=GL, isActive="true") == {"6000": True}
    assert seen(avid, isActive="false") == {"6100": False}
    assert seen(avid, groupName="Location") == {"01": True}
    assert seen(avid, acctgSysId=4) == {}
    assert denied(avid.get("/enterpriseCodes", isActive="yes")) == (400, "FIELD_INVALID")


def test_a_full_set_deactivates_what_it_leaves_out(avid: Caller) -> None:
    avid.import_codes(row("6000"), row("6100"))
    avid.import_codes(row("01"), group="Location")
    assert actions(avid.import_codes(row("6100"), mode="full")) == [("6100", "unchanged")]
    assert seen(avid) == {"6000": False, "6100": True, "01": True}


@pytest.mark.parametrize("total", [1, 3, None, "2"])
def test_a_full_set_must_be_whole(avid: Caller, total: Any) -> None:
    answer = avid.import_codes(row("6000"), row("6100"), mode="full", TotalRows=total)
    assert denied(answer) == (400, "FULL_SET_INCOMPLETE")
    assert seen(avid) == {}


def test_a_delta_takes_five_hundred_rows(avid: Caller) -> None:
    many = [row(str(number)) for number in range(501)]
    assert denied(avid.import_codes(*many))[0] == 400
    assert len(actions(avid.import_codes(*many[:500]))) == 500
    assert len(actions(avid.import_codes(*many, mode="full"))) == 501


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"GroupName": ""}, "FIELD_REQUIRED"),
        ({"Mode": "merge"}, "FIELD_INVALID"),
        ({"Codes": []}, "FIELD_REQUIRED"),
        ({"Rows": []}, "UNKNOWN_FIELD"),
    ],
)
def test_an_import_that_is_wrong_as_a_whole_is_400(avid: Caller, change: dict[str, Any], code: str) -> None:
    assert denied(avid.import_codes(row("6000"), **change)) == (400, code)


@pytest.mark.parametrize(
    ("bad", "code", "field"),
    [
        ({"Description": "x"}, "FIELD_REQUIRED", "CodeValue"),
        (row("x" * 101), "FIELD_TOO_LONG", "CodeValue"),
        ({**row("1"), "IsActive": "true"}, "FIELD_INVALID", "IsActive"),
        ({**row("1"), "Color": "red"}, "UNKNOWN_FIELD", "Color"),
    ],
)
def test_a_row_that_breaks_a_rule_fails(avid: Caller, bad: dict[str, Any], code: str, field: str) -> None:
    found = outcomes(avid.import_codes(row("6000"), bad, row("6100")))
    assert [error for _, _, errors in found for error in errors] == [(code, f"Codes.1.{field}")]
    if avid.plain:  # nothing is applied when a row fails
        assert seen(avid) == {}
    else:
        assert [successful for successful, _, _ in found] == [True, False, True]
        assert seen(avid) == {"6000": True, "6100": True}


def test_a_long_description_fails_the_whole_import(avid: Caller) -> None:
    answer = avid.import_codes(row("6000"), row("6100", "x" * 51))
    assert denied(answer) == (400, "FIELD_TOO_LONG")
    assert seen(avid) == {}
    assert len(actions(avid.import_codes(row("6100", "x" * 50)))) == 1


def test_or_it_fails_its_row_alone() -> None:
    with serving(whole_import_fails=False) as avid:
        found = outcomes(avid.import_codes(row("6000"), row("6100", "x" * 51)))
        assert [errors for _, _, errors in found] == [[], [("FIELD_TOO_LONG", "Codes.1.Description")]]
        assert seen(avid) == {"6000": True}


@pytest.mark.parametrize("profile", PROFILES)
def test_an_import_may_show_later(profile: str) -> None:
    with serving(profile, code_delay=60) as avid:
        assert actions(avid.import_codes(row("6000"))) == [("6000", "created")]
        assert seen(avid) == {}
        assert actions(avid.import_codes(row("6000"))) == [("6000", "unchanged")]
        avid.control("clock", {"advance": 61})
        assert seen(avid) == {"6000": True}
        groups, _ = avid.opened(avid.get("/enterpriseCodes/groups").json())
        assert len(listed(groups)) == 1


@pytest.mark.parametrize("status", [403, 404, 405, 501])
def test_the_import_may_be_off_while_the_view_is_on(avid: Caller, status: int) -> None:
    avid.act("disable", resource="code_import", status=status)
    avid.act("add_code", value="6000")
    assert avid.import_codes(row("6100")).status_code == status
    assert seen(avid) == {"6000": True}


def test_an_unknown_accounting_system_has_no_import(avid: Caller) -> None:
    body = {"GroupName": GL, "Mode": "delta", "TotalRows": 1, "Codes": [row("6000")]}
    assert denied(avid.call("POST", "/accountingSystems/9/enterpriseCodes/import", body)) == (404, "NotFound")
