from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from integrations.mapping.names import Directory, Entry
from integrations.mapping.resolve import resolve
from integrations.models import Flow, Link, ReferenceKind

from .conftest import NOW

ACCOUNT, BANK, VENDOR = ReferenceKind.ACCOUNT, ReferenceKind.BANK, ReferenceKind.VENDOR


@pytest.fixture
def charts(show):
    show("source", ACCOUNT, ("00000010A", "5010-01-00", "Materials"), ("00000011A", "6100-01-10", "Office Supplies"))
    show(
        "target", ACCOUNT, ("0ca01", "6000", "Materials"), ("0ca02", "6010", "materials"), ("0ca03", "6400", "Freight")
    )


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("0ca01", "0ca01"),
        ("6010", "0ca02"),
        ("Freight", "0ca03"),
        ("fReIgHt", "0ca03"),
        (" 6400 ", "0ca03"),
        ("Materials", "0ca01"),  # another account differs in case only
        ("materials", "0ca02"),
    ],
)
def test_id_then_number_then_name(integration, charts, write, written, meant):
    row = write("accounts", "5010-01-00", written)
    assert resolve(integration) == []
    row.refresh_from_db()
    assert (row.source_key, row.target_id, row.problem) == ("00000010A", meant, "")
    assert row.source_label == "5010-01-00 Materials"


def test_what_is_ambiguous_names_the_candidates(integration, charts, write):
    row = write("accounts", "5010-01-00", "MATERIALS")
    assert resolve(integration) == [
        "accounts: 5010-01-00 -> MATERIALS: BILL has 2 accounts named 'MATERIALS': 6000, 6010"
    ]
    row.refresh_from_db()
    assert (row.target_id, row.source_key) == ("", "00000010A")


def test_what_is_unknown_says_so_for_both_sides(integration, charts, write):
    row = write("accounts", "9", "8")
    resolve(integration)
    row.refresh_from_db()
    assert row.problem == (
        "Sage 100 has no account with the id, number or name '9'; BILL has no account with the id, number or name '8'"
    )


def test_before_the_first_sync_nothing_is_wrong_yet_but_nothing_is_resolved(integration, write):
    row = write("amounts", "freight", "6400")
    resolve(integration)
    row.refresh_from_db()
    assert (row.source_key, row.target_id) == ("freight", "")
    assert row.problem == "BILL has not shown its accounts yet; tried again in the next sync"


def test_the_inactive_one_is_meant_only_where_no_active_one_is():
    old, new = Entry("1", "6000", "Materials", False), Entry("2", "6000", "Materials")
    other = Entry("3", "7000", "Closed", False)
    directory = Directory("BILL", "account", [old, new, other])
    assert directory.find("6000").entry is new
    assert directory.find("Materials").entry is new
    assert directory.find("7000").entry is other
    assert directory.find("1").entry is old  # an id leaves no doubt


def test_fixed_words_stand_for_themselves(integration, charts, show, write):
    show("source", BANK, ("B", "B", "BILL clearing"))
    row = write("bank_accounts", "*", "B")
    assert resolve(integration) == []
    row.refresh_from_db()
    assert (row.source_key, row.target_id) == ("*", "B")


def test_two_spellings_of_one_source_must_agree(integration, charts, write):
    rows = [write("accounts", "5010-01-00", "6000"), write("accounts", "00000010A", "6010")]
    assert len(resolve(integration)) == 2
    for row in rows:
        row.refresh_from_db()
        assert row.target_id == ""
        assert row.problem == "'5010-01-00', '00000010A' are the same and have different targets"


def test_a_target_vendor_serves_one_source_vendor(integration, show, write):
    show("source", VENDOR, ("01-ACME01", "Acme"), ("01-ACME02", "Acme East"), ("01-ZED", "Zed"))
    show("target", VENDOR, ("00901", "Acme Inc"), ("00902", "Zed Ltd"))
    first, second = write("vendors", "01-ACME01", "00901"), write("vendors", "Acme East", "Acme Inc")
    linked = write("vendors", "01-ZED", "00902")
    Link.objects.create(
        flow=Flow.objects.get(name="vendors"),
        source_key="01-ACME02",
        target_id="00902",
        created_at=NOW,
        delivered_at=NOW,
    )
    assert len(resolve(integration)) == 3
    for row in (first, second, linked):
        row.refresh_from_db()
        assert row.target_id == ""
    assert first.problem == "00901 Acme Inc is mapped to Acme East too; a vendor there serves one vendor here"
    assert linked.problem == "00902 Zed Ltd is linked to 01-ACME02 already"


def test_only_changes_are_written_without_history_and_release_holds(integration, charts, write):
    row = write("accounts", "5010-01-00", "6000")
    resolve(integration)
    integration.refresh_from_db()
    assert (integration.generation, row.history.count()) == (2, 1)
    with CaptureQueriesContext(connection) as queries:
        resolve(integration)
    assert not [each for each in queries if each["sql"].startswith(("UPDATE", "INSERT"))]
    integration.refresh_from_db()
    assert integration.generation == 2


def test_the_number_of_queries_does_not_grow_with_the_rows(integration, charts, show, write):
    def queries():
        with CaptureQueriesContext(connection) as captured:
            resolve(integration)
        return len(captured)

    write("accounts", "5010-01-00", "6000")
    one = queries()
    show("source", ACCOUNT, *((f"{n}", f"N{n}", f"Account {n}") for n in range(200)))
    for n in range(200):
        write("accounts", f"N{n}", "6000")
    assert queries() <= one + 1  # the driver's executemany is counted once or not at all
