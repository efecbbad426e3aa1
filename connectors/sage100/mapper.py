"""The agent's JSON and the canonical records, one into the other. Pure.

Strict: a member of the wrong type or an unknown value of a closed list raises ValueError naming the member.
Members that are not in the contract are ignored (docs: sage100 8). Money is text with at most two
decimals, keys are exact (8.2); division and number together name a vendor (trap T2).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from ..domain import (
    CENT,
    Account,
    Address,
    Application,
    Bill,
    BillLine,
    Blocked,
    Customer,
    Image,
    LedgerPayment,
    OpenBill,
    PaymentDraft,
    PaymentMethod,
    PurchaseOrder,
    PurchaseOrderLine,
    Vendor,
    VendorDraft,
    VendorStatus,
    Written,
)
from .countries import TO_THREE, country

Record = Mapping[str, Any]

_MONEY = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,2})?")
_QUANTITY = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,6})?")
_DIVISION = re.compile(r"[0-9A-Za-z]{2}")
_BLANK_DATE = date(1753, 1, 1)  # what Sage 100 Premium stores for none (trap T14)

_STATUS = {
    "A": VendorStatus.ACTIVE,
    "I": VendorStatus.INACTIVE,
    "T": VendorStatus.TEMPORARY,
    "": VendorStatus.ACTIVE,  # [assumed] never set
}
_BLOCKED = {
    "not_posted": Blocked.NOT_POSTED,
    "zero_balance": Blocked.PAID,
    "credit": Blocked.CREDIT,
    "invoice_on_hold": Blocked.ON_HOLD,
    "vendor_on_hold": Blocked.VENDOR_ON_HOLD,
    "selected_for_payment": Blocked.SELECTED_FOR_PAYMENT,
}
_COMPLETED = "X"
_ORDER_STATUS = {"N": "New", "O": "Open", "B": "Backordered", "C": "Change", _COMPLETED: "Completed"}
_ORDER_KIND = {"S": "Standard", "D": "Drop ship", "M": "Master", "R": "Repeating", "X": "Material requisition"}


# --- keys ----------------------------------------------------------------------------------------


def vendor_key(record: Record) -> str:
    """`01-ACME01`: division, which has two characters, and number."""
    division = _required(record, "apDivisionNo")
    if not _DIVISION.fullmatch(division):
        raise ValueError("apDivisionNo: two characters expected")
    return f"{division}-{_required(record, 'vendorNo')}"


def bill_key(record: Record) -> str:
    """`01-ACME01|INV-20541`; the invoice number is whatever stands after the first bar."""
    return f"{vendor_key(record)}|{_required(record, 'invoiceNo')}"


def customer_key(record: Record) -> str:
    """`01-ABF`, of a customer or a sales order of the web services (6.4)."""
    division = _required(record, "ARDivisionNo")
    if not _DIVISION.fullmatch(division):
        raise ValueError("ARDivisionNo: two characters expected")
    return f"{division}-{_required(record, 'CustomerNo')}"


def split_customer_key(key: str) -> tuple[str, str]:
    """(division, customer number). Raises ValueError."""
    division, dash, number = key.partition("-")
    if not dash or not number or not _DIVISION.fullmatch(division):
        raise ValueError(f"{key!r} is no customer of Sage 100: division, dash and number are expected, e.g. 01-ABF")
    return division, number


def account_key(record: Record) -> str:
    return _required(record, "accountKey")


def purchase_order_key(record: Record) -> str:
    return _required(record, "purchaseOrderNo")


def payment_key(record: Record) -> str:
    """Our reference; unlike the id it outlives posting (docs: sage100 8.8). Payments made in Sage have none."""
    return _required(record, "clientReference")


def record_id(record: Record) -> str:
    return _required(record, "id")


def split_vendor_key(key: str) -> tuple[str, str]:
    """(division, vendor number). Raises ValueError."""
    division, dash, number = key.partition("-")
    if not dash or not number or not _DIVISION.fullmatch(division):
        raise ValueError(f"{key!r} is no vendor of Sage 100")
    return division, number


def split_bill_key(key: str) -> tuple[str, str, str]:
    """(division, vendor number, invoice number). Raises ValueError."""
    vendor, bar, invoice = key.partition("|")
    if not bar or not invoice:
        raise ValueError(f"{key!r} is no invoice of Sage 100")
    return (*split_vendor_key(vendor), invoice)


# --- from the agent ------------------------------------------------------------------------------


def account(record: Record) -> Account:
    """8.7. `key` is Sage's internal account key, `number` the formatted account; never split (4.5)."""
    return Account(
        key=account_key(record),
        number=_required(record, "account"),
        name=_text(record, "accountDesc"),
        active=_required(record, "status") == "A",
        kind=_text(record, "accountType"),
        segments=tuple(_segment_key(each) for each in _objects(record, "segments")),
    )


def segment_values(record: Record) -> list[Account]:
    """One segment of `gl-segments` (8.7): its values, keyed as accounts refer to them."""
    number, name = _required(record, "segmentNo"), _required(record, "name")
    return [
        Account(
            key=f"{number}|{_required(each, 'code')}",
            number=_required(each, "code"),
            name=_text(each, "description"),
            active=_text(each, "status") in ("A", ""),
            kind=name,
        )
        for each in _objects(record, "values")
    ]


def _segment_key(record: Record) -> str:
    return f"{_required(record, 'segmentNo')}|{_required(record, 'code')}"


def _objects(record: Record, name: str) -> list[Record]:
    """A list of objects, empty where there is none."""
    found = record.get(name) or []
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise ValueError(f"{name}: list of objects expected")
    return found


def bank(record: Record) -> Account:
    """A bank code of `companies/validate` (8.4)."""
    code = _required(record, "bankCode")
    return Account(key=code, number=code, name=_text(record, "description"), kind="bank")


def vendor(record: Record, currency: str) -> Vendor:
    """8.5. `currency` is the company's: Sage 100 has no other."""
    key = vendor_key(record)
    status = _text(record, "vendorStatus")
    if status not in _STATUS:
        raise ValueError(f"vendorStatus: {status!r} is unknown")
    remit_to = record.get("remitTo")
    if remit_to is not None and not isinstance(remit_to, dict):
        raise ValueError("remitTo: object expected")
    remit_address = _address(remit_to) if remit_to else Address()
    return Vendor(
        key=key,
        number=key,
        name=_required(record, "vendorName"),
        status=_STATUS[status],
        on_hold=_flag(record, "holdPayment"),
        address=_address(record),
        remit_to_name=_text(remit_to, "name") if remit_to else "",
        remit_to_address=remit_address if remit_address != Address() else None,
        phone=_text(record, "telephoneNo"),
        email=_text(record, "emailAddress"),
        currency=currency,
        reference=_text(record, "reference"),
        changed_at=_changed_at(record),
    )


def bill(record: Record, currency: str) -> Bill:
    """8.6, with lines. `currency` is the company's, for a record without one."""
    if is_entry(record):
        raise ValueError("state: posted expected")
    return any_bill(record, currency)


def is_entry(record: Record) -> bool:
    """Whether the invoice is not posted yet (4.2): then it can still be changed or deleted."""
    state = _required(record, "state")
    if state not in ("entry", "posted"):
        raise ValueError(f"state: {state!r} is unknown")
    return state == "entry"


def any_bill(record: Record, currency: str) -> Bill:
    """The same, of either state: one that is not posted owes nothing yet and is blocked as NOT_POSTED."""
    lines = record.get("lines")
    if not isinstance(lines, list):
        raise ValueError("lines: list expected")
    blocked = _blocked(record)
    if is_entry(record) and Blocked.NOT_POSTED not in blocked:
        blocked = (Blocked.NOT_POSTED, *blocked)
    return Bill(
        key=bill_key(record),
        vendor_key=vendor_key(record),
        vendor_name=_text(record, "vendorName"),
        number=_required(record, "invoiceNo"),
        invoice_date=_date(record, "invoiceDate"),
        due_date=_date(record, "dueDate"),
        currency=_text(record, "currencyCode") or currency,
        total=_money(record, "invoiceAmt"),
        balance=_money(record, "balance"),
        lines=tuple(_bill_line(line, index) for index, line in enumerate(lines)),
        freight=_optional_money(record, "freightAmt"),
        tax=_optional_money(record, "salesTaxAmt"),
        purchase_order=_text(record, "purchaseOrderNo"),
        description=_text(record, "comment"),
        blocked=blocked,
        changed_at=_changed_at(record),
    )


def purchase_order(record: Record, currency: str) -> PurchaseOrder:
    """8.7, with lines; `status` and `kind` in words (4.6), what is unknown as it comes."""
    status, kind = _text(record, "orderStatus"), _text(record, "orderType")
    lines = record.get("lines")
    if not isinstance(lines, list):
        raise ValueError("lines: list expected")
    return PurchaseOrder(
        key=purchase_order_key(record),
        number=purchase_order_key(record),
        vendor_key=vendor_key(record) if record.get("vendorNo") else "",  # a requisition need not name one
        vendor_name=_text(record, "purchaseName"),
        ordered_on=_date(record, "purchaseOrderDate"),
        required_on=_date(record, "requiredExpireDate"),
        status=_ORDER_STATUS.get(status, status),
        total=_money(record, "orderTotal"),
        currency=currency,
        lines=tuple(_order_line(line, index) for index, line in enumerate(lines)),
        kind=_ORDER_KIND.get(kind, kind),
        closed=status == _COMPLETED,
        on_hold=_flag(record, "onHold"),
        description=_text(record, "comment"),
        changed_at=_changed_at(record),
    )


def customer(record: Record) -> Customer:
    """6.4: members of the web services are named as their columns, Y and N are text there, numbers are numbers."""
    status = _text(record, "CustomerStatus")
    if status not in _STATUS:
        raise ValueError(f"CustomerStatus: {status!r} is unknown")
    key = customer_key(record)
    state, postcode = _text(record, "State"), _text(record, "ZipCode")
    return Customer(
        key=key,
        number=key,
        name=_required(record, "CustomerName"),
        status=_STATUS[status],
        on_hold=_text(record, "CreditHold") == "Y",
        address=Address(
            line1=_text(record, "AddressLine1"),
            line2=_text(record, "AddressLine2"),
            line3=_text(record, "AddressLine3"),
            city=_text(record, "City"),
            state=state,
            postcode=postcode,
            country=country(_text(record, "CountryCode"), state, postcode),
        ),
        phone=_text(record, "TelephoneNo"),
        email=_text(record, "EmailAddress"),
        balance=_number(record, "CurrentBalance"),
        credit_limit=_number(record, "CreditLimit"),
    )


def images(record: Record) -> list[Image]:
    """An invoice's attachments (8.6). `Image.id` holds the invoice's id too, which addresses the content."""
    return [
        Image(
            id=f"{record_id(record)} {_required(each, 'attachmentId')}",
            file_name=_text(each, "fileName"),
            content_type=_text(each, "contentType"),
            size=each["size"] if isinstance(each.get("size"), int) else None,
        )
        for each in _objects(record, "attachments")
    ]


def split_image_id(image_id: str) -> tuple[str, str]:
    """(invoice's id, attachment's id)"""
    invoice, _, attachment = image_id.partition(" ")
    return invoice, attachment


def open_bill(record: Record) -> OpenBill:
    """8.6, the lean record of `ap-open-invoices`."""
    return OpenBill(
        key=bill_key(record),
        vendor_key=vendor_key(record),
        number=_required(record, "invoiceNo"),
        dated=_date(record, "invoiceDate"),
        total=_money(record, "invoiceAmt"),
        balance=_money(record, "balance"),
        blocked=_blocked(record),
    )


def payment(record: Record) -> LedgerPayment:
    """8.8. One made in Sage itself has no reference."""
    state = _required(record, "state")
    if state not in ("entered", "posted"):
        raise ValueError(f"state: {state!r} is unknown")
    applications = record.get("applications")
    if not isinstance(applications, list):
        raise ValueError("applications: list expected")
    return LedgerPayment(
        id=record_id(record),
        reference=_text(record, "clientReference"),
        vendor_key=vendor_key(record),
        posted=state == "posted",
        amount=_money(record, "amount"),
        check_number=_text(record, "checkNo"),
        paid_on=_date(record, "paymentDate"),
        applications=tuple(_application(one, index) for index, one in enumerate(applications)),
        batch=_text(record, "batchNo"),
        changed_at=_changed_at(record),
    )


def written_payment(record: Record) -> Written:
    """What the agent made of our payment: its check number is the agent's for all but checks."""
    entry = payment(record)
    details = {"state": "posted" if entry.posted else "entered", "check_number": entry.check_number}
    details |= {"batch": entry.batch} if entry.batch else {}
    warnings = _warnings(record)
    details |= {"warnings": warnings} if warnings else {}
    duplicate = record.get("duplicate") is True
    return Written(entry.id, number=entry.check_number, total=entry.amount, duplicate=duplicate, details=details)


def written_vendor(record: Record) -> Written:
    warnings = _warnings(record)
    return Written(
        vendor_key(record),
        number=vendor_key(record),
        duplicate=record.get("duplicate") is True,
        details={"warnings": warnings} if warnings else {},
    )


# --- to the agent --------------------------------------------------------------------------------


def payment_body(draft: PaymentDraft) -> dict[str, Any]:
    """8.8. The same draft always gives the same body: that is what makes a repetition safe.

    Raises ValueError for an amount that is no whole number of cents.
    """
    division, number = split_vendor_key(draft.vendor_key)
    check = draft.method is PaymentMethod.CHECK
    body: dict[str, Any] = {
        "clientReference": draft.reference,
        "apDivisionNo": division,
        "vendorNo": number,
        "bankCode": draft.bank,
        "method": draft.method.value,
        "checkNo": (draft.check_number or None) if check else None,
        "reference": draft.trace or None,
        "paymentDate": draft.paid_on.isoformat(),
        "amount": _cents(draft.amount),
        "comment": draft.comment or None,
        "applications": [
            {
                "invoiceNo": one.bill.removeprefix(f"{draft.vendor_key}|"),
                "amountPaid": _cents(one.amount),
                "discountTaken": _cents(one.discount),
            }
            for one in draft.applications
        ],
    }
    if draft.batch:
        body["batch"] = {"description": draft.batch}
    return body


def vendor_body(draft: VendorDraft, division: str, number: str, terms: str) -> dict[str, Any]:
    """8.5. Blank members are left out; over-long ones are the agent's to refuse, never cut."""
    body = {
        "apDivisionNo": division,
        "vendorNo": number,
        "vendorName": draft.name,
        "termsCode": terms,
        "addressLine1": draft.address.line1,
        "addressLine2": draft.address.line2,
        "addressLine3": draft.address.line3,
        "city": draft.address.city,
        "state": draft.address.state,
        "zipCode": draft.address.postcode,
        "countryCode": TO_THREE.get(draft.address.country, draft.address.country),
        "telephoneNo": draft.phone,
        "emailAddress": draft.email,
        "reference": draft.reference,
    }
    return {name: value for name, value in body.items() if value}


# --- members -------------------------------------------------------------------------------------


def _text(record: Record, name: str) -> str:
    value = record.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ValueError(f"{name}: text expected")
    return value


def _required(record: Record, name: str) -> str:
    value = _text(record, name)
    if not value.strip():
        raise ValueError(f"{name}: missing")
    return value


def _flag(record: Record, name: str) -> bool:
    value = record.get(name)
    if not isinstance(value, bool):
        raise ValueError(f"{name}: true or false expected")
    return value


def _money(record: Record, name: str) -> Decimal:
    value = record.get(name)
    if not isinstance(value, str) or not _MONEY.fullmatch(value):
        raise ValueError(f"{name}: an amount as text with two decimals expected")
    return Decimal(value)


def _quantity(record: Record, name: str) -> Decimal:
    """Also unit costs (8.2); none is zero: a line may be a comment."""
    value = record.get(name)
    if value is None:
        return Decimal(0)
    if not isinstance(value, str) or not _QUANTITY.fullmatch(value):
        raise ValueError(f"{name}: a quantity as text with at most six decimals expected")
    return Decimal(value)


def _number(record: Record, name: str) -> Decimal:
    value = record.get(name)
    if value is None:
        return Decimal(0)
    if not isinstance(value, Decimal):
        raise ValueError(f"{name}: a number expected")
    return value


def _optional_money(record: Record, name: str) -> Decimal:
    return Decimal(0) if record.get(name) is None else _money(record, name)


def _date(record: Record, name: str) -> date | None:
    value = _text(record, name)
    if not value:
        return None
    try:
        found = date.fromisoformat(value)
    except ValueError:
        raise ValueError(f"{name}: a date expected") from None
    return None if found == _BLANK_DATE else found


def instant(value: Any, name: str) -> datetime | None:
    """RFC 3339 with an offset. Raises ValueError."""
    if value is None:
        return None
    try:
        found = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        found = None
    if found is None or found.tzinfo is None:
        raise ValueError(f"{name}: a time with an offset expected")
    return found


def _changed_at(record: Record) -> datetime | None:
    """The later of both stamps, as the agent orders by it (8.3); blank on imported records."""
    stamps = [instant(record.get(name), name) for name in ("createdAt", "updatedAt")]
    return max((stamp for stamp in stamps if stamp), default=None)


def _address(record: Record) -> Address:
    state, postcode = _text(record, "state"), _text(record, "zipCode")
    return Address(
        line1=_text(record, "addressLine1"),
        line2=_text(record, "addressLine2"),
        line3=_text(record, "addressLine3"),
        city=_text(record, "city"),
        state=state,
        postcode=postcode,
        country=country(_text(record, "countryCode"), state, postcode),
    )


def _bill_line(line: Any, index: int) -> BillLine:
    if not isinstance(line, dict):
        raise ValueError(f"lines[{index}]: object expected")
    try:
        return BillLine(
            account_key=_text(line, "accountKey"),
            account_number=_text(line, "account"),
            amount=_money(line, "amount"),
            description=_text(line, "description"),
        )
    except ValueError as error:
        raise ValueError(f"lines[{index}].{error}") from None


def _order_line(line: Any, index: int) -> PurchaseOrderLine:
    if not isinstance(line, dict):
        raise ValueError(f"lines[{index}]: object expected")
    try:
        return PurchaseOrderLine(
            account_key=_text(line, "purchasesAcctKey"),
            account_number=_text(line, "account"),
            item=_text(line, "itemCode"),
            description=_text(line, "itemCodeDesc") or _text(line, "commentText"),
            quantity=_quantity(line, "quantityOrdered"),
            unit_cost=_quantity(line, "unitCost"),
            amount=_optional_money(line, "extensionAmt"),
            required_on=_date(line, "requiredDate"),
        )
    except ValueError as error:
        raise ValueError(f"lines[{index}].{error}") from None


def _application(one: Any, index: int) -> Application:
    if not isinstance(one, dict):
        raise ValueError(f"applications[{index}]: object expected")
    try:
        return Application(
            bill=_required(one, "invoiceNo"),
            amount=_money(one, "amountPaid"),
            discount=_optional_money(one, "discountTaken"),
        )
    except ValueError as error:
        raise ValueError(f"applications[{index}].{error}") from None


def _blocked(record: Record) -> tuple[Blocked, ...]:
    """Why Sage's user, or Sage, does not want this paid now. What is unclear must not be paid."""
    reasons = record.get("notPayableReasons")
    if not isinstance(reasons, list):
        raise ValueError("notPayableReasons: list expected")
    unknown = [str(reason) for reason in reasons if not isinstance(reason, str) or reason not in _BLOCKED]
    if unknown:
        raise ValueError(f"notPayableReasons: {', '.join(unknown)} is unknown")
    if not _flag(record, "payable") and not reasons:
        raise ValueError("payable: false, but notPayableReasons gives no reason")
    return tuple(_BLOCKED[reason] for reason in reasons)


def _warnings(record: Record) -> str:
    warnings = record.get("warnings")
    return " ".join(
        str(one["message"])
        for one in (warnings if isinstance(warnings, list) else [])
        if isinstance(one, dict) and one.get("message")
    )


def _cents(amount: Decimal) -> str:
    if amount != amount.quantize(CENT):
        raise ValueError(f"{amount} is no whole number of cents")
    return f"{amount:.2f}"
