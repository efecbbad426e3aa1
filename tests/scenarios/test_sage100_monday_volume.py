"""What many invoices cost: requests, complexity and days of each plan's budget."""

from __future__ import annotations

import time

import pytest

from tests.monday_world import MondayWorld

INVOICES = 5000
PER_REQUEST = 20


@pytest.mark.slow
@pytest.mark.parametrize("monday", [{"plan": "enterprise"}], indirect=True)
def test_five_thousand_invoices(monday: MondayWorld) -> None:
    monday.add_vendor()
    for number in range(INVOICES):
        monday.add_invoice(f"V-{number:05d}", f"{100 + number}.10")
    monday.integration.flows.exclude(name="bills").update(enabled=False)
    started, runs = time.monotonic(), 1
    while not monday.sync().ok:  # the minute's complexity: what does not fit waits for the next run
        runs += 1
        assert runs < 10
        monday.clock.turn(60)
    seconds = time.monotonic() - started
    stats = monday.monday.stats()
    print(
        f"\n{INVOICES} invoices: {stats['graphql_requests']} requests, {stats['complexity_spent']} points, "
        f"{runs} runs, {seconds:.1f} s here and {monday.clock.ahead:.0f} s of waiting, mutations {stats['mutations']}"
    )
    assert len(monday.items()) == INVOICES
    assert stats["graphql_requests"] <= INVOICES / PER_REQUEST + INVOICES / 100 + 30
    monday.good_manners()
    before = monday.requests()
    assert monday.sync().ok
    assert monday.requests() == before
    for number in range(100):
        monday.sage.do_change_invoice("01", "ACME01", f"V-{number:05d}", comment="Checked")
    assert monday.sync().ok
    assert monday.requests() - before == 100 / PER_REQUEST
