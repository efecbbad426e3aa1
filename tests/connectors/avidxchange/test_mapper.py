"""What records say, in every spelling, and what cannot be relied on."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from connectors.avidxchange import paths
from connectors.avidxchange.mapper import Mapper
from connectors.avidxchange.profile import load
from connectors.domain import PaymentMethod, PaymentStatus


@pytest.fixture
def shape(profile):
    return load(profile)["payments"]


@pytest.fixture
def mapper(profile):
    return Mapper({name: each.data for name, each in load(profile).resources.items()}, ZoneInfo("UTC"), "%Y-%m-%d")


@pytest.fixture
def row(shape):
    """A settled check of one invoice, by our names of the fields."""

    def make(**changes):
        fields = {
            "id": 7,
            "status": shape.data["statuses"]["settled"][0],
            "method": "AvidPay Check",
            "amount": Decimal("10.50"),
            "settled_date": "2026-11-19 00:00:00",
            "vendor_code": "01-ABC001",
            "check_number": "8800123456",
            **changes,
        }
        nets = fields.pop("nets", [fields["amount"]])
        record: dict = {}
        for name, value in fields.items():
            paths.put(record, shape.fields[name], value)
        lines: list[dict] = [{} for _ in nets]
        for line, net in zip(lines, nets, strict=True):
            paths.put(line, shape.data["remittance_fields"]["net"], net)
        paths.put(record, shape.fields["remittances"], lines[0] if len(lines) == 1 else lines)
        return record

    return make


@pytest.mark.parametrize("day", ["2026-11-19", "2026-11-19 00:00:00", "2026-11-19T23:59:59", "2026-11-19T08:00:00.123"])
def test_a_day_is_read_in_every_spelling(mapper, row, day):
    payment = mapper.payment(row(settled_date=day))
    assert (payment.paid_on, payment.status) == (date(2026, 11, 19), PaymentStatus.PAID)


def test_a_time_without_a_zone_is_of_the_profiles(profile):
    shapes = {name: each.data for name, each in load(profile).resources.items()}
    chicago = Mapper(shapes, ZoneInfo("America/Chicago"), "%Y-%m-%d")
    assert chicago.moment("2026-11-19 20:00:00") == datetime(2026, 11, 20, 2, tzinfo=UTC)


@pytest.mark.parametrize("amount", [10, "10.00", Decimal("10.0"), Decimal("-10.00")])
def test_an_amount_is_exact(mapper, row, amount):
    assert mapper.payment(row(amount=amount)).amount == Decimal(str(amount)).quantize(Decimal("0.01"))


@pytest.mark.parametrize("amount", [Decimal("10.005"), "ten", True, Decimal("NaN"), Decimal("1E+40"), [1]])
def test_what_is_no_money_is_refused(mapper, row, amount):
    with pytest.raises(ValueError, match="amount"):
        mapper.payment(row(amount=amount, nets=[Decimal("10.00")]))


def test_remittances_that_do_not_add_up_are_refused(mapper, row):
    with pytest.raises(ValueError, match="add up"):
        mapper.payment(row(nets=[Decimal("10.00"), Decimal("0.49")]))
    assert len(mapper.payment(row(nets=[Decimal("11.00"), Decimal("-0.50")])).applications) == 2


def test_the_check_that_was_printed_comes_before_the_ledgers(mapper, row):
    assert mapper.payment(row(erp_check_number="45112")).check_number == "8800123456"
    assert mapper.payment(row(erp_check_number="45112", check_number=None)).check_number == "45112"


def test_more_than_four_digits_of_a_card_are_cut_and_told(mapper, row):
    payment = mapper.payment(row(method="Virtual Credit Card", card_last4="4111111111111234"))
    assert (payment.method, payment.reference) == (PaymentMethod.VIRTUAL_CARD, "VC12347")
    assert "cut" in payment.warning
    assert "4111" not in repr(payment)


def test_a_method_nobody_knows_is_told(mapper, row):
    payment = mapper.payment(row(method="Pigeon"))
    assert payment.method is PaymentMethod.OTHER
    assert "'Pigeon'" in payment.warning


def test_statuses_are_compared_without_capitals_and_spaces(mapper, row, shape):
    text = f"  {shape.data['statuses']['settled'][0].swapcase()} "
    assert mapper.payment(row(status=text)).status is PaymentStatus.PAID


def test_an_address_behind_a_vendors_code_is_cut_off(mapper, row):
    assert mapper.payment(row(vendor_code="01-ABC001|REMIT")).vendor_id == "01-ABC001"
