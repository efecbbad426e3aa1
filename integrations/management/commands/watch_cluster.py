"""Runs the task cluster and restarts it when it freezes.

django-q2 freezes for good when an idle worker is killed (it dies holding the queue's lock): the cluster
looks alive and works on nothing. The heartbeat that a scheduled task writes every minute shows it.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import DatabaseError, InterfaceError, close_old_connections

from connectors.clock import Clock, SystemClock

logger = logging.getLogger(__name__)

STALE_SECONDS = 120  # a heartbeat older than this: nothing is being worked on
GRACE_SECONDS = 90  # the scheduler's first pass comes 30 s after the start, then the task must get its turn
POLL_SECONDS = 2
RESTART_PAUSE_SECONDS = 5
STOP_MARGIN_SECONDS = 30


class Cluster(Protocol):
    def poll(self) -> int | None:
        """The exit code, None while it runs."""

    def terminate(self) -> None:
        """Ask it to finish what it has begun and to end."""

    def kill(self) -> None:
        """End it and every process it started, at once."""


class ClusterProcess:
    """`command` in a process group of its own, so that only we decide which signals its members get."""

    def __init__(self, command: list[str], **options: Any) -> None:
        self.process = subprocess.Popen(command, start_new_session=True, **options)  # noqa: S603

    def poll(self) -> int | None:
        return self.process.poll()

    def terminate(self) -> None:
        # To the parent only: workers that get it too die in the middle of a task, and the parent then hangs.
        self.process.terminate()

    def kill(self) -> None:
        # The group, because the workers of a killed parent go on working.
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return
        self.process.wait()


class Watchdog:
    """Keeps one cluster running until `stop()`.

    `heartbeat` returns when a task last proved the cluster alive (aware, UTC), None for never.
    `stop_timeout`: seconds that tasks in progress get to finish.
    """

    def __init__(
        self,
        spawn: Callable[[], Cluster],
        heartbeat: Callable[[], datetime | None],
        clock: Clock,
        stop_timeout: float,
    ) -> None:
        self.spawn = spawn
        self.heartbeat = heartbeat
        self.clock = clock
        self.stop_timeout = stop_timeout
        self.stopping = False
        self.trusted_since = 0.0

    def stop(self) -> None:
        self.stopping = True

    def run(self) -> None:
        while not self.stopping:
            cluster = self.spawn()
            self.trusted_since = self.clock.monotonic()
            trouble = ""
            while not self.stopping and not trouble:
                self.clock.sleep(POLL_SECONDS)
                trouble = self.trouble(cluster)
            if self.stopping:
                self.end(cluster)
            else:
                logger.error("Restarting the task cluster: %s", trouble)
                cluster.kill()
                self.clock.sleep(RESTART_PAUSE_SECONDS)

    def trouble(self, cluster: Cluster) -> str:
        """Why the cluster must be restarted, "" when it need not."""
        code = cluster.poll()
        if code is not None:
            return f"it ended by itself with code {code}"
        try:
            beat = self.heartbeat()
        except (DatabaseError, InterfaceError) as error:
            # A restart would not bring the database back; once it is, the cluster gets its grace again.
            logger.warning("The heartbeat cannot be read: %s", type(error).__name__)
            self.trusted_since = self.clock.monotonic()
            return ""
        if beat is not None and (self.clock.now() - beat).total_seconds() <= STALE_SECONDS:
            return ""
        if self.clock.monotonic() - self.trusted_since < GRACE_SECONDS:
            return ""
        return f"its last heartbeat was at {beat.isoformat(timespec='seconds')}" if beat else "it never had a heartbeat"

    def end(self, cluster: Cluster) -> None:
        """Let tasks in progress finish, but not for ever; leave no process behind."""
        cluster.terminate()
        deadline = self.clock.monotonic() + self.stop_timeout
        while cluster.poll() is None and self.clock.monotonic() < deadline:
            self.clock.sleep(POLL_SECONDS)
        if cluster.poll() is None:
            logger.error("The task cluster did not stop within %.0f s and is killed", self.stop_timeout)
        cluster.kill()


def read_heartbeat() -> datetime | None:
    from integrations.engine.schedule import last_heartbeat

    close_old_connections()  # the first read after a database restart would fail on the old connection
    return last_heartbeat()


def spawn_cluster() -> ClusterProcess:
    """A new cluster on sound schedules: what the sweep puts right in operation, a frozen scheduler needs before."""
    from integrations.engine.schedule import refresh_schedules

    try:
        close_old_connections()
        refresh_schedules()
    except (DatabaseError, InterfaceError) as error:
        logger.warning("The schedules cannot be written: %s", type(error).__name__)
    return ClusterProcess([sys.executable, str(settings.BASE_DIR / "manage.py"), "qcluster"])


class Command(BaseCommand):
    help = "Run the task cluster (qcluster) and restart it when its heartbeat stops."

    def handle(self, *args: Any, **options: Any) -> None:
        watchdog = Watchdog(
            spawn=spawn_cluster,
            heartbeat=read_heartbeat,
            clock=SystemClock(),
            stop_timeout=settings.Q_CLUSTER["timeout"] + STOP_MARGIN_SECONDS,
        )
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: watchdog.stop())
        watchdog.run()
