"""A strict stand-in of the Sage 300 Web API over real HTTP: `<url>/Sage300WebApi` (docs: sage300 15, 15b).

    with Running(Sage300Sandbox()) as running: ...

It is steered under `/_sandbox/` (see `connectors.sandboxing`); the actions are the `do_*` methods of
`actions.Actions`. Fault kinds of its own: `partial_batch` (a POST of a batch fails with 500 and leaves an open batch
with the first `body` entries, none by default), `commit_then_hang` (acts, then drops the connection after `seconds`),
`too_many_requests`, `locked`, `modified` and `dblink` (those refusals), `recycling` (503 HTML), `server_page` (500
HTML).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .actions import Actions
from .build import stock
from .company import Site
from .demo import EXAMPLE, PASSWORD, USERNAME, load_demo
from .server import MODULES, Front, User

__all__ = ["EXAMPLE", "Sage300Sandbox", "User", "default_users", "load_demo"]


def default_users() -> list[User]:
    """MLCONN (mixed-case password, every right), LEGACY (upper-case password), APONLY (A/P alone), ADMIN (none)."""
    return [
        User(USERNAME, PASSWORD),
        User("LEGACY", "LEGACY-PASSWORD"),
        User("APONLY", PASSWORD, frozenset({"AP"})),
        User("ADMIN", "ADMIN", frozenset()),
    ]


class Sage300Sandbox(Actions):
    """The server of companies SAMLTD and SAMINC, stocked with reference data; `load_demo` adds records to SAMLTD.

    Options are described at `company.Site` and `server.Front`; `set_option` changes them later. Times are seconds.
    companies: code -> activated modules.
    """

    def __init__(
        self,
        *,
        users: Iterable[User] | None = None,
        companies: Mapping[str, Iterable[str]] | None = None,
        patch: bool = True,
        truncate: bool = False,
        refuse_unbalanced: bool = False,
        force_listing: bool = False,
        language: str = "en-US",
        posting_seconds: float = 0.0,
        page_size: int = 100,
        internal_host_links: bool = False,
        iis_html_401: bool = False,
        empty_401: bool = False,
        padded: bool = False,
        lean: bool = False,
        parallel_limit: int = 0,
        idle_seconds: float = 0.0,
        cold_start_seconds: float = 0.0,
        zone: str = "UTC",
    ) -> None:
        site = Site(patch, truncate, refuse_unbalanced, force_listing, language, posting_seconds)
        front = Front(
            page_size, internal_host_links, iis_html_401, empty_401, padded, lean, parallel_limit, idle_seconds,
            cold_start_seconds, zone,
        )  # fmt: skip
        activated = companies or {"SAMLTD": MODULES, "SAMINC": ("AP", "CS", "TX", "BK")}
        super().__init__(
            site=site,
            front=front,
            users=default_users() if users is None else users,
            companies={code: frozenset(modules) for code, modules in activated.items()},
        )
        for code, company in self.companies.items():
            stock(company, f"Sample Company {code}")

    def state(self) -> dict[str, Any]:
        """vendors, batches with their entries, posted documents, posting errors, accounts; see `Actions.snapshot`."""
        return self.snapshot()

    def stats(self) -> dict[str, Any]:
        """Attempts to post all, batches of others posted, wrong logins, cold starts, lists of whole batches, and
        refusals by code."""
        counts = ("post_all", "posted", "posted_foreign", "wrong_logins", "cold_starts", "unselected_batch_lists")
        refused = {k.removeprefix("refused "): n for k, n in self.tally.items() if k.startswith("refused ")}
        return {**{name: self.tally[name] for name in counts}, "refused": refused}
