"""A flow run by the task cluster, over both sandboxes, with the tasks called as the queue calls them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from django_q.models import OrmQ

from connectors.clock import SystemClock
from connectors.errors import Unreachable
from integrations import tasks
from integrations.engine import unattended
from integrations.engine.claim import claim
from integrations.engine.run import FlowRun
from integrations.engine.schedule import last_heartbeat, ring, sweep
from integrations.models import Connection, Delivery, Flow, Run, State
from tests.builders import World, world
from tests.integrations.world import make_delivery

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def sandboxes() -> Iterator[World]:
    with world() as made:
        made.add_vendor()
        for number in range(5):
            made.add_invoice(f"INV-{number}")
        yield made


def drain(limit: int = 30) -> list[str]:
    """Work off the queue as a cluster would; what each task answered."""
    answers = []
    while (row := OrmQ.objects.order_by("id").first()) is not None:
        task = row.task
        row.delete()
        answers.append(getattr(tasks, task["func"].rpartition(".")[2])(*task["args"], **task["kwargs"]))
        assert len(answers) < limit, "the bells never stop"
    return answers


def run(flow: Flow, **options: Any) -> str:
    return unattended.run_flow(flow.pk, **{"slot": None, "trigger": "webhook", "clock": SystemClock(), **options})


def test_flows_ring_each_other_until_everything_is_delivered(sandboxes: World) -> None:
    for name in ("accounts", "bills"):
        ring(sandboxes.flow(name))
    assert set(drain()) <= {"ran", "answered"}
    assert len(sandboxes.bills()) == 5
    assert sweep(SystemClock()) == 0


def test_a_bill_read_before_its_vendor_still_gets_it(sandboxes: World) -> None:
    """A new cluster begins with all flows at once: the vendor is asked for before anybody has read it."""
    ring(sandboxes.flow("accounts"))
    drain()
    ring(sandboxes.flow("bills"))
    drain()
    assert {row["name"] for row in sandboxes.vendors()} == {"Acme Building Supply"}
    assert len(sandboxes.bills()) == 5


def test_a_slot_runs_once_however_often_its_bell_rings(sandboxes: World) -> None:
    flow, slot = sandboxes.flow("accounts"), timezone.now().isoformat()
    assert [tasks.run_flow(flow.pk, slot=slot) for _ in range(3)] == ["ran", "slot done", "slot done"]
    assert Run.objects.get(flow=flow).slot.isoformat() == slot


def test_a_doubled_bell_costs_no_run(sandboxes: World) -> None:
    flow = sandboxes.flow("accounts")
    ring(flow)
    assert [run(flow), run(flow)] == ["ran", "answered"]


def test_a_running_flow_is_not_run_twice_and_its_bell_is_not_lost(sandboxes: World) -> None:
    flow = sandboxes.flow("accounts")
    held = claim(flow, SystemClock())
    assert held is not None
    ring(flow)
    assert drain() == ["busy"]
    held.release()
    assert Flow.objects.get(pk=flow.pk).rung_at is not None
    ring(sandboxes.flow("vendors"))
    assert drain()[:2] == ["ran", "ran"], "whoever ends next rings for it"


def test_a_bell_during_a_run_is_answered_right_after_it(sandboxes: World, monkeypatch: pytest.MonkeyPatch) -> None:
    flow = sandboxes.flow("accounts")
    plain = FlowRun.deliver

    def deliver(self: FlowRun) -> bool:
        monkeypatch.setattr(FlowRun, "deliver", plain)
        ring(flow)
        assert drain() == ["busy"]
        return plain(self)

    monkeypatch.setattr(FlowRun, "deliver", deliver)
    ring(flow)
    assert drain() == ["ran", "ran"]
    assert Run.objects.filter(flow=flow, state="done").count() == 2


def test_refused_credentials_stop_unattended_runs_until_a_person_tries_again(sandboxes: World) -> None:
    flow = sandboxes.flow("vendors")
    Connection.objects.filter(system="bill").update(
        credentials={"username": "ap-sync@example.com", "password": "wrong", "dev_key": "01SANDBOXDEVELOPERKEY"}
    )
    ring(flow)
    assert drain() == ["failed"]
    assert Run.objects.get(flow=flow).state == "failed"
    refused = Connection.objects.get(system="bill")
    assert refused.refused_at is not None
    logins = sandboxes.bill.refused["BDC_1101"]
    assert run(flow, slot=timezone.now()) == run(flow) == "credentials refused"
    assert sweep(SystemClock()) == 0
    assert sandboxes.bill.refused["BDC_1101"] == logins == 1
    refused.credentials = {**refused.credentials, "password": "sandbox-password"}
    refused.save()
    ring(flow, trigger=Run.Trigger.MANUAL)
    assert "ran" in drain()
    assert Connection.objects.get(system="bill").refused_at is None


def test_a_disabled_flow_does_not_run(sandboxes: World) -> None:
    flow = sandboxes.flow("accounts")
    ring(flow)
    Flow.objects.filter(pk=flow.pk).update(enabled=False)
    assert drain() == ["disabled"]
    assert not Run.objects.filter(flow=flow).exists()


def test_a_system_that_is_down_is_not_hammered(sandboxes: World) -> None:
    """Due work on both sides of a failing target must not make the flows ring each other."""
    ring(sandboxes.flow("accounts"))
    drain()
    sandboxes.fault("bill", "status", status=500, path="/v3/(vendors|bills)", times=-1)
    for name in ("vendors", "bills"):
        ring(sandboxes.flow(name))
    answers = drain(limit=6)
    assert "failed" in answers
    assert sweep(SystemClock()) == 0, "not before its patience is over"


def test_a_run_whose_time_is_up_goes_on_in_the_next(sandboxes: World, monkeypatch: pytest.MonkeyPatch) -> None:
    ring(sandboxes.flow("accounts"))
    drain()
    monkeypatch.setattr(unattended, "TIME_BOX", -1.0)
    flow = sandboxes.flow("bills")
    assert run(flow, slot=timezone.now()) == "ran"
    assert Flow.objects.get(pk=flow.pk).last_full_at is None, "a full read that was cut short is none"
    monkeypatch.undo()
    drain()
    assert len(sandboxes.bills()) == 5
    assert Flow.objects.get(pk=flow.pk).last_full_at is not None


@pytest.mark.parametrize(
    ("error", "state"), [(KeyError("defect"), "failed"), (SystemExit(1), "failed"), (Unreachable("gone"), "failed")]
)
def test_a_run_that_crashes_says_so_and_lets_the_flow_go(
    sandboxes: World, monkeypatch: pytest.MonkeyPatch, error: BaseException, state: str
) -> None:
    def read(self: FlowRun) -> None:
        raise error

    monkeypatch.setattr(FlowRun, "read", read)
    flow = sandboxes.flow("accounts")
    ring(flow)
    if isinstance(error, Unreachable):
        assert run(flow) == "failed"
    else:
        with pytest.raises(type(error)):
            run(flow)
    ended = Run.objects.get(flow=flow)
    assert ended.state == state
    assert ended.finished_at is not None
    assert ended.error
    assert Flow.objects.get(pk=flow.pk).claim_token == ""


def test_a_run_that_was_taken_over_does_not_call_itself_done(sandboxes: World, monkeypatch: pytest.MonkeyPatch) -> None:
    flow = sandboxes.flow("accounts")

    def read(self: FlowRun) -> None:
        Flow.objects.filter(pk=flow.pk).update(claim_token="another")
        Run.objects.filter(pk=self.run.pk).update(state=Run.State.STOPPED)
        self.claim.fence()

    monkeypatch.setattr(FlowRun, "read", read)
    ring(flow)
    assert run(flow) == "taken over"
    assert Run.objects.get(flow=flow).state == Run.State.STOPPED
    assert Flow.objects.get(pk=flow.pk).claim_token == "another"


def test_parked_records_are_found_by_the_sweep_when_their_time_comes(sandboxes: World) -> None:
    for name in ("accounts", "vendors"):
        ring(sandboxes.flow(name))
    drain()
    flow = sandboxes.flow("bills")
    ring(flow)
    sandboxes.fault("bill", "bdc", method="POST", path="/v3/bills", times=-1, body="BDC_1144")
    drain()
    parked = Delivery.objects.filter(flow=flow, state=State.PENDING)
    assert parked.count() == 5
    assert {row.not_before is not None and row.attempts for row in parked} == {0}
    sandboxes.no_faults()
    now = timezone.now()
    assert sweep(SystemClock()) == 0
    Delivery.objects.filter(flow=flow).update(not_before=now - timedelta(seconds=1))
    assert sweep(SystemClock()) == 1
    drain()
    assert len(sandboxes.bills()) == 5


def test_a_long_run_proves_the_cluster_alive(sandboxes: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """With all workers busy the sweep's own heartbeat has to wait: a watchdog must not kill them for that."""
    monkeypatch.setattr("integrations.engine.claim.BEAT", 0.02)
    plain = FlowRun.read

    def read(self: FlowRun) -> None:
        waited = 0.0
        while last_heartbeat() is None and waited < 20:
            SystemClock().sleep(0.02)
            waited += 0.02
        plain(self)

    monkeypatch.setattr(FlowRun, "read", read)
    ring(sandboxes.flow("accounts"))
    drain()
    assert last_heartbeat() is not None


def test_a_flow_without_its_setting_does_not_answer_its_bell(sandboxes: World) -> None:
    """Also when records of the time when it was switched on are still waiting."""
    flow = sandboxes.flow("new_vendors")
    make_delivery(flow, "Nobody Inc", "pending", payload="{}")
    ring(flow)
    assert run(flow) == "disabled"
    flow.refresh_from_db()
    assert flow.rung_at is None  # health checks would call it late
    assert not Run.objects.filter(flow=flow).exists()
