"""SAP Business One <-> BILL: vendors and payable invoices out, payments back."""

from __future__ import annotations

from connectors.domain import ChargeKind
from integrations.flows.accounts import AccountsFlow
from integrations.flows.bills import BillsFlow
from integrations.flows.departments import DepartmentsFlow
from integrations.flows.payments import PaymentsFlow
from integrations.flows.vendors import VendorsFlow
from integrations.models import MappingTable, ReferenceKind

from .base import DAY, HOUR, MINUTE, FlowSpec, Recipe, SettingSpec, Side, TableSpec

SAP_B1_BILL = Recipe(
    name="sap_b1_bill",
    label="SAP Business One to BILL, payments back",
    source="sap_b1",
    target="bill",
    flows=(
        FlowSpec("accounts", AccountsFlow, every=DAY),
        FlowSpec("departments", DepartmentsFlow, every=DAY),
        FlowSpec("vendors", VendorsFlow, every=HOUR),
        FlowSpec("bills", BillsFlow, every=15 * MINUTE),
        FlowSpec("payments", PaymentsFlow, every=15 * MINUTE, reads="target", webhooks=("payment.updated",)),
    ),
    tables=(
        TableSpec(
            MappingTable.ACCOUNTS,
            Side("source", ReferenceKind.ACCOUNT),
            Side("target", ReferenceKind.ACCOUNT),
            help="SAP G/L account -> BILL chart of accounts",
        ),
        TableSpec(
            MappingTable.DEPARTMENTS,
            Side("source", ReferenceKind.DEPARTMENT),
            Side("target", ReferenceKind.DEPARTMENT),
            help="SAP distribution rule -> BILL department",
        ),
        TableSpec(
            MappingTable.VENDORS,
            Side("source", ReferenceKind.VENDOR),
            Side("target", ReferenceKind.VENDOR),
            help="Only where the name does not settle it: SAP vendor -> BILL vendor",
        ),
        TableSpec(
            MappingTable.BANK_ACCOUNTS,
            Side("target", ReferenceKind.BANK, words=("*",)),
            Side("source", ReferenceKind.ACCOUNT),
            help="BILL funding account -> SAP G/L account that the money leaves; * is the default",
        ),
        TableSpec(
            MappingTable.AMOUNTS,
            Side(words=tuple(ChargeKind)),
            Side("target", ReferenceKind.ACCOUNT),
            help="Amounts outside the lines -> BILL chart of accounts; without a row they go with the largest line",
        ),
    ),
    settings=(
        SettingSpec(
            "dimension",
            "Dimension of the distribution rules that become departments",
            "1",
            kind="choice",
            choices=("1", "2", "3", "4", "5"),
        ),
        SettingSpec(
            "split_instalments",
            "One bill per instalment",
            False,
            kind="bool",
            help="Otherwise an invoice with several instalments is one bill, due on the invoice's own date.",
        ),
        SettingSpec(
            "long_invoice_numbers",
            "Invoice numbers BILL cannot hold",
            "hold",
            kind="choice",
            choices=("hold", "shorten"),
            help="BILL takes 21 characters. Hold them, or shorten them the same way every time.",
        ),
        SettingSpec(
            "missing_invoice_number",
            "Invoices without a number of the vendor",
            "docnum",
            kind="choice",
            choices=("docnum", "hold"),
            help="Use SAP's document number in its place, or hold them.",
        ),
        SettingSpec(
            "unmapped_amounts",
            "Freight and other amounts outside the lines that no row maps",
            "largest_line",
            kind="choice",
            choices=("largest_line", "hold"),
        ),
        SettingSpec(
            "record_outside_payments",
            "Send payments that a person recorded in BILL as made elsewhere",
            False,
            kind="bool",
        ),
    ),
)
