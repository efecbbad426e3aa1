"""The test settings of a worker that lives in a test's time: the sandboxes' clocks turn while it sleeps.

Its environment tells by how many seconds the time is ahead (`CLOCK_AHEAD`), and which sandboxes have clocks to turn
(`CLOCK_HANDS`).
"""

import os
from datetime import datetime, timedelta

import requests

from connectors import clock
from connectors.sap_b1 import payments
from tests.faults.quick_settings import *  # noqa: F403

SHORT_NAP = 0.11  # seconds; waits for another thread are real


class TurningClock(clock.SystemClock):
    ahead = float(os.environ["CLOCK_AHEAD"])

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=TurningClock.ahead)

    def monotonic(self) -> float:
        return super().monotonic() + TurningClock.ahead

    def sleep(self, seconds: float) -> None:
        if seconds <= SHORT_NAP:
            super().sleep(seconds)
            return
        TurningClock.ahead += seconds
        for root in os.environ["CLOCK_HANDS"].split():
            requests.post(f"{root}/_sandbox/clock", json={"advance": seconds}, timeout=5).raise_for_status()


clock.SystemClock = TurningClock  # type: ignore[misc]
payments.PATIENCE = 0.3  # what a dead process holds nobody lets go
