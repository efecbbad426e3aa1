"""What chapters have in common whose bills are paid in BILL, which tells of payments by webhook."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from integrations.models import Run, WebhookEvent

from .chapter import Paid
from .ground import Child, expect, wait_for
from .paid_back import PaidBack


class PaidInBill(PaidBack):
    """Bills go from a ledger to BILL, payments come back into the ledger."""

    # --- one step each -----------------------------------------------------------------------------

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

    # --- looking things up -------------------------------------------------------------------------

    def bill_of(self, document: str, group: str = "") -> dict[str, Any]:
        """The bill in BILL of an invoice that was delivered; `group` is its vendor's key."""
        links = self.links("bills").filter(document=document)
        link = (links.filter(group=group) if group else links).first()
        rows = {row["id"]: row for row in self.target.state()["bills"]}
        expect(link and link.target_id in rows, f"invoice {document} did not reach BILL")
        return dict(rows[link.target_id])

    def asked(self, document: str) -> Decimal:
        total, lines = _amount(self.bill_of(document)), sum(self.lines(document))
        expect(total == lines, f"{document} asks for {total}, its lines for {lines}")
        return total

    def lines(self, document: str) -> list[Decimal]:
        """The amounts of the lines of an invoice's bill."""
        return [_amount(line) for line in self.bill_of(document)["billLineItems"]]

    def _told_of(self, paid: Paid) -> bool:
        return WebhookEvent.objects.filter(connection=self.integration.target, entity_id=paid.key).exists()


def _amount(row: dict[str, Any]) -> Decimal:
    """Of a bill or one of its lines, as BILL's sandbox shows them."""
    return Decimal(str(row["amount"]))
