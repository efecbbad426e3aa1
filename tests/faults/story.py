"""A company at work in rounds that cause every kind of write, and what must be true after each."""

from __future__ import annotations

from collections import Counter

from integrations.models import Delivery
from tests.builders import World, bill_facts, expected_facts, money, open_states, payable, today

AGO = "-10"


class Story:
    """Round n: two new vendors with three invoices each, and in the older ones changes, holds, releases, payments
    and voids."""

    def __init__(self, world: World, extra: int = 0) -> None:
        """`extra`: so many invoices of twelve more vendors before the first round."""
        self.world = world
        self.extra = extra
        if extra:
            world.sage.do_generate(vendors=12, invoices=extra)
        self.round = 0
        self.payments: dict[str, str] = {}  # by invoice number

    def play(self) -> None:
        world, n = self.world, self.round
        for side in "ab":
            world.add_vendor(f"V{n:02d}{side}", f"Supplier {n} {side}")
            for number in range(3):
                world.add_invoice(f"R{n}-{side}{number}", f"{100 + n}.{number}1", vendor=f"V{n:02d}{side}")
        if n >= 1:
            vendor = f"V{n - 1:02d}a"
            world.sage.do_change_vendor("01", vendor, addressLine1=f"{n} Moved Rd")
            world.sage.do_change_invoice("01", vendor, f"R{n - 1}-a0", amount=f"{500 + n}.00")
            world.sage.do_hold_invoice("01", vendor, f"R{n - 1}-a1")
            for number, check in ((f"R{n - 1}-b0", 1000 + n), (f"R{n - 1}-b1", 2000 + n)):
                self.payments[number] = world.pay(number, checkNumber=check)
        if n >= 2:
            world.sage.do_hold_invoice("01", f"V{n - 2:02d}a", f"R{n - 2}-a1", hold=False)
            world.bill.do_void_payment(self.payments.pop(f"R{n - 2}-b0"))
        self.round += 1

    def check(self) -> None:
        """Everything is where a fault-free run would have put it, once."""
        world = self.world
        invoices = payable(world, today().replace(year=today().year - 1))
        assert bill_facts(world) == sorted(map(expected_facts, invoices.values()), key=repr)
        assert len(world.bill.bills.rows) == self.round * 6 + self.extra, "nothing was ever sent twice, archived or not"
        vendors = Counter(row["shortName"] for row in world.vendors())
        assert max(vendors.values()) == 1
        ours = [row for row in world.vendors() if row["shortName"].startswith("01-V")]
        assert len(ours) == self.round * 2
        for row in ours:
            moved = int(row["shortName"][4:6]) + 1
            wanted = f"{moved} Moved Rd" if row["shortName"].endswith("a") and moved < self.round else "12 Mill Rd"
            assert row["address"]["line1"] == wanted
        entered = {
            each["clientReference"]: {part["invoiceNo"]: money(part["amountPaid"]) for part in each["applications"]}
            for each in world.payments()
        }
        assert len(entered) == len(world.payments())
        assert entered == {
            f"bill:{key}": {number: money(world.bills()[number]["amount"])} for number, key in self.payments.items()
        }
        assert not open_states()
        assert not Delivery.objects.filter(state__in=("held", "failed"))
