"""Scans pass through this machine's disk, not its memory."""

from __future__ import annotations

import gc
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from connectors.avidxchange.sandbox import EXAMPLE
from connectors.sage100.sandbox import FULL_KEY
from integrations.engine.sync import sync
from integrations.models import Integration
from tests.avid_world import PROFILES
from tests.builders import ROOT, FastClock, Side, provision_tenant, today

Servers = subprocess.Popen[str]
PEAK = Path("/proc/self/clear_refs")


@pytest.fixture(params=PROFILES)
def profile(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def servers(profile: str) -> Iterator[Servers]:
    """In a process of their own: what they hold is not ours."""
    command = [sys.executable, "-m", "tests.scenarios.scan_servers", profile]
    with subprocess.Popen(command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        yield process
        process.kill()


def answer(servers: Servers, line: str = "") -> str:
    assert servers.stdin is not None
    assert servers.stdout is not None
    if line:
        servers.stdin.write(f"{line}\n")
        servers.stdin.flush()
    return servers.stdout.readline()


def peak(integration: Integration) -> float:
    """The highest resident size of this process during a sync, in MiB."""
    gc.collect()
    PEAK.write_text("5")  # forgets the highest mark
    assert sync(integration, clock=FastClock()).ok
    found = re.search(r"^VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1]) / 1024


@pytest.mark.slow
@pytest.mark.skipif(not PEAK.exists(), reason="peaks can be reset on Linux only")
def test_memory_stays_flat_with_200_scans_of_8_mb(transactional_db: None, servers: Servers, profile: str) -> None:
    sage, avid = json.loads(answer(servers))
    source = Side("books", "sage100", sage, {"company_code": "ABC"}, {"api_key": FULL_KEY})
    shape = {**EXAMPLE.settings, "profile": profile, "requests_per_minute": 100_000}
    target = Side("avid", "avidxchange", avid, shape, dict(EXAMPLE.credentials))
    integration = provision_tenant("sage100_avidxchange", source, target, today() - timedelta(days=60))
    answer(servers, "10")
    few = peak(integration)
    answer(servers, "200")
    many = peak(integration)
    assert int(answer(servers, "0")) == 210
    assert many - few < 60, f"{many - few:.0f} MiB more, of 1,600 that passed through"
