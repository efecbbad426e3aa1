from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests import builders


@pytest.fixture
def world(transactional_db: None) -> Iterator[builders.World]:
    """Requests time out soon, and BILL takes the same bill twice: nobody but we prevents duplicates."""
    with builders.world(connection_settings={"request_timeout": 0.4}, duplicates_allowed=True) as made:
        yield made
