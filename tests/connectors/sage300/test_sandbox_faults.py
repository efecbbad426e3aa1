"""Faults, languages, limits and the control surface (docs: sage300 15.25-15.28), over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
import requests

from connectors.sage300.sandbox import EXAMPLE, load_demo
from tests.connectors.sage300.caller import Caller, invoice, refusal, serving


@pytest.fixture
def sage() -> Iterator[Caller]:
    with serving() as caller:
        caller.vendor()
        yield caller


# --- 25: IIS ------------------------------------------------------------------------------------------


def test_25_the_first_call_after_idleness_wakes_the_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    naps: list[float] = []
    monkeypatch.setattr("connectors.sage300.sandbox.server.time", SimpleNamespace(sleep=naps.append))
    with serving(idle_seconds=1200, cold_start_seconds=45) as sage:
        sage.get("AP/APVendors")
        sage.get("AP/APVendors")
        assert naps == [45]
        sage.control("clock", {"advance": 1300})
        sage.get("AP/APVendors")
        assert naps == [45, 45]
        assert sage.control("stats")["cold_starts"] == 2


@pytest.mark.parametrize(("kind", "status"), [("recycling", 503), ("server_page", 500), ("html", 502)])
def test_25_pages_instead_of_json(sage: Caller, kind: str, status: int) -> None:
    sage.fault(kind)
    answer = sage.get("AP/APVendors")
    assert (answer.status_code, answer.headers["Content-Type"].split(";")[0]) == (status, "text/html")
    assert sage.get("AP/APVendors").status_code == 200


def test_25_more_than_n_parallel_requests_are_too_many() -> None:
    with serving(parallel_limit=2) as sage:
        sage.control("latency", {"seconds": 0.3})
        with ThreadPoolExecutor(6) as pool:
            urls = [sage.url("AP/APVendors?$top=1")] * 6
            answers = list(pool.map(lambda url: requests.get(url, auth=sage.http.auth, timeout=10), urls))
        refused = [answer for answer in answers if answer.status_code == 429]
        assert 0 < len(refused) < 6
        assert all(refusal(answer) == (429, "TooManyRequests") for answer in refused)
        assert all("Retry-After" not in answer.headers for answer in refused)
        assert sage.control("stats")["most_in_flight"] > 2


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("too_many_requests", (429, "TooManyRequests")),
        ("locked", (409, "General")),
        ("modified", (409, "General")),
        ("dblink", (500, "DBLinkError")),
    ],
)
def test_25_refusals_on_demand(sage: Caller, kind: str, expected: tuple[int, str]) -> None:
    sage.fault(kind, method="POST")
    assert sage.get("AP/APVendors").status_code == 200
    assert refusal(sage.post("AP/APInvoiceBatches", {})) == expected
    assert sage.rows("AP/APInvoiceBatches") == []


# --- 26: unclear outcomes -----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["commit_then_hang", "reset_after", "hang_after"])
def test_26_the_post_is_committed_but_its_answer_lost(sage: Caller, kind: str) -> None:
    sage.fault(kind, method="POST", seconds=0.1)
    with pytest.raises(requests.ConnectionError):
        sage.post("AP/APInvoiceBatches", {"Description": "ML 1", "Invoices": [invoice()]})
    assert [each["NumberOfEntries"] for each in sage.rows("AP/APInvoiceBatches")] == [1]


def test_26_a_failed_post_may_leave_an_empty_open_batch(sage: Caller) -> None:
    sage.fault("partial_batch", path="APInvoiceBatches")
    assert refusal(sage.post("AP/APInvoiceBatches", {"Description": "ML 1", "Invoices": [invoice()]})) == (
        500,
        "InternalServerError",
    )
    left = sage.rows("AP/APInvoiceBatches", filter="Description eq 'ML 1'")
    assert [(each["BatchStatus"], each["Invoices"]) for each in left] == [("Open", [])]
    assert sage.batch(invoice(), Description="ML 1") == 2


def test_26_or_one_with_its_first_entries(sage: Caller) -> None:
    sage.fault("partial_batch", body="1")
    sage.post("AP/APInvoiceBatches", {"BatchStatus": "ReadyToPost", "Invoices": [invoice("A"), invoice("B")]})
    left = sage.read(1)
    assert (left["BatchStatus"], [each["DocumentNumber"] for each in left["Invoices"]]) == ("Open", ["A"])


# --- 27: languages ------------------------------------------------------------------------------------


def test_27_messages_speak_the_servers_language() -> None:
    with serving(language="fr-FR") as sage:
        sage.vendor()
        number = sage.batch(invoice(DocumentTotalIncludingTax=1))
        answer = sage.post("AP/APInvoiceBatches", {"Invoices": [invoice()]})
        assert refusal(answer) == (409, "FieldInvalid")
        message = answer.json()["error"]["message"]
        assert message["lang"] == "fr-FR"
        assert "already exists" not in message["value"]
        sage.act("post_batch", batch=number)
        assert "déséquilibré" in sage.rows("AP/APPostingErrorMessages")[0]["Message"]


# --- 28: what does not exist --------------------------------------------------------------------------


def test_28_no_etags_and_no_rate_headers(sage: Caller) -> None:
    names = {name.lower() for name in sage.get("AP/APVendors('V1')").headers}
    assert not names & {"etag", "retry-after", "x-ratelimit-limit", "x-ratelimit-remaining"}


# --- control surface ----------------------------------------------------------------------------------


def test_the_session_date_is_the_servers(sage: Caller) -> None:
    """Pago Pago is always a day behind Kiritimati for at least an hour: 25 hours lie between them."""
    dates = []
    for zone in ("Pacific/Pago_Pago", "Pacific/Kiritimati"):
        sage.act("set_option", zone=zone)
        dates.append(sage.read(sage.batch())["BatchDate"])
    assert dates[0] < dates[1]


def test_options_can_be_changed_while_it_runs(sage: Caller) -> None:
    sage.act("set_option", page_size=2, patch=False)
    assert len(sage.rows("GL/GLAccounts")) == 2
    assert sage.patch(f"AP/APInvoiceBatches({sage.batch()})", {}).status_code == 405


def test_what_the_books_do_not_allow_a_person_is_answered_400(sage: Caller) -> None:
    answer = requests.post(f"{sage.root}/_sandbox/actions/ready_batch", json={"batch": 9}, timeout=10)
    assert refusal(answer) == (400, "RecordNotFound")


def test_state_tells_the_books(sage: Caller) -> None:
    sage.batch(invoice("A"))
    sage.act("add_invoice", vendor="V1", document="B", lines=[["6200100", "5.00"]], status="Posted")
    state = sage.control("state")
    assert [each["VendorNumber"] for each in state["vendors"]] == ["V1"]
    assert [each["Invoices"][0]["DocumentNumber"] for each in state["batches"]] == ["A", "B"]
    assert [each["DocumentNumber"] for each in state["posted"]] == ["B"]
    assert state["authors"] == {"1": EXAMPLE.credentials["username"], "2": "JSMITH"}


def test_generated_books_balance(sage: Caller) -> None:
    made = sage.act("generate", vendors=4, invoices=30, batch_size=10, seed=7)
    assert len(sage.rows("AP/APPostedDocuments")) == made["invoices"] == 30
    again = sage.act("generate", vendors=1, invoices=5, status="Open")
    assert again["vendors"] == ["GEN000004"]
    assert sage.rows("AP/APPostingErrorMessages") == []


def test_lean_answers_leave_out_what_is_blank(sage: Caller) -> None:
    number = sage.batch(invoice())
    full = sage.read(number)
    sage.act("set_option", lean=True)
    lean = sage.read(number)
    assert lean["Invoices"][0].items() <= {**full["Invoices"][0], **lean["Invoices"][0]}.items()
    assert len(lean["Invoices"][0]) < len(full["Invoices"][0])
    assert lean["Invoices"][0]["UndistributedAmount"] == 0


def test_the_example_enters_a_fresh_sandbox_with_the_demo() -> None:
    with serving() as sage:
        made = load_demo(sage.sandbox)
        url = f"{sage.root}{EXAMPLE.path}/v1.0/-/{EXAMPLE.settings['company']}/AP/APVendors"
        answer = requests.get(url, auth=(EXAMPLE.credentials["username"], EXAMPLE.credentials["password"]), timeout=10)
        assert {row["VendorNumber"]: row["VendorName"] for row in answer.json()["value"]} == made["vendors"]
        assert sage.read(made["batches"]["posted"])["BatchStatus"] == "Posted"
        assert sage.read(made["batches"]["open"])["BatchStatus"] == "Open"
