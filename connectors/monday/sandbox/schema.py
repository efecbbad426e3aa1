"""The GraphQL schema and what is checked against it before anything is executed (docs: monday 1, 18)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    build_schema,
    get_operation_ast,
    parse,
    validate,
    value_from_ast_untyped,
)
from graphql.execution import get_variable_values

from .cost import Asked, asked
from .refusals import Refused

OWN = Path(__file__).with_name("schema.graphql")
FILES = {"2026-07": "schema-2026-07.graphql"}  # of the vendor's folder; any other version is schema.graphql


def sdl_path(folder: Path | None, version: str) -> Path:
    """The vendor's SDL of that version where its folder is known, else the small one of our own."""
    if folder is None:
        data = os.environ.get("CONTRACTS_DATA")
        folder = Path(data) / "monday" if data else None
    return OWN if folder is None else folder / FILES.get(version, "schema.graphql")


@lru_cache(maxsize=8)
def load(path: Path) -> GraphQLSchema:
    return build_schema(path.read_text(encoding="utf-8"), assume_valid=True)


@dataclass(frozen=True)
class Prepared:
    schema: GraphQLSchema
    document: DocumentNode
    name: str | None
    variables: dict[str, Any]
    asked: Asked


class Invalid(Exception):
    """The document or its variables are not valid: errors inside HTTP 200."""

    def __init__(self, errors: list[GraphQLError]) -> None:
        super().__init__(errors[0].message)
        self.errors = [{**each.formatted, "extensions": {"code": _code(each), "status_code": 200}} for each in errors]


def prepare(schema: GraphQLSchema, query: str, variables: dict[str, Any], name: str | None) -> Prepared:
    """Raises Refused for what cannot be parsed, Invalid for what does not fit the schema."""
    document = _checked(schema, query)
    operation = get_operation_ast(document, name)
    if operation is None:
        raise Invalid([GraphQLError("The operation name is unknown, or missing among several operations")])
    coerced = get_variable_values(schema, operation.variable_definitions or (), variables)
    if isinstance(coerced, list):
        raise Invalid(coerced)
    found = asked(document, operation, _defaulted(operation, variables))
    if found.introspects and not all(each.startswith("__") for each in found.names):
        raise Invalid([GraphQLError("Introspection and other fields cannot be mixed")])
    return Prepared(schema, document, name, variables, found)


@lru_cache(maxsize=512)
def _checked(schema: GraphQLSchema, query: str) -> DocumentNode:
    try:
        document = parse(query)
    except GraphQLError as error:
        raise Refused("", f"Parse error on {error.message}") from None
    errors = validate(schema, document)
    if errors:
        raise Invalid(errors)
    return document


def _defaulted(operation: OperationDefinitionNode, variables: dict[str, Any]) -> dict[str, Any]:
    defaults = {
        each.variable.name.value: value_from_ast_untyped(each.default_value)
        for each in operation.variable_definitions or ()
        if each.default_value is not None
    }
    return {**defaults, **variables}


def _code(error: GraphQLError) -> str:
    return "undefinedField" if error.message.startswith("Cannot query field") else "GRAPHQL_VALIDATION_FAILED"
