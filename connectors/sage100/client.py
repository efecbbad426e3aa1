"""The agent's HTTP contract: one method an endpoint, errors as recovery strategies.

A request is repeated where it certainly had no effect, as the contract's table tells (docs: sage100 8.9, 8.10).
A write without a clear answer never is.
"""

from __future__ import annotations

import random
import threading
import uuid
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import quote

from ..errors import BadAnswer, ConnectorError, OutcomeUnknown, RecordLocked, Transient
from ..ports import ConnectionSpec, Download, Host
from ..transport import Reply, Transport
from . import config
from .refusals import refusal

Params = Sequence[tuple[str, str]]

T = TypeVar("T")

TRIES = 8  # in all, and of each status but these: no answer, one that was cut off perhaps, and agent_error
TRIES_OF: dict[int | None, int] = {None: 3, 200: 2, 500: 4}
PATIENCE = 120.0  # seconds after which a request is not repeated; for longer the caller's schedule is better
FIRST_WAIT = 2.0  # seconds, doubled every time, where the agent names none
FIRST_KNOCK = 1.0  # the same, where nobody answers: a wrong address must be told within seconds
SLOW = 10.0  # seconds of silence after which to ask again would only double them
SECOND = 1.05  # with what the network may take off it


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of a list. `next` is the agent's cursor, None on the last page."""

    data: list[Any]
    next: str | None
    watermark: str


class Client:
    """Speaks to one company through one agent. Thread-safe. `jitter` returns numbers in [0, 1)."""

    def __init__(self, spec: ConnectionSpec, host: Host, *, jitter: Callable[[], float] = random.random) -> None:
        self.config = config.parse(spec)
        self.patience = PATIENCE
        self._host = host
        self._jitter = jitter
        self.transport = Transport(spec, host, timeout=(10, config.LIST_TIMEOUT))
        self._sent: deque[float] = deque(maxlen=config.REQUESTS_PER_SECOND)
        self._pacing = threading.Lock()

    def close(self) -> None:
        self.transport.close()

    # --- health and company (8.4) ------------------------------------------------------------------

    def health(self) -> dict[str, Any]:
        """Needs no key, so none is shown to whoever answers."""
        return _an_object(*self._read("/v1/health", key=False, company=False))

    def ready(self) -> dict[str, Any]:
        return _an_object(*self._read("/v1/health/ready", company=False))

    def validate(self) -> dict[str, Any]:
        return _an_object(*self._read("/v1/companies/validate"))

    # --- records (8.5 to 8.7) ------------------------------------------------------------------------

    def vendors(self, params: Params) -> Listing:
        return self._list("/v1/vendors", params)

    def create_vendor(self, body: Mapping[str, Any]) -> dict[str, Any]:
        return self._write("POST", "/v1/vendors", body)

    def ap_invoices(self, params: Params) -> Listing:
        return self._list("/v1/ap-invoices", params)

    def ap_open_invoices(self, params: Params) -> Listing:
        return self._list("/v1/ap-open-invoices", params)

    def attachment(self, invoice_id: str, attachment_id: str) -> Download:
        """The content of an invoice's attachment (8.6); the caller closes it."""

        def read() -> Download:
            path = f"/v1/ap-invoices/{quote(invoice_id, safe='')}/attachments/{quote(attachment_id, safe='')}/content"
            reply = self._send("GET", path, download=True)
            if reply.download is None:
                raise self._refusal(reply)
            return reply.download

        return self._persist(read)

    def gl_accounts(self, params: Params) -> Listing:
        return self._list("/v1/gl-accounts", params)

    def purchase_orders(self, params: Params) -> Listing:
        return self._list("/v1/purchase-orders", params)

    def gl_segments(self) -> list[Any]:
        """Not paged."""
        reply, body = self._read("/v1/gl-segments")
        if not isinstance(body, dict) or not isinstance(body.get("data"), list):
            raise _not_as_agreed(reply, "no list")
        found: list[Any] = body["data"]
        return found

    # --- payments (8.8) --------------------------------------------------------------------------------

    def payments(self, params: Params) -> Listing:
        return self._list("/v1/payments", params)

    def payment(self, payment_id: str) -> dict[str, Any]:
        return _an_object(*self._read(f"/v1/payments/{quote(payment_id, safe='')}"))

    def create_payment(self, body: Mapping[str, Any]) -> dict[str, Any]:
        return self._write("POST", "/v1/payments", body)

    def delete_payment(self, payment_id: str) -> None:
        def delete() -> None:
            reply = self._send("DELETE", f"/v1/payments/{quote(payment_id, safe='')}", writes=True)
            if not 200 <= reply.status < 300:
                raise self._refusal(reply, writes=True)

        self._persist(delete, writes=True)

    # --- sending -----------------------------------------------------------------------------------------

    def _list(self, path: str, params: Params) -> Listing:
        reply, body = self._read(path, params)
        page = body.get("page") if isinstance(body, dict) else None
        if not isinstance(page, dict) or not isinstance(body.get("data"), list):
            raise _not_as_agreed(reply, "no list")
        following = page.get("nextCursor") if page.get("hasMore") else None
        if page.get("hasMore") and (not isinstance(following, str) or not following):
            raise _not_as_agreed(reply, "more pages, but no cursor")
        if following is not None and ("cursor", following) in params:
            raise _not_as_agreed(reply, "the same page again and again")
        watermark = body.get("watermark")
        if not isinstance(watermark, str) or not watermark:
            raise _not_as_agreed(reply, "no watermark")
        return Listing(body["data"], following, watermark)

    def _read(self, path: str, params: Params = (), *, key: bool = True, company: bool = True) -> tuple[Reply, Any]:
        """The answer and its JSON."""

        def read() -> tuple[Reply, Any]:
            reply = self._send("GET", path, params=params, key=key, company=company)
            if reply.status != 200:
                raise self._refusal(reply)
            return reply, reply.json()

        return self._persist(read)

    def _write(self, method: str, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Raises OutcomeUnknown when the answer cannot be understood."""

        def write() -> Reply:
            reply = self._send(method, path, body=body, writes=True)
            if reply.status not in (200, 201):
                raise self._refusal(reply, writes=True)
            return reply

        reply = self._persist(write, writes=True)
        try:
            record = _an_object(reply, reply.json())
            if isinstance(record.get("id"), str) and record["id"]:
                return record
        except BadAnswer:
            pass
        raise OutcomeUnknown(
            f"The agent accepted the record (HTTP {reply.status}) but its answer cannot be understood.",
            status=reply.status,
            raw=reply.excerpt(),
        )

    def _persist(self, attempt: Callable[[], T], *, writes: bool = False) -> T:
        """Repeat what had no effect and may go well later. A write that is locked out is the caller's to repeat:
        other records need not wait for it."""
        clock = self._host.clock
        first = clock.monotonic()
        failures: Counter[int | None] = Counter()
        while True:
            started = clock.monotonic()
            try:
                return attempt()
            except (BadAnswer, Transient) as error:
                status, now = error.status, clock.monotonic()
                failures[status] += 1
                wait = getattr(error, "retry_after", None)
                if wait is None:
                    wait = (FIRST_KNOCK if status is None else FIRST_WAIT) * 2 ** (failures[status] - 1)
                    wait *= 1 + self._jitter() / 4
                if (
                    failures[status] >= TRIES_OF.get(status, TRIES)
                    or failures.total() >= TRIES
                    or now - first + wait > self.patience
                    or (status is None and now - started > SLOW)
                    or (writes and isinstance(error, RecordLocked))
                ):
                    raise
            clock.sleep(wait)

    def _refusal(self, reply: Reply, *, writes: bool = False) -> ConnectorError:
        return refusal(reply, writes=writes, clean=self.transport.redactor.literals)

    def _send(
        self,
        method: str,
        path: str,
        *,
        params: Params = (),
        body: Mapping[str, Any] | None = None,
        writes: bool = False,
        key: bool = True,
        company: bool = True,
        download: bool = False,
    ) -> Reply:
        headers = {"X-Request-Id": uuid.uuid4().hex}
        if key and self.config.api_key:
            headers["X-API-Key"] = self.config.api_key
        if company:
            headers["X-Company-Code"] = self.config.company_code
        if download:
            headers["Accept"] = "*/*"
        self._pace()
        return self.transport.send(
            method,
            self.config.root + path,
            headers=headers,
            params=params or None,
            json=body,
            timeout=config.WRITE_TIMEOUT if writes else config.LIST_TIMEOUT,
            writes=writes,
            limits=self.config.limits,
            download=download,
        )

    def _pace(self) -> None:
        """The shared budget counts calendar seconds; the agent may count any second, so bursts are spread here."""
        clock = self._host.clock
        with self._pacing:
            if len(self._sent) == self._sent.maxlen:
                clock.sleep(max(0.0, self._sent[0] + SECOND - clock.monotonic()))
            self._sent.append(clock.monotonic())


def _an_object(reply: Reply, body: Any) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise _not_as_agreed(reply, "no object")
    return body


def _not_as_agreed(reply: Reply, what: str) -> BadAnswer:
    message = f"The agent's answer is not what the contract says ({what})."
    return BadAnswer(message, status=reply.status, raw=reply.excerpt())
