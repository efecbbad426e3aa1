"""Signed notifications at a steady rate against gunicorn, as production runs it (gthread, two workers)."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path
from typing import Any

from connectors.signing import hmac_sha256_base64
from tests.builders import ROOT, manage, manage_environment

KEY = "benchmark-signing-key-000000000000000000"
SUBSCRIPTION = "00f" + "0" * 17
ORGANIZATION = "00801SANDBOXORGANIZA"
SENDERS = 16
GUNICORN = ["-m", "gunicorn", "config.wsgi", "--worker-class", "gthread", "--workers", "2", "--threads", "8"]
SET_UP = """
from integrations.models import *
integration = Integration.objects.get()
WebhookSubscription.objects.create(
    integration=integration, connection=integration.target, subscription_id={subscription!r}, key={key!r}, enabled=True
)
print(integration.target.uuid)
"""
COUNT = "from integrations.models import *; print(WebhookEvent.objects.count())"


def measure(database: str, folder: Path, *, rate: int, seconds: int) -> dict[str, float]:
    """Latencies in seconds as the sender sees them; the floor is the same load on a page that does nothing."""
    uuid_ = _shell(database, SET_UP.format(subscription=SUBSCRIPTION, key=KEY))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with (folder / "gunicorn.log").open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, *GUNICORN, "--bind", f"127.0.0.1:{port}"],
            env=manage_environment(database),
            cwd=ROOT,
            stdout=log,
            stderr=log,
        )
    try:
        _wait_for(port)
        _load(port, rate, 3, lambda: _event(uuid_))  # both workers have imported everything by then
        floor = _load(port, rate, seconds, lambda: ("GET", "/healthz", b"", {}))
        before = int(_shell(database, COUNT))
        answers = _load(port, rate, seconds, lambda: _event(uuid_))
        stored = int(_shell(database, COUNT)) - before
    finally:
        server.terminate()
        server.wait(timeout=30)
    return {
        "p50": _at(answers, 0.5),
        "p99": _at(answers, 0.99),
        "floor_p99": _at(floor, 0.99),
        "sent": len(answers),
        "stored": stored,
    }


def _shell(database: str, code: str) -> str:
    done = manage(database, "shell", "--verbosity", "0", "-c", code)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().splitlines()[-1]


def _event(connection: str) -> tuple[str, str, bytes, dict[str, str]]:
    body = json.dumps(
        {
            "metadata": {
                "eventId": str(uuid.uuid4()),
                "subscriptionId": SUBSCRIPTION,
                "organizationId": ORGANIZATION,
                "eventType": "payment.updated",
                "version": "1",
            },
            "payment": {"id": "stp01" + uuid.uuid4().hex[:15], "status": "CLEARED", "amount": 100},
        }
    ).encode()
    headers = {"Content-Type": "application/json", "x-bill-sha-signature": hmac_sha256_base64(KEY, body)}
    return "POST", f"/webhooks/bill/{connection}/", body, headers


def _load(port: int, rate: int, seconds: int, make: Any) -> list[float]:
    """Open-loop: each request has its instant, and waiting for a late sender counts as latency."""
    total = rate * seconds
    begin = time.perf_counter() + 0.1
    taken: list[float] = []
    numbers = iter(range(total))
    lock = threading.Lock()

    def send() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        while True:
            with lock:
                number = next(numbers, None)
            if number is None:
                connection.close()
                return
            due = begin + number / rate
            method, path, body, headers = make()
            time.sleep(max(due - time.perf_counter(), 0))
            connection.request(method, path, body=body, headers=headers)
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 200, (answer.status, path)
            with lock:
                taken.append(time.perf_counter() - due)

    threads = [threading.Thread(target=send) for _ in range(SENDERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == total, f"{len(taken)} of {total} answered"
    return taken


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            assert time.monotonic() < deadline, "gunicorn did not start"
            time.sleep(0.1)


def _at(values: list[float], share: float) -> float:
    return sorted(values)[min(int(len(values) * share), len(values) - 1)]
