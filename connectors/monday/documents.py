"""Every GraphQL document that is sent. Values travel as variables, always; nothing of a record gets in here.

`complexity` comes along everywhere: that is how prices and what is left are known (docs: monday 4.3).
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from functools import lru_cache

_COMPLEXITY = "complexity { before query after reset_in_x_seconds }"
_BOARD = """id name state items_count items_limit
    columns { id title type archived settings }
    groups { id title archived deleted }"""
_ITEM = "id name state group { id } board { id } column_values(ids: $columns) { id text }"

PING = f"""query Ping {{
  me {{ id name email kind account {{ id slug tier plan {{ tier }} }} }}
  version {{ kind value }}
  {_COMPLEXITY}
}}"""

BOARDS = f"""query Boards($ids: [ID!], $limit: Int!) {{
  {_COMPLEXITY}
  boards(ids: $ids, limit: $limit) {{
    {_BOARD}
  }}
}}"""

BOARD_NAMES = f"""query BoardNames($workspaces: [ID], $limit: Int!, $page: Int!) {{
  {_COMPLEXITY}
  boards(workspace_ids: $workspaces, limit: $limit, page: $page) {{ id name state }}
}}"""

ITEMS_BY_KEY = f"""query ItemsByKey(
  $board: ID!, $column: String!, $keys: [String]!, $columns: [String!], $limit: Int!
) {{
  {_COMPLEXITY}
  items_page_by_column_values(
    board_id: $board, limit: $limit, columns: [{{column_id: $column, column_values: $keys}}]
  ) {{ cursor items {{ {_ITEM} }} }}
}}"""

ITEMS_BY_ID = f"""query ItemsById($ids: [ID!], $columns: [String!], $limit: Int!) {{
  {_COMPLEXITY}
  items(ids: $ids, limit: $limit) {{ {_ITEM} }}
}}"""

ITEMS_OF_BOARD = f"""query ItemsOfBoard($ids: [ID!], $columns: [String!], $limit: Int!) {{
  {_COMPLEXITY}
  boards(ids: $ids) {{ items_page(limit: $limit) {{ cursor items {{ {_ITEM} }} }} }}
}}"""

NEXT_ITEMS = f"""query NextItems($cursor: String!, $columns: [String!], $limit: Int!) {{
  {_COMPLEXITY}
  next_items_page(cursor: $cursor, limit: $limit) {{ cursor items {{ {_ITEM} }} }}
}}"""

CREATE_BOARD = f"""mutation CreateBoard($name: String!, $workspace: ID) {{
  {_COMPLEXITY}
  m0: create_board(board_name: $name, board_kind: private, workspace_id: $workspace, empty: true) {{
    id name url columns {{ id title type archived }} groups {{ id title archived deleted }}
  }}
}}"""

CREATE_COLUMN = f"""mutation CreateColumn(
  $board: ID!, $column: String, $title: String!, $kind: ColumnType!, $description: String
) {{
  {_COMPLEXITY}
  m0: create_column(board_id: $board, id: $column, title: $title, column_type: $kind, description: $description) {{
    id title type archived
  }}
}}"""

CREATE_GROUP = f"""mutation CreateGroup($board: ID!, $title: String!) {{
  {_COMPLEXITY}
  m0: create_group(board_id: $board, group_name: $title) {{ id title }}
}}"""


class Shape(Enum):
    """A mutation of a batch: its variables, which end in its number, and its field."""

    CREATE = (
        "$name{n}: String!, $group{n}: String, $values{n}: JSON!",
        "create_item(board_id: $board, group_id: $group{n}, item_name: $name{n}, column_values: $values{n},"
        " create_labels_if_missing: $labels) {{ id }}",
    )
    CHANGE = (
        "$item{n}: ID!, $values{n}: JSON!",
        "change_multiple_column_values(board_id: $board, item_id: $item{n}, column_values: $values{n},"
        " create_labels_if_missing: $labels) {{ id }}",
    )
    SUBITEM = (
        "$parent{n}: ID!, $name{n}: String!, $values{n}: JSON!",
        "create_subitem(parent_item_id: $parent{n}, item_name: $name{n}, column_values: $values{n},"
        " create_labels_if_missing: $labels) {{ id board {{ id }} }}",
    )
    MOVE = (
        "$item{n}: ID!",
        "move_item_to_group(item_id: $item{n}, group_id: $group) {{ id }}",
    )


_SHARED = (  # variables of all mutations of a batch, and which shapes use them
    ("$board: ID!", {Shape.CREATE, Shape.CHANGE}),
    ("$labels: Boolean", {Shape.CREATE, Shape.CHANGE, Shape.SUBITEM}),
    ("$group: String!", {Shape.MOVE}),
)


def batch(shapes: Sequence[Shape]) -> str:
    """One mutation of several, which run in order as `m0`, `m1`, ...; an unused variable would be refused."""
    return _batch(tuple(shapes))


@lru_cache(maxsize=64)
def _batch(shapes: tuple[Shape, ...]) -> str:
    declared = [variable for variable, users in _SHARED if users & set(shapes)]
    declared += [shape.value[0].format(n=n) for n, shape in enumerate(shapes)]
    fields = [f"m{n}: {shape.value[1].format(n=n)}" for n, shape in enumerate(shapes)]
    body = "\n  ".join([_COMPLEXITY, *fields])
    return f"mutation Batch({', '.join(declared)}) {{\n  {body}\n}}"
