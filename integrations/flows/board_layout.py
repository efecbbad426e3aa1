"""The board of a flow: found or made, its columns matched with the fields, and checked again once a day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import OuterRef, Subquery

from connectors.domain import Board, BoardColumn, ItemDraft
from connectors.errors import OutcomeUnknown, Rejected
from integrations.engine.context import FlowContext
from integrations.engine.vocabulary import Hold, Reason, Wait
from integrations.models import Delivery, Flow, Link, State

from .board_choices import ColumnChoices
from .board_columns import LEFT_OUT, Columns, free_id, match
from .board_records import HASH, KEY, BoardField, BoardTable, ItemRecord

STATE = "board"  # among the flow's cursors: what the last check found; without it the board is checked again
CHECK_EVERY = timedelta(hours=24)
LOOK_AGAIN = 3600.0  # seconds between looks at a board that cannot be used
SPARE = 100  # items of a board that are left free (docs: monday 15)


@dataclass(frozen=True, slots=True)
class Layout:
    """A board that is ready. `columns`: id and type by field; `room`: how many items it still takes, None for any
    number; `closed_group`: where closed records go, "" where they stay; `home`: the group of the others."""

    board: str
    columns: Mapping[str, tuple[str, str]]
    room: int | None = None
    closed_group: str = ""
    home: str = ""

    @property
    def key_column(self) -> str:
        return self.columns[KEY][0]

    @property
    def hash_column(self) -> str:
        return self.columns[HASH][0]

    def draft(self, record: ItemRecord, hash_: str, name_limit: int) -> ItemDraft:
        values = {KEY: record.key, HASH: hash_, **record.values}
        return ItemDraft(
            key=record.key,
            name=record.name[:name_limit].rstrip() or record.key[:name_limit],
            values={self.columns[name][0]: (self.columns[name][1], values[name]) for name in self.columns},
            hash=hash_,
            group=self.closed_group if record.closed or record.gone else "",
        )


@dataclass(slots=True)
class Found:
    """What the last check found, as it is kept with the flow."""

    checked: str = ""
    board: str = ""
    chosen: dict[str, str] = field(default_factory=dict)  # the table of columns then
    columns: dict[str, list[str]] = field(default_factory=dict)
    items: int = 0
    limit: int = 0
    closed_group: str = ""
    home: str = ""
    problem: str = ""


def last_found(flow: Flow) -> Found | None:
    """What the last check found; None where it found no usable board."""
    state: dict[str, Any] = flow.cursors.get(STATE) or {}
    return Found(**state) if state.get("checked") else None


class BoardSetup:
    """Writes on the board (board, columns, group) and in our tables; in a preview it pretends.

    Calls the network: use it outside of any transaction.
    """

    def __init__(self, context: FlowContext, table: BoardTable, fields: Sequence[BoardField]) -> None:
        self.context = context
        self.table = table
        system = context.connection("source").system
        here = context.label("source")
        key = BoardField(KEY, f"{here} key", "text", column=f"{system}_key")
        hash_ = BoardField(HASH, f"{here} hash", "text", column=f"{system}_hash")
        self.fields = (key, hash_, *fields)
        self.there = context.label("target")
        self.choices = ColumnChoices(context)
        self._state: Found | Hold | Wait | None = None
        self._until = context.now()  # of what is waited for
        self._checked = False
        self.moved = False  # to another board, in this run

    # --- what flows ask --------------------------------------------------------------------------

    def layout(self) -> Layout | Hold | Wait:
        """The board as it was found in the last 24 hours, else as it is found now."""
        if self._state is None or (isinstance(self._state, Wait) and self.context.now() >= self._until):
            self._state = self._stored() or self._check()
        if not isinstance(self._state, Found):
            return self._state
        layout = self._layout(self._state)
        return self.look_again() if layout.room == 0 and not self._checked else layout

    def look_again(self) -> Layout | Hold | Wait:
        """The target refused something: once a run the board is looked at for the cause."""
        if not self._checked:
            self._state = self._check()
        return self.layout()

    @property
    def known(self) -> bool:
        return bool(self._place)

    # --- what is remembered ----------------------------------------------------------------------

    @property
    def _wished(self) -> str:
        """The board that the connection's settings name for this flow."""
        boards = (self.context.connection("target").settings or {}).get("boards") or {}
        return str(boards.get(self.context.flow.name, "")).strip()

    @property
    def _place(self) -> str:
        return self._wished or self.context.flow.place

    def _stored(self) -> Found | None:
        """What the last check found, while it holds."""
        found = last_found(self.context.flow)
        if found is None or not self._place or self._place != self.context.flow.place:
            return None
        fresh = self.context.now() - datetime.fromisoformat(found.checked) < CHECK_EVERY
        names = {each.name for each in self.fields}
        same = self.choices.chosen() == found.chosen and set(found.columns) <= names <= {*found.columns, *found.chosen}
        wants_group = bool(found.closed_group) == self._moves
        return found if fresh and same and wants_group and not found.problem else None

    def _keep(self, found: Found | dict[str, Any]) -> None:
        if self.context.preview:
            return
        flow = self.context.flow
        flow.cursors[STATE] = asdict(found) if isinstance(found, Found) else found
        Flow.objects.filter(pk=flow.pk).update(cursors=flow.cursors, place=flow.place)

    @property
    def _moves(self) -> bool:
        return bool(self.context.settings["closed_items"] == "group")

    # --- looking ---------------------------------------------------------------------------------

    def _check(self) -> Found | Hold | Wait:
        self._checked = True
        board = self._board()
        if not isinstance(board, Board):
            return board
        if problem := self._unusable(board):
            return self._hold(problem)
        self._settle_on(board)
        chosen = self.choices.chosen()
        columns = match(self.fields, chosen, board.columns)
        if not columns.problems:
            self._create(board, columns)
        self.choices.publish(board, columns.found)
        if columns.problems:
            return self._hold(" ".join(columns.problems), board)
        closed_group = self._closed_group(board) if self._moves else ""
        found = Found(
            checked=self.context.now().isoformat(),
            board=board.id,
            chosen=self.choices.chosen(),
            columns={name: [column.id, column.kind] for name, column in columns.found.items()},
            items=board.items,
            limit=board.items_limit,
            closed_group=closed_group,
            home=next((group.id for group in board.groups if not group.archived and group.id != closed_group), ""),
        )
        before = self._columns_before()
        self._keep(found)
        if any(name in before and before[name][0] != found.columns[name][0] for name in found.columns):
            self._write_again()
        return found

    def _layout(self, found: Found) -> Layout:
        room = None
        if found.limit:
            since = datetime.fromisoformat(found.checked)
            made = Link.objects.filter(flow=self.context.flow, created_at__gte=since).count()
            room = max(found.limit - SPARE - found.items - made, 0)
        columns = {name: (column_id, kind) for name, (column_id, kind) in found.columns.items()}
        return Layout(found.board, columns, room, found.closed_group, found.home)

    def _hold(self, problem: str, board: Board | None = None) -> Hold:
        """One clear reason for all records of the flow; looked at again by itself."""
        self._keep(Found(problem=problem, columns=self._columns_before()))
        named = f"Board '{board.name}' in {self.there}: " if board else ""
        table = " The table is Mappings, columns." if board else ""
        return Hold(Reason.BOARD_UNUSABLE, f"{named}{problem}{table}", retry_after=LOOK_AGAIN)

    # --- the board -------------------------------------------------------------------------------

    @property
    def _title(self) -> str:
        company = self.context.reader.capabilities.books.rpartition("|")[2]
        return " ".join(filter(None, (self.context.label("source"), company, self.table.title)))

    def _board(self) -> Board | Hold | Wait:
        writer = self.context.writer
        if self._place:
            board: Board | None = writer.get_board(self._place)
            return board if board is not None else self._hold(self._invisible(self._place))
        workspace = str((self.context.connection("target").settings or {}).get("workspace_id") or "")
        boards: list[Board] = writer.find_board(self._title, workspace)
        if len(boards) > 1:
            ids = ", ".join(sorted(board.id for board in boards))
            return self._hold(
                f"{self.there} has several boards named '{self._title}' ({ids}): name one of them for the flow "
                f"{self.context.flow.name} under boards in the connection's settings."
            )
        if boards:
            return boards[0]
        if not self.context.settings["manage_columns"]:
            return self._hold(
                f"{self.there} has no board named '{self._title}', and boards are not created (setting "
                f"manage_columns): name one for the flow {self.context.flow.name} under boards in the connection's "
                "settings."
            )
        return self._new_board(workspace)

    def _new_board(self, workspace: str) -> Board | Wait:
        """A creation that got no answer may still happen: until it cannot any more, nobody creates another."""
        if self.context.preview:
            return Board("", self._title)
        asked = (self.context.flow.cursors.get(STATE) or {}).get("creating")
        window = self.context.writer.capabilities.answer_window
        if asked:
            left = window - (self.context.now() - datetime.fromisoformat(asked)).total_seconds()
            if left > 0:
                return self._wait(left)
        self._keep({"creating": self.context.now().isoformat()})
        try:
            board: Board = self.context.writer.create_board(self._title, workspace)
        except OutcomeUnknown:
            return self._wait(window)
        self.context.report(
            "board_created", record_type="board", target_id=board.id, outcome="ok", message=f"Board '{board.name}'."
        )
        return board

    def _wait(self, seconds: float) -> Wait:
        self._until = self.context.now() + timedelta(seconds=seconds)
        return Wait(f"The board '{self._title}' may still be being created in {self.there}.", seconds)

    def _invisible(self, board_id: str) -> str:
        name = self.context.flow.name
        return (
            f"The board {board_id} of the flow {name} is gone from {self.there}, or our user cannot see it: restore "
            f"it, or let the user into it, or name another board for {name} under boards in the connection's settings."
        )

    def _unusable(self, board: Board) -> str:
        if board.problem:
            return f"The board '{board.name}' cannot be written to: {board.problem}"
        mine = Flow.objects.filter(place=board.id, integration__target=self.context.connection("target"))
        other = (
            mine.exclude(pk=self.context.flow.pk).select_related("integration__tenant").first() if board.id else None
        )
        if other is not None:
            return f"The board '{board.name}' holds the records of {other} already: name another one for this flow."
        return ""

    def _settle_on(self, board: Board) -> None:
        """Remember the board before anything is written on it; items and columns of another one are not on it."""
        flow = self.context.flow
        if self.context.preview or flow.place == board.id:
            return
        if flow.place:
            Link.objects.filter(flow=flow).update(state=Link.State.MISSING, status="")
            self.moved = True
            known = {LEFT_OUT, *(text for column in board.columns for text in (column.id, column.title))}
            self.choices.rows().exclude(target__in=known).delete()
        flow.place = board.id
        self._keep({})

    def _columns_before(self) -> dict[str, list[str]]:
        """As they were when they were last in order."""
        columns: dict[str, list[str]] = (self.context.flow.cursors.get(STATE) or {}).get("columns", {})
        return columns

    def _write_again(self) -> None:
        """A field has another column now: items that are in order are due again, to fill it."""
        if self.context.preview:
            return
        newest = Delivery.objects.filter(flow=self.context.flow, key=OuterRef("key")).order_by("-version").values("pk")
        rows = Delivery.objects.filter(flow=self.context.flow, state=State.DELIVERED, pk=Subquery(newest[:1]))
        count = rows.update(state=State.PENDING, updated_at=self.context.now())
        self.context.report(
            "columns_changed", record_type="board", outcome="changed", message=f"{count} items are written again."
        )

    # --- its columns and groups ------------------------------------------------------------------

    def _create(self, board: Board, columns: Columns) -> None:
        """What is missing, where we may; what people must do, where we may not."""
        live = list(board.columns)
        for each in columns.missing:
            if not self.context.settings["manage_columns"]:
                columns.problems.append(
                    f"It has no column for {each.title}, and columns are not created (setting manage_columns): add one "
                    f"titled '{each.title}' of type {each.kind}, or choose one for {each.name}."
                )
                continue
            column_id = free_id(each.id, live)
            if self.context.preview:
                columns.found[each.name] = BoardColumn(column_id, each.title, each.kind)
                continue
            try:
                made = self.context.writer.create_column(board.id, column_id, each.title, each.kind)
            except Rejected as error:
                columns.problems.append(f"No column could be created for {each.title}: {error.message}")
                return
            columns.found[each.name] = made
            live.append(made)

    def _closed_group(self, board: Board) -> str:
        title = f"Closed in {self.context.label('source')}"
        for group in board.groups:
            if group.title == title and not group.archived:
                return group.id
        if self.context.preview:
            return title
        made: str = self.context.writer.create_group(board.id, title).id
        return made
