"""Vendors: the group's defaults in property order, references, what may change and what not (docs: sage300 6.1)."""

from __future__ import annotations

from typing import Any

from .company import Company, Key
from .masters import Master, merge_rows
from .refusals import Refusal, field
from .schema import Row, wire

REQUIRED = ("VendorNumber", "GroupCode", "VendorName")
# vendor property -> its group's
FROM_GROUP = {
    "AccountSet": "AccountSet",
    "CurrencyCode": "CurrencyCode",
    "RateType": "RateType",
    "Terms": "Terms",
    "TaxGroup": "TaxGroup",
    "BankCode": "BankCode",
    "PaymentCode": "PaymentCode",
    "PrintSeparateChecks": "PrintSeparateChecks",
    "DistributionType": "DistributionType",
    "DistributionSet": "DistributionSet",
    "DistributionCode": "DistributionCode",
    "GLAccount": "GeneralLedgerAccountNumber",
    "DuplicateAmountCode": "DuplicateAmountCode",
    "DuplicateDateCode": "DuplicateDateCode",
}
REFERENCES = {
    "AccountSet": "APAccountSets",
    "Terms": "APTerms",
    "BankCode": "BKBanks",
    "PaymentCode": "APPaymentCodes",
    "DistributionCode": "APDistributionCodes",
    "DistributionSet": "APDistributionSets",
}


class Vendors(Master):
    def __init__(self, company: Company) -> None:
        super().__init__(company, "APVendors")

    def delete(self, key: Key) -> None:
        """Refused while documents exist (docs: sage300 6.1)."""
        self.find(key)
        number = key[0]
        documents = [*self.company.entered, *self.company.tables["APPostedDocuments"]]
        if any(vendor == number for vendor, _ in documents):
            raise Refusal("General", "in_use", what="Vendor", key=number)
        super().delete(key)

    def kept(self, old: Row) -> Row:
        return {name: value for name, value in old.items() if name in self.shape.computed}

    def apply(self, row: Row, given: Row) -> Row:
        for name, value in given.items():
            self._set(row, name, value)
        for name in REQUIRED:
            if not row.get(name):
                raise field("required", field=name)
        self._check(row, self.table.get((row["VendorNumber"],), {}))
        row["DateLastMaintained"] = wire(self.company.today())
        return row

    def _set(self, row: Row, name: str, value: Any) -> None:
        if name in self.shape.computed:
            return
        if name == "GroupCode":
            if value != row.get("GroupCode"):
                self._take_group(row, value)
        elif name == "VendorOptionalFieldValues":
            row[name] = merge_rows(self.shape.details[name], row.get(name, []), value)
            row["NumberOfOptionalFields"] = len(row[name])
        elif name == "DistributionType" and value != row.get(name):
            kept = value if value != "None" else ""
            row.update({each: "" for each in ("DistributionSet", "DistributionCode", "GLAccount") if each != kept})
            row[name] = value
        else:
            if name in REFERENCES and value:
                self.company.need(REFERENCES[name], name, value)
            row[name] = value

    def _take_group(self, row: Row, code: str) -> None:
        """Setting the group replaces what was chosen before it (docs: sage300 6.1)."""
        group = self.company.need("APVendorGroups", "GroupCode", code)
        row["GroupCode"] = code
        for name, source in FROM_GROUP.items():
            row[name] = group.get(source, self.shape.blank[name])
        row.update({f"TaxClassCode{number}": 1 for number in range(1, 6)})

    def _check(self, row: Row, old: Row) -> None:
        company = self.company
        accounts = company.need("APAccountSets", "AccountSet", row["AccountSet"])
        currency = accounts["CurrencyCodeForAccount"]
        if row["CurrencyCode"] != currency:
            raise field("currency", currency=currency)
        if old and old["CurrencyCode"] != row["CurrencyCode"]:
            raise field("immutable", field="CurrencyCode")
        if row.get("TaxGroup"):
            company.need("TXTaxGroups", "TaxGroup", row["TaxGroup"], "Purchases")
        if row.get("GLAccount") and row["GLAccount"] != old.get("GLAccount"):
            company.need_account(row["GLAccount"], currency)
        self._check_status(row, old)
        self._check_optional(row, inserting=not old)

    def _check_status(self, row: Row, old: Row) -> None:
        status = row.get("Status", "Active")
        if status == old.get("Status", "Active"):
            return
        if status == "Inactive" and row.get("BalanceDueInVendorCurrency"):
            raise Refusal("General", "balance", vendor=row["VendorNumber"])
        row["InactiveDate"] = wire(self.company.today()) if status == "Inactive" else None

    def _check_optional(self, row: Row, inserting: bool) -> None:
        defined = {each.name: each for each in self.company.optional_fields if each.where == "vendor"}
        sent = {each["OptionalField"] for each in row.get("VendorOptionalFieldValues", ())}
        for name in sent - defined.keys():
            raise field("unknown", field="OptionalField", value=name)
        for each in defined.values():
            if inserting and each.required and each.name not in sent:
                raise field("optional", field=each.name)
