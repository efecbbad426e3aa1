"""Sage 300's records and the canonical ones, one into the other. Pure.

Properties take effect in the order in which they are written, and a later one may bring defaults that overwrite an
earlier one: the order of every body here matters (docs: sage300 3, 6.1, 7.1). Numbers are never cut, names,
addresses and descriptions are, to what Sage holds. What cannot be sent raises ValueError naming the property.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from ..domain import (
    Account,
    Address,
    BatchOrder,
    BillDraft,
    DraftLine,
    NewVendorDraft,
    Vendor,
    VendorDraft,
    VendorStatus,
)
from .fields import Record, day, required, rows, text

Row = dict[str, Any]

ACCOUNT = (
    "UnformattedAccount",
    "AccountNumber",
    "Description",
    "AccountType",
    "Status",
    "PostToAccount",
    "ControlAccount",
    "RollupSwitch",
    "ControlAccountSubledgers",
)
VENDOR = (
    "VendorNumber",
    "Status",
    "OnHold",
    "VendorName",
    "AddressLine1",
    "AddressLine2",
    "AddressLine3",
    "City",
    "StateProvince",
    "ZipPostalCode",
    "Country",
    "PhoneNumber",
    "Email",
    "CurrencyCode",
    "DateLastMaintained",
)

#: What fits (data: sage300 field_lengths), by the words of `Capabilities.limits`.
LIMITS = {
    "bill.number": 22,
    "bill.purchase_order": 22,
    "bill.description": 60,
    "line.description": 60,
    "batch.marker": 60,
    "vendor.number": 12,
    "vendor.name": 60,
    "vendor.address": 60,
    "vendor.city": 30,
    "vendor.state": 30,
    "vendor.postcode": 20,
    "vendor.country": 30,
    "vendor.phone": 30,
    "vendor.email": 50,
}
_ACCOUNT_LENGTH = 45
_SHORT_NAME = 10
_DECIMALS = Decimal("0.001")

EXEMPT_CLASS = 2  # of vendors and of items; the site's own number of its exempt tax class [assumed]

# Free text in Sage; these are how its own samples and most sites write them. [assumed]
_COUNTRIES = {"US": "USA", "CA": "CAN"}
_ISO = {"USA": "US", "UNITED STATES": "US", "CAN": "CA", "CANADA": "CA"}


# --- from Sage 300 -------------------------------------------------------------------------------


def account(row: Record) -> Account:
    """`number` is formatted as the company writes it. `active`: A/P lines may be posted to it (docs: sage300 8)."""
    key = required(row, "UnformattedAccount")
    return Account(
        key=key,
        number=text(row, "AccountNumber") or key,
        name=text(row, "Description"),
        active=(
            text(row, "Status") == "Active"
            and text(row, "PostToAccount") != "Prohibited"
            and text(row, "RollupSwitch") != "Yes"
            and (text(row, "ControlAccount") != "Yes" or _takes_payables(row))
        ),
        kind=text(row, "AccountType"),
    )


def _takes_payables(row: Record) -> bool:
    """A control account lists the ledgers that it takes; how it names them is in no document."""
    listed = rows(row, "ControlAccountSubledgers")
    return any(str(value).strip() == "AP" for each in listed for value in each.values())


def vendor(row: Record) -> Vendor:
    number, status = required(row, "VendorNumber"), text(row, "Status")
    if status not in ("Active", "Inactive"):
        raise ValueError(f"Status: {status!r} is unknown")
    country = text(row, "Country")
    maintained = day(row, "DateLastMaintained")
    return Vendor(
        key=number,
        number=number,
        name=required(row, "VendorName"),
        status=VendorStatus.ACTIVE if status == "Active" else VendorStatus.INACTIVE,
        on_hold=text(row, "OnHold") not in ("NotOnHold", ""),
        address=Address(
            line1=text(row, "AddressLine1"),
            line2=text(row, "AddressLine2"),
            line3=text(row, "AddressLine3"),
            city=text(row, "City"),
            state=text(row, "StateProvince"),
            postcode=text(row, "ZipPostalCode"),
            country=country.upper() if len(country) == 2 else _ISO.get(country.upper(), ""),
        ),
        phone=text(row, "PhoneNumber"),
        email=text(row, "Email"),
        currency=text(row, "CurrencyCode"),
        changed_at=datetime.combine(maintained, time(), UTC) if maintained else None,
    )


# --- vendors to Sage 300 -------------------------------------------------------------------------


def vendor_body(new: NewVendorDraft) -> Row:
    """A new vendor: the group right after the number, for it brings what is not said here (docs: sage300 6.1)."""
    draft = new.vendor
    body: Row = {
        "VendorNumber": _fitting("VendorNumber", new.number.upper(), LIMITS["vendor.number"]),
        "GroupCode": new.group,
        "ShortName": draft.name.strip().upper()[:_SHORT_NAME].rstrip(),
        "VendorName": _cut(draft.name, "vendor.name"),
        **_address(draft.address),
        "PhoneNumber": _whole(draft.phone, "vendor.phone"),
        "Email": _whole(draft.email, "vendor.email"),
        "Terms": new.terms,
        "CurrencyCode": draft.currency,
    }
    if new.account:
        body |= {"DistributionType": "GLAccount", "GLAccount": _account(new.account)}
    body["VendorOptionalFieldValues"] = _optional(new.optional_fields)
    return {name: value for name, value in body.items() if value}


def vendor_changes(draft: VendorDraft, changed: Iterable[str]) -> Row:
    """What Sage 300 can hold of the fields that changed; empty ones empty it. The currency never changes."""
    body: Row = {}
    for name in sorted(changed):
        if name == "name":
            body["VendorName"] = _cut(draft.name, "vendor.name")
        elif name == "address":
            body |= {**_address(draft.address), "AddressLine4": ""}
        elif name == "phone":
            body["PhoneNumber"] = _whole(draft.phone, "vendor.phone")
        elif name == "email":
            body["Email"] = _whole(draft.email, "vendor.email")
    return body


def _address(address: Address) -> Row:
    return {
        "AddressLine1": _cut(address.line1, "vendor.address"),
        "AddressLine2": _cut(address.line2, "vendor.address"),
        "AddressLine3": _cut(address.line3, "vendor.address"),
        "City": _cut(address.city, "vendor.city"),
        "StateProvince": _cut(address.state, "vendor.state"),
        "ZipPostalCode": _whole(address.postcode, "vendor.postcode"),
        "Country": _cut(_COUNTRIES.get(address.country, address.country), "vendor.country"),
    }


# --- invoices to Sage 300 ------------------------------------------------------------------------


def batch_body(drafts: Iterable[BillDraft], order: BatchOrder) -> Row:
    """A new batch, which Sage leaves open. It gives the numbers and, as the date, its own day."""
    marker = _fitting("Description", order.marker, LIMITS["batch.marker"])
    own: Row = {"InvoiceOptionalFields": _optional(order.optional_fields)} if order.optional_fields else {}
    return {"Description": marker, "Invoices": [{**invoice_body(draft, order.tax), **own} for draft in drafts]}


def invoice_body(draft: BillDraft, tax: str) -> Row:
    """An entry for a new batch.

    The vendor comes first, for it brings currency, terms and tax group; the due date comes after the document's,
    which computes one; the control total is never computed by Sage (docs: sage300 7.1, 7.3).
    """
    return {**_header(draft, tax), "InvoiceDetails": [_line(line, _sign(draft), tax) for line in draft.lines]}


def invoice_changes(draft: BillDraft, tax: str, entry: int, lines: Sequence[int]) -> Row:
    """The entry of an open batch made to say what the draft says; `lines` are the numbers of those it has."""
    sign = _sign(draft)
    wanted = [_line(line, sign, tax) for line in draft.lines]
    details: list[Row] = [
        {"LineNumber": number, **line, "UpdateOperation": "Update"} for number, line in zip(lines, wanted, strict=False)
    ]
    details += [{**line, "UpdateOperation": "Insert"} for line in wanted[len(lines) :]]
    details += [{"LineNumber": number, "UpdateOperation": "Delete"} for number in lines[len(wanted) :]]
    return {"EntryNumber": entry, "UpdateOperation": "Update", **_header(draft, tax), "InvoiceDetails": details}


def _optional(values: Mapping[str, str]) -> list[Row]:
    """The site's own fields; the collection of an invoice is not called OptionalFields (docs: sage300 7.1)."""
    return [{"OptionalField": name, "Value": value} for name, value in values.items()]


def document_type(draft: BillDraft) -> str:
    """Amounts are positive in every type (docs: sage300 7.1)."""
    return "CreditNote" if draft.total < 0 else "Invoice"


def document_number(text: str) -> str:
    """As Sage stores it; two that agree in this are one document."""
    return text.strip().upper()


def _header(draft: BillDraft, tax: str) -> Row:
    body: Row = {
        "VendorNumber": _fitting("VendorNumber", draft.vendor_id, LIMITS["vendor.number"]),
        "DocumentType": document_type(draft),
        "DocumentNumber": _fitting("DocumentNumber", document_number(draft.number), LIMITS["bill.number"]),
        "DocumentDate": _day(draft.invoice_date),
    }
    if draft.posting_date:
        body["PostingDate"] = _day(draft.posting_date)
    body["DueDate"] = _day(draft.due_date)
    if draft.purchase_order.strip():
        body["PONumber"] = _fitting("PONumber", draft.purchase_order.strip(), LIMITS["bill.purchase_order"])
    body["InvoiceDescription"] = _cut(draft.description, "bill.description")
    body["TaxAmountControl"] = "Enter"  # and no amount: what the cloud says is gross, and Sage adds nothing
    if tax == "exempt":
        body["TaxClass1"] = EXEMPT_CLASS
    body["DocumentTotalIncludingTax"] = _amount(_sign(draft) * draft.total)
    return body


def _line(line: DraftLine, sign: int, tax: str) -> Row:
    """The description comes after the account, which may bring one."""
    body: Row = {
        "GLAccount": _account(line.account),
        "DistributionDescription": _cut(line.description, "line.description"),
    }
    if tax == "exempt":
        body |= {"TaxClass1": EXEMPT_CLASS, "TaxAmount1": 0}
    body["DistributedAmount"] = _amount(sign * line.amount)
    return body


def _sign(draft: BillDraft) -> int:
    return -1 if draft.total < 0 else 1


# --- what fits -----------------------------------------------------------------------------------


def _fitting(name: str, value: str, longest: int) -> str:
    if not value:
        raise ValueError(f"{name}: missing")
    if len(value) > longest:
        raise ValueError(f"{name}: {value} has {len(value)} characters, Sage 300 holds {longest}")
    return value


def _account(value: str) -> str:
    return _fitting("GLAccount", value, _ACCOUNT_LENGTH)


def _cut(value: str, limit: str) -> str:
    """Line ends become blanks: these are fields of one line."""
    return " ".join(value.split())[: LIMITS[limit]].rstrip()


def _whole(value: str, limit: str) -> str:
    """All of it or nothing: half an address of this kind leads nowhere."""
    return value.strip() if len(value.strip()) <= LIMITS[limit] else ""


def _amount(value: Decimal) -> Decimal:
    if value != value.quantize(_DECIMALS):
        raise ValueError(f"an amount of {value} has more than three decimals")
    return value


def _day(value: date) -> str:
    """Midnight UTC: with another offset the day, and so the fiscal period, might move (docs: sage300 3)."""
    return f"{value.isoformat()}T00:00:00Z"
