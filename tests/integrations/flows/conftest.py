from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest

from integrations.engine import context as engine_context
from integrations.engine.sync import SyncResult, sync
from integrations.models import Delivery, Flow, Integration, Link, Mapping
from tests.builders import Side, provision_tenant

from .board_fakes import FakeBoards, FakeLedger, TurnedClock


@dataclass
class BoardWorld:
    ledger: FakeLedger
    boards: FakeBoards
    clock: TurnedClock
    integration: Integration

    def sync(self, **options: Any) -> SyncResult:
        self.integration.refresh_from_db()
        return sync(self.integration, **{"clock": self.clock, **options})

    def flow(self, name: str = "bills") -> Flow:
        return self.integration.flows.get(name=name)

    def latest(self, document: str, flow: str = "bills") -> Delivery:
        row = Delivery.objects.filter(flow__name=flow, document=document).order_by("version").last()
        assert row is not None
        return row

    def link(self, key: str, flow: str = "bills") -> Link:
        return Link.objects.get(flow__name=flow, source_key=key)

    def column(self, field: str) -> Mapping:
        return Mapping.objects.get(integration=self.integration, table="columns", source=field)

    def set(self, **settings: Any) -> None:
        self.integration.settings |= settings
        self.integration.save(update_fields=["settings"])

    def connection(self, **settings: Any) -> None:
        self.integration.target.settings |= settings
        self.integration.target.save(update_fields=["settings"])

    def forget_calls(self) -> None:
        self.boards.calls.clear()


@pytest.fixture
def world(db: None, monkeypatch: pytest.MonkeyPatch) -> BoardWorld:
    """A ledger with nothing in it, and no board yet."""
    ledger, boards, clock = FakeLedger(), FakeBoards(), TurnedClock()

    def open_fake(connection: Any, **options: Any) -> Any:
        return ledger if connection.system == "sage100" else boards

    monkeypatch.setattr(engine_context, "open_connector", open_fake)
    sage = Side("erp", "sage100", "http://127.0.0.1:1", {}, {})
    monday = Side("board", "monday", "http://127.0.0.1:2", {}, {})
    integration = provision_tenant("sage100_monday", sage, monday, date(2026, 10, 1))
    return BoardWorld(ledger, boards, clock, integration)
