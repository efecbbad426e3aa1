"""What this site's Web API knows: property names out of `$metadata`, read once a day (docs: sage300 1, 11).

Names differ between releases and sites, so what is not certain is looked up. A site that does not describe itself
is tolerated: then nothing is known, which is not the same as "has no such property".
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from xml.etree import ElementTree

from ..errors import BadAnswer, ConfigurationError, Rejected
from ..ports import Host
from .client import Client

LIFE = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Schema:
    """Property names by path: `APInvoiceBatches`, `APInvoiceBatches/Invoices`."""

    names: Mapping[str, frozenset[str]]

    def knows(self, path: str, name: str) -> bool | None:
        """Whether the property exists; None when the site does not say."""
        return name in self.names[path] if path in self.names else None


def read_schema(client: Client, host: Host, module: str, paths: Iterable[str]) -> Schema:
    """The property names of these entities and of their collections, from the store or the site.

    Raises what tells that the module cannot be used at all: ConfigurationError (but a missing description),
    Transient.
    """
    wanted = set(paths)
    key = f"sage300:{client.config.identity}:metadata:{module}"
    stored = host.store.get(key)
    if stored and host.clock.now() - stored[1] < LIFE:
        known = json.loads(stored[0])
        if wanted <= known.keys():
            return _schema(known)
        wanted |= known.keys()
    try:
        found = property_names(client.metadata(module), wanted)
    except (BadAnswer, Rejected):
        found = {}
    except ConfigurationError as error:
        if error.status != 404:
            raise
        found = {}
    known = {path: sorted(found[path]) if path in found else None for path in sorted(wanted)}
    host.store.put(key, json.dumps(known))
    return _schema(known)


def _schema(known: Mapping[str, list[str] | None]) -> Schema:
    return Schema({path: frozenset(names) for path, names in known.items() if names is not None})


def property_names(edmx: bytes, paths: Iterable[str]) -> dict[str, frozenset[str]]:
    """The names at each path that the document describes; empty when it is no EDMX.

    A path is an entity set, followed by properties that hold complex types or collections of them.
    """
    if b"<!DOCTYPE" in edmx:  # an EDMX has none, and entities could be declared to explode
        return {}
    try:
        root = ElementTree.fromstring(edmx)  # noqa: S314
    except ElementTree.ParseError:
        return {}
    model = _Model(root)
    found = {path: model.properties(path) for path in paths}
    return {path: names for path, names in found.items() if names is not None}


class _Model:
    """Types are kept by their name without namespace: one module uses each name once."""

    def __init__(self, root: ElementTree.Element) -> None:
        self._types: dict[str, dict[str, str]] = {}  # type -> property -> its type
        self._bases: dict[str, str] = {}
        self._sets: dict[str, str] = {}
        for element in root.iter():
            kind, name = element.tag.rpartition("}")[2], element.get("Name", "")
            if kind in ("EntityType", "ComplexType"):
                self._bases[name] = _bare(element.get("BaseType", ""))
                self._types[name] = {
                    each.get("Name", ""): _bare(each.get("Type", ""))
                    for each in element
                    if each.tag.rpartition("}")[2] in ("Property", "NavigationProperty")
                }
            elif kind == "EntitySet":
                self._sets[name] = _bare(element.get("EntityType", ""))

    def properties(self, path: str) -> frozenset[str] | None:
        entity, *inner = path.split("/")
        kind = self._sets.get(entity, "")
        for name in inner:
            kind = self._all(kind).get(name, "")
        return frozenset(self._all(kind)) if kind in self._types else None

    def _all(self, kind: str) -> dict[str, str]:
        """With those of the types it extends."""
        found: dict[str, str] = {}
        visited: set[str] = set()
        while kind in self._types and kind not in visited:
            visited.add(kind)
            found = {**self._types[kind], **found}
            kind = self._bases[kind]
        return found


def _bare(name: str) -> str:
    """`Collection(Sage.AP.Invoice)` -> `Invoice`"""
    return name.removeprefix("Collection(").removesuffix(")").rpartition(".")[2]
