"""The vendors of the tenant: created and updated by the accounting system, edited by people (docs: avidxchange 6.2)."""

from __future__ import annotations

from collections import Counter
from typing import Any

from .checks import Flag, Record, Rule, Text, Whole, read
from .ground import Ground, Params
from .refusals import Problem, RowRefused, not_found, row_refused
from .wire import Row

ADDRESS: dict[str, Rule] = {
    "line1": Text(least=2, most=255, required=True),
    "line2": Text(most=255),
    "line3": Text(most=255),
    "line4": Text(most=255),
    "city": Text(least=2, most=50),
    "state": Text(least=2, most=50),
    "postal_code": Text(least=2, most=20),
    "country": Text(least=2, most=3),
}
VENDOR: dict[str, Rule] = {
    "accounting_system_id": Whole(required=True),
    "external_code": Text(least=1, most=100, forbidden="|", required=True),
    "name": Text(least=1, most=255, required=True),
    "name_on_check": Text(most=255),
    "tax_id": Text(most=100, forbidden="*"),  # a mask is no tax id
    "email": Text(most=255),
    "phone": Text(most=20),
    "website": Text(most=255),
    "active": Flag(),
    "address": Record(kind="address", rules=ADDRESS),
    "remit_to": Record(kind="address", rules=ADDRESS),
}
IMMUTABLE = ("accounting_system_id", "external_code")
DEFAULTS = {"active": True, "payment_method": "AvidPay Check", "payment_method_id": 1}
READ_PARAMS = {"acctgSysId", "externalVendorCodes"}


class Vendors:
    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self.rows: dict[int, Row] = {}
        self.updates: Counter[str] = Counter()  # by external code, whatever they changed
        self.needless_updates = 0
        self._by_code: dict[tuple[int, str], int] = {}

    def by_code(self, system: int, code: str) -> Row | None:
        found = self._by_code.get((system, code))
        return None if found is None else self.rows[found]

    def row(self, vendor_id: int) -> Row:
        if vendor_id not in self.rows:
            raise not_found(f"Vendor {vendor_id}")
        return self.rows[vendor_id]

    def find(self, params: Params) -> list[Row]:
        system = self.ground.whole(params, "acctgSysId")
        codes = self.ground.keys(params, "externalVendorCodes")
        rows = [
            row
            for row in self.rows.values()
            if (system is None or row["accounting_system_id"] == system)
            and (codes is None or row["external_code"] in codes)
        ]
        return self.ground.shuffled(self.ground.modified(rows, self.ground.window(params)))

    def create(self, body: Any) -> Row:
        row = self._read(body, partial=False)
        system, code = row["accounting_system_id"], row["external_code"]
        if system not in self.ground.accounting_systems:
            raise row_refused(
                "ACCOUNTING_SYSTEM_NOT_FOUND", self._path("accounting_system_id"), f"{system} does not exist."
            )
        existing = self.by_code(system, code)
        if existing is not None:
            item = self.ground.pack("vendor", {"id": existing["id"]})
            raise row_refused("DUPLICATE_VENDOR", self._path("external_code"), f"Vendor {code} exists already.", item)
        return self.add({**DEFAULTS, **row})

    def add(self, row: Row) -> Row:
        """File a whole row; the rules that span fields hold for people too."""
        self._check_whole(row)
        filed = {"id": self.ground.next("vendor"), **row, "last_modified": self.ground.stamp()}
        self.rows[filed["id"]] = filed
        self._by_code[(row["accounting_system_id"], row["external_code"])] = filed["id"]
        return filed

    def update(self, vendor_id: int, body: Any) -> Row:
        row = self.row(vendor_id)
        self.updates[row["external_code"]] += 1
        changes = self._read(body, partial=True)
        for name in IMMUTABLE:
            if changes.get(name, row[name]) != row[name]:
                raise row_refused("FIELD_IMMUTABLE", self._path(name), "cannot be changed")
        if all(row.get(name) == value for name, value in changes.items()):
            self.needless_updates += 1
        return self.edit(vendor_id, **changes)

    def edit(self, vendor_id: int, **changes: Any) -> Row:
        """Replace what is given, addresses as a whole."""
        changed = {**self.row(vendor_id), **changes}
        self._check_whole(changed)
        self.rows[vendor_id] = {**changed, "last_modified": self.ground.stamp()}
        return self.rows[vendor_id]

    def wire(self, row: Row) -> dict[str, Any]:
        shown = {
            **row,
            "tax_id": f"*****{row['tax_id'][-4:]}" if row.get("tax_id") else None,
            "last_modified": self.ground.whims.stamp(row["last_modified"]),
        }
        for name in ("address", "remit_to"):
            if row.get(name):
                shown[name] = self.ground.pack("address", row[name])
        return self.ground.pack("vendor", shown)

    def _read(self, body: Any, partial: bool) -> Row:
        problems: list[Problem] = []
        row = read(self.ground.shape, "vendor", VENDOR, body, problems, partial=partial)
        if problems:
            raise RowRefused(problems)
        return row

    def _check_whole(self, row: Row) -> None:
        if row["active"] and not row.get("remit_to"):
            raise row_refused("FIELD_REQUIRED", self._path("remit_to"), "is required for an active vendor")

    def _path(self, name: str) -> str:
        return self.ground.shape.paths["vendor"][name]
