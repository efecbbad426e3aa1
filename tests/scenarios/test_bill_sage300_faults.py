"""Lost answers, dead workers, cold starts and closed periods: one batch, not two, and nothing lost."""

from __future__ import annotations

import pytest

from integrations.engine.deliver import Deliverer
from integrations.models import Link, State
from tests.builders import today

BATCHES = "APInvoiceBatches$"


def held_or_open(sage):
    return [row for row in sage.deliveries() if row.state not in (State.DELIVERED, State.SUPERSEDED)]


@pytest.mark.parametrize("mode", ["open", "ready", "post"])
@pytest.mark.parametrize("kind", ["reset_after", "status_after", "truncate"])
def test_an_answer_lost_after_the_batch_was_stored_leaves_one_batch(sage, kind, mode):
    sage.set(post_mode=mode)
    for number in range(3):
        sage.add_bill(f"INV-{number}")
    sage.sync(flows=["accounts", "vendors"])
    sage.fault("sage", kind, method="POST", path=BATCHES)

    result = sage.sync()

    assert result.ok, result.as_json()
    (batch,) = sage.batches()
    assert len(batch["Invoices"]) == 3
    assert batch["BatchStatus"] == {"open": "Open", "ready": "ReadyToPost", "post": "Posted"}[mode]
    sage.quiet()


def test_a_request_that_never_arrived_is_repeated_once_it_cannot_arrive_any_more(sage):
    sage.add_bill("INV-1")
    sage.sync(flows=["accounts", "vendors"])
    sage.fault("sage", "reset_before", method="POST", path=BATCHES)
    result = sage.sync()
    assert result.ok, result.as_json()
    assert list(sage.entries()) == ["INV-1"]
    assert max(sage.clock.naps) > 100  # the window in which the first request could still have been served


def test_a_failed_post_that_left_a_part_of_the_batch_doubles_nothing(sage):
    for number in range(3):
        sage.add_bill(f"INV-{number}")
    sage.sync(flows=["accounts", "vendors"])
    sage.fault("sage", "partial_batch", method="POST", path=BATCHES, body="1")
    sage.sync()
    sage.sync()
    assert set(sage.entries()) == {"INV-0", "INV-1", "INV-2"}
    assert not held_or_open(sage)


def test_batches_are_halved_after_a_lost_answer(sage):
    sage.set(batch_size=8)
    for number in range(16):
        sage.add_bill(f"INV-{number:02}")
    sage.sync(flows=["accounts", "vendors"])
    sage.fault("sage", "reset_before", method="POST", path=BATCHES)
    assert sage.sync().ok
    assert [len(batch["Invoices"]) for batch in sage.batches()] == [4, 4, 4, 4]


def test_one_bad_bill_stops_no_other(sage):
    for number in range(5):
        sage.add_bill(f"INV-{number}")
    sage.add_bill("INV-BAD", purchaseOrderNumber="A purchase order number that Sage cannot hold")
    result = sage.sync()
    assert [row["document"] for row in result.failed] == ["INV-BAD"]
    assert set(sage.entries()) == {f"INV-{number}" for number in range(5)}


class Killed(BaseException):
    """What kill -9 is to a test."""


@pytest.mark.parametrize("arrived", [True, False])
def test_a_worker_that_dies_between_sending_and_settling_is_taken_over(sage, monkeypatch, arrived):
    for number in range(3):
        sage.add_bill(f"INV-{number}")
    sage.sync(flows=["accounts", "vendors"])
    send = Deliverer._outcome

    def die(*arguments):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Deliverer, "_outcome", die)
        if not arrived:
            sage.fault("sage", "reset_before", method="POST", path=BATCHES)
        with pytest.raises(Killed):
            sage.sync()
    assert Deliverer._outcome is send
    assert {row.state for row in sage.deliveries()} == {State.SENDING}
    sage.no_faults()
    sage.clock.turn(60)

    assert sage.sync().ok

    assert len([batch for batch in sage.batches() if batch["Invoices"]]) == 1
    assert set(sage.entries()) == {"INV-0", "INV-1", "INV-2"}
    sage.quiet()


def test_every_attempt_has_a_marker_of_its_own(sage):
    sage.add_bill("INV-1")
    sage.sync(flows=["accounts", "vendors"])
    sage.fault("sage", "status", method="POST", path=BATCHES, status=503)
    sage.sync()
    sage.sync()
    marks = {batch["Description"] for batch in sage.batches()}
    assert len(marks) == len(sage.batches())
    assert list(sage.entries()) == ["INV-1"]


def test_a_closed_period_is_held_as_such_and_ends_when_it_opens(sage):
    sage.set(post_mode="post")
    day = today()
    bill = sage.add_bill("INV-1")
    sage.sage.do_close_period(day.year, day.month)
    sage.sync()
    assert sage.held("INV-1")[0] == "period_closed"

    sage.sage.do_open_period(day.year, day.month)
    sage.replay("INV-1")

    assert sage.sync().ok
    assert sage.link(bill).state == Link.State.POSTED
    assert list(sage.posted()) == ["INV-1"]


def test_a_site_before_2021_keeps_its_batches_open(sage):
    sage.sage.do_set_option(patch=False)
    sage.add_bill("INV-1")
    assert sage.sync().ok
    assert [batch["BatchStatus"] for batch in sage.batches()] == ["Open"]
    assert sage.sync().ok
    assert len(sage.batches()) == 1


def test_a_batch_that_could_not_be_made_ready_is_made_ready_later(sage):
    sage.add_bill("INV-1")
    sage.sync(flows=["accounts", "vendors"])
    sage.fault("sage", "locked", method="PATCH", times=-1)
    sage.sync()
    assert [batch["BatchStatus"] for batch in sage.batches()] == ["Open"]
    sage.no_faults()
    assert sage.sync().ok
    assert [batch["BatchStatus"] for batch in sage.batches()] == ["ReadyToPost"]
    sage.quiet()
