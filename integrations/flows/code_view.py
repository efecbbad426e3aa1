"""What the target shows of its coding lists: the truth before an invoice goes. Accepted is not applied."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from typing import Any

from connectors.domain import Account, CodeDraft
from connectors.ports import Cursor, Page
from integrations.engine.books import Row
from integrations.engine.codec import decode
from integrations.engine.vocabulary import Staged, Stream
from integrations.models import Link, ReferenceKind

from .base import Policy

CODES = "accounts"  # the flow that hands codes over
VISIBLE_WITHIN = timedelta(seconds=90)  # [assumed] an import shows after 60 seconds at most (docs: avidxchange 8)


class CodeView:
    """Read whole each time: it tells of no changes, and what it leaves out is no longer usable."""

    def __init__(self, flow: Policy) -> None:
        self.context = flow.context
        self._told: set[str] = set()

    def stream(self) -> Stream:
        return Stream("codes there", self.read, self.absorb, after=self.finish, counts=False, once=True)

    def read(self, cursor: Cursor | None) -> Iterator[Page[Account]]:
        self._told = set()
        pages: Iterator[Page[Account]] = self.context.side("target").read_accounts(None)
        for page in pages:
            yield Page(page.records, bad=page.bad)

    def absorb(self, codes: Sequence[Account]) -> Iterable[Staged]:
        self._told |= {code.key for code in codes}
        book = self.context.references("target")
        self.context.reference_changes += book.absorb(ReferenceKind.ACCOUNT, codes, now=self.context.now())
        return ()

    def finish(self) -> Iterable[Staged]:
        book = self.context.references("target")
        self.context.reference_changes += book.keep_only(ReferenceKind.ACCOUNT, self._told)
        self._confirm()
        return ()

    def refresh(self) -> None:
        """Read it now, between two deliveries."""
        for page in self.read(None):
            self.absorb(page.records)
        self.finish()

    def row(self, key: str) -> Row | None:
        return self.rows().get(key)

    def rows(self) -> dict[str, Row]:
        return self.context.references("target").all(ReferenceKind.ACCOUNT)

    def shows(self, key: str) -> bool:
        """Whether invoices may use the code."""
        row = self.row(key)
        return row is not None and row.active

    # --- what was handed over and does not show yet ------------------------------------------------

    def _unconfirmed(self) -> Any:
        return Link.objects.filter(flow=self.context.sibling(CODES), state=Link.State.ENTERED)

    def awaited(self) -> bool:
        return bool(self._unconfirmed().exists())

    def coming(self, keys: Iterable[str]) -> bool:
        """Whether every one of these codes was handed over so lately that it may still show."""
        wanted = set(keys)
        lately = self._unconfirmed().filter(source_key__in=wanted, delivered_at__gt=self.context.now() - VISIBLE_WITHIN)
        return bool(wanted) and lately.count() == len(wanted)

    def promised(self, key: str) -> bool:
        """In a preview: the code would be handed over before the invoice."""
        return self.context.preview and key in self.context.links(CODES).get([key])

    def _confirm(self) -> None:
        if self.context.preview:
            return
        seen = [
            link.pk
            for link in self._unconfirmed().only("pk", "source_key", "draft")
            if self.shows(link.source_key) == decode(CodeDraft, link.draft).active
        ]
        for start in range(0, len(seen), 500):
            Link.objects.filter(pk__in=seen[start : start + 500]).update(state=Link.State.ACTIVE)
