"""The sandbox's eBusiness Web Services keep the contract's strict rules (docs: sage100 6, 11); over real HTTP."""

from __future__ import annotations

import os
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import zeep
import zeep.exceptions

from connectors.sage100.sandbox import SOAP_PASSWORD, SOAP_USER, Sage100Sandbox, load_customers
from connectors.sage100.sandbox.soap import NULL_DATE_TIME, PATH
from connectors.sage100.sandbox.soap_contract import NS, wsdl
from connectors.sandboxing import Running

XS = "{http://www.w3.org/2001/XMLSchema}"
WSDL = "{http://schemas.xmlsoap.org/wsdl/}"
LOGON = {"Username": SOAP_USER, "Password": SOAP_PASSWORD}
WRITES = ("GetNextCustomerNo", "GetNextSalesOrderNo")


class Site:
    def __init__(self, running: Running) -> None:
        self.running, self.url = running, running.url + PATH
        client = zeep.Client(self.url + "?wsdl")
        self.service = client.create_service(f"{{{NS}}}BasicHttpBinding_IMas", self.url)

    def get(self, operation: str, **given: Any) -> Any:
        given = {"logon": LOGON, "companyCode": "ABC", **given}
        return getattr(self.service, operation)(**given)

    def fault(self, operation: str, **given: Any) -> zeep.exceptions.Fault:
        with pytest.raises(zeep.exceptions.Fault) as caught:
            self.get(operation, **given)
        return caught.value

    def post(self, inner: str, operation: str = "GetCustomer", **headers: str) -> requests.Response:
        text = f'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>{inner}</s:Body></s:Envelope>'
        known = {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": f'"{NS}/IMas/{operation}"'}
        return requests.post(self.url, data=text, headers={**known, **headers}, timeout=5)

    def stats(self) -> dict[str, Any]:
        found: dict[str, Any] = requests.get(self.running.url + "/_sandbox/stats", timeout=5).json()
        return found


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    sandbox = Sage100Sandbox()
    load_customers(sandbox)
    with Running(sandbox) as running:
        yield Site(running)


def asking(members: str, namespace: str = NS) -> str:
    return f'<GetCustomer xmlns="{namespace}">{members}</GetCustomer>'


def whole(password_first: bool = True) -> str:
    password, username = f"<Password>{SOAP_PASSWORD}</Password>", f"<Username>{SOAP_USER}</Username>"
    logon = password + username if password_first else username + password
    return (
        f"<logon>{logon}</logon><companyCode>ABC</companyCode><arDivisionNo>01</arDivisionNo>"
        "<customerNo>ABF</customerNo>"
    )


def test_the_ping_needs_no_logon(site: Site) -> None:
    answer = site.service.GetContractInformation()
    assert (answer.ContractVersion, answer.AssemblyVersion) == (5, "7.20.0.0")
    assert answer.NullDateTime.isoformat() == NULL_DATE_TIME


def test_the_wsdl_names_an_internal_address(site: Site) -> None:
    text = requests.get(site.url + "?singleWsdl", timeout=5).text
    assert 'location="https://SAGESRV01/' in text
    assert site.running.url not in text


def test_a_customer_is_read_by_division_and_number(site: Site) -> None:
    first = site.get("GetCustomer", arDivisionNo="01", customerNo="ABF")
    second = site.get("GetCustomer", arDivisionNo="02", customerNo="ABF")
    assert (first.CustomerName, second.CustomerName) == ("American Business Futures", "ABF Service Division")
    assert first.CreditLimit == 50000


def test_empty_text_and_dates_are_nil_and_amounts_are_not(site: Site) -> None:
    found = site.get("GetCustomer", arDivisionNo="01", customerNo="OLD & SONS")
    assert (found.City, found.DateLastPayment, found.CurrentBalance) == (None, None, 0)
    assert 'City i:nil="true"' in site.post(asking(whole().replace("ABF", "OLD &amp; SONS"))).text


def test_a_blanked_date_is_the_null_date(site: Site) -> None:
    found = site.get("GetCustomer", arDivisionNo="01", customerNo="0000042")
    assert found.DateLastPayment.isoformat() == NULL_DATE_TIME


@pytest.mark.parametrize(
    ("division", "number", "fields"),
    [
        ("01", "ABF", []),
        ("02", "ABF", [("UDF_REGION", "Midwest")]),
        ("01", "0000042", [("UDF_REGION", "West"), ("UDF_REP", "14")]),
    ],
)
def test_user_defined_fields_come_as_a_list(
    site: Site, division: str, number: str, fields: list[tuple[str, str]]
) -> None:
    found = site.get("GetCustomer", arDivisionNo=division, customerNo=number).OtherFields
    assert [(each.MasFieldName, each.Value) for each in (found.Field if found else [])] == fields


def test_a_contact_is_read_by_its_code(site: Site) -> None:
    found = site.get("GetCustomerContact", arDivisionNo="01", customerNo="ABF", contactCode="ARTIE")
    assert found.ContactName == "Artie Johnson"


@pytest.mark.parametrize(("number", "lines"), [("0000170", 1), ("0000171", 3)])
def test_an_order_has_one_line_or_many(site: Site, number: str, lines: int) -> None:
    found = site.get("GetSalesOrder", salesOrderNo=number)
    assert len(found.Lines.SalesOrderLine) == lines
    assert found.Lines.SalesOrderLine[0].QuantityOrdered > 0


def test_an_unknown_key_is_told_in_code_and_detail(site: Site) -> None:
    fault = site.fault("GetCustomer", arDivisionNo="01", customerNo="NOBODY")
    assert fault.code == "a:CI_NoKey"
    assert fault.detail.findtext(".//{*}ErrorCode") == "CI_NoKey"
    assert fault.detail.findtext(".//{*}ErrorMessage") == fault.message


def test_a_key_that_is_too_long_is_a_fault(site: Site) -> None:
    assert site.fault("GetCustomer", arDivisionNo="001", customerNo="ABF").code == "a:CI_CharLength"
    assert site.fault("GetSalesOrder", salesOrderNo="00000170").code == "a:CI_CharLength"


@pytest.mark.parametrize(
    "logon", [None, {"Username": SOAP_USER, "Password": "wrong"}, {"Username": "OFF", "Password": SOAP_PASSWORD}]
)
def test_a_wrong_logon_and_a_user_who_is_not_enabled_read_alike(site: Site, logon: Any) -> None:
    fault = site.fault("GetCustomer", arDivisionNo="01", customerNo="ABF", logon=logon)
    assert fault.message.startswith("Logon failure: The user logon or password does not match")


@pytest.mark.parametrize("company", ["abc", "XYZ", None])
def test_a_company_that_is_not_enabled_is_refused(site: Site, company: str | None) -> None:
    fault = site.fault("GetCustomer", arDivisionNo="01", customerNo="ABF", companyCode=company)
    assert fault.message.startswith("No access")


@pytest.mark.parametrize("operation", WRITES)
def test_every_other_operation_is_refused_and_counted(site: Site, operation: str) -> None:
    assert "No access" in site.fault(operation).message
    assert site.stats()["forbidden"][operation] == 1


def test_members_out_of_order_are_ignored_silently(site: Site) -> None:
    assert site.post(asking(whole())).status_code == 200
    assert "Logon failure" in site.post(asking(whole(password_first=False))).text
    swapped = whole().replace("<arDivisionNo>01</arDivisionNo>", "") + "<arDivisionNo>01</arDivisionNo>"
    assert "CI_NoKey" in site.post(asking(swapped)).text


def test_members_of_another_namespace_are_ignored(site: Site) -> None:
    foreign = whole().replace("<customerNo>", '<customerNo xmlns="urn:other">')
    assert "CI_NoKey" in site.post(asking(foreign)).text
    assert "DeserializationFailed" in site.post(asking(whole(), "urn:other")).text


def test_an_unknown_action_is_not_supported(site: Site) -> None:
    answer = site.post(asking(whole()), operation="ListCustomers")
    assert answer.status_code == 500
    assert "a:ActionNotSupported" in answer.text


def test_action_and_body_must_agree(site: Site) -> None:
    assert "DeserializationFailed" in site.post(asking(whole()), operation="GetSalesOrder").text


def test_only_posted_xml_is_taken(site: Site) -> None:
    assert site.post(asking(whole()), **{"Content-Type": "application/json"}).status_code == 415
    assert requests.put(site.url, timeout=5).status_code == 405
    assert site.post("<unclosed>").status_code == 400


def test_plain_http_can_be_refused() -> None:
    with Running(Sage100Sandbox(soap_tls_only=True)) as running:
        assert requests.get(running.url + PATH + "?wsdl", timeout=5).status_code == 403


@pytest.mark.parametrize(
    ("kind", "text"), [("soap_exception", "An exception occurred."), ("soap_locked", "The record is in use")]
)
def test_faults_on_demand(site: Site, kind: str, text: str) -> None:
    requests.post(site.running.url + "/_sandbox/faults", json=[{"kind": kind, "path": "MasBasic"}], timeout=5)
    assert site.fault("GetCustomer", arDivisionNo="01", customerNo="ABF").message.startswith(text)
    assert site.get("GetCustomer", arDivisionNo="01", customerNo="ABF").CustomerNo == "ABF"


def test_the_agent_beside_it_still_wants_its_key(site: Site) -> None:
    assert requests.get(site.running.url + "/v1/vendors", timeout=5).status_code == 401


def test_a_member_that_sage_does_not_have_cannot_be_entered() -> None:
    with pytest.raises(ValueError, match="Colour"):
        Sage100Sandbox().do_add_customer("X", "X", Colour="red")


# --- the contract's own file -------------------------------------------------------------------------


def described(text: str) -> dict[str, Any]:
    root = ET.fromstring(text)
    schema = root.find(f"{WSDL}types/{XS}schema")
    assert schema is not None
    shapes: dict[str, Any] = {}
    for element in [*schema.findall(f"{XS}complexType"), *schema.findall(f"{XS}element")]:
        members = [dict(sorted(each.attrib.items())) for each in element.iter(f"{XS}element") if each is not element]
        shapes[f"{element.tag} {element.get('name')}"] = members
    binding = root.find(f"{WSDL}binding")
    assert binding is not None
    for operation in binding.findall(f"{WSDL}operation"):
        shapes[f"operation {operation.get('name')}"] = next(each.get("soapAction") for each in operation)
    return shapes


def test_the_wsdl_is_equivalent_to_the_contracts() -> None:
    folder = os.environ.get("CONTRACTS_DATA")
    if not folder:
        pytest.skip("CONTRACTS_DATA is not set")
    (path,) = Path(folder, "sage100").glob("*.wsdl")
    assert described(wsdl()) == described(path.read_text(encoding="utf-8"))
