"""What finding the other side's vendor for a vendor has in common, whichever side is the ledger.

By link, by the mapping table, by a match that nobody is linked to; what becomes of those without one is the flow's.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, ClassVar

from connectors.domain import Address, Vendor, VendorDraft, VendorStatus
from connectors.errors import BadAnswer, NotFound
from connectors.ports import Cursor, Page
from integrations.engine.books import Row, match_name
from integrations.engine.codec import decode
from integrations.engine.vocabulary import Adopt, Decision, Hold, Item, Reason, Settle, Staged, Stream
from integrations.models import Delivery, Link, MappingTable, ReferenceKind
from integrations.models.delivery import UNSENT

from .base import Policy, nothing

TABLES = (MappingTable.VENDORS, MappingTable.VENDOR_ACCOUNTS)  # they name vendors
ASLEEP = (VendorStatus.INACTIVE, VendorStatus.FROZEN)


class VendorMatching(Policy):
    record_type: ClassVar[str] = "vendor"
    record: ClassVar[type] = Vendor
    releases: ClassVar[bool] = True

    # --- what a flow adds ------------------------------------------------------------------------

    def wants(self, vendor: Vendor) -> bool:
        """Whether a vendor goes that nobody asked for."""
        raise NotImplementedError

    def draft(self, vendor: Vendor) -> VendorDraft:
        return draft_of(vendor)

    def adopt(self, item: Item, row: Row, draft: VendorDraft) -> Decision:
        note = f"{self.there} already has {row.name}: linked by name. {payer(item.record)}".strip()
        return Adopt(row.key, draft, note)

    def create(self, item: Item, draft: VendorDraft) -> Decision:
        raise NotImplementedError

    def change(self, item: Item, link: Link, draft: VendorDraft, changed: frozenset[str]) -> Decision:
        raise NotImplementedError

    # --- reading ---------------------------------------------------------------------------------

    def streams(self) -> Iterable[Stream]:
        context = self.context
        yield Stream("target vendors", context.writer.read_vendors, self._absorb_target, counts=False)
        yield Stream("source vendors", context.reader.read_vendors, self._absorb_source)
        yield Stream("asked for", self._read_asked, self._absorb_source, after=self._asked_for, counts=False, once=True)
        if any(row.table in TABLES and row.problem for row in context.mapping.rows()):
            yield Stream("mappings", nothing, lambda records: (), after=self.resolve_mappings, once=True)

    def _absorb_target(self, records: Sequence[Vendor]) -> Iterable[Staged]:
        book = self.context.references(self.context.writes)
        self.context.reference_changes += book.absorb(ReferenceKind.VENDOR, records, now=self.context.now())
        return ()

    def _absorb_source(self, records: Sequence[Vendor]) -> Iterable[Staged]:
        """All are kept as reference; staged are those that are wanted, linked, or asked for by a bill."""
        book = self.context.references(self.context.reads)
        book.absorb(ReferenceKind.VENDOR, records, now=self.context.now())
        keys = [record.key for record in records]
        known = self.context.links().get(keys).keys() | set(
            Delivery.objects.filter(flow=self.context.flow, key__in=keys).values_list("key", flat=True)
        )
        return [stage(record) for record in records if record.key in known or self.wants(record)]

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
        return [stage(vendor_of(row)) for row in rows.values()]

    # --- deciding --------------------------------------------------------------------------------

    def plan(self, items: Sequence[Item]) -> Iterable[tuple[Item, Decision]]:
        """Judged together: two vendors here must not both take one there."""
        fresh = [item for item in items if item.link is None]
        candidates = self.candidates(fresh)
        rivals: dict[str, list[Item]] = defaultdict(list)
        for item in fresh:
            if len(candidates[item.key]) == 1:
                rivals[candidates[item.key][0].key].append(item)
        for item in items:
            yield item, self._decide(item, candidates.get(item.key, []), rivals)

    def _decide(self, item: Item, candidates: Sequence[Row], rivals: dict[str, list[Item]]) -> Decision:
        vendor: Vendor = item.record
        mapped = self.context.mapping.target(MappingTable.VENDORS, vendor.key)
        draft = self.draft(vendor)
        if item.link is not None:
            return self._update(item, item.link, draft)
        if mapped:
            return self._adopt_mapped(mapped, draft)
        if self.context.mapping.has(MappingTable.VENDORS, vendor.key):
            problem = self.context.mapping.problem(MappingTable.VENDORS, vendor.key)
            return Hold(Reason.VENDOR_AMBIGUOUS, f"The vendor mapping of {label(vendor)} does not work: {problem}.")
        if vendor.status in ASLEEP:
            return Hold(Reason.VENDOR_INACTIVE, f"Vendor {label(vendor)} is {vendor.status} in {self.here}.")
        if vendor.status is VendorStatus.TEMPORARY and item.delivery.approved != Reason.VENDOR_INCOMPLETE:
            return Hold(
                Reason.VENDOR_INCOMPLETE,
                f"Vendor {label(vendor)} is a temporary vendor in {self.here}: make it a regular one there, "
                f"map it to a vendor of {self.there}, or replay this record to create it all the same.",
            )
        if len(candidates) > 1:
            return self._ambiguous(vendor, candidates)
        if candidates:
            others = [other for other in rivals[candidates[0].key] if other is not item]
            if others and not self._best_rival(item, others, candidates[0]):
                return self._contested(vendor, candidates[0], others)
            return self.adopt(item, candidates[0], draft)
        return self.create(item, draft)

    def _update(self, item: Item, link: Link, draft: VendorDraft) -> Decision:
        """Only what differs from anything that the other side may have been told since it was linked."""
        told = [decode(VendorDraft, link.draft)] if link.draft else []
        told += [each for _, each in self.unclear([item.key], VendorDraft, but="create")[item.key]]
        changed = frozenset().union(*(differing(each, draft) for each in told))
        if not changed:
            return Settle("Nothing that the other side holds has changed.", draft)
        return self.change(item, link, draft, changed)

    def target_of(self, link: Link) -> Row | None:
        rows = self.context.references(self.context.writes).get(ReferenceKind.VENDOR, [link.target_id])
        return rows.get(link.target_id)

    def _adopt_mapped(self, target_id: str, draft: VendorDraft) -> Decision:
        taken = self.context.links().by_target([target_id]).get(target_id)
        if taken is not None:
            return Hold(
                Reason.VENDOR_AMBIGUOUS,
                f"The mapping points to a {self.there} vendor that {taken.source_key} is linked to already; "
                "one vendor there serves one vendor here.",
            )
        return Adopt(target_id, draft, "Linked by the vendor mapping.")

    def candidates(self, items: Sequence[Item]) -> dict[str, list[Row]]:
        """Active vendors of the other side with the same normalised name that nobody is linked to."""
        named = self.namesakes(items)
        return {item.key: self.narrow(item.record, [row for row in named[item.key] if row.active]) for item in items}

    def namesakes(self, items: Sequence[Item]) -> dict[str, list[Row]]:
        """Vendors of the other side with the same normalised name that are free, whether active or not."""
        book = self.context.references(self.context.writes)
        by_name = book.by_name(ReferenceKind.VENDOR, [self.name_there(item.record) for item in items])
        rows = {item.key: by_name.get(self.name_there(item.record), []) for item in items}
        return self.free(rows)

    def name_there(self, vendor: Vendor) -> str:
        """The vendor's normalised name as the other side would hold it."""
        return match_name(vendor.name)

    def free(self, found: dict[str, list[Row]]) -> dict[str, list[Row]]:
        """Of the rows found for each key those that nobody is linked to and that are promised to nobody else."""
        taken = self.context.links().by_target(row.key for rows in found.values() for row in rows)
        promised = self.context.mapping.owners(MappingTable.VENDORS)
        return {
            key: [row for row in rows if row.key not in taken and promised.get(row.key, key) == key]
            for key, rows in found.items()
        }

    def narrow(self, vendor: Vendor, rows: list[Row]) -> list[Row]:
        """Our own mark settles it; a postcode only breaks ties."""
        ours = [row for row in rows if vendor_of(row).reference == vendor.key]
        if len(ours) == 1:
            return ours
        near = [row for row in rows if same_postcode(vendor, vendor_of(row))]
        return near if len(rows) > 1 and len(near) == 1 else rows

    def _best_rival(self, item: Item, others: Sequence[Item], row: Row) -> bool:
        target = vendor_of(row)
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


def vendor_of(row: Row) -> Vendor:
    return decode(Vendor, row.payload)


def _candidate(row: Row) -> dict[str, str]:
    address = vendor_of(row).address
    return {"id": row.key, "name": row.name, "place": " ".join(filter(None, (address.city, address.postcode)))}
