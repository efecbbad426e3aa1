"""What writing a plan changed: lines for the person at the terminal, entries for the audit trail."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from audit.chain import Entry
from integrations.engine.trail import CUT, MESSAGE_CUT

ADDED, CHANGED, REMOVED = "+", "~", "-"


@dataclass(slots=True)
class Changes:
    """Collected in order. Never pass secrets."""

    actor: str
    lines: list[str] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)

    def add(
        self,
        line: str,
        event: str,
        record_type: str,
        document: str,
        *,
        integration: str = "",
        before: Mapping[str, Any] | None = None,
        after: Mapping[str, Any] | None = None,
    ) -> None:
        """`line` begins with one of the signs + ~ -."""
        self.lines.append(line)
        self.entries.append(
            Entry(
                event=event,
                actor=self.actor,
                integration=integration,
                record_type=record_type,
                document=document,
                outcome="changed",
                message=line[:MESSAGE_CUT],
                request=_json(before),
                response=_json(after),
            )
        )

    def say(self, line: str) -> None:
        """A remark that is no change of its own."""
        self.lines.append(line)


def _json(values: Mapping[str, Any] | None) -> str:
    return json.dumps(values or {}, ensure_ascii=False, default=str, sort_keys=True)[:CUT]


def differing(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """`name old -> new` for each member of `after` that is another than before."""
    return ", ".join(
        f"{name} {_shown(before.get(name))} -> {_shown(value)}"
        for name, value in after.items()
        if before.get(name) != value
    )


def _shown(value: Any) -> str:
    return "(none)" if value in (None, "", {}) else str(value)
