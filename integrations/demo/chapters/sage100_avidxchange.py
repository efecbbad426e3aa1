"""Sage 100 to AvidXchange: codes, invoices with their scans, and payments that count once they are settled."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from integrations.demo.chapter import Moved, Paid, Steps
from integrations.demo.ground import Child, expect
from integrations.demo.paid_back import PaidBack
from integrations.models import Reason

FREIGHT_AND_TAX = "INV-20571"
PART_PAID = "000779"
SCANNED = {"INV-20541", "NWP-44102"}
REJECTED = "0781"
CHECKED, BY_ACH, BY_CARD = ("INV-20541", "INV-20560"), ("SE/2210",), ("#88 17",)


class Sage100AvidXchange(PaidBack):
    name = "avid"
    connections = {"office": "sage100", "avid": "avidxchange"}
    needing = frozenset(
        {
            Reason.ACCOUNT_UNMAPPED,
            Reason.INVOICE_NOT_FOUND,
            Reason.VENDOR_INACTIVE,
            Reason.VENDOR_INCOMPLETE,
            Reason.VENDOR_MISSING,
        }
    )
    singled = {
        FREIGHT_AND_TAX: "freight 85.00 and tax 96.25 as lines",
        PART_PAID: "940.50, of which 500.00 was paid in Sage 100",
    }

    def business(self, cluster: Child) -> Steps:
        yield "Decided", self.decide
        yield "On their way", self.issue
        yield "Settled", self.settle
        yield "Posted", self.post

    # --- steps -------------------------------------------------------------------------------------

    def check_delivered(self) -> None:
        right = self.asked(FREIGHT_AND_TAX) == Decimal("1681.25") and len(self._lines(FREIGHT_AND_TAX)) == 4
        expect(right, f"{FREIGHT_AND_TAX} is not right to the cent")
        expect(self.asked(PART_PAID) == Decimal("440.50"), f"{PART_PAID} asks for more than is still owed")
        shown = {row["value"] for row in self.target.state()["codes"] if row["active"]}
        used = {code["value"] for number in SCANNED for line in self._lines(number) for code in line["codes"]}
        expect(used and used <= shown, f"lines are coded with {used - shown}, which AvidXchange does not show")
        scans = self._scans()
        expect(scans.keys() == SCANNED, f"scans went with {', '.join(scans) or 'no invoice'}")
        kinds = {(each["content_type"], each["size"] > 0) for each in scans.values()}
        expect(kinds == {("application/pdf", True)}, f"the scans are {kinds}")

    def decide(self) -> str:
        """People in AvidXchange approve what is to be paid and reject one invoice."""
        approved = (*CHECKED, *BY_ACH, *BY_CARD)
        for number in approved:
            self.target.act("approve", invoice=self._invoice(number)["id"])
        self.target.act("reject", invoice=self._invoice(REJECTED)["id"], reason="Not ordered")
        held = {entry["document"]: entry["reason"] for entry in self.sync(flows=["bills"]).held}
        expect(held.get(REJECTED) == Reason.REJECTED_BY_TARGET, f"{REJECTED} is not held, although it was rejected")
        return f"{len(approved)} invoices approved in AvidXchange; {REJECTED} rejected there, held here"

    def issue(self) -> str:
        """Payments that left are none yet for the ledger: only what has settled is entered."""
        made = [self._pay("check", CHECKED), self._pay("ach", BY_ACH), self._pay("card", BY_CARD)]
        self.sync(flows=["payments"])
        early = [paid.method for paid in made if self.link(paid)]
        expect(not early, f"entered in Sage 100 before they settled: {', '.join(early)}")
        return "a check, an ACH and a virtual card are issued: nothing in Sage 100 before they settle"

    def settle(self) -> str:
        for paid in self.payments:
            self.target.act("clear", payment=int(paid.key))
        self.sync(flows=["payments"])
        self.expect_entered(*self.payments)
        entered = {row["clientReference"]: row for row in self.source.state()["payments"]}
        for paid in self.payments:
            row = entered[f"avid:{paid.key}"]
            told = f"{row['method']} {row['checkNo']} {row['reference']}"
            expect(Decimal(str(row["amount"])) == paid.amount, f"{paid.method} is over {row['amount']} in Sage 100")
            expect(paid.method.split()[-1] in told, f"{paid.method} is {told} in Sage 100")
        return "all 3 settled and entered, each with the number that the bank will show"

    def post(self) -> str:
        """Sage's register update posts the batch; we follow."""
        posted = self.source.act("post_all")["posted"]
        self.sync(flows=["payments"])
        self.expect_posted(posted)
        expect(posted == len(self.payments), f"Sage 100 posted {posted} payments, not {len(self.payments)}")
        return f"Sage 100's register update posted {posted} payments, seen here as posted"

    # --- what is shown -----------------------------------------------------------------------------

    def asked(self, document: str) -> Decimal:
        total = Decimal(str(self._invoice(document)["gross"]))
        lines = sum(Decimal(str(line["amount"])) for line in self._lines(document))
        expect(total == lines, f"{document} asks for {total}, its lines for {lines}")
        return total

    def moved(self) -> list[Moved]:
        out = f"{self.source.label} -> {self.target.label}"
        codes = self.links("accounts")
        known = f"GL accounts and segments; {codes.filter(adopted=True).count()} of them known there"
        scans = self._scans()
        vendors, *others = super().moved()
        *bills, payments = others
        return [
            Moved("codes", out, codes.count(), None, known),
            vendors,
            *bills,
            Moved("scans", out, len(scans), None, "of " + ", ".join(sorted(scans))),
            payments,
        ]

    def in_target(self) -> dict[str, int]:
        counts = super().in_target()
        del counts["journal"]  # of requests
        return counts

    def invitation(self) -> list[str]:
        return [f"{self.integration}: replay {REJECTED}, and AvidXchange gets it again under another id."]

    # --- helpers -----------------------------------------------------------------------------------

    def _pay(self, method: str, documents: tuple[str, ...]) -> Paid:
        """A payment that is on its way, named by what the bank will show of it."""
        invoices = [self._invoice(number)["id"] for number in documents]
        made = self.target.act("pay", invoices=invoices, method=method, state="issued")
        shown = {
            "check": f"check {made['check_number']}",
            "ach": f"ACH {made['ach_trace']}",
            "card": f"virtual card {made['card_last4']}",
        }
        paid = Paid(str(made["id"]), shown[method], documents, Decimal(str(made["amount"])))
        self.payments.append(paid)
        return paid

    def _invoice(self, number: str) -> dict[str, Any]:
        """The invoice in AvidXchange that was delivered under this number."""
        links = self.links("bills").filter(document=number)
        ids = set(links.values_list("target_id", flat=True))
        found = [row for row in self.target.state()["invoices"] if str(row["id"]) in ids]
        expect(len(found) == 1, f"invoice {number} is in AvidXchange {len(found)} times")
        return dict(found[0])

    def _lines(self, number: str) -> list[dict[str, Any]]:
        return list(self._invoice(number)["lines"])

    def _scans(self) -> dict[str, dict[str, Any]]:
        """What was uploaded, by the number of its invoice."""
        state = self.target.state()
        numbers = {str(row["id"]): row["number"] for row in state["invoices"]}
        return {numbers[invoice]: uploads[0] for invoice, uploads in state["images"].items() if uploads}
