"""`manage.py sandbox` over a real process: what it prints may be pasted into a provision file, and it works."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys

import pytest
import yaml
from django.conf import settings

from connectors.clock import SystemClock
from integrations.demo.sandboxes import start
from integrations.engine.context import SYSTEMS
from integrations.engine.ping import ping
from integrations.models import Connection


def free_ports(count):
    """The first of `count` neighbouring ports that are free."""
    for first in range(42000, 60000, count):
        try:
            for port in range(first, first + count):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        return first
    raise AssertionError("no free ports")


@pytest.fixture
def sandbox():
    """Starts the command; answers its output up to the last line and the process."""
    processes = []

    def begin(*arguments):
        command = [sys.executable, "manage.py", "sandbox", *arguments]
        process = subprocess.Popen(command, cwd=settings.BASE_DIR, stdout=subprocess.PIPE, text=True)
        processes.append(process)
        lines = []
        while not lines or not lines[-1].startswith("# What people do"):
            line = process.stdout.readline()
            assert line, f"the command ended with code {process.wait()}"
            lines.append(line)
        return "".join(lines), process

    yield begin
    for process in processes:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.mark.django_db
def test_prints_working_connections_and_ends_on_ctrl_c(sandbox):
    base = free_ports(len(SYSTEMS))
    text, process = sandbox("--port-base", str(base))
    connections = yaml.safe_load(text)["connections"]
    assert list(connections) == list(SYSTEMS)
    for name, facts in connections.items():
        steps = list(ping(Connection(name=name, **facts), SystemClock()))
        assert steps, name
        assert [f"{step.name}: {step.message}" for step in steps if not step.ok] == []

    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 0


def test_runs_only_the_named_system_on_its_own_port(sandbox):
    base = free_ports(len(SYSTEMS))
    text, _ = sandbox("bill", "--port-base", str(base))
    connections = yaml.safe_load(text)["connections"]
    assert list(connections) == ["bill"]
    assert f":{base + list(SYSTEMS).index('bill')}/" in connections["bill"]["base_url"]


def test_unknown_system_names_the_known(run):
    code, _, message = run("sandbox", "bil")
    assert code == 2
    assert "did you mean 'bill'" in message
    assert "sage100" in message


def test_port_in_use_is_said_and_leaves_nothing_running(run):
    base = free_ports(len(SYSTEMS))
    last = base + len(SYSTEMS) - 1
    with socket.create_server(("127.0.0.1", last)):
        code, out, message = run("sandbox", "--port-base", str(base))
    assert code == 2
    assert f"port {last} of 127.0.0.1: address already in use" in message
    assert "--port-base" in message
    assert not out
    with socket.socket() as probe:  # what was started before is stopped again
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", base))


@pytest.mark.parametrize("system", SYSTEMS)
def test_every_registered_system_has_a_sandbox_with_records(system):
    stand = start(system)
    try:
        assert any(stand.state().values())
        known = {field.name for field in (*SYSTEMS[system].settings, *SYSTEMS[system].credentials)}
        assert {*stand.example.settings, *stand.example.credentials} <= known
    finally:
        stand.running.stop()
