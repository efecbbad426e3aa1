"""Sage 300 through its Web API: accounts and vendors out, vendors and A/P invoices in. docs: sage300 6, 7, 8, 13"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

from ..domain import Account, BatchOrder, BillDraft, LedgerBill, NewVendorDraft, Vendor, VendorDraft, Written
from ..errors import ConfigurationError, ConnectorError, OutcomeUnknown, Rejected, sentence
from ..ports import Capabilities, ConnectionSpec, Cursor, Host, Page, PingStep
from . import mapper, vendors
from .batches import cannot_patch
from .bills import BATCH_SIZE, Bills
from .client import ACCOUNTS, FISCAL_CALENDARS, INVOICE_BATCHES, PAGE, POSTED_DOCUMENTS, VENDOR_GROUPS, Client
from .config import READ_TIMEOUT
from .odata import where
from .pages import chunks, sorted_out
from .periods import Periods
from .vendors import Vendors

CAPABILITIES = Capabilities(
    batch={"bill": BATCH_SIZE},
    limits=mapper.LIMITS,
    in_flight=1,  # writers of one company lock each other out (docs: sage300 10)
    answer_window=READ_TIMEOUT + 5,
    repeatable=frozenset({"vendor", "new_vendor"}),  # the number is ours, and tells a repetition
)
RIGHTS_LIFE = timedelta(minutes=5)
NO_BATCH = 0  # batches are numbered from 1


class Sage300:
    """Ports: Connector, ReadsAccounts, ReadsVendors, WritesLedgerVendors, WritesLedgerBills; `find_vendors` besides.

    Accounts have no change stamps and are read whole: their cursor only names the key after which to go on.
    """

    def __init__(self, spec: ConnectionSpec, host: Host) -> None:
        self._spec = spec
        self._host = host
        self._client = Client(spec, host)
        self._vendors = Vendors(self._client, host)
        self._bills = Bills(self._client, host)
        self._periods = Periods(self._client, host)
        self.capabilities = replace(CAPABILITIES, answer_window=self._client.config.read_timeout + 5)

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
            ("payables", self._ping_payables),
            ("ledger", self._ping_ledger),
            ("calendar", self._ping_calendar),
            ("batches", self._ping_batches),
        ):
            try:
                message, fix = step()
            except ConnectorError as error:
                unreached = "reach" if name == "login" else name
                failed = (error.step or name) if isinstance(error, ConfigurationError) else unreached
                fix = error.fix if isinstance(error, ConfigurationError) else ""
                yield PingStep(failed, False, sentence(error.message), fix or _FIXES[name])
                return
            yield PingStep(name, True, message, fix)

    def _ping_login(self) -> tuple[str, str]:
        self._client.sign_in()
        return f"Sage 300 answers and knows {self._client.config.username} in {self._client.config.company}.", ""

    def _ping_payables(self) -> tuple[str, str]:
        self._client.page(VENDOR_GROUPS, select=("GroupCode",), top=1)
        self._client.page(INVOICE_BATCHES, select=("BatchNumber",), top=1)
        self._client.page(POSTED_DOCUMENTS, top=1)
        return "Accounts Payable (AP): vendors, groups, invoice batches and posted documents can be read.", ""

    def _ping_ledger(self) -> tuple[str, str]:
        self._client.page(ACCOUNTS, select=("UnformattedAccount",), top=1)
        return "General Ledger (GL): accounts can be read.", ""

    def _ping_calendar(self) -> tuple[str, str]:
        """Only one way of choosing the posting date needs it: no reason to fail."""
        try:
            self._client.page(FISCAL_CALENDARS, top=1)
        except ConfigurationError as error:
            return f"Warning: {error.message} The posting date first_open cannot be used.", error.fix
        return "Common Services (CS): the fiscal calendar can be read.", ""

    def _ping_batches(self) -> tuple[str, str]:
        if self._changes_batches():
            return "Batches can be changed, made ready to post and posted.", ""
        return (
            "Warning: this Sage 300 is older than 2021. Batches are entered and stay open; bills that change in the"
            " cloud afterwards must be changed in Sage 300 by hand.",
            "Use post_mode open, or update Sage 300.",
        )

    def _changes_batches(self) -> bool:
        """Asked by a change of nothing in a batch that cannot exist: an older site does not know the verb."""
        try:
            self._client.patch(INVOICE_BATCHES, {"BatchNumber": NO_BATCH}, {"BatchNumber": NO_BATCH})
        except Rejected as error:
            return not cannot_patch(error)
        except OutcomeUnknown:
            pass
        return True

    def begin_run(self) -> None:
        """Wake the server, and raise ConfigurationError for a user without the rights. Asked every 5 minutes at most:
        the client wakes an idle server before it writes by itself."""
        key = f"{self._client.config.credentials_key}:rights:{self._client.config.identity}"
        known = self._host.store.get(key)
        if known and self._host.clock.now() - known[1] < RIGHTS_LIFE:
            return
        self._client.warm_up()
        self._ping_payables()
        self._ping_ledger()
        self._host.store.put(key, "checked")

    # --- accounts ------------------------------------------------------------------------------------

    def read_accounts(self, cursor: Cursor | None) -> Iterator[Page[Account]]:
        began, key = self._host.clock.now(), "UnformattedAccount"
        after = (cursor or {}).get("after")
        rows = self._client.rows(
            ACCOUNTS, key=key, select=mapper.ACCOUNT, filter=where(key, "gt", after) if after else ""
        )
        for chunk, last in chunks(rows, PAGE):
            records, bad = sorted_out(chunk, mapper.account, key)
            yield Page(records, {"after": None if last else chunk[-1][key]}, began if last else None, bad)

    def read_banks(self) -> list[Account]:
        """None: no payment goes to Sage 300."""
        return []

    # --- vendors -------------------------------------------------------------------------------------

    def read_vendors(self, cursor: Cursor | None) -> Iterator[Page[Vendor]]:
        return self._vendors.read(cursor)

    def get_vendor(self, key: str) -> Vendor:
        return self._vendors.get(key)

    def find_vendors(self, names: Sequence[str], since: datetime | None) -> list[Vendor]:
        return self._vendors.find(names, since)

    def create_vendor(self, draft: NewVendorDraft) -> Written:
        return self._vendors.create(draft)

    def update_vendor(self, vendor_id: str, draft: VendorDraft, changed: frozenset[str]) -> Written:
        return self._vendors.update(vendor_id, draft, changed)

    def fits(self, vendor_key: str) -> bool:
        return vendors.fits(vendor_key)

    # --- invoices ------------------------------------------------------------------------------------

    def enter_bills(self, drafts: Sequence[BillDraft], order: BatchOrder) -> list[Written]:
        return self._bills.enter(drafts, order)

    def find_batch(self, marker: str) -> list[LedgerBill] | None:
        return self._bills.find_batch(marker)

    def find_ledger_bills(self, documents: Sequence[tuple[str, str]]) -> dict[tuple[str, str], list[LedgerBill]]:
        return self._bills.find(documents)

    def read_unposted(self) -> list[LedgerBill]:
        return self._bills.unposted()

    def get_ledger_bills(self, ids: Sequence[str]) -> dict[str, LedgerBill]:
        return self._bills.get(ids)

    def change_bill(self, bill_id: str, draft: BillDraft, order: BatchOrder) -> Written:
        return self._bills.change(bill_id, draft, order)

    def remove_bill(self, bill_id: str) -> None:
        self._bills.remove(bill_id)

    def advance(self, ids: Sequence[str], order: BatchOrder) -> dict[str, Written]:
        return self._bills.advance(ids, order)

    def first_open_day(self, on: date) -> date:
        return self._periods.first_open_day(on)


_FIXES = {
    "login": "Check the base URL, the network and the firewall, and that IIS runs Sage 300's application pool.",
    "payables": "Check that Accounts Payable is activated in this company.",
    "ledger": "Check that General Ledger is activated in this company.",
    "calendar": "Try again; if it fails again, ask your Sage 300 consultant.",
    "batches": "Try again; if it fails again, ask your Sage 300 consultant.",
}
