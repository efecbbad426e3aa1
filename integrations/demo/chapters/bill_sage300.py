"""BILL to Sage 300: approved bills become entries of batches, which an accountant posts, all but one."""

from __future__ import annotations

import time
from decimal import Decimal
from typing import Any

from django.utils import timezone

from integrations.demo.chapter import Chapter, Steps
from integrations.demo.ground import Child, expect, wait_for
from integrations.engine.context import recipe_of
from integrations.models import Link, Reason, Run, WebhookEvent

Line = tuple[str, str, str]  # account of BILL, department, amount

OLD_VENDOR = "Oldfield Printing"
ENTERED_BY_HAND = "GS-10417"
BY_DEPARTMENT = "GS-10433"
WAITS_FOR_APPROVAL = "COP-20419"
TO_BE_REFUSED = "IPC-0926"
BILLS: tuple[tuple[str, str, tuple[Line, ...]], ...] = (
    (BY_DEPARTMENT, "Granite Supply Co", (("6300", "", "212.40"), ("6300", "Operations", "88.10"))),
    (ENTERED_BY_HAND, "Granite Supply Co", (("6300", "", "412.60"),)),
    ("SE-2231", "Summit Electric", (("6600", "", "640.00"),)),
    ("SE-2209", "Summit Electric", (("6600", "", "1205.50"),)),
    (TO_BE_REFUSED, "Inland Power Cooperative", (("6500", "", "1318.75"),)),
    ("MLG-2290", "Mercer Legal Group", (("6700", "", "1800.00"),)),
    ("PER-771", "Palouse Equipment Rental", (("6800", "", "455.00"),)),
    ("EWS-0926", "Evergreen Waste Services", (("6100", "", "312.50"),)),
    ("OP-18", OLD_VENDOR, (("6300", "", "96.00"),)),
)
TOLD: tuple[tuple[str, str, tuple[Line, ...]], ...] = (
    ("GS-10440", "Granite Supply Co", (("6400", "", "74.20"),)),
    ("MLG-2301", "Mercer Legal Group", (("6700", "", "950.00"),)),
)
UTILITIES = "6400100"  # account of Sage 300 that somebody closes before posting


class BillSage300(Chapter):
    name = "invoices"
    connections = {"spend": "bill", "books": "sage300"}
    needing = frozenset(
        {
            Reason.ACCOUNT_UNMAPPED,
            Reason.ACCOUNT_INACTIVE,
            Reason.DUPLICATE_DOCUMENT,
            Reason.VENDOR_INACTIVE,
            Reason.VENDOR_MISSING,
        }
    )
    singled = {BY_DEPARTMENT: "each line on the account of its category and department"}
    amounts = f"approved, to the cent; {ENTERED_BY_HAND} was there by hand: linked"

    def steps(self, cluster: Child) -> Steps:
        yield "Bills", self.enter_bills
        yield from super().steps(cluster)

    def business(self, cluster: Child) -> Steps:
        yield "Webhook", self.register
        yield "Bills, told", lambda: self.be_told(cluster)
        yield "Approved", self.approve
        yield "Posted", self.post

    # --- steps -------------------------------------------------------------------------------------

    def enter_bills(self) -> str:
        """People in BILL enter a month's bills and approve all but one."""
        self.source.act("create_vendor", name=OLD_VENDOR)
        for bill in BILLS:
            self._enter(*bill)
        lines = (("6300", "", "189.50"),)
        self.waiting_bill = self._enter(WAITS_FOR_APPROVAL, "Cascade Office Products", lines, status="ASSIGNED")
        return f"{len(BILLS)} entered and approved in BILL; {WAITS_FOR_APPROVAL} still asks for its approval"

    def check_delivered(self) -> None:
        entries = self._entries()
        expect(WAITS_FOR_APPROVAL not in entries, f"{WAITS_FOR_APPROVAL} went although nobody approved it")
        lines = {line["GLAccount"]: Decimal(str(line["DistributedAmount"])) for line in self._lines(BY_DEPARTMENT)}
        right = lines == {"6200100": Decimal("212.40"), "6200200": Decimal("88.10")}
        expect(right, f"{BY_DEPARTMENT} is not coded as mapped, but {lines}")
        by_hand = self.links("bills").get(document=ENTERED_BY_HAND)
        expect(by_hand.adopted, f"{ENTERED_BY_HAND} was entered again, although Sage 300 had it")

    def be_told(self, cluster: Child) -> str:
        """BILL notifies our web server of each bill; one batch takes those that come within the window."""
        batches = len(self._batches())
        began = time.monotonic()
        for bill in TOLD:
            made = self._enter(*bill)
            wait_for(f"no webhook for bill {bill[0]}", lambda made=made: self._told_of(made) or cluster.check())
        for number, *_ in TOLD:
            what = f"bill {number} was not entered in Sage 300"
            wait_for(what, lambda number=number: self._delivered(number) or cluster.check())
        seconds = time.monotonic() - began
        runs = Run.objects.filter(flow=self.flow("bills"), trigger=Run.Trigger.WEBHOOK)
        expect(runs.exists(), "no run was started by the webhook")
        made_batches = len(self._batches()) - batches
        expect(made_batches == 1, f"{len(TOLD)} bills made {made_batches} batches")
        window = {**recipe_of(self.integration).defaults(), **self.integration.settings}["webhook_window"]
        numbers = " and ".join(number for number, *_ in TOLD)
        return f"{numbers} in one batch after {seconds:.1f} s, of which {window} s to collect notifications"

    def approve(self) -> str:
        """BILL tells of no approval by webhook; the next sync finds it all the same."""
        self.source.act("approve_bill", billId=self.waiting_bill)
        self.sync()
        expect(self._delivered(WAITS_FOR_APPROVAL), f"{WAITS_FOR_APPROVAL} was not entered once approved")
        return f"{WAITS_FOR_APPROVAL} approved; BILL has no webhook for that, the next sync entered it"

    def post(self) -> str:
        """The accountant posts our batches; one entry falls into an error batch, as its account was closed."""
        self.target.act("set_account", account=UTILITIES, Status="Inactive")
        ready = [row["BatchNumber"] for row in self._batches() if row["BatchStatus"] == "ReadyToPost"]
        for number in ready:
            self.target.act("post_batch", batch=number)
        held = {entry["document"]: entry for entry in self.sync().held}
        refused = held.get(TO_BE_REFUSED, {})
        expect(refused.get("reason") == Reason.REJECTED_BY_TARGET, f"{TO_BE_REFUSED} is not held: {refused}")
        ours = self.links("bills").filter(adopted=False).exclude(document=TO_BE_REFUSED)
        others = ours.exclude(state=Link.State.POSTED).values_list("document", flat=True)
        expect(not others, f"not seen as posted: {', '.join(others)}")
        return f"{len(ready)} batches posted: {len(ours)} invoices seen as posted, {TO_BE_REFUSED} refused and held"

    # --- what is shown -----------------------------------------------------------------------------

    def asked(self, document: str) -> Decimal:
        return sum((Decimal(str(line["DistributedAmount"])) for line in self._lines(document)), Decimal(0))

    def invitation(self) -> list[str]:
        return [
            f"{self.integration}: open account 6400-100 again, as an accountant would, then replay {TO_BE_REFUSED}:",
            f"""  curl -d '{{"account": "{UTILITIES}", "Status": "Active"}}' \\""",
            f"    {self.target.running.url}/_sandbox/actions/set_account",
        ]

    # --- helpers -----------------------------------------------------------------------------------

    def _enter(self, number: str, vendor: str, lines: tuple[Line, ...], status: str = "APPROVED") -> str:
        """A person enters a bill in BILL; its id."""
        state = self.source.state()
        accounts = {row["account"]["number"]: row["id"] for row in state["accounts"]}
        departments = {row["name"]: row["id"] for row in state["departments"]}
        vendors = {row["name"]: row["id"] for row in reversed(state["vendors"])}  # the first of a name
        today = timezone.localdate().isoformat()
        coded = []
        for account, department, amount in lines:
            codes = {"chartOfAccountId": accounts[account]}
            if department:
                codes["departmentId"] = departments[department]
            coded.append({"amount": float(amount), "description": f"Invoice {number}", "classifications": codes})
        made = self.source.act(
            "create_bill",
            approvalStatus=status,
            vendorId=vendors[vendor],
            dueDate=today,
            invoice={"invoiceNumber": number, "invoiceDate": today},
            billLineItems=coded,
        )
        return str(made["id"])

    def _told_of(self, bill: str) -> bool:
        return WebhookEvent.objects.filter(connection=self.integration.source, entity_id=bill).exists()

    def _delivered(self, number: str) -> bool:
        return bool(self.links("bills").filter(document=number).exists())

    def _batches(self) -> list[dict[str, Any]]:
        return list(self.target.state()["batches"])

    def _entries(self) -> dict[str, dict[str, Any]]:
        """The entries of all batches by number of the invoice."""
        return {entry["DocumentNumber"]: entry for batch in self._batches() for entry in batch["Invoices"]}

    def _lines(self, number: str) -> list[dict[str, Any]]:
        """The lines of the entry that an invoice became, which add up to its total."""
        entry = self._entries()[number]
        return list(entry["InvoiceDetails"])
