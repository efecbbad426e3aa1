"""Reference data of both sides: what the mapping tables choose from and what is checked before a bill goes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, ClassVar

from connectors.errors import BadAnswer, ConfigurationError, CredentialsRefused, Rejected
from connectors.ports import Cursor, Page
from integrations.engine.vocabulary import Decision, Item, Staged, Stream
from integrations.models import ReferenceKind

from .base import Policy, nothing

_PAGES: dict[ReferenceKind, Callable[[Any], Iterable[Page[Any]]]] = {
    ReferenceKind.BANK: lambda connector: [Page(connector.read_banks())],
    ReferenceKind.DEPARTMENT: lambda connector: connector.read_departments(None),
    ReferenceKind.LOCATION: lambda connector: connector.read_locations(None),
}


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
            for side, kind in self._lists():
                yield Stream(
                    f"{side} {kind}s",
                    read=self._reader(side, kind),
                    absorb=self._absorber(side, kind),
                    counts=False,
                    once=True,
                )
        yield Stream("mappings", nothing, lambda records: (), after=self.resolve_mappings, once=True)

    def plan(self, items: Sequence[Item]) -> Iterable[tuple[Item, Decision]]:
        return ()

    def _lists(self) -> list[tuple[str, ReferenceKind]]:
        """What else the mapping tables choose from, and no flow of its own reads."""
        read = {ReferenceKind.ACCOUNT, ReferenceKind.VENDOR}
        if self.context.has_flow("departments"):
            read.add(ReferenceKind.DEPARTMENT)
        ends = {(end.side, end.kind) for table in self.context.recipe.tables for end in table.ends().values()}
        return sorted((side, kind) for side, kind in ends if kind is not None and kind not in read)

    def _reader(self, side: str, kind: ReferenceKind) -> Callable[[Cursor | None], Iterator[Page[Any]]]:
        """These are a convenience: a user without the right to list them, or a company without them, maps by id."""

        def read(cursor: Cursor | None) -> Iterator[Page[Any]]:
            try:
                yield from _PAGES[kind](self.context.side(side))
            except CredentialsRefused:
                raise
            except (ConfigurationError, Rejected, BadAnswer) as error:
                message = f"{kind.label.capitalize()}s not read: {error.message}"
                self.context.report("unreadable", record_type=kind.value, outcome="skipped", message=message)

        return read

    def _absorber(self, side: str, kind: ReferenceKind) -> Callable[[Sequence[Any]], Iterable[Staged]]:
        book = self.context.references(side)

        def absorb(records: Sequence[Any]) -> Iterable[Staged]:
            self.context.reference_changes += book.absorb(kind, records, now=self.context.now())
            return ()

        return absorb
