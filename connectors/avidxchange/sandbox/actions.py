"""What people and the platform do behind the API: `POST /_sandbox/actions/<name>`. Ids are Avid's own."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from .codes import GL_GROUP
from .gateway import locked
from .refusals import bad_request
from .server import RESOURCES, Server
from .vendors import DEFAULTS
from .wire import Row

SYSTEM = 3  # the accounting system that actions mean unless told
REMIT_TO = {"line1": "PO Box 1", "city": "Charlotte", "state": "NC", "postal_code": "28202", "country": "US"}
PAYMENT_ERROR = {"Id": 4, "Description": "Missing bank account"}


class Actions(Server):
    """Rows have the neutral names of `shapes`; times are ISO in UTC and default to now."""

    # --- lists -----------------------------------------------------------------------------------

    @locked
    def do_add_vendor(self, code: str, name: str, system: int = SYSTEM, **more: Any) -> Row:
        """`more`: fields by neutral name; a remit-to address is filled in."""
        row = {**DEFAULTS, "remit_to": REMIT_TO, **more}
        return {
            "id": self.vendors.add({"accounting_system_id": system, "external_code": code, "name": name, **row})["id"]
        }

    @locked
    def do_edit_vendor(self, vendor: int, **changes: Any) -> Row:
        return {"id": self.vendors.edit(vendor, **changes)["id"]}

    @locked
    def do_add_code(
        self, value: str, description: str = "", group: str = GL_GROUP, active: bool = True, system: int = SYSTEM
    ) -> Row:
        """Add or replace a code; it shows at once."""
        self.codes.put(system, group, {"value": value, "description": description, "active": active})
        return {}

    @locked
    def do_add_purchase_order(self, number: str, vendor: str, total: Any = 0, system: int = SYSTEM) -> Row:
        order_id = self.ground.next("purchase_order")
        order = {"external_code": number, "number": number, "vendor_code": vendor, "total": Decimal(str(total))}
        self.invoices.orders[order_id] = {"id": order_id, **order, "accounting_system_id": system}
        return {"id": order_id}

    # --- invoices --------------------------------------------------------------------------------

    @locked
    def do_add_invoice(
        self, vendor: str, number: str, gross: Any, account: str = "", system: int = SYSTEM, **more: Any
    ) -> Row:
        """An invoice that people entered in AvidInvoice, on one line, without an ExternalId of ours."""
        amount = Decimal(str(gross))
        codes = [{"value": account, "group": GL_GROUP}] if account else []
        day = self.ground.today().isoformat()
        row = {
            "accounting_system_id": system,
            "vendor_code": vendor,
            "number": number,
            "gross": amount,
            "invoice_date": day,
            "lines": [{"number": 1, "amount": amount, "codes": codes}],
            **more,
        }
        return {"id": self.invoices.add(row)["id"]}

    @locked
    def do_approve(self, invoice: int) -> Row:
        return self._decide(invoice, "Approved")

    @locked
    def do_reject(self, invoice: int, reason: str = "Rejected by approver") -> Row:
        return self._decide(invoice, "Rejected", status_reason=reason)

    @locked
    def do_hold(self, invoice: int) -> Row:
        return self._decide(invoice, "On Hold")

    @locked
    def do_void_invoice(self, invoice: int) -> Row:
        return self._decide(invoice, "Void")

    def _decide(self, invoice: int, status: str, **changes: Any) -> Row:
        self.invoices.change(invoice, status=status, **changes)
        return {"id": invoice, "status": status}

    # --- payments --------------------------------------------------------------------------------

    @locked
    def do_pay(
        self,
        invoices: list[Any],
        method: str = "check",
        vendor: str = "",
        numbers: bool = True,
        bank: str = "10100",
        date: str | None = None,
        at: str | None = None,
        state: str = "in_progress",
    ) -> Row:
        """One payment of one vendor (see `payments.Payments.pay`). method: check, ach, card, internal. `date`: its own
        day, `at`: when it was modified. `state`: where it gets at once, e.g. settled (with today or `at` as the date).
        """
        if method not in ("check", "ach", "card", "internal"):
            raise bad_request("FIELD_INVALID", f"method: {method} is not known.")
        row = self.payments.pay(invoices, method=method, vendor=vendor, numbers=numbers, bank=bank, day=date, at=at)
        if state == "settled":
            return self.do_clear(row["id"], at=at)  # type: ignore[no-any-return]
        if state != "in_progress":
            self.payments.move(row["id"], state, at)
        return self._told(row["id"])

    @locked
    def do_issue(self, payment: int, at: str | None = None) -> Row:
        """It left for the supplier; not settled yet."""
        self.payments.move(payment, "issued", at)
        return self._told(payment)

    @locked
    def do_clear(self, payment: int, date: str | None = None, at: str | None = None) -> Row:
        is_check = self.payments.row(payment)["check_number"] is not None
        day = date or self.ground.stamp(at)[:10]
        self.payments.move(payment, "settled", at, settled_date=day, has_check_images=is_check)
        return self._told(payment)

    @locked
    def do_fail(self, payment: int, reason: Row | None = None, at: str | None = None) -> Row:
        self.payments.move(payment, "failed", at, exceptions=[reason or PAYMENT_ERROR])
        return self._told(payment)

    @locked
    def do_void_payment(self, payment: int, at: str | None = None) -> Row:
        """Also after it cleared; its ClearedDate stays."""
        self.payments.move(payment, "void", at)
        return self._told(payment)

    @locked
    def do_reissue(self, payment: int, at: str | None = None) -> Row:
        """Void it and pay the same lines again under a new id, which is answered."""
        return self._told(self.payments.reissue(payment, at)["id"])

    @locked
    def do_set_status(
        self, text: str, invoice: int | None = None, payment: int | None = None, at: str | None = None
    ) -> Row:
        """Any status text, unknown ones too; nothing else about the record changes."""
        if invoice is not None:
            self.invoices.change(invoice, at, status=text)
        elif payment is not None:
            self.payments.describe(payment, text, at)
        else:
            raise bad_request("FIELD_REQUIRED", "invoice or payment is required.")
        return {"status": text}

    def _told(self, payment: int) -> Row:
        row = self.payments.row(payment)
        told = (
            "id",
            "status",
            "amount",
            "erp_check_number",
            "check_number",
            "ach_trace",
            "card_last4",
            "card_reference",
        )
        return {name: row[name] for name in told}

    # --- access ----------------------------------------------------------------------------------

    @locked
    def do_revoke_token(self, which: str = "user_token") -> Row:
        """user_token, company_token, access_token (those issued until now), or another credential."""
        self.access.revoke(which)
        return {}

    @locked
    def do_restore_token(self, which: str = "user_token") -> Row:
        self.access.restore(which)
        return {}

    @locked
    def do_disable(self, resource: str, status: int = 403) -> Row:
        """Answer `status` to every call of a resource (`code_import` is one of its own); 0 ends it."""
        if resource not in RESOURCES:
            raise bad_request("FIELD_INVALID", f"resource must be one of {', '.join(RESOURCES)}.")
        if status:
            self.disabled[resource] = status
        else:
            self.disabled.pop(resource, None)
        return {}
