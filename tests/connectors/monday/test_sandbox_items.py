"""Boards, items, searches and pages of the sandbox (docs: monday 7 to 11, 13, 17, 18)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from .caller import CHANGE, CREATE, FIND, READ, Caller, calling

BATCH = """mutation($board: ID!, $good: JSON!, $bad: JSON!) {
  complexity { before query after }
  m0: create_item(board_id: $board, item_name: "0", column_values: $good) { id }
  m1: create_item(board_id: $board, item_name: "1", column_values: $bad) { id }
  m2: create_item(board_id: $board, item_name: "2", column_values: $good) { id }
}"""
NEW_BOARD = """mutation($name: String!, $empty: Boolean, $workspace: ID) {
  create_board(board_name: $name, board_kind: private, empty: $empty, workspace_id: $workspace) {
    id groups { id } columns { id type } items_count } }"""
NEW_COLUMN = """mutation($board: ID!, $id: String, $kind: ColumnType!, $defaults: JSON) {
  create_column(board_id: $board, id: $id, title: "T", column_type: $kind, defaults: $defaults) {
    id type settings } }"""
PAGE = """query($board: ID!, $limit: Int!, $query: ItemsQuery, $cursor: String) {
  boards(ids: [$board]) { items_page(limit: $limit, query_params: $query, cursor: $cursor) {
    cursor items { id } } } }"""
NEXT = (
    "query($cursor: String!, $limit: Int!) { next_items_page(cursor: $cursor, limit: $limit) { cursor items { id } } }"
)
SUBITEM = 'mutation($parent: ID!) { create_subitem(parent_item_id: $parent, item_name: "L") { id board { id } } }'
DELETE = "mutation($item: ID) { delete_item(item_id: $item) { state } }"
MOVE = "mutation($item: ID, $group: String!) { move_item_to_group(item_id: $item, group_id: $group) { group { id } } }"


@pytest.fixture(scope="module")
def monday() -> Iterator[Caller]:
    with calling(limits={"complexity": 10**9}) as caller:
        yield caller


@pytest.fixture
def board(monday: Caller) -> str:
    return monday.board()


def page(monday: Caller, board: str, limit: int = 25, **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = monday.data(PAGE, board=board, limit=limit, **more)["boards"][0]["items_page"]
    return found


# --- structure ---------------------------------------------------------------------------------------


def test_an_empty_board_has_its_name_column_and_a_group(monday: Caller) -> None:
    made = monday.data(NEW_BOARD, name="B", empty=True)["create_board"]
    assert made["columns"] == [{"id": "name", "type": "name"}]
    assert (made["groups"], made["items_count"]) == ([{"id": "topics"}], 0)
    assert int(made["id"]) > 2**31


def test_a_board_comes_with_samples_unless_empty_and_its_name_may_recur(monday: Caller) -> None:
    boards = [monday.data(NEW_BOARD, name="Same", empty=False)["create_board"] for _ in range(2)]
    assert boards[0]["id"] != boards[1]["id"]
    assert boards[0]["items_count"] > 0


def test_a_board_in_an_unknown_workspace_is_refused(monday: Caller) -> None:
    assert monday.error(NEW_BOARD, name="B", workspace="1")["code"] == "CreateBoardException"


def test_columns_keep_their_own_id_or_get_one(monday: Caller, board: str) -> None:
    assert monday.data(NEW_COLUMN, board=board, id="sage_key", kind="text")["create_column"]["id"] == "sage_key"
    assert monday.data(NEW_COLUMN, board=board, kind="text")["create_column"]["id"].startswith("text_mk")
    assert monday.error(NEW_COLUMN, board=board, id="sage_key", kind="text")["code"] == "InvalidArgumentException"
    assert monday.error(NEW_COLUMN, board=board, id="Sage-Key", kind="text")["code"] == "InvalidArgumentException"
    assert monday.error(NEW_COLUMN, board=board, kind="subtasks")["code"] == "InvalidColumnTypeException"


def test_labels_are_given_as_defaults(monday: Caller, board: str) -> None:
    defaults = json.dumps({"labels": {"1": "Open", "2": "Closed"}})
    made = monday.data(NEW_COLUMN, board=board, kind="status", defaults=defaults)["create_column"]
    assert [each["label"] for each in made["settings"]["labels"]] == ["Open", "Closed"]


def test_structure_takes_the_right_to_change_the_board(monday: Caller, board: str) -> None:
    monday.do("set_access", board=board, access="content")
    error = monday.error(NEW_COLUMN, board=board, kind="text")
    assert (error["code"], error["status_code"]) == ("UserUnauthorizedException", 403)


@pytest.mark.parametrize("hide", ["delete", "access"])
def test_a_dead_or_hidden_board_is_an_empty_list(monday: Caller, board: str, hide: str) -> None:
    if hide == "delete":
        monday.do("delete_board", board=board)
    else:
        monday.do("set_access", board=board, access="none")
    assert monday.data("query($b: [ID!]) { boards(ids: $b) { id } }", b=[board])["boards"] == []
    assert monday.error(CREATE, board=board, name="A")["code"] == "InvalidBoardIdException"


def test_boards_come_in_pages(monday: Caller) -> None:
    boards = [monday.do("add_board", name=f"P{number}")["id"] for number in range(3)]
    query = "query($b: [ID!], $page: Int) { boards(ids: $b, limit: 2, page: $page) { id } }"
    found = [[each["id"] for each in monday.data(query, b=boards, page=page)["boards"]] for page in (1, 2, 3)]
    assert found == [boards[:2], boards[2:], []]


# --- items -------------------------------------------------------------------------------------------


def test_aliases_run_in_order_and_fail_alone(monday: Caller, board: str) -> None:
    body = monday.ask(BATCH, board=board, good='{"text": "x"}', bad='{"text": 1}').json()
    assert body["data"]["m1"] is None
    assert [each["path"] for each in body["errors"]] == [["m1"]]
    assert int(body["data"]["m0"]["id"]) < int(body["data"]["m2"]["id"])
    assert len(monday.found(board, "x")) == 2
    assert body["data"]["complexity"]["query"] == 30_010


@pytest.mark.parametrize(("name", "code"), [("x" * 256, "ItemNameTooLongException"), (" ", "InvalidArgumentException")])
def test_names_have_1_to_255_characters(monday: Caller, board: str, name: str, code: str) -> None:
    assert monday.create(board, "ü" * 255)
    assert monday.error(CREATE, board=board, name=name)["code"] == code


def test_the_name_is_no_column_value_of_a_new_item(monday: Caller, board: str) -> None:
    assert monday.error(CREATE, board=board, name="A", values='{"name": "B"}')["code"] == "InvalidArgumentException"


def test_a_full_board_takes_no_more() -> None:
    with calling(items_limit=2) as monday:
        board = monday.board()
        first = monday.create(board)
        monday.create(board)
        assert monday.error(CREATE, board=board, name="C")["code"] == "ItemsLimitationException"
        monday.do("delete_item", item=first)
        assert monday.create(board)
        query = "query($b: [ID!]) { boards(ids: $b) { items_count items_limit } }"
        assert monday.data(query, b=[board])["boards"] == [{"items_count": 2, "items_limit": 2}]


def test_dead_items_and_those_of_other_boards_are_not_written(monday: Caller, board: str) -> None:
    item, archived, other = monday.create(board), monday.create(board), monday.create(monday.board())
    monday.do("delete_item", item=item)
    monday.do("archive_item", item=archived)
    assert monday.refused(board, item, text="x")["code"] == "ResourceNotFoundException"
    assert monday.refused(board, archived, text="x")["code"] == "InvalidArgumentException"
    assert monday.refused(board, other, text="x")["code"] == "InvalidArgumentException"
    assert monday.refused(board, "77", text="x")["code"] == "ResourceNotFoundException"


def test_items_move_between_groups_that_are_there(monday: Caller, board: str) -> None:
    item, group = monday.create(board), monday.do("add_group", board=board, title="Closed")["id"]
    assert monday.data(MOVE, item=item, group=group)["move_item_to_group"]["group"] == {"id": group}
    monday.do("archive_group", board=board, group=group)
    assert monday.error(MOVE, item=item, group=group)["code"] == "ResourceNotFoundException"


def test_items_by_id_are_25_unless_a_limit_says_more(monday: Caller, board: str) -> None:
    items = [monday.create(board, f"{number}") for number in range(30)]
    assert len(monday.data("query($i: [ID!]) { items(ids: $i) { id } }", i=items)["items"]) == 25
    assert len(monday.data("query($i: [ID!]) { items(ids: $i, limit: 100) { id } }", i=items)["items"]) == 30
    too_many = [str(number) for number in range(101)]
    assert monday.error(READ, ids=too_many)["code"] == "InvalidArgumentException"


def test_items_by_id_show_what_became_of_them(monday: Caller, board: str) -> None:
    item = monday.create(board)
    assert monday.data(DELETE, item=item)["delete_item"]["state"] == "deleted"
    assert monday.data(READ, ids=[item])["items"][0]["state"] == "deleted"
    active = "query($i: [ID!]) { items(ids: $i, exclude_nonactive: true) { id } }"
    assert monday.data(active, i=[item])["items"] == []


# --- the existence check -----------------------------------------------------------------------------


def test_text_matches_whole_values_in_any_case(monday: Caller, board: str) -> None:
    item = monday.create(board, text="ABC|INV-1")
    monday.create(board, text="ABC|INV-12")
    assert monday.found(board, "abc|inv-1") == [item]
    assert monday.found(board, "INV-1") == []
    assert len(monday.found(board, "ABC|INV-1", "ABC|INV-12")) == 2


def test_all_columns_must_match_and_empties_are_found(monday: Caller, board: str) -> None:
    item = monday.create(board, text="k")
    query = """query($b: ID!) { items_page_by_column_values(board_id: $b, columns: [
      {column_id: "text", column_values: ["K"]}, {column_id: "numbers", column_values: [null]}]) { items { id } } }"""
    assert monday.data(query, b=board)["items_page_by_column_values"]["items"] == [{"id": item}]
    monday.change(board, item, numbers="5")
    assert monday.data(query, b=board)["items_page_by_column_values"]["items"] == []


def test_dropdowns_match_parts_and_one_value_only(monday: Caller, board: str) -> None:
    item = monday.create(board, dropdown={"labels": ["East", "West"]})
    assert monday.found(board, "west", column="dropdown") == [item]
    error = monday.error(FIND, board=board, column="dropdown", values=["East", "West"])
    assert error["code"] == "InvalidArgumentException"


@pytest.mark.parametrize(
    ("column", "code"),
    [
        ("board_relation", "InvalidColumnTypeException"),
        ("file", "InvalidColumnTypeException"),
        ("item_id", "InvalidColumnTypeException"),
        ("nowhere", "InvalidColumnIdException"),
    ],
)
def test_some_columns_cannot_be_searched(monday: Caller, board: str, column: str, code: str) -> None:
    assert monday.error(FIND, board=board, column=column, values=["x"])["code"] == code


@pytest.mark.parametrize("action", ["archive_item", "delete_item"])
def test_dead_items_are_not_found(monday: Caller, board: str, action: str) -> None:
    item = monday.create(board, text="gone")
    monday.do(action, item=item)
    assert monday.found(board, "gone") == []
    assert page(monday, board)["items"] == []


def test_a_new_item_may_not_be_found_at_once() -> None:
    with calling(index_delay=30) as monday:
        board = monday.board()
        item = monday.create(board, text="k")
        assert monday.found(board, "k") == []
        assert monday.texts(item)["text"] == "k"
        monday.advance(30)
        assert monday.found(board, "k") == [item]


# --- pages -------------------------------------------------------------------------------------------


def test_a_cursor_leads_through_all_items_once(monday: Caller, board: str) -> None:
    items = [monday.create(board, f"{number}") for number in range(5)]
    first = page(monday, board, limit=2)
    second = monday.data(NEXT, cursor=first["cursor"], limit=1)["next_items_page"]
    third = page(monday, board, limit=500, cursor=second["cursor"])
    assert [each["id"] for part in (first, second, third) for each in part["items"]] == items
    assert third["cursor"] is None


def test_a_cursor_lives_60_minutes_from_the_first_page(monday: Caller, board: str) -> None:
    for number in range(4):
        monday.create(board, f"{number}")
    cursor = page(monday, board, limit=1)["cursor"]
    monday.advance(40 * 60)
    cursor = monday.data(NEXT, cursor=cursor, limit=1)["next_items_page"]["cursor"]
    monday.advance(20 * 60)
    assert "CursorExpiredError" in monday.error(NEXT, cursor=cursor, limit=1)["message"]


@pytest.mark.parametrize("limit", [0, 501])
def test_a_page_has_1_to_500_items(monday: Caller, board: str, limit: int) -> None:
    assert monday.error(PAGE, board=board, limit=limit)["code"] == "InvalidArgumentException"


def test_a_cursor_excludes_columns_and_filters(monday: Caller, board: str) -> None:
    monday.create(board)
    monday.create(board)
    cursor = page(monday, board, limit=1)["cursor"]
    both = """query($b: ID!, $c: String) { items_page_by_column_values(board_id: $b, cursor: $c,
      columns: [{column_id: "text", column_values: ["x"]}]) { cursor } }"""
    assert monday.error(both, b=board, c=cursor)["code"] == "InvalidArgumentException"
    error = monday.error(PAGE, board=board, limit=1, cursor=cursor, query={"rules": []})
    assert error["code"] == "InvalidArgumentException"
    assert monday.error(NEXT, cursor="made-up", limit=1)["code"] == "InvalidArgumentException"


@pytest.mark.parametrize(
    ("rule", "count"),
    [
        ({"column_id": "text", "compare_value": ["K"]}, 1),
        ({"column_id": "text", "compare_value": "K"}, 0),
        ({"column_id": "txt", "compare_value": ["K"]}, 0),
        ({"column_id": "text", "compare_value": [], "operator": "is_not_empty"}, 1),
    ],
)
def test_a_malformed_filter_finds_nothing_without_an_error(
    monday: Caller, board: str, rule: dict[str, Any], count: int
) -> None:
    monday.create(board, text="k")
    monday.create(board)
    assert len(page(monday, board, query={"rules": [rule]})["items"]) == count


def test_filtering_relations_takes_numbers(monday: Caller, board: str) -> None:
    accounts = monday.board("Accounts")
    account = monday.create(accounts)
    monday.do("add_column", board=board, title="R", kind="board_relation", id="rel", boards=[accounts])
    item = monday.create(board)
    monday.change(board, item, rel={"item_ids": [int(account)]})
    found = [
        len(page(monday, board, query={"rules": [{"column_id": "rel", "compare_value": [value]}]})["items"])
        for value in (int(account), account)
    ]
    assert found == [1, 0]


def test_items_are_filtered_by_when_they_changed(monday: Caller, board: str) -> None:
    monday.create(board)
    rule = {"column_id": "__last_updated__", "operator": "greater_than_or_equals", "compare_attribute": "UPDATED_AT"}
    for day, count in (("2000-01-01", 1), ("2999-01-01", 0)):
        found = page(monday, board, query={"rules": [{**rule, "compare_value": ["EXACT", day]}]})
        assert len(found["items"]) == count


# --- subitems ----------------------------------------------------------------------------------------


def test_subitems_live_on_a_board_of_their_own(monday: Caller, board: str) -> None:
    parent = monday.create(board)
    made = monday.data(SUBITEM, parent=parent)["create_subitem"]
    hidden = made["board"]["id"]
    assert hidden != board
    query = (
        "query($b: [ID!]) { boards(ids: $b) { columns(types: [subtasks]) { settings } items_page { items { id } } } }"
    )
    found = monday.data(query, b=[board])["boards"][0]
    assert found["columns"][0]["settings"] == {"boardIds": [int(hidden)]}
    assert found["items_page"]["items"] == [{"id": parent}]
    assert monday.error(CREATE, board=hidden, name="x")["code"] == "InvalidArgumentException"
    monday.data(NEW_COLUMN, board=hidden, id="gl", kind="text")
    monday.data(CHANGE, board=hidden, item=made["id"], values='{"gl": "4000-01-00"}')
    assert monday.texts(made["id"])["gl"] == "4000-01-00"


def test_subitems_go_with_their_parent(monday: Caller, board: str) -> None:
    parent = monday.create(board)
    child = monday.data(SUBITEM, parent=parent)["create_subitem"]["id"]
    monday.data(DELETE, item=parent)
    assert monday.data(READ, ids=[child])["items"][0]["state"] == "deleted"
