"""An account to look at: the workspace of a finance team with a board that people already work on."""

from __future__ import annotations

from typing import Any

from connectors.sandboxing import Example

from .access import TOKEN
from .actions import Actions

EXAMPLE = Example(path="/v2", settings={"plan": "pro"}, credentials={"api_token": TOKEN})
CHORES = (
    ("Close the month", "Working on it"),
    ("Send 1099 forms to the printer", "Stuck"),
    ("Renew the liability policy", "Done"),
)


def load_demo(sandbox: Actions) -> dict[str, Any]:
    """One board of people's own, which nobody maps. Answers {"chores": its id}."""
    board = sandbox.do_add_board("Finance chores", workspace=next(iter(sandbox.store.workspaces)))["id"]
    sandbox.do_add_column(board, "Status", "status", "status")
    sandbox.do_add_column(board, "Due", "date", "due")
    for name, status in CHORES:
        sandbox.do_add_item(board, name, {"status": {"label": status}})
    return {"chores": board}
