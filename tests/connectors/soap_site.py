"""A small SOAP site in the manner of WCF: its WSDL names a host that nobody outside knows, and imports from there."""

from __future__ import annotations

from typing import Any

from lxml import etree
from werkzeug.wrappers import Request, Response

from connectors.sandboxing import Sandbox, route

NS = "http://mas90.sage.com/ws"
PATH = "/eBusinessWebServices/MasBasicService.svc"
INTERNAL = "https://sage-internal.invalid/eBusinessWebServices/MasBasicService.svc"
USER, PASSWORD = "WEB", "sesame-7"

_LOGON = '<xs:element name="logon" minOccurs="0" nillable="true" type="tns:Logon"/>'
_TYPES = {
    "Logon": "Password Username",
    "ContractInformation": "AssemblyVersion ContractVersion:int",
    "Customer": "ARDivisionNo AddressLine1 City CountryCode CreditHold CreditLimit:decimal CurrentBalance:decimal"
    " CustomerName CustomerNo CustomerStatus EmailAddress State TelephoneNo ZipCode",
    "SalesOrder": "ARDivisionNo CustomerNo SalesOrderNo",
    "MasFault": "ErrorCode ErrorMessage",
}
_OPERATIONS = {
    "GetContractInformation": ("", "ContractInformation"),
    "GetCustomer": ("companyCode arDivisionNo customerNo", "Customer"),
    "GetSalesOrder": ("companyCode salesOrderNo", "SalesOrder"),
}


def _elements(names: str) -> str:
    members = [name.partition(":") for name in names.split()]
    return "".join(
        f'<xs:element minOccurs="0" nillable="true" name="{name}" type="xs:{kind or "string"}"/>'
        for name, _, kind in members
    )


def schema(extra: str = "") -> str:
    types = "".join(
        f'<xs:complexType name="{name}"><xs:sequence>{_elements(members + (extra if name == "Customer" else ""))}'
        "</xs:sequence></xs:complexType>"
        for name, members in _TYPES.items()
    )
    elements = "".join(
        f'<xs:element name="{name}"><xs:complexType><xs:sequence>{_LOGON if parameters else ""}'
        f'{_elements(parameters)}</xs:sequence></xs:complexType></xs:element><xs:element name="{name}Response">'
        f'<xs:complexType><xs:sequence><xs:element minOccurs="0" nillable="true" name="{name}Result"'
        f' type="tns:{result}"/></xs:sequence></xs:complexType></xs:element>'
        for name, (parameters, result) in _OPERATIONS.items()
    )
    return (
        f'<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:tns="{NS}" targetNamespace="{NS}"'
        f' elementFormDefault="qualified">{types}{elements}</xs:schema>'
    )


def wsdl() -> str:
    messages = "".join(
        f'<wsdl:message name="{name}{kind}"><wsdl:part name="parameters" element="tns:{name}{suffix}"/></wsdl:message>'
        for name in _OPERATIONS
        for kind, suffix in (("In", ""), ("Out", "Response"))
    )
    ports = "".join(
        f'<wsdl:operation name="{name}"><wsdl:input message="tns:{name}In"/><wsdl:output message="tns:{name}Out"/>'
        "</wsdl:operation>"
        for name in _OPERATIONS
    )
    bound = "".join(
        f'<wsdl:operation name="{name}"><soap:operation soapAction="{NS}/IMas/{name}" style="document"/>'
        '<wsdl:input><soap:body use="literal"/></wsdl:input><wsdl:output><soap:body use="literal"/></wsdl:output>'
        "</wsdl:operation>"
        for name in _OPERATIONS
    )
    return (
        f'<wsdl:definitions xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/" xmlns:tns="{NS}" targetNamespace="{NS}"'
        ' xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/" xmlns:xs="http://www.w3.org/2001/XMLSchema"><wsdl:types>'
        f'<xs:schema targetNamespace="{NS}/imports"><xs:import namespace="{NS}" schemaLocation="{INTERNAL}?xsd=xsd0"/>'
        f'</xs:schema></wsdl:types>{messages}<wsdl:portType name="IMas">{ports}</wsdl:portType>'
        '<wsdl:binding name="Basic" type="tns:IMas"><soap:binding transport="http://schemas.xmlsoap.org/soap/http"/>'
        f'{bound}</wsdl:binding><wsdl:service name="MasService"><wsdl:port name="Basic" binding="tns:Basic">'
        f'<soap:address location="{INTERNAL}"/></wsdl:port></wsdl:service></wsdl:definitions>'
    )


def envelope(body: str) -> str:
    return f'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>{body}</s:Body></s:Envelope>'


class SoapSite(Sandbox):
    """`customers` and `orders` by key; `calls` are the envelopes that came in; `faults` as in every sandbox."""

    system = "soap"

    def __init__(self, description: str = "") -> None:
        super().__init__()
        self.description = description or wsdl()
        self.version = 7
        self.wsdls = 0
        self.extra = ""
        self.single_only = False
        self.calls: list[str] = []
        self.customers: dict[tuple[str, str], dict[str, Any]] = {}
        self.orders: dict[str, dict[str, Any]] = {}
        self.refusals: list[tuple[str, str]] = []  # (code, message), each told once

    @route("GET", PATH)
    def describe(self, request: Request) -> Response:
        if self.single_only and "singleWsdl" not in request.args:
            return Response("<html>no</html>", 404, content_type="text/html")
        if "xsd" in request.args:
            return Response(schema(self.extra), content_type="text/xml; charset=utf-8")
        self.wsdls += 1
        return Response(self.description, content_type="text/xml; charset=utf-8")

    @route("POST", PATH)
    def call(self, request: Request) -> Response:
        text = request.get_data(as_text=True)
        self.calls.append(text)
        node = etree.fromstring(text.encode())[0][0]
        operation = etree.QName(node).localname
        given = {etree.QName(each).localname: each.text or "" for each in node.iter()}
        if request.headers["SOAPAction"].strip('"') != f"{NS}/IMas/{operation}":
            return self._fault("ActionNotSupported", "The action is not supported.")
        if self.refusals:
            return self._fault(*self.refusals.pop(0))
        if operation == "GetContractInformation":
            return self._answer(operation, {"AssemblyVersion": "7.30", "ContractVersion": self.version})
        if (given.get("Username"), given.get("Password")) != (USER, PASSWORD):
            return self._fault("", "Logon failure: The user logon or password does not match or the user logon is not")
        if operation == "GetCustomer":
            found = self.customers.get((given["arDivisionNo"], given["customerNo"]))
        else:
            found = self.orders.get(given["salesOrderNo"])
        return self._answer(operation, found) if found else self._fault("CI_NoKey", "The record does not exist.")

    def _answer(self, operation: str, members: dict[str, Any]) -> Response:
        nil = 'xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:nil="true"'
        inner = "".join(
            f"<{name} {nil}/>" if value is None else f"<{name}>{value}</{name}>"
            for name, value in sorted(members.items())
        )
        body = f'<{operation}Response xmlns="{NS}"><{operation}Result>{inner}</{operation}Result></{operation}Response>'
        return Response(envelope(body), content_type="text/xml; charset=utf-8")

    def _fault(self, code: str, message: str) -> Response:
        detail = (
            f'<detail><MasFault xmlns="{NS}"><ErrorCode>{code}</ErrorCode><ErrorMessage>{message}</ErrorMessage>'
            "</MasFault></detail>"
            if code
            else ""
        )
        body = (
            f'<s:Fault><faultcode xmlns:a="{NS}">a:{code or "Server"}</faultcode>'
            f'<faultstring xml:lang="en-US">{message}</faultstring>{detail}</s:Fault>'
        )
        return Response(envelope(body), 500, content_type="text/xml; charset=utf-8")
