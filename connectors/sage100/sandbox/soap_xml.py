"""SOAP envelopes as WCF reads and writes them (docs: sage100 6.4, 6.5, 11)."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable, Mapping
from typing import Any
from xml.sax.saxutils import escape

from werkzeug.wrappers import Response

from connectors.sage100.sandbox.soap_contract import MEMBERS, NS, OPERATIONS, Member

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
WCF_NONE = "http://schemas.microsoft.com/ws/2005/05/addressing/none"
WCF_DISPATCH = "http://schemas.microsoft.com/net/2005/12/windowscommunicationfoundation/dispatcher"
Values = Mapping[str, Any]


class Fault(Exception):
    """A refusal. `code` "" has no MasFault detail; `namespace` is that of the fault code's prefix."""

    def __init__(self, code: str, message: str, *, namespace: str = NS, detail: bool = True) -> None:
        super().__init__(message)
        self.code, self.message, self.namespace, self.detail = code, message, namespace, detail and bool(code)

    def response(self) -> Response:
        name = f'xmlns:a="{self.namespace}">a:{self.code}' if self.code else ">s:Client"
        detail = (
            f'<detail><MasFault xmlns="{NS}"><ErrorCode>{self.code}</ErrorCode>'
            f"<ErrorMessage>{escape(self.message)}</ErrorMessage></MasFault></detail>"
            if self.detail
            else ""
        )
        fault = (
            f"<s:Fault><faultcode {name}</faultcode>"
            f'<faultstring xml:lang="en-US">{escape(self.message)}</faultstring>{detail}</s:Fault>'
        )
        return envelope(fault, 500)


def envelope(inner: str, status: int = 200) -> Response:
    text = f'<s:Envelope xmlns:s="{SOAP}"><s:Body>{inner}</s:Body></s:Envelope>'
    return Response(text, status=status, content_type="text/xml; charset=utf-8")


# --- reading -----------------------------------------------------------------------------------------


def wrapper(data: bytes) -> ET.Element:
    """The one element of the body. Raises ET.ParseError, or ValueError for no SOAP 1.1 envelope."""
    if b"<!DOCTYPE" in data:
        raise ValueError("no DTD is taken")
    root = ET.fromstring(data)  # noqa: S314 - what our own connector sends, and without a DTD
    body = root.find(f"{{{SOAP}}}Body") if root.tag == f"{{{SOAP}}}Envelope" else None
    if body is None or len(body) != 1:
        raise ValueError("no SOAP 1.1 envelope")
    return body[0]


def read(element: ET.Element, members: Iterable[Member]) -> dict[str, Any]:
    """Text and structures by name. A member out of the contract's order or namespace is ignored, silently."""
    order = list(members)
    found: dict[str, Any] = {}
    for child in element:
        position = next((n for n, each in enumerate(order) if child.tag == f"{{{NS}}}{each.name}"), None)
        if position is None:
            continue
        each, order = order[position], order[position + 1 :]
        if child.get(f"{{{XSI}}}nil") != "true":
            found[each.name] = read(child, MEMBERS[each.type]) if each.type in MEMBERS else child.text or ""
    return found


# --- writing -----------------------------------------------------------------------------------------


def answer(operation: str, values: Values) -> Response:
    inner = _structure(f"{operation}Result", OPERATIONS[operation][1], values)
    return envelope(f'<{operation}Response xmlns="{NS}" xmlns:i="{XSI}">{inner}</{operation}Response>')


def _structure(name: str, kind: str, values: Values) -> str:
    return f"<{name}>" + "".join(_member(each, values.get(each.name)) for each in MEMBERS[kind]) + f"</{name}>"


def _member(each: Member, value: Any) -> str:
    """nil for empty text and dates; an amount is always there; a list of nothing is an empty element."""
    if each.type.startswith("ArrayOf"):
        (item,) = MEMBERS[each.type]
        rows = "".join(_structure(item.name, item.type, row) for row in value or ())
        return f"<{each.name}>{rows}</{each.name}>"
    if each.type == "decimal":
        return f"<{each.name}>{value or 0}</{each.name}>"
    if value in (None, ""):
        return f'<{each.name} i:nil="true"/>'
    return f"<{each.name}>{escape(str(value))}</{each.name}>"


def not_supported(action: str) -> Fault:
    text = (
        f"The message with Action '{action}' cannot be processed at the receiver, due to a ContractFilter mismatch at "
        "the EndpointDispatcher."
    )
    return Fault("ActionNotSupported", text, namespace=WCF_NONE, detail=False)


def not_deserialised(operation: str) -> Fault:
    text = f"The body is not the element '{operation}' of the namespace '{NS}'."
    return Fault("DeserializationFailed", text, namespace=WCF_DISPATCH, detail=False)
