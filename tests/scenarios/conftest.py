from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests import avid_world, builders, monday_world, sage300_world, sap_world


@pytest.fixture
def world(transactional_db: None, request: pytest.FixtureRequest) -> Iterator[builders.World]:
    """An empty company in Sage 100, an empty organization in BILL. `@pytest.mark.parametrize("world", [options],
    indirect=True)` passes options to `builders.world`."""
    options: dict[str, Any] = getattr(request, "param", {})
    with builders.world(**options) as made:
        yield made


@pytest.fixture
def sap(transactional_db: None, request: pytest.FixtureRequest) -> Iterator[sap_world.SapWorld]:
    """An empty company in SAP Business One, an empty organization in BILL. `@pytest.mark.parametrize("sap", [options],
    indirect=True)` passes options to `sap_world.sap_world`."""
    options: dict[str, Any] = getattr(request, "param", {})
    with sap_world.sap_world(**options) as made:
        yield made


@pytest.fixture
def sage(transactional_db: None, request: pytest.FixtureRequest) -> Iterator[sage300_world.SageWorld]:
    """An empty organization in BILL, a company with reference data in Sage 300. `@pytest.mark.parametrize("sage",
    [options], indirect=True)` passes options to `sage300_world.sage300_world`."""
    options: dict[str, Any] = getattr(request, "param", {})
    with sage300_world.sage300_world(**options) as made:
        yield made


@pytest.fixture(params=avid_world.PROFILES)
def avid(transactional_db: None, request: pytest.FixtureRequest) -> Iterator[avid_world.AvidWorld]:
    """An empty company in Sage 100, an empty tenant of AvidXchange: each test runs under both profiles.
    `@pytest.mark.avid(option=...)` passes options to `avid_world.avid_world`."""
    marker = request.node.get_closest_marker("avid")
    options: dict[str, Any] = dict(marker.kwargs) if marker else {}
    with avid_world.avid_world(profile=request.param, **options) as made:
        yield made


@pytest.fixture
def monday(transactional_db: None, request: pytest.FixtureRequest) -> Iterator[monday_world.MondayWorld]:
    """An empty company in Sage 100, an account of monday.com without boards. `@pytest.mark.parametrize("monday",
    [options], indirect=True)` passes options to `monday_world.monday_world`."""
    options: dict[str, Any] = getattr(request, "param", {})
    with monday_world.monday_world(**options) as made:
        yield made
