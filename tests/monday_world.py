"""A tenant over Sage 100's agent and monday.com's sandbox, ready to sync."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from connectors.monday.sandbox import EXAMPLE, MondaySandbox
from connectors.sage100.sandbox import FULL_KEY, Sage100Sandbox
from connectors.sandboxing import Running
from integrations.models import Integration, Mapping
from integrations.recipes import RECIPES
from tests.builders import FastClock, Side, Tenancy, provision_tenant, today


@dataclass
class MondayWorld(Tenancy):
    """`sage` and `monday` are the sandboxes themselves."""

    sage: Sage100Sandbox
    monday: MondaySandbox
    clock: FastClock
    integration: Integration
    sides: tuple[str, ...] = ("sage", "monday")

    def set(self, **settings: Any) -> None:
        """Settings of the integration; what the settings reread is read again, as the screens and `provision` do."""
        self.integration.settings |= settings
        self.integration.save()
        again = RECIPES[self.integration.recipe].rereads(settings)
        self.integration.flows.filter(name__in=again).update(cursors={}, last_full_at=None)

    # --- what people do --------------------------------------------------------------------------

    def add_vendor(self, vendor: str = "ACME01", name: str = "Acme Building Supply", **facts: Any) -> None:
        self.sage.do_add_vendor(vendor=vendor, name=name, **facts)

    def add_invoice(self, invoice: str, amount: str = "100.00", vendor: str = "ACME01", **facts: Any) -> None:
        self.sage.do_add_invoice(vendor=vendor, invoice=invoice, **({"amount": amount} | facts))

    def drop_invoice(self, invoice: str) -> None:
        """A person deletes an invoice that was not posted."""
        with self.sage.lock:
            books = self.sage.companies["ABC"]
            books.invoices.remove(books.invoice("01", "ACME01", invoice, "entry").key)

    # --- the board -------------------------------------------------------------------------------

    def board(self, flow: str = "bills") -> str:
        """The id of a flow's board."""
        place = self.flow(flow).place
        assert place
        return place

    def items(self, flow: str = "bills", state: str = "active") -> dict[str, dict[str, Any]]:
        """The flow's items by document, each key only once."""
        found: dict[str, dict[str, Any]] = {}
        keys = set()
        for item in self.monday.state()["boards"][self.board(flow)]["items"]:
            if item["state"] == state and item["parent"] is None:
                key = item["values"]["sage100_key"]
                assert key not in keys, f"{key} is there twice"
                keys.add(key)
                found[key.rpartition("|")[2]] = item
        return found

    def value(self, document: str, field: str, flow: str = "bills") -> str:
        row = Mapping.objects.get(integration=self.integration, table="columns", source=f"{flow}.{field}")
        text: str = self.items(flow)[document]["values"].get(row.target, "")
        return text

    def requests(self) -> int:
        asked: int = self.monday.stats()["graphql_requests"]
        return asked

    def good_manners(self) -> None:
        """What a strict account would complain of never happened."""
        stats = self.monday.stats()
        for complaint in ("unmapped_writes", "unchanged_rewrites", "same_key_other_body", "early_requests"):
            assert not stats[complaint], (complaint, stats[complaint])
        assert max(stats["most_in_flight_by_board"].values(), default=0) <= 1


@contextmanager
def monday_world(
    *,
    start_date: date | None = None,
    plan: str = "pro",
    settings: dict[str, Any] | None = None,
    connection: dict[str, Any] | None = None,
    **options: Any,
) -> Iterator[MondayWorld]:
    """An empty company in Sage 100, an account without boards. `settings` are the integration's, `connection` those of
    both connections, `options` the sandbox's."""
    common = connection or {}
    sage = Sage100Sandbox(rate_per_second=0)
    monday = MondaySandbox(plan=plan, **options)
    with Running(sage) as sage_on, Running(monday) as monday_on:
        source = Side("books", "sage100", sage_on.url, {"company_code": "ABC", **common}, {"api_key": FULL_KEY})
        target = Side(
            "board", "monday", f"{monday_on.url}{EXAMPLE.path}", {"plan": plan, **common}, dict(EXAMPLE.credentials)
        )
        start = start_date or today() - timedelta(days=365)
        integration = provision_tenant("sage100_monday", source, target, start, **(settings or {}))
        yield MondayWorld(sage, monday, FastClock((sage, monday)), integration)
