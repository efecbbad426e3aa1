"""What the sandbox takes into columns and what it gives back (docs: monday 12, 17, 18)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from .caller import CHANGE, CREATE, Caller, calling


@pytest.fixture(scope="module")
def monday() -> Iterator[Caller]:
    with calling(limits={"complexity": 10**9}) as caller:
        yield caller


@pytest.fixture(scope="module")
def board(monday: Caller) -> str:
    return monday.board()


@pytest.fixture
def item(monday: Caller, board: str) -> str:
    return monday.create(board)


@pytest.mark.parametrize(
    ("column", "value", "text"),
    [
        ("text", "4000-01-00", "4000-01-00"),
        ("text", "  two   spaces ", "two spaces"),
        ("numbers", "1860.00", "1860"),
        ("numbers", "-0.50", "-0.5"),
        ("numbers", "1000000", "1000000"),
        ("date", {"date": "2026-11-27"}, "2026-11-27"),
        ("date", {"date": "2026-11-27", "time": "02:00:00"}, "2026-11-26 21:00"),
        ("date", "2026-11-27", "2026-11-27"),
        ("status", {"label": "Done"}, "Done"),
        ("status", {"index": 2}, "Stuck"),
        ("dropdown", {"labels": ["East", "West"]}, "East, West"),
        ("email", {"email": "ap@x.example", "text": "AP"}, "AP"),
        ("phone", {"phone": "+17045550142", "countryShortName": "US"}, "+17045550142"),
        ("link", {"url": "https://x.example/1", "text": "INV-1"}, "INV-1 - https://x.example/1"),
        ("long_text", {"text": "one\ntwo"}, "one\ntwo"),
        ("long_text", "plain", "plain"),
        ("checkbox", {"checked": "true"}, "v"),
        ("people", {"personsAndTeams": [{"id": 4100001, "kind": "person"}]}, "4100001"),
    ],
)
def test_a_value_in_the_tables_form_is_kept(
    monday: Caller, board: str, item: str, column: str, value: Any, text: str
) -> None:
    monday.change(board, item, **{column: value})
    assert monday.texts(item)[column] == text


@pytest.mark.parametrize(
    ("column", "value", "clear"),
    [
        ("text", "x", ""),
        ("numbers", "1", ""),
        ("date", {"date": "2026-11-27"}, {}),
        ("status", {"label": "Done"}, {"label": ""}),
        ("dropdown", {"labels": ["East"]}, None),
        ("email", {"email": "a@x.example", "text": "a"}, {"email": "", "text": ""}),
        ("phone", {"phone": "+17045550142", "countryShortName": "US"}, {"phone": "", "countryShortName": ""}),
        ("link", {"url": "https://x.example", "text": "x"}, None),
        ("long_text", {"text": "x"}, {"text": ""}),
        ("checkbox", {"checked": "true"}, None),
        ("people", {"personsAndTeams": [{"id": 4100001, "kind": "person"}]}, None),
    ],
)
def test_a_value_is_cleared(monday: Caller, board: str, item: str, column: str, value: Any, clear: Any) -> None:
    monday.change(board, item, **{column: value})
    assert monday.texts(item)[column]
    monday.change(board, item, **{column: clear})
    assert monday.texts(item)[column] == ""


@pytest.mark.parametrize(
    ("column", "value", "code"),
    [
        ("text", 5, "ColumnValueException"),
        ("text", None, "ColumnValueException"),
        ("numbers", 1860.0, "ColumnValueException"),
        ("numbers", "1,860.00", "ColumnValueException"),
        ("numbers", "1e3", "ColumnValueException"),
        ("date", {"date": "27.11.2026"}, "ColumnValueException"),
        ("date", {"date": "2026-02-30"}, "ColumnValueException"),
        ("date", {"day": "2026-11-27"}, "ColumnValueException"),
        ("status", {"label": "Unheard"}, "ColumnValueException"),
        ("status", {"index": 17}, "ColumnValueException"),
        ("status", {"label": "Done", "index": 1}, "ColumnValueException"),
        ("dropdown", {"labels": ["Nowhere"]}, "ColumnValueException"),
        ("dropdown", {"labels": [], "ids": []}, "ColumnValueException"),
        ("email", {"email": "nobody", "text": ""}, "ColumnValueException"),
        ("phone", {"phone": "+17045550142"}, "ColumnValueException"),
        ("link", {"url": "ftp://x.example", "text": "x"}, "ColumnValueException"),
        ("long_text", {"text": "x" * 2001}, "ColumnValueException"),
        ("checkbox", {"checked": True}, "ColumnValueException"),
        ("people", {"personsAndTeams": [{"id": 1, "kind": "person"}]}, "InvalidUserIdException"),
        ("board_relation", {"item_ids": [1]}, "ColumnValueException"),
        ("file", {"name": "a.pdf"}, "ColumnValueException"),
        ("item_id", "1", "InvalidColumnTypeException"),
        ("nowhere", "x", "InvalidColumnIdException"),
    ],
)
def test_a_bad_value_is_refused(monday: Caller, board: str, item: str, column: str, value: Any, code: str) -> None:
    assert monday.refused(board, item, **{column: value})["code"] == code


def test_one_bad_value_leaves_the_whole_item_as_it_was(monday: Caller, board: str, item: str) -> None:
    values = json.dumps({"text": "new", "dropdown": {"labels": ["Fresh"]}, "status": {"label": "x" * 31}})
    assert monday.error(CHANGE, board=board, item=item, values=values, labels=True)["path"] == [
        "change_multiple_column_values"
    ]
    assert monday.texts(item)["text"] == ""
    assert monday.refused(board, item, dropdown={"labels": ["Fresh"]})["code"] == "ColumnValueException"


def test_an_unknown_label_is_made_only_when_asked_for(monday: Caller, board: str, item: str) -> None:
    error = monday.refused(board, item, status={"label": "Approved"})
    assert error["message"].startswith("invalid value - label does not exist in column")
    assert error["error_data"]["column_type"] == "color"
    monday.change(board, item, status={"label": "Approved"})
    assert monday.texts(item)["status"] == "Approved"


def test_labels_of_a_managed_column_are_never_made(monday: Caller, board: str, item: str) -> None:
    monday.do("add_column", board=board, title="M", kind="status", id="managed", managed=True)
    error = monday.error(CHANGE, board=board, item=item, values=json.dumps({"managed": {"label": "New"}}), labels=True)
    assert error["code"] == "ColumnValueException"


def test_labels_take_the_right_to_change_the_board(monday: Caller) -> None:
    board = monday.board("Restricted")
    item = monday.create(board)
    monday.do("set_access", board=board, access="content")
    values = json.dumps({"status": {"label": "New"}})
    assert monday.error(CHANGE, board=board, item=item, values=values, labels=True)["code"] == "ColumnValueException"


def test_a_status_column_has_at_most_40_labels(monday: Caller) -> None:
    board = monday.board("Labels")
    item = monday.create(board)
    for number in range(37):  # three are there from the start
        monday.change(board, item, status={"label": f"L{number}"})
    values = json.dumps({"status": {"label": "One more"}})
    assert monday.error(CHANGE, board=board, item=item, values=values, labels=True)["code"] == "ColumnValueException"


def test_a_labels_index_is_its_id_in_values_and_its_place_in_settings(monday: Caller) -> None:
    board = monday.do("add_board", name="B")["id"]
    labels = {"7": "Open", "3": "Paid"}
    monday.do("add_column", board=board, title="S", kind="status", id="s", labels=labels)
    item = monday.create(board, s={"label": "Paid"})
    query = "query($i: [ID!]) { items(ids: $i) { column_values { ... on StatusValue { index label } } } }"
    assert monday.data(query, i=[item])["items"][0]["column_values"] == [{"index": 3, "label": "Paid"}]
    settings = monday.data('query($b: [ID!]) { boards(ids: $b) { columns(ids: ["s"]) { settings } } }', b=[board])
    found = settings["boards"][0]["columns"][0]["settings"]["labels"]
    assert [(each["id"], each["index"], each["label"]) for each in found] == [(7, 0, "Open"), (3, 1, "Paid")]


def test_unchecking_takes_null(monday: Caller, board: str, item: str) -> None:
    monday.change(board, item, checkbox={"checked": "true"})
    monday.change(board, item, checkbox={"checked": "false"})
    assert monday.texts(item)["checkbox"] == "v"


def test_numbers_are_floats_in_their_own_field(monday: Caller, board: str, item: str) -> None:
    monday.change(board, item, numbers="1860.10")
    query = 'query($i: [ID!]) { items(ids: $i) { column_values(ids: ["numbers"]) { ... on NumbersValue { number } } } }'
    assert monday.data(query, i=[item])["items"][0]["column_values"] == [{"number": 1860.1}]


LINKED = """query($i: [ID!]) { items(ids: $i) { column_values(ids: ["rel"]) {
  text value ... on BoardRelationValue { linked_item_ids } } } }"""


def test_a_relation_is_dropped_on_creation_replaced_later_and_has_no_text(monday: Caller, board: str) -> None:
    accounts = monday.do("add_board", name="Accounts")["id"]
    one, two = monday.create(accounts, "1"), monday.create(accounts, "2")
    monday.do("add_column", board=board, title="R", kind="board_relation", id="rel", boards=[accounts])
    item = monday.create(board, rel={"item_ids": [int(one)]})
    value = {"text": None, "value": None, "linked_item_ids": []}
    assert monday.data(LINKED, i=[item])["items"][0]["column_values"] == [value]
    monday.change(board, item, rel={"item_ids": [int(one)]})
    monday.change(board, item, rel={"item_ids": [int(two)]})
    assert monday.data(LINKED, i=[item])["items"][0]["column_values"][0]["linked_item_ids"] == [two]
    assert monday.refused(board, item, rel={"item_ids": [int(item)]})["code"] == "ColumnValueException"


def test_a_relation_is_not_written_by_the_call_for_one_column(monday: Caller, board: str, item: str) -> None:
    query = """mutation($b: ID!, $i: ID) {
      change_column_value(board_id: $b, item_id: $i, column_id: "board_relation", value: "{}") { id } }"""
    assert monday.error(query, b=board, i=item)["code"] == "ColumnValueException"


@pytest.mark.parametrize("values", ["no json", "[]", "null", {"text": "x"}, None])
def test_column_values_are_a_string_of_a_json_object(monday: Caller, board: str, values: Any) -> None:
    answer = monday.ask(CREATE, board=board, name="A", values=values)
    error = answer.json()["errors"][0]
    assert answer.status_code == 200
    assert (error["extensions"]["code"], error["extensions"]["status_code"]) == ("JsonParseException", 400)


def test_an_object_is_taken_where_a_gateway_does() -> None:
    with calling(strict_json=False) as monday:
        board = monday.board()
        made = monday.data(CREATE, board=board, name="A", values={"text": "x"})["create_item"]["id"]
        assert monday.texts(made)["text"] == "x"


def test_archived_columns_are_gone_for_writers_and_readers(monday: Caller) -> None:
    board = monday.board("Archived")
    item = monday.create(board, text="x")
    monday.do("archive_column", board=board, column="text")
    assert monday.refused(board, item, text="y")["code"] == "InvalidColumnIdException"
    assert "text" not in monday.texts(item)


def test_items_are_renamed_by_the_name_key_and_by_the_simple_call(monday: Caller, board: str, item: str) -> None:
    monday.change(board, item, name="Second")
    query = """mutation($b: ID!, $i: ID) {
      change_simple_column_value(board_id: $b, item_id: $i, column_id: "text", value: "plain") { name } }"""
    assert monday.data(query, b=board, i=item)["change_simple_column_value"]["name"] == "Second"
    assert monday.texts(item)["text"] == "plain"
