"""Pages, results and refusals in every shape that was seen, over real HTTP; and when a request is repeated."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from connectors.avidxchange.client import TRIES, Client
from connectors.avidxchange.sandbox import EXAMPLE
from connectors.domain import BillDraft, DraftLine, VendorDraft
from connectors.errors import BadAnswer, ConfigurationError, Duplicate, NotFound, RateLimited, Rejected, Unreachable
from connectors.ports import ConnectionSpec
from connectors.sandboxing import Fault, Running, Sandbox, json_response

from .test_connector import MILL, bill_draft, records

TODAY = datetime.now(UTC).date()


class Canned(Sandbox):
    """Answers in turn, the last one for ever."""

    def __init__(self) -> None:
        super().__init__()
        self.answers: list = []
        self.asked: list[str] = []

    def dispatch(self, request):
        self.asked.append(request.full_path)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return answer if hasattr(answer, "status_code") else json_response(answer)


@pytest.fixture
def canned():
    return Canned()


@pytest.fixture
def client(canned, host):
    with Running(canned) as running:
        spec = ConnectionSpec(
            "c2",
            "Pay",
            "avidxchange",
            running.url,
            {"accounting_system": "ABC", "requests_per_minute": 100000},
            EXAMPLE.credentials,
        )
        made = Client(spec, host, jitter=lambda: 0.0)
        yield made
        made.close()


def vendors(client):
    found = client.rows(client.profile["vendors"], [("acctgSysId", "3")])
    return sorted(row["Id"] for row in found)


def page(ids, **paging):
    return {"Items": [{"Id": number} for number in ids], **({"Paging": paging} if paging else {})}


# --- pages -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["PageCount", "Pages"])
def test_pages_are_counted_under_either_name(client, canned, name):
    canned.answers = [page([1, 2], **{name: 2}), page([3], **{name: 2})]
    assert vendors(client) == [1, 2, 3]
    assert "pageNumber=2" in canned.asked[1]


def test_a_list_without_paging_is_everything(client, canned):
    canned.answers = [page([1, 2])]
    assert vendors(client) == [1, 2]
    assert len(canned.asked) == 1


def test_one_row_may_come_without_its_list(client, canned):
    canned.answers = [{"Items": {"Id": 7}, "Paging": {"PageCount": 1}}]
    assert vendors(client) == [7]


@pytest.mark.parametrize("items", [[], None])
def test_no_rows_are_no_rows(client, canned, items):
    canned.answers = [{"Items": items}]
    assert vendors(client) == []


def test_a_bare_list_is_a_list(client, canned):
    canned.answers = [[{"Id": 1}, {"Id": 2}]]
    assert vendors(client) == [1, 2]


def test_links_lead_on_where_no_pages_are_counted(client, canned):
    following = {"Links": [{"Rel": "first", "Href": "/v1/x"}, {"Rel": "next", "Href": "/v1/vendors?pageNumber=2&a=b"}]}
    canned.answers = [page([1], **following), page([2], Links=[{"Rel": "first", "Href": "/v1/x"}]), page([])]
    assert vendors(client) == [1, 2]
    assert canned.asked[1] == "/v1/vendors?pageNumber=2&a=b"


def test_a_link_to_another_host_is_not_followed(client, canned):
    foreign = {"Links": {"Rel": "next", "Href": "https://elsewhere.example/v1/vendors?pageNumber=2"}}
    canned.answers = [page([1], **foreign), page([2], **foreign), page([])]
    assert vendors(client) == [1, 2]
    assert all("pageNumber" in asked for asked in canned.asked)


def test_links_in_a_circle_end(client, canned, clock):
    canned.answers = [page([1], Links=[{"Rel": "next", "Href": "/v1/vendors?pageNumber=1"}])]
    with pytest.raises(BadAnswer):
        vendors(client)


def test_rows_that_moved_between_pages_are_read_again(client, canned):
    short = [page([1, 2], PageCount=2, TotalItems=3), page([2], PageCount=2, TotalItems=3)]
    canned.answers = [*short, page([2, 3], PageCount=2, TotalItems=3), page([1], PageCount=2, TotalItems=3)]
    assert vendors(client) == [1, 2, 3]


def test_another_answer_than_a_list_is_none(client, canned):
    canned.answers = [{"Message": "hello"}]
    with pytest.raises(BadAnswer):
        vendors(client)


def test_amounts_are_never_floats(client, canned):
    canned.answers = [json_response({"Items": [{"Id": 1, "Amount": Decimal("0.1")}]})]
    (row,) = client.rows(client.profile["vendors"])
    assert row["Amount"] == Decimal("0.1")


# --- refusals --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "body", "kind", "code"),
    [
        (400, {"error": "WINDOW_TOO_LONG", "error_description": "At most 31 days."}, Rejected, "WINDOW_TOO_LONG"),
        (400, {"Errors": [{"Code": "FILTER_REQUIRED", "Message": "A filter."}]}, Rejected, "FILTER_REQUIRED"),
        (400, {"Errors": {"Message": "Duplicate number"}}, Duplicate, None),
        (403, {"exception": {"reason": "NoRight", "detail": "No."}}, ConfigurationError, "NoRight"),
        (404, {"exception": {"reason": "NotFound", "detail": "No."}}, ConfigurationError, "NotFound"),
        (405, {}, ConfigurationError, None),
        (302, {}, ConfigurationError, None),
    ],
)
def test_a_refused_list_is_told_by_its_status_and_words(client, canned, status, body, kind, code):
    canned.answers = [json_response(body, status)]
    with pytest.raises(kind) as refused:
        vendors(client)
    assert (refused.value.status, refused.value.code) == (status, code)
    assert len(canned.asked) == 1


def test_a_record_that_is_not_there_is_not_found_only_if_avidxchange_says_so(client, canned, seen):
    canned.answers = [json_response({"exception": {"reason": "NotFound", "detail": "No."}}, 404)]
    with pytest.raises(NotFound):
        client.one(client.profile["invoices"], "get", "7/8")
    assert seen[-1].url.endswith("/v1/invoices/7%2F8")
    canned.answers = [json_response(["<html>"], 404)]
    with pytest.raises(ConfigurationError):
        client.one(client.profile["invoices"], "get", "7")


@pytest.mark.parametrize(
    ("results", "ok"),
    [
        ([{"Successful": True, "Item": {"Id": 5}, "Errors": []}], True),
        ({"Successful": "true", "Item": {"Id": 5}, "Errors": None}, True),
        ({"Successful": "false", "Errors": {"Message": "No."}}, False),
        ([{"Successful": False, "Errors": [{"Message": "No."}, {"Message": "Never."}]}], False),
        ([{"Errors": "No."}], False),
    ],
)
def test_results_are_read_in_every_spelling(client, canned, results, ok):
    canned.answers = [{"Results": results}]
    resource = client.profile["vendors"]
    if ok:
        assert client.write_one(resource, ("POST", "/vendors"), {"Name": "x"}) == {"Id": 5}
        return
    with pytest.raises(Rejected, match="No"):
        client.write_one(resource, ("POST", "/vendors"), {"Name": "x"})


# --- repeating -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["html", "reset_before", "truncate"])
def test_a_read_is_repeated(client, canned, kind):
    canned.answers = [page([1])]
    canned.faults = [Fault(kind, times=2)]
    assert vendors(client) == [1]


def test_a_read_is_given_up_after_some_tries(client, canned, clock):
    canned.answers = [json_response({}, 503)]
    with pytest.raises(Unreachable):
        vendors(client)
    assert len(canned.asked) == TRIES
    assert clock.naps == [2, 4, 8, 16, 32]


@pytest.mark.parametrize(("spelled", "waited"), [("7", 7.0), ("date", 30.0)])
def test_a_throttle_is_waited_for_as_long_as_it_says(connect, avid, clock, spelled, waited):
    connector = connect()
    avid.fault("throttle", seconds=waited, body=spelled)
    connector.begin_run()
    assert [nap for nap in clock.naps if nap > 1] == [pytest.approx(waited, abs=1.5)]


def test_a_throttled_write_is_sent_again(connect, avid, clock):
    avid.ready()
    connector = connect()
    avid.fault("throttle", seconds=3, method="POST")
    connector.create_bills([bill_draft()])
    assert len(avid.state("invoices")) == 1


def test_a_long_throttle_parks_the_work(connect, avid):
    avid.fault("throttle", seconds=600, times=-1)
    with pytest.raises(RateLimited) as parked:
        connect().begin_run()
    assert parked.value.retry_after == pytest.approx(600, abs=1)


def test_the_minutes_budget_is_shared_and_waited_for(connect, avid, clock):
    now = datetime(2026, 11, 20, 12, 0, 30, tzinfo=UTC)
    clock.now = lambda: now.replace(minute=int(clock.skipped > 29))
    for connector in (connect(requests_per_minute=2), connect(requests_per_minute=2)):
        connector.begin_run()
        list(connector.read_accounts(None))
    assert sum(clock.naps) >= 29
    assert avid.stats()["resources"]["codes"]["GET"] == 2


def test_what_must_not_be_sent_is_not(connect, avid):
    avid.ready()
    line = DraftLine("6000", Decimal("1.00"))
    with pytest.raises(Rejected):
        connect().create_bills([BillDraft("01-ABC001", "X", TODAY, TODAY, (line,), reference="r")])
    with pytest.raises(Rejected):
        connect().create_vendors([VendorDraft("Odd", "01|ODD", MILL)])
    assert "invoices" not in avid.stats()["resources"]


# --- quirks of the tenant ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options", [{"quirks": 1.0}, {"links": "absolute"}, {"links": "foreign"}, {"message_only": True}]
)
def test_a_tenants_quirks_change_nothing(connect, avid):
    avid.ready()
    for number in range(30):
        avid.act("add_vendor", code=f"V-{number}", name=f"Vendor {number}")
    connector = connect()
    assert len(records(connector.read_vendors(None))) == 31
    (written,) = connector.create_bills([bill_draft()])
    assert connector.get_bills([written.id])[written.id].total == Decimal("1860.00")
    with pytest.raises(Rejected):
        connector.create_bills([bill_draft()])
    avid.paid(state="settled")
    assert len(records(connector.read_payments(None, TODAY))) == 1
