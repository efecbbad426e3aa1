"""monday.com's GraphQL endpoint: one function a document, and the rules of repeating a request. docs: monday 1, 4, 6

Reads are repeated where waiting is short. A mutation that got no clear answer is repeated under the same
Idempotency-Key, which within half an hour answers as before and does nothing again; one that a limit refused was not
processed and gets another key.
"""

from __future__ import annotations

import hashlib
import random
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..budget import LONGEST_NAP
from ..errors import BadAnswer, ConnectorError, OutcomeUnknown, RateLimited, Rejected, Transient
from ..ports import ConnectionSpec, Host
from ..transport import Transport, dump_json
from . import config, documents
from .budgets import CREATIONS_A_MINUTE, ITEM_WRITE_POINTS, READ_POINTS, Budgets
from .refusals import Answer, Fault, InProgress, foreign, judge, parse

TRIES = 3
FIRST_PAUSE = 1.0  # seconds, doubled each time, where the server names none
PAGE = 500  # items a page (docs: monday 4.4)
BOARDS_A_PAGE = 100
CREATION_POINTS = 30_000  # of a board, column or group, until one was measured [assumed]

Row = dict[str, Any]
Variables = Mapping[str, Any]


class Client:
    """For any number of threads. `jitter` returns numbers in [0, 1)."""

    def __init__(self, spec: ConnectionSpec, host: Host, *, jitter: Callable[[], float] = random.random) -> None:
        self.config = config.parse(spec)
        self._host = host
        self._jitter = jitter
        self.transport = Transport(spec, host, timeout=(config.CONNECT_TIMEOUT, self.config.read_timeout))
        self.patience = max(self.config.read_timeout, float(spec.settings.get("request_timeout") or 0))
        self.budgets = Budgets(
            self.config.identity,
            self.config.site,
            self.config.plan,
            self.config.daily_calls,
            config.CONNECT_TIMEOUT + self.patience,
            host,
        )

    @property
    def longest_write(self) -> float:
        """Seconds after which nothing of a mutation can take effect any more, its repetitions included."""
        return TRIES * (config.CONNECT_TIMEOUT + self.patience + LONGEST_NAP)

    def close(self) -> None:
        self.transport.close()

    # --- queries -------------------------------------------------------------------------------------

    def ping(self) -> Row:
        """`me` and `version`."""
        return self._read(documents.PING, {}, "ping")

    def boards(self, ids: Sequence[str]) -> list[Any]:
        data = self._read(documents.BOARDS, {"ids": list(ids), "limit": max(len(ids), 1)}, "boards")
        return _list(data.get("boards"), "boards")

    def board_names(self, workspace: str, page: int) -> list[Any]:
        """One page of live boards; a full one means that there may be another."""
        variables: Row = {"limit": BOARDS_A_PAGE, "page": page}
        variables |= {"workspaces": [workspace]} if workspace else {}
        return _list(self._read(documents.BOARD_NAMES, variables, "board_names").get("boards"), "boards")

    def items_by_key(
        self, board: str, column: str, keys: Sequence[str], columns: Sequence[str]
    ) -> tuple[list[Any], str]:
        """A page of items and the cursor of the next one, "" on the last."""
        variables = {"board": board, "column": column, "keys": list(keys), "columns": list(columns), "limit": PAGE}
        data = self._read(documents.ITEMS_BY_KEY, variables, "items_by_key")
        return _page(data.get("items_page_by_column_values"))

    def items_by_id(self, ids: Sequence[str], columns: Sequence[str]) -> list[Any]:
        """At most 100. The limit goes along, or 25 would be answered (trap 4)."""
        variables = {"ids": list(ids), "columns": list(columns), "limit": len(ids)}
        return _list(self._read(documents.ITEMS_BY_ID, variables, "items_by_id").get("items"), "items")

    def items_of_board(self, board: str, columns: Sequence[str]) -> tuple[list[Any], str] | None:
        """The first page of all items; None for a board that is not visible."""
        variables = {"ids": [board], "columns": list(columns), "limit": PAGE}
        boards = _list(self._read(documents.ITEMS_OF_BOARD, variables, "items_of_board").get("boards"), "boards")
        return _page(boards[0].get("items_page")) if boards and isinstance(boards[0], dict) else None

    def next_items(self, cursor: str, columns: Sequence[str]) -> tuple[list[Any], str]:
        variables = {"cursor": cursor, "columns": list(columns), "limit": PAGE}
        return _page(self._read(documents.NEXT_ITEMS, variables, "next_items").get("next_items_page"))

    # --- mutations -----------------------------------------------------------------------------------

    def create_board(self, name: str, workspace: str) -> Row:
        self.budgets.count("creations", 1, CREATIONS_A_MINUTE)
        variables = {"name": name, **({"workspace": workspace} if workspace else {})}
        return self._one(self._write(documents.CREATE_BOARD, variables, "create_board", points=CREATION_POINTS))

    def create_column(self, board: str, column: str, title: str, kind: str, description: str) -> Row:
        variables = {"board": board, "title": title, "kind": kind, "description": description}
        variables |= {"column": column} if column else {}
        answer = self._write(documents.CREATE_COLUMN, variables, "create_column", board=board, points=CREATION_POINTS)
        return self._one(answer)

    def create_group(self, board: str, title: str) -> Row:
        variables = {"board": board, "title": title}
        return self._one(
            self._write(documents.CREATE_GROUP, variables, "create_group", board=board, points=CREATION_POINTS)
        )

    def write_items(self, document: str, variables: Variables, board: str, count: int, key: str) -> Answer:
        """`count` mutations of items in one document; what each of them did is the caller's to tell apart."""
        if self.config.item_writes:
            self.budgets.count("item_writes", count, self.config.item_writes)
        return self._write(document, variables, "write_items", count, board=board, key=key)

    def error(self, fault: Fault, answer: Answer, *, writes: bool = True) -> ConnectorError:
        clean = self.transport.redactor.literals
        return judge(fault, answer.reply, writes=writes, now=self._host.clock.now(), clean=clean)

    def _one(self, answer: Answer) -> Row:
        """The object of a document's only mutation."""
        row = answer.data.get("m0")
        if isinstance(row, dict) and row.get("id"):
            return row
        fault = answer.fault_of("m0")
        raise self.error(fault, answer) if fault else _nothing_said(answer)

    # --- one request -----------------------------------------------------------------------------------

    def _read(self, document: str, variables: Variables, operation: str) -> Row:
        """The data of a query. Part of it is none: an absence that an error hides would be taken for one."""
        tries = 0
        while True:
            tries += 1
            self.budgets.admit(operation, 1, READ_POINTS)
            try:
                answer = self._exchange(document, variables, operation, 1)
                if not answer.faults:
                    return dict(answer.data)
                raise self.error(answer.faults[0], answer, writes=False)
            except Transient as error:
                wait = self._pause(error, tries)
                if tries >= TRIES or wait > LONGEST_NAP:
                    raise
                if not isinstance(error, RateLimited):
                    self._host.clock.sleep(wait)

    def _write(
        self,
        document: str,
        variables: Variables,
        operation: str,
        units: int = 1,
        *,
        board: str = "",
        key: str = "",
        points: int = ITEM_WRITE_POINTS,
    ) -> Answer:
        """The answer to mutations, of which some may have failed by themselves. `key` names the attempt: see
        `WritesBoards.write_items`.

        Raises what went wrong with all of them; OutcomeUnknown where some may have been executed.
        """
        attempt = key or uuid.uuid4().hex
        tries, refused, unknown, sealed = 0, 0, False, ""
        while True:
            tries += 1
            try:
                self.budgets.admit(operation, units, points)
                if not unknown:
                    sealed = self._seal(document, variables, attempt, refused)
                answer = self._exchange(document, variables, operation, units, board=board, key=sealed)
                if answer.reply.status == 200 and (answer.data or any(fault.alias for fault in answer.faults)):
                    return answer
                raise self.error(answer.faults[0], answer) if answer.faults else _nothing_said(answer)
            except (Transient, OutcomeUnknown) as error:
                unknown = unknown or isinstance(error, OutcomeUnknown | InProgress)
                refused += 1
                wait = self._pause(error, tries)
                if tries >= TRIES or wait > LONGEST_NAP:
                    raise _still_unknown(error) if unknown else error from None
                if not isinstance(error, RateLimited):
                    self._host.clock.sleep(wait)
            except ConnectorError as error:
                raise _still_unknown(error) if unknown and not isinstance(error, Rejected) else error from None

    def _exchange(
        self, document: str, variables: Variables, operation: str, units: int, *, board: str = "", key: str = ""
    ) -> Answer:
        headers = {"Authorization": self.config.authorization, "API-Version": self.config.api_version}
        headers |= {"Idempotency-Key": key} if key else {}
        reply = self.transport.send(
            "POST",
            self.config.url,
            headers=headers,
            json={"query": document, "variables": variables},
            writes=bool(key),
            limits=self.budgets.limits(board),
        )
        now = self._host.clock.now()
        try:
            answer = parse(reply)
        except BadAnswer as error:
            self.budgets.learn(operation, units, None, reply.headers)
            raise self._heeded(foreign(reply, error, writes=bool(key), now=now)) from None
        self.budgets.learn(operation, units, answer.data.get("complexity"), reply.headers)
        for fault in answer.faults:
            self._heeded(self.error(fault, answer, writes=bool(key)))
        if reply.status != 200 and not answer.faults:
            raise self._heeded(self.error(Fault(""), answer, writes=bool(key)))
        return answer

    def _heeded(self, error: ConnectorError) -> ConnectorError:
        """Any limit stops everybody who uses the token, for as long as it says."""
        if isinstance(error, RateLimited):
            self.budgets.hold(self._jittered(error.retry_after or FIRST_PAUSE))
        return error

    def _seal(self, document: str, variables: Variables, attempt: str, refused: int) -> str:
        """The Idempotency-Key: of this body in this attempt, and another one after each refusal by a limit."""
        generation = f"{attempt}\n{self.budgets.state().refused}\n{refused}"
        body = dump_json({"query": document, "variables": variables})
        return hashlib.sha256(f"{self.config.identity}\n{generation}\n".encode() + body).hexdigest()

    def _pause(self, error: ConnectorError, tries: int) -> float:
        asked = getattr(error, "retry_after", None)
        return self._jittered(FIRST_PAUSE * 2 ** (tries - 1) if asked is None else asked)

    def _jittered(self, seconds: float) -> float:
        return seconds * (1 + self._jitter() / 10)


def _still_unknown(error: ConnectorError) -> OutcomeUnknown:
    if isinstance(error, OutcomeUnknown):
        return error
    return OutcomeUnknown(
        f"monday.com gave no clear answer to what was sent, and then: {error.message}",
        status=error.status,
        code=error.code,
        raw=error.raw,
    )


def _nothing_said(answer: Answer) -> OutcomeUnknown:
    return OutcomeUnknown(
        "monday.com did not say what became of the request.", status=answer.reply.status, raw=answer.reply.excerpt()
    )


def _list(value: Any, what: str) -> list[Any]:
    if not isinstance(value, list):
        raise BadAnswer(f"monday.com answered without a list of {what}.")
    return value


def _page(value: Any) -> tuple[list[Any], str]:
    if not isinstance(value, dict):
        raise BadAnswer("monday.com answered without a page of items.")
    cursor = value.get("cursor")
    return _list(value.get("items"), "items"), cursor if isinstance(cursor, str) else ""
