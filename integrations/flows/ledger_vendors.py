"""Vendors of the cloud become vendors of a ledger: adopted by number or name, created under a number of our rule.

The ledger's number is written down before it is sent, so that a repetition asks for the same one.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from connectors.domain import NewVendorDraft, Vendor, VendorDraft
from connectors.errors import NotFound, Rejected
from integrations.engine.books import Row, match_name
from integrations.engine.codec import decode, encode
from integrations.engine.vocabulary import Adopt, Decision, Found, Hold, Item, Reason, Send, Settle
from integrations.models import Delivery, Link, MappingTable, Reference, ReferenceKind, State

from .base import mapped
from .vendor_matching import ASLEEP, VendorMatching, draft_of, label
from .vendor_numbers import Numbers

AT_ONCE = 1e-6  # seconds: looked at again in this very run


class LedgerVendorsFlow(VendorMatching):
    def wants(self, vendor: Vendor) -> bool:
        return vendor.status not in ASLEEP

    def draft(self, vendor: Vendor) -> VendorDraft:
        """Whom the cloud names on its payments is nothing to the ledger."""
        return dataclasses.replace(draft_of(vendor), payee_name="")

    # --- matching --------------------------------------------------------------------------------

    def candidates(self, items: Sequence[Item]) -> dict[str, list[Row]]:
        """The vendor whose number the cloud's vendor carries; else namesakes, inactive ones only when no other is."""
        book = self.context.references(self.context.writes)
        carried = {item.key: item.record.reference.strip().upper() for item in items}
        rows = book.get(ReferenceKind.VENDOR, filter(None, carried.values()))
        numbered = self.free({key: [rows[number]] for key, number in carried.items() if number in rows})
        named = self.namesakes([item for item in items if not numbered.get(item.key)])
        found = {}
        for item in items:
            same = numbered.get(item.key) or named[item.key]
            found[item.key] = self.narrow(item.record, [row for row in same if row.active] or same)
        return found

    def name_there(self, vendor: Vendor) -> str:
        limit = self.context.writer.capabilities.limits.get("vendor.name", len(vendor.name))
        return match_name(vendor.name[:limit])

    def adopt(self, item: Item, row: Row, draft: VendorDraft) -> Decision:
        if not row.active:
            text = f"{self.there} has {row.label}, which is {label(item.record)}, but inactive: activate it there."
            return Hold(Reason.VENDOR_INACTIVE, text)
        how = "number" if item.record.reference.strip().upper() == row.key.upper() else "name"
        return Adopt(row.key, draft, f"{self.there} already has {row.label}: linked by {how}.")

    # --- creating --------------------------------------------------------------------------------

    def create(self, item: Item, draft: VendorDraft) -> Decision:
        group, account = self._group(item.record), self._account(item.record)
        for problem in (group, account):
            if isinstance(problem, Hold):
                return problem
        try:
            number = self._number(item.key)
        except ValueError as error:
            return Hold(Reason.VENDOR_INCOMPLETE, f"{error} Change vendor_number_rule in the settings.")
        own = mapped(self.context.settings["vendor_optional_fields"])
        new = NewVendorDraft(draft, "", number, "", group=str(group), account=str(account), optional_fields=own)
        return Send("create", new)

    def _group(self, vendor: Vendor) -> str | Hold:
        """One group is for the tenant's own currency; every group has one."""
        home = self.context.integration.tenant.currency
        groups = self.context.settings["vendor_group"]
        groups = groups if isinstance(groups, dict) else {home: groups}
        currency = vendor.currency or home
        if currency not in groups:
            return Hold(
                Reason.CURRENCY_UNSUPPORTED,
                f"Vendor {label(vendor)} is kept in {currency}; the setting vendor_group names no group for it.",
            )
        if not groups[currency]:
            return Hold(Reason.VENDOR_INCOMPLETE, "Creating vendors needs the setting vendor_group.")
        return str(groups[currency])

    def _account(self, vendor: Vendor) -> str | Hold:
        """The default account that people chose for the vendor, "" where they chose none."""
        mapping, table = self.context.mapping, MappingTable.VENDOR_ACCOUNTS
        if not mapping.has(table, vendor.key):
            return ""
        account = mapping.target(table, vendor.key)
        if not account:
            problem = mapping.problem(table, vendor.key)
            return Hold(Reason.ACCOUNT_UNMAPPED, f"The default account of {label(vendor)} is not known. {problem}")
        row = self.context.references(self.context.writes).all(ReferenceKind.ACCOUNT).get(account)
        if row is not None and not row.active:
            text = f"The default account of {label(vendor)}, {row.label}, takes no postings in {self.there}."
            return Hold(Reason.ACCOUNT_INACTIVE, text)
        return account

    def _number(self, key: str) -> str:
        """The one that the vendor was promised, or the next. Raises ValueError."""
        if key not in self._promised:
            self._promised[key] = self._numbers.next()
        return self._promised[key]

    @cached_property
    def _promised(self) -> dict[str, str]:
        """Numbers that were written down for vendors that are not there yet, but for those that others have."""
        promised: dict[str, str] = {}
        for key, reason, number in self._written_down():
            if reason == Reason.DUPLICATE_DOCUMENT:
                promised.pop(key, None)
            else:
                promised[key] = number
        return promised

    @cached_property
    def _numbers(self) -> Numbers:
        known = Reference.objects.filter(
            connection=self.context.connection(self.context.writes), kind=ReferenceKind.VENDOR
        )
        linked = Link.objects.filter(flow=self.context.flow)
        taken = {*known.values_list("key", flat=True), *linked.values_list("target_id", flat=True)}
        taken |= {number for _, _, number in self._written_down()}
        limit = self.context.writer.capabilities.limits.get("vendor.number", 0)
        return Numbers(self.context.settings["vendor_number_rule"], taken, limit=limit)

    def _written_down(self) -> list[tuple[str, str, str]]:
        rows = Delivery.objects.filter(flow=self.context.flow, action="create").exclude(draft="")
        rows = rows.exclude(state=State.DELIVERED).order_by("version")
        return [
            (key, reason, decode(NewVendorDraft, draft).number)
            for key, reason, draft in rows.values_list("key", "reason", "draft")
        ]

    # --- changing --------------------------------------------------------------------------------

    def change(self, item: Item, link: Link, draft: VendorDraft, changed: frozenset[str]) -> Decision:
        row = self.target_of(link)
        if row is not None and not row.active:
            return Hold(Reason.VENDOR_INACTIVE, f"{row.label} is inactive in {self.there}; activate it there.")
        if not self.context.writer.fits(link.target_id):
            what = ", ".join(sorted(name.replace("_", " ") for name in changed))
            text = f"{self.there} cannot be asked to change vendor {link.target_id}: change there by hand: {what}."
            return Settle(text, draft)
        return Send("update", draft, target_id=link.target_id, changed=changed)

    # --- sending ---------------------------------------------------------------------------------

    def send(self, action: str, batch: Sequence[tuple[Item, Send]]) -> list[Any]:
        writer = self.context.writer
        if action == "create":
            return [writer.create_vendor(send.draft) for _, send in batch]
        return [writer.update_vendor(send.target_id, send.draft, send.changed) for _, send in batch]

    def refused(self, item: Item, send: Send, error: Rejected) -> Hold | Found | None:
        """Another vendor has the number: the next one is tried, that vendor is left alone."""
        if send.action == "create" and error.reason == Reason.DUPLICATE_DOCUMENT:
            self._promised.pop(item.key, None)
            return Hold(Reason.DUPLICATE_DOCUMENT, f"{error.message} The next number is tried.", retry_after=AT_ONCE)
        return None

    def look_up(self, items: Sequence[Item]) -> dict[str, Found]:
        found = {}
        for item in items:
            found[item.key] = Found("", f"An {item.delivery.action} may be sent again.")
            if item.delivery.action == "create":
                draft = decode(NewVendorDraft, item.delivery.draft)
                found[item.key] = self._under(draft.number, item.record)
        return found

    def _under(self, number: str, vendor: Vendor) -> Found:
        try:
            known = self.context.writer.get_vendor(number)
        except NotFound:
            return Found("", f"{self.there} has no vendor {number}.")
        if match_name(known.name) != self.name_there(vendor):
            return Found("", f"{self.there} has another vendor under {number}, {known.name}.")
        return Found(known.key, f"Found in {self.there} as {known.key}.")

    def draft_type(self, action: str) -> type:
        return NewVendorDraft if action == "create" else VendorDraft

    def keep(self, link: Link, item: Item, decision: Decision, written: Any) -> None:
        """What the ledger was told of the vendor itself; its number and group stay with the delivery."""
        super().keep(link, item, decision, written)
        if isinstance(decision, Send) and isinstance(decision.draft, NewVendorDraft):
            link.draft = encode(decision.draft.vendor)
