"""What chapters have in common whose bills are paid in BILL: payments come back by webhook and by polling."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any, ClassVar

from connectors.clock import SystemClock
from integrations.engine.subscriptions import Subscriptions
from integrations.models import Application, Link, Run, WebhookEvent

from .chapter import ACTOR, Chapter, Moved, Paid, money
from .ground import Child, expect, wait_for


class PaidInBill(Chapter):
    """Bills go from a ledger to BILL, payments come back into the ledger.

    `singled` are the bills that the table of what moved shows one by one, with a remark.
    """

    singled: ClassVar[dict[str, str]] = {}

    # --- one step each -----------------------------------------------------------------------------

    def register(self) -> str:
        status = Subscriptions(self.integration, clock=SystemClock(), actor=ACTOR).register()
        expect(status.enabled, f"BILL did not enable the webhook: {status.reason}")
        return f"{', '.join(status.events)} -> {status.url}"

    def pay_and_be_told(self, document: str, cluster: Child) -> str:
        """BILL posts a notification to our web server; the task cluster reads the payment and enters it."""
        paid = self.pay("ACH", [document], disbursementType="ACH")
        ledger = self.source.label
        wait_for(f"no webhook for payment {paid.key}", lambda: self._told_of(paid) or cluster.check())
        wait_for(f"payment {paid.key} was not entered in {ledger}", lambda: self.link(paid) or cluster.check())
        runs = Run.objects.filter(flow=self.flow("payments"), trigger=Run.Trigger.WEBHOOK)
        expect(runs.exists(), "no run was started by the webhook")
        paid.way = "webhook"
        return f"ACH {paid.amount:,.2f} on {document}: notified, read, entered in {ledger}"

    # --- helpers -----------------------------------------------------------------------------------

    def pay(
        self, method: str, documents: list[str], amount: Decimal | None = None, group: str = "", **details: Any
    ) -> Paid:
        """Pay in BILL what these invoices ask for, or `amount` of the first; `details` as its sandbox takes them."""
        bills = [{"billId": self.bill_of(document, group)["id"]} for document in documents]
        if amount is not None:
            bills[0]["amount"] = str(amount)
        made = self.target.act("pay", bills=bills, **details)
        paid = Paid(made["id"], method, tuple(documents), Decimal(str(made["amount"])))
        self.payments.append(paid)
        return paid

    def expect_entered(self, *payments: Paid) -> None:
        """The sync before this entered them in the ledger."""
        for paid in payments:
            expect(self.link(paid), f"{paid.method} was not entered in {self.source.label}")
            paid.way = "poll"

    def expect_posted(self, count: int) -> None:
        """So many payments are in the ledger, and we have seen that all of them are posted."""
        links = [link for paid in self.payments if (link := self.link(paid))]
        open_ones = [link.source_key for link in links if link.state != Link.State.POSTED]
        expect(not open_ones, f"not followed to posted: {', '.join(open_ones)}")
        expect(len(links) == count, f"{len(links)} payments are in {self.source.label}, not {count}")

    # --- looking things up -------------------------------------------------------------------------

    def bill_of(self, document: str, group: str = "") -> dict[str, Any]:
        """The bill in BILL of an invoice that was delivered; `group` is its vendor's key."""
        links = self.links("bills").filter(document=document)
        link = (links.filter(group=group) if group else links).first()
        rows = {row["id"]: row for row in self.target.state()["bills"]}
        expect(link and link.target_id in rows, f"invoice {document} did not reach BILL")
        return dict(rows[link.target_id])

    def asked(self, document: str) -> Decimal:
        """What the bill of an invoice asks for; its lines add up to it."""
        total, lines = _amount(self.bill_of(document)), sum(self.lines(document))
        expect(total == lines, f"{document} asks for {total}, its lines for {lines}")
        return total

    def lines(self, document: str) -> list[Decimal]:
        """The amounts of the lines of an invoice's bill."""
        return [_amount(line) for line in self.bill_of(document)["billLineItems"]]

    def link(self, paid: Paid) -> Link | None:
        found: Link | None = self.links("payments").filter(source_key=paid.key).first()
        return found

    def state_of(self, paid: Paid) -> str:
        link = self.link(paid)
        return link.get_state_display() if link else "not yet"

    def moved(self) -> list[Moved]:
        applied = Application.objects.filter(integration=self.integration).values_list("amount_minor", flat=True)
        states = Counter(link.get_state_display() for link in self.links("payments"))
        back = f"{self.target.label} -> {self.source.label}"
        known = ", ".join(f"{count} {state}" for state, count in states.items())
        vendors, bills, *others = super().moved()
        singled = [
            Moved.of_these(self.asked(document), f"{document}: {remark}") for document, remark in self.singled.items()
        ]
        payments = Moved("payments", back, states.total(), money(sum(applied)), known)
        return [vendors, bills, *singled, *others, payments]

    def _told_of(self, paid: Paid) -> bool:
        return WebhookEvent.objects.filter(connection=self.integration.target, entity_id=paid.key).exists()


def _amount(row: dict[str, Any]) -> Decimal:
    """Of a bill or one of its lines, as BILL's sandbox shows them."""
    return Decimal(str(row["amount"]))
