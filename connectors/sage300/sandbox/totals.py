"""What an invoice comes to: tax of the lines and the header, and what must balance (docs: sage300 7.3, 7.4)."""

from __future__ import annotations

from decimal import Decimal

from .company import Company
from .refusals import Refusal, field
from .schema import Row

ZERO = Decimal(0)
NUMBERS = range(1, 6)


def total(company: Company, row: Row, given: Row) -> None:
    """Fill in the computed amounts of the entry `row`; `given` says which tax amounts the client has entered.

    Raises Refusal FieldInvalid for a negative total, RecordInvalid for an unbalanced one where the site refuses those.
    """
    currency = row["CurrencyCode"]
    document = company.rounded(Decimal(row.get("DocumentTotalIncludingTax", ZERO)), currency)
    if document < 0:
        raise field("negative", field="DocumentTotalIncludingTax")
    row["ExchangeRate"] = _rate(company, row, given)
    calculated = row["TaxAmountControl"] == "Calculate"
    for line in row["InvoiceDetails"]:
        _line(company, row, line, calculated)
    net = sum((line["DistributedAmountBeforeTaxes"] for line in row["InvoiceDetails"]), ZERO)
    for n in NUMBERS:
        of_lines = sum((line[f"TaxAmount{n}"] for line in row["InvoiceDetails"]), ZERO)
        entered = f"TaxAmount{n}" in row and not calculated
        row[f"TaxAmount{n}"] = company.rounded(Decimal(row[f"TaxAmount{n}"]), currency) if entered else of_lines
        if calculated or f"TaxBase{n}" not in row:
            row[f"TaxBase{n}"] = sum((line[f"BaseTax{n}"] for line in row["InvoiceDetails"]), ZERO)
    tax = sum((row[f"TaxAmount{n}"] for n in NUMBERS), ZERO)
    distributed = net + tax
    row.update(
        DocumentTotalIncludingTax=document,
        TaxTotal=tax,
        TotalDistributedTax=sum((line["TaxTotal"] for line in row["InvoiceDetails"]), ZERO),
        Taxable="Yes" if tax else "No",
        DistributedTotalBeforeTaxes=net,
        DistributedTotalIncludingTax=distributed,
        DocumentTotalBeforeTaxes=document - tax,
        UndistributedAmount=document - distributed,
        AmountDue=document,
    )
    if company.site.refuse_unbalanced and row["UndistributedAmount"]:
        raise Refusal("RecordInvalid", "unbalanced", amount=row["UndistributedAmount"])


def _rate(company: Company, row: Row, given: Row) -> Decimal:
    if given.get("ExchangeRate"):
        row["RateOverridden"] = "Yes"
        return Decimal(given["ExchangeRate"])
    if row["CurrencyCode"] == company.functional:
        return Decimal(1)
    row["RateDate"] = row.get("RateDate") or row["DocumentDate"]
    return company.rate(row["CurrencyCode"], row["RateType"], row["RateDate"])


def _line(company: Company, row: Row, line: Row, calculated: bool) -> None:
    """A line's tax: by the group's rates, or as entered; what is included in its price comes off the net amount."""
    currency = row["CurrencyCode"]
    amount = line.get("DistributedAmount", ZERO)
    inclusive = [n for n in NUMBERS if line.get(f"TaxInclusive{n}") == "Yes"]
    rates = {n: _tax_rate(company, row, line, n) for n in NUMBERS}
    base = amount / (1 + sum((rates[n] for n in inclusive), ZERO) / 100) if calculated else amount
    computed = calculated and line.get("ManualTaxEntry", "No") == "No"
    for n in NUMBERS:
        tax = base * rates[n] / 100 if computed else Decimal(line.get(f"TaxAmount{n}", ZERO))
        line[f"TaxRate{n}"] = rates[n]
        line[f"TaxAmount{n}"] = company.rounded(tax, currency)
    included = sum((line[f"TaxAmount{n}"] for n in inclusive), ZERO)
    line["TaxTotal"] = sum((line[f"TaxAmount{n}"] for n in NUMBERS), ZERO)
    line["TaxAmountIncludedInPrice"] = included
    line["DistributedAmountBeforeTaxes"] = line["GLDistributedAmount"] = amount - included
    for n in NUMBERS:
        line[f"BaseTax{n}"] = amount - included if row.get(f"TaxAuthority{n}") else ZERO


def _tax_rate(company: Company, row: Row, line: Row, n: int) -> Decimal:
    """Percent, by the vendor's tax class and the line's."""
    authority = row.get(f"TaxAuthority{n}")
    rates = company.get("TXTaxRates", authority, "Purchases", row.get(f"TaxClass{n}", 1)) if authority else None
    return Decimal((rates or {}).get(f"ItemRate{line.get(f'TaxClass{n}', 1)}", ZERO))
