"""Every document that can be sent to monday.com, against the vendor's own schema of both versions.

`CONTRACTS_DATA` names the directory that holds them under `monday/`; they are not part of the product.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from graphql import GraphQLSchema, OperationDefinitionNode, build_schema, parse, validate
from graphql.execution.values import get_variable_values

from connectors.budget import MemoryStore
from connectors.clock import SystemClock
from connectors.domain import ItemChange, ItemDraft
from connectors.monday import documents, mapper
from connectors.monday.config import API_VERSIONS
from connectors.monday.connector import Monday
from connectors.monday.documents import Shape, batch
from connectors.ports import ConnectionSpec, Exchange, Host
from connectors.transport import Reply, Transport

FILES = {"2026-10": "schema.graphql", "2026-07": "schema-2026-07.graphql"}
CONSTANTS = {name: text for name, text in vars(documents).items() if name.isupper() and not name.startswith("_")}
BATCHES = [[*chosen, *reversed(chosen)] for count in range(1, len(Shape) + 1) for chosen in combinations(Shape, count)]


@pytest.fixture(scope="module", params=API_VERSIONS)
def schema(request) -> GraphQLSchema:
    folder = os.environ.get("CONTRACTS_DATA")
    if not folder:
        pytest.skip("CONTRACTS_DATA is not set")
    path = Path(folder) / "monday" / FILES[request.param]
    if not path.is_file():
        pytest.skip(f"{path} is missing")
    return build_schema(path.read_text())


def problems(schema: GraphQLSchema, document: str, variables: dict[str, Any] | None = None) -> Sequence[Any]:
    """What the vendor would refuse: of the document and, where given, of the variables."""
    parsed = parse(document)
    found = list(validate(schema, parsed))
    if found or variables is None:
        return found
    (operation,) = parsed.definitions
    assert isinstance(operation, OperationDefinitionNode)
    declared = {each.variable.name.value for each in operation.variable_definitions or ()}
    coerced = get_variable_values(schema, operation.variable_definitions or (), variables)
    return [*(coerced if isinstance(coerced, list) else ()), *(set(variables) - declared)]


@pytest.mark.parametrize("name", CONSTANTS)
def test_every_constant_is_valid(schema, name):
    assert not problems(schema, CONSTANTS[name])


@pytest.mark.parametrize("shapes", BATCHES, ids=lambda shapes: "-".join(shape.name for shape in shapes))
def test_every_kind_of_batch_is_valid(schema, shapes):
    assert not problems(schema, batch(shapes))


def test_nothing_that_is_used_is_deprecated(schema):
    texts = [*CONSTANTS.values(), *map(batch, BATCHES)]
    assert not any("settings_str" in text for text in texts)
    for kind in sorted(mapper.KINDS):
        assert kind in schema.type_map["ColumnType"].values


class Sent(Exception):
    pass


def test_all_that_the_ports_send_is_valid_with_its_variables(schema, monkeypatch):
    """The bodies as they would leave, whichever port is used."""
    bodies: list[dict[str, Any]] = []

    def send(self: Transport, method: str, url: str, **kwargs: Any) -> Reply:
        bodies.append(kwargs["json"])
        raise Sent

    monkeypatch.setattr(Transport, "send", send)
    spec = ConnectionSpec(
        "k", "board", "monday", "https://api.monday.com/v2", {"workspace_id": "77"}, {"api_token": "token-1"}
    )

    def listen(exchange: Exchange) -> None: ...

    monday = Monday(spec, Host(SystemClock(), MemoryStore(), listen))
    values = {
        "sage_key": ("text", "ABC|INV|01-A|1"),
        "amount": ("numbers", "1860.00"),
        "state": ("status", "Open"),
        "due": ("date", "2026-11-27"),
    }
    draft = ItemDraft("ABC|INV|01-A|1", "INV-1", values, group="topics")
    changes = [ItemChange(draft), ItemChange(draft, item_id="9100000001"), ItemChange(draft, parent="9100000001")]
    client = monday._client
    calls = [
        lambda: next(monday.ping()),
        lambda: monday.get_board("18423875018"),
        lambda: monday.find_board("Invoices"),
        lambda: monday.create_board("Invoices", "88"),
        lambda: monday.create_column("18423875018", "sage_key", "Key", "text"),
        lambda: monday.create_column("18423875018", "", "Key", "long_text"),
        lambda: monday.create_group("18423875018", "Closed"),
        lambda: monday.find_items("18423875018", "sage_key", "sage_hash", ["a", "b"]),
        lambda: monday.get_items(["9100000001"], "sage_key", "sage_hash"),
        lambda: next(monday.read_items("18423875018", "sage_key", "sage_hash", {"amount": "numbers"})),
        lambda: client.next_items("MSw5NzI4", ["sage_key"]),
        lambda: monday.write_items("18423875018", changes),
        lambda: monday.mark_items("18423875018", ["9100000001"], "closed"),
    ]
    for call in calls:
        with pytest.raises(Sent):
            call()
    assert len(bodies) == len(calls)
    for body in bodies:
        assert not problems(schema, body["query"], dict(body["variables"]))
