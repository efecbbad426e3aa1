"""From a cloud's bill to a ledger's invoice: pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from connectors.domain import BatchOrder, Bill, BillLine, Blocked, EntryState, PostMode
from integrations.engine.codec import decode, encode
from integrations.engine.vocabulary import Hold, Reason
from integrations.flows import entry_drafts
from integrations.flows.entry_drafts import Entry, Rules, Standing
from integrations.flows.vendor_numbers import Numbers

DAY = date(2026, 11, 18)
BILL = Bill(
    key="00n01",
    vendor_key="00901",
    vendor_name="Northwind",
    number=" nw-88213 ",
    invoice_date=DAY,
    due_date=None,
    currency="USD",
    total=Decimal("100.10"),
    balance=Decimal("0"),
    lines=(
        BillLine("a", "a", Decimal("100.00"), "Paper"),
        BillLine("b", "b", Decimal("0.10")),
        BillLine("c", "c", Decimal("0.00")),
    ),
    description="November",
    approval="APPROVED",
)
RULES = Rules(
    account=lambda line: f"ledger-{line.account_key}", posting_date=lambda day: day, number_limit=22, target="X"
)


def build(bill=BILL, **rules):
    return entry_drafts.build(bill, vendor_id="V1", rules=replace(RULES, **rules))


def test_an_invoice_says_what_the_bill_says():
    draft = build()
    assert (draft.vendor_id, draft.number, draft.total, draft.currency) == ("V1", "NW-88213", Decimal("100.10"), "USD")
    assert (draft.invoice_date, draft.due_date, draft.posting_date) == (DAY, DAY, DAY)
    assert [(line.account, line.description) for line in draft.lines] == [
        ("ledger-a", "Paper"),
        ("ledger-b", "November"),
    ]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"number": "N" * 23}, Reason.DOCUMENT_NUMBER_TOO_LONG),
        ({"total": Decimal("100.11")}, Reason.AMOUNT_MISMATCH),
        ({"invoice_date": None}, Reason.REJECTED_BY_TARGET),
        ({"number": "  "}, Reason.REJECTED_BY_TARGET),
    ],
)
def test_what_keeps_a_bill_from_going(change, reason):
    held = build(replace(BILL, **change))
    assert isinstance(held, Hold)
    assert held.reason == reason


def test_a_number_as_long_as_the_limit_goes():
    assert build(replace(BILL, number="N" * 22)).number == "N" * 22


def test_all_that_is_unmapped_is_told_at_once():
    held = build(account=lambda line: Hold(Reason.ACCOUNT_UNMAPPED, f"{line.account_key} is not mapped."))
    assert held.message == "a is not mapped. b is not mapped."


def test_payments_and_approval_are_not_part_of_the_document():
    same = replace(BILL, balance=Decimal(5), approval="DENIED", blocked=(Blocked.ARCHIVED,), vendor_name="Renamed")
    assert entry_drafts.content(same) == entry_drafts.content(BILL)
    assert entry_drafts.content(replace(BILL, due_date=DAY)) != entry_drafts.content(BILL)


@pytest.mark.parametrize(
    ("reached", "mode", "behind"),
    [
        (EntryState.OPEN, PostMode.OPEN, False),
        (EntryState.OPEN, PostMode.READY, True),
        (EntryState.READY, PostMode.READY, False),
        (EntryState.READY, PostMode.POST, True),
        (EntryState.POSTING, PostMode.POST, False),
        (EntryState.POSTED, PostMode.POST, False),
        ("", PostMode.POST, False),  # the ledger did not say
    ],
)
def test_whether_a_batch_was_taken_far_enough(reached, mode, behind):
    assert Standing(reached=reached).behind(BatchOrder("m", mode)) is behind


def test_what_is_kept_can_be_read_again():
    standing = Standing("c", "open", "period_closed", "The period is closed.")
    assert Standing.parse(standing.text()) == standing
    assert Standing.parse("") == Standing()
    entry = Entry(build(), BatchOrder("BILL 2026-11-20 ml-1", PostMode.READY, "exempt"))
    assert decode(Entry, encode(entry)) == entry


def test_numbers_are_given_once_and_never_taken_ones():
    numbers = Numbers("B{seq:03d}", {"b001", "B003"}, limit=4)
    assert [numbers.next() for _ in range(3)] == ["B002", "B004", "B005"]


@pytest.mark.parametrize(("rule", "limit"), [("BILL", 12), ("VENDOR{seq:07d}", 12), ("{seq}", 1)])
def test_a_rule_comes_to_its_end(rule, limit):
    numbers = Numbers(rule, (), limit=limit)
    with pytest.raises(ValueError, match="rule"):
        [numbers.next() for _ in range(20)]
