from __future__ import annotations

import logging
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.db import OperationalError

from integrations.management.commands.watch_cluster import ClusterProcess, Watchdog

START = datetime(2026, 10, 1, 8, 0, tzinfo=UTC)


class World:
    """Virtual time with things that happen at given seconds, and everything the watchdog did."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.plan: list[tuple[float, Callable[[], None]]] = []
        self.log: list[tuple[float, str]] = []
        self.clusters: list[FakeCluster] = []
        self.beat: datetime | None = None
        self.beating_from: float | None = None
        self.database_up = True

    def now(self) -> datetime:
        return START + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        assert self.seconds < 10_000, "the watchdog never ended"
        self.seconds += seconds
        due = [what for at, what in self.plan if at <= self.seconds]
        self.plan = [(at, what) for at, what in self.plan if at > self.seconds]
        for what in due:
            what()

    def at(self, seconds: float, what: Callable[[], None]) -> None:
        self.plan.append((seconds, what))

    def spawn(self) -> FakeCluster:
        self.log.append((self.seconds, "start"))
        self.clusters.append(FakeCluster(self))
        return self.clusters[-1]

    def heartbeat(self) -> datetime | None:
        if not self.database_up:
            raise OperationalError("server closed the connection")
        if self.beating_from is not None and self.seconds >= self.beating_from:
            self.beat = self.now()
        return self.beat

    def did(self, what: str) -> list[float]:
        return [at for at, each in self.log if each == what]


class FakeCluster:
    def __init__(self, world: World, stops_after: float | None = 4.0) -> None:
        self.world = world
        self.stops_after = stops_after
        self.code: int | None = None

    def poll(self) -> int | None:
        return self.code

    def terminate(self) -> None:
        self.world.log.append((self.world.seconds, "terminate"))
        if self.stops_after is not None:
            self.world.at(self.world.seconds + self.stops_after, lambda: setattr(self, "code", 0))

    def kill(self) -> None:
        self.world.log.append((self.world.seconds, "kill"))
        self.code = -9 if self.code is None else self.code


@pytest.fixture
def world() -> World:
    return World()


def watch(world: World, until: float, stop_timeout: float = 330) -> None:
    watchdog = Watchdog(world.spawn, world.heartbeat, world, stop_timeout)
    world.at(until, watchdog.stop)
    watchdog.run()


def test_a_beating_cluster_is_left_alone_and_stopped_gently(world: World) -> None:
    world.beating_from = 60
    watch(world, until=3600)
    assert world.did("start") == [0]
    assert world.did("terminate") == [3600]
    assert [what for _, what in world.log] == ["start", "terminate", "kill"]
    assert world.clusters[0].code == 0


def test_a_frozen_cluster_is_killed_two_minutes_after_its_last_heartbeat(world: World, caplog) -> None:
    world.beating_from = 60
    world.at(1000, lambda: setattr(world, "beating_from", None))
    with caplog.at_level(logging.ERROR):
        watch(world, until=1150)
    (killed, _) = world.did("kill")
    assert 1118 <= killed <= 1124
    assert [what for _, what in world.log] == ["start", "kill", "start", "terminate", "kill"]
    assert "2026-10-01T08:16:38" in caplog.text


def test_a_cluster_that_never_beats_gets_its_grace_and_no_more(world: World) -> None:
    watch(world, until=100)
    assert world.did("kill")[0] == 90


def test_an_old_heartbeat_does_not_count_against_a_new_cluster_within_its_grace(world: World) -> None:
    world.beat = START - timedelta(hours=8)
    world.beating_from = 80
    watch(world, until=500)
    assert world.did("start") == [0]


def test_a_cluster_that_ended_by_itself_leaves_no_orphans_and_comes_back(world: World) -> None:
    world.beating_from = 0
    world.at(50, lambda: setattr(world.clusters[0], "code", 1))
    watch(world, until=200)
    assert world.did("kill")[0] == 50
    assert world.did("start") == [0, 55]


def test_a_database_that_is_down_is_no_reason_to_restart(world: World) -> None:
    world.beating_from = 30
    world.at(200, lambda: setattr(world, "database_up", False))
    world.at(200, lambda: setattr(world, "beating_from", 1085))
    world.at(1000, lambda: setattr(world, "database_up", True))
    watch(world, until=2000)
    assert world.did("start") == [0]


def test_a_cluster_that_does_not_beat_again_after_the_database_is_back_is_restarted(world: World) -> None:
    world.beating_from = 30
    world.at(200, lambda: setattr(world, "database_up", False))
    world.at(200, lambda: setattr(world, "beating_from", None))
    world.at(1000, lambda: setattr(world, "database_up", True))
    watch(world, until=1120)
    assert 1086 <= world.did("kill")[0] <= 1090


def test_a_cluster_that_does_not_stop_is_killed_when_its_tasks_must_be_over(world: World, caplog) -> None:
    world.beating_from = 0
    world.at(10, lambda: setattr(world.clusters[0], "stops_after", None))
    watch(world, until=100, stop_timeout=330)
    assert world.did("terminate") == [100]
    assert world.did("kill") == [430]
    assert "did not stop within 330 s" in caplog.text


# A process that ends only when it is killed has a child that holds the same pipe: reading to the end of the
# pipe returns once both are gone.
PARENT_AND_CHILD = ["sh", "-c", "sleep 600 & echo ready; wait"]


def test_kill_ends_the_children_too() -> None:
    cluster = ClusterProcess(PARENT_AND_CHILD, stdout=subprocess.PIPE)
    assert cluster.process.stdout is not None
    assert cluster.process.stdout.readline() == b"ready\n"
    assert cluster.poll() is None
    cluster.kill()
    assert cluster.process.stdout.read() == b""
    assert cluster.poll() == -9
    cluster.kill()


def test_terminate_reaches_the_parent_only() -> None:
    script = """
        (trap 'echo child got it' TERM; sleep 0.2; echo child done) &
        trap 'wait; echo parent done; exit 0' TERM
        echo ready
        wait
    """
    cluster = ClusterProcess(["sh", "-c", script], stdout=subprocess.PIPE)
    assert cluster.process.stdout is not None
    assert cluster.process.stdout.readline() == b"ready\n"
    cluster.terminate()
    assert cluster.process.stdout.read() == b"child done\nparent done\n"
    cluster.kill()
    assert cluster.poll() == 0
