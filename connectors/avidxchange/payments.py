"""Payments, read by days of their last change and never written. docs: avidxchange 9.1, 9.4

A cursor is `{"through", "seen"}`: the UTC day of the last complete reading, and what the rows that the next reading
will meet again looked like, so that an unchanged payment costs neither a request for its details nor a record.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from ..domain import Payment
from ..errors import BadAnswer, NotFound
from ..ports import BadRecord, Cursor, Host, Page, nameless_key
from . import windows
from .client import Client, Row
from .mapper import Mapper

IDS_A_CALL = 50
PAGE = 100  # records handed on at a time
_DAY = timedelta(days=1)


class Payments:
    def __init__(self, client: Client, mapper: Mapper, host: Host) -> None:
        self._client = client
        self._mapper = mapper
        self._host = host
        self._resource = client.profile["payments"]

    def read(self, cursor: Cursor | None, start_date: date) -> Iterator[Page[Payment]]:
        """Payments that changed since the cursor, or since `start_date`, oldest days first, by id within them.

        The cursor moves with the last page alone: a reading that broke off begins again.
        """
        profile, now = self._client.profile, self._host.clock.now()
        overlap, today = profile.windows["overlap_days"] * _DAY, now.date()
        before: dict[str, str] = (cursor or {}).get("seen", {})
        through = date.fromisoformat(cursor["through"]) if cursor else None
        first = through - overlap if through else start_date
        seen: dict[str, str] = {}
        for piece in windows.pieces(first, today, profile.windows["max_days"]):
            fresh = []
            for row in self._sorted(self._client.rows(self._resource, self.window(*piece))):
                key, look, changed_on = self._look(row)
                if not look or before.get(key) != look:
                    fresh.append(row)
                if look and (changed_on is None or changed_on >= today - overlap):
                    seen[key] = look
            for at in range(0, len(fresh), PAGE):
                records, bad = self._records(fresh[at : at + PAGE])
                for each in bad:  # to be met again as if it were new
                    seen.pop(each.key, None)
                yield Page(records, bad=bad)
        yield Page([], cursor={"through": today.isoformat(), "seen": seen}, as_of=now)

    def get(self, payment_ids: Sequence[str]) -> dict[str, Payment]:
        """Raises BadAnswer for one that cannot be read: it would pass for unknown."""
        found: dict[str, Payment] = {}
        name = self._resource.filters["payment_ids"]
        for at in range(0, len(payment_ids), IDS_A_CALL):
            wanted = list(payment_ids[at : at + IDS_A_CALL])
            rows = self._client.rows(self._resource, [(name, ",".join(wanted))])
            records, bad = self._records(self._sorted(rows))
            if bad:
                raise BadAnswer(f"AvidXchange's payment {bad[0].document} cannot be read: {bad[0].message}")
            found |= {record.key: record for record in records if record.key in wanted}
        return found

    def window(self, first: date, last: date) -> list[tuple[str, str]]:
        query, written = self._client.profile.query, self._client.profile.dates["query"]
        return [(query["modified_from"], first.strftime(written)), (query["modified_to"], last.strftime(written))]

    def _sorted(self, rows: Iterable[Any]) -> list[Any]:
        """No order is promised (docs: avidxchange 5.2): by id, as numbers where they are."""
        return sorted(rows, key=lambda row: (len(self._key(row)), self._key(row)))

    def _key(self, row: Any) -> str:
        try:
            return self._mapper.identifier("payments", row)
        except ValueError:
            return nameless_key(row)

    def _look(self, row: Any) -> tuple[str, str, date | None]:
        """Key, what the row says however it spells it ("" where it cannot be read), and the day of its last change."""
        try:
            payment = self._mapper.payment(row)
        except ValueError:
            return self._key(row), "", None
        changed = payment.changed_at.replace(microsecond=0) if payment.changed_at else None
        look = hashlib.sha256(repr(replace(payment, changed_at=changed)).encode()).hexdigest()[:16]
        return payment.key, look, changed.date() if changed else None

    def _records(self, rows: Iterable[Any]) -> tuple[list[Payment], list[BadRecord]]:
        records: list[Payment] = []
        bad: dict[str, BadRecord] = {}
        for row in rows:
            key = self._key(row)
            try:
                records.append(self._mapper.payment(self._detailed(row)))
            except (ValueError, NotFound) as error:
                members = ", ".join(sorted(row)) if isinstance(row, dict) else ""
                bad[key] = BadRecord(key=key, document=key, message=str(error), raw=members)
        return records, list(bad.values())

    def _detailed(self, row: Any) -> Row:
        """Lists may leave remittances and cards out (docs: avidxchange 9.1)."""
        if not isinstance(row, dict):
            raise ValueError("an object expected")
        if self._mapper.is_whole(row):
            return row
        return self._client.one(self._resource, "get", self._mapper.identifier("payments", row))
