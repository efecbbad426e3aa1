"""Records of a ledger as items of a board, one way: created, changed and marked, never deleted or read back."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from connectors.domain import BoardItem, ItemChange, ItemDraft, Written
from connectors.errors import ConnectorError, NotFound, Rejected
from integrations.engine.codec import decode, fingerprint
from integrations.engine.context import FlowContext
from integrations.engine.vocabulary import (
    Adopt,
    Decision,
    Found,
    Hold,
    Item,
    Reason,
    Send,
    Settle,
    Wait,
    Withdraw,
)
from integrations.models import Link

from .board_layout import Layout
from .board_parts import BoardLines, state_of
from .board_reading import BoardReading
from .board_records import BoardTable, ItemRecord
from .board_tables import TABLES

RECREATED = "re-created"  # `Link.status` of an item that a person deleted once
NAME_LENGTH = 255
ARCHIVED = "item_archived"  # `Rejected.code` of a change of an item that a person archived


class BoardItemsFlow(BoardReading):
    def __init__(self, context: FlowContext) -> None:
        super().__init__(context)
        self.lines = BoardLines(context)
        self._absent: set[str] = set()  # keys that were looked for in this run and not found
        self._place = ""  # the board that was planned for: sending asks no database

    # --- deciding --------------------------------------------------------------------------------

    def plan(self, items: Sequence[Item]) -> Iterable[tuple[Item, Decision]]:
        layout = self.board.layout()
        if not isinstance(layout, Layout):
            for item in items:
                yield item, layout
            return
        self._place = layout.board
        if self.board.moved:  # the items were given their links before
            for link in (item.link for item in items if item.link is not None):
                link.refresh_from_db(fields=["state", "status"])
        unknown = [item for item in items if not _live(item.link) and item.record.key not in self._absent]
        there = self._search(layout, unknown)
        if not isinstance(there, dict):
            for item in items:
                yield item, there
            return
        self._absent |= {item.record.key for item in unknown} - there.keys()
        room = layout.room
        for item in items:
            decision = self._decide(layout, item, there.get(item.record.key), room)
            if room is not None and isinstance(decision, Send) and decision.action == "create":
                room -= 1
            yield item, decision

    def _decide(self, layout: Layout, item: Item, there: BoardItem | None, room: int | None) -> Decision:
        record: ItemRecord = item.record
        draft = self._draft(layout, item)
        link = item.link
        if link is not None and _live(link):
            return self._known(layout, link, record, draft)
        if link is not None and there is not None and there.id == link.target_id:
            there = None  # searches still show what was deleted a moment ago
        if there is not None:
            if there.hash == draft.hash:
                return Adopt(there.id, draft, f"The board has an item with its key and its content: {there.id}.")
            return Send("update", draft, target_id=there.id, note=f"The board has an item with its key: {there.id}.")
        if record.gone:
            return Withdraw(f"It is gone from {self.here}, and its item from the board.")
        if link is not None and link.status == RECREATED and item.delivery.approved != Reason.CHANGED_AFTER_DELIVERY:
            return Hold(
                Reason.CHANGED_AFTER_DELIVERY,
                f"Its item was deleted in {self.there} again after it had been created anew. Replay it to create it "
                "once more, or mark it done outside.",
            )
        if room == 0:
            return Hold(
                Reason.BOARD_FULL,
                f"The board takes no more items. Archive items of it, or name a new board for "
                f"{self.context.flow.name} under boards in the connection's settings.",
                retry_after=3600,
            )
        return Send("create", draft)

    def _known(self, layout: Layout, link: Link, record: ItemRecord, draft: ItemDraft) -> Decision:
        told = decode(ItemDraft, link.draft) if link.draft else None
        if told is None or told.hash != draft.hash or _values(told) != _values(draft):
            return Send("update", draft, target_id=link.target_id)
        if self.subitems and link.basis != state_of(record) and (record.parts or link.basis):
            return Send("lines", draft, target_id=link.target_id)
        return self._move(layout, link, draft) or Settle("The board has it as it is.")

    def _move(self, layout: Layout, link: Link, draft: ItemDraft) -> Send | None:
        """To the group of closed records, or back to the first one."""
        away = link.state == Link.State.ARCHIVED
        if draft.group and not away:
            return Send("archive", draft, target_id=link.target_id, note="Closed in the ledger.")
        if away and not draft.group and layout.home:
            home = dataclasses.replace(draft, group=layout.home)
            return Send("restore", home, target_id=link.target_id, note="Open again in the ledger.")
        return None

    def _draft(self, layout: Layout, item: Item) -> ItemDraft:
        limit = int(self.context.writer.capabilities.limits.get("item.name", NAME_LENGTH))
        return layout.draft(item.record, fingerprint(item.record), limit)

    def _search(self, layout: Layout, items: Sequence[Item]) -> dict[str, BoardItem] | Hold | Wait:
        """A refused search means that the board or its key column is not what it was: what is wrong with it."""
        try:
            return self._find(layout, items)
        except Rejected:
            if isinstance(found := self.board.look_again(), Layout):
                raise
            return found

    def _find(self, layout: Layout, items: Sequence[Item]) -> dict[str, BoardItem]:
        """Items with our keys that no other record is linked to: the oldest of each key."""
        if not layout.board:
            return {}
        writer = self.context.writer
        keys = sorted({item.record.key for item in items})
        size = int(writer.capabilities.batch.get("item_keys", 100))
        found: dict[str, list[BoardItem]] = defaultdict(list)
        for start in range(0, len(keys), size):
            chunk = keys[start : start + size]
            for each in writer.find_items(layout.board, layout.key_column, layout.hash_column, chunk):
                found[each.key].append(each)
        by_key = {item.record.key: item.key for item in items}
        owners = self.context.links().by_target(each.id for same in found.values() for each in same)
        result = {}
        for key, same in found.items():
            free = [each for each in same if each.id not in owners or owners[each.id].source_key == by_key[key]]
            if len(free) > 1:
                self._report_duplicates(key, free)
            if free:
                result[key] = min(free, key=_age)
        return result

    def _report_duplicates(self, key: str, same: Sequence[BoardItem]) -> None:
        ids = ", ".join(each.id for each in sorted(same, key=_age))
        message = f"{len(same)} items of the board have the key {key}: {ids}. The first one is kept up to date."
        self.context.report(
            "duplicate_items", record_type=self.record_type, document=key, outcome="different", message=message
        )

    # --- sending ---------------------------------------------------------------------------------

    def batch_size(self, action: str) -> int:
        return 1 if action == "lines" else int(self.context.writer.capabilities.batch.get("item", 1))

    def send(self, action: str, batch: Sequence[tuple[Item, Send]]) -> list[Written | ConnectorError]:
        writer, key = self.context.writer, _attempt(batch)
        if action in ("archive", "restore"):
            group = batch[0][1].draft.group
            return list(writer.mark_items(self._place, [send.target_id for _, send in batch], group, key=key))
        if action == "lines":
            ((item, send),) = batch
            before = item.link.basis if item.link else ""
            answer = self.lines.write(self._place, send.target_id, item.record, before, key)
            return [self._then(action, item, send, answer)]
        changes = [ItemChange(send.draft, item_id=send.target_id) for _, send in batch]
        answers: list[Written | ConnectorError] = list(writer.write_items(self._place, changes, key=key))
        return [self._then(action, item, send, each) for (item, send), each in zip(batch, answers, strict=True)]

    def _then(self, action: str, item: Item, send: Send, answer: Written | ConnectorError) -> Written | ConnectorError:
        if isinstance(answer, ConnectorError):
            return answer
        details = {**answer.details, **self._rest(action, item, send.draft)}
        return dataclasses.replace(answer, details=details)

    def _rest(self, action: str, item: Item, draft: ItemDraft) -> dict[str, str]:
        """What is still to be written of the record: its lines and its place are writes of their own."""
        before = item.link.basis if item.link else ""
        if self.subitems and action in ("create", "update") and (before or item.record.parts):
            return {"unfinished": "Its lines follow."}
        away = item.link is not None and item.link.state == Link.State.ARCHIVED
        moves = action in ("update", "lines") and bool(draft.group) != away
        return {"unfinished": "Its item is moved next."} if moves else {}

    def refused(  # type: ignore[override]  # the engine takes a Wait as well
        self, item: Item, send: Send, error: Rejected
    ) -> Hold | Wait | None:
        """The board may have changed, or a person may have put the item away."""
        put_away = isinstance(error, NotFound) or error.code == ARCHIVED
        if put_away and send.target_id and (meaning := self._lost(item, send.target_id)):
            return meaning
        layout = self.board.look_again()
        if not isinstance(layout, Layout):
            return layout
        if send.action == "create" and layout.room == 0:
            return Hold(Reason.BOARD_FULL, error.message, retry_after=3600)
        return None

    def _lost(self, item: Item, item_id: str) -> Hold | Wait | None:
        """Deleted: it is looked for by its key and created again, once. Archived: that was a person's wish."""
        layout = self.board.layout()
        if not isinstance(layout, Layout):
            return None
        found = self.context.writer.get_items([item_id], layout.key_column, layout.hash_column).get(item_id)
        if found is not None and found.state == "archived":
            return Hold(
                Reason.CHANGED_AFTER_DELIVERY,
                f"Its item {item_id} was archived in {self.there}: restore it there and replay, or mark it done "
                "outside.",
            )
        if found is not None and found.state == "active":
            return None
        if item.link is None:
            return Wait(f"The item {item_id} that was found was deleted in {self.there}.", 60)
        Link.objects.filter(pk=item.link.pk).update(state=Link.State.MISSING)
        return Wait(f"Its item {item_id} was deleted in {self.there}.", 0)

    # --- unclear outcomes ------------------------------------------------------------------------

    def look_up(self, items: Sequence[Item]) -> dict[str, Found]:
        layout = self.board.layout()
        if not isinstance(layout, Layout):
            return _unclear(items, layout)
        created = [item for item in items if item.delivery.action == "create"]
        changed = [item for item in items if item.delivery.action != "create"]
        return {**self._look_for_created(layout, created), **self._look_at_changed(layout, changed)}

    def _look_for_created(self, layout: Layout, items: Sequence[Item]) -> dict[str, Found]:
        there = self._search(layout, items) if items else {}
        if not isinstance(there, dict):
            return _unclear(items, there)
        found = {}
        for item in items:
            one = there.get(item.record.key)
            note = f"Item {one.id} of the board has its key." if one else "No item of the board has its key."
            details = self._rest("create", item, decode(ItemDraft, item.delivery.draft)) if one else {}
            found[item.key] = Found(one.id if one else "", note, details=details)
        return found

    def _look_at_changed(self, layout: Layout, items: Sequence[Item]) -> dict[str, Found]:
        ids = [item.delivery.target_id for item in items]
        there = self.context.writer.get_items(ids, layout.key_column, layout.hash_column) if ids else {}
        found = {}
        for item in items:
            one = there.get(item.delivery.target_id)
            if item.delivery.action == "lines":
                found[item.key] = Found("", "Its lines are compared again.")
                continue
            sent = decode(ItemDraft, item.delivery.draft)
            updated = item.delivery.action == "update"
            if one is None or (one.hash != sent.hash if updated else one.group != sent.group):
                found[item.key] = Found("", f"Item {item.delivery.target_id} does not show the change.")
                continue
            details = self._rest(item.delivery.action, item, sent)
            found[item.key] = Found(one.id, f"Item {one.id} shows the change.", details=details)
        return found

    # --- remembering -----------------------------------------------------------------------------

    def keep(self, link: Link, item: Item, decision: Decision, written: Any) -> None:
        record: ItemRecord = item.record
        link.closed = record.closed or record.gone
        if not isinstance(decision, Send):
            link.state = Link.State.ACTIVE if isinstance(decision, Adopt) else link.state
            return
        if decision.action == "create":
            link.status = RECREATED if item.link is not None else ""
        if decision.action == "lines":
            link.basis = state_of(record)
        elif decision.action == "create":
            link.basis = ""
        if decision.action in ("create", "archive", "restore"):
            closed = bool(decision.draft.group) and decision.action != "restore"
            link.state = Link.State.ARCHIVED if closed else Link.State.ACTIVE
        elif not _live(link):
            link.state = Link.State.ACTIVE

    def settled(self, done: Sequence[tuple[Item, Decision, Any]]) -> None:
        self.lines.remember()

    def gl_accounts(self, item: Item) -> Iterable[str]:
        return item.record.accounts if item.record else ()  # a record that is parked is not even read

    def draft_type(self, action: str) -> type:
        return ItemDraft


class BoardBills(BoardItemsFlow):
    record_type: ClassVar[str] = "bill"
    table: ClassVar[BoardTable] = TABLES["bills"]


class BoardPurchaseOrders(BoardItemsFlow):
    record_type: ClassVar[str] = "purchase_order"
    table: ClassVar[BoardTable] = TABLES["purchase_orders"]


class BoardVendors(BoardItemsFlow):
    record_type: ClassVar[str] = "vendor"
    table: ClassVar[BoardTable] = TABLES["vendors"]


class BoardAccounts(BoardItemsFlow):
    record_type: ClassVar[str] = "account"
    table: ClassVar[BoardTable] = TABLES["accounts"]


class BoardCustomers(BoardItemsFlow):
    record_type: ClassVar[str] = "customer"
    table: ClassVar[BoardTable] = TABLES["customers"]


def _live(link: Link | None) -> bool:
    return link is not None and link.state != Link.State.MISSING


def _unclear(items: Sequence[Item], why: Hold | Wait) -> dict[str, Found]:
    note = why.message if isinstance(why, Hold) else why.note
    return {item.key: Found("", note, unclear=True) for item in items}


def _age(item: BoardItem) -> tuple[int, str]:
    """Ids are numbers that grow."""
    return len(item.id), item.id


def _values(draft: ItemDraft) -> dict[str, tuple[str, ...]]:
    """Comparable, whether just made or read back from a link."""
    return {column: tuple(value) for column, value in draft.values.items()}


def _attempt(batch: Sequence[tuple[Item, Send]]) -> str:
    """Another one for every attempt: an answer that was refused is never served again as if it were new."""
    first, last = batch[0][0].delivery, batch[-1][0].delivery
    return f"{first.pk}-{last.pk}-{first.attempts}-{first.sent_at.isoformat() if first.sent_at else ''}"
