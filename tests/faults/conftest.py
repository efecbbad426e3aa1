"""Worlds whose requests time out soon, and in which BILL takes the same bill twice: only we prevent duplicates."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests import builders
from tests.sap_world import SapWorld, sap_world

IMPATIENT = {"request_timeout": 0.4}


@pytest.fixture
def world(transactional_db: None) -> Iterator[builders.World]:
    """Sage 100 and BILL."""
    with builders.world(connection_settings=IMPATIENT, duplicates_allowed=True) as made:
        yield made


@pytest.fixture
def sap(transactional_db: None, request: pytest.FixtureRequest) -> Iterator[SapWorld]:
    """SAP Business One and BILL; parameters are options of SAP's sandbox."""
    options = getattr(request, "param", {})
    with sap_world(connection_settings=IMPATIENT, duplicates_allowed=True, sap_options=options) as made:
        yield made
