"""What counts as one document of the cloud: an invoice, or each of its instalments.

Which of the two is a setting (`split_instalments`); an invoice of which one form was sent stays in that form, or it
would be paid twice.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, TypeVar

from connectors.domain import CENT, Bill, BillLine, Charge, Instalment, OpenBill
from integrations.engine.context import FlowContext
from integrations.models import Delivery, State

Document = TypeVar("Document", Bill, OpenBill)

SETTING = "split_instalments"


def in_form(context: FlowContext, documents: Sequence[Document]) -> list[Document]:
    """Each document under the number and in the form in which the cloud gets it."""
    named = [_named(each, context.settings.get("missing_invoice_number", "")) for each in documents]
    apart = _apart(context, [each for each in named if splittable(each)])
    found: list[Document] = []
    for each in named:
        found += split(each) if each.key in apart else [each]
    return found


def other_form(documents: Sequence[Bill], chosen: Sequence[Bill]) -> list[Bill]:
    """What an earlier setting may have left waiting: the whole of what is split now, the parts of what no longer is."""
    keys = {each.key for each in chosen}
    found: list[Bill] = []
    for each in documents:
        if splittable(each):
            found += split(each) if each.key in keys else [each]
    return found


def _apart(context: FlowContext, several: Sequence[Bill | OpenBill]) -> set[str]:
    """Keys of the invoices that go by their instalments."""
    if not several:
        return set()
    keys = _forms(several)
    book = context.links("bills")
    unclear = Delivery.objects.filter(flow=book.flow, key__in=keys, state__in=(State.SENDING, State.UNCERTAIN))
    sent = book.get(keys).keys() | set(unclear.values_list("key", flat=True))
    wanted = bool(context.settings.get(SETTING))
    return {each.key for each in several if sent.intersection(_part_keys(each)) or (wanted and each.key not in sent)}


def _named(document: Document, missing_number: str) -> Document:
    """With the ledger's own number where the vendor's is missing and the setting says so."""
    if document.number or missing_number != "docnum":
        return document
    return dataclasses.replace(document, number=document.ledger_number)


def part_key(key: str, part: int) -> str:
    return f"{key}-{part}"


def whole_key(context: FlowContext, key: str) -> str:
    """The invoice's key, given its own or an instalment's: only recipes with the setting ever split one."""
    return key.partition("-")[0] if SETTING in context.settings else key


def splittable(document: Bill | OpenBill) -> bool:
    return document.part == 0 and len(document.instalments) > 1


def split(document: Document) -> list[Document]:
    """One document per instalment, each over its own total and balance."""
    return [_part(document, each) for each in document.instalments]


def _forms(documents: Iterable[Bill | OpenBill]) -> list[str]:
    """Every key under which one of these may have been sent."""
    return [key for each in documents for key in (each.key, *_part_keys(each))]


def _part_keys(document: Bill | OpenBill) -> list[str]:
    return [part_key(document.key, each.number) for each in document.instalments]


def _part(document: Document, each: Instalment) -> Document:
    common: dict[str, Any] = {
        "key": part_key(document.key, each.number),
        "number": f"{document.number}{suffix(each.number)}" if document.number else "",
        "total": each.total,
        "balance": each.balance,
        "instalments": (),
        "part": each.number,
    }
    if isinstance(document, OpenBill):
        return dataclasses.replace(document, **common)
    lines, charges = _shared(document, each.total)
    return dataclasses.replace(
        document,
        **common,
        due_date=each.due_date or document.due_date,
        lines=lines,
        charges=charges,
        freight=Decimal(0),
        tax=Decimal(0),
    )


def suffix(part: int) -> str:
    return f"-{part}" if part else ""


def _shared(bill: Bill, total: Decimal) -> tuple[tuple[BillLine, ...], tuple[Charge, ...]]:
    """The instalment's share of every amount, to the cent; what rounding leaves goes to the largest line."""
    amounts = [line.amount for line in bill.lines] + [charge.amount for charge in bill.charges]
    if not bill.total or not bill.lines or sum(amounts, Decimal(0)) != bill.total:
        return bill.lines, bill.charges  # does not add up: held as it is
    shares = [(amount * total / bill.total).quantize(CENT, ROUND_HALF_EVEN) for amount in amounts]
    largest = max(range(len(bill.lines)), key=lambda index: abs(shares[index]))
    shares[largest] += total - sum(shares, Decimal(0))
    lines = [dataclasses.replace(line, amount=share) for line, share in zip(bill.lines, shares, strict=False)]
    charges = zip(bill.charges, shares[len(bill.lines) :], strict=True)
    return tuple(lines), tuple(dataclasses.replace(charge, amount=share) for charge, share in charges)
