"""What a connector may offer: small protocols, and capabilities as data.

A flow asks for a port and never for a vendor. Everything here is synchronous, raises only the errors of
`connectors.errors`, and does one request (or one chain of pages) a call.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import IO, Any, Generic, Protocol, TypeVar

from .clock import Clock
from .domain import (
    Account,
    BatchOrder,
    Bill,
    BillDraft,
    Board,
    BoardColumn,
    BoardGroup,
    BoardItem,
    CodeDraft,
    Customer,
    Image,
    ItemChange,
    LedgerBill,
    LedgerPayment,
    NewVendorDraft,
    OpenBill,
    Payment,
    PaymentDraft,
    PurchaseOrder,
    TargetBill,
    Vendor,
    VendorDraft,
    Written,
)
from .errors import ConnectorError

#: Opaque to everyone but the connector that made it; JSON-serialisable; stored with the flow.
Cursor = dict[str, Any]


@dataclass(frozen=True, slots=True)
class BadRecord:
    """A record of a page that could not be understood. The rest of the page goes on.

    `key` is the record's own, so that no two of a page share it; see `nameless_key` for one that has none.
    """

    key: str
    document: str
    message: str
    raw: str = ""


def nameless_key(record: Any) -> str:
    """The key of an unreadable record that names itself nowhere: the same as long as its content is."""
    text = json.dumps(record, default=str, sort_keys=True)
    return f"unreadable:{hashlib.sha256(text.encode()).hexdigest()[:16]}"


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some records, and the cursor to store together with them.

    `cursor` resumes right after this page; it is only ever rounded down. `as_of` is the instant up to
    which the source is known to be read once this page is stored (None in the middle of a chain).
    """

    records: Sequence[T]
    cursor: Cursor | None = None
    as_of: datetime | None = None
    bad: Sequence[BadRecord] = ()


@dataclass(frozen=True, slots=True)
class PingStep:
    """One line of `ping`: `name` is what was tried, `fix` what to do when it failed."""

    name: str
    ok: bool
    message: str
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One HTTP request and its answer, redacted and cut: what the audit trail may show."""

    system: str
    method: str
    url: str
    status: int | None
    request: str
    response: str
    seconds: float
    error: str = ""


@dataclass(frozen=True, slots=True)
class Tls:
    verify: bool = True
    ca_bundle: str = ""  # PEM text
    pin_sha256: str = ""  # hex of the certificate's SHA-256, colons allowed


@dataclass(frozen=True, slots=True)
class ConnectionSpec:
    """Everything a connector needs to know of one tenant's connection."""

    key: str  # unique per connection; names its sessions
    name: str
    system: str
    base_url: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    credentials: Mapping[str, str] = field(default_factory=dict, repr=False)
    tls: Tls = Tls()


class SharedStore(Protocol):
    """State shared by all processes and hosts of the installation, provided by the host."""

    def acquire_slot(self, key: str, limit: int, ttl: float) -> str | None:
        """A token for one of `limit` slots, or None when all are taken. Slots of dead holders return after `ttl` s."""

    def release_slot(self, token: str) -> None: ...

    def take(self, key: str, limit: int, window: str) -> float:
        """Count one call against `limit` per calendar `window` ('second', 'minute', 'hour', 'day').

        Returns 0 when counted, else the seconds until the window ends (nothing counted)."""

    def get(self, key: str) -> tuple[str, datetime] | None:
        """A shared secret value (stored encrypted) and when it was last put or touched."""

    def put(self, key: str, value: str) -> None: ...

    def touch(self, key: str) -> None:
        """Renew the value's time stamp; cheap to call often."""

    def delete(self, key: str, value: str | None = None) -> None:
        """Forget the value (only if it still equals `value`, when given)."""


@dataclass(frozen=True, slots=True)
class Host:
    """What the application lends a connector."""

    clock: Clock
    store: SharedStore
    on_exchange: Callable[[Exchange], None] = lambda exchange: None


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a connector can do, as data that the engine and the documentation read.

    `batch`: records a bulk call takes, by record type. `limits`: longest text the target takes, by
    `record.field`. `answer_window`: seconds after which a request that got no answer can no longer
    take effect. `repeatable`: record types whose write may be repeated with the same reference
    without a second effect. `reverses`: record types whose posted form it can take back. `unstamped`: record types
    that change without being told as changed (a payment applied to an invoice, say). `changes`: record types that it
    can change once they were created. `books`: what names this ledger's company in references that other systems
    keep, unique among everybody's books.
    """

    batch: Mapping[str, int] = field(default_factory=dict)
    limits: Mapping[str, int] = field(default_factory=dict)
    in_flight: int = 1
    answer_window: float = 60.0
    repeatable: frozenset[str] = frozenset()
    reverses: frozenset[str] = frozenset()
    unstamped: frozenset[str] = frozenset()
    changes: frozenset[str] = frozenset({"bill", "vendor"})
    books: str = ""


class Connector(Protocol):
    capabilities: Capabilities

    def ping(self) -> Iterator[PingStep]:
        """Sign in and read something harmless, step by step; stops after the first failed step."""

    def begin_run(self) -> None:
        """Check what must hold before records are read or written (company code, session)."""

    def close(self) -> None: ...


class ReadsAccounts(Protocol):
    def read_accounts(self, cursor: Cursor | None) -> Iterator[Page[Account]]:
        """Accounts changed since the cursor; with None all of them, inactive ones included."""

    def read_banks(self) -> list[Account]:
        """Bank codes (ledger) or funding accounts (cloud)."""


class WritesCodes(Protocol):
    """Coding lists that the ledger owns. A code's key is `"<group>|<value>"`; as `Account` it has the value as
    `number`, the description as `name` and the group as `kind`. What counts is what `read_accounts` tells."""

    ledger_group: str  # the list that holds GL accounts

    def import_codes(self, group: str, drafts: Sequence[CodeDraft]) -> list[Written]:
        """Create or change these codes of a group, at most `Capabilities.batch["code"]`, and leave the others alone.

        `Written.id` is the key; a row that was refused says why in `details["refused"]`. Accepted is not applied yet.
        Raises ConfigurationError (code `import_disabled`) where the target does not let us; safe to repeat.
        """


class ReadsDepartments(Protocol):
    def read_departments(self, cursor: Cursor | None) -> Iterator[Page[Account]]:
        """Departments (cloud) or cost objects (ledger: `kind` is the dimension), inactive ones included."""


class ReadsSegments(Protocol):
    def read_segments(self) -> list[Account]:
        """Values of the segments of the ledger's account numbers, inactive ones included; `kind` is the segment's name
        and `Account.segments` refers to them by key."""


class ReadsLocations(Protocol):
    def read_locations(self, cursor: Cursor | None) -> Iterator[Page[Account]]:
        """Locations (cloud), inactive ones included."""


class ReadsVendors(Protocol):
    def read_vendors(self, cursor: Cursor | None) -> Iterator[Page[Vendor]]: ...

    def get_vendor(self, key: str) -> Vendor:
        """Raises NotFound."""


class WritesVendors(Protocol):
    def create_vendors(self, drafts: Sequence[VendorDraft]) -> list[Written]:
        """All or nothing, in the order given."""

    def update_vendor(self, vendor_id: str, draft: VendorDraft, changed: frozenset[str]) -> Written:
        """Send only the `changed` fields of the draft."""

    def find_vendors(self, names: Sequence[str], since: datetime | None) -> list[Vendor]:
        """Target vendors created since then (all, when None), for proving presence or absence."""


class WritesLedgerVendors(Protocol):
    def create_vendor(self, draft: NewVendorDraft) -> Written:
        """Safe to repeat with the same number and body. Raises Duplicate when another vendor has the number."""

    def update_vendor(self, vendor_id: str, draft: VendorDraft, changed: frozenset[str]) -> Written:
        """Send only the `changed` fields of the draft."""


class WritesLedgerBills(Protocol):
    """A ledger that takes invoices in batches and posts the batches."""

    def enter_bills(self, drafts: Sequence[BillDraft], order: BatchOrder) -> list[Written]:
        """One batch, taken as far as the order says, and read back. In the order given.

        `Written.id` addresses the entry, `details` say its `state` (`EntryState`) and what was `refused`.
        Raises Duplicate or Rejected when one of several cannot be entered (nothing is left of the batch then).
        """

    def find_batch(self, marker: str) -> list[LedgerBill] | None:
        """The entries of the batch with this marker, wherever posting moved them; None when there is none."""

    def find_ledger_bills(self, documents: Sequence[tuple[str, str]]) -> dict[tuple[str, str], list[LedgerBill]]:
        """By vendor key and number as the ledger writes them: posted ones and those of unposted batches."""

    def read_unposted(self) -> list[LedgerBill]:
        """Every entry of an unposted batch: one filtered list."""

    def get_ledger_bills(self, ids: Sequence[str]) -> dict[str, LedgerBill]:
        """Entries by id; those that are gone are left out."""

    def change_bill(self, bill_id: str, draft: BillDraft, order: BatchOrder) -> Written:
        """Of an unposted batch. Raises Rejected (code `bill_posted`) afterwards."""

    def remove_bill(self, bill_id: str) -> None:
        """Of an unposted batch. Raises Rejected (code `bill_posted`) afterwards; absent is fine."""

    def advance(self, ids: Sequence[str], order: BatchOrder) -> dict[str, Written]:
        """Take entered bills of our own batches as far as the order says, and read back."""

    def fits(self, vendor_key: str) -> bool:
        """Whether an existing vendor with this key can be addressed for changes."""

    def first_open_day(self, on: date) -> date:
        """`on`, or the first later day whose fiscal period takes invoices."""


class ReadsBills(Protocol):
    def read_bills(self, cursor: Cursor | None, start_date: date) -> Iterator[Page[Bill]]: ...

    def read_open_bills(self) -> Iterator[Page[OpenBill]]:
        """Every open item, whatever its stamps say: holds and payment selections move none."""

    def get_bill(self, key: str) -> Bill:
        """Raises NotFound."""

    def check_bills(self, keys: Sequence[str]) -> list[OpenBill]:
        """These invoices as they are now, open or not, at most 100; unknown and unreadable ones are left out.

        Only where `Capabilities.unstamped` holds bills."""


class ReadsAllBills(Protocol):
    def read_all_bills(self, cursor: Cursor | None, start_date: date) -> Iterator[Page[Bill]]:
        """Invoices whether posted or not. One that is not posted yet is blocked as NOT_POSTED and has the key that it
        will have when it is; while a posted one has that key too, the posted one is what is told."""


class ReadsPurchaseOrders(Protocol):
    def read_purchase_orders(self, cursor: Cursor | None) -> Iterator[Page[PurchaseOrder]]: ...


class ReadsCustomers(Protocol):
    """For ledgers that tell no list of customers."""

    def read_customers(self, keys: Sequence[str]) -> Iterator[Page[Customer]]:
        """These customers, unknown and unreadable ones as bad records. Raises ConfigurationError where the ledger's
        service for customers is not set up."""

    def read_order_customers(self, orders: Sequence[str]) -> dict[str, str]:
        """The customer's key by number of sales order; unknown orders are left out."""


class FindsOpenBills(Protocol):
    def find_open_bills(self, vendor_key: str) -> list[OpenBill]:
        """The open items of one vendor, those with nothing left to pay included; unreadable ones left out."""


class WritesBills(Protocol):
    def find_bills(self, vendor_ids: Sequence[str]) -> Iterator[TargetBill]:
        """Every live bill of these vendors (archived ones left out), unreadable ones as such."""

    def get_bills(self, bill_ids: Sequence[str]) -> dict[str, TargetBill]:
        """Bills by id, archived and unreadable ones included; unknown ids are left out."""

    def create_bills(self, drafts: Sequence[BillDraft]) -> list[Written]:
        """All or nothing, in the order given."""

    def replace_bill(self, bill_id: str, draft: BillDraft) -> Written: ...

    def archive_bill(self, bill_id: str) -> None: ...

    def restore_bill(self, bill_id: str) -> None: ...


class FindsBills(Protocol):
    def find_bill(self, draft: BillDraft) -> list[TargetBill]:
        """Live bills with the draft's vendor and number, or else with its reference: one narrow look-up each."""


class FollowsBills(Protocol):
    def read_target_bills(self, cursor: Cursor | None, start_date: date) -> Iterator[Page[TargetBill]]:
        """Bills that changed in the target since the cursor (the first time since `start_date`), whoever made them,
        dead ones included; an unreadable one comes as such."""


@dataclass(slots=True)
class Download:
    """A file on this machine's disk for as long as it is open; never whole in memory beyond a megabyte.

    `file` stands at its beginning; `sha256` in hex; `content_type` and `etag` as the server told them.
    """

    file: IO[bytes]
    size: int
    sha256: str
    content_type: str = ""
    etag: str = ""

    def __enter__(self) -> Download:
        return self

    def __exit__(self, *exc: object) -> None:
        self.file.close()


class ReadsImages(Protocol):
    def list_images(self, bill_key: str) -> list[Image]:
        """The scans of an invoice, in the source's order. Raises NotFound for an unknown invoice."""

    def fetch_image(self, bill_key: str, image_id: str) -> Download:
        """Streamed to disk; the caller closes it. Raises NotFound or Rejected for one that cannot be had."""


class WritesImages(Protocol):
    """`Capabilities.limits["image.bytes"]` is the largest image that the target takes."""

    def judge_image(self, image: Download) -> str:
        """Why the target would not take it, in words, "" when it would: by size and content, never by its name."""

    def attach_image(self, bill_id: str, image: Download, file_name: str) -> Written:
        """Give the bill its scan, streamed. `Written.number` is the content type that was sent.

        Raises Rejected for what `judge_image` or the target refuses. After OutcomeUnknown `TargetBill.has_image` tells.
        """


class ReadsPayments(Protocol):
    def read_payments(self, cursor: Cursor | None, start_date: date) -> Iterator[Page[Payment]]: ...


class ReadsVendorPayments(Protocol):
    def read_vendor_payments(self, vendor_id: str) -> list[Payment]:
        """All payments of one vendor: used when a bill was linked after its payments were read."""


class GetsPayments(Protocol):
    def get_payments(self, payment_ids: Sequence[str]) -> dict[str, Payment]:
        """Payments as they are now; unknown ids are left out. For those that are not final, now and then."""


class WritesPayments(Protocol):
    def record_payment(self, draft: PaymentDraft) -> Written:
        """Enter the payment. Safe to repeat with the same `draft.reference` and body."""

    def find_payment(self, reference: str) -> LedgerPayment | None: ...

    def find_bill_payments(self, bill_key: str) -> list[LedgerPayment]:
        """Payments, entered or posted, that apply to one invoice."""

    def read_ledger_payments(self, cursor: Cursor | None) -> Iterator[Page[LedgerPayment]]:
        """Entries and postings changed since the cursor."""

    def delete_payment(self, payment_id: str) -> None:
        """Take back an entry that is not posted, or, where `Capabilities.reverses` holds payments, a posted one.

        Raises Rejected (code `payment_posted`) where it is too late for that."""

    def payment_batches(self) -> bool:
        """Whether the ledger wants payments collected in batches."""


class WritesBoards(Protocol):
    """A work board: one item a record. Nothing on it is ever deleted, and columns that are not ours are never written.

    `Capabilities.batch["item"]` is the most items of a write, `batch["item_keys"]` the most keys of a look-up;
    `limits` hold `item.name` and `item.<kind of column>`.
    """

    def get_board(self, board_id: str) -> Board | None:
        """None for one that does not exist, or that the user may not see."""

    def find_board(self, name: str, workspace: str = "") -> list[Board]:
        """Live boards of exactly this name: names need not be unique."""

    def create_board(self, name: str, workspace: str = "") -> Board: ...

    def create_column(self, board_id: str, column_id: str, title: str, kind: str) -> BoardColumn: ...

    def create_group(self, board_id: str, title: str) -> BoardGroup: ...

    def find_items(self, board_id: str, key_column: str, hash_column: str, keys: Sequence[str]) -> list[BoardItem]:
        """Live items with exactly one of these keys, by id; several may have the same one."""

    def get_items(self, item_ids: Sequence[str], key_column: str, hash_column: str) -> dict[str, BoardItem]:
        """Items by id, archived ones included; unknown and deleted ones are left out or say so in `state`."""

    def read_items(
        self, board_id: str, key_column: str, hash_column: str, kinds: Mapping[str, str]
    ) -> Iterator[list[BoardItem]]:
        """All live items of a board, with the texts of the columns in `kinds` (id -> kind): amounts without trailing
        zeros, whatever was written. A page may be told twice. Raises NotFound for a board that is not visible."""

    def write_items(
        self, board_id: str, changes: Sequence[ItemChange], key: str = ""
    ) -> list[Written | ConnectorError]:
        """In order, one request; each element succeeds or fails by itself: NotFound is an item that was deleted.

        The same changes with the same `key` within half an hour are answered as before and not done again: give
        another one to try again what was refused. `Written.id` is the item's id, of a subitem `details["board"]` its
        board's. What goes wrong with the request as a whole is raised: OutcomeUnknown means that some may be written.
        """

    def mark_items(
        self, board_id: str, item_ids: Sequence[str], group_id: str, key: str = ""
    ) -> list[Written | ConnectorError]:
        """Move items to a group, as `write_items` writes: for records that were closed or deleted."""
