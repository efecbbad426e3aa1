"""A company on Sage 100 and AvidXchange at work in rounds that cause every kind of write; what must be true then."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from integrations.models import Link
from tests.avid_world import AvidWorld, applied
from tests.builders import money, open_states

Parts = dict[str, tuple[Decimal, Decimal]]


@dataclass
class AvidStory:
    """Round n: a new account, a new vendor with three invoices, two of them with scans, one coded with the account;
    the vendor before moves; AvidXchange pays two invoices of the round before, takes one payment back in the next."""

    world: AvidWorld
    round: int = 0
    amounts: dict[str, Decimal] = field(default_factory=dict)  # by invoice number
    scans: set[str] = field(default_factory=set)
    paid: dict[str, Parts] = field(default_factory=dict)  # standing payments by AvidXchange's id
    fleeting: list[str] = field(default_factory=list)  # payments that are taken back in the next round

    def play(self) -> None:
        n, world = self.round, self.world
        account = f"71{n:02d}-01-00"
        world.add_account(account, f"Projects {n}")
        world.add_vendor(f"V{n:02d}", f"Supplier {n}")
        for i in range(3):
            number, amount = f"R{n}-{i}", f"{100 + n}.{i}1"
            files = ["scan.pdf"] if i else []
            world.add_invoice(
                number, amount, vendor=f"V{n:02d}", attachments=files, account="5010-01-00" if i else account
            )
            self.amounts[number] = money(amount)
            self.scans |= {number} if files else set()
        for key in self.fleeting:
            world.avid.do_void_payment(int(key))
            del self.paid[key]
        self.fleeting = []
        if n:
            world.sage.do_change_vendor("01", f"V{n - 1:02d}", addressLine1=f"{n} Moved Rd")
            self._pay(f"R{n - 1}-0", f"R{n - 1}-1")
            self.fleeting.append(self._pay(f"R{n - 1}-2"))
        self.round += 1

    def _pay(self, *numbers: str) -> str:
        key = self.world.pay(*numbers)
        self.paid[key] = {number: (self.amounts[number], money(0)) for number in numbers}
        return key

    def check(self) -> None:
        world = self.world
        assert not open_states()
        found = {row["number"]: money(row["gross"]) for row in world.avid.invoices.rows.values()}
        assert len(found) == len(world.avid.invoices.rows), "an invoice stands there twice"
        assert found == self.amounts
        assert {number for number in found if world.scans(number)} == self.scans
        assert world.vendors().keys() == {f"01-V{n:02d}" for n in range(self.round)}
        for n in range(self.round - 1):
            assert world.vendors()[f"01-V{n:02d}"]["address"]["line1"] == f"{n + 1} Moved Rd"
        assert {f"71{n:02d}-01-00" for n in range(self.round)} <= world.codes().keys()
        assert {each["clientReference"]: applied(each) for each in world.payments()} == {
            f"avid:{key}": parts for key, parts in self.paid.items()
        }
        assert Link.objects.filter(flow__name="bills").count() == len(self.amounts)
        assert world.avid.stats()["forbidden_writes"] == 0
