"""Both sides compared: items against the ledger's records."""

from __future__ import annotations

from integrations.reconcile import reconcile
from tests.monday_world import MondayWorld


def differences(world: MondayWorld) -> dict[str, str]:
    result = reconcile(world.integration, clock=world.clock)
    assert result.trouble is None
    return {f"{each.kind.value} {each.document}": each.message for each in result.differences}


def test_equal_sides_and_every_kind_of_difference(monday: MondayWorld) -> None:
    monday.add_vendor()
    for number in range(1, 6):
        monday.add_invoice(f"INV-{number}", f"{number}00.10")
    monday.add_invoice("INV-6", "60.00", state="entry")
    assert monday.sync().ok
    assert differences(monday) == {}
    items = monday.items()
    monday.monday.do_delete_item(items["INV-1"]["id"])
    copy = monday.monday.do_duplicate_item(items["INV-2"]["id"])["id"]
    monday.monday.do_edit_item(items["INV-3"]["id"], "amount", "1.00")
    monday.monday.do_edit_item(items["INV-4"]["id"], "gl_codes", "9999-99-99")
    monday.monday.do_add_column(monday.board(), "Approval", "status", "approval")
    monday.monday.do_edit_item(items["INV-5"]["id"], "approval", {"label": "Approved"})
    monday.drop_invoice("INV-6")
    monday.add_invoice("INV-7", "70.00")
    found = differences(monday)
    assert set(found) == {
        "missing_in_target INV-1",
        "duplicate INV-2",
        "amount INV-3",
        "content INV-4",
        "missing_in_source INV-6",
        "missing_in_target INV-7",
    }
    assert copy in found["duplicate INV-2"]
    assert "It has not been read yet" in found["missing_in_target INV-7"]


def test_before_the_first_sync_everything_is_missing(monday: MondayWorld) -> None:
    monday.add_vendor()
    assert "missing_in_target 01-ACME01" in differences(monday)
