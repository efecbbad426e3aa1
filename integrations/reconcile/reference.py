"""Reference data: are mapped accounts and linked vendors there on both sides, and alive?"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from connectors.domain import Account, Vendor, VendorStatus
from integrations.engine.books import match_name
from integrations.engine.context import FlowContext
from integrations.models import Link, Mapping, MappingTable, ReferenceKind

from .reasons import latest, why
from .result import Kind, Result


def _accounts(connector: Any, result: Result, label: str) -> Iterable[Account]:
    for page in connector.read_accounts(None):
        result.unreadable(page.bad, label)
        yield from page.records


def _departments(connector: Any, result: Result, label: str) -> Iterable[Account]:
    for page in connector.read_departments(None):
        result.unreadable(page.bad, label)
        yield from page.records


def _locations(connector: Any, result: Result, label: str) -> Iterable[Account]:
    for page in connector.read_locations(None):
        result.unreadable(page.bad, label)
        yield from page.records


Place = tuple[str, ReferenceKind, str]  # side, kind, key

READERS: dict[ReferenceKind, Callable[[Any, Result, str], Iterable[Account]]] = {
    ReferenceKind.ACCOUNT: _accounts,
    ReferenceKind.DEPARTMENT: _departments,
    ReferenceKind.LOCATION: _locations,
    ReferenceKind.BANK: lambda connector, result, label: connector.read_banks(),
}


def compare_accounts(context: FlowContext, result: Result) -> None:
    """Every row of the mapping tables means something, which exists on both sides and is active on both or neither."""
    rows: list[tuple[Mapping, list[Place]]] = []
    for row in Mapping.objects.filter(integration=context.integration).order_by("table", "source"):
        table = context.recipe.table(row.table)
        if table is None:
            continue
        if not (row.source_key and row.target_id) or row.problem:
            problem = row.problem or "It is looked up in the next sync."
            _report(result, Kind.MAPPING_UNRESOLVED, row, f"Table {row.table}: {problem}")
            continue
        keys = {"source": row.source_key, "target": row.target_id}
        keys |= {"department": row.department_key, "location": row.location_key}
        ends = [(end, keys[column]) for column, end in table.ends().items() if keys[column]]
        places = [(end.side, end.kind, key) for end, key in ends if end.kind in READERS and key not in end.words]
        if places:
            rows.append((row, places))
    result.compared["accounts"] = len(rows)
    known = _known(context, result, {place for _, places in rows for place in places})
    for row, places in rows:
        _check(context, result, row, {place: known.get(place) for place in places})


def _known(context: FlowContext, result: Result, places: set[Place]) -> dict[Place, Account]:
    found = {}
    for side, kind in sorted({(side, kind) for side, kind, _ in places}):
        for account in READERS[kind](context.side(side), result, context.label(side)):
            if (side, kind, account.key) in places:
                found[side, kind, account.key] = account
    return found


def _check(context: FlowContext, result: Result, row: Mapping, found: dict[Place, Account | None]) -> None:
    gone = [(side, kind) for (side, kind, _), account in found.items() if account is None]
    for side, kind in gone:
        message = f"The {kind.label} of {context.label(side)} that this row of table {row.table} means is gone."
        _report(result, Kind.ACCOUNT_MISSING, row, message)
    written = context.recipe.table(row.table).target.side  # an inactive account where we only read is no obstacle
    asleep = [
        (side, account) for (side, _, _), account in found.items() if account and not account.active and side == written
    ]
    if asleep and not gone:
        side, account = asleep[0]
        shown = f"{account.number} {account.name}".strip()
        _report(
            result, Kind.ACCOUNT_INACTIVE, row, f"{shown} is inactive in {context.label(side)} (table {row.table})."
        )


def _report(result: Result, kind: Kind, row: Mapping, message: str) -> None:
    source, target = row.source_label or row.source, row.target_label or row.target
    result.add(kind, row.source, row.source_key or row.source, source, target, message)


def compare_vendors(context: FlowContext, result: Result, *, every: bool = False) -> None:
    """Linked vendors exist on both sides, are active on both or on neither, and have one name.

    A pair that people mapped by hand may have two names. With `every` an active vendor of the source must be linked.
    """
    rows = Link.objects.filter(flow__integration=context.integration, flow__name="vendors")
    links = dict(rows.values_list("source_key", "target_id").iterator())
    by_hand = Mapping.objects.filter(integration=context.integration, table=MappingTable.VENDORS)
    mapped = set(by_hand.values_list("source_key", flat=True))
    ours, alone = _vendors(context, result, "source", set(links))
    theirs, others = _vendors(context, result, "target", set(links.values()))
    result.compared["vendors"] = len(links)
    result.compared["unmatched_target_vendors"] = len(others)
    result.unmatched += [{"kind": "vendor", "key": key, "name": name} for key, name in sorted(others.items())]
    here, there = context.label("source"), context.label("target")
    for key, target_id in sorted(links.items()):
        mine, their = ours.get(key), theirs.get(target_id)
        name = (mine or their or Known("")).name
        pair = (name, key, mine.name if mine else "", their.name if their else "")
        if mine is None or their is None:
            gone = f"{here} no longer has vendor {key}" if mine is None else f"{there} no longer has vendor {target_id}"
            result.add(Kind.VENDOR_MISSING, *pair, f"{gone}, which is linked.")
            continue
        if mine.active != their.active:
            result.add(Kind.VENDOR_INACTIVE, *pair, f"The vendor is inactive in {there if mine.active else here} only.")
        if not _one_name(context, mine, their, target_id) and key not in mapped:
            result.add(Kind.VENDOR_NAME, *pair, f"Vendor {key} is {mine.name} in {here} and {their.name} in {there}.")
    if every:
        _report_alone(context, result, alone)


def _report_alone(context: FlowContext, result: Result, alone: dict[str, str]) -> None:
    here, there = context.label("source"), context.label("target")
    deliveries = latest(context.integration, "vendors", alone.keys())
    result.compared["vendors"] += len(alone)
    for key, name in sorted(alone.items()):
        message = f"Vendor {name} of {here} is not in {there}. {why(deliveries.get(key))}"
        result.add(Kind.VENDOR_MISSING, name, key, name, "", message)


@dataclass(frozen=True, slots=True)
class Known:
    name: str
    active: bool = True
    reference: str = ""


def _one_name(context: FlowContext, mine: Known, their: Known, target_id: str) -> bool:
    """As far as the other side can hold it; vendors that share a number need not share a name."""
    limit = context.side("target").capabilities.limits.get("vendor.name", len(mine.name))
    if mine.reference and mine.reference.strip().upper() == target_id.upper():
        return True
    return match_name(mine.name[:limit]) == match_name(their.name)


def _vendors(
    context: FlowContext, result: Result, side: str, wanted: set[str]
) -> tuple[dict[str, Known], dict[str, str]]:
    """The wanted vendors, and the names of the other active ones."""
    found: dict[str, Known] = {}
    others: dict[str, str] = {}
    for page in context.side(side).read_vendors(None):
        result.unreadable(page.bad, context.label(side))
        vendors: Iterable[Vendor] = page.records
        for vendor in vendors:
            active = vendor.status not in (VendorStatus.INACTIVE, VendorStatus.FROZEN)
            if vendor.key in wanted:
                found[vendor.key] = Known(vendor.name, active, vendor.reference)
            elif active:
                others[vendor.key] = vendor.name
        result.read("vendors", len(found) + len(others))
    return found, others
