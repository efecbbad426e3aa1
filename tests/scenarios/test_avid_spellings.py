"""Codes and numbers that differ in spaces or case only are the same, under both profiles."""

from __future__ import annotations

import pytest

from integrations.reconcile import reconcile
from tests.avid_world import AvidWorld


@pytest.mark.parametrize("code", ["01-acme01", " 01-ACME01 ", "01-Acme01 "])
def test_a_payees_code_is_compared_trimmed_and_without_case(avid: AvidWorld, code: str) -> None:
    avid.add_vendor()
    avid.add_invoice("INV-1", "100.00")
    assert avid.sync().ok
    avid.pay({"number": "INV-1", "gross": "100.00"}, vendor=code)
    assert avid.sync().ok
    assert avid.entry()["vendorNo"] == "ACME01"


def test_an_adopted_number_in_another_case_is_no_difference(avid: AvidWorld) -> None:
    assert avid.sync().ok
    avid.avid.do_add_vendor("01-ACME01", "Acme Building Supply")
    avid.avid.do_add_invoice("01-ACME01", "inv-1", "100.00")
    avid.add_vendor()
    avid.add_invoice("INV-1", "100.00")
    assert avid.sync().ok
    assert avid.link("01-ACME01|INV-1", "bills").adopted
    assert reconcile(avid.integration, clock=avid.clock).differences == []
