"""Signing in to SAP Business One: seldom, never twice with a wrong password, never for a business error."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from connectors.sap_b1.sandbox import EXAMPLE
from integrations.engine.unattended import run_flow
from integrations.models import Connection, Run
from integrations.reconcile import reconcile
from tests.builders import manage_json, own_database_url
from tests.sap_world import SapWorld, sap_world

pytestmark = pytest.mark.django_db(transaction=True)

HALF_AN_HOUR = 30 * 60


@pytest.fixture(params=[1, 2], ids=["v1", "v2"])
def world(transactional_db: None, request: pytest.FixtureRequest) -> Iterator[SapWorld]:
    """INV-1 over 100.00 waits in SAP to be sent; nobody has signed in yet."""
    with sap_world(version=request.param) as made:
        made.add_vendor()
        made.add_invoice("INV-1", "100.00")
        yield made


@pytest.fixture
def synced(world: SapWorld) -> SapWorld:
    """After a full sync: INV-1 is an unpaid bill, and the session is known."""
    assert world.sync().ok
    assert world.logins() == 1
    return world


@pytest.fixture
def refused(world: SapWorld, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The sessions with which somebody came in vain."""
    found: list[str] = []
    use = world.sap.sessions.use

    def watched(session: str, route: str) -> Any:
        try:
            return use(session, route)
        except Exception:
            found.append(session)
            raise

    monkeypatch.setattr(world.sap.sessions, "use", watched)
    return found


def attempts(world: SapWorld) -> int:
    return int(world.sap.stats()["login_attempts"])


def sign_in_with(world: SapWorld, *, settings: dict[str, Any] | None = None, **credentials: str) -> None:
    """`manage.py provision` with other words for the connection."""
    books = Connection.objects.get(name="books")
    books.settings |= settings or {}
    books.credentials = {**books.credentials, **credentials}
    books.save()


# --- one session ---------------------------------------------------------------------------------------


def test_a_full_sync_signs_in_once(synced: SapWorld) -> None:
    synced.pay("INV-1")
    assert synced.sync().ok
    assert synced.sync(full=True).ok
    assert reconcile(synced.integration, clock=synced.clock).ok
    assert (synced.logins(), attempts(synced)) == (1, 1)
    assert len(synced.payments()) == 1
    assert synced.sap.stats()["most_sessions"] == 1


def test_another_process_uses_the_same_session(synced: SapWorld) -> None:
    synced.pay("INV-1")
    code, result = manage_json(own_database_url(), "sync", "acme/ap")
    assert (code, result["held"], result["failed"]) == (0, [], [])
    assert len(synced.payments()) == 1
    assert (synced.logins(), attempts(synced)) == (1, 1)


def test_the_session_is_kept_encrypted(synced: SapWorld) -> None:
    session = next(iter(synced.sap.sessions._open))
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names():
            cursor.execute(f'SELECT * FROM "{table}"')
            assert session not in str(cursor.fetchall()), table


# --- the end of a session --------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["expire", "expire_5002"])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/BusinessPartners$"),
        ("GET", "/PurchaseInvoices$"),
        ("GET", "/VendorPayments$"),
        ("POST", "/VendorPayments$"),
    ],
)
def test_a_session_that_ends_meanwhile_costs_one_login(synced: SapWorld, kind: str, method: str, path: str) -> None:
    synced.pay("INV-1")
    synced.fault("sap", kind, method=method, path=path)
    assert synced.sync(full=True).ok
    assert synced.sap.counts[f"fault {kind}"] == 1
    assert (synced.logins(), attempts(synced)) == (2, 2)
    assert [row["TransferSum"] for row in synced.payments()] == [Decimal("100.00")]


def test_a_session_that_never_holds_is_given_up_after_one_login(synced: SapWorld) -> None:
    synced.fault("sap", "expire", times=-1)
    result = synced.sync()
    assert result.exit_code == 3
    assert result.trouble is not None
    assert (result.trouble.connection, result.trouble.step) == ("books", "login")
    assert (synced.logins(), attempts(synced)) == (2, 2)
    synced.no_faults()
    assert synced.sync().ok


def test_an_idle_session_is_renewed_before_it_is_used(synced: SapWorld, refused: list[str]) -> None:
    synced.clock.turn(HALF_AN_HOUR - 30)
    assert synced.sync().ok
    assert (synced.logins(), refused) == (2, [])
    synced.clock.turn(10 * HALF_AN_HOUR)
    assert synced.sync().ok
    assert (synced.logins(), refused) == (3, [])


def test_a_session_in_use_lives_on(synced: SapWorld, refused: list[str]) -> None:
    for _ in range(6):
        synced.clock.turn(20 * 60)
        assert synced.sync().ok
    assert (synced.logins(), refused) == (1, [])


# --- business errors -------------------------------------------------------------------------------------


def test_a_business_5002_costs_no_login(synced: SapWorld) -> None:
    synced.pay("INV-1")
    text = "Field size deviates from legal range [0..8] [OVPM.CounterRef] , 'x'"
    body = f'{{"error":{{"code":-5002,"message":{{"lang":"en-us","value":"{text}"}}}}}}'
    synced.fault("sap", "status", method="POST", path="/VendorPayments$", status=400, body=body)
    (failed,) = synced.sync().failed
    assert failed["reason"] == "rejected_by_target"
    assert "Field size deviates" in failed["message"]
    assert (synced.logins(), attempts(synced)) == (1, 1)
    assert not synced.payments()
    assert synced.sap.counts["fault status"] == 1, "a refusal is final"


# --- refused credentials -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ({"password": "wrong"}, {"password": EXAMPLE.credentials["password"]}),
        ({"username": "nobody"}, {"username": EXAMPLE.credentials["username"]}),
        ({"settings": {"company_db": "NONE"}}, {"settings": {"company_db": EXAMPLE.settings["company_db"]}}),
    ],
    ids=["password", "user", "company"],
)
def test_refused_credentials_are_tried_once(world: SapWorld, wrong: dict[str, Any], right: dict[str, Any]) -> None:
    sign_in_with(world, **wrong)
    result = world.sync()
    assert result.exit_code == 3
    assert result.trouble is not None
    assert (result.trouble.connection, result.trouble.step) == ("books", "login")
    assert (attempts(world), world.logins()) == (1, 0)
    assert not world.bills()

    for flow in world.integration.flows.all():
        run_flow(flow.pk, slot=None, trigger=Run.Trigger.SWEEP, clock=world.clock)
    assert attempts(world) == 1, "unattended nobody tries again"

    sign_in_with(world, **right)
    assert world.sync().ok
    assert (attempts(world), world.logins()) == (2, 1)
    assert set(world.bills()) == {"INV-1"}


def test_the_command_ends_with_3_and_names_no_secret(world: SapWorld) -> None:
    sign_in_with(world, password="not-the-password")
    code, result = manage_json(own_database_url(), "sync", "acme/ap")
    assert (code, result["ok"], result["error"]["connection"], result["error"]["step"]) == (3, False, "books", "login")
    assert "not-the-password" not in str(result)
    assert attempts(world) == 1


# --- a server in difficulties ------------------------------------------------------------------------------


@pytest.mark.parametrize(("method", "path"), [("GET", "/PurchaseInvoices$"), ("POST", "/VendorPayments$")])
def test_a_busy_company_is_asked_again_on_the_same_session(synced: SapWorld, method: str, path: str) -> None:
    synced.pay("INV-1")
    synced.fault("sap", "switch_company", method=method, path=path, times=2)
    assert synced.sync().ok
    assert synced.sap.counts["fault switch_company"] == 2
    assert attempts(synced) == 1
    assert len(synced.payments()) == 1


def test_a_company_that_stays_busy_is_left_in_peace(synced: SapWorld) -> None:
    """One new session for each flow, which then leaves it to the next run."""
    synced.fault("sap", "switch_company", path="/v[12]/(?!Login)", times=-1)
    result = synced.sync()
    assert result.exit_code == 3
    assert attempts(synced) <= 1 + len(result.flows)
    synced.no_faults()
    assert synced.sync().ok


def test_a_company_that_is_forbidden_is_named(synced: SapWorld) -> None:
    synced.fault("sap", "switch_company", body="-5027", times=-1)
    result = synced.sync()
    assert result.exit_code == 3
    assert result.trouble is not None
    assert (result.trouble.connection, result.trouble.step) == ("books", "company")
    assert attempts(synced) == 1


@pytest.mark.parametrize(("method", "path"), [("GET", "/PurchaseInvoices$"), ("POST", "/VendorPayments$")])
def test_a_broken_node_costs_one_login(synced: SapWorld, method: str, path: str) -> None:
    synced.pay("INV-1")
    synced.fault("sap", "broken_node", method=method, path=path)
    assert synced.sync().ok
    assert (synced.logins(), attempts(synced)) == (2, 2)
    assert len(synced.payments()) == 1


def test_colliding_logins_are_tried_again(world: SapWorld) -> None:
    world.fault("sap", "saml", path="/Login$", times=2)
    assert world.sync().ok
    assert (attempts(world), world.logins()) == (3, 1)
    assert set(world.bills()) == {"INV-1"}
