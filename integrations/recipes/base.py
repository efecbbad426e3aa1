"""The shape of a recipe: a pairing of two systems as a table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from integrations.engine.vocabulary import FlowPolicy
from integrations.models import MappingTable, ReferenceKind

MINUTE = 60
HOUR = 60 * MINUTE
DAY = 24 * HOUR


@dataclass(frozen=True, slots=True)
class FlowSpec:
    """A flow: its policy, its default interval in seconds, and from which side it reads.

    `setting` names a setting without which the flow does not run.
    """

    name: str
    policy: type[FlowPolicy]
    every: int
    reads: str = "source"  # or "target"
    webhooks: tuple[str, ...] = ()
    setting: str = ""


@dataclass(frozen=True, slots=True)
class Side:
    """Where one column of a mapping table takes its values from. No kind: the fixed words in `words`, or any text where
    there are none."""

    side: str = ""  # "source" or "target"
    kind: ReferenceKind | None = None
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TableSpec:
    """A mapping table. With `department` and `location` its rows are rules: the most specific one that fits wins."""

    table: MappingTable
    source: Side
    target: Side
    help: str = ""
    department: Side | None = None
    location: Side | None = None

    def ends(self) -> dict[str, Side]:
        """Each column that people fill in, and where its values come from."""
        ends = {"source": self.source, "department": self.department, "location": self.location, "target": self.target}
        return {name: side for name, side in ends.items() if side is not None}


@dataclass(frozen=True, slots=True)
class SettingSpec:
    """One setting of a recipe. `kind`: text, bool, choice, number, list (of choices, or of any texts where there are
    none), map (a text, or texts by name).

    `pattern` must match all of a text, and each text of a map; `between` are the least and the greatest number.
    `rereads` names the flows that read everything again when the value changes. With `connection`, a side, it goes to
    that side's connector, before the connection's own of that name.
    """

    name: str
    label: str
    default: Any
    kind: str = "text"
    choices: tuple[str, ...] = ()
    help: str = ""
    pattern: str = ""
    between: tuple[int, int] | None = None
    rereads: tuple[str, ...] = ()
    connection: str = ""


@dataclass(frozen=True, slots=True)
class Recipe:
    """`compares` names what `reconcile` compares, in order. The references of payments begin with `payment_mark` in the
    ledger, with the target system's name where there is none."""

    name: str
    label: str
    source: str
    target: str
    flows: tuple[FlowSpec, ...]
    tables: tuple[TableSpec, ...]
    settings: tuple[SettingSpec, ...] = field(default=())
    compares: tuple[str, ...] = ("accounts", "vendors", "payables")
    payment_mark: str = ""

    def flow(self, name: str) -> FlowSpec:
        return next(each for each in self.flows if each.name == name)

    def table(self, name: str) -> TableSpec | None:
        return next((each for each in self.tables if each.table == name), None)

    def defaults(self) -> dict[str, Any]:
        return {each.name: each.default for each in self.settings}

    def rereads(self, changed: Iterable[str]) -> set[str]:
        """The flows that read everything again when these settings change."""
        changed = set(changed)
        return {flow for each in self.settings if each.name in changed for flow in each.rereads}

    def webhooks(self) -> tuple[str, ...]:
        return tuple(event for flow in self.flows for event in flow.webhooks)
