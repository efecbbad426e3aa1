"""Payable invoices of the ledger become bills of the cloud, and follow what happens to them in the ledger."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any, ClassVar

from connectors.domain import Bill, BillDraft, OpenBill, TargetBill, Vendor, Written
from connectors.errors import NotFound
from connectors.ports import Cursor, Page
from integrations.engine.books import Row
from integrations.engine.codec import decode, fingerprint
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
    Withdraw,
)
from integrations.models import Application, Delivery, Link, MappingTable, ReferenceKind
from integrations.models.delivery import UNSENT

from . import bill_changes, bill_lines
from .base import Policy

TABLES = {"accounts": MappingTable.ACCOUNTS, "amounts": MappingTable.AMOUNTS}


class BillsFlow(Policy):
    record_type: ClassVar[str] = "bill"
    record: ClassVar[type] = Bill

    # --- reading ---------------------------------------------------------------------------------

    def streams(self) -> Iterable[Stream]:
        yield Stream("bills", self._read, self._absorb)
        if self.context.full:
            self._swept_from = self.context.now()
            self._seen_waiting: set[str] = set()
            yield Stream(
                "open items", self._read_open, self._absorb_open, after=self._absorb_gone, counts=False, once=True
            )

    def _read(self, cursor: Cursor | None) -> Iterator[Page[Bill]]:
        pages: Iterator[Page[Bill]] = self.context.reader.read_bills(cursor, self.context.integration.start_date)
        return pages

    def _read_open(self, cursor: Cursor | None) -> Iterator[Page[OpenBill]]:
        pages: Iterator[Page[OpenBill]] = self.context.reader.read_open_bills()
        return pages

    def _absorb(self, bills: Sequence[Bill]) -> Iterable[Staged]:
        """In scope is what is payable, and whatever was sent before. Asks for the vendors of new ones."""
        linked = self.context.links().get(bill.key for bill in bills)
        fresh = [bill for bill in bills if bill.payable and bill.key not in linked]
        self._demand_vendors(fresh)
        return [stage(bill, gone=not bill.payable) for bill in bills]

    def _demand_vendors(self, bills: Sequence[Bill]) -> None:
        wanted = {bill.vendor_key for bill in bills}
        missing = wanted - self.context.links("vendors").get(wanted).keys()
        if missing:
            self.context.demand("vendors", missing)

    def _absorb_open(self, bills: Sequence[OpenBill]) -> Iterable[Staged]:
        """Holds and payment selections move no stamp: compare what each open item says with what we know."""
        keys = [bill.key for bill in bills]
        links = self.context.links().get(keys)
        waiting = self._waiting(keys)
        self._seen_waiting |= waiting.keys()
        if not self.context.preview:
            Link.objects.filter(flow=self.context.flow, source_key__in=keys).update(seen_at=self.context.now())
        changed = []
        for bill in bills:
            link, payload = links.get(bill.key), waiting.get(bill.key)
            if link is not None:
                stale = link.seen != seen_of(bill)
            elif payload is not None:
                stale = seen_of(decode(Bill, payload)) != seen_of(bill)
            else:
                in_scope = bill.invoice_date and bill.invoice_date >= self.context.integration.start_date
                stale = bool(bill.payable and in_scope)
            if stale:
                changed.append(bill.key)
        return self._absorb(self._fetch(changed))

    def _absorb_gone(self) -> Iterable[Staged]:
        """Invoices sent or waiting that are no longer open items: paid, or no longer there at all."""
        gone = Link.objects.filter(flow=self.context.flow, closed=False, seen_at__lt=self._swept_from)
        waiting = Delivery.objects.filter(flow=self.context.flow, state__in=UNSENT)
        keys = set(waiting.values_list("key", flat=True)) - self._seen_waiting
        return self._absorb(self._fetch(sorted(keys | set(gone.values_list("source_key", flat=True)))))

    def _fetch(self, keys: Sequence[str]) -> list[Bill]:
        found = []
        for key in keys:
            try:
                found.append(self.context.reader.get_bill(key))
            except NotFound:
                found += self._vanished(key)
        return found

    def _vanished(self, key: str) -> list[Bill]:
        """The ledger no longer knows it: its last known version, with nothing owed."""
        last = Delivery.objects.filter(flow=self.context.flow, key=key).order_by("-version").first()
        return [] if last is None else [dataclasses.replace(decode(Bill, last.payload), balance=Decimal(0), blocked=())]

    def _waiting(self, keys: Sequence[str]) -> dict[str, str]:
        rows = Delivery.objects.filter(flow=self.context.flow, key__in=keys, state__in=UNSENT)
        return dict(rows.values_list("key", "payload"))

    # --- deciding --------------------------------------------------------------------------------

    def plan(self, items: Sequence[Item]) -> Iterable[tuple[Item, Decision]]:
        vendors = Vendors(self, [item.record.vendor_key for item in items])
        fresh = [item for item in items if item.link is None]
        sent = [item for item in items if item.link is not None]
        drafted: list[tuple[Item, BillDraft]] = []
        for item in fresh:
            if not item.record.payable:  # staged because an earlier version might have arrived; it has not
                yield item, Withdraw("It is no longer to be paid.")
                continue
            draft = self._draft(item.record, item.record.balance, vendors)
            if isinstance(draft, Hold):
                yield item, draft
            else:
                drafted.append((item, draft))
        yield from self._create_or_adopt(drafted)
        if sent:
            yield from self._follow(sent, vendors)

    def _draft(self, bill: Bill, owed: Decimal, vendors: Vendors) -> BillDraft | Hold:
        vendor = vendors.target(bill)
        if isinstance(vendor, Hold):
            return vendor
        return bill_lines.build(
            bill,
            vendor_id=vendor,
            owed=owed,
            find=self._account,
            number_limit=self.context.writer.capabilities.limits.get("bill.number", 0),
            long_numbers=self.context.settings["long_invoice_numbers"],
            target=self.there,
        )

    def _account(self, table: str, key: str, shown: str) -> str | Hold:
        """The mapped account, checked to be there and active."""
        mapping = self.context.mapping
        target = mapping.target(TABLES[table], key)
        what = f"Account {shown}" if table == "accounts" else f"The account for {shown} (table amounts)"
        if not target:
            problem = mapping.problem(TABLES[table], key)
            return Hold(Reason.ACCOUNT_UNMAPPED, f"{what} is not mapped. {problem}".strip())
        row = self.context.references(self.context.writes).all(ReferenceKind.ACCOUNT).get(target)
        if row is not None and not row.active:
            return Hold(Reason.ACCOUNT_INACTIVE, f"{what} is mapped to {row.label}, which is inactive in {self.there}.")
        return target

    def _create_or_adopt(self, drafted: Sequence[tuple[Item, BillDraft]]) -> Iterator[tuple[Item, Decision]]:
        """Look for the number at the vendor before creating: numbers are compared here, exactly."""
        existing = self._existing({draft.vendor_id for _, draft in drafted})
        ours = self.context.links().by_target(bill.id for bills in existing.values() for bill in bills)
        for item, draft in drafted:
            yield item, self._against(item, draft, existing.get(draft.vendor_id, ()), ours)

    def _existing(self, vendor_ids: Iterable[str]) -> dict[str, list[TargetBill]]:
        found: dict[str, list[TargetBill]] = defaultdict(list)
        ids = sorted(each for each in vendor_ids if not each.startswith("("))  # "(new)" in a preview
        for bill in self.context.writer.find_bills(ids) if ids else ():
            found[bill.vendor_id].append(bill)
        return found

    def _against(
        self, item: Item, draft: BillDraft, existing: Sequence[TargetBill], ours: dict[str, Link]
    ) -> Send | Adopt | Hold:
        veiled = self._veiled(draft, existing)
        if veiled is not None:
            return self._unreadable(veiled)
        same = [bill for bill in existing if bill.number == draft.number]
        if not same:
            near = [bill for bill in existing if folded(bill.number) == folded(draft.number) and bill.id not in ours]
            if near and not item.delivery.approved:
                return self._duplicate(near[0], draft, f"a bill numbered {near[0].number}, which is much alike,")
            return Send("create", draft)
        free = [bill for bill in same if bill.id not in ours]
        equal = [bill for bill in free if bill.total == draft.total]
        if equal:
            return Adopt(
                equal[0].id,
                draft,
                f"{self.there} already has this bill: linked, not sent again.",
                paid=not equal[0].unpaid,
            )
        return self._duplicate(same[0], draft, f"bill {same[0].number} over {same[0].total}")

    def _veiled(self, draft: BillDraft, existing: Sequence[TargetBill]) -> TargetBill | None:
        """A bill there that cannot be read and may be this one."""
        hidden = (bill for bill in existing if bill.unreadable)
        return next((bill for bill in hidden if not bill.number or folded(bill.number) == folded(draft.number)), None)

    def _unreadable(self, bill: TargetBill) -> Hold:
        return Hold(
            Reason.DUPLICATE_DOCUMENT,
            f"{self.there} holds bill {bill.id} of this vendor, which may be this one and cannot be read: "
            f"{bill.unreadable}. Look at it there.",
            retry_after=bill_changes.LOOK_AGAIN,
        )

    def _duplicate(self, bill: TargetBill, draft: BillDraft, what: str) -> Hold:
        return Hold(
            Reason.DUPLICATE_DOCUMENT,
            f"{self.there} already has {what} at this vendor; this invoice asks for {draft.total}.",
            candidates=[{"id": bill.id, "name": bill.number, "place": str(bill.total)}],
            retry_after=bill_changes.LOOK_AGAIN,
        )

    # --- following what was sent -----------------------------------------------------------------

    def _follow(self, items: Sequence[Item], vendors: Vendors) -> Iterator[tuple[Item, Decision]]:
        recorded = self._recorded([item.key for item in items])
        unclear = self._unclear([item.key for item in items], BillDraft)
        judged = []
        for item in items:
            bill, link = item.record, item.link
            assert link is not None
            basis = bill_changes.Basis.parse(link.basis)
            item.posted = sum((each.amount for each in recorded[item.key] if each.posted), Decimal(0))
            ours = bill_changes.explained_by_us(bill, basis, recorded[item.key])
            same = ours and content(bill) == basis.content
            certain = link.state == Link.State.ACTIVE and not unclear[item.key]
            if same and certain and not bill_changes.stopping(bill, ours=ours):
                yield item, Settle("Nothing to change.", closed=bill.balance <= 0)
                continue
            paid_outside = not ours and bill.total == basis.total
            owed = basis.balance + basis.posted if ours else bill.balance + item.posted
            draft = decode(BillDraft, link.draft) if same else self._draft(bill, owed, vendors) if owed > 0 else None
            judged.append((item, ours, paid_outside, draft))
        targets = self.context.writer.get_bills([item.link.target_id for item, *_ in judged if item.link])
        for item, ours, paid_outside, draft in judged:
            yield item, self._judge(item, ours, paid_outside, draft, targets, unclear[item.key])

    def _judge(
        self,
        item: Item,
        ours: bool,
        paid_outside: bool,
        draft: BillDraft | Hold | None,
        targets: dict[str, TargetBill],
        unclear: Sequence[tuple[str, BillDraft]],
    ) -> Decision:
        bill: Bill = item.record
        link = item.link
        assert link is not None
        target = targets.get(link.target_id)
        if target is not None and target.unreadable:
            return dataclasses.replace(self._unreadable(target), reason=Reason.CHANGED_AFTER_DELIVERY)
        if target is None:
            return Hold(Reason.INVOICE_NOT_FOUND, f"The bill of invoice {bill.number} is gone from {self.there}.")
        by_us = link.state == Link.State.ARCHIVED or any(action == "archive" for action, _ in unclear)
        stop = bill_changes.withdrawal(bill, target, ours=ours, here=self.here, there=self.there)
        if isinstance(stop, Hold):
            return stop
        if stop == "archive":
            if target.archived:
                link.state = Link.State.ARCHIVED if by_us else link.state
                return Settle("Archived already; it stays so while the ledger does not want it paid.")
            return Send("archive", decode(BillDraft, link.draft), target_id=link.target_id)
        if target.paid >= target.total > 0 and bill.balance <= 0:
            return Settle("Paid.", closed=True)
        if draft is None or isinstance(draft, Hold):
            return draft or Settle("Nothing is owed.", closed=True)
        sent = decode(BillDraft, link.draft)
        drafts = [sent, *(each for _, each in unclear)]
        edited = bill_changes.edited_by_others(target, drafts, self.there, archived_by_us=by_us)
        if edited and not item.delivery.approved:
            return edited
        if draft == sent and not by_us and not unclear:
            return Settle("Nothing to change.")
        if not target.unpaid:
            return Hold(
                Reason.PAID_IN_ERP if paid_outside else Reason.CHANGED_AFTER_DELIVERY,
                f"Invoice {bill.number} changed in {self.here} (owed there: {bill.balance}), but a payment in "
                f"{self.there} is made or under way (bill {target.total}, paid {target.paid}).",
                retry_after=bill_changes.LOOK_AGAIN,
            )
        return Send("restore" if by_us and target.archived else "update", draft, target_id=link.target_id)

    def _recorded(self, keys: Sequence[str]) -> dict[str, list[bill_changes.Recorded]]:
        found: dict[str, list[bill_changes.Recorded]] = defaultdict(list)
        rows = Application.objects.filter(integration=self.context.integration, bill_key__in=keys)
        for row in rows.exclude(state=Application.State.VOIDED):
            posted = row.state == Application.State.POSTED
            found[row.bill_key].append(bill_changes.Recorded(Decimal(row.amount_minor).scaleb(-2), posted))
        return found

    @property
    def here(self) -> str:
        return self.context.label(self.context.reads)

    @property
    def there(self) -> str:
        return self.context.label(self.context.writes)

    # --- sending ---------------------------------------------------------------------------------

    def send(self, action: str, batch: Sequence[tuple[Item, Send]]) -> list[Written]:
        writer = self.context.writer
        if action == "create":
            return list(writer.create_bills([send.draft for _, send in batch]))
        return [self._change(action, send) for _, send in batch]

    def _change(self, action: str, send: Send) -> Written:
        writer = self.context.writer
        if action == "archive":
            writer.archive_bill(send.target_id)
            return Written(send.target_id)
        if action == "restore":
            writer.restore_bill(send.target_id)
        written: Written = writer.replace_bill(send.target_id, send.draft)
        return written

    def look_up(self, items: Sequence[Item]) -> dict[str, Found]:
        creates = [item for item in items if item.delivery.action == "create"]
        found = {item.key: self._same_again(item) for item in items if item.delivery.action != "create"}
        drafts = {item.key: decode(BillDraft, item.delivery.draft) for item in creates}
        existing = self._existing({draft.vendor_id for draft in drafts.values()})
        ours = self.context.links().by_target(bill.id for bills in existing.values() for bill in bills)
        for item in creates:
            draft = drafts[item.key]
            veiled = self._veiled(draft, existing.get(draft.vendor_id, ()))
            if veiled is not None:
                found[item.key] = Found("", self._unreadable(veiled).message, unclear=True)
                continue
            match = [
                bill
                for bill in existing.get(draft.vendor_id, ())
                if bill.number == draft.number and bill.id not in ours
            ]
            equal = [bill for bill in match if bill.total == draft.total]
            if equal:
                details = {} if equal[0].unpaid else {"paid": "yes"}
                found[item.key] = Found(
                    equal[0].id, f"Found in {self.there} as {equal[0].id}.", number=equal[0].number, details=details
                )
            elif match:
                hold = self._duplicate(match[0], draft, f"bill {match[0].number} over {match[0].total}")
                found[item.key] = Found("", hold.message, hold=hold)
            else:
                found[item.key] = Found("", f"{self.there} has no bill {draft.number} at this vendor.")
        return found

    def _same_again(self, item: Item) -> Found:
        return Found("", f"A {item.delivery.action} may be sent again: it has the same effect once or twice.")

    def draft_type(self, action: str) -> type:
        return BillDraft

    def keep(self, link: Link, item: Item, decision: Decision, written: Any) -> None:
        bill: Bill = item.record
        if item.delivery.action:
            archived = item.delivery.action == "archive"
            link.state = Link.State.ARCHIVED if archived else Link.State.ACTIVE
        link.seen = seen_of(bill)
        if link.state != Link.State.ARCHIVED:  # else the draft is still that of the invoice as it was before
            link.basis = bill_changes.Basis(bill.total, bill.balance, item.posted, content(bill)).text()
        link.closed = isinstance(decision, Settle) and decision.closed

    def settled(self, done: Sequence[tuple[Item, Decision, Any]]) -> None:
        """A bill that was linked late may have been paid before we knew it was ours: read its vendor's payments."""
        late = {
            decode(BillDraft, item.delivery.draft).vendor_id
            for item, decision, written in done
            if (isinstance(decision, Adopt) and decision.paid) or (written and written.details.get("paid"))
        }
        if self.context.has_flow("payments"):
            for vendor_id in sorted(late):
                self.context.hint("payments", vendor_id)


class Vendors:
    """The cloud vendors that a chunk of invoices belongs to."""

    def __init__(self, flow: BillsFlow, keys: Iterable[str]) -> None:
        context = flow.context
        self.here, self.there = flow.here, flow.there
        wanted = set(keys)
        self.links = context.links("vendors").get(wanted)
        ids = [link.target_id for link in self.links.values()]
        self.targets = context.references(context.writes).get(ReferenceKind.VENDOR, ids)
        self.sources = context.references(context.reads).get(ReferenceKind.VENDOR, wanted - self.links.keys())
        held = Delivery.objects.filter(flow__integration=context.integration, flow__name="vendors")
        self.problems = dict(
            held.filter(key__in=wanted - self.links.keys(), state__in=UNSENT).values_list("key", "message")
        )

    def target(self, bill: Bill) -> str | Hold:
        """The vendor's id there, or why it cannot be used."""
        link = self.links.get(bill.vendor_key)
        who = f"{bill.vendor_key} {bill.vendor_name}".strip()
        if link is None:
            source = self.sources.get(bill.vendor_key)
            if source is not None and not source.active:
                return Hold(Reason.VENDOR_INACTIVE, f"Vendor {who} is inactive in {self.here}.")
            why = self.problems.get(bill.vendor_key) or "It is delivered first."
            return Hold(Reason.VENDOR_MISSING, f"Vendor {who} is not in {self.there} yet. {why}")
        row = self.targets.get(link.target_id)
        if row is not None and not row.active:
            return Hold(Reason.VENDOR_INACTIVE, f"{row.label} ({who}) is archived in {self.there}; restore it there.")
        return self._currency(bill, row, link)

    def _currency(self, bill: Bill, row: Row | None, link: Link) -> str | Hold:
        currency = decode(Vendor, row.payload).currency if row is not None and row.payload else ""
        if currency and bill.currency and currency != bill.currency:
            return Hold(
                Reason.CURRENCY_UNSUPPORTED,
                f"Invoice {bill.number} is in {bill.currency}, but the vendor is kept in {currency} in {self.there}.",
            )
        return link.target_id


def stage(bill: Bill, *, gone: bool) -> Staged:
    return Staged(
        key=bill.key,
        document=bill.number,
        record=bill,
        group=bill.vendor_key,
        amount=bill.balance,
        currency=bill.currency,
        due_date=bill.due_date,
        gone=gone,
    )


def seen_of(bill: Bill | OpenBill) -> str:
    """What the list of open items tells of an invoice, comparable between the two reads."""
    return f"{bill.total:f} {bill.balance:f} {','.join(sorted(bill.blocked))}"


def folded(number: str) -> str:
    """A document number as people may have typed it elsewhere: without case, spaces and leading zeros."""
    return "".join(number.split()).casefold().lstrip("0")


def content(bill: Bill) -> str:
    """A fingerprint of the document itself, without what is paid and held."""
    return fingerprint(dataclasses.replace(bill, balance=Decimal(0), blocked=()))
