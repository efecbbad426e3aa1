"""Sage 100 -> BILL: vendors and payable invoices out, payments back."""

from __future__ import annotations

from integrations.flows.accounts import AccountsFlow
from integrations.flows.bills import BillsFlow
from integrations.flows.new_vendors import NewVendorsFlow
from integrations.flows.payments import PaymentsFlow
from integrations.flows.vendors import VendorsFlow
from integrations.models import MappingTable, ReferenceKind

from .base import DAY, HOUR, MINUTE, FlowSpec, Recipe, SettingSpec, Side, TableSpec

SAGE100_BILL = Recipe(
    name="sage100_bill",
    label="Sage 100 to BILL, payments back",
    source="sage100",
    target="bill",
    flows=(
        FlowSpec("accounts", AccountsFlow, every=DAY),
        FlowSpec("vendors", VendorsFlow, every=HOUR),
        FlowSpec("new_vendors", NewVendorsFlow, every=HOUR, reads="target", setting="create_vendors_in_erp"),
        FlowSpec("bills", BillsFlow, every=15 * MINUTE),
        FlowSpec("payments", PaymentsFlow, every=15 * MINUTE, reads="target", webhooks=("payment.updated",)),
    ),
    tables=(
        TableSpec(
            MappingTable.ACCOUNTS,
            Side("source", ReferenceKind.ACCOUNT),
            Side("target", ReferenceKind.ACCOUNT),
            help="Sage GL account -> BILL chart of accounts",
        ),
        TableSpec(
            MappingTable.VENDORS,
            Side("source", ReferenceKind.VENDOR),
            Side("target", ReferenceKind.VENDOR),
            help="Only where the name does not settle it: Sage vendor -> BILL vendor",
        ),
        TableSpec(
            MappingTable.BANK_ACCOUNTS,
            Side("target", ReferenceKind.BANK, words=("*",)),
            Side("source", ReferenceKind.BANK),
            help="BILL funding account -> Sage bank code; * is the default",
        ),
        TableSpec(
            MappingTable.AMOUNTS,
            Side(words=("freight", "tax", "rounding", "paid")),
            Side("target", ReferenceKind.ACCOUNT),
            help="Amounts outside the lines -> BILL chart of accounts",
        ),
    ),
    settings=(
        SettingSpec(
            "long_invoice_numbers",
            "Invoice numbers BILL cannot hold",
            "hold",
            kind="choice",
            choices=("hold", "shorten"),
            help="BILL takes 21 characters. Hold them, or shorten them the same way every time.",
        ),
        SettingSpec(
            "record_outside_payments",
            "Send payments that a person recorded in BILL as made elsewhere",
            False,
            kind="bool",
        ),
        SettingSpec("create_vendors_in_erp", "Create vendors that exist only in BILL in Sage 100", False, kind="bool"),
        SettingSpec("erp_vendor_division", "Division of vendors created in Sage 100", ""),
        SettingSpec("erp_vendor_terms", "Terms code of vendors created in Sage 100", ""),
        SettingSpec(
            "erp_vendor_number_rule",
            "Numbering of vendors created in Sage 100",
            "B{seq:06d}",
            help="At most 7 characters after filling in the sequence.",
        ),
    ),
)
