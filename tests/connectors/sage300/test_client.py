"""The client against a web server on loopback: what is sent, what is repeated, and how lists end."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from connectors.budget import MemoryStore
from connectors.errors import (
    BadAnswer,
    ConfigurationError,
    CredentialsRefused,
    Duplicate,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    RecordLocked,
    Rejected,
    Unreachable,
)
from connectors.ports import ConnectionSpec, Exchange, Host
from connectors.sage300 import client as resources
from connectors.sage300.client import Client
from connectors.sage300.metadata import read_schema
from tests.connectors.sage300.server import HTML, RESET, Answer, Asked, Server, error, page

ROOT = "/Sage300WebApi/v1.0/-/SAMINC"
PASSWORD = "Mixed-Case1"
LOCKED = error(409, "General", "Batch 412 cannot be edited because it is locked by another user.")
BUSY = error(429, "TooManyRequests")
RECYCLING = Answer(503, HTML)
BATCH = {"BatchNumber": 412, "BatchStatus": "Open"}
CREATED = Answer(201, BATCH)
DONE = Answer(204)


class VirtualClock:
    """Stands still but for sleeping; waits for another thread are real, and short."""

    def __init__(self) -> None:
        self.passed = 0.0
        self.naps: list[float] = []
        self._moment = threading.Event()

    def now(self) -> datetime:
        return datetime(2026, 11, 20, 15, 20, tzinfo=UTC) + timedelta(seconds=self.passed)

    def monotonic(self) -> float:
        return self.passed

    def sleep(self, seconds: float) -> None:
        if seconds < 0.1:
            self._moment.wait(seconds)
            return
        self.naps.append(seconds)
        self.passed += seconds


@pytest.fixture
def server():
    running = Server()
    yield running
    running.close()


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def seen() -> list[Exchange]:
    return []


@pytest.fixture
def host(clock, seen) -> Host:
    return Host(clock, MemoryStore(clock), seen.append)


@pytest.fixture
def connect(server, host):
    opened = []

    def make(*, password=PASSWORD, jitter: Callable[[], float] = lambda: 0.0, **settings: Any) -> Client:
        spec = ConnectionSpec(
            key="acme/erp",
            name="erp",
            system="sage300",
            base_url=f"{server.url}/Sage300WebApi",
            settings={"company": "SAMINC", "request_timeout": 5, **settings},
            credentials={"username": "WebApi", "password": password},
        )
        opened.append(Client(spec, host, jitter=jitter))
        return opened[-1]

    yield make
    for each in opened:
        each.close()


@pytest.fixture
def client(connect) -> Client:
    return connect()


def login(asked: Asked) -> str:
    return base64.b64decode(asked.headers["Authorization"].removeprefix("Basic ")).decode()


# --- what is sent --------------------------------------------------------------------------------


def use_everything(client: Client) -> None:
    key = {"VendorNumber": "1200"}
    client.page(resources.VENDORS)
    client.get(resources.VENDORS, key)
    client.template(resources.POST_INVOICES)
    client.create(resources.INVOICE_BATCHES, BATCH)
    client.patch(resources.VENDORS, key, {"City": "Albany"})
    client.delete(resources.VENDORS, key)
    client.process(resources.POST_INVOICES, {"FromBatch": 412})


def test_every_request_carries_credentials_and_content_type(server, client):
    server.reply = lambda asked: page() if asked.path == f"{ROOT}/AP/APVendors" else Answer(200, {"x": 1})
    use_everything(client)
    assert [(asked.method, asked.path.removeprefix(ROOT)) for asked in server.asked] == [
        ("GET", "/AP/APVendors"),
        ("GET", "/AP/APVendors('1200')"),
        ("POST", "/AP/APPostInvoices('$template')"),
        ("POST", "/AP/APInvoiceBatches"),
        ("PATCH", "/AP/APVendors('1200')"),
        ("DELETE", "/AP/APVendors('1200')"),
        ("POST", "/AP/APPostInvoices('$process')"),
    ]
    for asked in server.asked:
        assert login(asked) == f"WEBAPI:{PASSWORD}"
        assert asked.headers["Content-Type"] == "application/json"
        assert asked.headers["Accept"] == "application/json"
        assert "Cookie" not in asked.headers


def test_properties_keep_their_order_and_amounts_their_digits(server, client):
    server.answer(CREATED)
    body = {
        "VendorNumber": "Z",
        "GroupCode": "É",
        "Amount": Decimal("1250.40"),
        "Also": [{"b": Decimal("70.00"), "a": 1}],
    }
    client.create(resources.INVOICE_BATCHES, body)
    assert server.asked[0].body.decode() == (
        '{"VendorNumber":"Z","GroupCode":"É","Amount":1250.40,"Also":[{"b":70.00,"a":1}]}'
    )


def test_amounts_are_read_exactly(server, client):
    server.answer(Answer(200, '{"BatchTotal":1250.10,"BatchNumber":412}'))
    assert client.get(resources.INVOICE_BATCHES, {"BatchNumber": 412}) == {
        "BatchTotal": Decimal("1250.10"),
        "BatchNumber": 412,
    }


def test_a_page_is_one_request(server, client):
    server.answer(page({"VendorNumber": "1"}, count=7))
    found = client.page(
        resources.VENDORS,
        filter="VendorName eq 'A&B + C'",
        select=("VendorNumber", "VendorName"),
        orderby="VendorNumber desc",
        top=1000,
        skip=3,
        count=True,
    )
    assert (found.rows, found.total, found.following) == ([{"VendorNumber": "1"}], 7, None)
    (asked,) = server.asked
    assert asked.options == {
        "$filter": "VendorName eq 'A&B + C'",
        "$select": "VendorNumber,VendorName",
        "$orderby": "VendorNumber desc",
        "$top": "100",
        "$skip": "3",
        "$count": "true",
    }
    assert "?$filter=VendorName%20eq%20'A%26B%20%2B%20C'&$select" in asked.target


def test_a_key_reaches_the_server_as_it_is(server, client):
    server.answer(Answer(200, {"VendorNumber": "O'H É#1"}))
    client.get(resources.VENDORS, {"VendorNumber": "O'H É#1"}, ("VendorNumber",))
    (asked,) = server.asked
    assert asked.path == f"{ROOT}/AP/APVendors('O''H É#1')"
    assert asked.options == {"$select": "VendorNumber"}


def test_a_key_that_no_url_carries_is_looked_up_by_filter(server, client):
    server.answer(page({"VendorNumber": "AC/DC"}), page())
    key = {"VendorNumber": "AC/DC"}
    assert client.get(resources.VENDORS, key) == {"VendorNumber": "AC/DC"}
    with pytest.raises(NotFound):
        client.get(resources.VENDORS, key)
    assert server.asked[0].options == {"$filter": "VendorNumber eq 'AC/DC'", "$top": "1"}


def test_a_key_that_no_url_carries_cannot_be_changed(server, client):
    for change in (
        lambda key: client.patch(resources.VENDORS, key, {}),
        lambda key: client.delete(resources.VENDORS, key),
    ):
        with pytest.raises(Rejected, match="AC/DC"):
            change({"VendorNumber": "AC/DC"})
    assert server.asked == server.warmed == []


def test_an_absent_record_is_not_found(server, client):
    server.answer(error(404, "RecordNotFound"))
    with pytest.raises(NotFound):
        client.get(resources.VENDORS, {"VendorNumber": "X"})


@pytest.mark.parametrize("resource", [resources.INVOICE_BATCHES, resources.POST_INVOICES, resources.POSTED_DOCUMENTS])
def test_what_has_no_delete_is_not_asked_to(server, client, resource):
    with pytest.raises(ValueError, match="cannot be deleted"):
        client.delete(resource, {"BatchNumber": 412})
    assert server.asked == []


def test_another_verb_than_the_site_knows_is_told_by_its_status(server, client):
    server.answer(error(405, "MethodNotAllowed"))
    with pytest.raises(Rejected) as caught:
        client.patch(resources.INVOICE_BATCHES, {"BatchNumber": 412}, {"BatchStatus": "ReadyToPost"})
    assert caught.value.status == 405


# --- lists ---------------------------------------------------------------------------------------


def vendors(first: int, last: int) -> list[dict[str, Any]]:
    return [{"VendorNumber": f"V{number:04}"} for number in range(first, last)]


def read(client: Client, **options: Any) -> list[str]:
    return [row["VendorNumber"] for row in client.rows(resources.VENDORS, key="VendorNumber", **options)]


def served(total: int, size: int, *, links: bool, count: bool) -> Callable[[Asked], Answer]:
    """A site with pages of `size`, whose links name a host that only its own network knows."""

    def reply(asked: Asked) -> Answer:
        skip = int(asked.options.get("$skip", 0))
        markers: dict[str, Any] = {}
        if count and asked.options.get("$count") == "true":
            markers["count"] = total
        if links and skip + size < total:
            markers["nextLink"] = f"http://sage-internal/api/AP/APVendors?%24skip={skip + size}&$filter=x"
        return page(*vendors(skip, min(skip + size, total)), **markers)

    return reply


@pytest.mark.parametrize("links", [True, False])
@pytest.mark.parametrize("count", [True, False])
@pytest.mark.parametrize(("total", "size"), [(0, 100), (1, 100), (100, 100), (250, 100), (200, 100), (90, 40)])
def test_a_list_is_read_to_its_end_however_the_site_says_so(server, client, links, count, total, size):
    server.reply = served(total, size, links=links, count=count)
    assert read(client) == [row["VendorNumber"] for row in vendors(0, total)]
    if links and count:
        assert len(server.asked) == max(1, -(-total // size))


def test_every_page_is_asked_for_at_our_own_address_with_our_own_options(server, client):
    server.reply = served(150, 100, links=True, count=True)
    read(client, filter="Status eq 'Active'", select=("VendorName",))
    first, second = (asked.options for asked in server.asked)
    assert first.pop("$count") == "true"
    assert second.pop("$skip") == "100"
    assert first == second
    assert first == {
        "$filter": "Status eq 'Active'",
        "$select": "VendorName,VendorNumber",
        "$orderby": "VendorNumber",
    }


def test_a_row_that_moved_to_the_next_page_is_told_once(server, client):
    server.answer(page(*vendors(0, 3), nextLink="x?$skip=3"), page(*vendors(2, 5)))
    assert read(client) == [row["VendorNumber"] for row in vendors(0, 5)]


def test_a_composite_key_tells_rows_apart(server, client):
    rows = [{"TaxGroupKey": "CA", "TransactionType": kind} for kind in ("Sales", "Purchases", "Sales")]
    server.answer(page(*rows, count=3))
    assert list(client.rows(resources.TAX_GROUPS, key=("TaxGroupKey", "TransactionType"))) == rows[:2]


def test_the_manuals_markers_are_read_too(server, client):
    body = {"odata.count": "3", "odata.nextLink": "x?$skip=2", "value": vendors(0, 2)}
    server.answer(Answer(200, body), page(*vendors(2, 3)))
    assert client.page(resources.VENDORS).total == 3
    server.answer(Answer(200, body), page(*vendors(2, 3)))
    assert len(read(client)) == 3


def test_a_link_without_an_offset_goes_on_after_what_was_read(server, client):
    server.answer(page(*vendors(0, 2), nextLink="x?$skiptoken=abc"), page(*vendors(2, 3)))
    assert len(read(client)) == 3
    assert server.asked[1].options["$skip"] == "2"


@pytest.mark.parametrize(
    "answers",
    [
        [page(*vendors(0, 2), nextLink="x?$skip=2"), page(*vendors(2, 4), nextLink="x?$skip=2")],
        [page(*vendors(0, 2))],
    ],
)
def test_a_list_that_runs_in_circles_is_a_bad_answer(server, client, answers):
    server.answer(*answers)
    with pytest.raises(BadAnswer, match="leads back"):
        read(client)


@pytest.mark.parametrize(
    "body", [{"VendorNumber": "1"}, {"value": None}, {"value": [1]}, {"value": [{"x": 1}]}, [1], HTML]
)
def test_what_is_no_list_is_a_bad_answer(server, client, body):
    server.answer(Answer(200, body))
    with pytest.raises(BadAnswer):
        read(client)


def test_a_site_that_cannot_sort_is_read_unsorted(server, client):
    site = served(150, 100, links=True, count=True)
    server.reply = lambda asked: error(400, "InvalidParameters") if "$orderby" in asked.options else site(asked)
    assert len(read(client)) == 150
    assert len(read(client)) == 150
    assert ["$orderby" in asked.options for asked in server.asked] == [True, False, False, False, False]


def test_a_wrong_filter_is_refused_whatever_the_order(server, client):
    server.answer(error(400, "InvalidParameters"))
    with pytest.raises(Rejected):
        read(client, filter="Nonsense eq 1")
    assert len(server.asked) == 2


# --- what is repeated ----------------------------------------------------------------------------


def write(client: Client, verb: str) -> Any:
    if verb == "create":
        return client.create(resources.INVOICE_BATCHES, BATCH)
    if verb == "patch":
        return client.patch(resources.INVOICE_BATCHES, {"BatchNumber": 412}, {"BatchStatus": "ReadyToPost"})
    return client.process(resources.POST_INVOICES, {"FromBatch": 412, "ToBatch": 412})


VERBS = ("create", "patch", "process")


@pytest.mark.parametrize("trouble", [BUSY, RECYCLING, Answer(502, HTML), Answer(504, HTML), Answer(500, HTML), RESET])
def test_a_read_is_repeated_with_growing_pauses(server, client, clock, trouble):
    server.answer(trouble, trouble, trouble, trouble, page())
    assert client.page(resources.VENDORS).rows == []
    assert clock.naps[:4] == [2, 4, 8, 16]


def test_pauses_are_spread(server, connect, clock):
    server.answer(BUSY, BUSY, page())
    connect(jitter=lambda: 0.8).page(resources.VENDORS)
    assert clock.naps == pytest.approx([2.4, 4.8])


def test_five_tries_are_enough(server, client):
    server.answer(RECYCLING)
    with pytest.raises(Unreachable):
        client.page(resources.VENDORS)
    assert len(server.asked) == 5


@pytest.mark.parametrize("refused", [error(409, "General"), error(400, "InvalidParameters"), error(403, "Forbidden")])
def test_a_refusal_is_not_repeated(server, client, refused):
    server.answer(refused)
    with pytest.raises((Rejected, ConfigurationError)):
        client.page(resources.VENDORS)
    assert len(server.asked) == 1


def test_a_silent_server_is_not_asked_for_ever(server, connect, clock):
    def silence(asked: Asked) -> Answer:
        clock.passed += 120
        return Answer(hang=0.4)

    server.reply = silence
    with pytest.raises(Unreachable):
        connect(request_timeout=0.1).page(resources.VENDORS)
    assert len(server.asked) == 2


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("refused", [BUSY, RECYCLING])
def test_a_write_that_was_not_begun_is_repeated(server, client, verb, refused):
    server.answer(refused, refused, CREATED)
    write(client, verb)
    assert len(server.asked) == 3


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize(
    "lost",
    [
        RESET,
        Answer(500, HTML),
        Answer(502, HTML),
        Answer(504, HTML),
        error(500, "InternalServerError"),
        Answer(201, HTML),
    ],
)
def test_a_write_that_may_have_been_done_is_not_repeated(server, client, verb, lost):
    server.answer(lost)
    with pytest.raises(OutcomeUnknown):
        write(client, verb)
    assert len(server.asked) == 1


def test_a_write_that_takes_too_long_is_not_repeated(server, connect):
    server.answer(Answer(hang=0.4))
    client = connect(request_timeout=0.1)
    with pytest.raises(OutcomeUnknown):
        write(client, "create")
    assert len(server.asked) == 1


@pytest.mark.parametrize("answer", [Answer(201), Answer(201, [1]), Answer(201, '{"BatchNumber":')])
def test_a_creation_that_does_not_say_what_it_created_is_unknown(server, client, answer):
    server.answer(answer)
    with pytest.raises(OutcomeUnknown):
        write(client, "create")


def test_writes_may_answer_nothing(server, client):
    server.answer(DONE)
    assert write(client, "patch") is None
    assert write(client, "process") is None
    server.answer(Answer(200, {"Done": 1}))
    assert write(client, "process") == {"Done": 1}


@pytest.mark.parametrize("verb", ["patch", "process"])
def test_a_locked_record_is_waited_for(server, client, verb):
    server.answer(LOCKED, LOCKED, DONE)
    write(client, verb)
    assert len(server.asked) == 3


def test_a_lock_on_a_creation_is_the_callers_to_wait_for(server, client):
    server.answer(LOCKED)
    with pytest.raises(RecordLocked):
        write(client, "create")
    assert len(server.asked) == 1


def test_a_duplicate_is_told_with_its_code(server, client):
    server.answer(error(409, "RecordDuplicate"))
    with pytest.raises(Duplicate) as caught:
        client.create(resources.VENDORS, {"VendorNumber": "1200"})
    assert caught.value.code == "RecordDuplicate"


def test_a_server_that_nobody_started_is_unreachable_and_nothing_was_sent(server, client, clock):
    client.warm_up()
    server.close()
    client.close()
    with pytest.raises(Unreachable, match="Nothing was sent"):
        write(client, "create")
    assert len(clock.naps) == 4


# --- cold starts, budgets ------------------------------------------------------------------------


def test_a_write_after_idleness_warms_the_server_up(server, client, clock):
    server.answer(CREATED)
    for pause, warmed in ((0, 1), (300, 1), (601, 2)):
        clock.passed += pause
        write(client, "create")
        assert len(server.warmed) == warmed


@pytest.mark.parametrize("trouble", [RESET, Answer(200, HTML), Answer(500, HTML)])
def test_a_server_that_does_not_wake_up_was_asked_for_no_write(server, client, trouble):
    server.cold = True
    server.answer(trouble)
    with pytest.raises(Unreachable):
        write(client, "create")
    assert {asked.method for asked in server.asked} == {"GET"}


def test_at_most_three_requests_and_one_write_are_in_flight(server, client, connect):
    gate = threading.Semaphore(0)

    def slowly(asked: Asked) -> Answer:
        gate.acquire(timeout=0.05)
        return CREATED if asked.method == "POST" else page()

    server.reply = slowly
    others = [connect() for _ in range(8)]
    threads = [threading.Thread(target=each.page, args=(resources.TERMS,)) for each in others]
    run(threads)
    assert len(server.asked) == 8
    assert server.most_in_flight == 3

    server.most_in_flight = 0
    for each in others:
        each.warm_up()
    server.most_in_flight = 0
    run([threading.Thread(target=write, args=(each, "create")) for each in others[:4]])
    assert len(server.asked) == 12
    assert server.most_in_flight == 1


def run(threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)


def test_a_budget_that_is_used_up_is_not_asked_for_again_and_again(host, client, clock, monkeypatch):
    def never(key: str, limit: int, ttl: float) -> None:
        clock.passed += 60

    monkeypatch.setattr(host.store, "acquire_slot", never)
    with pytest.raises(RateLimited):
        client.page(resources.VENDORS)
    assert clock.passed < 300


# --- signing in ----------------------------------------------------------------------------------


def only(*logins: str) -> Callable[[Asked], Answer]:
    return lambda asked: page() if login(asked) in logins else error(401, "Unauthorized")


def test_the_right_password_signs_in(server, client):
    server.cold = True
    server.reply = only(f"WEBAPI:{PASSWORD}")
    client.sign_in()
    assert len(server.asked) == 1


def test_a_password_that_is_right_in_capitals_says_what_to_set(server, client, connect):
    server.cold = True
    server.reply = only(f"WEBAPI:{PASSWORD.upper()}")
    for _ in range(2):
        with pytest.raises(CredentialsRefused) as caught:
            client.sign_in()
        assert "uppercase_password" in caught.value.fix
    assert [login(asked).endswith(PASSWORD.upper()) for asked in server.asked] == [False, True, False]
    connect(uppercase_password=True).sign_in()


def test_capitals_are_recognised_without_the_right(server, client):
    server.cold = True
    wrong = error(401, "Unauthorized")
    server.reply = lambda asked: error(403, "Forbidden") if login(asked).endswith(PASSWORD.upper()) else wrong
    with pytest.raises(CredentialsRefused) as caught:
        client.sign_in()
    assert "uppercase_password" in caught.value.fix


def test_capitals_are_tried_once_a_day(server, connect, clock):
    server.cold = True
    server.answer(error(401, "Unauthorized"))
    for pause, asked in ((0, 2), (60, 3), (86400, 5)):
        clock.passed += pause
        with pytest.raises(CredentialsRefused) as caught:
            connect().sign_in()
        assert "uppercase_password" not in caught.value.fix
        assert len(server.asked) == asked


@pytest.mark.parametrize(
    ("password", "settings"), [("UPPER-1", {}), (PASSWORD, {"uppercase_password": True}), ("", {})]
)
def test_a_password_without_small_letters_is_not_tried_twice(server, connect, password, settings):
    server.cold = True
    server.answer(error(401, "Unauthorized"))
    with pytest.raises(CredentialsRefused):
        connect(password=password, **settings).sign_in()
    assert len(server.asked) == 1


def test_the_web_servers_own_refusal_is_no_reason_to_try_again(server, client):
    server.cold = True
    server.answer(Answer(401, HTML, {"WWW-Authenticate": "Negotiate"}))
    with pytest.raises(ConfigurationError) as caught:
        client.sign_in()
    assert caught.value.step == "iis"
    assert len(server.asked) == 1


def test_refused_credentials_are_not_shown_again_until_asked_to(server, client):
    server.answer(error(401, "Unauthorized"))
    for _ in range(3):
        with pytest.raises(CredentialsRefused):
            client.page(resources.TERMS)
    assert len(server.asked) == 1
    client.sign_in()
    server.answer(page())
    client.page(resources.TERMS)


@pytest.mark.parametrize("resource", [resources.ACCOUNTS, resources.CURRENCIES])
def test_a_missing_right_is_told_by_module(server, client, resource):
    server.answer(error(403, "Forbidden"))
    with pytest.raises(ConfigurationError, match=f"\\({resource[:2]}\\)"):
        client.page(resource, top=1)


def test_no_secret_is_reported(server, client, seen):
    token = base64.b64encode(f"WEBAPI:{PASSWORD}".encode()).decode()
    server.answer(error(409, "General", f"{PASSWORD} {PASSWORD.upper()} {token}"))
    with pytest.raises(Rejected) as caught:
        client.page(resources.VENDORS)
    shown = json.dumps([str(each) for each in seen]) + caught.value.message + caught.value.raw + repr(client.config)
    for secret in (PASSWORD, PASSWORD.upper(), token):
        assert secret not in shown


# --- metadata ------------------------------------------------------------------------------------

EDMX = """<?xml version="1.0" encoding="utf-8"?>
<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>
<Schema Namespace="Sage.AP.Models" xmlns="http://docs.oasis-open.org/odata/ns/edm">
<EntityType Name="Record"><Property Name="UpdateOperation" Type="Edm.String"/></EntityType>
<EntityType Name="Batch" BaseType="Sage.AP.Models.Record"><Key><PropertyRef Name="BatchNumber"/></Key>
<Property Name="BatchNumber" Type="Edm.Decimal"/><Property Name="Invoices" Type="Collection(Sage.AP.Models.Invoice)"/>
</EntityType>
<ComplexType Name="Invoice"><Property Name="Comment" Type="Edm.String"/>
<Property Name="Lines" Type="Sage.AP.Models.Line"/>
</ComplexType><ComplexType Name="Line"><Property Name="GLAccount" Type="Edm.String"/></ComplexType></Schema>
<Schema Namespace="Default" xmlns="http://docs.oasis-open.org/odata/ns/edm"><EntityContainer Name="Container">
<EntitySet Name="APInvoiceBatches" EntityType="Sage.AP.Models.Batch"/></EntityContainer></Schema>
</edmx:DataServices></edmx:Edmx>"""
PATHS = ("APInvoiceBatches", "APInvoiceBatches/Invoices", "APInvoiceBatches/Invoices/Lines")


def test_a_site_describes_its_properties(server, client, host):
    server.answer(Answer(200, "\ufeff" + EDMX))
    schema = read_schema(client, host, "AP", [*PATHS, "APVendors", "APInvoiceBatches/Nothing"])
    assert schema.names == {
        PATHS[0]: {"BatchNumber", "Invoices", "UpdateOperation"},
        PATHS[1]: {"Comment", "Lines"},
        PATHS[2]: {"GLAccount"},
    }
    assert schema.knows(PATHS[1], "Comment") is True
    assert schema.knows(PATHS[1], "Discountable") is False
    assert schema.knows("APVendors", "City") is None
    (asked,) = server.asked
    assert asked.path == f"{ROOT}/AP/$metadata"
    assert "application/json" in asked.headers["Content-Type"]
    assert "application/xml" in asked.headers["Accept"]


def test_a_description_is_read_once_a_day_and_module(server, connect, host, clock):
    server.answer(Answer(200, EDMX))
    for pause, module, paths, asked in (
        (0, "AP", PATHS[:1], 1),
        (60, "AP", PATHS[:1], 1),
        (0, "GL", ["GLAccounts"], 2),
        (0, "AP", PATHS[1:], 3),
        (0, "AP", PATHS, 3),
        (86400, "AP", PATHS, 4),
    ):
        clock.passed += pause
        read_schema(connect(), host, module, paths)
        assert len(server.asked) == asked


@pytest.mark.parametrize(
    "answer",
    [
        error(404, "ResourceNotFound"),
        Answer(404, HTML),
        Answer(200, HTML),
        Answer(200, '{"$Version":"4.0"}'),
        Answer(200, '<!DOCTYPE x [<!ENTITY a "b">]>' + EDMX.partition("?>")[2]),
        error(405, "MethodNotAllowed"),
    ],
)
def test_a_site_that_does_not_describe_itself_is_tolerated(server, client, host, answer):
    server.answer(answer)
    for _ in range(2):
        assert read_schema(client, host, "AP", PATHS).knows(PATHS[0], "BatchNumber") is None
    assert len(server.asked) == 1


def test_a_module_that_may_not_be_used_is_told(server, client, host):
    server.answer(error(403, "Forbidden"))
    with pytest.raises(ConfigurationError):
        read_schema(client, host, "GL", ["GLAccounts"])
