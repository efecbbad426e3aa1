"""What is true of the whole company: its currencies, branches and account numbers, shared by all processes.

docs: sap_b1 6.6 (company), 6.4 (account numbers), 6.1 (currencies)
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from ..errors import BadAnswer, Rejected
from ..ports import Host
from . import mapper
from .client import Client
from .fields import flag, required
from .mapper import Currencies

LIFE = timedelta(hours=1)  # of what is remembered

COMPANY = ("CompanyName", "EnableAccountSegmentation")
ADMIN = ("LocalCurrency", "EnableBranches", "EnableApprovalProcedureInDI", "DirectIndirectRate")
NUMBER = ("Code", "FormatCode")


class Company:
    """Facts are read when they are first needed, and again after an hour."""

    def __init__(self, client: Client, host: Host) -> None:
        self._client = client
        self._host = host
        self._facts_key = f"sap_b1:company:{client.config.identity}"
        self._numbers_key = f"sap_b1:accounts:{client.config.identity}"

    def check(self) -> None:
        """Raises ConfigurationError where the company cannot be worked in."""
        self._facts()

    def refresh(self) -> dict[str, Any]:
        """The facts as SAP tells them now."""
        facts = {
            **_chosen(self._client.call("CompanyService_GetCompanyInfo", writes=False), COMPANY),
            **_chosen(self._client.call("CompanyService_GetAdminInfo", writes=False), ADMIN),
            "currencies": self._currency_table(),
        }
        self._host.store.put(self._facts_key, json.dumps(facts))
        return facts

    def forget(self) -> None:
        """A refusal may mean that somebody changed the company's set-up."""
        self._host.store.delete(self._facts_key)

    @property
    def currencies(self) -> Currencies:
        """Raises BadAnswer."""
        facts = self._facts()
        try:
            return mapper.currencies(required(facts, "LocalCurrency"), facts["currencies"])
        except ValueError as error:
            raise BadAnswer(f"The company's currencies could not be understood: {error}.") from None

    @property
    def branches(self) -> bool:
        return flag(self._facts(), "EnableBranches")

    @property
    def multiplies(self) -> bool:
        """Whether local amounts are foreign ones times the rate, as they are unless the company says otherwise."""
        return self._facts().get("DirectIndirectRate") != "tNO"

    def account_numbers(self) -> Mapping[str, str]:
        """Format codes of the accounts that people know by another number than their key."""
        stored = self._remembered(self._numbers_key)
        if stored is None:
            stored = {}
            try:
                for page in self._client.rows("ChartOfAccounts", key="Code", select=NUMBER):
                    stored.update({row["Code"]: row["FormatCode"] for row in page if row.get("FormatCode")})
            except Rejected:  # a user without a right to the chart sees the keys instead
                stored = {}
            self._host.store.put(self._numbers_key, json.dumps(stored))
        return stored

    def _facts(self) -> dict[str, Any]:
        return self._remembered(self._facts_key) or self.refresh()

    def _remembered(self, key: str) -> dict[str, Any] | None:
        stored = self._host.store.get(key)
        if stored is None or self._host.clock.now() - stored[1] >= LIFE:
            return None
        facts: dict[str, Any] = json.loads(stored[0])
        return facts

    def _currency_table(self) -> list[dict[str, Any]]:
        pages = self._client.rows("Currencies", key="Code", select=mapper.CURRENCY)
        return [_chosen(row, mapper.CURRENCY) for page in pages for row in page]


def _chosen(answer: Any, names: tuple[str, ...]) -> dict[str, Any]:
    if not isinstance(answer, dict):
        raise BadAnswer("SAP Business One answered a question about the company with another shape than documented.")
    return {name: answer.get(name) for name in names}
