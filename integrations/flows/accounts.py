"""Reference data of both sides: what the mapping tables choose from and what is checked before a bill goes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, ClassVar

from connectors.errors import BadAnswer, ConfigurationError, CredentialsRefused, Rejected
from connectors.ports import Cursor, Page
from integrations.engine.vocabulary import Decision, Item, Staged, Stream
from integrations.models import ReferenceKind

from .base import Policy, nothing


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
                    read=self._reader(side),
                    absorb=self._absorber(side, ReferenceKind.BANK),
                    counts=False,
                    once=True,
                )
        yield Stream("mappings", nothing, lambda records: (), after=self.resolve_mappings, once=True)

    def plan(self, items: Sequence[Item]) -> Iterable[tuple[Item, Decision]]:
        return ()

    def _reader(self, side: str) -> Callable[[Cursor | None], Iterator[Page[Any]]]:
        """Banks are a convenience: a user without the right to list them can still map them by id."""

        def read(cursor: Cursor | None) -> Iterator[Page[Any]]:
            try:
                yield Page(self.context.side(side).read_banks())
            except CredentialsRefused:
                raise
            except (ConfigurationError, Rejected, BadAnswer) as error:
                self.context.report(
                    "unreadable", record_type="bank", outcome="skipped", message=f"Banks not read: {error.message}"
                )

        return read

    def _absorber(self, side: str, kind: ReferenceKind) -> Callable[[Sequence[Any]], Iterable[Staged]]:
        book = self.context.references(side)

        def absorb(records: Sequence[Any]) -> Iterable[Staged]:
            self.context.reference_changes += book.absorb(kind, records, now=self.context.now())
            return ()

        return absorb
