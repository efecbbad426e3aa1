"""Payable invoices of the ledger become bills of the cloud, and follow what happens to them in the ledger."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence, Set
from decimal import Decimal
from typing import Any, ClassVar

from connectors.domain import Bill, BillDraft, BillLine, TargetBill, Written
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
    Stream,
    Withdraw,
)
from integrations.models import Link, MappingTable, ReferenceKind

from . import bill_changes, bill_lines
from .base import Policy
from .bill_following import Following
from .bill_reading import Reading
from .bill_vendors import Vendors

NEW = "("  # begins the id of what a preview would create: "(new) ..."
TABLES = {"accounts": MappingTable.ACCOUNTS, "amounts": MappingTable.AMOUNTS}


class BillsFlow(Policy):
    record_type: ClassVar[str] = "bill"
    record: ClassVar[type] = Bill

    def streams(self) -> Iterable[Stream]:
        return Reading(self).streams()

    # --- deciding --------------------------------------------------------------------------------

    def plan(self, items: Sequence[Item]) -> Iterable[tuple[Item, Decision]]:
        vendors = Vendors(self, [item.record.vendor_key for item in items])
        fresh = [item for item in items if self.starts_anew(item)]
        sent = [item for item in items if not self.starts_anew(item)]
        drafted: list[tuple[Item, BillDraft]] = []
        for item in fresh:
            if not item.record.payable:  # staged because an earlier version might have arrived; it has not
                yield item, Withdraw("It is no longer to be paid.")
                continue
            draft = self.draft(item.record, item.record.balance, vendors)
            if isinstance(draft, Hold):
                yield item, draft
            else:
                drafted.append((item, draft))
        leaving: set[str] = set()
        for item, decision in self.following().plan(sent, vendors) if sent else ():
            if isinstance(decision, Send) and decision.action == "archive":
                leaving.add(decision.target_id)
            yield item, decision
        yield from self._create_or_adopt(drafted, leaving)

    def starts_anew(self, item: Item) -> bool:
        """Whether there is no bill there that stands for the invoice."""
        return item.link is None

    def following(self) -> Following:
        return Following(self)

    def draft(self, bill: Bill, owed: Decimal, vendors: Vendors) -> BillDraft | Hold:
        """The bill as it should stand there, over what is owed, or what keeps it from going."""
        vendor = vendors.target(bill)
        if isinstance(vendor, Hold):
            return vendor
        rules = bill_lines.Rules(
            find=self._account,
            department=self._department,
            number_limit=self.context.writer.capabilities.limits.get("bill.number", 0),
            long_numbers=self.context.settings.get("long_invoice_numbers", "hold"),
            target=self.there,
            codes=self.codes,
            prorate=self.context.settings.get("unbalanced") == "prorate",
        )
        return bill_lines.build(bill, vendor_id=vendor, owed=owed, rules=rules)

    def _account(self, table: str, key: str, shown: str) -> str | Hold:
        """The mapped account, checked to be there and active."""
        mapping = self.context.mapping
        target = mapping.target(TABLES[table], key)
        what = f"Account {shown}" if table == "accounts" else f"The account for {shown} (table amounts)"
        if not target:
            if table == "amounts" and self._follows_lines and not mapping.has(TABLES[table], key):
                return ""
            problem = mapping.problem(TABLES[table], key)
            return Hold(Reason.ACCOUNT_UNMAPPED, f"{what} is not mapped. {problem}".strip())
        row = self.context.references(self.context.writes).all(ReferenceKind.ACCOUNT).get(target)
        if row is not None and not row.active:
            return Hold(Reason.ACCOUNT_INACTIVE, f"{what} is mapped to {row.label}, which is inactive in {self.there}.")
        return target

    def codes(self, line: BillLine) -> tuple[str, ...]:
        """Keys of the codes that a line has besides its account."""
        return ()

    @property
    def _follows_lines(self) -> bool:
        """Whether amounts outside the lines that nobody mapped go where the largest line goes."""
        return bool(self.context.settings.get("unmapped_amounts") == "largest_line")

    def _department(self, line: BillLine) -> str | Hold:
        """The mapped department of the line's cost object, checked to be there and active."""
        dimension = int(self.context.settings.get("dimension") or 0)
        code = line.departments[dimension - 1] if 0 < dimension <= len(line.departments) else ""
        if not code:
            return ""
        mapping = self.context.mapping
        target = mapping.target(MappingTable.DEPARTMENTS, code)
        source = self.context.references(self.context.reads).all(ReferenceKind.DEPARTMENT).get(code)
        what = f"Cost object {source.label if source else code}"
        if not target:
            problem = mapping.problem(MappingTable.DEPARTMENTS, code)
            return Hold(Reason.DIMENSION_UNMAPPED, f"{what} is not mapped to a department. {problem}".strip())
        row = self.context.references(self.context.writes).all(ReferenceKind.DEPARTMENT).get(target)
        if row is not None and not row.active:
            text = f"{what} is mapped to {row.label}, which is inactive in {self.there}."
            return Hold(Reason.DIMENSION_UNMAPPED, text)
        return target

    def _create_or_adopt(
        self, drafted: Sequence[tuple[Item, BillDraft]], leaving: Set[str]
    ) -> Iterator[tuple[Item, Decision]]:
        """Look for the number at the vendor before creating: numbers are compared here, exactly. Bills that are
        `leaving`, archived before anything is created, are in nobody's way: an invoice is cancelled and entered anew.
        """
        existing = self.existing([draft for _, draft in drafted])
        ours = self.context.links().by_target(bill.id for bills in existing.values() for bill in bills)
        going: dict[tuple[str, str], BillDraft] = {}
        for item, draft in drafted:
            document = (draft.vendor_id, draft.number)
            staying = [bill for bill in existing.get(document, ()) if bill.id not in leaving]
            decision = self._against(item, draft, staying, ours)
            twin = going.setdefault(document, draft)
            if isinstance(decision, Send) and twin is not draft:
                decision = self._twin(twin, draft)
            yield item, decision

    def existing(self, drafts: Sequence[BillDraft]) -> dict[tuple[str, str], list[TargetBill]]:
        """Live bills there that may be in a draft's way, by the draft's vendor and number."""
        found: dict[str, list[TargetBill]] = defaultdict(list)
        ids = sorted({draft.vendor_id for draft in drafts if not draft.vendor_id.startswith(NEW)})
        for bill in self.context.writer.find_bills(ids) if ids else ():
            found[bill.vendor_id].append(bill)
        return {(draft.vendor_id, draft.number): found[draft.vendor_id] for draft in drafts}

    def same(self, bill: TargetBill, draft: BillDraft) -> bool:
        """Whether both are one document by their numbers."""
        return bill.number == draft.number

    def adopt(self, bill: TargetBill, draft: BillDraft) -> Adopt:
        note = f"{self.there} already has this bill: linked, not sent again."
        return Adopt(bill.id, draft, note, paid=not bill.unpaid)

    def _against(
        self, item: Item, draft: BillDraft, existing: Sequence[TargetBill], ours: dict[str, Link]
    ) -> Send | Adopt | Hold:
        veiled = self._veiled(draft, existing)
        if veiled is not None:
            return self.unreadable(veiled)
        same = [bill for bill in existing if self.same(bill, draft)]
        if not same:
            near = [bill for bill in existing if bill_changes.alike(bill.number, draft.number) and bill.id not in ours]
            if near and item.delivery.approved != Reason.DUPLICATE_DOCUMENT:
                return self._duplicate(near[0], draft, f"a bill numbered {near[0].number}, which is much alike,")
            return Send("create", draft)
        free = [bill for bill in same if bill.id not in ours]
        equal = [bill for bill in free if bill.total == draft.total]
        if len(equal) > 1:
            return self._twice(equal, draft)
        if equal:
            return self.adopt(equal[0], draft)
        return self._duplicate(same[0], draft, f"bill {same[0].number} over {same[0].total}")

    def _veiled(self, draft: BillDraft, existing: Sequence[TargetBill]) -> TargetBill | None:
        """A bill there that cannot be read and may be this one."""
        hidden = (bill for bill in existing if bill.unreadable)
        return next(
            (bill for bill in hidden if not bill.number or bill_changes.alike(bill.number, draft.number)),
            None,
        )

    def unreadable(self, bill: TargetBill) -> Hold:
        return Hold(
            Reason.DUPLICATE_DOCUMENT,
            f"{self.there} holds bill {bill.id} of this vendor, which may be this one and cannot be read: "
            f"{bill.unreadable}. Look at it there.",
            retry_after=bill_changes.LOOK_AGAIN,
        )

    def _twice(self, equal: Sequence[TargetBill], draft: BillDraft) -> Hold:
        return Hold(
            Reason.DUPLICATE_DOCUMENT,
            f"{self.there} has {len(equal)} bills {draft.number} over {draft.total} at this vendor: "
            "archive all but one.",
            candidates=[{"id": bill.id, "name": bill.number, "place": str(bill.total)} for bill in equal],
            retry_after=bill_changes.LOOK_AGAIN,
        )

    def _twin(self, other: BillDraft, draft: BillDraft) -> Hold:
        return Hold(
            Reason.DUPLICATE_DOCUMENT,
            f"{self.here} has two invoices {draft.number} of this vendor, over {other.total} and {draft.total}: "
            f"only the first goes to {self.there}.",
            retry_after=bill_changes.LOOK_AGAIN,
        )

    def _duplicate(self, bill: TargetBill, draft: BillDraft, what: str) -> Hold:
        return Hold(
            Reason.DUPLICATE_DOCUMENT,
            f"{self.there} already has {what} at this vendor; this invoice asks for {draft.total}.",
            candidates=[{"id": bill.id, "name": bill.number, "place": str(bill.total)}],
            retry_after=bill_changes.LOOK_AGAIN,
        )

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
        existing = self.existing(list(drafts.values()))
        ours = self.context.links().by_target(bill.id for bills in existing.values() for bill in bills)
        for item in creates:
            draft = drafts[item.key]
            candidates = existing.get((draft.vendor_id, draft.number), ())
            veiled = self._veiled(draft, candidates)
            if veiled is not None:
                found[item.key] = Found("", self.unreadable(veiled).message, unclear=True)
                continue
            match = [bill for bill in candidates if self.same(bill, draft) and bill.id not in ours]
            equal = [bill for bill in match if bill.total == draft.total]
            if len(equal) > 1:
                hold = self._twice(equal, draft)
                found[item.key] = Found("", hold.message, hold=hold)
            elif equal:
                note = f"Found in {self.there} as {equal[0].id}."
                found[item.key] = Found(equal[0].id, note, number=equal[0].number, details=self.details(equal[0]))
            elif match:
                hold = self._duplicate(match[0], draft, f"bill {match[0].number} over {match[0].total}")
                found[item.key] = Found("", hold.message, hold=hold)
            else:
                found[item.key] = Found("", f"{self.there} has no bill {draft.number} at this vendor.")
        return found

    def details(self, bill: TargetBill) -> dict[str, str]:
        """What must be known of a bill that was found there."""
        return {} if bill.unpaid else {"paid": "yes"}

    def _same_again(self, item: Item) -> Found:
        return Found("", f"A {item.delivery.action} may be sent again: it has the same effect once or twice.")

    def draft_type(self, action: str) -> type:
        return BillDraft

    def keep(self, link: Link, item: Item, decision: Decision, written: Any) -> None:
        bill: Bill = item.record
        if item.delivery.action:
            archived = item.delivery.action == "archive"
            link.state = Link.State.ARCHIVED if archived else Link.State.ACTIVE
        link.seen = bill_changes.seen_of(bill)
        if link.state != Link.State.ARCHIVED:  # else the draft is still that of the invoice as it was before
            link.basis = bill_changes.Basis(bill.total, bill.balance, item.posted, bill_changes.content(bill)).text()
        over = item.delivery.action == "archive" and bill.balance <= 0
        link.closed = over or (isinstance(decision, Settle) and decision.closed)

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
