"""A/P invoices as they are read: which columns, and what is paid where the schema does not say it.

docs: sap_b1 6.1, 6.2, trap 11
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from decimal import Decimal

from ..domain import Bill, OpenBill
from ..errors import ConfigurationError, CredentialsRefused, Rejected
from . import documents, odata, settlements
from .client import Client, Row
from .company import Company
from .documents import Paid
from .fields import optional_number, text
from .settlements import Due

INVOICES = "PurchaseInvoices"
PAYMENTS = "VendorPayments"
KEYS_A_CALL = 20  # alternatives in one filter


class Invoices:
    def __init__(self, client: Client, company: Company) -> None:
        self._client = client
        self._company = company

    def columns(self, names: Sequence[str]) -> tuple[str, ...]:
        """With what is paid, where this company's schema knows it."""
        return (*names, *(documents.PAID if self._tells_paid() else ()))

    def bills(self, rows: Sequence[Row]) -> Iterator[tuple[Row, Bill | ValueError]]:
        """Each row, and what it says or why it cannot be understood."""
        money, numbers = self._company.currencies, self._company.account_numbers() if rows else {}
        paid = self.paid(rows)
        for row in rows:
            try:
                yield row, documents.bill(row, money, numbers, paid.get(row.get("DocEntry")))
            except ValueError as error:
                yield row, error

    def open_bills(self, rows: Sequence[Row]) -> Iterator[tuple[Row, OpenBill | ValueError]]:
        money, paid = self._company.currencies, self.paid(rows)
        for row in rows:
            try:
                yield row, documents.open_bill(row, money, paid.get(row.get("DocEntry")))
            except ValueError as error:
                yield row, error

    def due(self, entries: Sequence[int]) -> dict[int, Due]:
        """Invoices as a payment meets them; unknown ones are left out. Raises ValueError."""
        found: dict[int, Due] = {}
        money = self._company.currencies
        for start in range(0, len(entries), KEYS_A_CALL):
            chunk = entries[start : start + KEYS_A_CALL]
            rows = self._client.find(
                INVOICES,
                filter=" or ".join(f"DocEntry eq {entry}" for entry in chunk),
                select=self.columns(documents.OPEN),
                top=len(chunk),
            )
            paid = self.paid(rows)
            for row in rows:
                told = paid.get(row.get("DocEntry"))
                code = text(row, "DocCurrency") or money.local
                found[row["DocEntry"]] = Due(
                    bill=documents.open_bill(row, money, told),
                    currency=code,
                    foreign=money.foreign(code),
                    branch=optional_number(row, "BPL_IDAssignedToInvoice"),
                    unsure=bool(told and told.problem),
                )
        return found

    def _tells_paid(self) -> bool:
        return self._client.has_property("Document", documents.PAID[0])

    # --- older schemas: what the payments say --------------------------------------------------------

    def paid(self, rows: Sequence[Row]) -> dict[int | None, Paid]:
        """Of the open ones among `rows` by DocEntry; nothing where the rows say it themselves."""
        unsettled = [row for row in rows if row.get("DocumentStatus") == "bost_Open"]
        if not unsettled or self._tells_paid():
            return {}
        entries = {row.get("DocEntry") for row in unsettled}
        try:
            applied = self._applied(sorted({text(row, "CardCode") for row in unsettled}))
        except CredentialsRefused:
            raise
        except (Rejected, ConfigurationError) as error:
            problem = f"what is still owed cannot be told: its payments cannot be read. {error.message}"
            return {entry: Paid(problem=problem) for entry in entries}
        except ValueError as error:
            problem = f"what is still owed cannot be told: a payment cannot be understood ({error})."
            return {entry: Paid(problem=problem) for entry in entries}
        return {row.get("DocEntry"): self._sum(row, applied[row.get("DocEntry")]) for row in unsettled}

    def _applied(self, vendors: Sequence[str]) -> dict[int | None, list[settlements.Applied]]:
        found: dict[int | None, list[settlements.Applied]] = defaultdict(list)
        for start in range(0, len(vendors), KEYS_A_CALL):
            for row in payments_of(self._client, vendors[start : start + KEYS_A_CALL]):
                for each in settlements.applied(row):
                    found[each.entry].append(each)
        return found

    def _sum(self, row: Row, applied: Sequence[settlements.Applied]) -> Paid:
        foreign = self._company.currencies.foreign(text(row, "DocCurrency"))
        parts: dict[int, Decimal] = defaultdict(Decimal)
        for each in applied:
            parts[each.instalment] += each.foreign if foreign else each.local
        paid = sum(parts.values(), Decimal(0))
        total = row.get("DocTotalFc" if foreign else "DocTotal") or 0
        if paid > Decimal(str(total)):
            return Paid(problem=f"what is still owed cannot be told: its payments add up to {paid}, more than it asks.")
        return Paid(paid, parts)


def payments_of(client: Client, vendors: Sequence[str]) -> Iterator[Row]:
    """All payments of these vendors that stand."""
    whose = " or ".join(f"CardCode eq {odata.text(code)}" for code in vendors)
    pages = client.rows(
        PAYMENTS, key="DocEntry", select=settlements.PAYMENT, filter=f"({whose}) and Cancelled eq 'tNO'"
    )
    for page in pages:
        yield from page
