"""Sage 100 to BILL: freight and tax, a part-paid invoice, and payments that Sage's register update posts."""

from __future__ import annotations

from decimal import Decimal

from integrations.demo.chapter import Paid, Steps
from integrations.demo.ground import Child, expect
from integrations.demo.paid_in_bill import PaidInBill
from integrations.models import Reason

FREIGHT_AND_TAX = "INV-20571"
PART_PAID = "000779"


class Sage100Bill(PaidInBill):
    name = "ap"
    connections = {"erp": "sage100", "pay": "bill"}
    needing = frozenset(
        {
            Reason.ACCOUNT_UNMAPPED,
            Reason.ACCOUNT_INACTIVE,
            Reason.VENDOR_AMBIGUOUS,
            Reason.VENDOR_INCOMPLETE,
            Reason.VENDOR_INACTIVE,
            Reason.VENDOR_MISSING,
        }
    )

    singled = {
        FREIGHT_AND_TAX: "freight 85.00 and tax 96.25 as lines",
        PART_PAID: "940.50, of which 500.00 was paid in Sage 100",
    }

    def business(self, cluster: Child) -> Steps:
        yield "Webhook", self.register
        yield "Paid, told", lambda: self.pay_and_be_told("000778", cluster)
        yield "Paid, polled", self.pay_and_poll
        yield "Posted", self.post

    # --- steps -------------------------------------------------------------------------------------

    def check_delivered(self) -> None:
        made = self.links("bills").count()
        expect(made > 10, f"only {made} bills were created in BILL")
        right = self.asked(FREIGHT_AND_TAX) == Decimal("1681.25") and len(self.lines(FREIGHT_AND_TAX)) == 4
        expect(right, f"{FREIGHT_AND_TAX} is not right to the cent")
        expect(self.asked(PART_PAID) == Decimal("440.50"), f"{PART_PAID} asks for more than is still owed")

    def pay_and_poll(self) -> str:
        """BILL's notifications get lost; the next sync finds the payments all the same."""
        self.target.act("webhooks", drop=-1)
        over_two = self.pay("check 10482", ["INV-20541", "INV-20560"], checkNumber=10482)
        part = self.pay("check 10483", ["10045"], Decimal("1000.00"), group="02-HARBOR", checkNumber=10483)
        self.uncut = self.pay("check", ["#88 17"])
        self.target.act("webhooks")
        reasons = {entry["key"]: entry["reason"] for entry in self.sync().held}
        self.expect_entered(over_two, part)
        waits = reasons.get(self.uncut.key) == Reason.AWAITING_CHECK_NUMBER
        expect(waits, "the check without number does not wait for it")
        self.uncut.way = "poll"
        return "2 checks entered (one over two bills, one in part), a third waits for its number"

    def post(self) -> str:
        """Sage's register update posts the batch; we follow."""
        posted = self.source.act("post_all")["posted"]
        self.sync()
        self.expect_posted(posted)
        expect(posted == 3, f"Sage 100 posted {posted} payments, not 3")
        return f"Sage 100's register update posted {posted} payments, seen here as posted"

    # --- what is shown -----------------------------------------------------------------------------

    def state_of(self, paid: Paid) -> str:
        return super().state_of(paid) if self.link(paid) else "waits for its check number"

    def invitation(self) -> list[str]:
        return [
            f"{self.integration}: map account 5099-01-00 there, and its bill goes to BILL by itself.",
            "Or let BILL cut the check:",
            f'  curl -d \'{{"paymentId": "{self.uncut.key}", "checkNumber": 10484}}\' \\',
            f"    {self.target.running.url}/_sandbox/actions/set_check_number",
        ]
