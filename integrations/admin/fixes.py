"""From a reason to the page where it is fixed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from integrations.engine.context import recipe_of
from integrations.models import Delivery, MappingTable, Reason


@dataclass(frozen=True, slots=True)
class Fix:
    """What to do, and where (no URL: in the ledger or the cloud)."""

    text: str
    url: str = ""


_MAPPING = {
    Reason.ACCOUNT_UNMAPPED: (MappingTable.ACCOUNTS, "Map the account"),
    Reason.ACCOUNT_INACTIVE: (MappingTable.ACCOUNTS, "Map the account to an active one"),
    Reason.DIMENSION_UNMAPPED: (MappingTable.DEPARTMENTS, "Map the department"),
    Reason.VENDOR_AMBIGUOUS: (MappingTable.VENDORS, "Say which vendor it is"),
    Reason.BOARD_UNUSABLE: (MappingTable.COLUMNS, "Read the message; choose the column here where that is the fix"),
}
_CONNECTION = {Reason.AUTH_FAILED: "Check the credentials", Reason.UNREACHABLE: "Test the connection"}
_ELSEWHERE = {
    Reason.VENDOR_INCOMPLETE: "Complete the vendor in the ledger, then replay",
    Reason.VENDOR_INACTIVE: "Activate the vendor, then replay",
    Reason.DOCUMENT_NUMBER_TOO_LONG: "Allow shortening in the integration's settings, or enter it by hand",
    Reason.CURRENCY_UNSUPPORTED: "Enter it by hand and mark it done outside",
    Reason.AMOUNT_MISMATCH: "Correct the document in the ledger; it comes again by itself",
    Reason.DUPLICATE_DOCUMENT: "Compare both documents, then mark it done outside or correct the number",
    Reason.CHANGED_AFTER_DELIVERY: "Compare both sides, settle it by hand and mark it done outside",
    Reason.INVOICE_NOT_FOUND: "Find out where the invoice went, then replay",
    Reason.ON_HOLD_IN_ERP: "It goes on once the hold in the ledger ends",
    Reason.PAID_IN_ERP: "Stop the payment in the cloud; the ledger has paid already",
    Reason.VOIDED_AFTER_POSTING: "Reverse the posted payment in the ledger, then mark it done outside",
    Reason.AWAITING_APPROVAL: "Approve it; it goes on by itself",
    Reason.AWAITING_CHECK_NUMBER: "It goes on once the check has been cut",
    Reason.PERIOD_CLOSED: "Open the period or change the date, then replay",
    Reason.RECORD_LOCKED: "It is tried again by itself",
    Reason.BOARD_FULL: "Archive items of the board; they go on by themselves",
    Reason.REJECTED_BY_TARGET: "Read the message, correct the cause, then replay",
    Reason.OUTCOME_UNKNOWN: "It is looked up by itself until the outcome is certain",
}


def fix_for(delivery: Delivery) -> Fix | None:
    """What a person can do about a delivery's reason."""
    if not delivery.reason:
        return None
    reason = Reason(delivery.reason)
    flow = delivery.flow
    if reason in _MAPPING:
        table, text = _MAPPING[reason]
        recipe = recipe_of(flow.integration)
        if table == MappingTable.ACCOUNTS and recipe.table(table) is None:
            if recipe.table(MappingTable.CATEGORIES) is None:  # the ledger's own accounts are what the cloud codes with
                return Fix("Add the code there, or let the flow accounts import it; it goes on by itself")
            table = MappingTable.CATEGORIES  # where the cloud is the source, its categories are what is mapped
        return Fix(text, _changelist("mapping", integration=flow.integration_id, table__exact=table))
    if reason in _CONNECTION:
        return Fix(_CONNECTION[reason], reverse("admin:integrations_integration_change", args=[flow.integration_id]))
    if reason == Reason.VENDOR_MISSING:
        vendor = {"key": delivery.group} if delivery.group else {}
        return Fix(
            "See what keeps the vendor",
            _changelist("delivery", flow__integration=flow.integration_id, flow__name="vendors", **vendor),
        )
    return Fix(_ELSEWHERE[reason])


def _changelist(model: str, **query: Any) -> str:
    return f"{reverse(f'admin:integrations_{model}_changelist')}?{urlencode(query)}"
