"""A/P documents: invoices, drafts, down payments, cancellations and credit notes (docs: sap_b1 6.1, 6.2)."""

from __future__ import annotations

import copy
from datetime import timedelta
from decimal import Decimal
from typing import Any

from .books import ZERO, Day, money, refusal, yes
from .build import Amounts, Exchange, amounts_of, equal_parts, instalments, line, payable
from .errors import not_found
from .partners import Partners
from .tables import Row

OBJECT_CODES = {  # entity set -> DocObjectCode and number
    "PurchaseInvoices": ("oPurchaseInvoices", 18),
    "PurchaseCreditNotes": ("oPurchaseCreditNotes", 19),
    "PurchaseDownPayments": ("oPurchaseDownPayments", 204),
    "Drafts": ("oPurchaseInvoices", 18),
}
EDITABLE = {  # what SAP lets people and the API change in a posted document [assumed]
    *("NumAtCard", "Comments", "JournalMemo", "DocDueDate", "Reference1", "Reference2", "AttachmentEntry"),
    *("PaymentBlock", "PaymentBlockEntry", "PaymentMethod", "PayToCode", "Indicator"),
}
LIMITS = {
    "NumAtCard": (100, "OPCH.NumAtCard"),
    "Comments": (254, "OPCH.Comments"),
    "JournalMemo": (50, "OPCH.JrnlMemo"),
    "Reference1": (11, "OPCH.Ref1"),
    "Reference2": (11, "OPCH.Ref2"),
}
CANCELLATION_CANCELLED = "tNO"  # `Cancelled` of a csCancellation document: the column's C has no member [assumed]


class Documents(Partners):
    # --- making ----------------------------------------------------------------------------------

    def add_invoice(
        self,
        vendor: str,
        number: str = "",
        amount: Any = None,
        *,
        lines: list[Row] | None = None,
        account: str = "6010-01",
        rule: str = "",
        tax_rate: Any = 0,
        date: Day | None = None,
        due: Day | None = None,
        document_date: Day | None = None,
        created: Day | None = None,
        currency: str = "",
        rate: Any = None,
        parts: int | list[Row] = 1,
        items: bool = False,
        discount: Any = 0,
        freight: Any = 0,
        freight_tax_rate: Any = 0,
        rounding: Any = 0,
        withholding: Any = 0,
        withholding_category: str = "I",
        down_payment: Any = 0,
        blocked: bool = False,
        branch: int | None = None,
        into: str = "PurchaseInvoices",
        **properties: Any,
    ) -> Row:
        """An invoice as people enter it. `amount` alone makes one line on `account` with `rule` and `tax_rate`
        (percent); else `lines` (see `build.line`; `account` by any of its names, `rule` for dimension 1). Amounts
        are in the document's currency, `discount` in percent. `parts`: how many instalments, or [{"due",
        "percent"}]. `created`: the day of entry, else now. `properties` by their names in SAP."""
        partner = self.usable_vendor(vendor, "OPCH.CardCode")
        posting = self.posting_day(date, "OPCH.DocDate")
        exchange = self.exchange(partner, currency, rate, posting)
        facts = lines if lines is not None else [{"amount": amount, "tax_rate": tax_rate}]
        percent = Decimal(str(discount))
        plain = [self.line_facts(each, account, rule) for each in facts]
        rows = [line(index, each, exchange, percent, items) for index, each in enumerate(plain)]
        amounts = Amounts(
            discount=percent,
            freight=money(freight),
            freight_tax_rate=Decimal(str(freight_tax_rate)),
            rounding=money(rounding),
            withholding=money(withholding),
            withholding_category=withholding_category,
            down_payment=money(down_payment),
        )
        net = sum((money(each["amount"]) for each in plain), ZERO)
        first_due = self.day(due, posting + timedelta(days=30))
        split = (
            equal_parts(parts, first_due)
            if isinstance(parts, int)
            else [(self.day(each["due"]), Decimal(str(each["percent"]))) for each in parts]
        )
        header = amounts_of(rows, amounts, exchange, net)
        row = {
            **self.header(partner, number, exchange, branch),
            "DocType": "dDocument_Items" if items else "dDocument_Service",
            "DocDate": posting.isoformat(),
            "DocDueDate": split[-1][0].isoformat() if len(split) > 1 else first_due.isoformat(),
            "TaxDate": self.day(document_date, posting).isoformat(),
            **header,
            "PaymentBlock": yes(blocked),
            "NumberOfInstallments": len(split),
            "DocumentInstallments": instalments(split, *payable(header)),
            "DocumentLines": rows,
            **properties,
        }
        self.file(into, row, created)
        if into == "PurchaseInvoices":
            self.owe(row["CardCode"], row["DocTotal"])
        return row

    def exchange(self, partner: Row, currency: str, rate: Any, day: Any) -> Exchange:
        """An omitted currency is the vendor's, or the local one when the vendor has all (docs: sap_b1 12.1)."""
        code = currency or (self.local_currency if partner["Currency"] == "##" else partner["Currency"])
        self.require("Currencies", code, "OPCH.DocCurr")
        if partner["Currency"] not in ("##", code) and code != self.local_currency:
            raise refusal(-10, "Currency does not fit the business partner", "OPCH.DocCurr", value=code)
        if code == self.local_currency:
            return Exchange(code, Decimal(1), is_foreign=False)
        return Exchange(code, Decimal(str(rate)) if rate else self.rate(code, day, "OPCH.DocRate"), is_foreign=True)

    def line_facts(self, facts: Row, account: str, rule: str) -> Row:
        """Facts with their defaults; every account and distribution rule must exist."""
        code = self.postable(self.account(facts.get("account") or account), "PCH1.AcctCode")
        single = facts.get("rule") or rule
        rules = {**({1: single} if single else {}), **{int(key): each for key, each in facts.get("rules", {}).items()}}
        for each in rules.values():
            self.require("DistributionRules", each, "PCH1.OcrCode")
        return {**facts, "account": code, "rules": rules}

    def header(self, partner: Row, number: str, exchange: Exchange, branch: int | None) -> Row:
        place = self.require("BusinessPlaces", branch or 1, "OPCH.BPLId") if self.branches else None
        payer = partner["FatherCard"]
        return {
            "CardCode": partner["CardCode"],
            "CardName": partner["CardName"],
            "NumAtCard": number or None,
            "DocCurrency": exchange.currency,
            "DocRate": exchange.rate,
            "PaidToDate": ZERO,
            "PaidToDateFC": ZERO,
            "PaidToDateSys": ZERO,
            "DocumentStatus": "bost_Open",
            "Cancelled": "tNO",
            "CancelStatus": "csNo",
            "CancelDate": None,
            "AuthorizationStatus": "dasWithout",
            "Confirmed": "tYES",
            "Series": 70,
            "Comments": None,
            "JournalMemo": f"A/P Invoices - {partner['CardCode']}",
            "PaymentGroupCode": partner["PayTermsGrpCode"],
            "PayToCode": partner["BilltoDefault"],
            "PaymentBlockEntry": None,
            "ControlAccount": self.account("2010-01"),
            "FederalTaxID": partner["FederalTaxID"],
            "BPL_IDAssignedToInvoice": place["BPLID"] if place else None,
            "BPLName": place["BPLName"] if place else None,
            "FatherCard": payer,
            "FatherType": partner["FatherType"] if payer else None,
            "AttachmentEntry": None,
            "DraftKey": None,
            "DocumentSpecialLines": [],
            "DownPaymentsToDraw": [],
            "Document_ApprovalRequests": [],
        }

    def file(self, name: str, row: Row, created: Day | None = None) -> Row:
        """Number a document and put it in its set."""
        entry = self.next(name)
        object_name, _ = OBJECT_CODES[name]
        row |= {"DocEntry": entry, "DocNum": entry + 10000, "DocObjectCode": object_name}
        row["TransNum"] = None if name == "Drafts" else self.next("transaction")
        for each in row["DocumentLines"]:
            each["DocEntry"] = entry
        self.touch(row)
        row["CreationDate"], row["DocTime"] = row["UpdateDate"], row["UpdateTime"][:5] + ":00"
        if created is not None:
            row["CreationDate"] = row["UpdateDate"] = self.day(created).isoformat()
        self.table(name)[entry] = row
        self.settle(row)
        return row

    def add_down_payment(self, vendor: str, amount: Any, **more: Any) -> Row:
        return self.add_invoice(vendor, amount=amount, account="2030-01", into="PurchaseDownPayments", **more)

    # --- the open balance ------------------------------------------------------------------------

    def apply(self, document: Row, instalment: int, local: Decimal, foreign: Decimal) -> None:
        """Pay (or, negative, unpay) one instalment; in a foreign document the foreign amount rules and the local
        one follows at the document's own rate."""
        part = next(each for each in document["DocumentInstallments"] if each["InstallmentId"] == instalment)
        if part["TotalFC"]:
            part["PaidToDateFC"] += foreign
            part["PaidToDate"] = money(part["Total"] * part["PaidToDateFC"] / part["TotalFC"])
        else:
            part["PaidToDate"] += local
        self.settle(document)

    def settle(self, document: Row) -> None:
        """Bring header amounts and status in line with the instalments."""
        parts = document["DocumentInstallments"]
        document["PaidToDate"] = document["PaidToDateSys"] = sum((part["PaidToDate"] for part in parts), ZERO)
        document["PaidToDateFC"] = sum((part["PaidToDateFC"] for part in parts), ZERO)
        paid = all(part["PaidToDate"] == part["Total"] and part["PaidToDateFC"] == part["TotalFC"] for part in parts)
        self.set_status(document, "bost_Close" if paid else "bost_Open")

    def set_status(self, document: Row, status: str) -> None:
        document["DocumentStatus"] = status
        for each in document["DocumentLines"]:
            each["LineStatus"] = status

    def close_with(self, document: Row, amount: Decimal | None = None) -> None:
        """Use up the balance, or so much of it in the document's currency, oldest instalment first."""
        for part in document["DocumentInstallments"]:
            total, paid = ("TotalFC", "PaidToDateFC") if part["TotalFC"] else ("Total", "PaidToDate")
            share = part[total] - part[paid] if amount is None else min(part[total] - part[paid], amount)
            amount = None if amount is None else amount - share
            self.apply(document, part["InstallmentId"], share, share)

    def balance(self, document: Row) -> Decimal:
        """What is open, in the document's currency."""
        total, paid = ("TotalFC", "PaidToDateFC") if document["DocTotalFc"] else ("Total", "PaidToDate")
        return sum((part[total] - part[paid] for part in document["DocumentInstallments"]), ZERO)

    # --- by API ----------------------------------------------------------------------------------

    def document(self, name: str, key: Any) -> Row:
        row = self.find(name, key)
        if row is None:
            raise not_found(f"Entity with value('{key}') does not exist")
        return row

    def patch_document(self, name: str, key: Any, body: Row) -> None:
        """Texts, due date, block and user-defined fields; amounts and lines of a posted document are not changed."""
        row = self.document(name, key)
        self.fit(body, LIMITS)
        for field, value in body.items():
            if field not in EDITABLE and not field.startswith("U_") and value != row.get(field):
                raise refusal(-5002, f"Field '{field}' of a posted document cannot be updated")
        row.update(body)
        self.touch(row)

    def cancel_document(self, key: Any) -> Row:
        """POST PurchaseInvoices(n)/Cancel: a second document of the same set reverses it (docs: sap_b1 6.1)."""
        row = self.document("PurchaseInvoices", key)
        if row["CancelStatus"] != "csNo" or row["DocumentStatus"] != "bost_Open" or row["PaidToDate"]:
            raise refusal(-10, "Document is already closed, paid or cancelled", "OPCH.DocEntry", value=key)
        posting = self.posting_day(None, "OPCH.DocDate")
        reversal = copy.deepcopy(row)
        reversal |= {"CancelStatus": "csCancellation", "Cancelled": CANCELLATION_CANCELLED}
        reversal |= {"DocDate": posting.isoformat(), "DraftKey": None, "DataVersion": 0}
        for each in reversal["DocumentLines"]:
            each |= {"BaseType": 18, "BaseEntry": row["DocEntry"], "BaseLine": each["LineNum"]}
        self.file("PurchaseInvoices", reversal)
        row |= {"CancelStatus": "csYes", "Cancelled": "tYES", "CancelDate": posting.isoformat()}
        for each in (row, reversal):
            self.close_with(each)
        self.touch(row)
        self.owe(row["CardCode"], -row["DocTotal"])
        return reversal

    # --- by people -------------------------------------------------------------------------------

    def edit_invoice(self, invoice: int, **properties: Any) -> Row:
        self.patch_document("PurchaseInvoices", invoice, properties)
        return self.document("PurchaseInvoices", invoice)

    def block_invoice(self, invoice: int, blocked: bool = True) -> Row:
        return self.edit_invoice(invoice, PaymentBlock=yes(blocked))

    def cancel_invoice(self, invoice: int) -> Row:
        return self.cancel_document(invoice)

    def credit_invoice(self, invoice: int, amount: Any = None) -> Row:
        """Copy an invoice to a credit note, for the open balance or for `amount` of it; returns the credit note."""
        row = self.document("PurchaseInvoices", invoice)
        open_balance = self.balance(row)
        credit = open_balance if amount is None else money(amount)
        if row["CancelStatus"] != "csNo" or not ZERO < credit <= open_balance:
            raise refusal(-10, "Document is already closed or smaller than the credit", "ORPC.DocEntry", value=invoice)
        first = row["DocumentLines"][0]
        note = self.add_invoice(
            row["CardCode"],
            row["NumAtCard"] or "",
            lines=[{"amount": credit, "account": first["AccountCode"], "base": (18, invoice, first["LineNum"])}],
            currency=row["DocCurrency"],
            rate=row["DocRate"],
            branch=row["BPL_IDAssignedToInvoice"],
            into="PurchaseCreditNotes",
        )
        self.close_with(note)
        self.close_with(row, credit)
        self.touch(row)
        self.owe(row["CardCode"], -note["DocTotal"])
        return note

    def reconcile_invoice(self, invoice: int) -> Row:
        """Close an invoice by internal reconciliation: no payment, no credit note."""
        row = self.document("PurchaseInvoices", invoice)
        self.owe(row["CardCode"], -(row["DocTotal"] - row["PaidToDate"]))
        self.close_with(row)
        self.touch(row)
        return row
