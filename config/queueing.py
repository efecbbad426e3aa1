"""How long the task queue may keep a claimed task before it hands it out again.

django-q2 counts `retry` from the claim, not from the start: a claimed task may wait behind a full
in-memory queue first. Too short a value runs healthy tasks twice.
"""

from __future__ import annotations

from math import ceil

MARGIN_SECONDS = 60


def least_retry(timeout: int, queue_limit: int, workers: int) -> int:
    """The smallest safe `retry` in seconds for a cluster with these settings."""
    return timeout * (1 + ceil((queue_limit + 1) / workers)) + MARGIN_SECONDS
