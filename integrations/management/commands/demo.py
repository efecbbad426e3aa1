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
from requests import RequestException

from integrations.demo import ground, report
from integrations.demo.ground import Child, Unexpected
from integrations.demo.sandboxes import HOST, PortTaken, Stand, require_free, start
from integrations.demo.story import Story
from integrations.management.cli import UsageError, fail
from integrations.management.report import SyncProgress

PORT = 8000
USERS = {"admin": "administrator", "finance": "finance manager", "auditor": "auditor"}
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
    """Steps told in a line each. What they start is ended by `stack`, the last first."""

    def __init__(self, folder: Path, port: int, stack: ExitStack) -> None:
        self.folder = folder
        self.port = port
        self.stack = stack
        self.out = report.console()
        self.passwords = {user: secrets.token_hex(6) for user in USERS}

    def run(self, *, once: bool) -> None:
        began = time.monotonic()
        self.out.print("ml-connector: Sage 100 to BILL, payments back. Both are stand-ins on this machine.\n")
        self.stack.enter_context(ground.occupied(self.folder))
        self._step("Database", self._migrate)
        self._step("Sandboxes", self._sandboxes)
        web = self._child(ground.web_server(self.folder, self.port))
        cluster = self._child(ground.task_cluster(self.folder))
        story = Story(self.sage, self.bill, self.passwords)
        self._step("Tenant", story.provision)
        self._step("First sync", lambda: self._first_sync(story))
        self._step("Second sync", story.quiet_sync)
        self._step("Web server", lambda: self._answering(web))
        self._step("Task cluster", lambda: story.beat(cluster))
        self._step("Webhook", story.register)
        self._step("Paid, told", lambda: story.pay_and_be_told(cluster))
        self._step("Paid, polled", story.pay_and_poll)
        self._step("Posted", story.post)
        compared = self._step("Reconciled", story.compare)
        self._step("Audit trail", story.prove)
        report.show(self.out, story, compared)
        self.out.print(f"All steps came out as expected, in {time.monotonic() - began:.0f} seconds.")
        if not once:
            self._invite(story)
            _watch(web, cluster)
            self.out.print("\nStopping ...")

    # --- steps -------------------------------------------------------------------------------------

    def _step(self, name: str, work: Callable[[], Any]) -> Any:
        """Do it, tell it in a line; the rest of its answer."""
        began = time.monotonic()
        answer = work()
        text, rest = answer if isinstance(answer, tuple) else (answer, None)
        self.out.print(f"{name:<13} {time.monotonic() - began:4.1f} s  {text}", soft_wrap=True)
        return rest

    def _migrate(self) -> str:
        call_command("migrate", verbosity=0)
        return f"{_short(self.folder / ground.DATABASE)}, new; yours is not touched"

    def _sandboxes(self) -> str:
        self.sage, self.bill = self._sandbox("sage100"), self._sandbox("bill")
        return f"Sage 100 at {self.sage.running.url}, BILL at {self.bill.running.url}, with sample records"

    def _sandbox(self, system: str) -> Stand:
        stand = start(system)
        self.stack.callback(stand.running.stop)
        return stand

    def _first_sync(self, story: Story) -> str:
        with SyncProgress() as progress:
            return story.full_sync(progress)

    def _child(self, child: Child) -> Child:
        self.stack.callback(child.stop)
        return child

    def _answering(self, web: Child) -> str:
        ground.wait_for("the web server does not answer", lambda: ground.answers(web, self.port))
        return f"http://{HOST}:{self.port}/admin/"

    def _invite(self, story: Story) -> None:
        waiting = next(paid for paid in story.payments if paid.method == "check")
        lines = [
            "",
            f"Look around: http://{HOST}:{self.port}/admin/",
            *(f"  {user:<8} {self.passwords[user]}   ({role})" for user, role in USERS.items()),
            "",
            "Try: map account 5099-01-00 there, and its bill goes to BILL by itself. Or let BILL cut the check:",
            f'  curl -d \'{{"paymentId": "{waiting.key}", "checkNumber": 10484}}\' \\',
            f"    {self.bill.running.url}/_sandbox/actions/set_check_number",
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
