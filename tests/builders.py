"""A tenant over both sandboxes, ready to sync: what scenario and fault tests start from."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from zoneinfo import ZoneInfo

from django.db import connection

from connectors.bill.sandbox import BillSandbox
from connectors.sage100.sandbox import FULL_KEY, Sage100Sandbox
from connectors.sandboxing import Fault, Running, Sandbox
from integrations.engine.schedule import has_due_work
from integrations.engine.sync import SyncResult, sync
from integrations.engine.unattended import run_flow
from integrations.models import Connection, Delivery, Flow, Integration, Link, Mapping, Run, State, Tenant
from integrations.recipes import RECIPES

ROOT = Path(__file__).resolve().parent.parent
AMOUNTS = ("freight", "tax", "paid")
REQUIRED = ("addressLine1", "city", "zipCode", "countryCode")
SHORT_NAP = 0.11  # seconds; waits for another thread are real, longer ones only turn the clock


class FastClock:
    """The system's time, but sleeping turns the hands (and the sandboxes') instead of waiting."""

    def __init__(self, sandboxes: Iterable[Sandbox] = ()) -> None:
        self.ahead = 0.0
        self.naps: list[float] = []
        self._sandboxes = list(sandboxes)
        self._lock = threading.Lock()

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.ahead)

    def monotonic(self) -> float:
        return time.monotonic() + self.ahead

    def sleep(self, seconds: float) -> None:
        if seconds <= SHORT_NAP:
            time.sleep(max(seconds, 0))
            return
        self.naps.append(seconds)
        self.turn(seconds)

    def turn(self, seconds: float) -> None:
        with self._lock:
            self.ahead += seconds
            for sandbox in self._sandboxes:
                sandbox.offset += timedelta(seconds=seconds)


class Tenancy:
    """One tenant's integration between two running sandboxes; each sandbox is an attribute by its name."""

    integration: Integration
    clock: FastClock
    sides: tuple[str, ...]

    # --- syncing ---------------------------------------------------------------------------------

    def sync(self, **options: Any) -> SyncResult:
        self.integration.refresh_from_db()
        return sync(self.integration, **{"clock": self.clock, **options})

    def work(self) -> None:
        """What the task cluster does, without it: run every flow that has work, until none has."""
        for _ in range(20):
            now = self.clock.now()
            self.integration.refresh_from_db()
            flows = self.integration.flows.select_related("integration")
            busy = [flow for flow in flows if flow.rung_at or has_due_work(flow, now)]
            if not busy:
                return
            for flow in busy:
                assert run_flow(flow.pk, slot=None, trigger=Run.Trigger.SWEEP, clock=self.clock) == "ran"
        raise AssertionError("the flows never come to rest")

    # --- what was delivered ----------------------------------------------------------------------

    def flow(self, name: str) -> Flow:
        return self.integration.flows.get(name=name)

    def deliveries(self, flow: str = "bills", **filters: Any) -> list[Delivery]:
        return list(Delivery.objects.filter(flow__name=flow, **filters).order_by("id"))

    def latest(self, document: str, flow: str = "bills") -> Delivery:
        row = Delivery.objects.filter(flow__name=flow, document=document).order_by("version").last()
        assert row is not None, f"no {flow} delivery {document}"
        return row

    def link(self, key: str, flow: str = "bills") -> Link:
        return Link.objects.get(flow__name=flow, source_key=key)

    def map(self, table: str, source: str, target: str) -> Mapping:
        return Mapping.objects.create(integration=self.integration, table=table, source=source, target=target)

    # --- faults ----------------------------------------------------------------------------------

    def fault(self, side: str, kind: str, **details: Any) -> None:
        sandbox: Sandbox = getattr(self, side)
        with sandbox.lock:
            sandbox.faults = [*sandbox.faults, Fault(kind, **details)]

    def no_faults(self) -> None:
        for side in self.sides:
            getattr(self, side).faults = []


@dataclass
class World(Tenancy):
    """Sage 100's agent and BILL on loopback, and one tenant's integration of both.

    `sage` and `bill` are the sandboxes themselves; `accounts` and `bank` are BILL's ids, by Sage's account number.
    """

    sage: Sage100Sandbox
    bill: BillSandbox
    sage_url: str
    bill_url: str
    clock: FastClock
    accounts: dict[str, str]
    bank: str
    integration: Integration
    sides: tuple[str, ...] = ("sage", "bill")

    def counted(self, **options: Any) -> tuple[SyncResult, int, int]:
        """A sync and how many writes Sage's agent and BILL saw in it."""
        before = self.writes()
        result = self.sync(**options)
        after = self.writes()
        return result, after[0] - before[0], after[1] - before[1]

    def writes(self) -> tuple[int, int]:
        return self.sage.writes + self.sage.duplicates, sum(self.bill.writes.values())

    # --- the sides -------------------------------------------------------------------------------

    def bills(self, *, archived: bool = False) -> dict[str, dict[str, Any]]:
        """BILL's bills by number; numbers are unique in tests that use this."""
        rows = [row for row in self.bill.bills.rows.values() if row["archived"] == archived]
        found = {row["invoice"]["invoiceNumber"]: row for row in rows}
        assert len(found) == len(rows), "BILL holds a number twice"
        return found

    def vendors(self) -> list[dict[str, Any]]:
        return list(self.bill.vendors.rows.values())

    def payments(self) -> list[dict[str, Any]]:
        """Payments in Sage."""
        return list(self.sage.state()["payments"])

    def invoice(self, number: str) -> dict[str, Any]:
        rows = [row for row in self.sage.state()["invoices"] if row["invoiceNo"] == number and row["state"] == "posted"]
        assert len(rows) == 1, f"Sage holds {len(rows)} invoices {number}"
        return rows[0]

    def add_vendor(self, vendor: str = "ACME01", name: str = "Acme Building Supply", **facts: Any) -> None:
        place = {"addressLine1": "12 Mill Rd", "city": "Dayton", "state": "OH", "zipCode": "45402"}
        self.sage.do_add_vendor(vendor=vendor, name=name, **{**place, "countryCode": "USA", **facts})

    def add_invoice(self, invoice: str, amount: str = "100.00", vendor: str = "ACME01", **facts: Any) -> None:
        self.sage.do_add_invoice(vendor=vendor, invoice=invoice, **({"amount": amount} | facts))

    def pay(self, *numbers: str, **details: Any) -> str:
        """A payment of BILL's over the bills with these numbers, a check by default; its id."""
        rows = self.bills()
        parts = [{"billId": rows[number]["id"]} for number in numbers]
        if details.get("disbursementType", "CHECK") == "CHECK":
            details.setdefault("checkNumber", 4711)
        paid: str = self.bill.do_pay(parts, **details)["id"]
        return paid


@contextmanager
def world(
    *,
    unmapped: Iterable[str] = (),
    start_date: date | None = None,
    connection_settings: dict[str, Any] | None = None,
    **bill_options: Any,
) -> Iterator[World]:
    """Both sandboxes running and a tenant provisioned; every Sage account mapped but those `unmapped`.

    `unmapped` names Sage accounts, and `freight`, `tax`, `paid`. BILL's account numbers are Sage's.
    """
    sage = Sage100Sandbox(rate_per_second=0)
    bill = BillSandbox(**{"webhook_retry_delays": (0.01, 0.02, 0.03), **bill_options})
    with Running(sage) as sage_on, Running(bill) as bill_on:
        accounts = {row["account"]: "" for row in sage.state()["accounts"] if row["companyCode"] == "ABC"}
        for number in accounts:
            accounts[number] = bill.do_create_account(f"Account {number}", number)["id"]
        for name in AMOUNTS:
            accounts[name] = bill.do_create_account(name.title(), name)["id"]
        bank = bill.do_create_bank("First Cascade Bank", payables=True)["id"]
        integration = provision(
            sage_on.url, f"{bill_on.url}/connect", start_date or today() - timedelta(days=365), connection_settings
        )
        for number in accounts.keys() - set(unmapped):
            table = "amounts" if number in AMOUNTS else "accounts"
            Mapping.objects.create(integration=integration, table=table, source=number, target=number)
        Mapping.objects.create(integration=integration, table="bank_accounts", source="*", target="B")
        clock = FastClock((sage, bill))
        yield World(sage, bill, sage_on.url, bill_on.url, clock, accounts, bank, integration)


def provision(
    sage_url: str,
    bill_url: str,
    start_date: date,
    connection_settings: dict[str, Any] | None = None,
    slug: str = "acme",
) -> Integration:
    """A tenant with the integration `ap` from Sage 100 to BILL."""
    common = connection_settings or {}
    sage = Side("books", "sage100", sage_url, {"company_code": "ABC", **common}, {"api_key": FULL_KEY})
    return provision_tenant("sage100_bill", sage, bill_side(bill_url, common), start_date, slug=slug)


@dataclass(frozen=True)
class Side:
    """A connection to be."""

    name: str
    system: str
    url: str
    settings: dict[str, Any]
    credentials: dict[str, str]


def bill_side(url: str, settings: dict[str, Any]) -> Side:
    credentials = {
        "username": "ap-sync@example.com",
        "password": "sandbox-password",
        "dev_key": "01SANDBOXDEVELOPERKEY",
    }
    return Side("pay", "bill", url, {"organization_id": "00801SANDBOXORGANIZA", **settings}, credentials)


def provision_tenant(
    recipe_name: str, source: Side, target: Side, start_date: date, *, slug: str = "acme", **settings: Any
) -> Integration:
    """A tenant with the integration `ap` between two connections; `settings` are the integration's."""
    recipe = RECIPES[recipe_name]
    tenant = Tenant.objects.create(slug=slug, name=f"{slug.title()} Corp.", time_zone="America/New_York")
    made = [
        Connection.objects.create(
            tenant=tenant,
            name=side.name,
            system=side.system,
            base_url=side.url,
            settings=side.settings,
            credentials=side.credentials,
        )
        for side in (source, target)
    ]
    integration = Integration.objects.create(
        tenant=tenant,
        name="ap",
        recipe=recipe.name,
        source=made[0],
        target=made[1],
        start_date=start_date,
        settings=settings,
    )
    for position, spec in enumerate(recipe.flows):
        Flow.objects.create(integration=integration, name=spec.name, position=position, every=spec.every)
    return integration


def manage(database: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """`manage.py` in a process of its own on this database URL."""
    return subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), *arguments],
        env=manage_environment(database, **environment),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )


def own_database_url() -> str:
    """The database of this very test, for processes that the test starts."""
    name = connection.settings_dict["NAME"]
    if connection.vendor == "sqlite":
        return f"sqlite:///{name}"
    return urlunsplit(urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}"))


def manage_environment(database: str, **environment: str) -> dict[str, str]:
    return {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings", "DATABASE_URL": database, **environment}


def manage_json(database: str, *arguments: str) -> tuple[int, Any]:
    """Exit code and the JSON object on standard output."""
    done = manage(database, *arguments, "--json")
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def today() -> date:
    """Today where Sage is."""
    return datetime.now(ZoneInfo("America/New_York")).date()


# --- what should be where --------------------------------------------------------------------------


def money(value: Any) -> Decimal:
    return Decimal(str(value)).quantize(Decimal("0.01"))


def bill_facts(world: World) -> list[tuple[Any, ...]]:
    """What BILL holds and nobody archived, comparable: vendor's name, number, dates, PO, amount, lines by account."""
    names = {row["id"]: row["name"] for row in world.vendors()}
    numbers = {account_id: number for number, account_id in world.accounts.items()}
    found = []
    for row in world.bill.bills.rows.values():
        if row["archived"]:
            continue
        lines = sorted(
            (numbers[line["classifications"]["chartOfAccountId"]], money(line["amount"]))
            for line in row["billLineItems"]
        )
        found.append(
            (
                names[row["vendorId"]],
                row["invoice"]["invoiceNumber"],
                row["invoice"]["invoiceDate"],
                row["dueDate"],
                row.get("purchaseOrderNumber"),
                money(row["amount"]),
                tuple(lines),
            )
        )
    return sorted(found, key=repr)


def payable(world: World, since: date) -> dict[tuple[str, str], dict[str, Any]]:
    """From Sage's own state: what may be paid and can go to BILL, by vendor key and invoice number."""
    state = world.sage.state()
    vendors = {
        (row["apDivisionNo"], row["vendorNo"]): row
        for row in state["vendors"]
        if row["vendorStatus"] == "A" and all(row[name] for name in REQUIRED)
    }
    found = {}
    for row in state["invoices"]:
        vendor = row["apDivisionNo"], row["vendorNo"]
        current = row["state"] == "posted" and date.fromisoformat(row["invoiceDate"]) >= since
        if current and row["payable"] and vendor in vendors:
            found["-".join(vendor), row["invoiceNo"]] = {**row, "vendorName": vendors[vendor]["vendorName"]}
    return found


def expected_facts(row: dict[str, Any]) -> tuple[Any, ...]:
    """What BILL should hold of an invoice that nobody has paid through BILL, in the shape of `bill_facts`."""
    lines = [(line["account"], money(line["amount"])) for line in row["lines"]]
    lines += [("freight", money(row["freightAmt"]))] if "freightAmt" in row else []
    lines += [("tax", money(row["salesTaxAmt"]))] if "salesTaxAmt" in row else []
    paid = money(row["invoiceAmt"]) - money(row["balance"])
    lines += [("paid", -paid)] if paid else []
    return (
        row["vendorName"],
        row["invoiceNo"],
        row["invoiceDate"],
        row["dueDate"],
        row["purchaseOrderNo"],
        money(row["balance"]),
        tuple(sorted(lines)),
    )


def open_states() -> list[Delivery]:
    """Deliveries whose outcome is still open to the engine itself."""
    return list(Delivery.objects.filter(state__in=(State.PENDING, State.SENDING, State.UNCERTAIN)))
