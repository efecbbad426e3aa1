"""Complexity, quotas, headers and idempotency of the sandbox (docs: monday 4, 5, 6, 18)."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
import requests

from connectors.monday.sandbox import APP_TOKEN
from connectors.monday.sandbox.limits import PLANS

from .caller import CREATE, READ, Caller, calling

ME = "{ me { id } }"
COSTS = "{ complexity { before query after reset_in_x_seconds } }"
BOARD = 'mutation { create_board(board_name: "B", board_kind: private, empty: true) { id } }'


@pytest.fixture
def monday() -> Iterator[Caller]:
    with calling() as caller:
        yield caller


def code(answer: requests.Response) -> str:
    return str(answer.json()["errors"][0]["extensions"]["code"])


def cost(monday: Caller, query: str, **variables: Any) -> int:
    before = monday.stats()["complexity_spent"]
    monday.data(query, **variables)
    return int(monday.stats()["complexity_spent"] - before)


# --- complexity --------------------------------------------------------------------------------------


def test_writes_cost_by_what_they_make(monday: Caller) -> None:
    board = monday.board()
    assert cost(monday, BOARD) == 30_010
    assert cost(monday, CREATE, board=board, name="A") == 10_010


def test_reads_cost_by_rows_and_columns(monday: Caller) -> None:
    board = monday.board()
    query = """query($b: ID!) { items_page_by_column_values(board_id: $b, limit: 500,
      columns: [{column_id: "text", column_values: ["x"]}]) {
        items { column_values(ids: ["text", "date"]) { id } } } }"""
    assert cost(monday, query, b=board) == 10 + 500 * 3
    assert cost(monday, READ, ids=["1", "2"]) == 10 + 2 * 11
    assert cost(monday, ME) == 10


def test_the_complexity_field_adds_up_within_60_seconds_of_the_first_call(monday: Caller) -> None:
    monday.data(ME)
    monday.advance(20)
    found = monday.data(COSTS)["complexity"]
    assert (found["before"], found["query"], found["after"]) == (9_999_990, 10, 9_999_980)
    assert 39 <= found["reset_in_x_seconds"] <= 40
    monday.advance(40)
    assert monday.data(COSTS)["complexity"]["before"] == 10_000_000


def test_an_exhausted_budget_says_how_long_to_wait() -> None:
    with calling(limits={"complexity": 15_000}) as monday:
        board = monday.board()
        monday.create(board)
        answer = monday.ask(CREATE, board=board, name="A")
        error = answer.json()["errors"][0]["extensions"]
        assert (answer.status_code, error["code"]) == (429, "COMPLEXITY_BUDGET_EXHAUSTED")
        assert (error["complexity"], error["complexity_budget_left"]) == (10_010, 4_990)
        assert answer.headers["Retry-After"] == str(error["retry_in_seconds"])
        monday.advance(error["retry_in_seconds"])
        assert monday.create(board)


def test_one_request_has_a_cap() -> None:
    with calling(limits={"complexity": 10**8}) as monday:
        board = monday.board()
        many = " ".join(f'm{n}: create_item(board_id: {board}, item_name: "x") {{ id }}' for n in range(500))
        assert code(monday.ask(f"mutation {{ {many} }}")) == "REQUEST_MAX_COMPLEXITY_EXCEEDED"
        assert monday.stats()["mutations"] == {}


def test_an_app_has_a_budget_for_reads_and_one_for_writes(monday: Caller) -> None:
    board = monday.board()
    monday.ask(CREATE, token=APP_TOKEN, board=board, name="A")
    assert monday.ask(COSTS, token=APP_TOKEN).json()["data"]["complexity"]["before"] == 5_000_000


# --- requests ----------------------------------------------------------------------------------------


def test_every_answer_shows_what_is_left(monday: Caller) -> None:
    headers = monday.ask(ME).headers
    assert '"minuteRate";q=2500;w=60' in headers["RateLimit-Policy"]
    assert '"complexityMinute";q=10000000;w=60;qu="content-bytes"' in headers["RateLimit-Policy"]
    assert headers["RateLimit"].startswith('"minuteRate";r=2499, "concurrency";r=99, "complexityMinute";r=9999990;t=')


@pytest.mark.parametrize(("status", "http"), [(429, 429), (200, 200)])
def test_the_minute_has_its_limit(status: int, http: int) -> None:
    with calling(limits={"minute": 2}, quota_status=status) as monday:
        monday.data(ME)
        monday.data(ME)
        answer = monday.ask(ME)
        assert (answer.status_code, code(answer)) == (http, "Rate Limit Exceeded")
        assert answer.json()["errors"][0]["extensions"]["status_code"] == 429
        assert '"minuteRate";r=0;t=' in answer.headers["RateLimit"]
        monday.advance(60)
        monday.data(ME)


def test_the_day_has_its_limit_until_midnight_utc() -> None:
    with calling(limits={"daily": 2}) as monday:
        now = datetime.now(UTC)
        noon = now.replace(hour=12, minute=0, second=0)
        monday.advance(86_400 + (noon - now).total_seconds())
        monday.data(ME)
        monday.data(ME)
        answer = monday.ask(ME)
        assert (answer.status_code, code(answer)) == (429, "DAILY_LIMIT_EXCEEDED")
        assert 12 * 3600 - 60 <= int(answer.headers["Retry-After"]) <= 12 * 3600 + 60
        monday.advance(int(answer.headers["Retry-After"]))
        monday.data(ME)


def test_a_refused_call_and_one_for_the_complexity_cost_a_tenth() -> None:
    with calling(limits={"minute": 2}) as monday:
        monday.data(ME)
        monday.data(COSTS)
        monday.ask(ME)
        assert monday.stats()["daily_calls"] == 1.2


def test_the_plans_daily_limit_can_be_read() -> None:
    with calling(plan="standard") as monday:
        found = monday.data("{ platform_api { daily_limit { base total } } account { tier } }")
        assert found == {
            "platform_api": {"daily_limit": {"base": 1000, "total": 1000}},
            "account": {"tier": "standard"},
        }
    assert {name: each.daily for name, each in PLANS.items()}["enterprise"] == 25_000


def test_only_so_many_requests_run_at_once() -> None:
    with calling(limits={"concurrency": 1}) as monday:
        requests.post(monday.url + "/_sandbox/latency", json={"seconds": 0.2}, timeout=5)
        with ThreadPoolExecutor(2) as pool:
            answers = list(pool.map(lambda _: monday.ask(ME), range(2)))
        refused = [each for each in answers if each.status_code == 429]
        assert code(refused[0]) == "maxConcurrencyExceeded"


def test_boards_are_made_40_times_a_minute_and_items_as_often_as_wanted() -> None:
    with calling(limits={"complexity": 10**8}) as monday:
        many = " ".join(
            f'm{n}: create_board(board_name: "{n}", board_kind: private, empty: true) {{ id }}' for n in range(40)
        )
        monday.data(f"mutation {{ {many} }}")
        answer = monday.ask(BOARD)
        assert answer.status_code == 429
        assert answer.json()["errors"][0]["message"] == "Call limit exceeded for CreateBoard"
        assert 1 <= int(answer.headers["Retry-After"]) <= 60
        board = monday.do("add_board", name="Items")["id"]
        for number in range(41):
            monday.create(board, f"{number}")
        monday.advance(60)
        monday.data(BOARD)


# --- idempotency -------------------------------------------------------------------------------------


def test_the_same_key_gets_the_first_answer_for_30_minutes(monday: Caller) -> None:
    board, headers = monday.board(), {"Idempotency-Key": "k1"}
    first = monday.ask(CREATE, headers=headers, board=board, name="A", values='{"text": "x"}')
    again = monday.ask(CREATE, headers=headers, board=board, name="A", values='{"text": "x"}')
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert (again.json(), len(monday.found(board, "x"))) == (first.json(), 1)
    monday.advance(30 * 60)
    assert monday.ask(CREATE, headers=headers, board=board, name="A", values='{"text": "x"}').json() != first.json()


def test_a_replay_holds_the_partial_errors(monday: Caller) -> None:
    board, headers = monday.board(), {"Idempotency-Key": "k1"}
    first = monday.ask(CREATE, headers=headers, board=board, name="A", values='{"text": 1}').json()
    assert first["errors"]
    assert monday.ask(CREATE, headers=headers, board=board, name="A", values='{"text": 1}').json() == first


def test_the_same_key_with_another_body_hides_the_second_and_is_noted(monday: Caller) -> None:
    board, headers = monday.board(), {"Idempotency-Key": "k1"}
    monday.ask(CREATE, headers=headers, board=board, name="A", values='{"text": "x"}')
    monday.ask(CREATE, headers=headers, board=board, name="A", values='{"text": "y"}')
    assert monday.found(board, "y") == []
    assert monday.stats()["same_key_other_body"] == ["k1"]


def test_keys_of_queries_are_ignored(monday: Caller) -> None:
    answers = [monday.ask(ME, headers={"Idempotency-Key": "k1"}) for _ in range(2)]
    assert all("Idempotency-Replayed" not in each.headers for each in answers)


def test_keys_belong_to_their_user_and_app(monday: Caller) -> None:
    board, headers = monday.board(), {"Idempotency-Key": "k1"}
    monday.ask(CREATE, headers=headers, board=board, name="A", values='{"text": "x"}')
    monday.ask(CREATE, token=APP_TOKEN, headers=headers, board=board, name="A", values='{"text": "x"}')
    assert len(monday.found(board, "x")) == 2


def test_a_parallel_duplicate_is_409() -> None:
    with calling(mutation_seconds=0.3) as monday:
        board, together = monday.board(), threading.Barrier(2)

        def send(_: int) -> requests.Response:
            together.wait()
            return monday.ask(CREATE, headers={"Idempotency-Key": "k1"}, board=board, name="A", values='{"text": "x"}')

        with ThreadPoolExecutor(2) as pool:
            answers = sorted(pool.map(send, range(2)), key=lambda each: each.status_code)
        assert [each.status_code for each in answers] == [200, 409]
        assert (code(answers[1]), answers[1].headers["Retry-After"]) == ("IDEMPOTENCY_CONFLICT", "1")
        assert len(monday.found(board, "x")) == 1


def test_a_request_over_the_budget_leaves_its_key_unused() -> None:
    with calling(limits={"complexity": 15_000}) as monday:
        board, headers = monday.board(), {"Idempotency-Key": "k1"}
        monday.create(board)
        assert monday.ask(CREATE, headers=headers, board=board, name="A").status_code == 429
        monday.advance(60)
        answer = monday.ask(CREATE, headers=headers, board=board, name="A")
        assert "Idempotency-Replayed" not in answer.headers
        assert answer.json()["data"]["create_item"]
