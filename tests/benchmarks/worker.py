"""What is measured, in a process of its own: `python -m tests.benchmarks.worker COMMAND [JSON]` prints one object."""

from __future__ import annotations

import json
import resource
import sqlite3
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import django
import requests

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402

from connectors.clock import SystemClock  # noqa: E402
from connectors.sage100.sandbox import FULL_KEY  # noqa: E402
from integrations.engine import context  # noqa: E402
from integrations.engine.sync import sync  # noqa: E402
from integrations.engine.unattended import run_flow  # noqa: E402
from integrations.models import Integration, Link, Mapping  # noqa: E402
from tests.benchmarks.sandboxes import ACCOUNTS  # noqa: E402
from tests.builders import provision  # noqa: E402

POLLED = ("accounts", "vendors", "bills", "payments")
DRIVES = {"dev_key": "01SANDBOXDEVELOPERKEY", "organization": "00801SANDBOXORGANIZA"}


@contextmanager
def measured() -> Iterator[dict[str, Any]]:
    """CPU (all threads, user and system) and wall in seconds, peak resident size in MiB."""
    figures: dict[str, Any] = {}
    cpu, wall = time.process_time(), time.perf_counter()
    yield figures
    figures["cpu"], figures["wall"] = time.process_time() - cpu, time.perf_counter() - wall
    figures["rss"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def prepare(sage: str, bill: str) -> dict[str, Any]:
    call_command("migrate", verbosity=0)
    integration = provision(sage, f"{bill}/connect", datetime.now(UTC).date() - timedelta(days=365))
    for number in ACCOUNTS:
        Mapping.objects.create(integration=integration, table="accounts", source=number, target=number)
    Mapping.objects.create(integration=integration, table="bank_accounts", source="*", target="B")
    return {}


def synced(profile: str = "") -> dict[str, Any]:
    integration = Integration.objects.get()
    before = Link.objects.filter(flow__name="bills").count()
    with measured() as figures:
        if profile:
            import cProfile

            profiler = cProfile.Profile()
            result = profiler.runcall(sync, integration)
            profiler.dump_stats(profile)
        else:
            result = sync(integration)
    requests_made: Counter[str] = Counter()
    for flow in result.flows:
        requests_made.update(flow.requests)
    return {
        **figures,
        "ok": result.ok,
        "requests": dict(requests_made),
        "bills": Link.objects.filter(flow__name="bills").count() - before,
        "flows": [flow.as_json() for flow in result.flows],
    }


def updates() -> dict[str, Any]:
    """A sync of changed bills, one request each: when the first request left and the last answer came."""
    times: list[float] = []
    plain = context.ConnectorPool._count

    def count(self: Any, connection: Any, exchange: Any) -> None:
        if exchange.method == "PUT":
            times.append(time.perf_counter())
        plain(self, connection, exchange)

    context.ConnectorPool._count = count  # type: ignore[method-assign]
    figures = synced()
    return {**figures, "puts": len(times), "seconds": max(times) - min(times)}


def poll() -> dict[str, Any]:
    """Each flow run as the cluster runs it, with nothing to find: requests, queries, CPU. The second time counts."""
    integration = Integration.objects.get()
    found: dict[str, Any] = {}
    for flow in [*integration.flows.filter(name__in=POLLED)] * 2:
        statements: list[str] = []

        def note(
            execute: Any, sql: str, params: Any, many: bool, details: Any, statements: list[str] = statements
        ) -> Any:
            if not sql.startswith("BEGIN"):  # SQLite's way to open a transaction; PostgreSQL counts none
                statements.append(sql)
            return execute(sql, params, many, details)

        with connection.execute_wrapper(note), measured() as figures:
            answer = run_flow(flow.pk, slot=datetime.now(UTC), trigger="schedule", clock=SystemClock())
        assert answer == "ran", answer
        figures["queries"] = len(statements)
        figures["requests"] = sum(flow.runs.first().requests.values())
        figures["budgets"] = sum("_slot" in sql or "_ratewindow" in sql or "_sharedvalue" in sql for sql in statements)
        found[flow.name] = figures
    return found


def floor(sage: str, bill: str, accounts: dict[str, str], since: str) -> dict[str, Any]:
    """The same records by plain `requests` and `executemany`: read, shape, send by the hundred, one row each."""
    links = dict(Link.objects.filter(flow__name="vendors").values_list("source_key", "target_id"))
    session = requests.Session()
    body = {"username": "ap-sync@example.com", "password": "sandbox-password"}
    body |= {"organizationId": DRIVES["organization"], "devKey": DRIVES["dev_key"]}
    login = session.post(f"{bill}/connect/v3/login", json=body, timeout=30).json()
    cloud = {"sessionId": login["sessionId"], "devKey": DRIVES["dev_key"]}
    ledger = {"X-API-Key": FULL_KEY, "X-Company-Code": "ABC"}
    table = sqlite3.connect(":memory:")
    table.execute("CREATE TABLE record (id INTEGER PRIMARY KEY, key TEXT, number TEXT, payload TEXT, target TEXT)")
    count = 0
    with measured() as figures:
        asked = {"limit": "500", "state": "posted", "include": "lines", "updated_since": since}
        following: dict[str, str] = {}
        while True:
            page = session.get(f"{sage}/v1/ap-invoices", params={**asked, **following}, headers=ledger, timeout=60)
            data = page.json()
            rows = [(plain_bill(each, links, accounts, "F"), each) for each in data["data"]]
            for start in range(0, len(rows), 100):
                part = rows[start : start + 100]
                made = session.post(
                    f"{bill}/connect/v3/bills/bulk", json=[each for each, _ in part], headers=cloud, timeout=60
                )
                made.raise_for_status()
                ids = [each["id"] for each in made.json()]
                values = [
                    (f"{each['apDivisionNo']}-{each['vendorNo']}|{each['invoiceNo']}", each["invoiceNo"],
                     json.dumps(each), target)
                    for (_, each), target in zip(part, ids, strict=True)
                ]  # fmt: skip
                with table:
                    table.executemany("INSERT INTO record (key, number, payload, target) VALUES (?, ?, ?, ?)", values)
            count += len(rows)
            if not data["page"]["hasMore"]:
                break
            following = {"cursor": data["page"]["nextCursor"]}
    return {**figures, "bills": count}


def plain_bill(row: dict[str, Any], links: dict[str, str], accounts: dict[str, str], prefix: str) -> dict[str, Any]:
    lines = [
        {
            "amount": float(line["amount"]),
            "description": line.get("description") or "",
            "classifications": {"chartOfAccountId": accounts[line["account"]]},
        }
        for line in row["lines"]
    ]
    return {
        "vendorId": links[f"{row['apDivisionNo']}-{row['vendorNo']}"],
        "dueDate": row["dueDate"],
        "invoice": {"invoiceNumber": prefix + row["invoiceNo"], "invoiceDate": row["invoiceDate"]},
        "billLineItems": lines,
    }


def parallel(bill: str, calls: int) -> dict[str, Any]:
    """The cap itself: so many plain requests by three threads that do nothing else."""
    sessions = [requests.Session() for _ in range(3)]
    body = {"username": "ap-sync@example.com", "password": "sandbox-password"}
    body |= {"organizationId": DRIVES["organization"], "devKey": DRIVES["dev_key"]}
    login = sessions[0].post(f"{bill}/connect/v3/login", json=body, timeout=30).json()
    headers = {"sessionId": login["sessionId"], "devKey": DRIVES["dev_key"]}

    def work(session: requests.Session) -> None:
        for _ in range(calls // 3):
            session.get(f"{bill}/connect/v3/login/session", headers=headers, timeout=30).raise_for_status()

    threads = [threading.Thread(target=work, args=(session,)) for session in sessions]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {"calls": calls // 3 * 3, "seconds": time.perf_counter() - started}


COMMANDS = {
    "prepare": prepare, "sync": synced, "updates": updates, "poll": poll, "floor": floor, "parallel": parallel,
}  # fmt: skip

if __name__ == "__main__":
    options = json.loads(sys.argv[2]) if len(sys.argv) > 2 else {}
    print(json.dumps(COMMANDS[sys.argv[1]](**options)))
