"""Our calls of Sage 100's web services against a WSDL reconstructed from public client code.

`CONTRACTS_DATA` names the directory that holds it under `sage100/`; it is not part of the product.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from connectors import soap
from connectors.budget import MemoryStore
from connectors.clock import SystemClock
from connectors.ports import ConnectionSpec, Host
from connectors.sage100.connector import Sage100
from connectors.sandboxing import Running
from tests.connectors.soap_site import PASSWORD, PATH, USER, SoapSite


@pytest.fixture
def site(monkeypatch):
    folder = os.environ.get("CONTRACTS_DATA")
    if not folder:
        pytest.skip("CONTRACTS_DATA is not set")
    path = Path(folder) / "sage100" / "ebusiness-web-services.reconstructed.wsdl"
    if not path.is_file():
        pytest.skip(f"{path} is missing")
    monkeypatch.setattr(soap, "_library", soap._Library())
    return SoapSite(path.read_text())


def test_customers_and_orders_are_read_by_the_full_wsdl(site):
    site.customers["01", "ABF"] = {
        "ARDivisionNo": "01",
        "CreditHold": "Y",
        "CreditLimit": "50000.00",
        "CustomerName": "American Business Futures",
        "CustomerNo": "ABF",
        "CustomerStatus": "A",
        "DateTimeUpdated": "2025-11-04T14:30:00",
    }
    site.orders["0000150"] = {"ARDivisionNo": "01", "CustomerNo": "ABF", "SalesOrderNo": "0000150"}
    with Running(site) as running:
        settings = {"company_code": "ABC", "soap_url": f"{running.url}{PATH}?wsdl"}
        credentials = {"api_key": "k" * 40, "soap_username": USER, "soap_password": PASSWORD}
        clock = SystemClock()
        spec = ConnectionSpec("k", "Books", "sage100", running.url, settings, credentials)
        sage = Sage100(spec, Host(clock, MemoryStore(clock)))
        (page,) = sage.read_customers(["01-ABF"])
        assert [(one.key, one.on_hold, str(one.credit_limit)) for one in page.records] == [("01-ABF", True, "50000.00")]
        assert sage.read_order_customers(["0000150"]) == {"0000150": "01-ABF"}
        sage.close()
