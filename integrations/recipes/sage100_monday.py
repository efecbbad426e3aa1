"""Sage 100 -> monday.com: invoices, purchase orders, vendors and the chart of accounts as items of boards."""

from __future__ import annotations

from integrations.flows.board_columns import LEFT_OUT
from integrations.flows.board_items import (
    BoardAccounts,
    BoardBills,
    BoardCustomers,
    BoardPurchaseOrders,
    BoardVendors,
)
from integrations.flows.board_tables import words
from integrations.models import MappingTable, ReferenceKind

from .base import DAY, HOUR, MINUTE, FlowSpec, Recipe, SettingSpec, Side, TableSpec

SAGE100_MONDAY = Recipe(
    name="sage100_monday",
    label="Sage 100 to monday.com",
    source="sage100",
    target="monday",
    flows=(
        FlowSpec("accounts", BoardAccounts, every=DAY),
        FlowSpec("vendors", BoardVendors, every=HOUR),
        FlowSpec("bills", BoardBills, every=15 * MINUTE),
        FlowSpec("purchase_orders", BoardPurchaseOrders, every=15 * MINUTE),
        FlowSpec("customers", BoardCustomers, every=DAY, setting="customers"),
    ),
    compares=("items",),
    tables=(
        TableSpec(
            MappingTable.COLUMNS,
            Side(words=words()),
            Side("target", ReferenceKind.COLUMN, words=(LEFT_OUT,)),
            help="Field of a flow -> column of its board, by id or exact title; without a row one is proposed by title "
            "and type, or created; - leaves the field out",
        ),
    ),
    settings=(
        SettingSpec(
            "manage_columns",
            "Create boards and columns that are missing",
            True,
            kind="bool",
            help="Otherwise records wait until people have made them.",
        ),
        SettingSpec(
            "line_detail",
            "Lines of invoices and purchase orders",
            "long_text",
            kind="choice",
            choices=("long_text", "subitems"),
            help="One long text of up to 2,000 characters, or a subitem a line: many more calls of the daily limit.",
            rereads=("bills", "purchase_orders"),
        ),
        SettingSpec(
            "closed_items",
            "Items of records that are closed in the ledger, or gone from it",
            "status",
            kind="choice",
            choices=("status", "group"),
            help="They say so in the column of the ledger's status; or they are moved to a group of their own as well.",
        ),
        SettingSpec(
            "customers",
            "Customers through Sage 100's web services",
            False,
            kind="bool",
            help="The web services list no customers: name them, or sales orders of theirs.",
        ),
        SettingSpec("customer_keys", "Customers, such as 01-ABF", [], kind="list"),
        SettingSpec("customer_orders", "Sales orders whose customers are wanted", [], kind="list"),
    ),
)
