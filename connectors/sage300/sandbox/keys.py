"""Paths of the Web API: tenant, company, module, resource and key (docs: sage300 1)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .refusals import Refusal
from .schema import Shape

APPLICATION = "/Sage300WebApi"
# ASP.NET refuses these in a path, however they are encoded [assumed]; a slash makes another segment.
FORBIDDEN = frozenset("<>*%&:\\?")
RESOURCE = re.compile(r"(?P<name>\$?\w+)(\((?P<key>.*)\))?$", re.DOTALL)
PART = re.compile(r"\s*(?:(?P<name>\w+)=)?(?P<value>'(?:[^']|'')*'|[^',=\s]+)\s*(?:,|$)")


@dataclass(frozen=True)
class Address:
    company: str
    module: str
    resource: str
    key: str | None


def parse_path(path: str) -> Address | None:
    """The parts of a decoded path, None when it is no address of the versioned API."""
    parts = path.removeprefix(APPLICATION).split("/")
    if not path.startswith(APPLICATION + "/") or len(parts) != 6:
        return None
    _, version, tenant, company, module, resource = parts
    found = RESOURCE.match(resource)
    if version.lower() != "v1.0" or tenant != "-" or found is None:
        return None
    return Address(company, module, found["name"], found["key"])


def parse_key(text: str, shape: Shape) -> tuple[str | int, ...]:
    """`'1200'`, `58`, `A='x',B=1` in any order, or values alone in the order of `$metadata`.

    Raises Refusal InvalidEntityKey.
    """
    wrong = Refusal("InvalidEntityKey", "key", what=text)
    parts, at = [], 0
    while at < len(text):
        match = PART.match(text, at)
        if match is None:
            raise wrong
        parts.append((match["name"], match["value"]))
        at = match.end()
    named = {name: value for name, value in parts if name}
    if len(parts) != len(shape.keys) or (named and named.keys() != set(shape.keys)):
        raise wrong
    values = [named[name] for name in shape.keys] if named else [value for _, value in parts]
    return tuple(_part(shape, name, value, wrong) for name, value in zip(shape.keys, values, strict=True))


def _part(shape: Shape, name: str, value: str, wrong: Refusal) -> str | int:
    field, quoted = shape.fields[name], value.startswith("'")
    text = value[1:-1].replace("''", "'") if quoted else value
    if field.kind == "int":
        if quoted or not text.isdigit():
            raise wrong
        return int(text)
    return text.upper() if field.mask != "t" else text
