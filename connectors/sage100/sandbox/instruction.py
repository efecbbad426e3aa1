"""The body of POST /v1/payments, as far as it can be judged alone (docs: sage100 8.8)."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from connectors.sage100.sandbox.forms import Form
from connectors.sage100.sandbox.model import Applied, Company
from connectors.sage100.sandbox.vendors import zero_filled
from connectors.sage100.sandbox.wire import Refused, detail

BUS = "AP_ManualCheck_bus"
METHODS = ("CHECK", "ACH", "VIRTUAL_CARD", "WIRE", "OTHER")
REFERENCE = r"[A-Za-z0-9:_.\-]{1,64}"


@dataclass
class Instruction:
    """The body of a POST, checked and normalised."""

    client_reference: str
    division: str
    vendor: str
    bank: str
    method: str
    check_no: str | None
    reference: str | None
    comment: str | None
    payment_date: date
    amount: Decimal
    applications: list[Applied]
    batch_no: str | None
    batch_description: str | None

    @property
    def mark(self) -> str:
        """The end of Comment$, by which an entry can be found without its journal."""
        return "#" + hashlib.sha256(self.client_reference.encode()).hexdigest()[:8]

    def canonical(self) -> str:
        body = {**vars(self), "applications": [[each.invoice, each.paid, each.discount] for each in self.applications]}
        return json.dumps(body, sort_keys=True, default=str)


def read_instruction(body: dict[str, Any], company: Company, today: date) -> Instruction:
    """The checks that need the body alone: 422 `validation_failed` or `out_of_balance`."""
    form = Form(body, BUS)
    method = form.choice("method", *METHODS, required=True) or ""
    check_no = form.text("checkNo", 10, required=method == "CHECK", pattern=r"[A-Za-z0-9\-]+")
    if method != "CHECK" and check_no is not None:
        form.problem("checkNo", "must_be_null", "Sage assigns the number of this method.")
    order = Instruction(
        client_reference=form.text("clientReference", 64, required=True, pattern=REFERENCE) or "",
        division=zero_filled(form.text("apDivisionNo", 2, required=True), 2) or "",
        vendor=zero_filled(form.text("vendorNo", 7, required=True), 7) or "",
        bank=form.text("bankCode", 1, required=True) or "",
        method=method,
        check_no=zero_filled(check_no, 10),
        reference=form.text("reference", 40),
        comment=form.text("comment", 29),
        payment_date=form.day("paymentDate"),
        amount=form.money("amount"),
        applications=_applications(form),
        **_batch(form, company.batches_enabled),
    )
    if order.payment_date > today + timedelta(days=1):
        form.problem("paymentDate", "in_future", "The date is in the future.")
    form.check()
    if order.amount <= 0 or order.amount != sum(each.paid for each in order.applications):
        message = "amount must be above zero and the sum of amountPaid."
        raise Refused("out_of_balance", message, details=[detail("amount", "out_of_balance", message)])
    return order


def _applications(form: Form) -> list[Applied]:
    items = form.take("applications", required=True)
    if not isinstance(items, list) or not 1 <= len(items) <= 100 or not all(isinstance(each, dict) for each in items):
        form.problem("applications", "invalid", "1 to 100 objects.")
        return []
    applied: list[Applied] = []
    for index, item in enumerate(items):
        part = form.within(item, f"applications[{index}].")
        number = part.text("invoiceNo", 20, required=True) or ""
        if number in {each.invoice for each in applied}:
            part.problem("invoiceNo", "repeated", "The invoice is there twice.")
        applied.append(Applied(number, part.money("amountPaid"), part.money("discountTaken", "0.00")))
        part.unknown()
    return applied


def _batch(form: Form, enabled: bool) -> dict[str, str | None]:
    value = form.take("batch", required=enabled)
    if value is not None and not enabled:
        form.problem("batch", "must_be_null", "Batches are off for Manual Check Entry.")
    elif value is not None and (not isinstance(value, dict) or len(value) != 1):
        form.problem("batch", "invalid", "Either batchNo or description.")
    elif isinstance(value, dict):
        part = form.within(value, "batch.")
        chosen = {"batch_no": part.text("batchNo", 5), "batch_description": part.text("description", 30)}
        part.unknown()
        if not any(chosen.values()):
            form.problem("batch", "invalid", "Either batchNo or description.")
        return chosen
    return {"batch_no": None, "batch_description": None}
