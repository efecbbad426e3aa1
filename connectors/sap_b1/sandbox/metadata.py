"""`$metadata`: the schema as EDMX, OData v3 for `/b1s/v1` and v4 for `/b1s/v2`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from xml.sax.saxutils import quoteattr

from .schema import Property, Schema

V1_OPEN = (
    '<edmx:Edmx Version="1.0" xmlns:edmx="http://schemas.microsoft.com/ado/2007/06/edmx">'
    '<edmx:DataServices m:DataServiceVersion="3.0" m:MaxDataServiceVersion="3.0"'
    ' xmlns:m="http://schemas.microsoft.com/ado/2007/08/dataservices/metadata">'
    '<Schema Namespace="SAPB1" xmlns="http://schemas.microsoft.com/ado/2009/11/edm">'
)
V2_OPEN = (
    '<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>'
    '<Schema Namespace="SAPB1" xmlns="http://docs.oasis-open.org/odata/ns/edm">'
)
CLOSE = "</Schema></edmx:DataServices></edmx:Edmx>"
V2_TYPES = {"Edm.DateTime": "Edm.DateTimeOffset", "Edm.Time": "Edm.TimeOfDay"}
Parameters = list[list[str]]


def metadata(schema: Schema, version: int) -> str:
    parts = ['<?xml version="1.0" encoding="utf-8"?>', V1_OPEN if version == 1 else V2_OPEN]
    for name, members in schema.enums.items():
        parts += [
            f"<EnumType{_names(Name=name)}>",
            *(f"<Member{_names(Name=each)}/>" for each in members),
            "</EnumType>",
        ]
    for name, properties in schema.types.items():
        parts += _type(name, schema.keys[name], properties.values(), version)
    parts += _container_v1(schema) if version == 1 else _container_v2(schema)
    return "".join([*parts, CLOSE])


def _type(name: str, key: list[str], properties: Iterable[Property], version: int) -> Iterator[str]:
    element = "EntityType" if key else "ComplexType"
    yield f"<{element}{_names(Name=name)}>"
    if key:
        yield "<Key>" + "".join(f"<PropertyRef{_names(Name=each)}/>" for each in key) + "</Key>"
    for each in properties:
        kind = _edm(f"Collection({each.type})" if each.many else each.type, version)
        yield f"<Property{_names(Name=each.name, Type=kind, **({} if each.nullable else {'Nullable': 'false'}))}/>"
    yield f"</{element}>"


def _container_v1(schema: Schema) -> Iterator[str]:
    yield '<EntityContainer Name="ServiceLayer" m:IsDefaultEntityContainer="true">'
    yield from _sets(schema)
    for name, (returns, parameters) in schema.functions.items():
        yield _function_v1(_names(Name=name), returns, parameters)
    for name, parameters, returns in schema.bound:
        yield _function_v1(_names(Name=name, IsBindable="true"), returns, parameters)
    yield "</EntityContainer>"


def _function_v1(names: str, returns: str, parameters: Parameters) -> str:
    kind = _names(ReturnType=_edm(returns, 1)) if returns else ""
    return f'<FunctionImport{names}{kind} m:HttpMethod="POST">{_parameters(parameters, 1)}</FunctionImport>'


def _container_v2(schema: Schema) -> Iterator[str]:
    for name, (returns, parameters) in schema.functions.items():
        yield _action_v2(_names(Name=name), returns, parameters)
    for name, parameters, returns in schema.bound:
        yield _action_v2(_names(Name=name, IsBound="true"), returns, parameters)
    yield '<EntityContainer Name="ServiceLayer">'
    yield from _sets(schema)
    yield from (f"<ActionImport{_names(Name=name, Action=f'SAPB1.{name}')}/>" for name in schema.functions)
    yield "</EntityContainer>"


def _action_v2(names: str, returns: str, parameters: Parameters) -> str:
    kind = f"<ReturnType{_names(Type=_edm(returns, 2))}/>" if returns else ""
    return f"<Action{names}>{_parameters(parameters, 2)}{kind}</Action>"


def _sets(schema: Schema) -> Iterator[str]:
    return (f"<EntitySet{_names(Name=name, EntityType=f'SAPB1.{info.type}')}/>" for name, info in schema.sets.items())


def _parameters(parameters: Parameters, version: int) -> str:
    return "".join(f"<Parameter{_names(Name=name, Type=_edm(kind, version))}/>" for name, kind in parameters)


def _edm(kind: str, version: int) -> str:
    inner = kind.removeprefix("Collection(").removesuffix(")")
    full = inner if inner.startswith("Edm.") else f"SAPB1.{inner}"
    full = full if version == 1 else V2_TYPES.get(full, full)
    return full if inner == kind else f"Collection({full})"


def _names(**attributes: str) -> str:
    return "".join(f" {name}={quoteattr(value)}" for name, value in attributes.items())
