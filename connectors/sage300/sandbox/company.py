"""One company's books: tables by resource, fiscal calendar, accounts, rates, and how the site is set up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from .refusals import Refusal, field
from .schema import SHAPES, Row, day, wire

Key = tuple[Any, ...]
PERIODS = 12


@dataclass(frozen=True)
class OptionalField:
    """A site-defined field. where: `vendor`, `invoice`, `detail`; a required one must come with every insert."""

    name: str
    where: str = "invoice"
    type: str = "Text"
    required: bool = False


@dataclass
class Site:
    """How the server and its company are set up; every choice is one the contract leaves to the site."""

    patch: bool = True  # False: Sage 300 2020, no PATCH on batches and no ReadyToPost on POST (docs: sage300 11)
    truncate: bool = False  # over-long text is cut silently instead of refused
    refuse_unbalanced: bool = False
    force_listing: bool = False  # batches must be printed before they post
    language: str = "en-US"
    posting_seconds: float = 0.0  # how long a batch stays PostInProgress, on the sandbox's clock


class Company:
    """Rows by key, per resource. The keys are tuples in the order of the shape's key properties."""

    def __init__(self, code: str, site: Site, today: Callable[[], date], modules: frozenset[str]) -> None:
        self.code = code
        self.site = site
        self.today = today
        self.modules = modules
        self.tables: dict[str, dict[Key, Row]] = {name: {} for name, shape in SHAPES.items() if shape.verbs}
        self.optional_fields: list[OptionalField] = []
        self.last_batch = 0
        self.last_posting = 0
        self.authors: dict[int, str] = {}  # batch -> user
        self.locked: set[int] = set()
        self.entered: dict[tuple[str, str], tuple[int, int]] = {}  # (vendor, document) -> (batch, entry)
        self.posting: dict[int, float] = {}  # batches in progress -> when they are done, as a timestamp

    # --- tables ------------------------------------------------------------------------------------

    def put(self, resource: str, row: Row) -> Row:
        self.tables[resource][tuple(row[name] for name in SHAPES[resource].keys)] = row
        return row

    def get(self, resource: str, *key: Any) -> Row | None:
        return self.tables[resource].get(key)

    def need(self, resource: str, name: str, *key: Any) -> Row:
        """The active row that the property `name` refers to. Raises Refusal FieldInvalid."""
        row = self.get(resource, *key)
        if row is None:
            raise field("unknown", field=name, value=key[0])
        if row.get("Status") == "Inactive":
            raise field("inactive", field=name, value=key[0])
        return row

    def batch(self, number: int) -> Row:
        row = self.get("APInvoiceBatches", number)
        if row is None:
            raise Refusal("RecordNotFound", "no_record")
        return row

    # --- money -------------------------------------------------------------------------------------

    @property
    def functional(self) -> str:
        return str(next(iter(self.tables["CSCompanyProfile"].values()))["FunctionalCurrency"])

    def rounded(self, amount: Decimal, currency: str) -> Decimal:
        row = self.get("CSCurrencyCodes", currency) or {}
        places = int(row.get("DecimalPlaces", "Num2")[3:])
        return amount.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)

    def rate(self, currency: str, rate_type: str, on: str) -> Decimal:
        """The rate to the functional currency of the day `on` or the last one before it."""
        table = self.get("CSCurrencyRates", self.functional, rate_type) or {}
        rates = [
            each
            for each in table.get("CurrencyRateDetail", ())
            if each["FromCurrency"] == currency and each["RateDate"] <= on
        ]
        if not rates:
            raise field("rate", currency=currency)
        return Decimal(max(rates, key=lambda each: str(each["RateDate"]))["Rate"])

    # --- calendar ----------------------------------------------------------------------------------

    def period(self, on: date) -> tuple[str, int] | None:
        """(fiscal year, period) of a date, None outside the calendar."""
        text = wire(on)
        for (year,), row in self.tables["CSFiscalCalendars"].items():
            for number in range(1, PERIODS + 1):
                if row[f"FiscalPeriod{number}StartDate"] <= text <= row[f"FiscalPeriod{number}EndDate"]:
                    return year, number
        return None

    def need_period(self, moment: str) -> tuple[str, int]:
        found = self.period(day(moment))
        if found is None:
            raise field("period_unknown", day=moment[:10])
        return found

    def is_locked(self, year: str, period: int) -> bool:
        row = self.get("CSFiscalCalendars", year) or {}
        return row.get(f"FiscalPeriod{period}Status") == "Locked"

    # --- accounts ----------------------------------------------------------------------------------

    def need_account(self, account: str, currency: str) -> Row:
        """The account that an A/P line may post to (docs: sage300 8). Raises Refusal FieldInvalid."""
        row = self.get("GLAccounts", account)
        if row is None:
            raise field("account_unknown", account=account)
        if row.get("Status") == "Inactive":
            raise field("account_inactive", account=account)
        if row.get("PostToAccount") == "Prohibited":
            raise field("account_prohibited", account=account)
        if row.get("RollupSwitch") == "Yes":
            raise field("account_heading", account=account)
        ledgers = {each["Subledger"] for each in row.get("ControlAccountSubledgers", ())}
        if row.get("ControlAccount") == "Yes" and "AP" not in ledgers:
            raise field("account_control", account=account)
        if currency != self.functional and not _allows(row, currency):
            raise field("account_currency", account=account, currency=currency)
        return row


def _allows(account: Row, currency: str) -> bool:
    if account.get("Multicurrency") != "Yes":
        return False
    if account.get("SpecificCurrency", "AllCurrencies") == "AllCurrencies":
        return True
    return any(each["CurrencyCode"] == currency for each in account.get("AccountValidCurrencies", ()))
