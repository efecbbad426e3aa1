"""Vendors (docs: bill 6)."""

from __future__ import annotations

import re
from typing import Any

from werkzeug.wrappers import Request, Response

from connectors.sandboxing import json_response

from .access import Access
from .checks import Choice, Field, Flag, Number, Part, Text, clean, merge
from .core import API, endpoint
from .countries import COUNTRIES, NAMES
from .lists import Shape
from .refusals import bdc, invalid, invalid_entity
from .tables import Row, stamp

BULK = 20
EMAIL = r"[^@\s]+@[^@\s]+"
BANK_ACCOUNT: dict[str, Field] = {
    "nameOnAccount": Text(required=True, limit=100),
    "accountNumber": Text(required=True, limit=40),
    "routingNumber": Text(limit=40),
    "type": Choice(members={"CHECKING", "SAVINGS"}),
    "ownerType": Choice(members={"BUSINESS", "PERSONAL"}),
    "paymentCurrency": Text(pattern="[A-Z]{3}"),
}
VENDOR: dict[str, Field] = {
    "name": Text(required=True, limit=100),
    "shortName": Text(limit=40),
    "accountNumber": Text(limit=100),
    "accountType": Choice(members={"BUSINESS", "PERSON", "NONE"}),
    "email": Text(limit=100, pattern=EMAIL),
    "phone": Text(limit=40),
    "address": Part(
        required=True,
        shape={
            "line1": Text(required=True, limit=1000),
            "line2": Text(limit=100),
            "city": Text(required=True, limit=100),
            "stateOrProvince": Text(limit=100),
            "zipOrPostalCode": Text(required=True, limit=30),
            "country": Choice(required=True, members=COUNTRIES),
        },
    ),
    "paymentInformation": Part(
        shape={
            "payeeName": Text(limit=100),
            "email": Text(limit=100, pattern=EMAIL),
            "payByType": Choice(members={"ACH", "CHECK", "VIRTUAL_CARD", "RPPS", "WALLET", "OFFLINE"}),
            "bankAccount": Part(shape=BANK_ACCOUNT),
        }
    ),
    "additionalInfo": Part(
        shape={
            "taxId": Text(limit=40),
            "taxIdType": Choice(members={"EIN", "SSN"}),
            "track1099": Flag(),
            "leadTimeInDays": Number(),
            "combinePayments": Flag(),
            "paymentTermId": Text(limit=20),
            "companyName": Text(limit=100),
        }
    ),
    "billCurrency": Text(pattern="[A-Z]{3}"),
    "autoPay": Part(shape={"enabled": Flag()}),
}
SHAPE = Shape(
    filters={
        **dict.fromkeys(
            ("id", "name", "shortName", "accountNumber", "accountType", "email", "billCurrency"),
            "text",
        ),
        "archived": "flag",
        "createdTime": "instant",
        "updatedTime": "instant",
    },
    sorts=frozenset({"name", "createdTime", "updatedTime"}),
)


class Vendors(Access):
    @endpoint("GET", f"{API}/vendors")
    def list_vendors(self, request: Request) -> Response:
        return json_response(self.lists.page(self.vendors, SHAPE, request.args))

    @endpoint("GET", f"{API}/vendors/<vendor_id>")
    def get_vendor(self, request: Request, vendor_id: str) -> Response:
        return json_response(self.row(self.vendors, vendor_id))

    @endpoint("POST", f"{API}/vendors")
    def post_vendor(self, request: Request) -> Response:
        body = self.body(request)
        self._autopay_needs_trust(request, body)
        row = self.make_vendor(body)
        self.emit("vendor.created", row)
        return json_response(row, 201)

    @endpoint("POST", f"{API}/vendors/bulk")
    def post_vendors(self, request: Request) -> Response:
        rows = self.bulk(self.vendors, self.body(request), BULK, self.make_vendor)
        for row in rows:
            self.emit("vendor.created", row)
        return json_response({"vendors": rows}, 201)

    @endpoint("PATCH", f"{API}/vendors/<vendor_id>")
    def patch_vendor(self, request: Request, vendor_id: str) -> Response:
        row = self.row(self.vendors, vendor_id)
        body = self.body(request)
        self._autopay_needs_trust(request, body)
        return json_response(self.update_vendor(row, body))

    @endpoint("POST", f"{API}/vendors/<vendor_id>/archive")
    def archive_vendor(self, request: Request, vendor_id: str) -> Response:
        return json_response(self.switch_vendor(self.row(self.vendors, vendor_id), True))

    @endpoint("POST", f"{API}/vendors/<vendor_id>/restore")
    def restore_vendor(self, request: Request, vendor_id: str) -> Response:
        return json_response(self.switch_vendor(self.row(self.vendors, vendor_id), False))

    @endpoint("GET", f"{API}/vendors/<vendor_id>/bank-account")
    def get_bank_account(self, request: Request, vendor_id: str) -> Response:
        account = self.row(self.vendors, vendor_id).get("paymentInformation", {}).get("bankAccount")
        if account is None:
            raise bdc("BDC_1205", f"{vendor_id} : Bank account not found.")
        return json_response(account)

    @endpoint("POST", f"{API}/vendors/<vendor_id>/bank-account")
    def post_bank_account(self, request: Request, vendor_id: str) -> Response:
        row = self.row(self.vendors, vendor_id)
        if "bankAccount" in row["paymentInformation"]:
            raise invalid_entity("bankAccount: the vendor has one already.")
        account = _masked(clean(self.body(request), BANK_ACCOUNT))
        information = {**row["paymentInformation"], "bankAccount": account}
        self.change(self.vendors, row, paymentInformation=information, bankAccountStatus="NO_NET_LINKED_ACCOUNT")
        return json_response(account)

    @endpoint("DELETE", f"{API}/vendors/<vendor_id>/bank-account")
    def delete_bank_account(self, request: Request, vendor_id: str) -> Response:
        row = self.row(self.vendors, vendor_id)
        information = {key: value for key, value in row["paymentInformation"].items() if key != "bankAccount"}
        self.change(self.vendors, row, paymentInformation=information, bankAccountStatus="NO_ACCOUNT")
        return Response(status=204)

    # --- what the routes and a person in the web app both do ---------------------------------------

    def make_vendor(self, body: Any) -> Row:
        given = clean(body, VENDOR)
        information = given.get("paymentInformation", {})
        account = information.pop("bankAccount", None)
        if account:
            information["bankAccount"] = _masked(account)
        row = {
            "archived": False,
            "accountType": "NONE",
            "billCurrency": "USD",
            **given,
            "address": _address(given["address"]),
            "paymentInformation": {"payByType": "CHECK", "virtualCard": {"status": "UNKNOWN"}, **information},
            "additionalInfo": {"track1099": False, "combinePayments": True, **given.get("additionalInfo", {})},
            "bankAccountStatus": "NO_NET_LINKED_ACCOUNT" if account else "NO_ACCOUNT",
            "recurringPayments": False,
            "balance": {"amount": 0, "lastUpdatedDate": stamp(self.now())},
            "autoPay": {"enabled": False, **given.get("autoPay", {})},
            "networkStatus": "NOT_CONNECTED",
        }
        return self.add(self.vendors, row)

    def update_vendor(self, row: Row, body: Any) -> Row:
        """PATCH: nested objects merge; bank data is ignored (docs: bill 6)."""
        given = clean(body, VENDOR, partial=True)
        (given.get("paymentInformation") or {}).pop("bankAccount", None)
        if given.get("billCurrency", row["billCurrency"]) != row["billCurrency"]:
            raise invalid_entity("billCurrency: cannot be changed.")
        merged = merge(row, given)
        clean({**merged, "accountType": merged.get("accountType") or "NONE"}, VENDOR)
        merged["address"] = _address(merged["address"])
        changed = self.change(self.vendors, merged)
        # BILL tells only of "a set of operations": name and address country (docs: bill 10.3).
        if changed["name"] != row["name"] or changed["address"]["country"] != row["address"]["country"]:
            self.emit("vendor.updated", changed)
        return changed

    def switch_vendor(self, row: Row, archived: bool) -> Row:
        row, changed = self.switch(self.vendors, row, archived)
        if changed:
            self.emit("vendor.archived" if archived else "vendor.restored", row)
        return row

    def _autopay_needs_trust(self, request: Request, body: Any) -> None:
        part = body.get("autoPay") if isinstance(body, dict) else None
        if isinstance(part, dict) and part.get("enabled") is True:
            self.need_trust(request)


def _address(address: Row) -> Row:
    state = address.get("stateOrProvince")
    if address["country"] == "US" and state and not re.fullmatch("[A-Z]{2}", state):
        raise invalid("address.stateOrProvince: must be a two-letter US state")
    name = NAMES.get(address["country"])
    return {**{k: v for k, v in address.items() if k != "countryName"}, **({"countryName": name} if name else {})}


def _masked(account: Row) -> Row:
    return {**account, "accountNumber": "*****" + account["accountNumber"][-4:]}
