"""SOAP over the one transport: a service described by its own WSDL, called at the address that we were given.

zeep reads the WSDL and writes the envelopes; every byte goes through `Transport`, so that TLS, time-outs, redaction
and the audit hook hold here too. A WSDL is loaded once for each address and kept by the process: it is the expensive
part. What it names as its own host is not believed, internal machine names being usual there: imports and calls go
to the host of the configured address.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import zeep
import zeep.exceptions
import zeep.transports
from zeep.helpers import serialize_object
from zeep.wsdl import Document
from zeep.wsdl.bindings import Soap11Binding

from .errors import BadAnswer, ConfigurationError, RateLimited, Unreachable
from .ports import Tls
from .transport import Reply, Transport

_SETTINGS = zeep.Settings(
    forbid_dtd=True,
    forbid_entities=True,
    forbid_external=False,  # imports are taken from the same host only: see `_Wire.load`
)
_ASKS_FOR_WSDL = ("wsdl", "singleWsdl")
_WSDL_FIX = "Check that the address leads to the service itself; open it with ?wsdl in a browser on the server."


class SoapFault(Exception):
    """The service's own refusal. `code` is the local name: of the detail's ErrorCode, else of the faultcode."""

    def __init__(self, code: str, message: str, raw: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.raw = raw


@dataclass(frozen=True, slots=True)
class _Answer:
    """What zeep reads of a response."""

    status_code: int
    content: bytes
    headers: Mapping[str, str]
    encoding: str = "utf-8"


class _Wire(zeep.transports.Transport):  # type: ignore[misc]
    """zeep's way out: ours."""

    def __init__(self, transport: Transport, address: str) -> None:
        self._transport = transport
        self._site = urlsplit(address)
        self.last: Reply | None = None

    def __del__(self) -> None:
        """There is no session of zeep's own to close."""

    def load(self, url: str) -> bytes:
        """A WSDL or what it imports, always from the host that was configured; never a file of this machine."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https"):
            raise ValueError(f"{url} is no web address")
        here = urlunsplit((self._site.scheme, self._site.netloc, parts.path, parts.query, ""))
        reply = self._transport.send("GET", here, headers={"Accept": "text/xml, application/wsdl+xml, */*;q=0.1"})
        return _usable(reply).body

    def get(self, address: str, params: Any, headers: Any) -> Any:
        raise ValueError("calls by GET are not made")

    def post(self, address: str, message: bytes | str, headers: Mapping[str, str]) -> _Answer:
        data = message if isinstance(message, bytes) else message.encode()
        sent = {**headers, "Accept": "text/xml"}
        reply = self.last = _usable(self._transport.send("POST", address, headers=sent, data=data), faults=True)
        return _Answer(reply.status, reply.body, reply.headers)


def _usable(reply: Reply, *, faults: bool = False) -> Reply:
    """The reply, where it is XML of the service (`faults`: HTTP 500 with an envelope too)."""
    kind = reply.headers.get("Content-Type", "").lower()
    xml = "html" not in kind and reply.body.lstrip(b"\xef\xbb\xbf\r\n\t ")[:1] == b"<"
    if xml and (reply.status == 200 or (faults and reply.status == 500)):
        return reply
    known: dict[str, Any] = {"status": reply.status, "raw": reply.excerpt()}
    message = f"The web service did not answer; something else did, with HTTP {reply.status}."
    if reply.status == 429:
        raise RateLimited(message, retry_after=_seconds(reply), **known)
    if reply.status >= 500:
        raise Unreachable(message, retry_after=_seconds(reply), **known)
    raise ConfigurationError(message, step="soap", fix=_WSDL_FIX, reason="unreachable", **known)


def _seconds(reply: Reply) -> float | None:
    told = reply.headers.get("Retry-After", "")
    return float(told) if told.isdigit() else None


@dataclass(slots=True)
class _Known:
    """A WSDL that was loaded, and the version that its service told of itself ("" before it did)."""

    document: Document
    version: str = ""


@dataclass(slots=True)
class _Library:
    """The process's WSDLs, by address and by how the address was verified."""

    known: dict[tuple[str, Tls], _Known] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)


_library = _Library()


class Service:
    """One SOAP 1.1 service. `url` is its address, with or without `?wsdl`. Thread-safe."""

    def __init__(self, transport: Transport, url: str) -> None:
        parts = urlsplit(url.strip())
        self.address = urlunsplit((parts.scheme, parts.netloc, parts.path, "", ""))
        queries = [parts.query] if parts.query else list(_ASKS_FOR_WSDL)
        self._wsdls = [f"{self.address}?{query}" for query in queries]
        self._transport = transport
        self._key = (self._wsdls[0], transport.spec.tls)

    def call(self, operation: str, **arguments: Any) -> Any:
        """The operation's result as plain dicts, lists, texts, Decimals and dates; None for nil.

        Raises SoapFault, what the transport raises, ConfigurationError for a WSDL that cannot be used and BadAnswer
        for an answer that does not fit it.
        """
        document = self._document().document
        name = next((name for name, one in document.bindings.items() if type(one) is Soap11Binding), None)
        if name is None:
            raise _unusable("it describes no SOAP 1.1 binding")
        wire = _Wire(self._transport, self.address)
        client = zeep.Client(document, transport=wire, settings=_SETTINGS)  # type: ignore[no-untyped-call]
        try:
            method = client.create_service(name, self.address)[operation]  # type: ignore[no-untyped-call]
        except (AttributeError, ValueError):
            raise _unusable(f"it has no operation {operation}") from None
        try:
            return serialize_object(method(**arguments), dict)  # type: ignore[no-untyped-call]
        except zeep.exceptions.Fault as fault:
            raise self._fault(fault, wire.last) from None
        except (zeep.exceptions.ValidationError, TypeError):
            raise _unusable(f"its operation {operation} takes other parameters") from None
        except (zeep.exceptions.Error, ValueError) as error:
            raw = wire.last.excerpt() if wire.last else ""
            message = self._transport.redactor.text(str(error), 300)
            raise BadAnswer(f"The web service's answer does not fit its WSDL: {message}.", raw=raw) from None

    def expect(self, version: str) -> None:
        """Load the WSDL anew where the service tells another version of itself than when it was loaded."""
        known = self._document()
        with _library.lock:
            if known.version and known.version != version:
                _library.known.pop(self._key, None)
            else:
                known.version = version

    def _document(self) -> _Known:
        with _library.lock:
            known = _library.known.get(self._key)
        if known is None:  # two threads may load it at once; nobody waits for another's slow server
            loaded = _Known(self._load())
            with _library.lock:
                known = _library.known.setdefault(self._key, loaded)
        return known

    def _load(self) -> Document:
        """From the first address that gives one: an IIS may publish its imports under `?singleWsdl` only."""
        problem: Exception | None = None
        for url in self._wsdls:
            try:
                return Document(url, _Wire(self._transport, self.address), settings=_SETTINGS)  # type: ignore[arg-type]
            except (zeep.exceptions.Error, ConfigurationError, ValueError) as error:
                problem = problem or error
        if isinstance(problem, ConfigurationError):
            raise problem
        raise _unusable(self._transport.redactor.text(str(problem), 300))

    def _fault(self, fault: zeep.exceptions.Fault, reply: Reply | None) -> SoapFault:
        found = fault.detail.findtext(".//{*}ErrorCode") if hasattr(fault.detail, "findtext") else None
        code = str(found or fault.code or "").strip().rpartition(":")[2]
        message = self._transport.redactor.literals(" ".join(str(fault.message or "").split()))
        return SoapFault(code, message, reply.excerpt() if reply else "")


def _unusable(what: str) -> ConfigurationError:
    return ConfigurationError(f"The web service's WSDL cannot be used: {what}.", step="soap", fix=_WSDL_FIX)
