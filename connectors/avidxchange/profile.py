"""A tenant's shape as data: paths, headers and field names, layer over layer. docs: avidxchange 11

A layer that names a parent in `extends` is merged over it: objects member by member, lists and values whole, and null
takes a member away. Headers of requests replace the parent's: two half sets would be none (docs: avidxchange 14.1).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ..errors import ConfigurationError
from .schema import PROFILE

SHIPPED = Path(__file__).parent / "profiles"
DEFAULT = "avidsuite-v1"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_HEADERS = re.compile(r"auth\.(.+\.)?headers")
_DEEPEST = 8  # layers; more is a circle


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource. `data` is all that the profile says of it."""

    name: str
    data: Mapping[str, Any]

    @property
    def fields(self) -> Mapping[str, str]:
        return self.table("fields")

    @property
    def filters(self) -> Mapping[str, str]:
        return self.table("filters")

    def table(self, name: str) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.data.get(name, {})
        return found

    def endpoint(self, name: str, **values: str) -> tuple[str, str]:
        """Method and path of an operation. Raises ConfigurationError where the tenant has none."""
        found = self.data.get(name)
        if not found:
            raise ConfigurationError(
                f"The profile has no {name} of {self.name.replace('_', ' ')}.",
                step="settings",
                fix="Choose another profile, or add the operation to it.",
                code="import_disabled" if name == "import" else "no_endpoint",
            )
        return found["method"], found["path"].format(**values)


class Profile:
    """A valid profile. `base_path` follows scheme and host in every address, without a slash at its end."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        """Raises ConfigurationError with every fault in it."""
        faults = list(PROFILE(data, ""))
        label = str(data.get("profile") or "without a name")
        if faults:
            raise _unusable(f"The profile {label} cannot be used: {'; '.join(faults)}")
        self.name = label
        self.base_path = urlsplit(data["base_url"].replace("{api_host}", "host")).path.rstrip("/")
        self.auth: Mapping[str, Any] = data["auth"]
        self.dates: Mapping[str, str] = data["dates"]
        self.query: Mapping[str, str] = data["query_params"]
        self.paging: Mapping[str, Any] = data["paging"]
        self.result: Mapping[str, Any] = data["write_result"]
        self.error_bodies: list[Mapping[str, str]] = data["error_bodies"]
        self.windows: Mapping[str, int] = data["windows"]
        self.resources = {name: Resource(name, each) for name, each in data["resources"].items()}

    def __getitem__(self, resource: str) -> Resource:
        return self.resources[resource]


def load(name: str, overrides: Any = None) -> Profile:
    """The profile of a shipped name or of a JSON file, with a customer's own layer over it (an object or its JSON).

    Raises ConfigurationError."""
    data = _layers(name, None, 0)
    own = _overrides(overrides)
    if own:
        data = merge(data, own)
    return Profile({name: value for name, value in data.items() if name != "extends"})


def merge(parent: Mapping[str, Any], layer: Mapping[str, Any], at: str = "") -> dict[str, Any]:
    merged = dict(parent)
    for name, value in layer.items():
        here = f"{at}.{name}" if at else name
        before = merged.get(name)
        if value is None:
            merged.pop(name, None)
        elif isinstance(value, dict):
            kept = before if isinstance(before, dict) and not _HEADERS.fullmatch(here) else {}
            merged[name] = merge(kept, value, here)
        else:
            merged[name] = value
    return merged


def _layers(name: str, beside: Path | None, depth: int) -> dict[str, Any]:
    if depth > _DEEPEST:
        raise _unusable(f"The profile {name} extends itself")
    file = _file(name, beside)
    data = _read(file)
    parent = data.get("extends")
    if parent is None:
        return merge({}, data)
    if not isinstance(parent, str):
        raise _unusable(f"The profile {name} cannot be used: extends: the name of a profile expected")
    return merge(_layers(parent, file.parent, depth + 1), data)


def _file(name: str, beside: Path | None) -> Path:
    """A name is one of those shipped with us; anything else is a file, a parent's beside the one that names it."""
    if _NAME.fullmatch(name):
        return SHIPPED / f"{name}.json"
    return (beside / name) if beside else Path(name)


def _read(file: Path) -> dict[str, Any]:
    try:
        data = json.loads(file.read_text("utf-8"))
    except OSError:
        known = ", ".join(sorted(each.stem for each in SHIPPED.glob("*.json")))
        raise _unusable(
            f"There is no profile {file.stem if file.parent == SHIPPED else file}; known: {known}"
        ) from None
    except ValueError as error:
        raise _unusable(f"The profile {file} is not JSON ({error})") from None
    if not isinstance(data, dict):
        raise _unusable(f"The profile {file} is no JSON object")
    return data


def _overrides(given: Any) -> dict[str, Any]:
    if isinstance(given, str) and given.strip():
        try:
            given = json.loads(given)
        except ValueError as error:
            raise _unusable(f"profile_overrides is not JSON ({error})") from None
    if not given:
        return {}
    if not isinstance(given, dict):
        raise _unusable("profile_overrides is no JSON object")
    return given


def _unusable(message: str) -> ConfigurationError:
    return ConfigurationError(
        message, step="settings", fix="Correct the connection's settings profile and profile_overrides."
    )
