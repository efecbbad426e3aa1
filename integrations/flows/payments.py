"""Payments made in the cloud are entered in the ledger, followed until posted, taken back when voided."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar

from connectors.domain import Application as Applied
from connectors.domain import LedgerPayment, Payment, PaymentDraft, PaymentMethod, PaymentStatus, Written
from connectors.errors import NotFound, Rejected
from connectors.ports import Cursor, Page
from integrations.engine.codec import decode
from integrations.engine.vocabulary import (
    Decision,
    Found,
    Hold,
    Item,
    Reason,
    Send,
    Settle,
    Staged,
    State,
    Stream,
    Withdraw,
)
from integrations.models import Application, Delivery, Hint, Link, MappingTable, ReferenceKind

from . import documents
from .base import APPROVAL_INTERVAL, RETRY_CLOSED_PERIOD, Policy, reason_of
from .payment_entries import Entries

#: Refusals that end when somebody acts in the ledger: tried again by itself.
PASSING = frozenset({"invoice_selected_for_payment", "wire_transfers_disabled"})


@dataclass(frozen=True, slots=True)
class Matched:
    """The ledger's invoices that a payment settles, each once, and the key of the vendor that they are of."""

    vendor_key: str
    applications: tuple[Applied, ...]


Match = Matched | Hold


class PaymentsFlow(Policy):
    record_type: ClassVar[str] = "payment"
    record: ClassVar[type] = Payment

    # --- reading ---------------------------------------------------------------------------------

    def streams(self) -> Iterable[Stream]:
        context = self.context
        entries = Entries(self)
        yield Stream("ledger", context.writer.read_ledger_payments, entries.absorb, counts=False)
        if context.full:
            yield Stream("entries", entries.read_missing, entries.absorb_missing, counts=False, once=True)
        yield Stream("payments", self._read, self._absorb)
        hints = list(Hint.objects.filter(flow=context.flow))
        if hints:
            yield Stream("late links", self._late(hints), self._absorb, after=self._clear(hints), once=True)

    def _read(self, cursor: Cursor | None) -> Iterator[Page[Payment]]:
        pages: Iterator[Page[Payment]] = self.context.reader.read_payments(cursor, self.context.integration.start_date)
        return pages

    def _late(self, hints: Sequence[Hint]) -> Any:
        return lambda cursor: (Page(self.context.reader.read_vendor_payments(hint.key)) for hint in hints)

    def _clear(self, hints: Sequence[Hint]) -> Any:
        def clear() -> Iterable[Staged]:
            if not self.context.preview:
                Hint.objects.filter(pk__in=[hint.pk for hint in hints]).delete()
            return ()

        return clear

    def _absorb(self, payments: Sequence[Payment]) -> Iterable[Staged]:
        """Only payments of bills we sent, once money moved; a void only of what we know."""
        bills = self._bills(payments)
        keys = [payment.key for payment in payments]
        known = self.context.links().get(keys).keys() | set(
            Delivery.objects.filter(flow=self.context.flow, key__in=keys).values_list("key", flat=True)
        )
        for payment in payments:
            ours = tuple(each for each in payment.applications if each.bill in bills)
            outside = payment.outside and not self.context.settings.get("record_outside_payments")
            settled = payment.status is PaymentStatus.PAID and not outside
            if ours and (settled or payment.key in known):
                yield self._stage(payment, ours, bills)

    def _stage(self, payment: Payment, ours: Sequence[Applied], bills: dict[str, Link]) -> Staged:
        return Staged(
            key=payment.key,
            document=", ".join(dict.fromkeys(bills[each.bill].document for each in ours)),
            record=payment,
            group=bills[ours[0].bill].group,
            amount=sum((each.amount for each in ours), Decimal(0)),
            currency=payment.currency or self.context.integration.tenant.currency,
        )

    def _bills(self, payments: Sequence[Payment]) -> dict[str, Link]:
        return self.context.links("bills").by_target(each.bill for payment in payments for each in payment.applications)

    # --- deciding --------------------------------------------------------------------------------

    def plan(self, items: Sequence[Item]) -> Iterable[tuple[Item, Decision]]:
        matches = self.matches([item.record for item in items])
        for item in items:
            yield item, self._decide(item, matches[item.record.key])

    def matches(self, payments: Sequence[Payment]) -> Mapping[str, Match]:
        """By payment: our part of it as the ledger's invoices, or why that cannot be told."""
        bills = self._bills(payments)
        found: dict[str, Match] = {}
        for payment in payments:
            owners = {bills[each.bill].group for each in payment.applications if each.bill in bills}
            found[payment.key] = (
                Matched(owners.pop(), self._applications(payment, bills))
                if len(owners) == 1
                else Hold(Reason.INVOICE_NOT_FOUND, "The payment's invoices are of no vendor or of several.")
            )
        return found

    def _decide(self, item: Item, match: Match) -> Decision:
        payment: Payment = item.record
        if item.link is None:
            return self._first(item, match)
        if payment.status is PaymentStatus.VOIDED:
            return self._take_back(item, item.link)
        if item.link.state == Link.State.MISSING:
            if item.delivery.approved == Reason.CHANGED_AFTER_DELIVERY:
                return Send("create", decode(PaymentDraft, item.link.draft))
            return Hold(Reason.CHANGED_AFTER_DELIVERY, item.delivery.message)
        if item.link.state == Link.State.VOIDED:
            return Hold(Reason.CHANGED_AFTER_DELIVERY, f"Payment {payment.key} was voided and is paid again.")
        if item.link.state == Link.State.AWAITING:
            return self._approval(item, item.link)
        sent = decode(PaymentDraft, item.link.draft)
        if self.divided_otherwise(sent, payment, match):
            return Hold(
                Reason.CHANGED_AFTER_DELIVERY,
                f"The payment was entered in {self.there} with {sent.amount}; {self.here} now splits it differently.",
            )
        if sent.method != payment.method or (sent.check_number and sent.check_number != payment.check_number):
            return Hold(
                Reason.CHANGED_AFTER_DELIVERY,
                f"The payment was entered in {self.there} as {sent.method} {sent.check_number}; {self.here} now says "
                f"{payment.method} {payment.check_number}: correct it there, then mark this as done outside.",
            )
        return Settle("Nothing to change: entered already.")

    def divided_otherwise(self, sent: PaymentDraft, payment: Payment, match: Match) -> bool:
        """Whether the cloud now splits the payment differently from how it was entered."""
        applications = match.applications if isinstance(match, Matched) else ()
        return _by_bill(sent.applications) != _by_bill(applications)

    def _first(self, item: Item, match: Match) -> Decision:
        payment: Payment = item.record
        if payment.status is PaymentStatus.VOIDED:
            return Withdraw(f"Voided in {self.here} before it was entered.", State.VOIDED)
        if payment.status is PaymentStatus.OPEN:
            return Withdraw(f"No longer paid in {self.here} ({payment.raw_status}).")
        if item.delivery.sent_at and item.delivery.draft:  # the same body again: it may be known there already
            return Send("create", decode(PaymentDraft, item.delivery.draft))
        draft = match if isinstance(match, Hold) else self._draft(payment, match)
        return draft if isinstance(draft, Hold) else Send("create", draft)

    def _approval(self, item: Item, link: Link) -> Decision:
        """What became of the entry that the ledger keeps back; it is never sent again unasked."""
        approved = item.delivery.approved
        entry = self.context.writer.find_payment(self.prefix + item.key)
        again = Send("create", decode(PaymentDraft, link.draft))
        if entry is None:
            message = f"The draft of this payment is gone from {self.there}. Replay to enter it again."
            return again if approved == Reason.CHANGED_AFTER_DELIVERY else Hold(Reason.CHANGED_AFTER_DELIVERY, message)
        if entry.approval == "rejected":
            message = f"The payment was rejected in {self.there}. Replay to enter it again, or mark it as done outside."
            return again if approved == Reason.REJECTED_BY_TARGET else Hold(Reason.REJECTED_BY_TARGET, message)
        if not entry.posted:
            message = f"{self.there} keeps the payment as {entry.id} until somebody approves it there."
            return Hold(Reason.AWAITING_APPROVAL, message, retry_after=APPROVAL_INTERVAL)
        link.state, link.target_id = Link.State.POSTED, entry.id
        return Settle(f"Approved and posted in {self.there} as {entry.id}.")

    @property
    def reverses(self) -> bool:
        """Whether the ledger lets a posted payment be taken back, by us as by people."""
        return self.record_type in self.context.writer.capabilities.reverses

    def _take_back(self, item: Item, link: Link) -> Decision:
        if link.state == Link.State.POSTED and not self.reverses:
            return self._too_late(link)
        if link.state in (Link.State.MISSING, Link.State.VOIDED):
            return Withdraw(f"Voided in {self.here}; nothing stands in {self.there}.", State.VOIDED)
        return Send("delete", decode(PaymentDraft, link.draft), target_id=link.target_id, final=State.VOIDED)

    def _too_late(self, link: Link) -> Hold:
        return Hold(
            Reason.VOIDED_AFTER_POSTING,
            f"The payment of {link.document} was voided in {self.here}, but is posted in {self.there}: "
            "reverse it there, then mark this as done outside.",
        )

    def _draft(self, payment: Payment, match: Matched) -> PaymentDraft | Hold:
        if payment.paid_on is None:
            return Hold(Reason.REJECTED_BY_TARGET, f"{self.here} gives no date for this payment.")
        bank = self._bank(payment)
        if isinstance(bank, Hold):
            return bank
        check = payment.method is PaymentMethod.CHECK
        limits = self.context.writer.capabilities.limits
        if check and not payment.check_number and "payment.check_number" in limits:
            return Hold(
                Reason.AWAITING_CHECK_NUMBER,
                f"{self.here} has not cut the check yet: {self.there} needs its number. It goes by itself then.",
            )
        if check and len(payment.check_number) > limits.get("payment.check_number", len(payment.check_number)):
            return Hold(
                Reason.DOCUMENT_NUMBER_TOO_LONG,
                f"Check number {payment.check_number} has {len(payment.check_number)} characters; {self.there} takes "
                f"{limits['payment.check_number']}. Enter the payment there, then mark this as done outside.",
            )
        applications = match.applications
        trace = payment.reference if len(payment.reference) <= limits.get("payment.reference", 40) else payment.key
        return PaymentDraft(
            reference=self.prefix + payment.key,
            vendor_key=match.vendor_key,
            bank=bank,
            method=payment.method,
            check_number=payment.check_number if check else "",
            trace=trace,
            paid_on=payment.paid_on,
            amount=sum((each.amount for each in applications), Decimal(0)),
            comment=f"{self.here} {payment.confirmation or payment.key}"[: limits.get("payment.comment", 29)],
            applications=applications,
            batch=f"{self.here} {payment.paid_on}" if self.context.writer.payment_batches() else "",
            currency=payment.currency,
        )

    def _bank(self, payment: Payment) -> str | Hold:
        """The bank that the funding account is mapped to; "*" stands for accounts without a row of their own."""
        mapping = self.context.mapping
        row = payment.funding_account if mapping.has(MappingTable.BANK_ACCOUNTS, payment.funding_account) else "*"
        bank = mapping.target(MappingTable.BANK_ACCOUNTS, row)
        if bank:
            return bank
        problem = mapping.problem(MappingTable.BANK_ACCOUNTS, row)
        return Hold(
            Reason.ACCOUNT_UNMAPPED,
            f"{self.here} account {self._funding(payment)} is not mapped to a bank of {self.there} "
            f"(table bank accounts). {problem}".strip(),
        )

    def _applications(self, payment: Payment, bills: dict[str, Link]) -> tuple[Applied, ...]:
        """Our part of the payment by the ledger's invoices, each once."""
        amounts: dict[tuple[str, str], Decimal] = {}
        for each in payment.applications:
            if each.bill in bills:
                invoice = (bills[each.bill].document, bills[each.bill].source_key)
                amounts[invoice] = amounts.get(invoice, Decimal(0)) + each.amount
        return tuple(Applied(number, amount, key=key) for (number, key), amount in amounts.items())

    def _funding(self, payment: Payment) -> str:
        row = self.context.references(self.context.reads).all(ReferenceKind.BANK).get(payment.funding_account)
        return row.label if row else payment.funding_account or "(unknown)"

    @property
    def prefix(self) -> str:
        return self.context.payment_mark

    # --- sending ---------------------------------------------------------------------------------

    def send(self, action: str, batch: Sequence[tuple[Item, Send]]) -> list[Written]:
        writer = self.context.writer
        if action == "delete":
            for _, send in batch:
                writer.delete_payment(send.target_id)
            return [Written(send.target_id) for _, send in batch]
        return [writer.record_payment(send.draft) for _, send in batch]

    def refused(self, item: Item, send: Send, error: Rejected) -> Hold | Withdraw | Found | None:
        if send.action == "delete" and error.code == "payment_posted":
            assert item.link is not None
            return self._too_late(item.link)
        if send.action == "delete" and isinstance(error, NotFound):  # gone, or posted under another id meanwhile
            return self._deleted(item, self.context.writer.find_payment(self.prefix + item.key))
        if error.code in PASSING or error.reason == Reason.CURRENCY_UNSUPPORTED:
            return Hold(reason_of(error), error.message, retry_after=RETRY_CLOSED_PERIOD)
        return super().refused(item, send, error)

    def look_up(self, items: Sequence[Item]) -> dict[str, Found]:
        found = {}
        for item in items:
            entry = self.context.writer.find_payment(self.prefix + item.key)
            if item.delivery.action == "delete":
                found[item.key] = self._deleted(item, entry)
            elif entry is None:
                found[item.key] = Found("", f"{self.there} has no payment with reference {self.prefix}{item.key}.")
            else:
                found[item.key] = self._recognised(entry, decode(PaymentDraft, item.delivery.draft))
        return found

    def _recognised(self, entry: LedgerPayment, draft: PaymentDraft) -> Found:
        """An entry under our reference is ours only if it says the same to the cent."""
        keyed = any(each.key for each in entry.applications)
        there = _totals((each.key or each.bill, each.amount) for each in entry.applications)
        sent = _totals(
            (documents.whole_key(self.context, each.key) if keyed else each.bill, each.amount)
            for each in draft.applications
        )
        if entry.amount != draft.amount or (there and there != sent):
            message = (
                f"{self.there} holds payment {entry.check_number or entry.id} under our reference over {entry.amount}, "
                f"but {self.here} paid {draft.amount}: correct it there, then mark this as done outside."
            )
            return Found("", message, hold=Hold(Reason.DUPLICATE_DOCUMENT, message))
        note = f"Found in {self.there} as {entry.check_number or entry.id}."
        details = {"state": "posted"} if entry.posted else {}
        if entry.approval:
            details["awaiting"] = f"{self.there} keeps the payment as {entry.id} until somebody approves it there."
        return Found(entry.id, note, number=entry.check_number, details=details)

    def _deleted(self, item: Item, entry: LedgerPayment | None) -> Found:
        if entry is None:
            return Found(item.delivery.target_id, f"The entry is gone from {self.there}.")
        if entry.posted and item.link is not None and not self.reverses:
            return Found("", "It was posted meanwhile.", hold=self._too_late(item.link))
        return Found("", f"The entry still stands in {self.there}.")

    def draft_type(self, action: str) -> type:
        return PaymentDraft

    def keep(self, link: Link, item: Item, decision: Decision, written: Any) -> None:
        action = item.delivery.action
        if action == "create":
            posted = written is not None and written.details.get("state") == "posted"
            awaiting = written is not None and written.details.get("awaiting")
            entered = Link.State.AWAITING if awaiting else Link.State.ENTERED
            link.state = Link.State.POSTED if posted else entered
            link.closed = posted
        elif action == "delete":
            link.state, link.closed = Link.State.VOIDED, True
        link.closed = link.closed or link.state == Link.State.POSTED

    def settled(self, done: Sequence[tuple[Item, Decision, Any]]) -> None:
        """Keep what each payment took off which invoice."""
        for item, _, written in done:
            rows = Application.objects.filter(integration=self.context.integration, payment_key=item.key)
            if item.delivery.action == "delete":
                rows.update(state=Application.State.VOIDED)
            elif item.delivery.action == "create":
                posted = written is not None and written.details.get("state") == "posted"
                state = Application.State.POSTED if posted else Application.State.ENTERED
                self._keep_applications(item.key, decode(PaymentDraft, item.delivery.draft), state)
            elif item.link is not None and item.link.state == Link.State.POSTED:
                rows.update(state=Application.State.POSTED)

    def _keep_applications(self, payment_key: str, draft: PaymentDraft, state: str) -> None:
        totals = _totals((each.key, each.amount + each.discount) for each in draft.applications)
        Application.objects.bulk_create(
            [
                Application(
                    integration=self.context.integration,
                    bill_key=key,
                    payment_key=payment_key,
                    amount_minor=int(amount.scaleb(2)),
                    state=state,
                )
                for key, amount in totals.items()
            ],
            update_conflicts=True,
            unique_fields=["integration", "bill_key", "payment_key"],
            update_fields=["amount_minor", "state"],
        )


def _by_bill(applications: Iterable[Applied]) -> list[tuple[str, Decimal, Decimal]]:
    return [(each.bill, each.amount, each.discount) for each in applications]


def _totals(parts: Iterable[tuple[str, Decimal]]) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    for name, amount in parts:
        found[name] = found.get(name, Decimal(0)) + amount
    return found
