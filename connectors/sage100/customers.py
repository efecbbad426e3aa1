"""Customers of Sage 100, which only its eBusiness Web Services tell, and only by key. docs: sage100 6

The services log on in every call. Nothing here writes, and nothing that consumes a number is ever called (trap T20).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from ..domain import Customer
from ..errors import (
    ConfigurationError,
    ConnectorError,
    CredentialsRefused,
    NotFound,
    RecordLocked,
    Rejected,
    Transient,
    sentence,
)
from ..ports import BadRecord, ConnectionSpec, Host, Page, Tls
from ..soap import Service, SoapFault
from ..transport import Transport
from . import mapper

CALL_TIMEOUT = 60.0  # seconds
A_PAGE = 50  # customers, each of which is a call
TRIES = 3
FIRST_WAIT = 2.0  # seconds, doubled every time
LONGEST_WAIT = 10.0  # for longer the caller's schedule is better

#: Code and words by which a key that is not there is told (docs: sage100 3.7, 6.5).
NO_KEY = "CI_NoKey"
_LOGON = "logon failure"
_NO_ACCESS = "no access", "not enabled", "access denied", "not have permission"
_LOCKED = "in use by", "is in use", "locked by", "is locked", "record busy", "file busy"  # [assumed] (docs: 3.7)
_SERVER = "an exception occurred"
_NOBODY = "00", "?"  # a customer that cannot be there: asking for it tries logon and company


class Customers:
    """The services of one company. Raises ConfigurationError where they are not set up."""

    def __init__(
        self, spec: ConnectionSpec, host: Host, company: str, *, jitter: Callable[[], float] = random.random
    ) -> None:
        url = str(spec.settings.get("soap_url") or "").strip()
        username = str(spec.credentials.get("soap_username") or "").strip()
        password = str(spec.credentials.get("soap_password") or "")
        if not url or not username or not password:
            raise ConfigurationError(
                "eBusiness Web Services are not set up, and nothing else tells customers.",
                step="soap",
                fix="Enter soap_url, soap_username and soap_password in the connection.",
            )
        self._company = company
        self._logon = {"Password": password, "Username": username}
        self._clock = host.clock
        self._jitter = jitter
        self._transport = Transport(_spec_of(spec, url), host, timeout=(10, CALL_TIMEOUT), secrets=[password])
        self._service = Service(self._transport, url)
        self._checked = False

    def close(self) -> None:
        self._transport.close()

    def check(self) -> str:
        """That the services answer at this address; needs no logon. In words which version it is."""
        told = self._persist(lambda: self._service.call("GetContractInformation"))
        version = str(told.get("ContractVersion")) if isinstance(told, dict) else ""
        self._service.expect(version)
        self._checked = True
        return f"eBusiness Web Services answer (contract version {version or 'unknown'})."

    def check_logon(self) -> None:
        """That the user may read the company's customers."""
        try:
            self._get(*_NOBODY)
        except Rejected:
            return

    def read(self, keys: Sequence[str]) -> Iterator[Page[Customer]]:
        """See `ReadsCustomers`."""
        for start in range(0, len(keys), A_PAGE):
            records: list[Customer] = []
            bad: dict[str, BadRecord] = {}
            for key in keys[start : start + A_PAGE]:
                try:
                    records.append(mapper.customer(self._get(*mapper.split_customer_key(key))))
                except (ValueError, Rejected) as error:
                    bad[key] = BadRecord(key, key, str(error), getattr(error, "raw", ""))
            yield Page(records, bad=list(bad.values()))

    def of_orders(self, orders: Sequence[str]) -> dict[str, str]:
        """The customer's key by number of sales order; what is not there is left out."""
        found: dict[str, str] = {}
        for number in orders:
            try:
                order = self._call("GetSalesOrder", salesOrderNo=number)
            except NotFound:
                continue
            found[number] = mapper.customer_key(order)
        return found

    def _get(self, division: str, number: str) -> dict[str, Any]:
        return self._call("GetCustomer", arDivisionNo=division, customerNo=number)

    def _call(self, operation: str, **arguments: str) -> dict[str, Any]:
        """An operation that logs on, at an address that was tried. Raises NotFound for an answer that holds nothing."""
        if not self._checked:
            self.check()
        known = {"logon": self._logon, "companyCode": self._company}
        answer = self._persist(lambda: self._service.call(operation, **known, **arguments))
        if not isinstance(answer, dict):
            raise NotFound(f"Sage 100 knows no {' '.join(arguments.values())}.", code=NO_KEY)
        return answer

    def _persist(self, call: Callable[[], Any]) -> Any:
        """Everything here is a read and may be repeated; a refusal of the logon never is."""
        tries = 0
        while True:
            tries += 1
            try:
                return call()
            except SoapFault as fault:
                error: ConnectorError = refusal(fault)
            except Transient as failure:
                error = failure
            wait = getattr(error, "retry_after", None) or FIRST_WAIT * 2 ** (tries - 1) * (1 + self._jitter() / 4)
            if not isinstance(error, Transient) or tries >= TRIES or wait > LONGEST_WAIT:
                raise error
            self._clock.sleep(wait)


def refusal(fault: SoapFault) -> ConnectorError:
    """What a fault of the services means. docs: sage100 6.5"""
    words = fault.message.lower()
    message = sentence(f"Sage 100: {fault.message or fault.code or 'the web service refused the call'}")
    known: dict[str, Any] = {"status": 500, "code": fault.code, "raw": fault.raw}
    if words.startswith(_LOGON):
        fix = "Check soap_username and soap_password (try the three-character user code), and enable web services for"
        return CredentialsRefused(message, step="soap_login", fix=f"{fix} the user.", **known)
    if any(each in words for each in _NO_ACCESS):
        fix = "Enable web services in System Configuration, Company Maintenance and User Maintenance, and give the"
        return ConfigurationError(
            message,
            step="soap_login",
            fix=f"{fix} user's role the right to view customers.",
            reason="auth_failed",
            **known,
        )
    if fault.code == "ActionNotSupported":
        fix = "Check that soap_url leads to MasBasicService.svc of the installed version."
        return ConfigurationError(message, step="soap", fix=fix, **known)
    if any(each in words for each in _LOCKED):
        return RecordLocked(message, **known)
    if fault.code == NO_KEY:
        return NotFound(message, **known)
    if not fault.code.startswith(("CI_", "WS_", "SY_")) or _SERVER in words:
        return Transient(message, **known)
    return Rejected(message, **known)


def _spec_of(spec: ConnectionSpec, url: str) -> ConnectionSpec:
    """The connection as it is to this service: pin and client certificate are the agent's, on another host or port
    they are neither expected nor shown."""
    theirs, agents = urlsplit(url), urlsplit(spec.base_url)
    if theirs.netloc == agents.netloc:
        return spec
    credentials = {
        name: value for name, value in spec.credentials.items() if name in ("soap_username", "soap_password")
    }
    tls = Tls(verify=spec.tls.verify, ca_bundle=spec.tls.ca_bundle)
    return replace(spec, base_url=f"{theirs.scheme}://{theirs.netloc}", credentials=credentials, tls=tls)
