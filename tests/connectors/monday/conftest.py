"""A monday.com connection whose sleeping turns the sandbox's clock too, so that nothing really waits."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from connectors.budget import MemoryStore
from connectors.domain import ItemChange, ItemDraft
from connectors.monday.connector import Monday
from connectors.monday.sandbox import TOKEN, MondaySandbox
from connectors.ports import ConnectionSpec, Exchange, Host
from connectors.sandboxing import Fault, Running

KEY, HASH = "sage_key", "sage_hash"


class SharedClock:
    """The sandbox's clock, for both sides."""

    def __init__(self, sandbox: MondaySandbox) -> None:
        self.sandbox = sandbox
        self.naps: list[float] = []

    def now(self) -> datetime:
        return self.sandbox.now()

    def monotonic(self) -> float:
        return time.monotonic() + self.sandbox.offset.total_seconds()

    def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.sandbox.offset += timedelta(seconds=seconds)


@dataclass
class Stage:
    sandbox: MondaySandbox
    url: str
    clock: Any
    store: MemoryStore
    exchanges: list[Exchange] = field(default_factory=list)
    opened: list[Monday] = field(default_factory=list)

    def connect(self, token: str = TOKEN, path: str = "/v2", **settings: Any) -> Monday:
        spec = ConnectionSpec(
            "k", "board", "monday", self.url + path, {"plan": "pro", **settings}, {"api_token": token}
        )
        self.opened.append(Monday(spec, Host(self.clock, self.store, self.exchanges.append)))
        return self.opened[-1]

    def board(self, **columns: str) -> str:
        """An empty board with our two columns and these: id -> kind."""
        board = self.sandbox.do_add_board("Invoices")["id"]
        for column, kind in {KEY: "text", HASH: "text", **columns}.items():
            self.sandbox.do_add_column(board, column, kind, column)
        return str(board)

    def rows(self, board: str) -> dict[str, dict[str, Any]]:
        """What is on the board, by name of the item."""
        return {item["name"]: item for item in self.sandbox.state()["boards"][board]["items"]}

    def fail(self, kind: str, **facts: Any) -> None:
        self.sandbox.faults = [Fault(kind, **facts)]

    @property
    def requests(self) -> int:
        return int(self.sandbox.stats()["graphql_requests"])


Open = Callable[..., Stage]


@pytest.fixture
def open_stage() -> Iterator[Open]:
    running: list[Running] = []
    stages: list[Stage] = []

    def make(**facts: Any) -> Stage:
        sandbox = MondaySandbox(**facts)
        running.append(Running(sandbox))
        clock = SharedClock(sandbox)
        stages.append(Stage(sandbox, running[-1].url, clock, MemoryStore(clock)))
        return stages[-1]

    yield make
    for stage in stages:
        for monday in stage.opened:
            monday.close()
    for each in running:
        each.stop()


@pytest.fixture
def stage(open_stage: Open) -> Stage:
    return open_stage()


def draft(key: str, name: str = "", group: str = "", **values: tuple[str, str]) -> ItemDraft:
    own = {KEY: ("text", key), HASH: ("text", f"hash of {key}")}
    return ItemDraft(key, name or key, {**own, **values}, f"hash of {key}", group)


def creation(key: str, **facts: Any) -> ItemChange:
    return ItemChange(draft(key, **facts))
