"""Values of columns both ways, without a server."""

from __future__ import annotations

import json

import pytest

from connectors.domain import ItemDraft
from connectors.monday import mapper


def values(kind: str, text: str) -> object:
    return json.loads(mapper.column_values(ItemDraft("k", "n", {"c": (kind, text)}), rename=False))["c"]


@pytest.mark.parametrize(
    ("kind", "text", "written", "emptied"),
    [
        ("text", "4000-01-00", "4000-01-00", ""),
        ("numbers", "1860.00", "1860.00", ""),
        ("date", "2026-11-27", {"date": "2026-11-27"}, {}),
        ("status", "Approved", {"label": "Approved"}, {"label": ""}),
        ("dropdown", "East\nWest", {"labels": ["East", "West"]}, {}),
        ("email", "ap@x.example", {"email": "ap@x.example", "text": "ap@x.example"}, {"email": "", "text": ""}),
        ("phone", "+1 (704) 555-0142", {"phone": "+17045550142", "countryShortName": "US"}, None),
        ("phone", "+49 30 123456 DE", {"phone": "+4930123456", "countryShortName": "DE"}, None),
        ("link", "https://x.example/1", {"url": "https://x.example/1", "text": "https://x.example/1"}, None),
        ("long_text", "a\nb", {"text": "a\nb"}, {"text": ""}),
        ("checkbox", "yes", {"checked": "true"}, None),
    ],
)
def test_what_a_column_is_given(kind, text, written, emptied):
    assert values(kind, text) == written
    if kind != "phone":
        assert values(kind, "") == emptied
    else:
        assert values(kind, "") == {"phone": "", "countryShortName": ""}


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("numbers", "1,860.00"),
        ("numbers", "NaN"),
        ("date", "27.11.2026"),
        ("link", "javascript:alert(1)"),
        ("long_text", "x" * 2001),
        ("status", "x" * 31),
        ("people", "1"),
    ],
)
def test_what_a_column_cannot_take_names_the_column(kind, text):
    with pytest.raises(ValueError, match="column c"):
        values(kind, text)


def test_the_same_draft_gives_the_same_text():
    one = ItemDraft("k", "n", {"a": ("text", "ü"), "b": ("numbers", "1.10")})
    other = ItemDraft("k", "n", {"b": ("numbers", "1.10"), "a": ("text", "ü")})
    assert mapper.column_values(one, rename=True) == mapper.column_values(other, rename=True)
    assert mapper.column_values(one, rename=True) == '{"a":"ü","b":"1.10","name":"n"}'


def test_names_are_one_line_of_255_characters():
    assert mapper.item_name(ItemDraft("k", " INV-1\n Acme ", {})) == "INV-1 Acme"
    assert len(mapper.item_name(ItemDraft("k", "ü" * 300, {}))) == 255
    with pytest.raises(ValueError, match="no name"):
        mapper.item_name(ItemDraft("k", " ", {}))


def test_a_change_without_a_name_leaves_it():
    assert mapper.column_values(ItemDraft("k", "", {}), rename=True) == "{}"


@pytest.mark.parametrize("settings", [{"boardIds": [77]}, '{"boardIds": [77]}'])
def test_a_board_as_it_comes(settings):
    row = {
        "id": 18423875018,
        "name": "Invoices",
        "state": "archived",
        "items_count": 3,
        "items_limit": None,
        "columns": [
            {"id": "sub", "title": "Subitems", "type": "subtasks", "archived": False, "settings": settings},
            {"id": "amount", "title": "Amount", "type": "numbers", "archived": True, "settings": "{}"},
        ],
        "groups": [{"id": "g", "title": "Open", "deleted": False}, {"id": "h", "title": "Gone", "deleted": True}],
    }
    board = mapper.board(row)
    assert (board.id, board.subitems, board.items, board.items_limit) == ("18423875018", "77", 3, 0)
    assert [group.id for group in board.groups] == ["g"]
    assert board.columns[1].archived
    assert board.problem == "the board is archived"


@pytest.mark.parametrize(
    ("kind", "text", "canonical"),
    [("numbers", "1860", "1860"), ("numbers", "10.50", "10.5"), ("numbers", "1E+2", "100"), ("text", "1.50", "1.50")],
)
def test_numbers_are_read_without_their_zeros(kind, text, canonical):
    assert mapper.column_text(kind, text) == canonical
