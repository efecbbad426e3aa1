"""Outgoing payments: looked up, entered once, verified, taken back. docs: sap_b1 6.5, 9.3

Nothing in SAP recognises a repetition: whoever enters a payment holds the vendor's lock from the look-up to the
answer, and what is not certain after the POST is for the engine to look up.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from decimal import Decimal
from typing import Any

from ..budget import Slots, acquire
from ..domain import LedgerPayment, PaymentDraft, Written
from ..errors import (
    BadAnswer,
    ConfigurationError,
    ConnectorError,
    CredentialsRefused,
    Duplicate,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    RecordLocked,
    Rejected,
    sentence,
)
from ..ports import Host
from . import odata, settlements
from .client import Client, Created, Row
from .company import Company
from .fields import decimal
from .invoices import INVOICES, PAYMENTS, Invoices, payments_of
from .settlements import DONE, DRAFT, REJECTED, Due, Rate, Unpayable

DRAFTS = "PaymentDrafts"
APPROVALS = "ApprovalRequests"

PATIENCE = 10.0  # seconds to wait for another payment of the same vendor; a dead process's lock lasts longer

#: [assumed] How a closed or missing posting period, or a date in the future, is refused (docs: sap_b1 12.1, 13).
PERIOD_REFUSED = re.compile(r"\bperiods?\b|posting date|\bfuture\b|date deviates", re.IGNORECASE)


class Payments:
    """Ids are SAP's DocEntry; of a payment that SAP keeps back for approval `draft:` and the draft's."""

    def __init__(self, client: Client, host: Host, company: Company, invoices: Invoices) -> None:
        self._client = client
        self._host = host
        self._company = company
        self._invoices = invoices

    # --- entering ------------------------------------------------------------------------------------

    def record(self, draft: PaymentDraft) -> Written:
        """Raises Rejected, with the balances that SAP holds where they are the reason; Duplicate for another payment
        under the same reference; RecordLocked while another payment of the vendor is being entered. A draft that
        SAP's approver refused does not stand in the way of a new attempt."""
        with self._locked(draft.vendor_key):
            found = self.find(draft.reference)
            if found and found.approval != REJECTED:
                return _recognised(found, draft)
            body = self._body(draft)
            try:
                created = self._client.create(PAYMENTS, body)
            except Rejected as error:
                raise self._explained(error, draft) from None
            return self._verified(draft, body, created)

    @contextmanager
    def _locked(self, vendor: str) -> Iterator[None]:
        """Raises RecordLocked for a vendor that somebody else pays; others need not wait for that one."""
        config = self._client.config
        lock = Slots(f"sap_b1:{config.company}:vendor:{vendor}", 1, config.payment_lease)
        with ExitStack() as held:
            try:
                held.enter_context(acquire([lock], self._host, self._host.clock.monotonic() + PATIENCE))
            except RateLimited:
                raise RecordLocked(f"Another payment of vendor {vendor} is being entered.") from None
            yield

    def _body(self, draft: PaymentDraft) -> dict[str, Any]:
        try:
            entries = dict.fromkeys(settlements.invoice_key(each.key or each.bill)[0] for each in draft.applications)
            due = self._invoices.due(list(entries))
            parts = settlements.allocate(draft, due)
            common = settlements.agreed([one for one, _, _ in parts])
            rate = self._rate(common, draft)
            return settlements.body(
                draft, parts, version=self._client.config.version, rate=rate, branches=self._company.branches
            )
        except Unpayable as error:
            reason = error.code if error.code == "currency_unsupported" else ""
            raise Rejected(str(error), code=error.code, reason=reason) from None
        except ValueError as error:
            raise Rejected(f"The payment cannot be entered: {error}.", code="invoice_not_found") from None

    def _rate(self, common: Due, draft: PaymentDraft) -> Rate | None:
        iso = self._company.currencies.iso(common.currency)
        if draft.currency and draft.currency != iso:
            message = f"The payment is in {draft.currency}, but its invoices are in {iso}."
            raise Unpayable("currency_unsupported", message)
        if not common.foreign:
            return None
        # Clients in the field send the date without hyphens; the schema says no more than text [assumed].
        for date in (f"{draft.paid_on:%Y%m%d}", draft.paid_on.isoformat()):
            value = self._told_rate({"Currency": common.currency, "Date": date})
            if value > 0:
                return Rate(value, self._company.multiplies)
        raise Unpayable(
            "currency_unsupported",
            f"SAP has no rate of {common.currency} for {draft.paid_on}: enter it there, then replay the payment.",
        )

    def _told_rate(self, question: Row) -> Decimal:
        """0 for none; a missing rate is an error of its own in some releases."""
        try:
            answer = self._client.call("SBOBobService_GetCurrencyRate", question, writes=False)
        except Rejected:
            return Decimal(0)
        return decimal(answer if isinstance(answer, dict) else {"value": answer}, "value")

    def _explained(self, error: Rejected, draft: PaymentDraft) -> Rejected:
        """The refusal in SAP's words, and what the invoices say now: its codes do not tell an invoice that somebody
        paid meanwhile from other reasons."""
        self._company.forget()
        if PERIOD_REFUSED.search(error.message):
            message = (
                f"{sentence(error.message)} It goes by itself once {draft.paid_on} is in an open posting period of SAP."
            )
            return Rejected(
                message, field=error.field, status=error.status, code=error.code, raw=error.raw, reason="period_closed"
            )
        message = f"{sentence(error.message)} {self._balances(draft)}".strip()
        return Rejected(
            message, field=error.field, status=error.status, code=error.code, raw=error.raw, reason=error.reason
        )

    def _balances(self, draft: PaymentDraft) -> str:
        entries = [settlements.invoice_key(each.key or each.bill)[0] for each in draft.applications]
        try:
            due = self._invoices.due(list(dict.fromkeys(entries))[:10])
        except (ConnectorError, ValueError):
            return ""
        shown = [f"{each.bill.number or each.bill.ledger_number}: {each.bill.balance}" for each in due.values()]
        return f"Balance in SAP: {', '.join(shown)}." if shown else ""

    def _verified(self, draft: PaymentDraft, body: Mapping[str, Any], created: Created) -> Written:
        """With approval procedures a success does not mean that the payment was posted (docs: sap_b1 6.5)."""
        try:
            entry = created.row.get("DocEntry") or _entry(created.location)
            row = self._posted(entry) if isinstance(entry, int) and not _diverted(created) else None
            if row is not None and settlements.confirms(row, body):
                return _written(settlements.payment(row), number=str(row["DocNum"]))
            found = self.find(draft.reference)
        except (ConnectorError, ValueError) as error:
            told = error.message if isinstance(error, ConnectorError) else str(error)
            raise OutcomeUnknown(f"SAP accepted the payment, but it could not be verified: {told}") from None
        if found is None or found.approval == REJECTED:
            raise OutcomeUnknown(
                "SAP accepted the payment, but neither the payment nor a draft of it can be found yet."
            )
        return _written(found)

    def _posted(self, entry: int) -> Row | None:
        try:
            return self._client.get(odata.key(PAYMENTS, entry), select=settlements.PAYMENT)
        except NotFound:
            return None

    # --- looking up ----------------------------------------------------------------------------------

    def find(self, reference: str) -> LedgerPayment | None:
        """The posted one, else the draft that waits for approval, else the one that was refused.

        Raises BadAnswer for a row that cannot be understood: it could be the one.
        """
        same = f"TransferReference eq {odata.text(settlements.transfer_reference(reference))}"
        for row in self._client.find(PAYMENTS, filter=f"{same} and Cancelled eq 'tNO'", select=settlements.PAYMENT):
            found = understood(row)
            if found.reference == reference and not settlements.cancelled(row):  # databases differ in what is equal
                return found
        drafts = map(self._draft, self._client.find(DRAFTS, filter=same, select=settlements.PAYMENT))
        ours = [each for each in drafts if each and each.reference == reference]
        return next((each for each in ours if each.approval != REJECTED), ours[0] if ours else None)

    def _draft(self, row: Row) -> LedgerPayment | None:
        """None for what is no longer a draft."""
        if not settlements.is_outgoing(row) or settlements.cancelled(row):
            return None
        approval = settlements.approval(row, self._requests(row))
        return None if approval == DONE else understood(row, approval=approval)

    def _requests(self, draft: Row) -> list[Row]:
        try:
            return self._client.find(
                APPROVALS, filter=f"DraftEntry eq {draft['DocEntry']}", select=settlements.APPROVAL, orderby="Code desc"
            )
        except CredentialsRefused:
            raise
        except (Rejected, ConfigurationError):  # without a right to see them the draft's own status has to do
            return []

    def of_bill(self, key: str) -> list[LedgerPayment]:
        """Posted payments with a part for this invoice."""
        try:
            entry = settlements.invoice_key(key)[0]
            invoice = self._client.get(odata.key(INVOICES, entry), select=("DocEntry", "CardCode"))
        except (NotFound, ValueError):
            return []
        found = (understood(row) for row in payments_of(self._client, [invoice["CardCode"]]))
        return [each for each in found if any(part.key == str(entry) for part in each.applications)]

    # --- taking back ---------------------------------------------------------------------------------

    def take_back(self, payment_id: str) -> None:
        """Raises NotFound, and Rejected (`payment_posted`) where SAP keeps a posted one."""
        entry = payment_id.removeprefix(DRAFT)
        if not entry.isdecimal():
            raise NotFound(f"SAP has no payment {payment_id}.", code="payment_not_found")
        if payment_id.startswith(DRAFT):
            self._drop(int(entry))
        else:
            self._cancel(int(entry))

    def _drop(self, entry: int) -> None:
        path = odata.key(DRAFTS, entry)
        row = self._client.get(path, select=settlements.PAYMENT)
        status = settlements.approval(row, self._requests(row))
        if status == DONE:
            raise NotFound(f"Draft {entry} became a payment in SAP.", code="payment_not_found")
        try:
            self._client.delete(path)
        except NotFound:
            raise
        except Rejected as error:
            if status == REJECTED:  # it stays, but nobody can add it
                return
            raise Rejected(
                f"{sentence(error.message)} Have draft {entry} rejected or removed in SAP, then replay this record.",
                field=error.field,
                status=error.status,
                code=error.code,
                raw=error.raw,
            ) from None

    def _cancel(self, entry: int) -> None:
        """Dated as the payment was."""
        path = odata.key(PAYMENTS, entry)
        if settlements.cancelled(self._client.get(path, select=("DocEntry", "Cancelled"))):
            return
        try:
            self._client.call(f"{path}/Cancel", writes=True)
        except Rejected as error:
            if settlements.cancelled(self._client.get(path, select=("DocEntry", "Cancelled"))):
                return
            raise Rejected(
                f"SAP does not cancel the payment: {error.message}",
                field=error.field,
                status=error.status,
                code="payment_posted",
                raw=error.raw,
            ) from None


def understood(row: Row, *, approval: str = "") -> LedgerPayment:
    try:
        return settlements.payment(row, approval=approval)
    except ValueError as error:
        raise BadAnswer(f"A payment of SAP Business One could not be understood: {error}.") from None


def _recognised(found: LedgerPayment, draft: PaymentDraft) -> Written:
    if (found.amount, found.vendor_key) != (draft.amount, draft.vendor_key):
        raise Duplicate(
            f"SAP holds payment {found.id} of vendor {found.vendor_key} over {found.amount} under the reference "
            f"{draft.reference}, but {draft.amount} was paid to {draft.vendor_key}.",
            ref=found.id,
        )
    return _written(found, duplicate=True)


def _written(found: LedgerPayment, *, number: str = "", duplicate: bool = False) -> Written:
    details = {"state": "posted"} if found.posted else {"awaiting": settlements.awaiting(found.id)}
    return Written(found.id, number=number, total=found.amount, duplicate=duplicate, details=details)


def _diverted(created: Created) -> bool:
    """Whether the answer itself says that a draft was made."""
    return (
        bool(created.row.get("Payments_ApprovalRequests"))
        or created.row.get("AuthorizationStatus") == "pasPending"
        or (bool(created.location) and f"{PAYMENTS}(" not in created.location)
    )


def _entry(location: str) -> int | None:
    found = re.search(rf"{PAYMENTS}\(([0-9]+)\)", location)
    return int(found[1]) if found else None
