"""Taking a batch of ours further: ready to post, posted, and what came of it. docs: sage300 7.6

A success of the posting process proves nothing: the batch is read back. Nothing but the one batch is ever posted.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from ..domain import EntryState, PostMode
from ..errors import BadAnswer, ConnectorError, Rejected, sentence
from ..ports import Host
from . import documents
from .batches import Batches, Search, cannot_patch
from .client import POST_INVOICES, POSTING_ERRORS, Client
from .documents import OPEN, READY, Batch, Entry
from .feed import Row
from .fields import number, text
from .odata import where

ONE_BATCH = "Donotpostallbatches"
ECHOED = ("ActionSelector", "UpdateOperation")  # of the template, as a live client sends them back
TEMPLATE_LIFE = timedelta(days=1)
PAUSES = (1.0, 2.0, 4.0, 8.0, 15.0)  # seconds between looks at a batch that is being posted

_UNTOLD = "Posting threw the entry out; the reason is in Sage 300's posting error report."


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a batch was taken. `refused`: why Sage took it no further, `reason` its code; `warning`: what kept us
    from asking, which passes or which the site cannot do."""

    batch: Batch
    refused: str = ""
    reason: str = ""
    warning: str = ""


class Posting:
    def __init__(self, client: Client, host: Host, batches: Batches) -> None:
        self._client = client
        self._host = host
        self._batches = batches

    def advance(self, batch: Batch, mode: PostMode) -> Progress:
        """As far as `mode` says. Raises nothing: the entries are in Sage, whatever becomes of this."""
        try:
            return self._advance(batch, mode)
        except ConnectorError as error:
            now = self._read_again(batch)
            if _far_enough(now, mode):
                return Progress(now)
            if not isinstance(error, Rejected):
                return Progress(now, warning=sentence(error.message))
            if cannot_patch(error):
                return Progress(now, warning=f"{sentence(error.message)} The batch stays open.")
            return Progress(now, refused=sentence(error.message), reason=error.reason)

    def _advance(self, batch: Batch, mode: PostMode) -> Progress:
        if mode is not PostMode.OPEN and batch.status == OPEN:
            self._batches.set_status(batch.number, READY)
            batch = self._current(batch)
            if batch.status == OPEN:
                return Progress(batch, warning=f"Sage 300 took the order but left batch {batch.number} open.")
        if mode is PostMode.POST and batch.status == READY:
            self._process(batch.number)
            batch = self._settled(batch)
            if batch.status == READY:
                return Progress(
                    batch,
                    refused=(
                        f"Sage 300 left batch {batch.number} unposted: somebody works in it, or the option Force"
                        " Listing of Batches wants it printed first."
                    ),
                )
        return Progress(batch)

    def _read_again(self, batch: Batch) -> Batch:
        try:
            return self._settled(batch)
        except ConnectorError:
            return batch

    def _settled(self, batch: Batch) -> Batch:
        """Read back; one that is being posted is waited for a little."""
        for pause in PAUSES:
            now = self._current(batch)
            if now.status != documents.POSTING:
                return now
            self._host.clock.sleep(pause)
        return self._current(batch)

    def _current(self, batch: Batch) -> Batch:
        found = self._batches.again(batch)
        if found is None:
            raise BadAnswer(f"Batch {batch.number} is not in Sage 300 any more.")
        return found

    # --- the process ---------------------------------------------------------------------------------

    def _process(self, number: int) -> None:
        body = {"ProcessAllBatches": ONE_BATCH, "FromBatch": number, "ToBatch": number}
        self._client.process(POST_INVOICES, {**body, **self._echoed()})

    def _echoed(self) -> Row:
        """What the site's template holds besides; read once a day."""
        key = f"sage300:{self._client.config.identity}:post-template"
        stored = self._host.store.get(key)
        if stored and self._host.clock.now() - stored[1] < TEMPLATE_LIFE:
            echoed: Row = json.loads(stored[0])
            return echoed
        try:
            template = self._client.template(POST_INVOICES)
        except (BadAnswer, Rejected):
            template = {}
        echoed = {name: template[name] for name in ECHOED if isinstance(template.get(name), str | int)}
        self._host.store.put(key, json.dumps(echoed))
        return echoed

    # --- why entries were thrown out -------------------------------------------------------------------

    def reasons(self, entries: Iterable[tuple[Batch, Entry]], search: Search) -> dict[documents.Place, str]:
        """Sage's own words, by the place where the entry stands now, for those that are refused."""
        found: dict[documents.Place, str] = {}
        told: dict[int, list[Row]] = {}
        for batch, entry in entries:
            if entry.origin is None or documents.state(batch, entry) is not EntryState.REFUSED:
                continue
            number = entry.origin[0]
            if number not in told:
                told[number] = self._messages(number, search)
            found[entry.place] = " ".join(_texts(told[number], entry)) or _UNTOLD
        return found

    def _messages(self, origin: int, search: Search) -> list[Row]:
        """Of the posting of one batch. The names are in no document: a site with others tells no reason [assumed],
        and what cannot be read now must not hide where the entries are."""
        key = ("PostingSequenceNumber", "ErrorSequenceNumber")
        try:
            batch = search.batch(origin)
            if batch is None:
                return []
            return list(self._client.rows(POSTING_ERRORS, key=key, filter=where(key[0], "eq", batch.sequence)))
        except ConnectorError:
            return []


def _texts(rows: Iterable[Row], entry: Entry) -> list[str]:
    """The messages about this entry: those that name its document, or else its place."""
    named, placed = [], []
    for row in rows:
        try:
            about = documents.document(text(row, "VendorNumber"), text(row, "DocumentNumber"))
            place = (number(row, "BatchNumber"), number(row, "EntryNumber"))
            message = " ".join(text(row, "Message").split())
        except ValueError:
            continue
        if message and about == entry.document:
            named.append(sentence(message))
        elif message and place in (entry.place, entry.origin):
            placed.append(sentence(message))
    return list(dict.fromkeys(named or placed))


def _far_enough(batch: Batch, mode: PostMode) -> bool:
    further = {PostMode.OPEN: (), PostMode.READY: (READY,), PostMode.POST: ()}[mode]
    return batch.status in (*further, documents.POSTING, documents.POSTED)
