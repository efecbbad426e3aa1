"""Reference data of both sides: what the mapping tables choose from and what is checked before a bill goes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, ClassVar

from connectors.domain import Account
from connectors.ports import Cursor, Page
from integrations.engine.vocabulary import Decision, Item, Staged, Stream
from integrations.mapping.resolve import resolve
from integrations.models import ReferenceKind

from .base import Policy


class AccountsFlow(Policy):
    record_type: ClassVar[str] = "account"

    def streams(self) -> Iterable[Stream]:
        for side in ("source", "target"):
            yield Stream(
                f"{side} accounts",
                read=self.context.side(side).read_accounts,
                absorb=self._absorber(side, ReferenceKind.ACCOUNT),
            )
        if self.context.full:
            for side in ("source", "target"):
                yield Stream(
                    f"{side} banks",
                    read=self._reader(self.context.side(side).read_banks),
                    absorb=self._absorber(side, ReferenceKind.BANK),
                    counts=False,
                    once=True,
                )
        yield Stream("mappings", read=_nothing, absorb=lambda records: (), after=self._resolve, once=True)

    def plan(self, items: Sequence[Item]) -> Iterable[tuple[Item, Decision]]:
        return ()

    def _reader(self, function: Callable[[], list[Account]]) -> Callable[[Cursor | None], Iterator[Page[Any]]]:
        return lambda cursor: iter([Page(function())])

    def _absorber(self, side: str, kind: ReferenceKind) -> Callable[[Sequence[Any]], Iterable[Staged]]:
        book = self.context.references(side)

        def absorb(records: Sequence[Any]) -> Iterable[Staged]:
            self.context.reference_changes += book.absorb(kind, records, now=self.context.now())
            return ()

        return absorb

    def _resolve(self) -> Iterable[Staged]:
        """Find what the mapping rows mean, now that both sides' reference data is here."""
        if not self.context.preview:
            resolve(self.context.integration)
            self.context.forget_mapping()
        return ()


def _nothing(cursor: Cursor | None) -> Iterator[Page[Any]]:
    return iter(())
