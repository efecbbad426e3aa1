"""Payment batches and the register update that posts them (docs: sage100 8.8)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from werkzeug.wrappers import Request, Response

from connectors.sage100.sandbox.agent import Agent
from connectors.sage100.sandbox.lists import one_of
from connectors.sage100.sandbox.model import ZERO, Batch, Company, Invoice, Payment
from connectors.sage100.sandbox.wire import Refused, show
from connectors.sandboxing import json_response, route


def render(company: Company, batch: Batch) -> dict[str, Any]:
    entries = [payment for payment in company.payments if payment.batch_no == batch.number]
    return {
        "batchNo": batch.number,
        "description": batch.description,
        "state": batch.state,
        "entryCount": len(entries),
        "total": show(sum((payment.amount for payment in entries), ZERO)),
        "createdBy": batch.created_by,
    }


def settle(company: Company, invoice: Invoice, payment: Payment, now: datetime, *, touch: bool = True) -> None:
    """What a posted payment does to its invoice."""
    part = next(each for each in payment.applications if each.invoice == invoice.number)
    invoice.balance -= part.total
    invoice.last_check_no, invoice.last_check_date = payment.check_no, payment.payment_date
    invoice.in_open = invoice.balance != 0 or company.keeps_paid
    if touch:
        invoice.stamp.touch(now)
        company.invoices.put(invoice)


def post(company: Company, payment: Payment, now: datetime) -> None:
    """The register update of one entry: balances fall, the entry becomes history under a new key."""
    before = payment.key
    company.remove_entry(payment)
    payment.check_seq = f"{len(company.numbered(payment.bank, payment.check_no)) + 1:06d}"
    payment.check_type = "M"
    payment.posted_date = company.today(now)
    payment.stamp.touch(now)
    company.payments.put(payment)
    company.renamed[before] = payment.key
    for part in payment.applications:
        settle(company, company.invoice(payment.division, payment.vendor, part.invoice), payment, now)


def post_batch(company: Company, batch: Batch, now: datetime) -> int:
    entries = [payment for payment in company.payments if payment.entered and payment.batch_no == batch.number]
    for payment in entries:
        post(company, payment, now)
    batch.state = "posted"
    return len(entries)


class Batches(Agent):
    @route("GET", "/v1/payment-batches")
    def list_batches(self, request: Request) -> Response:
        call = self.enter(request, "read", {"state": one_of("open", "all")})
        company = call.company
        with self.boi(company):
            shown = [
                render(company, batch)
                for _, batch in sorted(company.batches.items())
                if batch.state == "open" or call.query.get("state") == "all"
            ]
        return json_response({"data": shown})

    @route("GET", "/v1/payment-batches/<batch_no>")
    def get_batch(self, request: Request, batch_no: str) -> Response:
        """A posting batch shows `posting` once, so that callers have to poll."""
        company = self.enter(request, "read").company
        with self.boi(company):
            batch = self._batch(company, batch_no)
            if batch.state == "posting" and batch.polled:
                post_batch(company, batch, self.now())
            batch.polled = True
            return json_response(render(company, batch))

    @route("POST", "/v1/payment-batches/<batch_no>/post")
    def start_posting(self, request: Request, batch_no: str) -> Response:
        company = self.enter(request, "batches:post").company
        if not self.allow_posting:
            raise Refused("posting_disabled", "Posting is off in the agent's settings.")
        with self.boi(company, writes=True):
            batch = self._batch(company, batch_no)
            if batch.state != "open":
                raise Refused("batch_closed", "The batch is posted.")
            self.writing()
            batch.state, batch.polled = "posting", False
        return json_response({"batchNo": batch.number, "state": "posting"}, 202)

    def _batch(self, company: Company, batch_no: str) -> Batch:
        batch = company.batches.get(batch_no)
        if batch is None:
            raise Refused("batch_not_found", "No such batch.")
        return batch
