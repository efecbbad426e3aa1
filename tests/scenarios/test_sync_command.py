"""`manage.py sync` in a process of its own: one JSON object, and an exit code that scripts can rely on."""

from __future__ import annotations

from typing import Any

from tests.builders import World, manage_json, own_database_url


def sync(*arguments: str) -> tuple[int, Any]:
    return manage_json(own_database_url(), "sync", *arguments)


def test_exit_codes_and_json(world: World) -> None:
    world.add_vendor()
    world.add_vendor("NOADDR", "No Address Inc", addressLine1=None)
    world.add_invoice("INV-1")
    world.add_invoice("INV-2", "20.00", vendor="NOADDR")

    code, shown = sync("acme/ap", "--preview")
    assert (code, shown["preview"]) == (0, True)
    assert {row["action"] for row in shown["would"]} == {"create", "hold"}
    assert not world.bill.bills.rows

    code, result = sync("acme/ap")
    assert (code, result["ok"]) == (1, False)
    assert [flow["flow"] for flow in result["flows"]] == ["accounts", "vendors", "bills", "payments"]
    bills = result["flows"][2]
    assert (bills["read"], bills["created"], bills["held"]) == (2, 1, 1)
    held = {(each["flow"], each["reason"]) for each in result["held"]}
    assert held == {("vendors", "vendor_incomplete"), ("bills", "vendor_missing")}
    assert set(world.bills()) == {"INV-1"}

    world.sage.do_change_vendor("01", "NOADDR", addressLine1="1 New St")
    code, result = sync("acme/ap", "--flow", "vendors", "--flow", "bills")
    assert (code, result["ok"], result["held"], result["failed"]) == (0, True, [], [])
    assert set(world.bills()) == {"INV-1", "INV-2"}

    books = world.integration.source
    books.base_url = "http://127.0.0.1:9"
    books.save()
    code, result = sync("acme/ap")
    assert code == 3
    assert result["error"]["connection"] == "books"


def test_usage_errors_end_with_2(world: World) -> None:
    assert sync("acme/nothing")[0] == 2
    assert sync("acme/ap", "--flow", "nothing")[0] == 2
