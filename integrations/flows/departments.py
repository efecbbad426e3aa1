"""Cost objects of both sides: what the table of departments chooses from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import ClassVar

from connectors.domain import Account
from connectors.ports import Cursor, Page
from integrations.engine.vocabulary import Decision, Item, Staged, Stream
from integrations.models import ReferenceKind

from .base import Policy, nothing


class DepartmentsFlow(Policy):
    """Of the ledger only the cost objects of the dimension that the setting `dimension` names."""

    record_type: ClassVar[str] = "department"

    def streams(self) -> Iterable[Stream]:
        for side in ("source", "target"):
            yield Stream(f"{side} departments", read=self._reader(side), absorb=self._absorber(side))
        yield Stream("mappings", nothing, lambda records: (), after=self.resolve_mappings, once=True)

    def _reader(self, side: str) -> Callable[[Cursor | None], Iterator[Page[Account]]]:
        def read(cursor: Cursor | None) -> Iterator[Page[Account]]:
            pages: Iterator[Page[Account]] = self.context.side(side).read_departments(cursor)
            return pages

        return read

    def _absorber(self, side: str) -> Callable[[Sequence[Account]], Iterable[Staged]]:
        book = self.context.references(side)
        dimension = str(self.context.settings["dimension"]) if side == self.context.reads else ""

        def absorb(records: Sequence[Account]) -> Iterable[Staged]:
            ours = [each for each in records if not dimension or each.kind == dimension]
            self.context.reference_changes += book.absorb(ReferenceKind.DEPARTMENT, ours, now=self.context.now())
            return ()

        return absorb

    def plan(self, items: Sequence[Item]) -> Iterable[tuple[Item, Decision]]:
        return ()
