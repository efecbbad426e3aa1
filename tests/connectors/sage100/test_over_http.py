"""The connector against the stand-in of the agent, over real HTTP."""

from __future__ import annotations

import hashlib
import ssl
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
import trustme

from connectors.budget import MemoryStore
from connectors.clock import SystemClock
from connectors.domain import Address, Application, Blocked, NewVendorDraft, PaymentDraft, PaymentMethod, VendorDraft
from connectors.errors import (
    ConfigurationError,
    CredentialsRefused,
    Duplicate,
    NotFound,
    OutcomeUnknown,
    RecordLocked,
    Rejected,
)
from connectors.ports import ConnectionSpec, Host, Tls
from connectors.sage100.connector import Sage100
from connectors.sage100.sandbox import FULL_KEY, READ_KEY, Sage100Sandbox, load_demo
from connectors.sandboxing import Fault, Running

START = datetime.now(UTC).date() - timedelta(days=90)


class HastyClock(SystemClock):
    """Waits no longer than a moment, so that waiting reads are quick."""

    def sleep(self, seconds: float) -> None:
        super().sleep(min(seconds, 0.01))


@pytest.fixture
def sandbox():
    agent = Sage100Sandbox(rate_per_second=0)
    load_demo(agent)
    return agent


@pytest.fixture
def url(sandbox):
    with Running(sandbox) as running:
        yield running.url


@pytest.fixture
def connect(url):
    opened = []

    def make(key=FULL_KEY, company="abc", base=None, credentials=None, **kwargs):
        clock = HastyClock()
        given = {"api_key": key} if credentials is None else credentials
        spec = ConnectionSpec("c1", "Books", "sage100", base or url, {"company_code": company}, given, **kwargs)
        opened.append(Sage100(spec, Host(clock=clock, store=MemoryStore(clock))))
        return opened[-1]

    yield make
    for sage in opened:
        sage.close()


def records(pages):
    return [record for page in pages for record in page.records]


def payment(**changes) -> PaymentDraft:
    draft = PaymentDraft(
        reference="bill:stp01",
        vendor_key="01-ACME01",
        bank="B",
        method=PaymentMethod.ACH,
        check_number="",
        trace="P251-88",
        paid_on=datetime.now(UTC).date() - timedelta(days=1),
        amount=Decimal(1250),
        comment="BILL P251",
        applications=(Application("INV-20541", Decimal(1250)),),
        batch="BILL today",
    )
    return replace(draft, **changes)


def test_ping_and_begin_run(connect):
    sage = connect()
    sage.begin_run()
    assert all(step.ok for step in sage.ping())


@pytest.mark.parametrize(
    ("kwargs", "step"), [({"key": "z" * 40}, "login"), ({"company": "QQQ"}, "company"), ({"company": "XYZ"}, "company")]
)
def test_ping_says_where_it_fails(connect, kwargs, step):
    last = list(connect(**kwargs).ping())[-1]
    assert (last.name, last.ok) == (step, False)
    assert last.fix


def test_everything_is_read(connect):
    sage = connect()
    vendors = {vendor.key: vendor for vendor in records(sage.read_vendors(None))}
    assert len(vendors) == 13
    assert {"01-HARBOR", "02-HARBOR"} <= set(vendors)
    accounts = {account.key: account for account in records(sage.read_accounts(None))}
    pages = list(sage.read_bills(None, START))
    assert not any(page.bad for page in pages)
    bills = {bill.key: bill for bill in records(pages)}
    assert "01-ACME01|INV-20600" not in bills  # only entered
    for bill in bills.values():
        assert sum(line.amount for line in bill.lines) + bill.freight + bill.tax == bill.total
        assert all(accounts[line.account_key].number == line.account_number for line in bill.lines)
    assert bills["01-LAKE01|POL-5501"].blocked == (Blocked.VENDOR_ON_HOLD,)
    for opened in records(sage.read_open_bills()):
        assert (opened.balance, opened.blocked) == (bills[opened.key].balance, bills[opened.key].blocked)


def test_a_poll_finds_what_changed(connect, sandbox):
    sage = connect()
    first = list(sage.read_bills(None, START))[-1]
    assert records(sage.read_bills(first.cursor, START)) == [] or len(records(sage.read_bills(first.cursor, START))) < 5
    sandbox.do_change_invoice("01", "SUMMIT", "SE/2210", comment="changed")
    changed = [bill for bill in records(sage.read_bills(first.cursor, START)) if bill.number == "SE/2210"]
    assert changed[0].description == "changed"


def test_a_long_chain_is_resumed_between_its_pages(connect, sandbox):
    sandbox.do_generate(vendors=5, invoices=1200, lines=1)
    sage = connect()
    first = next(iter(sage.read_bills(None, START)))
    assert first.cursor["next"]
    rest = list(connect().read_bills(first.cursor, START))
    keys = [bill.key for bill in [*first.records, *records(rest)]]
    assert len(keys) == len(set(keys)) >= 1200


def test_a_changed_start_date_begins_a_chain_again(connect, sandbox):
    sandbox.do_generate(vendors=5, invoices=1200, lines=1)
    sage = connect()
    first = next(iter(sage.read_bills(None, START)))
    again = list(sage.read_bills(first.cursor, START + timedelta(days=1)))
    assert len(records(again)) >= 1000
    assert again[-1].cursor["since"] is not None


def test_segments_are_listed_and_accounts_refer_to_them(connect):
    sage = connect()
    values = {each.key: each for each in sage.read_segments()}
    (account,) = [each for each in records(sage.read_accounts(None)) if each.number == "5010-01-00"]
    named = [values[key] for key in account.segments]
    assert [each.number for each in named] == account.number.split("-")
    assert [each.kind for each in named] == ["Main", "Location", "Department"]
    assert all(each.name and each.active for each in named)


def test_the_open_items_of_one_vendor_with_those_that_are_paid(connect, sandbox):
    sage = connect()
    (vendor, *_) = sorted({each.vendor_key for each in records(sage.read_open_bills())})
    found = sage.find_open_bills(vendor)
    assert {each.key for each in records(sage.read_open_bills()) if each.vendor_key == vendor} <= {
        each.key for each in found
    }
    assert {each.vendor_key for each in found} == {vendor}


def test_the_books_are_named_by_system_and_company(connect):
    assert connect().capabilities.books == "S100|ABC"


def test_get_bill(connect):
    sage = connect()
    assert sage.get_bill("01-A&B/CO|R 104/B#2").total == Decimal("140.00")
    assert sage.get_bill("01-0000123|0781").number == "0781"
    with pytest.raises(NotFound):
        sage.get_bill("01-0000123|781")
    with pytest.raises(NotFound):
        sage.get_bill("01-ACME01|INV-20600")


def test_a_payment_from_entry_to_posting(connect, sandbox):
    sage = connect()
    written = sage.record_payment(payment())
    assert written.number.startswith("W")
    assert written.details["batch"]
    again = sage.record_payment(payment())
    assert (again.id, again.duplicate) == (written.id, True)
    assert not sage.find_payment("bill:stp01").posted
    sandbox.do_post_all()
    posted = sage.find_payment("bill:stp01")
    assert posted.posted
    assert posted.id != written.id
    assert sage.get_payment(written.id).id == posted.id
    assert [one.reference for one in sage.find_bill_payments("01-ACME01|INV-20541")] == ["bill:stp01"]
    assert posted in records(sage.read_ledger_payments(None))
    with pytest.raises(Rejected) as caught:
        sage.delete_payment(written.id)
    assert caught.value.code == "payment_posted"
    assert sage.get_bill("01-ACME01|INV-20541").blocked == (Blocked.PAID,)


def test_an_entry_can_be_taken_back_and_entered_again(connect):
    sage = connect()
    sage.delete_payment(sage.record_payment(payment()).id)
    assert sage.find_payment("bill:stp01") is None
    assert not sage.record_payment(payment(comment="another")).duplicate


def test_a_check(connect):
    sage = connect()
    check = payment(method=PaymentMethod.CHECK, check_number="104512")
    assert sage.record_payment(check).number == "0000104512"
    with pytest.raises(Rejected) as caught:
        sage.record_payment(
            replace(
                check, reference="bill:stp02", amount=Decimal(1), applications=(Application("INV-20541", Decimal(1)),)
            )
        )
    assert caught.value.code == "check_number_used"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        (
            {"amount": Decimal(1300), "applications": (Application("INV-20541", Decimal(1300)),)},
            "amount_exceeds_balance",
        ),
        ({"applications": (Application("INV-20480", Decimal(1250)),)}, "invoice_already_paid"),
        ({"applications": (Application("INV-20600", Decimal(1250)),)}, "invoice_not_open"),
        ({"amount": Decimal(1)}, "out_of_balance"),
        ({"bank": "Q"}, "unknown_reference"),
        ({"paid_on": date(2020, 1, 31)}, "period_closed"),
    ],
)
def test_what_the_agent_refuses(connect, sandbox, changes, code):
    sandbox.do_close_period(2020, 1)
    with pytest.raises(Rejected) as caught:
        connect().record_payment(payment(**changes))
    assert caught.value.code == code
    if code == "amount_exceeds_balance":
        assert "INV-20541: 1250.00" in caught.value.message
    if code == "invoice_already_paid":
        assert "INV-20480: 0.00" in caught.value.message


@pytest.mark.parametrize(
    "fault", ["reset_after", "timeout_after", "timeout_before", "reset_before", "truncate", "html", "agent_error"]
)
def test_an_unknown_outcome_is_cleared_by_repeating(connect, sandbox, fault):
    sage = connect()
    sage.begin_run()
    sandbox.faults.append(Fault(fault, method="POST"))
    with pytest.raises(OutcomeUnknown):
        sage.record_payment(payment())
    sage.record_payment(payment())
    assert len(sage.find_bill_payments("01-ACME01|INV-20541")) == 1


def test_locks(connect, sandbox):
    sage = connect()
    sandbox.faults += [Fault("locked", method="POST", seconds=5), Fault("locked", method="GET", times=2)]
    with pytest.raises(RecordLocked) as caught:
        sage.record_payment(payment())
    assert caught.value.retry_after == 5
    assert len(records(sage.read_vendors(None))) == 13


@pytest.mark.parametrize("fault", ["reset_before", "truncate", "html", "boi_unavailable", "rate_limited"])
def test_reads_survive_a_hiccup(connect, sandbox, fault):
    sandbox.faults.append(Fault(fault, method="GET", path="vendors", seconds=1))
    assert len(records(connect().read_vendors(None))) == 13


def test_refused_credentials_are_not_tried_again(connect, sandbox):
    with pytest.raises(CredentialsRefused):
        connect(key="z" * 40).begin_run()
    with pytest.raises(ConfigurationError) as caught:
        connect(key=READ_KEY).record_payment(payment())
    assert caught.value.step == "permission"
    sandbox.faults.append(Fault("logon_failed", method="GET", times=-1))
    with pytest.raises(ConfigurationError):
        connect().begin_run()


def test_the_agents_own_rate_is_never_exceeded(sandbox, url):
    sandbox.rate_per_second = 10
    clock = SystemClock()
    spec = ConnectionSpec("c1", "Books", "sage100", url, {"company_code": "ABC"}, {"api_key": FULL_KEY})
    statuses = []
    sage = Sage100(spec, Host(clock, MemoryStore(), lambda exchange: statuses.append(exchange.status)))
    for _ in range(25):
        sage.find_payment("bill:none")
    assert statuses == [200] * 25
    sage.close()


def test_vendors_are_created_once(connect):
    sage = connect()
    draft = VendorDraft(
        "New Vendor", "00901", Address("1 Mill Rd", city="Dayton", state="OH", postcode="45402", country="US")
    )
    new = NewVendorDraft(draft, division="01", number="NEW01", terms="03")
    assert not sage.create_vendor(new).duplicate
    assert sage.create_vendor(new).duplicate
    with pytest.raises(Duplicate) as caught:
        sage.create_vendor(replace(new, vendor=replace(draft, name="Other")))
    assert caught.value.ref
    with pytest.raises(Rejected):
        sage.create_vendor(replace(new, number="NEW02", terms="99"))


def test_a_client_certificate_alone(connect, sandbox):
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    client = authority.issue_cert("connector@acme.example", common_name="connector")
    credentials = {
        "client_certificate": client.cert_chain_pems[0].bytes().decode(),
        "client_key": client.private_key_pem.bytes().decode(),
    }
    sandbox.auth_mode = "mtls"
    with Running(sandbox, tls=context) as secure:
        tls = Tls(ca_bundle=authority.cert_pem.bytes().decode())
        assert all(step.ok for step in connect(base=secure.url, credentials=credentials, tls=tls).ping())


def test_a_missing_client_certificate_is_named_wherever_the_connection_ends(connect, sandbox):
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    with Running(sandbox, tls=context) as secure:
        tls = Tls(ca_bundle=authority.cert_pem.bytes().decode())
        (only,) = connect(base=secure.url, tls=tls).ping()
    assert not only.ok
    assert "client certificate" in only.fix


# --- images ----------------------------------------------------------------------------------------


def test_an_invoices_scan_is_listed_and_fetched(connect):
    sage = connect()
    (image,) = sage.list_images("01-ACME01|INV-20541")
    assert (image.file_name, image.content_type) == ("INV-20541.pdf", "application/pdf")
    with sage.fetch_image("01-ACME01|INV-20541", image.id) as scan:
        content = scan.file.read()
    assert content.startswith(b"%PDF-")
    assert scan.size == image.size == len(content)
    assert scan.sha256 == hashlib.sha256(content).hexdigest()
    assert scan.etag.strip('"') == f"sha256-{scan.sha256}"


def test_a_scan_that_is_lost_or_too_large_is_refused_by_name(connect):
    sage = connect()
    lost, large = sage.list_images("01-ACME01|INV-20560")
    assert lost.size is None
    for image, code in ((lost, "attachment_missing"), (large, "attachment_too_large")):
        with pytest.raises(Rejected) as refused:
            sage.fetch_image("01-ACME01|INV-20560", image.id)
        assert refused.value.code == code


def test_images_of_an_unknown_invoice_are_not_found(connect):
    with pytest.raises(NotFound):
        connect().list_images("01-ACME01|NONE")


# --- for boards --------------------------------------------------------------------------------------


def test_invoices_of_both_states_are_read_and_one_invoice_has_one_key(sandbox, connect):
    sage = connect()
    bills = {bill.key: bill for bill in records(sage.read_all_bills(None, START))}
    entry = bills["01-ACME01|INV-20600"]
    assert (entry.total, entry.balance, Blocked.NOT_POSTED in entry.blocked) == (Decimal("450.00"), 0, True)
    assert Blocked.NOT_POSTED not in bills["01-ACME01|INV-20541"].blocked
    sandbox.do_post_invoice("01", "ACME01", "INV-20600")
    posted = {bill.key: bill for bill in records(sage.read_all_bills(None, START))}["01-ACME01|INV-20600"]
    assert (posted.balance, posted.blocked) == (Decimal("450.00"), ())


def test_an_entry_beside_a_posted_invoice_of_its_number_does_not_hide_it(sandbox, connect):
    facts = {"division": "01", "vendor": "ACME01", "invoice": "INV-20541", "amount": "20.00", "state": "entry"}
    sandbox.do_add_invoice(**facts)
    found = [bill for bill in records(connect().read_all_bills(None, START)) if bill.key == "01-ACME01|INV-20541"]
    assert [(bill.total, bill.blocked) for bill in found] == [(Decimal("1250.00"), ())]


def test_purchase_orders_with_their_lines(sandbox, connect):
    sage = connect()
    lines = [{"account": "5010-01-00", "amount": "100.10", "quantity": 7, "description": "Rebar"}]
    sandbox.do_add_purchase_order(number="0019999", vendor="ACME01", lines=lines, freight="9.90", orderStatus="X")
    (page,) = sage.read_purchase_orders(None)
    orders = {order.key: order for order in page.records}
    order = orders["0019999"]
    assert (order.total, order.status, order.closed, order.vendor_key) == (
        Decimal("110.00"),
        "Completed",
        True,
        "01-ACME01",
    )
    assert order.vendor_name == "Acme Building Supply"
    (line,) = order.lines
    assert (line.account_number, line.amount, line.quantity) == ("5010-01-00", Decimal("100.10"), Decimal(7))
    assert not page.bad
    later = list(sage.read_purchase_orders(page.cursor))
    assert later[-1].as_of >= page.as_of
