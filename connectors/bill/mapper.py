"""Wire <-> domain, pure. Every reader raises ValueError naming the member that is not as documented.

Absent and null members are the same, unknown members and new enum values are tolerated (docs: bill 1).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from ..domain import (
    CENT,
    Account,
    Address,
    Application,
    Bill,
    BillDraft,
    BillLine,
    Blocked,
    DraftLine,
    Payment,
    PaymentMethod,
    PaymentStatus,
    TargetBill,
    Vendor,
    VendorDraft,
    VendorStatus,
)

Row = Mapping[str, Any]

_NOISE = Decimal("0.000001")  # what a binary number may be off its cent
_LARGEST = Decimal(10) ** 15
_REFERENCE_LENGTH = 40
_EMAIL = re.compile(r"[^@\s,;]+@[^@\s,;]+\.[^@\s,;]+")

_METHODS = {
    "CHECK": PaymentMethod.CHECK,
    "ACH": PaymentMethod.ACH,
    "RPPS": PaymentMethod.ACH,
    "VIRTUAL_CARD": PaymentMethod.VIRTUAL_CARD,
    "AMEX": PaymentMethod.VIRTUAL_CARD,
    "INTERNATIONAL": PaymentMethod.WIRE,
}
# `status` and `singleStatus` spell it differently (docs: bill 12).
_VOIDED = frozenset({"VOID", "CANCELLED"})
_VOIDED_SINGLE = frozenset({"VOIDED", "FUNDING_FAILED_VOIDED", "CANCELED", "CANCELLED"})
_NOT_FUNDED = frozenset({"FUNDING_FAILED_ACTION_NEEDED"})
_UNTOUCHED = frozenset({"", "UNPAID", "UNDEFINED"})


# --- members -------------------------------------------------------------------------------------


def _text(row: Row, name: str) -> str:
    """Numbers are taken too: BILL's own samples write account and check numbers as either."""
    value = row.get(name)
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise ValueError(f"{name} is not a text")


def _needed(row: Row, name: str) -> str:
    value = _text(row, name)
    if not value:
        raise ValueError(f"{name} is missing")
    return value


def _flag(row: Row, name: str, default: bool) -> bool:
    value = row.get(name)
    if value is None:
        return default
    if not isinstance(value, bool):
        raise ValueError(f"{name} is neither true nor false")
    return value


def _object(row: Row, name: str) -> Row:
    value = row.get(name)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise ValueError(f"{name} is not an object")
    return value


def _list(row: Row, name: str) -> list[Row]:
    value = row.get(name)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(each, Mapping) for each in value):
        raise ValueError(f"{name} is not a list of objects")
    return value


def _money(row: Row, name: str) -> Decimal | None:
    """A JSON number as Decimal with two places. Binary noise is removed; a real fraction of a cent is refused."""
    amount = _number(row, name)
    if amount is None:
        return None
    cents = amount.quantize(CENT)
    if abs(cents - amount) > _NOISE:
        raise ValueError(f"{name} has fractions of a cent: {amount}")
    return cents


def _number(row: Row, name: str) -> Decimal | None:
    value = row.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise ValueError(f"{name} is not a number")
    number = Decimal(value)
    if not number.is_finite() or abs(number) >= _LARGEST:
        raise ValueError(f"{name} is not an amount")
    return number


def _amount(row: Row, name: str) -> Decimal:
    amount = _money(row, name)
    if amount is None:
        raise ValueError(f"{name} is missing")
    return amount


def instant(row: Row, name: str) -> datetime | None:
    """`2026-11-20T15:04:05.006+00:00` or `...Z`, with or without milliseconds; UTC where no zone is given."""
    value = _text(row, name)
    if not value:
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise ValueError(f"{name} is not a date and time: {value}") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)


def _day(row: Row, name: str) -> date | None:
    """A calendar date `yyyy-MM-dd`; a time of day that follows it is ignored."""
    value = _text(row, name)
    if not value:
        return None
    try:
        return date.fromisoformat(value[:10])
    except ValueError:
        raise ValueError(f"{name} is not a date: {value}") from None


# --- wire -> domain ------------------------------------------------------------------------------


def account(row: Row) -> Account:
    """A chart-of-accounts row (docs: bill 8)."""
    details = _object(row, "account")
    return Account(
        key=_needed(row, "id"),
        number=_text(details, "number"),
        name=_text(row, "name"),
        active=not _flag(row, "archived", False),
        kind=_text(details, "type"),
    )


def department(row: Row) -> Account:
    return _classification(row, "DEPARTMENT")


def location(row: Row) -> Account:
    return _classification(row, "LOCATION")


def _classification(row: Row, kind: str) -> Account:
    return Account(
        key=_needed(row, "id"),
        number=_text(row, "shortName"),
        name=_text(row, "name"),
        active=not _flag(row, "archived", False),
        kind=kind,
    )


def bank(row: Row) -> Account:
    """An organization's bank account, as a payment's `fundingAccount.id` names it; the number is masked."""
    return Account(
        key=_needed(row, "id"),
        number=_text(row, "accountNumber"),
        name=_text(row, "bankName") or _text(row, "nameOnAccount"),
        active=not _flag(row, "archived", False),
        kind="BANK_ACCOUNT",
    )


def vendor(row: Row) -> Vendor:
    payee = _text(_object(row, "paymentInformation"), "payeeName")
    return Vendor(
        key=_needed(row, "id"),
        number=_text(row, "shortName"),
        name=_needed(row, "name"),
        status=VendorStatus.INACTIVE if _flag(row, "archived", False) else VendorStatus.ACTIVE,
        address=_address(_object(row, "address")),
        remit_to_name=payee,
        phone=_text(row, "phone"),
        email=_text(row, "email"),
        currency=_text(row, "billCurrency"),
        reference=_text(row, "shortName"),
        changed_at=instant(row, "updatedTime"),
    )


def _address(row: Row) -> Address:
    return Address(
        line1=_text(row, "line1"),
        line2=_text(row, "line2"),
        city=_text(row, "city"),
        state=_text(row, "stateOrProvince"),
        postcode=_text(row, "zipOrPostalCode"),
        country=_text(row, "country"),
    )


def bill(row: Row) -> Bill:
    """A bill that goes on to a ledger (docs: bill 7). Its amounts are in the vendor's currency, which it does not name;
    a line's cost objects are its department and its location."""
    invoice = _object(row, "invoice")
    total = _amount(row, "amount")
    due = _money(row, "dueAmount")
    return Bill(
        key=_needed(row, "id"),
        vendor_key=_needed(row, "vendorId"),
        vendor_name=_text(row, "vendorName"),
        number=_text(invoice, "invoiceNumber"),
        invoice_date=invoice_date(row),
        due_date=_day(row, "dueDate"),
        currency="",
        total=total,
        balance=total - (_money(row, "paidAmount") or Decimal(0)) if due is None else due,
        lines=tuple(_bill_line(line) for line in _list(row, "billLineItems")),
        purchase_order=_text(row, "purchaseOrderNumber"),
        description=_text(row, "description"),
        blocked=(Blocked.ARCHIVED,) if _flag(row, "archived", False) else (),
        approval=_text(row, "approvalStatus"),
        changed_at=instant(row, "updatedTime"),
    )


def invoice_date(row: Row) -> date | None:
    return _day(_object(row, "invoice"), "invoiceDate")


def _bill_line(row: Row) -> BillLine:
    coding = _object(row, "classifications")
    account = _text(coding, "chartOfAccountId")
    return BillLine(
        account_key=account,
        account_number=account,
        amount=_line_amount(row),
        description=_text(row, "description"),
        departments=(_text(coding, "departmentId"), _text(coding, "locationId")),
    )


def _line_amount(row: Row) -> Decimal:
    """`amount` wins; without it, quantity times price (docs: bill 7)."""
    amount = _money(row, "amount")
    quantity, price = _number(row, "quantity"), _number(row, "price")
    if amount is not None:
        return amount
    if quantity is None or price is None:
        raise ValueError("a line has neither amount nor quantity and price")
    return (quantity * price).quantize(CENT, ROUND_HALF_UP)


def target_bill(row: Row) -> TargetBill:
    """`unpaid` is derived from the sums as well: the words for a partial payment vary (docs: bill 7)."""
    invoice = _object(row, "invoice")
    paid = _money(row, "paidAmount") or Decimal(0)
    scheduled = _money(row, "scheduledAmount") or Decimal(0)
    return TargetBill(
        id=_needed(row, "id"),
        vendor_id=_needed(row, "vendorId"),
        number=_text(invoice, "invoiceNumber"),
        total=_amount(row, "amount"),
        paid=paid,
        scheduled=scheduled,
        archived=_flag(row, "archived", False),
        unpaid=not paid and not scheduled and _text(row, "paymentStatus") in _UNTOUCHED,
        invoice_date=_day(invoice, "invoiceDate"),
        changed_at=instant(row, "updatedTime"),
    )


def unreadable_bill(row: Row, why: str) -> TargetBill:
    """What stands for a bill that `target_bill` refused. Raises ValueError when even its vendor is unknown."""
    return TargetBill(
        id=_readable(row, "id"),
        vendor_id=_needed(row, "vendorId"),
        number=_readable(row.get("invoice"), "invoiceNumber"),
        total=Decimal(0),
        archived=row.get("archived") is True,
        unpaid=False,
        unreadable=why,
    )


def _readable(row: Any, name: str) -> str:
    try:
        return _text(row, name) if isinstance(row, Mapping) else ""
    except ValueError:
        return ""


def payment(row: Row) -> Payment:
    """A payment of the REST API (docs: bill 9); the webhook's body is another shape and is not read."""
    status, single = _text(row, "status"), _text(row, "singleStatus")
    info = _object(row, "disbursementInfo")
    check_number = _text(_object(info, "checkDisbursement"), "checkNumber")
    confirmation = _text(row, "confirmationNumber") or _text(row, "transactionNumber")
    method = _METHODS.get(_text(row, "disbursementType"), PaymentMethod.OTHER)
    return Payment(
        key=_needed(row, "id"),
        vendor_id=_text(row, "vendorId"),
        status=payment_status(status, single),
        raw_status=f"{status}/{single}" if single else status,
        method=method,
        amount=_amount(row, "amount"),
        paid_on=_day(row, "processDate"),
        applications=_applications(row),
        check_number=check_number,
        reference=_reference(row, info, method, check_number, confirmation),
        confirmation=confirmation,
        funding_account=_text(_object(row, "fundingAccount"), "id"),
        outside=row.get("onlinePayment") is False,
        changed_at=instant(row, "updatedTime"),
    )


def payment_status(status: str, single: str) -> PaymentStatus:
    """What BILL's two statuses mean for a ledger: PAID once the money has left the payer's account."""
    if status in _VOIDED or single in _VOIDED_SINGLE:
        return PaymentStatus.VOIDED
    if status == "PAID" and single not in _NOT_FUNDED:
        return PaymentStatus.PAID
    return PaymentStatus.OPEN


def _applications(row: Row) -> tuple[Application, ...]:
    """The split over bills; a payment of one bill may name it at the top only."""
    parts = tuple(Application(_needed(part, "billId"), _amount(part, "amount")) for part in _list(row, "billPayments"))
    if parts:
        return parts
    single = _text(row, "billId")
    return (Application(single, _amount(row, "amount")),) if single else ()


def _reference(row: Row, info: Row, method: PaymentMethod, check_number: str, confirmation: str) -> str:
    """What the ledger should show: the number under which a bank or vendor knows the payment."""
    if method is PaymentMethod.CHECK and check_number:
        return check_number
    if method is PaymentMethod.VIRTUAL_CARD:
        last4 = _text(_object(info, "vcardDisbursement"), "last4CardNumber")
        return " ".join(filter(None, ("VCARD", last4, confirmation)))[:_REFERENCE_LENGTH]
    trace = _text(_object(info, "rppsDisbursement"), "traceNumber")
    return trace or _text(row, "syncReference") or confirmation


# --- domain -> wire ------------------------------------------------------------------------------


def vendor_body(draft: VendorDraft) -> dict[str, Any]:
    """The body of a vendor's creation (docs: bill 6). BILL has no field for a foreign id; `accountNumber`
    prints on checks, so that our key goes into `shortName`."""
    return _filled(
        {
            "name": draft.name,
            "shortName": draft.reference,
            "accountType": "BUSINESS",
            "email": _email(draft.email),
            "phone": draft.phone,
            "address": _filled(_address_body(draft.address)),
            "paymentInformation": {"payeeName": draft.payee_name or draft.name},
            "billCurrency": draft.currency,
        }
    )


def vendor_changes(draft: VendorDraft, changed: frozenset[str]) -> dict[str, Any]:
    """The body of a PATCH: only the `changed` fields of the draft.

    Nested objects are merged by BILL, so that a part of the address which is gone is sent as "" [assumed];
    an e-mail address, a phone number or a currency that is gone is left as BILL has it.
    """
    body: dict[str, Any] = {}
    if "name" in changed:
        body["name"] = draft.name
    if "reference" in changed:
        body["shortName"] = draft.reference
    if "email" in changed:
        body["email"] = _email(draft.email)
    if "phone" in changed:
        body["phone"] = draft.phone
    if "currency" in changed:
        body["billCurrency"] = draft.currency
    if "address" in changed:
        address = _address_body(draft.address)
        body["address"] = {name: text for name, text in address.items() if text or name in _CLEARABLE}
    if "payee_name" in changed:
        body["paymentInformation"] = {"payeeName": draft.payee_name or draft.name}
    return _filled(body)


_CLEARABLE = frozenset({"line2", "stateOrProvince"})


def _address_body(address: Address) -> dict[str, str]:
    """States of the United States and Canada go as the two capitals that BILL knows (docs: bill 6)."""
    state = address.state
    if address.country in ("US", "CA") and len(state) == 2:
        state = state.upper()
    return {
        "line1": address.line1,
        "line2": ", ".join(filter(None, (address.line2, address.line3))),
        "city": address.city,
        "stateOrProvince": state,
        "zipOrPostalCode": address.postcode,
        "country": address.country,
    }


def _email(text: str) -> str:
    """Ledgers hold lists and remarks here; BILL would refuse the whole vendor for one."""
    return text.strip() if _EMAIL.fullmatch(text.strip()) else ""


def bill_body(draft: BillDraft) -> dict[str, Any]:
    """The body of a bill's creation or replacement (docs: bill 7); the total is the sum of the lines.

    Amounts stay Decimal. A replacement sends its lines without ids, so that BILL drops the old ones.
    """
    return _filled(
        {
            "vendorId": draft.vendor_id,
            "dueDate": draft.due_date.isoformat(),
            "description": draft.description,
            "invoice": {"invoiceNumber": draft.number, "invoiceDate": draft.invoice_date.isoformat()},
            "purchaseOrderNumber": draft.purchase_order,
            "billLineItems": [_line_body(line) for line in draft.lines],
            "allowDuplicateInvoiceNumber": False,
        }
    )


def _line_body(line: DraftLine) -> dict[str, Any]:
    return _filled(
        {
            "amount": line.amount,
            "description": line.description,
            "classifications": _filled({"chartOfAccountId": line.account, "departmentId": line.department}),
        }
    )


def _filled(body: dict[str, Any]) -> dict[str, Any]:
    """Without the members that hold nothing."""
    return {name: value for name, value in body.items() if value not in ("", None, {})}
