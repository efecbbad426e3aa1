"""A company on SAP Business One at work in rounds that cause every kind of write, and what must be true after each.

Every payment is a part of what its invoice owes: SAP would take any of them a second time.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from integrations.engine.sync import SyncResult
from integrations.models import Delivery, Flow, Reason, Slot, State
from tests.builders import money, open_states
from tests.sap_world import SapWorld

AWAITING = Reason.AWAITING_APPROVAL.value
Parts = dict[str, Decimal]


@dataclass
class Paid:
    """A payment of BILL's: its parts by invoice number, whether SAP kept it back, and what happened to it since."""

    key: str
    parts: Parts
    parked: bool
    approved: bool = False
    voided: bool = False

    @property
    def posted(self) -> bool:
        """Whether it became a payment in SAP, cancelled since or not."""
        return not self.parked or self.approved


@dataclass
class SapStory:
    """Round n: two new vendors with three invoices each; of older ones a vendor moves, a person pays a part, an
    invoice is blocked and released; BILL pays parts and takes some back. While SAP keeps payments for approval,
    the approver takes them a round later, but for the one that is voided first."""

    world: SapWorld
    round: int = 0
    entries: dict[str, int] = field(default_factory=dict)  # SAP's DocEntry by invoice number
    by_hand: Parts = field(default_factory=dict)  # what a person paid in SAP, by invoice number
    payments: dict[str, Paid] = field(default_factory=dict)  # by the name that the story gives them

    def play(self) -> None:
        n = self.round
        self._approve()
        self._invoices(n)
        if n >= 1:
            self._edits(n)
            self._pay(f"{n} stays", {f"R{n - 1}-b0": "40.00"})
            self._pay(f"{n} void soon", {f"R{n - 1}-b1": "30.50"})
            self._pay(f"{n} void later", {f"R{n - 1}-b1": "10.00", f"R{n - 1}-b2": "25.25"})
        if n >= 2:
            self.world.sap.do_unblock_invoice(self.entries[f"R{n - 2}-a1"])
            self._pay(f"{n} second part", {f"R{n - 2}-b0": "33.33"})
            self._void(f"{n - 1} void soon")
        if n >= 3:
            self._void(f"{n - 2} void later")
        self.round += 1

    def _invoices(self, n: int) -> None:
        for side in "ab":
            self.world.add_vendor(f"V{n:02d}{side}", f"Supplier {n} {side}")
            for i in range(3):
                number = f"R{n}-{side}{i}"
                self.entries[number] = self.world.add_invoice(number, f"{100 + n}.{i}1", vendor=f"V{n:02d}{side}")

    def _edits(self, n: int) -> None:
        sap, vendor = self.world.sap, f"V{n - 1:02d}a"
        (address,) = sap.ledger.sets()["BusinessPartners"].rows[vendor]["BPAddresses"]
        sap.do_edit_vendor(vendor, BPAddresses=[{"RowNum": address["RowNum"], "Street": f"{n} Moved Rd"}])
        sap.do_pay_invoice(self.entries[f"R{n - 1}-a0"], "20.00")
        self.by_hand[f"R{n - 1}-a0"] = money("20.00")
        sap.do_block_invoice(self.entries[f"R{n - 1}-a1"])

    def _pay(self, name: str, parts: dict[str, str]) -> None:
        rows = self.world.bills()
        given = [{"billId": rows[number]["id"], "amount": money(amount)} for number, amount in parts.items()]
        key = self.world.bill.do_pay(given, disbursementType="ACH")["id"]
        amounts = {number: money(amount) for number, amount in parts.items()}
        self.payments[name] = Paid(key, amounts, parked=self.world.sap.ledger.approval)

    def _void(self, name: str) -> None:
        self.world.bill.do_void_payment(self.payments[name].key)
        self.payments[name].voided = True

    def _approve(self) -> None:
        soon_void = f"{self.round - 1} void soon"
        drafts = {row["TransferReference"]: row["DocEntry"] for row in self.world.drafts()}
        for name, paid in self.payments.items():
            if paid.parked and not (paid.approved or paid.voided) and name != soon_void:
                self.world.sap.do_approve_payment(drafts[f"bill:{paid.key}"])
                paid.approved = True

    # --- how it ends -----------------------------------------------------------------------------

    def done(self, result: SyncResult) -> bool:
        """Whether the sync left nothing but what waits for SAP's approver."""
        return not (result.trouble or result.failed) and all(each["reason"] == AWAITING for each in result.held)

    def check(self) -> None:
        """Everything is where a fault-free run would have put it, once, and nothing is still held by anybody."""
        self._check_bills()
        self._check_vendors()
        self._check_payments()
        self._check_invoices()
        waiting = {paid.key for paid in self.payments.values() if not (paid.posted or paid.voided)}
        held = Delivery.objects.filter(state=State.HELD)
        assert set(held.values_list("flow__name", "reason", "key")) == {("payments", AWAITING, key) for key in waiting}
        assert not open_states()
        assert not Delivery.objects.filter(state=State.FAILED)
        assert not Flow.objects.exclude(claim_token="")
        assert not Slot.objects.filter(holder__gt="", expires_at__gte=self.world.clock.now())

    def _check_bills(self) -> None:
        rows = list(self.world.bill.bills.rows.values())
        assert len(rows) == len(self.entries), "nothing was ever sent twice, archived or not"
        names = {row["id"]: row["name"] for row in self.world.bill.vendors.rows.values()}
        found = {
            row["invoice"]["invoiceNumber"]: (names[row["vendorId"]], money(row["amount"]), row["archived"])
            for row in rows
        }
        blocked = f"R{self.round - 2}-a1"
        wanted = {}
        for number in self.entries:
            n, side, i = int(number[1 : number.index("-")]), number[-2], number[-1]
            owed = money(f"{100 + n}.{i}1") - self.by_hand.get(number, 0)
            wanted[number] = (f"Supplier {n} {side}", owed, number == blocked)
        assert found == wanted

    def _check_vendors(self) -> None:
        rows = list(self.world.bill.vendors.rows.values())
        assert max(Counter(row["shortName"] for row in rows).values()) == 1
        streets = {row["shortName"]: row["address"]["line1"] for row in rows}
        wanted = {}
        for n in range(self.round):
            wanted[f"V{n:02d}a"] = f"{n + 1} Moved Rd" if n + 1 < self.round else "12 Mill Rd"
            wanted[f"V{n:02d}b"] = "12 Mill Rd"
        assert streets == wanted

    def _check_payments(self) -> None:
        """Also of those that were cancelled or removed since, none was ever there twice."""
        paid = list(self.payments.values())
        ours = [row for row in self._rows("VendorPayments") if row["TransferReference"]]
        posted = {f"bill:{each.key}": (each.parts, each.voided) for each in paid if each.posted}
        assert len(ours) == len(posted), "a payment is there twice, or missing"
        assert {row["TransferReference"]: (self._parts(row), row["Cancelled"] == "tYES") for row in ours} == posted
        parked = {f"bill:{each.key}" for each in paid if each.parked and not (each.voided and not each.approved)}
        drafts = self._rows("PaymentDrafts")
        assert len(drafts) == len(parked)
        assert {row["TransferReference"] for row in drafts} == parked
        counters = self.world.sap.ledger.counters
        assert counters["PaymentDrafts"] == sum(each.parked for each in paid), "a draft was made twice"

    def _check_invoices(self) -> None:
        expected: Counter[str] = Counter(self.by_hand)  # type: ignore[arg-type]
        for paid in self.payments.values():
            if paid.posted and not paid.voided:
                expected.update(paid.parts)  # type: ignore[arg-type]
        found = {number: money(self.world.invoice(entry)["PaidToDate"]) for number, entry in self.entries.items()}
        assert found == {number: expected[number] for number in self.entries}

    def _rows(self, name: str) -> list[dict[str, Any]]:
        return list(self.world.sap.ledger.sets()[name].rows.values())

    def _parts(self, payment: dict[str, Any]) -> Parts:
        numbers = {entry: number for number, entry in self.entries.items()}
        return {numbers[each["DocEntry"]]: money(each["SumApplied"]) for each in payment["PaymentInvoices"]}
