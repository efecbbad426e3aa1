"""What every part of the BILL sandbox shares: tables, ids, stamps, bodies, and how a refusal is answered."""

from __future__ import annotations

import functools
import json
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, TypeVar

from werkzeug.wrappers import Request, Response

from connectors.sandboxing import Fault, Sandbox, json_response, route

from .lists import Lists
from .refusals import CODES, RATE_LIMITS, Problem, Refusal, bdc, invalid
from .tables import Ids, Row, Table, stamp

API = "/connect/v3"
EVENTS = "/connect-events/v3"
USER_ID = "00601SANDBOXUSER0000"
F = TypeVar("F", bound=Callable[..., Any])


def locked(function: F) -> F:
    """Run a method while it holds the sandbox's lock."""

    @functools.wraps(function)
    def guarded(self: Any, *args: Any, **kwargs: Any) -> Any:
        with self.lock:
            return function(self, *args, **kwargs)

    return guarded  # type: ignore[return-value]


def endpoint(method: str, path: str) -> Callable[[F], F]:
    """A route whose handler holds the lock."""
    return lambda function: route(method, path)(locked(function))


def cents(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal("0.01"), ROUND_HALF_UP)


class Core(Sandbox):
    """Data and vocabulary. The parts (vendors, bills, ...) inherit it and add their routes."""

    system = "bill"

    def __init__(self, *, organization_id: str, rate_limit_status: int) -> None:
        super().__init__()
        self.organization_id = organization_id
        self.rate_limit_status = rate_limit_status
        self.ids = Ids()
        self.lists = Lists()
        self.writes: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.vendors = Table("vendors", "009")
        self.bills = Table(
            "bills",
            "00n",
            vendorId=lambda row: [row["vendorId"]],
            number=lambda row: [(row["vendorId"], row["invoice"]["invoiceNumber"])],
        )
        self.payments = Table(
            "payments",
            "stp",
            vendorId=lambda row: [row["vendorId"]],
            billId=lambda row: {part["billId"]: None for part in row["billPayments"]},
        )
        self.banks = Table("banks", "bac")
        self.classes = {
            kind: Table(kind, prefix, name=lambda row: [row["name"]], number=_numbers)
            for kind, prefix in {
                "chart-of-accounts": "0ca",
                "departments": "0de",
                "locations": "loc",
                "accounting-classes": "cls",
                "jobs": "job",
            }.items()
        }

    # --- rows ------------------------------------------------------------------------------------

    def add(self, table: Table, row: Row) -> Row:
        """File a new row: id first, times last, nulls omitted."""
        now = stamp(self.now())
        filled = {"id": self.ids.new(table.prefix), **row, "createdTime": now, "updatedTime": now}
        self.writes[f"{table.name}.created"] += 1
        return table.put({key: value for key, value in filled.items() if value is not None})

    def change(self, table: Table, row: Row, **changes: Any) -> Row:
        """Replace a row; None removes a field. `updatedTime` grows with every change, however fast they come."""
        before = datetime.fromisoformat(table.rows[row["id"]]["updatedTime"])
        moment = max(self.now(), before + timedelta(milliseconds=1))
        changed = {**row, **changes, "updatedTime": stamp(moment.astimezone(UTC))}
        self.writes[f"{table.name}.updated"] += 1
        return table.put({key: value for key, value in changed.items() if value is not None})

    def row(self, table: Table, row_id: str) -> Row:
        """The row of a path parameter: malformed id 400, unknown id 404 BDC_1205 (docs: bill 13)."""
        if len(row_id) != 20 or not row_id.isalnum() or not row_id.startswith(table.prefix):
            raise invalid(f"{table.name}Id: must match ^{table.prefix}[a-zA-Z0-9]{{17}}$")
        found = table.rows.get(row_id)
        if found is None:
            raise bdc("BDC_1205", f"{row_id} : Object not found.")
        return found

    def reference(self, table: Table | None, row_id: str, field: str) -> Row:
        """The active row a body refers to, else BDC_1205; archived ones are refused [assumed]."""
        found = table.rows.get(row_id) if table else None
        if found is None:
            raise bdc("BDC_1205", f"{field}: {row_id} not found.")
        if found.get("archived"):
            raise bdc("BDC_1143", f"Invalid entity data. {field}: {row_id} is archived.")
        return found

    def switch(self, table: Table, row: Row, archived: bool) -> tuple[Row, bool]:
        """Archive or restore, idempotent: (row, whether anything changed)."""
        if row["archived"] == archived:
            return row, False
        return self.change(table, row, archived=archived), True

    def bulk(self, table: Table, bodies: Any, limit: int, make: Callable[[Any], Row]) -> list[Row]:
        """All or nothing: root causes come with a BDC_1246 for every innocent element (docs: bill 7)."""
        if not isinstance(bodies, list):
            raise bdc("BDC_1122", "JSON parse error: an array was expected.")
        if not 1 <= len(bodies) <= limit:
            raise invalid(f"size must be between 1 and {limit}")
        made: list[Row] = []
        failures: list[Refusal] = []
        for body in bodies:
            try:
                made.append(make(body))
            except Refusal as refusal:
                failures.append(refusal)
        if failures:
            for row in made:
                table.remove(row["id"])
                self.writes[f"{table.name}.created"] -= 1
            innocent = [Problem(CODES["BDC_1246"][1], "BDC_1246")] * len(made)
            raise Refusal(failures[0].status, [p for each in failures for p in each.problems] + innocent)
        return made

    def emit(self, event: str, row: Row) -> None:
        """Tell the subscribers; the webhooks part does."""

    # --- HTTP ------------------------------------------------------------------------------------

    def body(self, request: Request) -> Any:
        """The JSON body with Decimal numbers. 415 without `Content-Type: application/json` [assumed]."""
        if request.mimetype != "application/json":
            raise Refusal(415, [Problem("Content-Type must be application/json.")])
        try:
            return json.loads(request.get_data(), parse_float=Decimal, parse_constant=_no_constant)
        except ValueError:
            raise bdc("BDC_1122") from None

    def dispatch(self, request: Request) -> Response:
        try:
            return super().dispatch(request)
        except Refusal as refusal:
            return self.refuse(refusal)

    def refuse(self, refusal: Refusal) -> Response:
        timestamp = stamp(self.now())
        status = self.rate_limit_status if RATE_LIMITS & set(refusal.codes) else refusal.status
        with self.lock:
            self.refused.update(refusal.codes[:1] or ["uncoded"])
        return json_response([problem.element(timestamp) for problem in refusal.problems], status)

    def no_route(self, request: Request, allowed: list[str]) -> Response:
        return self.refuse(bdc("BDC_1121", f"API not supported: {request.method} {request.path}"))

    def own_fault(self, fault: Fault) -> Response | None:
        """`bdc`: answer the code in `body`, with `status` unless that is the default 500."""
        if fault.kind == "bdc":
            refusal = bdc(fault.body)
            if fault.status != 500:
                refused = self.refuse(refusal)
                refused.status_code = fault.status
                return refused
            return self.refuse(refusal)
        return None

    def _control(self, request: Request) -> Response:
        try:
            return super()._control(request)
        except Refusal as refusal:  # an action the data does not allow
            return json_response([problem.element(stamp(self.now())) for problem in refusal.problems], 400)


def _numbers(row: Mapping[str, Any]) -> list[str]:
    number = row.get("account", {}).get("number")
    return [number] if number else []


def _no_constant(name: str) -> Any:
    raise ValueError(name)
