"""monday.com as a place for items: boards, their columns, and one item a record. docs: monday 7 to 13"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from ..domain import Board, BoardColumn, BoardGroup, BoardItem, ItemChange, Written
from ..errors import (
    BadAnswer,
    ConfigurationError,
    ConnectorError,
    CredentialsRefused,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    Rejected,
    sentence,
)
from ..ports import Capabilities, ConnectionSpec, Host, PingStep
from . import config, mapper
from .budgets import DEFAULT_PLAN, PLANS
from .client import BOARDS_A_PAGE, Client
from .documents import Shape, batch
from .refusals import Answer

T = TypeVar("T")
Outcome = Written | ConnectorError

_DESCRIPTION = "Do not edit: written by ml-connector"
_LIMITS_FIX = (
    "Nothing is wrong with the connection: what waits is sent when the limit's time is over. Where the plan allows "
    "more, raise plan or daily_calls in its settings."
)
_EXPIRED = "cursor", "expired"  # what the refusal of an old cursor says (docs: monday 10)
# Refusals of a change behind which there may be an item that a person deleted [assumed] (docs: monday 8).
_PERHAPS_GONE = {"", "invalidargumentexception", "invaliditemidexception"}

CAPABILITIES = Capabilities(
    batch={"item": config.ITEMS_A_WRITE, "item_keys": config.KEYS_A_LOOK_UP},
    limits={"item.name": mapper.LONGEST_NAME, **{f"item.{kind}": most for kind, most in mapper.LONGEST.items()}},
    in_flight=1,
    changes=frozenset({"item"}),
)


class Monday:
    """Ports: Connector, WritesBoards."""

    def __init__(self, spec: ConnectionSpec, host: Host) -> None:
        self._spec = spec
        self._client = Client(spec, host)
        self.capabilities = replace(
            CAPABILITIES,
            batch={**CAPABILITIES.batch, "item": self._client.config.items_a_write},
            answer_window=self._client.longest_write,
        )

    def close(self) -> None:
        self._client.close()

    def begin_run(self) -> None:
        """Nothing: a run that finds nothing to write makes no call."""

    # --- the connection ------------------------------------------------------------------------------

    def ping(self) -> Iterator[PingStep]:
        if not self._spec.tls.verify:
            yield PingStep(
                "tls",
                True,
                "Warning: the server's certificate is not verified; anybody between could read the token.",
                "Set ca_bundle or pin_sha256 in the TLS settings and switch verification on.",
            )
        try:
            answer = self._client.ping()
        except ConnectorError as error:
            yield _failed("login" if isinstance(error, CredentialsRefused) else "reach", error)
            return
        me = _object(answer.get("me"))
        account = _object(me.get("account"))
        yield PingStep("reach", True, "monday.com answers.")
        yield PingStep("login", True, f"Signed in as {me.get('name') or 'a user'}, account {account.get('slug')}.")
        yield self._version_step(_object(answer.get("version")))
        yield self._plan_step(account)
        try:
            yield self._boards_step()
        except ConnectorError as error:
            yield _failed("boards", error)

    def _version_step(self, version: Mapping[str, Any]) -> PingStep:
        """A version that is gone is not refused: another one answers (docs: monday 3)."""
        wanted, served = self._client.config.api_version, str(version.get("value") or "")
        if served == wanted:
            return PingStep("version", True, f"API version {served}.")
        fix = "Choose a version that monday.com still serves, and look for an update of ml-connector."
        return PingStep("version", True, f"Warning: asked for API version {wanted}, {served or 'none'} answered.", fix)

    def _plan_step(self, account: Mapping[str, Any]) -> PingStep:
        told = str(_object(account.get("plan")).get("tier") or account.get("tier") or "").lower()
        chosen, calls = str(self._spec.settings.get("plan") or ""), self._client.config.daily_calls
        budget = f"At most {calls} calls a day."
        if told in PLANS and told != (chosen or DEFAULT_PLAN):
            fix = f"Choose the plan {told}, so that its limits are kept."
            return PingStep("plan", True, f"Warning: the account's plan is {told}. {budget}", fix)
        return PingStep("plan", True, budget)

    def _boards_step(self) -> PingStep:
        wanted = self._client.config.boards
        if not wanted:
            return PingStep("boards", True, "No boards are chosen; they are created by the first run.")
        ids = sorted(set(wanted.values()))
        boards = {board.id: board for board in self._boards(ids)}
        unseen = [f"{flow} ({board})" for flow, board in wanted.items() if board not in boards]
        if unseen:
            fix = "Check the ids, and subscribe the token's user to these boards."
            return PingStep("boards", False, f"Not visible to the token's user: {', '.join(unseen)}.", fix)
        return PingStep("boards", True, f"Boards: {', '.join(boards[each].name for each in ids)}.")

    # --- boards --------------------------------------------------------------------------------------

    def get_board(self, board_id: str) -> Board | None:
        return next((board for board in self._boards([board_id]) if board.id == board_id), None)

    def _boards(self, ids: Sequence[str]) -> list[Board]:
        return [_convert(mapper.board, row) for row in self._client.boards(ids)]

    def find_board(self, name: str, workspace: str = "") -> list[Board]:
        """In the workspace, or in that of the connection's settings. Columns are read of those that have the name."""
        found: list[str] = []
        page = 1
        while True:
            rows = self._client.board_names(workspace or self._client.config.workspace, page)
            boards = [_convert(mapper.board, row) for row in rows]
            found += [board.id for board in boards if board.name == name and not board.problem]
            if len(rows) < BOARDS_A_PAGE:
                return self._boards(found) if found else []
            page += 1

    def create_board(self, name: str, workspace: str = "") -> Board:
        """Private: whom it is shown to is for people to decide."""
        row = self._client.create_board(name, workspace or self._client.config.workspace)
        return _written(mapper.board, row)

    def create_column(self, board_id: str, column_id: str, title: str, kind: str) -> BoardColumn:
        """`column_id` "" leaves the id to monday.com."""
        return _written(mapper.column, self._client.create_column(board_id, column_id, title, kind, _DESCRIPTION))

    def create_group(self, board_id: str, title: str) -> BoardGroup:
        return _written(mapper.group, self._client.create_group(board_id, title))

    # --- items ---------------------------------------------------------------------------------------

    def find_items(self, board_id: str, key_column: str, hash_column: str, keys: Sequence[str]) -> list[BoardItem]:
        """monday.com ignores case where we do not (trap 5), so its answer is compared again."""
        wanted = set(keys)
        columns = [key_column, hash_column]
        rows, cursor = self._client.items_by_key(board_id, key_column, list(keys), columns)
        while cursor:
            more, cursor = self._client.next_items(cursor, columns)
            rows += more
        items = [_convert(lambda row: mapper.item(row, key_column, hash_column), row) for row in rows]
        live = [item for item in items if item.key in wanted and item.state == "active"]
        return sorted(live, key=lambda item: (len(item.id), item.id))

    def get_items(self, item_ids: Sequence[str], key_column: str, hash_column: str) -> dict[str, BoardItem]:
        found: dict[str, BoardItem] = {}
        columns = [column for column in (key_column, hash_column) if column]
        for start in range(0, len(item_ids), config.KEYS_A_LOOK_UP):
            some = item_ids[start : start + config.KEYS_A_LOOK_UP]
            for row in self._client.items_by_id(some, columns):
                item = _convert(lambda row: mapper.item(row, key_column, hash_column), row)
                found[item.id] = item
        return found

    def read_items(
        self, board_id: str, key_column: str, hash_column: str, kinds: Mapping[str, str]
    ) -> Iterator[list[BoardItem]]:
        columns = list(dict.fromkeys([key_column, hash_column, *kinds]))
        while True:
            first = self._client.items_of_board(board_id, columns)
            if first is None:
                raise NotFound(f"monday.com shows no board {board_id} to the token's user.", code="board_not_visible")
            rows, cursor = first
            yield [_convert(lambda row: mapper.item(row, key_column, hash_column, kinds), row) for row in rows]
            try:
                while cursor:
                    rows, cursor = self._client.next_items(cursor, columns)
                    yield [_convert(lambda row: mapper.item(row, key_column, hash_column, kinds), row) for row in rows]
            except ConnectorError as error:  # a cursor lives for an hour from its first page
                if not all(word in error.message.lower() for word in _EXPIRED):
                    raise
                continue
            return

    def write_items(self, board_id: str, changes: Sequence[ItemChange], key: str = "") -> list[Outcome]:
        """What a column cannot take is refused here; the others go on without it."""
        outcomes: dict[int, Outcome] = {}
        shapes: list[Shape] = []
        variables: dict[str, Any] = {}
        sent: list[int] = []
        for index, change in enumerate(changes):
            n = len(sent)
            try:
                shape, own = _mutation(change)
            except ValueError as error:
                outcomes[index] = Rejected(f"The item cannot be written: {error}.")
                continue
            shapes.append(shape)
            variables |= {f"{name}{n}": value for name, value in own.items()}
            sent.append(index)
        if sent:
            if set(shapes) - {Shape.SUBITEM}:
                variables["board"] = board_id
            variables["labels"] = mapper.wants_labels([changes[index].draft for index in sent])
            answer = self._client.write_items(batch(shapes), variables, board_id, len(sent), key)
            outcomes |= dict(zip(sent, self._settle(answer, len(sent)), strict=True))
            self._find_gone(changes, outcomes)
        return _all_or_each([outcomes[index] for index in range(len(changes))])

    def mark_items(self, board_id: str, item_ids: Sequence[str], group_id: str, key: str = "") -> list[Outcome]:
        variables = {"group": group_id, **{f"item{n}": item for n, item in enumerate(item_ids)}}
        document = batch([Shape.MOVE] * len(item_ids))
        answer = self._client.write_items(document, variables, board_id, len(item_ids), key)
        return _all_or_each(self._settle(answer, len(item_ids)))

    def _settle(self, answer: Answer, count: int) -> list[Outcome]:
        """What became of each mutation. One that was neither answered nor refused may have been executed."""
        outcomes: list[Outcome] = []
        for n in range(count):
            row = answer.data.get(f"m{n}")
            if isinstance(row, dict) and row.get("id"):
                board = _object(row.get("board")).get("id")
                details = {"board": str(board)} if board else {}
                outcomes.append(Written(str(row["id"]), duplicate=answer.replayed, details=details))
            elif fault := answer.fault_of(f"m{n}"):
                outcomes.append(self._client.error(fault, answer))
            else:
                outcomes.append(OutcomeUnknown("monday.com did not say what became of the item."))
        return outcomes

    def _find_gone(self, changes: Sequence[ItemChange], outcomes: dict[int, Outcome]) -> None:
        """A refused change may mean that the item is not there any more: then it says NotFound."""
        suspects = {
            index: changes[index].item_id
            for index, outcome in outcomes.items()
            if changes[index].item_id and _perhaps_gone(outcome)
        }
        if not suspects:
            return
        try:
            items = self.get_items(list(suspects.values()), "", "")
        except ConnectorError:
            return  # the refusals stand as they are
        for index, item_id in suspects.items():
            state = items[item_id].state if item_id in items else "deleted"
            if state != "active":
                known = outcomes[index]
                message = f"The item {item_id} was {state} in monday.com."
                kind = NotFound if state == "deleted" else Rejected
                outcomes[index] = kind(message, code=f"item_{state}", raw=getattr(known, "raw", ""))


def _mutation(change: ItemChange) -> tuple[Shape, dict[str, Any]]:
    """Its shape and its own variables. Raises ValueError."""
    draft = change.draft
    if change.item_id:
        return Shape.CHANGE, {"item": change.item_id, "values": mapper.column_values(draft, rename=True)}
    new = {"name": mapper.item_name(draft), "values": mapper.column_values(draft, rename=False)}
    if change.parent:
        return Shape.SUBITEM, {"parent": change.parent, **new}
    return Shape.CREATE, {**new, **({"group": draft.group} if draft.group else {})}


def _perhaps_gone(outcome: Outcome) -> bool:
    permanent = isinstance(outcome, Rejected) and not isinstance(outcome, NotFound)
    return permanent and (getattr(outcome, "code", None) or "").lower() in _PERHAPS_GONE


def _all_or_each(outcomes: list[Outcome]) -> list[Outcome]:
    """What stops every element is raised: it is not about the elements."""
    if outcomes and all(isinstance(each, ConfigurationError | RateLimited) for each in outcomes):
        raise outcomes[0]  # type: ignore[misc]
    return outcomes


def _failed(step: str, error: ConnectorError) -> PingStep:
    if isinstance(error, RateLimited):  # the address and the token may be right
        return PingStep("limits", False, sentence(error.message), _LIMITS_FIX)
    named = isinstance(error, ConfigurationError)
    step = (error.step or step) if named else step  # type: ignore[attr-defined]
    fix = error.fix if named else "Check the base URL, the network and monday.com's status page."  # type: ignore[attr-defined]
    return PingStep(step, False, sentence(error.message), fix)


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _convert(convert: Callable[[Mapping[str, Any]], T], row: Any) -> T:
    """Raises BadAnswer: what cannot be read may be what is looked for."""
    try:
        return convert(_object(row))
    except ValueError as error:
        raise BadAnswer(f"monday.com's answer could not be understood: {error}.") from None


def _written(convert: Callable[[Mapping[str, Any]], T], row: Any) -> T:
    try:
        return convert(_object(row))
    except ValueError as error:
        raise OutcomeUnknown(f"monday.com's answer could not be understood: {error}.") from None
