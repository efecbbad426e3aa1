"""What a provision file asks for, checked. None means: not in the file, leave it as it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any


@dataclass(frozen=True, slots=True)
class TenantPlan:
    slug: str
    name: str | None = None
    time_zone: str | None = None
    currency: str | None = None


@dataclass(frozen=True, slots=True)
class UserPlan:
    username: str
    role: str
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class ConnectionPlan:
    name: str
    system: str
    base_url: str
    settings: dict[str, Any] | None = None
    credentials: dict[str, str] | None = field(default=None, repr=False)
    tls: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class FlowPlan:
    every: int | None = None  # seconds
    enabled: bool | None = None


@dataclass(frozen=True, slots=True)
class IntegrationPlan:
    name: str
    recipe: str
    source: str
    target: str
    start_date: date | None = None
    settings: dict[str, Any] | None = None
    flows: dict[str, FlowPlan] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Row:
    """A mapping row and where it stands in the file."""

    source: str
    target: str
    path: str = field(default="", compare=False)
    department: str = ""
    location: str = ""

    @property
    def rule(self) -> tuple[str, str, str]:
        """What tells the row from the others of its table."""
        return self.source, self.department, self.location


@dataclass(frozen=True, slots=True)
class Plan:
    """`mappings` by integration, then by table: the rows that replace the table's."""

    tenant: TenantPlan
    users: tuple[UserPlan, ...] = ()
    connections: tuple[ConnectionPlan, ...] = ()
    integrations: tuple[IntegrationPlan, ...] = ()
    mappings: dict[str, dict[str, tuple[Row, ...]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Known:
    """What is there already: users, systems by connection, and of each integration the recipe and the names of its
    source and target connection."""

    users: frozenset[str] = frozenset()
    connections: Mapping[str, str] = field(default_factory=dict)
    integrations: Mapping[str, tuple[str, str, str]] = field(default_factory=dict)
