"""Sage 300's Web API: one method a verb, and the rules of repeating a request (docs: sage300 3, 4, 5, 9, 10).

A request is repeated where it certainly had no effect: nothing sent, too many at once, IIS not ready, somebody
has the record locked, or a read. A write without a clear answer never is.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, TypeVar

from ..errors import (
    BadAnswer,
    ConfigurationError,
    CredentialsRefused,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    RecordLocked,
    Rejected,
    Transient,
    Unreachable,
)
from ..ports import ConnectionSpec, Host
from ..transport import Reply, Transport
from .config import CONNECT_TIMEOUT, Config
from .feed import Listing, Row, listing, walk
from .odata import Key, address, addressable, key_filter, query
from .refusals import BAD_OPTIONS, refusal

PAGE = 100  # rows a page; more is never answered, unless the site raised its own limit

VENDORS = "AP/APVendors"
VENDOR_GROUPS = "AP/APVendorGroups"
ACCOUNT_SETS = "AP/APAccountSets"
TERMS = "AP/APTerms"
DISTRIBUTION_CODES = "AP/APDistributionCodes"
INVOICE_BATCHES = "AP/APInvoiceBatches"
POST_INVOICES = "AP/APPostInvoices"
CREATE_GL_BATCH = "AP/APCreateGLBatch"
POSTED_DOCUMENTS = "AP/APPostedDocuments"
POSTING_ERRORS = "AP/APPostingErrorMessages"
ACCOUNTS = "GL/GLAccounts"
POST_JOURNAL = "GL/GLPostJournal"
COMPANY_PROFILE = "CS/CSCompanyProfile"
CURRENCIES = "CS/CSCurrencyCodes"
FISCAL_CALENDARS = "CS/CSFiscalCalendars"
TAX_GROUPS = "TX/TXTaxGroups"

DELETABLE = frozenset({VENDORS, VENDOR_GROUPS, ACCOUNT_SETS, TERMS, DISTRIBUTION_CODES, ACCOUNTS, CURRENCIES})

TRIES = 5
FIRST_PAUSE, LONGEST_PAUSE = 2.0, 60.0  # seconds, doubled each time
PATIENCE = 180.0  # seconds after which a request is not repeated: a silent server is asked twice, not five times
IDLE = 600.0  # seconds after which a write warms the server up; IIS stops an idle pool after 20 minutes
ONE_TRIAL = timedelta(days=1)  # how long the answer to a password in capitals is remembered

_HEADERS = {"Accept": "application/json", "Content-Type": "application/json"}  # wanted on every request, GET too

T = TypeVar("T")


class Client:
    """Speaks to one company, from any number of threads. `jitter` returns numbers in [0, 1).

    A resource is `<module>/<name>`, `AP/APVendors`. Every method raises the errors of `refusals`, and Unreachable
    or BadAnswer (reads) or OutcomeUnknown (writes) where the answer is lost or cannot be understood.
    """

    def __init__(self, spec: ConnectionSpec, host: Host, *, jitter: Callable[[], float] = random.random) -> None:
        self.config = Config.from_spec(spec)
        self._host = host
        self._jitter = jitter
        shown = (self.config.authorization, self.config.authorization_in_capitals)
        secrets = [self.config.password, self.config.password.upper(), *(each.partition(" ")[2] for each in shown)]
        self._transport = Transport(spec, host, timeout=(CONNECT_TIMEOUT, self.config.read_timeout), secrets=secrets)
        self._answered: float | None = None  # when the server was last known to be awake
        self._sorts = True
        self._refused: CredentialsRefused | None = None

    def close(self) -> None:
        self._transport.close()

    # --- starting ----------------------------------------------------------------------------------

    def warm_up(self) -> None:
        """A harmless read that waits until an idle application pool has started: for the beginning of a run."""
        self.page(VENDORS, select=("VendorNumber",), top=1)

    def sign_in(self) -> None:
        """The same whatever is known of the credentials, for testing them.

        A refused password is tried once in capitals, so that CredentialsRefused can say what to set. The answer is
        remembered for a day: refusals may lock the user.
        """
        self._refused = None
        try:
            self.warm_up()
        except CredentialsRefused as error:
            if not self._right_in_capitals():
                raise
            raise CredentialsRefused(
                "Sage 300 takes this password only in capital letters.",
                step="login",
                fix="Switch on uppercase_password in the connection's settings.",
                status=error.status,
                code=error.code,
                raw=error.raw,
            ) from None

    def _right_in_capitals(self) -> bool:
        capitals = self.config.authorization_in_capitals
        if capitals == self.config.authorization:
            return False
        store, key = self._host.store, self.config.credentials_key
        known = store.get(key)
        if known and self._host.clock.now() - known[1] < ONE_TRIAL:
            return known[0] == "right"
        store.put(key, "tried")
        path = f"{VENDORS}{query((('$select', 'VendorNumber'), ('$top', '1')))}"
        try:
            self._send("GET", path, authorization=capitals)
        except ConfigurationError as error:
            if error.step != "permission":  # which only a user who was recognised can lack
                return False
        except (Transient, Rejected):
            return False
        store.put(key, "right")
        return True

    # --- reading -----------------------------------------------------------------------------------

    def page(
        self,
        resource: str,
        *,
        filter: str = "",
        select: Sequence[str] = (),
        orderby: str = "",
        top: int | None = None,
        skip: int = 0,
        count: bool = False,
    ) -> Listing:
        """One request, one page, of at most 100 rows whatever `top` says."""
        options = [("$filter", filter), ("$select", ",".join(select)), ("$orderby", orderby)]
        options += [("$top", str(min(top, PAGE)) if top else ""), ("$skip", str(skip) if skip else "")]
        options += [("$count", "true" if count else "")]
        data = self._object(self._request("GET", resource + query([each for each in options if each[1]])))
        return listing(data, resource, skip)

    def rows(
        self,
        resource: str,
        *,
        key: str | Sequence[str],
        filter: str = "",
        select: Sequence[str] = (),
        orderby: str = "",
    ) -> Iterator[Row]:
        """All rows, each once. `key` names the property or properties that tell them apart, in `select` or not.

        Sorted by the first of them, unless `orderby` says otherwise; one property, `desc` may follow.
        """
        names = (key,) if isinstance(key, str) else tuple(key)
        columns = tuple(dict.fromkeys((*select, *names))) if select else ()

        def page(skip: int) -> Listing:
            if skip == 0:
                return self._first_page(resource, filter, columns, orderby, names[0])
            sort = orderby or (names[0] if self._sorts else "")
            return self.page(resource, filter=filter, select=columns, orderby=sort, skip=skip)

        return walk(page, names, resource)

    def _first_page(self, resource: str, filter: str, select: Sequence[str], orderby: str, usual: str) -> Listing:
        """Sorting works in the field but is in no document of Sage's: a site that refuses it is read without."""
        if orderby or not self._sorts:
            return self.page(resource, filter=filter, select=select, orderby=orderby, count=True)
        try:
            return self.page(resource, filter=filter, select=select, orderby=usual, count=True)
        except Rejected as error:
            if error.code != BAD_OPTIONS:
                raise
        unsorted = self.page(resource, filter=filter, select=select, count=True)
        self._sorts = False
        return unsorted

    def get(self, resource: str, key: Key, select: Sequence[str] = ()) -> Row:
        """One record, by its URL or, where its key cannot stand in one, by a filter. Raises NotFound."""
        if addressable(key):
            options = [("$select", ",".join(select))] if select else []
            return self._object(self._request("GET", address(resource, key) + query(options), addressed=True))
        found = self.page(resource, filter=key_filter(key), select=select, top=1).rows
        if not found:
            raise NotFound(f"Sage 300 has no {_label(resource, key)}.")
        return found[0]

    def template(self, resource: str) -> Row:
        """A record's default values. A POST that changes nothing."""
        return self._object(self._request("POST", f"{resource}('$template')", body={}))

    def metadata(self, module: str) -> bytes:
        """The module's description in this company (EDMX), as XML."""
        headers = {"Accept": "application/xml, application/json;q=0.5"}
        return self._request("GET", f"{module}/$metadata", headers=headers).body

    # --- writing -----------------------------------------------------------------------------------

    def create(self, resource: str, body: Row) -> Row:
        """The record as stored, with the numbers Sage gave it. Properties take effect in the order of `body`.

        A lock's refusal is the caller's to repeat: a refused batch may leave an empty one behind (docs: sage300 7.2).
        """
        reply = self._write("POST", resource, body, repeat_locked=False)
        record = self._parsed(reply)
        if not isinstance(record, dict):
            raise OutcomeUnknown(
                "Sage 300 accepted the record but did not say what it stored.", status=reply.status, raw=reply.excerpt()
            )
        return record

    def patch(self, resource: str, key: Key, body: Row) -> None:
        """Change what `body` holds and nothing else. A site before 2021 refuses batches: Rejected, status 405."""
        self._parsed(self._write("PATCH", _changeable(resource, key), body, addressed=True))

    def delete(self, resource: str, key: Key) -> None:
        """Raises ValueError for a resource that has no such verb."""
        if resource not in DELETABLE:
            raise ValueError(f"{resource} cannot be deleted from")
        self._parsed(self._write("DELETE", _changeable(resource, key), None, addressed=True))

    def process(self, resource: str, body: Row) -> Row | None:
        """Run what the resource does. The answer, if there is one, proves nothing: read what should have changed."""
        answer = self._parsed(self._write("POST", f"{resource}('$process')", body))
        return answer if isinstance(answer, dict) else None

    def _write(
        self, method: str, path: str, body: Row | None, *, addressed: bool = False, repeat_locked: bool = True
    ) -> Reply:
        if self._answered is None or self._host.clock.monotonic() - self._answered > IDLE:
            self._wake()
        return self._request(method, path, body=body, writes=True, addressed=addressed, repeat_locked=repeat_locked)

    def _wake(self) -> None:
        """So that no write times out while the pool starts. Whatever goes wrong here, nothing was written."""
        try:
            self.warm_up()
        except BadAnswer as error:
            raise Unreachable(error.message, status=error.status, raw=error.raw) from None

    # --- one request -------------------------------------------------------------------------------

    def _request(
        self,
        method: str,
        path: str,
        *,
        body: Row | None = None,
        headers: Mapping[str, str] | None = None,
        writes: bool = False,
        addressed: bool = False,
        repeat_locked: bool = True,
    ) -> Reply:
        """The successful answer. Credentials that were refused are not shown again until `sign_in`."""
        if self._refused:
            raise self._refused
        try:
            return self._persist(
                lambda: self._send(method, path, body=body, headers=headers, writes=writes, addressed=addressed),
                repeat_locked,
            )
        except CredentialsRefused as error:
            self._refused = error
            raise

    def _send(
        self,
        method: str,
        path: str,
        *,
        body: Row | None = None,
        headers: Mapping[str, str] | None = None,
        authorization: str = "",
        writes: bool = False,
        addressed: bool = False,
    ) -> Reply:
        config = self.config
        reply = self._transport.send(
            method,
            f"{config.base}/{path}",
            headers={**_HEADERS, "Authorization": authorization or config.authorization, **(headers or {})},
            json=body,
            writes=writes,
            limits=config.write_limits if writes else config.read_limits,
        )
        if not 200 <= reply.status < 300:
            module = path.partition("/")[0]
            clean = self._transport.redactor.literals
            raise refusal(reply, module=module, writes=writes, addressed=addressed, clean=clean)
        self._answered = self._host.clock.monotonic()
        return reply

    def _persist(self, send: Callable[[], T], repeat_locked: bool) -> T:
        clock = self._host.clock
        first = clock.monotonic()
        pause, tries = FIRST_PAUSE, 0
        while True:
            try:
                return send()
            except Transient as error:
                tries += 1
                wait = min(pause, LONGEST_PAUSE) * (1 + self._jitter() / 4)
                ours = isinstance(error, RateLimited) and error.status is None  # no place free, waited for already
                locked = isinstance(error, RecordLocked) and not repeat_locked
                if ours or locked or tries == TRIES or clock.monotonic() - first + wait > PATIENCE:
                    raise
            clock.sleep(wait)
            pause *= 2

    # --- shapes ------------------------------------------------------------------------------------

    @staticmethod
    def _object(reply: Reply) -> Row:
        data = reply.json()
        if not isinstance(data, dict):
            raise BadAnswer("Sage 300 answered with another shape than documented.", raw=reply.excerpt())
        return data

    @staticmethod
    def _parsed(reply: Reply) -> Any:
        """What a write was answered with, None for nothing."""
        try:
            return reply.json() if reply.body.strip() else None
        except BadAnswer:
            raise OutcomeUnknown(
                "Sage 300's answer to a write could not be read.", status=reply.status, raw=reply.excerpt()
            ) from None


def _changeable(resource: str, key: Key) -> str:
    if addressable(key):
        return address(resource, key)
    raise Rejected(
        f"Sage 300's Web API cannot change {_label(resource, key)}: the key holds a character that no URL can carry."
        " Change the record in Sage 300."
    )


def _label(resource: str, key: Key) -> str:
    return f"{resource.rpartition('/')[2]} {', '.join(map(str, key.values()))}"
