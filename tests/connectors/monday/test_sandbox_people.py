"""What people and misfortune do to the sandbox's boards, and what its journal notes (docs: monday 5, 18)."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from .caller import CREATE, READ, Caller, calling

ME = "{ me { id } }"


@pytest.fixture
def monday() -> Iterator[Caller]:
    with calling() as caller:
        yield caller


@pytest.fixture
def board(monday: Caller) -> str:
    return monday.board()


def state(monday: Caller, board: str) -> dict[str, Any]:
    found: dict[str, Any] = requests.get(monday.url + "/_sandbox/state", timeout=5).json()["boards"][board]
    return found


# --- people ------------------------------------------------------------------------------------------


def test_a_person_approves_by_hand_without_being_journalled(monday: Caller, board: str) -> None:
    item = monday.create(board)
    monday.do("map_columns", columns=["text"])
    monday.do("edit_item", item=item, column="status", value="Approved")
    monday.do("edit_item", item=item, column="name", value="Renamed")
    found = state(monday, board)["items"][0]
    assert (found["name"], found["values"]["status"]) == ("Renamed", "Approved")
    assert monday.stats()["unmapped_writes"] == {}


def test_a_person_copies_an_item_with_its_key(monday: Caller, board: str) -> None:
    item = monday.create(board, text="k")
    copy = monday.do("duplicate_item", item=item)["id"]
    assert monday.found(board, "k") == [item, copy]


def test_a_person_renames_a_label_and_values_follow(monday: Caller, board: str) -> None:
    item = monday.create(board, status={"label": "Done"})
    monday.do("rename_label", board=board, column="status", label="Done", to="Finished")
    assert monday.texts(item)["status"] == "Finished"
    assert monday.refused(board, item, status={"label": "Done"})["code"] == "ColumnValueException"


def test_a_person_renames_and_retypes_a_column(monday: Caller, board: str) -> None:
    item = monday.create(board, text="k")
    monday.do("rename_column", board=board, column="text", title="Key")
    assert state(monday, board)["columns"]["text"]["title"] == "Key"
    monday.do("retype_column", board=board, column="text", kind="numbers")
    assert monday.texts(item)["text"] == ""
    assert monday.refused(board, item, text="k")["error_data"]["column_type"] == "numeric"


def test_a_person_adds_moves_archives_and_deletes(monday: Caller, board: str) -> None:
    group = monday.do("add_group", board=board, title="Mine")["id"]
    items = [monday.do("add_item", board=board, name=f"{n}", values={"text": "x"})["id"] for n in range(3)]
    monday.do("move_item", item=items[0], group=group)
    monday.do("archive_item", item=items[1])
    monday.do("delete_item", item=items[2])
    found = [(each["state"], each["group"]) for each in state(monday, board)["items"]]
    assert found == [("active", group), ("archived", "topics"), ("deleted", "topics")]
    monday.do("delete_board", board=board)
    assert state(monday, board)["state"] == "deleted"


# --- misfortune --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        ("complexity", 429, "COMPLEXITY_BUDGET_EXHAUSTED"),
        ("rate_limit", 429, "Rate Limit Exceeded"),
        ("ip_limit", 429, "IP_RATE_LIMIT_EXCEEDED"),
        ("field_limit", 200, "FIELD_MINUTE_RATE_LIMIT_EXCEEDED"),
        ("blocked", 200, "API_TEMPORARILY_BLOCKED"),
        ("internal_error", 200, "INTERNAL_SERVER_ERROR"),
    ],
)
def test_refusals_on_demand(monday: Caller, kind: str, status: int, code: str) -> None:
    monday.fault(kind, seconds=7)
    answer = monday.ask(ME)
    error = answer.json()["errors"][0]["extensions"]
    assert (answer.status_code, error["code"]) == (status, code)
    assert error.get("retry_in_seconds", 7) == 7
    assert "data" not in answer.json()
    monday.data(ME)


def test_a_lock_is_423_before_anything_is_done(monday: Caller, board: str) -> None:
    monday.fault("locked", seconds=3)
    answer = monday.ask(CREATE, board=board, name="A", values='{"text": "x"}')
    assert (answer.status_code, answer.headers["Retry-After"]) == (423, "3")
    assert answer.json()["errors"][0]["message"] == "Resource is currently locked, please try again later"
    assert monday.found(board, "x") == []


def test_a_limit_may_come_without_a_body(monday: Caller) -> None:
    monday.fault("rate_limit_bare", seconds=5)
    answer = monday.ask(ME)
    assert (answer.status_code, answer.text, answer.headers["Retry-After"]) == (429, "", "5")


def test_the_old_error_body_has_its_wait_in_words(monday: Caller) -> None:
    monday.fault("complexity_legacy", seconds=3)
    body = monday.ask(ME).json()
    assert (body["error_code"], body["status_code"]) == ("ComplexityException", 429)
    assert body["errors"] == [body["error_message"]]
    assert body["error_message"].endswith("reset in 3 seconds")


def test_errors_may_be_strings(monday: Caller) -> None:
    monday.fault("string_errors", body="Something happened")
    answer = monday.ask(ME)
    assert (answer.status_code, answer.json()) == (200, {"errors": ["Something happened"]})


def test_the_day_may_be_used_up_by_others(monday: Caller) -> None:
    monday.fault("daily_limit")
    answer = monday.ask(ME)
    assert answer.json()["errors"][0]["extensions"]["code"] == "DAILY_LIMIT_EXCEEDED"
    monday.advance(int(answer.headers["Retry-After"]))
    monday.data(ME)


@pytest.mark.parametrize("kind", ["status", "status_after"])
def test_a_gateway_gives_up_before_or_after_the_execution(monday: Caller, board: str, kind: str) -> None:
    monday.fault(kind, status=504, body="upstream request timeout")
    answer = monday.ask(CREATE, board=board, name="A", values='{"text": "x"}')
    assert (answer.status_code, answer.text) == (504, "upstream request timeout")
    assert len(monday.found(board, "x")) == (1 if kind == "status_after" else 0)


def test_a_lost_answer_is_replayed_by_its_key(monday: Caller, board: str) -> None:
    sent = {"headers": {"Idempotency-Key": "k"}, "board": board, "name": "A", "values": '{"text": "x"}'}
    monday.fault("reset_after")
    with pytest.raises(requests.ConnectionError):
        monday.ask(CREATE, **sent)
    again = monday.ask(CREATE, **sent)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert monday.found(board, "x") == [again.json()["data"]["create_item"]["id"]]


def test_a_fault_can_wait_for_an_operation(monday: Caller, board: str) -> None:
    monday.fault("blocked", path="mutation .*create_item")
    monday.data(ME)
    assert monday.error(CREATE, board=board, name="A")["code"] == "API_TEMPORARILY_BLOCKED"


# --- the journal -------------------------------------------------------------------------------------


def test_requests_and_mutations_are_counted(monday: Caller, board: str) -> None:
    item = monday.create(board)
    monday.change(board, item, text="x")
    monday.data(READ, ids=[item])
    stats = monday.stats()
    assert stats["graphql_requests"] == 3
    assert stats["mutations"] == {"create_item": 1, "change_multiple_column_values": 1}


def test_writes_to_columns_that_are_not_mapped_are_noted(monday: Caller, board: str) -> None:
    monday.do("map_columns", columns=["text"], board=board)
    item = monday.create(board, text="x")
    monday.change(board, item, text="y", status={"label": "Done"})
    assert monday.stats()["unmapped_writes"] == {f"{board}/status": 1}


def test_rewrites_of_what_is_there_are_noted(monday: Caller, board: str) -> None:
    item = monday.create(board, text="x", numbers="1.50")
    monday.change(board, item, text="x", numbers="1.5")
    assert monday.stats()["unchanged_rewrites"] == {item: 1}
    monday.change(board, item, text="x", numbers="1.6")
    assert monday.stats()["unchanged_rewrites"] == {item: 1}


def test_two_writers_of_a_board_are_noted() -> None:
    with calling(mutation_seconds=0.2) as monday:
        boards, together = [monday.board("A"), monday.board("B")], threading.Barrier(3)

        def write(board: str) -> None:
            together.wait()
            monday.create(board)

        with ThreadPoolExecutor(3) as pool:
            list(pool.map(write, [boards[0], boards[0], boards[1]]))
        assert monday.stats()["most_in_flight_by_board"] == {boards[0]: 2, boards[1]: 1}


def test_requests_during_an_announced_wait_are_noted(monday: Caller) -> None:
    monday.fault("rate_limit", seconds=30)
    monday.ask(ME)
    assert monday.stats()["early_requests"] == 0
    monday.data(ME)
    assert monday.stats()["early_requests"] == 1
    monday.advance(30)
    monday.data(ME)
    assert monday.stats()["early_requests"] == 1
