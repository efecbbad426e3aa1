"""Webhook bodies: the entity as its event shows it, which is less than a GET shows (docs: bill 10.3)."""

from __future__ import annotations

from typing import Any

from .core import Core
from .tables import Row

_BILL = """
id vendorId vendorName invoice amount dueDate description paymentStatus payFromChartOfAccountId classifications
purchaseOrderNumber archived createdBy createdTime updatedTime
"""
_VENDOR = """
id name shortName archived email phone accountNumber networkStatus paymentNetworkId rppsId address paymentInformation
additionalInfo autoPay balance billCurrency recurringPayments createdTime updatedTime
"""
BILL_FIELDS = tuple(_BILL.split())
VENDOR_FIELDS = tuple(_VENDOR.split())


def entity(core: Core, event: str, row: Row) -> Row:
    """The value beside `metadata` for an event of `row`."""
    if event.startswith("bill."):
        return _bill(core, row)
    if event.startswith("vendor."):
        return _vendor(row)
    return _failed(core, row) if event == "payment.failed" else _payment(core, row)


def _bill(core: Core, row: Row) -> Row:
    shown = {**row, "vendorName": core.vendors.rows[row["vendorId"]]["name"]}
    shown["invoice"] = {**row["invoice"], "invoiceDate": f"{row['invoice']['invoiceDate']}T00:00:00.000Z"}
    return {name: shown[name] for name in BILL_FIELDS if name in shown}


def _vendor(row: Row) -> Row:
    shown = {name: row[name] for name in VENDOR_FIELDS if name in row}
    number = shown.get("accountNumber", "")
    if number.isascii() and number.isdigit() and not number.startswith("0"):
        shown["accountNumber"] = int(number)  # a JSON number in BILL's own sample
    return shown


def _payment(core: Core, row: Row) -> Row:
    bank: Row = core.banks.rows.get(row.get("fundingAccount", {}).get("id", ""), {})
    account = {
        "id": bank.get("id"),
        "type": "BANK_ACCOUNT",
        "name": bank.get("bankName"),
        "accountNumber": bank.get("accountNumber"),
        "last4": None,
    }
    money: dict[str, Any] = {"amount": row["amount"], "currency": "USD"}
    billing = "BDC" if row["onlinePayment"] else "NET_SYNC_FROM_OFFLINE_PAYMENT"
    return {
        "id": row["id"],
        "billIds": [part["billId"] for part in row["billPayments"]],
        "transactionNumber": row["transactionNumber"],
        "status": row["singleStatus"],  # this vocabulary, not that of the API's `status`
        "createdBy": row["createdBy"],
        "createdTime": row["createdTime"],
        "updatedTime": row["updatedTime"],
        "processDate": row["processDate"],
        "vendor": {"id": row["vendorId"], "name": row["vendorName"]},
        "funding": {**money, "fundingAccount": account},
        "disbursement": money,
        "billingType": billing,
    }


def _failed(core: Core, row: Row) -> Row:
    """A refused request to create a payment; it may have no id."""
    return {
        "bills": [{"billId": part["billId"], "amount": part["amount"]} for part in row["billPayments"]],
        "vendor": {"id": row["vendorId"], "name": row["vendorName"]},
        "fundingAccount": row.get("fundingAccount"),
        "transactionNumber": row["transactionNumber"],
        "errors": [{"code": "BDC_1151", "message": "The funding account cannot pay."}],
    }
