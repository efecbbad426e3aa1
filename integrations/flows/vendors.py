"""Vendors of the ledger become vendors of the cloud: adopted by name, created when needed, updated by field."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from typing import Any, ClassVar

from connectors.domain import Address, Vendor, VendorDraft, VendorStatus
from connectors.errors import BadAnswer, NotFound
from connectors.ports import Cursor, Page
from integrations.engine.books import Row, match_name
from integrations.engine.codec import decode
from integrations.engine.vocabulary import (
    Adopt,
    Decision,
    Found,
    Hold,
    Item,
    Reason,
    Send,
    Settle,
    Staged,
    Stream,
)
from integrations.models import Delivery, Link, MappingTable, ReferenceKind
from integrations.models.delivery import UNSENT

from .base import Policy, nothing

REQUIRED = (("line1", "street"), ("city", "city"), ("postcode", "postcode"), ("country", "country"))
CLOCK_SKEW = timedelta(minutes=10)


class VendorsFlow(Policy):
    record_type: ClassVar[str] = "vendor"
    record: ClassVar[type] = Vendor
    releases: ClassVar[bool] = True

    # --- reading ---------------------------------------------------------------------------------

    def streams(self) -> Iterable[Stream]:
        context = self.context
        yield Stream("target vendors", context.writer.read_vendors, self._absorb_target, counts=False)
        yield Stream("source vendors", context.reader.read_vendors, self._absorb_source)
        yield Stream("asked for", self._read_asked, self._absorb_source, after=self._asked_for, counts=False, once=True)
        if any(row.table == MappingTable.VENDORS and row.problem for row in context.mapping.rows()):
            yield Stream("mappings", nothing, lambda records: (), after=self.resolve_mappings, once=True)

    def _absorb_target(self, records: Sequence[Vendor]) -> Iterable[Staged]:
        book = self.context.references(self.context.writes)
        self.context.reference_changes += book.absorb(ReferenceKind.VENDOR, records, now=self.context.now())
        return ()

    def _absorb_source(self, records: Sequence[Vendor]) -> Iterable[Staged]:
        """All are kept as reference; only those that are linked or asked for by a bill are staged."""
        book = self.context.references(self.context.reads)
        book.absorb(ReferenceKind.VENDOR, records, now=self.context.now())
        keys = [record.key for record in records]
        known = self.context.links().get(keys).keys() | set(
            Delivery.objects.filter(flow=self.context.flow, key__in=keys).values_list("key", flat=True)
        )
        return [stage(record) for record in records if record.key in known]

    def _missing(self) -> set[str]:
        """Vendors that waiting records ask for and that nobody staged: they were asked for before they were read."""
        waiting = Delivery.objects.filter(flow__integration=self.context.integration, state__in=UNSENT)
        owners = waiting.exclude(flow=self.context.flow).exclude(group="").order_by()
        keys = set(owners.values_list("group", flat=True).distinct())
        if not keys:
            return keys
        staged = Delivery.objects.filter(flow=self.context.flow, key__in=keys).values_list("key", flat=True)
        return keys.difference(staged, self.context.links().get(keys))

    def _read_asked(self, cursor: Cursor | None) -> Iterator[Page[Vendor]]:
        """Those that no list of changes has shown yet, one by one: an old or missing time stamp hides a vendor."""
        missing = self._missing()
        known = self.context.references(self.context.reads).get(ReferenceKind.VENDOR, missing)
        for key in sorted(missing - known.keys()):
            try:
                yield Page([self.context.reader.get_vendor(key)])
            except (NotFound, BadAnswer) as error:
                self.context.report(
                    "unreadable", record_type=self.record_type, source_key=key, message=error.message, outcome="failed"
                )

    def _asked_for(self) -> Iterable[Staged]:
        return self.wanted(self._missing())

    def wanted(self, keys: Iterable[str]) -> list[Staged]:
        rows = self.context.references(self.context.reads).get(ReferenceKind.VENDOR, keys)
        return [stage(decode(Vendor, row.payload)) for row in rows.values()]

    # --- deciding --------------------------------------------------------------------------------

    def plan(self, items: Sequence[Item]) -> Iterable[tuple[Item, Decision]]:
        fresh = [item for item in items if item.link is None]
        candidates = self._candidates(fresh)
        rivals: dict[str, list[Item]] = defaultdict(list)
        for item in fresh:
            if len(candidates[item.key]) == 1:
                rivals[candidates[item.key][0].key].append(item)
        for item in items:
            yield item, self._decide(item, candidates.get(item.key, []), rivals)

    def _decide(self, item: Item, candidates: Sequence[Row], rivals: dict[str, list[Item]]) -> Decision:
        vendor: Vendor = item.record
        mapped = self.context.mapping.target(MappingTable.VENDORS, vendor.key)
        draft = draft_of(vendor)
        if item.link is not None:
            return self._update(item, draft)
        if mapped:
            return self._adopt_mapped(item, mapped, draft)
        if self.context.mapping.has(MappingTable.VENDORS, vendor.key):
            problem = self.context.mapping.problem(MappingTable.VENDORS, vendor.key)
            return Hold(Reason.VENDOR_AMBIGUOUS, f"The vendor mapping of {label(vendor)} does not work: {problem}.")
        if vendor.status in (VendorStatus.INACTIVE, VendorStatus.FROZEN):
            return Hold(Reason.VENDOR_INACTIVE, f"Vendor {label(vendor)} is {vendor.status} in {self.here}.")
        if vendor.status is VendorStatus.TEMPORARY and item.delivery.approved != Reason.VENDOR_INCOMPLETE:
            return Hold(
                Reason.VENDOR_INCOMPLETE,
                f"Vendor {label(vendor)} is a temporary vendor in {self.here}: make it a regular one there, "
                f"map it to a {self.there} vendor, or replay this record to create it all the same.",
            )
        if len(candidates) > 1:
            return self._ambiguous(vendor, candidates)
        if candidates:
            others = [other for other in rivals[candidates[0].key] if other is not item]
            if others and not self._best_rival(item, others, candidates[0]):
                return self._contested(vendor, candidates[0], others)
            note = f"{self.there} already has {candidates[0].name}: linked by name. {payer(vendor)}".strip()
            return Adopt(candidates[0].key, draft, note)
        missing = [word for name, word in REQUIRED if not getattr(draft.address, name)]
        if missing:
            return Hold(
                Reason.VENDOR_INCOMPLETE,
                f"Vendor {label(vendor)} has no complete address in {self.here} (missing: {', '.join(missing)}); "
                f"{self.there} needs one.",
            )
        return self._too_long(draft) or Send("create", draft, note=payer(vendor))

    def _update(self, item: Item, draft: VendorDraft) -> Decision:
        link = item.link
        assert link is not None
        target = self.context.references(self.context.writes).get(ReferenceKind.VENDOR, [link.target_id])
        row = target.get(link.target_id)
        told = [decode(VendorDraft, link.draft)] if link.draft else []
        told += [each for _, each in self.unclear([item.key], VendorDraft)[item.key]]
        changed = frozenset().union(*(differing(each, draft) for each in told))
        if not changed:
            return Settle("Nothing that the other side holds has changed.", draft)
        if row is not None and not row.active:
            return Hold(Reason.VENDOR_INACTIVE, f"{row.label} is archived in {self.there}; restore it there.")
        if "address" in changed and any(not getattr(draft.address, name) for name, _ in REQUIRED):
            return Hold(Reason.VENDOR_INCOMPLETE, f"Vendor {item.record.name} lost its address in {self.here}.")
        return self._too_long(draft) or Send("update", draft, target_id=link.target_id, changed=changed)

    def _adopt_mapped(self, item: Item, target_id: str, draft: VendorDraft) -> Decision:
        taken = self.context.links().by_target([target_id]).get(target_id)
        if taken is not None:
            return Hold(
                Reason.VENDOR_AMBIGUOUS,
                f"The mapping points to a {self.there} vendor that {taken.source_key} is linked to already; "
                "one vendor there serves one vendor here.",
            )
        return Adopt(target_id, draft, "Linked by the vendor mapping.")

    def _candidates(self, items: Sequence[Item]) -> dict[str, list[Row]]:
        """Active vendors of the other side with the same normalised name that nobody is linked to."""
        book = self.context.references(self.context.writes)
        by_name = book.by_name(ReferenceKind.VENDOR, [match_name(item.record.name) for item in items])
        taken = self.context.links().by_target(row.key for rows in by_name.values() for row in rows)
        promised = self.context.mapping.owners(MappingTable.VENDORS)
        found = {}
        for item in items:
            rows = by_name.get(match_name(item.record.name), [])
            rows = [
                row
                for row in rows
                if row.active and row.key not in taken and promised.get(row.key, item.key) == item.key
            ]
            found[item.key] = self._narrow(item.record, rows)
        return found

    def _narrow(self, vendor: Vendor, rows: list[Row]) -> list[Row]:
        """Our own mark settles it; a postcode only breaks ties."""
        ours = [row for row in rows if _vendor(row).reference == vendor.key]
        if len(ours) == 1:
            return ours
        near = [row for row in rows if same_postcode(vendor, _vendor(row))]
        return near if len(rows) > 1 and len(near) == 1 else rows

    def _best_rival(self, item: Item, others: Sequence[Item], row: Row) -> bool:
        target = _vendor(row)
        return same_postcode(item.record, target) and not any(same_postcode(other.record, target) for other in others)

    def _ambiguous(self, vendor: Vendor, rows: Sequence[Row]) -> Hold:
        return Hold(
            Reason.VENDOR_AMBIGUOUS,
            f"{self.there} has {len(rows)} vendors named {rows[0].name!r} and none stands out for "
            f"{label(vendor)}: choose one in the vendor mapping.",
            candidates=[_candidate(row) for row in rows],
        )

    def _contested(self, vendor: Vendor, row: Row, others: Sequence[Item]) -> Hold:
        names = ", ".join(label(other.record) for other in others)
        return Hold(
            Reason.VENDOR_AMBIGUOUS,
            f"{self.there}'s vendor {row.name!r} matches {label(vendor)} and {names} alike: "
            "choose in the vendor mapping which one it is.",
            candidates=[_candidate(row)],
        )

    def _too_long(self, draft: VendorDraft) -> Hold | None:
        limits = self.context.writer.capabilities.limits
        for name, text in (("name", draft.name), ("reference", draft.reference)):
            limit = limits.get(f"vendor.{name}")
            if limit and len(text) > limit:
                return Hold(
                    Reason.VENDOR_INCOMPLETE,
                    f"The vendor's {name} has {len(text)} characters; {self.there} takes {limit}.",
                )
        return None

    # --- sending ---------------------------------------------------------------------------------

    def send(self, action: str, batch: Sequence[tuple[Item, Send]]) -> list[Any]:
        writer = self.context.writer
        if action == "create":
            return list(writer.create_vendors([send.draft for _, send in batch]))
        return [writer.update_vendor(send.target_id, send.draft, send.changed) for _, send in batch]

    def look_up(self, items: Sequence[Item]) -> dict[str, Found]:
        """A created vendor carries our key as its reference; an update is repeated (it is the same again)."""
        creates = [item for item in items if item.delivery.action == "create"]
        found = {
            item.key: Found("", "An update may be sent again.") for item in items if item.delivery.action != "create"
        }
        if creates:
            since = min(item.delivery.created_at for item in creates) - CLOCK_SKEW
            vendors = self.context.writer.find_vendors([item.record.name for item in creates], since)
            mine = {(match_name(each.name), each.reference): each for each in vendors}
            for item in creates:
                each = mine.get((match_name(item.record.name), item.key))
                if each:
                    found[item.key] = Found(each.key, f"Found in {self.there} as {each.key}.")
        return found

    def draft_type(self, action: str) -> type:
        return VendorDraft

    def keep(self, link: Link, item: Item, decision: Decision, written: Any) -> None:
        link.state = Link.State.ACTIVE


def stage(vendor: Vendor) -> Staged:
    return Staged(key=vendor.key, document=vendor.name, record=vendor)


def draft_of(vendor: Vendor, *, reference: str | None = None) -> VendorDraft:
    """The remit-to name and address, where there is one, become payee and address: checks are mailed there."""
    remit = vendor.remit_to_address if vendor.remit_to_address and vendor.remit_to_address.line1 else None
    return VendorDraft(
        name=vendor.name,
        reference=vendor.key if reference is None else reference,
        address=remit or vendor.address,
        payee_name=vendor.remit_to_name,
        phone=vendor.phone,
        email=vendor.email,
        currency=vendor.currency,
    )


def differing(old: VendorDraft, new: VendorDraft) -> frozenset[str]:
    """The fields to update; a currency is chosen once, when the vendor is created."""
    names = {each.name for each in dataclasses.fields(VendorDraft)} - {"currency"}
    return frozenset(name for name in names if getattr(old, name) != getattr(new, name))


def label(vendor: Vendor) -> str:
    return f"{vendor.key} {vendor.name}"


def payer(vendor: Vendor) -> str:
    return f"Its payments are made to {vendor.payer} in the ledger." if vendor.payer else ""


def same_postcode(vendor: Vendor, target: Vendor) -> bool:
    mine = {_postcode(vendor.address), _postcode(vendor.remit_to_address or Address())} - {""}
    return _postcode(target.address) in mine


def _postcode(address: Address) -> str:
    """US ZIP+4 and ZIP of one place are one place."""
    return address.postcode.replace(" ", "").upper()[:5] if address.postcode else ""


def _vendor(row: Row) -> Vendor:
    return decode(Vendor, row.payload)


def _candidate(row: Row) -> dict[str, str]:
    address = _vendor(row).address
    return {"id": row.key, "name": row.name, "place": " ".join(filter(None, (address.city, address.postcode)))}
