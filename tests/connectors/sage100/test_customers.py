"""Customers over SOAP, against a site in the manner of eBusiness Web Services."""

from __future__ import annotations

from decimal import Decimal

import pytest

from connectors import soap
from connectors.domain import VendorStatus
from connectors.errors import ConfigurationError, CredentialsRefused, Rejected, Transient
from connectors.ports import Tls
from connectors.sage100.connector import Sage100
from connectors.sage100.customers import _spec_of
from connectors.sandboxing import Fault, Running
from tests.connectors.soap_site import PASSWORD, PATH, USER, SoapSite

CUSTOMER = {
    "ARDivisionNo": "01",
    "CustomerNo": "ABF",
    "CustomerName": "American Business Futures",
    "AddressLine1": "2131 N. 14th Street",
    "City": "Milwaukee",
    "State": "WI",
    "ZipCode": "53205-1204",
    "CountryCode": "USA",
    "CustomerStatus": "A",
    "CreditHold": "N",
    "CreditLimit": "50000",
    "CurrentBalance": "1860.5",
    "TelephoneNo": "(414) 555-4787",
    "EmailAddress": None,
}


@pytest.fixture
def site(monkeypatch):
    monkeypatch.setattr(soap, "_library", soap._Library())
    found = SoapSite()
    found.customers["01", "ABF"] = CUSTOMER
    found.customers["02", "ABF"] = {**CUSTOMER, "ARDivisionNo": "02", "CustomerName": "Another", "CreditHold": "Y"}
    found.orders["0000150"] = {"ARDivisionNo": "01", "CustomerNo": "ABF", "SalesOrderNo": "0000150"}
    return found


@pytest.fixture
def sage(site, spec, host):
    with Running(site) as running:

        def make(password=PASSWORD, **settings):
            credentials = {"api_key": "k" * 40, "soap_username": USER, "soap_password": password}
            url = running.url + PATH
            return Sage100(spec(settings={"soap_url": url, **settings}, credentials=credentials), host)

        yield make


def test_customers_by_key_and_divisions_keep_them_apart(sage):
    (page,) = sage().read_customers(["01-ABF", "02-ABF", "01-NOBODY", "nonsense"])
    first, second = page.records
    assert (first.key, first.name, first.balance, first.on_hold) == (
        "01-ABF",
        "American Business Futures",
        Decimal("1860.5"),
        False,
    )
    assert (first.address.country, first.email, first.status) == ("US", "", VendorStatus.ACTIVE)
    assert (second.key, second.on_hold) == ("02-ABF", True)
    assert [(each.key, "does not exist" in each.message) for each in page.bad] == [
        ("01-NOBODY", True),
        ("nonsense", False),
    ]


def test_every_call_logs_on_and_names_the_company_but_the_one_that_needs_neither(site, sage):
    connector = sage()
    list(connector.read_customers(["01-ABF"]))
    list(connector.read_customers(["02-ABF"]))  # of the same run: the address was tried
    first, second, _ = site.calls
    assert "GetContractInformation" in first
    assert PASSWORD not in first
    assert PASSWORD in second
    assert "companyCode>ABC<" in second


def test_customers_of_sales_orders(sage):
    assert sage().read_order_customers(["0000150", "0000151"]) == {"0000150": "01-ABF"}


def test_a_refused_logon_is_not_tried_again(site, sage):
    with pytest.raises(CredentialsRefused) as caught:
        list(sage("wrong-word").read_customers(["01-ABF", "02-ABF"]))
    assert caught.value.step == "soap_login"
    assert len(site.calls) == 2
    assert "wrong-word" not in caught.value.message + caught.value.raw


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (("CI_CharLength", "The Customer No is greater than 20 character(s)"), Rejected),
        (("WS_Role", "No access to Customer Maintenance."), ConfigurationError),
        (("ActionNotSupported", "The action is not supported."), ConfigurationError),
    ],
)
def test_what_faults_mean(site, sage, fault, kind):
    connector = sage()
    connector.read_order_customers(["0000150"])
    before = len(site.calls)
    site.refusals = [fault]
    with pytest.raises(kind):
        connector.read_order_customers(["0000150"])
    assert len(site.calls) == before + 1


@pytest.mark.parametrize("fault", [("", "An exception occurred."), ("CI_Lock", "AR_Customer is in use by JDoe.")])
def test_what_may_go_by_is_tried_three_times(site, sage, clock, fault):
    site.refusals = [fault] * 2
    assert sage().read_order_customers(["0000150"]) == {"0000150": "01-ABF"}
    assert len(clock.naps) == 2
    site.refusals = [fault] * 3
    with pytest.raises(Transient):
        sage().read_order_customers(["0000150"])


def test_an_application_pool_that_is_down_stops_the_whole_read(site, sage):
    site.faults = [Fault("status", method="POST", status=503, body="<html>503</html>", times=-1)]
    with pytest.raises(Transient):
        list(sage().read_customers(["01-ABF"]))


def test_without_the_services_customers_are_a_setting_to_put_right(spec, host):
    sage = Sage100(spec(), host)
    with pytest.raises(ConfigurationError, match="not set up"):
        sage.read_customers(["01-ABF"])


def test_the_agents_pin_and_certificate_are_not_for_another_host(spec):
    pinned = Tls(pin_sha256="a" * 64, ca_bundle="bundle")
    own = {"api_key": "k" * 40, "client_certificate": "c", "client_key": "d", "soap_password": "p"}
    other = _spec_of(spec(tls=pinned, credentials=own), "https://iis.example/x.svc")
    assert (other.tls, dict(other.credentials)) == (Tls(ca_bundle="bundle"), {"soap_password": "p"})
    same = _spec_of(spec(tls=pinned, credentials=own), "https://erp.example:8443/x.svc")
    assert same.tls == pinned
