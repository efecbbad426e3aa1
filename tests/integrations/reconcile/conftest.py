from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests import builders


@pytest.fixture
def world(transactional_db: None) -> Iterator[builders.World]:
    """One vendor with two invoices over 100.00 and 250.50, synced: both sides are equal.

    The account that is inactive in Sage 100 from the start is not mapped.
    """
    with builders.world(unmapped=["5990-01-00"]) as made:
        made.add_vendor()
        made.add_invoice("INV-1", "100.00")
        made.add_invoice("INV-2", "250.50")
        assert made.sync().ok
        yield made
