from __future__ import annotations

import dataclasses

import pytest

from connectors.avidxchange.connector import AvidXchange
from connectors.avidxchange.sandbox import EXAMPLE
from connectors.budget import MemoryStore
from connectors.clock import SystemClock
from connectors.ports import ConnectionSpec, Exchange, Host

from .caller import PROFILES, serving


class HastyClock(SystemClock):
    """Today is today, but waiting takes no time: it is only noted."""

    def __init__(self) -> None:
        self.naps: list[float] = []
        self.skipped = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.skipped

    def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.skipped += max(seconds, 0.0)


@pytest.fixture
def clock():
    return HastyClock()


@pytest.fixture
def seen() -> list[Exchange]:
    return []


@pytest.fixture(params=PROFILES)
def profile(request):
    return request.param


@pytest.fixture
def options():
    """What the sandbox is started with; a test module may override it."""
    return {}


@pytest.fixture
def avid(profile, options):
    with serving(profile, **options) as caller:
        yield caller


@pytest.fixture
def host(clock, seen):
    return Host(clock=clock, store=MemoryStore(clock), on_exchange=seen.append)


@pytest.fixture
def connect(avid, profile, host):
    """A connector of the running sandbox; what differs between the profiles is the profile's name."""
    opened = []

    def make(credentials=None, on=host, **settings):
        spec = ConnectionSpec(
            "c2",
            "Pay",
            "avidxchange",
            avid.url,
            {**EXAMPLE.settings, "profile": profile, "requests_per_minute": 100000, **settings},
            EXAMPLE.credentials if credentials is None else credentials,
        )
        opened.append(AvidXchange(spec, on))
        return opened[-1]

    make.host = lambda **changes: dataclasses.replace(host, **changes)
    yield make
    for each in opened:
        each.close()
