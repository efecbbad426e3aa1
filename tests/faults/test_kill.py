"""`kill -9` at any moment: the next process takes over, and the end state is that of an undisturbed run."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import threading
from typing import Any

import pytest
from werkzeug.wrappers import Request, Response

from audit.models import AuditEvent
from audit.verify import verify
from connectors.clock import SystemClock
from connectors.sandboxing import Sandbox
from tests.builders import ROOT, World, manage_environment, own_database_url
from tests.faults.story import Story

KILLS = 20
MOMENTS = ("before", "after", "answered")


class Trap:
    """Kills a process at its n-th request: before the vendor acts, after it acted and before it answers, or some
    milliseconds after the answer, between the request and our commit."""

    def __init__(self, *sandboxes: Sandbox) -> None:
        self._lock = threading.Lock()
        self._left = 0
        self._moment = ""
        self._delay = 0.0
        self.pid = 0
        for sandbox in sandboxes:
            self._watch(sandbox)

    def arm(self, left: int, moment: str, delay: float) -> None:
        with self._lock:
            self._left, self._moment, self._delay, self.pid = left, moment, delay, 0

    def _watch(self, sandbox: Sandbox) -> None:
        dispatch = sandbox.dispatch

        def watched(request: Request) -> Response:
            with self._lock:
                self._left -= 1
                strike = self._left == 0
            if strike and self._moment == "before":
                self._kill()
            response = dispatch(request)
            if strike and self._moment == "after":
                self._kill()
            if strike and self._moment == "answered":
                threading.Timer(self._delay, self._kill).start()
            return response

        sandbox.dispatch = watched  # type: ignore[method-assign]

    def _kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):  # it was quicker
            os.kill(self.pid, signal.SIGKILL)


def run(trap: Trap | None = None) -> int:
    environment = manage_environment(own_database_url(), DJANGO_SETTINGS_MODULE="tests.faults.quick_settings")
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "manage.py"), "sync", "acme/ap", "--json"],
        env=environment,
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    if trap is not None:
        trap.pid = process.pid
    return process.wait(timeout=120)


@pytest.mark.slow
def test_killed_at_twenty_random_moments(world: World) -> None:
    rng = random.Random(9)
    trap = Trap(world.sage, world.bill)
    story = Story(world, extra=100)
    story.play()
    assert world.sync(clock=SystemClock(), flows=["accounts"]).ok
    kills, moments = 0, []
    while kills < KILLS:
        moment: Any = rng.choice(MOMENTS)
        trap.arm(rng.randint(1, 24), moment, rng.random() * 0.03)
        code = run(trap)
        if code == -signal.SIGKILL:
            kills += 1
            moments.append(moment)
            continue
        assert code == 0
        story.check()
        story.play()
    assert run() == 0
    story.check()
    assert set(moments) == set(MOMENTS)
    assert AuditEvent.objects.filter(event="uncertain").exists(), "some struck between intent and outcome"
    assert verify("acme").ok
