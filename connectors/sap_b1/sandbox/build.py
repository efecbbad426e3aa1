"""Makes the rows of a marketing document from plain facts, with amounts that add up to the cent.

In both columns, local and foreign:
DocTotal = lines - TotalDiscount + freight + VatSum + RoundingDiffAmount - WTAmount - DownPaymentAmount,
withholding only of the category that is deducted in the invoice ("I", not "P", deducted when paying).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from .books import ZERO, money
from .tables import Row

TAXED, EXEMPT = "CA", "EX"
HUNDRED = Decimal(100)
PRICE = Decimal("0.000001")


@dataclass(frozen=True, slots=True)
class Exchange:
    """The currency of a document. `local` and `foreign` give an amount in the columns of a row."""

    currency: str
    rate: Decimal
    is_foreign: bool

    def local(self, amount: Decimal) -> Decimal:
        return money(amount * self.rate) if self.is_foreign else amount

    def foreign(self, amount: Decimal) -> Decimal:
        return amount if self.is_foreign else ZERO

    def columns(self, amount: Decimal, local: str, foreign: str, system: str = "") -> Row:
        row = {local: self.local(amount), foreign: self.foreign(amount)}
        return {**row, system: self.local(amount)} if system else row


@dataclass(frozen=True, slots=True)
class Amounts:
    """What stands beside the lines, in the document's currency; `discount` and `tax_rate` in percent."""

    discount: Decimal = ZERO
    freight: Decimal = ZERO
    freight_tax_rate: Decimal = ZERO
    rounding: Decimal = ZERO
    withholding: Decimal = ZERO
    withholding_category: str = "I"
    down_payment: Decimal = ZERO


def line(number: int, facts: Row, exchange: Exchange, discount: Decimal, items: bool) -> Row:
    """A row of DocumentLines. facts: amount, account (a Code); description, rules {dimension: rule}, tax_rate,
    item, quantity, project, base (type, entry, line), line_num."""
    net = money(facts["amount"])
    quantity = Decimal(str(facts.get("quantity", 1)))
    tax_rate = Decimal(str(facts.get("tax_rate", 0)))
    tax = money(net * (HUNDRED - discount) / HUNDRED * tax_rate / HUNDRED)
    rules = {int(dimension): rule for dimension, rule in (facts.get("rules") or {}).items()}
    price = (net / quantity).quantize(PRICE) if items else net
    base_type, base_entry, base_line = facts.get("base") or (-1, None, None)
    return {
        "LineNum": facts.get("line_num", number),
        "ItemCode": facts.get("item", "A00001") if items else None,
        "ItemDescription": facts.get("description", ""),
        "Quantity": quantity if items else ZERO,
        "UnitPrice": price,
        "Price": price,
        "Currency": exchange.currency,
        "Rate": exchange.rate if exchange.is_foreign else ZERO,
        "DiscountPercent": ZERO,
        **exchange.columns(net, "LineTotal", "RowTotalFC", "RowTotalSC"),
        "TaxCode": TAXED if tax_rate else EXEMPT,
        "VatGroup": None,
        "TaxPercentagePerRow": tax_rate,
        "TaxTotal": exchange.local(tax),
        **exchange.columns(tax, "NetTaxAmount", "NetTaxAmountFC", "NetTaxAmountSC"),
        "AccountCode": facts["account"],
        "CostingCode": rules.get(1),
        **{f"CostingCode{dimension}": rules.get(dimension) for dimension in range(2, 6)},
        "ProjectCode": facts.get("project"),
        "BaseType": base_type,
        "BaseEntry": base_entry,
        "BaseLine": base_line,
        "LineType": "dlt_Regular",
        "LineStatus": "bost_Open",
        "WTLiable": "tNO",
    }


def freight_rows(amounts: Amounts, exchange: Exchange) -> list[Row]:
    if not amounts.freight:
        return []
    tax = money(amounts.freight * amounts.freight_tax_rate / HUNDRED)
    row: Row = {
        "LineNum": 0,
        "ExpenseCode": 1,
        "Remarks": "Freight",
        **exchange.columns(amounts.freight, "LineTotal", "LineTotalFC", "LineTotalSys"),
        "TaxCode": TAXED if tax else EXEMPT,
        "VatGroup": None,
        "TaxPercent": amounts.freight_tax_rate,
        **exchange.columns(tax, "TaxSum", "TaxSumFC", "TaxSumSys"),
        "DistributionMethod": "aedm_None",
        "DistributionRule": None,
        "Project": None,
    }
    return [row]


def withholding_rows(amounts: Amounts, exchange: Exchange, net: Decimal) -> list[Row]:
    if not amounts.withholding:
        return []
    row: Row = {
        "LineNum": 0,
        "WTCode": "WT01",
        "Category": amounts.withholding_category,
        "Rate": money(amounts.withholding / net * HUNDRED),
        **exchange.columns(net, "TaxableAmount", "TaxableAmountFC", "TaxableAmountinSys"),
        **exchange.columns(amounts.withholding, "WTAmount", "WTAmountFC", "WTAmountSys"),
    }
    return [row]


def instalments(parts: Sequence[tuple[date, Decimal]], local: Decimal, foreign: Decimal) -> list[Row]:
    """Due dates and percentages -> rows that add up to what is payable; the last one takes what rounding leaves."""
    rows: list[Row] = []
    for number, (due, percent) in enumerate(parts, start=1):
        last = number == len(parts)
        rows.append(
            {
                "InstallmentId": number,
                "DueDate": due.isoformat(),
                "Percentage": percent,
                "Total": local - sum(r["Total"] for r in rows) if last else money(local * percent / HUNDRED),
                "TotalFC": foreign - sum(r["TotalFC"] for r in rows) if last else money(foreign * percent / HUNDRED),
                "PaymentOrdered": "tNO",
                "PaidToDate": ZERO,
                "PaidToDateFC": ZERO,
            }
        )
    return rows


def equal_parts(count: int, first_due: date, days: int = 30) -> list[tuple[date, Decimal]]:
    """`count` parts of the same percentage, `days` apart; the last percentage makes it a hundred."""
    share = (HUNDRED / count).quantize(Decimal("0.000001"))
    shares = [share] * (count - 1) + [HUNDRED - share * (count - 1)]
    return [(first_due + timedelta(days=days * index), percent) for index, percent in enumerate(shares)]


def amounts_of(lines: Sequence[Row], amounts: Amounts, exchange: Exchange, net: Decimal) -> Row:
    """The header's amounts. `net`: the lines in the document's currency."""
    freight = freight_rows(amounts, exchange)
    discount = money(net * amounts.discount / HUNDRED)
    withheld = amounts.withholding if amounts.withholding_category == "I" else ZERO

    def total(
        line_column: str, tax_column: str, freight_column: str, freight_tax: str, foreign: bool
    ) -> tuple[Decimal, Decimal]:
        side = exchange.foreign if foreign else exchange.local
        tax = sum((row[tax_column] for row in lines), ZERO) + sum((row[freight_tax] for row in freight), ZERO)
        gross = sum((row[line_column] for row in lines), ZERO) + sum((row[freight_column] for row in freight), ZERO)
        rest = side(amounts.rounding) - side(discount) - side(withheld) - side(amounts.down_payment)
        return tax, gross + tax + rest

    local_tax, local_total = total("LineTotal", "TaxTotal", "LineTotal", "TaxSum", foreign=False)
    foreign_tax, foreign_total = total("RowTotalFC", "NetTaxAmountFC", "LineTotalFC", "TaxSumFC", foreign=True)
    withholding = withholding_rows(amounts, exchange, net)
    return {
        "DocTotal": local_total,
        "DocTotalFc": foreign_total,
        "DocTotalSys": local_total,
        "VatSum": local_tax,
        "VatSumFc": foreign_tax,
        "VatSumSys": local_tax,
        "DiscountPercent": amounts.discount,
        **exchange.columns(discount, "TotalDiscount", "TotalDiscountFC", "TotalDiscountSC"),
        "Rounding": "tYES" if amounts.rounding else "tNO",
        **exchange.columns(amounts.rounding, "RoundingDiffAmount", "RoundingDiffAmountFC", "RoundingDiffAmountSC"),
        **exchange.columns(amounts.withholding, "WTAmount", "WTAmountFC", "WTAmountSC"),
        **exchange.columns(amounts.down_payment, "DownPaymentAmount", "DownPaymentAmountFC", "DownPaymentAmountSC"),
        "DocumentAdditionalExpenses": freight,
        "WithholdingTaxDataCollection": withholding,
        "WithholdingTaxDataWTXCollection": [],
    }


def payable(header: Row) -> tuple[Decimal, Decimal]:
    """What has to be paid, local and foreign: the total less withholding that is deducted when paying."""
    later = [row for row in header["WithholdingTaxDataCollection"] if row["Category"] == "P"]
    local: Any = header["DocTotal"] - sum(row["WTAmount"] for row in later)
    foreign: Any = header["DocTotalFc"] - sum(row["WTAmountFC"] for row in later)
    return local, foreign
