"""What of each record type stands on its board."""

from __future__ import annotations

from collections.abc import Iterator

from connectors.domain import (
    Account,
    Address,
    Bill,
    Blocked,
    Customer,
    PurchaseOrder,
    Vendor,
    VendorStatus,
)
from connectors.ports import Cursor, Page
from integrations.engine.context import FlowContext

from .board_records import HASH, KEY, LINES, STATUS, BoardField, BoardTable, Part, codes, detail

AT_ONCE = 100  # customers asked for in one look


def _address(address: Address) -> str:
    place = " ".join(filter(None, (address.state, address.postcode)))
    lines = (address.line1, address.line2, address.line3, address.city, place, address.country)
    return ", ".join(filter(None, lines))


def _yes(flag: bool) -> str:
    return "Yes" if flag else "No"


# --- invoices ------------------------------------------------------------------------------------


def _bill_status(bill: Bill) -> str:
    if Blocked.NOT_POSTED in bill.blocked:
        return "Entered"
    if bill.balance == 0:
        return "Paid"
    held = {Blocked.ON_HOLD, Blocked.VENDOR_ON_HOLD, Blocked.PAYMENT_BLOCK}
    if held.intersection(bill.blocked):
        return "On hold"
    return "Credit" if bill.balance < 0 else "Open"


def _bill_parts(bill: Bill) -> Iterator[Part]:
    for line in bill.lines:
        yield Part(line.account_number, line.amount, line.description)


def _read_bills(context: FlowContext, cursor: Cursor | None) -> Iterator[Page[Bill]]:
    pages: Iterator[Page[Bill]] = context.reader.read_all_bills(cursor, context.integration.start_date)
    return pages


BILLS = BoardTable(
    title="AP invoices",
    fields=(
        BoardField("vendor", "Vendor", "text", lambda bill: bill.vendor_name),
        BoardField("vendor_number", "Vendor number", "text", lambda bill: bill.vendor_key),
        BoardField("invoice", "Invoice number", "text", lambda bill: bill.number),
        BoardField("invoice_date", "Invoice date", "date", lambda bill: bill.invoice_date),
        BoardField("due_date", "Due date", "date", lambda bill: bill.due_date),
        BoardField("amount", "Amount", "numbers", lambda bill: bill.total),
        BoardField("balance", "Open balance", "numbers", lambda bill: bill.balance),
        BoardField("currency", "Currency", "text", lambda bill: bill.currency),
        BoardField("purchase_order", "PO number", "text", lambda bill: bill.purchase_order),
        BoardField("comment", "Comment", "text", lambda bill: bill.description),
        BoardField("gl_codes", "GL codes", "text", lambda bill: codes(_bill_parts(bill))),
        BoardField(STATUS, "Ledger status", "text", _bill_status),
        BoardField(LINES, "Line items", "long_text", lambda bill: detail(_bill_parts(bill))),
    ),
    read=_read_bills,
    key=lambda bill: f"INV|{bill.key}",
    document=lambda bill: bill.number,
    name=lambda bill: f"{bill.number} {bill.vendor_name}",
    closed=lambda bill: bill.balance == 0 and Blocked.NOT_POSTED not in bill.blocked,
    parts=_bill_parts,
    total=lambda bill: bill.total,
    dated="invoice_date",
)


# --- purchase orders -----------------------------------------------------------------------------


def _order_parts(order: PurchaseOrder) -> Iterator[Part]:
    for line in order.lines:
        ordered = f"{line.quantity:f} x {line.unit_cost:f}" if line.quantity else ""
        words = " ".join(filter(None, (line.item, line.description)))
        yield Part(line.account_number, line.amount, " | ".join(filter(None, (words, ordered))))


def _read_orders(context: FlowContext, cursor: Cursor | None) -> Iterator[Page[PurchaseOrder]]:
    pages: Iterator[Page[PurchaseOrder]] = context.reader.read_purchase_orders(cursor)
    return pages


PURCHASE_ORDERS = BoardTable(
    title="Purchase orders",
    fields=(
        BoardField("order", "PO number", "text", lambda order: order.number),
        BoardField("vendor", "Vendor", "text", lambda order: order.vendor_name),
        BoardField("vendor_number", "Vendor number", "text", lambda order: order.vendor_key),
        BoardField("ordered_on", "Ordered", "date", lambda order: order.ordered_on),
        BoardField("required_on", "Required", "date", lambda order: order.required_on),
        BoardField("amount", "Amount", "numbers", lambda order: order.total),
        BoardField("currency", "Currency", "text", lambda order: order.currency),
        BoardField("kind", "Order type", "text", lambda order: order.kind),
        BoardField("on_hold", "On hold", "text", lambda order: _yes(order.on_hold)),
        BoardField("comment", "Comment", "text", lambda order: order.description),
        BoardField("gl_codes", "GL codes", "text", lambda order: codes(_order_parts(order))),
        BoardField(STATUS, "Ledger status", "text", lambda order: order.status),
        BoardField(LINES, "Line items", "long_text", lambda order: detail(_order_parts(order))),
    ),
    read=_read_orders,
    key=lambda order: f"PO|{order.key}",
    document=lambda order: order.number,
    name=lambda order: f"{order.number} {order.vendor_name}",
    closed=lambda order: order.closed,
    parts=_order_parts,
    total=lambda order: order.total,
    dated="ordered_on",
)


# --- vendors, customers, accounts ----------------------------------------------------------------


def _read_vendors(context: FlowContext, cursor: Cursor | None) -> Iterator[Page[Vendor]]:
    pages: Iterator[Page[Vendor]] = context.reader.read_vendors(cursor)
    return pages


def _asleep(party: Vendor | Customer) -> bool:
    return party.status in (VendorStatus.INACTIVE, VendorStatus.FROZEN)


VENDORS = BoardTable(
    title="Vendors",
    fields=(
        BoardField("vendor", "Vendor number", "text", lambda vendor: vendor.number),
        BoardField("vendor_name", "Vendor name", "text", lambda vendor: vendor.name),
        BoardField("address", "Address", "text", lambda vendor: _address(vendor.address)),
        BoardField("phone", "Phone", "text", lambda vendor: vendor.phone),
        BoardField("email", "Email", "text", lambda vendor: vendor.email),
        BoardField("on_hold", "On hold", "text", lambda vendor: _yes(vendor.on_hold)),
        BoardField(STATUS, "Ledger status", "text", lambda vendor: vendor.status.capitalize()),
    ),
    read=_read_vendors,
    key=lambda vendor: f"VEN|{vendor.key}",
    document=lambda vendor: vendor.number,
    name=lambda vendor: f"{vendor.number} {vendor.name}",
    closed=_asleep,
)


def _read_customers(context: FlowContext, cursor: Cursor | None) -> Iterator[Page[Customer]]:
    """Those that the settings name, and those of the sales orders that they name."""
    reader = context.reader
    orders = list(context.settings["customer_orders"])
    keys = dict.fromkeys(context.settings["customer_keys"])
    keys |= dict.fromkeys(reader.read_order_customers(orders).values()) if orders else {}
    wanted = list(keys)
    for start in range(0, len(wanted), AT_ONCE):
        yield from reader.read_customers(wanted[start : start + AT_ONCE])


CUSTOMERS = BoardTable(
    title="Customers",
    fields=(
        BoardField("customer", "Customer number", "text", lambda customer: customer.number),
        BoardField("customer_name", "Customer name", "text", lambda customer: customer.name),
        BoardField("address", "Address", "text", lambda customer: _address(customer.address)),
        BoardField("phone", "Phone", "text", lambda customer: customer.phone),
        BoardField("email", "Email", "text", lambda customer: customer.email),
        BoardField("balance", "Open balance", "numbers", lambda customer: customer.balance),
        BoardField("credit_limit", "Credit limit", "numbers", lambda customer: customer.credit_limit),
        BoardField(STATUS, "Ledger status", "text", lambda customer: customer.status.capitalize()),
    ),
    read=_read_customers,
    key=lambda customer: f"CUS|{customer.key}",
    document=lambda customer: customer.number,
    name=lambda customer: f"{customer.number} {customer.name}",
    closed=_asleep,
    complete=False,
)


def _read_accounts(context: FlowContext, cursor: Cursor | None) -> Iterator[Page[Account]]:
    pages: Iterator[Page[Account]] = context.reader.read_accounts(cursor)
    return pages


ACCOUNTS = BoardTable(
    title="GL accounts",
    fields=(
        BoardField("gl_code", "GL code", "text", lambda account: account.number),
        BoardField("account_name", "Account name", "text", lambda account: account.name),
        BoardField("account_type", "Account type", "text", lambda account: account.kind),
        BoardField(STATUS, "Ledger status", "text", lambda a: "Active" if a.active else "Inactive"),
    ),
    read=_read_accounts,
    key=lambda account: f"GL|{account.key}",
    document=lambda account: account.number,
    name=lambda account: f"{account.number} {account.name}",
    closed=lambda account: not account.active,
)


TABLES: dict[str, BoardTable] = {
    "bills": BILLS,
    "purchase_orders": PURCHASE_ORDERS,
    "vendors": VENDORS,
    "accounts": ACCOUNTS,
    "customers": CUSTOMERS,
}


def words() -> tuple[str, ...]:
    """The sources of the table of columns: `flow.field`."""
    named = {flow: (KEY, HASH, *(each.name for each in table.fields)) for flow, table in TABLES.items()}
    return tuple(f"{flow}.{name}" for flow, names in named.items() for name in names)
