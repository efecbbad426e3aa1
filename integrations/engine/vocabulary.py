"""The words the engine and the flows share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from connectors.errors import Rejected
from connectors.ports import Cursor, Page
from integrations.models import Delivery, Link, Reason, State

if TYPE_CHECKING:
    from .context import FlowContext

__all__ = [
    "Adopt",
    "Decision",
    "FlowPolicy",
    "Found",
    "Hold",
    "Item",
    "Reason",
    "Send",
    "Settle",
    "Staged",
    "State",
    "Stream",
    "Wait",
    "Withdraw",
]


@dataclass(frozen=True, slots=True)
class Staged:
    """One version of a record that a flow wants to move."""

    key: str
    document: str
    record: Any
    group: str = ""
    amount: Decimal | None = None
    currency: str = ""
    due_date: date | None = None
    gone: bool = False  # out of scope now: withdraw what is unsent, never start anew


@dataclass(slots=True)
class Item:
    """A due delivery with its record and what is linked already."""

    delivery: Delivery
    record: Any
    link: Link | None = None
    posted: Decimal = Decimal(0)  # bills: our payments that the ledger has posted

    @property
    def key(self) -> str:
        return self.delivery.key


@dataclass(frozen=True, slots=True)
class Hold:
    """A person or another record must act. `retry_after` seconds: it is looked at again by itself."""

    reason: Reason
    message: str
    candidates: Sequence[dict[str, str]] = ()
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Send:
    """Write to the target: `action` names the write, `draft` is written down before it is sent."""

    action: str
    draft: Any
    target_id: str = ""
    changed: frozenset[str] = frozenset()
    note: str = ""
    final: State = State.DELIVERED


@dataclass(frozen=True, slots=True)
class Adopt:
    """The target has it already: link, write nothing."""

    target_id: str
    draft: Any
    note: str
    paid: bool = False  # something was paid on it before we knew it
    details: dict[str, str] = field(default_factory=dict)  # as `Written.details`


@dataclass(frozen=True, slots=True)
class Settle:
    """Nothing to write: what the target holds is right."""

    note: str
    draft: Any = None
    closed: bool = False


@dataclass(frozen=True, slots=True)
class Withdraw:
    """The record no longer wants to go."""

    note: str
    state: State = State.SUPERSEDED


@dataclass(frozen=True, slots=True)
class Wait:
    """Something that is under way must come first: looked at again after `seconds`, and no person is asked."""

    note: str
    seconds: float


Decision = Hold | Send | Adopt | Settle | Withdraw | Wait


@dataclass(frozen=True, slots=True)
class Found:
    """What a look-up showed for an unclear write: `target_id` "" means proved absent as of now."""

    target_id: str
    note: str
    number: str = ""
    hold: Hold | None = None
    unclear: bool = False  # the look-up itself could not tell
    details: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Stream:
    """One thing a flow reads page by page, with a cursor of its own.

    `absorb` turns a page's records into staged versions; it may also update reference data and links through
    the context (never when the context is a preview).
    """

    name: str
    read: Callable[[Cursor | None], Iterator[Page[Any]]]
    absorb: Callable[[Sequence[Any]], Iterable[Staged]]
    after: Callable[[], Iterable[Staged]] | None = None
    counts: bool = True  # its records are the flow's "read"
    once: bool = False  # no cursor: read whole each time it is asked for


class FlowPolicy(Protocol):
    """What is particular about a record type. Stateless but for the context it was made with.

    `releases` says whether a new link of this flow can release records of other flows.
    """

    record_type: ClassVar[str]
    releases: ClassVar[bool]

    def __init__(self, context: FlowContext) -> None: ...

    def streams(self) -> Iterable[Stream]:
        """What to read in this run, in order."""

    def decode(self, payload: str) -> Any:
        """The record of a delivery's payload."""

    def plan(self, items: Sequence[Item]) -> Iterable[tuple[Item, Decision]]:
        """Decide on each item. May read from both systems, writes nothing."""

    def batch_size(self, action: str) -> int:
        """How many records one call takes now; asked before each call."""

    def seal(self, action: str, batch: Sequence[tuple[Item, Send]]) -> Sequence[tuple[Item, Send]]:
        """The batch as it is written down and sent: what all its records must know of it goes into their drafts."""

    def send(self, action: str, batch: Sequence[tuple[Item, Send]]) -> list[Any]:
        """One call to the target; per element, in order, `Written` or the ConnectorError that it met with. Called from
        worker threads. What concerns all of them is raised."""

    def refused(self, item: Item, send: Send, error: Rejected) -> Hold | Withdraw | Wait | Found | None:
        """What a refusal means beyond a failure; None when it is one."""

    def look_up(self, items: Sequence[Item]) -> dict[str, Found]:
        """What the target holds of unclear writes, by item key."""

    def keep(self, link: Link, item: Item, decision: Decision, written: Any) -> None:
        """Set what the flow remembers on a link (state, seen, closed) before it is stored. `written` is None where
        nothing was, and in a preview."""

    def gl_accounts(self, item: Item) -> Iterable[str]:
        """The ledger's accounts that a record concerns, for the audit trail."""

    def settled(self, done: Sequence[tuple[Item, Decision, Any]]) -> None:
        """Called in the settling transaction after links were stored (Written or None as third element)."""

    def wanted(self, keys: Iterable[str]) -> list[Staged]:
        """The records another flow asks for, from reference data."""

    def draft_type(self, action: str) -> type:
        """The class of the draft that an action sends."""
