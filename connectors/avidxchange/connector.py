"""The ports that AvidXchange offers: codes, vendors, invoices with their scans, and payments of one accounting system.

Vendors go by their external code, invoices and payments by AvidXchange's own ids, codes by `"<group>|<value>"`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from ..domain import Account, BillDraft, CodeDraft, Payment, TargetBill, Vendor, VendorDraft, Written
from ..errors import BadAnswer, ConfigurationError, ConnectorError, NotFound, OutcomeUnknown, Rejected, sentence
from ..ports import BadRecord, Capabilities, ConnectionSpec, Cursor, Download, Host, Page, PingStep, nameless_key
from . import images, mapper, paths, windows
from .client import Client, Row
from .payments import Payments

T = TypeVar("T")

CODES_A_CALL = 50  # vendor codes or external ids in one filter (docs: avidxchange 6.2, 7.1)
SYSTEM_LIFE = timedelta(hours=1)  # how long the accounting system's id is believed
ANSWER_MARGIN = 5.0  # seconds after the time-out until a request can no longer take effect
DEAD = ("rejected", "void")

# Assumed lengths (docs: avidxchange 6.2, 7.1).
LIMITS = {
    "bill.number": 50,
    "bill.reference": 100,
    "bill.lines": 500,
    "vendor.name": 255,
    "vendor.reference": 100,
    "code.value": 100,
    "code.description": mapper.DESCRIPTION,
}
_PING_PATIENCE = 10.0  # seconds: somebody is waiting for the answer


class AvidXchange:
    """Safe for threads; raises the errors of `connectors.errors`.

    Ports: Connector, ReadsAccounts, ReadsVendors, WritesVendors, WritesCodes, WritesBills (without changing,
    archiving or restoring one), FindsBills, FollowsBills, WritesImages, ReadsPayments, GetsPayments.
    """

    def __init__(self, spec: ConnectionSpec, host: Host) -> None:
        self._host = host
        self._client = Client(spec, host)
        self._profile = profile = self._client.profile
        shapes = {name: resource.data for name, resource in profile.resources.items()}
        self._mapper = mapper.Mapper(shapes, ZoneInfo(profile.dates["naive_timezone"]), profile.dates["body_date"])
        self._payments = Payments(self._client, self._mapper, host)
        self._system_key = f"avidxchange:system:{self._client.config.identity}:{self._client.config.accounting_system}"
        self.ledger_group: str = profile["codes"].data["gl_group_name"]
        self.capabilities = Capabilities(
            batch={"vendor": 1, "bill": 1, "code": profile["codes"].data["import_batch_max"]},
            limits={**LIMITS, "image.bytes": profile["images"].data["max_bytes"]},
            in_flight=self._client.config.limits[0].limit,
            answer_window=self._client.config.read_timeout + ANSWER_MARGIN,
            repeatable=frozenset({"code"}),
            changes=frozenset({"vendor"}),
        )

    def close(self) -> None:
        self._client.close()

    # --- connection ------------------------------------------------------------------------------

    def ping(self) -> Iterator[PingStep]:
        self._client.patience = _PING_PATIENCE
        self._client.access.forgive()
        self._host.store.delete(self._system_key)
        steps: tuple[tuple[str, Callable[[], str], str], ...] = (
            ("login", self._ping_login, "Check the base URL, the tokens and the auth mode."),
            ("company", self._ping_company, "Check the setting accounting_system."),
            ("read", self._ping_read, "Give the connection's user the right to read vendors."),
        )
        for name, step, fix in steps:
            try:
                message = step()
            except ConnectorError as error:
                told = error if isinstance(error, ConfigurationError) else None
                yield PingStep((told and told.step) or name, False, sentence(error.message), (told and told.fix) or fix)
                return
            yield PingStep(name, True, message)

    def _ping_login(self) -> str:
        found = self._systems()
        return f"The credentials are accepted; {len(found)} accounting system(s) are there."

    def _ping_company(self) -> str:
        return f"{self._client.config.accounting_system} is accounting system {self._system()}."

    def _ping_read(self) -> str:
        found = self._client.peek(self._profile["vendors"], self._of_system("vendors"))
        return "Vendors can be read." if found else "Vendors can be read; there are none yet."

    def begin_run(self) -> None:
        """Raises ConfigurationError for an accounting system that is not there, CredentialsRefused."""
        self._system()

    def _systems(self) -> list[tuple[str, str]]:
        """Number and name of each."""
        resource = self._profile["accounting_systems"]
        return [
            (str(paths.get(row, resource.fields["id"])), str(paths.get(row, resource.fields["name"]) or ""))
            for row in self._client.rows(resource, paged=False)
        ]

    def _system(self) -> str:
        """The accounting system's id, found by its name."""
        stored = self._host.store.get(self._system_key)
        if stored and self._host.clock.now() - stored[1] < SYSTEM_LIFE:
            return stored[0]
        name, systems = self._client.config.accounting_system, self._systems()
        found = [number for number, each in systems if _folded(each) == _folded(name)]
        if len(found) != 1:
            known = ", ".join(sorted(each for _, each in systems)) or "none"
            raise ConfigurationError(
                f"AvidXchange has {len(found) or 'no'} accounting system named {name}; there are: {known}.",
                step="company",
                fix="Enter its name in the setting accounting_system as AvidXchange shows it.",
            )
        self._host.store.put(self._system_key, found[0])
        return found[0]

    def _of_system(self, resource: str) -> list[tuple[str, str]]:
        """The filter of our accounting system, where the resource has one (payments have none)."""
        name = self._profile[resource].filters.get("accounting_system_id")
        return [(name, self._system())] if name else []

    def _system_id(self) -> Any:
        number = self._system()
        return int(number) if number.isdecimal() else number

    # --- codes -----------------------------------------------------------------------------------

    def read_accounts(self, cursor: Cursor | None) -> Iterator[Page[Account]]:
        """Every code of every group, each time: what an invoice may use is what stands here now."""
        started = self._host.clock.now()
        rows = self._client.rows(self._profile["codes"], self._of_system("codes"), key=("group", "value"))
        records, bad = self._readable(rows, self._mapper.code)
        yield Page(records, cursor={"read": started.isoformat()}, as_of=started, bad=bad)

    def read_banks(self) -> list[Account]:
        """AvidXchange lists none: payments name the buyer's own numbers."""
        return []

    def import_codes(self, group: str, drafts: Sequence[CodeDraft]) -> list[Written]:
        """One import of at most 500, that leaves other codes alone. Where the profile decides rows by HTTP status one
        refused row refuses them all: Rejected."""
        resource = self._profile["codes"]
        endpoint = resource.endpoint("import", accounting_system_id=self._system())
        body = self._mapper.code_import(group, drafts)
        try:
            rows = self._once_more(lambda: self._client.write(resource, endpoint, body))
        except (ConfigurationError, NotFound) as error:
            if error.status not in (403, 404, 405, 501):
                raise
            raise ConfigurationError(
                "AvidXchange does not let this connection import codes.",
                step="permission",
                fix="Have the import enabled, or set codes_write_mode to verify or file.",
                status=error.status,
                code="import_disabled",
                raw=error.raw,
            ) from None
        if len(rows) == 1 and len(paths.listed(rows[0].item)) == len(drafts):  # one answer with a list of rows
            rows = rows * len(drafts)
        if len(rows) != len(drafts):
            raise OutcomeUnknown("AvidXchange answered an import of codes with another number of rows than were sent.")
        return [
            Written(
                id=mapper.code_key(group, draft.value),
                number=draft.value,
                details={"refused": " ".join(each.message or each.code for each in row.faults) or "refused"}
                if row.refused
                else {},
            )
            for draft, row in zip(drafts, rows, strict=True)
        ]

    # --- vendors ---------------------------------------------------------------------------------

    def read_vendors(self, cursor: Cursor | None) -> Iterator[Page[Vendor]]:
        """All of them, then those that changed, by days."""
        started = self._host.clock.now()
        for rows in self._changed("vendors", cursor, None):
            records, bad = self._readable(rows, self._mapper.vendor)
            yield Page(records, bad=bad)
        yield Page([], cursor={"through": started.date().isoformat()}, as_of=started)

    def get_vendor(self, key: str) -> Vendor:
        return self._told(self._vendor_row(key), self._mapper.vendor)

    def find_vendors(self, names: Sequence[str], since: datetime | None) -> list[Vendor]:
        wanted = {_folded(name) for name in names}
        first = {"through": since.date().isoformat()} if since else None
        rows = [row for rows in self._changed("vendors", first, None) for row in rows]
        found = [self._told(row, self._mapper.vendor) for row in rows]
        return [vendor for vendor in found if not wanted or _folded(vendor.name) in wanted]

    def create_vendors(self, drafts: Sequence[VendorDraft]) -> list[Written]:
        """One. Its id is the draft's reference. Raises Duplicate for a code that exists."""
        (draft,) = drafts
        if mapper.SEPARATOR in draft.reference:
            raise Rejected(f"A vendor's code cannot hold {mapper.SEPARATOR}: {draft.reference}.", field="reference")
        resource = self._profile["vendors"]
        body = self._mapper.new_vendor(draft, self._system_id())
        self._client.write_one(resource, resource.endpoint("create"), body)
        return [Written(draft.reference, number=draft.reference)]

    def update_vendor(self, vendor_id: str, draft: VendorDraft, changed: frozenset[str]) -> Written:
        body = self._mapper.changed_vendor(draft, changed)
        if body:
            self._once_more(lambda: self._update(vendor_id, body))
        return Written(vendor_id, number=vendor_id)

    def _update(self, vendor_id: str, body: Row) -> None:
        resource = self._profile["vendors"]
        number = self._told(self._vendor_row(vendor_id), lambda row: self._mapper.identifier("vendors", row))
        self._client.write_one(resource, resource.endpoint("update", id=number), body)

    def _vendor_row(self, code: str) -> Any:
        """Raises NotFound."""
        resource = self._profile["vendors"]
        # A comma separates codes in the filter, so that a code with one can only be searched for.
        asked = [(resource.filters["external_codes"], code)] if "," not in code else []
        for row in self._client.rows(resource, [*self._of_system("vendors"), *asked]):
            if str(paths.get(row, resource.fields["external_code"]) or "").strip() == code:
                return row
        raise NotFound(f"AvidXchange has no vendor {code}.", code="vendor_not_found")

    # --- invoices --------------------------------------------------------------------------------

    def find_bills(self, vendor_ids: Sequence[str]) -> Iterator[TargetBill]:
        for vendor_id in vendor_ids:
            yield from self._live([(self._profile["invoices"].filters["vendor_code"], vendor_id)])

    def find_bill(self, draft: BillDraft) -> list[TargetBill]:
        filters = self._profile["invoices"].filters
        found = self._live([(filters["vendor_code"], draft.vendor_id), (filters["number"], draft.number)])
        if not found and draft.reference and "," not in draft.reference:  # which separates ids
            found = self._live([(filters["external_ids"], draft.reference)])
        return found

    def _live(self, filters: Sequence[tuple[str, str]]) -> list[TargetBill]:
        rows = self._client.rows(self._profile["invoices"], [*self._of_system("invoices"), *filters])
        return [bill for bill in map(self._bill, rows) if bill.outcome not in DEAD]

    def get_bills(self, bill_ids: Sequence[str]) -> dict[str, TargetBill]:
        """A request for each."""
        found = {}
        for bill_id in bill_ids:
            try:
                found[bill_id] = self._bill(self._client.one(self._profile["invoices"], "get", bill_id))
            except NotFound:
                continue
        return found

    def read_target_bills(self, cursor: Cursor | None, start_date: date) -> Iterator[Page[TargetBill]]:
        started = self._host.clock.now()
        for rows in self._changed("invoices", cursor, start_date):
            yield Page([self._bill(row) for row in rows])
        yield Page([], cursor={"through": started.date().isoformat()}, as_of=started)

    def create_bills(self, drafts: Sequence[BillDraft]) -> list[Written]:
        """One. Raises Duplicate with the id of the invoice that has the number or the reference: whether it is this
        one is for the caller to see (docs: avidxchange 13.13)."""
        (draft,) = drafts
        resource = self._profile["invoices"]
        try:
            body = self._mapper.new_bill(draft, self._system_id())
        except ValueError as error:
            raise Rejected(f"The invoice cannot be sent: {error}.") from None
        item = self._client.write_one(resource, resource.endpoint("create"), body)
        try:
            return [Written(self._mapper.identifier("invoices", item), number=draft.number, total=draft.total)]
        except ValueError:
            raise OutcomeUnknown("AvidXchange accepted the invoice but did not tell its id.") from None

    def judge_image(self, image: Download) -> str:
        return images.problem(image, self._profile["images"].data)

    def attach_image(self, bill_id: str, image: Download, file_name: str) -> Written:
        shape = self._profile["images"]
        problem = images.problem(image, shape.data)
        if problem:
            raise Rejected(f"The scan cannot be sent: {problem}.", field="image", code="image_refused")
        body, content_type = images.body(image, file_name, shape.data)
        self._client.write_one(self._profile["invoices"], shape.endpoint("upload", id=bill_id), body, content_type)
        return Written(bill_id, number=images.content_type(image))

    def _bill(self, row: Any) -> TargetBill:
        """One that cannot be read exists all the same: to leave it out would prove an absence that is none."""
        try:
            return self._mapper.bill(row)
        except ValueError as error:
            why = f"AvidXchange's invoice cannot be read: {error}."
        return self._told(row, lambda row: self._mapper.unreadable_bill(row, why))

    # --- payments --------------------------------------------------------------------------------

    def read_payments(self, cursor: Cursor | None, start_date: date) -> Iterator[Page[Payment]]:
        """Of all accounting systems: the API filters none."""
        return self._payments.read(cursor, start_date)

    def get_payments(self, payment_ids: Sequence[str]) -> dict[str, Payment]:
        return self._payments.get(payment_ids)

    # --- parts -----------------------------------------------------------------------------------

    def _changed(self, resource: str, cursor: Cursor | None, start_date: date | None) -> Iterator[list[Any]]:
        """Rows that changed since the cursor or the start date, with the overlap of days; without either all."""
        shape, of_system = self._profile[resource], self._of_system(resource)
        limits = self._profile.windows
        if cursor:
            first = date.fromisoformat(cursor["through"]) - timedelta(days=limits["overlap_days"])
        elif start_date:
            first = start_date
        else:
            yield self._client.rows(shape, of_system)
            return
        for piece in windows.pieces(first, self._host.clock.now().date(), limits["max_days"]):
            yield self._client.rows(shape, [*of_system, *self._payments.window(*piece)])

    @staticmethod
    def _readable(rows: Sequence[Any], read: Callable[[Any], T]) -> tuple[list[T], list[BadRecord]]:
        records: list[T] = []
        bad: dict[str, BadRecord] = {}  # each key once: the outbox keeps one version of it at a time
        for row in rows:
            try:
                records.append(read(row))
            except ValueError as error:
                key = nameless_key(row)
                bad[key] = BadRecord(key=key, document="", message=str(error))
        return records, list(bad.values())

    @staticmethod
    def _told(row: Any, read: Callable[[Any], T]) -> T:
        """For answers that must be complete: one row that cannot be read fails them."""
        try:
            return read(row)
        except ValueError as error:
            raise BadAnswer(f"AvidXchange's record cannot be read: {error}.") from None

    @staticmethod
    def _once_more(write: Callable[[], T]) -> T:
        """Again after a conflict: the record changed meanwhile, and what is sent does no harm twice (5.4)."""
        try:
            return write()
        except OutcomeUnknown as error:
            if error.status != 409:
                raise
        return write()


def _folded(name: str) -> str:
    return " ".join(name.split()).casefold()
