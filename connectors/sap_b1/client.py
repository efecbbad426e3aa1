"""The Service Layer's calls: entities, lists in pages, functions and actions (docs: sap_b1 4.2, 4.3, 5)."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from typing import Any

from ..errors import BadAnswer
from ..ports import ConnectionSpec, Host
from ..transport import Reply
from . import metadata, odata
from .config import Config
from .service import Service

PAGE = 100  # rows asked for at once; a server may give fewer
SCHEMA_LIFE = timedelta(days=1)

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Created:
    """`row` is the entity as answered ({} for 204), `location` the Location header ("" when there was none)."""

    row: Row
    location: str


class Client:
    """For any number of threads. `jitter` returns numbers in [0, 1).

    Every call raises the errors of `Service.request`.
    """

    def __init__(self, spec: ConnectionSpec, host: Host, *, jitter: Callable[[], float] = random.random) -> None:
        self.config = Config.from_spec(spec)
        self._host = host
        self._service = Service(spec, self.config, host, jitter)
        self._schema: metadata.Schema | None = None

    def close(self) -> None:
        """Close the sockets. The session stays: other processes use it."""
        self._service.close()

    def sign_in(self) -> str:
        """One login, whatever session there is; returns the server's version, e.g. "1000190"."""
        return self._service.sessions.sign_in().version

    def logout(self) -> None:
        """End the shared session: for credentials that nobody else uses yet."""
        self._service.logout()

    # --- reading ---------------------------------------------------------------------------------

    def get(self, path: str, *, select: Sequence[str] = ()) -> Row:
        """One entity. Raises NotFound."""
        return self._read(self._url(path, [("$select", ",".join(select))]), addressed=True)

    def rows(
        self, entity: str, *, key: str, select: Sequence[str] = (), filter: str = "", after: Any = None
    ) -> Iterator[list[Row]]:
        """All rows with `key` beyond `after`, in the order of `key`: one list, never an empty one, a request.

        Every page begins after the last key of the one before, so that what is added or removed meanwhile
        moves no row past the reader. Ends with a page that is short and has no link to more.
        """
        if select and key not in select:
            select = [*select, key]
        while True:
            clauses = [f"({filter})" if filter else "", "" if after is None else f"{key} gt {odata.literal(after)}"]
            clause = " and ".join(each for each in clauses if each)
            found, link = self._page(self._list_url(entity, select, clause, f"{key} asc"))
            if not found:
                return
            _require_order(entity, [after, *(row.get(key) for row in found)])
            after = found[-1][key]
            yield found
            if len(found) < PAGE and not link:
                return

    def find(
        self, entity: str, *, filter: str, select: Sequence[str] = (), top: int = 20, orderby: str = ""
    ) -> list[Row]:
        """The first `top` rows that match."""
        found: list[Row] = []
        for page in self._chain(entity, self._list_url(entity, select, filter, orderby, top)):
            found += page
            if len(found) >= top:
                break
        return found[:top]

    def linked(
        self, entity: str, *, select: Sequence[str] = (), filter: str = "", orderby: str = ""
    ) -> Iterator[list[Row]]:
        """All rows by the server's own links: for sets without an ordered key. One list, never an empty one, a request.

        Raises BadAnswer for a link to another host or scheme, and for one that leads back.
        """
        return self._chain(entity, self._list_url(entity, select, filter, orderby))

    def _chain(self, entity: str, url: str) -> Iterator[list[Row]]:
        seen: set[str] = set()
        while url not in seen:
            seen.add(url)
            found, link = self._page(url)
            if found:
                yield found
            if not found or not link:
                return
            url = odata.resolve(self.config.base, link)
        raise BadAnswer(f"SAP Business One's list {entity} leads back to a page that was read already.")

    def _page(self, url: str) -> tuple[list[Row], str]:
        """The rows of a page, and the link to the next one as the server spelt it."""
        answer = self._read(url, headers={"Prefer": f"odata.maxpagesize={PAGE}"})
        found = answer.get("value")
        if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
            raise BadAnswer("SAP Business One answered a list without its rows.")
        return found, odata.next_link(answer)

    def _read(self, url: str, *, headers: Mapping[str, str] | None = None, addressed: bool = False) -> Row:
        def an_object(reply: Reply) -> Row:
            answer = reply.json()
            if not isinstance(answer, dict):
                raise BadAnswer("SAP Business One answered with another shape than documented.")
            return answer

        return self._service.request("GET", url, an_object, headers=headers, addressed=addressed)

    # --- writing and calling ---------------------------------------------------------------------

    def create(self, entity: str, body: Row) -> Created:
        """POST. Raises OutcomeUnknown where the answer does not say what was created."""

        def created(reply: Reply) -> Created:
            location = reply.headers.get("Location", "")
            if reply.status == 204:
                return Created({}, location)
            row = reply.json()
            if not isinstance(row, dict) or not row:
                raise BadAnswer("SAP Business One accepted the record but did not say what it wrote.")
            return Created(row, location)

        return self._service.request("POST", self._url(entity), created, body=body, writes=True)

    def call(self, path: str, body: Row | None = None, *, writes: bool) -> Any:
        """POST of a function (repeated like a read) or of an action (`writes`): its JSON, None when it has none."""

        def answered(reply: Reply) -> Any:
            return None if reply.status == 204 or (writes and not reply.body.strip()) else reply.json()

        return self._service.request("POST", self._url(path), answered, body=body, writes=writes, addressed="(" in path)

    def delete(self, path: str) -> None:
        """Raises NotFound."""
        self._service.request("DELETE", self._url(path), lambda reply: None, writes=True, addressed=True)

    # --- what this company's release has ---------------------------------------------------------

    def has_property(self, type_name: str, name: str) -> bool:
        """Whether a type, one of `metadata.TYPES`, has the property here. Raises ValueError for other types."""
        return self._metadata().has_property(type_name, name)

    def has_entity_set(self, name: str) -> bool:
        return name in self._metadata().sets

    def _metadata(self) -> metadata.Schema:
        """Read once a day for all processes, and once for this client."""
        if self._schema is None:
            stored = self._host.store.get(self.config.schema_key)
            if stored and self._host.clock.now() - stored[1] < SCHEMA_LIFE:
                self._schema = metadata.Schema.from_text(stored[0])
        if self._schema is None:
            accept = {"Accept": "application/xml"}
            self._schema = self._service.request(
                "GET", self._url("$metadata"), lambda reply: metadata.parse(reply.body), headers=accept
            )
            self._host.store.put(self.config.schema_key, self._schema.to_text())
        return self._schema

    # --- addresses -------------------------------------------------------------------------------

    def _url(self, path: str, options: Sequence[tuple[str, str]] = ()) -> str:
        query = odata.query(options)
        return f"{self.config.base}/{path}" + (f"?{query}" if query else "")

    def _list_url(self, entity: str, select: Sequence[str], filter: str, orderby: str, top: int | None = None) -> str:
        options = [("$select", ",".join(select)), ("$filter", filter), ("$orderby", orderby)]
        return self._url(entity, [*options, ("$top", "" if top is None else str(top))])


def _require_order(entity: str, keys: Sequence[Any]) -> None:
    """Raises BadAnswer when rows came in another order than asked for: the next page would skip some.

    Texts are ordered by the database's own rules; of them only standing still is told.
    """
    for before, now in pairwise(keys):
        if now is None or now == before or (isinstance(now, int) and isinstance(before, int) and now < before):
            raise BadAnswer(f"SAP Business One answered the list {entity} out of order.")
