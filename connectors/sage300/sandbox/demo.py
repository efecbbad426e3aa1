"""A small company to look at: vendors to adopt and to be unsure of, a posted invoice, one waiting in an open batch."""

from __future__ import annotations

from typing import Any

from connectors.sandboxing import Example

from .actions import Actions

USERNAME = "MLCONN"
PASSWORD = "Web-Api-2026"  # noqa: S105 - opens nothing but this sandbox
EXAMPLE = Example(
    path="/Sage300WebApi",
    settings={"company": "SAMLTD"},
    credentials={"username": USERNAME, "password": PASSWORD},
)
# number, name, group, more. One name twice, one on hold, one inactive, one whose number no URL can carry.
VENDORS: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
    ("1200", "Granite Supply Co", "TRADE", {"City": "Spokane", "StateProvince": "WA", "ZipPostalCode": "99201"}),
    ("1210", "Summit Electric", "SERV", {"City": "Boise", "StateProvince": "ID", "ZipPostalCode": "83702"}),
    ("1220", "Summit Electric", "SERV", {"City": "Tacoma", "StateProvince": "WA", "ZipPostalCode": "98402"}),
    ("AC/DC", "AC/DC Lighting", "TRADE", {"City": "Portland", "StateProvince": "OR", "ZipPostalCode": "97201"}),
    ("CASCADE", "Cascade Freight Lines", "SERV", {"Terms": "N60", "City": "Seattle", "StateProvince": "WA"}),
    ("HOLDCO", "Harbor Holding Works", "TRADE", {"OnHold": "OnHold"}),
    ("MAPLE", "Maple Leaf Tools Ltd.", "CADGRP", {"City": "Vancouver", "StateProvince": "BC", "Country": "Canada"}),
    ("OLDCO", "Oldfield Printing", "SERV", {"Status": "Inactive"}),
)


def load_demo(sandbox: Actions) -> dict[str, Any]:
    """Fill an empty sandbox; returns its vendors by number and the batches of an accountant."""
    for number, name, group, more in VENDORS:
        sandbox.do_add_vendor(number, name, group, **more)
    posted = sandbox.do_add_invoice("1200", "GS-10417", [("6200100", "412.60")], status="Posted")
    waiting = sandbox.do_add_invoice("1210", "SE-2209", [("6500100", "1180.00"), ("6260100", "45.50")])
    return {
        "vendors": {number: name for number, name, _, _ in VENDORS},
        "batches": {"posted": posted["batch"], "open": waiting["batch"]},
    }
