"""AP invoices, open invoices and their attachments (docs: sage100 8.6)."""

from __future__ import annotations

import hashlib
import mimetypes
from typing import Any

from werkzeug.wrappers import Request, Response

from connectors.sage100.sandbox.agent import Agent
from connectors.sage100.sandbox.lists import PAGING, TRIPLE, Page, day, flag, includes, one_of, text
from connectors.sage100.sandbox.model import Attachment, Company, Invoice
from connectors.sage100.sandbox.wire import Refused, decode_id, encode_id, show, show_date
from connectors.sandboxing import json_response, route

MAX_ATTACHMENT = 25 * 1024 * 1024
KINDS = {"entry": "ap-entry", "posted": "ap-invoice"}
FILTERS = {
    **PAGING,
    **TRIPLE,
    "state": one_of("posted", "entry", "all"),
    "payable": flag,
    "invoice_date_from": day,
    "invoice_date_to": day,
    "due_date_to": day,
    "purchase_order_no": text(7),
    "include": includes("lines", "attachments"),
}
OPEN_FILTERS = {**PAGING, **TRIPLE, "due_date_to": day, "include_zero_balance": flag}
ALL = frozenset({"lines", "attachments"})


def matches(company: Company, query: dict[str, Any], invoice: Invoice) -> bool:
    state = query.get("state", "posted")
    if state != "all" and invoice.state != state:
        return False
    if query.get("purchase_order_no", invoice.purchase_order_no) != invoice.purchase_order_no:
        return False
    if "invoice_date_from" in query and invoice.invoice_date < query["invoice_date_from"]:
        return False
    if "invoice_date_to" in query and invoice.invoice_date > query["invoice_date_to"]:
        return False
    if "due_date_to" in query and (invoice.due_date is None or invoice.due_date > query["due_date_to"]):
        return False
    return "payable" not in query or query["payable"] == (not invoice.not_payable(company.vendor_on_hold(invoice)))


def lean(company: Company, invoice: Invoice) -> dict[str, Any]:
    reasons = invoice.not_payable(company.vendor_on_hold(invoice))
    return {
        "id": encode_id("ap-invoice", *invoice.key[:3]),
        "apDivisionNo": invoice.division,
        "vendorNo": invoice.vendor,
        "invoiceNo": invoice.number,
        "invoiceDate": show_date(invoice.invoice_date),
        "dueDate": show_date(invoice.due_date),
        "discountDate": show_date(invoice.discount_date),
        "invoiceAmt": show(invoice.amount),
        "discountAmt": show(invoice.discount),
        "balance": show(invoice.balance),
        "holdPayment": invoice.hold,
        "lastCheckNo": invoice.last_check_no,
        "lastCheckDate": show_date(invoice.last_check_date),
        "payable": not reasons,
        "notPayableReasons": reasons,
        **invoice.stamp.wire(),
    }


def render(company: Company, invoice: Invoice, include: frozenset[str] = ALL) -> dict[str, Any]:
    vendor = company.vendors.get(invoice.division, invoice.vendor)
    reasons = invoice.not_payable(company.vendor_on_hold(invoice))
    record: dict[str, Any] = {
        "id": encode_id(KINDS[invoice.state], *invoice.key[:3]),
        "state": invoice.state,
        "apDivisionNo": invoice.division,
        "vendorNo": invoice.vendor,
        "vendorName": vendor.name if vendor else None,
        "invoiceNo": invoice.number,
        "invoiceDate": show_date(invoice.invoice_date),
        "dueDate": show_date(invoice.due_date),
        "discountDate": show_date(invoice.discount_date),
        "postedDate": show_date(invoice.posted_date) if invoice.posted else None,
        "termsCode": invoice.terms,
        "comment": invoice.comment,
        "purchaseOrderNo": invoice.purchase_order_no,
        "sourceModule": invoice.source_module,
        "invoiceType": invoice.invoice_type,
        "batchNo": None if invoice.posted else invoice.batch_no,
        "currencyCode": company.currency,
        "invoiceAmt": show(invoice.amount),
        "discountAmt": show(invoice.discount),
        "balance": show(invoice.balance),
        "open": invoice.balance != 0,
        "holdPayment": invoice.hold,
        "separateCheck": invoice.separate_check,
        "payable": not reasons,
        "notPayableReasons": reasons,
        **invoice.stamp.wire(),
        "udf": {},
    }
    if invoice.freight is not None:
        record["freightAmt"] = show(invoice.freight)
    if invoice.tax is not None:
        record["salesTaxAmt"] = show(invoice.tax)
    if "lines" in include:
        record["lines"] = _lines(company, invoice)
    if "attachments" in include:
        record["attachments"] = [_attachment(each) for each in _shown(company, invoice)]
    return record


def _lines(company: Company, invoice: Invoice) -> list[dict[str, Any]]:
    rendered = []
    for position, line in enumerate(invoice.lines, 1):
        account = company.accounts.records[(line.account_key,)]
        detail_no = sum(1 for each in invoice.lines[:position] if each.header == line.header)
        job_no, cost_code, cost_type = line.job
        record = {
            "headerSeqNo": f"{line.header:06d}" if invoice.posted else None,
            "detailSeqNo": f"{detail_no:06d}" if invoice.posted else None,
            "accountKey": line.account_key,
            "account": account.number,
            "accountDesc": account.description,
            "amount": show(line.amount),
            "itemCode": line.item_code,
            "description": line.description,
            "quantity": None if line.quantity is None else str(line.quantity),
            "unitCost": None if line.unit_cost is None else str(line.unit_cost),
            "jobNo": job_no,
            "costCode": cost_code,
            "costType": cost_type,
        }
        rendered.append(record if invoice.posted else {"lineKey": f"{position:06d}", **record})
    return rendered


def _shown(company: Company, invoice: Invoice) -> list[Attachment]:
    """Files outside the configured roots do not exist for callers."""
    return [each for each in invoice.attachments if each.within(company.attachment_root)]


def _attachment(each: Attachment) -> dict[str, Any]:
    return {
        "attachmentId": each.id,
        "fileName": each.name,
        "contentType": mimetypes.guess_type(each.name)[0] or "application/octet-stream",
        "size": each.size,
        "source": "memo",
    }


class Invoices(Agent):
    @route("GET", "/v1/ap-invoices")
    def list_invoices(self, request: Request) -> Response:
        call = self.enter(request, "read", FILTERS)
        company, query = call.company, call.query
        include = query.get("include", frozenset({"lines"}))
        page = Page.of(request, company.code, query, self.agent_time(company))
        with self.boi(company):
            data = page.read(
                company.invoices,
                page.prefix("ap_division_no", "vendor_no", "invoice_no"),
                lambda invoice: matches(company, query, invoice),
                lambda invoice: render(company, invoice, include),
            )
        return json_response(data)

    @route("GET", "/v1/ap-open-invoices")
    def list_open_invoices(self, request: Request) -> Response:
        call = self.enter(request, "read", OPEN_FILTERS)
        company, query = call.company, call.query
        zero = query.get("include_zero_balance", False)
        page = Page.of(request, company.code, query, self.agent_time(company))
        with self.boi(company):
            data = page.read(
                company.invoices,
                page.prefix("ap_division_no", "vendor_no", "invoice_no"),
                lambda invoice: (
                    invoice.posted
                    and invoice.in_open
                    and (zero or invoice.balance != 0)
                    and matches(company, query, invoice)
                ),
                lambda invoice: lean(company, invoice),
            )
        return json_response(data)

    @route("GET", "/v1/ap-invoices/<invoice_id>")
    def get_invoice(self, request: Request, invoice_id: str) -> Response:
        company = self.enter(request, "read").company
        with self.boi(company):
            return json_response(render(company, self._invoice(company, invoice_id)))

    @route("GET", "/v1/ap-invoices/<invoice_id>/attachments")
    def list_attachments(self, request: Request, invoice_id: str) -> Response:
        company = self.enter(request, "read").company
        with self.boi(company):
            shown = _shown(company, self._invoice(company, invoice_id))
            return json_response({"data": [_attachment(each) for each in shown]})

    @route("GET", "/v1/ap-invoices/<invoice_id>/attachments/<attachment_id>/content")
    def get_content(self, request: Request, invoice_id: str, attachment_id: str) -> Response:
        company = self.enter(request, "read").company
        with self.boi(company):
            shown = _shown(company, self._invoice(company, invoice_id))
            found = next((each for each in shown if each.id == attachment_id), None)
        if found is None:
            raise Refused("attachment_not_found", "No such attachment.")
        if (found.size or 0) > MAX_ATTACHMENT:
            raise Refused("attachment_too_large", "The attachment exceeds 25 MiB.")
        if found.content is None:
            raise Refused("attachment_missing", "The file is recorded but cannot be read.")
        etag = "sha256-" + hashlib.sha256(found.content).hexdigest()
        if request.if_none_match.contains(etag):
            response = Response(status=304)
        else:
            response = Response(found.content, content_type=_attachment(found)["contentType"])
            response.headers.add("Content-Disposition", "attachment", filename=found.name)
        response.set_etag(etag)
        return response

    def _invoice(self, company: Company, invoice_id: str) -> Invoice:
        kind, *key = decode_id(invoice_id) or ("",)
        state = {"ap-entry": "entry", "ap-invoice": "posted"}.get(kind)
        invoice = company.invoices.get(*key, state) if state else None
        if invoice is None:
            raise Refused("invoice_not_found", "No such invoice.")
        return invoice
