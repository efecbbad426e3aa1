"""What chapters have in common whose bills are paid in the cloud: payments come back into the ledger."""

from __future__ import annotations

from collections import Counter

from integrations.models import Application, Link

from .chapter import Chapter, Moved, Paid, money
from .ground import expect


class PaidBack(Chapter):
    """Bills go from a ledger to a payment cloud, payments come back into the ledger."""

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
        return [*super().moved(), Moved("payments", back, states.total(), money(sum(applied)), known)]
