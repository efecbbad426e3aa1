"""What a connection's settings come to."""

from __future__ import annotations

import pytest

from connectors.avidxchange import config
from connectors.avidxchange.sandbox import EXAMPLE
from connectors.budget import Slots
from connectors.ports import ConnectionSpec


@pytest.mark.parametrize(("given", "seconds"), [({}, 75), ({"request_timeout": 3}, 18)])
def test_a_dead_processs_slot_is_free_once_its_request_must_have_ended(given, seconds):
    settings = {"accounting_system": "ABC", **given}
    spec = ConnectionSpec("c", "Pay", "avidxchange", "https://api.example", settings, EXAMPLE.credentials)
    (slots,) = [limit for limit in config.parse(spec).limits if isinstance(limit, Slots)]
    assert slots.ttl == seconds
