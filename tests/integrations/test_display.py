from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.display import clock_time, format_duration, format_money, parse_duration


@given(st.integers(min_value=0, max_value=10**9))
def test_durations_read_back(seconds: int) -> None:
    assert parse_duration(format_duration(seconds)) == seconds


@pytest.mark.parametrize(
    ("text", "seconds"), [("15m", 900), ("1h 30m", 5400), ("1D", 86400), ("90", 90), ("hourly", 3600), ("Daily", 86400)]
)
def test_durations_as_people_write_them(text: str, seconds: int) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "m", "15 minutes", "-5m", "1.5h", "weekly", "\u00b2"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="duration"):
        parse_duration(text)


def test_money_is_exact_at_any_size() -> None:
    assert format_money(None, "USD") == ""
    assert format_money(5, "USD") == "0.05 USD"
    assert format_money(-123450, "") == "-1,234.50"
    assert format_money(99999999999999937, "EUR") == "999,999,999,999,999.37 EUR"


def test_instants_in_the_tenants_own_time() -> None:
    now = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)  # the evening before in Chicago
    zone = "America/Chicago"
    assert clock_time(None, zone, now) == ""
    assert clock_time(datetime(2026, 11, 20, 2, 15, tzinfo=UTC), zone, now) == "20:15"
    assert clock_time(datetime(2026, 11, 20, 8, 0, tzinfo=UTC), zone, now) == "Nov 20, 02:00"
    assert clock_time(datetime(2025, 1, 2, 12, 0, tzinfo=UTC), zone, now) == "Jan 2, 2025, 06:00"
