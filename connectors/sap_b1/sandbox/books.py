"""The company file under the ledger: rows by entity set, numbers, dates, rates, periods, and how it says no."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from .errors import Refused
from .tables import Row

ZERO = Decimal(0)
CENT = Decimal("0.01")
FIRST_DATA_VERSION = 1
Day = date | str | int  # a date, "YYYY-MM-DD" or "YYYYMMDD", or days from today


def money(value: Any) -> Decimal:
    """An amount in cents; None is nothing."""
    return ZERO if value is None else Decimal(str(value)).quantize(CENT, ROUND_HALF_UP)


def yes(flag: bool) -> str:
    return "tYES" if flag else "tNO"


def refusal(code: int, text: str, column: str = "", line: int = 0, value: object = None) -> Refused:
    """A business error as the DI core words it: text, then table, column, row and value (docs: sap_b1 3)."""
    place = f" [{column}]" if column else ""
    row = f"[line: {line}]" if line else ""
    shown = "" if value is None else f" , '{value}'"
    return Refused(400, code, f"{text}{place}{row}{shown}")


class Books:
    """What every part of the ledger stands on.

    approval: payments added by API go to an approver (`EnableApprovalProcedureInDI` and a template for the user).
    branches: several branches, `BPLID` required. bump: an applied payment touches the invoice's UpdateDate
    [unverified in SAP]. schema: the release that the company tells; rows always hold what 10.0 has, who serves them
    leaves out what 9.3 lacks. case_sensitive: HANA compares codes as written, SQL Server does not. segmentation:
    accounts have `_SYS` codes and a FormatCode. future_dates: posting dates after today are allowed. max_documents:
    how many invoices one payment may cover, 0 any.
    """

    def __init__(
        self,
        clock: Callable[[], datetime],
        *,
        approval: bool = False,
        branches: bool = False,
        schema: str = "10.0",
        local_currency: str = "$",
        case_sensitive: bool = True,
        bump: bool = False,
        segmentation: bool = True,
        future_dates: bool = False,
        max_documents: int = 0,
    ) -> None:
        self.clock = clock
        self.approval = approval
        self.branches = branches
        self.schema = schema
        self.local_currency = local_currency
        self.case_sensitive = case_sensitive
        self.bump = bump
        self.segmentation = segmentation
        self.future_dates = future_dates
        self.max_documents = max_documents
        self.rows: dict[str, dict[Any, Row]] = {}
        self.counters: Counter[str] = Counter()
        self.closed_periods: set[str] = set()  # "YYYY-MM"
        self.rates: dict[tuple[str, str], Decimal] = {}  # by currency code and day, local units for one foreign unit

    # --- rows ------------------------------------------------------------------------------------

    def table(self, name: str) -> dict[Any, Row]:
        return self.rows.setdefault(name, {})

    def next(self, counter: str, first: int = 1) -> int:
        self.counters[counter] += 1
        return self.counters[counter] + first - 1

    def find(self, name: str, key: Any) -> Row | None:
        rows = self.table(name)
        if key in rows or self.case_sensitive or not isinstance(key, str):
            return rows.get(key)
        return next((row for each, row in rows.items() if each.casefold() == key.casefold()), None)

    def require(self, name: str, key: Any, column: str, line: int = 0) -> Row:
        """The row that a body refers to; -2028 with HTTP 400 when there is none (docs: sap_b1 3)."""
        row = self.find(name, key)
        if row is None:
            raise refusal(-2028, "No matching records found (ODBC -2028)", column, line, key)
        return row

    def postable(self, code: Any, column: str, line: int = 0) -> str:
        """The Code of an active, unfrozen account; a FormatCode is none (docs: sap_b1 6.4)."""
        account = self.require("ChartOfAccounts", code, column, line)
        if account["ActiveAccount"] != "tYES" or account["FrozenFor"] == "tYES":
            raise refusal(-10, "Account is not an active account", column, line, code)
        return str(account["Code"])

    def fit(self, row: Row, limits: dict[str, tuple[int, str]]) -> None:
        """Refuse texts that are longer than their column."""
        for name, (limit, column) in limits.items():
            if len(str(row.get(name) or "")) > limit:
                raise refusal(-5002, f"Field size deviates from legal range [0..{limit}]", column, value=row[name])

    # --- time ------------------------------------------------------------------------------------

    def today(self) -> date:
        return self.clock().date()

    def day(self, value: Day | None, default: date | None = None) -> date:
        if value is None:
            return default or self.today()
        if isinstance(value, int):
            return self.today() + timedelta(days=value)
        return value if isinstance(value, date) else date.fromisoformat(value[:10])

    def touch(self, row: Row) -> None:
        """Note a change: date, time to the second, and the version that makes the ETag."""
        now = self.clock()
        row["UpdateDate"], row["UpdateTime"] = now.date().isoformat(), now.strftime("%H:%M:%S")
        row["DataVersion"] = row.get("DataVersion", FIRST_DATA_VERSION - 1) + 1

    def posting_day(self, value: Day | None, column: str) -> date:
        """A day on which something may be posted: not in the future, in an open period (docs: sap_b1 6.5)."""
        day = self.day(value)
        if day > self.today() and not self.future_dates:
            raise refusal(-10, "Posting date is in the future", column, value=day)
        if f"{day:%Y-%m}" in self.closed_periods:
            raise refusal(-10, "Date deviates from permissible range: posting period is locked", column, value=day)
        return day

    # --- currencies ------------------------------------------------------------------------------

    def rate(self, currency: str, day: date, column: str = "") -> Decimal:
        """Local units for one unit of `currency` on a day; -10 when nobody entered one."""
        if currency == self.local_currency:
            return Decimal(1)
        found = self.rates.get((currency, day.isoformat()))
        if found is None:
            raise refusal(-10, "Update the exchange rate", column, value=f"{currency} {day}")
        return found
