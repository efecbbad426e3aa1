"""Master data that everything else refers to: accounts, cost objects, currencies and rates, banks, branches, terms."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from .books import Books, Day, refusal, yes
from .tables import Row

TITLES = (("1", "Assets"), ("2", "Liabilities"), ("5", "Cost of Sales"), ("6", "Expenses"))
# number with division, name, type
ACCOUNTS = (
    ("1010-01", "Operating Bank", "at_Other"),
    ("1020-01", "Payment Clearing", "at_Other"),
    ("2010-01", "Accounts Payable", "at_Other"),
    ("2030-01", "Down Payments to Vendors", "at_Other"),
    ("2110-01", "Sales Tax Payable", "at_Other"),
    ("2120-01", "Withholding Tax Payable", "at_Other"),
    ("5010-01", "Materials", "at_Expenses"),
    ("5020-01", "Subcontractors", "at_Expenses"),
    ("5030-01", "Freight In", "at_Expenses"),
    ("6010-01", "Office Supplies", "at_Expenses"),
    ("6010-02", "Office Supplies West", "at_Expenses"),
    ("6020-01", "Professional Fees", "at_Expenses"),
    ("6030-01", "Utilities", "at_Expenses"),
    ("6040-01", "Rent", "at_Expenses"),
    ("6050-01", "Repairs and Maintenance", "at_Expenses"),
    ("6060-01", "Insurance", "at_Expenses"),
    ("6070-01", "Software Subscriptions", "at_Expenses"),
    ("6990-01", "Rounding Differences", "at_Expenses"),
)
CASH, CONTROL = ("1010-01", "1020-01"), ("2010-01",)
DIMENSIONS = ("Department", "Region", "", "", "")  # the five that there are; unnamed ones are not in use
CENTERS = (
    ("ADMIN", "Administration", 1),
    ("SALES", "Sales", 1),
    ("OPS", "Operations", 1),
    ("EAST", "Region East", 2),
    ("WEST", "Region West", 2),
)
INTERNATIONAL = {"$": "USD", "US$": "USD", "C$": "CAD", "£": "GBP"}
CURRENCIES = (("EUR", "Euro", "EUR"), ("C$", "Canadian Dollar", "CAD"), ("GBP", "British Pound", "GBP"))
# group number, name, additional days, instalments
TERMS = ((-1, "Due on receipt", 0, 1), (1, "Net 30", 30, 1), (2, "Net 10", 10, 1), (3, "Three instalments", 30, 3))


class Masters(Books):
    """Fills a new company with the reference data above, and changes it as people do."""

    def open_company(self) -> None:
        for number, name in TITLES:
            self.add_account(f"{number}0000000", name, title=True)
        for number, name, kind in ACCOUNTS:
            self.add_account(number, name, type=kind)
        for numerator, (name, size) in enumerate((("Account", 4), ("Division", 2)) if self.segmentation else ()):
            self.table("AccountSegmentations")[numerator] = {
                "Numerator": numerator,
                "Name": name,
                "Size": size,
                "Type": "ast_Alphanumeric",
                "AccountSegmentationsCategories": [],
            }
        for dimension, name in enumerate(DIMENSIONS, start=1):
            self.table("Dimensions")[dimension] = {
                "DimensionCode": dimension,
                "DimensionName": f"Dimension {dimension}",
                "DimensionDescription": name or f"Dimension {dimension}",
                "IsActive": yes(bool(name)),
            }
        for center, name, dimension in CENTERS:
            self.add_center(center, name, dimension)
            self.add_rule(center, name, dimension)
        self.add_rule("SPLIT", "Admin and sales, half each", 1, {"ADMIN": 50, "SALES": 50})
        self.add_rule("OLD", "Former department", 1, {"OPS": 100}, active=False)
        local = INTERNATIONAL.get(self.local_currency, self.local_currency)
        self.add_currency(self.local_currency, "Local currency", local)
        for currency, name, international in CURRENCIES:
            if currency != self.local_currency:
                self.add_currency(currency, name, international)
        self.add_bank("FCB", "400100200300", "1010-01", "First Cascade Bank")
        self.add_bank("CLR", "900900900900", "1020-01", "Payment clearing")
        for branch, name in ((1, "Main"), (2, "West")):
            self.table("BusinessPlaces")[branch] = {
                "BPLID": branch,
                "BPLName": name,
                "MainBPL": yes(branch == 1),
                "Disabled": "tNO",
            }
        for group, name, days, instalments in TERMS:
            self.table("PaymentTermsTypes")[group] = {
                "GroupNumber": group,
                "PaymentTermsGroupName": name,
                "StartFrom": "pdt_None",
                "NumberOfAdditionalMonths": 0,
                "NumberOfAdditionalDays": days,
                "BaselineDate": "bld_TaxDate",
                "NumberOfInstallments": instalments,
            }
        self.add_project("P-100", "Warehouse refit")

    # --- accounts --------------------------------------------------------------------------------

    def add_account(
        self, number: str, name: str, *, type: str = "at_Other", title: bool = False, active: bool = True
    ) -> Row:
        """`number` as people read it ("6010-01"). Title accounts keep it as their Code; with segmentation the others
        get an internal `_SYS` Code and the number, without separators, as FormatCode."""
        plain = number.replace("-", "")
        hidden = self.segmentation and not title
        code = f"_SYS{self.next('account'):011d}" if hidden else plain
        row: Row = {
            "Code": code,
            "Name": name,
            "FormatCode": plain if hidden else None,
            "ForeignName": None,
            "ExternalCode": None,
            "ActiveAccount": yes(not title),
            "AccountType": type,
            "FatherAccountKey": None if title else f"{plain[:1]}0000000",
            "AccountLevel": 1 if title else 2,
            "CashAccount": yes(number in CASH),
            "LockManualTransaction": yes(number in CONTROL),
            "BlockManualPosting": "tNO",
            "AcctCurrency": "##",
            "ValidFor": "tNO",
            "ValidFrom": None,
            "ValidTo": None,
            "FrozenFor": yes(not active),
            "FrozenFrom": None,
            "FrozenTo": None,
            "BPLID": None,
            "DistributionRuleRelevant": yes(type == "at_Expenses"),
            "DefaultVatGroup": None,
            "ProjectCode": None,
        }
        self.table("ChartOfAccounts")[code] = row
        return row

    def account(self, text: str) -> str:
        """The Code behind a Code, a FormatCode or a number with separators: a convenience of the sandbox alone."""
        accounts = self.table("ChartOfAccounts")
        if text in accounts:
            return text
        plain = text.replace("-", "")
        for code, row in accounts.items():
            if plain in (code, row["FormatCode"]):
                return str(code)
        raise refusal(-2028, "No matching records found (ODBC -2028)", "OACT.AcctCode", value=text)

    # --- cost objects ----------------------------------------------------------------------------

    def add_center(self, code: str, name: str, dimension: int = 1) -> Row:
        row: Row = {
            "CenterCode": code,
            "CenterName": name,
            "GroupCode": None,
            "InWhichDimension": dimension,
            "EffectiveFrom": "2020-01-01",
            "EffectiveTo": None,
            "Active": "tYES",
        }
        self.table("ProfitCenters")[code] = row
        return row

    def add_rule(
        self,
        code: str,
        name: str = "",
        dimension: int = 1,
        centers: dict[str, Any] | None = None,
        active: bool = True,
    ) -> Row:
        """`centers`: what each cost centre bears; without it a direct rule for the centre of the same code."""
        shares = {center: Decimal(str(share)) for center, share in (centers or {code: 100}).items()}
        row: Row = {
            "FactorCode": code,
            "FactorDescription": name or code,
            "TotalFactor": sum(shares.values()),
            "Direct": "N" if centers else "Y",
            "InWhichDimension": dimension,
            "Active": yes(active),
            "IsFixedAmount": "tNO",
            "DistributionRuleLines": [
                {"CenterCode": center, "TotalInCenter": share, "EffectiveFrom": "2020-01-01", "EffectiveTo": None}
                for center, share in shares.items()
            ],
        }
        self.table("DistributionRules")[code] = row
        return row

    def add_project(self, code: str, name: str) -> Row:
        row: Row = {"Code": code, "Name": name, "ValidFrom": None, "ValidTo": None, "Active": "tYES"}
        self.table("Projects")[code] = row
        return row

    # --- money -----------------------------------------------------------------------------------

    def add_currency(self, code: str, name: str, international: str) -> Row:
        row: Row = {
            "Code": code,
            "Name": name,
            "DocumentsCode": international,
            "InternationalDescription": name,
            "Decimals": "cdDefault",
            "Rounding": "rsNoRounding",
            "RoundingInPayment": "tNO",
        }
        self.table("Currencies")[code] = row
        return row

    def set_rate(self, currency: str, rate: Any, date: Day | None = None, until: Day | None = None) -> Row:
        """Enter the rate of one day, or of every day `until` another; today by default. None takes it away."""
        self.require("Currencies", currency, "ORTT.Currency")
        day, last = self.day(date), self.day(until, self.day(date))
        while day <= last:
            if rate is None:
                self.rates.pop((currency, day.isoformat()), None)
            else:
                self.rates[currency, day.isoformat()] = Decimal(str(rate))
            day += timedelta(days=1)
        return {"currency": currency, "rate": rate}

    def add_bank(self, bank: str, number: str, account: str, name: str) -> Row:
        entry = self.next("HouseBankAccounts")
        row: Row = {
            "AbsoluteEntry": entry,
            "BankCode": bank,
            "AccNo": number,
            "AccountName": name,
            "Branch": None,
            "Country": "US",
            "GLAccount": self.account(account),
            "IBAN": None,
            "BICSwiftCode": None,
        }
        self.table("HouseBankAccounts")[entry] = row
        return row

    # --- periods and fields ----------------------------------------------------------------------

    def close_period(self, period: str) -> Row:
        """Lock a month, "YYYY-MM"."""
        self.closed_periods.add(period)
        return {"closed": sorted(self.closed_periods)}

    def open_period(self, period: str) -> Row:
        self.closed_periods.discard(period)
        return {"closed": sorted(self.closed_periods)}

    def add_user_field(self, table: str, name: str, size: int = 40) -> Row:
        """A user-defined field as the customer adds it; `name` without "U_" (docs: sap_b1 6.6)."""
        field = self.next("UserFieldsMD", first=0)
        row: Row = {
            "Name": name,
            "Type": "db_Alpha",
            "Size": size,
            "Description": name,
            "SubType": "st_None",
            "TableName": table,
            "FieldID": field,
            "EditSize": size,
            "Mandatory": "tNO",
            "DefaultValue": None,
            "ValidValuesMD": [],
        }
        self.table("UserFieldsMD")[field] = row
        return row
