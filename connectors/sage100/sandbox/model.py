"""Sage's files of one company, as far as the agent shows them (docs: sage100 4)."""

from __future__ import annotations

import ntpath
import threading
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from connectors.sage100.sandbox.lists import Key, Table
from connectors.sage100.sandbox.stamps import Stamp

ZERO = Decimal("0.00")
AGENT_USER = "MLC"


@dataclass
class Segment:
    number: str
    name: str
    length: int
    values: dict[str, str]  # code -> description


@dataclass
class Account:
    account_key: str
    codes: tuple[str, ...]  # one per segment: never rebuilt from the formatted text
    description: str
    type: str
    stamp: Stamp
    status: str = "A"

    @property
    def key(self) -> Key:
        return (self.account_key,)

    @property
    def number(self) -> str:
        return "-".join(self.codes)


@dataclass
class Vendor:
    division: str
    number: str
    values: dict[str, Any]  # columns by their wire names
    stamp: Stamp
    remit_to: dict[str, str | None] | None = None
    udf: dict[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> Key:
        return self.division, self.number

    @property
    def name(self) -> str:
        return str(self.values["vendorName"])

    @property
    def on_hold(self) -> bool:
        return bool(self.values["holdPayment"])


@dataclass
class Line:
    account_key: str
    amount: Decimal
    description: str | None = None
    header: int = 1  # AP_InvoiceHistoryHeader.HeaderSeqNo: an adjustment adds one
    item_code: str | None = None
    quantity: Decimal | None = None
    unit_cost: Decimal | None = None
    job: tuple[str | None, str | None, str | None] = (None, None, None)  # jobNo, costCode, costType


@dataclass
class Attachment:
    """A memo's file path. `content` None: the file cannot be read, unless `size` says that it is too large."""

    id: str
    path: str
    content: bytes | None
    size: int | None

    @property
    def name(self) -> str:
        return ntpath.basename(self.path)

    def within(self, root: str) -> bool:
        return ntpath.normpath(self.path).lower().startswith(ntpath.normpath(root).lower() + "\\")


@dataclass
class Invoice:
    """An AP_InvoiceHeader entry, or AP_OpenInvoice together with its history headers."""

    division: str
    vendor: str
    number: str
    state: str  # "entry" | "posted"
    invoice_date: date
    lines: list[Line]
    stamp: Stamp
    amount: Decimal
    balance: Decimal
    due_date: date | None = None
    discount_date: date | None = None
    posted_date: date | None = None
    terms: str | None = None
    comment: str | None = None
    purchase_order_no: str | None = None
    source_module: str = "A/P"
    invoice_type: str | None = "I"
    batch_no: str | None = None
    discount: Decimal = ZERO
    freight: Decimal | None = None
    tax: Decimal | None = None
    hold: bool = False
    separate_check: bool = False
    in_open: bool = True  # False: only history is left
    selected: bool = False  # AP_CheckHeader/Detail: Sage's own check run
    last_check_no: str | None = None
    last_check_date: date | None = None
    attachments: list[Attachment] = field(default_factory=list)

    @property
    def key(self) -> Key:
        return self.division, self.vendor, self.number, self.state

    @property
    def posted(self) -> bool:
        return self.state == "posted"

    def outside(self) -> Decimal:
        return (self.freight or ZERO) + (self.tax or ZERO)

    def not_payable(self, vendor_on_hold: bool) -> list[str]:
        """Computed at every reading, never stored (docs: sage100 4.3, 8.6)."""
        reasons = {
            "not_posted": not self.posted,
            "zero_balance": self.posted and self.balance == 0,
            "credit": self.amount < 0 or self.balance < 0,
            "invoice_on_hold": self.hold,
            "vendor_on_hold": vendor_on_hold,
            "selected_for_payment": self.selected,
        }
        return [reason for reason, applies in reasons.items() if applies]


@dataclass
class Order:
    number: str
    division: str
    vendor: str
    values: dict[str, Any]  # header columns by their wire names
    lines: list[dict[str, Any]]
    stamp: Stamp

    @property
    def key(self) -> Key:
        return (self.number,)


@dataclass
class Applied:
    invoice: str
    paid: Decimal
    discount: Decimal
    balance_before: Decimal = ZERO

    @property
    def total(self) -> Decimal:
        return self.paid + self.discount


@dataclass
class Payment:
    """A manual check entry; after the register update a row of the check history."""

    division: str
    vendor: str
    bank: str
    check_no: str
    method: str
    payment_date: date
    amount: Decimal
    applications: list[Applied]
    stamp: Stamp
    check_seq: str = ""  # CheckSeqNo, blank while entered
    check_type: str = "N"
    client_reference: str | None = None
    reference: str | None = None
    comment: str | None = None
    batch_no: str | None = None
    posted_date: date | None = None

    @property
    def key(self) -> Key:
        return self.bank, self.check_no, self.check_seq

    @property
    def entered(self) -> bool:
        return not self.check_seq


@dataclass
class Batch:
    number: str
    description: str
    created_by: str
    state: str = "open"  # open | posting | posted
    polled: bool = False


@dataclass
class Journal:
    """The agent's own durable note of a POST: body, and the key of what it wrote (None while started)."""

    body: str
    key: Key | None = None


@dataclass
class Company:
    """One company's settings and data."""

    code: str
    name: str
    segments: Sequence[Segment]
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("America/New_York"))
    currency: str = "USD"
    divisions_enabled: bool = True
    batches_enabled: bool = True
    wires_enabled: bool = True
    keeps_paid: bool = True  # retention: paid invoices stay in AP_OpenInvoice at balance 0
    external_access: bool = True
    udfs: tuple[str, ...] = ()
    divisions: dict[str, str] = field(default_factory=lambda: {"00": "Main"})
    terms: dict[str, tuple[str, int]] = field(
        default_factory=lambda: {"00": ("Due on Receipt", 0), "02": ("Net 15 Days", 15), "03": ("Net 30 Days", 30)}
    )
    banks: dict[str, tuple[str, str]] = field(default_factory=dict)  # code -> description, cash account key
    attachment_root: str = r"D:\Scans"
    accounts: Table[Account] = field(default_factory=Table)
    vendors: Table[Vendor] = field(default_factory=Table)
    invoices: Table[Invoice] = field(default_factory=Table)
    orders: Table[Order] = field(default_factory=Table)
    payments: Table[Payment] = field(default_factory=Table)
    reserved: defaultdict[Key, Decimal] = field(default_factory=lambda: defaultdict(lambda: ZERO))  # unposted entries
    batches: dict[str, Batch] = field(default_factory=dict)
    journal: dict[str, Journal] = field(default_factory=dict)
    renamed: dict[Key, Key] = field(default_factory=dict)  # entered payment -> its posted key
    closed_periods: set[tuple[int, int]] = field(default_factory=set)
    counters: Counter[str] = field(default_factory=Counter)
    locked: bool = False
    worker: threading.Lock = field(default_factory=threading.Lock)  # the one BOI thread
    queued: int = 0

    def today(self, now: datetime) -> date:
        return now.astimezone(self.zone).date()

    def next(self, counter: str) -> int:
        self.counters[counter] += 1
        return self.counters[counter]

    def account(self, text: str) -> Account:
        """By key or formatted number."""
        found = self.accounts.get(text) or next((each for each in self.accounts if each.number == text), None)
        if found is None:
            raise KeyError(f"no account {text!r}")
        return found

    def invoice(self, division: str, vendor: str, number: str, state: str = "posted") -> Invoice:
        found = self.invoices.get(division, vendor, number, state)
        if found is None:
            raise KeyError(f"no {state} invoice {division}-{vendor} {number}")
        return found

    def numbered(self, bank: str, check_no: str) -> list[Payment]:
        return list(self.payments.scan(None, None, (bank, check_no)))

    def enter_payment(self, payment: Payment) -> None:
        for part in payment.applications:
            self.reserved[(payment.division, payment.vendor, part.invoice)] += part.total
        self.payments.put(payment)

    def remove_entry(self, payment: Payment) -> None:
        for part in payment.applications:
            self.reserved[(payment.division, payment.vendor, part.invoice)] -= part.total
        self.payments.remove(payment.key)

    def vendor_on_hold(self, invoice: Invoice) -> bool:
        vendor = self.vendors.get(invoice.division, invoice.vendor)
        return vendor is not None and vendor.on_hold
