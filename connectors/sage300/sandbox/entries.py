"""An invoice of a batch: properties applied in their order, the defaults they trigger (docs: sage300 3, 7.1, 15.17)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

from .company import Company
from .masters import merge_rows
from .refusals import Refusal, field
from .schema import SHAPES, Row, day, wire
from .totals import total

TRANSACTIONS = {
    "Invoice": "InvoiceSummaryEntered",
    "DebitNote": "DebitNoteSummaryEntered",
    "CreditNote": "CreditNoteSummaryEntered",
    "Interest": "InterestCharge",
}
NUMBERS = range(1, 6)
LINE_STEP = 20
INVOICE, DETAIL = SHAPES["Invoice"], SHAPES["InvoiceDetail"]
SCHEDULE, OPTIONAL = SHAPES["InvoicePaymentSchedule"], SHAPES["InvoiceOptionalField"]


class Entries:
    def __init__(self, company: Company) -> None:
        self.company = company
        self.steps: dict[str, Callable[[Row, Any], None]] = {
            "VendorNumber": self._vendor,
            "DocumentType": self._document_type,
            "DocumentDate": self._document_date,
            "PostingDate": self._posting_date,
            "Terms": self._terms,
            "TaxGroup": self._tax_group,
            "CurrencyCode": self._currency,
            "AccountSet": self._account_set,
            "DueDate": self._due_date,
        }

    def new(self, given: Row, number: int, batch: Row, user: str) -> Row:
        today = wire(self.company.today())
        row: Row = {
            "BatchNumber": batch["BatchNumber"],
            "EntryNumber": number,
            "DocumentDate": today,
            "AsOfDate": today,
            "EnteredBy": user,
            "SourceApplication": "AP",
            "TaxAmountControl": "Calculate",
        }
        self._document_type(row, "Invoice")
        return self.apply(row, {"PostingDate": batch["BatchDate"], **given}, inserting=True)

    def apply(self, row: Row, given: Row, inserting: bool = False) -> Row:
        """`row`, altered by `given` in its order. Raises Refusal.

        Details are inserted after their header, wherever the collection stands in the object [assumed].
        """
        for name, value in given.items():
            if name in INVOICE.details or name in INVOICE.computed:
                continue
            if name == "VendorNumber" and not inserting and value == row["VendorNumber"]:
                continue  # defaults come again only when the vendor changes
            if name in self.steps:
                self.steps[name](row, value)
            else:
                row[name] = value
        for name in ("VendorNumber", "DocumentNumber"):
            if not row.get(name):
                raise field("required", field=name)
        self._details(row, given.get("InvoiceDetails", []))
        self._optional(row, given, inserting)
        total(self.company, row, given)
        return self._schedule(row, given.get("InvoicePaymentSchedules", []))

    # --- header properties ---------------------------------------------------------------------------

    def _vendor(self, row: Row, number: str) -> None:
        """Resets what hangs on the vendor, whatever was set before (docs: sage300 15.17; the exact set [assumed])."""
        vendor = self.company.need("APVendors", "VendorNumber", number)
        row.update(
            VendorNumber=number,
            VendorName=vendor["VendorName"],
            VendorGroupCode=vendor["GroupCode"],
            VendorExists=1,
            CurrencyCode=vendor["CurrencyCode"],
            RateType=vendor.get("RateType", ""),
            RemitToLocation=vendor.get("PrimaryRemitToLocation", ""),
            **{f"TaxClass{each}": vendor.get(f"TaxClassCode{each}", 1) for each in NUMBERS},
        )
        self._account_set(row, vendor["AccountSet"])
        self._tax_group(row, vendor.get("TaxGroup", ""))
        self._terms(row, vendor.get("Terms", ""))

    def _document_type(self, row: Row, value: str) -> None:
        row["DocumentType"] = value
        row["TransactionType"] = TRANSACTIONS[value]

    def _document_date(self, row: Row, value: str | None) -> None:
        """Recomputes the due date, not the posting date (docs: sage300 15b)."""
        row["DocumentDate"] = row["AsOfDate"] = value or wire(self.company.today())
        self._due(row)

    def _posting_date(self, row: Row, value: str | None) -> None:
        row["PostingDate"] = value or wire(self.company.today())
        year, period = self.company.need_period(row["PostingDate"])
        row["FiscalYear"], row["FiscalPeriod"] = year, f"{period:02d}"

    def _terms(self, row: Row, code: str) -> None:
        row["Terms"] = code
        if code:
            row["TermsDescription"] = self.company.need("APTerms", "Terms", code).get("Description", "")
            self._due(row)

    def _due(self, row: Row) -> None:
        terms = self.company.get("APTerms", row.get("Terms"))
        payments = (terms or {}).get("TermsPaymentSchedule", ())
        if not payments:
            return
        first, start = payments[0], day(row["DocumentDate"])
        row["DueDate"] = wire(start + timedelta(days=payments[-1]["DueNumberOfDays"]))
        row["DiscountPercentage"] = first["DiscountPercent"]
        discount = wire(start + timedelta(days=first["DiscountNumberOfDays"]))
        row["DiscountDate"] = discount if first["DiscountPercent"] else None

    def _due_date(self, row: Row, value: str | None) -> None:
        row["DueDate"] = value
        if value is None:
            self._due(row)

    def _tax_group(self, row: Row, code: str) -> None:
        group = self.company.need("TXTaxGroups", "TaxGroup", code, "Purchases") if code else {}
        row["TaxGroup"] = code
        row["TaxGroupDescription"] = group.get("Description", "")
        row.update({f"TaxAuthority{each}": group.get(f"TaxAuthority{each}", "") for each in NUMBERS})

    def _currency(self, row: Row, code: str) -> None:
        vendor = self.company.get("APVendors", row.get("VendorNumber"))
        if vendor and code != vendor["CurrencyCode"]:
            raise field("currency", currency=vendor["CurrencyCode"])
        self.company.need("CSCurrencyCodes", "CurrencyCode", code)
        row["CurrencyCode"] = code

    def _account_set(self, row: Row, code: str) -> None:
        found = self.company.need("APAccountSets", "AccountSet", code)
        row["AccountSet"] = code
        row["AcctSetDescription"] = found.get("Description", "")

    # --- details -------------------------------------------------------------------------------------

    def _details(self, row: Row, given: list[Row]) -> None:
        lines = {line["LineNumber"]: line for line in row.get("InvoiceDetails", ())}
        for each in given:
            operation, number = each.get("UpdateOperation", "Unspecified"), each.get("LineNumber", 0)
            found = number in lines
            if operation in ("Update", "Delete") and not found:
                raise Refusal("RecordInvalid", "no_row", what="LineNumber", key=number)
            if operation == "Delete":
                del lines[number]
            elif found and operation != "Insert":
                lines[number] = self._line(row, dict(lines[number]), each)
            else:
                number = max(lines, default=0) + LINE_STEP
                fresh = {"BatchNumber": row["BatchNumber"], "EntryNumber": row["EntryNumber"], "LineNumber": number}
                lines[number] = self._line(row, {**fresh, "Discountable": "Yes", "AccountExists": 1}, each)
        row["InvoiceDetails"] = [lines[number] for number in sorted(lines)]
        row["NumberOfDetails"] = row["NumberOfDetailsDecimal"] = len(lines)

    def _line(self, header: Row, line: Row, given: Row) -> Row:
        for name, value in given.items():
            if name in DETAIL.computed:
                continue
            if name == "InvoiceDetailOptionalFields":
                line[name] = self._optional_rows(DETAIL.details[name], line.get(name, []), value, "detail")
            elif name == "DistributionCode" and value:
                code = self.company.need("APDistributionCodes", name, value)
                line.update(
                    DistributionCode=value,
                    GLAccount=code["GLAccount"],
                    DistributionDescription=code.get("Description", ""),
                    Discountable=code.get("Discountable", "No"),
                )
            elif name == "DistributedAmount":
                line[name] = self.company.rounded(Decimal(value), header["CurrencyCode"])
            else:
                line[name] = value
        if not line.get("GLAccount"):
            raise field("required", field="GLAccount")
        if given.keys() & {"GLAccount", "DistributionCode"}:
            account = self.company.need_account(line["GLAccount"], header["CurrencyCode"])
            line["AccountDescription"] = account.get("Description", "")
        for each in NUMBERS:
            line.setdefault(f"TaxClass{each}", 1)
        return line

    def _optional(self, row: Row, given: Row, inserting: bool) -> None:
        name = "InvoiceOptionalFields"
        if name in given:
            row[name] = self._optional_rows(OPTIONAL, row.get(name, []), given[name], "invoice")
            row["NumberOfOptionalFields"] = len(row[name])
        sent = {each["OptionalField"] for each in row.get(name, ())}
        for each in self.company.optional_fields:
            if inserting and each.where == "invoice" and each.required and each.name not in sent:
                raise field("optional", field=each.name)

    def _optional_rows(self, shape: Any, old: list[Row], given: list[Row], where: str) -> list[Row]:
        known = {each.name for each in self.company.optional_fields if each.where == where}
        for each in given:
            if each.get("OptionalField") not in known:
                raise field("unknown", field="OptionalField", value=each.get("OptionalField", ""))
        return merge_rows(shape, old, given)

    # --- payment schedule ----------------------------------------------------------------------------

    def _schedule(self, row: Row, given: list[Row]) -> Row:
        """Rows computed from the terms, then those sent; what they come to must be the amount due [assumed]."""
        rows = {each["PaymentNumber"]: each for each in self._computed_schedule(row)}
        for position, each in enumerate(given, 1):
            number = each.get("PaymentNumber") or position
            if each.get("UpdateOperation") == "Delete":
                rows.pop(number, None)
                continue
            values = {name: value for name, value in each.items() if name not in SCHEDULE.computed}
            rows[number] = {**rows.get(number, {"AmountDue": Decimal(0)}), **values, "PaymentNumber": number}
        row["InvoicePaymentSchedules"] = [rows[number] for number in sorted(rows)]
        row["NumberOfScheduledPayments"] = len(rows)
        if given and rows:
            row["DueDate"] = rows[max(rows)].get("DueDate", row.get("DueDate"))
        if sum((each["AmountDue"] for each in rows.values()), Decimal(0)) != row["AmountDue"]:
            raise Refusal("RecordInvalid", "schedule")
        return row

    def _computed_schedule(self, row: Row) -> list[Row]:
        due, currency = row["AmountDue"], row["CurrencyCode"]
        same = {"BatchNumber": row["BatchNumber"], "EntryNumber": row["EntryNumber"]}
        terms = self.company.get("APTerms", row.get("Terms")) or {}
        if terms.get("UsePaymentSchedule") != "Yes":
            discount = self.company.rounded(due * row.get("DiscountPercentage", Decimal(0)) / 100, currency)
            row["DiscountAmountAvailable"] = discount
            only = {"DueDate": row.get("DueDate"), "AmountDue": due}
            more = {"DiscountDate": row.get("DiscountDate"), "DiscountAmount": discount}
            return [{**same, "PaymentNumber": 1, **only, **more}]
        rows, left, start = [], due, day(row["DocumentDate"])
        payments = terms["TermsPaymentSchedule"]
        for number, each in enumerate(payments, 1):
            part = (
                left if number == len(payments) else self.company.rounded(due * each["PercentageDue"] / 100, currency)
            )
            left -= part
            when = wire(start + timedelta(days=each["DueNumberOfDays"]))
            rows.append({**same, "PaymentNumber": number, "DueDate": when, "AmountDue": part})
        return rows
