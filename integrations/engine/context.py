"""From rows to running things: connectors from connections, and all a flow needs to decide.

The only place that resolves the registry.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from functools import cached_property, partial
from importlib import import_module
from typing import Any

from connectors.clock import Clock, SystemClock
from connectors.errors import ConfigurationError, ConnectorError
from connectors.ports import ConnectionSpec, Connector, Exchange, Host, Tls
from connectors.registry import SYSTEMS, Field, System, build, load
from integrations.models import Connection, Flow, Hint, Integration

from .books import LinkBook, MappingBook, ReferenceBook
from .store import DatabaseStore

__all__ = [
    "RELATED",
    "SYSTEMS",
    "ConnectorPool",
    "Field",
    "FlowContext",
    "System",
    "flows_in_use",
    "in_use",
    "load",
    "open_connector",
    "recipe_of",
    "spec_of",
    "webhook_functions",
]


#: What a run needs of a flow's surroundings, for `select_related`.
RELATED = ("integration__tenant", "integration__source__tenant", "integration__target__tenant")


def spec_of(connection: Connection) -> ConnectionSpec:
    tls = connection.tls or {}
    return ConnectionSpec(
        key=str(connection.uuid),
        name=f"{connection.tenant.slug}/{connection.name}" if connection.tenant_id else connection.name,
        system=connection.system,
        base_url=connection.base_url,
        settings=connection.settings or {},
        credentials={name: value for name, value in (connection.credentials or {}).items() if value},
        tls=Tls(
            verify=bool(tls.get("verify", True)),
            ca_bundle=tls.get("ca_bundle") or "",
            pin_sha256=tls.get("pin_sha256") or "",
        ),
    )


def open_connector(
    connection: Connection,
    *,
    clock: Clock | None = None,
    on_exchange: Callable[[Exchange], None] | None = None,
    settings: Mapping[str, Any] | None = None,
) -> Connector:
    """The connector of a connection (saved or not), with `settings` over its own. Raises ConfigurationError."""
    clock = clock or SystemClock()
    host = Host(clock=clock, store=DatabaseStore(clock), on_exchange=on_exchange or (lambda exchange: None))
    if connection.system not in SYSTEMS:
        raise ConfigurationError(f"Unknown system {connection.system!r}; known: {', '.join(SYSTEMS)}", step="settings")
    spec = spec_of(connection)
    return build(replace(spec, settings={**spec.settings, **(settings or {})}), host)


def recipe_of(integration: Integration) -> Any:
    """The recipe (integrations.recipes.base.Recipe) of an integration."""
    from integrations.recipes import RECIPES  # recipes import the engine's vocabulary

    return RECIPES[integration.recipe]


def in_use(flow: Flow) -> bool:
    """Whether the integration's settings call for the flow: a recipe may make one depend on a setting."""
    from integrations.recipes import RECIPES

    integration = flow.integration
    recipe = RECIPES.get(integration.recipe)
    setting = next((spec.setting for spec in recipe.flows if spec.name == flow.name), "") if recipe else ""
    return not (recipe and setting) or bool({**recipe.defaults(), **(integration.settings or {})}[setting])


def flows_in_use(flows: Iterable[Flow]) -> list[Flow]:
    """Those of `flows` that their integrations' settings call for. Select `integration` with them."""
    return [flow for flow in flows if in_use(flow)]


def webhook_functions(system: str) -> Any:
    """The system's `webhooks` module (verify, parse). Raises KeyError when it has none."""
    if system not in SYSTEMS:
        raise KeyError(system)
    try:
        return import_module(f"connectors.{system}.webhooks")
    except ModuleNotFoundError as error:
        raise KeyError(system) from error


class ConnectorPool:
    """The connectors of a run or a manual sync: opened once, checked once, requests counted per system."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.requests: Counter[str] = Counter()
        self.last: Connection | None = None
        self._open: dict[int, Connector] = {}
        self._refused: dict[int, ConnectorError] = {}
        self._lock = threading.Lock()

    def get(self, connection: Connection, settings: Mapping[str, Any] | None = None) -> Connector:
        """Opened, with `settings` over its own, and ready to run: company, session and rights have been checked.

        Raises ConnectorError; what failed once fails for all flows of the run, so that a refused login is not
        tried again by each.
        """
        if connection.pk not in self._open:
            self.last = connection
            if connection.pk in self._refused:
                raise self._refused[connection.pk]
            try:
                counted = partial(self._count, connection)
                opened = open_connector(connection, clock=self.clock, on_exchange=counted, settings=settings)
                opened.begin_run()
            except ConnectorError as error:
                self._refused[connection.pk] = error
                raise
            self._open[connection.pk] = opened
        return self._open[connection.pk]

    def close(self) -> None:
        for connector in self._open.values():
            connector.close()
        self._open.clear()

    def _count(self, connection: Connection, exchange: Exchange) -> None:
        with self._lock:
            self.last = connection  # whom an error that follows is about
            self.requests[exchange.system] += 1


class FlowContext:
    """All that a flow's policy may see: both sides, books, settings, time. No vendor names."""

    def __init__(
        self,
        flow: Flow,
        pool: ConnectorPool,
        *,
        full: bool = False,
        whole: bool = False,
        preview: bool = False,
        books: dict[Any, Any] | None = None,
    ) -> None:
        self.flow = flow
        self.integration = flow.integration
        self.recipe = recipe_of(self.integration)
        self.spec = self.recipe.flow(flow.name)
        self.pool = pool
        self.clock = pool.clock
        self.full = full
        self.whole = whole  # full because a person asked to read everything again, not because a day has passed
        self.preview = preview
        self._books: dict[Any, Any] = {} if books is None else books
        self.demands: dict[str, set[str]] = {}
        self.reference_changes = 0
        self.reports: list[tuple[str, dict[str, Any]]] = []

    # --- the two sides -----------------------------------------------------------------------------

    def connection(self, side: str) -> Connection:
        return self.integration.source if side == "source" else self.integration.target

    @property
    def reads(self) -> str:
        return str(self.spec.reads)

    @property
    def writes(self) -> str:
        return "target" if self.reads == "source" else "source"

    def side(self, side: str) -> Any:
        given = {spec.name: self.settings[spec.name] for spec in self.recipe.settings if spec.connection == side}
        return self.pool.get(self.connection(side), {name: value for name, value in given.items() if value is not None})

    @property
    def reader(self) -> Any:
        return self.side(self.reads)

    @property
    def writer(self) -> Any:
        return self.side(self.writes)

    def label(self, side: str) -> str:
        """The system's name for messages."""
        return SYSTEMS[self.connection(side).system].label

    # --- books -------------------------------------------------------------------------------------

    def references(self, side: str) -> ReferenceBook:
        connection = self.connection(side)
        key = ("references", connection.pk)
        if key not in self._books:
            self._books[key] = ReferenceBook(connection, preview=self.preview)
        book: ReferenceBook = self._books[key]
        return book

    @property
    def mapping(self) -> MappingBook:
        if "mapping" not in self._books:
            self._books["mapping"] = MappingBook(self.integration)
        book: MappingBook = self._books["mapping"]
        return book

    def forget_mapping(self) -> None:
        self._books.pop("mapping", None)

    def links(self, flow_name: str | None = None) -> LinkBook:
        name = flow_name or self.flow.name
        key = ("links", name)
        if key not in self._books:
            flow = self.flow if name == self.flow.name else self.sibling(name)
            self._books[key] = LinkBook(flow)
        book: LinkBook = self._books[key]
        return book

    def sibling(self, name: str) -> Flow:
        return Flow.objects.get(integration=self.integration, name=name)

    def has_flow(self, name: str) -> bool:
        return any(spec.name == name for spec in self.recipe.flows)

    @property
    def payment_mark(self) -> str:
        """What the references of the cloud's payments begin with in the ledger."""
        return f"{self.recipe.payment_mark or self.connection('target').system}:"

    # --- settings and time -------------------------------------------------------------------------

    @cached_property
    def settings(self) -> dict[str, Any]:
        return {**self.recipe.defaults(), **(self.integration.settings or {})}

    def now(self) -> datetime:
        return self.clock.now()

    # --- asking another flow -----------------------------------------------------------------------

    def demand(self, flow_name: str, keys: Iterable[str]) -> None:
        """These records of another flow are needed: it delivers them next."""
        self.demands.setdefault(flow_name, set()).update(keys)

    def report(self, event: str, **fields: Any) -> None:
        """Something a flow saw while reading, for the audit trail."""
        self.reports.append((event, fields))

    def hint(self, flow_name: str, key: str) -> None:
        """Let another flow look at something in its next run, beyond its cursor."""
        sibling = self.sibling(flow_name)
        Hint.objects.bulk_create([Hint(flow=sibling, key=key)], ignore_conflicts=True)
        Flow.objects.filter(pk=sibling.pk, rung_at=None).update(rung_at=self.now())
