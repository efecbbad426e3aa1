"""What is particular about an integration with AvidXchange in a provision file."""

from __future__ import annotations

from typing import Any

import pytest

from integrations.provision.node import Reading
from integrations.provision.plan import Known
from integrations.provision.reading import read
from integrations.provision.schema import parse

GOOD = """
version: 1
tenant: {slug: acme, name: Acme Supply}
connections:
  erp: {system: sage100, base_url: "https://erp.acme.example:8443", settings: {company_code: ABC},
        credentials: {api_key: "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk"}}
  pay:
    system: avidxchange
    base_url: https://api.acme.example
    settings: {accounting_system: Sage 100 ABC, requests_per_minute: 60, max_in_flight: 2}
    credentials: {company_token: c, user_token: u}
integrations:
  ap:
    recipe: sage100_avidxchange
    source: erp
    target: pay
    start_date: 2026-10-01
    settings: {codes_write_mode: auto, send_segments: yes, settled_statuses: [Issued to Supplier], unbalanced: prorate}
    flows: {bills: {every: 30m}}
mappings:
  ap:
    amounts: {freight: "6400-01-00", tax: "2300", rounding: "6990", paid: "2990"}
    bank_accounts: [{source: "10100", target: B}, {source: "*", target: A}]
"""


def checked(tree: Any, tmp_path: Any) -> tuple[Any, list[str]]:
    reading = Reading({}, tmp_path)
    plan = parse(tree, reading, lambda slug: Known())
    return plan, reading.errors


def test_a_good_file(tmp_path: Any) -> None:
    plan, errors = checked(read(GOOD.encode()), tmp_path)
    assert errors == []
    (ap,) = plan.integrations
    assert ap.settings == {
        "codes_write_mode": "auto",
        "send_segments": True,
        "settled_statuses": ["Issued to Supplier"],
        "unbalanced": "prorate",
    }
    assert [(row.source, row.target) for row in plan.mappings["ap"]["bank_accounts"]] == [("10100", "B"), ("*", "A")]


@pytest.mark.parametrize(
    ("name", "value"), [("codes_write_mode", "export"), ("unbalanced", "ignore"), ("requests_per_minute", "many")]
)
def test_what_a_setting_cannot_be_is_named(tmp_path: Any, name: str, value: Any) -> None:
    tree = read(GOOD.encode())
    tree["integrations"]["ap"]["settings"][name] = value
    _, errors = checked(tree, tmp_path)
    assert [error.startswith(f"integrations.ap.settings.{name}: ") for error in errors] == [True]


def test_only_amounts_outside_the_lines_are_mapped(tmp_path: Any) -> None:
    tree = read(GOOD.encode())
    tree["mappings"]["ap"]["amounts"]["shipping"] = "6400"
    _, errors = checked(tree, tmp_path)
    assert len(errors) == 1


@pytest.mark.parametrize(
    ("name", "value", "named"),
    [
        ("profile", "nope", ["There is no profile nope"]),
        ("profile_overrides", '{"pagingx": 1, "paging": {"first_page": "x"}}', ["pagingx", "paging.first_page"]),
        ("profile_overrides", "{nothing", ["is not JSON"]),
    ],
)
def test_a_profile_is_judged_when_it_is_saved(tmp_path: Any, name: str, value: str, named: list[str]) -> None:
    tree = read(GOOD.encode())
    tree["connections"]["pay"]["settings"][name] = value
    _, errors = checked(tree, tmp_path)
    (error,) = errors
    assert error.startswith("connections.pay.settings: ")
    assert all(each in error for each in named)
