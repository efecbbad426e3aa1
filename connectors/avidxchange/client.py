"""AvidXchange's conventions: signed requests, pages, results of writes, and what may be repeated. docs: avidxchange 5

A read is repeated; a write only where it certainly had no effect. Everything else is for the engine to look up.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from urllib.parse import quote, urljoin, urlsplit

from ..errors import BadAnswer, ConnectorError, CredentialsRefused, OutcomeUnknown, RateLimited, Transient
from ..ports import ConnectionSpec, Host
from ..transport import Reply, Transport, Upload
from . import config, paths
from .auth import Access
from .profile import Resource
from .refusals import Outcome, business, faults, outcomes, refusal, retry_after

Params = Sequence[tuple[str, str]]
Row = dict[str, Any]
T = TypeVar("T")

# Assumed (docs: avidxchange 5.5).
TRIES = 6
FIRST_WAIT, LONGEST_WAIT = 2.0, 120.0  # seconds, doubled every time
PATIENCE = 120.0  # seconds after which a request is not repeated; for longer the caller's schedule is better
BUDGET_WAITS = 10  # times that a request waits for a budget of ours

PASSES = 5  # how often a list is read whose rows moved between its pages


class Client:
    """Speaks for one connection, from any number of threads. `jitter` returns numbers in [0, 1)."""

    def __init__(self, spec: ConnectionSpec, host: Host, *, jitter: Callable[[], float] = random.random) -> None:
        self.config = config.parse(spec)
        self.profile = self.config.profile
        self.patience = PATIENCE
        self._host = host
        self._jitter = jitter
        timeout = (config.CONNECT_TIMEOUT, self.config.read_timeout)
        self.transport = Transport(spec, host, timeout=timeout)
        self.access = Access(self.config, host, self.transport)

    def close(self) -> None:
        self.transport.close()

    # --- reading ---------------------------------------------------------------------------------

    def rows(
        self, resource: Resource, params: Params = (), *, key: Sequence[str] = ("id",), paged: bool = True
    ) -> list[Any]:
        """Every row of a list, once, in no order. `key`: the fields that tell rows apart. `paged`: whether to ask for
        pages. Raises what `request` raises.

        No order is promised, so that rows may move between pages while they are read: what the list says it holds
        is counted, and a list that came short is read again.
        """
        found: dict[str, Any] = {}
        for _ in range(PASSES):
            before = len(found)
            total = self._pass(resource, params, key, paged, found)
            if total is None or len(found) >= total or len(found) == before:
                return list(found.values())
        raise BadAnswer(f"AvidXchange's list of {resource.name} does not come to rest: read {PASSES} times.")

    def peek(self, resource: Resource, params: Params = ()) -> int:
        """How many rows the first page has; a small one is asked for."""
        method, path = resource.endpoint("list")
        return len(self._items(self.request(method, self.config.base + path, [*params, self._sized(1)])))

    def _pass(
        self, resource: Resource, params: Params, key: Sequence[str], paged: bool, found: dict[str, Any]
    ) -> int | None:
        """One chain of pages; what the last of them says how many rows there are."""
        shape, query = self.profile.paging, self.profile.query
        method, path = resource.endpoint("list")
        number = first = shape["first_page"]
        size = self._sized(shape["page_size"])
        url, asked = self.config.base + path, [*params, (query["page_number"], str(number)), size]
        if not paged:
            asked = list(params)
        seen: set[str] = set()
        while True:
            body = self.request(method, url, asked)
            rows = self._items(body)
            names = {_identity(resource, row, key): row for row in rows}
            fresh = names.keys() - seen
            seen |= names.keys()
            found |= names
            total = _count(paths.first(body, shape.get("total_items", [])))
            pages = _count(paths.first(body, shape.get("page_count", [])))
            following = self._next_link(body)
            number += 1
            if pages is not None:
                if number - first >= pages:
                    return total
            elif following:
                if not fresh:
                    raise BadAnswer("AvidXchange's list leads back to a page that was read already.")
                url, asked = following, []
                continue
            elif self._single(body) or not fresh or (total is not None and len(seen) >= total):
                return total
            url, asked = self.config.base + path, [*params, (query["page_number"], str(number)), size]

    def _sized(self, rows: int) -> tuple[str, str]:
        return self.profile.query["page_size"], str(rows)

    def _items(self, body: Any) -> list[Any]:
        """The rows of a page. One row may come without its list; a bare list is a list too (5.2)."""
        if isinstance(body, list):
            return body
        for path in self.profile.paging["items"]:
            found = paths.get(body, path)
            if found is not None:
                return paths.listed(found)
            if isinstance(body, dict) and path in body:
                return []
        raise BadAnswer("AvidXchange's answer is not what the profile says (no list).")

    def _single(self, body: Any) -> bool:
        """No paging at all: this is everything."""
        shape = self.profile.paging
        told = [*shape.get("page_number", []), *shape.get("links", []), *shape.get("total_items", [])]
        missing = paths.first(body, told) is None
        return missing and shape.get("missing_paging_means_single_page", True)

    def _next_link(self, body: Any) -> str:
        """Where the next page is, "" where no link says so. Another host never sees our tokens."""
        shape = self.profile.paging
        for link in paths.listed(paths.first(body, shape.get("links", []))):
            if paths.get(link, shape.get("link_rel", "")) == shape.get("next_rel", "next"):
                url = urljoin(self.config.origin + "/", str(paths.get(link, shape.get("link_href", "")) or ""))
                ours, theirs = urlsplit(self.config.origin), urlsplit(url)
                if (theirs.scheme, theirs.netloc) == (ours.scheme, ours.netloc):
                    return url
        return ""

    def one(self, resource: Resource, operation: str, record_id: str) -> Row:
        """A record by its id. Raises NotFound."""
        method, path = resource.endpoint(operation, id=quote(record_id, safe=""))
        body = self.request(method, self.config.base + path, addressed=True)
        if isinstance(body, dict) and paths.get(body, resource.fields["id"]) is None:  # in a list's envelope
            found = paths.listed(paths.first(body, self.profile.paging["items"]))
            body = found[0] if len(found) == 1 else None
        if not isinstance(body, dict):
            raise BadAnswer("AvidXchange's answer is not what the profile says (no record).")
        return body

    # --- writing ---------------------------------------------------------------------------------

    def write(
        self, resource: Resource, endpoint: tuple[str, str], body: Row | Upload, content_type: str = ""
    ) -> list[Outcome]:
        """The rows of a write's answer, refused ones too (5.3). Raises OutcomeUnknown where it has none."""
        method, path = endpoint
        url = self.config.base + path
        answer = self.request(method, url, body=body, content_type=content_type, resource=resource)
        found = outcomes(self.profile, answer)
        if not found:
            raise OutcomeUnknown("AvidXchange accepted the request but did not say what became of it.")
        return found

    def write_one(
        self, resource: Resource, endpoint: tuple[str, str], body: Row | Upload, content_type: str = ""
    ) -> Any:
        """The item of the one row; raises the error of a refused one, and OutcomeUnknown of an unclear one."""
        rows = self.write(resource, endpoint, body, content_type)
        if len(rows) == 1 and rows[0].refused:
            raise self._clean(business(rows[0].faults, ref=_id(resource, rows[0].item)))
        if len(rows) > 1 or (rows[0].ok is None and "successful" in self.profile.result):
            raise OutcomeUnknown("AvidXchange accepted the request but did not say what became of it.")
        return rows[0].item

    # --- one request -----------------------------------------------------------------------------

    def request(
        self,
        method: str,
        url: str,
        params: Params = (),
        *,
        body: Row | Upload | None = None,
        content_type: str = "",
        addressed: bool = False,
        resource: Resource | None = None,
    ) -> Any:
        """The JSON of a 2xx answer, None where a write's is empty. `addressed`: the path names one record; `resource`:
        whose record a refusal may name.

        Raises the errors of `refusals`; OutcomeUnknown (writes), Unreachable or BadAnswer (reads) for no usable answer.
        """
        writes = method != "GET"

        def attempt() -> Any:
            reply = self._signed(method, url, params, body, content_type)
            if not 200 <= reply.status < 300:
                raise self._refusal(reply, writes, addressed or resource is not None, resource)
            if writes and not reply.body.strip():
                return None
            try:
                return reply.json()
            except BadAnswer as error:
                if not writes:
                    raise
                message, raw = "AvidXchange's answer to a write could not be read.", error.raw
            raise OutcomeUnknown(message, status=reply.status, raw=raw)

        return self._persist(attempt)

    def _signed(self, method: str, url: str, params: Params, body: Row | Upload | None, content_type: str) -> Reply:
        """A token that was got is renewed once; one that was given is refused for good (4.1, 4.2)."""
        token = self.access.token()
        reply = self._send(method, url, params, body, content_type, self.access.headers(token))
        if reply.status == 401 and self.access.renewable:
            token = self.access.token(failed=token)
            reply = self._send(method, url, params, body, content_type, self.access.headers(token))
        return reply

    def _send(
        self,
        method: str,
        url: str,
        params: Params,
        body: Row | Upload | None,
        content_type: str,
        headers: dict[str, str],
    ) -> Reply:
        streamed = isinstance(body, Upload)
        return self.transport.send(
            method,
            url,
            headers={**headers, **({"Content-Type": content_type} if content_type else {})},
            params=params or None,
            json=None if streamed else body,
            data=body if isinstance(body, Upload) else None,
            writes=method != "GET",
            limits=self.config.limits,
        )

    def _refusal(self, reply: Reply, writes: bool, addressed: bool, resource: Resource | None) -> ConnectorError:
        try:
            body = reply.json()
        except BadAnswer:
            body = None
        error = refusal(
            reply.status,
            faults(self.profile, body),
            writes=writes,
            addressed=addressed,
            wait=retry_after(reply.headers.get("Retry-After", ""), self._host.clock.now()),
            ref=next((_id(resource, each.item) for each in outcomes(self.profile, body)), "") if resource else "",
            raw=reply.excerpt(),
        )
        if isinstance(error, CredentialsRefused):
            self.access.refuse(error)
        return self._clean(error)

    def _clean(self, error: ConnectorError) -> ConnectorError:
        """Without secrets that the message quotes."""
        error.message = self.transport.redactor.literals(error.message)
        error.args = (error.message,)
        return error

    def _persist(self, attempt: Callable[[], T]) -> T:
        """Repeat what had no effect and may go well later. Waiting for a budget of ours is no failure."""
        clock = self._host.clock
        first = clock.monotonic()
        failures = waits = 0
        while True:
            try:
                return attempt()
            except (BadAnswer, Transient) as error:
                wait = getattr(error, "retry_after", None)
                if isinstance(error, RateLimited) and error.status is None and waits < BUDGET_WAITS:
                    waits += 1
                    first += wait or 0.0
                else:
                    failures += 1
                    if wait is None:
                        wait = min(FIRST_WAIT * 2 ** (failures - 1), LONGEST_WAIT) * (1 + self._jitter() / 4)
                    if failures >= TRIES or clock.monotonic() - first + wait > self.patience:
                        raise
                pause = wait or 0.1
            clock.sleep(pause)


def _identity(resource: Resource, row: Any, key: Sequence[str]) -> str:
    """What tells the row apart: its key, or all of it where it has none."""
    values = [paths.get(row, resource.fields[name]) for name in key]
    return json.dumps(row if None in values else values, default=str, sort_keys=True)


def _id(resource: Resource, item: Any) -> str:
    found = paths.get(item, resource.fields["id"]) if "id" in resource.fields else None
    return "" if found is None else str(found)


def _count(value: Any) -> int | None:
    try:
        return int(value)
    except (TypeError, ValueError):
        return None
