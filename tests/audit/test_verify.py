from __future__ import annotations

from collections.abc import Callable

import pytest

from audit.chain import FIELDS
from audit.models import AuditEvent
from audit.verify import Bad, Result, tenants, verify

pytestmark = pytest.mark.django_db

#: What a tamperer does to a chain of five -> where the break is named and how.
TAMPERED = {
    "changed amount": ("UPDATE audit_auditevent SET amount = '99.00' WHERE sequence = 3", 3, "changed"),
    "changed time": ("UPDATE audit_auditevent SET at = '2026-11-09 00:00:00' WHERE sequence = 2", 2, "changed"),
    "changed hash": ("UPDATE audit_auditevent SET hash = 'x' WHERE sequence = 4", 4, "changed"),
    "removed": ("DELETE FROM audit_auditevent WHERE sequence = 3", 3, "removed"),
    "removed first": ("DELETE FROM audit_auditevent WHERE sequence = 1", 1, "removed"),
    "cut tail": ("DELETE FROM audit_auditevent WHERE sequence > 3", 4, "removed"),
    "all gone": ("DELETE FROM audit_auditevent", 1, "removed"),
    "reordered": (
        "UPDATE audit_auditevent SET sequence = CASE sequence WHEN 2 THEN 13 ELSE 12 END WHERE sequence IN (2, 3)",
        2,
        "removed",
    ),
    "numbers closed up": ("UPDATE audit_auditevent SET sequence = 4 WHERE sequence = 5", 4, "follow"),
    "chain's end moved": ("UPDATE audit_auditchain SET last_sequence = 4", 5, "inserted"),
    "chain's hash edited": ("UPDATE audit_auditchain SET last_hash = 'x'", 5, "chain row was edited"),
    "checkpoint moved": ("UPDATE audit_auditchain SET first_sequence = 2", 1, "removed"),
    "chain row gone": ("DELETE FROM audit_auditchain", 1, "chain row was removed"),
}


@pytest.mark.parametrize("way", TAMPERED)
def test_the_first_broken_record_is_named(way: str, write: Callable[..., None], tamper: Callable[..., None]) -> None:
    write(count=5)
    assert verify() == Result(5)
    sql, sequence, why = TAMPERED[way]
    if way == "numbers closed up":
        tamper("DELETE FROM audit_auditevent WHERE sequence = 4")
    tamper(sql)

    bad = verify().first_bad
    assert bad is not None
    assert (bad.tenant, bad.sequence) == ("acme", sequence)
    assert why in bad.why


@pytest.mark.parametrize("field", [name for name in FIELDS if name not in ("tenant", "sequence", "at")])
def test_every_field_is_covered(field: str, write: Callable[..., None], tamper: Callable[..., None]) -> None:
    write(count=3)
    tamper(f"UPDATE audit_auditevent SET {field} = '7' WHERE sequence = 2")
    assert verify("acme").first_bad == Bad("acme", 2, "changed: its content does not match its hash")


def test_two_contents_cannot_change_places(write: Callable[..., None], tamper: Callable[..., None]) -> None:
    write(count=4)
    tamper("UPDATE audit_auditevent SET sequence = 99 WHERE sequence = 2")
    tamper("UPDATE audit_auditevent SET sequence = 2 WHERE sequence = 3")
    tamper("UPDATE audit_auditevent SET sequence = 3 WHERE sequence = 99")
    bad = verify().first_bad
    assert bad is not None
    assert bad.sequence == 2


def test_a_forged_event_at_the_end_shows(write: Callable[..., None], tamper: Callable[..., None]) -> None:
    write(count=2)
    names = ", ".join(name for name in FIELDS if name != "sequence")
    tamper(
        f"INSERT INTO audit_auditevent (sequence, {names}, previous_hash, hash)"
        f" SELECT 3, {names}, hash, 'forged' FROM audit_auditevent WHERE sequence = 2"
    )
    assert verify().first_bad == Bad("acme", 3, "changed: its content does not match its hash")


def test_tenants_are_checked_apart(write: Callable[..., None], tamper: Callable[..., None]) -> None:
    write("acme", 2)
    write("bolt", 3)
    tamper("UPDATE audit_auditevent SET message = 'x' WHERE tenant = 'bolt' AND sequence = 3")
    assert verify("acme") == Result(2)
    assert verify("bolt").first_bad == verify().first_bad
    assert verify().events == 4


def test_known_tenants_include_those_of_orphaned_events(
    write: Callable[..., None], tamper: Callable[..., None]
) -> None:
    write("acme", 1)
    write("bolt", 1)
    tamper("DELETE FROM audit_auditchain WHERE tenant = 'bolt'")
    assert tenants() == ["acme", "bolt"]


def test_an_empty_trail_is_sound() -> None:
    assert verify() == Result(0)
    assert not AuditEvent.objects.exists()
