"""The reference data of a sample company, and records made of plain facts."""

from __future__ import annotations

import calendar
import random
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from .company import PERIODS, Company
from .schema import Row, wire

# code, description, more. Four characters and a department: 6200100 is 6200-100.
ACCOUNTS: tuple[tuple[str, str, Row], ...] = (
    ("1000", "Bank account, operating", {"AccountType": "BalanceSheet"}),
    ("1300", "Inventory", {"AccountType": "BalanceSheet"}),
    ("1310", "Inventory control", {"AccountType": "BalanceSheet", "ControlAccount": "Yes",
                                   "ControlAccountSubledgers": [{"AccountNumber": "1310", "Subledger": "IC"}]}),
    ("1440", "Prepaid expenses", {"AccountType": "BalanceSheet"}),
    ("2015", "Accounts payable, USD", {"AccountType": "BalanceSheet", "NormalBalanceDRCR": "Credit",
                                       "ControlAccount": "Yes",
                                       "ControlAccountSubledgers": [{"AccountNumber": "2015", "Subledger": "AP"}]}),
    ("2020", "Accounts payable, CAD", {"AccountType": "BalanceSheet", "NormalBalanceDRCR": "Credit",
                                       "Multicurrency": "Yes"}),
    ("6000", "Expenses", {"RollupSwitch": "Yes"}),
    ("6200100", "Office supplies, sales", {}),
    ("6200200", "Office supplies, operations", {}),
    ("6260100", "Freight, sales", {}),
    ("6260200", "Freight, operations", {}),
    ("6300100", "Professional fees", {"Multicurrency": "Yes"}),
    ("6400100", "Utilities", {}),
    ("6500100", "Repairs and maintenance",
     {"Multicurrency": "Yes", "SpecificCurrency": "SpecificCurrencies",
      "AccountValidCurrencies": [{"AccountNumber": "6500100", "CurrencyCode": "CAD"}]}),
    ("6550", "Purchase discounts", {}),
    ("6600100", "Insurance", {}),
    ("6700100", "Subcontractors", {"PostToAccount": "Consolidated"}),
    ("6950100", "Miscellaneous (closed)", {"Status": "Inactive"}),
    ("6960100", "Depreciation (system only)", {"PostToAccount": "Prohibited"}),
    ("6990100", "Rounding", {}),
)  # fmt: skip
ACCOUNT_SETS = (
    ("USA", "Payables, USD", "USD", "2015"),
    ("CAN", "Payables, CAD", "CAD", "2020"),
    ("JAP", "Payables, JPY", "JPY", "2020"),
)
# code, account set, currency, tax group, account, status
GROUPS = (
    ("TRADE", "Trade suppliers", "USA", "USD", "USDTAX", "", "Active"),
    ("SERV", "Services", "USA", "USD", "EXEMPT", "6300100", "Active"),
    ("CADGRP", "Canadian suppliers", "CAN", "CAD", "BCTAX", "", "Active"),
    ("JPYGRP", "Japanese suppliers", "JAP", "JPY", "EXEMPT", "", "Active"),
    ("OLD", "Former suppliers", "USA", "USD", "EXEMPT", "", "Inactive"),
)
# code, days until due by payment, discount per cent, its days
TERMS = (
    ("N30", "Net 30 days", (30,), 0, 0),
    ("N60", "Net 60 days", (60,), 0, 0),
    ("2N30", "2% 10 days, net 30", (30,), 2, 10),
    ("HALF", "Half in 30, half in 60 days", (30, 60), 0, 0),
)
# group, authority 1, authority 2; authority -> per cent for class 1 buyers and items, class 2 is exempt
TAX_GROUPS = (("USDTAX", "STATE", "LOCAL"), ("BCTAX", "GST", ""), ("EXEMPT", "NOTAX", ""))
TAX_RATES = {"STATE": "6.25", "LOCAL": "2", "GST": "5", "NOTAX": "0"}
CURRENCIES = (("USD", "US dollars", 2), ("CAD", "Canadian dollars", 2), ("JPY", "Japanese yen", 0))
RATES = {"CAD": "0.74", "JPY": "0.0067"}


def stock(company: Company, name: str) -> None:
    """Reference data: functional currency USD, the fiscal years around today, months as periods."""
    company.put(
        "CSCompanyProfile",
        {"CompanyID": company.code, "CompanyName": name, "Country": "USA", "FunctionalCurrency": "USD",
         "MulticurrencyAccounting": "Yes"},
    )  # fmt: skip
    year = company.today().year
    for each in range(year - 2, year + 2):
        company.put("CSFiscalCalendars", _fiscal_year(each))
    _stock_money(company)
    _stock_taxes(company)
    for code, text, more in ACCOUNTS:
        put_account(company, code, text, **more)
    _stock_payables(company)


def _fiscal_year(year: int) -> Row:
    row: Row = {"FiscalYear": str(year), "NumberOfFiscalPeriods": PERIODS}
    for month in range(1, PERIODS + 1):
        row[f"FiscalPeriod{month}StartDate"] = wire(date(year, month, 1))
        row[f"FiscalPeriod{month}EndDate"] = wire(date(year, month, calendar.monthrange(year, month)[1]))
        row[f"FiscalPeriod{month}Status"] = "Open"
    return row


def _stock_money(company: Company) -> None:
    for code, text, places in CURRENCIES:
        company.put("CSCurrencyCodes", {"CurrencyCodeKey": code, "Description": text, "DecimalPlaces": f"Num{places}"})
    company.put("CSCurrencyRateTypes", {"RateTypeKey": "SP", "Description": "Spot rate"})
    start = wire(date(company.today().year - 2, 1, 1))
    rates = [
        {"ToCurrency": "USD", "RateType": "SP", "FromCurrency": code, "RateDate": start, "Rate": Decimal(rate)}
        for code, rate in RATES.items()
    ]
    company.put("CSCurrencyRates", {"ToCurrency": "USD", "RateType": "SP", "CurrencyRateDetail": rates})
    for code, currency in (("SEATAC", "USD"), ("CCB", "CAD")):
        company.put("BKBanks", {"BankCode": code, "Description": f"{currency} bank", "CurrencyCode": currency})


def _stock_taxes(company: Company) -> None:
    for code, first, second in TAX_GROUPS:
        same = {
            "TaxGroupKey": code,
            "Description": f"Tax group {code}",
            "TaxAuthority1": first,
            "TaxAuthority2": second,
        }
        for kind in ("Purchases", "Sales"):
            company.put("TXTaxGroups", {**same, "TransactionType": kind})
    for code, rate in TAX_RATES.items():
        company.put("TXTaxAuthorities", {"TaxAuthorityKey": code, "Description": f"Authority {code}"})
        for buyer in (1, 2):
            taxed = Decimal(rate) if buyer == 1 else Decimal(0)
            rates = {"ItemRate1": taxed, "ItemRate2": Decimal(0)}
            company.put(
                "TXTaxRates", {"TaxAuthority": code, "TransactionType": "Purchases", "BuyerClass": buyer, **rates}
            )


def _stock_payables(company: Company) -> None:
    for code, text, currency, control in ACCOUNT_SETS:
        accounts = {"PayablesControlAccount": control, "DiscountsAccount": "6550", "PrepaymentAccount": "1440"}
        accounts_of: Row = {"AccountSetCode": code, "Description": text, "CurrencyCodeForAccount": currency, **accounts}
        company.put("APAccountSets", accounts_of)
    for code, text, days, percent, discount_days in TERMS:
        payments: list[Row] = [
            {"TermsCode": code, "PaymentNumber": number * 20, "PercentageDue": Decimal(100) / len(days),
             "DiscountPercent": Decimal(percent), "DiscountNumberOfDays": discount_days, "DueNumberOfDays": due}
            for number, due in enumerate(days, 1)
        ]  # fmt: skip
        several = "Yes" if len(days) > 1 else "No"
        row: Row = {
            "TermsCode": code,
            "Description": text,
            "UsePaymentSchedule": several,
            "NumberOfPayments": len(days),
        }
        company.put("APTerms", {**row, "TotalPercentageDue": Decimal(100), "TermsPaymentSchedule": payments})
    for code in ("CHECK", "EFT"):
        company.put("APPaymentCodes", {"PaymentCodeKey": code, "Description": code.title()})
    for code, text, account in (("INV", "Inventory", "1300"), ("OFFICE", "Office supplies", "6200100")):
        row = {"DistributionCodeKey": code, "Description": text, "GLAccount": account, "Discountable": "Yes"}
        company.put("APDistributionCodes", row)
    for code, text, account_set, currency, taxes, account, status in GROUPS:
        company.put(
            "APVendorGroups",
            {"GroupCode": code, "Description": text, "Status": status, "AccountSet": account_set, "RateType": "SP",
             "CurrencyCode": currency, "BankCode": "SEATAC" if currency == "USD" else "CCB", "Terms": "N30",
             "TaxGroup": taxes, "PaymentCode": "CHECK", "GeneralLedgerAccountNumber": account},
        )  # fmt: skip


def put_account(company: Company, number: str, description: str, **more: Any) -> Row:
    parts = [part for part in (number[:4], number[4:]) if part]
    segments = {f"AccountSegmentCode{i}": part for i, part in enumerate(parts, 1)}
    row = {"UnformattedAccount": number, "AccountNumber": "-".join(parts), "Description": description}
    return company.put("GLAccounts", {**row, "StructureCode": "MAIN", **segments, **more})


def vendor_body(number: str, name: str, group: str, **fields: Any) -> Row:
    return {"VendorNumber": number, "GroupCode": group, "VendorName": name, **fields}


def invoice_body(
    vendor: str,
    document: str,
    lines: list[tuple[str, Any]],
    day: str,
    total: Any = None,
    document_type: str = "Invoice",
    **fields: Any,
) -> Row:
    """An entry as a client would send it: tax entered as none, the total what the lines come to unless given.

    lines: (account, amount). day: `yyyy-MM-dd`, document and posting date.
    """
    amounts = [Decimal(str(amount)) for _, amount in lines]
    return {
        "VendorNumber": vendor,
        "DocumentType": document_type,
        "DocumentNumber": document,
        "DocumentDate": day,
        "PostingDate": day,
        "TaxAmountControl": "Enter",
        "DocumentTotalIncludingTax": sum(amounts) if total is None else Decimal(str(total)),
        **fields,
        "InvoiceDetails": [
            {"GLAccount": account, "DistributionDescription": "As invoiced", "DistributedAmount": amount}
            for (account, _), amount in zip(lines, amounts, strict=True)
        ],
    }


def generated_invoices(
    company: Company, vendors: list[str], count: int, seed: int, most_lines: int, prefix: str
) -> list[Row]:
    """Entries over random vendors, active expense accounts and the last 30 days, the same for the same seed."""
    rng = random.Random(seed)
    accounts = [
        row["UnformattedAccount"]
        for row in company.tables["GLAccounts"].values()
        if row["UnformattedAccount"].startswith("6")
        and row.get("Status") != "Inactive"
        and row.get("PostToAccount") != "Prohibited"
        and row.get("RollupSwitch") != "Yes"
    ]
    made = []
    for number in range(count):
        lines = [
            (rng.choice(accounts), Decimal(rng.randrange(500, 500_000)).scaleb(-2))
            for _ in range(rng.randint(1, most_lines))
        ]
        day = company.today() - timedelta(days=rng.randrange(30))
        made.append(invoice_body(rng.choice(vendors), f"{prefix}{number:07d}", lines, day.isoformat()))
    return made
