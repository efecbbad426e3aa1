"""Which invoices a run reads, and what of them is staged."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from connectors.domain import Bill, OpenBill
from connectors.errors import BadAnswer, NotFound, Rejected
from connectors.ports import Cursor, Page
from integrations.engine.codec import decode
from integrations.engine.vocabulary import Staged, Stream
from integrations.models import Delivery, Link
from integrations.models.delivery import UNREADABLE, UNSENT

from . import bill_changes, documents

if TYPE_CHECKING:
    from .bills import BillsFlow

CHECKED = 100  # sent bills looked at in a run that reads changes only


class Reading:
    """For one run: the changed invoices, and the open items in full or in turn."""

    def __init__(self, flow: BillsFlow) -> None:
        self.flow = flow
        self.context = flow.context

    def streams(self) -> Iterable[Stream]:
        yield Stream("bills", self._read, self._absorb)
        if self.context.full:
            self._swept_from = self.context.now()
            self._seen_waiting: set[str] = set()
            yield Stream(
                "open items", self._read_open, self._absorb_open, after=self._absorb_gone, counts=False, once=True
            )
        elif self.flow.record_type in self.context.reader.capabilities.unstamped:
            yield Stream("sent bills", self._read_sent, self._absorb_sent, counts=False, once=True)

    def _read(self, cursor: Cursor | None) -> Iterator[Page[Bill]]:
        pages: Iterator[Page[Bill]] = self.context.reader.read_bills(cursor, self.context.integration.start_date)
        return pages

    def _read_open(self, cursor: Cursor | None) -> Iterator[Page[OpenBill]]:
        pages: Iterator[Page[OpenBill]] = self.context.reader.read_open_bills()
        return pages

    def _read_sent(self, cursor: Cursor | None) -> Iterator[Page[OpenBill]]:
        """Those that nobody looked at for longest: between two full reads each is looked at, one request a run."""
        links = Link.objects.filter(flow=self.context.flow, closed=False).order_by("seen_at", "pk")
        keys = list(links.values_list("source_key", flat=True)[:CHECKED])
        if keys:
            whole = dict.fromkeys(documents.whole_key(self.context, key) for key in keys)
            found = self.context.reader.check_bills(list(whole))
            self._looked_at(keys)  # what cannot be read included, or it would stand first in the queue for ever
            yield Page(found)

    def _absorb_sent(self, bills: Sequence[OpenBill]) -> Iterable[Staged]:
        bills = documents.in_form(self.context, bills)
        links = self.context.links().get(bill.key for bill in bills)
        sent = [bill for bill in bills if bill.key in links]
        return self._absorb(self._fetch([bill.key for bill in sent if self._stale(bill, links[bill.key])]))

    def _looked_at(self, keys: Iterable[str]) -> None:
        if not self.context.preview:
            Link.objects.filter(flow=self.context.flow, source_key__in=list(keys)).update(seen_at=self.context.now())

    @staticmethod
    def _stale(bill: OpenBill, link: Link) -> bool:
        return link.seen != bill_changes.seen_of(bill)

    def _absorb(self, bills: Sequence[Bill]) -> Iterable[Staged]:
        """In scope is what is payable, and whatever was sent before. Asks for the vendors of new ones."""
        chosen = documents.in_form(self.context, bills)
        linked = self.context.links().get(bill.key for bill in chosen)
        fresh = [bill for bill in chosen if bill.payable and bill.key not in linked]
        self._demand_vendors(fresh)
        staged = [stage(bill, gone=not bill.payable) for bill in chosen]
        return staged + [stage(bill, gone=True) for bill in documents.other_form(bills, chosen)]

    def _demand_vendors(self, bills: Sequence[Bill]) -> None:
        wanted = {bill.vendor_key for bill in bills}
        missing = wanted - self.context.links("vendors").get(wanted).keys()
        if missing:
            self.context.demand("vendors", missing)

    def _absorb_open(self, bills: Sequence[OpenBill]) -> Iterable[Staged]:
        """Holds and payment selections move no stamp: compare what each open item says with what we know."""
        bills = documents.in_form(self.context, bills)
        keys = [bill.key for bill in bills]
        links = self.context.links().get(keys)
        waiting = self._waiting(keys)
        self._seen_waiting |= waiting.keys()
        self._looked_at(keys)
        changed = []
        for bill in bills:
            link, payload = links.get(bill.key), waiting.get(bill.key)
            if link is not None:
                stale = self._stale(bill, link)
            elif payload is not None:
                stale = bill_changes.seen_of(decode(Bill, payload)) != bill_changes.seen_of(bill)
            else:
                in_scope = bill.dated and bill.dated >= self.context.integration.start_date
                stale = bool(bill.payable and in_scope)
            if stale:
                changed.append(bill.key)
        return self._absorb(self._fetch(changed))

    def _absorb_gone(self) -> Iterable[Staged]:
        """Invoices sent or waiting that are no longer open items: paid, or no longer there at all."""
        gone = Link.objects.filter(flow=self.context.flow, closed=False, seen_at__lt=self._swept_from)
        waiting = Delivery.objects.filter(flow=self.context.flow, state__in=UNSENT).exclude(action=UNREADABLE)
        keys = set(waiting.values_list("key", flat=True)) - self._seen_waiting
        return self._absorb(self._fetch(sorted(keys | set(gone.values_list("source_key", flat=True)))))

    def _fetch(self, keys: Sequence[str]) -> list[Bill]:
        found = []
        asked: dict[str, list[str]] = defaultdict(list)
        for key in keys:
            asked[documents.whole_key(self.context, key)].append(key)
        for key, parts in asked.items():
            try:
                found.append(self.context.reader.get_bill(key))
            except NotFound:
                found += [each for part in parts for each in self._vanished(part)]
            except (Rejected, BadAnswer) as error:  # one that cannot be read stops nobody else
                self.context.report(
                    "unreadable",
                    record_type=self.flow.record_type,
                    source_key=key,
                    outcome="failed",
                    message=error.message,
                )
        return found

    def _vanished(self, key: str) -> list[Bill]:
        """The ledger no longer knows it: its last known version, with nothing owed."""
        known = Delivery.objects.filter(flow=self.context.flow, key=key).exclude(action=UNREADABLE)
        last = known.order_by("-version").first()
        return [] if last is None else [dataclasses.replace(decode(Bill, last.payload), balance=Decimal(0), blocked=())]

    def _waiting(self, keys: Sequence[str]) -> dict[str, str]:
        rows = Delivery.objects.filter(flow=self.context.flow, key__in=keys, state__in=UNSENT)
        rows = rows.exclude(action=UNREADABLE)
        return dict(rows.values_list("key", "payload"))


def stage(bill: Bill, *, gone: bool) -> Staged:
    return Staged(
        key=bill.key,
        document=bill.number or bill.ledger_number,
        record=bill,
        group=bill.vendor_key,
        amount=bill.balance,
        currency=bill.currency,
        due_date=bill.due_date,
        gone=gone,
    )
