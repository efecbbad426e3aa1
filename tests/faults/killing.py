"""Processes that die at a chosen request, and requests that take effect long after whoever sent them gave up."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from datetime import datetime, timedelta
from typing import Literal
from urllib.parse import urlsplit

from werkzeug.wrappers import Request, Response

from connectors.sandboxing import Sandbox
from tests.builders import ROOT, Tenancy, manage_environment, own_database_url

Moment = Literal["", "before", "after", "answered", "late"]
MOMENTS: tuple[Moment, ...] = ("before", "after", "answered")
LATE = 4.0  # seconds; by then the next process has looked, and the request may still take effect


class Trap:
    """Kills a process at its n-th request: before the vendor acts, after it acted and before it answers, or some
    milliseconds after the answer, between the request and our commit. `late`: at a request that the vendor carries
    out seconds of its own clock later, when the process (if there is one to kill) is long dead."""

    def __init__(self, *sandboxes: Sandbox) -> None:
        self._lock = threading.Lock()
        self._left = 0
        self._moment: Moment = ""
        self._method = self._path = ""
        self._delay = 0.0
        self._due: datetime | None = None
        self.pid = 0
        self.landed = threading.Event()  # the late request has been carried out
        for sandbox in sandboxes:
            self._watch(sandbox)

    def arm(self, left: int, moment: Moment, *, delay: float = 0, method: str = "", path: str = "") -> None:
        """`method`, and the regular expression `path`: of the request that it waits for. `delay` in seconds, of
        `answered` and `late`."""
        with self._lock:
            self._left, self._moment, self._delay, self.pid = left, moment, delay, 0
            self._method, self._path = method, path

    def _watch(self, sandbox: Sandbox) -> None:
        dispatch = sandbox.dispatch

        def watched(request: Request) -> Response:
            request.get_data()  # a process that dies now has sent the whole of it
            moment, delay = self._strikes(request)
            if moment in ("before", "late"):
                self._kill()
            if moment == "late":
                self._due = sandbox.now() + timedelta(seconds=delay)
                while sandbox.now() < self._due:
                    time.sleep(0.01)
            elif self._due and sandbox.now() >= self._due:
                self.landed.wait(10)
            try:
                response = dispatch(request)
            finally:
                if moment == "late":
                    self.landed.set()
            if moment == "after":
                self._kill()
            if moment == "answered":
                threading.Timer(delay, self._kill).start()
            return response

        sandbox.dispatch = watched  # type: ignore[method-assign]

    def _strikes(self, request: Request) -> tuple[Moment, float]:
        with self._lock:
            self._left -= 1
            awaited = self._method in ("", request.method) and re.search(self._path, request.path)
            if self._left > 0 or not awaited:
                return "", 0
            moment, self._moment = self._moment, ""
            return moment, self._delay

    def _kill(self) -> None:
        if self.pid:
            with contextlib.suppress(ProcessLookupError):  # it was quicker
                os.kill(self.pid, signal.SIGKILL)


def run(trap: Trap | None = None, *, turning: Tenancy | None = None) -> tuple[int, str]:
    """A sync in a process of its own: exit code and what it said.

    `turning`: a world whose time the process lives in, instead of the system's: sleeping turns the sandboxes' clocks.
    """
    settings = {"DJANGO_SETTINGS_MODULE": "tests.faults.quick_settings"}
    if turning is not None:
        settings = {
            "DJANGO_SETTINGS_MODULE": "tests.faults.turning_settings",
            "CLOCK_AHEAD": str(turning.clock.ahead),
            "CLOCK_HANDS": " ".join(_roots(turning)),
        }
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "manage.py"), "sync", "acme/ap", "--json"],
        env=manage_environment(own_database_url(), **settings),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if trap is not None:
        trap.pid = process.pid
    said, _ = process.communicate(timeout=120)
    if turning is not None:
        _catch_up(turning)
    return process.returncode, said


def _roots(world: Tenancy) -> list[str]:
    sides = (world.integration.source, world.integration.target)
    return ["{0.scheme}://{0.netloc}".format(urlsplit(side.base_url)) for side in sides]


def _catch_up(world: Tenancy) -> None:
    """Turn the world's clock to where the process left the sandboxes'."""
    sandboxes: list[Sandbox] = [getattr(world, side) for side in world.sides]
    latest = max(sandbox.offset for sandbox in sandboxes)
    world.clock.ahead = latest.total_seconds()
    for sandbox in sandboxes:
        sandbox.offset = latest
