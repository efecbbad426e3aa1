"""Vendors: read by the day of their last change, created once, changed field by field. docs: sage300 6.1"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import UTC, datetime, timedelta

from ..domain import NewVendorDraft, Vendor, VendorDraft, Written
from ..errors import BadAnswer, Duplicate, NotFound, OutcomeUnknown, Rejected
from ..ports import Cursor, Host, Page
from . import mapper
from .client import PAGE, VENDORS, Client
from .feed import Row
from .odata import Key, addressable, both, where
from .pages import chunks, sorted_out

KEY = "VendorNumber"
OVERLAP = timedelta(days=1)  # changes are stamped with the server's day, which is not ours everywhere


class Vendors:
    """A cursor is `{"since", "began", "after"}`: the day from which changes are read (absent: all), when this read
    began, and in the middle of it the vendor after which to go on."""

    def __init__(self, client: Client, host: Host) -> None:
        self._client = client
        self._host = host

    def read(self, cursor: Cursor | None) -> Iterator[Page[Vendor]]:
        cursor = cursor or {}
        since, after = cursor.get("since"), cursor.get("after")
        began = datetime.fromisoformat(cursor["began"]) if after else self._host.clock.now()
        changed = where("DateLastMaintained", "ge", datetime.fromisoformat(since).date()) if since else ""
        rows = self._rows(both(changed, where(KEY, "gt", after) if after else ""))
        for chunk, last in chunks(rows, PAGE):
            records, bad = sorted_out(chunk, mapper.vendor, KEY)
            if last:
                day = (began.astimezone(UTC) - OVERLAP).date().isoformat()
                yield Page(records, {"since": day}, began, bad)
            else:
                at = {"since": since, "began": began.isoformat(), "after": chunk[-1][KEY]}
                yield Page(records, at, None, bad)

    def get(self, number: str) -> Vendor:
        return _understood(self._client.get(VENDORS, _key(number), select=mapper.VENDOR))

    def find(self, names: Collection[str], since: datetime | None) -> list[Vendor]:
        """By name, without regard to case and spacing; no names mean all. Those changed since then, if it is given."""
        wanted = {folded(name) for name in names}
        changed = where("DateLastMaintained", "ge", (since.astimezone(UTC) - OVERLAP).date()) if since else ""
        found = (row for row in self._rows(changed) if not wanted or folded(str(row.get("VendorName") or "")) in wanted)
        return [_understood(row) for row in found]

    def _rows(self, filter: str) -> Iterator[Row]:
        return self._client.rows(VENDORS, key=KEY, filter=filter, select=mapper.VENDOR)

    def create(self, draft: NewVendorDraft) -> Written:
        """Safe to repeat: a vendor that has the number and the name already is the one. Raises Duplicate."""
        body = _sendable(draft)
        number, name = str(body[KEY]), str(body["VendorName"])
        try:
            row = self._client.create(VENDORS, body)
        except Duplicate as error:
            try:
                known = self.get(number)
            except NotFound:
                raise error from None
            if folded(known.name) != folded(name):
                message = f"Vendor number {number} belongs to {known.name} in Sage 300."
                raise Duplicate(message, ref=known.key, status=error.status, code=error.code, raw=error.raw) from None
            return Written(known.key, known.number, duplicate=True)
        stored = str(row.get(KEY) or "").strip()
        if stored.upper() != number:
            raise OutcomeUnknown(f"Sage 300 stored the vendor {number} under the number {stored or 'of nobody'}.")
        return Written(stored, stored)

    def update(self, number: str, draft: VendorDraft, changed: frozenset[str]) -> Written:
        body = mapper.vendor_changes(draft, changed)
        if body:
            self._client.patch(VENDORS, _key(number), body)
        return Written(number, number)


def fits(number: str) -> bool:
    """Whether the vendor can be changed: some characters cannot stand in a URL (docs: sage300 1)."""
    return addressable(_key(number))


def folded(name: str) -> str:
    return " ".join(name.split()).casefold()


def _key(number: str) -> Key:
    return {KEY: number}


def _sendable(draft: NewVendorDraft) -> Row:
    try:
        body = mapper.vendor_body(draft)
    except ValueError as error:
        raise Rejected(f"{error}.", reason="vendor_incomplete", field=str(error).partition(":")[0]) from None
    for name in ("GroupCode", "VendorName"):
        if name not in body:
            raise Rejected(f"A vendor of Sage 300 needs a {name}.", reason="vendor_incomplete", field=name)
    return body


def _understood(row: Row) -> Vendor:
    try:
        return mapper.vendor(row)
    except ValueError as error:
        raise BadAnswer(f"Vendor {row.get(KEY)} of Sage 300 could not be understood: {error}.") from None
