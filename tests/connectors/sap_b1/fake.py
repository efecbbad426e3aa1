"""A company in memory behind the client's interface: rows in dicts, filters understood, everything asked recorded."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

from connectors.errors import NotFound, Rejected
from connectors.sap_b1.client import Created

Row = dict[str, Any]

KEYS = {
    "PurchaseInvoices": "DocEntry",
    "VendorPayments": "DocEntry",
    "PaymentDrafts": "DocEntry",
    "ApprovalRequests": "Code",
    "BusinessPartners": "CardCode",
    "ChartOfAccounts": "Code",
    "DistributionRules": "FactorCode",
    "HouseBankAccounts": "AbsoluteEntry",
    "Currencies": "Code",
}
TYPES = {
    "PurchaseInvoices": "Document",
    "VendorPayments": "Payment",
    "PaymentDrafts": "Payment",
    "ApprovalRequests": "ApprovalRequest",
    "BusinessPartners": "BusinessPartner",
    "ChartOfAccounts": "ChartOfAccount",
    "DistributionRules": "DistributionRule",
    "HouseBankAccounts": "HouseBankAccount",
    "Currencies": "Currency",
}


def invoice(entry: int, **changes: Any) -> Row:
    """An open local invoice over 1190.00: one line, 19 % tax."""
    row = {
        "DocEntry": entry,
        "DocNum": 20260000 + entry,
        "CardCode": "V10000",
        "CardName": "Acme Associates",
        "NumAtCard": f"AA-{entry}",
        "DocDate": "2026-03-31",
        "DocDueDate": "2026-04-30",
        "TaxDate": "2026-03-27",
        "DocCurrency": "$",
        "DocTotal": Decimal("1190.0"),
        "DocTotalFc": Decimal("0.0"),
        "VatSum": Decimal("190.0"),
        "VatSumFc": Decimal("0.0"),
        "PaidToDate": 0,
        "PaidToDateFC": 0,
        "DocumentStatus": "bost_Open",
        "CancelStatus": "csNo",
        "AuthorizationStatus": "dasWithout",
        "PaymentBlock": "tNO",
        "BPL_IDAssignedToInvoice": None,
        "UpdateDate": "2026-03-31",
        "CreationDate": "2026-03-31",
        "Comments": None,
        "DocumentLines": [line()],
        "DocumentAdditionalExpenses": [],
        "DocumentInstallments": [instalment(1, "2026-04-30", "1190.00")],
    }
    return {**row, **changes}


def line(**changes: Any) -> Row:
    row = {
        "LineNum": 0,
        "AccountCode": "_SYS00000000123",
        "ItemDescription": "March consulting",
        "LineTotal": Decimal("1000.0"),
        "RowTotalFC": Decimal("0.0"),
        "TaxTotal": Decimal("190.0"),
        "NetTaxAmountFC": Decimal("0.0"),
        "CostingCode": "ADMIN",
        "CostingCode2": None,
        "CostingCode3": None,
        "CostingCode4": None,
        "CostingCode5": None,
    }
    return {**row, **changes}


def instalment(number: int, due: str, total: str, paid: str = "0", **changes: Any) -> Row:
    row = {
        "InstallmentId": number,
        "DueDate": due,
        "Total": Decimal(total),
        "TotalFC": Decimal(0),
        "PaidToDate": Decimal(paid),
        "PaidToDateFC": Decimal(0),
    }
    return {**row, **changes}


def vendor(code: str, **changes: Any) -> Row:
    row = {
        "CardCode": code,
        "CardName": "Acme Associates",
        "CardType": "cSupplier",
        "Currency": "$",
        "EmailAddress": "ar@acme.example",
        "Phone1": "555-0100",
        "PaymentBlock": "tNO",
        "FatherCard": None,
        "FatherType": "cPayments_sum",
        "Valid": "tNO",
        "Frozen": "tNO",
        "BilltoDefault": "Main",
        "BPAddresses": [
            {"AddressName": "Dock", "AddressType": "bo_ShipTo", "Street": "9 Dock Rd", "Country": "US"},
            {
                "AddressName": "Main",
                "AddressType": "bo_BillTo",
                "Street": "Quarry Rd",
                "StreetNo": "12",
                "Block": "Bldg 4",
                "City": "Spokane",
                "State": "WA",
                "ZipCode": "99201",
                "Country": "US",
            },
        ],
        "CreateDate": "2026-01-05",
        "UpdateDate": "2026-03-30",
    }
    return {**row, **changes}


def account(code: str, number: str = "", **changes: Any) -> Row:
    row = {
        "Code": code,
        "Name": "Consulting",
        "FormatCode": number or None,
        "AccountType": "at_Expenses",
        "ActiveAccount": "tYES",
        "CashAccount": "tNO",
        "ValidFor": "tNO",
        "FrozenFor": "tNO",
    }
    return {**row, **changes}


def payment(entry: int, reference: str, parts: Sequence[Row], **changes: Any) -> Row:
    total = sum((each.get("AppliedFC") or each["SumApplied"] for each in parts), Decimal(0))
    row = {
        "DocEntry": entry,
        "DocNum": 500 + entry,
        "CardCode": "V10000",
        "DocDate": "2026-04-28",
        "DocCurrency": "$",
        "DocObjectCode": "bopot_OutgoingPayments",
        "TransferSum": total,
        "TransferReference": reference,
        "CounterReference": "ACH",
        "Remarks": None,
        "Cancelled": "tNO",
        "AuthorizationStatus": "pasWithout",
        "PaymentInvoices": list(parts),
    }
    return {**row, **changes}


def part(entry: int, total: str, instalment: int = 1, foreign: str = "0", **changes: Any) -> Row:
    row = {
        "DocEntry": entry,
        "InvoiceType": "it_PurchaseInvoice",
        "InstallmentId": instalment,
        "SumApplied": Decimal(total),
        "AppliedFC": Decimal(foreign),
    }
    return {**row, **changes}


@dataclass
class Asked:
    """One call: a set with what was selected and filtered, or a path with its body."""

    kind: str
    path: str
    select: tuple[str, ...] = ()
    filter: str = ""
    orderby: str = ""
    body: Any = None


@dataclass
class FakeClient:
    """`page`: rows a request. `modern`: the 10.0 schema. `on_create` makes the answer to a POST of a payment."""

    version: int = 1
    page: int = 100
    modern: bool = True
    tables: dict[str, dict[Any, Row]] = field(default_factory=dict)
    admin: Row = field(default_factory=lambda: {"LocalCurrency": "$", "EnableBranches": "tNO"})
    rates: dict[tuple[str, str], Decimal] = field(default_factory=dict)
    on_create: Callable[[FakeClient, Row], Created] | None = None
    on_cancel: Callable[[FakeClient, Row], None] | None = None
    refused: set[str] = field(default_factory=set)
    asked: list[Asked] = field(default_factory=list)
    logins: int = 0

    def __post_init__(self) -> None:
        self.config = SimpleNamespace(
            version=self.version,
            identity="id",
            company="co",
            company_db="ACME",
            username="mlconn",
            payment_lease=125.0,
        )
        self.add("Currencies", {"Code": "$", "DocumentsCode": "USD"}, {"Code": "EUR", "DocumentsCode": None})

    # --- data ------------------------------------------------------------------------------------

    def add(self, entity: str, *rows: Row) -> None:
        for row in rows:
            self.tables.setdefault(entity, {})[row[KEYS[entity]]] = row

    def queries(self, path: str) -> list[Asked]:
        return [each for each in self.asked if each.path == path]

    # --- the client's interface ------------------------------------------------------------------

    def close(self) -> None: ...

    def sign_in(self) -> str:
        self.logins += 1
        return "1000190"

    def get(self, path: str, *, select: Sequence[str] = ()) -> Row:
        self._ask("get", path, select)
        entity, key = self._addressed(path)
        row = self.tables.get(entity, {}).get(key)
        if row is None:
            raise NotFound("SAP Business One: No matching records found (ODBC -2028)", status=404, code="-2028")
        return self._shown(entity, row, select)

    def rows(
        self, entity: str, *, key: str, select: Sequence[str] = (), filter: str = "", after: Any = None
    ) -> Iterator[list[Row]]:
        wanted = sorted(self.tables.get(entity, {}).values(), key=lambda row: row[key])
        wanted = [row for row in wanted if after is None or row[key] > after]
        found = [row for row in wanted if matches(row, filter)]
        while True:
            self._ask("rows", entity, select, filter, f"{key} asc")
            if found:
                yield [self._shown(entity, row, select) for row in found[: self.page]]
            if len(found) <= self.page:
                return
            found = found[self.page :]

    def find(
        self, entity: str, *, filter: str, select: Sequence[str] = (), top: int = 20, orderby: str = ""
    ) -> list[Row]:
        self._ask("find", entity, select, filter, orderby)
        found = [row for row in self.tables.get(entity, {}).values() if matches(row, filter)]
        return [self._shown(entity, row, select) for row in found[:top]]

    def create(self, entity: str, body: Row) -> Created:
        self._ask("create", entity, body=body)
        assert self.on_create is not None
        return self.on_create(self, body)

    def call(self, path: str, body: Row | None = None, *, writes: bool) -> Any:
        self._ask("call", path, body=body)
        if path == "CompanyService_GetCompanyInfo":
            return {"CompanyName": "Acme Ltd", "EnableAccountSegmentation": "tYES"}
        if path == "CompanyService_GetAdminInfo":
            return self.admin
        if path == "SBOBobService_GetCurrencyRate":
            assert body is not None
            rate = self.rates.get((body["Currency"], body["Date"]))
            if rate is None:
                raise Rejected("SAP Business One: Update the exchange rate", status=400, code="-4006")
            return rate
        assert writes
        entity, key = self._addressed(path.removesuffix("/Cancel"))
        row = self.tables[entity][key]
        if self.on_cancel:
            self.on_cancel(self, row)
        row["Cancelled"] = "tYES"
        return None

    def delete(self, path: str) -> None:
        self._ask("delete", path)
        entity, key = self._addressed(path)
        del self.tables[entity][key]

    def has_property(self, type_name: str, name: str) -> bool:
        assert (type_name, name) == ("Document", "PaidToDate")
        return self.modern

    # --- how it does it --------------------------------------------------------------------------

    def _ask(self, kind: str, path: str, select: Sequence[str] = (), filter: str = "", orderby: str = "", **more: Any):
        self.asked.append(Asked(kind, path, tuple(select), filter, orderby, **copy.deepcopy(more)))
        if path.partition("(")[0] in self.refused:
            raise Rejected("SAP Business One: No permission", status=400, code="-5002")

    @staticmethod
    def _addressed(path: str) -> tuple[str, Any]:
        entity, _, key = path.rstrip(")").partition("(")
        return entity, key[1:-1].replace("%27%27", "'") if key.startswith("'") else int(key)

    def _shown(self, entity: str, row: Row, select: Sequence[str]) -> Row:
        if not self.modern and {"PaidToDate", "PaidToDateFC"} & set(select) and entity == "PurchaseInvoices":
            raise Rejected("SAP Business One: Property 'PaidToDate' is invalid", status=400, code="201")
        return copy.deepcopy({name: row.get(name) for name in {*select, KEYS[entity]}})


TOKEN = re.compile(r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<number>\d+)|(?P<word>\w+)|(?P<mark>[()]))")
OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
    "ge": lambda a, b: a is not None and a >= b,
    "gt": lambda a, b: a is not None and a > b,
}


def matches(row: Row, text: str) -> bool:
    """`and`, `or`, brackets and comparisons of a property with a text or a number."""
    tokens = [found[0].strip() for found in TOKEN.finditer(text)] if text else []

    def alternatives() -> bool:
        result = both()
        while tokens and tokens[0] == "or":
            tokens.pop(0)
            result = both() or result
        return result

    def both() -> bool:
        result = one()
        while tokens and tokens[0] == "and":
            tokens.pop(0)
            result = one() and result
        return result

    def one() -> bool:
        if tokens[0] == "(":
            tokens.pop(0)
            result = alternatives()
            assert tokens.pop(0) == ")"
            return result
        name, operator, literal = tokens.pop(0), tokens.pop(0), tokens.pop(0)
        value = literal[1:-1].replace("''", "'") if literal.startswith("'") else int(literal)
        return OPERATORS[operator](row.get(name), value)

    return alternatives() if tokens else True
