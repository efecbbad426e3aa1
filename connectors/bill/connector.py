"""The ports that BILL offers: accounts, vendors, bills and payments of one organization."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, TypeVar

from ..domain import (
    Account,
    BillDraft,
    Payment,
    TargetBill,
    Vendor,
    VendorDraft,
    Written,
)
from ..domain import Bill as SourceBill
from ..errors import BadAnswer, ConfigurationError, ConnectorError, OutcomeUnknown, Rejected, sentence
from ..ports import BadRecord, Capabilities, ConnectionSpec, Cursor, Host, Page, PingStep
from . import client as endpoints
from . import filters, mapper
from .client import Client, Row
from .config import IN_FLIGHT, READ_TIMEOUT
from .lists import OVERLAP, ByIds, changed, row_key
from .subscriptions import Subscription, Subscriptions

T = TypeVar("T")
D = TypeVar("D")

VENDORS_A_CALL = 20
BILLS_A_CALL = 100
_DAY = timedelta(days=1)

CAPABILITIES = Capabilities(
    batch={"vendor": VENDORS_A_CALL, "bill": BILLS_A_CALL},
    limits={"bill.number": 21, "bill.description": 4000, "vendor.name": 100, "vendor.reference": 40},
    in_flight=IN_FLIGHT,
    answer_window=READ_TIMEOUT + 5,
)


class Bill:
    """One organization of BILL. Safe for threads; raises the errors of `connectors.errors`."""

    def __init__(self, spec: ConnectionSpec, host: Host) -> None:
        self._host = host
        self._client = Client(spec, host)
        self._by_ids = ByIds(self._client, host)
        self._subscriptions = Subscriptions(self._client)
        self.capabilities = replace(CAPABILITIES, answer_window=self._client.config.read_timeout + 5)

    # --- connection ------------------------------------------------------------------------------

    def ping(self) -> Iterator[PingStep]:
        client, organization = self._client, self._client.config.organization_id

        def check_organization() -> None:
            actual = client.session_info().get("organizationId")
            if actual != organization:
                raise ConfigurationError(
                    f"The session belongs to organization {actual}, not to {organization}.",
                    fix="Check organization_id in the connection's settings.",
                )

        steps: tuple[tuple[str, Callable[[], object], str, str], ...] = (
            ("reach", client.health, "BILL answers.", "Check the base URL, the network and the firewall."),
            ("login", client.sessions.sign_in, "Signed in.", "Check user name, password and developer key."),
            ("organization", check_organization, f"Organization {organization}.", "Check organization_id."),
            (
                "read",
                lambda: client.page(endpoints.VENDORS, size=1),
                "Vendors can be read.",
                "Give the user or sync token the right to read vendors.",
            ),
        )
        for name, step, done, fix in steps:
            try:
                step()
            except ConnectorError as error:
                yield PingStep(name, False, sentence(error.message), getattr(error, "fix", "") or fix)
                return
            yield PingStep(name, True, done)

    def begin_run(self) -> None:
        """Have a session before the first record, so that refused credentials stop the run and no record."""
        self._client.sessions.current()

    def close(self) -> None:
        self._client.close()

    # --- reference data --------------------------------------------------------------------------

    def read_accounts(self, cursor: Cursor | None) -> Iterator[Page[Account]]:
        """The chart of accounts."""
        yield from self._changes(endpoints.ACCOUNTS, cursor, mapper.account)

    def read_departments(self, cursor: Cursor | None) -> Iterator[Page[Account]]:
        yield from self._changes(endpoints.DEPARTMENTS, cursor, mapper.department)

    def read_locations(self, cursor: Cursor | None) -> Iterator[Page[Account]]:
        yield from self._changes(endpoints.LOCATIONS, cursor, mapper.location)

    def read_banks(self) -> list[Account]:
        """The organization's bank accounts, as payments name them in `funding_account`."""
        return self._all(self._client.rows(endpoints.BANKS), mapper.bank)

    # --- vendors ---------------------------------------------------------------------------------

    def read_vendors(self, cursor: Cursor | None) -> Iterator[Page[Vendor]]:
        """Archived vendors come as INACTIVE."""
        yield from self._changes(endpoints.VENDORS, cursor, mapper.vendor)

    def get_vendor(self, key: str) -> Vendor:
        return self._one(self._client.one(endpoints.VENDORS, _path_id(key)), mapper.vendor)

    def create_vendors(self, drafts: Sequence[VendorDraft]) -> list[Written]:
        """At most 20, all or nothing."""
        bodies = [mapper.vendor_body(draft) for draft in drafts]
        rows = [self._client.create_vendor(bodies[0])] if len(bodies) == 1 else self._client.create_vendors(bodies)
        return [_vendor_written(row) for row in _aligned(drafts, rows, _is_vendor)]

    def update_vendor(self, vendor_id: str, draft: VendorDraft, changed: frozenset[str]) -> Written:
        body = mapper.vendor_changes(draft, changed)
        if not body:
            return Written(vendor_id, number=draft.reference)
        row = self._client.update_vendor(_path_id(vendor_id), body)
        if row.get("id") != vendor_id:
            raise OutcomeUnknown("BILL answered the change of a vendor with another vendor.")
        return _vendor_written(row)

    def find_vendors(self, names: Sequence[str], since: datetime | None) -> list[Vendor]:
        """Names are compared here without regard to case and spacing; no names mean all vendors."""
        wanted = {_folded(name) for name in names}
        created = filters.since("createdTime", since - OVERLAP) if since else ""
        rows = self._client.rows(endpoints.VENDORS, filters=created)
        matching = (row for row in rows if not wanted or _folded(str(row.get("name") or "")) in wanted)
        return self._all(matching, mapper.vendor)

    # --- bills -----------------------------------------------------------------------------------

    def read_bills(self, cursor: Cursor | None, start_date: date) -> Iterator[Page[SourceBill]]:
        """Archived bills come too. No filter on the invoice's date is known: earlier ones are dropped here."""
        yield from self._changes(endpoints.BILLS, cursor, mapper.bill, lambda row: not _earlier(row, start_date))

    def get_bill(self, key: str) -> SourceBill:
        return self._one(self._client.one(endpoints.BILLS, _path_id(key)), mapper.bill)

    def find_bills(self, vendor_ids: Sequence[str]) -> Iterator[TargetBill]:
        """A bill that cannot be read comes as `unreadable`: to skip it would prove an absence that is none.

        Raises BadAnswer when not even its vendor can be read.
        """
        rows = self._by_ids.rows(endpoints.BILLS, "vendorId", vendor_ids, filters.equal("archived", False))
        for row in rows:
            bill = self._bill(row)
            if not bill.archived:
                yield bill

    def get_bills(self, bill_ids: Sequence[str]) -> dict[str, TargetBill]:
        rows = self._by_ids.rows(endpoints.BILLS, "id", bill_ids)
        return {bill.id: bill for bill in map(self._bill, rows)}

    def create_bills(self, drafts: Sequence[BillDraft]) -> list[Written]:
        """At most 100, all or nothing. Raises Duplicate for a number that the vendor has already."""
        bodies = [mapper.bill_body(draft) for draft in drafts]
        rows = [self._client.create_bill(bodies[0])] if len(bodies) == 1 else self._client.create_bills(bodies)
        return [_bill_written(row) for row in _aligned(drafts, rows, _is_bill)]

    def replace_bill(self, bill_id: str, draft: BillDraft) -> Written:
        row = self._client.replace_bill(_path_id(bill_id), mapper.bill_body(draft))
        if row.get("id") != bill_id:
            raise OutcomeUnknown("BILL answered the replacement of a bill with another bill.")
        return _bill_written(row)

    def archive_bill(self, bill_id: str) -> None:
        self._client.archive_bill(_path_id(bill_id))

    def restore_bill(self, bill_id: str) -> None:
        self._client.restore_bill(_path_id(bill_id))

    # --- payments --------------------------------------------------------------------------------

    def read_payments(self, cursor: Cursor | None, start_date: date) -> Iterator[Page[Payment]]:
        """Payments changed since the cursor; the first time since the day before `start_date`."""
        start = datetime.combine(start_date, time(), UTC) - _DAY
        yield from self._changes(endpoints.PAYMENTS, cursor or {"since": start.isoformat()}, mapper.payment)

    def read_vendor_payments(self, vendor_id: str) -> list[Payment]:
        rows = self._client.rows(endpoints.PAYMENTS, filters=filters.equal("vendorId", _path_id(vendor_id)))
        return self._all(rows, mapper.payment)

    # --- webhooks --------------------------------------------------------------------------------

    def ensure_subscription(
        self, url: str, events: Sequence[str], idempotency_key: str, existing_id: str = ""
    ) -> tuple[str, bool, str | None]:
        """Id, whether enabled, and the security key when there is a new one (see `Subscriptions.ensure`)."""
        subscription, key = self._subscriptions.ensure(url, events, idempotency_key, existing_id)
        return subscription.id, subscription.enabled, key

    def subscription_status(self, subscription_id: str) -> Subscription:
        """Raises NotFound."""
        return self._subscriptions.get(subscription_id)

    def rotate_key(self, subscription_id: str, idempotency_key: str) -> str:
        return self._subscriptions.rotate_key(subscription_id, idempotency_key)

    def enable(self, subscription_id: str) -> Subscription:
        return self._subscriptions.enable(subscription_id)

    @property
    def subscriptions(self) -> Subscriptions:
        """The remaining calls: list, delete, test event, delivery log."""
        return self._subscriptions

    # --- reading ---------------------------------------------------------------------------------

    def _changes(
        self,
        path: str,
        cursor: Cursor | None,
        read: Callable[[Row], T],
        keep: Callable[[Row], bool] = lambda row: True,
    ) -> Iterator[Page[T]]:
        """A cursor is `{"since", "passed"}`: the newest change read, and when the last complete pass began.

        Older cursors have no `passed`, nor has one in the middle of a first pass.
        """
        since, passed = (_moment(cursor, name) for name in ("since", "passed"))
        started, began = self._host.clock.now(), None
        for chunk in changed(self._client, path, since, passed):
            # By the slower of the two clocks: to read too much is only slow.
            began = began or min(started, self._client.told_at or started)
            passed = began if chunk.last else passed
            records: list[T] = []
            bad: dict[str, BadRecord] = {}  # each key once: the outbox keeps one version of it at a time
            for row in chunk.rows:
                try:
                    if not isinstance(row, dict):
                        raise ValueError("an object expected")
                    if keep(row):
                        records.append(read(row))
                except ValueError as error:
                    bad[row_key(row)] = _bad(row, str(error))
            yield Page(
                records,
                cursor=_cursor(chunk.since, passed),
                as_of=started if chunk.last else None,
                bad=list(bad.values()),
            )

    def _all(self, rows: Iterator[Row], read: Callable[[Row], T]) -> list[T]:
        """For answers that must be complete: one row that cannot be read fails them."""
        return [self._one(row, read) for row in rows]

    def _bill(self, row: Row) -> TargetBill:
        try:
            return mapper.target_bill(row)
        except ValueError as error:
            why = f"BILL's bill {row.get('id')} cannot be read: {error}."
        return self._one(row, lambda row: mapper.unreadable_bill(row, why))

    @staticmethod
    def _one(row: Row, read: Callable[[Row], T]) -> T:
        try:
            return read(row)
        except ValueError as error:
            raise BadAnswer(f"BILL's record {row.get('id')} cannot be read: {error}.") from None


def _moment(cursor: Cursor | None, name: str) -> datetime | None:
    text = (cursor or {}).get(name)
    return datetime.fromisoformat(text) if text else None


def _cursor(since: datetime | None, passed: datetime | None) -> Cursor | None:
    if since is None:
        return None
    return {"since": since.isoformat(), **({"passed": passed.isoformat()} if passed else {})}


def _bad(row: Any, message: str) -> BadRecord:
    """`raw` names the members and no values: bank and tax numbers are among them."""
    known = row if isinstance(row, dict) else {}
    document = next((known[name] for name in ("transactionNumber", "name") if isinstance(known.get(name), str)), "")
    return BadRecord(key=row_key(row), document=document, message=message, raw=", ".join(sorted(known)))


def _earlier(row: Row, start_date: date) -> bool:
    """Raises ValueError for a date that cannot be read."""
    dated = mapper.invoice_date(row)
    return dated is not None and dated < start_date


def _path_id(text: str) -> str:
    if not filters.is_id(text):
        raise Rejected(f"{text!r} cannot be an id of BILL's.")
    return text


def _folded(name: str) -> str:
    return " ".join(name.split()).casefold()


def _aligned(drafts: Sequence[D], rows: Sequence[Row], same: Callable[[D, Row], bool]) -> list[Row]:
    """The answer's rows in the order of the request, recognised by what they say and not by their place.

    Raises OutcomeUnknown when they are not exactly what was asked for.
    """
    left = list(rows)
    found = []
    for draft in drafts:
        row = next((row for row in left if same(draft, row)), None)
        if row is None or not isinstance(row.get("id"), str) or not row["id"]:
            raise OutcomeUnknown("BILL accepted the request but answered with other records than it was sent.")
        left.remove(row)
        found.append(row)
    if left:
        raise OutcomeUnknown("BILL accepted the request but answered with more records than it was sent.")
    return found


def _is_vendor(draft: VendorDraft, row: Row) -> bool:
    return _folded(str(row.get("name"))) == _folded(draft.name) and row.get("shortName", draft.reference) in (
        draft.reference,
        None,
    )


def _is_bill(draft: BillDraft, row: Row) -> bool:
    invoice = row.get("invoice")
    number = invoice.get("invoiceNumber") if isinstance(invoice, dict) else None
    return row.get("vendorId") == draft.vendor_id and number == draft.number


def _vendor_written(row: Row) -> Written:
    return Written(row["id"], number=str(row.get("shortName") or ""))


def _bill_written(row: Row) -> Written:
    """Raises OutcomeUnknown for an answer that cannot be read: the bill exists then."""
    try:
        bill = mapper.target_bill(row)
    except ValueError as error:
        raise OutcomeUnknown(f"BILL wrote the bill but its answer cannot be read: {error}.") from None
    return Written(bill.id, number=bill.number, total=bill.total)
