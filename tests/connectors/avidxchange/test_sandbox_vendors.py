"""Vendors: keys, limits, updates, what people own (docs: avidxchange 6.2), under both profiles."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.connectors.avidxchange.caller import PROFILES, REMIT, Caller, denied, done, outcomes, refused, serving


@pytest.fixture(params=PROFILES)
def avid(request: pytest.FixtureRequest) -> Iterator[Caller]:
    with serving(request.param) as caller:
        yield caller


def test_a_vendor_is_created_and_read(avid: Caller) -> None:
    number = avid.vendor("01-A", Address=REMIT, Email="ar@a.example", NameOnCheck="A Co")
    read = avid.read_vendor(number)
    assert read[avid.word("ExternalVendorCode", "vendor")] == "01-A"
    assert read[avid.word("Active", "vendor")] is True
    assert (read["Address"], read["RemitToAddress"], read["NameOnCheck"]) == (REMIT, REMIT, "A Co")
    assert read["PaymentMethod"]["Description"] == "AvidPay Check"


def test_the_code_is_unique_in_its_accounting_system(avid: Caller) -> None:
    number = avid.vendor("01-A")
    [(successful, item, errors)] = outcomes(avid.create_vendor("01-A"))
    assert not successful
    assert item == {avid.word("Id", "vendor"): number}
    assert errors == [("DUPLICATE_VENDOR", avid.word("ExternalVendorCode", "vendor"))]
    assert avid.vendor("01-A", AccountingSystemId=4) != number


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"AccountingSystemId": None}, "FIELD_REQUIRED"),
        ({"AccountingSystemId": 9}, "ACCOUNTING_SYSTEM_NOT_FOUND"),
        ({"AccountingSystemId": "3"}, "FIELD_INVALID"),
        ({"ExternalVendorCode": ""}, "FIELD_REQUIRED"),
        ({"ExternalVendorCode": "x" * 101}, "FIELD_TOO_LONG"),
        ({"ExternalVendorCode": "01|A"}, "FIELD_INVALID"),
        ({"Name": None}, "FIELD_REQUIRED"),
        ({"Name": "x" * 256}, "FIELD_TOO_LONG"),
        ({"NameOnCheck": "x" * 256}, "FIELD_TOO_LONG"),
        ({"FedTaxId": "1" * 101}, "FIELD_TOO_LONG"),
        ({"FedTaxId": "*****6789"}, "FIELD_INVALID"),
        ({"Email": "x" * 256}, "FIELD_TOO_LONG"),
        ({"Telephone1": "1" * 21}, "FIELD_TOO_LONG"),
        ({"Website": "x" * 256}, "FIELD_TOO_LONG"),
        ({"Active": "true"}, "FIELD_INVALID"),
        ({"RemitToAddress": None}, "FIELD_REQUIRED"),
        ({"RemitToAddress": {**REMIT, "Line1": None}}, "FIELD_REQUIRED"),
        ({"RemitToAddress": {**REMIT, "Line1": "1"}}, "FIELD_INVALID"),
        ({"RemitToAddress": {**REMIT, "Line1": "x" * 256}}, "FIELD_TOO_LONG"),
        ({"RemitToAddress": {**REMIT, "City": ""}}, "FIELD_INVALID"),
        ({"RemitToAddress": {**REMIT, "City": "x" * 51}}, "FIELD_TOO_LONG"),
        ({"RemitToAddress": {**REMIT, "PostalCode": "1" * 21}}, "FIELD_TOO_LONG"),
        ({"RemitToAddress": {**REMIT, "Country": "USAX"}}, "FIELD_TOO_LONG"),
        ({"Address": {"City": "Reno"}}, "FIELD_REQUIRED"),
        ({"Fax": "1"}, "UNKNOWN_FIELD"),
        ({"Address": {**REMIT, "Zip": "1"}}, "UNKNOWN_FIELD"),
        ({"PaymentMethod": {"Id": 1}}, "READ_ONLY_FIELD"),
        ({"PaymentMethod": {"Description": "AvidPay Direct"}}, "READ_ONLY_FIELD"),
        ({"LastModifiedDate": "2026-01-01"}, "READ_ONLY_FIELD"),
        ({"Id": 5}, "READ_ONLY_FIELD"),
    ],
)
def test_a_field_that_breaks_its_rule_fails_the_row(avid: Caller, fields: dict[str, Any], code: str) -> None:
    assert refused(avid.create_vendor(**fields)) == [code]
    assert avid.state("vendors") == []


def test_every_problem_is_told_at_its_wire_path(avid: Caller) -> None:
    [(_, _, errors)] = outcomes(avid.create_vendor("01-A", Name="", RemitToAddress={"Line1": "PO Box", "Zip": "1"}))
    assert sorted(errors) == [("FIELD_REQUIRED", avid.word("Name", "vendor")), ("UNKNOWN_FIELD", "RemitToAddress.Zip")]


def test_the_other_profile_s_names_are_unknown(avid: Caller) -> None:
    other = "Active" if avid.plain else "isActive"
    body = {
        **avid.vendor_body(AccountingSystemId=3, ExternalVendorCode="01-A", Name="A", RemitToAddress=REMIT),
        other: True,
    }
    assert refused(avid.call("POST", avid.vendors, body)) == ["UNKNOWN_FIELD"]


def test_an_inactive_vendor_needs_no_remit_to(avid: Caller) -> None:
    number = avid.vendor("01-A", Active=False, RemitToAddress=None)
    assert refused(avid.update_vendor(number, Active=True)) == ["FIELD_REQUIRED"]
    assert done(avid.update_vendor(number, Active=True, RemitToAddress=REMIT))


def test_an_update_changes_what_it_names_and_replaces_addresses_whole(avid: Caller) -> None:
    number = avid.vendor("01-A", Address={**REMIT, "Line2": "Suite 4"}, Email="a@a.example")
    done(avid.update_vendor(number, Name="Renamed", Address={"Line1": "New 1"}))
    read = avid.read_vendor(number)
    assert (read[avid.word("Name", "vendor")], read["Email"]) == ("Renamed", "a@a.example")
    assert read["Address"] == {"Line1": "New 1"}


@pytest.mark.parametrize("fields", [{"ExternalVendorCode": "01-B"}, {"AccountingSystemId": 4}])
def test_the_key_is_immutable(avid: Caller, fields: dict[str, Any]) -> None:
    number = avid.vendor("01-A")
    assert refused(avid.update_vendor(number, **fields)) == ["FIELD_IMMUTABLE"]
    assert done(avid.update_vendor(number, ExternalVendorCode="01-A", AccountingSystemId=3))


def test_the_tax_id_is_masked_on_reading(avid: Caller) -> None:
    number = avid.vendor("01-A", FedTaxId="12-3456789")
    assert avid.read_vendor(number)["FedTaxId"] == "*****6789"
    assert avid.rows(avid.vendors)[0]["FedTaxId"] == "*****6789"
    done(avid.update_vendor(number, Name="Other"))
    assert avid.state("vendors")[0]["tax_id"] == "12-3456789"


def test_updates_are_counted_and_needless_ones_told(avid: Caller) -> None:
    number = avid.vendor("01-A", Name="A")
    done(avid.update_vendor(number, Name="B"))
    done(avid.update_vendor(number, Name="B"))
    stats = avid.stats()
    assert (stats["vendor_puts"], stats["needless_updates"]) == ({"01-A": 2}, 1)


def test_vendors_are_found_by_code_system_and_day(avid: Caller) -> None:
    for code in ("01-A", "01-B", "02-A"):
        avid.vendor(code)
    avid.vendor("01-A", AccountingSystemId=4)
    name = avid.word("ExternalVendorCode", "vendor")

    def found(**params: Any) -> list[str]:
        return sorted(row[name] for row in avid.rows(avid.vendors, **params))

    assert found(acctgSysId=3) == ["01-A", "01-B", "02-A"]
    assert found(acctgSysId=3, externalVendorCodes="01-A,02-A,none") == ["01-A", "02-A"]
    assert found(externalVendorCodes="01-A") == ["01-A", "01-A"]
    assert found(lastModifiedFrom="2020-01-01", lastModifiedTo="2020-01-31") == []
    assert len(found(lastModifiedFrom="2020-01-01")) == 4


def test_a_filter_takes_at_most_fifty_codes(avid: Caller) -> None:
    many = ",".join(f"01-{number}" for number in range(51))
    assert denied(avid.get(avid.vendors, externalVendorCodes=many)) == (400, "FIELD_INVALID")
    assert avid.rows(avid.vendors, externalVendorCodes=many.rpartition(",")[0]) == []


def test_an_unknown_vendor_is_404_and_none_is_deleted(avid: Caller) -> None:
    assert denied(avid.get(f"{avid.vendors}/77")) == (404, "NotFound")
    assert denied(avid.update_vendor(77, Name="x")) == (404, "NotFound")
    number = avid.vendor("01-A")
    answer = avid.call("DELETE", f"{avid.vendors}/{number}")
    assert answer.status_code == 405
    assert answer.headers["Allow"] == ("GET, PATCH" if avid.plain else "GET, PUT")


def test_people_edit_vendors(avid: Caller) -> None:
    number = avid.vendor("01-A")
    avid.act("edit_vendor", vendor=number, name="By hand", active=False, payment_method="AvidPay Direct")
    read = avid.read_vendor(number)
    assert (read[avid.word("Name", "vendor")], read["PaymentMethod"]["Description"]) == ("By hand", "AvidPay Direct")
    avid.act("add_vendor", code="AV-1", name="Entered")
    assert len(avid.rows(avid.vendors)) == 2
