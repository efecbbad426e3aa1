"""The tenant behind the gateway: what each route does, in the active shape (docs: avidxchange 6-9)."""

from __future__ import annotations

from collections.abc import Mapping

from werkzeug.wrappers import Request, Response

from connectors.sandboxing import json_response

from . import codes, images, invoices, payments, vendors
from .access import Access, headers_for
from .answers import Answers, Call
from .codes import Codes
from .gateway import Gateway, Route, read_json
from .ground import Ground
from .images import Upload
from .invoices import Invoices
from .payments import Payments
from .refusals import not_found
from .shapes import SHAPES
from .vendors import Vendors
from .whims import Whims

CREDENTIALS = {
    "company_token": "sandbox-avid-company-token-0123456789",
    "user_token": "sandbox-avid-user-token-0123456789",
    "username": "ap.bot@acme.example",
    "password": "sandbox-password",
    "client_id": "sandbox-client",
    "client_secret": "sandbox-client-secret",
}
ACCOUNTING_SYSTEMS = {3: "Sage 100 ABC", 4: "Sage 100 XYZ"}
RESOURCES = (
    "accounting_systems",
    "vendors",
    "codes",
    "code_import",
    "purchase_orders",
    "invoices",
    "images",
    "payments",
)
CHECK_IMAGE = b"%PDF-1.4\n% a cleared check\n%%EOF\n"


class Server(Gateway):
    """One tenant. The options are those of `AvidSandbox`."""

    def __init__(
        self,
        profile: str,
        *,
        seed: int,
        page_size: int,
        quirks: float,
        code_delay: float,
        whole_import_fails: bool,
        links: str,
        message_only: bool,
        keep_images: bool,
        auth_mode: str,
        headers: Mapping[str, str] | None,
        credentials: Mapping[str, str] | None,
        token_lifetime: float,
        accounting_systems: Mapping[int, str] | None,
    ) -> None:
        shape = SHAPES[profile]
        super().__init__(shape.root)
        whims = Whims(seed, quirks)
        known = {**CREDENTIALS, **(credentials or {})}
        templates = headers or headers_for(auth_mode, shape.headers, "tenant" in known)
        self.shape = shape
        self.keep_images = keep_images
        self.ground = Ground(self.now, shape, whims, accounting_systems or ACCOUNTING_SYSTEMS)
        self.access = Access(self.now, auth_mode, known, templates, token_lifetime)
        self.answers = Answers(shape, whims, page_size=page_size, links=links, message_only=message_only)
        self.vendors = Vendors(self.ground)
        self.codes = Codes(self.ground, delay=code_delay, whole_import_fails=whole_import_fails)
        self.invoices = Invoices(self.ground, self.vendors, self.codes)
        self.payments = Payments(self.ground, self.invoices, seed)
        self.routes = self._make_routes()

    def _make_routes(self) -> list[Route]:
        shape = self.shape
        paging = frozenset({shape.page_number, shape.page_size})
        window = frozenset({shape.modified_from, shape.modified_to})
        system = paging | {"acctgSysId"}
        update, payment = shape.vendor_update, "/payments/<id>"
        importing = "/accountingSystems/<id>/enterpriseCodes/import"
        return [
            Route("accounting_systems", "GET", "/accountingSystems", self._list_systems, paging),
            Route("vendors", "GET", shape.vendors, self._list_vendors, paging | window | vendors.READ_PARAMS),
            Route("vendors", "GET", f"{shape.vendors}/<id>", self._get_vendor),
            Route("vendors", "POST", shape.vendors, self._create_vendor, body=read_json),
            Route("vendors", update, f"{shape.vendors}/<id>", self._update_vendor, body=read_json),
            Route("codes", "GET", "/enterpriseCodes/groups", self._list_groups, system),
            Route("codes", "GET", "/enterpriseCodes", self._list_codes, paging | codes.READ_PARAMS),
            Route("code_import", "POST", importing, self._import_codes, body=read_json),
            Route("purchase_orders", "GET", "/purchaseOrders", self._list_orders, system),
            Route("invoices", "GET", "/invoices", self._list_invoices, paging | window | invoices.READ_PARAMS),
            Route("invoices", "GET", "/invoices/<id>", self._get_invoice),
            Route("invoices", "POST", "/invoices", self._create_invoice, body=read_json),
            Route("images", "POST", shape.image, self._attach, body=self._upload),
            Route("payments", "GET", shape.payments, self._list_payments, paging | window | payments.FILTERS),
            Route("payments", "GET", payment, self._get_payment),
            Route("payments", "GET", f"{payment}/paymenthistory", self._payment_history),
            Route("payments", "GET", f"{payment}/getclearedcheckimage", self._check_image, accept=""),
        ]

    def _upload(self, request: Request) -> Upload:
        if self.shape.image_mode == "multipart":
            return images.from_multipart(request, self.keep_images)
        return images.from_json(read_json(request), self.keep_images)

    # --- handlers --------------------------------------------------------------------------------

    def _list_systems(self, call: Call) -> Response:
        rows = [{"id": number, "name": name} for number, name in self.ground.accounting_systems.items()]
        return self.answers.everything([self.ground.pack("accounting_system", row) for row in rows])

    def _list_vendors(self, call: Call) -> Response:
        return self.answers.page(call, self.vendors.find(call.params), self.vendors.wire, "Pages")

    def _get_vendor(self, call: Call) -> Response:
        return json_response(self.vendors.wire(self.vendors.row(call.ids[0])))

    def _create_vendor(self, call: Call) -> Response:
        return self.answers.written(self.vendors.wire(self.vendors.create(call.body)))

    def _update_vendor(self, call: Call) -> Response:
        return self.answers.written(self.vendors.wire(self.vendors.update(call.ids[0], call.body)))

    def _list_groups(self, call: Call) -> Response:
        groups = self.codes.groups(self.ground.whole(call.params, "acctgSysId"))
        return self.answers.everything([self.ground.pack("code", {"group": each}) for each in groups])

    def _list_codes(self, call: Call) -> Response:
        return self.answers.page(call, self.codes.find(call.params), self.codes.wire)

    def _import_codes(self, call: Call) -> Response:
        return self.answers.rows(self.codes.import_rows(call.ids[0], call.body))

    def _list_orders(self, call: Call) -> Response:
        system = self.ground.whole(call.params, "acctgSysId")
        orders = [each for each in self.invoices.orders.values() if system in (None, each["accounting_system_id"])]
        return self.answers.page(call, orders, self.invoices.wire_order)

    def _list_invoices(self, call: Call) -> Response:
        return self.answers.page(call, self.invoices.find(call.params), self.invoices.wire)

    def _get_invoice(self, call: Call) -> Response:
        return json_response(self.invoices.wire(self.invoices.row(call.ids[0])))

    def _create_invoice(self, call: Call) -> Response:
        row, warnings = self.invoices.create(call.body)
        return self.answers.written(self.invoices.wire(row), warnings)

    def _attach(self, call: Call) -> Response:
        upload: Upload = call.body
        return self.answers.written(self.invoices.wire(self.invoices.attach(call.ids[0], upload)))

    def _list_payments(self, call: Call) -> Response:
        rows = self.payments.find(call.params)
        return self.answers.page(call, rows, lambda row: self.payments.wire(row, detailed=False))

    def _get_payment(self, call: Call) -> Response:
        return json_response(self.payments.wire(self.payments.row(call.ids[0]), detailed=True))

    def _payment_history(self, call: Call) -> Response:
        return json_response(self.payments.wire_history(call.ids[0]))

    def _check_image(self, call: Call) -> Response:
        if not self.payments.row(call.ids[0])["has_check_images"]:
            raise not_found(f"An image of the check of payment {call.ids[0]}")
        return Response(CHECK_IMAGE, content_type="application/pdf")
