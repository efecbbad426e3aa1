"""What the flows have in common."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from integrations.engine.codec import decode
from integrations.engine.context import FlowContext
from integrations.engine.vocabulary import Decision, Found, Item, Send, Staged, Stream
from integrations.models import Link


class Policy:
    """Defaults of a flow's policy (see `engine.vocabulary.FlowPolicy`)."""

    record_type: ClassVar[str] = ""
    record: ClassVar[type] = object
    releases: ClassVar[bool] = False

    def __init__(self, context: FlowContext) -> None:
        self.context = context

    def streams(self) -> Iterable[Stream]:
        raise NotImplementedError

    def decode(self, payload: str) -> Any:
        return decode(self.record, payload)

    def plan(self, items: Sequence[Item]) -> Iterable[tuple[Item, Decision]]:
        raise NotImplementedError

    def send(self, action: str, batch: Sequence[tuple[Item, Send]]) -> list[Any]:
        raise NotImplementedError

    def look_up(self, items: Sequence[Item]) -> dict[str, Found]:
        raise NotImplementedError

    def keep(self, link: Link, item: Item, decision: Decision, written: Any) -> None:
        """Nothing beyond the common columns."""

    def settled(self, done: Sequence[tuple[Item, Decision, Any]]) -> None:
        """Nothing beyond the link."""

    def wanted(self, keys: Iterable[str]) -> list[Staged]:
        return []

    def draft_type(self, action: str) -> type:
        raise NotImplementedError
