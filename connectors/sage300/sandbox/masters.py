"""Plain masters: rows inserted, merged, replaced and deleted by key, their details by UpdateOperation."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

from .company import Company, Key
from .refusals import Refusal, field
from .schema import SHAPES, Row, Shape, check


class Resource:
    """One entity set of one company. Bodies are raw JSON objects; what is wrong with them raises Refusal."""

    def __init__(self, company: Company, name: str) -> None:
        self.company = company
        self.shape = SHAPES[name]
        self.name = name

    @property
    def table(self) -> dict[Key, Row]:
        return self.company.tables[self.name]

    def rows(self) -> Iterable[Row]:
        return [self.table[key] for key in sorted(self.table)]

    def find(self, key: Key) -> Row:
        row = self.table.get(key)
        if row is None:
            raise Refusal("RecordNotFound", "no_record")
        return row

    def insert(self, body: Any, user: str) -> Row:
        raise Refusal("General", "nothing")

    def patch(self, key: Key, body: Any) -> None:
        raise Refusal("General", "nothing")

    def replace(self, key: Key, body: Any) -> None:
        raise Refusal("General", "nothing")

    def delete(self, key: Key) -> None:
        raise Refusal("General", "nothing")

    def template(self) -> Row:
        return {}

    def process(self, body: Any, user: str) -> None:
        """Nothing of this resource ever waits to be processed."""
        check(self.shape, body)
        raise Refusal("General", "nothing")

    def key_of(self, row: Row) -> Key:
        for name in self.shape.keys:
            if row.get(name) in (None, ""):
                raise field("required", field=name)
        return tuple(row[name] for name in self.shape.keys)

    def changed_key(self, key: Key, given: Row) -> None:
        """A key property may be sent, but not with another value."""
        for name, value in zip(self.shape.keys, key, strict=True):
            if given.get(name, value) != value:
                raise field("immutable", field=name)

    def read(self, body: Any) -> Row:
        return check(self.shape, body, self.company.site.truncate)


class Master(Resource):
    """A table that anybody with the right may write."""

    def insert(self, body: Any, user: str) -> Row:
        given = self.read(body)
        key = self.key_of(given)
        if key in self.table:
            raise Refusal("RecordDuplicate", "exists", what=self.name, key=key[0])
        return self._store(key, self.apply({}, given))

    def patch(self, key: Key, body: Any) -> None:
        old, given = self.find(key), self.read(body)
        self.changed_key(key, given)
        self._store(key, self.apply(copy.deepcopy(old), given))

    def replace(self, key: Key, body: Any) -> None:
        """Delete and insert: what the payload leaves out is gone (docs: sage300 4)."""
        old, given = self.find(key), self.read(body)
        self.changed_key(key, given)
        named = dict(zip(self.shape.keys, key, strict=True))
        self._store(key, self.apply(self.kept(old), {**named, **given}))

    def delete(self, key: Key) -> None:
        self.find(key)
        del self.table[key]

    def kept(self, old: Row) -> Row:
        """What a replacement cannot take away."""
        return {}

    def apply(self, row: Row, given: Row) -> Row:
        """`row` with `given` applied in its order; may alter `row`."""
        for name, value in given.items():
            if name in self.shape.details:
                row[name] = merge_rows(self.shape.details[name], row.get(name, []), value)
            elif name != "UpdateOperation":
                row[name] = value
        return row

    def _store(self, key: Key, row: Row) -> Row:
        self.table[key] = row
        return row


class Accounts(Master):
    """G/L accounts: the formatted number and the segments follow from the key (docs: sage300 8).

    The structure is four characters, a hyphen, and what is left: 6200100 is 6200-100.
    """

    def __init__(self, company: Company) -> None:
        super().__init__(company, "GLAccounts")

    def apply(self, row: Row, given: Row) -> Row:
        row = super().apply(row, given)
        segments = [part for part in (row["UnformattedAccount"][:4], row["UnformattedAccount"][4:]) if part]
        row["AccountNumber"] = "-".join(segments)
        row.update({f"AccountSegmentCode{i}": part for i, part in enumerate(segments, 1)})
        row.setdefault("StructureCode", "MAIN")
        return row


def merge_rows(shape: Shape, old: list[Row], given: list[Row]) -> list[Row]:
    """Detail rows after `given`, each obeying its UpdateOperation (docs: sage300 4).

    Unspecified updates the row of that key or inserts one; Update and Delete of a missing row, and Insert of one
    that is there, raise Refusal RecordInvalid.
    """
    rows = {_key(shape, each): each for each in old}
    for each in given:
        values = {name: value for name, value in each.items() if name != "UpdateOperation"}
        operation, key = each.get("UpdateOperation", "Unspecified"), _key(shape, each)
        found = key in rows
        wanted = {"Insert": False, "Update": True, "Delete": True}.get(operation, found)
        if found != wanted:
            raise Refusal("RecordInvalid", "exists" if found else "no_row", what=shape.name, key=key[0])
        if operation == "Delete":
            del rows[key]
        else:
            rows[key] = {**rows.get(key, {}), **values}
    return list(rows.values())


def _key(shape: Shape, row: Row) -> Key:
    return tuple(row.get(name, shape.blank[name]) for name in shape.keys)
