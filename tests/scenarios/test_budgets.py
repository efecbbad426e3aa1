"""What a sync may cost in requests and statements. Times are left to `make bench`."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from integrations.engine.sync import SyncResult
from integrations.engine.unattended import run_flow
from tests.builders import World

VENDORS = 100
# What a poll of one side and of both sides really needs: claim, run, session, limits, fences, look, settle, release.
STATEMENTS = {"accounts": 31, "bills": 19, "vendors": 29, "payments": 24}


def fill(world: World, first: int, count: int) -> None:
    """Two-line invoices spread evenly over all vendors."""
    lines = [{"account": "5010-01-00", "amount": "60.00"}, {"account": "5020-01-00", "amount": "40.00"}]
    world.sage.load(
        invoices=[
            {"vendor": f"V{n % VENDORS:03d}", "invoice": f"INV-{n:05d}", "lines": lines}
            for n in range(first, first + count)
        ]
    )


def calls(result: SyncResult) -> int:
    assert result.ok
    return sum(sum(flow.requests.values()) for flow in result.flows)


@pytest.fixture
def known(world: World) -> World:
    """Vendors that both systems know, each with one bill."""
    place = {"addressLine1": "1 Main St", "city": "Dayton", "state": "OH", "zipCode": "45402", "countryCode": "USA"}
    world.sage.load(vendors=[{"vendor": f"V{n:03d}", "name": f"Supplier {n}", **place} for n in range(VENDORS)])
    fill(world, 0, VENDORS)
    assert world.sync().ok
    return world


@pytest.mark.slow
def test_2000_new_bills_of_known_vendors_take_at_most_64_requests(known: World) -> None:
    fill(known, VENDORS, 2_000)
    result = known.sync()
    assert len(known.bills()) == VENDORS + 2_000
    assert calls(result) <= 64


def test_requests_grow_with_pages_and_batches_and_not_with_records(known: World) -> None:
    """One more request to Sage per 500 invoices, one more write to BILL per 100, one more look-up per 100 vendors."""
    fill(known, VENDORS, 100)
    small = calls(known.sync())
    fill(known, VENDORS + 100, 400)
    assert calls(known.sync()) - small <= 3 + 3  # three batches, and pages of what these vendors have already
    assert len(known.bills()) == VENDORS + 500


def test_a_poll_that_finds_nothing_takes_two_requests_and_few_statements(known: World) -> None:
    for _ in range(2):  # until everything is older than what each poll reads again
        known.clock.turn(3600)
        known.sync()
    for flow in known.integration.flows.filter(name__in=STATEMENTS):
        made: list[str] = []

        def note(execute: Any, sql: str, params: Any, many: bool, details: Any, made: list[str] = made) -> Any:
            if not sql.startswith("BEGIN"):
                made.append(sql)
            return execute(sql, params, many, details)

        with connection.execute_wrapper(note):
            assert run_flow(flow.pk, slot=timezone.now(), trigger="schedule", clock=known.clock) == "ran"
        assert sum(flow.runs.first().requests.values()) <= 2, flow.name
        assert len(made) <= STATEMENTS[flow.name], (flow.name, len(made))
