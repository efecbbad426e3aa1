"""Accounts, cost objects, banks and vendors of SAP Business One as canonical records. Pure.

docs: sap_b1 6.3 (vendors), 6.4 (accounts, cost objects). A member of the wrong type raises ValueError naming it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from ..domain import Account, Address, Vendor, VendorStatus
from .fields import Record, day, flag, number, required, rows, text

ACCOUNT = (
    "Code",
    "Name",
    "FormatCode",
    "AccountType",
    "ActiveAccount",
    "ValidFor",
    "ValidFrom",
    "ValidTo",
    "FrozenFor",
    "FrozenFrom",
    "FrozenTo",
)
DEPARTMENT = ("FactorCode", "FactorDescription", "InWhichDimension", "Active", "Direct")
BANK = ("AbsoluteEntry", "BankCode", "AccNo", "AccountName", "GLAccount")
CURRENCY = ("Code", "DocumentsCode")
VENDOR = (
    "CardCode",
    "CardName",
    "Currency",
    "EmailAddress",
    "Phone1",
    "PaymentBlock",
    "FatherCard",
    "FatherType",
    "Valid",
    "ValidFrom",
    "ValidTo",
    "Frozen",
    "FrozenFrom",
    "FrozenTo",
    "BilltoDefault",
    "BPAddresses",
    "CreateDate",
    "UpdateDate",
)
ADDRESS = (
    "AddressName",
    "AddressType",
    "Street",
    "StreetNo",
    "Block",
    "BuildingFloorRoom",
    "City",
    "ZipCode",
    "State",
    "Country",
)

ALL_CURRENCIES = "##"  # [assumed] a vendor that may be invoiced in any currency
_COUNTRY = re.compile(r"[A-Z]{2}")


@dataclass(frozen=True, slots=True)
class Currencies:
    """SAP's own currency codes (`$`, `US$`), and the international ones that they stand for."""

    local: str
    international: Mapping[str, str]

    def iso(self, code: str) -> str:
        """The international code; a code that nobody named otherwise stands for itself."""
        own = self.local if code in ("", ALL_CURRENCIES) else code
        return self.international.get(own) or own

    def foreign(self, code: str) -> bool:
        return code not in ("", self.local)


def currencies(local: str, table: list[Record]) -> Currencies:
    """`DocumentsCode` is the international code [assumed] (docs: sap_b1 6.1)."""
    return Currencies(local, {required(row, "Code"): text(row, "DocumentsCode").strip() for row in table})


def account(row: Record, today: date) -> Account:
    """People see the format code, everything else wants the key. Title accounts are inactive."""
    code = required(row, "Code")
    return Account(
        key=code,
        number=text(row, "FormatCode").strip() or code,
        name=text(row, "Name"),
        active=flag(row, "ActiveAccount")
        and not _within(row, "FrozenFor", "Frozen", today)
        and not _outside(row, "ValidFor", "Valid", today),
        kind=text(row, "AccountType").removeprefix("at_"),
    )


def department(row: Record) -> Account:
    """A distribution rule, which is what a line's costing code names."""
    code = required(row, "FactorCode")
    name = text(row, "FactorDescription") or code
    if text(row, "Direct") == "N":
        name = f"{name} (splits over several cost centres)"
    return Account(
        key=code, number=code, name=name, active=flag(row, "Active"), kind=str(number(row, "InWhichDimension"))
    )


def bank(row: Record, numbers: Mapping[str, str]) -> Account:
    """A house bank by its account's key; `numbers` are the format codes by key."""
    code = required(row, "GLAccount")
    name = " ".join(filter(None, (text(row, "BankCode"), text(row, "AccNo"), text(row, "AccountName"))))
    return Account(key=code, number=numbers.get(code, code), name=name, kind="bank")


def vendor(row: Record, money: Currencies, today: date) -> Vendor:
    """The default bill-to address is the vendor's own. SAP's stamps name no zone: `changed_at` stays empty."""
    code = required(row, "CardCode")
    frozen = _within(row, "Frozen", "Frozen", today) or _outside(row, "Valid", "Valid", today)
    pays_for_it = text(row, "FatherType") == "cPayments_sum"
    return Vendor(
        key=code,
        number=code,
        name=required(row, "CardName"),
        status=VendorStatus.FROZEN if frozen else VendorStatus.ACTIVE,
        on_hold=flag(row, "PaymentBlock"),
        address=_address(row),
        phone=text(row, "Phone1"),
        email=text(row, "EmailAddress"),
        currency=money.iso(text(row, "Currency")),
        payer=text(row, "FatherCard") if pays_for_it else "",
    )


def _within(row: Record, switch: str, prefix: str, today: date) -> bool:
    """Whether the switch is on and today is in its range; a range without an end has none."""
    return flag(row, switch) and _contains(row, prefix, today)


def _outside(row: Record, switch: str, prefix: str, today: date) -> bool:
    return flag(row, switch) and not _contains(row, prefix, today)


def _contains(row: Record, prefix: str, today: date) -> bool:
    first, last = day(row, f"{prefix}From"), day(row, f"{prefix}To")
    return (first is None or first <= today) and (last is None or today <= last)


def _address(row: Record) -> Address:
    own = [each for each in rows(row, "BPAddresses") if text(each, "AddressType") == "bo_BillTo"]
    default = text(row, "BilltoDefault")
    chosen = next((each for each in own if default and text(each, "AddressName") == default), own[0] if own else {})
    lines = (
        " ".join(filter(None, (text(chosen, "Street").strip(), text(chosen, "StreetNo").strip()))),
        ", ".join(filter(None, (text(chosen, "Block").strip(), text(chosen, "BuildingFloorRoom").strip()))),
    )
    line1, line2 = lines if lines[0] else (lines[1], "")
    country = text(chosen, "Country").strip().upper()
    return Address(
        line1=line1,
        line2=line2,
        city=text(chosen, "City").strip(),
        state=text(chosen, "State").strip(),
        postcode=text(chosen, "ZipCode").strip(),
        country=country if _COUNTRY.fullmatch(country) else "",
    )
