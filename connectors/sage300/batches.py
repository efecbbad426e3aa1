"""A/P invoice batches: reading them, changing their entries and status, and finding what posting moved.

docs: sage300 7.1, 7.2, 7.6, 15b
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from ..errors import BadAnswer, NotFound, Rejected
from . import documents
from .client import INVOICE_BATCHES, Client
from .documents import DELETED, OPEN, READY, Batch, Entry, Place
from .feed import Row
from .odata import either, where
from .refusals import NO_VERB

KEY = "BatchNumber"
_UNPOSTED = either(where("BatchStatus", "eq", OPEN), where("BatchStatus", "eq", READY))


class Batches:
    def __init__(self, client: Client) -> None:
        self._client = client

    # --- reading -----------------------------------------------------------------------------------

    def one(self, number: int) -> Batch | None:
        """None for a batch that was never there, was deleted or left with the history."""
        return self._get(number, documents.BATCH)

    def again(self, batch: Batch) -> Batch | None:
        """How far it is now, with the entries that are known: they are what makes a batch heavy."""
        now = self._get(batch.number, documents.HEADER)
        return replace(now, entries=batch.entries) if now else None

    def _get(self, number: int, select: Sequence[str]) -> Batch | None:
        try:
            found = parsed(self._client.get(INVOICE_BATCHES, {KEY: number}, select=select))
        except NotFound:
            return None
        return None if found.status == DELETED else found

    def marked(self, marker: str) -> list[Batch]:
        """Those with this description: the one we entered, and what posting threw out of it [assumed]."""
        return self._list(where("Description", "eq", marker))

    def unposted(self) -> list[Batch]:
        """One list: there is no other way to see entries that are not posted (docs: sage300 7.5)."""
        return self._list(_UNPOSTED)

    def _list(self, filter: str) -> list[Batch]:
        rows = self._client.rows(INVOICE_BATCHES, key=KEY, filter=filter, select=documents.BATCH)
        return [found for found in map(parsed, rows) if found.status != DELETED]

    # --- writing -----------------------------------------------------------------------------------

    def set_status(self, number: int, status: str) -> None:
        self._patch(number, {"BatchStatus": status})

    def edit(self, number: int, entries: Sequence[Row]) -> None:
        """Change entries of an open batch, each by its UpdateOperation."""
        self._patch(number, {"Invoices": list(entries)})

    def remove(self, number: int, entries: Iterable[Entry]) -> None:
        self.edit(number, [{"EntryNumber": each.place[1], "UpdateOperation": "Delete"} for each in entries])

    def _patch(self, number: int, body: Row) -> None:
        """Raises Rejected with the code MethodNotAllowed on a site before Sage 300 2021."""
        try:
            self._client.patch(INVOICE_BATCHES, {KEY: number}, body)
        except Rejected as error:
            if not cannot_patch(error):
                raise
            raise Rejected(
                f"This Sage 300 is older than 2021: its Web API cannot change batch {number}. Change it in Sage 300.",
                status=error.status,
                code=NO_VERB,
                raw=error.raw,
            ) from None


def cannot_patch(error: Rejected) -> bool:
    return error.status == 405 or error.code == NO_VERB


def parsed(row: Row) -> Batch:
    """Raises BadAnswer."""
    try:
        return documents.batch(row)
    except ValueError as error:
        raise BadAnswer(f"Batch {row.get(KEY)} of Sage 300 could not be understood: {error}.") from None


class Search:
    """Where entries stand now. Each batch and list is read once, so one lasts for one call only."""

    def __init__(self, batches: Batches, read: Iterable[Batch] = ()) -> None:
        self._batches = batches
        self._known: dict[int, Batch | None] = {each.number: each for each in read}
        self._marked: dict[str, list[Batch]] = {}
        self._unposted: list[Batch] | None = None

    def batch(self, number: int) -> Batch | None:
        if number not in self._known:
            self._known[number] = self._batches.one(number)
        return self._known[number]

    def entry(self, place: Place, known: Entry | None = None) -> tuple[Batch, Entry] | None:
        """The entry that once had this place, followed through batches of errors; None for one that is gone.

        `known`: the entry as it was there, for sites whose posted batches list none any more.
        """
        batch = self.batch(place[0])
        if batch is None:
            return None
        entry = batch.entry(place[1])
        if batch.status == documents.POSTED and batch.errors:
            thrown = self._thrown_out(batch, place, entry or known)
            if thrown:
                batch, now = self.entry(thrown.place) or (batch, None)
                return (batch, replace(now, origin=now.origin or place)) if now else None
        return (batch, entry) if entry else None

    def _thrown_out(self, origin: Batch, place: Place, entry: Entry | None) -> Entry | None:
        """Entries point back to where they came from; a document's number is its vendor's only one."""
        for later in self._later(origin):
            for each in later.entries:
                if each.origin == place or (entry and each.document == entry.document):
                    return each
        return None

    def _later(self, origin: Batch) -> Iterator[Batch]:
        """Newer batches that may hold what the posting of this one threw out; the likely ones first."""
        if origin.marker:
            if origin.marker not in self._marked:
                self._marked[origin.marker] = self._remembered(self._batches.marked(origin.marker))
            alike = [each for each in self._marked[origin.marker] if each.number > origin.number]
            yield from alike
            origins = [each.origin[0] for later in alike for each in later.entries if each.origin]
            if origins.count(origin.number) >= origin.errors:  # all of them: the long list need not be read
                return
        if self._unposted is None:
            self._unposted = self._remembered(self._batches.unposted())
        yield from (each for each in self._unposted if each.number > origin.number)

    def _remembered(self, found: list[Batch]) -> list[Batch]:
        self._known |= {each.number: each for each in found}
        return found
