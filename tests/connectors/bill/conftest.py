"""A BILL connection in virtual time: on canned answers, or on the sandbox over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from connectors.bill.connector import Bill
from connectors.bill.sandbox import BillSandbox
from connectors.budget import MemoryStore
from connectors.ports import ConnectionSpec, Exchange, Host
from connectors.sandboxing import Running

ORGANIZATION = "00801SANDBOXORGANIZA"
SPEC = ConnectionSpec(
    key="acme/pay",
    name="pay",
    system="bill",
    base_url="https://gateway.stage.bill.com/connect",
    settings={"organization_id": ORGANIZATION},
    credentials={
        "username": "ap-sync@example.com",
        "password": "sandbox-password",
        "dev_key": "01SANDBOXDEVELOPERKEY",
    },
)


class VirtualClock:
    """Stands still but for sleeping."""

    def __init__(self, start: datetime) -> None:
        self.start = start
        self.passed = 0.0
        self.naps: list[float] = []

    def now(self) -> datetime:
        return self.start + timedelta(seconds=self.passed)

    def monotonic(self) -> float:
        return self.passed

    def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.passed += seconds


@dataclass
class Ground:
    """What connectors of one installation share."""

    clock: VirtualClock
    store: MemoryStore
    exchanges: list[Exchange] = field(default_factory=list)

    @property
    def host(self) -> Host:
        return Host(self.clock, self.store, self.exchanges.append)

    def calls(self, method: str, ending: str) -> list[Exchange]:
        return [each for each in self.exchanges if each.method == method and each.url.split("?")[0].endswith(ending)]


@pytest.fixture
def ground() -> Ground:
    clock = VirtualClock(datetime(2026, 11, 20, 15, 20, tzinfo=UTC))
    return Ground(clock, MemoryStore(clock))


@dataclass
class Stage:
    """A running sandbox, the connector to it, and the sandbox's controls."""

    running: Running
    ground: Ground
    spec: ConnectionSpec

    def connect(self, **credentials: str) -> Bill:
        spec = replace(self.spec, credentials={**self.spec.credentials, **credentials})
        return Bill(spec, self.ground.host)

    def post(self, verb: str, body: Any) -> Any:
        answer = requests.post(f"{self.running.url}/_sandbox/{verb}", json=body, timeout=20)
        answer.raise_for_status()
        return answer.json()

    def act(self, action: str, **parameters: Any) -> Any:
        return self.post(f"actions/{action}", parameters)

    def fault(self, kind: str, **details: Any) -> None:
        self.post("faults", [{"kind": kind, **details}])

    def get(self, verb: str) -> Any:
        return requests.get(f"{self.running.url}/_sandbox/{verb}", timeout=20).json()


@pytest.fixture
def stage() -> Iterator[Stage]:
    clock = VirtualClock(datetime.now(UTC))
    with Running(BillSandbox()) as running:
        spec = replace(SPEC, base_url=f"{running.url}/connect")
        yield Stage(running, Ground(clock, MemoryStore(clock)), spec)


@pytest.fixture
def bill(stage: Stage) -> Bill:
    return stage.connect()
