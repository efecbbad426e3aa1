"""Coding lists: a strictly read-only view, and the owner's import that shows in it later (docs: avidxchange 6.3, 8)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from .checks import Flag, Rule, Text, read
from .ground import Ground, Params
from .refusals import Problem, RowRefused, bad_request, not_found
from .wire import Row

GL_GROUP = "Accounting Codes"
DESCRIPTION_MOST = 50
DELTA_MOST = 500
CODE: dict[str, Rule] = {
    "value": Text(least=1, most=100, required=True),
    "description": Text(most=DESCRIPTION_MOST),
    "active": Flag(),
}
READ_PARAMS = {"acctgSysId", "groupName", "isActive"}
Key = tuple[int, str, str]  # accounting system, group, value


class Codes:
    """delay: seconds from an accepted import until the read view shows it. whole_import_fails: a description that is
    too long fails all rows of its import, not its own alone (docs: avidxchange 14.1)."""

    def __init__(self, ground: Ground, *, delay: float, whole_import_fails: bool) -> None:
        self.ground = ground
        self.delay = timedelta(seconds=delay)
        self.whole_import_fails = whole_import_fails
        self.accepted: dict[Key, Row] = {}
        self._visible: dict[Key, Row] = {}
        self._groups: set[tuple[int, str]] = set()  # of what is visible
        self._waiting: list[tuple[datetime, Key, Row]] = []

    # --- read view -------------------------------------------------------------------------------

    def visible(self) -> dict[Key, Row]:
        """What has been applied by now."""
        now = self.ground.clock()
        for due, key, row in self._waiting:
            if due <= now:
                self._show(key, row)
        self._waiting = [each for each in self._waiting if each[0] > now]
        return self._visible

    def _show(self, key: Key, row: Row) -> None:
        self._visible[key] = row
        self._groups.add(key[:2])

    def groups(self, system: int | None) -> list[str]:
        self.visible()
        return sorted({group for owner, group in self._groups if system in (None, owner)})

    def find(self, params: Params) -> list[Row]:
        system = self.ground.whole(params, "acctgSysId")
        active = self.ground.flag(params, "isActive")
        group = params.get("groupName")
        rows = [
            {"id": key, **row}
            for key, row in self.visible().items()
            if system in (None, key[0]) and group in (None, key[1]) and active in (None, row["active"])
        ]
        return self.ground.shuffled(rows)

    def wire(self, row: Row) -> dict[str, Any]:
        return self.ground.pack("code", row)

    # --- import ----------------------------------------------------------------------------------

    def import_rows(self, system: int, body: Any) -> list[Row | RowRefused]:
        """What became of each row; a refused import changes nothing at all."""
        if system not in self.ground.accounting_systems:
            raise not_found(f"Accounting system {system}")
        group, mode, rows = self._request(body)
        checked = [self._row(each, position) for position, each in enumerate(rows)]
        too_long = any(
            problem.code == "FIELD_TOO_LONG" and problem.field.endswith(self.ground.shape.paths["code"]["description"])
            for each in checked
            if isinstance(each, RowRefused)
            for problem in each.problems
        )
        if too_long and self.whole_import_fails:
            raise bad_request("FIELD_TOO_LONG", f"A description is longer than {DESCRIPTION_MOST} characters.")
        if not self.ground.shape.enveloped and any(isinstance(each, RowRefused) for each in checked):
            return checked
        done = [each if isinstance(each, RowRefused) else self._accept(system, group, each) for each in checked]
        if mode == "full":
            self._deactivate_others(
                system, group, {str(each.get("CodeValue")) for each in rows if isinstance(each, dict)}
            )
        return done

    def _request(self, body: Any) -> tuple[str, str, list[Any]]:
        if not isinstance(body, dict):
            raise bad_request("FIELD_INVALID", "The body must be an object.")
        unknown = sorted(body.keys() - {"GroupName", "Mode", "TotalRows", "Codes"})
        if unknown:
            raise bad_request("UNKNOWN_FIELD", f"{unknown[0]} is not known.")
        group, mode, rows = body.get("GroupName"), body.get("Mode"), body.get("Codes")
        if not isinstance(group, str) or not group.strip():
            raise bad_request("FIELD_REQUIRED", "GroupName is required.")
        if mode not in ("delta", "full"):
            raise bad_request("FIELD_INVALID", "Mode must be delta or full.")
        if not isinstance(rows, list) or not rows:
            raise bad_request("FIELD_REQUIRED", "Codes must be a list with at least one row.")
        if mode == "delta" and len(rows) > DELTA_MOST:
            raise bad_request("TOO_MANY_ROWS", f"A delta takes at most {DELTA_MOST} rows.")
        if mode == "full" and body.get("TotalRows") != len(rows):
            raise bad_request("FULL_SET_INCOMPLETE", "TotalRows must equal the number of rows.")
        return group, mode, rows

    def _row(self, body: Any, position: int) -> Row | RowRefused:
        problems: list[Problem] = []
        row = read(self.ground.shape, "code", CODE, body, problems, at=f"Codes.{position}.")
        return RowRefused(problems) if problems else {"description": "", "active": True, **row}

    def _accept(self, system: int, group: str, row: Row) -> Row:
        before = self.accepted.get((system, group, row["value"]))
        if before == row:
            action = "unchanged"
        elif before is None:
            action = "created"
        else:
            action = "deactivated" if before["active"] and not row["active"] else "updated"
        self.put(system, group, row, self.delay)
        return {"CodeValue": row["value"], "Action": action}

    def put(self, system: int, group: str, row: Row, delay: timedelta = timedelta()) -> None:
        key, filed = (system, group, row["value"]), {**row, "group": group}
        self.accepted[key] = row
        if delay:
            self._waiting.append((self.ground.clock() + delay, key, filed))
        else:
            self._show(key, filed)

    def _deactivate_others(self, system: int, group: str, kept: set[str]) -> None:
        for owner, name, value in list(self.accepted):
            row = self.accepted[(owner, name, value)]
            if (owner, name) == (system, group) and value not in kept and row["active"]:
                self.put(system, group, {**row, "active": False}, self.delay)
