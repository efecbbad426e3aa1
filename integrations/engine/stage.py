"""Read records become versions in the outbox: the new and the changed ones, nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models.query import QuerySet

from connectors.ports import BadRecord
from integrations.models import Delivery, Flow, Link, Reason, Run, State
from integrations.models.delivery import UNREADABLE, UNSENT

from .codec import encode, fingerprint
from .rows import insert_rows, update_rows
from .vocabulary import Staged

CHUNK = 500


@dataclass(slots=True)
class Change:
    """What staging would write: new versions, and older ones they push aside."""

    fresh: list[Delivery] = field(default_factory=list)
    aside: list[Delivery] = field(default_factory=list)
    unchanged: int = 0


def changes(flow: Flow, staged: Iterable[Staged], *, now: datetime, run: Run | None) -> Change:
    """Compare with what is linked and what is on its way. Reads only."""
    result = Change()
    newest = {each.key: each for each in staged}  # the last of a page wins
    keys = sorted(newest)
    for start in range(0, len(keys), CHUNK):
        chunk = keys[start : start + CHUNK]
        latest, open_rows, unclear = _known(flow, chunk)
        linked = set(Link.objects.filter(flow=flow, source_key__in=chunk).values_list("source_key", flat=True))
        for key in chunk:
            each, last = newest[key], latest.get(key)
            if each.gone and key not in linked and key not in unclear:
                _withdraw(open_rows.get(key, []), now, result)
                continue
            print_ = fingerprint(each.record)
            if last and last.fingerprint == print_ and last.state != State.SUPERSEDED:
                result.unchanged += 1
                continue
            _withdraw(open_rows.get(key, []), now, result)
            result.fresh.append(_version(flow, each, print_, last, now, run))
    return result


def bad_records(flow: Flow, bad: Sequence[BadRecord], *, now: datetime, run: Run | None) -> Change:
    """Records that could not be understood stand in the list of failures until they can be."""
    result = Change()
    for each in {each.key: each for each in bad}.values():
        latest, open_rows, _ = _known(flow, [each.key])
        last = latest.get(each.key)
        print_ = fingerprint(each)
        if last and last.fingerprint == print_:
            continue
        _withdraw(open_rows.get(each.key, []), now, result)
        staged = Staged(key=each.key, document=each.document, record=each)
        row = _version(flow, staged, print_, last, now, run)
        row.state, row.reason, row.message = State.FAILED, Reason.REJECTED_BY_TARGET, each.message
        row.action = UNREADABLE
        result.fresh.append(row)
    return result


def readable_again(flow: Flow, records: Sequence[Any], *, now: datetime) -> Change:
    """Unreadable rows of records that were read well just now."""
    names = {getattr(record, name, "") for record in records for name in ("key", "id", "reference")} - {""}
    return _aside(unreadable(flow).filter(key__in=names), now)


def not_seen_again(flow: Flow, seen: set[str], *, now: datetime) -> Change:
    """After everything was read: unreadable rows of records that were not unreadable this time."""
    return _aside(unreadable(flow).exclude(key__in=seen), now)


def unreadable(flow: Flow) -> QuerySet[Delivery]:
    return Delivery.objects.filter(flow=flow, action=UNREADABLE, state=State.FAILED)


def _aside(rows: QuerySet[Delivery], now: datetime) -> Change:
    result = Change()
    _withdraw(list(rows), now, result)
    return result


def _known(flow: Flow, keys: Sequence[str]) -> tuple[dict[str, Delivery], dict[str, list[Delivery]], set[str]]:
    """The latest version of each key, all versions that are open and unsent, and the keys of which one may have
    arrived without our knowing it."""
    latest: dict[str, Delivery] = {}
    open_rows: dict[str, list[Delivery]] = {}
    unclear: set[str] = set()
    rows = Delivery.objects.filter(flow=flow, key__in=keys).order_by("version")
    for row in rows.only("id", "key", "version", "fingerprint", "state", "document", "amount_minor", "currency"):
        latest[row.key] = row
        if row.state in UNSENT:
            open_rows.setdefault(row.key, []).append(row)
        elif row.state in (State.SENDING, State.UNCERTAIN):
            unclear.add(row.key)
    return latest, open_rows, unclear


def _withdraw(rows: Sequence[Delivery], now: datetime, result: Change) -> None:
    for row in rows:
        row.state, row.updated_at = State.SUPERSEDED, now
        result.aside.append(row)


def _version(flow: Flow, each: Staged, print_: str, last: Delivery | None, now: datetime, run: Run | None) -> Delivery:
    return Delivery(
        flow=flow,
        key=each.key,
        version=last.version + 1 if last else 1,
        document=each.document,
        group=each.group,
        fingerprint=print_,
        payload=encode(each.record),
        amount_minor=None if each.amount is None else int(each.amount.scaleb(2)),
        currency=each.currency,
        due_date=each.due_date,
        run=run,
        created_at=now,
        updated_at=now,
    )


def save(change: Change) -> list[Any]:
    """Write the change; within the caller's transaction. Returns the deliveries to report."""
    if change.aside:
        update_rows(change.aside, ["state", "updated_at"])
    insert_rows(change.fresh)
    return [*change.aside, *change.fresh]
