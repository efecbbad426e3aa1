"""Settings, plans and what the limits' header tells."""

from __future__ import annotations

import pytest

from connectors.budget import MemoryStore, Rate, Slots
from connectors.clock import SystemClock
from connectors.errors import ConfigurationError
from connectors.monday import config
from connectors.monday.budgets import PLANS, Budgets, rate_limits
from connectors.ports import ConnectionSpec, Host
from connectors.registry import SYSTEMS


def parse(base="https://api.monday.com/v2", token="token-1234", **settings):
    return config.parse(ConnectionSpec("k", "board", "monday", base, settings, {"api_token": token}))


def test_defaults():
    found = parse("https://api.monday.com")
    assert (found.url, found.api_version, found.authorization) == ("https://api.monday.com/v2", "2026-10", "token-1234")
    assert (found.daily_calls, found.items_a_write) == (500, 20)
    assert "token-1234" not in repr(found)


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"token": ""}, "api_token"),
        ({"token": "two words"}, "api_token"),
        ({"api_version": "2026-08"}, "api_version"),
        ({"plan": "gold"}, "plan"),
        ({"boards": {"bills": "Invoices"}}, "boards.bills"),
        ({"boards": "123"}, "boards"),
        ({"workspace_id": "main"}, "workspace_id"),
        ({"daily_calls": "many"}, "daily_calls"),
    ],
)
def test_what_cannot_be_used_is_named(settings, named):
    with pytest.raises(ConfigurationError, match=named) as caught:
        parse(**settings)
    assert caught.value.fix


def test_the_registry_offers_what_the_connector_takes():
    fields = {field.name: field for field in SYSTEMS["monday"].settings}
    assert fields["api_version"].choices == config.API_VERSIONS
    assert fields["plan"].choices == tuple(PLANS)
    assert (fields["api_version"].default, fields["plan"].default) == ("2026-10", config.DEFAULT_PLAN)


@pytest.mark.parametrize("name", PLANS)
def test_no_sliding_minute_can_hold_more_than_the_plan_allows(name):
    clock = SystemClock()
    budgets = Budgets("i", "s", PLANS[name], 10, 65, Host(clock, MemoryStore(clock)))
    writer, slots, minute, day = budgets.limits("77")
    assert isinstance(writer, Slots)
    assert isinstance(slots, Slots)
    assert isinstance(minute, Rate)
    assert isinstance(day, Rate)
    assert (writer.limit, slots.limit, day.limit) == (1, PLANS[name].concurrency, 10)
    assert 2 * minute.limit <= PLANS[name].minute


def test_the_header_of_limits():
    header = '"minuteRate";r=0;t=12, "concurrency";r=99, "complexityMinute";r=9480000;t=41'
    assert rate_limits(header) == {
        "minuteRate": {"r": 0, "t": 12},
        "concurrency": {"r": 99},
        "complexityMinute": {"r": 9480000, "t": 41},
    }
    assert rate_limits("nonsense") == {}
