"""Lines of a document as subitems of its item, where people want them: found by key, changed or created, one by one.

Subitems stand on a board of their own, which the first of them brings into being (docs: monday 13).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from connectors.domain import Board, ItemChange, ItemDraft, Written
from connectors.errors import ConnectorError, Rejected
from integrations.engine.codec import fingerprint
from integrations.engine.context import FlowContext
from integrations.models import Flow

from .board_records import HASH, KEY, BoardField, ItemRecord, Part, text

STATE = "lines board"  # among the flow's cursors
FIELDS = (
    BoardField(KEY, "Key", "text", column="line_key"),
    BoardField(HASH, "Hash", "text", column="line_hash"),
    BoardField("gl_code", "GL code", "text"),
    BoardField("amount", "Amount", "numbers"),
    BoardField("detail", "Detail", "text"),
)
REMOVED = "(removed)"
FIRST = "|1"  # what the key of a document's first line ends with
NAME_LENGTH = 255


@dataclass(frozen=True, slots=True)
class LinesBoard:
    """The hidden board and the ids of its columns by field."""

    board: str
    columns: dict[str, str]


def state_of(record: ItemRecord) -> str:
    """What a link remembers of the lines that were written: how many, and which."""
    return f"{len(record.parts)}:{fingerprint(ItemRecord('', '', {}, parts=record.parts))}"


def drafts(record: ItemRecord, before: str, board: LinesBoard) -> list[ItemDraft]:
    """A subitem a line; of those that are no longer there it is said so: nothing is deleted."""
    count = int(before.partition(":")[0] or 0)
    parts: list[Part | None] = [*record.parts, *[None] * (count - len(record.parts))]
    return [_draft(f"{record.key}|{number}", number, part, board) for number, part in enumerate(parts, 1)]


def _draft(key: str, number: int, part: Part | None, board: LinesBoard) -> ItemDraft:
    hash_ = fingerprint(part) if part else REMOVED
    values = {
        KEY: key,
        HASH: hash_,
        "gl_code": part.account if part else "",
        "amount": text(part.amount) if part else "",
        "detail": part.text if part else "",
    }
    shown = {board.columns[each.name]: (each.kind, values[each.name]) for each in FIELDS}
    return ItemDraft(key, _name(number, part), shown, hash_)


def _name(number: int, part: Part | None) -> str:
    return " ".join(f"{number} {part.text or part.account}".split())[:NAME_LENGTH] if part else f"{number} {REMOVED}"


class BoardLines:
    """Writes the lines of one item at a time. Asks no database but in `remember`."""

    def __init__(self, context: FlowContext) -> None:
        self.context = context
        stored = context.flow.cursors.get(STATE)
        self.board: LinesBoard | None = LinesBoard(**stored) if stored else None

    def remember(self) -> None:
        flow = self.context.flow
        if self.board is not None and flow.cursors.get(STATE) != asdict(self.board):
            flow.cursors[STATE] = asdict(self.board)
            Flow.objects.filter(pk=flow.pk).update(cursors=flow.cursors)

    def write(self, board_id: str, item_id: str, record: ItemRecord, before: str, key: str) -> Written | ConnectorError:
        """All lines of an item, or the first error that one met with. Safe to repeat: what is there is found."""
        made = self._ready(board_id, item_id, record, key)
        if isinstance(made, ConnectorError):
            return made
        assert self.board is not None
        writer, wanted = self.context.writer, drafts(record, before, self.board)
        there = self._find([each.key for each in wanted], self.board)
        there |= {wanted[0].key: (made, "")} if made and wanted else {}
        changes = [_change(each, there, item_id) for each in wanted if there.get(each.key, ("", ""))[1] != each.hash]
        size = max(1, int(writer.capabilities.batch.get("item", 1)))
        for start in range(0, len(changes), size):
            answers = writer.write_items(self.board.board, changes[start : start + size], key=f"{key}-{start}")
            if failed := [each for each in answers if isinstance(each, ConnectorError)]:
                return failed[0]
        return Written(item_id)

    def _find(self, keys: Sequence[str], board: LinesBoard) -> dict[str, tuple[str, str]]:
        """Id and hash by key."""
        writer = self.context.writer
        found: dict[str, tuple[str, str]] = {}
        size = int(writer.capabilities.batch.get("item_keys", 100))
        for start in range(0, len(keys), size):
            chunk = keys[start : start + size]
            for each in writer.find_items(board.board, board.columns[KEY], board.columns[HASH], chunk):
                found.setdefault(each.key, (each.id, each.hash))
        return found

    def _ready(self, board_id: str, item_id: str, record: ItemRecord, key: str) -> str | ConnectorError:
        """Know the hidden board. Where there was none, the first subitem makes it: its id then, "" otherwise."""
        if self.board is not None:
            return ""
        parent: Board | None = self.context.writer.get_board(board_id)
        made, lines = "", parent.subitems if parent else ""
        if not lines:
            first = ItemChange(ItemDraft("", f"{record.key}{FIRST}", {}), parent=item_id)
            answer = self.context.writer.write_items(board_id, [first], key=f"{key}-first")[0]
            if isinstance(answer, ConnectorError):
                return answer
            made, lines = answer.id, answer.details.get("board", "")
        if not lines:
            return Rejected("The board of the subitems cannot be seen.")
        board = LinesBoard(lines, self._columns(lines))
        self._give_keys(board, {made: f"{record.key}{FIRST}"} if made else self._nameless(board), key)
        self.board = board
        return made

    def _nameless(self, board: LinesBoard) -> dict[str, str]:
        """The very first subitem was made before there was a column for its key: it has the key as its name, should
        nobody have come to know of it."""
        pages = self.context.writer.read_items(board.board, board.columns[KEY], board.columns[HASH], {})
        return {item.id: item.name for page in pages for item in page if not item.key and item.name.endswith(FIRST)}

    def _give_keys(self, board: LinesBoard, keys: dict[str, str], key: str) -> None:
        """By id; the hidden board counts as known only once this is done."""
        column = board.columns[KEY]
        changes = [ItemChange(ItemDraft(own, "", {column: ("text", own)}), item_id=id_) for id_, own in keys.items()]
        answers = self.context.writer.write_items(board.board, changes, key=f"{key}-keys") if changes else []
        for error in (each for each in answers if isinstance(each, ConnectorError)):
            raise error

    def _columns(self, board_id: str) -> dict[str, str]:
        board: Board | None = self.context.writer.get_board(board_id)
        live = {column.id for column in board.columns if not column.archived} if board else set()
        for each in FIELDS:
            if each.id not in live:
                self.context.writer.create_column(board_id, each.id, each.title, each.kind)
        return {each.name: each.id for each in FIELDS}


def _change(draft: ItemDraft, there: dict[str, tuple[str, str]], parent: str) -> ItemChange:
    found = there.get(draft.key)
    return ItemChange(draft, item_id=found[0]) if found else ItemChange(draft, parent=parent)
