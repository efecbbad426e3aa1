"""Payees are recognised by their code, trimmed and whatever its case, under both profiles."""

from __future__ import annotations

import pytest

from tests.avid_world import AvidWorld


@pytest.mark.parametrize("code", ["01-acme01", " 01-ACME01 ", "01-Acme01 "])
def test_a_payees_code_is_compared_trimmed_and_without_case(avid: AvidWorld, code: str) -> None:
    avid.add_vendor()
    avid.add_invoice("INV-1", "100.00")
    assert avid.sync().ok
    avid.pay({"number": "INV-1", "gross": "100.00"}, vendor=code)
    assert avid.sync().ok
    assert avid.entry()["vendorNo"] == "ACME01"
