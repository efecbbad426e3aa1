"""What the demo stands on: a folder and a database of its own, and child processes that end with it."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import requests
from django.conf import settings

from .sandboxes import HOST

DATABASE = "demo.sqlite3"
START_PATIENCE = 30.0  # seconds for the web server to answer
STOP_PATIENCE = 20.0  # seconds for a child to end what it is doing
POLL = 0.1


class Unexpected(Exception):
    """Something did not come out as it should; the message is for the person who watches."""


def expect(held: Any, message: str) -> None:
    """Raises Unexpected with the message unless it held."""
    if not held:
        raise Unexpected(message)


def wait_for(what: str, probe: Any, *, patience: float = START_PATIENCE) -> Any:
    """The probe's first true answer. Raises Unexpected when none came in time."""
    deadline = time.monotonic() + patience
    while not (answer := probe()):
        expect(time.monotonic() < deadline, f"{what}: nothing within {patience:.0f} s")
        time.sleep(POLL)
    return answer


def environment(folder: Path, port: int) -> dict[str, str]:
    """What sets the demo's processes apart from the operator's: another database, address and set of static files."""
    return {
        "DATABASE_URL": f"sqlite:///{folder / DATABASE}",
        "PUBLIC_URL": f"http://{HOST}:{port}",
        "STATIC_ROOT": str(folder / "static"),  # nothing is collected there: pages use the files as they are
        "DEBUG": "off",
        "LOG_LEVEL": "WARNING",
    }


@contextmanager
def occupied(folder: Path) -> Iterator[None]:
    """The folder is ours while the context lasts, its database is new. Raises Unexpected when a demo runs in it."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Unexpected(f"another demo is running in {folder}; end it, or give this one a --folder") from None
        for old in (DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm"):
            (folder / old).unlink(missing_ok=True)
        yield


class Child:
    """A process of the demo's in a process group of its own: Ctrl-C reaches the demo only, which ends it properly."""

    def __init__(self, name: str, command: list[str], log: Path) -> None:
        self.name = name
        self.log = log
        with log.open("w") as output:
            self.process = subprocess.Popen(  # noqa: S603
                [sys.executable, *command], cwd=settings.BASE_DIR, stdout=output, stderr=output, start_new_session=True
            )

    def check(self) -> bool:
        """Raises Unexpected when the process has ended; False, so that it may stand in a condition."""
        code = self.process.poll()
        expect(code is None, f"the {self.name} ended by itself with code {code}: see {self.log}")
        return False

    def stop(self) -> None:
        """Ask the parent to end (it ends its workers itself); leave nothing of the group behind."""
        self.process.terminate()
        with suppress(subprocess.TimeoutExpired, KeyboardInterrupt):
            self.process.wait(STOP_PATIENCE)
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def web_server(folder: Path, port: int) -> Child:
    options = ["--worker-class", "gthread", "--threads", "8", "--bind", f"{HOST}:{port}", "--log-level", "warning"]
    command = ["-m", "gunicorn", "config.wsgi", *options, "--no-control-socket"]
    return Child("web server", command, folder / "web.log")


def task_cluster(folder: Path) -> Child:
    return Child("task cluster", ["manage.py", "qcluster"], folder / "cluster.log")


def answers(child: Child, port: int) -> bool:
    """Whether the web server says that it is up."""
    try:
        return requests.get(f"http://{HOST}:{port}/healthz", timeout=5).status_code == 200
    except requests.RequestException:
        return child.check()
