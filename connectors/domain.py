"""Canonical records: vendor-neutral, frozen, money as Decimal.

Keys are natural keys as text and stable for ever: they are stored in links and deliveries. Text that a
system does not hold is "", never None; dates that it does not hold are None.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

CENT = Decimal("0.01")


class VendorStatus(StrEnum):
    ACTIVE = "active"
    INACTIVE = "inactive"
    TEMPORARY = "temporary"
    FROZEN = "frozen"  # the ledger books nothing for it, not even what is open already


class Blocked(StrEnum):
    """Why an invoice must not be paid by the cloud now."""

    NOT_POSTED = "not_posted"
    PAID = "paid"
    CREDIT = "credit"
    ON_HOLD = "on_hold"
    VENDOR_ON_HOLD = "vendor_on_hold"
    SELECTED_FOR_PAYMENT = "selected_for_payment"
    PAYMENT_BLOCK = "payment_block"
    CANCELLED = "cancelled"
    CLOSED = "closed"  # nothing is owed any more: paid, credited or reconciled
    ARCHIVED = "archived"


class PaymentStatus(StrEnum):
    """What a cloud payment means for the ledger."""

    OPEN = "open"  # not yet money: approving, scheduled, funding problems
    PAID = "paid"
    VOIDED = "voided"


class PaymentMethod(StrEnum):
    CHECK = "CHECK"
    ACH = "ACH"
    VIRTUAL_CARD = "VIRTUAL_CARD"
    WIRE = "WIRE"
    OTHER = "OTHER"


@dataclass(frozen=True, slots=True)
class Address:
    line1: str = ""
    line2: str = ""
    line3: str = ""
    city: str = ""
    state: str = ""
    postcode: str = ""
    country: str = ""  # ISO 3166-1 alpha-2, "" when the system holds none


@dataclass(frozen=True, slots=True)
class Account:
    """A row of reference data: GL account, cloud account, department, bank.

    `kind` is the system's own; of a ledger's cost object it is the number of its dimension, from "1". `segments` are
    the keys of the segment values that an account's number is made of, where the ledger tells them.
    """

    key: str
    number: str
    name: str
    active: bool = True
    kind: str = ""
    segments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Vendor:
    key: str
    number: str
    name: str
    status: VendorStatus = VendorStatus.ACTIVE
    on_hold: bool = False
    address: Address = Address()
    remit_to_name: str = ""
    remit_to_address: Address | None = None
    phone: str = ""
    email: str = ""
    currency: str = ""
    reference: str = ""  # the other side's number that the system carries, e.g. BILL's shortName
    payer: str = ""  # the vendor that is paid in its stead
    changed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class BillLine:
    account_key: str
    account_number: str
    amount: Decimal
    description: str = ""
    departments: tuple[str, ...] = ()  # cost objects by dimension, "" where the line has none


class ChargeKind(StrEnum):
    """What an amount outside the lines is; people map each to an account."""

    FREIGHT = "freight"
    TAX = "tax"
    ROUNDING = "rounding"
    DISCOUNT = "discount"
    WITHHOLDING = "withholding"
    DOWN_PAYMENT = "down_payment"
    PAID = "paid"


@dataclass(frozen=True, slots=True)
class Charge:
    """A signed amount that the document's total holds besides its lines."""

    kind: ChargeKind
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Instalment:
    """One of several dates on which parts of an invoice are due; numbered from 1, their totals add up to it."""

    number: int
    due_date: date | None
    total: Decimal
    balance: Decimal


@dataclass(frozen=True, slots=True)
class Bill:
    """An AP invoice of a ledger. `total` is the document's, `balance` what is still owed.

    `number` is the vendor's, "" when the ledger holds none, `ledger_number` the ledger's own for it. `freight` and
    `tax` may stand outside the lines or not, `charges` do. `part` is the number of the instalment that this is when
    the invoice was split, 0 otherwise. `problem` says what of the invoice cannot be relied on.
    """

    key: str
    vendor_key: str
    vendor_name: str
    number: str
    invoice_date: date | None
    due_date: date | None
    currency: str
    total: Decimal
    balance: Decimal
    lines: tuple[BillLine, ...]
    freight: Decimal = Decimal(0)
    tax: Decimal = Decimal(0)
    purchase_order: str = ""
    description: str = ""
    blocked: tuple[Blocked, ...] = ()
    charges: tuple[Charge, ...] = ()
    instalments: tuple[Instalment, ...] = ()
    ledger_number: str = ""
    part: int = 0
    approval: str = ""  # the cloud's own word for how far its approval is
    problem: str = ""
    changed_at: datetime | None = None

    @property
    def payable(self) -> bool:
        return not self.blocked and self.balance > 0


@dataclass(frozen=True, slots=True)
class OpenBill:
    """What the ledger's list of open items tells of an invoice: no lines. `dated` is what a start date compares."""

    key: str
    vendor_key: str
    number: str
    dated: date | None
    total: Decimal
    balance: Decimal
    blocked: tuple[Blocked, ...] = ()
    instalments: tuple[Instalment, ...] = ()
    ledger_number: str = ""
    currency: str = ""  # "" is the ledger's own
    part: int = 0

    @property
    def payable(self) -> bool:
        return not self.blocked and self.balance > 0


@dataclass(frozen=True, slots=True)
class Application:
    """The part of a payment that settles one bill. In a cloud payment `bill` is the cloud's bill id ("" where it tells
    none), in a ledger entry it is the ledger's invoice number. `key` is the ledger's key of the invoice, where it is
    told. `number` is the vendor's number of the invoice and `reference` ours (see `BillDraft`), as a remittance tells
    them. `amount` is what was paid, `discount` what was taken besides; both are negative for a credit."""

    bill: str
    amount: Decimal
    discount: Decimal = Decimal(0)
    key: str = ""
    number: str = ""
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Payment:
    """A payment as the cloud tells it."""

    key: str
    vendor_id: str
    status: PaymentStatus
    raw_status: str
    method: PaymentMethod
    amount: Decimal
    paid_on: date | None
    applications: tuple[Application, ...]
    check_number: str = ""
    reference: str = ""
    confirmation: str = ""
    funding_account: str = ""
    outside: bool = False  # recorded by a person; no money moved through the cloud
    currency: str = ""
    changed_at: datetime | None = None
    warning: str = ""  # what the connector did not understand and a person should know: an unknown status, say


@dataclass(frozen=True, slots=True)
class PurchaseOrderLine:
    account_key: str
    account_number: str
    item: str
    description: str
    quantity: Decimal
    unit_cost: Decimal
    amount: Decimal
    required_on: date | None = None


@dataclass(frozen=True, slots=True)
class PurchaseOrder:
    """`status` and `kind` are the ledger's own words; `closed` says that nothing more is expected of it."""

    key: str
    number: str
    vendor_key: str
    vendor_name: str
    ordered_on: date | None
    required_on: date | None
    status: str
    total: Decimal
    currency: str
    lines: tuple[PurchaseOrderLine, ...]
    kind: str = ""
    closed: bool = False
    on_hold: bool = False
    description: str = ""
    changed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Customer:
    """`status` is the vendor's word for the same (a customer has no other)."""

    key: str
    number: str
    name: str
    status: VendorStatus = VendorStatus.ACTIVE
    on_hold: bool = False
    address: Address = Address()
    phone: str = ""
    email: str = ""
    balance: Decimal = Decimal(0)
    credit_limit: Decimal = Decimal(0)
    currency: str = ""
    changed_at: datetime | None = None


# --- what we ask a target to write ---------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class VendorDraft:
    name: str
    reference: str  # our source key, visible in the target where it has a field for it
    address: Address
    payee_name: str = ""
    phone: str = ""
    email: str = ""
    currency: str = ""
    remit_to: Address | None = None  # where to pay it, for targets that hold both addresses; None is `address`
    active: bool = True  # for targets that can switch a vendor off


@dataclass(frozen=True, slots=True)
class CodeDraft:
    """A code of a coding list: a GL account or a segment's value."""

    value: str
    description: str
    active: bool = True


@dataclass(frozen=True, slots=True)
class NewVendorDraft:
    """A vendor to be created in a ledger, which wants a number and what the ledger needs besides: a division and
    terms, or a group that brings its defaults. `account`: its default GL account, where people chose one."""

    vendor: VendorDraft
    division: str
    number: str
    terms: str
    group: str = ""
    account: str = ""
    optional_fields: Mapping[str, str] = field(default_factory=dict)  # the site's own, by name


@dataclass(frozen=True, slots=True)
class DraftLine:
    """`codes` are keys of further codes of the line (segments), for targets with coding lists."""

    account: str
    amount: Decimal
    description: str = ""
    department: str = ""
    codes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BillDraft:
    """`reference` is our own for the bill, unique and stable, for targets that carry it as a foreign id."""

    vendor_id: str
    number: str
    invoice_date: date
    due_date: date
    lines: tuple[DraftLine, ...]
    purchase_order: str = ""
    description: str = ""
    posting_date: date | None = None  # ledgers only: the fiscal period; None leaves it to the ledger
    currency: str = ""  # ledgers only: of the amounts; "" leaves it to the vendor
    reference: str = ""

    @property
    def total(self) -> Decimal:
        return sum((line.amount for line in self.lines), Decimal(0))


class PostMode(StrEnum):
    """How far a batch of invoices is taken in a ledger."""

    OPEN = "open"
    READY = "ready"
    POST = "post"


@dataclass(frozen=True, slots=True)
class BatchOrder:
    """How a ledger is to enter a batch of invoices. `marker` is unique, goes into the batch's description and finds
    it again. `tax`: "enter" keeps the amounts as they are, "exempt" uses the ledger's exempt classes.
    `optional_fields`: what the site's own fields of each invoice get, by their names."""

    marker: str
    post: PostMode
    tax: str = "enter"
    optional_fields: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PaymentDraft:
    reference: str  # unique and stable: the target recognises a repetition by it
    vendor_key: str
    bank: str
    method: PaymentMethod
    check_number: str
    trace: str
    paid_on: date
    amount: Decimal
    comment: str
    applications: tuple[Application, ...]
    batch: str = ""  # description of the batch to collect it in, "" when the ledger has no batches
    currency: str = ""  # of the amounts; "" is the ledger's own


#: What a record gives for one field of a board, before it is put into a column.
ItemValue = str | Decimal | date | None


@dataclass(frozen=True, slots=True)
class ItemDraft:
    """An item of a board. `values` are all columns to be written, those of key and hash included: column id -> (kind
    of the column, text). The text is canonical whatever the kind: "1860.00", "2026-11-27", a status' label, several
    labels a line each; "" empties the column. Columns that are not named stay as they are.

    `name` "" leaves the name (changes only); `group` "" is the board's first one and counts at creation only.
    """

    key: str
    name: str
    values: Mapping[str, tuple[str, str]]
    hash: str = ""
    group: str = ""


@dataclass(frozen=True, slots=True)
class ItemChange:
    """Create the item, or change `item_id`; with `parent`, create it as a subitem of that item."""

    draft: ItemDraft
    item_id: str = ""
    parent: str = ""


# --- what a target says it holds -----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TargetBill:
    """A bill as the target holds it. `unreadable` says why nothing but its ids (and `number`, where it is not
    empty) may be relied on: it exists, and that is all that is known of it.

    `status` is the target's own word for how far its workflow is, `outcome` what that means: "" is open, else
    "approved", "rejected", "void" or "paid". `reference` is what `BillDraft` says of it.
    """

    id: str
    vendor_id: str
    number: str
    total: Decimal
    paid: Decimal = Decimal(0)
    scheduled: Decimal = Decimal(0)
    archived: bool = False
    unpaid: bool = True  # nothing paid, scheduled or under way
    invoice_date: date | None = None
    changed_at: datetime | None = None
    unreadable: str = ""
    status: str = ""
    outcome: str = ""
    has_image: bool = False
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Image:
    """A scanned document as its list tells of it: the content may be something else. `size` in bytes, None = not told
    (the file is missing, say)."""

    id: str
    file_name: str
    content_type: str
    size: int | None


class EntryState(StrEnum):
    """How far an invoice that was entered in a ledger's batch is."""

    OPEN = "open"
    READY = "ready"
    POSTING = "posting"
    POSTED = "posted"
    REFUSED = "refused"  # posting threw it into a batch of errors


@dataclass(frozen=True, slots=True)
class LedgerBill:
    """An invoice as a ledger with batches holds it. `id` addresses it for as long as its batch is not posted.

    `marker` is the batch's description. `message` is the ledger's own, where it refused to post, and `reason` the code
    of what that means ("" is a refusal).
    """

    id: str
    vendor_key: str
    number: str
    total: Decimal
    state: EntryState
    batch: str = ""
    marker: str = ""
    currency: str = ""
    invoice_date: date | None = None
    message: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class LedgerPayment:
    """A payment as the ledger holds it: entered first, then `posted`. What the ledger keeps back for approval says so
    in `approval`: "pending", or "rejected" once somebody refused it."""

    id: str
    reference: str
    vendor_key: str
    posted: bool
    amount: Decimal
    check_number: str = ""
    paid_on: date | None = None
    applications: tuple[Application, ...] = ()
    batch: str = ""
    approval: str = ""
    changed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class BoardColumn:
    """`kind` is the board's own word for the type: "text", "numbers", "date", ..."""

    id: str
    title: str
    kind: str
    archived: bool = False


@dataclass(frozen=True, slots=True)
class BoardGroup:
    id: str
    title: str
    archived: bool = False


@dataclass(frozen=True, slots=True)
class Board:
    """`items` of `items_limit` are there (0: the limit is not told). `subitems` is the board that holds the subitems,
    "" while there is none. `problem` says why it must not be written to."""

    id: str
    name: str
    columns: tuple[BoardColumn, ...] = ()
    groups: tuple[BoardGroup, ...] = ()
    items: int = 0
    items_limit: int = 0
    url: str = ""
    subitems: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class BoardItem:
    """`key` and `hash` are the texts of our own columns, `values` those of further ones that were asked for, by
    column; `state` is "active", "archived" or "deleted"."""

    id: str
    key: str
    hash: str
    name: str
    state: str = "active"
    group: str = ""
    board: str = ""
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Written:
    """The target's answer to a write: its id and what it made of the request.

    `details` may say the `state` ("posted") of what was written; `awaiting`, in words, whose approval it needs before
    it counts; and `refused`, in words, why it did not count when the ledger took it further, with its `reason` code.
    """

    id: str
    number: str = ""
    total: Decimal | None = None
    duplicate: bool = False  # the target recognised a repetition; nothing new was written
    details: dict[str, str] = field(default_factory=dict)
