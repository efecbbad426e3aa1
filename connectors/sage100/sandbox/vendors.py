"""Vendors (docs: sage100 8.5)."""

from __future__ import annotations

from typing import Any

from werkzeug.wrappers import Request, Response

from connectors.sage100.sandbox.agent import Agent
from connectors.sage100.sandbox.forms import Form, json_body
from connectors.sage100.sandbox.lists import PAGING, TRIPLE, Page, one_of
from connectors.sage100.sandbox.model import Company, Vendor
from connectors.sage100.sandbox.stamps import Stamp
from connectors.sage100.sandbox.wire import Refused, decode_id, detail, encode_id, sage_error
from connectors.sandboxing import json_response, route

BUS = "AP_Vendor_bus"
TEXTS = {
    "addressLine1": 40,
    "addressLine2": 40,
    "addressLine3": 40,
    "city": 30,
    "state": 2,
    "zipCode": 10,
    "countryCode": 3,
    "telephoneNo": 20,
    "telephoneExt": 6,
    "emailAddress": 250,
    "accountKey": 9,
    "reference": 15,
}
BLANK: dict[str, Any] = {
    "vendorName": "",
    "vendorStatus": "A",
    "holdPayment": False,
    **dict.fromkeys(TEXTS),
    "primaryContact": None,
    "termsCode": None,
    "separateCheck": False,
    "electronicPayment": False,
    "form1099": None,
}
FILTERS = {
    **PAGING,
    "ap_division_no": TRIPLE["ap_division_no"],
    "vendor_no": TRIPLE["vendor_no"],
    "status": one_of("A", "I", "T"),
}


def zero_filled(text: str | None, width: int) -> str | None:
    """Sage's ZEROFILL and MASTERNUM: all digits are filled to the column's width."""
    return text.zfill(width) if text and text.isdigit() else text


def render(company: Company, vendor: Vendor) -> dict[str, Any]:
    values = vendor.values
    account = company.accounts.get(values["accountKey"] or "")
    return {
        "id": encode_id("vendor", *vendor.key),
        "apDivisionNo": vendor.division,
        "vendorNo": vendor.number,
        **values,
        "termsCodeDesc": company.terms[values["termsCode"]][0] if values["termsCode"] in company.terms else None,
        "account": account.number if account else None,
        "remitTo": vendor.remit_to,
        **vendor.stamp.wire(),
        "udf": {name: vendor.udf.get(name) for name in company.udfs},
    }


class Vendors(Agent):
    @route("GET", "/v1/vendors")
    def list_vendors(self, request: Request) -> Response:
        call = self.enter(request, "read", FILTERS)
        company, query = call.company, call.query
        page = Page.of(request, company.code, query, self.agent_time(company))
        with self.boi(company):
            data = page.read(
                company.vendors,
                page.prefix("ap_division_no", "vendor_no"),
                lambda vendor: query.get("status") in (None, vendor.values["vendorStatus"]),
                lambda vendor: render(company, vendor),
            )
        return json_response(data)

    @route("GET", "/v1/vendors/<vendor_id>")
    def get_vendor(self, request: Request, vendor_id: str) -> Response:
        company = self.enter(request, "read").company
        with self.boi(company):
            return json_response(render(company, self._vendor(company, vendor_id)))

    @route("POST", "/v1/vendors")
    def post_vendor(self, request: Request) -> Response:
        company = self.enter(request, "vendors:write").company
        form = Form(json_body(request), BUS)
        division = zero_filled(form.text("apDivisionNo", 2, required=True), 2)
        number = zero_filled(form.text("vendorNo", 7, required=True, pattern=r"[A-Z0-9][A-Z0-9 .&/\-]{0,6}"), 7)
        sent, udf = self._values(company, form, required=True)
        form.check()
        with self.boi(company, writes=True):
            vendor = company.vendors.get(str(division), str(number))
            if vendor is not None:
                return self._existing(company, vendor, sent, udf)
            if division not in company.divisions:
                raise _unknown("apDivisionNo", "The division is not on file.")
            self._known(company, sent)
            self.writing()
            stamp = Stamp.at(company.zone, self.now())
            values = {**BLANK, **sent, "holdPayment": bool(sent.get("holdPayment"))}
            vendor = company.vendors.put(Vendor(str(division), str(number), values, stamp, udf=udf))
            record = render(company, vendor)
        return json_response({**record, "duplicate": False}, 201, {"Location": f"/v1/vendors/{record['id']}"})

    @route("PATCH", "/v1/vendors/<vendor_id>")
    def patch_vendor(self, request: Request, vendor_id: str) -> Response:
        company = self.enter(request, "vendors:write").company
        body = json_body(request)
        for name in ("apDivisionNo", "vendorNo"):
            if name in body:
                message = f"{name} is part of the key."
                raise Refused("immutable_field", message, details=[detail(name, "immutable", message)])
        form = Form(body, BUS)
        sent, udf = self._values(company, form, required=False)
        form.check()
        with self.boi(company, writes=True):
            vendor = self._vendor(company, vendor_id)
            self._known(company, sent)
            self.writing()
            vendor.values.update(sent)
            vendor.udf.update(udf)
            vendor.stamp.touch(self.now())
            return json_response(render(company, company.vendors.put(vendor)))

    # --- parts -------------------------------------------------------------------------------------

    def _vendor(self, company: Company, vendor_id: str) -> Vendor:
        kind, *key = decode_id(vendor_id) or ("",)
        vendor = company.vendors.get(*key) if kind == "vendor" else None
        if vendor is None:
            raise Refused("vendor_not_found", "No such vendor.")
        return vendor

    def _values(self, company: Company, form: Form, required: bool) -> tuple[dict[str, Any], dict[str, Any]]:
        """The sent columns, normalised as Sage stores them."""
        sent: dict[str, Any] = {}
        for name, limit in (("vendorName", 50), ("termsCode", 2)):
            if required or name in form.data:
                sent[name] = form.text(name, limit, required=True)
        if "termsCode" in sent:
            sent["termsCode"] = zero_filled(sent["termsCode"], 2)
        sent.update({name: form.text(name, limit) for name, limit in TEXTS.items() if name in form.data})
        if "holdPayment" in form.data:
            sent["holdPayment"] = bool(form.flag("holdPayment"))
        if not required and "vendorStatus" in form.data:
            sent["vendorStatus"] = form.choice("vendorStatus", "A", "I", "T", required=True)
        udf = form.take("udf") or {}
        if not isinstance(udf, dict) or not udf.keys() <= set(company.udfs):
            form.problem("udf", "invalid", "udf holds a field that is not configured.")
        return sent, dict(udf) if isinstance(udf, dict) else {}

    def _known(self, company: Company, sent: dict[str, Any]) -> None:
        if "termsCode" in sent and sent["termsCode"] not in company.terms:
            raise _unknown("termsCode", "The Terms Code is not on file.")
        if sent.get("accountKey") and company.accounts.get(sent["accountKey"]) is None:
            raise _unknown("accountKey", "The Account is not on file.")

    def _existing(self, company: Company, vendor: Vendor, sent: dict[str, Any], udf: dict[str, Any]) -> Response:
        record = render(company, vendor)
        same = all(vendor.values[name] == value for name, value in sent.items())
        if not same or any(vendor.udf.get(name) != value for name, value in udf.items()):
            raise Refused("vendor_exists", "The vendor exists with other values.", existing=record)
        self.duplicates += 1
        return json_response({**record, "duplicate": True})


def _unknown(field: str, message: str) -> Refused:
    return Refused(
        "unknown_reference",
        message,
        details=[detail(field, "not_on_file", message)],
        sage=sage_error(BUS, "nSetValue", message),
    )
