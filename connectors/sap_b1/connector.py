"""SAP Business One through its Service Layer: accounts, cost objects, vendors and A/P invoices out, payments in.

docs: sap_b1 6, 7
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date
from typing import Any, TypeVar

from ..domain import Account, Bill, LedgerPayment, OpenBill, PaymentDraft, Vendor, Written
from ..errors import BadAnswer, ConfigurationError, ConnectorError, NotFound, sentence
from ..ports import BadRecord, Capabilities, ConnectionSpec, Cursor, Host, Page, PingStep, nameless_key
from ..redact import Redactor
from . import config, documents, mapper, odata, settlements
from .chains import Chain, ending
from .client import Client, Row
from .company import Company
from .fields import flag
from .invoices import INVOICES, PAYMENTS, Invoices
from .payments import Payments

T = TypeVar("T")
Judged = Iterable[tuple[Row, "T | ValueError"]]

VENDORS = "BusinessPartners"

CAPABILITIES = Capabilities(
    in_flight=config.IN_FLIGHT,
    answer_window=config.WRITE_TIMEOUT + 5,
    limits={"payment.reference": settlements.REFERENCE_LENGTH, "payment.comment": settlements.REMARKS_LENGTH},
    reverses=frozenset({"payment"}),
    unstamped=frozenset({"bill"}),  # nobody knows whether a payment moves its invoice's UpdateDate (7.4)
)


class SapB1:
    """Ports: Connector, ReadsAccounts, ReadsDepartments, ReadsVendors, ReadsBills, WritesPayments.

    Cursors of changes are those of `chains.Chain`; accounts and departments have no stamps and are read whole:
    their cursor, and that of payments, only names the key after which to go on.
    """

    def __init__(self, spec: ConnectionSpec, host: Host) -> None:
        self._spec = spec
        self._host = host
        self._client = Client(spec, host)
        longest = max(config.WRITE_TIMEOUT, float(spec.settings.get("request_timeout") or 0))
        self.capabilities = replace(CAPABILITIES, answer_window=longest + 5)
        self._company = Company(self._client, host)
        self._invoices = Invoices(self._client, self._company)
        self._payments = Payments(self._client, host, self._company, self._invoices)

    def close(self) -> None:
        self._client.close()

    # --- the connection ------------------------------------------------------------------------------

    def ping(self) -> Iterator[PingStep]:
        if not self._spec.tls.verify:
            yield PingStep(
                "tls",
                True,
                "Warning: the server's certificate is not verified; anybody between could read and change everything.",
                "Set ca_bundle or pin_sha256 in the TLS settings and switch verification on.",
            )
        for name, step in (
            ("login", self._ping_login),
            ("company", self._ping_company),
            ("read", self._ping_read),
            ("payments", self._ping_payments),
        ):
            try:
                message = step()
            except ConnectorError as error:
                failed = (error.step or name) if isinstance(error, ConfigurationError) else name
                fix = error.fix if isinstance(error, ConfigurationError) else ""
                yield PingStep(failed, False, sentence(error.message), fix or _FIXES[name])
                return
            yield PingStep(name, True, message)

    def _ping_login(self) -> str:
        return f"Signed in to {self._client.config.company_db}; server version {self._client.sign_in() or 'unknown'}."

    def _ping_company(self) -> str:
        facts = self._company.refresh()
        try:
            branches = "with" if flag(facts, "EnableBranches") else "without"
            approval = "may be kept" if flag(facts, "EnableApprovalProcedureInDI") else "are not kept"
        except ValueError as error:
            raise BadAnswer(f"The company's settings could not be understood: {error}.") from None
        return (
            f"The company is {facts['CompanyName'] or 'unnamed'}, local currency {facts['LocalCurrency']}, "
            f"{branches} branches; payments {approval} for approval."
        )

    def _ping_read(self) -> str:
        self._client.find(VENDORS, filter=_SUPPLIERS, select=("CardCode",), top=1)
        self._client.find(INVOICES, filter=_OPEN, select=("DocEntry",), top=1)
        return "Vendors and A/P invoices can be read."

    def _ping_payments(self) -> str:
        self._client.find(PAYMENTS, filter="Cancelled eq 'tNO'", select=("DocEntry",), top=1)
        return "Outgoing payments can be read; entering them needs full authorization."

    def begin_run(self) -> None:
        """Raises CredentialsRefused or ConfigurationError for a user or company that cannot be worked with. The
        company is asked once an hour at most."""
        self._company.check()

    # --- reference data ------------------------------------------------------------------------------

    def read_accounts(self, cursor: Cursor | None) -> Iterator[Page[Account]]:
        today = self._today()
        return self._whole("ChartOfAccounts", "Code", mapper.ACCOUNT, lambda row: mapper.account(row, today), cursor)

    def read_departments(self, cursor: Cursor | None) -> Iterator[Page[Account]]:
        return self._whole("DistributionRules", "FactorCode", mapper.DEPARTMENT, mapper.department, cursor)

    def read_banks(self) -> list[Account]:
        """The accounts of house banks, each once, then other cash accounts: a payment names an account."""
        found: dict[str, Account] = {}
        numbers, today = self._company.account_numbers(), self._today()
        for page in self._client.rows("HouseBankAccounts", key="AbsoluteEntry", select=mapper.BANK):
            for one in _readable(page, lambda row: mapper.bank(row, numbers)):
                found.setdefault(one.key, one)
        for page in self._client.rows(
            "ChartOfAccounts", key="Code", select=mapper.ACCOUNT, filter="CashAccount eq 'tYES'"
        ):
            for one in _readable(page, lambda row: mapper.account(row, today)):
                found.setdefault(one.key, replace(one, kind="bank"))
        return list(found.values())

    def _whole(
        self, entity: str, key: str, select: Sequence[str], convert: Callable[[Row], T], cursor: Cursor | None
    ) -> Iterator[Page[T]]:
        """All rows of a set that has no change stamps."""
        began = Chain.resume(None, self._host.clock.now())
        pages = self._client.rows(entity, key=key, select=select, after=(cursor or {}).get("next"))
        for rows, last in ending(pages):
            records, bad = _sorted_out(_judged(rows, convert), key, key)
            yield Page(records, {"next": None if last else rows[-1][key]}, began.as_of if last else None, bad)

    # --- vendors -------------------------------------------------------------------------------------

    def read_vendors(self, cursor: Cursor | None) -> Iterator[Page[Vendor]]:
        def convert(rows: Sequence[Row]) -> Judged[Vendor]:
            return _judged(rows, self._vendor())

        return self._changes(VENDORS, "CardCode", mapper.VENDOR, "CreateDate", _SUPPLIERS, convert, cursor)

    def get_vendor(self, key: str) -> Vendor:
        row = self._client.get(odata.key(VENDORS, key), select=mapper.VENDOR)
        try:
            return self._vendor()(row)
        except ValueError as error:
            raise BadAnswer(f"Vendor {key} could not be understood: {error}.", raw=_raw(row)) from None

    def _vendor(self) -> Callable[[Row], Vendor]:
        money, today = self._company.currencies, self._today()
        return lambda row: mapper.vendor(row, money, today)

    # --- invoices ------------------------------------------------------------------------------------

    def read_bills(self, cursor: Cursor | None, start_date: date) -> Iterator[Page[Bill]]:
        """Invoices posted on `start_date` or later, whatever their status: what leaves it must be seen too."""
        scope = f"DocDate ge {odata.day(start_date)} and CancelStatus ne 'csCancellation'"
        columns = self._invoices.columns(documents.WHOLE)

        def convert(rows: Sequence[Row]) -> Judged[Bill]:
            return self._invoices.bills([row for row in rows if not documents.is_cancellation(row)])

        return self._changes(INVOICES, "DocEntry", columns, "CreationDate", scope, convert, cursor)

    def read_open_bills(self) -> Iterator[Page[OpenBill]]:
        began = Chain.resume(None, self._host.clock.now())
        pages = self._client.rows(INVOICES, key="DocEntry", select=self._invoices.columns(documents.OPEN), filter=_OPEN)
        for rows, last in ending(pages):
            records, bad = _sorted_out(self._invoices.open_bills(rows), "DocEntry", "NumAtCard")
            yield Page(records, as_of=began.as_of if last else None, bad=bad)

    def check_bills(self, keys: Sequence[str]) -> list[OpenBill]:
        """At most 100, in one request."""
        entries = [key for key in keys if key.isdecimal()]
        if not entries:
            return []
        either = " or ".join(f"DocEntry eq {entry}" for entry in entries)
        columns = self._invoices.columns(documents.OPEN)
        found = self._client.find(INVOICES, filter=either, select=columns, top=len(entries))
        return [bill for _, bill in self._invoices.open_bills(found) if not isinstance(bill, ValueError)]

    def get_bill(self, key: str) -> Bill:
        """Raises NotFound, and BadAnswer for one that cannot be understood."""
        try:
            entry = settlements.invoice_key(key)[0]
        except ValueError as error:
            raise NotFound(f"{error}.", code="invoice_not_found") from None
        row = self._client.get(odata.key(INVOICES, entry), select=self._invoices.columns(documents.WHOLE))
        ((_, found),) = self._invoices.bills([row])
        if isinstance(found, ValueError):
            raise BadAnswer(f"Invoice {key} could not be understood: {found}.", raw=_raw(row))
        return found

    def _changes(
        self,
        entity: str,
        key: str,
        select: Sequence[str],
        created: str,
        scope: str,
        convert: Callable[[Sequence[Row]], Judged[T]],
        cursor: Cursor | None,
    ) -> Iterator[Page[T]]:
        """One chain of pages from where the cursor stands, in the order of the key (docs: sap_b1 7)."""
        chain = Chain.resume(cursor, self._host.clock.now())
        wanted = " and ".join(filter(None, (scope, chain.changes(created))))
        for rows, last in ending(self._client.rows(entity, key=key, select=select, filter=wanted, after=chain.next)):
            chain = chain.past(rows, key, created)
            records, bad = _sorted_out(convert(rows), key, "NumAtCard" if entity == INVOICES else key)
            yield Page(records, chain.end() if last else chain.cursor(), chain.as_of if last else None, bad)

    # --- payments ------------------------------------------------------------------------------------

    def record_payment(self, draft: PaymentDraft) -> Written:
        return self._payments.record(draft)

    def find_payment(self, reference: str) -> LedgerPayment | None:
        return self._payments.find(reference)

    def find_bill_payments(self, bill_key: str) -> list[LedgerPayment]:
        return self._payments.of_bill(bill_key)

    def read_ledger_payments(self, cursor: Cursor | None) -> Iterator[Page[LedgerPayment]]:
        """New payments: they have no change stamps, so what happens to one later is not told here."""
        began = Chain.resume(None, self._host.clock.now())
        after = (cursor or {}).get("after")
        pages = self._client.rows(PAYMENTS, key="DocEntry", select=settlements.PAYMENT, after=after)
        for rows, last in ending(pages):
            standing = [row for row in rows if row.get("Cancelled") != "tYES"]
            records, bad = _sorted_out(_judged(standing, settlements.payment), "DocEntry", "TransferReference")
            after = rows[-1]["DocEntry"] if rows else after
            yield Page(records, {"after": after}, began.as_of if last else None, bad)

    def delete_payment(self, payment_id: str) -> None:
        self._payments.take_back(payment_id)

    def payment_batches(self) -> bool:
        return False

    def _today(self) -> date:
        return self._host.clock.now().date()


_SUPPLIERS = "CardType eq 'cSupplier'"
_OPEN = "DocumentStatus eq 'bost_Open' and CancelStatus eq 'csNo'"

_FIXES = {
    "login": "Check the base URL, the network and the firewall, and that the Service Layer runs.",
    "company": "Give the user the right to see the company's settings.",
    "read": "Give the user read authorization for business partners and A/P invoices.",
    "payments": "Give the user full authorization for outgoing payments.",
}


def _judged(rows: Iterable[Row], convert: Callable[[Row], T]) -> Judged[T]:
    for row in rows:
        try:
            yield row, convert(row)
        except ValueError as error:
            yield row, error


def _sorted_out(judged: Judged[T], key: str, document: str) -> tuple[list[T], list[BadRecord]]:
    """What could be understood, and the rest, which stops nobody else."""
    records: list[T] = []
    bad: list[BadRecord] = []
    for row, result in judged:
        if isinstance(result, ValueError):
            name = row.get(key)
            own = nameless_key(row) if name is None else str(name)
            bad.append(BadRecord(own, str(row.get(document) or row.get("DocNum") or own), str(result), _raw(row)))
        else:
            records.append(result)
    return records, bad


def _readable(rows: Iterable[Row], convert: Callable[[Row], T]) -> Iterator[T]:
    """Rows that people choose from: one that cannot be understood is not offered."""
    return (result for _, result in _judged(rows, convert) if not isinstance(result, ValueError))


def _raw(row: Any) -> str:
    return Redactor().text(json.dumps(row, default=str, ensure_ascii=False))
