"""A caller of the monday sandbox that knows nothing of our connector."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import requests

from connectors.monday.sandbox import TOKEN, MondaySandbox
from connectors.sandboxing import Running

CREATE = """mutation($board: ID!, $name: String!, $values: JSON, $group: String, $labels: Boolean) {
  create_item(board_id: $board, item_name: $name, column_values: $values, group_id: $group,
    create_labels_if_missing: $labels) { id }
}"""
CHANGE = """mutation($board: ID!, $item: ID, $values: JSON!, $labels: Boolean) {
  change_multiple_column_values(board_id: $board, item_id: $item, column_values: $values,
    create_labels_if_missing: $labels) { id }
}"""
FIND = """query($board: ID!, $column: String!, $values: [String]!, $limit: Int! = 25) {
  items_page_by_column_values(board_id: $board, limit: $limit,
    columns: [{column_id: $column, column_values: $values}]) { cursor items { id name } }
}"""
READ = """query($ids: [ID!]) { items(ids: $ids, limit: 100) { id name state group { id }
  column_values { __typename id text value } } }"""
KINDS = (
    *("text", "numbers", "date", "status", "dropdown", "email", "phone", "link", "long_text", "checkbox", "people"),
    *("board_relation", "file", "item_id"),
)


class Caller:
    def __init__(self, sandbox: MondaySandbox, url: str) -> None:
        self.sandbox, self.url = sandbox, url

    def post(self, body: Any, token: str = TOKEN, **headers: str) -> requests.Response:
        data = body if isinstance(body, str) else json.dumps(body)
        known = {"Authorization": token, "API-Version": "2026-10", "Content-Type": "application/json"}
        return requests.post(self.url + "/v2", data=data, headers={**known, **headers}, timeout=5)

    def ask(self, query: str, /, token: str = TOKEN, headers: dict[str, str] | None = None, **variables: Any) -> Any:
        return self.post({"query": query, "variables": variables}, token, **(headers or {}))

    def data(self, query: str, /, **variables: Any) -> Any:
        """The data of an answer without errors."""
        body = self.ask(query, **variables).json()
        assert "errors" not in body, body
        return body["data"]

    def error(self, query: str, /, **variables: Any) -> dict[str, Any]:
        """The first error: its extensions, with its message and path."""
        found = self.ask(query, **variables).json()["errors"][0]
        return {**found.get("extensions", {}), "message": found["message"], "path": found.get("path")}

    def create(self, board: str, name: str = "A", **values: Any) -> str:
        made = self.data(CREATE, board=board, name=name, values=json.dumps(values), labels=True)
        return str(made["create_item"]["id"])

    def change(self, board: str, item: str, **values: Any) -> None:
        self.data(CHANGE, board=board, item=item, values=json.dumps(values), labels=True)

    def refused(self, board: str, item: str, **values: Any) -> dict[str, Any]:
        return self.error(CHANGE, board=board, item=item, values=json.dumps(values))

    def texts(self, item: str) -> dict[str, Any]:
        found = self.data(READ, ids=[item])["items"][0]
        return {each["id"]: each["text"] for each in found["column_values"]}

    def found(self, board: str, *values: str | None, column: str = "text") -> list[str]:
        page = self.data(FIND, board=board, column=column, values=list(values))["items_page_by_column_values"]
        return [each["id"] for each in page["items"]]

    def do(self, action: str, **facts: Any) -> Any:
        answer = requests.post(f"{self.url}/_sandbox/actions/{action}", json=facts, timeout=5)
        assert answer.ok, answer.text
        return answer.json()

    def fault(self, kind: str, **facts: Any) -> None:
        requests.post(self.url + "/_sandbox/faults", json=[{"kind": kind, **facts}], timeout=5)

    def advance(self, seconds: float) -> None:
        requests.post(self.url + "/_sandbox/clock", json={"advance": seconds}, timeout=5)

    def stats(self) -> dict[str, Any]:
        found: dict[str, Any] = requests.get(self.url + "/_sandbox/stats", timeout=5).json()
        return found

    def board(self, name: str = "Invoices") -> str:
        """A board with one column of each kind, its id and title the kind's name."""
        board = str(self.do("add_board", name=name)["id"])
        for kind in KINDS:
            self.do("add_column", board=board, title=kind, kind=kind, id=kind)
        return board


@contextmanager
def calling(**options: Any) -> Iterator[Caller]:
    sandbox = MondaySandbox(**options)
    with Running(sandbox) as running:
        yield Caller(sandbox, running.url)
