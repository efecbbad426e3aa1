"""What the flows have in common."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, ClassVar, TypeVar

from connectors.errors import ConnectorError, Rejected
from connectors.ports import Cursor, Page
from integrations.engine.codec import decode
from integrations.engine.context import FlowContext
from integrations.engine.vocabulary import Decision, Found, Hold, Item, Reason, Send, Staged, Stream, Withdraw
from integrations.mapping.resolve import resolve
from integrations.models import Delivery, Link, State

D = TypeVar("D")

RETRY_CLOSED_PERIOD = 3600  # seconds
APPROVAL_INTERVAL = 900  # seconds between looks at what awaits approval in the target


class Policy:
    """Defaults of a flow's policy (see `engine.vocabulary.FlowPolicy`)."""

    record_type: ClassVar[str] = ""
    record: ClassVar[type] = object
    releases: ClassVar[bool] = False

    def __init__(self, context: FlowContext) -> None:
        self.context = context

    @property
    def here(self) -> str:
        """The name of the system that is read."""
        return self.context.label(self.context.reads)

    @property
    def there(self) -> str:
        """The name of the system that is written to."""
        return self.context.label(self.context.writes)

    def streams(self) -> Iterable[Stream]:
        raise NotImplementedError

    def decode(self, payload: str) -> Any:
        return decode(self.record, payload)

    def plan(self, items: Sequence[Item]) -> Iterable[tuple[Item, Decision]]:
        raise NotImplementedError

    def batch_size(self, action: str) -> int:
        """The target's best for new records; changes go one by one."""
        return int(self.context.writer.capabilities.batch.get(self.record_type, 1)) if action == "create" else 1

    def seal(self, action: str, batch: Sequence[tuple[Item, Send]]) -> Sequence[tuple[Item, Send]]:
        return batch

    def send(self, action: str, batch: Sequence[tuple[Item, Send]]) -> list[Any]:
        raise NotImplementedError

    def refused(self, item: Item, send: Send, error: Rejected) -> Hold | Withdraw | Found | None:
        """What a refusal means beyond a failure: the target has it already, or it goes later."""
        if error.reason == Reason.DUPLICATE_DOCUMENT and send.action == "create":
            found = self.look_up([item]).get(item.key)
            if found is not None and found.hold is not None:
                return found.hold
            return found if found is not None and found.target_id else None
        if error.reason == Reason.PERIOD_CLOSED:
            return Hold(Reason.PERIOD_CLOSED, error.message, retry_after=RETRY_CLOSED_PERIOD)
        return None

    def look_up(self, items: Sequence[Item]) -> dict[str, Found]:
        raise NotImplementedError

    def keep(self, link: Link, item: Item, decision: Decision, written: Any) -> None:
        """Nothing beyond the common columns."""

    def gl_accounts(self, item: Item) -> Iterable[str]:
        return [line.account_number for line in getattr(item.record, "lines", ())]

    def settled(self, done: Sequence[tuple[Item, Decision, Any]]) -> None:
        """Nothing beyond the link."""

    def wanted(self, keys: Iterable[str]) -> list[Staged]:
        return []

    def unclear(self, keys: Sequence[str], draft_type: type[D], *, but: str = "") -> dict[str, list[tuple[str, D]]]:
        """What was sent of each record since the last version that certainly arrived: actions and drafts.

        Each of them may be what the target holds now, or not. `but` names an action that is left out.
        """
        sent: dict[str, list[tuple[str, D]]] = defaultdict(list)
        rows = Delivery.objects.filter(flow=self.context.flow, key__in=keys).exclude(draft="").order_by("version")
        rows = rows.exclude(action=but) if but else rows
        for key, state, action, draft in rows.values_list("key", "state", "action", "draft"):
            if state == State.DELIVERED:
                sent[key].clear()
            else:
                sent[key].append((action, decode(draft_type, draft)))
        return sent

    def draft_type(self, action: str) -> type:
        raise NotImplementedError

    def resolve_mappings(self) -> Iterable[Staged]:
        """Find what the mapping rows mean, now that more reference data is here."""
        if not self.context.preview:
            resolve(self.context.integration)
            self.context.forget_mapping()
        return ()


def reason_of(error: ConnectorError) -> Reason:
    try:
        return Reason(error.reason)
    except ValueError:
        return Reason.REJECTED_BY_TARGET


def mapped(setting: Any) -> dict[str, str]:
    """A setting of names and values; none where nobody set it."""
    return dict(setting) if isinstance(setting, dict) else {}


def nothing(cursor: Cursor | None) -> Iterator[Page[Any]]:
    """For a stream that only has something to do at its end."""
    return iter(())
