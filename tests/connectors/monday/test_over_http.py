"""The ports against the stand-in of monday.com, over real HTTP."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from connectors.clock import SystemClock
from connectors.domain import ItemChange, Written
from connectors.errors import (
    ConfigurationError,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    RecordLocked,
    Rejected,
)
from connectors.monday.sandbox import APP_TOKEN, READ_TOKEN, TOKEN, VIEWER_TOKEN
from connectors.sandboxing import Fault

from .conftest import HASH, KEY, creation, draft


def ids(outcomes):
    assert all(isinstance(each, Written) for each in outcomes), outcomes
    return [each.id for each in outcomes]


# --- the connection --------------------------------------------------------------------------------------


def test_ping_step_by_step(stage):
    steps = list(stage.connect(boards={"bills": stage.board()}).ping())
    assert [(step.name, step.ok) for step in steps] == [
        ("reach", True),
        ("login", True),
        ("version", True),
        ("plan", True),
        ("boards", True),
    ]
    assert "2026-10" in steps[2].message
    assert "At most 5000 calls a day" in steps[3].message
    assert "Invoices" in steps[4].message


def test_ping_says_which_boards_the_user_does_not_see(stage):
    board = stage.board()
    stage.sandbox.do_set_access(board, "none")
    *_, last = stage.connect(boards={"bills": board}).ping()
    assert (last.name, last.ok) == ("boards", False)
    assert f"bills ({board})" in last.message


@pytest.mark.parametrize(
    ("token", "step"), [("unknown-token", "login"), (VIEWER_TOKEN, "permission")], ids=["unknown", "viewer"]
)
def test_ping_stops_at_what_the_token_may_not(stage, token, step):
    (only,) = stage.connect(token).ping()
    assert (only.name, only.ok) == (step, False)
    assert only.fix
    assert token not in only.message


def test_ping_tells_a_limit_from_a_wrong_address(stage):
    monday = stage.connect(daily_calls=1)
    monday.get_board(stage.board())
    (only,) = monday.ping()
    assert (only.name, only.ok) == ("limits", False)
    assert "1 requests allowed per day are used up" in only.message
    assert "daily_calls" in only.fix
    assert "base URL" not in only.fix


def test_ping_warns_when_plan_or_version_are_others(stage, monkeypatch):
    monkeypatch.setattr("connectors.monday.sandbox.access.version", lambda header: "2026-07")
    steps = {step.name: step for step in stage.connect(plan="basic").ping()}
    assert "Warning" in steps["version"].message
    assert "Warning: the account's plan is pro" in steps["plan"].message


def test_the_token_is_sent_bare_or_with_its_prefix_and_shows_nowhere(stage):
    for settings in ({}, {"token_prefix": "Bearer"}):
        assert next(stage.connect(APP_TOKEN, **settings).ping()).ok
    assert next(stage.connect(f"Bearer {TOKEN}", path="").ping()).ok
    told = "".join(each.request + each.response + each.error for each in stage.exchanges)
    assert APP_TOKEN not in told
    assert TOKEN not in told


# --- boards ----------------------------------------------------------------------------------------------


def test_a_board_is_made_and_read_back(stage):
    monday = stage.connect()
    made = monday.create_board("Sage 100 invoices")
    assert monday.create_column(made.id, "amount", "Amount", "numbers").id == "amount"
    assert monday.create_column(made.id, "", "Lines", "long_text").kind == "long_text"
    group = monday.create_group(made.id, "Closed")
    board = monday.get_board(made.id)
    assert ("amount", "Amount", "numbers") in [(each.id, each.title, each.kind) for each in board.columns]
    assert group.id in [each.id for each in board.groups]
    assert (board.items, board.items_limit, board.problem) == (0, 10_000, "")
    assert [each.id for each in monday.find_board("Sage 100 invoices")] == [made.id]
    assert monday.find_board("sage 100 invoices") == []
    assert stage.sandbox.state()["boards"][made.id]["type"]


def test_a_board_that_is_found_is_whole(stage):
    board = stage.board()
    monday = stage.connect()
    whole = monday.get_board(board)
    assert whole.columns
    assert monday.find_board(whole.name) == [whole]


def test_a_board_is_found_among_many(stage):
    for number in range(101):
        stage.sandbox.do_add_board(f"Board {number}")
    stage.sandbox.do_add_board("Board 7")
    assert len(stage.connect().find_board("Board 7")) == 2


def test_a_board_that_is_gone_is_none_and_an_archived_column_says_so(stage):
    board = stage.board(amount="numbers")
    stage.sandbox.do_archive_column(board, "amount")
    monday = stage.connect()
    assert [each.archived for each in monday.get_board(board).columns if each.id == "amount"] in ([True], [])
    stage.sandbox.do_delete_board(board)
    assert monday.get_board(board) is None


# --- items -----------------------------------------------------------------------------------------------


def test_items_are_created_changed_and_renamed_in_one_request(stage):
    board = stage.board(amount="numbers", due="date", state="status", lines="long_text", gl="text")
    monday = stage.connect()
    values = {
        "amount": ("numbers", "1860.00"),
        "due": ("date", "2026-11-27"),
        "state": ("status", "Open"),
        "lines": ("long_text", "6000-01-00  1860.00"),
        "gl": ("text", "4000-01-00"),
    }
    first, second = ids(monday.write_items(board, [creation("a", name="INV-1", **values), creation("b")]))
    row = stage.rows(board)["INV-1"]["values"]
    assert (row["amount"], row["due"], row["state"], row["gl"]) == ("1860", "2026-11-27", "Open", "4000-01-00")
    change = ItemChange(draft("a", name="INV-1 paid", amount=("numbers", ""), due=("date", "")), item_id=first)
    before = stage.requests
    assert ids(monday.write_items(board, [change, creation("c")]))[0] == first
    assert stage.requests == before + 1
    rows = stage.rows(board)
    assert "amount" not in rows["INV-1 paid"]["values"]
    assert rows["INV-1 paid"]["values"]["gl"] == "4000-01-00"  # was not named
    assert set(rows) == {"INV-1 paid", "b", "c"}
    assert second == rows["b"]["id"]


def test_each_item_of_a_batch_succeeds_or_fails_by_itself(stage):
    board = stage.board(amount="numbers")
    outcomes = stage.connect().write_items(
        board,
        [
            creation("a"),
            creation("b", no_such_column=("text", "x")),
            creation("c", amount=("numbers", "a lot")),
            creation("d"),
        ],
    )
    assert [type(each) for each in outcomes] == [Written, Rejected, Rejected, Written]
    assert "amount" in outcomes[2].message
    assert set(stage.rows(board)) == {"a", "d"}
    assert stage.requests == 1


def test_nothing_is_sent_where_nothing_can_be(stage):
    outcomes = stage.connect().write_items(stage.board(), [creation("a", rating=("rating", "5"))])
    assert isinstance(outcomes[0], Rejected)
    assert stage.requests == 0


def test_keys_are_compared_exactly(stage):
    board = stage.board()
    monday = stage.connect()
    first, second = ids(monday.write_items(board, [creation("INV-1"), creation("inv-1")]))
    copy = stage.sandbox.do_duplicate_item(first)["id"]
    found = monday.find_items(board, KEY, HASH, ["INV-1", "INV-2"])
    assert [(item.id, item.key, item.hash) for item in found] == [
        (first, "INV-1", "hash of INV-1"),
        (copy, "INV-1", "hash of INV-1"),
    ]
    assert second not in [item.id for item in found]


def test_forty_items_by_id_are_forty(stage):
    board = stage.board()
    monday = stage.connect()
    changes = [creation(f"k{n}") for n in range(40)]
    made = ids(monday.write_items(board, changes[:20])) + ids(monday.write_items(board, changes[20:]))
    assert set(monday.get_items([*made, "1"], KEY, HASH)) == set(made)


def test_an_item_that_a_person_deleted_is_not_found(stage):
    board = stage.board()
    monday = stage.connect()
    kept, deleted, archived = ids(monday.write_items(board, [creation("a"), creation("b"), creation("c")]))
    stage.sandbox.do_delete_item(deleted)
    stage.sandbox.do_archive_item(archived)
    changes = [ItemChange(draft("x"), item_id=each) for each in (kept, deleted, archived)]
    outcomes = monday.write_items(board, changes)
    assert [type(each) for each in outcomes[:2]] == [Written, NotFound]
    assert not isinstance(outcomes[2], NotFound)


def test_records_that_are_closed_move_to_a_group(stage):
    board = stage.board()
    monday = stage.connect()
    group = monday.create_group(board, "Closed").id
    made = ids(monday.write_items(board, [creation("a"), creation("b", group=group)]))
    outcomes = monday.mark_items(board, [*made, "42"], group)
    assert ids(outcomes[:2]) == made
    assert not isinstance(outcomes[2], Written)
    assert {row["group"] for row in stage.rows(board).values()} == {group}


def test_subitems_tell_their_board(stage):
    board = stage.board()
    monday = stage.connect()
    (item,) = ids(monday.write_items(board, [creation("a")]))
    (line,) = monday.write_items(board, [ItemChange(draft("", name="6000-01-00"), parent=item)])
    if isinstance(line, Rejected):  # the hidden board has no columns of ours yet
        bare = ItemChange(type(draft(""))("", "6000-01-00", {}), parent=item)
        (line,) = monday.write_items(board, [bare])
    assert line.details["board"] == monday.get_board(board).subitems != board


def test_a_board_is_read_back_whole(stage):
    board = stage.board(amount="numbers")
    for number in range(502):
        values = {KEY: f"k{number}", "amount": "10.50"}
        stage.sandbox.do_add_item(board, f"i{number}", values)
    pages = list(stage.connect().read_items(board, KEY, HASH, {"amount": "numbers"}))
    assert [len(page) for page in pages] == [500, 2]
    assert {item.values["amount"] for page in pages for item in page} == {"10.5"}
    with pytest.raises(NotFound):
        next(stage.connect().read_items("42", KEY, HASH, {}))


# --- refusals and silence --------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["reset_after", "truncate"])
def test_an_answer_that_is_lost_creates_nothing_twice(stage, kind):
    board = stage.board()
    stage.fail(kind, path="create_item")
    outcomes = stage.connect().write_items(board, [creation("a"), creation("b")])
    assert [each.duplicate for each in outcomes] == [True, True]
    assert ids(outcomes) == [row["id"] for row in stage.rows(board).values()]
    assert stage.sandbox.stats()["replays"] == 1
    assert stage.sandbox.stats()["same_key_other_body"] == []


def test_an_error_after_execution_creates_nothing_twice(stage):
    board = stage.board()
    stage.fail("status_after", path="create_item", status=504, body="upstream request timeout")
    assert len(ids(stage.connect().write_items(board, [creation("a")]))) == 1
    assert len(stage.rows(board)) == 1


def test_silence_is_an_unknown_outcome(stage):
    board = stage.board()
    stage.fail("reset_after", path="create_item", times=-1)
    with pytest.raises(OutcomeUnknown):
        stage.connect().write_items(board, [creation("a")])
    assert len(stage.rows(board)) == 1


def test_what_was_sent_may_take_effect_as_long_as_it_is_repeated(stage):
    assert stage.connect().capabilities.answer_window >= 3 * 60
    assert stage.connect(request_timeout=300).capabilities.answer_window >= 3 * 300


def test_a_limit_after_silence_leaves_the_outcome_unknown(stage):
    board = stage.board()
    stage.sandbox.faults = [Fault("reset_after", path="create_item"), Fault("rate_limit", seconds=50, times=-1)]
    with pytest.raises(OutcomeUnknown):
        stage.connect().write_items(board, [creation("a")])


def test_the_same_attempt_is_answered_as_before(stage):
    board = stage.board()
    first = stage.connect().write_items(board, [creation("a")], key="delivery 1, attempt 1")
    again = stage.connect().write_items(board, [creation("a")], key="delivery 1, attempt 1")
    assert (ids(again), again[0].duplicate) == (ids(first), True)
    other = stage.connect().write_items(board, [creation("a")])
    assert ids(other) != ids(first)


LIMITS = ["complexity", "complexity_legacy", "rate_limit", "rate_limit_bare", "ip_limit", "field_limit"]


@pytest.mark.parametrize("quota_status", [429, 200])
@pytest.mark.parametrize("kind", LIMITS)
def test_a_short_wait_is_waited_for(open_stage, kind, quota_status):
    stage = open_stage(quota_status=quota_status)
    board = stage.board()
    stage.fail(kind, seconds=2)
    monday = stage.connect()
    ids(monday.write_items(board, [creation("a")]))
    stage.fail(kind, seconds=2)
    assert len(monday.find_items(board, KEY, HASH, ["a"])) == 1
    assert sum(stage.clock.naps) >= 4
    assert stage.sandbox.stats()["early_requests"] == 0


@pytest.mark.parametrize("kind", LIMITS)
def test_a_long_wait_is_for_everybody(stage, kind):
    board = stage.board()
    stage.fail(kind, seconds=40)
    with pytest.raises(RateLimited) as caught:
        stage.connect().write_items(board, [creation("a")])
    assert 40 <= caught.value.retry_after <= 45
    asked = stage.requests
    with pytest.raises(RateLimited):
        stage.connect().get_board(board)
    assert stage.requests == asked
    stage.clock.sleep(45)
    ids(stage.connect().write_items(board, [creation("a")]))
    assert stage.sandbox.stats()["early_requests"] == 0


def test_a_temporary_block_lasts_minutes(stage):
    stage.fail("blocked")
    with pytest.raises(RateLimited) as caught:
        stage.connect().get_board("1")
    assert caught.value.retry_after >= 300


def test_the_day_of_the_account_ends_at_midnight_utc(stage):
    stage.fail("daily_limit")
    board = stage.board()
    with pytest.raises(RateLimited) as caught:
        stage.connect().write_items(board, [creation("a")])
    again = stage.sandbox.now() + timedelta(seconds=caught.value.retry_after)
    assert again.day != stage.sandbox.now().day
    assert (again.hour, stage.rows(board)) in [(hour, {}) for hour in range(3)]  # after midnight, with jitter


def test_our_share_of_the_day_is_kept_by_all(stage):
    board = stage.board()
    for _ in range(3):
        stage.connect(daily_calls=3).get_board(board)
    with pytest.raises(RateLimited):
        stage.connect(daily_calls=3).get_board(board)
    assert stage.requests == 3


def test_a_lock_is_a_locked_record_and_nothing_was_written(stage):
    board = stage.board()
    stage.fail("locked", seconds=30, times=-1)
    with pytest.raises(RecordLocked) as caught:
        stage.connect().write_items(board, [creation("a")])
    assert caught.value.retry_after >= 30
    stage.fail("locked", seconds=1)
    ids(stage.connect().write_items(board, [creation("a")]))
    assert len(stage.rows(board)) == 1


@pytest.mark.parametrize(("kind", "body"), [("internal_error", ""), ("string_errors", "Internal server error")])
def test_an_internal_error_is_tried_again_under_the_same_key(stage, kind, body):
    board = stage.board()
    stage.fail(kind, body=body)
    ids(stage.connect().write_items(board, [creation("a")]))
    stage.fail(kind, body=body)
    assert stage.connect().find_items(board, KEY, HASH, ["a"])
    assert len(stage.rows(board)) == 1


def test_a_token_that_may_only_read_is_a_setting_to_put_right(stage):
    board = stage.board()
    with pytest.raises(ConfigurationError) as caught:
        stage.connect(READ_TOKEN).write_items(board, [creation("a")])
    assert (caught.value.step, "boards:write" in caught.value.fix) == ("permission", True)
    stage.sandbox.do_set_access(board, "view")
    with pytest.raises(ConfigurationError):
        stage.connect().write_items(board, [creation("a"), creation("b")])


def test_a_full_board_takes_what_fits(stage):
    board = stage.board()
    stage.sandbox.do_set_items_limit(board, 1)
    first, second = stage.connect().write_items(board, [creation("a"), creation("b")])
    assert isinstance(first, Written)
    assert (type(second), second.code) == (Rejected, "ItemsLimitationException")


# --- budgets ---------------------------------------------------------------------------------------------


def test_forty_boards_a_minute_and_not_one_more(stage):
    monday = stage.connect()
    for number in range(40):
        monday.create_board(f"Board {number}")
    asked = stage.requests
    with pytest.raises(RateLimited) as caught:
        stage.connect().create_board("Board 41")
    assert (stage.requests, caught.value.retry_after <= 60) == (asked, True)
    stage.clock.sleep(caught.value.retry_after)
    monday.create_board("Board 41")


def test_items_have_no_such_limit_unless_the_operator_wants_one(stage):
    board = stage.board()
    free = stage.connect()
    for batch in range(3):
        ids(free.write_items(board, [creation(f"{batch}-{n}") for n in range(20)]))
    capped = stage.connect(item_writes_per_minute=5)
    assert capped.capabilities.batch["item"] == 5
    ids(capped.write_items(board, [creation(f"c{n}") for n in range(5)]))
    with pytest.raises(RateLimited):
        stage.connect(item_writes_per_minute=5).write_items(board, [creation("one more")])
    stage.clock.sleep(60)
    ids(capped.write_items(board, [creation("one more")]))


def test_complexity_is_not_overdrawn(open_stage):
    stage = open_stage(limits={"complexity": 250_000})
    board = stage.board()
    monday = stage.connect(plan="trial")
    written = 0
    for batch in range(5):
        changes = [creation(f"{batch}-{n}") for n in range(20)]
        try:
            written += len(ids(monday.write_items(board, changes)))
        except RateLimited as error:
            stage.clock.sleep(error.retry_after)
            written += len(ids(monday.write_items(board, changes)))
    assert written == len(stage.rows(board)) == 100
    assert stage.sandbox.stats()["early_requests"] == 0


def test_one_writer_a_board_whoever_writes(open_stage):
    stage = open_stage(mutation_seconds=0.02)
    stage.clock = SystemClock()  # the threads really run at once
    board = stage.board()

    def write(name: str) -> None:
        for n in range(3):
            ids(stage.connect(TOKEN if name == "a" else APP_TOKEN).write_items(board, [creation(f"{name}{n}")]))

    threads = [threading.Thread(target=write, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(stage.rows(board)) == 6
    assert stage.sandbox.stats()["most_in_flight_by_board"] == {board: 1}
