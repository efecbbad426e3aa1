"""`kill -9` at any moment: the next process takes over, and the end state is that of an undisturbed run."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
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
LATE = 4.0  # seconds; by then the next process has looked, and the request may still take effect


class Trap:
    """Kills a process at its n-th request: before the vendor acts, after it acted and before it answers, or some
    milliseconds after the answer, between the request and our commit. `late`: at a request that the vendor carries
    out long after the process is dead."""

    def __init__(self, *sandboxes: Sandbox) -> None:
        self._lock = threading.Lock()
        self._left = 0
        self._moment = ""
        self._delay = 0.0
        self._path = ""
        self.pid = 0
        self.landed = threading.Event()  # the late request has been carried out
        for sandbox in sandboxes:
            self._watch(sandbox)

    def arm(self, left: int, moment: str, *, delay: float = 0, path: str = "") -> None:
        """`path`: how the path of the request ends that it waits for."""
        with self._lock:
            self._left, self._moment, self._delay, self._path, self.pid = left, moment, delay, path, 0

    def _watch(self, sandbox: Sandbox) -> None:
        dispatch = sandbox.dispatch

        def watched(request: Request) -> Response:
            with self._lock:
                self._left -= 1
                strike = self._left <= 0 and bool(self._moment) and request.path.endswith(self._path)
                moment = self._moment if strike else ""
                if strike:
                    self._moment = ""
            if moment in ("before", "late"):
                self._kill()
            if moment == "late":
                time.sleep(LATE)
            response = dispatch(request)
            if moment == "late":
                self.landed.set()
            if moment == "after":
                self._kill()
            if moment == "answered":
                threading.Timer(self._delay, self._kill).start()
            return response

        sandbox.dispatch = watched  # type: ignore[method-assign]

    def _kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):  # it was quicker
            os.kill(self.pid, signal.SIGKILL)


def run(trap: Trap | None = None) -> tuple[int, str]:
    """A sync in a process of its own: exit code and what it said."""
    environment = manage_environment(own_database_url(), DJANGO_SETTINGS_MODULE="tests.faults.quick_settings")
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "manage.py"), "sync", "acme/ap", "--json"],
        env=environment,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if trap is not None:
        trap.pid = process.pid
    said, _ = process.communicate(timeout=120)
    return process.returncode, said


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
        trap.arm(rng.randint(1, 24), moment, delay=rng.random() * 0.03)
        code, said = run(trap)
        if code == -signal.SIGKILL:
            kills += 1
            moments.append(moment)
            continue
        assert code == 0, said
        story.check()
        story.play()
    trap.arm(0, "")
    code, said = run()
    assert code == 0, said
    story.check()
    assert set(moments) == set(MOMENTS)
    assert AuditEvent.objects.filter(event="uncertain").exists(), "some struck between intent and outcome"
    assert verify("acme").ok


@pytest.mark.slow
@pytest.mark.parametrize("path", ["/vendors/bulk", "/bills/bulk"])
def test_killed_while_a_creation_is_still_on_its_way(world: World, path: str) -> None:
    """The dead process's request takes effect after the next process has looked for it in vain."""
    trap = Trap(world.sage, world.bill)
    story = Story(world)
    story.play()
    trap.arm(0, "late", path=path)
    code, said = run(trap)
    assert code == -signal.SIGKILL, said
    code, said = run()
    assert code == 0, said
    assert trap.landed.wait(2 * LATE)
    story.check()
