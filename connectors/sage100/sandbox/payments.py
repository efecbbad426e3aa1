"""Payments recorded as manual check entries, and the rule that writes each only once (docs: sage100 8.8)."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from werkzeug.wrappers import Request, Response

from connectors.sage100.sandbox.agent import Agent
from connectors.sage100.sandbox.forms import json_body
from connectors.sage100.sandbox.instruction import BUS, REFERENCE, Instruction, read_instruction
from connectors.sage100.sandbox.lists import PAGING, TRIPLE, Page, one_of, text
from connectors.sage100.sandbox.model import AGENT_USER, Applied, Batch, Company, Journal, Payment
from connectors.sage100.sandbox.stamps import Stamp
from connectors.sage100.sandbox.wire import Refused, decode_id, detail, encode_id, sage_error, show, show_date
from connectors.sandboxing import json_response, route

FILTERS = {
    **PAGING,
    **TRIPLE,
    "state": one_of("entered", "posted", "all"),
    "client_reference": text(64, REFERENCE),
    "bank_code": text(1),
    "check_no": text(10),
}


def render(company: Company, payment: Payment) -> dict[str, Any]:
    vendor = company.vendors.get(payment.division, payment.vendor)
    batch = company.batches.get(payment.batch_no or "")
    return {
        "id": encode_id("payment", *payment.key),
        "state": "entered" if payment.entered else "posted",
        "clientReference": payment.client_reference,
        "apDivisionNo": payment.division,
        "vendorNo": payment.vendor,
        "vendorName": vendor.name if vendor else None,
        "bankCode": payment.bank,
        "method": payment.method,
        "checkNo": payment.check_no,
        "checkSeqNo": payment.check_seq or None,
        "checkType": payment.check_type,
        "reference": payment.reference,
        "paymentDate": show_date(payment.payment_date),
        "postedDate": show_date(payment.posted_date),
        "amount": show(payment.amount),
        "comment": payment.comment,
        "batchNo": payment.batch_no,
        "batchDescription": batch.description if batch else None,
        "applications": [_applied(each, payment.entered) for each in payment.applications],
        **payment.stamp.wire(),
        "warnings": [],
    }


def _applied(part: Applied, entered: bool) -> dict[str, Any]:
    record = {"invoiceNo": part.invoice, "amountPaid": show(part.paid), "discountTaken": show(part.discount)}
    return {**record, "balanceBefore": show(part.balance_before)} if entered else record


class Payments(Agent):
    @route("GET", "/v1/payments")
    def list_payments(self, request: Request) -> Response:
        call = self.enter(request, "read", FILTERS)
        company, query = call.company, call.query
        page = Page.of(request, company.code, query, self.agent_time(company))
        with self.boi(company):
            data = page.read(
                company.payments,
                page.prefix("bank_code", "check_no"),
                lambda payment: _matches(query, payment),
                lambda payment: render(company, payment),
            )
        return json_response(data)

    @route("GET", "/v1/payments/<payment_id>")
    def get_payment(self, request: Request, payment_id: str) -> Response:
        company = self.enter(request, "read").company
        with self.boi(company):
            return json_response(render(company, self._payment(company, payment_id)))

    @route("DELETE", "/v1/payments/<payment_id>")
    def delete_payment(self, request: Request, payment_id: str) -> Response:
        company = self.enter(request, "payments:write").company
        with self.boi(company, writes=True):
            payment = self._payment(company, payment_id)
            if not payment.entered:
                raise Refused("payment_posted", "The payment is posted: reverse it in Sage 100.")
            batch = company.batches.get(payment.batch_no or "")
            if batch is not None and batch.state == "posting":
                raise Refused("batch_locked", "The batch is being posted.")
            self.writing()
            company.remove_entry(payment)
            company.journal = {ref: note for ref, note in company.journal.items() if note.key != payment.key}
        return Response(status=204)

    @route("POST", "/v1/payments")
    def post_payment(self, request: Request) -> Response:
        company = self.enter(request, "payments:write").company
        order = read_instruction(json_body(request), company, company.today(self.now()))
        with self.boi(company, writes=True):
            known = self._recorded(company, order) or self._adopted(company, order)
            if known is not None:
                self.duplicates += 1
                return json_response({**render(company, known), "duplicate": True})
            payment = self._write(company, order)
            record = render(company, payment)
        return json_response({**record, "duplicate": False}, 201, {"Location": f"/v1/payments/{record['id']}"})

    # --- the duplicate rule, in its order ----------------------------------------------------------

    def _recorded(self, company: Company, order: Instruction) -> Payment | None:
        """Rules 1 and 2: what the journal knows, or what an unknown outcome left behind."""
        note = company.journal.get(order.client_reference)
        if note is None:
            return None
        if note.body != order.canonical():
            raise Refused("payment_conflict", "The clientReference was used with another body.")
        if note.key is not None:
            return company.payments.records.get(company.renamed.get(note.key, note.key))
        for payment in company.payments:
            same_vendor = (payment.division, payment.vendor) == (order.division, order.vendor)
            same_check = order.check_no is not None and payment.key[:2] == (order.bank, order.check_no)
            if same_vendor and (same_check or (payment.comment or "").endswith(order.mark)):
                note.key = payment.key
                return payment
        return None

    def _adopted(self, company: Company, order: Instruction) -> Payment | None:
        """Rule 3: the check's number is in Sage already."""
        if order.check_no is None:
            return None
        found = company.numbered(order.bank, order.check_no)
        for payment in found:
            if _same_check(payment, order):
                payment.client_reference = payment.client_reference or order.client_reference
                company.journal[order.client_reference] = Journal(order.canonical(), payment.key)
                return payment
        if found:
            raise Refused("check_number_used", "The check number is used for another payment.")
        return None

    def _write(self, company: Company, order: Instruction) -> Payment:
        """References, period, rule 4, then rule 5: journal started, BOI write, journal done."""
        self._check_references(company, order)
        for index, part in enumerate(order.applications):
            part.balance_before = _check_invoice(company, order, index, part)
        batch = self._find_batch(company, order)
        note = company.journal[order.client_reference] = Journal(order.canonical())
        self.writing()
        payment = Payment(
            division=order.division,
            vendor=order.vendor,
            bank=order.bank,
            check_no=order.check_no or next_wire(company, order.bank),
            method=order.method,
            payment_date=order.payment_date,
            amount=order.amount,
            applications=order.applications,
            stamp=Stamp.at(company.zone, self.now()),
            client_reference=order.client_reference,
            reference=order.reference,
            comment=f"{order.comment or (order.reference or '')[:29]} {order.mark}".strip(),
            batch_no=batch.number if batch else None,
        )
        company.enter_payment(payment)
        note.key = payment.key
        return payment

    def _check_references(self, company: Company, order: Instruction) -> None:
        if company.vendors.get(order.division, order.vendor) is None:
            raise _unknown("vendorNo", "The Vendor is not on file.")
        if order.bank not in company.banks:
            raise _unknown("bankCode", "The Bank Code is not on file.")
        if order.method != "CHECK" and not company.wires_enabled:
            raise Refused("wire_transfers_disabled", "Wire transfers are disabled in Accounts Payable Options.")
        if (order.payment_date.year, order.payment_date.month) in company.closed_periods:
            message = "The fiscal period of the date is closed."
            raise Refused("period_closed", message, details=[detail("paymentDate", "period_closed", message)])

    def _find_batch(self, company: Company, order: Instruction) -> Batch | None:
        if order.batch_no is not None:
            batch = company.batches.get(order.batch_no)
            if batch is None:
                raise Refused("batch_not_found", "No such batch.")
            if batch.state != "open":
                raise Refused("batch_closed", "The batch is posted.")
            return batch
        if order.batch_description is None:
            return None
        for batch in company.batches.values():
            if (batch.state, batch.created_by, batch.description) == ("open", AGENT_USER, order.batch_description):
                return batch
        return new_batch(company, order.batch_description, AGENT_USER)

    def _payment(self, company: Company, payment_id: str) -> Payment:
        kind, *parts = decode_id(payment_id) or ("",)
        key = tuple(parts)
        payment = company.payments.records.get(key) or company.payments.records.get(company.renamed.get(key, key))
        if kind != "payment" or payment is None:
            raise Refused("payment_not_found", "No such payment.")
        return payment


def next_wire(company: Company, bank: str) -> str:
    while True:
        number = f"W{company.next('wire'):05d}"
        if not company.numbered(bank, number):
            return number


def new_batch(company: Company, description: str, created_by: str) -> Batch:
    batch = Batch(f"{company.next('batch'):05d}", description, created_by)
    company.batches[batch.number] = batch
    return batch


def _check_invoice(company: Company, order: Instruction, index: int, part: Applied) -> Decimal:
    """Rule 4 for one application; returns the balance still free."""
    field = f"applications[{index}].invoiceNo"
    invoice = company.invoices.get(order.division, order.vendor, part.invoice, "posted")
    if invoice is None:
        raise _no_invoice("invoice_not_open", field, "not_open", "The invoice is not open in Sage 100.")
    if not invoice.in_open or invoice.balance == 0:
        raise _no_invoice("invoice_already_paid", field, "already_paid", "The invoice is paid in Sage 100.")
    free = invoice.balance - company.reserved[(order.division, order.vendor, part.invoice)]
    if part.total * free <= 0 or abs(part.total) > abs(free):
        message = f"The amount exceeds the balance {free:.2f} (unposted entries deducted)."
        raise _no_invoice("amount_exceeds_balance", f"applications[{index}].amountPaid", "exceeds_balance", message)
    if invoice.selected:
        message = "The invoice is selected in a check run of Sage 100."
        raise _no_invoice("invoice_selected_for_payment", field, "selected", message)
    return free


def _same_check(payment: Payment, order: Instruction) -> bool:
    return (payment.division, payment.vendor, payment.payment_date, payment.amount) == (
        order.division,
        order.vendor,
        order.payment_date,
        order.amount,
    ) and _numbers(payment.applications) == _numbers(order.applications)


def _numbers(applications: Sequence[Applied]) -> set[str]:
    return {each.invoice for each in applications}


def _no_invoice(code: str, field: str, short: str, message: str) -> Refused:
    return Refused(code, message, details=[detail(field, short, message)])


def _unknown(field: str, message: str) -> Refused:
    details = [detail(field, "not_on_file", message)]
    return Refused("unknown_reference", message, details=details, sage=sage_error(BUS, "nSetValue", message))


def _matches(query: dict[str, Any], payment: Payment) -> bool:
    given = {
        "client_reference": payment.client_reference,
        "check_no": payment.check_no,
        "ap_division_no": payment.division,
        "vendor_no": payment.vendor,
    }
    if any(name in query and query[name] != value for name, value in given.items()):
        return False
    if query.get("state", "all") not in ("all", "entered" if payment.entered else "posted"):
        return False
    return "invoice_no" not in query or query["invoice_no"] in _numbers(payment.applications)
