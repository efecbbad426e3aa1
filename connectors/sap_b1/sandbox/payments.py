"""Outgoing payments: posted, parked for approval, paid by people, cancelled (docs: sap_b1 6.5, 12).

A payment has no UpdateDate, and nothing keeps anybody from posting it twice while a balance remains.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from .approvals import PAYMENT
from .books import ZERO, Day, money, refusal
from .errors import not_found
from .payment_rules import LIMITS, PAYABLE, PaymentRules
from .tables import Diverted, Row

EDITABLE = {"Remarks", "JournalRemarks", "CounterReference", "Reference1", "Reference2"}  # after posting [assumed]


class Payments(PaymentRules):
    # --- by API ----------------------------------------------------------------------------------

    def create_payment(self, body: Row) -> Row | Diverted:
        """POST VendorPayments: posted, or parked as a draft when payments need approval."""
        payment = self.checked(body)
        return self.park(payment) if self.approval else self.post(payment)

    def patch_payment(self, key: Any, body: Row) -> None:
        row = self.payment(key)
        self.fit(body, LIMITS)
        for name, value in body.items():
            if name not in EDITABLE and not name.startswith("U_") and value != row.get(name):
                raise refusal(-5002, f"Field '{name}' of a posted payment cannot be updated")
        row.update(body)

    def cancel_payment(self, key: Any, today: bool = False) -> Row:
        """Undo a payment at its own date, or at today's; its invoices are open again."""
        row = self.payment(key)
        if row["Cancelled"] == "tYES":
            raise refusal(-10, "Payment is already cancelled", "OVPM.DocEntry", value=key)
        self.posting_day(None if today else row["DocDate"], "OVPM.DocDate")
        for part in row["PaymentInvoices"]:
            self.apply_part(part, -1)
        row |= {"Cancelled": "tYES", "CancelStatus": "csYes"}
        self.owe(row["CardCode"], self.local_means(row))
        return row

    def payment(self, key: Any) -> Row:
        row = self.find("VendorPayments", key)
        if row is None:
            raise not_found(f"Entity with value('{key}') does not exist")
        return row

    # --- effects ---------------------------------------------------------------------------------

    def post(self, payment: Row, **more: Any) -> Row:
        entry = self.next("VendorPayments")
        row = {**payment, **more, "DocEntry": entry, "DocNum": entry + 30000}
        for part in row["PaymentInvoices"]:
            self.apply_part(part, 1)
        self.table("VendorPayments")[entry] = row
        self.owe(row["CardCode"], -self.local_means(row))
        return row

    def apply_part(self, part: Row, direction: int) -> None:
        document = self.table(PAYABLE[part["InvoiceType"]][0])[part["DocEntry"]]
        self.apply(document, part["InstallmentId"], direction * part["SumApplied"], direction * part["AppliedFC"])
        if self.bump:
            self.touch(document)

    def local_means(self, row: Row) -> Decimal:
        checks = sum((money(each.get("CheckSum")) for each in row["PaymentChecks"]), ZERO)
        total: Decimal = row["TransferSum"] + row["CashSum"] + checks
        return money(total * row["DocRate"]) if row["DocRate"] else total

    def park(self, payment: Row) -> Diverted:
        """Success that posts nothing: a draft with a key of its own table (docs: sap_b1 6.5)."""
        entry = self.next("PaymentDrafts")
        waiting = [{"ApprovalTemplatesID": 1, "Remarks": None, "ActiveForUpdate": "tNO"}]
        row = {**payment, "DocEntry": entry, "DocNum": entry + 30000, "AuthorizationStatus": "pasPending"}
        row["Payments_ApprovalRequests"] = waiting
        self.table("PaymentDrafts")[entry] = row
        self.add_request(PAYMENT, entry)
        return Diverted(row, "PaymentDrafts", f"PaymentDrafts({entry})")

    # --- drafts and people -----------------------------------------------------------------------

    def payment_draft(self, draft: Any) -> Row:
        row = self.find("PaymentDrafts", draft)
        if row is None:
            raise not_found(f"Entity with value('{draft}') does not exist")
        return row

    def approve_payment(self, draft: int, generate: bool = True) -> Row:
        """An authorizer approves and, unless told otherwise, the draft is added: it becomes a payment."""
        row = self.payment_draft(draft)
        if row["AuthorizationStatus"] == "pasPending":
            self.decide(PAYMENT, draft, "ardApproved")
        return self.save_draft(draft) if generate else row

    def reject_payment(self, draft: int, remarks: str | None = None) -> Row:
        self.payment_draft(draft)
        self.decide(PAYMENT, draft, "ardNotApproved", remarks)
        return self.payment_draft(draft)

    def save_draft(self, draft: Any) -> Row:
        """POST PaymentDrafts(n)/SaveDraftToDocument. The draft stays, marked as generated."""
        row = self.payment_draft(draft)
        if row["AuthorizationStatus"] != "pasApproved":
            raise refusal(-10, "Draft is not approved or was added already", "OPDF.DocEntry", value=draft)
        payment = self.post(self.checked(row), AuthorizationStatus="pasGenerated", Payments_ApprovalRequests=[])
        row["AuthorizationStatus"] = "pasGenerated"
        self.generated(PAYMENT, draft, payment["DocEntry"])
        return payment

    def remove_payment_draft(self, draft: Any) -> None:
        """The originator gives up; the request is cancelled."""
        row = self.payment_draft(draft)
        if row["AuthorizationStatus"] != "pasGenerated":
            self.request_of(PAYMENT, draft)["Status"] = "arsCancelled"
        del self.table("PaymentDrafts")[draft]

    def pay_invoice(
        self, invoice: int, amount: Any = None, *, date: Day | None = None, account: str = "", reference: str = ""
    ) -> Row:
        """A person pays in SAP's own screen, whole or in part (in the invoice's currency), oldest instalment first;
        a payment of one's own needs no approval here."""
        document = self.document("PurchaseInvoices", invoice)
        foreign = document["DocCurrency"] != self.local_currency
        rate = document["DocRate"]
        total, paid = ("TotalFC", "PaidToDateFC") if foreign else ("Total", "PaidToDate")
        rest = self.balance(document) if amount is None else money(amount)
        parts, means = [], rest
        for instalment in document["DocumentInstallments"]:
            share = min(rest, instalment[total] - instalment[paid])
            rest -= share
            if share > 0:
                applied = {"AppliedFC": share, "SumApplied": money(share * rate)} if foreign else {"SumApplied": share}
                parts.append({"DocEntry": invoice, "InstallmentId": instalment["InstallmentId"], **applied})
        if rest > 0 or not parts:
            raise refusal(-5002, "Amount applied is greater than the open balance", "VPM2.SumApplied", value=amount)
        day = self.day(date).isoformat()
        body: Row = {
            "DocType": "rSupplier",
            "CardCode": document["CardCode"],
            "DocDate": day,
            "DocCurrency": document["DocCurrency"],
            "DocRate": rate if foreign else None,
            "TransferAccount": self.account(account or "1010-01"),
            "TransferSum": means,
            "TransferDate": day,
            "TransferReference": reference or None,
            "BPLID": document["BPL_IDAssignedToInvoice"],
            "PaymentInvoices": [{**part, "InvoiceType": "it_PurchaseInvoice"} for part in parts],
        }
        return self.post(self.checked(body))
