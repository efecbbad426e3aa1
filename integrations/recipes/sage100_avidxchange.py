"""Sage 100 <-> AvidXchange: codes, vendors and payable invoices with their scans out, settled payments back."""

from __future__ import annotations

from integrations.flows.codes import CodesFlow
from integrations.flows.pushed_bills import PushedBillsFlow
from integrations.flows.pushed_vendors import PushedVendorsFlow
from integrations.flows.remittances import RemittancesFlow
from integrations.models import MappingTable, ReferenceKind

from .base import DAY, HOUR, MINUTE, FlowSpec, Recipe, SettingSpec, Side, TableSpec

SAGE100_AVIDXCHANGE = Recipe(
    name="sage100_avidxchange",
    label="Sage 100 to AvidXchange, payments back",
    source="sage100",
    target="avidxchange",
    flows=(
        FlowSpec("accounts", CodesFlow, every=DAY),
        FlowSpec("vendors", PushedVendorsFlow, every=HOUR),
        FlowSpec("bills", PushedBillsFlow, every=30 * MINUTE),
        FlowSpec("payments", RemittancesFlow, every=15 * MINUTE, reads="target"),
    ),
    tables=(
        TableSpec(
            MappingTable.VENDORS,
            Side("source", ReferenceKind.VENDOR),
            Side("target", ReferenceKind.VENDOR),
            help="Only where code and name do not settle it: Sage vendor -> AvidXchange vendor",
        ),
        TableSpec(
            MappingTable.BANK_ACCOUNTS,
            Side("target"),
            Side("source", ReferenceKind.BANK),
            help="AvidXchange bank account (its client id) -> Sage bank code; * is the default",
        ),
        TableSpec(
            MappingTable.AMOUNTS,
            Side(words=("freight", "tax", "rounding", "paid")),
            Side("target"),  # as it will be called there: perhaps it is handed over in the first sync only
            help="Amounts outside the lines -> AvidXchange code, e.g. the Sage account 6410-01-00",
        ),
    ),
    settings=(
        SettingSpec(
            "codes_write_mode",
            "How GL accounts and segment values reach AvidXchange",
            "import",
            kind="choice",
            choices=("import", "verify", "file", "auto"),
            help="Imported; only checked; written to a CSV file for AvidXchange and checked; or imported until "
            "AvidXchange refuses that, and checked from then on (choose again to try again).",
            rereads=("accounts",),
        ),
        SettingSpec(
            "send_segments", "Send the segments of each line's account as codes of their own", False, kind="bool"
        ),
        SettingSpec(
            "settled_statuses",
            "Payment statuses that count as settled besides the profile's own",
            [],
            kind="list",
            help="E.g. Issued to Supplier: then payments are entered on their payment date, before they clear.",
            rereads=("payments",),
        ),
        SettingSpec(
            "unbalanced",
            "Invoices whose lines do not add up",
            "hold",
            kind="choice",
            choices=("hold", "prorate"),
            help="Hold them, or spread the difference over the lines in proportion.",
        ),
        SettingSpec(
            "requests_per_minute",
            "Requests a minute to AvidXchange",
            None,
            kind="number",
            help="Empty: what the connection says, 60 unless changed.",
            connection="target",
        ),
        SettingSpec(
            "max_in_flight",
            "Requests to AvidXchange at once",
            None,
            kind="number",
            help="Empty: what the connection says, 2 unless changed.",
            connection="target",
        ),
    ),
    compares=("accounts", "codes", "vendors", "pushed"),
    payment_mark="avid",
)
