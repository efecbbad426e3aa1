"""Bills (docs: bill 7)."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from werkzeug.wrappers import Request, Response

from connectors.sandboxing import json_response

from .checks import Day, Field, Flag, Many, Number, Part, Text, clean, merge
from .core import API, USER_ID, cents, endpoint
from .lists import Shape
from .refusals import bdc, invalid, invalid_entity
from .tables import Row, stamp
from .vendors import Vendors

BULK = 100
# Body field -> classification type; types this sandbox does not keep have no members.
REFERENCES = {
    "chartOfAccountId": "chart-of-accounts",
    "departmentId": "departments",
    "locationId": "locations",
    "accountingClassId": "accounting-classes",
    "jobId": "jobs",
    "employeeId": "employees",
    "customerId": "customers",
    "itemId": "items",
}
CLASSIFICATIONS = Part(shape={name: Text(limit=20) for name in REFERENCES})
LINE: dict[str, Field] = {
    "id": Text(limit=20),
    "amount": Number(),
    "quantity": Number(),
    "price": Number(),
    "description": Text(limit=4000),
    "classifications": CLASSIFICATIONS,
}
BILL: dict[str, Field] = {
    "vendorId": Text(required=True),
    "dueDate": Day(required=True),
    "description": Text(limit=4000),
    "invoice": Part(
        required=True,
        # 21 characters: the exact text is the contract's (docs: bill 3, 7).
        shape={"invoiceNumber": Text(required=True, limit=21, coded=True), "invoiceDate": Day(required=True)},
    ),
    "billLineItems": Many(required=True, shape=LINE),
    "purchaseOrderNumber": Text(limit=100),
    "payFromChartOfAccountId": Text(limit=20),
    "classifications": CLASSIFICATIONS,
    "vendorCredits": Many(shape={"id": Text(required=True, limit=20), "amount": Number()}),
    "billApprovals": Flag(),
    "allowDuplicateInvoiceNumber": Flag(),
}
NOT_KEPT = ("billApprovals", "allowDuplicateInvoiceNumber", "vendorCredits")
SHAPE = Shape(
    filters={
        **dict.fromkeys(("id", "vendorId", "paymentStatus", "approvalStatus", "invoice.invoiceNumber"), "text"),
        "archived": "flag",
        "amount": "number",
        "dueDate": "day",
        "createdTime": "instant",
        "updatedTime": "instant",
    },
    sorts=frozenset({"dueDate", "amount", "createdTime", "updatedTime"}),
)


class Bills(Vendors):
    duplicates_allowed = False
    partial_status = "PARTIALLY_PAID"  # or PARTIAL: both have been seen (docs: bill 7)
    approval_policy: Row | None = None  # {"minimum": Decimal, "approvers": [user ids]}

    @endpoint("GET", f"{API}/bills")
    def list_bills(self, request: Request) -> Response:
        return json_response(self.lists.page(self.bills, SHAPE, request.args, self._named))

    @endpoint("GET", f"{API}/bills/<bill_id>")
    def get_bill(self, request: Request, bill_id: str) -> Response:
        return json_response(self._named(self.row(self.bills, bill_id)))

    @endpoint("POST", f"{API}/bills")
    def post_bill(self, request: Request) -> Response:
        body = self.body(request)
        row = self.make_bill(body)
        self.emit("bill.created", row)
        return json_response(_answer(row, body), 201)

    @endpoint("POST", f"{API}/bills/bulk")
    def post_bills(self, request: Request) -> Response:
        """Success is a bare array (docs: bill 7)."""
        bodies = self.body(request)
        rows = self.bulk(self.bills, bodies, BULK, self.make_bill)
        for row in rows:
            self.emit("bill.created", row)
        return json_response([_answer(row, body) for row, body in zip(rows, bodies, strict=True)], 201)

    @endpoint("PUT", f"{API}/bills/<bill_id>")
    def put_bill(self, request: Request, bill_id: str) -> Response:
        row, body = self.row(self.bills, bill_id), self.body(request)
        _must_be_unpaid(row)
        return json_response(_answer(self.replace_bill(row, body), body))

    @endpoint("PATCH", f"{API}/bills/<bill_id>")
    def patch_bill(self, request: Request, bill_id: str) -> Response:
        row, body = self.row(self.bills, bill_id), self.body(request)
        _must_be_unpaid(row)
        return json_response(_answer(self.update_bill(row, body), body))

    @endpoint("POST", f"{API}/bills/<bill_id>/archive")
    def archive_bill(self, request: Request, bill_id: str) -> Response:
        row = self.row(self.bills, bill_id)
        if not row["archived"]:
            _must_be_unpaid(row)
        return json_response(_answer(self.switch_bill(row, True)))

    @endpoint("POST", f"{API}/bills/<bill_id>/restore")
    def restore_bill(self, request: Request, bill_id: str) -> Response:
        return json_response(_answer(self.switch_bill(self.row(self.bills, bill_id), False)))

    # --- what the routes and a person in the web app both do ---------------------------------------

    def make_bill(self, body: Any) -> Row:
        given = clean(body, BILL)
        lines = [self._line(each, f"billLineItems[{i}]", {}) for i, each in enumerate(given["billLineItems"])]
        self._check_references(given, lines)
        self._check_number(given, None)
        total = _total(lines)
        matched = self.approval_policy is not None and total >= self.approval_policy["minimum"]
        row = {
            "archived": False,
            "vendorId": given["vendorId"],
            "amount": total,
            "paidAmount": Decimal(0),
            "dueAmount": total,
            "scheduledAmount": Decimal(0),
            "creditAmount": Decimal(0),
            **{name: value for name, value in given.items() if name not in NOT_KEPT},
            "billLineItems": lines,
            "paymentStatus": "UNPAID",
            "approvalStatus": "ASSIGNED" if matched else "UNASSIGNED",
            "approvers": self._approvers() if matched else None,
        }
        return self.add(self.bills, row)

    def replace_bill(self, row: Row, body: Any) -> Row:
        """PUT: lines without id are added, omitted ones deleted (docs: bill 7)."""
        given = clean(body, BILL)
        known = {line["id"]: line for line in row["billLineItems"]}
        lines = []
        for i, each in enumerate(given["billLineItems"]):
            if "id" in each and each["id"] not in known:
                raise bdc("BDC_1205", f"billLineItems[{i}].id: {each['id']} not found.")
            lines.append(self._line(each, f"billLineItems[{i}]", {"id": each["id"]} if "id" in each else {}))
        kept = {name: value for name, value in row.items() if name not in BILL}
        return self._store(row, {**kept, **given}, lines)

    def update_bill(self, row: Row, body: Any) -> Row:
        """PATCH: lines are addressed by id, the others stay (docs: bill 7, 13.1)."""
        given = clean(body, BILL, partial=True)
        lines = {line["id"]: line for line in row["billLineItems"]}
        for i, each in enumerate(given.pop("billLineItems", None) or []):
            line_id = each.get("id")
            if not line_id:
                raise invalid(f"billLineItems[{i}].id: must not be blank")
            if line_id not in lines:
                raise bdc("BDC_1205", f"billLineItems[{i}].id: {line_id} not found.")
            lines[line_id] = self._line(each, f"billLineItems[{i}]", lines[line_id])
        merged = merge(row, given)
        clean(merged, BILL)
        return self._store(row, merged, list(lines.values()))

    def switch_bill(self, row: Row, archived: bool) -> Row:
        row, changed = self.switch(self.bills, row, archived)
        if changed:
            self.emit("bill.archived" if archived else "bill.restored", row)
        return row

    def settle(self, bill_id: str) -> Row:
        """Let the bill's amounts and payment status follow its payments (docs: bill 7, 13.1)."""
        row = self.bills.rows[bill_id]
        paid = scheduled = Decimal(0)
        for payment_id in self.payments.keys("billId", bill_id):
            payment = self.payments.rows[payment_id]
            part = sum((p["amount"] for p in payment["billPayments"] if p["billId"] == bill_id), Decimal(0))
            paid += part if payment["status"] == "PAID" else 0
            scheduled += part if payment["status"] in ("SCHEDULED", "APPROVING") else 0
        due = row["amount"] - paid
        status = "UNPAID"
        if paid and due <= 0:
            status = "PAID"
        elif scheduled:
            status = "SCHEDULED"
        elif paid:
            status = self.partial_status
        amounts = {"paidAmount": paid, "dueAmount": due, "scheduledAmount": scheduled, "paymentStatus": status}
        return self.change(self.bills, row, **amounts)

    def _store(self, old: Row, new: Row, lines: list[Row]) -> Row:
        self._check_references(new, lines)
        if (new["vendorId"], new["invoice"]["invoiceNumber"]) != (old["vendorId"], old["invoice"]["invoiceNumber"]):
            self._check_number(new, old["id"])
        total = _total(lines)
        row = {name: value for name, value in new.items() if name not in NOT_KEPT}
        amounts = {"amount": total, "dueAmount": total - old["paidAmount"]}
        changed = self.change(self.bills, row, billLineItems=lines, **amounts)
        self.emit("bill.updated", changed)
        return changed

    def _line(self, given: Row, path: str, old: Row) -> Row:
        """A stored line: `amount` wins over quantity x price (docs: bill 7)."""
        changes = {name: value for name, value in given.items() if name != "id"}
        line = {"id": old.get("id") or self.ids.new("bli"), **merge(old, changes)}
        product = {"quantity", "price"} <= line.keys()
        if given.get("amount") is not None or (
            line.get("amount") is not None and not {"quantity", "price"} & given.keys()
        ):
            line["amount"] = cents(line["amount"])
        elif product:
            line["amount"] = cents(line["quantity"] * line["price"])
        else:
            raise invalid(f"{path}.amount: amount, or quantity and price, is required")
        return line

    def _check_references(self, given: Row, lines: Iterable[Row]) -> None:
        self.reference(self.vendors, given["vendorId"], "vendorId")
        if given.get("payFromChartOfAccountId"):
            account = given["payFromChartOfAccountId"]
            self.reference(self.classes["chart-of-accounts"], account, "payFromChartOfAccountId")
        for part in (given, *lines):
            for name, row_id in part.get("classifications", {}).items():
                self.reference(self.classes.get(REFERENCES[name]), row_id, name)
        for credit in given.get("vendorCredits") or []:
            self.reference(None, credit["id"], "vendorCredits.id")  # this sandbox keeps no vendor credits

    def _check_number(self, given: Row, own_id: str | None) -> None:
        """Same vendor, same number, both active: 422 BDC_1171 unless allowed (docs: bill 7, 13.1)."""
        if self.duplicates_allowed or given.get("allowDuplicateInvoiceNumber"):
            return
        number = given["invoice"]["invoiceNumber"]
        for bill_id in self.bills.keys("number", (given["vendorId"], number)):
            if bill_id != own_id and not self.bills.rows[bill_id]["archived"]:
                raise bdc("BDC_1171", f"Duplicate invoice number: {number}.")

    def _approvers(self) -> list[Row]:
        users = (self.approval_policy or {}).get("approvers") or [USER_ID]
        now = stamp(self.now())
        return [
            {"userId": user, "status": "WAITING", "approverOrder": order, "statusChangedTime": now}
            for order, user in enumerate(users, 1)
        ]

    def _named(self, row: Row) -> Row:
        """GET and lists show the vendor's name; answers to writes do not."""
        return {**row, "vendorName": self.vendors.rows[row["vendorId"]]["name"]}


def _answer(row: Row, body: Any = None) -> Row:
    """`approvers` come with a write's answer only when its body asked with `billApprovals`."""
    shown = {name: value for name, value in row.items() if name != "approvers"}
    if isinstance(body, dict) and body.get("billApprovals"):
        shown["approvers"] = row.get("approvers", [])
    return shown


def _total(lines: Iterable[Row]) -> Decimal:
    total = sum((line["amount"] for line in lines), Decimal(0))
    if total < 0:
        raise invalid_entity("amount: the total of a bill cannot be negative.")
    return total


def _must_be_unpaid(row: Row) -> None:
    """Paid and scheduled bills are not edited by API [assumed]."""
    if row["paymentStatus"] != "UNPAID":
        raise invalid_entity(f"paymentStatus: a bill that is {row['paymentStatus']} cannot be changed.")
