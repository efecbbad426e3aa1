"""SOAP over real HTTP, against a site whose WSDL names hosts that cannot be reached."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

import pytest
from werkzeug.wrappers import Response

from connectors import soap
from connectors.budget import MemoryStore
from connectors.clock import SystemClock
from connectors.errors import BadAnswer, ConfigurationError, Unreachable
from connectors.ports import ConnectionSpec, Exchange, Host, Tls
from connectors.sandboxing import Fault, Running
from connectors.soap import Service, SoapFault
from connectors.transport import Transport

from .soap_site import PASSWORD, PATH, USER, SoapSite

LOGON = {"Username": USER, "Password": PASSWORD}


@dataclass
class Stage:
    site: SoapSite
    url: str
    exchanges: list[Exchange] = field(default_factory=list)

    def service(self, query: str = "", tls: Tls = Tls()) -> Service:  # noqa: B008
        spec = ConnectionSpec("k", "Books", "sage100", self.url, credentials={"soap_password": PASSWORD}, tls=tls)
        transport = Transport(spec, Host(SystemClock(), MemoryStore(), self.exchanges.append))
        return Service(transport, self.url + PATH + query)


@pytest.fixture
def stage(monkeypatch):
    monkeypatch.setattr(soap, "_library", soap._Library())
    site = SoapSite()
    site.customers["01", "ABF"] = {
        "ARDivisionNo": "01",
        "CustomerNo": "ABF",
        "CustomerName": "American Business Futures",
        "CreditLimit": "5000.00",
        "City": None,
    }
    with Running(site) as running:
        yield Stage(site, running.url)


def customer(service: Service, number: str = "ABF"):
    return service.call("GetCustomer", logon=LOGON, companyCode="ABC", arDivisionNo="01", customerNo=number)


def test_calls_go_to_the_configured_host_whatever_the_wsdl_says(stage):
    found = customer(stage.service())
    assert (found["CustomerName"], found["CreditLimit"], found["City"]) == (
        "American Business Futures",
        Decimal("5000.00"),
        None,
    )
    assert all(each.url.startswith(stage.url) for each in stage.exchanges)


def test_a_wsdl_is_loaded_once_for_its_address(stage):
    customer(stage.service())
    customer(stage.service())
    assert stage.site.wsdls == 1
    customer(stage.service(tls=Tls(verify=False)))  # was verified in another way: not to be trusted likewise
    assert stage.site.wsdls == 2


def test_a_new_contract_version_has_the_wsdl_loaded_anew(stage):
    service = stage.service()
    service.expect("7")
    service.expect("7")
    customer(service)
    assert stage.site.wsdls == 1
    stage.site.extra = " Zone"
    stage.site.customers["01", "ABF"]["Zone"] = "4"
    with pytest.raises(BadAnswer, match="does not fit its WSDL"):
        customer(service)
    service.expect("8")
    assert customer(service)["Zone"] == "4"


@pytest.mark.parametrize(("query", "loaded"), [("", 1), ("?singleWsdl", 1)])
def test_where_the_wsdl_is_published(stage, query, loaded):
    stage.site.single_only = True
    service = stage.service(query)
    with pytest.raises(ConfigurationError):  # its import is not to be had either
        service.call("GetContractInformation")
    assert stage.site.wsdls == loaded
    stage.site.single_only = False
    assert service.call("GetContractInformation")["ContractVersion"] == 7


def test_a_fault_carries_the_code_of_its_detail(stage):
    with pytest.raises(SoapFault) as caught:
        customer(stage.service(), "NOBODY")
    assert (caught.value.code, caught.value.message) == ("CI_NoKey", "The record does not exist.")
    stage.site.refusals = [("", "An exception occurred.")]
    with pytest.raises(SoapFault) as caught:
        customer(stage.service())
    assert (caught.value.code, caught.value.message) == ("Server", "An exception occurred.")


def test_a_page_of_iis_is_no_fault(stage):
    service = stage.service()
    customer(service)
    page = "<html><body><h2>HTTP Error 503. The service is unavailable.</h2></body></html>"
    stage.site.faults = [Fault("status", method="POST", status=503, body=page, headers={"Retry-After": "30"})]
    with pytest.raises(Unreachable) as caught:
        customer(service)
    assert (caught.value.status, caught.value.retry_after) == (503, 30)
    stage.site.faults = [Fault("status", method="POST", status=404, body="<html>404</html>")]
    with pytest.raises(ConfigurationError, match="HTTP 404"):
        customer(service)


def test_half_an_answer_is_none(stage):
    service = stage.service()
    customer(service)
    stage.site.faults = [Fault("truncate", method="POST")]
    with pytest.raises(BadAnswer):
        customer(service)


def test_what_is_no_wsdl_is_a_setting_to_put_right(stage):
    stage.site.faults = [Fault("status", status=200, body="<html>Welcome</html>", times=-1)]
    with pytest.raises(ConfigurationError, match="HTTP 200"):
        stage.service().call("GetContractInformation")


def test_entities_and_files_of_this_machine_are_out_of_reach(stage):
    evil = '<?xml version="1.0"?><!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/hostname">]><d>&x;</d>'
    service = stage.service()
    customer(service)
    stage.site.faults = [Fault("own", method="POST")]
    stage.site.own_fault = lambda fault: Response(evil, content_type="text/xml")  # type: ignore[method-assign]
    with pytest.raises(BadAnswer):
        customer(service)


def test_an_operation_that_the_site_lacks_is_a_setting_to_put_right(stage):
    with pytest.raises(ConfigurationError, match="no operation GetVendor"):
        stage.service().call("GetVendor")
    with pytest.raises(ConfigurationError, match="other parameters"):
        stage.service().call("GetSalesOrder", number="1")


def test_the_password_shows_nowhere(stage):
    service = stage.service()
    customer(service)
    assert any(PASSWORD in call for call in stage.site.calls)
    assert not any(PASSWORD in each.request + each.response + each.url for each in stage.exchanges)
    assert PASSWORD not in repr(service)
