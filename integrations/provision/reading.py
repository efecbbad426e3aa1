"""YAML as plain texts, lists and dictionaries; nothing in the file is ever more than that.

A scalar is the text that was written: an account number `0040` stays four characters, a company code `001` three.
Only an empty value, `null` and `~` are None. Tags, anchors, aliases and duplicate keys are refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import yaml

LARGEST = 5 * 1024 * 1024  # bytes: some 50,000 mapping rows
DEEPEST = 20  # levels

Tree = Any  # dict[str, Tree] | list[Tree] | str | None

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
# A `}` would end a YAML flow mapping: while YAML is parsed, ${NAME} is written with private characters instead.
_OPEN, _CLOSE = "\ue000", "\ue001"
_HIDDEN = re.compile(f"{_OPEN}{_OPEN}([A-Za-z0-9_]+){_CLOSE}")

_PLAIN = {"tag:yaml.org,2002:str", "tag:yaml.org,2002:null", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"}
_NULL = "tag:yaml.org,2002:null"


class Unreadable(Exception):
    """The file is no YAML of the allowed kind; the message says where."""


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Composes nodes; no scalar is anything but text, save an empty one and `null`."""

    yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag == _NULL]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def read(raw: bytes) -> Tree:
    """The tree of the file's one document. `${NAME}` is still in its texts. Raises Unreadable."""
    if len(raw) > LARGEST:
        raise Unreadable(f"the file is larger than {LARGEST // 2**20} MiB")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable(f"the file is not UTF-8 (byte {error.start})") from None
    if _OPEN in text or _CLOSE in text:
        raise Unreadable("the file holds characters of the private use area")
    hidden = _VARIABLE.sub(rf"{_OPEN}{_OPEN}\1{_CLOSE}", text)
    try:
        _require_harmless(hidden)
        node = yaml.compose(hidden, Loader=_Loader)
        return None if node is None else _plain(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise Unreadable(f"{where}{_shown(error.problem or error.context or 'not YAML')}") from None
    except yaml.YAMLError as error:
        raise Unreadable(_shown(str(error))) from None


def fill(text: str, environ: Mapping[str, str]) -> tuple[str, list[str]]:
    """`text` with `${NAME}` replaced from the environment, and the names that are not set there."""
    missing = [name for name in _VARIABLE.findall(text) if name not in environ]
    return _VARIABLE.sub(lambda found: environ.get(found[1], ""), text), missing


def _require_harmless(text: str) -> None:
    """Before anything is built: by aliases a short file can describe an endless one, and composing recurses."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        line = _line(event)
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise Unreadable(f"line {line}: anchors and aliases (& and *) are not supported; write the value again")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise Unreadable(f"line {line}: nested more than {DEEPEST} levels deep")


def _plain(node: yaml.Node) -> Tree:
    line = _line(node)
    if node.tag not in _PLAIN:
        raise Unreadable(f"line {line}: tags ({_shown(node.tag)}) are not supported")
    if isinstance(node, yaml.MappingNode):
        return _mapping(node)
    if isinstance(node, yaml.SequenceNode):
        return [_plain(each) for each in node.value]
    return None if node.tag == _NULL else _shown(node.value)


def _mapping(node: yaml.MappingNode) -> dict[str, Tree]:
    result: dict[str, Tree] = {}
    for key_node, value_node in node.value:
        line = _line(key_node)
        key = _plain(key_node)
        if not isinstance(key, str):
            raise Unreadable(f"line {line}: a name was expected before the colon")
        if key in result:
            raise Unreadable(f"line {line}: '{key}' is given twice")
        result[key] = _plain(value_node)
    return result


def _line(part: Any) -> int:
    return int(part.start_mark.line) + 1


def _shown(text: str) -> str:
    return _HIDDEN.sub(r"${\1}", text)
