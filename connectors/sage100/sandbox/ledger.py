"""Health, companies, GL, purchase orders and reference lists (docs: sage100 8.4, 8.7)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from werkzeug.wrappers import Request, Response

from connectors.sage100.sandbox.agent import Agent, Client
from connectors.sage100.sandbox.lists import PAGING, TRIPLE, Page, includes, one_of, text
from connectors.sage100.sandbox.model import Account, Company, Order
from connectors.sage100.sandbox.wire import AGENT_VERSION, Refused, decode_id, encode_id, show
from connectors.sandboxing import json_response, route

ACCOUNT_FILTERS = {
    **PAGING,
    "status": one_of("A", "I", "D"),
    "main_account_code": text(15),
    "account": text(41),
}
ORDER_FILTERS = {
    **PAGING,
    "ap_division_no": TRIPLE["ap_division_no"],
    "vendor_no": TRIPLE["vendor_no"],
    "purchase_order_no": text(7),
    "order_status": one_of("N", "O", "B", "C", "X"),
    "order_type": one_of("S", "D", "M", "R", "X"),
    "include": includes("lines"),
}


def render_account(company: Company, account: Account) -> dict[str, Any]:
    return {
        "id": encode_id("gl", account.account_key),
        "accountKey": account.account_key,
        "account": account.number,
        "rawAccount": "".join(account.codes).replace("-", ""),
        "accountDesc": account.description,
        "status": account.status,
        "mainAccountCode": account.codes[0],
        "accountType": account.type,
        "accountGroup": "COS" if account.type == "12" else None,
        "accountCategory": "E" if account.type in ("12", "13") else None,
        "dateStart": None,
        "dateEnd": None,
        "segments": [
            {"segmentNo": segment.number, "code": code, "description": segment.values.get(code)}
            for segment, code in zip(company.segments, account.codes, strict=True)
        ],
        **account.stamp.wire(),
    }


def render_order(order: Order, lines: bool = True) -> dict[str, Any]:
    amounts = ("taxableAmt", "nonTaxableAmt", "salesTaxAmt", "freightAmt")
    total = sum((Decimal(order.values[name]) for name in amounts), Decimal(0))
    record = {
        "id": encode_id("po", order.number),
        "purchaseOrderNo": order.number,
        "apDivisionNo": order.division,
        "vendorNo": order.vendor,
        **order.values,
        "orderTotal": show(total),
        **order.stamp.wire(),
        "udf": {},
    }
    return {**record, "lines": order.lines} if lines else record


class Ledger(Agent):
    @route("GET", "/v1/health")
    def health(self, request: Request) -> Response:
        zone = next(iter(self.companies.values())).zone
        time = self.now().astimezone(zone).replace(microsecond=0).isoformat()
        return json_response({"status": "ok", "agentVersion": AGENT_VERSION, "time": time})

    @route("GET", "/v1/health/ready")
    def ready(self, request: Request) -> Response:
        with self.lock:
            self.check_boi()
            depth = sum(max(company.queued - 1, 0) for company in self.companies.values())
        facts = {"boi": "connected", "sageVersion": "7.30.2.0", "edition": "standard", "queueDepth": depth}
        return json_response({"status": "ready", **facts})

    @route("GET", "/v1/companies")
    def list_companies(self, request: Request) -> Response:
        client: Client = request.environ["agent.client"]
        mine = [company for code, company in sorted(self.companies.items()) if code in client.companies]
        return json_response({"data": [{"companyCode": each.code, "companyName": each.name} for each in mine]})

    @route("GET", "/v1/companies/validate")
    def validate_company(self, request: Request) -> Response:
        call = self.enter(request, "read")
        company = call.company
        with self.boi(company):
            return json_response(
                {
                    "companyCode": company.code,
                    "companyName": company.name,
                    "valid": True,
                    "currencyCode": company.currency,
                    "timeZone": company.zone.key,
                    "modules": {"A/P": True, "G/L": True, "P/O": True, "A/R": True},
                    "apOptions": {
                        "divisionsEnabled": company.divisions_enabled,
                        "manualCheckBatchEnabled": company.batches_enabled,
                        "wireTransfersEnabled": company.wires_enabled,
                    },
                    "accountSegments": [
                        {"segmentNo": each.number, "name": each.name, "length": each.length}
                        for each in company.segments
                    ],
                    "banks": _banks(company),
                    "scopes": list(call.client.scopes),
                    "postingAllowed": self.allow_posting,
                }
            )

    @route("GET", "/v1/gl-accounts")
    def list_accounts(self, request: Request) -> Response:
        call = self.enter(request, "read", ACCOUNT_FILTERS)
        company, query = call.company, call.query
        page = Page.of(request, company.code, query, self.agent_time(company))
        with self.boi(company):
            data = page.read(
                company.accounts,
                (),
                lambda account: (
                    query.get("status") in (None, account.status)
                    and query.get("main_account_code") in (None, account.codes[0])
                    and query.get("account") in (None, account.number)
                ),
                lambda account: render_account(company, account),
            )
        return json_response(data)

    @route("GET", "/v1/gl-accounts/<account_id>")
    def get_account(self, request: Request, account_id: str) -> Response:
        company = self.enter(request, "read").company
        kind, *key = decode_id(account_id) or ("",)
        with self.boi(company):
            account = company.accounts.get(*key) if kind == "gl" else None
            if account is None:
                raise Refused("gl_account_not_found", "No such account.")
            return json_response(render_account(company, account))

    @route("GET", "/v1/gl-segments")
    def list_segments(self, request: Request) -> Response:
        company = self.enter(request, "read").company
        with self.boi(company):
            data = [
                {
                    "segmentNo": each.number,
                    "name": each.name,
                    "length": each.length,
                    "values": [
                        {"code": code, "description": description, "status": "A"}
                        for code, description in sorted(each.values.items())
                    ],
                }
                for each in company.segments
            ]
        return json_response({"data": data})

    @route("GET", "/v1/purchase-orders")
    def list_orders(self, request: Request) -> Response:
        call = self.enter(request, "read", ORDER_FILTERS)
        company, query = call.company, call.query
        lines = "lines" in query.get("include", ("lines",))
        page = Page.of(request, company.code, query, self.agent_time(company))
        with self.boi(company):
            data = page.read(
                company.orders,
                page.prefix("purchase_order_no"),
                lambda order: (
                    query.get("ap_division_no") in (None, order.division)
                    and query.get("vendor_no") in (None, order.vendor)
                    and query.get("order_status") in (None, order.values["orderStatus"])
                    and query.get("order_type") in (None, order.values["orderType"])
                ),
                lambda order: render_order(order, lines),
            )
        return json_response(data)

    @route("GET", "/v1/purchase-orders/<order_id>")
    def get_order(self, request: Request, order_id: str) -> Response:
        company = self.enter(request, "read").company
        kind, *key = decode_id(order_id) or ("",)
        with self.boi(company):
            order = company.orders.get(*key) if kind == "po" else None
            if order is None:
                raise Refused("purchase_order_not_found", "No such purchase order.")
            return json_response(render_order(order))

    @route("GET", "/v1/reference/terms-codes")
    def list_terms(self, request: Request) -> Response:
        company = self.enter(request, "read").company
        with self.boi(company):
            terms = sorted(company.terms.items())
        data = [{"termsCode": code, "termsCodeDesc": name, "daysBeforeDue": days} for code, (name, days) in terms]
        return json_response({"data": data})

    @route("GET", "/v1/reference/ap-divisions")
    def list_divisions(self, request: Request) -> Response:
        company = self.enter(request, "read").company
        with self.boi(company):
            divisions = sorted(company.divisions.items())
        return json_response({"data": [{"apDivisionNo": code, "apDivisionDesc": name} for code, name in divisions]})

    @route("GET", "/v1/reference/banks")
    def list_banks(self, request: Request) -> Response:
        company = self.enter(request, "read").company
        with self.boi(company):
            return json_response({"data": _banks(company)})


def _banks(company: Company) -> list[dict[str, str]]:
    return [
        {"bankCode": code, "description": name, "cashAccountKey": account}
        for code, (name, account) in sorted(company.banks.items())
    ]
