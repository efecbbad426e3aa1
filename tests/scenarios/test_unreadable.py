"""A record that nobody could read is told once, stops nobody else, and is forgotten when it can be read again."""

from __future__ import annotations

import pytest

from connectors.ports import BadRecord
from integrations.engine.stage import bad_records, save
from tests.builders import World

pytestmark = pytest.mark.django_db(transaction=True)


def failed(world: World) -> list[tuple[str, str]]:
    return [(each["flow"], each["key"]) for each in world.sync().failed]


def test_a_cloud_vendor_that_is_repaired_is_no_failure_any_more(world: World) -> None:
    world.add_vendor()
    world.add_invoice("INV-1")
    assert world.sync().ok
    vendor_id = world.link("01-ACME01", "vendors").target_id
    flow = world.flow("vendors")
    save(bad_records(flow, [BadRecord(vendor_id, "", "name: text expected")], now=world.clock.now(), run=None))
    world.bill.do_edit_vendor(vendor_id, {"phone": "5095550199"})
    assert failed(world) == []


def test_a_full_read_forgets_what_it_does_not_meet_again(world: World) -> None:
    assert world.sync().ok
    nameless = BadRecord("unreadable:0123456789abcdef", "", "invoiceNo: missing")
    flow = world.flow("bills")
    save(bad_records(flow, [nameless, nameless], now=world.clock.now(), run=None))
    assert failed(world) == [("bills", nameless.key)]
    assert world.sync(full=True).ok


def test_a_number_beyond_every_contract_fails_alone(world: World) -> None:
    world.add_vendor()
    world.add_invoice("INV-1")
    world.add_invoice("X" * 300)
    result = world.sync()
    assert set(world.bills()) == {"INV-1"}
    assert ["200 characters" in each["message"] for each in result.failed] == [True]
