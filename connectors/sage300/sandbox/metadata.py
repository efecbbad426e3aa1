"""`$metadata` of a module: OData 4.0 EDMX made from the shapes (docs: sage300 1)."""

from __future__ import annotations

from xml.etree.ElementTree import Element, SubElement, tostring

from .schema import ENUMS, SHAPES, Field, Shape

EDM = "http://docs.oasis-open.org/odata/ns/edm"
EDMX = "http://docs.oasis-open.org/odata/ns/edmx"
TYPES = {
    "text": "Edm.String",
    "int": "Edm.Int32",
    "number": "Edm.Decimal",
    "date": "Edm.DateTimeOffset",
    "flag": "Edm.Boolean",
}


def edmx(module: str) -> bytes:
    space = f"Sage.CA.SBS.ERP.Sage300.{module}.WebApi.Models"
    root = Element("edmx:Edmx", {"Version": "4.0", "xmlns:edmx": EDMX})
    schema = SubElement(SubElement(root, "edmx:DataServices"), "Schema", {"Namespace": space, "xmlns": EDM})
    sets = {name: shape for name, shape in SHAPES.items() if shape.verbs and name.startswith(module)}
    seen: dict[str, Shape] = {}
    for shape in sets.values():
        _collect(shape, seen)
    for name, shape in seen.items():
        _type(schema, space, name, shape, entity=name in sets)
    for enum in sorted({field.enum for shape in seen.values() for field in shape.fields.values() if field.enum}):
        node = SubElement(schema, "EnumType", {"Name": enum})
        for member, number in ENUMS[enum].items():
            SubElement(node, "Member", {"Name": member, "Value": str(number)})
    container = SubElement(schema, "EntityContainer", {"Name": "Container"})
    for name in sets:
        SubElement(container, "EntitySet", {"Name": name, "EntityType": f"{space}.{name}"})
    return b'<?xml version="1.0" encoding="utf-8"?>' + tostring(root)


def _collect(shape: Shape, seen: dict[str, Shape]) -> None:
    seen[shape.name] = shape
    for detail in shape.details.values():
        _collect(detail, seen)


def _type(schema: Element, space: str, name: str, shape: Shape, entity: bool) -> None:
    node = SubElement(schema, "EntityType" if entity else "ComplexType", {"Name": name})
    if entity and shape.keys:
        key = SubElement(node, "Key")
        for each in shape.keys:
            SubElement(key, "PropertyRef", {"Name": each})
    for field in shape.fields.values():
        SubElement(node, "Property", _property(field, space, field.name in shape.keys))
    for each, detail in shape.detail_names.items():
        SubElement(node, "Property", {"Name": each, "Type": f"Collection({space}.{detail})"})


def _property(field: Field, space: str, key: bool) -> dict[str, str]:
    made = {"Name": field.name, "Type": f"{space}.{field.enum}" if field.enum else TYPES[field.kind]}
    if key or field.kind in ("int", "number", "flag", "enum"):
        made["Nullable"] = "false"
    if field.length:
        made["MaxLength"] = str(field.length)
    return made
