"""Every transition of a delivery, each in one fenced transaction with its audit events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from connectors.domain import Written
from connectors.errors import ConnectorError, RateLimited
from integrations.models import Delivery, Link, Reason, State

from .codec import encode
from .rows import insert_rows, update_rows
from .run import bump, describe
from .vocabulary import Adopt, Decision, Found, Hold, Item, Send, Settle, Wait, Withdraw

if TYPE_CHECKING:
    from .run import FlowRun

CUT = 2000
LOCK_TRIES = 8
DONE = {
    "create": "Created",
    "adopt": "Adopted",
    "update": "Updated",
    "archive": "Archived",
    "restore": "Restored",
    "delete": "Taken back",
    "advance": "Taken further",
    "image": "Image dealt with",
}
APPROVAL_INTERVAL = 900  # seconds between looks at what awaits approval in the target
DOUBT_SCHEDULE = (60, 300, 3600, 86400)  # seconds between look-ups of an uncertain outcome

OUTCOME_FIELDS = (
    "state",
    "action",
    "reason",
    "message",
    "candidates",
    "evidence",
    "draft",
    "target_id",
    "attempts",
    "locks",
    "approved",
    "sent_at",
    "not_before",
    "generation",
    "run_id",
    "updated_at",
)


class Settler:
    def __init__(self, run: FlowRun) -> None:
        self.run = run
        self.policy = run.policy
        self.trail = run.trail

    # --- before a call ---------------------------------------------------------------------------

    def intend(self, action: str, part: Sequence[tuple[Item, Send]]) -> None:
        """Write down what is about to be sent, to whom and how often it was tried: committed before the call."""
        for item, send in part:
            row = item.delivery
            row.state, row.action, row.reason, row.message = State.SENDING, action, "", send.note
            row.draft, row.target_id = encode(send.draft), send.target_id or row.target_id
            row.attempts += 1
            row.sent_at, row.not_before, row.candidates = self.run.clock.now(), None, []
        self._save([item for item, _ in part], "sending", request=True)

    # --- after a call ----------------------------------------------------------------------------

    def delivered(self, done: Sequence[tuple[Item, Decision, Written | None]]) -> None:
        """Store the target's ids before anything else, then what the flow keeps of it."""
        for item, decision, written in done:
            row = item.delivery
            row.state = decision.final if isinstance(decision, Send) else State.DELIVERED
            row.reason, row.not_before, row.candidates, row.approved = "", None, [], ""
            if written and written.id:
                row.target_id = written.id
            elif isinstance(decision, Adopt):
                row.target_id, row.action, row.message = decision.target_id, "adopt", decision.note
            elif isinstance(decision, Settle):
                row.action, row.message = "", decision.note
                row.target_id = item.link.target_id if item.link else row.target_id
            if isinstance(decision, Adopt | Settle) and decision.draft is not None:
                row.draft = encode(decision.draft)
            self._check_total(row, decision, written)
            self._not_yet(row, written.details if written else _unfinished(decision))
        with self.trail.transaction():
            self.run.claim.fence()
            self._store_links(done)
            self._write([item for item, _, _ in done], "delivered", answers={i.key: w for i, _, w in done})
            self.policy.settled(done)
            if self.policy.releases and any(item.link is None for item, _, _ in done):
                bump(self.run.flow.integration)
        for item, _, _ in done:
            self.run.counts[_counted(item)] += 1

    def _check_total(self, row: Delivery, decision: Decision, written: Written | None) -> None:
        """The target has it, but made another amount of it: it is linked, and a person must look."""
        sent = getattr(decision.draft, "total", None) if isinstance(decision, Send) else None
        if written and written.total is not None and sent is not None and written.total != sent:
            row.state, row.reason = State.HELD, Reason.AMOUNT_MISMATCH
            row.message = f"{sent} was sent, but the target made {written.total} of it (id {written.id})."

    def _not_yet(self, row: Delivery, details: Mapping[str, str]) -> None:
        """The target has it, but it does not count there, or not all of it: it is linked, and held until it does, or
        due again at once for the rest."""
        if unfinished := details.get("unfinished"):
            row.state, row.message = State.PENDING, unfinished
        elif awaiting := details.get("awaiting"):
            row.state, row.reason, row.message = State.HELD, Reason.AWAITING_APPROVAL, awaiting
            row.not_before = self._after(APPROVAL_INTERVAL)
        elif refused := details.get("refused"):
            row.state, row.reason = State.HELD, details.get("reason") or Reason.REJECTED_BY_TARGET
            row.message = refused

    def proved(self, item: Item, send: Send, found: Found) -> None:
        """A look-up showed that the target has it."""
        item.delivery.message = found.note
        written = Written(id=found.target_id, number=found.number, details=found.details)
        self.delivered([(item, send, written)])

    def decided(self, decided: Sequence[tuple[Item, Decision]]) -> None:
        """Decisions that need no call."""
        self._hold([(item, each) for item, each in decided if isinstance(each, Hold)])
        self._withdraw([(item, each) for item, each in decided if isinstance(each, Withdraw)])
        self._wait([(item, each) for item, each in decided if isinstance(each, Wait)])
        done: list[tuple[Item, Decision, Written | None]] = [
            (item, each, None) for item, each in decided if isinstance(each, Adopt | Settle)
        ]
        if done:
            self.delivered(done)

    def _hold(self, holds: Sequence[tuple[Item, Hold]]) -> None:
        changed: list[Item] = []
        same: list[Item] = []
        for item, hold in holds:
            row = item.delivery
            before = (row.state, row.reason, row.message)
            row.state, row.reason, row.message = State.HELD, hold.reason, hold.message
            row.candidates, row.sent_at, row.approved = list(hold.candidates), None, ""
            row.not_before = self._after(hold.retry_after) if hold.retry_after else None
            (same if before == (State.HELD, hold.reason, hold.message) else changed).append(item)
        self._save(changed, "held")
        self._save(same, "")

    def _withdraw(self, withdrawn: Sequence[tuple[Item, Withdraw]]) -> None:
        for item, each in withdrawn:
            row = item.delivery
            row.state, row.reason, row.message, row.not_before = each.state, "", each.note, None
        self._save([item for item, _ in withdrawn], "withdrawn")

    def _wait(self, waiting: Sequence[tuple[Item, Wait]]) -> None:
        for item, each in waiting:
            row = item.delivery
            row.state, row.reason, row.message, row.not_before = State.PENDING, "", each.note, self._after(each.seconds)
        self._save([item for item, _ in waiting], "")

    def failed(self, part: Sequence[tuple[Item, Any]], error: ConnectorError) -> None:
        for item, _ in part:
            row = item.delivery
            row.state, row.reason, row.message = State.FAILED, self.reason(error), describe(error)
            row.sent_at, row.approved = None, ""  # refused: nothing of it can be there
        self._save([item for item, _ in part], "failed", raw=error.raw)

    def put_back(
        self, part: Sequence[tuple[Item, Send]], *, attempted: bool, wait: float | None = None, message: str = ""
    ) -> None:
        """The target did nothing: pending again, later when it asked for patience (that is no attempt)."""
        for item, _ in part:
            row = item.delivery
            row.state, row.message = State.PENDING, message
            row.attempts -= 0 if attempted else 1
            row.sent_at = None
            row.not_before = self._after(wait) if wait else None
        self._save([item for item, _ in part], "put_back")

    def park(self, rows: Sequence[Delivery], error: RateLimited) -> None:
        """A budget is used up before anything was sent: these wait for the next window."""
        for row in rows:
            row.state, row.message, row.not_before = State.PENDING, error.message, self._after(error.retry_after or 5)
        self._save([Item(row, None) for row in rows], "parked")

    def locked(self, part: Sequence[tuple[Item, Send]], error: ConnectorError) -> None:
        """Somebody has it open: again soon, and after a while a person hears of it; it stays due by itself."""
        for item, _ in part:
            row = item.delivery
            row.attempts -= 1
            row.locks += 1
            asked = getattr(error, "retry_after", None)
            given_up = row.locks >= LOCK_TRIES
            row.state = State.HELD if given_up else State.PENDING
            row.reason, row.message = Reason.RECORD_LOCKED, error.message
            row.not_before = self._after(900 if given_up else asked or min(300, 2 * 2**row.locks))
        self._save([item for item, _ in part], "locked", raw=error.raw)

    def uncertain(self, part: Sequence[tuple[Item, Any]], error: BaseException) -> None:
        """Sent, answer unknown. From here only a look-up leads on."""
        known = isinstance(error, ConnectorError)
        for item, _ in part:
            row = item.delivery
            row.state, row.reason = State.UNCERTAIN, Reason.OUTCOME_UNKNOWN
            row.message = str(error) if known else f"Unexpected {type(error).__name__} while sending."
            row.sent_at, row.not_before = self.run.clock.now(), None
        self._save([item for item, _ in part], "uncertain", raw=error.raw if isinstance(error, ConnectorError) else "")

    def still_unclear(self, item: Item, note: str, *, wait: float) -> None:
        row = item.delivery
        row.evidence = [*row.evidence, {"at": self.run.clock.now().isoformat(), "shows": note}][-20:]
        row.not_before = self._after(wait)
        self._save([item], "looked_up", message=note)

    def absent(self, item: Item, note: str) -> None:
        """Proved absent and no longer able to commit: the record may be sent again."""
        row = item.delivery
        newer = Delivery.objects.filter(flow=row.flow, key=row.key, version__gt=row.version).exists()
        row.evidence = [*row.evidence, {"at": self.run.clock.now().isoformat(), "shows": note}][-20:]
        row.state = State.SUPERSEDED if newer else State.PENDING
        row.reason, row.message, row.not_before = "", note, None
        self._save([item], "absence_proved", message=note)

    # --- shared ----------------------------------------------------------------------------------

    def reason(self, error: ConnectorError) -> Reason:
        try:
            return Reason(error.reason)
        except ValueError:
            return Reason.REJECTED_BY_TARGET

    def _after(self, seconds: float | None) -> datetime:
        return self.run.clock.now() + timedelta(seconds=seconds or 0)

    def _save(self, items: Sequence[Item], event: str, **options: Any) -> None:
        if not items:
            return
        with self.trail.transaction():
            self.run.claim.fence()
            self._write(items, event, **options)

    def _write(
        self,
        items: Sequence[Item],
        event: str,
        *,
        request: bool = False,
        raw: str = "",
        message: str | None = None,
        answers: dict[str, Written | None] | None = None,
    ) -> None:
        now = self.run.clock.now()
        for item in items:
            item.delivery.updated_at, item.delivery.run_id = now, self.run.run.pk
        update_rows([item.delivery for item in items], OUTCOME_FIELDS)
        if not event:
            return
        entries = []
        for item in items:
            fields: dict[str, Any] = {"response": raw[:CUT], "gl_accounts": self._accounts(item)}
            if request:
                fields["request"] = item.delivery.draft[:CUT]
            if message is not None:
                fields["message"] = message
            if answers is not None:
                written = answers[item.key]
                fields["response"] = _answer(written)
            if event == "delivered":
                fields["message"] = (
                    f"{DONE.get(item.delivery.action, 'nothing to do')}. {item.delivery.message}".strip()
                )
            entries.append(self.trail.of(item.delivery, event, self.policy.record_type, **fields))
        self.trail.write(entries)

    def _accounts(self, item: Item) -> str:
        return ",".join(sorted(set(self.policy.gl_accounts(item))))

    def _store_links(self, done: Sequence[tuple[Item, Decision, Written | None]]) -> None:
        now = self.run.clock.now()
        fresh: list[Link] = []
        known: list[Link] = []
        for item, decision, written in done:
            row, link = item.delivery, item.link
            if not row.target_id:
                continue
            link = link or Link(flow=self.run.flow, source_key=row.key, created_at=now, seen_at=now)
            link.target_id = row.target_id
            link.group, link.document, link.fingerprint = row.group, row.document, row.fingerprint
            link.delivered_at = now
            link.adopted = link.adopted or isinstance(decision, Adopt)
            if row.draft:
                link.draft = row.draft
            self.policy.keep(link, item, decision, written)
            (known if link.pk else fresh).append(link)
        insert_rows(fresh)
        fields = [
            "target_id",
            "group",
            "document",
            "fingerprint",
            "state",
            "adopted",
            "closed",
            "draft",
            "basis",
            "seen",
            "status",
            "attachment",
        ]
        update_rows(known, [*fields, "delivered_at"])


def _unfinished(decision: Decision) -> dict[str, str]:
    """What was adopted may lack something, too; whatever else holds it back there is its owner's affair."""
    text = decision.details.get("unfinished", "") if isinstance(decision, Adopt) else ""
    return {"unfinished": text} if text else {}


def _counted(item: Item) -> str:
    action = item.delivery.action
    if not action:
        return "unchanged"
    return {"create": "created", "adopt": "adopted", "image": "images"}.get(action, "updated")


def _answer(written: Written | None) -> str:
    if written is None:
        return ""
    parts = [f"id {written.id}"] if written.id else []
    if written.number:
        parts.append(f"number {written.number}")
    if written.total is not None:
        parts.append(f"total {written.total}")
    if written.duplicate:
        parts.append("recognised as a repetition")
    return ", ".join([*parts, *(f"{name} {value}" for name, value in written.details.items())])[:CUT]
