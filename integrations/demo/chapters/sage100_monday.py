"""Sage 100 to monday.com: boards that are made and kept, around what people write on them themselves."""

from __future__ import annotations

from typing import Any

from integrations.demo.chapter import ACTOR, Chapter, Moved, Steps
from integrations.demo.ground import Child, expect
from integrations.models import Flow
from integrations.reconcile import reconcile

VENDOR = ("01", "ACME01")
APPROVED = "INV-20541"


class Sage100Monday(Chapter):
    name = "boards"
    connections = {"plant": "sage100", "monday": "monday"}

    def business(self, cluster: Child) -> Steps:
        yield "By hand", self.approve_by_hand
        yield "Paid", self.pay

    # --- steps -------------------------------------------------------------------------------------

    def check_delivered(self) -> None:
        for flow in self._flows():
            columns = [each["title"] for each in self._board(flow)["columns"].values()]
            expect(len(columns) > 4, f"the board of {flow.name} has the columns {', '.join(columns)} only")
        amount = self._item(APPROVED)["values"].get("amount", "")
        expect(amount.startswith("1250"), f"{APPROVED} is over {amount or 'nothing'} on its board")

    def approve_by_hand(self) -> str:
        """A person adds a column and approves an invoice in it."""
        bills = self.flow("bills")
        made = self.target.act("add_column", board=bills.place, title="Approval", kind="status")
        self.column = made["id"]
        label = {"label": "Approved"}
        self.target.act("edit_item", item=self._item(APPROVED)["id"], column=self.column, value=label)
        return f"a person adds the column Approval to the board of invoices and approves {APPROVED}"

    def pay(self) -> str:
        """The invoice changes in Sage; what the person wrote beside stays."""
        division, vendor = VENDOR
        self.source.act("pay_in_sage", division=division, vendor=vendor, invoice=APPROVED)
        self.sync()
        values = self._item(APPROVED)["values"]
        expect(values.get("ledger_status") == "Paid", f"{APPROVED} is {values.get('ledger_status')} on its board")
        expect(values.get(self.column) == "Approved", f"what the person wrote about {APPROVED} is gone")
        return f"{APPROVED} paid in Sage 100: its item says so, and is still approved by hand"

    def compare(self) -> str:
        result = reconcile(self.integration, actor=ACTOR)
        expect(result.ok, result.summary())
        count = sum(result.compared[flow.name] for flow in self._flows())
        return f"{count} records, each with one item that says what Sage 100 says"

    # --- what is shown -----------------------------------------------------------------------------

    def moved(self) -> list[Moved]:
        out = f"{self.source.label} -> {self.target.label}"
        rows = []
        for flow in self._flows():
            board = self._board(flow)
            remark = f"{board['name']}: {len(board['columns'])} columns"
            rows.append(Moved(flow.name.replace("_", " "), out, self.links(flow.name).count(), None, remark))
        return rows

    def in_target(self) -> dict[str, int]:
        return {name: len(board["items"]) for name, board in self.target.state()["boards"].items()}

    # --- helpers -----------------------------------------------------------------------------------

    def _flows(self) -> list[Flow]:
        """Those that have written to a board."""
        return list(self.integration.flows.exclude(place="").order_by("pk"))

    def _board(self, flow: Flow) -> dict[str, Any]:
        return dict(self.target.state()["boards"][flow.place])

    def _item(self, document: str) -> dict[str, Any]:
        """The item of an invoice."""
        link = self.links("bills").get(document=document)
        (item,) = [each for each in self._board(link.flow)["items"] if each["id"] == link.target_id]
        return dict(item)
