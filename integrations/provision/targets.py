"""Whether the systems know what the file's mapping rows name, asked of the systems themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from connectors.clock import Clock
from connectors.domain import Account, Vendor, VendorStatus
from connectors.errors import ConnectorError, Transient
from integrations.engine.context import SYSTEMS, open_connector
from integrations.fields import KeyMissing
from integrations.mapping.names import Directory, Entry
from integrations.models import Connection, Integration, ReferenceKind
from integrations.recipes import RECIPES
from integrations.recipes.base import Side

from .plan import Plan, Row

PATIENCE = 10  # seconds for an answer: somebody waits at the terminal

#: Reference data by connection name and kind.
Shown = dict[tuple[str, ReferenceKind], Sequence[Account | Vendor]]

_READERS: dict[ReferenceKind, Callable[[Any], Sequence[Account | Vendor]]] = {
    ReferenceKind.ACCOUNT: lambda connector: _all(connector.read_accounts(None)),
    ReferenceKind.BANK: lambda connector: connector.read_banks(),
    ReferenceKind.DEPARTMENT: lambda connector: _all(connector.read_departments(None)),
    ReferenceKind.LOCATION: lambda connector: _all(connector.read_locations(None)),
    ReferenceKind.VENDOR: lambda connector: _all(connector.read_vendors(None)),
}


def look(plan: Plan, clock: Clock) -> tuple[Shown, list[str]]:
    """What the systems show of the kinds that the file's mappings name, and a remark for all that they did not show.

    Reads over the network: call it outside of any transaction.
    """
    shown: Shown = {}
    remarks: list[str] = []
    for name, kinds in _wanted(plan).items():
        try:
            _read(plan, name, kinds, clock, shown, remarks)
        except KeyMissing:
            why = "the stored credentials cannot be opened with FERNET_KEYS."
            remarks.append(f"{name}: {why} Its mapping rows are resolved in the first sync.")
        except ConnectorError as error:
            remarks.append(f"{name}: {error.message} Its mapping rows are resolved in the first sync.")
    return shown, remarks


def verify(plan: Plan, shown: Shown) -> list[str]:
    """The targets that the systems do not know, or that could mean several things, with their paths."""
    systems = _systems(plan)
    directories = {
        (name, kind): Directory(SYSTEMS[systems[name]].label, kind.label, map(_entry, records))
        for (name, kind), records in shown.items()
    }
    errors = []
    for row, ends in _rows(plan):
        name, side = ends["target"]
        if side.kind is not None and row.target not in side.words and (name, side.kind) in directories:
            problem = directories[name, side.kind].find(row.target).problem
            if problem:
                errors.append(f"{row.path}.target: {problem}")
    return errors


def _rows(plan: Plan) -> Iterator[tuple[Row, dict[str, tuple[str, Side]]]]:
    """Each mapping row with the connection and the side that each of its columns belongs to."""
    for name, tables in plan.mappings.items():
        recipe, connections = _integration(plan, name)
        for table, rows in tables.items():
            spec = recipe.table(table)
            assert spec is not None
            ends = {column: (connections.get(side.side, ""), side) for column, side in spec.ends().items()}
            yield from ((row, {column: end for column, end in ends.items() if getattr(row, column)}) for row in rows)


def _integration(plan: Plan, name: str) -> tuple[Any, dict[str, str]]:
    """The recipe of an integration, and its connections by side."""
    for each in plan.integrations:
        if each.name == name:
            return RECIPES[each.recipe], {"source": each.source, "target": each.target}
    row = Integration.objects.get(tenant__slug=plan.tenant.slug, name=name)
    names = dict(row.tenant.connections.values_list("pk", "name"))
    return RECIPES[row.recipe], {"source": names[row.source_id], "target": names[row.target_id]}


def _wanted(plan: Plan) -> dict[str, set[ReferenceKind]]:
    wanted: dict[str, set[ReferenceKind]] = {}
    for _, ends in _rows(plan):
        for name, side in ends.values():
            if side.kind in _READERS:  # columns are looked up on the board, which the first sync finds
                wanted.setdefault(name, set()).add(side.kind)
    return wanted


def _systems(plan: Plan) -> dict[str, str]:
    stored = Connection.objects.filter(tenant__slug=plan.tenant.slug).values_list("name", "system")
    return {**dict(stored), **{each.name: each.system for each in plan.connections}}


def _read(plan: Plan, name: str, kinds: set[ReferenceKind], clock: Clock, shown: Shown, remarks: list[str]) -> None:
    """Each kind on its own: a user without the right to one of them may well read the others."""
    connector = open_connector(_draft(plan, name), clock=clock)
    try:
        connector.begin_run()
        for kind in sorted(kinds):
            try:
                shown[name, kind] = _READERS[kind](connector)
            except Transient:  # it would not answer the next question either
                raise
            except ConnectorError as error:
                why = f"cannot be read. {error.message}"
                remarks.append(f"{name}: {kind.label}s {why} Their mapping rows are resolved in the first sync.")
    finally:
        connector.close()


def _draft(plan: Plan, name: str) -> Connection:
    """The connection as it will be, not saved."""
    draft = Connection.objects.filter(tenant__slug=plan.tenant.slug, name=name).defer("credentials").first()
    planned = next((each for each in plan.connections if each.name == name), None)
    if draft is None:
        draft = Connection(name=name)
    if planned is not None:
        draft.system, draft.base_url = planned.system, planned.base_url
        for member in ("settings", "credentials", "tls"):
            if getattr(planned, member) is not None:
                setattr(draft, member, getattr(planned, member))
    draft.settings = {**draft.settings, "request_timeout": PATIENCE}
    return draft


def _all(pages: Any) -> list[Any]:
    return [record for page in pages for record in page.records]


def _entry(record: Account | Vendor) -> Entry:
    active = record.status is not VendorStatus.INACTIVE if isinstance(record, Vendor) else record.active
    return Entry(record.key, record.number, record.name, active)
