from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from hashlib import sha256
from threading import Barrier

import pytest
from django.db import connection, transaction
from django.db.transaction import TransactionManagementError

from audit.chain import Entry, append
from audit.models import AuditChain, AuditEvent
from audit.verify import verify

AT = datetime(2026, 11, 20, 18, 0, 0, 123456, tzinfo=UTC)


@pytest.mark.django_db
def test_events_are_numbered_and_stored_as_they_were_said() -> None:
    entries = [
        Entry(event="sending", document="INV-1", amount=Decimal("-1234567890123.4500"), run=7, attempt=2),
        Entry(event="delivered", document="INV-1", message='café \u2028 "quoted" \\ \t \x7f 😀\n'),
    ]
    append("acme", entries, at=AT.astimezone(timezone(timedelta(hours=-6))))
    append("bolt", entries[:1], at=AT)
    append("acme", [Entry(event="held")], at=AT)

    stored = list(AuditEvent.objects.filter(tenant="acme").order_by("sequence"))
    assert [event.sequence for event in stored] == [1, 2, 3]
    assert [event.event for event in stored] == ["sending", "delivered", "held"]
    assert stored[0].at == AT
    assert (stored[0].amount, stored[0].run, stored[0].attempt) == ("-1234567890123.4500", "7", 2)
    assert (stored[2].amount, stored[2].run) == ("", "")
    assert stored[1].message == entries[1].message
    assert AuditEvent.objects.get(tenant="bolt").sequence == 1
    assert verify().ok


@pytest.mark.django_db
def test_the_hash_can_be_recomputed_by_anybody_from_the_documented_form() -> None:
    entry = Entry(event="held", outcome="held", reason="account_unmapped", document='é"1\\', message="a\tb\x01\x7f")
    append("acme", [entry, entry], at=datetime(2026, 11, 20, tzinfo=UTC))

    first, second = AuditEvent.objects.order_by("sequence")
    fields = ["1", "acme", "1", "2026-11-20 00:00:00.000000", "", "", "", "", "held", "", 'é"1\\', "", "", "", "", ""]
    fields += ["held", "account_unmapped", "0", "a\tb\x01\x7f", "", ""]
    assert first.previous_hash == ""
    assert first.hash == sha256(json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()
    assert second.previous_hash == first.hash
    assert AuditChain.objects.get(tenant="acme").last_hash == second.hash


@pytest.mark.django_db
@pytest.mark.parametrize("text", ["a\x00b", "half a pair \ud800", "\x00\udfff"])
def test_text_that_no_database_takes_does_not_lose_the_event(text: str) -> None:
    append("acme", [Entry(event="failed", response=text)], at=AT)

    assert "\x00" not in AuditEvent.objects.get().response
    assert verify().ok


@pytest.mark.django_db
def test_keys_that_would_not_fit_an_index_are_cut() -> None:
    append("acme", [Entry(event="held", document="x" * 9_000, message="y" * 9_000)], at=AT)

    event = AuditEvent.objects.get()
    assert (len(event.document), len(event.message)) == (255, 9_000)
    assert verify().ok


@pytest.mark.django_db
def test_a_page_costs_the_same_few_statements_whatever_its_size(django_assert_max_num_queries) -> None:
    append("acme", [Entry(event="held")], at=AT)
    with django_assert_max_num_queries(3):
        append("acme", [Entry(event="pending")] * 700, at=AT)
    assert verify().events == 701


@pytest.mark.django_db
def test_nothing_to_say_writes_nothing() -> None:
    append("acme", [], at=AT)
    assert not AuditChain.objects.exists()


@pytest.mark.django_db
def test_an_event_needs_a_tenant() -> None:
    with pytest.raises(ValueError, match="tenant"):
        append("", [Entry(event="held")], at=AT)


@pytest.mark.django_db(transaction=True)
def test_events_are_refused_outside_of_a_transaction() -> None:
    with pytest.raises(TransactionManagementError):
        append("acme", [Entry(event="held")], at=AT)
    assert not AuditEvent.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_what_is_rolled_back_leaves_no_gap() -> None:
    with transaction.atomic():
        append("acme", [Entry(event="pending")], at=AT)
    with transaction.atomic():
        append("acme", [Entry(event="sending")] * 3, at=AT)
        transaction.set_rollback(True)
    with transaction.atomic():
        append("acme", [Entry(event="held")], at=AT)

    assert list(AuditEvent.objects.order_by("sequence").values_list("sequence", "event")) == [
        (1, "pending"),
        (2, "held"),
    ]
    assert verify().ok


@pytest.mark.django_db(transaction=True)
def test_writers_at_once_make_one_chain_without_gaps() -> None:
    writers, turns = 6, 20
    together = Barrier(writers)

    def work(writer: int) -> None:
        try:
            together.wait()
            for turn in range(turns):
                with transaction.atomic():
                    append("acme", [Entry(event="pending", document=f"{writer}-{turn}")] * 3, at=AT)
                    append("bolt", [Entry(event="pending")], at=AT)
        finally:
            connection.close()

    with ThreadPoolExecutor(writers) as pool:
        list(pool.map(work, range(writers)))

    result = verify()
    assert result.ok, result
    assert result.events == writers * turns * 4
    assert AuditEvent.objects.filter(tenant="acme").values("document").distinct().count() == writers * turns
