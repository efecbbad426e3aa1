"""What `VendorPayments` accepts (docs: sap_b1 6.5, 12): every rule that a body is held against."""

from __future__ import annotations

import copy
from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from .approvals import Approvals
from .books import CENT, ZERO, money, refusal
from .tables import Row

LIMITS = {  # of the DI reference; later releases are wider
    "TransferReference": (27, "OVPM.TrsfrRef"),
    "CounterReference": (8, "OVPM.CounterRef"),
    "Reference1": (11, "OVPM.Ref1"),
    "Reference2": (8, "OVPM.Ref2"),
    "Remarks": (254, "OVPM.Comments"),
    "JournalRemarks": (50, "OVPM.JrnlMemo"),
}
PAYABLE = {  # InvoiceType -> set and sign; what is missing here is looked up elsewhere and not found
    "it_PurchaseInvoice": ("PurchaseInvoices", 1),
    "it_PurchaseCreditNote": ("PurchaseCreditNotes", -1),
    "it_PurchaseDownPayment": ("PurchaseDownPayments", 1),
}
DEFAULT_TYPE = "it_Invoice"  # 13, an A/R invoice
BLANK: Row = {
    **dict.fromkeys(("CashAccount", "CheckAccount", "TransferAccount", "TransferReference", "TransferDate")),
    **dict.fromkeys(("Reference1", "Reference2", "CounterReference", "Remarks", "JournalRemarks", "ProjectCode")),
    **dict.fromkeys(("CashSum", "TransferSum", "CashSumFC", "CashSumSys"), ZERO),
    "LocalCurrency": "tNO",
    "HandWritten": "tNO",
    "Printed": "tNO",
    "Series": 15,
    "Cancelled": "tNO",
    "CancelStatus": "csNo",
    "AuthorizationStatus": "pasWithout",
    "AttachmentEntry": None,
    "PaymentReferenceNo": None,
    **{name: [] for name in ("PaymentChecks", "PaymentAccounts", "PaymentCreditCards", "CashFlowAssignments")},
    "Payments_ApprovalRequests": [],
}


@dataclass(frozen=True, slots=True)
class Terms:
    """What the rows of a payment are checked against."""

    vendor: Row
    day: date
    currency: str
    rate: Decimal
    is_foreign: bool
    branch: int | None


class PaymentRules(Approvals):
    def checked(self, body: Row) -> Row:
        """The payment that `body` makes, complete but for its numbers, or a refusal."""
        self.fit(body, LIMITS)
        # Without a type SAP takes a customer payment, which no vendor can receive.
        if (body.get("DocType") or body.get("DocTypte") or "rCustomer") != "rSupplier":
            raise refusal(-5002, "Business partner does not fit the document type", "OVPM.DocType")
        vendor = self.usable_vendor(body.get("CardCode"), "OVPM.CardCode")
        day = self.posting_day(body.get("DocDate"), "OVPM.DocDate")
        branch = self.branch(body)
        currency, rate = self.currency(body, vendor)
        terms = Terms(vendor, day, currency, rate, currency != self.local_currency, branch)
        row: Row = {
            **copy.deepcopy(BLANK),
            **body,
            "DocType": "rSupplier",
            "CardCode": vendor["CardCode"],
            "CardName": None,
        }
        row["CardName"] = vendor["CardName"]
        row["DocDate"] = day.isoformat()
        row["TaxDate"] = row["DueDate"] = body.get("TaxDate") or day.isoformat()
        row |= {"DocCurrency": currency, "DocRate": rate if terms.is_foreign else ZERO}
        row |= {"DocObjectCode": "bopot_OutgoingPayments", "ControlAccount": self.account("2010-01"), "BPLID": branch}
        row["BPLName"] = self.table("BusinessPlaces")[branch]["BPLName"] if branch else None
        means = self.means(row, day)
        row["PaymentInvoices"], needed = self.applications(body.get("PaymentInvoices") or [], terms)
        if needed > means:
            raise refusal(-5002, "Amount of payment means is less than the amount applied", "OVPM.DocTotal")
        return row

    def branch(self, body: Row) -> int | None:
        if not self.branches:
            return None
        if body.get("BPLID") is None:
            raise refusal(-5002, "Specify an active branch", "OVPM.BPLId")
        place = self.require("BusinessPlaces", body["BPLID"], "OVPM.BPLId")
        if place["Disabled"] == "tYES":
            raise refusal(-5002, "Specify an active branch", "OVPM.BPLId", value=body["BPLID"])
        return int(place["BPLID"])

    def currency(self, body: Row, vendor: Row) -> tuple[str, Decimal]:
        """Code and rate. A foreign payment must bring its DocRate (docs: sap_b1 6.5)."""
        own = self.local_currency if vendor["Currency"] == "##" else vendor["Currency"]
        code = body.get("DocCurrency") or own
        self.require("Currencies", code, "OVPM.DocCurr")
        if vendor["Currency"] != "##" and code not in (own, self.local_currency):
            raise refusal(-10, "Currency does not fit the business partner", "OVPM.DocCurr", value=code)
        if code == self.local_currency:
            return code, Decimal(1)
        rate = Decimal(str(body.get("DocRate") or 0))
        if rate <= 0:
            raise refusal(-10, "Update the exchange rate", "OVPM.DocRate", value=code)
        return code, rate

    def means(self, row: Row, day: date) -> Decimal:
        """Transfer, cash and checks together, in the payment's currency; each from an account that can be posted to."""
        transfer, cash = money(row["TransferSum"]), money(row["CashSum"])
        row["PaymentChecks"] = row["PaymentChecks"] or []
        checks = [money(each.get("CheckSum")) for each in row["PaymentChecks"]]
        if min([transfer, cash, *checks]) < 0 or transfer + cash + sum(checks) <= 0:
            raise refusal(-5002, "Amount of payment must be greater than zero", "OVPM.DocTotal")
        if transfer:
            if not row["TransferAccount"]:
                raise refusal(-5002, "Bank transfer account is missing", "OVPM.TrsfrAcct")
            self.postable(row["TransferAccount"], "OVPM.TrsfrAcct")
            row["TransferDate"] = row["TransferDate"] or day.isoformat()
            if row["TransferDate"][:7] != f"{day:%Y-%m}":
                raise refusal(-10, "Transfer date is in another period", "OVPM.TrsfrDate", value=row["TransferDate"])
        if cash:
            self.postable(row["CashAccount"], "OVPM.CashAcct")
        row |= {"TransferSum": transfer, "CashSum": cash}
        return transfer + cash + sum(checks, ZERO)

    def applications(self, parts: list[Row], terms: Terms) -> tuple[list[Row], Decimal]:
        """The rows of PaymentInvoices and what they need, in the payment's currency."""
        if self.max_documents and len(parts) > self.max_documents:
            raise refusal(-10, f"A payment may cover at most {self.max_documents} documents", "VPM2.DocEntry")
        taken: dict[tuple[str, int, int], Decimal] = defaultdict(Decimal)
        rows, needed = [], ZERO
        for line, part in enumerate(parts, start=1):
            document, sign = self.payable_document(part, terms, line)
            row = self.application(part, document, terms, taken, line)
            rows.append(row)
            same = terms.is_foreign and document["DocCurrency"] == terms.currency
            needed += sign * (row["AppliedFC"] if same else money(row["SumApplied"] / terms.rate))
        return rows, needed

    def payable_document(self, part: Row, terms: Terms, line: int) -> tuple[Row, int]:
        name, sign = PAYABLE.get(part.get("InvoiceType") or DEFAULT_TYPE, ("", 0))
        document = self.find(name, part.get("DocEntry")) if name else None
        if document is None:
            value = part.get("DocEntry")
            raise refusal(-2028, "No matching records found (ODBC -2028)", "VPM2.DocEntry", line, value)
        if terms.vendor["CardCode"] not in (document["CardCode"], document["FatherCard"]):
            raise refusal(-5002, "Document belongs to another business partner", "VPM2.DocEntry", line)
        closed = document["DocumentStatus"] != "bost_Open" or document["CancelStatus"] != "csNo"
        if closed or document["PaymentBlock"] == "tYES":
            raise refusal(-10, "Invoice is already closed or blocked", "VPM2.DocEntry", line)
        if terms.branch != document["BPL_IDAssignedToInvoice"]:
            raise refusal(-5002, "Branch of the payment and of the document differ", "OVPM.BPLId", line)
        return document, sign

    def application(
        self, part: Row, document: Row, terms: Terms, taken: dict[tuple[str, int, int], Decimal], line: int
    ) -> Row:
        """One row of PaymentInvoices. `taken`: what earlier rows applied to the same instalments."""
        number = part.get("InstallmentId") or 1
        instalment = next((x for x in document["DocumentInstallments"] if x["InstallmentId"] == number), None)
        if instalment is None:
            raise refusal(-2028, "No matching records found (ODBC -2028)", "VPM2.InstId", line, number)
        if part.get("DiscountPercent") or part.get("TotalDiscount"):
            raise refusal(-5002, "Cash discount is not defined", "VPM2.Dcount", line)
        foreign = document["DocCurrency"] != self.local_currency
        local_sum, foreign_sum = money(part.get("SumApplied")), money(part.get("AppliedFC"))
        if local_sum <= 0 or (foreign and foreign_sum <= 0):
            raise refusal(-5002, "Enter an amount greater than zero", "VPM2.SumApplied", line)
        if foreign:
            self.same_value(local_sum, foreign_sum, document, terms, line)
            balance, applied = instalment["TotalFC"] - instalment["PaidToDateFC"], foreign_sum
        else:
            balance, applied, foreign_sum = instalment["Total"] - instalment["PaidToDate"], local_sum, ZERO
        key = (document["DocObjectCode"], document["DocEntry"], number)
        taken[key] += applied
        if taken[key] > balance:
            text = "Amount applied is greater than the open balance"
            raise refusal(-5002, text, "VPM2.SumApplied", line, applied)
        return {
            "LineNum": line - 1,
            "DocEntry": document["DocEntry"],
            "DocNum": document["DocNum"],
            "InvoiceType": part["InvoiceType"],
            "InstallmentId": number,
            "SumApplied": local_sum,
            "AppliedFC": foreign_sum,
            "AppliedSys": local_sum,
            "DocRate": document["DocRate"] if foreign else ZERO,
            "DocLine": 0,
            "DiscountPercent": ZERO,
            "PaidSum": ZERO,
            "TotalDiscount": ZERO,
            "TotalDiscountFC": ZERO,
            "TotalDiscountSC": ZERO,
        }

    def same_value(self, local: Decimal, foreign: Decimal, document: Row, terms: Terms, line: int) -> None:
        """SumApplied is AppliedFC at the payment's rate or at the document's [assumed: either]."""
        rates = [document["DocRate"]]
        if terms.currency == document["DocCurrency"]:
            rates.append(terms.rate)
        else:
            rates.append(self.rate(document["DocCurrency"], terms.day, "VPM2.DocRate"))
        if all(abs(local - money(foreign * rate)) > CENT for rate in rates):
            raise refusal(-5002, "Local and foreign amount differ in value", "VPM2.SumApplied", line, local)
