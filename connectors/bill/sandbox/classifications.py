"""Classifications and funding banks (docs: bill 8, 9)."""

from __future__ import annotations

from typing import Any

from werkzeug.wrappers import Request, Response

from connectors.sandboxing import json_response

from .bills import Bills
from .checks import Choice, Field, Part, Text, clean, merge
from .core import API, endpoint
from .lists import Shape
from .refusals import bdc, invalid, invalid_entity
from .tables import Row, Table

BULK = 50
WRAPPERS = {
    "chart-of-accounts": "chartOfAccounts",
    "departments": "departments",
    "locations": "locations",
    "accounting-classes": "accountingClasses",
    "jobs": "jobs",
}
_TYPES = """
UNSPECIFIED ACCOUNTS_PAYABLE ACCOUNTS_RECEIVABLE BANK COST_OF_GOODS_SOLD CREDIT_CARD EQUITY EXPENSE FIXED_ASSET INCOME
LONG_TERM_LIABILITY OTHER_ASSET OTHER_CURRENT_ASSET OTHER_CURRENT_LIABILITY OTHER_EXPENSE OTHER_INCOME NON_POSTING
"""
ACCOUNT_TYPES = frozenset(_TYPES.split())
PLAIN: dict[str, Field] = {
    "name": Text(required=True, limit=100),
    "shortName": Text(limit=40),
    "description": Text(limit=4000),
    "parentId": Text(limit=20),
}
ACCOUNT: dict[str, Field] = {
    "name": Text(required=True, limit=100),
    "description": Text(limit=4000),
    "parentId": Text(limit=20),
    "account": Part(shape={"type": Choice(members=ACCOUNT_TYPES), "number": Text(limit=40)}),
}
TIMES = {"createdTime": "instant", "updatedTime": "instant"}
PLAIN_SHAPE = Shape(
    filters={"id": "text", "archived": "flag", "name": "text", "shortName": "text", "parentId": "text", **TIMES},
    sorts=frozenset({"name", "createdTime", "updatedTime"}),
)
ACCOUNT_SHAPE = Shape(
    filters={"id": "text", "archived": "flag", "name": "text", "parentId": "text", **TIMES},
    sorts=frozenset({"name", "createdTime", "updatedTime"}),
)
BANK_SHAPE = Shape(filters={"bankAccountId": "text"}, sorts=frozenset({"createdTime", "updatedTime"}))


class Classifications(Bills):
    unique_classifications = True  # name and number, among the active ones (docs: bill 13)

    @endpoint("GET", f"{API}/classifications/<kind>")
    def list_classifications(self, request: Request, kind: str) -> Response:
        shape = ACCOUNT_SHAPE if kind == "chart-of-accounts" else PLAIN_SHAPE
        return json_response(self.lists.page(self.kind(kind), shape, request.args))

    @endpoint("GET", f"{API}/classifications/<kind>/<row_id>")
    def get_classification(self, request: Request, kind: str, row_id: str) -> Response:
        return json_response(self.row(self.kind(kind), row_id))

    @endpoint("POST", f"{API}/classifications/<kind>")
    def post_classification(self, request: Request, kind: str) -> Response:
        return json_response(self.make_classification(self.kind(kind), self.body(request)), 201)

    @endpoint("POST", f"{API}/classifications/<kind>/bulk")
    def post_classifications(self, request: Request, kind: str) -> Response:
        table = self.kind(kind)
        rows = self.bulk(table, self.body(request), BULK, lambda body: self.make_classification(table, body))
        return json_response({WRAPPERS[kind]: rows}, 201)

    @endpoint("PATCH", f"{API}/classifications/<kind>/<row_id>")
    def patch_classification(self, request: Request, kind: str, row_id: str) -> Response:
        table, body = self.kind(kind), self.body(request)
        return json_response(self._update(table, self.row(table, row_id), body))

    @endpoint("POST", f"{API}/classifications/<kind>/<row_id>/archive")
    def archive_classification(self, request: Request, kind: str, row_id: str) -> Response:
        return self._switch_all(request, kind, row_id, True)

    @endpoint("POST", f"{API}/classifications/<kind>/<row_id>/restore")
    def restore_classification(self, request: Request, kind: str, row_id: str) -> Response:
        return self._switch_all(request, kind, row_id, False)

    @endpoint("GET", f"{API}/funding-accounts/banks")
    def list_banks(self, request: Request) -> Response:
        return json_response(self.lists.page(self.banks, BANK_SHAPE, request.args))

    @endpoint("GET", f"{API}/funding-accounts/banks/<bank_id>")
    def get_bank(self, request: Request, bank_id: str) -> Response:
        return json_response(self.row(self.banks, bank_id))

    # --- what the routes and a person in the web app both do ---------------------------------------

    def kind(self, kind: str) -> Table:
        if kind not in self.classes:
            raise bdc("BDC_1121")
        return self.classes[kind]

    def make_classification(self, table: Table, body: Any) -> Row:
        given = clean(body, _fields(table))
        if table.name == "chart-of-accounts":
            given["account"] = {"type": "UNSPECIFIED", **given.get("account", {})}
        self._check(table, given, None)
        return self.add(table, {"archived": False, **given})

    def _update(self, table: Table, row: Row, body: Any) -> Row:
        merged = merge(row, clean(body, _fields(table), partial=True))
        clean(merged, _fields(table))
        self._check(table, merged, row["id"])
        return self.change(table, merged)

    def _check(self, table: Table, given: Row, own_id: str | None) -> None:
        if given.get("parentId"):
            self.reference(table, given["parentId"], "parentId")
        if not self.unique_classifications:
            return
        number = given.get("account", {}).get("number")
        for index, value in (("name", given["name"]), ("number", number)):
            others = [key for key in table.keys(index, value) if key != own_id and not table.rows[key]["archived"]]
            if value and others:
                raise invalid_entity(f"{index}: {value} is already in use.")

    def _switch_all(self, request: Request, kind: str, row_id: str, archived: bool) -> Response:
        """One row, or with `bulk` in the place of the id those of `?ids=`."""
        table = self.kind(kind)
        if row_id != "bulk":
            return json_response(self.switch(table, self.row(table, row_id), archived)[0])
        ids = [part for each in request.args.getlist("ids") for part in each.split(",")]
        if not 1 <= len(ids) <= BULK:
            raise invalid(f"ids: size must be between 1 and {BULK}")
        rows = [self.row(table, each) for each in ids]
        return json_response({WRAPPERS[kind]: [self.switch(table, row, archived)[0] for row in rows]})


def _fields(table: Table) -> dict[str, Field]:
    return ACCOUNT if table.name == "chart-of-accounts" else PLAIN
