"""Versions in the outbox: the new and the changed, each once, in order."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from connectors.domain import Account
from integrations.engine import stage
from integrations.engine.vocabulary import Staged
from integrations.models import Delivery, Flow, Link, State
from tests.builders import provision

NOW = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
SENT = (State.DELIVERED, State.SENDING, State.UNCERTAIN, State.VOIDED, State.DONE_OUTSIDE)

#: What happens to a key: a content is read (gone or not), or the last version reaches a state.
steps = st.lists(
    st.one_of(
        st.tuples(st.just("read"), st.sampled_from("abc"), st.booleans()),
        st.tuples(st.just("settle"), st.sampled_from([*SENT, State.HELD, State.FAILED])),
    ),
    max_size=12,
)


def staged(content: str, *, gone: bool = False, key: str = "K") -> Staged:
    return Staged(key=key, document=key, record=Account(key, content, "name"), gone=gone)


def read(flow: Flow, *records: Staged) -> stage.Change:
    change = stage.changes(flow, records, now=NOW, run=None)
    stage.save(change)
    return change


def flow_of(start: Any = date(2026, 1, 1)) -> Flow:
    return provision("http://127.0.0.1:1", "http://127.0.0.1:2", start).flows.get(name="bills")


class Versions(TestCase):
    @settings(max_examples=60, deadline=None)
    @given(steps)
    def test_of_any_history(self, history: list[Any]) -> None:
        flow = flow_of()
        for step in history:
            rows = list(Delivery.objects.filter(flow=flow).order_by("version"))
            if step[0] == "settle":
                if rows and rows[-1].state != State.SUPERSEDED:
                    Delivery.objects.filter(pk=rows[-1].pk).update(state=step[1])
                    if step[1] == State.DELIVERED:
                        Link.objects.update_or_create(
                            flow=flow,
                            source_key="K",
                            defaults={"target_id": "T", "created_at": NOW, "delivered_at": NOW},
                        )
                continue
            before = {row.pk: row.state for row in rows}
            change = read(flow, staged(step[1], gone=step[2]))
            after = list(Delivery.objects.filter(flow=flow).order_by("version"))
            self.check(after)
            assert len(after) - len(before) == len(change.fresh) <= 1
            for row in after:  # what was sent, or may have been, is never touched by reading
                if before.get(row.pk) in SENT:
                    assert row.state == before[row.pk]
            assert not stage.changes(flow, [staged(step[1], gone=step[2])], now=NOW, run=None).fresh

    def check(self, rows: list[Delivery]) -> None:
        assert [row.version for row in rows] == list(range(1, len(rows) + 1))
        assert sum(row.state in (State.PENDING, State.HELD, State.FAILED) for row in rows) <= 1
        assert all(row.state not in (State.PENDING, State.HELD, State.FAILED) for row in rows[:-1])


@pytest.mark.django_db
def test_a_record_that_never_went_is_withdrawn_when_it_goes_out_of_scope() -> None:
    flow = flow_of()
    read(flow, staged("a"))
    read(flow, staged("b", gone=True))
    assert [row.state for row in flow.deliveries.order_by("version")] == [State.SUPERSEDED]


@pytest.mark.django_db
@pytest.mark.parametrize("state", [State.SENDING, State.UNCERTAIN])
def test_a_record_that_may_have_gone_is_followed_when_it_goes_out_of_scope(state: State) -> None:
    flow = flow_of()
    read(flow, staged("a"))
    flow.deliveries.update(state=state)
    read(flow, staged("b", gone=True))
    assert [row.state for row in flow.deliveries.order_by("version")] == [state, State.PENDING]


@pytest.mark.django_db
def test_the_last_of_a_page_wins() -> None:
    flow = flow_of()
    read(flow, staged("a"), staged("b"))
    (row,) = flow.deliveries.all()
    assert '"b"' in row.payload


@pytest.mark.django_db
def test_keys_do_not_touch_each_other() -> None:
    flow = flow_of()
    read(flow, staged("a", key="K1"), staged("a", key="K2"))
    change = read(flow, staged("b", key="K1"), staged("a", key="K2"))
    assert ([row.key for row in change.fresh], change.unchanged) == (["K1"], 1)
