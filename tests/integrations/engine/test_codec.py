from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors import domain
from integrations.engine.codec import VOLATILE, decode, encode, fingerprint

KINDS = (
    domain.Account,
    domain.Vendor,
    domain.Bill,
    domain.OpenBill,
    domain.Payment,
    domain.VendorDraft,
    domain.BillDraft,
    domain.PaymentDraft,
    domain.TargetBill,
    domain.LedgerPayment,
)
st.register_type_strategy(datetime, st.datetimes(timezones=st.just(UTC)))
money = st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-(10**12), max_value=10**12)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_records_survive_storage(kind: type) -> None:
    @settings(max_examples=50)
    @given(st.from_type(kind))
    def check(record: object) -> None:
        text = encode(record)
        again = decode(kind, text)
        assert again == record
        assert encode(again) == text
        assert fingerprint(again) == fingerprint(record)

    st.register_type_strategy(domain.Decimal, money)
    check()


@given(st.from_type(domain.Vendor), st.datetimes(timezones=st.just(UTC)))
def test_a_touch_without_meaning_leaves_the_fingerprint(vendor: domain.Vendor, at: datetime) -> None:
    assert fingerprint(replace(vendor, changed_at=at)) == fingerprint(vendor)


@given(st.from_type(domain.Vendor), st.from_type(domain.Vendor))
def test_whatever_else_differs_changes_the_fingerprint(one: domain.Vendor, other: domain.Vendor) -> None:
    names = [each.name for each in fields(domain.Vendor) if each.name not in VOLATILE]
    same = all(getattr(one, name) == getattr(other, name) for name in names)
    assert (fingerprint(one) == fingerprint(other)) == same


def test_members_that_a_newer_version_added_take_their_defaults() -> None:
    vendor = domain.Vendor("01-A", "01-A", "Acme")
    assert decode(domain.Vendor, '{"key":"01-A","number":"01-A","name":"Acme","later":"unknown"}') == vendor
