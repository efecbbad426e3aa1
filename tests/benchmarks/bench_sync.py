"""Figures of the sync against the architecture's budgets: `make bench`. Prints a table, writes docs/benchmarks.md.

Both vendors run in a process of their own, what is measured in another; every rate stands beside a floor measured in
the same run on the same machine.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.benchmarks import webhook_load
from tests.builders import ROOT, manage_environment

BENCHMARKS = ROOT / "docs" / "benchmarks.md"


@dataclass
class Report:
    rows: list[tuple[str, str, str, str]] = field(default_factory=list)

    def add(self, what: str, figure: str, against: str, budget: str) -> None:
        self.rows.append((what, figure, against, budget))
        print(f"{what:<58} {figure:<22} {against:<34} {budget}", flush=True)

    def write(self) -> None:
        lines = [
            "# Benchmarks",
            "",
            f"`make bench` on {datetime.now(UTC):%Y-%m-%d}: {platform.system()} {platform.machine()}, "
            f"{os.cpu_count()} cores, Python {platform.python_version()}, SQLite. Absolute figures move with the "
            "machine; what counts is the ratio to the floor, measured in the same run.",
            "",
            "| what | measured | floor or ratio | budget |",
            "| --- | --- | --- | --- |",
            *(f"| {' | '.join(row)} |" for row in self.rows),
            "",
        ]
        BENCHMARKS.write_text("\n".join(lines))


@pytest.fixture(scope="session")
def report(request: pytest.FixtureRequest) -> Iterator[Report]:
    made = Report()
    print()
    yield made
    if not request.config.option.keyword and not request.session.testsfailed:  # a selection is no report
        made.write()


class Bench:
    """Sandboxes and a provisioned SQLite database, steered from here."""

    def __init__(self, folder: Path) -> None:
        self.database = f"sqlite:///{folder}/db.sqlite3"
        self.environment = manage_environment(self.database, PYTHONPATH=str(ROOT))
        self.stand = subprocess.Popen(
            [sys.executable, "-m", "tests.benchmarks.sandboxes"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=self.environment,
            cwd=ROOT,
        )
        assert self.stand.stdout is not None
        self.at: dict[str, Any] = json.loads(self.stand.stdout.readline())
        self.worker("prepare", sage=self.at["sage"], bill=self.at["bill"])

    def close(self) -> None:
        self.stand.communicate(timeout=10)

    def worker(self, command: str, **options: Any) -> dict[str, Any]:
        done = subprocess.run(
            [sys.executable, "-m", "tests.benchmarks.worker", command, json.dumps(options)],
            env=self.environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    def post(self, side: str, path: str, body: Any) -> None:
        requests.post(f"{self.at[side]}/_sandbox/{path}", json=body, timeout=300).raise_for_status()

    def grow(self, vendors: int, invoices: int) -> None:
        self.post("sage", "actions/grow", {"vendors": vendors, "invoices": invoices})

    def hour_later(self) -> None:
        """What comes next is no longer within the overlap of what was read."""
        for side in ("sage", "bill"):
            self.post(side, "clock", {"advance": 3600})

    def synced(self, invoices: int) -> dict[str, Any]:
        self.hour_later()
        self.worker("sync")
        self.grow(0, invoices)
        figures = self.worker("sync")
        assert figures["ok"], figures
        assert figures["bills"] == invoices
        return figures


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.close()


def test_calls_cpu_and_memory(bench: Bench, report: Report) -> None:
    bench.grow(400, 400)
    assert bench.worker("sync")["ok"]
    small = bench.synced(2_000)
    middle = bench.synced(10_000)
    large = bench.synced(20_000)
    floor = bench.worker("floor", **bench.at, since=_days_ago(2))
    for figures, budget in ((small, 64), (middle, 320)):
        calls = sum(figures["requests"].values())
        sides = ", ".join(f"{name} {count}" for name, count in figures["requests"].items())
        report.add(f"API calls for {figures['bills']:,} new bills, vendors known", f"{calls}", sides, f"<= {budget}")
    cpu, wall = (middle[name] / middle["bills"] * 1000 for name in ("cpu", "wall"))
    least_cpu, least_wall = (floor[name] / floor["bills"] * 1000 for name in ("cpu", "wall"))
    ratio = f"{cpu / least_cpu:.1f} x floor of {least_cpu:.3f} ms"
    report.add("CPU per bill, read to delivered, zero latency", f"{cpu:.2f} ms", ratio, "<= 1 ms")
    ratio = f"{wall / least_wall:.1f} x floor of {least_wall:.3f} ms"
    report.add("Wall per bill, same (Sage's agent allows 10 reads/s)", f"{wall:.2f} ms", ratio, "-")
    growth = large["rss"] / small["rss"]
    figure = f"{small['rss']:.0f} -> {large['rss']:.0f} MiB"
    report.add("Peak memory at 2,000 and at 20,000 bills", figure, f"{growth:.2f} x", "<= 1.2 x")


def test_throughput_under_the_cap(bench: Bench, report: Report) -> None:
    count = 300
    bench.grow(50, count)
    assert bench.worker("sync")["ok"]
    bench.post("sage", "actions/push_out", {"invoices": count})
    bench.post("bill", "latency", {"seconds": 0.1})
    cap = bench.worker("parallel", bill=bench.at["bill"], calls=count)
    ours = bench.worker("updates")
    assert ours["puts"] == count, ours
    most = cap["calls"] / cap["seconds"]
    # from the first answer to the last: one latency less than the work took
    rate = (count - 3) / ours["seconds"]
    against = f"{rate / most:.1%} of 3 bare threads ({most:.1f}/s)"
    report.add("Changed bills under BILL's cap of 3, latency 100 ms", f"{rate:.1f}/s", against, ">= 95 %")


def test_a_poll_that_finds_nothing(bench: Bench, report: Report) -> None:
    bench.grow(40, 300)
    assert bench.worker("sync")["ok"]
    for _ in range(2):
        bench.hour_later()
        bench.worker("poll")
    for name, figures in bench.worker("poll").items():
        cpu = f"{figures['cpu'] * 1000:.0f} ms"
        statements = f"{figures['queries']} queries, {figures['budgets']} of them budgets and sessions"
        report.add(
            f"Idle poll of {name}",
            f"{figures['requests']} requests, {cpu}",
            statements,
            "<= 2 requests, < 20 ms, <= 10 queries",
        )


def test_webhooks(bench: Bench, report: Report, tmp_path: Path) -> None:
    figures = webhook_load.measure(bench.database, tmp_path, rate=200, seconds=15)
    figure = f"p99 {figures['p99'] * 1000:.1f} ms"
    against = f"p50 {figures['p50'] * 1000:.1f} ms, /healthz p99 {figures['floor_p99'] * 1000:.1f} ms"
    assert figures["stored"] == figures["sent"]
    report.add("Webhook at 200/s: verified, stored, answered", figure, against, "p99 < 50 ms")


def _days_ago(days: int) -> str:
    return datetime.fromtimestamp(datetime.now(UTC).timestamp() - days * 86400, UTC).isoformat()
