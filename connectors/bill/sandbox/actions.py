"""What people and banks do outside the API: POST /_sandbox/actions/<name> with the parameters as JSON.

Every action answers the ids of what it touched. Amounts are numbers, dates `yyyy-MM-dd`.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from .checks import is_day
from .core import USER_ID, locked
from .delivery import Event
from .payloads import entity
from .payments import STATUS_OF, STEPS, disbursement
from .refusals import invalid
from .tables import Row, Table, stamp
from .webhooks import CATALOG, Webhooks

ADDRESS = {
    "line1": "1 Main St",
    "city": "Spokane",
    "stateOrProvince": "WA",
    "zipOrPostalCode": "99201",
    "country": "US",
}


class Actions(Webhooks):
    # --- money -------------------------------------------------------------------------------------

    @locked
    def do_pay(
        self,
        bills: list[Row],
        disbursementType: str = "CHECK",
        fundingAccountId: str | None = None,
        checkNumber: int | None = None,
        processDate: str | None = None,
        singleStatus: str = "CLEARED",
        status: str | None = None,
        description: str | None = None,
    ) -> Row:
        """One payment over `bills` ([{billId, amount?}] of one vendor; amount defaults to what is due).

        `status` follows `singleStatus` (PAID from FUNDING_STARTED on) unless given; the first bank pays by default.
        """
        day = processDate or self.now().date().isoformat()
        if not is_day(day):
            raise invalid("processDate: must be a date of the form yyyy-MM-dd")
        rows = [self.row(self.bills, each["billId"]) for each in bills]
        parts = [
            {"billId": row["id"], "amount": Decimal(str(each.get("amount", row["dueAmount"])))}
            for row, each in zip(rows, bills, strict=True)
        ]
        vendor_id = rows[0]["vendorId"]
        self.check_parts(vendor_id, parts)
        bank_id = fundingAccountId or next(iter(self.banks.rows), "")
        self.row(self.banks, bank_id)
        payment = self.make_payment(
            parts,
            singleStatus,
            status=status or STATUS_OF.get(singleStatus, "PAID"),
            vendorId=vendor_id,
            description=description,
            processDate=day,
            fundingAccount={"type": "BANK_ACCOUNT", "id": bank_id},
            processingOptions={"requestPayFaster": False, "createBill": False, "requestCheckDeliveryType": "STANDARD"},
            onlinePayment=True,
            disbursementType=disbursementType,
            disbursementStatus="SCHEDULED" if singleStatus in STEPS[:2] else "DONE",
            disbursementInfo=disbursement(disbursementType, day, checkNumber, self.ids.digits(4)),
        )
        return {"id": payment["id"], "transactionNumber": payment["transactionNumber"], "amount": payment["amount"]}

    def do_schedule(self, bills: list[Row], **details: Any) -> Row:
        """As `pay`, but nothing has left yet: payment and bills are SCHEDULED."""
        return self.do_pay(bills, **{**details, "singleStatus": "SCHEDULED"})  # type: ignore[no-any-return]

    @locked
    def do_advance_payment(self, paymentId: str, singleStatus: str | None = None) -> Row:
        """To `singleStatus`, by default the next of SCHEDULED, READY_TO_FUND, FUNDING_STARTED, CLEARED."""
        row = self.row(self.payments, paymentId)
        if singleStatus is None:
            at = STEPS.index(row["singleStatus"])
            singleStatus = STEPS[min(at + 1, len(STEPS) - 1)]
        changed = self.step(row, singleStatus, disbursementStatus="SCHEDULED" if singleStatus in STEPS[:2] else "DONE")
        return {"id": paymentId, "status": changed["status"], "singleStatus": singleStatus}

    @locked
    def do_set_check_number(self, paymentId: str, checkNumber: int) -> Row:
        """BILL has cut the check."""
        row = self.row(self.payments, paymentId)
        info = row["disbursementInfo"]
        check = {**info.get("checkDisbursement", {}), "checkNumber": checkNumber}
        self.step(row, row["singleStatus"], disbursementInfo={**info, "checkDisbursement": check})
        return {"id": paymentId, "checkNumber": checkNumber}

    @locked
    def do_void_payment(self, paymentId: str, type: str = "VOID_ONLY", reason: str = "", accept: bool = True) -> Row:
        """BILL decides on a void (asked for before or now): VOID and VOIDED, or back to CLEARED and REJECTED."""
        row = self.row(self.payments, paymentId)
        status, after = ("ACCEPTED", "VOIDED") if accept else ("REJECTED", "CLEARED")
        voids = row["voidInfo"] or [self.void_info(type, reason)]
        voids = [*voids[:-1], {**voids[-1], "status": status, "updatedTime": stamp(self.now())}]
        return {"id": paymentId, "status": self.step(row, after, voidInfo=voids)["status"]}

    @locked
    def do_cancel_payment(self, paymentId: str) -> Row:
        row = self.step(self.row(self.payments, paymentId), "CANCELED", cancelRequestSubmitted=True)
        return {"id": paymentId, "status": row["status"]}

    @locked
    def do_record_outside(
        self, bills: list[Row], processDate: str | None = None, syncReference: str | None = None, description: str = ""
    ) -> Row:
        """A person records a payment made outside BILL over `bills` ([{billId, amount?}])."""
        rows = [self.row(self.bills, each["billId"]) for each in bills]
        parts = [
            {"billId": row["id"], "amount": each.get("amount", row["dueAmount"])}
            for row, each in zip(rows, bills, strict=True)
        ]
        day = processDate or self.now().date().isoformat()
        body = {"vendorId": rows[0]["vendorId"], "processDate": day, "toPrintCheck": False, "payments": parts}
        texts = {"syncReference": syncReference, "description": description or None}
        return {"id": self.record_outside({**body, **texts})["id"]}

    # --- vendors, bills, lists ---------------------------------------------------------------------

    @locked
    def do_create_vendor(self, **body: Any) -> Row:
        """The fields of POST /v3/vendors; a missing address is filled in."""
        row = self.make_vendor({"address": ADDRESS, **body})
        self.emit("vendor.created", row)
        return {"id": row["id"]}

    @locked
    def do_edit_vendor(self, vendorId: str, changes: Row) -> Row:
        """`changes` as PATCH takes them."""
        return {"id": self.update_vendor(self.row(self.vendors, vendorId), changes)["id"]}

    @locked
    def do_create_bill(self, approvalStatus: str | None = None, **body: Any) -> Row:
        """The fields of POST /v3/bills, optionally with its approval status."""
        row = self.make_bill(body)
        if approvalStatus:
            row = self.change(self.bills, row, approvalStatus=approvalStatus)
        self.emit("bill.created", row)
        return {"id": row["id"], "lineIds": [line["id"] for line in row["billLineItems"]]}

    @locked
    def do_edit_bill(self, billId: str, changes: Row, replace: bool = False) -> Row:
        """`changes` as PATCH takes them (or PUT, with `replace`), whatever the payment status."""
        edit = self.replace_bill if replace else self.update_bill
        return {"id": edit(self.row(self.bills, billId), changes)["id"]}

    @locked
    def do_approve_bill(self, billId: str, status: str = "APPROVED") -> Row:
        """Any approval status: ASSIGNED, APPROVING, APPROVED, DENIED. There is no event for it (docs: bill 10.1)."""
        row = self.row(self.bills, billId)
        final = {"APPROVED": "APPROVED", "DENIED": "DENIED"}.get(status, "WAITING")
        approvers = [
            {**each, "status": final, "statusChangedTime": stamp(self.now())} for each in row.get("approvers", [])
        ]
        self.change(self.bills, row, approvalStatus=status, approvers=approvers or None)
        return {"id": billId, "approvalStatus": status}

    @locked
    def do_set_approval_policy(self, minimum: Decimal | int | None = None, approvers: list[str] | None = None) -> Row:
        """New bills of at least `minimum` are ASSIGNED to `approvers` (user ids); None ends the policy."""
        policy = {"minimum": Decimal(str(minimum)), "approvers": approvers or [USER_ID]}
        self.approval_policy = policy if minimum is not None else None
        return {}

    @locked
    def do_archive(self, id: str) -> Row:
        """Archive a vendor, bill, account, department, location, class, job or bank, found by its id's prefix."""
        return self._switch_any(id, True)

    @locked
    def do_restore(self, id: str) -> Row:
        return self._switch_any(id, False)

    def do_archive_account(self, id: str) -> Row:
        return self.do_archive(id)  # type: ignore[no-any-return]

    @locked
    def do_create_account(
        self, name: str, number: str | None = None, type: str = "EXPENSE", archived: bool = False
    ) -> Row:
        account = {"type": type, "number": number}
        body = {"name": name, "account": account}
        row = self.make_classification(self.classes["chart-of-accounts"], body)
        return self._switch_any(row["id"], True) if archived else {"id": row["id"]}

    @locked
    def do_create_department(self, name: str, shortName: str | None = None) -> Row:
        return self._make_plain("departments", name, shortName)

    @locked
    def do_create_location(self, name: str, shortName: str | None = None) -> Row:
        return self._make_plain("locations", name, shortName)

    def _make_plain(self, kind: str, name: str, short_name: str | None) -> Row:
        return {"id": self.make_classification(self.classes[kind], {"name": name, "shortName": short_name})["id"]}

    @locked
    def do_create_bank(
        self,
        bankName: str,
        accountNumber: str = "000111222333",
        chartOfAccountId: str | None = None,
        payables: bool = False,
    ) -> Row:
        row = {
            "archived": False,
            "status": "VERIFIED",
            "createdBy": USER_ID,
            "routingNumber": "074000010",
            "accountNumber": "*****" + accountNumber[-4:],
            "nameOnAccount": bankName,
            "type": "CHECKING",
            "ownerType": "BUSINESS",
            "bankName": bankName,
            "accessToAdmins": True,
            "default": {"payables": payables, "receivables": False},
            "chartOfAccountId": chartOfAccountId,
        }
        return {"id": self.add(self.banks, row)["id"]}

    def _switch_any(self, row_id: str, archived: bool) -> Row:
        table = self._table_of(row_id)
        row = self.row(table, row_id)
        if table is self.vendors:
            self.switch_vendor(row, archived)
        elif table is self.bills:
            self.switch_bill(row, archived)
        else:
            self.switch(table, row, archived)
        return {"id": row_id, "archived": archived}

    def _table_of(self, row_id: str) -> Table:
        for table in (self.vendors, self.bills, self.banks, *self.classes.values()):
            if row_id.startswith(table.prefix):
                return table
        raise invalid(f"id: {row_id} has no known prefix")

    # --- webhooks ----------------------------------------------------------------------------------

    @locked
    def do_webhooks(self, **mood: Any) -> Row:
        """How later events travel; replaces what was set before, no parameter means well-behaved.

        drop: so many events are lost (-1 = all) · duplicate: true sends each twice · hold: true keeps them back
        for `release_events` · delay: seconds · forge: true signs with another key · double_encode: true.
        """
        unknown = set(mood) - {"drop", "duplicate", "hold", "delay", "forge", "double_encode"}
        if unknown:
            raise invalid(*(f"{name}: unknown" for name in unknown))
        self.mood = {name: float(value) if name == "delay" else value for name, value in mood.items()}
        return self.mood

    @locked
    def do_release_events(self, reverse: bool = False) -> Row:
        """Send what `hold` kept back, the last first with `reverse`."""
        events, self.held = self.held[:: -1 if reverse else 1], []
        for event in events:
            self.deliver(event)
        return {"events": [event.id for event in events]}

    @locked
    def do_send_event(
        self,
        type: str,
        id: str | None = None,
        payload: Row | None = None,
        copies: int = 1,
        forge: bool = False,
        double_encode: bool = False,
        drop: bool = False,
        reorder: list[Row] | None = None,
    ) -> Row:
        """Send an event of the entity `id` (or with `payload` as the entity) to every enabled subscription of `type`.

        copies: with one event id · forge: bad signature · double_encode: a JSON string of the JSON · drop: only in
        the delivery log · reorder: more events ([{type, id}]) that overtake this one, the last first.
        """
        made: list[Event] = []
        for each in [{"type": type, "id": id, "payload": payload}, *(reorder or [])]:
            if each["type"] not in CATALOG:
                raise invalid(f"type: {each['type']} is not in the catalog")
            content = each.get("payload") or entity(self, each["type"], self._entity(each["type"], each["id"]))
            made.extend(
                self._event(subscription, each["type"], content)
                for subscription in self.subscriptions.values()
                if subscription["status"]["enabled"] and each["type"] in {e["type"] for e in subscription["events"]}
            )
        for event in [] if drop else reversed(made):
            for _ in range(copies):
                self.deliver(event, forge=forge, double_encode=double_encode)
        return {"events": [event.id for event in made]}

    def _entity(self, kind: str, row_id: str | None) -> Row:
        table = {"vendor": self.vendors, "bill": self.bills, "payment": self.payments}.get(kind.split(".")[0])
        if table is None or row_id is None:
            raise invalid("id: this type needs a payload")
        return self.row(table, row_id)

    def do_disable_subscription(self, id: str, reason: str = "Notifications could not be delivered.") -> Row:
        """As BILL does after the last failed attempt."""
        self.disable(id, reason)
        return {"id": id}

    def do_flush_events(self, timeout: float = 10.0) -> Row:
        """Wait until every queued attempt was made; `pending` is what is left after `timeout` seconds."""
        return {"pending": self.courier.flush(float(timeout))}
