"""Invoices: submitted once, never changed through the API, decided by people (docs: avidxchange 7)."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from typing import Any

from .checks import Day, Money, Record, Rule, Text, Whole, read
from .codes import GL_GROUP, Codes
from .ground import Ground, Params
from .images import Upload
from .refusals import Problem, RowRefused, not_found, row_refused
from .vendors import Vendors
from .wire import Row

SCHEME_OWNERS = ("Buyer", "Provider", "Aggregator", "AvidXchange")
LINE_CODE: dict[str, Rule] = {
    "value": Text(least=1, most=100, required=True),
    "group": Text(least=1, most=100, required=True),
}
LINE: dict[str, Rule] = {
    "number": Whole(),
    "amount": Money(required=True),
    "description": Text(),
    "codes": Record(kind="line_code", rules=LINE_CODE, many=True, required=True),
}
INVOICE: dict[str, Rule] = {
    "external_id": Text(least=1, most=100),
    "external_scheme": Text(most=50),
    "external_owner": Text(choices=SCHEME_OWNERS),
    "accounting_system_id": Whole(required=True),
    "number": Text(least=1, most=50, required=True),
    "vendor_code": Text(least=1, most=100, required=True),
    "invoice_date": Day(required=True),
    "due_date": Day(),
    "posting_date": Day(),
    "gross": Money(zero=False, required=True),
    "discount": Money(),
    "po_number": Text(),
    "memo": Text(),
    "lines": Record(kind="line", rules=LINE, many=True, most=500, required=True),
}
STATUS_IDS = {
    "Pending Coding": 10,
    "Pending Approval": 20,
    "On Hold": 25,
    "Approved": 30,
    "Exported": 35,
    "Payment Scheduled": 40,
    "Paid": 50,
    "Rejected": 60,
    "Void": 70,
}
OPEN = ("Pending Coding", "Pending Approval", "On Hold")
FREED = ("Rejected", "Void")  # the number and the ExternalId may be used again
UNLOCKED = (*OPEN, "Approved", "Exported", "Payment Scheduled")  # may get a first image
READ_PARAMS = {"acctgSysId", "vendorExternalCode", "number", "externalInvoiceIds", "status"}


class Invoices:
    def __init__(self, ground: Ground, vendors: Vendors, codes: Codes) -> None:
        self.ground = ground
        self.vendors = vendors
        self.codes = codes
        self.rows: dict[int, Row] = {}
        self.orders: dict[int, Row] = {}  # purchase orders
        self.uploads: dict[int, list[Upload]] = defaultdict(list)
        self._by_number: dict[tuple[int, str, str], list[int]] = defaultdict(list)
        self._by_external_id: dict[tuple[int, str], list[int]] = defaultdict(list)

    def row(self, invoice_id: int) -> Row:
        if invoice_id not in self.rows:
            raise not_found(f"Invoice {invoice_id}")
        return self.rows[invoice_id]

    def find(self, params: Params) -> list[Row]:
        system = self.ground.whole(params, "acctgSysId")
        external_ids = self.ground.keys(params, "externalInvoiceIds")
        wanted = {name: params[name].strip().casefold() for name in ("number", "status") if name in params}
        vendor = params.get("vendorExternalCode")
        rows = [
            row
            for row in self.rows.values()
            if system in (None, row["accounting_system_id"])
            and vendor in (None, row["vendor_code"])
            and (external_ids is None or row.get("external_id") in external_ids)
            and all(row[name].strip().casefold() == value for name, value in wanted.items())
        ]
        return self.ground.shuffled(self.ground.modified(rows, self.ground.window(params)))

    # --- submission ------------------------------------------------------------------------------

    def create(self, body: Any) -> tuple[Row, list[str]]:
        """The new invoice and what to warn of."""
        problems: list[Problem] = []
        row = read(self.ground.shape, "invoice", INVOICE, body, problems)
        if "external_id" not in row and ("external_scheme" in row or "external_owner" in row):
            problems.append(Problem("FIELD_REQUIRED", self._path("external_id"), "is required"))
        for check in (self._existence, self._sum):
            if problems:
                raise RowRefused(problems)
            problems += check(row)
        if problems:
            raise RowRefused(problems)
        self._duplicates(row)
        return self.add(row), self._warnings(row)

    def add(self, row: Row) -> Row:
        filed = {
            "id": self.ground.next("invoice"),
            "status": "Pending Approval",
            "discount": Decimal(0),
            **row,
            "has_image": False,
            "last_modified": self.ground.stamp(),
        }
        self.rows[filed["id"]] = filed
        self._by_number[_number_key(row)].append(filed["id"])
        if row.get("external_id"):
            self._by_external_id[(row["accounting_system_id"], row["external_id"])].append(filed["id"])
        return filed

    def _existence(self, row: Row) -> list[Problem]:
        """Accounting system, vendor, codes, purchase order, in this order; later ones need the earlier."""
        system, code = row["accounting_system_id"], row["vendor_code"]
        if system not in self.ground.accounting_systems:
            path = self._path("accounting_system_id")
            return [Problem("ACCOUNTING_SYSTEM_NOT_FOUND", path, f"{system} does not exist.")]
        vendor = self.vendors.by_code(system, code)
        if vendor is None:
            return [Problem("VENDOR_NOT_FOUND", self._path("vendor_code"), f"Vendor {code} does not exist.")]
        if not vendor["active"]:
            return [Problem("VENDOR_INACTIVE", self._path("vendor_code"), f"Vendor {code} is inactive.")]
        problems = [
            problem for position, line in enumerate(row["lines"]) for problem in self._coding(row, position, line)
        ]
        order = next((each for each in self.orders.values() if each["number"] == row.get("po_number")), None)
        if order is not None and order["vendor_code"] != code:
            text = f"Purchase order {order['number']} is of vendor {order['vendor_code']}."
            problems.append(Problem("PO_VENDOR_MISMATCH", self._path("po_number"), text))
        return problems

    def _coding(self, row: Row, position: int, line: Row) -> list[Problem]:
        system, known = row["accounting_system_id"], self.codes.visible()
        groups = self.codes.groups(system)
        paths = self.ground.shape.paths
        at = f"{paths['invoice']['lines']}.{position}.{paths['line']['codes']}"
        problems = []
        for index, each in enumerate(line["codes"]):
            code = known.get((system, each["group"], each["value"]))
            if each["group"] not in groups:
                text = f"Group {each['group']} does not exist."
                problems.append(Problem("CODE_GROUP_NOT_FOUND", f"{at}.{index}.{paths['line_code']['group']}", text))
            elif code is None or not code["active"]:
                kind = "CODE_NOT_FOUND" if code is None else "CODE_INACTIVE"
                text = f"Code {each['value']} of {each['group']} " + (
                    "does not exist." if code is None else "is inactive."
                )
                problems.append(Problem(kind, f"{at}.{index}.{paths['line_code']['value']}", text))
        accounts = sum(each["group"] == GL_GROUP for each in line["codes"])
        if accounts != 1:
            kind = "FIELD_INVALID" if accounts else "FIELD_REQUIRED"
            problems.append(Problem(kind, at, f"exactly one code of group {GL_GROUP} is required"))
        return problems

    def _sum(self, row: Row) -> list[Problem]:
        total = sum((line["amount"] for line in row["lines"]), Decimal(0))
        if total == row["gross"]:
            return []
        text = f"The distributions sum to {total}, not to {row['gross']}."
        return [Problem("AMOUNT_MISMATCH", self._path("gross"), text)]

    def _duplicates(self, row: Row) -> None:
        twin = self._alive(self._by_number.get(_number_key(row), []))
        if twin is not None:
            item = self.ground.pack("invoice", {"id": twin["id"]}) if self.ground.whims.strikes() else self.wire(twin)
            text = f"Invoice {row['number']} of vendor {row['vendor_code']} exists already."
            raise row_refused("DUPLICATE_INVOICE", self._path("number"), text, item)
        twin = self._alive(self._by_external_id.get((row["accounting_system_id"], row.get("external_id", "")), []))
        if twin is not None:
            item = self.ground.pack("invoice", {"id": twin["id"]})
            text = f"ExternalId {row['external_id']} is in use."
            raise row_refused("DUPLICATE_EXTERNAL_ID", self._path("external_id"), text, item)

    def _alive(self, invoice_ids: list[int]) -> Row | None:
        return next((self.rows[each] for each in invoice_ids if self.rows[each]["status"] not in FREED), None)

    def _warnings(self, row: Row) -> list[str]:
        number = row.get("po_number")
        known = not number or any(each["number"] == number for each in self.orders.values())
        return [] if known else [f"Purchase order {number} is not known."]

    # --- image and status ------------------------------------------------------------------------

    def attach(self, invoice_id: int, upload: Upload) -> Row:
        """A first image until the payment, another one while nobody has decided (docs: avidxchange 7.2, 14.1)."""
        row = self.row(invoice_id)
        if row["status"] not in (OPEN if row["has_image"] else UNLOCKED):
            raise row_refused("INVOICE_LOCKED", self._path("has_image"), f"The invoice is {row['status']}.")
        self.uploads[invoice_id].append(upload)
        return self.change(invoice_id, has_image=True, image_url=f"/files/invoices/{invoice_id}")

    def change(self, invoice_id: int, at: str | None = None, **changes: Any) -> Row:
        self.rows[invoice_id] = {**self.row(invoice_id), **changes, "last_modified": self.ground.stamp(at)}
        return self.rows[invoice_id]

    # --- reading ---------------------------------------------------------------------------------

    def wire(self, row: Row) -> dict[str, Any]:
        whims = self.ground.whims
        vendor = self.vendors.by_code(row["accounting_system_id"], row["vendor_code"])
        shown = {
            **row,
            "vendor_code": f"{row['vendor_code']}|R1" if whims.strikes() else row["vendor_code"],
            "vendor_name": f"{row['vendor_code']} | {vendor['name']}" if vendor else None,
            "status_id": STATUS_IDS.get(row["status"], 99),
            "image_url": row.get("image_url"),
            "last_modified": whims.stamp(row["last_modified"]),
            "lines": [self._line(row["accounting_system_id"], line) for line in row["lines"]],
            **{name: whims.day(row.get(name)) for name in ("invoice_date", "due_date", "posting_date")},
        }
        return self.ground.pack("invoice", shown)

    def _line(self, system: int, line: Row) -> dict[str, Any]:
        known = self.codes.visible()
        codes = [
            {**each, "description": known.get((system, each["group"], each["value"]), {}).get("description")}
            for each in line["codes"]
        ]
        return self.ground.pack("line", {**line, "codes": [self.ground.pack("line_code", each) for each in codes]})

    def wire_order(self, row: Row) -> dict[str, Any]:
        return self.ground.pack("purchase_order", row)

    def _path(self, name: str) -> str:
        return self.ground.shape.paths["invoice"][name]


def _number_key(row: Row) -> tuple[int, str, str]:
    return row["accounting_system_id"], row["vendor_code"], row["number"].strip().casefold()
