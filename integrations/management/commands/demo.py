"""`manage.py demo [--once] [--port N]`: the whole product at work on this machine, until Ctrl-C."""

from __future__ import annotations

import logging
import os
import secrets
import signal
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser
from django_q.tasks import async_task
from requests import RequestException

from integrations.demo import ground, report, tenant
from integrations.demo.chapters import CHAPTERS
from integrations.demo.ground import Child, Unexpected
from integrations.demo.sandboxes import HOST, PortTaken, Stand, require_free, start
from integrations.engine.schedule import SWEEP, last_heartbeat
from integrations.management.cli import UsageError, fail

PORT = 8000
USERS = {"admin": "administrator", "finance": "finance manager", "auditor": "auditor"}
#: The demo syncs again within the second, which no schedule does: the connector keeps to ten requests a second all
#: the same, but the stand-in counts those of the sync before as well.
EASED = {"sage100": {"rate_per_second": 0}}
LOOK_EVERY = 1.0  # seconds between two looks at the child processes


class Command(BaseCommand):
    help = "Run the product with the vendors' sandboxes on this machine and show what it does."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="end after the tables")
        parser.add_argument("--port", type=int, default=PORT, help=f"of the web server (default {PORT})")
        parser.add_argument(
            "--folder",
            type=Path,
            default=settings.BASE_DIR / "var" / "demo",
            help="for the demo's own database and logs, made anew at each start (default var/demo)",
        )

    def handle(self, *args: Any, once: bool, port: int, folder: Path, **options: Any) -> None:
        try:
            require_free(port)
        except PortTaken as taken:
            another = port + 1 if port < 65535 else PORT
            raise UsageError(f"{taken}; name another: make demo ARGS='--port {another}'") from None
        folder = folder.resolve()
        _enter(ground.environment(folder, port))
        logging.getLogger().setLevel(logging.ERROR)  # what the steps tell is enough
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, _interrupt)
        try:
            with ExitStack() as stack:
                Demo(folder, port, stack).run(once=once)
        except (Unexpected, RequestException) as error:
            fail(f"The demo did not come out as expected: {error}\nLogs are in {folder}.", 1)
        except KeyboardInterrupt:
            fail("Stopped before its end.", 130)


class Demo:
    """Chapters of steps, each told in a line. What they start is ended by `stack`, the last first."""

    def __init__(self, folder: Path, port: int, stack: ExitStack) -> None:
        self.folder = folder
        self.port = port
        self.stack = stack
        self.out = report.console()
        self.passwords = {user: secrets.token_hex(6) for user in USERS}

    def run(self, *, once: bool) -> None:
        began = time.monotonic()
        self.out.print("ml-connector at work for one company. The vendors' systems are stand-ins on this machine.\n")
        self.stack.enter_context(ground.occupied(self.folder))
        self._step("Database", self._migrate)
        self._step("Sandboxes", self._sandboxes)
        web = self._child(ground.web_server(self.folder, self.port))
        cluster = self._child(ground.task_cluster(self.folder))
        self._step("Tenant", lambda: tenant.provision(self.chapters, self.passwords))
        self._step("Web server", lambda: self._answering(web))
        self._step("Task cluster", lambda: _beating(cluster))
        for chapter in self.chapters:
            report.begin(self.out, chapter)
            for name, work in chapter.steps(cluster):
                self._step(name, work)
            report.end(self.out, chapter)
        report.moved(self.out, self.chapters)
        self._step("Audit trail", tenant.prove)
        self.out.print(f"All steps came out as expected, in {time.monotonic() - began:.0f} seconds.")
        if not once:
            self._invite()
            _watch(web, cluster)
            self.out.print("\nStopping ...")

    # --- steps -------------------------------------------------------------------------------------

    def _step(self, name: str, work: Callable[[], str]) -> None:
        """Do it, tell it in a line."""
        began = time.monotonic()
        text = work()
        self.out.print(f"{name:<13} {time.monotonic() - began:4.1f} s  {text}", soft_wrap=True)

    def _migrate(self) -> str:
        call_command("migrate", verbosity=0)
        return f"{_short(self.folder / ground.DATABASE)}, new; yours is not touched"

    def _sandboxes(self) -> str:
        self.chapters = [chapter(self._sandbox) for chapter in CHAPTERS]
        stands = [stand for chapter in self.chapters for stand in chapter.stands.values()]
        return f"{len(stands)} with sample records: {', '.join(dict.fromkeys(stand.label for stand in stands))}"

    def _sandbox(self, system: str) -> Stand:
        stand = start(system, **EASED.get(system, {}))
        self.stack.callback(stand.running.stop)
        return stand

    def _child(self, child: Child) -> Child:
        self.stack.callback(child.stop)
        return child

    def _answering(self, web: Child) -> str:
        ground.wait_for("the web server does not answer", lambda: ground.answers(web, self.port))
        return f"http://{HOST}:{self.port}/admin/"

    def _invite(self) -> None:
        lines = [
            "",
            f"Look around: http://{HOST}:{self.port}/admin/",
            *(f"  {user:<8} {self.passwords[user]}   ({role})" for user, role in USERS.items()),
            "",
            *(line for chapter in self.chapters for line in chapter.invitation()),
            "",
            f"Logs are in {_short(self.folder)}. Ctrl-C ends the demo.",
        ]
        self.out.print("\n".join(lines), soft_wrap=True)


def _enter(environment: dict[str, str]) -> None:
    """Go on in the demo's own environment. Settings are read once, so this process begins anew in it."""
    if any(os.environ.get(name) != value for name, value in environment.items()):
        os.environ.update(environment)
        sys.stdout.flush()
        os.execv(sys.executable, [sys.executable, *sys.argv])  # noqa: S606


def _beating(cluster: Child) -> str:
    """A task goes through the queue and proves that the cluster works."""
    async_task(SWEEP)
    ground.wait_for("no heartbeat of the task cluster", lambda: last_heartbeat() or cluster.check())
    return "a task went through the queue"


def _interrupt(*_: Any) -> None:
    raise KeyboardInterrupt


def _watch(*children: Child) -> None:
    """Until Ctrl-C. Raises Unexpected when one of them ends by itself."""
    try:
        while True:
            for child in children:
                child.check()
            time.sleep(LOOK_EVERY)
    except KeyboardInterrupt:
        return


def _short(path: Path) -> str:
    return str(path.relative_to(settings.BASE_DIR)) if path.is_relative_to(settings.BASE_DIR) else str(path)
