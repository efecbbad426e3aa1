"""Sage 100 through our Windows agent: accounts, vendors and invoices out, payments in. docs: sage100 8"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any, TypeVar

from ..domain import (
    Account,
    Bill,
    Blocked,
    Customer,
    Image,
    LedgerPayment,
    NewVendorDraft,
    OpenBill,
    PaymentDraft,
    PurchaseOrder,
    Vendor,
    Written,
)
from ..errors import (
    BadAnswer,
    BrokenOff,
    ConfigurationError,
    ConnectorError,
    NotFound,
    OutcomeUnknown,
    Rejected,
    sentence,
)
from ..ports import BadRecord, Capabilities, ConnectionSpec, Cursor, Download, Host, Page, PingStep, nameless_key
from . import config, mapper
from .client import Client, Listing, Params
from .customers import Customers

T = TypeVar("T")
Mapper = Callable[[Mapping[str, Any]], T]
Key = Callable[[Mapping[str, Any]], str]
Fetch = Callable[[Params], Listing]

_LINES = ("include", "lines")
_ATTACHMENTS = ("include", "attachments")
_LOST_CURSOR = {"cursor_invalid", "cursor_mismatch"}
_BALANCE_REFUSALS = {"amount_exceeds_balance", "invoice_already_paid"}
_PING_PATIENCE = 10.0  # seconds: somebody is waiting for the answer

CAPABILITIES = Capabilities(
    in_flight=1,
    answer_window=config.WRITE_TIMEOUT + 5,
    repeatable=frozenset({"payment", "new_vendor"}),  # clientReference (8.8)
    limits={"payment.check_number": 10, "payment.reference": 40, "payment.comment": 29},
)


class Sage100:
    """Ports: Connector, ReadsAccounts, ReadsSegments, ReadsVendors, ReadsBills, ReadsAllBills, FindsOpenBills,
    ReadsPurchaseOrders, ReadsCustomers, ReadsImages, WritesPayments; `create_vendor` besides.

    A cursor is `{"since", "next", "watermark"}`: the watermark that the last complete chain began with,
    and, in the middle of a chain, the agent's cursor and the watermark of this chain's first page.
    """

    def __init__(self, spec: ConnectionSpec, host: Host) -> None:
        self._spec = spec
        self._host = host
        self._client = Client(spec, host)
        # A shorter time-out of ours does not hurry the agent, which gives up a write after 120 s (8.10).
        longest = max(config.WRITE_TIMEOUT, float(spec.settings.get("request_timeout") or 0))
        books = f"S100|{self._client.config.company_code}"
        self.capabilities = replace(CAPABILITIES, answer_window=longest + 5, books=books)
        self._company_key = f"sage100:company:{spec.key}:{self._client.config.identity}"
        self._services: Customers | None = None

    def close(self) -> None:
        self._client.close()
        if self._services:
            self._services.close()

    # --- the connection ------------------------------------------------------------------------------

    def ping(self) -> Iterator[PingStep]:
        self._client.patience = _PING_PATIENCE
        if not self._spec.tls.verify:
            yield PingStep(
                "tls",
                True,
                "Warning: the server's certificate is not verified; anybody between could read and change everything.",
                "Set ca_bundle or pin_sha256 in the TLS settings and switch verification on.",
            )
        steps = [
            ("reach", self._ping_reach),
            ("login", self._ping_login),
            ("company", self._ping_company),
            ("read", self._ping_read),
        ]
        if self._spec.settings.get("soap_url"):
            steps += [("soap", self._ping_soap), ("soap_login", self._ping_soap_login)]
        for name, step in steps:
            try:
                message = step()
            except ConnectorError as error:
                failed = (error.step or name) if isinstance(error, ConfigurationError) else name
                fix = error.fix if isinstance(error, ConfigurationError) else ""
                yield PingStep(failed, False, sentence(error.message), f"{fix or _FIXES[name]}{self._hint(error)}")
                return
            yield PingStep(name, True, message)

    def _hint(self, error: ConnectorError) -> str:
        """With TLS 1.3 a server that misses a client certificate says so after the handshake, and its reset may
        outrun its words."""
        secure = self._client.config.root.startswith("https:")
        if not isinstance(error, BrokenOff) or not secure or self._spec.credentials.get("client_certificate"):
            return ""
        return " The server may demand a client certificate: then enter client_certificate and client_key."

    def _ping_reach(self) -> str:
        health = self._client.health()
        if health.get("status") != "ok":
            raise BadAnswer("Something answers at this address, but it is not a healthy Sage 100 agent.")
        return f"The agent answers (version {health.get('agentVersion') or 'unknown'})."

    def _ping_login(self) -> str:
        ready = self._client.ready()
        return f"The credentials are accepted and Sage 100 {ready.get('sageVersion') or ''} is connected."

    def _ping_company(self) -> str:
        company = self._validate()
        scopes = ", ".join(map(str, company.get("scopes") or [])) or "none"
        return (
            f"Company {company['companyCode']} is {company.get('companyName') or 'valid'}; the key's scopes: {scopes}."
        )

    def _ping_read(self) -> str:
        listing = self._client.vendors([("limit", "1")])
        return "Vendors can be read." if listing.data else "Vendors can be read; there are none yet."

    def _ping_soap(self) -> str:
        return self._customers().check()

    def _ping_soap_login(self) -> str:
        self._customers().check_logon()
        return "The web services' user may read customers."

    def begin_run(self) -> None:
        """Raises ConfigurationError for a company that is wrong or closed to us. Checked every 5 minutes at most."""
        self._company()

    def _company(self) -> dict[str, Any]:
        """The answer of companies/validate, shared by all processes for a few minutes."""
        stored = self._host.store.get(self._company_key)
        if stored and self._host.clock.now() - stored[1] < config.VALIDATION_LIFE:
            company: dict[str, Any] = json.loads(stored[0])
            return company
        return self._validate()

    def _validate(self) -> dict[str, Any]:
        company = self._client.validate()
        code = self._client.config.company_code
        if company.get("valid") is not True or company.get("companyCode") != code:
            raise ConfigurationError(
                f"The agent does not accept company {code}.",
                step="company",
                fix="Check the company code, and the company in the agent's settings.",
            )
        modules = company.get("modules")
        if isinstance(modules, dict) and modules.get("A/P") is False:
            raise ConfigurationError(
                f"Accounts Payable is not active in company {code}.",
                step="company",
                fix="Activate the module A/P in Sage 100, or choose another company.",
            )
        self._host.store.put(self._company_key, json.dumps(company, default=str))
        return company

    def _currency(self) -> str:
        return str(self._company().get("currencyCode") or "")

    # --- reading -------------------------------------------------------------------------------------

    def read_accounts(self, cursor: Cursor | None) -> Iterator[Page[Account]]:
        return self._changes(self._client.gl_accounts, mapper.account, "account", mapper.account_key, cursor)

    def read_banks(self) -> list[Account]:
        banks = self._company().get("banks")
        return [mapper.bank(one) for one in (banks if isinstance(banks, list) else []) if isinstance(one, dict)]

    def read_segments(self) -> list[Account]:
        """Raises BadAnswer: a segment that cannot be read would leave codes out silently."""
        data = self._client.gl_segments()
        try:
            return [value for one in data for value in mapper.segment_values(_object(one))]
        except ValueError as error:
            raise BadAnswer(f"The segments could not be understood: {error}.", raw=self._raw(data)) from None

    def read_vendors(self, cursor: Cursor | None) -> Iterator[Page[Vendor]]:
        currency = self._currency()
        return self._changes(
            self._client.vendors, lambda record: mapper.vendor(record, currency), "vendorNo", mapper.vendor_key, cursor
        )

    def get_vendor(self, key: str) -> Vendor:
        """One vendor by its key, also one that no list of changes ever shows. Raises NotFound."""
        division, number = mapper.split_vendor_key(key)
        for record in self._all(self._client.vendors, [("ap_division_no", division), ("vendor_no", number)]):
            try:
                return mapper.vendor(_object(record), self._currency())
            except ValueError as error:
                raise BadAnswer(f"Vendor {key} could not be understood: {error}.", raw=self._raw(record)) from None
        raise NotFound(f"Sage 100 has no vendor {key}.", code="vendor_not_found")

    def read_bills(self, cursor: Cursor | None, start_date: date) -> Iterator[Page[Bill]]:
        """Posted invoices dated `start_date` or later, whether they may be paid or not."""
        currency = self._currency()
        filters = [("state", "posted"), ("invoice_date_from", start_date.isoformat()), _LINES]
        return self._changes(
            self._client.ap_invoices,
            lambda record: mapper.bill(record, currency),
            "invoiceNo",
            mapper.bill_key,
            cursor,
            filters,
        )

    def read_all_bills(self, cursor: Cursor | None, start_date: date) -> Iterator[Page[Bill]]:
        """Invoices of both states, dated `start_date` or later.

        An entry beside a posted invoice of the same key (an adjustment, say) is left out: posting it will move the
        posted one's stamp.
        """
        currency = self._currency()
        filters = [("state", "all"), ("invoice_date_from", start_date.isoformat()), _LINES]
        pages = self._changes(
            self._client.ap_invoices,
            lambda record: mapper.any_bill(record, currency),
            "invoiceNo",
            mapper.bill_key,
            cursor,
            filters,
        )
        for page in pages:
            yield replace(page, records=[bill for bill in page.records if not self._beside_posted(bill)])

    def _beside_posted(self, bill: Bill) -> bool:
        if Blocked.NOT_POSTED not in bill.blocked:
            return False
        filters = [("state", "posted"), *_invoice_filters(bill.key), ("include", "none")]
        found = list(self._all(self._client.ap_invoices, filters))
        try:
            return any(mapper.bill_key(_object(one)) == bill.key for one in found)
        except ValueError as error:
            raise BadAnswer(f"Invoice {bill.key} could not be understood: {error}.", raw=self._raw(found)) from None

    def read_purchase_orders(self, cursor: Cursor | None) -> Iterator[Page[PurchaseOrder]]:
        """Completed orders are purged some day, which no list of changes tells. docs: sage100 4.6"""
        currency = self._currency()
        return self._changes(
            self._client.purchase_orders,
            lambda record: mapper.purchase_order(record, currency),
            "purchaseOrderNo",
            mapper.purchase_order_key,
            cursor,
            [_LINES],
        )

    def read_customers(self, keys: Sequence[str]) -> Iterator[Page[Customer]]:
        """By way of eBusiness Web Services, whose address is tried first; the company is checked by `begin_run`."""
        return self._customers().read(keys)

    def read_order_customers(self, orders: Sequence[str]) -> dict[str, str]:
        return self._customers().of_orders(orders)

    def _customers(self) -> Customers:
        if self._services is None:
            self._services = Customers(self._spec, self._host, self._client.config.company_code)
        return self._services

    def read_open_bills(self) -> Iterator[Page[OpenBill]]:
        for page in self._changes(self._client.ap_open_invoices, mapper.open_bill, "invoiceNo", mapper.bill_key, None):
            yield Page(page.records, as_of=page.as_of, bad=page.bad)

    def find_open_bills(self, vendor_key: str) -> list[OpenBill]:
        division, number = mapper.split_vendor_key(vendor_key)
        filters = [("ap_division_no", division), ("vendor_no", number), ("include_zero_balance", "true")]
        found = list(self._all(self._client.ap_open_invoices, filters))
        return self._convert(found, mapper.open_bill, "invoiceNo", mapper.bill_key)[0]

    def get_bill(self, key: str) -> Bill:
        """Found by its key: ids are the agent's own business (docs: sage100 8.2). Raises NotFound, and BadAnswer
        where a record cannot be understood: it could be this one.
        """
        currency = self._currency()
        return self._posted(key, _LINES, lambda record: mapper.bill(record, currency))

    def list_images(self, bill_key: str) -> list[Image]:
        """The invoice's attachments, without those whose paths the agent does not serve (docs: sage100 8.6)."""
        return self._posted(bill_key, _ATTACHMENTS, mapper.images)

    def fetch_image(self, bill_key: str, image_id: str) -> Download:
        """Raises Rejected with the code `attachment_missing` or `attachment_too_large` (more than 25 MiB)."""
        return self._client.attachment(*mapper.split_image_id(image_id))

    def _posted(self, key: str, include: tuple[str, str], convert: Mapper[T]) -> T:
        for record in self._all(self._client.ap_invoices, [("state", "posted"), *_invoice_filters(key), include]):
            try:
                if mapper.bill_key(_object(record)) == key:
                    return convert(record)
            except ValueError as error:
                raise BadAnswer(f"Invoice {key} could not be understood: {error}.", raw=self._raw(record)) from None
        raise NotFound(f"Sage 100 has no posted invoice {key}.", code="invoice_not_found")

    def _changes(
        self, fetch: Fetch, convert: Mapper[T], document: str, key: Key, cursor: Cursor | None, filters: Params = ()
    ) -> Iterator[Page[T]]:
        """One chain of pages from where the cursor stands. docs: sage100 8.3

        A chain that the agent no longer knows is begun again, at the price of seeing some records twice.
        """
        state = {"since": None, "next": None, "watermark": None, **(cursor or {})}
        since = state["since"]
        asked = [*filters, ("limit", str(config.PAGE_SIZE))]
        if since:
            overlapping = _instant(since) - config.OVERLAP
            asked.append(("updated_since", overlapping.isoformat()))
        following, watermark = state["next"], state["watermark"]
        while True:
            try:
                listing = fetch([*asked, ("cursor", following)] if following else asked)
            except Rejected as error:
                if not following or error.code not in _LOST_CURSOR:
                    raise
                following = watermark = None
                continue
            watermark = watermark or listing.watermark
            as_of = None if listing.next else _instant(watermark)
            records, bad = self._convert(listing.data, convert, document, key)
            following = listing.next
            if following:
                yield Page(records, {"since": since, "next": following, "watermark": watermark}, None, bad)
            else:
                yield Page(records, {"since": watermark, "next": None, "watermark": None}, as_of, bad)
                return

    def _convert(
        self, data: Sequence[Any], convert: Mapper[T], document: str, key: Key
    ) -> tuple[list[T], list[BadRecord]]:
        """What could be understood, and the rest: each key once, as the outbox keeps one version of it at a time."""
        records: list[T] = []
        bad: dict[str, BadRecord] = {}
        for record in data:
            try:
                records.append(convert(_object(record)))
            except ValueError as error:
                shown = str(record.get(document) or "") if isinstance(record, dict) else ""
                name = _name(record, key)
                bad[name] = BadRecord(name, shown, str(error), self._raw(record))
        return records, list(bad.values())

    def _all(self, fetch: Fetch, filters: Params) -> Iterator[Any]:
        """Every record of a filtered list."""
        asked = [*filters, ("limit", str(config.PAGE_SIZE))]
        listing = fetch(asked)
        yield from listing.data
        while listing.next:
            listing = fetch([*asked, ("cursor", listing.next)])
            yield from listing.data

    def _raw(self, record: Any) -> str:
        return self._client.transport.redactor.text(json.dumps(record, default=str, ensure_ascii=False))

    # --- payments ------------------------------------------------------------------------------------

    def record_payment(self, draft: PaymentDraft) -> Written:
        """Enter it as a manual payment; safe to repeat with the same draft (docs: sage100 8.8, duplicate rule).

        Raises Rejected, with the balance that Sage holds when that is what the payment does not fit.
        """
        try:
            body = mapper.payment_body(draft)
        except ValueError as error:
            raise Rejected(f"The payment cannot be entered: {error}.") from None
        try:
            answer = self._client.create_payment(body)
        except ConnectorError as error:
            if error.status == 422:  # perhaps an option of A/P was changed since the company was last asked
                self._host.store.delete(self._company_key)
            if not isinstance(error, Rejected) or error.code not in _BALANCE_REFUSALS:
                raise
            message = f"{error.message} {self._balances(body, error.field)}".strip()
            raise Rejected(
                message, field=error.field, status=error.status, code=error.code, raw=error.raw, reason=error.reason
            ) from None
        try:
            return mapper.written_payment(answer)
        except ValueError as error:
            raise OutcomeUnknown(
                f"The agent entered the payment, but its answer could not be understood: {error}.",
                raw=self._raw(answer),
            ) from None

    def _balances(self, body: Mapping[str, Any], field: str) -> str:
        """What Sage holds as open of the invoices that a refusal is about; "" when that cannot be read."""
        named = re.match(r"applications\[(\d+)]", field)
        numbers = [one["invoiceNo"] for one in body["applications"]]
        if named and int(named[1]) < len(numbers):
            numbers = [numbers[int(named[1])]]
        seen = []
        try:
            for number in numbers[:10]:
                filters = [
                    ("ap_division_no", body["apDivisionNo"]),
                    ("vendor_no", body["vendorNo"]),
                    ("invoice_no", number),
                    ("include_zero_balance", "true"),
                ]
                found = [mapper.open_bill(one) for one in self._all(self._client.ap_open_invoices, filters)]
                balance = next((str(one.balance) for one in found if one.number == number), "")
                seen.append(f"{number}: {balance}" if balance else f"{number}: no longer open")
        except (ConnectorError, ValueError, AttributeError):
            return ""
        return f"Balance in Sage 100: {', '.join(seen)}."

    def find_payment(self, reference: str) -> LedgerPayment | None:
        found = self._payments([("client_reference", reference)])
        return next((one for one in found if one.reference == reference), None)

    def find_bill_payments(self, bill_key: str) -> list[LedgerPayment]:
        return self._payments(_invoice_filters(bill_key))

    def _payments(self, filters: Params) -> list[LedgerPayment]:
        """An unreadable record fails the whole look-up: it could be the one that proves presence."""
        found = list(self._all(self._client.payments, filters))
        records, bad = self._convert(found, mapper.payment, "checkNo", mapper.payment_key)
        if bad:
            message = f"A payment of Sage 100 could not be understood: {bad[0].message}."
            raise BadAnswer(message, raw=bad[0].raw)
        return records

    def read_ledger_payments(self, cursor: Cursor | None) -> Iterator[Page[LedgerPayment]]:
        """The step from entered to posted counts as a change (docs: sage100 8.8)."""
        return self._changes(self._client.payments, mapper.payment, "checkNo", mapper.payment_key, cursor)

    def get_payment(self, payment_id: str) -> LedgerPayment:
        """The id of an entry stays valid after posting; the answer then carries the new one. Raises NotFound."""
        record = self._client.payment(payment_id)
        try:
            return mapper.payment(record)
        except ValueError as error:
            message = f"A payment of Sage 100 could not be understood: {error}."
            raise BadAnswer(message, raw=self._raw(record)) from None

    def delete_payment(self, payment_id: str) -> None:
        self._client.delete_payment(payment_id)

    def payment_batches(self) -> bool:
        options = self._company().get("apOptions")
        return isinstance(options, dict) and options.get("manualCheckBatchEnabled") is True

    # --- vendors -------------------------------------------------------------------------------------

    def create_vendor(self, draft: NewVendorDraft) -> Written:
        """A vendor under a number of our choice (8.5). Its id is our vendor key, `<division>-<number>`.

        An equal one that exists is `duplicate`; raises Duplicate when another one has the number.
        """
        answer = self._client.create_vendor(mapper.vendor_body(draft.vendor, draft.division, draft.number, draft.terms))
        try:
            return mapper.written_vendor(answer)
        except ValueError as error:
            raise OutcomeUnknown(
                f"The agent created the vendor, but its answer could not be understood: {error}.", raw=self._raw(answer)
            ) from None


_FIXES = {
    "soap": "Check soap_url, that IIS runs on the Sage 100 server, and the firewall before it.",
    "soap_login": "Check soap_username and soap_password, and that web services are enabled for user and company.",
    "reach": "Check the base URL and port, that the agent's Windows service runs, and the firewall before it.",
    "login": "Check the API key or client certificate, and that the agent can open Sage 100.",
    "company": "Check the company code, and the companies of the agent's key.",
    "read": "Check that the agent's key has the scope read and its Sage 100 user may view vendors.",
}


def _invoice_filters(bill_key: str) -> list[tuple[str, str]]:
    """Each filter needs the one before (docs: sage100 8.6)."""
    try:
        division, vendor, invoice = mapper.split_bill_key(bill_key)
    except ValueError as error:
        raise NotFound(str(error), code="invoice_not_found") from None
    return [("ap_division_no", division), ("vendor_no", vendor), ("invoice_no", invoice)]


def _object(record: Any) -> dict[str, Any]:
    if not isinstance(record, dict):
        raise ValueError("an object expected")
    return record


def _name(record: Any, key: Key) -> str:
    """An unreadable record's own key; a part of it would name all records of one vendor alike."""
    for name in (key, mapper.record_id):
        try:
            return name(_object(record))
        except ValueError:
            continue
    return nameless_key(record)


def _instant(value: Any) -> datetime:
    """A watermark as an instant. Raises BadAnswer."""
    try:
        found = mapper.instant(value, "watermark")
    except ValueError as error:
        raise BadAnswer(f"The agent's answer is not what the contract says: {error}.") from None
    if found is None:
        raise BadAnswer("The agent's answer is not what the contract says: no watermark.")
    return found
