"""The root fields of queries (docs: monday 2, 4, 7, 9, 10)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .access import CANDIDATE, CURRENT, KINDS, MAINTENANCE
from .limits import Limits
from .model import ACTIVE, Store, User, as_id, as_ids
from .refusals import invalid, too_many
from .search import MOST_IDS, Search
from .views import View, Views

ACCOUNT_ID = 20_261_116
SLUG = "acme"


class Queries:
    """What one request sees. `version` is the one that it was served with, `spent` its complexity."""

    def __init__(
        self, store: Store, search: Search, limits: Limits, plan: str, version: str, spent: dict[str, int]
    ) -> None:
        self.store, self.search, self.limits = store, search, limits
        self.plan, self.version, self.spent = plan, version, spent
        self.views = Views(store, search)

    def fields(self) -> dict[str, Callable[..., Any] | Any]:
        return {
            "complexity": self.spent,
            "me": lambda: self._user(next(iter(self.store.users.values()))),
            "account": self._account,
            "version": version_view(self.version),
            "versions": [version_view(each) for each in (MAINTENANCE, CURRENT, CANDIDATE)],
            "platform_api": {"daily_limit": self.limits.daily()},
            "boards": self.boards,
            "items": self.items,
            "items_page_by_column_values": self.items_page_by_column_values,
            "next_items_page": lambda cursor, limit: self.views.items(self.search.following(cursor, limit)),
            "workspaces": self.workspaces,
        }

    def boards(
        self,
        limit: int,
        page: int,
        state: str,
        ids: list[str] | None = None,
        workspace_ids: list[str | None] | None = None,
        **others: Any,
    ) -> list[View]:
        """Empty for a dead or invisible board, without an error. `others` (order, kinds) change nothing here."""
        wanted = None if ids is None else set(as_ids(ids))
        places = None if workspace_ids is None else {each and as_id(each) for each in workspace_ids}
        found = [
            each
            for each in self.store.boards.values()
            if each.allows("view")
            and state in ("all", each.state)
            and (wanted is None or each.id in wanted)
            and (places is None or each.workspace in places)
        ]
        return [self.views.board(each) for each in paged(found, limit, page)]

    def items(
        self,
        limit: int,
        page: int,
        ids: list[str] | None = None,
        exclude_nonactive: bool | None = None,
        **others: Any,
    ) -> list[View]:
        """At most 100 ids; 25 rows unless a limit says more, silently. Archived and deleted ones show their state."""
        if ids is None:
            raise too_many("FIELD_LIMIT_EXCEEDED", "Items without ids are limited", 60, announces=False)
        if len(ids) > MOST_IDS:
            raise invalid(f"At most {MOST_IDS} ids can be asked for", ids=len(ids))
        found = [self.store.items[each] for each in as_ids(ids) if each in self.store.items]
        shown = [
            each
            for each in found
            if self.store.visible(each.board.id) and (each.state == ACTIVE or not exclude_nonactive)
        ]
        return [self.views.item(each) for each in paged(shown, limit, page)]

    def items_page_by_column_values(
        self,
        board_id: str,
        limit: int,
        columns: list[dict[str, Any]] | None = None,
        cursor: str | None = None,
        **others: Any,
    ) -> View:
        if (columns is None) == (cursor is None):
            raise invalid("Give columns for the first page or a cursor for a following one, not both")
        board = self.store.board(board_id)
        if cursor is not None:
            return self.views.items(self.search.following(cursor, limit))
        return self.views.items(self.search.first(board, limit, self.search.by_columns(board, columns or [])))

    def workspaces(self, limit: int, page: int, ids: list[str] | None = None, **others: Any) -> list[View]:
        wanted = None if ids is None else set(as_ids(ids))
        found = [
            {"id": str(id), "name": name, "kind": "open", "state": ACTIVE}
            for id, name in self.store.workspaces.items()
            if wanted is None or id in wanted
        ]
        return paged(found, limit, page)

    def _account(self) -> View:
        return {
            "id": str(ACCOUNT_ID),
            "name": "Acme",
            "slug": SLUG,
            "tier": self.plan,
            "plan": {"tier": self.plan, "max_users": 10, "period": "monthly", "version": 1},
            "is_during_trial": self.plan == "trial",
        }

    def _user(self, user: User) -> View:
        return {
            "id": str(user.id),
            "name": user.name,
            "email": user.email,
            "kind": user.kind,
            "is_email_confirmed": True,
            "account": self._account,
        }


def version_view(value: str) -> View:
    return {"value": value, "kind": KINDS[value], "display_name": value}


def paged(rows: list[Any], limit: int, page: int) -> list[Any]:
    return rows[limit * (page - 1) : limit * page]
