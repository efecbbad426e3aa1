"""BILL -> Sage 300: vendors and approved bills, in batches; nothing comes back."""

from __future__ import annotations

from integrations.flows.accounts import AccountsFlow
from integrations.flows.ledger_bills import LedgerBillsFlow
from integrations.flows.ledger_vendors import LedgerVendorsFlow
from integrations.models import MappingTable, ReferenceKind

from .base import DAY, HOUR, MINUTE, FlowSpec, Recipe, SettingSpec, Side, TableSpec

BILL_SAGE300 = Recipe(
    name="bill_sage300",
    label="BILL to Sage 300",
    source="bill",
    target="sage300",
    flows=(
        FlowSpec("accounts", AccountsFlow, every=DAY),
        FlowSpec("vendors", LedgerVendorsFlow, every=HOUR, webhooks=("vendor.created", "vendor.updated")),
        FlowSpec("bills", LedgerBillsFlow, every=15 * MINUTE, webhooks=("bill.created", "bill.updated")),
    ),
    compares=("accounts", "all_vendors", "entries"),
    tables=(
        TableSpec(
            MappingTable.CATEGORIES,
            Side("source", ReferenceKind.ACCOUNT, words=("*",)),
            Side("target", ReferenceKind.ACCOUNT),
            help="BILL account, department and location of a line -> Sage 300 G/L account; the most specific rule "
            "wins, * serves lines without a category",
            department=Side("source", ReferenceKind.DEPARTMENT),
            location=Side("source", ReferenceKind.LOCATION),
        ),
        TableSpec(
            MappingTable.VENDORS,
            Side("source", ReferenceKind.VENDOR),
            Side("target", ReferenceKind.VENDOR),
            help="Only where number and name do not settle it: BILL vendor -> Sage 300 vendor",
        ),
        TableSpec(
            MappingTable.VENDOR_ACCOUNTS,
            Side("source", ReferenceKind.VENDOR),
            Side("target", ReferenceKind.ACCOUNT),
            help="BILL vendor -> the G/L account that the vendor gets as its default when it is created in Sage 300",
        ),
    ),
    settings=(
        SettingSpec(
            "vendor_group",
            "Vendor group of vendors created in Sage 300",
            "TRADE",
            kind="map",
            pattern=r"[A-Z0-9]{1,6}",
            help="One group, or one per currency: USD: TRADE, CAD: CADGRP. It brings account set, terms and tax group.",
        ),
        SettingSpec(
            "vendor_number_rule",
            "Numbering of vendors created in Sage 300",
            "BILL{seq:06d}",
            pattern=r"[A-Z0-9.\-_]{0,11}\{seq(:0?[1-9][0-9]?d)?\}[A-Z0-9.\-_]{0,11}",
            help="At most 12 characters after filling in the sequence: capitals, digits, point, hyphen, underscore.",
        ),
        SettingSpec(
            "approved_statuses",
            "Approval statuses of bills that go to Sage 300",
            ["APPROVED"],
            kind="list",
            choices=("APPROVED", "UNASSIGNED"),
            help="UNASSIGNED is every bill of an organization without an approval policy.",
            rereads=("bills",),
        ),
        SettingSpec(
            "post_mode",
            "How far batches are taken",
            "ready",
            kind="choice",
            choices=("open", "ready", "post"),
            help="Left open, made ready to post, or posted.",
        ),
        SettingSpec("batch_size", "Invoices a batch", 50, kind="number", between=(1, 500)),
        SettingSpec(
            "posting_date",
            "Posting date",
            "document",
            kind="choice",
            choices=("document", "today", "first_open"),
            help="The bill's own date, the day it is sent, or the first day from its own on that takes invoices.",
        ),
        SettingSpec(
            "tax",
            "Tax",
            "enter",
            kind="choice",
            choices=("enter", "exempt"),
            help="BILL's amounts hold their tax: keep them as they are, or use Sage 300's exempt tax classes as well.",
        ),
        SettingSpec(
            "optional_fields",
            "Optional fields of every invoice",
            "",
            kind="map",
            pattern=r".{1,60}",
            help="What the site's own fields get, by name: SOURCE: BILL. Sage refuses invoices without a required one.",
        ),
        SettingSpec(
            "vendor_optional_fields",
            "Optional fields of vendors created in Sage 300",
            "",
            kind="map",
            pattern=r".{1,60}",
        ),
        SettingSpec(
            "webhook_window",
            "Seconds to collect notifications before a run",
            5,
            kind="number",
            between=(0, 50),
        ),
    ),
)
