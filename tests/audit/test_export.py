from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256
from itertools import islice

import pytest
from django.db import transaction

from audit.chain import Entry, append
from audit.export import COLUMNS, Export
from audit.models import AuditEvent
from audit.verify import verify

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 20, 18, 0, 0, tzinfo=UTC)


def export(events=None, **filters: str) -> Export:
    chosen = AuditEvent.objects.all() if events is None else events
    return Export(chosen, actor="fiona", filters=filters, now=lambda: NOW)


def rows(content: bytes) -> list[dict[str, str]]:
    lines = list(csv.reader(io.StringIO(content.decode(), newline="")))
    assert lines[-1][0].startswith("# end rows=")
    return [dict(zip(lines[0], line, strict=True)) for line in lines[1:-1]]


def test_every_field_of_every_event_is_there(write: Callable[..., None]) -> None:
    write("bolt", 1)
    write("acme", 2, message='said "no", twice\r\nand\rmore', request="", gl_accounts="4000-01-00,4010-01-00")
    found = rows(b"".join(export()))

    assert [(row["tenant"], row["sequence"]) for row in found] == [("acme", "1"), ("acme", "2"), ("bolt", "1")]
    assert tuple(found[0]) == COLUMNS
    assert found[0]["time"] == "2026-11-01T12:00:00.000000Z"
    stored = AuditEvent.objects.filter(tenant="acme").earliest("sequence")
    for name in COLUMNS[1:]:
        assert found[0][name] == str(getattr(stored, name)), name


@pytest.mark.parametrize("start", list("=+-@\t\r"))
def test_no_cell_starts_a_formula(start: str) -> None:
    bad = f"{start}cmd|' /C calc'!A0"
    fields = {name: bad for name in Entry.__slots__ if name not in ("run", "attempt", "amount")}
    append(bad, [Entry(**fields)], at=NOW)

    (row,) = rows(b"".join(export()))
    assert {name: row[name] for name in fields} == dict.fromkeys(fields, f"'{bad}")
    assert row["tenant"] == f"'{bad}"


@pytest.mark.parametrize("amount", ["-12.50", "0.00", "1234567890123.45"])
def test_amounts_stay_numbers(amount: str) -> None:
    append("acme", [Entry(event="held", amount=Decimal(amount), document="-12.50")], at=NOW)
    (row,) = rows(b"".join(export()))
    assert row["amount"] == amount
    assert row["document"] == "'-12.50"


def test_an_amount_that_is_no_number_is_no_formula_either(
    write: Callable[..., None], tamper: Callable[..., None]
) -> None:
    write(count=1)
    tamper("UPDATE audit_auditevent SET amount = '-1+cmd'")
    (row,) = rows(b"".join(export()))
    assert row["amount"] == "'-1+cmd"


def test_the_last_line_and_the_manifest_prove_the_file(write: Callable[..., None]) -> None:
    write("acme", 4)
    write("bolt", 2)
    made = export(AuditEvent.objects.exclude(sequence=1), tenant="any")
    content = b"".join(made)

    body, end = content[: content.rindex(b"# end")], content[content.rindex(b"# end") :]
    assert end == f"# end rows=4 sha256={sha256(body).hexdigest()}\n".encode()
    manifest = made.manifest
    assert manifest["sha256"] == sha256(content).hexdigest()
    assert manifest["rows"] == 4
    assert manifest["filters"] == {"tenant": "any"}
    assert manifest["made_by"] == "fiona"
    assert manifest["made_at"] == "2026-11-20T18:00:00+00:00"
    last = AuditEvent.objects.get(tenant="acme", sequence=4)
    assert manifest["tenants"]["acme"]["rows"] == 3
    assert manifest["tenants"]["acme"]["first"]["sequence"] == 2
    assert manifest["tenants"]["acme"]["last"] == {"sequence": 4, "hash": last.hash}
    assert set(manifest["tenants"]) == {"acme", "bolt"}


def test_the_export_is_an_event_of_every_tenant_in_it(write: Callable[..., None]) -> None:
    write("acme", 2)
    write("bolt", 1)
    write("cargo", 1)
    made = export(AuditEvent.objects.filter(tenant__in=["acme", "bolt"]), since="2026-11-01")
    b"".join(made)

    events = AuditEvent.objects.filter(event="exported").order_by("tenant")
    assert [event.tenant for event in events] == ["acme", "bolt"]
    assert (events[0].actor, events[0].outcome, events[0].at) == ("fiona", "ok", NOW)
    assert "3 rows" in events[0].message
    assert made.manifest["sha256"] in events[0].message
    assert "2026-11-01" in events[0].request
    assert verify().ok


def test_an_export_that_breaks_off_is_an_event_too(write: Callable[..., None]) -> None:
    write("acme", 2)
    made = export()
    blocks = iter(made)
    list(islice(blocks, 2))
    blocks.close()

    assert made.manifest == {}
    event = AuditEvent.objects.get(event="exported")
    assert (event.outcome, event.message) == ("failed", "broken off before its end")


def test_nothing_found_is_a_header_and_an_end() -> None:
    made = export()
    content = b"".join(made).decode()
    assert content.splitlines()[0].split(",") == list(COLUMNS)
    assert content.splitlines()[1].startswith("# end rows=0 sha256=")
    assert made.manifest["tenants"] == {}
    assert not AuditEvent.objects.exists()


def test_more_than_one_block_is_complete() -> None:
    append("acme", [Entry(event="pending", document=str(n)) for n in range(4_500)], at=NOW)
    found = rows(b"".join(export()))
    assert [row["document"] for row in found] == [str(n) for n in range(4_500)]


@pytest.mark.django_db(transaction=True)
def test_outside_of_a_transaction_it_reads_one_moment_and_leaves_nothing_open(write: Callable[..., None]) -> None:
    write("acme", 3)
    made = export()
    content = b"".join(made)
    assert len(rows(content)) == 3
    with transaction.atomic():
        append("acme", [Entry(event="held")], at=NOW)
    assert verify().events == 5
