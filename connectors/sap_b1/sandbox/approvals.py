"""Documents that wait for approval: invoice drafts and the requests of drafts of every kind (docs: sap_b1 6.2)."""

from __future__ import annotations

import copy
from typing import Any

from .books import refusal
from .documents import Documents
from .tables import Row

INVOICE, PAYMENT = ("18", "112"), ("46", "140")  # object and draft type of a request
DECISIONS = {"ardApproved": "arsApproved", "ardNotApproved": "arsNotApproved"}


class Approvals(Documents):
    # --- requests --------------------------------------------------------------------------------

    def add_request(self, kind: tuple[str, str], draft: int) -> Row:
        now = self.clock()
        stamps = {"CreationDate": now.date().isoformat(), "CreationTime": now.strftime("%H:%M:%S")}
        stage = {"StageCode": 1, "UserID": 2, "Status": "ardPending", "Remarks": None}
        request: Row = {
            "Code": self.next("ApprovalRequests"),
            "ApprovalTemplatesID": 1,
            "ObjectType": kind[0],
            "IsDraft": "Y",
            "ObjectEntry": None,
            "Status": "arsPending",
            "Remarks": None,
            "CurrentStage": 1,
            "OriginatorID": 1,
            **stamps,
            "DraftEntry": draft,
            "DraftType": kind[1],
            "ApprovalRequestLines": [{**stage, **stamps, "UpdateDate": None, "UpdateTime": None}],
            "ApprovalRequestDecisions": [],
        }
        self.table("ApprovalRequests")[request["Code"]] = request
        return request

    def request_of(self, kind: tuple[str, str], draft: int) -> Row:
        requests = self.table("ApprovalRequests").values()
        return next(each for each in requests if (each["DraftType"], each["DraftEntry"]) == (kind[1], draft))

    def decide(self, kind: tuple[str, str], draft: int, decision: str, remarks: str | None = None) -> Row:
        """An authorizer's word on a pending request; the draft stays a draft until somebody adds it."""
        request = self.request_of(kind, draft)
        if request["Status"] != "arsPending":
            raise refusal(-10, "Approval request is not pending", "OWDD.WddCode", value=request["Code"])
        now = self.clock()
        stamps = {"UpdateDate": now.date().isoformat(), "UpdateTime": now.strftime("%H:%M:%S")}
        request["ApprovalRequestLines"][0] |= {"Status": decision, "Remarks": remarks, **stamps}
        request["Status"] = DECISIONS[decision]
        approved = decision == "ardApproved"
        if kind == INVOICE:
            self.table("Drafts")[draft]["AuthorizationStatus"] = "dasApproved" if approved else "dasRejected"
        else:
            self.table("PaymentDrafts")[draft]["AuthorizationStatus"] = "pasApproved" if approved else "pasRejected"
        return request

    def patch_request(self, key: Any, body: Row) -> None:
        """PATCH ApprovalRequests(n): what a connector should leave to people (docs: sap_b1 6.2)."""
        request = self.document("ApprovalRequests", key)
        kind = (request["ObjectType"], request["DraftType"])
        for each in body.get("ApprovalRequestDecisions") or []:
            if each.get("Status") in DECISIONS:
                self.decide(kind, request["DraftEntry"], each["Status"], each.get("Remarks"))

    def generated(self, kind: tuple[str, str], draft: int, entry: int) -> None:
        """Note that a draft became a document."""
        self.request_of(kind, draft).update({"Status": "arsGenerated", "IsDraft": "N", "ObjectEntry": entry})

    # --- invoices --------------------------------------------------------------------------------

    def add_draft(self, vendor: str, number: str = "", amount: Any = None, **more: Any) -> Row:
        """An invoice that waits for approval: it is in Drafts and ApprovalRequests, not in PurchaseInvoices."""
        row = self.add_invoice(vendor, number, amount, into="Drafts", AuthorizationStatus="dasPending", **more)
        self.add_request(INVOICE, row["DocEntry"])
        return row

    def approve_draft(self, draft: int, generate: bool = True) -> Row:
        """Approve an invoice draft; `generate=False` leaves it a draft that its originator has not added yet."""
        row = self.document("Drafts", draft)
        if row["AuthorizationStatus"] == "dasPending":
            self.decide(INVOICE, draft, "ardApproved")
        if not generate:
            return row
        if row["AuthorizationStatus"] != "dasApproved" or row["DocumentStatus"] != "bost_Open":
            raise refusal(-10, "Draft is not approved or was added already", "ODRF.DocEntry", value=draft)
        invoice = copy.deepcopy(row) | {"DraftKey": draft, "AuthorizationStatus": "dasGenerated", "DataVersion": 0}
        self.file("PurchaseInvoices", invoice)
        self.owe(row["CardCode"], row["DocTotal"])
        self.set_status(row, "bost_Close")
        row["AuthorizationStatus"] = "dasGenerated"
        self.touch(row)
        self.generated(INVOICE, draft, invoice["DocEntry"])
        return invoice
