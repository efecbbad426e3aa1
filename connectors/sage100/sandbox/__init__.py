"""A strict stand-in of the Sage 100 agent over real HTTP (docs: sage100 8, 11).

    with Running(Sage100Sandbox()) as agent:
        requests.get(agent.url + "/v1/vendors", headers={"X-API-Key": FULL_KEY, "X-Company-Code": "ABC"})

Faults beyond those of the ground (`connectors.sandboxing.Fault`): `locked`, `batch_locked`, `company_locked` (423),
`queue_full`, `rate_limited` (429), `boi_unavailable`, `logon_failed`, `license_unavailable` (503),
`permission_denied` (403), `agent_error` (500), `timeout_before` and `timeout_after` (504 boi_timeout, without and
with the write done). They strike where they do in the agent, after authentication; `seconds` sets Retry-After.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from connectors.sage100.sandbox.actions import Actions
from connectors.sage100.sandbox.agent import Client
from connectors.sage100.sandbox.batches import Batches
from connectors.sage100.sandbox.data import (
    EXAMPLE,
    FULL_KEY,
    POSTING_KEY,
    READ_KEY,
    default_clients,
    default_companies,
    load_demo,
    load_odd,
)
from connectors.sage100.sandbox.invoices import Invoices
from connectors.sage100.sandbox.ledger import Ledger
from connectors.sage100.sandbox.model import Company, Segment
from connectors.sage100.sandbox.payments import Payments
from connectors.sage100.sandbox.soap import SOAP_PASSWORD, SOAP_USER, Soap, load_customers
from connectors.sage100.sandbox.vendors import Vendors

__all__ = [
    "EXAMPLE",
    "FULL_KEY",
    "POSTING_KEY",
    "READ_KEY",
    "SOAP_PASSWORD",
    "SOAP_USER",
    "Client",
    "Company",
    "Sage100Sandbox",
    "Segment",
    "default_clients",
    "default_companies",
    "load_customers",
    "load_demo",
    "load_odd",
]


class Sage100Sandbox(Soap, Vendors, Invoices, Ledger, Payments, Batches, Actions):
    """The agent. Companies ABC (three segments) and XYZ (two, no batches, no wire transfers) hold reference data
    only; `load_demo` and `load_odd` fill ABC. Keys: FULL_KEY (ABC, all but posting), READ_KEY (ABC, read),
    POSTING_KEY (both companies, everything); FULL_KEY's client also answers to any trusted client certificate.
    The eBusiness Web Services beside it (`soap`) know SOAP_USER in company ABC; `load_customers` fills them."""

    def __init__(
        self,
        *,
        keys: Iterable[Client] | None = None,
        companies: Iterable[Company] | None = None,
        auth_mode: str = "api_key",
        queue_limit: int = 32,
        rate_per_second: int = 10,
        allow_posting: bool = False,
        soap_tls_only: bool = False,
    ) -> None:
        super().__init__(
            keys=default_clients() if keys is None else keys,
            companies=default_companies() if companies is None else companies,
            auth_mode=auth_mode,
            queue_limit=queue_limit,
            rate_per_second=rate_per_second,
            allow_posting=allow_posting,
            soap_tls_only=soap_tls_only,
        )

    def stats(self) -> dict[str, Any]:
        return {"writes": self.writes, "duplicates": self.duplicates, **self.soap_stats()}
