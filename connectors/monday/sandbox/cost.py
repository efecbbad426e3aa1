"""What a document asks for, before it is executed: its root fields, its boards, its complexity (docs: monday 4.3).

The price list is the contract's model [assumed]: 10 points a document, 10,000 for a write to an item, 30,000 for
a board, column or group, and for reads one point a row and one more for each column asked of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    value_from_ast_untyped,
)

DOCUMENT = 10
ITEM_WRITE, STRUCTURE_WRITE = 10_000, 30_000
STRUCTURE = {"create_board", "create_column", "create_group", "duplicate_board", "duplicate_group"}
PAGES = {"items_page", "items_page_by_column_values", "next_items_page"}
DEFAULT_LIMIT = 25
ALL_COLUMNS = 10  # of an item whose `column_values` are asked for without ids


@dataclass(frozen=True)
class RootField:
    name: str
    alias: str
    arguments: dict[str, Any]


@dataclass(frozen=True)
class Asked:
    """`kind`: "query" or "mutation"."""

    kind: str
    fields: tuple[RootField, ...]
    cost: int

    @property
    def names(self) -> list[str]:
        return [each.name for each in self.fields]

    @property
    def only_complexity(self) -> bool:
        return set(self.names) == {"complexity"}

    @property
    def introspects(self) -> bool:
        return any(name in ("__schema", "__type") for name in self.names)


def asked(document: DocumentNode, operation: OperationDefinitionNode, variables: dict[str, Any]) -> Asked:
    reader = _Reader(document, variables)
    nodes = list(reader.fields(operation.selection_set))
    fields = tuple(RootField(each.name.value, reader.alias(each), reader.arguments(each)) for each in nodes)
    kind = operation.operation.value
    if kind == "mutation":
        cost = sum(0 if each.name == "complexity" else _write_cost(each.name) for each in fields)
    else:
        cost = reader.read_cost(operation.selection_set, 1)
    return Asked(kind, fields, DOCUMENT + cost)


def _write_cost(name: str) -> int:
    return STRUCTURE_WRITE if name in STRUCTURE else ITEM_WRITE


class _Reader:
    def __init__(self, document: DocumentNode, variables: dict[str, Any]) -> None:
        self.variables = variables
        self.fragments = {
            each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)
        }

    def fields(self, selection: SelectionSetNode | None) -> Iterator[FieldNode]:
        for node in selection.selections if selection else ():
            if isinstance(node, FieldNode):
                yield node
            elif isinstance(node, InlineFragmentNode):
                yield from self.fields(node.selection_set)
            elif isinstance(node, FragmentSpreadNode):
                yield from self.fields(self.fragments[node.name.value].selection_set)

    def alias(self, node: FieldNode) -> str:
        return node.alias.value if node.alias else node.name.value

    def arguments(self, node: FieldNode) -> dict[str, Any]:
        return {each.name.value: value_from_ast_untyped(each.value, self.variables) for each in node.arguments or ()}

    def read_cost(self, selection: SelectionSetNode | None, times: int) -> int:
        total = 0
        for node in self.fields(selection):
            name, arguments = node.name.value, self.arguments(node)
            limit = _number(arguments.get("limit"))
            if name in PAGES:
                total += times * limit * (1 + self.columns(node.selection_set))
            elif name == "items":
                rows = min(limit, _length(arguments.get("ids"), limit))
                total += times * rows * (1 + self.columns(node.selection_set))
            elif name == "boards":
                total += self.read_cost(node.selection_set, min(limit, _length(arguments.get("ids"), limit)))
            elif name != "column_values":
                total += self.read_cost(node.selection_set, times)
        return total

    def columns(self, selection: SelectionSetNode | None) -> int:
        """How many column values are asked of each row below."""
        count = 0
        for node in self.fields(selection):
            if node.name.value == "column_values":
                count += _length(self.arguments(node).get("ids"), ALL_COLUMNS)
            else:
                count += self.columns(node.selection_set)
        return count


def _number(value: Any) -> int:
    return value if isinstance(value, int) else DEFAULT_LIMIT


def _length(value: Any, default: int) -> int:
    return len(value) if isinstance(value, list) else default
