from __future__ import annotations

from integrations.mapping.suggest import suggest
from integrations.models import Flow, Link, ReferenceKind

from .conftest import NOW

ACCOUNT, VENDOR = ReferenceKind.ACCOUNT, ReferenceKind.VENDOR


def test_number_before_name_before_likeness(integration, show):
    show("source", ACCOUNT, ("k1", "6100", "Office Supplies"))
    show(
        "target",
        ACCOUNT,
        ("a", "6100", "Something else"),
        ("b", "1", "OFFICE SUPPLIES"),
        ("c", "2", "Office supply"),
        ("d", "3", "Insurance"),
        ("e", "4", "Office Supplies", False),
    )
    found = suggest(integration, "accounts", "k1")
    assert [(each.target_id, each.why) for each in found] == [
        ("a", "same number"),
        ("b", "same name"),
        ("c", "similar name"),
    ]
    assert found[1].label == "1 OFFICE SUPPLIES"


def test_at_most_five(integration, show):
    show("source", ACCOUNT, ("k1", "6100", "Office Supplies"))
    show("target", ACCOUNT, *((f"t{n}", "6100", f"Account {n}") for n in range(9)))
    assert len(suggest(integration, "accounts", "k1")) == 5


def test_a_vendor_that_serves_somebody_else_is_not_suggested(integration, show):
    show("source", VENDOR, ("01-A", "Summit Electric"))
    show("target", VENDOR, ("1", "Summit Electric"), ("2", "Summit Electric, Inc."))
    Link.objects.create(
        flow=Flow.objects.get(name="vendors"), source_key="01-B", target_id="1", created_at=NOW, delivered_at=NOW
    )
    assert [each.target_id for each in suggest(integration, "vendors", "01-A")] == ["2"]


def test_a_fixed_word_is_its_own_name(integration, show):
    show("target", ACCOUNT, ("a", "6400", "Freight"), ("b", "1", "Cash"))
    assert [each.target_id for each in suggest(integration, "amounts", "freight")] == ["a"]


def test_an_unknown_table_has_no_suggestions(integration):
    assert suggest(integration, "columns", "x") == []
