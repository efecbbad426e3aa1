"""Sage 100's eBusiness Web Services beside the agent: customers, contacts and sales orders by key, read only.

`<url>/eBusinessWebServices/MasBasicService.svc`, its contract under `?wsdl` (docs: sage100 6, 11). Operations that
this product must never call are refused and counted under `forbidden` in the stats. Fault kinds of its own:
`soap_exception` ("An exception occurred.", no detail) and `soap_locked` (a lock's text [assumed]).
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from werkzeug.wrappers import Request, Response

from connectors.sage100.sandbox.agent import Agent
from connectors.sage100.sandbox.soap_contract import MEMBERS, NS, OPERATIONS, PARAMETERS, action, wsdl
from connectors.sage100.sandbox.soap_xml import Fault, answer, not_deserialised, not_supported, read, wrapper
from connectors.sandboxing import Fault as Injected

PATH = "/eBusinessWebServices/MasBasicService.svc"
SOAP_USER = "MLC"
SOAP_PASSWORD = "sandbox-web-services"  # noqa: S105 - opens nothing but this sandbox
NULL_DATE_TIME = "1753-01-01T00:00:00"  # what blanks a date; which one it is [assumed]
CONTRACT = {"AssemblyVersion": "7.20.0.0", "ContractVersion": 5, "NullDateTime": NULL_DATE_TIME}
LOGON_FAILURE = (
    "Logon failure: The user logon or password does not match or the user logon is not enabled for web services."
)
LOCKED = "The record is in use by another user."


@dataclass
class Books:
    """What the services read: by company and key."""

    customers: dict[tuple[str, ...], dict[str, Any]] = field(default_factory=dict)
    contacts: dict[tuple[str, ...], dict[str, Any]] = field(default_factory=dict)
    orders: dict[tuple[str, ...], dict[str, Any]] = field(default_factory=dict)


class Soap(Agent):
    """`soap_tls_only`: plain HTTP is 403, as IIS has it."""

    def __init__(self, *, soap_tls_only: bool = False, **options: Any) -> None:
        super().__init__(**options)
        self.soap_tls_only = soap_tls_only
        self.soap_companies = ("ABC",)  # enabled for web services
        self.books = Books()
        self.soap_users = {SOAP_USER: SOAP_PASSWORD}
        self.soap_calls: Counter[str] = Counter()
        self.soap_forbidden: Counter[str] = Counter()

    # --- requests --------------------------------------------------------------------------------

    def before(self, request: Request) -> Response | None:
        return None if request.path == PATH else super().before(request)

    def dispatch(self, request: Request) -> Response:
        if request.path != PATH:
            return super().dispatch(request)
        with self.lock:
            self.counts[f"{request.method} {PATH}"] += 1
        if self.soap_tls_only and request.scheme != "https":
            return _page(403, "Forbidden")
        if request.method == "GET":
            if request.query_string.lower() not in (b"wsdl", b"singlewsdl"):
                return _page(200, "MasService Service")
            return Response(wsdl(), content_type="text/xml; charset=utf-8")
        if request.method != "POST":
            return _page(405, "Method Not Allowed")
        if request.mimetype != "text/xml":
            return _page(415, "Unsupported Media Type")
        try:
            with self.lock:
                return self._call(request.headers.get("SOAPAction", "").strip('"'), request.get_data())
        except Fault as fault:
            return fault.response()
        except (ET.ParseError, ValueError):
            return _page(400, "Bad Request")

    def _call(self, sent: str, data: bytes) -> Response:
        operation = next((name for name in OPERATIONS if action(name) == sent), "")
        element = wrapper(data)
        if not operation:
            raise not_supported(sent)
        if element.tag != f"{{{NS}}}{operation}":
            raise not_deserialised(operation)
        self.soap_calls[operation] += 1
        answers: dict[str, Callable[[str, dict[str, Any]], dict[str, Any]]] = {
            "GetCustomer": self._customer,
            "GetCustomerContact": self._contact,
            "GetSalesOrder": self._order,
        }
        if operation == "GetContractInformation":
            return answer(operation, CONTRACT)
        given = read(element, PARAMETERS[operation])
        self._log_on(given)
        if operation not in answers:
            self.soap_forbidden[operation] += 1
            raise Fault("", f"No access. The user's role does not allow {operation}.")
        return answer(operation, answers[operation](given["companyCode"], given))

    def _log_on(self, given: dict[str, Any]) -> None:
        """Every call carries its logon; upper-case companies only."""
        logon = given.get("logon") or {}
        if "Username" not in logon or self.soap_users.get(logon["Username"]) != logon.get("Password"):
            raise Fault("", LOGON_FAILURE)
        if given.get("companyCode") not in self.soap_companies:
            raise Fault("", f"No access. The company {given.get('companyCode', '')!r} is not enabled for web services.")

    # --- records ---------------------------------------------------------------------------------

    def _customer(self, company: str, given: dict[str, Any]) -> dict[str, Any]:
        key = (given.get("arDivisionNo", ""), given.get("customerNo", ""))
        return _found(self.books.customers, (company, *key), ("ARDivisionNo", 2), ("CustomerNo", 20))

    def _contact(self, company: str, given: dict[str, Any]) -> dict[str, Any]:
        key = (given.get("arDivisionNo", ""), given.get("customerNo", ""), given.get("contactCode", ""))
        widths = (("ARDivisionNo", 2), ("CustomerNo", 20), ("ContactCode", 10))
        return _found(self.books.contacts, (company, *key), *widths)

    def _order(self, company: str, given: dict[str, Any]) -> dict[str, Any]:
        return _found(self.books.orders, (company, given.get("salesOrderNo", "")), ("SalesOrderNo", 7))

    # --- what people do in Sage ----------------------------------------------------------------------

    def do_add_customer(
        self, customer: str, name: str, division: str = "01", company: str = "ABC", **members: Any
    ) -> None:
        """`members` by their wire names; `OtherFields` as {UDF name: value}. Replaces the customer of that key."""
        key = {"ARDivisionNo": division, "CustomerNo": customer}
        values = {**key, "CustomerName": name, "CustomerStatus": "A", "TermsCode": "03", "CreditHold": "N", **members}
        with self.lock:
            self.books.customers[(company, division, customer)] = self._stamped("Customer", values)

    def do_add_contact(
        self, customer: str, contact: str, name: str, division: str = "01", company: str = "ABC", **members: Any
    ) -> None:
        values = {"ARDivisionNo": division, "CustomerNo": customer, "ContactCode": contact, "ContactName": name}
        with self.lock:
            key = (company, division, customer, contact)
            self.books.contacts[key] = self._stamped("CustomerContact", {**values, **members})

    def do_add_sales_order(
        self,
        number: str,
        customer: str,
        lines: list[dict[str, Any]],
        division: str = "01",
        company: str = "ABC",
        **members: Any,
    ) -> None:
        """`lines` by their wire names."""
        known = {"SalesOrderNo": number, "ARDivisionNo": division, "CustomerNo": customer}
        values = {**known, "OrderType": "S", "OrderStatus": "N", "Lines": lines, **members}
        with self.lock:
            self.books.orders[(company, number)] = self._stamped("SalesOrder", values)

    def _stamped(self, kind: str, values: dict[str, Any]) -> dict[str, Any]:
        """Raises ValueError for a member that the type does not have."""
        unknown = set(values) - {each.name for each in MEMBERS[kind]}
        if unknown:
            raise ValueError(f"no such members of {kind}: {sorted(unknown)}")
        now = self.now().strftime("%Y-%m-%dT%H:%M:%S")
        fields = [{"MasFieldName": key, "Value": value} for key, value in values.get("OtherFields", {}).items()]
        return {"DateTimeCreated": now, "DateTimeUpdated": now, **values, "OtherFields": fields}

    # --- faults ----------------------------------------------------------------------------------

    def own_fault(self, fault: Injected) -> Response | None:
        if fault.kind == "soap_exception":
            return Fault("", "An exception occurred.").response()
        if fault.kind == "soap_locked":
            return Fault("SY_Locked", LOCKED).response()
        return super().own_fault(fault)

    def soap_stats(self) -> dict[str, Any]:
        return {"soap": dict(self.soap_calls), "forbidden": dict(self.soap_forbidden)}


def load_customers(sandbox: Soap) -> None:
    """Company ABC: a number in two divisions, user-defined fields 0, 1 and 2, orders of one and of many lines."""
    sandbox.do_add_customer("ABF", "American Business Futures", City="Milwaukee", State="WI", CreditLimit="50000")
    sandbox.do_add_customer("ABF", "ABF Service Division", "02", OtherFields={"UDF_REGION": "Midwest"})
    sandbox.do_add_customer(
        "0000042",
        "Hillsboro Service Center",
        CreditHold="Y",
        DateLastPayment=NULL_DATE_TIME,
        OtherFields={"UDF_REGION": "West", "UDF_REP": "14"},
    )
    sandbox.do_add_customer("OLD & SONS", "Old & Sons <closed>", CustomerStatus="I", InactiveReasonCode="GONE")
    sandbox.do_add_contact("ABF", "ARTIE", "Artie Johnson", EmailAddress="artie@abf.example")
    sandbox.do_add_sales_order("0000170", "ABF", [_line(1, "6655", "2", "145.00")], TaxableAmt="290.00")
    lines = [_line(1, "1001-HON-H252", "4", "99.50"), _line(2, "6655", "1", "145.00"), _line(3, "/FRT", "1", "35.00")]
    sandbox.do_add_sales_order("0000171", "0000042", lines, OrderStatus="H", NonTaxableAmt="578.00")


def _line(key: int, item: str, quantity: str, price: str) -> dict[str, str]:
    return {"LineKey": f"{key:06d}", "ItemCode": item, "QuantityOrdered": quantity, "UnitPrice": price}


def _found(
    records: dict[tuple[str, ...], dict[str, Any]], key: tuple[str, ...], *columns: tuple[str, int]
) -> dict[str, Any]:
    """The record of company and key. `columns`: name and width of each part of the key after the company."""
    for (name, width), part in zip(columns, key[1:], strict=True):
        if len(part) > width:
            raise Fault("CI_CharLength", f"The {name} is greater than {width} character(s).")
    if key not in records:
        raise Fault("CI_NoKey", f"The record {'-'.join(key[1:])} does not exist.")
    return records[key]


def _page(status: int, title: str) -> Response:
    return Response(f"<html><head><title>{title}</title></head></html>", status=status, content_type="text/html")
