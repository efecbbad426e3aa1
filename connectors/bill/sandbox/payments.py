"""Payments: reading, cancelling, voiding, and recording what was paid outside BILL (docs: bill 7.3, 9)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from werkzeug.wrappers import Request, Response

from connectors.sandboxing import json_response

from .checks import Choice, Day, Field, Flag, Many, Number, Part, Text, clean
from .classifications import Classifications
from .core import API, USER_ID, cents, endpoint
from .lists import Shape
from .refusals import bdc, invalid_entity
from .tables import Row, stamp

VOID_TYPES = frozenset({"VOID_AND_CREDIT", "VOID_AND_REISSUE", "VOID_ONLY", "VOID_AND_REISSUE_VCARD"})
STEPS = ("SCHEDULED", "READY_TO_FUND", "FUNDING_STARTED", "CLEARED")
# singleStatus -> status where it is not PAID: FUNDING_STARTED and everything later is (docs: bill 13.1).
STATUS_OF = {
    "SCHEDULED": "SCHEDULED",
    "READY_TO_FUND": "SCHEDULED",
    "CANCELLATION_IN_PROGRESS": "SCHEDULED",
    "CANCELED": "CANCELLED",
    "VOIDED": "VOID",
    "FUNDING_FAILED_VOIDED": "VOID",
    "FUNDS_ESCHEATED": "ESCHEATED",
    "UNDEFINED": "UNDEFINED",
}
VOID: dict[str, Field] = {"type": Choice(required=True, members=VOID_TYPES), "reason": Text(limit=1000)}
OUTSIDE: dict[str, Field] = {
    "vendorId": Text(required=True),
    "processDate": Day(required=True),
    "toPrintCheck": Flag(required=True),
    "description": Text(limit=4000),
    "syncReference": Text(limit=100),
    "allowExport": Flag(),
    "classifications": Part(shape={"chartOfAccountId": Text(limit=20)}),
    "payments": Many(
        required=True, shape={"billId": Text(required=True), "amount": Number(required=True, positive=True)}
    ),
}
SHAPE = Shape(
    filters={
        **dict.fromkeys(("id", "vendorId", "transactionNumber", "status", "disbursementType"), "text"),
        "onlinePayment": "flag",
        "amount": "number",
        "processDate": "day",
        "createdTime": "instant",
        "updatedTime": "instant",
    },
    sorts=frozenset({"processDate", "amount", "createdTime", "updatedTime"}),
)


class Payments(Classifications):
    @endpoint("GET", f"{API}/payments")
    def list_payments(self, request: Request) -> Response:
        return json_response(self.lists.page(self.payments, SHAPE, request.args))

    @endpoint("GET", f"{API}/payments/<payment_id>")
    def get_payment(self, request: Request, payment_id: str) -> Response:
        return json_response(self.row(self.payments, payment_id))

    @endpoint("POST", f"{API}/payments")
    @endpoint("POST", f"{API}/payments/bulk")
    def post_payment(self, request: Request) -> Response:
        """Moving money needs a trusted session (docs: bill 2.4); beyond that door this sandbox has nothing."""
        self.need_trust(request)
        raise bdc("BDC_1145", "This sandbox schedules payments through its actions only.")

    @endpoint("POST", f"{API}/payments/<payment_id>/cancel")
    def cancel_payment(self, request: Request, payment_id: str) -> Response:
        row = self.row(self.payments, payment_id)
        self.need_person(request)
        if row["singleStatus"] != "SCHEDULED":
            raise invalid_entity("singleStatus: only a scheduled payment can be cancelled.")
        return json_response(self.step(row, "CANCELED", cancelRequestSubmitted=True))

    @endpoint("POST", f"{API}/payments/<payment_id>/void")
    def request_void(self, request: Request, payment_id: str) -> Response:
        """A request only: `voidInfo[].status` says what became of it."""
        row = self.row(self.payments, payment_id)
        given = clean(self.body(request), VOID)
        self.need_person(request)
        if row["status"] != "PAID" or row["singleStatus"] == "VOID_PENDING":
            raise invalid_entity("status: only a paid payment can be voided.")
        return json_response(self.step(row, "VOID_PENDING", voidInfo=[*row["voidInfo"], self.void_info(**given)]))

    @endpoint("POST", f"{API}/bills/record-payment")
    def record_payment(self, request: Request) -> Response:
        return json_response(self.record_outside(self.body(request)))

    # --- what the routes and a person in the web app both do ---------------------------------------

    def record_outside(self, body: Any) -> Row:
        """A payment made elsewhere: no money moves, the bills count as paid."""
        given = clean(body, OUTSIDE)
        parts = given.pop("payments")
        self.reference(self.vendors, given["vendorId"], "vendorId")
        if "chartOfAccountId" in given.get("classifications", {}):
            account = given["classifications"]["chartOfAccountId"]
            self.reference(self.classes["chart-of-accounts"], account, "chartOfAccountId")
        self.check_parts(given["vendorId"], parts)
        extra = {"allowExport": True, **given, "disbursementStatus": "DONE"}
        return self.make_payment(parts, "CLEARED", onlinePayment=False, disbursementType="OFFLINE", **extra)

    def check_parts(self, vendor_id: str, parts: Iterable[Row]) -> None:
        """Active bills of the vendor, none paid beyond what is due."""
        sums: defaultdict[str, Decimal] = defaultdict(Decimal)
        for part in parts:
            sums[part["billId"]] += part["amount"]
        for bill_id, amount in sums.items():
            bill = self.reference(self.bills, bill_id, "billId")
            if bill["vendorId"] != vendor_id:
                raise invalid_entity(f"vendorId: bill {bill_id} belongs to another vendor.")
            if amount > bill["dueAmount"]:
                raise bdc("BDC_1159")

    def make_payment(self, parts: Sequence[Row], single_status: str, **fields: Any) -> Row:
        """File a payment over `parts` ({billId, amount}) and let the bills follow."""
        split = [
            {"id": self.ids.new("blp"), "billId": part["billId"], "amount": cents(part["amount"]), "vendorCredits": []}
            for part in parts
        ]
        day = date.fromisoformat(fields["processDate"])
        row = self.add(
            self.payments,
            {
                "vendorName": self.vendors.rows[fields["vendorId"]]["name"],
                "billId": split[0]["billId"] if len(split) == 1 else None,
                "amount": sum((part["amount"] for part in split), Decimal(0)),
                "billPayments": split,
                "transactionNumber": self.ids.letters(20),
                "confirmationNumber": f"P{day:%y%m%d}01 - {self.ids.digits(7)}",
                "status": STATUS_OF.get(single_status, "PAID"),
                "singleStatus": single_status,
                "voidInfo": [],
                "cancelRequestSubmitted": False,
                "createdBy": USER_ID,
                **fields,
            },
        )
        return self._follow(row)

    def step(self, row: Row, single_status: str, **changes: Any) -> Row:
        """Move a payment to another state; bills and subscribers follow."""
        status = STATUS_OF.get(single_status, "PAID")
        return self._follow(self.change(self.payments, row, singleStatus=single_status, status=status, **changes))

    def void_info(self, type: str = "VOID_ONLY", reason: str = "", status: str = "TO_BE_PROCESSED") -> Row:
        now = stamp(self.now())
        who = {"id": self.ids.new("voi"), "requestedBy": USER_ID, "type": type, "status": status}
        return {**who, "reason": reason, "createdTime": now, "updatedTime": now}

    def _follow(self, row: Row) -> Row:
        for bill_id in {part["billId"]: None for part in row["billPayments"]}:
            self.settle(bill_id)
        self.emit("payment.updated", row)
        return row


def disbursement(kind: str, process_date: str, check_number: int | None, last4: str) -> Row:
    """`disbursementInfo` of an online payment by its type; a check's number comes late (docs: bill 9)."""
    sent = date.fromisoformat(process_date) + timedelta(days=1)
    days: Row = {"sentDate": sent.isoformat(), "arrivesByDate": (sent + timedelta(days=5)).isoformat()}
    if kind == "CHECK":
        return {
            "isVoidable": True,
            "checkDisbursement": {**days, **({"checkNumber": check_number} if check_number else {})},
        }
    if kind == "RPPS":
        return {
            "isVoidable": False,
            "rppsDisbursement": {**days, "traceNumber": int(last4) + 10000, "batchNumber": 7060},
        }
    if kind == "VIRTUAL_CARD":
        card = {"arrivesByDate": days["arrivesByDate"], "last4CardNumber": last4}
        return {"isVoidable": False, "vcardDisbursement": card}
    name = {"INTERNATIONAL": "internationalDisbursement", "WALLET": "walletDisbursement"}.get(kind, "achDisbursement")
    return {"isVoidable": False, name: days}
