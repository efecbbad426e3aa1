"""The audit columns as Sage keeps them: local date and decimal hours as text (docs: sage100 3.6, 8.3)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

Moment = tuple[str, str]
BLANK: Moment = ("", "")


def moment(local: datetime) -> Moment:
    """Date and hours with five places, not zero-padded: 08:30 is "8.50000"."""
    seconds = local.hour * 3600 + local.minute * 60 + local.second
    return local.strftime("%Y%m%d"), f"{seconds / 3600:.5f}"


def unpadded(stored: Moment) -> Moment:
    """As some workstations write it: 15.50000 becomes 15.5."""
    return stored[0], stored[1].rstrip("0").rstrip(".")


def padded(stored: Moment) -> Moment:
    return stored[0], stored[1].zfill(8)


def local_time(stored: Moment, zone: ZoneInfo) -> datetime | None:
    """Rounded to the second; a blank time is midnight; the repeated hour of autumn counts as summer time."""
    day, hours = stored
    if not day:
        return None
    seconds = int((Decimal(hours or "0") * 3600).to_integral_value())
    wall = datetime.strptime(day, "%Y%m%d") + timedelta(seconds=seconds)  # noqa: DTZ007 - the zone follows
    return wall.replace(tzinfo=zone, fold=0)


class Stamp:
    """Created and updated columns of one record. `changed` is the newer of both in epoch seconds, None if blank."""

    __slots__ = ("changed", "created", "updated", "zone")

    def __init__(self, zone: ZoneInfo, created: Moment = BLANK, updated: Moment = BLANK) -> None:
        self.zone, self.created, self.updated = zone, created, updated
        self.changed = self._changed()

    @classmethod
    def at(cls, zone: ZoneInfo, created: datetime, updated: datetime | None = None) -> Stamp:
        return cls(zone, moment(created.astimezone(zone)), moment((updated or created).astimezone(zone)))

    def _changed(self) -> int | None:
        times = [local for local in (local_time(self.created, self.zone), local_time(self.updated, self.zone)) if local]
        return max((int(local.timestamp()) for local in times), default=None)

    def touch(self, now: datetime) -> None:
        """A change at `now`: the stamp moves on by a second at least."""
        before = self.changed
        self.updated = moment(now.astimezone(self.zone))
        self.changed = self._changed()
        if before is not None and int(local_time(self.updated, self.zone).timestamp()) <= before:  # type: ignore[union-attr]
            self.updated = moment(datetime.fromtimestamp(before + 1, UTC).astimezone(self.zone))
            self.changed = self._changed()

    def wire(self) -> dict[str, Any]:
        created, updated = local_time(self.created, self.zone), local_time(self.updated, self.zone)
        return {
            "createdAt": created.isoformat() if created else None,
            "updatedAt": updated.isoformat() if updated else None,
            "dateUpdated": self.updated[0] or None,
            "timeUpdated": self.updated[1] or None,
        }
