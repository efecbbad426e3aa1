"""The file's connections: addresses, settings, credentials and TLS, by what the registry says of each system."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from connectors.errors import ConfigurationError
from connectors.ports import ConnectionSpec, Tls
from connectors.tls import pool_options
from connectors.transport import require_safe_scheme
from integrations.engine.context import SYSTEMS, Field, System, open_connector
from integrations.models import Connection

from .node import Node
from .plan import ConnectionPlan, Known

LONGEST_SECRET = 20_000
ASK_FOR_WSDL = ("wsdl", "singleWsdl")  # a web service's address may be given as that of its description


def read_connection(name: str, node: Node, known: Known) -> ConnectionPlan | None:
    """One connection, None when its system is not known."""
    node.only(("system", "base_url", "settings", "credentials", "tls"))
    system = SYSTEMS.get(node.child("system").choice(SYSTEMS, "system"))
    if system is None:
        return None
    exists = name in known.connections
    if exists and known.connections[name] != system.name:
        node.child("system").error(f"is {known.connections[name]} and cannot become {system.name}: use another name")
    settings = credentials = tls = None
    if "settings" in node or not exists:
        settings = _fields(node.child("settings"), system.settings, "setting")
    if "credentials" in node or not exists:
        credentials = _credentials(node.child("credentials"), system)
    if "tls" in node or not exists:
        tls = _tls(node.child("tls"))
    plan = ConnectionPlan(name, system.name, _base_url(node.child("base_url")), settings, credentials, tls)
    _try_tls(node, plan)
    if settings is not None and credentials is not None and not node.reading.errors:
        _try_settings(node, plan)
    return plan


def _base_url(node: Node) -> str:
    url = node.text(required=True, longest=500)
    return url.rstrip("/") if url and _safe(node, url) else ""


def _safe(node: Node, url: str, queries: tuple[str, ...] = ()) -> bool:
    """Whether credentials may be sent there. `queries`: what may follow the path."""
    try:
        require_safe_scheme(url)
        parts = urlsplit(url)
        usable = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ConfigurationError as error:
        node.error(error.message)
        return False
    except ValueError:
        usable = False
    if not usable:
        node.error("is not a web address")
    elif "@" in parts.netloc:
        node.error("holds a user name or password; they belong under credentials")
    elif (parts.query and parts.query not in queries) or parts.fragment:
        node.error("must end with the path")
    else:
        return True
    return False


def _credentials(node: Node, system: System) -> dict[str, str]:
    values: dict[str, str] = _fields(node, system.credentials, "credential")
    missing = system.missing_credentials(values)
    if missing and not any(error.startswith(node.path) for error in node.reading.errors):
        node.error(missing)
    return values


def _fields(node: Node, fields: tuple[Field, ...], what: str) -> dict[str, Any]:
    """The members that have a value, by the registry's description of them."""
    node.only([field.name for field in fields], what)
    values = {field.name: _field(node.child(field.name), field) for field in fields}
    return {name: value for name, value in values.items() if value not in (None, "")}


def _field(node: Node, field: Field) -> Any:
    if field.required and node.value in (None, ""):
        return node.error("missing")
    if field.kind == "bool":
        return node.boolean()
    if field.kind == "number":
        return node.number()
    if field.kind == "choice":
        return node.choice(field.choices, "choice") if node.value is not None else None
    if field.kind == "pem":
        return node.pem()
    if field.kind == "map":
        return {name: child.text(required=True, pattern=field.pattern) for name, child in node.items()} or None
    text = node.text(required=field.required, pattern=field.pattern, longest=LONGEST_SECRET)
    if text and field.kind == "url" and not _safe(node, text, ASK_FOR_WSDL):
        return None
    return text


def _tls(node: Node) -> dict[str, Any]:
    node.only(("verify", "ca_bundle", "pin_sha256"))
    verify = node.child("verify").boolean()
    values = {
        "verify": False if verify is False else None,
        "ca_bundle": node.child("ca_bundle").pem(),
        "pin_sha256": node.child("pin_sha256").text(),
    }
    return {name: value for name, value in values.items() if value not in (None, "")}


def _try_tls(node: Node, plan: ConnectionPlan) -> None:
    """The certificates and the pin, read the way a connection would read them."""
    tls = Tls(**plan.tls) if plan.tls else Tls()
    try:
        pool_options(ConnectionSpec(plan.name, plan.name, plan.system, "", {}, plan.credentials or {}, tls))
    except ConfigurationError as error:
        node.child("tls").error(f"{error.message} {error.fix}".strip())


def _try_settings(node: Node, plan: ConnectionPlan) -> None:
    """Settings and credentials, read the way a connection would read them; calls nobody."""
    connection = Connection(
        name=plan.name,
        system=plan.system,
        base_url=plan.base_url,
        settings=plan.settings,
        credentials=plan.credentials,
        tls=plan.tls or {},
    )
    try:
        open_connector(connection).close()
    except ConfigurationError as error:
        node.child("settings").error(f"{error.message} {error.fix}".strip())
