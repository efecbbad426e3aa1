"""A day of business in the demo: bills go out, payments come back, and each step is checked."""

from __future__ import annotations

import io
import os
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.utils import timezone
from django_q.tasks import async_task

from audit.verify import verify
from connectors.clock import SystemClock
from integrations.engine.run import Progress
from integrations.engine.schedule import SWEEP, last_heartbeat
from integrations.engine.subscriptions import Subscriptions
from integrations.engine.sync import SyncResult, sync
from integrations.models import Integration, Link, Mapping, Reason, Run, WebhookEvent
from integrations.reconcile import Difference, Kind, Result, reconcile

from .ground import Child, expect, wait_for
from .sandboxes import Stand

FILE = Path(__file__).with_name("demo.yaml")
ACTOR = "demo"
DAYS_BACK = 90
FREIGHT_AND_TAX = "INV-20571"
PART_PAID = "000779"
ATTENTION = {
    Reason.ACCOUNT_UNMAPPED,
    Reason.ACCOUNT_INACTIVE,
    Reason.VENDOR_AMBIGUOUS,
    Reason.VENDOR_INCOMPLETE,
    Reason.VENDOR_INACTIVE,
    Reason.VENDOR_MISSING,
}
OF_BILLS = {Kind.AMOUNT, Kind.ARCHIVED, Kind.MISSING_IN_SOURCE, Kind.MISSING_IN_TARGET, Kind.ON_HOLD}


@dataclass(slots=True)
class Paid:
    """A payment made in BILL. `way` is how we learnt of it."""

    key: str
    method: str
    documents: tuple[str, ...]
    amount: Decimal
    way: str = ""


def differing_bills(result: Result) -> list[Difference]:
    """Those differences that make up what both sides' totals are apart."""
    return [each for each in result.differences if each.kind in OF_BILLS and each.difference]


class Story:
    """One tenant's integration between the two sandboxes, told in steps. Every step raises Unexpected."""

    def __init__(self, sage: Stand, bill: Stand, passwords: dict[str, str]) -> None:
        self.sage = sage
        self.bill = bill
        self.passwords = passwords
        self.counts: dict[str, Counter[str]] = {}
        self.payments: list[Paid] = []

    # --- one step each -----------------------------------------------------------------------------

    def provision(self) -> str:
        os.environ.update(self._environment())
        call_command("provision", FILE, stdout=io.StringIO())
        self.integration = Integration.objects.select_related("tenant").get()
        people = ", ".join(self.passwords)
        rows = Mapping.objects.exclude(target_id="").count()
        expect(rows == Mapping.objects.count() > 0, "not every mapping row was found among the systems' accounts")
        flows = self.integration.flows.count()
        return f"{self.integration}: 2 connections, {flows} flows, {rows} mapping rows; users {people}"

    def full_sync(self, progress: Progress) -> str:
        result = self._sync(full=True, progress=progress)
        reasons = {entry["reason"] for entry in result.held}
        missing = ", ".join(sorted(ATTENTION - reasons))
        expect(not missing, f"nothing needs attention because of: {missing}")
        self._freight_and_tax()
        self._part_paid()
        made = self.counts["bills"]["created"]
        expect(made > 10, f"only {made} bills were created in BILL")
        known = self.counts["vendors"]
        vendors = f"{known['created']} vendors created, {known['adopted']} found by name"
        return f"{made} bills and {known['created'] + known['adopted']} vendors ({vendors}); {len(result.held)} wait"

    def quiet_sync(self) -> str:
        """The same again: nothing may be sent twice."""
        before = {name: len(rows) for name, rows in self.bill.state().items()}
        result = self._sync()
        after = {name: len(rows) for name, rows in self.bill.state().items()}
        expect(before == after, "a second sync created something in BILL again")
        requests = sum(sum(flow.requests.values()) for flow in result.flows)
        return f"nothing sent twice, {requests} requests"

    def beat(self, cluster: Child) -> str:
        """A task goes through the queue and proves that the cluster works."""
        async_task(SWEEP)
        wait_for("no heartbeat of the task cluster", lambda: last_heartbeat() or cluster.check())
        return "a task went through the queue"

    def register(self) -> str:
        status = Subscriptions(self.integration, clock=SystemClock(), actor=ACTOR).register()
        expect(status.enabled, f"BILL did not enable the webhook: {status.reason}")
        return f"{', '.join(status.events)} -> {status.url}"

    def pay_and_be_told(self, cluster: Child) -> str:
        """BILL posts a notification to our web server; the task cluster reads the payment and enters it in Sage."""
        paid = self._pay("ACH", ["000778"], disbursementType="ACH")
        wait_for(f"no webhook for payment {paid.key}", lambda: self._told_of(paid) or cluster.check())
        wait_for(f"payment {paid.key} was not entered in Sage 100", lambda: self._link(paid) or cluster.check())
        expect(self._runs_by(Run.Trigger.WEBHOOK), "no run was started by the webhook")
        paid.way = "webhook"
        return f"ACH {paid.amount:,.2f} on 000778: notified, read, entered in Sage 100"

    def pay_and_poll(self) -> str:
        """BILL's notifications get lost; the next sync finds the payments all the same."""
        self.bill.act("webhooks", drop=-1)
        polled = [
            self._pay("check 10482", ["INV-20541", "INV-20560"], checkNumber=10482),
            self._pay("check 10483", ["10045"], Decimal("1000.00"), group="02-HARBOR", checkNumber=10483),
        ]
        waiting = self._pay("check", ["#88 17"])
        self.bill.act("webhooks")
        result = self._sync()
        for paid in polled:
            expect(self._link(paid), f"{paid.method} was not entered in Sage 100")
            paid.way = "poll"
        reasons = {entry["key"]: entry["reason"] for entry in result.held}
        expect(
            reasons.get(waiting.key) == Reason.AWAITING_CHECK_NUMBER, "the check without number does not wait for it"
        )
        waiting.way = "poll"
        return "2 checks entered in Sage 100 (one over two bills, one a part payment); a third waits for its number"

    def post(self) -> str:
        """Sage's register update posts the batch; we follow."""
        posted = self.sage.act("post_all")["posted"]
        self._sync()
        entered = [paid for paid in self.payments if (link := self._link(paid)) and link.state != Link.State.POSTED]
        expect(not entered, f"not followed to posted: {', '.join(paid.method for paid in entered)}")
        expect(posted == 3, f"Sage 100 posted {posted} payments, not 3")
        return f"{posted} payments posted in Sage 100, seen here as posted"

    def compare(self) -> tuple[str, Result]:
        result = reconcile(self.integration, actor=ACTOR)
        expect(not result.trouble, result.summary())
        apart = result.source_total - result.target_total
        bills = differing_bills(result)
        explained = sum(Decimal(each.difference) for each in bills)
        expect(bills and apart == explained, f"both sides are {apart} apart, {explained} of it explained")
        return f"{len(bills)} open items differ, every cent explained", result

    def prove(self) -> str:
        walk = verify(self.integration.tenant.slug)
        expect(walk.first_bad is None and walk.events, "the audit trail does not verify")
        return f"{walk.events} events, chain intact"

    # --- looking things up -------------------------------------------------------------------------

    def state_of(self, paid: Paid) -> str:
        link = self._link(paid)
        return link.get_state_display() if link else "waits for its check number"

    def bill_of(self, document: str, group: str = "") -> dict[str, Any]:
        """The bill in BILL of an invoice that was delivered."""
        links = Link.objects.filter(flow__name="bills", document=document)
        link = (links.filter(group=group) if group else links).first()
        rows = {row["id"]: row for row in self.bill.state()["bills"]}
        expect(link and link.target_id in rows, f"invoice {document} did not reach BILL")
        assert link is not None
        return dict(rows[link.target_id])

    # --- helpers -----------------------------------------------------------------------------------

    def _environment(self) -> dict[str, str]:
        """What the provision file asks for."""
        values = {"DEMO_START_DATE": (timezone.localdate() - timedelta(days=DAYS_BACK)).isoformat()}
        for stand in (self.sage, self.bill):
            prefix = f"DEMO_{stand.system.upper()}_"
            values[prefix + "URL"] = stand.base_url
            for name, value in {**stand.example.settings, **stand.example.credentials}.items():
                values[prefix + name.upper()] = value
        for user, password in self.passwords.items():
            values[f"DEMO_{user.upper()}_PASSWORD"] = password
        return values

    def _sync(self, **options: Any) -> SyncResult:
        result = sync(self.integration, actor=ACTOR, **options)
        if result.trouble:
            expect(False, f"connection {result.trouble.connection} does not serve us: {result.trouble.message}")
        refused = "; ".join(f"{entry['document']}: {entry['message']}" for entry in result.failed)
        expect(not refused, f"refused: {refused}")
        for flow in result.flows:
            self.counts.setdefault(flow.flow, Counter()).update(flow.counts)
        return result

    def _pay(
        self, method: str, documents: list[str], amount: Decimal | None = None, group: str = "", **details: Any
    ) -> Paid:
        bills = [{"billId": self.bill_of(document, group)["id"]} for document in documents]
        if amount is not None:
            bills[0]["amount"] = str(amount)
        made = self.bill.act("pay", bills=bills, **details)
        paid = Paid(made["id"], method, tuple(documents), Decimal(str(made["amount"])))
        self.payments.append(paid)
        return paid

    def _link(self, paid: Paid) -> Link | None:
        return Link.objects.filter(flow__name="payments", source_key=paid.key).first()

    def _told_of(self, paid: Paid) -> bool:
        return WebhookEvent.objects.filter(entity_id=paid.key).exists()

    def _runs_by(self, trigger: str) -> bool:
        return Run.objects.filter(flow__name="payments", trigger=trigger).exists()

    def _freight_and_tax(self) -> None:
        bill = self.bill_of(FREIGHT_AND_TAX)
        lines = [Decimal(str(line["amount"])) for line in bill["billLineItems"]]
        expect(sum(lines) == Decimal("1681.25") and len(lines) == 4, f"{FREIGHT_AND_TAX} is not right to the cent")

    def _part_paid(self) -> None:
        bill = self.bill_of(PART_PAID)
        expect(Decimal(str(bill["amount"])) == Decimal("440.50"), f"{PART_PAID} asks for more than is still owed")
