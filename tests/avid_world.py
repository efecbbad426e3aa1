"""A tenant over Sage 100's agent and AvidXchange's sandbox, ready to sync."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from connectors.avidxchange.sandbox import EXAMPLE, AvidSandbox
from connectors.sage100.sandbox import FULL_KEY, Sage100Sandbox
from connectors.sandboxing import Running
from integrations.models import Delivery, Integration, Mapping, State
from tests.builders import FastClock, Side, Tenancy, money, provision_tenant, today

PROFILES = ("avidsuite-v1", "plain-rest")
GROUP = "Accounting Codes"
AMOUNTS = {"freight": "6400-01-00", "tax": "2300-00-00", "paid": "5099-01-00"}


@dataclass
class AvidWorld(Tenancy):
    """`sage` and `avid` are the sandboxes themselves."""

    sage: Sage100Sandbox
    avid: AvidSandbox
    clock: FastClock
    integration: Integration
    sides: tuple[str, ...] = ("sage", "avid")

    def counted(self, **options: Any) -> tuple[Any, int, int]:
        """A sync and how many writes Sage's agent and AvidXchange saw in it."""
        before = self.writes()
        result = self.sync(**options)
        after = self.writes()
        return result, after[0] - before[0], after[1] - before[1]

    def writes(self) -> tuple[int, int]:
        resources = self.avid.stats()["resources"].values()
        asked = sum(count for each in resources for method, count in each.items() if method != "GET")
        return self.sage.writes + self.sage.duplicates, asked

    def quiet(self) -> None:
        """Nothing more is written, whatever is read again."""
        for full in (False, True):
            result, sage_writes, avid_writes = self.counted(full=full)
            assert (sage_writes, avid_writes) == (0, 0), full
            assert result.trouble is None

    def set(self, **settings: Any) -> None:
        """Settings of the integration; what the settings reread is read again, as the screens and `provision` do."""
        from integrations.recipes import RECIPES

        self.integration.settings |= settings
        self.integration.save()
        again = RECIPES[self.integration.recipe].rereads(settings)
        self.integration.flows.filter(name__in=again).update(cursors={}, last_full_at=None)

    # --- Sage --------------------------------------------------------------------------------------

    def add_vendor(self, vendor: str = "ACME01", name: str = "Acme Building Supply", **facts: Any) -> None:
        place = {"addressLine1": "12 Mill Rd", "city": "Dayton", "state": "OH", "zipCode": "45402"}
        self.sage.do_add_vendor(vendor=vendor, name=name, **{**place, "countryCode": "USA", **facts})

    def add_invoice(self, invoice: str, amount: str = "100.00", vendor: str = "ACME01", **facts: Any) -> None:
        given = {} if "lines" in facts else {"amount": amount}
        self.sage.do_add_invoice(vendor=vendor, invoice=invoice, **(given | facts))

    def add_account(self, number: str, name: str = "Projects", status: str = "A") -> None:
        """A new one, or another status of one that is there, told to have changed just now."""
        books = self.sage.companies["ABC"]
        if number not in {each.number for each in books.accounts}:
            self.sage.do_add_account(account=number, description=name)
        account = books.account(number)
        account.status = status
        account.stamp.touch(self.sage.now())
        books.accounts.put(account)

    def payments(self) -> list[dict[str, Any]]:
        """Payments in Sage."""
        return list(self.sage.state()["payments"])

    def entry(self) -> dict[str, Any]:
        (only,) = self.payments()
        return only

    def open_invoice(self, number: str) -> dict[str, Any]:
        (row,) = [each for each in self.sage.state()["invoices"] if each["invoiceNo"] == number]
        return row

    # --- AvidXchange -------------------------------------------------------------------------------

    def invoices(self, *, dead: bool = False) -> dict[str, dict[str, Any]]:
        """AvidXchange's invoices by number, rejected and void ones only where asked for."""
        rows = self.avid.invoices.rows.values()
        rows = [row for row in rows if dead or row["status"] not in ("Rejected", "Void")]
        found = {row["number"]: row for row in rows}
        assert len(found) == len(rows) or dead, "AvidXchange holds a number twice"
        return found

    def lines(self, number: str) -> list[tuple[str, Decimal]]:
        """Each line's account and amount."""
        return [
            (next(code["value"] for code in line["codes"] if code["group"] == GROUP), money(line["amount"]))
            for line in self.invoices()[number]["lines"]
        ]

    def scans(self, number: str) -> list[Any]:
        return list(self.avid.invoices.uploads.get(self.invoices()[number]["id"], []))

    def vendors(self) -> dict[str, dict[str, Any]]:
        return {row["external_code"]: row for row in self.avid.vendors.rows.values()}

    def codes(self, group: str = GROUP) -> dict[str, dict[str, Any]]:
        rows = [row for row in self.avid.state()["codes"] if row["group"] == group]
        return {row["value"]: row for row in rows}

    def pay(self, *numbers: Any, **details: Any) -> str:
        """A settled payment, by ACH unless said, of invoices by number or as the sandbox's parts; its id."""
        rows = self.invoices()
        parts = [rows[each]["id"] if isinstance(each, str) else each for each in numbers]
        return str(self.avid.do_pay(parts, **{"method": "ach", "state": "settled", **details})["id"])

    # --- what came of it ---------------------------------------------------------------------------

    def held(self, document: str, flow: str = "bills") -> tuple[str, str]:
        """Why the record is held: reason and message."""
        row = self.latest(document, flow)
        assert row.state == State.HELD, (row.state, row.message)
        return row.reason, row.message

    def payment(self, key: str) -> Delivery:
        row = Delivery.objects.filter(flow__name="payments", key=key).order_by("version").last()
        assert row is not None, f"no payment {key}"
        return row


def applied(payment: dict[str, Any]) -> dict[str, tuple[Decimal, Decimal]]:
    """Amount and discount by invoice of a payment in Sage."""
    parts = payment["applications"]
    return {each["invoiceNo"]: (money(each["amountPaid"]), money(each["discountTaken"])) for each in parts}


@contextmanager
def avid_world(
    *,
    profile: str = "avidsuite-v1",
    unmapped: Iterable[str] = (),
    start_date: date | None = None,
    settings: dict[str, Any] | None = None,
    connection_settings: dict[str, Any] | None = None,
    **avid_options: Any,
) -> Iterator[AvidWorld]:
    """The amounts outside the lines are mapped to Sage accounts, but those `unmapped`."""
    sage = Sage100Sandbox(rate_per_second=0)
    avid = AvidSandbox(profile, **avid_options)
    with Running(sage) as sage_on, Running(avid) as avid_on:
        common = connection_settings or {}
        source = Side("books", "sage100", sage_on.url, {"company_code": "ABC", **common}, {"api_key": FULL_KEY})
        shape = {**EXAMPLE.settings, "profile": profile, "requests_per_minute": 100_000, **common}
        target = Side("avid", "avidxchange", avid_on.url, shape, dict(EXAMPLE.credentials))
        start = start_date or today() - timedelta(days=60)
        integration = provision_tenant("sage100_avidxchange", source, target, start, **(settings or {}))
        for name in AMOUNTS.keys() - set(unmapped):
            row = {"table": "amounts", "source": name, "target": AMOUNTS[name]}
            Mapping.objects.create(integration=integration, **row)
        Mapping.objects.create(integration=integration, table="bank_accounts", source="*", target="B")
        yield AvidWorld(sage, avid, FastClock((sage, avid)), integration)
