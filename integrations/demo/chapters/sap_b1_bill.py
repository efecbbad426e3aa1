"""SAP Business One to BILL: departments and freight out; payments back, one of which SAP keeps for its approval."""

from __future__ import annotations

from decimal import Decimal

from integrations.demo.chapter import Paid, Steps
from integrations.demo.ground import Child, expect
from integrations.demo.paid_in_bill import PaidInBill
from integrations.models import Reason

FREIGHT = "GS-21130"
PART_PAID = "SE-5519"


class SapB1Bill(PaidInBill):
    name = "sap"
    connections = {"sap": "sap_b1", "sap-pay": "bill"}
    needing = frozenset(
        {
            Reason.ACCOUNT_UNMAPPED,
            Reason.DIMENSION_UNMAPPED,
            Reason.DOCUMENT_NUMBER_TOO_LONG,
            Reason.DUPLICATE_DOCUMENT,
            Reason.VENDOR_INACTIVE,
        }
    )

    singled = {
        FREIGHT: "freight 120.00 is a line of its own",
        PART_PAID: "2,600.00, of which 1,000.00 was paid in SAP",
    }

    def business(self, cluster: Child) -> Steps:
        yield "Webhook", self.register
        yield "Paid, told", lambda: self.pay_and_be_told("778120-09", cluster)
        yield "Paid, polled", self.pay_and_poll
        yield "Kept back", self.pay_and_ask
        yield "Approved", self.approve

    # --- steps -------------------------------------------------------------------------------------

    def check_delivered(self) -> None:
        made = self.links("bills").count()
        expect(made > 20, f"only {made} bills were created in BILL")
        right = self.asked(FREIGHT) == Decimal("2075.86") and Decimal("120.00") in self.lines(FREIGHT)
        expect(right, f"{FREIGHT} is not right to the cent")
        expect(self.asked(PART_PAID) == Decimal("1600.00"), f"{PART_PAID} asks for more than is still owed")
        names = {row["id"]: row["name"] for row in self.target.state()["departments"]}
        coded = [line["classifications"].get("departmentId") for line in self.bill_of(FREIGHT)["billLineItems"]]
        departments = {names[each] for each in coded if each}
        expect(departments == {"Operations", "Sales"}, f"{FREIGHT} goes to the departments {departments}")

    def pay_and_poll(self) -> str:
        """BILL's notifications get lost; the next sync finds the payment all the same."""
        self.target.act("webhooks", drop=-1)
        over_two = self.pay("check 20611", ["BHL-90114", "BHL-90240"], checkNumber=20611)
        self.sync()
        self.expect_entered(over_two)
        return f"a check of {over_two.amount:,.2f} over two bills, entered in SAP Business One"

    def pay_and_ask(self) -> str:
        """SAP's people want to approve payments now: ours stays a draft, and syncing again enters no second one."""
        self.source.act("set_option", approval=True)
        self.kept = self.pay("check 20612", ["MLG-2257"], checkNumber=20612)
        self.sync()
        reasons = {entry["key"]: entry["reason"] for entry in self.sync().held}
        self.target.act("webhooks")
        self.expect_entered(self.kept)
        expect(reasons.get(self.kept.key) == Reason.AWAITING_APPROVAL, "the draft does not wait for its approval")
        drafts = [row["DocEntry"] for row in self.source.state()["PaymentDrafts"]]
        expect(len(drafts) == 1, f"SAP Business One has {len(drafts)} drafts of one payment")
        self.draft = drafts[0]
        return f"SAP wants a check of {self.kept.amount:,.2f} approved: payment draft {self.draft}, not sent again"

    def approve(self) -> str:
        """An authorizer approves, which posts the draft; we follow."""
        self.source.act("approve_payment", draft=self.draft)
        self.sync()
        self.expect_posted(3)
        rows = {str(row["DocEntry"]): row for row in self.source.state()["VendorPayments"]}
        for paid in self.payments:
            link = self.link(paid)
            posted = rows.get(link.target_id) if link else None
            right = posted and Decimal(str(posted["TransferSum"])) == paid.amount
            expect(right, f"{paid.method} is not in SAP Business One as it was paid")
        return "SAP posted the approved draft, seen here as posted; 3 payments, each there once"

    # --- what is shown -----------------------------------------------------------------------------

    def state_of(self, paid: Paid) -> str:
        state = super().state_of(paid)
        return f"{state} once approved" if paid is self.kept else state

    def invitation(self) -> list[str]:
        return [
            f"{self.integration}: map account 607001 there, and two bills of Larkspur Software go to BILL.",
            "Or change /b1s/v1 in connection sap to /b1s/v2, SAP's newer service: nothing goes to BILL again.",
        ]
