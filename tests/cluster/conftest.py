"""Real clusters (`manage.py qcluster`) on a database of their own; the test's own ORM looks at the same one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connections
from django.db.utils import load_backend
from environ import Env

from tests.builders import ROOT, manage_environment


@contextmanager
def orm_on(url: str, blocker: Any) -> Iterator[None]:
    """This thread's default connection goes to `url`, whose tables are made."""
    settings = connections.configure_settings({"default": Env.db_url_config(url)})["default"]
    before = connections["default"]
    with blocker.unblock():
        connections["default"] = load_backend(settings["ENGINE"]).DatabaseWrapper(settings, "default")
        try:
            call_command("migrate", verbosity=0)
            yield
        finally:
            connections["default"].close()
            connections["default"] = before


class Clusters:
    """Clusters on one database, each in a process group of its own."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self.folder = folder
        self.processes: list[subprocess.Popen[bytes]] = []

    def start(self) -> subprocess.Popen[bytes]:
        log = (self.folder / f"cluster-{len(self.processes)}.log").open("wb")
        with log:
            process = subprocess.Popen(
                [sys.executable, str(ROOT / "manage.py"), "qcluster"],
                env=manage_environment(self.url),
                cwd=ROOT,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.processes.append(process)
        return process

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        """The parent and every process it started, at once."""
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def stop(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                self.kill(process)


@pytest.fixture
def postgres_clusters(postgres_database: str, tmp_path: Path, django_db_blocker: Any) -> Iterator[Clusters]:
    yield from _clusters(postgres_database, tmp_path, django_db_blocker)


@pytest.fixture
def sqlite_clusters(tmp_path: Path, django_db_blocker: Any) -> Iterator[Clusters]:
    yield from _clusters(f"sqlite:///{tmp_path}/db.sqlite3", tmp_path, django_db_blocker)


def _clusters(url: str, folder: Path, blocker: Any) -> Iterator[Clusters]:
    with orm_on(url, blocker):
        clusters = Clusters(url, folder)
        try:
            yield clusters
        finally:
            clusters.stop()


def eventually(condition: Callable[[], bool], *, within: float, what: str, every: float = 0.3) -> None:
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, f"not within {within:.0f} s: {what}"
        time.sleep(every)
