"""Payments: read by day window or id, made and moved by people alone (docs: avidxchange 9)."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from .ground import Ground, Params
from .invoices import Invoices
from .refusals import bad_request, not_found
from .wire import Row

METHODS = {"check": ("AvidPay Check", 1), "ach": ("AvidPay Direct", 2), "card": ("Virtual Credit Card", 3)}
METHODS["internal"] = ("e-Payment", 4)
STATUS_IDS = {"in_progress": 5, "issued": 14, "settled": 27, "failed": 31, "void": 33}
ACH_ISSUED = "ACH Credit Issued"
WINDOW_DAYS = 31
FILTERS = {"batchId", "paymentIds", "externalPaymentIds"}
DETAILS = ("remittances", "card_last4", "card_reference", "card_processed")  # the list leaves them out
NUMBERS = ("erp_check_number", "check_number", "ach_trace", "card_last4", "card_reference", "card_processed")
CENT = Decimal("0.01")


class Payments:
    def __init__(self, ground: Ground, invoices: Invoices, seed: int) -> None:
        self.ground = ground
        self.invoices = invoices
        self.rows: dict[int, Row] = {}
        self.history: dict[int, list[Row]] = {}
        self._random = random.Random(seed)

    def row(self, payment_id: int) -> Row:
        if payment_id not in self.rows:
            raise not_found(f"Payment {payment_id}")
        return self.rows[payment_id]

    # --- reading ---------------------------------------------------------------------------------

    def find(self, params: Params) -> list[Row]:
        window = self._window(params)
        ids = self.ground.keys(params, "paymentIds")
        external_ids = self.ground.keys(params, "externalPaymentIds")
        batch = params.get("batchId")
        if self.ground.shape.payment_filter_required and window == (None, None) and not FILTERS & params.keys():
            raise bad_request("FILTER_REQUIRED", "A filter is required.")
        rows = [
            row
            for row in self.rows.values()
            if batch in (None, row["batch_id"])
            and (ids is None or str(row["id"]) in ids)
            and (external_ids is None or any(each["Value"] in external_ids for each in row["external_ids"]))
        ]
        return self.ground.shuffled(self.ground.modified(rows, window))

    def _window(self, params: Params) -> tuple[date | None, date | None]:
        first, last = self.ground.window(params)
        if last and not first:
            raise bad_request("FILTER_REQUIRED", "A window needs its beginning.")
        if first and ((last or self.ground.today()) - first).days >= WINDOW_DAYS:
            raise bad_request("WINDOW_TOO_LONG", f"A window has at most {WINDOW_DAYS} days.")
        return first, last

    def wire(self, row: Row, detailed: bool) -> dict[str, Any]:
        whims = self.ground.whims
        shown = {
            **row,
            **{name: whims.day(row[name]) for name in ("payment_date", "settled_date", "card_processed")},
            "exceptions": [{"ReasonCode": each} for each in row["exceptions"]],
            "remittances": [self._remittance(each) for each in row["remittances"]],
            "last_modified": whims.stamp(row["last_modified"]),
        }
        if not detailed:
            shown = {name: value for name, value in shown.items() if name not in DETAILS}
        return self.ground.pack("payment", shown)

    def _remittance(self, line: Row) -> dict[str, Any]:
        whims = self.ground.whims
        days = {name: whims.day(line.get(name)) for name in ("invoice_date", "due_date")}
        return self.ground.pack("remittance", {**line, **days})

    def wire_history(self, payment_id: int) -> list[dict[str, Any]]:
        self.row(payment_id)
        return [
            {
                "Id": position,
                "PaymentID": payment_id,
                "PaymentProcessName": each["status"],
                "Description": f"Payment is {each['status']}",
                "Comment": "",
                "InsertDateTime": self.ground.whims.stamp(each["at"]),
            }
            for position, each in enumerate(self.history[payment_id], 1)
        ]

    # --- what people do --------------------------------------------------------------------------

    def pay(
        self,
        parts: Sequence[int | Row],
        *,
        method: str,
        vendor: str = "",
        numbers: bool = True,
        bank: str = "10100",
        day: str | None = None,
        at: str | None = None,
    ) -> Row:
        """One payment in progress. A part is an invoice's id (its whole open amount) or {"id", "amount", "discount"};
        one that Avid does not hold is {"number", "gross", "discount", "external_id"}, its vendor given beside.
        `numbers=False`: the method's own numbers stay unknown."""
        if not parts:
            raise bad_request("FIELD_REQUIRED", "invoices must not be empty.")
        remittances = [self._part(each if isinstance(each, dict) else {"id": each}) for each in parts]
        vendors = {line["vendor"] for line in remittances if line.get("vendor")} | ({vendor} if vendor else set())
        if len(vendors) != 1:
            raise bad_request("FIELD_INVALID", f"a payment has one vendor, not {sorted(vendors)}.")
        code = vendors.pop()
        payment_id = self.ground.next("payment")
        name = next(
            (each["name"] for each in self.invoices.vendors.rows.values() if each["external_code"] == code), code
        )
        day = day or self.ground.stamp(at)[:10]
        row: Row = {
            "id": payment_id,
            "batch_id": f"AC-{day.replace('-', '')}-1",
            "external_ids": [{"Value": f"AP-{payment_id}"}],
            "method": METHODS[method][0],
            "method_id": METHODS[method][1],
            **dict.fromkeys(NUMBERS),
            **(self._numbers(method, payment_id, day) if numbers else {}),
            "amount": sum((line["net"] for line in remittances), Decimal(0)),
            "payment_date": day,
            "settled_date": None,
            "has_check_images": False,
            "vendor_code": code,
            "vendor_name": name,
            "bank_account_ids": [bank],
            "exceptions": [],
            "remittances": remittances,
        }
        self.history[payment_id] = []
        self.rows[payment_id] = row
        return self.move(payment_id, "in_progress", at)

    def _part(self, part: Row) -> Row:
        discount = Decimal(str(part.get("discount", 0)))
        if "id" not in part:
            gross = Decimal(str(part["gross"]))
            return {
                "invoice_number": part["number"],
                "gross": gross,
                "discount": discount,
                "net": gross - discount,
                "external_id": part.get("external_id"),
            }
        invoice = self.invoices.row(int(part["id"]))
        if "amount" in part:
            net = Decimal(str(part["amount"]))
            gross = net + discount
        else:
            gross = invoice["gross"] - self._paid(invoice["id"])
            discount = Decimal(str(part.get("discount", invoice["discount"])))
            net = gross - discount
        return {
            "invoice_id": invoice["id"],
            "vendor": invoice["vendor_code"],
            "invoice_number": invoice["number"],
            "gross": gross,
            "discount": discount,
            "net": net,
            "invoice_date": invoice["invoice_date"],
            "due_date": invoice.get("due_date"),
            "external_id": invoice.get("external_id"),
        }

    def _paid(self, invoice_id: int, states: tuple[str, ...] = ("in_progress", "issued", "settled")) -> Decimal:
        """What payments in these states take off an invoice."""
        statuses = {self.ground.shape.statuses[each] for each in states} | (
            {ACH_ISSUED} if "issued" in states else set()
        )
        lines = (line for row in self.rows.values() if row["status"] in statuses for line in row["remittances"])
        return sum((line["gross"] for line in lines if line.get("invoice_id") == invoice_id), Decimal(0))

    def _numbers(self, method: str, payment_id: int, day: str) -> Row:
        digits = "".join(self._random.choices("0123456789", k=15))
        if method == "check":
            return {"erp_check_number": str(payment_id % 100_000), "check_number": f"88{digits[:8]}"}
        if method == "ach":
            return {"ach_trace": digits}
        if method == "card":
            return {"card_last4": digits[:4], "card_reference": f"VC-{payment_id}", "card_processed": day}
        return {}

    def move(self, payment_id: int, state: str, at: str | None = None, **changes: Any) -> Row:
        """Into a state of the vocabulary; its invoices follow."""
        row = self.row(payment_id)
        status = self.ground.shape.statuses[state]
        if state == "issued" and row["method_id"] == METHODS["ach"][1] and self.ground.shape.enveloped:
            status = ACH_ISSUED
        changed = self.describe(payment_id, status, at, STATUS_IDS[state], **changes)
        for invoice_id in {line["invoice_id"] for line in row["remittances"] if "invoice_id" in line}:
            self._follow(invoice_id)
        return changed

    def describe(self, payment_id: int, status: str, at: str | None = None, status_id: int = 99, **changes: Any) -> Row:
        """Give a payment any status text."""
        stamp = self.ground.stamp(at)
        shown_id = status_id if self.ground.shape.enveloped else None
        row = {**self.row(payment_id), "status": status, "status_id": shown_id, **changes, "last_modified": stamp}
        self.rows[payment_id] = row
        self.history[payment_id].append({"status": status, "at": stamp})
        return row

    def _follow(self, invoice_id: int) -> None:
        invoice = self.invoices.row(invoice_id)
        gross = abs(invoice["gross"])
        if abs(self._paid(invoice_id, ("settled",))) >= gross:
            status = "Paid"
        else:
            status = "Payment Scheduled" if self._paid(invoice_id) else "Approved"
        if status != invoice["status"]:
            self.invoices.change(invoice_id, status=status)

    def reissue(self, payment_id: int, at: str | None = None) -> Row:
        """Void it and make another with a new id and new numbers for the same lines."""
        old = self.move(payment_id, "void", at)
        number = self.ground.next("payment")
        method = next(name for name, (_, method_id) in METHODS.items() if method_id == old["method_id"])
        day = self.ground.stamp(at)[:10]
        self.history[number] = []
        self.rows[number] = {
            **old,
            "id": number,
            "external_ids": [{"Value": f"AP-{number}"}],
            **dict.fromkeys(NUMBERS),
            **self._numbers(method, number, day),
            "payment_date": day,
            "settled_date": None,
            "has_check_images": False,
        }
        return self.move(number, "in_progress", at)
