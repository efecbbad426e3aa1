"""Vendors (`BusinessPartners`), made by people and by API (docs: sap_b1 6.3)."""

from __future__ import annotations

import copy
from decimal import Decimal
from typing import Any

from .books import ZERO, Day, refusal, yes
from .errors import not_found
from .masters import Masters
from .tables import Row

LIMITS = {
    "CardCode": (15, "OCRD.CardCode"),
    "CardName": (100, "OCRD.CardName"),
    "Phone1": (20, "OCRD.Phone1"),
    "Phone2": (20, "OCRD.Phone2"),
    "EmailAddress": (100, "OCRD.E_Mail"),
}
COLLECTIONS = {  # what tells one row of a collection from another, and the key that PATCH names it by
    "BPAddresses": (("AddressName", "AddressType"), "RowNum"),
    "ContactEmployees": (("Name",), "InternalCode"),
    "BPBankAccounts": (("BankCode", "AccountNo", "IBAN"), "InternalKey"),
}
BLANK: Row = {
    "CardName": None,
    "CardForeignName": None,
    "CardType": "cCustomer",
    "GroupCode": 101,
    "FederalTaxID": None,
    "VatLiable": "vLiable",
    "Currency": None,
    "DefaultCurrency": None,
    "EmailAddress": None,
    "Phone1": None,
    "Phone2": None,
    "Cellular": None,
    "Website": None,
    "ContactPerson": None,
    "BilltoDefault": None,
    "PayTermsGrpCode": 1,
    "PeymentMethodCode": None,
    "BPPaymentMethods": [],
    "DefaultAccount": None,
    "DefaultBankCode": "-1",
    "IBAN": None,
    "SubjectToWithholdingTax": "tNO",
    "FormCode1099": None,
    "Box1099": None,
    "CompanyPrivate": "cCompany",
    "PaymentBlock": "tNO",
    "CurrentAccountBalance": ZERO,
    "FatherCard": None,
    "FatherType": "cPayments_sum",
    "BPBranchAssignment": [],
    "BPAddresses": [],
    "ContactEmployees": [],
    "BPBankAccounts": [],
    "Valid": "tNO",
    "ValidFrom": None,
    "ValidTo": None,
    "Frozen": "tNO",
    "FrozenFrom": None,
    "FrozenTo": None,
    "FrozenRemarks": None,
}


class Partners(Masters):
    # --- by API ----------------------------------------------------------------------------------

    def create_partner(self, body: Row) -> Row:
        """POST BusinessPartners. Without CardCode a Series numbers it; without either -5002."""
        code = body.get("CardCode") or (f"V{self.next('partner', 90001)}" if body.get("Series") else "")
        if not code:
            raise refusal(-5002, "Code undefined", "OCRD.CardCode")
        if self.find("BusinessPartners", code):
            text = f"1320000140 - Business partner code '{code}' already assigned to a business partner"
            raise refusal(-10, f"{text}; enter a unique business partner code")
        self.fit(body, LIMITS)
        row: Row = {"CardCode": code, **copy.deepcopy(BLANK)}
        self.change_partner(row, body)
        row["Currency"] = row["DefaultCurrency"] = body.get("Currency") or self.local_currency
        row["CreateDate"], row["CreateTime"] = row["UpdateDate"], row["UpdateTime"]
        self.table("BusinessPartners")[code] = row
        return row

    def patch_partner(self, key: Any, body: Row) -> None:
        """Merge: rows of a collection with their key are changed, others added; CardCode is ignored silently."""
        row = self.find("BusinessPartners", key)
        if row is None:
            raise not_found(f"Entity with value('{key}') does not exist")
        self.fit(body, LIMITS)
        self.change_partner(row, body)

    def change_partner(self, row: Row, body: Row) -> None:
        merged = {name: self.merged(row, name, body[name] or []) for name in COLLECTIONS if name in body}
        row.update({name: value for name, value in body.items() if name not in ("CardCode", *COLLECTIONS)})
        row.update(merged)
        self.touch(row)

    def merged(self, partner: Row, name: str, changes: list[Row]) -> list[Row]:
        identity, key = COLLECTIONS[name]
        rows = [dict(each) for each in partner[name]]
        for change in changes:
            known = next((each for each in rows if change.get(key) is not None and each[key] == change[key]), None)
            if known:
                known.update(change)
                continue
            added: Row = {"AddressType": "bo_ShipTo"} if name == "BPAddresses" else {"Active": "tYES"}
            added |= {**change, key: self.next(name, first=0)}
            if any(all(each.get(part) == added.get(part) for part in identity) for each in rows):
                text = "This entry already exists in the following tables (ODBC -2035)"
                raise refusal(-2035, text, f"{name}.{identity[0]}", value=added.get(identity[0]))
            rows.append(added)
        return rows

    def remove_partner(self, key: Any) -> None:
        row = self.find("BusinessPartners", key)
        if row is None:
            raise not_found(f"Entity with value('{key}') does not exist")
        for name in ("PurchaseInvoices", "VendorPayments", "PurchaseCreditNotes", "PurchaseDownPayments", "Drafts"):
            if any(each["CardCode"] == row["CardCode"] for each in self.table(name).values()):
                raise refusal(-10, "Business partner has transactions", "OCRD.CardCode", value=row["CardCode"])
        del self.table("BusinessPartners")[row["CardCode"]]

    # --- by people -------------------------------------------------------------------------------

    def add_vendor(
        self,
        code: str,
        name: str = "",
        *,
        street: str = "",
        city: str = "",
        state: str = "",
        zip_code: str = "",
        country: str = "US",
        currency: str = "",
        type: str = "cSupplier",
        **properties: Any,
    ) -> Row:
        """A vendor with one pay-to address when `street` is given; `properties` by their names in SAP."""
        address = {
            "AddressName": "Pay to",
            "AddressType": "bo_BillTo",
            "Street": street,
            "StreetNo": None,
            "Block": None,
            "City": city,
            "ZipCode": zip_code,
            "County": None,
            "State": state,
            "Country": country,
        }
        body: Row = {
            "CardCode": code,
            "CardName": name or f"Vendor {code}",
            "CardType": type,
            "Currency": currency or self.local_currency,
            **({"BPAddresses": [address], "BilltoDefault": "Pay to"} if street else {}),
        }
        return self.create_partner({**body, **properties})

    def edit_vendor(self, code: str, **properties: Any) -> Row:
        self.patch_partner(code, properties)
        return self.require("BusinessPartners", code, "OCRD.CardCode")

    def freeze_vendor(self, code: str, frozen: bool = True, since: Day | None = None, until: Day | None = None) -> Row:
        """Set inactive, for good or for a time; `frozen=False` takes it back."""
        return self.edit_vendor(
            code,
            Frozen=yes(frozen),
            FrozenFrom=self.day(since).isoformat() if frozen and since is not None else None,
            FrozenTo=self.day(until).isoformat() if frozen and until is not None else None,
        )

    # --- for the other parts ---------------------------------------------------------------------

    def usable_vendor(self, code: Any, column: str) -> Row:
        """A supplier that is not inactive today."""
        vendor = self.require("BusinessPartners", code, column)
        if vendor["CardType"] != "cSupplier":
            raise refusal(-5002, "Business partner is not a vendor", column, value=code)
        if self.inactive(vendor):
            raise refusal(-10, f"10001071 - Vendor {vendor['CardCode']} is inactive", column)
        return vendor

    def inactive(self, vendor: Row) -> bool:
        """Frozen now, or valid only at another time (docs: sap_b1 6.3)."""
        today = self.today().isoformat()

        def covers(flag: str) -> bool:
            since, until = vendor[f"{flag}From"] or "", vendor[f"{flag}To"] or "9999-12-31"
            return vendor[flag] == "tYES" and bool(since <= today <= until)

        return covers("Frozen") or (vendor["Valid"] == "tYES" and not covers("Valid"))

    def owe(self, code: str, amount: Decimal) -> None:
        """What we owe a vendor is a credit balance, hence negative."""
        vendor = self.find("BusinessPartners", code)
        if vendor is not None:
            vendor["CurrentAccountBalance"] -= amount
